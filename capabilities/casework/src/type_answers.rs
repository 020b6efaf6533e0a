//! Answers of open cases when the form of their type changes: those that can be are rewritten for the new kind of field,
//! the others stay as they were given, and all of it is told.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use shouwen_contracts::casework::Edited;
use shouwen_forms::{Field, Form};
use shouwen_kernel::{CaseId, Result, WorkspaceId};
use shouwen_stages::Definition;
use shouwen_store::{Ctx, Json as JsonColumn, Timer, TimerHandler, Tx, params};
use shouwen_web::{PackChange, PackDid};

use crate::case::Case;
use crate::fields::{self, SEAL};
use crate::{kinds, pack_types};

/// Rewrites the answers of open cases; its payload names the type and the version they were given under.
pub const TIMER: TimerHandler = TimerHandler { kind: TIMER_KIND, handle: go_on };
const TIMER_KIND: &str = "case.type_answers";
/// Cases of one transaction.
const CHUNK: i64 = 200;

/// What becomes of an answer under the new form.
enum Fate {
    /// Nothing: it fits as it is.
    Fits,
    /// It is written so.
    Becomes(Json),
    /// It stays, but the field does not take it.
    Unfit,
    /// It stays, but nothing asks for it.
    Gone,
}

/// The keys whose answers may not go over as they are.
fn changed(old: &Form, new: &Form) -> Vec<String> {
    let differs = |before: &Field| match new.field(&before.key) {
        None => true,
        Some(now) => now.kind != before.kind || now.options != before.options || now.columns != before.columns || now.personal && !before.personal,
    };
    old.fields().map(|(_, field)| field).filter(|field| differs(field)).map(|field| field.key.clone()).collect()
}

fn fate(tx: &Tx<'_>, old: &Form, new: &Form, key: &str, stored: &Json) -> Result<Fate> {
    let Some(field) = new.field(key) else { return Ok(Fate::Gone) };
    let sealed = stored.get("sealed").and_then(Json::as_str);
    let plain = match sealed {
        // An answer whose key is gone cannot be rewritten.
        Some(text) => match tx.keys().open(SEAL, text).ok().and_then(|text| serde_json::from_str(&text).ok()) {
            Some(value) => value,
            None => return Ok(Fate::Fits),
        },
        None => stored.clone(),
    };
    let migrated = shouwen_forms::migrate(old, new, &Map::from_iter([(key.to_owned(), plain.clone())]));
    let Some(value) = migrated.answers.get(key).filter(|_| migrated.dropped.is_empty()) else { return Ok(Fate::Unfit) };
    let personal = field.personal || sealed.is_some();
    if *value == plain && personal == sealed.is_some() {
        return Ok(Fate::Fits);
    }
    Ok(Fate::Becomes(if personal { json!({ "sealed": tx.keys().seal(tx.ids(), SEAL, &value.to_string())? }) } else { value.clone() }))
}

/// The open cases of a type behind `after`, by id.
fn open_cases(tx: &Tx<'_>, workspace: WorkspaceId, key: &str, after: CaseId) -> Result<Vec<(CaseId, JsonColumn<Map<String, Json>>)>> {
    tx.all(
        "SELECT id, fields FROM case_case WHERE workspace_id = ?1 AND case_type = ?2 AND id > ?3 AND status <> 'closed' ORDER BY id LIMIT ?4",
        params![workspace, key, after, CHUNK],
    )
}

/// What the answers of open cases make of a changed form, for the report; what can be rewritten is rewritten afterwards,
/// in small transactions. `old_version` is the type's version with the form `old`.
pub fn carry(tx: &Tx<'_>, ctx: &Ctx, key: &str, old_version: i64, old: &Form, new: &Form) -> Result<Vec<PackChange>> {
    let changed = changed(old, new);
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    // Of each field: rewritten, unfit, asked no longer.
    let mut counts: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    let mut after = CaseId::NIL;
    loop {
        let cases = open_cases(tx, ctx.workspace, key, after)?;
        let Some((last, _)) = cases.last() else { break };
        after = *last;
        for (_, JsonColumn(answers)) in &cases {
            for field in &changed {
                let Some(stored) = answers.get(field).filter(|value| !shouwen_stages::is_empty(Some(value))) else { continue };
                let count = counts.entry(field).or_default();
                match fate(tx, old, new, field, stored)? {
                    Fate::Fits => {}
                    Fate::Becomes(_) => count[0] += 1,
                    Fate::Unfit => count[1] += 1,
                    Fate::Gone => count[2] += 1,
                }
            }
        }
    }
    if counts.values().any(|count| count[0] > 0) {
        tx.set_timer(ctx.workspace, TIMER_KIND, &format!("{}/{key}/{old_version}", ctx.workspace), tx.now(), &json!({ "type": key, "from": old_version }))?;
    }
    let said = [
        (PackDid::Updated, "answers of open cases are rewritten for the new field"),
        (PackDid::Kept, "answers of open cases do not fit the new field; they stay until somebody answers anew"),
        (PackDid::Kept, "the form asks it no longer; the answers of open cases stay with them"),
    ];
    let mut told = Vec::new();
    for (field, count) in &counts {
        for (i, (did, note)) in said.iter().enumerate().filter(|(i, _)| count[*i] > 0) {
            told.push(PackChange::new(pack_types::SECTION, format!("{key}/{field}"), *did).count(count[i]).note(*note));
        }
    }
    Ok(told)
}

fn go_on(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let key = timer.payload["type"].as_str().unwrap_or_default().to_owned();
    let row: Option<(JsonColumn<Definition>,)> =
        tx.opt("SELECT definition FROM case_type_version WHERE workspace_id = ?1 AND key = ?2 AND version = ?3", params![timer.workspace, key, timer.payload["from"].as_i64().unwrap_or_default()])?;
    let Some(old) = row.and_then(|(JsonColumn(definition),)| definition.form) else { return Ok(()) };
    let Ok(kind) = kinds::case_type(tx, timer.workspace, &key) else { return Ok(()) };
    let Some(new) = &kind.definition().form else { return Ok(()) };
    let ctx = Ctx::system(timer.workspace, "case_types");
    let changed = changed(&old, new);
    let after = timer.payload["after"].as_str().and_then(|id| id.parse().ok()).unwrap_or(CaseId::NIL);
    let cases = open_cases(tx, timer.workspace, &key, after)?;
    for (id, _) in &cases {
        let Some(mut case) = Case::lock(tx, timer.workspace, *id)? else { continue };
        let mut touched = false;
        for field in &changed {
            let Some(stored) = case.fields.get(field).filter(|value| !shouwen_stages::is_empty(Some(value))).cloned() else { continue };
            let Fate::Becomes(value) = fate(tx, &old, new, field, &stored)? else { continue };
            let name = format!("fields.{field}");
            case.emit(tx, &ctx, Edited { case_id: case.id, field: name.clone(), from: fields::told(&stored), to: fields::told(&value) })?;
            case.field_versions.insert(name, json!(case.version + 1));
            case.fields.insert(field.clone(), value);
            touched = true;
        }
        if touched {
            case.save(tx)?;
        }
    }
    match cases.last() {
        Some((last, _)) => tx.set_timer(timer.workspace, TIMER_KIND, &timer.key, tx.now(), &json!({ "type": key, "from": timer.payload["from"], "after": last.to_string() })),
        None => Ok(()),
    }
}
