//! Warning and breach: timers that look again before they speak.

use serde_json::json;
use shouwen_contracts::service_levels::{Breached, ClockEvent, Warned};
use shouwen_kernel::{Access, CaseId, Problem, Result, WorkspaceId};
use shouwen_store::{Ctx, Json, Timer, Tx, params};

use crate::clocks::{self, Clock};

pub const WARN: &str = "clock.warn";
pub const BREACH: &str = "clock.breach";

fn key(clock: &Clock) -> String {
    format!("{}/{}", clock.case_id, clock.kind)
}

/// Sets the timers of a clock as it is planned now.
pub fn set(tx: &Tx<'_>, workspace: WorkspaceId, clock: &Clock) -> Result<()> {
    let payload = json!({ "case_id": clock.case_id, "clock": clock.kind });
    let key = key(clock);
    let running = clock.state == "running";
    match clock.warn_at.filter(|_| running && !clock.warned) {
        Some(at) => tx.set_timer(workspace, WARN, &key, at, &payload)?,
        None => tx.cancel_timer(WARN, &key)?,
    }
    match clock.due_at.filter(|_| running && !clock.breached) {
        // Exactly at the deadline is still in time; a microsecond later is not.
        Some(at) => tx.set_timer(workspace, BREACH, &key, at.plus_micros(1), &payload),
        None => tx.cancel_timer(BREACH, &key),
    }
}

/// Removes them.
pub fn clear(tx: &Tx<'_>, clock: &Clock) -> Result<()> {
    let key = key(clock);
    tx.cancel_timer(WARN, &key)?;
    tx.cancel_timer(BREACH, &key)
}

fn subject(tx: &Tx<'_>, timer: &Timer) -> Result<Option<(Clock, Access)>> {
    let case: CaseId = serde_json::from_value(timer.payload["case_id"].clone())?;
    let kind = timer.payload["clock"].as_str().ok_or_else(|| Problem::internal("a clock timer names no clock"))?;
    let access: Option<(Json<Access>,)> = tx.opt("SELECT access FROM clock_case WHERE case_id = ?1", params![case])?;
    Ok(clocks::one(tx, case, kind)?.filter(|clock| clock.state == "running").zip(access.map(|row| row.0.0)))
}

/// The share of the target that asks for attention is used up.
pub fn warn(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let Some((mut clock, access)) = subject(tx, timer)? else { return Ok(()) };
    let Some(due_at) = clock.due_at.filter(|_| !clock.warned && clock.warn_at.is_some_and(|at| at <= tx.now())) else { return Ok(()) };
    clock.warned = true;
    let ctx = Ctx::system(timer.workspace, "clock");
    clock.store(tx, &ctx)?;
    tx.emit::<ClockEvent>(&ctx, Some(clock.case_id.0), Some(&access), Warned { case_id: clock.case_id, clock: clock.kind, due_at })
}

/// The deadline has passed.
pub fn breach(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let Some((mut clock, access)) = subject(tx, timer)? else { return Ok(()) };
    let Some(due_at) = clock.due_at.filter(|at| !clock.breached && *at < tx.now()) else { return Ok(()) };
    clock.breached = true;
    let ctx = Ctx::system(timer.workspace, "clock");
    clock.store(tx, &ctx)?;
    tx.emit::<ClockEvent>(&ctx, Some(clock.case_id.0), Some(&access), Breached { case_id: clock.case_id, clock: clock.kind, due_at })
}
