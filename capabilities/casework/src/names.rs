//! Names of people, teams, units and customers, and what we need of inboxes: small copies fed by events.

use serde::Serialize;
use shouwen_kernel::{CustomerId, InboxId, OrgUnitId, PersonId, Problem, Result, TeamId, WorkspaceId};
use shouwen_store::{FromRow, Row, Tx, params};
use utoipa::ToSchema;

/// Somebody or something by id and name.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Named<T> {
    pub id: T,
    pub name: String,
}

/// The name of a person; empty when they are not known (yet).
pub fn person_name(tx: &Tx<'_>, id: PersonId) -> Result<String> {
    Ok(tx.opt::<(String,)>("SELECT name FROM case_person WHERE id = ?1", params![id])?.map(|row| row.0).unwrap_or_default())
}

/// A person with name.
pub fn person(tx: &Tx<'_>, id: Option<PersonId>) -> Result<Option<Named<PersonId>>> {
    id.map(|id| Ok(Named { id, name: person_name(tx, id)? })).transpose()
}

/// A team with name.
pub fn team(tx: &Tx<'_>, id: Option<TeamId>) -> Result<Option<Named<TeamId>>> {
    id.map(|id| Ok(Named { id, name: tx.opt::<(String,)>("SELECT name FROM case_team WHERE id = ?1", params![id])?.map(|row| row.0).unwrap_or_default() })).transpose()
}

/// An org unit with name.
pub fn org_unit(tx: &Tx<'_>, id: Option<OrgUnitId>) -> Result<Option<Named<OrgUnitId>>> {
    id.map(|id| Ok(Named { id, name: tx.opt::<(String,)>("SELECT name FROM case_org_unit WHERE id = ?1", params![id])?.map(|row| row.0).unwrap_or_default() })).transpose()
}

/// The customer as they are known now: renamed, or part of another one.
pub fn customer(tx: &Tx<'_>, id: Option<CustomerId>, known_as: Option<&str>) -> Result<Option<Named<CustomerId>>> {
    let Some(mut id) = id else { return Ok(None) };
    let mut name = known_as.unwrap_or_default().to_owned();
    for _ in 0..5 {
        let Some((now, merged)) = tx.opt::<(String, Option<CustomerId>)>("SELECT name, merged_into FROM case_customer WHERE id = ?1", params![id])? else { break };
        name = now;
        match merged {
            Some(into) => id = into,
            None => break,
        }
    }
    Ok(Some(Named { id, name }))
}

/// A person of this workspace who can be given work.
pub fn must_be_active(tx: &Tx<'_>, workspace: WorkspaceId, id: PersonId, field: &str) -> Result<String> {
    match tx.opt::<(String, bool)>("SELECT name, active FROM case_person WHERE id = ?1 AND workspace_id = ?2", params![id, workspace])? {
        Some((name, true)) => Ok(name),
        Some((name, false)) => Err(Problem::invalid(field, format!("{name} is not active")).expected("an active person of GET /api/v1/directory")),
        None => Err(Problem::invalid(field, format!("there is no person {id}")).expected("a person of GET /api/v1/directory")),
    }
}

/// The org unit of a team of this workspace.
pub fn must_be_team(tx: &Tx<'_>, workspace: WorkspaceId, id: TeamId) -> Result<Option<OrgUnitId>> {
    tx.opt::<(Option<OrgUnitId>,)>("SELECT org_unit_id FROM case_team WHERE id = ?1 AND workspace_id = ?2", params![id, workspace])?
        .map(|row| row.0)
        .ok_or_else(|| Problem::invalid("team_id", format!("there is no team {id}")).expected("a team of GET /api/v1/directory"))
}

/// Checks that a department of this workspace exists.
pub fn must_be_org_unit(tx: &Tx<'_>, workspace: WorkspaceId, id: OrgUnitId) -> Result<()> {
    let found = tx.opt::<(i64,)>("SELECT 1 FROM case_org_unit WHERE id = ?1 AND workspace_id = ?2", params![id, workspace])?;
    found.map(|_| ()).ok_or_else(|| Problem::invalid("org_unit_id", format!("there is no org unit {id}")).expected("an org unit of GET /api/v1/directory"))
}

/// The members of a team.
pub fn members(tx: &Tx<'_>, id: TeamId) -> Result<Vec<PersonId>> {
    Ok(tx.all::<(PersonId,)>("SELECT person_id FROM case_member WHERE team_id = ?1 ORDER BY person_id LIMIT 500", params![id])?.into_iter().map(|row| row.0).collect())
}

/// Whether somebody is a member of a team.
pub fn is_member(tx: &Tx<'_>, team: TeamId, person: PersonId) -> Result<bool> {
    Ok(tx.opt::<(i64,)>("SELECT 1 FROM case_member WHERE team_id = ?1 AND person_id = ?2", params![team, person])?.is_some())
}

/// What casework needs to know of an inbox.
#[derive(Clone, Debug)]
pub struct Inbox {
    pub id: InboxId,
    pub channel: String,
    pub name: String,
    pub address_index: String,
    pub active: bool,
    pub team_id: Option<TeamId>,
    pub org_unit_id: Option<OrgUnitId>,
    pub signature: String,
    pub default_language: String,
}

impl FromRow for Inbox {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            channel: row.get(1)?,
            name: row.get(2)?,
            address_index: row.get(3)?,
            active: row.get(4)?,
            team_id: row.get(5)?,
            org_unit_id: row.get(6)?,
            signature: row.get(7)?,
            default_language: row.get(8)?,
        })
    }
}

const INBOX: &str = "SELECT id, channel, name, address_index, active, team_id, org_unit_id, signature, default_language FROM case_inbox";

/// An inbox of this workspace.
pub fn inbox(tx: &Tx<'_>, workspace: WorkspaceId, id: InboxId) -> Result<Option<Inbox>> {
    tx.opt(&format!("{INBOX} WHERE id = ?1 AND workspace_id = ?2"), params![id, workspace])
}

/// Every inbox of this workspace, oldest first.
pub fn inboxes(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Inbox>> {
    tx.all(&format!("{INBOX} WHERE workspace_id = ?1 ORDER BY id LIMIT 500"), params![workspace])
}
