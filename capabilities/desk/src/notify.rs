//! Which event becomes a notice to whom. One event never tells one person twice, and nobody is told of their own deeds.
//!
//! What cases and clocks tell stands here; reviews, complaints and warnings in `notify_loop`.

use std::sync::Arc;

use serde_json::{Value as Data, json};
use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::identity::IdentityEvent;
use shouwen_contracts::service_levels::ClockEvent;
use shouwen_kernel::{CaseId, NoticeId, PersonId, Result};
use shouwen_store::{Recorded, Tx, Value, params};

use crate::parties::{self, MOST, Place};
use crate::{notify_loop, wall};

/// The events read. `person.saved` also tells who belongs to which team, which views need; `person.rights_changed` who
/// holds which role.
pub const KINDS: &[&str] = &[
    "case.message_added", "case.message_state", "case.assigned", "case.accountable", "case.reminded", "case.hand_over", "case.child_closed", "case.closed", "clock.warned", "clock.breached", "clock.escalated",
    "person.saved", "team.deleted", "person.rights_changed",
    "review.requested", "review.step", "review.overdue", "review.approved", "review.returned", "review.withdrawn", "review.outdated", "review.authority",
    "complaint.care_planned", "complaint.care_overdue",
    "warning.raised", "warning.overdue", "bulletin.made", "crisis.declared", "crisis.overdue",
];

/// A notice in the making.
pub struct Notice<'a> {
    kind: &'a str,
    case: Option<CaseId>,
    number: String,
    title: String,
    text: String,
    data: Data,
}

impl<'a> Notice<'a> {
    /// A notice of a kind, about nothing yet.
    pub fn of(kind: &'a str) -> Self {
        Self { kind, case: None, number: String::new(), title: String::new(), text: String::new(), data: Data::Null }
    }
    /// About this case.
    pub fn about(mut self, place: &Place) -> Self {
        (self.case, self.number, self.title) = (Some(place.case), place.number.clone(), place.title.clone());
        self
    }
    /// About a case that may be known.
    pub fn about_case(mut self, tx: &Tx<'_>, case: Option<CaseId>) -> Result<Self> {
        let Some(case) = case else { return Ok(self) };
        let (number, title): (String, String) = tx.opt("SELECT number, title FROM desk_case WHERE case_id = ?1", params![case])?.unwrap_or_default();
        (self.case, self.number) = (Some(case), number);
        if self.title.is_empty() {
            self.title = title;
        }
        Ok(self)
    }
    /// With this title instead of the case's.
    pub fn titled(mut self, title: &str) -> Self {
        self.title = title.to_owned();
        self
    }
    /// With these words.
    pub fn saying(mut self, text: &str) -> Self {
        self.text = shouwen_kernel::text::clip(text, 200);
        self
    }
    /// With what the page needs to word and link it.
    pub fn with(mut self, data: Data) -> Self {
        self.data = data;
        self
    }
    /// Tells people, each once; whoever did it knows already.
    pub fn to(&self, tx: &Tx<'_>, recorded: &Recorded, mut people: Vec<PersonId>) -> Result<()> {
        let own = recorded.actor()?.person_id();
        people.sort_unstable();
        people.dedup();
        for person in people.into_iter().filter(|person| Some(*person) != own).take(MOST) {
            self.write(tx, recorded, person)?;
        }
        Ok(())
    }
    fn write(&self, tx: &Tx<'_>, recorded: &Recorded, person: PersonId) -> Result<()> {
        let data = if self.data.is_null() { None } else { Some(&self.data) };
        tx.run(
            "INSERT INTO desk_notice (id, workspace_id, person_id, kind, case_id, number, title, text, data, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![tx.id::<NoticeId>(), recorded.workspace, person, self.kind, self.case, self.number, self.title, self.text, data.map(shouwen_store::Json), recorded.at],
        )
    }
}

/// Digests one event.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    if let Some(event) = recorded.event::<CaseEvent>()? {
        return on_case(tx, recorded, &event);
    }
    if let Some(event) = recorded.event::<ClockEvent>()? {
        return on_clock(tx, recorded, &event);
    }
    if let Some(event) = recorded.event::<IdentityEvent>()? {
        return members(tx, recorded, event);
    }
    notify_loop::handle(tx, recorded)
}

fn on_case(tx: &Tx<'_>, recorded: &Recorded, event: &CaseEvent) -> Result<()> {
    let tell = |kind: &str, case: CaseId, text: &str, people: Vec<PersonId>| -> Result<()> {
        if people.is_empty() { Ok(()) } else { Notice::of(kind).about_case(tx, Some(case))?.saying(text).to(tx, recorded, people) }
    };
    match event {
        CaseEvent::MessageAdded(m) => {
            wall::count_answer(tx, recorded, m)?;
            tell("mention", m.case_id, &m.preview, m.mentions.clone())?;
            if m.direction != "in" || m.auto {
                return Ok(());
            }
            let assignee = assignee(tx, m.case_id)?.filter(|person| !m.mentions.contains(person));
            tell("reply", m.case_id, &m.preview, assignee.into_iter().collect())
        }
        CaseEvent::MessageState(s) if s.state == "failed" => {
            let to = assignee(tx, s.case_id)?;
            // Whoever sent it must know, even when they just pressed the button.
            match to {
                Some(person) => Notice::of("delivery_failed").about_case(tx, Some(s.case_id))?.saying(s.detail.as_deref().unwrap_or("")).write(tx, recorded, person),
                None => Ok(()),
            }
        }
        CaseEvent::Assigned(a) if a.to_person != a.from_person => tell("assigned", a.case_id, &a.reason, a.to_person.into_iter().collect()),
        CaseEvent::Accountable(a) => tell("accountable", a.case_id, &a.reason, a.to.into_iter().collect()),
        CaseEvent::Reminded(r) => tell("reminded", r.case_id, &r.text, r.to.clone()),
        CaseEvent::HandOver(h) => {
            let (kind, to) = match h.state.as_str() {
                "offered" => ("hand_over", Some(h.to)),
                "withdrawn" => ("hand_over_withdrawn", Some(h.to)),
                "accepted" => ("hand_over_accepted", h.from),
                "declined" => ("hand_over_declined", h.from),
                "expired" => ("hand_over_expired", h.from),
                _ => return Ok(()),
            };
            tell(kind, h.case_id, &h.reason, to.into_iter().collect())
        }
        CaseEvent::ChildClosed(c) => {
            let Some(place) = parties::place(tx, recorded.workspace, c.case_id)? else { return Ok(()) };
            let people = place.assignee.into_iter().chain(place.accountable).collect();
            Notice::of("child_closed").about(&place).saying(&format!("{} {}", c.number, c.title)).with(json!({ "child_id": c.child_id, "number": c.number, "resolution": c.resolution })).to(tx, recorded, people)
        }
        CaseEvent::Closed(c) => wall::count_closed(tx, recorded, c),
        _ => Ok(()),
    }
}

fn on_clock(tx: &Tx<'_>, recorded: &Recorded, event: &ClockEvent) -> Result<()> {
    let (kind, case, clock, data) = match event {
        ClockEvent::Warned(w) => ("warned", w.case_id, &w.clock, json!({ "clock": w.clock, "due_at": w.due_at })),
        ClockEvent::Breached(b) => ("breached", b.case_id, &b.clock, json!({ "clock": b.clock, "due_at": b.due_at })),
        ClockEvent::Escalated(e) => ("escalated", e.case_id, &e.clock, json!({ "clock": e.clock, "due_at": e.due_at, "step": e.step })),
        _ => return Ok(()),
    };
    let Some(place) = parties::place(tx, recorded.workspace, case)? else { return Ok(()) };
    let people = match event {
        ClockEvent::Escalated(e) => {
            let mut people = Vec::new();
            for party in &e.to {
                people.extend(parties::behind(tx, recorded.workspace, &place, party)?);
            }
            people
        }
        _ => place.assignee.into_iter().chain(place.accountable).collect(),
    };
    Notice::of(kind).about(&place).saying(clock).with(data).to(tx, recorded, people)
}

/// Who works on a case; the cases of a step together.
fn assignee(tx: &Tx<'_>, case: CaseId) -> Result<Option<PersonId>> {
    let others = |events: &[Arc<Recorded>]| events.iter().filter(|e| e.kind == "case.message_added").filter_map(|e| e.subject.map(CaseId)).collect();
    let found = tx.ahead("desk.assignees", &case, others, |ids| {
        let runs: Vec<Vec<Value>> = ids.iter().map(|id| params![id].to_vec()).collect();
        let rows: Vec<Vec<(Option<PersonId>,)>> = tx.all_each("SELECT assignee_id FROM desk_case WHERE case_id = ?1", &runs)?;
        Ok(ids.iter().copied().zip(rows).filter_map(|(id, rows)| Some((id, rows.into_iter().next()?.0))).collect())
    })?;
    Ok(found.flatten())
}

fn members(tx: &Tx<'_>, recorded: &Recorded, event: IdentityEvent) -> Result<()> {
    match event {
        IdentityEvent::PersonSaved(p) => {
            tx.run("DELETE FROM desk_member WHERE person_id = ?1", params![p.person_id])?;
            for team in &p.teams {
                tx.run("INSERT INTO desk_member (person_id, team_id) VALUES (?1, ?2) ON CONFLICT (person_id, team_id) DO NOTHING", params![p.person_id, team])?;
            }
            Ok(())
        }
        IdentityEvent::TeamDeleted(t) => tx.execute("DELETE FROM desk_member WHERE team_id = ?1", params![t.team_id]).map(|_| ()),
        IdentityEvent::RightsChanged(told) => parties::hold(tx, recorded.workspace, &told),
        _ => Ok(()),
    }
}
