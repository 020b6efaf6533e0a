//! What casework tells: who has to do with the cases of a customer (a projection that decides who sees them), and people
//! named in a conversation who have not written themselves.

use std::sync::Arc;

use shouwen_contracts::casework::{CaseEvent, ParticipantJoined};
use shouwen_contracts::customers::{CustomerEvent, Matched};
use shouwen_kernel::{CaseId, CustomerId, Result};
use shouwen_store::{Ctx, Recorded, Subscription, ToValue, Tx, Value, params};

use crate::newcomer::{self, Found, Newcomer};
use crate::record::{Record, parts_of};

/// The projection of cases.
pub(crate) const CASES: Subscription = Subscription {
    name: "customers.cases",
    version: 1,
    reset: Some(reset),
    kinds: &["case.opened", "case.assigned", "case.accountable", "case.customer", "case.watched", "case.edited", "customer.merged", "customer.unmerged"],
    handle: project,
};

/// Finds or creates who joined. Decides and emits, so it is never run over the log again.
pub(crate) const JOINED: Subscription = Subscription { name: "customers.joined", version: 1, reset: None, kinds: &["case.participant_joined"], handle: joined };

fn reset(tx: &Tx<'_>) -> Result<()> {
    tx.batch("DELETE FROM customer_case; DELETE FROM customer_case_watcher;")
}

fn project(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    if let Some(event) = recorded.event::<CustomerEvent>()? {
        return match event {
            CustomerEvent::Merged(e) => renew(tx, e.customer_id, e.into),
            CustomerEvent::Unmerged(e) => renew(tx, e.customer_id, e.from),
            _ => Ok(()),
        };
    }
    let set = |case: CaseId, what: &str, value: Value| tx.run(&format!("UPDATE customer_case SET {what} = ?2 WHERE case_id = ?1"), &[case.to_value(), value]);
    match recorded.event::<CaseEvent>()? {
        Some(CaseEvent::Opened(e)) => {
            let root = e.customer_id.map(|id| root_in_step(tx, id)).transpose()?;
            tx.run(
                "INSERT INTO customer_case (case_id, workspace_id, customer_id, root_id, team_id, org_unit_id, assignee_id, accountable_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT (case_id) DO UPDATE SET customer_id = ?3, root_id = ?4, team_id = ?5, org_unit_id = ?6, assignee_id = ?7, accountable_id = ?8",
                params![e.case_id, recorded.workspace, e.customer_id, root, e.team_id, e.org_unit_id, e.assignee_id, e.accountable_id],
            )?;
            Ok(())
        }
        Some(CaseEvent::Assigned(e)) => tx
            .execute(
                "UPDATE customer_case SET assignee_id = ?2, team_id = ?3, org_unit_id = COALESCE(?4, org_unit_id) WHERE case_id = ?1",
                params![e.case_id, e.to_person, e.to_team, e.org_unit_id],
            )
            .map(|_| ()),
        Some(CaseEvent::Accountable(e)) => set(e.case_id, "accountable_id", e.to.to_value()),
        Some(CaseEvent::Edited(e)) if e.field == "org_unit" => set(e.case_id, "org_unit_id", serde_json::from_value::<Option<shouwen_kernel::OrgUnitId>>(e.to)?.to_value()),
        Some(CaseEvent::CustomerSet(e)) => {
            let root = e.to.map(|id| root_of(tx, id)).transpose()?;
            tx.run("UPDATE customer_case SET customer_id = ?2, root_id = ?3 WHERE case_id = ?1", params![e.case_id, e.to, root])
        }
        Some(CaseEvent::Watched(e)) => {
            let sql = if e.removed {
                "DELETE FROM customer_case_watcher WHERE case_id = ?1 AND person_id = ?2"
            } else {
                "INSERT INTO customer_case_watcher (case_id, person_id) VALUES (?1, ?2) ON CONFLICT (case_id, person_id) DO NOTHING"
            };
            tx.run(sql, params![e.case_id, e.person_id])
        }
        _ => Ok(()),
    }
}

/// The customer at the end of the merges, as they are now.
fn root_of(tx: &Tx<'_>, id: CustomerId) -> Result<CustomerId> {
    Ok(chain_of(tx, id)?.last().copied().unwrap_or(id))
}

/// The same, for the cases of a step together: most customers are nobody's part.
fn root_in_step(tx: &Tx<'_>, id: CustomerId) -> Result<CustomerId> {
    let others = |events: &[Arc<Recorded>]| {
        let opened = events.iter().filter(|e| e.kind == "case.opened").filter_map(|e| e.event::<CaseEvent>().ok().flatten());
        opened.filter_map(|event| if let CaseEvent::Opened(o) = event { o.customer_id } else { None }).collect()
    };
    let part = tx.ahead("customers.merged_into", &id, others, |ids| {
        let runs: Vec<Vec<Value>> = ids.iter().map(|id| params![id].to_vec()).collect();
        let rows: Vec<Vec<(Option<CustomerId>,)>> = tx.all_each("SELECT merged_into FROM customer_record WHERE id = ?1", &runs)?;
        Ok(ids.iter().copied().zip(rows).filter_map(|(id, rows)| Some((id, rows.into_iter().next()?.0))).collect())
    })?;
    if part.flatten().is_some() { root_of(tx, id) } else { Ok(id) }
}

/// A customer, whom they are part of, and so on to the end. One query for most.
fn chain_of(tx: &Tx<'_>, id: CustomerId) -> Result<Vec<CustomerId>> {
    let mut chain = vec![id];
    let mut next = Some(id);
    while let Some(id) = next.filter(|_| chain.len() < 64) {
        next = tx.opt::<(Option<CustomerId>,)>("SELECT merged_into FROM customer_record WHERE id = ?1", params![id])?.and_then(|row| row.0);
        chain.extend(next);
    }
    Ok(chain)
}

/// After a merge or its undo: the cases of `part`, and of those that are part of it, belong to whoever stands at the end
/// now. It looks at what is, not at the event, so it may run again and late.
fn renew(tx: &Tx<'_>, part: CustomerId, other: CustomerId) -> Result<()> {
    let chain = chain_of(tx, part)?;
    let root = chain.last().copied().unwrap_or(part);
    let mut members = parts_of(tx, part)?;
    members.push(part);
    // Where their rows may be filed: under themselves, or under a link of the chain before or after.
    let mut filed = members.clone();
    filed.extend(chain);
    filed.extend(chain_of(tx, other)?);
    filed.sort_unstable();
    filed.dedup();
    let mut values = vec![root.to_value()];
    let mut list = |ids: &[CustomerId]| -> String {
        let places: Vec<String> = ids
            .iter()
            .map(|id| {
                values.push(id.to_value());
                format!("?{}", values.len())
            })
            .collect();
        places.join(", ")
    };
    let (filed, members) = (list(&filed), list(&members));
    tx.run(&format!("UPDATE customer_case SET root_id = ?1 WHERE root_id IN ({filed}) AND customer_id IN ({members})"), &values)
}

fn joined(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(CaseEvent::ParticipantJoined(event)) = recorded.event::<CaseEvent>()? else { return Ok(()) };
    // Whoever named them, named them.
    let ctx = Ctx { workspace: recorded.workspace, actor: recorded.actor()?, ip: None };
    let mut known: Option<Found> = None;
    for address in &event.addresses {
        if let Some(found) = newcomer::find(tx, recorded.workspace, &address.kind, &address.party.index)? {
            known = Some(found);
            break;
        }
    }
    let mut whole = match known {
        Some(found) => newcomer::learn_name(tx, &ctx, newcomer::at_the_root(tx, found)?, &event.name)?,
        None => {
            let Some(first) = event.addresses.first() else { return Ok(()) };
            let (found, created) = newcomer::create(tx, &as_newcomer(&event, first, recorded, &ctx))?;
            let found = newcomer::at_the_root(tx, found)?;
            if created {
                if let Some(record) = Record::find(tx, found.customer)? {
                    record.tell(tx, &ctx)?;
                }
                tx.audit(&ctx, "customer.created", "customer", Some(found.customer.0), Some(serde_json::json!({ "case": event.case_id })))?;
            }
            found
        }
    };
    for address in &event.addresses {
        let new = as_newcomer(&event, address, recorded, &ctx);
        let masked = newcomer::mask(tx, new.kind, new.sealed);
        let (others,): (i64,) = tx.one("SELECT count(*) FROM customer_identity WHERE customer_id = ?1 AND kind = ?2", params![whole.customer, new.kind])?;
        // An address somebody else has stays theirs: whether the two are one, a person decides by merging them.
        let owner = match newcomer::find(tx, recorded.workspace, new.kind, new.blind)? {
            Some(found) => newcomer::at_the_root(tx, found)?,
            None => {
                if let Some(identity) = newcomer::add_address(tx, &new, whole.customer, &masked, others == 0)? {
                    whole.identity = identity;
                    tx.audit(&ctx, "customer.identity_added", "customer", Some(whole.customer.0), Some(serde_json::json!({ "identity": identity, "kind": new.kind, "case": event.case_id })))?;
                }
                match newcomer::find(tx, recorded.workspace, new.kind, new.blind)? {
                    Some(found) => newcomer::at_the_root(tx, found)?,
                    None => continue,
                }
            }
        };
        let matched = Matched { case_id: event.case_id, conversation_id: event.conversation_id, participant_id: address.participant_id, customer_id: owner.customer, name: owner.name };
        tx.emit::<CustomerEvent>(&ctx, Some(owner.customer.0), None, matched)?;
    }
    Ok(())
}

fn as_newcomer<'a>(event: &'a ParticipantJoined, address: &'a shouwen_contracts::casework::ParticipantAddress, recorded: &Recorded, ctx: &Ctx) -> Newcomer<'a> {
    Newcomer {
        workspace: recorded.workspace,
        kind: &address.kind,
        blind: &address.party.index,
        sealed: &address.party.address,
        name: &event.name,
        language: event.language.as_deref(),
        inbox: event.inbox_id,
        made_by: ctx.actor.person_id(),
    }
}
