//! A rule as data: when, if, then.

use serde::{Deserialize, Deserializer, Serialize};

use crate::action::Action;
use crate::condition::Condition;
use crate::units::Span;
use crate::words::Words;

/// When one of these happens, and if that holds, then these actions, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Stable name within a workspace or pack: `[a-z0-9_.-]`, at most 80 characters.
    pub key: String,
    pub title: Words,
    /// Why it exists; for people.
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub note: Words,
    /// One trigger or several; any of them starts the rule. A rule without one never starts.
    #[serde(default, deserialize_with = "one_or_many")]
    pub when: Vec<Trigger>,
    /// The condition: in files and requests either its text form or the tree; written as the tree. Absent: always.
    #[serde(default = "Condition::always", rename = "if", deserialize_with = "text_or_tree", skip_serializing_if = "is_always")]
    pub condition: Condition,
    #[serde(default)]
    pub then: Vec<Action>,
    /// Smaller first; rules of the same order go by key.
    #[serde(default = "hundred")]
    pub order: i32,
    /// When it fires, later rules of the same event are not asked.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stop: bool,
    #[serde(default = "yes")]
    pub enabled: bool,
    /// How often at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once_per: Option<OncePer>,
    /// Whose rights bound what the rule sees and does: a person's id or `role:KEY`. Absent: whoever installed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

impl Rule {
    /// A rule with nothing set but its key.
    #[must_use]
    pub fn named(key: &str) -> Self {
        Self { key: key.to_owned(), title: Words::from(key), note: Words::default(), when: Vec::new(), condition: Condition::always(), then: Vec::new(), order: hundred(), stop: false, enabled: true, once_per: None, owner: None }
    }
}

/// What starts a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// `{ on = "case.opened" }`, `{ on = ["case.updated", "clock.*"] }`: events of the catalogue; `x.*` is all of x.
    On(OnEvent),
    /// `{ every = "1h" }`: again and again, for every object the rule's owner sees that fulfils the condition.
    Every(Every),
    /// `{ cron = "0 9 * * mon-fri", zone = "Asia/Shanghai" }`: minute hour day month weekday.
    Cron(CronTrigger),
    /// `{ after = "2h", stage = "handling" }`, `{ after = "3d", status = "waiting" }`: so long in a state without
    /// leaving it; `{ after = "3d", since = "closed_at" }`: so long after a time field.
    After(After),
    /// `{ before = "2d", of = "fields.visit_at" }`: so long ahead of a time field.
    Before(Before),
}

/// See [`Trigger::On`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnEvent {
    #[serde(deserialize_with = "one_or_many")]
    pub on: Vec<String>,
}

/// See [`Trigger::Every`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Every {
    pub every: Span,
}

/// See [`Trigger::Cron`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CronTrigger {
    pub cron: String,
    /// IANA zone; absent: the workspace's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// See [`Trigger::After`]. Exactly one of `stage`, `status`, `since`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    pub after: Span,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// See [`Trigger::Before`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    pub before: Span,
    pub of: String,
}

/// A bound on how often a rule fires; who runs rules keeps the keys of [`OncePer::key`] under a unique index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OncePer {
    /// Once for a case, ever.
    Case,
    /// Once for a customer, ever; a case without one counts for itself.
    Customer,
    /// Once a clock hour, whatever the case.
    Hour,
    Day,
    /// Once a clock hour for one case.
    CaseHour,
    CaseDay,
    CustomerDay,
    /// Once for each stay of a case in a stage.
    CaseStage,
}

impl OncePer {
    /// Every bound with its name in files.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Case, "case"),
        (Self::Customer, "customer"),
        (Self::Hour, "hour"),
        (Self::Day, "day"),
        (Self::CaseHour, "case_hour"),
        (Self::CaseDay, "case_day"),
        (Self::CustomerDay, "customer_day"),
        (Self::CaseStage, "case_stage"),
    ];

    /// The key under which a firing is remembered; the same key must not fire twice. `now` in microseconds UTC,
    /// `offset_s` the zone's distance from UTC at that moment (whose hour, whose day), `stage` with the count of the
    /// stay where the caller has one (`review#2`).
    #[must_use]
    pub fn key(self, rule: &str, case: &str, customer: &str, stage: &str, now: i64, offset_s: i32) -> String {
        let local = now.div_euclid(1_000_000).saturating_add(i64::from(offset_s));
        let (hour, day) = (local.div_euclid(3600), local.div_euclid(86_400));
        // All who are not known are not one customer.
        let customer = if customer.is_empty() { case } else { customer };
        match self {
            Self::Case => format!("{rule}|{case}"),
            Self::Customer => format!("{rule}|{customer}"),
            Self::Hour => format!("{rule}|h{hour}"),
            Self::Day => format!("{rule}|d{day}"),
            Self::CaseHour => format!("{rule}|{case}|h{hour}"),
            Self::CaseDay => format!("{rule}|{case}|d{day}"),
            Self::CustomerDay => format!("{rule}|{customer}|d{day}"),
            Self::CaseStage => format!("{rule}|{case}|{stage}"),
        }
    }
}

/// A named list of actions: run by a person from the desk, or by a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Macro {
    pub key: String,
    pub title: Words,
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub note: Words,
    /// For which cases it is offered; text form or tree. Absent: for all.
    #[serde(default = "Condition::always", rename = "if", deserialize_with = "text_or_tree", skip_serializing_if = "is_always")]
    pub condition: Condition,
    pub then: Vec<Action>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// A file of rules and macros: `[[rule]]` and `[[macro]]` tables in TOML, lists of the same names in JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    #[serde(default, rename = "rule", skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    #[serde(default, rename = "macro", skip_serializing_if = "Vec::is_empty")]
    pub macros: Vec<Macro>,
}

fn hundred() -> i32 {
    100
}

fn yes() -> bool {
    true
}

// serde hands the field by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !value
}

pub(crate) fn is_always(condition: &Condition) -> bool {
    matches!(condition, Condition::All { all } if all.is_empty())
}

/// A list, or one element standing alone.
pub(crate) fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form<T> {
        Many(Vec<T>),
        One(T),
    }
    Ok(match Form::deserialize(d)? {
        Form::Many(many) => many,
        Form::One(one) => vec![one],
    })
}

/// A condition from its text form or as the tree.
pub fn text_or_tree<'de, D: Deserializer<'de>>(d: D) -> Result<Condition, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Text(String),
        Tree(Condition),
    }
    match Form::deserialize(d)? {
        Form::Text(text) => crate::text::parse(&text).map_err(serde::de::Error::custom),
        Form::Tree(tree) => Ok(tree),
    }
}
