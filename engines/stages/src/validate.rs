//! What is wrong with a definition, where, and what would be right. Every fault at once.

use std::collections::BTreeSet;

use shouwen_rules::Condition;

use crate::definition::{Definition, Status, Step, Title};
use crate::{Fault, form, when};

/// Most stages of a type.
const MOST_STAGES: usize = 50;
/// Longest key, title.
const LONGEST: (usize, usize) = (40, 100);

type Gates = Vec<(Option<Condition>, Option<Condition>)>;

/// The faults, and the conditions that could be read.
pub(crate) fn check(d: &Definition) -> (Gates, Vec<Fault>) {
    let mut faults = Faults(Vec::new());
    faults.key("key", &d.key);
    faults.title("title", &d.title);
    if let Some(help) = &d.help {
        faults.title("help", help);
    }
    faults.0.extend(form::faults(d));
    stages(d, &mut faults);
    ways(d, &mut faults);
    ends(d, &mut faults);
    let catalogue = when::catalogue(d);
    let gates = d
        .stages
        .iter()
        .enumerate()
        .map(|(i, s)| {
            let mut read = |name: &str, text: &Option<String>| {
                let text = text.as_ref()?;
                match when::read(text, &catalogue) {
                    Ok(condition) => Some(condition),
                    Err(wrong) => {
                        let outer = format!("stage[{i}].{name}");
                        faults.0.extend(wrong.into_iter().map(|f| Fault { path: outer.clone(), ..f }));
                        None
                    }
                }
            };
            (read("enter", &s.enter), read("leave", &s.leave))
        })
        .collect();
    (gates, faults.0)
}

struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, path: impl Into<String>, wrong: impl Into<String>, right: impl Into<String>) {
        self.0.push(Fault::new(path, wrong, right));
    }

    fn key(&mut self, path: impl Into<String>, key: &str) {
        let begins = key.chars().next().is_some_and(|c| c.is_ascii_lowercase());
        if !begins || key.len() > LONGEST.0 || !key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-') {
            self.add(path, format!("`{key}` is no key"), "lower-case letters, digits, `_` and `-`, beginning with a letter, at most 40 characters");
        }
    }

    fn title(&mut self, path: &str, title: &Title) {
        for (language, text) in [("zh", &title.zh), ("en", &title.en)] {
            if text.trim().is_empty() {
                self.add(format!("{path}.{language}"), "the text is empty", "a text in both languages");
            } else if path != "help" && !path.ends_with(".help") && text.chars().count() > LONGEST.1 {
                self.add(format!("{path}.{language}"), "the text is too long", "at most 100 characters");
            }
        }
    }
}

fn known(d: &Definition) -> String {
    d.stages.iter().map(|s| s.key.as_str()).collect::<Vec<_>>().join(", ")
}

fn has(d: &Definition, key: &str) -> bool {
    d.stages.iter().any(|s| s.key == key)
}

fn stages(d: &Definition, faults: &mut Faults) {
    if d.stages.is_empty() {
        faults.add("stage", "there is no stage", "at least a first one and one with status = \"closed\"");
        return;
    }
    if d.stages.len() > MOST_STAGES {
        faults.add("stage", format!("{} stages", d.stages.len()), format!("at most {MOST_STAGES}"));
    }
    let mut seen = BTreeSet::new();
    for (i, s) in d.stages.iter().enumerate() {
        let at = |part: &str| format!("stage[{i}].{part}");
        faults.key(at("key"), &s.key);
        faults.title(&at("title"), &s.title);
        if let Some(help) = &s.help {
            faults.title(&at("help"), help);
        }
        if !seen.insert(&s.key) {
            faults.add(at("key"), format!("there are two stages `{}`", s.key), "a key of its own for each stage");
        }
        if s.status == Status::Closed && !matches!(s.step, Step::Archive | Step::Improve) {
            faults.add(at("loop"), format!("a closed stage belongs to the step `{}`", s.step.word()), "archive or improve");
        }
        if s.status != Status::Closed && s.step == Step::Archive {
            faults.add(at("loop"), format!("a stage that is {} belongs to the step `archive`", s.status.word()), "status = \"closed\", or another step");
        }
        for (j, clock) in s.pause.iter().enumerate() {
            let known = ["first_response", "next_response", "resolution", "due", "all"].contains(&clock.as_str()) || clock.strip_prefix("reg.").is_some_and(|key| !key.is_empty());
            if !known {
                faults.add(format!("stage[{i}].pause[{j}]"), format!("there is no clock `{clock}`"), "first_response, next_response, resolution, due, all, or reg.KEY of a regulatory clock");
            }
        }
        for (j, to) in s.to.iter().flatten().enumerate() {
            let path = format!("stage[{i}].to[{j}]");
            if *to == s.key {
                faults.add(path, format!("`{to}` leads to itself"), "another stage");
            } else if !has(d, to) {
                faults.add(path, format!("there is no stage `{to}`"), known(d));
            }
        }
        if s.who.as_ref().is_some_and(Vec::is_empty) {
            faults.add(at("who"), "nobody may move it out", "at least one of assignee, accountable, co_handler, team, system, permission:CODE; or leave it out");
        }
        for (j, field) in s.require.iter().enumerate() {
            if !form::has(d, field) {
                faults.add(format!("stage[{i}].require[{j}]"), format!("the form has no field `{field}`"), form::known(d));
            }
        }
        review(d, i, faults);
    }
    for (path, key, open) in [("first", &d.first, true), ("working", &d.working, true)] {
        match d.stages.iter().find(|s| s.key == *key) {
            None => faults.add(path, format!("there is no stage `{key}`"), known(d)),
            Some(s) if open && s.status != Status::Open => faults.add(path, format!("the stage `{key}` is {}", s.status.word()), "a stage with status = \"open\""),
            Some(_) => {}
        }
    }
    for (old, new) in &d.moved {
        if has(d, old) {
            faults.add(format!("moved.{old}"), format!("the stage `{old}` still exists"), "a stage of an earlier version");
        }
        if !has(d, new) {
            faults.add(format!("moved.{old}"), format!("there is no stage `{new}`"), known(d));
        }
    }
}

fn review(d: &Definition, i: usize, faults: &mut Faults) {
    let s = &d.stages[i];
    for (part, key) in [("approved", &s.approved), ("returned", &s.returned)] {
        match (key, &s.review) {
            (Some(key), Some(_)) if !has(d, key) || *key == s.key => faults.add(format!("stage[{i}].{part}"), format!("`{key}` is no other stage"), known(d)),
            (Some(_), None) => faults.add(format!("stage[{i}].{part}"), "nothing is reviewed here", "review = \"FLOW\" beside it, or leave it out"),
            (None, Some(_)) => faults.add(format!("stage[{i}].review"), format!("it is not said where a review that was {part} leads"), format!("{part} = \"STAGE\"")),
            _ => {}
        }
    }
}

/// Stages nobody can come to, and stages nobody can come out of.
fn ways(d: &Definition, faults: &mut Faults) {
    if d.stages.is_empty() {
        return;
    }
    if !d.stages.iter().any(|s| s.status == Status::Closed) {
        faults.add("stage", "no stage is closed", "a stage with status = \"closed\": every case must have an end");
    }
    let reached = walk(d, [d.first.as_str(), d.working.as_str()].into());
    for (i, s) in d.stages.iter().enumerate() {
        if !reached.contains(s.key.as_str()) {
            faults.add(format!("stage[{i}]"), format!("no way leads to the stage `{}`", s.key), "its key in `to` of a stage that can be reached");
        }
        let onward = walk(d, [s.key.as_str()].into());
        if s.status != Status::Closed && !d.stages.iter().any(|e| e.status == Status::Closed && onward.contains(e.key.as_str())) {
            faults.add(format!("stage[{i}].to"), format!("no way leads from `{}` to an end", s.key), "a way to a stage with status = \"closed\"");
        }
    }
}

/// Every stage one can get to from these.
fn walk<'a>(d: &'a Definition, mut open: Vec<&'a str>) -> BTreeSet<&'a str> {
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    while let Some(key) = open.pop() {
        let Some(s) = d.stages.iter().find(|s| s.key == key) else { continue };
        if !reached.insert(&s.key) {
            continue;
        }
        match &s.to {
            None => open.extend(d.stages.iter().map(|s| s.key.as_str())),
            Some(to) => open.extend(to.iter().map(String::as_str)),
        }
        open.extend(s.approved.iter().chain(&s.returned).map(String::as_str));
    }
    reached
}

fn ends(d: &Definition, faults: &mut Faults) {
    if d.resolutions.is_empty() {
        faults.add("resolution", "there is no resolution", "at least one way a case can end");
    }
    let mut seen = BTreeSet::new();
    for (i, r) in d.resolutions.iter().enumerate() {
        faults.key(format!("resolution[{i}].key"), &r.key);
        faults.title(&format!("resolution[{i}].title"), &r.title);
        if !seen.insert(&r.key) {
            faults.add(format!("resolution[{i}].key"), format!("there are two resolutions `{}`", r.key), "a key of its own for each");
        }
    }
    let v = &d.verification;
    for (i, r) in d.resolutions.iter().enumerate().filter(|(_, r)| r.aside && !v.by_resolution.contains(&r.key)) {
        faults.add(format!("resolution[{i}].aside"), format!("`{}` puts a case aside but is not reason enough for it", r.key), "its key in verification.by_resolution");
    }
    if v.ways.is_empty() && v.by_resolution.is_empty() {
        faults.add("verification", "nothing verifies an end", "ways = [\"customer\", \"signature\", \"callback\", \"reason\"], or by_resolution = [resolutions that are reason enough]");
    }
    if v.ways.is_empty() && !d.resolutions.iter().all(|r| v.by_resolution.contains(&r.key)) {
        faults.add("verification.ways", "some ends could never be verified", "at least one way, or every resolution in by_resolution");
    }
    for (i, key) in v.by_resolution.iter().enumerate() {
        if !d.resolutions.iter().any(|r| r.key == *key) {
            faults.add(format!("verification.by_resolution[{i}]"), format!("there is no resolution `{key}`"), d.resolutions.iter().map(|r| r.key.as_str()).collect::<Vec<_>>().join(", "));
        }
    }
}
