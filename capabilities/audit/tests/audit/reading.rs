//! Who may read the audit, and how it is found through.

use serde_json::{Value as Json, json};
use shouwen_contracts::identity::{IdentityEvent, PersonSaved};
use shouwen_kernel::{Actor, CustomerId, Grant, OrgUnitId, PersonId, Reach};
use shouwen_store::{Ctx, params};
use shouwen_testkit::{TestApp, on_both};

use crate::*;

fn person(app: &TestApp, name: &str, unit: Option<OrgUnitId>) -> PersonId {
    let id: PersonId = app.app.ids().next(app.app.clock());
    let saved = PersonSaved { person_id: id, name: name.into(), active: true, org_unit_id: unit, teams: vec![], skills: vec![], languages: vec![], capacity: 0, locale: "zh-CN".into(), time_zone: "Asia/Shanghai".into() };
    app.emit(Some(id), None, IdentityEvent::PersonSaved(saved));
    id
}

fn deed(app: &TestApp, by: PersonId, action: &'static str, customer: u128) {
    let ctx = Ctx { workspace: app.workspace, actor: Actor::person(by), ip: Some("192.0.2.1".into()) };
    app.db.write_blocking(move |tx| tx.audit(&ctx, action, "customer", Some(uuid::Uuid::from_u128(customer)), None)).unwrap();
    app.clock.advance(600);
}

fn actions(page: &Json) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect()
}

#[test]
fn deeds_are_found_by_object_actor_action_and_time() {
    on_both(modules, |app| {
        let (anna, bo) = (person(&app, "安娜", None), person(&app, "波", None));
        for (by, action, customer) in [(anna, "customer.created", 1), (bo, "customer.read", 1), (anna, "customer.read", 2), (bo, "customer.revealed", 1)] {
            deed(&app, by, action, customer);
        }
        let auditor = app.person("审计员", &["audit.read"]);
        let find = |query: &str| app.get(&auditor, &format!("/api/v1/audit?{query}")).expect(200);
        let all = find("");
        assert_eq!(actions(&all), ["customer.revealed", "customer.read", "customer.read", "customer.created"]);
        let first = &all["items"][3];
        assert_eq!(first["actor"], json!({ "kind": "person", "id": anna.to_string(), "name": "安娜" }));
        assert_eq!(first["object_id"], CustomerId(uuid::Uuid::from_u128(1)).to_string());
        assert_eq!((&first["ip"], &first["at"], &first["sealed"]), (&json!("192.0.2.1"), &json!("2026-03-02T01:00:00Z"), &json!(false)));
        let one = CustomerId(uuid::Uuid::from_u128(1));
        assert_eq!(actions(&find(&format!("object={one}"))), ["customer.revealed", "customer.read", "customer.created"]);
        assert_eq!(actions(&find(&format!("actor={anna}&object=customer"))), ["customer.read", "customer.created"]);
        assert_eq!(actions(&find(&format!("action=customer.read&actor={bo}"))), ["customer.read"]);
        assert_eq!(actions(&find("from=2026-03-02T01:10:00Z&to=2026-03-02T01:20:00Z")), ["customer.read"]);
        assert_eq!(actions(&find("to=2026-03-02T01:00:00Z")), Vec::<&str>::new());
        assert_eq!(actions(&find("from=2036-01-01T00:00:00Z")), Vec::<&str>::new());
        // Reading it is a deed too, and its filters are on record.
        let reads = find("action=audit.read&limit=1");
        assert_eq!(reads["items"][0]["detail"]["filters"]["from"], "2036-01-01T00:00:00Z");
        for wrong in ["object=%27", "actor=nobody", "from=yesterday", "limit=1000", "after=x", "colour=red"] {
            app.get(&auditor, &format!("/api/v1/audit?{wrong}")).expect(422);
        }
    });
}

#[test]
fn pages_follow_each_other() {
    on_both(modules, |app| {
        deeds(&app, 130);
        let auditor = app.person("审计员", &["audit.read"]);
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = app.get(&auditor, &format!("/api/v1/audit?object=customer&limit=20{after}")).expect(200);
            seen.extend(page["items"].as_array().unwrap().iter().map(|e| e["seq"].as_i64().unwrap()));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 87);
        assert!(seen.windows(2).all(|pair| pair[0] > pair[1]));
    });
}

#[test]
fn who_may_not_read_it_does_not() {
    on_both(modules, |app| {
        let (north, south) = (OrgUnitId(uuid::Uuid::from_u128(1)), OrgUnitId(uuid::Uuid::from_u128(2)));
        let (anna, bo) = (person(&app, "安娜", Some(north)), person(&app, "波", Some(south)));
        deed(&app, anna, "customer.read", 1);
        deed(&app, bo, "customer.revealed", 1);
        for path in ["/api/v1/audit", "/api/v1/audit/verification"] {
            assert_eq!(app.send(None, axum::http::Method::GET, path, json!(null), &[]).status.as_u16(), 401);
            let reply = app.get(&app.person("坐席", &["customer.read", "case.read"]), path);
            assert_eq!((reply.status.as_u16(), reply.code().as_str()), (403, "forbidden"));
        }
        let bound = |reach: Reach| app.viewer("属地审计", vec![Grant { permission: "audit.read".into(), reach }]);
        let regional = bound(Reach::OrgUnits { units: [north].into() });
        assert_eq!(actions(&app.get(&regional, "/api/v1/audit?object=customer").expect(200)), ["customer.read"]);
        assert_eq!(actions(&app.get(&regional, &format!("/api/v1/audit?actor={bo}")).expect(200)), Vec::<&str>::new());
        assert_eq!(app.get(&regional, "/api/v1/audit/verification").status.as_u16(), 403);
        let own = bound(Reach::Own);
        assert_eq!(actions(&app.get(&own, "/api/v1/audit?object=customer").expect(200)), Vec::<&str>::new());
        assert_eq!(actions(&app.get(&own, "/api/v1/audit").expect(200)), ["audit.read"], "one's own deeds");
        let mut stranger = app.person("别家", &["audit.read"]);
        stranger.workspace = app.db.write_blocking(|tx| tx.create_workspace("别家", "Asia/Shanghai", "zh-CN")).unwrap();
        assert_eq!(actions(&app.get(&stranger, "/api/v1/audit").expect(200)), Vec::<&str>::new());
    });
}

#[test]
fn the_check_is_a_request_too() {
    on_both(modules, |app| {
        deeds(&app, 40);
        seal_all(&app);
        let auditor = app.person("审计员", &["audit.read"]);
        let report = app.get(&auditor, "/api/v1/audit/verification").expect(200);
        assert_eq!((&report["ok"], &report["sealed"], &report["findings"]), (&json!(true), &json!(40), &json!([])));
        app.db.write_blocking(|tx| tx.execute("DELETE FROM audit WHERE chain = 9", params![])).unwrap();
        let report = app.get(&auditor, "/api/v1/audit/verification").expect(200);
        assert_eq!((&report["ok"], &report["findings"][0]["kind"], &report["findings"][0]["chain"]), (&json!(false), &json!("deleted"), &json!(9)));
    });
}

#[test]
fn the_names_are_rebuilt_as_they_were() {
    on_both(modules, |app| {
        let anna = person(&app, "安娜", None);
        person(&app, "波", Some(OrgUnitId(uuid::Uuid::from_u128(2))));
        let renamed = PersonSaved { person_id: anna, name: "安娜二".into(), active: true, org_unit_id: None, teams: vec![], skills: vec![], languages: vec![], capacity: 0, locale: "en".into(), time_zone: "UTC".into() };
        app.emit(Some(anna), None, IdentityEvent::PersonSaved(renamed));
        app.assert_rebuilds(|tx| tx.all::<(PersonId, String, Option<OrgUnitId>)>("SELECT id, name, org_unit_id FROM audit_person ORDER BY id", params![]));
    });
}
