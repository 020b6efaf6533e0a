//! Whether a case may go to another stage, and if not, everything that is in the way.

use serde::Serialize;
use serde_json::{Map, Value};
use shouwen_rules::{Condition, Facts, evaluate, explain};

use crate::case_type::CaseType;
use crate::definition::{Stage, Status, Step, Way};
use crate::who::Who;

/// A wish to move a case.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub from: &'a str,
    pub to: &'a str,
    /// Answers to the form.
    pub answers: &'a Map<String, Value>,
    /// How it ends, when it goes to the archive.
    pub resolution: Option<&'a str>,
    /// The end was verified in one of the type's ways.
    pub verified: bool,
    /// Microseconds since 1970 UTC.
    pub now: i64,
}

/// What follows from a move.
#[derive(Clone, Debug, PartialEq)]
pub struct Move<'a> {
    pub to: &'a Stage,
    pub status: Status,
    pub step: Step,
}

/// A comparison that did not hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failed {
    /// The comparison's place within the condition: `all[0].priority`.
    pub path: String,
    /// What was found there.
    pub found: Value,
}

/// One thing in the way.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Reason {
    /// The type has no such stage.
    NoSuchStage { stage: String, known: Vec<String> },
    /// It stands there already.
    AlreadyThere { stage: String },
    /// No way leads there from here.
    NotFromHere { from: String, to: String, allowed: Vec<String> },
    /// Others may move it out of this stage.
    NotYours { who: Vec<Who> },
    /// Fields that must be answered to go on.
    Missing { fields: Vec<String> },
    /// A condition to go on (`leave`) or to come in (`enter`) does not hold.
    Condition { gate: &'static str, stage: String, condition: String, failed: Vec<Failed> },
    /// The end is not verified.
    Unverified { ways: Vec<Way> },
}

/// Why a move is refused: everything in the way, at once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refusal {
    pub reasons: Vec<Reason>,
}

/// Decides a move. `holds`: what the one who asks is to this case; `shown`: whether a form field is shown with these
/// answers (a hidden field is never required).
pub fn decide<'a>(kind: &'a CaseType, asked: &Asked<'_>, facts: &impl Facts, holds: &dyn Fn(&Who) -> bool, shown: &dyn Fn(&str) -> bool) -> Result<Move<'a>, Refusal> {
    let definition = kind.definition();
    let Some(to) = kind.at(asked.to).filter(|i| definition.stages[*i].key == asked.to) else {
        return Err(Refusal { reasons: vec![Reason::NoSuchStage { stage: asked.to.to_owned(), known: definition.stages.iter().map(|s| s.key.clone()).collect() }] });
    };
    let target = &definition.stages[to];
    let aside = target.status == Status::Closed && asked.resolution.and_then(|r| kind.resolution(r)).is_some_and(|r| r.aside);
    let mut reasons = Vec::new();
    if let Some(from) = kind.at(asked.from) {
        let stage = &definition.stages[from];
        if from == to {
            return Err(Refusal { reasons: vec![Reason::AlreadyThere { stage: target.key.clone() }] });
        }
        if let Some(who) = stage.who.as_ref().filter(|who| !who.iter().any(holds)) {
            reasons.push(Reason::NotYours { who: who.clone() });
        }
        if aside {
            return if reasons.is_empty() { Ok(Move { to: target, status: target.status, step: target.step }) } else { Err(Refusal { reasons }) };
        }
        if let Some(allowed) = stage.to.as_ref().filter(|allowed| !allowed.contains(&target.key)) {
            reasons.push(Reason::NotFromHere { from: stage.key.clone(), to: target.key.clone(), allowed: allowed.clone() });
        }
        let missing: Vec<String> = stage.require.iter().filter(|key| is_empty(asked.answers.get(*key)) && shown(key)).cloned().collect();
        if !missing.is_empty() {
            reasons.push(Reason::Missing { fields: missing });
        }
        reasons.extend(gate("leave", stage, stage.leave.as_deref(), kind.gate(from).1.as_ref(), facts, asked.now));
    }
    reasons.extend(gate("enter", target, target.enter.as_deref(), kind.gate(to).0.as_ref(), facts, asked.now));
    if target.status == Status::Closed && !asked.verified && !kind.ends_by(asked.resolution) {
        reasons.push(Reason::Unverified { ways: kind.ways().to_vec() });
    }
    if reasons.is_empty() { Ok(Move { to: target, status: target.status, step: target.step }) } else { Err(Refusal { reasons }) }
}

fn gate(name: &'static str, stage: &Stage, text: Option<&str>, condition: Option<&Condition>, facts: &impl Facts, now: i64) -> Option<Reason> {
    let condition = condition.filter(|c| !evaluate(c, facts, now))?;
    let failed = explain(condition, facts, now).into_iter().filter(|(_, held, _)| !held).map(|(path, _, found)| Failed { path, found }).collect();
    Some(Reason::Condition { gate: name, stage: stage.key.clone(), condition: text.unwrap_or_default().to_owned(), failed })
}

/// Whether an answer is no answer.
pub fn is_empty(answer: Option<&Value>) -> bool {
    match answer {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(map)) => map.is_empty(),
        Some(_) => false,
    }
}
