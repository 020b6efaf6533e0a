//! The course of a review: asked for, step by step opened and decided, ended. Everything that changes a review is here;
//! people (API, mail link), other capabilities' events and timers all come through these doors.

use serde_json::json;
use shouwen_contracts::reviews::{Approved, Decided, Requested, Returned, StepOpened, Withdrawn, WrittenUp};
use shouwen_kernel::{Access, CaseId, Kind, PersonId, Problem, Result, ReviewId, Time, WorkspaceId};
use shouwen_store::{Ctx, Tx, params};
use uuid::Uuid;

use crate::def::{Nobody, Plan};
use crate::people::{self, Person, Place};
use crate::review::{KnownCase, Review, Seat, seats};
use crate::steps::{Outcome, outcome};
use crate::{hours, letters, refusal, stand_in, timers};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    pub flow: String,
    pub kind: &'static str,
    pub title: String,
    pub reason: String,
    pub case: Option<CaseId>,
    pub stage: Option<String>,
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub plan: Plan,
    pub access: Access,
    pub requester: Option<PersonId>,
    /// Who decides nothing in it besides: who wrote the solution, whose judgement it is.
    pub not_by: Vec<PersonId>,
    pub note: Option<String>,
}

impl Ask {
    fn stored(self, tx: &Tx<'_>, workspace: WorkspaceId, state: &str, emergency: bool) -> Result<Review> {
        let review = Review {
            id: ReviewId(tx.id::<Uuid>()),
            workspace,
            flow: self.flow,
            kind: self.kind.to_owned(),
            title: self.title,
            reason: self.reason,
            case_id: self.case,
            stage: self.stage,
            amount: self.amount,
            currency: self.currency,
            plan: self.plan,
            access: self.access,
            requester: self.requester,
            emergency,
            state: state.to_owned(),
            step: 0,
            note: self.note,
            requested_at: tx.now(),
            decided_at: None,
            end_reason: None,
            write_up: None,
            write_up_due_at: None,
            write_up_at: None,
            write_up_late_at: None,
            not_by: self.not_by,
            outdated_at: None,
            version: 1,
        };
        review.insert(tx)?;
        Ok(review)
    }
}

fn tell_requested(tx: &Tx<'_>, ctx: &Ctx, review: &Review) -> Result<()> {
    review.emit(
        tx,
        ctx,
        Requested {
            review_id: review.id,
            flow: review.flow.clone(),
            kind: review.kind.clone(),
            case_id: review.case_id,
            title: review.title.clone(),
            amount: review.amount,
            currency: review.currency.clone(),
            emergency: review.emergency,
            by: review.requester,
            at: tx.now(),
        },
    )?;
    review.audit(tx, ctx, "review.requested", json!({ "kind": review.kind, "amount": review.amount, "currency": review.currency, "emergency": review.emergency, "note": review.note }))
}

/// Asks. A person is refused at once when some step has nobody; what a case's stage asks for is returned to it instead,
/// with the reason, so that it never waits for nobody.
pub fn request(tx: &Tx<'_>, ctx: &Ctx, ask: Ask) -> Result<Review> {
    let by_stage = ask.stage.is_some();
    let mut review = ask.stored(tx, ctx.workspace, "open", false)?;
    if !by_stage {
        let mut planned = Vec::new();
        for place in 1..=review.steps() {
            planned.extend(people_of(tx, &review, place, &planned)?.people.iter().map(|p| p.id));
        }
    }
    tell_requested(tx, ctx, &review)?;
    enter(tx, ctx, &mut review, 1)?;
    Ok(review)
}

/// Grants at once what lies within the requester's own authority.
pub fn grant_alone(tx: &Tx<'_>, ctx: &Ctx, ask: Ask) -> Result<Review> {
    let mut review = ask.stored(tx, ctx.workspace, "open", false)?;
    tell_requested(tx, ctx, &review)?;
    review.audit(tx, ctx, "review.within_authority", json!({ "amount": review.amount, "currency": review.currency }))?;
    approved(tx, ctx, &mut review, None)?;
    Ok(review)
}

/// Acts at once; the write-up is due within the limit of the flow.
pub fn request_emergency(tx: &Tx<'_>, ctx: &Ctx, ask: Ask) -> Result<Review> {
    let mut review = ask.stored(tx, ctx.workspace, "open", false)?;
    make_emergency(tx, ctx, &mut review, None)?;
    Ok(review)
}

/// Turns an open review into an emergency: in force now, decided afterwards.
pub fn make_emergency(tx: &Tx<'_>, ctx: &Ctx, review: &mut Review, reason: Option<&str>) -> Result<()> {
    let Some(def) = review.plan.emergency.clone() else {
        return Err(Problem::conflict("review.no_emergency", format!("`{}` has no emergency path", review.flow)).expected("an ordinary request; or an administrator adds the path to the flow"));
    };
    if !review.is_open() || review.emergency {
        return Err(review.not_open(tx)?);
    }
    let was_asked = review.step > 0;
    close_step(tx, review, "released")?;
    review.emergency = true;
    review.state = "write_up".to_owned();
    review.step = 0;
    let due = hours::due(tx, review.workspace, &def.write_up, true, None)?;
    review.write_up_due_at = due;
    if let Some(due) = due {
        timers::write_up(tx, review, due)?;
    }
    if !was_asked {
        tell_requested(tx, ctx, review)?;
    }
    let why = reason.unwrap_or(&review.reason).to_owned();
    review.audit(tx, ctx, "review.emergency", json!({ "reason": why, "write_up_due_at": due }))?;
    review.emit(tx, ctx, Approved { review_id: review.id, case_id: review.case_id, flow: review.flow.clone(), stage: review.stage.clone(), reason: Some(why), at: tx.now() })?;
    review.save(tx)
}

/// Writes an emergency up; now it is reviewed like any other, only that its effect stands already.
pub fn write_up(tx: &Tx<'_>, ctx: &Ctx, review: &mut Review, by: PersonId, text: &str) -> Result<()> {
    if review.state != "write_up" {
        return Err(review.not_open(tx)?);
    }
    // It is reviewed now: whoever wrote it decides nothing in it.
    review.bar(by);
    review.write_up = Some(text.to_owned());
    review.write_up_at = Some(tx.now());
    review.state = "open".to_owned();
    timers::forget_write_up(tx, review)?;
    review.emit(tx, ctx, WrittenUp { review_id: review.id, case_id: review.case_id, by, at: tx.now() })?;
    review.audit(tx, ctx, "review.written_up", json!({ "late": review.write_up_late_at.is_some() }))?;
    enter(tx, ctx, review, 1)
}

/// Who is to sit in a step, how, and what there is to note about it.
pub struct Seated {
    pub people: Vec<Person>,
    pub origin: &'static str,
    pub note: Option<String>,
}

fn place_of(tx: &Tx<'_>, review: &Review, place: i64, planned: &[PersonId]) -> Result<Place> {
    let before = seats(tx, review)?.into_iter().filter(|seat| seat.place < place).map(|seat| seat.person).chain(planned.iter().copied()).collect();
    Ok(Place { access: review.place(tx)?, of_case: review.case_id.is_some(), requester: review.requester, except: excluded(review), before })
}

/// Who may not decide at all: who asked for it, wrote it, or whose judgement it is.
pub fn excluded(review: &Review) -> Vec<PersonId> {
    review.requester.filter(|_| !review.plan.own).into_iter().chain(review.not_by.iter().copied()).collect()
}

/// Whether somebody may not decide at all: nobody decides what they asked for or wrote themselves, unless the flow lets them.
pub fn is_excluded(review: &Review, person: PersonId) -> bool {
    review.not_by.contains(&person) || (!review.plan.own && review.requester == Some(person))
}

/// Whether somebody may take another's place in the present step: not who sits in it themselves, nor who has approved in
/// this review already. Two approvals are those of two people.
pub fn may_stand_in(review: &Review, sitting: &[Seat], person: PersonId) -> bool {
    let sits = |seat: &Seat| seat.place == review.step && seat.person == person && seat.state != "released";
    !is_excluded(review, person) && !sitting.iter().any(|seat| sits(seat) || (seat.state == "approved" && seat.decided_by == Some(person)))
}

/// Everybody the present step waits for: who sits in it undecided, and who may decide in their place.
pub fn waited_for(tx: &Tx<'_>, review: &Review) -> Result<Vec<PersonId>> {
    if !review.is_open() {
        return Ok(Vec::new());
    }
    let sitting = seats(tx, review)?;
    let waiting: Vec<PersonId> = sitting.iter().filter(|seat| seat.place == review.step && seat.waits()).map(|seat| seat.person).collect();
    with_stand_ins(tx, review, &sitting, &waiting)
}

/// People, each followed by those who may decide in their place; each once.
fn with_stand_ins(tx: &Tx<'_>, review: &Review, sitting: &[Seat], people: &[PersonId]) -> Result<Vec<PersonId>> {
    let away = stand_in::now(tx, review.workspace)?;
    let mut all: Vec<PersonId> = Vec::new();
    for person in people {
        let others = stand_in::stand_ins(&away, *person, &review.kind, &review.flow).into_iter().filter(|id| may_stand_in(review, sitting, *id));
        for id in std::iter::once(*person).chain(others) {
            if !all.contains(&id) {
                all.push(id);
            }
        }
    }
    Ok(all)
}

/// The people of step `place` as things are now. `planned`: those whom earlier steps, not opened yet, would ask.
///
/// # Errors
/// `review.nobody`, which names whom it looked for, when nobody can decide and nobody stands in.
pub fn people_of(tx: &Tx<'_>, review: &Review, place: i64, planned: &[PersonId]) -> Result<Seated> {
    let Some(def) = usize::try_from(place - 1).ok().and_then(|i| review.plan.step.get(i)) else { return Err(Problem::internal(format!("review {} has no step {place}", review.id))) };
    let at = place_of(tx, review, place, planned)?;
    let decided: Vec<PersonId> = seats(tx, review)?.into_iter().filter(|seat| seat.place < place && seat.state == "approved").filter_map(|seat| seat.decided_by).collect();
    let fit = |found: Vec<Person>| -> Vec<Person> {
        let able: Vec<Person> = found.into_iter().filter(|person| !is_excluded(review, person.id)).collect();
        // Whoever approved an earlier step is not asked again, if anybody else can be.
        let fresh: Vec<Person> = able.iter().filter(|person| !decided.contains(&person.id)).cloned().collect();
        if fresh.is_empty() { able } else { fresh }
    };
    let who = fit(people::all_named(tx, review.workspace, &def.who, &at)?);
    if !who.is_empty() {
        return Ok(Seated { people: who, origin: "asked", note: None });
    }
    let (zh, en) = people::words_shown(&def.who);
    let other = fit(people::all_named(tx, review.workspace, &def.otherwise, &at)?);
    if !other.is_empty() {
        let (zh2, en2) = people::words_shown(&def.otherwise);
        return Ok(Seated { people: other, origin: "asked", note: Some(format!("没有可审核的{zh}，改由{zh2}审核 · nobody for {en}; {en2} decides")) });
    }
    if review.plan.nobody == Nobody::Administrators {
        let administrators = fit(people::holders(tx, review.workspace, people::ADMINISTRATOR)?);
        if !administrators.is_empty() {
            return Ok(Seated { people: administrators, origin: "administrator", note: Some(format!("没有可审核的{zh}，转系统管理员审核 · nobody for {en}; the administrators decide")) });
        }
    }
    Err(Problem::conflict("review.nobody", format!("nobody can decide step {place} (“{}”): it asks for {en}, and nobody who holds that is there besides whoever asks", def.title.en))
        .expected(format!("somebody else with {en}; an administrator gives the role or changes the flow"))
        .detail(json!({ "step": place, "who": def.who, "missing": { "zh": zh, "en": en } })))
}

/// Opens step `place`, or ends the review when there is none.
pub(crate) fn enter(tx: &Tx<'_>, ctx: &Ctx, review: &mut Review, place: i64) -> Result<()> {
    if place > review.steps() {
        return approved(tx, ctx, review, None);
    }
    let seated = match people_of(tx, review, place, &[]) {
        Ok(seated) => seated,
        Err(problem) if problem.code == "review.nobody" => {
            // Never stuck in silence: back to whoever asked, with the reason.
            review.step = place;
            let system = Ctx::system(review.workspace, "reviews");
            review.audit(tx, &system, "review.nobody", json!({ "step": place, "problem": problem }))?;
            let missing = problem.detail.as_ref().and_then(|d| d["missing"]["zh"].as_str()).unwrap_or_default().to_owned();
            return returned(tx, &system, review, Some(format!("没有人可以审核：缺少{missing} · {}", problem.message)));
        }
        Err(problem) => return Err(problem),
    };
    review.step = place;
    let Some(def) = review.step_def().cloned() else { return Err(Problem::internal("a step that is not there")) };
    let due = match &def.limit {
        Some(limit) => hours::due(tx, review.workspace, limit, review.plan.around_the_clock, review.plan.calendar.as_deref())?,
        None => None,
    };
    tx.execute(
        "INSERT INTO review_step (review_id, place, workspace_id, state, opened_at, due_at, note) VALUES (?1, ?2, ?3, 'waiting', ?4, ?5, ?6)
         ON CONFLICT (review_id, place) DO UPDATE SET state = 'waiting', opened_at = ?4, due_at = ?5, note = ?6, late_at = NULL, ended_at = NULL",
        params![review.id.0, place, review.workspace, tx.now(), due, seated.note],
    )?;
    // An emergency taken while the review ran begins anew once it is written up.
    // Who was let go of stays known, so that they hear why it waits for them no longer.
    tx.run("DELETE FROM review_seat WHERE review_id = ?1 AND place = ?2 AND state <> 'released'", params![review.id.0, place])?;
    tx.run("UPDATE review_link SET expires_at = ?3 WHERE review_id = ?1 AND place = ?2 AND expires_at > ?3", params![review.id.0, place, tx.now()])?;
    for person in &seated.people {
        seat(tx, review, person.id, seated.origin)?;
    }
    if let Some(note) = &seated.note {
        review.audit(tx, ctx, "review.fell_to", json!({ "step": place, "note": note, "people": seated.people.iter().map(|p| p.id).collect::<Vec<_>>() }))?;
    }
    review.save(tx)?;
    match due {
        Some(due) => timers::step(tx, review, due)?,
        None => timers::forget_step(tx, review)?,
    }
    let people: Vec<PersonId> = seated.people.iter().map(|person| person.id).collect();
    tell_step(tx, ctx, review, &people, false)
}

pub(crate) fn seat(tx: &Tx<'_>, review: &Review, person: PersonId, origin: &str) -> Result<()> {
    tx.run(
        "INSERT INTO review_seat (review_id, place, person_id, workspace_id, origin, state, opened_at) VALUES (?1, ?2, ?3, ?4, ?5, 'waiting', ?6)
         ON CONFLICT (review_id, place, person_id) DO UPDATE SET origin = ?5, state = 'waiting', opened_at = ?6, decided_at = NULL, decided_by = NULL, via = NULL, reason = NULL WHERE review_seat.state = 'released'",
        params![review.id.0, review.step, person, review.workspace, origin, tx.now()],
    )
}

/// Tells people, and those who stand in for them, that a step waits for them; `added`: besides those told before.
pub(crate) fn tell_step(tx: &Tx<'_>, ctx: &Ctx, review: &Review, people: &[PersonId], added: bool) -> Result<()> {
    let all = with_stand_ins(tx, review, &seats(tx, review)?, people)?;
    tell_people(tx, ctx, review, all, added)
}

/// Tells exactly these people that the present step waits for them, and writes to them.
pub(crate) fn tell_people(tx: &Tx<'_>, ctx: &Ctx, review: &Review, people: Vec<PersonId>, added: bool) -> Result<()> {
    let def = review.step_def();
    let (title, mode) = (def.map(|def| def.title.clone()).unwrap_or_default(), def.map(|def| def.mode).unwrap_or_default());
    let due = tx.opt::<(Option<Time>,)>("SELECT due_at FROM review_step WHERE review_id = ?1 AND place = ?2", params![review.id.0, review.step])?.and_then(|row| row.0);
    review.emit(
        tx,
        ctx,
        StepOpened {
            review_id: review.id,
            case_id: review.case_id,
            step: review.step,
            of: review.steps(),
            title_zh: title.zh,
            title_en: title.en,
            people: people.clone(),
            mode: mode.word().to_owned(),
            due_at: due,
            added,
            waiting: Some(waited_for(tx, review)?),
            at: tx.now(),
        },
    )?;
    for id in people {
        if let Some(person) = Person::load(tx, id)?.filter(|p| p.active) {
            letters::ask(tx, ctx, review, &person, due)?;
        }
    }
    Ok(())
}

/// The present step ends; whoever has not decided is no longer asked.
pub(crate) fn close_step(tx: &Tx<'_>, review: &Review, state: &str) -> Result<()> {
    tx.run("UPDATE review_seat SET state = 'released' WHERE review_id = ?1 AND place = ?2 AND state = 'waiting'", params![review.id.0, review.step])?;
    tx.run("UPDATE review_step SET state = ?3, ended_at = ?4 WHERE review_id = ?1 AND place = ?2", params![review.id.0, review.step, state, tx.now()])?;
    timers::forget_step(tx, review)
}

/// The case an end is told for: what only confirms or disputes an emergency moves no case any more.
fn moved_case(review: &Review) -> Option<CaseId> {
    review.case_id.filter(|_| !review.is_afterwards())
}

fn approved(tx: &Tx<'_>, ctx: &Ctx, review: &mut Review, reason: Option<String>) -> Result<()> {
    review.state = "approved".to_owned();
    review.decided_at = Some(tx.now());
    review.end_reason = reason.clone();
    review.save(tx)?;
    review.audit(tx, ctx, "review.approved", json!({ "amount": review.amount, "afterwards": review.is_afterwards() }))?;
    review.emit(tx, ctx, Approved { review_id: review.id, case_id: moved_case(review), flow: review.flow.clone(), stage: review.stage.clone(), reason, at: tx.now() })
}

fn returned(tx: &Tx<'_>, ctx: &Ctx, review: &mut Review, reason: Option<String>) -> Result<()> {
    review.state = "returned".to_owned();
    review.decided_at = Some(tx.now());
    review.end_reason = reason.clone();
    review.save(tx)?;
    review.audit(tx, ctx, "review.returned", json!({ "step": review.step, "reason": reason, "afterwards": review.is_afterwards() }))?;
    review.emit(tx, ctx, Returned { review_id: review.id, case_id: moved_case(review), flow: review.flow.clone(), stage: review.stage.clone(), step: review.step, reason, at: tx.now() })
}

/// Takes it back.
pub fn withdraw(tx: &Tx<'_>, ctx: &Ctx, review: &mut Review, reason: Option<String>) -> Result<()> {
    if review.state == "write_up" {
        return Err(Problem::conflict("review.in_force", "an emergency is in force already and cannot be taken back").expected("a write-up; the review afterwards says whether it was right"));
    }
    if !review.is_open() {
        return Err(review.not_open(tx)?);
    }
    if review.emergency {
        return Err(Problem::conflict("review.in_force", "an emergency is in force already and cannot be taken back").expected("the decision of the reviewers"));
    }
    close_step(tx, review, "withdrawn")?;
    review.state = "withdrawn".to_owned();
    review.decided_at = Some(tx.now());
    review.end_reason = reason.clone();
    review.save(tx)?;
    review.audit(tx, ctx, "review.withdrawn", json!({ "reason": reason }))?;
    review.emit(tx, ctx, Withdrawn { review_id: review.id, case_id: review.case_id, flow: review.flow.clone(), reason, at: tx.now() })
}

/// In whose places somebody may decide now: their own when they sit in the step, else of those they stand in for.
pub fn places(tx: &Tx<'_>, review: &Review, person: PersonId) -> Result<Vec<PersonId>> {
    if !review.is_open() || is_excluded(review, person) {
        return Ok(Vec::new());
    }
    let sitting = seats(tx, review)?;
    let here: Vec<&Seat> = sitting.iter().filter(|seat| seat.place == review.step).collect();
    if here.iter().any(|seat| seat.person == person && seat.waits()) {
        let took_another = here.iter().any(|seat| seat.state == "approved" && seat.decided_by == Some(person));
        return Ok(if took_another { Vec::new() } else { vec![person] });
    }
    if !may_stand_in(review, &sitting, person) {
        return Ok(Vec::new());
    }
    let away = stand_in::now(tx, review.workspace)?;
    let principals = stand_in::principals(&away, person, &review.kind, &review.flow);
    Ok(principals.into_iter().filter(|id| here.iter().any(|seat| seat.person == *id && seat.waits())).collect())
}

/// A decision as it was given.
#[derive(Clone, Debug)]
pub struct Decision {
    pub person: PersonId,
    /// In whose place; `None`: their own, else the first they may take.
    pub for_person: Option<PersonId>,
    pub approve: bool,
    pub reason: Option<String>,
    /// `desk` or `mail`.
    pub via: &'static str,
    /// The print of the solution that was looked at; absent: not said.
    pub about: Option<String>,
}

/// Decides the present step in one place.
pub fn decide(tx: &Tx<'_>, ctx: &Ctx, review: &mut Review, decision: &Decision) -> Result<()> {
    if !review.is_open() {
        return Err(review.not_open(tx)?);
    }
    if is_excluded(review, decision.person) {
        return Err(Problem::new(Kind::Forbidden, "review.own", "nobody decides what they asked for or wrote themselves, for another neither").expected("one of the others it waits for"));
    }
    if !decision.approve && decision.reason.is_none() {
        return Err(Problem::invalid("reason", "a return without a reason helps nobody").expected("what has to be done before it can be approved"));
    }
    let places = places(tx, review, decision.person)?;
    let Some(place) = (match decision.for_person {
        Some(wanted) => places.iter().copied().find(|id| *id == wanted),
        None => places.first().copied(),
    }) else {
        return Err(refusal::not_theirs(tx, review, decision)?);
    };
    if let (Some(seen), Some(case)) = (&decision.about, case_of(tx, review)?)
        && *seen != case.print()?
    {
        return Err(Problem::conflict("review.solution_changed", "the solution was changed since you looked at it").expected("a look at what it says now"));
    }
    let (word, state) = if decision.approve { ("approve", "approved") } else { ("return", "returned") };
    tx.execute(
        "UPDATE review_seat SET state = ?4, decided_at = ?5, decided_by = ?6, via = ?7, reason = ?8 WHERE review_id = ?1 AND place = ?2 AND person_id = ?3",
        params![review.id.0, review.step, place, state, tx.now(), decision.person, decision.via, decision.reason],
    )?;
    let for_person = Some(place).filter(|id| *id != decision.person);
    review.audit(tx, ctx, "review.decided", json!({ "step": review.step, "decision": word, "reason": decision.reason, "for_person": for_person, "via": decision.via }))?;
    review.emit(
        tx,
        ctx,
        Decided {
            review_id: review.id,
            case_id: review.case_id,
            step: review.step,
            person_id: decision.person,
            for_person,
            decision: word.to_owned(),
            reason: decision.reason.clone(),
            waiting: Some(waited_for(tx, review)?),
            at: tx.now(),
        },
    )?;
    go_on(tx, ctx, review, decision.reason.clone())
}

/// Looks what the present step has come to, and goes on from there.
pub fn go_on(tx: &Tx<'_>, ctx: &Ctx, review: &mut Review, reason: Option<String>) -> Result<()> {
    let mode = review.step_def().map(|def| def.mode).unwrap_or_default();
    let votes: Vec<_> = seats(tx, review)?.iter().filter(|seat| seat.place == review.step).map(Seat::vote).collect();
    match outcome(mode, &votes) {
        Outcome::Waits => review.save(tx),
        Outcome::Returned => {
            close_step(tx, review, "returned")?;
            returned(tx, ctx, review, reason)
        }
        Outcome::Approved => {
            close_step(tx, review, "approved")?;
            if review.step >= review.steps() { approved(tx, ctx, review, reason) } else { enter(tx, ctx, review, review.step + 1) }
        }
        // Everybody it waited for is gone: it is opened anew for whoever is there now.
        Outcome::Nobody => enter(tx, ctx, review, review.step),
    }
}

/// The case as it may be shown, and whether somebody may open it.
pub fn case_of(tx: &Tx<'_>, review: &Review) -> Result<Option<KnownCase>> {
    review.case_id.map(|case| KnownCase::load(tx, case)).transpose().map(Option::flatten)
}
