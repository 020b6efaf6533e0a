//! Where rules meet their edges: triggers edited away, merged cases, machines that answer, reach of counts, words of reasons.

mod house;

use house::*;
use serde_json::{Value, json};
use shouwen_contracts::casework::{CaseEvent, Merged, MessageAdded, Opened};
use shouwen_contracts::service_levels::{Breached, ClockEvent, Met, Planned};
use shouwen_kernel::{Access, CaseId, ConversationId, CustomerId, Grant, MessageId, Reach, TeamId};
use shouwen_testkit::{TestApp, on_both};
use shouwen_web::Viewer;

fn firings(t: &TestApp, boss: &Viewer, rule: &Value) -> Vec<Value> {
    t.get(boss, &format!("/api/v1/rules/{}/firings?limit=200", rule["id"].as_str().unwrap())).expect(200)["items"].as_array().unwrap().clone()
}

fn make(t: &TestApp, boss: &Viewer, when: Value, condition: &str, then: Value, once_per: Option<&str>) -> Value {
    t.post(boss, "/api/v1/rules", json!({ "title": "r", "when": [when], "if": condition, "then": [then], "once_per": once_per })).expect(201)
}

fn tag(name: &str) -> Value {
    json!({ "do": "tag", "tags": [name] })
}

/// A letter in the log; `auto`: written by a machine.
fn letter(t: &TestApp, case_id: CaseId, auto: bool) -> CaseEvent {
    MessageAdded {
        case_id, conversation_id: ConversationId::NIL, message_id: MessageId(t.app.ids().uuid(t.app.clock().now())), direction: "in".into(), author_id: None, author_name: "李雷".into(), preview: String::new(),
        content: String::new(), at: t.app.clock().now(), auto, verified: true, mentions: vec![], files: vec![],
    }
    .into()
}

/// A case of a customer with its first letter, told in one commit as intake does.
fn arrive(t: &TestApp, customer: CustomerId, case_type: &str, team: Option<TeamId>, auto: bool) -> CaseId {
    let case_id: CaseId = t.app.ids().next(t.app.clock());
    let opened: CaseEvent = Opened {
        case_id, number: case_id.to_string(), case_type: case_type.into(), title: "来信".into(), priority: "normal".into(), stage: "accepted".into(), status: "open".into(), channel: "email".into(), inbox_id: None,
        customer_id: Some(customer), customer_name: None, region: None, tier: None, org_unit_id: None, team_id: team, assignee_id: None, accountable_id: None, tags: vec![], language: None, opened_at: t.app.clock().now(),
    }
    .into();
    let (ctx, message) = (t.system(), letter(t, case_id, auto));
    t.db.write_blocking(move |tx| {
        let access = Access { team, ..Access::default() };
        tx.emit::<CaseEvent>(&ctx, Some(case_id.0), Some(&access), opened.clone())?;
        tx.emit::<CaseEvent>(&ctx, Some(case_id.0), Some(&access), message.clone())
    })
    .unwrap();
    t.drain();
    case_id
}

#[test]
fn a_schedule_that_was_edited_away_does_not_strike_again() {
    on_both(modules, |t| {
        let boss = boss(&t);
        open(&t, "a", "normal", None);
        let rule = make(&t, &boss, json!({ "every": "1h" }), "status is open", tag("x"), None);
        t.put(&boss, &format!("/api/v1/rules/{}", rule["id"].as_str().unwrap()), json!({ "title": "r", "when": [{ "on": "case.closed" }], "if": "status is open", "then": [tag("x")], "version": rule["version"] })).expect(200);
        t.advance(7200);
        assert!(wishes(&t).is_empty(), "it waits for an event now");
    });
}

#[test]
fn that_a_case_went_into_another_starts_rules_and_nothing_after_it_does() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let merged = make(&t, &boss, json!({ "on": "case.merged" }), "always", json!({ "do": "notify", "to": ["owner"], "text": "{number}" }), None);
        let edited = make(&t, &boss, json!({ "on": "case.updated" }), "always", tag("x"), None);
        let (a, b) = (open(&t, "a", "normal", None), open(&t, "b", "normal", None));
        t.emit::<CaseEvent>(Some(a), None, Merged { case_id: a, into: b, conversations: vec![] }.into());
        edit(&t, a, "title", "after");
        let dry = |rule: &Value| t.post(&boss, &format!("/api/v1/rules/{}/dry-run", rule["id"].as_str().unwrap()), json!({})).expect(200)["fired"].as_i64();
        assert_eq!((firings(&t, &boss, &merged).len(), firings(&t, &boss, &edited).len()), (1, 0));
        assert_eq!((dry(&merged), dry(&edited)), (Some(1), Some(0)), "a dry run says the same");
    });
}

#[test]
fn cases_without_a_customer_are_not_one_customer() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let rule = make(&t, &boss, json!({ "on": "case.opened" }), "always", tag("x"), Some("customer"));
        for n in 0..3 {
            open(&t, &format!("{n}"), "normal", None);
        }
        assert_eq!(firings(&t, &boss, &rule).len(), 3);
    });
}

#[test]
fn a_field_that_casework_does_not_let_rules_write_is_refused_at_once() {
    on_both(modules, |t| {
        let boss = boss(&t);
        for field in ["region", "tier", "category", "org_unit"] {
            let refused = t.post(&boss, "/api/v1/rules", json!({ "title": "r", "when": [{ "on": "case.opened" }], "then": [{ "do": "set_field", "field": field, "value": "x" }] }));
            assert_eq!(refused.status, 422, "{field}: {}", refused.text);
        }
        for field in ["title", "fields.amount"] {
            t.post(&boss, "/api/v1/rules", json!({ "title": "r", "when": [{ "on": "case.opened" }], "then": [{ "do": "set_field", "field": field, "value": "x" }] })).expect(201);
        }
    });
}

#[test]
fn a_rule_writes_no_letter_to_a_machine_and_few_to_one_customer() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let rule = make(&t, &boss, json!({ "on": "case.opened" }), "channel is email", json!({ "do": "send_template", "template": "receipt" }), None);
        let [machine, person] = [0, 1].map(|_| t.app.ids().next::<CustomerId>(t.app.clock()));
        arrive(&t, machine, "request", None, true);
        let log = firings(&t, &boss, &rule);
        assert_eq!((log[0]["outcome"].as_str(), log[0]["actions"][0]["problem"]["code"].as_str()), (Some("refused"), Some("rule.automatic_mail")));
        assert!(wishes(&t).is_empty());
        // A machine that says of itself nothing: each answer of ours brings a new case.
        for _ in 0..9 {
            t.advance(60);
            arrive(&t, person, "request", None, false);
        }
        assert_eq!(wishes(&t).len(), 5);
        assert_eq!(firings(&t, &boss, &rule)[0]["outcome"], "storm");
        t.advance(3700);
        arrive(&t, person, "request", None, false);
        assert_eq!(wishes(&t).len(), 6, "an hour later it is a letter like any other");
    });
}

#[test]
fn counts_reach_no_further_than_the_owner_of_the_rule_may_read() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let [here, there] = [0, 1].map(|_| t.app.ids().next::<TeamId>(t.app.clock()));
        let customer: CustomerId = t.app.ids().next(t.app.clock());
        let lead = t.viewer("班长", ["rule.manage", "case.read", "case.edit", "case.note"].iter().map(|code| Grant { permission: (*code).into(), reach: Reach::Teams { teams: [here].into() } }).collect());
        let text = json!({ "do": "notify", "to": ["owner"], "text": "{customer.cases}" });
        let narrow = make(&t, &lead, json!({ "on": "case.opened" }), "customer.cases >= 2 or customer.complaints_30d >= 2", text.clone(), None);
        let wide = make(&t, &boss, json!({ "on": "case.opened" }), "customer.cases >= 2 or customer.complaints_30d >= 2", text, None);
        for team in [there, there, here] {
            arrive(&t, customer, "complaint", Some(team), false);
        }
        assert_eq!((firings(&t, &lead, &narrow).len(), firings(&t, &boss, &wide).len()), (0, 2));
        let dry = |who: &Viewer, rule: &Value| t.post(who, &format!("/api/v1/rules/{}/dry-run", rule["id"].as_str().unwrap()), json!({})).expect(200);
        let report = dry(&lead, &narrow);
        assert_eq!(report["fired"], 0);
        assert!(report["kept_by"].to_string().contains("customer.cases >= 2") && !report.to_string().contains('@'), "{report}");
        arrive(&t, customer, "complaint", Some(here), false);
        let log = firings(&t, &lead, &narrow);
        assert_eq!((log.len(), log[0]["because"][0]["fact"].as_i64()), (1, Some(2)));
        assert!(!log[0].to_string().contains('@'), "{}", log[0]);
        assert_eq!(log[0]["actions"][0]["action"]["text"], "2", "what it writes counts no further either");
    });
}

#[test]
fn a_dry_run_over_stays_counts_what_really_fired() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let rule = make(&t, &boss, json!({ "on": ["case.stage_entered", "case.updated"] }), "stage in handling, review", tag("x"), Some("case_stage"));
        let case = open(&t, "a", "normal", None);
        for to in ["handling", "review", "handling", "accepted", "handling"] {
            stage(&t, case, to);
            edit(&t, case, "title", to);
        }
        let fired = firings(&t, &boss, &rule).len();
        assert_eq!(fired, 4);
        assert_eq!(t.post(&boss, &format!("/api/v1/rules/{}/dry-run", rule["id"].as_str().unwrap()), json!({})).expect(200)["fired"], fired);
    });
}

#[test]
fn reasons_are_data_with_words_in_both_languages() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let rule = make(&t, &boss, json!({ "on": "case.opened" }), "priority is urgent and not tag contains vip", tag("x"), None);
        open(&t, "a", "urgent", None);
        let because = firings(&t, &boss, &rule)[0]["because"].clone();
        assert_eq!(because[0]["words"], json!({ "zh": "优先级 是 urgent", "en": "priority is urgent" }));
        assert_eq!(because[1]["words"], json!({ "zh": "非 标签 包含 vip", "en": "not tag contains vip" }));
        assert_eq!((because[0]["op"].as_str(), because[0]["value"].as_str(), because[0]["fact"].as_str()), (Some("eq"), Some("urgent"), Some("urgent")));
        assert_eq!(wishes(&t)[0].reason, "r: 优先级 是 urgent; 非 标签 包含 vip", "a Chinese house reads Chinese in the timeline");
        // The text of the editor has the labels too, and reads back.
        assert_eq!(rule["text_zh"], "优先级 是 urgent 且 非 标签 包含 vip");
        let checked = t.post(&boss, "/api/v1/rules/check", json!({ "title": "r", "when": [{ "on": "case.opened" }], "then": [tag("x")], "if": rule["text_zh"] })).expect(200);
        assert_eq!((checked["if"].clone(), checked["faults"].clone()), (rule["if"].clone(), json!([])));
    });
}

#[test]
fn a_time_ahead_that_has_passed_starts_nothing_and_dates_count_from_midnight() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let before = make(&t, &boss, json!({ "before": "1d", "of": "fields.visit" }), "status is open", tag("x"), None);
        let put = |title: &str, day: &str| {
            let case = open(&t, title, "normal", None);
            edit(&t, case, "fields.visit", day);
        };
        put("long ago", "2025-01-01");
        put("this morning", "2026-03-02");
        put("in two days", "2026-03-04");
        t.advance(60);
        assert_eq!(firings(&t, &boss, &before).len(), 0);
        // Midnight between the second and the third in Shanghai is a day ahead of the fourth.
        t.advance(15 * 3600 - 120);
        assert_eq!(firings(&t, &boss, &before).len(), 0);
        t.advance(120);
        assert_eq!(firings(&t, &boss, &before).len(), 1);
        // A rule made when all is over digs up nothing.
        t.advance(10 * 86_400);
        let late = make(&t, &boss, json!({ "before": "2d", "of": "fields.visit" }), "status is open", tag("x"), None);
        t.advance(60);
        assert_eq!(firings(&t, &boss, &late).len(), 0);
    });
}

#[test]
fn overdue_means_to_rules_what_it_means_to_lists() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let rule = make(&t, &boss, json!({ "on": "case.updated" }), "breached is true", tag("x"), None);
        let case = open(&t, "a", "normal", None);
        let now = || t.app.clock().now();
        let plan = |in_s: i64| t.emit::<ClockEvent>(Some(case), None, Planned { case_id: case, clock: "resolution".into(), target_s: 60, started_at: now(), due_at: Some(now().plus_seconds(in_s)), warn_at: None, paused: false, why: "x".into() }.into());
        plan(60);
        t.advance(61);
        t.emit::<ClockEvent>(Some(case), None, Breached { case_id: case, clock: "resolution".into(), due_at: now() }.into());
        edit(&t, case, "title", "late");
        assert_eq!(firings(&t, &boss, &rule).len(), 1);
        plan(600);
        edit(&t, case, "title", "there is time again");
        assert_eq!(firings(&t, &boss, &rule).len(), 1);
        plan(-30);
        edit(&t, case, "title", "back at a deadline that was told of: nobody tells it twice");
        assert_eq!(firings(&t, &boss, &rule).len(), 2);
        plan(600);
        t.advance(700);
        t.emit::<ClockEvent>(Some(case), None, Breached { case_id: case, clock: "resolution".into(), due_at: now() }.into());
        t.emit::<ClockEvent>(Some(case), None, Met { case_id: case, clock: "resolution".into(), at: now(), elapsed_s: 700, target_s: 600, breached: true }.into());
        edit(&t, case, "title", "done, if late");
        assert_eq!(firings(&t, &boss, &rule).len(), 2);
    });
}

#[test]
fn a_macro_shows_what_it_will_do_before_it_is_run() {
    on_both(modules, |t| {
        let boss = boss(&t);
        t.post(&boss, "/api/v1/macros", json!({ "key": "m", "title": "m", "then": [{ "do": "set_priority", "priority": "high" }, { "do": "add_note", "text": "{number} {title}" }, { "do": "notify", "to": ["owner"], "text": "x" }] })).expect(201);
        let case = open(&t, "退款", "normal", None);
        let then = t.get(&boss, &format!("/api/v1/cases/{case}/macros")).expect(200)[0]["then"].clone();
        assert_eq!((then[0]["priority"].as_str(), then[1]["text"].clone(), then[2]["to"][0].as_str()), (Some("high"), json!(format!("{case} 退款")), Some(format!("person:{}", boss.person).as_str())));
        assert!(wishes(&t).is_empty());
    });
}

#[test]
fn a_schedule_over_many_cases_that_is_walked_again_after_a_crash_fires_nothing_twice() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let cases: Vec<CaseId> = (0..450).map(|_| t.app.ids().next(t.app.clock())).collect();
        for chunk in cases.chunks(150) {
            let (ctx, chunk) = (t.system(), chunk.to_vec());
            t.db.write_blocking(move |tx| {
                chunk.iter().try_for_each(|case_id| {
                    let opened = Opened {
                        case_id: *case_id, number: case_id.to_string(), case_type: "request".into(), title: "a".into(), priority: "normal".into(), stage: "accepted".into(), status: "open".into(), channel: "email".into(),
                        inbox_id: None, customer_id: None, customer_name: None, region: None, tier: None, org_unit_id: None, team_id: None, assignee_id: None, accountable_id: None, tags: vec![], language: None, opened_at: tx.now(),
                    };
                    tx.emit::<CaseEvent>(&ctx, Some(case_id.0), None, opened)
                })
            })
            .unwrap();
        }
        t.drain();
        let rule = make(&t, &boss, json!({ "every": "1h" }), "status is open", tag("x"), None);
        t.advance(3600);
        assert_eq!(wishes(&t).len(), 450, "three pages, the next from where the last ended");
        // A server that died after its page was saved but before its timer was gone would begin anew: the marks know.
        let at = t.app.clock().now();
        let strike = t.db.read_blocking(move |tx| tx.all::<(String,)>("SELECT mark FROM rule_firing LIMIT 1", &[])).unwrap()[0].0.clone();
        let micros: i64 = strike[1..].split('-').next().unwrap().parse().unwrap();
        let (workspace, ticket) = (t.workspace, json!({ "rule": rule["id"], "trigger": 0, "at": shouwen_kernel::Time::from_micros(micros) }));
        t.db.write_blocking(move |tx| tx.set_timer(workspace, "rule.walk", "again", at, &ticket)).unwrap();
        t.fire_timers();
        t.drain();
        assert_eq!(wishes(&t).len(), 450);
    });
}
