//! Rules and macros as requests bring them: read, checked, every fault told.

use serde_json::{Map, Value, json};
use shouwen_kernel::{Kind, Problem, Result, WorkspaceId};
use shouwen_rules::{Action, Condition, Fault, Known, Macro, Rule, Span, Trigger, Vocabulary};
use shouwen_store::{Tx, params};
use shouwen_web::Viewer;

use crate::{facts, fire};

/// The words this workspace's rules may use: the standard ones and its macros.
pub fn vocabulary(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vocabulary> {
    let mut vocabulary = facts::vocabulary();
    let keys: Vec<(String,)> = tx.all("SELECT key FROM rule_macro WHERE workspace_id = ?1 ORDER BY key", params![workspace])?;
    vocabulary.known.insert(Known::Macro, keys.into_iter().map(|row| row.0).collect());
    Ok(vocabulary)
}

/// A fault as answers show it.
pub fn fault_json(fault: &Fault) -> Value {
    json!({ "path": fault.path, "wrong": fault.wrong, "right": fault.right, "line": fault.line, "column": fault.column })
}

/// The refusal of an input: the first fault at its field, all of them in the detail.
pub fn refusal(faults: &[Fault]) -> Problem {
    let Some(first) = faults.first() else { return Problem::internal("a refusal without a fault") };
    let place = match (first.line, first.column) {
        (Some(line), Some(column)) => format!(" (line {line}, column {column})"),
        _ => String::new(),
    };
    let mut problem = Problem::new(Kind::Invalid, "invalid", format!("{}{place}", first.wrong));
    problem.field = Some(if first.path.is_empty() { "rule".to_owned() } else { first.path.clone() });
    problem.expected(first.right.clone()).detail(json!({ "faults": faults.iter().map(fault_json).collect::<Vec<_>>() }))
}

/// What a request says, apart from the version seen.
pub struct Given {
    pub value: Value,
    pub version: Option<i64>,
}

impl Given {
    /// Takes a body apart. `owner` and `order` are not for requests to say: whoever saves owns, and `PUT /rules/order` orders.
    ///
    /// # Errors
    /// When the body is no object, or says what it may not.
    pub fn of(body: &Value) -> Result<Self> {
        let mut map: Map<String, Value> = body.as_object().cloned().ok_or_else(|| Problem::invalid("body", "the body is no object").expected("{\"title\": …, \"when\": …, \"if\": …, \"then\": […]}"))?;
        for (field, right) in [("owner", "nothing: whoever saves a rule owns it"), ("order", "PUT /rules/order with the ids in their order")] {
            if map.remove(field).is_some_and(|value| !value.is_null()) {
                return Err(Problem::invalid(field, format!("`{field}` cannot be given here")).expected(right));
            }
        }
        let version = match map.remove("version") {
            None | Some(Value::Null) => None,
            Some(value) => Some(value.as_i64().ok_or_else(|| Problem::invalid("version", format!("{value} is no version")).expected("the whole number you saw"))?),
        };
        map.retain(|_, value| !value.is_null());
        // A rule without a note is shown with an empty one; sent back so, it still has none.
        let empty = |value: &Value| value.as_str().is_some_and(str::is_empty) || value.as_object().is_some_and(|words| words.values().all(|word| word.as_str().is_some_and(str::is_empty)));
        if map.get("note").is_some_and(empty) {
            map.remove("note");
        }
        Ok(Self { value: Value::Object(map), version })
    }
}

/// Reads and checks a rule for somebody who is to own it.
///
/// # Errors
/// All its faults.
pub fn rule(value: &Value, vocabulary: &Vocabulary, viewer: &Viewer) -> std::result::Result<Rule, Vec<Fault>> {
    let rule = Rule::from_value(value, vocabulary)?;
    let mut faults = working_days(&rule);
    faults.extend(beyond(&rule.then, viewer));
    if faults.is_empty() { Ok(rule) } else { Err(faults) }
}

/// Triggers in working days: no calendar is at hand here, and guessing one would be worse than saying so.
pub fn working_days(rule: &Rule) -> Vec<Fault> {
    let whole = |span: Span| span.seconds().is_none();
    rule.when
        .iter()
        .enumerate()
        .filter_map(|(i, trigger)| {
            let (field, span) = match trigger {
                Trigger::After(after) => ("after", after.after),
                Trigger::Before(before) => ("before", before.before),
                Trigger::Every(every) => ("every", every.every),
                _ => return None,
            };
            whole(span).then(|| Fault::new(format!("when[{i}].{field}"), format!("`{span}` counts working days, which timers of rules do not know"), "a span such as 2h, 3d; or a rule on clock.warned, whose clock counts working time"))
        })
        .collect()
}

/// Actions the owner may not do themselves.
fn beyond(actions: &[Action], viewer: &Viewer) -> Vec<Fault> {
    actions
        .iter()
        .enumerate()
        .filter(|(_, action)| !viewer.can(fire::permission(action)))
        .map(|(i, action)| Fault::new(format!("then[{i}].do"), format!("you may not `{}` yourself, so your rule cannot either", action.name()), format!("the permission `{}`", fire::permission(action))))
        .collect()
}

/// Reads and checks a macro.
///
/// # Errors
/// All its faults.
pub fn a_macro(value: &Value, vocabulary: &Vocabulary) -> std::result::Result<Macro, Vec<Fault>> {
    let mut value = value.clone();
    // Its condition is read with the vocabulary, which knows labels and places.
    if let Some(Value::String(text)) = value.get("if").cloned() {
        let condition: Condition = vocabulary.read(&text).map_err(|faults| faults.into_iter().map(|fault| Fault { path: "if".to_owned(), ..fault }).collect::<Vec<_>>())?;
        value["if"] = serde_json::to_value(&condition).unwrap_or_default();
    }
    // What is no macro at all is told by the file's reader, part by part.
    let file = json!({ "macro": [value] });
    let strip = |fault: Fault| Fault { path: fault.path.strip_prefix("macro[0]").map_or(fault.path.clone(), |rest| rest.trim_start_matches('.').to_owned()), ..fault };
    let read = shouwen_rules::RuleFile::from_value(&file, vocabulary).map_err(|faults| faults.into_iter().map(strip).collect::<Vec<_>>())?;
    read.macros.into_iter().next().ok_or_else(|| vec![Fault::new("", "there is no macro", "an object with title and then")])
}
