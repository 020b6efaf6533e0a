//! Rules that time starts: "so long in a state", "so long before", again and again, by the clock on the wall.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shouwen_kernel::{CaseId, ObjectId, Result, Time, WorkspaceId};
use shouwen_rules::{Cron, Rule, Trigger};
use shouwen_store::{Json, Timer, TimerHandler, Tx, params};

use crate::fire::{self, Subject};
use crate::loaded::Loaded;
use crate::on_events;
use crate::state::State;

/// The handlers.
pub const HANDLERS: [TimerHandler; 4] = [
    TimerHandler { kind: DUE, handle: due },
    TimerHandler { kind: ARM, handle: arm },
    TimerHandler { kind: SCHEDULE, handle: schedule },
    TimerHandler { kind: WALK, handle: walk },
];
/// One case has been in a state for as long as a rule says.
const DUE: &str = "rule.due";
/// A rule was saved: timers are set for the cases that are there already.
const ARM: &str = "rule.arm";
/// A schedule strikes.
const SCHEDULE: &str = "rule.schedule";
/// A schedule goes through the cases, a page at a time.
const WALK: &str = "rule.walk";
/// Cases of one page.
const PAGE: usize = 200;

#[derive(Debug, Serialize, Deserialize)]
struct Ticket {
    rule: ObjectId,
    trigger: usize,
    #[serde(default)]
    case: Option<CaseId>,
    /// When it was meant to happen.
    #[serde(default)]
    at: Option<Time>,
}

/// A time, or a date: its midnight by the workspace's zone.
fn moment(text: &str, zone: &TimeZone) -> Option<Time> {
    match text.parse::<jiff::civil::Date>() {
        Ok(date) if text.len() == 10 => date.to_zoned(zone.clone()).ok().map(|at| Time::from_micros(at.timestamp().as_microsecond())),
        _ => text.parse().ok(),
    }
}

/// Whether what a trigger counts down to has come already; the others count up.
fn is_over(trigger: &Trigger, at: Time, now: Time) -> bool {
    match trigger {
        Trigger::Before(before) => before.before.seconds().is_some_and(|seconds| at.plus_seconds(seconds) <= now),
        _ => false,
    }
}

/// When a trigger wants a case looked at; `None`: not as things stand.
fn wanted(trigger: &Trigger, state: &State, zone: &TimeZone) -> Option<Time> {
    if state.merged {
        return None;
    }
    let moment = |field: &str| state.facts.get(field).and_then(Value::as_str).and_then(|text| moment(text, zone));
    match trigger {
        Trigger::After(after) => {
            let seconds = after.after.seconds()?;
            let since = match (&after.stage, &after.status, &after.since) {
                (Some(stage), _, _) => state.stage_since.filter(|_| state.text("stage") == stage),
                (_, Some(status), _) => state.status_since.filter(|_| state.text("status") == status),
                (_, _, Some(field)) => moment(field),
                _ => None,
            }?;
            Some(since.plus_seconds(seconds))
        }
        Trigger::Before(before) => Some(moment(&before.of)?.plus_seconds(-before.before.seconds()?)),
        _ => None,
    }
}

fn key_of(rule: ObjectId, trigger: usize, case: CaseId) -> String {
    format!("{rule}.{trigger}.{case}")
}

/// Sets and cancels timers where an event moved what they wait for.
pub fn rearm(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId, before: &State, after: &State) -> Result<()> {
    let loaded = Loaded::of(tx, workspace)?;
    for rule in loaded.set.rules() {
        let Some(place) = loaded.places.get(&rule.key) else { continue };
        for (i, trigger) in rule.when.iter().enumerate() {
            match (wanted(trigger, before, &loaded.zone), wanted(trigger, after, &loaded.zone)) {
                (old, new) if old == new => {}
                (_, Some(at)) if is_over(trigger, at, tx.now()) => tx.cancel_timer(DUE, &key_of(place.id, i, case))?,
                (_, Some(at)) => set(tx, workspace, place.id, i, case, at)?,
                (_, None) => tx.cancel_timer(DUE, &key_of(place.id, i, case))?,
            }
        }
    }
    Ok(())
}

fn set(tx: &Tx<'_>, workspace: WorkspaceId, rule: ObjectId, trigger: usize, case: CaseId, at: Time) -> Result<()> {
    let ticket = Ticket { rule, trigger, case: Some(case), at: Some(at) };
    tx.set_timer(workspace, DUE, &key_of(rule, trigger, case), at, &serde_json::to_value(ticket)?)
}

/// A rule was saved or switched on: what its triggers need is set up.
pub fn start(tx: &Tx<'_>, workspace: WorkspaceId, rule: &Rule, id: ObjectId, zone: &str) -> Result<()> {
    for (i, trigger) in rule.when.iter().enumerate() {
        match trigger {
            Trigger::After(_) | Trigger::Before(_) => {
                let ticket = Ticket { rule: id, trigger: i, case: None, at: None };
                tx.set_timer(workspace, ARM, &format!("{id}.{i}"), tx.now(), &serde_json::to_value(ticket)?)?;
            }
            Trigger::Every(_) | Trigger::Cron(_) => strike_next(tx, workspace, id, i, trigger, zone)?,
            Trigger::On(_) => {}
        }
    }
    Ok(())
}

fn strike_next(tx: &Tx<'_>, workspace: WorkspaceId, id: ObjectId, i: usize, trigger: &Trigger, zone: &str) -> Result<()> {
    let now = tx.now();
    let next = match trigger {
        Trigger::Every(every) => every.every.seconds().map(|seconds| now.plus_seconds(seconds.max(60))),
        Trigger::Cron(cron) => cron.cron.parse::<Cron>().ok().and_then(|c| c.next(now.micros(), cron.zone.as_deref().unwrap_or(zone))).map(Time::from_micros),
        _ => None,
    };
    let Some(at) = next else { return Ok(()) };
    tx.set_timer(workspace, SCHEDULE, &format!("{id}.{i}"), at, &serde_json::to_value(Ticket { rule: id, trigger: i, case: None, at: Some(at) })?)
}

/// The rule of a ticket as it is now, if it is still there and switched on.
fn current<'l>(loaded: &'l Loaded, ticket: &Ticket) -> Option<&'l Rule> {
    let key = loaded.places.iter().find(|(_, place)| place.id == ticket.rule)?.0;
    loaded.set.rule(key)
}

fn is_schedule(trigger: &Trigger) -> bool {
    matches!(trigger, Trigger::Every(_) | Trigger::Cron(_))
}

fn ticket(timer: &Timer) -> Result<Ticket> {
    Ok(serde_json::from_value(timer.payload.clone())?)
}

fn due(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let ticket = ticket(timer)?;
    let loaded = Loaded::of(tx, timer.workspace)?;
    let (Some(rule), Some(case), Some(at)) = (current(&loaded, &ticket), ticket.case, ticket.at) else { return Ok(()) };
    let Some(state) = on_events::load(tx, timer.workspace, case)? else { return Ok(()) };
    // It may have left the state and come back since.
    if rule.when.get(ticket.trigger).and_then(|trigger| wanted(trigger, &state, &loaded.zone)) != Some(at) {
        return Ok(());
    }
    let mark = format!("t{}-{}-{case}", at.micros(), ticket.trigger);
    fire::on_time(tx, &loaded, &Subject { workspace: timer.workspace, case, state: &state, mark: &mark, now: tx.now(), causes: &[] }, &rule.key)?;
    Ok(())
}

/// The next page of cases; closed ones only when asked for.
fn page(tx: &Tx<'_>, workspace: WorkspaceId, after: Option<CaseId>, closed_too: bool) -> Result<Vec<(CaseId, Json<State>)>> {
    let after = after.unwrap_or(CaseId(uuid::Uuid::nil()));
    if closed_too {
        // Two walks of the index, one for each half, merged by the order of ids.
        let mut both: Vec<(CaseId, Json<State>)> = Vec::new();
        for closed in [false, true] {
            both.extend(tx.all::<(CaseId, Json<State>)>("SELECT case_id, state FROM rule_case WHERE workspace_id = ?1 AND closed = ?2 AND case_id > ?3 ORDER BY case_id LIMIT ?4", params![workspace, closed, after, PAGE])?);
        }
        both.sort_by_key(|(case, _)| case.0);
        both.truncate(PAGE);
        return Ok(both);
    }
    tx.all("SELECT case_id, state FROM rule_case WHERE workspace_id = ?1 AND closed = ?2 AND case_id > ?3 ORDER BY case_id LIMIT ?4", params![workspace, false, after, PAGE])
}

fn arm(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let ticket = ticket(timer)?;
    let loaded = Loaded::of(tx, timer.workspace)?;
    let Some(trigger) = current(&loaded, &ticket).and_then(|rule| rule.when.get(ticket.trigger)) else { return Ok(()) };
    let cases = page(tx, timer.workspace, ticket.case, true)?;
    for (case, Json(state)) in &cases {
        match wanted(trigger, state, &loaded.zone) {
            // What was over long ago is not dug up because a rule is new.
            Some(at) if (at <= tx.now() && state.is_closed()) || is_over(trigger, at, tx.now()) => {}
            Some(at) => set(tx, timer.workspace, ticket.rule, ticket.trigger, *case, at)?,
            None => {}
        }
    }
    if let Some((last, _)) = cases.last().filter(|_| cases.len() == PAGE) {
        let next = Ticket { case: Some(*last), ..ticket };
        tx.set_timer(timer.workspace, ARM, &timer.key, tx.now(), &serde_json::to_value(next)?)?;
    }
    Ok(())
}

fn schedule(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let ticket = ticket(timer)?;
    let loaded = Loaded::of(tx, timer.workspace)?;
    // The rule may have been given another trigger since.
    let Some(trigger) = current(&loaded, &ticket).and_then(|rule| rule.when.get(ticket.trigger)).filter(|trigger| is_schedule(trigger)) else { return Ok(()) };
    strike_next(tx, timer.workspace, ticket.rule, ticket.trigger, trigger, &loaded.zone_name)?;
    let at = ticket.at.unwrap_or(timer.due_at);
    tx.set_timer(timer.workspace, WALK, &format!("{}.{}.{}", ticket.rule, ticket.trigger, at.micros()), tx.now(), &serde_json::to_value(Ticket { case: None, at: Some(at), ..ticket })?)
}

fn walk(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let ticket = ticket(timer)?;
    let loaded = Loaded::of(tx, timer.workspace)?;
    let (Some(rule), Some(at)) = (current(&loaded, &ticket), ticket.at) else { return Ok(()) };
    if !rule.when.get(ticket.trigger).is_some_and(is_schedule) {
        return Ok(());
    }
    let closed_too = rule.condition.fields().iter().any(|field| ["status", "stage", "closed_at", "resolution"].contains(field));
    let cases = page(tx, timer.workspace, ticket.case, closed_too)?;
    for (case, Json(state)) in &cases {
        let mark = format!("s{}-{}-{case}", at.micros(), ticket.trigger);
        fire::on_time(tx, &loaded, &Subject { workspace: timer.workspace, case: *case, state, mark: &mark, now: tx.now(), causes: &[] }, &rule.key)?;
    }
    if let Some((last, _)) = cases.last().filter(|_| cases.len() == PAGE) {
        tx.set_timer(timer.workspace, WALK, &timer.key, tx.now(), &serde_json::to_value(Ticket { case: Some(*last), ..ticket })?)?;
    }
    Ok(())
}
