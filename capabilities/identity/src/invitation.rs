//! Invitations: a link that lets a person set their password, once, within 72 hours. A new one kills the old one.
//! It also serves who forgot the password; it never goes around the second factor.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{Actor, Kind, PersonId, Problem, Result, Time};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{Answer, App, Client, Input, session_cookie};

use crate::person::set_status;
use crate::person_row::{PersonRow, load};
use crate::session::{self, Origin};
use crate::throttle::Attempt;
use crate::viewer::{ViewerAnswer, answer};
use crate::{hash, link, passwords, sign_in};

const VALID_S: i64 = 72 * 3600;

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShowInvitation {
    token: String,
}

/// What stands on the page before it is accepted.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Invitation {
    organisation: String,
    name: String,
    email: String,
    expires_at: Option<Time>,
    /// A code of the second factor is needed as well.
    code_required: bool,
}

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptInvitation {
    token: String,
    #[serde(default)]
    name: Option<String>,
    password: String,
    /// When a second factor is enrolled.
    #[serde(default)]
    code: Option<String>,
}

/// Makes an invitation for a person; the token for `/invitation?token=…` and when it expires.
pub fn invite(tx: &Tx<'_>, ctx: &Ctx, person: PersonId) -> Result<(String, Time)> {
    crate::input::lock(tx, "identity_person", person)?;
    let row = load(tx, ctx.workspace, person)?;
    if !row.active {
        return Err(Problem::conflict("person.inactive", "this person is deactivated").expected("activate them first"));
    }
    let expires_at = tx.now().plus_seconds(VALID_S);
    let token = link::create(tx, link::INVITATION, "inv_", ctx.workspace, Some(person), Some(expires_at))?;
    tx.audit(ctx, "person.invited", "person", Some(person.0), Some(json!({ "expires_at": expires_at })))?;
    Ok((token, expires_at))
}

/// Sends the link to the person, in their language; whether it leaves. Each link is a letter of its own.
pub(crate) fn mail(tx: &Tx<'_>, ctx: &Ctx, person: PersonId, link: &str, expires_at: Time) -> Result<bool> {
    let row = load(tx, ctx.workspace, person)?;
    let (organisation, ..) = crate::workspace::load(tx, ctx.workspace)?;
    let zone = jiff::tz::TimeZone::get(&row.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let until = expires_at.to_jiff().to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string();
    let (subject, text) = if row.locale.starts_with("zh") {
        (
            format!("邀请您使用 {organisation} 的客服系统"),
            format!("{}，您好：\n\n请打开下面的链接设置密码并登录。链接只能使用一次，{until} 前有效。\n\n{link}\n\n如果您没有料到这封邮件，请告诉管理员，不要打开链接。\n", row.name),
        )
    } else {
        (
            format!("Your invitation to {organisation}"),
            format!("Hello {},\n\nopen this link to set your password and sign in. It works once, until {until}.\n\n{link}\n\nIf you did not expect this mail, tell your administrator and do not open the link.\n", row.name),
        )
    };
    // The digest of the link, not the link: it is a key.
    let source = format!("invitation:{}", &shouwen_crypt::sha256_hex(link.as_bytes())[..24]);
    crate::letters::send(tx, ctx, &source, person, &subject, &text, None)
}

/// The person a token invites; one answer for unknown, used, expired and revoked.
fn invited(tx: &Tx<'_>, token: &str) -> Result<(PersonRow, Option<Time>)> {
    let gone = || Problem::new(Kind::NotFound, "invitation.gone", "this invitation was used, has expired or never was").field("token").expected("a new invitation from an administrator");
    let link = link::find(tx, link::INVITATION, token)?.ok_or_else(gone)?;
    let person = link.person.ok_or_else(gone)?;
    let row = load(tx, link.workspace, person).map_err(|_| gone())?;
    if row.active { Ok((row, link.expires_at)) } else { Err(gone()) }
}

/// What an invitation is for.
#[utoipa::path(post, path = "/invitation/preview", request_body = ShowInvitation, responses((status = 200, body = Invitation)), tag = "people", extensions(("x-permission" = json!("public"))))]
pub(crate) async fn preview(State(app): State<App>, input: Input<ShowInvitation>) -> Answer<axum::Json<Invitation>> {
    let token = input.value.token;
    app.query(move |tx| {
        let (row, expires_at) = invited(tx, &token)?;
        let (organisation, ..) = crate::workspace::load(tx, row.workspace)?;
        Ok(Invitation { organisation, email: tx.keys().open_address(&row.email_sealed)?, name: row.name, expires_at, code_required: row.mfa })
    })
    .await
}

/// Accept an invitation: set the password and be signed in. Ends all other sessions.
#[utoipa::path(post, path = "/invitation", request_body = AcceptInvitation, responses((status = 200, body = ViewerAnswer), (status = 401), (status = 404)), tag = "people", extensions(("x-permission" = json!("public"))))]
pub(crate) async fn accept(State(app): State<App>, client: Client, input: Input<AcceptInvitation>) -> Answer<Response> {
    let body = input.value;
    let name = body.name.as_deref().map(str::trim).filter(|n| !n.is_empty()).map(|n| crate::input::name("name", n, 60)).transpose()?;
    let (token, password) = (body.token.clone(), body.password.clone());
    app.db()
        .read(move |tx| {
            let (row, _) = invited(tx, &token)?;
            passwords::check_for(tx, row.workspace, row.id, &password)
        })
        .await?;
    let hash = hash::hash(&app, &body.password).await?;
    let origin = Origin::of(&client);
    let outcome = app
        .db()
        .write(move |tx| {
            let (row, _) = invited(tx, &body.token)?;
            let ctx = Ctx { workspace: row.workspace, actor: Actor::person(row.id), ip: origin.ip.clone() };
            if row.mfa {
                let Some(code) = body.code.as_deref().map(str::trim).filter(|c| !c.is_empty()) else { return Err(sign_in::code_required()) };
                let attempt = Attempt::of(tx, &tx.keys().open_address(&row.email_sealed)?, origin.ip.as_deref());
                attempt.enter(tx)?;
                let (sealed,): (Option<String>,) = tx.one("SELECT totp_sealed FROM identity_person WHERE id = ?1", params![row.id])?;
                if sign_in::check_code(tx, row.id, &sealed.unwrap_or_default(), code)?.is_none() {
                    tx.audit(&ctx, "session.failed", "person", Some(row.id.0), Some(json!({ "wrong": "code" })))?;
                    return Ok(None);
                }
                attempt.succeeded(tx)?;
            }
            if !link::spend(tx, link::INVITATION, &body.token)? {
                return Err(invited(tx, &body.token).err().unwrap_or_else(|| Problem::not_found("invitation")));
            }
            passwords::set(tx, row.id, &hash, false)?;
            if let Some(name) = name.as_ref().filter(|name| **name != row.name) {
                tx.execute("UPDATE identity_person SET name = ?2, version = version + 1 WHERE id = ?1", params![row.id, name])?;
                crate::person::announce(tx, &ctx, row.id)?;
            }
            session::end_all(tx, row.id, None)?;
            let (_, token) = session::start(tx, row.workspace, row.id, &origin)?;
            tx.audit(&ctx, "person.invitation_accepted", "person", Some(row.id.0), None)?;
            set_status(tx, &ctx, row.id, "online")?;
            Ok(Some((token, answer(tx, row.workspace, row.id, None)?)))
        })
        .await?;
    let Some((token, viewer)) = outcome else {
        return Err(Problem::new(Kind::Unauthenticated, "session.wrong", "the code is wrong").field("code").expected("the six digits of the authenticator, or a recovery code").into());
    };
    Ok(([(header::SET_COOKIE, session_cookie(app.config().is_secure(), &token))], axum::Json(viewer)).into_response())
}
