//! Many rules against one event: which fire, in what order, and why.

mod cycles;
mod leaf;
mod scratch;
mod why;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use crate::action::Action;
use crate::condition::{Condition, Op};
use crate::evaluate::Facts;
use crate::rule::{Macro, Rule, Trigger};
use crate::units::time_micros;
pub use cycles::Cycle;
use leaf::{Leaf, Node};
use scratch::Scratch;
pub use why::{Reason, Verdict, Why};

/// A chain of causes longer than this fires nothing more.
pub const LONGEST_CHAIN: usize = 8;
/// Macros may run macros so deep.
const DEEPEST_MACRO: usize = 4;

/// What happened, with the facts of the object it happened to.
pub struct Event<'a> {
    /// A name of the catalogue: `case.opened`.
    pub kind: &'a str,
    /// The fields as they are now, after the event; [`Facts::before`] tells what the event changed.
    pub facts: &'a dyn Facts,
    /// Microseconds since 1970 UTC.
    pub now: i64,
    /// The rules whose actions led to this event, the first cause first; empty for what a person or customer did.
    /// A firing's changes carry this list with the rule's key appended.
    pub causes: &'a [String],
}

/// What an event led to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<'a> {
    /// In the order their actions are to be carried out.
    pub firings: Vec<Firing<'a>>,
    /// Rules whose condition held but which may not fire.
    pub held_back: Vec<(&'a str, HeldBack)>,
}

/// A rule that fires.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing<'a> {
    pub rule: &'a Rule,
    /// What decided it: the comparisons that made the condition true.
    pub because: Vec<Reason>,
}

impl Firing<'_> {
    /// The causes its changes carry on.
    #[must_use]
    pub fn causes(&self, event: &Event<'_>) -> Vec<String> {
        event.causes.iter().cloned().chain([self.rule.key.clone()]).collect()
    }
}

/// Why a rule whose condition held does not fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldBack {
    /// The event is a consequence of the rule itself.
    OwnChange,
    /// The chain of causes is longer than [`LONGEST_CHAIN`].
    ChainTooLong,
}

/// Rules made ready: sorted, indexed by event and by what their conditions cannot do without, comparisons shared.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Compiled>,
    macros: BTreeMap<String, Macro>,
    leaves: Vec<Leaf>,
    /// The fields the leaves read.
    slots: Vec<String>,
    /// By slot: the words rules look for in it.
    words: Vec<Option<leaf::Words>>,
    by_kind: HashMap<String, Index>,
    /// Rules on `x.*`, for events no rule names exactly.
    wild: Vec<(String, u32)>,
}

#[derive(Debug)]
struct Compiled {
    rule: Rule,
    node: Node,
}

/// The rules of one kind of event.
#[derive(Debug, Default)]
struct Index {
    /// Rules that must always be asked.
    open: Vec<u32>,
    /// By field: the rules that need it to be one of a few texts, by text.
    guarded: Vec<(u32, HashMap<String, Vec<u32>>)>,
}

impl RuleSet {
    /// Makes rules and macros ready. They should have been validated; what is wrong in them is simply never true.
    #[must_use]
    pub fn new(rules: &[Rule], macros: &[Macro]) -> Self {
        let mut sorted: Vec<&Rule> = rules.iter().collect();
        sorted.sort_by(|a, b| a.order.cmp(&b.order).then_with(|| a.key.cmp(&b.key)));
        let mut set = Self { macros: macros.iter().map(|m| (m.key.clone(), m.clone())).collect(), ..Self::default() };
        let mut builder = leaf::Builder::default();
        for rule in sorted {
            let node = builder.node(&rule.condition);
            set.rules.push(Compiled { rule: rule.clone(), node });
        }
        let built = builder.done();
        (set.leaves, set.slots, set.words) = (built.leaves, built.slots, built.words);
        set.index();
        set
    }

    fn index(&mut self) {
        let mut kinds: HashSet<&str> = HashSet::new();
        let mut wild: Vec<(String, u32)> = Vec::new();
        for (i, compiled) in self.rules.iter().enumerate().filter(|(_, c)| c.rule.enabled) {
            for name in names(&compiled.rule) {
                match name.strip_suffix('*') {
                    Some(prefix) => wild.push((prefix.to_owned(), number(i))),
                    None => {
                        kinds.insert(name);
                    }
                }
            }
        }
        let mut by_kind = HashMap::new();
        for kind in kinds {
            let mut index = Index::default();
            for (i, compiled) in self.rules.iter().enumerate().filter(|(_, c)| c.rule.enabled && listens(&c.rule, kind)) {
                match self.guard(&compiled.rule.condition) {
                    None => index.open.push(number(i)),
                    Some((slot, texts)) => {
                        let at = index.guarded.iter().position(|(known, _)| *known == slot).unwrap_or_else(|| {
                            index.guarded.push((slot, HashMap::new()));
                            index.guarded.len() - 1
                        });
                        for text in texts {
                            index.guarded[at].1.entry(text).or_default().push(number(i));
                        }
                    }
                }
            }
            by_kind.insert(kind.to_owned(), index);
        }
        (self.by_kind, self.wild) = (by_kind, wild);
    }

    /// A comparison the condition cannot be true without, as a field and the texts it must be one of.
    fn guard(&self, condition: &Condition) -> Option<(u32, Vec<String>)> {
        let usable = |text: &&str| time_micros(text).is_none();
        let mut best: Option<(u32, Vec<String>)> = None;
        for (field, op, value) in needed(condition) {
            let texts: Option<Vec<String>> = match (op, value) {
                (Op::Eq, Value::String(text)) => Some(text.as_str()).filter(usable).map(|t| vec![t.to_owned()]),
                (Op::In, Value::Array(items)) => items.iter().map(|item| item.as_str().filter(usable).map(str::to_owned)).collect(),
                _ => None,
            };
            let slot = self.slots.iter().position(|known| known == field);
            if let (Some(texts), Some(slot)) = (texts, slot) {
                if best.as_ref().is_none_or(|(_, known)| texts.len() < known.len()) {
                    best = Some((number(slot), texts));
                }
            }
        }
        best
    }

    /// The rules, in the order they are asked.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.rules.iter().map(|compiled| &compiled.rule)
    }

    /// A rule by its key.
    #[must_use]
    pub fn rule(&self, key: &str) -> Option<&Rule> {
        self.rules().find(|rule| rule.key == key)
    }

    /// A macro by its key.
    #[must_use]
    pub fn macro_named(&self, key: &str) -> Option<&Macro> {
        self.macros.get(key)
    }

    /// The actions with those of macros in their place; macros that run each other end after a few levels.
    #[must_use]
    pub fn expand<'a>(&'a self, actions: &'a [Action]) -> Vec<&'a Action> {
        fn walk<'a>(set: &'a RuleSet, actions: &'a [Action], depth: usize, out: &mut Vec<&'a Action>) {
            for action in actions {
                match action {
                    Action::RunMacro { name } => {
                        if let Some(found) = set.macros.get(name).filter(|_| depth < DEEPEST_MACRO) {
                            walk(set, &found.then, depth + 1, out);
                        }
                    }
                    other => out.push(other),
                }
            }
        }
        let mut out = Vec::new();
        walk(self, actions, 0, &mut out);
        out
    }

    /// Which rules the event fires.
    #[must_use]
    pub fn fire(&self, event: &Event<'_>) -> Outcome<'_> {
        self.fire_where(event, |_| true)
    }

    /// The same, where `may` has a word for each rule whose condition holds: used-up `once_per`, the rights of its
    /// owner. A rule it refuses neither fires nor stops the others.
    #[must_use]
    pub fn fire_where(&self, event: &Event<'_>, may: impl Fn(&Rule) -> bool) -> Outcome<'_> {
        let mut scratch = Scratch::new(self.slots.len(), self.leaves.len());
        let mut out = Outcome { firings: Vec::new(), held_back: Vec::new() };
        let mut candidates = Vec::new();
        self.candidates(event, &mut scratch, &mut candidates);
        for i in candidates {
            let compiled = &self.rules[i as usize];
            if !self.holds(&compiled.node, event, &mut scratch) {
                continue;
            }
            match held_back(&compiled.rule, event) {
                None if !may(&compiled.rule) => {}
                Some(why) => out.held_back.push((&compiled.rule.key, why)),
                None => {
                    out.firings.push(Firing { rule: &compiled.rule, because: self.because(&compiled.node, true, event, &mut scratch) });
                    if compiled.rule.stop {
                        break;
                    }
                }
            }
        }
        out
    }

    /// Whether one rule's condition holds for an object, its trigger aside: for schedules and "so long in a state".
    /// `None`: it does not hold, is disabled, unknown, or may not fire.
    #[must_use]
    pub fn fire_rule(&self, key: &str, event: &Event<'_>) -> Option<Firing<'_>> {
        let compiled = self.rules.iter().find(|c| c.rule.key == key && c.rule.enabled)?;
        let mut scratch = Scratch::new(self.slots.len(), self.leaves.len());
        if held_back(&compiled.rule, event).is_some() || !self.holds(&compiled.node, event, &mut scratch) {
            return None;
        }
        Some(Firing { rule: &compiled.rule, because: self.because(&compiled.node, true, event, &mut scratch) })
    }

    /// The enabled rules that could fire, in order: those of the event's kind whose needed text is there.
    fn candidates<'e>(&self, event: &Event<'e>, scratch: &mut Scratch<'e>, out: &mut Vec<u32>) {
        let Some(index) = self.by_kind.get(event.kind) else {
            out.extend(self.wild.iter().filter(|(prefix, _)| event.kind.starts_with(prefix.as_str())).map(|(_, i)| *i));
            out.dedup();
            return;
        };
        out.extend_from_slice(&index.open);
        for (slot, by_text) in &index.guarded {
            match scratch.fact(*slot, &self.slots, event.facts) {
                Value::String(text) => out.extend(by_text.get(text.as_str()).into_iter().flatten()),
                Value::Array(items) => items.iter().filter_map(Value::as_str).for_each(|text| out.extend(by_text.get(text).into_iter().flatten())),
                _ => {}
            }
        }
        out.sort_unstable();
        out.dedup();
    }
}

/// The events a rule names.
fn names(rule: &Rule) -> impl Iterator<Item = &str> {
    rule.when.iter().filter_map(|trigger| match trigger {
        Trigger::On(on) => Some(on.on.iter().map(String::as_str)),
        _ => None,
    }).flatten()
}

/// Whether a rule is started by a kind of event.
fn listens(rule: &Rule, kind: &str) -> bool {
    names(rule).any(|name| name == kind || name.strip_suffix('*').is_some_and(|prefix| kind.starts_with(prefix)))
}

fn held_back(rule: &Rule, event: &Event<'_>) -> Option<HeldBack> {
    if event.causes.iter().any(|cause| *cause == rule.key) {
        Some(HeldBack::OwnChange)
    } else if event.causes.len() >= LONGEST_CHAIN {
        Some(HeldBack::ChainTooLong)
    } else {
        None
    }
}

/// The comparisons that must all hold for the condition to hold.
fn needed(condition: &Condition) -> Vec<(&str, Op, &Value)> {
    match condition {
        Condition::All { all } => all.iter().flat_map(needed).collect(),
        Condition::Any { any } if any.len() == 1 => needed(&any[0]),
        Condition::Compare { field, op, value } => vec![(field, *op, value)],
        _ => Vec::new(),
    }
}

/// Counts of rules, fields and comparisons fit: a workspace has thousands at most.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
