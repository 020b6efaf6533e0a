//! Macros: the same actions, run by a person on a case, with that person's own rights.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use shouwen_contracts::wish::{ActionWish, WishEvent};
use shouwen_kernel::{Access, CaseId, Kind, ObjectId, Problem, Result, Time, WorkspaceId};
use shouwen_rules::{Macro, RuleSet, Words, evaluate, text};
use shouwen_store::{Json, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, Viewer, axum};

use crate::facts::CaseFacts;
use crate::input::{self, Given, refusal};
use crate::loaded::{self, Loaded};
use crate::state::State as CaseState;
use crate::{CaseRead, RuleManage, facts, fire, on_events};

/// A macro as the API shows it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct MacroView {
    pub id: ObjectId,
    pub key: String,
    #[schema(value_type = Object)]
    pub title: Words,
    #[schema(value_type = Object)]
    pub note: Words,
    /// For which cases it is offered, as a tree.
    #[schema(value_type = Object)]
    #[serde(rename = "if")]
    pub condition: Value,
    /// The same as text.
    pub text: String,
    pub text_zh: String,
    #[schema(value_type = Vec<Object>)]
    pub then: Value,
    pub pack: Option<String>,
    /// How often it was run.
    pub used: i64,
    pub updated_at: Time,
    pub version: i64,
}

type Row = (ObjectId, String, Json<Macro>, Option<String>, i64, Time, i64);
const COLUMNS: &str = "id, key, content, pack, used, updated_at, version";

fn view((id, key, Json(found), pack, used, updated_at, version): Row) -> Result<MacroView> {
    Ok(MacroView {
        id,
        key,
        title: found.title,
        note: found.note,
        text: text::print(&found.condition),
        text_zh: facts::words().print_zh(&found.condition),
        condition: serde_json::to_value(found.condition)?,
        then: serde_json::to_value(found.then)?,
        pack,
        used,
        updated_at,
        version,
    })
}

fn all(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<MacroView>> {
    tx.all::<Row>(&format!("SELECT {COLUMNS} FROM rule_macro WHERE workspace_id = ?1 ORDER BY key"), params![workspace])?.into_iter().map(view).collect()
}

fn find(tx: &Tx<'_>, workspace: WorkspaceId, id: ObjectId) -> Result<MacroView> {
    view(tx.opt::<Row>(&format!("SELECT {COLUMNS} FROM rule_macro WHERE id = ?1 AND workspace_id = ?2"), params![id, workspace])?.ok_or_else(|| Problem::not_found("macro"))?)
}

#[utoipa::path(get, path = "/macros", responses((status = 200, body = [MacroView])), tag = "rules", summary = "Macros", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn list(State(app): State<App>, who: Allowed<RuleManage>) -> Answer<axum::Json<Vec<MacroView>>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| all(tx, workspace)).await
}

#[utoipa::path(get, path = "/macros/{id}", params(("id" = ObjectId, Path)), responses((status = 200, body = MacroView)), tag = "rules", summary = "A macro", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn show(State(app): State<App>, who: Allowed<RuleManage>, Id(id): Id<ObjectId>) -> Answer<axum::Json<MacroView>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| find(tx, workspace, id)).await
}

fn free_key(tx: &Tx<'_>, workspace: WorkspaceId, key: &str, but: Option<ObjectId>) -> Result<()> {
    let holder: Option<(ObjectId,)> = tx.opt("SELECT id FROM rule_macro WHERE workspace_id = ?1 AND key = ?2", params![workspace, key])?;
    if holder.is_some_and(|(id,)| Some(id) != but) {
        return Err(Problem::conflict("rule.key_taken", format!("the key `{key}` is taken by another macro")).field("key").expected("a key of its own"));
    }
    Ok(())
}

/// A new macro.
pub fn insert(tx: &Tx<'_>, workspace: WorkspaceId, made: &Macro, pack: Option<(&str, &str)>) -> Result<ObjectId> {
    let id: ObjectId = tx.id();
    tx.run(
        "INSERT INTO rule_macro (id, workspace_id, key, content, pack, pack_print, used, created_at, updated_at, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?7, 1)",
        params![id, workspace, made.key, Json(made), pack.map(|p| p.0), pack.map(|p| p.1), tx.now()],
    )?;
    loaded::outdate();
    Ok(id)
}

#[utoipa::path(post, path = "/macros", request_body = serde_json::Value, responses((status = 201, body = MacroView), (status = 422)), tag = "rules", summary = "Create a macro: title, if (for which cases), then", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn create(State(app): State<App>, who: Allowed<RuleManage>, input: Input<Value>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(&input.hash), StatusCode::CREATED, move |tx| {
        let Given { mut value, .. } = Given::of(&input.value)?;
        if value.get("key").is_none() {
            value["key"] = json!(tx.id::<ObjectId>().to_string().replace("obj_", "macro-"));
        }
        let made = input::a_macro(&value, &input::vocabulary(tx, ctx.workspace)?).map_err(|faults| refusal(&faults))?;
        free_key(tx, ctx.workspace, &made.key, None)?;
        let id = insert(tx, ctx.workspace, &made, None)?;
        tx.audit(&ctx, "macro.created", "macro", Some(id.0), Some(json!({ "key": made.key })))?;
        find(tx, ctx.workspace, id)
    })
    .await
}

#[utoipa::path(put, path = "/macros/{id}", params(("id" = ObjectId, Path)), request_body = serde_json::Value, responses((status = 200, body = MacroView), (status = 409)), tag = "rules", summary = "Change a macro", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn edit(State(app): State<App>, who: Allowed<RuleManage>, Id(id): Id<ObjectId>, input: Input<Value>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(&input.hash), StatusCode::OK, move |tx| {
        let Given { mut value, version } = Given::of(&input.value)?;
        let now = find(tx, ctx.workspace, id)?;
        if version != Some(now.version) {
            return Err(Problem::conflict("version_conflict", "somebody else edited this macro meanwhile").expected("the version you saw").detail(json!({ "current": now })));
        }
        if value.get("key").is_none() {
            value["key"] = json!(now.key);
        }
        let made = input::a_macro(&value, &input::vocabulary(tx, ctx.workspace)?).map_err(|faults| refusal(&faults))?;
        free_key(tx, ctx.workspace, &made.key, Some(id))?;
        tx.run("UPDATE rule_macro SET key = ?2, content = ?3, updated_at = ?4, version = version + 1 WHERE id = ?1", params![id, made.key, Json(&made), tx.now()])?;
        loaded::outdate();
        tx.audit(&ctx, "macro.edited", "macro", Some(id.0), Some(json!({ "key": made.key })))?;
        find(tx, ctx.workspace, id)
    })
    .await
}

#[utoipa::path(delete, path = "/macros/{id}", params(("id" = ObjectId, Path)), responses((status = 204), (status = 409, description = "A rule runs it")), tag = "rules", summary = "Remove a macro", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn remove(State(app): State<App>, who: Allowed<RuleManage>, Id(id): Id<ObjectId>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(""), StatusCode::NO_CONTENT, move |tx| {
        let now = find(tx, ctx.workspace, id)?;
        let runs = |then: &Value| then.as_array().is_some_and(|actions| actions.iter().any(|action| action["do"] == "run_macro" && action["macro"] == now.key.as_str()));
        let users: Vec<String> = crate::rules::all(tx, ctx.workspace)?.into_iter().filter(|stored| runs(&stored.view.then)).map(|stored| stored.view.key).collect();
        if !users.is_empty() {
            return Err(Problem::conflict("macro.in_use", format!("rules run this macro: {}", users.join(", "))).expected("change those rules first").detail(json!({ "rules": users })));
        }
        tx.run("DELETE FROM rule_macro WHERE id = ?1", params![id])?;
        loaded::outdate();
        tx.audit(&ctx, "macro.removed", "macro", Some(id.0), Some(json!({ "key": now.key })))
    })
    .await
}

/// An action a person may not have done.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Refused {
    /// Name of the action.
    pub action: String,
    /// The permission it needs for this case.
    pub permission: String,
}

/// A macro that fits a case.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Offer {
    pub id: ObjectId,
    pub key: String,
    #[schema(value_type = Object)]
    pub title: Words,
    #[schema(value_type = Object)]
    pub note: Words,
    /// Names of the actions, in order.
    pub actions: Vec<String>,
    /// The actions themselves, texts filled in for this case, as they would be asked for now.
    #[schema(value_type = Vec<Object>)]
    pub then: Vec<Value>,
    /// What this viewer may not have done; with any, the macro cannot be run.
    pub refused: Vec<Refused>,
}

/// What a viewer may not have done to a case.
fn refused(viewer: &Viewer, set: &RuleSet, found: &Macro, access: &Access) -> Vec<Refused> {
    set.expand(&found.then)
        .into_iter()
        .filter(|action| !viewer.scope(fire::permission(action)).is_some_and(|scope| scope.sees(access)))
        .map(|action| Refused { action: action.name().to_owned(), permission: fire::permission(action).to_owned() })
        .collect()
}

/// The case, if this viewer may see it.
fn seen(tx: &Tx<'_>, viewer: &Viewer, case: CaseId) -> Result<CaseState> {
    on_events::load(tx, viewer.workspace, case)?.filter(|state| viewer.scope("case.read").is_some_and(|scope| scope.sees(&state.access()))).ok_or_else(|| Problem::not_found("case"))
}

#[utoipa::path(get, path = "/cases/{id}/macros", params(("id" = CaseId, Path)), responses((status = 200, body = [Offer])), tag = "rules", summary = "Macros that fit this case", extensions(("x-permission" = json!("case.read"))))]
pub async fn offered(State(app): State<App>, who: Allowed<CaseRead>, Id(case): Id<CaseId>) -> Answer<axum::Json<Vec<Offer>>> {
    let viewer = who.viewer.clone();
    app.query(move |tx| {
        let state = seen(tx, &viewer, case)?;
        let loaded = Loaded::of(tx, viewer.workspace)?;
        let (access, facts) = (state.access(), CaseFacts::new(tx, &state, None, tx.now(), &loaded));
        let rows: Vec<(ObjectId, String, Json<Macro>)> = tx.all("SELECT id, key, content FROM rule_macro WHERE workspace_id = ?1 ORDER BY key", params![viewer.workspace])?;
        let mut out = Vec::new();
        for (id, key, Json(found)) in rows {
            if !evaluate(&found.condition, &facts, tx.now().micros()) {
                continue;
            }
            let steps = loaded.set.expand(&found.then);
            let actions = steps.iter().map(|action| action.name().to_owned()).collect();
            let then = steps.iter().map(|action| fire::ready(action, Some(viewer.person), &facts, viewer.workspace)).collect::<Result<_>>()?;
            out.push(Offer { id, key, refused: refused(&viewer, &loaded.set, &found, &access), title: found.title, note: found.note, actions, then });
        }
        facts.sound()?;
        Ok(out)
    })
    .await
}

/// A macro that was set going.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Run {
    pub run_id: ObjectId,
    /// The actions asked for, texts filled in.
    #[schema(value_type = Vec<Object>)]
    pub actions: Vec<Value>,
    /// Place in the log after which they are on their way.
    #[schema(value_type = String)]
    pub position: shouwen_store::Position,
}

#[utoipa::path(post, path = "/cases/{id}/macros/{macro}", params(("id" = CaseId, Path), ("macro" = ObjectId, Path)), responses((status = 202, body = Run), (status = 403, description = "`macro.refused`: what the viewer may not have done, in `detail.refused`; nothing was done"), (status = 409, description = "The macro is not for this case")), tag = "rules", summary = "Run a macro on a case, as oneself", extensions(("x-permission" = json!("case.read"))))]
pub async fn run(State(app): State<App>, who: Allowed<CaseRead>, Id((case, id)): Id<(CaseId, ObjectId)>) -> Answer<Response> {
    let (ctx, viewer) = (who.ctx(), who.viewer.clone());
    app.command(who.once(""), StatusCode::ACCEPTED, move |tx| {
        let state = seen(tx, &viewer, case)?;
        let (key, Json(found)): (String, Json<Macro>) =
            tx.opt("SELECT key, content FROM rule_macro WHERE id = ?1 AND workspace_id = ?2", params![id, viewer.workspace])?.ok_or_else(|| Problem::not_found("macro"))?;
        let loaded = Loaded::of(tx, viewer.workspace)?;
        let (access, facts) = (state.access(), CaseFacts::new(tx, &state, None, tx.now(), &loaded));
        if state.merged || !evaluate(&found.condition, &facts, tx.now().micros()) {
            return Err(Problem::conflict("macro.does_not_fit", format!("the macro `{key}` is not for this case")).expected(text::print(&found.condition)));
        }
        let refused = refused(&viewer, &loaded.set, &found, &access);
        if !refused.is_empty() {
            let needs: Vec<&str> = refused.iter().map(|r| r.permission.as_str()).collect();
            return Err(Problem::new(Kind::Forbidden, "macro.refused", format!("you may not do all that the macro `{key}` does; nothing was done"))
                .expected(format!("the permissions {} for this case", needs.join(", ")))
                .detail(json!({ "refused": refused })));
        }
        let run_id: ObjectId = tx.id();
        let mut actions = Vec::new();
        for (n, action) in loaded.set.expand(&found.then).into_iter().enumerate() {
            let action = fire::ready(action, Some(viewer.person), &facts, viewer.workspace)?;
            facts.sound()?;
            let reason = found.title.pick(&loaded.locale).to_owned();
            tx.emit::<WishEvent>(&ctx, Some(case.0), Some(&access), ActionWish { source: format!("macro:{run_id}.{n}"), case_id: case, action: action.clone(), reason, chain: Vec::new() })?;
            actions.push(action);
        }
        tx.run("UPDATE rule_macro SET used = used + 1 WHERE id = ?1", params![id])?;
        tx.audit(&ctx, "macro.run", "case", Some(case.0), Some(json!({ "macro": key, "run": run_id })))?;
        Ok(Run { run_id, actions, position: tx.log_head()? })
    })
    .await
}
