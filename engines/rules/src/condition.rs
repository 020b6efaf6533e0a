//! The tree and its validation against a catalogue of fields.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::near;
use crate::units::{Span, is_date, span_micros, time_micros};

/// A condition. `{"all":[…]}`, `{"any":[…]}`, `{"not":…}` or `{"field":…,"op":…,"value":…}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected {\"all\":[…]}, {\"any\":[…]}, {\"not\":…} or {\"field\":…, \"op\":…, \"value\":…}; op is eq, ne, in, not_in, lt, le, gt, ge, contains, empty, not_empty, within_last or within_next")]
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
    /// Text holds one of the values; a list has one of them.
    ContainsAny,
    /// Text holds all of the values; a list has all of them.
    ContainsAll,
    /// Text begins with the value (letter case ignored).
    StartsWith,
    Empty,
    NotEmpty,
    /// A time lies within the last `30m`, `12h`, `7d`.
    WithinLast,
    /// A time lies within the next `30m`, `12h`, `7d`.
    WithinNext,
    /// A time lies further back than `30m`, `12h`, `7d`.
    OlderThan,
    /// The event changed the field; the value may narrow it: `{"from": …, "to": …}`, both optional. Rules only.
    Changed,
    /// Before the event the field was the value, or one of a list of values. Rules only.
    Was,
}

impl Op {
    /// Every operator, with the name JSON gives it.
    pub const ALL: [(Self, &'static str); 19] = [
        (Self::Eq, "eq"),
        (Self::Ne, "ne"),
        (Self::In, "in"),
        (Self::NotIn, "not_in"),
        (Self::Lt, "lt"),
        (Self::Le, "le"),
        (Self::Gt, "gt"),
        (Self::Ge, "ge"),
        (Self::Contains, "contains"),
        (Self::ContainsAny, "contains_any"),
        (Self::ContainsAll, "contains_all"),
        (Self::StartsWith, "starts_with"),
        (Self::Empty, "empty"),
        (Self::NotEmpty, "not_empty"),
        (Self::WithinLast, "within_last"),
        (Self::WithinNext, "within_next"),
        (Self::OlderThan, "older_than"),
        (Self::Changed, "changed"),
        (Self::Was, "was"),
    ];

    /// Its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(op, _)| *op == self).map_or("", |(_, name)| name)
    }

    /// Whether it asks what was before the event, which only a rule can know.
    #[must_use]
    pub fn of_history(self) -> bool {
        matches!(self, Self::Changed | Self::Was)
    }
}

/// What a field holds; decides which operators and values fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Text, also ids and codes.
    Text,
    Number,
    /// RFC 3339 outside, microseconds inside.
    Time,
    Bool,
    /// A list of texts.
    List,
    /// A calendar date `2026-10-01`; the fact is that text.
    Date,
    /// A length of time, compared with `2h` or `2wd`. The fact is a number of seconds; for working days the fact
    /// `<field>.wd` is read, a number of full working days.
    Span,
}

impl FieldKind {
    /// The operators that fit, in the order a list should show them.
    #[must_use]
    pub fn operators(self) -> &'static [Op] {
        use Op::{Changed, Contains, ContainsAll, ContainsAny, Empty, Eq, Ge, Gt, In, Le, Lt, Ne, NotEmpty, NotIn, OlderThan, StartsWith, Was, WithinLast, WithinNext};
        match self {
            Self::Text => &[Eq, Ne, In, NotIn, Contains, ContainsAny, ContainsAll, StartsWith, Empty, NotEmpty, Changed, Was],
            Self::Number => &[Eq, Ne, In, NotIn, Lt, Le, Gt, Ge, Empty, NotEmpty, Changed, Was],
            Self::Time => &[Eq, Ne, Lt, Le, Gt, Ge, WithinLast, WithinNext, OlderThan, Empty, NotEmpty, Changed, Was],
            Self::Date => &[Eq, Ne, In, NotIn, Lt, Le, Gt, Ge, Empty, NotEmpty, Changed, Was],
            Self::Bool => &[Eq, Ne, Empty, NotEmpty, Changed, Was],
            Self::List => &[Contains, ContainsAny, ContainsAll, In, NotIn, Empty, NotEmpty, Changed],
            Self::Span => &[Lt, Le, Gt, Ge, Empty, NotEmpty],
        }
    }
}

/// The fields somebody may use: name → kind.
pub type Catalogue<'a> = &'a [(&'a str, FieldKind)];

/// What is wrong in a condition, where, and what would be right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Path within the tree or file: `all[0].any[2].value`, `rule[3].then[0].team`.
    pub path: String,
    pub wrong: String,
    pub right: String,
    /// Line of the text it was written in, from 1; `None` where there is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

impl Fault {
    /// A fault at a path, its place in a text not known yet.
    pub fn new(path: impl Into<String>, wrong: impl Into<String>, right: impl Into<String>) -> Self {
        Self { path: path.into(), wrong: wrong.into(), right: right.into(), line: None, column: None }
    }

    /// The same fault, its path inside `outer`.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.path = match (outer.is_empty(), self.path.is_empty()) {
            (true, _) => self.path,
            (_, true) => outer.to_owned(),
            _ => format!("{outer}.{}", self.path),
        };
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}")?;
            if let Some(column) = self.column {
                write!(f, ", column {column}")?;
            }
            f.write_str(": ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}; {}", self.wrong, self.right)
    }
}

impl std::error::Error for Fault {}

const DEEPEST: usize = 8;
const LARGEST: usize = 100;
/// Values of all comparisons together: each is a parameter of a statement, and databases take some thirty thousand.
const MOST_VALUES: usize = 10_000;
/// A text of a comparison has at most this many characters.
const LONGEST_TEXT: usize = 1000;

impl Condition {
    /// A comparison.
    pub fn compare(field: &str, op: Op, value: impl Into<Value>) -> Self {
        Self::Compare { field: field.to_owned(), op, value: value.into() }
    }

    /// The condition that always holds.
    #[must_use]
    pub fn always() -> Self {
        Self::All { all: Vec::new() }
    }

    /// Every fault, in reading order; none: it can be evaluated and compiled. What was before an event and working
    /// days have no place in a list and are refused here; [`Condition::rule_faults`] allows them.
    pub fn faults(&self, catalogue: Catalogue<'_>) -> Vec<Fault> {
        self.all_faults(catalogue, false)
    }

    /// Every fault of the condition of a rule, where the event's change and working days may be asked too.
    pub fn rule_faults(&self, catalogue: Catalogue<'_>) -> Vec<Fault> {
        self.all_faults(catalogue, true)
    }

    fn all_faults(&self, catalogue: Catalogue<'_>, of_rule: bool) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut size = 0;
        self.check(catalogue, of_rule, String::new(), 0, &mut size, &mut faults);
        if size > LARGEST {
            faults.push(Fault::new(String::new(), format!("{size} comparisons"), format!("at most {LARGEST}")));
        }
        let values: usize = self.leaves().iter().map(|(_, _, value)| value.as_array().map_or(1, Vec::len)).sum();
        if values > MOST_VALUES {
            faults.push(Fault::new(String::new(), format!("{values} values"), format!("at most {MOST_VALUES}")));
        }
        faults
    }

    fn check(&self, catalogue: Catalogue<'_>, of_rule: bool, path: String, depth: usize, size: &mut usize, faults: &mut Vec<Fault>) {
        let join = |part: String| if path.is_empty() { part } else { format!("{path}.{part}") };
        if depth > DEEPEST {
            faults.push(Fault::new(path, "nested too deep", format!("at most {DEEPEST} levels")));
            return;
        }
        match self {
            Self::All { all } => all.iter().enumerate().for_each(|(i, c)| c.check(catalogue, of_rule, join(format!("all[{i}]")), depth + 1, size, faults)),
            Self::Any { any } => any.iter().enumerate().for_each(|(i, c)| c.check(catalogue, of_rule, join(format!("any[{i}]")), depth + 1, size, faults)),
            Self::Not { not } => not.check(catalogue, of_rule, join("not".into()), depth + 1, size, faults),
            Self::Compare { field, op, value } => {
                *size += 1;
                let Some((_, kind)) = catalogue.iter().find(|(name, _)| name == field) else {
                    faults.push(Fault::new(join("field".into()), format!("there is no field `{field}`"), near::suggest(field, catalogue.iter().map(|(name, _)| *name))));
                    return;
                };
                if !of_rule && (op.of_history() || (*kind == FieldKind::Span && value.as_str().is_some_and(|t| t.ends_with("wd")))) {
                    let wrong = if op.of_history() { format!("`{}` asks what was before an event", op.name()) } else { "working days need a calendar".to_owned() };
                    faults.push(Fault::new(join("value".into()), format!("`{field}`: {wrong}"), "that belongs in the condition of a rule; a list knows the present only"));
                } else if let Some((wrong, right)) = misfit(*kind, *op, value).or_else(|| unfit_text(value)) {
                    faults.push(Fault::new(join("value".into()), format!("`{field}`: {wrong}"), right));
                }
            }
        }
    }

    /// Its comparisons in reading order: field, operator, value.
    #[must_use]
    pub fn leaves(&self) -> Vec<(&str, Op, &Value)> {
        match self {
            Self::All { all: parts } | Self::Any { any: parts } => parts.iter().flat_map(Self::leaves).collect(),
            Self::Not { not } => not.leaves(),
            Self::Compare { field, op, value } => vec![(field, *op, value)],
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

pub(crate) fn scalar_fits(kind: FieldKind, value: &Value) -> bool {
    match kind {
        FieldKind::Text | FieldKind::List => value.is_string(),
        FieldKind::Number => value.is_number(),
        FieldKind::Bool => value.is_boolean(),
        FieldKind::Time => value.as_str().is_some_and(|t| time_micros(t).is_some()),
        FieldKind::Date => value.as_str().is_some_and(is_date),
        FieldKind::Span => value.as_str().is_some_and(|t| t.parse::<Span>().is_ok()),
    }
}

pub(crate) fn wanted(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text | FieldKind::List => "a text",
        FieldKind::Number => "a number",
        FieldKind::Bool => "true or false",
        FieldKind::Time => "an RFC 3339 time, like 2026-01-02T09:30:00+08:00",
        FieldKind::Date => "a date, like 2026-10-01",
        FieldKind::Span => "a span, like 30m, 2h, 3d, or 2wd for working days",
    }
}

/// A text that no field holds and databases do not take.
fn unfit_text(value: &Value) -> Option<(String, String)> {
    match value {
        Value::String(text) if text.chars().nth(LONGEST_TEXT).is_some() => Some(("the text is too long".into(), format!("at most {LONGEST_TEXT} characters"))),
        Value::String(text) if text.contains('\0') => Some(("the text holds a character of code zero".into(), "a text without it".into())),
        Value::Array(items) => items.iter().find_map(unfit_text),
        Value::Object(ends) => ends.values().find_map(unfit_text),
        _ => None,
    }
}

fn misfit(kind: FieldKind, op: Op, value: &Value) -> Option<(String, String)> {
    if !kind.operators().contains(&op) {
        let right: Vec<&str> = kind.operators().iter().map(|op| op.name()).collect();
        return Some((format!("the operator `{}` does not fit", op.name()), right.join(", ")));
    }
    let fits_or_null = |value: &Value| value.is_null() || scalar_fits(kind, value);
    match op {
        Op::Empty | Op::NotEmpty => None,
        Op::In | Op::NotIn | Op::ContainsAny | Op::ContainsAll => match value.as_array() {
            Some(items) if items.len() <= 500 && items.iter().all(|item| scalar_fits(kind, item)) => None,
            _ => Some(("the value is not a list of fitting values".into(), format!("up to 500 values, each {}", wanted(kind)))),
        },
        Op::WithinLast | Op::WithinNext | Op::OlderThan => match value.as_str().and_then(span_micros) {
            Some(_) => None,
            None => Some(("the value is not a span".into(), "like 30m, 12h, 7d or 2w".into())),
        },
        Op::Changed => match value {
            Value::Null => None,
            _ if kind == FieldKind::List => Some(("from what and to what a list changed cannot be asked".into(), "`changed` alone, with `contains` beside it".into())),
            Value::Object(ends) if ends.iter().all(|(end, value)| (end == "from" || end == "to") && fits_or_null(value)) => None,
            _ => Some(("the value is no pair of `from` and `to`".into(), format!("{{\"from\": …, \"to\": …}}, each {} or left away", wanted(kind)))),
        },
        Op::Was => match value {
            Value::Array(items) if items.len() <= 500 && items.iter().all(|item| scalar_fits(kind, item)) => None,
            value if fits_or_null(value) => None,
            _ => Some(("the value does not fit".into(), format!("{}, or a list of such", wanted(kind)))),
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
    fn history_and_working_days_belong_to_rules() {
        let fields: Catalogue<'static> = &[("priority", FieldKind::Text), ("age", FieldKind::Span)];
        let tree: Condition = serde_json::from_str(r#"{"all":[{"field":"priority","op":"changed","value":{"to":"urgent"}},{"field":"priority","op":"was","value":["low"]},{"field":"age","op":"gt","value":"2wd"}]}"#).unwrap();
        assert_eq!(tree.rule_faults(fields), []);
        assert_eq!(tree.faults(fields).len(), 3);
        let wrong: Condition = serde_json::from_str(r#"{"field":"priority","op":"changed","value":{"into":"urgent"}}"#).unwrap();
        assert_eq!(wrong.rule_faults(fields).len(), 1);
    }
}
