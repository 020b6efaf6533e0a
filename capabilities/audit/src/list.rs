//! `GET /audit`.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{Actor, Problem, Result, Scope, Time, WorkspaceId};
use shouwen_store::{AUDIT_COLUMNS, FromRow, Row, ScopeColumns, ToValue, Tx, Value, params, scope_sql};
use shouwen_web::{Allowed, Answer, App, Page, Params, decode_cursor, limit_of};
use utoipa::ToSchema;

use crate::AuditRead;
use crate::object::{Wanted as WantedObject, shown};
use crate::row::Found;

/// What to list; filters add up.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// An id (`cus_…`), or a kind of object (`customer`).
    object: Option<String>,
    /// Id of a person or customer who acted.
    actor: Option<String>,
    /// An action (`customer.revealed`).
    action: Option<String>,
    /// From this instant, RFC 3339.
    #[param(value_type = Option<String>)]
    from: Option<Time>,
    /// Before this instant, RFC 3339.
    #[param(value_type = Option<String>)]
    to: Option<Time>,
    /// Rows a page, 1–200; 50 when absent.
    limit: Option<usize>,
    /// `next` of the page before.
    after: Option<String>,
}

/// One deed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Entry {
    /// Row number.
    pub seq: i64,
    #[schema(value_type = String)]
    pub at: Time,
    pub actor: Who,
    /// `customer.read`, `case.assigned` …
    pub action: String,
    /// Kind of object.
    pub object: String,
    pub object_id: Option<String>,
    /// Network address of the caller.
    pub ip: Option<String>,
    pub detail: Option<serde_json::Value>,
    /// Part of the hash chain.
    pub sealed: bool,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Who {
    /// `person`, `customer`, `system`; `unknown` in a row that was changed and cannot be read.
    pub kind: String,
    pub id: Option<String>,
    /// Name of the person as it is now, or of the part of the product.
    pub name: Option<String>,
    /// Done with this API token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Who did or read what, when, from where; newest first. A role that does not reach the whole workspace sees the deeds
/// of the people of its org units, and one's own. That the audit was read is on record itself.
#[utoipa::path(get, path = "/audit", params(Wanted), responses((status = 200, body = Page<Entry>)), tag = "audit", extensions(("x-permission" = json!("audit.read"))))]
pub(crate) async fn list(State(app): State<App>, who: Allowed<AuditRead>, Params(wanted): Params<Wanted>) -> Answer<axum::Json<Page<Entry>>> {
    let (ctx, scope, limit) = (who.ctx(), who.scope.clone(), limit_of(wanted.limit)?);
    let page = app
        .db()
        .write(move |tx| {
            let rows = read(tx, ctx.workspace, &scope, &wanted, limit + 1)?;
            let page = Page::from_rows(rows, limit, |row| row.entry.seq);
            let filters = json!({ "object": wanted.object, "actor": wanted.actor, "action": wanted.action, "from": wanted.from, "to": wanted.to });
            tx.audit(&ctx, "audit.read", "audit", None, Some(json!({ "filters": filters, "found": page.items.len() })))?;
            Ok(Page { items: page.items.into_iter().map(|named| named.entry).collect(), next: page.next })
        })
        .await?;
    Ok(axum::Json(page))
}

/// A row with the name of who acted.
struct Named {
    entry: Entry,
}

impl FromRow for Named {
    fn from_row(row: &Row) -> Result<Self> {
        let name: Option<String> = row.get(14)?;
        let found = Found::from_row(row)?;
        let read = found.row.and_then(|row| serde_json::from_value::<Actor>(row.actor.clone()).map(|actor| (row, actor)).map_err(|_| "`actor`: it names nobody".to_owned()));
        let (row, actor) = match read {
            Ok(both) => both,
            // What somebody made unreadable must not hide the rest.
            Err(why) => {
                return Ok(Self {
                    entry: Entry {
                        seq: found.position.seq,
                        at: row.get(3).unwrap_or_default(),
                        actor: Who { kind: "unknown".into(), id: None, name: None, token: None },
                        action: "audit.unreadable".into(),
                        object: "audit".into(),
                        object_id: None,
                        ip: None,
                        detail: Some(json!({ "problem": why })),
                        sealed: found.chain.is_some(),
                    },
                });
            }
        };
        let actor = match actor {
            Actor::Person { id, token } => Who { kind: "person".into(), id: Some(id.to_string()), name, token: token.map(|t| t.to_string()) },
            Actor::Customer { id } => Who { kind: "customer".into(), id: id.map(|id| id.to_string()), name: None, token: None },
            Actor::System { name } => Who { kind: "system".into(), id: None, name: Some(name), token: None },
        };
        Ok(Self {
            entry: Entry {
                seq: row.position.seq,
                at: row.at,
                actor,
                action: row.action,
                object_id: row.object_id.map(|id| shown(&row.object, id)),
                object: row.object,
                ip: row.ip,
                detail: row.detail,
                sealed: row.chain.is_some(),
            },
        })
    }
}

/// Rows are numbered when they are written but dated when their transaction began: that far apart they may stand.
const DRIFT_S: i64 = 120;

fn read(tx: &Tx<'_>, workspace: WorkspaceId, scope: &Scope, wanted: &Wanted, limit: usize) -> Result<Vec<Named>> {
    let mut values: Vec<Value> = Vec::new();
    let mut place = |value: Value| {
        values.push(value);
        format!("?{}", values.len())
    };
    let mut conditions = vec![format!("a.workspace_id = {}", place(workspace.to_value()))];
    match wanted.object.as_deref().map(WantedObject::of).transpose()? {
        Some(WantedObject::One(id)) => conditions.push(format!("a.object_id = {}", place(Value::Id(id)))),
        Some(WantedObject::Kind(kind)) => conditions.push(format!("a.object = {}", place(Value::Text(kind)))),
        None => {}
    }
    if let Some(actor) = &wanted.actor {
        let WantedObject::One(id) = WantedObject::of(actor).map_err(|p| p.field("actor"))? else {
            return Err(Problem::invalid("actor", "this is not an id").expected("the id of a person (per_…) or a customer (cus_…)"));
        };
        conditions.push(format!("a.actor_id = {}", place(Value::Id(id))));
    }
    if let Some(action) = &wanted.action {
        conditions.push(format!("a.action = {}", place(Value::Text(action.trim().to_owned()))));
    }
    if let Some(seq) = decode_cursor::<i64>(wanted.after.as_deref())? {
        conditions.push(format!("a.seq < {}", place(Value::Int(seq))));
    }
    // A window of time becomes a window of row numbers, so that an old one is not reached by walking from the end.
    if let Some(from) = wanted.from {
        let first: Option<(i64,)> = tx.opt("SELECT seq FROM audit WHERE at >= ?1 ORDER BY at, seq LIMIT 1", params![from.plus_seconds(-DRIFT_S)])?;
        let Some((first,)) = first else { return Ok(Vec::new()) };
        conditions.push(format!("a.at >= {} AND a.seq >= {}", place(from.to_value()), place(Value::Int(first - 1000))));
    }
    if let Some(to) = wanted.to {
        let last: Option<(i64,)> = tx.opt("SELECT seq FROM audit WHERE at < ?1 ORDER BY at DESC, seq DESC LIMIT 1", params![to.plus_seconds(DRIFT_S)])?;
        let Some((last,)) = last else { return Ok(Vec::new()) };
        conditions.push(format!("a.at < {} AND a.seq <= {}", place(to.to_value()), place(Value::Int(last + 1000))));
    }
    let limit = place(Value::Int(limit as i64));
    let columns = ScopeColumns { org_unit: Some("p.org_unit_id"), team: None, people: &["a.actor_id"], watchers: None };
    let (within, more) = scope_sql(scope, &columns, values.len() + 1);
    values.extend(more);
    tx.all(
        &format!(
            "SELECT {AUDIT_COLUMNS}, p.name FROM audit AS a LEFT JOIN audit_person AS p ON p.id = a.actor_id WHERE {} AND {within} ORDER BY a.seq DESC LIMIT {limit}",
            conditions.join(" AND ")
        ),
        &values,
    )
}
