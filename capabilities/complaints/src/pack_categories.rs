//! The category tree as a part of packs: `categories.toml` with `[[category]]`.

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Result, WorkspaceId, text::clip};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{PackChange, PackDid, PackFault, PackFile, PackFiles, PackPart, pack_decision, pack_fingerprint, pack_of_others, read_toml};

use crate::category::{self, Category, DEEPEST, MOST, Stored, Tree};

/// The part.
pub const PART: PackPart = PackPart { section: "categories", files: &[FILE], check, install, export };
const FILE: &str = "categories.toml";

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "category", skip_serializing_if = "Vec::is_empty")]
    categories: Vec<Category>,
}

/// The categories of packs this one stands on.
fn below(pack: &PackFiles) -> Vec<Category> {
    pack.matching_required(FILE).into_iter().filter_map(|file| read_toml::<File>(file, &mut Vec::new()).0).flat_map(|file| file.categories).collect()
}

fn check(pack: &PackFiles) -> Vec<PackFault> {
    let mut faults = Vec::new();
    let Some(file) = pack.file(FILE) else { return faults };
    let (value, doc) = read_toml::<File>(file, &mut faults);
    let Some(File { categories }) = value else { return faults };
    let mut known = below(pack);
    known.retain(|old| !categories.iter().any(|new| new.key == old.key));
    known.extend(categories.iter().cloned());
    let tree = Tree::new(known);
    if categories.len() > MOST {
        faults.push(doc.fault("category", format!("{} categories", categories.len()), format!("at most {MOST}")));
    }
    let unread = doc.told("category") || (0..categories.len()).any(|i| doc.told(&format!("category[{i}].key")));
    for (i, category) in categories.iter().enumerate() {
        let at = format!("category[{i}]");
        faults.extend(category.faults().into_iter().map(|f| doc.fault(&format!("{at}.{}", f.path), f.wrong, f.right)));
        if categories[..i].iter().any(|other| other.key == category.key) {
            faults.push(doc.fault(&format!("{at}.key"), format!("the key `{}` stands here twice", clip(&category.key, 60)), "another key"));
        }
        let Some(parent) = &category.parent else { continue };
        if tree.get(parent).is_none() {
            // Where a key could not be read, what names it may be right.
            if !unread {
                faults.push(doc.fault(&format!("{at}.parent"), format!("there is no category `{}`", clip(parent, 60)), "a key of this file, or of a pack this one requires"));
            }
        } else if !tree.may_stand(&category.key, parent) {
            faults.push(doc.fault(&format!("{at}.parent"), format!("`{}` cannot stand under `{}`", clip(&category.key, 60), clip(parent, 60)), format!("no ring, and at most {DEEPEST} levels")));
        }
    }
    faults
}

fn install(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, replace: bool) -> Result<Vec<PackChange>> {
    let wanted = pack.file(FILE).and_then(|file| read_toml::<File>(file, &mut Vec::new()).0).unwrap_or_default().categories;
    let stored = category::stored(tx, ctx.workspace)?;
    let mut place = stored.iter().map(|s| s.place).max().unwrap_or(0);
    let mut changes = Vec::new();
    for category in &wanted {
        let print = pack_fingerprint(category)?;
        let change = |did| PackChange::new(PART.section, &category.key, did);
        let Some(old) = stored.iter().find(|s| s.category.key == category.key) else {
            place += 1;
            category::write(tx, ctx.workspace, place, category, Some(&pack.key), Some(&print))?;
            changes.push(change(PackDid::Created));
            continue;
        };
        let current = pack_fingerprint(&old.category)?;
        if let Some(change) = pack_of_others(PART.section, &category.key, &pack.key, old.pack.as_deref(), current == print, replace) {
            changes.push(change);
            continue;
        }
        let did = pack_decision(old.print.as_deref(), Some(&current), &print, replace);
        match did {
            PackDid::Updated => category::write(tx, ctx.workspace, old.place, category, Some(&pack.key), Some(&print))?,
            PackDid::Unchanged => tx.run("UPDATE complaint_category SET pack = ?3, pack_print = ?4 WHERE workspace_id = ?1 AND key = ?2", params![ctx.workspace, category.key, pack.key, print])?,
            _ => {}
        }
        changes.push(if did == PackDid::Kept { change(did).note("edited here; it stays as it is") } else { change(did) });
    }
    for old in stored.iter().filter(|s| s.pack.as_deref() == Some(&pack.key) && !wanted.iter().any(|w| w.key == s.category.key)) {
        changes.push(gone(tx, ctx.workspace, old, &stored)?);
    }
    Ok(changes)
}

/// The pack has it no longer: removed if nobody edited it, no case names it and nothing stands under it.
fn gone(tx: &Tx<'_>, workspace: WorkspaceId, old: &Stored, all: &[Stored]) -> Result<PackChange> {
    let key = &old.category.key;
    let used: Option<(i64,)> = tx.opt("SELECT opened FROM complaint_day WHERE workspace_id = ?1 AND dimension = 'category' AND key = ?2 LIMIT 1", params![workspace, key])?;
    let untouched = old.print == Some(pack_fingerprint(&old.category)?);
    let parent = all.iter().any(|s| s.category.parent.as_deref() == Some(key));
    if untouched && used.is_none() && !parent {
        category::remove(tx, workspace, key)?;
        return Ok(PackChange::new(PART.section, key, PackDid::Removed));
    }
    tx.run("UPDATE complaint_category SET pack = NULL, pack_print = NULL WHERE workspace_id = ?1 AND key = ?2", params![workspace, key])?;
    let why = if used.is_some() { "complaints name it, so it stays" } else if parent { "categories stand under it, so it stays" } else { "edited here, so it stays" };
    Ok(PackChange::new(PART.section, key, PackDid::Kept).note(format!("the pack has it no longer; {why}")))
}

fn export(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<PackFile>> {
    let categories: Vec<Category> = category::stored(tx, workspace)?.into_iter().map(|s| s.category).collect();
    if categories.is_empty() {
        return Ok(Vec::new());
    }
    let text = toml::to_string(&File { categories }).map_err(shouwen_kernel::Problem::internal)?;
    Ok(vec![PackFile::new(FILE, text)])
}
