//! Every role against every route, read from the OpenAPI document.

use axum::http::Method;
use serde_json::{Value as Json, json};

use crate::house::{Browser, House, modules, on_both};

/// Method, path with ids filled in, what the document says it needs.
fn operations() -> Vec<(Method, String, String)> {
    let document = serde_json::to_value(shouwen_web::api_document(modules())).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let prefix = match path.split('/').nth(3).unwrap() {
            "people" => "per",
            "teams" => "tea",
            "org-units" => "org",
            "roles" => "rol",
            "sessions" => "ses",
            _ => "tok",
        };
        let filled = path.replace("{id}", &format!("{prefix}_01kaj3sk3v7a0bq6m1x9y2z3w4"));
        for method in ["get", "post", "put", "patch", "delete"] {
            if let Some(operation) = item.get(method) {
                let needs = operation["x-permission"].as_str().unwrap_or_else(|| panic!("{method} {path} says no x-permission")).to_owned();
                all.push((Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(), filled.strip_prefix("/api/v1").unwrap().to_owned(), needs));
            }
        }
    }
    assert!(all.len() >= 40, "{}", all.len());
    all
}

/// Anything that reaches the handler: it may be refused for its content, but not for who sends it.
fn body_for(method: &Method) -> Json {
    if method == Method::GET || method == Method::DELETE { Json::Null } else { json!({ "nonsense": true }) }
}

fn check(house: &House, admin: &Browser<'_>, role: &str) {
    let id = house.role(admin, role);
    let (_, browser) = house.hire(admin, &format!("{role}@example.com"), json!([{ "role_id": id, "reach": "workspace" }]), Json::Null);
    let held: Vec<String> = serde_json::from_value(browser.get("/session").expect(200)["permissions"].clone()).unwrap();
    for (method, path, needs) in operations() {
        // Signing out would end the test.
        if method == Method::DELETE && path == "/session" {
            continue;
        }
        let reply = browser.send(method.clone(), &path, body_for(&method), &[]);
        let allowed = needs == "public" || needs == "signed_in" || held.contains(&needs);
        assert_eq!(reply.status.as_u16() != 403, allowed, "{role}: {method} {path} needs {needs}: {} {}", reply.status, reply.text);
        assert_ne!(reply.status.as_u16(), 500, "{role}: {method} {path}: {}", reply.text);
    }
}

#[test]
fn every_role_is_refused_exactly_what_it_lacks() {
    on_both(|house| {
        let admin = house.set_up(true);
        for role in shouwen_identity::SYSTEM_ROLES {
            check(&house, &admin, role);
        }
    });
}

#[test]
fn nobody_gets_anything_but_the_public_routes() {
    on_both(|house| {
        house.set_up(true);
        for (method, path, needs) in operations() {
            let reply = house.browser().send(method.clone(), &path, body_for(&method), &[]);
            assert_eq!(reply.status.as_u16() == 401, needs != "public", "{method} {path}: {}", reply.status);
            let forged = house.browser().as_program("shw_0000000000000000000000000000000000000000000000000000", method.clone(), &path, body_for(&method));
            assert_eq!(forged.status.as_u16() == 401, needs != "public", "{method} {path}: {}", forged.status);
        }
    });
}
