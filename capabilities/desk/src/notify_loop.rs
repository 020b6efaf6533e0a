//! Notices of the closed loop: reviews, care of dissatisfied customers, early warnings, bulletins, crises.

use serde_json::json;
use shouwen_contracts::complaints::ComplaintEvent;
use shouwen_contracts::reviews::{Requested, ReviewEvent};
use shouwen_contracts::warnings::WarningEvent;
use shouwen_kernel::{CaseId, PersonId, Result, ReviewId};
use shouwen_store::{Recorded, Tx, params};

use crate::notify::Notice;

/// Digests one event of these families; others are none of its business.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    if let Some(event) = recorded.event::<ReviewEvent>()? {
        return on_review(tx, recorded, event);
    }
    if let Some(event) = recorded.event::<WarningEvent>()? {
        return on_warning(tx, recorded, event);
    }
    match recorded.event::<ComplaintEvent>()? {
        Some(event) => on_complaint(tx, recorded, event),
        None => Ok(()),
    }
}

fn asked(tx: &Tx<'_>, recorded: &Recorded, request: &Requested) -> Result<()> {
    let Some(person) = request.by.or(recorded.actor()?.person_id()) else { return Ok(()) };
    tx.run(
        "INSERT INTO desk_asked (review_id, workspace_id, person_id, title) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (review_id) DO UPDATE SET person_id = ?3, title = ?4",
        params![request.review_id.0, recorded.workspace, person, request.title],
    )
}

/// Who asked for a review, and what for; forgotten once it is over.
fn who_asked(tx: &Tx<'_>, review: ReviewId, over: bool) -> Result<Option<(PersonId, String)>> {
    let found = tx.opt("SELECT person_id, title FROM desk_asked WHERE review_id = ?1", params![review.0])?;
    if over && found.is_some() {
        tx.run("DELETE FROM desk_asked WHERE review_id = ?1", params![review.0])?;
    }
    Ok(found)
}

fn on_review(tx: &Tx<'_>, recorded: &Recorded, event: ReviewEvent) -> Result<()> {
    match event {
        ReviewEvent::Requested(r) => asked(tx, recorded, &r),
        ReviewEvent::StepOpened(s) => {
            let title = who_asked(tx, s.review_id, false)?.map(|row| row.1).unwrap_or_default();
            Notice::of("review_step")
                .titled(&title)
                .about_case(tx, s.case_id)?
                .saying(&s.title_zh)
                .with(json!({ "review_id": s.review_id, "step": s.step, "of": s.of, "title": { "zh": s.title_zh, "en": s.title_en }, "due_at": s.due_at }))
                .to(tx, recorded, s.people)
        }
        ReviewEvent::Overdue(o) => {
            let title = who_asked(tx, o.review_id, false)?.map(|row| row.1).unwrap_or_default();
            let kind = if o.what == "write_up" { "write_up_overdue" } else { "review_overdue" };
            Notice::of(kind).titled(&title).about_case(tx, o.case_id)?.with(json!({ "review_id": o.review_id, "step": o.step, "due_at": o.due_at })).to(tx, recorded, o.people)
        }
        ReviewEvent::Approved(a) => ended(tx, recorded, "review_approved", a.review_id, a.case_id, a.reason.as_deref()),
        ReviewEvent::Returned(r) => ended(tx, recorded, "review_returned", r.review_id, r.case_id, r.reason.as_deref()),
        ReviewEvent::Withdrawn(w) => who_asked(tx, w.review_id, true).map(|_| ()),
        // Whoever changed what was approved: it is reviewed again.
        ReviewEvent::Outdated(o) => Notice::of("review_outdated").about_case(tx, o.case_id)?.with(json!({ "review_id": o.review_id })).to(tx, recorded, o.by.into_iter().collect()),
        ReviewEvent::Authority(a) if a.what == "due" => Notice::of("authority_due").titled(&a.key).with(json!({ "key": a.key })).to(tx, recorded, a.people),
        _ => Ok(()),
    }
}

fn ended(tx: &Tx<'_>, recorded: &Recorded, kind: &str, review: ReviewId, case: Option<CaseId>, reason: Option<&str>) -> Result<()> {
    let Some((person, title)) = who_asked(tx, review, true)? else { return Ok(()) };
    Notice::of(kind).titled(&title).about_case(tx, case)?.saying(reason.unwrap_or_default()).with(json!({ "review_id": review })).to(tx, recorded, vec![person])
}

fn on_warning(tx: &Tx<'_>, recorded: &Recorded, event: WarningEvent) -> Result<()> {
    match event {
        WarningEvent::Raised(r) => {
            let data = json!({
                "warning_id": r.warning_id, "grade": r.grade, "from": r.from, "title": { "zh": r.title_zh, "en": r.title_en }, "count": r.count, "limit": r.limit, "window_s": r.window_s, "why": r.why,
                "category": r.category, "region": r.region, "product": r.product, "respond_by": r.respond_by,
            });
            Notice::of("warning_raised").titled(&r.title_zh).with(data).to(tx, recorded, r.people)
        }
        WarningEvent::Overdue(o) => {
            Notice::of("warning_overdue").about_case(tx, o.case_id)?.with(json!({ "warning_id": o.warning_id, "grade": o.grade, "respond_by": o.respond_by })).to(tx, recorded, o.people)
        }
        WarningEvent::BulletinMade(b) => Notice::of("bulletin").with(json!({ "bulletin_id": b.bulletin_id, "period": b.period, "from": b.from, "to": b.to })).to(tx, recorded, b.people),
        WarningEvent::CrisisDeclared(c) => {
            Notice::of("crisis").titled(&c.title).about_case(tx, Some(c.case_id))?.with(json!({ "plan_due_at": c.plan_due_at })).to(tx, recorded, c.people)
        }
        WarningEvent::CrisisOverdue(c) => Notice::of("crisis_overdue").about_case(tx, Some(c.case_id))?.with(json!({ "what": c.what, "due_at": c.due_at })).to(tx, recorded, c.people),
        _ => Ok(()),
    }
}

fn on_complaint(tx: &Tx<'_>, recorded: &Recorded, event: ComplaintEvent) -> Result<()> {
    match event {
        ComplaintEvent::CarePlanned(c) => Notice::of("care_planned")
            .titled(&c.title_zh)
            .with(json!({ "file_id": c.file_id, "customer_id": c.customer_id, "care": c.care, "title": { "zh": c.title_zh, "en": c.title_en }, "due_at": c.due_at }))
            .to(tx, recorded, c.person_id.into_iter().collect()),
        ComplaintEvent::CareOverdue(c) => {
            Notice::of("care_overdue").with(json!({ "file_id": c.file_id, "customer_id": c.customer_id, "care": c.care, "due_at": c.due_at })).to(tx, recorded, c.person_id.into_iter().collect())
        }
        _ => Ok(()),
    }
}
