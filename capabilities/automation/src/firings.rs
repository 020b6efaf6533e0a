//! The log of firings: which case, why, what was asked for, what became of it.

use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use shouwen_kernel::{CaseId, ObjectId, Scope, Time};
use shouwen_store::{Json, params};
use shouwen_web::{Allowed, Answer, App, Id, Page, PageParams, Params, axum, decode_cursor, limit_of};

use crate::fire::Deed;
use crate::state::State as CaseState;
use crate::{RuleManage, rules};

/// Days of the counts.
const DAYS: i64 = 30;

/// One firing.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FiringView {
    pub id: ObjectId,
    pub at: Time,
    /// The case; null with `hidden` when the viewer may not see it.
    pub case_id: Option<CaseId>,
    pub number: Option<String>,
    pub hidden: bool,
    /// What started it: an event, or `schedule`.
    pub event: String,
    /// The comparisons that decided, with what was found.
    #[schema(value_type = Vec<Object>)]
    pub because: Value,
    pub actions: Vec<Deed>,
    /// Rules that led here, oldest first.
    pub chain: Vec<String>,
    /// `asked`, `partly`, `refused`; or held back: `own_change`, `chain_too_long`, `storm`.
    pub outcome: String,
}

#[utoipa::path(get, path = "/rules/{id}/firings", params(("id" = ObjectId, Path), PageParams), responses((status = 200, body = Page<FiringView>)), tag = "rules", summary = "Firings of a rule, newest first", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn list(State(app): State<App>, who: Allowed<RuleManage>, Id(rule): Id<ObjectId>, Params(query): Params<PageParams>) -> Answer<axum::Json<Page<FiringView>>> {
    let limit = limit_of(query.limit)?;
    let viewer = who.viewer.clone();
    app.query(move |tx| {
        rules::find(tx, viewer.workspace, rule)?;
        let scope: Option<Scope> = viewer.scope("case.read");
        let before: ObjectId = decode_cursor(query.after.as_deref())?.unwrap_or(ObjectId(uuid::Uuid::max()));
        type Row = (ObjectId, Time, Option<CaseId>, Option<String>, String, Value, Json<Vec<Deed>>, Json<Vec<String>>, String, Option<Json<CaseState>>);
        let rows: Vec<Row> = tx.all(
            "SELECT f.id, f.at, f.case_id, f.number, f.event, f.because, f.actions, f.chain, f.outcome, c.state FROM rule_firing f LEFT JOIN rule_case c ON c.case_id = f.case_id
             WHERE f.rule_id = ?1 AND f.id < ?2 ORDER BY f.id DESC LIMIT ?3",
            params![rule, before, limit + 1],
        )?;
        let rows = rows
            .into_iter()
            .map(|(id, at, case_id, number, event, because, Json(actions), Json(chain), outcome, state)| {
                let seen = case_id.is_none() || state.is_some_and(|Json(state)| scope.as_ref().is_some_and(|scope| scope.sees(&state.access())));
                if seen {
                    FiringView { id, at, case_id, number, hidden: false, event, because, actions, chain, outcome }
                } else {
                    FiringView { id, at, case_id: None, number: None, hidden: true, event, because: Value::Array(Vec::new()), actions: Vec::new(), chain, outcome }
                }
            })
            .collect();
        Ok(Page::from_rows(rows, limit, |row| row.id))
    })
    .await
}

/// How often on a day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DayCount {
    /// In the workspace's time zone.
    pub day: String,
    pub fired: i64,
}

#[utoipa::path(get, path = "/rules/{id}/days", params(("id" = ObjectId, Path)), responses((status = 200, body = [DayCount])), tag = "rules", summary = "How often a rule fired on each of the last thirty days; days without a firing are left out", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn days(State(app): State<App>, who: Allowed<RuleManage>, Id(rule): Id<ObjectId>) -> Answer<axum::Json<Vec<DayCount>>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| {
        rules::find(tx, workspace, rule)?;
        let from = tx.now().seconds().div_euclid(86_400) - DAYS;
        let rows: Vec<(i64, i64)> = tx.all("SELECT day, fired FROM rule_day WHERE rule_id = ?1 AND day >= ?2 ORDER BY day", params![rule, from])?;
        Ok(rows.into_iter().map(|(day, fired)| DayCount { day: Time::from_seconds(day * 86_400).to_string().chars().take(10).collect(), fired }).collect())
    })
    .await
}
