//! Opinions by likeness of meaning: support vector machines over exp(−‖a − b‖²) of sentence vectors.
//!
//! Praise and complaint lie in many small regions of meaning, which no single plane through the sentence vectors separates. The cosines of a query with
//! all kept examples are known already (they name the nearest ones), so an answer costs one power an example more.
//! Trained by dual coordinate descent with the plain hinge, whose bound on the influence of a row resists wrong labels.

use crate::dense::{add, cosines};
use crate::encoder::minilm::exp;
use crate::neighbours::Neighbours;
use crate::random::Sequence;
use crate::simd::widest;
use crate::trainer::in_parallel;

/// Rows one machine is trained on at most. More rows are dealt to several machines and their factors averaged: likeness of every two rows
/// takes memory and time by the square (144 MB at 6,000).
const MOST_TOGETHER: usize = 6_000;
/// Influence of one row at most.
const PENALTY: f32 = 3.0;
/// Weight beside the plane through letters and words; set by cross-validation on reviews, where 0.2 to 0.4 are equally good.
const WEIGHT: f32 = 0.3;
const PASSES: usize = 60;
/// Stop when no row in a pass is further than this from where it should be.
const TOLERANCE: f32 = 0.05;

#[inline(always)]
fn likenesses_inner(cosines: &mut [f32]) {
    cosines.iter_mut().for_each(|c| *c = exp(2.0 * (*c - 1.0)));
}

widest! {
    /// Turns cosines of sentence vectors into likenesses, 0..=1.
    fn likenesses(cosines: &mut [f32]) = likenesses_inner, likenesses_inner
}

/// What each example adds to the score of each class by its likeness to the query, `factors[example * classes + class]`, and what each class has beforehand.
/// `weights`: of the examples. Depends on the order of the examples, not on `threads`.
pub fn train(examples: &Neighbours, weights: &[f32], classes: usize, threads: usize) -> (Vec<f32>, Vec<f32>) {
    let n = examples.len();
    let machines = n.div_ceil(MOST_TOGETHER).max(1);
    let (mut factors, mut constants) = (vec![0.0f32; n * classes], vec![0.0f32; classes]);
    let share = WEIGHT / machines as f32;
    // With two classes one machine says both.
    let mirrored = classes == 2 && examples.class.iter().all(|c| *c != u32::MAX);
    for machine in 0..machines {
        // Dealt out in turn: neighbours in the order of the examples are of one class and often alike.
        let dealt: Vec<usize> = (machine..n).step_by(machines).collect();
        let lines = lines(examples, &dealt, threads);
        let own: Vec<f32> = dealt.iter().map(|row| weights[*row]).collect();
        let todo: Vec<u32> = (0..if mirrored { 1 } else { classes as u32 }).collect();
        let found = in_parallel(&todo, threads, |class| {
            let signs: Vec<f32> = dealt.iter().map(|row| if examples.class[*row] == class { 1.0 } else { -1.0 }).collect();
            descend(&lines, &signs, &own, class)
        });
        for (class, column) in found.iter().enumerate() {
            for (row, factor) in dealt.iter().zip(column) {
                factors[row * classes + class] = share * factor;
                constants[class] += share * factor;
            }
        }
    }
    if mirrored {
        factors.chunks_exact_mut(2).for_each(|pair| pair[1] = -pair[0]);
        constants[1] = -constants[0];
    }
    (factors, constants)
}

/// Likeness of every two of the `dealt` examples, plus 1 for the constant.
fn lines(examples: &Neighbours, dealt: &[usize], threads: usize) -> Vec<f32> {
    let (dim, norms) = (examples.dense_dim, examples.norms());
    let vector = |row: usize| &examples.dense[row * dim..(row + 1) * dim];
    let vectors: Vec<i8> = dealt.iter().flat_map(|row| vector(*row).iter().copied()).collect();
    let own: Vec<f32> = dealt.iter().map(|row| norms[*row]).collect();
    let n = dealt.len();
    let mut out = vec![0.0f32; n * n];
    let part = n.div_ceil(threads.clamp(1, 256)).max(1);
    std::thread::scope(|scope| {
        for (rows, out) in dealt.chunks(part).zip(out.chunks_mut(part * n.max(1))) {
            let (vectors, own) = (&vectors, &own);
            scope.spawn(move || {
                for (row, line) in rows.iter().zip(out.chunks_exact_mut(n.max(1))) {
                    cosines(vectors, own, vector(*row), norms[*row], line);
                    likenesses(line);
                    line.iter_mut().for_each(|v| *v += 1.0);
                }
            });
        }
    });
    out
}

/// Signed influence of each row.
fn descend(lines: &[f32], signs: &[f32], weights: &[f32], class: u32) -> Vec<f32> {
    let n = signs.len();
    let (mut scores, mut alpha) = (vec![0.0f32; n], vec![0.0f32; n]);
    let mut order: Vec<u32> = (0..n as u32).collect();
    let mut random = Sequence::new(0x4ad1_a100 + u64::from(class));
    for _ in 0..PASSES {
        random.shuffle(&mut order);
        let mut most = 0.0f32;
        for row in order.iter().map(|row| *row as usize) {
            let gradient = signs[row] * scores[row] - 1.0;
            let before = alpha[row];
            let line = &lines[row * n..(row + 1) * n];
            let after = (before - gradient / line[row]).clamp(0.0, PENALTY * weights[row]);
            let step = after - before;
            if step != 0.0 {
                most = most.max(step.abs() * line[row]);
                alpha[row] = after;
                add(&mut scores, step * signs[row], line);
            }
        }
        if most < TOLERANCE {
            break;
        }
    }
    alpha.iter().zip(signs).map(|(a, sign)| a * sign).collect()
}

/// Adds what the machines say to `scores`, their constants left out. `cosines`: of the query with each example.
pub fn add_scores(factors: &[f32], cosines: &[f32], scores: &mut [f32]) {
    let mut near = cosines.to_vec();
    likenesses(&mut near);
    for (own, near) in factors.chunks_exact(scores.len().max(1)).zip(&near) {
        scores.iter_mut().zip(own).for_each(|(score, factor)| *score += factor * near);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dense::to_bytes;

    /// Two classes on a ring, in eight regions by turns: no plane separates them.
    fn ring() -> Neighbours {
        let mut random = Sequence::new(3);
        let (mut class, mut dense) = (Vec::new(), Vec::new());
        for at in 0..400u32 {
            let angle = random.unit() as f32 * std::f32::consts::TAU;
            class.push(((angle / std::f32::consts::TAU * 4.0) as u32) % 2);
            // Angles doubled twice over make near things alike enough for a likeness this wide.
            dense.push(to_bytes(&[angle.cos(), angle.sin(), (2.0 * angle).cos(), (2.0 * angle).sin(), 0.001 * at as f32]));
        }
        let none = vec![Vec::new(); class.len()];
        Neighbours::build(class, &none.iter().collect::<Vec<_>>(), 0, &dense)
    }

    #[test]
    fn regions_no_plane_separates_are_told_apart_whatever_the_threads() {
        let examples = ring();
        let weights = vec![1.0; examples.len()];
        let (factors, constants) = train(&examples, &weights, 2, 1);
        assert_eq!((factors.clone(), constants.clone()), train(&examples, &weights, 2, 3));
        let right = (0..examples.len())
            .filter(|row| {
                let (_, cosines) = examples.all(&Vec::new(), &examples.dense[row * 5..row * 5 + 5]);
                let mut scores = constants.clone();
                add_scores(&factors, &cosines, &mut scores);
                (scores[1] > scores[0]) == (examples.class[*row] == 1)
            })
            .count();
        assert!(right > 380, "{right} of 400");
    }

    #[test]
    fn no_row_has_more_influence_than_allowed() {
        let examples = ring();
        let (factors, _) = train(&examples, &vec![0.5; examples.len()], 2, 1);
        assert!(factors.iter().all(|f| f.abs() <= WEIGHT * PENALTY * 0.5 + 1e-6));
    }
}
