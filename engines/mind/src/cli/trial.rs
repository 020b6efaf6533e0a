//! `trial`: what a model of these rows would do with rows it has not seen and intents it does not know; the rows themselves are the test.

use super::args::Args;
use super::{Streams, files};
use crate::encoder::Encode;
use crate::evaluate::evaluate;
use crate::measure::wilson_lower;
use crate::mind::{Mind, Purpose, TrainOptions};
use crate::problem::{Problem, Result};
use crate::random::Sequence;
use crate::rows::{OOS, Row};
use crate::trainer::Tuning;
use serde::Serialize;
use std::collections::BTreeMap;

/// Parts the rows and the labels are dealt into.
const PARTS: usize = 5;

/// Sums over all parts.
#[derive(Debug, Clone, Copy, Default, Serialize, PartialEq)]
pub struct Trial {
    /// Rows of known labels that were asked.
    pub inside: usize,
    /// Rows of hidden labels that were asked; each must be refused.
    pub outside: usize,
    /// Share of the inside rows whose first label is right.
    pub accuracy: f64,
    /// Answers given alone.
    pub accepted: usize,
    /// Share of them that were right; `null` when none was given.
    pub precision: Option<f64>,
    /// Lower end of that share (Wilson, 95 % one-sided).
    pub precision_at_least: f64,
    /// Share of the inside rows answered alone.
    pub coverage: f64,
    /// Share of the outside rows refused.
    pub refused: f64,
}

/// In every part a fifth of the rows is kept apart and a fifth of the labels hidden; training, calibration and threshold see neither.
/// Needs at least five labels and ten rows.
pub fn trial(rows: &[Row], purpose: Purpose, tuning: Tuning, encoders: &[&dyn Encode]) -> Result<Trial> {
    let mut by_label: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    rows.iter().for_each(|r| by_label.entry(&r.label).or_default().push(r));
    let mut labels: Vec<&str> = by_label.keys().copied().filter(|l| *l != OOS).collect();
    if labels.len() < PARTS || rows.len() < 2 * PARTS {
        return Err(Problem::new("trial.few", format!("{} labels, {} rows", labels.len(), rows.len()), "at least 5 labels and 10 rows"));
    }
    let mut random = Sequence::new(31);
    random.shuffle(&mut labels);
    let group: BTreeMap<&str, usize> = labels.iter().enumerate().map(|(at, label)| (*label, at % PARTS)).collect();
    let mut part: Vec<Vec<Row>> = vec![Vec::new(); PARTS];
    let mut next = 0;
    for rows in by_label.values_mut() {
        rows.sort_by(|a, b| a.text.cmp(&b.text));
        random.shuffle(rows);
        for row in rows {
            part[next % PARTS].push((*row).clone());
            next += 1;
        }
    }
    let mut out = Trial::default();
    let (mut right, mut accepted_right, mut covered, mut refused) = (0.0, 0.0, 0.0, 0.0);
    for held in 0..PARTS {
        let hidden = |row: &Row| group.get(row.label.as_str()) == Some(&held);
        let train: Vec<Row> = (0..PARTS).filter(|p| *p != held).flat_map(|p| &part[p]).filter(|r| !hidden(r)).cloned().collect();
        let asked: Vec<Row> = part[held]
            .iter()
            .map(|row| if hidden(row) { Row::new(OOS, row.text.as_str()) } else { row.clone() })
            .collect();
        let mind = Mind::train(&train, TrainOptions { purpose, tuning }, encoders)?;
        let figures = evaluate(&mind, &asked, encoders);
        let inside = figures.n - figures.oos.n;
        out.inside += inside;
        out.outside += figures.oos.n;
        out.accepted += figures.auto.accepted;
        right += figures.accuracy * inside as f64;
        accepted_right += figures.auto.precision.unwrap_or(0.0) * figures.auto.accepted as f64;
        covered += figures.auto.coverage * inside as f64;
        refused += figures.oos.rejected * figures.oos.n as f64;
    }
    let share = |a: f64, b: usize| a / b.max(1) as f64;
    out.accuracy = share(right, out.inside);
    out.precision = (out.accepted > 0).then(|| share(accepted_right, out.accepted));
    out.precision_at_least = wilson_lower(accepted_right, out.accepted as f64, 1.645);
    out.coverage = share(covered, out.inside);
    out.refused = share(refused, out.outside);
    Ok(out)
}

/// `shouwen mind trial`.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    let rows = files::rows_with_answers(args.all("--data"), true)?.into_iter().map(|r| r.0).collect::<Vec<_>>();
    let library = files::encoders(&args.encoder_folder(), args.one("--tier").unwrap_or("auto"), streams.err)?;
    let encoders = library.choose(files::mostly_english(&rows));
    streams.json(&trial(&rows, Purpose::Faq, args.tuning()?, &encoders)?)
}
