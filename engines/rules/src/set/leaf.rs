//! Conditions made ready: each comparison once, its constants read once.

use std::collections::HashMap;

use aho_corasick::AhoCorasick;
use serde_json::Value;

use super::number;
use crate::condition::{Condition, Op};
use crate::evaluate::working_days;
use crate::text::print;
use crate::units::{Span, span_micros};

/// A condition over the numbers of leaves.
#[derive(Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Leaf(u32),
}

/// One comparison, shared by every rule that makes it.
#[derive(Debug)]
pub(super) struct Leaf {
    pub slot: u32,
    pub field: String,
    pub op: Op,
    pub value: Value,
    /// The comparison as written, for reasons.
    pub text: String,
    pub test: Test,
}

/// All words that rules look for in one field: found together, in one pass.
#[derive(Debug)]
pub(super) struct Words {
    machine: AhoCorasick,
    count: usize,
}

impl Words {
    /// Which words the text (in small letters) holds, one bit each.
    pub fn found(&self, text: &str) -> Vec<u64> {
        let mut out = vec![0; self.count.div_ceil(64)];
        for found in self.machine.find_overlapping_iter(text) {
            let word = found.pattern().as_usize();
            out[word / 64] |= 1 << (word % 64);
        }
        out
    }
}

/// What [`Builder`] has collected.
pub(super) struct Built {
    pub leaves: Vec<Leaf>,
    /// The fields the leaves read.
    pub slots: Vec<String>,
    /// By slot: the words looked for in it.
    pub words: Vec<Option<Words>>,
}

/// How a comparison is decided quickest.
#[derive(Debug)]
pub(super) enum Test {
    /// The fact is this text.
    Text(String),
    /// The text holds some of these words (or all), letter case aside; a list has them as elements. Words by their
    /// number in [`Words`] of the slot.
    Holds { words: Vec<u32>, all: bool },
    /// A time within so many microseconds before now, or (turned) further back.
    Back { span: i64, older: bool },
    /// A number in order with this one (seconds, days).
    Order(f64),
    Changed,
    Was,
    /// As [`crate::evaluate::holds`] does.
    Plain,
}

/// Collects leaves and the fields they read.
#[derive(Default)]
pub(super) struct Builder {
    leaves: Vec<Leaf>,
    slots: Vec<String>,
    known: HashMap<(String, &'static str, String), u32>,
    words: HashMap<usize, Vec<String>>,
}

impl Builder {
    pub fn done(self) -> Built {
        let mut words: Vec<Option<Words>> = self.slots.iter().map(|_| None).collect();
        for (slot, list) in self.words {
            // Too many words for a machine (gigabytes of them) find nothing; validation stops far before.
            words[slot] = AhoCorasick::new(&list).ok().map(|machine| Words { machine, count: list.len() });
        }
        Built { leaves: self.leaves, slots: self.slots, words }
    }

    pub fn node(&mut self, condition: &Condition) -> Node {
        match condition {
            Condition::All { all } => Node::All(all.iter().map(|c| self.node(c)).collect()),
            Condition::Any { any } => Node::Any(any.iter().map(|c| self.node(c)).collect()),
            Condition::Not { not } => Node::Not(Box::new(self.node(not))),
            Condition::Compare { field, op, value } => Node::Leaf(self.leaf(field, *op, value)),
        }
    }

    fn leaf(&mut self, field: &str, op: Op, value: &Value) -> u32 {
        let key = (field.to_owned(), op.name(), value.to_string());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let read = if is_order(op) && working_days(value).is_some() { format!("{field}.wd") } else { field.to_owned() };
        let slot = self.slots.iter().position(|known| *known == read).unwrap_or_else(|| {
            self.slots.push(read);
            self.slots.len() - 1
        });
        let test = self.test(slot, op, value);
        let text = print(&Condition::Compare { field: field.to_owned(), op, value: value.clone() });
        let id = number(self.leaves.len());
        self.leaves.push(Leaf { slot: number(slot), field: field.to_owned(), op, value: value.clone(), text, test });
        self.known.insert(key, id);
        id
    }

    /// How a comparison is decided.
    fn test(&mut self, slot: usize, op: Op, value: &Value) -> Test {
        match (op, value) {
            (Op::Changed, _) => Test::Changed,
            (Op::Was, _) => Test::Was,
            (Op::Eq, Value::String(text)) if crate::units::time_micros(text).is_none() => Test::Text(text.clone()),
            (Op::Contains, Value::String(_)) => self.holds(slot, std::slice::from_ref(value), true),
            (Op::ContainsAny | Op::ContainsAll, Value::Array(items)) if items.iter().all(Value::is_string) => self.holds(slot, items, op == Op::ContainsAll),
            (Op::WithinLast | Op::OlderThan, Value::String(text)) => span_micros(text).map_or(Test::Plain, |span| Test::Back { span, older: op == Op::OlderThan }),
            (_, Value::String(text)) if is_order(op) => match text.parse::<Span>() {
                Ok(Span::Seconds(seconds)) => Test::Order(seconds as f64),
                Ok(Span::WorkingDays(days)) => Test::Order(f64::from(days)),
                Err(_) => Test::Plain,
            },
            (_, Value::Number(wanted)) if is_order(op) => wanted.as_f64().map_or(Test::Plain, Test::Order),
            _ => Test::Plain,
        }
    }

    fn holds(&mut self, slot: usize, items: &[Value], all: bool) -> Test {
        let list = self.words.entry(slot).or_default();
        let words = items
            .iter()
            .filter_map(Value::as_str)
            .map(|word| {
                let word = word.to_lowercase();
                number(list.iter().position(|known| *known == word).unwrap_or_else(|| {
                    list.push(word);
                    list.len() - 1
                }))
            })
            .collect();
        Test::Holds { words, all }
    }
}

fn is_order(op: Op) -> bool {
    matches!(op, Op::Lt | Op::Le | Op::Gt | Op::Ge)
}
