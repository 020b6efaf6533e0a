//! Rules that are in force during the play, so that their pages have something to tell.

use axum::http::Method;
use serde_json::{Value as Json, json};
use shouwen_kernel::{Problem, Result};

use super::house::House;
use super::people::Firm;

/// Rules of the base pack that are switched on.
const ON: [&str; 4] = ["upgrade-signals", "low-score", "passed-around", "overdue-reminder"];
/// What `PUT /rules/{id}` takes of a rule as it is shown.
const KEPT: [&str; 9] = ["key", "title", "note", "when", "if", "then", "stop", "once_per", "version"];

/// Switches rules on and adds two of the firm's own; the administrator answers for all of them.
///
/// # Errors
/// The product refuses one.
pub fn in_force(house: &House, firm: &Firm) -> Result<()> {
    let admin = &firm.admin.token;
    let rules = house.ask(admin, Method::GET, "/rules", Json::Null)?;
    for key in ON {
        let rule = rules.as_array().into_iter().flatten().find(|rule| rule["key"] == key).ok_or_else(|| Problem::internal(format!("the base pack has no rule `{key}`")))?;
        let mut body: serde_json::Map<String, Json> = KEPT.iter().map(|name| ((*name).to_owned(), rule[*name].clone())).collect();
        body.insert("enabled".into(), json!(true));
        house.ask(admin, Method::PUT, &format!("/rules/{}", rule["id"].as_str().unwrap_or_default()), Json::Object(body))?;
    }
    for rule in [
        json!({
            "key": "refund-words", "enabled": true, "once_per": "case",
            "title": { "zh": "来信谈到退款、退费：打标签", "en": "Refunds are mentioned: tag the case" },
            "when": [{ "on": ["case.opened", "case.message_received"] }],
            "if": "message.auto is not true and (title contains any \"退款\", \"退费\", \"refund\" or message.text contains any \"退款\", \"退费\", \"refund\")",
            "then": [{ "do": "tag", "tags": ["退款"] }],
        }),
        json!({
            "key": "reopened-looks-urgent", "enabled": true, "once_per": "case",
            "title": { "zh": "重新打开的工单：升为高优先级并通知首问责任人", "en": "Reopened cases: high priority, and the accountable person hears of it" },
            "when": [{ "on": "case.reopened" }],
            "if": "priority in low, normal",
            "then": [{ "do": "set_priority", "priority": "high" }, { "do": "notify", "to": ["accountable"], "text": { "zh": "{number} 已重新打开：{title}", "en": "{number} was reopened: {title}" } }],
        }),
    ] {
        house.ask(admin, Method::POST, "/rules", rule)?;
    }
    let call_back = json!({
        "key": "promise-a-call", "title": { "zh": "约定回电", "en": "Promise a call back" },
        "note": { "zh": "打上“待回电”标签并留下备注。", "en": "Tags the case and leaves a note." },
        "if": "status is not closed",
        "then": [{ "do": "tag", "tags": ["待回电"] }, { "do": "add_note", "text": { "zh": "已与客户约定回电，请在约定时间前联系。", "en": "A call back was promised; please call in time." } }],
    });
    house.ask(admin, Method::POST, "/macros", call_back).map(|_| ())
}
