//! Cases prepared beforehand: type, title, text, answers, tags, where they lie. An agent opens one by `template_id`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use shouwen_kernel::{ObjectId, OrgUnitId, PersonId, Problem, Result, TeamId, Time, WorkspaceId};
use shouwen_store::{Json as JsonColumn, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{CaseCreate, CaseTypeManage, fields, input, kinds, names, tag};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(change, remove))
}

/// Templates of a workspace.
const MOST: i64 = 200;

/// What a case begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Prepared {
    #[serde(rename = "type")]
    pub case_type: String,
    /// `{date}` becomes the day; may be empty: then it is asked for.
    #[serde(default)]
    pub title: String,
    /// First note, or first mail.
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub priority: Option<String>,
    #[serde(default)]
    pub team_id: Option<TeamId>,
    #[serde(default)]
    pub org_unit_id: Option<OrgUnitId>,
    #[serde(default)]
    pub assignee_id: Option<PersonId>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub fields: Map<String, Json>,
}

/// A prepared case.
#[derive(Debug, Serialize, ToSchema)]
struct CaseTemplate {
    id: ObjectId,
    name: String,
    content: Prepared,
    updated_at: Time,
    version: i64,
}

/// What to prepare.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SaveTemplate {
    /// Its name in lists, unique.
    name: String,
    content: Prepared,
    /// For a change: the version you saw.
    #[serde(default)]
    version: Option<i64>,
}

type Row = (ObjectId, String, JsonColumn<Prepared>, Time, i64);
const COLUMNS: &str = "id, name, content, updated_at, version";

fn view((id, name, content, updated_at, version): Row) -> CaseTemplate {
    CaseTemplate { id, name, content: content.0, updated_at, version }
}

fn find(tx: &Tx<'_>, workspace: WorkspaceId, id: ObjectId) -> Result<CaseTemplate> {
    let row: Option<Row> = tx.opt(&format!("SELECT {COLUMNS} FROM case_template WHERE id = ?1 AND workspace_id = ?2{}", tx.for_update()), params![id, workspace])?;
    row.map(view).ok_or_else(|| Problem::not_found("case template"))
}

/// What a case opened by this template begins with, its title filled.
pub fn prepared(tx: &Tx<'_>, workspace: WorkspaceId, id: ObjectId) -> Result<Prepared> {
    let row: Option<(JsonColumn<Prepared>,)> = tx.opt("SELECT content FROM case_template WHERE id = ?1 AND workspace_id = ?2", params![id, workspace])?;
    let mut content = row.ok_or_else(|| Problem::invalid("template_id", format!("there is no case template {id}")).expected("a template of GET /api/v1/case-templates"))?.0.0;
    let day = tx.now().to_jiff().to_zoned(crate::case::zone(tx, workspace)?).date();
    content.title = content.title.replace("{date}", &day.to_string());
    Ok(content)
}

/// Checks what would be opened as if it were opened now.
fn checked(tx: &Tx<'_>, workspace: WorkspaceId, body: &SaveTemplate) -> Result<String> {
    let name = input::line("name", &body.name, 100)?;
    let t = &body.content;
    if !t.title.trim().is_empty() {
        input::line("content.title", &t.title, 200)?;
    }
    if t.text.chars().count() > 20_000 {
        return Err(Problem::invalid("content.text", "the text is too long").expected("at most 20000 characters"));
    }
    kinds::case_type(tx, workspace, &t.case_type).map_err(|p| p.field("content.type"))?;
    kinds::check_priority(t.priority.as_deref().unwrap_or("normal")).map_err(|p| p.field("content.priority"))?;
    fields::of_new(tx, workspace, &t.case_type, &t.fields).map_err(|p| { let field = p.field.clone().unwrap_or_default(); p.field(format!("content.{field}")) })?;
    tag::checked(&t.tags)?;
    if let Some(team) = t.team_id {
        names::must_be_team(tx, workspace, team).map_err(|p| p.field("content.team_id"))?;
    }
    if let Some(unit) = t.org_unit_id {
        names::must_be_org_unit(tx, workspace, unit).map_err(|p| p.field("content.org_unit_id"))?;
    }
    if let Some(person) = t.assignee_id {
        names::must_be_active(tx, workspace, person, "content.assignee_id")?;
    }
    Ok(name)
}

fn free(tx: &Tx<'_>, workspace: WorkspaceId, name: &str, own: Option<ObjectId>) -> Result<()> {
    match tx.opt::<(ObjectId,)>("SELECT id FROM case_template WHERE workspace_id = ?1 AND name = ?2", params![workspace, name])? {
        Some((id,)) if Some(id) != own => Err(Problem::conflict("case_template.name_taken", format!("there is a template `{name}` already")).field("name").expected("another name")),
        _ => Ok(()),
    }
}

/// Prepared cases, by name.
#[utoipa::path(get, path = "/case-templates", responses((status = 200, body = Vec<CaseTemplate>)), tag = "case types", extensions(("x-permission" = json!("case.create"))))]
async fn list(State(app): State<App>, who: Allowed<CaseCreate>) -> Answer<axum::Json<Vec<CaseTemplate>>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| {
        let rows: Vec<Row> = tx.all(&format!("SELECT {COLUMNS} FROM case_template WHERE workspace_id = ?1 ORDER BY name LIMIT 500"), params![workspace])?;
        Ok(rows.into_iter().map(view).collect())
    })
    .await
}

/// Prepares a case.
#[utoipa::path(post, path = "/case-templates", request_body = SaveTemplate, responses((status = 201, body = CaseTemplate)), tag = "case types", extensions(("x-permission" = json!("case_type.manage"))))]
async fn create(State(app): State<App>, who: Allowed<CaseTypeManage>, input: Input<SaveTemplate>) -> Answer<Response> {
    let (ctx, once, person, body) = (who.ctx(), who.once(&input.hash), who.viewer.person, input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let name = checked(tx, ctx.workspace, &body)?;
        free(tx, ctx.workspace, &name, None)?;
        let (count,): (i64,) = tx.one("SELECT count(*) FROM case_template WHERE workspace_id = ?1", params![ctx.workspace])?;
        if count >= MOST {
            return Err(Problem::conflict("case_template.too_many", format!("there are {count} templates")).expected(format!("at most {MOST}")));
        }
        let id: ObjectId = tx.id();
        tx.execute(
            "INSERT INTO case_template (id, workspace_id, name, content, person_id, updated_at, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)",
            params![id, ctx.workspace, name, JsonColumn(&body.content), person, tx.now()],
        )?;
        tx.audit(&ctx, "case_template.created", "case_template", Some(id.0), Some(json!({ "name": name })))?;
        find(tx, ctx.workspace, id)
    })
    .await
}

/// Changes a prepared case.
#[utoipa::path(put, path = "/case-templates/{id}", params(("id" = ObjectId, Path)), request_body = SaveTemplate, responses((status = 200, body = CaseTemplate), (status = 409, description = "version_conflict")), tag = "case types", extensions(("x-permission" = json!("case_type.manage"))))]
async fn change(State(app): State<App>, who: Allowed<CaseTypeManage>, Id(id): Id<ObjectId>, input: Input<SaveTemplate>) -> Answer<Response> {
    let (ctx, once, person, body) = (who.ctx(), who.once(&input.hash), who.viewer.person, input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let before = find(tx, ctx.workspace, id)?;
        if body.version != Some(before.version) {
            return Err(Problem::conflict("version_conflict", "somebody else changed this in the meantime").field("version").expected("the current version").detail(json!({ "current": before })));
        }
        let name = checked(tx, ctx.workspace, &body)?;
        free(tx, ctx.workspace, &name, Some(id))?;
        tx.execute(
            "UPDATE case_template SET name = ?2, content = ?3, person_id = ?4, updated_at = ?5, version = version + 1 WHERE id = ?1",
            params![id, name, JsonColumn(&body.content), person, tx.now()],
        )?;
        tx.audit(&ctx, "case_template.changed", "case_template", Some(id.0), Some(json!({ "name": name })))?;
        find(tx, ctx.workspace, id)
    })
    .await
}

/// Takes a prepared case away; cases opened by it stay.
#[utoipa::path(delete, path = "/case-templates/{id}", params(("id" = ObjectId, Path)), responses((status = 204)), tag = "case types", extensions(("x-permission" = json!("case_type.manage"))))]
async fn remove(State(app): State<App>, who: Allowed<CaseTypeManage>, Id(id): Id<ObjectId>) -> Answer<Response> {
    let (ctx, once) = (who.ctx(), who.once(""));
    app.command(once, StatusCode::NO_CONTENT, move |tx| {
        find(tx, ctx.workspace, id)?;
        tx.execute("DELETE FROM case_template WHERE id = ?1", params![id])?;
        tx.audit(&ctx, "case_template.removed", "case_template", Some(id.0), None)
    })
    .await
}
