//! Simple fields: title, type, priority, language and the type's own. A stale version is refused only where the same
//! field was changed in the meantime, with both values (UX-08). And the stage.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use shouwen_contracts::casework::Edited;
use shouwen_kernel::{CaseId, Problem, Result};
use shouwen_stages::{Stage, Status};
use shouwen_store::Tx;
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::case::Case;
use crate::change::Ending;
use crate::deed::{CaseAnswer, Deed, Undo, version_conflict};
use crate::gate::Hand;
use crate::input::{self, present, reason};
use crate::{CaseEdit, CaseRead, fields, gate, kinds, type_store, verified};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(edit)).routes(routes!(stage)).routes(routes!(moves))
}

/// Fields to change; absent ones stay.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Edit {
    /// The version you saw.
    version: i64,
    #[serde(default)]
    title: Option<String>,
    #[serde(default, rename = "type")]
    case_type: Option<String>,
    #[serde(default)]
    priority: Option<String>,
    /// Fields of the case type; null clears one.
    #[serde(default)]
    #[schema(value_type = Object)]
    fields: Option<Map<String, Json>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    language: Option<Option<String>>,
}

/// Changes fields of a case.
#[utoipa::path(patch, path = "/cases/{id}", params(("id" = CaseId, Path)), request_body = Edit, responses((status = 200, body = CaseAnswer), (status = 409, description = "version_conflict")), tag = "cases", extensions(("x-permission" = json!("case.edit"))))]
async fn edit(State(app): State<App>, who: Allowed<CaseEdit>, Id(id): Id<CaseId>, input: Input<Edit>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        case.must_be_whole()?;
        let wanted = wanted(tx, &case, &body)?;
        let conflicts: Vec<Json> = wanted
            .iter()
            .filter(|(field, value)| value_of(&case, field) != *value && case.field_versions.get(field).and_then(Json::as_i64).unwrap_or(1) > body.version)
            .map(|(field, value)| json!({ "field": field, "yours": value, "theirs": value_of(&case, field) }))
            .collect();
        if !conflicts.is_empty() || body.version > case.version {
            return Err(version_conflict(tx, &deed.viewer, &case, conflicts)?);
        }
        let back = apply(tx, &deed, &mut case, wanted)?;
        if back.is_empty() {
            return deed.answer(tx, &case, None);
        }
        case.save(tx)?;
        deed.audit(tx, "case.edited", &case, Some(json!({ "fields": back.keys().collect::<Vec<_>>() })))?;
        let undo = Undo::new("PATCH", format!("/cases/{id}"), undo_body(&case, back));
        deed.answer(tx, &case, Some(undo))
    })
    .await
}

/// The fields a request wants, checked, in the order they are applied.
fn wanted(tx: &Tx<'_>, case: &Case, body: &Edit) -> Result<Vec<(String, Json)>> {
    let mut wanted = Vec::new();
    if let Some(title) = &body.title {
        wanted.push(("title".to_owned(), json!(input::line("title", title, 200)?)));
    }
    let kind = kinds::case_type(tx, case.workspace, body.case_type.as_deref().unwrap_or(&case.case_type))?;
    if body.case_type.is_some() {
        wanted.push(("type".to_owned(), json!(kind.key())));
    }
    if let Some(priority) = &body.priority {
        kinds::check_priority(priority)?;
        wanted.push(("priority".to_owned(), json!(priority)));
    }
    if let Some(language) = &body.language {
        if let Some(tag) = language.as_deref().filter(|l| !matches!(*l, "zh" | "en")) {
            return Err(Problem::invalid("language", format!("`{}` is no language of the product", shouwen_kernel::text::clip(tag, 20))).expected("`zh`, `en` or null"));
        }
        wanted.push(("language".to_owned(), json!(language)));
    }
    if let Some(given) = &body.fields {
        for (key, value) in fields::taken(tx, &kind, case.workspace, Some(case), given)? {
            wanted.push((format!("fields.{key}"), value));
        }
    }
    Ok(wanted)
}

/// The present value of an editable field.
pub fn value_of(case: &Case, field: &str) -> Json {
    match field {
        "title" => json!(case.title),
        "type" => json!(case.case_type),
        "priority" => json!(case.priority),
        "language" => json!(case.language),
        other => other.strip_prefix("fields.").and_then(|key| case.fields.get(key)).cloned().unwrap_or(Json::Null),
    }
}

/// Sets fields and tells of each; the old values of those that changed.
pub fn apply(tx: &Tx<'_>, deed: &Deed, case: &mut Case, wanted: Vec<(String, Json)>) -> Result<Map<String, Json>> {
    let mut back = Map::new();
    for (field, value) in wanted {
        let from = value_of(case, &field);
        if from == value {
            continue;
        }
        let text = || value.as_str().unwrap_or_default().to_owned();
        match field.as_str() {
            "title" => case.title = text(),
            "type" => retype(tx, deed, case, &text())?,
            "priority" => case.priority = text(),
            "language" => case.language = value.as_str().map(str::to_owned),
            other => {
                let key = other.trim_start_matches("fields.").to_owned();
                if value.is_null() { case.fields.remove(&key) } else { case.fields.insert(key, value.clone()) };
            }
        }
        // The save that follows gives the case its next version.
        case.field_versions.insert(field.clone(), json!(case.version + 1));
        let shown = |v: &Json| fields::told(v);
        case.emit(tx, &deed.ctx, Edited { case_id: case.id, field: field.clone(), from: shown(&from), to: shown(&value) })?;
        back.insert(field, from);
    }
    Ok(back)
}

/// The PATCH body that sets the old values again.
fn undo_body(case: &Case, back: Map<String, Json>) -> Json {
    let mut body = Map::new();
    let mut fields = Map::new();
    for (field, value) in back {
        match field.strip_prefix("fields.") {
            Some(key) => fields.insert(key.to_owned(), value),
            None => body.insert(field, value),
        };
    }
    if !fields.is_empty() {
        body.insert("fields".to_owned(), Json::Object(fields));
    }
    body.insert("version".to_owned(), json!(case.version));
    Json::Object(body)
}

/// The stage to go to.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StageBody {
    /// A `stages[].key` of the case type, or a status: then the nearest stage of it.
    stage: String,
    #[serde(default)]
    reason: Option<String>,
}

/// Makes it a case of another type. It stays in a stage of the same name and status, else goes to the first of the same
/// status; what the old type owed for its end stays owed.
fn retype(tx: &Tx<'_>, deed: &Deed, case: &mut Case, to: &str) -> Result<()> {
    let types = type_store::types(tx, case.workspace)?;
    let kind = types.get(to)?;
    let ended = matches!(case.status.as_str(), "resolved" | "closed");
    if types.find(&case.case_type).is_some_and(|old| !kind.owes_all_of(old)) {
        case.ties.owe(&case.case_type.clone());
    }
    case.ties.former_types.retain(|t| t != to);
    if case.status == "closed" && !kind.machine.ends_by(case.resolution_code.as_deref()) && !verified::is_enough(&verified::confirmed(tx, case)?, &kind) {
        return Err(Problem::conflict("case.unverified", format!("case {} is in the archive without what ends of type `{to}` are verified by", case.number))
            .field("type")
            .expected("reopen the case first; then it ends as its new type asks")
            .detail(json!({ "ways": kind.machine.ways(), "reasons": [{ "why": "unverified", "ways": kind.machine.ways() }] })));
    }
    let same = |s: &&Stage| s.status.word() == case.status;
    let target = kind.definition().stages.iter().filter(same).find(|s| s.key == case.stage).or_else(|| kind.definition().stages.iter().find(same));
    let target = match target {
        Some(stage) => stage.clone(),
        None if ended => {
            return Err(Problem::conflict("case.no_such_stage", format!("cases of type `{to}` have no stage that is {}", case.status)).field("type").expected("reopen the case first"));
        }
        None => kind.machine.working().clone(),
    };
    case.case_type = to.to_owned();
    case.put_in(tx, &deed.ctx, &target, Some("type changed".to_owned())).map(|_| ())
}

/// Moves a case to a stage; for an end the resolution is the usual one, for another one use closure or resolution.
pub fn move_to(tx: &Tx<'_>, deed: &Deed, case: &mut Case, stage: &str, why: Option<String>) -> Result<Option<Undo>> {
    case.must_be_whole()?;
    let (before, before_status) = (case.stage.clone(), case.status.clone());
    let kind = kinds::case_type(tx, case.workspace, &case.case_type)?;
    // A status in place of a stage means the nearest stage of it: one key press does for every type.
    let target = match (kind.stage(stage), Status::of(stage)) {
        (Err(_), Some(status)) => kind.towards(&before, status)?,
        (found, _) => found?,
    };
    let stage = target.key.as_str();
    if stage == before {
        return Ok(None);
    }
    let ended = |status: &str| matches!(status, "resolved" | "closed");
    if ended(target.status.word()) || ended(&before_status) {
        deed.needing("case.close").check(case)?;
    }
    let hand = Hand::of(deed);
    let ending = Ending { reason: why.as_deref(), stage: Some(stage), ..Ending::usual(target.status) };
    match target.status {
        Status::Resolved if before_status == "closed" => {
            return Err(Problem::conflict("case.already_closed", format!("case {} is closed", case.number)).expected("reopen it first"));
        }
        // From one stage of the archive to another, or of waiting for verification: it has ended already.
        status if status.word() == before_status && ended(&before_status) => {
            case.move_to(tx, hand, stage, why.clone())?;
        }
        Status::Resolved | Status::Closed => {
            let code = case.resolution_code.clone();
            let text = case.resolution_text.clone();
            case.finish(tx, hand, &Ending { code: code.as_deref(), text: text.as_deref(), ..ending })?;
        }
        _ => {
            if ended(&before_status) {
                case.reopen(tx, &deed.ctx, why.as_deref().unwrap_or("reopened"))?;
            }
            case.move_to(tx, hand, stage, why.clone())?;
        }
    }
    case.save(tx)?;
    deed.audit(tx, "case.stage", case, Some(json!({ "from": before, "to": target.key })))?;
    // Only a way back that is open is offered.
    let code = case.resolution_code.clone();
    let back = gate::ask(tx, hand, case, &kind, &before, code.as_deref())?.is_ok() || ended(&case.status);
    Ok(back.then(|| Undo::new("PUT", format!("/cases/{}/stage", case.id), json!({ "stage": before, "reason": "undo" }))))
}

/// Where a viewer may move a case, and what is in the way elsewhere.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MoveView {
    pub stage: String,
    /// `open`, `waiting`, `resolved`, `closed`.
    pub status: String,
    pub allowed: bool,
    /// Code, message, `expected` and `detail.reasons` of what is in the way.
    #[schema(value_type = Option<Object>)]
    pub problem: Option<Json>,
}

/// Every other stage of the case's type: whether it may go there now, and if not, everything that is in the way.
#[utoipa::path(get, path = "/cases/{id}/moves", params(("id" = CaseId, Path)), responses((status = 200, body = Vec<MoveView>)), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn moves(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<CaseId>) -> Answer<axum::Json<Vec<MoveView>>> {
    let deed = Deed::of(&who);
    app.query(move |tx| {
        let case = deed.see(tx, id)?;
        let kind = kinds::case_type(tx, case.workspace, &case.case_type)?;
        let mut out = Vec::new();
        for stage in kind.definition().stages.iter().filter(|s| s.key != case.stage) {
            let code = case.resolution_code.as_deref().unwrap_or_else(|| kind.usual_end());
            let answer = gate::ask(tx, Hand::of(&deed), &case, &kind, &stage.key, Some(code))?;
            let problem = answer.err().map(|refusal| serde_json::to_value(gate::problem(&case, &kind, &refusal))).transpose()?;
            out.push(MoveView { stage: stage.key.clone(), status: stage.status.word().to_owned(), allowed: problem.is_none(), problem });
        }
        Ok(out)
    })
    .await
}

/// Moves a case to another stage of its type.
#[utoipa::path(put, path = "/cases/{id}/stage", params(("id" = CaseId, Path)), request_body = StageBody, responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.edit"))))]
async fn stage(State(app): State<App>, who: Allowed<CaseEdit>, Id(id): Id<CaseId>, input: Input<StageBody>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        let undo = move_to(tx, &deed, &mut case, &body.stage, reason(body.reason.as_deref()))?;
        deed.answer(tx, &case, undo)
    })
    .await
}
