//! Where cases are stuck: since when in their stage, which work orders and reviews they wait for, how often somebody asked
//! to get on with it. Beside it the case types, teams and presence that boards and walls show. Rebuilt from the log.

use shouwen_contracts::casework::{CaseEvent, CaseTypeEvent, TypeStage};
use shouwen_contracts::identity::IdentityEvent;
use shouwen_contracts::reviews::ReviewEvent;
use shouwen_kernel::{CaseId, PersonId, ReviewId, Result, Time, WorkspaceId};
use shouwen_store::{Json, Recorded, Tx, params};
use uuid::Uuid;

/// The events read: few, so that mail coming in wakes nothing here.
pub const KINDS: &[&str] = &[
    "case.stage", "case.reminded", "case.child_opened", "case.child_closed", "case_type.saved", "case_type.removed", "team.saved", "team.deleted", "person.status", "review.requested", "review.step", "review.decided",
    "review.released", "review.approved", "review.returned", "review.withdrawn",
];

/// Empties the projection.
pub fn reset(tx: &Tx<'_>) -> Result<()> {
    tx.batch("DELETE FROM desk_type; DELETE FROM desk_stay; DELETE FROM desk_wait; DELETE FROM desk_presence; DELETE FROM desk_team;")
}

/// Digests one event.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let workspace = recorded.workspace;
    if let Some(event) = recorded.event::<CaseEvent>()? {
        return on_case(tx, workspace, event);
    }
    if let Some(event) = recorded.event::<ReviewEvent>()? {
        return on_review(tx, recorded, event);
    }
    if let Some(event) = recorded.event::<CaseTypeEvent>()? {
        return match event {
            CaseTypeEvent::TypeSaved(t) => tx.run(
                "INSERT INTO desk_type (workspace_id, key, title_zh, title_en, stages) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (workspace_id, key) DO UPDATE SET title_zh = ?3, title_en = ?4, stages = ?5",
                params![workspace, t.key, t.title_zh, t.title_en, Json::<&Vec<TypeStage>>(&t.stages)],
            ),
            CaseTypeEvent::TypeRemoved(t) => tx.run("DELETE FROM desk_type WHERE workspace_id = ?1 AND key = ?2", params![workspace, t.key]),
        };
    }
    match recorded.event::<IdentityEvent>()? {
        Some(IdentityEvent::PersonStatus(s)) => tx.run(
            "INSERT INTO desk_presence (person_id, workspace_id, status, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (person_id) DO UPDATE SET status = ?3, at = ?4",
            params![s.person_id, workspace, s.status, recorded.at],
        ),
        Some(IdentityEvent::TeamSaved(t)) => tx.run(
            "INSERT INTO desk_team (team_id, workspace_id, name, org_unit_id) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (team_id) DO UPDATE SET name = ?3, org_unit_id = ?4",
            params![t.team_id, workspace, t.name, t.org_unit_id],
        ),
        Some(IdentityEvent::TeamDeleted(t)) => tx.run("DELETE FROM desk_team WHERE team_id = ?1", params![t.team_id]),
        _ => Ok(()),
    }
}

fn on_case(tx: &Tx<'_>, workspace: WorkspaceId, event: CaseEvent) -> Result<()> {
    match event {
        CaseEvent::StageChanged(s) => tx.run(
            "INSERT INTO desk_stay (case_id, workspace_id, since, reminders) VALUES (?1, ?2, ?3, 0) ON CONFLICT (case_id) DO UPDATE SET since = ?3",
            params![s.case_id, workspace, s.at],
        ),
        CaseEvent::Reminded(r) => {
            // A case that never left its first stage stands there since it was opened: 0 says so.
            tx.run(
                "INSERT INTO desk_stay (case_id, workspace_id, since, reminders, reminded_at) VALUES (?1, ?2, 0, ?3, ?4) ON CONFLICT (case_id) DO UPDATE SET reminders = ?3, reminded_at = ?4",
                params![r.case_id, workspace, r.count, r.at],
            )
        }
        CaseEvent::ChildOpened(c) => {
            let wait = Wait { case: c.case_id, on: c.child_id.0, kind: "department", number: &c.number, title: (&c.title, &c.title), step: (0, 0), people: &[], since: c.at, due_at: c.due_at };
            wait.write(tx, workspace)
        }
        CaseEvent::ChildClosed(c) => over(tx, c.case_id, c.child_id.0),
        _ => Ok(()),
    }
}

fn on_review(tx: &Tx<'_>, recorded: &Recorded, event: ReviewEvent) -> Result<()> {
    let workspace = recorded.workspace;
    // What is found after an emergency is told of no case, but waits with the one it is about.
    let ended = |review: ReviewId, case: Option<CaseId>| case.or(recorded.subject.map(CaseId)).map_or(Ok(()), |case| over(tx, case, review.0));
    match event {
        ReviewEvent::Requested(r) => match r.case_id {
            Some(case) => Wait { case, on: r.review_id.0, kind: "review", number: "", title: (&r.title, &r.title), step: (0, 0), people: &[], since: r.at, due_at: None }.write(tx, workspace),
            None => Ok(()),
        },
        ReviewEvent::StepOpened(s) => {
            let Some(case) = s.case_id else { return Ok(()) };
            // Who comes to an open step is waited for beside the others, and since it was opened.
            if s.added && tx.execute("UPDATE desk_wait SET due_at = ?3 WHERE case_id = ?1 AND ref = ?2 AND step = ?4", params![case, s.review_id.0, s.due_at, s.step])? > 0 {
                return waits_for(tx, Some(case), s.review_id, s.step, s.waiting.as_deref());
            }
            let people = s.waiting.as_deref().unwrap_or(&s.people);
            Wait { case, on: s.review_id.0, kind: "review", number: "", title: (&s.title_zh, &s.title_en), step: (s.step, s.of), people, since: s.at, due_at: s.due_at }.write(tx, workspace)
        }
        ReviewEvent::Decided(d) => waits_for(tx, d.case_id, d.review_id, d.step, d.waiting.as_deref()),
        ReviewEvent::Released(r) => waits_for(tx, r.case_id, r.review_id, r.step, Some(&r.waiting)),
        ReviewEvent::Approved(e) => ended(e.review_id, e.case_id),
        ReviewEvent::Returned(e) => ended(e.review_id, e.case_id),
        ReviewEvent::Withdrawn(e) => ended(e.review_id, e.case_id),
        _ => Ok(()),
    }
}

/// A step that waits already waits for these from now on; old logs do not say for whom.
fn waits_for(tx: &Tx<'_>, case: Option<CaseId>, review: ReviewId, step: i64, people: Option<&[PersonId]>) -> Result<()> {
    let (Some(case), Some(people)) = (case, people) else { return Ok(()) };
    tx.run("UPDATE desk_wait SET people = ?3 WHERE case_id = ?1 AND ref = ?2 AND step = ?4", params![case, review.0, Json(people), step])
}

struct Wait<'a> {
    case: CaseId,
    /// The work order or the review.
    on: Uuid,
    kind: &'a str,
    number: &'a str,
    title: (&'a str, &'a str),
    /// Which step of how many.
    step: (i64, i64),
    people: &'a [PersonId],
    since: Time,
    due_at: Option<Time>,
}

impl Wait<'_> {
    fn write(&self, tx: &Tx<'_>, workspace: WorkspaceId) -> Result<()> {
        tx.run(
            "INSERT INTO desk_wait (case_id, ref, workspace_id, kind, number, title_zh, title_en, step, steps, people, since, due_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (case_id, ref) DO UPDATE SET title_zh = ?6, title_en = ?7, step = ?8, steps = ?9, people = ?10, since = ?11, due_at = ?12",
            params![self.case, self.on, workspace, self.kind, self.number, self.title.0, self.title.1, self.step.0, self.step.1, Json(self.people), self.since, self.due_at],
        )
    }
}

fn over(tx: &Tx<'_>, case: CaseId, on: Uuid) -> Result<()> {
    tx.run("DELETE FROM desk_wait WHERE case_id = ?1 AND ref = ?2", params![case, on])
}
