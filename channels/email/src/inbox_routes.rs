//! `/inboxes`: an administrator's settings. Passwords go in and never come out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Deserializer, Serialize};
use shouwen_contracts::channel::{ChannelEvent, InboxDeleted};
use shouwen_crypt::AddressKind;
use shouwen_kernel::{Access, InboxId, OrgUnitId, Problem, Result, Scope, TeamId, Time};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, Page};
use utoipa::ToSchema;

use crate::health::{self, Health};
use crate::inbox::{self, Inbox};
use crate::oauth::{self, OAuth, OAuthAnswer};
use crate::settings::{Auth, Incoming, Outgoing, one_line};
use crate::token_call::Grant;
use crate::InboxManage;

/// An inbox as the API shows it.
#[derive(Serialize, ToSchema)]
pub struct InboxAnswer {
    id: InboxId,
    name: String,
    address: String,
    /// `email`.
    kind: &'static str,
    active: bool,
    team_id: Option<TeamId>,
    org_unit_id: Option<OrgUnitId>,
    signature: String,
    incoming: Option<Incoming>,
    outgoing: Option<Outgoing>,
    /// For sides with `auth: xoauth2`; null when there is none.
    oauth: Option<OAuthAnswer>,
    health: Health,
    /// `zh` or `en`.
    default_language: String,
    version: i64,
    #[schema(value_type = String)]
    created_at: Time,
}

/// A new inbox.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInbox {
    name: String,
    address: String,
    /// `email`; may be left out.
    #[serde(default)]
    kind: Option<String>,
    #[serde(default = "yes")]
    active: bool,
    #[serde(default)]
    team_id: Option<TeamId>,
    #[serde(default)]
    org_unit_id: Option<OrgUnitId>,
    /// Appended to replies.
    #[serde(default)]
    signature: Option<String>,
    /// `zh` (when absent) or `en`.
    #[serde(default)]
    default_language: Option<String>,
    #[serde(default)]
    incoming: Option<Incoming>,
    #[serde(default)]
    outgoing: Option<Outgoing>,
    /// Where access tokens come from, for sides with `auth: xoauth2`.
    #[serde(default)]
    oauth: Option<OAuth>,
}

/// A change: absent fields stay, `null` clears.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeInbox {
    /// The version that was seen.
    version: i64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    address: Option<String>,
    #[serde(default)]
    active: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<TeamId>)]
    team_id: Option<Option<TeamId>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<OrgUnitId>)]
    org_unit_id: Option<Option<OrgUnitId>>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    default_language: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Incoming>)]
    incoming: Option<Option<Incoming>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Outgoing>)]
    outgoing: Option<Option<Outgoing>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<OAuth>)]
    oauth: Option<Option<OAuth>>,
}

/// What deleting an inbox touches.
#[derive(Serialize, ToSchema)]
pub struct DeletedInbox {
    id: InboxId,
    /// Mails that came through it, counted up to 10,000; their cases stay.
    mails: i64,
    /// Until when it can be restored.
    #[schema(value_type = String)]
    restorable_until: Time,
}

/// Days a deleted inbox can be restored.
const RESTORE_DAYS: i64 = 30;

fn yes() -> bool {
    true
}

/// Tells a field that is `null` from one that is absent.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

fn name_of(given: &str) -> Result<String> {
    let name = given.trim().to_owned();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(Problem::invalid("name", "the name is empty or longer than 100 characters").expected("what agents and customers read as the sender, like 售后服务"));
    }
    one_line("name", &name)?;
    Ok(name)
}

fn address_of(given: &str) -> Result<String> {
    AddressKind::Email.normal(given).map_err(|p| p.field("address").expected("the inbox's own address, like service@example.com"))
}

fn signature_of(given: Option<String>) -> Result<String> {
    let text = given.unwrap_or_default();
    if text.chars().count() > 10_000 {
        return Err(Problem::invalid("signature", "longer than 10,000 characters").expected("a few lines"));
    }
    Ok(text)
}

fn language_of(given: Option<&str>) -> Result<String> {
    match given.map(str::to_ascii_lowercase).as_deref() {
        None | Some("" | "zh" | "zh-cn") => Ok("zh".into()),
        Some("en") => Ok("en".into()),
        Some(other) => Err(Problem::invalid("default_language", format!("`{}` is none of our languages", shouwen_kernel::text::clip(other, 20))).expected("`zh` or `en`")),
    }
}

fn no_password(side: &str) -> Problem {
    Problem::invalid(format!("{side}.password"), "no password is stored yet").expected("the password, authorisation code or access token")
}

/// Settings in order, and a password where one is needed.
fn check_incoming(inbox: &mut Inbox, allowed: &[String], by_token: bool) -> Result<()> {
    if let Some(side) = &mut inbox.incoming {
        side.check(allowed)?;
        let token = by_token && side.auth == Auth::Xoauth2;
        if !token && side.password.as_ref().is_none_or(String::is_empty) && inbox.incoming_secret.is_none() {
            return Err(no_password("incoming"));
        }
    }
    Ok(())
}

/// Settings in order, and a password where one is needed.
fn check_outgoing(inbox: &mut Inbox, allowed: &[String], by_token: bool) -> Result<()> {
    if let Some(side) = &mut inbox.outgoing {
        side.check(allowed)?;
        let token = by_token && side.auth == Auth::Xoauth2;
        if !token && side.auth != Auth::None && side.password.as_ref().is_none_or(String::is_empty) && inbox.outgoing_secret.is_none() {
            return Err(no_password("outgoing"));
        }
    }
    Ok(())
}

fn answer(tx: &Tx<'_>, mut inbox: Inbox) -> Result<InboxAnswer> {
    let health = health::of(tx, &inbox)?;
    let oauth = oauth::find(tx, inbox.id)?.map(|stored| stored.answer());
    if let Some(side) = &mut inbox.incoming {
        side.password_set = inbox.incoming_secret.is_some();
        side.port = Some(side.port());
    }
    if let Some(side) = &mut inbox.outgoing {
        side.password_set = inbox.outgoing_secret.is_some();
        side.port = Some(side.port());
    }
    Ok(InboxAnswer {
        id: inbox.id,
        name: inbox.name,
        address: inbox.address,
        kind: "email",
        active: inbox.active,
        team_id: inbox.team_id,
        org_unit_id: inbox.org_unit_id,
        signature: inbox.signature,
        incoming: inbox.incoming,
        outgoing: inbox.outgoing,
        oauth,
        health,
        default_language: inbox.default_language,
        version: inbox.version,
        created_at: inbox.created_at,
    })
}

/// An inbox inside the scope; outside it does not exist.
pub(crate) fn seen(tx: &Tx<'_>, scope: &Scope, workspace: shouwen_kernel::WorkspaceId, id: InboxId) -> Result<Inbox> {
    inbox::find(tx, id)?.filter(|i| i.workspace == workspace && i.deleted_at.is_none() && scope.sees(&i.access())).ok_or_else(|| Problem::not_found("inbox"))
}

/// Nobody moves an inbox to where they may not manage inboxes.
fn within(scope: &Scope, access: &Access) -> Result<()> {
    if scope.sees(access) {
        return Ok(());
    }
    Err(Problem::new(shouwen_kernel::Kind::Forbidden, "forbidden.scope", "your right to manage inboxes does not reach this team and org unit").field("team_id").expected("a team or org unit you manage inboxes of"))
}

/// Inboxes, with how they fare.
#[utoipa::path(get, path = "/inboxes", responses((status = 200, body = Page<InboxAnswer>)), tag = "inboxes", extensions(("x-permission" = json!("inbox.manage"))))]
pub(crate) async fn list(State(app): State<App>, who: Allowed<InboxManage>) -> Answer<axum::Json<Page<InboxAnswer>>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    app.query(move |tx| {
        let items = inbox::list(tx, workspace)?.into_iter().filter(|i| scope.sees(&i.access())).map(|i| answer(tx, i)).collect::<Result<Vec<_>>>()?;
        Ok(Page { items, next: None })
    })
    .await
}

/// One inbox.
#[utoipa::path(get, path = "/inboxes/{id}", params(("id" = InboxId, Path)), responses((status = 200, body = InboxAnswer), (status = 404)), tag = "inboxes", extensions(("x-permission" = json!("inbox.manage"))))]
pub(crate) async fn show(State(app): State<App>, who: Allowed<InboxManage>, Id(id): Id<InboxId>) -> Answer<axum::Json<InboxAnswer>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    app.query(move |tx| answer(tx, seen(tx, &scope, workspace, id)?)).await
}

/// A new inbox. Nothing is done on the mail server before its first look.
#[utoipa::path(post, path = "/inboxes", request_body = NewInbox, responses((status = 201, body = InboxAnswer), (status = 409), (status = 422)), tag = "inboxes", extensions(("x-permission" = json!("inbox.manage"))))]
pub(crate) async fn create(State(app): State<App>, who: Allowed<InboxManage>, input: Input<NewInbox>) -> Answer<Response> {
    let (ctx, scope, once, mut new) = (who.ctx(), who.scope.clone(), who.once(&input.hash), input.value);
    if let Some(kind) = new.kind.as_deref().filter(|k| *k != "email") {
        return Err(Problem::invalid("kind", format!("`{}` is no kind of inbox", shouwen_kernel::text::clip(kind, 20))).expected("`email`").into());
    }
    let mut oauth = new.oauth.take();
    let template = Inbox {
        id: InboxId::NIL,
        workspace: ctx.workspace,
        name: name_of(&new.name)?,
        address: address_of(&new.address)?,
        active: new.active,
        team_id: new.team_id,
        org_unit_id: new.org_unit_id,
        signature: signature_of(new.signature)?,
        default_language: language_of(new.default_language.as_deref())?,
        incoming: new.incoming,
        outgoing: new.outgoing,
        incoming_secret: None,
        outgoing_secret: None,
        version: 1,
        created_at: app.clock().now(),
        deleted_at: None,
    };
    let mut template = template;
    let allowed = app.config().allow_private_hosts.as_slice();
    let grant = match &mut oauth {
        Some(oauth) => {
            oauth.check(allowed)?;
            Some(oauth.grant(None, app.keys())?)
        }
        None => None,
    };
    check_incoming(&mut template, allowed, grant.is_some())?;
    check_outgoing(&mut template, allowed, grant.is_some())?;
    within(&scope, &template.access())?;
    app.command(once, StatusCode::CREATED, move |tx| {
        let mut inbox = template.clone();
        inbox.id = tx.id();
        inbox.created_at = tx.now();
        inbox.seal_passwords(tx)?;
        inbox.save(tx, &ctx)?;
        if let Some(grant) = &grant {
            oauth::save(tx, ctx.workspace, inbox.id, grant)?;
        }
        tx.audit(&ctx, "inbox.created", "inbox", Some(inbox.id.0), Some(serde_json::json!({ "address": inbox.address })))?;
        answer(tx, inbox)
    })
    .await
}

/// Changes an inbox.
#[utoipa::path(patch, path = "/inboxes/{id}", params(("id" = InboxId, Path)), request_body = ChangeInbox, responses((status = 200, body = InboxAnswer), (status = 404), (status = 409), (status = 422)), tag = "inboxes", extensions(("x-permission" = json!("inbox.manage"))))]
pub(crate) async fn edit(State(app): State<App>, who: Allowed<InboxManage>, Id(id): Id<InboxId>, input: Input<ChangeInbox>) -> Answer<Response> {
    let (ctx, scope, once, change) = (who.ctx(), who.scope.clone(), who.once(&input.hash), std::sync::Arc::new(input.value));
    let allowed = app.config().allow_private_hosts.clone();
    app.command(once, StatusCode::OK, move |tx| {
        let mut inbox = seen(tx, &scope, ctx.workspace, id)?;
        if inbox.version != change.version {
            let current = serde_json::to_value(answer(tx, inbox)?)?;
            return Err(Problem::conflict("version_conflict", "somebody changed this inbox since you looked").expected("look at the current one and change again").detail(serde_json::json!({ "current": current })));
        }
        let grant = apply(tx, &mut inbox, &change, &allowed)?;
        within(&scope, &inbox.access())?;
        inbox.version += 1;
        inbox.seal_passwords(tx)?;
        inbox.save(tx, &ctx)?;
        match grant {
            Granted::Same => {}
            Granted::Removed => oauth::remove(tx, id)?,
            Granted::New(grant) => oauth::save(tx, ctx.workspace, id, &grant)?,
        }
        let secrets = change.incoming.iter().flatten().any(|s| s.password.is_some()) || change.outgoing.iter().flatten().any(|s| s.password.is_some()) || change.oauth.is_some();
        tx.audit(&ctx, "inbox.changed", "inbox", Some(id.0), Some(serde_json::json!({ "version": inbox.version, "password_changed": secrets })))?;
        answer(tx, inbox)
    })
    .await
}

/// What a change does to the stored authorisation.
enum Granted {
    Same,
    Removed,
    New(Grant),
}

fn apply(tx: &Tx<'_>, inbox: &mut Inbox, change: &ChangeInbox, allowed: &[String]) -> Result<Granted> {
    if let Some(name) = &change.name {
        inbox.name = name_of(name)?;
    }
    if let Some(address) = &change.address {
        inbox.address = address_of(address)?;
    }
    if let Some(active) = change.active {
        inbox.active = active;
    }
    if let Some(team) = change.team_id {
        inbox.team_id = team;
    }
    if let Some(unit) = change.org_unit_id {
        inbox.org_unit_id = unit;
    }
    if let Some(signature) = &change.signature {
        inbox.signature = signature_of(Some(signature.clone()))?;
    }
    if let Some(language) = &change.default_language {
        inbox.default_language = language_of(Some(language))?;
    }
    let mut stored = oauth::find(tx, inbox.id)?;
    let mut moved = false;
    if let Some(incoming) = &change.incoming {
        // A stored password goes to the server it was given for, and to no other.
        if !same_server(inbox.incoming.as_ref().map(|s| (&s.host, &s.user)), incoming.as_ref().map(|s| (&s.host, &s.user))) {
            inbox.incoming_secret = None;
            moved |= incoming.as_ref().is_some_and(|s| s.auth == Auth::Xoauth2);
        }
        inbox.incoming.clone_from(incoming);
    }
    if let Some(outgoing) = &change.outgoing {
        if !same_server(inbox.outgoing.as_ref().map(|s| (&s.host, &s.user)), outgoing.as_ref().map(|s| (&s.host, &s.user))) {
            inbox.outgoing_secret = None;
            moved |= outgoing.as_ref().is_some_and(|s| s.auth == Auth::Xoauth2);
        }
        inbox.outgoing.clone_from(outgoing);
    }
    // A token, like a password, goes to the servers it was given for, and to no other.
    if moved {
        stored = None;
    }
    let granted = match &change.oauth {
        None if moved && oauth::find(tx, inbox.id)?.is_some() => {
            return Err(Problem::invalid("oauth.refresh_token", "the stored authorisation was given for another server or user").expected("`oauth` with its refresh token once more, or `oauth: null`"));
        }
        None => Granted::Same,
        Some(None) => {
            stored = None;
            Granted::Removed
        }
        Some(Some(given)) => {
            let mut given = given.clone();
            given.check(allowed)?;
            Granted::New(given.grant(stored.as_ref(), tx.keys())?)
        }
    };
    let by_token = stored.is_some() || matches!(granted, Granted::New(_));
    // A side that is not in the change stays as it was taken; where it leads is looked at with every connection.
    let token_gone = matches!(granted, Granted::Removed);
    if change.incoming.is_some() || token_gone {
        check_incoming(inbox, allowed, by_token)?;
    }
    if change.outgoing.is_some() || token_gone {
        check_outgoing(inbox, allowed, by_token)?;
    }
    Ok(granted)
}

/// Whether host and user stay the same.
pub(crate) fn same_server(before: Option<(&String, &String)>, after: Option<(&String, &String)>) -> bool {
    match (before, after) {
        (Some((h1, u1)), Some((h2, u2))) => h1.trim().eq_ignore_ascii_case(h2.trim()) && u1.trim() == u2.trim(),
        _ => false,
    }
}

/// Deletes an inbox. Its cases and mails stay; it can be restored for 30 days; nothing happens on the mail server.
#[utoipa::path(delete, path = "/inboxes/{id}", params(("id" = InboxId, Path)), responses((status = 200, body = DeletedInbox), (status = 404)), tag = "inboxes", extensions(("x-permission" = json!("inbox.manage"))))]
pub(crate) async fn remove(State(app): State<App>, who: Allowed<InboxManage>, Id(id): Id<InboxId>) -> Answer<Response> {
    let (ctx, scope, once) = (who.ctx(), who.scope.clone(), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let mut inbox = seen(tx, &scope, ctx.workspace, id)?;
        inbox.deleted_at = Some(tx.now());
        inbox.active = false;
        inbox.version += 1;
        inbox.save(tx, &ctx)?;
        tx.emit::<ChannelEvent>(&ctx, Some(id.0), Some(&inbox.access()), InboxDeleted { inbox_id: id })?;
        tx.audit(&ctx, "inbox.deleted", "inbox", Some(id.0), Some(serde_json::json!({ "address": inbox.address })))?;
        let (mails,): (i64,) = tx.one("SELECT count(*) FROM (SELECT 1 FROM mail_message WHERE inbox_id = ?1 LIMIT 10000) AS t", params![id])?;
        Ok(DeletedInbox { id, mails, restorable_until: tx.now().plus_seconds(RESTORE_DAYS * 86_400) })
    })
    .await
}

/// Takes a deletion back; the inbox comes back inactive.
#[utoipa::path(post, path = "/inboxes/{id}/restoration", params(("id" = InboxId, Path)), responses((status = 200, body = InboxAnswer), (status = 404), (status = 409)), tag = "inboxes", extensions(("x-permission" = json!("inbox.manage"))))]
pub(crate) async fn restore(State(app): State<App>, who: Allowed<InboxManage>, Id(id): Id<InboxId>) -> Answer<Response> {
    let (ctx, scope, once) = (who.ctx(), who.scope.clone(), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let oldest = tx.now().plus_seconds(-RESTORE_DAYS * 86_400);
        let mut inbox = inbox::find(tx, id)?
            .filter(|i| i.workspace == ctx.workspace && scope.sees(&i.access()) && i.deleted_at.is_some_and(|at| at > oldest))
            .ok_or_else(|| Problem::not_found("deleted inbox"))?;
        inbox.deleted_at = None;
        inbox.version += 1;
        inbox.save(tx, &ctx)?;
        tx.audit(&ctx, "inbox.restored", "inbox", Some(id.0), None)?;
        answer(tx, inbox)
    })
    .await
}
