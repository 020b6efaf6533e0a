//! Flows and authorities as a part of packs: `reviews.toml` with `[[flow]]` and `[[authority]]` tables.

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Problem, Result, WorkspaceId};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{PackChange, PackDid, PackFault, PackFile, PackFiles, PackPart, pack_decision, pack_fingerprint, pack_of_others, read_toml};

use crate::def::{AuthorityDef, FlowDef, check_authority, check_flow};
use crate::{authorities, flows};

/// The part.
pub const PART: PackPart = PackPart { section: "reviews", files: &[FILE], check, install, export };
const FILE: &str = "reviews.toml";

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    flow: Vec<FlowDef>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    authority: Vec<AuthorityDef>,
}

fn check(pack: &PackFiles) -> Vec<PackFault> {
    let mut faults = Vec::new();
    let Some(file) = pack.file(FILE) else { return faults };
    let (value, doc) = read_toml::<File>(file, &mut faults);
    let Some(value) = value else { return faults };
    for (i, flow) in value.flow.iter().enumerate() {
        faults.extend(check_flow(flow).into_iter().map(|f| doc.fault(&format!("flow[{i}].{}", f.path), f.wrong, f.right)));
        if value.flow[..i].iter().any(|other| other.key == flow.key) {
            faults.push(doc.fault(&format!("flow[{i}].key"), format!("the key `{}` stands here twice", flow.key), "another key"));
        }
    }
    for (i, authority) in value.authority.iter().enumerate() {
        faults.extend(check_authority(authority).into_iter().map(|f| doc.fault(&format!("authority[{i}].{}", f.path), f.wrong, f.right)));
        if value.authority[..i].iter().any(|other| other.key == authority.key) {
            faults.push(doc.fault(&format!("authority[{i}].key"), format!("the key `{}` stands here twice", authority.key), "another key"));
        }
    }
    if value.flow.len() > flows::MOST || value.authority.len() > flows::MOST {
        faults.push(file.fault(1, format!("{} flows and {} authorities", value.flow.len(), value.authority.len()), format!("at most {} of each", flows::MOST)));
    }
    faults
}

/// What stands in the workspace already.
struct Stands<'a> {
    pack: Option<&'a str>,
    print: Option<&'a str>,
    current: String,
}

/// What to do with an item, and what to say of it.
fn decided(section: &str, key: &str, pack: &PackFiles, stands: Option<&Stands<'_>>, wanted: &str, replace: bool) -> PackChange {
    let Some(stands) = stands else { return PackChange::new(section, key, PackDid::Created) };
    let same = stands.current == wanted;
    let owner = stands.pack.filter(|other| same || !takes_over(pack, other));
    if let Some(change) = pack_of_others(section, key, &pack.key, owner, same, replace) {
        return change;
    }
    let did = pack_decision(stands.print, Some(&stands.current), wanted, replace);
    let change = PackChange::new(section, key, did);
    if did == PackDid::Kept { change.note("edited here; it stays as it is") } else { change }
}

/// A pack that stands on another may replace an item of it: the telecom's tiers take the place of the base's.
fn takes_over(pack: &PackFiles, other: &str) -> bool {
    pack.required.iter().any(|required| required.key == other || takes_over(required, other))
}

fn install(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, replace: bool) -> Result<Vec<PackChange>> {
    let file = pack.file(FILE).cloned().unwrap_or_else(|| PackFile::new(FILE, ""));
    let value = read_toml::<File>(&file, &mut Vec::new()).0.ok_or_else(|| Problem::internal(format!("{FILE} was not checked")))?;
    let mut changes = Vec::new();
    for flow in &value.flow {
        let wanted = pack_fingerprint(flow)?;
        let found = flows::stored_by_key(tx, ctx.workspace, &flow.key)?;
        let current = found.as_ref().map(|f| pack_fingerprint(&f.def)).transpose()?;
        let stands = found.as_ref().zip(current).map(|(f, current)| Stands { pack: f.pack.as_deref(), print: f.print.as_deref(), current });
        let change = decided(PART.section, &flow.key, pack, stands.as_ref(), &wanted, replace);
        match (change.did, &found) {
            (PackDid::Created, _) => flows::insert(tx, ctx.workspace, flow, Some((&pack.key, &wanted)))?,
            (PackDid::Updated, Some(found)) => {
                flows::update(tx, found.id, flow)?;
                own(tx, "review_flow", found.id, &pack.key, &wanted)?;
            }
            (PackDid::Unchanged, Some(found)) if is_free(found.pack.as_deref(), &pack.key) => own(tx, "review_flow", found.id, &pack.key, &wanted)?,
            _ => {}
        }
        changes.push(change);
    }
    for authority in &value.authority {
        let wanted = pack_fingerprint(authority)?;
        let found = authorities::stored_by_key(tx, ctx.workspace, &authority.key)?;
        let current = found.as_ref().map(|f| pack_fingerprint(&f.def)).transpose()?;
        let stands = found.as_ref().zip(current).map(|(f, current)| Stands { pack: f.pack.as_deref(), print: f.print.as_deref(), current });
        let change = decided(PART.section, &authority.key, pack, stands.as_ref(), &wanted, replace);
        match (change.did, &found) {
            (PackDid::Created, _) => {
                authorities::insert(tx, ctx.workspace, authority, Some((&pack.key, &wanted)))?;
                authorities::tell(tx, ctx, &authority.key, "saved")?;
            }
            (PackDid::Updated, Some(found)) => {
                authorities::update(tx, ctx.workspace, found, authority)?;
                own(tx, "review_authority", found.id, &pack.key, &wanted)?;
                authorities::tell(tx, ctx, &authority.key, "saved")?;
            }
            (PackDid::Unchanged, Some(found)) if is_free(found.pack.as_deref(), &pack.key) => own(tx, "review_authority", found.id, &pack.key, &wanted)?,
            _ => {}
        }
        changes.push(change);
    }
    changes.extend(gone(tx, ctx, pack, &value)?);
    Ok(changes)
}

/// Whether an item belongs to this pack or to none: what another pack brought alike stays that one's.
fn is_free(owner: Option<&str>, pack: &str) -> bool {
    owner.is_none_or(|owner| owner == pack)
}

fn own(tx: &Tx<'_>, table: &str, id: shouwen_kernel::ObjectId, pack: &str, print: &str) -> Result<()> {
    tx.run(&format!("UPDATE {table} SET pack = ?2, pack_print = ?3 WHERE id = ?1"), params![id, pack, print])
}

/// What the pack has no longer becomes the workspace's own: a case type or a habit may rest on it.
fn gone(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, value: &File) -> Result<Vec<PackChange>> {
    let mut changes = Vec::new();
    let note = "the pack has it no longer; it stays as the workspace's own";
    for flow in flows::all(tx, ctx.workspace)?.into_iter().filter(|f| f.pack.as_deref() == Some(&pack.key) && !value.flow.iter().any(|w| w.key == f.def.key)) {
        tx.run("UPDATE review_flow SET pack = NULL, pack_print = NULL WHERE id = ?1", params![flow.id])?;
        changes.push(PackChange::new(PART.section, flow.def.key, PackDid::Kept).note(note));
    }
    for authority in authorities::all(tx, ctx.workspace)?.into_iter().filter(|a| a.pack.as_deref() == Some(&pack.key) && !value.authority.iter().any(|w| w.key == a.def.key)) {
        tx.run("UPDATE review_authority SET pack = NULL, pack_print = NULL WHERE id = ?1", params![authority.id])?;
        changes.push(PackChange::new(PART.section, authority.def.key, PackDid::Kept).note(note));
    }
    Ok(changes)
}

fn export(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<PackFile>> {
    let file = File {
        flow: flows::all(tx, workspace)?.into_iter().map(|stored| stored.def).collect(),
        authority: authorities::all(tx, workspace)?.into_iter().map(|stored| stored.def).collect(),
    };
    if file.flow.is_empty() && file.authority.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![PackFile::new(FILE, toml::to_string(&file).map_err(Problem::internal)?)])
}
