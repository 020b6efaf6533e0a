//! How an inbox reaches its servers, as an administrator sets it. Passwords travel in only; they are stored sealed.

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Kind, Problem, Result, Time, text};
use shouwen_web::guard;
use utoipa::ToSchema;

/// How mail comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    Imap,
    Pop3,
}

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// From the first byte.
    Tls,
    /// Begins in the clear and is upgraded before the password; refused when the server cannot.
    Starttls,
    /// In the clear. Only for a server on the same machine or network.
    None,
}

/// How we prove who we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    #[default]
    Password,
    /// An OAuth 2 access token: fetched with the inbox's `oauth`, or, where there is none, the password is the token.
    Xoauth2,
    /// No login (outgoing only: a relay that knows us by address).
    None,
}

/// What happens on the server to a mail that is safely stored here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AfterFetch {
    /// Marked as read (IMAP).
    #[default]
    Seen,
    /// Left as it is.
    Nothing,
    /// Moved to `move_to` (IMAP).
    Move,
    /// Deleted (POP3).
    Delete,
}

/// Which mails a new inbox takes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportFrom {
    /// Those that arrive from now on.
    #[default]
    Now,
    /// All that lie there.
    All,
    /// Those since `import_since`.
    Date,
}

fn inbox_folder() -> String {
    "INBOX".to_owned()
}

/// The incoming side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Incoming {
    pub protocol: Protocol,
    /// Host name or address, without scheme and port.
    pub host: String,
    /// Absent: the usual one of protocol and protection (993, 143, 995, 110).
    #[serde(default)]
    pub port: Option<u16>,
    pub tls: Tls,
    #[serde(default)]
    pub auth: Auth,
    pub user: String,
    /// Write only. Absent in a change: the stored one stays.
    #[serde(default, skip_serializing)]
    pub password: Option<String>,
    /// IMAP folder that is read.
    #[serde(default = "inbox_folder")]
    pub folder: String,
    #[serde(default)]
    pub after_fetch: AfterFetch,
    /// Folder for `after_fetch: move`.
    #[serde(default)]
    pub move_to: Option<String>,
    #[serde(default)]
    pub import_from: ImportFrom,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub import_since: Option<Time>,
    /// Seconds between looks where the server cannot tell by itself (15–3600; 30 when absent).
    #[serde(default)]
    pub poll_seconds: Option<u32>,
    /// Explicit exception: any certificate is taken, also one that nobody vouches for.
    #[serde(default)]
    pub allow_self_signed: bool,
    /// PEM of a certificate authority that is trusted beside the system's.
    #[serde(default)]
    pub ca_pem: Option<String>,
    /// Answers only; ignored on the way in.
    #[serde(default)]
    pub password_set: bool,
}

/// The outgoing side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Outgoing {
    pub host: String,
    /// Absent: the usual one of the protection (465, 587, 25).
    #[serde(default)]
    pub port: Option<u16>,
    pub tls: Tls,
    #[serde(default)]
    pub auth: Auth,
    #[serde(default)]
    pub user: String,
    /// Write only. Absent in a change: the stored one stays.
    #[serde(default, skip_serializing)]
    pub password: Option<String>,
    /// The server delivers `name+anything@domain` to `name@domain`: replies then carry the thread in their address too.
    #[serde(default)]
    pub plus_address: bool,
    #[serde(default)]
    pub allow_self_signed: bool,
    #[serde(default)]
    pub ca_pem: Option<String>,
    /// Answers only; ignored on the way in.
    #[serde(default)]
    pub password_set: bool,
}

impl Incoming {
    /// The port in use.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match (self.protocol, self.tls) {
            (Protocol::Imap, Tls::Tls) => 993,
            (Protocol::Imap, _) => 143,
            (Protocol::Pop3, Tls::Tls) => 995,
            (Protocol::Pop3, _) => 110,
        })
    }

    /// Seconds between looks.
    pub fn poll_seconds(&self) -> u64 {
        u64::from(self.poll_seconds.unwrap_or(30).clamp(15, 3600))
    }

    /// Trims, and refuses what cannot work, naming the field. `allowed`: private hosts the operator allowed by name.
    pub fn check(&mut self, allowed: &[String]) -> Result<()> {
        self.host = host("incoming.host", &self.host, allowed)?;
        port("incoming.port", self.port)?;
        self.user = self.user.trim().to_owned();
        if self.user.is_empty() {
            return Err(Problem::invalid("incoming.user", "the user name is empty").expected("the login of the mailbox, usually its address"));
        }
        one_line("incoming.user", &self.user)?;
        if self.auth == Auth::None {
            return Err(Problem::invalid("incoming.auth", "nobody is let into a mailbox without a login").expected("`password` or `xoauth2`"));
        }
        self.folder = self.folder.trim().to_owned();
        if self.folder.is_empty() {
            self.folder = inbox_folder();
        }
        one_line("incoming.folder", &self.folder)?;
        match (self.protocol, self.after_fetch) {
            (Protocol::Imap, AfterFetch::Delete) => {
                return Err(Problem::invalid("incoming.after_fetch", "mails in an IMAP mailbox are not deleted").expected("`seen`, `nothing` or `move` with `move_to`"));
            }
            // POP3 knows neither marks nor folders.
            (Protocol::Pop3, AfterFetch::Seen) => self.after_fetch = AfterFetch::Nothing,
            (Protocol::Pop3, AfterFetch::Move) => {
                return Err(Problem::invalid("incoming.after_fetch", "POP3 has no folders to move to").expected("`nothing` or `delete`"));
            }
            _ => {}
        }
        self.move_to = self.move_to.take().map(|f| f.trim().to_owned()).filter(|f| !f.is_empty());
        if self.after_fetch == AfterFetch::Move {
            let folder = self.move_to.as_deref().ok_or_else(|| Problem::invalid("incoming.move_to", "no folder to move to").expected("the name of an IMAP folder, like Archive"))?;
            one_line("incoming.move_to", folder)?;
            if folder == self.folder {
                return Err(Problem::invalid("incoming.move_to", "mails would be moved to where they are").expected("another folder than `folder`"));
            }
        }
        if self.import_from == ImportFrom::Date && self.import_since.is_none() {
            return Err(Problem::invalid("incoming.import_since", "no date to import from").expected("an instant like 2026-01-02T00:00:00+08:00"));
        }
        if let Some(seconds) = self.poll_seconds
            && !(15..=3600).contains(&seconds)
        {
            return Err(Problem::invalid("incoming.poll_seconds", format!("{seconds} s between two looks")).expected("15 to 3600"));
        }
        password("incoming.password", self.password.as_deref())?;
        authority("incoming.ca_pem", &mut self.ca_pem)?;
        self.password_set = false;
        Ok(())
    }
}

impl Outgoing {
    /// The port in use.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            Tls::Tls => 465,
            Tls::Starttls => 587,
            Tls::None => 25,
        })
    }

    /// Trims, and refuses what cannot work, naming the field. `allowed`: private hosts the operator allowed by name.
    pub fn check(&mut self, allowed: &[String]) -> Result<()> {
        self.host = host("outgoing.host", &self.host, allowed)?;
        port("outgoing.port", self.port)?;
        self.user = self.user.trim().to_owned();
        one_line("outgoing.user", &self.user)?;
        if self.auth != Auth::None && self.user.is_empty() {
            return Err(Problem::invalid("outgoing.user", "the user name is empty").expected("the login of the server, or `auth: none` for a relay that knows us by address"));
        }
        password("outgoing.password", self.password.as_deref())?;
        authority("outgoing.ca_pem", &mut self.ca_pem)?;
        self.password_set = false;
        Ok(())
    }
}

/// A host name or address that may be called, as far as that can be told before it is looked up.
pub fn host(field: &str, given: &str, allowed: &[String]) -> Result<String> {
    let host = host_name(field, given)?;
    // What is asked for is wrong, whoever asks: 422, not 403.
    guard::check_name(&host, allowed).map_err(|p| Problem { kind: Kind::Invalid, ..p }.field(field))?;
    Ok(host)
}

fn host_name(field: &str, given: &str) -> Result<String> {
    let host = given.trim().trim_end_matches('.').to_lowercase();
    let wrong = |why: &str| Err(Problem::invalid(field, format!("`{}` {why}", text::clip(given.trim(), 60))).expected("a host name like mail.example.com, without scheme, port and path"));
    if host.is_empty() {
        return Err(Problem::invalid(field, "the host is empty").expected("a host name like mail.example.com"));
    }
    if host.contains("://") || host.contains('/') {
        return wrong("is an address with scheme or path");
    }
    if host.contains('@') {
        return wrong("is a mail address, not a host");
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<std::net::IpAddr>().is_ok() {
        return Ok(bare.to_owned());
    }
    if host.contains(':') {
        return wrong("has a port in it; the port has a field of its own");
    }
    if host.len() > 253 || host.split('.').any(|label| label.is_empty() || label.len() > 63) || !host.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '_')) {
        return wrong("is not a host name");
    }
    Ok(host)
}

fn port(field: &str, given: Option<u16>) -> Result<()> {
    if given == Some(0) {
        return Err(Problem::invalid(field, "0 is not a port").expected("1 to 65535, or nothing for the usual one"));
    }
    Ok(())
}

fn password(field: &str, given: Option<&str>) -> Result<()> {
    match given {
        Some(p) if p.len() > 16 * 1024 => Err(Problem::invalid(field, "longer than 16 KiB").expected("the password or access token")),
        Some(p) if p.contains(['\r', '\n', '\0']) => Err(Problem::invalid(field, "it holds a line break").expected("one line; was more than the password copied?")),
        _ => Ok(()),
    }
}

/// Refuses line breaks and control characters: they would become commands of the protocol.
pub fn one_line(field: &str, value: &str) -> Result<()> {
    if value.chars().any(char::is_control) || value.chars().count() > 255 {
        return Err(Problem::invalid(field, format!("`{}` has a line break, a control character or more than 255 characters", text::clip(&text::one_line(value), 40))).expected("one line of at most 255 characters"));
    }
    Ok(())
}

fn authority(field: &str, pem: &mut Option<String>) -> Result<()> {
    *pem = pem.take().map(|p| p.trim().to_owned()).filter(|p| !p.is_empty());
    if let Some(pem) = pem {
        crate::wire::authorities(pem).map_err(|why| Problem::invalid(field, why).expected("one or more certificates, each from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"))?;
    }
    Ok(())
}
