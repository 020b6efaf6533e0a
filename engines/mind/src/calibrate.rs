//! How sure: a probability that the first label is right, and the level from which an answer may go out alone.

use crate::core::View;
use serde::{Deserialize, Serialize};

/// Number of things the confidence looks at.
pub const SIGNS: usize = 11;
/// Signs that may only raise the confidence: top score, margin, softmax. Keeps the confidence monotone in the score.
const RISING: usize = 3;
/// Names of the signs, in order; used in explanations.
pub const SIGN_NAMES: [&str; SIGNS] = [
    "score", "margin", "softmax", "rivals", "similar_any", "similar_label", "meaning_any", "meaning_label", "agreement", "length",
    "known",
];

/// How strongly the weight of each sign is pulled to zero, in questions judged. Margin, share and known text tell right from wrong on every set
/// tried; what the other signs add shows only where there are many questions, and with few it is mostly luck.
const PULL: [f64; SIGNS] = [100.0, 1.0, 1.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 1.0];
/// Steepness of the share that is looked at: a little steeper than the shares that are shown, so that distant rivals say less.
const STEEPNESS: f32 = 2.5;
/// Weight of the questions answered below which no level is trusted.
const LEAST_ANSWERED: f64 = 10.0;

/// The signs of one query.
pub type Signs = [f64; SIGNS];

/// One judged query: its signs, whether the first label was right, and how much it counts.
#[derive(Debug, Clone, Copy)]
pub struct Judged {
    /// Signs of the query.
    pub signs: Signs,
    /// True when the first label was right.
    pub right: bool,
    /// Weight of the row; all rows together weigh as much as there are questions.
    pub weight: f64,
}

/// The order of classes by score, best first; ties by class number.
pub fn ranked(scores: &[f32]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    order.sort_unstable_by(|a, b| scores[*b as usize].total_cmp(&scores[*a as usize]).then(a.cmp(b)));
    order
}

/// Softmax share of each class, computed on twice the scores (a margin of 1 is a clear win for a support vector machine).
pub fn softmax(scores: &[f32]) -> Vec<f64> {
    shares(scores, 2.0)
}

/// Softmax share of each class, on `steepness` times the scores.
fn shares(scores: &[f32], steepness: f32) -> Vec<f64> {
    let top = scores.iter().fold(f32::NEG_INFINITY, |m, s| m.max(*s));
    let parts: Vec<f64> = scores.iter().map(|s| f64::from(steepness * (s - top)).exp()).collect();
    let sum: f64 = parts.iter().sum();
    parts.iter().map(|p| p / sum.max(1e-300)).collect()
}

/// Reads the signs of a query whose best class is `top`. `length`: number of units of the text.
pub fn signs(view: &View, top: u32, length: usize) -> Signs {
    let best = f64::from(view.scores[top as usize]);
    let others = view.scores.iter().enumerate().filter(|(class, _)| *class as u32 != top);
    let second = others.clone().fold(f64::NEG_INFINITY, |m, (_, s)| m.max(f64::from(*s)));
    let margin = if second.is_finite() { best - second } else { best };
    let rivals = others.filter(|(_, s)| **s > -0.5).count() as f64;
    let any = view.best_of_class.iter().fold((0.0f32, 0.0f32), |m, b| (m.0.max(b.0), m.1.max(b.1)));
    let own = view.best_of_class.get(top as usize).copied().unwrap_or_default();
    let votes = view.nearest.iter().take(5).filter(|n| n.class == top).count() as f64;
    [
        best,
        margin,
        shares(&view.scores, STEEPNESS)[top as usize],
        (1.0 + rivals).ln(),
        f64::from(any.0),
        f64::from(own.0),
        f64::from(any.1),
        f64::from(own.1),
        votes / view.nearest.len().clamp(1, 5) as f64,
        (1.0 + length as f64).ln(),
        f64::from(view.known),
    ]
}

/// Logistic regression over standardised signs, and the level for answering alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrator {
    /// Mean of each sign.
    pub mean: Vec<f64>,
    /// Standard deviation of each sign (1 where it never varied).
    pub spread: Vec<f64>,
    /// Weight of each standardised sign.
    pub weights: Vec<f64>,
    /// Constant.
    pub bias: f64,
    /// An answer may go out alone from this confidence on; above 1 = never.
    pub threshold: f64,
    /// The precision that was asked for when the threshold was chosen.
    pub target: f64,
    /// Where the threshold came from: number of judged rows.
    pub judged: usize,
}

#[allow(clippy::needless_range_loop)] // matrix arithmetic reads best with indices
impl Calibrator {
    /// Confidence in 0..=1 that the first label is right.
    pub fn confidence(&self, signs: &Signs) -> f64 {
        let mut sum = self.bias;
        for (((sign, weight), mean), spread) in signs.iter().zip(&self.weights).zip(&self.mean).zip(&self.spread) {
            sum += weight * (sign - mean) / spread;
        }
        1.0 / (1.0 + (-sum).exp())
    }

    /// Nothing was judged: confidence follows the softmax share, and nothing goes out alone.
    pub fn untrained(target: f64) -> Self {
        let mut weights = vec![0.0; SIGNS];
        weights[2] = 4.0;
        let mut mean = vec![0.0; SIGNS];
        mean[2] = 0.5;
        Calibrator { mean, spread: vec![1.0; SIGNS], weights, bias: 0.0, threshold: 2.0, target, judged: 0 }
    }

    /// Fits confidence and threshold on judged queries. `target`: asked precision of answers given alone, 0..1; `caution`: by how many standard
    /// errors the judged answers must be better than that, see [`threshold`]. Fewer than 20 rows, or all right, or all wrong: see
    /// [`Calibrator::untrained`], with the threshold at the softmax level that was always right.
    pub fn fit(judged: &[Judged], target: f64, caution: f64) -> Self {
        let total: f64 = judged.iter().map(|j| j.weight).sum();
        let right: f64 = judged.iter().filter(|j| j.right).map(|j| j.weight).sum();
        let mut out = Calibrator::untrained(target);
        out.judged = judged.len();
        if judged.len() < 20 || right <= 0.0 {
            return out;
        }
        if total - right > 0.0 {
            out.learn(judged, total);
        }
        out.threshold = threshold(judged.iter().map(|j| (out.confidence(&j.signs), j.right, j.weight)).collect(), target, caution);
        out
    }

    fn learn(&mut self, judged: &[Judged], total: f64) {
        for i in 0..SIGNS {
            let mean = judged.iter().map(|j| j.weight * j.signs[i]).sum::<f64>() / total;
            let var = judged.iter().map(|j| j.weight * (j.signs[i] - mean).powi(2)).sum::<f64>() / total;
            self.mean[i] = mean;
            self.spread[i] = if var > 1e-12 { var.sqrt() } else { 1.0 };
        }
        let mut held = [false; SIGNS];
        loop {
            self.weights = vec![0.0; SIGNS];
            self.bias = 0.0;
            for _ in 0..25 {
                if self.newton(judged, &held) < 1e-9 {
                    break;
                }
            }
            match (0..RISING).find(|i| self.weights[*i] < 0.0) {
                Some(i) => {
                    held[i] = true;
                    self.weights[i] = 0.0;
                }
                None => break,
            }
        }
    }

    /// One Newton step on the penalised likelihood; returns the largest change.
    fn newton(&mut self, judged: &[Judged], held: &[bool; SIGNS]) -> f64 {
        const N: usize = SIGNS + 1;
        let mut gradient = [0.0f64; N];
        let mut hessian = [[0.0f64; N]; N];
        for j in judged {
            let mut x = [1.0f64; N];
            for i in 0..SIGNS {
                x[i] = if held[i] { 0.0 } else { (j.signs[i] - self.mean[i]) / self.spread[i] };
            }
            let p = self.confidence(&j.signs);
            let error = j.weight * (f64::from(u8::from(j.right)) - p);
            let curve = j.weight * (p * (1.0 - p)).max(1e-9);
            for a in 0..N {
                gradient[a] += error * x[a];
                for b in 0..=a {
                    hessian[a][b] += curve * x[a] * x[b];
                }
            }
        }
        for i in 0..SIGNS {
            gradient[i] -= PULL[i] * self.weights[i];
            hessian[i][i] += PULL[i];
        }
        hessian[SIGNS][SIGNS] += 1e-6;
        for a in 0..N {
            for b in 0..a {
                hessian[b][a] = hessian[a][b];
            }
        }
        let step = solve(hessian, gradient);
        let mut most = 0.0f64;
        for (i, s) in step.iter().enumerate() {
            let s = s.clamp(-2.0, 2.0);
            most = most.max(s.abs());
            if i < SIGNS { self.weights[i] += s } else { self.bias += s }
        }
        most
    }
}

#[allow(clippy::needless_range_loop)] // matrix arithmetic reads best with indices
/// Gaussian elimination with pivoting; a singular column gives 0.
fn solve<const N: usize>(mut a: [[f64; N]; N], mut b: [f64; N]) -> [f64; N] {
    for col in 0..N {
        let pivot = (col..N).fold(col, |best, r| if a[r][col].abs() > a[best][col].abs() { r } else { best });
        a.swap(col, pivot);
        b.swap(col, pivot);
        if a[col][col].abs() < 1e-12 {
            continue;
        }
        for row in col + 1..N {
            let factor = a[row][col] / a[col][col];
            for k in col..N {
                a[row][k] -= factor * a[col][k];
            }
            b[row] -= factor * b[col];
        }
    }
    let mut x = [0.0; N];
    for row in (0..N).rev() {
        let sum: f64 = (row + 1..N).map(|k| a[row][k] * x[k]).sum();
        x[row] = if a[row][row].abs() < 1e-12 { 0.0 } else { (b[row] - sum) / a[row][row] };
    }
    x
}

/// The lowest confidence from which on the (confidence, right, weight) rows are right often enough: at least `target` of them, and that by
/// `caution` standard errors of a share of `target` among as many. 2.0 (never) when no level does it with a weight of at least 10.
pub fn threshold(mut rows: Vec<(f64, bool, f64)>, target: f64, caution: f64) -> f64 {
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut all, mut found) = (0.0, 0.0, 2.0);
    for (at, row) in rows.iter().enumerate() {
        all += row.2;
        right += if row.1 { row.2 } else { 0.0 };
        let last_of_level = rows.get(at + 1).is_none_or(|next| next.0 < row.0);
        let spare = caution * (target * (1.0 - target) / all).max(0.0).sqrt();
        if last_of_level && all >= LEAST_ANSWERED && right / all >= target + spare {
            found = row.0;
        }
    }
    found
}
