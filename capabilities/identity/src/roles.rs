//! `/roles` and `/permissions`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{Grant, Problem, Reach, Result, RoleId};
use shouwen_store::{Json, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, Page, PermissionInfo, SignedIn, Viewer};

use crate::RoleManage;
use crate::assignment::{changed, must_cover};
use crate::input::{Localised, lock, name, same_version, settled};
use crate::role::{Role, all, holders, load};

/// A permission as pages show it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PermissionText {
    code: &'static str,
    zh: &'static str,
    en: &'static str,
    /// What stands before the point of the code.
    group: &'static str,
}

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRole {
    /// A text, or `{"zh","en"}`.
    name: Localised,
    permissions: Vec<String>,
}

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditRole {
    version: i64,
    #[serde(default)]
    name: Option<Localised>,
    #[serde(default)]
    permissions: Option<Vec<String>>,
}

/// Every permission, with names in both languages.
#[utoipa::path(get, path = "/permissions", responses((status = 200, body = [PermissionText])), tag = "roles", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn permissions(State(app): State<App>, who: SignedIn) -> Answer<axum::Json<Vec<PermissionText>>> {
    settled(&who.viewer)?;
    let text = |p: &PermissionInfo| PermissionText { code: p.code, zh: p.zh, en: p.en, group: p.code.split('.').next().unwrap_or(p.code) };
    Ok(axum::Json(app.permissions().iter().map(text).collect()))
}

/// The roles there are.
#[utoipa::path(get, path = "/roles", responses((status = 200, body = Page<Role>)), tag = "roles", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn list(State(app): State<App>, who: SignedIn) -> Answer<axum::Json<Page<Role>>> {
    settled(&who.viewer)?;
    let workspace = who.viewer.workspace;
    app.query(move |tx| Ok(Page { items: all(tx, workspace)?, next: None })).await
}

/// Create a role (or a copy of one).
#[utoipa::path(post, path = "/roles", request_body = NewRole, responses((status = 201, body = Role)), tag = "roles", extensions(("x-permission" = json!("role.manage"))))]
pub(crate) async fn create(State(app): State<App>, who: Allowed<RoleManage>, input: Input<NewRole>) -> Answer<Response> {
    let (ctx, once, viewer, body) = (who.ctx(), who.once(&input.hash), who.viewer.clone(), input.value);
    let known = codes(&app);
    app.command(once, StatusCode::CREATED, move |tx| {
        let (zh, en) = names(&body.name)?;
        let permissions = checked(tx, &viewer, &known, &body.permissions, &[])?;
        let id: RoleId = tx.id();
        tx.execute(
            "INSERT INTO identity_role (id, workspace_id, key, name_zh, name_en, permissions, built_in, version, created_at) VALUES (?1, ?2, NULL, ?3, ?4, ?5, ?6, 1, ?7)",
            params![id, ctx.workspace, zh, en, Json(&permissions), false, tx.now()],
        )?;
        tx.audit(&ctx, "role.created", "role", Some(id.0), Some(json!({ "permissions": permissions })))?;
        load(tx, ctx.workspace, id)
    })
    .await
}

/// Edit a role of one's own making.
#[utoipa::path(patch, path = "/roles/{id}", params(("id" = RoleId, Path)), request_body = EditRole, responses((status = 200, body = Role)), tag = "roles", extensions(("x-permission" = json!("role.manage"))))]
pub(crate) async fn edit(State(app): State<App>, who: Allowed<RoleManage>, Id(id): Id<RoleId>, input: Input<EditRole>) -> Answer<Response> {
    let (ctx, once, viewer, body) = (who.ctx(), who.once(&input.hash), who.viewer.clone(), input.value);
    let known = codes(&app);
    app.command(once, StatusCode::OK, move |tx| {
        lock(tx, "identity_role", id)?;
        let old = load(tx, ctx.workspace, id)?;
        same_version(body.version, old.version, &old)?;
        refuse_built_in(&old)?;
        let (zh, en) = body.name.as_ref().map_or_else(|| Ok((old.name.zh.clone(), old.name.en.clone())), names)?;
        let permissions = body.permissions.as_ref().map_or_else(|| Ok(old.permissions.clone()), |p| checked(tx, &viewer, &known, p, &old.permissions))?;
        tx.execute(
            "UPDATE identity_role SET name_zh = ?2, name_en = ?3, permissions = ?4, version = version + 1 WHERE id = ?1",
            params![id, zh, en, Json(&permissions)],
        )?;
        if permissions != old.permissions {
            for person in holders(tx, id)? {
                changed(tx, &ctx, person)?;
            }
        }
        tx.audit(&ctx, "role.edited", "role", Some(id.0), Some(json!({ "before": old.permissions, "after": permissions })))?;
        load(tx, ctx.workspace, id)
    })
    .await
}

/// Delete a role nobody holds.
#[utoipa::path(delete, path = "/roles/{id}", params(("id" = RoleId, Path)), responses((status = 204)), tag = "roles", extensions(("x-permission" = json!("role.manage"))))]
pub(crate) async fn delete(State(app): State<App>, who: Allowed<RoleManage>, Id(id): Id<RoleId>) -> Answer<Response> {
    let (ctx, once) = (who.ctx(), who.once(""));
    app.command(once, StatusCode::NO_CONTENT, move |tx| {
        lock(tx, "identity_role", id)?;
        let old = load(tx, ctx.workspace, id)?;
        refuse_built_in(&old)?;
        let holders = holders(tx, id)?.len();
        if holders > 0 {
            return Err(Problem::conflict("role.in_use", format!("{holders} people hold this role")).expected("take it from them first"));
        }
        tx.execute("DELETE FROM identity_role WHERE id = ?1", params![id])?;
        tx.audit(&ctx, "role.deleted", "role", Some(id.0), Some(json!({ "name": old.name })))
    })
    .await
}

fn codes(app: &App) -> Vec<&'static str> {
    app.permissions().iter().map(|p| p.code).chain(crate::builtin::codes_of_all_parts()).collect()
}

fn names(localised: &Localised) -> Result<(String, String)> {
    Ok((name("name", &localised.zh, 60)?, name("name", &localised.en, 60)?))
}

fn refuse_built_in(role: &Role) -> Result<()> {
    if role.built_in {
        return Err(Problem::conflict("role.built_in", "built-in roles change with the product only").expected("a copy of it: POST /api/v1/roles with its permissions"));
    }
    Ok(())
}

/// Sorted codes that exist; those that are new to the role must be the viewer's own in the whole workspace.
fn checked(tx: &Tx<'_>, viewer: &Viewer, known: &[&'static str], wanted: &[String], before: &[String]) -> Result<Vec<String>> {
    if let Some((i, code)) = wanted.iter().enumerate().find(|(_, code)| !known.contains(&code.as_str())) {
        return Err(Problem::invalid(format!("permissions[{i}]"), format!("there is no permission `{}`", shouwen_kernel::text::clip(code, 40))).expected("codes from /api/v1/permissions"));
    }
    let mut codes = wanted.to_vec();
    codes.sort();
    codes.dedup();
    let fresh: Vec<Grant> = codes.iter().filter(|code| !before.contains(code)).map(|code| Grant { permission: code.clone(), reach: Reach::Workspace }).collect();
    must_cover(tx, viewer, &fresh)?;
    Ok(codes)
}
