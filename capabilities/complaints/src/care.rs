//! Actions of care: added, moved, agreed to, done.

use axum::extract::State as AppState;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use shouwen_contracts::complaints::CareDone;
use shouwen_kernel::{CareFileId, ObjectId, PersonId, Problem, Result, Time, text::clip};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, PackText, Viewer};

use crate::care_plan::CareStep;
use crate::file::{self, File};
use crate::files::{CareFileDetail, detail, planned, said, works_here};
use crate::{ComplaintApprove, ComplaintManage, sight};

/// What an action can come to.
const OUTCOMES: [&str; 5] = ["recovered", "still_dissatisfied", "lost", "unreachable", "left_out"];
/// Actions may be planned so far ahead.
const FURTHEST_S: i64 = 2 * 366 * 86_400;

fn answer(tx: &Tx<'_>, viewer: &Viewer, id: CareFileId) -> Result<CareFileDetail> {
    let file = File::find(tx, viewer.workspace, id, false)?.ok_or_else(|| Problem::not_found("file"))?;
    detail(tx, viewer, &file)
}

fn due(tx: &Tx<'_>, at: Time) -> Result<Time> {
    if at <= tx.now() || at > tx.now().plus_seconds(FURTHEST_S) {
        return Err(Problem::invalid("due_at", format!("{at} is past, or more than two years ahead")).expected("an instant to come"));
    }
    Ok(at)
}

/// An action beside the plan.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCare {
    pub title: String,
    pub due_at: Time,
    /// The owner when absent.
    #[serde(default)]
    pub person_id: Option<PersonId>,
    /// Somebody with `complaint.approve` must agree first.
    #[serde(default)]
    pub approval: bool,
}

#[utoipa::path(post, path = "/complaints/files/{id}/care", params(("id" = CareFileId, Path)), request_body = NewCare, responses((status = 201, body = CareFileDetail)), tag = "complaints", summary = "Plans an action of care", extensions(("x-permission" = json!("complaint.manage"))))]
pub async fn add(AppState(app): AppState<App>, who: Allowed<ComplaintManage>, Id(id): Id<CareFileId>, input: Input<NewCare>) -> Answer<Response> {
    let (ctx, once, viewer, scope, body) = (who.ctx(), who.once(&input.hash), who.viewer.clone(), who.scope.clone(), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let file = sight::open_file(tx, viewer.workspace, &scope, id, true)?;
        file.must_be_open()?;
        let title = shouwen_kernel::text::one_line(&said("title", &body.title, 80)?);
        let due_at = due(tx, body.due_at)?;
        if let Some(person) = body.person_id {
            works_here(tx, viewer.workspace, "person_id", person)?;
        }
        let step = CareStep { key: "own".to_owned(), title: PackText { zh: title.clone(), en: title }, after: String::new(), calendar: None, approval: body.approval };
        let care = file::plan_action(tx, &ctx, &file, &step, body.person_id.or(file.owner), due_at, tx.now())?;
        file::refresh(tx, id)?;
        tx.audit(&ctx, "complaint_care.planned", "complaint_file", Some(id.0), Some(json!({ "care": care })))?;
        answer(tx, &viewer, id)
    })
    .await
}

/// Another time, another person; absent fields stay.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CareChange {
    #[serde(default)]
    pub due_at: Option<Time>,
    #[serde(default)]
    pub person_id: Option<PersonId>,
}

#[utoipa::path(patch, path = "/complaints/files/{id}/care/{care}", params(("id" = CareFileId, Path), ("care" = ObjectId, Path)), request_body = CareChange, responses((status = 200, body = CareFileDetail)), tag = "complaints", summary = "Moves an action of care, or gives it to somebody", extensions(("x-permission" = json!("complaint.manage"))))]
pub async fn change(AppState(app): AppState<App>, who: Allowed<ComplaintManage>, Id((id, care)): Id<(CareFileId, ObjectId)>, input: Input<CareChange>) -> Answer<Response> {
    let (ctx, once, viewer, scope, body) = (who.ctx(), who.once(&input.hash), who.viewer.clone(), who.scope.clone(), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        planned(tx, viewer.workspace, &scope, id, care)?;
        if let Some(at) = body.due_at {
            let at = due(tx, at)?;
            tx.run("UPDATE complaint_care SET due_at = ?2, overdue = ?3 WHERE id = ?1", params![care, at, false])?;
            file::set_timer(tx, viewer.workspace, care, at)?;
        }
        if let Some(person) = body.person_id {
            works_here(tx, viewer.workspace, "person_id", person)?;
            tx.run("UPDATE complaint_care SET person_id = ?2 WHERE id = ?1", params![care, person])?;
            tx.run("INSERT INTO complaint_file_person (file_id, person_id) VALUES (?1, ?2) ON CONFLICT (file_id, person_id) DO NOTHING", params![id.0, person])?;
        }
        file::refresh(tx, id)?;
        tx.audit(&ctx, "complaint_care.changed", "complaint_file", Some(id.0), Some(json!({ "care": care, "due_at": body.due_at, "person_id": body.person_id })))?;
        answer(tx, &viewer, id)
    })
    .await
}

/// What an action came to.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CareResult {
    /// `recovered`, `still_dissatisfied`, `lost`, `unreachable`; `left_out` when it is not to be done.
    pub outcome: String,
    /// What was said, or why it is left out.
    #[serde(default)]
    pub note: String,
}

#[utoipa::path(post, path = "/complaints/files/{id}/care/{care}/result", params(("id" = CareFileId, Path), ("care" = ObjectId, Path)), request_body = CareResult, responses((status = 200, body = CareFileDetail), (status = 409, description = "complaint_care.needs_approval, complaint_care.over")), tag = "complaints", summary = "An action was done, or is left out with a reason", extensions(("x-permission" = json!("complaint.manage"))))]
pub async fn result(AppState(app): AppState<App>, who: Allowed<ComplaintManage>, Id((id, care)): Id<(CareFileId, ObjectId)>, input: Input<CareResult>) -> Answer<Response> {
    let (ctx, once, viewer, scope, body) = (who.ctx(), who.once(&input.hash), who.viewer.clone(), who.scope.clone(), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let (file, key, approval, _) = planned(tx, viewer.workspace, &scope, id, care)?;
        if !OUTCOMES.contains(&body.outcome.as_str()) {
            return Err(Problem::invalid("outcome", format!("`{}` is nothing an action comes to", clip(&body.outcome, 40))).expected(OUTCOMES.join(", ")));
        }
        let left_out = body.outcome == "left_out";
        let note = if left_out { said("note", &body.note, 2000)? } else { clip(body.note.trim(), 2000) };
        if !left_out && matches!(approval.as_str(), "needed" | "refused") {
            return Err(Problem::conflict("complaint_care.needs_approval", "nobody has agreed to this action").expected("an approval by somebody with `complaint.approve`, or leave it out with a reason"));
        }
        over(tx, &ctx, &file, care, &key, &body.outcome, &note)?;
        answer(tx, &viewer, id)
    })
    .await
}

fn over(tx: &Tx<'_>, ctx: &Ctx, file: &File, care: ObjectId, key: &str, outcome: &str, note: &str) -> Result<()> {
    let state = if outcome == "left_out" { "left_out" } else { "done" };
    let by = ctx.actor.person_id();
    tx.run(
        "UPDATE complaint_care SET state = ?2, outcome = ?3, note = ?4, done_by = ?5, done_at = ?6, overdue = ?7 WHERE id = ?1",
        params![care, state, outcome, note, by, tx.now(), false],
    )?;
    file::stop_timer(tx, care)?;
    file::refresh(tx, file.id)?;
    file.tell(tx, ctx, CareDone { file_id: file.id, customer_id: file.customer, care: key.to_owned(), outcome: outcome.to_owned(), by, at: tx.now() })?;
    tx.audit(ctx, "complaint_care.done", "complaint_file", Some(file.id.0), Some(json!({ "care": care, "outcome": outcome })))
}

/// Whether it may be done.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CareDecision {
    pub approve: bool,
    /// Needed for a refusal.
    #[serde(default)]
    pub note: String,
}

#[utoipa::path(post, path = "/complaints/files/{id}/care/{care}/approval", params(("id" = CareFileId, Path), ("care" = ObjectId, Path)), request_body = CareDecision, responses((status = 200, body = CareFileDetail)), tag = "complaints", summary = "Agrees to an action, or refuses it; never one's own", extensions(("x-permission" = json!("complaint.approve"))))]
pub async fn approve(AppState(app): AppState<App>, who: Allowed<ComplaintApprove>, Id((id, care)): Id<(CareFileId, ObjectId)>, input: Input<CareDecision>) -> Answer<Response> {
    let (ctx, once, viewer, scope, body) = (who.ctx(), who.once(&input.hash), who.viewer.clone(), who.scope.clone(), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let (file, _, approval, person) = planned(tx, viewer.workspace, &scope, id, care)?;
        if approval == "none" {
            return Err(Problem::conflict("complaint_care.no_approval", "this action needs no approval").expected("an action with `approval` = `needed`"));
        }
        // Four eyes: whoever carries it out does not agree to it.
        if person.or(file.owner) == Some(viewer.person) {
            return Err(Problem::conflict("complaint_care.own", "this action is your own").expected("somebody else's approval"));
        }
        let note = if body.approve { clip(body.note.trim(), 500) } else { said("note", &body.note, 500)? };
        tx.run(
            "UPDATE complaint_care SET approval = ?2, decided_by = ?3, decision_note = ?4 WHERE id = ?1",
            params![care, if body.approve { "approved" } else { "refused" }, viewer.person, note],
        )?;
        file::refresh(tx, id)?;
        tx.audit(&ctx, "complaint_care.decided", "complaint_file", Some(id.0), Some(json!({ "care": care, "approve": body.approve })))?;
        answer(tx, &viewer, id)
    })
    .await
}
