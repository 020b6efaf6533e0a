//! The same condition as a list of the desk (SQL over its rows) and as the `if` of a macro (in memory, over the facts of
//! rules): after the same events they name the same cases. Hundreds of cases, on both databases.

mod random;

use std::collections::BTreeSet;

use random::Random;
use serde_json::{Value, json};
use shouwen_contracts::casework::{Assigned, CaseEvent, Closed, Edited, MessageAdded, Opened, Reopened, StageChanged, Tagged};
use shouwen_contracts::service_levels::{Breached, ClockEvent, Met, Planned};
use shouwen_kernel::{Access, CaseId, ConversationId, CustomerId, MessageId, PersonId, TeamId, Time};
use shouwen_testkit::{TestApp, on_both};
use shouwen_web::{Module, Viewer};

fn modules() -> Vec<Module> {
    vec![shouwen_automation::module(), shouwen_desk::module()]
}

const CASES: usize = 400;
const CONDITIONS: usize = 60;

const TITLES: [&str; 7] = ["退款 100%", "宽带_断网", "MÜLLER straße", "Привет", "it's \"odd\" \\ so", "refund", "Refund 12315"];
const PRIORITIES: [&str; 4] = ["low", "normal", "high", "urgent"];
const TAGS: [&str; 4] = ["vip", "VIP", "退款", "a%"];
const STATUSES: [&str; 3] = ["open", "waiting", "resolved"];

struct World {
    teams: Vec<TeamId>,
    people: Vec<PersonId>,
    customers: Vec<CustomerId>,
}

/// The life of a case, as events.
fn life(random: &mut Random, world: &World, case_id: CaseId, n: usize, start: Time) -> Vec<(CaseEvent, Option<ClockEvent>)> {
    let at = start.plus_seconds(-60 * random.below(20_000) as i64);
    let message = |random: &mut Random, at: Time| MessageAdded {
        case_id, conversation_id: ConversationId::NIL, message_id: MessageId(uuid::Uuid::from_u128((n as u128) << 32 | random.below(1 << 30) as u128)), direction: random.of(&["in", "out", "note"]).into(), author_id: None,
        author_name: "…".into(), preview: String::new(), content: String::new(), at, auto: random.below(5) == 0, verified: true, mentions: vec![], files: vec![],
    };
    let status = "open".to_owned();
    let tags: BTreeSet<String> = (0..random.below(3)).map(|_| random.of(&TAGS).to_owned()).collect();
    let mut out: Vec<(CaseEvent, Option<ClockEvent>)> = vec![(
        Opened {
            case_id, number: format!("2026-{n:06}"), case_type: random.of(&["request", "complaint"]).into(), title: random.of(&TITLES).into(), priority: random.of(&PRIORITIES).into(), stage: "accepted".into(), status,
            channel: random.of(&["email", "phone"]).into(), inbox_id: None, customer_id: random.maybe(&world.customers), customer_name: None, region: random.maybe(&["华东".to_owned(), "north".to_owned()]),
            tier: random.maybe(&["5".to_owned(), "gold".to_owned()]), org_unit_id: None, team_id: random.maybe(&world.teams), assignee_id: random.maybe(&world.people), accountable_id: random.maybe(&world.people),
            tags: tags.into_iter().collect(), language: random.maybe(&["zh".to_owned(), "en".to_owned()]), opened_at: at,
        }
        .into(),
        None,
    )];
    let mut now = "open".to_owned();
    for _ in 0..random.below(6) {
        let event: CaseEvent = match random.below(9) {
            0 | 1 => message(random, at.plus_seconds(60)).into(),
            2 => Edited { case_id, field: "title".into(), from: Value::Null, to: json!(random.of(&TITLES)) }.into(),
            3 => Edited { case_id, field: "priority".into(), from: Value::Null, to: json!(random.of(&PRIORITIES)) }.into(),
            4 => Tagged { case_id, added: vec![random.of(&TAGS).into()], removed: vec![] }.into(),
            5 => Tagged { case_id, added: vec![], removed: vec![random.of(&TAGS).into()] }.into(),
            6 => Assigned { case_id, from_person: None, to_person: random.maybe(&world.people), from_team: None, to_team: random.maybe(&world.teams), org_unit_id: None, reason: String::new(), by: "person".into() }.into(),
            7 if now != "closed" => {
                let to = random.of(&STATUSES).to_owned();
                let from = std::mem::replace(&mut now, to.clone());
                StageChanged { case_id, from: "accepted".into(), to: "handling".into(), from_status: from, to_status: to, reason: None, at: start }.into()
            }
            _ if now == "closed" => {
                now = "open".into();
                Reopened { case_id, reason: "…".into(), at: start }.into()
            }
            _ => {
                now = "closed".into();
                Closed { case_id, resolution: "solved".into(), text: None, by: None, at: start, conversation_id: None, ask: false }.into()
            }
        };
        let due = start.plus_seconds(3600 * (random.below(40) as i64 - 20));
        let clock = match random.below(5) {
            0 => Some(Planned { case_id, clock: "resolution".into(), target_s: 60, started_at: at, due_at: random.maybe(&[due]), warn_at: None, paused: false, why: "opened".into() }.into()),
            1 => Some(Planned { case_id, clock: "first_response".into(), target_s: 60, started_at: at, due_at: Some(due), warn_at: None, paused: false, why: "opened".into() }.into()),
            2 => Some(Breached { case_id, clock: "resolution".into(), due_at: start }.into()),
            3 => Some(Met { case_id, clock: "resolution".into(), at: start, elapsed_s: 1, target_s: 60, breached: false }.into()),
            _ => None,
        };
        out.push((event, clock));
    }
    out
}

fn condition(random: &mut Random, world: &World, start: Time, depth: usize) -> Value {
    match random.below(if depth > 2 { 5 } else { 8 }) {
        5 => json!({ "all": (0..1 + random.below(3)).map(|_| condition(random, world, start, depth + 1)).collect::<Vec<_>>() }),
        6 => json!({ "any": (0..1 + random.below(3)).map(|_| condition(random, world, start, depth + 1)).collect::<Vec<_>>() }),
        7 => json!({ "not": condition(random, world, start, depth + 1) }),
        _ => {
            let texts: [(&str, Vec<String>); 8] = [
                ("title", TITLES.iter().chain(&["ü", "прив", "100%", "_", "\\", "'"]).map(ToString::to_string).collect()), ("priority", PRIORITIES.map(Into::into).to_vec()), ("status", vec!["open".into(), "waiting".into(), "closed".into()]),
                ("channel", vec!["email".into(), "mail".into()]), ("region", vec!["华东".into(), "NORTH".into()]), ("tier", vec!["5".into(), "gold".into()]), ("stage", vec!["accepted".into(), "handling".into()]), ("number", vec!["2026-0000".into(), "2026-000007".into()]),
            ];
            let ids: [(&str, Vec<String>); 3] = [
                ("assignee", world.people.iter().map(ToString::to_string).collect()), ("team", world.teams.iter().map(ToString::to_string).collect()), ("customer", world.customers.iter().map(ToString::to_string).collect()),
            ];
            let at = || json!(start);
            match random.below(6) {
                0 | 1 => {
                    let (field, values) = random.of(&texts);
                    match random.of(&["eq", "ne", "in", "not_in", "contains", "contains_any", "contains_all", "starts_with", "empty", "not_empty"]) {
                        op @ ("in" | "not_in" | "contains_any" | "contains_all") => json!({ "field": field, "op": op, "value": [random.of(&values), random.of(&values)] }),
                        op @ ("empty" | "not_empty") => json!({ "field": field, "op": op }),
                        op => json!({ "field": field, "op": op, "value": random.of(&values) }),
                    }
                }
                2 => {
                    let (field, values) = random.of(&ids);
                    match random.of(&["eq", "ne", "in", "not_in", "empty", "not_empty"]) {
                        op @ ("in" | "not_in") => json!({ "field": field, "op": op, "value": [random.of(&values)] }),
                        op @ ("empty" | "not_empty") => json!({ "field": field, "op": op }),
                        op => json!({ "field": field, "op": op, "value": random.of(&values) }),
                    }
                }
                3 => match random.of(&["contains", "contains_any", "contains_all", "in", "not_in", "empty", "not_empty"]) {
                    "contains" => json!({ "field": "tag", "op": "contains", "value": random.of(&TAGS) }),
                    op @ ("empty" | "not_empty") => json!({ "field": "tag", "op": op }),
                    op => json!({ "field": "tag", "op": op, "value": [random.of(&TAGS), random.of(&TAGS)] }),
                },
                4 => {
                    let field = random.of(&["opened_at", "last_in_at", "closed_at", "due_at"]);
                    match random.of(&["lt", "ge", "within_last", "within_next", "older_than", "empty", "not_empty"]) {
                        op @ ("lt" | "ge") => json!({ "field": field, "op": op, "value": at() }),
                        op @ ("empty" | "not_empty") => json!({ "field": field, "op": op }),
                        op => json!({ "field": field, "op": op, "value": random.of(&["5h", "3d"]) }),
                    }
                }
                _ => match random.below(2) {
                    0 => json!({ "field": "messages", "op": random.of(&["eq", "gt", "le"]), "value": random.below(3) }),
                    _ => json!({ "field": "breached", "op": "eq", "value": random.below(2) == 0 }),
                },
            }
        }
    }
}

fn listed(t: &TestApp, boss: &Viewer, filter: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut after = String::new();
    let encoded: String = filter.to_string().bytes().map(|b| if b.is_ascii_alphanumeric() { (b as char).to_string() } else { format!("%{b:02X}") }).collect();
    loop {
        let page = t.get(boss, &format!("/api/v1/desk/cases?filter={encoded}&limit=200{after}")).expect(200);
        found.extend(page["items"].as_array().unwrap().iter().map(|row| row["case_id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return found,
        }
    }
}

#[test]
fn a_list_and_a_macro_with_the_same_condition_name_the_same_cases() {
    on_both(modules, |t| {
        let boss = t.person("主管", &["rule.manage", "case.read", "case.edit"]);
        let mut random = Random(7);
        let next = || t.app.ids().uuid(t.app.clock().now());
        let world = World { teams: (0..2).map(|_| TeamId(next())).collect(), people: (0..3).map(|_| PersonId(next())).collect(), customers: (0..3).map(|_| CustomerId(next())).collect() };
        let start = t.app.clock().now();
        let cases: Vec<CaseId> = (0..CASES).map(|_| CaseId(next())).collect();
        for (n, case) in cases.iter().enumerate() {
            let (ctx, case, events) = (t.system(), *case, life(&mut random, &world, *case, n, start));
            t.db.write_blocking(move |tx| {
                for (event, clock) in &events {
                    tx.emit::<CaseEvent>(&ctx, Some(case.0), Some(&Access::default()), event.clone())?;
                    if let Some(clock) = clock {
                        tx.emit::<ClockEvent>(&ctx, Some(case.0), Some(&Access::default()), clock.clone())?;
                    }
                }
                Ok(())
            })
            .unwrap();
        }
        t.drain();
        let conditions: Vec<Value> = (0..CONDITIONS).map(|_| condition(&mut random, &world, start, 0)).collect();
        for (n, condition) in conditions.iter().enumerate() {
            t.post(&boss, "/api/v1/macros", json!({ "key": format!("m{n:02}"), "title": "m", "if": condition, "then": [{ "do": "tag", "tags": ["x"] }] })).expect(201);
        }
        let mut offered: Vec<BTreeSet<String>> = vec![BTreeSet::new(); CONDITIONS];
        for case in &cases {
            for offer in t.get(&boss, &format!("/api/v1/cases/{case}/macros")).expect(200).as_array().unwrap() {
                offered[offer["key"].as_str().unwrap()[1..].parse::<usize>().unwrap()].insert(case.to_string());
            }
        }
        let mut named = 0;
        for (condition, offered) in conditions.iter().zip(&offered) {
            let listed = listed(&t, &boss, condition);
            let odd: Vec<&String> = listed.symmetric_difference(offered).take(1).collect();
            assert!(odd.is_empty(), "{condition} on {:?}: the list has {}, rules {}; {odd:?}", t.engine(), listed.len(), offered.len());
            named += listed.len();
        }
        assert!(named > CASES, "the conditions are no idle ones: {named}");
    });
}
