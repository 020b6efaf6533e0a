//! What comes in: threading, strangers, duplicates, late answers, automatic mail, bounces.


use crate::common::{House, Mail, modules};
use serde_json::json;
use shouwen_contracts::casework::CaseEvent;
use shouwen_testkit::on_both;

fn first() -> Mail {
    Mail { from: "zhang@customer.example", subject: "宽带断了", text: "从昨晚开始不能上网", wire_id: Some("a1@customer.example".into()), ..Mail::default() }
}

#[test]
fn a_first_mail_opens_a_case_with_number_team_and_language_and_nobody_accountable() {
    on_both(modules, |t| {
        let house = House::new(t);
        let case = house.case_of(house.mail(first()));
        let shown = house.show(&case);
        assert_eq!(shown["number"], "2026-000001");
        assert_eq!(shown["title"], "宽带断了");
        assert_eq!(shown["team"]["name"], "宽带组");
        assert_eq!(shown["org_unit"]["id"], house.unit.to_string());
        assert_eq!(shown["language"], "zh");
        assert_eq!(shown["status"], "open");
        assert!(shown["accountable"].is_null() && shown["assignee"].is_null());
        assert_eq!(shown["conversations"][0]["participants"].as_array().unwrap().len(), 1, "our own inbox is no participant");
        assert_eq!(shown["conversations"][0]["participants"][0]["address_masked"], "z***@customer.example");
        assert_eq!(house.t.get(&house.admin, "/api/v1/cases/by-number/2026-000001").expect(200)["id"], case.as_str());
        assert_eq!(house.case_of(house.mail(Mail { subject: "另一件事", wire_id: Some("b1@customer.example".into()), ..first() })).len(), case.len());
        assert_eq!(house.count("case_case"), 2);
    });
}

#[test]
fn a_verified_token_a_reference_and_nothing_else_continue_a_conversation() {
    on_both(modules, |t| {
        let house = House::new(t);
        let case = house.case_of(house.mail(first()));
        let thread = house.conversation(&case);
        let by_token = house.mail(Mail { subject: "全新的标题", text: "补充", wire_id: Some("a2@customer.example".into()), token: Some(thread), ..first() });
        assert_eq!(house.case_of(by_token), case);
        let by_reference = house.mail(Mail { text: "再补充", wire_id: Some("a3@customer.example".into()), references: vec!["a1@customer.example".into()], ..first() });
        assert_eq!(house.case_of(by_reference), case);
        // SEC: a number in a subject proves nothing.
        let forged = house.mail(Mail { from: "mallory@evil.example", subject: "Re: [2026-000001] 宽带断了", text: "x", wire_id: Some("m1@evil.example".into()), ..Mail::default() });
        assert_ne!(house.case_of(forged), case);
        assert_eq!(house.messages(&case).len(), 3);
    });
}

#[test]
fn a_stranger_who_knows_a_thread_joins_unverified_and_is_shown_nothing_of_the_history() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(first()));
        let stranger = house.mail(Mail { from: "mallory@evil.example", subject: "Re: 宽带断了", text: "我也是", wire_id: Some("m2@evil.example".into()), references: vec!["a1@customer.example".into()], ..Mail::default() });
        assert_eq!(house.case_of(stranger), case);
        let shown = house.show(&case);
        let people = shown["conversations"][0]["participants"].as_array().unwrap();
        let mallory = people.iter().find(|p| p["name"] == "mallory").unwrap();
        assert_eq!(mallory["verified"], false);
        assert_eq!(house.messages(&case)[1]["verified"], false);

        // An answer to nobody in particular goes to the customer, not to the stranger.
        let reply = house.reply(&agent, &case, "正在处理");
        let sent = house.outbound(reply["message"]["id"].as_str().unwrap());
        assert_eq!(sent["to"].as_array().unwrap().len() + sent["cc"].as_array().unwrap().len(), 1);
        assert!(sent["text"].as_str().unwrap().contains("> 从昨晚开始不能上网"), "{sent}");
        assert!(!sent["text"].as_str().unwrap().contains("我也是"));
        assert_eq!(sent["references"], json!(["a1@customer.example"]));

        // An answer to the stranger repeats nothing.
        let path = format!("/api/v1/cases/{case}/messages");
        let reply = house.t.post(&agent, &path, json!({ "kind": "reply", "text": "请说明身份", "to": [{ "participant_id": mallory["id"] }] })).expect(201);
        let sent = house.outbound(reply["message"]["id"].as_str().unwrap());
        assert!(!sent["text"].as_str().unwrap().contains("从昨晚"), "{sent}");
        assert_eq!(sent["references"], json!(["m2@evil.example"]));
    });
}

#[test]
fn one_message_is_taken_in_once_and_equal_wire_ids_of_different_messages_both_stay() {
    on_both(modules, |t| {
        let house = House::new(t);
        let id = house.mail(first());
        house.mail_again(first(), id);
        assert_eq!((house.count("case_message"), house.count("case_case")), (1, 1));
        house.mail(Mail { text: "同一个编号,不同的内容", ..first() });
        assert_eq!(house.count("case_message"), 2);
    });
}

#[test]
fn an_answer_reopens_a_closed_case_within_the_days_and_opens_a_linked_one_later() {
    on_both(modules, |t| {
        let house = House::new(t);
        let case = house.case_of(house.mail(first()));
        let thread = house.conversation(&case);
        let close = |case: &str| house.t.post(&house.admin, &format!("/api/v1/cases/{case}/closure"), json!({ "resolution": { "code": "solved" } })).expect(200);
        close(&case);
        assert_eq!(house.show(&case)["status"], "closed");
        house.t.advance(13 * 86_400);
        house.mail(Mail { text: "又断了", wire_id: Some("a4@customer.example".into()), token: Some(thread), ..first() });
        let shown = house.show(&case);
        assert_eq!((&shown["status"], &shown["stage"], &shown["reopened_count"]), (&json!("open"), &json!("handling"), &json!(1)));
        close(&case);
        house.t.advance(15 * 86_400);
        let late = house.case_of(house.mail(Mail { text: "很久以后", wire_id: Some("a5@customer.example".into()), token: Some(thread), ..first() }));
        assert_ne!(late, case);
        assert_eq!(house.show(&late)["links"][0]["case_id"], case.as_str());
        assert_eq!(house.show(&case)["status"], "closed");
        // A second late answer to the old thread joins the new case.
        assert_eq!(house.case_of(house.mail(Mail { text: "还有", wire_id: Some("a6@customer.example".into()), token: Some(thread), ..first() })), late);
    });
}

#[test]
fn automatic_mail_is_kept_but_wakes_and_reopens_nothing() {
    on_both(modules, |t| {
        let house = House::new(t);
        let case = house.case_of(house.mail(first()));
        let thread = house.conversation(&case);
        house.t.post(&house.admin, &format!("/api/v1/cases/{case}/closure"), json!({ "resolution": { "code": "solved" } })).expect(200);
        let auto = house.mail(Mail { subject: "自动回复：不在办公室", text: "我在休假", wire_id: Some("v1@customer.example".into()), token: Some(thread), auto: Some("auto-submitted: auto-replied"), ..first() });
        assert_eq!(house.case_of(auto), case);
        assert_eq!(house.show(&case)["status"], "closed");
        assert_eq!(house.messages(&case)[1]["auto"], "auto-submitted: auto-replied");
        // Without a thread nothing is lost: a case of its own, marked.
        let alone = house.case_of(house.mail(Mail { from: "robot@shop.example", subject: "系统通知", text: "t", wire_id: Some("n1@shop.example".into()), auto: Some("bulk"), ..Mail::default() }));
        assert_eq!(house.show(&alone)["tags"], json!(["auto"]));
    });
}

#[test]
fn a_bounce_marks_the_message_it_is_about_and_delivery_news_reach_it() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(first()));
        let reply = house.reply(&agent, &case, "请重启光猫");
        let id = reply["message"]["id"].as_str().unwrap().to_owned();
        house.delivered(&id, "sent", Some("c.abc.def.ghi@desk.example"));
        let state = |house: &House| house.messages(&case)[1]["state"].clone();
        assert_eq!(state(&house), "sent");
        house.delivered(&id, "deferred", None);
        assert_eq!(state(&house), "sent", "late news about an earlier try changes nothing");
        // As the channel tells it: what it means for the message, then the bounce itself.
        house.delivered(&id, "bounced", Some("c.abc.def.ghi@desk.example"));
        let bounce = house.mail(Mail { from: "mailer-daemon@mx.example", subject: "Undelivered Mail", text: "550 no such user", auto: Some("bounce"), bounce_of: Some("c.abc.def.ghi@desk.example".into()), ..Mail::default() });
        assert_eq!(house.case_of(bounce), case);
        assert_eq!(house.messages(&case)[2]["author"]["kind"], "system");
        assert_eq!(state(&house), "failed");
        assert!(house.case_events().iter().any(|e| matches!(e, CaseEvent::MessageState(m) if m.state == "failed" && m.message_id.to_string() == id)));
        // The customer's answer to that mail finds the thread by its wire id.
        let answer = house.mail(Mail { text: "好了", wire_id: Some("a7@customer.example".into()), in_reply_to: vec!["c.abc.def.ghi@desk.example".into()], ..first() });
        assert_eq!(house.case_of(answer), case);
    });
}

#[test]
fn a_rebuilt_projection_equals_the_live_one() {
    on_both(modules, |t| {
        let house = House::new(t);
        house.agent("王小明");
        house.mail(first());
        house.t.assert_rebuilds(|tx| {
            let mut all: Vec<(String, String)> = Vec::new();
            for sql in [
                "SELECT 'person', name FROM case_person ORDER BY id",
                "SELECT 'team', name FROM case_team ORDER BY id",
                "SELECT 'inbox', address_index FROM case_inbox ORDER BY id",
                "SELECT 'customer', name FROM case_customer ORDER BY id",
            ] {
                all.extend(tx.all::<(String, String)>(sql, shouwen_store::params![])?);
            }
            Ok(all)
        });
    });
}
