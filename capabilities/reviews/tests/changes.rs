//! What changes while a review runs: who holds what, what it is about, how much was granted already.

mod house;

use house::*;
use serde_json::json;
use shouwen_contracts::casework::{CaseEvent, Edited};
use shouwen_contracts::reviews::ReviewEvent;
use shouwen_contracts::service_levels::{CalendarEvent, CalendarRemoved, CalendarSaved};
use shouwen_kernel::{CalendarId, Grant, Reach};
use shouwen_testkit::on_both;

const JOINT: &str = r#"
[[flow]]
key = "joint"
title = { zh = "会签", en = "Joint" }
[[flow.step]]
title = { zh = "会签", en = "Joint" }
who = ["role:quality"]
otherwise = ["role:manager"]
mode = "all"
"#;

#[test]
fn whoever_gains_a_role_is_asked_in_the_step_that_is_open() {
    on_both(modules, |t| {
        let h = house(t);
        let (_, id) = h.in_review("多收费");
        // A second lead of the team, hired while the first step waits.
        let grants: Vec<Grant> = ["case.read", "review.lead"].iter().map(|p| Grant { permission: (*p).to_owned(), reach: Reach::Teams { teams: [h.team].into() } }).collect();
        let second = hire(&h.t, "班长新来", &["supervisor"], grants.clone(), Some(h.unit), vec![h.team]);
        assert_eq!(h.the_one(&second), id);
        assert!(h.letters().iter().any(|(wish, _)| wish.people == [second.person]), "and gets the letter");
        let told = |h: &House| h.told().into_iter().filter(|e| matches!(e, ReviewEvent::StepOpened(s) if s.people == [second.person])).count();
        assert_eq!(told(&h), 1);
        // Told again of the same, nothing happens; whoever leads another team is not asked.
        h.holds(&second, &["supervisor"], grants.clone());
        assert_eq!((told(&h), h.waiting(&h.other_lead).len()), (1, 0));
        // Let go of and taken back, asked again.
        h.holds(&second, &[], vec![]);
        assert_eq!(h.waiting(&second).len(), 0);
        h.holds(&second, &["supervisor"], grants);
        assert_eq!((h.waiting(&second).len(), told(&h)), (1, 2));
        // Nobody is asked to decide what they asked for themselves.
        let lead = Grant { permission: "review.lead".into(), reach: Reach::Teams { teams: [h.team].into() } };
        h.holds(&h.agent, &["agent", "supervisor"], vec![lead]);
        assert_eq!(h.waiting(&h.agent).len(), 0);
        h.decide(&second, &id, "approve", None).expect(200);
        assert_eq!(h.show(&h.manager, &id)["step"], 2);
        assert!(h.audit().iter().any(|(action, _)| action == "review.joined"));
    });
}

#[test]
fn who_comes_to_a_joint_step_has_to_approve_too_and_who_comes_back_to_the_house_is_asked() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("p", JOINT, false);
        let quality = |name: &str| hire(&h.t, name, &["quality"], vec![Grant { permission: "case.read".into(), reach: Reach::Workspace }], None, vec![]);
        let first = quality("质检甲");
        let case = h.case("多收费");
        h.wants(case, "joint");
        let id = h.the_one(&first);
        let second = quality("质检乙");
        h.decide(&first, &id, "approve", None).expect(200);
        assert_eq!(h.show(&second, &id)["state"], "open", "both have to");
        saved(&h.t, second.person, "质检乙", false, None, vec![]);
        assert_eq!(h.show(&first, &id)["state"], "approved", "who left blocks nothing");
        let again = h.case("第二件");
        h.wants(again, "joint");
        saved(&h.t, second.person, "质检乙", true, None, vec![]);
        let other = h.the_one(&second);
        h.decide(&first, &other, "approve", None).expect(200);
        assert_eq!(h.show(&first, &other)["state"], "open");
        h.decide(&second, &other, "return", Some("证据不足")).expect(200);
        assert_eq!(h.show(&first, &other)["state"], "returned");
    });
}

#[test]
fn a_solution_that_is_changed_under_review_begins_anew() {
    on_both(modules, |t| {
        let h = house(t);
        let (case, id) = h.in_review("多收费");
        let change = |to: &str| h.solution(case, None, to);
        // Nobody approved yet: whoever decides reads what it says now.
        change("退还一半");
        assert_eq!(h.letters().len(), 1);
        let link = h.link(&h.lead);
        h.decide(&h.lead, &id, "approve", None).expect(200);
        assert_eq!(h.the_one(&h.department), id);
        change("赔偿一百万");
        assert_eq!((h.waiting(&h.department).len(), h.the_one(&h.lead)), (0, id.clone()));
        let shown = h.show(&h.lead, &id);
        assert_eq!((&shown["step"], &shown["case"]["solution"]), (&json!(1), &json!("赔偿一百万")));
        assert!(shown["steps"][1]["seats"].as_array().unwrap().is_empty());
        assert!(shown["note"].as_str().unwrap().contains("方案已修改"), "{shown}");
        assert_ne!(h.link(&h.lead), link, "the link of before decides nothing any more");
        assert!(h.audit().iter().any(|(action, detail)| action == "review.begun_again" && detail["void"][0] == json!(h.lead.person)));
        h.decide(&h.lead, &id, "return", Some("远超权限")).expect(200);
        assert_eq!(h.show(&h.lead, &id)["state"], "returned");
        change("事后再改");
        assert_eq!(h.show(&h.lead, &id)["state"], "returned");
    });
}

const TABLE: &str = r#"
[[authority]]
key = "gift"
title = { zh = "礼品", en = "Gift" }
currency = "CNY"
[[authority.tier]]
up_to = "200"
alone = ["role:agent"]
step = [{ title = { zh = "班长", en = "Lead" }, who = ["team_lead"] }]
[[authority.tier]]
up_to = "1000"
step = [{ title = { zh = "经理", en = "Manager" }, who = ["role:manager"] }]
"#;

#[test]
fn h1_an_amount_asked_for_in_parts_is_still_that_amount() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("p", TABLE, false);
        let case = h.case("多收费");
        let ask = |case, amount: serde_json::Value| {
            let reply = h.t.post(&h.agent, "/api/v1/reviews", json!({ "authority": "gift", "case_id": case, "amount": amount, "reason": "安抚" }));
            h.t.drain();
            reply
        };
        // Exactly the limit is inside; odd amounts are refused with what would be right.
        assert_eq!(ask(case, json!(20_000)).expect(201)["state"], "approved");
        for odd in [json!(0), json!(-1), json!(1.5), json!("200"), json!(1e18), json!(1e30), json!(null)] {
            let reply = ask(case, odd.clone());
            assert_eq!((reply.status.as_u16(), reply.json()["error"]["field"].as_str()), (422, Some("amount")), "{odd}: {}", reply.text);
        }
        assert_eq!(ask(case, json!(i64::MAX)).code(), "review.beyond_table");
        // One cent more in the same case: not alone any more.
        let more = ask(case, json!(1)).expect(201);
        assert_eq!((&more["state"], &more["steps"][0]["title"]["zh"]), (&json!("open"), &json!("经理")));
        assert!(more["note"].as_str().unwrap().contains("200.01 CNY"), "{more}");
        h.decide(&h.manager, more["id"].as_str().unwrap(), "approve", None).expect(200);
        let beyond = ask(case, json!(80_000));
        assert_eq!((beyond.code().as_str(), beyond.json()["error"]["message"].as_str().unwrap().contains("200.01 CNY of it was granted")), ("review.beyond_table", true));
        // What was returned was not granted, and another case is another matter.
        let third = ask(case, json!(100)).expect(201);
        h.decide(&h.manager, third["id"].as_str().unwrap(), "return", Some("够了")).expect(200);
        assert!(ask(case, json!(79_999)).expect(201)["note"].as_str().unwrap().contains("1000.00 CNY"));
        assert_eq!(ask(h.case("另一件"), json!(20_000)).expect(201)["state"], "approved");
    });
}

#[test]
fn h1_who_is_late_with_a_write_up_does_not_act_at_once_again_before_it_is_written() {
    on_both(modules, |t| {
        let h = house(t);
        h.base();
        let act = || h.t.post(&h.agent, "/api/v1/reviews", json!({ "authority": "compensation", "amount": 500_000, "reason": "客户在现场", "emergency": true }));
        let first = act().expect(201)["id"].as_str().unwrap().to_owned();
        // Not late yet: two things may happen on one day.
        act().expect(201);
        h.t.advance(30 * 86_400);
        let refused = act();
        assert_eq!((refused.status.as_u16(), refused.code().as_str(), refused.json()["error"]["detail"]["review_id"].as_str()), (409, "review.write_up_owed", Some(first.as_str())));
        // An ordinary request goes on being possible.
        h.t.post(&h.agent, "/api/v1/reviews", json!({ "authority": "compensation", "amount": 100, "reason": "小额" })).expect(201);
    });
}

#[test]
fn a_limit_counts_by_the_calendar_its_flow_names() {
    on_both(modules, |t| {
        let h = house(t);
        let calendar_id: CalendarId = h.t.app.ids().next(h.t.app.clock());
        let saved = CalendarSaved { calendar_id, key: Some("night".into()), name: "夜班".into(), spec: json!({ "name": "夜班", "timezone": "Asia/Shanghai", "week": { "mon": ["20:00-22:00"], "tue": ["20:00-22:00"], "wed": ["20:00-22:00"] } }) };
        h.t.emit::<CalendarEvent>(Some(calendar_id.0), None, saved.into());
        let flow = |calendar: &str| json!({ "key": "late", "title": { "zh": "夜审", "en": "Late" }, "calendar": calendar, "step": [{ "title": { "zh": "审", "en": "Review" }, "who": ["team_lead"], "limit": "3h" }] });
        let wrong = h.t.post(&h.manager, "/api/v1/review-flows", json!({ "definition": flow("noon") }));
        assert_eq!((wrong.status.as_u16(), wrong.json()["error"]["field"].as_str(), wrong.json()["error"]["expected"].as_str()), (422, Some("definition.calendar"), Some("night")));
        h.t.post(&h.manager, "/api/v1/review-flows", json!({ "definition": flow("night") })).expect(201);
        let case = h.case("甲");
        h.wants(case, "late");
        // It is Monday, the second of March 2026: two hours this evening, one tomorrow.
        assert_eq!(h.show(&h.lead, &h.the_one(&h.lead))["due_at"], "2026-03-03T13:00:00Z");
        // A calendar that is gone leaves the working hours of reviews.
        h.t.emit::<CalendarEvent>(Some(calendar_id.0), None, CalendarRemoved { calendar_id }.into());
        let second = h.case("乙");
        h.wants(second, "late");
        assert!(h.waiting(&h.lead).iter().any(|r| r["due_at"] != "2026-03-03T13:00:00Z"));
    });
}

#[test]
fn a_solution_changed_after_its_last_approval_is_told_to_be_outdated_once_and_is_reviewed_again() {
    on_both(modules, |t| {
        let h = house(t);
        h.base();
        let case = h.case("多收费");
        h.wants(case, "single");
        let id = h.the_one(&h.lead);
        h.decide(&h.lead, &id, "approve", None).expect(200);
        h.stage(case, "reviewing", "informing");
        let outdated = |h: &House| h.told().into_iter().filter_map(|e| if let ReviewEvent::Outdated(o) = e { Some((o.review_id.to_string(), o.stage, o.by)) } else { None }).collect::<Vec<_>>();
        // The same words again are no change.
        h.t.emit::<CaseEvent>(Some(case), Some(h.access()), Edited { case_id: case, field: "fields.solution".into(), from: json!("退还全额并致歉"), to: json!("退还全额并致歉 ") }.into());
        assert_eq!(outdated(&h), []);
        h.solution(case, Some(&h.agent), "赔偿一百万");
        assert_eq!(outdated(&h), [(id.clone(), Some("reviewing".to_owned()), Some(h.agent.person))]);
        let shown = h.show(&h.lead, &id);
        assert_eq!(shown["state"], "approved", "what was decided was decided");
        assert!(shown["outdated_at"].is_string() && shown["note"].as_str().unwrap().contains("审核通过后又被修改"), "{shown}");
        h.solution(case, Some(&h.agent), "赔偿两百万");
        assert_eq!(outdated(&h).len(), 1, "once");
        // The case goes back to the review (casework's part): a review of its own, decided by somebody who did not write it.
        h.stage(case, "informing", "reviewing");
        h.wanted(case, "single");
        let second = h.the_one(&h.lead);
        assert_ne!(second, id);
        h.decide(&h.lead, &second, "approve", None).expect(200);
        h.solution(case, None, "由规则改写");
        assert_eq!(outdated(&h)[1..], [(second, Some("reviewing".to_owned()), None)]);
    });
}

#[test]
fn a_decision_on_another_solution_than_was_looked_at_is_refused_at_the_desk_and_on_the_page_of_the_letter() {
    on_both(modules, |t| {
        let h = house(t);
        let (case, id) = h.in_review("多收费");
        let about = h.show(&h.lead, &id)["about"].clone();
        let page = h.link(&h.lead);
        let look = || h.t.raw(shouwen_web::axum::http::Request::builder().uri(&page).body(shouwen_web::axum::body::Body::empty()).unwrap()).text;
        let form = format!("decision=approve&about={}", about.as_str().unwrap());
        assert!(look().contains(about.as_str().unwrap()), "the page gives it back");
        h.solution(case, Some(&h.agent), "赔偿一百万");
        let stale = h.t.post(&h.lead, &format!("/api/v1/reviews/{id}/decide"), json!({ "decision": "approve", "about": about }));
        assert_eq!((stale.status.as_u16(), stale.code().as_str()), (409, "review.solution_changed"));
        let sent = h.t.raw(shouwen_web::axum::http::Request::builder().method("POST").uri(&page).header("content-type", "application/x-www-form-urlencoded").body(shouwen_web::axum::body::Body::from(form)).unwrap());
        assert!(sent.text.contains("处理方案刚刚被修改") && sent.text.contains("赔偿一百万") && sent.text.contains("<form"), "{}", sent.text);
        assert_eq!(h.show(&h.lead, &id)["step"], 1);
        let now = h.show(&h.lead, &id)["about"].clone();
        h.t.post(&h.lead, &format!("/api/v1/reviews/{id}/decide"), json!({ "decision": "approve", "about": now })).expect(200);
    });
}

#[test]
fn a_flow_changed_or_taken_away_by_an_upgrade_leaves_open_steps_as_they_began() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("p", TWO_STEPS, false);
        let case = h.case("多收费");
        h.wants(case, "two");
        let id = h.the_one(&h.manager);
        // The upgrade asks others, and only once; then the flow is gone altogether.
        h.pack("p", "[[flow]]\nkey = \"two\"\ntitle = { zh = \"改了\", en = \"Changed\" }\nstep = [{ title = { zh = \"审\", en = \"Look\" }, who = [\"role:supervisor\"] }]\n", false);
        assert_eq!((h.show(&h.manager, &id)["of"].as_i64(), h.waiting(&h.lead).len()), (Some(2), 0));
        h.decide(&h.manager, &id, "approve", None).expect(200);
        h.pack("p", ONE_LEAD, false);
        let path = "/api/v1/review-flows/two";
        h.t.delete(&h.manager, path).expect(204);
        assert_eq!(h.show(&h.second_manager, &id)["step"], 2);
        assert_eq!(h.decide(&h.second_manager, &id, "approve", None).expect(200)["state"], "approved");
        let told: Vec<_> = h.told().into_iter().filter_map(|e| if let ReviewEvent::Approved(a) = e { Some((a.flow, a.stage)) } else { None }).collect();
        assert_eq!(told, [("two".to_owned(), Some("reviewing".to_owned()))], "the stage that asked hears of it, whatever its type names by now");
        // A role that an upgrade takes away with its holders: the step goes to who is left, and says so.
        h.pack("q", ONE_MANAGER, false);
        let other = h.ask("one", "另一件");
        for who in [&h.manager, &h.second_manager] {
            h.holds(who, &[], vec![]);
        }
        assert_eq!(h.the_one(&h.admin), other);
        assert!(h.show(&h.admin, &other)["steps"][0]["note"].as_str().unwrap().contains("角色 manager"));
    });
}
