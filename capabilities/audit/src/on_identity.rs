//! The people, as identity tells of them.

use shouwen_contracts::identity::IdentityEvent;
use shouwen_kernel::Result;
use shouwen_store::{Recorded, Subscription, Tx, params};

/// A projection: dropped and rebuilt from the log when its version rises.
pub(crate) const PEOPLE: Subscription = Subscription { name: "audit.people", version: 1, reset: Some(reset), kinds: &["person.saved"], handle: project };

fn reset(tx: &Tx<'_>) -> Result<()> {
    tx.execute("DELETE FROM audit_person", params![]).map(|_| ())
}

fn project(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(IdentityEvent::PersonSaved(person)) = recorded.event::<IdentityEvent>()? else { return Ok(()) };
    tx.execute(
        "INSERT INTO audit_person (id, workspace_id, name, org_unit_id) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE SET name = ?3, org_unit_id = ?4",
        params![person.person_id, recorded.workspace, person.name, person.org_unit_id],
    )
    .map(|_| ())
}
