//! Two approvals are those of two people, and nobody approves what is theirs: asked for, written, or their judgement.

mod house;

use house::*;
use serde_json::json;
use shouwen_contracts::casework::{CaseEvent, ReviewWanted};
use shouwen_contracts::reviews::ReviewEvent;
use shouwen_kernel::{Grant, Reach};
use shouwen_testkit::on_both;

#[test]
fn who_sits_in_a_joint_step_does_not_take_the_place_of_another_there_too() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("p", JOINT_MANAGERS, false);
        h.away(&h.second_manager, &h.manager, &[]);
        let id = h.ask("joint", "排班");
        let seen = h.show(&h.manager, &id);
        assert_eq!((seen["places"].as_array().unwrap().len(), seen["places"][0]["name"].as_str()), (1, Some("经理周")), "their own");
        assert!(seen["steps"][0]["seats"].as_array().unwrap().iter().all(|seat| seat["stand_ins"] == json!([])), "{seen}");
        assert_eq!(h.letters().iter().filter(|(wish, _)| wish.people == [h.manager.person]).count(), 1);
        // By name, before and after their own decision: refused, and told why.
        let for_other = |h: &House| h.t.post(&h.manager, &format!("/api/v1/reviews/{id}/decide"), json!({ "decision": "approve", "for_person": h.second_manager.person }));
        let refused = for_other(&h);
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "review.one_place"), "{}", refused.text);
        h.decide(&h.manager, &id, "approve", None).expect(200);
        let refused = for_other(&h);
        assert_eq!((refused.code().as_str(), refused.json()["error"]["detail"]["of"].as_str()), ("review.one_place", Some("经理吴")));
        assert_eq!(h.decide(&h.manager, &id, "approve", None).code(), "review.one_place");
        assert_eq!((h.show(&h.admin, &id)["state"].as_str(), h.waiting(&h.manager).len()), (Some("open"), 0));
        // Somebody else takes it: another stand-in, or whoever is away.
        h.away(&h.second_manager, &h.admin, &[]);
        assert_eq!(h.the_one(&h.admin), id);
        h.decide(&h.admin, &id, "approve", None).expect(200);
        assert_eq!(h.show(&h.admin, &id)["state"], "approved");
        assert_eq!(h.decide(&h.second_manager, &id, "approve", None).code(), "review.not_open");
    });
}

#[test]
fn who_stands_in_for_two_of_a_joint_step_decides_for_one_of_them() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("p", JOINT_MANAGERS, false);
        h.away(&h.manager, &h.stranger, &[]);
        h.away(&h.second_manager, &h.stranger, &[]);
        let id = h.ask("joint", "排班");
        assert_eq!(h.show(&h.stranger, &id)["places"].as_array().unwrap().len(), 2);
        let first = h.decide(&h.stranger, &id, "approve", None).expect(200);
        assert_eq!((first["state"].as_str(), first["places"].clone()), (Some("open"), json!([])));
        let again = h.decide(&h.stranger, &id, "approve", None);
        assert_eq!((again.status.as_u16(), again.code().as_str()), (409, "review.one_place"), "{}", again.text);
        // Whose place was taken hears it; the other decides.
        let taken = if first["steps"][0]["seats"][0]["decided_by"].is_object() { (&h.manager, &h.second_manager) } else { (&h.second_manager, &h.manager) };
        let told = h.decide(taken.0, &id, "approve", None);
        assert_eq!((told.code().as_str(), told.json()["error"]["detail"]["by"].as_str()), ("review.decided_for_you", Some("路人")));
        h.decide(taken.1, &id, "approve", None).expect(200);
        assert_eq!(h.show(&h.admin, &id)["state"], "approved");
    });
}

#[test]
fn who_approved_one_level_does_not_approve_the_next_in_the_place_of_its_holder() {
    on_both(modules, |t| {
        let h = house(t);
        let (_, id) = h.in_review("多收费");
        h.away(&h.department, &h.lead, &[]);
        h.decide(&h.lead, &id, "approve", None).expect(200);
        assert_eq!((h.show(&h.lead, &id)["step"].as_i64(), h.waiting(&h.lead).len()), (Some(2), 0));
        let refused = h.decide(&h.lead, &id, "approve", None);
        assert_eq!((refused.code().as_str(), refused.json()["error"]["detail"]["of"].as_str()), ("review.one_place", Some("部门陈总")), "{}", refused.text);
        h.decide(&h.department, &id, "approve", None).expect(200);
    });
}

#[test]
fn who_wrote_the_solution_does_not_approve_it_whoever_sent_it_in() {
    on_both(modules, |t| {
        let h = house(t);
        h.base();
        let case = h.case("多收费");
        // The lead writes it, the agent moves the case: the lead of the team does not decide on their own words.
        h.solution(case, Some(&h.lead), "退一赔三");
        h.wants(case, "solution");
        let id = h.the_one(&h.other_lead);
        assert_eq!(h.waiting(&h.lead).len(), 0);
        assert_eq!(h.decide(&h.lead, &id, "approve", None).code(), "review.own");
        // Nor as somebody's stand-in.
        h.away(&h.other_lead, &h.lead, &[]);
        assert_eq!((h.waiting(&h.lead).len(), h.decide(&h.lead, &id, "approve", None).code()), (0, "review.own".to_owned()));
        // Whoever sits there and writes it anew leaves the step to the others, and it is told.
        h.solution(case, Some(&h.other_lead), "退一赔二");
        assert_eq!((h.waiting(&h.other_lead).len(), h.decide(&h.other_lead, &id, "approve", None).code()), (0, "review.own".to_owned()));
        assert!(h.told().iter().any(|e| matches!(e, ReviewEvent::Released(r) if r.why == "author" && r.people == [h.other_lead.person])));
        assert_eq!(h.the_one(&h.admin), id, "nobody of the first level is left; the administrators stand in, and the step says so");
        assert!(h.show(&h.admin, &id)["steps"][0]["note"].as_str().unwrap().contains("没有可审核的"));
    });
}

#[test]
fn whose_judgement_is_reviewed_and_who_wrote_an_emergency_up_decide_nothing_in_it() {
    on_both(modules, |t| {
        let h = house(t);
        h.base();
        let case = h.case("上市前检查");
        h.stage(case, "handling", "reviewing");
        let at = h.t.app.clock().now();
        let wanted = ReviewWanted { case_id: case, flow: "single".into(), stage: "reviewing".into(), approved: "informing".into(), returned: "handling".into(), by: Some(h.agent.person), judged: vec![h.lead.person], at };
        h.t.emit::<CaseEvent>(Some(case), Some(h.access()), wanted.into());
        let id = h.the_one(&h.other_lead);
        assert_eq!(h.decide(&h.lead, &id, "approve", None).code(), "review.own");
        // An emergency: who asked first, who acted and who wrote it up are three who do not look at it afterwards.
        h.pack("p", ONE_MANAGER, false);
        let asked = h.t.post(&h.manager, "/api/v1/reviews", json!({ "flow": "one", "case_id": case, "reason": "停电" })).expect(201)["id"].as_str().unwrap().to_owned();
        h.t.drain();
        let second = hire(&h.t, "经理郑", &["manager"], ["case.read", "review.request", "review.read", "review.emergency", "review.manage"].iter().map(|p| Grant { permission: (*p).to_owned(), reach: Reach::Workspace }).collect(), None, vec![]);
        h.t.post(&h.manager, &format!("/api/v1/reviews/{asked}/emergency"), json!({ "reason": "等不及" })).expect(200);
        h.t.post(&h.second_manager, &format!("/api/v1/reviews/{asked}/write-up"), json!({ "text": "已恢复" })).expect(200);
        h.t.drain();
        for who in [&h.manager, &h.second_manager] {
            assert_eq!(h.decide(who, &asked, "approve", None).code(), "review.own");
        }
        h.decide(&second, &asked, "approve", None).expect(200);
    });
}

#[test]
fn a_stand_in_who_comes_in_the_middle_of_a_step_is_told_and_one_who_goes_hears_why_they_cannot_decide() {
    on_both(modules, |t| {
        let h = house(t);
        let (_, id) = h.in_review("多收费");
        let letters = |h: &House| h.letters().iter().filter(|(wish, _)| wish.people == [h.stranger.person]).count();
        let away = h.away(&h.lead, &h.stranger, &[]);
        assert_eq!((h.the_one(&h.stranger), letters(&h)), (id.clone(), 1), "what waited already is theirs too, and they hear of it");
        let told: Vec<_> = h.told().into_iter().filter_map(|e| if let ReviewEvent::StepOpened(s) = e { Some((s.added, s.people, s.waiting)) } else { None }).collect();
        assert_eq!(told[1..], [(true, vec![h.stranger.person], Some(vec![h.lead.person, h.stranger.person]))]);
        let link = h.link(&h.stranger);
        h.t.delete(&h.lead, &format!("/api/v1/review-delegations/{away}")).expect(200);
        h.t.drain();
        let refused = h.decide(&h.stranger, &id, "approve", None);
        assert_eq!((refused.status.as_u16(), refused.code().as_str(), refused.json()["error"]["detail"]["of"].as_str()), (403, "review.stand_in_over", Some("班长老李")), "{}", refused.text);
        let page = h.t.raw(shouwen_web::axum::http::Request::builder().uri(&link).body(shouwen_web::axum::body::Body::empty()).unwrap());
        assert!(page.text.contains("您的代审委托已经结束") && !page.text.contains("<form"), "{}", page.text);
        assert!(h.told().iter().any(|e| matches!(e, ReviewEvent::Released(r) if r.why == "delegation" && r.people == [h.stranger.person] && r.waiting == [h.lead.person])));
        // One that lies ahead begins by itself, and is over by itself.
        let now = h.t.app.clock().now();
        h.t.post(&h.lead, "/api/v1/review-delegations", json!({ "to": h.stranger.person, "from_at": now.plus_seconds(3600), "until_at": now.plus_seconds(7200) })).expect(201);
        assert_eq!(h.waiting(&h.stranger).len(), 0);
        h.t.advance(3601);
        assert_eq!((h.the_one(&h.stranger), letters(&h)), (id.clone(), 2));
        h.t.advance(3600);
        assert_eq!(h.decide(&h.stranger, &id, "approve", None).code(), "review.stand_in_over");
        assert_eq!(h.told().iter().filter(|e| matches!(e, ReviewEvent::Released(r) if r.why == "delegation")).count(), 2);
        assert_eq!(h.waiting(&h.stranger).len(), 0);
        h.decide(&h.lead, &id, "approve", None).expect(200);
    });
}
