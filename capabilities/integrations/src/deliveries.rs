//! The delivery log of a webhook, and replay.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use shouwen_kernel::{ObjectId, Problem, Time, WebhookId};
use shouwen_store::params;
use shouwen_web::{Allowed, Answer, App, Id, Page, PageParams, Params, axum, decode_cursor, limit_of};

use crate::{WebhookManage, hooks, publish};

/// One delivery.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Delivery {
    pub id: ObjectId,
    pub kind: String,
    /// `pending`, `retrying`, `delivered`, `failed`.
    pub state: String,
    pub attempts: i64,
    /// HTTP status of the last answer.
    pub status: Option<i64>,
    /// The beginning of the last answer, or why there was none.
    pub answer: Option<String>,
    pub at: Time,
    pub done_at: Option<Time>,
    #[schema(value_type = Object)]
    pub body: Value,
}

#[utoipa::path(get, path = "/webhooks/{id}/deliveries", params(("id" = WebhookId, Path), PageParams), responses((status = 200, body = Page<Delivery>)), tag = "integrations", summary = "Deliveries, newest first", extensions(("x-permission" = json!("webhook.manage"))))]
pub async fn list(State(app): State<App>, who: Allowed<WebhookManage>, Id(hook): Id<WebhookId>, Params(query): Params<PageParams>) -> Answer<axum::Json<Page<Delivery>>> {
    let limit = limit_of(query.limit)?;
    let workspace = who.viewer.workspace;
    app.query(move |tx| {
        hooks::find(tx, workspace, hook)?;
        let before: ObjectId = decode_cursor(query.after.as_deref())?.unwrap_or(ObjectId(uuid::Uuid::max()));
        type Row = (ObjectId, String, String, i64, Option<i64>, Option<String>, Time, Option<Time>, String);
        let rows: Vec<Row> = tx.all(
            "SELECT id, kind, state, attempts, status, answer, at, done_at, body FROM webhook_delivery WHERE hook_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            params![hook, before, limit + 1],
        )?;
        let rows = rows
            .into_iter()
            .map(|(id, kind, state, attempts, status, answer, at, done_at, body)| Delivery { id, kind, state, attempts, status, answer, at, done_at, body: serde_json::from_str(&body).unwrap_or_default() })
            .collect();
        Ok(Page::from_rows(rows, limit, |row| row.id))
    })
    .await
}

#[utoipa::path(post, path = "/deliveries/{id}/replay", params(("id" = ObjectId, Path)), responses((status = 202, body = Value)), tag = "integrations", summary = "Send the same event again, as a new delivery", extensions(("x-permission" = json!("webhook.manage"))))]
pub async fn replay(State(app): State<App>, who: Allowed<WebhookManage>, Id(id): Id<ObjectId>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(""), StatusCode::ACCEPTED, move |tx| {
        let (hook, kind, body): (WebhookId, String, String) =
            tx.opt("SELECT hook_id, kind, body FROM webhook_delivery WHERE id = ?1 AND workspace_id = ?2", params![id, ctx.workspace])?.ok_or_else(|| Problem::not_found("delivery"))?;
        let mut body: Value = serde_json::from_str(&body)?;
        body["replay_of"] = json!(id);
        let delivery = publish::enqueue(tx, ctx.workspace, hook, &kind, &body)?;
        tx.audit(&ctx, "webhook.replayed", "webhook", Some(hook.0), Some(json!({ "delivery": id })))?;
        Ok(json!({ "delivery_id": delivery }))
    })
    .await
}
