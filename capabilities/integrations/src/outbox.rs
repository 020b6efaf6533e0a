//! The outbox as operators see it: what waits, what was given up, and another try.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{OutboxId, Problem, Time};
use shouwen_store::params;
use shouwen_web::{Allowed, Answer, App, Id, Page, Params, axum, decode_cursor, limit_of};

use crate::OutboxManage;

/// One effect.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Effect {
    pub id: OutboxId,
    /// `email.send`, `webhook.send` …
    pub kind: String,
    pub key: String,
    /// `pending`, `sending`, `sent`, `dead`, `cancelled`.
    pub state: String,
    pub attempts: i64,
    pub next_at: Time,
    pub created_at: Time,
    pub error: Option<String>,
}

#[derive(Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct OutboxParams {
    /// `dead` (default; also `failed`), `pending`, `sending`, `sent`, `cancelled`.
    pub state: Option<String>,
    pub limit: Option<usize>,
    pub after: Option<String>,
}

#[utoipa::path(get, path = "/outbox", params(OutboxParams), responses((status = 200, body = Page<Effect>)), tag = "integrations", summary = "Effects by state, newest first", extensions(("x-permission" = json!("outbox.manage"))))]
pub async fn list(State(app): State<App>, who: Allowed<OutboxManage>, Params(query): Params<OutboxParams>) -> Answer<axum::Json<Page<Effect>>> {
    let limit = limit_of(query.limit)?;
    let workspace = who.viewer.workspace;
    let state = match query.state.as_deref().unwrap_or("dead") {
        "failed" | "dead" => "dead",
        "pending" => "pending",
        "sending" => "sending",
        "sent" => "sent",
        "cancelled" => "cancelled",
        other => return Err(Problem::invalid("state", format!("there is no state `{other}`")).expected("dead, pending, sending, sent, cancelled").into()),
    };
    app.query(move |tx| {
        let before: OutboxId = decode_cursor(query.after.as_deref())?.unwrap_or(OutboxId(uuid::Uuid::max()));
        type Row = (OutboxId, String, String, String, i64, Time, Time, Option<String>);
        let rows: Vec<Row> = tx.all(
            "SELECT id, kind, key, state, attempts, next_at, created_at, error FROM outbox WHERE state = ?1 AND id < ?2 AND workspace_id = ?3 ORDER BY id DESC LIMIT ?4",
            params![state, before, workspace, limit + 1],
        )?;
        let rows = rows.into_iter().map(|(id, kind, key, state, attempts, next_at, created_at, error)| Effect { id, kind, key, state, attempts, next_at, created_at, error }).collect();
        Ok(Page::from_rows(rows, limit, |row: &Effect| row.id))
    })
    .await
}

#[utoipa::path(post, path = "/outbox/{id}/retry", params(("id" = OutboxId, Path)), responses((status = 204)), tag = "integrations", summary = "Try an effect now", extensions(("x-permission" = json!("outbox.manage"))))]
pub async fn retry(State(app): State<App>, who: Allowed<OutboxManage>, Id(id): Id<OutboxId>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(""), StatusCode::NO_CONTENT, move |tx| {
        let known: Option<(String,)> = tx.opt("SELECT state FROM outbox WHERE id = ?1 AND workspace_id = ?2", params![id, ctx.workspace])?;
        let Some((state,)) = known else { return Err(Problem::not_found("effect")) };
        if !tx.retry_effect(id)? {
            return Err(Problem::conflict("outbox.not_waiting", format!("it is `{state}`")).expected("an effect that waits or was given up"));
        }
        tx.audit(&ctx, "outbox.retried", "outbox", Some(id.0), None)
    })
    .await
}
