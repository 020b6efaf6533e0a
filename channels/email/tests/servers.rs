//! Against real Dovecot and Postfix. Started by `node channels/email/tests/with-mailhost.mjs cargo test -p shouwen-email`.

mod common;
#[path = "common/fakes.rs"]
mod fakes;
#[path = "common/mailhost.rs"]
mod mailhost;

use common::{app, deliveries, inbox_with, received};
use mailhost::{MailHost, Proxy, mailhost, until};
use serde_json::{Value, json};
use shouwen_contracts::message::{EMAIL_OUTBOX, Outbound, Party};
use shouwen_email::Looked;
use shouwen_kernel::{ConversationId, InboxId, MessageId};
use shouwen_testkit::{TestApp, on_both};
use shouwen_web::App;

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

fn mail(subject: &str, more: &str) -> String {
    format!("Message-ID: <{}@customer.example>\r\nDate: Mon, 2 Mar 2026 08:30:00 +0800\r\nFrom: Li <li@customer.example>\r\nTo: x@shop.example\r\nSubject: {subject}\r\n{more}\r\nbody of {subject}\r\n", subject.replace(' ', "-"))
}

fn subjects(t: &TestApp) -> Vec<String> {
    received(t).into_iter().map(|e| e.subject).collect()
}

/// Empties a mailbox so that each half (SQLite, PostgreSQL) begins alike.
fn empty(host: &MailHost, user: &str) {
    host.doveadm(&["expunge", "-u", user, "mailbox", "INBOX", "ALL"]);
}

fn party(app: &App, address: &str) -> Party {
    Party { name: String::new(), address: app.keys().seal_address(app.ids(), address).unwrap(), index: app.keys().email_index(address) }
}

fn outbound(t: &TestApp, inbox: InboxId, to: &[&str], conversation: Option<ConversationId>) -> Outbound {
    Outbound {
        message_id: t.app.ids().next::<MessageId>(&*t.clock),
        inbox_id: inbox,
        conversation_id: conversation,
        to: to.iter().map(|a| party(&t.app, a)).collect(),
        cc: vec![],
        bcc: vec![],
        subject: "回复：退款".into(),
        text: "您好，已经处理。".into(),
        html: None,
        attachments: vec![],
        references: vec!["m1@customer.example".into()],
        from_name: "小王".into(),
        automatic: false,
        queued_at: shouwen_testkit::START,
    }
}

/// Puts a message into the outbox and carries out what is due, once.
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

#[test]
fn ux_77_the_test_button_tells_wrong_password_port_host_tls_and_certificate_apart_and_changes_nothing() {
    let Some(host) = mailhost() else { return };
    let t = TestApp::sqlite(app);
    let admin = t.admin();
    host.deliver("one@shop.example", &mail("untouched", ""));
    let before = host.status("one@shop.example");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let trial = |side: &str, change: Value| {
        let mut settings = if side == "incoming" { host.imap("one@shop.example") } else { host.smtp("one@shop.example") };
        for (key, value) in change.as_object().unwrap() {
            settings[key] = value.clone();
        }
        let mut body = json!({});
        body[side] = settings;
        let answer = t.post(&admin, "/api/v1/inboxes/test", body).expect(200)[side].clone();
        (answer["why"].as_str().unwrap_or("ok").to_owned(), answer["reply"].as_str().unwrap().to_owned(), answer["advice"].as_str().unwrap_or("").to_owned())
    };
    let mut advice = std::collections::BTreeSet::new();
    for (side, change, why) in [
        ("incoming", json!({}), "ok"),
        ("incoming", json!({ "tls": "starttls", "port": host.port("imap") }), "ok"),
        ("incoming", json!({ "tls": "none", "port": host.port("imap") }), "ok"),
        ("incoming", json!({ "protocol": "pop3", "port": host.port("pop3s") }), "ok"),
        ("incoming", json!({ "protocol": "pop3", "tls": "starttls", "port": host.port("pop3") }), "ok"),
        ("incoming", json!({ "ca_pem": null, "allow_self_signed": true }), "ok"),
        ("incoming", json!({ "password": "wrong" }), "login"),
        ("incoming", json!({ "protocol": "pop3", "port": host.port("pop3s"), "password": "wrong" }), "login"),
        ("incoming", json!({ "port": closed }), "port"),
        ("incoming", json!({ "host": "no-such-host.invalid" }), "host"),
        ("incoming", json!({ "port": host.port("imap") }), "tls"),
        ("incoming", json!({ "ca_pem": null }), "certificate"),
        ("incoming", json!({ "tls": "none", "port": host.port("smtp") }), "protocol"),
        ("incoming", json!({ "folder": "没有这个文件夹" }), "folder"),
        ("outgoing", json!({}), "ok"),
        ("outgoing", json!({ "tls": "none" }), "ok"),
        ("outgoing", json!({ "ca_pem": null, "allow_self_signed": true }), "ok"),
        ("outgoing", json!({ "password": "wrong" }), "login"),
        ("outgoing", json!({ "port": closed }), "port"),
        ("outgoing", json!({ "host": "no-such-host.invalid" }), "host"),
        ("outgoing", json!({ "tls": "tls" }), "tls"),
        ("outgoing", json!({ "ca_pem": null }), "certificate"),
    ] {
        let (got, reply, told) = trial(side, change.clone());
        assert_eq!(got, why, "{side} {change}: {reply}");
        assert!(!reply.is_empty());
        if why != "ok" {
            assert!(!told.is_empty());
            advice.insert(told);
        }
    }
    assert_eq!(advice.len(), 7, "each kind of trouble has advice of its own: {advice:#?}");
    assert_eq!(before, host.status("one@shop.example"), "nothing changed on the server");
    // The server's own words reach the page.
    assert!(trial("incoming", json!({ "password": "wrong" })).1.contains("AUTHENTICATIONFAILED") || trial("incoming", json!({ "password": "wrong" })).1.contains("Authentication failed"));
}

#[test]
fn mail_is_fetched_once_marked_after_the_commit_and_read_elsewhere_it_still_comes() {
    let Some(host) = mailhost() else { return };
    on_both(app, |t| {
        let user = "two@shop.example";
        empty(&host, user);
        host.deliver(user, &mail("first", ""));
        host.deliver(user, &mail("second", ""));
        host.doveadm(&["flags", "add", "-u", user, "\\Seen", "mailbox", "INBOX", "ALL"]);
        host.deliver(user, &mail("third", ""));
        let inbox = inbox_with(&t, json!({ "name": "n", "address": user, "incoming": host.imap(user) }));
        assert_eq!(look(&t, inbox).unwrap(), Looked { stored: 3, duplicates: 0 });
        assert_eq!(subjects(&t), ["first", "second", "third"]);
        assert!(host.status(user).contains("unseen=0"), "{}", host.status(user));
        assert_eq!(look(&t, inbox).unwrap(), Looked::default());
        assert_eq!(t.get(&t.admin(), "/api/v1/inboxes").expect(200)["items"][0]["health"]["state"], "ok");
        assert!(shouwen_email::health(&t.app).unwrap().is_empty());
    });
}

#[test]
fn a_new_inbox_takes_from_now_on_unless_asked_for_more_and_leaves_marks_alone_when_told() {
    let Some(host) = mailhost() else { return };
    on_both(app, |t| {
        let user = "three@shop.example";
        empty(&host, user);
        host.deliver(user, &mail("old", ""));
        let mut incoming = host.imap(user);
        incoming["import_from"] = json!("now");
        incoming["after_fetch"] = json!("nothing");
        // The mail server tells real dates in whole seconds; "now" is the second in which the inbox was set up.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        t.clock.set(shouwen_kernel::Clock::now(&shouwen_kernel::SystemClock));
        let inbox = inbox_with(&t, json!({ "name": "n", "address": user, "incoming": incoming }));
        host.deliver(user, &mail("between", ""));
        assert_eq!(look(&t, inbox).unwrap().stored, 1, "what comes before the first look is not lost");
        host.deliver(user, &mail("new", ""));
        assert_eq!(look(&t, inbox).unwrap().stored, 1);
        assert_eq!(subjects(&t), ["between", "new"]);
        assert!(host.status(user).contains("unseen=3"), "{}", host.status(user));
    });
}

#[test]
fn fetched_mail_can_be_moved_to_a_folder_with_a_chinese_name() {
    let Some(host) = mailhost() else { return };
    on_both(app, |t| {
        let user = "four@shop.example";
        empty(&host, user);
        let _ = std::process::Command::new("true").status();
        if !host.doveadm(&["mailbox", "list", "-u", user]).contains("归档") && !host.doveadm(&["mailbox", "list", "-u", user]).contains('&') {
            host.doveadm(&["mailbox", "create", "-u", user, "归档"]);
        }
        host.doveadm(&["expunge", "-u", user, "mailbox", "归档", "ALL"]);
        host.deliver(user, &mail("to be moved", ""));
        let mut incoming = host.imap(user);
        incoming["after_fetch"] = json!("move");
        incoming["move_to"] = json!("归档");
        let inbox = inbox_with(&t, json!({ "name": "n", "address": user, "incoming": incoming }));
        assert_eq!(look(&t, inbox).unwrap().stored, 1);
        assert!(host.status(user).contains("messages=0"));
        assert!(host.doveadm(&["mailbox", "status", "-u", user, "messages", "归档"]).contains("messages=1"));
        assert_eq!(look(&t, inbox).unwrap(), Looked::default());
    });
}

#[test]
fn rel_12_a_changed_uidvalidity_doubles_and_loses_nothing() {
    let Some(host) = mailhost() else { return };
    on_both(app, |t| {
        let user = "five@shop.example";
        empty(&host, user);
        host.save(user, (0..120).map(|i| mail(&format!("mail {i:03}"), "")));
        let inbox = inbox_with(&t, json!({ "name": "n", "address": user, "incoming": host.imap(user) }));
        assert_eq!(look(&t, inbox).unwrap().stored, 120);
        let value = t.clock_value();
        host.doveadm(&["mailbox", "update", "-u", user, "--uid-validity", &value, "INBOX"]);
        host.deliver(user, &mail("after the change", ""));
        let again = look(&t, inbox).unwrap();
        assert_eq!(again, Looked { stored: 1, duplicates: 120 });
        assert_eq!(received(&t).len(), 121);
        assert_eq!(look(&t, inbox).unwrap(), Looked::default());
    });
}

trait ClockValue {
    fn clock_value(&self) -> String;
}
impl ClockValue for TestApp {
    fn clock_value(&self) -> String {
        let seconds = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        (seconds + 1000 + u64::from(self.engine() == shouwen_store::Engine::Postgres)).to_string()
    }
}

#[test]
fn rel_12_connections_that_break_in_the_middle_lose_and_double_nothing() {
    let Some(host) = mailhost() else { return };
    on_both(app, |t| {
        let user = "six@shop.example";
        empty(&host, user);
        host.save(user, (0..300).map(|i| mail(&format!("mail {i:03}"), &format!("X-Fill: {}\r\n", "x".repeat(700)))));
        let proxy = Proxy::to(host.port("imap"));
        let mut incoming = host.imap(user);
        incoming["tls"] = json!("none");
        incoming["host"] = json!("127.0.0.1");
        incoming["port"] = json!(proxy.port);
        let inbox = inbox_with(&t, json!({ "name": "n", "address": user, "incoming": incoming }));
        let mut looks = 0;
        // From a break inside the login to breaks far inside the bodies.
        for cut in [10usize, 300, 900, 2_000, 20_000, 26_000, 33_000, 47_111, 60_001, 100_000, 150_000] {
            proxy.cut_after(cut);
            for _ in 0..3 {
                looks += 1;
                let outcome = look(&t, inbox);
                if outcome.is_ok() {
                    break;
                }
                let health = t.get(&t.admin(), "/api/v1/inboxes").expect(200)["items"][0]["health"].clone();
                assert_eq!(health["state"], "trouble", "{health}");
                assert_eq!(shouwen_email::health(&t.app).unwrap().len(), 1);
            }
        }
        proxy.cut_after(usize::MAX);
        look(&t, inbox).unwrap();
        let mut got = subjects(&t);
        got.sort();
        let unique: std::collections::BTreeSet<_> = got.iter().collect();
        assert_eq!((got.len(), unique.len()), (300, 300), "after {looks} looks and {} breaks", proxy.cuts.load(std::sync::atomic::Ordering::SeqCst));
        assert_eq!(got[0], "mail 000");
        assert!(shouwen_email::health(&t.app).unwrap().is_empty(), "good again");
        assert!(host.status(user).contains("unseen=0"), "{}", host.status(user));
    });
}

#[test]
fn pop3_takes_each_mail_once_and_deletes_only_when_told_and_stored() {
    let Some(host) = mailhost() else { return };
    on_both(app, |t| {
        let user = "seven@shop.example";
        empty(&host, user);
        host.deliver(user, &mail("first", "X-Dots: yes\r\n"));
        host.deliver(user, &format!("{}.leading dot\r\n..two\r\n", mail("second", "")));
        let mut incoming = json!({ "protocol": "pop3", "host": "localhost", "port": host.port("pop3s"), "tls": "tls", "user": user, "password": host.password(), "ca_pem": host.ca(), "import_from": "all" });
        let inbox = inbox_with(&t, json!({ "name": "n", "address": user, "incoming": incoming }));
        assert_eq!(look(&t, inbox).unwrap().stored, 2);
        assert_eq!(look(&t, inbox).unwrap(), Looked::default());
        assert!(host.status(user).contains("messages=2"));
        incoming["after_fetch"] = json!("delete");
        t.patch(&t.admin(), &format!("/api/v1/inboxes/{inbox}"), json!({ "version": 1, "incoming": incoming })).expect(200);
        host.deliver(user, &mail("third", ""));
        assert_eq!(look(&t, inbox).unwrap().stored, 1);
        assert!(host.status(user).contains("messages=2"), "only what was fetched since is deleted: {}", host.status(user));
        let mut got = subjects(&t);
        got.sort();
        assert_eq!(got, ["first", "second", "third"]);
        let second = received(&t).into_iter().find(|e| e.subject == "second").unwrap();
        let raw = t.db.read_blocking(move |tx| tx.blob(&second.raw)).unwrap().unwrap();
        assert!(String::from_utf8_lossy(&raw).contains("\r\n.leading dot\r\n..two\r\n"));
    });
}

#[test]
fn rel_11_sent_refused_and_deferred_are_told_with_the_servers_words() {
    let Some(host) = mailhost() else { return };
    on_both(app, |t| {
        let user = "eight@shop.example";
        empty(&host, "li@customer.example");
        let inbox = inbox_with(&t, json!({ "name": "售后", "address": user, "outgoing": host.smtp(user) }));
        send(&t, &outbound(&t, inbox, &["li@customer.example"], None));
        until("it is delivered", || host.mails("li@customer.example").len() == 1);
        let raw = host.mails("li@customer.example").remove(0);
        assert!(raw.contains("In-Reply-To: <m1@customer.example>") && raw.contains("eight@shop.example") && !raw.contains("Auto-Submitted"), "{raw}");
        send(&t, &outbound(&t, inbox, &["a@refuse.example"], None));
        send(&t, &outbound(&t, inbox, &["a@defer.example"], None));
        let told = deliveries(&t);
        let states: Vec<&str> = told.iter().map(|d| d.0.as_str()).collect();
        assert_eq!(states, ["sending", "sent", "sending", "failed", "sending", "deferred"], "{told:?}");
        assert!(told[1].1.starts_with("250"), "{told:?}");
        assert!(told[3].1.contains("550") && told[3].1.contains("There is no such person here") && !told[3].1.contains("a@refuse"), "{told:?}");
        assert!(told[5].1.contains("451") && told[5].1.contains("Come back later"), "{told:?}");
        // A refused recipient does not keep the mail from the others, and nobody gets it twice.
        send(&t, &outbound(&t, inbox, &["li@customer.example", "b@refuse.example", "b@defer.example"], None));
        until("the good recipient has it", || host.mails("li@customer.example").len() == 2);
        t.clock.advance(3600);
        carry_out(&t);
        std::thread::sleep(std::time::Duration::from_millis(500));
        assert_eq!(host.mails("li@customer.example").len(), 2, "not again");
        assert!(deliveries(&t).last().unwrap().1.contains("the other recipients have it"), "{:?}", deliveries(&t));
        // A wrong password is no reason to lose a mail.
        let mut outgoing = host.smtp(user);
        outgoing["password"] = json!("wrong");
        t.patch(&t.admin(), &format!("/api/v1/inboxes/{inbox}"), json!({ "version": 1, "outgoing": outgoing })).expect(200);
        send(&t, &outbound(&t, inbox, &["li@customer.example"], None));
        let last = deliveries(&t).pop().unwrap();
        assert!(last.0 == "deferred" && last.1.contains("535"), "{last:?}");
        assert_eq!(shouwen_email::health(&t.app).unwrap().len(), 1);
    });
}

#[test]
fn an_answer_returns_to_its_thread_by_its_signed_token_and_our_own_copy_is_no_message() {
    let Some(host) = mailhost() else { return };
    on_both(app, |t| {
        let (user, sales) = ("nine@shop.example", "sales@shop.example");
        for address in [user, sales, "wang@customer.example"] {
            empty(&host, address);
        }
        let mut outgoing = host.smtp(user);
        outgoing["plus_address"] = json!(true);
        let inbox = inbox_with(&t, json!({ "name": "售后", "address": user, "incoming": host.imap(user), "outgoing": outgoing }));
        let other = inbox_with(&t, json!({ "name": "销售", "address": sales, "incoming": host.imap(sales) }));
        let conversation = t.app.ids().next::<ConversationId>(&*t.clock);
        send(&t, &outbound(&t, inbox, &["wang@customer.example", sales, user], Some(conversation)));
        until("it is delivered", || host.mails("wang@customer.example").len() == 1 && host.mails(sales).len() == 1 && host.mails(user).len() == 1);
        let raw = host.mails("wang@customer.example").remove(0);
        let id = raw.lines().find_map(|l| l.strip_prefix("Message-ID: ")).unwrap().trim().to_owned();
        assert!(id.starts_with("<c.") && id.ends_with("@shop.example>"), "{id}");
        assert!(raw.contains("nine+c."), "the reply address carries the thread too: {raw}");
        host.deliver(user, &mail("answer", &format!("In-Reply-To: {id}\r\n")));
        let forged = id.replace("<c.", "<c.a");
        host.deliver(user, &mail("forged", &format!("In-Reply-To: {forged}\r\nReferences: {conversation}\r\n")));
        look(&t, inbox).unwrap();
        look(&t, other).unwrap();
        let told = received(&t);
        let of = |subject: &str| told.iter().filter(|e| e.subject == subject).collect::<Vec<_>>();
        assert_eq!(of("answer")[0].token, Some(conversation));
        assert_eq!(of("forged")[0].token, None);
        // Mail from one of our inboxes to another is mail there; the copy to itself is not mail.
        let ours = of("回复：退款");
        assert_eq!(ours.len(), 1, "{told:#?}");
        assert_eq!((ours[0].inbox_id, ours[0].auto.as_deref()), (other, None));
        t.db.read_blocking(move |tx| {
            let (state, reason): (String, String) = tx.one("SELECT state, reason FROM mail_message WHERE inbox_id = ?1 AND state <> 'parsed'", shouwen_store::params![inbox])?;
            assert_eq!(state, "own");
            assert!(reason.contains("our own message"));
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn what_bounces_later_is_told_of_the_message_that_was_sent() {
    let Some(host) = mailhost() else { return };
    on_both(app, |t| {
        let user = "ten@shop.example";
        empty(&host, user);
        let inbox = inbox_with(&t, json!({ "name": "售后", "address": user, "incoming": host.imap(user), "outgoing": host.smtp(user) }));
        let conversation = t.app.ids().next::<ConversationId>(&*t.clock);
        let message = outbound(&t, inbox, &["x@later.example"], Some(conversation));
        send(&t, &message);
        until("the report comes back", || host.mails(user).len() == 1);
        look(&t, inbox).unwrap();
        let told = deliveries(&t);
        assert_eq!(told.iter().map(|d| d.0.as_str()).collect::<Vec<_>>(), ["sending", "sent", "bounced"], "{told:?}");
        let report = received(&t).pop().unwrap();
        assert_eq!(report.auto.as_deref(), Some("bounce"));
        assert!(report.bounce_of.as_deref().is_some_and(|w| w.starts_with("c.") && w.ends_with("@shop.example")), "{report:?}");
    });
}

#[test]
fn rel_12_a_running_server_hears_of_new_mail_at_once_and_comes_back_after_the_mail_host_was_gone() {
    let Some(host) = mailhost() else { return };
    let t = TestApp::sqlite(app);
    let user = "service@shop.example";
    empty(&host, user);
    let proxy = Proxy::to(host.port("imap"));
    let mut incoming = host.imap(user);
    incoming["tls"] = json!("none");
    incoming["host"] = json!("127.0.0.1");
    incoming["port"] = json!(proxy.port);
    inbox_with(&t, json!({ "name": "n", "address": user, "incoming": incoming }));
    let _guard = runtime().enter();
    for task in shouwen_email::module().tasks {
        runtime().spawn(task(t.app.clone()));
    }
    let health = || t.get(&t.admin(), "/api/v1/inboxes").expect(200)["items"][0]["health"]["state"].as_str().unwrap().to_owned();
    until("it is connected", || health() == "ok");
    std::thread::sleep(std::time::Duration::from_millis(500));
    let started = std::time::Instant::now();
    host.deliver(user, &mail("hello", ""));
    until("IDLE tells of it", || subjects(&t) == ["hello"]);
    println!("from SMTP to message.received: {:?}", started.elapsed());
    proxy.dead(true);
    host.doveadm(&["kick", user]);
    until("trouble is visible", || health() == "trouble");
    host.deliver(user, &mail("while away", ""));
    proxy.dead(false);
    let healed = std::time::Instant::now();
    until("it comes back by itself", || subjects(&t) == ["hello", "while away"] && health() == "ok");
    println!("back after {:?}", healed.elapsed());
    t.app.stopping().cancel();
}

#[test]
fn xoauth2_with_tokens_of_our_own_fetching_reads_from_dovecot_and_sends_through_postfix() {
    let Some(host) = mailhost() else { return };
    let user = "nine@shop.example";
    on_both(app, |t| {
        empty(&host, user);
        let (url, forms) = fakes::token_endpoint(vec![(200, json!({ "access_token": "bad.token", "expires_in": 3600 })), (200, json!({ "access_token": format!("good.{user}"), "expires_in": 3600 }))]);
        let (mut incoming, mut outgoing) = (host.imap(user), host.smtp(user));
        for side in [&mut incoming, &mut outgoing] {
            side["auth"] = json!("xoauth2");
            side.as_object_mut().unwrap().remove("password");
        }
        let inbox = inbox_with(&t, json!({ "name": "n", "address": user, "incoming": incoming, "outgoing": outgoing, "oauth": { "token_url": url, "client_id": "c", "refresh_token": "r" } }));
        host.deliver(user, &mail("by token", ""));
        assert_eq!(look(&t, inbox).unwrap_err().why.code(), "login", "Dovecot refuses a token it does not know");
        assert_eq!(look(&t, inbox).unwrap().stored, 1);
        assert_eq!(subjects(&t), ["by token"]);
        let before = host.count("wang@customer.example");
        send(&t, &outbound(&t, inbox, &["wang@customer.example"], None));
        carry_out(&t);
        assert_eq!(deliveries(&t).last().map(|d| d.0.as_str()), Some("sent"), "{:?}", deliveries(&t));
        until("it lies in the mailbox", || host.count("wang@customer.example") == before + 1);
        assert_eq!(forms.lock().unwrap().len(), 2, "reading and sending share one token");
    });
}
