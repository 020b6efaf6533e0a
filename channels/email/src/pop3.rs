//! A small POP3 client (RFC 1939): log in, list by UIDL, fetch, delete, quit. Deletion happens at QUIT only, so a break
//! in between deletes nothing.

use std::time::Duration;

use base64::Engine as _;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::sasl;
use crate::settings::{Auth, Incoming, Tls};
use crate::trouble::{Trouble, Why};
use crate::wire::{self, Target, Wire};

const ANSWER_S: u64 = 60;
const GREETING_S: u64 = 15;
/// A mail longer than this is not taken over POP3; it stays on the server and is told of.
const MOST_BYTES: usize = 300 << 20;

/// A session past its login.
pub struct Pop3 {
    stream: BufReader<Box<dyn Wire>>,
}

/// A mail on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub number: u32,
    /// The server's lasting name for it.
    pub uidl: String,
}

/// Connects, greets, logs in. The second value is what the server said to the login.
pub async fn open(incoming: &Incoming, password: &str, allowed: &[String]) -> Result<(Pop3, String), Trouble> {
    let target = Target { host: &incoming.host, port: incoming.port(), allow_self_signed: incoming.allow_self_signed, ca_pem: incoming.ca_pem.as_deref(), allowed };
    let mut stream = wire::tcp(&target).await?;
    let silent = |t: Trouble| if t.why == Why::Timeout { Trouble::new(Why::TlsMismatch, t.words) } else { t };
    let greet = |line: &str| if line.starts_with("+OK") { Ok(()) } else { Err(Trouble::new(Why::Protocol, format!("no POP3 greeting: {line}"))) };
    let stream: Box<dyn Wire> = match incoming.tls {
        Tls::Tls => {
            let mut stream = wire::secure(stream, &target).await?;
            greet(&wire::read_line(&mut stream, GREETING_S).await?)?;
            stream
        }
        Tls::None => {
            greet(&wire::read_line(&mut stream, GREETING_S).await.map_err(silent)?)?;
            Box::new(stream)
        }
        Tls::Starttls => {
            greet(&wire::read_line(&mut stream, GREETING_S).await.map_err(silent)?)?;
            wire::write_line(&mut stream, "STLS").await?;
            let answer = wire::read_line(&mut stream, ANSWER_S).await?;
            if !answer.starts_with("+OK") {
                return Err(Trouble::new(Why::NoStartTls, answer));
            }
            wire::secure(stream, &target).await?
        }
    };
    let mut pop = Pop3 { stream: BufReader::with_capacity(64 * 1024, stream) };
    let login = |t: Trouble| if t.why == Why::Refusal { Trouble::new(Why::Login, t.words) } else { t };
    let said = if incoming.auth == Auth::Xoauth2 {
        let token = base64::engine::general_purpose::STANDARD.encode(sasl::xoauth2(&incoming.user, password));
        pop.command(&format!("AUTH XOAUTH2 {token}")).await.map_err(login)?
    } else {
        pop.command(&format!("USER {}", incoming.user)).await.map_err(login)?;
        pop.command(&format!("PASS {password}")).await.map_err(login)?
    };
    Ok((pop, said))
}

impl Pop3 {
    /// One command with a one-line answer; the text after `+OK`.
    async fn command(&mut self, text: &str) -> Result<String, Trouble> {
        let send = async {
            self.stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).await?;
            self.stream.get_mut().flush().await
        };
        tokio::time::timeout(Duration::from_secs(30), send).await.map_err(|_| Trouble::timeout("sending", 30))?.map_err(|e| Trouble::io(&e))?;
        let line = self.line().await?;
        match line.strip_prefix("+OK") {
            Some(rest) => Ok(rest.trim().to_owned()),
            // XOAUTH2 tells why in a challenge and says -ERR after an empty answer.
            None if line.starts_with('+') => {
                self.stream.get_mut().write_all(b"\r\n").await.map_err(|e| Trouble::io(&e))?;
                self.stream.get_mut().flush().await.map_err(|e| Trouble::io(&e))?;
                Err(Trouble::new(Why::Refusal, self.line().await?))
            }
            None => Err(Trouble::new(Why::Refusal, line)),
        }
    }

    async fn line(&mut self) -> Result<String, Trouble> {
        let mut line = Vec::new();
        self.raw_line(&mut line).await?;
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    /// One line with its end.
    async fn raw_line(&mut self, line: &mut Vec<u8>) -> Result<(), Trouble> {
        let mut bounded = (&mut self.stream).take(MOST_BYTES as u64);
        match tokio::time::timeout(Duration::from_secs(ANSWER_S), bounded.read_until(b'\n', line)).await {
            Err(_) => Err(Trouble::timeout("POP3", ANSWER_S)),
            Ok(Err(error)) => Err(Trouble::io(&error)),
            Ok(Ok(_)) if line.ends_with(b"\n") => Ok(()),
            Ok(Ok(_)) => Err(Trouble::new(Why::Lost, "the server hung up")),
        }
    }

    /// Lines up to the lone full stop, with doubled stops undone; at most `most` bytes are kept.
    async fn lines(&mut self, most: usize) -> Result<Result<Vec<u8>, usize>, Trouble> {
        let mut out = Vec::new();
        let mut total = 0;
        let mut line = Vec::new();
        loop {
            line.clear();
            self.raw_line(&mut line).await?;
            if line == b".\r\n" || line == b".\n" {
                return Ok(if total > most { Err(total) } else { Ok(out) });
            }
            let content = if line.starts_with(b".") { &line[1..] } else { &line[..] };
            total += content.len();
            if total <= most {
                out.extend_from_slice(content);
            }
        }
    }

    /// Every mail on the server; `None` when it knows no UIDL.
    pub async fn list(&mut self) -> Result<Option<Vec<Listed>>, Trouble> {
        match self.command("UIDL").await {
            Ok(_) => {}
            Err(trouble) if trouble.why == Why::Refusal => return Ok(None),
            Err(trouble) => return Err(trouble),
        }
        let text = self.lines(64 << 20).await?.map_err(|n| Trouble::new(Why::Protocol, format!("a UIDL list of {n} bytes")))?;
        Ok(Some(numbered(&String::from_utf8_lossy(&text))))
    }

    /// How many mails there are.
    pub async fn count(&mut self) -> Result<u32, Trouble> {
        let said = self.command("STAT").await?;
        said.split(' ').next().and_then(|n| n.parse().ok()).ok_or_else(|| Trouble::new(Why::Protocol, format!("STAT gave `{said}`")))
    }

    /// A whole mail; the inner error is the length of one that is too long.
    pub async fn fetch(&mut self, number: u32) -> Result<Result<Vec<u8>, usize>, Trouble> {
        self.command(&format!("RETR {number}")).await?;
        self.lines(MOST_BYTES).await
    }

    /// Marks for deletion at QUIT.
    pub async fn delete(&mut self, number: u32) -> Result<(), Trouble> {
        self.command(&format!("DELE {number}")).await.map(|_| ())
    }

    /// Ends the session; only now are marked mails deleted.
    pub async fn quit(mut self) -> Result<(), Trouble> {
        self.command("QUIT").await.map(|_| ())
    }
}

fn numbered(text: &str) -> Vec<Listed> {
    text.lines()
        .filter_map(|line| {
            let (number, uidl) = line.trim().split_once(' ')?;
            Some(Listed { number: number.parse().ok()?, uidl: uidl.trim().chars().take(200).collect() })
        })
        .filter(|l: &Listed| !l.uidl.is_empty())
        .collect()
}
