//! Who is meant by a role, a team or a name; names for pages; the units of regions.

use shouwen_contracts::identity::IdentityEvent;
use shouwen_kernel::{OrgUnitId, PersonId, Reach, Result, TeamId, WorkspaceId};
use shouwen_rules::Party;
use shouwen_store::{Json, Recorded, Tx, params};

use crate::regions;

/// The events read.
pub const KINDS: &[&str] = &["person.saved", "person.rights_changed", "team.saved", "team.deleted", "org_unit.saved", "org_unit.deleted"];
/// More people than this are not told of one thing.
const MOST: usize = 200;

/// Digests one event.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let workspace = recorded.workspace;
    match recorded.event::<IdentityEvent>()? {
        Some(IdentityEvent::PersonSaved(p)) => {
            tx.run(
                "INSERT INTO warning_staff (person_id, workspace_id, name, active, locale, org_unit_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (person_id) DO UPDATE SET name = ?3, active = ?4, locale = ?5, org_unit_id = ?6",
                params![p.person_id, workspace, p.name, p.active, p.locale, p.org_unit_id],
            )?;
            tx.run("DELETE FROM warning_team_member WHERE person_id = ?1", params![p.person_id])?;
            for team in &p.teams {
                tx.run("INSERT INTO warning_team_member (team_id, person_id) VALUES (?1, ?2) ON CONFLICT (team_id, person_id) DO NOTHING", params![team, p.person_id])?;
            }
            Ok(())
        }
        Some(IdentityEvent::RightsChanged(r)) => {
            if let Some(grants) = &r.grants {
                tx.run("DELETE FROM warning_reader WHERE person_id = ?1", params![r.person_id])?;
                if grants.iter().any(|g| g.permission == "warning.read" && g.reach == Reach::Workspace) {
                    tx.run("INSERT INTO warning_reader (person_id, workspace_id) VALUES (?1, ?2)", params![r.person_id, workspace])?;
                }
            }
            let Some(roles) = r.roles else { return Ok(()) };
            tx.run("DELETE FROM warning_role WHERE person_id = ?1", params![r.person_id])?;
            for role in roles {
                tx.run("INSERT INTO warning_role (workspace_id, role, person_id) VALUES (?1, ?2, ?3) ON CONFLICT (workspace_id, role, person_id) DO NOTHING", params![workspace, role, r.person_id])?;
            }
            Ok(())
        }
        Some(IdentityEvent::TeamSaved(t)) => {
            tx.run("INSERT INTO warning_team (team_id, workspace_id, name) VALUES (?1, ?2, ?3) ON CONFLICT (team_id) DO UPDATE SET name = ?3", params![t.team_id, workspace, t.name])
        }
        Some(IdentityEvent::TeamDeleted(t)) => {
            tx.run("DELETE FROM warning_team WHERE team_id = ?1", params![t.team_id])?;
            tx.run("DELETE FROM warning_team_member WHERE team_id = ?1", params![t.team_id])
        }
        Some(IdentityEvent::OrgUnitSaved(u)) => tx.run(
            "INSERT INTO warning_unit (org_unit_id, workspace_id, name, region_code, path) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (org_unit_id) DO UPDATE SET name = ?3, region_code = ?4, path = ?5",
            params![u.org_unit_id, workspace, u.name, u.region_code, Json(&u.path)],
        ),
        Some(IdentityEvent::OrgUnitDeleted(u)) => tx.run("DELETE FROM warning_unit WHERE org_unit_id = ?1", params![u.org_unit_id]),
        _ => Ok(()),
    }
}

/// The active people behind `role:KEY`, `role:KEY@region`, `team:NAME`, `person:ID`; each once, in the order named.
pub fn meant(tx: &Tx<'_>, workspace: WorkspaceId, parties: &[String], region: Option<&str>) -> Result<Vec<PersonId>> {
    let mut people: Vec<PersonId> = Vec::new();
    for party in parties {
        let found: Vec<PersonId> = match party.parse::<Party>() {
            Ok(Party::Person(id)) => id.parse().into_iter().collect(),
            Ok(Party::Role(key)) => {
                let (role, at_region) = key.strip_suffix("@region").map_or((key.as_str(), false), |role| (role, true));
                let all = column(tx.all("SELECT person_id FROM warning_role WHERE workspace_id = ?1 AND role = ?2 ORDER BY person_id", params![workspace, role])?);
                let unit = if at_region { regions::unit(tx, workspace, region)? } else { None };
                let local = match unit {
                    Some(unit) => below(tx, unit, &all)?,
                    None => Vec::new(),
                };
                // A region nobody of that role belongs to: those who see everything anyway, before those of other regions.
                let whole = if at_region && local.is_empty() { who_read_all(tx, workspace, all.clone())? } else { Vec::new() };
                [local, whole].into_iter().find(|people| !people.is_empty()).unwrap_or(all)
            }
            Ok(Party::Team(name)) => {
                let team = match name.parse::<TeamId>() {
                    Ok(id) => Some(id),
                    Err(_) => tx.opt::<(TeamId,)>("SELECT team_id FROM warning_team WHERE workspace_id = ?1 AND name = ?2 ORDER BY team_id LIMIT 1", params![workspace, name])?.map(|row| row.0),
                };
                match team {
                    Some(team) => column(tx.all("SELECT person_id FROM warning_team_member WHERE team_id = ?1 ORDER BY person_id", params![team])?),
                    None => Vec::new(),
                }
            }
            _ => Vec::new(),
        };
        for person in found {
            if !people.contains(&person) && is_active(tx, workspace, person)? && people.len() < MOST {
                people.push(person);
            }
        }
    }
    Ok(people)
}

/// Those of `people` who may read warnings in the whole workspace.
pub fn who_read_all(tx: &Tx<'_>, workspace: WorkspaceId, people: Vec<PersonId>) -> Result<Vec<PersonId>> {
    let all = column(tx.all("SELECT person_id FROM warning_reader WHERE workspace_id = ?1", params![workspace])?);
    Ok(people.into_iter().filter(|p| all.contains(p)).collect())
}

/// Whom a crisis convenes: the group that was set; where it means nobody, managers, then administrators stand in. And
/// whether they stand in.
pub fn rapid_group(tx: &Tx<'_>, workspace: WorkspaceId, parties: &[String]) -> Result<(Vec<PersonId>, bool)> {
    let group = meant(tx, workspace, parties, None)?;
    if !group.is_empty() {
        return Ok((group, false));
    }
    for role in ["role:manager", "role:administrator"] {
        let found = meant(tx, workspace, &[role.to_owned()], None)?;
        if !found.is_empty() {
            return Ok((found, true));
        }
    }
    Ok((Vec::new(), true))
}

fn column(rows: Vec<(PersonId,)>) -> Vec<PersonId> {
    rows.into_iter().map(|row| row.0).collect()
}

/// Those of `people` who belong to a unit or one below it.
fn below(tx: &Tx<'_>, unit: OrgUnitId, people: &[PersonId]) -> Result<Vec<PersonId>> {
    let mut found = Vec::new();
    for person in people {
        let path: Option<(Json<Vec<OrgUnitId>>,)> =
            tx.opt("SELECT u.path FROM warning_staff AS s JOIN warning_unit AS u ON u.org_unit_id = s.org_unit_id WHERE s.person_id = ?1", params![person])?;
        if path.is_some_and(|(Json(path),)| path.contains(&unit)) {
            found.push(*person);
        }
    }
    Ok(found)
}

/// Whether somebody works here.
pub fn is_active(tx: &Tx<'_>, workspace: WorkspaceId, person: PersonId) -> Result<bool> {
    Ok(tx.opt::<(bool,)>("SELECT active FROM warning_staff WHERE person_id = ?1 AND workspace_id = ?2", params![person, workspace])?.is_some_and(|row| row.0))
}

/// Somebody by name, as pages show them.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = WarningPerson)]
pub struct Named {
    pub id: PersonId,
    pub name: String,
}

/// Their name; empty when nothing is known of them.
pub fn named(tx: &Tx<'_>, person: PersonId) -> Result<Named> {
    let name: Option<(String,)> = tx.opt("SELECT name FROM warning_staff WHERE person_id = ?1", params![person])?;
    Ok(Named { id: person, name: name.map(|row| row.0).unwrap_or_default() })
}

/// The same for somebody there may be.
pub fn named_if(tx: &Tx<'_>, person: Option<PersonId>) -> Result<Option<Named>> {
    person.map(|p| named(tx, p)).transpose()
}
