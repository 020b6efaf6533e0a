//! Create, edit, stage, tags, watchers, links, snooze, closure.

use serde_json::json;
use shouwen_contracts::casework::CaseEvent;
use shouwen_kernel::Time;
use shouwen_testkit::{START, on_both};

use crate::common::{House, Mail, modules};

fn first() -> Mail {
    Mail { from: "zhang@customer.example", subject: "宽带断了", text: "不能上网", wire_id: Some("a1@customer.example".into()), ..Mail::default() }
}

#[test]
fn a_case_opened_by_hand_writes_to_the_customer_and_its_answer_finds_back() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let made = house
            .t
            .post(
                &agent,
                "/api/v1/cases",
                json!({ "title": "回访", "type": "complaint", "priority": "high", "inbox_id": house.inbox, "customer": { "name": "张三", "email": "zhang@customer.example" }, "to": ["zhang@customer.example"], "text": "您好,请问问题解决了吗", "tags": ["回访"], "assignee_id": agent.person }),
            )
            .expect(201);
        let case = made["case"]["id"].as_str().unwrap().to_owned();
        assert_eq!(made["case"]["accountable"]["id"], agent.person.to_string());
        assert_eq!(made["case"]["team"]["id"], house.team.to_string());
        assert!(made["case"]["first_response_at"].is_null());
        let messages = house.messages(&case);
        assert_eq!((messages.len(), &messages[0]["subject"]), (1, &json!("回访")));
        let back = house.mail(Mail { text: "解决了", token: Some(house.conversation(&case)), ..first() });
        assert_eq!(house.case_of(back), case);
        let shown = house.show(&case);
        assert_eq!(shown["customer"]["name"], "zhang", "the case now has its customer");
        assert_eq!(house.messages(&case)[1]["verified"], true);
        // A title is needed, a type must exist, unknown fields are refused.
        for (body, field) in [
            (json!({ "title": " " }), "title"),
            (json!({ "title": "x", "type": "poem" }), "type"),
            (json!({ "title": "x", "priority": "p0" }), "priority"),
            (json!({ "title": "x", "nonsense": 1 }), "nonsense"),
            (json!({ "title": "x", "customer": { "name": "a", "phone": "12" } }), "customer.phone"),
        ] {
            let reply = house.t.post(&agent, "/api/v1/cases", body.clone());
            assert_eq!((reply.status.as_u16(), reply.json()["error"]["field"].as_str().unwrap_or_default().to_owned()), (422, field.to_owned()), "{body}");
        }
        assert_eq!(house.count("case_case"), 1);
    });
}

#[test]
fn ux08_an_edit_of_the_same_field_from_a_stale_version_shows_both_values() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (a, b) = (house.agent("王小明"), house.agent("李雷"));
        let case = house.case_of(house.mail(first()));
        let path = format!("/api/v1/cases/{case}");
        let version = house.show(&case)["version"].clone();
        let edited = house.t.patch(&a, &path, json!({ "version": version, "priority": "high" })).expect(200);
        let stale = house.t.patch(&b, &path, json!({ "version": version, "priority": "urgent" }));
        assert_eq!((stale.status.as_u16(), stale.code().as_str()), (409, "version_conflict"));
        let detail = stale.json()["error"]["detail"].clone();
        assert_eq!(detail["conflicts"][0], json!({ "field": "priority", "yours": "urgent", "theirs": "high" }));
        assert_eq!(detail["current"]["priority"], "high");
        // Another field from the same stale version is no conflict.
        house.t.patch(&b, &path, json!({ "version": version, "title": "宽带中断" })).expect(200);
        let undo = &edited["undo"];
        let undone = house.t.patch(&a, undo["path"].as_str().unwrap(), undo["body"].clone()).expect(200);
        assert_eq!((&undone["case"]["priority"], &undone["case"]["title"]), (&json!("normal"), &json!("宽带中断")));
        // Fields of a type are checked by the type.
        let now = undone["case"]["version"].clone();
        assert_eq!(house.t.patch(&a, &path, json!({ "version": now, "fields": { "severity": "major" } })).status, 422);
        let complaint = house.t.patch(&a, &path, json!({ "version": now, "type": "complaint", "fields": { "severity": "major" } })).expect(200);
        assert_eq!(complaint["case"]["fields"]["severity"], "major");
        assert_eq!(house.t.patch(&a, &path, json!({ "version": complaint["case"]["version"], "fields": { "severity": "huge" } })).json()["error"]["field"], "fields.severity");
    });
}

#[test]
fn stages_ends_and_reopening_are_told_with_who_and_when_and_each_has_its_undo() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(first()));
        let staged = house.t.put(&agent, &format!("/api/v1/cases/{case}/stage"), json!({ "stage": "waiting_customer", "reason": "等资料" })).expect(200);
        assert_eq!(staged["case"]["status"], "waiting");
        assert_eq!(house.t.put(&agent, &format!("/api/v1/cases/{case}/stage"), json!({ "stage": "dancing" })).json()["error"]["field"], "stage");
        // The customer's answer sets it to work again.
        house.mail(Mail { text: "资料在此", token: Some(house.conversation(&case)), ..first() });
        assert_eq!(house.show(&case)["stage"], "handling");
        let resolved = house.t.post(&agent, &format!("/api/v1/cases/{case}/resolution"), json!({ "resolution": { "code": "explained", "text": "已说明" } })).expect(200);
        assert_eq!((&resolved["case"]["status"], &resolved["case"]["resolution"]["code"]), (&json!("resolved"), &json!("explained")));
        let closed = house.t.post(&agent, &format!("/api/v1/cases/{case}/closure"), json!({ "resolution": { "code": "solved" } })).expect(200);
        assert_eq!(closed["case"]["closed_by"]["name"], "王小明");
        assert_eq!(house.t.post(&agent, &format!("/api/v1/cases/{case}/closure"), json!({ "resolution": { "code": "solved" } })).code(), "case.already_closed");
        assert!(house.case_events().iter().any(|e| matches!(e, CaseEvent::Closed(c) if c.ask && c.conversation_id.is_some() && c.by == Some(agent.person))));
        let undo = &closed["undo"];
        let back = house.t.send(Some(&agent), axum::http::Method::DELETE, undo["path"].as_str().unwrap(), undo["body"].clone(), &[]).expect(200);
        assert_eq!((&back["case"]["status"], &back["case"]["closed_at"]), (&json!("open"), &json!(null)));
        assert_eq!(house.t.delete(&agent, &format!("/api/v1/cases/{case}/closure")).code(), "case.not_closed");
        assert_eq!(house.count("case_closure"), 2);
    });
}

#[test]
fn ux41_a_snoozed_case_comes_back_on_time_or_when_the_customer_writes() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(first()));
        let path = format!("/api/v1/cases/{case}/snooze");
        let until: Time = START.plus_seconds(3600);
        let put = house.t.put(&agent, &path, json!({ "until": until })).expect(200);
        assert_eq!(put["case"]["snoozed_until"], until.to_string());
        house.t.advance(3599);
        assert!(!house.show(&case)["snoozed_until"].is_null());
        house.t.advance(2);
        assert!(house.show(&case)["snoozed_until"].is_null());
        let later = house.t.app.clock().now().plus_seconds(86_400);
        house.t.put(&agent, &path, json!({ "until": later })).expect(200);
        house.mail(Mail { text: "有消息吗", token: Some(house.conversation(&case)), ..first() });
        assert!(house.show(&case)["snoozed_until"].is_null());
        house.t.advance(90_000);
        let woken = house.case_events().iter().filter(|e| matches!(e, CaseEvent::Snoozed(s) if s.until.is_none())).count();
        assert_eq!(woken, 2, "the timer of a case that is back already does nothing");
        assert_eq!(house.t.put(&agent, &path, json!({ "until": START })).json()["error"]["field"], "until");
    });
}

#[test]
fn tags_watchers_and_links_come_and_go() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (a, b) = (house.agent("王小明"), house.agent("李雷"));
        let case = house.case_of(house.mail(first()));
        let other = house.case_of(house.mail(Mail { wire_id: Some("b1@customer.example".into()), ..first() }));
        let tagged = house.t.put(&a, &format!("/api/v1/cases/{case}/tags/%E9%80%80%E6%AC%BE"), json!(null)).expect(200);
        assert_eq!(tagged["case"]["tags"], json!(["退款"]));
        assert_eq!(house.t.delete(&a, tagged["undo"]["path"].as_str().unwrap()).expect(200)["case"]["tags"], json!([]));
        let watched = house.t.put(&a, &format!("/api/v1/cases/{case}/watchers/{}", b.person), json!(null)).expect(200);
        assert_eq!(watched["case"]["watchers"][0]["name"], "李雷");
        assert_eq!(house.t.delete(&b, &format!("/api/v1/cases/{case}/watchers/{}", b.person)).expect(200)["case"]["watchers"], json!([]));
        let linked = house.t.put(&a, &format!("/api/v1/cases/{case}/links/{other}"), json!({ "kind": "parent" })).expect(200);
        assert_eq!(linked["case"]["links"][0]["kind"], "parent");
        assert_eq!(house.show(&other)["links"][0]["kind"], "child");
        assert_eq!(house.t.put(&a, &format!("/api/v1/cases/{case}/links/{case}"), json!({ "kind": "related" })).status, 422);
        house.t.delete(&a, &format!("/api/v1/cases/{case}/links/{other}")).expect(200);
        assert_eq!(house.show(&other)["links"], json!([]));
    });
}

#[test]
fn an_unverified_participant_is_accepted_by_an_agent() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(first()));
        house.mail(Mail { from: "li@customer.example", text: "我是他爱人", token: Some(house.conversation(&case)), ..Mail::default() });
        let people = house.show(&case)["conversations"][0]["participants"].clone();
        let li = people.as_array().unwrap().iter().find(|p| p["name"] == "li").unwrap()["id"].as_str().unwrap().to_owned();
        house.t.post(&agent, &format!("/api/v1/cases/{case}/participants/{li}/verification"), json!(null)).expect(200);
        let reply = house.t.post(&agent, &format!("/api/v1/cases/{case}/messages"), json!({ "kind": "reply", "text": "好的", "to": [{ "participant_id": li }] })).expect(201);
        assert!(house.outbound(reply["message"]["id"].as_str().unwrap())["text"].as_str().unwrap().contains("> 不能上网"));
        assert_eq!(house.t.post(&agent, &format!("/api/v1/cases/{case}/participants/obj_00000000000000000000000000/verification"), json!(null)).status, 404);
    });
}
