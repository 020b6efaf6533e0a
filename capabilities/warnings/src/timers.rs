//! The time to answer a warning, and the ladder after it.

use serde_json::json;
use shouwen_contracts::warnings::Overdue;
use shouwen_kernel::{PersonId, Result, WarningId};
use shouwen_store::{Timer, TimerHandler, Tx, params};

use crate::evaluate::house;
use crate::threshold::Rung;
use crate::warning::{StepRow, Warning};
use crate::{bulletins, counts, crisis_time, hours, people, thresholds};

/// The handlers.
pub const HANDLERS: [TimerHandler; 5] = [
    TimerHandler { kind: RESPOND, handle: respond },
    TimerHandler { kind: counts::RECOUNT, handle: counts::on_recount },
    TimerHandler { kind: bulletins::DUE, handle: bulletins::on_due },
    TimerHandler { kind: crisis_time::PLAN, handle: crisis_time::on_plan },
    TimerHandler { kind: crisis_time::WRITE_UP, handle: crisis_time::on_write_up },
];
/// A warning is not answered in time; then each rung of its ladder.
const RESPOND: &str = "warning.respond";

/// Sets (or moves) the time to answer.
pub fn await_answer(tx: &Tx<'_>, w: &Warning) -> Result<()> {
    tx.set_timer(w.workspace, RESPOND, &w.id.to_string(), w.respond_by, &json!({}))
}

/// It was answered or closed.
pub fn rest(tx: &Tx<'_>, id: WarningId) -> Result<()> {
    tx.cancel_timer(RESPOND, &id.to_string())
}

/// The rungs, and the calendar their hours are counted in.
fn ladder(tx: &Tx<'_>, w: &Warning) -> Result<(Vec<Rung>, Option<String>)> {
    let stored = w.threshold_id.map(|id| thresholds::find(tx, w.workspace, id)).transpose()?.flatten();
    Ok(stored.map_or_else(Default::default, |s| {
        let calendar = s.threshold.level_of(w.grade).and_then(|level| level.calendar.clone());
        (s.threshold.ladder, calendar)
    }))
}

fn respond(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let Ok(id) = timer.key.parse::<WarningId>() else { return Ok(()) };
    let Some(w) = Warning::lock(tx, timer.workspace, id)?.filter(|w| w.state == "open" && w.respond_by <= tx.now()) else { return Ok(()) };
    let (ladder, calendar) = ladder(tx, &w)?;
    let mut rung = w.rung.max(0) as usize;
    if w.overdue_at.is_none() {
        tx.run("UPDATE warning_warning SET overdue_at = ?2, version = version + 1 WHERE id = ?1", params![id.0, tx.now()])?;
        let people = w.people(tx)?;
        tell(tx, &w, people)?;
        w.note(tx, &StepRow { kind: "overdue", ..StepRow::default() })?;
        rung = 0;
    } else if let Some(step) = ladder.get(rung) {
        let people = people::meant(tx, w.workspace, &step.to, w.region.as_deref())?;
        let fresh = w.tell(tx, &people)?;
        if let Some(case) = w.case_id {
            crate::wishes::watch(tx, &house(w.workspace, id), case, &format!("warning:{id}:rung{rung}:{}", w.graded_at.micros()), &fresh)?;
        }
        tell(tx, &w, people)?;
        w.note(tx, &StepRow { kind: "overdue", ..StepRow::default() })?;
        rung += 1;
        tx.run("UPDATE warning_warning SET rung = ?2 WHERE id = ?1", params![id.0, rung])?;
    }
    match ladder.get(rung) {
        Some(next) => tx.set_timer(w.workspace, RESPOND, &timer.key, hours::after(tx, w.workspace, calendar.as_deref(), w.respond_by, next.after_hours)?.max(tx.now()), &json!({})),
        None => Ok(()),
    }
}

fn tell(tx: &Tx<'_>, w: &Warning, people: Vec<PersonId>) -> Result<()> {
    let event = Overdue { warning_id: w.id, case_id: w.case_id, grade: w.grade.word().to_owned(), people, respond_by: w.respond_by, at: tx.now() };
    w.emit(tx, &house(w.workspace, w.id), event)
}
