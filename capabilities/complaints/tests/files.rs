//! The file of a dissatisfied customer, over the API.

mod house;

use house::*;
use serde_json::{Value, json};
use shouwen_contracts::casework::{CaseEvent, Verified};
use shouwen_contracts::complaints::ComplaintEvent;
use shouwen_contracts::customers::{CustomerEvent, Merged};
use shouwen_contracts::voice::{Answered, VoiceEvent};
use shouwen_kernel::{CaseId, Grant, Reach};
use shouwen_testkit::{TestApp, on_both};

fn rates(t: &TestApp, case_id: CaseId, score: u8) {
    t.emit::<VoiceEvent>(Some(case_id), None, Answered { survey_id: id(t), case_id, score, has_comment: false, at: t.app.clock().now() }.into());
}
fn kinds(t: &TestApp) -> Vec<&'static str> {
    told(t).iter().map(shouwen_contracts::Event::kind).collect()
}
fn files(t: &TestApp, who: &shouwen_web::Viewer, query: &str) -> Vec<Value> {
    t.get(who, &format!("/api/v1/complaints/files{query}")).expect(200)["items"].as_array().unwrap().clone()
}
fn path(file: &Value) -> String {
    format!("/api/v1/complaints/files/{}", file["id"].as_str().unwrap())
}

#[test]
fn a_file_opens_by_itself_for_each_reason_and_there_is_one_a_customer() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let owner = known(&t, &t.person("坐席甲", &[]));
        let who = customer(&t, "甲", None);
        let case = open(&t, &New { customer: Some(who), accountable: Some(owner), ..New::default() });
        rates(&t, case, 4);
        assert!(files(&t, &boss, "").is_empty(), "satisfied");
        rates(&t, case, 1);
        let all = files(&t, &boss, "");
        assert_eq!((all.len(), all[0]["reason"].as_str(), all[0]["owner_name"].as_str(), all[0]["customer_name"].as_str()), (1, Some("low_rating"), Some("坐席甲"), Some("甲")));
        // Further reasons join it.
        t.emit::<CaseEvent>(Some(case), None, Verified { case_id: case, way: "callback".into(), outcome: "rejected".into(), text: None, by: None, at: t.app.clock().now() }.into());
        writes(&t, case, "我要打12315");
        rates(&t, case, 1);
        let detail = t.get(&boss, &path(&all[0])).expect(200);
        assert_eq!(detail["reasons"].as_array().unwrap().iter().map(|r| r["reason"].as_str().unwrap()).collect::<Vec<_>>(), ["low_rating", "rejected", "signal"], "each once");
        assert_eq!(detail["reasons"][0]["case"]["id"], json!(case));
        assert_eq!(detail["care"].as_array().unwrap().iter().map(|c| c["key"].as_str().unwrap()).collect::<Vec<_>>(), ["call", "follow_up_week", "follow_up_month"], "the plan it began with");
        assert!(detail["care"].as_array().unwrap().iter().all(|c| c["person_id"] == json!(owner)));
        assert_eq!(kinds(&t).iter().filter(|k| **k == "complaint.file_opened").count(), 1);
        // A repetition opens one for somebody else, with its own plan.
        let other = customer(&t, "乙", None);
        for _ in 0..2 {
            let case = open(&t, &New { customer: Some(other), ..New::default() });
            edit(&t, case, "fields.category", json!("service-slow"));
            t.advance(60);
        }
        let repeat = files(&t, &boss, "?reason=repeat");
        assert_eq!(repeat.len(), 1);
        assert_eq!(t.get(&boss, &path(&repeat[0])).expect(200)["plan"], "recovery");
        // A case without a customer has no file to open.
        let nobody = open(&t, &New::default());
        rates(&t, nobody, 1);
        assert_eq!(files(&t, &boss, "").len(), 2);
        // Who it belongs to becomes known later: the signal is told to nobody's file, a new one is.
        give(&t, nobody, customer(&t, "丙", None));
        rates(&t, nobody, 2);
        assert_eq!(files(&t, &boss, "").len(), 3);
        assert_eq!(files(&t, &boss, "?limit=2").len(), 2);
        let page = t.get(&boss, "/api/v1/complaints/files?limit=2").expect(200);
        assert_eq!(files(&t, &boss, &format!("?limit=2&after={}", page["next"].as_str().unwrap())).len(), 1);
    });
}

#[test]
fn care_falls_due_is_late_once_and_needs_its_approval() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let agent = t.viewer("坐席", vec![Grant { permission: "complaint.read".into(), reach: Reach::Own }, Grant { permission: "complaint.manage".into(), reach: Reach::Own }]);
        known(&t, &agent);
        let case = open(&t, &New { customer: Some(customer(&t, "甲", None)), accountable: Some(agent.person), ..New::default() });
        writes(&t, case, "你们的设备起火，我受伤了");
        let file = files(&t, &agent, "").remove(0);
        let care = |key: &str| t.get(&boss, &path(&file)).expect(200)["care"].as_array().unwrap().iter().find(|c| c["key"] == key).unwrap().clone();
        let act = |key: &str, what: &str| format!("{}/care/{}/{what}", path(&file), care(key)["id"].as_str().unwrap());
        t.advance(4 * 3600 + 1);
        assert_eq!((care("call_now")["overdue"].clone(), files(&t, &agent, "?overdue=true").len()), (json!(true), 1));
        t.advance(3600);
        assert_eq!(kinds(&t).iter().filter(|k| **k == "complaint.care_overdue").count(), 1, "late once");
        // Done late; then the list is calm again.
        assert_eq!(t.post(&agent, &act("call_now", "result"), json!({ "outcome": "happy" })).expect(422)["error"]["field"], "outcome");
        t.post(&agent, &act("call_now", "result"), json!({ "outcome": "still_dissatisfied", "note": "客户仍要求书面道歉" })).expect(200);
        assert_eq!(t.post(&agent, &act("call_now", "result"), json!({ "outcome": "recovered" })).code(), "complaint_care.over");
        assert!(files(&t, &agent, "?overdue=true").is_empty());
        // A gift needs somebody else's word.
        assert_eq!(t.post(&agent, &act("gift", "result"), json!({ "outcome": "recovered" })).code(), "complaint_care.needs_approval");
        t.post(&agent, &act("gift", "approval"), json!({ "approve": true })).expect(403);
        assert_eq!(t.post(&boss, &act("gift", "approval"), json!({ "approve": false })).expect(422)["error"]["field"], "note");
        t.post(&boss, &act("gift", "approval"), json!({ "approve": false, "note": "金额过高" })).expect(200);
        assert_eq!(t.post(&agent, &act("gift", "result"), json!({ "outcome": "recovered" })).code(), "complaint_care.needs_approval", "refused is not agreed");
        t.post(&boss, &act("gift", "approval"), json!({ "approve": true })).expect(200);
        t.post(&agent, &act("gift", "result"), json!({ "outcome": "recovered" })).expect(200);
        assert_eq!(t.post(&boss, &act("visit", "approval"), json!({ "approve": true })).code(), "complaint_care.no_approval");
        t.patch(&boss, &format!("{}/care/{}", path(&file), care("visit")["id"].as_str().unwrap()), json!({ "person_id": boss.person })).expect(200);
        // Left out only with a reason.
        assert_eq!(t.post(&boss, &act("visit", "result"), json!({ "outcome": "left_out" })).expect(422)["error"]["field"], "note");
        t.post(&boss, &act("visit", "result"), json!({ "outcome": "left_out", "note": "客户不愿见面" })).expect(200);
        // One beside the plan, moved once.
        let due = t.app.clock().now().plus_seconds(3600);
        assert_eq!(t.post(&agent, &format!("{}/care", path(&file)), json!({ "title": "寄书面致歉信", "due_at": "2020-01-01T00:00:00Z" })).expect(422)["error"]["field"], "due_at");
        t.post(&agent, &format!("{}/care", path(&file)), json!({ "title": "寄书面致歉信", "due_at": due })).expect(201);
        t.patch(&agent, &format!("{}/care/{}", path(&file), care("own")["id"].as_str().unwrap()), json!({ "due_at": due.plus_seconds(7200) })).expect(200);
        t.advance(3700);
        assert_eq!(care("own")["overdue"], json!(false), "it was moved");
        t.advance(7200);
        assert_eq!(care("own")["overdue"], json!(true));
        // Four eyes: nobody agrees to what they carry out themselves.
        t.post(&agent, &act("own", "result"), json!({ "outcome": "recovered" })).expect(200);
        let own = json!({ "title": "赠送礼品", "due_at": t.app.clock().now().plus_seconds(3600), "person_id": boss.person, "approval": true });
        let with = t.post(&agent, &format!("{}/care", path(&file)), own).expect(201);
        let gift = with["care"].as_array().unwrap().iter().find(|c| c["title"]["zh"] == "赠送礼品").unwrap()["id"].clone();
        assert_eq!(t.post(&boss, &format!("{}/care/{}/approval", path(&file), gift.as_str().unwrap()), json!({ "approve": true })).code(), "complaint_care.own");
    });
}

#[test]
fn closing_leaves_the_rest_out_and_a_new_reason_opens_a_new_file() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let who = customer(&t, "甲", None);
        let case = open(&t, &New { customer: Some(who), ..New::default() });
        rates(&t, case, 1);
        let file = files(&t, &boss, "").remove(0);
        let version = t.get(&boss, &path(&file)).expect(200)["version"].clone();
        for (body, field) in [(json!({ "outcome": "x", "text": "y", "version": version }), "outcome"), (json!({ "outcome": "recovered", "text": " ", "version": version }), "text"), (json!({ "outcome": "recovered", "text": "y", "version": version, "z": 1 }), "z")] {
            assert_eq!(t.post(&boss, &format!("{}/closure", path(&file)), body).expect(422)["error"]["field"], field);
        }
        assert_eq!(t.post(&boss, &format!("{}/closure", path(&file)), json!({ "outcome": "recovered", "text": "客户表示满意", "version": 99 })).code(), "version_conflict");
        let closed = t.post(&boss, &format!("{}/closure", path(&file)), json!({ "outcome": "recovered", "text": "客户表示满意", "version": version })).expect(200);
        assert_eq!((closed["open"].clone(), closed["outcome"].clone()), (json!(false), json!("recovered")));
        assert!(closed["care"].as_array().unwrap().iter().all(|c| c["state"] == "left_out"));
        t.advance(60 * 86_400);
        assert!(!kinds(&t).contains(&"complaint.care_overdue"), "nothing is late in a closed file");
        assert_eq!(t.post(&boss, &format!("{}/care", path(&file)), json!({ "title": "x", "due_at": t.app.clock().now().plus_seconds(60) })).code(), "complaint_file.closed");
        rates(&t, case, 1);
        assert_eq!((files(&t, &boss, "").len(), files(&t, &boss, "?open=false").len()), (1, 1));
        assert_eq!(t.post(&boss, "/api/v1/complaints/files", json!({ "customer_id": who, "text": "再开一份" })).code(), "complaint_file.exists");
        let shown = t.get(&boss, &format!("/api/v1/complaints/customers/{who}")).expect(200);
        assert_eq!((shown["complaints"].clone(), shown["files_before"].clone(), shown["file"]["may_open"].clone()), (json!(1), json!(1), json!(true)));
    });
}

#[test]
fn a_file_by_hand_and_its_owner() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let who = customer(&t, "甲", None);
        assert_eq!(t.post(&boss, "/api/v1/complaints/files", json!({ "customer_id": id::<shouwen_kernel::CustomerId>(&t), "text": "x" })).expect(422)["error"]["field"], "customer_id");
        let file = t.post(&boss, "/api/v1/complaints/files", json!({ "customer_id": who, "text": "电话中多次表示失望" })).expect(201);
        assert_eq!((file["reason"].clone(), file["owner_id"].clone(), file["reasons"][0]["detail"].clone()), (json!("manual"), json!(boss.person), json!("电话中多次表示失望")));
        let next = t.person("坐席乙", &[]);
        assert_eq!(t.put(&boss, &format!("{}/owner", path(&file)), json!({ "person_id": next.person, "version": file["version"] })).expect(422)["error"]["field"], "person_id");
        known(&t, &next);
        let given = t.put(&boss, &format!("{}/owner", path(&file)), json!({ "person_id": next.person, "version": file["version"] })).expect(200);
        assert_eq!(given["owner_name"], "坐席乙");
        assert!(given["care"].as_array().unwrap().iter().all(|c| c["person_id"] == json!(next.person)), "what is planned goes with it");
        assert_eq!(t.put(&boss, &format!("{}/owner", path(&file)), json!({ "person_id": next.person, "version": file["version"] })).code(), "version_conflict");
    });
}

#[test]
fn nobody_sees_a_file_beyond_their_reach_and_looks_are_on_record() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let (mine, theirs) = (team(&t, "一组", None), team(&t, "二组", None));
        let case = open(&t, &New { customer: Some(customer(&t, "甲", None)), team: Some(mine), ..New::default() });
        rates(&t, case, 1);
        let file = files(&t, &boss, "").remove(0);
        let of_team = |team| t.viewer("组员", ["complaint.read", "complaint.manage", "case.read", "customer.read"].map(|p| Grant { permission: p.into(), reach: Reach::Teams { teams: [team].into() } }).into());
        let (inside, outside) = (of_team(mine), of_team(theirs));
        assert_eq!((files(&t, &inside, "").len(), files(&t, &outside, "").len()), (1, 0));
        t.get(&inside, &path(&file)).expect(200);
        t.get(&outside, &path(&file)).expect(404);
        t.post(&outside, &format!("{}/closure", path(&file)), json!({ "outcome": "lost", "text": "x", "version": file["version"] })).expect(404);
        t.get(&outside, &format!("/api/v1/complaints/cases/{case}")).expect(404);
        assert_eq!(t.get(&outside, "/api/v1/complaints/cases").expect(200)["items"], json!([]));
        assert_eq!(t.get(&outside, "/api/v1/complaints/summary").expect(200)["total"]["opened"], 0);
        assert_eq!(t.get(&inside, "/api/v1/complaints/summary").expect(200)["total"]["opened"], 1);
        for nobody in [t.person("无权", &[]), t.person("坐席", &["case.read"])] {
            t.get(&nobody, "/api/v1/complaints/files").expect(403);
            t.get(&nobody, &path(&file)).expect(403);
            t.get(&nobody, "/api/v1/complaints/signals").expect(403);
            t.put(&nobody, "/api/v1/complaints/settings", json!({})).expect(403);
        }
        // The agent of the case sees in its sheet that there is a file.
        let sheet = t.get(&t.person("坐席", &["case.read"]), &format!("/api/v1/complaints/cases/{case}")).expect(200);
        assert_eq!((sheet["file"]["reason"].clone(), sheet["file"]["may_open"].clone()), (json!("low_rating"), json!(false)));
        // The case changes hands: so does who may see the file.
        assign(&t, case, Some(theirs), None);
        assert_eq!(files(&t, &outside, "").len(), 1);
        let looks: Vec<(String,)> = t.db.read_blocking(|tx| tx.all("SELECT action FROM audit WHERE action = 'complaint_file.read'", shouwen_store::params![])).unwrap();
        assert_eq!(looks.len(), 1);
    });
}

#[test]
fn files_of_merged_customers_become_one() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let (one, two) = (customer(&t, "甲", None), customer(&t, "甲的另一号码", None));
        for who in [one, two] {
            rates(&t, open(&t, &New { customer: Some(who), ..New::default() }), 1);
        }
        t.emit::<CustomerEvent>(Some(one), None, Merged { customer_id: one, into: two }.into());
        let left = files(&t, &boss, "");
        assert_eq!(left.len(), 1);
        let detail = t.get(&boss, &path(&left[0])).expect(200);
        assert_eq!((detail["customer_id"].clone(), detail["reasons"].as_array().unwrap().len(), detail["care"].as_array().unwrap().len()), (json!(two), 2, 6));
        assert_eq!(files(&t, &boss, "?open=false")[0]["outcome"], "merged");
        assert!(told(&t).iter().any(|e| matches!(e, ComplaintEvent::FileClosed(c) if c.outcome == "merged")));
    });
}
