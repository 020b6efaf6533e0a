//! Care plans as data: what is done for a dissatisfied customer, and by when.

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Result, WorkspaceId, text::clip};
use shouwen_store::Tx;
use shouwen_web::{PACK_KEY_RULE, PackText, is_pack_key};

use crate::hours;
use crate::items::{self, Fault, Item, fault, titled};

/// Why a file opens.
pub const REASONS: [&str; 5] = ["low_rating", "signal", "repeat", "rejected", "manual"];
/// Actions of one plan.
const MOST: usize = 30;

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CarePlan {
    pub key: String,
    pub title: PackText,
    /// The reasons it is meant for: `low_rating`, `signal`, `repeat`, `rejected`, `manual`. None: every reason no other plan names.
    #[serde(rename = "for", default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Key of the calendar its spans are counted in; absent: that of the customer's region, else of the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    #[serde(default, rename = "action", skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<CareStep>,
}

/// One action of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CareStep {
    pub key: String,
    pub title: PackText,
    /// Counted from the opening of the file: hours of working time (`4h`), days (`1d`, `2w`; never ending on a day off),
    /// working days (`3wd`).
    pub after: String,
    /// Another calendar than the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    /// Somebody with `complaint.approve` must agree first (a gift, a waiver).
    #[serde(default)]
    pub approval: bool,
}

impl Item for CarePlan {
    const KIND: &'static str = "care_plan";
    fn key(&self) -> &str {
        &self.key
    }
    fn faults(&self) -> Vec<Fault> {
        let mut found = Vec::new();
        if !is_pack_key(&self.key) {
            found.push(fault("key", format!("`{}` cannot be a key", clip(&self.key, 60)), PACK_KEY_RULE));
        }
        titled(&self.title, &mut found);
        if self.calendar.as_deref().is_some_and(|key| !is_pack_key(key)) {
            found.push(fault("calendar", "the calendar is no key", PACK_KEY_RULE));
        }
        for (i, reason) in self.reasons.iter().enumerate() {
            if !REASONS.contains(&reason.as_str()) {
                found.push(fault(&format!("for[{i}]"), format!("there is no reason `{}`", clip(reason, 40)), REASONS.join(", ")));
            }
        }
        if self.actions.is_empty() || self.actions.len() > MOST {
            found.push(fault("action", format!("{} actions", self.actions.len()), format!("1 to {MOST}")));
        }
        for (i, step) in self.actions.iter().enumerate() {
            let at = |field: &str| format!("action[{i}].{field}");
            if !is_pack_key(&step.key) {
                found.push(fault(&at("key"), format!("`{}` cannot be a key", clip(&step.key, 60)), PACK_KEY_RULE));
            }
            if self.actions[..i].iter().any(|other| other.key == step.key) {
                found.push(fault(&at("key"), format!("the key `{}` stands in the plan twice", clip(&step.key, 60)), "another key"));
            }
            let mut titles = Vec::new();
            titled(&step.title, &mut titles);
            found.extend(titles.into_iter().map(|f| Fault { path: at(&f.path), ..f }));
            if hours::span(&step.after).is_none() {
                found.push(fault(&at("after"), format!("`{}` is no span of time", clip(&step.after, 40)), "a whole number and m, h, d, w or wd (working days), up to a year: 4h, 1d, 3wd"));
            }
            if step.calendar.as_deref().is_some_and(|key| !is_pack_key(key)) {
                found.push(fault(&at("calendar"), "the calendar is no key", PACK_KEY_RULE));
            }
        }
        found
    }
}

/// The plan for a reason: one that names it, else one that names none.
pub fn of(tx: &Tx<'_>, workspace: WorkspaceId, reason: &str) -> Result<Option<CarePlan>> {
    let plans = items::list::<CarePlan>(tx, workspace)?;
    Ok(plans.iter().find(|p| p.reasons.iter().any(|r| r == reason)).or_else(|| plans.iter().find(|p| p.reasons.is_empty())).cloned())
}
