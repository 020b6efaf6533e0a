//! Thresholds: stored, listed, edited.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{Kind, ObjectId, Problem, Result, Time, WorkspaceId};
use shouwen_store::{FromRow, Json, Row, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, Page, axum};

use crate::threshold::{Threshold, Wrong};
use crate::{WarningManage, WarningRead, counts};

/// More than this in one workspace are refused: every case is asked about by each.
const MOST: i64 = 200;
const COLUMNS: &str = "id, content, enabled, counting, pack, updated_at, version";

/// A threshold with what is kept beside it.
#[derive(Clone, Debug)]
pub struct Stored {
    pub id: ObjectId,
    pub threshold: Threshold,
    pub counting: bool,
    pub pack: Option<String>,
    pub updated_at: Time,
    pub version: i64,
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self> {
        let Json(mut threshold): Json<Threshold> = row.get(1)?;
        threshold.enabled = row.get(2)?;
        Ok(Self { id: row.get(0)?, threshold, counting: row.get(3)?, pack: row.get(4)?, updated_at: row.get(5)?, version: row.get(6)? })
    }
}

/// A threshold as the API shows it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WarningThresholdView)]
pub struct ThresholdView {
    pub id: ObjectId,
    #[serde(flatten)]
    pub threshold: Threshold,
    pub window_s: i64,
    /// Cases there were before it are being counted.
    pub counting: bool,
    /// The pack it came with.
    pub pack: Option<String>,
    /// Warnings of it that are open.
    pub open: i64,
    pub updated_at: Time,
    pub version: i64,
}

/// A threshold to save.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = SaveThreshold)]
#[serde(deny_unknown_fields)]
pub struct Save {
    pub threshold: Threshold,
    /// The version you saw; needed to change one.
    #[serde(default)]
    pub version: Option<i64>,
}

/// All thresholds of a workspace by key.
pub fn all(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Stored>> {
    tx.all(&format!("SELECT {COLUMNS} FROM warning_threshold WHERE workspace_id = ?1 ORDER BY key"), params![workspace])
}

/// Those that are switched on.
pub fn enabled(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Stored>> {
    Ok(all(tx, workspace)?.into_iter().filter(|s| s.threshold.enabled).collect())
}

/// One of the workspace.
pub fn find(tx: &Tx<'_>, workspace: WorkspaceId, id: ObjectId) -> Result<Option<Stored>> {
    tx.opt(&format!("SELECT {COLUMNS} FROM warning_threshold WHERE id = ?1 AND workspace_id = ?2"), params![id, workspace])
}

/// The same, or the answer that there is none.
pub fn load(tx: &Tx<'_>, workspace: WorkspaceId, id: ObjectId) -> Result<Stored> {
    find(tx, workspace, id)?.ok_or_else(|| Problem::not_found("threshold"))
}

/// A new one; the caller has checked it.
pub fn insert(tx: &Tx<'_>, workspace: WorkspaceId, threshold: &Threshold, pack: Option<(&str, &str)>) -> Result<ObjectId> {
    let (count,): (i64,) = tx.one("SELECT count(*) FROM warning_threshold WHERE workspace_id = ?1", params![workspace])?;
    if count >= MOST {
        return Err(Problem::conflict("warning.too_many_thresholds", format!("there are {count} thresholds already")).expected("fewer; one that is counted by category or region does the work of many"));
    }
    let id: ObjectId = tx.id();
    tx.run(
        "INSERT INTO warning_threshold (id, workspace_id, key, enabled, content, pack, pack_print, counting, created_at, updated_at, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, 1)",
        params![id, workspace, threshold.key, threshold.enabled, Json(threshold), pack.map(|p| p.0), pack.map(|p| p.1), false, tx.now()],
    )?;
    if threshold.enabled {
        counts::recount(tx, workspace, id)?;
    }
    Ok(id)
}

/// Changes one; counters are made anew where other cases count, or other buckets.
pub fn rewrite(tx: &Tx<'_>, workspace: WorkspaceId, stored: &Stored, threshold: &Threshold) -> Result<()> {
    counts::turn(tx, workspace)?;
    tx.run(
        "UPDATE warning_threshold SET key = ?2, enabled = ?3, content = ?4, updated_at = ?5, version = version + 1 WHERE id = ?1",
        params![stored.id, threshold.key, threshold.enabled, Json(threshold), tx.now()],
    )?;
    let same = stored.threshold.counts_like(threshold);
    if !same {
        tx.run("DELETE FROM warning_group WHERE threshold_id = ?1 AND open_id IS NULL", params![stored.id])?;
    }
    match (stored.threshold.enabled, threshold.enabled) {
        (true, true) if same => Ok(()),
        (_, true) => counts::recount(tx, workspace, stored.id),
        (_, false) => {
            tx.cancel_timer(counts::RECOUNT, &stored.id.to_string())?;
            counts::forget(tx, stored.id)
        }
    }
}

/// Takes one away. Warnings it raised stay.
pub fn drop(tx: &Tx<'_>, workspace: WorkspaceId, id: ObjectId) -> Result<()> {
    counts::turn(tx, workspace)?;
    tx.cancel_timer(counts::RECOUNT, &id.to_string())?;
    counts::forget(tx, id)?;
    tx.run("DELETE FROM warning_group WHERE threshold_id = ?1", params![id])?;
    tx.run("DELETE FROM warning_threshold WHERE id = ?1", params![id])
}

/// The refusal that names every fault.
pub fn refusal(faults: &[Wrong]) -> Problem {
    let (path, wrong, right) = faults.first().cloned().unwrap_or_default();
    let all: Vec<_> = faults.iter().map(|(path, wrong, right)| json!({ "path": path, "wrong": wrong, "right": right })).collect();
    Problem::new(Kind::Invalid, "warning.faulty", wrong).field(path).expected(right).detail(json!({ "faults": all }))
}

fn checked(threshold: &Threshold) -> Result<()> {
    let faults = threshold.faults();
    if faults.is_empty() { Ok(()) } else { Err(refusal(&faults)) }
}

/// Two grades of one count belong into one threshold.
fn must_not_double(tx: &Tx<'_>, workspace: WorkspaceId, threshold: &Threshold, own: Option<ObjectId>) -> Result<()> {
    match all(tx, workspace)?.into_iter().find(|other| Some(other.id) != own && threshold.doubles(&other.threshold)) {
        Some(other) => Err(refusal(&[("by".to_owned(), format!("`{}` counts the same cases over the same time", other.threshold.key), "its grades in that threshold: a warning then climbs, instead of a second one".to_owned())])),
        None => Ok(()),
    }
}

fn must_be_free(tx: &Tx<'_>, workspace: WorkspaceId, key: &str, own: Option<ObjectId>) -> Result<()> {
    let taken: Option<(ObjectId,)> = tx.opt("SELECT id FROM warning_threshold WHERE workspace_id = ?1 AND key = ?2", params![workspace, key])?;
    match taken {
        Some((id,)) if Some(id) != own => Err(Problem::conflict("warning.key_taken", format!("the key `{key}` is taken by another threshold")).field("key").expected("a key of its own")),
        _ => Ok(()),
    }
}

fn view(tx: &Tx<'_>, stored: Stored) -> Result<ThresholdView> {
    let (open,): (i64,) = tx.one("SELECT count(*) FROM warning_group WHERE threshold_id = ?1 AND open_id IS NOT NULL", params![stored.id])?;
    let Stored { id, threshold, counting, pack, updated_at, version, .. } = stored;
    Ok(ThresholdView { id, window_s: threshold.window_s(), threshold, counting, pack, open, updated_at, version })
}

#[utoipa::path(get, path = "/warning-thresholds", responses((status = 200, body = Page<ThresholdView>)), tag = "warnings", summary = "Thresholds of early warnings", extensions(("x-permission" = json!("warning.read"))))]
pub async fn list(State(app): State<App>, who: Allowed<WarningRead>) -> Answer<axum::Json<Page<ThresholdView>>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| Ok(Page { items: all(tx, workspace)?.into_iter().map(|s| view(tx, s)).collect::<Result<_>>()?, next: None })).await
}

#[utoipa::path(get, path = "/warning-thresholds/{id}", params(("id" = ObjectId, Path)), responses((status = 200, body = ThresholdView)), tag = "warnings", summary = "A threshold", extensions(("x-permission" = json!("warning.read"))))]
pub async fn show(State(app): State<App>, who: Allowed<WarningRead>, Id(id): Id<ObjectId>) -> Answer<axum::Json<ThresholdView>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| view(tx, load(tx, workspace, id)?)).await
}

#[utoipa::path(post, path = "/warning-thresholds", request_body = Save, responses((status = 201, body = ThresholdView), (status = 422, description = "Every fault in `detail.faults`")), tag = "warnings", summary = "Create a threshold", extensions(("x-permission" = json!("warning.manage"))))]
pub async fn create(State(app): State<App>, who: Allowed<WarningManage>, input: Input<Save>) -> Answer<Response> {
    let (ctx, once, body) = (who.ctx(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        checked(&body.threshold)?;
        must_be_free(tx, ctx.workspace, &body.threshold.key, None)?;
        must_not_double(tx, ctx.workspace, &body.threshold, None)?;
        let id = insert(tx, ctx.workspace, &body.threshold, None)?;
        tx.audit(&ctx, "warning.threshold_created", "warning_threshold", Some(id.0), Some(json!({ "key": body.threshold.key })))?;
        view(tx, load(tx, ctx.workspace, id)?)
    })
    .await
}

#[utoipa::path(put, path = "/warning-thresholds/{id}", params(("id" = ObjectId, Path)), request_body = Save, responses((status = 200, body = ThresholdView), (status = 409, description = "version_conflict")), tag = "warnings", summary = "Change a threshold", extensions(("x-permission" = json!("warning.manage"))))]
pub async fn edit(State(app): State<App>, who: Allowed<WarningManage>, Id(id): Id<ObjectId>, input: Input<Save>) -> Answer<Response> {
    let (ctx, once, body) = (who.ctx(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        checked(&body.threshold)?;
        counts::turn(tx, ctx.workspace)?;
        let stored = load(tx, ctx.workspace, id)?;
        if body.version != Some(stored.version) {
            let current = view(tx, stored)?;
            return Err(Problem::conflict("version_conflict", "somebody has changed this threshold since you looked").expected("look at it again").detail(json!({ "current": current })));
        }
        must_be_free(tx, ctx.workspace, &body.threshold.key, Some(id))?;
        must_not_double(tx, ctx.workspace, &body.threshold, Some(id))?;
        if stored.threshold != body.threshold {
            rewrite(tx, ctx.workspace, &stored, &body.threshold)?;
            tx.audit(&ctx, "warning.threshold_edited", "warning_threshold", Some(id.0), Some(json!({ "before": stored.threshold, "after": body.threshold })))?;
        }
        view(tx, load(tx, ctx.workspace, id)?)
    })
    .await
}

#[utoipa::path(delete, path = "/warning-thresholds/{id}", params(("id" = ObjectId, Path)), responses((status = 204)), tag = "warnings", summary = "Remove a threshold; warnings it raised stay", extensions(("x-permission" = json!("warning.manage"))))]
pub async fn remove(State(app): State<App>, who: Allowed<WarningManage>, Id(id): Id<ObjectId>) -> Answer<Response> {
    let (ctx, once) = (who.ctx(), who.once(""));
    app.command(once, StatusCode::NO_CONTENT, move |tx| {
        let stored = load(tx, ctx.workspace, id)?;
        drop(tx, ctx.workspace, id)?;
        tx.audit(&ctx, "warning.threshold_removed", "warning_threshold", Some(id.0), Some(json!({ "threshold": stored.threshold })))
    })
    .await
}
