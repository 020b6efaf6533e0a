//! Doors around the verified end that were found open: another type, a changed type, a merge, an old message, an undo.

use axum::http::Method;
use serde_json::{Value, json};
use shouwen_contracts::casework::CaseEvent;
use shouwen_kernel::{CaseId, Grant, Reach};
use shouwen_store::params;
use shouwen_testkit::{Reply, on_both};
use shouwen_web::{PackFile, PackFiles, Viewer};

use crate::common::{House, Mail, modules};

fn made(house: &House, who: &Viewer, kind: &str, fields: Value) -> String {
    house.t.post(who, "/api/v1/cases", json!({ "title": format!("试门 {kind}"), "type": kind, "fields": fields })).expect(201)["case"]["id"].as_str().unwrap().to_owned()
}

fn retype(house: &House, who: &Viewer, case: &str, kind: &str) -> Reply {
    let version = house.show(case)["version"].clone();
    house.t.patch(who, &format!("/api/v1/cases/{case}"), json!({ "version": version, "type": kind }))
}

fn close(house: &House, who: &Viewer, case: &str, code: &str, text: &str) -> Reply {
    house.t.post(who, &format!("/api/v1/cases/{case}/closure"), json!({ "resolution": { "code": code, "text": text } }))
}

fn to(house: &House, who: &Viewer, case: &str, stage: &str) -> Reply {
    house.t.put(who, &format!("/api/v1/cases/{case}/stage"), json!({ "stage": stage }))
}

fn order(house: &House, who: &Viewer, parent: &str) -> String {
    let answer = house.t.post(who, &format!("/api/v1/cases/{parent}/work-orders"), json!({ "title": "查线路", "text": "请查局端", "team_id": house.other_team })).expect(201);
    answer["case"]["waiting_for"].as_array().unwrap().last().unwrap()["case_id"].as_str().unwrap().to_owned()
}

/// A complaint by mail that was answered and waits for its verification.
fn answered(house: &House, agent: &Viewer, n: &str) -> String {
    let case = house.case_of(house.mail(Mail { from: "zhang@customer.example", subject: "我要投诉", text: "多次未解决", wire_id: Some(format!("{n}@customer.example")), ..Mail::default() }));
    retype(house, agent, &case, "complaint").expect(200);
    let version = house.show(&case)["version"].clone();
    house.t.patch(agent, &format!("/api/v1/cases/{case}"), json!({ "version": version, "fields": { "demand": "退费" } })).expect(200);
    house.reply(agent, &case, "已为您处理");
    if house.show(&case)["stage"] == "accepted" {
        to(house, agent, &case, "handling").expect(200);
    }
    case
}

#[test]
fn another_type_whose_resolutions_are_reason_enough_does_not_end_a_complaint() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        for (kind, code) in [("incident", "explained"), ("improvement", "cancelled"), ("risk_treatment", "false_alarm"), ("meeting_resolution", "cancelled")] {
            let case = made(&house, &agent, "complaint", json!({}));
            retype(&house, &agent, &case, kind).expect(200);
            let refused = close(&house, &agent, &case, code, "不再处理这件事");
            assert_eq!(refused.code(), "case.unverified", "{kind}: {}", refused.text);
            // And on to a third type, which forgets nothing.
            retype(&house, &agent, &case, "request").expect(200);
            assert_eq!(close(&house, &agent, &case, "solved", "").code(), "case.unverified", "{kind}");
            assert_eq!(house.show(&case)["verification"]["needed"], true);
        }
        // The other way round nothing is owed: a request that became a complaint by mistake and is one again.
        let case = made(&house, &agent, "request", json!({}));
        retype(&house, &agent, &case, "complaint").expect(200);
        retype(&house, &agent, &case, "complaint").expect(200);
        assert_eq!(house.show(&case)["verification"]["by_resolution"], json!(["duplicate", "not_ours", "spam"]));
    });
}

#[test]
fn a_case_in_the_archive_does_not_become_a_complaint_there() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = made(&house, &agent, "request", json!({}));
        close(&house, &agent, &case, "solved", "").expect(200);
        assert_eq!(retype(&house, &agent, &case, "complaint").code(), "case.unverified");
        house.t.send(Some(&agent), Method::DELETE, &format!("/api/v1/cases/{case}/closure"), json!({}), &[]).expect(200);
        retype(&house, &agent, &case, "complaint").expect(200);
    });
}

#[test]
fn putting_a_complaint_aside_takes_words_and_a_lead_and_is_counted() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let rights = |with: &[&str]| with.iter().map(|p| Grant { permission: (*p).to_owned(), reach: Reach::Workspace }).collect::<Vec<_>>();
        let lead = house.t.viewer("班长老李", rights(&["case.read", "case.close", "case.edit", "review.lead"]));
        house.know(&lead, &[]);
        let case = made(&house, &agent, "complaint", json!({}));
        let refused = close(&house, &agent, &case, "spam", "一看就是广告");
        assert_eq!((refused.status.as_u16(), refused.code().as_str(), &refused.json()["error"]["detail"]["who"]), (403, "case.aside_refused", &json!(["permission:review.lead"])));
        // Bulk is the same door.
        let job = house.t.post(&agent, "/api/v1/cases/bulk", json!({ "case_ids": [case], "action": { "close": { "resolution": { "code": "spam", "text": "一看就是广告" } } } })).expect(202);
        house.t.fire_timers();
        assert_eq!(house.t.get(&agent, &format!("/api/v1/jobs/{}", job["job_id"].as_str().unwrap())).expect(200)["failed"][0]["error"]["code"], "case.aside_refused");
        // Another type is no way around it.
        retype(&house, &agent, &case, "incident").expect(200);
        assert_eq!(close(&house, &agent, &case, "spam", "一看就是广告").code(), "case.aside_refused");
        retype(&house, &agent, &case, "complaint").expect(200);
        let wordless = house.t.post(&lead, &format!("/api/v1/cases/{case}/closure"), json!({ "resolution": { "code": "spam" } }));
        assert_eq!((wordless.status.as_u16(), wordless.code().as_str(), &wordless.json()["error"]["field"]), (422, "case.aside_reason", &json!("resolution.text")));
        close(&house, &lead, &case, "spam", "推销电话，不是投诉").expect(200);
        // A request asks for nothing, so one key press goes on being enough.
        let request = made(&house, &agent, "request", json!({}));
        house.t.post(&agent, &format!("/api/v1/cases/{request}/closure"), json!({ "resolution": { "code": "spam" } })).expect(200);
        let reasoned = answered(&house, &agent, "e1");
        to(&house, &agent, &reasoned, "callback").expect(200);
        house.t.post(&agent, &format!("/api/v1/cases/{reasoned}/verification"), json!({ "way": "reason", "text": "三次未接听" })).expect(200);
        let listed = house.t.get(&house.admin, "/api/v1/case-ends").expect(200);
        let rows: Vec<_> = listed["items"].as_array().unwrap().iter().map(|r| (r["ground"].clone(), r["resolution"].clone(), r["text"].clone(), r["by"]["name"].clone())).collect();
        assert_eq!(rows, [(json!("reason"), json!("solved"), json!(null), json!("王小明")), (json!("aside"), json!("spam"), json!("推销电话，不是投诉"), json!("班长老李"))]);
        let counts = house.t.get(&house.admin, "/api/v1/case-ends/counts?days=7").expect(200);
        assert_eq!(counts["by_type"], json!([{ "type": "complaint", "ground": "aside", "count": 1 }, { "type": "complaint", "ground": "reason", "count": 1 }, { "type": "request", "ground": "none", "count": 1 }]));
        let people: Vec<_> = counts["by_person"].as_array().unwrap().iter().map(|p| (p["person"]["name"].clone(), p["aside"].clone(), p["reason"].clone(), p["all"].clone())).collect();
        assert!(people.contains(&(json!("班长老李"), json!(1), json!(0), json!(1))) && people.contains(&(json!("王小明"), json!(0), json!(1), json!(1))), "{people:?}");
        // Who sees none of the cases sees none of their ends; an end taken back is none.
        let stranger = house.t.viewer("路人", vec![Grant { permission: "case.read".into(), reach: Reach::Own }]);
        assert_eq!(house.t.get(&stranger, "/api/v1/case-ends").expect(200)["items"], json!([]));
        assert_eq!(house.t.get(&stranger, "/api/v1/case-ends/counts").expect(200)["by_type"], json!([]));
        house.t.send(Some(&lead), Method::DELETE, &format!("/api/v1/cases/{case}/closure"), json!({}), &[]).expect(200);
        assert_eq!(house.t.get(&house.admin, "/api/v1/case-ends?ground=aside").expect(200)["items"], json!([]));
        assert_eq!(house.t.get(&house.admin, "/api/v1/case-ends?ground=luck").json()["error"]["field"], "ground");
    });
}

#[test]
fn a_customer_who_writes_again_takes_back_what_was_found_out_before() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = answered(&house, &agent, "a1");
        let path = format!("/api/v1/cases/{case}/verification");
        // The complaint itself does not say that it is solved.
        let first = house.messages(&case).into_iter().find(|m| m["direction"] == "in").unwrap()["id"].clone();
        assert_eq!(house.t.post(&agent, &path, json!({ "way": "customer", "message_id": first })).json()["error"]["field"], "message_id");
        house.t.post(&agent, &path, json!({ "way": "callback", "text": "客户满意" })).expect(200);
        assert_eq!(house.show(&case)["verification"]["verified"], true);
        let thread = house.conversation(&case);
        let again = house.mail(Mail { from: "zhang@customer.example", text: "又断了", token: Some(thread), wire_id: Some("a2@customer.example".into()), ..Mail::default() });
        assert_eq!(house.show(&case)["verification"]["verified"], false);
        to(&house, &agent, &case, "callback").expect(200);
        assert_eq!(to(&house, &agent, &case, "archived").code(), "case.unverified");
        // Closed and taken back as an undo, it is still verified; but not after the customer's word.
        house.t.post(&agent, &path, json!({ "way": "callback", "text": "客户满意" })).expect(200);
        assert_eq!(house.show(&case)["status"], "closed");
        house.t.send(Some(&agent), Method::DELETE, &format!("/api/v1/cases/{case}/closure"), json!({ "reason": "undo" }), &[]).expect(200);
        assert_eq!(house.show(&case)["verification"]["verified"], true);
        house.mail(Mail { from: "zhang@customer.example", text: "还是不行", token: Some(thread), wire_id: Some("a3@customer.example".into()), ..Mail::default() });
        assert_eq!(house.show(&case)["verification"]["verified"], false);
        // A word from before the case was taken up again is stale, the one that took it up may be a thank-you.
        to(&house, &agent, &case, "callback").expect(200);
        house.t.advance(60);
        let thanks = house.mail(Mail { from: "zhang@customer.example", text: "好了，谢谢", token: Some(thread), wire_id: Some("a4@customer.example".into()), ..Mail::default() });
        assert_eq!(house.t.post(&agent, &path, json!({ "way": "customer", "message_id": again })).json()["error"]["field"], "message_id");
        house.t.post(&agent, &path, json!({ "way": "customer", "message_id": thanks })).expect(200);
    });
}

#[test]
fn a_way_that_no_longer_counts_does_not_verify_an_end() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = answered(&house, &agent, "w1");
        house.t.post(&agent, &format!("/api/v1/cases/{case}/verification"), json!({ "way": "reason", "text": "客户在国外" })).expect(200);
        let mut seen = house.t.get(&house.admin, "/api/v1/case-types/complaint").expect(200);
        seen["definition"]["verification"]["ways"] = json!(["customer", "signature"]);
        house.t.put(&house.admin, "/api/v1/case-types/complaint", json!({ "version": seen["version"], "definition": seen["definition"] })).expect(200);
        to(&house, &agent, &case, "callback").expect(200);
        assert_eq!(house.show(&case)["status"], "resolved", "it does not archive itself either");
        assert_eq!(house.show(&case)["verification"]["verified"], false);
        let refused = to(&house, &agent, &case, "archived");
        assert_eq!((refused.code().as_str(), &refused.json()["error"]["detail"]["ways"]), ("case.unverified", &json!(["customer", "signature"])));
    });
}

#[test]
fn a_changed_type_carries_nobody_into_the_archive() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = answered(&house, &agent, "m1");
        to(&house, &agent, &case, "informing").expect(200);
        let seen = house.t.get(&house.admin, "/api/v1/case-types/complaint").expect(200);
        let save = |definition: &Value| house.t.put(&house.admin, "/api/v1/case-types/complaint", json!({ "version": house.t.get(&house.admin, "/api/v1/case-types/complaint").expect(200)["version"], "definition": definition }));
        let change = |edit: &dyn Fn(&mut Value)| {
            let mut definition = seen["definition"].clone();
            edit(&mut definition);
            definition
        };
        let at = seen["definition"]["stage"].as_array().unwrap().iter().position(|s| s["key"] == "informing").unwrap();
        // In place.
        let flipped = change(&|d| {
            d["stage"][at]["status"] = json!("closed");
            d["stage"][at]["loop"] = json!("archive");
        });
        let refused = save(&flipped);
        assert_eq!((refused.code().as_str(), &refused.json()["error"]["field"]), ("case_type.faulty", &json!(format!("definition.stage[{at}].status"))));
        let checked = house.t.post(&house.admin, "/api/v1/case-types/check", json!({ "definition": flipped })).expect(200);
        assert_eq!((&checked["ok"], &checked["faults"][0]["path"]), (&json!(false), &json!(format!("stage[{at}].status"))));
        // By a stage that is gone.
        let gone = change(&|d| {
            d["stage"].as_array_mut().unwrap().remove(at);
            d["moved"] = json!({ "informing": "archived" });
            for stage in d["stage"].as_array_mut().unwrap() {
                if let Some(to) = stage["to"].as_array_mut() {
                    to.retain(|key| key != "informing");
                }
                if stage["approved"] == "informing" {
                    stage["approved"] = json!("callback");
                }
            }
        });
        assert_eq!(save(&gone).json()["error"]["field"], "definition.moved.informing");
        assert_eq!(house.show(&case)["status"], "open");
        // What only rests goes on resting: open becomes waiting, and lists hear of it.
        save(&change(&|d| d["stage"][at]["status"] = json!("waiting"))).expect(200);
        house.t.fire_timers();
        assert_eq!((house.show(&case)["stage"].clone(), house.show(&case)["status"].clone()), (json!("informing"), json!("waiting")));
        assert!(house.case_events().iter().any(|e| matches!(e, CaseEvent::StageChanged(s) if s.from == "informing" && s.to == "informing" && s.to_status == "waiting")));
    });
}

/// What the capability of reviews tells.
#[derive(Clone)]
struct Decided(Value);

impl shouwen_contracts::Event for Decided {
    const KINDS: &'static [&'static str] = &["review.approved"];
    fn kind(&self) -> &'static str {
        "review.approved"
    }
    fn payload(&self) -> serde_json::Result<Value> {
        Ok(self.0.clone())
    }
    fn from_parts(_: &str, _: Value) -> Option<serde_json::Result<Self>> {
        None
    }
}

#[test]
fn an_approval_is_no_verification_and_one_of_before_is_no_approval() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let mut seen = house.t.get(&house.admin, "/api/v1/case-types/complaint").expect(200);
        let at = seen["definition"]["stage"].as_array().unwrap().iter().position(|s| s["key"] == "reviewing").unwrap();
        seen["definition"]["stage"][at]["approved"] = json!("archived");
        house.t.put(&house.admin, "/api/v1/case-types/complaint", json!({ "version": seen["version"], "definition": seen["definition"] })).expect(200);
        let case = answered(&house, &agent, "r1");
        let id: CaseId = case.parse().unwrap();
        let before = house.t.app.clock().now();
        house.t.advance(60);
        to(&house, &agent, &case, "reviewing").expect(200);
        let decide = |at| house.t.emit::<Decided>(Some(id.0), None, Decided(json!({ "case_id": case, "flow": "solution", "at": at })));
        decide(before);
        assert_eq!(house.show(&case)["review"], "pending", "that was about the solution of before");
        decide(house.t.app.clock().now());
        assert_eq!((house.show(&case)["stage"].clone(), house.show(&case)["review"].clone()), (json!("reviewing"), json!("approved")));
        assert!(house.timeline(&case).iter().any(|e| e["type"] == "case.wish_refused" && e["data"]["problem"]["code"] == "case.unverified"));
    });
}

#[test]
fn a_merge_neither_pays_nor_hides_what_a_complaint_owes() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let merge = |one: &str, into: &str| house.t.post(&agent, &format!("/api/v1/cases/{one}/merge"), json!({ "into": into }));
        // Waiting for its verification, a complaint does not disappear in the archive.
        let waiting = answered(&house, &agent, "x1");
        to(&house, &agent, &waiting, "callback").expect(200);
        let ended = made(&house, &agent, "request", json!({}));
        close(&house, &agent, &ended, "solved", "").expect(200);
        assert_eq!(merge(&waiting, &ended).code(), "case.already_closed");
        // The case that goes on inherits the debt, its own confirmation does not pay it, and the merged one says where its end is.
        let target = made(&house, &agent, "request", json!({}));
        house.t.post(&agent, &format!("/api/v1/cases/{target}/verification"), json!({ "way": "callback", "text": "另一件事已确认" })).expect(200);
        merge(&waiting, &target).expect(200);
        assert_eq!(close(&house, &agent, &target, "solved", "").code(), "case.unverified");
        assert_eq!(house.show(&waiting)["verification"]["in_case"]["case_id"], json!(target));
        house.t.post(&agent, &format!("/api/v1/cases/{target}/verification"), json!({ "way": "callback", "text": "两件事都已确认" })).expect(200);
        close(&house, &agent, &target, "solved", "").expect(200);
        assert_eq!(house.show(&waiting)["verification"]["in_case"]["way"], "callback");
    });
}

#[test]
fn what_is_split_off_owes_what_the_whole_owed() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = answered(&house, &agent, "s1");
        let second = house.mail(Mail { from: "zhang@customer.example", text: "另一件事", token: Some(house.conversation(&case)), wire_id: Some("s2@customer.example".into()), ..Mail::default() });
        retype(&house, &agent, &case, "request").expect(200);
        let new = house.t.post(&agent, &format!("/api/v1/cases/{case}/split"), json!({ "message_ids": [second], "title": "另一件事" })).expect(201)["case"]["id"].as_str().unwrap().to_owned();
        assert_eq!(close(&house, &agent, &new, "solved", "").code(), "case.unverified");
    });
}

#[test]
fn merging_work_orders_leaves_nobody_waiting_in_a_ring_or_for_nothing() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let merge = |one: &str, into: &str| house.t.post(&agent, &format!("/api/v1/cases/{one}/merge"), json!({ "into": into }));
        let waits = |case: &str| house.show(case)["waiting_for"].as_array().unwrap().iter().map(|w| w["case_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        let parent = made(&house, &agent, "request", json!({}));
        let child = order(&house, &agent, &parent);
        let grandchild = order(&house, &agent, &child);
        assert_eq!((merge(&parent, &grandchild).code(), merge(&parent, &child).code()), ("case.merge_circle".to_owned(), "case.merge_circle".to_owned()));
        // Who waited for the one waits for the one it went into, and no longer when that is taken back.
        let other = made(&house, &agent, "work_order", json!({}));
        merge(&child, &other).expect(200);
        assert_eq!((waits(&parent), waits(&other)), (vec![other.clone()], vec![grandchild.clone()]));
        assert_eq!(close(&house, &agent, &parent, "solved", "").code(), "case.waiting");
        house.t.delete(&agent, &format!("/api/v1/cases/{child}/merge")).expect(200);
        assert_eq!((waits(&parent), waits(&other), waits(&child)), (vec![child.clone()], vec![], vec![grandchild.clone()]));
        // Into the case itself: it has what it waited for.
        merge(&grandchild, &child).expect(200);
        merge(&child, &parent).expect(200);
        assert_eq!(waits(&parent), Vec::<String>::new());
    });
}

#[test]
fn a_verified_case_goes_to_the_archive_with_the_last_work_order_it_waited_for() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = answered(&house, &agent, "o1");
        let (one, two) = (order(&house, &agent, &case), order(&house, &agent, &case));
        to(&house, &agent, &case, "callback").expect(200);
        house.t.post(&agent, &format!("/api/v1/cases/{case}/verification"), json!({ "way": "callback", "text": "客户满意" })).expect(200);
        assert_eq!(house.show(&case)["status"], "resolved", "others still work for it");
        close(&house, &agent, &one, "done", "").expect(200);
        assert_eq!(house.show(&case)["status"], "resolved");
        close(&house, &agent, &two, "done", "").expect(200);
        assert_eq!((house.show(&case)["status"].clone(), house.show(&two)["status"].clone()), (json!("closed"), json!("closed")));
        assert_eq!(house.case_events().iter().filter(|e| matches!(e, CaseEvent::Closed(c) if c.case_id.to_string() == case)).count(), 1);
    });
}

#[test]
fn the_customer_may_say_no_after_the_house_closed_it_for_a_reason_of_its_own() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = answered(&house, &agent, "n1");
        to(&house, &agent, &case, "callback").expect(200);
        house.t.post(&agent, &format!("/api/v1/cases/{case}/verification-request"), json!({})).expect(200);
        let letter: String = house.t.db.read_blocking(|tx| tx.one::<(Value,)>("SELECT payload FROM outbox WHERE kind = 'email.send' ORDER BY id DESC LIMIT 1", params![])).unwrap().0["text"].as_str().unwrap().to_owned();
        let token = letter.split("/c/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        let page = |method: Method, body: &str| {
            let request = axum::http::Request::builder().method(method).uri(format!("/c/{token}")).header("content-type", "application/x-www-form-urlencoded");
            house.t.raw(request.body(axum::body::Body::from(body.to_owned())).unwrap())
        };
        house.t.post(&agent, &format!("/api/v1/cases/{case}/verification"), json!({ "way": "reason", "text": "客户未接电话" })).expect(200);
        assert_eq!(house.show(&case)["status"], "closed");
        assert!(page(Method::GET, "").text.contains("method=\"post\""), "the form is still there");
        assert_eq!(house.show(&case)["status"], "closed", "a look decides nothing");
        assert!(page(Method::POST, "answer=no&comment=%E6%B2%A1%E8%A7%A3%E5%86%B3").text.contains("我们会继续处理"));
        let now = house.show(&case);
        assert_eq!((&now["stage"], &now["verification"]["verified"], &now["verification"]["findings"][0]["outcome"]), (&json!("handling"), &json!(false), &json!("rejected")));
        assert!(page(Method::POST, "answer=yes").text.contains("第一次的答复已记录"));
        assert_eq!(house.show(&case)["verification"]["verified"], false);
    });
}

#[test]
fn one_person_is_asked_to_take_accountability_at_a_time_and_is_told_when_it_is_withdrawn() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (a, b, c) = (house.agent("王小明"), house.agent("李雷"), house.agent("韩梅梅"));
        let case = made(&house, &a, "request", json!({}));
        house.t.put(&a, &format!("/api/v1/cases/{case}/assignment"), json!({ "person_id": a.person })).expect(200);
        let path = format!("/api/v1/cases/{case}/hand-over");
        house.t.post(&a, &path, json!({ "person_id": b.person, "reason": "休假" })).expect(200);
        let second = house.t.post(&a, &path, json!({ "person_id": c.person, "reason": "休假" }));
        assert_eq!((second.status.as_u16(), second.code().as_str(), &second.json()["error"]["detail"]["to"]["name"]), (409, "case.already_offered", &json!("李雷")));
        assert!(second.json()["error"]["message"].as_str().unwrap().contains("李雷"));
        let states = |house: &House| house.case_events().into_iter().filter_map(|e| if let CaseEvent::HandOver(h) = e { Some((h.to, h.state)) } else { None }).collect::<Vec<_>>();
        house.t.delete(&a, &path).expect(200);
        assert_eq!(states(&house).last(), Some(&(b.person, "withdrawn".to_owned())), "whoever was asked is told");
        house.t.post(&a, &path, json!({ "person_id": c.person, "reason": "休假" })).expect(200);
        assert_eq!(house.t.post(&b, &format!("{path}/acceptance"), json!(null)).code(), "case.not_offered_to_you");
        // Nobody is asked about what is over.
        close(&house, &a, &case, "solved", "").expect(200);
        assert_eq!(states(&house).last(), Some(&(c.person, "withdrawn".to_owned())));
        assert_eq!(house.t.post(&c, &format!("{path}/acceptance"), json!(null)).code(), "case.no_offer");
    });
}

#[test]
fn a_risk_that_was_lowered_goes_through_the_joint_review_and_not_past_whoever_lowered_it() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (first, second) = (house.agent("王小明"), house.agent("李小红"));
        let pack = PackFiles::new("launch", "1.0.0", vec![PackFile::new("case-types/launch_check.toml", include_str!("../../../../packs/base/case-types/launch_check.toml"))]);
        let (part, ctx) = (shouwen_casework::module().parts.into_iter().find(|part| part.section == "case-types").unwrap(), house.t.system());
        assert_eq!((part.check)(&pack), vec![]);
        house.t.db.write_blocking(move |tx| (part.install)(tx, &ctx, &pack, false)).unwrap();
        house.t.drain();
        let answers = |risk: &str, factors: Value| json!({ "business": "流量包", "launch_on": "2026-12-01", "what_changes": "自动续订", "risk": risk, "factors": factors, "readiness": ["answers"], "conclusion": "go" });
        let fill = |who: &Viewer, case: &str, fields: Value| {
            let version = house.show(case)["version"].clone();
            house.t.patch(who, &format!("/api/v1/cases/{case}"), json!({ "version": version, "fields": fields })).expect(200);
        };
        let assessed = |risk: &str, factors: Value| {
            let case = made(&house, &first, "launch_check", answers(risk, factors));
            to(&house, &first, &case, "assessing").expect(200);
            case
        };
        // Of low risk all along, and nothing speaks for more: nobody is asked.
        let plain = assessed("low", json!(["none"]));
        to(&house, &first, &plain, "cleared").expect(200);
        // Called low from the beginning, though its factors say otherwise.
        let factored = assessed("low", json!(["charges", "mass"]));
        assert_eq!(to(&house, &first, &factored, "cleared").code(), "case.move_refused");
        // And with the factors taken back as well.
        fill(&second, &factored, json!({ "factors": ["none"] }));
        assert_eq!(to(&house, &second, &factored, "cleared").code(), "case.move_refused");
        // Of high risk, then lowered by somebody else, in two steps.
        let lowered = assessed("high", json!(["none"]));
        fill(&second, &lowered, json!({ "risk": "medium" }));
        fill(&second, &lowered, json!({ "risk": "low" }));
        let refused = to(&house, &first, &lowered, "cleared");
        assert_eq!(refused.code(), "case.move_refused");
        assert!(refused.text.contains("had.risk"), "the refusal says what stands against it: {}", refused.text);
        assert_eq!(to(&house, &first, &lowered, "reviewing").expect(200)["case"]["review"], "pending");
        let id: CaseId = lowered.parse().unwrap();
        let wanted = house.case_events().into_iter().find_map(|e| match e {
            CaseEvent::ReviewWanted(w) if w.case_id == id => Some(w),
            _ => None,
        });
        let wanted = wanted.unwrap();
        assert!(wanted.judged.contains(&second.person) && wanted.by == Some(first.person), "whoever lowered it is known to the review: {wanted:?}");
        // Every edit stands on the timeline, and the way back leads nowhere.
        to(&house, &first, &lowered, "assessing").expect(200);
        assert_eq!(to(&house, &second, &lowered, "cleared").code(), "case.move_refused");
    });
}
