//! Rules over past events, nothing carried out: what would have happened?

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::condition::Fault;
use crate::evaluate::Facts;
use crate::set::{Event, HeldBack, Reason, RuleSet, Why};
use crate::units::time_micros;
use std::borrow::Cow;

/// A past event as a line of a file: `{"kind": "case.opened", "at": "2026-03-02T09:00:00+08:00", "case": "cas_…",
/// "facts": {…}, "before": {…}}`. Facts have dotted names or lie nested (`{"customer": {"tier": 5}}`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastEvent {
    pub kind: String,
    /// RFC 3339.
    pub at: String,
    /// What names it in a report; absent: its line number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The case it is about, for `once_per`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub case: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub customer: String,
    /// Which stay in a stage it was, for `once_per = "case_stage"`: `review#2`. Absent: a stage is stayed in once.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stay: String,
    /// The fields after the event.
    #[serde(default)]
    pub facts: Map<String, Value>,
    /// What changed fields were before it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub before: Map<String, Value>,
    /// The rules that caused it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
}

impl PastEvent {
    /// Reads one line.
    ///
    /// # Errors
    /// What is wrong with it, with its column; the line is the caller's to add.
    pub fn read(line: &str) -> Result<Self, Fault> {
        let right = "{\"kind\": \"case.opened\", \"at\": \"2026-03-02T09:00:00+08:00\", \"case\": \"…\", \"facts\": {…}, \"before\": {…}}";
        let event: Self = serde_json::from_str(line).map_err(|error| {
            // Of broken JSON the reader says what it looked for inside, which helps nobody.
            let wrong = if error.is_data() { error.to_string().split(" at line ").next().unwrap_or_default().to_owned() } else { "the line is not JSON".to_owned() };
            Fault { column: u32::try_from(error.column()).ok(), ..Fault::new("", format!("this is no event: {wrong}"), right) }
        })?;
        if time_micros(&event.at).is_none() {
            return Err(Fault::new("at", format!("`{}` is no time", event.at), "RFC 3339 with a zone, such as 2026-03-02T09:00:00+08:00"));
        }
        Ok(event)
    }

    /// When it was, in microseconds UTC; 0 where its time cannot be read.
    #[must_use]
    pub fn micros(&self) -> i64 {
        time_micros(&self.at).unwrap_or(0)
    }
}

impl Facts for PastEvent {
    fn fact(&self, field: &str) -> Value {
        self.look(field).into_owned()
    }

    fn look(&self, field: &str) -> Cow<'_, Value> {
        dotted(&self.facts, field).map_or(Cow::Owned(Value::Null), Cow::Borrowed)
    }

    fn before(&self, field: &str) -> Option<Cow<'_, Value>> {
        dotted(&self.before, field).map(Cow::Borrowed)
    }
}

/// A field by its whole name, or step by step through nested tables.
fn dotted<'m>(map: &'m Map<String, Value>, field: &str) -> Option<&'m Value> {
    if let Some(found) = map.get(field) {
        return Some(found);
    }
    field.match_indices('.').find_map(|(at, _)| dotted(map.get(&field[..at])?.as_object()?, &field[at + 1..]))
}

/// What would have happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    pub events: u64,
    /// Firings of all rules together.
    pub fired: u64,
    /// By rule, in the order they are asked.
    pub rules: Vec<RuleReport>,
}

/// What one rule would have done.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RuleReport {
    pub rule: String,
    pub enabled: bool,
    pub fired: u64,
    /// Events that started it.
    pub asked: u64,
    /// Condition held, but `once_per` was used up.
    pub used_up: u64,
    /// Condition held, but loop protection forbade it.
    pub held_back: u64,
    /// Cases it would have fired for.
    pub cases: u64,
    /// The first firings.
    pub samples: Vec<Sample>,
    /// Comparisons that most often kept it from firing, with how often; only of a rule that never fired.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept_by: Vec<(String, u64)>,
}

/// One firing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sample {
    pub event: String,
    pub kind: String,
    pub at: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub case: String,
    pub because: Vec<Reason>,
    /// The actions by name, macros unfolded.
    pub then: Vec<String>,
}

/// A dry run under way; feed it events in their order.
pub struct DryRun<'a> {
    set: &'a RuleSet,
    samples: usize,
    offset_s: i32,
    report: Report,
    at: BTreeMap<&'a str, usize>,
    used: HashSet<String>,
    cases: HashSet<(usize, String)>,
    kept: BTreeMap<usize, BTreeMap<String, u64>>,
}

impl<'a> DryRun<'a> {
    /// Keeps `samples` firings of each rule; `offset_s` is the zone's distance from UTC for `once_per` hours and days.
    #[must_use]
    pub fn new(set: &'a RuleSet, samples: usize, offset_s: i32) -> Self {
        let rules: Vec<RuleReport> = set.rules().map(|rule| RuleReport { rule: rule.key.clone(), enabled: rule.enabled, ..RuleReport::default() }).collect();
        let at = set.rules().enumerate().map(|(i, rule)| (rule.key.as_str(), i)).collect();
        Self { set, samples, offset_s, report: Report { rules, ..Report::default() }, at, used: HashSet::new(), cases: HashSet::new(), kept: BTreeMap::new() }
    }

    /// One event. Nothing is carried out, so a rule sees the facts as they were, not as earlier rules would have made them.
    pub fn feed(&mut self, past: &PastEvent) {
        self.report.events += 1;
        let number = self.report.events;
        let event = Event { kind: &past.kind, facts: past, now: past.micros(), causes: &past.causes };
        let stage = Some(past.stay.as_str()).filter(|stay| !stay.is_empty()).or_else(|| dotted(&past.facts, "stage").and_then(Value::as_str)).unwrap_or_default();
        let key = |rule: &crate::Rule| rule.once_per.map(|once| once.key(&rule.key, &past.case, &past.customer, stage, event.now, self.offset_s));
        let refused = std::cell::RefCell::new(Vec::new());
        let outcome = self.set.fire_where(&event, |rule| {
            let used = key(rule).is_some_and(|key| self.used.contains(&key));
            if used {
                refused.borrow_mut().push(rule.key.clone());
            }
            !used
        });
        let used: Vec<String> = outcome.firings.iter().filter_map(|firing| key(firing.rule)).collect();
        for rule in refused.into_inner() {
            if let Some(i) = self.at.get(rule.as_str()) {
                self.report.rules[*i].used_up += 1;
            }
        }
        for (rule, _) in &outcome.held_back {
            if let Some(i) = self.at.get(rule) {
                self.report.rules[*i].held_back += 1;
            }
        }
        for firing in outcome.firings {
            let Some(i) = self.at.get(firing.rule.key.as_str()).copied() else { continue };
            self.report.fired += 1;
            let row = &mut self.report.rules[i];
            row.fired += 1;
            if !past.case.is_empty() && self.cases.insert((i, past.case.clone())) {
                row.cases += 1;
            }
            if row.samples.len() < self.samples {
                let name = if past.id.is_empty() { format!("line {number}") } else { past.id.clone() };
                let then = self.set.expand(&firing.rule.then).into_iter().map(|action| action.name().to_owned()).collect();
                row.samples.push(Sample { event: name, kind: past.kind.clone(), at: past.at.clone(), case: past.case.clone(), because: firing.because, then });
            }
        }
        self.used.extend(used);
        self.count_asked(&event);
    }

    /// For "asked 800 times, kept back by …": thorough, but only rules that listen are looked at.
    fn count_asked(&mut self, event: &Event<'_>) {
        for i in self.set.listening(event.kind) {
            self.report.rules[i].asked += 1;
            if self.report.rules[i].fired == 0 {
                for reason in self.set.failing(i, event) {
                    *self.kept.entry(i).or_default().entry(reason).or_default() += 1;
                }
            }
        }
    }

    /// The report so far.
    #[must_use]
    pub fn report(mut self) -> Report {
        for (i, reasons) in self.kept {
            if self.report.rules[i].fired > 0 {
                continue;
            }
            let mut reasons: Vec<(String, u64)> = reasons.into_iter().collect();
            reasons.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            reasons.truncate(3);
            self.report.rules[i].kept_by = reasons;
        }
        self.report
    }
}

/// Rules over events: how often each would have fired, with the first firings and their reasons.
pub fn dry_run<'e>(set: &RuleSet, events: impl IntoIterator<Item = &'e PastEvent>) -> Report {
    let mut run = DryRun::new(set, 3, 0);
    for event in events {
        run.feed(event);
    }
    run.report()
}

/// Why one event did not fire a rule, in words for a terminal.
pub(crate) fn in_words(why: &Why) -> String {
    let list = |reasons: &[Reason]| reasons.iter().map(|r| format!("{} (found {})", r.text, r.fact)).collect::<Vec<_>>().join("; ");
    match why {
        Why::Holds(reasons) if reasons.is_empty() => "it has no condition".to_owned(),
        Why::Holds(reasons) => list(reasons),
        Why::Fails(reasons) => format!("not: {}", list(reasons)),
        Why::Disabled => "it is disabled".to_owned(),
        Why::OtherEvents(events) if events.is_empty() => "it waits for no event".to_owned(),
        Why::OtherEvents(events) => format!("it waits for {}", events.join(", ")),
        Why::StoppedBy(rule) => format!("`{rule}` stopped the rest"),
        Why::HeldBack(HeldBack::OwnChange) => "the event is a consequence of the rule itself".to_owned(),
        Why::HeldBack(HeldBack::ChainTooLong) => "the chain of causes is too long".to_owned(),
    }
}
