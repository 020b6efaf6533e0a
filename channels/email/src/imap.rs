//! The few IMAP commands we need, each with a time limit and with the server's verdict read: a refusal, a broken
//! connection and an empty answer are three different things, and only one of them means that there is nothing.

use std::time::Duration;

use async_imap::imap_proto::{AttributeValue, MailboxDatum, Response, ResponseCode, Status};
use async_imap::{Client, Session};
use shouwen_kernel::Time;

use crate::sasl;
use crate::settings::{Auth, Incoming, Tls};
use crate::trouble::{Trouble, Why};
use crate::wire::{self, Target, Wire};

/// Seconds for an ordinary answer, and for each piece of a long one.
const ANSWER_S: u64 = 60;
/// Seconds a silent server gets to greet.
const GREETING_S: u64 = 15;

/// A session past its login.
pub struct Imap {
    session: Option<Session<Box<dyn Wire>>>,
    /// The server can tell of new mail by itself.
    pub idle: bool,
    pub can_move: bool,
    pub uid_plus: bool,
    /// Mails in the open folder, as far as we were told.
    exists: u32,
    /// Told of mail since the last search: IDLE does not repeat it.
    news: bool,
}

/// An opened folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// 0 when the server gives none.
    pub uidvalidity: u32,
    pub uid_next: Option<u32>,
    pub exists: u32,
}

/// What a FETCH gave of one mail.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    pub uid: u32,
    pub size: u32,
    pub date: Option<Time>,
    pub body: Option<Vec<u8>>,
}

/// What we understand of untagged answers.
#[derive(Debug)]
pub enum Told {
    Fetched(Fetched),
    Found(Vec<u32>),
    Exists(u32),
    Expunged,
    UidValidity(u32),
    UidNext(u32),
    Capability(String),
}

fn told(answer: &Response<'_>) -> Vec<Told> {
    match answer {
        Response::Fetch(_, attributes) => fetched(attributes).map(Told::Fetched).into_iter().collect(),
        Response::MailboxData(MailboxDatum::Search(found)) => vec![Told::Found(found.clone())],
        Response::MailboxData(MailboxDatum::Exists(n)) => vec![Told::Exists(*n)],
        Response::Expunge(_) => vec![Told::Expunged],
        Response::Data { outcome, .. } => match outcome.code {
            Some(ResponseCode::UidValidity(v)) => vec![Told::UidValidity(v)],
            Some(ResponseCode::UidNext(v)) => vec![Told::UidNext(v)],
            _ => Vec::new(),
        },
        Response::Capabilities(list) => list.iter().filter_map(|c| if let async_imap::imap_proto::Capability::Atom(name) = c { Some(Told::Capability(name.to_ascii_uppercase())) } else { None }).collect(),
        _ => Vec::new(),
    }
}

/// Connects, greets, logs in. The second value is what the server said to the login.
pub async fn open(incoming: &Incoming, password: &str, allowed: &[String]) -> Result<(Imap, String), Trouble> {
    let target = target(incoming, allowed);
    let stream = wire::tcp(&target).await?;
    let (stream, greeted): (Box<dyn Wire>, bool) = match incoming.tls {
        Tls::Tls => (wire::secure(stream, &target).await?, false),
        Tls::None => (Box::new(stream), false),
        Tls::Starttls => {
            let mut stream = stream;
            let greeting = silent_is_tls(wire::read_line(&mut stream, GREETING_S).await)?;
            if !greeting.to_ascii_uppercase().starts_with("* OK") {
                return Err(Trouble::new(Why::Protocol, greeting));
            }
            wire::write_line(&mut stream, "a0 STARTTLS").await?;
            loop {
                let line = wire::read_line(&mut stream, ANSWER_S).await?;
                if let Some(answer) = line.strip_prefix("a0 ") {
                    if !answer.to_ascii_uppercase().starts_with("OK") {
                        return Err(Trouble::new(Why::NoStartTls, answer));
                    }
                    break;
                }
            }
            (wire::secure(stream, &target).await?, true)
        }
    };
    let mut client = Client::new(stream);
    if !greeted {
        greeting(&mut client).await?;
    }
    login(client, incoming, password).await
}

fn target<'a>(incoming: &'a Incoming, allowed: &'a [String]) -> Target<'a> {
    Target { host: &incoming.host, port: incoming.port(), allow_self_signed: incoming.allow_self_signed, ca_pem: incoming.ca_pem.as_deref(), allowed }
}

/// A port that waits for a TLS handshake says nothing to who speaks in the clear.
fn silent_is_tls<T>(outcome: Result<T, Trouble>) -> Result<T, Trouble> {
    outcome.map_err(|t| if t.why == Why::Timeout { Trouble::new(Why::TlsMismatch, t.words) } else { t })
}

async fn greeting(client: &mut Client<Box<dyn Wire>>) -> Result<(), Trouble> {
    match tokio::time::timeout(Duration::from_secs(GREETING_S), client.read_response()).await {
        Err(_) => Err(Trouble::new(Why::TlsMismatch, format!("connected, but the server said nothing within {GREETING_S} s"))),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::Other || error.kind() == std::io::ErrorKind::InvalidData => Err(Trouble::new(Why::Protocol, format!("no IMAP greeting: {error}"))),
        Ok(Err(error)) => Err(Trouble::io(&error)),
        Ok(Ok(None)) => Err(Trouble::new(Why::Protocol, "the server hung up without a greeting")),
        Ok(Ok(Some(answer))) => match answer.parsed() {
            Response::Data { status: Status::Ok | Status::PreAuth, .. } => Ok(()),
            Response::Data { status: Status::Bye, outcome } => Err(Trouble::new(Why::Refusal, outcome.information.as_deref().unwrap_or("BYE"))),
            _ => Err(Trouble::new(Why::Protocol, "the greeting is not IMAP's")),
        },
    }
}

/// The server's words inside the library's error.
fn words(error: &async_imap::error::Error) -> String {
    let text = error.to_string();
    let Some(at) = text.find("info: Some(\"") else { return text };
    let rest = &text[at + 12..];
    rest.rfind("\")").map_or(rest, |end| &rest[..end]).replace("\\\"", "\"").replace("\\'", "'").replace("\\\\", "\\")
}

fn failed(error: &async_imap::error::Error, refused: Why) -> Trouble {
    use async_imap::error::Error;
    match error {
        Error::No(_) | Error::Bad(_) | Error::Validate(_) => Trouble::new(refused, words(error)),
        Error::Io(io) => Trouble::io(io),
        Error::ConnectionLost => Trouble::new(Why::Lost, "the server hung up"),
        other => Trouble::new(Why::Protocol, other.to_string()),
    }
}

async fn login(client: Client<Box<dyn Wire>>, incoming: &Incoming, password: &str) -> Result<(Imap, String), Trouble> {
    let limit = Duration::from_secs(ANSWER_S);
    let user = incoming.user.as_str();
    let quotable = user.is_ascii() && password.is_ascii();
    let attempt = async {
        match incoming.auth {
            Auth::Xoauth2 => client.authenticate("XOAUTH2", sasl::Once::new(sasl::xoauth2(user, password))).await,
            _ if quotable => match client.login(user, password).await {
                // LOGIN may be switched off where PLAIN is not.
                Err((async_imap::error::Error::No(why) | async_imap::error::Error::Bad(why), client)) if why.to_ascii_uppercase().contains("DISABLED") || why.to_ascii_uppercase().contains("PRIVACYREQUIRED") => {
                    client.authenticate("PLAIN", sasl::Once::new(sasl::plain(user, password))).await
                }
                other => other,
            },
            _ => client.authenticate("PLAIN", sasl::Once::new(sasl::plain(user, password))).await,
        }
    };
    let session = match tokio::time::timeout(limit, attempt).await {
        Err(_) => return Err(Trouble::timeout("login", ANSWER_S)),
        Ok(Err((error, _))) => return Err(failed(&error, Why::Login)),
        Ok(Ok(session)) => session,
    };
    let mut imap = Imap { session: Some(session), idle: false, can_move: false, uid_plus: false, exists: 0, news: false };
    let mut knows_id = false;
    for told in imap.command("CAPABILITY").await? {
        if let Told::Capability(name) = told {
            match name.as_str() {
                "IDLE" => imap.idle = true,
                "MOVE" => imap.can_move = true,
                "UIDPLUS" => imap.uid_plus = true,
                "ID" => knows_id = true,
                _ => {}
            }
        }
    }
    if knows_id {
        // NetEase (163, 126) opens no folder to a client that does not say its name.
        let _ = imap.command(&format!("ID (\"name\" \"shouwen\" \"version\" \"{}\")", env!("CARGO_PKG_VERSION"))).await;
    }
    Ok((imap, "OK: logged in".to_owned()))
}

impl Imap {
    fn session(&mut self) -> Result<&mut Session<Box<dyn Wire>>, Trouble> {
        self.session.as_mut().ok_or_else(|| Trouble::new(Why::Lost, "the session has ended"))
    }

    /// Sends a command; everything untagged that came before its OK.
    pub async fn command(&mut self, text: &str) -> Result<Vec<Told>, Trouble> {
        let (answers, trouble) = self.command_partly(text).await;
        trouble.map_or(Ok(answers), Err)
    }

    /// Notes what an answer tells beside what was asked: a folder that grew while we did something else.
    fn note(&mut self, answers: &[Told]) {
        for told in answers {
            match told {
                Told::Exists(n) => {
                    self.news |= *n > self.exists;
                    self.exists = *n;
                }
                Told::Expunged => self.exists = self.exists.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// Like [`Imap::command`], but keeps what came before a break.
    async fn command_partly(&mut self, text: &str) -> (Vec<Told>, Option<Trouble>) {
        let (answers, trouble) = self.exchange(text).await;
        self.note(&answers);
        (answers, trouble)
    }

    async fn exchange(&mut self, text: &str) -> (Vec<Told>, Option<Trouble>) {
        let mut answers = Vec::new();
        let limit = Duration::from_secs(ANSWER_S);
        let session = match self.session() {
            Ok(session) => session,
            Err(trouble) => return (answers, Some(trouble)),
        };
        let tag = match tokio::time::timeout(limit, session.run_command(text)).await {
            Ok(Ok(tag)) => tag,
            Ok(Err(error)) => return (answers, Some(failed(&error, Why::Refusal))),
            Err(_) => return (answers, Some(Trouble::timeout("sending a command", ANSWER_S))),
        };
        loop {
            let answer = match tokio::time::timeout(limit, session.read_response()).await {
                Ok(Ok(Some(answer))) => answer,
                Ok(Ok(None)) => return (answers, Some(Trouble::new(Why::Lost, "the server hung up"))),
                Ok(Err(error)) => return (answers, Some(Trouble::io(&error))),
                Err(_) => return (answers, Some(Trouble::timeout(text.split(' ').next().unwrap_or("command"), ANSWER_S))),
            };
            if let Response::Done { tag: done, status, outcome } = answer.parsed()
                && *done == tag
            {
                return match status {
                    Status::Ok => (answers, None),
                    _ => {
                        let said = outcome.information.as_deref().unwrap_or("no reason given").to_owned();
                        (answers, Some(Trouble::new(Why::Refusal, said)))
                    }
                };
            }
            answers.extend(told(answer.parsed()));
        }
    }

    /// Opens a folder; `read_only` changes nothing on the server, not even "recent".
    pub async fn open_folder(&mut self, name: &str, read_only: bool) -> Result<Folder, Trouble> {
        let verb = if read_only { "EXAMINE" } else { "SELECT" };
        let answers = self.command(&format!("{verb} {}", quoted(name))).await.map_err(|t| if t.why == Why::Refusal { Trouble::new(Why::Folder, t.words) } else { t })?;
        // What lies there is looked through first; news is what comes after.
        self.news = false;
        let mut folder = Folder::default();
        for told in answers {
            match told {
                Told::UidValidity(v) => folder.uidvalidity = v,
                Told::UidNext(v) => folder.uid_next = Some(v),
                Told::Exists(n) => folder.exists = n,
                _ => {}
            }
        }
        Ok(folder)
    }

    /// UIDs that fit, ascending.
    pub async fn search(&mut self, criteria: &str) -> Result<Vec<u32>, Trouble> {
        let mut uids = Vec::new();
        self.news = false;
        for told in self.command(&format!("UID SEARCH {criteria}")).await? {
            if let Told::Found(found) = told {
                uids.extend(found);
            }
        }
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// Fetches `what` of `uids`; what came before a break is kept, ascending, each UID once.
    pub async fn fetch(&mut self, uids: &[u32], what: &str) -> (Vec<Fetched>, Option<Trouble>) {
        let (answers, trouble) = self.command_partly(&format!("UID FETCH {} (UID {what})", set_of(uids))).await;
        let mut found: Vec<Fetched> = answers.into_iter().filter_map(|t| if let Told::Fetched(f) = t { Some(f) } else { None }).filter(|f| uids.contains(&f.uid)).collect();
        found.sort_by_key(|f| f.uid);
        found.dedup_by_key(|f| f.uid);
        (found, trouble)
    }

    /// Waits until the server tells of something, at most `seconds`; the connection is usable again afterwards. Not at all
    /// when it has told already, with the answer to the last command.
    pub async fn wait(&mut self, seconds: u64) -> Result<(), Trouble> {
        if std::mem::take(&mut self.news) {
            return Ok(());
        }
        let session = self.session.take().ok_or_else(|| Trouble::new(Why::Lost, "the session has ended"))?;
        let mut handle = session.idle();
        match tokio::time::timeout(Duration::from_secs(ANSWER_S), handle.init()).await {
            Err(_) => return Err(Trouble::timeout("IDLE", ANSWER_S)),
            Ok(Err(error)) => return Err(failed(&error, Why::Refusal)),
            Ok(Ok(())) => {}
        }
        {
            let (told, _stop) = handle.wait_with_timeout(Duration::from_secs(seconds));
            // The library's limit starts anew with every sign of life; ours does not.
            if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(seconds), told).await {
                return Err(failed(&error, Why::Lost));
            }
        }
        match tokio::time::timeout(Duration::from_secs(20), handle.done()).await {
            Err(_) => Err(Trouble::timeout("DONE", 20)),
            Ok(Err(error)) => Err(failed(&error, Why::Lost)),
            Ok(Ok(session)) => {
                self.session = Some(session);
                Ok(())
            }
        }
    }

    /// Says good-bye; trouble with that is none.
    pub async fn close(mut self) {
        if let Some(mut session) = self.session.take() {
            let _ = tokio::time::timeout(Duration::from_secs(5), session.logout()).await;
        }
    }
}

fn fetched(attributes: &[AttributeValue<'_>]) -> Option<Fetched> {
    let mut out = Fetched::default();
    for attribute in attributes {
        match attribute {
            AttributeValue::Uid(uid) => out.uid = *uid,
            AttributeValue::Rfc822Size(size) => out.size = *size,
            AttributeValue::InternalDate(text) => out.date = shouwen_mail::dates::parse(text).and_then(|d| d.utc.parse().ok()),
            AttributeValue::BodySection { data: Some(data), .. } => out.body = Some(data.to_vec()),
            _ => {}
        }
    }
    (out.uid > 0).then_some(out)
}

/// `1:3,7`, from ascending numbers.
pub fn set_of(uids: &[u32]) -> String {
    let mut out = String::new();
    let mut i = 0;
    while i < uids.len() {
        let start = uids[i];
        let mut end = start;
        while i + 1 < uids.len() && uids[i + 1] == end + 1 {
            i += 1;
            end = uids[i];
        }
        if !out.is_empty() {
            out.push(',');
        }
        out.push_str(&if start == end { start.to_string() } else { format!("{start}:{end}") });
        i += 1;
    }
    out
}

/// A mailbox name as a quoted string, in IMAP's own UTF-7 (RFC 3501 5.1.3).
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", utf7(name).replace('\\', "\\\\").replace('"', "\\\""))
}

fn utf7(name: &str) -> String {
    use base64::Engine as _;
    let mut out = String::new();
    let mut foreign: Vec<u16> = Vec::new();
    let flush = |foreign: &mut Vec<u16>, out: &mut String| {
        if !foreign.is_empty() {
            let bytes: Vec<u8> = foreign.drain(..).flat_map(u16::to_be_bytes).collect();
            out.push('&');
            out.push_str(&base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes).replace('/', ","));
            out.push('-');
        }
    };
    for c in name.chars() {
        if c.is_ascii() && !c.is_ascii_control() {
            flush(&mut foreign, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            foreign.extend(c.encode_utf16(&mut [0; 2]).iter());
        }
    }
    flush(&mut foreign, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_are_written_in_imaps_own_utf7() {
        assert_eq!(quoted("INBOX"), "\"INBOX\"");
        assert_eq!(quoted("台北"), "\"&U,BTFw-\"");
        assert_eq!(quoted("A & B"), "\"A &- B\"");
        assert_eq!(quoted("a\"b\\"), "\"a\\\"b\\\\\"");
    }

    #[test]
    fn sets_are_short() {
        assert_eq!(set_of(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(set_of(&[4]), "4");
    }
}
