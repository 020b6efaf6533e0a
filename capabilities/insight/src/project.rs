//! Events → points.

use shouwen_contracts::casework::{CaseEvent, ChildClosed};
use shouwen_contracts::complaints::ComplaintEvent;
use shouwen_contracts::identity::IdentityEvent;
use shouwen_contracts::reviews::ReviewEvent;
use shouwen_contracts::service_levels::{ClockEvent, Met};
use shouwen_contracts::voice::VoiceEvent;
use shouwen_kernel::{CaseId, Result, Time, WorkspaceId};
use shouwen_store::{Recorded, Tx, params};
use uuid::Uuid;

use crate::points::{self, Dimensions, Point};
use crate::range::day_of;

/// Key of the type whose cases are complaints.
const COMPLAINT: &str = "complaint";

/// The events read.
pub const KINDS: &[&str] = &[
    "case.opened", "case.message_added", "case.assigned", "case.edited", "case.stage", "case.closed", "case.reopened", "case.merged", "case.unmerged", "clock.met", "survey.requested", "survey.answered",
    "case.child_closed", "complaint.repeated", "review.requested", "review.approved", "review.returned",
    "person.saved", "team.saved", "org_unit.saved",
];

/// Empties everything.
pub fn reset(tx: &Tx<'_>) -> Result<()> {
    tx.batch("DELETE FROM insight_case; DELETE FROM insight_point; DELETE FROM insight_day; DELETE FROM insight_name; DELETE FROM insight_review;")
}

#[derive(Clone)]
struct Case {
    id: CaseId,
    workspace: WorkspaceId,
    dimensions: Dimensions,
    answers: i64,
    opened_at: Time,
    zone: String,
}

fn load(tx: &Tx<'_>, workspace: WorkspaceId, id: CaseId) -> Result<Option<Case>> {
    let row: Option<(Uuid, Uuid, Uuid, String, i64, Time, bool)> =
        tx.opt("SELECT team_id, org_unit_id, person_id, channel, answers, opened_at, merged FROM insight_case WHERE case_id = ?1", params![id])?;
    let zone = zone_of(tx, workspace)?;
    Ok(row.filter(|row| !row.6).map(|(team, org_unit, person, channel, answers, opened_at, _)| Case { id, workspace, dimensions: Dimensions { team, org_unit, person, channel }, answers, opened_at, zone }))
}

/// Whether an event can change a figure at all: what a customer writes does not, and most events are that.
fn counts(event: &CaseEvent) -> bool {
    match event {
        CaseEvent::MessageAdded(m) => m.direction == "out" && !m.auto,
        _ => true,
    }
}

/// The workspace's time zone, by which days are cut.
pub fn zone_of(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<String> {
    tx.known(&format!("workspace.time_zone/{workspace}"), || {
        Ok(tx.opt::<(String,)>("SELECT time_zone FROM workspace WHERE id = ?1", params![workspace])?.map_or_else(|| "UTC".to_owned(), |row| row.0))
    })
}

impl Case {
    fn point(&self, points: &'static str, slot: &'static str, at: Time, numerator: i64, denominator: i64, value: Option<i64>) -> Point {
        Point { case: self.id, points, slot, day: day_of(at, &self.zone), at, numerator, denominator, value, dimensions: self.dimensions.clone() }
    }
    fn put(&self, tx: &Tx<'_>, points: &'static str, slot: &'static str, at: Time, numerator: i64, denominator: i64, value: Option<i64>) -> Result<()> {
        points::put(tx, self.workspace, &self.point(points, slot, at, numerator, denominator, value))
    }
}

fn name(tx: &Tx<'_>, id: Uuid, kind: &str, name: &str) -> Result<()> {
    tx.run("INSERT INTO insight_name (id, kind, name) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET name = ?3", params![id, kind, name])?;
    Ok(())
}

/// Digests one event.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    if let Some(event) = recorded.event::<IdentityEvent>()? {
        return match event {
            IdentityEvent::PersonSaved(p) => name(tx, p.person_id.0, "person", &p.name),
            IdentityEvent::TeamSaved(t) => name(tx, t.team_id.0, "team", &t.name),
            IdentityEvent::OrgUnitSaved(o) => name(tx, o.org_unit_id.0, "org_unit", &o.name),
            _ => Ok(()),
        };
    }
    let workspace = recorded.workspace;
    let of_case = recorded.event::<CaseEvent>()?;
    if of_case.as_ref().is_some_and(|event| !counts(event)) {
        return Ok(());
    }
    if let Some(CaseEvent::Opened(o)) = &of_case {
        let id = |value: Option<Uuid>| value.unwrap_or_default();
        tx.run(
            "INSERT INTO insight_case (case_id, workspace_id, number, title, channel, team_id, org_unit_id, person_id, answers, opened_at, merged) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, FALSE)",
            params![o.case_id, workspace, o.number, o.title, o.channel, id(o.team_id.map(|t| t.0)), id(o.org_unit_id.map(|u| u.0)), id(o.assignee_id.map(|p| p.0)), o.opened_at],
        )?;
        let dimensions = Dimensions { team: id(o.team_id.map(|t| t.0)), org_unit: id(o.org_unit_id.map(|u| u.0)), person: id(o.assignee_id.map(|p| p.0)), channel: o.channel.clone() };
        let case = Case { id: o.case_id, workspace, dimensions, answers: 0, opened_at: o.opened_at, zone: zone_of(tx, workspace)? };
        points::put_first(tx, workspace, &case.point("opened", "", o.opened_at, 1, 1, None))?;
        if o.case_type == COMPLAINT {
            points::put_first(tx, workspace, &case.point("complaint", "", o.opened_at, 1, 1, None))?;
        }
        return points::put_first(tx, workspace, &case.point("backlog", "in", o.opened_at, 1, 1, None));
    }
    if let Some(CaseEvent::ChildClosed(done)) = &of_case {
        return waited(tx, workspace, done);
    }
    if let Some(event) = recorded.event::<ReviewEvent>()? {
        return on_review(tx, workspace, event);
    }
    if let Some(ComplaintEvent::Repeated(repeated)) = recorded.event::<ComplaintEvent>()? {
        return match load(tx, workspace, repeated.case_id)? {
            Some(case) => as_opened(tx, &case, "repeat_complaint"),
            None => Ok(()),
        };
    }
    let Some(id) = recorded.subject.map(CaseId) else { return Ok(()) };
    if let Some(CaseEvent::Unmerged(u)) = &of_case {
        if u.case_id == id {
            tx.run("UPDATE insight_case SET merged = FALSE WHERE case_id = ?1", params![id])?;
            if let Some(case) = load(tx, workspace, id)? {
                case.put(tx, "opened", "", case.opened_at, 1, 1, None)?;
                case.put(tx, "backlog", "in", case.opened_at, 1, 1, None)?;
            }
        }
        return Ok(());
    }
    let Some(case) = load(tx, workspace, id)? else { return Ok(()) };
    if let Some(event) = of_case {
        return on_case(tx, &case, event);
    }
    if let Some(ClockEvent::Met(met)) = recorded.event::<ClockEvent>()? {
        return on_met(tx, &case, &met);
    }
    match recorded.event::<VoiceEvent>()? {
        Some(VoiceEvent::Requested(r)) => case.put(tx, "csat_response_rate", "", r.at, 0, 1, None),
        Some(VoiceEvent::Answered(a)) => {
            // The answer counts on its own day, the rate on the day the question was put.
            if let Some(mut asked) = points::get(tx, id, "csat_response_rate", "")? {
                asked.numerator = 1;
                points::put(tx, workspace, &asked)?;
            }
            case.put(tx, "csat", "", a.at, i64::from(a.score >= 4), 1, None)
        }
        _ => Ok(()),
    }
}

/// A work order is done: the parent waited for whoever did it, in time as it passes.
fn waited(tx: &Tx<'_>, workspace: WorkspaceId, done: &ChildClosed) -> Result<()> {
    let Some(mut child) = load(tx, workspace, done.child_id)? else { return Ok(()) };
    child.dimensions.team = done.team_id.map_or(child.dimensions.team, |team| team.0);
    child.dimensions.org_unit = done.org_unit_id.map_or(child.dimensions.org_unit, |unit| unit.0);
    let seconds = seconds_between(done.opened_at, done.at);
    child.put(tx, "department_wait", "", done.at, seconds, 1, Some(seconds))
}

/// Counts a case where its opening counts, so that a part never stands where its whole does not.
fn as_opened(tx: &Tx<'_>, case: &Case, name: &'static str) -> Result<()> {
    match points::get(tx, case.id, "opened", "")? {
        Some(opened) => points::put(tx, case.workspace, &Point { points: name, ..opened }),
        None => Ok(()),
    }
}

fn seconds_between(from: Time, to: Time) -> i64 {
    ((to.micros() - from.micros()) / 1_000_000).max(0)
}

/// How long reviews take; of several of one case the last counts.
fn on_review(tx: &Tx<'_>, workspace: WorkspaceId, event: ReviewEvent) -> Result<()> {
    let (review, at) = match event {
        ReviewEvent::Requested(r) => {
            let Some(case) = r.case_id else { return Ok(()) };
            return tx.run(
                "INSERT INTO insight_review (review_id, case_id, at) VALUES (?1, ?2, ?3) ON CONFLICT (review_id) DO UPDATE SET at = ?3",
                params![r.review_id.0, case, r.at],
            );
        }
        ReviewEvent::Approved(e) => (e.review_id, e.at),
        ReviewEvent::Returned(e) => (e.review_id, e.at),
        _ => return Ok(()),
    };
    let Some((case, asked)): Option<(CaseId, Time)> = tx.opt("SELECT case_id, at FROM insight_review WHERE review_id = ?1", params![review.0])? else { return Ok(()) };
    tx.run("DELETE FROM insight_review WHERE review_id = ?1", params![review.0])?;
    let Some(case) = load(tx, workspace, case)? else { return Ok(()) };
    case.put(tx, "review_time", "", at, 1, 1, Some(seconds_between(asked, at)))
}

fn on_met(tx: &Tx<'_>, case: &Case, met: &Met) -> Result<()> {
    match met.clock.as_str() {
        // Closed without any answer: no response happened, so none is counted.
        "first_response" if case.answers == 0 => Ok(()),
        "first_response" => {
            case.put(tx, "first_response", "", met.at, 1, 1, Some(met.elapsed_s))?;
            case.put(tx, "sla_first_response", "", met.at, i64::from(!met.breached), 1, None)
        }
        "resolution" => {
            case.put(tx, "resolution", "", met.at, 1, 1, Some(met.elapsed_s))?;
            case.put(tx, "sla_resolution", "", met.at, i64::from(!met.breached), 1, None)
        }
        _ => Ok(()),
    }
}

fn on_case(tx: &Tx<'_>, case: &Case, event: CaseEvent) -> Result<()> {
    match event {
        CaseEvent::MessageAdded(m) if m.direction == "out" && !m.auto => tx.execute("UPDATE insight_case SET answers = answers + 1 WHERE case_id = ?1", params![case.id]).map(|_| ()),
        CaseEvent::Assigned(a) => {
            // What was counted stays with whom it was counted for; from now on the new hands count.
            tx.run(
                "UPDATE insight_case SET team_id = ?2, org_unit_id = coalesce(?3, org_unit_id), person_id = ?4 WHERE case_id = ?1",
                params![case.id, a.to_team.map(|t| t.0).unwrap_or_default(), a.org_unit_id.map(|u| u.0), a.to_person.map(|p| p.0).unwrap_or_default()],
            )?;
            // The backlog is where the work lies now.
            let Some(now) = load(tx, case.workspace, case.id)? else { return Ok(()) };
            match points::get(tx, case.id, "backlog", "in")? {
                Some(point) => points::put(tx, case.workspace, &Point { dimensions: now.dimensions, ..point }),
                None => Ok(()),
            }
        }
        CaseEvent::Edited(e) if e.field == "title" => {
            tx.execute("UPDATE insight_case SET title = ?2 WHERE case_id = ?1", params![case.id, e.to.as_str().unwrap_or_default()]).map(|_| ())
        }
        // A complaint is mostly found to be one after it came in; it counts on the day it came.
        CaseEvent::Edited(e) if e.field == "type" => match e.to.as_str() == Some(COMPLAINT) {
            true => as_opened(tx, case, "complaint"),
            false => {
                points::remove(tx, case.workspace, case.id, "repeat_complaint", "")?;
                points::remove(tx, case.workspace, case.id, "complaint", "")
            }
        },
        CaseEvent::Closed(c) => {
            case.put(tx, "closed", "", c.at, 1, 1, None)?;
            case.put(tx, "backlog", "out", c.at, -1, 0, None)?;
            if points::get(tx, case.id, "reopened", "")?.is_none() {
                case.put(tx, "reopened", "", c.at, 0, 1, None)?;
            }
            if c.resolution == "duplicate" || c.resolution == "spam" {
                return points::remove(tx, case.workspace, case.id, "fcr", "");
            }
            let reopened = points::get(tx, case.id, "reopened", "")?.is_some_and(|p| p.numerator > 0);
            case.put(tx, "fcr", "", c.at, i64::from(case.answers == 1 && !reopened), 1, None)
        }
        CaseEvent::Reopened(r) => {
            points::remove(tx, case.workspace, case.id, "closed", "")?;
            points::remove(tx, case.workspace, case.id, "backlog", "out")?;
            for name in ["resolution", "sla_resolution"] {
                points::remove(tx, case.workspace, case.id, name, "")?;
            }
            // A closing taken back at once was never one: nothing was reopened.
            if r.reason == "undo" {
                points::remove(tx, case.workspace, case.id, "fcr", "")?;
                return match points::get(tx, case.id, "reopened", "")? {
                    Some(point) if point.numerator == 0 => points::remove(tx, case.workspace, case.id, "reopened", ""),
                    _ => Ok(()),
                };
            }
            if let Some(point) = points::get(tx, case.id, "fcr", "")? {
                points::put(tx, case.workspace, &Point { numerator: 0, ..point })?;
            }
            match points::get(tx, case.id, "reopened", "")? {
                Some(point) => points::put(tx, case.workspace, &Point { numerator: 1, ..point }),
                None => Ok(()),
            }
        }
        CaseEvent::Merged(m) if m.case_id == case.id => {
            // It was no matter of its own after all.
            for (name, slot) in [("opened", ""), ("backlog", "in"), ("backlog", "out"), ("closed", ""), ("fcr", ""), ("reopened", ""), ("complaint", ""), ("repeat_complaint", "")] {
                points::remove(tx, case.workspace, case.id, name, slot)?;
            }
            tx.execute("UPDATE insight_case SET merged = TRUE WHERE case_id = ?1", params![case.id]).map(|_| ())
        }
        _ => Ok(()),
    }
}
