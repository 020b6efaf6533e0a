//! What falls due: a step, the write-up of an emergency, the look at the authority table, the ends of delegations.

use serde_json::json;
use shouwen_contracts::reviews::{Authority, Overdue};
use shouwen_kernel::{ObjectId, PersonId, Result, ReviewId, Time};
use shouwen_store::{Ctx, Json, Timer, TimerHandler, Tx, params};

use crate::{changes, course};
use crate::def::AuthorityDef;
use crate::people::{self, Place};
use crate::review::{Review, seats};

const STEP: &str = "review.step";
const WRITE_UP: &str = "review.write_up";
pub const AUTHORITY: &str = "review.authority";
const DELEGATION: &str = "review.delegation";
/// An authority that nobody looked at is brought up again after so many days.
const AGAIN_DAYS: i64 = 14;

/// The handlers.
pub const HANDLERS: &[TimerHandler] =
    &[TimerHandler { kind: STEP, handle: step_due }, TimerHandler { kind: WRITE_UP, handle: write_up_due }, TimerHandler { kind: AUTHORITY, handle: authority_due }, TimerHandler { kind: DELEGATION, handle: delegation_due }];

pub fn step(tx: &Tx<'_>, review: &Review, due: Time) -> Result<()> {
    tx.set_timer(review.workspace, STEP, &review.id.to_string(), due, &json!({ "review": review.id, "step": review.step }))
}
pub fn forget_step(tx: &Tx<'_>, review: &Review) -> Result<()> {
    tx.cancel_timer(STEP, &review.id.to_string())
}
pub fn write_up(tx: &Tx<'_>, review: &Review, due: Time) -> Result<()> {
    tx.set_timer(review.workspace, WRITE_UP, &review.id.to_string(), due, &json!({ "review": review.id }))
}
pub fn forget_write_up(tx: &Tx<'_>, review: &Review) -> Result<()> {
    tx.cancel_timer(WRITE_UP, &review.id.to_string())
}

fn review_of(tx: &Tx<'_>, timer: &Timer) -> Result<Option<Review>> {
    match timer.payload["review"].as_str().and_then(|id| id.parse::<ReviewId>().ok()) {
        Some(id) => Review::lock_in_turn(tx, id, false),
        None => Ok(None),
    }
}

/// A step is late: told once, and those the flow names are called in.
fn step_due(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let Some(mut review) = review_of(tx, timer)? else { return Ok(()) };
    if !review.is_open() || timer.payload["step"].as_i64() != Some(review.step) {
        return Ok(());
    }
    // It was opened anew meanwhile, with a limit of its own.
    if tx.opt::<(Option<Time>,)>("SELECT due_at FROM review_step WHERE review_id = ?1 AND place = ?2", params![review.id.0, review.step])?.and_then(|row| row.0).is_some_and(|due| due > tx.now()) {
        return Ok(());
    }
    let first = tx.execute("UPDATE review_step SET late_at = ?3 WHERE review_id = ?1 AND place = ?2 AND late_at IS NULL", params![review.id.0, review.step, tx.now()])?;
    let Some(def) = review.step_def().cloned().filter(|_| first > 0) else { return Ok(()) };
    let ctx = Ctx::system(review.workspace, "reviews");
    let sitting = seats(tx, &review)?;
    let waiting: Vec<PersonId> = sitting.iter().filter(|seat| seat.place == review.step && seat.waits()).map(|seat| seat.person).collect();
    let mut words = def.late.clone();
    if words.iter().any(|word| word == "next") {
        words.retain(|word| word != "next");
        if let Some(next) = usize::try_from(review.step).ok().and_then(|i| review.plan.step.get(i)) {
            words.extend(next.who.clone());
        }
    }
    let place = Place {
        access: review.place(tx)?,
        of_case: review.case_id.is_some(),
        requester: review.requester,
        except: course::excluded(&review),
        before: sitting.iter().filter(|seat| seat.place <= review.step).map(|seat| seat.person).collect(),
    };
    let called: Vec<people::Person> = people::all_named(tx, review.workspace, &words, &place)?
        .into_iter()
        .filter(|person| !course::is_excluded(&review, person.id) && !sitting.iter().any(|seat| seat.place == review.step && (seat.person == person.id || seat.decided_by == Some(person.id))))
        .collect();
    for person in &called {
        course::seat(tx, &review, person.id, "late")?;
    }
    review.audit(tx, &ctx, "review.overdue", json!({ "what": "step", "step": review.step, "due_at": timer.due_at, "waiting": waiting, "called": called.iter().map(|p| p.id).collect::<Vec<_>>() }))?;
    review.emit(tx, &ctx, Overdue { review_id: review.id, case_id: review.case_id, what: "step".into(), step: review.step, people: waiting, due_at: timer.due_at, at: tx.now() })?;
    review.save(tx)?;
    let called: Vec<PersonId> = called.into_iter().map(|person| person.id).collect();
    if called.is_empty() { Ok(()) } else { course::tell_step(tx, &ctx, &review, &called, true) }
}

/// An emergency was not written up in time.
fn write_up_due(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let Some(mut review) = review_of(tx, timer)? else { return Ok(()) };
    if review.state != "write_up" || review.write_up_late_at.is_some() {
        return Ok(());
    }
    review.write_up_late_at = Some(tx.now());
    review.save(tx)?;
    let ctx = Ctx::system(review.workspace, "reviews");
    let late = review.plan.emergency.clone().map(|e| e.late).unwrap_or_default();
    let place = Place { access: review.place(tx)?, of_case: review.case_id.is_some(), requester: review.requester, except: Vec::new(), before: Vec::new() };
    let mut told: Vec<PersonId> = review.requester.into_iter().collect();
    told.extend(people::all_named(tx, review.workspace, &late, &place)?.into_iter().map(|p| p.id));
    if told.is_empty() {
        told.extend(people::holders(tx, review.workspace, people::ADMINISTRATOR)?.into_iter().map(|p| p.id));
    }
    told.sort_unstable();
    told.dedup();
    review.audit(tx, &ctx, "review.overdue", json!({ "what": "write_up", "due_at": timer.due_at, "people": told }))?;
    review.emit(tx, &ctx, Overdue { review_id: review.id, case_id: review.case_id, what: "write_up".into(), step: 0, people: told, due_at: timer.due_at, at: tx.now() })
}

/// Sets the timer of an authority.
pub fn authority(tx: &Tx<'_>, workspace: shouwen_kernel::WorkspaceId, id: ObjectId, due: Time) -> Result<()> {
    tx.set_timer(workspace, AUTHORITY, &id.to_string(), due, &json!({ "authority": id }))
}

/// The yearly look at an authority is due; told again until somebody did it.
fn authority_due(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let Some(id) = timer.payload["authority"].as_str().and_then(|id| id.parse::<ObjectId>().ok()) else { return Ok(()) };
    let row: Option<(Json<AuthorityDef>, Time)> = tx.opt("SELECT content, due_at FROM review_authority WHERE id = ?1 AND workspace_id = ?2", params![id, timer.workspace])?;
    let Some((Json(def), due)) = row else { return Ok(()) };
    if due > tx.now() {
        return authority(tx, timer.workspace, id, due);
    }
    let ctx = Ctx::system(timer.workspace, "reviews");
    let mut owners = people::all_named(tx, timer.workspace, &def.owner, &Place::default())?;
    if owners.is_empty() {
        owners = people::holders(tx, timer.workspace, people::ADMINISTRATOR)?;
    }
    let ids: Vec<PersonId> = owners.iter().map(|p| p.id).collect();
    tx.run("UPDATE review_authority SET told_at = ?2 WHERE id = ?1", params![id, tx.now()])?;
    tx.emit::<shouwen_contracts::reviews::ReviewEvent>(&ctx, Some(id.0), None, Authority { key: def.key.clone(), what: "due".into(), people: ids.clone(), at: tx.now() })?;
    tx.audit(&ctx, "review.authority_due", "review_authority", Some(id.0), Some(json!({ "key": def.key, "people": ids })))?;
    crate::letters::authority(tx, &ctx, id, &def, &owners)?;
    authority(tx, timer.workspace, id, tx.now().plus_seconds(AGAIN_DAYS * 86_400))
}

/// Sets the timers of a delegation: its beginning, where that lies ahead, and its end.
pub fn delegation(tx: &Tx<'_>, workspace: shouwen_kernel::WorkspaceId, id: ObjectId, from: Time, until: Time) -> Result<()> {
    if from > tx.now() {
        tx.set_timer(workspace, DELEGATION, &format!("{id}:from"), from, &json!({ "delegation": id }))?;
    }
    tx.set_timer(workspace, DELEGATION, &format!("{id}:until"), until, &json!({ "delegation": id }))
}
pub fn forget_delegation(tx: &Tx<'_>, id: ObjectId) -> Result<()> {
    tx.cancel_timer(DELEGATION, &format!("{id}:from"))?;
    tx.cancel_timer(DELEGATION, &format!("{id}:until"))
}

/// A delegation begins or is over: who stands in, or no longer does, hears of the steps that are open.
fn delegation_due(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let Some(id) = timer.payload["delegation"].as_str().and_then(|id| id.parse::<ObjectId>().ok()) else { return Ok(()) };
    let row: Option<(PersonId, PersonId, Time)> = tx.opt("SELECT from_person, to_person, until_at FROM review_delegation WHERE id = ?1 AND workspace_id = ?2 AND ended_at IS NULL", params![id, timer.workspace])?;
    let Some((from, to, until)) = row else { return Ok(()) };
    let ctx = Ctx::system(timer.workspace, "reviews");
    if until > tx.now() { changes::stands_in(tx, &ctx, timer.workspace, from, to) } else { changes::stood_in(tx, &ctx, timer.workspace, from, to) }
}
