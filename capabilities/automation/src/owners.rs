//! Whose rights bound rules, kept up to date: a rule sees and does no more than its owner may.

use serde_json::json;
use shouwen_contracts::identity::IdentityEvent;
use shouwen_kernel::{ObjectId, PersonId, Result, WorkspaceId};
use shouwen_store::{Ctx, Json, Tx, params};
use shouwen_web::Viewer;

use crate::loaded;

/// The events read.
pub const KINDS: &[&str] = &["person.saved", "person.rights_changed"];
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
