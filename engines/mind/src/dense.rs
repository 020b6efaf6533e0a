//! Small dense vector arithmetic with a fixed order of additions, so that results do not depend on the processor.

/// Sum of products in sixteen fixed lanes. Both slices have the same length.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 16];
    let (ca, cb) = (a.chunks_exact(16), b.chunks_exact(16));
    let tail: f32 = ca.remainder().iter().zip(cb.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in ca.zip(cb) {
        for i in 0..16 {
            lanes[i] += x[i] * y[i];
        }
    }
    lanes.iter().sum::<f32>() + tail
}

/// `a += scale · b`.
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
pub fn dot_bytes(a: &[i8], b: &[i8]) -> i32 {
    let mut sum = 0i32;
    for (x, y) in a.chunks(64).zip(b.chunks(64)) {
        let mut part = 0i32;
        for (p, q) in x.iter().zip(y) {
            part += i32::from(*p) * i32::from(*q);
        }
        sum += part;
    }
    sum
}
