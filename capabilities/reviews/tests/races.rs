//! Two at the same moment, on both databases: one outcome, each told in words what became of theirs, nothing twice.

mod house;

use std::sync::Barrier;

use house::*;
use serde_json::json;
use shouwen_contracts::reviews::ReviewEvent;
use shouwen_testkit::{Reply, on_both};
use shouwen_web::Viewer;
use shouwen_web::axum::body::Body;
use shouwen_web::axum::http::Request;

/// Rounds of each race: on PostgreSQL they really meet.
const ROUNDS: usize = 8;

/// Runs both at the same moment.
fn both<A: Send, B: Send>(first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B + Send) -> (A, B) {
    let barrier = Barrier::new(2);
    std::thread::scope(|scope| {
        let one = scope.spawn(|| {
            barrier.wait();
            first()
        });
        barrier.wait();
        let other = second();
        (one.join().expect("the first"), other)
    })
}

/// A decision at the desk; nothing is digested yet.
fn say(h: &House, who: &Viewer, id: &str, decision: &str, step: i64) -> Reply {
    h.t.post(who, &format!("/api/v1/reviews/{id}/decide"), json!({ "decision": decision, "reason": "看过", "step": step }))
}
fn form(h: &House, path: &str, form: &'static str) -> Reply {
    h.t.raw(Request::builder().method("POST").uri(path).header("content-type", "application/x-www-form-urlencoded").body(Body::from(form)).unwrap())
}

/// What the log tells of one review agrees with what it shows: one end at most and nothing after it, and as many
/// decisions as there are decided seats.
fn is_true(h: &House, id: &str) -> serde_json::Value {
    h.t.drain();
    let shown = h.show(&h.admin, id);
    let mut decided = 0;
    let mut ends: Vec<&str> = Vec::new();
    for event in h.told() {
        let (of, word) = match &event {
            ReviewEvent::Decided(d) => (d.review_id, "decided"),
            ReviewEvent::Approved(e) => (e.review_id, "approved"),
            ReviewEvent::Returned(e) => (e.review_id, "returned"),
            ReviewEvent::Withdrawn(e) => (e.review_id, "withdrawn"),
            ReviewEvent::BegunAgain(e) => (e.review_id, "again"),
            _ => continue,
        };
        if of.to_string() != id {
            continue;
        }
        match word {
            "again" => decided = 0,
            "decided" => {
                assert!(ends.is_empty(), "decided after its end: {shown}");
                decided += 1;
            }
            end => ends.push(end),
        }
    }
    let seats: usize = shown["steps"].as_array().unwrap().iter().flat_map(|s| s["seats"].as_array().unwrap()).filter(|seat| seat["state"] == "approved" || seat["state"] == "returned").count();
    assert_eq!(decided, seats, "{shown}");
    let state = shown["state"].as_str().unwrap();
    assert_eq!(ends, if state == "open" { vec![] } else { vec![state] }, "{shown}");
    shown
}

/// One of the two was too late, and is told who was faster.
fn one_was_late(replies: (&Reply, &Reply), names: (&str, &str)) {
    let (late, winner) = match (replies.0.status.as_u16(), replies.1.status.as_u16()) {
        (200, 409) => (replies.1, names.0),
        (409, 200) => (replies.0, names.1),
        other => panic!("{other:?}: {} {}", replies.0.text, replies.1.text),
    };
    assert_eq!((late.code().as_str(), late.json()["error"]["detail"]["by"].as_str()), ("review.not_open", Some(winner)), "{}", late.text);
}

#[test]
fn two_who_decide_one_step_at_once_have_one_outcome_and_the_later_is_told_who_was_faster() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("p", ONE_MANAGER, false);
        for round in 0..ROUNDS {
            let id = h.ask("one", &format!("第{round}件"));
            let other = if round % 2 == 0 { "approve" } else { "return" };
            let (a, b) = both(|| say(&h, &h.manager, &id, "approve", 1), || say(&h, &h.second_manager, &id, other, 1));
            one_was_late((&a, &b), ("经理周", "经理吴"));
            let shown = is_true(&h, &id);
            let expected = if a.status.as_u16() == 200 || other == "approve" { "approved" } else { "returned" };
            assert_eq!(shown["state"], expected);
        }
    });
}

#[test]
fn two_who_decide_a_step_with_another_after_it_do_not_decide_that_one_too() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("p", TWO_STEPS, false);
        for round in 0..ROUNDS {
            let id = h.ask("two", &format!("第{round}件"));
            let (a, b) = both(|| say(&h, &h.manager, &id, "approve", 1), || say(&h, &h.second_manager, &id, "approve", 1));
            let late = if a.status.as_u16() == 200 { &b } else { &a };
            assert_eq!((late.status.as_u16(), late.code().as_str()), (409, "review.moved_on"), "{}", late.text);
            assert!(late.json()["error"]["detail"]["by"].as_str().is_some_and(|name| name.starts_with("经理")), "{}", late.text);
            assert_eq!(is_true(&h, &id)["step"], 2);
        }
    });
}

#[test]
fn the_last_two_of_a_joint_step_both_count_and_it_ends_once() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("p", JOINT_MANAGERS, false);
        for round in 0..ROUNDS {
            let id = h.ask("joint", &format!("第{round}件"));
            let (a, b) = both(|| say(&h, &h.manager, &id, "approve", 1), || say(&h, &h.second_manager, &id, "approve", 1));
            assert_eq!((a.status.as_u16(), b.status.as_u16()), (200, 200), "{} {}", a.text, b.text);
            assert_eq!(is_true(&h, &id)["state"], "approved");
            // One approves, one returns: returned, and whoever came after the return hears it.
            let id = h.ask("joint", &format!("又第{round}件"));
            let (a, b) = both(|| say(&h, &h.manager, &id, "approve", 1), || say(&h, &h.second_manager, &id, "return", 1));
            assert_eq!(b.status.as_u16(), 200, "{}", b.text);
            if a.status.as_u16() != 200 {
                assert_eq!((a.code().as_str(), a.json()["error"]["detail"]["by"].as_str()), ("review.not_open", Some("经理吴")));
            }
            assert_eq!(is_true(&h, &id)["state"], "returned");
            // The same person twice: once.
            let id = h.ask("joint", &format!("再第{round}件"));
            let (a, b) = both(|| say(&h, &h.manager, &id, "approve", 1), || say(&h, &h.manager, &id, "approve", 1));
            let late = if a.status.as_u16() == 200 { &b } else { &a };
            assert_eq!((late.status.as_u16(), late.code().as_str()), (409, "review.decided_already"), "{}", late.text);
            assert_eq!(is_true(&h, &id)["state"], "open");
        }
    });
}

#[test]
fn a_link_sent_twice_and_a_link_beside_the_desk_decide_once() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("p", ONE_MANAGER, false);
        for round in 0..ROUNDS {
            let id = h.ask("one", &format!("第{round}件"));
            let link = h.link(&h.manager);
            let (a, b) = both(|| form(&h, &link, "decision=approve"), || form(&h, &link, if round % 2 == 0 { "decision=approve" } else { "decision=return&reason=x" }));
            let done = |reply: &Reply| reply.text.contains("已记录：");
            assert!(done(&a) != done(&b), "{} {}", a.text, b.text);
            let late = if done(&a) { &b } else { &a };
            assert!(late.text.contains("您已用这个链接作出决定") && !late.text.contains("<form"), "{}", late.text);
            is_true(&h, &id);
            let id = h.ask("one", &format!("又第{round}件"));
            let link = h.link(&h.manager);
            let (a, b) = both(|| form(&h, &link, "decision=approve"), || say(&h, &h.second_manager, &id, "return", 1));
            if done(&a) {
                assert_eq!((b.status.as_u16(), b.json()["error"]["detail"]["by"].as_str()), (409, Some("经理周")), "{}", b.text);
            } else {
                assert!(a.text.contains("已被退回") && a.text.contains("经理吴"), "{}", a.text);
                assert_eq!(b.status.as_u16(), 200);
            }
            is_true(&h, &id);
        }
    });
}

#[test]
fn taking_back_and_acting_at_once_meet_a_decision_and_one_of_them_counts() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("p", ONE_MANAGER, false);
        for round in 0..ROUNDS {
            let id = h.ask("one", &format!("第{round}件"));
            let (verb, body) = if round % 2 == 0 { ("withdraw", json!({ "reason": "不需要了" })) } else { ("emergency", json!({ "reason": "客户在现场" })) };
            let (a, b) = both(|| say(&h, &h.manager, &id, "approve", 1), || h.t.post(&h.agent, &format!("/api/v1/reviews/{id}/{verb}"), body));
            let codes = (a.status.as_u16(), b.status.as_u16());
            assert!(codes == (200, 409) || codes == (409, 200), "{} {}", a.text, b.text);
            let late = if codes.0 == 200 { &b } else { &a };
            let told = late.json()["error"].clone();
            assert_eq!(told["code"], "review.not_open", "{}", late.text);
            let state = if codes.0 == 200 { "approved" } else if verb == "withdraw" { "withdrawn" } else { "write_up" };
            assert_eq!((told["detail"]["state"].as_str(), h.show(&h.admin, &id)["state"].as_str()), (Some(state), Some(state)));
            if state != "write_up" {
                is_true(&h, &id);
            }
        }
    });
}

#[test]
fn a_request_sent_by_two_at_once_for_one_case_is_one() {
    on_both(modules, |t| {
        let h = house(t);
        h.base();
        for round in 0..ROUNDS {
            let case = h.case(&format!("第{round}件"));
            let ask = |who: &Viewer| h.t.post(who, "/api/v1/reviews", json!({ "authority": "compensation", "case_id": case, "amount": 90_000, "reason": "断网" }));
            let (a, b) = both(|| ask(&h.agent), || ask(&h.lead));
            let (done, late) = if a.status.as_u16() == 201 { (&a, &b) } else { (&b, &a) };
            assert_eq!((done.status.as_u16(), late.status.as_u16(), late.code().as_str()), (201, 409, "review.already_open"), "{} {}", a.text, b.text);
            assert_eq!(late.json()["error"]["detail"]["review_id"], done.json()["id"]);
        }
    });
}

#[test]
fn a_delegation_that_ends_while_the_stand_in_decides_is_before_or_after_it() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("p", ONE_LEAD, false);
        for round in 0..ROUNDS {
            let away = h.away(&h.lead, &h.stranger, &[]);
            let id = h.ask("lead", &format!("第{round}件"));
            let (a, b) = both(|| say(&h, &h.stranger, &id, "approve", 1), || h.t.delete(&h.lead, &format!("/api/v1/review-delegations/{away}")));
            assert_eq!(b.status.as_u16(), 200, "{}", b.text);
            if a.status.as_u16() == 200 {
                assert_eq!(is_true(&h, &id)["state"], "approved");
            } else {
                assert_eq!((a.status.as_u16(), a.code().as_str(), a.json()["error"]["detail"]["of"].as_str()), (403, "review.stand_in_over", Some("班长老李")), "{}", a.text);
                assert_eq!(is_true(&h, &id)["state"], "open");
                h.decide(&h.lead, &id, "approve", None).expect(200);
            }
            // The one who is away and the one who stands in, at once: one of them.
            let away = h.away(&h.lead, &h.stranger, &[]);
            let id = h.ask("lead", &format!("又第{round}件"));
            let (a, b) = both(|| say(&h, &h.stranger, &id, "return", 1), || say(&h, &h.lead, &id, "approve", 1));
            one_was_late((&a, &b), ("路人", "班长老李"));
            is_true(&h, &id);
            h.t.delete(&h.lead, &format!("/api/v1/review-delegations/{away}")).expect(200);
        }
    });
}

#[test]
fn people_who_leave_or_lose_the_role_while_others_decide_leave_one_outcome() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("p", JOINT_MANAGERS, false);
        for round in 0..ROUNDS {
            let id = h.ask("joint", &format!("第{round}件"));
            let left = round % 2 == 0;
            let (a, ()) = both(
                || say(&h, &h.manager, &id, "approve", 1),
                || if left { saved(&h.t, h.second_manager.person, "经理吴", false, None, vec![]) } else { h.holds(&h.second_manager, &[], vec![]) },
            );
            assert_eq!(a.status.as_u16(), 200, "{}", a.text);
            let shown = is_true(&h, &id);
            assert_eq!(shown["state"], "approved", "{shown}");
            assert_eq!(h.told().iter().filter(|e| matches!(e, ReviewEvent::Released(r) if r.review_id.to_string() == id && r.people == [h.second_manager.person])).count(), 1);
            // The one who goes says their word in the same moment: it counts or is refused with the reason.
            if left { saved(&h.t, h.second_manager.person, "经理吴", true, None, vec![]) } else { h.holds(&h.second_manager, &["manager"], h.second_manager.grants.clone()) }
            let id = h.ask("joint", &format!("又第{round}件"));
            let (a, ()) = both(|| say(&h, &h.second_manager, &id, "approve", 1), || h.holds(&h.second_manager, &[], vec![]));
            if a.status.as_u16() != 200 {
                assert_eq!(a.code(), "review.released", "{}", a.text);
            }
            h.decide(&h.manager, &id, "approve", None).expect(200);
            assert_eq!(is_true(&h, &id)["state"], "approved");
            h.holds(&h.second_manager, &["manager"], h.second_manager.grants.clone());
        }
    });
}

#[test]
fn a_solution_changed_in_the_moment_of_its_last_approval_never_passes_unseen() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("p", ONE_LEAD, false);
        for round in 0..ROUNDS {
            let case = h.case(&format!("第{round}件"));
            h.wants(case, "lead");
            let id = h.of_case(&h.lead, case);
            let (a, ()) = both(|| say(&h, &h.lead, &id, "approve", 1), || h.solution(case, Some(&h.agent), "赔偿一百万"));
            h.t.drain();
            assert_eq!(a.status.as_u16(), 200, "{}", a.text);
            let shown = h.show(&h.lead, &id);
            let told = h.told();
            let outdated = told.iter().any(|e| matches!(e, ReviewEvent::Outdated(o) if o.review_id.to_string() == id && o.by == Some(h.agent.person)));
            // Approved when the change was there to be seen, or told to be outdated: nothing third.
            assert_eq!((shown["state"].as_str(), outdated), (Some("approved"), shown["outdated_at"].is_string()), "{shown}");
            assert_eq!(shown["case"]["solution"], "赔偿一百万");
        }
    });
}

#[test]
fn a_limit_that_passes_while_somebody_decides_calls_in_nobody_for_what_is_over() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("p", LIMITED, false);
        for round in 0..ROUNDS {
            let id = h.ask("limited", &format!("第{round}件"));
            h.t.clock.advance(4 * 86_400);
            let (a, _) = both(|| say(&h, &h.manager, &id, "approve", 1), || h.t.fire_timers());
            assert_eq!(a.status.as_u16(), 200, "{}", a.text);
            h.t.fire_timers();
            assert_eq!(is_true(&h, &id)["state"], "approved");
            assert!(h.told().iter().filter(|e| matches!(e, ReviewEvent::Overdue(o) if o.review_id.to_string() == id)).count() <= 1);
            assert_eq!(h.waiting(&h.admin).len(), 0);
        }
    });
}
