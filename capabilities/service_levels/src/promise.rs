//! What a clock is held to: a service level, or a regulatory clock. Read once for many clocks of a transaction.

use std::sync::Arc;

use shouwen_kernel::{CalendarId, Result, ServiceLevelId, WorkspaceId};
use shouwen_store::Tx;

use crate::ladder::Rung;
use crate::levels::{self, Level};
use crate::policies::{self, Policy};

/// Prefix of the kinds of regulatory clocks.
pub const REGULATORY: &str = "reg.";

/// A level or a policy.
#[derive(Clone)]
pub enum Promise {
    Level(Arc<Level>),
    Policy(Arc<Policy>),
}

/// The levels of the workspace in the order they are asked; read once a transaction.
pub fn levels_of(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Arc<Vec<Arc<Level>>>> {
    tx.known(&format!("clock.levels/{workspace}"), || Ok(Arc::new(levels::all(tx, workspace)?.into_iter().map(Arc::new).collect())))
}

/// The active regulatory clocks of the workspace; read once a transaction.
pub fn policies_of(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Arc<Vec<Arc<Policy>>>> {
    tx.known(&format!("clock.policies/{workspace}"), || Ok(Arc::new(policies::all(tx, workspace)?.into_iter().map(Arc::new).collect())))
}

/// What the clock of this kind, planned by `id`, is held to; `None` when that was removed.
pub fn promise_of(tx: &Tx<'_>, workspace: WorkspaceId, kind: &str, id: ServiceLevelId) -> Result<Option<Promise>> {
    Ok(if kind.starts_with(REGULATORY) {
        policies_of(tx, workspace)?.iter().find(|policy| policy.id == id).cloned().map(Promise::Policy)
    } else {
        levels_of(tx, workspace)?.iter().find(|level| level.id == id).cloned().map(Promise::Level)
    })
}

impl Promise {
    pub fn id(&self) -> ServiceLevelId {
        match self {
            Self::Level(level) => level.id,
            Self::Policy(policy) => policy.id,
        }
    }
    /// Whether it is switched on.
    pub fn is_active(&self) -> bool {
        match self {
            Self::Level(level) => level.level.active,
            Self::Policy(policy) => policy.policy.active,
        }
    }
    pub fn calendar_id(&self) -> CalendarId {
        match self {
            Self::Level(level) => level.level.calendar_id,
            Self::Policy(policy) => policy.policy.calendar_id,
        }
    }
    /// Share of the target that asks for attention.
    pub fn warn_at(&self) -> f64 {
        match self {
            Self::Level(level) => level.level.warn_at,
            Self::Policy(policy) => policy.policy.warn_at,
        }
    }
    pub fn ladder(&self) -> &[Rung] {
        match self {
            Self::Level(level) => &level.level.ladder,
            Self::Policy(policy) => &policy.policy.ladder,
        }
    }
    /// The budget of a kind of clock for a priority; `None`: it has no such clock.
    pub fn target(&self, kind: &str, priority: &str) -> Option<String> {
        match self {
            Self::Level(level) => level.level.targets.get(kind).and_then(|target| target.of(priority)).map(str::to_owned),
            Self::Policy(policy) => Some(policy.policy.budget()),
        }
    }
    /// Whether the clock stands still in this status and stage. `stage_pauses`: the clocks that rest in the stage.
    pub fn rests(&self, kind: &str, status: &str, stage_pauses: &[String]) -> bool {
        let in_stage = stage_pauses.iter().any(|own| own == kind || own == "all");
        match self {
            Self::Level(level) => in_stage || level.level.pause_when.iter().any(|own| own == status),
            // What a regulator counts goes on unless the policy says otherwise; a stage may name it all the same.
            Self::Policy(policy) => policy.policy.pausable && (in_stage || status == "waiting"),
        }
    }
}
