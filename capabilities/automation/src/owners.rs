//! Whose rights bound rules, kept up to date: a rule sees and does no more than its owner may.

use serde_json::json;
use shouwen_contracts::identity::IdentityEvent;
use shouwen_kernel::{Access, Grant, ObjectId, PersonId, Reach, Result, Scope, WorkspaceId};
use shouwen_store::{Ctx, Json, Tx, params};
use shouwen_web::Viewer;

use crate::loaded;

/// The events read.
pub const KINDS: &[&str] = &["person.saved", "person.rights_changed"];
/// Whoever may do this for a team leads it.
const LEADS: &str = "case.accountability";
/// Why a rule was switched off.
pub const OWNER_GONE: &str = "owner_gone";

/// Keeps what somebody holds who has just saved a rule.
pub fn note(tx: &Tx<'_>, viewer: &Viewer) -> Result<()> {
    tx.run(
        "INSERT INTO rule_owner (person_id, workspace_id, name, active, grants, seen_at) VALUES (?1, ?2, ?3, TRUE, ?4, ?5)
         ON CONFLICT (person_id) DO UPDATE SET name = ?3, active = TRUE, grants = ?4, seen_at = ?5",
        params![viewer.person, viewer.workspace, viewer.name, Json(&viewer.grants), tx.now()],
    )
}

/// A person changed.
pub fn handle(tx: &Tx<'_>, workspace: WorkspaceId, event: IdentityEvent) -> Result<()> {
    match event {
        IdentityEvent::RightsChanged(r) => {
            let Some(grants) = r.grants else { return Ok(()) };
            hold(tx, workspace, r.person_id, &grants, &r.roles.unwrap_or_default())?;
            if tx.execute("UPDATE rule_owner SET grants = ?2, seen_at = ?3 WHERE person_id = ?1", params![r.person_id, Json(&grants), tx.now()])? > 0 {
                loaded::outdate();
            }
            Ok(())
        }
        IdentityEvent::PersonSaved(p) => {
            if tx.execute("UPDATE rule_owner SET name = ?2, active = ?3 WHERE person_id = ?1", params![p.person_id, p.name, p.active])? > 0 {
                loaded::outdate();
                if !p.active {
                    return switch_off(tx, workspace, p.person_id);
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Who stands behind `role:KEY`, and which cases they may read: nobody is told of a case they may not see.
fn hold(tx: &Tx<'_>, workspace: WorkspaceId, person: PersonId, grants: &[Grant], roles: &[String]) -> Result<()> {
    tx.run("DELETE FROM rule_role WHERE person_id = ?1", params![person])?;
    tx.run("DELETE FROM rule_lead WHERE person_id = ?1", params![person])?;
    let reads: Vec<&Grant> = grants.iter().filter(|grant| grant.permission == "case.read").collect();
    let leads: Vec<&Reach> = grants.iter().filter(|grant| grant.permission == LEADS).map(|grant| &grant.reach).collect();
    if !leads.is_empty() {
        tx.run("INSERT INTO rule_lead (person_id, workspace_id, leads, reads) VALUES (?1, ?2, ?3, ?4)", params![person, workspace, Json(&leads), Json(&reads)])?;
    }
    for role in roles.iter().filter(|_| !reads.is_empty()) {
        tx.run("INSERT INTO rule_role (workspace_id, role, person_id, reads) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (workspace_id, role, person_id) DO UPDATE SET reads = ?4", params![workspace, role, person, Json(&reads)])?;
    }
    Ok(())
}

/// Those who hold a role and may read an object.
pub fn holders(tx: &Tx<'_>, workspace: WorkspaceId, role: &str, access: &Access) -> Result<Vec<PersonId>> {
    let rows: Vec<(PersonId, Json<Vec<Grant>>)> = tx.all("SELECT person_id, reads FROM rule_role WHERE workspace_id = ?1 AND role = ?2 ORDER BY person_id", params![workspace, role])?;
    Ok(rows.into_iter().filter(|(person, Json(reads))| Scope::of(*person, reads, "case.read").is_some_and(|scope| scope.sees(access))).map(|row| row.0).collect())
}

/// Who leads the team a case lies with: those whose say reaches just that far; failing them, those of its department;
/// failing them, those of the whole organisation. Only who may read the case.
pub fn leads(tx: &Tx<'_>, workspace: WorkspaceId, access: &Access) -> Result<Vec<PersonId>> {
    let rows: Vec<(PersonId, Json<Vec<Reach>>, Json<Vec<Grant>>)> = tx.all("SELECT person_id, leads, reads FROM rule_lead WHERE workspace_id = ?1 ORDER BY person_id", params![workspace])?;
    let near = |reach: &Reach| match reach {
        Reach::Teams { teams } => access.team.filter(|team| teams.contains(team)).map(|_| 0),
        Reach::OrgUnits { units } => access.org_unit.filter(|unit| units.contains(unit)).map(|_| 1),
        Reach::Workspace => Some(2),
        Reach::Own => None,
    };
    let ranked: Vec<(u8, PersonId)> = rows
        .into_iter()
        .filter(|(person, _, Json(reads))| Scope::of(*person, reads, "case.read").is_some_and(|scope| scope.sees(access)))
        .filter_map(|(person, Json(reaches), _)| Some((reaches.iter().filter_map(near).min()?, person)))
        .collect();
    let nearest = ranked.iter().map(|row| row.0).min();
    Ok(ranked.into_iter().filter(|row| Some(row.0) == nearest).map(|row| row.1).collect())
}

/// The owner is gone: nobody answers for the rules any more, so they rest until somebody takes them over by saving them.
fn switch_off(tx: &Tx<'_>, workspace: WorkspaceId, owner: PersonId) -> Result<()> {
    let rules: Vec<(ObjectId, String)> = tx.all("SELECT id, key FROM rule_rule WHERE owner_id = ?1 AND enabled", params![owner])?;
    let ctx = Ctx::system(workspace, "rules");
    for (id, key) in rules {
        tx.run("UPDATE rule_rule SET enabled = FALSE, off_reason = ?2, updated_at = ?3, version = version + 1 WHERE id = ?1", params![id, OWNER_GONE, tx.now()])?;
        tx.audit(&ctx, "rule.switched_off", "rule", Some(id.0), Some(json!({ "key": key, "reason": OWNER_GONE })))?;
    }
    Ok(())
}
