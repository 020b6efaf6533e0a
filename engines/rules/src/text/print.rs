//! The tree into its canonical text.

use serde_json::Value;

use super::lex::ends_word;
use super::parse::{number, reserved};
use crate::condition::{Condition, Op};
use crate::units::{Span, is_date, time_micros};

/// The words of one language.
struct Tongue {
    and: &'static str,
    or: &'static str,
    not: &'static str,
    all: &'static str,
    any: &'static str,
    always: &'static str,
    never: &'static str,
    from: &'static str,
    to: &'static str,
    operator: fn(Op) -> &'static str,
}

const ENGLISH: Tongue = Tongue { and: "and", or: "or", not: "not", all: "all", any: "any", always: "always", never: "never", from: "from", to: "to", operator: english };
const CHINESE: Tongue = Tongue { and: "且", or: "或", not: "非", all: "全部", any: "任一", always: "总是", never: "从不", from: "从", to: "到", operator: chinese };

/// The canonical text: `parse(&print(c))` is [`canonical`]`(c)`.
#[must_use]
pub fn print(condition: &Condition) -> String {
    whole(condition, &ENGLISH)
}

/// The same with Chinese words; reads back to the same tree.
#[must_use]
pub fn print_zh(condition: &Condition) -> String {
    whole(condition, &CHINESE)
}

/// The tree without values that mean nothing (`empty` takes none), which is all that the text form leaves out.
#[must_use]
pub fn canonical(condition: &Condition) -> Condition {
    match condition {
        Condition::All { all } => Condition::All { all: all.iter().map(canonical).collect() },
        Condition::Any { any } => Condition::Any { any: any.iter().map(canonical).collect() },
        Condition::Not { not } => Condition::Not { not: Box::new(canonical(not)) },
        Condition::Compare { field, op: op @ (Op::Empty | Op::NotEmpty), .. } => Condition::Compare { field: field.clone(), op: *op, value: Value::Null },
        other => other.clone(),
    }
}

fn whole(condition: &Condition, words: &Tongue) -> String {
    match condition {
        Condition::All { all } if all.len() > 1 => join(all, words.and, words),
        Condition::Any { any } if any.len() > 1 => join(any, words.or, words),
        other => part(other, words),
    }
}

fn join(parts: &[Condition], word: &str, words: &Tongue) -> String {
    parts.iter().map(|c| part(c, words)).collect::<Vec<_>>().join(&format!(" {word} "))
}

/// A condition as part of a larger one.
fn part(condition: &Condition, words: &Tongue) -> String {
    match condition {
        Condition::All { all } => match all.as_slice() {
            [] => words.always.to_owned(),
            [one] => format!("{} ({})", words.all, whole(one, words)),
            many => format!("({})", join(many, words.and, words)),
        },
        Condition::Any { any } => match any.as_slice() {
            [] => words.never.to_owned(),
            [one] => format!("{} ({})", words.any, whole(one, words)),
            many => format!("({})", join(many, words.or, words)),
        },
        Condition::Not { not } => format!("{} {}", words.not, part(not, words)),
        Condition::Compare { field, op, value } => comparison(field, *op, value, words),
    }
}

fn comparison(field: &str, op: Op, value: &Value, words: &Tongue) -> String {
    let (field, written) = (name(field), (words.operator)(op));
    match op {
        Op::Empty | Op::NotEmpty => format!("{field} {written}"),
        Op::Changed => match value {
            Value::Null => format!("{field} {written}"),
            Value::Object(ends) if !ends.is_empty() && ends.keys().all(|end| end == "from" || end == "to") => {
                let end = |key: &str, word: &str| ends.get(key).map(|v| format!(" {word} {}", scalar(v))).unwrap_or_default();
                format!("{field} {written}{}{}", end("from", words.from), end("to", words.to))
            }
            other => format!("{field} {written} json {other}"),
        },
        Op::In | Op::NotIn | Op::ContainsAny | Op::ContainsAll | Op::Was => format!("{field} {written} {}", list(op, value)),
        _ => format!("{field} {written} {}", scalar(value)),
    }
}

fn list(op: Op, value: &Value) -> String {
    let stands_alone = |text: &str| text.starts_with('@') && bare(text);
    match value {
        Value::Array(items) if items.iter().any(|item| item.is_array() || item.is_object()) => format!("json {value}"),
        Value::Array(items) => {
            let inside = items.iter().map(scalar).collect::<Vec<_>>().join(", ");
            let one = items.len() == 1 && (op == Op::Was || items[0].as_str().is_some_and(stands_alone));
            if items.is_empty() || one { format!("({inside})") } else { inside }
        }
        Value::String(text) if matches!(op, Op::In | Op::NotIn) && stands_alone(text) => text.clone(),
        other if op == Op::Was => scalar(other),
        other => format!("json {other}"),
    }
}

/// One value as written after an operator.
pub(crate) fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if bare(text) => text.clone(),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        other => format!("json {other}"),
    }
}

/// Whether a text needs no quotes.
fn bare(text: &str) -> bool {
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '@') && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.@".contains(c));
    (word && !reserved(text)) || (text.is_ascii() && number(text).is_none() && (text.parse::<Span>().is_ok() || is_date(text) || (time_micros(text).is_some() && !text.contains(ends_word))))
}

/// A field as written.
pub(crate) fn name(field: &str) -> String {
    if !field.is_empty() && !field.contains(ends_word) && !reserved(field) { field.to_owned() } else { format!("`{field}`") }
}

fn english(op: Op) -> &'static str {
    match op {
        Op::Eq => "is",
        Op::Ne => "is not",
        Op::In => "in",
        Op::NotIn => "not in",
        Op::Lt => "<",
        Op::Le => "<=",
        Op::Gt => ">",
        Op::Ge => ">=",
        Op::Contains => "contains",
        Op::ContainsAny => "contains any",
        Op::ContainsAll => "contains all",
        Op::StartsWith => "starts with",
        Op::Empty => "is empty",
        Op::NotEmpty => "is not empty",
        Op::WithinLast => "within last",
        Op::WithinNext => "within next",
        Op::OlderThan => "older than",
        Op::Changed => "changed",
        Op::Was => "was",
    }
}

fn chinese(op: Op) -> &'static str {
    match op {
        Op::Eq => "是",
        Op::Ne => "不是",
        Op::In => "属于",
        Op::NotIn => "不属于",
        Op::Lt => "<",
        Op::Le => "<=",
        Op::Gt => ">",
        Op::Ge => ">=",
        Op::Contains => "包含",
        Op::ContainsAny => "包含任一",
        Op::ContainsAll => "包含全部",
        Op::StartsWith => "开头是",
        Op::Empty => "为空",
        Op::NotEmpty => "不为空",
        Op::WithinLast => "在最近",
        Op::WithinNext => "在未来",
        Op::OlderThan => "早于",
        Op::Changed => "变了",
        Op::Was => "原为",
    }
}
