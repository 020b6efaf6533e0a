//! Rules from outside: by the API, by events, by time.

mod house;

use house::*;
use serde_json::{Value, json};
use shouwen_contracts::casework::{CaseEvent, Edited, Tagged, WishRefused};
use shouwen_contracts::identity::{IdentityEvent, PersonSaved, RightsChanged};
use shouwen_contracts::wish::ActionWish;
use shouwen_kernel::{Access, Grant, Reach};
use shouwen_store::{Ctx, params};
use shouwen_testkit::on_both;

fn tagging(key: &str, on: &str, condition: &str, tag: &str) -> Value {
    json!({ "key": key, "title": { "zh": key, "en": key }, "when": [{ "on": on }], "if": condition, "then": [{ "do": "tag", "tags": [tag] }] })
}

#[test]
fn a_rule_fires_once_for_an_event_and_says_why() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let rule = t.post(&boss, "/api/v1/rules", json!({
            "title": { "zh": "升级信号", "en": "Upgrade signals" }, "when": [{ "on": "case.opened" }],
            "if": "priority is urgent and title contains any \"12315\", \"媒体\"",
            "then": [{ "do": "tag", "tags": ["escalated"] }, { "do": "notify", "to": ["owner", "accountable"], "text": "{number}: {title}" }]
        })).expect(201);
        assert_eq!(rule["text"], "priority is urgent and title contains any \"12315\", \"媒体\"");
        assert_eq!(rule["owner"]["id"], json!(boss.person));
        open(&t, "普通来信", "urgent", None);
        let case = open(&t, "我要打 12315", "urgent", None);
        let wishes = wishes(&t);
        assert_eq!(wishes.len(), 2, "{wishes:?}");
        assert_eq!((wishes[0].case_id, wishes[0].action["do"].as_str()), (case, Some("tag")));
        assert_eq!(wishes[1].action["to"], json!([format!("person:{}", boss.person), "accountable"]));
        assert!(wishes[1].action["text"].as_str().unwrap().ends_with(": 我要打 12315"), "{}", wishes[1].action);
        assert!(wishes[0].reason.starts_with("升级信号: 优先级 是 urgent"), "{}", wishes[0].reason);
        assert_eq!(wishes[0].chain, [rule["key"].as_str().unwrap()]);
        let log = t.get(&boss, &format!("/api/v1/rules/{}/firings", rule["id"].as_str().unwrap())).expect(200);
        assert_eq!(log["items"].as_array().unwrap().len(), 1);
        let firing = &log["items"][0];
        assert_eq!((firing["case_id"].clone(), firing["outcome"].as_str(), firing["because"][0]["fact"].as_str()), (json!(case), Some("asked"), Some("urgent")));
        let shown = t.get(&boss, &format!("/api/v1/rules/{}", rule["id"].as_str().unwrap())).expect(200);
        assert_eq!(shown["fired"], 1);
        assert_eq!(t.get(&boss, &format!("/api/v1/rules/{}/days", rule["id"].as_str().unwrap())).expect(200), json!([{ "day": "2026-03-02", "fired": 1 }]));
    });
}

#[test]
fn tree_and_text_round_trip_and_faults_say_line_and_column() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let tree = json!({ "any": [{ "field": "priority", "op": "eq", "value": "urgent" }, { "all": [{ "field": "tag", "op": "contains", "value": "vip" }, { "field": "age", "op": "gt", "value": "2h" }] }] });
        let mut body = tagging("tree", "case.updated", "always", "x");
        body["if"] = tree.clone();
        let rule = t.post(&boss, "/api/v1/rules", body.clone()).expect(201);
        assert_eq!(rule["if"], tree);
        let mut text = body.clone();
        (text["if"], text["key"]) = (rule["text_zh"].clone(), json!("text"));
        assert_eq!(t.post(&boss, "/api/v1/rules", text).expect(201)["if"], tree, "the Chinese text reads back to the same tree");
        assert_eq!(t.post(&boss, "/api/v1/rules", body).code(), "rule.key_taken");

        let wrong = json!({ "key": "Wrong Key", "title": "x", "when": [{ "on": "case.opend" }], "if": "priority is urgent and\n  titel contains \"a\"", "then": [{ "do": "tagg" }], "then2": 1 });
        let refused = t.post(&boss, "/api/v1/rules", wrong.clone());
        assert_eq!(refused.status.as_u16(), 422);
        let faults = refused.json()["error"]["detail"]["faults"].clone();
        let at = |path: &str| faults.as_array().unwrap().iter().find(|fault| fault["path"] == path).unwrap_or_else(|| panic!("no fault at {path}: {faults}")).clone();
        assert_eq!((at("if")["line"].as_i64(), at("if")["column"].as_i64()), (Some(2), Some(3)), "{faults}");
        assert!(at("if")["right"].as_str().unwrap().contains("title"));
        for path in ["key", "when[0].on", "then[0].do", "then2"] {
            at(path);
        }
        let checked = t.post(&boss, "/api/v1/rules/check", wrong).expect(200);
        assert_eq!(checked["faults"], faults, "looking at it says the same");
        assert!(checked["text"].is_null());
        for body in [json!([]), json!({}), json!({ "title": "x", "owner": "person" }), json!({ "title": "x", "order": 3 }), json!({ "title": "x", "when": [{ "after": "2wd", "status": "open" }], "then": [{ "do": "tag", "tags": ["a"] }] })] {
            assert_eq!(t.post(&boss, "/api/v1/rules", body.clone()).status.as_u16(), 422, "{body}");
        }
        t.get(&t.person("坐席", &["case.read"]), "/api/v1/rules").expect(403);
        t.get(&boss, "/api/v1/rules/obj_00000000000000000000000000").expect(404);
        let stale = t.put(&boss, &format!("/api/v1/rules/{}", rule["id"].as_str().unwrap()), json!({ "title": "x", "when": [{ "on": "case.opened" }], "then": [{ "do": "tag", "tags": ["a"] }], "version": 99 }));
        assert_eq!((stale.status.as_u16(), stale.code().as_str()), (409, "version_conflict"));
    });
}

#[test]
fn order_and_stop_decide_who_is_asked() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let mut first = tagging("first", "case.opened", "always", "one");
        first["stop"] = json!(true);
        let first = t.post(&boss, "/api/v1/rules", first).expect(201);
        let second = t.post(&boss, "/api/v1/rules", tagging("second", "case.opened", "always", "two")).expect(201);
        open(&t, "a", "normal", None);
        assert_eq!(wishes(&t).len(), 1);
        t.put(&boss, "/api/v1/rules/order", json!({ "ids": [second["id"], first["id"]] })).expect(200);
        open(&t, "b", "normal", None);
        assert_eq!(wishes(&t).iter().map(|w| w.action["tags"][0].as_str().unwrap().to_owned()).collect::<Vec<_>>(), ["one", "two", "one"]);
        t.put(&boss, "/api/v1/rules/order", json!({ "ids": [second["id"]] })).expect(422);
        t.delete(&boss, &format!("/api/v1/rules/{}", second["id"].as_str().unwrap())).expect(204);
        open(&t, "c", "normal", None);
        assert_eq!(wishes(&t).len(), 4);
    });
}

/// Carries wishes out as casework does: the chain stands in the actor of what follows.
fn carry_out(t: &shouwen_testkit::TestApp, done: &mut usize) -> usize {
    let new: Vec<ActionWish> = wishes(t).split_off(*done);
    *done += new.len();
    for wish in &new {
        let ctx = Ctx::system(t.workspace, &shouwen_automation::actor_name(&wish.chain));
        let event: CaseEvent = match wish.action["do"].as_str().unwrap() {
            "tag" => Tagged { case_id: wish.case_id, added: serde_json::from_value(wish.action["tags"].clone()).unwrap(), removed: vec![] }.into(),
            _ => Edited { case_id: wish.case_id, field: "priority".into(), from: json!("normal"), to: wish.action["priority"].clone() }.into(),
        };
        let case = wish.case_id;
        t.db.write_blocking(move |tx| tx.emit::<CaseEvent>(&ctx, Some(case.0), None, event.clone())).unwrap();
    }
    t.drain();
    new.len()
}

#[test]
fn rules_that_start_each_other_come_to_rest_and_none_answers_itself() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let set = |key: &str, priority: &str| json!({ "key": key, "title": key, "when": [{ "on": "case.updated" }], "then": [{ "do": "set_priority", "priority": priority }] });
        let one = t.post(&boss, "/api/v1/rules", set("one", "high")).expect(201);
        let case = open(&t, "x", "normal", None);
        edit(&t, case, "title", "y");
        let mut done = 0;
        assert_eq!(carry_out(&t, &mut done), 1);
        assert_eq!(carry_out(&t, &mut done), 0, "its own change does not start it");
        let log = t.get(&boss, &format!("/api/v1/rules/{}/firings", one["id"].as_str().unwrap())).expect(200);
        assert_eq!(log["items"][0]["outcome"], "own_change");
        assert_eq!(log["items"][0]["chain"], json!(["one"]));

        // Two that answer each other; the editor warns of the ring.
        t.post(&boss, "/api/v1/rules", tagging("two", "case.updated", "priority is high", "seen")).expect(201);
        let three = t.post(&boss, "/api/v1/rules/check", json!({ "key": "three", "title": "3", "when": [{ "on": "case.tagged" }], "then": [{ "do": "set_priority", "priority": "high" }] })).expect(200);
        assert_eq!(three["faults"], json!([]));
        assert!(!three["cycles"].as_array().unwrap().is_empty(), "{three}");
        t.post(&boss, "/api/v1/rules", json!({ "key": "three", "title": "3", "when": [{ "on": "case.tagged" }], "then": [{ "do": "set_priority", "priority": "high" }] })).expect(201);
        edit(&t, case, "title", "z");
        let mut rounds = 0;
        while carry_out(&t, &mut done) > 0 {
            rounds += 1;
            assert!(rounds < 20, "the rules do not come to rest");
        }
        let longest = wishes(&t).iter().map(|wish| wish.chain.len()).max().unwrap();
        assert!((2..=8).contains(&longest), "{longest}");
    });
}

#[test]
fn a_rule_sees_no_more_than_its_owner_and_rests_when_the_owner_is_gone() {
    on_both(modules, |t| {
        let (north, south) = (t.app.ids().next(t.app.clock()), t.app.ids().next(t.app.clock()));
        let own = |teams: Vec<shouwen_kernel::TeamId>, codes: &[&str]| codes.iter().map(|code| Grant { permission: (*code).into(), reach: Reach::Teams { teams: teams.iter().copied().collect() } }).collect::<Vec<_>>();
        let lead = t.viewer("班长", own(vec![north], &["rule.manage", "case.read", "case.edit"]));
        let may_not = t.post(&lead, "/api/v1/rules", json!({ "title": "x", "when": [{ "on": "case.opened" }], "then": [{ "do": "assign", "routing": true }] }));
        assert_eq!(may_not.json()["error"]["field"], "then[0].do", "{}", may_not.text);
        let rule = t.post(&lead, "/api/v1/rules", tagging("mine", "case.opened", "always", "seen")).expect(201);
        let path = format!("/api/v1/rules/{}", rule["id"].as_str().unwrap());
        open(&t, "south", "normal", Some(south));
        assert!(wishes(&t).is_empty(), "a case of another team");
        open(&t, "north", "normal", Some(north));
        assert_eq!(wishes(&t).len(), 1);
        // The right to edit is taken: it sees, but does nothing.
        rights(&t, &lead, own(vec![north], &["case.read"]));
        open(&t, "north 2", "normal", Some(north));
        assert_eq!(wishes(&t).len(), 1);
        let log = t.get(&lead, &format!("{path}/firings")).expect(200);
        assert_eq!((log["items"][0]["outcome"].as_str(), log["items"][0]["actions"][0]["problem"]["code"].as_str()), (Some("refused"), Some("forbidden")));
        // The right to read is taken: it sees nothing.
        rights(&t, &lead, vec![]);
        open(&t, "north 3", "normal", Some(north));
        assert_eq!(t.get(&lead, &path).expect(200)["trouble"], "owner_blind");
        assert_eq!(t.get(&lead, &format!("{path}/firings")).expect(200)["items"].as_array().unwrap().len(), 2);
        // Nobody is told of a case they may not see, whatever role they hold.
        let boss = boss(&t);
        t.post(&boss, "/api/v1/rules", json!({ "key": "tell", "title": "tell", "when": [{ "on": "case.opened" }], "if": "priority is urgent", "then": [{ "do": "notify", "to": ["role:supervisor", "owner"], "text": "!" }] })).expect(201);
        rights(&t, &lead, own(vec![south], &["case.read"]));
        open(&t, "north", "urgent", Some(north));
        assert_eq!(wishes(&t).last().unwrap().action["to"], json!([format!("person:{}", boss.person)]));
        open(&t, "south", "urgent", Some(south));
        assert_eq!(wishes(&t).last().unwrap().action["to"], json!([format!("person:{}", lead.person), format!("person:{}", boss.person)]));
        let told = wishes(&t).len();
        // The owner moves to the south.
        rights(&t, &lead, own(vec![south], &["case.read", "case.edit"]));
        open(&t, "south 2", "normal", Some(south));
        assert_eq!(wishes(&t).len(), told + 1);
        // Who sees other cases sees the firing without them.
        let other = t.viewer("别人", own(vec![north], &["rule.manage", "case.read"]));
        let seen = t.get(&other, &format!("{path}/firings")).expect(200);
        assert_eq!((seen["items"][0]["hidden"].as_bool(), seen["items"][0]["case_id"].is_null(), seen["items"][2]["hidden"].as_bool()), (Some(true), true, Some(false)));
        // The owner is gone.
        t.emit::<IdentityEvent>(None::<shouwen_kernel::PersonId>, None, PersonSaved { person_id: lead.person, name: "班长".into(), active: false, org_unit_id: None, teams: vec![], skills: vec![], languages: vec![], capacity: 0, locale: "zh-CN".into(), time_zone: "Asia/Shanghai".into() }.into());
        let off = t.get(&lead, &path).expect(200);
        assert_eq!((off["enabled"].as_bool(), off["trouble"].as_str()), (Some(false), Some("owner_gone")));
        // Somebody else takes it over by saving it.
        let mut body = tagging("mine", "case.opened", "always", "seen");
        (body["version"], body["enabled"]) = (off["version"].clone(), json!(true));
        let taken = t.put(&boss, &path, body).expect(200);
        assert_eq!((taken["owner"]["id"].clone(), taken["trouble"].is_null()), (json!(boss.person), true));
        open(&t, "anywhere", "normal", None);
        assert_eq!(wishes(&t).len(), told + 2);
    });
}

fn rights(t: &shouwen_testkit::TestApp, viewer: &shouwen_web::Viewer, grants: Vec<Grant>) {
    t.emit::<IdentityEvent>(None::<shouwen_kernel::PersonId>, None, RightsChanged { person_id: viewer.person, grants: Some(grants), roles: Some(vec!["supervisor".into()]) }.into());
}

#[test]
fn the_log_read_again_fires_nothing_again_and_a_refused_wish_is_told() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let rule = t.post(&boss, "/api/v1/rules", tagging("again", "case.opened", "always", "x")).expect(201);
        open(&t, "a", "normal", None);
        open(&t, "b", "normal", None);
        let before = wishes(&t);
        assert_eq!(before.len(), 2);
        t.db.write_blocking(|tx| tx.execute("DELETE FROM subscription WHERE name = ?1", params!["automation.rules"])).unwrap();
        t.drain();
        assert_eq!(wishes(&t), before);
        t.emit::<CaseEvent>(Some(before[1].case_id), None, WishRefused { case_id: Some(before[1].case_id), source: before[1].source.clone(), reason: "r".into(), problem: json!({ "code": "case.closed", "message": "it is closed" }) }.into());
        let log = t.get(&boss, &format!("/api/v1/rules/{}/firings", rule["id"].as_str().unwrap())).expect(200);
        assert_eq!((log["items"][0]["outcome"].as_str(), log["items"][0]["actions"][0]["problem"]["code"].as_str()), (Some("refused"), Some("case.closed")));
        assert_eq!(log["items"][1]["outcome"], "asked");
        // A rule says nothing of what happened before it was there.
        t.post(&boss, "/api/v1/rules", tagging("late", "case.opened", "always", "y")).expect(201);
        t.db.write_blocking(|tx| tx.execute("DELETE FROM subscription WHERE name = ?1", params!["automation.rules"])).unwrap();
        t.clock.advance(5);
        t.drain();
        assert_eq!(wishes(&t).len(), 2);
    });
}

#[test]
fn once_per_and_history_hold() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let mut rule = tagging("once", "case.updated", "priority changed to urgent", "hot");
        rule["once_per"] = json!("case_day");
        t.post(&boss, "/api/v1/rules", rule).expect(201);
        let case = open(&t, "a", "normal", None);
        edit(&t, case, "title", "b");
        assert!(wishes(&t).is_empty());
        for _ in 0..3 {
            edit(&t, case, "priority", "urgent");
            edit(&t, case, "priority", "normal");
        }
        assert_eq!(wishes(&t).len(), 1);
        t.clock.advance(86_400);
        edit(&t, case, "priority", "urgent");
        assert_eq!(wishes(&t).len(), 2);
    });
}

#[test]
fn so_long_in_a_stage_and_every_morning() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let stuck = json!({ "key": "stuck", "title": "卡住", "when": [{ "after": "2h", "stage": "handling" }], "if": "priority is not low", "then": [{ "do": "notify", "to": ["team_lead"], "text": "{number}" }] });
        let old = open(&t, "old", "normal", None);
        stage(&t, old, "handling");
        t.clock.advance(600);
        t.post(&boss, "/api/v1/rules", stuck).expect(201);
        t.fire_timers();
        let (kept, left, low) = (open(&t, "kept", "normal", None), open(&t, "left", "normal", None), open(&t, "low", "low", None));
        for case in [kept, left, low] {
            stage(&t, case, "handling");
        }
        t.advance(3600);
        stage(&t, left, "accepted");
        assert!(wishes(&t).is_empty());
        t.advance(3000);
        assert_eq!(wishes(&t).iter().map(|w| w.case_id).collect::<Vec<_>>(), [old], "the one that stood there before the rule counts from its own start");
        t.advance(600);
        assert_eq!(wishes(&t).iter().map(|w| w.case_id).collect::<Vec<_>>(), [old, kept]);
        stage(&t, left, "handling");
        t.advance(7200);
        assert_eq!(wishes(&t).len(), 3, "a new stay counts anew");
        t.advance(7200);
        assert_eq!(wishes(&t).len(), 3);

        t.post(&boss, "/api/v1/rules", json!({ "key": "morning", "title": "晨检", "when": [{ "cron": "0 9 * * *" }], "if": "stage is accepted and age > 1h", "then": [{ "do": "tag", "tags": ["morning"] }], "once_per": "case_day" })).expect(201);
        let waiting = open(&t, "waiting", "normal", None);
        t.advance(86_400);
        let morning: Vec<_> = wishes(&t).into_iter().skip(3).collect();
        assert_eq!(morning.iter().map(|w| w.case_id).collect::<Vec<_>>(), [waiting]);
        t.advance(86_400);
        assert_eq!(wishes(&t).len(), 5);
    });
}

#[test]
fn a_dry_run_counts_what_would_have_fired_and_only_what_the_asker_sees() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let team = t.app.ids().next(t.app.clock());
        for n in 0..60 {
            let case = open(&t, &format!("来信 {n}"), if n % 3 == 0 { "urgent" } else { "normal" }, (n < 30).then_some(team));
            edit(&t, case, "title", "改过");
        }
        let rule = json!({ "title": "t", "when": [{ "on": ["case.opened", "case.updated"] }], "if": "priority is urgent", "then": [{ "do": "tag", "tags": ["x"] }] });
        let report = t.post(&boss, "/api/v1/rules/dry-run", json!({ "rule": rule })).expect(200);
        assert_eq!((report["cases"].as_i64(), report["events"].as_i64(), report["fired"].as_i64(), report["fired_cases"].as_i64(), report["complete"].as_bool()), (Some(60), Some(120), Some(40), Some(20), Some(true)), "{report}");
        assert_eq!(report["samples"].as_array().unwrap().len(), 10);
        assert_eq!(report["samples"][0]["because"][0]["text"], "priority is urgent");
        let mut once = rule.clone();
        once["once_per"] = json!("case");
        let report = t.post(&boss, "/api/v1/rules/dry-run", json!({ "rule": once })).expect(200);
        assert_eq!((report["fired"].as_i64(), report["used_up"].as_i64()), (Some(20), Some(20)));
        let lead = t.viewer("班长", ["rule.manage", "case.read", "case.edit"].iter().map(|code| Grant { permission: (*code).into(), reach: Reach::Teams { teams: [team].into() } }).collect());
        assert_eq!(t.post(&lead, "/api/v1/rules/dry-run", json!({ "rule": rule })).expect(200)["fired_cases"], 10);
        t.post(&boss, "/api/v1/rules/dry-run", json!({ "rule": { "title": "t" } })).expect(422);
        t.post(&boss, "/api/v1/rules/dry-run", json!({ "rule": rule, "from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z" })).expect(422);
        let none = t.post(&boss, "/api/v1/rules/dry-run", json!({ "rule": { "title": "t", "when": [{ "on": "case.opened" }], "if": "priority is low", "then": [{ "do": "tag", "tags": ["x"] }] } })).expect(200);
        assert_eq!(none["kept_by"][0], json!({ "zh": "优先级 是 low", "en": "priority is low", "count": 60 }));
        let saved = t.post(&boss, "/api/v1/rules", rule).expect(201);
        assert_eq!(t.post(&boss, &format!("/api/v1/rules/{}/dry-run", saved["id"].as_str().unwrap()), json!({})).expect(200)["fired"], 40);
        assert!(wishes(&t).is_empty(), "nothing was carried out");
    });
}

#[test]
fn two_hundred_rules_keep_up() {
    on_both(modules, |t| {
        let boss = boss(&t);
        for n in 0..200 {
            t.post(&boss, "/api/v1/rules", tagging(&format!("rule-{n}"), "case.updated", &format!("title contains \"词{n}。\" or (priority is urgent and tag contains \"t{n}\")"), "x")).expect(201);
        }
        let case = open(&t, "a", "normal", None);
        let began = std::time::Instant::now();
        for n in 0..100 {
            let (ctx, title) = (t.system(), format!("提到词{n}。的标题"));
            t.db.write_blocking(move |tx| tx.emit::<CaseEvent>(&ctx, Some(case.0), Some(&Access::default()), Edited { case_id: case, field: "title".into(), from: json!("a"), to: json!(title) })).unwrap();
        }
        t.drain();
        eprintln!("100 events × 200 rules: {:?} on {:?}", began.elapsed(), t.engine());
        assert_eq!(wishes(&t).len(), 100, "one rule each");
    });
}

#[test]
fn something_outside_that_goes_in_circles_is_held_back() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let rule = t.post(&boss, "/api/v1/rules", tagging("storm", "case.updated", "title changed", "x")).expect(201);
        let case = open(&t, "a", "normal", None);
        for n in 0..30 {
            edit(&t, case, "title", &format!("t{n}"));
        }
        assert_eq!(wishes(&t).len(), 20);
        let log = t.get(&boss, &format!("/api/v1/rules/{}/firings?limit=1", rule["id"].as_str().unwrap())).expect(200);
        assert_eq!(log["items"][0]["outcome"], "storm");
        let next = t.get(&boss, &format!("/api/v1/rules/{}/firings?limit=1&after={}", rule["id"].as_str().unwrap(), log["next"].as_str().unwrap())).expect(200);
        assert_ne!(next["items"][0]["id"], log["items"][0]["id"]);
        t.clock.advance(3600);
        edit(&t, case, "title", "later");
        assert_eq!(wishes(&t).len(), 21, "an hour later it may again");
        t.clock.advance((shouwen_automation::KEEP_DAYS + 1) * 86_400);
        t.db.write_blocking(|tx| shouwen_automation::sweep(tx)).unwrap();
        assert_eq!(t.get(&boss, &format!("/api/v1/rules/{}/firings", rule["id"].as_str().unwrap())).expect(200)["items"], json!([]));
    });
}

#[test]
fn answers_compare_as_amounts_leads_are_people_and_reviews_are_events() {
    use shouwen_contracts::casework::{CaseTypeEvent, TypeSaved};
    use shouwen_contracts::reviews::{Approved, Requested, ReviewEvent};
    use shouwen_kernel::{ReviewId, TeamId};
    on_both(modules, |t| {
        let boss = boss(&t);
        let edit = |_: &shouwen_testkit::TestApp, case_id: shouwen_kernel::CaseId, field: &str, to: Value| t.emit::<CaseEvent>(Some(case_id), None, Edited { case_id, field: field.into(), from: json!(null), to }.into());
        let team = TeamId(t.app.ids().uuid(t.app.clock().now()));
        let form = json!({ "key": "f", "title": { "zh": "f", "en": "f" }, "section": [{ "key": "a", "title": { "zh": "a", "en": "a" }, "field": [
            { "key": "amount", "type": "money", "label": { "zh": "金额", "en": "Amount" } },
            { "key": "where", "type": "tree_choice", "label": { "zh": "类别", "en": "Kind" }, "option": [{ "key": "network", "label": { "zh": "网", "en": "N" }, "option": [{ "key": "slow", "label": { "zh": "慢", "en": "S" } }] }] },
        ] }] });
        let saved = TypeSaved { key: "request".into(), version: 1, pack: None, title_zh: "诉求".into(), title_en: "Request".into(), stages: vec![], form: Some(form) };
        t.emit::<CaseTypeEvent>(None::<shouwen_kernel::PersonId>, None, saved.into());
        t.post(&boss, "/api/v1/rules", tagging("costly", "case.updated", "fields.amount > 500", "costly")).expect(201);
        t.post(&boss, "/api/v1/rules", tagging("slow", "case.updated", "fields.where is \"network/slow\"", "slow")).expect(201);
        t.post(&boss, "/api/v1/rules", tagging("approved", "case.approved", "always", "paid")).expect(201);
        let case = open(&t, "a", "normal", Some(team));
        edit(&t, case, "fields.amount", json!({ "minor": 49_999, "currency": "CNY" }));
        assert!(wishes(&t).is_empty(), "499.99 is not more than 500");
        edit(&t, case, "fields.amount", json!({ "minor": 50_001, "currency": "CNY" }));
        edit(&t, case, "fields.amount", json!({ "minor": 1, "currency": "CNY" }));
        edit(&t, case, "fields.where", json!(["network", "slow"]));
        let tags: Vec<Value> = wishes(&t).into_iter().map(|w| w.action["tags"][0].clone()).collect();
        assert_eq!(tags, [json!("costly"), json!("slow")]);
        let review = ReviewId(t.app.ids().uuid(t.app.clock().now()));
        let at = t.app.clock().now();
        t.emit::<ReviewEvent>(Some(case), None, Requested { review_id: review, flow: "money".into(), kind: "approval".into(), case_id: Some(case), title: "赔付".into(), amount: Some(1), currency: None, emergency: false, by: None, at }.into());
        t.emit::<ReviewEvent>(Some(case), None, Approved { review_id: review, case_id: Some(case), flow: "money".into(), stage: None, reason: None, at }.into());
        assert_eq!(wishes(&t).len(), 3);
        // Whoever may name the accountable person of the team leads it.
        let of_team = |permission: &str| Grant { permission: permission.into(), reach: shouwen_kernel::Reach::Teams { teams: [team].into() } };
        let lead = t.viewer("班长", vec![]);
        rights(&t, &lead, vec![of_team("case.read"), of_team("case.accountability")]);
        let mut rule = tagging("tell", "case.opened", "always", "x");
        rule["then"] = json!([{ "do": "notify", "to": ["team_lead"], "text": "新工单" }]);
        t.post(&boss, "/api/v1/rules", rule).expect(201);
        open(&t, "b", "normal", Some(team));
        let told = wishes(&t).into_iter().rfind(|w| w.action["do"] == "notify").unwrap();
        assert_eq!(told.action["to"], json!([format!("person:{}", lead.person)]));
    });
}
