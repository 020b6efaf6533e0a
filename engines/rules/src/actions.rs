//! The catalogue of actions: what each is called and which parameters it takes. One table serves validation, the
//! visual builder and the documentation.

use serde::Serialize;

use crate::vocabulary::Known;

/// An action of the catalogue.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ActionSpec {
    /// The value of `do`.
    pub name: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
    pub params: &'static [ParamSpec],
    /// At least one of these parameters must be given.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub one_of: &'static [&'static str],
}

/// A parameter of an action.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ParamSpec {
    pub name: &'static str,
    pub kind: ParamKind,
    pub required: bool,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamKind {
    /// A text in zh and en, with placeholders.
    Words,
    /// A short text.
    Text,
    /// A field that can be written.
    Field,
    /// A value that fits the field beside it.
    Value,
    /// Fields of a case with their values.
    Fields,
    /// One name of a kind.
    Name(Known),
    /// One or several.
    Names(Known),
    /// One or several parties.
    Parties,
    /// A length of time.
    Span,
    /// A whole number from 1 to 9.
    Level,
    Bool,
}

const fn must(name: &'static str, kind: ParamKind) -> ParamSpec {
    ParamSpec { name, kind, required: true }
}

const fn may(name: &'static str, kind: ParamKind) -> ParamSpec {
    ParamSpec { name, kind, required: false }
}

const fn spec(name: &'static str, zh: &'static str, en: &'static str, params: &'static [ParamSpec]) -> ActionSpec {
    ActionSpec { name, zh, en, params, one_of: &[] }
}

use ParamKind::{Bool, Field, Fields, Level, Name, Names, Parties, Span, Text, Value, Words};

/// Every action.
pub const ACTIONS: &[ActionSpec] = &[
    ActionSpec { one_of: &["person", "team", "routing"], ..spec("assign", "分派", "assign", &[may("person", Name(Known::Person)), may("team", Name(Known::Team)), may("routing", Bool)]) },
    spec("set_field", "填写字段", "set a field", &[must("field", Field), must("value", Value)]),
    spec("set_priority", "设优先级", "set the priority", &[must("priority", Name(Known::Priority))]),
    spec("tag", "加标签", "tag", &[must("tags", Names(Known::Tag))]),
    spec("untag", "去标签", "untag", &[must("tags", Names(Known::Tag))]),
    spec("move_stage", "转入环节", "move to a stage", &[must("stage", Name(Known::Stage)), may("reason", Words)]),
    spec("notify", "通知", "notify", &[must("to", Parties), must("text", Words), may("urgent", Bool)]),
    spec("watch", "加关注人", "add watchers", &[must("who", Parties)]),
    spec(
        "open_child",
        "建协办单",
        "open a work order",
        &[must("type", Name(Known::CaseType)), must("title", Words), may("team", Name(Known::Team)), may("person", Name(Known::Person)), may("priority", Name(Known::Priority)), may("target", Span), may("fields", Fields)],
    ),
    spec("start_clock", "启动时钟", "start a clock", &[must("clock", Name(Known::Clock)), may("target", Span), may("calendar", Name(Known::Calendar))]),
    spec("stop_clock", "停止时钟", "stop a clock", &[must("clock", Name(Known::Clock))]),
    ActionSpec { one_of: &["level", "to"], ..spec("escalate", "升级", "escalate", &[may("level", Level), may("to", Parties), must("reason", Words)]) },
    spec("send_template", "发模板给客户", "send a template to the customer", &[must("template", Name(Known::Template))]),
    spec("webhook", "调用外部接口", "call a webhook", &[must("hook", Name(Known::Hook))]),
    spec("run_macro", "执行宏", "run a macro", &[must("macro", Name(Known::Macro))]),
    spec("add_note", "写内部备注", "add a note", &[must("text", Words)]),
    spec(
        "open_warning",
        "发布预警",
        "open a warning",
        &[must("grade", Name(Known::Grade)), must("title", Words), may("category", Text), may("team", Name(Known::Team)), may("respond_within", Span)],
    ),
];
