//! The global search box.

use std::time::Instant;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{CaseId, Problem, Result};
use shouwen_search::{Branch, Kind, Query};
use shouwen_store::{BranchList, Key, ToValue, Tx, Value};
use shouwen_web::{Allowed, Answer, App, Params, Viewer, axum};

use crate::row::{CaseRow, JOINS, SELECT};
use crate::{CaseRead, customers, index, list};

#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct SearchParams {
    /// Words in Chinese or English, a case number or its end.
    pub q: String,
    /// `all`, `cases`, `messages`, `customers`.
    #[serde(default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub limit: Option<usize>,
}

/// A case found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FoundCase {
    #[serde(flatten)]
    pub row: CaseRow,
    /// The passage that matched, plain text.
    pub snippet: String,
    /// What matched, as ranges of characters (UTF-16, as browsers count) of the snippet.
    pub marks: Vec<(usize, usize)>,
}

/// A customer found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FoundCustomer {
    pub id: String,
    pub name: String,
}

/// What was found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Found {
    pub cases: Vec<FoundCase>,
    pub customers: Vec<FoundCustomer>,
    pub took_ms: f64,
    /// The index is being built; more may be found later.
    pub partial: bool,
}

#[utoipa::path(get, path = "/search", params(SearchParams), responses((status = 200, body = Found)), tag = "desk", summary = "Search cases, messages and customers", extensions(("x-permission" = json!("case.read"))))]
pub async fn search(State(app): State<App>, who: Allowed<CaseRead>, Params(query): Params<SearchParams>) -> Answer<axum::Json<Found>> {
    let begun = Instant::now();
    let limit = query.limit.unwrap_or(20).clamp(1, 100);
    let kinds = match query.kind.as_deref().unwrap_or("all") {
        "all" => vec![],
        "cases" => vec![Kind::Case],
        "messages" => vec![Kind::Message],
        "customers" => vec![Kind::Customer],
        other => return Err(Problem::invalid("kind", format!("there is no kind `{other}`")).expected("all, cases, messages, customers").into()),
    };
    let index = index::of(&app)?;
    let (viewer, scope) = (who.viewer.clone(), who.scope.clone());
    let customer_scope = viewer.scope("customer.read");
    let ask = Query {
        text: query.q.clone(),
        workspace: viewer.workspace.to_string(),
        // Customers are asked for apart, or their names would eat the limit of cases.
        kinds: if kinds.is_empty() { vec![Kind::Case, Kind::Message] } else { kinds.clone() },
        scope: scope.branches().into_iter().map(Branch::from).collect(),
        limit,
        one_per_case: true,
    };
    // Customers are not inside the reach of cases; they have a permission of their own, with its own reach.
    let for_customers = customer_scope.as_ref().filter(|_| kinds.is_empty() || kinds.contains(&Kind::Customer)).map(|scope| Query {
        kinds: vec![Kind::Customer],
        scope: scope.branches().into_iter().map(Branch::from).collect(),
        limit: 10,
        ..ask.clone()
    });
    let (hits, customers, partial) = tokio::task::spawn_blocking(move || -> Result<_> {
        let hits = index.search(&ask)?;
        let customers = match &for_customers {
            Some(query) => index.search(query)?.hits,
            None => Vec::new(),
        };
        Ok((hits.hits, customers, hits.partial))
    })
    .await
    .map_err(Problem::internal)??;
    let wanted: Vec<CaseId> = hits.iter().filter_map(|hit| hit.case_id.parse().ok()).collect();
    let (mut rows, customers) = app
        .db()
        .read(move |tx| {
            let mut seen = Vec::new();
            if let Some(scope) = &customer_scope {
                for hit in &customers {
                    // The index may be a moment behind, so the predicate is asked once more.
                    if let Ok(id) = hit.case_id.parse()
                        && customers::sees(tx, scope, id)?
                    {
                        seen.push(FoundCustomer { id: hit.case_id.clone(), name: hit.title.clone() });
                    }
                }
            }
            Ok((rows(tx, &viewer, &scope, &wanted)?, seen))
        })
        .await?;
    let cases = hits
        .iter()
        .filter_map(|hit| {
            let at = rows.iter().position(|row| row.case_id.to_string() == hit.case_id)?;
            Some(FoundCase { row: rows.swap_remove(at), snippet: hit.snippet.text.clone(), marks: hit.snippet.utf16_ranges() })
        })
        .collect();
    Ok(axum::Json(Found { cases, customers, took_ms: (begun.elapsed().as_secs_f64() * 100_000.0).round() / 100.0, partial }))
}

/// The rows of these cases, asked through the predicate once more: the index may be a moment behind.
fn rows(tx: &Tx<'_>, viewer: &Viewer, scope: &shouwen_kernel::Scope, ids: &[CaseId]) -> Result<Vec<CaseRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut values: Vec<Value> = vec![viewer.person.to_value(), viewer.workspace.to_value()];
    values.extend(ids.iter().map(ToValue::to_value));
    let places: Vec<String> = (3..3 + ids.len()).map(|n| format!("?{n}")).collect();
    let filter = format!("c.workspace_id = ?2 AND c.case_id IN ({})", places.join(", "));
    let keys = [Key { column: "c.case_id", descending: true }];
    let list = BranchList { table: "desk_case AS c", id: "c.case_id", select: SELECT, joins: JOINS, columns: list::SCOPE, filter: (&filter, values), keys: &keys, after: None, limit: ids.len() };
    let now = tx.now();
    Ok(tx.list_by_branches::<CaseRow>(scope, &list)?.into_iter().map(|row| row.at(now)).collect())
}
