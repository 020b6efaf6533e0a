//! Why a decision is not taken, in words that say what happened: who was faster, whose place it is, what ended.

use serde_json::json;
use shouwen_kernel::{Kind, PersonId, Problem, Result, Time};
use shouwen_store::{Tx, params};

use crate::course::Decision;
use crate::people;
use crate::review::{Review, Seat, seats};
use crate::stand_in;

/// Who somebody stood in for when it was asked, and until when; nobody does so any more.
pub struct Over {
    pub of: String,
    pub at: Time,
}

/// Whether somebody stood in, while the review ran, for one of those it waits for, and no longer does.
///
/// # Errors
/// Of the database.
pub fn stood_in(tx: &Tx<'_>, review: &Review, person: PersonId) -> Result<Option<Over>> {
    let rows: Vec<(PersonId, Time, Option<Time>)> = tx.all(
        "SELECT from_person, until_at, ended_at FROM review_delegation WHERE workspace_id = ?1 AND until_at > ?2 AND from_at <= ?3 AND to_person = ?4 ORDER BY until_at DESC LIMIT 50",
        params![review.workspace, review.requested_at, tx.now(), person],
    )?;
    let sitting = seats(tx, review)?;
    for (of, until, ended) in rows {
        let at = ended.unwrap_or(until);
        if at <= tx.now() && at >= review.requested_at && sitting.iter().any(|seat| seat.person == of) {
            return Ok(Some(Over { of: people::name(tx, of)?, at }));
        }
    }
    Ok(None)
}

/// The refusal for whoever stood in and does so no longer.
pub fn over(ended: &Over) -> Problem {
    Problem::new(Kind::Forbidden, "review.stand_in_over", format!("you no longer decide in the place of {}", ended.of)).expected("their own decision, or a new delegation").detail(json!({ "of": ended.of, "at": ended.at }))
}

/// Why none of the places that `decision` may take is there.
///
/// # Errors
/// Of the database.
pub fn not_theirs(tx: &Tx<'_>, review: &Review, decision: &Decision) -> Result<Problem> {
    let person = decision.person;
    let sitting = seats(tx, review)?;
    let here: Vec<&Seat> = sitting.iter().filter(|seat| seat.place == review.step).collect();
    let waits = |id: PersonId| here.iter().any(|seat| seat.person == id && seat.waits());
    let away = stand_in::now(tx, review.workspace)?;
    let principal = stand_in::principals(&away, person, &review.kind, &review.flow).into_iter().find(|id| decision.for_person.is_none_or(|wanted| wanted == *id) && waits(*id));
    let own = here.iter().find(|seat| seat.person == person);
    if let Some(principal) = principal.filter(|id| decision.for_person == Some(*id) || own.is_none_or(|seat| !seat.waits())) {
        let name = people::name(tx, principal)?;
        let why = match own {
            Some(seat) if seat.state != "released" => "you sit in this step yourself, and two approvals are those of two people",
            _ => "you have approved in this review already, and two approvals are those of two people",
        };
        return Ok(Problem::conflict("review.one_place", format!("the place of {name} is not yours to take: {why}")).expected(format!("{name}, or somebody else who stands in for them")).detail(json!({ "of": name })));
    }
    if let Some(seat) = own {
        return Ok(match (seat.state.as_str(), seat.decided_by) {
            ("approved" | "returned", Some(by)) if by != person => {
                let name = people::name(tx, by)?;
                Problem::conflict("review.decided_for_you", format!("{name} has decided this step in your place")).expected("the decision of the others it waits for").detail(json!({ "by": name, "at": seat.decided_at }))
            }
            ("approved" | "returned", _) => Problem::conflict("review.decided_already", "you have decided this step already").expected("the decision of the others it waits for"),
            ("released", _) => Problem::conflict("review.released", "you are no longer asked in this step: what you hold has changed").expected("one of those it waits for now"),
            _ => Problem::invalid("for_person", "this step does not wait for them").expected("one of `places`, or nothing"),
        });
    }
    if let Some(ended) = stood_in(tx, review, person)? {
        return Ok(over(&ended));
    }
    Ok(Problem::new(Kind::Forbidden, "review.not_yours", "this step does not wait for you").expected("one of those it waits for, or somebody they delegated to"))
}

/// It went on to another step than the one that was looked at, and by whom.
///
/// # Errors
/// Of the database.
pub fn moved_on(tx: &Tx<'_>, review: &Review, looked_at: i64) -> Result<Problem> {
    let by = seats(tx, review)?.into_iter().filter(|seat| seat.place == looked_at).filter(|seat| seat.state == "approved").max_by_key(|seat| seat.decided_at).and_then(|seat| seat.decided_by);
    let by = by.map(|id| people::name(tx, id)).transpose()?;
    let who = by.as_ref().map(|name| format!("{name} has approved step {looked_at}; ")).unwrap_or_default();
    Ok(Problem::conflict("review.moved_on", format!("{who}the review stands in step {} and no longer in {looked_at}", review.step)).expected("a look at where it stands now").detail(json!({ "step": review.step, "looked_at": looked_at, "by": by })))
}
