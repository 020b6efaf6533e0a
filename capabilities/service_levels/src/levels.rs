//! Service levels: for which cases, by which calendar, how long.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shouwen_kernel::{CalendarId, Problem, Result, ServiceLevelId};
use shouwen_rules::{Catalogue, Condition, FieldKind};
use shouwen_store::{Ctx, Json, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, SignedIn, axum};

use crate::{ServiceLevelManage, engine, replan};

/// The three targets.
pub const KINDS: [&str; 3] = ["first_response", "next_response", "resolution"];

/// What a service level's condition may ask of a case.
pub const FIELDS: Catalogue<'static> = &[
    ("type", FieldKind::Text),
    ("priority", FieldKind::Text),
    ("channel", FieldKind::Text),
    ("inbox", FieldKind::Text),
    ("team", FieldKind::Text),
    ("org_unit", FieldKind::Text),
    ("customer", FieldKind::Text),
    ("region", FieldKind::Text),
    ("tier", FieldKind::Text),
    ("language", FieldKind::Text),
    ("tag", FieldKind::List),
    ("title", FieldKind::Text),
];

/// A target: one budget (`4h`), or one for each priority (`{"normal": "8h", "urgent": "1h"}`; `normal` serves the rest).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Target {
    One(String),
    ByPriority(BTreeMap<String, String>),
}

impl Target {
    /// The budget for a priority.
    pub fn of(&self, priority: &str) -> Option<&str> {
        match self {
            Self::One(budget) => Some(budget),
            Self::ByPriority(map) => map.get(priority).or_else(|| map.get("normal")).map(String::as_str),
        }
    }
}

/// A service level as people edit it.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelInput {
    pub name: String,
    #[serde(default = "yes")]
    pub active: bool,
    /// The first active level whose condition holds applies; smaller comes first.
    #[serde(default)]
    pub order: i64,
    /// A condition tree; null: every case.
    #[serde(default, rename = "match")]
    #[schema(value_type = Option<Object>)]
    pub applies: Option<Condition>,
    pub calendar_id: CalendarId,
    /// `first_response`, `next_response`, `resolution`; a missing one has no clock.
    pub targets: BTreeMap<String, Target>,
    /// Share of the target after which it warns, 0–1.
    #[serde(default = "four_fifths")]
    pub warn_at: f64,
    /// Statuses in which its clocks stand still.
    #[serde(default = "waiting")]
    pub pause_when: Vec<String>,
    /// The version you saw; needed when editing.
    #[serde(default)]
    pub version: Option<i64>,
}

fn yes() -> bool {
    true
}
fn four_fifths() -> f64 {
    0.8
}
fn waiting() -> Vec<String> {
    vec!["waiting".into()]
}

/// A service level as it stands.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Level {
    pub id: ServiceLevelId,
    #[serde(flatten)]
    pub level: LevelInput,
}

type Row = (ServiceLevelId, String, bool, i64, Option<Json<Condition>>, CalendarId, Json<BTreeMap<String, Target>>, f64, Json<Vec<String>>, i64);
const COLUMNS: &str = "id, name, active, ord, applies, calendar_id, targets, warn_at, pause_when, version";

fn from_row(row: Row) -> Level {
    let (id, name, active, order, applies, calendar_id, targets, warn_at, pause_when, version) = row;
    Level { id, level: LevelInput { name, active, order, applies: applies.map(|j| j.0), calendar_id, targets: targets.0, warn_at, pause_when: pause_when.0, version: Some(version) } }
}

/// Every level of the workspace, in order.
pub fn all(tx: &Tx<'_>, workspace: shouwen_kernel::WorkspaceId) -> Result<Vec<Level>> {
    Ok(tx.all::<Row>(&format!("SELECT {COLUMNS} FROM clock_level WHERE workspace_id = ?1 ORDER BY ord, id"), params![workspace])?.into_iter().map(from_row).collect())
}

/// One level.
pub fn one(tx: &Tx<'_>, id: ServiceLevelId) -> Result<Option<Level>> {
    Ok(tx.opt::<Row>(&format!("SELECT {COLUMNS} FROM clock_level WHERE id = ?1"), params![id])?.map(from_row))
}

fn check(tx: &Tx<'_>, ctx: &Ctx, input: &LevelInput) -> Result<()> {
    if input.name.trim().is_empty() || input.name.chars().count() > 80 {
        return Err(Problem::invalid("name", "the name is empty or longer than 80 characters").expected("a name people know it by"));
    }
    if let Some(fault) = input.applies.as_ref().and_then(|c| c.faults(FIELDS).into_iter().next()) {
        return Err(Problem::invalid(format!("match.{}", fault.path), fault.wrong).expected(fault.right));
    }
    if !(0.0..=1.0).contains(&input.warn_at) {
        return Err(Problem::invalid("warn_at", format!("{} is not a share", input.warn_at)).expected("0 to 1, e.g. 0.8"));
    }
    if input.targets.is_empty() {
        return Err(Problem::invalid("targets", "no target is given").expected("at least one of first_response, next_response, resolution"));
    }
    for (kind, target) in &input.targets {
        if !KINDS.contains(&kind.as_str()) {
            return Err(Problem::invalid(format!("targets.{kind}"), format!("there is no target `{kind}`")).expected(KINDS.join(", ")));
        }
        let budgets: Vec<&String> = match target {
            Target::One(budget) => vec![budget],
            Target::ByPriority(map) => {
                if let Some(unknown) = map.keys().find(|p| !["low", "normal", "high", "urgent"].contains(&p.as_str())) {
                    return Err(Problem::invalid(format!("targets.{kind}.{unknown}"), format!("there is no priority `{unknown}`")).expected("low, normal, high, urgent"));
                }
                map.values().collect()
            }
        };
        for budget in budgets {
            budget.parse::<shouwen_worktime::Budget>().map_err(|f| engine::problem(&f).field(format!("targets.{kind}")))?;
        }
    }
    if let Some(unknown) = input.pause_when.iter().find(|s| !["open", "waiting", "resolved"].contains(&s.as_str())) {
        return Err(Problem::invalid("pause_when", format!("`{unknown}` is not a status clocks can pause in")).expected("waiting, resolved"));
    }
    let calendar: Option<(i64,)> = tx.opt("SELECT version FROM clock_calendar WHERE id = ?1 AND workspace_id = ?2", params![input.calendar_id, ctx.workspace])?;
    calendar.map(|_| ()).ok_or_else(|| Problem::invalid("calendar_id", "there is no such calendar").expected("an id of GET /api/v1/calendars"))
}

/// Creates a service level within a transaction.
pub fn create_level(tx: &Tx<'_>, ctx: &Ctx, input: &LevelInput) -> Result<Level> {
    check(tx, ctx, input)?;
    let id: ServiceLevelId = tx.id();
    tx.execute(
        "INSERT INTO clock_level (id, workspace_id, name, active, ord, applies, calendar_id, targets, warn_at, pause_when, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1)",
        params![id, ctx.workspace, input.name, input.active, input.order, input.applies.as_ref().map(Json), input.calendar_id, Json(&input.targets), input.warn_at, Json(&input.pause_when)],
    )?;
    tx.audit(ctx, "service_level.created", "service_level", Some(id.0), Some(serde_json::to_value(input)?))?;
    one(tx, id)?.ok_or_else(|| Problem::internal("the service level vanished"))
}

#[utoipa::path(get, path = "/service-levels", responses((status = 200, body = [Level])), tag = "service levels", summary = "Service levels, in the order they are asked", extensions(("x-permission" = json!("signed_in"))))]
pub async fn list(State(app): State<App>, who: SignedIn) -> Answer<axum::Json<Vec<Level>>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| all(tx, workspace)).await
}

#[utoipa::path(post, path = "/service-levels", request_body = LevelInput, responses((status = 201, body = Level)), tag = "service levels", summary = "Create a service level; it applies to cases opened from now on", extensions(("x-permission" = json!("service_level.manage"))))]
pub async fn create(State(app): State<App>, who: Allowed<ServiceLevelManage>, input: Input<LevelInput>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(&input.hash), StatusCode::CREATED, move |tx| create_level(tx, &ctx, &input.value)).await
}

#[utoipa::path(patch, path = "/service-levels/{id}", params(("id" = ServiceLevelId, Path)), request_body = Value, responses((status = 200, body = Level), (status = 409, description = "Somebody else edited it")), tag = "service levels", summary = "Edit a service level; open clocks are planned anew", extensions(("x-permission" = json!("service_level.manage"))))]
pub async fn edit(State(app): State<App>, who: Allowed<ServiceLevelManage>, Id(id): Id<ServiceLevelId>, input: Input<Value>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(&input.hash), StatusCode::OK, move |tx| {
        let (version,): (i64,) =
            tx.opt(&format!("SELECT version FROM clock_level WHERE id = ?1 AND workspace_id = ?2{}", tx.for_update()), params![id, ctx.workspace])?.ok_or_else(|| Problem::not_found("service level"))?;
        let current = one(tx, id)?.ok_or_else(|| Problem::not_found("service level"))?;
        let seen = input.value.get("version").and_then(Value::as_i64).ok_or_else(|| Problem::invalid("version", "no version is given").expected("the `version` you saw"))?;
        if seen != version {
            return Err(Problem::conflict("version_conflict", "somebody else edited this service level meanwhile").detail(json!({ "current": current })));
        }
        let mut merged = serde_json::to_value(&current.level)?;
        if let (Some(fields), Some(patch)) = (merged.as_object_mut(), input.value.as_object()) {
            fields.extend(patch.clone().into_iter().filter(|(key, _)| key != "id"));
        }
        let next: LevelInput = serde_json::from_value(merged).map_err(|e| Problem::invalid("body", format!("the service level cannot be read: {e}")).expected("the fields GET /api/v1/service-levels shows"))?;
        check(tx, &ctx, &next)?;
        tx.execute(
            "UPDATE clock_level SET name = ?2, active = ?3, ord = ?4, applies = ?5, calendar_id = ?6, targets = ?7, warn_at = ?8, pause_when = ?9, version = version + 1 WHERE id = ?1",
            params![id, next.name, next.active, next.order, next.applies.as_ref().map(Json), next.calendar_id, Json(&next.targets), next.warn_at, Json(&next.pause_when)],
        )?;
        tx.audit(&ctx, "service_level.edited", "service_level", Some(id.0), Some(json!({ "before": current.level, "after": next })))?;
        replan::schedule(tx, ctx.workspace, "level", id.0)?;
        one(tx, id)?.ok_or_else(|| Problem::not_found("service level"))
    })
    .await
}

#[utoipa::path(delete, path = "/service-levels/{id}", params(("id" = ServiceLevelId, Path)), responses((status = 204)), tag = "service levels", summary = "Remove a service level; clocks already running keep their plan", extensions(("x-permission" = json!("service_level.manage"))))]
pub async fn remove(State(app): State<App>, who: Allowed<ServiceLevelManage>, Id(id): Id<ServiceLevelId>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(""), StatusCode::NO_CONTENT, move |tx| {
        if tx.execute("DELETE FROM clock_level WHERE id = ?1 AND workspace_id = ?2", params![id, ctx.workspace])? == 0 {
            return Err(Problem::not_found("service level"));
        }
        tx.audit(&ctx, "service_level.removed", "service_level", Some(id.0), None)
    })
    .await
}
