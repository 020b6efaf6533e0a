//! Case types as casework uses them: the machine of `shouwen-stages`, with problems that name the field of the request.

use std::sync::Arc;

use shouwen_kernel::{Problem, Result, WorkspaceId, text::clip};
use shouwen_stages::{CaseType, Definition, Resolution, Stage, Status};
use shouwen_store::Tx;

use crate::type_store;

/// A case type in force.
#[derive(Debug)]
pub struct Kind {
    pub machine: CaseType,
    pub version: i64,
    /// The pack it came with.
    pub pack: Option<String>,
    /// Changed since.
    pub edited: bool,
}

/// Every type of a workspace, in the order lists show them.
#[derive(Debug, Default)]
pub struct Types(pub Vec<Arc<Kind>>);

/// Priorities, from the least.
pub const PRIORITIES: &[&str] = &["low", "normal", "high", "urgent"];

pub fn keys<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")
}

impl Types {
    /// The type of that key.
    pub fn find(&self, key: &str) -> Option<&Arc<Kind>> {
        self.0.iter().find(|k| k.key() == key)
    }

    /// The same, or what would have been right.
    pub fn get(&self, key: &str) -> Result<Arc<Kind>> {
        self.find(key)
            .cloned()
            .ok_or_else(|| Problem::invalid("type", format!("there is no case type `{}`", clip(key, 40))).expected(keys(self.0.iter().map(|k| k.key()))))
    }
}

/// The type of that key in a workspace.
pub fn case_type(tx: &Tx<'_>, workspace: WorkspaceId, key: &str) -> Result<Arc<Kind>> {
    type_store::types(tx, workspace)?.get(key)
}

impl Kind {
    pub fn definition(&self) -> &Definition {
        self.machine.definition()
    }

    pub fn key(&self) -> &str {
        &self.definition().key
    }

    /// The stage of that key.
    pub fn stage(&self, key: &str) -> Result<&Stage> {
        self.definition().stages.iter().find(|s| s.key == key).ok_or_else(|| {
            Problem::invalid("stage", format!("cases of type `{}` have no stage `{}`", self.key(), clip(key, 40))).expected(keys(self.definition().stages.iter().map(|s| s.key.as_str())))
        })
    }

    /// The stage with that status that lies nearest to `from`.
    pub fn towards(&self, from: &str, status: Status) -> Result<&Stage> {
        self.machine.towards(from, status).ok_or_else(|| {
            Problem::conflict("case.no_such_stage", format!("cases of type `{}` have no stage that is {}", self.key(), status.word()))
                .expected(keys(self.definition().stages.iter().map(|s| s.key.as_str())))
        })
    }

    /// The resolution of that key.
    pub fn resolution(&self, key: &str) -> Result<&Resolution> {
        self.machine.resolution(key).ok_or_else(|| {
            Problem::invalid("resolution.code", format!("cases of type `{}` have no resolution `{}`", self.key(), clip(key, 40)))
                .expected(keys(self.definition().resolutions.iter().map(|r| r.key.as_str())))
        })
    }

    /// How a case of this type usually ends well: `solved`, else the first resolution.
    pub fn usual_end(&self) -> &str {
        let all = &self.definition().resolutions;
        all.iter().find(|r| r.key == "solved").or(all.first()).map_or("solved", |r| r.key.as_str())
    }

    /// Whether an end that is good enough for this type is always good enough for `other`: each of its ways verifies that
    /// too, and each of its resolutions that is a recorded reason is one there.
    pub fn owes_all_of(&self, other: &Kind) -> bool {
        !other.asks_verification()
            || self.machine.ways().iter().all(|way| other.machine.ways().contains(way))
                && self.definition().verification.by_resolution.iter().all(|code| other.machine.ends_by(Some(code)))
                && self.definition().verification.aside_by == other.definition().verification.aside_by
    }

    /// Whether it owes more than a recorded resolution.
    pub fn asks_verification(&self) -> bool {
        !self.machine.asks_nothing()
    }
}

/// Checks a priority.
pub fn check_priority(priority: &str) -> Result<()> {
    if PRIORITIES.contains(&priority) {
        return Ok(());
    }
    Err(Problem::invalid("priority", format!("there is no priority `{}`", clip(priority, 40))).expected(keys(PRIORITIES.iter().copied())))
}
