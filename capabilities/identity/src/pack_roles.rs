//! Roles as a part of packs: `roles.toml` with `[[role]]`. A pack brings roles; whom to give them to is decided here.

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Actor, Grant, Kind, Problem, Reach, Result, RoleId, WorkspaceId};
use shouwen_store::{Ctx, FromRow, Json, Row, Tx, params};
use shouwen_web::{PACK_KEY_RULE, PackChange, PackDid, PackFault, PackFile, PackFiles, PackPart, PackText, is_pack_key, pack_decision, pack_fingerprint, pack_of_others, read_toml};

use crate::assignment::changed;
use crate::builtin;
use crate::role::holders;

/// The part.
pub(crate) const PART: PackPart = PackPart { section: "roles", files: &[FILE], check, install, export };
const FILE: &str = "roles.toml";
const MOST: usize = 100;
/// In the memory of the transaction that installs a pack: by role, a ladder of escalation that names it.
const NAMED: &str = "pack.roles_named";

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    role: Vec<RoleDef>,
}

/// A role; `like` takes the permissions of a role that comes with the product, to which `permissions` are added.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleDef {
    key: String,
    title: PackText,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    like: Option<String>,
    #[serde(default)]
    permissions: Vec<String>,
}

impl RoleDef {
    fn codes(&self) -> Vec<String> {
        let mut codes: Vec<String> = self.like.as_deref().and_then(builtin::codes_of).unwrap_or_default().into_iter().map(str::to_owned).chain(self.permissions.clone()).collect();
        codes.sort();
        codes.dedup();
        codes
    }
}

/// What decides whether a role was edited.
#[derive(Serialize)]
struct Content<'a> {
    zh: &'a str,
    en: &'a str,
    permissions: &'a [String],
}

fn print(zh: &str, en: &str, permissions: &[String]) -> Result<String> {
    pack_fingerprint(&Content { zh, en, permissions })
}

fn check(pack: &PackFiles) -> Vec<PackFault> {
    let mut faults = Vec::new();
    let Some(file) = pack.file(FILE) else { return faults };
    let (value, doc) = read_toml::<File>(file, &mut faults);
    let Some(value) = value else { return faults };
    if value.role.len() > MOST {
        faults.push(doc.fault(&format!("role[{MOST}]"), format!("{} roles", value.role.len()), format!("at most {MOST}")));
    }
    let built_in = builtin::keys();
    let copyable: Vec<&str> = built_in.iter().copied().filter(|key| *key != builtin::ADMINISTRATOR).collect();
    for (i, role) in value.role.iter().enumerate().take(MOST) {
        let at = format!("role[{i}]");
        if !is_pack_key(&role.key) {
            faults.push(doc.fault(&format!("{at}.key"), format!("`{}` cannot be a key", shouwen_kernel::text::clip(&role.key, 60)), PACK_KEY_RULE));
        } else if built_in.contains(&role.key.as_str()) {
            faults.push(doc.fault(&format!("{at}.key"), format!("`{}` comes with the product and changes with it only", role.key), "another key"));
        } else if value.role[..i].iter().any(|other| other.key == role.key) {
            faults.push(doc.fault(&format!("{at}.key"), format!("the key `{}` stands here twice", role.key), "another key"));
        }
        for (name, text) in [("zh", &role.title.zh), ("en", &role.title.en)] {
            if text.trim().is_empty() || text.chars().count() > 60 {
                faults.push(doc.fault(&format!("{at}.title.{name}"), "the name is empty or longer than 60 characters", "the role's name as people read it"));
            }
        }
        if let Some(like) = role.like.as_deref().filter(|like| !copyable.contains(like)) {
            faults.push(doc.fault(&format!("{at}.like"), format!("`{}` is no role to copy", shouwen_kernel::text::clip(like, 60)), copyable.join(", ")));
        }
        if role.codes().is_empty() {
            faults.push(doc.fault(&format!("{at}.permissions"), "the role permits nothing", "permissions = [\"case.read\"], or like = \"agent\""));
        }
        for (j, code) in role.permissions.iter().enumerate() {
            let known = pack.permissions.is_empty() || pack.permissions.contains(code) || builtin::codes_of_all_parts().contains(&code.as_str());
            if !known {
                let near = pack.permissions.iter().filter(|other| other.split('.').next() == code.split('.').next()).cloned().collect::<Vec<_>>().join(", ");
                let right = if near.is_empty() { "a code of GET /api/v1/permissions, e.g. case.read".to_owned() } else { near };
                faults.push(doc.fault(&format!("{at}.permissions[{j}]"), format!("there is no permission `{}`", shouwen_kernel::text::clip(code, 60)), right));
            }
        }
    }
    faults
}

struct Stored {
    id: RoleId,
    key: Option<String>,
    zh: String,
    en: String,
    permissions: Vec<String>,
    pack: Option<String>,
    print: Option<String>,
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { id: row.get(0)?, key: row.get(1)?, zh: row.get(2)?, en: row.get(3)?, permissions: row.get::<Json<Vec<String>>>(4)?.0, pack: row.get(5)?, print: row.get(6)? })
    }
}

/// The roles people may edit.
fn stored(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Stored>> {
    tx.all("SELECT id, key, name_zh, name_en, permissions, pack, pack_print FROM identity_role WHERE workspace_id = ?1 AND built_in = ?2 ORDER BY id", params![workspace, false])
}

/// A pack gives nobody more than who installs it holds: what it adds must be their own in the whole workspace.
fn must_hold(tx: &Tx<'_>, ctx: &Ctx, codes: &[String], before: &[String]) -> Result<()> {
    let Actor::Person { id, .. } = &ctx.actor else { return Ok(()) };
    let unit: Option<(Option<shouwen_kernel::OrgUnitId>,)> = tx.opt("SELECT org_unit_id FROM identity_person WHERE id = ?1", params![id])?;
    // Someone identity does not know (a test's viewer) has been admitted by other means.
    let Some((unit,)) = unit else { return Ok(()) };
    let own: Vec<Grant> = crate::assignment::rights(tx, *id, unit)?.grants;
    match codes.iter().find(|code| !before.contains(code) && !own.iter().any(|grant| grant.permission == **code && grant.reach == Reach::Workspace)) {
        None => Ok(()),
        Some(code) => Err(Problem::new(Kind::Forbidden, "forbidden.exceeds", format!("a role of this pack would permit `{code}`, which you do not hold in the whole workspace yourself")).expected("an administrator installs it")),
    }
}

fn install(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, replace: bool) -> Result<Vec<PackChange>> {
    let file = pack.file(FILE).cloned().unwrap_or_else(|| PackFile::new(FILE, ""));
    let value = read_toml::<File>(&file, &mut Vec::new()).0.ok_or_else(|| Problem::internal(format!("{FILE} was not checked")))?;
    let mut changes = Vec::new();
    let known = stored(tx, ctx.workspace)?;
    for role in &value.role {
        let codes = role.codes();
        let wanted = print(&role.title.zh, &role.title.en, &codes)?;
        let same_name = |found: &&Stored| found.key.is_none() && found.zh == role.title.zh && found.en == role.title.en;
        let Some(found) = known.iter().find(|found| found.key.as_deref() == Some(&role.key)).or_else(|| known.iter().find(same_name)) else {
            must_hold(tx, ctx, &codes, &[])?;
            let id: RoleId = tx.id();
            tx.execute(
                "INSERT INTO identity_role (id, workspace_id, key, name_zh, name_en, permissions, built_in, version, created_at, pack, pack_print) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?9, ?10)",
                params![id, ctx.workspace, role.key, role.title.zh, role.title.en, Json(&codes), false, tx.now(), pack.key, wanted],
            )?;
            changes.push(PackChange::new(PART.section, &role.key, PackDid::Created));
            continue;
        };
        let current = print(&found.zh, &found.en, &found.permissions)?;
        if let Some(change) = pack_of_others(PART.section, &role.key, &pack.key, found.pack.as_deref(), current == wanted, replace) {
            changes.push(change);
            continue;
        }
        let did = pack_decision(found.print.as_deref(), Some(&current), &wanted, replace);
        let mut change = PackChange::new(PART.section, &role.key, did);
        if did == PackDid::Updated {
            must_hold(tx, ctx, &codes, &found.permissions)?;
            tx.execute(
                "UPDATE identity_role SET key = ?2, name_zh = ?3, name_en = ?4, permissions = ?5, pack = ?6, pack_print = ?7, version = version + 1 WHERE id = ?1",
                params![found.id, role.key, role.title.zh, role.title.en, Json(&codes), pack.key, wanted],
            )?;
            let people = holders(tx, found.id)?;
            if codes != found.permissions {
                for person in &people {
                    changed(tx, ctx, *person)?;
                }
                tx.audit(ctx, "role.edited", "role", Some(found.id.0), Some(serde_json::json!({ "before": found.permissions, "after": codes, "pack": pack.key })))?;
            }
            change = change.count(people.len() as u64);
        } else {
            let keep = if did == PackDid::Kept { found.print.clone() } else { Some(wanted) };
            tx.execute("UPDATE identity_role SET key = ?2, pack = ?3, pack_print = ?4 WHERE id = ?1", params![found.id, role.key, pack.key, keep])?;
            if did == PackDid::Kept {
                change = change.note("edited here; it stays as it is");
            }
        }
        changes.push(change);
    }
    for gone in known.iter().filter(|found| found.pack.as_deref() == Some(&pack.key) && !value.role.iter().any(|role| found.key.as_deref() == Some(&role.key))) {
        let key = gone.key.clone().unwrap_or_default();
        // What other parts still name: found out by whoever installs packs (see `packs::named`), for only it sees them all.
        let ladder = tx.ahead::<String, String>(NAMED, &key, |_| Vec::new(), |_| Ok(Vec::new()))?;
        let (held, edited) = (holders(tx, gone.id)?.len() as u64, gone.print.as_deref() != Some(&print(&gone.zh, &gone.en, &gone.permissions)?));
        if held > 0 || edited || ladder.is_some() {
            tx.execute("UPDATE identity_role SET pack = NULL, pack_print = NULL WHERE id = ?1", params![gone.id])?;
            let why = match ladder {
                _ if held > 0 => "the pack has it no longer; people hold it".to_owned(),
                Some(ladder) => format!("the pack has it no longer; the escalation ladder of `{ladder}` names it"),
                None => "the pack has it no longer; it was edited here".to_owned(),
            };
            changes.push(PackChange::new(PART.section, key, PackDid::Kept).count(held).note(why));
        } else {
            tx.execute("DELETE FROM identity_role WHERE id = ?1", params![gone.id])?;
            changes.push(PackChange::new(PART.section, key, PackDid::Removed));
        }
    }
    Ok(changes)
}

fn export(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<PackFile>> {
    let role = stored(tx, workspace)?
        .into_iter()
        .enumerate()
        .map(|(i, found)| RoleDef { key: found.key.unwrap_or_else(|| format!("role-{}", i + 1)), title: PackText { zh: found.zh, en: found.en }, like: None, permissions: found.permissions })
        .collect::<Vec<_>>();
    if role.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![PackFile::new(FILE, toml::to_string(&File { role }).map_err(Problem::internal)?)])
}
