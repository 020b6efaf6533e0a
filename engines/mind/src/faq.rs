//! A knowledge base as a model: entries, their questions, their answers.

use crate::encoder::Encode;
use crate::mind::{Mind, Purpose, TrainOptions};
use crate::problem::Result;
use crate::rows::{OOS, Row};
use crate::trainer::Tuning;
use serde::Serialize;

/// One entry found for a query.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// Entry id.
    pub id: String,
    /// Share of the score, 0..=1; all hits of a query add up to at most 1.
    pub score: f64,
    /// The answer, when the entry has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// Weight of the first question of an entry: whoever wrote the entry chose these words for it.
const LEAD: f32 = 5.0;

/// Lets the first row of every label, its standard question, count more than the questions that follow it.
pub fn lead(rows: &mut [Row]) {
    let mut seen = std::collections::BTreeSet::new();
    for row in rows.iter_mut().filter(|r| r.label != OOS) {
        if seen.insert(row.label.clone()) {
            row.weight *= LEAD;
        }
    }
}

/// Builds the index. Rows: entry id and question, optional answer; several rows may share an id, the last answer given counts.
pub fn index(rows: Vec<(Row, Option<String>)>, tuning: Tuning, encoders: &[&dyn Encode]) -> Result<Mind> {
    let mut plain: Vec<Row> = rows.iter().map(|r| r.0.clone()).collect();
    lead(&mut plain);
    let mut mind = Mind::train(&plain, TrainOptions { purpose: Purpose::Faq, tuning }, encoders)?;
    for (row, answer) in rows {
        if let Some(answer) = answer {
            mind.answers.insert(row.label, answer);
        }
    }
    Ok(mind)
}

/// The model of the old rows and these: as [`Mind::update`], with answers. In a knowledge base the first question of an entry it did not
/// have is the standard question of that entry; the last answer given counts.
pub fn extend(mind: &Mind, rows: Vec<(Row, Option<String>)>, tuning: Tuning, encoders: &[&dyn Encode]) -> Result<Mind> {
    let mut plain: Vec<Row> = rows.iter().map(|r| r.0.clone()).collect();
    if mind.purpose == Purpose::Faq {
        let (mut new, known): (Vec<Row>, Vec<Row>) = plain.into_iter().partition(|r| mind.labels.binary_search(&r.label).is_err());
        lead(&mut new);
        plain = new;
        plain.extend(known);
    }
    let mut next = mind.update(&plain, &[], tuning, encoders)?;
    for (row, answer) in rows {
        if let Some(answer) = answer {
            next.answers.insert(row.label, answer);
        }
    }
    Ok(next)
}

/// The best `k` entries for a query: trained scores, lexical and semantic likeness fused. Empty for a text without content.
pub fn search(mind: &Mind, query: &str, k: usize, encoders: &[&dyn Encode]) -> Vec<Hit> {
    let (view, _, speaks, _) = mind.look(query, encoders);
    if !speaks {
        return Vec::new();
    }
    let shares = crate::calibrate::softmax(&view.scores);
    crate::calibrate::ranked(&view.scores)
        .into_iter()
        .take(k)
        .map(|class| {
            let id = mind.labels[class as usize].clone();
            Hit { score: shares[class as usize], answer: mind.answers.get(&id).cloned(), id }
        })
        .collect()
}
