//! Labelled text and the tab-separated files it comes in.

use crate::problem::{Problem, Result};
use serde::{Deserialize, Serialize};

/// The label that means: outside every intent, must be refused.
pub const OOS: &str = "OOS";
/// A line longer than this is refused in a data file: no question is that long, a broken export is.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// One labelled example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Intent or entry id; [`OOS`] for a text that must be refused.
    pub label: String,
    /// The text as written.
    pub text: String,
    /// How much the row counts; 1 is a checked example. Always > 0.
    pub weight: f32,
}

impl Row {
    /// A checked example.
    pub fn new(label: impl Into<String>, text: impl Into<String>) -> Self {
        Row { label: label.into(), text: text.into(), weight: 1.0 }
    }
}

/// Reads `label <TAB> text` lines (UTF-8, no header). `name` is used in messages.
///
/// Blank lines are skipped; a byte-order mark is dropped. A line without a tab, with an empty label or text, with bytes that
/// are not UTF-8 or longer than [`MAX_LINE_BYTES`] is an error that names line and column. With `answers`, a third column is allowed
/// and returned beside the row.
pub fn read_tsv(bytes: &[u8], name: &str, answers: bool) -> Result<Vec<(Row, Option<String>)>> {
    let mut rows = Vec::new();
    for (number, raw) in bytes.split(|b| *b == b'\n').enumerate() {
        let line = number + 1;
        let raw = if number == 0 { raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw) } else { raw };
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        if raw.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if raw.len() > MAX_LINE_BYTES {
            return Err(Problem::new("data.line_too_long", format!("a line of {} bytes", raw.len()),
                format!("at most {MAX_LINE_BYTES} bytes a line")).at(name, line, MAX_LINE_BYTES));
        }
        let text = std::str::from_utf8(raw).map_err(|e| {
            Problem::new("data.not_utf8", "bytes that are not UTF-8", "UTF-8 text").at(name, line, e.valid_up_to() + 1)
        })?;
        let columns: Vec<&str> = text.split('\t').collect();
        let most = if answers { 3 } else { 2 };
        if columns.len() < 2 {
            return Err(Problem::new("data.no_tab", "no tab in the line", "label<TAB>text").at(name, line, text.chars().count() + 1));
        }
        if columns.len() > most {
            let column = columns[..most].iter().map(|c| c.chars().count() + 1).sum::<usize>() + 1;
            return Err(Problem::new("data.too_many_columns", format!("{} columns", columns.len()),
                format!("at most {most} columns")).at(name, line, column));
        }
        if columns[0].trim().is_empty() {
            return Err(Problem::new("data.empty_label", "an empty label", "a label before the tab").at(name, line, 1));
        }
        if columns[1].trim().is_empty() {
            return Err(Problem::new("data.empty_text", "an empty text", "a text after the tab")
                .at(name, line, columns[0].chars().count() + 2));
        }
        let answer = columns.get(2).map(|a| a.trim().to_string()).filter(|a| !a.is_empty());
        rows.push((Row::new(columns[0].trim(), columns[1].trim()), answer));
    }
    Ok(rows)
}
