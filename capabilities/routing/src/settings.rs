//! How assignment works here, and why cases wait.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{CaseId, Result, TeamId, Time, WorkspaceId};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Input, axum};

use crate::RoutingManage;

/// Settings of the workspace.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Assign automatically; otherwise people take cases themselves.
    pub automatic: bool,
    /// Only to people who are online.
    pub online_only: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { automatic: true, online_only: true }
    }
}

/// The settings in force.
pub fn of(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Settings> {
    Ok(tx.setting(workspace, "routing")?.unwrap_or_default())
}

#[utoipa::path(get, path = "/routing/settings", responses((status = 200, body = Settings)), tag = "routing", summary = "How cases are assigned", extensions(("x-permission" = json!("routing.manage"))))]
pub async fn show(State(app): State<App>, who: Allowed<RoutingManage>) -> Answer<axum::Json<Settings>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| of(tx, workspace)).await
}

#[utoipa::path(put, path = "/routing/settings", request_body = Settings, responses((status = 200, body = Settings)), tag = "routing", summary = "Change how cases are assigned", extensions(("x-permission" = json!("routing.manage"))))]
pub async fn edit(State(app): State<App>, who: Allowed<RoutingManage>, input: Input<Settings>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(&input.hash), StatusCode::OK, move |tx| {
        tx.set_setting(ctx.workspace, "routing", &input.value)?;
        tx.audit(&ctx, "routing.settings", "workspace", Some(ctx.workspace.0), Some(serde_json::to_value(&input.value)?))?;
        Ok(input.value.clone())
    })
    .await
}

/// A case that waits for somebody.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Waiting {
    pub case_id: CaseId,
    pub team_id: Option<TeamId>,
    pub opened_at: Time,
    /// Why nobody was chosen: limit reached, nobody online, skill missing.
    pub reason: Option<String>,
}

#[utoipa::path(get, path = "/routing/queue", responses((status = 200, body = [Waiting])), tag = "routing", summary = "Cases that wait for somebody, oldest first, with the reason", extensions(("x-permission" = json!("routing.manage"))))]
pub async fn queue(State(app): State<App>, who: Allowed<RoutingManage>) -> Answer<axum::Json<Vec<Waiting>>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    app.query(move |tx| {
        let teams: Vec<(TeamId,)> = tx.all("SELECT team_id FROM routing_team WHERE workspace_id = ?1", params![workspace])?;
        let mut out = Vec::new();
        for (team,) in teams.into_iter().filter(|(team,)| scope.all || scope.teams.contains(team)) {
            let rows: Vec<(CaseId, Option<TeamId>, Time, Option<String>)> =
                tx.all("SELECT case_id, team_id, opened_at, tried FROM routing_case WHERE team_id = ?1 AND open AND assignee_id IS NULL ORDER BY opened_at LIMIT 50", params![team])?;
            out.extend(rows.into_iter().map(|(case_id, team_id, opened_at, reason)| Waiting { case_id, team_id, opened_at, reason }));
        }
        out.sort_by_key(|w| w.opened_at);
        Ok(out)
    })
    .await
}
