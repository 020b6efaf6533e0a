//! Work orders, reminders, helpers, hand-over of accountability, wishes of other capabilities.

use serde_json::{Value, json};
use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::wish::{ActionWish, CaseWish, WishEvent};
use shouwen_kernel::CaseId;
use shouwen_testkit::on_both;

use crate::common::{House, Mail, modules};

fn case(house: &House) -> String {
    house.case_of(house.mail(Mail { from: "zhang@customer.example", subject: "宽带断了", text: "不能上网", wire_id: Some("a1@customer.example".into()), ..Mail::default() }))
}

#[test]
fn a_case_waits_for_its_work_orders_and_ends_after_them_or_for_a_reason() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (agent, net) = (house.agent("王小明"), house.agent("网络李工"));
        let case = case(&house);
        house.t.put(&agent, &format!("/api/v1/cases/{case}/assignment"), json!({ "person_id": agent.person })).expect(200);
        let due = house.t.app.clock().now().plus_seconds(7200);
        let path = format!("/api/v1/cases/{case}/work-orders");
        assert_eq!(house.t.post(&agent, &path, json!({ "title": "查线路", "text": "请查" })).json()["error"]["field"], "team_id");
        let parent = house.t.post(&agent, &path, json!({ "title": "查线路", "text": "请查局端", "team_id": house.other_team, "due_at": due })).expect(201);
        let waiting = &parent["case"]["waiting_for"][0];
        assert_eq!((&waiting["team"]["name"], &waiting["due_at"]), (&json!("账务组"), &json!(due)));
        let child = waiting["case_id"].as_str().unwrap().to_owned();
        let shown = house.show(&child);
        assert_eq!((&shown["type"], &shown["parent"]["id"], &shown["customer"]["name"]), (&json!("work_order"), &json!(case), &json!("zhang")));
        assert!(shown["watchers"].as_array().unwrap().iter().any(|w| w["name"] == "王小明"), "whoever waits for it sees it");
        let refused = house.t.post(&agent, &format!("/api/v1/cases/{case}/closure"), json!({ "resolution": { "code": "solved" } }));
        assert_eq!((refused.code().as_str(), &refused.json()["error"]["detail"]["waiting_for"][0]["case_id"]), ("case.waiting", &json!(child)));
        // 催办 counts, names whom, and not twice a minute.
        let reminded = house.t.post(&agent, &format!("/api/v1/cases/{child}/reminders"), json!({ "text": "客户在等" })).expect(200);
        assert_eq!(reminded["case"]["reminders"], 1);
        assert_eq!(house.t.post(&agent, &format!("/api/v1/cases/{child}/reminders"), json!({})).code(), "case.reminded_just_now");
        house.t.advance(1800);
        let done = house.t.post(&net, &format!("/api/v1/cases/{child}/resolution"), json!({ "resolution": { "code": "done", "text": "已更换端口" } })).expect(200);
        assert_eq!(done["case"]["status"], "closed", "archived by itself");
        assert_eq!(house.show(&case)["waiting_for"], json!([]));
        let told: Vec<_> = house.case_events().into_iter().filter_map(|e| if let CaseEvent::ChildClosed(c) = e { Some((c.case_id.to_string(), c.text, c.at.micros() - c.opened_at.micros())) } else { None }).collect();
        assert_eq!(told, [(case.clone(), Some("已更换端口".to_owned()), 1_800_000_000)]);
        assert!(house.timeline(&case).iter().any(|e| e["type"] == "case.child_closed"));
        house.t.post(&agent, &path, json!({ "title": "回填", "text": "补资料", "team_id": house.other_team })).expect(201);
        house.t.post(&agent, &format!("/api/v1/cases/{case}/closure"), json!({ "resolution": { "code": "solved" }, "despite_open": "资料不影响客户" })).expect(200);
    });
}

#[test]
fn a_helper_sees_the_case_and_leaves_it() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (agent, helper) = (house.agent("王小明"), house.agent("李雷"));
        let case = case(&house);
        let put = house.t.put(&agent, &format!("/api/v1/cases/{case}/co-handlers/{}", helper.person), json!(null)).expect(200);
        assert_eq!(put["case"]["co_handlers"][0]["name"], "李雷");
        let undo = house.t.delete(&agent, put["undo"]["path"].as_str().unwrap()).expect(200);
        assert_eq!((&undo["case"]["co_handlers"], &undo["case"]["watchers"]), (&json!([]), &json!([])));
    });
}

#[test]
fn accountability_changes_hands_when_the_other_accepts() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (a, c) = (house.agent("王小明"), house.agent("韩梅梅"));
        // Sees only what is theirs.
        let b = house.t.viewer("李雷", ["case.read", "case.note"].iter().map(|p| shouwen_kernel::Grant { permission: (*p).into(), reach: shouwen_kernel::Reach::Own }).collect());
        house.know(&b, &[]);
        let case = case(&house);
        house.reply(&a, &case, "收到");
        let path = format!("/api/v1/cases/{case}/hand-over");
        assert_eq!(house.t.get(&b, &format!("/api/v1/cases/{case}")).status, 404);
        assert_eq!(house.t.post(&a, &path, json!({ "person_id": b.person, "reason": "" })).json()["error"]["field"], "reason");
        let offered = house.t.post(&a, &path, json!({ "person_id": b.person, "reason": "休假" })).expect(200);
        assert_eq!((&offered["case"]["hand_over"]["to"]["name"], &offered["case"]["accountable"]["name"]), (&json!("李雷"), &json!("王小明")));
        assert_eq!(house.t.post(&c, &format!("{path}/acceptance"), json!(null)).code(), "case.not_offered_to_you");
        house.t.get(&b, &format!("/api/v1/cases/{case}")).expect(200);
        house.t.post(&b, &format!("{path}/refusal"), json!({ "reason": "手上太多" })).expect(200);
        assert_eq!(house.t.get(&b, &format!("/api/v1/cases/{case}")).status, 404, "it is not theirs, so they see it no longer");
        assert_eq!(house.t.post(&b, &format!("{path}/acceptance"), json!(null)).status, 404);
        house.t.post(&a, &path, json!({ "person_id": b.person, "reason": "休假", "hours": 1 })).expect(200);
        house.t.advance(3601);
        assert!(house.show(&case)["hand_over"].is_null(), "an offer nobody answers expires");
        house.t.post(&a, &path, json!({ "person_id": b.person, "reason": "离职" })).expect(200);
        let taken = house.t.post(&b, &format!("{path}/acceptance"), json!(null)).expect(200);
        assert_eq!((&taken["case"]["accountable"]["name"], &taken["case"]["hand_over"]), (&json!("李雷"), &json!(null)));
        let states: Vec<String> = house.case_events().into_iter().filter_map(|e| if let CaseEvent::HandOver(h) = e { Some(h.state) } else { None }).collect();
        assert_eq!(states, ["offered", "declined", "offered", "expired", "offered", "accepted"]);
    });
}

fn wish(source: &str, case_id: CaseId, action: Value) -> WishEvent {
    ActionWish { source: source.into(), case_id, action, reason: "规则「升级信号」".into(), chain: vec!["upgrade".into()] }.into()
}

#[test]
fn wishes_are_carried_out_once_and_refusals_stand_in_the_timeline() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = case(&house);
        let id: CaseId = case.parse().unwrap();
        let tell = |event: WishEvent| house.t.emit::<WishEvent>(Some(id.0), None, event);
        tell(wish("r:1", id, json!({ "do": "set_priority", "priority": "urgent" })));
        tell(wish("r:2", id, json!({ "do": "tag", "tags": ["12315"] })));
        tell(wish("r:3", id, json!({ "do": "assign", "person": agent.person, "team": "账务组" })));
        tell(wish("r:4", id, json!({ "do": "add_note", "text": { "zh": "命中升级信号", "en": "upgrade" } })));
        tell(wish("r:4", id, json!({ "do": "add_note", "text": { "zh": "命中升级信号", "en": "upgrade" } })));
        tell(wish("r:5", id, json!({ "do": "open_child", "type": "work_order", "title": "核查", "team": "宽带组" })));
        tell(wish("r:6", id, json!({ "do": "set_field", "field": "type", "value": "complaint" })));
        let shown = house.show(&case);
        assert_eq!((&shown["priority"], &shown["tags"], &shown["assignee"]["name"], &shown["team"]["name"]), (&json!("urgent"), &json!(["12315"]), &json!("王小明"), &json!("账务组")));
        assert_eq!((shown["waiting_for"].as_array().unwrap().len(), &shown["type"]), (1, &json!("complaint")));
        let notes: Vec<_> = house.messages(&case).into_iter().filter(|m| m["direction"] == "note").collect();
        assert_eq!((notes.len(), &notes[0]["author"]["kind"], &notes[0]["text"]), (1, &json!("system"), &json!("命中升级信号")));
        // What the type refuses to people it refuses to rules: the end is not verified, the demand not known.
        tell(wish("r:7", id, json!({ "do": "move_stage", "stage": "archived" })));
        tell(wish("r:8", id, json!({ "do": "dance" })));
        let refused: Vec<Value> = house.timeline(&case).into_iter().filter(|e| e["type"] == "case.wish_refused").collect();
        assert_eq!(refused.len(), 2);
        assert_eq!(refused[0]["data"]["problem"]["code"], "case.move_refused");
        assert_ne!(house.show(&case)["status"], "closed");
    });
}

#[test]
fn a_wished_case_is_opened_once_with_its_place_and_links() {
    on_both(modules, |t| {
        let house = House::new(t);
        let about = case(&house);
        let event = CaseWish {
            source: "warning:1".into(),
            case_type: "risk_treatment".into(),
            title: "断网投诉突增".into(),
            text: "一小时 40 件".into(),
            priority: Some("urgent".into()),
            parent_id: None,
            customer_id: None,
            org_unit_id: Some(house.unit),
            team_id: Some(house.team),
            assignee_id: None,
            tags: vec!["预警".into()],
            fields: json!({ "grade": "red", "region": "示例市" }),
            related: vec![about.parse().unwrap()],
        };
        for _ in 0..2 {
            house.t.emit::<WishEvent>(None::<uuid::Uuid>, None, event.clone().into());
        }
        assert_eq!(house.count("case_case"), 2);
        let links = house.show(&about)["links"].clone();
        let opened = house.show(links[0]["case_id"].as_str().unwrap());
        assert_eq!((&opened["type"], &opened["fields"]["grade"], &opened["priority"], &opened["team"]["name"]), (&json!("risk_treatment"), &json!("red"), &json!("urgent"), &json!("宽带组")));
        let bad = CaseWish { source: "warning:2".into(), case_type: "poem".into(), ..event };
        house.t.emit::<WishEvent>(None::<uuid::Uuid>, None, bad.into());
        assert!(house.case_events().iter().any(|e| matches!(e, CaseEvent::WishRefused(w) if w.case_id.is_none() && w.source == "warning:2")));
    });
}

#[test]
fn a_recurring_case_opens_on_its_day_once_and_again() {
    on_both(modules, |t| {
        let house = House::new(t);
        let body = json!({ "title": "周检", "every": { "weekdays": ["tue"], "at": "09:00" }, "template": { "type": "work_order", "title": "机房巡检 {date}", "text": "按清单检查", "team_id": house.team } });
        let made = house.t.post(&house.admin, "/api/v1/recurring-cases", body.clone()).expect(201);
        assert_eq!(made["next_at"], "2026-03-03T01:00:00Z");
        let mut wrong = body.clone();
        wrong["every"] = json!({ "days": 1, "month_day": 3, "at": "09:00" });
        assert_eq!(house.t.post(&house.admin, "/api/v1/recurring-cases", wrong).json()["error"]["field"], "every");
        house.t.advance(86_400 + 60);
        assert_eq!(house.count("case_case"), 1);
        // Asleep for three weeks: one, not three.
        house.t.advance(21 * 86_400);
        assert_eq!(house.count("case_case"), 2);
        let all = house.t.get(&house.admin, "/api/v1/recurring-cases").expect(200);
        assert_eq!(house.show(all[0]["last_case"].as_str().unwrap())["title"], "机房巡检 2026-03-24");
        house.t.delete(&house.admin, &format!("/api/v1/recurring-cases/{}", made["id"].as_str().unwrap()));
        house.t.advance(8 * 86_400);
        assert_eq!(house.count("case_case"), 2);
    });
}

#[test]
fn repeated_complaints_are_linked_once_and_links_of_people_stay() {
    on_both(modules, |t| {
        let house = House::new(t);
        let made = |title: &str| house.t.post(&house.admin, "/api/v1/cases", json!({ "title": title, "type": "complaint" })).expect(201)["case"]["id"].as_str().unwrap().to_owned();
        let (one, two, three) = (made("断网"), made("又断网"), made("还是断网"));
        house.t.put(&house.admin, &format!("/api/v1/cases/{three}/links/{one}"), json!({ "kind": "duplicate" })).expect(200);
        let id = |text: &str| -> CaseId { text.parse().unwrap() };
        let event = shouwen_contracts::complaints::Repeated { case_id: id(&three), earlier: vec![id(&one), id(&two)], count: 2, window_days: 30, at: house.t.app.clock().now() };
        for _ in 0..2 {
            house.t.emit::<shouwen_contracts::complaints::ComplaintEvent>(Some(id(&three)), None, event.clone().into());
        }
        let links = house.show(&three)["links"].clone();
        let kind = |other: &str| links.as_array().unwrap().iter().find(|l| l["case_id"] == other).unwrap()["kind"].clone();
        assert_eq!((links.as_array().unwrap().len(), kind(&one), kind(&two)), (2, json!("duplicate"), json!("related")));
        assert_eq!(house.show(&two)["links"][0]["case_id"], json!(three));
        assert_eq!(house.timeline(&two).iter().filter(|e| e["type"] == "case.linked").count(), 1);
    });
}
