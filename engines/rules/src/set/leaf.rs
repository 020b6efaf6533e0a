//! Conditions made ready: each comparison once, its constants read once.

use std::collections::HashMap;

use serde_json::Value;

use super::number;
use crate::condition::{Condition, Op};
use crate::evaluate::working_days;
use crate::units::Span;

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
    pub test: Test,
}

/// How a comparison is decided quickest.
#[derive(Debug)]
pub(super) enum Test {
    /// The fact is this text.
    Text(String),
    /// The text holds some of these (or all), letter case aside; a list has them as elements.
    Holds { lowered: Vec<String>, all: bool },
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
}

impl Builder {
    pub fn done(self) -> (Vec<Leaf>, Vec<String>) {
        (self.leaves, self.slots)
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
        let (read, test) = ready(field, op, value);
        let slot = self.slots.iter().position(|known| *known == read).unwrap_or_else(|| {
            self.slots.push(read);
            self.slots.len() - 1
        });
        let id = number(self.leaves.len());
        self.leaves.push(Leaf { slot: number(slot), field: field.to_owned(), op, value: value.clone(), test });
        self.known.insert(key, id);
        id
    }
}

/// The field a comparison reads and how it is decided.
fn ready(field: &str, op: Op, value: &Value) -> (String, Test) {
    let lowered = |items: &[Value]| items.iter().map(|item| item.as_str().map(str::to_lowercase)).collect::<Option<Vec<_>>>();
    let order = matches!(op, Op::Lt | Op::Le | Op::Gt | Op::Ge);
    if let Some(days) = working_days(value).filter(|_| order) {
        return (format!("{field}.wd"), Test::Order(f64::from(days)));
    }
    let test = match (op, value) {
        (Op::Changed, _) => Test::Changed,
        (Op::Was, _) => Test::Was,
        (Op::Eq, Value::String(text)) if crate::units::time_micros(text).is_none() => Test::Text(text.clone()),
        (Op::Contains, Value::String(text)) => Test::Holds { lowered: vec![text.to_lowercase()], all: true },
        (Op::ContainsAny | Op::ContainsAll, Value::Array(items)) => lowered(items).map_or(Test::Plain, |lowered| Test::Holds { lowered, all: op == Op::ContainsAll }),
        (_, Value::String(text)) if order => match text.parse::<Span>() {
            Ok(Span::Seconds(seconds)) => Test::Order(seconds as f64),
            _ => Test::Plain,
        },
        (_, Value::Number(wanted)) if order => wanted.as_f64().map_or(Test::Plain, Test::Order),
        _ => Test::Plain,
    };
    (field.to_owned(), test)
}
