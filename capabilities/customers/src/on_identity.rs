//! The org units, as identity tells of them.

use shouwen_contracts::identity::IdentityEvent;
use shouwen_kernel::Result;
use shouwen_store::{Recorded, Subscription, Tx, params};

/// A projection: dropped and rebuilt from the log when its version rises.
pub(crate) const ORG_UNITS: Subscription =
    Subscription { name: "customers.org_units", version: 1, reset: Some(reset), kinds: &["org_unit.saved", "org_unit.deleted"], handle: project };

fn reset(tx: &Tx<'_>) -> Result<()> {
    tx.execute("DELETE FROM customer_org_unit", params![]).map(|_| ())
}

fn project(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    match recorded.event::<IdentityEvent>()? {
        Some(IdentityEvent::OrgUnitSaved(unit)) => tx
            .execute(
                "INSERT INTO customer_org_unit (id, workspace_id, name) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET name = ?3",
                params![unit.org_unit_id, recorded.workspace, unit.name],
            )
            .map(|_| ()),
        Some(IdentityEvent::OrgUnitDeleted(gone)) => tx.execute("DELETE FROM customer_org_unit WHERE id = ?1", params![gone.org_unit_id]).map(|_| ()),
        _ => Ok(()),
    }
}
