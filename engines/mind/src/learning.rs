//! Learning from people: what to have checked next, how much one person may move, what may be published.

use crate::calibrate::{Calibrator, Judged, ranked, signs};
use crate::core::View;
use crate::encoder::Encode;
use crate::evaluate::{Figures, evaluate};
use crate::measure::wilson_lower;
use crate::mind::{Encoders, Mind};
use crate::normalise::normalise;
use crate::problem::{Problem, Result};
use crate::rows::{OOS, Row};
use crate::similar::{Collection, DUPLICATE};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Checked queries needed before confidence may be refitted on them.
pub const LEAST_CHECKED: usize = 200;

/// One thing worth checking.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// A text that stands for its near-duplicates.
    pub text: String,
    /// How many texts it stands for.
    pub frequency: usize,
    /// Best label so far.
    pub label: Option<String>,
    /// Confidence of that label.
    pub confidence: f64,
    /// Lead of the best label over the second (scores).
    pub margin: f32,
    /// frequency × exp(−margin): what the queue is ordered by.
    pub priority: f64,
}

/// Orders `texts` by how much a checked label would teach: small margin × frequency, near-duplicates collapsed.
pub fn queue(mind: &Mind, texts: &[String], encoders: Encoders<'_>, limit: usize) -> Vec<Item> {
    let collection = Collection::new(texts, encoders.first().copied() as Option<&dyn Encode>);
    let mut items: Vec<Item> = collection
        .duplicates(DUPLICATE)
        .into_iter()
        // Emoji and punctuation teach nothing, whatever label they are given.
        .filter(|group| texts[group[0]].chars().any(char::is_alphanumeric))
        .map(|group| {
            let text = texts[group[0]].clone();
            let (prediction, view, _) = mind.predict_with_view(&text, encoders);
            let margin = lead(&view);
            Item {
                frequency: group.len(),
                label: prediction.label,
                confidence: prediction.confidence,
                margin,
                priority: group.len() as f64 * f64::from(-margin).exp(),
                text,
            }
        })
        .collect();
    items.sort_by(|a, b| b.priority.total_cmp(&a.priority).then_with(|| a.text.cmp(&b.text)));
    items.truncate(limit);
    items
}

/// Lead of the best class over the second; with one class its score.
pub fn margin(mind: &Mind, text: &str, encoders: Encoders<'_>) -> f32 {
    lead(&mind.look(text, encoders).0)
}

fn lead(view: &View) -> f32 {
    let order = ranked(&view.scores);
    match order[..] {
        [a, b, ..] => view.scores[a as usize] - view.scores[b as usize],
        [a] => view.scores[a as usize],
        [] => 0.0,
    }
}

/// One label given by somebody during work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// Who or what gave it: an agent's id, a customer's conversation, an import.
    pub source: String,
    /// The label given.
    pub label: String,
    /// The text.
    pub text: String,
}

/// How much corrections may move.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Influence {
    /// Total weight one source may have, as a share of the checked rows' weight.
    pub per_source: f32,
    /// Total weight one source may have on one label, as a share of that label's checked weight (at least one row).
    pub per_label: f32,
    /// Sources that must agree before a correction may contradict a checked row with the same text.
    pub to_contradict: usize,
}

impl Default for Influence {
    fn default() -> Self {
        Influence { per_source: 0.03, per_label: 0.25, to_contradict: 2 }
    }
}

/// Turns corrections into training rows whose weight is bounded per source, so that nobody alone can turn a model.
/// The same text and label from several sources adds up; a correction that contradicts a checked row counts only when enough sources agree.
/// The result does not depend on the order.
pub fn admit(checked: &[Row], corrections: &[Correction], bounds: Influence) -> Vec<Row> {
    let total: f32 = checked.iter().map(|r| r.weight).sum();
    let mut label_weight: BTreeMap<&str, f32> = BTreeMap::new();
    let mut known: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for row in checked {
        *label_weight.entry(&row.label).or_default() += row.weight;
        known.entry(normalise(&row.text)).or_default().push(&row.label);
    }
    let mut said: BTreeMap<(String, &str), (Vec<&str>, &str)> = BTreeMap::new();
    let mut sorted: Vec<&Correction> = corrections.iter().collect();
    sorted.sort_by(|a, b| (&a.source, &a.label, &a.text).cmp(&(&b.source, &b.label, &b.text)));
    for c in sorted {
        let entry = said.entry((normalise(&c.text), &c.label)).or_insert_with(|| (Vec::new(), &c.text));
        if !entry.0.contains(&c.source.as_str()) {
            entry.0.push(&c.source);
        }
    }
    said.retain(|(text, label), (sources, _)| {
        let contradicts = known.get(text).is_some_and(|labels| !labels.contains(label));
        !contradicts || sources.len() >= bounds.to_contradict
    });
    let mut by_source: BTreeMap<&str, usize> = BTreeMap::new();
    let mut by_source_label: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for ((_, label), (sources, _)) in &said {
        for source in sources {
            *by_source.entry(source).or_default() += 1;
            *by_source_label.entry((source, label)).or_default() += 1;
        }
    }
    said.iter()
        .filter_map(|((_, label), (sources, text))| {
            let weight: f32 = sources
                .iter()
                .map(|source| {
                    let all = (bounds.per_source * total).max(1.0) / by_source[source] as f32;
                    let own = (bounds.per_label * label_weight.get(label).copied().unwrap_or(0.0)).max(1.0);
                    1.0f32.min(all).min(own / by_source_label[&(*source, *label)] as f32)
                })
                .sum();
            (weight > 0.0).then(|| Row { label: label.to_string(), text: text.to_string(), weight: weight.min(2.0) })
        })
        .collect()
}

/// Refits confidence and threshold of the tier in use on queries that people checked. `target`: asked precision; ask for 0.97 to get 0.95.
/// Everything else of the model stays. Error with fewer than [`LEAST_CHECKED`] rows, with fewer
/// than half as many different texts, when most labels are unknown to the model, or a target that is no share above 0.
pub fn recalibrate(mind: &Mind, checked: &[Row], target: f64, encoders: Encoders<'_>) -> Result<Mind> {
    if checked.len() < LEAST_CHECKED {
        return Err(Problem::new("learn.too_few", format!("{} checked queries", checked.len()), format!("at least {LEAST_CHECKED}")));
    }
    let different = checked.iter().map(|r| normalise(&r.text)).collect::<BTreeSet<_>>().len();
    if different < LEAST_CHECKED / 2 {
        return Err(Problem::new("learn.too_alike", format!("{different} different texts among {} checked queries", checked.len()),
            format!("at least {} different ones", LEAST_CHECKED / 2)));
    }
    let known = checked.iter().filter(|r| r.label == OOS || mind.labels.binary_search(&r.label).is_ok()).count();
    if known * 2 < checked.len() {
        return Err(Problem::new("learn.unknown_labels", format!("{} of {} checked queries have labels the model does not know", checked.len() - known, checked.len()),
            "labels of this model, or OOS; new labels are learnt by training"));
    }
    if !(target > 0.0 && target <= 1.0) {
        return Err(Problem::new("learn.target", format!("asked precision {target}"), "a share above 0, at most 1"));
    }
    let mut next = mind.clone();
    let refit = |encoders: Encoders<'_>| -> Calibrator {
        let judged: Vec<Judged> = checked
            .iter()
            .filter_map(|row| {
                let (view, length, speaks, _) = mind.look(&row.text, encoders);
                let top = ranked(&view.scores).first().copied().filter(|_| speaks)?;
                let right = row.label != OOS && mind.labels[top as usize] == row.label;
                Some(Judged { signs: signs(&view, top, length), right, weight: 1.0 })
            })
            .collect();
        Calibrator::fit(&judged, target, 0.0)
    };
    next.sparse.calibrator = refit(&[]);
    if mind.tier(encoders).1 == "semantic"
        && let Some((tier, _)) = &mut next.semantic
    {
        tier.calibrator = refit(encoders);
    }
    Ok(next)
}

/// What people found for one label: answers given alone that were checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Feedback {
    /// Right ones.
    pub right: u32,
    /// All checked ones.
    pub checked: u32,
}

/// The lower end of the 95 % one-sided interval of a label's precision (Wilson).
pub fn lower_bound(feedback: Feedback) -> f64 {
    wilson_lower(f64::from(feedback.right), f64::from(feedback.checked), 1.645)
}

/// True when a label may be answered alone: its lower bound reaches `target`. A label without feedback may not.
pub fn may_answer(label: &str, feedback: &BTreeMap<String, Feedback>, target: f64) -> bool {
    feedback.get(label).is_some_and(|f| lower_bound(*f) >= target)
}

/// Verdict on a candidate model.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// True when the candidate may be published.
    pub publish: bool,
    /// Why not; empty when it may.
    pub reasons: Vec<String>,
    /// Figures of the current model on the locked set.
    pub current: Figures,
    /// Figures of the candidate on the locked set.
    pub candidate: Figures,
    /// Replayed queries.
    pub replayed: usize,
    /// Share of replayed queries whose label or acceptance changed.
    pub changed: f64,
    /// Examples of changed answers: text, before, after.
    pub changes: Vec<(String, Option<String>, Option<String>)>,
}

/// Share of the questions answered alone that a candidate must keep answering.
const KEEP_ANSWERING: f64 = 0.8;

/// Why a candidate that answers `after` instead of `before` questions alone is refused, if it is: it answers none any more, or less than
/// [`KEEP_ANSWERING`] of them without a `cause` to hold back.
fn silenced(what: &str, before: f64, after: f64, cause: bool) -> Option<String> {
    let said = format!("{:.1} % instead of {:.1} %", 100.0 * after, 100.0 * before);
    if before > 0.0 && after <= 0.0 {
        Some(format!("{what} answered alone: none any more ({said})"))
    } else if after < KEEP_ANSWERING * before && !cause {
        Some(format!("{what} answered alone: {said}, more than a fifth fewer"))
    } else {
        None
    }
}

/// Compares a candidate with the current model on a locked set and on replayed queries. It is refused when it loses more than a point of
/// accuracy, when its answers given alone become less often right (by more than half a point), when it lets more out-of-scope rows
/// through (by more than two points), when a label of the locked set is gone, when more than a fifth of the replayed queries would get
/// another answer than the one that went out, or when it falls silent: it answers nothing alone any more where the current model
/// did, or more than a fifth fewer of the locked rows or of the replayed queries. Answering fewer is no fault where the current model is
/// less often right than it was asked to be and the candidate is more often right; answering none is one even there.
pub fn compare(current: &Mind, candidate: &Mind, locked: &[Row], queries: &[String], encoders: (Encoders<'_>, Encoders<'_>)) -> Result<Verdict> {
    if locked.is_empty() {
        return Err(Problem::new("learn.no_locked_set", "the locked set is empty", "checked rows that no model was trained on"));
    }
    let before = evaluate(current, locked, encoders.0);
    let after = evaluate(candidate, locked, encoders.1);
    let mut reasons = Vec::new();
    let points = |a: f64, b: f64| format!("{:.2} % instead of {:.2} %", 100.0 * a, 100.0 * b);
    if after.accuracy < before.accuracy - 0.01 {
        reasons.push(format!("accuracy on the locked set: {}", points(after.accuracy, before.accuracy)));
    }
    if let (Some(a), Some(b)) = (after.auto.precision, before.auto.precision)
        && a < b - 0.005
    {
        reasons.push(format!("precision of answers given alone: {}", points(a, b)));
    }
    if before.oos.n > 0 && after.oos.rejected < before.oos.rejected - 0.02 {
        reasons.push(format!("out-of-scope questions refused: {}", points(after.oos.rejected, before.oos.rejected)));
    }
    let asked = current.tier(encoders.0).0.calibrator.target;
    let cause = match (before.auto.precision, after.auto.precision) {
        (Some(b), Some(a)) => b < asked && a > b,
        _ => false,
    };
    reasons.extend(silenced("locked rows", before.auto.coverage, after.auto.coverage, cause));
    let gone: Vec<&str> = locked
        .iter()
        .map(|r| r.label.as_str())
        .filter(|l| *l != OOS && current.labels.iter().any(|c| c == l) && !candidate.labels.iter().any(|c| c == l))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    if !gone.is_empty() {
        reasons.push(format!("labels of the locked set are gone: {}", gone.join(", ")));
    }
    let mut changes = Vec::new();
    let mut sent = (0usize, 0usize);
    for text in queries {
        let (a, b) = (current.predict(text, encoders.0), candidate.predict(text, encoders.1));
        let sure = |p: &crate::mind::Prediction| p.label.clone().filter(|_| p.accepted);
        sent = (sent.0 + usize::from(a.accepted), sent.1 + usize::from(b.accepted));
        if sure(&a) != sure(&b) {
            changes.push((text.clone(), sure(&a), sure(&b)));
        }
    }
    let changed = if queries.is_empty() { 0.0 } else { changes.len() as f64 / queries.len() as f64 };
    // An answer that went out and now is another one is worse than one that is now withheld or newly given.
    let swapped = changes.iter().filter(|c| c.1.is_some() && c.2.is_some()).count();
    if !queries.is_empty() && swapped as f64 > 0.2 * queries.len() as f64 {
        reasons.push(format!("{swapped} of {} replayed queries would get another answer", queries.len()));
    }
    let of_queries = |count: usize| count as f64 / queries.len().max(1) as f64;
    reasons.extend(silenced("replayed queries", of_queries(sent.0), of_queries(sent.1), cause));
    let replayed = queries.len();
    changes.truncate(20);
    Ok(Verdict { publish: reasons.is_empty(), reasons, current: before, candidate: after, replayed, changed, changes })
}
