//! A case type tried out while it is being written: its conditions read and shown both ways, its form answered, its
//! stages asked where a case could go. Nothing is saved.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use shouwen_forms::{Checked, Context, Form};
use shouwen_kernel::{Problem, Result};
use shouwen_rules::{Condition, Fault, FieldDef, FieldKind, Vocabulary, Words, text};
use shouwen_stages::{Asked, CaseType, Definition, Reason, decide};
use shouwen_web::{Allowed, Answer, App, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::CaseTypeManage;

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(condition)).routes(routes!(attempt))
}

/// Chinese and English names of what stages may ask ([`shouwen_stages::FIELDS`]).
const NAMES: &[(&str, &str, &str)] = &[
    ("status", "状态", "status"),
    ("stage", "环节", "stage"),
    ("type", "类型", "type"),
    ("priority", "优先级", "priority"),
    ("title", "标题", "title"),
    ("number", "编号", "number"),
    ("channel", "渠道", "channel"),
    ("inbox", "收件箱", "inbox"),
    ("language", "语言", "language"),
    ("region", "客户区域", "customer's region"),
    ("tier", "客户等级", "customer's tier"),
    ("team", "班组", "team"),
    ("org_unit", "部门", "unit"),
    ("assignee", "受理人", "assignee"),
    ("accountable", "首问责任人", "accountable person"),
    ("customer", "客户", "customer"),
    ("parent", "上级工单", "parent case"),
    ("tag", "标签", "tag"),
    ("opened_at", "受理时间", "opened at"),
    ("updated_at", "更新时间", "changed at"),
    ("first_response_at", "首次答复时间", "first answered at"),
    ("last_in_at", "客户最近来信", "customer last wrote at"),
    ("resolved_at", "办结时间", "resolved at"),
    ("due_at", "截止时间", "due at"),
    ("age", "受理至今", "age"),
    ("in_stage", "在本环节时长", "time in this stage"),
    ("reopened", "重开次数", "times reopened"),
    ("reminders", "催办次数", "reminders"),
    ("co_handlers", "协办人数", "co-handlers"),
    ("children.open", "未完成的子工单数", "open work orders"),
    ("children.all", "子工单数", "work orders"),
    ("resolution", "办结结果", "resolution"),
    ("verified", "已核验", "verified"),
    ("verification", "核验方式", "way of verification"),
    ("review", "审核结果", "outcome of the review"),
];

/// What of a type its form's conditions say is left out, so that a form in the middle of being written can be read.
pub fn without_conditions(value: &mut Json) {
    match value {
        Json::Object(map) => {
            map.remove("show_if");
            map.remove("require_if");
            map.values_mut().for_each(without_conditions);
        }
        Json::Array(items) => items.iter_mut().for_each(without_conditions),
        _ => {}
    }
}

fn form_of(definition: &Json) -> Option<Form> {
    let mut form = definition.get("form").filter(|form| !form.is_null())?.clone();
    without_conditions(&mut form);
    serde_json::from_value(form).ok()
}

/// Where a condition stands.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Place {
    /// `enter` and `leave` of a stage.
    #[default]
    Stage,
    /// `show_if` and `require_if` of the form.
    Form,
}

/// A condition of a definition.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConditionInput {
    /// As far as it is written: its form says which fields there are.
    #[schema(value_type = Object)]
    definition: Json,
    #[serde(default)]
    place: Place,
    /// Its text, or the tree; absent: only the fields are asked for.
    #[serde(default)]
    #[schema(value_type = Object)]
    condition: Option<Json>,
}

/// A condition both ways, and what it may speak of.
#[derive(Debug, Serialize, ToSchema)]
struct ConditionView {
    /// `name`, `kind`, `label`, `choices`.
    #[schema(value_type = Vec<Object>)]
    fields: Vec<FieldDef>,
    /// Operators by kind.
    #[schema(value_type = Object)]
    operators: Map<String, Json>,
    /// `path`, `wrong`, `right`, `line`, `column`.
    #[schema(value_type = Vec<Object>)]
    faults: Vec<Fault>,
    #[serde(rename = "if")]
    #[schema(value_type = Option<Object>)]
    condition: Option<Condition>,
    text: Option<String>,
    text_zh: Option<String>,
}

fn case_fields(prefix: &str) -> impl Iterator<Item = FieldDef> + '_ {
    shouwen_stages::FIELDS.iter().map(move |(name, kind)| {
        let (zh, en) = NAMES.iter().find(|(known, ..)| known == name).map_or((*name, *name), |(_, zh, en)| (*zh, *en));
        let choices: &[&str] = match *name {
            "status" => &shouwen_rules::STATUSES,
            "priority" => &shouwen_rules::PRIORITIES,
            "review" => &["pending", "approved", "returned"],
            "verification" => &["customer", "signature", "callback", "reason"],
            _ => &[],
        };
        FieldDef { name: format!("{prefix}{name}"), kind: *kind, label: Words::new(zh, en), choices: choices.iter().map(|c| (*c).to_owned()).collect(), writable: false }
    })
}

fn vocabulary(definition: &Json, place: Place) -> Vocabulary {
    let form = form_of(definition);
    let own = |prefix: &str| form.iter().flat_map(|form| shouwen_forms::vocabulary(form, prefix)).collect::<Vec<_>>();
    let mut fields = match place {
        // The engine of stages sees answers as they are stored; see `shouwen_stages`.
        Place::Stage => own("fields.").into_iter().map(|field| stored_kind(form.as_ref(), field)).chain(own("fields.").into_iter().filter_map(|field| past(form.as_ref(), field))).collect(),
        Place::Form => own(""),
    };
    let at = fields.len();
    fields.extend(case_fields(if place == Place::Form { "case." } else { "" }));
    if place == Place::Stage {
        fields.rotate_left(at);
    }
    Vocabulary { fields, ..Vocabulary::default() }
}

/// What a choice has ever been, beside what it is.
fn past(form: Option<&Form>, field: FieldDef) -> Option<FieldDef> {
    use shouwen_forms::FieldType::{Choice, MultiChoice};
    let key = field.name.trim_start_matches("fields.").to_owned();
    let kind = form?.field(&key)?.kind;
    matches!(kind, Choice | MultiChoice).then(|| FieldDef {
        name: format!("{}{key}", crate::had::PREFIX),
        kind: FieldKind::List,
        label: Words::new(&format!("{}（曾选过的）", field.label.pick("zh")), &format!("{} (ever chosen)", field.label.pick("en"))),
        ..field
    })
}

/// Stages compare what takes several choices, files and trees as lists.
fn stored_kind(form: Option<&Form>, field: FieldDef) -> FieldDef {
    use shouwen_forms::FieldType::{File, MultiChoice, TreeChoice};
    let kind = form.and_then(|form| form.field(field.name.trim_start_matches("fields."))).map(|f| f.kind);
    if matches!(kind, Some(MultiChoice | TreeChoice | File)) { FieldDef { kind: FieldKind::List, ..field } } else { field }
}

/// Reads a condition of a definition that is being written: its faults with their place, or the tree and its text in
/// both languages; and the fields and operators it may use.
#[utoipa::path(post, path = "/case-types/condition", request_body = ConditionInput, responses((status = 200, body = ConditionView)), tag = "case types", extensions(("x-permission" = json!("case_type.manage"))))]
async fn condition(_: State<App>, _: Allowed<CaseTypeManage>, input: Input<ConditionInput>) -> Answer<axum::Json<ConditionView>> {
    let ConditionInput { definition, place, condition } = input.value;
    let words = vocabulary(&definition, place);
    let (faults, read) = match condition {
        None | Some(Json::Null) => (Vec::new(), None),
        Some(Json::String(written)) if written.trim().is_empty() => (Vec::new(), None),
        Some(Json::String(written)) => match text::parse(&written).map_err(|fault| vec![fault]).and_then(|c| text::parse_checked(&written, &words.catalogue(&c))) {
            Ok(condition) => (Vec::new(), Some(condition)),
            Err(faults) => (faults, None),
        },
        Some(tree) => match serde_json::from_value::<Condition>(tree) {
            Ok(condition) => (condition.faults(&words.catalogue(&condition)), Some(condition)),
            Err(_) => (vec![Fault::new("", "this is no condition", "a text, or the tree of all, any, not and comparisons")], None),
        },
    };
    let operators = words
        .fields
        .iter()
        .filter_map(|field| Some((serde_json::to_value(field.kind).ok()?.as_str()?.to_owned(), json!(field.kind.operators().iter().filter(|op| !op.of_history()).collect::<Vec<_>>()))))
        .collect();
    Ok(axum::Json(ConditionView { fields: words.fields, operators, faults, text: read.as_ref().map(text::print), text_zh: read.as_ref().map(text::print_zh), condition: read }))
}

/// A definition, and a case to try it with.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Attempt {
    #[schema(value_type = Object)]
    definition: Json,
    /// Where the case stands; absent: at the first stage.
    #[serde(default)]
    stage: Option<String>,
    /// Answers to the form, by field.
    #[serde(default)]
    #[schema(value_type = Object)]
    answers: Map<String, Json>,
    /// What else is true of it: `priority`, `review`, `resolution`, `verified` …
    #[serde(default)]
    #[schema(value_type = Object)]
    facts: Map<String, Json>,
}

/// Whether it could go to a stage.
#[derive(Debug, Serialize, ToSchema)]
struct AttemptedMove {
    stage: String,
    allowed: bool,
    /// Everything in the way.
    #[schema(value_type = Vec<Object>)]
    reasons: Vec<Reason>,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
struct Attempted {
    /// `answers`, `faults` (`field`, `code`, `zh`, `en`), `hidden`, `required`; null when the type has no form.
    #[schema(value_type = Option<Object>)]
    form: Option<Checked>,
    stage: String,
    moves: Vec<AttemptedMove>,
    /// The definition itself has faults; nothing was tried.
    #[schema(value_type = Vec<Object>)]
    faults: Vec<Fault>,
}

/// Answers a form and asks every stage whether a case could go there, as if the definition were in force. Who may move a
/// case is not asked.
#[utoipa::path(post, path = "/case-types/attempt", request_body = Attempt, responses((status = 200, body = Attempted)), tag = "case types", extensions(("x-permission" = json!("case_type.manage"))))]
async fn attempt(State(app): State<App>, who: Allowed<CaseTypeManage>, input: Input<Attempt>) -> Answer<axum::Json<Attempted>> {
    let zone = jiff::tz::TimeZone::get(&who.viewer.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let now = app.clock().now();
    let today = now.to_jiff().to_zoned(zone).strftime("%Y-%m-%d").to_string();
    Ok(axum::Json(tried(&input.value, now.micros(), &today)?))
}

fn tried(input: &Attempt, now: i64, today: &str) -> Result<Attempted> {
    let definition: Definition = serde_json::from_value(input.definition.clone()).map_err(|e| Problem::invalid("definition", format!("the definition cannot be read: {e}")).code("case_type.faulty").expected("one that POST /case-types/check finds right"))?;
    let first = definition.first.clone();
    let stage = input.stage.clone().unwrap_or(first);
    let kind = match CaseType::new(definition) {
        Ok(kind) => kind,
        Err(faults) => return Ok(Attempted { form: None, stage, moves: Vec::new(), faults }),
    };
    let definition = kind.definition();
    let checked = definition.form.as_ref().map(|form| {
        let context = Context { now, today, case: &input.facts, exists: &|_, _| true, complete: true, keep_retired: false };
        shouwen_forms::check(form, &input.answers, &context)
    });
    let answers = checked.as_ref().map(|c| c.answers.clone()).unwrap_or_default();
    let hidden = checked.as_ref().map(|c| c.hidden.clone()).unwrap_or_default();
    let mut facts = input.facts.clone();
    facts.insert("stage".into(), json!(stage));
    facts.insert("type".into(), json!(definition.key));
    for (key, value) in &answers {
        facts.insert(format!("fields.{key}"), value.clone());
        // Tried with these answers from the beginning, unless said otherwise.
        let chosen = if value.is_array() { value.clone() } else { json!([value]) };
        facts.entry(format!("{}{key}", crate::had::PREFIX)).or_insert(chosen);
    }
    let resolution = input.facts.get("resolution").and_then(Json::as_str);
    let verified = input.facts.get("verified").and_then(Json::as_bool).unwrap_or(false);
    let moves = definition
        .stages
        .iter()
        .filter(|s| s.key != stage)
        .map(|s| {
            let asked = Asked { from: &stage, to: &s.key, answers: &answers, resolution, verified, now };
            let reasons = decide(&kind, &asked, &facts, &|_| true, &|field| !hidden.iter().any(|h| h == field)).err().map(|r| r.reasons).unwrap_or_default();
            AttemptedMove { stage: s.key.clone(), allowed: reasons.is_empty(), reasons }
        })
        .collect();
    Ok(Attempted { form: checked, stage, moves, faults: Vec::new() })
}

/// The faults of a definition as it was sent, those of its form with their place in a condition's text.
pub fn faults(given: &Json) -> Result<(Option<Definition>, Vec<Fault>)> {
    let form = given.get("form").filter(|form| !form.is_null());
    let mut found: Vec<Fault> = form.and_then(|form| Form::from_value(form, &[]).err()).unwrap_or_default().into_iter().map(|fault| fault.within("form")).collect();
    let mut readable = given.clone();
    if !found.is_empty()
        && let Some(form) = readable.get_mut("form")
    {
        without_conditions(form);
    }
    let definition: Definition = match serde_json::from_value(readable) {
        Ok(definition) => definition,
        // A form that is no form at all has been told.
        Err(_) if !found.is_empty() => return Ok((None, found)),
        Err(error) => {
            found.push(Fault::new("", format!("the definition cannot be read: {error}"), "a definition as GET /api/v1/case-types/{key} gives it"));
            return Ok((None, found));
        }
    };
    let of_form = !found.is_empty();
    found.extend(CaseType::new(definition.clone()).err().unwrap_or_default().into_iter().filter(|fault| !of_form || !fault.path.starts_with("form")));
    Ok((Some(definition), found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::type_store;

    fn complaint() -> Json {
        let definition = type_store::parse(include_str!("../../../packs/base/case-types/complaint.toml")).unwrap();
        serde_json::to_value(definition).unwrap()
    }

    #[test]
    fn everything_stages_may_ask_has_a_name_in_both_languages() {
        for (name, _) in shouwen_stages::FIELDS {
            assert!(NAMES.iter().any(|(known, ..)| known == name), "{name}");
        }
    }

    #[test]
    fn a_fault_in_a_condition_of_the_form_is_told_with_its_place() {
        let mut d = complaint();
        d["form"]["section"][1]["field"][3]["show_if"] = json!("responsible in ours,");
        d["stage"][0]["to"] = json!(["nowhere"]);
        let (definition, found) = faults(&d).unwrap();
        assert!(definition.is_some());
        assert!(found.iter().any(|f| f.path == "form.section[1].field[3].show_if" && f.line == Some(1)), "{found:#?}");
        assert!(found.iter().any(|f| f.path == "stage[0].to[0]"), "{found:#?}");
        assert_eq!(faults(&complaint()).unwrap().1, []);
    }

    #[test]
    fn a_case_is_tried_with_answers_before_anything_is_saved() {
        let ask = |stage: &str, answers: Json| tried(&Attempt { definition: complaint(), stage: Some(stage.into()), answers: answers.as_object().cloned().unwrap(), facts: Map::new() }, 0, "2026-03-02").unwrap();
        let seen = ask("accepted", json!({}));
        let to = |seen: &Attempted, stage: &str| seen.moves.iter().find(|m| m.stage == stage).map(|m| m.allowed);
        assert_eq!((to(&seen, "handling"), to(&seen, "archived")), (Some(false), Some(false)));
        let seen = ask("accepted", json!({ "demand": "退款", "compensation": 1 }));
        assert_eq!(to(&seen, "handling"), Some(true));
        let form = seen.form.unwrap();
        assert!(form.hidden.iter().any(|key| key == "compensation"), "{form:?}");
    }
}
