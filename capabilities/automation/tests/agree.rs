//! One condition, three readers: as SQL in lists, plainly evaluated (service levels, macros), and in the rules made ready.
//! A thousand random cases, hundreds of random conditions, both databases: they name the same cases.

mod random;

use std::collections::BTreeSet;

use random::Random;
use serde_json::{Map, Value as Json, json};
use shouwen_rules::{Column, Condition, Event, FieldKind, Op, Rule, RuleSet, compile, evaluate};
use shouwen_store::{Migration, Value};
use shouwen_testkit::{START, TestApp, on_both};
use shouwen_web::Module;

const SQL: &str = "CREATE TABLE agree_case (
  id {int} PRIMARY KEY,
  priority {text},
  title {text},
  tier {text},
  opened_at {int},
  due_at {int},
  messages {int},
  breached {bool}
);
CREATE TABLE agree_tag (
  case_id {int} NOT NULL,
  tag {text} NOT NULL,
  PRIMARY KEY (case_id, tag)
);
";

fn modules() -> Vec<Module> {
    vec![Module { migrations: &[Migration { capability: "agree", version: 1, sql: SQL }], ..Module::new("agree") }]
}

const FIELDS: [(&str, FieldKind); 8] = [
    ("priority", FieldKind::Text), ("title", FieldKind::Text), ("tier", FieldKind::Text), ("tag", FieldKind::List), ("opened_at", FieldKind::Time), ("due_at", FieldKind::Time), ("messages", FieldKind::Number), ("breached", FieldKind::Bool),
];
/// Texts that trip up LIKE, collations, quotes and letter cases.
const TEXTS: [&str; 22] = [
    "", "urgent", "Urgent", "low", "100%", "100 percent", "a_b", "axb", "c:\\temp", "it's", "say \"hi\"", "x'; DROP TABLE agree_case; --", "退款 12315", "媒体曝光", "MÜLLER", "müller", "Привет", "ПРИВЕТ", "Ελλάδα", "ＡＢＣ", "  spaces  ", "ß",
];
const TAGS: [&str; 5] = ["vip", "VIP", "退款", "a%", "b_"];

impl Random {
    fn text(&mut self) -> String {
        let whole = self.of(&TEXTS);
        let chars: Vec<char> = whole.chars().collect();
        // Whole or a part of it; sometimes two together.
        match self.below(4) {
            0 if !chars.is_empty() => chars[self.below(chars.len())..].iter().collect(),
            1 => format!("{whole}{}", self.of(&TEXTS)),
            _ => whole.to_owned(),
        }
    }
    fn micros(&mut self) -> i64 {
        START.micros() + (self.below(400) as i64 - 200) * 3_600_000_000
    }
    fn time(&mut self) -> Json {
        let at = shouwen_kernel::Time::from_micros(self.micros());
        json!(at)
    }
    fn value(&mut self, kind: FieldKind) -> Json {
        match kind {
            FieldKind::Number => json!(self.below(9)),
            FieldKind::Bool => json!(self.below(2) == 0),
            FieldKind::Time => self.time(),
            FieldKind::List => json!(self.of(&TAGS)),
            _ => json!(self.text()),
        }
    }
    fn condition(&mut self, depth: usize) -> Condition {
        match self.below(if depth > 3 { 4 } else { 9 }) {
            4 | 5 => Condition::All { all: (0..self.below(4)).map(|_| self.condition(depth + 1)).collect() },
            6 | 7 => Condition::Any { any: (0..self.below(4)).map(|_| self.condition(depth + 1)).collect() },
            8 => Condition::Not { not: Box::new(self.condition(depth + 1)) },
            _ => {
                let (field, kind) = self.of(&FIELDS);
                let op = self.of(kind.operators());
                let value = match op {
                    Op::Empty | Op::NotEmpty => Json::Null,
                    Op::In | Op::NotIn | Op::ContainsAny | Op::ContainsAll => (0..self.below(4)).map(|_| self.value(kind)).collect(),
                    Op::WithinLast | Op::WithinNext | Op::OlderThan => json!(self.of(&["30m", "12h", "3d", "2w"])),
                    Op::Eq | Op::Ne if self.below(8) == 0 => Json::Null,
                    _ => self.value(kind),
                };
                Condition::Compare { field: field.to_owned(), op, value }
            }
        }
    }
    fn case(&mut self) -> Map<String, Json> {
        let mut case = Map::new();
        for (field, kind) in FIELDS {
            let value = match kind {
                FieldKind::List => {
                    let tags: BTreeSet<&str> = (0..self.below(4)).map(|_| self.of(&TAGS)).collect();
                    json!(tags)
                }
                _ if self.below(6) == 0 => Json::Null,
                _ => self.value(kind),
            };
            case.insert(field.to_owned(), value);
        }
        case
    }
}

fn micros(value: &Json) -> Option<i64> {
    value.as_str()?.parse::<shouwen_kernel::Time>().ok().map(|at| at.micros())
}

fn text(value: &Json) -> Value {
    value.as_str().map_or(Value::Null, |text| Value::Text(text.to_owned()))
}

fn number(value: Option<i64>) -> Value {
    value.map_or(Value::Null, Value::Int)
}

fn store(t: &TestApp, cases: &[Map<String, Json>]) {
    let cases = cases.to_vec();
    t.db.write_blocking(move |tx| {
        for (id, case) in cases.iter().enumerate() {
            let row = [
                Value::Int(id as i64), text(&case["priority"]), text(&case["title"]), text(&case["tier"]), number(micros(&case["opened_at"])), number(micros(&case["due_at"])), number(case["messages"].as_i64()),
                case["breached"].as_bool().map_or(Value::Null, Value::Bool),
            ];
            tx.execute("INSERT INTO agree_case (id, priority, title, tier, opened_at, due_at, messages, breached) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", &row)?;
            for tag in case["tag"].as_array().into_iter().flatten() {
                tx.execute("INSERT INTO agree_tag (case_id, tag) VALUES (?1, ?2)", &[Value::Int(id as i64), text(tag)])?;
            }
        }
        Ok(())
    })
    .unwrap();
}

fn column(field: &str) -> Option<(FieldKind, Column<'static>)> {
    let kind = FIELDS.iter().find(|(name, _)| *name == field)?.1;
    Some((kind, match field {
        "priority" => Column::Plain("c.priority"),
        "title" => Column::Plain("c.title"),
        "tier" => Column::Plain("c.tier"),
        "opened_at" => Column::Plain("c.opened_at"),
        "due_at" => Column::Plain("c.due_at"),
        "messages" => Column::Plain("c.messages"),
        "breached" => Column::Plain("c.breached"),
        "tag" => Column::Set("EXISTS (SELECT 1 FROM agree_tag g WHERE g.case_id = c.id AND g.tag {})"),
        _ => return None,
    }))
}

fn by_sql(t: &TestApp, condition: &Condition) -> BTreeSet<usize> {
    let compiled = compile(condition, START.micros(), 1, &column);
    let values: Vec<Value> = compiled
        .params
        .iter()
        .map(|(_, value)| match value {
            Json::String(text) => Value::Text(text.clone()),
            Json::Number(number) => Value::Int(number.as_i64().unwrap()),
            Json::Bool(truth) => Value::Bool(*truth),
            _ => Value::Null,
        })
        .collect();
    let sql = format!("SELECT c.id FROM agree_case c WHERE {}", compiled.sql);
    let rows: Vec<(i64,)> = t.db.read_blocking(move |tx| tx.all(&sql, &values)).unwrap_or_else(|problem| panic!("{problem}: {}", serde_json::to_string(condition).unwrap()));
    rows.into_iter().map(|(id,)| usize::try_from(id).unwrap()).collect()
}

#[test]
fn lists_service_levels_and_rules_agree_on_a_thousand_cases() {
    on_both(modules, |t| {
        let mut random = Random(12_315);
        let cases: Vec<Map<String, Json>> = (0..1000).map(|_| random.case()).collect();
        store(&t, &cases);
        let conditions: Vec<Condition> = std::iter::repeat_with(|| random.condition(0)).filter(|c| c.faults(&FIELDS).is_empty()).take(400).collect();
        let rules: Vec<Rule> = conditions
            .iter()
            .enumerate()
            .map(|(n, condition)| Rule { condition: condition.clone(), when: vec![serde_json::from_value(json!({ "on": "case.opened" })).unwrap()], ..Rule::named(&format!("r{n:03}")) })
            .collect();
        let set = RuleSet::new(&rules, &[]);
        let mut by_rules: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); conditions.len()];
        for (id, case) in cases.iter().enumerate() {
            let event = Event { kind: "case.opened", facts: case, now: START.micros(), causes: &[] };
            for firing in set.fire(&event).firings {
                by_rules[firing.rule.key[1..].parse::<usize>().unwrap()].insert(id);
            }
        }
        let mut held = 0;
        for (condition, by_rules) in conditions.iter().zip(&by_rules) {
            let plainly: BTreeSet<usize> = (0..cases.len()).filter(|id| evaluate(condition, &cases[*id], START.micros())).collect();
            let by_sql = by_sql(&t, condition);
            let written = shouwen_rules::text::print(condition);
            let odd = |a: &BTreeSet<usize>, b: &BTreeSet<usize>| a.symmetric_difference(b).next().map(|id| Json::Object(cases[*id].clone()).to_string());
            assert_eq!(odd(&by_sql, &plainly), None, "SQL and memory disagree on {:?}: {written}", t.engine());
            assert_eq!(odd(by_rules, &plainly), None, "rules and memory disagree: {written}");
            held += plainly.len();
        }
        assert!(held > 10_000, "the conditions are no idle ones: {held}");
    });
}
