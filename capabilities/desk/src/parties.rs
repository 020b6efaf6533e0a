//! Who is meant: parts in a case (`assignee`, `accountable`, `watchers`, `team`, `lead`), roles, named people and teams.
//!
//! Roles and leads come from what identity tells of people's rights. Somebody named by a role is told of a case only
//! when they may read it.

use shouwen_contracts::identity::RightsChanged;
use shouwen_kernel::{Access, CaseId, Grant, OrgUnitId, PersonId, Reach, Result, Scope, TeamId, WorkspaceId};
use shouwen_store::{Json, Tx, params};

/// One party stands for at most so many people.
pub const MOST: usize = 200;
/// Whoever may do this for a team leads it.
const LEADS: &str = "case.accountability";

/// What a party needs to know of a case.
#[derive(Clone, Debug)]
pub struct Place {
    pub case: CaseId,
    pub number: String,
    pub title: String,
    pub language: Option<String>,
    pub access: Access,
    pub assignee: Option<PersonId>,
    pub accountable: Option<PersonId>,
    pub watchers: Vec<PersonId>,
}

/// Where a case stands; `None` for one that was never told of.
pub fn place(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId) -> Result<Option<Place>> {
    type Row = (String, String, Option<String>, Option<OrgUnitId>, Option<TeamId>, Option<PersonId>, Option<PersonId>);
    let row: Option<Row> = tx.opt("SELECT number, title, language, org_unit_id, team_id, assignee_id, accountable_id FROM desk_case WHERE case_id = ?1 AND workspace_id = ?2", params![case, workspace])?;
    let Some((number, title, language, org_unit, team, assignee, accountable)) = row else { return Ok(None) };
    let watchers = people(tx, "SELECT person_id FROM desk_watcher WHERE case_id = ?1 LIMIT ?2", case.0)?;
    let access = Access { org_unit, team, people: assignee.into_iter().chain(accountable).chain(watchers.iter().copied()).collect() };
    Ok(Some(Place { case, number, title, language, access, assignee, accountable, watchers }))
}

fn people(tx: &Tx<'_>, sql: &str, of: uuid::Uuid) -> Result<Vec<PersonId>> {
    Ok(tx.all::<(PersonId,)>(sql, params![of, MOST])?.into_iter().map(|row| row.0).collect())
}

/// The people behind a party: `assignee`, `accountable`, `watchers`, `team`, `lead` (or `team_lead`), `person:ID`,
/// `team:ID`, `role:KEY`; any other word is the key of a role.
pub fn behind(tx: &Tx<'_>, workspace: WorkspaceId, place: &Place, party: &str) -> Result<Vec<PersonId>> {
    let members = |team: TeamId| people(tx, "SELECT person_id FROM desk_member WHERE team_id = ?1 LIMIT ?2", team.0);
    Ok(match party.split_once(':') {
        Some(("person", id)) => id.parse().ok().into_iter().collect(),
        Some(("team", id)) => id.parse().ok().map(members).transpose()?.unwrap_or_default(),
        Some(("role", key)) => holders(tx, workspace, key, &place.access)?,
        Some(_) => Vec::new(),
        None => match party {
            "assignee" => place.assignee.into_iter().collect(),
            "accountable" => place.accountable.into_iter().collect(),
            "watchers" => place.watchers.clone(),
            "team" => place.access.team.map(members).transpose()?.unwrap_or_default(),
            "lead" | "team_lead" => leads(tx, workspace, &place.access)?,
            role => holders(tx, workspace, role, &place.access)?,
        },
    })
}

/// Those who hold a role and may read what has this access.
fn holders(tx: &Tx<'_>, workspace: WorkspaceId, role: &str, access: &Access) -> Result<Vec<PersonId>> {
    let rows: Vec<(PersonId, Json<Vec<Grant>>)> = tx.all("SELECT person_id, reads FROM desk_role WHERE workspace_id = ?1 AND role = ?2 ORDER BY person_id", params![workspace, role])?;
    let may = |person: PersonId, reads: &[Grant]| Scope::of(person, reads, "case.read").is_some_and(|scope| scope.sees(access));
    Ok(rows.into_iter().filter(|(person, Json(reads))| may(*person, reads)).map(|row| row.0).take(MOST).collect())
}

/// Who leads the team a case lies with: those whose say reaches just that far; failing them, those of its department;
/// failing them, those of the whole organisation. So an escalation always reaches somebody, and never everybody.
fn leads(tx: &Tx<'_>, workspace: WorkspaceId, access: &Access) -> Result<Vec<PersonId>> {
    let rows: Vec<(PersonId, Json<Vec<Reach>>)> = tx.all("SELECT person_id, leads FROM desk_lead WHERE workspace_id = ?1 ORDER BY person_id", params![workspace])?;
    let near = |reach: &Reach| match reach {
        Reach::Teams { teams } => access.team.filter(|team| teams.contains(team)).map(|_| 0),
        Reach::OrgUnits { units } => access.org_unit.filter(|unit| units.contains(unit)).map(|_| 1),
        Reach::Workspace => Some(2),
        Reach::Own => None,
    };
    let ranked: Vec<(u8, PersonId)> = rows.into_iter().filter_map(|(person, Json(reaches))| Some((reaches.iter().filter_map(near).min()?, person))).collect();
    let nearest = ranked.iter().map(|row| row.0).min();
    Ok(ranked.into_iter().filter(|row| Some(row.0) == nearest).map(|row| row.1).take(MOST).collect())
}

/// Keeps what a person holds from now on.
pub fn hold(tx: &Tx<'_>, workspace: WorkspaceId, told: &RightsChanged) -> Result<()> {
    // Old logs tell neither; identity tells everybody's rights anew at the start of a newer program.
    let (Some(grants), Some(roles)) = (&told.grants, &told.roles) else { return Ok(()) };
    tx.run("DELETE FROM desk_role WHERE person_id = ?1", params![told.person_id])?;
    tx.run("DELETE FROM desk_lead WHERE person_id = ?1", params![told.person_id])?;
    let reads: Vec<&Grant> = grants.iter().filter(|grant| grant.permission == "case.read").collect();
    for role in roles.iter().filter(|_| !reads.is_empty()) {
        tx.run("INSERT INTO desk_role (person_id, workspace_id, role, reads) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (person_id, role) DO NOTHING", params![told.person_id, workspace, role, Json(&reads)])?;
    }
    let leads: Vec<&Reach> = grants.iter().filter(|grant| grant.permission == LEADS).map(|grant| &grant.reach).collect();
    if !leads.is_empty() {
        tx.run("INSERT INTO desk_lead (person_id, workspace_id, leads) VALUES (?1, ?2, ?3)", params![told.person_id, workspace, Json(&leads)])?;
    }
    Ok(())
}
