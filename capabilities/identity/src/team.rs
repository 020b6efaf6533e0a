//! Teams and skill groups.

use serde::Serialize;
use shouwen_contracts::identity::{IdentityEvent, TeamSaved};
use shouwen_kernel::{Access, OrgUnitId, PersonId, Problem, Result, TeamId, WorkspaceId};
use shouwen_store::{Ctx, FromRow, Json, Row, Tx, params};

/// A team.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct Team {
    pub id: TeamId,
    pub name: String,
    pub org_unit_id: Option<OrgUnitId>,
    /// Skills its cases need.
    pub skills: Vec<String>,
    pub members: Vec<PersonId>,
    pub version: i64,
}

impl FromRow for Team {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { id: row.get(0)?, name: row.get(1)?, org_unit_id: row.get(2)?, skills: row.get::<Json<Vec<String>>>(3)?.0, members: Vec::new(), version: row.get(4)? })
    }
}

const COLUMNS: &str = "id, name, org_unit_id, skills, version";

/// What a new team needs.
#[derive(Clone, Debug, Default)]
pub struct NewTeam {
    pub name: String,
    pub org_unit_id: Option<OrgUnitId>,
    pub skills: Vec<String>,
    pub members: Vec<PersonId>,
}

pub(crate) fn load(tx: &Tx<'_>, workspace: WorkspaceId, id: TeamId) -> Result<Team> {
    let mut team: Team = tx.opt(&format!("SELECT {COLUMNS} FROM identity_team WHERE id = ?1 AND workspace_id = ?2"), params![id, workspace])?.ok_or_else(|| Problem::not_found("team"))?;
    team.members = members_of(tx, id)?;
    Ok(team)
}

/// Every team with its members.
pub(crate) fn all(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Team>> {
    let mut teams: Vec<Team> = tx.all(&format!("SELECT {COLUMNS} FROM identity_team WHERE workspace_id = ?1 ORDER BY id"), params![workspace])?;
    for (team, person) in memberships(tx, workspace)? {
        if let Ok(at) = teams.binary_search_by_key(&team, |t| t.id) {
            teams[at].members.push(person);
        }
    }
    Ok(teams)
}

/// Who belongs to which team.
pub(crate) fn memberships(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<(TeamId, PersonId)>> {
    tx.all("SELECT team_id, person_id FROM identity_team_member WHERE workspace_id = ?1 ORDER BY team_id, person_id", params![workspace])
}

pub(crate) fn members_of(tx: &Tx<'_>, team: TeamId) -> Result<Vec<PersonId>> {
    Ok(tx.all::<(PersonId,)>("SELECT person_id FROM identity_team_member WHERE team_id = ?1 ORDER BY person_id", params![team])?.into_iter().map(|row| row.0).collect())
}

pub(crate) fn teams_of(tx: &Tx<'_>, person: PersonId) -> Result<Vec<TeamId>> {
    Ok(tx.all::<(TeamId,)>("SELECT team_id FROM identity_team_member WHERE person_id = ?1 ORDER BY team_id", params![person])?.into_iter().map(|row| row.0).collect())
}

pub(crate) fn unit_of(tx: &Tx<'_>, team: TeamId) -> Result<Option<OrgUnitId>> {
    Ok(tx.opt::<(Option<OrgUnitId>,)>("SELECT org_unit_id FROM identity_team WHERE id = ?1", params![team])?.and_then(|row| row.0))
}

pub(crate) fn must_exist(tx: &Tx<'_>, workspace: WorkspaceId, id: TeamId) -> Result<()> {
    let found: Option<(i64,)> = tx.opt("SELECT version FROM identity_team WHERE id = ?1 AND workspace_id = ?2", params![id, workspace])?;
    found.map(|_| ()).ok_or_else(|| Problem::invalid("teams", format!("there is no team {id}")).expected("ids from /api/v1/directory"))
}

/// Name and skills in the form they are stored.
pub(crate) fn checked(name: &str, skills: &[String]) -> Result<(String, Vec<String>)> {
    Ok((crate::input::name("name", name, 80)?, skill_names(skills)?))
}

/// At most 100 distinct skill names.
pub(crate) fn skill_names(skills: &[String]) -> Result<Vec<String>> {
    if skills.len() > 100 {
        return Err(Problem::invalid("skills", format!("{} skills", skills.len())).expected("at most 100"));
    }
    let mut names = Vec::with_capacity(skills.len());
    for skill in skills {
        let name = crate::input::name("skills", skill, 40)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Creates a team and tells of it and of its members.
pub fn create_team(tx: &Tx<'_>, ctx: &Ctx, new: &NewTeam) -> Result<TeamId> {
    let (name, skills) = checked(&new.name, &new.skills)?;
    if let Some(unit) = new.org_unit_id {
        crate::org_unit::must_exist(tx, ctx.workspace, unit)?;
    }
    let id: TeamId = tx.id();
    tx.execute(
        "INSERT INTO identity_team (id, workspace_id, name, org_unit_id, skills, version, created_at) VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6)",
        params![id, ctx.workspace, name, new.org_unit_id, Json(&skills), tx.now()],
    )?;
    announce(tx, ctx, id)?;
    set_members(tx, ctx, id, &new.members)?;
    tx.audit(ctx, "team.created", "team", Some(id.0), Some(serde_json::json!({ "name": name })))?;
    Ok(id)
}

/// Makes `members` the members of a team; tells of everyone who came or went.
pub(crate) fn set_members(tx: &Tx<'_>, ctx: &Ctx, team: TeamId, members: &[PersonId]) -> Result<()> {
    let before = members_of(tx, team)?;
    for person in before.iter().filter(|p| !members.contains(p)) {
        tx.execute("DELETE FROM identity_team_member WHERE team_id = ?1 AND person_id = ?2", params![team, person])?;
        moved(tx, ctx, *person)?;
    }
    let mut added = Vec::new();
    for person in members.iter().filter(|p| !before.contains(p)) {
        if added.contains(person) {
            continue;
        }
        crate::person_row::load(tx, ctx.workspace, *person).map_err(|_| Problem::invalid("members", format!("there is no person {person}")).expected("ids from /api/v1/directory"))?;
        tx.execute("INSERT INTO identity_team_member (workspace_id, team_id, person_id) VALUES (?1, ?2, ?3)", params![ctx.workspace, team, person])?;
        added.push(*person);
        moved(tx, ctx, *person)?;
    }
    Ok(())
}

fn moved(tx: &Tx<'_>, ctx: &Ctx, person: PersonId) -> Result<()> {
    crate::person::announce(tx, ctx, person)?;
    crate::assignment::changed(tx, ctx, person)
}

/// Emits the present state of a team.
pub(crate) fn announce(tx: &Tx<'_>, ctx: &Ctx, id: TeamId) -> Result<()> {
    let team = load(tx, ctx.workspace, id)?;
    let access = Access { org_unit: team.org_unit_id, team: Some(id), people: Vec::new() };
    tx.emit::<IdentityEvent>(ctx, Some(id.0), Some(&access), TeamSaved { team_id: id, name: team.name, org_unit_id: team.org_unit_id, skills: team.skills })
}
