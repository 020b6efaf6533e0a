//! Webhooks: list, create, edit, remove, test.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{Problem, Result, Time, WebhookId, WorkspaceId};
use shouwen_store::{Json, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, axum};

use crate::{WebhookManage, guard, publish};

/// The field sealed secrets are bound to.
pub const SECRET: &str = "webhook.secret";

/// A webhook.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Hook {
    pub id: WebhookId,
    pub name: String,
    pub url: String,
    /// Event kinds: `case.opened`, `case.*`, `*`.
    pub kinds: Vec<String>,
    pub active: bool,
    /// Why it fails or was switched off.
    pub trouble: Option<String>,
    pub created_at: Time,
    pub version: i64,
    /// Shown once, when created or renewed: deliveries are signed with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

type Row = (WebhookId, String, String, Json<Vec<String>>, bool, Option<String>, Time, i64);
const COLUMNS: &str = "id, name, url, kinds, active, trouble, created_at, version";

fn hook((id, name, url, kinds, active, trouble, created_at, version): Row) -> Hook {
    Hook { id, name, url, kinds: kinds.0, active, trouble, created_at, version, secret: None }
}

/// One webhook of the workspace.
pub fn find(tx: &Tx<'_>, workspace: WorkspaceId, id: WebhookId) -> Result<Hook> {
    tx.opt::<Row>(&format!("SELECT {COLUMNS} FROM webhook_hook WHERE id = ?1 AND workspace_id = ?2"), params![id, workspace])?.map(hook).ok_or_else(|| Problem::not_found("webhook"))
}

/// What people give.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HookInput {
    pub name: Option<String>,
    pub url: Option<String>,
    pub kinds: Option<Vec<String>>,
    pub active: Option<bool>,
    /// Makes a new secret and shows it once.
    #[serde(default)]
    pub renew_secret: bool,
    /// Needed when editing.
    pub version: Option<i64>,
}

fn check(name: &str, url: &str, kinds: &[String]) -> Result<()> {
    if name.trim().is_empty() || name.chars().count() > 80 {
        return Err(Problem::invalid("name", "the name is empty or longer than 80 characters").expected("what the other program is called"));
    }
    guard::check_url(url)?;
    if kinds.is_empty() || kinds.len() > 100 {
        return Err(Problem::invalid("kinds", "no event kinds, or more than 100").expected("[\"case.opened\", \"case.closed\"], [\"case.*\"] or [\"*\"]"));
    }
    for (i, kind) in kinds.iter().enumerate() {
        let known = kind == "*" || publish::kinds().iter().any(|k| k == kind || kind.strip_suffix('*').is_some_and(|p| p.ends_with('.') && k.starts_with(p)));
        if !known {
            return Err(Problem::invalid(format!("kinds[{i}]"), format!("there are no events `{}`", shouwen_kernel::text::clip(kind, 60))).expected(publish::kinds().join(", ")));
        }
    }
    Ok(())
}

fn fresh_secret(tx: &Tx<'_>) -> Result<(String, String)> {
    let secret = shouwen_crypt::new_token(tx.ids(), "whsec_");
    Ok((tx.keys().seal(tx.ids(), SECRET, &secret)?, secret))
}

#[utoipa::path(get, path = "/webhooks", responses((status = 200, body = [Hook])), tag = "integrations", summary = "Webhooks", extensions(("x-permission" = json!("webhook.manage"))))]
pub async fn list(State(app): State<App>, who: Allowed<WebhookManage>) -> Answer<axum::Json<Vec<Hook>>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| Ok(tx.all::<Row>(&format!("SELECT {COLUMNS} FROM webhook_hook WHERE workspace_id = ?1 ORDER BY id"), params![workspace])?.into_iter().map(hook).collect())).await
}

#[utoipa::path(post, path = "/webhooks", request_body = HookInput, responses((status = 201, body = Hook)), tag = "integrations", summary = "Create a webhook; its secret is shown once", extensions(("x-permission" = json!("webhook.manage"))))]
pub async fn create(State(app): State<App>, who: Allowed<WebhookManage>, input: Input<HookInput>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(&input.hash), StatusCode::CREATED, move |tx| {
        let i = &input.value;
        let (name, url, kinds) = (i.name.clone().unwrap_or_default(), i.url.clone().unwrap_or_default(), i.kinds.clone().unwrap_or_default());
        check(&name, &url, &kinds)?;
        let (sealed, secret) = fresh_secret(tx)?;
        let id: WebhookId = tx.id();
        tx.run(
            "INSERT INTO webhook_hook (id, workspace_id, name, url, secret, kinds, active, version, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8)",
            params![id, ctx.workspace, name, url, sealed, Json(&kinds), i.active.unwrap_or(true), tx.now()],
        )?;
        tx.audit(&ctx, "webhook.created", "webhook", Some(id.0), Some(json!({ "name": name, "url": url, "kinds": kinds })))?;
        Ok(Hook { secret: Some(secret), ..find(tx, ctx.workspace, id)? })
    })
    .await
}

#[utoipa::path(patch, path = "/webhooks/{id}", params(("id" = WebhookId, Path)), request_body = HookInput, responses((status = 200, body = Hook), (status = 409, description = "Somebody else edited it")), tag = "integrations", summary = "Edit a webhook", extensions(("x-permission" = json!("webhook.manage"))))]
pub async fn edit(State(app): State<App>, who: Allowed<WebhookManage>, Id(id): Id<WebhookId>, input: Input<HookInput>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(&input.hash), StatusCode::OK, move |tx| {
        let i = &input.value;
        let current = find(tx, ctx.workspace, id)?;
        if i.version != Some(current.version) {
            return Err(Problem::conflict("version_conflict", "somebody else edited this webhook meanwhile").detail(json!({ "current": current })));
        }
        let (name, url, kinds) = (i.name.clone().unwrap_or(current.name), i.url.clone().unwrap_or(current.url), i.kinds.clone().unwrap_or(current.kinds));
        check(&name, &url, &kinds)?;
        let active = i.active.unwrap_or(current.active);
        // Switching it on again forgets the trouble.
        tx.run(
            "UPDATE webhook_hook SET name = ?2, url = ?3, kinds = ?4, active = ?5, failing_since = NULL, trouble = NULL, version = version + 1 WHERE id = ?1",
            params![id, name, url, Json(&kinds), active],
        )?;
        let secret = if i.renew_secret {
            let (sealed, secret) = fresh_secret(tx)?;
            tx.run("UPDATE webhook_hook SET secret = ?2 WHERE id = ?1", params![id, sealed])?;
            Some(secret)
        } else {
            None
        };
        tx.audit(&ctx, "webhook.edited", "webhook", Some(id.0), Some(json!({ "name": name, "url": url, "kinds": kinds, "active": active, "renewed_secret": i.renew_secret })))?;
        Ok(Hook { secret, ..find(tx, ctx.workspace, id)? })
    })
    .await
}

#[utoipa::path(delete, path = "/webhooks/{id}", params(("id" = WebhookId, Path)), responses((status = 204)), tag = "integrations", summary = "Remove a webhook and its delivery log", extensions(("x-permission" = json!("webhook.manage"))))]
pub async fn remove(State(app): State<App>, who: Allowed<WebhookManage>, Id(id): Id<WebhookId>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(""), StatusCode::NO_CONTENT, move |tx| {
        find(tx, ctx.workspace, id)?;
        tx.run("DELETE FROM webhook_delivery WHERE hook_id = ?1", params![id])?;
        tx.run("DELETE FROM webhook_hook WHERE id = ?1", params![id])?;
        tx.audit(&ctx, "webhook.removed", "webhook", Some(id.0), None)
    })
    .await
}

#[utoipa::path(post, path = "/webhooks/{id}/test", params(("id" = WebhookId, Path)), responses((status = 202, body = serde_json::Value)), tag = "integrations", summary = "Send a `ping` event; its outcome appears among the deliveries", extensions(("x-permission" = json!("webhook.manage"))))]
pub async fn test(State(app): State<App>, who: Allowed<WebhookManage>, Id(id): Id<WebhookId>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(""), StatusCode::ACCEPTED, move |tx| {
        find(tx, ctx.workspace, id)?;
        let delivery = publish::enqueue(tx, ctx.workspace, id, "ping", &json!({ "type": "ping", "at": tx.now(), "workspace": ctx.workspace, "data": {} }))?;
        Ok(json!({ "delivery_id": delivery }))
    })
    .await
}
