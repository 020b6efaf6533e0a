//! `/sessions`: where one is signed in, and ending that.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use shouwen_kernel::{Problem, SessionId, Time};
use shouwen_store::params;
use shouwen_web::{Answer, App, Id, Page, SignedIn};

use crate::input::in_person;
use crate::session::{IDLE_S, end_all};

/// A signed-in browser.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct SessionInfo {
    id: SessionId,
    /// The one that asks.
    current: bool,
    created_at: Time,
    last_seen_at: Time,
    expires_at: Time,
    ip: Option<String>,
    user_agent: String,
}

/// The viewer's sessions, newest first.
#[utoipa::path(get, path = "/sessions", responses((status = 200, body = Page<SessionInfo>)), tag = "session", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn list(State(app): State<App>, who: SignedIn) -> Answer<axum::Json<Page<SessionInfo>>> {
    in_person(&who)?;
    app.query(move |tx| {
        let rows: Vec<(SessionId, Time, Time, Time, Option<String>, String)> = tx.all(
            "SELECT id, created_at, last_seen_at, expires_at, ip, user_agent FROM identity_session WHERE person_id = ?1 AND expires_at > ?2 AND last_seen_at > ?3 ORDER BY id DESC LIMIT 200",
            params![who.viewer.person, tx.now(), tx.now().plus_seconds(-IDLE_S)],
        )?;
        let items = rows
            .into_iter()
            .map(|(id, created_at, last_seen_at, expires_at, ip, user_agent)| SessionInfo { id, current: who.viewer.session == Some(id), created_at, last_seen_at, expires_at, ip, user_agent })
            .collect();
        Ok(Page { items, next: None })
    })
    .await
}

/// End one of the viewer's sessions.
#[utoipa::path(delete, path = "/sessions/{id}", params(("id" = SessionId, Path)), responses((status = 204)), tag = "session", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn end(State(app): State<App>, who: SignedIn, Id(id): Id<SessionId>) -> Answer<Response> {
    in_person(&who)?;
    let (ctx, once, person) = (who.ctx(), who.once(""), who.viewer.person);
    app.command(once, StatusCode::NO_CONTENT, move |tx| {
        if tx.execute("DELETE FROM identity_session WHERE id = ?1 AND person_id = ?2", params![id, person])? == 0 {
            return Err(Problem::not_found("session"));
        }
        crate::assignment::changed(tx, &ctx, person)?;
        tx.audit(&ctx, "session.revoked", "session", Some(id.0), None)
    })
    .await
}

/// End all the viewer's other sessions.
#[utoipa::path(delete, path = "/sessions", responses((status = 200)), tag = "session", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn end_others(State(app): State<App>, who: SignedIn) -> Answer<Response> {
    in_person(&who)?;
    let (ctx, once, person, kept) = (who.ctx(), who.once(""), who.viewer.person, who.viewer.session);
    app.command(once, StatusCode::OK, move |tx| {
        let ended = end_all(tx, person, kept)?;
        if ended > 0 {
            crate::assignment::changed(tx, &ctx, person)?;
        }
        tx.audit(&ctx, "session.revoked_others", "person", Some(person.0), Some(json!({ "ended": ended })))?;
        Ok(json!({ "ended": ended }))
    })
    .await
}
