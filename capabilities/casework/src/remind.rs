//! 催办: asking those who work on a case to get on with it. And helpers beside the assignee.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use shouwen_contracts::casework::{CaseEvent, CoHandler, Reminded, Watched};
use shouwen_kernel::{CaseId, Kind, PersonId, Problem, Result};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::case::Case;
use crate::deed::{CaseAnswer, Deed, Undo};
use crate::input::reason;
use crate::{CaseAssign, CaseNote, names};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(remind)).routes(routes!(add, remove))
}

/// Two reminders of one case lie at least this far apart.
const SECONDS_BETWEEN: i64 = 60;

/// What to say.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CaseReminder {
    #[serde(default)]
    text: Option<String>,
}

/// Reminds whoever works on a case: counts, tells, and names whom. The caller saves the case.
pub fn send(tx: &Tx<'_>, ctx: &Ctx, case: &mut Case, text: &str) -> Result<()> {
    case.must_be_whole()?;
    if case.status == "closed" {
        return Err(Problem::conflict("case.already_closed", format!("case {} is closed", case.number)).expected("a case that is still being worked on"));
    }
    if let Some(at) = case.ties.reminded_at.filter(|at| at.plus_seconds(SECONDS_BETWEEN) > tx.now()) {
        let wait = SECONDS_BETWEEN - (tx.now().micros() - at.micros()) / 1_000_000;
        return Err(Problem::new(Kind::TooMany, "case.reminded_just_now", format!("case {} was reminded of just now", case.number)).expected("a minute between two reminders").detail(json!({ "retry_after_s": wait })));
    }
    let mut to: Vec<PersonId> = case.assignee_id.into_iter().chain(case.ties.co_handlers.iter().copied()).collect();
    if to.is_empty() {
        // Nobody works on it yet: the team hears of it.
        to = match case.team_id {
            Some(team) => names::members(tx, team)?,
            None => case.accountable_id.into_iter().collect(),
        };
    }
    to.sort_unstable();
    to.dedup();
    case.ties.reminders += 1;
    case.ties.reminded_at = Some(tx.now());
    case.emit(tx, ctx, Reminded { case_id: case.id, by: ctx.actor.person_id(), text: text.to_owned(), to, count: case.ties.reminders, at: tx.now() })
}

/// Reminds those who work on a case, or its team while nobody does, to get on with it.
#[utoipa::path(post, path = "/cases/{id}/reminders", params(("id" = CaseId, Path)), request_body = CaseReminder, responses((status = 200, body = CaseAnswer), (status = 429, description = "case.reminded_just_now")), tag = "cases", extensions(("x-permission" = json!("case.note"))))]
async fn remind(State(app): State<App>, who: Allowed<CaseNote>, Id(id): Id<CaseId>, input: Input<CaseReminder>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        // Whoever watches a case may ask how it goes on.
        let mut case = deed.open(tx, id)?;
        send(tx, &deed.ctx, &mut case, &reason(body.text.as_deref()).unwrap_or_default())?;
        case.save(tx)?;
        deed.audit(tx, "case.reminded", &case, None)?;
        deed.answer(tx, &case, None)
    })
    .await
}

/// Adds somebody who works on a case beside the assignee. They see it, as watchers do.
#[utoipa::path(put, path = "/cases/{id}/co-handlers/{person}", params(("id" = CaseId, Path), ("person" = PersonId, Path)), responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.assign"))))]
async fn add(State(app): State<App>, who: Allowed<CaseAssign>, Id((id, person)): Id<(CaseId, PersonId)>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        case.must_be_whole()?;
        if case.ties.co_handlers.contains(&person) {
            return deed.answer(tx, &case, None);
        }
        names::must_be_active(tx, case.workspace, person, "person_id")?;
        if !case.watchers.contains(&person) {
            tx.execute(
                "INSERT INTO case_watcher (case_id, person_id, workspace_id, by_person, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (case_id, person_id) DO NOTHING",
                params![id, person, case.workspace, deed.viewer.person, tx.now()],
            )?;
            case.watchers.push(person);
            case.emit(tx, &deed.ctx, Watched { case_id: id, person_id: person, removed: false })?;
        }
        tx.execute("UPDATE case_watcher SET co_handler = ?3 WHERE case_id = ?1 AND person_id = ?2", params![id, person, true])?;
        case.ties.co_handlers.push(person);
        case.emit(tx, &deed.ctx, CoHandler { case_id: id, person_id: person, removed: false })?;
        case.save(tx)?;
        deed.audit(tx, "case.co_handler", &case, Some(json!({ "person": person })))?;
        deed.answer(tx, &case, Some(Undo::new("DELETE", format!("/cases/{id}/co-handlers/{person}"), serde_json::Value::Null)))
    })
    .await
}

/// Takes a helper away; they no longer watch the case either.
#[utoipa::path(delete, path = "/cases/{id}/co-handlers/{person}", params(("id" = CaseId, Path), ("person" = PersonId, Path)), responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.assign"))))]
async fn remove(State(app): State<App>, who: Allowed<CaseAssign>, Id((id, person)): Id<(CaseId, PersonId)>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        if !case.ties.co_handlers.contains(&person) {
            return deed.answer(tx, &case, None);
        }
        // They hear of it, so that an open page can let go of the case.
        let access = case.access();
        tx.execute("DELETE FROM case_watcher WHERE case_id = ?1 AND person_id = ?2", params![id, person])?;
        case.watchers.retain(|p| *p != person);
        case.ties.co_handlers.retain(|p| *p != person);
        tx.emit::<CaseEvent>(&deed.ctx, Some(id.0), Some(&access), CoHandler { case_id: id, person_id: person, removed: true })?;
        tx.emit::<CaseEvent>(&deed.ctx, Some(id.0), Some(&access), Watched { case_id: id, person_id: person, removed: true })?;
        case.save(tx)?;
        deed.audit(tx, "case.co_handler_removed", &case, Some(json!({ "person": person })))?;
        deed.answer(tx, &case, Some(Undo::new("PUT", format!("/cases/{id}/co-handlers/{person}"), serde_json::Value::Null)))
    })
    .await
}
