//! A person as the table holds them, and as the API shows them.

use std::collections::BTreeMap;

use serde::Serialize;
use shouwen_kernel::{OrgUnitId, PersonId, Problem, Result, TeamId, Time, WorkspaceId};
use shouwen_store::{FromRow, Json, Row, ToValue, Tx, Value, params};

use crate::assignment::Assigned;
use crate::person::Skill;

/// The row, without secrets.
#[derive(Clone, Debug)]
pub(crate) struct PersonRow {
    pub id: PersonId,
    pub workspace: WorkspaceId,
    pub name: String,
    pub email_sealed: String,
    pub active: bool,
    pub locale: String,
    pub time_zone: String,
    pub org_unit_id: Option<OrgUnitId>,
    pub skills: Vec<Skill>,
    pub languages: Vec<String>,
    pub capacity: u32,
    pub status: String,
    pub mfa: bool,
    pub last_seen_at: Option<Time>,
    pub version: i64,
}

pub(crate) const COLUMNS: &str =
    "id, workspace_id, name, email_sealed, active, locale, time_zone, org_unit_id, skills, languages, capacity, status, totp_sealed IS NOT NULL, last_seen_at, version";

impl FromRow for PersonRow {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            workspace: row.get(1)?,
            name: row.get(2)?,
            email_sealed: row.get(3)?,
            active: row.get(4)?,
            locale: row.get(5)?,
            time_zone: row.get(6)?,
            org_unit_id: row.get(7)?,
            skills: row.get::<Json<Vec<Skill>>>(8)?.0,
            languages: row.get::<Json<Vec<String>>>(9)?.0,
            capacity: row.get(10)?,
            status: row.get(11)?,
            mfa: row.get(12)?,
            last_seen_at: row.get(13)?,
            version: row.get(14)?,
        })
    }
}

pub(crate) fn load(tx: &Tx<'_>, workspace: WorkspaceId, id: PersonId) -> Result<PersonRow> {
    tx.opt(&format!("SELECT {COLUMNS} FROM identity_person WHERE id = ?1 AND workspace_id = ?2"), params![id, workspace])?.ok_or_else(|| Problem::not_found("person"))
}

/// A member of staff.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Person {
    pub id: PersonId,
    pub name: String,
    pub email: String,
    pub active: bool,
    /// `zh-CN` or `en`.
    pub locale: String,
    /// IANA name.
    pub time_zone: String,
    pub org_unit_id: Option<OrgUnitId>,
    pub teams: Vec<TeamId>,
    pub skills: Vec<Skill>,
    /// Languages they serve customers in, BCP 47.
    pub languages: Vec<String>,
    /// Open cases at once that assignment may give; 0: none automatically.
    pub capacity: u32,
    /// `online`, `busy`, `away` or `offline`.
    pub status: String,
    pub roles: Vec<Assigned>,
    pub mfa_enrolled: bool,
    pub last_seen_at: Option<Time>,
    pub version: i64,
}

/// The API's form of a row.
pub(crate) fn show(tx: &Tx<'_>, row: PersonRow) -> Result<Person> {
    let (teams, roles) = (crate::team::teams_of(tx, row.id)?, crate::assignment::assigned_to(tx, row.id)?);
    with(tx, row, teams, roles)
}

/// The API's form of a page of rows, with two reads for all of them together.
pub(crate) fn show_all(tx: &Tx<'_>, rows: Vec<PersonRow>) -> Result<Vec<Person>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Value> = rows.iter().map(|row| row.id.to_value()).collect();
    let places = crate::input::places(1, ids.len());
    let mut teams: BTreeMap<PersonId, Vec<TeamId>> = BTreeMap::new();
    for (person, team) in tx.all::<(PersonId, TeamId)>(&format!("SELECT person_id, team_id FROM identity_team_member WHERE person_id IN ({places}) ORDER BY team_id"), &ids)? {
        teams.entry(person).or_default().push(team);
    }
    let mut roles = crate::assignment::assigned_to_all(tx, &places, &ids)?;
    rows.into_iter()
        .map(|row| {
            let (teams, roles) = (teams.remove(&row.id).unwrap_or_default(), roles.remove(&row.id).unwrap_or_default());
            with(tx, row, teams, roles)
        })
        .collect()
}

fn with(tx: &Tx<'_>, row: PersonRow, teams: Vec<TeamId>, roles: Vec<Assigned>) -> Result<Person> {
    Ok(Person {
        id: row.id,
        email: tx.keys().open_address(&row.email_sealed)?,
        teams,
        roles,
        name: row.name,
        active: row.active,
        locale: row.locale,
        time_zone: row.time_zone,
        org_unit_id: row.org_unit_id,
        skills: row.skills,
        languages: row.languages,
        capacity: row.capacity,
        status: row.status,
        mfa_enrolled: row.mfa,
        last_seen_at: row.last_seen_at,
        version: row.version,
    })
}
