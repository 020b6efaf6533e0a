//! XOAUTH2 with tokens of our own fetching: a token endpoint and mail servers that follow a script.

mod common;
#[path = "common/fakes.rs"]
mod fakes;

use std::io::Write;

use base64::Engine as _;
use common::{app, inbox_with};
use fakes::{Fake, line, token_endpoint as endpoint};
use serde_json::{Value, json};
use shouwen_kernel::InboxId;
use shouwen_testkit::{TestApp, on_both};

/// IMAP (empty mailbox) and POP3 that let in who shows one of `good`, and tell the others why as Google does.
fn mail_server(good: &'static [&'static str]) -> Fake {
    Fake::start(move |_, reader, writer, note| {
        writer.write_all(b"* OK fake\r\n")?;
        let known = |piece: &str| good.iter().any(|token| piece == base64::engine::general_purpose::STANDARD.encode(format!("user=u@shop.example\x01auth=Bearer {token}\x01\x01")));
        loop {
            let command = line(reader)?;
            note(&command);
            let mut words = command.splitn(3, ' ');
            let (tag, verb, rest) = (words.next().unwrap_or("").to_owned(), words.next().unwrap_or("").to_ascii_uppercase(), words.next().unwrap_or("").to_owned());
            match verb.as_str() {
                "AUTHENTICATE" => {
                    assert_eq!(rest, "XOAUTH2");
                    writer.write_all(b"+ \r\n")?;
                    let piece = line(reader)?;
                    note(&piece);
                    if known(&piece) {
                        writer.write_all(format!("{tag} OK in\r\n").as_bytes())?;
                    } else {
                        writer.write_all(b"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n")?;
                        assert_eq!(line(reader)?, "", "a challenge with the reason is answered with nothing");
                        writer.write_all(format!("{tag} NO [AUTHENTICATIONFAILED] Invalid credentials\r\n").as_bytes())?;
                    }
                }
                "SELECT" | "EXAMINE" => writer.write_all(format!("* 0 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 1] ok\r\n{tag} OK done\r\n").as_bytes())?,
                "UID" => writer.write_all(format!("* SEARCH\r\n{tag} OK\r\n").as_bytes())?,
                "LOGOUT" => return writer.write_all(format!("* BYE\r\n{tag} OK\r\n").as_bytes()),
                _ => writer.write_all(format!("{tag} OK\r\n").as_bytes())?,
            }
        }
    })
}

fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: std::sync::OnceLock<tokio::runtime::Runtime> = std::sync::OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap())
}

fn look(t: &TestApp, inbox: InboxId) -> Result<(), shouwen_email::Trouble> {
    let app = t.app.clone();
    runtime().block_on(async move { shouwen_email::fetch_once(&app, inbox).await }).map(|_| ())
}

fn incoming(port: u16) -> Value {
    json!({ "protocol": "imap", "host": "127.0.0.1", "port": port, "tls": "none", "auth": "xoauth2", "user": "u@shop.example" })
}

fn body(port: u16, token_url: &str) -> Value {
    json!({ "name": "n", "address": "u@shop.example", "incoming": incoming(port), "oauth": { "token_url": token_url, "client_id": "client-1", "client_secret": "s3cret-client", "refresh_token": "s3cret-refresh", "scope": "https://mail.google.com/" } })
}

#[test]
fn tokens_are_fetched_kept_until_they_expire_and_sealed() {
    on_both(app, |t| {
        let (url, forms) = endpoint(vec![(200, json!({ "access_token": "access-1", "expires_in": 3600, "token_type": "Bearer" })), (200, json!({ "access_token": "access-2", "expires_in": "3599", "refresh_token": "s3cret-refresh-2" })), (200, json!({ "access_token": "access-1", "expires_in": 3600 }))]);
        let server = mail_server(&["access-1", "access-2"]);
        let inbox = inbox_with(&t, body(server.port, &url));
        for _ in 0..3 {
            look(&t, inbox).unwrap();
        }
        assert_eq!(forms.lock().unwrap().len(), 1, "a token that is good is used again");
        assert_eq!(forms.lock().unwrap()[0], "grant_type=refresh_token&refresh_token=s3cret-refresh&client_id=client-1&client_secret=s3cret-client&scope=https%3A%2F%2Fmail.google.com%2F");
        t.clock.advance(3600 - 60);
        look(&t, inbox).unwrap();
        assert_eq!(forms.lock().unwrap().len(), 2, "one that is about to expire is not");
        t.clock.advance(3600);
        look(&t, inbox).unwrap();
        assert!(forms.lock().unwrap()[2].contains("refresh_token=s3cret-refresh-2&"), "the provider changed the refresh token: {:?}", forms.lock().unwrap());

        let shown = t.get(&t.admin(), "/api/v1/inboxes");
        assert!(!shown.text.contains("s3cret") && !shown.text.contains("access-"), "{}", shown.text);
        let oauth = shown.expect(200)["items"][0]["oauth"].clone();
        assert_eq!((oauth["client_secret_set"].as_bool(), oauth["refresh_token_set"].as_bool(), oauth["client_id"].as_str()), (Some(true), Some(true), Some("client-1")));
        assert!(oauth["expires_at"].is_string());
        let rows: Vec<(String, String, String)> = t.db.read_blocking(|tx| tx.all("SELECT client_secret, refresh_token, access_token FROM mail_oauth", shouwen_store::params![])).unwrap();
        assert!([&rows[0].0, &rows[0].1, &rows[0].2].iter().all(|sealed| sealed.starts_with("s1.") && !sealed.contains("s3cret") && !sealed.contains("access")), "{rows:?}");
    });
}

#[test]
fn a_token_the_server_refuses_is_fetched_anew_and_a_revoked_grant_is_told_in_the_providers_words() {
    on_both(app, |t| {
        let (url, forms) = endpoint(vec![(200, json!({ "access_token": "revoked", "expires_in": 3600 })), (200, json!({ "access_token": "access-1", "expires_in": 3600 })), (400, json!({ "error": "invalid_grant", "error_description": "Token has been expired or revoked." }))]);
        let server = mail_server(&["access-1"]);
        let inbox = inbox_with(&t, body(server.port, &url));
        let refused = look(&t, inbox).unwrap_err();
        assert_eq!(refused.why.code(), "login", "{refused}");
        look(&t, inbox).unwrap();
        assert_eq!(forms.lock().unwrap().len(), 2);
        t.clock.advance(7200);
        let gone = look(&t, inbox).unwrap_err();
        assert_eq!(gone.why.code(), "token");
        assert!(gone.words.contains("invalid_grant: Token has been expired or revoked."), "{gone}");
        let health = t.get(&t.admin(), "/api/v1/inboxes").expect(200)["items"][0]["health"].clone();
        assert!(health["state"] == "trouble" && health["error"].as_str().unwrap().contains("invalid_grant"), "{health}");
    });
}

#[test]
fn the_test_button_tries_a_token_and_stores_nothing() {
    on_both(app, |t| {
        let admin = t.admin();
        let (url, forms) = endpoint(vec![(200, json!({ "access_token": "access-1" })), (401, json!({ "error": "invalid_client" })), (200, json!({ "access_token": "access-1" }))]);
        let server = mail_server(&["access-1"]);
        let trial = |url: &str| json!({ "incoming": incoming(server.port), "oauth": body(1, url)["oauth"] });
        assert_eq!(t.post(&admin, "/api/v1/inboxes/test", trial(&url)).expect(200)["incoming"]["ok"], true);
        let bad = t.post(&admin, "/api/v1/inboxes/test", trial(&url)).expect(200)["incoming"].clone();
        assert!(bad["why"] == "token" && bad["reply"].as_str().unwrap().contains("invalid_client") && bad["advice"].is_string(), "{bad}");
        let inbox = inbox_with(&t, body(server.port, &url));
        // Stored secrets serve the servers they were stored for, and no other.
        assert_eq!(t.post(&admin, "/api/v1/inboxes/test", json!({ "inbox_id": inbox, "incoming": incoming(server.port) })).expect(200)["incoming"]["ok"], true);
        let before = forms.lock().unwrap().len();
        let mut elsewhere = incoming(server.port);
        elsewhere["host"] = json!("localhost");
        let other = t.post(&admin, "/api/v1/inboxes/test", json!({ "inbox_id": inbox, "incoming": elsewhere, "oauth": { "token_url": url, "client_id": "client-1" } }));
        assert_eq!((other.status.as_u16(), other.json()["error"]["field"].as_str()), (422, Some("oauth.refresh_token")), "{}", other.text);
        assert_eq!(forms.lock().unwrap().len(), before);
    });
}

#[test]
fn oauth_settings_are_checked_changed_and_removed() {
    on_both(app, |t| {
        let admin = t.admin();
        let with = |key: &str, value: Value| {
            let mut body = body(993, "https://login.example.com/token");
            body["oauth"][key] = value;
            body
        };
        for (bad, field) in [
            (with("token_url", json!("http://login.example.com/token")), "oauth.token_url"),
            (with("token_url", json!("https://169.254.169.254/token")), "oauth.token_url"),
            (with("token_url", json!("https://10.0.0.1/token")), "oauth.token_url"),
            (with("token_url", json!("nonsense")), "oauth.token_url"),
            (with("token_url", json!(5)), "oauth.token_url"),
            (with("client_id", json!(" ")), "oauth.client_id"),
            (with("refresh_token", Value::Null), "oauth.refresh_token"),
            (with("client_secret", json!("a\nb")), "oauth.client_secret"),
            (with("colour", json!("red")), "oauth.colour"),
        ] {
            let reply = t.post(&admin, "/api/v1/inboxes", bad);
            assert_eq!((reply.status.as_u16(), reply.json()["error"]["field"].as_str()), (422, Some(field)), "{}", reply.text);
        }
        let made = t.post(&admin, "/api/v1/inboxes", body(993, "https://login.example.com/token")).expect(201);
        let path = format!("/api/v1/inboxes/{}", made["id"].as_str().unwrap());
        // The name alone; the client alone with its stored refresh token gone; another host.
        t.patch(&admin, &path, json!({ "version": 1, "name": "m" })).expect(200);
        t.patch(&admin, &path, json!({ "version": 2, "oauth": { "token_url": "https://login.example.com/token", "client_id": "client-1" } })).expect(200);
        let other = t.patch(&admin, &path, json!({ "version": 3, "oauth": { "token_url": "https://login.example.com/token", "client_id": "client-2" } }));
        assert_eq!((other.status.as_u16(), other.json()["error"]["field"].as_str()), (422, Some("oauth.refresh_token")));
        let mut moved = incoming(993);
        moved["host"] = json!("localhost");
        let other = t.patch(&admin, &path, json!({ "version": 3, "incoming": moved }));
        assert_eq!((other.status.as_u16(), other.json()["error"]["field"].as_str()), (422, Some("oauth.refresh_token")));
        // Without OAuth the side needs a password again.
        let none = t.patch(&admin, &path, json!({ "version": 3, "oauth": null }));
        assert_eq!((none.status.as_u16(), none.json()["error"]["field"].as_str()), (422, Some("incoming.password")));
        let mut by_password = incoming(993);
        by_password["auth"] = json!("password");
        by_password["password"] = json!("p");
        let changed = t.patch(&admin, &path, json!({ "version": 3, "oauth": null, "incoming": by_password })).expect(200);
        assert!(changed["oauth"].is_null());
        assert_eq!(t.db.read_blocking(|tx| tx.one::<(i64,)>("SELECT count(*) FROM mail_oauth", shouwen_store::params![])).unwrap().0, 0);
    });
}
