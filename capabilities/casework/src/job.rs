//! Jobs: how far they are, what failed, stopping and undoing them. A job is its owner's alone.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use shouwen_kernel::{CaseId, JobId, PersonId, Problem, Result};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Id};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::CaseRead;
use crate::bulk::{self, Started};
use crate::deed::Deed;

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(cancel)).routes(routes!(undo))
}

/// A case the job could not change.
#[derive(Debug, Serialize, ToSchema)]
struct Failed {
    case_id: CaseId,
    /// Null when the viewer may not see the case.
    number: Option<String>,
    /// Code, message, what would be right.
    #[schema(value_type = Object)]
    error: serde_json::Value,
}

/// A job.
#[derive(Debug, Serialize, ToSchema)]
struct JobView {
    id: JobId,
    /// The action: `assign`, `close` …, or `undo`.
    kind: String,
    /// `running`, `done`, `cancelled`.
    state: String,
    total: i64,
    /// Cases dealt with, the failed ones included.
    done: i64,
    failed: Vec<Failed>,
    /// Something was changed that can be put back.
    undoable: bool,
}

struct Job {
    kind: String,
    state: String,
    total: i64,
    done: i64,
    undone_by: Option<JobId>,
}

fn find(tx: &Tx<'_>, deed: &Deed, id: JobId) -> Result<Job> {
    let row: Option<(PersonId, String, String, i64, i64, Option<JobId>)> = tx.opt(
        "SELECT person_id, kind, state, total, done, undone_by FROM case_job WHERE id = ?1 AND workspace_id = ?2",
        params![id, deed.viewer.workspace],
    )?;
    match row {
        Some((person, kind, state, total, done, undone_by)) if person == deed.viewer.person => Ok(Job { kind, state, total, done, undone_by }),
        _ => Err(Problem::not_found("job")),
    }
}

fn view(tx: &Tx<'_>, deed: &Deed, id: JobId) -> Result<JobView> {
    let job = find(tx, deed, id)?;
    let failed: Vec<(CaseId, Option<String>, serde_json::Value)> =
        tx.all("SELECT case_id, number, error FROM case_job_item WHERE job_id = ?1 AND state = 'failed' ORDER BY place LIMIT 5000", params![id])?;
    let changed: Option<(i64,)> = tx.opt("SELECT 1 FROM case_job_item WHERE job_id = ?1 AND state = 'done' AND undo IS NOT NULL LIMIT 1", params![id])?;
    Ok(JobView {
        id,
        undoable: job.state != "running" && job.undone_by.is_none() && changed.is_some(),
        kind: job.kind,
        state: job.state,
        total: job.total,
        done: job.done,
        failed: failed.into_iter().map(|(case_id, number, error)| Failed { case_id, number, error }).collect(),
    })
}

/// How far a job is, and what failed.
#[utoipa::path(get, path = "/jobs/{id}", params(("id" = JobId, Path)), responses((status = 200, body = JobView), (status = 404)), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn show(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<JobId>) -> Answer<axum::Json<JobView>> {
    let deed = Deed::of(&who);
    app.query(move |tx| view(tx, &deed, id)).await
}

/// Stops a job where it is; what is done stays done (and can be undone).
#[utoipa::path(post, path = "/jobs/{id}/cancellation", params(("id" = JobId, Path)), responses((status = 200, body = JobView)), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn cancel(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<JobId>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        find(tx, &deed, id)?;
        if tx.execute("UPDATE case_job SET state = 'cancelled' WHERE id = ?1 AND state = 'running'", params![id])? > 0 {
            tx.cancel_timer(bulk::TIMER_KIND, &id.to_string())?;
            tx.audit(&deed.ctx, "job.cancelled", "job", Some(id.0), None)?;
        }
        view(tx, &deed, id)
    })
    .await
}

/// Puts back what a job changed, as a job of its own.
#[utoipa::path(post, path = "/jobs/{id}/undo", params(("id" = JobId, Path)), responses((status = 202, body = Started), (status = 409)), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn undo(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<JobId>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::ACCEPTED, move |tx| {
        let job = view(tx, &deed, id)?;
        if !job.undoable {
            return Err(Problem::conflict("job.not_undoable", "this job is still running, was undone already, or changed nothing").expected("a finished or cancelled job that changed something"));
        }
        let items: Vec<(CaseId, Option<serde_json::Value>)> =
            tx.all("SELECT case_id, undo FROM case_job_item WHERE job_id = ?1 AND state = 'done' AND undo IS NOT NULL ORDER BY place DESC", params![id])?;
        let job_id = bulk::enqueue(tx, &deed, "undo", &json!(null), &items, Some(id))?;
        tx.run("UPDATE case_job SET undone_by = ?2 WHERE id = ?1", params![id, job_id])?;
        tx.audit(&deed.ctx, "job.undone", "job", Some(id.0), None)?;
        Ok(Started { job_id })
    })
    .await
}
