//! A changed calendar or service level plans every open clock anew, a thousand at a time.

use serde_json::json;
use shouwen_kernel::{Access, CaseId, Problem, Result, WorkspaceId};
use shouwen_store::{Ctx, Json, Timer, Tx, params};
use uuid::Uuid;

use crate::{clocks, levels};

pub const KIND: &str = "clock.replan";
const CHUNK: usize = 1000;

/// Asks for it; runs at once after this commit. `what`: `calendar` or `level`.
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
    let ctx = Ctx::system(timer.workspace, "clock");
    for (case,) in &cases {
        let row: Option<(Json<Access>, Json<serde_json::Value>)> = tx.opt("SELECT access, facts FROM clock_case WHERE case_id = ?1", params![case])?;
        let Some((access, facts)) = row else { continue };
        let priority = facts.0["priority"].as_str().unwrap_or("normal").to_owned();
        for mut clock in clocks::of(tx, *case)?.into_iter().filter(clocks::Clock::is_open) {
            let Some(level) = levels::one(tx, clock.level_id)? else { continue };
            let Some(target) = level.level.targets.get(&clock.kind).and_then(|t| t.of(&priority)) else {
                clock.cancel(tx, &ctx, &access.0)?;
                continue;
            };
            clock.target = target.to_owned();
            clock.calendar_id = level.level.calendar_id;
            clock.plan(tx, &ctx, &access.0, level.level.warn_at, if what == "calendar" { "calendar" } else { "service_level" })?;
        }
    }
    match cases.last() {
        Some((last,)) if cases.len() == CHUNK => tx.set_timer(timer.workspace, KIND, &timer.key, tx.now(), &json!({ "what": what, "id": id.to_string(), "after": last })),
        _ => Ok(()),
    }
}
