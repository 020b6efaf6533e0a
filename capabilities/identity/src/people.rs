//! `/people`: list, create, show, edit. Who may see or change whom follows the reach of `people.manage`, and nobody
//! changes a person whose rights go beyond their own.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use shouwen_kernel::{Access, OrgUnitId, PersonId, Problem, Result, Scope, TeamId, WorkspaceId};
use shouwen_store::{Json, ToValue, Tx, Value, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, Page, Params, Viewer, decode_cursor, limit_of};

use crate::assignment::{Assigned, assign, assigned_to, changed, must_cover, rights};
use crate::input::{self, places, present, same_version};
use crate::person::{NewPerson, Skill, address, announce, create_person, languages, skills, unless_taken};
use crate::person_row::{COLUMNS, Person, PersonRow, load, show as show_person, show_all};
use crate::team::teams_of;
use crate::{PeopleManage, session};

/// `?q=&active=&limit=&after=`.
#[derive(Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PeopleParams {
    /// A part of the name, or a whole e-mail address.
    q: Option<String>,
    active: Option<bool>,
    /// Rows a page, 1–200; 50 when absent.
    limit: Option<usize>,
    /// `next` of the page before.
    after: Option<String>,
}

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreatePerson {
    name: String,
    email: String,
    #[serde(default)]
    org_unit_id: Option<OrgUnitId>,
    #[serde(default)]
    teams: Vec<TeamId>,
    #[serde(default)]
    skills: Vec<Skill>,
    #[serde(default)]
    languages: Vec<String>,
    #[serde(default)]
    capacity: Option<u32>,
    #[serde(default)]
    locale: Option<String>,
    #[serde(default)]
    time_zone: Option<String>,
    #[serde(default)]
    roles: Vec<Assigned>,
}

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditPerson {
    version: i64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    active: Option<bool>,
    #[serde(default)]
    locale: Option<String>,
    #[serde(default)]
    time_zone: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<OrgUnitId>)]
    org_unit_id: Option<Option<OrgUnitId>>,
    #[serde(default)]
    teams: Option<Vec<TeamId>>,
    #[serde(default)]
    skills: Option<Vec<Skill>>,
    #[serde(default)]
    languages: Option<Vec<String>>,
    #[serde(default)]
    capacity: Option<u32>,
    #[serde(default)]
    roles: Option<Vec<Assigned>>,
}

/// Whether a person lies inside the viewer's reach: by unit, by any team, or themselves.
pub(crate) fn sees(tx: &Tx<'_>, scope: &Scope, row: &PersonRow) -> Result<bool> {
    if scope.sees(&Access { org_unit: row.org_unit_id, team: None, people: vec![row.id] }) {
        return Ok(true);
    }
    Ok(!scope.teams.is_empty() && teams_of(tx, row.id)?.iter().any(|team| scope.teams.contains(team)))
}

/// The row of a person inside the reach; others are not there.
pub(crate) fn visible(tx: &Tx<'_>, scope: &Scope, workspace: WorkspaceId, id: PersonId) -> Result<PersonRow> {
    let row = load(tx, workspace, id)?;
    if sees(tx, scope, &row)? { Ok(row) } else { Err(Problem::not_found("person")) }
}

/// The row of a person the viewer may change: inside the reach, and with no right the viewer lacks.
pub(crate) fn changeable(tx: &Tx<'_>, viewer: &Viewer, scope: &Scope, id: PersonId) -> Result<PersonRow> {
    input::lock(tx, "identity_person", id)?;
    let row = visible(tx, scope, viewer.workspace, id)?;
    if row.id != viewer.person {
        must_cover(tx, viewer, &rights(tx, id, row.org_unit_id)?.grants)?;
    }
    Ok(row)
}

/// A team's manager may add people of their own reach, and those who belong nowhere yet.
pub(crate) fn may_join(tx: &Tx<'_>, scope: &Scope, workspace: WorkspaceId, people: &[PersonId]) -> Result<()> {
    for person in people {
        let wrong = || Problem::invalid("members", format!("{person} is not within the reach of your role")).expected("people of your own units and teams");
        let row = load(tx, workspace, *person).map_err(|_| wrong())?;
        if row.org_unit_id.is_some() && !sees(tx, scope, &row)? {
            return Err(wrong());
        }
    }
    Ok(())
}

/// A unit or team outside the reach is refused; belonging nowhere needs the whole workspace.
fn may_place(tx: &Tx<'_>, scope: &Scope, unit: Option<OrgUnitId>, teams: &[TeamId]) -> Result<()> {
    if scope.all || unit.is_some_and(|u| scope.org_units.contains(&u)) || (unit.is_none() && teams.iter().any(|t| scope.teams.contains(t))) {
        for team in teams {
            let unit = crate::team::unit_of(tx, *team)?;
            if !scope.sees(&Access { org_unit: unit, team: Some(*team), people: Vec::new() }) {
                return Err(Problem::forbidden("people.manage").field("teams").expected("teams within the reach of your role"));
            }
        }
        return Ok(());
    }
    Err(Problem::forbidden("people.manage").field("org_unit_id").expected("a unit within the reach of your role"))
}

/// The people within the reach of the viewer's role.
#[utoipa::path(get, path = "/people", params(PeopleParams), responses((status = 200, body = Page<Person>)), tag = "people", extensions(("x-permission" = json!("people.manage"))))]
pub(crate) async fn list(State(app): State<App>, who: Allowed<PeopleManage>, Params(query): Params<PeopleParams>) -> Answer<axum::Json<Page<Person>>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    app.query(move |tx| {
        let limit = limit_of(query.limit)?;
        let after: PersonId = decode_cursor(query.after.as_deref())?.unwrap_or(PersonId::NIL);
        let mut values: Vec<Value> = params![workspace, after].to_vec();
        let mut bind = |value: Value| {
            values.push(value);
            values.len()
        };
        let mut conditions = String::new();
        if let Some(active) = query.active {
            conditions += &format!(" AND active = ?{}", bind(active.to_value()));
        }
        if let Some(q) = query.q.as_deref().map(str::trim).filter(|q| !q.is_empty()) {
            let like = format!("%{}%", q.to_lowercase().replace(['%', '_', '\\'], ""));
            let (index, like) = (bind(tx.keys().email_index(q).to_value()), bind(like.to_value()));
            conditions += &format!(" AND (email_index = ?{index} OR lower(name) LIKE ?{like})");
        }
        if !scope.all {
            let me = bind(scope.person.to_value());
            let mut ways = vec![format!("id = ?{me}")];
            if !scope.org_units.is_empty() {
                let from = scope.org_units.iter().map(|u| bind(u.to_value())).min().unwrap_or_default();
                ways.push(format!("org_unit_id IN ({})", places(from, scope.org_units.len())));
            }
            if !scope.teams.is_empty() {
                let from = scope.teams.iter().map(|t| bind(t.to_value())).min().unwrap_or_default();
                ways.push(format!("id IN (SELECT person_id FROM identity_team_member WHERE team_id IN ({}))", places(from, scope.teams.len())));
            }
            conditions += &format!(" AND ({})", ways.join(" OR "));
        }
        let most = bind((limit + 1).to_value());
        let rows: Vec<PersonRow> = tx.all(&format!("SELECT {COLUMNS} FROM identity_person WHERE workspace_id = ?1 AND id > ?2{conditions} ORDER BY id LIMIT ?{most}"), &values)?;
        Ok(Page::from_rows(show_all(tx, rows)?, limit, |person| person.id))
    })
    .await
}

/// One person.
#[utoipa::path(get, path = "/people/{id}", params(("id" = PersonId, Path)), responses((status = 200, body = Person)), tag = "people", extensions(("x-permission" = json!("people.manage"))))]
pub(crate) async fn show(State(app): State<App>, who: Allowed<PeopleManage>, Id(id): Id<PersonId>) -> Answer<axum::Json<Person>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    app.query(move |tx| show_person(tx, visible(tx, &scope, workspace, id)?)).await
}

/// Create a person; they sign in after an invitation.
#[utoipa::path(post, path = "/people", request_body = CreatePerson, responses((status = 201, body = Person)), tag = "people", extensions(("x-permission" = json!("people.manage"))))]
pub(crate) async fn create(State(app): State<App>, who: Allowed<PeopleManage>, input: Input<CreatePerson>) -> Answer<Response> {
    let (ctx, viewer, scope, once, body) = (who.ctx(), who.viewer.clone(), who.scope.clone(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        may_place(tx, &scope, body.org_unit_id, &body.teams)?;
        let new = NewPerson {
            name: body.name.clone(),
            email: body.email.clone(),
            org_unit_id: body.org_unit_id,
            teams: body.teams.clone(),
            skills: body.skills.clone(),
            languages: body.languages.clone(),
            capacity: body.capacity.unwrap_or(20),
            locale: body.locale.clone(),
            time_zone: body.time_zone.clone(),
            password_hash: None,
            must_change_password: false,
        };
        let id = create_person(tx, &ctx, &new)?;
        assign(tx, ctx.workspace, id, &body.roles)?;
        must_cover(tx, &viewer, &rights(tx, id, body.org_unit_id)?.grants)?;
        // Reviews, escalations and rules know from this event who holds a role.
        changed(tx, &ctx, id)?;
        show_person(tx, load(tx, ctx.workspace, id)?)
    })
    .await
}

/// Edit a person. Deactivating ends their sessions, tokens and invitations at once.
#[utoipa::path(patch, path = "/people/{id}", params(("id" = PersonId, Path)), request_body = EditPerson, responses((status = 200, body = Person)), tag = "people", extensions(("x-permission" = json!("people.manage"))))]
pub(crate) async fn edit(State(app): State<App>, who: Allowed<PeopleManage>, Id(id): Id<PersonId>, input: Input<EditPerson>) -> Answer<Response> {
    let (ctx, viewer, scope, once, body) = (who.ctx(), who.viewer.clone(), who.scope.clone(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let old = changeable(tx, &viewer, &scope, id)?;
        same_version(body.version, old.version, &show_person(tx, old.clone())?)?;
        let (old_teams, old_roles) = (teams_of(tx, id)?, assigned_to(tx, id)?);
        let was_administrator = crate::admin::is_administrator(tx, id)?;
        let unit = body.org_unit_id.unwrap_or(old.org_unit_id);
        let teams = body.teams.clone().unwrap_or_else(|| old_teams.clone());
        if unit != old.org_unit_id || teams != old_teams {
            may_place(tx, &scope, unit, &teams.iter().filter(|t| !old_teams.contains(t)).copied().collect::<Vec<_>>())?;
        }
        if let Some(unit) = unit {
            crate::org_unit::must_exist(tx, ctx.workspace, unit)?;
        }
        let active = body.active.unwrap_or(old.active);
        tx.execute(
            "UPDATE identity_person SET name = ?2, active = ?3, locale = ?4, time_zone = ?5, org_unit_id = ?6, skills = ?7, languages = ?8, capacity = ?9, version = version + 1 WHERE id = ?1",
            params![
                id,
                body.name.as_deref().map_or(Ok(old.name.clone()), |n| input::name("name", n, 60))?,
                active,
                body.locale.as_deref().map_or(Ok(old.locale.clone()), input::locale)?,
                body.time_zone.as_deref().map_or(Ok(old.time_zone.clone()), input::time_zone)?,
                unit,
                Json(body.skills.as_ref().map_or(Ok(old.skills.clone()), |s| skills(s))?),
                Json(body.languages.as_ref().map_or(Ok(old.languages.clone()), |l| languages(l))?),
                body.capacity.unwrap_or(old.capacity).min(1000)
            ],
        )?;
        if let Some(email) = &body.email {
            let (sealed, index) = address(tx, email)?;
            unless_taken(tx, |tx| tx.execute("UPDATE identity_person SET email_sealed = ?2, email_index = ?3 WHERE id = ?1", params![id, sealed, index]))?;
        }
        if teams != old_teams {
            tx.execute("DELETE FROM identity_team_member WHERE person_id = ?1", params![id])?;
            for team in &teams {
                crate::team::must_exist(tx, ctx.workspace, *team)?;
                tx.execute("INSERT INTO identity_team_member (workspace_id, team_id, person_id) VALUES (?1, ?2, ?3) ON CONFLICT (team_id, person_id) DO NOTHING", params![ctx.workspace, team, id])?;
            }
        }
        let roles = body.roles.clone().unwrap_or_else(|| old_roles.clone());
        if roles != old_roles {
            assign(tx, ctx.workspace, id, &roles)?;
        }
        must_cover(tx, &viewer, &rights(tx, id, unit)?.grants)?;
        if was_administrator {
            crate::admin::refuse_without_administrator(tx, ctx.workspace)?;
        }
        if old.active && !active {
            session::end_all(tx, id, None)?;
            crate::link::revoke(tx, id)?;
            tx.execute("DELETE FROM identity_token WHERE person_id = ?1", params![id])?;
            crate::person::set_status(tx, &ctx, id, "offline")?;
        }
        announce(tx, &ctx, id)?;
        if roles != old_roles || teams != old_teams || unit != old.org_unit_id || active != old.active {
            changed(tx, &ctx, id)?;
        }
        tx.audit(&ctx, "person.edited", "person", Some(id.0), Some(json!({ "active": active, "email_changed": body.email.is_some(), "roles_before": old_roles, "roles": roles })))?;
        show_person(tx, load(tx, ctx.workspace, id)?)
    })
    .await
}
