//! Events → rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::customers::CustomerEvent;
use shouwen_contracts::identity::IdentityEvent;
use shouwen_contracts::service_levels::ClockEvent;
use shouwen_kernel::{CaseId, PersonId, Result, Time, WorkspaceId};
use shouwen_store::{Json, Recorded, Tx, Value, params};
use uuid::Uuid;

use crate::{born, customers};

/// Name of the checkpoint; live push goes no further than it, so that who is told finds the rows changed.
pub const NAME: &str = "desk.cases";

/// The events read. The first group changes no row; it stands here because live push goes only as far as this
/// checkpoint, and a checkpoint moves at once only for events it wants (a revoked right, "sent", a rating must not wait).
pub const KINDS: &[&str] = &[
    "case.message_state", "case.participant_verified", "case.linked", "clock.warned", "routing.chosen", "routing.none", "survey.requested", "survey.answered", "survey.commented", "survey.skipped",
    "person.rights_changed", "person.status",
    "review.step", "review.overdue", "review.authority", "warning.raised", "warning.overdue", "bulletin.made", "crisis.declared", "crisis.overdue", "complaint.care_planned", "complaint.care_overdue",
    "case.opened", "case.message_added", "case.assigned", "case.accountable", "case.stage", "case.edited", "case.tagged", "case.closed", "case.reopened", "case.customer", "case.merged", "case.unmerged",
    "case.split", "case.watched", "case.snoozed", "clock.planned", "clock.met", "clock.cancelled", "clock.breached", "person.saved", "team.saved", "org_unit.saved", "customer.saved",
    "customer.recognised", "customer.merged", "customer.unmerged",
];

/// Those of them that name whom they concern (`people`, `person_id`), who are given a notice.
pub const NOTICED: [&str; 10] = [
    "review.step", "review.overdue", "review.authority", "warning.raised", "warning.overdue", "bulletin.made", "crisis.declared", "crisis.overdue", "complaint.care_planned", "complaint.care_overdue",
];

/// A deadline that is not there sorts last.
pub const NEVER: i64 = i64::MAX;

/// Empties the projection.
pub fn reset(tx: &Tx<'_>) -> Result<()> {
    tx.batch("DELETE FROM desk_case; DELETE FROM desk_watcher; DELETE FROM desk_tag; DELETE FROM desk_mention; DELETE FROM desk_name; DELETE FROM desk_customer;")
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Clock {
    pub due_at: Option<Time>,
    pub warn_at: Option<Time>,
    pub state: String,
}

pub(crate) fn rank(priority: &str) -> i64 {
    match priority {
        "urgent" => 0,
        "high" => 1,
        "normal" => 2,
        _ => 3,
    }
}

/// Digests one event.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    if let Some(event) = recorded.event::<CaseEvent>()? {
        return on_case(tx, recorded, event);
    }
    if let Some(event) = recorded.event::<ClockEvent>()? {
        return on_clock(tx, event);
    }
    if let Some(event) = recorded.event::<IdentityEvent>()? {
        return match event {
            IdentityEvent::PersonSaved(p) => name(tx, recorded.workspace, p.person_id.0, "person", &p.name),
            IdentityEvent::TeamSaved(t) => name(tx, recorded.workspace, t.team_id.0, "team", &t.name),
            IdentityEvent::OrgUnitSaved(o) => name(tx, recorded.workspace, o.org_unit_id.0, "org_unit", &o.name),
            _ => Ok(()),
        };
    }
    if let Some(event) = recorded.event::<CustomerEvent>()? {
        customers::handle(tx, recorded, &event)?;
        if let CustomerEvent::Saved(saved) = event {
            born::write(tx)?;
            // One customer has few cases beside the whole; each row keeps the name it shows, and tier and region as they are
            // now: what lists filter by is what clocks, queues and rules go by.
            tx.run(
                "UPDATE desk_case SET customer_name = ?2, region = ?3, tier = ?4 WHERE customer_id = ?1 AND (customer_name IS DISTINCT FROM ?2 OR region IS DISTINCT FROM ?3 OR tier IS DISTINCT FROM ?4)",
                params![saved.customer_id, saved.name, saved.region, saved.tier],
            )?;
        }
    }
    Ok(())
}

fn name(tx: &Tx<'_>, workspace: WorkspaceId, id: Uuid, kind: &str, name: &str) -> Result<()> {
    tx.run("INSERT INTO desk_name (id, workspace_id, kind, name) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE SET name = ?4", params![id, workspace, kind, name])?;
    Ok(())
}

fn on_case(tx: &Tx<'_>, recorded: &Recorded, event: CaseEvent) -> Result<()> {
    let at = recorded.at;
    let touch = |case: CaseId, set: &str, values: &[shouwen_store::Value]| -> Result<()> {
        let mut all = params![case, at].to_vec();
        all.extend_from_slice(values);
        tx.run(&format!("UPDATE desk_case SET updated_at = ?2, version = version + 1{set} WHERE case_id = ?1"), &all)?;
        Ok(())
    };
    match &event {
        CaseEvent::Opened(_) | CaseEvent::MessageAdded(_) | CaseEvent::Assigned(_) => {}
        // All others find the rows written.
        _ => born::write(tx)?,
    }
    match event {
        CaseEvent::Opened(o) => {
            o.tags.iter().try_for_each(|t| tag(tx, o.case_id, t))?;
            born::open(tx, recorded.workspace, o);
            Ok(())
        }
        CaseEvent::MessageAdded(m) => {
            for person in &m.mentions {
                mention(tx, m.case_id, *person, m.at)?;
            }
            if born::message(tx, &m, at)? {
                return Ok(());
            }
            let last_in = (m.direction == "in").then_some(m.at);
            touch(
                m.case_id,
                ", messages = messages + 1, last_at = ?3, last_direction = ?4, last_author = ?5, last_preview = ?6, last_in_at = coalesce(?7, last_in_at)",
                params![m.at, m.direction, m.author_name, m.preview, last_in],
            )
        }
        CaseEvent::Assigned(a) if born::assigned(tx, &a, at)? => Ok(()),
        CaseEvent::Assigned(a) => touch(a.case_id, ", assignee_id = ?3, team_id = ?4, org_unit_id = coalesce(?5, org_unit_id)", params![a.to_person, a.to_team, a.org_unit_id]),
        CaseEvent::Accountable(a) => touch(a.case_id, ", accountable_id = ?3", params![a.to]),
        CaseEvent::StageChanged(s) => touch(s.case_id, ", stage = ?3, status = ?4, active = ?5", params![s.to, s.to_status, is_active(&s.to_status)]),
        CaseEvent::Edited(e) => {
            let text = e.to.as_str().map(str::to_owned);
            match e.field.as_str() {
                "title" => touch(e.case_id, ", title = ?3", params![text.unwrap_or_default()]),
                "priority" => touch(e.case_id, ", priority = ?3, rank = ?4", params![text.clone().unwrap_or_default(), rank(&text.unwrap_or_default())]),
                "type" => touch(e.case_id, ", case_type = ?3", params![text.unwrap_or_default()]),
                "language" => touch(e.case_id, ", language = ?3", params![text]),
                "org_unit" => touch(e.case_id, ", org_unit_id = ?3", params![serde_json::from_value::<Option<shouwen_kernel::OrgUnitId>>(e.to.clone())?]),
                _ => touch(e.case_id, "", &[]),
            }
        }
        CaseEvent::Tagged(t) => {
            for gone in &t.removed {
                tx.run("DELETE FROM desk_tag WHERE case_id = ?1 AND tag = ?2", params![t.case_id, gone])?;
            }
            t.added.iter().try_for_each(|added| tag(tx, t.case_id, added))?;
            let tags: Vec<(String,)> = tx.all("SELECT tag FROM desk_tag WHERE case_id = ?1 ORDER BY tag", params![t.case_id])?;
            touch(t.case_id, ", tags = ?3", params![Json(tags.into_iter().map(|row| row.0).collect::<Vec<_>>())])
        }
        CaseEvent::Closed(c) => touch(c.case_id, ", status = 'closed', active = FALSE, closed_at = ?3", params![c.at]),
        CaseEvent::Reopened(r) => touch(r.case_id, ", status = 'open', active = TRUE, closed_at = NULL", &[]),
        CaseEvent::CustomerSet(c) => {
            let (region, tier) = c.to.map(|id| customers::standing(tx, id)).transpose()?.unwrap_or_default();
            touch(c.case_id, ", customer_id = ?3, customer_name = ?4, region = ?5, tier = ?6", params![c.to, c.name, region, tier])
        }
        CaseEvent::Merged(m) if recorded.subject == Some(m.case_id.0) => touch(m.case_id, ", merged = TRUE, active = FALSE", &[]),
        CaseEvent::Unmerged(u) if recorded.subject == Some(u.case_id.0) => touch(u.case_id, ", merged = FALSE, active = (status IN ('open', 'waiting'))", &[]),
        CaseEvent::Split(s) if recorded.subject == Some(s.case_id.0) => {
            let moved = s.messages.len() as i64;
            touch(s.case_id, ", messages = messages - ?3", params![moved])?;
            touch(s.into, ", messages = messages + ?3", params![moved])
        }
        CaseEvent::Watched(w) => {
            let sql = if w.removed { "DELETE FROM desk_watcher WHERE case_id = ?1 AND person_id = ?2" } else { "INSERT INTO desk_watcher (case_id, person_id) VALUES (?1, ?2) ON CONFLICT (case_id, person_id) DO NOTHING" };
            tx.execute(sql, params![w.case_id, w.person_id]).map(|_| ())
        }
        CaseEvent::Snoozed(s) => touch(s.case_id, ", snoozed_until = ?3", params![s.until]),
        _ => Ok(()),
    }
}

pub(crate) fn is_active(status: &str) -> bool {
    status == "open" || status == "waiting"
}

fn tag(tx: &Tx<'_>, case: CaseId, tag: &str) -> Result<()> {
    tx.run("INSERT INTO desk_tag (case_id, tag) VALUES (?1, ?2) ON CONFLICT (case_id, tag) DO NOTHING", params![case, tag])?;
    Ok(())
}

fn mention(tx: &Tx<'_>, case: CaseId, person: PersonId, at: Time) -> Result<()> {
    tx.run("INSERT INTO desk_mention (case_id, person_id, at) VALUES (?1, ?2, ?3) ON CONFLICT (person_id, case_id) DO UPDATE SET at = ?3", params![case, person, at])?;
    Ok(())
}

/// Clocks of cases that a step looks at; see [`Tx::ahead`].
pub(crate) const CLOCKS: &str = "desk.clocks";

fn on_clock(tx: &Tx<'_>, event: ClockEvent) -> Result<()> {
    let (case, kind, change): (CaseId, String, Option<Clock>) = match event {
        ClockEvent::Planned(p) => (p.case_id, p.clock, Some(Clock { due_at: p.due_at, warn_at: p.warn_at, state: if p.paused { "paused" } else { "running" }.into() })),
        ClockEvent::Met(m) => (m.case_id, m.clock, None),
        ClockEvent::Cancelled(c) => (c.case_id, c.clock, None),
        ClockEvent::Breached(b) => {
            born::write(tx)?;
            write_clocks(tx)?;
            tx.run("UPDATE desk_case SET breached = TRUE WHERE case_id = ?1", params![b.case_id])?;
            return Ok(());
        }
        ClockEvent::Warned(_) | ClockEvent::Escalated(_) => return Ok(()),
    };
    if born::clock(tx, case, &kind, change.clone())? {
        return Ok(());
    }
    let others = |events: &[Arc<Recorded>]| events.iter().filter(|e| e.kind.starts_with("clock.")).filter_map(|e| e.subject.map(CaseId)).collect();
    let known = tx.ahead(CLOCKS, &case, others, |ids| {
        let runs: Vec<Vec<Value>> = ids.iter().map(|id| params![id].to_vec()).collect();
        let rows: Vec<Vec<(Json<BTreeMap<String, Clock>>,)>> = tx.all_each("SELECT clocks FROM desk_case WHERE case_id = ?1", &runs)?;
        Ok(ids.iter().copied().zip(rows).filter_map(|(id, rows)| Some((id, rows.into_iter().next()?.0.0))).collect())
    })?;
    let Some(mut clocks) = known else { return Ok(()) };
    match change {
        Some(clock) => {
            clocks.insert(kind, clock);
        }
        None => {
            clocks.remove(&kind);
        }
    }
    tx.set_ahead(CLOCKS, case, Some(clocks.clone()));
    let overdue = clocks.values().any(|clock| clock.due_at.is_some_and(|due| due < tx.now()));
    let before = tx.ahead::<CaseId, Changed>(CHANGED, &case, |_| Vec::new(), |_| Ok(Vec::new()))?;
    let (times, overdue) = before.map_or((1, overdue), |before| (before.times + 1, overdue));
    tx.set_ahead(CHANGED, case, Some(Changed { clocks, times, overdue }));
    tx.at_end(write_clocks);
    Ok(())
}

/// What a step has made of a case's clocks: how often they changed, and whether one is overdue (a plan may come too late for
/// its own deadline, or go back to one that was told of before).
#[derive(Clone)]
struct Changed {
    clocks: BTreeMap<String, Clock>,
    times: i64,
    overdue: bool,
}

const CHANGED: &str = "desk.clocks_changed";

/// Writes the clocks of each case once: a case that opens starts several.
fn write_clocks(tx: &Tx<'_>) -> Result<()> {
    let mut changed: Vec<(CaseId, Changed)> = tx.take_ahead(CHANGED);
    changed.sort_by_key(|(case, _)| *case);
    changed.into_iter().try_for_each(|(case, changed)| write_clocks_of(tx, case, &changed))
}

fn write_clocks_of(tx: &Tx<'_>, case: CaseId, Changed { clocks, times, overdue }: &Changed) -> Result<()> {
    let next = born::nearest(clocks);
    let due = next.and_then(|(_, clock)| clock.due_at);
    tx.run(
        "UPDATE desk_case SET clocks = ?2, clock_kind = ?3, clock_state = ?4, warn_at = ?5, due_at = ?6, due_sort = ?7, breached = ?8, version = version + ?9 WHERE case_id = ?1",
        params![
            case,
            Json(clocks),
            next.map(|(kind, _)| kind.clone()),
            next.map(|(_, clock)| clock.state.clone()),
            next.and_then(|(_, clock)| clock.warn_at),
            due,
            due.map_or(NEVER, Time::micros),
            overdue,
            times
        ],
    )?;
    Ok(())
}

/// A payload's case id, for events of every family.
pub fn case_of(recorded: &Recorded) -> Option<CaseId> {
    let about_case = ["case.", "clock.", "routing.", "survey."].iter().any(|prefix| recorded.kind.starts_with(prefix));
    recorded.subject.filter(|_| about_case).map(CaseId)
}
