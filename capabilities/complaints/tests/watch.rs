//! What follows from what happens to cases: classification, signals, grade, repetition, place.

mod house;

use house::*;
use serde_json::json;
use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::complaints::ComplaintEvent;
use shouwen_contracts::customers::{CustomerEvent, Merged, Unmerged};
use shouwen_kernel::{CaseId, TeamId};
use shouwen_store::{Json, params};
use shouwen_testkit::{TestApp, on_both};

fn classified(t: &TestApp) -> Vec<shouwen_contracts::complaints::Classified> {
    told(t).into_iter().filter_map(|e| if let ComplaintEvent::Classified(c) = e { Some(c) } else { None }).collect()
}
fn graded(t: &TestApp, case: CaseId) -> Vec<(Option<String>, String, String)> {
    told(t).into_iter().filter_map(|e| if let ComplaintEvent::Graded(g) = e { (g.case_id == case).then_some((g.from, g.to, g.reason)) } else { None }).collect()
}
fn signals(t: &TestApp, case: CaseId) -> Vec<String> {
    told(t).into_iter().filter_map(|e| if let ComplaintEvent::Signal(s) = e { (s.case_id == case).then_some(s.signal) } else { None }).collect()
}
fn repeated(t: &TestApp, case: CaseId) -> Vec<(Vec<CaseId>, i64)> {
    told(t).into_iter().filter_map(|e| if let ComplaintEvent::Repeated(r) = e { (r.case_id == case).then_some((r.earlier, r.count)) } else { None }).collect()
}

#[test]
fn every_wish_is_an_action_casework_can_read() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let east = team(&t, "华东投诉组", None);
        save_list(&t, &boss, "/api/v1/complaints/regions", json!([{ "key": "east", "title": { "zh": "华东", "en": "East" }, "match": ["浙江"], "team": east }]));
        let who = customer(&t, "甲", Some("浙江杭州"));
        for _ in 0..2 {
            let case = open(&t, &New { customer: Some(who), ..New::default() });
            writes(&t, case, "宽带断了三天没人修，再不处理我就打12315");
            edit(&t, case, "fields.category", json!("service-slow"));
            for wish in wishes(&t, case) {
                serde_json::from_value::<shouwen_rules::Action>(wish.action.clone()).unwrap_or_else(|e| panic!("{e}: {}", wish.action));
                assert!(!wish.reason.is_empty());
            }
        }
        let mut sources: Vec<String> = t.events::<shouwen_contracts::wish::WishEvent>().into_iter().map(|e| serde_json::to_value(shouwen_contracts::Event::payload(&e).unwrap()).unwrap()["source"].to_string()).collect();
        let all = sources.len();
        sources.sort();
        sources.dedup();
        assert_eq!((sources.len(), all > 8), (all, true), "each source is its own");
    });
}

#[test]
fn a_complaint_is_told_when_what_counts_changed_and_only_then() {
    on_both(modules, |t| {
        furnished(&t);
        let who = customer(&t, "甲", Some("浙江"));
        let other = open(&t, &New { case_type: "request", customer: Some(who), ..New::default() });
        edit(&t, other, "fields.category", json!("billing-wrong"));
        assert!(classified(&t).is_empty(), "requests are no complaints");
        let case = open(&t, &New { customer: Some(who), ..New::default() });
        let first = classified(&t);
        assert_eq!((first.len(), first[0].region.as_deref(), first[0].category.as_deref(), first[0].customer_id), (1, Some("浙江"), None, Some(who)));
        edit(&t, case, "title", json!("别的标题"));
        edit(&t, case, "fields.solution", json!("退还"));
        assert_eq!(classified(&t).len(), 1, "nothing that counts changed");
        edit(&t, case, "fields.category", json!("billing-wrong"));
        edit(&t, case, "fields.category", json!("billing-wrong"));
        edit(&t, case, "fields.product", json!("家庭宽带"));
        edit(&t, case, "fields.cause_kind", json!("system"));
        edit(&t, case, "fields.responsible", json!("ours"));
        let all = classified(&t);
        assert_eq!(all.len(), 5);
        let last = all.last().unwrap();
        assert_eq!(last.path, ["billing", "billing-wrong"]);
        assert_eq!((last.product.as_deref(), last.cause.as_deref(), last.responsibility.as_deref()), (Some("家庭宽带"), Some("system"), Some("ours")));
        edit(&t, case, "fields.category", json!(null));
        assert!(classified(&t).last().unwrap().path.is_empty(), "taken back");
        // A request that turns out to be a complaint.
        edit(&t, other, "type", json!("complaint"));
        assert_eq!(classified(&t).last().unwrap().category.as_deref(), Some("billing-wrong"));
    });
}

#[test]
fn a_signal_raises_grade_and_priority_in_the_turn_of_the_message_and_once() {
    on_both(modules, |t| {
        furnished(&t);
        let case = open(&t, &New { customer: Some(customer(&t, "甲", None)), ..New::default() });
        writes(&t, case, "再不处理我就打１２３１５，并且找律师！");
        let mut found = signals(&t, case);
        found.sort();
        assert_eq!(found, ["lawyer", "regulator"]);
        assert_eq!(graded(&t, case), [(None, "critical".to_owned(), "signal:regulator".to_owned())]);
        assert_eq!(wished(&t, case, "set_field"), [json!({ "do": "set_field", "field": "fields.severity", "value": "critical" })]);
        assert_eq!(wished(&t, case, "set_priority"), [json!({ "do": "set_priority", "priority": "urgent" })]);
        assert_eq!(wished(&t, case, "tag"), [json!({ "do": "tag", "tags": ["升级信号"] })]);
        assert_eq!(wished(&t, case, "notify").len(), 1);
        let before = (told(&t).len(), wishes(&t, case).len());
        // casework does as it was asked, and the customer says it again.
        edit(&t, case, "fields.severity", json!("critical"));
        edit(&t, case, "priority", json!("urgent"));
        writes(&t, case, "12315！12315！");
        assert_eq!((told(&t).len(), wishes(&t, case).len()), before, "nothing is told twice");
        // A person finds it less grave; a new kind of signal raises it again.
        edit(&t, case, "fields.severity", json!("minor"));
        assert_eq!(graded(&t, case).last().unwrap().2, "edited");
        writes(&t, case, "设备起火，我受伤了");
        assert_eq!(graded(&t, case).last().unwrap(), &(Some("minor".to_owned()), "critical".to_owned(), "signal:injury".to_owned()));
    });
}

#[test]
fn signals_are_seen_in_english_in_notes_of_calls_and_in_the_demand_but_not_in_automatic_mail() {
    on_both(modules, |t| {
        furnished(&t);
        let english = open(&t, &New { title: "Refund", ..New::default() });
        writes(&t, english, "If you do not refund me I will call my lawyer and post this online.");
        assert_eq!(graded(&t, english).iter().map(|g| g.1.as_str()).collect::<Vec<_>>(), ["major"]);
        assert_eq!(signals(&t, english).len(), 2);
        assert_eq!(wished(&t, english, "set_priority"), [json!({ "do": "set_priority", "priority": "high" })]);
        let call = open(&t, &New { title: "来电：客户称要找记者", channel: "manual", ..New::default() });
        assert_eq!(signals(&t, call), ["media"], "the title of a case opened by hand");
        let note = open(&t, &New { title: "来电", channel: "manual", ..New::default() });
        message(&t, note, "note", "客户要求退一赔三", false);
        assert_eq!(signals(&t, note), ["compensation_rule"]);
        let demand = open(&t, &New::default());
        edit(&t, demand, "fields.demand", json!("否则向消协投诉"));
        assert_eq!(signals(&t, demand), ["regulator"]);
        let auto = open(&t, &New::default());
        message(&t, auto, "in", "自动回复：投诉请拨12315", true);
        message(&t, auto, "out", "您也可以拨打12315", false);
        assert!(signals(&t, auto).is_empty(), "neither automatic mail nor our own words");
        let calm = open(&t, &New::default());
        writes(&t, calm, "我不是要投诉12315，只是问一下进度");
        assert!(signals(&t, calm).is_empty() && graded(&t, calm).is_empty());
    });
}

#[test]
fn a_request_with_a_signal_becomes_a_candidate_and_is_not_counted_as_complaint() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let case = open(&t, &New { case_type: "request", ..New::default() });
        writes(&t, case, "我要去工信部反映");
        assert_eq!(graded(&t, case).len(), 1);
        assert_eq!(wished(&t, case, "tag"), [json!({ "do": "tag", "tags": ["升级信号", "疑似投诉"] })]);
        assert!(wished(&t, case, "set_field").is_empty(), "its form has no grade");
        assert!(classified(&t).is_empty());
        assert_eq!(t.get(&boss, "/api/v1/complaints/cases").expect(200)["items"], json!([]));
        let candidates = t.get(&boss, "/api/v1/complaints/cases?candidates=true").expect(200);
        assert_eq!((candidates["items"][0]["case_id"].clone(), candidates["items"][0]["signals"].clone()), (json!(case), json!(["regulator"])));
        assert_eq!(t.get(&boss, "/api/v1/complaints/summary").expect(200)["total"]["opened"], 0);
    });
}

#[test]
fn the_same_matter_of_the_same_customer_within_the_window_is_a_repetition() {
    on_both(modules, |t| {
        furnished(&t);
        let who = customer(&t, "甲", None);
        let first = open(&t, &New { customer: Some(who), ..New::default() });
        writes(&t, first, "宽带又断了，上周报修后师傅来过一次，路由器红灯一直亮，没有修好");
        t.advance(5 * 86_400);
        // Another customer, and another matter: nothing.
        let stranger = open(&t, &New { customer: Some(customer(&t, "乙", None)), ..New::default() });
        writes(&t, stranger, "宽带又断了，上周报修后师傅来过一次，路由器红灯一直亮，没有修好");
        let other = open(&t, &New { customer: Some(who), title: "账单", ..New::default() });
        writes(&t, other, "上个月账单多收了二十元流量费，请核实后退回");
        assert!(repeated(&t, stranger).is_empty() && repeated(&t, other).is_empty());
        // Told in other words.
        let second = open(&t, &New { customer: Some(who), ..New::default() });
        writes(&t, second, "我家宽带又断了！路由器红灯一直亮，师傅来过一次没有修好，请尽快处理");
        assert_eq!(repeated(&t, second), [(vec![first], 1)]);
        assert_eq!(wished(&t, second, "tag"), [json!({ "do": "tag", "tags": ["重复投诉"] })]);
        assert_eq!(graded(&t, second), [(None, "major".to_owned(), "repeat".to_owned())]);
        writes(&t, second, "有进展吗？");
        assert_eq!(repeated(&t, second).len(), 1, "told once");
        // The same category, in a text that has nothing in common.
        edit(&t, other, "fields.category", json!("billing-wrong"));
        let third = open(&t, &New { customer: Some(who), title: "费用", ..New::default() });
        edit(&t, third, "fields.category", json!("billing-wrong"));
        assert_eq!(repeated(&t, third), [(vec![other], 1)]);
        // Beyond the window.
        t.advance(40 * 86_400);
        let late = open(&t, &New { customer: Some(who), ..New::default() });
        writes(&t, late, "宽带又断了，上周报修后师傅来过一次，路由器红灯一直亮，没有修好");
        assert!(repeated(&t, late).is_empty());
    });
}

#[test]
fn a_merge_of_customers_makes_their_complaints_one_history() {
    on_both(modules, |t| {
        furnished(&t);
        let (one, two) = (customer(&t, "甲", None), customer(&t, "甲（另一邮箱）", None));
        let first = open(&t, &New { customer: Some(one), ..New::default() });
        edit(&t, first, "fields.category", json!("service-slow"));
        t.advance(60);
        t.emit::<CustomerEvent>(Some(one), None, Merged { customer_id: one, into: two }.into());
        let second = open(&t, &New { customer: Some(two), ..New::default() });
        edit(&t, second, "fields.category", json!("service-slow"));
        assert_eq!(repeated(&t, second), [(vec![first], 1)]);
        t.emit::<CustomerEvent>(Some(one), None, Unmerged { customer_id: one, from: two }.into());
        t.advance(60);
        let third = open(&t, &New { customer: Some(one), ..New::default() });
        edit(&t, third, "fields.category", json!("service-slow"));
        assert_eq!(repeated(&t, third), [(vec![first], 1)], "taken back: the other's is the other's again");
    });
}

#[test]
fn region_and_category_decide_who_handles_it_and_a_person_has_the_last_word() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let branch = unit(&t, "华东分公司");
        let (east, network): (TeamId, TeamId) = (team(&t, "华东投诉组", Some(branch)), team(&t, "网络投诉组", None));
        save_list(
            &t,
            &boss,
            "/api/v1/complaints/regions",
            json!([{ "key": "east", "title": { "zh": "华东", "en": "East" }, "match": ["浙江", "33"], "unit": "华东分公司" }, { "key": "west", "title": { "zh": "西部", "en": "West" }, "match": ["四川"], "team": "没有这个组" }]),
        );
        let assigned = |case| wished(&t, case, "assign");
        let who = customer(&t, "甲", Some("浙江杭州"));
        let case = open(&t, &New { customer: Some(who), ..New::default() });
        assert_eq!(assigned(case), [json!({ "do": "assign", "team": east, "routing": true })]);
        assert!(wishes(&t, case)[0].reason.contains("属地化") && wishes(&t, case)[0].reason.contains("华东"), "{}", wishes(&t, case)[0].reason);
        assert_eq!(classified(&t).last().unwrap().region.as_deref(), Some("east"), "counted under the region of the table");
        assign(&t, case, Some(east), None);
        // A person moves it; a message or another edit does not fetch it back.
        assign(&t, case, Some(network), None);
        writes(&t, case, "请尽快");
        edit(&t, case, "title", json!("x"));
        assert_eq!(assigned(case).len(), 1);
        // A category with a team of its own goes before the region.
        let version = t.get(&boss, "/api/v1/complaints/categories").expect(200)["items"].as_array().unwrap().iter().find(|c| c["key"] == "service").unwrap()["version"].clone();
        t.put(&boss, "/api/v1/complaints/categories/service", json!({ "category": { "key": "service", "title": { "zh": "服务质量", "en": "Service" }, "team": "网络投诉组" }, "version": version })).expect(200);
        let second = open(&t, &New { customer: Some(who), ..New::default() });
        edit(&t, second, "fields.category", json!("service-slow"));
        assert_eq!(assigned(second).last().unwrap()["team"], json!(network));
        // The customer moves to a region nobody answers for: nothing is wished, and nothing breaks.
        saved(&t, who, "甲", Some("四川成都"));
        let third = open(&t, &New { customer: Some(who), ..New::default() });
        assert!(assigned(third).is_empty());
        // The form says otherwise than the register.
        edit(&t, third, "fields.region", json!("330100"));
        assert_eq!(assigned(third), [json!({ "do": "assign", "team": east, "routing": true })]);
        // The customer's region becomes known while the case is open.
        let late = customer(&t, "丙", None);
        let fourth = open(&t, &New { customer: Some(late), ..New::default() });
        assert!(assigned(fourth).is_empty());
        saved(&t, late, "丙", Some("浙江宁波"));
        assert_eq!(assigned(fourth).len(), 1);
    });
}

#[test]
fn a_category_brings_its_grade_and_takes_none_away() {
    on_both(modules, |t| {
        furnished(&t);
        let case = open(&t, &New::default());
        edit(&t, case, "fields.category", json!("privacy-misuse"));
        assert_eq!(graded(&t, case), [(None, "major".to_owned(), "category:privacy-misuse".to_owned())], "the grade of the branch above");
        edit(&t, case, "fields.category", json!("privacy-leak"));
        edit(&t, case, "fields.category", json!("billing-wrong"));
        assert_eq!(graded(&t, case).last().unwrap().1, "critical");
        edit(&t, case, "fields.category", json!("no-such-key"));
        assert_eq!(classified(&t).last().unwrap().path, ["no-such-key"], "what the tree lost still counts as itself");
    });
}

#[test]
fn rows_rebuilt_from_the_log_equal_the_live_ones_and_nothing_is_told_twice() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let east = team(&t, "华东投诉组", None);
        save_list(&t, &boss, "/api/v1/complaints/regions", json!([{ "key": "east", "title": { "zh": "华东", "en": "East" }, "match": ["浙江"], "team": "华东投诉组" }]));
        let (who, other) = (customer(&t, "甲", Some("浙江")), customer(&t, "乙", None));
        for i in 0..4 {
            let case = open(&t, &New { customer: Some(if i % 2 == 0 { who } else { other }), team: Some(east), ..New::default() });
            writes(&t, case, "宽带又断了，路由器红灯一直亮，没有修好，再不处理就打12315");
            edit(&t, case, "fields.category", json!(if i < 2 { "service-slow" } else { "privacy-leak" }));
            t.advance(3600);
            if i == 1 {
                stage(&t, case, "archived", "closed");
            }
            if i == 2 {
                edit(&t, case, "type", json!("request"));
            }
        }
        let request = open(&t, &New { case_type: "request", customer: Some(who), ..New::default() });
        writes(&t, request, "I will call my lawyer");
        t.emit::<CustomerEvent>(Some(other), None, Merged { customer_id: other, into: who }.into());
        // Settings change after the fact; what was told then stays.
        save_list(&t, &boss, "/api/v1/complaints/signals", json!([]));
        save_list(&t, &boss, "/api/v1/complaints/regions", json!([]));
        let before = (told(&t).len(), t.recorded().len());
        t.assert_rebuilds(|tx| {
            type Case = (CaseId, Option<shouwen_kernel::CustomerId>, bool, bool, bool, String, String, String, Option<String>, String);
            let cases: Vec<Case> = tx.all("SELECT case_id, customer_id, counted, complaint, repeated, path, region, grade, CAST(sketch AS TEXT), CAST(state AS TEXT) FROM complaint_case ORDER BY case_id", params![])?;
            let days: Vec<(i64, String, String, TeamId, i64, i64, i64, i64)> = tx.all("SELECT day, dimension, key, team_id, opened, closed, repeated, critical FROM complaint_day ORDER BY day, dimension, key, team_id", params![])?;
            let names: Vec<(String, Option<String>)> = tx.all("SELECT name, region FROM complaint_customer ORDER BY id", params![])?;
            let fields: Vec<(Json<Vec<String>>,)> = tx.all("SELECT fields FROM complaint_type", params![])?;
            Ok((cases, days, names, fields.into_iter().map(|f| f.0.0).collect::<Vec<_>>()))
        });
        assert_eq!((told(&t).len(), t.recorded().len()), before, "a rebuild tells nothing");
        // And life goes on where it was.
        let case = open(&t, &New { customer: Some(who), ..New::default() });
        assert!(told(&t).len() > before.0);
        t.emit::<CaseEvent>(Some(case), None, shouwen_contracts::casework::Merged { case_id: case, into: request, conversations: vec![] }.into());
        let rows = t.get(&boss, "/api/v1/complaints/cases").expect(200);
        assert!(!rows["items"].as_array().unwrap().iter().any(|row| row["case_id"] == json!(case)), "what went into another case is not counted");
    });
}

#[test]
fn names_of_attached_files_raise_as_words_of_the_letter_do() {
    on_both(modules, |t| {
        furnished(&t);
        let case = open(&t, &New { case_type: "request", ..New::default() });
        let sends = |text: &str, files: &[&str]| attaches(&t, case, "in", text, false, files);
        sends("请看附件", &["IMG_12315.jpg", "宽带账单.pdf", "并不是律师函.pdf"]);
        attaches(&t, case, "in", "", true, &["律师函.pdf"]);
        attaches(&t, case, "out", "请查收", false, &["律师函.pdf"]);
        assert!(signals(&t, case).is_empty(), "numbers of a camera, a plain negation, automatic mail and our own files raise nothing");
        // The letter takes nothing back that the name says, nor the other way round.
        sends("我不想找律师，请好好解决", &["律师函.pdf"]);
        assert_eq!(signals(&t, case), ["lawyer"]);
        sends("见附件", &["12315投诉.docx", "律师函（二）.pdf"]);
        assert_eq!(signals(&t, case), ["lawyer", "regulator"], "what was seen once raises once");
        let reasons: Vec<String> = wishes(&t, case).into_iter().map(|wish| wish.reason).collect();
        assert!(reasons.iter().any(|reason| reason.contains("附件“律师函.pdf”")), "the reason says where it stands: {reasons:?}");
        assert_eq!(graded(&t, case).last().unwrap().1, "critical");
    });
}
