//! What a view may ask of a case, and where it lies.

use serde_json::Value as Json;
use shouwen_kernel::{Problem, Result};
use shouwen_rules::{Catalogue, Column, Condition, FieldKind, Op};
use shouwen_store::Value;
use shouwen_web::Viewer;

/// The fields of conditions over cases.
pub const FIELDS: Catalogue<'static> = &[
    ("status", FieldKind::Text),
    ("stage", FieldKind::Text),
    ("type", FieldKind::Text),
    ("priority", FieldKind::Text),
    ("channel", FieldKind::Text),
    ("inbox", FieldKind::Text),
    ("language", FieldKind::Text),
    ("region", FieldKind::Text),
    ("tier", FieldKind::Text),
    ("team", FieldKind::Text),
    ("org_unit", FieldKind::Text),
    ("assignee", FieldKind::Text),
    ("accountable", FieldKind::Text),
    ("customer", FieldKind::Text),
    ("title", FieldKind::Text),
    ("number", FieldKind::Text),
    ("tag", FieldKind::List),
    ("mentioned", FieldKind::List),
    ("opened_at", FieldKind::Time),
    ("updated_at", FieldKind::Time),
    ("last_in_at", FieldKind::Time),
    ("closed_at", FieldKind::Time),
    ("due_at", FieldKind::Time),
    ("snoozed_until", FieldKind::Time),
    ("messages", FieldKind::Number),
    ("breached", FieldKind::Bool),
    ("unread", FieldKind::Bool),
    ("active", FieldKind::Bool),
];

/// Fields that hold ids. Their columns compare like numbers: never with an empty text.
const ID_FIELDS: [&str; 7] = ["inbox", "team", "org_unit", "assignee", "accountable", "customer", "mentioned"];

/// The column of a field; ids are compared as ids (see [`parameter`]).
pub fn column(field: &str) -> Option<(FieldKind, Column<'static>)> {
    let kind = FIELDS.iter().find(|(name, _)| *name == field)?.1;
    let place = match field {
        "status" => Column::Plain("c.status"),
        "stage" => Column::Plain("c.stage"),
        "type" => Column::Plain("c.case_type"),
        "priority" => Column::Plain("c.priority"),
        "channel" => Column::Plain("c.channel"),
        "inbox" => Column::Plain("c.inbox_id"),
        "language" => Column::Plain("c.language"),
        "region" => Column::Plain("c.region"),
        "tier" => Column::Plain("c.tier"),
        "team" => Column::Plain("c.team_id"),
        "org_unit" => Column::Plain("c.org_unit_id"),
        "assignee" => Column::Plain("c.assignee_id"),
        "accountable" => Column::Plain("c.accountable_id"),
        "customer" => Column::Plain("c.customer_id"),
        "title" => Column::Plain("c.title"),
        "number" => Column::Plain("c.number"),
        "tag" => Column::Set("EXISTS (SELECT 1 FROM desk_tag g WHERE g.case_id = c.case_id AND g.tag {})"),
        "mentioned" => Column::Set("EXISTS (SELECT 1 FROM desk_mention m WHERE m.case_id = c.case_id AND m.person_id {})"),
        "opened_at" => Column::Plain("c.opened_at"),
        "updated_at" => Column::Plain("c.updated_at"),
        "last_in_at" => Column::Plain("c.last_in_at"),
        "closed_at" => Column::Plain("c.closed_at"),
        "due_at" => Column::Plain("c.due_at"),
        "snoozed_until" => Column::Plain("c.snoozed_until"),
        "messages" => Column::Plain("c.messages"),
        "breached" => Column::Plain("c.breached"),
        // Parameter 1 of every list is the viewer.
        "unread" => Column::Plain("(c.last_in_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM desk_read r WHERE r.case_id = c.case_id AND r.person_id = ?1 AND r.at >= c.last_in_at))"),
        "active" => Column::Plain("c.active"),
        _ => return None,
    };
    // An id column is never an empty text; comparing it with '' would be a type error on PostgreSQL.
    let kind = if ID_FIELDS.contains(&field) { FieldKind::Number } else { kind };
    Some((kind, place))
}

/// A compiled parameter as the database takes it: texts of id fields become ids, all others stay texts.
pub fn parameter(kind: FieldKind, value: &Json) -> Value {
    match value {
        Json::String(text) if kind == FieldKind::Number => as_id(text).map_or(Value::Null, Value::Id),
        Json::String(text) => Value::Text(text.clone()),
        Json::Number(number) => number.as_i64().map_or(Value::Null, Value::Int),
        Json::Bool(truth) => Value::Bool(*truth),
        _ if kind == FieldKind::Bool => Value::Bool(false),
        _ => Value::Null,
    }
}

fn as_id(text: &str) -> Option<uuid::Uuid> {
    let (prefix, body) = text.split_once('_')?;
    if !["per", "tea", "org", "inb", "cus", "cas"].contains(&prefix) {
        return None;
    }
    shouwen_kernel::decode_base32(body).map(uuid::Uuid::from_u128)
}

/// Reads a condition written by a person as JSON, and checks it.
pub fn read(text: &str) -> Result<Condition> {
    let condition: Condition = serde_json::from_str(text)
        .map_err(|e| Problem::invalid("filter", format!("the filter cannot be read: {e}")).expected(r#"a condition tree, e.g. {"field":"priority","op":"eq","value":"urgent"}"#))?;
    check(&condition)?;
    Ok(condition)
}

/// Checks a condition written by a person.
pub fn check(condition: &Condition) -> Result<()> {
    // `@my_teams` stands for a list wherever one is wanted.
    match personal_shape(condition).faults(FIELDS).into_iter().next() {
        Some(fault) => Err(Problem::invalid(format!("filter.{}", fault.path), fault.wrong).expected(fault.right)),
        None => foreign_id(condition),
    }
}

fn personal_shape(condition: &Condition) -> Condition {
    match condition {
        Condition::All { all } => Condition::All { all: all.iter().map(personal_shape).collect() },
        Condition::Any { any } => Condition::Any { any: any.iter().map(personal_shape).collect() },
        Condition::Not { not } => Condition::Not { not: Box::new(personal_shape(not)) },
        Condition::Compare { field, op, value } if value == "@my_teams" => Condition::Compare { field: field.clone(), op: *op, value: Json::from(vec!["@my_teams"]) },
        other => other.clone(),
    }
}

/// A field of ids compared with something that is none cannot match; say so instead of showing an empty list.
fn foreign_id(condition: &Condition) -> Result<()> {
    match condition {
        Condition::All { all: parts } | Condition::Any { any: parts } => parts.iter().try_for_each(foreign_id),
        Condition::Not { not } => foreign_id(not),
        Condition::Compare { field, value, op } => {
            let numbers: Vec<&Json> = value.as_array().map_or_else(|| vec![value], |items| items.iter().collect());
            if field == "messages" && !matches!(op, Op::Empty | Op::NotEmpty) && numbers.iter().any(|n| n.as_i64().is_none()) {
                return Err(Problem::invalid("filter.messages", format!("{value} is not a count")).expected("a whole number"));
            }
            if ID_FIELDS.contains(&field.as_str()) && field != "mentioned" && matches!(op, Op::Contains | Op::ContainsAny | Op::ContainsAll | Op::StartsWith) {
                return Err(Problem::invalid(format!("filter.{field}"), format!("`{field}` holds an id, which has no parts")).expected("eq, ne, in, not_in, empty or not_empty"));
            }
            let prefix = match field.as_str() {
                "assignee" | "accountable" | "mentioned" => "per",
                "team" => "tea",
                "org_unit" => "org",
                "inbox" => "inb",
                "customer" => "cus",
                _ => return Ok(()),
            };
            let fits = |v: &Json| v.as_str().is_some_and(|t| t.starts_with('@') || (t.starts_with(prefix) && as_id(t).is_some()));
            let all = match value {
                Json::Array(items) => items.iter().all(fits),
                Json::Null => true,
                other => matches!(op, Op::Empty | Op::NotEmpty) || fits(other),
            };
            if all { Ok(()) } else { Err(Problem::invalid(format!("filter.{field}"), format!("{value} is not an id that `{field}` can hold")).expected(format!("`{prefix}_…`, `@me` or `@my_teams`"))) }
        }
    }
}

/// Puts the viewer in for `@me` and `@my_teams`.
pub fn personal(condition: &Condition, viewer: &Viewer, teams: &[String]) -> Condition {
    match condition {
        Condition::All { all } => Condition::All { all: all.iter().map(|c| personal(c, viewer, teams)).collect() },
        Condition::Any { any } => Condition::Any { any: any.iter().map(|c| personal(c, viewer, teams)).collect() },
        Condition::Not { not } => Condition::Not { not: Box::new(personal(not, viewer, teams)) },
        Condition::Compare { field, op, value } => {
            let one = |v: &Json| if v == "@me" { Json::from(viewer.person.to_string()) } else { v.clone() };
            let value = match value {
                Json::String(text) if text == "@my_teams" => Json::from(teams.to_vec()),
                Json::Array(items) => Json::Array(items.iter().map(one).collect()),
                other => one(other),
            };
            Condition::Compare { field: field.clone(), op: *op, value }
        }
    }
}
