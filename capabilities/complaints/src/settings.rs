//! What counts as a complaint here, and when it repeats.

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Result, WorkspaceId, text::clip};
use shouwen_store::Tx;

use crate::grade;
use crate::items::{Fault, fault};

/// Name of the setting.
pub const NAME: &str = "complaints.settings";

/// Settings of complaints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = ComplaintSettings)]
pub struct Settings {
    /// Keys of the case types that are complaints: they are classified, placed and counted.
    pub watched: Vec<String>,
    /// Within so many days the same matter of the same customer is a repetition.
    pub repeat_days: i64,
    /// From this likeness of two texts on, in percent, they are one matter even without the same category.
    pub alike_percent: i64,
    /// A repetition has at least this grade.
    pub repeat_grade: String,
    /// Ratings from 1 up to this open a file.
    pub low_score: i64,
    /// A case with an upgrade signal gets this tag; empty: none.
    pub signal_tag: String,
    /// And, when it is no complaint, this one.
    pub candidate_tag: String,
    pub repeat_tag: String,
    /// Whether the region of the customer, or the category, decides which team handles it.
    pub place: bool,
    /// Key of the calendar care is planned in where neither plan nor region names one; empty: calendar time.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub calendar: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            watched: vec!["complaint".into()],
            repeat_days: 30,
            alike_percent: 50,
            repeat_grade: "major".into(),
            low_score: 2,
            signal_tag: "升级信号".into(),
            candidate_tag: "疑似投诉".into(),
            repeat_tag: "重复投诉".into(),
            place: true,
            calendar: String::new(),
        }
    }
}

impl Settings {
    /// Everything that is wrong.
    pub fn faults(&self) -> Vec<Fault> {
        let mut found = Vec::new();
        if self.watched.len() > 20 {
            found.push(fault("watched", format!("{} types", self.watched.len()), "at most 20"));
        }
        for (i, key) in self.watched.iter().enumerate().filter(|(_, key)| !shouwen_web::is_pack_key(key)) {
            found.push(fault(&format!("watched[{i}]"), format!("`{}` is no key of a case type", clip(key, 60)), "the key of a case type, such as complaint"));
        }
        let mut within = |field: &str, value: i64, low: i64, high: i64| {
            if !(low..=high).contains(&value) {
                found.push(fault(field, format!("{value} is out of range"), format!("{low} to {high}")));
            }
        };
        within("repeat_days", self.repeat_days, 1, 366);
        within("alike_percent", self.alike_percent, 20, 100);
        within("low_score", self.low_score, 0, 4);
        if !grade::is_grade(&self.repeat_grade) {
            found.push(fault("repeat_grade", format!("there is no grade `{}`", clip(&self.repeat_grade, 40)), grade::RULE));
        }
        if !self.calendar.is_empty() && !shouwen_web::is_pack_key(&self.calendar) {
            found.push(fault("calendar", format!("`{}` is no key of a calendar", clip(&self.calendar, 60)), "the key of a calendar, such as office; empty for none"));
        }
        for (field, tag) in [("signal_tag", &self.signal_tag), ("candidate_tag", &self.candidate_tag), ("repeat_tag", &self.repeat_tag)] {
            if tag.chars().count() > 50 || tag.contains([',', '/']) {
                found.push(fault(field, format!("`{}` cannot be a tag", clip(tag, 60)), "at most 50 characters without `,` and `/`; empty for no tag"));
            }
        }
        found
    }

    /// Whether cases of a type are complaints.
    pub fn watches(&self, case_type: &str) -> bool {
        self.watched.iter().any(|key| key == case_type)
    }
}

/// The settings of a workspace, asked for once a transaction.
pub fn of(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Settings> {
    tx.known(&format!("complaints.settings.{workspace}"), || Ok(tx.setting::<Settings>(workspace, NAME)?.unwrap_or_default()))
}
