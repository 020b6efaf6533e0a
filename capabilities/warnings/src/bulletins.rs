//! Bulletins: made by the clock, made up for after the server was off, kept in an archive, sent to who reads them.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_contracts::warnings::{BulletinMade, WarningEvent};
use shouwen_kernel::{BulletinId, Lang, PersonId, Problem, Result, Time, WorkspaceId};
use shouwen_store::{Ctx, FromRow, Json, Row, Timer, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, Page, PageParams, Params, axum, decode_cursor, limit_of};

use crate::bulletin::{Content, gather};
use crate::people::{self, Named};
use crate::settings::{self, Plan};
use crate::{WarningManage, WarningRead, bulletin_page, letters};

/// Timer: a bulletin is due.
pub const DUE: &str = "bulletin.due";
/// Bulletins made up for at most.
const MADE_UP: usize = 31;
const COLUMNS: &str = "id, period, from_at, to_at, zone, content, people, made_by, made_at";

/// A bulletin as it is stored.
pub struct Bulletin {
    pub id: BulletinId,
    pub period: String,
    pub from: Time,
    pub to: Time,
    pub zone: String,
    pub content: Content,
    pub people: i64,
    pub made_by: Option<PersonId>,
    pub made_at: Time,
}

impl FromRow for Bulletin {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: BulletinId(row.get(0)?),
            period: row.get(1)?,
            from: row.get(2)?,
            to: row.get(3)?,
            zone: row.get(4)?,
            content: row.get::<Json<Content>>(5)?.0,
            people: row.get(6)?,
            made_by: row.get(7)?,
            made_at: row.get(8)?,
        })
    }
}

/// A bulletin in the archive.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct BulletinView {
    pub id: BulletinId,
    /// `daily` or `weekly`.
    pub period: String,
    pub from: Time,
    pub to: Time,
    pub cases: i64,
    pub cases_before: i64,
    pub raised: i64,
    pub in_time: i64,
    pub due: i64,
    pub overdue: i64,
    /// To how many people it went.
    pub people: i64,
    /// Null: made by the clock.
    pub made_by: Option<Named>,
    pub made_at: Time,
}

fn view(tx: &Tx<'_>, b: &Bulletin) -> Result<BulletinView> {
    Ok(BulletinView {
        id: b.id,
        period: b.period.clone(),
        from: b.from,
        to: b.to,
        cases: b.content.cases,
        cases_before: b.content.cases_before,
        raised: b.content.raised,
        in_time: b.content.in_time,
        due: b.content.due,
        overdue: b.content.overdue.len() as i64,
        people: b.people,
        made_by: people::named_if(tx, b.made_by)?,
        made_at: b.made_at,
    })
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

fn start_of(date: jiff::civil::Date, zone: &TimeZone) -> Option<Time> {
    date.to_zoned(zone.clone()).ok().map(|z| Time::from_jiff(z.timestamp()))
}

/// When a plan is due next after `after`.
fn next(plan: &Plan, weekly: bool, after: Time, zone: &TimeZone) -> Option<Time> {
    let time = plan.time()?;
    let mut date = after.to_jiff().to_zoned(zone.clone()).date();
    for _ in 0..9 {
        let at = date.to_datetime(time).to_zoned(zone.clone()).ok().map(|z| Time::from_jiff(z.timestamp()));
        let fits = !weekly || date.weekday().to_monday_one_offset() == plan.weekday;
        if let Some(at) = at.filter(|at| fits && *at > after) {
            return Some(at);
        }
        date = date.tomorrow().ok()?;
    }
    None
}

/// The period a bulletin due at `due` is about: the day before, or the week (from Monday) before; and its mark.
fn period(weekly: bool, due: Time, zone: &TimeZone) -> Option<(Time, Time, String)> {
    let date = due.to_jiff().to_zoned(zone.clone()).date();
    if weekly {
        let into = date.weekday().since(Weekday::Monday);
        let end = date.checked_sub(jiff::Span::new().days(into)).ok()?;
        let begin = end.checked_sub(jiff::Span::new().days(7)).ok()?;
        return Some((start_of(begin, zone)?, start_of(end, zone)?, format!("weekly:{begin}")));
    }
    let begin = date.yesterday().ok()?;
    Some((start_of(begin, zone)?, start_of(date, zone)?, format!("daily:{begin}")))
}

fn name(weekly: bool) -> &'static str {
    if weekly { "weekly" } else { "daily" }
}

/// Sets the timers of a workspace; without `again` only where there are none yet, so that a missed one still fires.
pub fn schedule(tx: &Tx<'_>, workspace: WorkspaceId, again: bool) -> Result<()> {
    let settings = settings::load(tx, workspace)?;
    let zone = zone(&letters::settings_of(tx, workspace)?.1);
    for (plan, weekly) in [(&settings.daily, false), (&settings.weekly, true)] {
        let setting = format!("warnings.next.{}", name(weekly));
        let known: Option<Option<Time>> = tx.setting(workspace, &setting)?;
        if !again && known.flatten().is_some() {
            continue;
        }
        let due = next(plan, weekly, tx.now(), &zone).filter(|_| plan.enabled);
        arm(tx, workspace, weekly, due)?;
    }
    Ok(())
}

fn arm(tx: &Tx<'_>, workspace: WorkspaceId, weekly: bool, due: Option<Time>) -> Result<()> {
    let key = format!("{workspace}.{}", name(weekly));
    tx.set_setting(workspace, &format!("warnings.next.{}", name(weekly)), &due)?;
    match due {
        Some(at) => tx.set_timer(workspace, DUE, &key, at, &json!({ "due": at })),
        None => tx.cancel_timer(DUE, &key),
    }
}

/// A bulletin is due; every one that was missed while the server was off is made up for, only the last one is sent.
pub fn on_due(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let workspace = timer.workspace;
    let weekly = timer.key.ends_with(".weekly");
    let settings = settings::load(tx, workspace)?;
    let plan = if weekly { &settings.weekly } else { &settings.daily };
    if !plan.enabled {
        return arm(tx, workspace, weekly, None);
    }
    let zone_name = letters::settings_of(tx, workspace)?.1;
    let zone = zone(&zone_name);
    // A timer that failed comes back later than it was due.
    let mut due = timer.payload.get("due").and_then(|d| d.as_str()).and_then(|d| d.parse().ok()).unwrap_or(timer.due_at);
    let mut missed = vec![due];
    while let Some(at) = next(plan, weekly, due, &zone).filter(|at| *at <= tx.now()) {
        missed.push(at);
        due = at;
    }
    let last = missed.len() - 1;
    for (i, at) in missed.iter().enumerate().skip(missed.len().saturating_sub(MADE_UP)) {
        let Some((from, to, mark)) = period(weekly, *at, &zone) else { continue };
        let to_whom = if i == last { readers(tx, workspace, &plan.to)? } else { Vec::new() };
        make(tx, &Ctx::system(workspace, "bulletin"), &Making { weekly, from, to, mark: &mark, zone: &zone_name, people: &to_whom, by: None })?;
    }
    arm(tx, workspace, weekly, next(plan, weekly, tx.now(), &zone))
}

struct Making<'a> {
    weekly: bool,
    from: Time,
    to: Time,
    mark: &'a str,
    zone: &'a str,
    people: &'a [PersonId],
    by: Option<PersonId>,
}

/// Makes a bulletin; the same one once.
fn make(tx: &Tx<'_>, ctx: &Ctx, m: &Making<'_>) -> Result<Option<BulletinId>> {
    let known: Option<(uuid::Uuid,)> = tx.opt("SELECT id FROM warning_bulletin WHERE workspace_id = ?1 AND mark = ?2", params![ctx.workspace, m.mark])?;
    if known.is_some() {
        return Ok(None);
    }
    let id: BulletinId = tx.id();
    let content = gather(tx, ctx.workspace, m.from, m.to)?;
    tx.run(
        "INSERT INTO warning_bulletin (id, workspace_id, mark, period, from_at, to_at, zone, content, people, made_by, made_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![id.0, ctx.workspace, m.mark, name(m.weekly), m.from, m.to, m.zone, Json(&content), m.people.len(), m.by, tx.now()],
    )?;
    let made = BulletinMade { bulletin_id: id, period: name(m.weekly).to_owned(), from: m.from, to: m.to, people: m.people.to_vec(), at: tx.now() };
    let access = shouwen_kernel::Access { people: m.people.to_vec(), ..Default::default() };
    tx.emit::<WarningEvent>(ctx, None, Some(&access), made)?;
    if !m.people.is_empty() {
        let b = Bulletin { id, period: name(m.weekly).to_owned(), from: m.from, to: m.to, zone: m.zone.to_owned(), content, people: 0, made_by: m.by, made_at: tx.now() };
        let workspace = tx.workspaces()?.into_iter().find(|w| w.id == ctx.workspace).map(|w| w.name).unwrap_or_default();
        let page = letters::link(tx, &format!("/api/v1/bulletins/{id}/page"))?;
        letters::wish(tx, ctx, &format!("bulletin:{id}"), m.people, |locale| {
            let lang = Lang::of(locale);
            Ok((bulletin_page::title(&b, lang), format!("{}\n\n{page}?lang={}\n", bulletin_page::summary(&b, lang), lang.tag()), Some(bulletin_page::html(&b, &workspace, lang))))
        })?;
    }
    tx.audit(ctx, "bulletin.made", "bulletin", Some(id.0), Some(json!({ "mark": m.mark, "people": m.people.len() })))?;
    Ok(Some(id))
}

/// To whom a bulletin goes: of those who are named, who may read of the whole workspace.
fn readers(tx: &Tx<'_>, workspace: WorkspaceId, to: &[String]) -> Result<Vec<PersonId>> {
    people::who_read_all(tx, workspace, people::meant(tx, workspace, to, None)?)
}

fn load(tx: &Tx<'_>, workspace: WorkspaceId, id: BulletinId) -> Result<Bulletin> {
    tx.opt(&format!("SELECT {COLUMNS} FROM warning_bulletin WHERE id = ?1 AND workspace_id = ?2"), params![id.0, workspace])?.ok_or_else(|| Problem::not_found("bulletin"))
}

/// Bulletins speak of the whole workspace.
fn whole_only(scope: &shouwen_kernel::Scope) -> Result<()> {
    if scope.all { Ok(()) } else { Err(Problem::forbidden("warning.read").expected("`warning.read` in the whole workspace: a bulletin speaks of all of it")) }
}

#[utoipa::path(get, path = "/bulletins", params(PageParams), responses((status = 200, body = Page<BulletinView>)), tag = "bulletins", summary = "The archive, newest first; needs `warning.read` in the whole workspace", extensions(("x-permission" = json!("warning.read"))))]
pub async fn list(State(app): State<App>, who: Allowed<WarningRead>, Params(asked): Params<PageParams>) -> Answer<axum::Json<Page<BulletinView>>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    let limit = limit_of(asked.limit)?;
    let after: Option<(Time, BulletinId)> = decode_cursor(asked.after.as_deref())?;
    app.query(move |tx| {
        whole_only(&scope)?;
        let (at, id) = after.unwrap_or((Time::from_micros(i64::MAX), BulletinId(uuid::Uuid::max())));
        let rows: Vec<Bulletin> = tx.all(
            &format!("SELECT {COLUMNS} FROM warning_bulletin WHERE workspace_id = ?1 AND (made_at, id) < (?2, ?3) ORDER BY made_at DESC, id DESC LIMIT ?4"),
            params![workspace, at, id.0, limit + 1],
        )?;
        let page = Page::from_rows(rows, limit, |b| (b.made_at, b.id));
        Ok(Page { items: page.items.iter().map(|b| view(tx, b)).collect::<Result<_>>()?, next: page.next })
    })
    .await
}

/// A bulletin with its content.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BulletinWhole {
    #[serde(flatten)]
    pub bulletin: BulletinView,
    pub content: Content,
}

#[utoipa::path(get, path = "/bulletins/{id}", params(("id" = BulletinId, Path)), responses((status = 200, body = BulletinWhole)), tag = "bulletins", summary = "A bulletin as data", extensions(("x-permission" = json!("warning.read"))))]
pub async fn show(State(app): State<App>, who: Allowed<WarningRead>, Id(id): Id<BulletinId>) -> Answer<axum::Json<BulletinWhole>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    app.query(move |tx| {
        whole_only(&scope)?;
        let b = load(tx, workspace, id)?;
        Ok(BulletinWhole { bulletin: view(tx, &b)?, content: b.content })
    })
    .await
}

/// `?lang=zh-CN|en`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
pub struct Language {
    pub lang: Option<String>,
}

#[utoipa::path(get, path = "/bulletins/{id}/page", params(("id" = BulletinId, Path), Language), responses((status = 200, description = "HTML to read and print, without scripts", content_type = "text/html")), tag = "bulletins", summary = "A bulletin as a page", extensions(("x-permission" = json!("warning.read"))))]
pub async fn page(State(app): State<App>, who: Allowed<WarningRead>, Id(id): Id<BulletinId>, Params(asked): Params<Language>) -> Answer<Response> {
    let (workspace, scope, own) = (who.viewer.workspace, who.scope.clone(), who.viewer.lang);
    let lang = asked.lang.as_deref().map_or(own, Lang::of);
    let html = app
        .db()
        .read(move |tx| {
            whole_only(&scope)?;
            let b = load(tx, workspace, id)?;
            let named = tx.workspaces()?.into_iter().find(|w| w.id == workspace).map(|w| w.name).unwrap_or_default();
            Ok(bulletin_page::html(&b, &named, lang))
        })
        .await?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "private, no-store"),
    ];
    Ok((headers, html).into_response())
}

/// A bulletin to make now.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = MakeBulletin)]
#[serde(deny_unknown_fields)]
pub struct MakeNow {
    /// `daily`: today so far; `weekly`: this week so far.
    pub period: String,
    /// Also send it to those the clock sends it to.
    #[serde(default)]
    pub send: bool,
}

#[utoipa::path(post, path = "/bulletins", request_body = MakeNow, responses((status = 201, body = BulletinView)), tag = "bulletins", summary = "Make a bulletin of today or this week so far", extensions(("x-permission" = json!("warning.manage"))))]
pub async fn make_now(State(app): State<App>, who: Allowed<WarningManage>, input: Input<MakeNow>) -> Answer<Response> {
    let (ctx, scope, once, viewer, body) = (who.ctx(), who.scope.clone(), who.once(&input.hash), who.viewer.clone(), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        whole_only(&scope)?;
        let weekly = match body.period.as_str() {
            "daily" => false,
            "weekly" => true,
            other => return Err(Problem::invalid("period", format!("`{}` is no period", shouwen_kernel::text::clip(other, 40))).expected("daily or weekly")),
        };
        let settings = settings::load(tx, ctx.workspace)?;
        let plan = if weekly { &settings.weekly } else { &settings.daily };
        let zone_name = letters::settings_of(tx, ctx.workspace)?.1;
        let zone = zone(&zone_name);
        let today = tx.now().to_jiff().to_zoned(zone.clone()).date();
        let into = if weekly { today.weekday().since(Weekday::Monday) } else { 0 };
        let from = today.checked_sub(jiff::Span::new().days(into)).ok().and_then(|d| start_of(d, &zone)).unwrap_or_else(|| tx.now().plus_seconds(-86_400));
        let people = if body.send { readers(tx, ctx.workspace, &plan.to)? } else { Vec::new() };
        let mark = format!("now:{}", tx.now().micros());
        let making = Making { weekly, from, to: tx.now(), mark: &mark, zone: &zone_name, people: &people, by: Some(viewer.person) };
        match make(tx, &ctx, &making)? {
            Some(id) => view(tx, &load(tx, ctx.workspace, id)?),
            None => Err(Problem::conflict("bulletin.made", "this bulletin has just been made").expected("a look into the archive")),
        }
    })
    .await
}
