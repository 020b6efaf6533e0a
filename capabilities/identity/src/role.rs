//! Roles: named sets of permissions.

use serde::Serialize;
use shouwen_kernel::{Problem, Result, RoleId, WorkspaceId};
use shouwen_store::{FromRow, Json, Row, Tx, params};

use crate::input::Localised;

/// A role.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct Role {
    pub id: RoleId,
    /// Stable key of a built-in role.
    pub key: Option<String>,
    pub name: Localised,
    /// Permission codes, sorted.
    pub permissions: Vec<String>,
    /// Built-in roles change with the product only; make a copy to edit.
    pub built_in: bool,
    pub version: i64,
}

impl FromRow for Role {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            key: row.get(1)?,
            name: Localised { zh: row.get(2)?, en: row.get(3)? },
            permissions: row.get::<Json<Vec<String>>>(4)?.0,
            built_in: row.get(5)?,
            version: row.get(6)?,
        })
    }
}

const COLUMNS: &str = "id, key, name_zh, name_en, permissions, built_in, version";

pub(crate) fn find(tx: &Tx<'_>, workspace: WorkspaceId, id: RoleId) -> Result<Option<Role>> {
    tx.opt(&format!("SELECT {COLUMNS} FROM identity_role WHERE id = ?1 AND workspace_id = ?2"), params![id, workspace])
}

pub(crate) fn load(tx: &Tx<'_>, workspace: WorkspaceId, id: RoleId) -> Result<Role> {
    find(tx, workspace, id)?.ok_or_else(|| Problem::not_found("role"))
}

pub(crate) fn by_key(tx: &Tx<'_>, workspace: WorkspaceId, key: &str) -> Result<Option<RoleId>> {
    Ok(tx.opt::<(RoleId,)>("SELECT id FROM identity_role WHERE workspace_id = ?1 AND key = ?2", params![workspace, key])?.map(|row| row.0))
}

pub(crate) fn all(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Role>> {
    tx.all(&format!("SELECT {COLUMNS} FROM identity_role WHERE workspace_id = ?1 ORDER BY id"), params![workspace])
}

/// How many people hold it.
pub(crate) fn holders(tx: &Tx<'_>, id: RoleId) -> Result<Vec<shouwen_kernel::PersonId>> {
    Ok(tx.all::<(shouwen_kernel::PersonId,)>("SELECT DISTINCT person_id FROM identity_assignment WHERE role_id = ?1", params![id])?.into_iter().map(|row| row.0).collect())
}
