//! Working calendars: list, create, edit, remove, try out.

use std::future::Future;
use std::pin::Pin;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shouwen_contracts::service_levels::{CalendarEvent, CalendarRemoved, CalendarSaved};
use shouwen_kernel::{CalendarId, Problem, Result, Time};
use shouwen_store::{Ctx, Json, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, PackText, SignedIn, axum};

use crate::levels::{locale, two_languages};
use crate::{CalendarManage, engine, replan};

/// A working calendar as people edit it; the format is that of calendar files.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CalendarView {
    pub id: CalendarId,
    /// `name`, `timezone`, `week`, `days`, `holidays`, `makeup_like`.
    #[serde(flatten)]
    pub spec: Value,
    /// In both languages; null: `name` in either.
    pub title: Option<PackText>,
    pub version: i64,
    /// Stable key, for packs and service levels of packs.
    pub key: Option<String>,
    /// The pack it came with.
    pub pack: Option<String>,
    #[serde(skip)]
    pub pack_print: Option<String>,
}

type Row = (CalendarId, Value, i64, Option<String>, Option<String>, Option<String>, Option<Json<PackText>>);
const COLUMNS: &str = "id, spec, version, key, pack, pack_print, title";

fn view(row: Row) -> CalendarView {
    CalendarView { id: row.0, spec: row.1, version: row.2, key: row.3, pack: row.4, pack_print: row.5, title: row.6.map(|title| title.0) }
}

/// Every calendar of the workspace, by name.
pub fn all(tx: &Tx<'_>, workspace: shouwen_kernel::WorkspaceId) -> Result<Vec<CalendarView>> {
    Ok(tx.all::<Row>(&format!("SELECT {COLUMNS} FROM clock_calendar WHERE workspace_id = ?1 ORDER BY name"), params![workspace])?.into_iter().map(view).collect())
}

#[utoipa::path(get, path = "/calendars", responses((status = 200, body = [CalendarView])), tag = "service levels", summary = "Working calendars", extensions(("x-permission" = json!("signed_in"))))]
pub async fn list(State(app): State<App>, who: SignedIn) -> Answer<axum::Json<Vec<CalendarView>>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| all(tx, workspace)).await
}

/// Checks a calendar's JSON and gives its name.
fn checked(spec: &Value) -> Result<String> {
    engine::calendar_from(spec)?;
    match spec.get("name").and_then(Value::as_str).map(str::trim) {
        Some(name) if !name.is_empty() && name.chars().count() <= 80 => Ok(name.to_owned()),
        _ => Err(Problem::invalid("name", "the calendar has no name, or one longer than 80 characters").expected("a name people know it by")),
    }
}

/// What it is called, in a language (`zh`, `en`).
pub fn name_of(tx: &Tx<'_>, id: CalendarId, lang: &str) -> Result<String> {
    let row: Option<(String, Option<Json<PackText>>)> = tx.opt("SELECT name, title FROM clock_calendar WHERE id = ?1", params![id])?;
    let (name, title) = row.ok_or_else(|| Problem::not_found("calendar"))?;
    Ok(title.map_or(name, |title| title.0.of(lang).to_owned()))
}

/// The title within a calendar's JSON, taken out of it; the name follows it.
fn titled(tx: &Tx<'_>, ctx: &Ctx, spec: &Value) -> Result<(Value, Option<PackText>)> {
    let mut spec = spec.clone();
    let title = spec.as_object_mut().and_then(|fields| fields.remove("title")).filter(|title| !title.is_null());
    let Some(title) = title else { return Ok((spec, None)) };
    let wrong = || Problem::invalid("title", "a title is empty or longer than 80 characters").expected("{ \"zh\": \"…\", \"en\": \"…\" }");
    let title: PackText = serde_json::from_value(title).ok().filter(two_languages).ok_or_else(wrong)?;
    spec["name"] = json!(title.of(&locale(tx, ctx.workspace)?));
    Ok((spec, Some(title)))
}

/// Creates a calendar within a transaction; used by the route, by set-up and by packs. `spec`: a calendar's JSON with a
/// `name`, or a `title` in both languages.
pub fn create_calendar(tx: &Tx<'_>, ctx: &Ctx, spec: &Value) -> Result<CalendarView> {
    create_marked(tx, ctx, spec, None, None)
}

/// The same with a key, and the mark of the pack that brings it.
pub fn create_marked(tx: &Tx<'_>, ctx: &Ctx, spec: &Value, key: Option<&str>, pack: Option<(&str, &str)>) -> Result<CalendarView> {
    let (spec, title) = titled(tx, ctx, spec)?;
    let name = checked(&spec)?;
    let id: CalendarId = tx.id();
    let (pack, print) = pack.unzip();
    tx.savepoint(|tx| {
        tx.execute(
            "INSERT INTO clock_calendar (id, workspace_id, name, spec, version, created_at, key, pack, pack_print, title) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?9)",
            params![id, ctx.workspace, name, Json(&spec), tx.now(), key, pack, print, title.as_ref().map(Json)],
        )
    })
    .map_err(|p| taken(p, &name))?;
    tx.audit(ctx, "calendar.created", "calendar", Some(id.0), Some(json!({ "name": name })))?;
    tell(tx, ctx, id, key, &name, &spec)?;
    Ok(CalendarView { id, spec, title, version: 1, key: key.map(str::to_owned), pack: pack.map(str::to_owned), pack_print: print.map(str::to_owned) })
}

/// Gives a calendar another content; open clocks are planned anew where its hours changed. The calendar as it stands then.
pub fn rewrite(tx: &Tx<'_>, ctx: &Ctx, before: &CalendarView, spec: &Value) -> Result<CalendarView> {
    let (spec, title) = titled(tx, ctx, spec)?;
    let name = checked(&spec)?;
    let id = before.id;
    tx.savepoint(|tx| tx.execute("UPDATE clock_calendar SET name = ?2, spec = ?3, title = ?4, version = version + 1 WHERE id = ?1", params![id, name, Json(&spec), title.as_ref().map(Json)])).map_err(|p| taken(p, &name))?;
    tx.audit(ctx, "calendar.edited", "calendar", Some(id.0), Some(json!({ "name": name, "before": before.spec, "after": spec })))?;
    tell(tx, ctx, id, before.key.as_deref(), &name, &spec)?;
    let hours = |spec: &Value| spec.as_object().map(|fields| fields.iter().filter(|(key, _)| *key != "name").map(|(key, value)| (key.clone(), value.clone())).collect::<std::collections::BTreeMap<_, _>>());
    if hours(&before.spec) != hours(&spec) {
        replan::schedule(tx, ctx.workspace, "calendar", id.0)?;
    }
    Ok(CalendarView { spec, title, version: before.version + 1, ..before.clone() })
}

/// Others count in working time too: what a calendar says is told to them.
fn tell(tx: &Tx<'_>, ctx: &Ctx, id: CalendarId, key: Option<&str>, name: &str, spec: &Value) -> Result<()> {
    tx.emit::<CalendarEvent>(ctx, Some(id.0), None, CalendarSaved { calendar_id: id, key: key.map(str::to_owned), name: name.to_owned(), spec: spec.clone() })
}

/// Calendars that are older than the telling of them are told once, at the start.
fn tell_old(tx: &Tx<'_>) -> Result<()> {
    for workspace in tx.workspaces()? {
        if tx.setting::<bool>(workspace.id, TOLD)?.unwrap_or_default() {
            continue;
        }
        let ctx = Ctx::system(workspace.id, "service_levels");
        for calendar in all(tx, workspace.id)? {
            let name = calendar.spec.get("name").and_then(Value::as_str).unwrap_or_default();
            tell(tx, &ctx, calendar.id, calendar.key.as_deref(), name, &calendar.spec)?;
        }
        tx.set_setting(workspace.id, TOLD, &true)?;
    }
    Ok(())
}

/// Whether the calendars of a workspace were told.
const TOLD: &str = "calendars.told";

/// Runs at the start and ends.
pub fn task(app: App) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        if let Err(problem) = app.db().write(tell_old).await {
            tracing::warn!(error = %problem, "calendars could not be told");
        }
    })
}

fn taken(problem: Problem, name: &str) -> Problem {
    if problem.code == shouwen_store::UNIQUE { Problem::conflict("calendar.name_taken", format!("there is a calendar `{name}` already")).field("name").expected("another name") } else { problem }
}

#[utoipa::path(post, path = "/calendars", request_body = Value, responses((status = 201, body = CalendarView)), tag = "service levels", summary = "Create a calendar", extensions(("x-permission" = json!("calendar.manage"))))]
pub async fn create(State(app): State<App>, who: Allowed<CalendarManage>, input: Input<Value>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(&input.hash), StatusCode::CREATED, move |tx| create_calendar(tx, &ctx, &input.value)).await
}

#[utoipa::path(patch, path = "/calendars/{id}", params(("id" = CalendarId, Path)), request_body = Value, responses((status = 200, body = CalendarView), (status = 409, description = "Somebody else edited it")), tag = "service levels", summary = "Edit a calendar; open clocks are planned anew", extensions(("x-permission" = json!("calendar.manage"))))]
pub async fn edit(State(app): State<App>, who: Allowed<CalendarManage>, Id(id): Id<CalendarId>, input: Input<Value>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(&input.hash), StatusCode::OK, move |tx| {
        let current = view(
            tx.opt::<Row>(&format!("SELECT {COLUMNS} FROM clock_calendar WHERE id = ?1 AND workspace_id = ?2{}", tx.for_update()), params![id, ctx.workspace])?.ok_or_else(|| Problem::not_found("calendar"))?,
        );
        let mut patch = input.value.as_object().cloned().ok_or_else(|| Problem::invalid("body", "the body is not an object").expected("the calendar's fields and `version`"))?;
        let version = patch.remove("version").and_then(|v| v.as_i64()).ok_or_else(|| Problem::invalid("version", "no version is given").expected("the `version` you saw"))?;
        if version != current.version {
            return Err(Problem::conflict("version_conflict", "somebody else edited this calendar meanwhile").detail(json!({ "current": current })));
        }
        let mut spec = current.spec.clone();
        if let Some(fields) = spec.as_object_mut() {
            // A name alone is the one for both languages.
            if let Some(title) = current.title.as_ref().filter(|_| !patch.contains_key("name")) {
                fields.insert("title".into(), json!(title));
            }
            fields.extend(patch.into_iter().filter(|(key, _)| !["id", "key", "pack", "adapt"].contains(&key.as_str())));
        }
        rewrite(tx, &ctx, &current, &spec)
    })
    .await
}

#[utoipa::path(delete, path = "/calendars/{id}", params(("id" = CalendarId, Path)), responses((status = 204)), tag = "service levels", summary = "Remove a calendar no service level uses", extensions(("x-permission" = json!("calendar.manage"))))]
pub async fn remove(State(app): State<App>, who: Allowed<CalendarManage>, Id(id): Id<CalendarId>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(""), StatusCode::NO_CONTENT, move |tx| {
        if let Some((name,)) = tx.opt::<(String,)>("SELECT name FROM clock_level WHERE calendar_id = ?1 LIMIT 1", params![id])? {
            return Err(Problem::conflict("calendar.in_use", format!("the service level `{name}` uses this calendar")).expected("give that service level another calendar first"));
        }
        if let Some((key,)) = tx.opt::<(String,)>("SELECT key FROM clock_policy WHERE calendar_id = ?1 LIMIT 1", params![id])? {
            return Err(Problem::conflict("calendar.in_use", format!("the regulatory clock `{key}` uses this calendar")).expected("give that one another calendar first"));
        }
        if let Some((case,)) = tx.opt::<(shouwen_kernel::CaseId,)>("SELECT case_id FROM clock_clock WHERE calendar_id = ?1 AND state IN ('running', 'paused') LIMIT 1", params![id])? {
            return Err(Problem::conflict("calendar.in_use", format!("clocks of open cases still run by this calendar, for one {case}")).expected("wait until they are met, or edit the calendar instead"));
        }
        if tx.execute("DELETE FROM clock_calendar WHERE id = ?1 AND workspace_id = ?2", params![id, ctx.workspace])? == 0 {
            return Err(Problem::not_found("calendar"));
        }
        tx.emit::<CalendarEvent>(&ctx, Some(id.0), None, CalendarRemoved { calendar_id: id })?;
        tx.audit(&ctx, "calendar.removed", "calendar", Some(id.0), None)
    })
    .await
}

/// A calendar to try and a question to it.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    pub calendar: Value,
    pub start: Time,
    /// `72h`, `90m`, `1h30m`, `3wd`.
    pub budget: String,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct PreviewAnswer {
    pub due: Option<Time>,
    /// The deadline as the calendar's own zone writes it.
    pub local: Option<String>,
}

#[utoipa::path(post, path = "/calendars/preview", request_body = Preview, responses((status = 200, body = PreviewAnswer)), tag = "service levels", summary = "When would this be due?", extensions(("x-permission" = json!("signed_in"))))]
pub async fn preview(_: SignedIn, input: Input<Preview>) -> Answer<axum::Json<PreviewAnswer>> {
    let calendar = engine::calendar_from(&input.value.calendar)?;
    let due = engine::clock(&calendar, input.value.start, &input.value.budget, &[])?.due().map_err(|fault| engine::problem(&fault))?;
    Ok(axum::Json(PreviewAnswer { due: due.map(Time::from_micros), local: due.map(|at| calendar.show(at)) }))
}

/// A calendar to look at, and the month.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MonthInput {
    pub calendar: Value,
    /// `2026-10`
    pub month: String,
}

/// A day of a calendar.
#[derive(Serialize, utoipa::ToSchema)]
pub struct MonthDay {
    /// `2026-10-01`
    pub date: String,
    /// `week` (as its weekday says), `holiday`, `makeup`, `special` (set by hand).
    pub kind: &'static str,
    /// `09:00-12:00`; past midnight where the end is not after the beginning. None: closed.
    pub hours: Vec<String>,
    /// Seconds worked.
    pub seconds: u32,
}

#[utoipa::path(post, path = "/calendars/month", request_body = MonthInput, responses((status = 200, body = [MonthDay])), tag = "service levels", summary = "The days of a month by a calendar that need not be saved", extensions(("x-permission" = json!("signed_in"))))]
pub async fn month(_: SignedIn, input: Input<MonthInput>) -> Answer<axum::Json<Vec<MonthDay>>> {
    let calendar = engine::calendar_from(&input.value.calendar)?;
    let wrong = || Problem::invalid("month", "this is no month").expected("a year and a month such as 2026-10");
    let first: jiff::civil::Date = format!("{}-01", input.value.month).parse().map_err(|_| wrong())?;
    if input.value.month.len() != 7 || !(1900..2300).contains(&first.year()) {
        return Err(wrong().into());
    }
    let spec = calendar.spec();
    let days = (0..first.days_in_month()).filter_map(|n| first.checked_add(jiff::Span::new().days(n)).ok()).map(|date| {
        let kind = if spec.days.contains_key(&date) {
            "special"
        } else if spec.holidays.iter().any(|year| year.off.contains(&date)) {
            "holiday"
        } else if spec.holidays.iter().any(|year| year.work.contains(&date)) {
            "makeup"
        } else {
            "week"
        };
        let spans = calendar.day(date);
        MonthDay {
            date: date.to_string(),
            kind,
            hours: spans.iter().map(ToString::to_string).collect(),
            seconds: spans.iter().map(|span| span.to() - span.from()).sum(),
        }
    });
    Ok(axum::Json(days.collect()))
}

#[utoipa::path(get, path = "/holidays", responses((status = 200, body = [Value])), tag = "service levels", summary = "Official holiday years that ship with the product", extensions(("x-permission" = json!("signed_in"))))]
pub async fn holidays(_: SignedIn) -> Answer<axum::Json<Vec<Value>>> {
    Ok(axum::Json((2020..2040).filter_map(shouwen_worktime::builtin_holidays).map(|year| year.to_json()).collect()))
}
