//! The register of customers: recognised senders go to intake, names are kept for display.

use shouwen_contracts::customers::CustomerEvent;
use shouwen_kernel::Result;
use shouwen_store::{Recorded, Subscription, Tx, params};

use crate::intake::intake;

/// Intake. Writes state, so it is never rebuilt.
pub const INTAKE: Subscription = Subscription { name: "casework.intake", version: 1, reset: None, kinds: &["customer.recognised"], handle: intake };

/// Names of customers.
pub const NAMES: Subscription = Subscription { name: "casework.customers", version: 1, reset: Some(reset), kinds: <CustomerEvent as shouwen_contracts::Event>::KINDS, handle: remember_name };

fn reset(tx: &Tx<'_>) -> Result<()> {
    tx.execute("DELETE FROM case_customer", params![])?;
    Ok(())
}

fn remember_name(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    const SAVE: &str = "INSERT INTO case_customer (id, workspace_id, name, language, region, tier) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO UPDATE SET name = ?3, language = ?4, region = ?5, tier = ?6";
    match recorded.event::<CustomerEvent>()? {
        // A known customer's event adds nothing; most mail is from known customers.
        Some(CustomerEvent::Recognised(e)) if e.created => {
            tx.execute(SAVE, params![e.customer_id, recorded.workspace, e.name, e.language, e.region, e.tier])?;
        }
        Some(CustomerEvent::Saved(e)) => {
            tx.execute(SAVE, params![e.customer_id, recorded.workspace, e.name, e.language, e.region, e.tier])?;
        }
        Some(CustomerEvent::Merged(e)) => {
            tx.execute("UPDATE case_customer SET merged_into = ?2 WHERE id = ?1", params![e.customer_id, e.into])?;
        }
        Some(CustomerEvent::Unmerged(e)) => {
            tx.execute("UPDATE case_customer SET merged_into = NULL WHERE id = ?1", params![e.customer_id])?;
        }
        _ => {}
    }
    Ok(())
}
