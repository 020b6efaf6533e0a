//! Complaints as a list: what stands behind every figure of the overview.

use axum::extract::State as AppState;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{CaseId, CustomerId, Problem, Result, Time, WorkspaceId};
use shouwen_store::{BranchList, Json, Key, ToValue, Tx, Value};
use shouwen_web::{Allowed, Answer, App, Page, Params, axum, decode_cursor, limit_of};

use crate::region::Region;
use crate::state::State;
use crate::{ComplaintRead, category, items, names, sight, summary};

/// Which complaints.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
pub struct Asked {
    /// First local day, `2026-03-01`.
    pub from: Option<String>,
    /// Last local day.
    pub to: Option<String>,
    /// A category with everything below it; `-` for none.
    pub category: Option<String>,
    /// A region; `-` for none.
    pub region: Option<String>,
    /// `minor`, `major`, `critical`; `-` for none.
    pub grade: Option<String>,
    pub repeated: Option<bool>,
    pub open: Option<bool>,
    /// `true`: other cases in which an upgrade signal stood, instead of complaints.
    pub candidates: Option<bool>,
    pub limit: Option<usize>,
    /// `next` of the page before.
    pub after: Option<String>,
}

/// A name in both languages.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ComplaintTitle)]
pub struct Title {
    pub zh: String,
    pub en: String,
}

/// A complaint in a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ComplaintRow {
    pub case_id: CaseId,
    pub number: String,
    pub title: String,
    #[serde(rename = "type")]
    pub case_type: String,
    pub status: String,
    pub stage: String,
    pub customer_id: Option<CustomerId>,
    pub customer_name: Option<String>,
    /// Keys from the root down.
    pub path: Vec<String>,
    /// The same in words, joined by ` / `.
    pub category: Option<Title>,
    pub region: Option<String>,
    /// What the region is called here; null: it is in no table.
    pub region_title: Option<Title>,
    pub product: Option<String>,
    pub grade: Option<String>,
    /// Keys of the signals that stood in it.
    pub signals: Vec<String>,
    /// Earlier complaints about the same.
    pub repeats: usize,
    pub opened_at: Time,
    pub closed_at: Option<Time>,
}

/// The path in words.
pub fn category_title(tree: &category::Tree, path: &[String]) -> Option<Title> {
    let words = |zh: bool| {
        let names: Vec<String> = path.iter().map(|key| tree.get(key).map_or_else(|| key.clone(), |c| if zh { c.title.zh.clone() } else { c.title.en.clone() })).collect();
        names.join(" / ")
    };
    (!path.is_empty()).then(|| Title { zh: words(true), en: words(false) })
}

impl ComplaintRow {
    pub fn of(tree: &category::Tree, regions: &[Region], case_id: CaseId, state: State, customer_name: Option<String>) -> Self {
        let region = state.told.as_ref().and_then(|t| t.region.clone());
        let path = state.path().to_vec();
        Self {
            case_id,
            category: category_title(tree, &path),
            path,
            number: state.number,
            title: state.title,
            case_type: state.case_type,
            status: state.status,
            stage: state.stage,
            customer_id: state.customer,
            customer_name,
            region_title: region.as_deref().and_then(|key| regions.iter().find(|r| r.key == key)).map(|r| Title { zh: r.title.zh.clone(), en: r.title.en.clone() }),
            region,
            product: state.told.as_ref().and_then(|t| t.product.clone()),
            grade: state.grade,
            signals: state.signals.into_iter().map(|s| s.signal).collect(),
            repeats: state.earlier.len(),
            opened_at: state.opened_at,
            closed_at: state.closed_at,
        }
    }
}

/// The condition on `complaint_case AS c` with parameters from `?1`.
fn filter(tx: &Tx<'_>, workspace: WorkspaceId, asked: &Asked) -> Result<(String, Vec<Value>)> {
    let mut values = vec![workspace.to_value(), Value::Bool(true)];
    let mut parts = vec!["c.workspace_id = ?1".to_owned(), "c.counted = ?2".to_owned()];
    let mut with = |text: &str, value: Value| {
        values.push(value);
        parts.push(text.replace('#', &format!("?{}", values.len())));
    };
    if asked.from.is_some() || asked.to.is_some() {
        let range = summary::Range::read(tx, workspace, asked.from.as_deref(), asked.to.as_deref())?;
        with("c.opened_at >= #", range.begins.to_value());
        with("c.opened_at < #", range.ends.to_value());
    }
    match asked.category.as_deref().filter(|c| !c.is_empty()) {
        None => {}
        Some("-") => with("c.path = #", Value::Text(String::new())),
        Some(key) if shouwen_web::is_pack_key(key) => with("c.path LIKE # ESCAPE '!'", Value::Text(format!("%/{}/%", key.replace('_', "!_")))),
        Some(other) => return Err(Problem::invalid("category", format!("`{}` is no key of a category", shouwen_kernel::text::clip(other, 60))).expected("a key of GET /api/v1/complaints/categories, or `-`")),
    }
    let plain = |text: &str| if text == "-" { String::new() } else { text.to_owned() };
    if let Some(region) = asked.region.as_deref().filter(|r| !r.is_empty()) {
        with("c.region = #", Value::Text(plain(region)));
    }
    if let Some(grade) = asked.grade.as_deref().filter(|g| !g.is_empty()) {
        with("c.grade = #", Value::Text(plain(grade)));
    }
    if let Some(repeated) = asked.repeated {
        with("c.repeated = #", Value::Bool(repeated));
    }
    if let Some(open) = asked.open {
        with("c.closed = #", Value::Bool(!open));
    }
    with("c.complaint = #", Value::Bool(!asked.candidates.unwrap_or(false)));
    Ok((parts.join(" AND "), values))
}

const KEYS: [Key<'static>; 2] = [Key { column: "c.opened_at", descending: true }, Key { column: "c.case_id", descending: true }];

#[utoipa::path(get, path = "/complaints/cases", params(Asked), responses((status = 200, body = Page<ComplaintRow>)), tag = "complaints", summary = "Complaints, newest first", extensions(("x-permission" = json!("complaint.read"))))]
pub async fn list(AppState(app): AppState<App>, who: Allowed<ComplaintRead>, Params(asked): Params<Asked>) -> Answer<axum::Json<Page<ComplaintRow>>> {
    let limit = limit_of(asked.limit)?;
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    app.query(move |tx| {
        let after: Option<(Time, CaseId)> = decode_cursor(asked.after.as_deref())?;
        let (condition, values) = filter(tx, workspace, &asked)?;
        let list = BranchList {
            table: "complaint_case AS c",
            id: "c.case_id",
            select: "c.case_id, c.state, cu.name",
            joins: "LEFT JOIN complaint_customer AS cu ON cu.id = c.customer_id",
            columns: sight::CASE,
            filter: (&condition, values),
            keys: &KEYS,
            after: after.map(|(at, id)| vec![at.to_value(), id.to_value()]),
            limit: limit + 1,
        };
        let tree = category::tree(tx, workspace)?;
        let regions = items::list::<Region>(tx, workspace)?;
        let rows: Vec<(CaseId, Json<State>, Option<String>)> = tx.list_by_branches(&scope, &list)?;
        let rows = rows.into_iter().map(|(id, Json(state), name)| ComplaintRow::of(&tree, &regions, id, state, name)).collect();
        Ok(Page::from_rows(rows, limit, |row: &ComplaintRow| (row.opened_at, row.case_id)))
    })
    .await
}

/// The name of a customer, for a single row.
pub fn customer_name(tx: &Tx<'_>, id: Option<CustomerId>) -> Result<Option<String>> {
    Ok(id.map(|id| names::customer(tx, id)).transpose()?.flatten().map(|c| c.name))
}
