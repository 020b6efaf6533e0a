//! Settings of bulletins and crises.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{Problem, Result, WorkspaceId};
use shouwen_store::Tx;
use shouwen_web::{Allowed, Answer, App, Input, axum};

use crate::{WarningManage, WarningRead, bulletins, people, threshold};

/// When a bulletin is made and who gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = BulletinPlan)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub enabled: bool,
    /// Local time of the workspace, `08:30`.
    pub at: String,
    /// Of the weekly one: 1 = Monday … 7 = Sunday.
    #[serde(default = "monday")]
    pub weekday: i8,
    /// `role:KEY`, `team:NAME`, `person:ID`.
    pub to: Vec<String>,
}

fn monday() -> i8 {
    1
}

impl Plan {
    /// Hour and minute.
    pub fn time(&self) -> Option<jiff::civil::Time> {
        let (hour, minute) = self.at.split_once(':')?;
        if hour.len() > 2 || minute.len() != 2 {
            return None;
        }
        jiff::civil::Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    }
}

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = WarningSettings)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub daily: Plan,
    pub weekly: Plan,
    /// The rapid-response group.
    pub crisis_group: Vec<String>,
    /// Hours until the plan of a crisis is due.
    pub plan_hours: i64,
    /// Days after a crisis until it is written up.
    pub write_up_days: i64,
}

impl Default for Settings {
    fn default() -> Self {
        let to = || vec!["role:manager".to_owned()];
        Self {
            daily: Plan { enabled: true, at: "08:30".to_owned(), weekday: 1, to: to() },
            weekly: Plan { enabled: true, at: "09:00".to_owned(), weekday: 1, to: to() },
            crisis_group: vec!["role:crisis_group".to_owned()],
            plan_hours: 2,
            write_up_days: 3,
        }
    }
}

/// Those of a workspace, or what holds until somebody sets them.
pub fn load(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Settings> {
    let usual = Settings::default();
    let (daily, weekly): (Plan, Plan) = tx.setting(workspace, "warnings.bulletins")?.unwrap_or((usual.daily, usual.weekly));
    Ok(Settings {
        daily,
        weekly,
        crisis_group: tx.setting(workspace, "crisis.group")?.unwrap_or(usual.crisis_group),
        plan_hours: tx.setting(workspace, "crisis.plan_hours")?.unwrap_or(usual.plan_hours),
        write_up_days: tx.setting(workspace, "crisis.write_up_days")?.unwrap_or(usual.write_up_days),
    })
}

/// Hours a plan may be given.
pub fn plan_hours(hours: i64) -> Result<i64> {
    if (1..=168).contains(&hours) { Ok(hours) } else { Err(Problem::invalid("plan_hours", format!("{hours} hours")).expected("1 to 168")) }
}

fn checked(s: &Settings) -> Result<()> {
    for (name, plan) in [("daily", &s.daily), ("weekly", &s.weekly)] {
        if plan.time().is_none() {
            return Err(Problem::invalid(format!("{name}.at"), format!("`{}` is not a time of day", shouwen_kernel::text::clip(&plan.at, 20))).expected("like 08:30"));
        }
        if !(1..=7).contains(&plan.weekday) {
            return Err(Problem::invalid(format!("{name}.weekday"), format!("there is no weekday {}", plan.weekday)).expected("1 (Monday) to 7 (Sunday)"));
        }
    }
    for (name, to) in [("daily.to", &s.daily.to), ("weekly.to", &s.weekly.to), ("crisis_group", &s.crisis_group)] {
        if let Some((path, wrong, right)) = threshold::parties(name, to).into_iter().next() {
            return Err(Problem::invalid(path, wrong).expected(right));
        }
        if to.len() > 50 {
            return Err(Problem::invalid(name, format!("{} entries", to.len())).expected("at most 50"));
        }
    }
    plan_hours(s.plan_hours)?;
    if !(1..=90).contains(&s.write_up_days) {
        return Err(Problem::invalid("write_up_days", format!("{} days", s.write_up_days)).expected("1 to 90"));
    }
    Ok(())
}

/// The settings, and whom they mean now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WarningSettingsView)]
pub struct SettingsView {
    #[serde(flatten)]
    pub settings: Settings,
    /// The rapid-response group as people; where it means nobody, who stands in.
    pub members: Vec<people::Named>,
    /// What weekdays and times refer to.
    pub time_zone: String,
}

fn view(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<SettingsView> {
    let settings = load(tx, workspace)?;
    let members = people::rapid_group(tx, workspace, &settings.crisis_group)?.0.into_iter().map(|p| people::named(tx, p)).collect::<Result<_>>()?;
    Ok(SettingsView { settings, members, time_zone: crate::letters::settings_of(tx, workspace)?.1 })
}

#[utoipa::path(get, path = "/warning-settings", responses((status = 200, body = SettingsView)), tag = "warnings", summary = "When bulletins are made, and the rapid-response group", extensions(("x-permission" = json!("warning.read"))))]
pub async fn show(State(app): State<App>, who: Allowed<WarningRead>) -> Answer<axum::Json<SettingsView>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| view(tx, workspace)).await
}

#[utoipa::path(put, path = "/warning-settings", request_body = Settings, responses((status = 200, body = SettingsView)), tag = "warnings", summary = "Change them", extensions(("x-permission" = json!("warning.manage"))))]
pub async fn edit(State(app): State<App>, who: Allowed<WarningManage>, input: Input<Settings>) -> Answer<Response> {
    let (ctx, once, body) = (who.ctx(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        checked(&body)?;
        let before = load(tx, ctx.workspace)?;
        tx.set_setting(ctx.workspace, "warnings.bulletins", &(&body.daily, &body.weekly))?;
        tx.set_setting(ctx.workspace, "crisis.group", &body.crisis_group)?;
        tx.set_setting(ctx.workspace, "crisis.plan_hours", &body.plan_hours)?;
        tx.set_setting(ctx.workspace, "crisis.write_up_days", &body.write_up_days)?;
        bulletins::schedule(tx, ctx.workspace, true)?;
        tx.audit(&ctx, "warning.settings_edited", "workspace", Some(ctx.workspace.0), Some(json!({ "before": before, "after": body })))?;
        view(tx, ctx.workspace)
    })
    .await
}
