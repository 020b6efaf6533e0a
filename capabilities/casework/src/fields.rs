//! Answers to the form of a case's type: what is accepted, what is shown, and how personal ones are kept sealed.
//!
//! A personal answer lies in the case as `{"sealed": "…"}`; the API and the log show `***`, and a look at it is a deed of
//! its own, with a reason in the audit.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use shouwen_forms::{Choice, Field, FieldType, Form, Section};
use shouwen_kernel::{CaseId, Permission, Problem, Result, text::clip};
use shouwen_rules::evaluate;
use shouwen_store::Tx;
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::case::Case;
use crate::deed::Deed;
use crate::input::reason;
use crate::kinds::{self, Kind, keys};

/// Field name under which answers are sealed.
const SEAL: &str = "case.fields";
/// What stands in place of a personal answer.
pub const HIDDEN: &str = "***";

/// Declared by customers.
struct CustomerReveal;
impl Permission for CustomerReveal {
    const CODE: &'static str = "customer.reveal";
}

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(reveal))
}

fn find<'k>(kind: &'k Kind, key: &str) -> Option<(&'k Section, &'k Field)> {
    kind.definition().form.iter().flat_map(Form::fields).find(|(_, f)| f.key == key)
}

/// Whether a field is shown with these answers.
pub fn shown(kind: &Kind, answers: &Map<String, Json>, key: &str) -> bool {
    let holds = |condition: Option<&shouwen_rules::Condition>| condition.is_none_or(|c| evaluate(c, answers, 0));
    find(kind, key).is_some_and(|(section, field)| holds(section.show_if.as_ref()) && holds(field.show_if.as_ref()))
}

/// The given answers, checked and ready to be stored; null clears one. Every wrong one is named.
pub fn taken(tx: &Tx<'_>, kind: &Kind, case: Option<&Case>, given: &Map<String, Json>) -> Result<Vec<(String, Json)>> {
    let mut answers = case.map(|c| c.fields.clone()).unwrap_or_default();
    answers.extend(given.iter().map(|(k, v)| (k.clone(), v.clone())));
    let mut out = Vec::with_capacity(given.len());
    for (key, value) in given {
        let path = format!("fields.{key}");
        let Some((_, field)) = find(kind, key) else {
            let known: Vec<&str> = kind.definition().form.iter().flat_map(Form::fields).map(|(_, f)| f.key.as_str()).collect();
            return Err(Problem::invalid(path, format!("cases of type `{}` have no field `{}`", kind.key(), clip(key, 40))).expected(keys(known.into_iter())));
        };
        if value.is_null() {
            out.push((key.clone(), Json::Null));
            continue;
        }
        if field.personal && value.get("sealed").and_then(Json::as_str).is_some_and(|s| tx.keys().open(SEAL, s).is_ok()) {
            // An undo sends back what it was given.
            out.push((key.clone(), value.clone()));
            continue;
        }
        if !shown(kind, &answers, key) {
            return Err(Problem::invalid(path, format!("`{key}` is not asked with these answers")).expected("no answer, or other answers to the fields it depends on"));
        }
        check(field, &path, value)?;
        out.push((key.clone(), if field.personal { json!({ "sealed": tx.keys().seal(tx.ids(), SEAL, &value.to_string())? }) } else { value.clone() }));
    }
    Ok(out)
}

fn check(field: &Field, path: &str, value: &Json) -> Result<()> {
    let wanted: String = match (field.kind, value) {
        (FieldType::Number | FieldType::Rating, Json::Number(n)) => return within(field, path, n.as_f64().unwrap_or_default()),
        (FieldType::Money, Json::Object(money)) if money.get("minor").is_some_and(Json::is_i64) => return Ok(()),
        (FieldType::Money, Json::Number(_)) | (FieldType::YesNo, Json::Bool(_)) => return Ok(()),
        (FieldType::Date, Json::String(s)) if s.parse::<jiff::civil::Date>().is_ok() => return Ok(()),
        (FieldType::Datetime, Json::String(s)) if s.parse::<jiff::Timestamp>().is_ok() => return Ok(()),
        (FieldType::Choice, Json::String(s)) if field.options.iter().any(|o| o.key == *s) => return Ok(()),
        (FieldType::MultiChoice, Json::Array(items)) if items.iter().all(|i| field.options.iter().any(|o| i == &o.key)) => return Ok(()),
        (FieldType::TreeChoice, Json::Array(path)) if in_tree(&field.options, path, field.any_level) => return Ok(()),
        (FieldType::File, Json::Array(items)) if items.len() <= 50 && items.iter().all(Json::is_string) => return Ok(()),
        (FieldType::Table, Json::Array(rows)) if rows.len() <= 200 && rows.iter().all(Json::is_object) => return Ok(()),
        (FieldType::Computed, _) => "nothing: it is filled by itself".into(),
        (kind, Json::String(s)) if is_text(kind) => {
            let most = field.max_length.unwrap_or(4000) as usize;
            let length = s.chars().count();
            if length <= most && length >= field.min_length.unwrap_or(0) as usize {
                return Ok(());
            }
            format!("{} to {most} characters", field.min_length.unwrap_or(0))
        }
        (FieldType::Choice | FieldType::MultiChoice, _) => keys(field.options.iter().map(|o| o.key.as_str())),
        (FieldType::TreeChoice, _) => "the path of keys from the top of the tree, as a list".into(),
        (FieldType::Date, _) => "a date like 2026-03-02".into(),
        (FieldType::Money, _) => "{\"minor\": 12300, \"currency\": \"CNY\"}".into(),
        (FieldType::YesNo, _) => "true or false".into(),
        (FieldType::Number | FieldType::Rating, _) => "a number".into(),
        (kind, _) => format!("a value for a field of type `{}`", kind.name()),
    };
    Err(Problem::invalid(path, format!("`{}` does not fit this field", if field.personal { HIDDEN.to_owned() } else { clip(&value.to_string(), 60) })).expected(wanted))
}

fn is_text(kind: FieldType) -> bool {
    use FieldType::{Case, Customer, Email, IdNumber, LongText, OrgUnit, Person, Phone, Plate, Team, Text};
    matches!(kind, Text | LongText | Phone | Email | IdNumber | Plate | Person | Team | OrgUnit | Customer | Case)
}

fn within(field: &Field, path: &str, number: f64) -> Result<()> {
    let (least, most) = (field.min.as_f64().unwrap_or(f64::MIN), field.max.as_f64().unwrap_or(if field.kind == FieldType::Rating { 5.0 } else { f64::MAX }));
    if (least..=most).contains(&number) { Ok(()) } else { Err(Problem::invalid(path, format!("{number} is out of range")).expected(format!("{} to {}", field.min, field.max))) }
}

fn in_tree(options: &[Choice], path: &[Json], any_level: bool) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    options.iter().find(|o| first == &o.key).is_some_and(|o| match rest {
        [] => any_level || o.options.is_empty(),
        rest => in_tree(&o.options, rest, any_level),
    })
}

/// An answer as the log and other capabilities may know it.
pub fn told(value: &Json) -> Json {
    if value.get("sealed").is_some() { json!(HIDDEN) } else { value.clone() }
}

/// Every answer, personal ones masked.
pub fn masked(fields: &Map<String, Json>) -> Map<String, Json> {
    fields.iter().map(|(k, v)| (k.clone(), told(v))).collect()
}

/// The field to look at.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RevealField {
    /// Key of a personal field.
    field: String,
    #[serde(default)]
    reason: Option<String>,
}

/// A personal answer in the clear.
#[derive(Debug, Serialize, ToSchema)]
struct RevealedField {
    #[schema(value_type = Object)]
    value: Json,
}

/// Shows one personal answer in the clear; written in the audit.
#[utoipa::path(post, path = "/cases/{id}/field-revelation", params(("id" = CaseId, Path)), request_body = RevealField, responses((status = 200, body = RevealedField)), tag = "cases", extensions(("x-permission" = json!("customer.reveal"))))]
async fn reveal(State(app): State<App>, who: Allowed<CustomerReveal>, Id(id): Id<CaseId>, input: Input<RevealField>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let case = deed.open(tx, id)?;
        let sealed = case.fields.get(&body.field).and_then(|v| v.get("sealed")).and_then(Json::as_str);
        let sealed = sealed.ok_or_else(|| Problem::invalid("field", format!("`{}` is no personal answer of this case", clip(&body.field, 40))).expected("the key of a field that shows as ***"))?;
        let value = serde_json::from_str(&tx.keys().open(SEAL, sealed)?)?;
        deed.audit(tx, "case.field_revealed", &case, Some(json!({ "field": body.field, "reason": reason(body.reason.as_deref()) })))?;
        Ok(RevealedField { value })
    })
    .await
}

/// Answers for a new case of a type.
pub fn of_new(tx: &Tx<'_>, workspace: shouwen_kernel::WorkspaceId, case_type: &str, given: &Map<String, Json>) -> Result<Map<String, Json>> {
    let kind = kinds::case_type(tx, workspace, case_type)?;
    Ok(taken(tx, &kind, None, given)?.into_iter().filter(|(_, v)| !v.is_null()).collect())
}
