//! Who works on a case, and who is accountable for it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use shouwen_kernel::{CaseId, PersonId, Problem, TeamId};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::change::Assignment;
use crate::deed::{CaseAnswer, Deed, Undo};
use crate::input::{present, reason};
use crate::{CaseAccountability, CaseAssign, hand_over, names, note};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(assign)).routes(routes!(account))
}

/// Who works on it from now on. An absent side stays as it is; null clears it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignmentBody {
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<PersonId>)]
    pub person_id: Option<Option<PersonId>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<TeamId>)]
    pub team_id: Option<Option<TeamId>>,
    #[serde(default)]
    pub reason: Option<String>,
    /// What the next person must know; becomes an internal note with the same stroke. `GET /cases/{id}/summary` proposes one.
    #[serde(default)]
    pub note: Option<String>,
}

/// Assigns, transfers or releases a case. The accountable person (首问责任人) stays.
#[utoipa::path(put, path = "/cases/{id}/assignment", params(("id" = CaseId, Path)), request_body = AssignmentBody, responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.assign"))))]
async fn assign(State(app): State<App>, who: Allowed<CaseAssign>, Id(id): Id<CaseId>, input: Input<AssignmentBody>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        if body.person_id.is_none() && body.team_id.is_none() {
            return Err(Problem::invalid("person_id", "neither a person nor a team was named").expected("`person_id`, `team_id` or both; null clears"));
        }
        let mut case = deed.open(tx, id)?;
        case.must_be_whole()?;
        if let Some(note) = body.note.as_deref().filter(|n| !n.trim().is_empty()) {
            // Before the case moves on: whoever gives it away may no longer see it afterwards.
            let deed = deed.needing("case.note");
            deed.check(&case)?;
            note::write(tx, &deed, &mut case, note, None, &[], &[], None)?;
        }
        let before = json!({ "person_id": case.assignee_id, "team_id": case.team_id, "reason": "undo" });
        let wanted = Assignment { person: body.person_id, team: body.team_id, reason: reason(body.reason.as_deref()).unwrap_or_default(), by: "person" };
        if !case.assign(tx, &deed.ctx, &wanted)? {
            if body.note.is_some() {
                case.save(tx)?;
            }
            return deed.answer(tx, &case, None);
        }
        case.save(tx)?;
        deed.audit(tx, "case.assigned", &case, Some(json!({ "person": case.assignee_id, "team": case.team_id })))?;
        deed.answer(tx, &case, Some(Undo::new("PUT", format!("/cases/{id}/assignment"), before)))
    })
    .await
}

/// The new owner of the answer.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Accountability {
    person_id: PersonId,
    /// Why; recorded, because 首问责任 changes hands only for a reason.
    reason: String,
}

/// Gives the accountability for a case to somebody else at once, for a reason: for managers. Between colleagues it is
/// offered and accepted (`POST …/hand-over`).
#[utoipa::path(put, path = "/cases/{id}/accountability", params(("id" = CaseId, Path)), request_body = Accountability, responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.accountability"))))]
async fn account(State(app): State<App>, who: Allowed<CaseAccountability>, Id(id): Id<CaseId>, input: Input<Accountability>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let why = reason(Some(&body.reason)).ok_or_else(|| Problem::invalid("reason", "no reason was given").expected("why the accountability changes hands"))?;
        let mut case = deed.open(tx, id)?;
        case.must_be_whole()?;
        names::must_be_active(tx, case.workspace, body.person_id, "person_id")?;
        let before = case.accountable_id;
        if before == Some(body.person_id) {
            return deed.answer(tx, &case, None);
        }
        case.answer_for(tx, &deed.ctx, body.person_id, &why)?;
        hand_over::settle(tx, &deed.ctx, &mut case, "withdrawn", Some(&why))?;
        case.save(tx)?;
        deed.audit(tx, "case.accountable", &case, Some(json!({ "from": before, "to": body.person_id, "reason": why })))?;
        let undo = before.map(|person| Undo::new("PUT", format!("/cases/{id}/accountability"), json!({ "person_id": person, "reason": "undo" })));
        deed.answer(tx, &case, undo)
    })
    .await
}
