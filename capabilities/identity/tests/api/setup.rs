use serde_json::json;
use shouwen_contracts::identity::IdentityEvent;
use shouwen_identity::setup_token;

use crate::house::{ADMIN, PASSWORD, on_both};

#[test]
fn set_up_makes_the_house_signs_in_and_its_door_is_gone_afterwards() {
    on_both(|house| {
        let browser = house.browser();
        assert_eq!(browser.get("/setup").expect(200)["needed"], true);
        let body = house.setup_body(false);
        let viewer = browser.post("/setup", body.clone()).expect(201);
        assert_eq!(viewer["person"]["email"], ADMIN);
        assert_eq!(viewer["workspace"]["name"], "南山水务");
        assert_eq!(viewer["org_unit"]["name"], "南山水务");
        assert_eq!(viewer["teams"][0]["name"], "客服一组");
        assert_eq!(viewer["mfa"], json!({ "enrolled": false, "required": true }));
        assert!(viewer["permissions"].as_array().unwrap().contains(&json!("people.manage")));
        assert_eq!(browser.get("/session").expect(200)["person"]["id"], viewer["person"]["id"]);
        // SEC: dead after finish.
        assert_eq!(browser.get("/setup").expect(200)["needed"], false);
        browser.post("/setup", body).expect(404);
        assert!(setup_token(&house.t.db).unwrap().is_none());
        let kinds: Vec<&str> = house.t.events::<IdentityEvent>().iter().map(shouwen_contracts::Event::kind).collect();
        for kind in ["org_unit.saved", "team.saved", "person.saved", "person.rights_changed", "person.status"] {
            assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
        }
        assert_eq!(house.audited("setup.finished"), 1);
    });
}

#[test]
fn only_the_newest_link_opens_and_wrong_input_names_the_field() {
    on_both(|house| {
        let browser = house.browser();
        let old = house.setup_body(false);
        let mut new = house.setup_body(false);
        let reply = browser.post("/setup", old);
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (403, "setup.token"));
        assert_eq!(reply.json()["error"]["field"], "token");
        for (field, value) in [("organisation", " "), ("locale", "fr"), ("time_zone", "Mars/Olympus"), ("name", ""), ("email", "nobody"), ("password", "short")] {
            let mut wrong = new.clone();
            wrong[field] = json!(value);
            let problem = browser.post("/setup", wrong).expect(422);
            assert_eq!(problem["error"]["field"], field, "{problem}");
            assert!(problem["error"]["expected"].is_string(), "{problem}");
        }
        new["surprise"] = json!(1);
        assert_eq!(browser.post("/setup", new.clone()).expect(422)["error"]["field"], "surprise");
        new.as_object_mut().unwrap().remove("surprise");
        browser.post("/setup", new).expect(201);
        house.browser().sign_in(ADMIN, PASSWORD).expect(200);
    });
}
