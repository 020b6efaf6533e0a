//! Putting a case aside until a time, or until the customer writes.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use shouwen_kernel::{CaseId, Problem, Result, Time};
use shouwen_store::{Ctx, Timer, TimerHandler, Tx};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::CaseEdit;
use crate::case::Case;
use crate::change::SNOOZE_TIMER;
use crate::deed::{CaseAnswer, Deed, Undo};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(put, remove))
}

/// Brings cases back when their time has come.
pub const TIMER: TimerHandler = TimerHandler { kind: SNOOZE_TIMER, handle: wake };

fn wake(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let id: CaseId = timer.key.parse()?;
    let Some(mut case) = Case::lock(tx, timer.workspace, id)? else { return Ok(()) };
    // A timer that was set anew in the meantime is another one.
    if case.snoozed_until.is_none_or(|until| until > tx.now()) {
        return Ok(());
    }
    case.unsnooze(tx, &Ctx::system(timer.workspace, "clock"), "the time has come")?;
    case.save(tx)
}

/// When it comes back.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Snooze {
    until: Time,
}

/// Puts a case aside; the request that brings it back (or back to the earlier time).
pub fn set(tx: &Tx<'_>, deed: &Deed, case: &mut Case, until: Time) -> Result<Undo> {
    case.must_be_whole()?;
    if until <= tx.now() || until > tx.now().plus_seconds(3 * 366 * 86_400) {
        return Err(Problem::invalid("until", format!("{until} is not in the coming three years")).expected("an instant in the future"));
    }
    if matches!(case.status.as_str(), "resolved" | "closed") {
        return Err(Problem::conflict("case.already_closed", format!("case {} is {}", case.number, case.status)).expected("an open or waiting case"));
    }
    let path = format!("/cases/{}/snooze", case.id);
    let undo = match case.snoozed_until {
        Some(before) => Undo::new("PUT", path, json!({ "until": before })),
        None => Undo::new("DELETE", path, serde_json::Value::Null),
    };
    case.snooze(tx, &deed.ctx, until, "put aside")?;
    case.save(tx)?;
    deed.audit(tx, "case.snoozed", case, Some(json!({ "until": until })))?;
    Ok(undo)
}

/// Puts a case aside until a time; it comes back earlier when the customer writes (UX-41).
#[utoipa::path(put, path = "/cases/{id}/snooze", params(("id" = CaseId, Path)), request_body = Snooze, responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.edit"))))]
async fn put(State(app): State<App>, who: Allowed<CaseEdit>, Id(id): Id<CaseId>, input: Input<Snooze>) -> Answer<Response> {
    let (deed, once, until) = (Deed::of(&who), who.once(&input.hash), input.value.until);
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        let undo = set(tx, &deed, &mut case, until)?;
        deed.answer(tx, &case, Some(undo))
    })
    .await
}

/// Brings a case back now.
#[utoipa::path(delete, path = "/cases/{id}/snooze", params(("id" = CaseId, Path)), responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.edit"))))]
async fn remove(State(app): State<App>, who: Allowed<CaseEdit>, Id(id): Id<CaseId>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        let before = case.snoozed_until;
        if !case.unsnooze(tx, &deed.ctx, "brought back")? {
            return deed.answer(tx, &case, None);
        }
        case.save(tx)?;
        deed.audit(tx, "case.woken", &case, None)?;
        let undo = before.filter(|until| *until > tx.now()).map(|until| Undo::new("PUT", format!("/cases/{id}/snooze"), json!({ "until": until })));
        deed.answer(tx, &case, undo)
    })
    .await
}
