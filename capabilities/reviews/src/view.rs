//! A review as the API shows it, and who may see it.
//!
//! A review is seen by whoever has to do with it (asked for it, sits in it, stands in for somebody who does, or decided
//! in it), by whoever may read its case, and by holders of `review.read` within their reach. Of the case a reviewer sees
//! what the decision needs: number, title and the proposed solution; the case itself opens only for who may read it.

use serde::Serialize;
use shouwen_kernel::{CaseId, Kind, PersonId, Problem, Result, ReviewId, Time};
use shouwen_store::{Tx, params};
use shouwen_web::{PackText, Viewer};
use utoipa::ToSchema;

use crate::course;
use crate::people;
use crate::review::{Review, Seat, seats};
use crate::stand_in;

/// Somebody by name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReviewPerson {
    pub id: PersonId,
    pub name: String,
}

/// What a review shows of its case.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReviewCase {
    pub id: CaseId,
    pub number: String,
    pub title: String,
    /// The proposed solution, as the form of the case has it.
    pub solution: Option<String>,
    /// Whether the viewer may open it.
    pub may_open: bool,
}

/// The write-up of an emergency.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WriteUpView {
    pub due_at: Option<Time>,
    pub text: Option<String>,
    pub at: Option<Time>,
    pub late: bool,
}

/// A seat as it is shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SeatView {
    pub person: ReviewPerson,
    /// `asked`, `late` (called in when it was late), `administrator` (nobody else could).
    pub origin: String,
    /// `waiting`, `approved`, `returned`, `released`.
    pub state: String,
    pub decided_at: Option<Time>,
    /// Who decided in their place.
    pub decided_by: Option<ReviewPerson>,
    /// `desk` or `mail`.
    pub via: Option<String>,
    pub reason: Option<String>,
    /// Who may decide in their place now.
    pub stand_ins: Vec<ReviewPerson>,
}

/// A step as it is shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ReviewStepView)]
pub struct StepView {
    /// From 1.
    pub step: i64,
    #[schema(value_type = Object)]
    pub title: PackText,
    /// `any` or `all`.
    pub mode: &'static str,
    /// `ahead`, `waiting`, `approved`, `returned`, `released`, `withdrawn`.
    pub state: String,
    /// Whom it asks, as the flow says.
    pub who: Vec<String>,
    pub limit: Option<String>,
    pub opened_at: Option<Time>,
    pub due_at: Option<Time>,
    pub late_at: Option<Time>,
    pub ended_at: Option<Time>,
    /// Why others than named are asked.
    pub note: Option<String>,
    pub seats: Vec<SeatView>,
}

/// A review or approval.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReviewView {
    #[schema(value_type = String)]
    pub id: ReviewId,
    pub flow: String,
    #[schema(value_type = Object)]
    pub flow_title: PackText,
    /// `review` or `approval`.
    pub kind: String,
    pub title: String,
    pub reason: String,
    pub case: Option<ReviewCase>,
    /// The stage of the case that waits for it.
    pub stage: Option<String>,
    /// Minor units of `currency`.
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub emergency: bool,
    /// `open`, `approved`, `returned`, `withdrawn`, `write_up` (in force as an emergency, to be written up).
    pub state: String,
    /// The step it stands in, from 1.
    pub step: i64,
    pub of: i64,
    /// Null: a stage of the case asked by itself.
    pub requester: Option<ReviewPerson>,
    pub requested_at: Time,
    pub decided_at: Option<Time>,
    pub end_reason: Option<String>,
    /// What was unusual about it.
    pub note: Option<String>,
    /// The solution was changed after it was approved: since when.
    pub outdated_at: Option<Time>,
    /// A print of the solution as it stands; a decision gives it back.
    pub about: Option<String>,
    /// Of the present step.
    pub due_at: Option<Time>,
    pub late: bool,
    pub write_up: Option<WriteUpView>,
    pub waiting_for: Vec<ReviewPerson>,
    /// In whose places the viewer may decide now; their own first.
    pub places: Vec<ReviewPerson>,
    /// What the viewer may do: `decide`, `withdraw`, `write_up`, `emergency`.
    pub can: Vec<&'static str>,
    pub version: i64,
    /// Only of a single review; empty in lists.
    pub steps: Vec<StepView>,
}

fn person(tx: &Tx<'_>, id: PersonId) -> Result<ReviewPerson> {
    Ok(ReviewPerson { id, name: people::name(tx, id)? })
}

/// Whoever owes a second factor decides nothing before it is there, as everywhere.
pub fn admitted(viewer: &Viewer) -> Result<()> {
    if viewer.must_enrol {
        return Err(Problem::new(Kind::Forbidden, "session.must_enrol", "your role demands a second factor and you have none yet").expected("enrol one under Profile → Security"));
    }
    Ok(())
}

/// Whether somebody has to do with it.
fn is_involved(tx: &Tx<'_>, review: &Review, viewer: PersonId) -> Result<bool> {
    if review.requester == Some(viewer) {
        return Ok(true);
    }
    let sitting = seats(tx, review)?;
    if sitting.iter().any(|seat| seat.person == viewer || seat.decided_by == Some(viewer)) {
        return Ok(true);
    }
    // Whoever stands in for somebody of it was asked too, and looks at what became of it.
    let away = stand_in::now(tx, review.workspace)?;
    let principals = stand_in::principals(&away, viewer, &review.kind, &review.flow);
    Ok(sitting.iter().any(|seat| principals.contains(&seat.person)))
}

/// Whether a viewer may see it.
pub fn may_see(tx: &Tx<'_>, review: &Review, viewer: &Viewer) -> Result<bool> {
    if review.workspace != viewer.workspace {
        return Ok(false);
    }
    let place = review.place(tx)?;
    let within = |permission: &str| viewer.scope(permission).is_some_and(|scope| scope.sees(&place));
    Ok(within("review.read") || (review.case_id.is_some() && within(people::CASE_READ)) || is_involved(tx, review, viewer.person)?)
}

/// The review for a viewer who may see it; `whole`: with its steps.
pub fn of(tx: &Tx<'_>, review: &Review, viewer: &Viewer, whole: bool) -> Result<ReviewView> {
    let sitting = seats(tx, review)?;
    let known = course::case_of(tx, review)?;
    let about = known.as_ref().map(|case| case.print()).transpose()?;
    let case = known.map(|case| ReviewCase {
        may_open: viewer.scope(people::CASE_READ).is_some_and(|scope| scope.sees(&case.access)),
        id: case.id,
        number: case.number,
        title: case.title,
        solution: case.solution,
    });
    let mut waiting_for = Vec::new();
    if review.is_open() {
        for seat in sitting.iter().filter(|seat| seat.place == review.step && seat.waits()) {
            waiting_for.push(person(tx, seat.person)?);
        }
    }
    let places = course::places(tx, review, viewer.person)?.into_iter().map(|id| person(tx, id)).collect::<Result<Vec<_>>>()?;
    let mine = review.requester == Some(viewer.person);
    let mut can = Vec::new();
    if !places.is_empty() {
        can.push("decide");
    }
    if review.is_open() && !review.emergency {
        if review.stage.is_none() && (mine || viewer.can("review.manage")) {
            can.push("withdraw");
        }
        if review.plan.emergency.is_some() && viewer.can("review.emergency") && (mine || may_act(tx, review, viewer)?) {
            can.push("emergency");
        }
    }
    if review.state == "write_up" && (mine || viewer.can("review.manage")) {
        can.push("write_up");
    }
    let rows: Vec<StepRow> = tx.all("SELECT place, state, opened_at, due_at, late_at, ended_at, note FROM review_step WHERE review_id = ?1 ORDER BY place", params![review.id.0])?;
    let present = rows.iter().find(|row| row.0 == review.step && review.is_open());
    let (due_at, late) = present.map_or((None, false), |row| (row.3, row.4.is_some()));
    let steps = if whole { steps(tx, review, &sitting, &rows)? } else { Vec::new() };
    Ok(ReviewView {
        id: review.id,
        flow: review.flow.clone(),
        flow_title: review.plan.title.clone(),
        kind: review.kind.clone(),
        title: review.title.clone(),
        reason: review.reason.clone(),
        case,
        stage: review.stage.clone(),
        amount: review.amount,
        currency: review.currency.clone(),
        emergency: review.emergency,
        state: review.state.clone(),
        step: review.step,
        of: review.steps(),
        requester: review.requester.map(|id| person(tx, id)).transpose()?,
        requested_at: review.requested_at,
        decided_at: review.decided_at,
        end_reason: review.end_reason.clone(),
        note: review.note.clone(),
        outdated_at: review.outdated_at,
        about,
        due_at,
        late,
        write_up: review.emergency.then(|| WriteUpView { due_at: review.write_up_due_at, text: review.write_up.clone(), at: review.write_up_at, late: review.write_up_late_at.is_some() }),
        waiting_for,
        places,
        can,
        version: review.version,
        steps,
    })
}

/// Whether a viewer may act for a review that a stage of a case asked for: whoever may read the case.
pub fn may_act(tx: &Tx<'_>, review: &Review, viewer: &Viewer) -> Result<bool> {
    let place = review.place(tx)?;
    Ok(review.stage.is_some() && viewer.scope(people::CASE_READ).is_some_and(|scope| scope.sees(&place)))
}

type StepRow = (i64, String, Time, Option<Time>, Option<Time>, Option<Time>, Option<String>);

fn steps(tx: &Tx<'_>, review: &Review, sitting: &[Seat], rows: &[StepRow]) -> Result<Vec<StepView>> {
    let away = stand_in::now(tx, review.workspace)?;
    let mut out = Vec::new();
    for (i, def) in review.plan.step.iter().enumerate() {
        let place = i as i64 + 1;
        let row = rows.iter().find(|row| row.0 == place);
        let mut shown = Vec::new();
        for seat in sitting.iter().filter(|seat| seat.place == place) {
            let stand_ins = if seat.waits() && review.is_open() { stand_in::stand_ins(&away, seat.person, &review.kind, &review.flow) } else { Vec::new() };
            shown.push(SeatView {
                person: person(tx, seat.person)?,
                origin: seat.origin.clone(),
                state: seat.state.clone(),
                decided_at: seat.decided_at,
                decided_by: seat.decided_by.filter(|by| *by != seat.person).map(|by| person(tx, by)).transpose()?,
                via: seat.via.clone(),
                reason: seat.reason.clone(),
                stand_ins: stand_ins.into_iter().filter(|id| course::may_stand_in(review, sitting, *id)).map(|id| person(tx, id)).collect::<Result<_>>()?,
            });
        }
        out.push(StepView {
            step: place,
            title: def.title.clone(),
            mode: def.mode.word(),
            state: row.map_or_else(|| "ahead".to_owned(), |row| row.1.clone()),
            who: def.who.clone(),
            limit: def.limit.clone(),
            opened_at: row.map(|row| row.2),
            due_at: row.and_then(|row| row.3),
            late_at: row.and_then(|row| row.4),
            ended_at: row.and_then(|row| row.5),
            note: row.and_then(|row| row.6.clone()),
            seats: shown,
        });
    }
    Ok(out)
}
