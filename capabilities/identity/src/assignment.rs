//! Roles given to people, and what grants come of them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shouwen_contracts::identity::{IdentityEvent, RightsChanged};
use shouwen_kernel::{Grant, ObjectId, OrgUnitId, PersonId, Problem, Reach, Result, RoleId, TeamId, WorkspaceId};
use shouwen_store::{Ctx, FromValue, Json, ToValue, Tx, Value, params};
use shouwen_web::Viewer;

/// How far a role given to a person reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReachKind {
    /// The whole workspace.
    Workspace,
    /// An org unit with everything below it; without an id, the person's own.
    OrgUnit,
    /// A team; without an id, the person's own teams.
    Team,
    /// Only what the person has to do with.
    Own,
}

impl ToValue for ReachKind {
    fn to_value(&self) -> Value {
        Value::Text(match self { Self::Workspace => "workspace", Self::OrgUnit => "org_unit", Self::Team => "team", Self::Own => "own" }.to_owned())
    }
}
impl FromValue for ReachKind {
    fn from_value(value: &Value) -> Result<Self> {
        let text = String::from_value(value)?;
        serde_json::from_value(text.clone().into()).map_err(|_| Problem::internal(format!("`{text}` is no reach of a role")))
    }
}

/// A role with its reach, as people have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assigned {
    pub role_id: RoleId,
    pub reach: ReachKind,
    /// With reach `org_unit`: which one; absent: the person's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_unit_id: Option<OrgUnitId>,
    /// With reach `team`: which one; absent: the person's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_id: Option<TeamId>,
}

/// What a person may do, and through which roles (keys and ids, for the second-factor rule).
#[derive(Default)]
pub(crate) struct Rights {
    pub grants: Vec<Grant>,
    pub roles: BTreeSet<String>,
}

type Held = (RoleId, Option<String>, Json<Vec<String>>, ReachKind, Option<OrgUnitId>, Option<TeamId>);

/// The rights of a person, with org units widened to everything below them.
pub(crate) fn rights(tx: &Tx<'_>, person: PersonId, own_unit: Option<OrgUnitId>) -> Result<Rights> {
    let held: Vec<Held> = tx.all(
        "SELECT r.id, r.key, r.permissions, a.reach, a.org_unit_id, a.team_id FROM identity_assignment a JOIN identity_role r ON r.id = a.role_id WHERE a.person_id = ?1",
        params![person],
    )?;
    let mut out = Rights::default();
    let mut own_teams = None;
    let mut subtrees: BTreeMap<OrgUnitId, BTreeSet<OrgUnitId>> = BTreeMap::new();
    for (role, key, Json(permissions), kind, unit, team) in held {
        out.roles.insert(role.to_string());
        out.roles.extend(key);
        let reach = match kind {
            ReachKind::Workspace => Reach::Workspace,
            ReachKind::Own => Reach::Own,
            ReachKind::OrgUnit => match unit.or(own_unit) {
                None => Reach::Own,
                Some(top) => {
                    let units = match subtrees.entry(top) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(free) => free.insert(subtree(tx, top)?),
                    };
                    Reach::OrgUnits { units: units.clone() }
                }
            },
            ReachKind::Team => match team {
                Some(team) => Reach::Teams { teams: [team].into() },
                None => {
                    if own_teams.is_none() {
                        own_teams = Some(crate::team::teams_of(tx, person)?.into_iter().collect::<BTreeSet<_>>());
                    }
                    Reach::Teams { teams: own_teams.clone().unwrap_or_default() }
                }
            },
        };
        out.grants.extend(permissions.into_iter().map(|permission| Grant { permission, reach: reach.clone() }));
    }
    Ok(out)
}

/// A unit and everything below it.
fn subtree(tx: &Tx<'_>, top: OrgUnitId) -> Result<BTreeSet<OrgUnitId>> {
    Ok(tx.all::<(OrgUnitId,)>("SELECT unit_id FROM identity_org_path WHERE ancestor_id = ?1", params![top])?.into_iter().map(|row| row.0).collect())
}

/// The roles of a person, in the order they were given.
pub(crate) fn assigned_to(tx: &Tx<'_>, person: PersonId) -> Result<Vec<Assigned>> {
    let rows: Vec<(RoleId, ReachKind, Option<OrgUnitId>, Option<TeamId>)> =
        tx.all("SELECT role_id, reach, org_unit_id, team_id FROM identity_assignment WHERE person_id = ?1 ORDER BY id", params![person])?;
    Ok(rows.into_iter().map(|(role_id, reach, org_unit_id, team_id)| Assigned { role_id, reach, org_unit_id, team_id }).collect())
}

/// The roles of several people; `places` are the parameters that `ids` fill.
pub(crate) fn assigned_to_all(tx: &Tx<'_>, places: &str, ids: &[Value]) -> Result<BTreeMap<PersonId, Vec<Assigned>>> {
    type Row = (PersonId, RoleId, ReachKind, Option<OrgUnitId>, Option<TeamId>);
    let rows: Vec<Row> =
        tx.all(&format!("SELECT person_id, role_id, reach, org_unit_id, team_id FROM identity_assignment WHERE person_id IN ({places}) ORDER BY id"), ids)?;
    let mut out: BTreeMap<PersonId, Vec<Assigned>> = BTreeMap::new();
    for (person, role_id, reach, org_unit_id, team_id) in rows {
        out.entry(person).or_default().push(Assigned { role_id, reach, org_unit_id, team_id });
    }
    Ok(out)
}

/// Replaces the roles of a person.
pub(crate) fn assign(tx: &Tx<'_>, workspace: WorkspaceId, person: PersonId, roles: &[Assigned]) -> Result<()> {
    if roles.len() > 50 {
        return Err(Problem::invalid("roles", format!("{} roles for one person", roles.len())).expected("at most 50"));
    }
    tx.execute("DELETE FROM identity_assignment WHERE person_id = ?1", params![person])?;
    for (i, assigned) in roles.iter().enumerate() {
        insert(tx, workspace, person, assigned).map_err(|p| if p.field.is_some() { p.field(format!("roles[{i}]")) } else { p })?;
    }
    Ok(())
}

fn insert(tx: &Tx<'_>, workspace: WorkspaceId, person: PersonId, assigned: &Assigned) -> Result<()> {
    let wrong = |message: &str, right: &str| Err(Problem::invalid("roles", message).expected(right));
    if crate::role::find(tx, workspace, assigned.role_id)?.is_none() {
        return wrong("there is no such role", "an id from /api/v1/roles");
    }
    match assigned.reach {
        ReachKind::Workspace | ReachKind::Own if assigned.org_unit_id.is_some() || assigned.team_id.is_some() => return wrong("this reach takes neither an org unit nor a team", "reach `org_unit` or `team` with an id"),
        ReachKind::OrgUnit if assigned.team_id.is_some() => return wrong("reach `org_unit` takes no team", "org_unit_id"),
        ReachKind::Team if assigned.org_unit_id.is_some() => return wrong("reach `team` takes no org unit", "team_id"),
        _ => {}
    }
    if let Some(unit) = assigned.org_unit_id {
        crate::org_unit::must_exist(tx, workspace, unit)?;
    }
    if let Some(team) = assigned.team_id {
        crate::team::must_exist(tx, workspace, team)?;
    }
    tx.execute(
        "INSERT INTO identity_assignment (id, workspace_id, person_id, role_id, reach, org_unit_id, team_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![tx.id::<ObjectId>(), workspace, person, assigned.role_id, assigned.reach, assigned.org_unit_id, assigned.team_id],
    )?;
    Ok(())
}

/// Gives a person the role with this key, for seeding and the command line.
pub fn grant_role(tx: &Tx<'_>, ctx: &Ctx, person: PersonId, role_key: &str, reach: ReachKind, org_unit: Option<OrgUnitId>, team: Option<TeamId>) -> Result<()> {
    let role = crate::role::by_key(tx, ctx.workspace, role_key)?
        .ok_or_else(|| Problem::invalid("role", format!("there is no role `{}`", shouwen_kernel::text::clip(role_key, 40))).expected(crate::builtin::keys().join(", ")))?;
    let assigned = Assigned { role_id: role, reach, org_unit_id: org_unit, team_id: team };
    if assigned_to(tx, person)?.contains(&assigned) {
        return Ok(());
    }
    insert(tx, ctx.workspace, person, &assigned)?;
    tx.audit(ctx, "person.role_given", "person", Some(person.0), Some(serde_json::json!({ "role": role_key, "reach": reach })))?;
    changed(tx, ctx, person)
}

/// Tells open connections to look again at what this person may see, and what that is now.
pub(crate) fn changed(tx: &Tx<'_>, ctx: &Ctx, person: PersonId) -> Result<()> {
    let row: Option<(Option<OrgUnitId>, bool)> = tx.opt("SELECT org_unit_id, active FROM identity_person WHERE id = ?1", params![person])?;
    let held = match row {
        Some((unit, true)) => rights(tx, person, unit)?,
        _ => Rights::default(),
    };
    let told = RightsChanged { person_id: person, grants: Some(held.grants), roles: Some(held.roles.into_iter().collect()) };
    tx.emit::<IdentityEvent>(ctx, Some(person.0), Some(&crate::person::access_of(tx, person)?), told)
}

/// Nobody gives, or takes over, more than they hold: every grant must lie inside the viewer's own.
pub(crate) fn must_cover(tx: &Tx<'_>, viewer: &Viewer, grants: &[Grant]) -> Result<()> {
    for grant in grants {
        let inside = match viewer.scope(&grant.permission) {
            None => false,
            Some(scope) if scope.all => true,
            Some(scope) => match &grant.reach {
                Reach::Workspace => false,
                Reach::Own => true,
                Reach::OrgUnits { units } => units.is_subset(&scope.org_units),
                Reach::Teams { teams } => {
                    let mut all = true;
                    for team in teams {
                        all &= scope.teams.contains(team) || crate::team::unit_of(tx, *team)?.is_some_and(|unit| scope.org_units.contains(&unit));
                    }
                    all
                }
            },
        };
        if !inside {
            return Err(Problem::new(shouwen_kernel::Kind::Forbidden, "forbidden.exceeds", format!("this person holds or would get `{}` further than you hold it yourself", grant.permission))
                .expected("somebody whose own roles reach at least as far"));
        }
    }
    Ok(())
}
