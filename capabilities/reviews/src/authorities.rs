//! The authority table: list, create, change, remove, and the yearly look at it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_contracts::reviews::{Authority, ReviewEvent};
use shouwen_kernel::{ObjectId, PersonId, Problem, Result, Time, WorkspaceId};
use shouwen_store::{Ctx, FromRow, Json, Row, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, axum};
use utoipa::ToSchema;

use crate::def::{AuthorityDef, DefFault, check_authority};
use crate::flows::{MOST, conflict, refusal};
use crate::view::ReviewPerson;
use crate::{ReviewManage, hours, people, timers};

/// An authority as it stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StoredAuthority {
    pub id: ObjectId,
    #[serde(flatten)]
    pub def: AuthorityDef,
    pub pack: Option<String>,
    #[serde(skip)]
    pub print: Option<String>,
    pub updated_at: Time,
    pub version: i64,
    /// When it was looked at last.
    pub reviewed_at: Option<Time>,
    pub reviewed_by: Option<ReviewPerson>,
    /// When it is to be looked at.
    pub due_at: Time,
    /// That time has come.
    pub due: bool,
}

impl FromRow for StoredAuthority {
    fn from_row(row: &Row) -> Result<Self> {
        let by: Option<PersonId> = row.get(7)?;
        Ok(Self {
            id: row.get(0)?,
            def: row.get::<Json<AuthorityDef>>(1)?.0,
            pack: row.get(2)?,
            print: row.get(3)?,
            updated_at: row.get(4)?,
            version: row.get(5)?,
            reviewed_at: row.get(6)?,
            reviewed_by: by.map(|id| ReviewPerson { id, name: String::new() }),
            due_at: row.get(8)?,
            due: false,
        })
    }
}

/// An authority to be saved.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveAuthority {
    definition: AuthorityDef,
    /// The version seen; of a change.
    #[serde(default)]
    version: Option<i64>,
}

const COLUMNS: &str = "id, content, pack, pack_print, updated_at, version, reviewed_at, reviewed_by, due_at";

fn finished(tx: &Tx<'_>, mut found: StoredAuthority) -> Result<StoredAuthority> {
    found.due = found.due_at <= tx.now();
    if let Some(by) = &mut found.reviewed_by {
        by.name = people::name(tx, by.id)?;
    }
    Ok(found)
}

/// Every authority, by key.
pub fn all(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<StoredAuthority>> {
    let rows: Vec<StoredAuthority> = tx.all(&format!("SELECT {COLUMNS} FROM review_authority WHERE workspace_id = ?1 ORDER BY key LIMIT 1000"), params![workspace])?;
    rows.into_iter().map(|row| finished(tx, row)).collect()
}

/// The authority of a key, with its row.
pub fn stored_by_key(tx: &Tx<'_>, workspace: WorkspaceId, key: &str) -> Result<Option<StoredAuthority>> {
    let row: Option<StoredAuthority> = tx.opt(&format!("SELECT {COLUMNS} FROM review_authority WHERE workspace_id = ?1 AND key = ?2"), params![workspace, key])?;
    row.map(|row| finished(tx, row)).transpose()
}

/// The authority of a key.
pub fn by_key(tx: &Tx<'_>, workspace: WorkspaceId, key: &str) -> Result<Option<AuthorityDef>> {
    Ok(stored_by_key(tx, workspace, key)?.map(|found| found.def))
}

/// `months` after `at`, on the same day of the month where there is one.
fn after_months(at: Time, months: u32) -> Time {
    let zoned = at.to_jiff().to_zoned(jiff::tz::TimeZone::UTC);
    zoned.checked_add(jiff::Span::new().months(i64::from(months.min(1200)))).map_or(at, |later| Time::from_jiff(later.timestamp()))
}

/// Writes an authority anew; its first look is due after its months.
pub fn insert(tx: &Tx<'_>, workspace: WorkspaceId, def: &AuthorityDef, pack: Option<(&str, &str)>) -> Result<()> {
    let id: ObjectId = tx.id();
    let due = after_months(tx.now(), def.review_months);
    tx.execute(
        "INSERT INTO review_authority (id, workspace_id, key, content, pack, pack_print, created_at, updated_at, version, due_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 1, ?8)",
        params![id, workspace, def.key, Json(def), pack.map(|p| p.0), pack.map(|p| p.1), tx.now(), due],
    )?;
    timers::authority(tx, workspace, id, due)
}

/// Writes what an authority says now. A change of its amounts is no look at all of it: the due date stays, unless the
/// months themselves changed.
pub fn update(tx: &Tx<'_>, workspace: WorkspaceId, found: &StoredAuthority, def: &AuthorityDef) -> Result<()> {
    let due = if def.review_months == found.def.review_months { found.due_at } else { after_months(found.reviewed_at.unwrap_or_else(|| tx.now()), def.review_months) };
    tx.execute("UPDATE review_authority SET content = ?2, updated_at = ?3, version = version + 1, due_at = ?4 WHERE id = ?1", params![found.id, Json(def), tx.now(), due])?;
    if due == found.due_at { Ok(()) } else { timers::authority(tx, workspace, found.id, due) }
}

/// Tells that the table changed.
pub fn tell(tx: &Tx<'_>, ctx: &Ctx, key: &str, what: &str) -> Result<()> {
    let people = ctx.actor.person_id().into_iter().collect();
    tx.emit::<ReviewEvent>(ctx, None, None, Authority { key: key.to_owned(), what: what.to_owned(), people, at: tx.now() })
}

fn audit(tx: &Tx<'_>, ctx: &Ctx, action: &str, key: &str, before: Option<&AuthorityDef>, after: Option<&AuthorityDef>) -> Result<()> {
    tx.audit(ctx, action, "review_authority", None, Some(json!({ "key": key, "before": before, "after": after })))
}

#[utoipa::path(get, path = "/review-authorities", responses((status = 200, body = Vec<StoredAuthority>)), tag = "reviews", summary = "The authority table", extensions(("x-permission" = json!("review.manage"))))]
pub async fn list(State(app): State<App>, who: Allowed<ReviewManage>) -> Answer<axum::Json<Vec<StoredAuthority>>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| all(tx, workspace)).await
}

#[utoipa::path(post, path = "/review-authorities", request_body = SaveAuthority, responses((status = 201, body = StoredAuthority), (status = 409, description = "review.key_taken"), (status = 422)), tag = "reviews", summary = "Make an authority", extensions(("x-permission" = json!("review.manage"))))]
pub async fn create(State(app): State<App>, who: Allowed<ReviewManage>, input: Input<SaveAuthority>) -> Answer<Response> {
    let (ctx, once, body) = (who.ctx(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let def = &body.definition;
        let faults = check_authority(def);
        if !faults.is_empty() {
            return Err(refusal(&faults));
        }
        let known = all(tx, ctx.workspace)?;
        if known.iter().any(|one| one.def.key == def.key) {
            return Err(Problem::conflict("review.key_taken", format!("there is an authority `{}` already", def.key)).field("definition.key").expected("another key"));
        }
        if known.len() >= MOST {
            return Err(Problem::invalid("definition", format!("there are {} authorities already", known.len())).expected(format!("at most {MOST}")));
        }
        hours::must_be_known(tx, ctx.workspace, def.calendar.as_deref())?;
        insert(tx, ctx.workspace, def, None)?;
        audit(tx, &ctx, "review.authority_created", &def.key, None, Some(def))?;
        tell(tx, &ctx, &def.key, "saved")?;
        stored_by_key(tx, ctx.workspace, &def.key)?.ok_or_else(|| Problem::internal("an authority that is gone"))
    })
    .await
}

#[utoipa::path(put, path = "/review-authorities/{key}", params(("key" = String, Path)), request_body = SaveAuthority, responses((status = 200, body = StoredAuthority), (status = 409, description = "version_conflict"), (status = 422)), tag = "reviews", summary = "Change an authority; approvals under way keep what they began with", extensions(("x-permission" = json!("review.manage"))))]
pub async fn edit(State(app): State<App>, who: Allowed<ReviewManage>, Id(key): Id<String>, input: Input<SaveAuthority>) -> Answer<Response> {
    let (ctx, once, body) = (who.ctx(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let found = stored_by_key(tx, ctx.workspace, &key)?.ok_or_else(|| Problem::not_found("authority"))?;
        if body.version.is_some_and(|seen| seen != found.version) {
            return Err(conflict(body.version, found.version));
        }
        let mut faults = check_authority(&body.definition);
        if body.definition.key != key {
            faults.push(DefFault { path: "key".into(), wrong: "a key does not change".into(), right: format!("`{key}`; or a new authority") });
        }
        if !faults.is_empty() {
            return Err(refusal(&faults));
        }
        hours::must_be_known(tx, ctx.workspace, body.definition.calendar.as_deref())?;
        update(tx, ctx.workspace, &found, &body.definition)?;
        audit(tx, &ctx, "review.authority_edited", &key, Some(&found.def), Some(&body.definition))?;
        tell(tx, &ctx, &key, "saved")?;
        stored_by_key(tx, ctx.workspace, &key)?.ok_or_else(|| Problem::internal("an authority that is gone"))
    })
    .await
}

#[utoipa::path(delete, path = "/review-authorities/{key}", params(("key" = String, Path)), responses((status = 204), (status = 404)), tag = "reviews", summary = "Remove an authority", extensions(("x-permission" = json!("review.manage"))))]
pub async fn remove(State(app): State<App>, who: Allowed<ReviewManage>, Id(key): Id<String>) -> Answer<Response> {
    let (ctx, once) = (who.ctx(), who.once(""));
    app.command(once, StatusCode::NO_CONTENT, move |tx| {
        let found = stored_by_key(tx, ctx.workspace, &key)?.ok_or_else(|| Problem::not_found("authority"))?;
        tx.execute("DELETE FROM review_authority WHERE id = ?1", params![found.id])?;
        tx.cancel_timer(timers::AUTHORITY, &found.id.to_string())?;
        audit(tx, &ctx, "review.authority_removed", &key, Some(&found.def), None)?;
        tell(tx, &ctx, &key, "removed")
    })
    .await
}

#[utoipa::path(post, path = "/review-authorities/{key}/reviewed", params(("key" = String, Path)), responses((status = 200, body = StoredAuthority), (status = 404)), tag = "reviews", summary = "Somebody looked at it: its amounts and people are right; due again after its months", extensions(("x-permission" = json!("review.manage"))))]
pub async fn reviewed(State(app): State<App>, who: Allowed<ReviewManage>, Id(key): Id<String>) -> Answer<Response> {
    let (ctx, person, once) = (who.ctx(), who.viewer.person, who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let found = stored_by_key(tx, ctx.workspace, &key)?.ok_or_else(|| Problem::not_found("authority"))?;
        let due = after_months(tx.now(), found.def.review_months);
        tx.execute("UPDATE review_authority SET reviewed_at = ?2, reviewed_by = ?3, due_at = ?4, told_at = NULL, version = version + 1 WHERE id = ?1", params![found.id, tx.now(), person, due])?;
        timers::authority(tx, ctx.workspace, found.id, due)?;
        tx.audit(&ctx, "review.authority_reviewed", "review_authority", Some(found.id.0), Some(json!({ "key": key, "due_at": due })))?;
        tell(tx, &ctx, &key, "reviewed")?;
        stored_by_key(tx, ctx.workspace, &key)?.ok_or_else(|| Problem::internal("an authority that is gone"))
    })
    .await
}
