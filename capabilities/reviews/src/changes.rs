//! What changes under a running review: people leave, come, hold something else, stand in for others; what it is about is
//! written anew. Each is told, so that whoever looks knows whom it waits for.

use serde_json::json;
use shouwen_contracts::reviews::{BegunAgain, Outdated, Released};
use shouwen_kernel::{CaseId, PersonId, Result, ReviewId, WorkspaceId};
use shouwen_store::{Ctx, Tx, params};
use uuid::Uuid;

use crate::course::{self, close_step, enter, go_on, is_excluded, people_of, seat, tell_people, tell_step, waited_for};
use crate::people;
use crate::review::{COLUMNS, KnownCase, Review, seats};
use crate::stand_in;

/// Rows a look takes at once; it goes on until there are no more.
const AT_ONCE: usize = 500;

/// The reviews somebody's decision is waited for in, beyond `after`.
fn waiting_of(tx: &Tx<'_>, workspace: WorkspaceId, person: PersonId, after: Uuid) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> =
        tx.all("SELECT review_id FROM review_seat WHERE workspace_id = ?1 AND person_id = ?2 AND state = 'waiting' AND review_id > ?3 ORDER BY review_id LIMIT ?4", params![workspace, person, after, AT_ONCE])?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Every one of them, each held; ids rise, so that two who hold several do so in one order.
fn each_waiting(tx: &Tx<'_>, workspace: WorkspaceId, person: PersonId, mut work: impl FnMut(&mut Review) -> Result<()>) -> Result<()> {
    let mut after = Uuid::nil();
    loop {
        let ids = waiting_of(tx, workspace, person, after)?;
        let Some(last) = ids.last().copied() else { return Ok(()) };
        for id in ids {
            if let Some(mut review) = Review::lock_in_turn(tx, ReviewId(id), true)? {
                work(&mut review)?;
            }
        }
        after = last;
    }
}

/// Lets people go from the present step, and tells it; whether any of them sat there undecided.
fn let_go(tx: &Tx<'_>, ctx: &Ctx, review: &Review, person: PersonId, why: &str) -> Result<bool> {
    let sat = tx.execute("UPDATE review_seat SET state = 'released' WHERE review_id = ?1 AND person_id = ?2 AND state = 'waiting'", params![review.id.0, person])?;
    if sat == 0 || !review.is_open() {
        return Ok(false);
    }
    review.audit(tx, ctx, "review.released", json!({ "step": review.step, "person_id": person, "reason": why }))?;
    tell_released(tx, ctx, review, vec![person], why)?;
    Ok(true)
}

fn tell_released(tx: &Tx<'_>, ctx: &Ctx, review: &Review, people: Vec<PersonId>, why: &str) -> Result<()> {
    let told = Released { review_id: review.id, case_id: review.case_id, step: review.step, people, why: why.to_owned(), waiting: waited_for(tx, review)?, at: tx.now() };
    review.emit(tx, ctx, told)
}

/// Somebody left the house, or (`gone` false) holds something else now: where they are no longer among those a step asks
/// for they are released, and the step goes on without them.
pub fn release(tx: &Tx<'_>, workspace: WorkspaceId, person: PersonId, gone: bool) -> Result<()> {
    let ctx = Ctx::system(workspace, "reviews");
    each_waiting(tx, workspace, person, |review| {
        if (gone || !still_asked(tx, review, person)?) && let_go(tx, &ctx, review, person, if gone { "inactive" } else { "rights" })? {
            go_on(tx, &ctx, review, None)?;
        }
        Ok(())
    })
}

/// Somebody holds more than before: where an open step asks for that, they are asked too. Who sits there stays.
pub fn join(tx: &Tx<'_>, workspace: WorkspaceId, person: PersonId, gained: &people::Gained) -> Result<()> {
    if gained.is_nothing() {
        return Ok(());
    }
    let mut after = Uuid::nil();
    loop {
        let open: Vec<Review> =
            tx.all(&format!("SELECT {COLUMNS} FROM review_review r WHERE r.workspace_id = ?1 AND r.state = 'open' AND r.id > ?2 ORDER BY r.id LIMIT ?3"), params![workspace, after, AT_ONCE])?;
        let Some(last) = open.last().map(|review| review.id.0) else { return Ok(()) };
        for found in open {
            if found.step_def().is_some_and(|def| def.who.iter().chain(&def.otherwise).any(|word| gained.names(word))) {
                join_one(tx, found.id, person)?;
            }
        }
        after = last;
    }
}

fn join_one(tx: &Tx<'_>, id: ReviewId, person: PersonId) -> Result<()> {
    let Some(mut review) = Review::lock_in_turn(tx, id, true)?.filter(|review| review.is_open() && !is_excluded(review, person)) else { return Ok(()) };
    let seated = match people_of(tx, &review, review.step, &[]) {
        Ok(seated) => seated,
        Err(problem) if problem.code == "review.nobody" => return Ok(()),
        Err(problem) => return Err(problem),
    };
    let sitting = seats(tx, &review)?;
    // Who decided here in another's place has had their say.
    let spoke = sitting.iter().any(|seat| seat.place == review.step && seat.decided_by == Some(person));
    if spoke || !seated.people.iter().any(|p| p.id == person) {
        return Ok(());
    }
    if sitting.iter().any(|seat| seat.place == review.step && seat.person == person && seat.state != "released") {
        return Ok(());
    }
    // They may have been let go of in this very step, and hold it again.
    seat(tx, &review, person, seated.origin)?;
    let ctx = Ctx::system(review.workspace, "reviews");
    review.audit(tx, &ctx, "review.joined", json!({ "step": review.step, "person_id": person }))?;
    review.save(tx)?;
    tell_step(tx, &ctx, &review, &[person], true)
}

/// Whether the present step would ask somebody again. Who was called in when it was late stays.
fn still_asked(tx: &Tx<'_>, review: &Review, person: PersonId) -> Result<bool> {
    if seats(tx, review)?.iter().any(|seat| seat.place == review.step && seat.person == person && seat.origin == "late") {
        return Ok(true);
    }
    match people_of(tx, review, review.step, &[]) {
        Ok(seated) => Ok(seated.people.iter().any(|p| p.id == person)),
        Err(problem) if problem.code == "review.nobody" => Ok(false),
        Err(problem) => Err(problem),
    }
}

/// Somebody begins to stand in for another: what waits for that one waits for them too, and they hear of it.
pub fn stands_in(tx: &Tx<'_>, ctx: &Ctx, workspace: WorkspaceId, from: PersonId, to: PersonId) -> Result<()> {
    concerned(tx, workspace, from, to, |review, person| {
        let before = seats(tx, review)?.iter().any(|seat| seat.place == review.step && seat.person == person && seat.waits());
        if before || course::places(tx, review, person)?.is_empty() {
            return Ok(());
        }
        review.audit(tx, ctx, "review.joined", json!({ "step": review.step, "person_id": person, "reason": "delegation", "for": from }))?;
        tell_people(tx, &Ctx::system(workspace, "reviews"), review, vec![person], true)
    })
}

/// Somebody no longer stands in for another.
pub fn stood_in(tx: &Tx<'_>, ctx: &Ctx, workspace: WorkspaceId, from: PersonId, to: PersonId) -> Result<()> {
    concerned(tx, workspace, from, to, |review, person| {
        if is_excluded(review, person) || waited_for(tx, review)?.contains(&person) {
            return Ok(());
        }
        tell_released(tx, ctx, review, vec![person], "delegation")
    })
}

/// What a delegation concerns: the open steps that wait for whoever is away, or for whom they stand in; and whoever stands
/// in, or whom those hand it on to.
fn concerned(tx: &Tx<'_>, workspace: WorkspaceId, from: PersonId, to: PersonId, mut work: impl FnMut(&Review, PersonId) -> Result<()>) -> Result<()> {
    let any: Vec<stand_in::Away> = stand_in::now(tx, workspace)?.into_iter().map(|away| stand_in::Away { kinds: Vec::new(), ..away }).collect();
    let principals = std::iter::once(from).chain(stand_in::principals(&any, from, "", ""));
    let others: Vec<PersonId> = std::iter::once(to).chain(stand_in::stand_ins(&any, to, "", "")).filter(|id| *id != from).collect();
    for principal in principals {
        each_waiting(tx, workspace, principal, |review| {
            if !review.is_open() {
                return Ok(());
            }
            others.iter().try_for_each(|person| work(review, *person))
        })?;
    }
    Ok(())
}

/// The solution was written anew by `by`: who wrote it decides nothing in it; who approved it approved another one, so
/// that it begins anew; and what was approved in the end is no longer what the case says.
pub fn rewritten(tx: &Tx<'_>, ctx: &Ctx, case: CaseId, by: Option<PersonId>) -> Result<()> {
    let found: Vec<(Uuid,)> = tx.all("SELECT id FROM review_review WHERE case_id = ?1 AND kind = 'review' ORDER BY id DESC LIMIT 200", params![case])?;
    let ended = KnownCase::load(tx, case)?.is_none_or(|case| case.status == "closed");
    let mut newest = true;
    for (id,) in found {
        let Some(mut review) = Review::lock_in_turn(tx, ReviewId(id), true)? else { continue };
        if review.is_open() && !review.emergency {
            begin_again(tx, ctx, &mut review, by)?;
        } else if newest && !ended && review.state == "approved" && review.outdated_at.is_none() {
            outdated(tx, ctx, &mut review, by)?;
        }
        newest = false;
    }
    Ok(())
}

/// What is decided on changed under the decisions: those given are void, and it begins anew with the first step. Where
/// nobody approved yet, nothing has to.
fn begin_again(tx: &Tx<'_>, ctx: &Ctx, review: &mut Review, by: Option<PersonId>) -> Result<()> {
    if let Some(author) = by {
        review.bar(author);
        review.save(tx)?;
    }
    let approved: Vec<PersonId> = seats(tx, review)?.into_iter().filter(|seat| seat.state == "approved").filter_map(|seat| seat.decided_by).collect();
    if approved.is_empty() {
        // Who sits there and has written it now leaves the step to the others.
        let author = by.filter(|author| is_excluded(review, *author));
        return match author {
            Some(author) if let_go(tx, &Ctx::system(review.workspace, "reviews"), review, author, "author")? => go_on(tx, ctx, review, None),
            _ => Ok(()),
        };
    }
    review.emit(tx, ctx, BegunAgain { review_id: review.id, case_id: review.case_id, flow: review.flow.clone(), step: review.step, void: approved.clone(), by, at: tx.now() })?;
    close_step(tx, review, "released")?;
    tx.run("DELETE FROM review_seat WHERE review_id = ?1", params![review.id.0])?;
    tx.run("DELETE FROM review_step WHERE review_id = ?1 AND place > 1", params![review.id.0])?;
    tx.run("UPDATE review_link SET expires_at = ?2 WHERE review_id = ?1 AND expires_at > ?2", params![review.id.0, tx.now()])?;
    review.note = Some("处理方案已修改，重新审核 · the solution was changed, so it begins anew".to_owned());
    review.audit(tx, ctx, "review.begun_again", json!({ "step": review.step, "void": approved }))?;
    enter(tx, ctx, review, 1)
}

/// What was approved is no longer what the case says. The case, where it has gone on, goes back to the review.
fn outdated(tx: &Tx<'_>, ctx: &Ctx, review: &mut Review, by: Option<PersonId>) -> Result<()> {
    review.outdated_at = Some(tx.now());
    review.note = Some("处理方案在审核通过后又被修改，需重新审核 · the solution was changed after it was approved, so it needs a review again".to_owned());
    review.save(tx)?;
    review.audit(tx, ctx, "review.outdated", json!({ "by": by }))?;
    // The house speaks: whoever changed it is to hear of it too.
    let house = Ctx::system(review.workspace, "reviews");
    review.emit(tx, &house, Outdated { review_id: review.id, case_id: review.case_id, flow: review.flow.clone(), stage: review.stage.clone(), by, at: tx.now() })
}
