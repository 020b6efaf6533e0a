//! One timer a clock: it goes off at the next moment somebody is to hear of the clock, looks again, tells what is due,
//! and is set for the next one.

use serde_json::json;
use shouwen_contracts::service_levels::{Breached, ClockEvent, Escalated, Warned};
use shouwen_kernel::{Access, CaseId, Problem, Result, Time, WorkspaceId};
use shouwen_store::{Ctx, Json, Timer, Tx, params};

use crate::clocks::{self, Clock};

pub const TICK: &str = "clock.tick";
/// Kinds of before there was one timer for all; those still set look again like any other.
pub const OLD: [&str; 2] = ["clock.warn", "clock.breach"];

fn key(clock: &Clock) -> String {
    format!("{}/{}", clock.case_id, clock.kind)
}

/// Exactly at the deadline is still in time; a microsecond later is not.
fn breaches_at(clock: &Clock) -> Option<Time> {
    clock.due_at.map(|due| due.plus_micros(1))
}

/// The next moment somebody is to hear of it. A resting clock has a deadline only if that lies before the rest: a target
/// made shorter meanwhile may already be used up.
fn next(clock: &Clock) -> Option<Time> {
    if !clock.is_open() || clock.due_at.is_none() {
        return None;
    }
    let warn = clock.warn_at.filter(|_| !clock.warned);
    let breach = breaches_at(clock).filter(|_| !clock.breached);
    clock.steps.iter().filter(|step| !step.told).filter_map(|step| step.at).chain(warn).chain(breach).min()
}

/// Sets the timer of a clock as it is planned now.
pub fn set(tx: &Tx<'_>, workspace: WorkspaceId, clock: &Clock) -> Result<()> {
    match next(clock) {
        Some(at) => tx.set_timer(workspace, TICK, &key(clock), at, &json!({ "case_id": clock.case_id, "clock": clock.kind })),
        None => tx.cancel_timer(TICK, &key(clock)),
    }
}

/// Removes it.
pub fn clear(tx: &Tx<'_>, clock: &Clock) -> Result<()> {
    tx.cancel_timer(TICK, &key(clock))
}

/// Tells what is due by now, each thing once for each plan, and sets the next timer.
pub fn tick(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let case: CaseId = serde_json::from_value(timer.payload["case_id"].clone())?;
    let kind = timer.payload["clock"].as_str().ok_or_else(|| Problem::internal("a clock timer names no clock"))?;
    let access: Option<(Json<Access>,)> = tx.opt("SELECT access FROM clock_case WHERE case_id = ?1", params![case])?;
    let Some((mut clock, Json(access))) = clocks::one(tx, case, kind)?.filter(Clock::is_open).zip(access.map(|row| row.0)) else { return Ok(()) };
    let Some(due_at) = clock.due_at else { return Ok(()) };
    let (ctx, now) = (Ctx::system(timer.workspace, "clock"), tx.now());
    let mut told: Vec<(Time, ClockEvent)> = Vec::new();
    if let Some(at) = clock.warn_at.filter(|at| !clock.warned && *at <= now) {
        (clock.warned, clock.warn_told) = (true, clock.warn_told.max(Some(at)));
        told.push((at, Warned { case_id: case, clock: clock.kind.clone(), due_at }.into()));
    }
    if let Some(at) = breaches_at(&clock).filter(|at| !clock.breached && *at <= now) {
        (clock.breached, clock.breach_told) = (true, clock.breach_told.max(Some(due_at)));
        told.push((at, Breached { case_id: case, clock: clock.kind.clone(), due_at }.into()));
    }
    let kind = clock.kind.clone();
    for step in clock.steps.iter_mut().filter(|step| !step.told) {
        if let Some(at) = step.at.filter(|at| *at <= now) {
            (step.told, step.told_for) = (true, step.told_for.max(Some(at)));
            told.push((at, Escalated { case_id: case, clock: kind.clone(), step: step.step.clone(), due_at, to: step.to.clone() }.into()));
        }
    }
    if !told.is_empty() {
        told.sort_by_key(|(at, _)| *at);
        clock.store(tx, &ctx)?;
        for (_, event) in told {
            tx.emit::<ClockEvent>(&ctx, Some(case.0), Some(&access), event)?;
        }
    }
    set(tx, timer.workspace, &clock)
}
