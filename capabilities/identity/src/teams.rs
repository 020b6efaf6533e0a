//! `/teams`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use shouwen_contracts::identity::{IdentityEvent, TeamDeleted};
use shouwen_kernel::{Access, OrgUnitId, PersonId, Problem, Result, Scope, TeamId};
use shouwen_store::{Json, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, Page, SignedIn};

use crate::TeamManage;
use crate::input::{lock, present, same_version, settled};
use crate::team::{NewTeam, Team, all, announce, checked, create_team, load, set_members};

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateTeam {
    name: String,
    #[serde(default)]
    org_unit_id: Option<OrgUnitId>,
    #[serde(default)]
    skills: Vec<String>,
    #[serde(default)]
    members: Vec<PersonId>,
}

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditTeam {
    version: i64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<OrgUnitId>)]
    org_unit_id: Option<Option<OrgUnitId>>,
    #[serde(default)]
    skills: Option<Vec<String>>,
    #[serde(default)]
    members: Option<Vec<PersonId>>,
}

/// The teams with their members.
#[utoipa::path(get, path = "/teams", responses((status = 200, body = Page<Team>)), tag = "organisation", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn list(State(app): State<App>, who: SignedIn) -> Answer<axum::Json<Page<Team>>> {
    settled(&who.viewer)?;
    let workspace = who.viewer.workspace;
    app.query(move |tx| Ok(Page { items: all(tx, workspace)?, next: None })).await
}

fn within(scope: &Scope, team: Option<TeamId>, unit: Option<OrgUnitId>) -> Result<()> {
    if scope.sees(&Access { org_unit: unit, team, people: Vec::new() }) {
        return Ok(());
    }
    Err(Problem::forbidden("team.manage").field("org_unit_id").expected("a unit within the reach of your role"))
}

/// Create a team.
#[utoipa::path(post, path = "/teams", request_body = CreateTeam, responses((status = 201, body = Team)), tag = "organisation", extensions(("x-permission" = json!("team.manage"))))]
pub(crate) async fn create(State(app): State<App>, who: Allowed<TeamManage>, input: Input<CreateTeam>) -> Answer<Response> {
    let (ctx, scope, once, body) = (who.ctx(), who.scope.clone(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        within(&scope, None, body.org_unit_id)?;
        let new = NewTeam { name: body.name.clone(), org_unit_id: body.org_unit_id, skills: body.skills.clone(), members: Vec::new() };
        let id = create_team(tx, &ctx, &new)?;
        crate::people::may_join(tx, &scope, ctx.workspace, &body.members)?;
        set_members(tx, &ctx, id, &body.members)?;
        load(tx, ctx.workspace, id)
    })
    .await
}

/// Edit a team.
#[utoipa::path(patch, path = "/teams/{id}", params(("id" = TeamId, Path)), request_body = EditTeam, responses((status = 200, body = Team)), tag = "organisation", extensions(("x-permission" = json!("team.manage"))))]
pub(crate) async fn edit(State(app): State<App>, who: Allowed<TeamManage>, Id(id): Id<TeamId>, input: Input<EditTeam>) -> Answer<Response> {
    let (ctx, scope, once, body) = (who.ctx(), who.scope.clone(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        lock(tx, "identity_team", id)?;
        let old = load(tx, ctx.workspace, id)?;
        within(&scope, Some(id), old.org_unit_id).map_err(|_| Problem::not_found("team"))?;
        same_version(body.version, old.version, &old)?;
        let (name, skills) = checked(body.name.as_deref().unwrap_or(&old.name), body.skills.as_ref().unwrap_or(&old.skills))?;
        let unit = body.org_unit_id.unwrap_or(old.org_unit_id);
        if unit != old.org_unit_id {
            within(&scope, None, unit)?;
            if let Some(unit) = unit {
                crate::org_unit::must_exist(tx, ctx.workspace, unit)?;
            }
        }
        tx.execute("UPDATE identity_team SET name = ?2, org_unit_id = ?3, skills = ?4, version = version + 1 WHERE id = ?1", params![id, name, unit, Json(&skills)])?;
        announce(tx, &ctx, id)?;
        if let Some(members) = &body.members {
            let fresh: Vec<PersonId> = members.iter().filter(|p| !old.members.contains(p)).copied().collect();
            crate::people::may_join(tx, &scope, ctx.workspace, &fresh)?;
            set_members(tx, &ctx, id, members)?;
        }
        tx.audit(&ctx, "team.edited", "team", Some(id.0), Some(json!({ "name": name, "members": body.members })))?;
        load(tx, ctx.workspace, id)
    })
    .await
}

/// Delete a team; its members lose it, its cases keep their history.
#[utoipa::path(delete, path = "/teams/{id}", params(("id" = TeamId, Path)), responses((status = 204)), tag = "organisation", extensions(("x-permission" = json!("team.manage"))))]
pub(crate) async fn delete(State(app): State<App>, who: Allowed<TeamManage>, Id(id): Id<TeamId>) -> Answer<Response> {
    let (ctx, scope, once) = (who.ctx(), who.scope.clone(), who.once(""));
    app.command(once, StatusCode::NO_CONTENT, move |tx| {
        lock(tx, "identity_team", id)?;
        let old = load(tx, ctx.workspace, id)?;
        within(&scope, Some(id), old.org_unit_id).map_err(|_| Problem::not_found("team"))?;
        if tx.opt::<(i64,)>("SELECT 1 FROM identity_assignment WHERE workspace_id = ?2 AND team_id = ?1 LIMIT 1", params![id, ctx.workspace])?.is_some() {
            return Err(Problem::conflict("team.in_use", "roles reach this team").expected("roles without this team first"));
        }
        set_members(tx, &ctx, id, &[])?;
        tx.execute("DELETE FROM identity_team WHERE id = ?1", params![id])?;
        tx.emit::<IdentityEvent>(&ctx, Some(id.0), Some(&Access { org_unit: old.org_unit_id, team: Some(id), people: Vec::new() }), TeamDeleted { team_id: id })?;
        tx.audit(&ctx, "team.deleted", "team", Some(id.0), Some(json!({ "name": old.name })))
    })
    .await
}
