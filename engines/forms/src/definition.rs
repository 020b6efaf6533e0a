//! A form as data.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shouwen_rules::{Condition, Words, text_or_tree};

/// A form: what is asked in one place, in sections, under one version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Stable name: `[a-z0-9_]`, at most 60 characters.
    pub key: String,
    /// Counts up with every change that was published; answers remember theirs.
    #[serde(default = "one")]
    pub version: u32,
    #[serde(default)]
    pub title: Words,
    #[serde(default, rename = "section")]
    pub sections: Vec<Section>,
}

impl Form {
    /// Every field in reading order with the section it stands in; columns of tables are not among them.
    pub fn fields(&self) -> impl Iterator<Item = (&Section, &Field)> {
        self.sections.iter().flat_map(|section| section.fields.iter().map(move |field| (section, field)))
    }

    /// A field by its key.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields().map(|(_, field)| field).find(|field| field.key == key)
    }
}

/// Fields under one heading.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    #[serde(default)]
    pub key: String,
    #[serde(default)]
    pub title: Words,
    /// Hidden with all its fields unless this holds. Text form or tree.
    #[serde(default, deserialize_with = "some_condition", skip_serializing_if = "Option::is_none")]
    pub show_if: Option<Condition>,
    #[serde(default, rename = "field")]
    pub fields: Vec<Field>,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    #[default]
    Text,
    LongText,
    Number,
    Money,
    Date,
    Datetime,
    Choice,
    MultiChoice,
    TreeChoice,
    Person,
    Team,
    OrgUnit,
    Customer,
    Case,
    File,
    Phone,
    Email,
    IdNumber,
    Plate,
    YesNo,
    Rating,
    /// Rows of [`Field::columns`].
    Table,
    /// A text made from [`Field::template`]; never answered.
    Computed,
}

impl FieldType {
    /// Every type with its name in files.
    pub const ALL: [(Self, &'static str); 23] = [
        (Self::Text, "text"),
        (Self::LongText, "long_text"),
        (Self::Number, "number"),
        (Self::Money, "money"),
        (Self::Date, "date"),
        (Self::Datetime, "datetime"),
        (Self::Choice, "choice"),
        (Self::MultiChoice, "multi_choice"),
        (Self::TreeChoice, "tree_choice"),
        (Self::Person, "person"),
        (Self::Team, "team"),
        (Self::OrgUnit, "org_unit"),
        (Self::Customer, "customer"),
        (Self::Case, "case"),
        (Self::File, "file"),
        (Self::Phone, "phone"),
        (Self::Email, "email"),
        (Self::IdNumber, "id_number"),
        (Self::Plate, "plate"),
        (Self::YesNo, "yes_no"),
        (Self::Rating, "rating"),
        (Self::Table, "table"),
        (Self::Computed, "computed"),
    ];

    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

/// What becomes of the answer of a field that is not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hidden {
    /// It is dropped.
    #[default]
    Drop,
    /// It stays, checked like any other, but never required.
    Keep,
}

/// One field. Which bounds fit depends on its type; [`Form::faults`](crate::Form::faults) tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Stable name: `[a-z0-9_]`, at most 60 characters, unique in the form.
    pub key: String,
    #[serde(rename = "type", default)]
    pub kind: FieldType,
    #[serde(default)]
    pub label: Words,
    /// A line under the field.
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub help: Words,
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    /// Stands in for an answer that is not given.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub default: Value,
    /// Personal data: stored sealed, masked for those who may not see it, kept out of events, notices and search.
    #[serde(default, skip_serializing_if = "is_false")]
    pub personal: bool,
    /// Shown only if this holds; over other answers by their keys and the case's fields as `case.…`. Text form or tree.
    #[serde(default, deserialize_with = "some_condition", skip_serializing_if = "Option::is_none")]
    pub show_if: Option<Condition>,
    /// Required if this holds, besides `required`.
    #[serde(default, deserialize_with = "some_condition", skip_serializing_if = "Option::is_none")]
    pub require_if: Option<Condition>,
    #[serde(default, skip_serializing_if = "is_drop")]
    pub hidden: Hidden,
    /// Least and most: a number (also for `money`, in major units, and `rating`), or a date, where `today`, `today+30`
    /// and `today-1` count from the context's day.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub min: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub max: Value,
    /// Digits after the point of a number; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
    /// Shortest and longest: characters of texts, entries of `multi_choice` and `file`, rows of `table`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// A regular expression the whole text must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// What to say when it does not match.
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub pattern_says: Words,
    /// Of a number: `km`, `元/月`.
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub unit: Words,
    /// ISO codes `money` may have, the usual first; absent: `CNY`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub currencies: Vec<String>,
    /// Of `choice`, `multi_choice`, `tree_choice`.
    #[serde(default, rename = "option", skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Choice>,
    /// A `tree_choice` may stop at a branch that has further ones below.
    #[serde(default, skip_serializing_if = "is_false")]
    pub any_level: bool,
    /// Of `table`: fields of a simple type.
    #[serde(default, rename = "column", skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Field>,
    /// Of `computed`: a text with `{placeholders}` of other answers and `case.…`.
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub template: Words,
}

/// An option of a choice; with `options` below it a branch of a tree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    pub key: String,
    #[serde(default)]
    pub label: Words,
    /// No longer offered; answers that have it stay good.
    #[serde(default, skip_serializing_if = "is_false")]
    pub retired: bool,
    #[serde(default, rename = "option", skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Choice>,
}

fn one() -> u32 {
    1
}

// serde hands the field by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !value
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_drop(value: &Hidden) -> bool {
    *value == Hidden::Drop
}

fn some_condition<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<Condition>, D::Error> {
    text_or_tree(d).map(Some)
}
