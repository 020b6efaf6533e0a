//! The category tree over the API: read by everybody who sees cases, changed by who manages complaints.

use axum::extract::{Path, State as AppState};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{Problem, Result, WorkspaceId, text::clip};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Input, axum};

use crate::category::{self, Category, DEEPEST, MOST, Stored, Tree};
use crate::items::{Fault, fault, refusal};
use crate::{CaseRead, ComplaintSettings};

/// A category as the API shows it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CategoryView {
    #[serde(flatten)]
    pub category: Category,
    /// The pack it came with.
    pub pack: Option<String>,
    pub version: i64,
}

/// All of them, parents not necessarily before their children; the order is the one of the page.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CategoryList {
    pub items: Vec<CategoryView>,
}

fn view(stored: Stored) -> CategoryView {
    CategoryView { category: stored.category, pack: stored.pack, version: stored.version }
}

fn all(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<CategoryList> {
    Ok(CategoryList { items: category::stored(tx, workspace)?.into_iter().map(view).collect() })
}

#[utoipa::path(get, path = "/complaints/categories", responses((status = 200, body = CategoryList)), tag = "complaints", summary = "The category tree", extensions(("x-permission" = json!("case.read"))))]
pub async fn list(AppState(app): AppState<App>, who: Allowed<CaseRead>) -> Answer<axum::Json<CategoryList>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| all(tx, workspace)).await
}

/// What is wrong with a category where it is to stand.
fn placed(tree: &Tree, category: &Category) -> Vec<Fault> {
    let mut found = category.faults();
    if let Some(parent) = &category.parent {
        if tree.get(parent).is_none() {
            found.push(fault("parent", format!("there is no category `{}`", clip(parent, 60)), "the key of a category, or nothing for the top"));
        } else if !tree.may_stand(&category.key, parent) {
            found.push(fault("parent", format!("`{}` cannot stand under `{}`", clip(&category.key, 60), clip(parent, 60)), format!("a category that is not below it, and at most {DEEPEST} levels")));
        }
    }
    found
}

#[utoipa::path(post, path = "/complaints/categories", request_body = Category, responses((status = 201, body = CategoryList), (status = 409, description = "complaint_category.key_taken")), tag = "complaints", summary = "Adds a category", extensions(("x-permission" = json!("complaint.settings"))))]
pub async fn create(AppState(app): AppState<App>, who: Allowed<ComplaintSettings>, input: Input<Category>) -> Answer<Response> {
    let (ctx, once, body) = (who.ctx(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let stored = category::stored(tx, ctx.workspace)?;
        if stored.len() >= MOST {
            return Err(Problem::conflict("complaint_category.too_many", format!("there are {} categories", stored.len())).expected(format!("at most {MOST}")));
        }
        let place = stored.iter().map(|s| s.place).max().unwrap_or(0) + 1;
        let tree = Tree::new(stored.into_iter().map(|s| s.category).collect());
        refusal(&placed(&tree, &body))?;
        if tree.get(&body.key).is_some() {
            return Err(Problem::conflict("complaint_category.key_taken", format!("there is a category `{}` already", body.key)).field("key").expected("another key"));
        }
        category::write(tx, ctx.workspace, place, &body, None, None)?;
        tx.audit(&ctx, "complaint_category.created", "complaint_category", None, Some(json!({ "key": body.key })))?;
        all(tx, ctx.workspace)
    })
    .await
}

/// A category with the version the caller saw.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CategoryChange {
    pub category: Category,
    pub version: i64,
}

fn find(tx: &Tx<'_>, workspace: WorkspaceId, key: &str) -> Result<(Vec<Stored>, Stored)> {
    let stored = category::stored(tx, workspace)?;
    let one = stored.iter().find(|s| s.category.key == key).cloned().ok_or_else(|| Problem::not_found("category"))?;
    Ok((stored, one))
}

#[utoipa::path(put, path = "/complaints/categories/{key}", params(("key" = String, Path)), request_body = CategoryChange, responses((status = 200, body = CategoryList), (status = 409, description = "version_conflict")), tag = "complaints", summary = "Changes a category; its key stays", extensions(("x-permission" = json!("complaint.settings"))))]
pub async fn edit(AppState(app): AppState<App>, who: Allowed<ComplaintSettings>, Path(key): Path<String>, input: Input<CategoryChange>) -> Answer<Response> {
    let (ctx, once, body) = (who.ctx(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let (stored, one) = find(tx, ctx.workspace, &key)?;
        if body.category.key != key {
            return Err(Problem::invalid("category.key", format!("the key is `{key}`, cases name it")).expected("the same key; a new category for another one"));
        }
        if one.version != body.version {
            return Err(Problem::conflict("version_conflict", "the category changed since you looked").expected("look at it again, then change it").detail(json!({ "category": one.category, "version": one.version })));
        }
        let tree = Tree::new(stored.into_iter().map(|s| s.category).collect());
        refusal(&placed(&tree, &body.category).into_iter().map(|f| Fault { path: format!("category.{}", f.path), ..f }).collect::<Vec<_>>())?;
        category::write(tx, ctx.workspace, one.place, &body.category, one.pack.as_deref(), one.print.as_deref())?;
        tx.audit(&ctx, "complaint_category.changed", "complaint_category", None, Some(json!({ "before": one.category, "after": body.category })))?;
        all(tx, ctx.workspace)
    })
    .await
}

#[utoipa::path(delete, path = "/complaints/categories/{key}", params(("key" = String, Path)), responses((status = 200, body = CategoryList), (status = 409, description = "complaint_category.in_use, complaint_category.has_children")), tag = "complaints", summary = "Removes a category no case names", extensions(("x-permission" = json!("complaint.settings"))))]
pub async fn remove(AppState(app): AppState<App>, who: Allowed<ComplaintSettings>, Path(key): Path<String>) -> Answer<Response> {
    let (ctx, once) = (who.ctx(), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let (stored, one) = find(tx, ctx.workspace, &key)?;
        let below = stored.iter().filter(|s| s.category.parent.as_deref() == Some(&key)).count();
        if below > 0 {
            return Err(Problem::conflict("complaint_category.has_children", format!("{below} categories stand under it")).expected("move or remove them first, or switch it off"));
        }
        let used: Option<(i64,)> = tx.opt("SELECT opened FROM complaint_day WHERE workspace_id = ?1 AND dimension = 'category' AND key = ?2 LIMIT 1", params![ctx.workspace, key])?;
        if used.is_some() {
            return Err(Problem::conflict("complaint_category.in_use", "complaints name this category").expected("switch it off: it is no longer offered, and what was counted stays"));
        }
        category::remove(tx, ctx.workspace, &key)?;
        tx.audit(&ctx, "complaint_category.removed", "complaint_category", None, Some(json!({ "category": one.category })))?;
        all(tx, ctx.workspace)
    })
    .await
}

/// Keys in their new order.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CategoryOrder {
    pub keys: Vec<String>,
}

#[utoipa::path(put, path = "/complaints/categories", request_body = CategoryOrder, responses((status = 200, body = CategoryList)), tag = "complaints", summary = "Puts the categories in another order", extensions(("x-permission" = json!("complaint.settings"))))]
pub async fn order(AppState(app): AppState<App>, who: Allowed<ComplaintSettings>, input: Input<CategoryOrder>) -> Answer<Response> {
    let (ctx, once, body) = (who.ctx(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let stored = category::stored(tx, ctx.workspace)?;
        let (mut known, mut given): (Vec<&str>, Vec<&str>) = (stored.iter().map(|s| s.category.key.as_str()).collect(), body.keys.iter().map(String::as_str).collect());
        known.sort_unstable();
        given.sort_unstable();
        if known != given {
            return Err(Problem::invalid("keys", "these are not all categories, each once").expected("every key of GET /api/v1/complaints/categories, in the new order"));
        }
        for (place, key) in body.keys.iter().enumerate() {
            tx.run("UPDATE complaint_category SET place = ?3 WHERE workspace_id = ?1 AND key = ?2", params![ctx.workspace, key, place])?;
        }
        tx.audit(&ctx, "complaint_category.ordered", "complaint_category", None, None)?;
        all(tx, ctx.workspace)
    })
    .await
}
