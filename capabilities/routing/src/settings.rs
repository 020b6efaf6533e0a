//! How assignment works here, and why cases wait.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{CaseId, Problem, Result, TeamId, Time, WorkspaceId};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Input, axum};

use crate::{RoutingManage, queue};

/// Settings of the workspace.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Assign automatically; otherwise people take cases themselves.
    pub automatic: bool,
    /// Only to people who are online.
    pub online_only: bool,
    /// What customers of a tier get.
    #[serde(default)]
    pub tiers: Vec<TierWish>,
    /// Teams whose waiting cases may be taken by others after a while.
    #[serde(default)]
    pub overflow: Vec<Overflow>,
}

/// What customers of a tier get.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TierWish {
    /// The tier as customers carry it: `gold`.
    pub tier: String,
    /// People with this skill come first; if there is none, everybody counts.
    #[serde(default)]
    pub skill: Option<String>,
    /// Served before others of the same priority when cases wait.
    #[serde(default)]
    pub first: bool,
}

/// A team whose waiting cases may be taken by others after a while.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Overflow {
    pub team_id: TeamId,
    /// Minutes a case waits with its own team first, 1 to 10,080 (a week).
    pub after_minutes: u32,
    /// Teams asked in this order, 1 to 5.
    pub to: Vec<TeamId>,
}

/// Tiers and overflows a workspace may have.
const MOST: usize = 200;

impl Settings {
    /// What customers of this tier get.
    pub fn tier(&self, tier: Option<&str>) -> Option<&TierWish> {
        self.tiers.iter().find(|wish| Some(wish.tier.as_str()) == tier)
    }

    /// Where the cases of this team go when they wait too long.
    pub fn overflow_of(&self, team: TeamId) -> Option<&Overflow> {
        self.overflow.iter().find(|o| o.team_id == team)
    }

    /// Refuses what makes no sense, naming the place.
    fn check(&mut self, tx: &Tx<'_>, workspace: WorkspaceId) -> Result<()> {
        if self.tiers.len() > MOST || self.overflow.len() > MOST {
            return Err(Problem::invalid("tiers", format!("at most {MOST} tiers and {MOST} overflowing teams")).code("routing.too_many"));
        }
        for (i, wish) in self.tiers.iter_mut().enumerate() {
            wish.tier = wish.tier.trim().to_owned();
            wish.skill = wish.skill.take().map(|s| s.trim().to_owned()).filter(|s| !s.is_empty());
            if wish.tier.is_empty() || wish.tier.chars().count() > 60 {
                return Err(Problem::invalid(format!("tiers.{i}.tier"), "a tier needs the name customers carry, at most 60 characters").code("routing.tier_name"));
            }
            if wish.skill.is_none() && !wish.first {
                return Err(Problem::invalid(format!("tiers.{i}"), format!("tier `{}` gets nothing: name a skill, or let it go first", wish.tier)).code("routing.tier_empty"));
            }
        }
        for (i, wish) in self.tiers.iter().enumerate() {
            if self.tiers[..i].iter().any(|other| other.tier == wish.tier) {
                return Err(Problem::invalid(format!("tiers.{i}.tier"), format!("tier `{}` stands twice", wish.tier)).code("routing.tier_twice"));
            }
        }
        let known: Vec<(TeamId,)> = tx.all("SELECT team_id FROM routing_team WHERE workspace_id = ?1", params![workspace])?;
        let known = |team: TeamId| known.iter().any(|row| row.0 == team);
        for (i, o) in self.overflow.iter().enumerate() {
            let refuse = |code: &'static str, field: &str, text: String| Err(Problem::invalid(format!("overflow.{i}.{field}"), text).code(code));
            if !known(o.team_id) {
                return refuse("routing.team_unknown", "team_id", "there is no such team".into());
            }
            if self.overflow[..i].iter().any(|other| other.team_id == o.team_id) {
                return refuse("routing.overflow_twice", "team_id", "this team overflows already: one entry a team".into());
            }
            if !(1..=10_080).contains(&o.after_minutes) {
                return refuse("routing.overflow_minutes", "after_minutes", format!("{} minutes are not between 1 and 10080 (a week)", o.after_minutes));
            }
            if o.to.is_empty() || o.to.len() > 5 {
                return refuse("routing.overflow_to", "to", "name 1 to 5 teams that help".into());
            }
            if let Some(team) = o.to.iter().find(|team| !known(**team)) {
                return refuse("routing.team_unknown", "to", format!("there is no team {team}"));
            }
            if o.to.contains(&o.team_id) || o.to.iter().enumerate().any(|(n, team)| o.to[..n].contains(team)) {
                return refuse("routing.overflow_to", "to", "a team helps another, and stands here once".into());
            }
        }
        Ok(())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { automatic: true, online_only: true, tiers: Vec::new(), overflow: Vec::new() }
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
        let mut wanted = input.value.clone();
        wanted.check(tx, ctx.workspace)?;
        tx.set_setting(ctx.workspace, "routing", &wanted)?;
        queue::sweep_soon(tx, ctx.workspace)?;
        tx.audit(&ctx, "routing.settings", "workspace", Some(ctx.workspace.0), Some(serde_json::to_value(&wanted)?))?;
        Ok(wanted)
    })
    .await
}

/// A case that waits for somebody.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Waiting {
    pub case_id: CaseId,
    pub team_id: Option<TeamId>,
    pub opened_at: Time,
    /// Other teams' people are asked too, because it waited too long.
    pub spilled: bool,
    /// Why nobody was chosen: limit reached, nobody online, skill missing.
    pub reason: Option<String>,
}

#[utoipa::path(get, path = "/routing/queue", responses((status = 200, body = [Waiting])), tag = "routing", summary = "Cases that wait for somebody, in the order they are served, with the reason", extensions(("x-permission" = json!("routing.manage"))))]
pub async fn waiting(State(app): State<App>, who: Allowed<RoutingManage>) -> Answer<axum::Json<Vec<Waiting>>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    app.query(move |tx| {
        let teams: Vec<(TeamId,)> = tx.all("SELECT team_id FROM routing_team WHERE workspace_id = ?1", params![workspace])?;
        let mut out = Vec::new();
        for (team,) in teams.into_iter().filter(|(team,)| scope.all || scope.teams.contains(team)) {
            let rows: Vec<(CaseId, Option<TeamId>, Time, Option<i64>, Option<bool>, Option<String>)> = tx.all(
                "SELECT case_id, team_id, opened_at, place, spilled, tried FROM routing_case WHERE team_id = ?1 AND open AND assignee_id IS NULL ORDER BY place, opened_at LIMIT 50",
                params![team],
            )?;
            out.extend(rows.into_iter().map(|(case_id, team_id, opened_at, place, spilled, reason)| (place, Waiting { case_id, team_id, opened_at, spilled: spilled == Some(true), reason })));
        }
        out.sort_by_key(|(place, w)| (*place, w.opened_at));
        Ok(out.into_iter().map(|(_, waiting)| waiting).collect())
    })
    .await
}
