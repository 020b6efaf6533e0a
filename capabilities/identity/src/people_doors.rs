//! What an administrator does for a person's way in: invitation, second factor, lock, sessions.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shouwen_kernel::{PersonId, Time};
use shouwen_web::{Allowed, Answer, App, Id};

use crate::people::changeable;
use crate::{PeopleManage, admin};

/// A link to hand over; shown once.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct InvitationLink {
    link: String,
    expires_at: Time,
    /// It also goes to the person's address by mail; false when the workspace has no e-mail inbox to send from.
    mailed: bool,
}

/// Make an invitation link, and mail it when there is an inbox to send from; an earlier one is dead. An `Idempotency-Key` is not honoured here: the answer is a secret.
#[utoipa::path(post, path = "/people/{id}/invitation", params(("id" = PersonId, Path)), responses((status = 201, body = InvitationLink)), tag = "people", extensions(("x-permission" = json!("people.manage"))))]
pub(crate) async fn invite_person(State(app): State<App>, who: Allowed<PeopleManage>, Id(id): Id<PersonId>) -> Answer<Response> {
    let base = app.config().base_url.clone();
    let link = app
        .db()
        .write(move |tx| {
            changeable(tx, &who.viewer, &who.scope, id)?;
            let (token, expires_at) = crate::invite(tx, &who.ctx(), id)?;
            let link = format!("{base}/invitation?token={token}");
            let mailed = crate::invitation::mail(tx, &who.ctx(), id, &link, expires_at)?;
            Ok(InvitationLink { link, expires_at, mailed })
        })
        .await?;
    Ok((StatusCode::CREATED, axum::Json(link)).into_response())
}

/// Remove a person's second factor and recovery codes; ends their sessions.
#[utoipa::path(post, path = "/people/{id}/mfa-reset", params(("id" = PersonId, Path)), responses((status = 204)), tag = "people", extensions(("x-permission" = json!("people.manage"))))]
pub(crate) async fn mfa_reset(State(app): State<App>, who: Allowed<PeopleManage>, Id(id): Id<PersonId>) -> Answer<Response> {
    app.command(who.once(""), StatusCode::NO_CONTENT, move |tx| {
        changeable(tx, &who.viewer, &who.scope, id)?;
        admin::reset_mfa(tx, &who.ctx(), id)
    })
    .await
}

/// Forget a person's failed sign-ins.
#[utoipa::path(post, path = "/people/{id}/unlock", params(("id" = PersonId, Path)), responses((status = 204)), tag = "people", extensions(("x-permission" = json!("people.manage"))))]
pub(crate) async fn unlock_person(State(app): State<App>, who: Allowed<PeopleManage>, Id(id): Id<PersonId>) -> Answer<Response> {
    app.command(who.once(""), StatusCode::NO_CONTENT, move |tx| {
        changeable(tx, &who.viewer, &who.scope, id)?;
        admin::unlock(tx, &who.ctx(), id)
    })
    .await
}

/// End a person's sessions.
#[utoipa::path(delete, path = "/people/{id}/sessions", params(("id" = PersonId, Path)), responses((status = 204)), tag = "people", extensions(("x-permission" = json!("people.manage"))))]
pub(crate) async fn end_sessions(State(app): State<App>, who: Allowed<PeopleManage>, Id(id): Id<PersonId>) -> Answer<Response> {
    app.command(who.once(""), StatusCode::NO_CONTENT, move |tx| {
        changeable(tx, &who.viewer, &who.scope, id)?;
        admin::revoke_sessions(tx, &who.ctx(), id).map(|_| ())
    })
    .await
}
