//! What a rule or a macro does, as data. The house carries it out; this crate only knows the shape.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::rule::one_or_many;
use crate::units::Span;
use crate::words::Words;

/// One action: `{ do = "assign", team = "complaints" }`. Persons, teams, roles and so on are named by id or key.
/// Texts and text values may hold `{placeholders}` of fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// To a person, a team (then a person of it by routing when `routing`), or anew by routing alone.
    Assign {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        person: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        team: Option<String>,
        #[serde(default, skip_serializing_if = "is_false")]
        routing: bool,
    },
    /// A field of the case that can be written: `title`, `org_unit`, `region`, `fields.cause` …
    SetField { field: String, value: Value },
    SetPriority { priority: String },
    Tag {
        #[serde(deserialize_with = "one_or_many")]
        tags: Vec<String>,
    },
    Untag {
        #[serde(deserialize_with = "one_or_many")]
        tags: Vec<String>,
    },
    /// To another stage of the case's type; its entry conditions hold as for a person.
    MoveStage {
        stage: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Words>,
    },
    /// A notice in the desk (and by mail, as each person chose).
    Notify {
        #[serde(deserialize_with = "one_or_many")]
        to: Vec<Party>,
        text: Words,
        /// Breaks through quiet hours.
        #[serde(default, skip_serializing_if = "is_false")]
        urgent: bool,
    },
    /// Adds watchers.
    Watch {
        #[serde(deserialize_with = "one_or_many")]
        who: Vec<Party>,
    },
    /// A child case or work order of a type, linked to the case.
    OpenChild {
        #[serde(rename = "type")]
        case_type: String,
        title: Words,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        team: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        person: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        priority: Option<String>,
        /// Its own target in working time, counted by its own clock.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<Span>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        fields: BTreeMap<String, Value>,
    },
    StartClock {
        clock: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<Span>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        calendar: Option<String>,
    },
    StopClock { clock: String },
    /// Up the ladder: to a level of it or to named parties.
    Escalate {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        level: Option<u8>,
        #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
        to: Vec<Party>,
        reason: Words,
    },
    /// A canned text to the customer, in the customer's language, on the conversation's channel.
    SendTemplate { template: String },
    /// To a webhook the administrator has set up, by its key; a rule cannot name an address.
    Webhook { hook: String },
    RunMacro {
        #[serde(rename = "macro")]
        name: String,
    },
    /// An internal note on the case.
    AddNote { text: Words },
    /// An early warning, which is itself a case with a loop.
    OpenWarning {
        /// `blue`, `yellow`, `orange`, `red`.
        grade: String,
        title: Words,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        category: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        team: Option<String>,
        /// By when somebody must have answered it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        respond_within: Option<Span>,
    },
}

// serde hands the field by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !value
}

impl Action {
    /// Its name in files, the value of `do`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Assign { .. } => "assign",
            Self::SetField { .. } => "set_field",
            Self::SetPriority { .. } => "set_priority",
            Self::Tag { .. } => "tag",
            Self::Untag { .. } => "untag",
            Self::MoveStage { .. } => "move_stage",
            Self::Notify { .. } => "notify",
            Self::Watch { .. } => "watch",
            Self::OpenChild { .. } => "open_child",
            Self::StartClock { .. } => "start_clock",
            Self::StopClock { .. } => "stop_clock",
            Self::Escalate { .. } => "escalate",
            Self::SendTemplate { .. } => "send_template",
            Self::Webhook { .. } => "webhook",
            Self::RunMacro { .. } => "run_macro",
            Self::AddNote { .. } => "add_note",
            Self::OpenWarning { .. } => "open_warning",
        }
    }
}

/// Who is meant: `person:ID`, `team:KEY`, `role:KEY`, or by their part in the case: `assignee`, `accountable`,
/// `watchers`, `owner` (of the rule).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    Person(String),
    Team(String),
    Role(String),
    /// Who works on it now.
    Assignee,
    /// The first asked.
    Accountable,
    Watchers,
    /// The team the case lies with.
    CaseTeam,
    /// Who leads that team.
    TeamLead,
    /// The rule's owner.
    Owner,
}

impl Party {
    /// The parties that need no name.
    pub const PARTS: [(&'static str, Self); 6] =
        [("assignee", Self::Assignee), ("accountable", Self::Accountable), ("watchers", Self::Watchers), ("team", Self::CaseTeam), ("team_lead", Self::TeamLead), ("owner", Self::Owner)];
}

impl FromStr for Party {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((_, part)) = Self::PARTS.iter().find(|(name, _)| *name == text) {
            return Ok(part.clone());
        }
        match text.split_once(':') {
            Some(("person", id)) if !id.is_empty() => Ok(Self::Person(id.to_owned())),
            Some(("team", key)) if !key.is_empty() => Ok(Self::Team(key.to_owned())),
            Some(("role", key)) if !key.is_empty() => Ok(Self::Role(key.to_owned())),
            _ => Err(format!("nobody is called `{text}`; {}", crate::near::suggest(text, Self::PARTS.iter().map(|(name, _)| *name).chain(["person:ID", "team:KEY", "role:KEY"])))),
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => write!(f, "person:{id}"),
            Self::Team(key) => write!(f, "team:{key}"),
            Self::Role(key) => write!(f, "role:{key}"),
            part => f.write_str(Self::PARTS.iter().find(|(_, known)| known == part).map_or("", |(name, _)| name)),
        }
    }
}

impl Serialize for Party {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Party {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}
