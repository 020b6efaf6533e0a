//! What `shouwen pack …` does.

use std::io::Write;
use std::path::Path;

use shouwen_kernel::{Problem, Result, WorkspaceId};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{App, PackChange, PackDid, PackFault, PackFile, PackFiles, PackPart, PermissionInfo};

use crate::check::{check as check_files, trusted};
use crate::install::{Report, installed, try_out};
use crate::manifest::Manifest;
use crate::shipped::{files_of, shipped, shipped_keys};
use crate::{export as exporting, folder};

/// The files of `place`: a folder, or the key of a shipped pack where there is no such folder.
fn files_at(place: &Path) -> (Vec<PackFile>, Vec<PackFault>) {
    if !place.exists()
        && let Some(key) = place.to_str()
    {
        let shipped = files_of(key);
        if !shipped.is_empty() {
            return (shipped, Vec::new());
        }
    }
    folder::read(place)
}

/// A pack the checked one stands on: a folder beside it, else a shipped one.
fn beside(place: &Path, key: &str) -> Option<(Manifest, PackFiles)> {
    let neighbour = std::fs::canonicalize(place).ok().and_then(|place| Some(place.parent()?.join(key)));
    if let Some(neighbour) = neighbour.filter(|neighbour| neighbour.join(crate::manifest::FILE).is_file()) {
        let (files, faults) = folder::read(&neighbour);
        if faults.is_empty()
            && let Some(found) = trusted(files).filter(|(manifest, _)| manifest.key == key)
        {
            return Some(found);
        }
    }
    shipped(key)
}

/// The pack at `place` (a folder, or the key of a shipped pack), then those it stands on, near ones first. Files that
/// cannot be read are left out; nothing when there is no pack.
pub fn with_required(place: &Path) -> Vec<PackFiles> {
    fn below(place: &Path, manifest: &Manifest, found: &mut Vec<PackFiles>) {
        for requirement in manifest.requirements() {
            if let Some((other, files)) = beside(place, &requirement.key).filter(|(other, _)| found.iter().all(|pack| pack.key != other.key)) {
                found.push(files);
                below(place, &other, found);
            }
        }
    }
    let (files, _) = files_at(place);
    let Some((manifest, _)) = Manifest::look(&files, &mut Vec::new()) else { return Vec::new() };
    let mut found = vec![PackFiles::new(&manifest.key, &manifest.version, files)];
    below(place, &manifest, &mut found);
    found
}

/// Checks a folder without a database. Exit code 0, or 1 with a line for each fault.
pub fn check(place: &Path, parts: &[PackPart], permissions: &[PermissionInfo], json: bool, out: &mut dyn Write) -> i32 {
    let (files, mut faults) = files_at(place);
    let count = files.len();
    let mut name = String::new();
    if faults.is_empty() || !files.is_empty() {
        let mut find = |key: &str| beside(place, key);
        let (found, sound) = check_files(files, parts, permissions, &mut find);
        faults.extend(found);
        name = sound.map(|(manifest, _)| format!("{} {}", manifest.key, manifest.version)).unwrap_or_default();
    }
    faults.sort();
    let written = if json {
        writeln!(out, "{}", serde_json::json!({ "faults": faults }))
    } else if faults.is_empty() {
        writeln!(out, "{name}: {count} files, no faults")
    } else {
        faults.iter().try_for_each(|fault| writeln!(out, "{fault}"))
    };
    i32::from(written.is_err() || !faults.is_empty())
}

fn print(out: &mut dyn Write, text: &str) -> Result<()> {
    writeln!(out, "{text}").map_err(|e| Problem::internal(format!("cannot write: {e}")))
}

/// The one workspace of the installation.
fn workspace(tx: &Tx<'_>) -> Result<WorkspaceId> {
    tx.workspaces()?.first().map(|w| w.id).ok_or_else(|| Problem::conflict("pack.no_workspace", "this installation is not set up yet").expected("set it up first: start `shouwen serve` and open the link it prints"))
}

/// Installs, or says what installing would do.
pub fn install(app: &App, place: &Path, replace: bool, trial: bool, json: bool, out: &mut dyn Write) -> Result<i32> {
    let (files, faults) = files_at(place);
    if !faults.is_empty() {
        faults.iter().try_for_each(|fault| print(out, &fault.to_string()))?;
        return Ok(1);
    }
    let own = app.clone();
    let outcome = app.db().write_blocking(move |tx| {
        let ctx = Ctx::system(workspace(tx)?, "cli");
        let mut find = |key: &str| installed(tx, &ctx, key).ok().flatten();
        let (faults, _) = check_files(files.clone(), own.pack_parts(), own.permissions(), &mut find);
        if !faults.is_empty() {
            return Ok(Err(faults));
        }
        if trial { try_out(&own, tx, &ctx, files.clone(), replace) } else { crate::install(&own, tx, &ctx, files.clone(), replace) }.map(Ok)
    })?;
    match outcome {
        Err(faults) => {
            faults.iter().try_for_each(|fault| print(out, &fault.to_string()))?;
            Ok(1)
        }
        Ok(report) if json => print(out, &serde_json::to_string(&report)?).map(|()| 0),
        Ok(report) => print(out, &told(&report, trial)).map(|()| 0),
    }
}

/// Takes a pack away, or says what that would do.
pub fn remove(app: &App, key: &str, trial: bool, json: bool, out: &mut dyn Write) -> Result<i32> {
    let (own, key) = (app.clone(), key.to_owned());
    let report = app.db().write_blocking(move |tx| {
        let ctx = Ctx::system(workspace(tx)?, "cli");
        if trial { crate::try_removal(&own, tx, &ctx, &key) } else { crate::remove(&own, tx, &ctx, &key) }
    })?;
    if json {
        return print(out, &serde_json::to_string(&report)?).map(|()| 0);
    }
    let (gone, stays) = (report.count(PackDid::Removed), report.count(PackDid::Kept));
    print(out, &format!("{} {}{}", report.key, report.version, if trial { ": removing it would do this" } else { ": removed" }))?;
    for change in &report.changes {
        print(out, &format!("  {}", line(change)))?;
    }
    print(out, &format!("{gone} items went, {stays} stay as your own: those edited here, in use, or needed by others. Cases, their answers and their history stay as they are."))?;
    Ok(0)
}

/// A report as text.
pub fn told(report: &Report, trial: bool) -> String {
    let mut text = match &report.previous {
        None => format!("{} {}", report.key, report.version),
        Some(before) if *before == report.version => format!("{} {} (installed before)", report.key, report.version),
        Some(before) => format!("{} {before} → {}", report.key, report.version),
    };
    if report.changes.is_empty() {
        text.push_str(if trial { ": nothing would change" } else { ": nothing to change" });
    }
    for change in &report.changes {
        text.push_str(&format!("\n  {}", line(change)));
    }
    let mut sums: Vec<String> = [(PackDid::Created, "created"), (PackDid::Updated, "updated"), (PackDid::Kept, "kept as edited here"), (PackDid::Removed, "removed")]
        .iter()
        .filter_map(|(did, word)| Some(format!("{} {word}", Some(report.count(*did)).filter(|n| *n > 0)?)))
        .collect();
    if report.moved > 0 {
        sums.push(format!("{} running cases moved", report.moved));
    }
    if report.unchanged > 0 {
        sums.push(format!("{} as they were", report.unchanged));
    }
    if !sums.is_empty() {
        text.push_str(&format!("\n{}{}", if trial { "would be: " } else { "" }, sums.join(", ")));
    }
    text
}

fn line(change: &PackChange) -> String {
    let word = match change.did {
        PackDid::Created => "+",
        PackDid::Updated => "~",
        PackDid::Unchanged => "=",
        PackDid::Kept => "kept",
        PackDid::Removed => "-",
        PackDid::Moved => "moved",
    };
    let count = if change.count > 0 { format!(" ({} running)", change.count) } else { String::new() };
    let note = change.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    let called = change.title.as_ref().map_or_else(|| change.item.clone(), |title| format!("{} [{}]", title.of("en"), change.item));
    format!("{word} {} {called}{count}{note}", change.section)
}

/// Installed packs, then the shipped ones that are not.
pub fn list(app: &App, json: bool, out: &mut dyn Write) -> Result<i32> {
    let rows: Vec<(String, String)> =
        app.db().read_blocking(|tx| tx.all("SELECT key, version FROM pack_installed WHERE workspace_id = ?1 ORDER BY installed_at, key", params![workspace(tx)?]))?;
    let mut told: Vec<serde_json::Value> = rows
        .iter()
        .map(|(key, version)| serde_json::json!({ "key": key, "version": version, "shipped": shipped(key).map(|(manifest, _)| manifest.version) }))
        .collect();
    for key in shipped_keys().into_iter().filter(|key| !rows.iter().any(|row| row.0 == *key)) {
        told.push(serde_json::json!({ "key": key, "version": null, "shipped": shipped(&key).map(|(manifest, _)| manifest.version) }));
    }
    if json {
        return print(out, &serde_json::json!({ "items": told }).to_string()).map(|()| 0);
    }
    for row in &told {
        let (key, shipped) = (row["key"].as_str().unwrap_or_default(), row["shipped"].as_str());
        let text = match (row["version"].as_str(), shipped) {
            (Some(version), Some(shipped)) if crate::check::is_older(version, shipped) => format!("{key} {version}   {shipped} ships with this program: shouwen pack install {key}"),
            (Some(version), _) => format!("{key} {version}"),
            (None, shipped) => format!("{key} -   not installed; {} ships with this program", shipped.unwrap_or_default()),
        };
        print(out, &text)?;
    }
    Ok(0)
}

/// Writes the workspace's configuration into a new folder.
pub fn export(app: &App, place: &Path, key: &str, out: &mut dyn Write) -> Result<i32> {
    let (own, key) = (app.clone(), key.to_owned());
    let files = app.db().read_blocking(move |tx| exporting::export(tx, workspace(tx)?, own.pack_parts(), &key))?;
    folder::write(place, &files)?;
    print(out, &format!("{} files in {}", files.len(), place.display()))?;
    Ok(0)
}
