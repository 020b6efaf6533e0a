//! Rules: list, look at, create, change, order, remove.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shouwen_kernel::{ObjectId, PersonId, Problem, Result, Time, WorkspaceId};
use shouwen_rules::{Rule, Words, text};
use shouwen_store::{FromRow, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, axum};

use crate::RuleManage;
use crate::input::{self, Given, refusal};
use crate::loaded::{self, Loaded};
use crate::{facts, owners, timers};

/// More rules than this in one workspace are refused.
const MOST: i64 = 1000;

/// A person by name.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct OwnerRef {
    pub id: PersonId,
    pub name: String,
}

/// A rule as the API shows it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RuleView {
    pub id: ObjectId,
    pub key: String,
    #[schema(value_type = Object)]
    pub title: Words,
    #[schema(value_type = Object)]
    pub note: Words,
    /// Triggers.
    #[schema(value_type = Vec<Object>)]
    pub when: Value,
    /// The condition as a tree.
    #[schema(value_type = Object)]
    #[serde(rename = "if")]
    pub condition: Value,
    /// The same as text, in English and in Chinese words; either is accepted as `if`.
    pub text: String,
    pub text_zh: String,
    /// Actions.
    #[schema(value_type = Vec<Object>)]
    pub then: Value,
    /// Place in the order, from 1.
    pub order: i64,
    pub stop: bool,
    pub enabled: bool,
    pub once_per: Option<String>,
    /// Whose rights bound it; null: the house's own.
    pub owner: Option<OwnerRef>,
    /// `owner_gone`: switched off because nobody answers for it; `owner_blind`: its owner may not read cases, so it sees none.
    pub trouble: Option<String>,
    /// The pack it came with.
    pub pack: Option<String>,
    pub fired: i64,
    pub last_fired_at: Option<Time>,
    pub created_at: Time,
    pub updated_at: Time,
    pub version: i64,
}

/// The columns of [`COLUMNS`].
struct Stands {
    id: ObjectId,
    key: String,
    place: i64,
    enabled: bool,
    content: Value,
    owner: Option<PersonId>,
    off: Option<String>,
    pack: Option<String>,
    fired: i64,
    last: Option<Time>,
    created: Time,
    updated: Time,
    version: i64,
}

impl FromRow for Stands {
    fn from_row(row: &shouwen_store::Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            key: row.get(1)?,
            place: row.get(2)?,
            enabled: row.get(3)?,
            content: row.get(4)?,
            owner: row.get(5)?,
            off: row.get(6)?,
            pack: row.get(7)?,
            fired: row.get(8)?,
            last: row.get(9)?,
            created: row.get(10)?,
            updated: row.get(11)?,
            version: row.get(12)?,
        })
    }
}
const COLUMNS: &str = "id, key, place, enabled, content, owner_id, off_reason, pack, fired, last_fired_at, created_at, updated_at, version";

/// A stored rule beside its row.
pub struct Stored {
    pub view: RuleView,
    pub rule: Rule,
}

fn stored(tx: &Tx<'_>, row: Stands) -> Result<Stored> {
    let Stands { id, key, place, enabled, content, owner, off, pack, fired, last, created, updated, version } = row;
    let rule = loaded::rule_of(&key, place, enabled, owner, content)?;
    let known: Option<(String, bool, Value)> = match owner {
        Some(person) => tx.opt("SELECT name, active, grants FROM rule_owner WHERE person_id = ?1", params![person])?,
        None => None,
    };
    let blind = known.as_ref().is_some_and(|(_, active, grants)| !active || !grants.as_array().is_some_and(|g| g.iter().any(|g| g["permission"] == "case.read")));
    let view = RuleView {
        id,
        key,
        title: rule.title.clone(),
        note: rule.note.clone(),
        when: serde_json::to_value(&rule.when)?,
        condition: serde_json::to_value(&rule.condition)?,
        text: text::print(&rule.condition),
        text_zh: facts::words().print_zh(&rule.condition),
        then: serde_json::to_value(&rule.then)?,
        order: place,
        stop: rule.stop,
        enabled,
        once_per: serde_json::to_value(rule.once_per)?.as_str().map(str::to_owned),
        owner: owner.map(|id| OwnerRef { id, name: known.map(|row| row.0).unwrap_or_default() }),
        trouble: off.or_else(|| blind.then(|| "owner_blind".to_owned())),
        pack,
        fired,
        last_fired_at: last,
        created_at: created,
        updated_at: updated,
        version,
    };
    Ok(Stored { view, rule })
}

/// All rules of the workspace in their order.
pub fn all(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Stored>> {
    tx.all::<Stands>(&format!("SELECT {COLUMNS} FROM rule_rule WHERE workspace_id = ?1 ORDER BY place, key"), params![workspace])?.into_iter().map(|row| stored(tx, row)).collect()
}

/// One rule of the workspace.
pub fn find(tx: &Tx<'_>, workspace: WorkspaceId, id: ObjectId) -> Result<Stored> {
    let row = tx.opt::<Stands>(&format!("SELECT {COLUMNS} FROM rule_rule WHERE id = ?1 AND workspace_id = ?2"), params![id, workspace])?.ok_or_else(|| Problem::not_found("rule"))?;
    stored(tx, row)
}

/// What is kept of a rule; key, order, switch and owner lie in columns.
pub fn content(rule: &Rule) -> Result<Value> {
    let mut value = serde_json::to_value(rule)?;
    if let Some(map) = value.as_object_mut() {
        for column in ["order", "enabled", "owner"] {
            map.remove(column);
        }
    }
    Ok(value)
}

/// A new rule at the end of the order.
pub fn insert(tx: &Tx<'_>, workspace: WorkspaceId, rule: &Rule, owner: Option<PersonId>, pack: Option<(&str, &str)>) -> Result<ObjectId> {
    let (count, last): (i64, Option<i64>) = tx.one("SELECT count(*), max(place) FROM rule_rule WHERE workspace_id = ?1", params![workspace])?;
    if count >= MOST {
        return Err(Problem::conflict("rule.too_many", format!("there are {count} rules already")).expected("fewer rules; several of one kind can often be one with `or`"));
    }
    let id: ObjectId = tx.id();
    tx.run(
        "INSERT INTO rule_rule (id, workspace_id, key, place, enabled, content, owner_id, pack, pack_print, active_since, fired, created_at, updated_at, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, ?10, ?10, 1)",
        params![id, workspace, rule.key, last.unwrap_or(0) + 1, rule.enabled, content(rule)?, owner, pack.map(|p| p.0), pack.map(|p| p.1), tx.now()],
    )?;
    Ok(id)
}

fn taken(key: &str) -> Problem {
    Problem::conflict("rule.key_taken", format!("the key `{key}` is taken by another rule")).field("key").expected("a key of its own")
}

#[utoipa::path(get, path = "/rules", responses((status = 200, body = [RuleView])), tag = "rules", summary = "Rules in the order they are asked", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn list(State(app): State<App>, who: Allowed<RuleManage>) -> Answer<axum::Json<Vec<RuleView>>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| Ok(all(tx, workspace)?.into_iter().map(|stored| stored.view).collect())).await
}

#[utoipa::path(get, path = "/rules/{id}", params(("id" = ObjectId, Path)), responses((status = 200, body = RuleView)), tag = "rules", summary = "A rule", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn show(State(app): State<App>, who: Allowed<RuleManage>, Id(id): Id<ObjectId>) -> Answer<axum::Json<RuleView>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| Ok(find(tx, workspace, id)?.view)).await
}

#[utoipa::path(post, path = "/rules", request_body = serde_json::Value, responses((status = 201, body = RuleView), (status = 422, description = "Every fault, with path, line and column, in `detail.faults`")), tag = "rules", summary = "Create a rule: title, when, if (text or tree), then, stop, enabled, once_per", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn create(State(app): State<App>, who: Allowed<RuleManage>, input: Input<Value>) -> Answer<Response> {
    let (ctx, viewer) = (who.ctx(), who.viewer.clone());
    app.command(who.once(&input.hash), StatusCode::CREATED, move |tx| {
        let Given { mut value, .. } = Given::of(&input.value)?;
        if value.get("key").is_none() {
            value["key"] = json!(tx.id::<ObjectId>().to_string().replace("obj_", "rule-"));
        }
        let rule = input::rule(&value, &input::vocabulary(tx, ctx.workspace)?, &viewer).map_err(|faults| refusal(&faults))?;
        if tx.opt::<(ObjectId,)>("SELECT id FROM rule_rule WHERE workspace_id = ?1 AND key = ?2", params![ctx.workspace, rule.key])?.is_some() {
            return Err(taken(&rule.key));
        }
        owners::note(tx, &viewer)?;
        let id = insert(tx, ctx.workspace, &rule, Some(viewer.person), None)?;
        began(tx, ctx.workspace, &rule, id)?;
        tx.audit(&ctx, "rule.created", "rule", Some(id.0), Some(json!({ "key": rule.key, "enabled": rule.enabled })))?;
        Ok(find(tx, ctx.workspace, id)?.view)
    })
    .await
}

/// What follows when a rule was saved: what is made ready is out of date, and its timers are set.
pub fn began(tx: &Tx<'_>, workspace: WorkspaceId, rule: &Rule, id: ObjectId) -> Result<()> {
    loaded::outdate();
    if rule.enabled {
        let zone = Loaded::of(tx, workspace)?.zone_name.clone();
        timers::start(tx, workspace, rule, id, &zone)?;
    }
    Ok(())
}

#[utoipa::path(put, path = "/rules/{id}", params(("id" = ObjectId, Path)), request_body = serde_json::Value, responses((status = 200, body = RuleView), (status = 409, description = "Somebody else edited it")), tag = "rules", summary = "Change a rule; whoever saves it owns it from now on", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn edit(State(app): State<App>, who: Allowed<RuleManage>, Id(id): Id<ObjectId>, input: Input<Value>) -> Answer<Response> {
    let (ctx, viewer) = (who.ctx(), who.viewer.clone());
    app.command(who.once(&input.hash), StatusCode::OK, move |tx| {
        let Given { mut value, version } = Given::of(&input.value)?;
        let now = find(tx, ctx.workspace, id)?;
        if version != Some(now.view.version) {
            return Err(Problem::conflict("version_conflict", "somebody else edited this rule meanwhile").expected("the version you saw").detail(json!({ "current": now.view })));
        }
        if value.get("key").is_none() {
            value["key"] = json!(now.view.key);
        }
        let rule = input::rule(&value, &input::vocabulary(tx, ctx.workspace)?, &viewer).map_err(|faults| refusal(&faults))?;
        if tx.opt::<(ObjectId,)>("SELECT id FROM rule_rule WHERE workspace_id = ?1 AND key = ?2 AND id <> ?3", params![ctx.workspace, rule.key, id])?.is_some() {
            return Err(taken(&rule.key));
        }
        owners::note(tx, &viewer)?;
        // Switched on, or with other triggers: what happened before is not its business.
        let anew = rule.enabled && (!now.view.enabled || rule.when != now.rule.when || rule.condition != now.rule.condition);
        tx.run(
            "UPDATE rule_rule SET key = ?2, enabled = ?3, content = ?4, owner_id = ?5, off_reason = NULL, updated_at = ?6, version = version + 1 WHERE id = ?1",
            params![id, rule.key, rule.enabled, content(&rule)?, viewer.person, tx.now()],
        )?;
        if anew {
            tx.run("UPDATE rule_rule SET active_since = ?2 WHERE id = ?1", params![id, tx.now()])?;
        }
        began(tx, ctx.workspace, &rule, id)?;
        tx.audit(&ctx, "rule.edited", "rule", Some(id.0), Some(json!({ "key": rule.key, "enabled": rule.enabled })))?;
        Ok(find(tx, ctx.workspace, id)?.view)
    })
    .await
}

#[utoipa::path(delete, path = "/rules/{id}", params(("id" = ObjectId, Path)), responses((status = 204)), tag = "rules", summary = "Remove a rule and its log", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn remove(State(app): State<App>, who: Allowed<RuleManage>, Id(id): Id<ObjectId>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(""), StatusCode::NO_CONTENT, move |tx| {
        let now = find(tx, ctx.workspace, id)?;
        for table in ["rule_firing", "rule_day"] {
            tx.run(&format!("DELETE FROM {table} WHERE rule_id = ?1"), params![id])?;
        }
        tx.run("DELETE FROM rule_rule WHERE id = ?1", params![id])?;
        loaded::outdate();
        tx.audit(&ctx, "rule.removed", "rule", Some(id.0), Some(json!({ "key": now.view.key })))
    })
    .await
}

/// The order in which rules are asked.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderInput {
    /// Every rule, once.
    pub ids: Vec<ObjectId>,
}

#[utoipa::path(put, path = "/rules/order", request_body = OrderInput, responses((status = 200, body = [RuleView])), tag = "rules", summary = "The order in which rules are asked", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn order(State(app): State<App>, who: Allowed<RuleManage>, input: Input<OrderInput>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(&input.hash), StatusCode::OK, move |tx| {
        let mut known: Vec<ObjectId> = all(tx, ctx.workspace)?.into_iter().map(|stored| stored.view.id).collect();
        let mut given = input.value.ids.clone();
        known.sort_by_key(|id| id.0);
        given.sort_by_key(|id| id.0);
        if known != given {
            return Err(Problem::invalid("ids", "the order does not name every rule exactly once").expected(format!("the ids of all {} rules of /rules, each once", known.len())));
        }
        for (place, id) in input.value.ids.iter().enumerate() {
            tx.run("UPDATE rule_rule SET place = ?2 WHERE id = ?1", params![id, place + 1])?;
        }
        loaded::outdate();
        tx.audit(&ctx, "rule.ordered", "workspace", Some(ctx.workspace.0), None)?;
        Ok(all(tx, ctx.workspace)?.into_iter().map(|stored| stored.view).collect::<Vec<_>>())
    })
    .await
}
