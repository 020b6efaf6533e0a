//! When customers are asked.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{Problem, Result, WorkspaceId};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Input, axum};

use crate::SurveyManage;

/// Settings of the workspace.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub active: bool,
    /// Seconds between closing and asking; a case reopened meanwhile is not asked about.
    pub delay_s: i64,
    /// The same person is not asked again within this many days.
    pub quiet_days: i64,
    /// A link works this long.
    pub valid_days: i64,
    /// Resolutions after which nobody is asked.
    pub not_after: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { active: true, delay_s: 60, quiet_days: 1, valid_days: 14, not_after: vec!["spam".into(), "duplicate".into()] }
    }
}

/// The settings in force.
pub fn of(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Settings> {
    Ok(tx.setting(workspace, "voice")?.unwrap_or_default())
}

/// The address customers reach us at; written by the server when it starts.
pub fn base_url(tx: &Tx<'_>) -> Result<String> {
    let known: Option<(String,)> = tx.opt("SELECT value FROM setting WHERE workspace_id = ?1 AND name = 'base_url'", params![WorkspaceId::NIL])?;
    Ok(known.and_then(|(json,)| serde_json::from_str::<String>(&json).ok()).unwrap_or_else(|| "http://127.0.0.1:8080".into()))
}

#[utoipa::path(get, path = "/voice/settings", responses((status = 200, body = Settings)), tag = "voice", summary = "When customers are asked", extensions(("x-permission" = json!("survey.manage"))))]
pub async fn show(State(app): State<App>, who: Allowed<SurveyManage>) -> Answer<axum::Json<Settings>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| of(tx, workspace)).await
}

#[utoipa::path(put, path = "/voice/settings", request_body = Settings, responses((status = 200, body = Settings)), tag = "voice", summary = "Change when customers are asked", extensions(("x-permission" = json!("survey.manage"))))]
pub async fn edit(State(app): State<App>, who: Allowed<SurveyManage>, input: Input<Settings>) -> Answer<Response> {
    let ctx = who.ctx();
    let wrong = |field: &str, value: i64, right: &str| Problem::invalid(field, format!("{value} is out of range")).expected(right);
    let s = &input.value;
    if !(0..=30 * 86_400).contains(&s.delay_s) {
        return Err(wrong("delay_s", s.delay_s, "0 to 2592000 seconds").into());
    }
    if !(0..=365).contains(&s.quiet_days) {
        return Err(wrong("quiet_days", s.quiet_days, "0 to 365 days").into());
    }
    if !(1..=365).contains(&s.valid_days) {
        return Err(wrong("valid_days", s.valid_days, "1 to 365 days").into());
    }
    app.command(who.once(&input.hash), StatusCode::OK, move |tx| {
        tx.set_setting(ctx.workspace, "voice", &input.value)?;
        tx.audit(&ctx, "voice.settings", "workspace", Some(ctx.workspace.0), Some(serde_json::to_value(&input.value)?))?;
        Ok(input.value.clone())
    })
    .await
}
