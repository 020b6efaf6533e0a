//! Ways through a TOML document that remembers where everything stood.

use std::borrow::Cow;
use std::collections::HashMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A step on the way to an entry.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Key(String),
    Item(usize),
}

pub(super) fn shown(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Key(key) => text = join(&text, key),
            Step::Item(i) => text = format!("{text}[{i}]"),
        }
    }
    text
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

pub(super) fn within(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(" in `{path}`") }
}

/// The innermost entry whose key or value holds byte `at`, with the byte its line is told by.
pub(super) fn entry_at(table: &DeTable<'_>, at: usize) -> Option<(Vec<Step>, usize)> {
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
    // What the parser made up for broken text takes no room.
    let span = value.span();
    (span.contains(&at) || span.is_empty() && span.start == at).then(|| (Vec::new(), None))
}

/// The table whose span this is.
pub(super) fn table_with(table: &DeTable<'_>, span: &std::ops::Range<usize>) -> Option<(Vec<Step>, usize)> {
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

/// Puts `value` where `steps` lead; the table around it must be there. `false` when it is not.
pub(super) fn put<'t>(table: &mut DeTable<'t>, steps: &[Step], value: Spanned<DeValue<'t>>) -> bool {
    let Some((Step::Key(key), rest)) = steps.split_first() else { return false };
    if rest.is_empty() {
        // The key keeps its place, if it has one.
        match table.get_mut(key.as_str()) {
            Some(old) => *old = value,
            None => {
                let span = value.span();
                table.insert(Spanned::new(span, Cow::Owned(key.clone())), value);
            }
        }
        return true;
    }
    table.get_mut(key.as_str()).is_some_and(|inner| put_in(inner.get_mut(), rest, value))
}

fn put_in<'t>(inner: &mut DeValue<'t>, steps: &[Step], value: Spanned<DeValue<'t>>) -> bool {
    match (inner, steps.split_first()) {
        (DeValue::Table(table), _) => put(table, steps, value),
        (DeValue::Array(items), Some((Step::Item(i), rest))) => match items.get_mut(*i) {
            Some(item) if rest.is_empty() => {
                *item = value;
                true
            }
            Some(item) => put_in(item.get_mut(), rest, value),
            None => false,
        },
        _ => false,
    }
}

/// Takes the entry of a table out of the tree. Items of lists stay: those behind them would move up.
pub(super) fn take_out(table: &mut DeTable<'_>, steps: &[Step]) -> bool {
    fn take(value: &mut DeValue<'_>, steps: &[Step]) -> bool {
        match (value, steps.split_first()) {
            (DeValue::Table(table), _) => take_out(table, steps),
            (DeValue::Array(items), Some((Step::Item(i), rest))) if !rest.is_empty() => items.get_mut(*i).is_some_and(|item| take(item.get_mut(), rest)),
            _ => false,
        }
    }
    let Some((Step::Key(key), rest)) = steps.split_first() else { return false };
    if rest.is_empty() {
        return table.remove(key.as_str()).is_some();
    }
    table.get_mut(key.as_str()).is_some_and(|value| take(value.get_mut(), rest))
}

/// Paths and the bytes they begin at. What stands in for something has no place in the text.
pub(super) fn index(table: &DeTable<'_>, path: &str, line_at: &dyn Fn(usize) -> Option<usize>, lines: &mut HashMap<String, usize>) {
    for (key, value) in table.iter() {
        let here = join(path, key.get_ref());
        if let Some(line) = line_at(key.span().start) {
            lines.insert(here.clone(), line);
        }
        index_value(value, &here, line_at, lines);
    }
}

fn index_value(value: &Spanned<DeValue<'_>>, path: &str, line_at: &dyn Fn(usize) -> Option<usize>, lines: &mut HashMap<String, usize>) {
    match value.get_ref() {
        DeValue::Table(table) => index(table, path, line_at, lines),
        DeValue::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                let here = format!("{path}[{i}]");
                if let Some(line) = line_at(item.span().start) {
                    lines.insert(here.clone(), line);
                }
                index_value(item, &here, line_at, lines);
            }
        }
        _ => {}
    }
}
