//! A condition against the facts of one object.

use serde_json::Value;

use crate::condition::{Condition, Op, span_micros, time_micros};

/// Gives the value of a field: text, number, bool, list of texts, or null. Times as RFC 3339 text or microseconds.
pub trait Facts {
    fn fact(&self, field: &str) -> Value;
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
}

/// Whether the condition holds. `now` in microseconds since 1970 UTC.
pub fn evaluate(condition: &Condition, facts: &impl Facts, now: i64) -> bool {
    match condition {
        Condition::All { all } => all.iter().all(|c| evaluate(c, facts, now)),
        Condition::Any { any } => any.iter().any(|c| evaluate(c, facts, now)),
        Condition::Not { not } => !evaluate(not, facts, now),
        Condition::Compare { field, op, value } => holds(*op, &facts.fact(field), value, now),
    }
}

/// The comparisons with how each came out, in reading order: `(path, holds, the fact found)`.
pub fn explain(condition: &Condition, facts: &impl Facts, now: i64) -> Vec<(String, bool, Value)> {
    fn walk(condition: &Condition, facts: &impl Facts, now: i64, path: String, out: &mut Vec<(String, bool, Value)>) {
        let join = |part: String| if path.is_empty() { part } else { format!("{path}.{part}") };
        match condition {
            Condition::All { all } => all.iter().enumerate().for_each(|(i, c)| walk(c, facts, now, join(format!("all[{i}]")), out)),
            Condition::Any { any } => any.iter().enumerate().for_each(|(i, c)| walk(c, facts, now, join(format!("any[{i}]")), out)),
            Condition::Not { not } => walk(not, facts, now, join("not".into()), out),
            Condition::Compare { field, op, value } => {
                let fact = facts.fact(field);
                out.push((join(field.clone()), holds(*op, &fact, value, now), fact));
            }
        }
    }
    let mut out = Vec::new();
    walk(condition, facts, now, String::new(), &mut out);
    out
}

fn is_empty(fact: &Value) -> bool {
    match fact {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn holds(op: Op, fact: &Value, value: &Value, now: i64) -> bool {
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
        Op::Lt => order(fact, value).is_some_and(std::cmp::Ordering::is_lt),
        Op::Le => order(fact, value).is_some_and(std::cmp::Ordering::is_le),
        Op::Gt => order(fact, value).is_some_and(std::cmp::Ordering::is_gt),
        Op::Ge => order(fact, value).is_some_and(std::cmp::Ordering::is_ge),
        Op::WithinLast => within(fact, value, |at, span| at <= now && at >= now - span),
        Op::WithinNext => within(fact, value, |at, span| at >= now && at <= now + span),
    }
}

fn within(fact: &Value, value: &Value, test: impl Fn(i64, i64) -> bool) -> bool {
    match (instant(fact), value.as_str().and_then(span_micros)) {
        (Some(at), Some(span)) => test(at, span),
        _ => false,
    }
}

fn instant(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str().and_then(time_micros))
}

fn one_of(fact: &Value, item: &Value) -> bool {
    match fact {
        Value::Array(items) => items.iter().any(|own| same(own, item)),
        _ => same(fact, item),
    }
}

fn same(fact: &Value, value: &Value) -> bool {
    match (fact, value) {
        (Value::Number(_), Value::String(text)) => time_micros(text).is_some_and(|at| fact.as_i64() == Some(at)),
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => fact == value,
    }
}

fn order(fact: &Value, value: &Value) -> Option<std::cmp::Ordering> {
    if let (Value::Number(a), Value::Number(b)) = (fact, value) {
        return a.as_f64()?.partial_cmp(&b.as_f64()?);
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
