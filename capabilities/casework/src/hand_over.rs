//! Handing over accountability (首问责任): offered for a reason, and in other hands only when it is accepted.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_contracts::casework::{HandOver, Watched};
use shouwen_kernel::{CaseId, ObjectId, PersonId, Problem, Result, Time};
use shouwen_store::{Ctx, Timer, TimerHandler, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::case::Case;
use crate::deed::{CaseAnswer, Deed, Undo, may};
use crate::input::reason;
use crate::names::{self, Named};
use crate::CaseRead;

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(offer, withdraw)).routes(routes!(accept)).routes(routes!(decline))
}

/// Ends an offer nobody answered; its key is the offer.
pub const TIMER: TimerHandler = TimerHandler { kind: TIMER_KIND, handle: expire };
const TIMER_KIND: &str = "case.hand_over";
/// Hours an offer stands, when nothing else is said.
const HOURS: i64 = 48;

/// A hand-over that waits for an answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HandOverView {
    pub id: ObjectId,
    pub from: Option<Named<PersonId>>,
    pub to: Named<PersonId>,
    pub reason: String,
    pub offered_by: Named<PersonId>,
    pub offered_at: Time,
    pub expires_at: Time,
}

struct Offer {
    id: ObjectId,
    from: Option<PersonId>,
    to: PersonId,
    reason: String,
    offered_by: PersonId,
    offered_at: Time,
    expires_at: Time,
    began_to_watch: bool,
}

fn open_offer(tx: &Tx<'_>, case: CaseId) -> Result<Option<Offer>> {
    type Row = (ObjectId, Option<PersonId>, PersonId, String, PersonId, Time, Time, bool);
    let row: Option<Row> = tx.opt(
        "SELECT id, from_person, to_person, reason, offered_by, offered_at, expires_at, began_to_watch FROM case_hand_over WHERE case_id = ?1 AND state = 'offered' ORDER BY id DESC LIMIT 1",
        params![case],
    )?;
    Ok(row.map(|(id, from, to, reason, offered_by, offered_at, expires_at, began_to_watch)| Offer { id, from, to, reason, offered_by, offered_at, expires_at, began_to_watch }))
}

/// The offer that waits for an answer.
pub fn pending(tx: &Tx<'_>, case: CaseId) -> Result<Option<HandOverView>> {
    let Some(offer) = open_offer(tx, case)? else { return Ok(None) };
    let named = |id: PersonId| names::person_name(tx, id).map(|name| Named { id, name });
    Ok(Some(HandOverView {
        id: offer.id,
        from: names::person(tx, offer.from)?,
        to: named(offer.to)?,
        reason: offer.reason,
        offered_by: named(offer.offered_by)?,
        offered_at: offer.offered_at,
        expires_at: offer.expires_at,
    }))
}

/// Ends an open offer, if there is one: accountability changed hands in another way, or the case ended.
pub fn settle(tx: &Tx<'_>, ctx: &Ctx, case: &mut Case, state: &str, answer: Option<&str>) -> Result<()> {
    let Some(offer) = open_offer(tx, case.id)? else { return Ok(()) };
    tx.execute("UPDATE case_hand_over SET state = ?2, answer = ?3, answered_at = ?4 WHERE id = ?1", params![offer.id, state, answer, tx.now()])?;
    tx.cancel_timer(TIMER_KIND, &offer.id.to_string())?;
    case.emit(
        tx,
        ctx,
        HandOver { case_id: case.id, from: offer.from, to: offer.to, state: state.to_owned(), reason: answer.unwrap_or(&offer.reason).to_owned(), expires_at: None },
    )?;
    if offer.began_to_watch && state != "accepted" && case.accountable_id != Some(offer.to) && case.watchers.contains(&offer.to) && !case.ties.co_handlers.contains(&offer.to) {
        let access = case.access();
        tx.execute("DELETE FROM case_watcher WHERE case_id = ?1 AND person_id = ?2", params![case.id, offer.to])?;
        case.watchers.retain(|p| *p != offer.to);
        tx.emit::<shouwen_contracts::casework::CaseEvent>(ctx, Some(case.id.0), Some(&access), Watched { case_id: case.id, person_id: offer.to, removed: true })?;
    }
    Ok(())
}

/// Whom it is offered to, and why.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HandOverOffer {
    person_id: PersonId,
    /// Why; recorded, because 首问责任 changes hands only for a reason.
    reason: String,
    /// Hours the offer stands, 1–336; 48 when absent.
    #[serde(default)]
    hours: Option<i64>,
}

/// Offers the accountability for a case to somebody else. By the accountable person, or with `case.assign`.
///
/// Until it is accepted the accountable person stays. While one person is asked, nobody else is: the offer is answered,
/// expires or is withdrawn first.
#[utoipa::path(post, path = "/cases/{id}/hand-over", params(("id" = CaseId, Path)), request_body = HandOverOffer, responses((status = 200, body = CaseAnswer), (status = 409, description = "case.already_offered")), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn offer(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<CaseId>, input: Input<HandOverOffer>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let why = reason(Some(&body.reason)).ok_or_else(|| Problem::invalid("reason", "no reason was given").expected("why the accountability is to change hands"))?;
        let hours = body.hours.unwrap_or(HOURS);
        if !(1..=336).contains(&hours) {
            return Err(Problem::invalid("hours", format!("an offer of {hours} hours")).expected("1 to 336"));
        }
        let mut case = deed.open(tx, id)?;
        case.must_be_whole()?;
        if case.accountable_id != Some(deed.viewer.person) {
            deed.needing("case.assign").check(&case)?;
        }
        if case.status == "closed" {
            return Err(Problem::conflict("case.already_closed", format!("case {} is closed", case.number)).expected("a case that is not in the archive"));
        }
        if case.accountable_id == Some(body.person_id) {
            return Err(Problem::invalid("person_id", "this person is accountable already").expected("somebody else"));
        }
        names::must_be_active(tx, case.workspace, body.person_id, "person_id")?;
        if let Some(asked) = pending(tx, id)? {
            return Err(Problem::conflict("case.already_offered", format!("{} was asked already and has not answered", asked.to.name))
                .field("person_id")
                .expected("their answer; or withdraw that offer first (DELETE …/hand-over)")
                .detail(json!({ "to": asked.to, "offered_by": asked.offered_by, "expires_at": asked.expires_at })));
        }
        // Whoever is to decide about it must be able to see it.
        let new = !case.access().people.contains(&body.person_id);
        if new {
            tx.execute(
                "INSERT INTO case_watcher (case_id, person_id, workspace_id, by_person, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (case_id, person_id) DO NOTHING",
                params![id, body.person_id, case.workspace, deed.viewer.person, tx.now()],
            )?;
            case.watchers.push(body.person_id);
            case.emit(tx, &deed.ctx, Watched { case_id: id, person_id: body.person_id, removed: false })?;
        }
        let (offer, expires_at): (ObjectId, Time) = (tx.id(), tx.now().plus_seconds(hours * 3600));
        tx.execute(
            "INSERT INTO case_hand_over (id, workspace_id, case_id, from_person, to_person, reason, offered_by, offered_at, expires_at, began_to_watch, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'offered')",
            params![offer, case.workspace, id, case.accountable_id, body.person_id, why, deed.viewer.person, tx.now(), expires_at, new],
        )?;
        tx.set_timer(case.workspace, TIMER_KIND, &offer.to_string(), expires_at, &json!({ "case_id": id }))?;
        case.emit(tx, &deed.ctx, HandOver { case_id: id, from: case.accountable_id, to: body.person_id, state: "offered".into(), reason: why.clone(), expires_at: Some(expires_at) })?;
        case.save(tx)?;
        deed.audit(tx, "case.hand_over_offered", &case, Some(json!({ "to": body.person_id, "reason": why })))?;
        deed.answer(tx, &case, Some(Undo::new("DELETE", format!("/cases/{id}/hand-over"), serde_json::Value::Null)))
    })
    .await
}

fn the_offer(tx: &Tx<'_>, id: CaseId) -> Result<Offer> {
    open_offer(tx, id)?.ok_or_else(|| Problem::conflict("case.no_offer", "no hand-over waits for an answer here").expected("an offer that was neither answered nor withdrawn, and has not expired"))
}

/// Takes an offer back; whoever was asked is told. By whoever made it or is accountable, or with `case.assign`.
#[utoipa::path(delete, path = "/cases/{id}/hand-over", params(("id" = CaseId, Path)), responses((status = 200, body = CaseAnswer), (status = 409, description = "case.no_offer")), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn withdraw(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<CaseId>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        let offer = the_offer(tx, id)?;
        if offer.offered_by != deed.viewer.person && case.accountable_id != Some(deed.viewer.person) && !may(&deed.viewer, "case.assign", &case) {
            return Err(Problem::forbidden("case.assign"));
        }
        settle(tx, &deed.ctx, &mut case, "withdrawn", None)?;
        case.save(tx)?;
        deed.audit(tx, "case.hand_over_withdrawn", &case, None)?;
        deed.answer(tx, &case, None)
    })
    .await
}

fn only_them(offer: &Offer, deed: &Deed) -> Result<()> {
    if offer.to == deed.viewer.person {
        return Ok(());
    }
    Err(Problem::new(shouwen_kernel::Kind::Forbidden, "case.not_offered_to_you", "this hand-over was offered to somebody else").expected("an answer by the person it was offered to"))
}

/// Accepts the accountability that was offered to you.
#[utoipa::path(post, path = "/cases/{id}/hand-over/acceptance", params(("id" = CaseId, Path)), responses((status = 200, body = CaseAnswer), (status = 409, description = "case.no_offer")), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn accept(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<CaseId>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        case.must_be_whole()?;
        let offer = the_offer(tx, id)?;
        only_them(&offer, &deed)?;
        settle(tx, &deed.ctx, &mut case, "accepted", None)?;
        case.answer_for(tx, &deed.ctx, offer.to, &offer.reason)?;
        case.save(tx)?;
        deed.audit(tx, "case.accountable", &case, Some(json!({ "from": offer.from, "to": offer.to, "reason": offer.reason, "accepted": true })))?;
        deed.answer(tx, &case, None)
    })
    .await
}

/// Why it is declined.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HandOverRefusal {
    reason: String,
}

/// Declines the accountability that was offered to you, for a reason.
#[utoipa::path(post, path = "/cases/{id}/hand-over/refusal", params(("id" = CaseId, Path)), request_body = HandOverRefusal, responses((status = 200, body = CaseAnswer), (status = 409, description = "case.no_offer")), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn decline(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<CaseId>, input: Input<HandOverRefusal>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let why = reason(Some(&body.reason)).ok_or_else(|| Problem::invalid("reason", "no reason was given").expected("why you decline"))?;
        let mut case = deed.open(tx, id)?;
        only_them(&the_offer(tx, id)?, &deed)?;
        // The answer shows the case as they saw it; afterwards they may no longer see it.
        settle(tx, &deed.ctx, &mut case, "declined", Some(&why))?;
        case.save(tx)?;
        deed.audit(tx, "case.hand_over_declined", &case, Some(json!({ "reason": why })))?;
        deed.answer(tx, &case, None)
    })
    .await
}

fn expire(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let id: CaseId = serde_json::from_value(timer.payload["case_id"].clone())?;
    let Some(mut case) = Case::lock(tx, timer.workspace, id)? else { return Ok(()) };
    if open_offer(tx, id)?.is_some_and(|offer| offer.id.to_string() == timer.key && offer.expires_at <= tx.now()) {
        settle(tx, &Ctx::system(timer.workspace, "clock"), &mut case, "expired", None)?;
        case.save(tx)?;
    }
    Ok(())
}
