//! The clocks of a crisis: the plan within hours, the write-up within days.

use serde_json::json;
use shouwen_contracts::warnings::CrisisOverdue;
use shouwen_kernel::{ObjectId, Result, Time, WorkspaceId};
use shouwen_store::{Ctx, Timer, Tx, params};

use crate::crisis::Crisis;

/// The plan is due.
pub const PLAN: &str = "crisis.plan";
/// The write-up is due.
pub const WRITE_UP: &str = "crisis.write_up";

/// The house acting for a crisis.
pub fn house(workspace: WorkspaceId, id: ObjectId) -> Ctx {
    Ctx::system(workspace, &format!("crisis:{id}"))
}

/// Sets (or moves) one of the clocks.
pub fn set(tx: &Tx<'_>, c: &Crisis, kind: &str, at: Time) -> Result<()> {
    tx.set_timer(c.workspace, kind, &c.id.to_string(), at, &json!({}))
}

/// Stops one of them.
pub fn stop(tx: &Tx<'_>, c: &Crisis, kind: &str) -> Result<()> {
    tx.cancel_timer(kind, &c.id.to_string())
}

/// The plan is late: told once.
pub fn on_plan(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let Some(c) = due(tx, timer)?.filter(|c| c.plan.is_none() && c.plan_overdue_at.is_none() && c.plan_due_at <= tx.now()) else { return Ok(()) };
    tx.run("UPDATE warning_crisis SET plan_overdue_at = ?2, version = version + 1 WHERE id = ?1", params![c.id, tx.now()])?;
    tell(tx, &c, "plan", c.plan_due_at)
}

/// The write-up is late: told once.
pub fn on_write_up(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let Some(c) = due(tx, timer)?.filter(|c| c.write_up.is_none() && c.write_up_overdue_at.is_none()) else { return Ok(()) };
    let Some(due) = c.write_up_due_at.filter(|at| *at <= tx.now()) else { return Ok(()) };
    tx.run("UPDATE warning_crisis SET write_up_overdue_at = ?2, version = version + 1 WHERE id = ?1", params![c.id, tx.now()])?;
    tell(tx, &c, "write_up", due)
}

fn due(tx: &Tx<'_>, timer: &Timer) -> Result<Option<Crisis>> {
    let Ok(id) = timer.key.parse::<ObjectId>() else { return Ok(None) };
    Ok(Crisis::lock(tx, timer.workspace, id)?.filter(|c| c.live))
}

fn tell(tx: &Tx<'_>, c: &Crisis, what: &str, due_at: Time) -> Result<()> {
    c.log(tx, "overdue", None, what)?;
    // Events of a crisis speak of its case; without one there is only the page.
    let Some(case_id) = c.case_id else { return Ok(()) };
    c.emit(tx, &house(c.workspace, c.id), CrisisOverdue { case_id, what: what.to_owned(), people: c.access(tx)?.people, due_at, at: tx.now() })
}
