//! Answers are what the type's form takes, and conditions compare them as what they are.

use serde_json::{Value, json};
use shouwen_contracts::casework::CaseEvent;
use shouwen_testkit::on_both;

use crate::common::{House, Mail, modules};

fn save(house: &House, change: impl Fn(&mut Value)) {
    let shown = house.t.get(&house.admin, "/api/v1/case-types/incident").expect(200);
    let mut definition = shown["definition"].clone();
    let field = |key: &str, kind: &str, more: Value| {
        let mut field = json!({ "key": key, "type": kind, "label": { "zh": key, "en": key } });
        field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        field
    };
    definition["form"] = json!({ "key": "incident", "title": { "zh": "故障单", "en": "Incident" }, "section": [{ "key": "a", "title": { "zh": "a", "en": "a" }, "field": [
        field("demand", "choice", json!({ "option": [{ "key": "repair", "label": { "zh": "修", "en": "Repair" } }, { "key": "refund", "label": { "zh": "退", "en": "Refund" } }] })),
        field("amount", "money", json!({ "show_if": "demand is refund", "require_if": "demand is refund", "max": 5000 })),
        field("phone", "phone", json!({ "personal": true })),
        field("happened", "date", json!({ "max": "today" })),
        field("handler", "person", json!({})),
        field("summary", "computed", json!({ "template": { "zh": "{demand} {amount}", "en": "{demand} {amount}" } })),
    ] }] });
    change(&mut definition);
    house.t.put(&house.admin, "/api/v1/case-types/incident", json!({ "version": shown["version"], "definition": definition })).expect(200);
}

fn fill(house: &House, agent: &shouwen_web::Viewer, case: &str, fields: Value) -> shouwen_testkit::Reply {
    let version = house.show(case)["version"].clone();
    house.t.patch(agent, &format!("/api/v1/cases/{case}"), json!({ "version": version, "fields": fields }))
}

#[test]
fn answers_are_checked_by_the_form_cleaned_and_cleared_with_what_they_hung_on() {
    on_both(modules, |t| {
        let house = House::new(t);
        let mut all: Vec<&str> = house.t.app.permissions().iter().map(|p| p.code).collect();
        all.push("customer.reveal");
        let agent = house.t.person("王小明", &all);
        house.know(&agent, &[]);
        save(&house, |_| {});
        let made = house.t.post(&agent, "/api/v1/cases", json!({ "title": "断网", "type": "incident", "fields": { "demand": "refund", "amount": "120.50" } })).expect(201);
        let case = made["case"]["id"].as_str().unwrap().to_owned();
        assert_eq!((&made["case"]["fields"]["amount"], &made["case"]["fields"]["summary"]), (&json!({ "minor": 12050, "currency": "CNY" }), &json!("refund 120.5")));
        let told: Vec<String> = house.case_events().into_iter().filter_map(|e| if let CaseEvent::Edited(e) = e { Some(e.field) } else { None }).collect();
        assert!(told.contains(&"fields.amount".to_owned()) && told.contains(&"fields.demand".to_owned()), "what it was opened with is told: {told:?}");
        // Every wrong answer is named, with what would be right, in both languages.
        let refused = fill(&house, &agent, &case, json!({ "amount": "9000", "phone": "12", "happened": "2027-01-01", "handler": "per_00000000000000000000000000" }));
        assert_eq!((refused.status.as_u16(), refused.json()["error"]["field"].as_str()), (422, Some("fields.amount")), "{}", refused.text);
        let faults = refused.json()["error"]["detail"]["faults"].clone();
        let codes: Vec<&str> = faults.as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
        assert_eq!(codes, ["too_large", "bad_phone", "too_large", "unknown_reference"], "{faults}");
        assert!(faults.as_array().unwrap().iter().all(|f| !f["zh"].as_str().unwrap().is_empty() && !f["en"].as_str().unwrap().is_empty()));
        fill(&house, &agent, &case, json!({ "phone": "13800138000", "happened": "2026-03-01", "handler": agent.person })).expect(200);
        // A page sends back what it was shown of a personal answer: it stays.
        let kept = fill(&house, &agent, &case, json!({ "phone": "***", "demand": "repair" })).expect(200);
        assert_eq!((&kept["case"]["fields"]["phone"], kept["case"]["fields"].get("amount"), &kept["case"]["fields"]["summary"]), (&json!("***"), None, &json!("repair —")), "what is no longer asked is gone, texts follow");
        let shown = house.t.post(&agent, &format!("/api/v1/cases/{case}/field-revelation"), json!({ "field": "phone" })).expect(200);
        assert_eq!(shown["value"], "13800138000");
        // The undo brings both back.
        let undo = kept["undo"].clone();
        let back = house.t.patch(&agent, undo["path"].as_str().unwrap(), undo["body"].clone()).expect(200);
        assert_eq!(back["case"]["fields"]["amount"]["minor"], 12050);
    });
}

#[test]
fn conditions_compare_money_as_an_amount_and_an_end_needs_what_the_form_requires() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        save(&house, |d| d["stage"][1]["enter"] = json!("fields.amount <= 500 or fields.demand is repair"));
        let case = house.case_of(house.mail(Mail { from: "zhang@customer.example", subject: "断网", text: "断了", ..Mail::default() }));
        let version = house.show(&case)["version"].clone();
        house.t.patch(&agent, &format!("/api/v1/cases/{case}"), json!({ "version": version, "type": "incident", "fields": { "demand": "refund", "amount": 800 } })).expect(200);
        let second = house.t.get(&house.admin, "/api/v1/case-types/incident").expect(200)["definition"]["stage"][1]["key"].as_str().unwrap().to_owned();
        let go = || house.t.put(&agent, &format!("/api/v1/cases/{case}/stage"), json!({ "stage": second }));
        assert_eq!(go().code(), "case.move_refused", "800 is more than 500, though 80000 minor units are a map");
        fill(&house, &agent, &case, json!({ "amount": 499.99 })).expect(200);
        go().expect(200);
        // The amount is required as long as a refund is demanded.
        fill(&house, &agent, &case, json!({ "amount": null })).expect(200);
        let refused = house.t.post(&agent, &format!("/api/v1/cases/{case}/resolution"), json!({}));
        assert_eq!((refused.code().as_str(), refused.json()["error"]["field"].as_str()), ("case.move_refused", Some("fields.amount")), "{}", refused.text);
        fill(&house, &agent, &case, json!({ "demand": "repair" })).expect(200);
        house.t.post(&agent, &format!("/api/v1/cases/{case}/resolution"), json!({})).expect(200);
    });
}

#[test]
fn messages_name_their_participant_and_html_comes_back_with_a_message_taken_back() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(Mail { from: "zhang@customer.example", subject: "断网", text: "断了", ..Mail::default() }));
        let shown = house.show(&case);
        let participant = &shown["conversations"][0]["participants"][0]["id"];
        let messages = house.messages(&case);
        assert_eq!((&messages[0]["participant_id"], participant.is_string()), (participant, true));
        let sent = house.t.post(&agent, &format!("/api/v1/cases/{case}/messages"), json!({ "kind": "reply", "text": "您好", "html": "<p><b>您好</b></p>", "undo_seconds": 10 })).expect(201);
        let taken = house.t.delete(&agent, &format!("/api/v1/messages/{}", sent["message"]["id"].as_str().unwrap())).expect(200);
        let html = taken["draft"]["html"].as_str().unwrap_or_default();
        assert!(html.contains("<b>您好</b>") && !html.contains("断了") && !html.contains("首问客服"), "{html}");
    });
}

#[test]
fn a_case_begins_with_what_its_template_prepared() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let content = json!({ "type": "after_sales", "title": "退换货 {date}", "text": "核对订单", "priority": "high", "tags": ["退货"], "fields": { "wanted": "return" } });
        let made = house.t.post(&agent, "/api/v1/case-templates", json!({ "name": "退换货", "content": content })).expect(201);
        assert_eq!(house.t.post(&agent, "/api/v1/case-templates", json!({ "name": "退换货", "content": content })).code(), "case_template.name_taken");
        let bad = json!({ "type": "after_sales", "fields": { "wanted": "dance" } });
        assert_eq!(house.t.post(&agent, "/api/v1/case-templates", json!({ "name": "x", "content": bad })).json()["error"]["field"], "content.fields.wanted");
        let opened = house.t.post(&agent, "/api/v1/cases", json!({ "template_id": made["id"], "tags": ["急"], "fields": { "order": "A-1" } })).expect(201)["case"].clone();
        assert_eq!((&opened["title"], &opened["type"], &opened["priority"], &opened["tags"]), (&json!("退换货 2026-03-02"), &json!("after_sales"), &json!("high"), &json!(["急", "退货"])));
        assert_eq!((&opened["fields"]["wanted"], &opened["fields"]["order"]), (&json!("return"), &json!("A-1")));
        assert_eq!(house.messages(opened["id"].as_str().unwrap())[0]["text"], "核对订单");
        let path = format!("/api/v1/case-templates/{}", made["id"].as_str().unwrap());
        assert_eq!(house.t.put(&agent, &path, json!({ "name": "退换货", "content": content, "version": 9 })).code(), "version_conflict");
        house.t.put(&agent, &path, json!({ "name": "退货", "content": content, "version": 1 })).expect(200);
        house.t.delete(&agent, &path).expect(204);
        assert_eq!(house.t.get(&agent, "/api/v1/case-templates").expect(200), json!([]));
        assert_eq!(house.t.post(&agent, "/api/v1/cases", json!({ "template_id": made["id"] })).json()["error"]["field"], "template_id");
        let reader = house.t.person("坐席", &["case.read"]);
        assert_eq!((house.t.get(&reader, "/api/v1/case-templates").status.as_u16(), house.t.delete(&reader, &path).status.as_u16()), (403, 403));
    });
}
