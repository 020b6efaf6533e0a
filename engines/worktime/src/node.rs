//! TOML and JSON as one small tree with line numbers, so that one reader serves both forms.

use jiff::civil::Date;
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fault::{Fault, quote};

/// A value of a calendar file; `line` is 0 where the source has no lines (JSON values).
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub line: usize,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Whole(i64),
    List(Vec<Node>),
    Table(Vec<Entry>),
    /// Anything a calendar has no use for, by the name of its type.
    Other(&'static str),
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: String,
    pub line: usize,
    pub node: Node,
}

impl Node {
    /// The value's kind, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Text(_) => "a text",
            Value::Whole(_) => "a number",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Other(name) => name,
        }
    }
}

/// Reads TOML text into a tree.
///
/// # Errors
/// `bad_toml` with the line of the first syntax error.
pub(crate) fn from_toml(text: &str) -> Result<Node, Fault> {
    let lines = Lines::new(text);
    match DeTable::parse(text) {
        Ok(table) => Ok(toml_table(table.get_ref(), 1, &lines)),
        Err(error) => {
            let line = error.span().map_or(0, |span| lines.at(span.start));
            let wrong = format!("this is not TOML: {}", error.message().replace('\n', ", "));
            Err(Fault::new(
                "bad_toml",
                wrong,
                "see the calendar format; strings and dates stand in double quotes",
            )
            .on_line(line))
        }
    }
}

fn toml_table(table: &DeTable<'_>, line: usize, lines: &Lines) -> Node {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            line: lines.at(key.span().start),
            node: toml_value(value, lines),
        })
        .collect();
    entries.sort_by_key(|entry| entry.line);
    Node {
        line,
        value: Value::Table(entries),
    }
}

fn toml_value(value: &Spanned<DeValue<'_>>, lines: &Lines) -> Node {
    let line = lines.at(value.span().start);
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        // A bare date is as good as a quoted one.
        DeValue::Datetime(when) => Value::Text(when.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(whole) => Value::Whole(whole),
            Err(_) => Value::Other("a number too large"),
        },
        DeValue::Float(_) => Value::Other("a fraction"),
        DeValue::Boolean(_) => Value::Other("true or false"),
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| toml_value(item, lines)).collect())
        }
        DeValue::Table(table) => return toml_table(table, line, lines),
    };
    Node { line, value }
}

/// The same tree from a JSON value.
pub(crate) fn from_json(json: &Json) -> Node {
    let value = match json {
        Json::String(text) => Value::Text(text.clone()),
        Json::Number(number) => number
            .as_i64()
            .map_or(Value::Other("a fraction"), Value::Whole),
        Json::Bool(_) => Value::Other("true or false"),
        Json::Null => Value::Other("null"),
        Json::Array(items) => Value::List(items.iter().map(from_json).collect()),
        Json::Object(fields) => Value::Table(
            fields
                .iter()
                .map(|(key, value)| Entry {
                    key: key.clone(),
                    line: 0,
                    node: from_json(value),
                })
                .collect(),
        ),
    };
    Node { line: 0, value }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Lines {
        Lines(
            std::iter::once(0)
                .chain(text.match_indices('\n').map(|(at, _)| at + 1))
                .collect(),
        )
    }

    /// The line, from 1, that holds byte `at`.
    fn at(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at)
    }
}

/// A date such as `2026-10-01`.
///
/// # Errors
/// `bad_date` quoting the text.
pub(crate) fn date(text: &str) -> Result<Date, Fault> {
    let well_formed = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| {
            if i == 4 || i == 7 {
                b == b'-'
            } else {
                b.is_ascii_digit()
            }
        });
    match text.parse::<Date>() {
        Ok(date) if well_formed => Ok(date),
        _ => Err(Fault::new(
            "bad_date",
            format!("{} is no date", quote(text)),
            "write year-month-day, such as \"2026-10-01\"",
        )),
    }
}

/// A value of another kind than was expected.
pub(crate) fn wrong_kind(node: &Node, expected: &str, right: &str) -> Fault {
    Fault::new(
        "wrong_kind",
        format!("expected {expected}, found {}", node.kind()),
        format!("write {right}"),
    )
}
