//! Merging and taking it back.

use shouwen_contracts::customers::CustomerEvent;
use shouwen_testkit::{TestApp, on_both};

use crate::*;

const ALL: &[&str] = &["customer.read", "customer.edit", "customer.reveal", "customer.merge"];

fn last_recognised(app: &TestApp) -> String {
    app.events::<CustomerEvent>().into_iter().rev().find_map(|e| if let CustomerEvent::Recognised(r) = e { Some(r.customer_id.to_string()) } else { None }).unwrap()
}

#[test]
fn a_merge_gathers_and_its_undo_restores() {
    on_both(modules, |app| {
        let who = app.person("主管", ALL);
        let make = |name: &str, email: &str| app.post(&who, "/api/v1/customers", json!({ "name": name, "email": email })).expect(201);
        let (a, b, c) = (make("甲", "a@example.com"), make("乙", "b@example.com"), make("丙", "c@example.com"));
        let path = |x: &Json| format!("/api/v1/customers/{}", id(x));
        let merged = app.post(&who, &format!("{}/merge", path(&a)), json!({ "into": b["id"] })).expect(200);
        assert_eq!(merged["customer"]["id"], b["id"]);
        assert_eq!(merged["customer"]["identities"].as_array().unwrap().len(), 2);
        assert_eq!(merged["undo"]["method"], "DELETE");
        app.post(&who, &format!("{}/merge", path(&b)), json!({ "into": c["id"] })).expect(200);
        let whole = app.get(&who, &path(&c)).expect(200);
        let mut masked: Vec<&str> = whole["identities"].as_array().unwrap().iter().map(|i| i["masked"].as_str().unwrap()).collect();
        masked.sort_unstable();
        assert_eq!(masked, ["a***@example.com", "b***@example.com", "c***@example.com"]);
        assert_eq!(whole["identities"].as_array().unwrap().iter().filter(|i| i["primary"] == true).count(), 1);
        // Everything that knows the parts now leads to the whole.
        arrive(&app, "甲", "a@example.com");
        assert_eq!(last_recognised(&app), id(&c));
        let found = app.get(&who, "/api/v1/customers?q=a@example.com").expect(200);
        assert_eq!(found["items"][0]["id"], c["id"]);
        let listed = app.get(&who, "/api/v1/customers").expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), 1, "parts are not listed");
        let part = whole["identities"].as_array().unwrap().iter().find(|i| i["masked"] == "a***@example.com").unwrap();
        let revealed = app.post(&who, &format!("{}/revelation", path(&c)), json!({ "what": format!("identity:{}", id(part)) })).expect(200);
        assert_eq!(revealed["value"], "a@example.com");
        // What makes no sense is refused with the reason.
        for (from, into, code) in [(&a, &c, "customer.merged"), (&c, &a, "customer.merged"), (&c, &c, "invalid")] {
            assert_eq!(app.post(&who, &format!("{}/merge", path(from)), json!({ "into": into["id"] })).code(), code);
        }
        assert_eq!(app.patch(&who, &path(&a), json!({ "version": 2, "name": "x" })).code(), "customer.merged");
        assert_eq!(app.delete(&who, &format!("{}/merge", path(&c))).code(), "customer.not_merged");
        // Undo one step in the middle: b (with a inside) stands alone again.
        let back = app.delete(&who, &format!("{}/merge", path(&b))).expect(200);
        assert_eq!(back["customer"]["id"], b["id"]);
        assert_eq!(back["customer"]["identities"].as_array().unwrap().len(), 2);
        arrive(&app, "甲", "a@example.com");
        assert_eq!(last_recognised(&app), id(&b));
        let back = app.delete(&who, &format!("{}/merge", path(&a))).expect(200)["customer"].clone();
        assert_eq!(back["identities"], a["identities"], "as it was");
        assert_eq!(app.get(&who, &path(&c)).expect(200)["identities"], c["identities"]);
        arrive(&app, "甲", "a@example.com");
        assert_eq!(last_recognised(&app), id(&a));
        let told: Vec<&str> = app.events::<CustomerEvent>().iter().filter_map(|e| match e { CustomerEvent::Merged(_) => Some("m"), CustomerEvent::Unmerged(_) => Some("u"), _ => None }).collect();
        assert_eq!(told, ["m", "m", "u", "u"]);
    });
}

#[test]
fn crossing_merges_cannot_make_a_circle() {
    on_both(modules, |app| {
        let who = app.person("主管", ALL);
        for round in 0..4 {
            let make = |name: &str| app.post(&who, "/api/v1/customers", json!({ "name": name, "email": format!("{name}{round}@example.com") })).expect(201);
            let (a, b) = (make("a"), make("b"));
            let statuses: Vec<u16> = std::thread::scope(|scope| {
                let merge = |from: Json, into: Json| {
                    let (app, who) = (&app, &who);
                    scope.spawn(move || app.post(who, &format!("/api/v1/customers/{}/merge", id(&from)), json!({ "into": into["id"] })).status.as_u16())
                };
                let tries = [merge(a.clone(), b.clone()), merge(b.clone(), a.clone())];
                tries.into_iter().map(|t| t.join().unwrap()).collect()
            });
            let mut sorted = statuses.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [200, 409]);
        }
    });
}
