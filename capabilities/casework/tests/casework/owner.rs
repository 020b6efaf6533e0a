//! 首问责任: the first to take or answer a case is accountable, and stays so through every transfer.

use serde_json::json;
use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::routing::{Chosen, RoutingEvent};
use shouwen_testkit::on_both;

use crate::common::{House, Mail, modules};

fn first() -> Mail {
    Mail { from: "zhang@customer.example", subject: "账单不对", text: "多收了十元", wire_id: Some("a1@customer.example".into()), ..Mail::default() }
}

#[test]
fn the_first_to_answer_becomes_accountable_and_stays_through_transfers_until_handed_over_for_a_reason() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (a, b, c) = (house.agent("王小明"), house.agent("李雷"), house.agent("韩梅梅"));
        let case = house.case_of(house.mail(first()));
        let answered = house.reply(&a, &case, "收到");
        assert_eq!(answered["case"]["accountable"]["id"], a.person.to_string());
        assert_eq!(answered["case"]["assignee"]["id"], a.person.to_string());
        assert_eq!(answered["case"]["stage"], "handling");
        for next in [&b, &c] {
            let moved = house.t.put(&a, &format!("/api/v1/cases/{case}/assignment"), json!({ "person_id": next.person, "team_id": house.other_team, "reason": "转派" })).expect(200);
            assert_eq!(moved["case"]["assignee"]["id"], next.person.to_string());
            assert_eq!(moved["case"]["accountable"]["id"], a.person.to_string());
        }
        assert_eq!(house.show(&case)["org_unit"]["id"], house.other_unit.to_string(), "the case moved to where the team belongs");
        let path = format!("/api/v1/cases/{case}/accountability");
        assert_eq!(house.t.put(&a, &path, json!({ "person_id": b.person, "reason": " " })).status, 422);
        let handed = house.t.put(&a, &path, json!({ "person_id": b.person, "reason": "离职交接" })).expect(200);
        assert_eq!(handed["case"]["accountable"]["id"], b.person.to_string());
        let told: Vec<_> = house.case_events().into_iter().filter_map(|e| if let CaseEvent::Accountable(x) = e { Some((x.from, x.to, x.reason)) } else { None }).collect();
        assert_eq!(told, [(None, Some(a.person), "first to answer".to_owned()), (Some(a.person), Some(b.person), "离职交接".to_owned())]);
    });
}

#[test]
fn old_and_new_owner_hear_of_a_transfer_and_the_undo_request_takes_it_back() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (a, b) = (house.agent("王小明"), house.agent("李雷"));
        house.know(&a, &[house.team]);
        let case = house.case_of(house.mail(first()));
        house.t.put(&a, &format!("/api/v1/cases/{case}/assignment"), json!({ "person_id": a.person })).expect(200);
        let moved = house.t.put(&a, &format!("/api/v1/cases/{case}/assignment"), json!({ "person_id": b.person, "team_id": house.other_team })).expect(200);
        let told = house.t.recorded();
        let access = told.iter().rfind(|e| e.kind == "case.assigned").expect("the transfer is told").access().unwrap().unwrap();
        assert!(access.people.contains(&a.person) && access.people.contains(&b.person) && access.team == Some(house.other_team));
        let undo = &moved["undo"];
        let back = house.t.put(&a, undo["path"].as_str().unwrap(), undo["body"].clone()).expect(200);
        assert_eq!((&back["case"]["assignee"]["id"], &back["case"]["team"]["id"]), (&json!(a.person), &json!(house.team)));
    });
}

#[test]
fn routing_assigns_only_what_is_still_nobodys() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (a, b) = (house.agent("王小明"), house.agent("李雷"));
        let case = house.case_of(house.mail(first()));
        let choose = |person| {
            let id: shouwen_kernel::CaseId = case.parse().unwrap();
            house.t.emit::<RoutingEvent>(Some(id.0), None, Chosen { case_id: id, team_id: None, person_id: person, reason: "最空闲".into() }.into());
        };
        choose(a.person);
        let shown = house.show(&case);
        assert_eq!((&shown["assignee"]["name"], &shown["accountable"]["name"]), (&json!("王小明"), &json!("王小明")));
        choose(b.person);
        assert_eq!(house.show(&case)["assignee"]["name"], "王小明");
        assert!(house.case_events().iter().any(|e| matches!(e, CaseEvent::Assigned(x) if x.by == "routing" && x.reason == "最空闲")));
    });
}

#[test]
fn nobody_unknown_or_gone_can_be_given_work() {
    on_both(modules, |t| {
        let house = House::new(t);
        let stranger = house.t.person("路人", &[]);
        let case = house.case_of(house.mail(first()));
        let reply = house.t.put(&house.admin, &format!("/api/v1/cases/{case}/assignment"), json!({ "person_id": stranger.person }));
        assert_eq!((reply.status.as_u16(), reply.json()["error"]["field"].clone()), (422, json!("person_id")));
        assert_eq!(house.t.put(&house.admin, &format!("/api/v1/cases/{case}/assignment"), json!({})).status, 422);
        assert_eq!(house.t.put(&house.admin, &format!("/api/v1/cases/{case}/assignment"), json!({ "person": "x" })).json()["error"]["field"], "person");
    });
}

#[test]
fn a_case_goes_to_the_next_person_with_a_summary_of_what_they_must_know() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (a, b) = (house.agent("王小明"), house.agent("李雷"));
        let case = house.case_of(house.mail(first()));
        house.reply(&a, &case, "已为您登记，今天内答复");
        house.mail(Mail { subject: "Re: 账单不对", text: "还没有消息？", wire_id: Some("a2@customer.example".into()), references: vec!["a1@customer.example".into()], ..first() });
        let summary = house.t.get(&a, &format!("/api/v1/cases/{case}/summary")).expect(200)["text"].as_str().unwrap().to_owned();
        for told in ["事项：账单不对", "首问责任人：王小明", "客户最初说：多收了十元", "客户最近说：还没有消息？", "我方最近答复：已为您登记，今天内答复"] {
            assert!(summary.contains(told), "{told} is missing in\n{summary}");
        }
        assert!(!summary.contains("zhang@customer.example"), "no address in it:\n{summary}");
        let note = format!("{summary}\n下一步：明早十点前回电");
        let path = format!("/api/v1/cases/{case}/assignment");
        let moved = house.t.put(&a, &path, json!({ "person_id": b.person, "note": note })).expect(200);
        assert_eq!(moved["case"]["assignee"]["id"], b.person.to_string());
        let last = house.messages(&case).pop().expect("the note");
        assert_eq!((last["direction"].as_str(), last["text"].as_str().map(str::trim)), (Some("note"), Some(note.as_str())), "{last}");
        // Whoever may not write notes passes it on without one.
        let mover = house.t.person("调度", &["case.read", "case.assign"]);
        assert_eq!(house.t.put(&mover, &path, json!({ "person_id": a.person, "note": "x" })).status, 403);
        assert_eq!(house.show(&case)["assignee"]["id"], b.person.to_string(), "nothing is half done");
        // A stranger reads no summary.
        assert_eq!(house.t.get(&house.t.person("路人", &[]), &format!("/api/v1/cases/{case}/summary")).status, 403);
    });
}
