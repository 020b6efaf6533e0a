//! Matrix products in whole numbers: a few rows of floats, rounded to 8 bits row by row, with a matrix of signed bytes.
//!
//! Sums of whole numbers are exact, so every processor gives the same result, with or without instructions for it.

use crate::simd::widest;

/// Columns computed together.
pub const PANEL: usize = 32;
/// Values of one column that lie side by side.
const TOGETHER: usize = 4;

/// A matrix `inner × outer` of signed bytes, value = scale of the column × byte, stored as `[outer / 32][inner / 4][32][4]`.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The panels.
    pub data: &'a [u8],
    /// Rows of the matrix, a multiple of 4.
    pub inner: usize,
    /// Columns, a multiple of [`PANEL`].
    pub outer: usize,
    /// One scale per column.
    pub scales: &'a [f32],
    /// Sum of the bytes of each column.
    pub sums: &'a [f32],
}

/// Reorders a row-major `inner × outer` matrix of signed bytes into panels; also the sum of each column.
pub fn panels(row_major: &[i8], inner: usize, outer: usize) -> (Vec<u8>, Vec<f32>) {
    let mut out = Vec::with_capacity(row_major.len());
    for panel in 0..outer / PANEL {
        for k in (0..inner).step_by(TOGETHER) {
            for column in panel * PANEL..(panel + 1) * PANEL {
                out.extend((k..k + TOGETHER).map(|k| row_major[k * outer + column] as u8));
            }
        }
    }
    // At most 2¹⁷ rows of at most 127 stay exact as floats.
    let sums = (0..outer).map(|c| (0..inner).map(|k| f32::from(row_major[k * outer + c])).sum()).collect();
    (out, sums)
}

widest! {
    /// Rounds every row of `x` (width `inner`) to −127..=127 of its largest value, plus 128; the step of each row goes to `steps`.
    pub fn quantise(x: &[f32], inner: usize, bytes: &mut [u8], steps: &mut [f32]) = quantise_inner, quantise_inner
}

#[inline(always)]
fn quantise_inner(x: &[f32], inner: usize, bytes: &mut [u8], steps: &mut [f32]) {
    for ((row, out), step) in x.chunks_exact(inner).zip(bytes.chunks_exact_mut(inner)).zip(steps) {
        let most = row.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        *step = most / 127.0;
        let factor = if most > 0.0 { 127.0 / most } else { 0.0 };
        for (byte, value) in out.iter_mut().zip(row) {
            *byte = ((value * factor).round_ties_even() as i32 + 128) as u8;
        }
    }
}

/// `out[rows × outer] = x[rows × inner] · w + bias`.
pub fn multiply(x: &[f32], w: &Signed<'_>, bias: &[f32], out: &mut [f32]) {
    let rows = x.len() / w.inner;
    let (mut bytes, mut steps) = (vec![0u8; rows * w.inner], vec![0.0f32; rows]);
    quantise(x, w.inner, &mut bytes, &mut steps);
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512bw") && std::is_x86_feature_detected!("avx512vnni") {
        // SAFETY: the function asks for nothing but the processor features that were just found.
        #[allow(unsafe_code)]
        unsafe {
            vnni::products(&bytes, &steps, w, bias, out);
        }
        return;
    }
    plain(&bytes, &steps, w, bias, out);
}

widest! {
    /// The same without special instructions; public for comparing the two in tests.
    pub fn plain(bytes: &[u8], steps: &[f32], w: &Signed<'_>, bias: &[f32], out: &mut [f32]) = plain_inner, plain_inner
}

#[inline(always)]
fn plain_inner(bytes: &[u8], steps: &[f32], w: &Signed<'_>, bias: &[f32], out: &mut [f32]) {
    for panel in 0..w.outer / PANEL {
        let weights = &w.data[panel * w.inner * PANEL..(panel + 1) * w.inner * PANEL];
        for (row, x) in bytes.chunks_exact(w.inner).enumerate() {
            let mut acc = [0i32; PANEL];
            for (line, four) in weights.chunks_exact(PANEL * TOGETHER).zip(x.chunks_exact(TOGETHER)) {
                for (sum, column) in acc.iter_mut().zip(line.chunks_exact(TOGETHER)) {
                    for i in 0..TOGETHER {
                        *sum += i32::from(four[i]) * i32::from(column[i] as i8);
                    }
                }
            }
            store(&acc, steps[row], row, panel, w, bias, out);
        }
    }
}

#[inline(always)]
fn store(acc: &[i32; PANEL], step: f32, row: usize, panel: usize, w: &Signed<'_>, bias: &[f32], out: &mut [f32]) {
    let columns = panel * PANEL..(panel + 1) * PANEL;
    let target = &mut out[row * w.outer..(row + 1) * w.outer][columns.clone()];
    let (scales, sums, bias) = (&w.scales[columns.clone()], &w.sums[columns.clone()], &bias[columns]);
    for j in 0..PANEL {
        // The bytes were shifted by 128 to be positive: take away what that added.
        target[j] = ((acc[j] - 128 * sums[j] as i32) as f32) * (step * scales[j]) + bias[j];
    }
}

#[cfg(target_arch = "x86_64")]
mod vnni {
    use super::{PANEL, Signed, TOGETHER, store};
    use std::arch::x86_64::{__m512i, _mm512_dpbusd_epi32, _mm512_set1_epi32, _mm512_setzero_si512};

    const HALF: usize = PANEL * TOGETHER / 2;
    const ROWS: usize = 8;

    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub fn products(bytes: &[u8], steps: &[f32], w: &Signed<'_>, bias: &[f32], out: &mut [f32]) {
        for panel in 0..w.outer / PANEL {
            let weights = &w.data[panel * w.inner * PANEL..(panel + 1) * w.inner * PANEL];
            let mut row = 0;
            while row < steps.len() {
                row += match steps.len() - row {
                    1 => block::<1>(bytes, steps, row, panel, weights, w, bias, out),
                    2 => block::<2>(bytes, steps, row, panel, weights, w, bias, out),
                    3 => block::<3>(bytes, steps, row, panel, weights, w, bias, out),
                    4 => block::<4>(bytes, steps, row, panel, weights, w, bias, out),
                    5 => block::<5>(bytes, steps, row, panel, weights, w, bias, out),
                    6 => block::<6>(bytes, steps, row, panel, weights, w, bias, out),
                    7 => block::<7>(bytes, steps, row, panel, weights, w, bias, out),
                    _ => block::<ROWS>(bytes, steps, row, panel, weights, w, bias, out),
                };
            }
        }
    }

    #[allow(clippy::too_many_arguments)] // one place, called eight times above
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn block<const R: usize>(bytes: &[u8], steps: &[f32], row: usize, panel: usize, weights: &[u8], w: &Signed<'_>, bias: &[f32], out: &mut [f32]) -> usize {
        let x: [&[u8]; R] = std::array::from_fn(|r| &bytes[(row + r) * w.inner..(row + r + 1) * w.inner]);
        let mut acc = [[_mm512_setzero_si512(); 2]; R];
        for (k, line) in weights.chunks_exact(2 * HALF).enumerate() {
            let (Some(left), Some(right)) = (line.first_chunk::<HALF>(), line.last_chunk::<HALF>()) else { break };
            let (left, right) = (register(left), register(right));
            for r in 0..R {
                let four = &x[r][k * TOGETHER..(k + 1) * TOGETHER];
                let four = _mm512_set1_epi32(i32::from_le_bytes([four[0], four[1], four[2], four[3]]));
                acc[r][0] = _mm512_dpbusd_epi32(acc[r][0], four, left);
                acc[r][1] = _mm512_dpbusd_epi32(acc[r][1], four, right);
            }
        }
        for (r, sums) in acc.into_iter().enumerate() {
            // SAFETY: both are 128 bytes of plain whole numbers.
            #[allow(unsafe_code)]
            let sums: [i32; PANEL] = unsafe { std::mem::transmute(sums) };
            store(&sums, steps[row + r], row + r, panel, w, bias, out);
        }
        R
    }

    #[inline]
    fn register(bytes: &[u8; HALF]) -> __m512i {
        // SAFETY: both are 64 bytes, and every pattern of bits is a valid register.
        #[allow(unsafe_code)]
        unsafe {
            std::mem::transmute(*bytes)
        }
    }
}
