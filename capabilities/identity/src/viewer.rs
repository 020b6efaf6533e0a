//! What the desk wants to know of the person who is looking.

use serde::Serialize;
use shouwen_kernel::{OrgUnitId, PersonId, Result, TeamId, WorkspaceId};
use shouwen_store::{Position, Tx, params};
use shouwen_web::Viewer;

use crate::assignment::rights;

/// An object by id and name.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TeamRef {
    id: TeamId,
    name: String,
}

/// An org unit by id and name.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct OrgUnitRef {
    id: OrgUnitId,
    name: String,
}

/// The person themselves.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Me {
    pub id: PersonId,
    pub name: String,
    pub email: String,
    pub locale: String,
    pub time_zone: String,
    /// `online`, `busy`, `away` or `offline`.
    pub status: String,
    /// Whatever the desk keeps for them.
    #[schema(value_type = Object)]
    pub preferences: serde_json::Value,
}

/// The workspace by id and name.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct WorkspaceRef {
    id: WorkspaceId,
    name: String,
    time_zone: String,
}

/// The second factor.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Mfa {
    pub enrolled: bool,
    /// A role of theirs demands it; until it is enrolled only the enrolment answers.
    pub required: bool,
}

/// The signed-in person.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ViewerAnswer {
    pub person: Me,
    workspace: WorkspaceRef,
    /// Codes held at any reach.
    permissions: Vec<String>,
    teams: Vec<TeamRef>,
    org_unit: Option<OrgUnitRef>,
    pub mfa: Mfa,
    /// The position of the log now; the live connection starts here.
    #[schema(value_type = String)]
    position: Position,
}

/// The answer about a person; `viewer` narrows the permissions to what a token has.
pub(crate) fn answer(tx: &Tx<'_>, workspace: WorkspaceId, person: PersonId, viewer: Option<&Viewer>) -> Result<ViewerAnswer> {
    let row = crate::person_row::load(tx, workspace, person)?;
    let (preferences,): (serde_json::Value,) = tx.one("SELECT preferences FROM identity_person WHERE id = ?1", params![person])?;
    let rights = rights(tx, person, row.org_unit_id)?;
    let required = crate::workspace::demands_mfa(tx, workspace, &rights.roles)?;
    let mut permissions: Vec<String> = viewer.map_or_else(|| rights.grants.into_iter().map(|g| g.permission).collect(), Viewer::permissions);
    permissions.sort();
    permissions.dedup();
    let teams: Vec<(TeamId, String)> = tx.all(
        "SELECT t.id, t.name FROM identity_team_member m JOIN identity_team t ON t.id = m.team_id WHERE m.person_id = ?1 ORDER BY t.id",
        params![person],
    )?;
    let org_unit = match row.org_unit_id {
        Some(id) => tx.opt::<(String,)>("SELECT name FROM identity_org_unit WHERE id = ?1", params![id])?.map(|(name,)| OrgUnitRef { id, name }),
        None => None,
    };
    let (name, time_zone, _) = crate::workspace::load(tx, workspace)?;
    Ok(ViewerAnswer {
        person: Me { id: person, email: tx.keys().open_address(&row.email_sealed)?, name: row.name, locale: row.locale, time_zone: row.time_zone, status: row.status, preferences },
        workspace: WorkspaceRef { id: workspace, name, time_zone },
        permissions,
        teams: teams.into_iter().map(|(id, name)| TeamRef { id, name }).collect(),
        org_unit,
        mfa: Mfa { enrolled: row.mfa, required },
        position: tx.log_head()?,
    })
}
