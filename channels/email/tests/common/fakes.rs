//! Servers that misbehave on purpose, each a thread with a script.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A listening fake; `log` has every line a client sent.
pub struct Fake {
    pub port: u16,
    pub log: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// Serves every connection with `serve(connection number, reader, writer, log)`.
    pub fn start(serve: impl Fn(usize, &mut BufReader<TcpStream>, &mut TcpStream, &dyn Fn(&str)) -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let (serve, lines) = (Arc::new(serve), log.clone());
        std::thread::spawn(move || {
            for (n, stream) in listener.incoming().flatten().enumerate() {
                let (serve, lines) = (serve.clone(), lines.clone());
                std::thread::spawn(move || {
                    let mut writer = stream.try_clone().unwrap();
                    let mut reader = BufReader::new(stream);
                    let note = |line: &str| lines.lock().unwrap().push(line.to_owned());
                    let _ = serve(n, &mut reader, &mut writer, &note);
                });
            }
        });
        Self { port, log }
    }
    /// Lines seen so far that contain `what`.
    pub fn seen(&self, what: &str) -> Vec<String> {
        self.log.lock().unwrap().iter().filter(|l| l.contains(what)).cloned().collect()
    }
}

/// One line; an error at the end of the stream.
pub fn line(reader: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut text = String::new();
    if reader.read_line(&mut text)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(text.trim_end().to_owned())
}

/// How an SMTP fake ends a mail.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Accept,
    /// The connection breaks after the last byte, before the answer.
    Drop,
    Refuse(&'static str),
}

/// SMTP that greets with `greeting(n)` and ends the mail of connection `n` with `end(n)`; mails go to the log whole.
pub fn smtp(greeting: fn(usize) -> &'static str, end: fn(usize) -> End) -> Fake {
    Fake::start(move |n, reader, writer, note| {
        writer.write_all(format!("{}\r\n", greeting(n)).as_bytes())?;
        loop {
            let command = line(reader)?;
            note(&command);
            match command.split(' ').next().unwrap_or("").to_ascii_uppercase().as_str() {
                "EHLO" => writer.write_all(b"250-fake.example\r\n250 8BITMIME\r\n")?,
                "DATA" => {
                    writer.write_all(b"354 go on\r\n")?;
                    let mut mail = String::new();
                    loop {
                        let text = line(reader)?;
                        if text == "." {
                            break;
                        }
                        mail.push_str(&text);
                        mail.push('\n');
                    }
                    note(&format!("MAIL\n{mail}"));
                    match end(n) {
                        End::Accept => writer.write_all(b"250 2.0.0 queued\r\n")?,
                        End::Drop => return Ok(()),
                        End::Refuse(words) => writer.write_all(format!("{words}\r\n").as_bytes())?,
                    }
                }
                "QUIT" => return writer.write_all(b"221 bye\r\n"),
                _ => writer.write_all(b"250 ok\r\n")?,
            }
        }
    })
}

/// What an IMAP fake holds against us.
#[derive(Clone, Copy, Default)]
pub struct Malice {
    /// STORE is answered with NO.
    pub no_store: bool,
    /// This UID is never handed over: FETCH of it gets NO.
    pub refuse_uid: u32,
    /// Every mail comes twice in a FETCH.
    pub twice: bool,
    /// FETCH ends with a clean hang-up after this many mails, without its tagged answer.
    pub hang_up_after: Option<usize>,
    /// LOGIN is refused.
    pub no_login: bool,
}

/// IMAP over `count` mails with UIDs from 1.
pub fn imap(count: u32, malice: fn(usize) -> Malice) -> Fake {
    Fake::start(move |n, reader, writer, note| {
        let malice = malice(n);
        writer.write_all(b"* OK fake\r\n")?;
        loop {
            let command = line(reader)?;
            note(&command);
            let mut words = command.splitn(3, ' ');
            let (tag, verb, rest) = (words.next().unwrap_or("").to_owned(), words.next().unwrap_or("").to_ascii_uppercase(), words.next().unwrap_or("").to_owned());
            match verb.as_str() {
                "LOGIN" if malice.no_login => writer.write_all(format!("{tag} NO [AUTHENTICATIONFAILED] token expired\r\n").as_bytes())?,
                "CAPABILITY" => writer.write_all(format!("* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n").as_bytes())?,
                "SELECT" | "EXAMINE" => writer.write_all(format!("* {count} EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT {}] ok\r\n{tag} OK done\r\n", count + 1).as_bytes())?,
                "UID" => {
                    let (sub, arguments) = rest.split_once(' ').unwrap_or((&rest, ""));
                    match sub.to_ascii_uppercase().as_str() {
                        "SEARCH" => {
                            let range = arguments.split(' ').nth(1).unwrap_or("1:*").to_owned();
                            let found: Vec<String> = in_set(&range, count).iter().map(u32::to_string).collect();
                            writer.write_all(format!("* SEARCH {}\r\n{tag} OK\r\n", found.join(" ")).as_bytes())?;
                        }
                        "STORE" if malice.no_store => writer.write_all(format!("{tag} NO [CANNOT] this mailbox is read only for you\r\n").as_bytes())?,
                        "FETCH" => {
                            let (set, what) = arguments.split_once(' ').unwrap_or((arguments, ""));
                            let uids = in_set(set, count);
                            if what.contains("BODY") && uids.contains(&malice.refuse_uid) {
                                writer.write_all(format!("{tag} NO [SERVERBUG] cannot read that message\r\n").as_bytes())?;
                                continue;
                            }
                            let times = if malice.twice { 2 } else { 1 };
                            let mut given = 0;
                            for uid in uids.iter().flat_map(|u| std::iter::repeat_n(*u, times)) {
                                let mail = format!("Message-ID: <{uid}@customer.example>\r\nFrom: x@customer.example\r\nSubject: mail {uid}\r\n\r\ntext {uid}\r\n");
                                let body = if what.contains("BODY") { format!(" BODY[] {{{}}}\r\n{mail}", mail.len()) } else { String::new() };
                                writer.write_all(format!("* {uid} FETCH (UID {uid} RFC822.SIZE {} INTERNALDATE \" 2-Mar-2026 08:00:00 +0800\"{body})\r\n", mail.len()).as_bytes())?;
                                given += 1;
                                if what.contains("BODY") && malice.hang_up_after == Some(given) {
                                    return Ok(());
                                }
                            }
                            writer.write_all(format!("{tag} OK\r\n").as_bytes())?;
                        }
                        _ => writer.write_all(format!("{tag} OK\r\n").as_bytes())?,
                    }
                }
                "LOGOUT" => return writer.write_all(format!("* BYE\r\n{tag} OK\r\n").as_bytes()),
                _ => writer.write_all(format!("{tag} OK\r\n").as_bytes())?,
            }
        }
    })
}

fn in_set(set: &str, count: u32) -> Vec<u32> {
    let end = |text: &str| if text == "*" { count } else { text.parse().unwrap_or(0) };
    let mut out: Vec<u32> = set
        .split(',')
        .flat_map(|part| match part.split_once(':') {
            // `n:*` names the newest even when n is beyond it.
            Some((from, to)) => (end(from).min(end(to))..=end(to).max(end(from)).min(count)).collect::<Vec<_>>(),
            None => vec![end(part)],
        })
        .filter(|u| (1..=count).contains(u))
        .collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// A token endpoint: answer `n` for request `n` (the last one again and again); forms as they came.
pub fn token_endpoint(answers: Vec<(u16, serde_json::Value)>) -> (String, Arc<Mutex<Vec<String>>>) {
    let (forms, count): (Arc<Mutex<Vec<String>>>, Arc<std::sync::atomic::AtomicUsize>) = Default::default();
    let seen = forms.clone();
    let fake = Fake::start(move |_, reader, writer, _| {
        let mut length = 0;
        loop {
            let header = line(reader)?.to_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(n) = header.strip_prefix("content-length: ") {
                length = n.parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        std::io::Read::read_exact(reader, &mut body)?;
        seen.lock().unwrap().push(String::from_utf8_lossy(&body).into_owned());
        let (status, answer) = answers[count.fetch_add(1, std::sync::atomic::Ordering::SeqCst).min(answers.len() - 1)].clone();
        let text = answer.to_string();
        write!(writer, "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len())
    });
    (format!("http://127.0.0.1:{}/token", fake.port), forms)
}

/// POP3 over mails 1 to `count`; a session that hangs up instead of answering QUIT (`breaks(n)`) deletes nothing.
pub fn pop3(count: usize, breaks: fn(usize) -> bool) -> (Fake, Arc<Mutex<Vec<usize>>>) {
    let gone: Arc<Mutex<Vec<usize>>> = Arc::default();
    let shared = gone.clone();
    let fake = Fake::start(move |n, reader, writer, note| {
        writer.write_all(b"+OK fake\r\n")?;
        let mut doomed = Vec::new();
        loop {
            let command = line(reader)?;
            note(&command);
            let (verb, argument) = command.split_once(' ').unwrap_or((&command, ""));
            let number: usize = argument.parse().unwrap_or(0);
            let there: Vec<usize> = (1..=count).filter(|m| !shared.lock().unwrap().contains(m)).collect();
            match verb {
                "UIDL" => {
                    let list: String = there.iter().map(|m| format!("{m} u{m}\r\n")).collect();
                    writer.write_all(format!("+OK\r\n{list}.\r\n").as_bytes())?;
                }
                "RETR" => writer.write_all(format!("+OK\r\nMessage-ID: <{number}@customer.example>\r\nFrom: x@customer.example\r\nSubject: mail {number}\r\n\r\ntext\r\n.\r\n").as_bytes())?,
                "DELE" => {
                    doomed.push(number);
                    writer.write_all(b"+OK\r\n")?;
                }
                "QUIT" if breaks(n) => return Ok(()),
                "QUIT" => {
                    shared.lock().unwrap().extend(doomed);
                    return writer.write_all(b"+OK bye\r\n");
                }
                _ => writer.write_all(b"+OK\r\n")?,
            }
        }
    });
    (fake, gone)
}
