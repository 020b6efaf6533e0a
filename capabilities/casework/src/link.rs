//! Links between cases.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use shouwen_contracts::casework::Linked;
use shouwen_kernel::{CaseId, Problem, Result};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::case::Case;
use crate::deed::{CaseAnswer, Deed, Undo};
use crate::CaseEdit;

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(put, remove))
}

const KINDS: &[(&str, &str)] = &[("related", "related"), ("duplicate", "duplicate"), ("parent", "child"), ("child", "parent")];

/// What the other side of a link of this kind is called.
fn inverse(kind: &str) -> &str {
    KINDS.iter().find(|k| k.0 == kind).map_or(kind, |k| k.1)
}

/// Writes both sides of a link.
pub fn write(tx: &Tx<'_>, ctx: &Ctx, case: &Case, other: CaseId, kind: &str) -> Result<()> {
    for (one, two, kind) in [(case.id, other, kind), (other, case.id, inverse(kind))] {
        tx.run(
            "INSERT INTO case_link (case_id, other_id, workspace_id, kind, by_person, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (case_id, other_id) DO UPDATE SET kind = ?4, by_person = ?5, at = ?6",
            params![one, two, case.workspace, kind, ctx.actor.person_id(), tx.now()],
        )?;
    }
    Ok(())
}

/// Removes both sides of a link; its kind, if there was one.
pub fn erase(tx: &Tx<'_>, case: CaseId, other: CaseId) -> Result<Option<String>> {
    let kind: Option<(String,)> = tx.opt("SELECT kind FROM case_link WHERE case_id = ?1 AND other_id = ?2", params![case, other])?;
    tx.run("DELETE FROM case_link WHERE (case_id = ?1 AND other_id = ?2) OR (case_id = ?2 AND other_id = ?1)", params![case, other])?;
    Ok(kind.map(|row| row.0))
}

/// A link to another case.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Link {
    /// What the other case is to this one: `related`, `duplicate`, `parent`, `child`.
    kind: String,
}

/// Links two cases. The viewer must be able to see both.
#[utoipa::path(put, path = "/cases/{id}/links/{other}", params(("id" = CaseId, Path), ("other" = CaseId, Path)), request_body = Link, responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.edit"))))]
async fn put(State(app): State<App>, who: Allowed<CaseEdit>, Id((id, other)): Id<(CaseId, CaseId)>, input: Input<Link>) -> Answer<Response> {
    let (deed, once, kind) = (Deed::of(&who), who.once(&input.hash), input.value.kind);
    app.command(once, StatusCode::OK, move |tx| {
        if !KINDS.iter().any(|k| k.0 == kind) {
            return Err(Problem::invalid("kind", format!("there is no link `{}`", shouwen_kernel::text::clip(&kind, 40))).expected("`related`, `duplicate`, `parent` or `child`"));
        }
        if id == other {
            return Err(Problem::invalid("case_id", "a case cannot be linked to itself").expected("another case"));
        }
        let mut case = deed.open(tx, id)?;
        let linked = deed.see(tx, other)?;
        write(tx, &deed.ctx, &case, other, &kind)?;
        case.emit(tx, &deed.ctx, Linked { case_id: id, other, link: kind.clone(), removed: false })?;
        linked.emit(tx, &deed.ctx, Linked { case_id: other, other: id, link: inverse(&kind).to_owned(), removed: false })?;
        case.save(tx)?;
        deed.audit(tx, "case.linked", &case, Some(json!({ "other": other, "kind": kind })))?;
        deed.answer(tx, &case, Some(Undo::new("DELETE", format!("/cases/{id}/links/{other}"), serde_json::Value::Null)))
    })
    .await
}

/// Removes a link.
#[utoipa::path(delete, path = "/cases/{id}/links/{other}", params(("id" = CaseId, Path), ("other" = CaseId, Path)), responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.edit"))))]
async fn remove(State(app): State<App>, who: Allowed<CaseEdit>, Id((id, other)): Id<(CaseId, CaseId)>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        let kind = erase(tx, id, other)?.ok_or_else(|| Problem::not_found("link"))?;
        case.emit(tx, &deed.ctx, Linked { case_id: id, other, link: kind.clone(), removed: true })?;
        if let Some(linked) = Case::load(tx, case.workspace, other)? {
            linked.emit(tx, &deed.ctx, Linked { case_id: other, other: id, link: inverse(&kind).to_owned(), removed: true })?;
        }
        case.save(tx)?;
        deed.audit(tx, "case.unlinked", &case, Some(json!({ "other": other, "kind": kind })))?;
        deed.answer(tx, &case, Some(Undo::new("PUT", format!("/cases/{id}/links/{other}"), json!({ "kind": kind }))))
    })
    .await
}
