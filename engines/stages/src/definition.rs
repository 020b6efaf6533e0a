//! A case type as data: what an administrator or a pack writes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shouwen_forms::Form;

use crate::when;
use crate::who::Who;

/// A text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    pub zh: String,
    pub en: String,
}

/// What a stage means for lists and clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Somebody of ours has to do something.
    Open,
    /// We wait for somebody else.
    Waiting,
    /// The work is done; verification is awaited.
    Resolved,
    /// The archive.
    Closed,
}

impl Status {
    /// The status of that word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Open, Self::Waiting, Self::Resolved, Self::Closed].into_iter().find(|s| s.word() == word)
    }

    /// `open`, `waiting`, `resolved`, `closed`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Waiting => "waiting",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
        }
    }
}

/// A step of the closed loop 受理→处理→审核→告知→回访→归档→改进.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Accept,
    Handle,
    Review,
    Inform,
    Callback,
    Archive,
    Improve,
}

impl Step {
    /// Every step, in the order of the loop.
    pub const ALL: [Self; 7] = [Self::Accept, Self::Handle, Self::Review, Self::Inform, Self::Callback, Self::Archive, Self::Improve];

    /// `accept`, `handle`, `review`, `inform`, `callback`, `archive`, `improve`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Handle => "handle",
            Self::Review => "review",
            Self::Inform => "inform",
            Self::Callback => "callback",
            Self::Archive => "archive",
            Self::Improve => "improve",
        }
    }

    /// The step of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }

    /// Chinese and English name.
    pub const fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::Accept => ("受理", "Accept"),
            Self::Handle => ("处理", "Handle"),
            Self::Review => ("审核", "Review"),
            Self::Inform => ("告知", "Inform"),
            Self::Callback => ("回访", "Call back"),
            Self::Archive => ("归档", "Archive"),
            Self::Improve => ("改进", "Improve"),
        }
    }
}

/// How an end can be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The customer confirms on the page behind a signed link, or in a message.
    Customer,
    /// The customer signs on that page.
    Signature,
    /// Somebody called and recorded what the customer said.
    Callback,
    /// Somebody recorded why none of these was possible.
    Reason,
}

impl Way {
    /// `customer`, `signature`, `callback`, `reason`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Signature => "signature",
            Self::Callback => "callback",
            Self::Reason => "reason",
        }
    }
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    pub key: String,
    pub title: Title,
    pub status: Status,
    #[serde(rename = "loop")]
    pub step: Step,
    /// What to do here, for those who work on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Title>,
    /// Condition that must hold to come in, in its text form. A tree is read too.
    #[serde(default, deserialize_with = "when::text", skip_serializing_if = "Option::is_none")]
    pub enter: Option<String>,
    /// Condition that must hold to go on.
    #[serde(default, deserialize_with = "when::text", skip_serializing_if = "Option::is_none")]
    pub leave: Option<String>,
    /// Form fields that must be answered to go on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<String>,
    /// Where one may go from here; absent: anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<String>>,
    /// Who may move it out; absent: who may edit the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Vec<Who>>,
    /// Kinds of clocks that rest here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pause: Vec<String>,
    /// Entering asks for this flow of reviews.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<String>,
    /// Where an approved review leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<String>,
    /// Where a returned review leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<String>,
}

/// A way a case can end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolution {
    pub key: String,
    pub title: Title,
    /// Puts the case aside (spam, a duplicate): it may go to the archive from anywhere, and neither fields nor
    /// conditions are asked for. Only for resolutions that are themselves the recorded reason.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aside: bool,
}

/// What must be known before a case is archived.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    #[serde(default)]
    pub ways: Vec<Way>,
    /// Resolutions that are themselves the recorded reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_resolution: Vec<String>,
    /// Who may put a case aside by such a resolution; empty: whoever may close it. A second pair of eyes on the easiest
    /// way to the archive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aside_by: Vec<Who>,
}

/// A case type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    pub key: String,
    pub title: Title,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Title>,
    /// Where a new case begins.
    pub first: String,
    /// Where work goes on after a reopening or the customer's answer.
    pub working: String,
    /// Goes to the archive by itself once it is resolved and verified.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto_archive: bool,
    /// Stages of an earlier version → where the cases that stand in them go.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub moved: BTreeMap<String, String>,
    #[serde(default, rename = "stage")]
    pub stages: Vec<Stage>,
    #[serde(default, rename = "resolution")]
    pub resolutions: Vec<Resolution>,
    #[serde(default)]
    pub verification: Verification,
    /// The form of `fields`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
}
