//! Who did or read what, when, from where. Rows are written in the transaction of the deed; the `audit` capability
//! chains them by hash afterwards.

use shouwen_kernel::{Actor, Result, WorkspaceId};
use uuid::Uuid;

use crate::{Json, Tx, params};

/// On whose behalf a command runs.
#[derive(Clone, Debug)]
pub struct Ctx {
    pub workspace: WorkspaceId,
    pub actor: Actor,
    /// Network address of the caller, when there is one.
    pub ip: Option<String>,
}

impl Ctx {
    /// A part of the product acting by itself.
    pub fn system(workspace: WorkspaceId, name: &str) -> Self {
        Self { workspace, actor: Actor::system(name), ip: None }
    }
}

impl Tx<'_> {
    /// Writes an audit row. Never put secrets or personal data in the clear into `detail`.
    pub fn audit(&self, ctx: &Ctx, action: &str, object: &str, object_id: Option<Uuid>, detail: Option<serde_json::Value>) -> Result<()> {
        let actor_id: Option<Uuid> = match &ctx.actor {
            Actor::Person { id, .. } => Some(id.0),
            Actor::Customer { id } => id.map(|id| id.0),
            Actor::System { .. } => None,
        };
        self.execute(
            "INSERT INTO audit (workspace_id, at, actor, actor_id, action, object, object_id, ip, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![ctx.workspace, self.now(), Json(&ctx.actor), actor_id, action, object, object_id, ctx.ip, detail],
        )?;
        Ok(())
    }
}
