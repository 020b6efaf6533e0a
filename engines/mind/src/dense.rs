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
    /// Cosine of `query` with each of `vectors` (one after the other, lengths in `norms`).
    pub fn cosines(vectors: &[i8], norms: &[f32], query: &[i8], norm: f32, out: &mut [f32]) = cosines_inner, cosines_inner
}
