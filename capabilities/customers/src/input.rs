//! What may be said of a customer, and what is answered when it may not.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use shouwen_kernel::text::{clip, one_line};
use shouwen_kernel::{OrgUnitId, Problem, Result, WorkspaceId};
use shouwen_store::{Tx, params};
use utoipa::ToSchema;

use crate::record::Customer;

/// For a field where null means something else than its absence.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(d: D) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(d).map(Some)
}

fn sized(field: &str, text: &str, least: usize, most: usize) -> Result<String> {
    let line = one_line(text);
    let count = line.chars().count();
    if (least..=most).contains(&count) { Ok(line) } else { Err(Problem::invalid(field, format!("`{field}` has {count} characters")).expected(format!("{least} to {most} characters"))) }
}

/// A name of 1 to 120 characters.
pub(crate) fn name(text: &str) -> Result<String> {
    sized("name", text, 1, 120)
}

/// `person` or `organisation`.
pub(crate) fn kind(text: &str) -> Result<String> {
    match text {
        "person" | "organisation" => Ok(text.to_owned()),
        other => Err(Problem::invalid("kind", format!("there is no kind of customer `{}`", clip(other, 40))).expected("`person` or `organisation`")),
    }
}

/// A language tag such as `zh` or `en`.
pub(crate) fn language(text: &str) -> Result<String> {
    let tag = text.trim();
    if (2..=16).contains(&tag.len()) && tag.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric())) {
        Ok(tag.to_owned())
    } else {
        Err(Problem::invalid("language", format!("`{}` is not a language tag", clip(tag, 20))).expected("a tag like `zh` or `en`, or null"))
    }
}

/// A short label (region, tier).
pub(crate) fn label(field: &str, text: &str) -> Result<String> {
    sized(field, text, 1, 60)
}

/// Free text, kept with its lines.
pub(crate) fn notes(text: &str) -> Result<String> {
    let count = text.chars().count();
    if count <= 10_000 { Ok(text.trim_end().to_owned()) } else { Err(Problem::invalid("notes", format!("the notes have {count} characters")).expected("at most 10,000 characters")) }
}

/// At most 50 tags of 1 to 40 characters, each once.
pub(crate) fn tags(given: &[String]) -> Result<Vec<String>> {
    let mut tags: Vec<String> = Vec::new();
    for (i, tag) in given.iter().enumerate() {
        let tag = sized("tags", tag, 1, 40).map_err(|p| p.field(format!("tags[{i}]")))?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.len() <= 50 { Ok(tags) } else { Err(Problem::invalid("tags", format!("{} tags", tags.len())).expected("at most 50")) }
}

/// The unit, if there is one of that id; zeros for none.
pub(crate) fn home(tx: &Tx<'_>, workspace: WorkspaceId, unit: Option<OrgUnitId>) -> Result<OrgUnitId> {
    let Some(unit) = unit else { return Ok(OrgUnitId::NIL) };
    match tx.opt::<(i64,)>("SELECT 1 FROM customer_org_unit WHERE id = ?1 AND workspace_id = ?2", params![unit, workspace])? {
        Some(_) => Ok(unit),
        None => Err(Problem::invalid("org_unit_id", format!("there is no org unit {unit}")).expected("the id of an org unit (GET /org-units), or null")),
    }
}

/// Refuses a change made from an older state.
pub(crate) fn same_version(seen: i64, current: &Customer) -> Result<()> {
    if seen == current.version {
        return Ok(());
    }
    Err(Problem::conflict("version_conflict", format!("the customer was changed meanwhile: you saw version {seen}, now it is {}", current.version))
        .expected("a look at the current state, then the change again with its version")
        .detail(json!({ "current": current })))
}

/// The request that takes a command back.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Undo {
    pub method: String,
    pub path: String,
    pub body: serde_json::Value,
}

/// What a command answers that can be taken back.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CustomerAnswer {
    pub customer: Customer,
    pub undo: Option<Undo>,
}
