//! TOML of a pack into typed values, with every fault at its line. serde stops at the first fault it meets; here the
//! entry that holds it is noted and left out, and the rest is read again, until nothing more is wrong.

use std::collections::{BTreeSet, HashMap};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer};

use super::{PackFault, PackFile};

/// More faults in one file than this are not told.
const MOST: usize = 200;

/// Where the parts of a file stand.
#[derive(Clone, Debug)]
pub struct PackDoc {
    file: String,
    /// Path (`stage[2].title.zh`) → line.
    lines: HashMap<String, usize>,
    /// Nothing was wrong so far. Otherwise entries were left out, and a reference to one of them proves nothing.
    pub clean: bool,
}

impl PackDoc {
    /// The line of the entry at `path`, or of the nearest one around it.
    pub fn line(&self, path: &str) -> usize {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return *line;
            }
            match path.rfind(['.', '[']) {
                Some(at) => path = &path[..at],
                None => return 1,
            }
        }
    }
    /// A fault at the entry `path`, e.g. `stage[0].to[1]`.
    pub fn fault(&self, path: &str, wrong: impl Into<String>, expected: impl Into<String>) -> PackFault {
        PackFault { file: self.file.clone(), line: self.line(path), wrong: wrong.into(), expected: expected.into() }
    }
}

/// Reads `file`, adding everything that is wrong to `faults`. The value is what is left when the faulty entries are
/// taken away, so that its meaning can be checked as well; `None` when too little is left. The paths of [`PackDoc`] are
/// those of that value. Use `deny_unknown_fields` on `T`, or a misspelt key goes unnoticed.
pub fn read_toml<T: DeserializeOwned>(file: &PackFile, faults: &mut Vec<PackFault>) -> (Option<T>, PackDoc) {
    let starts = line_starts(&file.text);
    let line_at = |at: usize| starts.partition_point(|start| *start <= at).max(1);
    let before = faults.len();
    let (mut root, errors) = DeTable::parse_recoverable(&file.text);
    let mut told = BTreeSet::new();
    for error in errors.iter().take(MOST) {
        let line = error.span().map_or(1, |span| line_at(span.start));
        // One slip makes the parser stumble several times in its line; the first says it best.
        if told.insert(line) {
            let (wrong, expected) = reworded(error.message(), "TOML: `key = \"text\"`, `[table]` or `[[list]]`");
            faults.push(file.fault(line, format!("this is not TOML: {wrong}"), expected));
        }
    }
    let mut left_out: BTreeSet<String> = BTreeSet::new();
    let mut value = None;
    for _ in 0..MOST {
        let error = match T::deserialize(Deserializer::from(root.clone())) {
            Ok(read) => {
                value = Some(read);
                break;
            }
            Err(error) => error,
        };
        let span = error.span().unwrap_or(0..0);
        let missing = error.message().strip_prefix("missing field `").and_then(|rest| rest.split('`').next()).map(str::to_owned);
        let (steps, at) = match &missing {
            Some(_) => table_with(root.get_ref(), &span).unwrap_or_default(),
            None => entry_at(root.get_ref(), span.start).unwrap_or_default(),
        };
        let here = shown(&steps);
        let line = if steps.is_empty() { line_at(span.start) } else { line_at(at) };
        match missing {
            // Broken TOML reads as anything; its line has been told.
            _ if told.contains(&line) => {}
            // What is missing was left out for a fault that has been told.
            Some(field) if left_out.contains(&join(&here, &field)) => {}
            Some(field) => faults.push(file.fault(line, format!("`{field}` is missing{}", within(&here)), format!("a line `{field} = …`"))),
            None => {
                let (wrong, expected) = reworded(error.message(), "a value of the kind the format describes");
                faults.push(file.fault(line, if here.is_empty() { wrong } else { format!("`{here}`: {wrong}") }, expected));
            }
        }
        if steps.is_empty() || !take_out(root.get_mut(), &steps) {
            break;
        }
        // The items behind one that is gone move up; nothing of them was looked at yet.
        left_out.retain(|path| !path.starts_with(&format!("{here}.")));
        left_out.insert(here);
    }
    faults[before..].sort_by_key(|fault| fault.line);
    let mut lines = HashMap::new();
    index(root.get_ref(), "", &line_at, &mut lines);
    (value, PackDoc { file: file.path.clone(), lines, clean: faults.len() == before })
}

/// A step on the way to an entry.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    Item(usize),
}

fn shown(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Key(key) => text = join(&text, key),
            Step::Item(i) => text = format!("{text}[{i}]"),
        }
    }
    text
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn within(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(" in `{path}`") }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// The innermost entry whose key or value holds byte `at`, with the byte its line is told by.
fn entry_at(table: &DeTable<'_>, at: usize) -> Option<(Vec<Step>, usize)> {
    for (key, value) in table.iter() {
        let name = || Step::Key(key.get_ref().to_string());
        if let Some((mut steps, from)) = value_at(value, at) {
            steps.insert(0, name());
            // An inline value is told by its own place, the rest by the key.
            return Some((steps, from.unwrap_or(key.span().start)));
        }
        if key.span().contains(&at) {
            return Some((vec![name()], key.span().start));
        }
    }
    None
}

fn value_at(value: &Spanned<DeValue<'_>>, at: usize) -> Option<(Vec<Step>, Option<usize>)> {
    match value.get_ref() {
        DeValue::Table(table) => {
            if let Some((steps, from)) = entry_at(table, at) {
                return Some((steps, Some(from)));
            }
        }
        DeValue::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                if let Some((mut steps, from)) = value_at(item, at) {
                    steps.insert(0, Step::Item(i));
                    return Some((steps, Some(from.unwrap_or(item.span().start))));
                }
            }
        }
        _ => {}
    }
    value.span().contains(&at).then(|| (Vec::new(), None))
}

/// The table whose span this is.
fn table_with(table: &DeTable<'_>, span: &std::ops::Range<usize>) -> Option<(Vec<Step>, usize)> {
    fn look(value: &Spanned<DeValue<'_>>, span: &std::ops::Range<usize>) -> Option<Vec<Step>> {
        match value.get_ref() {
            DeValue::Table(_) if value.span() == *span => Some(Vec::new()),
            DeValue::Table(table) => table_with(table, span).map(|found| found.0),
            DeValue::Array(items) => items.iter().enumerate().find_map(|(i, item)| {
                let mut steps = look(item, span)?;
                steps.insert(0, Step::Item(i));
                Some(steps)
            }),
            _ => None,
        }
    }
    table.iter().find_map(|(key, value)| {
        let mut steps = look(value, span)?;
        steps.insert(0, Step::Key(key.get_ref().to_string()));
        Some((steps, span.start))
    })
}

/// Takes the entry out of the tree.
fn take_out(table: &mut DeTable<'_>, steps: &[Step]) -> bool {
    let Some((Step::Key(key), rest)) = steps.split_first() else { return false };
    if rest.is_empty() {
        return table.remove(key.as_str()).is_some();
    }
    table.get_mut(key.as_str()).is_some_and(|value| take_from(value.get_mut(), rest))
}

fn take_from(value: &mut DeValue<'_>, steps: &[Step]) -> bool {
    match value {
        DeValue::Table(table) => take_out(table, steps),
        DeValue::Array(items) => {
            let Some((Step::Item(i), rest)) = steps.split_first() else { return false };
            if !rest.is_empty() {
                return items.get_mut(*i).is_some_and(|item| take_from(item.get_mut(), rest));
            }
            let mut others = DeArray::new();
            for (_, item) in items.iter().enumerate().filter(|(at, _)| at != i) {
                others.push(item.clone());
            }
            let taken = others.len() < items.len();
            *items = others;
            taken
        }
        _ => false,
    }
}

fn index(table: &DeTable<'_>, path: &str, line_at: &dyn Fn(usize) -> usize, lines: &mut HashMap<String, usize>) {
    for (key, value) in table.iter() {
        let here = join(path, key.get_ref());
        lines.insert(here.clone(), line_at(key.span().start));
        index_value(value, &here, line_at, lines);
    }
}

fn index_value(value: &Spanned<DeValue<'_>>, path: &str, line_at: &dyn Fn(usize) -> usize, lines: &mut HashMap<String, usize>) {
    match value.get_ref() {
        DeValue::Table(table) => index(table, path, line_at, lines),
        DeValue::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                let here = format!("{path}[{i}]");
                lines.insert(here.clone(), line_at(item.span().start));
                index_value(item, &here, line_at, lines);
            }
        }
        _ => {}
    }
}

/// serde's words into ours: what is wrong, and what was expected.
fn reworded(message: &str, otherwise: &str) -> (String, String) {
    let message = message.replace('\n', ", ");
    let (wrong, expected) = message.split_once("; expected ").or_else(|| message.split_once(", expected ")).map_or((message.as_str(), None), |(a, b)| (a, Some(b)));
    let wrong = if let Some(rest) = wrong.strip_prefix("unknown field ") {
        format!("the key {rest} is not known here")
    } else if let Some(rest) = wrong.strip_prefix("unknown variant ") {
        format!("{rest} is not known here")
    } else if let Some(rest) = wrong.strip_prefix("invalid type: ") {
        format!("{rest} does not belong here")
    } else if let Some(rest) = wrong.strip_prefix("invalid value: ") {
        format!("{rest} cannot stand here")
    } else if let Some(rest) = wrong.strip_prefix("duplicate field ") {
        format!("the key {rest} stands here twice")
    } else {
        wrong.to_owned()
    };
    (wrong, expected.filter(|text| !text.is_empty()).unwrap_or(otherwise).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sheet {
        #[allow(dead_code)]
        key: String,
        #[serde(default)]
        stage: Vec<Stage>,
        #[serde(default)]
        #[allow(dead_code)]
        limits: std::collections::BTreeMap<String, i64>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Stage {
        key: String,
        #[serde(default)]
        to: Vec<String>,
        #[serde(default)]
        open: bool,
        title: Option<super::super::PackText>,
    }

    fn read(text: &str) -> (Option<Sheet>, PackDoc, Vec<String>) {
        let mut faults = Vec::new();
        let (value, doc) = read_toml(&PackFile::new("a.toml", text), &mut faults);
        (value, doc, faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_sound_file_is_read_and_knows_its_lines() {
        let (value, doc, faults) = read("key = \"x\"\n[[stage]]\nkey = \"a\"\nto = [\n  \"b\",\n  \"c\",\n]\n[[stage]]\nkey = \"b\"\ntitle = { zh = \"乙\", en = \"B\" }\n");
        assert!(faults.is_empty(), "{faults:?}");
        assert!(doc.clean);
        assert_eq!(value.unwrap().stage.len(), 2);
        assert_eq!((doc.line("stage[0].to[1]"), doc.line("stage[1]"), doc.line("stage[1].title.en"), doc.line("stage[1].nothing.here"), doc.line("nowhere")), (6, 8, 10, 8, 1));
        assert_eq!(doc.fault("stage[1].key", "wrong", "right").to_string(), "a.toml:9: wrong; right");
    }

    #[test]
    fn every_faulty_line_is_told_once_not_only_the_first() {
        let (value, _, faults) = read("key = 7\ncolour = \"red\"\n[[stage]]\nkey = 1\n[[stage]]\nkey = \"b\"\nopen = \"yes\"\nto = [\"c\", 3]\ntitel = 1\ntitle = { zh = 1, en = \"x\" }\n[[stage]]\nopen = true\n[limits]\na = \"many\"\nb = 2\n");
        let lines: Vec<usize> = faults.iter().map(|f| f.split(':').nth(1).unwrap().parse().unwrap()).collect();
        let mut sorted = lines.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [1, 2, 4, 7, 8, 9, 10, 11, 14], "{faults:#?}");
        assert!(value.is_none(), "the key is gone");
        assert!(faults.iter().any(|f| f.contains("the key `colour` is not known here; one of")), "{faults:#?}");
    }

    #[test]
    fn what_is_left_can_still_be_checked() {
        let (value, doc, faults) = read("key = \"x\"\n[[stage]]\nkey = 1\n[[stage]]\nkey = \"b\"\n");
        assert_eq!(faults, ["a.toml:3: `stage[0].key`: integer `1` does not belong here; a string"]);
        assert!(!doc.clean);
        assert_eq!((value.unwrap().stage[0].key.as_str(), doc.line("stage[0].key")), ("b", 5));
    }

    #[test]
    fn broken_toml_is_told_for_every_line_it_breaks() {
        let (_, doc, faults) = read("key = \"x\nstage = = 2\n]\n[limits\nb 3\n\u{0}\n");
        assert!(!doc.clean);
        assert!(faults.len() >= 4, "{faults:#?}");
        assert!(faults.iter().all(|f| f.contains("this is not TOML")), "{faults:#?}");
    }

    #[test]
    fn a_file_with_thousands_of_faults_ends() {
        let text: String = (0..5000).map(|i| format!("k{i} = 1\n")).collect();
        assert_eq!(read(&text).2.len(), MOST);
        let deep = format!("key = {}", "[".repeat(5000));
        assert!(!read(&deep).2.is_empty());
    }
}
