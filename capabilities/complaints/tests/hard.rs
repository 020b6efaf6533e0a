//! What a picky customer, a second mailbox and a holiday do to it.

mod house;

use house::*;
use serde_json::{Value, json};
use shouwen_contracts::complaints::{ComplaintEvent, ComplaintWordsEvent};
use shouwen_contracts::customers::{CustomerEvent, Merged, Unmerged};
use shouwen_contracts::identity::{IdentityEvent, TeamSaved};
use shouwen_contracts::message::Content;
use shouwen_contracts::service_levels::{CalendarEvent, CalendarSaved};
use shouwen_kernel::{CaseId, OrgUnitId, TeamId};
use shouwen_store::params;
use shouwen_testkit::{TestApp, on_both};

fn signals(t: &TestApp, case: CaseId) -> Vec<String> {
    let mut found: Vec<String> = told(t).into_iter().filter_map(|e| if let ComplaintEvent::Signal(s) = e { (s.case_id == case).then_some(s.signal) } else { None }).collect();
    found.sort();
    found
}
fn repeated(t: &TestApp, case: CaseId) -> Vec<(Vec<CaseId>, i64)> {
    told(t).into_iter().filter_map(|e| if let ComplaintEvent::Repeated(r) = e { (r.case_id == case).then_some((r.earlier, r.count)) } else { None }).collect()
}
fn mail(t: &TestApp, case: CaseId, content: &Content) {
    let bytes = serde_json::to_vec(content).unwrap();
    let blob = t.db.write_blocking(move |tx| tx.put_blob(&bytes)).unwrap();
    let added = shouwen_contracts::casework::MessageAdded {
        case_id: case, conversation_id: id(t), message_id: id(t), direction: "in".into(), author_id: None, author_name: "客户".into(), preview: String::new(), content: blob, at: t.app.clock().now(), auto: false, verified: true, mentions: vec![], files: vec![],
    };
    t.emit::<shouwen_contracts::casework::CaseEvent>(Some(case), None, added.into());
}

#[test]
fn shipped_signals_are_found_in_traditional_characters_other_orders_and_disguises() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let grade = |text: &str| t.post(&boss, "/api/v1/complaints/signals/trial", json!({ "text": text })).expect(200)["grade"].clone();
        for text in ["我要找律師", "再不处理就曝光微博", "發到網上曝光", "我要曝光", "記者", "律 师", "律🔥师", "lvshi", "See you in court!", "I will post this on Twitter"] {
            assert_ne!(grade(text), json!(null), "{text}");
        }
        for text in ["一二三一五", "1️⃣2️⃣3️⃣1️⃣5️⃣", "①②③①⑤", "1 2 3 1 5", "12-315", "消費者協會", "市場監督管理局", "打3·15", "受傷", "我受了伤", "設備冒煙", "My son got hurt"] {
            assert_eq!(grade(text), json!("critical"), "{text}");
        }
        for text in ["I do not want a lawyer", "沒有要找律師", "请修好律师事务所的专线", "医院住院部的网络不通", "我们电视台的专线断了", "应付 12,315 元"] {
            assert_eq!(grade(text), json!(null), "{text}");
        }
        assert_eq!(grade("I do not want a lawyer, but I will get one"), json!("major"));
    });
}

#[test]
fn only_the_customers_own_words_count() {
    on_both(modules, |t| {
        furnished(&t);
        let of = |subject: &str, reply: &str, text: &str| {
            let case = open(&t, &New::default());
            mail(&t, case, &Content { subject: subject.into(), reply_text: reply.into(), text: text.into(), ..Content::default() });
            signals(&t, case)
        };
        assert_eq!(of("12315见", "请回复", "请回复"), ["regulator"], "in the subject only");
        assert!(of("Re: 进度", "谢谢", "谢谢\n> 您可以拨打12315").is_empty(), "in what is quoted only");
        assert!(of("Re: 进度", "", "> 您可以拨打12315").is_empty(), "nothing but a quotation");
        assert!(of("回复：关于您的律师函", "好的", "好的").is_empty(), "the subject of an answer is that of the letter it answers");
        assert_eq!(of("Fwd: 证据", "", "我的律师函如下"), ["lawyer"], "what they forward is theirs");
        // A note in a case that came by mail is ours.
        let case = open(&t, &New::default());
        message(&t, case, "note", "提醒：不要提12315", false);
        assert!(signals(&t, case).is_empty());
    });
}

#[test]
fn a_merge_finds_the_repetition_in_the_other_mailbox_and_taking_it_back_undoes_it() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let (one, two) = (customer(&t, "甲", None), customer(&t, "甲（另一邮箱）", None));
        let first = open(&t, &New { customer: Some(one), ..New::default() });
        edit(&t, first, "fields.category", json!("service-slow"));
        t.advance(60);
        let second = open(&t, &New { customer: Some(two), ..New::default() });
        edit(&t, second, "fields.category", json!("service-slow"));
        assert!(repeated(&t, second).is_empty());
        t.emit::<CustomerEvent>(Some(one), None, Merged { customer_id: one, into: two }.into());
        assert_eq!(repeated(&t, second), [(vec![first], 1)]);
        let rows = |query: &str| t.get(&boss, &format!("/api/v1/complaints/cases{query}")).expect(200)["items"].as_array().unwrap().len();
        assert_eq!(rows("?repeated=true"), 1);
        t.emit::<CustomerEvent>(Some(one), None, Unmerged { customer_id: one, from: two }.into());
        assert_eq!(rows("?repeated=true"), 0, "another customer's complaint is no earlier one");
        assert_eq!(t.get(&boss, &format!("/api/v1/complaints/cases/{second}")).expect(200)["earlier"], json!([]));
        assert_eq!(t.get(&boss, "/api/v1/complaints/summary").expect(200)["total"]["repeated"], 0);
        t.assert_rebuilds(|tx| {
            let rows: Vec<(CaseId, bool)> = tx.all("SELECT case_id, repeated FROM complaint_case ORDER BY case_id", params![])?;
            let days: Vec<(String, String, i64)> = tx.all("SELECT dimension, key, repeated FROM complaint_day ORDER BY dimension, key", params![])?;
            Ok((rows, days))
        });
    });
}

#[test]
fn the_window_of_a_repetition_includes_its_last_moment_and_nothing_before() {
    on_both(modules, |t| {
        furnished(&t);
        let complain = |who| {
            let case = open(&t, &New { customer: Some(who), ..New::default() });
            edit(&t, case, "fields.category", json!("service-slow"));
            case
        };
        let (one, two) = (customer(&t, "甲", None), customer(&t, "乙", None));
        let first = complain(one);
        complain(two);
        t.advance(30 * 86_400);
        assert_eq!(repeated(&t, complain(one)), [(vec![first], 1)]);
        t.advance(1);
        assert!(repeated(&t, complain(two)).is_empty());
    });
}

fn skilled(t: &TestApp, name: &str, unit: OrgUnitId, skills: &[&str]) -> TeamId {
    let team_id: TeamId = id(t);
    t.emit::<IdentityEvent>(Some(team_id), None, TeamSaved { team_id, name: name.into(), org_unit_id: Some(unit), skills: skills.iter().map(ToString::to_string).collect() }.into());
    team_id
}

#[test]
fn a_unit_means_its_teams_by_skill_and_load() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let branch = unit(&t, "华东分公司");
        let sales = skilled(&t, "一组（销售）", branch, &["sales"]);
        let (first, second) = (skilled(&t, "A 组", branch, &["complaint"]), skilled(&t, "B 组", branch, &["complaint"]));
        let billing = skilled(&t, "四组", branch, &["billing"]);
        save_list(&t, &boss, "/api/v1/complaints/regions", json!([{ "key": "east", "title": { "zh": "华东", "en": "East" }, "match": ["浙江"], "unit": "华东分公司" }]));
        let placed = |category: Option<&str>| {
            let case = open(&t, &New { customer: Some(customer(&t, "甲", Some("浙江"))), ..New::default() });
            if let Some(category) = category {
                edit(&t, case, "fields.category", json!(category));
            }
            let team: TeamId = serde_json::from_value(wished(&t, case, "assign").last().unwrap()["team"].clone()).unwrap();
            assign(&t, case, Some(team), None);
            (case, team)
        };
        assert_eq!([placed(None).1, placed(None).1, placed(None).1], [first, second, first], "in turn, by what they have open; never sales");
        let (case, team) = placed(Some("billing-wrong"));
        assert_eq!(team, billing, "who knows the category");
        // Whichever of its teams has it, it stays there.
        assign(&t, case, Some(sales), None);
        let before = wished(&t, case, "assign").len();
        edit(&t, case, "fields.category", json!("billing-wrong"));
        edit(&t, case, "fields.region", json!("浙江"));
        assert_eq!(wished(&t, case, "assign").len(), before);
        assert_eq!(t.get(&boss, &format!("/api/v1/complaints/cases/{case}")).expect(200)["responsible_team"], json!(null));
    });
}

fn calendar(t: &TestApp, key: &str, hours: &[&str], days: &[&str]) {
    let week: serde_json::Map<String, Value> = days.iter().map(|day| ((*day).to_owned(), json!(hours))).collect();
    let spec = json!({ "name": key, "timezone": "Asia/Shanghai", "week": week });
    let calendar_id = id(t);
    t.emit::<CalendarEvent>(Some(calendar_id), None, CalendarSaved { calendar_id, key: Some(key.into()), name: key.into(), spec }.into());
}

#[test]
fn care_is_planned_in_the_working_time_of_the_customers_region() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let working = ["mon", "tue", "wed", "thu", "fri"];
        calendar(&t, "office", &["09:00-18:00"], &working);
        calendar(&t, "around-the-clock", &["00:00-24:00"], &["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
        calendar(&t, "sundays", &["10:00-12:00"], &["sun"]);
        save_list(&t, &boss, "/api/v1/complaints/regions", json!([{ "key": "west", "title": { "zh": "西部", "en": "West" }, "match": ["四川"], "calendar": "sundays" }]));
        // To Friday, a quarter past five in the afternoon.
        let friday = jiff::civil::date(2030, 3, 8).at(17, 15, 0, 0).in_tz("Asia/Shanghai").unwrap().timestamp().as_second();
        t.advance(friday - t.app.clock().now().seconds());
        let due = |region: Option<&str>, text: &str| -> Vec<String> {
            let case = open(&t, &New { customer: Some(customer(&t, "甲", region)), ..New::default() });
            writes(&t, case, text);
            let list = t.get(&boss, "/api/v1/complaints/files").expect(200)["items"].clone();
            let file = t.get(&boss, &format!("/api/v1/complaints/files/{}", list[0]["id"].as_str().unwrap())).expect(200);
            let local = |at: &Value| at.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().to_zoned(jiff::tz::TimeZone::get("Asia/Shanghai").unwrap()).strftime("%a %H:%M").to_string();
            file["care"].as_array().unwrap().iter().take(2).map(|c| local(&c["due_at"])).collect()
        };
        assert_eq!(due(None, "设备起火"), ["Fri 21:15", "Mon 17:15"], "a call about safety knows no office hours; a visit due on Monday is due then");
        assert_eq!(due(Some("四川成都"), "设备起火"), ["Fri 21:15", "Sun 12:00"], "the calendar of the customer's region");
    });
}

#[test]
fn what_categories_and_regions_are_called_is_told_once() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let named = |kind: &str| t.events::<ComplaintWordsEvent>().into_iter().filter(|ComplaintWordsEvent::Named(n)| n.kind == kind).count();
        assert!(named("category") > 20, "with the pack");
        let east = json!({ "key": "east", "title": { "zh": "华东", "en": "East" }, "match": ["浙江"] });
        save_list(&t, &boss, "/api/v1/complaints/regions", json!([east]));
        save_list(&t, &boss, "/api/v1/complaints/regions", json!([east]));
        assert_eq!(named("region"), 1);
        save_list(&t, &boss, "/api/v1/complaints/regions", json!([]));
        let ComplaintWordsEvent::Named(last) = t.events::<ComplaintWordsEvent>().pop().unwrap();
        assert_eq!((named("region"), last.removed, last.key.as_str()), (2, true, "east"));
        assert_eq!(t.get(&t.person("坐席", &["complaint.read"]), "/api/v1/complaints/region-names").expect(200), json!([]));
    });
}
