//! Roles that a pack has no longer, and that ladders of escalation still name: of other packs, or edited here. Only whoever
//! installs packs sees all parts; the part of roles looks here before it lets go of one.

use std::collections::BTreeMap;

use shouwen_kernel::{Result, WorkspaceId};
use shouwen_store::Tx;
use shouwen_web::{PackFile, PackFiles, PackPart};

/// In the memory of the transaction: by role, the level or clock whose ladder names it. Read by the part of roles.
const NAMED: &str = "pack.roles_named";
const ROLES: &str = "roles.toml";
const LEVELS: &str = "service-levels.toml";

fn table(file: Option<&PackFile>) -> toml::Table {
    file.and_then(|file| file.text.parse().ok()).unwrap_or_default()
}

fn items<'a>(table: &'a toml::Table, list: &str) -> impl Iterator<Item = &'a toml::Value> {
    table.get(list).and_then(toml::Value::as_array).into_iter().flatten()
}

fn key(item: &toml::Value) -> Option<&str> {
    item.get("key")?.as_str()
}

/// When, and whom; other words of a rung have defaults that an export writes out.
fn rungs(item: &toml::Value) -> Vec<(Option<String>, Option<toml::Value>)> {
    let all = item.get("ladder").and_then(toml::Value::as_array).into_iter().flatten();
    all.map(|rung| (rung.get("at").and_then(toml::Value::as_str).map(str::to_owned), rung.get("to").cloned())).collect()
}

/// Role → key of a level or clock whose ladder names it.
fn ladders(levels: &toml::Table, own: impl Fn(&str, &str) -> bool) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for list in ["level", "clock"] {
        for item in items(levels, list) {
            let Some(of) = key(item).filter(|key| !own(list, key)) else { continue };
            let rungs = item.get("ladder").and_then(toml::Value::as_array).into_iter().flatten();
            for role in rungs.filter_map(|rung| rung.get("to")?.as_array()).flatten().filter_map(toml::Value::as_str) {
                found.entry(role.to_owned()).or_insert_with(|| of.to_owned());
            }
        }
    }
    found
}

/// Before the parts are installed: which roles that are in `before` and no longer in `pack` are named by what stays. What
/// the pack itself brings counts as the pack has it now; what it brought and has no longer, unless somebody edited it, goes.
pub fn note(tx: &Tx<'_>, workspace: WorkspaceId, parts: &[PackPart], before: &PackFiles, pack: &PackFiles) -> Result<()> {
    let (old, new) = (table(before.file(ROLES)), table(pack.file(ROLES)));
    let gone: Vec<&str> = items(&old, "role").filter_map(key).filter(|role| !items(&new, "role").any(|item| key(item) == Some(*role))).collect();
    let Some(part) = parts.iter().find(|part| part.files.contains(&LEVELS)).filter(|_| !gone.is_empty()) else { return Ok(()) };
    let stands = (part.export)(tx, workspace)?;
    let now = table(stands.iter().find(|file| file.path == LEVELS));
    let (was, becomes) = (table(before.file(LEVELS)), table(pack.file(LEVELS)));
    let ladder = |table: &toml::Table, list: &str, wanted: &str| items(table, list).find(|item| key(item) == Some(wanted)).map(rungs);
    // Untouched since this pack wrote it: it becomes what the pack says now, or goes with it.
    let untouched = |list: &str, key: &str| ladder(&was, list, key).is_some_and(|wrote| Some(wrote) == ladder(&now, list, key));
    let mut named = ladders(&now, untouched);
    named.extend(ladders(&becomes, |_, _| false));
    for role in gone {
        if let Some(of) = named.get(role) {
            tx.set_ahead(NAMED, role.to_owned(), Some(of.clone()));
        }
    }
    Ok(())
}
