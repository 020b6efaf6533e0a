//! Case types in the database. A workspace without rows has the types of the base pack, so that an installation from
//! before has them too. Read types are kept in memory under the hash of their text: what two nodes or two databases
//! share is the same by content, and a changed type has another hash at once.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use shouwen_contracts::casework::{CaseTypeEvent, TypeRemoved, TypeSaved, TypeStage};
use shouwen_kernel::{PersonId, Problem, Result, WorkspaceId};
use shouwen_stages::{CaseType, Definition, Fault};
use shouwen_store::{Ctx, Json, Tx, params};

use crate::kinds::{Kind, Types};

macro_rules! base {
    ($($key:literal),* $(,)?) => {
        /// The base pack's types, in the order lists show them.
        const BASE: &[(&str, &str)] = &[$(($key, include_str!(concat!("../../../packs/base/case-types/", $key, ".toml")))),*];
    };
}

base!("request", "incident", "complaint", "after_sales", "privacy_request", "work_order", "dispute", "suggestion", "improvement", "meeting_resolution", "risk_treatment", "crisis");

/// The pack of [`BASE`].
pub const BASE_PACK: &str = "base";

/// Hash of the set that was never written down.
const BUILT_IN: &str = "base";

static READ: LazyLock<Mutex<HashMap<String, Arc<Types>>>> = LazyLock::new(Mutex::default);

/// The types of a workspace.
pub fn types(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Arc<Types>> {
    let hash = hash_of(tx, workspace)?.unwrap_or_else(|| BUILT_IN.to_owned());
    let known = READ.lock().unwrap_or_else(|p| p.into_inner()).get(&hash).cloned();
    if let Some(known) = known {
        return Ok(known);
    }
    let read = Arc::new(if hash == BUILT_IN { built_in()? } else { load(tx, workspace)? });
    let mut all = READ.lock().unwrap_or_else(|p| p.into_inner());
    if all.len() >= 64 {
        all.clear();
    }
    all.insert(hash, read.clone());
    Ok(read)
}

fn hash_of(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Option<String>> {
    Ok(tx.opt::<(String,)>("SELECT hash FROM case_type_set WHERE workspace_id = ?1", params![workspace])?.map(|row| row.0))
}

/// A definition in TOML.
pub fn parse(text: &str) -> Result<Definition, String> {
    toml::from_str(text).map_err(|e| e.to_string())
}

/// The types that come with the product.
fn built_in() -> Result<Types> {
    let kinds = BASE.iter().map(|(key, text)| {
        let definition = parse(text).map_err(|e| Problem::internal(format!("case type {key}: {e}")))?;
        kind(definition, 1, Some(BASE_PACK.to_owned()), false).map(Arc::new)
    });
    Ok(Types(kinds.collect::<Result<_>>()?))
}

fn kind(definition: Definition, version: i64, pack: Option<String>, edited: bool) -> Result<Kind> {
    let key = definition.key.clone();
    let machine = CaseType::new(definition).map_err(|faults| Problem::internal(format!("case type {key}: {}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))))?;
    Ok(Kind { machine, version, pack, edited })
}

fn load(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Types> {
    type Stored = (Json<Definition>, i64, Option<String>, Option<String>);
    let rows: Vec<Stored> = tx.all("SELECT definition, version, pack, pack_mark FROM case_type WHERE workspace_id = ?1 ORDER BY place, key", params![workspace])?;
    let kinds = rows.into_iter().map(|(Json(definition), version, pack, mark)| {
        let edited = match &mark {
            Some(mark) => mark_of(&definition)? != *mark,
            None => false,
        };
        kind(definition, version, pack, edited).map(Arc::new)
    });
    Ok(Types(kinds.collect::<Result<_>>()?))
}

/// What a definition is recognised by.
pub fn mark_of(definition: &Definition) -> Result<String> {
    shouwen_web::pack_fingerprint(definition)
}

/// Writes the base types down, so that they can be changed.
fn adopt(tx: &Tx<'_>, ctx: &Ctx) -> Result<()> {
    if hash_of(tx, ctx.workspace)?.is_some() {
        return Ok(());
    }
    for kind in &built_in()?.0 {
        let mark = mark_of(kind.definition())?;
        put(tx, ctx, kind.definition(), 1, Some((BASE_PACK, "", &mark)), None)?;
    }
    rehash(tx, ctx.workspace)
}

/// Where a type came from: pack, its version, the mark of what it brought.
pub type Origin<'a> = Option<(&'a str, &'a str, &'a str)>;

fn put(tx: &Tx<'_>, ctx: &Ctx, definition: &Definition, version: i64, origin: Origin<'_>, by: Option<PersonId>) -> Result<()> {
    let workspace = ctx.workspace;
    let place = BASE.iter().position(|(key, _)| *key == definition.key).unwrap_or(1000);
    let (pack, pack_version, mark) = origin.map_or((None, None, None), |(p, v, m)| (Some(p), Some(v), Some(m)));
    tx.execute(
        "INSERT INTO case_type (workspace_id, key, version, place, definition, pack, pack_version, pack_mark, updated_at, updated_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (workspace_id, key) DO UPDATE SET version = ?3, definition = ?5, pack = ?6, pack_version = ?7, pack_mark = ?8, updated_at = ?9, updated_by = ?10",
        params![workspace, definition.key, version, place, Json(definition), pack, pack_version, mark, tx.now(), by],
    )?;
    tx.execute(
        "INSERT INTO case_type_version (workspace_id, key, version, definition, at, by_person) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (workspace_id, key, version) DO NOTHING",
        params![workspace, definition.key, version, Json(definition), tx.now(), by],
    )?;
    tx.emit::<CaseTypeEvent>(ctx, None, None, saved(definition, version, origin.map(|o| o.0)))
}

/// What others need of a type.
fn saved(d: &Definition, version: i64, pack: Option<&str>) -> TypeSaved {
    TypeSaved {
        key: d.key.clone(),
        version,
        pack: pack.map(str::to_owned),
        title_zh: d.title.zh.clone(),
        title_en: d.title.en.clone(),
        stages: d
            .stages
            .iter()
            .map(|s| TypeStage { key: s.key.clone(), title_zh: s.title.zh.clone(), title_en: s.title.en.clone(), status: s.status.word().to_owned(), step: s.step.word().to_owned(), pause: s.pause.clone(), review: s.review.clone() })
            .collect(),
        form: d.form.as_ref().and_then(|form| serde_json::to_value(form).ok()),
    }
}

fn rehash(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<()> {
    let rows: Vec<(String, i64, String, Option<String>)> =
        tx.all("SELECT key, version, definition, pack_mark FROM case_type WHERE workspace_id = ?1 ORDER BY place, key", params![workspace])?;
    let mut text = String::new();
    for (key, version, definition, mark) in rows {
        text.push_str(&format!("{key}\n{version}\n{}\n{definition}\n", mark.unwrap_or_default()));
    }
    let hash = shouwen_crypt::sha256_hex(text.as_bytes());
    tx.execute("INSERT INTO case_type_set (workspace_id, hash) VALUES (?1, ?2) ON CONFLICT (workspace_id) DO UPDATE SET hash = ?2", params![workspace, hash])?;
    Ok(())
}

/// A row of the table, as administration sees it.
#[derive(Clone, Debug)]
pub struct Stored {
    pub definition: Definition,
    pub version: i64,
    pub pack: Option<String>,
    pub pack_version: Option<String>,
    pub pack_mark: Option<String>,
}

/// The stored type of that key.
pub fn stored(tx: &Tx<'_>, ctx: &Ctx, key: &str) -> Result<Option<Stored>> {
    adopt(tx, ctx)?;
    type Found = (Json<Definition>, i64, Option<String>, Option<String>, Option<String>);
    let found: Option<Found> = tx.opt(
        &format!("SELECT definition, version, pack, pack_version, pack_mark FROM case_type WHERE workspace_id = ?1 AND key = ?2{}", tx.for_update()),
        params![ctx.workspace, key],
    )?;
    Ok(found.map(|(Json(definition), version, pack, pack_version, pack_mark)| Stored { definition, version, pack, pack_version, pack_mark }))
}

/// Saves a definition as the next version of its type; the version. The caller has checked it.
pub fn save(tx: &Tx<'_>, ctx: &Ctx, definition: &Definition, origin: Origin<'_>, by: Option<PersonId>) -> Result<i64> {
    let version = stored(tx, ctx, &definition.key)?.map_or(0, |s| s.version) + 1;
    // A type that was deleted before goes on counting.
    let (last,): (Option<i64>,) = tx.one("SELECT max(version) FROM case_type_version WHERE workspace_id = ?1 AND key = ?2", params![ctx.workspace, definition.key])?;
    let version = version.max(last.unwrap_or(0) + 1);
    put(tx, ctx, definition, version, origin, by)?;
    rehash(tx, ctx.workspace)?;
    Ok(version)
}

/// Notes only where a type came from: its text is the pack's already.
pub fn note_origin(tx: &Tx<'_>, ctx: &Ctx, key: &str, pack: &str, version: &str, mark: &str) -> Result<()> {
    tx.execute("UPDATE case_type SET pack = ?3, pack_version = ?4, pack_mark = ?5 WHERE workspace_id = ?1 AND key = ?2", params![ctx.workspace, key, pack, version, mark])?;
    rehash(tx, ctx.workspace)
}

/// The type belongs to no pack from now on.
pub fn release(tx: &Tx<'_>, ctx: &Ctx, key: &str) -> Result<()> {
    tx.execute("UPDATE case_type SET pack = NULL, pack_version = NULL, pack_mark = NULL WHERE workspace_id = ?1 AND key = ?2", params![ctx.workspace, key])?;
    rehash(tx, ctx.workspace)
}

/// Takes a type away. Its versions stay.
pub fn remove(tx: &Tx<'_>, ctx: &Ctx, key: &str) -> Result<()> {
    tx.execute("DELETE FROM case_type WHERE workspace_id = ?1 AND key = ?2", params![ctx.workspace, key])?;
    tx.emit::<CaseTypeEvent>(ctx, None, None, TypeRemoved { key: key.to_owned() })?;
    rehash(tx, ctx.workspace)
}

/// Every stored type by its key.
pub fn all_stored(tx: &Tx<'_>, ctx: &Ctx) -> Result<Vec<(String, Stored)>> {
    let keys: Vec<String> = types(tx, ctx.workspace)?.0.iter().map(|k| k.key().to_owned()).collect();
    keys.into_iter().filter_map(|key| stored(tx, ctx, &key).map(|found| found.map(|s| (key, s))).transpose()).collect()
}

/// Faults as one problem of the request.
pub fn faulty(faults: Vec<Fault>) -> Problem {
    let first = faults.first().cloned().unwrap_or_default();
    Problem::invalid(if first.path.is_empty() { "definition".to_owned() } else { format!("definition.{}", first.path) }, first.wrong.clone())
        .code("case_type.faulty")
        .expected(first.right)
        .detail(serde_json::json!({ "faults": faults }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_the_base_pack_is_right_and_named_by_its_file() {
        for (key, text) in BASE {
            let definition = parse(text).unwrap_or_else(|e| panic!("{key}: {e}"));
            assert_eq!(definition.key, *key);
            if let Err(faults) = CaseType::new(definition) {
                panic!("{key}: {faults:#?}");
            }
        }
    }
}
