//! Cases that open by themselves, again and again: every few days, on days of the week, on a day of the month.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Zoned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use shouwen_kernel::{CaseId, ObjectId, OrgUnitId, PersonId, Problem, Result, TeamId, Time, WorkspaceId};
use shouwen_store::{Ctx, Json as JsonColumn, Timer, TimerHandler, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::deed::Deed;
use crate::every::Every;
use crate::work_order::{self, Opening};
use crate::{CaseTypeManage, fields, input, kinds, names, note, tag};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(change, remove))
}

/// Opens the next one; its key is the recurrence.
pub const TIMER: TimerHandler = TimerHandler { kind: TIMER_KIND, handle: due };
const TIMER_KIND: &str = "case.recurring";
/// Recurrences of a workspace.
const MOST: i64 = 200;

/// The case to open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecurringTemplate {
    #[serde(rename = "type")]
    case_type: String,
    /// `{date}` becomes the day.
    title: String,
    /// First note.
    #[serde(default)]
    text: String,
    #[serde(default)]
    priority: Option<String>,
    #[serde(default)]
    team_id: Option<TeamId>,
    #[serde(default)]
    org_unit_id: Option<OrgUnitId>,
    #[serde(default)]
    assignee_id: Option<PersonId>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    #[schema(value_type = Object)]
    fields: Map<String, Json>,
}

/// A case that opens again and again.
#[derive(Debug, Serialize, ToSchema)]
struct RecurringCase {
    id: ObjectId,
    title: String,
    template: RecurringTemplate,
    every: Every,
    active: bool,
    next_at: Time,
    last_at: Option<Time>,
    last_case: Option<CaseId>,
    version: i64,
}

/// What to open, and when.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SaveRecurring {
    /// Its name in lists.
    title: String,
    template: RecurringTemplate,
    every: Every,
    /// True when absent.
    #[serde(default)]
    active: Option<bool>,
    /// For a change: the version you saw.
    #[serde(default)]
    version: Option<i64>,
}

type Row = (ObjectId, String, JsonColumn<RecurringTemplate>, JsonColumn<Every>, bool, Time, Option<Time>, Option<CaseId>, i64);
const COLUMNS: &str = "id, title, template, every, active, next_at, last_at, last_case, version";

fn view((id, title, template, every, active, next_at, last_at, last_case, version): Row) -> RecurringCase {
    RecurringCase { id, title, template: template.0, every: every.0, active, next_at, last_at, last_case, version }
}

fn find(tx: &Tx<'_>, workspace: WorkspaceId, id: ObjectId) -> Result<RecurringCase> {
    let row: Option<Row> = tx.opt(&format!("SELECT {COLUMNS} FROM case_recurring WHERE id = ?1 AND workspace_id = ?2{}", tx.for_update()), params![id, workspace])?;
    row.map(view).ok_or_else(|| Problem::not_found("recurring case"))
}

fn local(tx: &Tx<'_>, workspace: WorkspaceId, at: Time) -> Result<Zoned> {
    let name = tx.workspaces()?.into_iter().find(|w| w.id == workspace).map(|w| w.time_zone).unwrap_or_default();
    Ok(at.to_jiff().to_zoned(jiff::tz::TimeZone::get(&name).unwrap_or(jiff::tz::TimeZone::UTC)))
}

/// Checks what would be opened as if it were opened now.
fn checked(tx: &Tx<'_>, workspace: WorkspaceId, body: &SaveRecurring) -> Result<(String, Time)> {
    let title = input::line("title", &body.title, 200)?;
    let t = &body.template;
    input::line("template.title", &t.title, 200)?;
    kinds::case_type(tx, workspace, &t.case_type).map_err(|p| p.field("template.type"))?;
    kinds::check_priority(t.priority.as_deref().unwrap_or("normal")).map_err(|p| p.field("template.priority"))?;
    fields::of_new(tx, workspace, &t.case_type, &t.fields)?;
    tag::checked(&t.tags)?;
    if let Some(team) = t.team_id {
        names::must_be_team(tx, workspace, team)?;
    }
    if let Some(unit) = t.org_unit_id {
        names::must_be_org_unit(tx, workspace, unit)?;
    }
    if let Some(person) = t.assignee_id {
        names::must_be_active(tx, workspace, person, "template.assignee_id")?;
    }
    body.every.check()?;
    let next = body.every.next(&local(tx, workspace, tx.now())?, None)?;
    Ok((title, Time::from_micros(next.timestamp().as_microsecond())))
}

fn plan(tx: &Tx<'_>, workspace: WorkspaceId, id: ObjectId, active: bool, next: Time) -> Result<()> {
    if active { tx.set_timer(workspace, TIMER_KIND, &id.to_string(), next, &Json::Null) } else { tx.cancel_timer(TIMER_KIND, &id.to_string()) }
}

/// Cases that open by themselves, oldest first.
#[utoipa::path(get, path = "/recurring-cases", responses((status = 200, body = Vec<RecurringCase>)), tag = "case types", extensions(("x-permission" = json!("case_type.manage"))))]
async fn list(State(app): State<App>, who: Allowed<CaseTypeManage>) -> Answer<axum::Json<Vec<RecurringCase>>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| {
        let rows: Vec<Row> = tx.all(&format!("SELECT {COLUMNS} FROM case_recurring WHERE workspace_id = ?1 ORDER BY id LIMIT 500"), params![workspace])?;
        Ok(rows.into_iter().map(view).collect())
    })
    .await
}

/// Adds a case that opens again and again.
#[utoipa::path(post, path = "/recurring-cases", request_body = SaveRecurring, responses((status = 201, body = RecurringCase)), tag = "case types", extensions(("x-permission" = json!("case_type.manage"))))]
async fn create(State(app): State<App>, who: Allowed<CaseTypeManage>, input: Input<SaveRecurring>) -> Answer<Response> {
    let (ctx, once, person, body) = (who.ctx(), who.once(&input.hash), who.viewer.person, input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let (title, next) = checked(tx, ctx.workspace, &body)?;
        let (count,): (i64,) = tx.one("SELECT count(*) FROM case_recurring WHERE workspace_id = ?1", params![ctx.workspace])?;
        if count >= MOST {
            return Err(Problem::conflict("recurring.too_many", format!("there are {count} recurring cases")).expected(format!("at most {MOST}")));
        }
        let (id, active): (ObjectId, bool) = (tx.id(), body.active.unwrap_or(true));
        tx.execute(
            "INSERT INTO case_recurring (id, workspace_id, title, template, every, active, next_at, person_id, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1)",
            params![id, ctx.workspace, title, JsonColumn(&body.template), JsonColumn(&body.every), active, next, person],
        )?;
        plan(tx, ctx.workspace, id, active, next)?;
        tx.audit(&ctx, "recurring.created", "recurring", Some(id.0), Some(json!({ "title": title })))?;
        find(tx, ctx.workspace, id)
    })
    .await
}

/// Changes a recurring case, or switches it off.
#[utoipa::path(put, path = "/recurring-cases/{id}", params(("id" = ObjectId, Path)), request_body = SaveRecurring, responses((status = 200, body = RecurringCase), (status = 409, description = "version_conflict")), tag = "case types", extensions(("x-permission" = json!("case_type.manage"))))]
async fn change(State(app): State<App>, who: Allowed<CaseTypeManage>, Id(id): Id<ObjectId>, input: Input<SaveRecurring>) -> Answer<Response> {
    let (ctx, once, person, body) = (who.ctx(), who.once(&input.hash), who.viewer.person, input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let before = find(tx, ctx.workspace, id)?;
        if body.version != Some(before.version) {
            return Err(Problem::conflict("version_conflict", "somebody else changed this in the meantime").field("version").expected("the current version").detail(json!({ "current": before })));
        }
        let (title, next) = checked(tx, ctx.workspace, &body)?;
        let active = body.active.unwrap_or(before.active);
        tx.execute(
            "UPDATE case_recurring SET title = ?2, template = ?3, every = ?4, active = ?5, next_at = ?6, person_id = ?7, version = version + 1 WHERE id = ?1",
            params![id, title, JsonColumn(&body.template), JsonColumn(&body.every), active, next, person],
        )?;
        plan(tx, ctx.workspace, id, active, next)?;
        tx.audit(&ctx, "recurring.changed", "recurring", Some(id.0), Some(json!({ "title": title, "active": active })))?;
        find(tx, ctx.workspace, id)
    })
    .await
}

/// Takes a recurring case away; cases it opened stay.
#[utoipa::path(delete, path = "/recurring-cases/{id}", params(("id" = ObjectId, Path)), responses((status = 204)), tag = "case types", extensions(("x-permission" = json!("case_type.manage"))))]
async fn remove(State(app): State<App>, who: Allowed<CaseTypeManage>, Id(id): Id<ObjectId>) -> Answer<Response> {
    let (ctx, once) = (who.ctx(), who.once(""));
    app.command(once, StatusCode::NO_CONTENT, move |tx| {
        find(tx, ctx.workspace, id)?;
        tx.execute("DELETE FROM case_recurring WHERE id = ?1", params![id])?;
        tx.cancel_timer(TIMER_KIND, &id.to_string())?;
        tx.audit(&ctx, "recurring.removed", "recurring", Some(id.0), None)
    })
    .await
}

/// The time has come: one case, however long the house was asleep, and the next time is planned.
fn due(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let (id, workspace): (ObjectId, WorkspaceId) = (timer.key.parse()?, timer.workspace);
    let Ok(found) = find(tx, workspace, id) else { return Ok(()) };
    if !found.active {
        return Ok(());
    }
    let now = local(tx, workspace, tx.now())?;
    let next = Time::from_micros(found.every.next(&now, Some(&local(tx, workspace, timer.due_at)?))?.timestamp().as_microsecond());
    let ctx = Ctx::system(workspace, "recurring");
    // A team that is gone must not stop the others that follow; the next one is planned all the same.
    let opened = tx.savepoint(|tx| open(tx, &ctx, &found, &now));
    let case = match opened {
        Ok(case) => Some(case),
        Err(problem) if problem.is_transient() => return Err(problem),
        Err(problem) => {
            tx.audit(&ctx, "recurring.failed", "recurring", Some(id.0), Some(serde_json::to_value(&problem)?))?;
            found.last_case
        }
    };
    tx.execute("UPDATE case_recurring SET next_at = ?2, last_at = ?3, last_case = ?4 WHERE id = ?1", params![id, next, tx.now(), case])?;
    plan(tx, workspace, id, true, next)
}

fn open(tx: &Tx<'_>, ctx: &Ctx, found: &RecurringCase, now: &Zoned) -> Result<CaseId> {
    let t = &found.template;
    let wanted = Opening {
        case_type: t.case_type.clone(),
        title: input::line("title", &t.title.replace("{date}", &now.date().to_string()), 200)?,
        priority: t.priority.clone().unwrap_or_else(|| "normal".to_owned()),
        team_id: t.team_id,
        org_unit_id: t.org_unit_id,
        assignee_id: t.assignee_id,
        accountable_id: None,
        customer: None,
        language: None,
        tags: tag::checked(&t.tags)?,
        fields: t.fields.clone(),
        due_at: None,
        parent: None,
    };
    let mut case = work_order::open(tx, ctx, &wanted)?;
    if !t.text.trim().is_empty() {
        note::write(tx, &Deed::of_house(ctx), &mut case, &t.text, None, &[], &[], None)?;
    }
    case.store(tx)?;
    tx.audit(ctx, "case.created", "case", Some(case.id.0), Some(json!({ "recurring": found.id })))?;
    Ok(case.id)
}
