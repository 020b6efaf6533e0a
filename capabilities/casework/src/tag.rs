//! Tags.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use shouwen_contracts::casework::Tagged;
use shouwen_kernel::{CaseId, Problem, Result};
use shouwen_store::Tx;
use shouwen_web::{Allowed, Answer, App, Id};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::CaseEdit;
use crate::case::Case;
use crate::deed::{CaseAnswer, Deed, Undo};
use crate::input;

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(put, remove))
}

/// Most tags of one case.
const MOST: usize = 50;

/// Tags in their stored form: one line, at most 50 characters, no `/` and no `,`.
pub fn checked(tags: &[String]) -> Result<Vec<String>> {
    let mut out: Vec<String> = Vec::new();
    for tag in tags {
        let tag = input::line("tag", tag, 50)?;
        if tag.contains([',', '/']) {
            return Err(Problem::invalid("tag", format!("`{tag}` holds a comma or a slash")).expected("a tag without `,` and `/`"));
        }
        if !out.contains(&tag) {
            out.push(tag);
        }
    }
    if out.len() > MOST {
        return Err(Problem::invalid("tags", format!("{} tags", out.len())).expected(format!("at most {MOST}")));
    }
    Ok(out)
}

/// Adds and removes tags; what really changed.
pub fn change(tx: &Tx<'_>, deed: &Deed, case: &mut Case, add: &[String], remove: &[String]) -> Result<(Vec<String>, Vec<String>)> {
    case.must_be_whole()?;
    let added: Vec<String> = checked(add)?.into_iter().filter(|t| !case.tags.contains(t)).collect();
    let removed: Vec<String> = remove.iter().filter(|t| case.tags.contains(t)).cloned().collect();
    if added.is_empty() && removed.is_empty() {
        return Ok((added, removed));
    }
    case.tags.retain(|t| !removed.contains(t));
    case.tags.extend(added.iter().cloned());
    if case.tags.len() > MOST {
        return Err(Problem::invalid("tags", format!("{} tags", case.tags.len())).expected(format!("at most {MOST}")));
    }
    case.emit(tx, &deed.ctx, Tagged { case_id: case.id, added: added.clone(), removed: removed.clone() })?;
    case.save(tx)?;
    deed.audit(tx, "case.tagged", case, Some(json!({ "added": added, "removed": removed })))?;
    Ok((added, removed))
}

/// A tag as a part of a path.
fn escaped(tag: &str) -> String {
    tag.bytes().map(|b| if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Adds a tag.
#[utoipa::path(put, path = "/cases/{id}/tags/{tag}", params(("id" = CaseId, Path), ("tag" = String, Path)), responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.edit"))))]
async fn put(State(app): State<App>, who: Allowed<CaseEdit>, Id((id, tag)): Id<(CaseId, String)>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        let (added, _) = change(tx, &deed, &mut case, std::slice::from_ref(&tag), &[])?;
        let undo = added.first().map(|t| Undo::new("DELETE", format!("/cases/{id}/tags/{}", escaped(t)), serde_json::Value::Null));
        deed.answer(tx, &case, undo)
    })
    .await
}

/// Removes a tag.
#[utoipa::path(delete, path = "/cases/{id}/tags/{tag}", params(("id" = CaseId, Path), ("tag" = String, Path)), responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.edit"))))]
async fn remove(State(app): State<App>, who: Allowed<CaseEdit>, Id((id, tag)): Id<(CaseId, String)>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        let (_, removed) = change(tx, &deed, &mut case, &[], std::slice::from_ref(&tag))?;
        let undo = removed.first().map(|t| Undo::new("PUT", format!("/cases/{id}/tags/{}", escaped(t)), serde_json::Value::Null));
        deed.answer(tx, &case, undo)
    })
    .await
}
