//! Likeness of every two training rows. With few rows it is small, and training looks at it instead of the rows: one number instead of
//! hundreds for each comparison.

use crate::dense::{add, dot};
use crate::simd::widest;
use crate::svm::{ClassWeights, Matrix};
use crate::trainer::in_parallel;

/// Rows up to which training goes by likeness: its memory and time grow with their square (16 MB of memory at 2,000).
pub const MOST_ROWS: usize = 2_000;

/// Scalar product of every two rows, sparse and dense parts and the constant 1 of the bias: `n × n`, symmetric.
/// The order of additions is fixed, whatever the number of threads.
pub fn kernel(matrix: &Matrix, threads: usize) -> Vec<f32> {
    let n = matrix.sparse.len();
    let dd = matrix.dense_dim;
    let mut postings: Vec<Vec<(u32, f32)>> = vec![Vec::new(); matrix.sparse_dim];
    for (row, sparse) in matrix.sparse.iter().enumerate() {
        sparse.iter().for_each(|(place, value)| postings[*place as usize].push((row as u32, *value)));
    }
    let rows = in_parallel(&(0..n).collect::<Vec<_>>(), threads, |row| {
        let mut line = vec![1.0f32; n];
        for (place, value) in &matrix.sparse[row] {
            postings[*place as usize].iter().for_each(|(other, v)| line[*other as usize] += value * v);
        }
        if dd > 0 {
            // The half left of the diagonal is the mirror of the half right of it.
            add_products(&matrix.dense[row * dd..(row + 1) * dd], &matrix.dense[row * dd..], &mut line[row..]);
        }
        line
    });
    let mut out = rows.concat();
    for row in 0..n {
        for other in 0..row {
            out[row * n + other] = out[other * n + row];
        }
    }
    out
}

#[inline(always)]
fn add_products_inner(own: &[f32], all: &[f32], line: &mut [f32]) {
    for (value, other) in line.iter_mut().zip(all.chunks_exact(own.len())) {
        *value += dot(own, other);
    }
}

widest! {
    fn add_products(own: &[f32], all: &[f32], line: &mut [f32]) = add_products_inner, add_products_inner
}

/// Weights of each class as the sum of the rows times `factors[row * wide + class]`; `wide` ≥ `classes`.
pub fn weights(matrix: &Matrix, factors: &[f32], wide: usize, classes: usize, threads: usize) -> Vec<ClassWeights> {
    let (sd, dd) = (matrix.sparse_dim, matrix.dense_dim);
    in_parallel(&(0..classes).collect::<Vec<_>>(), threads, |class| {
        let mut w = vec![0.0f32; sd + dd + 1];
        for row in 0..matrix.sparse.len() {
            let factor = factors[row * wide + class];
            if factor == 0.0 {
                continue;
            }
            let (ws, wd) = w.split_at_mut(sd);
            matrix.sparse[row].iter().for_each(|(place, value)| ws[*place as usize] += factor * value);
            add(&mut wd[..dd], factor, &matrix.dense[row * dd..(row + 1) * dd]);
            wd[dd] += factor;
        }
        w
    })
}
