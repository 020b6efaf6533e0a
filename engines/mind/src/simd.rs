//! The one place where a loop is compiled for several processors and the right one is chosen at run time.
//!
//! The loops themselves are ordinary safe code with a fixed order of operations; a wider register only does the same sooner.

/// Defines `$name`, which runs `$inner` (an `#[inline(always)]` function) compiled for the widest registers the processor has.
macro_rules! widest {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? = $wide:path, $narrow:path) => {
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")]
                fn avx512($($arg: $ty),*) $(-> $ret)? {
                    $wide($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $ty),*) $(-> $ret)? {
                    $narrow($($arg),*)
                }
                if std::is_x86_feature_detected!("avx512f")
                    && std::is_x86_feature_detected!("avx512bw")
                    && std::is_x86_feature_detected!("avx512vl")
                    && std::is_x86_feature_detected!("avx512dq")
                {
                    // SAFETY: the function asks for nothing but the processor features that were just found.
                    #[allow(unsafe_code)]
                    return unsafe { avx512($($arg),*) };
                }
                if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
                    // SAFETY: as above.
                    #[allow(unsafe_code)]
                    return unsafe { avx2($($arg),*) };
                }
            }
            $narrow($($arg),*)
        }
    };
}
pub(crate) use widest;

/// The whole number nearest to `x`, ties to even, for −2²² < `x` < 2²²; something else, never a panic, beyond.
///
/// Adding 1.5 × 2²³ leaves the whole number in the last bits. `as i32` would check each value for NaN and its limits, one at a time:
/// a third of the time of a sentence vector.
#[inline(always)]
pub(crate) fn nearest(x: f32) -> i32 {
    ((x + 12_582_912.0).to_bits() as i32).wrapping_sub(0x4b40_0000)
}
