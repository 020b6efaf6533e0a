//! One-versus-rest linear support vector machine, squared hinge loss, by dual coordinate descent with shrinking
//! (Hsieh et al., "A Dual Coordinate Descent Method for Large-scale Linear SVM", ICML 2008).

use crate::dense::{add_scaled, dot};
use crate::random::Sequence;
use crate::simd::widest;
use crate::vocab::Sparse;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Vectors of the training rows: sparse part, dense part (may be empty), weight > 0.
#[derive(Debug, Default)]
pub struct Matrix {
    /// Sparse vectors, one a row.
    pub sparse: Vec<Sparse>,
    /// Dense vectors, row after row; empty when `dense_dim` is 0.
    pub dense: Vec<f32>,
    /// Length of one dense vector.
    pub dense_dim: usize,
    /// Number of places of the sparse part.
    pub sparse_dim: usize,
    /// Weight of each row (multiplies the penalty C).
    pub weights: Vec<f32>,
}

/// How to train.
#[derive(Debug, Clone, Copy)]
pub struct SvmOptions {
    /// Penalty of a wrong row; small = smooth, resists wrong labels.
    pub c: f32,
    /// Stop when the largest violation of a pass is below this.
    pub tolerance: f32,
    /// At most this many passes.
    pub passes: usize,
    /// Threads; the result does not depend on it.
    pub threads: usize,
}

/// Weights of one class: sparse places, then dense places, then the bias.
pub type ClassWeights = Vec<f32>;

/// Trains one classifier per class. `labels[row]` is the class of the row, `None` a row that belongs to no class
/// (negative for all). With exactly two classes only the first is trained; the second is its mirror image.
pub fn train(matrix: &Matrix, labels: &[Option<u32>], classes: usize, options: SvmOptions) -> Vec<ClassWeights> {
    let mirrored = classes == 2 && labels.iter().all(Option::is_some);
    let todo = if mirrored { 1 } else { classes };
    let squares: Vec<f32> = (0..matrix.sparse.len())
        .map(|row| {
            let sparse: f32 = matrix.sparse[row].iter().map(|f| f.1 * f.1).sum();
            let dense = dense_row(matrix, row);
            sparse + dot(dense, dense) + 1.0
        })
        .collect();
    let classes: Vec<u32> = (0..todo as u32).collect();
    let mut out = one_by_one(&classes, options.threads, |class| one(matrix, &squares, labels, class, options));
    if mirrored && out.len() == 1 {
        let mirror = out[0].iter().map(|w| -w).collect();
        out.push(mirror);
    }
    out
}

/// As [`train`], by likeness (see [`crate::kernel`]): the factor of each row in each class, `factors[row * classes + class]`.
/// `row_weights` as in [`Matrix::weights`].
pub fn factors(kernel: &[f32], row_weights: &[f32], labels: &[Option<u32>], classes: usize, options: SvmOptions) -> Vec<f32> {
    let n = labels.len();
    let mirrored = classes == 2 && labels.iter().all(Option::is_some);
    let todo: Vec<u32> = (0..if mirrored { 1 } else { classes as u32 }).collect();
    let columns = one_by_one(&todo, options.threads, |class| by_likeness(kernel, row_weights, labels, class, options));
    let mut out = vec![0.0f32; n * classes];
    for (class, column) in columns.iter().enumerate() {
        column.iter().enumerate().for_each(|(row, factor)| out[row * classes + class] = *factor);
    }
    if mirrored {
        out.chunks_exact_mut(2).for_each(|pair| pair[1] = -pair[0]);
    }
    out
}

/// Trains classes on several threads, each taking the next one: their times differ widely.
fn one_by_one(classes: &[u32], threads: usize, work: impl Fn(u32) -> Vec<f32> + Sync) -> Vec<Vec<f32>> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Vec<f32>)>> = Mutex::new(Vec::with_capacity(classes.len()));
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(class) = classes.get(at) else { break };
            let trained = work(*class);
            if let Ok(mut done) = done.lock() {
                done.push((at, trained));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, classes.len().max(1)) {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|d| d.0);
    done.into_iter().map(|d| d.1).collect()
}

#[inline(always)]
fn dense_row(matrix: &Matrix, row: usize) -> &[f32] {
    &matrix.dense[row * matrix.dense_dim..(row + 1) * matrix.dense_dim]
}

widest! {
    fn one(matrix: &Matrix, squares: &[f32], labels: &[Option<u32>], class: u32, options: SvmOptions) -> ClassWeights = one_inner, one_inner
}

#[inline(always)]
fn one_inner(matrix: &Matrix, squares: &[f32], labels: &[Option<u32>], class: u32, options: SvmOptions) -> ClassWeights {
    let rows = matrix.sparse.len();
    let (sd, dd) = (matrix.sparse_dim, matrix.dense_dim);
    let mut w = vec![0.0f32; sd + dd + 1];
    let mut alpha = vec![0.0f32; rows];
    let mut active: Vec<u32> = (0..rows as u32).collect();
    let mut random = Sequence::new(0x5eed_0000 + u64::from(class));
    let (mut limit_high, mut shrunk) = (f32::INFINITY, false);
    for _ in 0..options.passes {
        random.shuffle(&mut active);
        let (mut high, mut low) = (f32::NEG_INFINITY, f32::INFINITY);
        let mut at = 0;
        while at < active.len() {
            let row = active[at] as usize;
            let y = if labels[row] == Some(class) { 1.0 } else { -1.0f32 };
            let dense = dense_row(matrix, row);
            let (ws, wd) = w.split_at(sd);
            let mut score = wd[dd];
            for (place, value) in &matrix.sparse[row] {
                score += ws[*place as usize] * value;
            }
            if dd > 0 {
                score += dot(&wd[..dd], dense);
            }
            let ridge = 0.5 / (options.c * matrix.weights[row]);
            let gradient = y * score - 1.0 + alpha[row] * ridge;
            let violation = if alpha[row] == 0.0 {
                if gradient > limit_high {
                    active.swap_remove(at);
                    shrunk = true;
                    continue;
                }
                gradient.min(0.0)
            } else {
                gradient
            };
            high = high.max(violation);
            low = low.min(violation);
            if violation.abs() > 1e-12 {
                let before = alpha[row];
                alpha[row] = (before - gradient / (squares[row] + ridge)).max(0.0);
                let step = (alpha[row] - before) * y;
                let (ws, wd) = w.split_at_mut(sd);
                for (place, value) in &matrix.sparse[row] {
                    ws[*place as usize] += step * value;
                }
                if dd > 0 {
                    add_scaled(&mut wd[..dd], step, dense);
                }
                wd[dd] += step;
            }
            at += 1;
        }
        if high - low <= options.tolerance {
            if !shrunk {
                break;
            }
            // Converged on the rows still looked at: look at all of them once more.
            active = (0..rows as u32).collect();
            limit_high = f32::INFINITY;
            shrunk = false;
            continue;
        }
        limit_high = if high <= 0.0 { f32::INFINITY } else { high };
    }
    w
}

widest! {
    fn by_likeness(kernel: &[f32], row_weights: &[f32], labels: &[Option<u32>], class: u32, options: SvmOptions) -> Vec<f32> = by_likeness_inner, by_likeness_inner
}

/// The same descent as in [`one`], with the scores of all rows kept up to date.
#[inline(always)]
fn by_likeness_inner(kernel: &[f32], row_weights: &[f32], labels: &[Option<u32>], class: u32, options: SvmOptions) -> Vec<f32> {
    let n = labels.len();
    let sign = |row: usize| if labels[row] == Some(class) { 1.0 } else { -1.0f32 };
    let (mut scores, mut alpha) = (vec![0.0f32; n], vec![0.0f32; n]);
    let mut active: Vec<u32> = (0..n as u32).collect();
    let mut random = Sequence::new(0x5eed_0000 + u64::from(class));
    let (mut limit_high, mut shrunk) = (f32::INFINITY, false);
    for _ in 0..options.passes {
        random.shuffle(&mut active);
        let (mut high, mut low) = (f32::NEG_INFINITY, f32::INFINITY);
        let mut at = 0;
        while at < active.len() {
            let row = active[at] as usize;
            let y = sign(row);
            let ridge = 0.5 / (options.c * row_weights[row]);
            let gradient = y * scores[row] - 1.0 + alpha[row] * ridge;
            let violation = if alpha[row] == 0.0 {
                if gradient > limit_high {
                    active.swap_remove(at);
                    shrunk = true;
                    continue;
                }
                gradient.min(0.0)
            } else {
                gradient
            };
            high = high.max(violation);
            low = low.min(violation);
            if violation.abs() > 1e-12 {
                let before = alpha[row];
                let line = &kernel[row * n..(row + 1) * n];
                alpha[row] = (before - gradient / (line[row] + ridge)).max(0.0);
                add_scaled(&mut scores, (alpha[row] - before) * y, line);
            }
            at += 1;
        }
        if high - low <= options.tolerance {
            if !shrunk {
                break;
            }
            // Converged on the rows still looked at: look at all of them once more.
            active = (0..n as u32).collect();
            limit_high = f32::INFINITY;
            shrunk = false;
            continue;
        }
        limit_high = if high <= 0.0 { f32::INFINITY } else { high };
    }
    alpha.iter().enumerate().map(|(row, a)| a * sign(row)).collect()
}
