//! What is known of a case here: a fold over its events and over what complaints told of it. Nothing in it depends on
//! settings, so that reading the log again gives the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::complaints::{Classified, ComplaintEvent};
use shouwen_kernel::{Access, CaseId, CustomerId, MessageId, OrgUnitId, PersonId, TeamId, Time};

/// Fields of the form that are kept: what is counted.
const FIELDS: [&str; 6] = ["category", "region", "product", "cause_kind", "responsible", "severity"];

/// A signal that raised the grade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    pub signal: String,
    pub grade: String,
    pub message_id: Option<MessageId>,
    pub at: Time,
}

/// One case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub number: String,
    pub title: String,
    pub case_type: String,
    pub status: String,
    pub stage: String,
    pub priority: String,
    pub channel: String,
    /// As the case names them; the column `customer_id` holds the one at the end of the merges.
    pub customer: Option<CustomerId>,
    /// The customer's region when the case was opened.
    pub opened_region: Option<String>,
    /// Answers of the form that count.
    pub fields: BTreeMap<String, String>,
    pub org_unit: Option<OrgUnitId>,
    pub team: Option<TeamId>,
    pub assignee: Option<PersonId>,
    pub accountable: Option<PersonId>,
    pub watchers: Vec<PersonId>,
    pub opened_at: Time,
    pub closed_at: Option<Time>,
    pub answered_at: Option<Time>,
    pub merged: bool,
    /// What was told of it last.
    pub told: Option<Classified>,
    pub grade: Option<String>,
    pub grade_reason: Option<String>,
    pub signals: Vec<Seen>,
    /// Earlier complaints about the same.
    pub earlier: Vec<CaseId>,
    /// What it adds to the roll-ups.
    pub counts: Option<Counts>,
}

/// What a case adds to the rows of its day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// `yyyymmdd` in the workspace's time zone.
    pub day: i64,
    pub keys: Vec<(String, String)>,
    pub team: TeamIdOr,
    pub org_unit: UnitOr,
    pub closed: bool,
    pub repeated: bool,
    pub critical: bool,
}

/// A team or the zero id, so that it can be part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamIdOr(pub TeamId);
impl Default for TeamIdOr {
    fn default() -> Self {
        Self(TeamId::NIL)
    }
}
/// A unit or the zero id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitOr(pub OrgUnitId);
impl Default for UnitOr {
    fn default() -> Self {
        Self(OrgUnitId::NIL)
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl State {
    /// Where it belongs and who has to do with it.
    pub fn access(&self) -> Access {
        let mut people: Vec<PersonId> = self.assignee.into_iter().chain(self.accountable).chain(self.watchers.iter().copied()).collect();
        people.sort_unstable();
        people.dedup();
        Access { org_unit: self.org_unit, team: self.team, people }
    }

    /// Told as a complaint of the type it still is.
    pub fn is_complaint(&self) -> bool {
        !self.merged && self.told.as_ref().is_some_and(|told| told.case_type == self.case_type)
    }

    /// A complaint, or another case in which a signal stood.
    pub fn concerns(&self) -> bool {
        self.is_complaint() || (!self.merged && !self.signals.is_empty())
    }

    pub fn is_closed(&self) -> bool {
        self.status == "closed"
    }

    pub fn field(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(String::as_str)
    }

    /// Keys of its category from the root down.
    pub fn path(&self) -> &[String] {
        self.told.as_ref().map_or(&[], |told| told.path.as_slice())
    }

    /// Takes an event of casework in.
    pub fn on_case(&mut self, subject: CaseId, event: &CaseEvent) {
        match event {
            CaseEvent::Opened(o) => {
                (self.number, self.title, self.case_type) = (o.number.clone(), o.title.clone(), o.case_type.clone());
                (self.status, self.stage, self.priority, self.channel) = (o.status.clone(), o.stage.clone(), o.priority.clone(), o.channel.clone());
                (self.customer, self.opened_region) = (o.customer_id, o.region.clone());
                (self.org_unit, self.team, self.assignee, self.accountable) = (o.org_unit_id, o.team_id, o.assignee_id, o.accountable_id);
                self.opened_at = o.opened_at;
            }
            CaseEvent::MessageAdded(m) if m.direction == "out" && !m.auto => self.answered_at = self.answered_at.or(Some(m.at)),
            CaseEvent::Assigned(a) => (self.assignee, self.team, self.org_unit) = (a.to_person, a.to_team, a.org_unit_id.or(self.org_unit)),
            CaseEvent::Accountable(a) => self.accountable = a.to,
            CaseEvent::StageChanged(s) => {
                (self.stage, self.status) = (s.to.clone(), s.to_status.clone());
                self.closed_at = if s.to_status == "closed" { self.closed_at.or(Some(s.at)) } else { None };
            }
            CaseEvent::Closed(c) => self.closed_at = self.closed_at.or(Some(c.at)).filter(|_| self.is_closed()),
            CaseEvent::Edited(e) => match e.field.as_str() {
                "title" => self.title = text(&e.to).unwrap_or_default(),
                "type" => self.case_type = text(&e.to).unwrap_or_default(),
                "priority" => self.priority = text(&e.to).unwrap_or_default(),
                "org_unit" => self.org_unit = serde_json::from_value(e.to.clone()).unwrap_or_default(),
                field => {
                    if let Some(key) = field.strip_prefix("fields.").filter(|key| FIELDS.contains(key)) {
                        match text(&e.to) {
                            Some(value) => self.fields.insert(key.to_owned(), value),
                            None => self.fields.remove(key),
                        };
                    }
                }
            },
            CaseEvent::CustomerSet(c) => self.customer = c.to,
            CaseEvent::Merged(m) if m.case_id == subject => self.merged = true,
            CaseEvent::Unmerged(u) if u.case_id == subject => self.merged = false,
            CaseEvent::Watched(w) => {
                self.watchers.retain(|person| *person != w.person_id);
                if !w.removed {
                    self.watchers.push(w.person_id);
                }
            }
            _ => {}
        }
    }

    /// Takes in what complaints told of it; doing it again changes nothing.
    pub fn on_own(&mut self, event: ComplaintEvent) {
        match event {
            ComplaintEvent::Classified(c) => self.told = Some(c),
            ComplaintEvent::Graded(g) => (self.grade, self.grade_reason) = (Some(g.to), Some(g.reason)),
            ComplaintEvent::Signal(s) => {
                if !self.signals.iter().any(|seen| seen.signal == s.signal) {
                    self.signals.push(Seen { signal: s.signal, grade: s.grade, message_id: s.message_id, at: s.at });
                }
            }
            ComplaintEvent::Repeated(r) => self.earlier.extend(r.earlier.into_iter().filter(|id| !self.earlier.contains(id)).collect::<Vec<_>>()),
            _ => {}
        }
    }

    /// What it adds to the roll-ups of its day; nothing when it is no complaint (any more).
    pub fn counted(&self, day: i64) -> Option<Counts> {
        let told = self.told.as_ref().filter(|_| self.is_complaint())?;
        let mut keys = vec![(String::from("all"), String::new())];
        keys.extend(told.path.iter().map(|key| ("category".to_owned(), key.clone())));
        if told.path.is_empty() {
            keys.push(("category".to_owned(), String::new()));
        }
        let mut one = |dimension: &str, value: Option<&str>| keys.push((dimension.to_owned(), value.unwrap_or_default().to_owned()));
        one("region", told.region.as_deref());
        one("product", told.product.as_deref());
        one("cause", told.cause.as_deref());
        one("responsibility", told.responsibility.as_deref());
        one("grade", self.grade.as_deref());
        Some(Counts {
            day,
            keys,
            team: TeamIdOr(self.team.unwrap_or(TeamId::NIL)),
            org_unit: UnitOr(self.org_unit.unwrap_or(OrgUnitId::NIL)),
            closed: self.is_closed(),
            repeated: !self.earlier.is_empty(),
            critical: self.grade.as_deref() == Some(crate::grade::CRITICAL),
        })
    }
}
