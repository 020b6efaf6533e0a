//! The last days of the demonstration: bursts of complaints that raise warnings (one answered, one overdue, one fresh), a
//! crisis from the button to the write-up, and bulletins. What people decide is decided by their hands, through the API.

use axum::http::Method;
use serde_json::{Value as Json, json};
use shouwen_kernel::{Clock, ManualClock, Result, Time};

use super::house::House;
use super::people::Staff;
use super::play::Play;

const HOUR: i64 = 3600;

/// Plays until `end`, with the bursts where they belong in time.
pub fn played(house: &House, clock: &ManualClock, play: &mut Play<'_>, end: Time, progress: &mut dyn FnMut(Time, usize)) -> Result<()> {
    let crisis = end.plus_seconds(-75 * HOUR);
    if crisis <= clock.now() {
        return play.run(end, progress);
    }
    play.run(crisis, progress)?;
    settings(house, play)?;
    burst(house, clock, play, "华东", "宽带和手机都没有信号", 10)?;
    emergency(house, clock, play)?;
    play.run(end.plus_seconds(-30 * HOUR), progress)?;
    burst(house, clock, play, "西南", "宽带晚上掉线", 5)?;
    play.run(end.plus_seconds(-3 * HOUR), progress)?;
    burst(house, clock, play, "华南", "手机上网很慢", 6)?;
    play.run(end.plus_seconds(-HOUR), progress)?;
    answer(house, play, "华南", "已核查：南区核心路由扩容施工导致，今晚零点前恢复。已统一告知口径。")?;
    burst(house, clock, play, "华北", "小区宽带中断", 5)?;
    play.run(end, progress)?;
    house.ask(&play.firm.admin.token, Method::POST, "/bulletins", json!({ "period": "weekly" })).map(|_| ())
}

/// Bulletins every day, and three people who are called in a crisis.
fn settings(house: &House, play: &Play<'_>) -> Result<()> {
    let group: Vec<String> = [0, 2].iter().filter_map(|i| play.firm.teams.get(*i)).map(|t| format!("person:{}", t.lead.id)).chain([format!("person:{}", play.firm.admin.id)]).collect();
    let body = json!({
        "daily": { "enabled": true, "at": "08:30", "to": ["role:manager", "role:administrator"] },
        "weekly": { "enabled": true, "at": "09:00", "weekday": 1, "to": ["role:manager", "role:administrator"] },
        "crisis_group": group, "plan_hours": 2, "write_up_days": 3
    });
    house.ask(&play.firm.admin.token, Method::PUT, "/warning-settings", body)?;
    house.turn().map(|_| ())
}

/// Several customers complain of the same within minutes.
fn burst(house: &House, clock: &ManualClock, play: &Play<'_>, region: &str, what: &str, count: usize) -> Result<()> {
    let admin = &play.firm.admin.token;
    for n in 0..count {
        clock.advance(120);
        let title = format!("来电投诉：{region}{what}（{}）", ["客户催促", "影响上班", "影响网课", "第二次来电", "要求回电"][n % 5]);
        let made = house.ask(admin, Method::POST, "/cases", json!({ "title": title, "type": "complaint", "text": format!("{title}。坐席已登记，等待网络部门核查。") }))?;
        house.turn()?;
        let id = made["case"]["id"].as_str().unwrap_or_default().to_owned();
        let seen = house.ask(admin, Method::GET, &format!("/cases/{id}"), Json::Null)?;
        house.ask(admin, Method::PATCH, &format!("/cases/{id}"), json!({ "version": seen["version"], "fields": { "category": "network-outage", "region": region, "demand": "尽快恢复" } }))?;
        house.turn()?;
    }
    Ok(())
}

/// The open warning of a region.
fn open(house: &House, play: &Play<'_>, region: &str) -> Result<Option<Json>> {
    let found = house.ask(&play.firm.admin.token, Method::GET, "/warnings?state=open&limit=100", Json::Null)?;
    Ok(found["items"].as_array().into_iter().flatten().find(|w| w["region_title"]["zh"] == region && w["state"] == "open" && w["threshold"] == "network-region-hour").cloned())
}

fn answer(house: &House, play: &Play<'_>, region: &str, text: &str) -> Result<()> {
    let Some(id) = open(house, play, region)?.and_then(|w| w["id"].as_str().map(str::to_owned)) else { return Ok(()) };
    house.ask(&play.firm.admin.token, Method::POST, &format!("/warnings/{id}/answer"), json!({ "text": text }))?;
    house.turn().map(|_| ())
}

/// A crisis, from the button to the write-up; the others go on working meanwhile.
fn emergency(house: &House, clock: &ManualClock, play: &mut Play<'_>) -> Result<()> {
    let (admin, lead) = (play.firm.admin.clone(), play.firm.teams[2].lead.clone());
    let mut body = json!({ "title": "华东大面积断网", "situation": "一小时内多个小区宽带与手机同时中断，投诉集中涌入。", "plan_hours": 2 });
    if let Some(w) = open(house, play, "华东")? {
        body["warning_id"] = w["id"].clone();
    }
    let made = house.ask(&admin.token, Method::POST, "/crises", body)?;
    house.turn()?;
    let path = format!("/crises/{}", made["id"].as_str().unwrap_or_default());
    let mut step = |by: &Staff, minutes: i64, method: Method, part: &str, body: Json| -> Result<()> {
        play.run(clock.now().plus_seconds(minutes * 60), &mut |_, _| {})?;
        if part == "over" {
            answer(house, play, "华东", "已启动应急响应，骨干光缆抢修中，备用链路已切换。")?;
        }
        house.ask(&by.token, method, &format!("{path}/{part}"), body)?;
        house.turn().map(|_| ())
    };
    step(&lead, 4, Method::POST, "acknowledgement", Json::Null)?;
    step(&lead, 6, Method::POST, "log", json!({ "text": "网络部门确认：骨干光缆被施工挖断，抢修队已出发，预计两小时。" }))?;
    step(&admin, 25, Method::PUT, "plan", json!({ "text": "一、切换备用链路，网络部负责，20 分钟内；\n二、热线统一口径，客服经理负责，立即；\n三、逐户短信告知恢复时间；\n四、超过两小时未恢复的，次日主动减免费用。" }))?;
    step(&admin, 5, Method::PUT, "statement", json!({ "spokesperson": admin.name, "statement": "因第三方施工造成光缆中断，正全力抢修，预计两小时内恢复。受影响用户将获得费用减免，给您带来不便深表歉意。" }))?;
    step(&lead, 50, Method::POST, "log", json!({ "text": "备用链路已切换，七成用户恢复。" }))?;
    step(&admin, 45, Method::POST, "over", json!({ "text": "光缆接续完成，业务全部恢复，半小时无新增投诉。" }))?;
    step(&admin, 20 * 60, Method::PUT, "write-up", json!({ "text": "起因：第三方施工挖断骨干光缆，备用链路未自动切换。\n经过：10 件投诉触发预警，2 小时 15 分恢复。\n教训：备用链路切换依赖人工。\n改进：一个月内完成自动切换改造；与市政建立施工通报。" }))
}
