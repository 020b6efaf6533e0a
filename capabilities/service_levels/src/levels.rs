//! Service levels: for which cases, by which calendar, how long.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shouwen_kernel::{CalendarId, Problem, Result, ServiceLevelId};
use shouwen_rules::{Catalogue, Condition, FieldKind, Vocabulary};
use shouwen_store::{Ctx, Json, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, PackText, SignedIn, axum};

use crate::ladder::{self, Rung};
use crate::{ServiceLevelManage, replan, sweep};

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
    ("stage", FieldKind::Text),
];

/// What is wrong with a condition over the facts of a case; answers to its form are `fields.NAME`, of the kind the comparison
/// suggests: an amount is compared with a number, a choice with a text.
pub fn condition_faults(condition: &Condition) -> Vec<shouwen_rules::Fault> {
    let open = Vocabulary { open: vec!["fields.".to_owned()], ..Vocabulary::default() };
    let own = open.catalogue(condition).into_iter().filter(|(name, _)| name.len() <= 67);
    let catalogue: Vec<(&str, FieldKind)> = FIELDS.iter().copied().chain(own).collect();
    condition.faults(&catalogue)
}

/// Whether a title has a text in both languages, none too long.
pub fn two_languages(title: &PackText) -> bool {
    [&title.zh, &title.en].iter().all(|text| !text.trim().is_empty() && text.chars().count() <= 80)
}

/// A target: one budget (`4h`), or one for each priority (`{"normal": "8h", "urgent": "1h"}`; `normal` serves the rest).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged, expecting = "this is no target; expected \"4h\", or one for each priority: { urgent = \"1h\", normal = \"4h\" }")]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelInput {
    /// The one in the workspace's language; with a `title` it follows that one.
    #[serde(default)]
    pub name: String,
    /// In both languages; absent: `name` in either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<PackText>,
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
    /// Who hears of its clocks on the way: at 50 %, 80 %, 100 % and beyond.
    #[serde(default)]
    pub ladder: Vec<Rung>,
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
    /// Stable key, for packs.
    pub key: Option<String>,
    /// The pack it came with.
    pub pack: Option<String>,
    #[serde(skip)]
    pub pack_print: Option<String>,
}

const COLUMNS: &str = "id, name, active, ord, applies, calendar_id, targets, warn_at, pause_when, version, ladder, key, pack, pack_print, title";

fn read(row: &shouwen_store::Row) -> Result<Level> {
    Ok(Level {
        id: row.get(0)?,
        level: LevelInput {
            name: row.get(1)?,
            title: row.get::<Option<Json<PackText>>>(14)?.map(|j| j.0),
            active: row.get(2)?,
            order: row.get(3)?,
            applies: row.get::<Option<Json<Condition>>>(4)?.map(|j| j.0),
            calendar_id: row.get(5)?,
            targets: row.get::<Json<BTreeMap<String, Target>>>(6)?.0,
            warn_at: row.get(7)?,
            pause_when: row.get::<Json<Vec<String>>>(8)?.0,
            version: Some(row.get(9)?),
            ladder: row.get::<Option<Json<Vec<Rung>>>>(10)?.map(|j| j.0).unwrap_or_default(),
        },
        key: row.get(11)?,
        pack: row.get(12)?,
        pack_print: row.get(13)?,
    })
}

/// Every level of the workspace, in order.
pub fn all(tx: &Tx<'_>, workspace: shouwen_kernel::WorkspaceId) -> Result<Vec<Level>> {
    tx.all::<shouwen_store::Row>(&format!("SELECT {COLUMNS} FROM clock_level WHERE workspace_id = ?1 ORDER BY ord, id"), params![workspace])?.iter().map(read).collect()
}

/// One level.
pub fn one(tx: &Tx<'_>, id: ServiceLevelId) -> Result<Option<Level>> {
    tx.opt::<shouwen_store::Row>(&format!("SELECT {COLUMNS} FROM clock_level WHERE id = ?1"), params![id])?.as_ref().map(read).transpose()
}

/// Everything wrong with a level but its calendar: (path, wrong, right). Also used by the check of packs.
pub fn faults(input: &LevelInput) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut fault = |path: String, wrong: String, right: &str| found.push((path, wrong, right.to_owned()));
    if let Some(title) = &input.title {
        if !two_languages(title) {
            fault("title".into(), "a title is empty or longer than 80 characters".into(), "{ zh = \"…\", en = \"…\" }");
        }
    } else if input.name.trim().is_empty() || input.name.chars().count() > 80 {
        fault("name".into(), "the name is empty or longer than 80 characters".into(), "a name people know it by");
    }
    for wrong in input.applies.iter().flat_map(condition_faults) {
        fault(format!("match.{}", wrong.path), wrong.wrong, &wrong.right);
    }
    if !(0.0..=1.0).contains(&input.warn_at) {
        fault("warn_at".into(), format!("{} is not a share", input.warn_at), "0 to 1, e.g. 0.8");
    }
    if input.targets.is_empty() {
        fault("targets".into(), "no target is given".into(), "at least one of first_response, next_response, resolution");
    }
    for (kind, target) in &input.targets {
        if !KINDS.contains(&kind.as_str()) {
            fault(format!("targets.{kind}"), format!("there is no target `{kind}`"), &KINDS.join(", "));
        }
        let budgets: Vec<(String, &String)> = match target {
            Target::One(budget) => vec![(format!("targets.{kind}"), budget)],
            Target::ByPriority(map) => map.iter().map(|(priority, budget)| (format!("targets.{kind}.{priority}"), budget)).collect(),
        };
        if let Target::ByPriority(map) = target {
            for unknown in map.keys().filter(|p| !["low", "normal", "high", "urgent"].contains(&p.as_str())) {
                fault(format!("targets.{kind}.{unknown}"), format!("there is no priority `{unknown}`"), "low, normal, high, urgent");
            }
        }
        for (path, budget) in budgets {
            if let Err(wrong) = budget.parse::<shouwen_worktime::Budget>() {
                fault(path, wrong.wrong, &wrong.right);
            }
        }
    }
    for (i, unknown) in input.pause_when.iter().enumerate().filter(|(_, s)| !["open", "waiting", "resolved"].contains(&s.as_str())) {
        fault(format!("pause_when[{i}]"), format!("`{unknown}` is not a status clocks can pause in"), "waiting, resolved");
    }
    found.extend(ladder::faults(&input.ladder, &KINDS).into_iter().map(|(path, wrong, right)| (format!("ladder{path}"), wrong, right)));
    found
}

fn check(tx: &Tx<'_>, ctx: &Ctx, input: &LevelInput) -> Result<()> {
    if let Some((path, wrong, right)) = faults(input).into_iter().next() {
        // One budget for all priorities and one of several are the same field to whoever edits it.
        let field = path.split('.').take(2).collect::<Vec<_>>().join(".");
        return Err(Problem::invalid(if path.starts_with("targets.") { field } else { path }, wrong).expected(right));
    }
    let calendar: Option<(i64,)> = tx.opt("SELECT version FROM clock_calendar WHERE id = ?1 AND workspace_id = ?2", params![input.calendar_id, ctx.workspace])?;
    calendar.map(|_| ()).ok_or_else(|| Problem::invalid("calendar_id", "there is no such calendar").expected("an id of GET /api/v1/calendars"))
}

/// The language of the workspace, as its settings write it.
pub fn locale(tx: &Tx<'_>, workspace: shouwen_kernel::WorkspaceId) -> Result<String> {
    Ok(tx.workspaces()?.into_iter().find(|w| w.id == workspace).map(|w| w.locale).unwrap_or_default())
}

/// The mark of a pack on an item: its key, the item's key, the fingerprint of what it wrote.
#[derive(Clone, Copy)]
pub struct Mark<'a> {
    pub pack: &'a str,
    pub key: &'a str,
    pub print: Option<&'a str>,
}

/// What decides the plans of its clocks, and which cases it is for.
pub fn plan_of(level: &LevelInput) -> LevelInput {
    LevelInput { name: String::new(), title: None, active: true, order: 0, applies: None, version: None, ..level.clone() }
}

/// Writes a level: a new row, or over the row `id`. Open clocks of the latter are planned anew where their plan changed, and
/// open cases choose anew where it is switched on or off or is for others (see [`sweep`]).
pub fn write(tx: &Tx<'_>, ctx: &Ctx, id: Option<ServiceLevelId>, input: &LevelInput, mark: Option<Mark<'_>>) -> Result<ServiceLevelId> {
    check(tx, ctx, input)?;
    let name = match &input.title {
        Some(title) => title.of(&locale(tx, ctx.workspace)?).to_owned(),
        None => input.name.clone(),
    };
    let (pack, key, print) = mark.map_or((None, None, None), |mark| (Some(mark.pack), Some(mark.key), mark.print));
    let Some(id) = id else {
        let id: ServiceLevelId = tx.id();
        tx.execute(
            "INSERT INTO clock_level (id, workspace_id, name, active, ord, applies, calendar_id, targets, warn_at, pause_when, version, ladder, key, pack, pack_print, title) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, ?11, ?12, ?13, ?14, ?15)",
            params![
                id, ctx.workspace, name, input.active, input.order, input.applies.as_ref().map(Json), input.calendar_id, Json(&input.targets), input.warn_at, Json(&input.pause_when), Json(&input.ladder), key,
                pack, print, input.title.as_ref().map(Json)
            ],
        )?;
        return Ok(id);
    };
    let before = one(tx, id)?.ok_or_else(|| Problem::not_found("service level"))?.level;
    tx.execute(
        "UPDATE clock_level SET name = ?2, active = ?3, ord = ?4, applies = ?5, calendar_id = ?6, targets = ?7, warn_at = ?8, pause_when = ?9, ladder = ?10, key = COALESCE(?11, key), pack = COALESCE(?12, pack),
           pack_print = COALESCE(?13, pack_print), title = ?14, version = version + 1 WHERE id = ?1",
        params![
            id, name, input.active, input.order, input.applies.as_ref().map(Json), input.calendar_id, Json(&input.targets), input.warn_at, Json(&input.pause_when), Json(&input.ladder), key, pack, print, input.title.as_ref().map(Json)
        ],
    )?;
    if plan_of(&before) != plan_of(input) {
        replan::schedule(tx, ctx.workspace, "level", id.0)?;
    }
    if let Some(why) = sweep::reason((before.active, &(&before.applies, before.order)), (input.active, &(&input.applies, input.order))) {
        sweep::schedule(tx, ctx.workspace, id.0, why)?;
    }
    Ok(id)
}

/// Creates a service level within a transaction.
pub fn create_level(tx: &Tx<'_>, ctx: &Ctx, input: &LevelInput) -> Result<Level> {
    let id = write(tx, ctx, None, input, None)?;
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
            // A name alone is the one for both languages.
            if patch.contains_key("name") && !patch.contains_key("title") {
                fields.remove("title");
            }
            fields.extend(patch.clone().into_iter().filter(|(key, _)| !["id", "key", "pack"].contains(&key.as_str())));
        }
        let next: LevelInput = serde_json::from_value(merged).map_err(|e| Problem::invalid("body", format!("the service level cannot be read: {e}")).expected("the fields GET /api/v1/service-levels shows"))?;
        write(tx, &ctx, Some(id), &next, None)?;
        tx.audit(&ctx, "service_level.edited", "service_level", Some(id.0), Some(json!({ "before": current.level, "after": next })))?;
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
