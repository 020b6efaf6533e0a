//! The forms of case types, so that conditions compare answers right: money as an amount, a tree choice as its path.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};
use shouwen_forms::Form;
use shouwen_kernel::{Result, WorkspaceId};
use shouwen_store::{Json, Recorded, Subscription, Tx, params};

use crate::stages;

/// The event of casework that a type of case is gone.
const GONE: &str = "case_type.removed";
/// Answers stand among the facts of a case under this prefix.
const PREFIX: &str = "fields.";

/// A projection: rebuilt from the log.
pub const SUBSCRIPTION: Subscription = Subscription { name: "service_levels.forms", version: 1, reset: Some(reset), kinds: &[stages::TYPE_SAVED, GONE], handle };

fn reset(tx: &Tx<'_>) -> Result<()> {
    tx.run("DELETE FROM clock_form", params![])
}

fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    // Read loosely: only what clocks need.
    let told = recorded.payload()?;
    let Some(key) = told["key"].as_str() else { return Ok(()) };
    let form = Some(&told["form"]).filter(|form| recorded.kind != GONE && !form.is_null());
    match form {
        Some(form) => tx.run("INSERT INTO clock_form (workspace_id, case_type, form) VALUES (?1, ?2, ?3) ON CONFLICT (workspace_id, case_type) DO UPDATE SET form = ?3", params![recorded.workspace, key, Json(form)]),
        None => tx.run("DELETE FROM clock_form WHERE workspace_id = ?1 AND case_type = ?2", params![recorded.workspace, key]),
    }
}

/// The facts of a case as conditions compare them.
pub fn compared<'f>(tx: &Tx<'_>, workspace: WorkspaceId, facts: &'f Map<String, Value>) -> Result<Cow<'f, Map<String, Value>>> {
    // A number, a text, a truth is compared as it is.
    let odd = |name: &str, value: &Value| name.starts_with(PREFIX) && (value.is_object() || value.is_array());
    if !facts.iter().any(|(name, value)| odd(name, value)) {
        return Ok(Cow::Borrowed(facts));
    }
    let case_type = facts.get("type").and_then(Value::as_str).unwrap_or_default();
    let form: Option<Arc<Form>> = tx.known(&format!("clock.form/{workspace}/{case_type}"), || {
        let row: Option<(Json<Value>,)> = tx.opt("SELECT form FROM clock_form WHERE workspace_id = ?1 AND case_type = ?2", params![workspace, case_type])?;
        // A form of a newer program is no reason for clocks to stand still.
        Ok(row.and_then(|(Json(form),)| serde_json::from_value(form).ok()).map(Arc::new))
    })?;
    let Some(form) = form else { return Ok(Cow::Borrowed(facts)) };
    let answers: Map<String, Value> = facts.iter().filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_owned(), value.clone()))).collect();
    let mut out = facts.clone();
    out.extend(shouwen_forms::facts(&form, &answers, PREFIX));
    Ok(Cow::Owned(out))
}
