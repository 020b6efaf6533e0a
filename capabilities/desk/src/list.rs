//! Lists of cases: by view or by condition, sorted, by keyset, always inside the viewer's reach.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use shouwen_kernel::{CaseId, CustomerId, Problem, Result, Scope};
use shouwen_rules::Condition;
use shouwen_store::{BranchList, Key, ScopeColumns, ToValue, Tx, Value, Watchers, params};
use shouwen_web::{Allowed, Answer, App, Id, Page, PageParams, Params, Viewer, axum, decode_cursor, limit_of};

use crate::row::{CaseRow, JOINS, SELECT};
use crate::{CaseRead, fields, views};

/// Where a case belongs, for the one permission predicate.
pub const SCOPE: ScopeColumns<'static> = ScopeColumns {
    org_unit: Some("c.org_unit_id"),
    team: Some("c.team_id"),
    people: &["c.assignee_id", "c.accountable_id"],
    watchers: Some(Watchers { table: "desk_watcher", object: "case_id", person: "person_id", id: "c.case_id" }),
};

#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
pub struct ListParams {
    /// A view's key or id.
    pub view: Option<String>,
    /// A condition tree as JSON; together with a view both must hold.
    pub filter: Option<String>,
    /// `-updated_at` (default), `updated_at`, `due_at`, `-opened_at`, `opened_at`, `priority`.
    pub sort: Option<String>,
    pub limit: Option<usize>,
    pub after: Option<String>,
}

/// A sort by name.
pub fn keys(sort: &str) -> Result<&'static [Key<'static>]> {
    const fn key(column: &'static str, descending: bool) -> Key<'static> {
        Key { column, descending }
    }
    const UPDATED_DOWN: &[Key<'static>] = &[key("c.updated_at", true), key("c.case_id", true)];
    const UPDATED_UP: &[Key<'static>] = &[key("c.updated_at", false), key("c.case_id", false)];
    const DUE: &[Key<'static>] = &[key("c.due_sort", false), key("c.case_id", false)];
    const OPENED_DOWN: &[Key<'static>] = &[key("c.opened_at", true), key("c.case_id", true)];
    const OPENED_UP: &[Key<'static>] = &[key("c.opened_at", false), key("c.case_id", false)];
    const PRIORITY: &[Key<'static>] = &[key("c.rank", false), key("c.updated_at", false), key("c.case_id", false)];
    Ok(match sort {
        "-updated_at" => UPDATED_DOWN,
        "updated_at" => UPDATED_UP,
        "due_at" => DUE,
        "-opened_at" => OPENED_DOWN,
        "opened_at" => OPENED_UP,
        "priority" => PRIORITY,
        other => return Err(Problem::invalid("sort", format!("there is no sort `{other}`")).expected("-updated_at, updated_at, due_at, -opened_at, opened_at, priority")),
    })
}

/// The place of a row in a sort, for a cursor.
pub fn place(sort: &str, row: &CaseRow) -> Vec<i64> {
    match sort {
        "due_at" => vec![row.due_sort],
        "-opened_at" | "opened_at" => vec![row.opened_at.micros()],
        "priority" => vec![row.rank, row.updated_at.micros()],
        _ => vec![row.updated_at.micros()],
    }
}

/// A condition as SQL over `desk_case c`, with values; `?1` is the viewer.
pub fn sql_of(tx: &Tx<'_>, viewer: &Viewer, condition: &Condition) -> Result<(String, Vec<Value>)> {
    let teams = views::teams_of(tx, viewer)?;
    let personal = fields::personal(condition, viewer, &teams);
    let compiled = shouwen_rules::compile(&personal, tx.now().micros(), 2, &fields::column);
    let mut values = vec![viewer.person.to_value()];
    values.extend(compiled.params.iter().map(|(kind, value)| fields::parameter(*kind, value)));
    // What went into another case is found there.
    Ok((format!("(NOT c.merged AND ({}))", compiled.sql), values))
}

/// One page.
pub fn page(tx: &Tx<'_>, viewer: &Viewer, scope: &Scope, condition: &Condition, sort: &str, limit: usize, after: Option<&str>) -> Result<Page<CaseRow>> {
    let (sql, mut values) = sql_of(tx, viewer, condition)?;
    let workspace = viewer.workspace.to_value();
    values.push(workspace);
    let filter = format!("c.workspace_id = ?{} AND {sql}", values.len());
    let cursor: Option<(String, Vec<i64>, CaseId)> = decode_cursor(after)?;
    if let Some((of, _, _)) = cursor.as_ref().filter(|(of, _, _)| of != sort) {
        return Err(Problem::invalid("after", format!("this cursor belongs to the sort `{of}`")).expected("`next` of the page before, with the same sort"));
    }
    let after = cursor.map(|(_, numbers, id)| numbers.into_iter().map(Value::Int).chain([id.to_value()]).collect());
    let list = BranchList { table: "desk_case AS c", id: "c.case_id", select: SELECT, joins: JOINS, columns: SCOPE, filter: (&filter, values), keys: keys(sort)?, after, limit: limit + 1 };
    let now = tx.now();
    let rows: Vec<CaseRow> = tx.list_by_branches::<CaseRow>(scope, &list)?.into_iter().map(|row| row.at(now)).collect();
    Ok(Page::from_rows(rows, limit, |row| (sort, place(sort, row), row.case_id)))
}

#[utoipa::path(get, path = "/desk/cases", params(ListParams), responses((status = 200, body = Page<CaseRow>)), tag = "desk", summary = "Cases of a view or a condition", extensions(("x-permission" = json!("case.read"))))]
pub async fn list(State(app): State<App>, who: Allowed<CaseRead>, Params(query): Params<ListParams>) -> Answer<axum::Json<Page<CaseRow>>> {
    let limit = limit_of(query.limit)?;
    let (viewer, scope) = (who.viewer.clone(), who.scope.clone());
    app.query(move |tx| {
        let mut parts = Vec::new();
        let mut sort = query.sort.clone();
        if let Some(view) = &query.view {
            let view = views::find(tx, &viewer, view)?;
            parts.push(view.filter);
            sort = sort.or(Some(view.sort));
        }
        if let Some(text) = query.filter.as_deref().filter(|t| !t.is_empty()) {
            parts.push(fields::read(text)?);
        }
        page(tx, &viewer, &scope, &Condition::All { all: parts }, sort.as_deref().unwrap_or("-updated_at"), limit, query.after.as_deref())
    })
    .await
}

#[utoipa::path(get, path = "/desk/customers/{id}/cases", params(("id" = CustomerId, Path), PageParams), responses((status = 200, body = Page<CaseRow>)), tag = "desk", summary = "A customer's cases the viewer may see", extensions(("x-permission" = json!("case.read"))))]
pub async fn of_customer(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<CustomerId>, Params(query): Params<PageParams>) -> Answer<axum::Json<Page<CaseRow>>> {
    let limit = limit_of(query.limit)?;
    let (viewer, scope) = (who.viewer.clone(), who.scope.clone());
    app.query(move |tx| page(tx, &viewer, &scope, &Condition::compare("customer", shouwen_rules::Op::Eq, id.to_string()), "-updated_at", limit, query.after.as_deref())).await
}

/// Whether the viewer may see a case.
pub fn visible(tx: &Tx<'_>, scope: &Scope, case: CaseId) -> Result<bool> {
    let (sql, values) = shouwen_store::scope_sql(scope, &SCOPE, 2);
    let mut all = params![case].to_vec();
    all.extend(values);
    Ok(tx.opt::<(i64,)>(&format!("SELECT 1 FROM desk_case AS c WHERE c.case_id = ?1 AND {sql}"), &all)?.is_some())
}

#[utoipa::path(put, path = "/desk/read/{case_id}", params(("case_id" = CaseId, Path)), responses((status = 204)), tag = "desk", summary = "The viewer has seen this case up to now", extensions(("x-permission" = json!("case.read"))))]
pub async fn mark_read(State(app): State<App>, who: Allowed<CaseRead>, Id(case): Id<CaseId>) -> Answer<Response> {
    let (person, scope) = (who.viewer.person, who.scope.clone());
    app.command(who.once(""), StatusCode::NO_CONTENT, move |tx| {
        if !visible(tx, &scope, case)? {
            return Err(Problem::not_found("case"));
        }
        tx.run("INSERT INTO desk_read (person_id, case_id, at) VALUES (?1, ?2, ?3) ON CONFLICT (person_id, case_id) DO UPDATE SET at = ?3", params![person, case, tx.now()])?;
        // Opening the case answers the notices about it, on every device.
        tx.execute("UPDATE desk_notice SET read_at = ?3 WHERE person_id = ?1 AND case_id = ?2 AND read_at IS NULL", params![person, case, tx.now()]).map(|_| ())
    })
    .await
}
