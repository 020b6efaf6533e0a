//! Inboxes and quarantine over the API, and what becomes of mails between storing and `message.received`, on both databases.

mod common;

use common::{app, events, inbox, received, take, take_as};
use serde_json::json;
use shouwen_contracts::channel::ChannelEvent;
use shouwen_contracts::message::Content;
use shouwen_email::{Source, Taken};
use shouwen_kernel::{Grant, Reach};
use shouwen_testkit::on_both;

fn server(password: Option<&str>) -> serde_json::Value {
    let mut side = json!({ "protocol": "imap", "host": "imap.shop.example", "tls": "tls", "user": "service@shop.example" });
    if let Some(password) = password {
        side["password"] = json!(password);
    }
    side
}

#[test]
fn an_inbox_is_created_changed_deleted_and_restored_and_its_password_never_comes_out() {
    on_both(app, |t| {
        let admin = t.admin();
        let made = t
            .post(&admin, "/api/v1/inboxes", json!({ "name": "售后", "address": "Service@Shop.example", "default_language": "zh-CN", "incoming": server(Some("s3cret-in")), "outgoing": { "host": "smtp.shop.example", "tls": "starttls", "user": "service@shop.example", "password": "s3cret-out" } }))
            .expect(201);
        assert_eq!(made["address"], "service@shop.example");
        assert_eq!((made["incoming"]["port"].as_i64(), made["outgoing"]["port"].as_i64()), (Some(993), Some(587)));
        assert_eq!(made["incoming"]["password_set"], true);
        assert_eq!((made["health"]["state"].as_str(), made["default_language"].as_str()), (Some("off"), Some("zh")));
        let id = made["id"].as_str().unwrap().to_owned();
        let listed = t.get(&admin, "/api/v1/inboxes");
        assert!(!listed.text.contains("s3cret") && !made.to_string().contains("s3cret"));
        assert_eq!(listed.expect(200)["items"].as_array().unwrap().len(), 1);
        t.db.read_blocking(|tx| {
            let (incoming, secret): (String, String) = tx.one("SELECT incoming, incoming_secret FROM mail_inbox", shouwen_store::params![])?;
            assert!(!incoming.contains("s3cret") && !secret.contains("s3cret"));
            Ok(())
        })
        .unwrap();

        let path = format!("/api/v1/inboxes/{id}");
        let changed = t.patch(&admin, &path, json!({ "version": 1, "name": "售后服务", "active": false, "signature": "此致" })).expect(200);
        assert_eq!((changed["version"].as_i64(), changed["incoming"]["password_set"].as_bool()), (Some(2), Some(true)));
        let stale = t.patch(&admin, &path, json!({ "version": 1, "name": "x" }));
        assert_eq!((stale.status.as_u16(), stale.code().as_str()), (409, "version_conflict"));
        assert_eq!(stale.json()["error"]["detail"]["current"]["name"], "售后服务");

        let gone = t.delete(&admin, &path).expect(200);
        assert_eq!(gone["mails"], 0);
        t.get(&admin, &path).expect(404);
        // The address is free again, and a restored inbox may not take it back from its new owner.
        let other = t.post(&admin, "/api/v1/inboxes", json!({ "name": "b", "address": "service@shop.example" })).expect(201);
        assert_eq!(t.post(&admin, &format!("{path}/restoration"), json!(null)).code(), "inbox.address_taken");
        t.delete(&admin, &format!("/api/v1/inboxes/{}", other["id"].as_str().unwrap())).expect(200);
        assert_eq!(t.post(&admin, &format!("{path}/restoration"), json!(null)).expect(200)["active"], false);

        let kinds: Vec<String> = events(&t).iter().map(|e| shouwen_contracts::Event::kind(e).to_owned()).collect();
        assert_eq!(kinds, ["inbox.saved", "inbox.saved", "inbox.deleted", "inbox.saved", "inbox.deleted", "inbox.saved"]);
    });
}

#[test]
fn wrong_settings_are_refused_with_the_field_and_what_would_be_right() {
    on_both(app, |t| {
        let admin = t.admin();
        let with = |key: &str, value: serde_json::Value| {
            let mut side = server(Some("p"));
            side[key] = value;
            json!({ "name": "n", "address": "a@shop.example", "incoming": side })
        };
        let cases = [
            (json!({ "name": "", "address": "a@shop.example" }), "name"),
            (json!({ "name": "n\r\nBcc: x", "address": "a@shop.example" }), "name"),
            (json!({ "name": "n", "address": "nonsense" }), "address"),
            (json!({ "name": "n", "address": "a@shop.example", "default_language": "fr" }), "default_language"),
            (json!({ "name": "n", "address": "a@shop.example", "incoming": server(None) }), "incoming.password"),
            (json!({ "name": "n", "address": "a@shop.example", "colour": "red" }), "colour"),
            (with("host", json!("imaps://imap.shop.example")), "incoming.host"),
            (with("host", json!("imap.shop.example:993")), "incoming.host"),
            (with("port", json!(0)), "incoming.port"),
            (with("user", json!("a\r\nb LOGOUT")), "incoming.user"),
            (with("after_fetch", json!("delete")), "incoming.after_fetch"),
            (with("after_fetch", json!("move")), "incoming.move_to"),
            (with("import_from", json!("date")), "incoming.import_since"),
            (with("poll_seconds", json!(1)), "incoming.poll_seconds"),
            (with("ca_pem", json!("not a certificate")), "incoming.ca_pem"),
            (with("password", json!("two\nlines")), "incoming.password"),
        ];
        for (body, field) in cases {
            let reply = t.post(&admin, "/api/v1/inboxes", body);
            assert_eq!(reply.status.as_u16(), 422, "{field}: {}", reply.text);
            let error = &reply.json()["error"];
            assert_eq!(error["field"], field, "{}", reply.text);
            assert!(error["expected"].is_string(), "{}", reply.text);
        }
        assert_eq!(t.get(&admin, "/api/v1/inboxes").expect(200)["items"].as_array().unwrap().len(), 0);
    });
}

#[test]
fn a_stored_password_goes_to_no_other_server() {
    on_both(app, |t| {
        let admin = t.admin();
        let made = t.post(&admin, "/api/v1/inboxes", json!({ "name": "n", "address": "a@shop.example", "incoming": server(Some("p")) })).expect(201);
        let path = format!("/api/v1/inboxes/{}", made["id"].as_str().unwrap());
        t.patch(&admin, &path, json!({ "version": 1, "incoming": server(None) })).expect(200);
        let mut elsewhere = server(None);
        elsewhere["host"] = json!("imap.other.example");
        let reply = t.patch(&admin, &path, json!({ "version": 2, "incoming": elsewhere }));
        assert_eq!((reply.status.as_u16(), reply.json()["error"]["field"].as_str()), (422, Some("incoming.password")));
    });
}

#[test]
fn nobody_without_the_right_sees_or_touches_inboxes_and_quarantine() {
    on_both(app, |t| {
        let admin = t.admin();
        let unit = t.db.services().ids.next::<shouwen_kernel::OrgUnitId>(&*t.clock);
        let made = t.post(&admin, "/api/v1/inboxes", json!({ "name": "n", "address": "a@shop.example", "org_unit_id": unit })).expect(201);
        let (id, version) = (made["id"].as_str().unwrap().to_owned(), made["version"].clone());
        let inbox_id = id.parse().unwrap();
        take(&t, inbox_id, &[common::too_deep()]);
            shouwen_email::drain_blocking(&t.db, None).unwrap();
        let quarantined = t.get(&admin, "/api/v1/mail/quarantine").expect(200)["items"][0]["id"].as_str().unwrap().to_owned();

        let stranger = t.person("nobody", &["case.read"]);
        let elsewhere = t.viewer("other region", ["inbox.manage", "quarantine.handle"].map(|p| Grant { permission: p.into(), reach: Reach::OrgUnits { units: [t.db.services().ids.next(&*t.clock)].into() } }).to_vec());
        let calls: Vec<(&str, String, serde_json::Value)> = vec![
            ("GET", "/api/v1/inboxes".into(), json!(null)),
            ("POST", "/api/v1/inboxes".into(), json!({ "name": "m", "address": "b@shop.example" })),
            ("POST", "/api/v1/inboxes/test".into(), json!({ "inbox_id": id })),
            ("GET", format!("/api/v1/inboxes/{id}"), json!(null)),
            ("PATCH", format!("/api/v1/inboxes/{id}"), json!({ "version": version, "name": "mine" })),
            ("DELETE", format!("/api/v1/inboxes/{id}"), json!(null)),
            ("POST", format!("/api/v1/inboxes/{id}/restoration"), json!(null)),
            ("GET", "/api/v1/mail/quarantine".into(), json!(null)),
            ("POST", format!("/api/v1/mail/quarantine/{quarantined}/retry"), json!(null)),
            ("GET", format!("/api/v1/mail/quarantine/{quarantined}/raw"), json!(null)),
            ("POST", format!("/api/v1/mail/quarantine/{quarantined}/dismissal"), json!({ "reason": "x" })),
        ];
        for (method, path, body) in calls {
            let method: axum::http::Method = method.parse().unwrap();
            assert_eq!(t.send(None, method.clone(), &path, body.clone(), &[]).status.as_u16(), 401, "{method} {path}");
            assert_eq!(t.send(Some(&stranger), method.clone(), &path, body.clone(), &[]).status.as_u16(), 403, "{method} {path}");
            let reply = t.send(Some(&elsewhere), method.clone(), &path, body, &[]);
            match (method.as_str(), path.as_str()) {
                ("GET", "/api/v1/inboxes" | "/api/v1/mail/quarantine") => assert_eq!(reply.expect(200)["items"].as_array().unwrap().len(), 0, "{path}"),
                ("POST", "/api/v1/inboxes") => assert_eq!(reply.status.as_u16(), 403),
                _ => assert_eq!(reply.status.as_u16(), 404, "{method} {path} {}", reply.text),
            }
        }
    });
}

#[test]
fn rel_13_the_same_bytes_are_one_mail_and_a_reused_or_missing_message_id_loses_none() {
    on_both(app, |t| {
        let (a, b) = (inbox(&t, "a@shop.example"), inbox(&t, "b@shop.example"));
        let first = "Message-ID: <same@customer.example>\r\nFrom: li@customer.example\r\nTo: a@shop.example\r\nSubject: 一\r\n\r\n第一封\r\n";
        let second = "Message-ID: <same@customer.example>\r\nFrom: li@customer.example\r\nTo: a@shop.example\r\nSubject: 二\r\n\r\n第二封\r\n";
        let empty = "Message-ID: \r\nFrom: li@customer.example\r\nSubject: 三\r\n\r\n第三封\r\n";
        let none = "From: li@customer.example\r\nSubject: 四\r\n\r\n第四封\r\n";
        let taken = take(&t, a, &[first, second, empty, none, first]);
        assert_eq!(taken.iter().filter(|t| matches!(t, Taken::Stored(_))).count(), 4);
        assert_eq!(taken[4], Taken::Duplicate(match taken[0] { Taken::Stored(id) | Taken::Duplicate(id) => id }));
        // Other line ends are no other mail; the same mail in another inbox is one there too.
        assert!(matches!(take(&t, a, &[&first.replace("\r\n", "\n")])[0], Taken::Duplicate(_)));
        assert!(matches!(take(&t, b, &[first])[0], Taken::Stored(_)));
        shouwen_email::drain_blocking(&t.db, None).unwrap();
        let told = received(&t);
        assert_eq!(told.len(), 5);
        assert_eq!(told.iter().filter(|e| e.wire_id.as_deref() == Some("same@customer.example")).count(), 3);
        let made: Vec<_> = told.iter().filter(|e| e.wire_id.as_deref().is_some_and(|w| w.starts_with("no-id."))).collect();
        assert_eq!(made.len(), 2);
        assert_ne!(made[0].wire_id, made[1].wire_id);
        t.db.read_blocking(|tx| {
            let notes: Vec<(String,)> = tx.all("SELECT reason FROM mail_message WHERE reason IS NOT NULL", shouwen_store::params![])?;
            assert_eq!(notes.len(), 1, "{notes:?}");
            assert!(notes[0].0.contains("same Message-ID"));
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn a_mail_is_told_once_whole_and_with_its_addresses_sealed() {
    on_both(app, |t| {
        let a = inbox(&t, "service@shop.example");
        let raw = "Message-ID: <m1@customer.example>\r\nDate: Mon, 2 Mar 2026 08:30:00 +0800\r\nFrom: =?utf-8?B?5p2O5piO?= <Li.Ming@Customer.example>\r\nReply-To: li2@customer.example\r\nTo: service@shop.example\r\nCc: boss@customer.example\r\nSubject: =?utf-8?B?6YCA5qy+?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n您好，退款什么时候到？\r\n\r\n--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=\"a.txt\"\r\n\r\nhello\r\n--b--\r\n";
        take(&t, a, &[raw]);
        assert_eq!(shouwen_email::drain_blocking(&t.db, None).unwrap(), 1);
        assert_eq!(shouwen_email::drain_blocking(&t.db, None).unwrap(), 0);
        let told = received(&t);
        let [event] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((event.subject.as_str(), event.preview.as_str(), event.language.as_deref(), event.channel.as_str()), ("退款", "您好，退款什么时候到？", Some("zh"), "email"));
        assert_eq!(event.from.name, "李明");
        assert_eq!(t.app.keys().open_address(&event.from.address).unwrap().to_lowercase(), "li.ming@customer.example");
        assert_eq!(event.from.index, t.app.keys().email_index("li.ming@customer.example"));
        assert_eq!((event.to.len(), event.cc.len(), event.reply_to.is_some(), event.auto.as_deref()), (1, 1, true, None));
        assert_eq!(event.sent_at.unwrap().to_string(), "2026-03-02T00:30:00Z");
        assert_eq!(event.attachments[0].name, "a.txt");
        let (content, file, original) = (event.content.clone(), event.attachments[0].sha256.clone(), event.raw.clone());
        t.db.read_blocking(move |tx| {
            let content: Content = serde_json::from_slice(&tx.blob(&content)?.unwrap())?;
            assert!(content.reply_text.contains("退款什么时候到"));
            assert_eq!(tx.blob(&file)?.unwrap().trim_ascii(), b"hello");
            assert_eq!(tx.blob(&original)?.unwrap(), raw.as_bytes());
            let (payload,): (String,) = tx.one("SELECT payload FROM event WHERE kind = 'message.received'", shouwen_store::params![])?;
            assert!(!payload.to_lowercase().contains("customer.example\"") || !payload.contains("li.ming@"), "no address in the clear");
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn what_cannot_be_understood_waits_in_quarantine_is_retried_and_the_next_goes_on() {
    on_both(app, |t| {
        let (admin, a) = (t.admin(), inbox(&t, "service@shop.example"));
        let deep = common::too_deep();
        take(&t, a, &["From: x@customer.example\r\nSubject: 1\r\n\r\na", &deep, "From: x@customer.example\r\nSubject: 2\r\n\r\nb"]);
        shouwen_email::drain_blocking(&t.db, None).unwrap();
        assert_eq!(received(&t).iter().map(|e| e.subject.clone()).collect::<Vec<_>>(), ["1", "2"]);
        let item = t.get(&admin, "/api/v1/mail/quarantine").expect(200)["items"][0].clone();
        assert!(item["reason"].as_str().unwrap().contains("nested"), "{item}");
        assert_eq!((item["subject_hint"].as_str(), item["from_hint"].as_str()), (Some("deep"), Some("Zhao z***@customer.example")));
        let path = format!("/api/v1/mail/quarantine/{}", item["id"].as_str().unwrap());
        assert!(t.get(&admin, &format!("{path}/raw")).text.contains("Subject: deep"));
        // A person's retry has wider bounds: now it goes in, under the same id.
        assert_eq!(t.post(&admin, &format!("{path}/retry"), json!(null)).expect(200)["state"], "stored");
        shouwen_email::drain_blocking(&t.db, None).unwrap();
        let told = received(&t);
        assert_eq!(told.len(), 3);
        assert_eq!(Some(told[2].message_id.to_string().as_str()), item["id"].as_str());
        t.post(&admin, &format!("{path}/retry"), json!(null)).expect(404);
        assert!(events(&t).iter().any(|e| matches!(e, ChannelEvent::Quarantined(_))));

        take(&t, a, &[&deep.replace("Subject: deep", "Subject: rubbish")]);
        shouwen_email::drain_blocking(&t.db, None).unwrap();
        let id = t.get(&admin, "/api/v1/mail/quarantine").expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(t.post(&admin, &format!("/api/v1/mail/quarantine/{id}/dismissal"), json!({ "reason": " " })).status.as_u16(), 422);
        t.post(&admin, &format!("/api/v1/mail/quarantine/{id}/dismissal"), json!({ "reason": "spam" })).expect(200);
        assert_eq!(t.get(&admin, "/api/v1/mail/quarantine").expect(200)["items"].as_array().unwrap().len(), 0);
    });
}

#[test]
fn nul_bytes_and_missing_senders_lose_no_mail() {
    on_both(app, |t| {
        let a = inbox(&t, "service@shop.example");
        take(&t, a, &["Subject: a\0b\r\nFrom: \0 <x\0@customer.example>\r\n\r\nte\0xt", "Subject: nobody\r\n\r\nx", "", "\0\0\0\0"]);
        shouwen_email::drain_blocking(&t.db, None).unwrap();
        let told = received(&t);
        assert_eq!(told.len(), 4, "{told:#?}");
        assert_eq!(t.app.keys().open_address(&told[1].from.address).unwrap(), "unknown@sender.invalid");
    });
}

#[test]
fn old_mail_keeps_its_dates() {
    on_both(app, |t| {
        let a = inbox(&t, "service@shop.example");
        let raw = "Received: from mx by shop; Tue, 4 Feb 2025 10:00:05 +0800\r\nDate: Tue, 4 Feb 2025 09:59:00 +0800\r\nFrom: x@customer.example\r\nSubject: old\r\n\r\nx";
        let future = "Date: Tue, 4 Feb 2031 09:59:00 +0800\r\nFrom: x@customer.example\r\nSubject: future\r\n\r\nx";
        take_as(&t, a, &[raw, future], Source::Import);
        shouwen_email::drain_blocking(&t.db, None).unwrap();
        let told = received(&t);
        assert_eq!(told[0].received_at.to_string(), "2025-02-04T02:00:05Z");
        assert_eq!(told[1].received_at, shouwen_testkit::START, "never in the future");
    });
}

#[test]
fn sec_mail_servers_inside_private_networks_are_refused_unless_allowed_by_name() {
    on_both(app, |t| {
        let admin = t.admin();
        let side = |host: &str| json!({ "protocol": "imap", "host": host, "port": 80, "tls": "none", "user": "u", "password": "p" });
        for host in ["169.254.169.254", "[fe80::1]", "::ffff:169.254.169.254", "10.0.0.5", "192.168.1.1", "[::1]", "0.0.0.0", "box.localhost"] {
            let tried = t.post(&admin, "/api/v1/inboxes/test", json!({ "incoming": side(host) }));
            assert_eq!((tried.status.as_u16(), tried.json()["error"]["field"].as_str()), (422, Some("incoming.host")), "{host}: {}", tried.text);
            let made = t.post(&admin, "/api/v1/inboxes", json!({ "name": "n", "address": "a@shop.example", "outgoing": { "host": host, "tls": "none", "auth": "none" } }));
            assert_eq!((made.status.as_u16(), made.json()["error"]["field"].as_str()), (422, Some("outgoing.host")), "{host}: {}", made.text);
        }
        assert!(t.post(&admin, "/api/v1/inboxes/test", json!({ "incoming": side("10.0.0.5") })).text.contains("--allow-private-host 10.0.0.5"));
        // The house under test allows these two by name; there is no server, but it may be asked.
        for host in ["127.0.0.1", "localhost"] {
            let mut closed = side(host);
            closed["port"] = json!(1);
            let tried = t.post(&admin, "/api/v1/inboxes/test", json!({ "incoming": closed.clone(), "outgoing": { "host": host, "port": 1, "tls": "none", "auth": "none" } })).expect(200);
            assert_eq!((tried["incoming"]["why"].as_str(), tried["outgoing"]["why"].as_str()), (Some("port"), Some("port")), "{tried}");
        }
    });
}

#[test]
fn limits_of_the_quarantine_are_settings_and_a_retry_after_raising_them_succeeds() {
    on_both(app, |t| {
        let (admin, a) = (t.admin(), inbox(&t, "service@shop.example"));
        let circular = format!("From: x@customer.example\r\nSubject: circular\r\nTo: {}\r\n\r\nhello", (0..2_500).map(|i| format!("u{i}@customer.example")).collect::<Vec<_>>().join(",\r\n "));
        // Folded lines count as header lines too: that is the first limit it passes.
        let limits = |recipients: usize| shouwen_email::Limits { header_lines: 10_000, recipients, ..shouwen_email::Limits::default() };
        t.db.write_blocking(move |tx| shouwen_email::set_limits(tx, &limits(100))).unwrap();
        take(&t, a, &[&circular]);
        shouwen_email::drain_blocking(&t.db, None).unwrap();
        let item = || t.get(&admin, "/api/v1/mail/quarantine").expect(200)["items"][0].clone();
        assert!(item()["reason"].as_str().unwrap().contains("has 2500 recipients; at most 100"), "{}", item());
        let retry = format!("/api/v1/mail/quarantine/{}/retry", item()["id"].as_str().unwrap());
        t.post(&admin, &retry, json!(null)).expect(200);
        shouwen_email::drain_blocking(&t.db, None).unwrap();
        assert!(item()["reason"].as_str().unwrap().contains("has 2500 recipients; at most 2000"), "a retry has wider bounds, still bounds: {}", item());
        t.db.write_blocking(move |tx| shouwen_email::set_limits(tx, &limits(3_000))).unwrap();
        t.post(&admin, &retry, json!(null)).expect(200);
        shouwen_email::drain_blocking(&t.db, None).unwrap();
        let told = received(&t);
        assert_eq!((told.len(), told[0].to.len(), told[0].subject.as_str()), (1, 2_500, "circular"));
    });
}

#[test]
fn a_large_html_mail_shows_its_text_and_keeps_the_html() {
    on_both(app, |t| {
        let a = inbox(&t, "service@shop.example");
        let raw = format!("From: x@customer.example\r\nSubject: big\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>{}</body></html>", "<p style=\"color:#123456\">海尔冰箱不制冷</p>\r\n".repeat(100_000));
        take(&t, a, &[&raw]);
        shouwen_email::drain_blocking(&t.db, None).unwrap();
        let told = received(&t);
        assert!(told[0].preview.starts_with("海尔冰箱不制冷"), "{}", told[0].preview);
        assert_eq!(told[0].attachments[0].name, "message.html");
        let sha = told[0].content.clone();
        t.db.read_blocking(move |tx| {
            let content: Content = serde_json::from_slice(&tx.blob(&sha)?.unwrap())?;
            assert!(content.html.is_none() && content.reply_text.contains("附件 message.html") && content.text.chars().count() > 100_000);
            Ok(())
        })
        .unwrap();
    });
}
