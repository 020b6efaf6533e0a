//! Flows: list, create, change, remove; and the working hours that limits are counted in.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shouwen_kernel::{Kind, ObjectId, Problem, Result, Time, WorkspaceId};
use shouwen_store::{Ctx, Json, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, axum};
use shouwen_worktime::Calendar;
use utoipa::ToSchema;

use crate::def::{DefFault, FlowDef, check_flow};
use crate::{ReviewManage, hours};

/// More of them in one workspace are refused.
pub const MOST: usize = 200;

/// A flow as it stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StoredFlow {
    pub id: ObjectId,
    #[serde(flatten)]
    pub def: FlowDef,
    /// The pack it came with.
    pub pack: Option<String>,
    #[serde(skip)]
    pub print: Option<String>,
    pub updated_at: Time,
    pub version: i64,
}

/// A flow to be saved.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveFlow {
    definition: FlowDef,
    /// The version seen; of a change.
    #[serde(default)]
    version: Option<i64>,
}

/// The refusal of a definition: the first fault at its field, all in the detail.
pub fn refusal(faults: &[DefFault]) -> Problem {
    let Some(first) = faults.first() else { return Problem::internal("a refusal without a fault") };
    let mut problem = Problem::new(Kind::Invalid, "invalid", first.wrong.clone()).expected(first.right.clone()).detail(json!({ "faults": faults }));
    problem.field = Some(format!("definition.{}", first.path));
    problem
}

pub fn conflict(seen: Option<i64>, version: i64) -> Problem {
    Problem::conflict("version_conflict", format!("it was changed meanwhile: version {version}, not {}", seen.unwrap_or_default())).expected("the present version").detail(json!({ "version": version }))
}

type Row = (ObjectId, Json<FlowDef>, Option<String>, Option<String>, Time, i64);
const COLUMNS: &str = "id, content, pack, pack_print, updated_at, version";

fn stored((id, Json(def), pack, print, updated_at, version): Row) -> StoredFlow {
    StoredFlow { id, def, pack, print, updated_at, version }
}

/// Every flow, by key.
pub fn all(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<StoredFlow>> {
    Ok(tx.all::<Row>(&format!("SELECT {COLUMNS} FROM review_flow WHERE workspace_id = ?1 ORDER BY key LIMIT 1000"), params![workspace])?.into_iter().map(stored).collect())
}

/// The flow of a key, with its row.
pub fn stored_by_key(tx: &Tx<'_>, workspace: WorkspaceId, key: &str) -> Result<Option<StoredFlow>> {
    Ok(tx.opt::<Row>(&format!("SELECT {COLUMNS} FROM review_flow WHERE workspace_id = ?1 AND key = ?2"), params![workspace, key])?.map(stored))
}

/// The flow of a key.
pub fn by_key(tx: &Tx<'_>, workspace: WorkspaceId, key: &str) -> Result<Option<FlowDef>> {
    Ok(stored_by_key(tx, workspace, key)?.map(|found| found.def))
}

/// Writes a flow anew. `pack`: the pack it comes with, and its print.
pub fn insert(tx: &Tx<'_>, workspace: WorkspaceId, def: &FlowDef, pack: Option<(&str, &str)>) -> Result<()> {
    tx.execute(
        "INSERT INTO review_flow (id, workspace_id, key, content, pack, pack_print, created_at, updated_at, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 1)",
        params![tx.id::<ObjectId>(), workspace, def.key, Json(def), pack.map(|p| p.0), pack.map(|p| p.1), tx.now()],
    )
    .map(|_| ())
}

/// Writes what a flow says now.
pub fn update(tx: &Tx<'_>, id: ObjectId, def: &FlowDef) -> Result<()> {
    tx.execute("UPDATE review_flow SET content = ?2, updated_at = ?3, version = version + 1 WHERE id = ?1", params![id, Json(def), tx.now()]).map(|_| ())
}

fn audit(tx: &Tx<'_>, ctx: &Ctx, action: &str, key: &str, before: Option<&FlowDef>, after: Option<&FlowDef>) -> Result<()> {
    tx.audit(ctx, action, "review_flow", None, Some(json!({ "key": key, "before": before, "after": after })))
}

#[utoipa::path(get, path = "/review-flows", responses((status = 200, body = Vec<StoredFlow>)), tag = "reviews", summary = "The flows of reviews", extensions(("x-permission" = json!("review.manage"))))]
pub async fn list(State(app): State<App>, who: Allowed<ReviewManage>) -> Answer<axum::Json<Vec<StoredFlow>>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| all(tx, workspace)).await
}

#[utoipa::path(post, path = "/review-flows", request_body = SaveFlow, responses((status = 201, body = StoredFlow), (status = 409, description = "review.key_taken"), (status = 422)), tag = "reviews", summary = "Make a flow", extensions(("x-permission" = json!("review.manage"))))]
pub async fn create(State(app): State<App>, who: Allowed<ReviewManage>, input: Input<SaveFlow>) -> Answer<Response> {
    let (ctx, once, body) = (who.ctx(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let def = &body.definition;
        let faults = check_flow(def);
        if !faults.is_empty() {
            return Err(refusal(&faults));
        }
        hours::must_be_known(tx, ctx.workspace, def.calendar.as_deref())?;
        let known = all(tx, ctx.workspace)?;
        if known.iter().any(|flow| flow.def.key == def.key) {
            return Err(Problem::conflict("review.key_taken", format!("there is a flow `{}` already", def.key)).field("definition.key").expected("another key"));
        }
        if known.len() >= MOST {
            return Err(Problem::invalid("definition", format!("there are {} flows already", known.len())).expected(format!("at most {MOST}")));
        }
        insert(tx, ctx.workspace, def, None)?;
        audit(tx, &ctx, "review.flow_created", &def.key, None, Some(def))?;
        stored_by_key(tx, ctx.workspace, &def.key)?.ok_or_else(|| Problem::internal("a flow that is gone"))
    })
    .await
}

#[utoipa::path(put, path = "/review-flows/{key}", params(("key" = String, Path)), request_body = SaveFlow, responses((status = 200, body = StoredFlow), (status = 409, description = "version_conflict"), (status = 422)), tag = "reviews", summary = "Change a flow; reviews under way keep what they began with", extensions(("x-permission" = json!("review.manage"))))]
pub async fn edit(State(app): State<App>, who: Allowed<ReviewManage>, Id(key): Id<String>, input: Input<SaveFlow>) -> Answer<Response> {
    let (ctx, once, body) = (who.ctx(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let found = stored_by_key(tx, ctx.workspace, &key)?.ok_or_else(|| Problem::not_found("flow"))?;
        if body.version.is_some_and(|seen| seen != found.version) {
            return Err(conflict(body.version, found.version));
        }
        let mut faults = check_flow(&body.definition);
        if body.definition.key != key {
            faults.push(DefFault { path: "key".into(), wrong: "a key does not change: case types name it".into(), right: format!("`{key}`; or a new flow") });
        }
        if !faults.is_empty() {
            return Err(refusal(&faults));
        }
        hours::must_be_known(tx, ctx.workspace, body.definition.calendar.as_deref())?;
        update(tx, found.id, &body.definition)?;
        audit(tx, &ctx, "review.flow_edited", &key, Some(&found.def), Some(&body.definition))?;
        stored_by_key(tx, ctx.workspace, &key)?.ok_or_else(|| Problem::internal("a flow that is gone"))
    })
    .await
}

#[utoipa::path(delete, path = "/review-flows/{key}", params(("key" = String, Path)), responses((status = 204), (status = 404)), tag = "reviews", summary = "Remove a flow; stages that name it fall back to `solution`", extensions(("x-permission" = json!("review.manage"))))]
pub async fn remove(State(app): State<App>, who: Allowed<ReviewManage>, Id(key): Id<String>) -> Answer<Response> {
    let (ctx, once) = (who.ctx(), who.once(""));
    app.command(once, StatusCode::NO_CONTENT, move |tx| {
        let found = stored_by_key(tx, ctx.workspace, &key)?.ok_or_else(|| Problem::not_found("flow"))?;
        tx.execute("DELETE FROM review_flow WHERE id = ?1", params![found.id])?;
        audit(tx, &ctx, "review.flow_removed", &key, Some(&found.def), None)
    })
    .await
}

/// The working hours of limits: a calendar in the form of `POST /calendars/preview`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewHours {
    #[schema(value_type = Object)]
    calendar: Value,
}

#[utoipa::path(get, path = "/review-hours", responses((status = 200, body = ReviewHours)), tag = "reviews", summary = "The working hours that limits are counted in", extensions(("x-permission" = json!("review.manage"))))]
pub async fn hours(State(app): State<App>, who: Allowed<ReviewManage>) -> Answer<axum::Json<ReviewHours>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| Ok(ReviewHours { calendar: hours::definition(tx, workspace)? })).await
}

#[utoipa::path(put, path = "/review-hours", request_body = ReviewHours, responses((status = 200, body = ReviewHours), (status = 422)), tag = "reviews", summary = "Set the working hours; steps opened from now on follow them", extensions(("x-permission" = json!("review.manage"))))]
pub async fn set_hours(State(app): State<App>, who: Allowed<ReviewManage>, input: Input<ReviewHours>) -> Answer<Response> {
    let (ctx, once, body) = (who.ctx(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        if let Err(faults) = Calendar::from_json(&body.calendar) {
            let text = faults.0.first().map(ToString::to_string).unwrap_or_default();
            return Err(Problem::invalid("calendar", text).expected("timezone and week, such as {\"timezone\":\"Asia/Shanghai\",\"week\":{\"mon\":[\"09:00-18:00\"]}}"));
        }
        tx.set_setting(ctx.workspace, hours::SETTING, &body.calendar)?;
        tx.audit(&ctx, "review.hours_set", "workspace", Some(ctx.workspace.0), Some(body.calendar.clone()))?;
        Ok(body.clone())
    })
    .await
}
