//! Answers against a form.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use regex::Regex;
use serde::Serialize;
use serde_json::{Map, Value};
use shouwen_rules::{Condition, Facts, evaluate, placeholders, render};

use crate::answer::{clean, is_empty, required, rows, unknown};
use crate::definition::{Field, FieldType, Form, Hidden};
use crate::facts::fact;
use crate::fault::AnswerFault;

/// What a check needs from outside.
pub struct Context<'a> {
    /// Microseconds since 1970 UTC.
    pub now: i64,
    /// The local date, `2026-11-21`.
    pub today: &'a str,
    /// The case's fields, read as `case.priority` and so on.
    pub case: &'a dyn Facts,
    /// Whether a person, team, org unit, customer, case or file of that id exists and may be named by who answers.
    pub exists: &'a dyn Fn(FieldType, &str) -> bool,
    /// Required answers must be there; false for drafts and half-way stages.
    pub complete: bool,
    /// Options that are no longer offered are still good: for answers given before they were retired.
    pub keep_retired: bool,
}

/// What came of a check.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Checked {
    /// Cleaned answers, defaults and computed texts included; faulty ones are left out.
    pub answers: Map<String, Value>,
    /// In reading order of the form; unknown fields first.
    pub faults: Vec<AnswerFault>,
    /// Fields that are not shown now.
    pub hidden: Vec<String>,
    /// Fields that must be answered now.
    pub required: Vec<String>,
}

impl Checked {
    /// Whether the answers can be taken.
    #[must_use]
    pub fn good(&self) -> bool {
        self.faults.is_empty()
    }
}

/// A form made ready to check many answers: patterns compiled, fields in the order their conditions need.
#[derive(Debug)]
pub struct Ready<'f> {
    form: &'f Form,
    /// Section, field, its place in reading order; in an order in which what a condition reads comes before it.
    order: Vec<Step<'f>>,
    keys: HashSet<&'f str>,
}

#[derive(Debug)]
struct Step<'f> {
    section_shows: Option<&'f Condition>,
    field: &'f Field,
    place: usize,
    pattern: Option<Regex>,
    columns: Vec<Option<Regex>>,
}

impl<'f> Ready<'f> {
    /// Makes a form ready. It should have been validated; a pattern that is none matches everything.
    #[must_use]
    pub fn new(form: &'f Form) -> Self {
        let steps: Vec<Step<'f>> = form
            .fields()
            .enumerate()
            .map(|(place, (section, field))| Step {
                section_shows: section.show_if.as_ref(),
                field,
                place,
                pattern: compiled(field),
                columns: field.columns.iter().map(compiled).collect(),
            })
            .collect();
        let keys = steps.iter().map(|step| step.field.key.as_str()).collect();
        Self { form, order: in_order(steps), keys }
    }

    /// The form.
    #[must_use]
    pub fn form(&self) -> &'f Form {
        self.form
    }

    /// Checks answers; see [`check`].
    #[must_use]
    pub fn check(&self, answers: &Map<String, Value>, context: &Context<'_>) -> Checked {
        let mut out = Checked::default();
        for key in answers.keys().filter(|key| !self.keys.contains(key.as_str())) {
            out.faults.push(unknown(key, self.form.fields().map(|(_, field)| field.key.as_str())).at(key));
        }
        let unknown_count = out.faults.len();
        let mut view = View { answers: Map::new(), case: context.case };
        let mut placed: Vec<(usize, AnswerFault)> = Vec::new();
        let (mut hidden, mut must) = (Vec::new(), Vec::new());
        for step in &self.order {
            let field = step.field;
            let holds = |condition: &Option<Condition>| condition.as_ref().map(|c| evaluate(c, &view, context.now));
            let shown = step.section_shows.is_none_or(|c| evaluate(c, &view, context.now)) && holds(&field.show_if).unwrap_or(true);
            if !shown {
                hidden.push(step);
                if field.hidden == Hidden::Drop {
                    continue;
                }
            }
            let is_required = shown && (field.required || holds(&field.require_if).unwrap_or(false));
            if is_required {
                must.push(step);
            }
            let mut faults = Vec::new();
            let given = answers.get(&field.key).filter(|value| !is_empty(value));
            let cleaned = self.one(step, given, &view, context, &mut faults);
            if is_empty(&cleaned) {
                if is_required && context.complete && faults.is_empty() && field.kind != FieldType::Computed {
                    faults.push(required().at(&field.key));
                }
            } else {
                view.answers.insert(field.key.clone(), fact(field, &cleaned));
                out.answers.insert(field.key.clone(), cleaned);
            }
            placed.extend(faults.into_iter().map(|fault| (step.place, fault)));
        }
        placed.sort_by_key(|(place, _)| *place);
        out.faults.truncate(unknown_count);
        out.faults.extend(placed.into_iter().map(|(_, fault)| fault));
        out.hidden = by_place(hidden);
        out.required = by_place(must);
        out
    }

    fn one(&self, step: &Step<'_>, given: Option<&Value>, view: &View<'_>, context: &Context<'_>, faults: &mut Vec<AnswerFault>) -> Value {
        let field = step.field;
        if field.kind == FieldType::Computed {
            // What a computed field is sent is ignored: a client sends back what it was shown.
            return Value::from(render(field.template.pick("zh"), view));
        }
        let Some(value) = given.or(Some(&field.default)).filter(|value| !is_empty(value)) else { return Value::Null };
        if field.kind == FieldType::Table {
            return rows(field, value, &step.columns, context, faults);
        }
        clean(field, value, step.pattern.as_ref(), context).unwrap_or_else(|wrong| {
            faults.push(wrong.at(&field.key));
            Value::Null
        })
    }
}

/// Checks answers against a form: unknown fields are refused, hidden ones dropped or kept as they say, defaults and
/// computed texts filled. For one check; [`Ready`] serves many.
#[must_use]
pub fn check(form: &Form, answers: &Map<String, Value>, context: &Context<'_>) -> Checked {
    Ready::new(form).check(answers, context)
}

fn by_place(mut steps: Vec<&Step<'_>>) -> Vec<String> {
    steps.sort_by_key(|step| step.place);
    steps.into_iter().map(|step| step.field.key.clone()).collect()
}

/// The whole text must match.
pub(crate) fn whole_pattern(pattern: &str) -> Result<Regex, regex::Error> {
    regex::RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(1 << 18).build()
}

fn compiled(field: &Field) -> Option<Regex> {
    whole_pattern(field.pattern.as_deref()?).ok()
}

/// The answers other fields of the form read for this one.
pub(crate) fn reads(section_shows: Option<&Condition>, field: &Field) -> Vec<String> {
    let conditions = section_shows.into_iter().chain(&field.show_if).chain(&field.require_if).flat_map(Condition::fields);
    let template = [&field.template.zh, &field.template.en].into_iter().flat_map(|text| placeholders(text));
    conditions.chain(template).filter(|name| !name.starts_with("case.")).map(str::to_owned).collect()
}

/// What is read comes before who reads it; reading order otherwise. A ring (refused by validation) is cut where it began.
fn in_order(steps: Vec<Step<'_>>) -> Vec<Step<'_>> {
    let at: HashMap<&str, usize> = steps.iter().enumerate().map(|(i, step)| (step.field.key.as_str(), i)).collect();
    let needs: Vec<Vec<usize>> = steps.iter().map(|step| reads(step.section_shows, step.field).iter().filter_map(|key| at.get(key.as_str()).copied()).collect()).collect();
    let mut order = Vec::with_capacity(steps.len());
    // 0 not seen, 1 on the way, 2 done.
    let mut state = vec![0u8; steps.len()];
    for start in 0..steps.len() {
        let mut stack = vec![(start, 0usize)];
        while let Some((i, next)) = stack.pop() {
            if next == 0 {
                if state[i] != 0 {
                    continue;
                }
                state[i] = 1;
            }
            match needs[i].iter().enumerate().skip(next).find(|(_, need)| state[**need] == 0) {
                Some((n, need)) => {
                    stack.push((i, n + 1));
                    stack.push((*need, 0));
                }
                None => {
                    state[i] = 2;
                    order.push(i);
                }
            }
        }
    }
    let mut slots: Vec<Option<Step<'_>>> = steps.into_iter().map(Some).collect();
    order.into_iter().filter_map(|i| slots[i].take()).collect()
}

/// The answers so far and the case, as facts.
struct View<'a> {
    answers: Map<String, Value>,
    case: &'a dyn Facts,
}

impl Facts for View<'_> {
    fn fact(&self, field: &str) -> Value {
        self.look(field).into_owned()
    }

    fn look(&self, field: &str) -> Cow<'_, Value> {
        match field.strip_prefix("case.") {
            Some(name) => self.case.look(name),
            None => self.answers.get(field).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
        }
    }
}
