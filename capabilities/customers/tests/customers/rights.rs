//! Who may not, does not.

use std::collections::BTreeSet;

use axum::http::Method;
use shouwen_customers::Sight;
use shouwen_kernel::{Grant, Ids, OrgUnitId, PersonId, Reach, Scope, TeamId};
use shouwen_store::Value;
use shouwen_testkit::{TestApp, on_both};

use crate::*;

fn routes(customer: &str, identity: &str) -> Vec<(Method, String, Json, &'static str)> {
    let path = format!("/api/v1/customers/{customer}");
    vec![
        (Method::GET, "/api/v1/customers".into(), json!(null), "customer.read"),
        (Method::GET, path.clone(), json!(null), "customer.read"),
        (Method::POST, "/api/v1/customers".into(), json!({ "name": "新" }), "customer.edit"),
        (Method::PATCH, path.clone(), json!({ "version": 1, "name": "新" }), "customer.edit"),
        (Method::POST, format!("{path}/identities"), json!({ "kind": "phone", "value": "13900139000" }), "customer.edit"),
        (Method::DELETE, format!("{path}/identities/{identity}"), json!(null), "customer.edit"),
        (Method::POST, format!("{path}/revelation"), json!({ "what": format!("identity:{identity}") }), "customer.reveal"),
        (Method::POST, format!("{path}/merge"), json!({ "into": customer }), "customer.merge"),
        (Method::DELETE, format!("{path}/merge"), json!(null), "customer.merge"),
    ]
}

const CODES: [&str; 4] = ["customer.read", "customer.edit", "customer.reveal", "customer.merge"];

#[test]
fn every_route_asks_for_its_permission_and_for_no_other() {
    on_both(modules, |app| {
        let admin = app.admin();
        let customer = app.post(&admin, "/api/v1/customers", json!({ "name": "甲", "phone": "13800138000" })).expect(201);
        let before = audits(&app).len();
        for (method, path, body, needed) in routes(id(&customer), id(&customer["identities"][0])) {
            assert_eq!(app.send(None, method.clone(), &path, body.clone(), &[]).status.as_u16(), 401, "{method} {path}");
            let others: Vec<&str> = CODES.into_iter().filter(|c| *c != needed).collect();
            let reply = app.send(Some(&app.person("旁人", &others)), method.clone(), &path, body, &[]);
            assert_eq!((reply.status.as_u16(), reply.code().as_str()), (403, "forbidden"), "{method} {path}");
            assert!(reply.text.contains(needed));
        }
        assert_eq!(audits(&app).len(), before, "what was refused was not done");
    });
}

fn bound_to(app: &TestApp, units: &[OrgUnitId]) -> shouwen_web::Viewer {
    let grants = CODES.iter().map(|code| Grant { permission: (*code).into(), reach: Reach::OrgUnits { units: units.iter().copied().collect() } }).collect();
    app.viewer("属地坐席", grants)
}

#[test]
fn a_role_bound_to_org_units_reaches_their_customers_and_no_others() {
    on_both(modules, |app| {
        let (north, south) = (unit(&app, "华北"), unit(&app, "华南"));
        let admin = app.admin();
        let make = |name: &str, unit: Option<OrgUnitId>, phone: &str| app.post(&admin, "/api/v1/customers", json!({ "name": name, "org_unit_id": unit, "phone": phone, "id_number": null })).expect(201);
        let (n, s, none) = (make("北客", Some(north), "13800000001"), make("南客", Some(south), "13800000002"), make("无属地", None, "13800000003"));
        let who = bound_to(&app, &[north]);
        let names: BTreeSet<String> = app.get(&who, "/api/v1/customers").expect(200)["items"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap().into()).collect();
        assert_eq!(names, ["北客".to_owned()].into());
        // Object, search by name, number and id, change, reveal, merge: the other unit's customer is not there.
        for q in ["nk", "13800000002", id(&s)] {
            assert_eq!(app.get(&who, &format!("/api/v1/customers?q={q}")).expect(200)["items"], json!([]), "{q}");
        }
        for hidden in [&s, &none] {
            for (method, path, body, _) in routes(id(hidden), id(&hidden["identities"][0])).into_iter().filter(|r| r.1.contains("cus_")) {
                let body = if body["into"].is_string() { json!({ "into": n["id"] }) } else { body };
                assert_eq!(app.send(Some(&who), method.clone(), &path, body, &[]).status.as_u16(), 404, "{method} {path}");
            }
        }
        let into_hidden = app.post(&who, &format!("/api/v1/customers/{}/merge", id(&n)), json!({ "into": s["id"] }));
        assert_eq!(into_hidden.status.as_u16(), 404);
        let taken = app.post(&who, "/api/v1/customers", json!({ "name": "x", "phone": "13800000002" }));
        assert_eq!(taken.code(), "customer.identity_taken");
        assert!(taken.json()["error"]["detail"].is_null(), "who has it stays hidden");
        // Own reach, and nothing beyond it.
        let own = app.post(&who, "/api/v1/customers", json!({ "name": "自建" })).expect(201);
        app.get(&who, &format!("/api/v1/customers/{}", id(&own))).expect(200);
        app.get(&bound_to(&app, &[north]), &format!("/api/v1/customers/{}", id(&own))).expect(404);
        let moved = app.patch(&who, &format!("/api/v1/customers/{}", id(&n)), json!({ "version": 1, "org_unit_id": south }));
        assert_eq!((moved.status.as_u16(), moved.json()["error"]["field"].as_str()), (403, Some("org_unit_id")));
        let made = app.post(&who, "/api/v1/customers", json!({ "name": "y", "org_unit_id": south }));
        assert_eq!(made.status.as_u16(), 403);
        app.patch(&who, &format!("/api/v1/customers/{}", id(&own)), json!({ "version": 1, "org_unit_id": north })).expect(200);
        app.get(&bound_to(&app, &[north]), &format!("/api/v1/customers/{}", id(&own))).expect(200);
        // A role for a team or for own cases reaches whoever has such a case; nobody has one here.
        for reach in [Reach::Own, Reach::Teams { teams: [TeamId::NIL].into() }] {
            let agent = app.viewer("坐席", vec![Grant { permission: "customer.read".into(), reach }]);
            assert_eq!(app.get(&agent, "/api/v1/customers").expect(200)["items"], json!([]));
        }
    });
}

#[test]
fn one_predicate_for_objects_lists_and_searches() {
    on_both(modules, |app| {
        let units: Vec<OrgUnitId> = (0..5).map(|i| unit(&app, &format!("区{i}"))).collect();
        let admin = app.admin();
        for i in 0..40usize {
            let home = (i % 7 < 5).then(|| units[i % 7]);
            app.post(&admin, "/api/v1/customers", json!({ "name": format!("客{i}"), "org_unit_id": home })).expect(201);
        }
        let all: Vec<(OrgUnitId,)> = app.db.read_blocking(|tx| tx.all("SELECT home_id FROM customer_record", shouwen_store::params![])).unwrap();
        let dice = Ids::seeded(4);
        for round in 0..24 {
            let [bits, kind] = dice.secret::<2>();
            let chosen: BTreeSet<OrgUnitId> = units.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, u)| *u).collect();
            let scope = Scope { person: PersonId::NIL, all: kind % 8 == 0, org_units: chosen.clone(), teams: [TeamId::NIL].into() };
            let sight = Sight::of(&scope);
            let wanted = all.iter().filter(|(home,)| scope.all || chosen.contains(home)).count();
            let (condition, mut values) = sight.sql(2);
            values.insert(0, Value::Int(0));
            let counted: (i64,) = app.db.read_blocking(move |tx| tx.one(&format!("SELECT count(*) FROM customer_record AS c WHERE c.version > ?1 AND {condition}"), &values)).unwrap();
            assert_eq!(counted.0 as usize, wanted, "round {round}");
            let reach = if scope.all { Reach::Workspace } else if chosen.is_empty() { Reach::Own } else { Reach::OrgUnits { units: chosen } };
            let who = app.viewer("谁", vec![Grant { permission: "customer.read".into(), reach }]);
            assert_eq!(app.get(&who, "/api/v1/customers?limit=200").expect(200)["items"].as_array().unwrap().len(), wanted);
            assert_eq!(app.get(&who, "/api/v1/customers?limit=200&q=k").expect(200)["items"].as_array().unwrap().len(), wanted);
        }
    });
}

#[test]
fn another_workspace_is_another_world() {
    on_both(modules, |app| {
        let admin = app.admin();
        let customer = app.post(&admin, "/api/v1/customers", json!({ "name": "甲", "phone": "13800138000", "id_number": "11010519491231002X" })).expect(201);
        let mut stranger = app.admin();
        stranger.workspace = app.db.write_blocking(|tx| tx.create_workspace("别家", "Asia/Shanghai", "zh-CN")).unwrap();
        app.get(&stranger, &format!("/api/v1/customers/{}", id(&customer))).expect(404);
        for q in ["", "j", "13800138000", "11010519491231002X", id(&customer)] {
            assert_eq!(app.get(&stranger, &format!("/api/v1/customers?q={q}")).expect(200)["items"], json!([]), "{q}");
        }
        app.post(&stranger, "/api/v1/customers", json!({ "name": "乙", "phone": "13800138000" })).expect(201);
    });
}
