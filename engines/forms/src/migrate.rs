//! Answers of an old version of a form under a new one.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::answer::{clean, is_empty, rows};
use crate::check::{Context, whole_pattern};
use crate::definition::{Field, FieldType, Form};

/// What became of the answers, for the report a pack's installation gives.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Migrated {
    pub answers: Map<String, Value>,
    /// Fields whose answer went over unchanged.
    pub kept: Vec<String>,
    /// Fields whose answer was rewritten for the new type: key, what it was.
    pub converted: Vec<(String, Value)>,
    /// Answers that have no place any more: key, what it was, why.
    pub dropped: Vec<(String, Value, Why)>,
    /// Fields that got the new version's default.
    pub defaulted: Vec<String>,
}

/// Why an answer was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The new version has no such field.
    FieldGone,
    /// The new type or bounds do not take it.
    DoesNotFit,
}

/// Takes answers from one version to the next. Deterministic and total; migrating again changes nothing. Bounds that
/// became narrower do not take answers away: a bound is for who answers, not for what was said. Retired options stay good.
#[must_use]
pub fn migrate(old: &Form, new: &Form, answers: &Map<String, Value>) -> Migrated {
    let mut out = Migrated::default();
    let nothing = |_: &str| Value::Null;
    let everything = |_: FieldType, _: &str| true;
    let context = Context { now: 0, today: "1970-01-01", case: &nothing, exists: &everything, complete: false, keep_retired: true };
    for (key, value) in answers.iter().filter(|(_, value)| !is_empty(value)) {
        let Some(field) = new.field(key) else {
            out.dropped.push((key.clone(), value.clone(), Why::FieldGone));
            continue;
        };
        let same_kind = old.field(key).is_some_and(|before| before.kind == field.kind);
        let given = if same_kind { value.clone() } else { old.field(key).map_or_else(|| value.clone(), |before| converted(before, field, value)) };
        match fitted(field, &given, &context) {
            Some(fitted) if fitted == *value => {
                out.kept.push(key.clone());
                out.answers.insert(key.clone(), fitted);
            }
            Some(fitted) => {
                out.converted.push((key.clone(), value.clone()));
                out.answers.insert(key.clone(), fitted);
            }
            None => out.dropped.push((key.clone(), value.clone(), Why::DoesNotFit)),
        }
    }
    for (_, field) in new.fields() {
        // A default is for a field that is new: one that was left empty before was left so on purpose.
        let is_new = old.field(&field.key).is_none_or(|before| before.kind == FieldType::Computed);
        if is_new && !out.answers.contains_key(&field.key) && !is_empty(&field.default) {
            if let Some(value) = fitted(field, &field.default, &context) {
                out.answers.insert(field.key.clone(), value);
                out.defaulted.push(field.key.clone());
            }
        }
    }
    out
}

/// The answer as the field takes it, its bounds aside.
fn fitted(field: &Field, value: &Value, context: &Context<'_>) -> Option<Value> {
    if field.kind == FieldType::Computed {
        return None;
    }
    let free = Field { min: if field.kind == FieldType::Rating { field.min.clone() } else { Value::Null }, max: if field.kind == FieldType::Rating { field.max.clone() } else { Value::Null }, min_length: None, max_length: Some(u32::MAX), pattern: None, decimals: None, ..field.clone() };
    if field.kind == FieldType::Table {
        let columns: Vec<Field> = field.columns.iter().map(|c| Field { min: Value::Null, max: Value::Null, min_length: None, max_length: Some(u32::MAX), required: false, ..c.clone() }).collect();
        let patterns = columns.iter().map(|c| c.pattern.as_deref().and_then(|p| whole_pattern(p).ok())).collect::<Vec<_>>();
        // Columns that went away take their cells with them.
        let known: Vec<Value> = value.as_array()?.iter().filter_map(Value::as_object).map(|row| Value::Object(row.iter().filter(|(key, _)| columns.iter().any(|c| c.key == **key)).map(|(k, v)| (k.clone(), v.clone())).collect())).collect();
        let table = Field { columns, ..free };
        return Some(rows(&table, &Value::Array(known), &patterns, context, &mut Vec::new())).filter(|rows| !is_empty(rows));
    }
    clean(&free, value, None, context).ok()
}

/// An answer of one type, put the way another might take it.
fn converted(before: &Field, after: &Field, value: &Value) -> Value {
    use FieldType as T;
    match (before.kind, after.kind, value) {
        (T::Choice, T::MultiChoice | T::TreeChoice, one @ Value::String(_)) => Value::Array(vec![one.clone()]),
        (T::MultiChoice, T::Choice, Value::Array(many)) if many.len() == 1 => many[0].clone(),
        (T::TreeChoice, T::Choice, Value::Array(path)) => path.last().cloned().unwrap_or_default(),
        (T::Date, T::Datetime, Value::String(day)) => Value::from(format!("{day}T00:00:00Z")),
        (T::Datetime, T::Date, Value::String(at)) => at.get(..10).map_or(Value::Null, Value::from),
        (T::Money, T::Number | T::Text | T::LongText, _) => match crate::facts::fact(before, value) {
            Value::Number(number) if after.kind != T::Number => Value::from(number.to_string()),
            other => other,
        },
        (_, T::Text | T::LongText, Value::Number(number)) => Value::from(number.to_string()),
        (T::Choice, T::Text | T::LongText, Value::String(key)) => before.options.iter().find(|c| c.key == *key).map_or_else(|| value.clone(), |c| Value::from(c.label.pick("zh").to_owned())),
        (_, T::Text | T::LongText, Value::Array(items)) if items.iter().all(Value::is_string) => Value::from(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(if before.kind == T::TreeChoice { "/" } else { ", " })),
        (_, T::Text | T::LongText, Value::Bool(yes)) => Value::from(if *yes { "是" } else { "否" }),
        _ => value.clone(),
    }
}
