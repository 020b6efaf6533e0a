//! Small dense vector arithmetic with a fixed order of additions, so that results do not depend on the processor.

use crate::simd::widest;

/// Lanes added up separately; fixed, so that the result does not depend on the processor.
const LANES: usize = 64;

/// Sum of products in fixed lanes. Both slices have the same length.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (ca, cb) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f32 = ca.remainder().iter().zip(cb.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in ca.zip(cb) {
        for i in 0..LANES {
            lanes[i] += x[i] * y[i];
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0] + tail
}

/// Sum in fixed lanes.
#[inline(always)]
pub fn total(a: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let whole = a.chunks_exact(LANES);
    let tail: f32 = whole.remainder().iter().sum();
    for x in whole {
        for i in 0..LANES {
            lanes[i] += x[i];
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0] + tail
}

/// `a += scale · b`.
#[inline(always)]
pub fn add_scaled(a: &mut [f32], scale: f32, b: &[f32]) {
    for (x, y) in a.iter_mut().zip(b) {
        *x += scale * y;
    }
}

widest! {
    /// As [`add_scaled`], for callers that are not compiled for the widest registers themselves.
    pub fn add(a: &mut [f32], scale: f32, b: &[f32]) = add_scaled, add_scaled
}

/// Scales to length 1; a zero vector stays zero.
pub fn unit(a: &mut [f32]) {
    let norm = dot(a, a).sqrt();
    if norm > 0.0 && norm.is_finite() {
        let scale = norm.recip();
        a.iter_mut().for_each(|x| *x *= scale);
    } else {
        a.fill(0.0);
    }
}

/// A vector in whole numbers −127..=127 of one common scale; cosine needs no scale.
pub fn to_bytes(a: &[f32]) -> Vec<i8> {
    let most = a.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    if most == 0.0 {
        return vec![0; a.len()];
    }
    a.iter().map(|x| (x / most * 127.0).round() as i8).collect()
}

/// Exact sum of products of two byte vectors.
#[inline(always)]
pub fn dot_bytes(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(x, y)| i32::from(i16::from(*x) * i16::from(*y))).sum()
}

#[inline(always)]
fn cosines_inner(vectors: &[i8], norms: &[f32], query: &[i8], norm: f32, out: &mut [f32]) {
    for ((vector, n), out) in vectors.chunks_exact(query.len()).zip(norms).zip(out) {
        *out = dot_bytes(vector, query) as f32 / (n * norm);
    }
}

widest! {
    fn plain_cosines(vectors: &[i8], norms: &[f32], query: &[i8], norm: f32, out: &mut [f32]) = cosines_inner, cosines_inner
}

/// Cosine of `query` with each of `vectors` (one after the other, lengths in `norms`). Sums of whole numbers are exact: the same on every processor.
pub fn cosines(vectors: &[i8], norms: &[f32], query: &[i8], norm: f32, out: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if query.len().is_multiple_of(vnni::WIDTH)
        && std::is_x86_feature_detected!("avx512f")
        && std::is_x86_feature_detected!("avx512bw")
        && std::is_x86_feature_detected!("avx512vnni")
    {
        // SAFETY: the function asks for nothing but the processor features that were just found.
        #[allow(unsafe_code)]
        unsafe {
            vnni::cosines(vectors, norms, query, norm, out);
        }
        return;
    }
    plain_cosines(vectors, norms, query, norm, out);
}

#[cfg(target_arch = "x86_64")]
mod vnni {
    use std::arch::x86_64::{__m512i, _mm512_dpbusd_epi32, _mm512_reduce_add_epi32, _mm512_set1_epi8, _mm512_setzero_si512};

    /// Bytes of one register.
    pub const WIDTH: usize = 64;

    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub fn cosines(vectors: &[i8], norms: &[f32], query: &[i8], norm: f32, out: &mut [f32]) {
        // The instruction multiplies bytes from 0 on with signed ones: the query is shifted up, and what that adds is taken away again.
        let shifted: Vec<u8> = query.iter().map(|q| (*q as u8).wrapping_add(128)).collect();
        let (shifted, ones) = (shifted.as_chunks::<WIDTH>().0, _mm512_set1_epi8(1));
        for ((vector, n), out) in vectors.chunks_exact(query.len()).zip(norms).zip(out) {
            let (mut product, mut sum) = (_mm512_setzero_si512(), _mm512_setzero_si512());
            for (asked, bytes) in shifted.iter().zip(vector.as_chunks::<WIDTH>().0) {
                let bytes = signed(bytes);
                product = _mm512_dpbusd_epi32(product, register(asked), bytes);
                sum = _mm512_dpbusd_epi32(sum, ones, bytes);
            }
            let exact = _mm512_reduce_add_epi32(product) - 128 * _mm512_reduce_add_epi32(sum);
            *out = exact as f32 / (n * norm);
        }
    }

    #[inline(always)]
    fn register(bytes: &[u8; WIDTH]) -> __m512i {
        // SAFETY: both are 64 bytes, and every pattern of bits is a valid register.
        #[allow(unsafe_code)]
        unsafe {
            std::mem::transmute(*bytes)
        }
    }

    #[inline(always)]
    fn signed(bytes: &[i8; WIDTH]) -> __m512i {
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe {
            std::mem::transmute(*bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Sequence;

    #[test]
    fn cosines_are_the_same_with_and_without_special_instructions() {
        let mut random = Sequence::new(8);
        for dim in [16, 64, 512, 896] {
            let byte = |random: &mut Sequence| (random.below(255) as i32 - 127) as i8;
            let mut query: Vec<i8> = (0..dim).map(|_| byte(&mut random)).collect();
            let mut vectors: Vec<i8> = (0..9 * dim).map(|_| byte(&mut random)).collect();
            // The largest sums there are.
            query[0] = -127;
            vectors[..dim].fill(127);
            vectors[dim..2 * dim].fill(-127);
            let norms: Vec<f32> = (0..9).map(|i| 1.0 + i as f32).collect();
            let (mut found, mut plain) = (vec![0.0; 9], vec![0.0; 9]);
            cosines(&vectors, &norms, &query, 3.0, &mut found);
            plain_cosines(&vectors, &norms, &query, 3.0, &mut plain);
            assert!(found.iter().zip(&plain).all(|(a, b)| a.to_bits() == b.to_bits()), "{dim}: {found:?} {plain:?}");
            let by_hand: i32 = vectors[..dim].iter().zip(&query).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
            assert_eq!(found[0], by_hand as f32 / 3.0, "{dim}");
        }
    }
}
