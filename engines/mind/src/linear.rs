//! The trained scores: one row of small whole numbers per feature, one column per class.

use crate::simd::{nearest, widest};
use crate::svm::ClassWeights;
use crate::vocab::Sparse;

/// Scores of all classes for one vector = Σ value × weight, weights kept as −127..=127 with one scale per feature.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Linear {
    /// Number of classes.
    pub classes: usize,
    /// Feature-major weights: `quantised[place * classes + class]`.
    pub quantised: Vec<i8>,
    /// Scale of each feature.
    pub scales: Vec<f32>,
    /// Dense weights, dimension-major: `dense[d * classes + class]`.
    pub dense: Vec<f32>,
    /// One bias per class.
    pub bias: Vec<f32>,
}

impl Linear {
    /// Packs trained weights. `sparse_dim` and `dense_dim` as in the training matrix.
    pub fn pack(trained: &[ClassWeights], sparse_dim: usize, dense_dim: usize) -> Self {
        let classes = trained.len();
        let mut quantised = vec![0i8; sparse_dim * classes];
        let mut most = vec![0.0f32; sparse_dim];
        trained.iter().for_each(|w| highest(&w[..sparse_dim], &mut most));
        let scales: Vec<f32> = most.iter().map(|m| m / 127.0).collect();
        let factors: Vec<f32> = most.iter().map(|m| if *m > 0.0 { 127.0 / m } else { 0.0 }).collect();
        let mut column = vec![0i8; sparse_dim];
        for (class, w) in trained.iter().enumerate() {
            round(&w[..sparse_dim], &factors, &mut column);
            column.iter().enumerate().for_each(|(place, value)| quantised[place * classes + class] = *value);
        }
        let mut dense = vec![0.0f32; dense_dim * classes];
        for d in 0..dense_dim {
            for (class, w) in trained.iter().enumerate() {
                dense[d * classes + class] = w[sparse_dim + d];
            }
        }
        let bias = trained.iter().map(|w| w[sparse_dim + dense_dim]).collect();
        Linear { classes, quantised, scales, dense, bias }
    }

    /// Scores of all classes, in class order.
    pub fn scores(&self, sparse: &Sparse, dense: &[f32]) -> Vec<f32> {
        let mut out = self.bias.clone();
        add_scores(self, sparse, dense, &mut out);
        out
    }

    /// What one feature of value `value` adds to the score of `class`.
    pub fn share(&self, place: u32, value: f32, class: usize) -> f32 {
        let place = place as usize;
        value * self.scales[place] * f32::from(self.quantised[place * self.classes + class])
    }
}

#[inline(always)]
fn add_scores_inner(linear: &Linear, sparse: &Sparse, dense: &[f32], out: &mut [f32]) {
    let classes = linear.classes;
    for (place, value) in sparse {
        let at = *place as usize * classes;
        let scale = value * linear.scales[*place as usize];
        if scale != 0.0 {
            for (score, weight) in out.iter_mut().zip(&linear.quantised[at..at + classes]) {
                *score += scale * f32::from(*weight);
            }
        }
    }
    for (d, value) in dense.iter().enumerate() {
        for (score, weight) in out.iter_mut().zip(&linear.dense[d * classes..(d + 1) * classes]) {
            *score += value * weight;
        }
    }
}

widest! {
    fn add_scores(linear: &Linear, sparse: &Sparse, dense: &[f32], out: &mut [f32]) = add_scores_inner, add_scores_inner
}

#[inline(always)]
fn highest_inner(weights: &[f32], most: &mut [f32]) {
    for (most, weight) in most.iter_mut().zip(weights) {
        *most = if weight.abs() > *most { weight.abs() } else { *most };
    }
}

#[inline(always)]
fn round_inner(weights: &[f32], factors: &[f32], out: &mut [i8]) {
    for ((out, weight), factor) in out.iter_mut().zip(weights).zip(factors) {
        *out = nearest(weight * factor) as i8;
    }
}

widest! {
    /// Raises each of `most` to the size of the weight there.
    fn highest(weights: &[f32], most: &mut [f32]) = highest_inner, highest_inner
}

widest! {
    /// Whole numbers nearest to weight × factor, which are between −127 and 127.
    fn round(weights: &[f32], factors: &[f32], out: &mut [i8]) = round_inner, round_inner
}
