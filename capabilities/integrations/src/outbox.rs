//! The outbox as operators see it: what waits, what was given up, and another try.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use shouwen_contracts::message::Outbound;
use shouwen_kernel::{CaseId, OutboxId, Problem, Result, Time, WebhookId};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Page, Params, axum, decode_cursor, limit_of};

use crate::{OutboxManage, publish};

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
    /// What it is about, of a mail: case, subject, masked recipients; of a webhook its name.
    pub about: About,
}

/// What an effect is about.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct About {
    pub case_id: Option<CaseId>,
    pub number: Option<String>,
    pub subject: Option<String>,
    /// `z***@example.com`.
    pub to: Vec<String>,
    pub webhook: Option<String>,
}

/// Recipients shown of one mail.
const MOST_SHOWN: usize = 5;

fn about(tx: &Tx<'_>, kind: &str, payload: &serde_json::Value) -> Result<About> {
    if kind == publish::OUTBOX {
        let hook: Option<WebhookId> = serde_json::from_value(payload["hook_id"].clone()).ok();
        let name = match hook {
            Some(id) => tx.opt::<(String,)>("SELECT name FROM webhook_hook WHERE id = ?1", params![id])?.map(|row| row.0),
            None => None,
        };
        return Ok(About { webhook: name, ..About::default() });
    }
    let Ok(mail) = serde_json::from_value::<Outbound>(payload.clone()) else { return Ok(About::default()) };
    let to = mail.to.iter().chain(&mail.cc).chain(&mail.bcc).take(MOST_SHOWN).filter_map(|party| tx.keys().open_address(&party.address).ok()).map(|address| shouwen_crypt::mask_email(&address)).collect();
    let case_id = tx.opt::<(CaseId,)>("SELECT case_id FROM webhook_sent WHERE message_id = ?1", params![mail.message_id])?.map(|row| row.0);
    let number = case_id.map(|case| number(tx, case)).transpose()?.flatten();
    Ok(About { case_id, number, subject: Some(shouwen_kernel::text::clip(&mail.subject, 200)), to, webhook: None })
}

/// The number of a case, from its opening in the log; `None` for one with a very long history.
fn number(tx: &Tx<'_>, case: CaseId) -> Result<Option<String>> {
    let opening = tx.events_about(case.0, None, 1000)?.into_iter().rev().find(|event| event.kind == "case.opened");
    Ok(opening.map(|event| event.payload()).transpose()?.and_then(|data| data["number"].as_str().map(str::to_owned)))
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
        type Row = (OutboxId, String, String, String, i64, Time, Time, Option<String>, serde_json::Value);
        let rows: Vec<Row> = tx.all(
            "SELECT id, kind, key, state, attempts, next_at, created_at, error, payload FROM outbox WHERE state = ?1 AND id < ?2 AND workspace_id = ?3 ORDER BY id DESC LIMIT ?4",
            params![state, before, workspace, limit + 1],
        )?;
        let page = Page::from_rows(rows, limit, |row: &Row| row.0);
        let items = page
            .items
            .into_iter()
            .map(|(id, kind, key, state, attempts, next_at, created_at, error, payload)| Ok(Effect { about: about(tx, &kind, &payload)?, id, kind, key, state, attempts, next_at, created_at, error }))
            .collect::<Result<Vec<_>>>()?;
        Ok(Page { items, next: page.next })
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
