//! The training examples nearest to a query: by shared features and, with an encoder, by meaning.

use crate::dense::{cosines, dot_bytes};
use crate::vocab::Sparse;

/// Examples kept for comparing; more are thinned evenly over the classes.
pub const MOST_EXAMPLES: usize = 12_000;
/// Postings visited for one query at most; rarest features first. Bounds the time of a long query.
const MOST_POSTINGS: usize = 24_000;

/// An index over example vectors.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Neighbours {
    /// Class of each example.
    pub class: Vec<u32>,
    /// Start of each feature's postings; one longer than the number of features.
    pub starts: Vec<u32>,
    /// Example of each posting.
    pub rows: Vec<u16>,
    /// Value of each posting in 1/255.
    pub values: Vec<u8>,
    /// Dense vectors as bytes, one after the other.
    pub dense: Vec<i8>,
    /// Length of a dense vector.
    pub dense_dim: usize,
    norms: Vec<f32>,
}

/// How near one example is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Number of the example in the index.
    pub example: usize,
    /// Class of the example.
    pub class: u32,
    /// Cosine of the sparse vectors, 0..=1.
    pub lexical: f32,
    /// Cosine of the dense vectors, −1..=1; 0 without an encoder.
    pub semantic: f32,
}

impl Near {
    /// Half lexical, half semantic; lexical alone when there is no encoder.
    pub fn fused(&self, has_dense: bool) -> f32 {
        if has_dense { 0.5 * self.lexical + 0.5 * self.semantic } else { self.lexical }
    }
}

impl Neighbours {
    /// Builds the index. All slices have one entry per example (at most [`MOST_EXAMPLES`]); `dense` is empty without an encoder.
    pub fn build(class: Vec<u32>, sparse: &[&Sparse], sparse_dim: usize, dense: &[Vec<i8>]) -> Self {
        let mut counts = vec![0u32; sparse_dim + 1];
        for row in sparse {
            for (place, _) in row.iter() {
                counts[*place as usize + 1] += 1;
            }
        }
        for i in 1..counts.len() {
            counts[i] += counts[i - 1];
        }
        let total = counts[sparse_dim] as usize;
        let (mut rows, mut values) = (vec![0u16; total], vec![0u8; total]);
        let mut fill = counts.clone();
        for (example, row) in sparse.iter().enumerate() {
            for (place, value) in row.iter() {
                let at = fill[*place as usize] as usize;
                rows[at] = example as u16;
                values[at] = (value * 255.0).round().clamp(0.0, 255.0) as u8;
                fill[*place as usize] += 1;
            }
        }
        let dense_dim = dense.first().map_or(0, Vec::len);
        let mut index = Neighbours { class, starts: counts, rows, values, dense: dense.concat(), dense_dim, norms: Vec::new() };
        index.finish();
        index
    }

    /// Computes what is not stored.
    pub fn finish(&mut self) {
        self.norms = if self.dense_dim == 0 {
            Vec::new()
        } else {
            self.dense.chunks_exact(self.dense_dim).map(|v| (dot_bytes(v, v) as f32).sqrt().max(1.0)).collect()
        };
    }

    /// Length of each dense vector; empty without an encoder.
    pub fn norms(&self) -> &[f32] {
        &self.norms
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.class.len()
    }

    /// True without examples.
    pub fn is_empty(&self) -> bool {
        self.class.is_empty()
    }

    /// Similarity to every example: (lexical, semantic).
    pub fn all(&self, sparse: &Sparse, dense: &[i8]) -> (Vec<f32>, Vec<f32>) {
        let mut lexical = vec![0.0f32; self.len()];
        let mut order: Vec<(u32, u32, f32)> = sparse
            .iter()
            .map(|(place, value)| {
                let at = *place as usize;
                (self.starts[at + 1] - self.starts[at], *place, *value)
            })
            .collect();
        order.sort_unstable_by_key(|o| (o.0, o.1));
        let mut visited = 0usize;
        for (count, place, value) in order {
            visited += count as usize;
            if visited > MOST_POSTINGS {
                break;
            }
            let (from, to) = (self.starts[place as usize] as usize, self.starts[place as usize + 1] as usize);
            let value = value / 255.0;
            for (row, weight) in self.rows[from..to].iter().zip(&self.values[from..to]) {
                lexical[*row as usize] += value * f32::from(*weight);
            }
        }
        let semantic = if self.dense_dim > 0 && dense.len() == self.dense_dim {
            let norm = (dot_bytes(dense, dense) as f32).sqrt().max(1.0);
            let mut out = vec![0.0; self.len()];
            cosines(&self.dense, &self.norms, dense, norm, &mut out);
            out
        } else {
            vec![0.0; self.len()]
        };
        (lexical, semantic)
    }

    /// The `k` examples with the highest fused similarity, best first; ties by number.
    pub fn nearest(&self, lexical: &[f32], semantic: &[f32], k: usize) -> Vec<Near> {
        let has_dense = self.dense_dim > 0;
        let mut top: Vec<Near> = Vec::with_capacity(k + 1);
        // What the last of `k` found so far has; most examples have less.
        let mut floor = f32::NEG_INFINITY;
        for (example, ((class, lexical), semantic)) in self.class.iter().zip(lexical).zip(semantic).enumerate() {
            let near = Near { example, class: *class, lexical: *lexical, semantic: *semantic };
            let score = near.fused(has_dense);
            if score <= floor {
                continue;
            }
            let at = top.partition_point(|other| other.fused(has_dense) >= score);
            top.insert(at, near);
            top.truncate(k);
            if top.len() == k {
                floor = top.last().map_or(f32::INFINITY, |last| last.fused(has_dense));
            }
        }
        top
    }
}
