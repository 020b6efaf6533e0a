//! Case types as administrators change them: the same definitions that packs bring.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use shouwen_kernel::{PersonId, Problem, Result, Time};
use shouwen_stages::Definition;
use shouwen_store::{Json as JsonColumn, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::names::{self, Named};
use crate::{CaseTypeManage, kinds, type_answers, type_change, type_store, type_try};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(check)).routes(routes!(show, put, remove)).routes(routes!(versions)).routes(routes!(version))
}

/// How many cases stand in a stage.
#[derive(Debug, Serialize, ToSchema)]
struct StageInUse {
    stage: String,
    cases: i64,
}

/// A case type as it is written.
#[derive(Debug, Serialize, ToSchema)]
struct TypeDefinition {
    key: String,
    version: i64,
    pack: Option<String>,
    /// Changed since it came with its pack.
    edited: bool,
    /// As in a pack's `case-types/*.toml`, as JSON: `stage`, `form`, `resolution`, `verification` …
    #[schema(value_type = Object)]
    definition: Json,
    /// The stages in which cases stand.
    in_use: Vec<StageInUse>,
    /// Cases that go to another stage by this change.
    moved: u64,
}

/// A definition to save.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SaveCaseType {
    /// The version you saw.
    version: i64,
    #[schema(value_type = Object)]
    definition: Json,
}

/// A definition.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCaseType {
    #[schema(value_type = Object)]
    definition: Json,
}

/// One thing that is wrong with a definition.
#[derive(Debug, Serialize, ToSchema)]
struct DefinitionFault {
    /// `stage[2].to[0]`
    path: String,
    wrong: String,
    right: String,
    /// In a condition's text.
    line: Option<u32>,
    column: Option<u32>,
}

/// What a check found.
#[derive(Debug, Serialize, ToSchema)]
struct CaseTypeCheck {
    ok: bool,
    faults: Vec<DefinitionFault>,
    /// Stages with cases in them that the definition does not have and sends nowhere.
    stages_in_use: Vec<StageInUse>,
    /// Cases that would go to another stage.
    moves: Vec<StageMove>,
    /// Cases of this type that are not archived: they go on by the new definition.
    running: i64,
}

/// Cases that a change would carry to another stage.
#[derive(Debug, Serialize, ToSchema)]
struct StageMove {
    from: String,
    to: String,
    cases: i64,
}

fn read(given: &Json) -> Result<Definition> {
    serde_json::from_value(given.clone()).map_err(|e| {
        let text = e.to_string();
        Problem::invalid("definition", format!("the definition cannot be read: {text}")).code("case_type.faulty").expected("a definition as GET /api/v1/case-types/{key} gives it")
    })
}

fn view(tx: &Tx<'_>, workspace: shouwen_kernel::WorkspaceId, key: &str, moved: u64) -> Result<TypeDefinition> {
    let types = type_store::types(tx, workspace)?;
    let kind = types.find(key).ok_or_else(|| Problem::not_found("case type"))?;
    Ok(TypeDefinition {
        key: kind.key().to_owned(),
        version: kind.version,
        pack: kind.pack.clone(),
        edited: kind.edited,
        definition: serde_json::to_value(kind.definition())?,
        in_use: type_change::in_use(tx, workspace, key)?.into_iter().map(|(stage, cases)| StageInUse { stage, cases }).collect(),
        moved,
    })
}

/// A case type as it is written, for editing.
#[utoipa::path(get, path = "/case-types/{key}", params(("key" = String, Path)), responses((status = 200, body = TypeDefinition), (status = 404)), tag = "case types", extensions(("x-permission" = json!("case_type.manage"))))]
async fn show(State(app): State<App>, who: Allowed<CaseTypeManage>, Id(key): Id<String>) -> Answer<axum::Json<TypeDefinition>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| view(tx, workspace, &key, 0)).await
}

/// Checks a definition without saving it: every fault with its path, and cases that would be left nowhere.
#[utoipa::path(post, path = "/case-types/check", request_body = NewCaseType, responses((status = 200, body = CaseTypeCheck)), tag = "case types", extensions(("x-permission" = json!("case_type.manage"))))]
async fn check(State(app): State<App>, who: Allowed<CaseTypeManage>, input: Input<NewCaseType>) -> Answer<axum::Json<CaseTypeCheck>> {
    let (workspace, given) = (who.viewer.workspace, input.value.definition);
    app.query(move |tx| {
        let (definition, found) = type_try::faults(&given)?;
        let faults: Vec<DefinitionFault> = found.into_iter().map(|f| DefinitionFault { path: f.path, wrong: f.wrong, right: f.right, line: f.line, column: f.column }).collect();
        let mut answer = CaseTypeCheck { ok: faults.is_empty(), faults, stages_in_use: Vec::new(), moves: Vec::new(), running: 0 };
        let Some(definition) = definition else { return Ok(answer) };
        let known = |stage: &str| definition.stages.iter().any(|s| s.key == stage);
        let types = type_store::types(tx, workspace)?;
        let archived = |stage: &str| types.find(&definition.key).and_then(|kind| kind.machine.stage(stage)).is_some_and(|s| s.status == shouwen_stages::Status::Closed);
        for (stage, cases) in type_change::in_use(tx, workspace, &definition.key)? {
            if !archived(&stage) {
                answer.running += cases;
            }
            match definition.moved.get(&stage).filter(|to| known(to)) {
                _ if known(&stage) => {}
                Some(to) => answer.moves.push(StageMove { from: stage, to: to.clone(), cases }),
                None => answer.stages_in_use.push(StageInUse { stage, cases }),
            }
        }
        answer.faults.extend(type_change::carried(tx, workspace, &definition)?.into_iter().map(|f| DefinitionFault { path: f.path, wrong: f.wrong, right: f.right, line: f.line, column: f.column }));
        answer.ok = answer.faults.is_empty() && answer.stages_in_use.is_empty();
        Ok(answer)
    })
    .await
}

/// Adds a case type.
#[utoipa::path(post, path = "/case-types", request_body = NewCaseType, responses((status = 201, body = TypeDefinition), (status = 422, description = "case_type.faulty: detail.faults lists everything")), tag = "case types", extensions(("x-permission" = json!("case_type.manage"))))]
async fn create(State(app): State<App>, who: Allowed<CaseTypeManage>, input: Input<NewCaseType>) -> Answer<Response> {
    let (ctx, once, person, given) = (who.ctx(), who.once(&input.hash), who.viewer.person, input.value.definition);
    app.command(once, StatusCode::CREATED, move |tx| {
        let definition = read(&given)?;
        if type_store::stored(tx, &ctx, &definition.key)?.is_some() {
            return Err(Problem::conflict("case_type.exists", format!("there is a case type `{}` already", definition.key)).field("definition.key").expected("another key, or PUT to change that one"));
        }
        type_change::change(tx, &ctx, &definition, None, Some(person))?;
        tx.audit(&ctx, "case_type.created", "case_type", None, Some(json!({ "key": definition.key })))?;
        view(tx, ctx.workspace, &definition.key, 0)
    })
    .await
}

/// Changes a case type. Cases in a stage that is gone go where `definition.moved` says; without it the change is refused.
#[utoipa::path(put, path = "/case-types/{key}", params(("key" = String, Path)), request_body = SaveCaseType, responses((status = 200, body = TypeDefinition), (status = 409, description = "version_conflict, case_type.stage_in_use"), (status = 422, description = "case_type.faulty: detail.faults lists everything")), tag = "case types", extensions(("x-permission" = json!("case_type.manage"))))]
async fn put(State(app): State<App>, who: Allowed<CaseTypeManage>, Id(key): Id<String>, input: Input<SaveCaseType>) -> Answer<Response> {
    let (ctx, once, person, body) = (who.ctx(), who.once(&input.hash), who.viewer.person, input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let stored = type_store::stored(tx, &ctx, &key)?.ok_or_else(|| Problem::not_found("case type"))?;
        if stored.version != body.version {
            return Err(Problem::conflict("version_conflict", "somebody else changed this in the meantime").expected("look at both, then send again with the current version").detail(json!({ "current": view(tx, ctx.workspace, &key, 0)? })));
        }
        let definition = read(&body.definition)?;
        if definition.key != key {
            return Err(Problem::invalid("definition.key", format!("the key is `{}`", shouwen_kernel::text::clip(&definition.key, 40))).expected(format!("`{key}`: a type keeps its key")));
        }
        let origin = stored.pack.as_deref().map(|pack| (pack, stored.pack_version.as_deref().unwrap_or_default(), stored.pack_mark.as_deref().unwrap_or_default()));
        let (version, moved) = type_change::change(tx, &ctx, &definition, origin, Some(person))?;
        let answers = match (&stored.definition.form, &definition.form) {
            (Some(old), Some(new)) => type_answers::carry(tx, &ctx, &key, stored.version, old, new)?,
            _ => Vec::new(),
        };
        tx.audit(&ctx, "case_type.changed", "case_type", None, Some(json!({ "key": key, "version": version, "moved": moved, "answers": answers })))?;
        view(tx, ctx.workspace, &key, moved)
    })
    .await
}

/// Takes a case type away. Refused while there are cases of it; its versions are kept.
#[utoipa::path(delete, path = "/case-types/{key}", params(("key" = String, Path)), responses((status = 204), (status = 409, description = "case_type.in_use")), tag = "case types", extensions(("x-permission" = json!("case_type.manage"))))]
async fn remove(State(app): State<App>, who: Allowed<CaseTypeManage>, Id(key): Id<String>) -> Answer<Response> {
    let (ctx, once) = (who.ctx(), who.once(""));
    app.command(once, StatusCode::NO_CONTENT, move |tx| {
        type_store::stored(tx, &ctx, &key)?.ok_or_else(|| Problem::not_found("case type"))?;
        if key == crate::intake::CASE_TYPE {
            return Err(Problem::conflict("case_type.needed", format!("mail that comes in opens cases of type `{key}`")).expected("another type to be removed"));
        }
        if type_change::is_used(tx, ctx.workspace, &key)? {
            return Err(Problem::conflict("case_type.in_use", format!("there are cases of type `{key}`")).expected("give them another type first"));
        }
        type_store::remove(tx, &ctx, &key)?;
        tx.audit(&ctx, "case_type.removed", "case_type", None, Some(json!({ "key": key })))
    })
    .await
}

/// A version of a case type.
#[derive(Debug, Serialize, ToSchema)]
struct CaseTypeVersion {
    version: i64,
    at: Time,
    /// Null: a pack, or the product.
    by: Option<Named<PersonId>>,
}

/// Every version of a case type, newest first.
#[utoipa::path(get, path = "/case-types/{key}/versions", params(("key" = String, Path)), responses((status = 200, body = Vec<CaseTypeVersion>)), tag = "case types", extensions(("x-permission" = json!("case_type.manage"))))]
async fn versions(State(app): State<App>, who: Allowed<CaseTypeManage>, Id(key): Id<String>) -> Answer<axum::Json<Vec<CaseTypeVersion>>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| {
        let rows: Vec<(i64, Time, Option<PersonId>)> =
            tx.all("SELECT version, at, by_person FROM case_type_version WHERE workspace_id = ?1 AND key = ?2 ORDER BY version DESC LIMIT 200", params![workspace, key])?;
        if rows.is_empty() {
            kinds::case_type(tx, workspace, &key).map_err(|_| Problem::not_found("case type"))?;
        }
        rows.into_iter().map(|(version, at, by)| Ok(CaseTypeVersion { version, at, by: names::person(tx, by)? })).collect()
    })
    .await
}

/// One version of a case type, as it was written.
#[utoipa::path(get, path = "/case-types/{key}/versions/{version}", params(("key" = String, Path), ("version" = i64, Path)), responses((status = 200, body = Object), (status = 404)), tag = "case types", extensions(("x-permission" = json!("case_type.manage"))))]
async fn version(State(app): State<App>, who: Allowed<CaseTypeManage>, Id((key, version)): Id<(String, i64)>) -> Answer<axum::Json<Json>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| {
        let row: Option<(JsonColumn<Json>,)> =
            tx.opt("SELECT definition FROM case_type_version WHERE workspace_id = ?1 AND key = ?2 AND version = ?3", params![workspace, key, version])?;
        row.map(|r| r.0.0).ok_or_else(|| Problem::not_found("version"))
    })
    .await
}
