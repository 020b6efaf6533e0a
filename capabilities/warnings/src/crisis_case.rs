//! A crisis and its case keep to each other: what the group does here goes to the case as wishes, and what somebody does in
//! the case view counts here.

use serde_json::{Value, json};
use shouwen_contracts::casework::{Edited, StageChanged};
use shouwen_contracts::warnings::{CrisisDeclared, CrisisOver, CrisisWrittenUp, PlanFiled};
use shouwen_kernel::{CaseId, ObjectId, PersonId, Result, WorkspaceId};
use shouwen_store::{Ctx, Tx, params};

use crate::crisis::Crisis;
use crate::crisis_time::{self, house};
use crate::warning::field;
use crate::{settings, wishes};

fn again(tx: &Tx<'_>, c: &Crisis) -> Result<Crisis> {
    Crisis::load(tx, c.workspace, c.id)
}

fn source(tx: &Tx<'_>, c: &Crisis, what: &str) -> String {
    format!("crisis:{}:{what}:{}", c.id, tx.now().micros())
}

/// The case it wished for is there: the group watches it, and it is told.
pub fn opened(tx: &Tx<'_>, workspace: WorkspaceId, id: ObjectId, case: CaseId, number: &str) -> Result<()> {
    let Some(c) = Crisis::lock(tx, workspace, id)?.filter(|c| c.case_id.is_none()) else { return Ok(()) };
    tx.run("UPDATE warning_crisis SET case_id = ?2, case_number = ?3, case_problem = NULL, version = version + 1 WHERE id = ?1", params![id, case, number])?;
    let c = again(tx, &c)?;
    let ctx = house(workspace, id);
    let people = c.access(tx)?.people;
    c.emit(tx, &ctx, CrisisDeclared { case_id: case, title: c.title.clone(), by: c.declared_by, people: people.clone(), plan_due_at: c.plan_due_at, at: c.declared_at })?;
    wishes::watch(tx, &ctx, case, &format!("crisis:{id}"), &people)?;
    wishes::stage(tx, &ctx, case, &format!("crisis:{id}"), "planning")?;
    // Somebody was faster than the case.
    if let Some(plan) = c.plan.clone() {
        wishes::act(tx, &ctx, case, format!("crisis:{id}:known:plan"), field("plan", plan), "")?;
        wishes::stage(tx, &ctx, case, &format!("crisis:{id}"), "responding")?;
    }
    Ok(())
}

/// The plan is filed (or filed anew).
pub fn file_plan(tx: &Tx<'_>, ctx: &Ctx, c: &Crisis, by: PersonId, text: &str) -> Result<()> {
    let first = c.plan.is_none();
    if c.plan.as_deref() == Some(text) {
        return Ok(());
    }
    tx.run(
        "UPDATE warning_crisis SET plan = ?2, plan_at = COALESCE(plan_at, ?3), plan_by = COALESCE(plan_by, ?4), state = CASE WHEN state = 'convened' THEN 'responding' ELSE state END, version = version + 1 WHERE id = ?1",
        params![c.id, text, tx.now(), by],
    )?;
    crisis_time::stop(tx, c, crisis_time::PLAN)?;
    c.log(tx, "plan", Some(by), if first { "" } else { "changed" })?;
    let Some(case) = c.case_id else { return Ok(()) };
    if first {
        c.emit(tx, ctx, PlanFiled { case_id: case, by, late: c.plan_due_at < tx.now(), at: tx.now() })?;
    }
    wishes::act(tx, ctx, case, source(tx, c, "plan"), field("plan", text), "")?;
    if first { wishes::stage(tx, ctx, case, &source(tx, c, "plan"), "responding") } else { Ok(()) }
}

/// It is over: the write-up is due from now.
pub fn over(tx: &Tx<'_>, ctx: &Ctx, c: &Crisis, by: Option<PersonId>, text: &str, in_case: bool) -> Result<()> {
    let due = tx.now().plus_seconds(settings::load(tx, c.workspace)?.write_up_days * 86_400);
    tx.run("UPDATE warning_crisis SET state = 'over', over_at = ?2, over_by = ?3, write_up_due_at = ?4, version = version + 1 WHERE id = ?1", params![c.id, tx.now(), by, due])?;
    crisis_time::stop(tx, c, crisis_time::PLAN)?;
    crisis_time::set(tx, c, crisis_time::WRITE_UP, due)?;
    c.log(tx, "over", by, text)?;
    let Some(case) = c.case_id else { return Ok(()) };
    c.emit(tx, ctx, CrisisOver { case_id: case, by, write_up_due_at: due, at: tx.now() })?;
    if in_case {
        return Ok(());
    }
    wishes::stage(tx, ctx, case, &source(tx, c, "over"), "stabilised")?;
    wishes::stage(tx, ctx, case, &source(tx, c, "over"), "writing_up")
}

/// The write-up ends it, and its case.
pub fn written_up(tx: &Tx<'_>, ctx: &Ctx, c: &Crisis, by: PersonId, text: &str) -> Result<()> {
    let first = c.write_up.is_none();
    if c.write_up.as_deref() == Some(text) {
        return Ok(());
    }
    tx.run(
        "UPDATE warning_crisis SET write_up = ?2, write_up_at = COALESCE(write_up_at, ?3), write_up_by = COALESCE(write_up_by, ?4), version = version + 1 WHERE id = ?1",
        params![c.id, text, tx.now(), by],
    )?;
    crisis_time::stop(tx, c, crisis_time::WRITE_UP)?;
    c.log(tx, "write_up", Some(by), if first { "" } else { "changed" })?;
    let Some(case) = c.case_id else { return end(tx, c, Some(by)) };
    if first {
        c.emit(tx, ctx, CrisisWrittenUp { case_id: case, by, at: tx.now() })?;
    }
    wishes::act(tx, ctx, case, source(tx, c, "write_up"), field("write_up", text), "")?;
    wishes::stage(tx, ctx, case, &source(tx, c, "write_up"), "archived")
}

fn end(tx: &Tx<'_>, c: &Crisis, by: Option<PersonId>) -> Result<()> {
    tx.run("UPDATE warning_crisis SET state = 'ended', live = ?2, ended_at = ?3, version = version + 1 WHERE id = ?1", params![c.id, false, tx.now()])?;
    for kind in [crisis_time::PLAN, crisis_time::WRITE_UP] {
        crisis_time::stop(tx, c, kind)?;
    }
    c.log(tx, "ended", by, "")
}

/// Its case was closed: written up, or a false alarm.
pub fn closed(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId, by: Option<PersonId>) -> Result<()> {
    match Crisis::of_case(tx, workspace, case)?.filter(|c| c.live) {
        Some(c) => end(tx, &c, by),
        None => Ok(()),
    }
}

/// Its case was taken up again.
pub fn reopened(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId) -> Result<()> {
    let Some(c) = Crisis::of_case(tx, workspace, case)? else { return Ok(()) };
    resume(tx, &c, None)
}

fn resume(tx: &Tx<'_>, c: &Crisis, by: Option<PersonId>) -> Result<()> {
    if c.live && c.over_at.is_none() {
        return Ok(());
    }
    let state = if c.plan.is_some() { "responding" } else { "convened" };
    tx.run(
        "UPDATE warning_crisis SET state = ?2, live = ?3, ended_at = NULL, over_at = NULL, over_by = NULL, write_up_due_at = NULL, write_up_overdue_at = NULL, version = version + 1 WHERE id = ?1",
        params![c.id, state, true],
    )?;
    crisis_time::stop(tx, c, crisis_time::WRITE_UP)?;
    if c.plan.is_none() && c.plan_overdue_at.is_none() {
        crisis_time::set(tx, c, crisis_time::PLAN, c.plan_due_at)?;
    }
    c.log(tx, "resumed", by, "")
}

/// Somebody answered a field of the crisis in the case view.
pub fn edited(tx: &Tx<'_>, workspace: WorkspaceId, e: &Edited, by: Option<PersonId>) -> Result<()> {
    if !matches!(e.field.as_str(), "fields.plan" | "fields.write_up" | "fields.statement" | "fields.spokesperson" | "fields.situation") {
        return Ok(());
    }
    let Some(c) = Crisis::of_case(tx, workspace, e.case_id)?.filter(|c| c.live) else { return Ok(()) };
    let text = e.to.as_str().map(str::trim).filter(|t| !t.is_empty());
    let (Some(text), Some(by)) = (text, by) else { return Ok(()) };
    let ctx = house(workspace, c.id);
    match e.field.as_str() {
        "fields.plan" if c.plan.as_deref() != Some(text) => file_plan(tx, &ctx, &c, by, text),
        // In the case view the last step is the person's own.
        "fields.write_up" if c.write_up.as_deref() != Some(text) && c.over_at.is_some() => written_up(tx, &ctx, &c, by, text),
        "fields.statement" if c.statement.as_deref() != Some(text) => set_statement(tx, &ctx, &c, by, c.spokesperson.as_deref(), Some(text), true),
        "fields.spokesperson" if c.spokesperson.as_deref() != Some(text) => set_statement(tx, &ctx, &c, by, Some(text), c.statement.as_deref(), true),
        "fields.situation" => tx.run("UPDATE warning_crisis SET situation = ?2 WHERE id = ?1", params![c.id, text]),
        _ => Ok(()),
    }
}

/// Who speaks, and what is said outside.
pub fn set_statement(tx: &Tx<'_>, ctx: &Ctx, c: &Crisis, by: PersonId, spokesperson: Option<&str>, statement: Option<&str>, in_case: bool) -> Result<()> {
    tx.run("UPDATE warning_crisis SET spokesperson = ?2, statement = ?3, statement_at = ?4, version = version + 1 WHERE id = ?1", params![c.id, spokesperson, statement, tx.now()])?;
    c.log(tx, "statement", Some(by), "")?;
    let Some(case) = c.case_id.filter(|_| !in_case) else { return Ok(()) };
    for (key, old, new) in [("spokesperson", c.spokesperson.as_deref(), spokesperson), ("statement", c.statement.as_deref(), statement)] {
        if old != new {
            wishes::act(tx, ctx, case, source(tx, c, key), field(key, new.map_or(Value::Null, |t| json!(t))), "")?;
        }
    }
    Ok(())
}

/// Somebody moved the case of a crisis by hand.
pub fn moved(tx: &Tx<'_>, workspace: WorkspaceId, s: &StageChanged, by: Option<PersonId>) -> Result<()> {
    let to = s.to.as_str();
    if !matches!(to, "stabilised" | "writing_up" | "responding" | "planning") {
        return Ok(());
    }
    let Some(c) = Crisis::of_case(tx, workspace, s.case_id)? else { return Ok(()) };
    let ctx = house(workspace, c.id);
    match to {
        "stabilised" | "writing_up" if c.over_at.is_none() && c.live => over(tx, &ctx, &c, by, "", true),
        // Back from the end; the way forward goes through these stages too, but nothing was over then.
        "responding" | "planning" if c.over_at.is_some() && matches!(s.from_status.as_str(), "waiting" | "resolved" | "closed") => resume(tx, &c, by),
        _ => Ok(()),
    }
}
