//! Servers that break, refuse, repeat and forget: nothing is lost, nothing is doubled, and the reason can be read.

mod common;
#[path = "common/fakes.rs"]
mod fakes;

use common::{app, deliveries, inbox_with, received, take};
use fakes::{End, Malice};
use serde_json::{Value, json};
use shouwen_contracts::message::{EMAIL_OUTBOX, Outbound, Party};
use shouwen_email::Looked;
use shouwen_kernel::{ConversationId, InboxId, MessageId};
use shouwen_store::params;
use shouwen_testkit::{TestApp, on_both};

fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: std::sync::OnceLock<tokio::runtime::Runtime> = std::sync::OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap())
}

fn look(t: &TestApp, inbox: InboxId) -> Result<Looked, shouwen_email::Trouble> {
    let app = t.app.clone();
    let looked = runtime().block_on(async move { shouwen_email::fetch_once(&app, inbox).await });
    shouwen_email::drain_blocking(&t.db, None).unwrap();
    looked
}

fn incoming(port: u16) -> Value {
    json!({ "protocol": "imap", "host": "127.0.0.1", "port": port, "tls": "none", "user": "u", "password": "p", "import_from": "all" })
}

fn health(t: &TestApp) -> Value {
    t.get(&t.admin(), "/api/v1/inboxes").expect(200)["items"][0]["health"].clone()
}

fn subjects(t: &TestApp) -> Vec<String> {
    received(t).into_iter().map(|e| e.subject).collect()
}

#[test]
fn rel_12_a_server_that_refuses_marks_costs_no_mail_and_is_told_of() {
    on_both(app, |t| {
        let fake = fakes::imap(5, |_| Malice { no_store: true, ..Malice::default() });
        let inbox = inbox_with(&t, json!({ "name": "n", "address": "a@shop.example", "incoming": incoming(fake.port) }));
        assert_eq!(look(&t, inbox).unwrap().stored, 5);
        assert_eq!(look(&t, inbox).unwrap(), Looked::default());
        assert_eq!(received(&t).len(), 5);
        assert_eq!(fake.seen("STORE").len(), 1, "asked once, not for ever: {:?}", fake.seen("STORE"));
    });
}

#[test]
fn rel_12_no_mark_is_set_before_the_mail_is_stored() {
    on_both(app, |t| {
        let fake = fakes::imap(3, |n| Malice { hang_up_after: (n == 0).then_some(2), ..Malice::default() });
        let inbox = inbox_with(&t, json!({ "name": "n", "address": "a@shop.example", "incoming": incoming(fake.port) }));
        // The server hangs up in good order between two answers: that is no end of the list.
        assert!(look(&t, inbox).is_err());
        assert!(fake.seen("STORE").is_empty());
        let (stored,): (i64,) = t.db.read_blocking(|tx| tx.one("SELECT count(*) FROM mail_message", params![])).unwrap();
        assert_eq!(stored, 2, "what came whole is kept");
        assert_eq!(look(&t, inbox).unwrap().stored, 1);
        assert_eq!(subjects(&t), ["mail 1", "mail 2", "mail 3"]);
        assert_eq!(fake.seen("STORE").len(), 1);
        assert!(fake.seen("STORE")[0].contains("1:3"), "{:?}", fake.seen("STORE"));
    });
}

#[test]
fn rel_12_a_mail_the_server_cannot_hand_over_holds_up_no_other_and_is_asked_for_again() {
    on_both(app, |t| {
        let fake = fakes::imap(6, |n| Malice { refuse_uid: if n < 2 { 3 } else { 0 }, ..Malice::default() });
        let inbox = inbox_with(&t, json!({ "name": "n", "address": "a@shop.example", "incoming": incoming(fake.port) }));
        assert_eq!(look(&t, inbox).unwrap().stored, 5);
        assert_eq!(look(&t, inbox).unwrap(), Looked::default());
        let told = shouwen_email::health(&t.app).unwrap();
        assert!(told.len() == 1 && told[0].contains("UID 3") && told[0].contains("cannot read that message"), "{told:?}");
        t.clock.advance(120);
        assert_eq!(look(&t, inbox).unwrap().stored, 1);
        assert!(shouwen_email::health(&t.app).unwrap().is_empty());
        let mut got = subjects(&t);
        got.sort();
        assert_eq!(got, (1..=6).map(|n| format!("mail {n}")).collect::<Vec<_>>());
    });
}

#[test]
fn rel_12_mails_that_come_twice_in_one_answer_are_one() {
    on_both(app, |t| {
        let fake = fakes::imap(4, |_| Malice { twice: true, ..Malice::default() });
        let inbox = inbox_with(&t, json!({ "name": "n", "address": "a@shop.example", "incoming": incoming(fake.port) }));
        assert_eq!(look(&t, inbox).unwrap().stored, 4);
        assert_eq!(received(&t).len(), 4);
    });
}

#[test]
fn rel_12_an_expired_token_is_trouble_with_the_servers_words_until_it_works_again() {
    on_both(app, |t| {
        let fake = fakes::imap(1, |n| Malice { no_login: n == 0, ..Malice::default() });
        let inbox = inbox_with(&t, json!({ "name": "n", "address": "a@shop.example", "incoming": incoming(fake.port) }));
        assert!(look(&t, inbox).is_err());
        let told = health(&t);
        assert_eq!((told["state"].as_str(), told["side"].as_str()), (Some("trouble"), Some("incoming")));
        assert!(told["error"].as_str().unwrap().contains("token expired"), "{told}");
        look(&t, inbox).unwrap();
        assert_eq!((health(&t)["state"].as_str(), health(&t)["error"].as_str()), (Some("ok"), None));
    });
}

fn outbound(t: &TestApp, inbox: InboxId, to: &str, conversation: Option<ConversationId>, automatic: bool) -> Outbound {
    Outbound {
        message_id: t.app.ids().next::<MessageId>(&*t.clock),
        inbox_id: inbox,
        conversation_id: conversation,
        to: vec![Party { name: "李\r\nBcc: x@example.com".into(), address: t.app.keys().seal_address(t.app.ids(), to).unwrap(), index: t.app.keys().email_index(to) }],
        cc: vec![],
        bcc: vec![],
        subject: "回复\r\nX-Injected: 1".into(),
        text: "您好".into(),
        html: None,
        attachments: vec![],
        references: vec!["bad id with spaces".into(), "m1@customer.example".into()],
        from_name: "小王".into(),
        automatic,
        queued_at: shouwen_testkit::START,
    }
}

fn send(t: &TestApp, outbound: &Outbound) {
    let (workspace, key, payload) = (t.workspace, outbound.message_id.to_string(), outbound.clone());
    t.db.write_blocking(move |tx| tx.enqueue(workspace, EMAIL_OUTBOX, &key, &payload, None).map(|_| ())).unwrap();
    carry_out(t);
}

fn carry_out(t: &TestApp) {
    let handler = (shouwen_email::module().effects)(&t.app).remove(0);
    let db = t.db.clone();
    runtime().block_on(async move {
        let (kind, lease) = (handler.kind, handler.lease_s);
        let items = db.write(move |tx| tx.claim_effects(kind, 50, lease)).await.unwrap();
        for item in items {
            let outcome = (handler.run)(item.clone()).await;
            let handler = handler.clone();
            db.write(move |tx| tx.settle_effect(&handler, &item, &outcome)).await.unwrap();
        }
    });
}

fn outgoing(t: &TestApp, port: u16) -> InboxId {
    inbox_with(t, json!({ "name": "售后", "address": "service@shop.example", "outgoing": { "host": "127.0.0.1", "port": port, "tls": "none", "auth": "none" } }))
}

fn mails(fake: &fakes::Fake) -> Vec<String> {
    fake.seen("MAIL\n")
}

fn message_id(mail: &str) -> String {
    mail.lines().find_map(|l| l.strip_prefix("Message-ID: ")).expect("a Message-ID").to_owned()
}

#[test]
fn rel_11_a_break_after_the_last_byte_is_sent_again_under_the_same_message_id() {
    on_both(app, |t| {
        let fake = fakes::smtp(|_| "220 fake", |n| if n < 2 { End::Drop } else { End::Accept });
        let inbox = outgoing(&t, fake.port);
        let conversation = t.app.ids().next::<ConversationId>(&*t.clock);
        send(&t, &outbound(&t, inbox, "li@customer.example", Some(conversation), false));
        for _ in 0..2 {
            t.clock.advance(3600);
            carry_out(&t);
        }
        let sent = mails(&fake);
        assert_eq!(sent.len(), 3);
        assert!(sent.iter().all(|m| message_id(m) == message_id(&sent[0])));
        assert!(message_id(&sent[0]).starts_with("<c."));
        // No header was smuggled in, and the broken reference was left out.
        assert!(!sent[0].contains("\nX-Injected") && !sent[0].contains("\nBcc") && !sent[0].contains("bad id"), "{}", sent[0]);
        let states: Vec<String> = deliveries(&t).into_iter().map(|d| d.0).collect();
        assert_eq!(states, ["sending", "deferred", "deferred", "sent"]);
        assert!(t.app.metrics().text().contains("smtp_ambiguous_total 2"));
        t.clock.advance(86_400);
        carry_out(&t);
        assert_eq!(mails(&fake).len(), 3, "and never again");
    });
}

#[test]
fn rel_11_temporary_refusals_are_kept_for_five_days_and_final_ones_are_told_at_once() {
    on_both(app, |t| {
        let fake = fakes::smtp(|n| if n < 2 { "421 too busy" } else { "220 fake" }, |_| End::Refuse("452 4.3.1 mailbox full <li@customer.example>"));
        let inbox = outgoing(&t, fake.port);
        send(&t, &outbound(&t, inbox, "li@customer.example", None, false));
        t.clock.advance(3600);
        carry_out(&t);
        t.clock.advance(5 * 86_400);
        carry_out(&t);
        let told = deliveries(&t);
        assert_eq!(told.iter().map(|d| d.0.as_str()).collect::<Vec<_>>(), ["sending", "deferred", "deferred", "failed"], "{told:?}");
        assert!(told[1].1.contains("421") && told[2].1.contains("452 4.3.1 mailbox full <l***@customer.example>"), "{told:?}");
        assert!(told[3].1.starts_with("given up after 5 days"), "{told:?}");

        let strict = fakes::smtp(|_| "220 fake", |_| End::Refuse("554 5.7.1 looks like spam"));
        t.patch(&t.admin(), &format!("/api/v1/inboxes/{inbox}"), json!({ "version": 1, "outgoing": { "host": "127.0.0.1", "port": strict.port, "tls": "none", "auth": "none" } })).expect(200);
        send(&t, &outbound(&t, inbox, "li@customer.example", None, false));
        assert_eq!(deliveries(&t).last().unwrap(), &("failed".to_owned(), "554 5.7.1 looks like spam".to_owned()));
    });
}

#[test]
fn rel_11_nobody_listening_keeps_the_mail_and_shows_in_the_inboxs_health() {
    on_both(app, |t| {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let inbox = outgoing(&t, closed);
        send(&t, &outbound(&t, inbox, "li@customer.example", None, false));
        assert_eq!(deliveries(&t).last().unwrap().0, "deferred");
        assert_eq!((health(&t)["state"].as_str(), health(&t)["side"].as_str()), (Some("trouble"), Some("outgoing")));
        let fake = fakes::smtp(|_| "220 fake", |_| End::Accept);
        t.patch(&t.admin(), &format!("/api/v1/inboxes/{inbox}"), json!({ "version": 1, "outgoing": { "host": "127.0.0.1", "port": fake.port, "tls": "none", "auth": "none" } })).expect(200);
        t.clock.advance(3600);
        carry_out(&t);
        assert_eq!(deliveries(&t).last().unwrap().0, "sent");
        assert_eq!(health(&t)["state"], "ok");
    });
}

#[test]
fn automatic_mail_is_marked_and_held_back_where_machines_would_answer_machines() {
    on_both(app, |t| {
        let fake = fakes::smtp(|_| "220 fake", |_| End::Accept);
        let inbox = outgoing(&t, fake.port);
        let conversation = Some(t.app.ids().next::<ConversationId>(&*t.clock));
        let to = "li@customer.example";
        send(&t, &outbound(&t, inbox, to, conversation, true));
        assert!(mails(&fake)[0].contains("Auto-Submitted: auto-replied"), "{}", mails(&fake)[0]);
        send(&t, &outbound(&t, inbox, to, conversation, true));
        assert_eq!(mails(&fake).len(), 1);
        let last = deliveries(&t).pop().unwrap();
        assert!(last.0 == "failed" && last.1.starts_with("held back"), "{last:?}");
        // A person's answer in between is no machine; an hour later, or to somebody else, it may go.
        t.clock.advance(1);
        send(&t, &outbound(&t, inbox, to, conversation, false));
        t.clock.advance(1);
        send(&t, &outbound(&t, inbox, to, conversation, true));
        assert_eq!(mails(&fake).len(), 3);
        t.clock.advance(3601);
        send(&t, &outbound(&t, inbox, to, conversation, true));
        assert_eq!(mails(&fake).len(), 4);
        for n in 0..6 {
            send(&t, &outbound(&t, inbox, &format!("x{n}@customer.example"), conversation, true));
        }
        assert_eq!(mails(&fake).len(), 8, "five an hour into one thread");
    });
}

#[test]
fn a_machine_that_answers_every_mail_is_taken_for_one_even_without_saying_so() {
    on_both(app, |t| {
        let fake = fakes::smtp(|_| "220 fake", |_| End::Accept);
        let inbox = outgoing(&t, fake.port);
        let conversation = t.app.ids().next::<ConversationId>(&*t.clock);
        send(&t, &outbound(&t, inbox, "li@customer.example", Some(conversation), false));
        let id = message_id(&mails(&fake)[0]);
        let answers: Vec<String> = (0..12).map(|n| format!("From: li@customer.example\r\nIn-Reply-To: {id}\r\nSubject: {n}\r\n\r\nagain {n}\r\n")).collect();
        take(&t, inbox, &answers);
        shouwen_email::drain_blocking(&t.db, None).unwrap();
        let told = received(&t);
        assert!(told.iter().all(|e| e.token == Some(conversation)));
        assert_eq!(told.iter().filter(|e| e.auto.is_none()).count(), 10);
        assert!(told[11].auto.as_deref().unwrap().starts_with("loop"), "{:?}", told[11].auto);
    });
}

#[test]
fn a_mail_waits_while_its_inbox_is_switched_off_and_says_so_when_it_has_no_server() {
    on_both(app, |t| {
        let fake = fakes::smtp(|_| "220 fake", |_| End::Accept);
        let inbox = outgoing(&t, fake.port);
        t.patch(&t.admin(), &format!("/api/v1/inboxes/{inbox}"), json!({ "version": 1, "active": false })).expect(200);
        send(&t, &outbound(&t, inbox, "li@customer.example", None, false));
        assert_eq!(deliveries(&t).last().unwrap().0, "deferred");
        t.patch(&t.admin(), &format!("/api/v1/inboxes/{inbox}"), json!({ "version": 2, "active": true })).expect(200);
        t.clock.advance(301);
        carry_out(&t);
        assert_eq!(mails(&fake).len(), 1);
        t.patch(&t.admin(), &format!("/api/v1/inboxes/{inbox}"), json!({ "version": 3, "outgoing": null })).expect(200);
        send(&t, &outbound(&t, inbox, "li@customer.example", None, false));
        let last = deliveries(&t).pop().unwrap();
        assert!(last.0 == "failed" && last.1.contains("no outgoing server"), "{last:?}");
    });
}

/// A POP3 server deletes at QUIT: what a broken session stored is deleted by a later one, and nothing else is.
#[test]
fn pop3_deletes_later_what_a_broken_session_could_not() {
    on_both(app, |t| {
        let (fake, gone) = fakes::pop3(3, |n| n == 0 || n == 2);
        let mut incoming = json!({ "protocol": "pop3", "host": "127.0.0.1", "port": fake.port, "tls": "none", "user": "u", "password": "p", "import_from": "all", "after_fetch": "delete" });
        let inbox = inbox_with(&t, json!({ "name": "n", "address": "u@shop.example", "incoming": incoming }));
        assert!(look(&t, inbox).is_err(), "the line breaks at QUIT");
        assert_eq!((received(&t).len(), gone.lock().unwrap().len()), (3, 0));
        assert_eq!(look(&t, inbox).unwrap(), Looked::default(), "nothing is new");
        assert_eq!((received(&t).len(), gone.lock().unwrap().clone()), (3, vec![1, 2, 3]));
        assert_eq!(fake.seen("RETR").len(), 3, "nothing was fetched twice");

        // Mails stored while they were to be left there stay there.
        let (kept, gone) = fakes::pop3(2, |_| false);
        incoming["port"] = json!(kept.port);
        incoming["after_fetch"] = json!("nothing");
        let other = inbox_with(&t, json!({ "name": "m", "address": "v@shop.example", "incoming": incoming }));
        assert_eq!(look(&t, other).unwrap().stored, 2);
        incoming["after_fetch"] = json!("delete");
        t.patch(&t.admin(), &format!("/api/v1/inboxes/{other}"), json!({ "version": 1, "incoming": incoming })).expect(200);
        assert_eq!(look(&t, other).unwrap(), Looked::default());
        assert_eq!(gone.lock().unwrap().len(), 0);
    });
}
