//! Regions as complaints name them: one key for what the register writes in many ways, its titles, the unit that answers.

use std::sync::{Arc, Mutex};

use shouwen_contracts::complaints::{ComplaintWordsEvent, Named};
use shouwen_kernel::{OrgUnitId, Result, WorkspaceId};
use shouwen_store::{Json, Tx, params};
use shouwen_web::PackText;

use crate::threshold::{BETWEEN, By};
use crate::{facts, thresholds, warning};

/// A region.
#[derive(Clone, Debug)]
struct Region {
    key: String,
    matches: Vec<String>,
    unit: Option<String>,
    title: PackText,
}

impl Region {
    /// How many characters of `region` it speaks for.
    fn fits(&self, region: &str) -> usize {
        let own = [self.key.as_str(), self.title.zh.as_str(), self.title.en.as_str()];
        let whole = own.iter().filter(|name| name.eq_ignore_ascii_case(region)).map(|name| name.chars().count());
        let begins = self.matches.iter().map(|m| m.trim()).filter(|m| !m.is_empty() && region.starts_with(m)).map(|m| m.chars().count());
        whole.chain(begins).max().unwrap_or(0)
    }
}

type Table = Arc<Mutex<Option<Arc<Vec<Region>>>>>;

/// Read once in a transaction, and again when one was named in it.
fn memory(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Table> {
    tx.known(&format!("warning.regions.{workspace}"), || Ok(Table::default()))
}

fn table(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Arc<Vec<Region>>> {
    let memory = memory(tx, workspace)?;
    if let Some(known) = memory.lock().unwrap_or_else(|p| p.into_inner()).clone() {
        return Ok(known);
    }
    let rows: Vec<(String, Json<Vec<String>>, Option<String>, Option<String>, Option<String>)> = tx.all(
        "SELECT r.key, r.matches, r.unit, l.zh, l.en FROM warning_region AS r LEFT JOIN warning_label AS l ON l.workspace_id = r.workspace_id AND l.kind = 'region' AND l.key = r.key WHERE r.workspace_id = ?1 ORDER BY r.key",
        params![workspace],
    )?;
    let found = rows.into_iter().map(|(key, Json(matches), unit, zh, en)| Region { title: PackText { zh: zh.unwrap_or_else(|| key.clone()), en: en.unwrap_or_else(|| key.clone()) }, key, matches, unit });
    let found = Arc::new(found.collect::<Vec<_>>());
    *memory.lock().unwrap_or_else(|p| p.into_inner()) = Some(found.clone());
    Ok(found)
}

/// Notes what a category or region is called. Cases that are counted under what a region's customers write join it.
pub fn on_named(tx: &Tx<'_>, workspace: WorkspaceId, event: ComplaintWordsEvent) -> Result<()> {
    let ComplaintWordsEvent::Named(Named { kind, key, title_zh, title_en, matches, unit, removed, .. }) = event;
    if !removed {
        tx.run(
            "INSERT INTO warning_label (workspace_id, kind, key, zh, en) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (workspace_id, kind, key) DO UPDATE SET zh = ?4, en = ?5",
            params![workspace, kind, key, title_zh, title_en],
        )?;
    }
    if kind != "region" {
        return Ok(());
    }
    *memory(tx, workspace)?.lock().unwrap_or_else(|p| p.into_inner()) = None;
    if removed {
        // What was counted under it stays; its title stays for the warnings that name it.
        return tx.run("DELETE FROM warning_region WHERE workspace_id = ?1 AND key = ?2", params![workspace, key]);
    }
    tx.run(
        "INSERT INTO warning_region (workspace_id, key, matches, unit) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (workspace_id, key) DO UPDATE SET matches = ?3, unit = ?4",
        params![workspace, key, Json(&matches), unit],
    )?;
    join(tx, workspace, &key)
}

fn join(tx: &Tx<'_>, workspace: WorkspaceId, key: &str) -> Result<()> {
    let regions = table(tx, workspace)?;
    let written: Vec<(String,)> = tx.all("SELECT DISTINCT region FROM warning_fact WHERE workspace_id = ?1 AND region IS NOT NULL", params![workspace])?;
    for (raw,) in written.into_iter().filter(|(raw,)| raw != key && !regions.iter().any(|r| r.key == *raw)) {
        if of(tx, workspace, &raw)? == key {
            groups(tx, workspace, &raw, key)?;
            facts::rename_region(tx, workspace, &raw, key)?;
        }
    }
    Ok(())
}

/// What was said of the region goes on under its key: an open warning stays the one of its group.
fn groups(tx: &Tx<'_>, workspace: WorkspaceId, from: &str, to: &str) -> Result<()> {
    let renamed = |grp: &str| grp.split(BETWEEN).map(|part| if part == from { to } else { part }).collect::<Vec<_>>().join(&BETWEEN.to_string());
    for stored in thresholds::enabled(tx, workspace)?.iter().filter(|s| s.threshold.by.contains(&By::Region)) {
        let known: Vec<(String,)> = tx.all("SELECT grp FROM warning_group WHERE threshold_id = ?1 ORDER BY grp", params![stored.id])?;
        for (old,) in known.iter().filter(|(grp,)| renamed(grp) != *grp) {
            let new = renamed(old);
            if known.iter().any(|(grp,)| *grp == new) {
                continue;
            }
            tx.run("UPDATE warning_group SET grp = ?3 WHERE threshold_id = ?1 AND grp = ?2", params![stored.id, old, new])?;
            tx.run("UPDATE warning_warning SET grp = ?3, region = ?4 WHERE threshold_id = ?1 AND grp = ?2 AND region = ?5", params![stored.id, old, new, to, from])?;
        }
    }
    Ok(())
}

/// The key a region goes under: that of the table it belongs to, else itself.
pub fn of(tx: &Tx<'_>, workspace: WorkspaceId, region: &str) -> Result<String> {
    let region = region.trim();
    let table = table(tx, workspace)?;
    Ok(table.iter().map(|r| (r.fits(region), r)).filter(|(n, _)| *n > 0).max_by_key(|(n, _)| *n).map_or_else(|| region.to_owned(), |(_, r)| r.key.clone()))
}

/// What a region is called: by complaints, else by the unit with its code, else as it is written.
pub fn title(tx: &Tx<'_>, workspace: WorkspaceId, region: &str) -> Result<PackText> {
    if let Some(named) = warning::label(tx, workspace, "region", region)? {
        return Ok(named);
    }
    let found: Option<(String,)> = tx.opt("SELECT name FROM warning_unit WHERE workspace_id = ?1 AND region_code = ?2 ORDER BY org_unit_id LIMIT 1", params![workspace, region])?;
    let name = found.map_or_else(|| region.to_owned(), |row| row.0);
    Ok(PackText { zh: name.clone(), en: name })
}

/// The unit of a region: by its code or its name, or as complaints say who answers for it.
pub fn unit(tx: &Tx<'_>, workspace: WorkspaceId, region: Option<&str>) -> Result<Option<OrgUnitId>> {
    let Some(region) = region else { return Ok(None) };
    // There are a handful of units.
    let units: Vec<(OrgUnitId, String, Option<String>)> = tx.all("SELECT org_unit_id, name, region_code FROM warning_unit WHERE workspace_id = ?1 ORDER BY org_unit_id", params![workspace])?;
    let called = |name: &str| {
        let by_code = units.iter().find(|(_, _, code)| code.as_deref() == Some(name));
        by_code.or_else(|| units.iter().find(|(id, unit, _)| unit == name || id.to_string() == name)).map(|(id, ..)| *id)
    };
    if let Some(unit) = called(region) {
        return Ok(Some(unit));
    }
    let table = table(tx, workspace)?;
    let Some(known) = table.iter().find(|r| r.key == region) else { return Ok(None) };
    let mut names = known.unit.iter().map(String::as_str).chain([known.title.zh.as_str(), known.title.en.as_str()]).chain(known.matches.iter().map(String::as_str));
    Ok(names.find_map(|name| called(name.trim())))
}
