//! The tree and its validation against a catalogue of fields.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A condition. `{"all":[…]}`, `{"any":[…]}`, `{"not":…}` or `{"field":…,"op":…,"value":…}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Condition {
    All { all: Vec<Condition> },
    Any { any: Vec<Condition> },
    Not { not: Box<Condition> },
    Compare {
        field: String,
        op: Op,
        #[serde(default, skip_serializing_if = "Value::is_null")]
        value: Value,
    },
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    Eq,
    Ne,
    In,
    NotIn,
    Lt,
    Le,
    Gt,
    Ge,
    /// Text holds the value (letter case ignored); a list holds it as an element.
    Contains,
    Empty,
    NotEmpty,
    /// A time lies within the last `30m`, `12h`, `7d`.
    WithinLast,
    /// A time lies within the next `30m`, `12h`, `7d`.
    WithinNext,
}

/// What a field holds; decides which operators and values fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text, also ids and codes.
    Text,
    Number,
    /// RFC 3339 outside, microseconds inside.
    Time,
    Bool,
    /// A list of texts.
    List,
}

/// The fields somebody may use: name → kind.
pub type Catalogue<'a> = &'a [(&'a str, FieldKind)];

/// What is wrong in a condition, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Path within the tree: `all[0].any[2].value`.
    pub path: String,
    pub wrong: String,
    pub right: String,
}

const DEEPEST: usize = 8;
const LARGEST: usize = 100;

impl Condition {
    /// A comparison.
    pub fn compare(field: &str, op: Op, value: impl Into<Value>) -> Self {
        Self::Compare { field: field.to_owned(), op, value: value.into() }
    }

    /// Every fault, in reading order; none: it can be evaluated and compiled.
    pub fn faults(&self, catalogue: Catalogue<'_>) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut size = 0;
        self.check(catalogue, String::new(), 0, &mut size, &mut faults);
        if size > LARGEST {
            faults.push(Fault { path: String::new(), wrong: format!("{size} comparisons"), right: format!("at most {LARGEST}") });
        }
        faults
    }

    fn check(&self, catalogue: Catalogue<'_>, path: String, depth: usize, size: &mut usize, faults: &mut Vec<Fault>) {
        let join = |part: String| if path.is_empty() { part } else { format!("{path}.{part}") };
        if depth > DEEPEST {
            faults.push(Fault { path, wrong: "nested too deep".into(), right: format!("at most {DEEPEST} levels") });
            return;
        }
        match self {
            Self::All { all } => all.iter().enumerate().for_each(|(i, c)| c.check(catalogue, join(format!("all[{i}]")), depth + 1, size, faults)),
            Self::Any { any } => any.iter().enumerate().for_each(|(i, c)| c.check(catalogue, join(format!("any[{i}]")), depth + 1, size, faults)),
            Self::Not { not } => not.check(catalogue, join("not".into()), depth + 1, size, faults),
            Self::Compare { field, op, value } => {
                *size += 1;
                let Some((_, kind)) = catalogue.iter().find(|(name, _)| name == field) else {
                    let known: Vec<&str> = catalogue.iter().map(|(name, _)| *name).collect();
                    faults.push(Fault { path: join("field".into()), wrong: format!("there is no field `{field}`"), right: format!("one of: {}", known.join(", ")) });
                    return;
                };
                if let Some((wrong, right)) = misfit(*kind, *op, value) {
                    faults.push(Fault { path: join("value".into()), wrong: format!("`{field}`: {wrong}"), right });
                }
            }
        }
    }

    /// The fields it reads.
    pub fn fields(&self) -> Vec<&str> {
        match self {
            Self::All { all } => all.iter().flat_map(Self::fields).collect(),
            Self::Any { any } => any.iter().flat_map(Self::fields).collect(),
            Self::Not { not } => not.fields(),
            Self::Compare { field, .. } => vec![field],
        }
    }
}

/// Microseconds of `30m`, `12h`, `7d`, `2w`.
pub(crate) fn span_micros(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let number: i64 = text[..text.len() - unit.len_utf8()].parse().ok().filter(|n| (0..=1_000_000).contains(n))?;
    let seconds = match unit {
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    Some(number * seconds * 1_000_000)
}

/// Microseconds of an RFC 3339 text in UTC or with an offset. Small on purpose: full calendars are not needed here.
pub(crate) fn time_micros(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 20 || bytes[4] != b'-' || bytes[7] != b'-' || bytes[13] != b':' || bytes[16] != b':' {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let rest = &text[19..];
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(tail) => {
            let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
            let micros: String = tail[..digits].chars().chain("000000".chars()).take(6).collect();
            (micros.parse::<i64>().ok()?, &tail[digits..])
        }
        None => (0, rest),
    };
    let offset = match zone {
        "Z" | "z" => 0,
        _ if zone.len() == 6 => {
            let sign = if zone.starts_with('-') { -1 } else if zone.starts_with('+') { 1 } else { return None };
            sign * (zone.get(1..3)?.parse::<i64>().ok()? * 3600 + zone.get(4..6)?.parse::<i64>().ok()? * 60)
        }
        _ => return None,
    };
    // Days since 1970-01-01 of a civil date (era arithmetic on 400-year cycles that begin in March).
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(((days * 86_400 + hour * 3600 + minute * 60 + second - offset) * 1_000_000) + fraction)
}

fn scalar_fits(kind: FieldKind, value: &Value) -> bool {
    match kind {
        FieldKind::Text | FieldKind::List => value.is_string(),
        FieldKind::Number => value.is_number(),
        FieldKind::Bool => value.is_boolean(),
        FieldKind::Time => value.as_str().is_some_and(|t| time_micros(t).is_some()),
    }
}

fn wanted(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text | FieldKind::List => "a text",
        FieldKind::Number => "a number",
        FieldKind::Bool => "true or false",
        FieldKind::Time => "an RFC 3339 time, like 2026-01-02T09:30:00+08:00",
    }
}

fn misfit(kind: FieldKind, op: Op, value: &Value) -> Option<(String, String)> {
    use FieldKind::{Bool, List, Number, Text, Time};
    let operator_fits = match op {
        Op::Eq | Op::Ne => kind != List,
        Op::In | Op::NotIn => matches!(kind, Text | Number | List),
        Op::Lt | Op::Le | Op::Gt | Op::Ge => matches!(kind, Number | Time),
        Op::Contains => matches!(kind, Text | List),
        Op::Empty | Op::NotEmpty => true,
        Op::WithinLast | Op::WithinNext => kind == Time,
    };
    if !operator_fits {
        let right = match kind {
            Text => "eq, ne, in, not_in, contains, empty, not_empty",
            Number => "eq, ne, in, not_in, lt, le, gt, ge, empty, not_empty",
            Time => "eq, ne, lt, le, gt, ge, within_last, within_next, empty, not_empty",
            Bool => "eq, ne, empty, not_empty",
            List => "contains, in, not_in, empty, not_empty",
        };
        return Some((format!("the operator `{}` does not fit", serde_json::to_string(&op).unwrap_or_default().trim_matches('"')), right.into()));
    }
    match op {
        Op::Empty | Op::NotEmpty => None,
        Op::In | Op::NotIn => match value.as_array() {
            Some(items) if items.len() <= 500 && items.iter().all(|item| scalar_fits(kind, item)) => None,
            _ => Some(("the value is not a list of fitting values".into(), format!("up to 500 values, each {}", wanted(kind)))),
        },
        Op::WithinLast | Op::WithinNext => match value.as_str().and_then(span_micros) {
            Some(_) => None,
            None => Some(("the value is not a span".into(), "like 30m, 12h, 7d or 2w".into())),
        },
        // Equality with null reads as "empty" in the visual builder's eyes; be generous there.
        Op::Eq | Op::Ne if value.is_null() => None,
        _ if scalar_fits(kind, value) => None,
        _ => Some(("the value does not fit".into(), wanted(kind).into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: Catalogue<'static> = &[("priority", FieldKind::Text), ("opened_at", FieldKind::Time), ("tag", FieldKind::List), ("messages", FieldKind::Number)];

    #[test]
    fn faults_name_the_place_and_what_would_be_right() {
        let tree: Condition = serde_json::from_str(r#"{"all":[{"field":"priorty","op":"eq","value":"high"},{"any":[{"field":"opened_at","op":"lt","value":"yesterday"}]},{"field":"tag","op":"eq","value":"x"}]}"#).unwrap();
        let faults = tree.faults(FIELDS);
        assert_eq!(faults.len(), 3);
        assert_eq!((faults[0].path.as_str(), faults[1].path.as_str()), ("all[0].field", "all[1].any[0].value"));
        assert!(faults[0].right.contains("priority"));
    }

    #[test]
    fn times_with_offsets_are_read() {
        assert_eq!(time_micros("1970-01-01T08:00:00+08:00"), Some(0));
        assert_eq!(time_micros("2026-03-02T01:00:00.5Z"), Some(1_772_413_200_500_000));
        assert_eq!(time_micros("2026-03-02"), None);
        assert_eq!(time_micros("不是时间不是时间不是时间"), None);
    }
}
