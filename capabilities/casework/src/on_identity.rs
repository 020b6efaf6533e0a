//! People, teams and org units, as far as cases show them.

use shouwen_contracts::Event;
use shouwen_contracts::identity::IdentityEvent;
use shouwen_kernel::Result;
use shouwen_store::{Recorded, Subscription, Tx, params};

/// The projection of names.
pub const SUBSCRIPTION: Subscription = Subscription { name: "casework.identity", version: 1, reset: Some(reset), kinds: IdentityEvent::KINDS, handle };

fn reset(tx: &Tx<'_>) -> Result<()> {
    for table in ["case_person", "case_team", "case_member", "case_org_unit"] {
        tx.run(&format!("DELETE FROM {table}"), params![])?;
    }
    Ok(())
}

fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(event) = recorded.event::<IdentityEvent>()? else { return Ok(()) };
    let workspace = recorded.workspace;
    match event {
        IdentityEvent::PersonSaved(e) => {
            tx.run(
                "INSERT INTO case_person (id, workspace_id, name, active) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE SET name = ?3, active = ?4",
                params![e.person_id, workspace, e.name, e.active],
            )?;
            tx.run("DELETE FROM case_member WHERE person_id = ?1", params![e.person_id])?;
            for team in e.teams {
                tx.run("INSERT INTO case_member (team_id, person_id, workspace_id) VALUES (?1, ?2, ?3) ON CONFLICT (team_id, person_id) DO NOTHING", params![team, e.person_id, workspace])?;
            }
        }
        IdentityEvent::TeamSaved(e) => {
            tx.run(
                "INSERT INTO case_team (id, workspace_id, name, org_unit_id) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE SET name = ?3, org_unit_id = ?4",
                params![e.team_id, workspace, e.name, e.org_unit_id],
            )?;
        }
        IdentityEvent::TeamDeleted(e) => {
            tx.run("DELETE FROM case_team WHERE id = ?1", params![e.team_id])?;
            tx.run("DELETE FROM case_member WHERE team_id = ?1", params![e.team_id])?;
        }
        IdentityEvent::OrgUnitSaved(e) => {
            tx.run(
                "INSERT INTO case_org_unit (id, workspace_id, name) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET name = ?3",
                params![e.org_unit_id, workspace, e.name],
            )?;
        }
        IdentityEvent::OrgUnitDeleted(e) => {
            tx.run("DELETE FROM case_org_unit WHERE id = ?1", params![e.org_unit_id])?;
        }
        IdentityEvent::PersonStatus(_) | IdentityEvent::RightsChanged(_) => {}
    }
    Ok(())
}
