//! Every event of a case: the facts follow it, timers are set by it, rules are asked about it.

use std::sync::Arc;

use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::customers::CustomerEvent;
use shouwen_contracts::identity::IdentityEvent;
use shouwen_kernel::{Actor, CaseId, ObjectId, Result, Time, WorkspaceId};
use shouwen_store::{Json, Recorded, Tx, Value, params};

use crate::fire::{self, Deed, Subject};
use crate::state::State;
use crate::{owners, timers};

/// The events read: those of [`crate::state::KINDS`], of people, of customers, and refused wishes.
pub const KINDS: &[&str] = &[
    "case.opened", "case.message_added", "case.message_state", "case.assigned", "case.accountable", "case.stage", "case.edited", "case.tagged", "case.closed", "case.reopened", "case.customer", "case.merged",
    "case.unmerged", "case.watched", "case.child_opened", "case.child_closed", "clock.planned", "clock.met", "clock.cancelled", "clock.warned", "clock.breached", "clock.escalated", "survey.answered", "routing.none",
    "review.requested", "review.approved", "review.returned", "complaint.repeated", "warning.case", "case.wish_refused", "customer.saved", "person.saved", "person.rights_changed",
];

/// Digests one event.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    if owners::KINDS.contains(&recorded.kind.as_str()) {
        return recorded.event::<IdentityEvent>()?.map_or(Ok(()), |event| owners::handle(tx, recorded.workspace, event));
    }
    if recorded.kind == "customer.saved" {
        return recorded.event::<CustomerEvent>()?.map_or(Ok(()), |event| on_customer(tx, recorded.workspace, event));
    }
    if recorded.kind == "case.wish_refused" {
        return recorded.event::<CaseEvent>()?.map_or(Ok(()), |event| on_refusal(tx, event));
    }
    let Some(case) = recorded.subject.map(CaseId) else { return Ok(()) };
    let before = load(tx, recorded.workspace, case)?;
    if before.is_none() && recorded.kind != "case.opened" {
        return Ok(());
    }
    let before = before.unwrap_or_default();
    let mut state = before.clone();
    let happening = state.apply(recorded)?;
    if state == before {
        return Ok(());
    }
    save(tx, recorded.workspace, case, &state)?;
    timers::rearm(tx, recorded.workspace, case, &before, &state)?;
    let Some(happening) = happening else { return Ok(()) };
    let causes = match recorded.actor()? {
        Actor::System { name } => fire::causes_in(&name),
        _ => Vec::new(),
    };
    let mark = recorded.position.seq.to_string();
    fire::on_event(tx, &Subject { workspace: recorded.workspace, case, state: &state, mark: &mark, now: recorded.at, causes: &causes }, &happening)
}

/// What rules know of a case.
pub fn load(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId) -> Result<Option<State>> {
    // The cases of a step together; one that is just opened is not here yet.
    let found = tx.ahead(STATES, &case, |events| events.iter().filter(|e| KINDS.contains(&e.kind.as_str())).filter_map(|e| e.subject.map(CaseId)).collect(), |ids| {
        let runs: Vec<Vec<Value>> = ids.iter().map(|id| params![id].to_vec()).collect();
        let rows: Vec<Vec<(WorkspaceId, Json<State>)>> = tx.all_each("SELECT workspace_id, state FROM rule_case WHERE case_id = ?1", &runs)?;
        Ok(ids.iter().copied().zip(rows).filter_map(|(id, rows)| Some((id, rows.into_iter().next().map(|(workspace, Json(state))| (workspace, Arc::new(state)))?))).collect())
    })?;
    Ok(found.filter(|(of, _)| *of == workspace).map(|(_, state)| State::clone(&state)))
}

const STATES: &str = "rule.states";

fn save(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId, state: &State) -> Result<()> {
    let updated: Option<Time> = state.text("updated_at").parse().ok();
    let opened = state.opened_at.unwrap_or_default();
    tx.set_ahead(STATES, case, Some((workspace, Arc::new(state.clone()))));
    tx.run(
        "INSERT INTO rule_case (case_id, workspace_id, customer_id, case_type, closed, opened_at, updated_at, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (case_id) DO UPDATE SET customer_id = ?3, case_type = ?4, closed = ?5, updated_at = ?7, state = ?8",
        params![case, workspace, state.customer, state.text("type"), state.is_closed() || state.merged, opened, updated.unwrap_or(opened), Json(state)],
    )
}

fn on_customer(tx: &Tx<'_>, workspace: WorkspaceId, event: CustomerEvent) -> Result<()> {
    let CustomerEvent::Saved(c) = event else { return Ok(()) };
    tx.run(
        "INSERT INTO rule_customer (customer_id, workspace_id, name, region, tier) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (customer_id) DO UPDATE SET name = ?3, region = ?4, tier = ?5",
        params![c.customer_id, workspace, c.name, c.region, c.tier],
    )
}

/// casework could not do what a rule wished: the log of that firing says so.
fn on_refusal(tx: &Tx<'_>, event: CaseEvent) -> Result<()> {
    let CaseEvent::WishRefused(refused) = event else { return Ok(()) };
    let Some((rule, mark, n)) = source_parts(&refused.source) else { return Ok(()) };
    let row: Option<(ObjectId, Json<Vec<Deed>>)> = tx.opt("SELECT id, actions FROM rule_firing WHERE rule_id = ?1 AND mark = ?2", params![rule, mark])?;
    let Some((id, Json(mut deeds))) = row else { return Ok(()) };
    if let Some(deed) = deeds.get_mut(n) {
        deed.outcome = "refused".to_owned();
        deed.problem = Some(refused.problem);
    }
    let outcome = if deeds.iter().all(|deed| deed.outcome == "refused") { "refused" } else { "partly" };
    tx.run("UPDATE rule_firing SET actions = ?2, outcome = ?3 WHERE id = ?1", params![id, Json(&deeds), outcome])
}

/// `rule:<rule>:<mark>.<n>` taken apart.
fn source_parts(source: &str) -> Option<(ObjectId, &str, usize)> {
    let (rule, rest) = source.strip_prefix("rule:")?.split_once(':')?;
    let (mark, n) = rest.rsplit_once('.')?;
    Some((rule.parse().ok()?, mark, n.parse().ok()?))
}
