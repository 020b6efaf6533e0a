//! The organisation tree. Beside each unit stand its ancestors, so a subtree is one index range.

use serde::Serialize;
use shouwen_contracts::identity::{IdentityEvent, OrgUnitSaved};
use shouwen_kernel::{Access, OrgUnitId, PersonId, Problem, Result, WorkspaceId};
use shouwen_store::{Ctx, FromRow, Row, Tx, params};

/// The kinds of unit.
pub(crate) const KINDS: [&str; 4] = ["company", "region", "branch", "department"];
const DEEPEST: usize = 12;

/// A unit of the organisation.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct OrgUnit {
    pub id: OrgUnitId,
    pub name: String,
    /// `company`, `region`, `branch` or `department`.
    pub kind: String,
    pub parent_id: Option<OrgUnitId>,
    /// Administrative division code (GB/T 2260), for regional statistics.
    pub region_code: Option<String>,
    pub version: i64,
}

impl FromRow for OrgUnit {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { id: row.get(0)?, name: row.get(1)?, kind: row.get(2)?, parent_id: row.get(3)?, region_code: row.get(4)?, version: row.get(5)? })
    }
}

const COLUMNS: &str = "id, name, kind, parent_id, region_code, version";

/// What a new unit needs.
#[derive(Clone, Debug)]
pub struct NewOrgUnit {
    pub name: String,
    /// `company`, `region`, `branch` or `department`.
    pub kind: String,
    /// `None`: a root.
    pub parent_id: Option<OrgUnitId>,
    pub region_code: Option<String>,
}

pub(crate) fn load(tx: &Tx<'_>, workspace: WorkspaceId, id: OrgUnitId) -> Result<OrgUnit> {
    tx.opt(&format!("SELECT {COLUMNS} FROM identity_org_unit WHERE id = ?1 AND workspace_id = ?2"), params![id, workspace])?.ok_or_else(|| Problem::not_found("org unit"))
}

pub(crate) fn all(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<OrgUnit>> {
    tx.all(&format!("SELECT {COLUMNS} FROM identity_org_unit WHERE workspace_id = ?1 ORDER BY id"), params![workspace])
}

pub(crate) fn must_exist(tx: &Tx<'_>, workspace: WorkspaceId, id: OrgUnitId) -> Result<()> {
    load(tx, workspace, id).map(|_| ()).map_err(|_| Problem::invalid("org_unit_id", format!("there is no org unit {id}")).expected("an id from /api/v1/directory"))
}

/// The unit with its ancestors, from the root.
pub(crate) fn path(tx: &Tx<'_>, id: OrgUnitId) -> Result<Vec<OrgUnitId>> {
    Ok(tx.all::<(OrgUnitId,)>("SELECT ancestor_id FROM identity_org_path WHERE unit_id = ?1 ORDER BY depth DESC", params![id])?.into_iter().map(|row| row.0).collect())
}

/// Creates a unit and tells of it.
pub fn create_org_unit(tx: &Tx<'_>, ctx: &Ctx, new: &NewOrgUnit) -> Result<OrgUnitId> {
    let (name, kind, region) = checked(&new.name, &new.kind, new.region_code.as_deref())?;
    crate::input::lock(tx, "workspace", ctx.workspace)?;
    let id: OrgUnitId = tx.id();
    tx.execute(
        "INSERT INTO identity_org_unit (id, workspace_id, parent_id, name, kind, region_code, version, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7)",
        params![id, ctx.workspace, new.parent_id, name, kind, region, tx.now()],
    )?;
    hang(tx, ctx.workspace, id, new.parent_id)?;
    announce(tx, ctx, id)?;
    tx.audit(ctx, "org_unit.created", "org_unit", Some(id.0), Some(serde_json::json!({ "name": name })))?;
    Ok(id)
}

/// Name, kind and region code in the form they are stored.
pub(crate) fn checked(name: &str, kind: &str, region_code: Option<&str>) -> Result<(String, String, Option<String>)> {
    let name = crate::input::name("name", name, 80)?;
    if !KINDS.contains(&kind) {
        return Err(Problem::invalid("kind", format!("`{}` is no kind of org unit", shouwen_kernel::text::clip(kind, 30))).expected(KINDS.join(", ")));
    }
    let region = region_code.map(str::trim).filter(|code| !code.is_empty());
    if let Some(code) = region
        && (code.len() > 12 || !code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
    {
        return Err(Problem::invalid("region_code", format!("`{}` is not a region code", shouwen_kernel::text::clip(code, 30))).expected("up to 12 letters and digits, such as 440300"));
    }
    Ok((name, kind.to_owned(), region.map(str::to_owned)))
}

/// Hangs a unit without a place under `parent`: itself and every ancestor of the parent.
fn hang(tx: &Tx<'_>, workspace: WorkspaceId, id: OrgUnitId, parent: Option<OrgUnitId>) -> Result<()> {
    tx.execute("INSERT INTO identity_org_path (workspace_id, ancestor_id, unit_id, depth) VALUES (?1, ?2, ?2, 0)", params![workspace, id])?;
    if let Some(parent) = parent {
        load(tx, workspace, parent).map_err(|_| Problem::invalid("parent_id", format!("there is no org unit {parent}")).expected("an id from /api/v1/directory"))?;
        if path(tx, parent)?.len() >= DEEPEST {
            return Err(Problem::invalid("parent_id", format!("the tree would be deeper than {DEEPEST} levels")).expected("a unit nearer the root"));
        }
        tx.execute(
            "INSERT INTO identity_org_path (workspace_id, ancestor_id, unit_id, depth) SELECT ?1, ancestor_id, ?2, depth + 1 FROM identity_org_path WHERE unit_id = ?3",
            params![workspace, id, parent],
        )?;
    }
    Ok(())
}

/// Moves a unit with everything below it; the units whose path changed.
pub(crate) fn move_to(tx: &Tx<'_>, workspace: WorkspaceId, id: OrgUnitId, parent: Option<OrgUnitId>) -> Result<Vec<OrgUnitId>> {
    let below: Vec<OrgUnitId> =
        tx.all::<(OrgUnitId,)>("SELECT unit_id FROM identity_org_path WHERE ancestor_id = ?1 ORDER BY depth", params![id])?.into_iter().map(|row| row.0).collect();
    if parent.is_some_and(|parent| below.contains(&parent)) {
        return Err(Problem::invalid("parent_id", "a unit cannot lie below itself").expected("a unit outside its own subtree"));
    }
    tx.execute("UPDATE identity_org_unit SET parent_id = ?2 WHERE id = ?1", params![id, parent])?;
    for unit in &below {
        tx.execute("DELETE FROM identity_org_path WHERE unit_id = ?1", params![unit])?;
    }
    // From the top down, so that each finds its parent's path in place.
    for unit in &below {
        let (parent,): (Option<OrgUnitId>,) = tx.one("SELECT parent_id FROM identity_org_unit WHERE id = ?1", params![unit])?;
        hang(tx, workspace, *unit, parent)?;
    }
    Ok(below)
}

/// Emits the present state of a unit.
pub(crate) fn announce(tx: &Tx<'_>, ctx: &Ctx, id: OrgUnitId) -> Result<()> {
    let unit = load(tx, ctx.workspace, id)?;
    let saved = OrgUnitSaved { org_unit_id: id, name: unit.name, kind: unit.kind, parent_id: unit.parent_id, path: path(tx, id)?, region_code: unit.region_code };
    tx.emit::<IdentityEvent>(ctx, Some(id.0), Some(&Access { org_unit: Some(id), ..Access::default() }), saved)
}

/// Everybody whose rights depend on the shape of the tree.
pub(crate) fn people_with_unit_reach(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<PersonId>> {
    Ok(tx
        .all::<(PersonId,)>("SELECT DISTINCT person_id FROM identity_assignment WHERE workspace_id = ?1 AND reach = 'org_unit'", params![workspace])?
        .into_iter()
        .map(|row| row.0)
        .collect())
}
