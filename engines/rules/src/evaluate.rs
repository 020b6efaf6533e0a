//! A condition against the facts of one object.

use std::borrow::Cow;

use serde_json::Value;

use crate::condition::{Condition, Op};
use crate::units::{Span, is_date, span_micros, time_micros};

/// Gives the value of a field: text, number, bool, list of texts, or null. Times as RFC 3339 text or microseconds.
pub trait Facts {
    fn fact(&self, field: &str) -> Value;

    /// The same without a copy, where the facts lie ready.
    fn look(&self, field: &str) -> Cow<'_, Value> {
        Cow::Owned(self.fact(field))
    }

    /// What the field was before the event, if the event changed it. `None`: it did not.
    fn before(&self, field: &str) -> Option<Cow<'_, Value>> {
        let _ = field;
        None
    }
}

impl<F: Fn(&str) -> Value> Facts for F {
    fn fact(&self, field: &str) -> Value {
        self(field)
    }
}

impl Facts for serde_json::Map<String, Value> {
    fn fact(&self, field: &str) -> Value {
        self.get(field).cloned().unwrap_or(Value::Null)
    }

    fn look(&self, field: &str) -> Cow<'_, Value> {
        self.get(field).map_or(Cow::Owned(Value::Null), Cow::Borrowed)
    }
}

/// Whether the condition holds. `now` in microseconds since 1970 UTC.
pub fn evaluate(condition: &Condition, facts: &(impl Facts + ?Sized), now: i64) -> bool {
    match condition {
        Condition::All { all } => all.iter().all(|c| evaluate(c, facts, now)),
        Condition::Any { any } => any.iter().any(|c| evaluate(c, facts, now)),
        Condition::Not { not } => !evaluate(not, facts, now),
        Condition::Compare { field, op, value } => leaf(field, *op, value, facts, now).0,
    }
}

/// The comparisons with how each came out, in reading order: `(path, holds, the fact found)`.
pub fn explain(condition: &Condition, facts: &(impl Facts + ?Sized), now: i64) -> Vec<(String, bool, Value)> {
    fn walk(condition: &Condition, facts: &(impl Facts + ?Sized), now: i64, path: String, out: &mut Vec<(String, bool, Value)>) {
        let join = |part: String| if path.is_empty() { part } else { format!("{path}.{part}") };
        match condition {
            Condition::All { all } => all.iter().enumerate().for_each(|(i, c)| walk(c, facts, now, join(format!("all[{i}]")), out)),
            Condition::Any { any } => any.iter().enumerate().for_each(|(i, c)| walk(c, facts, now, join(format!("any[{i}]")), out)),
            Condition::Not { not } => walk(not, facts, now, join("not".into()), out),
            Condition::Compare { field, op, value } => {
                let (holds, fact) = leaf(field, *op, value, facts, now);
                out.push((join(field.clone()), holds, fact.into_owned()));
            }
        }
    }
    let mut out = Vec::new();
    walk(condition, facts, now, String::new(), &mut out);
    out
}

/// One comparison: whether it holds, and the fact it was decided on (for `was`: what was before).
pub(crate) fn leaf<'f>(field: &str, op: Op, value: &Value, facts: &'f (impl Facts + ?Sized), now: i64) -> (bool, Cow<'f, Value>) {
    match op {
        Op::Changed => {
            let fact = facts.look(field);
            let holds = facts.before(field).is_some_and(|before| changed(&before, &fact, value));
            (holds, fact)
        }
        Op::Was => {
            let before = facts.before(field).unwrap_or_else(|| facts.look(field));
            (was(&before, value), before)
        }
        _ => {
            let fact = match working_days(value).filter(|_| matches!(op, Op::Lt | Op::Le | Op::Gt | Op::Ge)) {
                Some(_) => facts.look(&format!("{field}.wd")),
                None => facts.look(field),
            };
            (holds(op, &fact, value, now), fact)
        }
    }
}

/// The number of working days a value such as `2wd` stands for.
pub(crate) fn working_days(value: &Value) -> Option<u32> {
    match value.as_str()?.strip_suffix("wd").and(value.as_str())?.parse() {
        Ok(Span::WorkingDays(days)) => Some(days),
        _ => None,
    }
}

/// Whether a change from `before` to `fact` is the one asked for.
pub(crate) fn changed(before: &Value, fact: &Value, wanted: &Value) -> bool {
    let end = |end: &str, found: &Value| wanted.get(end).is_none_or(|value| if value.is_null() { is_empty(found) } else { same(found, value) });
    before != fact && end("from", before) && end("to", fact)
}

/// Whether the value before the event is the one asked for.
pub(crate) fn was(before: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::Null => is_empty(before),
        Value::Array(items) => items.iter().any(|item| one_of(before, item)),
        _ => one_of(before, wanted),
    }
}

pub(crate) fn is_empty(fact: &Value) -> bool {
    match fact {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

pub(crate) fn holds(op: Op, fact: &Value, value: &Value, now: i64) -> bool {
    match op {
        Op::Empty => is_empty(fact),
        Op::NotEmpty => !is_empty(fact),
        Op::Eq if value.is_null() => is_empty(fact),
        Op::Ne if value.is_null() => !is_empty(fact),
        Op::Eq => same(fact, value),
        Op::Ne => !same(fact, value),
        Op::In => value.as_array().is_some_and(|items| items.iter().any(|item| one_of(fact, item))),
        Op::NotIn => !value.as_array().is_some_and(|items| items.iter().any(|item| one_of(fact, item))),
        Op::Contains => match (fact, value.as_str()) {
            (Value::String(text), Some(part)) => text.to_lowercase().contains(&part.to_lowercase()),
            (Value::Array(_), _) => one_of(fact, value),
            _ => false,
        },
        Op::ContainsAny => value.as_array().is_some_and(|items| items.iter().any(|item| holds(Op::Contains, fact, item, now))),
        Op::ContainsAll => value.as_array().is_some_and(|items| items.iter().all(|item| holds(Op::Contains, fact, item, now))),
        Op::StartsWith => match (fact, value.as_str()) {
            (Value::String(text), Some(part)) => text.to_lowercase().starts_with(&part.to_lowercase()),
            _ => false,
        },
        Op::Lt => order(fact, value).is_some_and(std::cmp::Ordering::is_lt),
        Op::Le => order(fact, value).is_some_and(std::cmp::Ordering::is_le),
        Op::Gt => order(fact, value).is_some_and(std::cmp::Ordering::is_gt),
        Op::Ge => order(fact, value).is_some_and(std::cmp::Ordering::is_ge),
        Op::WithinLast => within(fact, value, |at, span| at <= now && at >= now.saturating_sub(span)),
        Op::WithinNext => within(fact, value, |at, span| at >= now && at <= now.saturating_add(span)),
        Op::OlderThan => within(fact, value, |at, span| at < now.saturating_sub(span)),
        // They need what was before; decided in `leaf`.
        Op::Changed | Op::Was => false,
    }
}

fn within(fact: &Value, value: &Value, test: impl Fn(i64, i64) -> bool) -> bool {
    match (instant(fact), value.as_str().and_then(span_micros)) {
        (Some(at), Some(span)) => test(at, span),
        _ => false,
    }
}

pub(crate) fn instant(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str().and_then(time_micros))
}

pub(crate) fn one_of(fact: &Value, item: &Value) -> bool {
    match fact {
        Value::Array(items) => items.iter().any(|own| same(own, item)),
        _ => same(fact, item),
    }
}

pub(crate) fn same(fact: &Value, value: &Value) -> bool {
    match (fact, value) {
        (Value::Number(_), Value::String(text)) => time_micros(text).is_some_and(|at| fact.as_i64() == Some(at)),
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        // Two writings of one instant are the same time.
        (Value::String(a), Value::String(b)) => a == b || (time_micros(a).is_some() && time_micros(a) == time_micros(b)),
        _ => fact == value,
    }
}

pub(crate) fn order(fact: &Value, value: &Value) -> Option<std::cmp::Ordering> {
    match (fact, value) {
        (Value::Number(a), Value::Number(b)) => return a.as_f64()?.partial_cmp(&b.as_f64()?),
        (Value::Number(a), Value::String(text)) => {
            if let Ok(span) = text.parse::<Span>() {
                let wanted = match span {
                    Span::Seconds(seconds) => seconds as f64,
                    Span::WorkingDays(days) => f64::from(days),
                };
                return a.as_f64()?.partial_cmp(&wanted);
            }
        }
        (Value::String(a), Value::String(b)) if is_date(a) && is_date(b) => return Some(a.cmp(b)),
        _ => {}
    }
    Some(instant(fact)?.cmp(&instant(value)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn groups_and_comparisons_read_as_written() {
        let tree: Condition = serde_json::from_value(json!({"all": [
            {"field": "priority", "op": "in", "value": ["high", "urgent"]},
            {"not": {"field": "tag", "op": "contains", "value": "spam"}},
            {"any": [{"field": "opened_at", "op": "within_last", "value": "1d"}, {"field": "due_at", "op": "empty"}]},
        ]})).unwrap();
        let facts = |field: &str| match field {
            "priority" => json!("urgent"),
            "tag" => json!(["vip"]),
            "opened_at" => json!(1_000_000),
            _ => Value::Null,
        };
        assert!(evaluate(&tree, &facts, 2_000_000));
        assert_eq!(explain(&tree, &facts, 2_000_000).iter().map(|(_, holds, _)| *holds).collect::<Vec<_>>(), [true, false, true, true]);
    }
}
