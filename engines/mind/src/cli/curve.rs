//! `curve`: how much a checked question teaches, chosen by the queue's rule against drawn by chance.

use super::args::Args;
use super::{Streams, files};
use crate::encoder::Encode;
use crate::learning::margin;
use crate::mind::{Mind, Purpose, TrainOptions};
use crate::problem::{Problem, Result};
use crate::random::Sequence;
use crate::rows::Row;
use crate::trainer::{Tuning, in_parallel};
use serde::Serialize;

/// One point of the curve.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Point {
    /// Labelled rows.
    pub rows: usize,
    /// Accuracy when the rows with the smallest margin were labelled.
    pub chosen: f64,
    /// Accuracy when rows drawn by chance were labelled.
    pub drawn: f64,
}

/// Trains on `start`, then adds `step` rows of `pool` `steps` times, chosen or drawn, and measures on `test` each time.
pub fn points(start: &[Row], pool: &[Row], test: &[Row], step: usize, steps: usize, tuning: Tuning, encoders: &[&dyn Encode]) -> Result<Vec<Point>> {
    let known = |rows: &[Row], row: &Row| rows.iter().any(|r| r.text == row.text);
    let fresh: Vec<Row> = pool.iter().filter(|r| !known(start, r)).cloned().collect();
    let train = |rows: &[Row]| Mind::train(rows, TrainOptions { purpose: Purpose::Faq, tuning }, encoders);
    let accuracy = |mind: &Mind| {
        let right = in_parallel(&(0..test.len()).collect::<Vec<_>>(), tuning.threads, |i| {
            mind.predict(&test[i].text, encoders).label.as_deref() == Some(test[i].label.as_str())
        });
        right.iter().filter(|r| **r).count() as f64 / test.len().max(1) as f64
    };
    let mut out = Vec::new();
    let mut start = start.to_vec();
    crate::faq::lead(&mut start);
    let (mut chosen, mut drawn) = (start.clone(), start.clone());
    let mut left = fresh.clone();
    let mut order = fresh;
    Sequence::new(1).shuffle(&mut order);
    for at in 0..=steps {
        let by_margin = train(&chosen)?;
        let by_chance = if at == 0 { None } else { Some(train(&drawn)?) };
        let first = accuracy(&by_margin);
        out.push(Point { rows: chosen.len(), chosen: first, drawn: by_chance.map_or(first, |m| accuracy(&m)) });
        let indices: Vec<usize> = (0..left.len()).collect();
        let margins = in_parallel(&indices, tuning.threads, |i| margin(&by_margin, &left[i].text, encoders));
        let mut order_left = indices;
        order_left.sort_by(|a, b| margins[*a].total_cmp(&margins[*b]).then(a.cmp(b)));
        let picked: Vec<usize> = order_left.into_iter().take(step).collect();
        chosen.extend(picked.iter().map(|i| left[*i].clone()));
        left = left.iter().enumerate().filter(|(i, _)| !picked.contains(i)).map(|(_, r)| r.clone()).collect();
        drawn.extend(order.drain(..step.min(order.len())));
        if picked.is_empty() {
            break;
        }
    }
    Ok(out)
}

/// `shouwen mind curve`.
pub fn curve(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    let (start, pool, test) = (files::rows(args.all("--start"))?, files::rows(args.all("--pool"))?, files::rows(args.all("--data"))?);
    let library = files::encoders(&args.encoder_folder(), args.one("--tier").unwrap_or("auto"), streams.err)?;
    let encoders = library.choose(files::mostly_english(&start));
    let step = args.number("--step", 100)?;
    if step == 0 {
        return Err(Problem::new("args.number", "--step 0", "at least 1 row a step"));
    }
    let points = points(&start, &pool, &test, step, args.number("--steps", 6)?, args.tuning()?, &encoders)?;
    for point in points {
        streams.json(&point)?;
    }
    Ok(())
}
