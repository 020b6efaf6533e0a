//! Rules and macros as a part of packs: `rules/*.toml` with `[[rule]]` and `[[macro]]` tables.

use std::collections::HashMap;

use serde_json::Value;
use shouwen_kernel::{ObjectId, PersonId, Problem, Result, WorkspaceId};
use shouwen_rules::{Known, Macro, Rule, RuleFile, Vocabulary};
use shouwen_store::{Ctx, Json, Tx, params};
use shouwen_web::{PackChange, PackDid, PackFault, PackFile, PackFiles, PackPart, pack_decision, pack_fingerprint, pack_of_others};

use crate::{facts, input, loaded, macros, rules};

/// The part.
pub const PART: PackPart = PackPart { section: "rules", files: &["rules/*.toml"], check, install, export };
const FILES: &str = "rules/*.toml";
/// Why a rule rests that somebody brought whose rights are not known here.
const NEEDS_OWNER: &str = "needs_owner";

/// The words rules of a pack may use: those of every case, and the macros of its own files and of packs it stands on.
/// Whether teams, roles and types exist is not known before installation.
fn vocabulary(pack: &PackFiles) -> Vocabulary {
    let mut vocabulary = facts::vocabulary();
    let files = pack.matching(FILES).chain(pack.matching_required(FILES));
    let keys = files.filter_map(|file| shouwen_rules::Source::toml(&file.text).ok()).flat_map(|source| {
        let found = source.value.get("macro").and_then(Value::as_array).cloned().unwrap_or_default();
        found.into_iter().filter_map(|one| one.get("key")?.as_str().map(str::to_owned)).collect::<Vec<_>>()
    });
    vocabulary.known.insert(Known::Macro, keys.collect());
    vocabulary
}

fn check(pack: &PackFiles) -> Vec<PackFault> {
    let vocabulary = vocabulary(pack);
    let mut faults = Vec::new();
    let mut seen: HashMap<(bool, String), String> = HashMap::new();
    for file in pack.matching(FILES) {
        let told = |fault: &shouwen_rules::Fault| {
            let path = if fault.path.is_empty() { String::new() } else { format!("`{}`: ", fault.path) };
            file.fault(fault.line.unwrap_or(1) as usize, format!("{path}{}", fault.wrong), fault.right.clone())
        };
        match RuleFile::read(&file.text, &file.path, &vocabulary) {
            Err(found) => faults.extend(found.iter().map(told)),
            Ok(read) => {
                let source = shouwen_rules::Source::toml(&file.text);
                let line = |path: &str| source.as_ref().ok().and_then(|s| s.place(path)).map_or(1, |(line, _)| line as usize);
                for (i, rule) in read.rules.iter().enumerate() {
                    faults.extend(input::working_days(rule).iter().map(|fault| file.fault(line(&format!("rule[{i}].{}", fault.path)), fault.wrong.clone(), fault.right.clone())));
                }
                let keys = read.rules.iter().enumerate().map(|(i, r)| (false, &r.key, format!("rule[{i}].key"))).chain(read.macros.iter().enumerate().map(|(i, m)| (true, &m.key, format!("macro[{i}].key"))));
                for (of_macro, key, path) in keys {
                    if let Some(other) = seen.insert((of_macro, key.clone()), file.path.clone()) {
                        faults.push(file.fault(line(&path), format!("the key `{key}` stands in {other} already"), "a key of its own for each"));
                    }
                }
            }
        }
    }
    faults
}

/// What of a rule its pack answers for: not its place, and not whose it is.
fn print(rule: &Rule) -> Result<String> {
    pack_fingerprint(&(&rule.key, rules::content(rule)?, rule.enabled))
}

fn install(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, replace: bool) -> Result<Vec<PackChange>> {
    let vocabulary = vocabulary(pack);
    let mut changes = Vec::new();
    let mut keys: Vec<(bool, String)> = Vec::new();
    for file in pack.matching(FILES) {
        let read = RuleFile::read(&file.text, &file.path, &vocabulary).map_err(|_| Problem::internal(format!("{} was not checked", file.path)))?;
        for made in &read.macros {
            keys.push((true, made.key.clone()));
            changes.push(install_macro(tx, ctx, pack, made, replace)?);
        }
        for rule in &read.rules {
            keys.push((false, rule.key.clone()));
            changes.push(install_rule(tx, ctx, pack, rule, replace)?);
        }
    }
    changes.extend(gone(tx, ctx, pack, &keys)?);
    loaded::outdate();
    Ok(changes)
}

fn install_rule(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, rule: &Rule, replace: bool) -> Result<PackChange> {
    // Whoever installs it answers for it; the product itself installs for the house. Of somebody whose rights are not
    // kept here nothing bounds a rule, so it rests until somebody takes it over.
    let owner = ctx.actor.person_id();
    let bounded = match owner {
        Some(person) => known(tx, person)?,
        None => true,
    };
    let wanted = print(rule)?;
    type Row = (ObjectId, i64, bool, Value, Option<String>, Option<String>, Option<String>);
    let row: Option<Row> =
        tx.opt("SELECT id, place, enabled, content, pack, pack_print, off_reason FROM rule_rule WHERE workspace_id = ?1 AND key = ?2", params![ctx.workspace, rule.key])?;
    let Some((id, place, enabled, content, own, installed, off)) = row else {
        let made = Rule { enabled: rule.enabled && bounded, ..rule.clone() };
        let id = rules::insert(tx, ctx.workspace, &made, owner.filter(|_| bounded), Some((&pack.key, &wanted)))?;
        rules::began(tx, ctx.workspace, &made, id)?;
        let change = PackChange::new(PART.section, &rule.key, PackDid::Created);
        if made.enabled == rule.enabled {
            return Ok(change);
        }
        tx.run("UPDATE rule_rule SET off_reason = ?2 WHERE id = ?1", params![id, NEEDS_OWNER])?;
        return Ok(change.note("switched off until somebody saves it and so answers for it"));
    };
    let rests = off.as_deref() == Some(NEEDS_OWNER);
    let current = print(&loaded::rule_of(&rule.key, place, enabled || rests, None, content)?)?;
    if let Some(change) = pack_of_others(PART.section, &rule.key, &pack.key, own.as_deref(), current == wanted, replace) {
        return Ok(change);
    }
    let did = pack_decision(installed.as_deref(), Some(&current), &wanted, replace);
    match did {
        PackDid::Updated => {
            tx.run(
                "UPDATE rule_rule SET enabled = ?2, content = ?3, pack = ?4, pack_print = ?5, active_since = ?6, updated_at = ?6, version = version + 1 WHERE id = ?1",
                params![id, rule.enabled && !rests, rules::content(rule)?, pack.key, wanted, tx.now()],
            )?;
            rules::began(tx, ctx.workspace, &Rule { enabled: rule.enabled && !rests, ..rule.clone() }, id)?;
        }
        PackDid::Unchanged => tx.run("UPDATE rule_rule SET pack = ?2, pack_print = ?3 WHERE id = ?1", params![id, pack.key, wanted])?,
        _ => {}
    }
    let change = PackChange::new(PART.section, &rule.key, did);
    Ok(if did == PackDid::Kept { change.note("edited here; it stays as it is") } else { change })
}

/// Whether rights of this person are kept here, so that they can bound a rule.
fn known(tx: &Tx<'_>, person: PersonId) -> Result<bool> {
    Ok(tx.opt::<(bool,)>("SELECT active FROM rule_owner WHERE person_id = ?1", params![person])?.is_some_and(|row| row.0))
}

fn install_macro(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, made: &Macro, replace: bool) -> Result<PackChange> {
    let wanted = pack_fingerprint(made)?;
    let row: Option<(ObjectId, Json<Macro>, Option<String>, Option<String>)> =
        tx.opt("SELECT id, content, pack, pack_print FROM rule_macro WHERE workspace_id = ?1 AND key = ?2", params![ctx.workspace, made.key])?;
    let Some((id, Json(content), own, installed)) = row else {
        macros::insert(tx, ctx.workspace, made, Some((&pack.key, &wanted)))?;
        return Ok(PackChange::new(PART.section, &made.key, PackDid::Created));
    };
    let current = pack_fingerprint(&content)?;
    if let Some(change) = pack_of_others(PART.section, &made.key, &pack.key, own.as_deref(), current == wanted, replace) {
        return Ok(change);
    }
    let did = pack_decision(installed.as_deref(), Some(&current), &wanted, replace);
    match did {
        PackDid::Updated => tx.run("UPDATE rule_macro SET content = ?2, pack = ?3, pack_print = ?4, updated_at = ?5, version = version + 1 WHERE id = ?1", params![id, Json(made), pack.key, wanted, tx.now()])?,
        PackDid::Unchanged => tx.run("UPDATE rule_macro SET pack = ?2, pack_print = ?3 WHERE id = ?1", params![id, pack.key, wanted])?,
        _ => {}
    }
    let change = PackChange::new(PART.section, &made.key, did);
    Ok(if did == PackDid::Kept { change.note("edited here; it stays as it is") } else { change })
}

/// What the pack has no longer: removed if nobody edited it, else it becomes the workspace's own.
fn gone(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, keys: &[(bool, String)]) -> Result<Vec<PackChange>> {
    let mut changes = Vec::new();
    let stale: Vec<(ObjectId, String, i64, bool, Value, Option<String>)> =
        tx.all("SELECT id, key, place, enabled, content, pack_print FROM rule_rule WHERE workspace_id = ?1 AND pack = ?2 ORDER BY place", params![ctx.workspace, pack.key])?;
    for (id, key, place, enabled, content, installed) in stale.into_iter().filter(|row| !keys.contains(&(false, row.1.clone()))) {
        let untouched = installed == Some(print(&loaded::rule_of(&key, place, enabled, None, content)?)?);
        if untouched {
            for table in ["rule_firing", "rule_day"] {
                tx.run(&format!("DELETE FROM {table} WHERE rule_id = ?1"), params![id])?;
            }
            tx.run("DELETE FROM rule_rule WHERE id = ?1", params![id])?;
            changes.push(PackChange::new(PART.section, key, PackDid::Removed));
        } else {
            tx.run("UPDATE rule_rule SET pack = NULL, pack_print = NULL WHERE id = ?1", params![id])?;
            changes.push(PackChange::new(PART.section, key, PackDid::Kept).note("the pack has it no longer; edited here, so it stays"));
        }
    }
    let macros: Vec<(ObjectId, String)> = tx.all("SELECT id, key FROM rule_macro WHERE workspace_id = ?1 AND pack = ?2 ORDER BY key", params![ctx.workspace, pack.key])?;
    for (id, key) in macros.into_iter().filter(|row| !keys.contains(&(true, row.1.clone()))) {
        tx.run("UPDATE rule_macro SET pack = NULL, pack_print = NULL WHERE id = ?1", params![id])?;
        changes.push(PackChange::new(PART.section, key, PackDid::Kept).note("the pack has this macro no longer; rules may run it, so it stays"));
    }
    Ok(changes)
}

fn export(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<PackFile>> {
    let rules: Vec<Rule> = rules::all(tx, workspace)?.into_iter().map(|stored| Rule { owner: None, ..stored.rule }).collect();
    let file = RuleFile { rules, macros: loaded::macros(tx, workspace)? };
    if file.rules.is_empty() && file.macros.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![PackFile::new("rules/rules.toml", file.to_toml())])
}
