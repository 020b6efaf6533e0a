//! Multinomial logistic regression for small sets, by L-BFGS over the examples (the kernel form of the same linear model).
//!
//! With few examples a class the one-versus-rest machine sees each class alone; here the classes compete for each example, which is worth
//! one to two points on sets of many classes. Large and noisy sets keep the support vector machine alone, whose smoothing resists wrong labels.
//! Every sum has a fixed order, so that the result depends neither on the processor nor on the number of threads.

use crate::dense::{add, dot};
use crate::encoder::minilm::exp;
use crate::simd::widest;
use crate::trainer::in_parallel;

/// Penalty of a wrong row; set on development rows, where 10 to 50 are equally good.
const PENALTY: f32 = 20.0;
const STEPS: usize = 60;
const MEMORY: usize = 6;
/// Stop when the gradient has shrunk to this share of the first one.
const ENOUGH: f64 = 3e-3;

/// Mixes the factors of both machines, `n × classes` each. Half a logit counts like one unit of a support vector machine's score.
pub fn blend(machine: &mut [f32], soft: &[f32], weight: f32) {
    let scale = 1.0 / (1.0 + weight);
    machine.iter_mut().zip(soft).for_each(|(m, s)| *m = (*m + weight * 0.5 * s) * scale);
}

/// What to add to the bias after [`blend`]: a class that is out of question stands near −1 in a support vector machine.
pub fn shift(weight: f32) -> f32 {
    -weight / (1.0 + weight)
}

/// Trains on all rows by likeness (see [`crate::kernel`]); `labels[row]` `None` is a row of no class. Factors as in [`crate::svm::factors`].
pub fn factors(kernel: &[f32], row_weights: &[f32], labels: &[Option<u32>], classes: usize, threads: usize) -> Vec<f32> {
    let n = labels.len();
    // Rows of no class compete as a class of their own, which is left out afterwards.
    let all = classes + usize::from(labels.iter().any(Option::is_none));
    let solved = Problem { kernel, n, all, labels, classes, weights: row_weights, threads }.solve();
    solved.chunks_exact(all.max(1)).flat_map(|row| &row[..classes]).copied().collect()
}

widest! {
    fn products(a: &[f32], b: &[f32]) -> f32 = dot, dot
}

struct Problem<'a> {
    kernel: &'a [f32],
    n: usize,
    all: usize,
    labels: &'a [Option<u32>],
    classes: usize,
    weights: &'a [f32],
    threads: usize,
}

/// A vector over rows × classes and its product with the kernel.
#[derive(Clone)]
struct Pair {
    own: Vec<f32>,
    seen: Vec<f32>,
}

fn inner(a: &[f32], b: &[f32]) -> f64 {
    f64::from(products(a, b))
}

impl Pair {
    fn add(&mut self, scale: f32, other: &Pair) {
        add(&mut self.own, scale, &other.own);
        add(&mut self.seen, scale, &other.seen);
    }
    fn with(&self, other: &Pair) -> f64 {
        inner(&self.own, &other.seen)
    }
}

impl Problem<'_> {
    fn solve(&self) -> Vec<f32> {
        let size = self.n * self.all;
        let mut at = Pair { own: vec![0.0; size], seen: vec![0.0; size] };
        let (mut value, slopes) = self.look(&at);
        let mut gradient = self.pair(slopes);
        let first = gradient.with(&gradient).max(1e-30);
        let mut history: Vec<(Pair, Pair, f64)> = Vec::new();
        for _ in 0..STEPS {
            let mut step = gradient.clone();
            step.own.iter_mut().chain(step.seen.iter_mut()).for_each(|v| *v = -*v);
            let mut kept = Vec::with_capacity(history.len());
            for (moved, changed, product) in history.iter().rev() {
                let share = moved.with(&step) / product;
                step.add(-share as f32, changed);
                kept.push(share);
            }
            let scale = match history.last() {
                Some((_, changed, product)) => product / changed.with(changed).max(1e-30),
                None => 1.0,
            };
            step.own.iter_mut().chain(step.seen.iter_mut()).for_each(|v| *v *= scale as f32);
            for ((moved, changed, product), share) in history.iter().zip(kept.into_iter().rev()) {
                let back = changed.with(&step) / product;
                step.add((share - back) as f32, moved);
            }
            let slope = gradient.with(&step);
            if slope >= 0.0 {
                break;
            }
            let Some((next, reached, slope_there)) = self.search(&at, &step, value, slope) else { break };
            let mut moved = next.clone();
            moved.add(-1.0, &at);
            let mut changed = slope_there.clone();
            changed.add(-1.0, &gradient);
            let product = moved.with(&changed);
            if product > 1e-12 {
                if history.len() == MEMORY {
                    history.remove(0);
                }
                history.push((moved, changed, product));
            }
            (at, value, gradient) = (next, reached, slope_there);
            if gradient.with(&gradient) < first * ENOUGH * ENOUGH {
                break;
            }
        }
        at.own
    }

    /// Halves the step until the value falls enough; `None` when it never does.
    fn search(&self, at: &Pair, step: &Pair, value: f64, slope: f64) -> Option<(Pair, f64, Pair)> {
        let mut length = 1.0f32;
        for _ in 0..30 {
            let mut next = at.clone();
            next.add(length, step);
            let (reached, slopes) = self.look(&next);
            if reached <= value + 1e-4 * f64::from(length) * slope {
                return Some((next, reached, self.pair(slopes)));
            }
            length *= 0.5;
        }
        None
    }

    /// Value and, for each row and class, how it changes with the factor there.
    fn look(&self, at: &Pair) -> (f64, Vec<f32>) {
        let mut own: Vec<f32> = at.own.iter().map(|a| a / PENALTY).collect();
        let mut sum = 0.5 / f64::from(PENALTY) * at.with(at);
        let mut shares = vec![0.0f32; self.all];
        for (row, (scores, target)) in at.seen.chunks_exact(self.all).zip(own.chunks_exact_mut(self.all)).enumerate() {
            let gold = self.labels[row].map_or(self.classes, |c| c as usize);
            let weight = self.weights[row];
            let (top, total) = powers(scores, &mut shares);
            sum += f64::from(weight) * (f64::from(top - scores[gold]) + f64::from(total).ln());
            add(target, weight / total, &shares);
            target[gold] -= weight;
        }
        (sum, own)
    }

    fn pair(&self, own: Vec<f32>) -> Pair {
        let seen = self.product(&own);
        Pair { own, seen }
    }

    fn product(&self, own: &[f32]) -> Vec<f32> {
        let wide = self.all.div_ceil(PANEL);
        // Panel after panel of the columns, so that a block of sums stays in registers while all rows are added.
        let mut panels = vec![0.0f32; wide * self.n * PANEL];
        for (row, line) in own.chunks_exact(self.all).enumerate() {
            for (panel, part) in line.chunks(PANEL).enumerate() {
                let at = (panel * self.n + row) * PANEL;
                panels[at..at + part.len()].copy_from_slice(part);
            }
        }
        let blocks: Vec<usize> = (0..self.n.div_ceil(BLOCK)).collect();
        in_parallel(&blocks, self.threads, |block| {
            let rows = block * BLOCK..((block + 1) * BLOCK).min(self.n);
            let mut out = vec![0.0f32; rows.len() * self.all];
            multiply(self.kernel, rows.start, &panels, self.n, self.all, &mut out);
            out
        })
        .concat()
    }
}

/// Rows of the kernel that one task multiplies.
const BLOCK: usize = 64;
/// Columns computed together.
const PANEL: usize = 32;
/// Rows computed together.
const ROWS: usize = 4;

/// Rows of the product from `first` on, as many as fit in `out` (width `all`): `kernel[n × n] · own`, with `own` in panels.
/// Each sum is one chain of fused multiply-adds in the order of the rows of `own`.
#[inline(always)]
fn multiply_inner(kernel: &[f32], first: usize, panels: &[f32], n: usize, all: usize, out: &mut [f32]) {
    for (panel, own) in panels.chunks_exact(n * PANEL).enumerate() {
        let columns = panel * PANEL..((panel + 1) * PANEL).min(all);
        for (block, target) in out.chunks_mut(ROWS * all).enumerate() {
            let sums = sums(kernel, first + block * ROWS, own, n);
            for (row, sums) in target.chunks_exact_mut(all).zip(sums) {
                row[columns.clone()].copy_from_slice(&sums[..columns.len()]);
            }
        }
    }
}

/// The kernel is symmetric: what neighbouring rows have for one row of `own` lies side by side in that row's line. Written out for four rows,
/// because the compiler keeps the sums in registers only so.
#[inline(always)]
fn sums(kernel: &[f32], row: usize, own: &[f32], n: usize) -> [[f32; PANEL]; ROWS] {
    let (mut a, mut b, mut c, mut d) = ([0.0; PANEL], [0.0; PANEL], [0.0; PANEL], [0.0; PANEL]);
    for (line, values) in kernel.chunks_exact(n).zip(own.as_chunks::<PANEL>().0) {
        let near = &line[row..];
        // Beyond the last row the sums are not asked for.
        let [fa, fb, fc, fd] = match near.first_chunk::<ROWS>() {
            Some(four) => *four,
            None => std::array::from_fn(|r| near.get(r).copied().unwrap_or(0.0)),
        };
        add_product(&mut a, fa, values);
        add_product(&mut b, fb, values);
        add_product(&mut c, fc, values);
        add_product(&mut d, fd, values);
    }
    [a, b, c, d]
}

#[inline(always)]
fn add_product(sums: &mut [f32; PANEL], factor: f32, values: &[f32; PANEL]) {
    for j in 0..PANEL {
        sums[j] = factor.mul_add(values[j], sums[j]);
    }
}

widest! {
    fn multiply(kernel: &[f32], first: usize, panels: &[f32], n: usize, all: usize, out: &mut [f32]) = multiply_inner, multiply_inner
}

/// Lanes added up separately; fixed, so that the result does not depend on the processor.
const LANES: usize = 16;

/// Writes e to the power of each score below the highest; the highest score, and the sum of what was written.
#[inline(always)]
fn powers_inner(scores: &[f32], out: &mut [f32]) -> (f32, f32) {
    let top = scores.iter().fold(f32::NEG_INFINITY, |m, s| if *s > m { *s } else { m });
    for (out, score) in out.iter_mut().zip(scores) {
        *out = exp(score - top);
    }
    let mut lanes = [0.0f32; LANES];
    let whole = out.chunks_exact(LANES);
    let tail: f32 = whole.remainder().iter().sum();
    for part in whole {
        for i in 0..LANES {
            lanes[i] += part[i];
        }
    }
    (top, lanes.iter().sum::<f32>() + tail)
}

widest! {
    fn powers(scores: &[f32], out: &mut [f32]) -> (f32, f32) = powers_inner, powers_inner
}

#[cfg(test)]
mod tests {
    use super::{Problem, powers};
    use crate::random::Sequence;

    #[test]
    fn the_product_is_that_of_the_obvious_loop_whatever_the_threads() {
        let mut random = Sequence::new(5);
        for (n, all) in [(1, 1), (3, 2), (4, 32), (67, 33), (130, 70)] {
            let mut kernel = vec![0.0f32; n * n];
            for row in 0..n {
                for other in 0..=row {
                    let value = random.unit() as f32 - 0.5;
                    (kernel[row * n + other], kernel[other * n + row]) = (value, value);
                }
            }
            let own: Vec<f32> = (0..n * all).map(|_| random.unit() as f32 - 0.5).collect();
            let product = |threads| Problem { kernel: &kernel, n, all, labels: &[], classes: all, weights: &[], threads }.product(&own);
            let found = product(1);
            assert_eq!(found, product(3));
            for row in 0..n {
                for class in 0..all {
                    let sum = (0..n).fold(0.0f32, |sum, k| kernel[row * n + k].mul_add(own[k * all + class], sum));
                    assert_eq!(found[row * all + class], sum, "{n} rows, {all} classes, row {row}, class {class}");
                }
            }
        }
    }

    #[test]
    fn powers_are_those_below_the_highest_score() {
        let scores: Vec<f32> = (0..37).map(|i| (i as f32 * 0.7).sin() * 9.0).collect();
        let mut shares = vec![0.0; scores.len()];
        let (top, total) = powers(&scores, &mut shares);
        assert_eq!(top, scores.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        assert!((total - shares.iter().sum::<f32>()).abs() < 1e-5 * total);
        for (score, share) in scores.iter().zip(&shares) {
            assert!((share - (score - top).exp()).abs() < 1e-6, "{score}");
        }
    }
}
