//! `recalibrate`, `compare`, `queue`.

use super::args::Args;
use super::predict::matching;
use super::{Streams, files};
use crate::learning;
use crate::problem::{Problem, Result};
use serde::Serialize;

#[derive(Serialize)]
struct Recalibrated {
    checked: usize,
    asked: f64,
    threshold: Option<f64>,
}

/// `shouwen mind recalibrate`.
pub fn recalibrate(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    let folder = args.need("--model")?;
    let mind = files::model(folder)?;
    let checked = files::rows(args.all("--checked"))?;
    let library = files::encoders(&args.encoder_folder(), args.one("--tier").unwrap_or("auto"), streams.err)?;
    let encoders = matching(args, &mind, &library, streams);
    let asked = args.precision(0.97)?;
    let next = learning::recalibrate(&mind, &checked, asked, &encoders)?;
    files::save(&next, args.one("--against").unwrap_or(folder))?;
    let threshold = Some(next.tier(&encoders).0.calibrator.threshold).filter(|t| *t <= 1.0);
    if threshold.is_none() {
        let _ = writeln!(streams.err, "no level reaches {asked} on the checked queries: this model answers nothing alone");
    }
    streams.json(&Recalibrated { checked: checked.len(), asked, threshold })
}

/// `shouwen mind compare`: the verdict as JSON; exit code 1 when the candidate must not be published.
pub fn compare(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    let current = files::model(args.need("--model")?)?;
    let candidate = files::model(args.need("--against")?)?;
    let locked = files::rows(args.all("--locked"))?;
    let mut queries = Vec::new();
    for path in args.all("--queries") {
        queries.extend(String::from_utf8_lossy(&files::bytes(path)?).lines().filter(|l| !l.trim().is_empty()).map(String::from));
    }
    let library = files::encoders(&args.encoder_folder(), args.one("--tier").unwrap_or("auto"), streams.err)?;
    let (a, b) = (matching(args, &current, &library, streams), matching(args, &candidate, &library, streams));
    let verdict = learning::compare(&current, &candidate, &locked, &queries, (&a, &b))?;
    streams.json(&verdict)?;
    match verdict.publish {
        true => Ok(()),
        false => Err(Problem::new("learn.refused", verdict.reasons.join("; "), "a candidate that does not lose against the current model")),
    }
}

/// `shouwen mind queue`: what to have checked next, one object a line.
pub fn queue(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    let mind = files::model(args.need("--model")?)?;
    let library = files::encoders(&args.encoder_folder(), args.one("--tier").unwrap_or("auto"), streams.err)?;
    let encoders = matching(args, &mind, &library, streams);
    let texts = streams.lines()?;
    for item in learning::queue(&mind, &texts, &encoders, args.number("--limit", 100)?) {
        streams.json(&item)?;
    }
    Ok(())
}
