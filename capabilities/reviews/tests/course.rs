//! How reviews go: steps, joint steps, return, delegation, limits, emergencies, people who leave.

mod house;

use house::*;
use serde_json::json;
use shouwen_contracts::reviews::ReviewEvent;
use shouwen_testkit::on_both;

#[test]
fn b5_three_levels_decide_one_after_the_other_and_then_the_case_may_go_on() {
    on_both(modules, |t| {
        let h = house(t);
        let (case, id) = h.in_review("宽带多收费");
        let seen = h.show(&h.lead, &id);
        assert_eq!((seen["step"].as_i64(), seen["of"].as_i64(), seen["case"]["solution"].as_str(), seen["requester"]["name"].as_str()), (Some(1), Some(3), Some("退还全额并致歉"), Some("坐席小王")));
        assert_eq!((h.waiting(&h.department).len(), h.waiting(&h.other_lead).len(), h.waiting(&h.manager).len()), (0, 0, 0), "each in their turn, and only the lead of the team");
        assert_eq!(h.decide(&h.department, &id, "approve", None).status.as_u16(), 404, "not yet theirs to know");
        h.decide(&h.lead, &id, "approve", Some("同意")).expect(200);
        let step = h.show(&h.department, &id);
        assert_eq!((step["step"].as_i64(), step["case"]["may_open"].as_bool(), step["case"]["number"].as_str()), (Some(2), Some(false), Some("2026-000001")), "as much of the case as the decision needs");
        h.decide(&h.department, &id, "approve", None).expect(200);
        assert_eq!((h.waiting(&h.manager).len(), h.waiting(&h.second_manager).len()), (1, 1));
        let done = h.decide(&h.second_manager, &id, "approve", None).expect(200);
        assert_eq!((done["state"].as_str(), done["steps"][2]["seats"].as_array().unwrap().len()), (Some("approved"), 2));
        assert_eq!(h.waiting(&h.manager).len(), 0, "one of them was enough");
        let approved: Vec<_> = h.told().into_iter().filter_map(|e| if let ReviewEvent::Approved(a) = e { Some((a.case_id, a.flow)) } else { None }).collect();
        assert_eq!(approved, [(Some(case), "solution".to_owned())]);
        assert_eq!(h.decide(&h.manager, &id, "approve", None).code(), "review.not_open");
        assert_eq!(h.t.get(&h.lead, "/api/v1/reviews?show=decided").expect(200)["items"].as_array().unwrap().len(), 1);
        assert_eq!(h.audit().iter().filter(|(action, _)| action == "review.decided").count(), 3);
    });
}

#[test]
fn b5_a_return_needs_a_reason_and_sends_the_case_back_with_it() {
    on_both(modules, |t| {
        let h = house(t);
        let (case, id) = h.in_review("多收费");
        assert_eq!(h.decide(&h.lead, &id, "return", Some("  ")).json()["error"]["field"], "reason");
        let back = h.decide(&h.lead, &id, "return", Some("金额没有依据")).expect(200);
        assert_eq!((back["state"].as_str(), back["end_reason"].as_str()), (Some("returned"), Some("金额没有依据")));
        let told: Vec<_> = h.told().into_iter().filter_map(|e| if let ReviewEvent::Returned(r) = e { Some((r.case_id, r.flow, r.step, r.reason)) } else { None }).collect();
        assert_eq!(told, [(Some(case), "solution".to_owned(), 1, Some("金额没有依据".to_owned()))]);
        // Moved back and in again: a new review, and the old one stays as it was.
        h.stage(case, "reviewing", "handling");
        h.wants(case, "solution");
        assert_ne!(h.the_one(&h.lead), id);
    });
}

const JOINT: &str = r#"
[[flow]]
key = "joint"
title = { zh = "会签", en = "Joint" }
emergency = { write_up = "24h", late = ["administrators"] }
[[flow.step]]
title = { zh = "会签", en = "Joint" }
who = ["role:manager", "department_lead"]
mode = "all"
limit = "8h"
late = ["administrators"]
"#;

#[test]
fn b5_a_joint_step_needs_everybody_and_is_settled_by_whoever_is_called_in_when_late() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("joint", JOINT, false);
        let ask = |reason: &str| h.t.post(&h.lead, "/api/v1/reviews", json!({ "flow": "joint", "reason": reason })).expect(201)["id"].as_str().unwrap().to_owned();
        let id = ask("调整排班");
        h.t.drain();
        for who in [&h.manager, &h.department] {
            assert_eq!(h.decide(who, &id, "approve", None).expect(200)["state"], "open");
        }
        assert_eq!(h.decide(&h.manager, &id, "approve", None).code(), "review.decided_already");
        assert_eq!(h.decide(&h.second_manager, &id, "approve", None).expect(200)["state"], "approved");
        // Another one: late after eight working hours, that is on Monday at 17:00; told once.
        let late = ask("第二件");
        h.t.advance(8 * 3600 - 60);
        assert!(!h.kinds().contains(&"review.overdue".to_owned()));
        h.t.advance(120);
        h.t.advance(86_400);
        let overdue: Vec<_> = h.told().into_iter().filter_map(|e| if let ReviewEvent::Overdue(o) = e { Some((o.what, o.step, o.people.len())) } else { None }).collect();
        assert_eq!(overdue, [("step".to_owned(), 1, 3)], "once");
        assert_eq!(h.show(&h.manager, &late)["late"], true);
        assert_eq!(h.decide(&h.admin, &late, "approve", Some("代为决定")).expect(200)["state"], "approved", "whoever was called in settles it");
    });
}

#[test]
fn h1_an_amount_goes_to_its_tier_and_small_ones_within_ones_own_authority_need_nobody() {
    on_both(modules, |t| {
        let h = house(t);
        h.base();
        let case = h.case("赔偿");
        let ask = |who, minor: i64| h.t.post(who, "/api/v1/reviews", json!({ "authority": "compensation", "case_id": case, "amount": minor, "reason": "断网三天" }));
        let small = ask(&h.agent, 20_000).expect(201);
        assert_eq!((small["state"].as_str(), small["of"].as_i64(), small["waiting_for"][0]["name"].as_str()), (Some("open"), Some(1), Some("班长老李")));
        assert_eq!(ask(&h.agent, 30_000).code(), "review.already_open");
        h.decide(&h.lead, small["id"].as_str().unwrap(), "approve", None).expect(200);
        assert_eq!(ask(&h.agent, 20_001).expect(201)["of"], 2, "a cent above the tier needs the manager too");
        // A lead within their own authority grants it, and the audit says so; above it they ask like anybody else, and never themselves.
        let other = h.case("另一件");
        let alone = h.t.post(&h.lead, "/api/v1/reviews", json!({ "authority": "compensation", "case_id": other, "amount": 20_000, "reason": "小额" })).expect(201);
        assert_eq!(alone["state"], "approved");
        assert!(h.audit().iter().any(|(action, _)| action == "review.within_authority"));
        let above = h.t.post(&h.lead, "/api/v1/reviews", json!({ "authority": "compensation", "case_id": other, "amount": 100_000, "reason": "大额" })).expect(201);
        assert_eq!((above["state"].as_str(), above["waiting_for"][0]["name"].as_str(), above["can"].as_array().unwrap().contains(&json!("decide"))), (Some("open"), Some("班长老赵"), false), "another supervisor, not whoever asks");
        assert_eq!(h.decide(&h.lead, above["id"].as_str().unwrap(), "approve", None).code(), "review.own");
        for (body, field) in [(json!({ "authority": "compensation", "reason": "x" }), "amount"), (json!({ "authority": "nothing", "amount": 1, "reason": "x" }), "authority"), (json!({ "flow": "solution", "amount": 5, "reason": "x" }), "amount"), (json!({ "reason": "x" }), "authority"), (json!({ "authority": "compensation", "amount": 5, "reason": " " }), "reason")] {
            let refused = h.t.post(&h.agent, "/api/v1/reviews", body);
            assert_eq!((refused.status.as_u16(), refused.json()["error"]["field"].as_str()), (422, Some(field)), "{}", refused.text);
        }
    });
}

#[test]
fn h1_an_emergency_takes_effect_at_once_its_late_write_up_is_told_once_and_it_is_reviewed_afterwards() {
    on_both(modules, |t| {
        let h = house(t);
        h.base();
        let case = h.case("紧急减免");
        let ask = |who| h.t.post(who, "/api/v1/reviews", json!({ "authority": "compensation", "case_id": case, "amount": 900_000, "reason": "客户在现场", "emergency": true }));
        let weak = h.t.viewer("无权", h.agent.grants.iter().filter(|g| g.permission != "review.emergency").cloned().collect());
        assert_eq!(ask(&weak).status.as_u16(), 403);
        let made = ask(&h.agent).expect(201);
        h.t.drain();
        let id = made["id"].as_str().unwrap().to_owned();
        assert_eq!((made["state"].as_str(), made["emergency"].as_bool(), made["can"].clone()), (Some("write_up"), Some(true), json!(["write_up"])));
        let effect: Vec<_> = h.told().into_iter().filter_map(|e| if let ReviewEvent::Approved(a) = e { Some(a.case_id) } else { None }).collect();
        assert_eq!(effect, [Some(case)], "in force before anybody decided");
        assert_eq!(h.t.post(&h.agent, &format!("/api/v1/reviews/{id}/withdraw"), json!({})).code(), "review.in_force");
        assert_eq!(h.t.get(&h.agent, "/api/v1/reviews/counts").expect(200)["write_ups"], 1);
        h.t.advance(24 * 3600 + 1);
        h.t.advance(3 * 86_400);
        let late: Vec<_> = h.told().into_iter().filter_map(|e| if let ReviewEvent::Overdue(o) = e { Some((o.what, o.people.contains(&h.agent.person), o.people.contains(&h.manager.person))) } else { None }).collect();
        assert_eq!(late, [("write_up".to_owned(), true, true)]);
        let path = format!("/api/v1/reviews/{id}/write-up");
        assert_eq!(h.t.post(&h.agent, &path, json!({ "text": " " })).status.as_u16(), 422);
        let written = h.t.post(&h.agent, &path, json!({ "text": "客户在营业厅，情绪激动，先行减免。" })).expect(200);
        h.t.drain();
        assert_eq!((written["state"].as_str(), written["step"].as_i64(), written["write_up"]["late"].as_bool()), (Some("open"), Some(1), Some(true)));
        assert_eq!(h.t.post(&h.agent, &path, json!({ "text": "again" })).code(), "review.not_open");
        // What is found afterwards moves no case any more.
        let back = h.decide(&h.manager, &id, "return", Some("不构成紧急")).expect(200);
        assert_eq!(back["state"], "returned");
        let returned: Vec<_> = h.told().into_iter().filter_map(|e| if let ReviewEvent::Returned(r) = e { Some(r.case_id) } else { None }).collect();
        assert_eq!(returned, [None]);
    });
}

#[test]
fn b5_an_emergency_lets_a_waiting_case_go_on_and_its_review_begins_anew_once_written_up() {
    on_both(modules, |t| {
        let h = house(t);
        let (case, id) = h.in_review("停电");
        h.decide(&h.lead, &id, "approve", None).expect(200);
        let path = format!("/api/v1/reviews/{id}/emergency");
        assert_eq!(h.t.post(&h.agent, &path, json!({})).json()["error"]["field"], "reason");
        h.t.post(&h.agent, &path, json!({ "reason": "医院停电" })).expect(200);
        h.t.drain();
        assert_eq!(h.waiting(&h.department).len(), 0, "nobody is asked until it is written up");
        h.stage(case, "reviewing", "informing");
        assert_eq!(h.show(&h.agent, &id)["state"], "write_up", "going on takes no emergency back");
        h.t.post(&h.agent, &format!("/api/v1/reviews/{id}/write-up"), json!({ "text": "已恢复供电" })).expect(200);
        h.t.drain();
        assert_eq!(h.the_one(&h.lead), id);
        // The case comes back into review: a review of its own, beside the one of the emergency.
        h.wants(case, "solution");
        assert_eq!(h.waiting(&h.lead).len(), 2);
    });
}

#[test]
fn a_case_that_leaves_the_stage_takes_its_review_back_and_no_hand_takes_it_back_otherwise() {
    on_both(modules, |t| {
        let h = house(t);
        h.base();
        let case = h.case("多收费");
        h.wants(case, "solution");
        // The same event again opens nothing more.
        h.wanted(case, "solution");
        let id = h.the_one(&h.lead);
        assert_eq!(h.t.post(&h.agent, &format!("/api/v1/reviews/{id}/withdraw"), json!({})).code(), "review.of_stage");
        let approval = h.t.post(&h.agent, "/api/v1/reviews", json!({ "authority": "waiver", "case_id": case, "amount": 100, "reason": "减免" })).expect(201)["id"].as_str().unwrap().to_owned();
        h.stage(case, "reviewing", "handling");
        let seen = h.show(&h.agent, &id);
        assert_eq!((seen["state"].as_str(), seen["end_reason"].as_str()), (Some("withdrawn"), Some("the case went on to another stage")));
        assert_eq!(h.show(&h.agent, &approval)["state"], "open", "an approval is not of the stage");
        h.t.post(&h.lead, &format!("/api/v1/reviews/{approval}/withdraw"), json!({})).expect(403);
        h.t.post(&h.agent, &format!("/api/v1/reviews/{approval}/withdraw"), json!({ "reason": "不需要了" })).expect(200);
        assert_eq!(h.kinds().iter().filter(|k| *k == "review.withdrawn").count(), 2);
    });
}

#[test]
fn a_flow_that_does_not_exist_approves_nothing_and_leaves_nobody_waiting() {
    on_both(modules, |t| {
        let h = house(t);
        // No flow at all: the administrators decide, and the audit says why.
        let case = h.case("甲");
        h.wants(case, "unknown");
        let id = h.the_one(&h.admin);
        let seen = h.show(&h.admin, &id);
        assert_eq!((seen["state"].as_str(), seen["flow"].as_str()), (Some("open"), Some("unknown")));
        assert!(seen["note"].as_str().unwrap().contains("没有审核流程 unknown"));
        assert!(h.audit().iter().any(|(action, detail)| action == "review.flow_missing" && detail["flow"] == "unknown"));
        h.decide(&h.admin, &id, "approve", None).expect(200);
        let flows: Vec<_> = h.told().into_iter().filter_map(|e| if let ReviewEvent::Approved(a) = e { Some(a.flow) } else { None }).collect();
        assert_eq!(flows, ["unknown"], "the case hears of the flow it asked for");
        // With a flow for solutions, that one is followed.
        h.base();
        let other = h.case("乙");
        h.wants(other, "unknown");
        assert_eq!(h.show(&h.lead, &h.the_one(&h.lead))["of"], 3);
    });
}

#[test]
fn when_nobody_can_decide_others_step_in_or_it_is_refused_by_name_and_never_waits_in_silence() {
    on_both(modules, |t| {
        let h = house(t);
        let flow = |nobody: &str| format!("[[flow]]\nkey = \"legal\"\ntitle = {{ zh = \"法务\", en = \"Legal\" }}\nnobody = \"{nobody}\"\n[[flow.step]]\ntitle = {{ zh = \"一\", en = \"One\" }}\nwho = [\"role:manager\"]\n[[flow.step]]\ntitle = {{ zh = \"二\", en = \"Two\" }}\nwho = [\"role:lawyer\"]\n");
        h.pack("p", &flow("refuse"), false);
        let refused = h.t.post(&h.agent, "/api/v1/reviews", json!({ "flow": "legal", "reason": "合同" }));
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "review.nobody"));
        assert!(refused.text.contains("role lawyer"), "{}", refused.text);
        assert_eq!(refused.json()["error"]["detail"]["step"], 2, "seen before anybody is troubled");
        assert!(h.kinds().is_empty());
        // A stage cannot be refused: the case gets it back with the reason.
        let case = h.case("合同");
        h.wants(case, "legal");
        let id = h.the_one(&h.manager);
        let back = h.decide(&h.manager, &id, "approve", None).expect(200);
        assert_eq!(back["state"], "returned");
        assert!(back["end_reason"].as_str().unwrap().contains("角色 lawyer"));
        // The administrators step in where the flow lets them, with the reason.
        h.pack("p", &flow("administrators"), true);
        let asked = h.t.post(&h.agent, "/api/v1/reviews", json!({ "flow": "legal", "reason": "合同二" })).expect(201)["id"].as_str().unwrap().to_owned();
        h.decide(&h.manager, &asked, "approve", None).expect(200);
        let seen = h.show(&h.admin, &asked);
        assert_eq!((seen["steps"][1]["seats"][0]["origin"].as_str(), seen["step"].as_i64()), (Some("administrator"), Some(2)));
        assert!(seen["steps"][1]["note"].as_str().unwrap().contains("角色 lawyer"));
        assert!(h.audit().iter().any(|(action, _)| action == "review.fell_to"));
    });
}

#[test]
fn who_leaves_the_house_blocks_no_step() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("joint", JOINT, false);
        let id = h.t.post(&h.lead, "/api/v1/reviews", json!({ "flow": "joint", "reason": "排班" })).expect(201)["id"].as_str().unwrap().to_owned();
        h.decide(&h.manager, &id, "approve", None).expect(200);
        h.decide(&h.department, &id, "approve", None).expect(200);
        saved(&h.t, h.second_manager.person, "经理吴", false, None, vec![]);
        assert_eq!(h.show(&h.lead, &id)["state"], "approved", "the last one it waited for is gone");
        // The only lead goes: the step is opened anew for whoever is there.
        h.base();
        let case = h.case("甲");
        h.wants(case, "solution");
        let other = h.the_one(&h.lead);
        saved(&h.t, h.lead.person, "班长老李", false, None, vec![]);
        assert_eq!(h.the_one(&h.other_lead), other);
        // Whoever loses the role is no longer asked either; who keeps it stays.
        h.holds(&h.other_lead, &["supervisor"], vec![]);
        assert_eq!(h.the_one(&h.other_lead), other);
        h.holds(&h.other_lead, &["agent"], vec![]);
        assert_eq!((h.waiting(&h.other_lead).len(), h.the_one(&h.admin)), (0, other));
    });
}
