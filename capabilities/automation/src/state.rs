//! What rules know of a case: a fold over its events. The same fold serves live evaluation and dry runs, so that both
//! see the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::reviews::ReviewEvent;
use shouwen_contracts::service_levels::ClockEvent;
use shouwen_contracts::voice::VoiceEvent;
use shouwen_kernel::{Access, CustomerId, OrgUnitId, PersonId, Result, TeamId, Time};
use shouwen_store::{Position, Recorded};

/// What the running review is: `review` or `approval`.
const REVIEW_KIND: &str = "review.kind";

/// The facts of one case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// By the names of the vocabulary; times as RFC 3339.
    pub facts: Map<String, Value>,
    pub customer: Option<CustomerId>,
    pub org_unit: Option<OrgUnitId>,
    pub team: Option<TeamId>,
    pub assignee: Option<PersonId>,
    pub accountable: Option<PersonId>,
    pub watchers: Vec<PersonId>,
    /// When each running clock is due; none while it rests.
    pub clocks: BTreeMap<String, Option<Time>>,
    pub opened_at: Option<Time>,
    pub stage_since: Option<Time>,
    pub status_since: Option<Time>,
    /// Since when the customer waits for an answer.
    pub waits_since: Option<Time>,
    /// Counts the stays in stages, for "once for each stay".
    pub stays: u32,
    pub merged: bool,
    /// The last event digested: reading the log again changes nothing.
    pub at: Option<Position>,
}

/// What an event means to rules.
#[derive(Debug, Default)]
pub struct Happening {
    /// Names of the vocabulary's events; the telling one first.
    pub kinds: Vec<&'static str>,
    /// What changed fields were before.
    pub before: Map<String, Value>,
    /// Facts of this event only: `message.*`, `clock`, `score`.
    pub extra: Map<String, Value>,
    /// Blob with the text of the message.
    pub content: Option<String>,
}

impl Happening {
    fn of(kinds: &[&'static str]) -> Option<Self> {
        Some(Self { kinds: kinds.to_vec(), ..Self::default() })
    }
    fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(field.to_owned(), value.into());
        self
    }
}

/// The events read about cases.
pub const KINDS: &[&str] = &[
    "case.opened", "case.message_added", "case.message_state", "case.assigned", "case.accountable", "case.stage", "case.edited", "case.tagged", "case.closed", "case.reopened", "case.customer", "case.merged",
    "case.unmerged", "case.watched", "case.child_opened", "case.child_closed", "clock.planned", "clock.met", "clock.cancelled", "clock.warned", "clock.breached", "clock.escalated", "survey.answered", "routing.none",
    "review.requested", "review.approved", "review.returned", "complaint.repeated", "warning.case",
];

impl State {
    /// Where it belongs and who has to do with it.
    pub fn access(&self) -> Access {
        let mut people: Vec<PersonId> = self.assignee.into_iter().chain(self.accountable).chain(self.watchers.iter().copied()).collect();
        people.sort_unstable();
        people.dedup();
        Access { org_unit: self.org_unit, team: self.team, people }
    }

    /// A fact as text; empty when there is none.
    pub fn text(&self, field: &str) -> &str {
        self.facts.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn is_closed(&self) -> bool {
        self.text("status") == "closed"
    }

    /// The stay it is in, for [`shouwen_rules::OncePer::key`].
    pub fn stay(&self) -> String {
        format!("{}#{}", self.text("stage"), self.stays)
    }

    fn set(&mut self, happening: &mut Happening, field: &str, value: impl Into<Value>) {
        let value = value.into();
        let before = self.facts.insert(field.to_owned(), value.clone()).unwrap_or(Value::Null);
        if before != value {
            happening.before.insert(field.to_owned(), before);
        }
    }

    fn count(&mut self, field: &str, by: i64) {
        let now = self.facts.get(field).and_then(Value::as_i64).unwrap_or(0).saturating_add(by).max(0);
        self.facts.insert(field.to_owned(), now.into());
    }

    /// Takes an event in; what it means to rules, or `None` when it means nothing or was taken in before.
    pub fn apply(&mut self, recorded: &Recorded) -> Result<Option<Happening>> {
        if self.at.is_some_and(|at| recorded.position <= at) {
            return Ok(None);
        }
        let happening = if let Some(event) = recorded.event::<CaseEvent>()? {
            self.on_case(recorded, event)
        } else if let Some(event) = recorded.event::<ClockEvent>()? {
            self.on_clock(event, recorded.at)
        } else if let Some(event) = recorded.event::<VoiceEvent>()? {
            match event {
                VoiceEvent::Answered(a) => {
                    let mut happening = Happening::default();
                    self.set(&mut happening, "score", a.score);
                    happening.kinds = vec!["survey.answered"];
                    Some(happening)
                }
                _ => None,
            }
        } else if let Some(event) = recorded.event::<ReviewEvent>()? {
            self.on_review(event)
        } else if recorded.kind == "complaint.repeated" {
            let mut happening = Happening::default();
            self.set(&mut happening, "repeat", true);
            happening.kinds = vec!["case.updated"];
            Some(happening)
        } else if recorded.kind == "warning.case" {
            // The grade stands in the form of the warning's own case.
            Happening::of(&["warning.opened"])
        } else if recorded.kind == "routing.none" {
            Happening::of(&["routing.none"])
        } else {
            None
        };
        self.at = Some(recorded.position);
        self.facts.insert("updated_at".to_owned(), json!(recorded.at));
        Ok(happening)
    }

    fn on_case(&mut self, recorded: &Recorded, event: CaseEvent) -> Option<Happening> {
        let mut h = Happening::default();
        match event {
            CaseEvent::Opened(o) => {
                (self.customer, self.org_unit, self.team, self.assignee, self.accountable) = (o.customer_id, o.org_unit_id, o.team_id, o.assignee_id, o.accountable_id);
                (self.opened_at, self.stage_since, self.status_since) = (Some(o.opened_at), Some(o.opened_at), Some(o.opened_at));
                let Value::Object(facts) = json!({
                    "number": o.number, "type": o.case_type, "title": o.title, "priority": o.priority, "stage": o.stage, "status": o.status, "channel": o.channel, "inbox": o.inbox_id,
                    "customer": o.customer_id, "customer.name": o.customer_name, "region": o.region, "tier": o.tier, "org_unit": o.org_unit_id, "team": o.team_id, "assignee": o.assignee_id,
                    "accountable": o.accountable_id, "tag": o.tags, "language": o.language, "opened_at": o.opened_at, "messages": 0, "reopened": 0, "transfers": 0, "children.open": 0, "breached": false,
                }) else {
                    return None;
                };
                self.facts = facts;
                h.kinds = vec!["case.opened"];
            }
            CaseEvent::MessageAdded(m) => {
                self.count("messages", 1);
                let kind = match m.direction.as_str() {
                    "in" => {
                        self.facts.insert("last_in_at".to_owned(), json!(m.at));
                        if !m.auto {
                            self.waits_since = self.waits_since.or(Some(m.at));
                        }
                        "case.message_received"
                    }
                    "out" => {
                        self.waits_since = None;
                        "case.message_sent"
                    }
                    _ => "case.note_added",
                };
                h = h.with("message.direction", m.direction).with("message.auto", m.auto).with("message.channel", self.text("channel").to_owned());
                h.content = Some(m.content);
                h.kinds = vec![kind];
            }
            CaseEvent::MessageState(m) if m.state == "failed" => h.kinds = vec!["case.message_failed"],
            CaseEvent::Assigned(a) => {
                if a.from_person.is_some() && a.from_person != a.to_person {
                    self.count("transfers", 1);
                }
                (self.assignee, self.team, self.org_unit) = (a.to_person, a.to_team, a.org_unit_id.or(self.org_unit));
                self.set(&mut h, "assignee", json!(a.to_person));
                self.set(&mut h, "team", json!(a.to_team));
                let unit = json!(self.org_unit);
                self.set(&mut h, "org_unit", unit);
                h.kinds = vec!["case.assigned", "case.updated"];
            }
            CaseEvent::Accountable(a) => {
                self.accountable = a.to;
                self.set(&mut h, "accountable", json!(a.to));
                h.kinds = vec!["case.accountable", "case.updated"];
            }
            CaseEvent::StageChanged(s) => {
                if s.from_status != s.to_status {
                    self.status_since = Some(s.at);
                }
                self.stage_since = Some(s.at);
                self.stays += 1;
                self.set(&mut h, "stage", s.to);
                self.set(&mut h, "status", s.to_status);
                h.kinds = vec!["case.stage_entered", "case.updated"];
            }
            CaseEvent::Edited(e) => {
                if e.field == "org_unit" {
                    self.org_unit = serde_json::from_value(e.to.clone()).unwrap_or_default();
                }
                self.set(&mut h, &e.field, e.to);
                h.kinds = vec!["case.updated"];
            }
            CaseEvent::Tagged(t) => {
                let mut tags: Vec<String> = self.facts.get("tag").cloned().and_then(|v| serde_json::from_value(v).ok()).unwrap_or_default();
                tags.retain(|tag| !t.removed.contains(tag));
                tags.extend(t.added);
                tags.sort();
                tags.dedup();
                self.set(&mut h, "tag", json!(tags));
                h.kinds = vec!["case.tagged", "case.updated"];
            }
            CaseEvent::Closed(c) => {
                self.waits_since = None;
                if !self.is_closed() {
                    self.status_since = Some(c.at);
                }
                self.set(&mut h, "status", "closed");
                self.facts.insert("closed_at".to_owned(), json!(c.at));
                self.facts.insert("resolution".to_owned(), json!(c.resolution));
                h.kinds = vec!["case.closed"];
            }
            CaseEvent::Reopened(r) => {
                self.count("reopened", 1);
                self.status_since = Some(r.at);
                self.set(&mut h, "status", "open");
                self.facts.insert("closed_at".to_owned(), Value::Null);
                h.kinds = vec!["case.reopened"];
            }
            CaseEvent::CustomerSet(c) => {
                self.customer = c.to;
                self.set(&mut h, "customer", json!(c.to));
                self.facts.insert("customer.name".to_owned(), json!(c.name));
                h.kinds = vec!["case.updated"];
            }
            CaseEvent::Merged(m) if recorded.subject == Some(m.case_id.0) => {
                self.merged = true;
                h.kinds = vec!["case.merged"];
            }
            CaseEvent::Unmerged(u) if recorded.subject == Some(u.case_id.0) => {
                self.merged = false;
                return None;
            }
            CaseEvent::Watched(w) => {
                self.watchers.retain(|person| *person != w.person_id);
                if !w.removed {
                    self.watchers.push(w.person_id);
                }
                return None;
            }
            CaseEvent::ChildOpened(_) => {
                self.count("children.open", 1);
                h.kinds = vec!["case.child_opened"];
            }
            CaseEvent::ChildClosed(_) => {
                self.count("children.open", -1);
                h.kinds = vec!["case.child_closed"];
            }
            _ => return None,
        }
        Some(h)
    }

    fn on_review(&mut self, event: ReviewEvent) -> Option<Happening> {
        match event {
            ReviewEvent::Requested(asked) => {
                self.facts.insert(REVIEW_KIND.to_owned(), json!(asked.kind));
                Happening::of(&["case.review_asked"])
            }
            // An approval decides about an amount; both are decided reviews.
            ReviewEvent::Approved(_) | ReviewEvent::Returned(_) if self.text(REVIEW_KIND) == "approval" => Happening::of(&["case.approved", "case.reviewed"]),
            ReviewEvent::Approved(_) | ReviewEvent::Returned(_) => Happening::of(&["case.reviewed"]),
            _ => None,
        }
    }

    fn on_clock(&mut self, event: ClockEvent, at: Time) -> Option<Happening> {
        let happening = match event {
            ClockEvent::Planned(p) => {
                let fresh = self.clocks.insert(p.clock.clone(), p.due_at).is_none();
                self.nearest(at);
                if fresh { Happening::of(&["clock.started"]).map(|h| h.with("clock", p.clock)) } else { None }
            }
            ClockEvent::Met(m) => {
                self.clocks.remove(&m.clock);
                self.nearest(at);
                Happening::of(&["clock.met"]).map(|h| h.with("clock", m.clock))
            }
            ClockEvent::Cancelled(c) => {
                self.clocks.remove(&c.clock);
                self.nearest(at);
                None
            }
            ClockEvent::Warned(w) => Happening::of(&["clock.warned"]).map(|h| h.with("clock", w.clock)),
            ClockEvent::Breached(b) => {
                self.facts.insert("breached".to_owned(), true.into());
                Happening::of(&["clock.breached"]).map(|h| h.with("clock", b.clock).with("clock.used", 100))
            }
            ClockEvent::Escalated(e) => Happening::of(&["clock.escalated"]).map(|h| {
                let used = e.step.strip_suffix('%').and_then(|n| n.parse::<i64>().ok());
                h.with("clock", e.clock).with("clock.step", e.step).with("clock.used", json!(used))
            }),
        }?;
        Some(happening)
    }

    /// What its clocks come to: the next deadline, and whether one is still overdue, as the lists say it.
    fn nearest(&mut self, at: Time) {
        let due = self.clocks.values().flatten().min().copied();
        self.facts.insert("due_at".to_owned(), json!(due));
        // A plan may come too late for its own deadline, or go back to one that was told of before.
        self.facts.insert("breached".to_owned(), due.is_some_and(|due| due < at).into());
    }
}
