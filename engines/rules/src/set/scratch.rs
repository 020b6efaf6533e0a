//! What one event's evaluation remembers: each fact looked up once, each comparison decided once.

use std::borrow::Cow;

use serde_json::Value;

use super::leaf::{Leaf, Node, Test};
use super::{Event, RuleSet};
use crate::condition::Op;
use crate::evaluate::{Facts, changed, holds, one_of, order, was};

pub(super) struct Scratch<'e> {
    facts: Vec<Option<Cow<'e, Value>>>,
    lowered: Vec<Option<String>>,
    /// 0 not decided yet, 1 false, 2 true.
    decided: Vec<u8>,
}

impl<'e> Scratch<'e> {
    pub fn new(slots: usize, leaves: usize) -> Self {
        Self { facts: vec![None; slots], lowered: Vec::new(), decided: vec![0; leaves] }
    }

    /// The fact of a slot.
    pub fn fact(&mut self, slot: u32, slots: &[String], facts: &'e dyn Facts) -> &Value {
        let slot = slot as usize;
        self.facts[slot].get_or_insert_with(|| facts.look(&slots[slot]))
    }

    /// The text of a slot in small letters.
    fn lowered(&mut self, slot: u32, text: &str) -> &str {
        if self.lowered.is_empty() {
            self.lowered = Vec::with_capacity(self.facts.len());
        }
        let slot = slot as usize;
        if self.lowered.len() <= slot {
            self.lowered.resize(slot + 1, None);
        }
        self.lowered[slot].get_or_insert_with(|| text.to_lowercase())
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
            Test::Holds { lowered, all } => {
                scratch.fact(slot, &self.slots, event.facts);
                // The facts stay where they are while the small letters are made beside them.
                let Some(fact) = scratch.facts[slot as usize].take() else { return false };
                let held = match fact.as_ref() {
                    Value::String(text) => {
                        let text = scratch.lowered(slot, text);
                        if *all { lowered.iter().all(|part| text.contains(part.as_str())) } else { lowered.iter().any(|part| text.contains(part.as_str())) }
                    }
                    list @ Value::Array(_) => match &leaf.value {
                        Value::Array(items) if *all => items.iter().all(|item| one_of(list, item)),
                        Value::Array(items) => items.iter().any(|item| one_of(list, item)),
                        item => one_of(list, item),
                    },
                    // "All of nothing" holds of anything.
                    _ => *all && lowered.is_empty(),
                };
                scratch.facts[slot as usize] = Some(fact);
                held
            }
            Test::Plain => holds(leaf.op, scratch.fact(slot, &self.slots, event.facts), &leaf.value, event.now),
        }
    }
}
