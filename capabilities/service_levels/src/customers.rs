//! What service levels need to know of customers: their tier and region. When one changes, the customer's open cases are held
//! to the level that applies now.

use serde_json::json;
use shouwen_contracts::customers::CustomerEvent;
use shouwen_kernel::{CaseId, CustomerId, Result};
use shouwen_store::{Ctx, Recorded, Subscription, Timer, Tx, params};

use crate::on_cases;

/// Asks for the customer's cases to be looked at, so it is not rebuilt.
pub const SUBSCRIPTION: Subscription = Subscription { name: "service_levels.customers", version: 1, reset: None, kinds: &["customer.saved"], handle };
/// The cases of a customer of another tier or region.
pub const KIND: &str = "clock.customer";
const CHUNK: usize = 200;

/// Tier and region, as the case's facts name them.
pub type Standing = (Option<String>, Option<String>);

/// What is known of a customer.
pub fn standing(tx: &Tx<'_>, customer: CustomerId) -> Result<Option<Standing>> {
    tx.opt("SELECT tier, region FROM clock_customer WHERE customer_id = ?1", params![customer])
}

fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(CustomerEvent::Saved(saved)) = recorded.event::<CustomerEvent>()? else { return Ok(()) };
    let before = standing(tx, saved.customer_id)?.unwrap_or_default();
    tx.run(
        "INSERT INTO clock_customer (customer_id, workspace_id, region, tier) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (customer_id) DO UPDATE SET region = ?3, tier = ?4",
        params![saved.customer_id, recorded.workspace, saved.region, saved.tier],
    )?;
    if before == (saved.tier, saved.region) {
        return Ok(());
    }
    tx.set_timer(recorded.workspace, KIND, &saved.customer_id.to_string(), tx.now(), &json!({ "customer": saved.customer_id, "after": CaseId::NIL }))
}

/// Looks at a chunk of a customer's cases again.
pub fn run(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let customer: CustomerId = serde_json::from_value(timer.payload["customer"].clone())?;
    let after: CaseId = serde_json::from_value(timer.payload["after"].clone())?;
    let Some(standing) = standing(tx, customer)? else { return Ok(()) };
    let cases: Vec<(CaseId,)> = tx.all("SELECT case_id FROM clock_case WHERE customer_id = ?1 AND case_id > ?2 ORDER BY case_id LIMIT ?3", params![customer, after, CHUNK])?;
    let ctx = Ctx::system(timer.workspace, "clock");
    for (case,) in &cases {
        on_cases::stands(tx, &ctx, *case, &standing)?;
    }
    match cases.last() {
        Some((last,)) if cases.len() == CHUNK => tx.set_timer(timer.workspace, KIND, &timer.key, tx.now(), &json!({ "customer": customer, "after": last })),
        _ => Ok(()),
    }
}
