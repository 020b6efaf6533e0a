//! A person's notices.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{CaseId, NoticeId, Time};
use shouwen_store::params;
use shouwen_web::{Answer, App, Input, Page, Params, SignedIn, axum, decode_cursor, limit_of};

/// A notice to one person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Notice {
    pub id: NoticeId,
    /// `mention`, `assigned`, `accountable`, `warned`, `breached`, `escalated`, `reply`, `delivery_failed`, `rule`, `reminded`,
    /// `hand_over` (`_accepted`, `_declined`, `_expired`, `_withdrawn`), `child_closed`, `review_step`, `review_overdue`,
    /// `review_approved`, `review_returned`, `write_up_overdue`, `authority_due`, `warning_raised`, `warning_overdue`,
    /// `bulletin`, `crisis`, `crisis_overdue`, `care_planned`, `care_overdue`.
    pub kind: String,
    pub case_id: Option<CaseId>,
    pub number: String,
    pub title: String,
    pub text: String,
    /// What the notice is about beside a case: `review_id`, `warning_id`, `grade`, `title` {zh, en}, `due_at` …, by kind.
    #[schema(value_type = Option<Object>)]
    pub data: Option<serde_json::Value>,
    pub at: Time,
    pub read_at: Option<Time>,
}

#[derive(Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct NoticeParams {
    /// 1: only unread ones.
    pub unread: Option<u8>,
    pub limit: Option<usize>,
    pub after: Option<String>,
}

#[utoipa::path(get, path = "/notices", params(NoticeParams), responses((status = 200, body = Page<Notice>)), tag = "desk", summary = "The viewer's notices, newest first", extensions(("x-permission" = json!("signed_in"))))]
pub async fn list(State(app): State<App>, who: SignedIn, Params(query): Params<NoticeParams>) -> Answer<axum::Json<Page<Notice>>> {
    let limit = limit_of(query.limit)?;
    let person = who.viewer.person;
    app.query(move |tx| {
        let after: Option<NoticeId> = decode_cursor(query.after.as_deref())?;
        let before = after.unwrap_or(NoticeId(uuid::Uuid::max()));
        let unread = if query.unread == Some(1) { " AND read_at IS NULL" } else { "" };
        type Row = (NoticeId, String, Option<CaseId>, String, String, String, Option<serde_json::Value>, Time, Option<Time>);
        let rows: Vec<Row> = tx.all(
            &format!("SELECT id, kind, case_id, number, title, text, data, at, read_at FROM desk_notice WHERE person_id = ?1 AND id < ?2{unread} ORDER BY id DESC LIMIT ?3"),
            params![person, before, limit + 1],
        )?;
        let rows = rows.into_iter().map(|(id, kind, case_id, number, title, text, data, at, read_at)| Notice { id, kind, case_id, number, title, text, data, at, read_at }).collect();
        Ok(Page::from_rows(rows, limit, |notice| notice.id))
    })
    .await
}

/// Which notices were read.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Read {
    #[serde(default)]
    pub ids: Vec<NoticeId>,
    #[serde(default)]
    pub all: bool,
}

#[utoipa::path(post, path = "/notices/read", request_body = Read, responses((status = 204)), tag = "desk", summary = "Mark notices read, everywhere", extensions(("x-permission" = json!("signed_in"))))]
pub async fn read(State(app): State<App>, who: SignedIn, input: Input<Read>) -> Answer<Response> {
    let person = who.viewer.person;
    app.command(who.once(&input.hash), StatusCode::NO_CONTENT, move |tx| {
        if input.value.all {
            tx.run("UPDATE desk_notice SET read_at = ?2 WHERE person_id = ?1 AND read_at IS NULL", params![person, tx.now()])?;
        }
        for id in &input.value.ids {
            tx.run("UPDATE desk_notice SET read_at = ?3 WHERE id = ?2 AND person_id = ?1 AND read_at IS NULL", params![person, id, tx.now()])?;
        }
        Ok(())
    })
    .await
}
