//! Watchers: they see the case and hear of it, whoever it is assigned to.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use shouwen_contracts::casework::{CaseEvent, Watched};
use shouwen_kernel::{CaseId, PersonId};
use shouwen_store::params;
use shouwen_web::{Allowed, Answer, App, Id};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::CaseRead;
use crate::deed::{CaseAnswer, Deed, Undo};
use crate::names;

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(put, remove))
}

/// Adds a watcher. Anybody who sees a case may watch it; to add somebody else takes `case.edit`.
#[utoipa::path(put, path = "/cases/{id}/watchers/{person}", params(("id" = CaseId, Path), ("person" = PersonId, Path)), responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn put(State(app): State<App>, who: Allowed<CaseRead>, Id((id, person)): Id<(CaseId, PersonId)>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let deed = if person == deed.viewer.person { deed.clone() } else { deed.needing("case.edit") };
        let mut case = deed.open(tx, id)?;
        if case.watchers.contains(&person) {
            return deed.answer(tx, &case, None);
        }
        names::must_be_active(tx, case.workspace, person, "person_id")?;
        tx.run(
            "INSERT INTO case_watcher (case_id, person_id, workspace_id, by_person, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id, person, case.workspace, deed.viewer.person, tx.now()],
        )?;
        case.watchers.push(person);
        case.emit(tx, &deed.ctx, Watched { case_id: id, person_id: person, removed: false })?;
        case.save(tx)?;
        deed.audit(tx, "case.watched", &case, Some(json!({ "person": person })))?;
        deed.answer(tx, &case, Some(Undo::new("DELETE", format!("/cases/{id}/watchers/{person}"), serde_json::Value::Null)))
    })
    .await
}

/// Removes a watcher; oneself, or with `case.edit` anybody.
#[utoipa::path(delete, path = "/cases/{id}/watchers/{person}", params(("id" = CaseId, Path), ("person" = PersonId, Path)), responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn remove(State(app): State<App>, who: Allowed<CaseRead>, Id((id, person)): Id<(CaseId, PersonId)>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let deed = if person == deed.viewer.person { deed.clone() } else { deed.needing("case.edit") };
        let mut case = deed.open(tx, id)?;
        if !case.watchers.contains(&person) {
            return deed.answer(tx, &case, None);
        }
        // Who stops watching hears of that, so that an open page can let go of the case.
        let access = case.access();
        tx.run("DELETE FROM case_watcher WHERE case_id = ?1 AND person_id = ?2", params![id, person])?;
        case.watchers.retain(|p| *p != person);
        tx.emit::<CaseEvent>(&deed.ctx, Some(id.0), Some(&access), Watched { case_id: id, person_id: person, removed: true })?;
        case.save(tx)?;
        deed.audit(tx, "case.unwatched", &case, Some(json!({ "person": person })))?;
        deed.answer(tx, &case, Some(Undo::new("PUT", format!("/cases/{id}/watchers/{person}"), serde_json::Value::Null)))
    })
    .await
}
