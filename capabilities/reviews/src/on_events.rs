//! What others tell: who there is and what they hold, what becomes of cases, and which of them want a review.

use serde_json::json;
use shouwen_contracts::casework::{CaseEvent, ReviewWanted};
use shouwen_contracts::identity::IdentityEvent;
use shouwen_contracts::service_levels::CalendarEvent;
use shouwen_kernel::{Access, CaseId, Result, ReviewId, WorkspaceId};
use shouwen_store::{Ctx, Json, Recorded, Tx, params};
use shouwen_web::PackText;
use uuid::Uuid;

use crate::course::{self, Ask};
use crate::def::{DEFAULT_FLOW, Nobody, Plan, StepDef};
use crate::review::{KnownCase, Review};
use crate::{changes, flows, hours, people, steps};

/// The events read. It writes state and tells of it, so it is never rebuilt.
pub const KINDS: &[&str] = &[
    "person.saved", "person.rights_changed", "case.opened", "case.edited", "case.assigned", "case.accountable", "case.watched", "case.co_handler", "case.stage", "case.closed", "case.reopened", "case.merged",
    "case.unmerged", "case.split", "case.customer", "case.review_wanted", "calendar.saved", "calendar.removed",
];

/// Digests one event.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    if let Some(event) = recorded.event::<IdentityEvent>()? {
        return match event {
            IdentityEvent::PersonSaved(p) => {
                let back = p.active && people::Person::load(tx, p.person_id)?.is_some_and(|known| !known.active);
                people::saved(tx, recorded.workspace, &p)?;
                match (p.active, back) {
                    (false, _) => changes::release(tx, recorded.workspace, p.person_id, true),
                    (true, true) => changes::join(tx, recorded.workspace, p.person_id, &people::Gained::all(tx, p.person_id)?),
                    (true, false) => Ok(()),
                }
            }
            IdentityEvent::RightsChanged(r) => {
                let gained = people::rights(tx, recorded.workspace, &r)?;
                if r.grants.is_some() {
                    changes::release(tx, recorded.workspace, r.person_id, false)?;
                }
                changes::join(tx, recorded.workspace, r.person_id, &gained)
            }
            _ => Ok(()),
        };
    }
    if let Some(event) = recorded.event::<CalendarEvent>()? {
        return match event {
            CalendarEvent::CalendarSaved(c) => hours::saved(tx, recorded.workspace, &c),
            CalendarEvent::CalendarRemoved(c) => tx.run("DELETE FROM review_calendar WHERE calendar_id = ?1", params![c.calendar_id]),
        };
    }
    let (Some(event), Some(case)) = (recorded.event::<CaseEvent>()?, recorded.subject.map(CaseId)) else { return Ok(()) };
    // Where it belongs is told with every event of a case.
    if let Some(access) = recorded.access()?.filter(|_| recorded.kind != "case.opened") {
        tx.run("UPDATE review_case SET access = ?2 WHERE case_id = ?1", params![case, Json(&access)])?;
    }
    let ctx = Ctx { workspace: recorded.workspace, actor: recorded.actor()?, ip: None };
    match event {
        CaseEvent::Opened(o) => tx.run(
            "INSERT INTO review_case (case_id, workspace_id, number, title, case_type, stage, status, access) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (case_id) DO UPDATE SET title = ?4, stage = ?6, status = ?7, access = ?8",
            params![o.case_id, recorded.workspace, o.number, o.title, o.case_type, o.stage, o.status, Json(recorded.access()?.unwrap_or_default())],
        ),
        CaseEvent::Edited(e) => match e.field.as_str() {
            "title" => tx.run("UPDATE review_case SET title = ?2 WHERE case_id = ?1", params![e.case_id, e.to.as_str().unwrap_or_default()]),
            "type" => tx.run("UPDATE review_case SET case_type = ?2 WHERE case_id = ?1", params![e.case_id, e.to.as_str().unwrap_or_default()]),
            "fields.solution" => {
                let by = ctx.actor.person_id();
                tx.run("UPDATE review_case SET solution = ?2, solution_by = ?3 WHERE case_id = ?1", params![e.case_id, e.to.as_str(), by])?;
                // Blanks at its ends make no other solution.
                let said = |value: &serde_json::Value| value.as_str().unwrap_or_default().trim().to_owned();
                if said(&e.from) == said(&e.to) { Ok(()) } else { changes::rewritten(tx, &ctx, e.case_id, by) }
            }
            _ => Ok(()),
        },
        CaseEvent::StageChanged(s) => {
            tx.run("UPDATE review_case SET stage = ?2, status = ?3 WHERE case_id = ?1", params![s.case_id, s.to, s.to_status])?;
            left(tx, &ctx, s.case_id, "the case went on to another stage", |review| review.stage.as_deref().is_some_and(|stage| stage != s.to))
        }
        CaseEvent::Closed(c) => {
            tx.run("UPDATE review_case SET status = 'closed' WHERE case_id = ?1", params![c.case_id])?;
            left(tx, &ctx, c.case_id, "the case was closed", |_| true)
        }
        CaseEvent::Merged(m) => {
            tx.run("UPDATE review_case SET status = 'closed' WHERE case_id = ?1", params![m.case_id])?;
            left(tx, &ctx, m.case_id, "the case was merged into another", |_| true)
        }
        CaseEvent::Reopened(r) => tx.run("UPDATE review_case SET status = 'open' WHERE case_id = ?1 AND status = 'closed'", params![r.case_id]),
        CaseEvent::Unmerged(u) => tx.run("UPDATE review_case SET status = 'open' WHERE case_id = ?1 AND status = 'closed'", params![u.case_id]),
        CaseEvent::ReviewWanted(wanted) => wanted_by_stage(tx, &ctx, &wanted),
        _ => Ok(()),
    }
}

/// What a case no longer needs is taken back. Emergencies stay: they are in force, and are to be written up and looked at.
fn left(tx: &Tx<'_>, ctx: &Ctx, case: CaseId, why: &str, concerns: impl Fn(&Review) -> bool) -> Result<()> {
    let open: Vec<(Uuid,)> = tx.all("SELECT id FROM review_review WHERE case_id = ?1 AND state = 'open' ORDER BY id LIMIT 200", params![case])?;
    for (id,) in open {
        if let Some(mut review) = Review::lock_in_turn(tx, ReviewId(id), true)?.filter(|review| review.is_open() && !review.emergency && concerns(review)) {
            course::withdraw(tx, ctx, &mut review, Some(why.to_owned()))?;
        }
    }
    Ok(())
}

/// The plan of a wanted flow. Where there is none of that key, the flow for solutions; without that, the
/// administrators decide: nothing is approved by default, and a case never waits for nobody.
fn plan_of(tx: &Tx<'_>, workspace: WorkspaceId, key: &str) -> Result<(Plan, Option<String>)> {
    if let Some(flow) = flows::by_key(tx, workspace, key)? {
        return Ok((flow.plan(), None));
    }
    if let Some(flow) = flows::by_key(tx, workspace, DEFAULT_FLOW)? {
        let note = format!("没有审核流程 {key}，按 {DEFAULT_FLOW} 审核 · there is no flow `{key}`; `{DEFAULT_FLOW}` is followed");
        return Ok((flow.plan(), Some(note)));
    }
    let title = PackText { zh: "系统管理员审核".into(), en: "Review by the administrators".into() };
    let step = StepDef { title: title.clone(), who: vec!["administrators".into()], otherwise: vec![], mode: steps::Mode::Any, limit: None, late: vec![] };
    let plan = Plan { title, own: false, around_the_clock: false, calendar: None, by_mail: true, nobody: Nobody::Administrators, emergency: None, step: vec![step] };
    Ok((plan, Some(format!("没有审核流程 {key}，由系统管理员审核 · there is no flow `{key}`; the administrators decide"))))
}

fn wanted_by_stage(tx: &Tx<'_>, ctx: &Ctx, wanted: &ReviewWanted) -> Result<()> {
    let case = KnownCase::load(tx, wanted.case_id)?;
    // An event that was told twice, or a case that stands there still: one review is enough.
    let open: Option<(Uuid,)> = tx.opt("SELECT id FROM review_review WHERE case_id = ?1 AND state = 'open' AND NOT emergency AND flow = ?2 AND stage = ?3 ORDER BY id LIMIT 1", params![wanted.case_id, wanted.flow, wanted.stage])?;
    if open.is_some() {
        return Ok(());
    }
    let (plan, note) = plan_of(tx, ctx.workspace, &wanted.flow)?;
    if let Some(note) = &note {
        tx.audit(&Ctx::system(ctx.workspace, "reviews"), "review.flow_missing", "case", Some(wanted.case_id.0), Some(json!({ "flow": wanted.flow, "note": note })))?;
        tracing::warn!(flow = %wanted.flow, case = %wanted.case_id, "a case wants a review by a flow that does not exist");
    }
    let mut not_by = wanted.judged.clone();
    not_by.extend(case.as_ref().and_then(|c| c.solution_by).filter(|author| !plan.own && !wanted.judged.contains(author)));
    let ask = Ask {
        flow: wanted.flow.clone(),
        kind: "review",
        title: case.as_ref().map(|c| c.title.clone()).unwrap_or_default(),
        reason: String::new(),
        case: Some(wanted.case_id),
        stage: Some(wanted.stage.clone()),
        amount: None,
        currency: None,
        plan,
        access: case.map(|c| c.access).unwrap_or_else(Access::default),
        requester: wanted.by,
        not_by,
        note,
    };
    course::request(tx, ctx, ask).map(|_| ())
}
