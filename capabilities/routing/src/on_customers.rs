//! A customer's tier, as it is now: the queue serves their open cases by it, whatever it was when they came.

use shouwen_contracts::customers::CustomerEvent;
use shouwen_kernel::{CaseId, CustomerId, Result, WorkspaceId};
use shouwen_store::{Tx, params};

use crate::{queue, settings};

/// Digests what the register tells. A few statements for all of the customer's open cases, each served by their index.
pub fn handle(tx: &Tx<'_>, workspace: WorkspaceId, event: &CustomerEvent) -> Result<()> {
    let CustomerEvent::Saved(saved) = event else { return Ok(()) };
    tx.run(
        "INSERT INTO routing_customer (customer_id, workspace_id, tier) VALUES (?1, ?2, ?3) ON CONFLICT (customer_id) DO UPDATE SET tier = ?3",
        params![saved.customer_id, workspace, saved.tier],
    )?;
    tx.run("UPDATE routing_case SET tier = ?2 WHERE customer_id = ?1 AND open AND tier IS DISTINCT FROM ?2", params![saved.customer_id, saved.tier])?;
    let settings = settings::of(tx, workspace)?;
    for priority in ["urgent", "high", "normal", "low"].into_iter().filter(|_| !settings.tiers.is_empty()) {
        tx.run(
            "UPDATE routing_case SET place = ?3 WHERE customer_id = ?1 AND open AND priority = ?2 AND place IS DISTINCT FROM ?3",
            params![saved.customer_id, priority, queue::place(&settings, priority, saved.tier.as_deref())],
        )?;
    }
    Ok(())
}

/// The case has (another) customer.
pub fn given(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId, customer: Option<CustomerId>) -> Result<()> {
    let known: Option<(Option<String>,)> = match customer {
        Some(id) => tx.opt("SELECT tier FROM routing_customer WHERE customer_id = ?1", params![id])?,
        None => None,
    };
    let tier = known.and_then(|row| row.0);
    let row: Option<(Option<String>,)> = tx.opt("SELECT priority FROM routing_case WHERE case_id = ?1", params![case])?;
    let Some((priority,)) = row else { return Ok(()) };
    let place = queue::place(&settings::of(tx, workspace)?, priority.as_deref().unwrap_or("normal"), tier.as_deref());
    tx.run("UPDATE routing_case SET customer_id = ?2, tier = ?3, place = ?4 WHERE case_id = ?1", params![case, customer, tier, place])
}
