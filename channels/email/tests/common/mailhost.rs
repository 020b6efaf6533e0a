//! The real Dovecot and Postfix of a test run (`tests/with-mailhost.mjs`), a few words of SMTP, and a proxy that breaks
//! connections.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Where the servers are.
pub struct MailHost(Value);

/// The servers of this run; `None` (told loudly) without them.
pub fn mailhost() -> Option<MailHost> {
    match std::env::var("SHOUWEN_TEST_MAILHOST") {
        Ok(text) => Some(MailHost(serde_json::from_str(&text).expect("SHOUWEN_TEST_MAILHOST is JSON"))),
        Err(_) => {
            eprintln!("SKIPPED: no mail host; run through `node channels/email/tests/with-mailhost.mjs cargo test -p shouwen-email`");
            None
        }
    }
}

impl MailHost {
    pub fn port(&self, name: &str) -> u16 {
        self.0["ports"][name].as_u64().unwrap() as u16
    }
    pub fn password(&self) -> &str {
        self.0["password"].as_str().unwrap()
    }
    pub fn ca(&self) -> String {
        std::fs::read_to_string(self.0["ca"].as_str().unwrap()).unwrap()
    }
    /// Incoming settings over IMAP with TLS.
    pub fn imap(&self, user: &str) -> Value {
        json!({ "protocol": "imap", "host": "localhost", "port": self.port("imaps"), "tls": "tls", "user": user, "password": self.password(), "ca_pem": self.ca(), "import_from": "all" })
    }
    /// Outgoing settings with STARTTLS.
    pub fn smtp(&self, user: &str) -> Value {
        json!({ "host": "localhost", "port": self.port("smtp"), "tls": "starttls", "user": user, "password": self.password(), "ca_pem": self.ca() })
    }
    pub fn doveadm(&self, args: &[&str]) -> String {
        let out = Command::new("doveadm").args(["-c", self.0["dovecot"].as_str().unwrap()]).args(args).output().expect("doveadm runs");
        assert!(out.status.success(), "doveadm {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }
    /// `messages=… unseen=… uidvalidity=… uidnext=…`
    pub fn status(&self, user: &str) -> String {
        self.doveadm(&["mailbox", "status", "-u", user, "messages unseen uidvalidity uidnext", "INBOX"])
    }
    /// Hands a message to Postfix; answers when it lies in the mailbox.
    pub fn deliver(&self, to: &str, raw: &str) {
        let before = self.count(to);
        submit(self.port("smtp"), "li@customer.example", to, raw);
        let started = Instant::now();
        while self.count(to) == before {
            assert!(started.elapsed() < PATIENCE, "Postfix delivers");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    pub fn count(&self, user: &str) -> usize {
        self.mails(user).len()
    }
    /// Raw mails of a mailbox.
    pub fn mails(&self, user: &str) -> Vec<String> {
        let base = std::path::Path::new(self.0["boxes"].as_str().unwrap()).join(user);
        let mut out = Vec::new();
        for part in ["new", "cur"] {
            let Ok(entries) = std::fs::read_dir(base.join(part)) else { continue };
            out.extend(entries.filter_map(|e| e.ok()).map(|e| (e.file_name(), e.path())));
        }
        out.sort();
        out.into_iter().filter_map(|(_, path)| std::fs::read(path).ok()).map(|b| String::from_utf8_lossy(&b).into_owned()).collect()
    }
    /// Puts raw mails straight into a mailbox.
    pub fn save(&self, user: &str, raws: impl Iterator<Item = String>) {
        use std::os::unix::fs::{PermissionsExt, chown};
        let folder = std::path::Path::new(self.0["boxes"].as_str().unwrap()).join(user).join("cur");
        self.doveadm(&["mailbox", "status", "-u", user, "messages", "INBOX"]);
        std::fs::create_dir_all(&folder).unwrap();
        // Dovecot remembers the names of mails it has expunged: never one twice.
        static RUN: AtomicUsize = AtomicUsize::new(0);
        let run = RUN.fetch_add(1, Ordering::SeqCst);
        for (i, raw) in raws.enumerate() {
            let path = folder.join(format!("{}.{run}-{i:06}.test:2,", 1_700_000_000 + i));
            std::fs::write(&path, raw).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            chown(&path, Some(8), Some(8)).unwrap();
        }
    }
}

/// A few words of SMTP.
pub fn submit(port: u16, from: &str, to: &str, raw: &str) {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    let mut expect = |code: &str| loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(line.starts_with(code), "expected {code}, got {line}");
        if line.as_bytes().get(3) == Some(&b' ') {
            return;
        }
    };
    expect("220");
    for (line, code) in [("EHLO customer.example".to_owned(), "250"), (format!("MAIL FROM:<{from}>"), "250"), (format!("RCPT TO:<{to}>"), "250"), ("DATA".to_owned(), "354")] {
        stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        expect(code);
    }
    let body = raw.replace("\r\n", "\n").replace('\n', "\r\n").replace("\r\n.", "\r\n..");
    stream.write_all(format!("{body}\r\n.\r\n").as_bytes()).unwrap();
    expect("250");
    stream.write_all(b"QUIT\r\n").unwrap();
}

/// Stands between a client and a server and breaks what it is told to.
pub struct Proxy {
    pub port: u16,
    cut_after: Arc<AtomicUsize>,
    dead: Arc<AtomicBool>,
    pub cuts: Arc<AtomicUsize>,
}

impl Proxy {
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let (cut_after, dead, cuts) = (Arc::new(AtomicUsize::new(usize::MAX)), Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let proxy = Self { port: own, cut_after: cut_after.clone(), dead: dead.clone(), cuts: cuts.clone() };
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if dead.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from_client, &mut to_server);
                    let _ = to_server.shutdown(Shutdown::Both);
                });
                let (mut client, mut server, cut_after, cuts) = (client, server, cut_after.clone(), cuts.clone());
                std::thread::spawn(move || {
                    let mut left = cut_after.load(Ordering::SeqCst);
                    let mut buffer = [0u8; 4096];
                    while let Ok(n) = server.read(&mut buffer) {
                        let n_out = n.min(left);
                        if n == 0 || client.write_all(&buffer[..n_out]).is_err() {
                            break;
                        }
                        left -= n_out;
                        if n_out < n || left == 0 {
                            cuts.fetch_add(1, Ordering::SeqCst);
                            break;
                        }
                    }
                    let _ = client.shutdown(Shutdown::Both);
                    let _ = server.shutdown(Shutdown::Both);
                });
            }
        });
        proxy
    }
    /// Breaks every new connection once that many bytes have come from the server.
    pub fn cut_after(&self, bytes: usize) {
        self.cut_after.store(bytes, Ordering::SeqCst);
    }
    /// Refuses to serve.
    pub fn dead(&self, dead: bool) {
        self.dead.store(dead, Ordering::SeqCst);
    }
}

/// How long anything may take that must happen: only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(180);

/// Waits until `done` holds.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(30));
    }
}
