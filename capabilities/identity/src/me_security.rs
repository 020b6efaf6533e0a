//! `/me/password` and `/me/totp`: one's own secrets. Only in person, never with an API token.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use shouwen_kernel::{Kind, Problem, Result};
use shouwen_store::{Tx, params};
use shouwen_web::{Answer, App, Input, SignedIn, session_cookie};

use crate::input::in_person;
use crate::policy::Rule;
use crate::throttle::Attempt;
use crate::{codes, hash, passwords, session, totp};

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePassword {
    current: String,
    new: String,
}

/// What an authenticator app needs; in force only after the confirmation.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TotpOffer {
    /// 32 base-32 characters, for typing.
    secret: String,
    uri: String,
    /// The address as a QR code.
    qr_svg: String,
}

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TotpCode {
    code: String,
}

/// Shown once.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmPassword {
    password: String,
}

fn wrong(field: &str) -> Problem {
    Problem::new(Kind::Forbidden, "password.wrong", "this is not your present password").field(field).expected("the password you signed in with")
}

/// Checks the viewer's own password, counted like a sign-in: a borrowed session must not be a place to guess.
async fn confirm(app: &App, who: &SignedIn, field: &'static str, password: &str) -> Result<()> {
    let (workspace, person, ip) = (who.viewer.workspace, who.viewer.person, who.client.ip.clone());
    let (attempt, stored) = app
        .db()
        .write(move |tx| {
            let row = crate::person_row::load(tx, workspace, person)?;
            let attempt = Attempt::of(tx, &tx.keys().open_address(&row.email_sealed)?, ip.as_deref());
            attempt.enter(tx)?;
            let (stored,): (Option<String>,) = tx.one("SELECT password_hash FROM identity_person WHERE id = ?1", params![person])?;
            Ok((attempt, stored))
        })
        .await?;
    if !hash::verify(stored, password).await? {
        let ctx = who.ctx();
        app.db().write(move |tx| tx.audit(&ctx, "person.password_refused", "person", Some(person.0), None)).await?;
        return Err(wrong(field));
    }
    app.db().write(move |tx| attempt.succeeded(tx)).await
}

/// The session goes on under a new token; all others end.
fn renew(tx: &Tx<'_>, who: &SignedIn) -> Result<Option<String>> {
    session::end_all(tx, who.viewer.person, who.viewer.session)?;
    crate::assignment::changed(tx, &who.ctx(), who.viewer.person)?;
    who.viewer.session.map(|id| session::rotate(tx, id)).transpose()
}

fn with_cookie(app: &App, token: Option<String>, mut response: Response) -> Response {
    if let Some(cookie) = token.and_then(|t| HeaderValue::from_str(&session_cookie(app.config().is_secure(), &t)).ok()) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Change one's own password; ends all other sessions.
#[utoipa::path(put, path = "/me/password", request_body = ChangePassword, responses((status = 204)), tag = "me", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn password(State(app): State<App>, who: SignedIn, input: Input<ChangePassword>) -> Answer<Response> {
    in_person(&who)?;
    let body = input.value;
    confirm(&app, &who, "current", &body.current).await?;
    let (workspace, person, new) = (who.viewer.workspace, who.viewer.person, body.new.clone());
    app.db().read(move |tx| passwords::check_for(tx, workspace, person, &new).map_err(|p| p.field("new"))).await?;
    if body.new == body.current {
        return Err(Problem::invalid("new", "the new password is the old one").code("password.refused").expected("another password").into());
    }
    let new = hash::hash(&app, &body.new).await?;
    let token = app
        .db()
        .write(move |tx| {
            passwords::set(tx, person, &new, false)?;
            tx.audit(&who.ctx(), "person.password_changed", "person", Some(person.0), None)?;
            renew(tx, &who)
        })
        .await?;
    Ok(with_cookie(&app, token, StatusCode::NO_CONTENT.into_response()))
}

/// Begin to enrol a second factor.
#[utoipa::path(post, path = "/me/totp", responses((status = 200, body = TotpOffer)), tag = "me", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn begin_totp(State(app): State<App>, who: SignedIn) -> Answer<axum::Json<TotpOffer>> {
    in_person(&who)?;
    let offer = app
        .db()
        .write(move |tx| {
            let row = crate::person_row::load(tx, who.viewer.workspace, who.viewer.person)?;
            if row.mfa {
                return Err(Problem::conflict("totp.enrolled", "a second factor is enrolled already").expected("DELETE /api/v1/me/totp first"));
            }
            let secret = totp::new_secret(tx.ids());
            tx.execute("UPDATE identity_person SET totp_pending = ?2 WHERE id = ?1", params![row.id, totp::seal(tx, &secret)?])?;
            let (organisation, ..) = crate::workspace::load(tx, who.viewer.workspace)?;
            let uri = totp::uri(&secret, &organisation, &tx.keys().open_address(&row.email_sealed)?);
            Ok(TotpOffer { secret: totp::to_text(&secret), qr_svg: totp::qr_svg(&uri)?, uri })
        })
        .await?;
    Ok(axum::Json(offer))
}

/// Finish enrolling with a code; the answer holds the recovery codes.
#[utoipa::path(post, path = "/me/totp/confirmation", request_body = TotpCode, responses((status = 200, body = RecoveryCodes)), tag = "me", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn confirm_totp(State(app): State<App>, who: SignedIn, input: Input<TotpCode>) -> Answer<Response> {
    in_person(&who)?;
    let code = input.value.code;
    let (recovery_codes, token) = app
        .db()
        .write(move |tx| {
            let person = who.viewer.person;
            crate::input::lock(tx, "identity_person", person)?;
            let row: Option<(Option<String>,)> = tx.opt("SELECT totp_pending FROM identity_person WHERE id = ?1", params![person])?;
            let Some((Some(pending),)) = row else {
                return Err(Problem::conflict("totp.not_begun", "no enrolment was begun").expected("POST /api/v1/me/totp first"));
            };
            let Some(step) = totp::step_of(&totp::open(tx, &pending)?, &code, tx.now()) else {
                return Err(Problem::invalid("code", "the code is wrong").code("totp.wrong").expected("the six digits the app shows now; check the clock of the phone"));
            };
            tx.execute("UPDATE identity_person SET totp_sealed = totp_pending, totp_pending = NULL, totp_step = ?2, version = version + 1 WHERE id = ?1", params![person, step])?;
            let codes = codes::replace(tx, who.viewer.workspace, person)?;
            tx.audit(&who.ctx(), "person.totp_enrolled", "person", Some(person.0), None)?;
            Ok((codes, renew(tx, &who)?))
        })
        .await?;
    Ok(with_cookie(&app, token, axum::Json(RecoveryCodes { recovery_codes }).into_response()))
}

/// Remove one's own second factor.
#[utoipa::path(delete, path = "/me/totp", request_body = ConfirmPassword, responses((status = 204)), tag = "me", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn remove_totp(State(app): State<App>, who: SignedIn, input: Input<ConfirmPassword>) -> Answer<Response> {
    in_person(&who)?;
    let body = input.value;
    confirm(&app, &who, "password", &body.password).await?;
    let token = app
        .db()
        .write(move |tx| {
            let person = who.viewer.person;
            let row = crate::person_row::load(tx, who.viewer.workspace, person)?;
            let roles = crate::assignment::rights(tx, person, row.org_unit_id)?.roles;
            if crate::workspace::demands_mfa(tx, who.viewer.workspace, &roles)? {
                return Err(Problem::conflict("totp.required", "your role demands a second factor").expected("another administrator resets it when the device is lost"));
            }
            let length = body.password.chars().count();
            if length < Rule::Alone.least() {
                return Err(Problem::conflict("totp.password_too_short", format!("without a second factor a password of {length} characters is too short")).expected("a password of 15 characters or more first"));
            }
            tx.execute("UPDATE identity_person SET totp_sealed = NULL, totp_pending = NULL, version = version + 1 WHERE id = ?1", params![person])?;
            codes::clear(tx, person)?;
            tx.audit(&who.ctx(), "person.totp_removed", "person", Some(person.0), None)?;
            renew(tx, &who)
        })
        .await?;
    Ok(with_cookie(&app, token, StatusCode::NO_CONTENT.into_response()))
}
