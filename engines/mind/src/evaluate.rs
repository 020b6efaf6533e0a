//! A model against labelled test rows.

use crate::measure::{Ranking, macro_f1, matthews};
use crate::mind::{Encoders, Mind};
use crate::rows::{OOS, Row};
use serde::Serialize;

/// Out-of-scope rows of a test.
#[derive(Debug, Clone, Copy, Default, Serialize, PartialEq)]
pub struct OosFigures {
    /// Rows labelled OOS.
    pub n: usize,
    /// Share of them that was not accepted, 0..=1; 0 when there are none.
    pub rejected: f64,
}

/// Answers that would have gone out alone.
#[derive(Debug, Clone, Copy, Default, Serialize, PartialEq)]
pub struct AutoFigures {
    /// Share of in-scope rows accepted.
    pub coverage: f64,
    /// Share of all accepted rows (out-of-scope ones included) that were right; `null` when none was accepted.
    pub precision: Option<f64>,
    /// Accepted rows.
    pub accepted: usize,
}

/// What a test says about a model. All shares 0..=1.
#[derive(Debug, Clone, Default, Serialize, PartialEq)]
pub struct Figures {
    /// All rows.
    pub n: usize,
    /// Share of in-scope rows whose first label is right.
    pub accuracy: f64,
    /// Macro-averaged F1 of the in-scope rows.
    pub macro_f1: f64,
    /// Out-of-scope rows.
    pub oos: OosFigures,
    /// Answers given alone.
    pub auto: AutoFigures,
    /// Matthews correlation over all rows, a row that is not accepted counting as OOS.
    pub mcc: f64,
    /// Best Matthews correlation over all thresholds (for comparing with published figures only: it looks at the test).
    pub best_mcc: f64,
    /// Ranking of the right label, in-scope rows.
    #[serde(flatten)]
    pub ranking: Ranking,
}

/// Judges every row.
pub fn evaluate(mind: &Mind, rows: &[Row], encoders: Encoders<'_>) -> Figures {
    let mut said: Vec<(String, f64, bool)> = Vec::with_capacity(rows.len());
    let mut ranks = Vec::new();
    for row in rows {
        let (p, view, speaks) = mind.predict_with_view(&row.text, encoders);
        if row.label != OOS {
            let class = mind.labels.iter().position(|l| *l == row.label);
            ranks.push(class.filter(|_| speaks).map(|class| {
                1 + crate::calibrate::ranked(&view.scores).iter().position(|c| *c as usize == class).unwrap_or(mind.labels.len())
            }));
        }
        said.push((p.label.unwrap_or_else(|| OOS.to_string()), p.confidence, p.accepted));
    }
    let inside: Vec<usize> = (0..rows.len()).filter(|i| rows[*i].label != OOS).collect();
    let gold: Vec<&str> = inside.iter().map(|i| rows[*i].label.as_str()).collect();
    let first: Vec<&str> = inside.iter().map(|i| said[*i].0.as_str()).collect();
    let right = gold.iter().zip(&first).filter(|(g, s)| g == s).count();
    let accepted: Vec<usize> = (0..rows.len()).filter(|i| said[*i].2).collect();
    let accepted_right = accepted.iter().filter(|i| rows[**i].label == said[**i].0).count();
    let outside = rows.len() - inside.len();
    let outside_accepted = accepted.iter().filter(|i| rows[**i].label == OOS).count();
    let share = |a: usize, b: usize| if b == 0 { 0.0 } else { a as f64 / b as f64 };

    let all: Vec<&str> = rows.iter().map(|r| r.label.as_str()).collect();
    let at = |level: f64| -> f64 {
        let out: Vec<&str> = said.iter().map(|s| if s.1 >= level { s.0.as_str() } else { OOS }).collect();
        matthews(&all, &out)
    };
    let refused: Vec<&str> = said.iter().map(|s| if s.2 { s.0.as_str() } else { OOS }).collect();
    Figures {
        n: rows.len(),
        accuracy: share(right, inside.len()),
        macro_f1: macro_f1(&gold, &first),
        oos: OosFigures { n: outside, rejected: if outside == 0 { 0.0 } else { 1.0 - share(outside_accepted, outside) } },
        auto: AutoFigures {
            coverage: share(accepted.len() - outside_accepted, inside.len()),
            precision: (!accepted.is_empty()).then(|| share(accepted_right, accepted.len())),
            accepted: accepted.len(),
        },
        mcc: matthews(&all, &refused),
        best_mcc: (0..100).map(|i| at(f64::from(i) / 100.0)).fold(0.0, f64::max),
        ranking: Ranking::of(&ranks),
    }
}
