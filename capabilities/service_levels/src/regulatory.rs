//! The clocks of regulators on a case: which concern it, what starts them and what ends them.

use std::sync::Arc;

use serde_json::Value;
use shouwen_kernel::{Result, Time};
use shouwen_store::{Ctx, Tx};

use crate::clocks::{self, Clock};
use crate::on_cases::{STAGE_SINCE, Subject, begin, holds};
use crate::policies::Policy;
use crate::promise::{Promise, policies_of};
use crate::{engine, forms};

/// The regulatory clocks that concern the case.
pub fn concerning(tx: &Tx<'_>, case: &Subject) -> Result<Vec<Arc<Policy>>> {
    let facts = forms::compared(tx, case.workspace, &case.facts)?;
    Ok(policies_of(tx, case.workspace)?.iter().filter(|policy| policy.policy.active && holds(policy.policy.applies.as_ref(), &facts, tx.now())).cloned().collect())
}

/// Whether what ends a clock has happened already, so that it would never be met.
fn is_settled(policy: &Policy, case: &Subject) -> bool {
    match policy.policy.ends.as_str() {
        "first_response" => case.responded,
        "resolved" => case.status == "resolved",
        ends => ends.strip_prefix("stage:").is_some_and(|stage| case.fact("stage") == Some(stage)),
    }
}

/// Starts the regulatory clocks that `event` (`opened`, `stage:KEY`) starts; one that has run is not started again.
pub fn start(tx: &Tx<'_>, ctx: &Ctx, case: &Subject, event: &str, at: Time) -> Result<()> {
    for policy in concerning(tx, case)?.into_iter().filter(|policy| policy.policy.starts == event) {
        if case.fresh || clocks::one(tx, case.case_id, &policy.kind())?.is_none_or(|clock| clock.state == "cancelled") {
            let kind = policy.kind();
            begin(tx, ctx, case, &Promise::Policy(policy), &kind, at, event)?;
        }
    }
    Ok(())
}

/// A date in the form starts (or moves) the clocks that count from it.
pub fn begin_at_field(tx: &Tx<'_>, ctx: &Ctx, case: &Subject, field: &str, value: &Value) -> Result<()> {
    for policy in concerning(tx, case)?.into_iter().filter(|policy| policy.policy.starts.strip_prefix("field:") == Some(field)) {
        let (kind, calendar) = (policy.kind(), engine::calendar(tx, policy.policy.calendar_id)?);
        let at = value.as_str().and_then(|text| engine::instant_of(&calendar, text));
        match (clocks::one(tx, case.case_id, &kind)?, at) {
            (Some(mut clock), Some(at)) if clock.is_open() || clock.state == "cancelled" => {
                if clock.started_at != at || !clock.is_open() {
                    if !clock.is_open() {
                        (clock.target, clock.calendar_id) = (policy.policy.budget(), policy.policy.calendar_id);
                        clock.revive();
                    }
                    clock.started_at = at;
                    clock.plan(tx, ctx, &case.access, Some(&Promise::Policy(policy)), &format!("fields.{field}"))?;
                }
            }
            (None, Some(at)) if !is_settled(&policy, case) => begin(tx, ctx, case, &Promise::Policy(policy), &kind, at, &format!("fields.{field}"))?,
            (Some(mut clock), None) => clock.cancel(tx, ctx, &case.access, &format!("fields.{field}"))?,
            _ => {}
        }
    }
    Ok(())
}

/// Fulfils the regulatory clocks that `event` (`first_response`, `resolved`, `stage:KEY`) ends.
pub fn end(tx: &Tx<'_>, ctx: &Ctx, case: &Subject, event: &str, at: Time) -> Result<()> {
    for policy in policies_of(tx, case.workspace)?.iter().filter(|policy| policy.policy.ends == event) {
        if let Some(mut clock) = clocks::one(tx, case.case_id, &policy.kind())? {
            clock.meet(tx, ctx, &case.access, at)?;
        }
    }
    Ok(())
}

/// A changed fact made a regulatory clock concern the case: one it had goes on from where it began; another begins at what
/// starts it.
pub fn anew(tx: &Tx<'_>, ctx: &Ctx, case: &Subject, known: &[Clock], concerned: &[Arc<Policy>], opened_at: Time, why: &str) -> Result<()> {
    for policy in concerned {
        let starts = policy.policy.starts.as_str();
        let field = starts.strip_prefix("field:").map(|field| (field, case.facts.get(&format!("fields.{field}")).filter(|value| !value.is_null())));
        match known.iter().find(|clock| clock.kind == policy.kind()) {
            // A date that was taken away starts nothing.
            Some(gone) if gone.state == "cancelled" && field.is_none_or(|(_, date)| date.is_some()) => {
                let (mut clock, promise) = (gone.clone(), Promise::Policy(policy.clone()));
                // The limit may have been edited meanwhile.
                (clock.target, clock.calendar_id) = (policy.policy.budget(), policy.policy.calendar_id);
                clock.revive();
                if promise.rests(&clock.kind, &case.status, &case.stage_pauses(tx)?) { clock.pause(tx.now()) } else { clock.resume(tx.now()) }
                clock.plan(tx, ctx, &case.access, Some(&promise), why)?;
            }
            Some(_) => {}
            None if is_settled(policy, case) => {}
            None => match field {
                Some((field, Some(date))) => begin_at_field(tx, ctx, case, field, &date.clone())?,
                Some((_, None)) => {}
                None if starts == "opened" => begin(tx, ctx, case, &Promise::Policy(policy.clone()), &policy.kind(), opened_at, starts)?,
                None if starts.strip_prefix("stage:") == case.fact("stage") => begin(tx, ctx, case, &Promise::Policy(policy.clone()), &policy.kind(), case.time(STAGE_SINCE).unwrap_or_else(|| tx.now()), starts)?,
                None => {}
            },
        }
    }
    Ok(())
}
