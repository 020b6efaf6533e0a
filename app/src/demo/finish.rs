//! The last touches: open work for those who sign in, a draft, something put aside, a mail nobody can read; and the
//! simulation's own keys go.

use axum::http::Method;
use serde_json::{Value as Json, json};
use shouwen_email::{RawMail, Source};
use shouwen_kernel::{CaseId, Result};
use shouwen_store::params;

use super::house::House;
use super::play::Play;

const DESK: usize = super::people::DESK as usize;

/// Does all of it.
pub fn touches(house: &House, play: &mut Play<'_>) -> Result<()> {
    let (team, place) = play.firm.hero;
    let (lead, hero) = (play.firm.teams[team].lead.clone(), play.firm.teams[team].agents[place].clone());
    // What was told weeks ago was read weeks ago.
    for staff in play.firm.teams.iter().flat_map(|t| t.agents.iter().chain([&t.lead])) {
        house.ask(&staff.token, Method::POST, "/notices/read", json!({ "all": true }))?;
    }
    let open: Vec<(CaseId, bool)> =
        play.matters.iter().rev().filter(|m| !m.ended && m.team == team).filter_map(|m| Some((m.case?, m.assignee == Some(hero.id)))).collect();
    let own = open.iter().filter(|(_, own)| *own).count();
    for (case, _) in open.iter().filter(|(_, own)| !own).take(DESK.saturating_sub(own)) {
        house.ask(&lead.token, Method::PUT, &format!("/cases/{case}/assignment"), json!({ "person_id": hero.id, "reason": "请接手跟进" }))?;
    }
    house.turn()?;
    // The others have gone home, or routing would hand out at once what is given back.
    for (i, staff) in play.firm.teams.iter().flat_map(|t| &t.agents).enumerate().filter(|(_, s)| s.id != hero.id) {
        house.ask(&staff.token, Method::PUT, "/me/status", json!({ "status": if i % 6 == 0 { "away" } else { "offline" } }))?;
    }
    house.turn()?;
    release(house, play)?;
    house.turn()?;
    let desk = house.ask(&hero.token, Method::GET, "/desk/cases?view=mine&limit=20", Json::Null)?;
    let mine: Vec<String> = desk["items"].as_array().into_iter().flatten().filter_map(|row| row["case_id"].as_str().map(str::to_owned)).collect();
    if let Some(case) = mine.first() {
        house.ask(&lead.token, Method::POST, &format!("/cases/{case}/messages"), json!({ "kind": "note", "text": format!("@{} 这位客户是第二次来信，请今天优先处理。", hero.name), "mentions": [hero.id] }))?;
    }
    if let Some(case) = mine.get(1) {
        house.ask(&hero.token, Method::PUT, &format!("/cases/{case}/drafts/reply"), json!({ "text": "您好，您反映的情况我们正在核实，" }))?;
    }
    if let Some(case) = mine.last().filter(|_| mine.len() > 3) {
        let until = house.app.clock().now().plus_seconds(2 * 86_400);
        house.ask(&hero.token, Method::PUT, &format!("/cases/{case}/snooze"), json!({ "until": until }))?;
    }
    super::reviews::some(house, play)?;
    customers(house, play)?;
    queues(house, play)?;
    house.turn()?;
    super::complaints::some(house, play)?;
    // More header lines than any honest mail has: it goes to quarantine, where it can be looked at.
    let odd = format!("From: odd@broken.example\r\nSubject: =?utf-8?q?unreadable?=\r\n{}\r\nbody\r\n", "X-Noise: 1\r\n".repeat(1500));
    let inbox = play.firm.inboxes[1].0;
    shouwen_email::intake_blocking(&house.db, inbox, &[RawMail { bytes: odd.into_bytes(), source: Source::Imap, place: None, received_at: None }])?;
    shouwen_email::drain_blocking(&house.db, None)?;
    house.turn()?;
    let workspace = play.firm.workspace;
    house.db.write_blocking(move |tx| {
        // The tokens the simulation acted by are nobody's.
        tx.execute("DELETE FROM identity_token WHERE workspace_id = ?1", params![workspace])?;
        if tx.engine() == shouwen_store::Engine::Sqlite { tx.batch("ANALYZE;") } else { Ok(()) }
    })
}

/// Gives the newest open case of every other team back, so that there is something to claim; two in the team of those who
/// sign in.
fn release(house: &House, play: &Play<'_>) -> Result<()> {
    let (own, place) = play.firm.hero;
    let hero = play.firm.teams[own].agents[place].id;
    for (i, team) in play.firm.teams.iter().enumerate() {
        let some = play.matters.iter().rev().filter(|m| !m.ended && m.team == i && m.assignee.is_some_and(|p| p != hero)).filter_map(|m| m.case);
        let skip = if i == own { DESK } else { 0 };
        for case in some.skip(skip).take(if i == own { 2 } else { 1 }) {
            house.ask(&team.lead.token, Method::PUT, &format!("/cases/{case}/assignment"), json!({ "person_id": null, "reason": "坐席休假，退回班组" }))?;
        }
    }
    Ok(())
}

/// Gold customers go first, and two teams help each other when a case has waited for half an hour.
fn queues(house: &House, play: &Play<'_>) -> Result<()> {
    let own = play.firm.hero.0;
    let others: Vec<_> = play.firm.teams.iter().enumerate().filter(|(i, _)| *i != own).map(|(_, team)| team.id).collect();
    let admin = &play.firm.admin.token;
    let mut settings = house.ask(admin, Method::GET, "/routing/settings", Json::Null)?;
    settings["tiers"] = json!([{ "tier": "金卡", "first": true }]);
    if let [first, second, ..] = others[..] {
        settings["overflow"] = json!([{ "team_id": first, "after_minutes": 30, "to": [second] }, { "team_id": second, "after_minutes": 30, "to": [first] }]);
    }
    house.ask(admin, Method::PUT, "/routing/settings", settings).map(|_| ())
}

/// Tiers and telephone numbers for some customers. The numbers are from the range set aside for fiction.
fn customers(house: &House, play: &mut Play<'_>) -> Result<()> {
    play.customers.sort_unstable();
    play.customers.dedup();
    let admin = play.firm.admin.token.clone();
    for (n, id) in play.customers.iter().enumerate().take(60) {
        let seen = house.ask(&admin, Method::GET, &format!("/customers/{id}"), Json::Null)?;
        let change = json!({ "version": seen["version"], "tier": (["金卡", "银卡", "普通"][n % 3]), "region": (["华北", "华东", "华南", "西南"][n % 4]) });
        house.ask(&admin, Method::PATCH, &format!("/customers/{id}"), change)?;
        if n < 40 {
            house.ask(&admin, Method::POST, &format!("/customers/{id}/identities"), json!({ "kind": "phone", "value": format!("+120255501{n:02}") }))?;
        }
    }
    Ok(())
}
