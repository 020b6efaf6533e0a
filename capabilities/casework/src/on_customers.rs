//! The register of customers: recognised senders go to intake, who joined by hand is matched, names are kept for display.

use shouwen_contracts::casework::CustomerSet;
use shouwen_contracts::customers::{CustomerEvent, Matched};
use shouwen_kernel::{Actor, CustomerId, OrgUnitId, PersonId, Result, Scope, WorkspaceId};
use shouwen_store::{Ctx, Recorded, ScopeColumns, Subscription, ToValue, Tx, Value, Watchers, params, scope_sql};

use crate::case::Case;
use crate::conversation::Conversation;
use crate::intake::intake;

/// Intake. Writes state, so it is never rebuilt.
pub const INTAKE: Subscription = Subscription { name: "casework.intake", version: 1, reset: None, kinds: &["customer.recognised"], handle: intake };

/// Who joined a conversation by hand is known now. Writes state, so it is never rebuilt.
pub const MATCHED: Subscription = Subscription { name: "casework.matched", version: 1, reset: None, kinds: &["customer.matched"], handle: matched };

/// Names of customers. Version 2: their units, and who made them. Version 3: their cases have their tier and region.
pub const NAMES: Subscription = Subscription { name: "casework.customers", version: 3, reset: Some(reset), kinds: <CustomerEvent as shouwen_contracts::Event>::KINDS, handle: remember_name };

fn reset(tx: &Tx<'_>) -> Result<()> {
    tx.run("DELETE FROM case_customer", params![])?;
    Ok(())
}

fn remember_name(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    // Who is told of first by a person was made by that person; later tellings are changes.
    const SAVE: &str = "INSERT INTO case_customer (id, workspace_id, name, language, region, tier, org_unit_id, made_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (id) DO UPDATE SET name = ?3, language = ?4, region = ?5, tier = ?6, org_unit_id = ?7";
    match recorded.event::<CustomerEvent>()? {
        // A known customer's event adds nothing; most mail is from known customers.
        Some(CustomerEvent::Recognised(e)) if e.created => {
            tx.run(SAVE, params![e.customer_id, recorded.workspace, e.name, e.language, e.region, e.tier, e.org_unit_id, None::<PersonId>])?;
        }
        Some(CustomerEvent::Saved(e)) => {
            let maker = match recorded.actor()? {
                Actor::Person { id, .. } => Some(id),
                _ => None,
            };
            tx.run(SAVE, params![e.customer_id, recorded.workspace, e.name, e.language, e.region, e.tier, e.org_unit_id, maker])?;
            // What gates and forms ask of a case is the customer as they are now, as for clocks, queues and lists.
            tx.run(
                "UPDATE case_case SET region = ?2, tier = ?3 WHERE customer_id = ?1 AND (region IS DISTINCT FROM ?2 OR tier IS DISTINCT FROM ?3)",
                params![e.customer_id, e.region, e.tier],
            )?;
        }
        Some(CustomerEvent::Merged(e)) => {
            tx.run("UPDATE case_customer SET merged_into = ?2 WHERE id = ?1", params![e.customer_id, e.into])?;
        }
        Some(CustomerEvent::Unmerged(e)) => {
            tx.run("UPDATE case_customer SET merged_into = NULL WHERE id = ?1", params![e.customer_id])?;
        }
        _ => {}
    }
    Ok(())
}

/// The participant is this customer. The case gets its customer, unless it has one; where the conversation moved to
/// another case meanwhile, that one too.
fn matched(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(CustomerEvent::Matched(event)) = recorded.event::<CustomerEvent>()? else { return Ok(()) };
    tx.run(
        "UPDATE case_participant SET customer_id = ?2 WHERE id = ?1 AND workspace_id = ?3 AND customer_id IS NULL",
        params![event.participant_id, event.customer_id, recorded.workspace],
    )?;
    let ctx = Ctx { workspace: recorded.workspace, actor: recorded.actor()?, ip: None };
    let now = Conversation::load(tx, recorded.workspace, event.conversation_id)?.map(|c| c.case_id).filter(|id| *id != event.case_id);
    let mut cases: Vec<_> = std::iter::once(event.case_id).chain(now).collect();
    // Locked in the order of ids, as merges do.
    cases.sort_unstable();
    for id in cases {
        if let Some(case) = Case::lock(tx, recorded.workspace, id)? {
            name_customer(tx, &ctx, case, &event)?;
        }
    }
    Ok(())
}

fn name_customer(tx: &Tx<'_>, ctx: &Ctx, mut case: Case, event: &Matched) -> Result<()> {
    if case.customer_id.is_some() {
        return Ok(());
    }
    case.customer_id = Some(event.customer_id);
    case.customer_name = Some(event.name.clone());
    case.emit(tx, ctx, CustomerSet { case_id: case.id, from: None, to: case.customer_id, name: case.customer_name.clone() })?;
    case.store(tx)?;
    stands(tx, &mut case)
}

/// Gives a case tier and region of the customer it has got.
pub fn stands(tx: &Tx<'_>, case: &mut Case) -> Result<()> {
    let known: Option<(Option<String>, Option<String>)> = tx.opt("SELECT region, tier FROM case_customer WHERE id = ?1", params![case.customer_id])?;
    let Some((region, tier)) = known else { return Ok(()) };
    (case.region, case.tier) = (region, tier);
    tx.run("UPDATE case_case SET region = ?2, tier = ?3 WHERE id = ?1", params![case.id, case.region, case.tier])
}

/// Whether a customer lies within the reach of `scope` (of `customer.read`), as the register itself decides: by their
/// unit, by their cases, and as long as there is neither, for whoever made them.
pub fn sees_customer(tx: &Tx<'_>, workspace: WorkspaceId, scope: &Scope, id: CustomerId) -> Result<bool> {
    let found: Option<(Option<OrgUnitId>, Option<PersonId>)> = tx.opt("SELECT org_unit_id, made_by FROM case_customer WHERE id = ?1 AND workspace_id = ?2", params![id, workspace])?;
    let Some((home, maker)) = found else { return Ok(false) };
    if scope.all || home.is_some_and(|home| scope.org_units.contains(&home)) {
        return Ok(true);
    }
    let columns = ScopeColumns {
        org_unit: Some("c.org_unit_id"),
        team: Some("c.team_id"),
        people: &["c.assignee_id", "c.accountable_id"],
        watchers: Some(Watchers { table: "case_watcher", object: "case_id", person: "person_id", id: "c.id" }),
    };
    let parts = "WITH RECURSIVE part (id) AS (SELECT id FROM case_customer WHERE id = ?1 UNION SELECT p.id FROM case_customer AS p JOIN part ON p.merged_into = part.id)";
    let (condition, more) = scope_sql(scope, &columns, 2);
    let mut values: Vec<Value> = vec![id.to_value()];
    values.extend(more);
    if tx.opt::<(i64,)>(&format!("{parts} SELECT 1 FROM part JOIN case_case AS c ON c.customer_id = part.id WHERE {condition} LIMIT 1"), &values)?.is_some() {
        return Ok(true);
    }
    let mine = home.is_none() && maker == Some(scope.person);
    Ok(mine && tx.opt::<(i64,)>(&format!("{parts} SELECT 1 FROM part JOIN case_case AS c ON c.customer_id = part.id LIMIT 1"), params![id])?.is_none())
}
