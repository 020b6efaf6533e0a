//! Case types as data. Packs will bring their own; these are what the product knows by itself.

use serde::Serialize;
use shouwen_kernel::{Problem, Result};
use shouwen_web::Language;
use utoipa::ToSchema;

/// A stage of a case type and the status it means.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Stage {
    pub key: &'static str,
    pub name: Language,
    /// `open`, `waiting`, `resolved`, `closed`.
    pub status: &'static str,
}

/// A custom field of a case type.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Field {
    pub key: &'static str,
    pub name: Language,
    /// `text`, `number`, `date`, `choice`, `bool`.
    pub kind: &'static str,
    /// Allowed values of a `choice`.
    pub choices: &'static [&'static str],
}

/// A way a case can end.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Resolution {
    pub key: &'static str,
    pub name: Language,
}

/// A case type.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct CaseType {
    pub key: &'static str,
    pub name: Language,
    pub stages: &'static [Stage],
    pub fields: &'static [Field],
    pub resolutions: &'static [Resolution],
}

const fn name(zh: &'static str, en: &'static str) -> Language {
    Language { zh, en }
}

const STAGES: &[Stage] = &[
    Stage { key: "accepted", name: name("已受理", "Accepted"), status: "open" },
    Stage { key: "handling", name: name("处理中", "Handling"), status: "open" },
    Stage { key: "waiting_customer", name: name("待客户回复", "Waiting for customer"), status: "waiting" },
    Stage { key: "resolved", name: name("已解决", "Resolved"), status: "resolved" },
    Stage { key: "archived", name: name("已归档", "Archived"), status: "closed" },
];

const RESOLUTIONS: &[Resolution] = &[
    Resolution { key: "solved", name: name("已解决", "Solved") },
    Resolution { key: "explained", name: name("已解释", "Explained") },
    Resolution { key: "no_answer", name: name("客户未回复", "Customer did not answer") },
    Resolution { key: "duplicate", name: name("重复", "Duplicate") },
    Resolution { key: "not_ours", name: name("不属于受理范围", "Not ours to solve") },
    Resolution { key: "spam", name: name("垃圾信息", "Spam") },
    Resolution { key: "other", name: name("其他", "Other") },
];

/// Every type there is.
pub const TYPES: &[CaseType] = &[
    CaseType { key: "request", name: name("咨询求助", "Request"), stages: STAGES, fields: &[], resolutions: RESOLUTIONS },
    CaseType {
        key: "complaint",
        name: name("投诉", "Complaint"),
        stages: STAGES,
        fields: &[
            Field { key: "severity", name: name("严重程度", "Severity"), kind: "choice", choices: &["minor", "major", "critical"] },
            Field { key: "demand", name: name("客户诉求", "What the customer demands"), kind: "text", choices: &[] },
        ],
        resolutions: RESOLUTIONS,
    },
    CaseType {
        key: "incident",
        name: name("故障", "Incident"),
        stages: STAGES,
        fields: &[
            Field { key: "affected", name: name("影响范围", "What is affected"), kind: "text", choices: &[] },
            Field { key: "since", name: name("发生日期", "Since"), kind: "date", choices: &[] },
        ],
        resolutions: RESOLUTIONS,
    },
];

/// Where a new case begins.
pub const FIRST_STAGE: &str = "accepted";
/// Where work goes on after a reopening or an answer of the customer.
pub const WORKING_STAGE: &str = "handling";
/// Priorities, from the least.
pub const PRIORITIES: &[&str] = &["low", "normal", "high", "urgent"];

fn keys<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")
}

/// The type of that key.
pub fn case_type(key: &str) -> Result<&'static CaseType> {
    TYPES.iter().find(|t| t.key == key).ok_or_else(|| Problem::invalid("type", format!("there is no case type `{}`", shouwen_kernel::text::clip(key, 40))).expected(keys(TYPES.iter().map(|t| t.key))))
}

impl CaseType {
    /// The stage of that key.
    pub fn stage(&self, key: &str) -> Result<&'static Stage> {
        self.stages
            .iter()
            .find(|s| s.key == key)
            .ok_or_else(|| Problem::invalid("stage", format!("cases of type `{}` have no stage `{}`", self.key, shouwen_kernel::text::clip(key, 40))).expected(keys(self.stages.iter().map(|s| s.key))))
    }
    /// The first stage with that status.
    pub fn stage_with(&self, status: &str) -> Result<&'static Stage> {
        self.stages.iter().find(|s| s.status == status).ok_or_else(|| Problem::internal(format!("case type {} has no stage with status {status}", self.key)))
    }
    /// The resolution of that key.
    pub fn resolution(&self, key: &str) -> Result<&'static Resolution> {
        self.resolutions.iter().find(|r| r.key == key).ok_or_else(|| {
            Problem::invalid("resolution.code", format!("cases of type `{}` have no resolution `{}`", self.key, shouwen_kernel::text::clip(key, 40))).expected(keys(self.resolutions.iter().map(|r| r.key)))
        })
    }
    /// Checks a value for the custom field `key`; null clears it.
    pub fn check_field(&self, key: &str, value: &serde_json::Value) -> Result<()> {
        let path = format!("fields.{key}");
        let Some(field) = self.fields.iter().find(|f| f.key == key) else {
            return Err(Problem::invalid(path, format!("cases of type `{}` have no field `{}`", self.key, shouwen_kernel::text::clip(key, 40))).expected(keys(self.fields.iter().map(|f| f.key))));
        };
        let right = match (field.kind, value) {
            (_, serde_json::Value::Null) => true,
            ("text", serde_json::Value::String(s)) => s.chars().count() <= 4000,
            ("choice", serde_json::Value::String(s)) => field.choices.contains(&s.as_str()),
            ("number", serde_json::Value::Number(_)) | ("bool", serde_json::Value::Bool(_)) => true,
            ("date", serde_json::Value::String(s)) => s.parse::<jiff::civil::Date>().is_ok(),
            _ => false,
        };
        if right {
            return Ok(());
        }
        let wanted = match field.kind {
            "choice" => keys(field.choices.iter().copied()),
            "date" => "a date like 2026-03-02".to_owned(),
            "text" => "text of at most 4000 characters".to_owned(),
            kind => format!("a {kind}"),
        };
        Err(Problem::invalid(path, format!("`{}` does not fit this field", shouwen_kernel::text::clip(&value.to_string(), 60))).expected(wanted))
    }
}

/// Checks a priority.
pub fn check_priority(priority: &str) -> Result<()> {
    if PRIORITIES.contains(&priority) {
        return Ok(());
    }
    Err(Problem::invalid("priority", format!("there is no priority `{}`", shouwen_kernel::text::clip(priority, 40))).expected(keys(PRIORITIES.iter().copied())))
}
