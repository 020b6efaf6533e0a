//! A warning and a crisis with their cases, from the first to the last, together with casework; and the clocks of a crisis.

use serde_json::{Value as Json, json};
use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::warnings::WarningEvent;
use shouwen_testkit::on_both;
use shouwen_web::{PackFile, PackFiles};

use crate::common::{ALL, House, alone, by_region, with_casework};

/// The types of the base pack this is about.
fn install_types(h: &House) {
    let files = [("crisis", include_str!("../../../../packs/base/case-types/crisis.toml")), ("warning", include_str!("../../../../packs/base/case-types/warning.toml"))];
    let pack = PackFiles::new("base", "1.0.0", files.map(|(key, text)| PackFile::new(format!("case-types/{key}.toml"), text)).to_vec());
    let part = h.t.app.pack_parts().iter().copied().find(|p| (p.check)(&pack).is_empty() && p.files.contains(&"case-types/*.toml")).expect("casework's part");
    let ctx = h.t.system();
    h.t.db.write_blocking(move |tx| (part.install)(tx, &ctx, &pack, false)).unwrap();
    h.t.drain();
}

fn kinds(h: &House) -> Vec<&'static str> {
    h.t.events::<WarningEvent>()
        .iter()
        .map(|e| match e {
            WarningEvent::Raised(_) => "raised",
            WarningEvent::CaseKnown(_) => "case",
            WarningEvent::Answered(_) => "answered",
            WarningEvent::Overdue(_) => "overdue",
            WarningEvent::Closed(_) => "closed",
            WarningEvent::BulletinMade(_) => "bulletin",
            WarningEvent::CrisisDeclared(_) => "declared",
            WarningEvent::PlanFiled(_) => "plan",
            WarningEvent::CrisisOverdue(_) => "crisis overdue",
            WarningEvent::CrisisOver(_) => "over",
            WarningEvent::CrisisWrittenUp(_) => "written up",
        })
        .collect()
}

fn refusals(h: &House) -> Vec<Json> {
    h.t.events::<CaseEvent>().into_iter().filter_map(|e| if let CaseEvent::WishRefused(r) = e { Some(r.problem) } else { None }).collect()
}

fn boss(h: &House) -> shouwen_web::Viewer {
    let boss = h.t.person("总值班", &[ALL, &["case.read", "case.edit", "case.close", "case.note", "case.assign", "case.create"]].concat());
    h.know(&boss, &["crisis_group"], None, &[], "zh-CN");
    boss
}

#[test]
fn a_warning_is_a_case_with_a_loop_and_ends_with_it() {
    on_both(with_casework, |t| {
        let h = House::new(t);
        install_types(&h);
        let boss = boss(&h);
        h.threshold(by_region());
        for _ in 0..5 {
            h.complaint("network", "310000");
        }
        assert_eq!(refusals(&h), Vec::<Json>::new());
        let w = h.open_warnings()[0].clone();
        let case = h.t.get(&boss, &format!("/api/v1/cases/{}", w["case_id"].as_str().expect("its case was opened"))).expect(200);
        assert_eq!((&case["type"], &case["stage"], &case["fields"]["grade"], &case["title"]), (&json!("warning"), &json!("raised"), &json!("yellow"), &json!("地区投诉 · 华东")));
        assert_eq!(case["watchers"].as_array().unwrap().len() + 1, 2, "whoever was told watches it, but for whom it lies with: {}", case["assignee"]);
        h.t.post(&h.east_supervisor, &format!("/api/v1/warnings/{}/answer", w["id"].as_str().unwrap()), json!({ "text": "已派单抢修" })).expect(200);
        h.t.drain();
        let path = format!("/api/v1/cases/{}", w["case_id"].as_str().unwrap());
        let case = h.t.get(&boss, &path).expect(200);
        assert_eq!((&case["stage"], &case["fields"]["response"]), (&json!("responding"), &json!("已派单抢修")));
        h.t.put(&boss, &format!("{path}/stage"), json!({ "stage": "measures" })).expect(200);
        let version = h.t.get(&boss, &path).expect(200)["version"].clone();
        h.t.patch(&boss, &path, json!({ "version": version, "fields": { "measures": "更换传输板", "effect": "投诉回落" } })).expect(200);
        h.t.put(&boss, &format!("{path}/stage"), json!({ "stage": "verifying" })).expect(200);
        assert_eq!(h.t.put(&boss, &format!("{path}/stage"), json!({ "stage": "archived" })).code(), "case.unverified", "nothing verified its end");
        h.t.post(&boss, &format!("{path}/closure"), json!({ "resolution": { "code": "settled" }, "verification": { "way": "reason", "text": "一小时内无新增投诉" } })).expect(200);
        h.t.drain();
        assert!(h.open_warnings().is_empty());
        assert_eq!(kinds(&h), ["raised", "case", "raised", "answered", "closed"], "{:?}", refusals(&h));
        // Taken up again, it is open again; and it rests within its window otherwise.
        h.complaint("network", "310000");
        assert!(h.open_warnings().is_empty(), "the same grade within its window stays silent");
        h.t.delete(&boss, &format!("{path}/closure")).expect(200);
        h.t.drain();
        assert_eq!(h.open_warnings()[0]["state"], "answered");
    });
}

#[test]
fn a_crisis_goes_from_the_button_to_the_write_up() {
    on_both(with_casework, |t| {
        let h = House::new(t);
        install_types(&h);
        let boss = boss(&h);
        let body = json!({ "title": "核心网中断", "situation": "华东大面积无信号", "plan_hours": 3 });
        let made = h.t.post(&boss, "/api/v1/crises", body.clone()).expect(201);
        h.t.drain();
        let id = made["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/crises/{id}");
        let c = h.t.get(&boss, &path).expect(200);
        assert_eq!((&c["state"], &c["members"].as_array().unwrap().len(), &c["plan_hours"]), (&json!("convened"), &3, &json!(3)));
        assert_eq!(h.letters()[0].people.len(), 2, "the others are called by mail");
        let case_path = format!("/api/v1/cases/{}", c["case_id"].as_str().expect("its case was opened"));
        let case = h.t.get(&boss, &case_path).expect(200);
        assert_eq!((&case["type"], &case["stage"], &case["fields"]["lead"], &case["watchers"].as_array().unwrap().len()), (&json!("crisis"), &json!("planning"), &json!("总值班"), &2), "{:?}", refusals(&h));
        // Being there, and the log.
        let there = h.t.post(&h.manager, &format!("{path}/acknowledgement"), Json::Null).expect(200);
        assert_eq!(there["members"].as_array().unwrap().iter().filter(|m| !m["acknowledged_at"].is_null()).count(), 2);
        h.t.post(&h.manager, &format!("{path}/log"), json!({ "text": "抢修队已出发" })).expect(200);
        assert_eq!(h.t.post(&h.west_supervisor, &format!("{path}/acknowledgement"), Json::Null).code(), "crisis.no_member");
        assert_eq!(h.t.post(&boss, &format!("{path}/over"), json!({ "text": "恢复" })).code(), "crisis.no_plan");
        assert_eq!(h.t.put(&boss, &format!("{path}/write-up"), json!({ "text": "复盘" })).code(), "crisis.not_over");
        // Late: told once.
        h.t.advance(3 * 3600);
        h.t.advance(86_400);
        assert_eq!(kinds(&h).iter().filter(|k| **k == "crisis overdue").count(), 1);
        let filed = h.t.put(&h.manager, &format!("{path}/plan"), json!({ "text": "切换备用链路" })).expect(200);
        assert_eq!((&filed["state"], &filed["plan_by"]["name"], &filed["plan_overdue"]), (&json!("responding"), &json!("经理"), &json!(false)));
        h.t.put(&boss, &format!("{path}/statement"), json!({ "spokesperson": "总值班", "statement": "正在抢修" })).expect(200);
        h.t.drain();
        let case = h.t.get(&boss, &case_path).expect(200);
        assert_eq!((&case["stage"], &case["fields"]["plan"], &case["fields"]["statement"]), (&json!("responding"), &json!("切换备用链路"), &json!("正在抢修")), "{:?}", refusals(&h));
        let over = h.t.post(&boss, &format!("{path}/over"), json!({ "text": "信号恢复" })).expect(200);
        h.t.drain();
        assert_eq!((&over["state"], over["write_up_due_at"].is_null()), (&json!("over"), false));
        assert_eq!(h.t.get(&boss, &case_path).expect(200)["stage"], "writing_up", "{:?}", refusals(&h));
        h.t.advance(3 * 86_400);
        assert_eq!(kinds(&h).iter().filter(|k| **k == "crisis overdue").count(), 2, "the write-up is late, too");
        h.t.put(&boss, &format!("{path}/write-up"), json!({ "text": "起因是光缆被挖断；已改道。" })).expect(200);
        h.t.drain();
        let c = h.t.get(&boss, &path).expect(200);
        assert_eq!((&c["state"], c["ended_at"].is_null(), &c["may_act"]), (&json!("ended"), false, &json!(false)), "{:?}", refusals(&h));
        let case = h.t.get(&boss, &case_path).expect(200);
        assert_eq!((&case["status"], &case["fields"]["write_up"]), (&json!("closed"), &json!("起因是光缆被挖断；已改道。")));
        assert_eq!(kinds(&h), ["declared", "crisis overdue", "plan", "over", "crisis overdue", "written up"]);
        let log: Vec<String> = c["log"].as_array().unwrap().iter().rev().map(|e| e["kind"].as_str().unwrap().to_owned()).collect();
        assert_eq!(log, ["declared", "acknowledged", "note", "overdue", "plan", "statement", "over", "overdue", "write_up", "ended"]);
        assert_eq!(h.t.post(&boss, &format!("{path}/log"), json!({ "text": "迟到的话" })).code(), "crisis.ended");
        assert_eq!(refusals(&h), Vec::<Json>::new());
    });
}

#[test]
fn what_somebody_does_in_the_case_view_counts_for_the_crisis() {
    on_both(with_casework, |t| {
        let h = House::new(t);
        install_types(&h);
        let boss = boss(&h);
        let id = h.t.post(&boss, "/api/v1/crises", json!({ "title": "投诉激增", "situation": "网传召回" })).expect(201)["id"].as_str().unwrap().to_owned();
        h.t.drain();
        let path = format!("/api/v1/crises/{id}");
        let case_path = format!("/api/v1/cases/{}", h.t.get(&boss, &path).expect(200)["case_id"].as_str().unwrap());
        let version = h.t.get(&boss, &case_path).expect(200)["version"].clone();
        h.t.patch(&boss, &case_path, json!({ "version": version, "fields": { "plan": "澄清公告" } })).expect(200);
        h.t.drain();
        let c = h.t.get(&boss, &path).expect(200);
        assert_eq!((&c["plan"], &c["state"]), (&json!("澄清公告"), &json!("responding")));
        h.t.put(&boss, &format!("{case_path}/stage"), json!({ "stage": "stabilised" })).expect(200);
        h.t.drain();
        assert_eq!(h.t.get(&boss, &path).expect(200)["state"], "over");
        // It flares up again.
        h.t.put(&boss, &format!("{case_path}/stage"), json!({ "stage": "responding" })).expect(200);
        h.t.drain();
        let c = h.t.get(&boss, &path).expect(200);
        assert_eq!((&c["state"], &c["write_up_due_at"]), (&json!("responding"), &Json::Null));
        // A false alarm is closed as such, without plan or write-up.
        h.t.post(&boss, &format!("{case_path}/closure"), json!({ "resolution": { "code": "false_alarm" } })).expect(200);
        h.t.drain();
        assert_eq!(h.t.get(&boss, &path).expect(200)["state"], "ended");
        h.t.advance(30 * 86_400);
        assert!(!kinds(&h).contains(&"crisis overdue"), "an ended crisis has no clocks");
    });
}

#[test]
fn two_clicks_declare_one_crisis_and_bad_input_is_named() {
    on_both(alone, |t| {
        let h = House::new(t);
        let case = h.complaint("network", "310000");
        let body = json!({ "title": "断网", "situation": "全省", "case_id": case });
        let first = h.t.post(&h.manager, "/api/v1/crises", body.clone()).expect(201);
        let second = h.t.post(&h.east_supervisor, "/api/v1/crises", body);
        assert_eq!((second.status.as_u16(), second.code().as_str(), &second.json()["error"]["detail"]["crisis_id"]), (409, "crisis.running", &first["id"]));
        assert_eq!(h.case_wishes()[0].related, [case]);
        for (body, field) in [
            (json!({ "title": "", "situation": "x" }), "title"),
            (json!({ "title": "x", "situation": "\u{3164}" }), "situation"),
            (json!({ "title": "x", "situation": "y", "plan_hours": 0 }), "plan_hours"),
        ] {
            assert_eq!(h.t.post(&h.manager, "/api/v1/crises", body).json()["error"]["field"], field);
        }
        // Without casework there is no case; the crisis can be worked on all the same.
        let path = format!("/api/v1/crises/{}", first["id"].as_str().unwrap());
        h.t.put(&h.manager, &format!("{path}/plan"), json!({ "text": "方案" })).expect(200);
        h.t.post(&h.manager, &format!("{path}/over"), json!({ "text": "结束" })).expect(200);
        assert_eq!(h.t.put(&h.manager, &format!("{path}/write-up"), json!({ "text": "复盘" })).expect(200)["state"], "ended");
        // Only its group and whoever sees the whole workspace see it.
        let own = |v: &str| h.t.viewer(v, vec![shouwen_kernel::Grant { permission: "warning.read".into(), reach: shouwen_kernel::Reach::Own }]);
        h.t.get(&own("外人"), &path).expect(404);
        assert_eq!(h.t.get(&own("外人"), "/api/v1/crises").expect(200)["items"], json!([]));
        assert_eq!(h.t.get(&h.manager, "/api/v1/crises").expect(200)["items"].as_array().unwrap().len(), 1);
    });
}
