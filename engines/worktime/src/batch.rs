//! Many questions at once: one JSON object a line in, one a line out, in the same order.

use std::io::{self, BufRead, Read, Write};

use serde_json::{Map, Value as Json, json};

use crate::SECOND;
use crate::budget::Budget;
use crate::calendar::Calendar;
use crate::fault::{Fault, nearest, quote};
use crate::instant;
use crate::pause::Pause;

/// A line longer than this is refused, so that no input can fill the memory.
const LONGEST_LINE: u64 = 1 << 20;

/// Keys a line may have besides those of its operation; they are notes of its author and ignored.
const NOTES: [&str; 5] = ["id", "name", "note", "tags", "source"];

/// What a batch did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines answered, right or wrong; blank lines are not counted.
    pub lines: usize,
    /// Lines whose answer is an error.
    pub errors: usize,
}

/// Answers every line of `input`. A line that cannot be answered gets `{"error": …}` as its answer;
/// blank lines get none. `default_op` is the operation of lines that name none.
///
/// # Errors
/// Only when reading or writing fails.
pub fn run(
    calendar: &Calendar,
    default_op: Option<&str>,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
) -> io::Result<Summary> {
    let mut summary = Summary::default();
    let mut line = Vec::new();
    while let Some(whole) = next_line(input, &mut line)? {
        if whole && line.trim_ascii().is_empty() {
            continue;
        }
        summary.lines += 1;
        let answered = if whole {
            answer(calendar, default_op, &line)
        } else {
            Err(too_long())
        };
        let json = answered.unwrap_or_else(|fault| {
            summary.errors += 1;
            json!({ "error": fault.to_string() })
        });
        writeln!(out, "{json}")?;
    }
    out.flush()?;
    Ok(summary)
}

/// The next line without its end; `Some(false)` when it was too long and has been skipped; None at the end.
fn next_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    if input.take(LONGEST_LINE).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    if line.ends_with(b"\n") || (line.len() as u64) < LONGEST_LINE {
        return Ok(Some(true));
    }
    let mut at_end = false;
    while !at_end {
        line.clear();
        let read = input.take(LONGEST_LINE).read_until(b'\n', line)?;
        at_end = read == 0 || line.ends_with(b"\n");
    }
    Ok(Some(false))
}

fn too_long() -> Fault {
    Fault::new(
        "too_long",
        "the line is longer than 1 MiB",
        "write one question a line",
    )
}

fn answer(calendar: &Calendar, default_op: Option<&str>, line: &[u8]) -> Result<Json, Fault> {
    let json: Json = serde_json::from_slice(line).map_err(|error| {
        let right =
            "write {\"op\":\"due\",\"start\":\"2026-10-01T10:00:00+08:00\",\"budget\":\"72h\"}";
        Fault::new("bad_json", format!("the line is not JSON: {error}"), right)
    })?;
    let Json::Object(fields) = &json else {
        return Err(Fault::new(
            "bad_line",
            "the line is no JSON object",
            "write {\"op\":\"due\", …}",
        ));
    };
    let op = match fields.get("op") {
        None | Some(Json::Null) => {
            default_op.ok_or_else(|| missing("op", "\"due\" or \"elapsed\""))?
        }
        Some(Json::String(op)) => op,
        Some(_) => return Err(not_a_text("op", "\"due\" or \"elapsed\"")),
    };
    let known: [&str; 2] = match op {
        "due" => ["start", "budget"],
        "elapsed" => ["start", "end"],
        "subtract" => ["end", "budget"],
        _ => {
            let wrong = format!("{} is no operation", quote(op));
            return Err(Fault::new(
                "bad_op",
                wrong,
                "write \"due\", \"elapsed\" or \"subtract\"",
            )
            .at("op"));
        }
    };
    refuse_unknown(op, fields, &known)?;
    let at = |key: &str| -> Result<i64, Fault> {
        let text = text(
            fields,
            key,
            "an instant such as \"2026-10-01T10:00:00+08:00\"",
        )?;
        instant::parse(text).map_err(|fault| fault.at(key))
    };
    let budget = || -> Result<Budget, Fault> {
        let text = text(
            fields,
            "budget",
            "a budget such as \"72h\", \"90m\", \"120s\" or \"3wd\"",
        )?;
        text.parse().map_err(|fault: Fault| fault.at("budget"))
    };
    let pauses = pauses(fields)?;
    match op {
        "due" => Ok(due_json(
            calendar,
            calendar.due(at("start")?, budget()?, &pauses)?,
        )),
        "elapsed" => {
            Ok(json!({ "seconds": seconds(calendar.elapsed(at("start")?, at("end")?, &pauses)?) }))
        }
        _ => {
            let amount = backwards(budget()?).map_err(|fault| fault.at("budget"))?;
            Ok(json!({ "start": calendar.show(calendar.subtract(at("end")?, amount, &pauses)?) }))
        }
    }
}

/// `{"due": …}`, in the calendar's offset; null while an open pause leaves no deadline.
pub(crate) fn due_json(calendar: &Calendar, due: Option<i64>) -> Json {
    json!({ "due": due.map(|at| calendar.show(at)) })
}

/// Microseconds as seconds: a whole number when it is one.
pub(crate) fn seconds(micros: i64) -> Json {
    if micros % SECOND == 0 {
        json!(micros / SECOND)
    } else {
        json!(micros as f64 / SECOND as f64)
    }
}

/// The working time of a budget that is counted backwards.
pub(crate) fn backwards(budget: Budget) -> Result<i64, Fault> {
    match budget {
        Budget::Time(micros) => Ok(micros),
        Budget::WorkingDays(_) => Err(Fault::new(
            "bad_budget",
            "working days cannot be counted backwards",
            "give hours, minutes or seconds, such as 8h",
        )),
    }
}

fn refuse_unknown(op: &str, fields: &Map<String, Json>, known: &[&str]) -> Result<(), Fault> {
    for (key, value) in fields {
        let expected = key == "op"
            || key == "pauses"
            || known.contains(&key.as_str())
            || NOTES.contains(&key.as_str());
        if expected || value.is_null() {
            continue;
        }
        let right = match nearest(key, known.iter().copied().chain(["pauses"])) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("{} takes {}, {} and pauses", quote(op), known[0], known[1]),
        };
        return Err(Fault::new(
            "unknown_key",
            format!("{} is not known here", quote(key)),
            right,
        ));
    }
    Ok(())
}

fn pauses(fields: &Map<String, Json>) -> Result<Vec<Pause>, Fault> {
    let right =
        "write [[\"A\",\"B\"], …] with two instants each; null as B for a pause that still goes on";
    let bad = |at: String| Fault::new("bad_pause", "this is no list of pauses", right).at(at);
    let list = match fields.get("pauses") {
        None | Some(Json::Null) => return Ok(Vec::new()),
        Some(Json::Array(list)) => list,
        Some(_) => return Err(bad("pauses".to_owned())),
    };
    let mut out = Vec::with_capacity(list.len());
    for (i, item) in list.iter().enumerate() {
        let field = format!("pauses[{i}]");
        let (from, to) = match item.as_array().map(Vec::as_slice) {
            Some([Json::String(from), Json::String(to)]) => (from, Some(to)),
            Some([Json::String(from), Json::Null]) => (from, None),
            _ => return Err(bad(field)),
        };
        let from = instant::parse(from).map_err(|fault| fault.at(&field))?;
        let to = to
            .map(|to| instant::parse(to))
            .transpose()
            .map_err(|fault| fault.at(&field))?;
        let pause = Pause { from, to };
        pause.check().map_err(|fault| fault.at(&field))?;
        out.push(pause);
    }
    Ok(out)
}

fn text<'a>(fields: &'a Map<String, Json>, key: &str, right: &str) -> Result<&'a str, Fault> {
    match fields.get(key) {
        Some(Json::String(text)) => Ok(text),
        None | Some(Json::Null) => Err(missing(key, right)),
        Some(_) => Err(not_a_text(key, right)),
    }
}

fn missing(key: &str, right: &str) -> Fault {
    Fault::new(
        "missing",
        format!("\"{key}\" is missing"),
        format!("give {right}"),
    )
}

fn not_a_text(key: &str, right: &str) -> Fault {
    Fault::new("wrong_kind", "expected a text", format!("give {right}")).at(key)
}
