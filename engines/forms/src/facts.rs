//! Answers as facts for conditions and rules.

use serde_json::{Map, Value};
use shouwen_rules::{FieldDef, FieldKind, Words};

use crate::definition::{Field, FieldType, Form};
use crate::kinds;

/// The answers as facts under a prefix (`fields.`): money in major units, a tree choice as `network/broadband`, a table
/// as its number of rows, files as their number.
#[must_use]
pub fn facts(form: &Form, answers: &Map<String, Value>, prefix: &str) -> Map<String, Value> {
    form.fields().filter_map(|(_, field)| Some((format!("{prefix}{}", field.key), fact(field, answers.get(&field.key)?)))).collect()
}

/// The fields of a form as a vocabulary of rules knows them, under a prefix (`fields.`).
#[must_use]
pub fn vocabulary(form: &Form, prefix: &str) -> Vec<FieldDef> {
    form.fields()
        .map(|(_, field)| FieldDef {
            name: format!("{prefix}{}", field.key),
            kind: fact_kind(field.kind),
            label: if field.label.is_empty() { Words::from(field.key.as_str()) } else { field.label.clone() },
            choices: match field.kind {
                FieldType::Choice => field.options.iter().map(|c| c.key.clone()).collect(),
                _ => Vec::new(),
            },
            writable: !matches!(field.kind, FieldType::Computed | FieldType::Table | FieldType::File | FieldType::Money | FieldType::TreeChoice),
        })
        .collect()
}

/// How rules compare a field.
#[must_use]
pub(crate) fn fact_kind(kind: FieldType) -> FieldKind {
    use FieldType as T;
    match kind {
        T::Number | T::Money | T::Rating | T::Table | T::File => FieldKind::Number,
        T::Date => FieldKind::Date,
        T::Datetime => FieldKind::Time,
        T::YesNo => FieldKind::Bool,
        T::MultiChoice => FieldKind::List,
        _ => FieldKind::Text,
    }
}

/// One cleaned answer as a fact.
pub(crate) fn fact(field: &Field, value: &Value) -> Value {
    match (field.kind, value) {
        (FieldType::Money, Value::Object(table)) => {
            let currency = table.get("currency").and_then(Value::as_str).unwrap_or("CNY");
            // The decimal text decides: 12345 minor units are the same number as a rule's 123.45.
            table.get("minor").and_then(Value::as_i64).and_then(|minor| major(minor, currency)).unwrap_or(Value::Null)
        }
        (FieldType::TreeChoice, Value::Array(path)) => Value::from(path.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("/")),
        (FieldType::Table | FieldType::File, Value::Array(items)) => Value::from(items.len()),
        (_, other) => other.clone(),
    }
}

fn major(minor: i64, currency: &str) -> Option<Value> {
    let number: f64 = kinds::major_text(minor, currency).parse().ok()?;
    if number.fract() == 0.0 && number.abs() < 9e15 { Some(Value::from(number as i64)) } else { serde_json::Number::from_f64(number).map(Value::Number) }
}
