//! Answers to the form of a case's type: what is accepted, what is shown, and how personal ones are kept sealed.
//!
//! A personal answer lies in the case as `{"sealed": "…"}`; the API and the log show `***`, and a look at it is a deed of
//! its own, with a reason in the audit.

use std::cell::RefCell;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use shouwen_contracts::casework::Edited;
use shouwen_forms::{AnswerFault, Checked, Context, Field, FieldType, Form};
use shouwen_kernel::{AttachmentId, CaseId, CustomerId, OrgUnitId, Permission, PersonId, Problem, Result, TeamId, WorkspaceId, text::clip};
use shouwen_rules::Facts;
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::case::{self, Case};
use crate::deed::Deed;
use crate::gate::CaseFacts;
use crate::input::reason;
use crate::kinds::{self, Kind, keys};

/// Field name under which answers are sealed.
pub const SEAL: &str = "case.fields";
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

fn fields_of(kind: &Kind) -> impl Iterator<Item = &Field> {
    kind.definition().form.iter().flat_map(Form::fields).map(|(_, field)| field)
}

/// The stored answers in the clear, those only that the type's form still asks.
fn in_the_clear(tx: &Tx<'_>, kind: &Kind, stored: &Map<String, Json>) -> Map<String, Json> {
    let known = |key: &str| fields_of(kind).any(|field| field.key == key);
    let open = |value: &Json| match value.get("sealed").and_then(Json::as_str) {
        // An answer whose key is gone is there all the same, but says nothing.
        Some(sealed) => tx.keys().open(SEAL, sealed).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_else(|| json!(HIDDEN)),
        None => value.clone(),
    };
    stored.iter().filter(|(key, _)| known(key)).map(|(key, value)| (key.clone(), open(value))).collect()
}

/// What conditions of a form may ask of a case that is not there yet.
struct Nothing;

impl Facts for Nothing {
    fn fact(&self, _: &str) -> Json {
        Json::Null
    }
}

/// Answers against the form of a type: cleaned ones, faults, what is hidden and what must be answered.
fn checked(tx: &Tx<'_>, kind: &Kind, workspace: WorkspaceId, case: Option<&Case>, answers: &Map<String, Json>, keep_retired: bool) -> Result<Checked> {
    let Some(form) = &kind.definition().form else { return Ok(Checked::default()) };
    let today = tx.now().to_jiff().to_zoned(case::zone(tx, workspace)?).date().to_string();
    let trouble = RefCell::new(None);
    let exists = |of: FieldType, id: &str| {
        named(tx, workspace, of, id).unwrap_or_else(|problem| {
            trouble.borrow_mut().get_or_insert(problem);
            false
        })
    };
    let facts = case.map(|case| CaseFacts::of(kind, case, tx.now()));
    let of_case: &dyn Facts = match &facts {
        Some(facts) => facts,
        None => &Nothing,
    };
    let context = Context { now: tx.now().micros(), today: &today, case: of_case, exists: &exists, complete: false, keep_retired };
    let checked = shouwen_forms::check(form, answers, &context);
    trouble.into_inner().map_or(Ok(checked), Err)
}

/// Whether somebody or something of that id exists in the workspace.
fn named(tx: &Tx<'_>, workspace: WorkspaceId, of: FieldType, id: &str) -> Result<bool> {
    fn ask<T: std::str::FromStr + Into<uuid::Uuid>>(tx: &Tx<'_>, workspace: WorkspaceId, table: &str, id: &str) -> Result<bool> {
        let Ok(id) = id.parse::<T>() else { return Ok(false) };
        let id: uuid::Uuid = id.into();
        Ok(tx.opt::<(i64,)>(&format!("SELECT 1 FROM {table} WHERE id = ?1 AND workspace_id = ?2"), params![id, workspace])?.is_some())
    }
    match of {
        FieldType::Person => ask::<PersonId>(tx, workspace, "case_person", id),
        FieldType::Team => ask::<TeamId>(tx, workspace, "case_team", id),
        FieldType::OrgUnit => ask::<OrgUnitId>(tx, workspace, "case_org_unit", id),
        FieldType::Customer => ask::<CustomerId>(tx, workspace, "case_customer", id),
        FieldType::Case => ask::<CaseId>(tx, workspace, "case_case", id),
        FieldType::File => Ok(ask::<AttachmentId>(tx, workspace, "case_upload", id)? || ask::<AttachmentId>(tx, workspace, "case_attachment", id)?),
        _ => Ok(true),
    }
}

/// What the form asks of a case now.
#[derive(Debug, Default)]
pub struct Asks {
    pub hidden: Vec<String>,
    /// Fields that must be answered before the case ends: the form itself says so, whatever the stages ask.
    pub missing: Vec<String>,
}

/// What the form of its type asks of a case with the answers it has.
pub fn asks(tx: &Tx<'_>, kind: &Kind, case: &Case) -> Result<Asks> {
    if kind.definition().form.is_none() {
        return Ok(Asks::default());
    }
    let answers = in_the_clear(tx, kind, &case.fields);
    let found = checked(tx, kind, case.workspace, Some(case), &answers, true)?;
    let missing = found.required.into_iter().filter(|key| shouwen_stages::is_empty(case.fields.get(key))).collect();
    Ok(Asks { hidden: found.hidden, missing })
}

/// The given answers, checked by the type's form and ready to be stored; null clears one. Every wrong one is named. Answers
/// that are no longer asked because of the new ones are cleared, and computed texts follow.
pub fn taken(tx: &Tx<'_>, kind: &Kind, workspace: WorkspaceId, case: Option<&Case>, given: &Map<String, Json>) -> Result<Vec<(String, Json)>> {
    for key in given.keys() {
        if !fields_of(kind).any(|field| field.key == *key) {
            return Err(Problem::invalid(format!("fields.{key}"), format!("cases of type `{}` have no field `{}`", kind.key(), clip(key, 40))).expected(keys(fields_of(kind).map(|f| f.key.as_str()))));
        }
    }
    let stored = case.map(|c| c.fields.clone()).unwrap_or_default();
    let before = in_the_clear(tx, kind, &stored);
    // A page sends back a personal answer as it was shown: nothing was said about it.
    let given: Map<String, Json> = given.iter().filter(|(key, value)| !(**value == json!(HIDDEN) && fields_of(kind).any(|f| f.personal && f.key == **key))).map(|(k, v)| (k.clone(), v.clone())).collect();
    let given = &given;
    // An undo sends back sealed answers as it was given them.
    let given_clear = in_the_clear(tx, kind, given);
    let mut answers = before.clone();
    answers.extend(given_clear.clone());
    answers.retain(|_, value| !value.is_null());
    let mut found = checked(tx, kind, workspace, case, &answers, true)?;
    // What was answered before its option was retired stays good; a new answer does not take it up.
    let fresh = |fault: &AnswerFault| { let key = top(&fault.field); given_clear.get(key).is_some_and(|value| before.get(key) != Some(value)) };
    let retired = checked(tx, kind, workspace, case, &answers, false)?.faults.into_iter().filter(|fault| fault.code == "retired_option" && fresh(fault));
    found.faults.extend(retired);
    if let Some(problem) = refusal(kind, given, found.faults) {
        return Err(problem);
    }
    let mut out = Vec::with_capacity(given.len());
    for field in fields_of(kind) {
        let (key, is_hidden) = (&field.key, found.hidden.contains(&field.key));
        let value = match given_clear.get(key) {
            Some(value) if value.is_null() => Json::Null,
            Some(_) if field.kind == FieldType::Computed => found.answers.get(key).cloned().unwrap_or_default(),
            Some(_) if is_hidden && field.hidden == shouwen_forms::Hidden::Drop => {
                return Err(Problem::invalid(format!("fields.{key}"), format!("`{key}` is not asked with these answers")).expected("no answer, or other answers to the fields it depends on"));
            }
            Some(_) => found.answers.get(key).cloned().unwrap_or_default(),
            // Not named by the request: gone with what it hung on, written anew, or at first its default.
            None if is_hidden && field.hidden == shouwen_forms::Hidden::Drop && stored.contains_key(key) => Json::Null,
            None if field.kind == FieldType::Computed || case.is_none() => found.answers.get(key).cloned().unwrap_or_default(),
            None => continue,
        };
        if before.get(key) == Some(&value) || value.is_null() && !stored.contains_key(key) && !given.contains_key(key) {
            continue;
        }
        out.push((key.clone(), if is_personal(kind, field) && !value.is_null() { json!({ "sealed": tx.keys().seal(tx.ids(), SEAL, &value.to_string())? }) } else { value }));
    }
    Ok(out)
}

/// The field a fault is about: `rows[2].part` is about `rows`.
fn top(path: &str) -> &str {
    path.split(['[', '.']).next().unwrap_or(path)
}

/// A text made from personal answers is personal.
fn is_personal(kind: &Kind, field: &Field) -> bool {
    let made_of = |template: &str| shouwen_rules::placeholders(template).into_iter().any(|name| fields_of(kind).any(|f| f.personal && f.key == name));
    field.personal || field.kind == FieldType::Computed && (made_of(&field.template.zh) || made_of(&field.template.en))
}

/// The faults of the answers that were given, as one problem: the first by name, all of them in `detail.faults`.
fn refusal(kind: &Kind, given: &Map<String, Json>, faults: Vec<AnswerFault>) -> Option<Problem> {
    let mut faults: Vec<AnswerFault> = faults.into_iter().filter(|fault| given.contains_key(top(&fault.field))).collect();
    faults.dedup_by(|a, b| a.field == b.field && a.code == b.code);
    let first = faults.first()?;
    let wanted = fields_of(kind).find(|field| field.key == top(&first.field));
    let right = match wanted.map(|field| field.kind) {
        Some(FieldType::Choice | FieldType::MultiChoice) => keys(wanted.into_iter().flat_map(|field| &field.options).filter(|option| !option.retired).map(|option| option.key.as_str())),
        _ => first.en.clone(),
    };
    let said: Vec<Json> = faults.iter().map(|fault| json!({ "field": format!("fields.{}", fault.field), "code": fault.code, "zh": fault.zh, "en": fault.en })).collect();
    Some(Problem::invalid(format!("fields.{}", first.field), format!("the answer to `{}` cannot be taken: {}", first.field, first.en)).expected(right).detail(json!({ "faults": said })))
}

/// The answers as conditions compare them (money in major units, dates as dates, tables by their rows), under `fields.`.
/// Personal ones say only that they are there.
pub fn facts(kind: &Kind, stored: &Map<String, Json>) -> Map<String, Json> {
    let shown = masked(stored);
    let mut out: Map<String, Json> = shown.iter().map(|(key, value)| (format!("fields.{key}"), value.clone())).collect();
    if let Some(form) = &kind.definition().form {
        out.extend(shouwen_forms::facts(form, &shown, "fields."));
    }
    out
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
    Ok(taken(tx, &kind, workspace, None, given)?.into_iter().filter(|(_, v)| !v.is_null()).collect())
}

/// Tells the answers a case was opened with, one by one as edits are told: its opening itself does not carry them.
pub fn tell(tx: &Tx<'_>, ctx: &Ctx, case: &Case) -> Result<()> {
    case.fields.iter().try_for_each(|(key, value)| case.emit(tx, ctx, Edited { case_id: case.id, field: format!("fields.{key}"), from: Json::Null, to: told(value) }))
}
