//! `train`, `update`, `eval`, `faq index`, `faq eval`.

use super::args::Args;
use super::{Streams, files};
use crate::evaluate::{Figures, evaluate};
use crate::faq;
use crate::measure::quantile;
use crate::mind::{Encoders, Mind, Purpose, TrainOptions};
use crate::problem::Result;
use crate::rows::{OOS, Row};
use crate::trainer::Tuning;
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Instant;

/// Times of single queries, microseconds, one thread.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Latency {
    /// Median processor time; fastest of three runs of each query.
    pub p50: f64,
    /// 99th percentile of the same: what the query costs, without the waits of a busy machine.
    pub p99: f64,
    /// 99th percentile of the wall time of the first run: with those waits.
    pub p99_wall: f64,
}

/// Queries that are timed at most.
const TIMED: usize = 1_000;

/// Processor time of this thread in seconds; wall time since `begun` where the system does not tell.
#[allow(unused_variables)]
fn spent(begun: Instant) -> f64 {
    #[cfg(target_os = "linux")]
    {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
    }
    #[cfg(not(target_os = "linux"))]
    begun.elapsed().as_secs_f64()
}

/// Evaluates, then times queries in process on one thread: every row, or [`TIMED`] of them spread evenly.
#[allow(clippy::disallowed_methods)] // the command line measures time; the engine itself reads no clock
pub fn timed(mind: &Mind, rows: &[Row], encoders: Encoders<'_>) -> (Figures, Latency) {
    let figures = evaluate(mind, rows, encoders);
    let step = rows.len().div_ceil(TIMED).max(1);
    let (mut first, mut best) = (Vec::new(), Vec::new());
    for row in rows.iter().step_by(step) {
        let mut fastest = f64::INFINITY;
        for run in 0..3 {
            let begun = Instant::now();
            let before = spent(begun);
            let _ = std::hint::black_box(mind.predict(&row.text, encoders));
            fastest = fastest.min(spent(begun) - before);
            if run == 0 {
                first.push(begun.elapsed().as_secs_f64() * 1e6);
            }
        }
        best.push(fastest * 1e6);
    }
    first.sort_by(f64::total_cmp);
    best.sort_by(f64::total_cmp);
    let round = |v: f64| (v * 10.0).round() / 10.0;
    let latency = Latency { p50: round(quantile(&best, 0.5)), p99: round(quantile(&best, 0.99)), p99_wall: round(quantile(&first, 0.99)) };
    (figures, latency)
}

#[derive(Serialize)]
struct Trained {
    rows: usize,
    labels: usize,
    tiers: Vec<&'static str>,
    features: usize,
    threshold: Option<f64>,
    seconds: f64,
    /// Processor time of all threads, seconds; absent where the system does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    processor_seconds: Option<f64>,
    bytes: usize,
}

fn report(streams: &mut Streams<'_>, mind: &Mind, rows: usize, begun: Instant, bytes: usize) -> Result<()> {
    let tier = mind.semantic.as_ref().map_or(&mind.sparse, |s| &s.0);
    let threshold = Some(tier.calibrator.threshold).filter(|t| *t <= 1.0);
    if threshold.is_none() {
        let _ = writeln!(streams.err, "no level reaches the asked precision on the training data: this model answers nothing alone; \
            have 200 queries checked and run `shouwen mind recalibrate`");
    }
    streams.json(&Trained {
        rows,
        labels: mind.labels.len(),
        tiers: if mind.semantic.is_some() { vec!["sparse", "semantic"] } else { vec!["sparse"] },
        features: mind.sparse.core.vocab.len(),
        threshold,
        seconds: (begun.elapsed().as_secs_f64() * 1e3).round() / 1e3,
        processor_seconds: processor_seconds(),
        bytes,
    })
}

/// Processor time of this process so far, all threads.
fn processor_seconds() -> Option<f64> {
    #[cfg(target_os = "linux")]
    {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        // Divided once: a sum with thousandths would print digits nobody measured.
        Some((now.tv_sec as f64 * 1000.0 + (now.tv_nsec / 1_000_000) as f64) / 1000.0)
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// `shouwen mind train`.
#[allow(clippy::disallowed_methods)] // see `timed`
pub fn train(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    let begun = Instant::now();
    let folder = args.need("--model")?;
    let mut rows = files::rows(args.all("--data"))?;
    if !args.all("--dev").is_empty() {
        rows.extend(files::rows(args.all("--dev"))?);
    }
    let library = files::encoders(&args.encoder_folder(), args.one("--tier").unwrap_or("auto"), streams.err)?;
    let encoders = library.choose(files::mostly_english(&rows));
    let mind = Mind::train(&rows, TrainOptions { purpose: Purpose::Intent, tuning: args.tuning()? }, &encoders)?;
    let bytes = files::save(&mind, folder)?;
    report(streams, &mind, rows.len(), begun, bytes)
}

/// `shouwen mind update`.
#[allow(clippy::disallowed_methods)] // see `timed`
pub fn update(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    let begun = Instant::now();
    let folder = args.need("--model")?;
    let current = files::model(folder)?;
    let rows = files::rows_with_answers(args.all("--data"), current.purpose == Purpose::Faq)?;
    let library = files::encoders(&args.encoder_folder(), args.one("--tier").unwrap_or("auto"), streams.err)?;
    let encoders = match &current.semantic {
        Some((_, needed)) => library.matching(needed),
        None => Vec::new(),
    };
    if current.semantic.is_some() && encoders.is_empty() {
        let _ = writeln!(streams.err, "the encoder of this model is not here: the updated model has the sparse tier only");
    }
    // What was asked of the model is asked of the next one, unless told otherwise.
    let target = args.precision(current.tier(&encoders).0.calibrator.target)?;
    let next = faq::extend(&current, rows, Tuning { target, ..args.tuning()? }, &encoders)?;
    let bytes = files::save(&next, args.one("--against").unwrap_or(folder))?;
    report(streams, &next, next.examples.len(), begun, bytes)
}

/// `shouwen mind faq index`.
#[allow(clippy::disallowed_methods)] // see `timed`
pub fn faq_index(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    let begun = Instant::now();
    let folder = args.need("--model")?;
    let rows = files::rows_with_answers(args.all("--data"), true)?;
    let plain: Vec<Row> = rows.iter().map(|r| r.0.clone()).collect();
    let library = files::encoders(&args.encoder_folder(), args.one("--tier").unwrap_or("auto"), streams.err)?;
    let encoders = library.choose(files::mostly_english(&plain));
    let mind = faq::index(rows, args.tuning()?, &encoders)?;
    let bytes = files::save(&mind, folder)?;
    report(streams, &mind, plain.len(), begun, bytes)
}

#[derive(Serialize)]
struct Evaluated<'a> {
    #[serde(flatten)]
    figures: &'a Figures,
    latency_us: Latency,
    tier: &'static str,
    /// Largest resident memory of this process so far, MiB; absent where the system does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_mib: Option<f64>,
}

/// Largest resident memory of this process, MiB.
fn memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some((kib / 102.4).round() / 10.0)
}

/// `shouwen mind eval`.
pub fn eval(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    let mind = files::model(args.need("--model")?)?;
    let rows = files::rows(args.all("--data"))?;
    let unknown: BTreeSet<&str> =
        rows.iter().map(|r| r.label.as_str()).filter(|l| *l != OOS && !mind.labels.iter().any(|m| m == l)).collect();
    if !unknown.is_empty() {
        let some: Vec<&str> = unknown.iter().take(5).copied().collect();
        let _ = writeln!(streams.err, "{} labels of the data are unknown to the model and count as wrong: {}", unknown.len(), some.join(", "));
    }
    let (figures, latency_us, tier) = {
        let library = files::encoders(&args.encoder_folder(), args.one("--tier").unwrap_or("auto"), streams.err)?;
        let encoders = super::predict::matching(args, &mind, &library, streams);
        let (figures, latency) = timed(&mind, &rows, &encoders);
        (figures, latency, mind.tier(&encoders).1)
    };
    if args.has("--json") {
        return streams.json(&Evaluated { figures: &figures, latency_us, tier, memory_mib: memory_mib() });
    }
    streams.line(&format!(
        "{} rows, tier {tier}\naccuracy  {:.2} %   macro-F1  {:.2} %   R@3 {:.2} %   MRR {:.4}\nalone     {:.1} % of in-scope rows, {} right\nrefused   {:.1} % of {} out-of-scope rows\nper query {:.0} µs p50, {:.0} µs p99",
        figures.n, 100.0 * figures.accuracy, 100.0 * figures.macro_f1, 100.0 * figures.ranking.hit3, figures.ranking.mrr,
        100.0 * figures.auto.coverage, figures.auto.precision.map_or("—".to_string(), |p| format!("{:.1} %", 100.0 * p)),
        100.0 * figures.oos.rejected, figures.oos.n, latency_us.p50, latency_us.p99
    ))
}

/// `shouwen mind faq eval`.
pub fn faq_eval(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    eval(args, streams)
}
