//! Workspaces and their settings.

use serde::{Serialize, de::DeserializeOwned};
use shouwen_kernel::{Result, Time, WorkspaceId};

use crate::{Json, Tx, params};

/// A tenant.
#[derive(Clone, Debug)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub name: String,
    /// IANA name.
    pub time_zone: String,
    /// `zh-CN` or `en`.
    pub locale: String,
    pub created_at: Time,
}

impl Tx<'_> {
    /// The workspaces, oldest first; empty before set-up.
    pub fn workspaces(&self) -> Result<Vec<Workspace>> {
        let rows: Vec<(WorkspaceId, String, String, String, Time)> = self.all("SELECT id, name, time_zone, locale, created_at FROM workspace ORDER BY created_at, id", params![])?;
        Ok(rows.into_iter().map(|(id, name, time_zone, locale, created_at)| Workspace { id, name, time_zone, locale, created_at }).collect())
    }

    /// Creates a workspace.
    pub fn create_workspace(&self, name: &str, time_zone: &str, locale: &str) -> Result<WorkspaceId> {
        let id: WorkspaceId = self.id();
        self.run(
            "INSERT INTO workspace (id, name, time_zone, locale, created_at, settings) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![id, name, time_zone, locale, self.now(), serde_json::json!({})],
        )?;
        Ok(id)
    }

    /// A setting of the workspace.
    pub fn setting<T: DeserializeOwned>(&self, workspace: WorkspaceId, name: &str) -> Result<Option<T>> {
        Ok(self.opt::<(Json<T>,)>("SELECT value FROM setting WHERE workspace_id = ?1 AND name = ?2", params![workspace, name])?.map(|row| row.0.0))
    }

    /// Sets a setting of the workspace.
    pub fn set_setting<T: Serialize>(&self, workspace: WorkspaceId, name: &str, value: &T) -> Result<()> {
        self.run(
            "INSERT INTO setting (workspace_id, name, value) VALUES (?1, ?2, ?3) ON CONFLICT (workspace_id, name) DO UPDATE SET value = ?3",
            params![workspace, name, Json(value)],
        )?;
        Ok(())
    }
}
