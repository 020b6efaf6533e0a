//! `/org-units`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use shouwen_contracts::identity::{IdentityEvent, OrgUnitDeleted};
use shouwen_kernel::{Access, OrgUnitId, Problem, Result, Scope};
use shouwen_store::params;
use shouwen_web::{Allowed, Answer, App, Id, Input, Page, SignedIn};

use crate::TeamManage;
use crate::assignment::changed;
use crate::input::{lock, present, same_version, settled};
use crate::org_unit::{NewOrgUnit, OrgUnit, all, announce, checked, create_org_unit, load, move_to, people_with_unit_reach};

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateOrgUnit {
    name: String,
    /// `company`, `region`, `branch` or `department`.
    kind: String,
    #[serde(default)]
    parent_id: Option<OrgUnitId>,
    #[serde(default)]
    region_code: Option<String>,
}

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditOrgUnit {
    version: i64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    /// `null`: becomes a root.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<OrgUnitId>)]
    parent_id: Option<Option<OrgUnitId>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    region_code: Option<Option<String>>,
}

/// The organisation tree.
#[utoipa::path(get, path = "/org-units", responses((status = 200, body = Page<OrgUnit>)), tag = "organisation", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn list(State(app): State<App>, who: SignedIn) -> Answer<axum::Json<Page<OrgUnit>>> {
    settled(&who.viewer)?;
    let workspace = who.viewer.workspace;
    app.query(move |tx| Ok(Page { items: all(tx, workspace)?, next: None })).await
}

/// A place in the tree outside the viewer's reach is refused; `None` (a root) needs the whole workspace.
fn within(scope: &Scope, place: Option<OrgUnitId>) -> Result<()> {
    let inside = match place {
        None => scope.all,
        Some(unit) => scope.sees(&Access { org_unit: Some(unit), ..Access::default() }),
    };
    if inside { Ok(()) } else { Err(Problem::forbidden("team.manage").field("parent_id").expected("a unit within the reach of your role")) }
}

/// Create an org unit.
#[utoipa::path(post, path = "/org-units", request_body = CreateOrgUnit, responses((status = 201, body = OrgUnit)), tag = "organisation", extensions(("x-permission" = json!("team.manage"))))]
pub(crate) async fn create(State(app): State<App>, who: Allowed<TeamManage>, input: Input<CreateOrgUnit>) -> Answer<Response> {
    let (ctx, scope, once, body) = (who.ctx(), who.scope.clone(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        within(&scope, body.parent_id)?;
        let new = NewOrgUnit { name: body.name.clone(), kind: body.kind.clone(), parent_id: body.parent_id, region_code: body.region_code.clone() };
        let id = create_org_unit(tx, &ctx, &new)?;
        for person in people_with_unit_reach(tx, ctx.workspace)? {
            changed(tx, &ctx, person)?;
        }
        load(tx, ctx.workspace, id)
    })
    .await
}

/// Rename or move an org unit.
#[utoipa::path(patch, path = "/org-units/{id}", params(("id" = OrgUnitId, Path)), request_body = EditOrgUnit, responses((status = 200, body = OrgUnit)), tag = "organisation", extensions(("x-permission" = json!("team.manage"))))]
pub(crate) async fn edit(State(app): State<App>, who: Allowed<TeamManage>, Id(id): Id<OrgUnitId>, input: Input<EditOrgUnit>) -> Answer<Response> {
    let (ctx, scope, once, body) = (who.ctx(), who.scope.clone(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        // The tree is one thing: whoever changes its shape does so alone.
        lock(tx, "workspace", ctx.workspace)?;
        let old = load(tx, ctx.workspace, id)?;
        within(&scope, Some(id)).map_err(|_| Problem::not_found("org unit"))?;
        same_version(body.version, old.version, &old)?;
        let region = body.region_code.clone().unwrap_or_else(|| old.region_code.clone());
        let (name, kind, region) = checked(body.name.as_deref().unwrap_or(&old.name), body.kind.as_deref().unwrap_or(&old.kind), region.as_deref())?;
        tx.execute("UPDATE identity_org_unit SET name = ?2, kind = ?3, region_code = ?4, version = version + 1 WHERE id = ?1", params![id, name, kind, region])?;
        let mut moved = vec![id];
        if let Some(parent) = body.parent_id.filter(|parent| *parent != old.parent_id) {
            within(&scope, parent)?;
            moved = move_to(tx, ctx.workspace, id, parent)?;
            for person in people_with_unit_reach(tx, ctx.workspace)? {
                changed(tx, &ctx, person)?;
            }
        }
        for unit in moved {
            announce(tx, &ctx, unit)?;
        }
        tx.audit(&ctx, "org_unit.edited", "org_unit", Some(id.0), Some(json!({ "before": old, "name": name, "parent_id": body.parent_id })))?;
        load(tx, ctx.workspace, id)
    })
    .await
}

/// Delete an org unit that nothing lies in.
#[utoipa::path(delete, path = "/org-units/{id}", params(("id" = OrgUnitId, Path)), responses((status = 204)), tag = "organisation", extensions(("x-permission" = json!("team.manage"))))]
pub(crate) async fn delete(State(app): State<App>, who: Allowed<TeamManage>, Id(id): Id<OrgUnitId>) -> Answer<Response> {
    let (ctx, scope, once) = (who.ctx(), who.scope.clone(), who.once(""));
    app.command(once, StatusCode::NO_CONTENT, move |tx| {
        // The tree is one thing: whoever changes its shape does so alone.
        lock(tx, "workspace", ctx.workspace)?;
        let old = load(tx, ctx.workspace, id)?;
        within(&scope, Some(id)).map_err(|_| Problem::not_found("org unit"))?;
        for (what, sql) in [
            ("other units lie below it", "SELECT 1 FROM identity_org_unit WHERE workspace_id = ?2 AND parent_id = ?1 LIMIT 1"),
            ("people belong to it", "SELECT 1 FROM identity_person WHERE org_unit_id = ?1 AND workspace_id = ?2 LIMIT 1"),
            ("teams belong to it", "SELECT 1 FROM identity_team WHERE org_unit_id = ?1 AND workspace_id = ?2 LIMIT 1"),
            ("roles reach it", "SELECT 1 FROM identity_assignment WHERE workspace_id = ?2 AND org_unit_id = ?1 LIMIT 1"),
        ] {
            if tx.opt::<(i64,)>(sql, params![id, ctx.workspace])?.is_some() {
                return Err(Problem::conflict("org_unit.in_use", what).expected("an empty unit; move what lies in it first"));
            }
        }
        tx.execute("DELETE FROM identity_org_path WHERE unit_id = ?1", params![id])?;
        tx.execute("DELETE FROM identity_org_unit WHERE id = ?1", params![id])?;
        tx.emit::<IdentityEvent>(&ctx, Some(id.0), Some(&Access { org_unit: Some(id), ..Access::default() }), OrgUnitDeleted { org_unit_id: id })?;
        tx.audit(&ctx, "org_unit.deleted", "org_unit", Some(id.0), Some(json!({ "name": old.name })))
    })
    .await
}
