//! The same thing at the same moment: it happens once.

use serde_json::{Value as Json, json};

use crate::house::{ADMIN, PASSWORD, on_both};
use crate::second_factor::{code, enrol};

#[test]
fn the_set_up_link_opens_once_for_many_at_once() {
    on_both(|house| {
        let body = house.setup_body(true);
        let statuses = house.at_once(6, "/setup", &body);
        assert_eq!(statuses.iter().filter(|s| **s == 201).count(), 1, "{statuses:?}");
        assert!(statuses[1..].iter().all(|s| [404, 409].contains(s)), "{statuses:?}");
        house.browser().sign_in(ADMIN, PASSWORD).expect(200);
    });
}

#[test]
fn an_invitation_opens_once_for_many_at_once() {
    on_both(|house| {
        let admin = house.set_up(true);
        let person = admin.post("/people", json!({ "name": "吴芳", "email": "wu@example.com" })).expect(201);
        let token = house.invitation(&admin, person["id"].as_str().unwrap());
        let statuses = house.at_once(6, "/invitation", &json!({ "token": token, "password": PASSWORD }));
        assert_eq!(statuses, [200, 404, 404, 404, 404, 404]);
    });
}

#[test]
fn a_one_time_code_signs_in_once_for_many_at_once() {
    on_both(|house| {
        let admin = house.set_up(true);
        let (secret, codes) = enrol(&house, &admin);
        house.t.clock.advance(30);
        let with = |code: &str| json!({ "email": ADMIN, "password": PASSWORD, "code": code });
        let statuses = house.at_once(6, "/session", &with(&code(&house, &secret)));
        assert_eq!(statuses, [200, 401, 401, 401, 401, 401]);
        house.t.clock.advance(120);
        let statuses = house.at_once(4, "/session", &with(&codes[0]));
        assert_eq!(statuses, [200, 401, 401, 401]);
    });
}

#[test]
fn many_guesses_at_once_are_all_counted() {
    on_both(|house| {
        house.set_up(true);
        let guess = json!({ "email": ADMIN, "password": "wrong wrong wrong" });
        let statuses = house.at_once(30, "/session", &guess);
        let tried = statuses.iter().filter(|s| **s == 401).count();
        // Ten are free on an account; the eleventh waits, however fast it comes.
        assert_eq!(tried, 10, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|s| **s == 429).count(), 20);
    });
}

#[test]
fn two_editors_at_once_one_is_told() {
    on_both(|house| {
        let admin = house.set_up(true);
        let path = format!("/people/{}", admin.post("/people", json!({ "name": "吴芳", "email": "wu@example.com" })).expect(201)["id"].as_str().unwrap());
        let token = admin.post("/me/tokens", json!({ "name": "x" })).expect(201)["token"].as_str().unwrap().to_owned();
        let outcomes: Vec<u16> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..4)
                .map(|i| {
                    let (house, token, path) = (&house, &token, &path);
                    scope.spawn(move || house.browser().as_program(token, axum::http::Method::PATCH, path, json!({ "version": 1, "capacity": i })).status.as_u16())
                })
                .collect();
            running.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(outcomes.iter().filter(|s| **s == 200).count(), 1, "{outcomes:?}");
        assert!(outcomes.iter().all(|s| [200, 409].contains(s)), "{outcomes:?}");
        assert_eq!(admin.get(&path).expect(200)["version"], 2);
    });
}

#[test]
fn the_same_key_creates_one_person() {
    on_both(|house| {
        let admin = house.set_up(true);
        let body = json!({ "name": "吴芳", "email": "wu@example.com" });
        let send = |body: Json| admin.send(axum::http::Method::POST, "/people", body, &[("idempotency-key", "k1")]);
        let first = send(body.clone()).expect(201);
        assert_eq!(send(body).expect(201), first);
        assert_eq!(send(json!({ "name": "别人", "email": "x@example.com" })).code(), "idempotency.mismatch");
    });
}
