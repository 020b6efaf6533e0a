//! Signals, regions, care plans and settings as a part of packs: `complaints.toml`.

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Problem, Result, WorkspaceId, text::clip};
use shouwen_store::{Ctx, Tx};
use shouwen_web::{PackChange, PackDid, PackDoc, PackFault, PackFile, PackFiles, PackPart, pack_decision, pack_fingerprint, pack_of_others, read_toml};

use crate::care_plan::CarePlan;
use crate::items::{self, Item};
use crate::region::Region;
use crate::settings::{self, Settings};
use crate::signal::Signal;

/// The part.
pub const PART: PackPart = PackPart { section: "complaints", files: &[FILE], check, install, export };
const FILE: &str = "complaints.toml";
/// Setting that keeps which pack the settings came from, and their print.
const FROM: &str = "complaints.settings_pack";
const SETTINGS: &str = "settings";

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settings: Option<Settings>,
    #[serde(default, rename = "signal", skip_serializing_if = "Vec::is_empty")]
    signals: Vec<Signal>,
    #[serde(default, rename = "region", skip_serializing_if = "Vec::is_empty")]
    regions: Vec<Region>,
    #[serde(default, rename = "care_plan", skip_serializing_if = "Vec::is_empty")]
    care_plans: Vec<CarePlan>,
}

fn check(pack: &PackFiles) -> Vec<PackFault> {
    let mut faults = Vec::new();
    let Some(file) = pack.file(FILE) else { return faults };
    let (value, doc) = read_toml::<File>(file, &mut faults);
    let Some(value) = value else { return faults };
    if let Some(settings) = &value.settings {
        faults.extend(settings.faults().into_iter().map(|f| doc.fault(&format!("settings.{}", f.path), f.wrong, f.right)));
    }
    checked(&doc, "signal", &value.signals, &mut faults);
    checked(&doc, "region", &value.regions, &mut faults);
    checked(&doc, "care_plan", &value.care_plans, &mut faults);
    faults
}

fn checked<T: Item>(doc: &PackDoc, table: &str, items: &[T], faults: &mut Vec<PackFault>) {
    for (i, item) in items.iter().enumerate() {
        let at = format!("{table}[{i}]");
        faults.extend(item.faults().into_iter().map(|f| doc.fault(&format!("{at}.{}", f.path), f.wrong, f.right)));
        if items[..i].iter().any(|other| other.key() == item.key()) {
            faults.push(doc.fault(&format!("{at}.key"), format!("the key `{}` stands here twice", clip(item.key(), 60)), "another key"));
        }
    }
}

fn install(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, replace: bool) -> Result<Vec<PackChange>> {
    let wanted = pack.file(FILE).and_then(|file| read_toml::<File>(file, &mut Vec::new()).0).unwrap_or_default();
    let mut changes = Vec::new();
    if let Some(settings) = &wanted.settings {
        changes.push(install_settings(tx, ctx, pack, settings, replace)?);
    }
    install_list(tx, ctx, pack, &wanted.signals, replace, &mut changes)?;
    install_list(tx, ctx, pack, &wanted.regions, replace, &mut changes)?;
    install_list(tx, ctx, pack, &wanted.care_plans, replace, &mut changes)?;
    Ok(changes)
}

fn install_settings(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, wanted: &Settings, replace: bool) -> Result<PackChange> {
    let current: Option<Settings> = tx.setting(ctx.workspace, settings::NAME)?;
    let from: Option<(String, String)> = tx.setting(ctx.workspace, FROM)?;
    let print = pack_fingerprint(wanted)?;
    let change = |did| PackChange::new(PART.section, SETTINGS, did);
    // There is one set of settings; a pack that brings its own takes over what another pack brought and nobody edited.
    let installed = from.as_ref().map(|(_, print)| print.as_str());
    let did = pack_decision(installed, current.as_ref().map(pack_fingerprint).transpose()?.as_deref(), &print, replace);
    if matches!(did, PackDid::Created | PackDid::Updated | PackDid::Unchanged) {
        tx.set_setting(ctx.workspace, settings::NAME, wanted)?;
        tx.set_setting(ctx.workspace, FROM, &(&pack.key, &print))?;
    }
    Ok(if did == PackDid::Kept { change(did).note("edited here; they stay as they are") } else { change(did) })
}

fn install_list<T: Item>(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, wanted: &[T], replace: bool, changes: &mut Vec<PackChange>) -> Result<()> {
    let stored = items::stored::<T>(tx, ctx.workspace)?;
    let mut place = stored.len();
    let name = |key: &str| format!("{}/{key}", T::KIND);
    for item in wanted {
        let print = pack_fingerprint(item)?;
        let change = |did| PackChange::new(PART.section, name(item.key()), did);
        let Some((at, old)) = stored.iter().enumerate().find(|(_, s)| s.item.key() == item.key()) else {
            items::write(tx, ctx.workspace, place, item, Some(&pack.key), Some(&print))?;
            place += 1;
            changes.push(change(PackDid::Created));
            continue;
        };
        let current = pack_fingerprint(&old.item)?;
        if let Some(change) = pack_of_others(PART.section, &name(item.key()), &pack.key, old.pack.as_deref(), current == print, replace) {
            changes.push(change);
            continue;
        }
        let did = pack_decision(old.print.as_deref(), Some(&current), &print, replace);
        match did {
            PackDid::Updated => items::write(tx, ctx.workspace, at, item, Some(&pack.key), Some(&print))?,
            PackDid::Unchanged => items::write(tx, ctx.workspace, at, &old.item, Some(&pack.key), Some(&print))?,
            _ => {}
        }
        changes.push(if did == PackDid::Kept { change(did).note("edited here; it stays as it is") } else { change(did) });
    }
    for (at, old) in stored.iter().enumerate().filter(|(_, s)| s.pack.as_deref() == Some(&pack.key) && !wanted.iter().any(|w| w.key() == s.item.key())) {
        if old.print == Some(pack_fingerprint(&old.item)?) {
            items::remove::<T>(tx, ctx.workspace, old.item.key())?;
            changes.push(PackChange::new(PART.section, name(old.item.key()), PackDid::Removed));
        } else {
            items::write(tx, ctx.workspace, at, &old.item, None, None)?;
            changes.push(PackChange::new(PART.section, name(old.item.key()), PackDid::Kept).note("the pack has it no longer; edited here, so it stays"));
        }
    }
    Ok(())
}

fn export(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<PackFile>> {
    fn all<T: Item>(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<T>> {
        Ok(items::stored::<T>(tx, workspace)?.into_iter().map(|s| s.item).collect())
    }
    let file = File { settings: tx.setting(workspace, settings::NAME)?, signals: all(tx, workspace)?, regions: all(tx, workspace)?, care_plans: all(tx, workspace)? };
    if file.settings.is_none() && file.signals.is_empty() && file.regions.is_empty() && file.care_plans.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![PackFile::new(FILE, toml::to_string(&file).map_err(Problem::internal)?)])
}
