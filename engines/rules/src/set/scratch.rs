//! What one event's evaluation remembers: each fact looked up once, each comparison decided once.

use std::borrow::Cow;

use serde_json::Value;

use super::leaf::{Leaf, Node, Test, Words};
use super::{Event, RuleSet};
use crate::condition::Op;
use crate::evaluate::{Facts, changed, holds, instant, one_of, order, was};

pub(super) struct Scratch<'e> {
    facts: Vec<Option<Cow<'e, Value>>>,
    /// By slot: which of its words the text holds, once somebody asked.
    found: Vec<Option<Vec<u64>>>,
    /// 0 not decided yet, 1 false, 2 true.
    decided: Vec<u8>,
}

impl<'e> Scratch<'e> {
    pub fn new(slots: usize, leaves: usize) -> Self {
        Self { facts: vec![None; slots], found: vec![None; slots], decided: vec![0; leaves] }
    }

    /// The fact of a slot.
    pub fn fact(&mut self, slot: u32, slots: &[String], facts: &'e dyn Facts) -> &Value {
        let slot = slot as usize;
        self.facts[slot].get_or_insert_with(|| facts.look(&slots[slot]))
    }

    /// Whether the text of a slot, looked up before, holds the words (all, or one of them).
    fn holds_words(&mut self, slot: usize, looked_for: Option<&Words>, words: &[u32], all: bool) -> bool {
        let Some(Value::String(text)) = self.facts[slot].as_deref() else { return false };
        let Some(looked_for) = looked_for else { return all && words.is_empty() };
        let found = self.found[slot].get_or_insert_with(|| looked_for.found(&text.to_lowercase()));
        let is_there = |word: &u32| found.get(*word as usize / 64).is_some_and(|bits| bits >> (word % 64) & 1 == 1);
        if all { words.iter().all(is_there) } else { words.iter().any(is_there) }
    }
}

impl RuleSet {
    /// Whether a condition holds for the event.
    pub(super) fn holds<'e>(&self, node: &Node, event: &Event<'e>, scratch: &mut Scratch<'e>) -> bool {
        match node {
            Node::All(parts) => parts.iter().all(|part| self.holds(part, event, scratch)),
            Node::Any(parts) => parts.iter().any(|part| self.holds(part, event, scratch)),
            Node::Not(part) => !self.holds(part, event, scratch),
            Node::Leaf(id) => {
                let at = *id as usize;
                if scratch.decided[at] == 0 {
                    let held = self.decide(&self.leaves[at], event, scratch);
                    scratch.decided[at] = 1 + u8::from(held);
                }
                scratch.decided[at] == 2
            }
        }
    }

    fn decide<'e>(&self, leaf: &Leaf, event: &Event<'e>, scratch: &mut Scratch<'e>) -> bool {
        let slot = leaf.slot;
        let by_order = |found: Option<std::cmp::Ordering>| found.is_some_and(|found| match leaf.op {
            Op::Lt => found.is_lt(),
            Op::Le => found.is_le(),
            Op::Gt => found.is_gt(),
            _ => found.is_ge(),
        });
        match &leaf.test {
            Test::Changed => match event.facts.before(&leaf.field) {
                Some(before) => changed(&before, scratch.fact(slot, &self.slots, event.facts), &leaf.value),
                None => false,
            },
            Test::Was => match event.facts.before(&leaf.field) {
                Some(before) => was(&before, &leaf.value),
                None => was(scratch.fact(slot, &self.slots, event.facts), &leaf.value),
            },
            Test::Text(wanted) => matches!(scratch.fact(slot, &self.slots, event.facts), Value::String(text) if text == wanted),
            Test::Order(wanted) => {
                let fact = scratch.fact(slot, &self.slots, event.facts);
                match fact {
                    Value::Number(found) => by_order(found.as_f64().and_then(|found| found.partial_cmp(wanted))),
                    other => by_order(order(other, &leaf.value)),
                }
            }
            Test::Holds { words, all } => match scratch.fact(slot, &self.slots, event.facts) {
                Value::String(_) => scratch.holds_words(slot as usize, self.words[slot as usize].as_ref(), words, *all),
                list @ Value::Array(_) => match &leaf.value {
                    Value::Array(items) if *all => items.iter().all(|item| one_of(list, item)),
                    Value::Array(items) => items.iter().any(|item| one_of(list, item)),
                    item => one_of(list, item),
                },
                // "All of nothing" holds of anything.
                _ => *all && words.is_empty(),
            },
            Test::Back { span, older } => instant(scratch.fact(slot, &self.slots, event.facts)).is_some_and(|at| {
                let bound = event.now.saturating_sub(*span);
                if *older { at < bound } else { at >= bound && at <= event.now }
            }),
            Test::Plain => holds(leaf.op, scratch.fact(slot, &self.slots, event.facts), &leaf.value, event.now),
        }
    }
}
