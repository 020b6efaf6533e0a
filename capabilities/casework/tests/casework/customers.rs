//! A case made by hand: who joined is told of, and what the register answers is taken in, whatever happened meanwhile.

use serde_json::{Value as Json, json};
use shouwen_contracts::casework::{CaseEvent, ParticipantJoined};
use shouwen_contracts::customers::{CustomerEvent, Matched, Saved};
use shouwen_kernel::{CustomerId, Grant, OrgUnitId, Reach, TeamId};
use shouwen_testkit::on_both;
use shouwen_web::Viewer;

use crate::common::*;

fn joined(house: &House) -> Vec<ParticipantJoined> {
    house.case_events().into_iter().filter_map(|e| if let CaseEvent::ParticipantJoined(j) = e { Some(j) } else { None }).collect()
}

fn answer(house: &House, to: &ParticipantJoined, customer: CustomerId, name: &str) {
    for address in &to.addresses {
        let matched = Matched { case_id: to.case_id, conversation_id: to.conversation_id, participant_id: address.participant_id, customer_id: customer, name: name.into() };
        house.t.emit::<CustomerEvent>(Some(customer.0), None, matched.into());
    }
}

fn customer(house: &House) -> CustomerId {
    house.t.app.ids().next(house.t.app.clock())
}

#[test]
fn who_joins_by_hand_is_told_once_and_the_answer_names_the_case() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let made = house.t.post(&agent, "/api/v1/cases", json!({ "title": "来电", "inbox_id": house.inbox, "customer": { "name": "赵六", "email": "zhao@customer.example", "phone": "13800138000" } })).expect(201);
        house.t.drain();
        let case = made["case"]["id"].as_str().unwrap().to_owned();
        let told = joined(&house);
        assert_eq!(told.len(), 1, "one person, one event");
        assert_eq!(told[0].addresses.iter().map(|a| a.kind.as_str()).collect::<Vec<_>>(), ["email", "phone"]);
        assert_eq!((told[0].name.as_str(), told[0].inbox_id), ("赵六", Some(house.inbox)));
        assert!(told[0].addresses.iter().all(|a| !a.party.address.contains("zhao") && !a.party.address.contains("138")), "sealed");
        let access = house.t.recorded().into_iter().find(|e| e.kind == "case.participant_joined").unwrap().access().unwrap().unwrap();
        assert_eq!(access.team, Some(house.team));
        let (first, second) = (customer(&house), customer(&house));
        let before = house.show(&case)["version"].clone();
        answer(&house, &told[0], first, "赵六");
        answer(&house, &told[0], first, "赵六");
        let shown = house.show(&case);
        assert_eq!(shown["customer"], json!({ "id": first, "name": "赵六" }));
        assert_eq!(shown["version"], before, "nobody edited");
        answer(&house, &told[0], second, "别人");
        assert_eq!(house.show(&case)["customer"]["id"], json!(first), "the first answer stands");
        assert_eq!(house.case_events().iter().filter(|e| matches!(e, CaseEvent::CustomerSet(_))).count(), 1);
        let known: Vec<(Option<CustomerId>,)> = house.t.db.read_blocking(|tx| tx.all("SELECT customer_id FROM case_participant", shouwen_store::params![])).unwrap();
        assert_eq!(known, [(Some(first),), (Some(first),)]);
        assert!(house.timeline(&case).iter().all(|e| e["type"] != "case.participant_joined"));
    });
}

#[test]
fn an_answer_finds_the_case_the_conversation_went_to() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let make = |title: &str| house.t.post(&agent, "/api/v1/cases", json!({ "title": title, "inbox_id": house.inbox })).expect(201)["case"]["id"].as_str().unwrap().to_owned();
        let (from, into) = (make("甲"), make("乙"));
        house.t.post(&agent, &format!("/api/v1/cases/{from}/participants"), json!({ "name": "赵六", "phone": "13800138000" })).expect(201);
        house.t.post(&agent, &format!("/api/v1/cases/{from}/merge"), json!({ "into": into })).expect(200);
        house.t.drain();
        let who = customer(&house);
        answer(&house, &joined(&house)[0], who, "赵六");
        assert_eq!((house.show(&from)["customer"]["id"].clone(), house.show(&into)["customer"]["id"].clone()), (json!(who), json!(who)));
        // Who wrote meanwhile is the customer; a late answer changes nothing.
        let case = make("丙");
        house.t.post(&agent, &format!("/api/v1/cases/{case}/participants"), json!({ "name": "张", "email": "zhang@customer.example" })).expect(201);
        house.t.drain();
        let conversation = house.conversation(&case);
        house.mail(Mail { from: "zhang@customer.example", subject: "x", text: "y", token: Some(conversation), ..Mail::default() });
        let wrote = house.show(&case)["customer"]["id"].clone();
        assert!(wrote.is_string());
        answer(&house, &joined(&house)[1], who, "别人");
        assert_eq!(house.show(&case)["customer"]["id"], wrote);
    });
}

#[test]
fn a_customer_is_named_only_by_whoever_may_see_them() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (unit, far): (OrgUnitId, TeamId) = (house.unit, house.other_team);
        let with = |name: &str, reach: Reach| -> Viewer {
            let codes = ["case.read", "case.create", "customer.read"];
            let who = house.t.viewer(name, codes.iter().map(|code| Grant { permission: (*code).into(), reach: reach.clone() }).collect());
            house.know(&who, &[]);
            who
        };
        let (of_unit, of_far, whole) = (with("甲", Reach::OrgUnits { units: [unit].into() }), with("乙", Reach::Teams { teams: [far].into() }), with("丙", Reach::Workspace));
        let who = customer(&house);
        let saved = Saved { customer_id: who, name: "赵六".into(), language: None, region: None, tier: None, org_unit_id: Some(unit) };
        house.t.emit::<CustomerEvent>(Some(who.0), None, saved.into());
        let named = |viewer: &Viewer, team: TeamId| house.t.post(viewer, "/api/v1/cases", json!({ "title": "x", "team_id": team, "customer_id": who }));
        assert_eq!(named(&of_unit, house.team).expect(201)["case"]["customer"]["name"], "赵六");
        assert_eq!(named(&of_far, far).expect(422)["error"]["field"], "customer_id");
        named(&whole, far).expect(201);
        named(&of_far, far).expect(201);
        let blind = house.agent("无权");
        let refused = house.t.post(&blind, "/api/v1/cases", json!({ "title": "x", "customer_id": who })).expect(403);
        assert!(refused.to_string().contains("customer.read"));
    });
}

/// B19: what a colleague has written to a customer is not silently taken back.
#[test]
fn only_its_author_or_who_manages_the_outbox_takes_a_message_back() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (author, colleague) = (house.agent("王小明"), house.agent("李雷"));
        let mut manager = house.agent("主管");
        manager.grants.push(Grant { permission: "outbox.manage".into(), reach: Reach::Teams { teams: [house.team].into() } });
        let mut elsewhere = house.agent("外组主管");
        elsewhere.grants.push(Grant { permission: "outbox.manage".into(), reach: Reach::Teams { teams: [house.other_team].into() } });
        let case = house.case_of(house.mail(Mail { from: "zhang@customer.example", subject: "宽带断了", text: "不能上网", ..Mail::default() }));
        let sent = house.reply(&author, &case, "请重启光猫");
        let path = format!("/api/v1/messages/{}", sent["message"]["id"].as_str().unwrap());
        for other in [&colleague, &elsewhere] {
            let refused: Json = house.t.delete(other, &path).expect(403);
            assert_eq!((&refused["error"]["code"], &refused["error"]["detail"]["author"]["name"]), (&json!("message.not_yours"), &json!("王小明")));
            assert!(refused["error"]["message"].as_str().unwrap().contains("王小明"));
        }
        assert_eq!(house.messages(&case)[1]["state"], "queued", "it leaves as it was meant to");
        house.t.delete(&manager, &path).expect(200);
        let drafts = |who: &Viewer| house.t.get(who, &format!("/api/v1/cases/{case}/drafts")).expect(200);
        assert_eq!(drafts(&author)[0]["text"], "请重启光猫", "the words are the author's");
        assert_eq!(drafts(&manager), json!([]));
        let late = house.t.delete(&author, &path).expect(409);
        assert_eq!((&late["error"]["code"], &late["error"]["detail"]["by"]), (&json!("message.taken_back"), &json!("主管")));
        // A customer's message is nobody's to take back.
        let from_them = house.messages(&case)[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(house.t.delete(&colleague, &format!("/api/v1/messages/{from_them}")).expect(409)["error"]["code"], "message.too_late");
    });
}
