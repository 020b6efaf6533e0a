//! Saved views: built-in ones, a person's own, a team's; with counts that stop counting early.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value as JsonValue, json};
use shouwen_kernel::{Problem, Result, Scope, TeamId, ViewId};
use shouwen_rules::{Condition, Op};
use shouwen_store::{Json, ScopeColumns, Tx, Value, params, scope_sql};
use shouwen_web::{Allowed, Answer, App, Id, Input, Viewer, axum};

use crate::{CaseRead, ViewShare, fields, list};

/// Counting stops here; the badge says `999+`.
const CAP: usize = 1000;
/// Views a person or a team may have.
const MOST: i64 = 50;

/// A view.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct View {
    /// A built-in view's key, or an id.
    pub id: String,
    /// Set for built-in views: `mine`, `team_open` …; the desk translates it.
    pub key: Option<String>,
    pub name: String,
    /// `system`, `person`, `team`.
    pub owner: String,
    pub team_id: Option<TeamId>,
    #[schema(value_type = Object)]
    pub filter: Condition,
    pub sort: String,
    pub version: i64,
}

fn built_in() -> Vec<View> {
    let is = |field: &str, value: &str| Condition::compare(field, Op::Eq, value);
    let active = || Condition::compare("active", Op::Eq, true);
    let awake = || Condition::compare("snoozed_until", Op::Empty, JsonValue::Null);
    let my_teams = || Condition::compare("team", Op::In, "@my_teams");
    let all = |parts: Vec<Condition>| Condition::All { all: parts };
    let make = |key: &str, name: &str, filter: Condition, sort: &str| View { id: key.into(), key: Some(key.into()), name: name.into(), owner: "system".into(), team_id: None, filter, sort: sort.into(), version: 0 };
    vec![
        make("mine", "我的待办", all(vec![active(), is("status", "open"), is("assignee", "@me"), awake()]), "due_at"),
        make("mine_waiting", "等待客户", all(vec![active(), is("status", "waiting"), is("assignee", "@me")]), "-updated_at"),
        make("team_unassigned", "待认领", all(vec![active(), Condition::compare("assignee", Op::Empty, JsonValue::Null), my_teams()]), "updated_at"),
        make("team_open", "班组工单", all(vec![active(), my_teams()]), "-updated_at"),
        make("breaching", "即将超时", all(vec![active(), Condition::Any { any: vec![is_true("breached"), Condition::compare("due_at", Op::WithinNext, "2h")] }]), "due_at"),
        make("mentioned", "提到我的", Condition::compare("mentioned", Op::Contains, "@me"), "-updated_at"),
        make("accountable", "我首问负责", all(vec![active(), is("accountable", "@me")]), "due_at"),
        make("snoozed", "已暂缓", all(vec![active(), is("assignee", "@me"), Condition::compare("snoozed_until", Op::NotEmpty, JsonValue::Null)]), "-updated_at"),
        make("all_open", "全部处理中", active(), "-updated_at"),
        make("resolved", "待核实", is("status", "resolved"), "-updated_at"),
        make("closed", "已归档", is("status", "closed"), "-updated_at"),
    ]
}

fn is_true(field: &str) -> Condition {
    Condition::compare(field, Op::Eq, true)
}

/// The viewer's teams, as texts; from the names of what they were told when they signed in.
pub fn teams_of(tx: &Tx<'_>, viewer: &Viewer) -> Result<Vec<String>> {
    let rows: Vec<(TeamId,)> = tx.all("SELECT team_id FROM desk_member WHERE person_id = ?1", params![viewer.person])?;
    Ok(rows.into_iter().map(|(team,)| team.to_string()).collect())
}

type Row = (ViewId, String, Option<shouwen_kernel::PersonId>, Option<TeamId>, Json<Condition>, String, i64);
const COLUMNS: &str = "id, name, person_id, team_id, filter, sort, version";

fn from_row((id, name, person, team_id, filter, sort, version): Row) -> View {
    View { id: id.to_string(), key: None, name, owner: if person.is_some() { "person" } else { "team" }.into(), team_id, filter: filter.0, sort, version }
}

fn saved(tx: &Tx<'_>, viewer: &Viewer) -> Result<Vec<View>> {
    let mut rows: Vec<Row> = tx.all(&format!("SELECT {COLUMNS} FROM desk_view WHERE person_id = ?1 ORDER BY ord, id"), params![viewer.person])?;
    let teams: Vec<(TeamId,)> = tx.all("SELECT team_id FROM desk_member WHERE person_id = ?1", params![viewer.person])?;
    for (team,) in teams {
        rows.extend(tx.all::<Row>(&format!("SELECT {COLUMNS} FROM desk_view WHERE team_id = ?1 ORDER BY ord, id"), params![team])?);
    }
    Ok(rows.into_iter().map(from_row).collect())
}

/// A view by key or id, if the viewer has it.
pub fn find(tx: &Tx<'_>, viewer: &Viewer, name: &str) -> Result<View> {
    if let Some(view) = built_in().into_iter().find(|v| v.id == name) {
        return Ok(view);
    }
    saved(tx, viewer)?.into_iter().find(|v| v.id == name).ok_or_else(|| Problem::not_found("view"))
}

#[utoipa::path(get, path = "/views", responses((status = 200, body = [View])), tag = "desk", summary = "Built-in views, then the viewer's own, then their teams'", extensions(("x-permission" = json!("case.read"))))]
pub async fn list(State(app): State<App>, who: Allowed<CaseRead>) -> Answer<axum::Json<Vec<View>>> {
    let viewer = who.viewer.clone();
    app.query(move |tx| {
        let mut views = built_in();
        views.extend(saved(tx, &viewer)?);
        Ok(views)
    })
    .await
}

/// How many cases a view holds, counted up to a cap.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
pub struct Count {
    pub count: usize,
    /// There are more.
    pub capped: bool,
}

/// Counts by view id.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Counts {
    pub counts: BTreeMap<String, Count>,
}

#[utoipa::path(get, path = "/views/counts", responses((status = 200, body = Counts)), tag = "desk", summary = "Live counts of the viewer's views", extensions(("x-permission" = json!("case.read"))))]
pub async fn counts(State(app): State<App>, who: Allowed<CaseRead>) -> Answer<axum::Json<Counts>> {
    let (viewer, scope) = (who.viewer.clone(), who.scope.clone());
    app.query(move |tx| {
        // The archive is not work to be counted.
        let views: Vec<View> = built_in().into_iter().filter(|v| v.id != "closed").chain(saved(tx, &viewer)?).collect();
        let counts = views.into_iter().map(|view| Ok((view.id, count(tx, &viewer, &scope, &view.filter)?))).collect::<Result<_>>()?;
        Ok(Counts { counts })
    })
    .await
}

fn count(tx: &Tx<'_>, viewer: &Viewer, scope: &Scope, filter: &Condition) -> Result<Count> {
    let (sql, mut values) = list::sql_of(tx, viewer, filter)?;
    let (reach, more) = scope_sql(scope, &ScopeColumns { ..list::SCOPE }, values.len() + 1);
    values.extend(more);
    values.push(shouwen_store::ToValue::to_value(&viewer.workspace));
    let workspace = values.len();
    values.push(Value::Int(CAP as i64));
    let limit = values.len();
    // The viewer's id is parameter 1 of every list; here it only keeps the numbering.
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM desk_case AS c WHERE c.workspace_id = ?{workspace} AND ?1 IS NOT NULL AND {sql} AND {reach} LIMIT ?{limit}) AS t");
    let sql = if tx.engine() == shouwen_store::Engine::Postgres { sql.replace("?1 IS NOT NULL", "?1::uuid IS NOT NULL") } else { sql };
    let (count,): (i64,) = tx.one(&sql, &values)?;
    Ok(Count { count: count as usize, capped: count as usize >= CAP })
}

/// A view to save.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewInput {
    pub name: String,
    #[schema(value_type = Object)]
    pub filter: Condition,
    #[serde(default = "newest")]
    pub sort: String,
    /// Shares it with a team; null: only for oneself.
    #[serde(default)]
    pub team_id: Option<TeamId>,
    #[serde(default)]
    pub order: i64,
    /// Needed when editing.
    #[serde(default)]
    pub version: Option<i64>,
}

fn newest() -> String {
    "-updated_at".into()
}

fn check(viewer: &Viewer, input: &ViewInput) -> Result<()> {
    if input.name.trim().is_empty() || input.name.chars().count() > 60 {
        return Err(Problem::invalid("name", "the name is empty or longer than 60 characters").expected("a short name"));
    }
    fields::check(&input.filter)?;
    list::keys(&input.sort)?;
    match input.team_id {
        Some(team) if !viewer.scope(<ViewShare as shouwen_kernel::Permission>::CODE).is_some_and(|s| s.all || s.teams.contains(&team)) => Err(Problem::forbidden("view.share").field("team_id")),
        _ => Ok(()),
    }
}

#[utoipa::path(post, path = "/views", request_body = ViewInput, responses((status = 201, body = View)), tag = "desk", summary = "Save a view", extensions(("x-permission" = json!("case.read"))))]
pub async fn create(State(app): State<App>, who: Allowed<CaseRead>, input: Input<ViewInput>) -> Answer<Response> {
    let (viewer, ctx) = (who.viewer.clone(), who.ctx());
    app.command(who.once(&input.hash), StatusCode::CREATED, move |tx| {
        let view = &input.value;
        check(&viewer, view)?;
        let person = view.team_id.is_none().then_some(viewer.person);
        let (have,): (i64,) = match view.team_id {
            Some(team) => tx.one("SELECT count(*) FROM desk_view WHERE team_id = ?1", params![team])?,
            None => tx.one("SELECT count(*) FROM desk_view WHERE person_id = ?1", params![viewer.person])?,
        };
        if have >= MOST {
            return Err(Problem::conflict("view.too_many", format!("there are {have} views already")).expected(format!("at most {MOST}; remove one that is not used")));
        }
        let id: ViewId = tx.id();
        tx.run(
            "INSERT INTO desk_view (id, workspace_id, name, person_id, team_id, filter, sort, ord, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1)",
            params![id, ctx.workspace, view.name, person, view.team_id, Json(&view.filter), view.sort, view.order],
        )?;
        tx.audit(&ctx, "view.created", "view", Some(id.0), Some(json!({ "name": view.name, "team": view.team_id })))?;
        editable(tx, &viewer, id)
    })
    .await
}

/// The viewer's own view, or a team's they may edit; locked.
fn editable(tx: &Tx<'_>, viewer: &Viewer, id: ViewId) -> Result<View> {
    let row: Row = tx.opt(&format!("SELECT {COLUMNS} FROM desk_view WHERE id = ?1 AND workspace_id = ?2{}", tx.for_update()), params![id, viewer.workspace])?.ok_or_else(|| Problem::not_found("view"))?;
    let mine = row.2 == Some(viewer.person);
    let view = from_row(row);
    let shared = view.team_id.is_some_and(|team| viewer.scope("view.share").is_some_and(|s| s.all || s.teams.contains(&team)));
    if mine || shared { Ok(view) } else { Err(Problem::not_found("view")) }
}

#[utoipa::path(patch, path = "/views/{id}", params(("id" = ViewId, Path)), request_body = ViewInput, responses((status = 200, body = View)), tag = "desk", summary = "Change a view", extensions(("x-permission" = json!("case.read"))))]
pub async fn edit(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<ViewId>, input: Input<ViewInput>) -> Answer<Response> {
    let (viewer, ctx) = (who.viewer.clone(), who.ctx());
    app.command(who.once(&input.hash), StatusCode::OK, move |tx| {
        let view = &input.value;
        let current = editable(tx, &viewer, id)?;
        check(&viewer, view)?;
        if view.version != Some(current.version) {
            return Err(Problem::conflict("version_conflict", "this view was changed meanwhile").detail(json!({ "current": current })));
        }
        tx.run("UPDATE desk_view SET name = ?2, filter = ?3, sort = ?4, ord = ?5, version = version + 1 WHERE id = ?1", params![id, view.name, Json(&view.filter), view.sort, view.order])?;
        tx.audit(&ctx, "view.edited", "view", Some(id.0), None)?;
        editable(tx, &viewer, id)
    })
    .await
}

#[utoipa::path(delete, path = "/views/{id}", params(("id" = ViewId, Path)), responses((status = 204)), tag = "desk", summary = "Remove a view", extensions(("x-permission" = json!("case.read"))))]
pub async fn remove(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<ViewId>) -> Answer<Response> {
    let (viewer, ctx) = (who.viewer.clone(), who.ctx());
    app.command(who.once(""), StatusCode::NO_CONTENT, move |tx| {
        editable(tx, &viewer, id)?;
        tx.run("DELETE FROM desk_view WHERE id = ?1", params![id])?;
        tx.audit(&ctx, "view.removed", "view", Some(id.0), None)
    })
    .await
}
