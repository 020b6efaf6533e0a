//! The cases behind a figure.

use axum::extract::State;
use serde::Serialize;
use shouwen_kernel::{CaseId, Problem, Result, Time, WorkspaceId};
use shouwen_metrics::{Definition, Shape};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Page, Params, axum, decode_cursor, limit_of};

use crate::breakdown::wanted;
use crate::range::{Asked, Range};
use crate::{InsightRead, project};

/// A case behind a figure.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Behind {
    pub case_id: CaseId,
    pub number: String,
    pub title: String,
    pub numerator: i64,
    pub denominator: i64,
    /// Working seconds, for durations.
    pub value: Option<i64>,
    pub at: Time,
    #[serde(skip)]
    day: i64,
}

/// One page; `limit + 1` rows decide whether there are more.
pub fn page(tx: &Tx<'_>, workspace: WorkspaceId, definition: &Definition, range: &Range, part: &str, limit: usize, after: Option<&str>) -> Result<Page<Behind>> {
    let cursor: (i64, CaseId) = decode_cursor(after)?.unwrap_or((i64::MAX, CaseId(uuid::Uuid::max())));
    let stock = definition.shape == Shape::Stock;
    let (condition, more) = range.dimensions(8);
    let from = if stock { 0 } else { range.from };
    // What a share is a share of are the cases of other points.
    let points = match definition.shape {
        Shape::Share(whole) if part != "numerator" => whole,
        _ => definition.points,
    };
    let mut values = params![workspace, points, from, range.to, cursor.0, cursor.1, limit + 1].to_vec();
    values.extend(more);
    let part = match part {
        // A stock is what came in and has not gone out by the end of the range.
        _ if stock => "d.slot = 'in' AND NOT EXISTS (SELECT 1 FROM insight_point o WHERE o.case_id = d.case_id AND o.points = d.points AND o.slot = 'out' AND o.day <= ?4)",
        "denominator" | "" if matches!(definition.shape, Shape::Share(_)) => "d.numerator > 0",
        "numerator" => "d.numerator > 0",
        "denominator" | "" => "d.denominator > 0",
        other => return Err(Problem::invalid("part", format!("there is no part `{other}`")).expected("numerator or denominator")),
    };
    type Row = (CaseId, String, String, i64, i64, Option<i64>, Time, i64);
    let rows: Vec<Row> = tx.all(
        &format!(
            "SELECT d.case_id, c.number, c.title, d.numerator, d.denominator, d.value, d.at, d.day FROM insight_point d JOIN insight_case c ON c.case_id = d.case_id
             WHERE d.workspace_id = ?1 AND d.points = ?2 AND d.day BETWEEN ?3 AND ?4 AND (d.day, d.case_id) < (?5, ?6) AND {part} AND {condition} ORDER BY d.day DESC, d.case_id DESC LIMIT ?7"
        ),
        &values,
    )?;
    let rows = rows.into_iter().map(|(case_id, number, title, numerator, denominator, value, at, day)| Behind { case_id, number, title, numerator, denominator, value, at, day }).collect();
    Ok(Page::from_rows(rows, limit, |row: &Behind| (row.day, row.case_id)))
}

#[utoipa::path(get, path = "/insight/cases", params(Asked), responses((status = 200, body = Page<Behind>)), tag = "insight", summary = "The cases behind a figure, newest first", extensions(("x-permission" = json!("insight.read"))))]
pub async fn cases(State(app): State<App>, who: Allowed<InsightRead>, Params(asked): Params<Asked>) -> Answer<axum::Json<Page<Behind>>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    let limit = limit_of(asked.limit)?;
    let definition = wanted(&asked)?;
    app.query(move |tx| {
        let range = Range::read(&asked, &scope, tx.now(), &project::zone_of(tx, workspace)?)?;
        page(tx, workspace, definition, &range, asked.part.as_deref().unwrap_or_default(), limit, asked.after.as_deref())
    })
    .await
}
