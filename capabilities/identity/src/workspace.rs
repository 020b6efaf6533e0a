//! Settings of the workspace: its name, zone, language, and which roles demand a second factor.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{Problem, Result, RoleId, WorkspaceId};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Input};

use crate::WorkspaceManage;
use crate::input;

/// Setting: keys or ids of the roles whose holders must have a second factor.
const MFA_ROLES: &str = "security.mfa_roles";

/// The workspace and its security settings.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct WorkspaceSettings {
    id: WorkspaceId,
    name: String,
    /// IANA name.
    time_zone: String,
    /// `zh-CN` or `en`.
    locale: String,
    /// Keys (of built-in roles) or ids of the roles whose holders must have a second factor.
    mfa_roles: Vec<String>,
}

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditWorkspace {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    time_zone: Option<String>,
    #[serde(default)]
    locale: Option<String>,
    #[serde(default)]
    mfa_roles: Option<Vec<String>>,
}

/// The roles that demand a second factor; the administrator's when nothing was set.
pub(crate) fn mfa_roles(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<String>> {
    Ok(tx.setting(workspace, MFA_ROLES)?.unwrap_or_else(|| vec![crate::ADMINISTRATOR.to_owned()]))
}

/// Sets the roles (keys or ids) whose holders must have a second factor; empty: nobody must (demo data).
pub fn set_mfa_roles(tx: &Tx<'_>, workspace: WorkspaceId, roles: &[String]) -> Result<()> {
    tx.set_setting(workspace, MFA_ROLES, &roles)
}

/// Whether one of `roles` (keys and ids) demands a second factor.
pub(crate) fn demands_mfa(tx: &Tx<'_>, workspace: WorkspaceId, roles: &BTreeSet<String>) -> Result<bool> {
    Ok(!roles.is_empty() && mfa_roles(tx, workspace)?.iter().any(|role| roles.contains(role)))
}

/// The workspace's row.
pub(crate) fn load(tx: &Tx<'_>, id: WorkspaceId) -> Result<(String, String, String)> {
    tx.opt("SELECT name, time_zone, locale FROM workspace WHERE id = ?1", params![id])?.ok_or_else(|| Problem::not_found("workspace"))
}

fn read(tx: &Tx<'_>, id: WorkspaceId) -> Result<WorkspaceSettings> {
    let (name, time_zone, locale) = load(tx, id)?;
    Ok(WorkspaceSettings { id, name, time_zone, locale, mfa_roles: mfa_roles(tx, id)? })
}

/// Settings of the workspace.
#[utoipa::path(get, path = "/workspace", responses((status = 200, body = WorkspaceSettings)), tag = "workspace", extensions(("x-permission" = json!("workspace.manage"))))]
pub(crate) async fn show(State(app): State<App>, who: Allowed<WorkspaceManage>) -> Answer<axum::Json<WorkspaceSettings>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| read(tx, workspace)).await
}

/// Change settings of the workspace.
#[utoipa::path(patch, path = "/workspace", request_body = EditWorkspace, responses((status = 200, body = WorkspaceSettings)), tag = "workspace", extensions(("x-permission" = json!("workspace.manage"))))]
pub(crate) async fn edit(State(app): State<App>, who: Allowed<WorkspaceManage>, input: Input<EditWorkspace>) -> Answer<Response> {
    let (ctx, once, body) = (who.ctx(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let (name, time_zone, locale) = load(tx, ctx.workspace)?;
        let name = body.name.as_deref().map_or(Ok(name), |n| input::name("name", n, 120))?;
        let time_zone = body.time_zone.as_deref().map_or(Ok(time_zone), input::time_zone)?;
        let locale = body.locale.as_deref().map_or(Ok(locale), input::locale)?;
        tx.execute("UPDATE workspace SET name = ?2, time_zone = ?3, locale = ?4 WHERE id = ?1", params![ctx.workspace, name, time_zone, locale])?;
        if let Some(roles) = &body.mfa_roles {
            for role in roles {
                let known = match role.parse::<RoleId>() {
                    Ok(id) => crate::role::find(tx, ctx.workspace, id)?.is_some(),
                    Err(_) => crate::role::by_key(tx, ctx.workspace, role)?.is_some(),
                };
                if !known {
                    return Err(Problem::invalid("mfa_roles", format!("there is no role `{}`", shouwen_kernel::text::clip(role, 40))).expected("keys or ids from /api/v1/roles"));
                }
            }
            set_mfa_roles(tx, ctx.workspace, roles)?;
        }
        tx.audit(&ctx, "workspace.edited", "workspace", Some(ctx.workspace.0), Some(json!({ "name": name, "mfa_roles": body.mfa_roles })))?;
        read(tx, ctx.workspace)
    })
    .await
}
