//! Canned replies: prepared answers with placeholders that are filled from the case.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{Access, CannedId, Problem, Result, TeamId, Time, WorkspaceId};
use shouwen_mail::html;
use shouwen_store::{FromRow, Row, Tx, UNIQUE, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, Page, Params, decode_cursor, limit_of};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::deed::Deed;
use crate::input::{self, present};
use crate::{CannedEdit, CaseRead, names};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(change, remove))
}

/// A prepared answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Canned {
    pub id: CannedId,
    pub title: String,
    /// What is typed after `/`; unique within its language.
    pub shortcut: String,
    /// With placeholders like `{{customer.name}}`.
    pub text: String,
    pub html: Option<String>,
    /// `zh-CN` or `en`.
    pub locale: String,
    /// Only for this team; null: for everybody.
    pub team_id: Option<TeamId>,
    pub version: i64,
    pub updated_at: Time,
}

const COLUMNS: &str = "id, title, shortcut, text, html, locale, team_id, version, updated_at";

impl FromRow for Canned {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            title: row.get(1)?,
            shortcut: row.get(2)?,
            text: row.get(3)?,
            html: row.get(4)?,
            locale: row.get(5)?,
            team_id: row.get(6)?,
            version: row.get(7)?,
            updated_at: row.get(8)?,
        })
    }
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCanned {
    title: String,
    shortcut: String,
    text: String,
    #[serde(default)]
    html: Option<String>,
    /// `zh-CN` when absent.
    #[serde(default)]
    locale: Option<String>,
    #[serde(default)]
    team_id: Option<TeamId>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CannedChange {
    /// The version you saw.
    version: i64,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    shortcut: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    html: Option<Option<String>>,
    #[serde(default)]
    locale: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<TeamId>)]
    team_id: Option<Option<TeamId>>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Part {
    /// Rows a page, 1–200; 50 when absent.
    limit: Option<usize>,
    /// `next` of the page before.
    after: Option<String>,
}

/// The text of a shortcut that is for everybody, in that language or else the other one.
pub fn for_everybody(tx: &Tx<'_>, workspace: WorkspaceId, shortcut: &str, locale: &str) -> Result<String> {
    let texts: Vec<(String, String)> = tx.all("SELECT locale, text FROM case_canned WHERE workspace_id = ?1 AND shortcut = ?2 AND team_id IS NULL ORDER BY locale", params![workspace, shortcut])?;
    let found = texts.iter().find(|t| t.0 == locale).or(texts.first()).map(|t| t.1.clone());
    found.ok_or_else(|| Problem::invalid("template", format!("there is no text `{}` for everybody", shouwen_kernel::text::clip(shortcut, 40))).expected("the shortcut of a canned text without a team"))
}

/// A prepared answer the viewer may use.
pub fn find(tx: &Tx<'_>, deed: &Deed, id: CannedId) -> Result<Canned> {
    let found: Option<Canned> = tx.opt(&format!("SELECT {COLUMNS} FROM case_canned WHERE id = ?1 AND workspace_id = ?2"), params![id, deed.viewer.workspace])?;
    match found {
        Some(canned) if usable(tx, deed, canned.team_id)? => Ok(canned),
        _ => Err(Problem::not_found("canned reply")),
    }
}

/// A team's answers are for its members, and for whoever may edit them.
fn usable(tx: &Tx<'_>, deed: &Deed, team: Option<TeamId>) -> Result<bool> {
    let Some(team) = team else { return Ok(true) };
    Ok(editable(deed, Some(team)) || tx.opt::<(i64,)>("SELECT 1 FROM case_member WHERE team_id = ?1 AND person_id = ?2", params![team, deed.viewer.person])?.is_some())
}

fn editable(deed: &Deed, team: Option<TeamId>) -> bool {
    deed.viewer.scope("canned.edit").is_some_and(|s| if team.is_none() { s.all } else { s.sees(&Access { team, ..Access::default() }) })
}

fn must_be_editable(tx: &Tx<'_>, deed: &Deed, team: Option<TeamId>) -> Result<()> {
    if let Some(team) = team {
        names::must_be_team(tx, deed.viewer.workspace, team)?;
    }
    if editable(deed, team) { Ok(()) } else { Err(Problem::forbidden("canned.edit").field("team_id").expected("a team within your reach; answers for everybody need the permission for the whole workspace")) }
}

fn checked(canned: &mut Canned) -> Result<()> {
    canned.title = input::line("title", &canned.title, 100)?;
    canned.shortcut = canned.shortcut.trim().trim_start_matches('/').to_owned();
    if canned.shortcut.is_empty() || canned.shortcut.chars().count() > 40 || canned.shortcut.contains(char::is_whitespace) {
        return Err(Problem::invalid("shortcut", format!("`{}` is no shortcut", shouwen_kernel::text::clip(&canned.shortcut, 40))).expected("1 to 40 characters without spaces, like 退款"));
    }
    if canned.text.trim().is_empty() || canned.text.chars().count() > 20_000 {
        return Err(Problem::invalid("text", "the text is empty or too long").expected("1 to 20000 characters"));
    }
    if !matches!(canned.locale.as_str(), "zh-CN" | "en") {
        return Err(Problem::invalid("locale", format!("`{}` is no language of the product", shouwen_kernel::text::clip(&canned.locale, 20))).expected("`zh-CN` or `en`"));
    }
    canned.html = canned.html.take().map(|h| html::clean(&h).html).filter(|h| !h.trim().is_empty());
    Ok(())
}

/// Prepared answers you may use, by title.
#[utoipa::path(get, path = "/canned", params(Part), responses((status = 200, body = Page<Canned>)), tag = "canned", extensions(("x-permission" = json!("case.read"))))]
async fn list(State(app): State<App>, who: Allowed<CaseRead>, Params(part): Params<Part>) -> Answer<axum::Json<Page<Canned>>> {
    let deed = Deed::of(&who);
    let limit = limit_of(part.limit)?;
    let from: Option<(String, CannedId)> = decode_cursor(part.after.as_deref())?;
    app.query(move |tx| {
        let mut found: Vec<Canned> = Vec::new();
        let mut from = from.clone().unwrap_or((String::new(), CannedId::NIL));
        loop {
            let rows: Vec<Canned> = tx.all(
                &format!("SELECT {COLUMNS} FROM case_canned WHERE workspace_id = ?1 AND (title, id) > (?2, ?3) ORDER BY title, id LIMIT ?4"),
                params![deed.viewer.workspace, from.0, from.1, limit + 1],
            )?;
            let more = rows.len() > limit;
            if let Some(last) = rows.last() {
                from = (last.title.clone(), last.id);
            }
            for canned in rows {
                if usable(tx, &deed, canned.team_id)? {
                    found.push(canned);
                }
            }
            if found.len() > limit || !more {
                return Ok(Page::from_rows(found, limit, |c| (c.title.clone(), c.id)));
            }
        }
    })
    .await
}

/// A used shortcut is told by name.
fn taken(shortcut: &str) -> impl Fn(Problem) -> Problem + '_ {
    move |p| if p.code == UNIQUE { Problem::conflict("canned.shortcut_taken", format!("the shortcut /{shortcut} is taken")).field("shortcut").expected("one that no other canned reply of this language has") } else { p }
}

/// Prepares an answer.
#[utoipa::path(post, path = "/canned", request_body = NewCanned, responses((status = 201, body = Canned)), tag = "canned", extensions(("x-permission" = json!("canned.edit"))))]
async fn create(State(app): State<App>, who: Allowed<CannedEdit>, input: Input<NewCanned>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        must_be_editable(tx, &deed, body.team_id)?;
        let body = body.clone();
        let mut canned = Canned {
            id: tx.id(),
            title: body.title,
            shortcut: body.shortcut,
            text: body.text,
            html: body.html,
            locale: body.locale.unwrap_or_else(|| "zh-CN".to_owned()),
            team_id: body.team_id,
            version: 1,
            updated_at: tx.now(),
        };
        checked(&mut canned)?;
        tx.execute(
            &format!("INSERT INTO case_canned ({COLUMNS}, workspace_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
            params![canned.id, canned.title, canned.shortcut, canned.text, canned.html, canned.locale, canned.team_id, canned.version, canned.updated_at, deed.viewer.workspace],
        )
        .map_err(taken(&canned.shortcut))?;
        tx.audit(&deed.ctx, "canned.created", "canned", Some(canned.id.0), Some(json!({ "shortcut": canned.shortcut })))?;
        Ok(canned)
    })
    .await
}

/// Changes a prepared answer.
#[utoipa::path(patch, path = "/canned/{id}", params(("id" = CannedId, Path)), request_body = CannedChange, responses((status = 200, body = Canned), (status = 409, description = "version_conflict")), tag = "canned", extensions(("x-permission" = json!("canned.edit"))))]
async fn change(State(app): State<App>, who: Allowed<CannedEdit>, Id(id): Id<CannedId>, input: Input<CannedChange>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let mut canned = find(tx, &deed, id)?;
        must_be_editable(tx, &deed, canned.team_id)?;
        if canned.version != body.version {
            return Err(Problem::conflict("version_conflict", "somebody else changed this in the meantime").expected("look at both texts, then send again with the current version").detail(json!({ "current": canned })));
        }
        let body = body.clone();
        canned.title = body.title.unwrap_or(canned.title);
        canned.shortcut = body.shortcut.unwrap_or(canned.shortcut);
        canned.text = body.text.unwrap_or(canned.text);
        canned.html = body.html.unwrap_or(canned.html);
        canned.locale = body.locale.unwrap_or(canned.locale);
        if let Some(team) = body.team_id {
            must_be_editable(tx, &deed, team)?;
            canned.team_id = team;
        }
        checked(&mut canned)?;
        canned.version += 1;
        canned.updated_at = tx.now();
        tx.execute(
            "UPDATE case_canned SET title = ?2, shortcut = ?3, text = ?4, html = ?5, locale = ?6, team_id = ?7, version = ?8, updated_at = ?9 WHERE id = ?1",
            params![id, canned.title, canned.shortcut, canned.text, canned.html, canned.locale, canned.team_id, canned.version, canned.updated_at],
        )
        .map_err(taken(&canned.shortcut))?;
        tx.audit(&deed.ctx, "canned.changed", "canned", Some(id.0), None)?;
        Ok(canned)
    })
    .await
}

/// Deletes a prepared answer.
#[utoipa::path(delete, path = "/canned/{id}", params(("id" = CannedId, Path)), responses((status = 204)), tag = "canned", extensions(("x-permission" = json!("canned.edit"))))]
async fn remove(State(app): State<App>, who: Allowed<CannedEdit>, Id(id): Id<CannedId>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    Ok(app
        .command(once, StatusCode::NO_CONTENT, move |tx| {
            let canned = find(tx, &deed, id)?;
            must_be_editable(tx, &deed, canned.team_id)?;
            tx.execute("DELETE FROM case_canned WHERE id = ?1", params![id])?;
            tx.audit(&deed.ctx, "canned.deleted", "canned", Some(id.0), Some(json!({ "shortcut": canned.shortcut, "title": canned.title })))
        })
        .await?
        .into_response())
}
