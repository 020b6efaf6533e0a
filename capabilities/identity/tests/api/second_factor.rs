use axum::http::Method;
use serde_json::{Value as Json, json};
use shouwen_kernel::Clock;
use shouwen_store::params;
use totp_rs::Builder;

use crate::house::{ADMIN, Browser, House, PASSWORD, on_both};

pub fn code(house: &House, secret: &str) -> String {
    let bits: Vec<u8> = secret.bytes().map(|c| b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|a| *a == c).unwrap() as u8).collect();
    let bytes: Vec<u8> = bits.chunks(8).flat_map(|c| c.iter().fold(0u64, |acc, b| (acc << 5) | u64::from(*b)).to_be_bytes()[3..].to_vec()).collect();
    let secret: [u8; 20] = bytes.try_into().unwrap();
    let token = Builder::new().with_secret(secret).build().unwrap().generate(house.t.clock.now().seconds() as u64);
    token.to_string()
}

/// Enrols; the secret and the recovery codes.
pub fn enrol(house: &House, browser: &Browser<'_>) -> (String, Vec<String>) {
    let offer = browser.post("/me/totp", Json::Null).expect(200);
    let secret = offer["secret"].as_str().unwrap().to_owned();
    assert!(offer["uri"].as_str().unwrap().contains(&secret) && offer["qr_svg"].as_str().unwrap().contains("<svg"));
    assert_eq!(browser.post("/me/totp/confirmation", json!({ "code": "000000" })).code(), "totp.wrong");
    let answer = browser.post("/me/totp/confirmation", json!({ "code": code(house, &secret) })).expect(200);
    let codes: Vec<String> = answer["recovery_codes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), 10);
    (secret, codes)
}

fn with_code(browser: &Browser<'_>, code: &str) -> shouwen_testkit::Reply {
    browser.post("/session", json!({ "email": ADMIN, "password": PASSWORD, "code": code }))
}

#[test]
fn an_administrator_does_nothing_before_the_second_factor_is_enrolled() {
    on_both(|house| {
        let admin = house.set_up(false);
        for (method, path, body) in [
            (Method::GET, "/people", Json::Null),
            (Method::GET, "/directory", Json::Null),
            (Method::GET, "/roles", Json::Null),
            (Method::POST, "/me/tokens", json!({ "name": "x" })),
            (Method::GET, "/workspace", Json::Null),
        ] {
            let reply = admin.send(method, path, body, &[]);
            assert_eq!((reply.status.as_u16(), reply.code().as_str()), (403, "session.must_enrol"), "{path}");
        }
        let before = admin.token();
        enrol(&house, &admin);
        assert_ne!(admin.token(), before, "a step up in trust is a new session token");
        house.browser_with(&before).get("/session").expect(401);
        assert_eq!(admin.get("/session").expect(200)["mfa"]["enrolled"], true);
        admin.get("/people").expect(200);
        // It is demanded, so it cannot be laid down.
        assert_eq!(admin.send(Method::DELETE, "/me/totp", json!({ "password": PASSWORD }), &[]).code(), "totp.required");
    });
}

#[test]
fn a_code_signs_in_once_and_the_next_step_again() {
    on_both(|house| {
        let admin = house.set_up(true);
        let (secret, _) = enrol(&house, &admin);
        assert_eq!(house.browser().sign_in(ADMIN, PASSWORD).code(), "session.code_required");
        // The step of the confirmation is used up as well.
        assert_eq!(with_code(&house.browser(), &code(&house, &secret)).code(), "session.wrong");
        house.t.clock.advance(30);
        let now = code(&house, &secret);
        with_code(&house.browser(), &now).expect(200);
        assert_eq!(with_code(&house.browser(), &now).code(), "session.wrong", "replayed");
        house.t.clock.advance(30);
        assert_eq!(with_code(&house.browser(), &now).code(), "session.wrong", "replayed within the tolerance");
        with_code(&house.browser(), &code(&house, &secret)).expect(200);
        // The wrong password with the right code tells nothing about the code.
        house.t.clock.advance(30);
        let reply = house.browser().post("/session", json!({ "email": ADMIN, "password": "wrong wrong wrong", "code": code(&house, &secret) }));
        assert_eq!(reply.code(), "session.wrong");
    });
}

#[test]
fn guessing_codes_is_throttled_even_with_the_right_password_between() {
    on_both(|house| {
        let admin = house.set_up(true);
        enrol(&house, &admin);
        let guess = Browser { ip: "192.0.2.77", ..house.browser() };
        let mut refused = false;
        for i in 0..12 {
            guess.sign_in(ADMIN, PASSWORD);
            refused |= with_code(&guess, &format!("{i:06}")).status.as_u16() == 429;
        }
        assert!(refused);
    });
}

#[test]
fn recovery_codes_work_once_each_and_are_not_in_the_database() {
    on_both(|house| {
        let admin = house.set_up(true);
        let (_, codes) = enrol(&house, &admin);
        with_code(&house.browser(), &codes[0].to_uppercase()).expect(200);
        assert_eq!(with_code(&house.browser(), &codes[0]).code(), "session.wrong");
        with_code(&house.browser(), &codes[1].replace('-', " ")).expect(200);
        let stored: Vec<(String,)> = house.t.db.read_blocking(|tx| tx.all("SELECT code_index FROM identity_recovery_code", params![])).unwrap();
        assert!(stored.iter().all(|(index,)| !codes.iter().any(|c| index.contains(&c[..5]))));
        let (sealed,): (String,) = house.t.db.read_blocking(|tx| tx.one("SELECT totp_sealed FROM identity_person", params![])).unwrap();
        assert!(sealed.starts_with("s1."));
    });
}

#[test]
fn a_lost_device_is_reset_by_an_administrator_and_its_owner_can_remove_it() {
    on_both(|house| {
        let admin = house.set_up(true);
        let role = house.role(&admin, "agent");
        let (id, agent) = house.hire(&admin, "wu@example.com", json!([{ "role_id": role, "reach": "team" }]), Json::Null);
        enrol(&house, &agent);
        admin.post(&format!("/people/{id}/mfa-reset"), Json::Null).expect(204);
        agent.get("/session").expect(401);
        *agent.cookie.borrow_mut() = None;
        agent.sign_in("wu@example.com", PASSWORD).expect(200);
        enrol(&house, &agent);
        assert_eq!(agent.send(Method::DELETE, "/me/totp", json!({ "password": "wrong wrong wrong" }), &[]).code(), "password.wrong");
        agent.send(Method::DELETE, "/me/totp", json!({ "password": PASSWORD }), &[]).expect(204);
        assert_eq!(agent.get("/session").expect(200)["mfa"]["enrolled"], false);
    });
}

#[test]
fn an_invitation_does_not_go_around_the_second_factor() {
    on_both(|house| {
        let admin = house.set_up(true);
        let role = house.role(&admin, "agent");
        let (id, agent) = house.hire(&admin, "wu@example.com", json!([{ "role_id": role, "reach": "team" }]), Json::Null);
        let (secret, _) = enrol(&house, &agent);
        let token = house.invitation(&admin, &id);
        let browser = house.browser();
        assert_eq!(browser.post("/invitation/preview", json!({ "token": token })).expect(200)["code_required"], true);
        let new = "a completely new sentence here";
        assert_eq!(browser.post("/invitation", json!({ "token": token, "password": new })).code(), "session.code_required");
        assert_eq!(browser.post("/invitation", json!({ "token": token, "password": new, "code": "000000" })).code(), "session.wrong");
        house.t.clock.advance(30);
        browser.post("/invitation", json!({ "token": token, "password": new, "code": code(&house, &secret) })).expect(200);
    });
}
