//! Thresholds as a part of packs: `warnings.toml` with `[[threshold]]`. Also notes the titles of categories and case types
//! that the pack brings, so that warnings and bulletins can name them.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use shouwen_kernel::{ObjectId, Problem, Result, WorkspaceId};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{PackChange, PackDid, PackFault, PackFile, PackFiles, PackPart, pack_decision, pack_fingerprint, pack_of_others, read_toml};

use crate::threshold::Threshold;
use crate::thresholds;

/// The part.
pub const PART: PackPart = PackPart { section: "warnings", files: &[FILE], check, install, export };
const FILE: &str = "warnings.toml";

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    threshold: Vec<Threshold>,
}

/// Roles every workspace has.
const ROLES: [&str; 7] = ["administrator", "manager", "supervisor", "agent", "quality", "auditor", "viewer"];

/// What the pack and those it requires bring, for references; `None` where none of them has such a file: then the
/// workspace alone knows, and nothing is said.
struct Known {
    types: Option<Vec<String>>,
    categories: Option<Vec<String>>,
    roles: Option<Vec<String>>,
    calendars: Option<Vec<String>>,
}

impl Known {
    fn of(pack: &PackFiles) -> Self {
        let tables = |pattern: &'static str| -> Option<Vec<toml::Table>> {
            let files: Vec<&PackFile> = pack.matching(pattern).chain(pack.matching_required(pattern)).collect();
            // A file that is no TOML is told where it is checked; what it holds is not known.
            if files.is_empty() { None } else { files.iter().map(|file| file.text.parse().ok()).collect() }
        };
        let key = |item: &toml::Value| item.get("key").and_then(toml::Value::as_str).map(str::to_owned);
        let listed = |pattern, list: &str| tables(pattern).map(|found| found.iter().filter_map(|t| t.get(list)?.as_array()).flatten().filter_map(key).collect::<Vec<_>>());
        Self {
            types: tables("case-types/*.toml").map(|found| found.iter().filter_map(|t| t.get("key")?.as_str().map(str::to_owned)).collect()),
            categories: listed("categories.toml", "category"),
            roles: listed("roles.toml", "role").map(|mut roles| {
                roles.extend(ROLES.map(str::to_owned));
                roles
            }),
            calendars: tables("calendars/*.toml").map(|found| found.iter().filter_map(|t| t.get("key")?.as_str().map(str::to_owned)).chain(["office".to_owned(), "around-the-clock".to_owned()]).collect()),
        }
    }

    /// References of a threshold that lead nowhere: path, what is wrong, what is there.
    fn faults(&self, threshold: &Threshold) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        let missing = |known: &Option<Vec<String>>, key: &str| known.as_ref().is_some_and(|keys| !keys.iter().any(|k| k == key));
        let there = |known: &Option<Vec<String>>| known.as_deref().unwrap_or_default().join(", ");
        for (i, key) in threshold.types.iter().enumerate().filter(|(_, key)| missing(&self.types, key)) {
            found.push((format!("types[{i}]"), format!("there is no case type `{key}`"), there(&self.types)));
        }
        if let Some(key) = threshold.category.as_deref().filter(|key| missing(&self.categories, key)) {
            found.push(("category".to_owned(), format!("there is no category `{key}`"), there(&self.categories)));
        }
        let mut parties = |path: String, to: &[String]| {
            for (j, party) in to.iter().enumerate() {
                let role = party.strip_prefix("role:").map(|rest| rest.split('@').next().unwrap_or(rest));
                if let Some(role) = role.filter(|role| missing(&self.roles, role)) {
                    found.push((format!("{path}.to[{j}]"), format!("there is no role `{role}`"), there(&self.roles)));
                }
            }
        };
        let calendars = threshold.grade.iter().enumerate().filter_map(|(i, level)| Some((i, level.calendar.as_deref().filter(|key| missing(&self.calendars, key))?)));
        let calendars: Vec<_> = calendars.map(|(i, key)| (format!("grade[{i}].calendar"), format!("there is no calendar `{key}`"), there(&self.calendars))).collect();
        threshold.grade.iter().enumerate().for_each(|(i, level)| parties(format!("grade[{i}]"), &level.to));
        threshold.ladder.iter().enumerate().for_each(|(i, rung)| parties(format!("ladder[{i}]"), &rung.to));
        found.extend(calendars);
        found
    }
}

fn check(pack: &PackFiles) -> Vec<PackFault> {
    let mut faults = Vec::new();
    let known = Known::of(pack);
    for file in pack.matching(FILE) {
        let (read, doc) = read_toml::<File>(file, &mut faults);
        let mut seen = HashSet::new();
        for (i, threshold) in read.unwrap_or_default().threshold.iter().enumerate() {
            if !seen.insert(threshold.key.clone()) {
                faults.push(doc.fault(&format!("threshold[{i}].key"), format!("the key `{}` stands twice", threshold.key), "a key of its own for each"));
            }
            for (path, wrong, right) in threshold.faults() {
                faults.push(doc.fault(&format!("threshold[{i}].{path}"), format!("`{path}`: {wrong}"), right));
            }
            for (path, wrong, right) in known.faults(threshold) {
                faults.push(doc.fault(&format!("threshold[{i}].{path}"), wrong, right));
            }
        }
    }
    faults
}

fn print(threshold: &Threshold) -> Result<String> {
    pack_fingerprint(threshold)
}

fn install(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, replace: bool) -> Result<Vec<PackChange>> {
    labels(tx, ctx.workspace, pack)?;
    let mut changes = Vec::new();
    let mut keys = Vec::new();
    for file in pack.matching(FILE) {
        let mut faults = Vec::new();
        let read = read_toml::<File>(file, &mut faults).0.ok_or_else(|| Problem::internal(format!("{} was not checked", file.path)))?;
        for wanted in &read.threshold {
            keys.push(wanted.key.clone());
            changes.push(one(tx, ctx, pack, wanted, replace)?);
        }
    }
    changes.extend(gone(tx, ctx, pack, &keys)?);
    Ok(changes)
}

fn one(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, wanted: &Threshold, replace: bool) -> Result<PackChange> {
    let print_wanted = print(wanted)?;
    let row: Option<(ObjectId, Option<String>, Option<String>)> = tx.opt("SELECT id, pack, pack_print FROM warning_threshold WHERE workspace_id = ?1 AND key = ?2", params![ctx.workspace, wanted.key])?;
    let Some((id, own, installed)) = row else {
        thresholds::insert(tx, ctx.workspace, wanted, Some((&pack.key, &print_wanted)))?;
        return Ok(PackChange::new(PART.section, &wanted.key, PackDid::Created));
    };
    let stored = thresholds::load(tx, ctx.workspace, id)?;
    let current = print(&stored.threshold)?;
    if let Some(change) = pack_of_others(PART.section, &wanted.key, &pack.key, own.as_deref(), current == print_wanted, replace) {
        return Ok(change);
    }
    let did = pack_decision(installed.as_deref(), Some(&current), &print_wanted, replace);
    if did == PackDid::Updated {
        thresholds::rewrite(tx, ctx.workspace, &stored, wanted)?;
    }
    let change = PackChange::new(PART.section, &wanted.key, did);
    if did == PackDid::Kept {
        return Ok(change.note("edited here; it stays as it is"));
    }
    tx.run("UPDATE warning_threshold SET pack = ?2, pack_print = ?3 WHERE id = ?1", params![id, pack.key, print_wanted])?;
    Ok(change)
}

/// What the pack has no longer: removed if nobody edited it and nothing of it is open, else it becomes the workspace's own.
fn gone(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, keys: &[String]) -> Result<Vec<PackChange>> {
    let mut changes = Vec::new();
    for stored in thresholds::all(tx, ctx.workspace)?.into_iter().filter(|s| s.pack.as_deref() == Some(&pack.key) && !keys.contains(&s.threshold.key)) {
        let (installed,): (Option<String>,) = tx.one("SELECT pack_print FROM warning_threshold WHERE id = ?1", params![stored.id])?;
        let edited = installed.as_deref() != Some(&print(&stored.threshold)?);
        let (open,): (i64,) = tx.one("SELECT count(*) FROM warning_group WHERE threshold_id = ?1 AND open_id IS NOT NULL", params![stored.id])?;
        let change = if edited || open > 0 {
            tx.run("UPDATE warning_threshold SET pack = NULL, pack_print = NULL WHERE id = ?1", params![stored.id])?;
            let why = if edited { "the pack has it no longer; it was edited here" } else { "the pack has it no longer; warnings of it are open" };
            PackChange::new(PART.section, &stored.threshold.key, PackDid::Kept).note(why)
        } else {
            thresholds::drop(tx, ctx.workspace, stored.id)?;
            PackChange::new(PART.section, &stored.threshold.key, PackDid::Removed)
        };
        changes.push(change);
    }
    Ok(changes)
}

/// Titles of categories and case types, wherever in those files a table has a key and a title.
fn labels(tx: &Tx<'_>, workspace: WorkspaceId, pack: &PackFiles) -> Result<()> {
    fn walk(value: &toml::Value, found: &mut Vec<(String, String, String)>) {
        match value {
            toml::Value::Table(table) => {
                let text = |t: Option<&toml::Value>| t.and_then(toml::Value::as_str).map(str::to_owned);
                let title = table.get("title").or_else(|| table.get("label")).and_then(toml::Value::as_table);
                if let (Some(key), Some(title)) = (text(table.get("key")), title)
                    && let (Some(zh), Some(en)) = (text(title.get("zh")), text(title.get("en")))
                {
                    found.push((key, zh, en));
                }
                table.values().for_each(|inner| walk(inner, found));
            }
            toml::Value::Array(items) => items.iter().for_each(|inner| walk(inner, found)),
            _ => {}
        }
    }
    let mut all: Vec<(&str, String, String, String)> = Vec::new();
    for file in pack.files.iter().filter(|f| f.path == "categories.toml" || f.path.starts_with("categories/")) {
        let mut found = Vec::new();
        if let Ok(value) = file.text.parse::<toml::Table>() {
            walk(&toml::Value::Table(value), &mut found);
        }
        all.extend(found.into_iter().map(|(key, zh, en)| ("category", key, zh, en)));
    }
    for file in pack.matching("case-types/*.toml") {
        let mut found = Vec::new();
        if let Ok(mut value) = file.text.parse::<toml::Table>() {
            // Only the type itself, not its stages.
            value.retain(|key, _| key == "key" || key == "title");
            walk(&toml::Value::Table(value), &mut found);
        }
        all.extend(found.into_iter().map(|(key, zh, en)| ("type", key, zh, en)));
    }
    for (kind, key, zh, en) in all {
        tx.run(
            "INSERT INTO warning_label (workspace_id, kind, key, zh, en) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (workspace_id, kind, key) DO UPDATE SET zh = ?4, en = ?5",
            params![workspace, kind, key, zh, en],
        )?;
    }
    Ok(())
}

fn export(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<PackFile>> {
    let threshold: Vec<Threshold> = thresholds::all(tx, workspace)?.into_iter().map(|s| s.threshold).collect();
    if threshold.is_empty() {
        return Ok(Vec::new());
    }
    let text = toml::to_string(&File { threshold }).map_err(Problem::internal)?;
    Ok(vec![PackFile::new(FILE, text)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_survives_toml_and_json_with_the_same_print() {
        let text = r#"
[[threshold]]
key = "x"
title = { zh = "甲", en = "X" }
by = ["region"]
window = "1h"
[[threshold.grade]]
grade = "blue"
limit = 5
response = { zh = "看", en = "Look" }
within_hours = 8
to = ["role:supervisor"]
[threshold.band]
"#;
        let mut faults = Vec::new();
        let read = read_toml::<File>(&PackFile::new(FILE, text), &mut faults).0.unwrap();
        assert_eq!(faults, []);
        let again: File = toml::from_str(&toml::to_string(&read).unwrap()).unwrap();
        let json: Threshold = serde_json::from_value(serde_json::to_value(&read.threshold[0]).unwrap()).unwrap();
        assert_eq!(print(&again.threshold[0]).unwrap(), print(&read.threshold[0]).unwrap());
        assert_eq!(print(&json).unwrap(), print(&read.threshold[0]).unwrap());
    }
}
