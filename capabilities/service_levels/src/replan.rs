//! A changed calendar, service level, regulatory clock or stage plans every open clock anew, a thousand cases at a time.

use serde_json::json;
use shouwen_kernel::{Access, CaseId, Problem, Result, WorkspaceId};
use shouwen_store::{Ctx, Json, Timer, Tx, params};
use uuid::Uuid;

use crate::promise::promise_of;
use crate::{clocks, stages};

pub const KIND: &str = "clock.replan";
const CHUNK: usize = 1000;

/// Asks for it; runs at once after this commit. `what`: `calendar` or `level` (also of regulatory clocks).
pub fn schedule(tx: &Tx<'_>, workspace: WorkspaceId, what: &str, id: Uuid) -> Result<()> {
    tx.set_timer(workspace, KIND, &format!("{what}/{id}"), tx.now(), &json!({ "what": what, "id": id.to_string(), "after": CaseId::NIL }))
}

/// Plans one chunk and asks for the next.
pub fn run(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let what = timer.payload["what"].as_str().unwrap_or_default();
    let id: Uuid = timer.payload["id"].as_str().and_then(|t| t.parse().ok()).ok_or_else(|| Problem::internal("a re-planning names nothing"))?;
    let after: CaseId = serde_json::from_value(timer.payload["after"].clone())?;
    let column = if what == "calendar" { "calendar_id" } else { "level_id" };
    let cases: Vec<(CaseId,)> = tx.all(
        &format!("SELECT DISTINCT case_id FROM clock_clock WHERE {column} = ?1 AND state IN ('running', 'paused') AND case_id > ?2 ORDER BY case_id LIMIT ?3"),
        params![id, after, CHUNK],
    )?;
    let Some((last,)) = cases.last().copied() else { return Ok(()) };
    let ctx = Ctx::system(timer.workspace, "clock");
    let why = if what == "calendar" { "calendar" } else { "service_level" };
    let about = stages::about(tx, column, id, after, last)?;
    // A clock another calendar or level governs keeps its plan.
    for mut clock in clocks::open_between(tx, column, id, after, last)? {
        let Some((access, priority)) = about.get(&clock.case_id) else { continue };
        let Some(promise) = promise_of(tx, timer.workspace, &clock.kind, clock.level_id)? else {
            // A rule's own clock, or one whose level is gone: its target stays, its calendar has changed.
            if what == "calendar" {
                clock.plan(tx, &ctx, access, None, why)?;
            }
            continue;
        };
        // What was switched off is taken away by the sweep that follows (see `sweep`).
        if !promise.is_active() && what != "calendar" {
            continue;
        }
        match promise.target(&clock.kind, priority) {
            None => clock.cancel(tx, &ctx, access, why)?,
            Some(target) => {
                clock.target = target;
                clock.calendar_id = promise.calendar_id();
                clock.plan(tx, &ctx, access, Some(&promise), why)?;
            }
        }
    }
    if cases.len() == CHUNK { tx.set_timer(timer.workspace, KIND, &timer.key, tx.now(), &json!({ "what": what, "id": id.to_string(), "after": last })) } else { Ok(()) }
}

/// What a clock's plan needs of its case.
pub type About = (Access, String);

/// Reads a row of [`About`].
pub fn about_of(access: Json<Access>, facts: &serde_json::Value) -> About {
    (access.0, facts["priority"].as_str().unwrap_or("normal").to_owned())
}
