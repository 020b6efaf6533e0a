use axum::http::Method;
use serde_json::{Value as Json, json};

use crate::house::{ADMIN, PASSWORD, on_both};

#[test]
fn a_token_does_what_it_was_given_and_no_more() {
    on_both(|house| {
        let admin = house.set_up(true);
        let wide = admin.post("/me/tokens", json!({ "name": "all" })).expect(201)["token"].as_str().unwrap().to_owned();
        assert!(wide.starts_with("shw_") && wide.len() == 56);
        let narrow = admin.post("/me/tokens", json!({ "name": "teams only", "permissions": ["team.manage"] })).expect(201);
        let narrow_token = narrow["token"].as_str().unwrap();
        admin.as_program(&wide, Method::GET, "/people", Json::Null).expect(200);
        admin.as_program(narrow_token, Method::GET, "/people", Json::Null).expect(403);
        admin.as_program(narrow_token, Method::POST, "/teams", json!({ "name": "夜班" })).expect(201);
        assert_eq!(admin.as_program(narrow_token, Method::GET, "/session", Json::Null).expect(200)["permissions"], json!(["team.manage"]));
        // A program needs no cookie and no origin, and never more rights than its person.
        assert_eq!(admin.post("/me/tokens", json!({ "name": "x", "permissions": ["moon.land"] })).json()["error"]["field"], "permissions[0]");
        // What a person must do in person.
        for (method, path, body) in [
            (Method::POST, "/me/tokens", json!({ "name": "child" })),
            (Method::GET, "/me/tokens", Json::Null),
            (Method::PUT, "/me/password", json!({ "current": PASSWORD, "new": "another long sentence of mine" })),
            (Method::POST, "/me/totp", Json::Null),
            (Method::GET, "/sessions", Json::Null),
            (Method::DELETE, "/sessions", Json::Null),
            (Method::DELETE, "/session", Json::Null),
        ] {
            let reply = admin.as_program(&wide, method.clone(), path, body);
            assert_eq!((reply.status.as_u16(), reply.code().as_str()), (403, "forbidden.token"), "{method} {path}");
        }
        let listed = admin.get("/me/tokens").expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), 2);
        assert!(!listed.to_string().contains(&wide));
        admin.delete(&format!("/me/tokens/{}", narrow["id"].as_str().unwrap())).expect(204);
        admin.as_program(narrow_token, Method::GET, "/session", Json::Null).expect(401);
    });
}

#[test]
fn a_token_expires_and_its_last_use_is_known() {
    on_both(|house| {
        let admin = house.set_up(true);
        assert_eq!(admin.post("/me/tokens", json!({ "name": "x", "expires_at": "2020-01-01T00:00:00Z" })).json()["error"]["field"], "expires_at");
        let token = admin.post("/me/tokens", json!({ "name": "short", "expires_at": "2026-03-02T02:00:00Z" })).expect(201)["token"].as_str().unwrap().to_owned();
        admin.as_program(&token, Method::GET, "/session", Json::Null).expect(200);
        house.flush();
        assert!(admin.get("/me/tokens").expect(200)["items"][0]["last_used_at"].is_string());
        house.t.clock.advance(3600);
        admin.as_program(&token, Method::GET, "/session", Json::Null).expect(401);
    });
}

#[test]
fn a_token_follows_its_person_when_rights_are_taken() {
    on_both(|house| {
        let admin = house.set_up(true);
        let (manager, agent) = (house.role(&admin, "administrator"), house.role(&admin, "agent"));
        let (id, other) = house.hire(&admin, "wu@example.com", json!([{ "role_id": manager, "reach": "workspace" }]), Json::Null);
        let token = other.post("/me/tokens", json!({ "name": "x" })).expect(201)["token"].as_str().unwrap().to_owned();
        admin.as_program(&token, Method::GET, "/people", Json::Null).expect(200);
        let version = admin.get(&format!("/people/{id}")).expect(200)["version"].clone();
        admin.patch(&format!("/people/{id}"), json!({ "version": version, "roles": [{ "role_id": agent, "reach": "team" }] })).expect(200);
        admin.as_program(&token, Method::GET, "/people", Json::Null).expect(403);
        other.get("/people").expect(403);
        // And an agent makes no tokens.
        other.post("/me/tokens", json!({ "name": "y" })).expect(403);
        house.browser().sign_in(ADMIN, PASSWORD).expect(200);
    });
}
