//! Follows the log: what is known of cases, and what follows from it. Reading the log again (a rebuild) only restores
//! what is known: reactions were told at the time and stand in the log themselves.

use std::sync::Arc;

use shouwen_contracts::casework::{CaseEvent, CaseTypeEvent};
use shouwen_contracts::complaints::ComplaintEvent;
use shouwen_contracts::customers::CustomerEvent;
use shouwen_contracts::identity::IdentityEvent;
use shouwen_contracts::message::Content;
use shouwen_contracts::voice::VoiceEvent;
use shouwen_contracts::service_levels::CalendarEvent;
use shouwen_kernel::{CaseId, CustomerId, Result};
use shouwen_store::{Position, Recorded, Subscription, Tx, params};

use crate::react::{self, Happening};
use crate::{file, hours, names, sketch, store};

const NAME: &str = "complaints.cases";
/// Up to where reactions were told when a rebuild began.
const TOLD_UPTO: &str = "complaints.told_upto";

/// Bumping its version rebuilds the rows from the log and tells nothing twice.
pub const SUBSCRIPTION: Subscription = Subscription {
    name: NAME,
    version: 2,
    reset: Some(reset),
    kinds: &[
        "case.opened", "case.message_added", "case.assigned", "case.accountable", "case.stage", "case.closed", "case.edited", "case.customer", "case.merged", "case.unmerged", "case.watched", "case.verified",
        "case_type.saved", "case_type.removed", "customer.saved", "customer.merged", "customer.unmerged", "survey.answered", "person.saved", "team.saved", "team.deleted", "org_unit.saved", "org_unit.deleted", "calendar.saved", "calendar.removed",
        "complaint.classified", "complaint.graded", "complaint.signal", "complaint.repeated",
    ],
    handle,
};

fn reset(tx: &Tx<'_>) -> Result<()> {
    // The checkpoint as it was: every reaction up to there stands in the log.
    let upto: Option<(i64, i64)> = tx.opt("SELECT tx, seq FROM subscription WHERE name = ?1", params![NAME])?;
    if let Some((txid, seq)) = upto {
        for workspace in tx.workspaces()? {
            tx.set_setting(workspace.id, TOLD_UPTO, &(txid, seq))?;
        }
    }
    store::reset(tx)
}

/// Whether what follows from an event was told already.
fn is_replay(tx: &Tx<'_>, recorded: &Recorded) -> Result<bool> {
    let upto = tx.known(&format!("{TOLD_UPTO}.{}", recorded.workspace), || tx.setting::<(i64, i64)>(recorded.workspace, TOLD_UPTO))?;
    Ok(upto.is_some_and(|(txid, seq)| recorded.position <= Position { tx: txid, seq }))
}

fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let workspace = recorded.workspace;
    if let Some(event) = recorded.event::<IdentityEvent>()? {
        return names::on_identity(tx, workspace, event);
    }
    if let Some(event) = recorded.event::<CalendarEvent>()? {
        return hours::on_calendar(tx, workspace, event);
    }
    if let Some(event) = recorded.event::<CaseTypeEvent>()? {
        return names::on_type(tx, workspace, event);
    }
    if let Some(event) = recorded.event::<CustomerEvent>()? {
        return on_customer(tx, recorded, event);
    }
    if let Some(event) = recorded.event::<ComplaintEvent>()? {
        return store::on_own(tx, recorded, event);
    }
    let replay = is_replay(tx, recorded)?;
    let Some(case) = recorded.subject.map(CaseId) else { return Ok(()) };
    let stored = store::load(tx, workspace, case)?;
    if stored.is_none() && recorded.kind != "case.opened" {
        return Ok(());
    }
    let before = stored.clone().unwrap_or_default();
    let mut state = before.clone();
    let mut happening = Happening::default();
    if let Some(VoiceEvent::Answered(answer)) = recorded.event::<VoiceEvent>()? {
        happening.score = Some(i64::from(answer.score));
    }
    let mut print: Option<Vec<u32>> = None;
    if let Some(event) = recorded.event::<CaseEvent>()? {
        state.on_case(case, &event);
        match &event {
            CaseEvent::Opened(o) => {
                happening.opened = true;
                // Of a mail the message itself brings its subject.
                happening.text = Some(o.title.clone()).filter(|_| o.channel == "manual");
                if let Some(customer) = o.customer_id.filter(|_| o.customer_name.is_some())
                    && names::customer(tx, customer)?.is_none()
                {
                    let known = names::Known { name: o.customer_name.clone().unwrap_or_default(), region: o.region.clone(), org_unit: None };
                    names::keep_customer(tx, workspace, customer, &known)?;
                }
            }
            // What the customer writes, and what is noted of a call when the case is opened by hand. Work orders quote others.
            CaseEvent::MessageAdded(m) if (m.direction == "in" && !m.auto) || (m.direction == "note" && state.channel == "manual") => {
                let first = store::sketch(tx, case)?.is_empty();
                if first || (m.direction == "in" && !replay) {
                    let content: Option<Content> = content(tx, &m.content)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
                    let text = content.as_ref().map(sketch::own_text).unwrap_or_default();
                    if first {
                        print = Some(sketch::sketch(&format!("{}\n{text}", state.title)));
                    }
                    happening.text = Some(text);
                    happening.files = m.files.clone();
                    happening.message = Some(m.message_id);
                }
            }
            CaseEvent::Edited(e) if e.field == "fields.demand" => happening.text = e.to.as_str().map(str::to_owned),
            CaseEvent::Verified(v) if v.outcome == "rejected" => happening.rejected = true,
            _ => {}
        }
    }
    if stored.is_none() {
        store::save(tx, workspace, case, &before, &mut state)?;
    }
    if let Some(print) = &print {
        store::keep_sketch(tx, case, print)?;
        happening.retold = true;
    }
    if !replay {
        react::to(tx, recorded, case, &before, &mut state, &happening)?;
    }
    if state != before {
        store::save(tx, workspace, case, &before, &mut state)?;
    }
    if !replay && before.access() != state.access() {
        file::follow_case(tx, case, &state)?;
    }
    Ok(())
}

/// A stored body; small ones of a step are fetched together.
fn content(tx: &Tx<'_>, name: &String) -> Result<Option<Arc<Vec<u8>>>> {
    let others = |events: &[Arc<Recorded>]| {
        let added = events.iter().filter(|e| e.kind == "case.message_added").filter_map(|e| e.event::<CaseEvent>().ok().flatten());
        added.filter_map(|event| if let CaseEvent::MessageAdded(m) = event { Some(m).filter(|m| m.direction == "in" && !m.auto).map(|m| m.content) } else { None }).collect()
    };
    match tx.ahead("complaint.contents", name, others, |names| Ok(tx.small_blobs(names)?.into_iter().map(|(name, bytes)| (name, Arc::new(bytes))).collect()))? {
        Some(bytes) => Ok(Some(bytes)),
        None => Ok(tx.blob(name)?.map(Arc::new)),
    }
}

/// What follows for the open cases of a customer.
fn open_again(tx: &Tx<'_>, recorded: &Recorded, customer: CustomerId, happening: &Happening) -> Result<()> {
    for case in store::open_cases(tx, customer, 50)? {
        let Some(before) = store::load(tx, recorded.workspace, case)? else { continue };
        let mut state = before.clone();
        react::to(tx, recorded, case, &before, &mut state, happening)?;
        if state != before {
            store::save(tx, recorded.workspace, case, &before, &mut state)?;
        }
    }
    Ok(())
}

fn on_customer(tx: &Tx<'_>, recorded: &Recorded, event: CustomerEvent) -> Result<()> {
    let workspace = recorded.workspace;
    match &event {
        CustomerEvent::Saved(c) => {
            let known = names::Known { name: c.name.clone(), region: c.region.clone(), org_unit: c.org_unit_id };
            let moved = names::keep_customer(tx, workspace, c.customer_id, &known)?;
            if moved && !is_replay(tx, recorded)? {
                open_again(tx, recorded, names::root(tx, c.customer_id)?, &Happening { moved: true, ..Happening::default() })?;
            }
            Ok(())
        }
        CustomerEvent::Merged(m) => {
            names::on_merge(tx, &event)?;
            store::follow_customer(tx, workspace, m.customer_id)?;
            if is_replay(tx, recorded)? {
                return Ok(());
            }
            file::follow_merge(tx, recorded, m.customer_id, m.into)?;
            // Two mailboxes of one customer: what they wrote from the one repeats what they wrote from the other.
            open_again(tx, recorded, names::root(tx, m.into)?, &Happening { retold: true, ..Happening::default() })
        }
        CustomerEvent::Unmerged(u) => {
            names::on_merge(tx, &event)?;
            store::follow_customer(tx, workspace, u.from)?;
            store::part(tx, workspace, [u.from, u.customer_id])
        }
        CustomerEvent::Recognised(_) | CustomerEvent::Matched(_) => Ok(()),
    }
}
