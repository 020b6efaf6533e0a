//! What customers answered.

use axum::extract::State;
use serde::Serialize;
use shouwen_kernel::{CaseId, Problem, SurveyId, Time};
use shouwen_store::params;
use shouwen_web::{Allowed, Answer, App, Id, Page, PageParams, Params, axum, decode_cursor, limit_of};

use crate::{CaseRead, SurveyRead, cases};

/// A request and its answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Survey {
    pub id: SurveyId,
    pub case_id: CaseId,
    pub number: String,
    pub title: String,
    pub requested_at: Time,
    pub expires_at: Time,
    /// 1–5; null: no answer (yet).
    pub score: Option<i64>,
    pub answered_at: Option<Time>,
    pub comment: Option<String>,
}

type Row = (SurveyId, CaseId, String, String, Time, Time, Option<i64>, Option<Time>, Option<String>);
const COLUMNS: &str = "id, case_id, number, title, requested_at, expires_at, score, answered_at, comment";

fn survey((id, case_id, number, title, requested_at, expires_at, score, answered_at, comment): Row) -> Survey {
    Survey { id, case_id, number, title, requested_at, expires_at, score, answered_at, comment }
}

#[utoipa::path(get, path = "/cases/{id}/survey", params(("id" = CaseId, Path)), responses((status = 200, body = Option<Survey>)), tag = "voice", summary = "The newest satisfaction request about a case", extensions(("x-permission" = json!("case.read"))))]
pub async fn of_case(State(app): State<App>, who: Allowed<CaseRead>, Id(case): Id<CaseId>) -> Answer<axum::Json<Option<Survey>>> {
    let scope = who.scope.clone();
    app.query(move |tx| {
        let known = cases::known(tx, case)?.ok_or_else(|| Problem::not_found("case"))?;
        if !scope.sees(&known.access) {
            return Err(Problem::not_found("case"));
        }
        Ok(tx.opt::<Row>(&format!("SELECT {COLUMNS} FROM survey_request WHERE case_id = ?1 ORDER BY id DESC LIMIT 1"), params![case])?.map(survey))
    })
    .await
}

#[utoipa::path(get, path = "/surveys", params(PageParams), responses((status = 200, body = Page<Survey>)), tag = "voice", summary = "Answers, newest first, of cases inside the viewer's reach", extensions(("x-permission" = json!("survey.read"))))]
pub async fn list(State(app): State<App>, who: Allowed<SurveyRead>, Params(query): Params<PageParams>) -> Answer<axum::Json<Page<Survey>>> {
    let limit = limit_of(query.limit)?;
    let (scope, workspace) = (who.scope.clone(), who.viewer.workspace);
    app.query(move |tx| {
        let mut cursor: (Time, SurveyId) = decode_cursor(query.after.as_deref())?.unwrap_or((Time::from_micros(i64::MAX), SurveyId(uuid::Uuid::max())));
        let mut items = Vec::new();
        // The reach is checked row by row; a narrow one reads on, within a bound.
        for _ in 0..20 {
            let rows: Vec<Row> = tx.all(
                &format!("SELECT {COLUMNS} FROM survey_request WHERE workspace_id = ?1 AND answered_at IS NOT NULL AND (answered_at, id) < (?2, ?3) ORDER BY answered_at DESC, id DESC LIMIT ?4"),
                params![workspace, cursor.0, cursor.1, limit + 1],
            )?;
            let last = rows.len() <= limit;
            for row in rows {
                let survey = survey(row);
                cursor = (survey.answered_at.unwrap_or_default(), survey.id);
                if scope.all || cases::known(tx, survey.case_id)?.is_some_and(|known| scope.sees(&known.access)) {
                    items.push(survey);
                }
                if items.len() > limit {
                    break;
                }
            }
            if last || items.len() > limit {
                break;
            }
        }
        Ok(Page::from_rows(items, limit, |s| (s.answered_at, s.id)))
    })
    .await
}
