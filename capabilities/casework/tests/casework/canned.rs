//! Canned replies.

use serde_json::json;
use shouwen_kernel::{Grant, Reach};
use shouwen_testkit::on_both;

use crate::common::{House, Mail, modules};

#[test]
fn ux15_placeholders_are_filled_and_the_unresolved_named() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(Mail { from: "zhang@customer.example", subject: "退款", text: "x", ..Mail::default() }));
        let made = house
            .t
            .post(&agent, "/api/v1/canned", json!({ "title": "退款说明", "shortcut": "/退款", "text": "{{customer.name}}您好,工单{{case.number}}由{{agent.name}}处理,订单{{fields.order}}", "html": "<p>{{customer.name}}</p><script>1</script>" }))
            .expect(201);
        assert_eq!((&made["shortcut"], &made["locale"]), (&json!("退款"), &json!("zh-CN")));
        let filled = house.t.post(&agent, &format!("/api/v1/canned/{}/render", made["id"].as_str().unwrap()), json!({ "case_id": case })).expect(200);
        assert_eq!(filled["text"], "zhang您好,工单2026-000001由王小明处理,订单{{fields.order}}");
        assert_eq!((&filled["unresolved"], &filled["html"]), (&json!(["fields.order"]), &json!("<p>zhang</p>")));
    });
}

#[test]
fn shortcuts_are_unique_versions_checked_and_a_teams_answers_are_its_own() {
    on_both(modules, |t| {
        let house = House::new(t);
        let body = |shortcut: &str| json!({ "title": format!("标题{shortcut}"), "shortcut": shortcut, "text": "x" });
        let made = house.t.post(&house.admin, "/api/v1/canned", body("a")).expect(201);
        let path = format!("/api/v1/canned/{}", made["id"].as_str().unwrap());
        assert_eq!(house.t.post(&house.admin, "/api/v1/canned", body("a")).code(), "canned.shortcut_taken");
        assert_eq!(house.t.post(&house.admin, "/api/v1/canned", body("a b")).json()["error"]["field"], "shortcut");
        let changed = house.t.patch(&house.admin, &path, json!({ "version": 1, "text": "y" })).expect(200);
        assert_eq!((&changed["version"], &changed["text"]), (&json!(2), &json!("y")));
        assert_eq!(house.t.patch(&house.admin, &path, json!({ "version": 1, "text": "z" })).code(), "version_conflict");
        let lead = house.t.viewer("组长", vec![
            Grant { permission: "case.read".into(), reach: Reach::Own },
            Grant { permission: "canned.edit".into(), reach: Reach::Teams { teams: [house.team].into() } },
        ]);
        assert_eq!(house.t.post(&lead, "/api/v1/canned", body("b")).status, 403, "for everybody takes the whole workspace");
        house.t.post(&lead, "/api/v1/canned", json!({ "title": "组内", "shortcut": "c", "text": "x", "team_id": house.team })).expect(201);
        let outsider = house.t.person("外人", &["case.read"]);
        let list = |who| house.t.get(who, "/api/v1/canned?limit=1").expect(200);
        assert_eq!(list(&outsider)["items"].as_array().unwrap().len(), 1);
        assert!(list(&outsider)["next"].is_null(), "what one may not use is not counted");
        let first = list(&lead);
        let second = house.t.get(&lead, &format!("/api/v1/canned?limit=1&after={}", first["next"].as_str().unwrap())).expect(200);
        assert_ne!(first["items"][0]["id"], second["items"][0]["id"]);
        house.t.delete(&house.admin, &path).expect(204);
        assert_eq!(house.t.delete(&house.admin, &path).status, 404);
    });
}
