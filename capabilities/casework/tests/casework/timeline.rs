//! The timeline, and the promise that old state and events together are the new state.

use serde_json::{Value, json};
use shouwen_contracts::casework::CaseEvent;
use shouwen_testkit::on_both;

use crate::common::{House, Mail, modules};

#[test]
fn ux27_messages_and_events_stand_in_order_in_pages_both_ways() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(Mail { from: "zhang@customer.example", subject: "s", text: "m0", ..Mail::default() }));
        let thread = house.conversation(&case);
        for text in ["m1", "m2", "m3", "m4"] {
            house.t.clock.advance(60);
            house.mail(Mail { from: "zhang@customer.example", text, token: Some(thread), ..Mail::default() });
            house.t.clock.advance(60);
            house.t.put(&agent, &format!("/api/v1/cases/{case}/tags/{text}"), json!(null)).expect(200);
        }
        house.t.clock.advance(60);
        house.t.put(&agent, &format!("/api/v1/cases/{case}/assignment"), json!({ "person_id": agent.person, "reason": "熟悉情况" })).expect(200);
        let all = house.timeline(&case);
        let kinds: Vec<String> = all.iter().map(|e| if e["kind"] == "message" { e["text"].as_str().unwrap().to_owned() } else { e["type"].as_str().unwrap().to_owned() }).collect();
        assert_eq!(kinds, ["case.opened", "m0", "m1", "case.tagged", "m2", "case.tagged", "m3", "case.tagged", "m4", "case.tagged", "case.assigned", "case.accountable"]);
        let assigned = &all[10];
        assert_eq!((&assigned["actor"]["name"], &assigned["data"]["reason"]), (&json!("王小明"), &json!("熟悉情况")));
        assert_eq!(assigned["names"][agent.person.to_string()], "王小明");

        let walk = |query: &str| {
            let (mut pages, mut after) = (Vec::new(), String::new());
            loop {
                let page = house.t.get(&agent, &format!("/api/v1/cases/{case}/timeline?limit=5{query}{after}")).expect(200);
                pages.push(page["items"].as_array().unwrap().clone());
                match page["next"].as_str() {
                    Some(next) => after = format!("&after={next}"),
                    None => return pages,
                }
            }
        };
        let older: Vec<Value> = walk("").into_iter().rev().flatten().collect();
        let newer: Vec<Value> = walk("&direction=newer").into_iter().flatten().collect();
        assert_eq!((&older, &newer), (&all, &all));
        assert_eq!(walk("&messages=true").into_iter().rev().flatten().count(), 5);
        assert_eq!(house.t.get(&agent, &format!("/api/v1/cases/{case}/timeline?direction=up")).status, 422);
        assert_eq!(house.t.get(&agent, &format!("/api/v1/cases/{case}/timeline?after=junk")).status, 422);
    });
}

/// The head of a case as its events alone tell it.
fn retold(events: &[CaseEvent], case: &str) -> Value {
    let mut head = json!({});
    let mut tags: Vec<String> = Vec::new();
    for event in events {
        match event {
            CaseEvent::Opened(e) if e.case_id.to_string() == case => {
                head = json!({ "title": e.title, "priority": e.priority, "stage": e.stage, "status": e.status, "team": e.team_id, "assignee": e.assignee_id, "accountable": e.accountable_id, "org_unit": e.org_unit_id, "snoozed_until": null, "reopened_count": 0 });
            }
            CaseEvent::Assigned(e) if e.case_id.to_string() == case => {
                head["assignee"] = json!(e.to_person);
                head["team"] = json!(e.to_team);
                head["org_unit"] = json!(e.org_unit_id);
            }
            CaseEvent::Accountable(e) if e.case_id.to_string() == case => head["accountable"] = json!(e.to),
            CaseEvent::StageChanged(e) if e.case_id.to_string() == case => {
                head["stage"] = json!(e.to);
                head["status"] = json!(e.to_status);
            }
            CaseEvent::Edited(e) if e.case_id.to_string() == case => head[e.field.as_str()] = e.to.clone(),
            CaseEvent::Tagged(e) if e.case_id.to_string() == case => {
                tags.retain(|t| !e.removed.contains(t));
                tags.extend(e.added.iter().cloned());
            }
            CaseEvent::Snoozed(e) if e.case_id.to_string() == case => head["snoozed_until"] = json!(e.until),
            CaseEvent::Reopened(e) if e.case_id.to_string() == case && e.reason != "undo" => head["reopened_count"] = json!(head["reopened_count"].as_i64().unwrap() + 1),
            _ => {}
        }
    }
    head["tags"] = json!(tags);
    head
}

#[test]
fn old_state_and_events_are_the_fresh_state_after_every_command() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (a, b) = (house.agent("王小明"), house.agent("李雷"));
        let case = house.case_of(house.mail(Mail { from: "zhang@customer.example", subject: "s", text: "t", ..Mail::default() }));
        let thread = house.conversation(&case);
        let check = |step: &str| {
            let shown = house.show(&case);
            let id = |field: &str| shown[field]["id"].clone();
            let fresh = json!({
                "title": shown["title"], "priority": shown["priority"], "stage": shown["stage"], "status": shown["status"], "team": id("team"), "assignee": id("assignee"),
                "accountable": id("accountable"), "org_unit": id("org_unit"), "snoozed_until": shown["snoozed_until"], "reopened_count": shown["reopened_count"], "tags": shown["tags"],
            });
            assert_eq!(retold(&house.case_events(), &case), fresh, "after {step}");
        };
        let path = |tail: &str| format!("/api/v1/cases/{case}{tail}");
        check("opening");
        house.reply(&a, &case, "收到");
        check("answering");
        house.t.put(&a, &path("/assignment"), json!({ "person_id": b.person, "team_id": house.other_team })).expect(200);
        check("transfer");
        house.t.patch(&a, &path(""), json!({ "version": house.show(&case)["version"], "title": "新标题", "priority": "high" })).expect(200);
        check("edit");
        house.t.put(&a, &path("/tags/x"), json!(null)).expect(200);
        house.t.put(&a, &path("/tags/y"), json!(null)).expect(200);
        house.t.delete(&a, &path("/tags/x")).expect(200);
        check("tags");
        house.t.put(&a, &path("/snooze"), json!({ "until": "2026-04-01T00:00:00Z" })).expect(200);
        check("snooze");
        house.mail(Mail { from: "zhang@customer.example", text: "?", token: Some(thread), ..Mail::default() });
        check("the customer's answer");
        house.t.put(&a, &path("/stage"), json!({ "stage": "waiting_customer" })).expect(200);
        check("waiting");
        house.t.post(&a, &path("/resolution"), json!({ "resolution": { "code": "solved" } })).expect(200);
        check("resolution");
        house.t.post(&a, &path("/closure"), json!({ "resolution": { "code": "solved" } })).expect(200);
        check("closure");
        house.mail(Mail { from: "zhang@customer.example", text: "又来", token: Some(thread), ..Mail::default() });
        check("reopening by the customer");
        let sent = house.t.post(&a, &path("/messages"), json!({ "kind": "reply", "text": "等您", "then": "wait" })).expect(201);
        check("answer and wait");
        house.t.delete(&a, sent["undo"]["path"].as_str().unwrap()).expect(200);
        check("undo");
        let sent = house.t.post(&a, &path("/messages"), json!({ "kind": "reply", "text": "完成", "then": "close" })).expect(201);
        check("answer and close");
        house.t.delete(&a, sent["undo"]["path"].as_str().unwrap()).expect(200);
        check("undo of closing");
    });
}
