//! Figures of merit, computed the usual way so that they can be compared with published ones.

use serde::Serialize;
use std::collections::BTreeMap;

/// Macro-averaged F1 over every label that occurs in `gold` or in `said`. 0 for empty input.
pub fn macro_f1(gold: &[&str], said: &[&str]) -> f64 {
    let mut counts: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    for (g, s) in gold.iter().zip(said) {
        if g == s {
            counts.entry(g).or_default().0 += 1;
        } else {
            counts.entry(s).or_default().1 += 1;
            counts.entry(g).or_default().2 += 1;
        }
    }
    if counts.is_empty() {
        return 0.0;
    }
    let sum: f64 = counts.values().map(|(tp, fp, fng)| 2.0 * *tp as f64 / (2 * tp + fp + fng) as f64).sum();
    sum / counts.len() as f64
}

/// Matthews correlation for several classes (Gorodkin 2004); 0 when undefined.
pub fn matthews(gold: &[&str], said: &[&str]) -> f64 {
    let mut table: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    let mut right = 0.0;
    for (g, s) in gold.iter().zip(said) {
        table.entry(g).or_default().0 += 1.0;
        table.entry(s).or_default().1 += 1.0;
        if g == s {
            right += 1.0;
        }
    }
    let n = gold.len() as f64;
    let cross: f64 = table.values().map(|(t, p)| t * p).sum();
    let (tt, pp): (f64, f64) = table.values().fold((0.0, 0.0), |a, (t, p)| (a.0 + t * t, a.1 + p * p));
    let below = ((n * n - pp) * (n * n - tt)).sqrt();
    if below > 0.0 { (right * n - cross) / below } else { 0.0 }
}

/// Wilson score interval's lower end for `right` of `n` at `z` standard deviations (1.645 = 95 % one-sided). 0 for n = 0.
pub fn wilson_lower(right: f64, n: f64, z: f64) -> f64 {
    if n <= 0.0 {
        return 0.0;
    }
    let p = right / n;
    let centre = p + z * z / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    ((centre - spread) / (1.0 + z * z / n)).clamp(0.0, 1.0)
}

/// Value at share `q` (0..=1) of sorted values, nearest rank; 0 for none.
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    if sorted.is_empty() {
        return 0.0;
    }
    let rank = (q * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted[rank.min(sorted.len()) - 1]
}

/// Ranking figures.
#[derive(Debug, Clone, Copy, Default, Serialize, PartialEq)]
pub struct Ranking {
    /// Share of queries whose right entry is first.
    #[serde(rename = "hit@1")]
    pub hit1: f64,
    /// Share of queries whose right entry is among the first three.
    #[serde(rename = "hit@3")]
    pub hit3: f64,
    /// Mean of 1 / rank of the right entry (0 when absent).
    pub mrr: f64,
}

impl Ranking {
    /// From the ranks of the right entries, counted from 1; `None` = not found.
    pub fn of(ranks: &[Option<usize>]) -> Self {
        let n = ranks.len().max(1) as f64;
        let share = |k: usize| ranks.iter().filter(|r| r.is_some_and(|r| r <= k)).count() as f64 / n;
        Ranking { hit1: share(1), hit3: share(3), mrr: ranks.iter().flatten().fold(0.0, |sum, r| sum + 1.0 / *r as f64) / n }
    }
}
