//! TOML and JSON files as JSON values that remember where each part stood.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::condition::Fault;

/// A file's content with the place of every part. Serves rules, forms and the other files of a pack alike.
#[derive(Clone, Debug)]
pub struct Source {
    pub value: Value,
    /// Path (`rule[0].then[1].team`) to byte offset of the value.
    places: BTreeMap<String, usize>,
    text: String,
}

impl Source {
    /// Reads TOML. Dates and times become texts.
    ///
    /// # Errors
    /// The first fault of syntax, with line and column.
    pub fn toml(text: &str) -> Result<Self, Fault> {
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            fault_at(text, at, format!("this is not TOML: {}", error.message().replace('\n', ", ")), "texts stand in \"quotes\", lists in [brackets], every key once")
        })?;
        let mut places = BTreeMap::new();
        let value = toml_table(table.get_ref(), "", &mut places);
        Ok(Self { value, places, text: text.to_owned() })
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// The first fault of syntax, with line and column.
    pub fn json(text: &str) -> Result<Self, Fault> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (u32::try_from(error.line()).unwrap_or(u32::MAX), u32::try_from(error.column()).unwrap_or(u32::MAX));
            let wrong = error.to_string().split(" at line ").next().unwrap_or_default().to_owned();
            Fault { line: Some(line), column: Some(column), ..Fault::new("", format!("this is not JSON: {wrong}"), "one JSON value, as any JSON writer makes it") }
        })?;
        let mut places = BTreeMap::new();
        // The text is known to be JSON, so a scan for the places cannot go wrong; should it, lines are missing, no more.
        Scan { bytes: text.as_bytes(), at: 0 }.value(String::new(), &mut places);
        Ok(Self { value, places, text: text.to_owned() })
    }

    /// Reads a file by the end of its name: `.json` is JSON, all else TOML.
    ///
    /// # Errors
    /// The first fault of syntax.
    pub fn named(text: &str, file: &str) -> Result<Self, Fault> {
        if file.to_ascii_lowercase().ends_with(".json") { Self::json(text) } else { Self::toml(text) }
    }

    /// Line and column, from 1, of the part a path names, or of the nearest part around it.
    #[must_use]
    pub fn place(&self, path: &str) -> Option<(u32, u32)> {
        let mut path = path;
        loop {
            if let Some(at) = self.places.get(path) {
                return Some(line_and_column(&self.text, *at));
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// Gives each fault its line and column. A fault that knows its place within a text (a condition) is moved to where
    /// that text stands.
    #[must_use]
    pub fn located(&self, mut faults: Vec<Fault>) -> Vec<Fault> {
        for fault in &mut faults {
            let Some((line, column)) = self.place(&fault.path).or(Some((1, 1))) else { continue };
            let inner = (fault.line, fault.column);
            (fault.line, fault.column) = (Some(line), Some(column));
            let (Some(inner_line), Some(inner_column), Some(at)) = (inner.0, inner.1, self.places.get(&fault.path)) else { continue };
            let opening = self.text.get(*at..).unwrap_or_default();
            let quotes = if opening.starts_with("\"\"\"") || opening.starts_with("'''") { 3 } else { 1 };
            // A line break right after three quotes does not belong to the text.
            let breaks = quotes == 3 && opening[3..].trim_start_matches('\r').starts_with('\n');
            fault.line = Some(line + inner_line - 1 + u32::from(breaks));
            fault.column = Some(if inner_line == 1 && !breaks { column + quotes + inner_column - 1 } else { inner_column });
        }
        faults.sort_by(|a, b| (a.line, a.column, &a.path).cmp(&(b.line, b.column, &b.path)));
        faults
    }
}

/// Line and column in characters of a byte, both from 1.
fn line_and_column(text: &str, at: usize) -> (u32, u32) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

fn fault_at(text: &str, at: usize, wrong: String, right: &str) -> Fault {
    let (line, column) = line_and_column(text, at);
    Fault { line: Some(line), column: Some(column), ..Fault::new("", wrong, right) }
}

fn toml_table(table: &DeTable<'_>, path: &str, places: &mut BTreeMap<String, usize>) -> Value {
    let mut out = Map::new();
    for (key, value) in table {
        let inside = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
        // A table's header stands at its key, which says more than where its first line begins.
        let at = if matches!(value.get_ref(), DeValue::Table(_)) { key.span().start } else { value.span().start };
        places.insert(inside.clone(), at);
        let read = toml_value(value, &inside, places);
        out.insert(key.get_ref().to_string(), read);
    }
    Value::Object(out)
}

fn toml_value(value: &Spanned<DeValue<'_>>, path: &str, places: &mut BTreeMap<String, usize>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::from(text.to_string()),
        DeValue::Datetime(when) => Value::from(when.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).map_or_else(|_| Value::from(number.to_string()), Value::from),
        DeValue::Float(number) => number.as_str().parse::<f64>().ok().and_then(serde_json::Number::from_f64).map_or_else(|| Value::from(number.to_string()), Value::Number),
        DeValue::Boolean(truth) => Value::Bool(*truth),
        DeValue::Array(items) => Value::Array(
            items
                .iter()
                .enumerate()
                .map(|(i, item)| {
                    let inside = format!("{path}[{i}]");
                    places.insert(inside.clone(), item.span().start);
                    toml_value(item, &inside, places)
                })
                .collect(),
        ),
        DeValue::Table(table) => toml_table(table, path, places),
    }
}

/// Walks JSON that is known to be good, noting where values begin.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn space(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn here(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn string(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        while self.at < self.bytes.len() && self.here() != b'"' {
            self.at += if self.here() == b'\\' { 2 } else { 1 };
        }
        self.at = (self.at + 1).min(self.bytes.len());
        self.bytes.get(start..self.at).and_then(|raw| serde_json::from_slice(raw).ok()).unwrap_or_default()
    }

    fn value(&mut self, path: String, places: &mut BTreeMap<String, usize>) {
        self.space();
        places.insert(path.clone(), self.at);
        match self.here() {
            b'{' => {
                self.at += 1;
                loop {
                    self.space();
                    if self.here() != b'"' {
                        break;
                    }
                    let key = self.string();
                    self.space();
                    self.at += 1; // the colon
                    self.value(if path.is_empty() { key } else { format!("{path}.{key}") }, places);
                    self.space();
                    if self.here() != b',' {
                        break;
                    }
                    self.at += 1;
                }
                self.at += 1;
            }
            b'[' => {
                self.at += 1;
                let mut i = 0;
                loop {
                    self.space();
                    if self.at >= self.bytes.len() || self.here() == b']' {
                        break;
                    }
                    self.value(format!("{path}[{i}]"), places);
                    i += 1;
                    self.space();
                    if self.here() != b',' {
                        break;
                    }
                    self.at += 1;
                }
                self.at += 1;
            }
            b'"' => {
                self.string();
            }
            _ => {
                while self.at < self.bytes.len() && !b",]} \t\r\n".contains(&self.here()) {
                    self.at += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_again_in_toml_and_json() {
        let toml = Source::toml("a = 1\n[[rule]]\nkey = \"x\"\nthen = [{ do = \"tag\" },\n  { do = \"note\" }]\n").unwrap();
        assert_eq!((toml.place("rule[0].key"), toml.place("rule[0].then[1].do"), toml.place("rule[0].missing.deep")), (Some((3, 7)), Some((5, 10)), toml.place("rule[0]")));
        let json = Source::json("{\"rule\": [\n  {\"key\": \"x\",\n   \"then\": [1, {\"do\": \"a\\\"b\"}]}\n]}").unwrap();
        assert_eq!((json.place("rule[0].key"), json.place("rule[0].then[1].do")), (Some((2, 11)), Some((3, 23))));
        assert_eq!(Source::toml("a = \n").unwrap_err().line, Some(1));
        assert_eq!(Source::json("{\n\"a\": }").unwrap_err().line, Some(2));
    }
}
