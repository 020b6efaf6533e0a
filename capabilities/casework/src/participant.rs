//! Accepting somebody who wrote into a thread without having been part of it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use shouwen_contracts::casework::ParticipantVerified;
use shouwen_kernel::{CaseId, ConversationId, ObjectId, Problem};
use shouwen_store::params;
use shouwen_web::{Allowed, Answer, App, Id};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::CaseEdit;
use crate::deed::{CaseAnswer, Deed};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(verify))
}

/// Accepts a participant as who they say they are: from now on they are answered like everybody else, with history.
#[utoipa::path(post, path = "/cases/{id}/participants/{participant}/verification", params(("id" = CaseId, Path), ("participant" = ObjectId, Path)), responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.edit"))))]
async fn verify(State(app): State<App>, who: Allowed<CaseEdit>, Id((id, participant)): Id<(CaseId, ObjectId)>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        case.must_be_whole()?;
        let found: Option<(ConversationId, bool)> = tx.opt(
            "SELECT p.conversation_id, p.verified FROM case_participant p JOIN case_conversation c ON c.id = p.conversation_id WHERE p.id = ?1 AND c.case_id = ?2",
            params![participant, id],
        )?;
        let (conversation, verified) = found.ok_or_else(|| Problem::not_found("participant"))?;
        if !verified {
            tx.execute("UPDATE case_participant SET verified = ?2 WHERE id = ?1", params![participant, true])?;
            case.emit(tx, &deed.ctx, ParticipantVerified { case_id: id, conversation_id: conversation, by: deed.viewer.person })?;
            case.save(tx)?;
            deed.audit(tx, "case.participant_verified", &case, Some(json!({ "participant": participant })))?;
        }
        deed.answer(tx, &case, None)
    })
    .await
}
