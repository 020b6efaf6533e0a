//! Many rules against events: the index changes nothing but the time; loops end; reasons are true.

use std::borrow::Cow;
use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use shouwen_rules::{Condition, Event, Facts, HeldBack, LONGEST_CHAIN, OncePer, Rule, RuleSet, Why, evaluate};

/// Facts with what was before.
struct Case(HashMap<String, Value>, HashMap<String, Value>);

impl Facts for Case {
    fn fact(&self, field: &str) -> Value {
        self.0.get(field).cloned().unwrap_or(Value::Null)
    }
    fn before(&self, field: &str) -> Option<Cow<'_, Value>> {
        self.1.get(field).map(Cow::Borrowed)
    }
}

fn case(facts: Value, before: Value) -> Case {
    let map = |v: Value| v.as_object().cloned().unwrap_or_default().into_iter().collect();
    Case(map(facts), map(before))
}

fn rule(key: &str, on: &str, text: &str, then: Value) -> Rule {
    serde_json::from_value(json!({"key": key, "title": key, "when": {"on": on.split(',').collect::<Vec<_>>()}, "if": text, "then": then})).unwrap()
}

fn tag() -> Value {
    json!([{"do": "tag", "tags": ["x"]}])
}

fn fired(set: &RuleSet, kind: &str, facts: &Case, causes: &[&str]) -> Vec<String> {
    let causes: Vec<String> = causes.iter().map(|c| (*c).to_owned()).collect();
    set.fire(&Event { kind, facts, now: 0, causes: &causes }).firings.iter().map(|f| f.rule.key.clone()).collect()
}

#[test]
fn order_stop_disabled_and_wildcards() {
    let mut late = rule("late", "case.opened", "always", tag());
    late.order = 200;
    let mut stopper = rule("b", "case.*", "priority is urgent", tag());
    stopper.stop = true;
    let mut off = rule("off", "case.opened", "always", tag());
    off.enabled = false;
    let set = RuleSet::new(&[late, stopper, rule("a", "case.opened,clock.warned", "always", tag()), off], &[]);
    assert_eq!(fired(&set, "case.opened", &case(json!({"priority": "low"}), json!({})), &[]), ["a", "late"]);
    assert_eq!(fired(&set, "case.opened", &case(json!({"priority": "urgent"}), json!({})), &[]), ["a", "b"]);
    assert_eq!(fired(&set, "case.reopened", &case(json!({"priority": "urgent"}), json!({})), &[]), ["b"]);
    assert!(fired(&set, "survey.answered", &case(json!({}), json!({})), &[]).is_empty());
    let facts = case(json!({"priority": "urgent"}), json!({}));
    let why: Vec<(String, Why)> = set.explain(&Event { kind: "case.opened", facts: &facts, now: 0, causes: &[] }).into_iter().map(|v| (v.rule, v.why)).collect();
    assert_eq!(why[3].1, Why::StoppedBy("b".into()));
    assert_eq!(why[2].1, Why::Disabled);
    assert!(matches!(&why[1].1, Why::Holds(r) if r[0].text == "priority is urgent" && r[0].fact == json!("urgent")));
    // A rule that may not fire does not stop the others.
    let event = Event { kind: "case.opened", facts: &facts, now: 0, causes: &[] };
    let left: Vec<String> = set.fire_where(&event, |rule| rule.key != "b").firings.iter().map(|f| f.rule.key.clone()).collect();
    assert_eq!(left, ["a", "late"]);
}

#[test]
fn what_changed_is_asked_of_the_event() {
    let set = RuleSet::new(&[rule("up", "case.updated", "priority changed from low to urgent", tag()), rule("any", "case.updated", "priority changed", tag()), rule("was", "case.updated", "stage was review, handling", tag())], &[]);
    assert_eq!(fired(&set, "case.updated", &case(json!({"priority": "urgent", "stage": "x"}), json!({"priority": "low"})), &[]), ["any", "up"]);
    assert_eq!(fired(&set, "case.updated", &case(json!({"priority": "high", "stage": "x"}), json!({"priority": "low", "stage": "review"})), &[]), ["any", "was"]);
    assert_eq!(fired(&set, "case.updated", &case(json!({"priority": "urgent", "stage": "handling"}), json!({})), &[]), ["was"]);
}

#[test]
fn working_days_are_asked_of_their_own_fact() {
    let set = RuleSet::new(&[rule("old", "case.updated", "age > 2wd", tag()), rule("hours", "case.updated", "age > 2h", tag())], &[]);
    assert_eq!(fired(&set, "case.updated", &case(json!({"age": 7201, "age.wd": 2}), json!({})), &[]), ["hours"]);
    assert_eq!(fired(&set, "case.updated", &case(json!({"age": 7200, "age.wd": 3}), json!({})), &[]), ["old"]);
}

#[test]
fn a_rule_never_fires_on_its_own_consequence_and_chains_end() {
    let set = RuleSet::new(&[rule("a", "case.updated", "always", tag()), rule("b", "case.updated", "always", tag())], &[]);
    let facts = case(json!({}), json!({}));
    assert_eq!(fired(&set, "case.updated", &facts, &["a"]), ["b"]);
    assert!(fired(&set, "case.updated", &facts, &["a", "b"]).is_empty());
    let long: Vec<String> = (0..LONGEST_CHAIN).map(|i| format!("r{i}")).collect();
    let outcome = set.fire(&Event { kind: "case.updated", facts: &facts, now: 0, causes: &long });
    assert!(outcome.firings.is_empty());
    assert_eq!(outcome.held_back, [("a", HeldBack::ChainTooLong), ("b", HeldBack::ChainTooLong)]);
    assert!(set.fire_rule("a", &Event { kind: "schedule", facts: &facts, now: 0, causes: &[] }).is_some());
    assert!(set.fire_rule("a", &Event { kind: "schedule", facts: &facts, now: 0, causes: &["a".into()] }).is_none());
}

/// Every rule starts every other: however events are carried on, the work ends.
#[test]
fn cyclic_rules_end_after_a_bounded_number_of_firings() {
    let rules: Vec<Rule> = (0..6).map(|i| rule(&format!("r{i}"), "case.updated", "always", tag())).collect();
    let set = RuleSet::new(&rules, &[]);
    let facts = case(json!({}), json!({}));
    let (mut waiting, mut firings) = (vec![Vec::<String>::new()], 0);
    while let Some(causes) = waiting.pop() {
        let event = Event { kind: "case.updated", facts: &facts, now: 0, causes: &causes };
        for firing in set.fire(&event).firings {
            firings += 1;
            waiting.push(firing.causes(&event));
        }
    }
    // 6 + 6·5 + … + 6!: each path names a rule once.
    assert_eq!(firings, 1956);
}

#[test]
fn rings_are_found_without_running_and_guards_are_understood() {
    let set = RuleSet::new(
        &[
            rule("raise", "case.updated", "tier is gold", json!([{"do": "set_priority", "priority": "urgent"}])),
            rule("gild", "case.updated", "priority is urgent", json!([{"do": "set_field", "field": "tier", "value": "gold"}])),
            rule("once", "case.updated", "tag is not empty and not tag contains done", json!([{"do": "tag", "tags": ["done"]}])),
            rule("self", "case.updated", "title is not empty", json!([{"do": "set_field", "field": "title", "value": "{title}!"}])),
            rule("calm", "case.updated", "priority is low", json!([{"do": "set_priority", "priority": "high"}])),
            rule("other", "case.opened", "always", tag()),
        ],
        &[],
    );
    let cycles = set.cycles();
    assert_eq!(cycles.iter().map(|c| c.rules.clone()).collect::<Vec<_>>(), [vec!["gild".to_owned(), "raise".to_owned()], vec!["self".to_owned()]]);
    assert_eq!(cycles[0].fields, ["priority", "tier"]);
}

#[test]
fn once_per_keys_follow_the_local_hour_and_day() {
    let key = |once: OncePer, now: i64, offset| once.key("r", "C", "K", "s#1", now, offset);
    let hour = 3_600_000_000;
    assert_eq!(key(OncePer::Case, 0, 0), key(OncePer::Case, 99 * hour, 0));
    assert_ne!(key(OncePer::CaseHour, 0, 0), key(OncePer::CaseHour, hour, 0));
    assert_eq!(key(OncePer::Day, 15 * hour, 8 * 3600), key(OncePer::Day, -2 * hour, 8 * 3600).replace("d0", "d0"));
    assert_ne!(key(OncePer::Day, 15 * hour, 8 * 3600), key(OncePer::Day, 17 * hour, 8 * 3600));
}

fn texts() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "Ab", "媒体", "2026-01-02T09:30:00Z", "2026-01-02T17:30:00+08:00", "2h", "3", ""]).prop_map(str::to_owned)
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![texts().prop_map(Value::from), (-3i64..4).prop_map(Value::from), any::<bool>().prop_map(Value::from), Just(Value::Null), prop::collection::vec(texts(), 0..3).prop_map(Value::from), Just(json!({"from": "a"})), Just(json!({"to": "b"})), Just(Value::from("2wd")), Just(json!(1_767_346_200_000_000i64))]
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let leaf = (prop::sample::select(vec!["p", "q", "r"]), prop::sample::select(shouwen_rules::Op::ALL.to_vec()), any_value()).prop_map(|(field, (op, _), value)| Condition::Compare { field: field.into(), op, value });
    leaf.prop_recursive(3, 12, 3, |inner| prop_oneof![
        3 => prop::collection::vec(inner.clone(), 0..4).prop_map(|all| Condition::All { all }),
        1 => prop::collection::vec(inner.clone(), 0..4).prop_map(|any| Condition::Any { any }),
        1 => inner.prop_map(|not| Condition::Not { not: Box::new(not) }),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// The quick way (index, shared comparisons, ready constants) answers as the plain way does.
    #[test]
    fn the_set_fires_exactly_the_rules_whose_condition_holds(
        conditions in prop::collection::vec(any_condition(), 1..12),
        facts in prop::collection::hash_map(prop::sample::select(vec!["p".to_owned(), "q".into(), "r".into(), "p.wd".into()]), any_value(), 0..4),
        before in prop::collection::hash_map(prop::sample::select(vec!["p".to_owned(), "q".into()]), any_value(), 0..2),
        now in -5i64..5,
    ) {
        let rules: Vec<Rule> = conditions.iter().enumerate().map(|(i, c)| Rule { condition: c.clone(), ..rule(&format!("r{i:02}"), if i % 4 == 3 { "x.*" } else { "x.y" }, "always", tag()) }).collect();
        let set = RuleSet::new(&rules, &[]);
        let facts = Case(facts, before);
        let plain: Vec<String> = rules.iter().filter(|r| evaluate(&r.condition, &facts, now)).map(|r| r.key.clone()).collect();
        let event = Event { kind: "x.y", facts: &facts, now, causes: &[] };
        let quick: Vec<String> = set.fire(&event).firings.iter().map(|f| f.rule.key.clone()).collect();
        prop_assert_eq!(&quick, &plain);
        let explained: Vec<String> = set.explain(&event).into_iter().filter(|v| v.fired).map(|v| v.rule).collect();
        prop_assert_eq!(&explained, &plain);
        // Every reason is a comparison that came out as it says.
        for verdict in set.explain(&event) {
            if let Why::Holds(reasons) | Why::Fails(reasons) = verdict.why {
                for reason in reasons {
                    prop_assert_eq!(evaluate(&shouwen_rules::text::parse(&reason.text).unwrap(), &facts, now), reason.holds, "{}", reason.text);
                }
            }
        }
    }

    #[test]
    fn any_json_is_a_rule_or_a_list_of_faults(text in "\\PC{0,60}", value in any_value(), part in prop::sample::select(vec!["key", "title", "when", "if", "then", "order", "stop", "once_per", "owner", "x"])) {
        let v = shouwen_rules::Vocabulary::standard();
        let mut rule = json!({"key": "r", "title": "R", "when": {"on": "case.opened"}, "if": "always", "then": [{"do": "tag", "tags": ["x"]}]});
        rule[part] = value.clone();
        let _ = Rule::from_value(&rule, &v).map(|r| prop_assert_eq_ok(&r.faults(&v)));
        for action in ["assign", "set_field", "notify", "open_child", "escalate", "start_clock", "open_warning"] {
            for param in shouwen_rules::ACTIONS.iter().find(|a| a.name == action).unwrap().params {
                let mut one = json!({"do": action});
                one[param.name] = value.clone();
                rule = json!({"key": "r", "title": "R", "when": {"on": "case.opened"}, "then": [one]});
                let _ = Rule::from_value(&rule, &v);
            }
        }
        let _ = (shouwen_rules::RuleFile::read(&text, "x.toml", &v), shouwen_rules::RuleFile::read(&text, "x.json", &v), text.parse::<shouwen_rules::Cron>(), text.parse::<shouwen_rules::Span>());
    }
}

/// What was read without a fault has none when looked at again.
fn prop_assert_eq_ok(faults: &[shouwen_rules::Fault]) {
    assert!(faults.is_empty(), "{faults:?}");
}
