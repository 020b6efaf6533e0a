//! Shared by the tests: fixtures and short cuts.
#![allow(dead_code)]

use std::path::PathBuf;

use shouwen_mail::{Limits, Mail, Message, Parsed, parse};

/// Bytes of a fixture of this crate.
pub fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Parses bytes that must not be quarantined.
pub fn message(raw: &[u8]) -> Message {
    match parse(raw, &Limits::default()) {
        Parsed::Message(m) => *m,
        Parsed::Quarantined(q) => panic!("quarantined: {}", q.reason),
    }
}

/// Parses a fixture.
pub fn mail(name: &str) -> Mail {
    message(&fixture(name)).mail
}

/// A plain UTF-8 mail around a body.
pub fn around(body: &str) -> Vec<u8> {
    let mut raw = b"From: a@example.com\nTo: b@example.com\nSubject: x\nDate: Sat, 21 Nov 2026 09:15:00 +0800\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n".to_vec();
    raw.extend_from_slice(body.as_bytes());
    raw
}

/// The answer folded out of a text.
pub fn reply(body: &str) -> String {
    shouwen_mail::quote::fold(body, &[]).reply
}

/// The large corpus beside the repository, if it is there; says loudly when it is not.
pub fn corpus() -> Option<PathBuf> {
    let root = std::env::var("SHOUWEN_SHARED").map(PathBuf::from).unwrap_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let mail = root.join("data/mail");
    if mail.is_dir() {
        return Some(mail);
    }
    eprintln!("SKIPPED: no mail corpus at {} (set SHOUWEN_SHARED to use one)", mail.display());
    None
}
