//! Stages, conditions and verified ends: no door leads around them.

use axum::http::Method;
use serde_json::{Value, json};
use shouwen_contracts::casework::CaseEvent;
use shouwen_kernel::CaseId;
use shouwen_store::params;
use shouwen_testkit::on_both;

use crate::common::{House, Mail, modules};

fn complaint(house: &House, agent: &shouwen_web::Viewer) -> String {
    let case = house.case_of(house.mail(Mail { from: "zhang@customer.example", subject: "我要投诉", text: "多次未解决", wire_id: Some("c1@customer.example".into()), ..Mail::default() }));
    let version = house.show(&case)["version"].clone();
    house.t.patch(agent, &format!("/api/v1/cases/{case}"), json!({ "version": version, "type": "complaint" })).expect(200);
    case
}

fn to(house: &House, agent: &shouwen_web::Viewer, case: &str, stage: &str) -> shouwen_testkit::Reply {
    house.t.put(agent, &format!("/api/v1/cases/{case}/stage"), json!({ "stage": stage }))
}

fn fill(house: &House, agent: &shouwen_web::Viewer, case: &str, fields: Value) -> shouwen_testkit::Reply {
    let version = house.show(case)["version"].clone();
    house.t.patch(agent, &format!("/api/v1/cases/{case}"), json!({ "version": version, "fields": fields }))
}

/// To the stage in which verification is awaited.
fn to_callback(house: &House, agent: &shouwen_web::Viewer, case: &str) {
    fill(house, agent, case, json!({ "demand": "退还多收的费用" })).expect(200);
    house.reply(agent, case, "已为您处理");
    if house.show(case)["stage"] == "accepted" {
        to(house, agent, case, "handling").expect(200);
    }
    to(house, agent, case, "callback").expect(200);
}

#[test]
fn a_move_is_refused_with_everything_that_is_in_the_way() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = complaint(&house, &agent);
        let refused = to(&house, &agent, &case, "callback");
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "case.move_refused"));
        let reasons: Vec<String> = refused.json()["error"]["detail"]["reasons"].as_array().unwrap().iter().map(|r| r["why"].as_str().unwrap().to_owned()).collect();
        assert_eq!(reasons, ["not_from_here", "missing", "condition"]);
        let condition = &refused.json()["error"]["detail"]["reasons"][2];
        assert!(condition["condition"].as_str().unwrap().contains("first_response_at is not empty"), "{condition}");
        let missing = to(&house, &agent, &case, "handling");
        assert_eq!(missing.json()["error"]["field"], "fields.demand");
        let moves = house.t.get(&agent, &format!("/api/v1/cases/{case}/moves")).expect(200);
        let handling = moves.as_array().unwrap().iter().find(|m| m["stage"] == "handling").unwrap();
        assert_eq!((&handling["allowed"], &handling["problem"]["code"]), (&json!(false), &json!("case.move_refused")));
        fill(&house, &agent, &case, json!({ "demand": "道歉" })).expect(200);
        to(&house, &agent, &case, "handling").expect(200);
        assert_eq!(house.show(&case)["stage"], "handling");
        assert_eq!(to(&house, &agent, &case, "nowhere").json()["error"]["field"], "stage");
    });
}

#[test]
fn no_door_leads_to_the_archive_without_verification() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = complaint(&house, &agent);
        to_callback(&house, &agent, &case);
        // The stage itself, the closure, a message's `then`, bulk.
        let refused = to(&house, &agent, &case, "archived");
        assert_eq!((refused.code().as_str(), &refused.json()["error"]["detail"]["ways"]), ("case.unverified", &json!(["customer", "signature", "callback", "reason"])));
        assert_eq!(house.t.post(&agent, &format!("/api/v1/cases/{case}/closure"), json!({ "resolution": { "code": "solved" } })).code(), "case.unverified");
        assert_eq!(house.t.post(&agent, &format!("/api/v1/cases/{case}/messages"), json!({ "kind": "reply", "text": "再见", "then": "close" })).code(), "case.unverified");
        let job = house.t.post(&agent, "/api/v1/cases/bulk", json!({ "case_ids": [case], "action": { "close": { "resolution": { "code": "solved" } } } })).expect(202);
        house.t.fire_timers();
        let done = house.t.get(&agent, &format!("/api/v1/jobs/{}", job["job_id"].as_str().unwrap())).expect(200);
        assert_eq!(done["failed"][0]["error"]["code"], "case.unverified");
        // Another type, and a merge, do not pay the debt.
        let version = house.show(&case)["version"].clone();
        house.t.patch(&agent, &format!("/api/v1/cases/{case}"), json!({ "version": version, "type": "request" })).expect(200);
        assert_eq!(house.t.post(&agent, &format!("/api/v1/cases/{case}/closure"), json!({ "resolution": { "code": "solved" } })).code(), "case.unverified");
        let other = house.case_of(house.mail(Mail { from: "zhang@customer.example", subject: "另一件", text: "x", wire_id: Some("d1@customer.example".into()), ..Mail::default() }));
        house.t.post(&agent, &format!("/api/v1/cases/{case}/merge"), json!({ "into": other })).expect(200);
        assert_eq!(house.t.post(&agent, &format!("/api/v1/cases/{other}/closure"), json!({ "resolution": { "code": "solved" } })).code(), "case.unverified");
        house.t.delete(&agent, &format!("/api/v1/cases/{case}/merge")).expect(200);
        house.t.post(&agent, &format!("/api/v1/cases/{other}/closure"), json!({ "resolution": { "code": "solved" } })).expect(200);
        // A recorded callback does.
        let closed = house
            .t
            .post(&agent, &format!("/api/v1/cases/{case}/closure"), json!({ "resolution": { "code": "solved" }, "verification": { "way": "callback", "text": "客户表示满意" } }))
            .expect(200);
        assert_eq!((&closed["case"]["status"], &closed["case"]["verification"]["way"]), (&json!("closed"), &json!("callback")));
    });
}

#[test]
fn what_verified_an_end_does_not_verify_the_next_one() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = complaint(&house, &agent);
        to_callback(&house, &agent, &case);
        let path = format!("/api/v1/cases/{case}/verification");
        assert_eq!(house.t.post(&agent, &path, json!({ "way": "reason", "text": " " })).json()["error"]["field"], "text");
        assert_eq!(house.t.post(&agent, &path, json!({ "way": "signature" })).status, 422);
        assert_eq!(house.t.post(&agent, &path, json!({ "way": "customer" })).json()["error"]["field"], "message_id");
        house.t.post(&agent, &path, json!({ "way": "callback", "outcome": "unreachable" })).expect(200);
        assert_eq!(house.show(&case)["verification"]["verified"], false);
        // The type archives by itself what is resolved and verified.
        let done = house.t.post(&agent, &path, json!({ "way": "reason", "text": "客户已三次未接听，短信告知" })).expect(200);
        assert_eq!((&done["case"]["status"], &done["case"]["verification"]["findings"][1]["outcome"]), (&json!("closed"), &json!("unreachable")));
        // Undone at once: still verified. Taken up again later: not any more.
        house.t.send(Some(&agent), Method::DELETE, &format!("/api/v1/cases/{case}/closure"), json!({ "reason": "undo" }), &[]).expect(200);
        assert_eq!(house.show(&case)["verification"]["verified"], true);
        to(&house, &agent, &case, "callback").expect(200);
        assert_eq!(house.show(&case)["status"], "closed", "verified already");
        house.t.advance(3600);
        house.t.send(Some(&agent), Method::DELETE, &format!("/api/v1/cases/{case}/closure"), json!({ "reason": "undo" }), &[]).expect(200);
        assert_eq!(house.show(&case)["verification"]["verified"], false, "an undo after an hour is none");
        to(&house, &agent, &case, "callback").expect(200);
        assert_eq!(to(&house, &agent, &case, "archived").code(), "case.unverified");
        // The track tells the way and the time.
        let track = house.show(&case)["loop"].clone();
        let leg = |step: &str| track.as_array().unwrap().iter().find(|l| l["step"] == step).unwrap().clone();
        assert_eq!((leg("accept")["state"].clone(), leg("review")["state"].clone(), leg("callback")["state"].clone()), (json!("done"), json!("skipped"), json!("current")));
        assert_eq!(leg("archive")["seconds"], 3600);
        assert!(leg("callback")["visits"].as_i64().unwrap() >= 3);
    });
}

#[test]
fn spam_is_put_aside_from_any_stage_and_is_its_own_reason() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = complaint(&house, &agent);
        // A complaint by a lead, with a word; see `doors`.
        let lead = house.t.person("班长老李", &["case.read", "case.close", "review.lead"]);
        house.know(&lead, &[]);
        let closed = house.t.post(&lead, &format!("/api/v1/cases/{case}/closure"), json!({ "resolution": { "code": "spam", "text": "群发广告" } })).expect(200);
        assert_eq!(closed["case"]["status"], "closed");
    });
}

#[test]
fn ux81_the_customer_confirms_on_a_page_that_needs_no_script_and_a_look_is_no_answer() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = complaint(&house, &agent);
        to_callback(&house, &agent, &case);
        let asked = house.t.post(&agent, &format!("/api/v1/cases/{case}/verification-request"), json!({ "way": "signature" })).expect(200);
        assert_eq!(asked["case"]["verification"]["requests"][0]["answer"], json!(null));
        let letter: String = house.t.db.read_blocking(|tx| tx.one::<(Value,)>("SELECT payload FROM outbox WHERE kind = 'email.send' ORDER BY id DESC LIMIT 1", params![])).unwrap().0["text"].as_str().unwrap().to_owned();
        let token = letter.split("/c/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        let page = |method: Method, body: Option<&str>| {
            let request = axum::http::Request::builder().method(method).uri(format!("/c/{token}")).header("content-type", "application/x-www-form-urlencoded");
            house.t.raw(request.body(axum::body::Body::from(body.unwrap_or_default().to_owned())).unwrap())
        };
        let shown = page(Method::GET, None);
        assert!(shown.status.is_success() && shown.text.contains("method=\"post\"") && shown.text.contains("我要投诉"), "{}", shown.text);
        page(Method::GET, None);
        assert_eq!(house.show(&case)["verification"]["verified"], false);
        assert!(page(Method::POST, Some("answer=yes")).text.contains("请填写签名人姓名"));
        assert!(page(Method::POST, Some("answer=yes&name=x&signature=data%3Aimage%2Fpng%3Bbase64%2CAAAA")).text.contains("手写签名无法读取"));
        let png = "data%3Aimage%2Fpng%3Bbase64%2CiVBORw0KGgo%3D";
        assert!(page(Method::POST, Some(&format!("answer=yes&name=%E5%BC%A0%E4%B8%89&comment=%3Cb%3E&signature={png}"))).text.contains("已收到您的确认"));
        let case_now = house.show(&case);
        assert_eq!((&case_now["status"], &case_now["verification"]["way"], &case_now["verification"]["findings"][0]["name"]), (&json!("closed"), &json!("signature"), &json!("张三")));
        assert_eq!(case_now["resolution"]["code"], "solved");
        let id = case_now["verification"]["findings"][0]["id"].as_str().unwrap().to_owned();
        let image = house.t.get(&agent, &format!("/api/v1/cases/{case}/verifications/{id}/signature"));
        assert_eq!((image.status.as_u16(), image.headers["content-type"].to_str().unwrap()), (200, "image/png"));
        assert!(page(Method::POST, Some("answer=no")).text.contains("第一次的答复已记录"));
        assert_eq!(house.show(&case)["status"], "closed");
        assert!(house.case_events().iter().any(|e| matches!(e, CaseEvent::Verified(v) if v.way == "signature" && v.outcome == "confirmed" && v.by.is_none())));
        assert_eq!(house.t.raw(axum::http::Request::get("/c/nonsense").body(axum::body::Body::empty()).unwrap()).status, 404);
    });
}

#[test]
fn a_customer_who_says_no_sets_the_case_to_work_again() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = complaint(&house, &agent);
        to_callback(&house, &agent, &case);
        let seen = house.show(&case)["version"].clone();
        let back = house.t.post(&agent, &format!("/api/v1/cases/{case}/verification"), json!({ "way": "callback", "outcome": "rejected", "text": "仍未退款" })).expect(200);
        assert_eq!((&back["case"]["stage"], &back["case"]["reopened_count"]), (&json!("handling"), &json!(1)));
        assert!(back["case"]["version"].as_i64() > seen.as_i64());
        // The customer's own words verify too.
        let said = house.mail(Mail { text: "这次解决了，谢谢", token: Some(house.conversation(&case)), from: "zhang@customer.example", ..Mail::default() });
        to(&house, &agent, &case, "callback").expect(200);
        let done = house.t.post(&agent, &format!("/api/v1/cases/{case}/verification"), json!({ "way": "customer", "message_id": said })).expect(200);
        assert_eq!((&done["case"]["status"], &done["case"]["verification"]["way"]), (&json!("closed"), &json!("customer")));
        let _: CaseId = case.parse().unwrap();
    });
}

#[test]
fn personal_answers_are_sealed_masked_and_shown_only_as_a_deed() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.t.person("王小明", &["case.read", "case.edit", "case.create", "customer.reveal"]);
        house.know(&agent, &[]);
        let made = house.t.post(&agent, "/api/v1/cases", json!({ "title": "换货", "type": "after_sales" })).expect(201);
        let case = made["case"]["id"].as_str().unwrap().to_owned();
        let filled = fill(&house, &agent, &case, json!({ "wanted": "exchange", "address": "示例市示例路 1 号" })).expect(200);
        assert_eq!(filled["case"]["fields"], json!({ "wanted": "exchange", "address": "***" }));
        let raw: Value = { let id: CaseId = case.parse().unwrap(); house.t.db.read_blocking(move |tx| tx.one::<(Value,)>("SELECT fields FROM case_case WHERE id = ?1", params![id])).unwrap().0 };
        assert!(!raw.to_string().contains("示例路"), "{raw}");
        assert!(!house.t.recorded().iter().any(|e| e.payload().unwrap().to_string().contains("示例路")));
        let shown = house.t.post(&agent, &format!("/api/v1/cases/{case}/field-revelation"), json!({ "field": "address", "reason": "寄件" })).expect(200);
        assert_eq!(shown["value"], "示例市示例路 1 号");
        assert_eq!(house.t.post(&house.admin, &format!("/api/v1/cases/{case}/field-revelation"), json!({ "field": "address" })).status, 403);
        // A field that is not asked with these answers takes none.
        assert_eq!(fill(&house, &agent, &case, json!({ "refund": { "minor": 100, "currency": "CNY" } })).json()["error"]["field"], "fields.refund");
        fill(&house, &agent, &case, json!({ "decision": "return", "refund": { "minor": 100, "currency": "CNY" } })).expect(200);
        assert_eq!(fill(&house, &agent, &case, json!({ "decision": "dance" })).json()["error"]["field"], "fields.decision");
    });
}

/// What the capability of reviews tells.
#[derive(Clone)]
struct Decided(&'static str, Value);

impl shouwen_contracts::Event for Decided {
    const KINDS: &'static [&'static str] = &["review.approved", "review.returned", "review.outdated"];
    fn kind(&self) -> &'static str {
        self.0
    }
    fn payload(&self) -> serde_json::Result<Value> {
        Ok(self.1.clone())
    }
    fn from_parts(_: &str, _: Value) -> Option<serde_json::Result<Self>> {
        None
    }
}

#[test]
fn a_returned_solution_is_not_told_to_the_customer_before_it_was_approved() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = complaint(&house, &agent);
        fill(&house, &agent, &case, json!({ "demand": "赔偿" })).expect(200);
        to(&house, &agent, &case, "handling").expect(200);
        let id: CaseId = case.parse().unwrap();
        let decide = |kind| house.t.emit::<Decided>(Some(id.0), None, Decided(kind, json!({ "case_id": case, "reason": "第三级意见" })));
        assert_eq!(to(&house, &agent, &case, "reviewing").expect(200)["case"]["review"], "pending");
        assert!(house.case_events().iter().any(|e| matches!(e, CaseEvent::ReviewWanted(w) if w.flow == "solution" && w.approved == "informing")));
        assert_eq!(to(&house, &agent, &case, "informing").code(), "case.move_refused");
        // Leaving the review by hand is no way around it.
        to(&house, &agent, &case, "handling").expect(200);
        assert_eq!(to(&house, &agent, &case, "informing").code(), "case.move_refused");
        to(&house, &agent, &case, "reviewing").expect(200);
        decide("review.returned");
        assert_eq!((house.show(&case)["stage"].clone(), house.show(&case)["review"].clone()), (json!("handling"), json!("returned")));
        assert_eq!(to(&house, &agent, &case, "informing").code(), "case.move_refused");
        to(&house, &agent, &case, "reviewing").expect(200);
        decide("review.approved");
        assert_eq!((house.show(&case)["stage"].clone(), house.show(&case)["review"].clone()), (json!("informing"), json!("approved")));
        decide("review.returned");
        assert_eq!(house.show(&case)["stage"], "informing", "a late word changes nothing");
    });
}

#[test]
fn a_solution_changed_after_its_approval_takes_the_case_back_to_its_review() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = complaint(&house, &agent);
        fill(&house, &agent, &case, json!({ "demand": "赔偿" })).expect(200);
        to(&house, &agent, &case, "handling").expect(200);
        let id: CaseId = case.parse().unwrap();
        let tell = |kind, flow: &str, stage: Option<&str>| house.t.emit::<Decided>(Some(id.0), None, Decided(kind, json!({ "case_id": case, "flow": flow, "stage": stage })));
        let stands = || (house.show(&case)["stage"].clone(), house.show(&case)["review"].clone());
        to(&house, &agent, &case, "reviewing").expect(200);
        // Approved by another flow than the type names by now: the stage that asked has its answer.
        tell("review.approved", "of_before_the_upgrade", Some("reviewing"));
        assert_eq!(stands(), (json!("informing"), json!("approved")));
        // What people asked for beside the stages moves nothing.
        tell("review.outdated", "single", None);
        assert_eq!(stands(), (json!("informing"), json!("approved")));
        tell("review.outdated", "solution", Some("reviewing"));
        assert_eq!(stands(), (json!("reviewing"), json!("pending")));
        assert_eq!(house.case_events().iter().filter(|e| matches!(e, CaseEvent::ReviewWanted(_))).count(), 2);
        assert!(house.case_events().iter().any(|e| matches!(e, CaseEvent::StageChanged(s) if s.to == "reviewing" && s.reason.as_deref() == Some("the solution was changed after its review"))));
        // Told again, it waits already.
        tell("review.outdated", "solution", Some("reviewing"));
        assert_eq!(house.case_events().iter().filter(|e| matches!(e, CaseEvent::ReviewWanted(_))).count(), 2);
        // Where it is worked on it stays, but goes on to the customer only through the review.
        tell("review.approved", "solution", Some("reviewing"));
        to(&house, &agent, &case, "handling").expect(200);
        tell("review.outdated", "solution", Some("reviewing"));
        assert_eq!(stands(), (json!("handling"), json!("returned")));
        assert_eq!(to(&house, &agent, &case, "informing").code(), "case.move_refused");
    });
}
