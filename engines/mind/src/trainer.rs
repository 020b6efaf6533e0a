//! From labelled rows to a model: canonical order, choice of the penalty, thresholds learned with hidden intents.

use crate::calibrate::{Calibrator, Judged, ranked, signs};
use crate::core::{Core, FitOptions, Meaning, Prepared};
use crate::kernel::MOST_ROWS;
use crate::random::Sequence;

/// What the trainer decides by itself unless told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// Penalty; `None` = chosen by cross-validation on the training rows.
    pub c: Option<f32>,
    /// Weight of words and letters against sentence vectors; `None` = chosen from the number of examples.
    pub sparse_weight: Option<f32>,
    /// Weight of the nearest example in the score; `None` = chosen from the number of examples.
    pub neighbour_weight: Option<f32>,
    /// Weight of the multinomial regression beside the support vector machine; `None` = chosen from the number of examples.
    pub soft: Option<f32>,
    /// Precision asked of answers given alone.
    pub target: f64,
    /// Threads; the model does not depend on it.
    pub threads: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning { c: None, sparse_weight: None, neighbour_weight: None, soft: None, target: 0.95, threads: 1 }
    }
}

/// A fitted tier with its calibration.
#[derive(Debug, Clone, PartialEq)]
pub struct Tier {
    /// Dictionary, scores, examples.
    pub core: Core,
    /// Confidence and threshold.
    pub calibrator: Calibrator,
    /// How it was fitted.
    pub options: FitOptions,
}

/// Rows judged in one fold at most.
const MOST_JUDGED: usize = 3_000;
/// Rows × labels up to which a set is judged three times over: a second of training.
const MOST_REPEATED: usize = 20_000;
/// Share of the questions that belong to no label, as the threshold expects it.
const OUTSIDE: f64 = 0.15;
/// By how many standard errors the judged answers must be better than asked: with few examples their share says less.
const CAUTION: f64 = 0.5;
/// Examples a label from which features weigh by how differently the labels use them.
const OPINIONS: f32 = 500.0;
/// Penalties tried when none is given, strongest smoothing first.
const PENALTIES: [f32; 4] = [0.1, 0.3, 1.0, 3.0];

/// Fits one tier on prepared rows in canonical order.
pub fn fit_tier(rows: &[Prepared], classes: usize, blocks: &[u32], tuning: Tuning) -> Tier {
    let real: Vec<usize> = (0..rows.len()).filter(|r| !rows[*r].helper).collect();
    let per_class = real.len() as f32 / classes.max(1) as f32;
    let mut options = FitOptions {
        c: tuning.c.unwrap_or(1.0),
        sparse_weight: tuning.sparse_weight.unwrap_or(sparse_weight(per_class, blocks)),
        neighbour_weight: tuning.neighbour_weight.unwrap_or(neighbour_weight(per_class, !blocks.is_empty())),
        min_rows: if real.len() > 3_000 { 2 } else { 1 },
        threads: tuning.threads,
        tolerance: 0.1,
        soft: tuning.soft.unwrap_or(soft_weight(per_class, rows.len(), classes)),
        contrast: opinions(per_class, classes),
        meaning: if opinions(per_class, classes) && !blocks.is_empty() { Meaning::Likeness } else { Meaning::Plane },
    };
    if tuning.c.is_none() && classes > 1 {
        let meaning = if options.meaning == Meaning::Likeness { Meaning::Unread } else { options.meaning };
        options.c = choose_penalty(rows, &real, classes, blocks, FitOptions { meaning, ..options });
    }
    let judged = if classes > 1 { judge(rows, &real, classes, blocks, options) } else { Vec::new() };
    let calibrator = Calibrator::fit(&judged, tuning.target, CAUTION);
    let all: Vec<&Prepared> = rows.iter().collect();
    let core = Core::fit(&all, classes, blocks, options);
    Tier { core, calibrator, options }
}

/// With few examples a class, the nearest example says as much as a trained border when meaning is compared; letters alone add nothing to it.
fn neighbour_weight(per_class: f32, semantic: bool) -> f32 {
    match (per_class, semantic) {
        (p, _) if p < 2.0 => 4.0,
        (p, true) if p < 20.0 => 1.0,
        _ => 0.0,
    }
}

/// Classes compete for their examples where these are few; beyond, noise counts for more, and the time.
fn soft_weight(per_class: f32, rows: usize, classes: usize) -> f32 {
    if per_class < 25.0 && classes > 2 && rows <= MOST_ROWS { 1.0 } else { 0.0 }
}

/// Two or three labels with hundreds of examples each: opinions rather than wishes. The rows themselves then tell which features matter ([`crate::contrast`]).
fn opinions(per_class: f32, classes: usize) -> bool {
    classes <= 3 && per_class >= OPINIONS
}

/// With few examples and two encoders, letters and words say less than the sentence vectors.
fn sparse_weight(per_class: f32, blocks: &[u32]) -> f32 {
    if blocks.len() > 1 && per_class < 20.0 { 0.5 } else { 1.0 }
}

/// Fold of each real row: rows of a class are dealt evenly over the folds.
fn folds(rows: &[Prepared], real: &[usize], count: usize, seed: u64) -> Vec<usize> {
    let mut random = Sequence::new(seed);
    let mut order = real.to_vec();
    random.shuffle(&mut order);
    order.sort_by_key(|r| rows[*r].class);
    let mut fold = vec![usize::MAX; rows.len()];
    for (at, row) in order.iter().enumerate() {
        fold[*row] = at % count;
    }
    fold
}

fn choose_penalty(rows: &[Prepared], real: &[usize], classes: usize, blocks: &[u32], options: FitOptions) -> f32 {
    let counts = real.len();
    // Too few examples a class to learn the penalty from them; 1 is good from 5 to 20 examples on every set tried.
    if counts < 20 * classes {
        return if counts < 3 * classes { 3.0 } else { 1.0 };
    }
    // Large sets: one held-out fold is enough to tell penalties apart; with two or three labels all folds cost little.
    let (count, used) = if counts > 3_000 { (5, if classes <= 3 { 5 } else { 1 }) } else { (4, 4) };
    let fold = folds(rows, real, count, 11);
    let mut best = (0.0f64, 1.0f32);
    for c in PENALTIES {
        let mut right = 0usize;
        for held in 0..used {
            let train: Vec<&Prepared> = (0..rows.len()).filter(|r| fold[*r] != held).map(|r| &rows[r]).collect();
            let core = Core::fit(&train, classes, blocks, FitOptions { c, tolerance: rough(counts), ..options });
            let asked: Vec<usize> = real.iter().copied().filter(|r| fold[*r] == held && rows[*r].class.is_some()).collect();
            right += in_parallel(&asked, options.threads, |r| {
                let row = &rows[r];
                let view = core.view(&row.features, &row.dense, 1);
                ranked(&view.scores).first().copied() == row.class
            })
            .into_iter()
            .filter(|hit| *hit)
            .count();
        }
        // A stronger smoothing is kept unless the weaker one is clearly better; the curve has one hill, so stop after the top.
        if right as f64 > best.0 * 1.002 {
            best = (right as f64, c);
        } else if (right as f64) < best.0 {
            break;
        }
    }
    best.1
}

/// Stop criterion of fits that only choose or judge: large sets need no more to tell.
fn rough(rows: usize) -> f32 {
    match rows {
        0..=3_000 => 0.1,
        3_001..=8_000 => 0.5,
        _ => 1.0,
    }
}

/// Out-of-fold judgements. In every fold a fifth of the intents is hidden from training; their questions must be refused.
fn judge(rows: &[Prepared], real: &[usize], classes: usize, blocks: &[u32], options: FitOptions) -> Vec<Judged> {
    let n = real.len();
    if n < 20 {
        return Vec::new();
    }
    // Small sets are judged three times over; many labels make that dear, and bring more judged questions of themselves.
    let (count, repeats) = if n > 5_000 { (3, 1) } else if n > 1_000 || n * classes > MOST_REPEATED { (5, 1) } else { (5, 3) };
    let hide = classes >= 5;
    let mut out = Vec::new();
    // Each question counts once over all repeats. Four in five are asked with their label known; in every fold the fifth whose label is
    // hidden is asked, and what is asked so makes up its share of all.
    let once = 1.0 / repeats as f64;
    let outside = once * 4.0 / count as f64 * OUTSIDE / (1.0 - OUTSIDE);
    for repeat in 0..repeats {
        let fold = folds(rows, real, count, 100 + repeat);
        let mut order: Vec<usize> = (0..classes).collect();
        Sequence::new(200 + repeat).shuffle(&mut order);
        let mut group = vec![usize::MAX; classes];
        // A fifth of the intents a fold, whatever the number of folds.
        order.iter().enumerate().for_each(|(at, class)| group[*class] = at % 5);
        for held in 0..count {
            let hidden = |row: &Prepared| hide && row.class.is_some_and(|c| group[c as usize] == held);
            let train: Vec<&Prepared> =
                (0..rows.len()).filter(|r| fold[*r] != held && !hidden(&rows[*r])).map(|r| &rows[r]).collect();
            let core = Core::fit(&train, classes, blocks, FitOptions { tolerance: rough(n), ..options });
            let mut asked: Vec<usize> = real.iter().copied().filter(|r| fold[*r] == held || hidden(&rows[*r])).collect();
            // A few thousand judgements say as much as all; evenly spread, so every class keeps its share.
            let step = asked.len().div_ceil(MOST_JUDGED);
            asked = asked.into_iter().step_by(step.max(1)).collect();
            out.extend(
                in_parallel(&asked, options.threads, |r| {
                    let row = &rows[r];
                    let is_hidden = hidden(row);
                    let mut view = core.view(&row.features, &row.dense, 5);
                    if hide {
                        // A hidden class has no examples; its constant score is no rival.
                        for (class, g) in group.iter().enumerate() {
                            if *g == held {
                                view.scores[class] = f32::NEG_INFINITY;
                            }
                        }
                    }
                    let top = ranked(&view.scores).first().copied()?;
                    let right = !is_hidden && row.class == Some(top);
                    let weight = if is_hidden { outside } else { once };
                    Some(Judged { signs: signs(&view, top, row.length), right, weight })
                })
                .into_iter()
                .flatten(),
            );
        }
    }
    out
}

/// Maps `items` in order on several threads.
pub(crate) fn in_parallel<T: Copy + Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let part = items.len().div_ceil(threads.clamp(1, 256)).max(1);
    let work = &work;
    std::thread::scope(|scope| {
        let running: Vec<_> =
            items.chunks(part).map(|chunk| scope.spawn(move || chunk.iter().map(|item| work(*item)).collect::<Vec<R>>())).collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect()
    })
}
