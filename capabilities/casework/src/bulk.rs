//! One action on up to 5,000 cases: a job that goes on by itself in small transactions, shows its progress, lists what
//! failed and why, can be stopped, and can be undone (UX-21).
//!
//! A timer drives it: each chunk commits together with its progress, so a crash neither loses nor repeats a case.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{CaseId, Grant, JobId, Lang, PersonId, Problem, Result, TokenId, WorkspaceId};
use shouwen_store::{Json, Timer, TimerHandler, Tx, params};
use shouwen_web::{Allowed, Answer, App, Input, Viewer};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::CaseRead;
use crate::action::Action;
use crate::deed::Deed;

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(start))
}

/// The timer that carries jobs on; its key is the job.
pub const TIMER: TimerHandler = TimerHandler { kind: TIMER_KIND, handle: go_on };

/// Kind of that timer.
pub const TIMER_KIND: &str = "case.bulk";

/// Cases of one transaction: small, so that other writers need not wait.
const CHUNK: usize = 50;
/// Most cases of one job.
pub const MOST: usize = 5000;

/// What to do to which cases.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Bulk {
    /// At most 5,000.
    case_ids: Vec<CaseId>,
    action: Action,
}

/// The job that carries it out.
#[derive(Debug, Serialize, ToSchema)]
pub struct Started {
    pub job_id: JobId,
}

/// Whom a job acts for, as they were when it began.
#[derive(Serialize, Deserialize)]
struct For {
    workspace: WorkspaceId,
    person: PersonId,
    token: Option<TokenId>,
    name: String,
    grants: Vec<Grant>,
    lang: Lang,
    time_zone: String,
    ip: Option<String>,
}

impl For {
    fn of(deed: &Deed) -> Self {
        let v = deed.viewer.clone();
        Self { workspace: v.workspace, person: v.person, token: v.token, name: v.name, grants: v.grants, lang: v.lang, time_zone: v.time_zone, ip: deed.ctx.ip.clone() }
    }
    fn deed(self) -> Deed {
        let viewer = Viewer {
            workspace: self.workspace,
            person: self.person,
            name: self.name,
            session: None,
            token: self.token,
            grants: self.grants,
            lang: self.lang,
            time_zone: self.time_zone,
            must_enrol: false,
        };
        Deed::for_viewer(viewer, self.ip)
    }
}

/// Does one thing to many cases. Rights are checked case by case; what fails is listed in the job.
#[utoipa::path(post, path = "/cases/bulk", request_body = Bulk, responses((status = 202, body = Started)), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn start(State(app): State<App>, who: Allowed<CaseRead>, input: Input<Bulk>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::ACCEPTED, move |tx| {
        if body.case_ids.is_empty() || body.case_ids.len() > MOST {
            return Err(Problem::invalid("case_ids", format!("{} cases are named", body.case_ids.len())).expected(format!("1 to {MOST} cases")));
        }
        body.action.check()?;
        if !deed.viewer.can(body.action.permission()) {
            return Err(Problem::forbidden(body.action.permission()));
        }
        let mut seen = std::collections::BTreeSet::new();
        let items: Vec<(CaseId, Option<serde_json::Value>)> = body.case_ids.iter().filter(|id| seen.insert(**id)).map(|id| (*id, None)).collect();
        let job_id = enqueue(tx, &deed, body.action.name(), &serde_json::to_value(&body.action)?, &items, None)?;
        tx.audit(&deed.ctx, "case.bulk", "job", Some(job_id.0), Some(json!({ "action": body.action.name(), "cases": items.len() })))?;
        Ok(Started { job_id })
    })
    .await
}

/// Writes a job and starts it. Each item may bring an action of its own.
pub fn enqueue(tx: &Tx<'_>, deed: &Deed, kind: &str, action: &serde_json::Value, items: &[(CaseId, Option<serde_json::Value>)], undo_of: Option<JobId>) -> Result<JobId> {
    let job: JobId = tx.id();
    tx.run(
        "INSERT INTO case_job (id, workspace_id, person_id, viewer, kind, action, state, total, done, undo_of, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'running', ?7, 0, ?8, ?9)",
        params![job, deed.viewer.workspace, deed.viewer.person, Json(For::of(deed)), kind, action, items.len(), undo_of, tx.now()],
    )?;
    for (place, (case, own)) in items.iter().enumerate() {
        tx.run("INSERT INTO case_job_item (job_id, place, case_id, action, state) VALUES (?1, ?2, ?3, ?4, 'waiting')", params![job, place, case, own])?;
    }
    tx.set_timer(deed.viewer.workspace, TIMER_KIND, &job.to_string(), tx.now(), &serde_json::Value::Null)?;
    Ok(job)
}

/// Carries a job on by one chunk.
fn go_on(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let job: JobId = timer.key.parse()?;
    let found: Option<(Json<For>, serde_json::Value, String)> = tx.opt(&format!("SELECT viewer, action, state FROM case_job WHERE id = ?1{}", tx.for_update()), params![job])?;
    let Some((whom, action, _)) = found.filter(|row| row.2 == "running") else { return Ok(()) };
    let deed = whom.0.deed();
    let items: Vec<(i64, CaseId, Option<serde_json::Value>)> =
        tx.all("SELECT place, case_id, action FROM case_job_item WHERE job_id = ?1 AND state = 'waiting' ORDER BY place LIMIT ?2", params![job, CHUNK])?;
    for (place, case, own) in &items {
        let action: Action = serde_json::from_value(own.clone().unwrap_or_else(|| action.clone()))?;
        match tx.savepoint(|tx| action.apply(tx, &deed, *case)) {
            Ok((number, inverse)) => {
                let undo = inverse.map(|i| serde_json::to_value(&i)).transpose()?;
                tx.run("UPDATE case_job_item SET state = 'done', number = ?3, undo = ?4 WHERE job_id = ?1 AND place = ?2", params![job, place, number, undo])?;
            }
            // The whole chunk is tried again later.
            Err(problem) if problem.is_transient() => return Err(problem),
            Err(problem) => fail(tx, &deed, job, *place, *case, &problem)?,
        }
    }
    tx.run("UPDATE case_job SET done = done + ?2 WHERE id = ?1", params![job, items.len()])?;
    if items.len() == CHUNK {
        return tx.set_timer(timer.workspace, TIMER_KIND, &timer.key, tx.now(), &serde_json::Value::Null);
    }
    tx.run("UPDATE case_job SET state = 'done' WHERE id = ?1", params![job])?;
    Ok(())
}

/// Notes a failure; the number is told only of a case the viewer may see.
fn fail(tx: &Tx<'_>, deed: &Deed, job: JobId, place: i64, case: CaseId, problem: &Problem) -> Result<()> {
    let number = deed.see(tx, case).ok().map(|c| c.number);
    tx.run("UPDATE case_job_item SET state = 'failed', number = ?3, error = ?4 WHERE job_id = ?1 AND place = ?2", params![job, place, number, Json(problem)])?;
    Ok(())
}
