//! Matrix products of a few rows of floats with a matrix of bytes.
//!
//! Every element of the result is one chain of fused multiply-adds in the order of the inner dimension, whatever the width of the
//! processor's registers, so the result is the same on every processor with fused multiply-add.

use crate::simd::widest;

/// Columns computed together.
pub const PANEL: usize = 32;

/// A byte matrix `inner × outer`, value = scale of the column × (byte − zero), stored panel by panel: `[outer / 32][inner][32]`.
#[derive(Debug, Clone, Copy)]
pub struct Bytes<'a> {
    /// The panels.
    pub data: &'a [u8],
    /// Rows of the matrix.
    pub inner: usize,
    /// Columns, a multiple of [`PANEL`].
    pub outer: usize,
    /// One scale per column.
    pub scales: &'a [f32],
    /// See above.
    pub zero: f32,
}

/// Reorders a row-major `inner × outer` matrix into panels.
pub fn panels(row_major: &[u8], inner: usize, outer: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(row_major.len());
    for panel in 0..outer / PANEL {
        for k in 0..inner {
            let at = k * outer + panel * PANEL;
            out.extend_from_slice(&row_major[at..at + PANEL]);
        }
    }
    out
}

widest! {
    /// `out[rows × outer] = x[rows × inner] · w`, plus `bias` when given (length `outer`).
    pub fn multiply(x: &[f32], w: &Bytes<'_>, bias: Option<&[f32]>, out: &mut [f32]) = rows::<8>, rows::<3>
}

#[inline(always)]
fn rows<const R: usize>(x: &[f32], w: &Bytes<'_>, bias: Option<&[f32]>, out: &mut [f32]) {
    let count = x.len() / w.inner;
    for panel in 0..w.outer / PANEL {
        let weights = &w.data[panel * w.inner * PANEL..(panel + 1) * w.inner * PANEL];
        let mut row = 0;
        while row < count {
            let left = count - row;
            let x = &x[row * w.inner..];
            // A remainder is one block of its own size: unpacking the bytes costs as much as two rows.
            let done = match left {
                1 => store(block::<1>(x, weights, w), row, panel, w, bias, out),
                2 => store(pair(x, weights, w), row, panel, w, bias, out),
                3 => store(block::<3>(x, weights, w), row, panel, w, bias, out),
                4 if R > 4 => store(block::<4>(x, weights, w), row, panel, w, bias, out),
                5 if R > 4 => store(block::<5>(x, weights, w), row, panel, w, bias, out),
                6 if R > 4 => store(block::<6>(x, weights, w), row, panel, w, bias, out),
                7 if R > 4 => store(block::<7>(x, weights, w), row, panel, w, bias, out),
                _ => store(block::<R>(x, weights, w), row, panel, w, bias, out),
            };
            row += done;
        }
    }
}

#[inline(always)]
fn store<const R: usize>(acc: [[f32; PANEL]; R], row: usize, panel: usize, w: &Bytes<'_>, bias: Option<&[f32]>, out: &mut [f32]) -> usize {
    for (r, values) in acc.iter().enumerate() {
        let at = (row + r) * w.outer + panel * PANEL;
        let target = &mut out[at..at + PANEL];
        for j in 0..PANEL {
            let b = bias.map_or(0.0, |b| b[panel * PANEL + j]);
            target[j] = values[j] * w.scales[panel * PANEL + j] + b;
        }
    }
    R
}

/// As [`block`] for two rows, a text and its folded form. Written out, because the compiler keeps the sums in registers only so.
#[inline(always)]
fn pair(x: &[f32], weights: &[u8], w: &Bytes<'_>) -> [[f32; PANEL]; 2] {
    let (mut a, mut b) = ([0.0f32; PANEL], [0.0f32; PANEL]);
    let (first, second) = x[..2 * w.inner].split_at(w.inner);
    for ((line, fa), fb) in weights.as_chunks::<PANEL>().0.iter().zip(first).zip(second) {
        for j in 0..PANEL {
            let value = f32::from(line[j]) - w.zero;
            a[j] = fa.mul_add(value, a[j]);
            b[j] = fb.mul_add(value, b[j]);
        }
    }
    [a, b]
}

#[inline(always)]
fn block<const R: usize>(x: &[f32], weights: &[u8], w: &Bytes<'_>) -> [[f32; PANEL]; R] {
    let mut acc = [[0.0f32; PANEL]; R];
    let rows: [&[f32]; R] = std::array::from_fn(|r| &x[r * w.inner..(r + 1) * w.inner]);
    for (k, line) in weights.chunks_exact(PANEL).enumerate() {
        let mut value = [0.0f32; PANEL];
        for j in 0..PANEL {
            value[j] = f32::from(line[j]) - w.zero;
        }
        for r in 0..R {
            let factor = rows[r][k];
            for j in 0..PANEL {
                acc[r][j] = factor.mul_add(value[j], acc[r][j]);
            }
        }
    }
    acc
}
