use std::cell::RefCell;

use axum::http::Method;
use serde_json::{Value as Json, json};
use shouwen_store::params;
use shouwen_testkit::TestApp;

use crate::house::{ADMIN, Browser, House, PASSWORD, modules, on_both};

#[test]
fn sec_01_a_session_planted_before_sign_in_is_worthless_afterwards() {
    on_both(|house| {
        house.set_up(true);
        // A token of the attacker's choosing is not taken over.
        let victim = house.browser();
        *victim.cookie.borrow_mut() = Some("planted".into());
        victim.sign_in(ADMIN, PASSWORD).expect(200);
        assert_ne!(victim.token(), "planted");
        house.browser_with("planted").get("/session").expect(401);
        // A real session of the attacker's, planted in the victim's browser, ends at sign-in.
        let attacker = house.browser();
        attacker.sign_in(ADMIN, PASSWORD).expect(200);
        let planted = attacker.token();
        *victim.cookie.borrow_mut() = Some(planted.clone());
        victim.sign_in(ADMIN, PASSWORD).expect(200);
        assert_ne!(victim.token(), planted);
        attacker.get("/session").expect(401);
        victim.get("/session").expect(200);
        // Bytes that are no token at all do no harm.
        for fuzz in ["%00%ff", "O:8:\"stdClass\":0:{}", "{\"a\":1}", &"x".repeat(4000)] {
            house.browser_with(fuzz).get("/session").expect(401);
        }
    });
}

impl House {
    pub fn browser_with(&self, cookie: &str) -> Browser<'_> {
        Browser { house: self, cookie: RefCell::new(Some(cookie.to_owned())), ip: "192.0.2.66" }
    }
}

#[test]
fn sec_30_cookies_carry_their_flags_and_no_token_lies_in_the_database() {
    let check = |t: TestApp| {
        let house = House::new(t, "https://desk.example.com");
        let browser = house.browser();
        let reply = browser.post("/setup", house.setup_body(true));
        let cookie = reply.headers["set-cookie"].to_str().unwrap().to_owned();
        assert!(cookie.starts_with("__Host-shouwen_session="), "{cookie}");
        for flag in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
            assert!(cookie.contains(flag), "{flag} in {cookie}");
        }
        assert!(!cookie.contains("Domain"));
        assert_eq!(browser.token().len(), 52, "256 bits");
        assert_eq!(reply.headers["cache-control"], "no-store");
        // SEC-28: what the database holds signs nobody in.
        let (stored, hash): (String, String) = house
            .t
            .db
            .read_blocking(|tx| tx.one("SELECT s.token_hash, p.password_hash FROM identity_session s JOIN identity_person p ON p.id = s.person_id", params![]))
            .unwrap();
        assert!(!stored.contains(&browser.token()) && stored.len() == 64);
        house.browser_with(&stored).get("/session").expect(401);
        // SEC-21: nor does a stolen password hash.
        house.browser().sign_in(ADMIN, &hash).expect(401);
        let out = browser.delete("/session");
        assert!(out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
        assert!(out.headers.contains_key("clear-site-data"));
    };
    check(TestApp::sqlite(modules));
    if let Ok(url) = std::env::var(shouwen_testkit::POSTGRES_ENV) {
        check(TestApp::postgres(modules, &url));
    }
}

#[test]
fn a_session_ends_when_signed_out_idle_or_old() {
    on_both(|house| {
        house.set_up(true);
        let browser = house.browser();
        browser.sign_in(ADMIN, PASSWORD).expect(200);
        let token = browser.token();
        browser.delete("/session").expect(204);
        house.browser_with(&token).get("/session").expect(401);

        // Idle: twelve hours without a request.
        browser.sign_in(ADMIN, PASSWORD).expect(200);
        house.t.clock.advance(12 * 3600 - 1);
        browser.get("/session").expect(200);
        house.t.clock.advance(1);
        browser.get("/session").expect(401);

        // Used every few hours it lives on, but not beyond seven days.
        *browser.cookie.borrow_mut() = None;
        browser.sign_in(ADMIN, PASSWORD).expect(200);
        for _ in 0..16 {
            house.t.clock.advance(10 * 3600);
            browser.get("/session").expect(200);
            house.flush();
        }
        house.t.clock.advance(8 * 3600);
        browser.get("/session").expect(401);
    });
}

impl House {
    /// Lets the sweeper's task write down what it noted, by stopping it: it flushes a last time.
    pub fn flush(&self) {
        let task = modules()[0].tasks[0];
        let config = self.app.config().clone();
        let app = shouwen_web::App::new(shouwen_web::AppParts { db: self.t.db.clone(), config, authenticate: shouwen_identity::authenticate, permissions: self.app.permissions().to_vec(), pack_parts: Vec::new(), founding: Vec::new() });
        app.stopping().cancel();
        self.block_on(task(app));
    }
}

#[test]
fn sessions_are_listed_and_revoked_at_once() {
    on_both(|house| {
        let admin = house.set_up(true);
        let other = house.browser();
        other.sign_in(ADMIN, PASSWORD).expect(200);
        let list = admin.get("/sessions").expect(200);
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), 2);
        let foreign = items.iter().find(|s| s["current"] == false).unwrap();
        assert_eq!(foreign["ip"], "192.0.2.10");
        admin.delete(&format!("/sessions/{}", foreign["id"].as_str().unwrap())).expect(204);
        other.get("/session").expect(401);
        *other.cookie.borrow_mut() = None;
        other.sign_in(ADMIN, PASSWORD).expect(200);
        assert_eq!(admin.delete("/sessions").expect(200)["ended"], 1);
        other.get("/session").expect(401);
        admin.get("/session").expect(200);
        // Somebody else's session is not there.
        let role = house.role(&admin, "agent");
        let (_, agent) = house.hire(&admin, "wu@example.com", json!([{ "role_id": role, "reach": "workspace" }]), Json::Null);
        let mine = admin.get("/sessions").expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
        agent.delete(&format!("/sessions/{mine}")).expect(404);
        admin.get("/session").expect(200);
    });
}

#[test]
fn csrf_a_change_from_another_site_is_refused_and_only_json_is_read() {
    on_both(|house| {
        let admin = house.set_up(true);
        let body = json!({ "status": "busy" });
        for headers in [&[("sec-fetch-site", "cross-site")][..], &[("sec-fetch-site", "same-site")], &[("origin", "https://evil.example")], &[("origin", "null")]] {
            let reply = admin.send(Method::PUT, "/me/status", body.clone(), headers);
            assert_eq!((reply.status.as_u16(), reply.code().as_str()), (403, "forbidden.origin"), "{headers:?}");
        }
        admin.send(Method::PUT, "/me/status", body.clone(), &[("origin", "http://127.0.0.1:8080")]).expect(200);
        let reply = admin.send(Method::DELETE, "/session", Json::Null, &[("sec-fetch-site", "cross-site")]);
        assert_eq!(reply.status.as_u16(), 403);
        let form = axum::http::Request::builder()
            .method(Method::POST)
            .uri("/api/v1/session")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(axum::body::Body::from(format!("email={ADMIN}&password={PASSWORD}")))
            .unwrap();
        assert_eq!(house.send(form).code(), "invalid.content_type");
    });
}

#[test]
fn a_password_change_ends_other_sessions_and_gives_this_one_a_new_token() {
    on_both(|house| {
        let admin = house.set_up(true);
        let other = house.browser();
        other.sign_in(ADMIN, PASSWORD).expect(200);
        let before = admin.token();
        assert_eq!(admin.put("/me/password", json!({ "current": "not it at all", "new": "another long sentence of mine" })).code(), "password.wrong");
        assert_eq!(admin.put("/me/password", json!({ "current": PASSWORD, "new": "too short" })).json()["error"]["field"], "new");
        assert_eq!(admin.put("/me/password", json!({ "current": PASSWORD, "new": PASSWORD })).code(), "password.refused");
        admin.put("/me/password", json!({ "current": PASSWORD, "new": "another long sentence of mine" })).expect(204);
        assert_ne!(admin.token(), before);
        house.browser_with(&before).get("/session").expect(401);
        other.get("/session").expect(401);
        admin.get("/session").expect(200);
        house.browser().sign_in(ADMIN, PASSWORD).expect(401);
        house.browser().sign_in(ADMIN, "another long sentence of mine").expect(200);
    });
}
