//! Rules that start each other, found without running them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::{RuleSet, listens, needed};
use crate::action::Action;
use crate::condition::{Condition, Op};
use crate::evaluate::holds;
use crate::rule::Rule;

/// Rules that can start each other in a ring. Nothing runs forever because of them: a rule never fires again on a
/// consequence of its own firing. But somebody should look whether that is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cycle {
    /// The rules' keys, in the order they start each other; one alone starts itself.
    pub rules: Vec<String>,
    /// The fields through which they do.
    pub fields: Vec<String>,
}

/// What a rule's actions change: events they cause and fields they set, with the value where it is known.
#[derive(Default)]
struct Effects {
    events: BTreeSet<&'static str>,
    fields: BTreeMap<String, Option<Value>>,
    gained_tags: BTreeSet<String>,
    lost_tags: BTreeSet<String>,
}

impl RuleSet {
    /// The rings among the enabled rules. A rule starts another if an action of it causes an event the other waits for,
    /// sets a field the other's condition reads (or the other reads none), and does not itself make that condition
    /// impossible.
    #[must_use]
    pub fn cycles(&self) -> Vec<Cycle> {
        let rules: Vec<&Rule> = self.rules().filter(|rule| rule.enabled).collect();
        let effects: Vec<Effects> = rules.iter().map(|rule| self.effects(rule)).collect();
        let edges: Vec<Vec<(usize, Vec<String>)>> = effects
            .iter()
            .map(|effect| rules.iter().enumerate().filter_map(|(to, rule)| through(effect, rule).map(|fields| (to, fields))).collect())
            .collect();
        let mut seen = BTreeSet::new();
        let mut out = Vec::new();
        for start in 0..rules.len() {
            let Some(path) = shortest_ring(start, &edges) else { continue };
            let mut members = path.clone();
            members.sort_unstable();
            if !seen.insert(members) {
                continue;
            }
            let mut fields = BTreeSet::new();
            for (at, from) in path.iter().enumerate() {
                let to = path[(at + 1) % path.len()];
                fields.extend(edges[*from].iter().filter(|(target, _)| *target == to).flat_map(|(_, fields)| fields.iter().cloned()));
            }
            out.push(Cycle { rules: path.iter().map(|i| rules[*i].key.clone()).collect(), fields: fields.into_iter().collect() });
        }
        out
    }

    fn effects(&self, rule: &Rule) -> Effects {
        let mut out = Effects::default();
        for action in self.expand(&rule.then) {
            let mut set = |field: &str, value: Option<Value>| {
                out.events.insert("case.updated");
                // Set twice to different values: not known which.
                out.fields.entry(field.to_owned()).and_modify(|known| if *known != value { *known = None }).or_insert(value);
            };
            match action {
                Action::SetField { field, value } => set(field, Some(value.clone()).filter(|v| !v.as_str().is_some_and(|t| t.contains('{')))),
                Action::SetPriority { priority } => set("priority", Some(Value::from(priority.as_str()))),
                Action::Tag { tags } | Action::Untag { tags } => {
                    set("tag", None);
                    out.events.insert("case.tagged");
                    let (to, from) = if matches!(action, Action::Tag { .. }) { (&mut out.gained_tags, &mut out.lost_tags) } else { (&mut out.lost_tags, &mut out.gained_tags) };
                    for tag in tags {
                        from.remove(tag);
                        to.insert(tag.clone());
                    }
                }
                Action::Assign { team, person, .. } => {
                    set("assignee", person.clone().map(Value::from));
                    if team.is_some() {
                        set("team", team.clone().map(Value::from));
                    }
                    out.events.insert("case.assigned");
                }
                Action::MoveStage { stage, .. } => {
                    set("stage", Some(Value::from(stage.as_str())));
                    set("status", None);
                    out.events.extend(["case.stage_entered", "case.closed", "case.reopened"]);
                }
                Action::OpenChild { .. } => {
                    set("children.open", None);
                    out.events.insert("case.child_opened");
                }
                Action::AddNote { .. } => {
                    out.events.insert("case.note_added");
                }
                Action::SendTemplate { .. } => {
                    set("messages", None);
                    out.events.insert("case.message_sent");
                }
                Action::StartClock { .. } => {
                    set("clock", None);
                    out.events.insert("clock.started");
                }
                Action::OpenWarning { .. } => {
                    out.events.insert("warning.opened");
                }
                Action::Notify { .. } | Action::Watch { .. } | Action::StopClock { .. } | Action::Escalate { .. } | Action::Webhook { .. } | Action::RunMacro { .. } => {}
            }
        }
        out
    }
}

/// The fields through which the effects start a rule; `None`: they do not.
fn through(effects: &Effects, rule: &Rule) -> Option<Vec<String>> {
    let mut events = effects.events.iter().filter(|event| listens(rule, event)).peekable();
    events.peek()?;
    // An event of its own name starts a rule whatever it reads; a mere update only one that reads what was updated.
    let by_update_only = events.all(|event| *event == "case.updated");
    let read: BTreeSet<&str> = rule.condition.fields().into_iter().collect();
    let shared: Vec<String> = effects.fields.keys().filter(|field| read.contains(field.as_str())).cloned().collect();
    if by_update_only && shared.is_empty() && !read.is_empty() {
        return None;
    }
    for (field, op, value) in needed(&rule.condition) {
        if let Some(Some(known)) = effects.fields.get(field) {
            let decided = !op.of_history() && !matches!(op, Op::WithinLast | Op::WithinNext | Op::OlderThan);
            if decided && !holds(op, known, value, 0) {
                return None;
            }
        }
    }
    // "… and not tag contains x, then tag x" is how people write a rule that is to fire once.
    for (tag, wanted) in needed_tags(&rule.condition) {
        if (wanted && effects.lost_tags.contains(tag)) || (!wanted && effects.gained_tags.contains(tag)) {
            return None;
        }
    }
    Some(shared)
}

/// The tags a condition cannot do without (true), or with (false).
fn needed_tags(condition: &Condition) -> Vec<(&str, bool)> {
    match condition {
        Condition::All { all } => all.iter().flat_map(needed_tags).collect(),
        Condition::Compare { field, op: Op::Contains, value } if field == "tag" => value.as_str().map(|tag| (tag, true)).into_iter().collect(),
        Condition::Compare { field, op: Op::NotIn, value } if field == "tag" => value.as_array().into_iter().flatten().filter_map(Value::as_str).map(|tag| (tag, false)).collect(),
        Condition::Not { not } => match not.as_ref() {
            Condition::Compare { field, op: Op::Contains, value } if field == "tag" => value.as_str().map(|tag| (tag, false)).into_iter().collect(),
            Condition::Compare { field, op: Op::ContainsAny | Op::In, value } if field == "tag" => value.as_array().into_iter().flatten().filter_map(Value::as_str).map(|tag| (tag, false)).collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The shortest way from a rule back to itself.
fn shortest_ring(start: usize, edges: &[Vec<(usize, Vec<String>)>]) -> Option<Vec<usize>> {
    let mut came_from: Vec<Option<usize>> = vec![None; edges.len()];
    let mut waiting = std::collections::VecDeque::from([start]);
    while let Some(at) = waiting.pop_front() {
        for (to, _) in &edges[at] {
            if *to == start {
                let mut path = vec![at];
                let mut back = at;
                while back != start {
                    back = came_from[back]?;
                    path.push(back);
                }
                path.reverse();
                return Some(path);
            }
            if came_from[*to].is_none() {
                came_from[*to] = Some(at);
                waiting.push_back(*to);
            }
        }
    }
    None
}
