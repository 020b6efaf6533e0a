//! Verbs that need no model: `extract`, `mood`, `language`, `phrases`, `duplicates`, `topics`, `similar`.

use super::args::Args;
use super::{Streams, files};
use crate::encoder::Encode;
use crate::extract::{Day, extract as facts};
use crate::problem::{Problem, Result};
use crate::similar::{Collection, DUPLICATE, Like};
use serde::Serialize;

/// Likeness from which two texts count as one matter, without and with an encoder.
const TOPIC: (f32, f32) = (0.30, 0.55);

#[derive(Serialize)]
struct Failed {
    error: Problem,
}

/// `shouwen mind extract`: a list of facts for every line.
pub fn extract(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    let today = match args.one("--today") {
        None => None,
        Some(text) => Some(Day::parse(text).ok_or_else(|| Problem::new("args.date", format!("--today {text}"), "a day like 2026-11-21"))?),
    };
    streams.each_line(|streams, _, line| match line {
        Ok(text) => streams.json(&facts(text, today)),
        Err(error) => streams.json(&Failed { error }),
    })
}

/// `shouwen mind mood`.
pub fn mood(streams: &mut Streams<'_>) -> Result<()> {
    streams.each_line(|streams, _, line| match line {
        Ok(text) => streams.json(&crate::mood::read(text)),
        Err(error) => streams.json(&Failed { error }),
    })
}

/// `shouwen mind language`.
pub fn language(streams: &mut Streams<'_>) -> Result<()> {
    #[derive(Serialize)]
    struct Line {
        language: crate::language::Language,
        share: f32,
    }
    streams.each_line(|streams, _, line| match line {
        Ok(text) => {
            let (language, share) = crate::language::detect(text);
            streams.json(&Line { language, share })
        }
        Err(error) => streams.json(&Failed { error }),
    })
}

/// `shouwen mind phrases`: phrases of all lines together.
pub fn phrases(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    #[derive(Serialize)]
    struct Line {
        phrase: String,
        texts: usize,
    }
    let texts = streams.lines()?;
    for (phrase, texts) in crate::similar::phrases(&texts, args.number("--limit", 20)?) {
        streams.json(&Line { phrase, texts })?;
    }
    Ok(())
}

/// `shouwen mind duplicates`: groups of lines that say the same, largest first, single lines left out.
pub fn duplicates(streams: &mut Streams<'_>) -> Result<()> {
    let texts = streams.lines()?;
    let mut groups = Collection::new(&texts, None).duplicates(DUPLICATE);
    groups.retain(|g| g.len() > 1);
    groups.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
    for group in groups {
        streams.json(&group.into_iter().map(|i| &texts[i]).collect::<Vec<_>>())?;
    }
    Ok(())
}

/// `shouwen mind topics`: hot topics with a name, their size and examples.
pub fn topics(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        name: Vec<String>,
        size: usize,
        examples: Vec<&'a str>,
    }
    let texts = streams.lines()?;
    let library = files::encoders(&args.encoder_folder(), args.one("--tier").unwrap_or("auto"), streams.err)?;
    let encoder: Option<&dyn Encode> = library.choose(false).first().copied();
    let level = if encoder.is_some() { TOPIC.1 } else { TOPIC.0 };
    for topic in Collection::new(&texts, encoder).topics(level, args.number("--limit", 10)?) {
        let examples = topic.members.iter().take(3).map(|m| texts[*m].as_str()).collect();
        streams.json(&Line { name: topic.name, size: topic.size, examples })?;
    }
    Ok(())
}

/// `shouwen mind similar`: for every line of the input the most similar lines of `--data`.
pub fn similar(args: &Args, streams: &mut Streams<'_>) -> Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        text: &'a str,
        likeness: f32,
        line: usize,
    }
    args.need("--data")?;
    let mut texts = Vec::new();
    for path in args.all("--data") {
        texts.extend(String::from_utf8_lossy(&files::bytes(path)?).lines().map(String::from));
    }
    let library = files::encoders(&args.encoder_folder(), args.one("--tier").unwrap_or("auto"), streams.err)?;
    let encoder: Option<&dyn Encode> = library.choose(false).first().copied();
    let collection = Collection::new(&texts, encoder);
    let limit = args.number("--limit", 5usize)?;
    streams.each_line(|streams, _, line| match line {
        Ok(query) => {
            let found = collection.nearest(query, limit, encoder);
            let lines: Vec<Line<'_>> =
                found.iter().map(|Like { index, likeness }| Line { text: &texts[*index], likeness: *likeness, line: index + 1 }).collect();
            streams.json(&lines)
        }
        Err(error) => streams.json(&Failed { error }),
    })
}
