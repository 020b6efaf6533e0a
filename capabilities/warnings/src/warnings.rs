//! The warning centre: list, look, answer.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_contracts::warnings::Answered;
use shouwen_kernel::{CaseId, ObjectId, Problem, Result, Time, WarningId};
use shouwen_store::{BranchList, Key, ToValue, Tx, Value, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, Page, Params, axum, decode_cursor, limit_of};

use crate::maths::Grade;
use crate::warning::{COLUMNS, SCOPE, StepRow, StepView, Warning, WarningView, history};
use crate::{WarningAnswer, WarningRead, on_cases, timers};

/// What is asked of the list.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
pub struct Asked {
    /// `open` (default: not closed), `closed`, `all`.
    pub state: Option<String>,
    /// Only this grade.
    pub grade: Option<String>,
    /// Only of this threshold.
    pub threshold_id: Option<ObjectId>,
    /// Rows a page, 1–200; 50 when absent.
    pub limit: Option<usize>,
    /// `next` of the page before.
    pub after: Option<String>,
}

#[utoipa::path(get, path = "/warnings", params(Asked), responses((status = 200, body = Page<WarningView>)), tag = "warnings", summary = "Early warnings, newest first", extensions(("x-permission" = json!("warning.read"))))]
pub async fn list(State(app): State<App>, who: Allowed<WarningRead>, Params(asked): Params<Asked>) -> Answer<axum::Json<Page<WarningView>>> {
    let (viewer, scope) = (who.viewer.clone(), who.scope.clone());
    let limit = limit_of(asked.limit)?;
    let after: Option<(Time, WarningId)> = decode_cursor(asked.after.as_deref())?;
    let mut filter = "w.workspace_id = ?1".to_owned();
    let mut values: Vec<Value> = vec![viewer.workspace.to_value()];
    match asked.state.as_deref().unwrap_or("open") {
        "all" => {}
        state @ ("open" | "closed") => {
            values.push((state == "open").to_value());
            filter.push_str(&format!(" AND w.live = ?{}", values.len()));
        }
        other => return Err(Problem::invalid("state", format!("`{}` is no state", shouwen_kernel::text::clip(other, 40))).expected("open, closed or all").into()),
    }
    if let Some(grade) = asked.grade.as_deref().filter(|g| !g.is_empty()) {
        let grade = Grade::of(grade).ok_or_else(|| Problem::invalid("grade", format!("`{}` is no grade", shouwen_kernel::text::clip(grade, 40))).expected("blue, yellow, orange or red"))?;
        values.push(grade.word().to_value());
        filter.push_str(&format!(" AND w.grade = ?{}", values.len()));
    }
    if let Some(threshold) = asked.threshold_id {
        values.push(threshold.to_value());
        filter.push_str(&format!(" AND w.threshold_id = ?{}", values.len()));
    }
    app.query(move |tx| {
        let list = BranchList {
            table: "warning_warning AS w",
            id: "w.id",
            select: COLUMNS,
            joins: "",
            columns: SCOPE,
            filter: (&filter, values.clone()),
            keys: &[Key { column: "w.raised_at", descending: true }, Key { column: "w.id", descending: true }],
            after: after.map(|(at, id)| vec![at.to_value(), id.0.to_value()]),
            limit: limit + 1,
        };
        let rows: Vec<Warning> = tx.list_by_branches(&scope, &list)?;
        let page = Page::from_rows(rows, limit, |w| (w.raised_at, w.id));
        Ok(Page { items: page.items.iter().map(|w| WarningView::of(tx, &viewer, w)).collect::<Result<_>>()?, next: page.next })
    })
    .await
}

/// How many are open.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WarningCounts)]
pub struct Counts {
    /// Not closed.
    pub open: i64,
    /// Wait for an answer.
    pub unanswered: i64,
    /// Of these, late.
    pub overdue: i64,
    pub red: i64,
    /// Crises under way.
    pub crises: i64,
}

#[utoipa::path(get, path = "/warnings/counts", responses((status = 200, body = Counts)), tag = "warnings", summary = "How many warnings are open", extensions(("x-permission" = json!("warning.read"))))]
pub async fn counted(State(app): State<App>, who: Allowed<WarningRead>) -> Answer<axum::Json<Counts>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    app.query(move |tx| {
        let (seen, mut values) = shouwen_store::scope_sql(&scope, &SCOPE, 4);
        let mut all = vec![workspace.to_value(), true.to_value(), tx.now().to_value()];
        all.append(&mut values);
        let one = |condition: &str| format!("CAST(COALESCE(sum(CASE WHEN {condition} THEN 1 ELSE 0 END), 0) AS BIGINT)");
        let sql = format!(
            "SELECT count(*), {}, {}, {} FROM warning_warning AS w WHERE w.workspace_id = ?1 AND w.live = ?2 AND {seen}",
            one("w.state = 'open'"),
            one("w.state = 'open' AND w.respond_by <= ?3"),
            one("w.grade = 'red'")
        );
        let (open, unanswered, overdue, red): (i64, i64, i64, i64) = tx.one(&sql, &all)?;
        let crises = crate::crisis::count_live(tx, workspace, &scope)?;
        Ok(Counts { open, unanswered, overdue, red, crises })
    })
    .await
}

/// A case that was counted.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CountedCase)]
pub struct Counted {
    pub case_id: CaseId,
    pub number: String,
    pub case_type: String,
    pub category: Option<String>,
    pub opened_at: Time,
}

/// A warning with its history.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WarningWhole {
    #[serde(flatten)]
    pub warning: WarningView,
    pub history: Vec<StepView>,
    /// The newest cases counted in its group since a window before it was raised, at most 50. Who may not read a case sees its number only.
    pub cases: Vec<Counted>,
}

#[utoipa::path(get, path = "/warnings/{id}", params(("id" = WarningId, Path)), responses((status = 200, body = WarningWhole)), tag = "warnings", summary = "A warning with its history", extensions(("x-permission" = json!("warning.read"))))]
pub async fn show(State(app): State<App>, who: Allowed<WarningRead>, Id(id): Id<WarningId>) -> Answer<axum::Json<WarningWhole>> {
    let (viewer, scope) = (who.viewer.clone(), who.scope.clone());
    app.query(move |tx| {
        let w = Warning::load(tx, viewer.workspace, id)?.ok_or_else(|| Problem::not_found("warning"))?;
        w.must_be_seen(tx, &scope)?;
        let cases = match w.threshold_id {
            Some(threshold) => cases(tx, threshold, &w)?,
            None => Vec::new(),
        };
        Ok(WarningWhole { warning: WarningView::of(tx, &viewer, &w)?, history: history(tx, id)?, cases })
    })
    .await
}

fn cases(tx: &Tx<'_>, threshold: ObjectId, w: &Warning) -> Result<Vec<Counted>> {
    let rows: Vec<(CaseId, String, String, Option<String>, Time)> = tx.all(
        "SELECT m.case_id, f.number, f.case_type, f.category, m.opened_at FROM warning_member AS m JOIN warning_fact AS f ON f.case_id = m.case_id
         WHERE m.threshold_id = ?1 AND m.grp = ?2 AND m.opened_at > ?3 AND m.opened_at <= ?4 ORDER BY m.opened_at DESC LIMIT 50",
        params![threshold, w.grp, w.raised_at.plus_seconds(-w.window_s), w.closed_at.unwrap_or(Time::from_micros(i64::MAX))],
    )?;
    Ok(rows.into_iter().map(|(case_id, number, case_type, category, opened_at)| Counted { case_id, number, case_type, category, opened_at }).collect())
}

/// What is done about it.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WarningReply)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// 1 to 4000 characters.
    pub text: String,
}

/// A text of 1 to `most` characters.
pub fn text(field: &str, given: &str, most: usize) -> Result<String> {
    let given = given.trim();
    let length = given.chars().count();
    if shouwen_kernel::text::one_line(given).is_empty() || length > most {
        return Err(Problem::invalid(field, if length > most { format!("{length} characters") } else { "there is no text".to_owned() }).expected(format!("1 to {most} characters")));
    }
    Ok(given.to_owned())
}

#[utoipa::path(post, path = "/warnings/{id}/answer", params(("id" = WarningId, Path)), request_body = Reply, responses((status = 200, body = WarningView), (status = 409, description = "warning.not_open")), tag = "warnings", summary = "Give the required response", extensions(("x-permission" = json!("warning.answer"))))]
pub async fn answer(State(app): State<App>, who: Allowed<WarningAnswer>, Id(id): Id<WarningId>, input: Input<Reply>) -> Answer<Response> {
    let (ctx, scope, viewer, once, body) = (who.ctx(), who.scope.clone(), who.viewer.clone(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let text = text("text", &body.text, 4000)?;
        let w = Warning::lock(tx, ctx.workspace, id)?.ok_or_else(|| Problem::not_found("warning"))?;
        w.must_be_seen(tx, &scope)?;
        if w.state != "open" {
            let by = w.answered_by.map(|p| crate::people::named(tx, p)).transpose()?;
            return Err(Problem::conflict("warning.not_open", format!("this warning is {}", w.state)).expected("a warning that waits for an answer").detail(json!({ "state": w.state, "answered_by": by, "answer": w.answer })));
        }
        tx.run(
            "UPDATE warning_warning SET state = 'answered', answer = ?2, answered_at = ?3, answered_by = ?4, late = ?5, version = version + 1 WHERE id = ?1",
            params![id.0, text, tx.now(), viewer.person, w.respond_by < tx.now()],
        )?;
        timers::rest(tx, id)?;
        let w = Warning::load(tx, ctx.workspace, id)?.ok_or_else(|| Problem::not_found("warning"))?;
        w.note(tx, &StepRow { kind: "answered", person: Some(viewer.person), text: Some(&text), ..StepRow::default() })?;
        w.emit(tx, &ctx, Answered { warning_id: id, case_id: w.case_id, by: viewer.person, text: text.clone(), at: tx.now() })?;
        if let Some(case) = w.case_id {
            on_cases::answered(tx, &w, case, &text)?;
        }
        tx.audit(&ctx, "warning.answered", "warning", Some(id.0), Some(json!({ "late": w.late })))?;
        WarningView::of(tx, &viewer, &w)
    })
    .await
}

#[utoipa::path(post, path = "/warnings/{id}/closure", params(("id" = WarningId, Path)), request_body = Reply, responses((status = 200, body = WarningView), (status = 409, description = "warning.has_case")), tag = "warnings", summary = "Close a warning that has no case; others close with their case", extensions(("x-permission" = json!("warning.answer"))))]
pub async fn close(State(app): State<App>, who: Allowed<WarningAnswer>, Id(id): Id<WarningId>, input: Input<Reply>) -> Answer<Response> {
    let (ctx, scope, viewer, once, body) = (who.ctx(), who.scope.clone(), who.viewer.clone(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let text = text("text", &body.text, 4000)?;
        let w = Warning::lock(tx, ctx.workspace, id)?.ok_or_else(|| Problem::not_found("warning"))?;
        w.must_be_seen(tx, &scope)?;
        if let Some(case) = w.case_id {
            return Err(Problem::conflict("warning.has_case", "this warning ends with its case").expected("close the case").detail(json!({ "case_id": case, "number": w.case_number })));
        }
        if w.state == "closed" {
            return Err(Problem::conflict("warning.not_open", "this warning is closed").expected("a warning that is open").detail(json!({ "state": w.state })));
        }
        on_cases::end(tx, &w, Some(viewer.person), Some(&text))?;
        tx.audit(&ctx, "warning.closed", "warning", Some(id.0), Some(json!({ "reason": text })))?;
        let w = Warning::load(tx, ctx.workspace, id)?.ok_or_else(|| Problem::not_found("warning"))?;
        WarningView::of(tx, &viewer, &w)
    })
    .await
}
