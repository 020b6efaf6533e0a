//! The conditions of stages: what they may ask of a case, and how they are read.

use serde::{Deserialize, Deserializer};
use shouwen_rules::{Condition, FieldKind, text};

use crate::Fault;
use crate::definition::Definition;
use crate::form;

/// What every case can be asked, with the kind of the answer. Whoever calls [`crate::decide`] answers all of them.
pub const FIELDS: &[(&str, FieldKind)] = &[
    ("status", FieldKind::Text),
    ("stage", FieldKind::Text),
    ("type", FieldKind::Text),
    ("priority", FieldKind::Text),
    ("title", FieldKind::Text),
    ("number", FieldKind::Text),
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
    ("parent", FieldKind::Text),
    ("tag", FieldKind::List),
    ("opened_at", FieldKind::Time),
    ("updated_at", FieldKind::Time),
    ("first_response_at", FieldKind::Time),
    ("last_in_at", FieldKind::Time),
    ("resolved_at", FieldKind::Time),
    ("due_at", FieldKind::Time),
    ("age", FieldKind::Span),
    ("in_stage", FieldKind::Span),
    ("reopened", FieldKind::Number),
    ("reminders", FieldKind::Number),
    ("co_handlers", FieldKind::Number),
    ("children.open", FieldKind::Number),
    ("children.all", FieldKind::Number),
    ("resolution", FieldKind::Text),
    ("verified", FieldKind::Bool),
    ("verification", FieldKind::Text),
    ("review", FieldKind::Text),
];

/// [`FIELDS`], `fields.<key>` of the type's form, and `had.<key>` of its choices.
pub(crate) fn catalogue(d: &Definition) -> Vec<(String, FieldKind)> {
    FIELDS.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).chain(form::kinds(d)).chain(form::pasts(d)).collect()
}

/// Reads a condition in its text form; every fault of it.
pub(crate) fn read(written: &str, catalogue: &[(String, FieldKind)]) -> Result<Condition, Vec<Fault>> {
    let fields: Vec<(&str, FieldKind)> = catalogue.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
    let condition = text::parse(written).map_err(|fault| vec![fault])?;
    let faults = condition.faults(&fields);
    if faults.is_empty() { Ok(condition) } else { Err(faults) }
}

/// A condition as its author wrote it; a tree is written down as text.
pub(crate) fn text<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Tree(Condition),
    }
    Ok(Option::<Written>::deserialize(d)?.map(|written| match written {
        Written::Text(text) => text,
        Written::Tree(tree) => text::print(&tree),
    }))
}
