use serde_json::{Value as Json, json};
use shouwen_contracts::identity::IdentityEvent;
use shouwen_store::params;

use crate::house::{ADMIN, PASSWORD, on_both};

#[test]
fn sec_30_an_invitation_opens_once_expires_and_dies_with_a_newer_one() {
    on_both(|house| {
        let admin = house.set_up(true);
        let person = admin.post("/people", json!({ "name": "吴芳", "email": "Wu.Fang@Example.com" })).expect(201);
        assert_eq!(person["email"], "wu.fang@example.com");
        let id = person["id"].as_str().unwrap();
        house.browser().sign_in("wu.fang@example.com", PASSWORD).expect(401);
        let first = house.invitation(&admin, id);
        let second = house.invitation(&admin, id);
        let browser = house.browser();
        assert_eq!(browser.post("/invitation", json!({ "token": first, "password": PASSWORD })).code(), "invitation.gone", "revoked on resend");
        assert_eq!(browser.post("/invitation", json!({ "token": second, "password": "吴芳吴芳吴芳吴芳吴芳" })).code(), "password.refused");
        let shown = browser.post("/invitation/preview", json!({ "token": second })).expect(200);
        assert_eq!((shown["name"].as_str(), shown["organisation"].as_str()), (Some("吴芳"), Some("南山水务")));
        let viewer = browser.post("/invitation", json!({ "token": second, "name": "吴小芳", "password": PASSWORD })).expect(200);
        assert_eq!(viewer["person"]["name"], "吴小芳");
        browser.get("/session").expect(200);
        assert_eq!(house.browser().post("/invitation", json!({ "token": second, "password": PASSWORD })).code(), "invitation.gone", "used");
        let third = house.invitation(&admin, id);
        house.t.clock.advance(72 * 3600);
        assert_eq!(house.browser().post("/invitation", json!({ "token": third, "password": PASSWORD })).code(), "invitation.gone", "expired");
        let stored: Vec<(String,)> = house.t.db.read_blocking(|tx| tx.all("SELECT token_hash FROM identity_link", params![])).unwrap();
        assert!(stored.iter().all(|(hash,)| *hash != third));
    });
}

#[test]
fn deactivation_ends_everything_at_once_and_activation_brings_no_session_back() {
    on_both(|house| {
        let admin = house.set_up(true);
        let role = house.role(&admin, "administrator");
        let (id, other) = house.hire(&admin, "wu@example.com", json!([{ "role_id": role, "reach": "workspace" }]), Json::Null);
        let token = other.post("/me/tokens", json!({ "name": "export" })).expect(201)["token"].as_str().unwrap().to_owned();
        other.as_program(&token, axum::http::Method::GET, "/session", Json::Null).expect(200);
        let told = house.t.events::<IdentityEvent>().into_iter().find_map(|e| match e {
            IdentityEvent::RightsChanged(r) if r.person_id.to_string() == id => Some(r),
            _ => None,
        });
        let told = told.expect("whoever is created with a role is told of with it");
        assert!(told.roles.unwrap().contains(&"administrator".to_owned()) && !told.grants.unwrap().is_empty());
        let invitation = house.invitation(&admin, &id);
        let version = admin.get(&format!("/people/{id}")).expect(200)["version"].clone();
        let off = admin.patch(&format!("/people/{id}"), json!({ "version": version, "active": false })).expect(200);
        assert_eq!((off["active"].as_bool(), off["status"].as_str()), (Some(false), Some("offline")));
        other.get("/session").expect(401);
        other.as_program(&token, axum::http::Method::GET, "/session", Json::Null).expect(401);
        house.browser().sign_in("wu@example.com", PASSWORD).expect(401);
        house.browser().post("/invitation", json!({ "token": invitation, "password": PASSWORD })).expect(404);
        admin.patch(&format!("/people/{id}"), json!({ "version": off["version"], "active": true })).expect(200);
        other.get("/session").expect(401);
        other.as_program(&token, axum::http::Method::GET, "/session", Json::Null).expect(401);
        *other.cookie.borrow_mut() = None;
        other.sign_in("wu@example.com", PASSWORD).expect(200);
        let rights = house.t.events::<IdentityEvent>().iter().filter(|e| matches!(e, IdentityEvent::RightsChanged(r) if r.person_id.to_string() == id)).count();
        assert!(rights >= 3, "open connections are told");
    });
}

#[test]
fn edits_carry_a_version_and_wrong_input_is_named() {
    on_both(|house| {
        let admin = house.set_up(true);
        let unit = admin.get("/org-units").expect(200)["items"][0]["id"].clone();
        let team = admin.get("/teams").expect(200)["items"][0]["id"].clone();
        let body = json!({ "name": "吴芳", "email": "wu@example.com", "org_unit_id": unit, "teams": [team], "skills": [{ "skill": "账单", "level": 4 }], "languages": ["zh", "en"], "capacity": 12 });
        let person = admin.post("/people", body).expect(201);
        let path = format!("/people/{}", person["id"].as_str().unwrap());
        let edited = admin.patch(&path, json!({ "version": 1, "capacity": 5, "org_unit_id": null })).expect(200);
        assert_eq!((edited["capacity"].as_i64(), edited["org_unit_id"].is_null(), edited["version"].as_i64()), (Some(5), true, Some(2)));
        let stale = admin.patch(&path, json!({ "version": 1, "name": "吴大芳" }));
        assert_eq!((stale.status.as_u16(), stale.code().as_str()), (409, "version_conflict"));
        assert_eq!(stale.json()["error"]["detail"]["current"]["capacity"], 5);
        let taken = admin.patch(&path, json!({ "version": 2, "email": ADMIN }));
        assert_eq!((taken.status.as_u16(), taken.code().as_str()), (409, "person.email_taken"));
        for (field, change) in [
            ("email", json!({ "email": "nobody" })),
            ("name", json!({ "name": "" })),
            ("skills[0].level", json!({ "skills": [{ "skill": "x", "level": 9 }] })),
            ("languages[0]", json!({ "languages": ["中文"] })),
            ("time_zone", json!({ "time_zone": "Nowhere" })),
            ("active", json!({ "active": "yes" })),
            ("roles[0]", json!({ "roles": [{ "role_id": "rol_01kaj3sk3v7a0bq6m1x9y2z3w4", "reach": "team" }] })),
        ] {
            let mut body = change;
            body["version"] = json!(2);
            let problem = admin.patch(&path, body).expect(422);
            assert!(problem["error"]["field"] == field || field == "active", "{field}: {problem}");
        }
        assert_eq!(admin.get(&path).expect(200)["version"], 2, "nothing was stored");
        let saved = house.t.events::<IdentityEvent>().into_iter().filter_map(|e| if let IdentityEvent::PersonSaved(p) = e { Some(p) } else { None }).next_back().unwrap();
        assert_eq!((saved.capacity, saved.skills), (5, vec![("账单".to_owned(), 4)]));
        // No address in the clear, neither in the log nor in the audit.
        let leaks: (i64, i64) = house
            .t
            .db
            .read_blocking(|tx| tx.one("SELECT (SELECT count(*) FROM event WHERE CAST(payload AS text) LIKE '%@example.com%'), (SELECT count(*) FROM audit WHERE CAST(detail AS text) LIKE '%@example.com%')", params![]))
            .unwrap();
        assert_eq!(leaks, (0, 0));
    });
}

#[test]
fn lists_are_pages_and_find_by_name_and_whole_address() {
    on_both(|house| {
        let admin = house.set_up(true);
        for i in 0..7 {
            admin.post("/people", json!({ "name": format!("坐席{i}"), "email": format!("agent{i}@example.com") })).expect(201);
        }
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let page = admin.get(&format!("/people?limit=3&after={after}")).expect(200);
            seen.extend(page["items"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => after = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(seen.len(), 8);
        assert_eq!(admin.get("/people?q=%E5%9D%90%E5%B8%AD3").expect(200)["items"].as_array().unwrap().len(), 1);
        assert_eq!(admin.get("/people?q=Agent4@example.com").expect(200)["items"][0]["name"], "坐席4");
        assert_eq!(admin.get("/people?q=%25").expect(200)["items"].as_array().unwrap().len(), 8);
        assert_eq!(admin.get("/people?active=false").expect(200)["items"].as_array().unwrap().len(), 0);
        assert_eq!(admin.get("/people?limit=0").status.as_u16(), 422);
        assert_eq!(admin.get("/people?after=nonsense").status.as_u16(), 422);
    });
}

#[test]
fn the_last_administrator_stays() {
    on_both(|house| {
        let admin = house.set_up(true);
        let me = admin.get("/session").expect(200)["person"]["id"].as_str().unwrap().to_owned();
        let path = format!("/people/{me}");
        assert_eq!(admin.patch(&path, json!({ "version": 1, "active": false })).code(), "person.last_administrator");
        assert_eq!(admin.patch(&path, json!({ "version": 1, "roles": [] })).code(), "person.last_administrator");
        let role = house.role(&admin, "administrator");
        house.hire(&admin, "wu@example.com", json!([{ "role_id": role, "reach": "workspace" }]), Json::Null);
        admin.patch(&path, json!({ "version": 1, "active": false })).expect(200);
        admin.get("/session").expect(401);
    });
}

#[test]
fn presence_and_preferences_are_ones_own() {
    on_both(|house| {
        let admin = house.set_up(true);
        admin.put("/me/status", json!({ "status": "busy" })).expect(200);
        assert_eq!(admin.put("/me/status", json!({ "status": "asleep" })).json()["error"]["field"], "status");
        let viewer = admin.patch("/me", json!({ "locale": "en", "preferences": { "theme": "dark", "keys": { "reply": ["r"] } } })).expect(200);
        assert_eq!((viewer["person"]["locale"].as_str(), viewer["person"]["preferences"]["theme"].as_str()), (Some("en"), Some("dark")));
        assert_eq!(admin.get("/session").expect(200)["person"]["preferences"]["keys"]["reply"][0], "r");
        // SEC-09: nothing else through here.
        for field in ["email", "roles", "active", "org_unit_id", "teams", "capacity", "password", "version", "status"] {
            let problem = admin.patch("/me", json!({ field: "x" })).expect(422);
            assert_eq!(problem["error"]["field"], field);
        }
        let big = "x".repeat(70_000);
        assert_eq!(admin.patch("/me", json!({ "preferences": { "a": big } })).json()["error"]["field"], "preferences");
        let statuses: Vec<String> = house.t.events::<IdentityEvent>().into_iter().filter_map(|e| if let IdentityEvent::PersonStatus(s) = e { Some(s.status) } else { None }).collect();
        assert_eq!(statuses, ["online", "busy"]);
        let directory = admin.get("/directory").expect(200);
        assert_eq!((directory["people"][0]["pinyin"].as_str(), directory["people"][0]["status"].as_str()), (Some("linguan lg"), Some("busy")));
        assert!(!directory.to_string().contains("@example.com"));
    });
}
