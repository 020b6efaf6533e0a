//! SMTP out: connections kept per inbox, one transaction a mail with every recipient judged by itself, and an honest word
//! about what is known when a connection breaks.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::Mutex;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use shouwen_kernel::InboxId;

use crate::settings::{Auth, Outgoing, Tls};
use crate::trouble::{Trouble, Why};

const CONNECT_S: u64 = 30;
const COMMAND_S: u64 = 40;
/// After the last byte a server may still think for long (RFC 5321 4.5.3.2.6 asks for patience).
const END_S: u64 = 75;
/// A connection rests at most this long before it is not trusted any more.
const REST_S: u64 = 25;

/// What the server said to one mail.
#[derive(Debug, Default)]
pub struct Sent {
    /// Positions of recipients it took the mail for.
    pub accepted: Vec<usize>,
    /// Positions of recipients it will not take mail for now (4xx) or ever (5xx), with its words.
    pub refused: Vec<(usize, bool, String)>,
    /// Its words to the whole, when it took it.
    pub words: String,
}

/// Why a mail as a whole was not taken.
#[derive(Debug)]
pub enum NotSent {
    /// The server could not be reached or did not let us in.
    Unreached(String),
    /// Not now: 4xx, or a break before the last byte.
    Later(String),
    /// Never: 5xx to the mail itself.
    Never(String),
    /// The connection broke after the last byte: it may or may not have arrived. Sent again under the same Message-ID.
    Unknown(String),
}

fn words(error: &Error) -> String {
    let mut text = match error.status() {
        // The library says "permanent error (550): words".
        Some(code) => error.to_string().split_once(": ").map_or_else(|| code.to_string(), |(_, said)| format!("{code} {said}")),
        None => error.to_string(),
    };
    if text.len() < 40
        && let Some(source) = error.source()
        && !text.contains(&source.to_string())
    {
        text = format!("{text}: {source}");
    }
    shouwen_kernel::text::clip(&shouwen_kernel::text::one_line(&text), 400)
}

fn trouble(error: &Error, phase: Why) -> Trouble {
    let said = words(error);
    if error.status().is_some() {
        return Trouble::new(phase, said);
    }
    let mut cause = error.source();
    while let Some(source) = cause {
        if let Some(tls) = source.downcast_ref::<rustls::Error>() {
            return Trouble::tls(tls);
        }
        if let Some(io) = source.downcast_ref::<std::io::Error>() {
            if io.to_string().contains("lookup") || io.to_string().contains("resolve") {
                return Trouble::new(Why::Host, said);
            }
            let mut told = Trouble::io(io);
            if error.is_tls() && told.why == Why::Lost {
                told.why = Why::TlsMismatch;
            }
            return told;
        }
        cause = source.source();
    }
    let low = said.to_ascii_lowercase();
    let why = if error.is_tls() {
        Why::TlsMismatch
    } else if low.contains("starttls") {
        Why::NoStartTls
    } else if low.contains("authentication mechanism") {
        Why::Login
    } else if low.contains("resolve") {
        Why::Host
    } else if low.contains("incomplete response") {
        Why::Lost
    } else if error.is_response() {
        Why::Protocol
    } else {
        Why::Lost
    };
    Trouble::new(why, said)
}

fn tls_parameters(outgoing: &Outgoing) -> Result<TlsParameters, Trouble> {
    let mut builder = TlsParameters::builder(outgoing.host.clone());
    if let Some(pem) = &outgoing.ca_pem {
        builder = builder.add_root_certificate(Certificate::from_pem(pem.as_bytes()).map_err(|e| Trouble::new(Why::Certificate, words(&e)))?);
    }
    if outgoing.allow_self_signed {
        builder = builder.dangerous_accept_invalid_certs(true).dangerous_accept_invalid_hostnames(true);
    }
    builder.build_rustls().map_err(|e| Trouble::new(Why::Inside, words(&e)))
}

async fn within<T>(seconds: u64, doing: &str, phase: Why, work: impl Future<Output = Result<T, Error>>) -> Result<T, Trouble> {
    match tokio::time::timeout(Duration::from_secs(seconds), work).await {
        Ok(outcome) => outcome.map_err(|e| trouble(&e, phase)),
        Err(_) => Err(Trouble::timeout(doing, seconds)),
    }
}

/// Connects, secures, logs in.
async fn connect(outgoing: &Outgoing, password: &str, our_name: &str, allowed: &[String]) -> Result<AsyncSmtpConnection, Trouble> {
    let hello = ClientId::Domain(our_name.to_owned());
    // The look-up by ourselves: the connection goes to an address that was checked, and a wrong name is told apart from a
    // server that does not answer.
    let addresses = crate::wire::addresses(&outgoing.host, outgoing.port(), allowed).await?;
    let limit = Some(Duration::from_secs(CONNECT_S));
    let at_once = if outgoing.tls == Tls::Tls { Some(tls_parameters(outgoing)?) } else { None };
    let encrypted = at_once.is_some();
    let mut connection = within(CONNECT_S, "connecting", Why::Refusal, AsyncSmtpConnection::connect_tokio1(addresses.as_slice(), limit, &hello, at_once, None))
        .await
        // A TLS port waits for a handshake, a plain one for ours to become words.
        .map_err(|t| match t.why {
            Why::Timeout if !encrypted => Trouble::new(Why::TlsMismatch, t.words),
            Why::Lost if encrypted => Trouble::new(Why::TlsMismatch, t.words),
            _ => t,
        })?;
    if outgoing.tls == Tls::Starttls {
        if !connection.can_starttls() {
            connection.abort().await;
            return Err(Trouble::new(Why::NoStartTls, "the server does not offer STARTTLS"));
        }
        within(CONNECT_S, "STARTTLS", Why::NoStartTls, connection.starttls(tls_parameters(outgoing)?, &hello)).await?;
    }
    if outgoing.auth != Auth::None {
        let mechanisms: &[Mechanism] = if outgoing.auth == Auth::Xoauth2 { &[Mechanism::Xoauth2] } else { &[Mechanism::Plain, Mechanism::Login] };
        let credentials = Credentials::new(outgoing.user.clone(), password.to_owned());
        within(COMMAND_S, "login", Why::Login, connection.auth(mechanisms, &credentials)).await?;
    }
    Ok(connection)
}

/// Connects, logs in and leaves: the test button. No mail is sent.
pub async fn probe(outgoing: &Outgoing, password: &str, our_name: &str, allowed: &[String]) -> Result<String, Trouble> {
    let mut connection = connect(outgoing, password, our_name, allowed).await?;
    let name = connection.server_info().name().to_owned();
    let _ = tokio::time::timeout(Duration::from_secs(5), connection.quit()).await;
    Ok(format!("250 {name}: {}", if outgoing.auth == Auth::None { "connected" } else { "logged in" }))
}

struct Resting {
    connection: AsyncSmtpConnection,
    version: i64,
    since: tokio::time::Instant,
}

/// Connections at rest, by inbox.
#[derive(Default)]
pub struct Pool(Mutex<HashMap<InboxId, Vec<Resting>>>);

impl Pool {
    fn take(&self, inbox: InboxId, version: i64) -> Option<AsyncSmtpConnection> {
        let mut all = self.0.lock().unwrap_or_else(|p| p.into_inner());
        let list = all.get_mut(&inbox)?;
        // Other settings, or rested too long: the server will have hung up.
        list.retain(|r| r.version == version && r.since.elapsed() < Duration::from_secs(REST_S));
        list.pop().map(|r| r.connection)
    }

    fn give(&self, inbox: InboxId, version: i64, connection: AsyncSmtpConnection) {
        let mut all = self.0.lock().unwrap_or_else(|p| p.into_inner());
        let list = all.entry(inbox).or_default();
        if list.len() < 8 {
            list.push(Resting { connection, version, since: tokio::time::Instant::now() });
        }
    }

    /// Sends one mail to `recipients`; a connection at rest is used when it still answers.
    pub async fn send(&self, account: &Account<'_>, from: &Address, recipients: &[Address], mail: &[u8]) -> Result<Sent, NotSent> {
        let unreached = |t: Trouble| NotSent::Unreached(t.to_string());
        let mut rested = self.take(account.inbox, account.version);
        if let Some(connection) = &mut rested
            && !tokio::time::timeout(Duration::from_secs(5), connection.test_connected()).await.unwrap_or(false)
        {
            rested = None;
        }
        let mut connection = match rested {
            Some(connection) => connection,
            None => patiently_connect(account).await.map_err(unreached)?,
        };
        let outcome = transaction(&mut connection, from, recipients, mail).await;
        match &outcome {
            Ok(_) => self.give(account.inbox, account.version, connection),
            Err(_) => {
                let _ = tokio::time::timeout(Duration::from_secs(2), connection.abort()).await;
            }
        }
        outcome
    }
}

/// As whom and where to send.
pub struct Account<'a> {
    pub inbox: InboxId,
    /// Of the inbox's settings.
    pub version: i64,
    pub outgoing: &'a Outgoing,
    pub password: &'a str,
    /// For EHLO.
    pub our_name: &'a str,
    /// Private hosts the operator allowed by name.
    pub allowed: &'a [String],
}

/// A quick "not now" while connecting (a server that restarts, its login daemon that was lost) gets a second try at once:
/// the outbox's own wait is half a minute.
async fn patiently_connect(account: &Account<'_>) -> Result<AsyncSmtpConnection, Trouble> {
    let begun = tokio::time::Instant::now();
    match connect(account.outgoing, account.password, account.our_name, account.allowed).await {
        Err(trouble) if begun.elapsed() < Duration::from_secs(5) && !trouble.words.starts_with('5') && matches!(trouble.why, Why::Lost | Why::Refused | Why::Refusal | Why::Login) => {
            tokio::time::sleep(Duration::from_secs(1)).await;
            connect(account.outgoing, account.password, account.our_name, account.allowed).await
        }
        other => other,
    }
}

fn verdict(error: &Error) -> NotSent {
    if error.is_permanent() { NotSent::Never(words(error)) } else { NotSent::Later(words(error)) }
}

async fn limited<T>(seconds: u64, work: impl Future<Output = Result<T, Error>>) -> Result<Result<T, Error>, NotSent> {
    tokio::time::timeout(Duration::from_secs(seconds), work).await.map_err(|_| NotSent::Later(format!("no answer within {seconds} s")))
}

async fn transaction(connection: &mut AsyncSmtpConnection, from: &Address, recipients: &[Address], mail: &[u8]) -> Result<Sent, NotSent> {
    let info = connection.server_info();
    let mut parameters = Vec::new();
    let foreign = |a: &Address| !a.to_string().is_ascii();
    if recipients.iter().any(foreign) || foreign(from) {
        if !info.supports_feature(Extension::SmtpUtfEight) {
            return Err(NotSent::Never("an address has letters outside ASCII and the server takes none (no SMTPUTF8)".into()));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !mail.is_ascii() && info.supports_feature(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    limited(COMMAND_S, connection.command(Mail::new(Some(from.clone()), parameters))).await?.map_err(|e| verdict(&e))?;
    let mut sent = Sent::default();
    for (i, recipient) in recipients.iter().enumerate() {
        match limited(COMMAND_S, connection.command(Rcpt::new(recipient.clone(), Vec::new()))).await? {
            Ok(_) => sent.accepted.push(i),
            Err(error) if error.status().is_some() => sent.refused.push((i, error.is_permanent(), words(&error))),
            Err(error) => return Err(verdict(&error)),
        }
    }
    if sent.accepted.is_empty() {
        limited(COMMAND_S, connection.command(Rset)).await?.map_err(|e| verdict(&e))?;
        return Ok(sent);
    }
    limited(COMMAND_S, connection.command(Data)).await?.map_err(|e| verdict(&e))?;
    match tokio::time::timeout(Duration::from_secs(END_S), connection.message(mail)).await {
        Ok(Ok(answer)) => {
            sent.words = shouwen_kernel::text::clip(&format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" ")), 300);
            Ok(sent)
        }
        Ok(Err(error)) if error.status().is_some() => Err(verdict(&error)),
        Ok(Err(error)) => Err(NotSent::Unknown(words(&error))),
        Err(_) => Err(NotSent::Unknown(format!("no answer within {END_S} s after the last byte"))),
    }
}
