//! `POST /inboxes/test`: tries the settings against the servers and tells what they said and what to do about it.
//! Nothing changes on them: the folder is only examined, no mail is sent.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{InboxId, Lang, Result};
use shouwen_web::{Allowed, Answer, App, Input};
use utoipa::ToSchema;

use crate::inbox::Inbox;
use crate::inbox_routes::{same_server, seen};
use crate::settings::{Incoming, Outgoing, Protocol};
use crate::trouble::Trouble;
use crate::{InboxManage, imap, pop3, smtp};

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
}

/// How one side did.
#[derive(Serialize, ToSchema)]
pub struct SideResult {
    ok: bool,
    /// `host`, `private`, `port`, `timeout`, `tls`, `starttls`, `certificate`, `protocol`, `login`, `folder`, `refused`, `lost`, `inside`; null when it worked.
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
    let passwords = passwords(&app, stored.as_ref(), &trial)?;
    let incoming = async {
        match &trial.incoming {
            Some(side) => Some(told(try_incoming(side, &passwords.0, allowed).await, lang)),
            None => None,
        }
    };
    let outgoing = async {
        match &trial.outgoing {
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
