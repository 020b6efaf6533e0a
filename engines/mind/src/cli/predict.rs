//! `predict`, `faq ask`.

use super::args::Args;
use super::{Streams, files};
use crate::encoder::{Encode, Library};
use crate::faq;
use crate::mind::{Mind, Prediction, Reasons};
use crate::problem::{Problem, Result};
use serde::Serialize;

/// The encoders of `library` that `mind` was trained with; says so when they are missing.
pub fn matching<'a>(args: &Args, mind: &Mind, library: &'a Library, streams: &mut Streams<'_>) -> Vec<&'a dyn Encode> {
    let Some((_, needed)) = &mind.semantic else { return Vec::new() };
    let found = library.matching(needed);
    if found.is_empty() && args.one("--tier") != Some("sparse") {
        let _ = writeln!(streams.err, "the encoder this model was trained with is not here: answering from the sparse tier \
            (add it with `shouwen mind model add FILE`)");
    }
    found
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    prediction: &'a Prediction,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasons: Option<Reasons>,
}

#[derive(Serialize)]
struct Failed<'a> {
    label: Option<&'a str>,
    confidence: f64,
    accepted: bool,
    alternatives: [&'a str; 0],
    error: &'a Problem,
}

/// `shouwen mind predict`: one object a line, in order; a line that cannot be read gives an object with `error`.
pub fn predict(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    let mind = files::model(args.need("--model")?)?;
    let library = files::encoders(&args.encoder_folder(), args.one("--tier").unwrap_or("auto"), streams.err)?;
    let encoders = matching(args, &mind, &library, streams);
    let (why, json) = (args.has("--why"), args.has("--json"));
    streams.each_line(|streams, _, line| {
        let text = match line {
            Ok(text) => text,
            Err(error) if json => return streams.json(&Failed { label: None, confidence: 0.0, accepted: false, alternatives: [], error: &error }),
            Err(error) => {
                let _ = writeln!(streams.err, "{error}");
                return streams.line("-\t0.000\task a person");
            }
        };
        let prediction = mind.predict(text, &encoders);
        let reasons = prediction.label.as_ref().filter(|_| why).map(|label| mind.reasons(text, label, &encoders, 5));
        if json {
            return streams.json(&Line { prediction: &prediction, reasons });
        }
        let verdict = if prediction.accepted { "answer" } else { "ask a person" };
        streams.line(&format!("{}\t{:.3}\t{verdict}", prediction.label.as_deref().unwrap_or("-"), prediction.confidence))
    })
}

#[derive(Serialize)]
struct Asked {
    accepted: bool,
    confidence: f64,
    hits: Vec<faq::Hit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

/// `shouwen mind faq ask`: the best entries for every line.
pub fn faq_ask(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    let mind = files::model(args.need("--model")?)?;
    let library = files::encoders(&args.encoder_folder(), args.one("--tier").unwrap_or("auto"), streams.err)?;
    let encoders = matching(args, &mind, &library, streams);
    let limit = args.number("--limit", 3usize)?;
    streams.each_line(|streams, _, line| match line {
        Ok(text) => {
            let prediction = mind.predict(text, &encoders);
            let hits = faq::search(&mind, text, limit, &encoders);
            streams.json(&Asked { accepted: prediction.accepted, confidence: prediction.confidence, hits, error: None })
        }
        Err(error) => streams.json(&Asked { accepted: false, confidence: 0.0, hits: Vec::new(), error: Some(error) }),
    })
}
