//! The form of a type, as far as stages speak of its fields.

use shouwen_forms::{Field, FieldType};
use shouwen_rules::FieldKind;

use crate::Fault;
use crate::definition::Definition;

fn fields(d: &Definition) -> impl Iterator<Item = &Field> {
    d.form.iter().flat_map(|form| form.fields().map(|(_, field)| field))
}

pub(crate) fn has(d: &Definition, key: &str) -> bool {
    fields(d).any(|f| f.key == key)
}

pub(crate) fn known(d: &Definition) -> String {
    let keys: Vec<&str> = fields(d).map(|f| f.key.as_str()).collect();
    if keys.is_empty() { "a field of [form]; this type has none".to_owned() } else { keys.join(", ") }
}

pub(crate) fn faults(d: &Definition) -> Vec<Fault> {
    d.form.iter().flat_map(|form| form.faults(&[])).map(|fault| fault.within("form")).collect()
}

/// `fields.<key>` as conditions may ask for them.
pub(crate) fn kinds(d: &Definition) -> impl Iterator<Item = (String, FieldKind)> {
    fields(d).map(|f| {
        let kind = match f.kind {
            FieldType::Number | FieldType::Money | FieldType::Rating | FieldType::Table => FieldKind::Number,
            FieldType::Date => FieldKind::Date,
            FieldType::Datetime => FieldKind::Time,
            FieldType::YesNo => FieldKind::Bool,
            FieldType::MultiChoice | FieldType::TreeChoice | FieldType::File => FieldKind::List,
            _ => FieldKind::Text,
        };
        (format!("fields.{}", f.key), kind)
    })
}

/// `had.<key>` of each choice: every option that was ever chosen, the present ones among them. So a gate can ask whether an
/// answer was taken back.
pub(crate) fn pasts(d: &Definition) -> impl Iterator<Item = (String, FieldKind)> {
    fields(d).filter(|f| matches!(f.kind, FieldType::Choice | FieldType::MultiChoice)).map(|f| (format!("had.{}", f.key), FieldKind::List))
}
