//! What the editor asks while somebody writes: the vocabulary, and whether a rule would be accepted.

use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use shouwen_rules::{ACTIONS, Condition, Cycle, RuleSet, text};
use shouwen_web::{Allowed, Answer, App, Input, axum};

use crate::RuleManage;
use crate::input::{self, Given};
use crate::{facts, loaded, rules};

#[utoipa::path(get, path = "/rules/vocabulary", responses((status = 200, body = serde_json::Value)), tag = "rules", summary = "Fields, events, operators and actions rules are made of", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn vocabulary(State(app): State<App>, who: Allowed<RuleManage>) -> Answer<axum::Json<Value>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| {
        let vocabulary = input::vocabulary(tx, workspace)?;
        let operators: serde_json::Map<String, Value> = vocabulary
            .fields
            .iter()
            .map(|field| field.kind)
            .map(|kind| (serde_json::to_value(kind).ok().and_then(|k| k.as_str().map(str::to_owned)).unwrap_or_default(), json!(kind.operators())))
            .collect();
        Ok(json!({ "fields": vocabulary.fields, "events": vocabulary.events, "open": vocabulary.open, "macros": vocabulary.known.get(&shouwen_rules::Known::Macro), "operators": operators, "actions": ACTIONS }))
    })
    .await
}

/// What became of a rule that was only looked at.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Checked {
    /// Every fault: path, wrong, right, line, column. None: it would be accepted.
    #[schema(value_type = Vec<Object>)]
    faults: Vec<Value>,
    /// The condition as a tree and as text, if it can be read.
    #[serde(rename = "if")]
    #[schema(value_type = Option<Object>)]
    condition: Option<Condition>,
    text: Option<String>,
    text_zh: Option<String>,
    /// Rings in which it would start itself by way of others. Nothing runs for ever because of them; but look whether that is meant.
    #[schema(value_type = Vec<Object>)]
    cycles: Vec<Cycle>,
}

#[utoipa::path(post, path = "/rules/check", request_body = serde_json::Value, responses((status = 200, body = Checked)), tag = "rules", summary = "Whether a rule would be accepted; nothing is saved", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn check(State(app): State<App>, who: Allowed<RuleManage>, input: Input<Value>) -> Answer<axum::Json<Checked>> {
    let viewer = who.viewer.clone();
    app.query(move |tx| {
        let Given { mut value, .. } = Given::of(&input.value)?;
        let vocabulary = input::vocabulary(tx, viewer.workspace)?;
        let condition = match value.get("if") {
            None => Some(Condition::always()),
            Some(Value::String(text)) => vocabulary.read(text).ok(),
            Some(tree) => serde_json::from_value::<Condition>(tree.clone()).ok().filter(|c| vocabulary.condition_faults(c).is_empty()),
        };
        if value.get("key").is_none() {
            value["key"] = json!("this-rule");
        }
        let (faults, cycles) = match input::rule(&value, &vocabulary, &viewer) {
            Err(faults) => (faults.iter().map(input::fault_json).collect(), Vec::new()),
            Ok(rule) => {
                let mut others: Vec<_> = rules::all(tx, viewer.workspace)?.into_iter().map(|stored| stored.rule).filter(|known| known.key != rule.key).collect();
                let key = rule.key.clone();
                others.push(rule);
                let rings = RuleSet::new(&others, &loaded::macros(tx, viewer.workspace)?).cycles();
                (Vec::new(), rings.into_iter().filter(|ring| ring.rules.contains(&key)).collect())
            }
        };
        Ok(Checked { faults, text: condition.as_ref().map(text::print), text_zh: condition.as_ref().map(|c| facts::words().print_zh(c)), condition, cycles })
    })
    .await
}
