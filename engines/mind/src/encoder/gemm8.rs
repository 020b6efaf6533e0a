//! Matrix products in whole numbers: a few rows of floats, rounded to 8 bits row by row, with a matrix of signed bytes.
//!
//! Sums of whole numbers are exact, so every processor gives the same result, with or without instructions for it.

use crate::simd::{nearest, widest};

/// Columns computed together.
pub const PANEL: usize = 32;
/// Values of one column that lie side by side.
const TOGETHER: usize = 4;

/// A matrix `inner × outer` of signed bytes, value = scale of the column × (byte − zero), stored as `[outer / 32][inner / 4][32][4]`.
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
    /// The byte that means 0.
    pub zero: i32,
}

/// Rows of floats rounded to bytes, ready for [`multiply`].
#[derive(Debug, Default)]
pub struct Rounded {
    /// −127..=127 plus 128, row after row.
    pub bytes: Vec<u8>,
    /// Step of each row: value = step × (byte − 128).
    pub steps: Vec<f32>,
    /// Sum of byte − 128 of each row.
    pub sums: Vec<i32>,
    inner: usize,
}

impl Rounded {
    /// Rounds the rows of `x`, each `inner` long.
    pub fn new(x: &[f32], inner: usize) -> Rounded {
        let rows = x.len() / inner.max(1);
        let mut out = Rounded { bytes: vec![0; rows * inner], steps: vec![0.0; rows], sums: vec![0; rows], inner };
        quantise(x, inner, &mut out.bytes, &mut out.steps, &mut out.sums);
        out
    }
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
    fn quantise(x: &[f32], inner: usize, bytes: &mut [u8], steps: &mut [f32], sums: &mut [i32]) = quantise_inner, quantise_inner
}

/// Values looked at together for the largest of a row; the largest is the same in any order.
const LANES: usize = 32;

#[inline(always)]
fn quantise_inner(x: &[f32], inner: usize, bytes: &mut [u8], steps: &mut [f32], sums: &mut [i32]) {
    for (((row, out), step), total) in x.chunks_exact(inner).zip(bytes.chunks_exact_mut(inner)).zip(steps).zip(sums) {
        let mut lanes = [0.0f32; LANES];
        let whole = row.chunks_exact(LANES);
        let rest = whole.remainder().iter().fold(0.0f32, |m, v| m.max(v.abs()));
        for part in whole {
            for i in 0..LANES {
                lanes[i] = if part[i].abs() > lanes[i] { part[i].abs() } else { lanes[i] };
            }
        }
        let most = lanes.iter().fold(rest, |m, v| m.max(*v));
        *step = most / 127.0;
        // Below, the quotient would not be finite.
        let factor = if most > 1e-30 { 127.0 / most } else { 0.0 };
        let mut sum = 0i32;
        for (byte, value) in out.iter_mut().zip(row) {
            let whole = nearest(value * factor);
            sum = sum.wrapping_add(whole);
            *byte = whole.wrapping_add(128) as u8;
        }
        *total = sum;
    }
}

/// `out[rows × outer] = x[rows × inner] · w + bias` (`bias` of length `outer`, empty for none), the rows rounded to 8 bits.
pub fn multiply(x: &Rounded, w: &Signed<'_>, bias: &[f32], out: &mut [f32]) {
    debug_assert_eq!(x.inner, w.inner);
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512bw") && std::is_x86_feature_detected!("avx512vnni") {
        // SAFETY: the function asks for nothing but the processor features that were just found.
        #[allow(unsafe_code)]
        unsafe {
            vnni::products(x, w, bias, out);
        }
        return;
    }
    plain(x, w, bias, out);
}

widest! {
    /// The same without special instructions; public for comparing the two in tests.
    pub fn plain(x: &Rounded, w: &Signed<'_>, bias: &[f32], out: &mut [f32]) = plain_inner, plain_inner
}

#[inline(always)]
fn plain_inner(x: &Rounded, w: &Signed<'_>, bias: &[f32], out: &mut [f32]) {
    for panel in 0..w.outer / PANEL {
        let weights = &w.data[panel * w.inner * PANEL..(panel + 1) * w.inner * PANEL];
        for (row, bytes) in x.bytes.chunks_exact(w.inner).enumerate() {
            let mut acc = [0i32; PANEL];
            for (line, four) in weights.chunks_exact(PANEL * TOGETHER).zip(bytes.chunks_exact(TOGETHER)) {
                for (sum, column) in acc.iter_mut().zip(line.chunks_exact(TOGETHER)) {
                    for i in 0..TOGETHER {
                        *sum += i32::from(four[i]) * i32::from(column[i] as i8);
                    }
                }
            }
            store(&acc, x.steps[row], w.zero * x.sums[row], row, panel, w, bias, out);
        }
    }
}

#[allow(clippy::too_many_arguments)] // one place, called twice
#[inline(always)]
fn store(acc: &[i32; PANEL], step: f32, zeros: i32, row: usize, panel: usize, w: &Signed<'_>, bias: &[f32], out: &mut [f32]) {
    let columns = panel * PANEL..(panel + 1) * PANEL;
    let target = &mut out[row * w.outer..(row + 1) * w.outer][columns.clone()];
    let (scales, sums) = (&w.scales[columns.clone()], &w.sums[columns.clone()]);
    for j in 0..PANEL {
        // The bytes were shifted by 128 to be positive, and a weight of 0 is the byte `zero`: take away what both added.
        target[j] = (acc[j].wrapping_sub(nearest(sums[j]).wrapping_mul(128)).wrapping_sub(zeros) as f32) * (step * scales[j]);
    }
    if let Some(bias) = bias.get(columns) {
        target.iter_mut().zip(bias).for_each(|(t, b)| *t += b);
    }
}

#[cfg(target_arch = "x86_64")]
mod vnni {
    use super::{PANEL, Rounded, Signed, TOGETHER, store};
    use std::arch::x86_64::{__m512i, _mm512_dpbusd_epi32, _mm512_set1_epi32, _mm512_setzero_si512};

    /// Bytes of one register.
    const WIDTH: usize = 64;
    /// Rows computed together: with two panels the sums of six rows fill 24 of the 32 registers.
    const ROWS: usize = 6;

    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub fn products(x: &Rounded, w: &Signed<'_>, bias: &[f32], out: &mut [f32]) {
        let panels = w.outer / PANEL;
        let mut panel = 0;
        while panel < panels {
            let both = panel + 1 < panels;
            let mut row = 0;
            while row < x.steps.len() {
                let left = x.steps.len() - row;
                row += match (left, both) {
                    (1, true) => block::<1, 2>(x, row, panel, w, bias, out),
                    (2, true) => block::<2, 2>(x, row, panel, w, bias, out),
                    (3, true) => block::<3, 2>(x, row, panel, w, bias, out),
                    (4, true) | (8, true) => block::<4, 2>(x, row, panel, w, bias, out),
                    (5, true) | (9, true) | (10, true) => block::<5, 2>(x, row, panel, w, bias, out),
                    (_, true) => block::<ROWS, 2>(x, row, panel, w, bias, out),
                    (1, false) => block::<1, 1>(x, row, panel, w, bias, out),
                    (2..=5, false) => block::<2, 1>(x, row, panel, w, bias, out),
                    (_, false) => block::<ROWS, 1>(x, row, panel, w, bias, out),
                };
            }
            panel += if both { 2 } else { 1 };
        }
    }

    /// `R` rows by `P` panels. Each panel is two registers wide.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn block<const R: usize, const P: usize>(x: &Rounded, row: usize, panel: usize, w: &Signed<'_>, bias: &[f32], out: &mut [f32]) -> usize {
        let steps = w.inner / TOGETHER;
        let lines: [&[[u8; 2 * WIDTH]]; P] = std::array::from_fn(|p| {
            let from = (panel + p) * w.inner * PANEL;
            &w.data[from..from + w.inner * PANEL].as_chunks().0[..steps]
        });
        let fours: [&[[u8; TOGETHER]]; R] =
            std::array::from_fn(|r| &x.bytes[(row + r) * w.inner..(row + r + 1) * w.inner].as_chunks().0[..steps]);
        let mut acc = [[[_mm512_setzero_si512(); 2]; P]; R];
        for k in 0..steps {
            let weights: [[__m512i; 2]; P] = std::array::from_fn(|p| registers(&lines[p][k]));
            for r in 0..R {
                let four = _mm512_set1_epi32(i32::from_le_bytes(fours[r][k]));
                for p in 0..P {
                    acc[r][p][0] = _mm512_dpbusd_epi32(acc[r][p][0], four, weights[p][0]);
                    acc[r][p][1] = _mm512_dpbusd_epi32(acc[r][p][1], four, weights[p][1]);
                }
            }
        }
        for (r, panels) in acc.into_iter().enumerate() {
            for (p, sums) in panels.into_iter().enumerate() {
                // SAFETY: both are 128 bytes of plain whole numbers.
                #[allow(unsafe_code)]
                let sums: [i32; PANEL] = unsafe { std::mem::transmute(sums) };
                store(&sums, x.steps[row + r], w.zero * x.sums[row + r], row + r, panel + p, w, bias, out);
            }
        }
        R
    }

    #[inline(always)]
    fn registers(bytes: &[u8; 2 * WIDTH]) -> [__m512i; 2] {
        // SAFETY: both are 128 bytes, and every pattern of bits is a valid register.
        #[allow(unsafe_code)]
        unsafe {
            std::mem::transmute(*bytes)
        }
    }
}
