//! `POST /inboxes/test`: tries the settings against the servers and tells what they said and what to do about it.
//! Nothing changes on them: the folder is only examined, no mail is sent.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{InboxId, Lang, Result};
use shouwen_web::{Allowed, Answer, App, Input};
use utoipa::ToSchema;

use crate::inbox::Inbox;
use crate::inbox_routes::{same_server, seen};
use crate::oauth::{self, OAuth};
use crate::settings::{Auth, Incoming, Outgoing, Protocol};
use crate::trouble::Trouble;
use crate::{InboxManage, imap, pop3, smtp, token_call};

/// What to try.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// An inbox whose stored passwords are used where none is given; only for the host and user they were given for.
    #[serde(default)]
    inbox_id: Option<InboxId>,
    #[serde(default)]
    incoming: Option<Incoming>,
    #[serde(default)]
    outgoing: Option<Outgoing>,
    /// For sides with `auth: xoauth2`; what is left out here is taken from the inbox, for the same servers only.
    #[serde(default)]
    oauth: Option<OAuth>,
}

/// How one side did.
#[derive(Serialize, ToSchema)]
pub struct SideResult {
    ok: bool,
    /// `host`, `private`, `port`, `timeout`, `tls`, `starttls`, `certificate`, `protocol`, `login`, `token`, `folder`, `refused`, `lost`, `inside`; null when it worked.
    why: Option<&'static str>,
    /// The server's own words, or the system's.
    reply: String,
    /// What to do, in the viewer's language; null when it worked.
    advice: Option<&'static str>,
}

/// How both sides did; a side that was not asked for is null.
#[derive(Serialize, ToSchema)]
pub struct TrialAnswer {
    incoming: Option<SideResult>,
    outgoing: Option<SideResult>,
}

fn told(outcome: std::result::Result<String, Trouble>, lang: Lang) -> SideResult {
    match outcome {
        Ok(reply) => SideResult { ok: true, why: None, reply, advice: None },
        Err(trouble) => SideResult { ok: false, why: Some(trouble.why.code()), reply: trouble.words, advice: Some(trouble.why.advice(lang)) },
    }
}

async fn try_incoming(incoming: &Incoming, password: &str, allowed: &[String]) -> std::result::Result<String, Trouble> {
    if incoming.protocol == Protocol::Pop3 {
        let (mut pop, said) = pop3::open(incoming, password, allowed).await?;
        let count = pop.count().await?;
        let _ = pop.quit().await;
        return Ok(format!("{said} ({count} messages)"));
    }
    let (mut imap, said) = imap::open(incoming, password, allowed).await?;
    let folder = imap.open_folder(&incoming.folder, true).await?;
    imap.close().await;
    Ok(format!("{said} ({}: {} messages)", incoming.folder, folder.exists))
}

/// Tries incoming and outgoing settings.
#[utoipa::path(post, path = "/inboxes/test", request_body = Trial, responses((status = 200, body = TrialAnswer), (status = 422)), tag = "inboxes", extensions(("x-permission" = json!("inbox.manage"))))]
pub(crate) async fn trial(State(app): State<App>, who: Allowed<InboxManage>, input: Input<Trial>) -> Answer<axum::Json<TrialAnswer>> {
    let (ctx, scope, lang, mut trial) = (who.ctx(), who.scope.clone(), who.viewer.lang, input.value);
    let stored: Option<Inbox> = match trial.inbox_id {
        Some(id) => {
            let workspace = ctx.workspace;
            Some(app.db().read(move |tx| seen(tx, &scope, workspace, id)).await?)
        }
        None => None,
    };
    let allowed = app.config().allow_private_hosts.as_slice();
    if let Some(side) = &mut trial.incoming {
        side.check(allowed)?;
    }
    if let Some(side) = &mut trial.outgoing {
        side.check(allowed)?;
    }
    if let Some(oauth) = &mut trial.oauth {
        oauth.check(allowed)?;
    }
    let mut passwords = passwords(&app, stored.as_ref(), &trial)?;
    let token = token(&app, stored.as_ref(), &trial).await?;
    let of = |side: Option<Auth>, password: &mut String| match (&token, side) {
        (Some(Ok(token)), Some(Auth::Xoauth2)) => {
            *password = token.clone();
            None
        }
        (Some(Err(trouble)), Some(Auth::Xoauth2)) => Some(trouble.clone()),
        _ => None,
    };
    let no_token = (of(trial.incoming.as_ref().map(|s| s.auth), &mut passwords.0), of(trial.outgoing.as_ref().map(|s| s.auth), &mut passwords.1));
    let incoming = async {
        match &trial.incoming {
            Some(_) if no_token.0.is_some() => no_token.0.clone().map(|t| told(Err(t), lang)),
            Some(side) => Some(told(try_incoming(side, &passwords.0, allowed).await, lang)),
            None => None,
        }
    };
    let outgoing = async {
        match &trial.outgoing {
            Some(_) if no_token.1.is_some() => no_token.1.clone().map(|t| told(Err(t), lang)),
            Some(side) => Some(told(smtp::probe(side, &passwords.1, stored.as_ref().map_or("localhost", Inbox::domain), allowed).await, lang)),
            None => None,
        }
    };
    let (incoming, outgoing) = tokio::join!(incoming, outgoing);
    let tried = serde_json::json!({
        "incoming": trial.incoming.as_ref().map(|s| format!("{}:{}", s.host, s.port())),
        "outgoing": trial.outgoing.as_ref().map(|s| format!("{}:{}", s.host, s.port())),
    });
    app.db().write(move |tx| tx.audit(&ctx, "inbox.tested", "inbox", trial.inbox_id.map(|i| i.0), Some(tried.clone()))).await?;
    Ok(axum::Json(TrialAnswer { incoming, outgoing }))
}

/// An access token for the sides that want one; `None` when the trial has no OAuth. Nothing is stored.
async fn token(app: &App, stored: Option<&Inbox>, trial: &Trial) -> Result<Option<std::result::Result<String, Trouble>>> {
    let wanted = trial.incoming.as_ref().is_some_and(|s| s.auth == Auth::Xoauth2) || trial.outgoing.as_ref().is_some_and(|s| s.auth == Auth::Xoauth2);
    if !wanted {
        return Ok(None);
    }
    // What is stored serves only the servers it was stored for.
    let same = stored.filter(|inbox| {
        let incoming = trial.incoming.as_ref().is_none_or(|side| same_server(inbox.incoming.as_ref().map(|s| (&s.host, &s.user)), Some((&side.host, &side.user))));
        let outgoing = trial.outgoing.as_ref().is_none_or(|side| same_server(inbox.outgoing.as_ref().map(|s| (&s.host, &s.user)), Some((&side.host, &side.user))));
        incoming && outgoing
    });
    let known = match same.map(|inbox| inbox.id) {
        Some(id) => app.db().read(move |tx| oauth::find(tx, id)).await?,
        None => None,
    };
    let grant = match (&trial.oauth, known) {
        (Some(given), known) => given.grant(known.as_ref(), app.keys())?,
        (None, Some(known)) => known.grant(app.keys())?,
        (None, None) => return Ok(None),
    };
    Ok(Some(token_call::fetch(&grant, &app.config().allow_private_hosts).await.map(|t| t.access_token)))
}

fn passwords(app: &App, stored: Option<&Inbox>, trial: &Trial) -> Result<(String, String)> {
    let given = |password: Option<&String>| password.filter(|p| !p.is_empty()).cloned();
    let incoming = match &trial.incoming {
        None => String::new(),
        Some(side) => match (given(side.password.as_ref()), stored) {
            (Some(password), _) => password,
            (None, Some(inbox)) if same_server(inbox.incoming.as_ref().map(|s| (&s.host, &s.user)), Some((&side.host, &side.user))) => inbox.incoming_password(app.keys())?,
            _ => String::new(),
        },
    };
    let outgoing = match &trial.outgoing {
        None => String::new(),
        Some(side) => match (given(side.password.as_ref()), stored) {
            (Some(password), _) => password,
            (None, Some(inbox)) if same_server(inbox.outgoing.as_ref().map(|s| (&s.host, &s.user)), Some((&side.host, &side.user))) => inbox.outgoing_password(app.keys())?,
            _ => String::new(),
        },
    };
    Ok((incoming, outgoing))
}
