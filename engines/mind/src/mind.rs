//! The model: trained on labelled rows, asked one text at a time.

use crate::calibrate::{ranked, signs, softmax};
use crate::core::{Prepared, View};
use crate::dense::unit;
use crate::encoder::Encode;
use crate::features::{each, features};
use crate::fold::fold;
use crate::normalise::{MAX_CHARS, normalise};
use crate::problem::{Problem, Result};
use crate::rows::{OOS, Row};
use crate::trainer::{Tier, Tuning, fit_tier, in_parallel};
use crate::units::{Kind, units};
use serde::Serialize;
use std::collections::BTreeMap;

/// What a model is for: changes only what is trained beside the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Intents: the label's own words count as an example.
    Intent,
    /// Entries of a knowledge base: the first question of an entry is its standard question and counts more.
    Faq,
}

/// How to train.
#[derive(Debug, Clone, Copy)]
pub struct TrainOptions {
    /// What the model is for.
    pub purpose: Purpose,
    /// Penalty, target precision, threads.
    pub tuning: Tuning,
}

/// One example the model keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Class number; `None` for a text that must be refused.
    pub class: Option<u32>,
    /// Text as written.
    pub text: String,
    /// Weight it was trained with.
    pub weight: f32,
}

/// A trained model. Holds the sparse tier always and the semantic tier when it was trained with encoders.
#[derive(Debug, Clone, PartialEq)]
pub struct Mind {
    /// What it is for.
    pub purpose: Purpose,
    /// Labels, sorted; a class number is a place in this list.
    pub labels: Vec<String>,
    /// Answer of each label, where one was given (FAQ).
    pub answers: BTreeMap<String, String>,
    /// Training examples in canonical order.
    pub examples: Vec<Example>,
    /// The tier that needs nothing but the text.
    pub sparse: Tier,
    /// The tier with sentence vectors, and the fingerprints of the encoders it needs.
    pub semantic: Option<(Tier, Vec<String>)>,
}

/// One label that was considered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alternative {
    /// The label.
    pub label: String,
    /// Share of the remaining confidence, 0..=1.
    pub confidence: f64,
}

/// Why the first label: nearest examples and the parts of the text that decided.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Reasons {
    /// Nearest training examples: label, text, similarity 0..=1.
    pub examples: Vec<(String, String, f32)>,
    /// Parts of the text and what they added to the score of the label, largest first.
    pub features: Vec<(String, f32)>,
}

/// The answer to one text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// Best label; absent when the text holds nothing to understand.
    pub label: Option<String>,
    /// Calibrated probability that the label is right, 0..=1.
    pub confidence: f64,
    /// Sure enough to answer alone.
    pub accepted: bool,
    /// Next labels, best first, at most five.
    pub alternatives: Vec<Alternative>,
    /// Which tier decided: `sparse` or `semantic`.
    pub tier: &'static str,
}

/// Encoders at hand, in the order a model was trained with.
pub type Encoders<'a> = &'a [&'a dyn Encode];

pub(crate) fn prepare(text: &str, encoders: Encoders<'_>) -> (Prepared, bool) {
    let normal = normalise(text);
    let mut dense = vec![0.0f32; encoders.iter().map(|e| e.dim()).sum()];
    meanings(&[&normal], encoders, &mut dense);
    let parts = units(&normal);
    let speaks = parts.iter().any(|u| u.kind != Kind::Mark);
    let row = Prepared { class: None, features: features(&normal), dense, weight: 1.0, length: parts.len(), helper: false };
    (row, speaks)
}

/// The vectors of normalised texts, one after the other; with several encoders, a text's vectors stand side by side. Each is halfway between
/// what the encoder says of the text as written and of its folded form, where courtesy is gone and many ways to ask are one. With five
/// examples an entry that finds three in a hundred more questions to answer alone at the same precision.
fn meanings(normals: &[&str], encoders: Encoders<'_>, out: &mut [f32]) {
    if encoders.is_empty() {
        return;
    }
    let folded: Vec<Option<String>> = normals.iter().map(|normal| fold(normal)).collect();
    let texts: Vec<&str> = normals.iter().copied().chain(folded.iter().filter_map(|f| f.as_deref())).collect();
    let wide: usize = encoders.iter().map(|e| e.dim()).sum();
    let mut from = 0;
    for encoder in encoders {
        let dim = encoder.dim();
        let mut all = vec![0.0f32; texts.len() * dim];
        encoder.encode_all(&texts, &mut all);
        let (written, second) = all.split_at(normals.len() * dim);
        let mut second = second.chunks_exact(dim);
        for ((out, written), folded) in out.chunks_exact_mut(wide).zip(written.chunks_exact(dim)).zip(&folded) {
            let out = &mut out[from..from + dim];
            out.copy_from_slice(written);
            if let Some(second) = folded.as_ref().and_then(|_| second.next()) {
                out.iter_mut().zip(second).for_each(|(a, b)| *a += b);
                unit(out);
            }
        }
        from += dim;
    }
}

/// The words of a label when they say something in the language of the rows: `Refund_not_showing_up`, `买家咨询退换货地址`; not `W07`.
pub fn label_words(label: &str, rows_are_han: bool) -> Option<String> {
    let mut spaced = String::new();
    let mut lower = false;
    for c in label.chars() {
        if c == '_' || c == '-' || c == '/' || c == '.' {
            spaced.push(' ');
        } else {
            if lower && c.is_uppercase() {
                spaced.push(' ');
            }
            spaced.push(c);
        }
        lower = c.is_lowercase();
    }
    let normal = normalise(&spaced);
    let parts = units(&normal);
    let han = parts.iter().filter(|u| u.kind == Kind::Han).count();
    let words = parts.iter().filter(|u| u.kind == Kind::Word && u.text.chars().count() > 1).count();
    if (rows_are_han && han >= 2) || (!rows_are_han && words >= 1) { Some(normal) } else { None }
}

impl Mind {
    /// Trains on `rows`, in any order: rows are sorted and equal rows merged first, so the same set gives the same model.
    /// Rows labelled [`OOS`] are trained as belonging to no label. With `encoders`, the semantic tier is trained too.
    ///
    /// Errors: no rows, or nothing but OOS rows. One label, or one example per label, gives a model that never answers alone.
    pub fn train(rows: &[Row], options: TrainOptions, encoders: Encoders<'_>) -> Result<Mind> {
        let mut merged: BTreeMap<(&str, &str), f32> = BTreeMap::new();
        for row in rows {
            if !(row.weight > 0.0 && row.weight.is_finite()) {
                return Err(Problem::new("train.weight", format!("weight {} of \u{201c}{}\u{201d}", row.weight, row.text), "a weight above 0"));
            }
            *merged.entry((&row.label, &row.text)).or_default() += stepped(row.weight);
        }
        let mut labels: Vec<String> = merged.keys().map(|k| k.0).filter(|l| *l != OOS).map(String::from).collect();
        labels.dedup();
        if labels.is_empty() {
            return Err(Problem::new("train.no_labels", "no labelled rows", "at least one row with a label other than OOS"));
        }
        let class_of = |label: &str| labels.binary_search_by(|l| l.as_str().cmp(label)).ok().map(|c| c as u32);
        let examples: Vec<Example> = merged
            .iter()
            .map(|((label, text), weight)| Example { class: class_of(label), text: text.to_string(), weight: *weight })
            .collect();
        let threads = options.tuning.threads.clamp(1, 256);
        let mut prepared = prepare_all(&examples, encoders, threads);
        let han = examples.iter().filter(|e| e.text.chars().any(crate::units::is_han)).count() * 2 > examples.len();
        if options.purpose == Purpose::Intent {
            let named = labels.iter().enumerate().filter_map(|(class, label)| Some((class as u32, label_words(label, han)?)));
            let named: Vec<Example> = named.map(|(class, text)| Example { class: Some(class), text, weight: 3.0 }).collect();
            prepared.extend(prepare_all(&named, encoders, threads).into_iter().map(|row| Prepared { helper: true, ..row }));
        }
        let semantic = if encoders.is_empty() {
            None
        } else {
            let blocks: Vec<u32> = encoders.iter().map(|e| e.dim() as u32).collect();
            let tier = fit_tier(&prepared, labels.len(), &blocks, options.tuning);
            Some((tier, encoders.iter().map(|e| e.fingerprint().to_string()).collect()))
        };
        prepared.iter_mut().for_each(|p| p.dense.clear());
        let sparse = fit_tier(&prepared, labels.len(), &[], options.tuning);
        Ok(Mind { purpose: options.purpose, labels, answers: BTreeMap::new(), examples, sparse, semantic })
    }

    /// The tier that these encoders allow.
    pub fn tier(&self, encoders: Encoders<'_>) -> (&Tier, &'static str) {
        match &self.semantic {
            Some((tier, needed)) if encoders.len() == needed.len() && encoders.iter().zip(needed).all(|(e, n)| e.fingerprint() == n) => {
                (tier, "semantic")
            }
            _ => (&self.sparse, "sparse"),
        }
    }

    /// Predicts one text. Never fails: empty or meaningless text gives no label; a text longer than
    /// [`MAX_CHARS`] characters is read up to there and never accepted.
    pub fn predict(&self, text: &str, encoders: Encoders<'_>) -> Prediction {
        self.predict_with_view(text, encoders).0
    }

    /// As [`Mind::predict`], with what the model saw and whether the text held anything to understand.
    pub fn predict_with_view(&self, text: &str, encoders: Encoders<'_>) -> (Prediction, View, bool) {
        let (view, length, speaks, name) = self.look(text, encoders);
        let mut prediction = self.judge(&view, length, speaks, name);
        // Only its beginning was read: what follows may say something else.
        prediction.accepted &= text.chars().nth(MAX_CHARS).is_none();
        (prediction, view, speaks)
    }

    /// What the model sees in a text: for callers that need scores, signs or neighbours.
    pub fn look(&self, text: &str, encoders: Encoders<'_>) -> (View, usize, bool, &'static str) {
        let (tier, name) = self.tier(encoders);
        let (row, speaks) = prepare(text, if name == "semantic" { encoders } else { &[] });
        let view = tier.core.view(&row.features, &row.dense, 5);
        let speaks = speaks && (view.known > 0.0 || view.dense.iter().any(|d| *d != 0.0));
        (view, row.length, speaks, name)
    }

    fn judge(&self, view: &View, length: usize, speaks: bool, name: &'static str) -> Prediction {
        let tier = if name == "semantic" { self.semantic.as_ref().map_or(&self.sparse, |s| &s.0) } else { &self.sparse };
        let order = ranked(&view.scores);
        let Some(top) = order.first().copied().filter(|_| speaks) else {
            return Prediction { label: None, confidence: 0.0, accepted: false, alternatives: Vec::new(), tier: name };
        };
        let confidence = tier.calibrator.confidence(&signs(view, top, length));
        let shares = softmax(&view.scores);
        let rest = (1.0 - shares[top as usize]).max(1e-9);
        let alternatives = order[1..]
            .iter()
            .take(5)
            .map(|class| Alternative {
                label: self.labels[*class as usize].clone(),
                confidence: (1.0 - confidence) * shares[*class as usize] / rest,
            })
            .collect();
        Prediction {
            label: Some(self.labels[top as usize].clone()),
            confidence,
            accepted: confidence >= tier.calibrator.threshold,
            alternatives,
            tier: name,
        }
    }

    /// Why `label` for `text`: the `k` nearest examples and the `k` parts of the text that added most to the label's score.
    pub fn reasons(&self, text: &str, label: &str, encoders: Encoders<'_>, k: usize) -> Reasons {
        let Some(class) = self.labels.iter().position(|l| l == label) else { return Reasons::default() };
        let (tier, name) = self.tier(encoders);
        let (row, _) = prepare(text, if name == "semantic" { encoders } else { &[] });
        let view = tier.core.view(&row.features, &row.dense, k);
        let has_dense = tier.core.neighbours.dense_dim > 0;
        let examples = view
            .nearest
            .iter()
            .filter(|n| n.fused(has_dense) > 0.0)
            .map(|near| {
                let example = &self.examples[tier.core.example_row[near.example] as usize];
                let label = example.class.map_or(OOS, |c| self.labels[c as usize].as_str());
                (label.to_string(), example.text.clone(), near.fused(has_dense).clamp(0.0, 1.0))
            })
            .collect();
        let normal = normalise(text);
        let mut parts: BTreeMap<&str, f32> = BTreeMap::new();
        each(&normal, |hash, _, (from, to)| {
            if let Some(place) = tier.core.vocab.place(hash)
                && let Ok(at) = view.sparse.binary_search_by_key(&place, |f| f.0)
            {
                let share = tier.core.linear.share(place, view.sparse[at].1 * tier.core.sparse_weight, class);
                *parts.entry(&normal[from..to]).or_default() += share;
            }
        });
        let mut features: Vec<(String, f32)> = parts.into_iter().filter(|p| p.1 > 0.0).map(|(t, s)| (t.to_string(), s)).collect();
        features.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        features.truncate(k);
        Reasons { examples, features }
    }

    /// The rows the model was trained on, in canonical order.
    pub fn rows(&self) -> Vec<Row> {
        self.examples
            .iter()
            .map(|e| Row {
                label: e.class.map_or(OOS, |c| self.labels[c as usize].as_str()).to_string(),
                text: e.text.clone(),
                weight: e.weight,
            })
            .collect()
    }

    /// Adds rows and takes rows away (same label and text), then trains again: the result is the model of the whole new set,
    /// byte for byte.
    pub fn update(&self, add: &[Row], remove: &[Row], tuning: Tuning, encoders: Encoders<'_>) -> Result<Mind> {
        let mut rows = self.rows();
        rows.retain(|row| !remove.iter().any(|r| r.label == row.label && r.text == row.text));
        rows.extend_from_slice(add);
        let mut next = Mind::train(&rows, TrainOptions { purpose: self.purpose, tuning }, encoders)?;
        next.answers = self.answers.clone();
        next.answers.retain(|label, _| next.labels.binary_search(label).is_ok());
        Ok(next)
    }
}

/// A weight as a whole number of steps of 1/4096: such weights add up to the same number in whatever order they come.
fn stepped(weight: f32) -> f32 {
    const STEPS: f32 = 4096.0;
    if weight < STEPS { (weight * STEPS).round().max(1.0) / STEPS } else { weight.round() }
}

/// Texts whose vectors are computed together.
const TOGETHER: usize = 8;

/// Prepares all examples, in order, on several threads.
fn prepare_all(examples: &[Example], encoders: Encoders<'_>, threads: usize) -> Vec<Prepared> {
    let wide: usize = encoders.iter().map(|e| e.dim()).sum();
    let groups: Vec<&[Example]> = examples.chunks(TOGETHER).collect();
    let prepared = in_parallel(&groups, threads, |group| {
        let normals: Vec<String> = group.iter().map(|example| normalise(&example.text)).collect();
        let mut dense = vec![0.0f32; group.len() * wide];
        meanings(&normals.iter().map(String::as_str).collect::<Vec<_>>(), encoders, &mut dense);
        let rows = group.iter().zip(&normals).enumerate().map(|(at, (example, normal))| Prepared {
            class: example.class,
            features: features(normal),
            dense: dense[at * wide..(at + 1) * wide].to_vec(),
            weight: example.weight,
            length: units(normal).len(),
            helper: false,
        });
        rows.collect::<Vec<_>>()
    });
    prepared.into_iter().flatten().collect()
}
