//! What rules may speak of: fields, events, and the names of people, teams, stages … that exist.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::condition::{Condition, FieldKind, Op};
use crate::units::{is_date, time_micros};
use crate::words::Words;

/// Everything a rule is checked against, and what a visual builder offers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Vocabulary {
    pub fields: Vec<FieldDef>,
    pub events: Vec<EventDef>,
    /// Prefixes such as `fields.` under which any name is accepted: its kind is read off the comparison. For checks
    /// without the forms at hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<String>,
    /// The names that exist, by what they name. What has no entry here is not checked.
    #[serde(default)]
    pub known: BTreeMap<Known, Vec<String>>,
}

/// A field of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldDef {
    pub name: String,
    pub kind: FieldKind,
    pub label: Words,
    /// The values it can have, where they are few; others are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// `set_field` may write it.
    #[serde(default)]
    pub writable: bool,
}

/// An event of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventDef {
    pub name: String,
    pub label: Words,
}

/// What a name in an action names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    Person,
    Team,
    Role,
    Stage,
    Status,
    Priority,
    CaseType,
    Clock,
    Calendar,
    Template,
    Hook,
    Macro,
    Grade,
    Tag,
}

impl Known {
    /// For messages: "there is no team `x`".
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Team => "team",
            Self::Role => "role",
            Self::Stage => "stage",
            Self::Status => "status",
            Self::Priority => "priority",
            Self::CaseType => "case type",
            Self::Clock => "clock",
            Self::Calendar => "calendar",
            Self::Template => "template",
            Self::Hook => "webhook",
            Self::Macro => "macro",
            Self::Grade => "grade",
            Self::Tag => "tag",
        }
    }
}

/// The priorities, least urgent first.
pub const PRIORITIES: [&str; 4] = ["low", "normal", "high", "urgent"];
/// The states of a case.
pub const STATUSES: [&str; 4] = ["open", "waiting", "resolved", "closed"];
/// The grades of a warning, mildest first.
pub const GRADES: [&str; 4] = ["blue", "yellow", "orange", "red"];

impl Vocabulary {
    /// The fields and events every case has, with `fields.` open; what a pack or workspace adds comes on top.
    #[must_use]
    pub fn standard() -> Self {
        let fields = FIELDS
            .iter()
            .map(|(name, kind, zh, en, writable)| FieldDef {
                name: (*name).to_owned(),
                kind: *kind,
                label: Words::new(*zh, *en),
                choices: match *name {
                    "priority" => PRIORITIES.map(str::to_owned).to_vec(),
                    "status" => STATUSES.map(str::to_owned).to_vec(),
                    _ => Vec::new(),
                },
                writable: *writable,
            })
            .collect();
        let events = EVENTS.iter().map(|(name, zh, en)| EventDef { name: (*name).to_owned(), label: Words::new(*zh, *en) }).collect();
        let mut known = BTreeMap::new();
        known.insert(Known::Priority, PRIORITIES.map(str::to_owned).to_vec());
        known.insert(Known::Status, STATUSES.map(str::to_owned).to_vec());
        known.insert(Known::Grade, GRADES.map(str::to_owned).to_vec());
        Self { fields, events, open: vec!["fields.".to_owned()], known }
    }

    /// Adds a field, or replaces the one of that name.
    pub fn add_field(&mut self, field: FieldDef) {
        match self.fields.iter_mut().find(|known| known.name == field.name) {
            Some(known) => *known = field,
            None => self.fields.push(field),
        }
    }

    /// A field by its name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&FieldDef> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether a name exists as a field, listed or under an open prefix.
    #[must_use]
    pub fn has_field(&self, name: &str) -> bool {
        self.field(name).is_some() || self.is_open(name)
    }

    fn is_open(&self, name: &str) -> bool {
        self.open.iter().any(|prefix| name.len() > prefix.len() && name.starts_with(prefix.as_str()))
    }

    /// The fields as a condition is checked against; names under an open prefix get the kind their comparison suggests.
    #[must_use]
    pub fn catalogue<'a>(&'a self, condition: &'a Condition) -> Vec<(&'a str, FieldKind)> {
        let mut out: Vec<(&str, FieldKind)> = self.fields.iter().map(|field| (field.name.as_str(), field.kind)).collect();
        for (field, op, value) in condition.leaves() {
            if self.is_open(field) && !out.iter().any(|(name, _)| *name == field) {
                out.push((field, suggested(op, value)));
            }
        }
        out
    }
}

/// The kind a comparison fits.
fn suggested(op: Op, value: &Value) -> FieldKind {
    let one = value.as_array().and_then(|items| items.first()).or_else(|| value.get("to")).or_else(|| value.get("from")).unwrap_or(value);
    match (op, one) {
        (Op::WithinLast | Op::WithinNext | Op::OlderThan, _) => FieldKind::Time,
        (_, Value::Number(_)) => FieldKind::Number,
        (_, Value::Bool(_)) => FieldKind::Bool,
        (_, Value::String(text)) if is_date(text) => FieldKind::Date,
        (_, Value::String(text)) if time_micros(text).is_some() => FieldKind::Time,
        (Op::Lt | Op::Le | Op::Gt | Op::Ge, Value::String(_)) => FieldKind::Span,
        _ => FieldKind::Text,
    }
}

use FieldKind::{Bool, List, Number, Span, Text, Time};

/// Name, kind, zh, en, whether `set_field` may write it.
#[rustfmt::skip]
const FIELDS: &[(&str, FieldKind, &str, &str, bool)] = &[
    ("status", Text, "状态", "status", false),
    ("stage", Text, "环节", "stage", false),
    ("type", Text, "类型", "type", true),
    ("priority", Text, "优先级", "priority", true),
    ("title", Text, "标题", "title", true),
    ("number", Text, "编号", "number", false),
    ("channel", Text, "渠道", "channel", false),
    ("inbox", Text, "收件箱", "inbox", false),
    ("language", Text, "语言", "language", true),
    ("region", Text, "地区", "region", true),
    ("tier", Text, "星级", "tier", true),
    ("category", Text, "类别", "category", true),
    ("team", Text, "班组", "team", false),
    ("org_unit", Text, "组织机构", "org unit", true),
    ("assignee", Text, "受理人", "assignee", false),
    ("accountable", Text, "首问责任人", "accountable", false),
    ("tag", List, "标签", "tag", false),
    ("opened_at", Time, "受理时间", "opened at", false),
    ("updated_at", Time, "更新时间", "updated at", false),
    ("last_in_at", Time, "客户最近来信", "last message in", false),
    ("closed_at", Time, "关闭时间", "closed at", false),
    ("due_at", Time, "到期时间", "due at", false),
    ("age", Span, "已受理时长", "age", false),
    ("waiting", Span, "客户已等待", "customer waits", false),
    ("in_stage", Span, "本环节时长", "in this stage", false),
    ("messages", Number, "消息数", "messages", false),
    ("reopened", Number, "重开次数", "times reopened", false),
    ("transfers", Number, "转派次数", "transfers", false),
    ("breached", Bool, "已超时", "breached", false),
    ("repeat", Bool, "重复投诉", "repeat complaint", false),
    ("children.open", Number, "未完结协办单", "open work orders", false),
    ("customer", Text, "客户", "customer", false),
    ("customer.name", Text, "客户姓名", "customer's name", false),
    ("customer.tier", Number, "客户星级", "customer's tier", false),
    ("customer.region", Text, "客户地区", "customer's region", false),
    ("customer.tags", List, "客户标签", "customer's tags", false),
    ("customer.cases", Number, "客户工单数", "customer's cases", false),
    ("customer.complaints_30d", Number, "客户三十天内投诉数", "customer's complaints in 30 days", false),
    ("message.text", Text, "消息正文", "text of the message", false),
    ("message.direction", Text, "消息方向", "direction of the message", false),
    ("message.channel", Text, "消息渠道", "channel of the message", false),
    ("message.auto", Bool, "自动消息", "automatic message", false),
    ("message.sentiment", Text, "情绪", "sentiment", false),
    ("clock", Text, "时钟", "clock", false),
    ("clock.used", Number, "时限已用百分比", "share of the target used, per cent", false),
    ("score", Number, "满意度评分", "score of the answer", false),
    ("warning.grade", Text, "预警级别", "grade of the warning", false),
    ("now.working", Bool, "现在是工作时间", "now is working time", false),
    ("now.hour", Number, "现在几点", "hour of now", false),
    ("now.weekday", Text, "今天星期", "weekday of now", false),
];

/// Name, zh, en.
#[rustfmt::skip]
const EVENTS: &[(&str, &str, &str)] = &[
    ("case.opened", "工单受理", "case opened"),
    ("case.updated", "工单变更", "case updated"),
    ("case.assigned", "工单分派", "case assigned"),
    ("case.accountable", "首问责任移交", "accountability handed over"),
    ("case.stage_entered", "进入环节", "stage entered"),
    ("case.tagged", "标签变更", "tags changed"),
    ("case.message_received", "客户来信", "message received"),
    ("case.message_sent", "已回复", "message sent"),
    ("case.message_failed", "发送失败", "message could not be sent"),
    ("case.note_added", "内部备注", "note added"),
    ("case.closed", "工单关闭", "case closed"),
    ("case.reopened", "工单重开", "case reopened"),
    ("case.merged", "工单合并", "case merged"),
    ("case.child_opened", "协办单建立", "work order opened"),
    ("case.child_closed", "协办单完结", "work order done"),
    ("case.review_asked", "提交审核", "review asked for"),
    ("case.reviewed", "审核完成", "review decided"),
    ("case.approved", "审批完成", "approval decided"),
    ("clock.started", "时钟启动", "clock started"),
    ("clock.warned", "时限预警", "clock warned"),
    ("clock.breached", "已超时", "clock breached"),
    ("clock.met", "按时达成", "clock met"),
    ("survey.answered", "客户评价", "survey answered"),
    ("routing.none", "无人可派", "nobody to assign"),
    ("customer.saved", "客户资料变更", "customer saved"),
    ("warning.opened", "预警发布", "warning opened"),
    ("schedule", "定时", "schedule"),
    ("manual", "手动", "by hand"),
];
