//! Why a rule fired, and why the others did not.

use serde::Serialize;
use serde_json::Value;

use super::leaf::Node;
use super::scratch::Scratch;
use super::{Event, HeldBack, RuleSet, held_back, listens, names};
use crate::condition::{Condition, Op};
use crate::vocabulary::Vocabulary;
use crate::words::Words;

/// A comparison that decided, with what was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    /// The comparison in the text form: `priority is urgent`.
    pub text: String,
    pub field: String,
    pub op: Op,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub value: Value,
    /// How it came out.
    pub holds: bool,
    /// The fact that was found.
    pub fact: Value,
    /// What the field was before, if the event changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
}

impl Reason {
    /// What was found, as a condition that is true: `priority is urgent`, `not tag contains vip`; in Chinese with the
    /// labels of the vocabulary.
    #[must_use]
    pub fn words(&self, vocabulary: &Vocabulary) -> Words {
        let asked = Condition::Compare { field: self.field.clone(), op: self.op, value: self.value.clone() };
        let found = if self.holds { asked } else { Condition::Not { not: Box::new(asked) } };
        Words::new(vocabulary.print_zh(&found), crate::text::print(&found))
    }
}

/// What became of one rule at one event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    pub rule: String,
    pub fired: bool,
    pub why: Why,
}

/// See [`Verdict`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// These comparisons made the condition true; none: it has no condition.
    Holds(Vec<Reason>),
    /// These comparisons made the condition false.
    Fails(Vec<Reason>),
    Disabled,
    /// It waits for other events (or a schedule).
    OtherEvents(Vec<String>),
    /// An earlier rule fired and stopped the rest.
    StoppedBy(String),
    HeldBack(HeldBack),
}

impl RuleSet {
    /// What became of every rule at this event, in the order they are asked. Thorough, not quick; for one event at a time.
    #[must_use]
    pub fn explain(&self, event: &Event<'_>) -> Vec<Verdict> {
        let mut scratch = Scratch::new(self.slots.len(), self.leaves.len());
        let mut stopped: Option<String> = None;
        self.rules.iter().map(|compiled| {
            let rule = &compiled.rule;
            let why = if !rule.enabled {
                Why::Disabled
            } else if !listens(rule, event.kind) {
                Why::OtherEvents(names(rule).map(str::to_owned).collect())
            } else if let Some(by) = &stopped {
                Why::StoppedBy(by.clone())
            } else {
                let holds = self.holds(&compiled.node, event, &mut scratch);
                let because = self.because(&compiled.node, holds, event, &mut scratch);
                match (holds, held_back(rule, event)) {
                    (true, Some(why)) => Why::HeldBack(why),
                    (true, None) => Why::Holds(because),
                    (false, _) => Why::Fails(because),
                }
            };
            let fired = matches!(why, Why::Holds(_));
            if fired && rule.stop {
                stopped = Some(rule.key.clone());
            }
            Verdict { rule: rule.key.clone(), fired, why }
        }).collect()
    }

    /// The comparisons that made a condition come out as it did: of a true "all" every part, of a true "any" the true
    /// parts, of a false "all" the false parts, of a false "any" every part.
    pub(super) fn because<'e>(&self, node: &Node, came_out: bool, event: &Event<'e>, scratch: &mut Scratch<'e>) -> Vec<Reason> {
        let mut out = Vec::new();
        self.collect(node, came_out, event, scratch, &mut out);
        out
    }

    fn collect<'e>(&self, node: &Node, came_out: bool, event: &Event<'e>, scratch: &mut Scratch<'e>, out: &mut Vec<Reason>) {
        match node {
            Node::Not(part) => self.collect(part, !came_out, event, scratch, out),
            Node::All(parts) | Node::Any(parts) => {
                for part in parts {
                    if self.holds(part, event, scratch) == came_out {
                        self.collect(part, came_out, event, scratch, out);
                    }
                }
            }
            Node::Leaf(id) => {
                let leaf = &self.leaves[*id as usize];
                out.push(Reason {
                    text: leaf.text.clone(),
                    field: leaf.field.clone(),
                    op: leaf.op,
                    value: leaf.value.clone(),
                    holds: came_out,
                    fact: short(scratch.fact(leaf.slot, &self.slots, event.facts)),
                    before: event.facts.before(&leaf.field).map(|before| short(&before)),
                });
            }
        }
    }
}

/// A long text is cut: a log of firings is no store of messages.
fn short(value: &Value) -> Value {
    const LONGEST: usize = 200;
    match value {
        Value::String(text) if text.chars().nth(LONGEST).is_some() => Value::from(text.chars().take(LONGEST).chain(['…']).collect::<String>()),
        Value::Array(items) if items.len() > 20 => Value::Array(items[..20].to_vec()),
        other => other.clone(),
    }
}

impl RuleSet {
    /// The rules that listen to a kind of event, by their place in the order; disabled ones too.
    pub(crate) fn listening(&self, kind: &str) -> Vec<usize> {
        (0..self.rules.len()).filter(|i| listens(&self.rules[*i].rule, kind)).collect()
    }

    /// The comparisons that make a rule's condition false for an event; none: it holds.
    pub(crate) fn failing(&self, at: usize, event: &Event<'_>) -> Vec<String> {
        let node = &self.rules[at].node;
        let mut scratch = Scratch::new(self.slots.len(), self.leaves.len());
        if self.holds(node, event, &mut scratch) {
            return Vec::new();
        }
        self.because(node, false, event, &mut scratch).into_iter().map(|reason| if reason.holds { format!("not {}", reason.text) } else { reason.text }).collect()
    }
}
