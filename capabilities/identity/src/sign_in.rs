//! `/session`: sign in, who am I, sign out.
//!
//! Known and unknown addresses take the same path: one counted attempt, one hash, one audit row, one answer.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use shouwen_kernel::{Actor, Kind, PersonId, Problem, Result, WorkspaceId};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{Answer, App, Client, Input, SignedIn, session_cookie};

use crate::person::set_status;
use crate::session::{self, Origin};
use crate::throttle::Attempt;
use crate::viewer::{ViewerAnswer, answer};
use crate::{codes, hash, totp};

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSession {
    email: String,
    password: String,
    /// Six digits of the authenticator, or a recovery code; asked for by `session.code_required`.
    #[serde(default)]
    code: Option<String>,
    /// Asked for by `session.password_change_required`.
    #[serde(default)]
    new_password: Option<String>,
}

/// The account an address belongs to.
#[derive(Clone)]
struct Account {
    person: PersonId,
    workspace: WorkspaceId,
    hash: String,
    must_change: bool,
}

enum Outcome {
    Wrong,
    CodeRequired,
    ChangeRequired,
    In(String, Box<ViewerAnswer>),
}

/// Sign in.
#[utoipa::path(post, path = "/session", request_body = NewSession, responses((status = 200, body = ViewerAnswer), (status = 401), (status = 429)), tag = "session", extensions(("x-permission" = json!("public"))))]
pub(crate) async fn create(State(app): State<App>, client: Client, headers: HeaderMap, input: Input<NewSession>) -> Answer<Response> {
    let body = input.value;
    let origin = Origin::of(&client);
    let (email, ip) = (body.email.clone(), origin.ip.clone());
    let (attempt, account) = app
        .db()
        .write(move |tx| {
            let attempt = Attempt::of(tx, &email, ip.as_deref());
            attempt.enter(tx)?;
            Ok((attempt, account(tx, &email)?))
        })
        .await?;
    let right = hash::verify(account.as_ref().map(|a| a.hash.clone()), &body.password).await?;
    let Some(account) = account.filter(|_| right) else {
        let email = body.email.clone();
        app.db().write(move |tx| failed(tx, &email, &origin, "password")).await?;
        return Err(wrong().into());
    };
    let new_hash = match &body.new_password {
        Some(new) if account.must_change => {
            let (account, new_password, old) = (account.clone(), new.clone(), body.password.clone());
            app.db()
                .read(move |tx| {
                    if new_password == old {
                        return Err(Problem::invalid("new_password", "the new password is the old one").code("password.refused").expected("another password"));
                    }
                    crate::passwords::check_for(tx, account.workspace, account.person, &new_password).map_err(|p| p.field("new_password"))
                })
                .await?;
            Some(hash::hash(&app, new).await?)
        }
        _ => None,
    };
    let old_cookie = session::cookie_of(&headers, app.config().is_secure());
    let outcome = app.db().write(move |tx| enter(tx, &account, &attempt, &origin, &body, new_hash.as_deref(), old_cookie.as_deref())).await?;
    match outcome {
        Outcome::In(token, viewer) => Ok(([(header::SET_COOKIE, session_cookie(app.config().is_secure(), &token))], axum::Json(viewer)).into_response()),
        Outcome::Wrong => Err(wrong().into()),
        Outcome::CodeRequired => Err(code_required().into()),
        Outcome::ChangeRequired => Err(Problem::new(Kind::Unauthenticated, "session.password_change_required", "this password was given by somebody else and must be changed now")
            .field("new_password")
            .expected("the same request with `new_password`")
            .into()),
    }
}

pub(crate) fn code_required() -> Problem {
    Problem::new(Kind::Unauthenticated, "session.code_required", "a second factor is needed").field("code").expected("the six digits of the authenticator, or a recovery code")
}

fn wrong() -> Problem {
    Problem::new(Kind::Unauthenticated, "session.wrong", "the address, the password or the code is wrong").expected("the address and password you sign in with; an administrator can send a new invitation")
}

fn account(tx: &Tx<'_>, email: &str) -> Result<Option<Account>> {
    let row: Option<(PersonId, WorkspaceId, Option<String>, bool, bool)> =
        tx.opt("SELECT id, workspace_id, password_hash, must_change_password, active FROM identity_person WHERE email_index = ?1", params![tx.keys().email_index(email)])?;
    Ok(match row {
        Some((person, workspace, Some(hash), must_change, true)) => Some(Account { person, workspace, hash, must_change }),
        _ => None,
    })
}

/// Notes a failure; the same work whether the address is known or not.
fn failed(tx: &Tx<'_>, email: &str, origin: &Origin, what: &str) -> Result<()> {
    let person: Option<(PersonId, WorkspaceId)> = tx.opt("SELECT id, workspace_id FROM identity_person WHERE email_index = ?1", params![tx.keys().email_index(email)])?;
    let workspace = match person {
        Some((_, workspace)) => workspace,
        None => tx.workspaces()?.first().map_or(WorkspaceId::NIL, |w| w.id),
    };
    let ctx = Ctx { ip: origin.ip.clone(), ..Ctx::system(workspace, "sign_in") };
    tx.audit(&ctx, "session.failed", "person", person.map(|(id, _)| id.0), Some(json!({ "wrong": what })))
}

fn enter(tx: &Tx<'_>, account: &Account, attempt: &Attempt, origin: &Origin, body: &NewSession, new_hash: Option<&str>, old_cookie: Option<&str>) -> Result<Outcome> {
    // Between the look and now the password may have been changed or the person deactivated.
    let row: Option<(Option<String>, Option<String>)> = tx.opt(
        &format!("SELECT password_hash, totp_sealed FROM identity_person WHERE id = ?1 AND active{}", tx.for_update()),
        params![account.person],
    )?;
    let Some((Some(stored), sealed)) = row else { return Ok(Outcome::Wrong) };
    if stored != account.hash {
        return Ok(Outcome::Wrong);
    }
    let mut factor = None;
    if let Some(sealed) = sealed {
        let Some(code) = body.code.as_deref().map(str::trim).filter(|c| !c.is_empty()) else {
            attempt.undo(tx)?;
            return Ok(Outcome::CodeRequired);
        };
        factor = check_code(tx, account.person, &sealed, code)?;
        if factor.is_none() {
            failed(tx, &body.email, origin, "code")?;
            return Ok(Outcome::Wrong);
        }
    }
    let ctx = Ctx { workspace: account.workspace, actor: Actor::person(account.person), ip: origin.ip.clone() };
    if account.must_change {
        let Some(hash) = new_hash else {
            attempt.undo(tx)?;
            return Ok(Outcome::ChangeRequired);
        };
        crate::passwords::set(tx, account.person, hash, false)?;
        session::end_all(tx, account.person, None)?;
        tx.audit(&ctx, "person.password_changed", "person", Some(account.person.0), None)?;
    }
    attempt.succeeded(tx)?;
    // A token that was in the browser before is worth nothing afterwards, whoever put it there.
    if let Some(old) = old_cookie {
        session::end_token(tx, old)?;
    }
    let (session, token) = session::start(tx, account.workspace, account.person, origin)?;
    tx.audit(&ctx, "session.created", "session", Some(session.0), Some(json!({ "factor": factor })))?;
    let (status,): (String,) = tx.one("SELECT status FROM identity_person WHERE id = ?1", params![account.person])?;
    if status == "offline" {
        set_status(tx, &ctx, account.person, "online")?;
    }
    Ok(Outcome::In(token, Box::new(answer(tx, account.workspace, account.person, None)?)))
}

/// Uses a code up; which factor it was, `None` when it is wrong or was used.
pub(crate) fn check_code(tx: &Tx<'_>, person: PersonId, sealed: &str, code: &str) -> Result<Option<&'static str>> {
    if let Some(step) = totp::step_of(&totp::open(tx, sealed)?, code, tx.now()) {
        // One use a step: a code seen over a shoulder or in a proxy is worth nothing.
        let fresh = tx.execute("UPDATE identity_person SET totp_step = ?2 WHERE id = ?1 AND totp_step < ?2", params![person, step])? == 1;
        return Ok(fresh.then_some("totp"));
    }
    Ok(codes::spend(tx, person, code)?.then_some("recovery_code"))
}

/// Who is signed in.
#[utoipa::path(get, path = "/session", responses((status = 200, body = ViewerAnswer)), tag = "session", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn show(State(app): State<App>, who: SignedIn) -> Answer<axum::Json<ViewerAnswer>> {
    app.query(move |tx| answer(tx, who.viewer.workspace, who.viewer.person, Some(&who.viewer))).await
}

/// Sign out.
#[utoipa::path(delete, path = "/session", responses((status = 204)), tag = "session", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn end(State(app): State<App>, who: SignedIn) -> Answer<Response> {
    crate::input::in_person(&who)?;
    let (ctx, person, session) = (who.ctx(), who.viewer.person, who.viewer.session);
    app.db()
        .write(move |tx| {
            let Some(session) = session else { return Ok(()) };
            tx.execute("DELETE FROM identity_session WHERE id = ?1", params![session])?;
            tx.audit(&ctx, "session.ended", "session", Some(session.0), None)?;
            if tx.opt::<(i64,)>("SELECT 1 FROM identity_session WHERE person_id = ?1 LIMIT 1", params![person])?.is_none() {
                set_status(tx, &ctx, person, "offline")?;
            }
            crate::assignment::changed(tx, &ctx, person)
        })
        .await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    if let Ok(cookie) = HeaderValue::from_str(&session_cookie(app.config().is_secure(), "")) {
        headers.insert(header::SET_COOKIE, cookie);
    }
    headers.insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    Ok(response)
}
