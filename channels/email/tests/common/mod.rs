//! What the tests of this crate share.
#![allow(dead_code)]

use serde_json::json;
use shouwen_email::{RawMail, Source, Taken};
use shouwen_kernel::InboxId;
use shouwen_testkit::TestApp;
use shouwen_web::Module;

/// The channel alone.
pub fn app() -> Vec<Module> {
    vec![shouwen_email::module()]
}

/// An inbox without servers.
pub fn inbox(t: &TestApp, address: &str) -> InboxId {
    inbox_with(t, json!({ "name": "售后", "address": address }))
}

/// An inbox made through the API.
pub fn inbox_with(t: &TestApp, body: serde_json::Value) -> InboxId {
    t.post(&t.admin(), "/api/v1/inboxes", body).expect(201)["id"].as_str().unwrap().parse().unwrap()
}

pub fn take<S: AsRef<str>>(t: &TestApp, inbox: InboxId, raws: &[S]) -> Vec<Taken> {
    let mails: Vec<RawMail> = raws.iter().map(|r| RawMail { bytes: r.as_ref().as_bytes().to_vec(), source: Source::Imap, place: None, received_at: Some(shouwen_testkit::START) }).collect();
    shouwen_email::intake_blocking(&t.db, inbox, &mails).unwrap()
}

pub fn take_as<S: AsRef<str>>(t: &TestApp, inbox: InboxId, raws: &[S], source: Source) -> Vec<Taken> {
    let mails: Vec<RawMail> = raws.iter().map(|r| RawMail { bytes: r.as_ref().as_bytes().to_vec(), source, place: None, received_at: None }).collect();
    shouwen_email::intake_blocking(&t.db, inbox, &mails).unwrap()
}

/// A mail nested deeper than the usual bound, not deeper than a retry's.
pub fn too_deep() -> String {
    let mut mail = String::from("From: Zhao <zhao@customer.example>\r\nSubject: deep\r\nMIME-Version: 1.0\r\n");
    let levels = 40;
    for i in 0..levels {
        mail.push_str(&format!("Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n"));
    }
    mail.push_str("Content-Type: text/plain\r\n\r\nbottom\r\n");
    for i in (0..levels).rev() {
        mail.push_str(&format!("--b{i}--\r\n"));
    }
    mail
}

/// Every event of the channel, in the order written. Reads the rows themselves: other tests in the same PostgreSQL server
/// hold the log's readers back for a moment.
pub fn events(t: &TestApp) -> Vec<shouwen_contracts::channel::ChannelEvent> {
    let rows: Vec<(String, serde_json::Value)> = t.db.read_blocking(|tx| tx.all("SELECT kind, payload FROM event ORDER BY seq", shouwen_store::params![])).unwrap();
    rows.into_iter().filter_map(|(kind, payload)| shouwen_contracts::Event::from_parts(&kind, payload)).map(|e| e.unwrap()).collect()
}

/// Every `message.received`.
pub fn received(t: &TestApp) -> Vec<shouwen_contracts::channel::Received> {
    events(t).into_iter().filter_map(|e| if let shouwen_contracts::channel::ChannelEvent::Received(r) = e { Some(r) } else { None }).collect()
}

/// Every `message.delivery`, as (state, detail).
pub fn deliveries(t: &TestApp) -> Vec<(String, String)> {
    events(t).into_iter().filter_map(|e| if let shouwen_contracts::channel::ChannelEvent::Delivery(d) = e { Some((d.state, d.detail.unwrap_or_default())) } else { None }).collect()
}
