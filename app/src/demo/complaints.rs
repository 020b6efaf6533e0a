//! Complaints of the demonstration: what they are about, a repetition, a signal, files of dissatisfied customers in every
//! state, regions with their teams. What people decide is decided by their hands, through the API.

use axum::http::Method;
use serde_json::{Value as Json, json};
use shouwen_kernel::Result;

use super::house::House;
use super::people::Firm;
use super::play::Play;

/// Category, product, kind of cause, responsibility: what the complaint officers found, in turn.
const FOUND: [(&str, &str, &str, &str); 8] = [
    ("network-repair-late", "家庭宽带", "process", "ours"),
    ("billing-wrong", "移动电话", "system", "ours"),
    ("service-attitude", "固定电话", "people", "ours"),
    ("network-outage", "家庭宽带", "external", "nobody"),
    ("billing-value-added", "移动电话", "process", "partner"),
    ("service-slow", "家庭宽带", "people", "ours"),
    ("portability-blocked", "移动电话", "process", "ours"),
    ("network-slow", "企业专线", "system", "unclear"),
];
/// Regions, and who handles their complaints.
const REGIONS: [(&str, &str, &str, &str); 4] = [("north", "华北", "North", "华北客服组"), ("east", "华东", "East", "华东客服组"), ("south", "华南", "South", "华南客服组"), ("southwest", "西南", "Southwest", "西南客服组")];
/// Files that stay open.
const OPEN_FILES: usize = 9;

/// The regions are known from the first day; who works on what is there already goes on with it.
pub fn regions(house: &House, firm: &Firm) -> Result<()> {
    let admin = firm.admin.token.clone();
    let ask = |method: Method, path: &str, body: Json| house.ask(&admin, method, path, body);
    place(&ask, false)?;
    let regions: Vec<Json> = REGIONS.iter().map(|(key, zh, en, team)| json!({ "key": key, "title": { "zh": zh, "en": en }, "match": [zh], "team": team, "unit": zh })).collect();
    let list = ask(Method::GET, "/complaints/regions", Json::Null)?;
    ask(Method::PUT, "/complaints/regions", json!({ "items": regions, "seen": list["version"] }))?;
    house.turn().map(|_| ())
}

/// A business that is looked at before its launch.
fn launch(house: &House, ask: &impl Fn(Method, &str, Json) -> Result<Json>) -> Result<()> {
    let on = house.app.clock().now().plus_seconds(9 * 86_400).to_jiff().strftime("%Y-%m-%d").to_string();
    let fields = json!({
        "business": "夏季流量包自动续订活动", "product": "移动电话", "launch_on": on, "owner": "市场部（示例）", "what_changes": "活动期满自动转为按月续订，客户须主动退订。",
        "factors": ["charges", "contract", "mass"], "history": "去年同类活动上线首月相关投诉 43 件，集中在默认续订。", "risk": "high", "readiness": ["answers", "training"],
        "conclusion": "go_if", "conditions": "续订前三天与当天各发一次短信提醒，短信内含一键退订；首月退订免违约金。"
    });
    ask(Method::POST, "/cases", json!({ "title": "上线前核查：夏季流量包自动续订活动", "type": "launch_check", "text": "市场部拟于下周上线，按规定核查投诉风险。", "fields": fields }))?;
    house.turn().map(|_| ())
}

/// Does all of it.
pub fn some(house: &House, play: &Play<'_>) -> Result<()> {
    let admin = play.firm.admin.token.clone();
    let ask = |method: Method, path: &str, body: Json| house.ask(&admin, method, path, body);
    let known = ask(Method::GET, "/complaints/categories", Json::Null)?;
    let keys: Vec<&str> = known["items"].as_array().into_iter().flatten().filter_map(|c| c["key"].as_str()).collect();
    let rows = |answer: Json| answer["items"].as_array().cloned().unwrap_or_default();
    let complaints = rows(ask(Method::GET, "/complaints/cases?limit=60", Json::Null)?);
    for (n, row) in complaints.iter().enumerate() {
        let (category, product, cause, responsible) = FOUND[n % FOUND.len()];
        let Some(id) = row["case_id"].as_str().filter(|_| keys.contains(&category)) else { continue };
        let seen = ask(Method::GET, &format!("/cases/{id}"), Json::Null)?;
        let mut fields = json!({ "category": category, "product": product });
        if n % 3 != 0 {
            fields["cause_kind"] = json!(cause);
            fields["responsible"] = json!(responsible);
        }
        // A case somebody else put away for good stays as it is.
        let _ = ask(Method::PATCH, &format!("/cases/{id}"), json!({ "version": seen["version"], "fields": fields }));
    }
    house.turn()?;
    place(&ask, true)?;
    // The same customer, the same matter, for the second time, and now with a regulator.
    let texts = ["来电投诉：宽带又断了三天，路由器红灯一直亮，上次修好两天又断", "来电投诉：宽带再次中断，路由器红灯一直亮，修好两天又断，客户称再不解决就打12315"];
    if let Some(customer) = play.customers.first() {
        for text in texts {
            let made = ask(Method::POST, "/cases", json!({ "title": text, "type": "complaint", "customer_id": customer, "text": format!("{text}。客户要求今天之内回电，并说明为什么反复修不好。") }))?;
            house.turn()?;
            let id = made["case"]["id"].as_str().or(made["id"].as_str()).unwrap_or_default().to_owned();
            let seen = ask(Method::GET, &format!("/cases/{id}"), Json::Null)?;
            let _ = ask(Method::PATCH, &format!("/cases/{id}"), json!({ "version": seen["version"], "fields": { "category": "network-outage", "demand": "修复宽带并说明原因" } }));
            house.turn()?;
        }
    }
    launch(house, &ask)?;
    files(&ask, rows)
}

/// Whether category and region decide who handles a complaint.
fn place(ask: &impl Fn(Method, &str, Json) -> Result<Json>, yes: bool) -> Result<()> {
    let mut settings = ask(Method::GET, "/complaints/settings", Json::Null)?;
    settings["place"] = json!(yes);
    ask(Method::PUT, "/complaints/settings", settings).map(|_| ())
}

/// Most files of three months are closed by now; the newest are being worked on.
fn files(ask: &impl Fn(Method, &str, Json) -> Result<Json>, rows: impl Fn(Json) -> Vec<Json>) -> Result<()> {
    let open = rows(ask(Method::GET, "/complaints/files?limit=200", Json::Null)?);
    for (n, file) in open.iter().enumerate() {
        let Some(id) = file["id"].as_str() else { continue };
        let seen = ask(Method::GET, &format!("/complaints/files/{id}"), Json::Null)?;
        if n >= OPEN_FILES {
            let (outcome, text) = [("recovered", "回访时客户表示满意，愿意继续使用"), ("recovered", "补偿到账，客户认可处理结果"), ("still_dissatisfied", "已两次致电，客户仍不认可，转入定期回访"), ("lost", "客户已办理销户")][n % 4];
            ask(Method::POST, &format!("/complaints/files/{id}/closure"), json!({ "outcome": outcome, "text": text, "version": seen["version"] }))?;
            continue;
        }
        if n % 2 == 0
            && let Some(call) = seen["care"].as_array().into_iter().flatten().find(|c| c["state"] == "planned" && c["approval"] == "none")
        {
            let care = call["id"].as_str().unwrap_or_default();
            ask(Method::POST, &format!("/complaints/files/{id}/care/{care}/result"), json!({ "outcome": if n % 4 == 0 { "still_dissatisfied" } else { "recovered" }, "note": "已致电致歉，客户希望一周内看到改善。" }))?;
        }
    }
    Ok(())
}
