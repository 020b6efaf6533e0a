//! Kanban: the stages of a case type side by side, each a list of its own that goes on by keyset.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shouwen_contracts::casework::TypeStage;
use shouwen_kernel::{Problem, Result, Scope, WorkspaceId, text::clip};
use shouwen_rules::{Condition, Op};
use shouwen_store::{BranchList, Json, ToValue, Tx, Value, params, scope_sql};
use shouwen_web::{Allowed, Answer, App, Params, Viewer, axum, decode_cursor, encode_cursor};

use crate::card::{Card, Title, cards};
use crate::list::{self, SCOPE};
use crate::row::{CaseRow, JOINS, SELECT};
use crate::{CaseRead, fields, views};

/// Counting stops here.
const CAP: usize = 1000;
const DAY_S: i64 = 86_400;

/// What a board is asked for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
pub struct BoardParams {
    /// Key of the case type; absent: the first that has open cases.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    pub case_type: Option<String>,
    /// One column only, to go on in it.
    pub stage: Option<String>,
    /// `all` (default), `mine` (assigned to me), `accountable` (I am accountable), `team` (of my teams).
    pub scope: Option<String>,
    /// A view's key or id; holds beside the rest.
    pub view: Option<String>,
    /// A condition tree as JSON; holds beside the rest.
    pub filter: Option<String>,
    /// As in lists; `due_at` when absent. Archived cases come newest first.
    pub sort: Option<String>,
    /// Cards a column, 1–50; 20 when absent.
    pub limit: Option<usize>,
    /// `next` of the column.
    pub after: Option<String>,
    /// Columns of the archive show what changed within so many days, 1–90; 7 when absent.
    pub recent_days: Option<i64>,
}

/// A case type to choose.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct BoardType {
    pub key: String,
    pub title: Title,
    /// Cases not archived, within reach.
    pub open: usize,
    /// `open` is a least number.
    pub capped: bool,
}

/// A stage with its first cards.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Column {
    pub stage: String,
    pub title: Title,
    /// `open`, `waiting`, `resolved`, `closed`.
    pub status: String,
    /// Step of the closed loop; empty in a stage the type no longer has.
    #[serde(rename = "loop")]
    pub step: String,
    /// Cases stand in it, though the type has it no more.
    pub gone: bool,
    pub count: usize,
    /// `count` is a least number.
    pub capped: bool,
    pub items: Vec<Card>,
    pub next: Option<String>,
}

/// A board.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Kanban {
    /// Null when there is no case type at all.
    #[serde(rename = "type")]
    pub case_type: Option<BoardType>,
    pub types: Vec<BoardType>,
    pub columns: Vec<Column>,
}

struct Type {
    key: String,
    title: Title,
    stages: Vec<TypeStage>,
}

fn types_of(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Type>> {
    let rows: Vec<(String, String, String, Json<Vec<TypeStage>>)> = tx.all("SELECT key, title_zh, title_en, stages FROM desk_type WHERE workspace_id = ?1 ORDER BY key", params![workspace])?;
    let mut types: Vec<Type> = rows.into_iter().map(|(key, zh, en, Json(stages))| Type { key, title: Title { zh, en }, stages }).collect();
    // Types nobody told of (imported cases, a log older than types): by what stands in the cases.
    let used: Vec<(String,)> = tx.all("SELECT DISTINCT case_type FROM desk_case WHERE workspace_id = ?1 AND status <> 'closed' AND NOT merged", params![workspace])?;
    for (key,) in used {
        if !types.iter().any(|t| t.key == key) {
            types.push(Type { title: Title { zh: key.clone(), en: key.clone() }, key, stages: Vec::new() });
        }
    }
    Ok(types)
}

struct Asked<'a> {
    viewer: &'a Viewer,
    scope: &'a Scope,
    condition: Condition,
    sort: &'a str,
    limit: usize,
    since: i64,
}

impl Asked<'_> {
    /// Condition over `desk_case c` and its values for a type, and a stage of it when named.
    fn filter(&self, tx: &Tx<'_>, case_type: &str, stage: Option<&str>, archived: bool) -> Result<(String, Vec<Value>)> {
        let (sql, mut values) = list::sql_of(tx, self.viewer, &self.condition)?;
        let mut place = |value: Value| {
            values.push(value);
            format!("?{}", values.len())
        };
        let mut parts = vec![format!("c.workspace_id = {}", place(self.viewer.workspace.to_value())), format!("c.case_type = {}", place(case_type.to_value()))];
        if let Some(stage) = stage {
            parts.push(format!("c.stage = {}", place(stage.to_value())));
        }
        if archived {
            parts.push(format!("c.status = 'closed' AND c.active = FALSE AND c.updated_at >= {}", place(Value::Int(self.since))));
        } else {
            parts.push("c.status <> 'closed'".to_owned());
        }
        parts.push(format!("NOT c.merged AND {sql}"));
        Ok((parts.join(" AND "), values))
    }

    fn count(&self, tx: &Tx<'_>, case_type: &str, stage: Option<&str>, archived: bool) -> Result<(usize, bool)> {
        let (filter, mut values) = self.filter(tx, case_type, stage, archived)?;
        let (reach, more) = scope_sql(self.scope, &SCOPE, values.len() + 1);
        values.extend(more);
        values.push(Value::Int(CAP as i64 + 1));
        let viewer = tx.dialect("?1 IS NOT NULL", "?1::uuid IS NOT NULL");
        let (count,): (i64,) = tx.one(&format!("SELECT count(*) FROM (SELECT 1 FROM desk_case AS c WHERE {viewer} AND {filter} AND {reach} LIMIT ?{}) AS t", values.len()), &values)?;
        Ok(((count as usize).min(CAP), count as usize > CAP))
    }

    fn column(&self, tx: &Tx<'_>, case_type: &str, stage: &TypeStage, gone: bool, after: Option<&str>) -> Result<Column> {
        let archived = stage.status == "closed";
        let sort = if archived { "-updated_at" } else { self.sort };
        let cursor: Option<(String, String, Vec<i64>, shouwen_kernel::CaseId)> = decode_cursor(after)?;
        if let Some((of, by, ..)) = cursor.as_ref().filter(|(of, by, ..)| *of != stage.key || by != sort) {
            return Err(Problem::invalid("after", format!("this cursor belongs to the stage `{}` and the sort `{by}`", clip(of, 40))).expected("`next` of this column, with the same sort"));
        }
        let after = cursor.map(|(_, _, numbers, id)| numbers.into_iter().map(Value::Int).chain([id.to_value()]).collect());
        let (filter, values) = self.filter(tx, case_type, Some(&stage.key), archived)?;
        let wanted = BranchList { table: "desk_case AS c", id: "c.case_id", select: SELECT, joins: JOINS, columns: SCOPE, filter: (&filter, values), keys: list::keys(sort)?, after, limit: self.limit + 1 };
        let now = tx.now();
        let mut rows: Vec<CaseRow> = tx.list_by_branches::<CaseRow>(self.scope, &wanted)?.into_iter().map(|row| row.at(now)).collect();
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let next = rows.last().filter(|_| more).map(|row| encode_cursor(&(&stage.key, sort, list::place(sort, row), row.case_id)));
        let (count, capped) = self.count(tx, case_type, Some(&stage.key), archived)?;
        Ok(Column {
            stage: stage.key.clone(),
            title: Title { zh: stage.title_zh.clone(), en: stage.title_en.clone() },
            status: stage.status.clone(),
            step: stage.step.clone(),
            gone,
            count,
            capped,
            items: cards(tx, self.scope, rows)?,
            next,
        })
    }
}

/// Stages in which cases of the type stand, though it has them no more.
fn gone_stages(tx: &Tx<'_>, workspace: WorkspaceId, of: &Type) -> Result<Vec<TypeStage>> {
    let used: Vec<(String, String)> = tx.all(
        "SELECT stage, min(status) FROM desk_case WHERE workspace_id = ?1 AND case_type = ?2 AND status <> 'closed' AND NOT merged GROUP BY stage ORDER BY stage",
        params![workspace, of.key],
    )?;
    Ok(used
        .into_iter()
        .filter(|(stage, _)| !of.stages.iter().any(|known| known.key == *stage))
        .map(|(key, status)| TypeStage { title_zh: key.clone(), title_en: key.clone(), key, status, step: String::new(), pause: Vec::new(), review: None })
        .collect())
}

fn condition(tx: &Tx<'_>, viewer: &Viewer, query: &BoardParams) -> Result<Condition> {
    let mut all = Vec::new();
    match query.scope.as_deref().unwrap_or("all") {
        "all" => {}
        "mine" => all.push(Condition::compare("assignee", Op::Eq, "@me")),
        "accountable" => all.push(Condition::compare("accountable", Op::Eq, "@me")),
        "team" => all.push(Condition::compare("team", Op::In, "@my_teams")),
        other => return Err(Problem::invalid("scope", format!("there is no scope `{}`", clip(other, 40))).expected("all, mine, accountable, team")),
    }
    if let Some(view) = &query.view {
        all.push(views::find(tx, viewer, view)?.filter);
    }
    if let Some(text) = query.filter.as_deref().filter(|text| !text.is_empty()) {
        all.push(fields::read(text)?);
    }
    Ok(Condition::All { all })
}

/// The board of one case type: its stages as columns, each with a count and its first cards, always inside the viewer's
/// reach. A card is moved by `PUT /cases/{id}/stage`; which moves are allowed says `GET /cases/{id}/moves`.
#[utoipa::path(get, path = "/cases/board", params(BoardParams), responses((status = 200, body = Kanban)), tag = "desk", summary = "Cases of a type by stage", extensions(("x-permission" = json!("case.read"))))]
pub async fn board(State(app): State<App>, who: Allowed<CaseRead>, Params(query): Params<BoardParams>) -> Answer<axum::Json<Kanban>> {
    let (viewer, scope) = (who.viewer.clone(), who.scope.clone());
    app.query(move |tx| kanban(tx, &viewer, &scope, &query)).await
}

fn kanban(tx: &Tx<'_>, viewer: &Viewer, scope: &Scope, query: &BoardParams) -> Result<Kanban> {
    let limit = query.limit.unwrap_or(20);
    if !(1..=50).contains(&limit) {
        return Err(Problem::invalid("limit", format!("{limit} cards a column")).expected("1 to 50"));
    }
    let days = query.recent_days.unwrap_or(7);
    if !(1..=90).contains(&days) {
        return Err(Problem::invalid("recent_days", format!("{days} days")).expected("1 to 90"));
    }
    let sort = query.sort.as_deref().unwrap_or("due_at");
    list::keys(sort)?;
    if query.after.is_some() && query.stage.is_none() {
        return Err(Problem::invalid("stage", "a cursor goes on in one column, and no stage was named").expected("`stage` of the column whose `next` this is"));
    }
    let asked = Asked { viewer, scope, condition: condition(tx, viewer, query)?, sort, limit, since: tx.now().plus_seconds(-days * DAY_S).micros() };
    let known = types_of(tx, viewer.workspace)?;
    let summary = |of: &Type| -> Result<BoardType> {
        let (open, capped) = asked.count(tx, &of.key, None, false)?;
        Ok(BoardType { key: of.key.clone(), title: of.title.clone(), open, capped })
    };
    let types = if query.stage.is_none() { known.iter().map(summary).collect::<Result<Vec<_>>>()? } else { Vec::new() };
    let chosen = match &query.case_type {
        Some(key) => Some(
            known
                .iter()
                .find(|t| t.key == *key)
                .ok_or_else(|| Problem::invalid("type", format!("there is no case type `{}`", clip(key, 40))).expected(known.iter().map(|t| t.key.as_str()).collect::<Vec<_>>().join(", ")))?,
        ),
        None => types.iter().position(|t| t.open > 0).or(if known.is_empty() { None } else { Some(0) }).and_then(|i| known.get(i)),
    };
    let Some(chosen) = chosen else { return Ok(Kanban { case_type: None, types, columns: Vec::new() }) };
    let mut stages: Vec<(TypeStage, bool)> = chosen.stages.iter().cloned().map(|stage| (stage, false)).collect();
    stages.extend(gone_stages(tx, viewer.workspace, chosen)?.into_iter().map(|stage| (stage, true)));
    if let Some(wanted) = &query.stage {
        let names = stages.iter().map(|(stage, _)| stage.key.clone()).collect::<Vec<_>>().join(", ");
        stages.retain(|(stage, _)| stage.key == *wanted);
        if stages.is_empty() {
            return Err(Problem::invalid("stage", format!("`{}` has no stage `{}`", chosen.key, clip(wanted, 40))).expected(names));
        }
    }
    let columns = stages.iter().map(|(stage, gone)| asked.column(tx, &chosen.key, stage, *gone, query.after.as_deref())).collect::<Result<Vec<_>>>()?;
    Ok(Kanban { case_type: Some(summary(chosen)?), types, columns })
}
