//! Reviews of the demonstration: something that waits, something decided, an emergency to be written up.

use axum::http::Method;
use serde_json::{Value as Json, json};
use shouwen_kernel::Result;

use super::house::House;
use super::play::Play;

/// Asks for a few approvals, as people would beside their cases, and decides some.
pub fn some(house: &House, play: &Play<'_>) -> Result<()> {
    let (team, place) = play.firm.hero;
    let (lead, hero) = (&play.firm.teams[team].lead, &play.firm.teams[team].agents[place]);
    let desk = house.ask(&hero.token, Method::GET, "/desk/cases?view=mine&limit=20", Json::Null)?;
    let mine: Vec<&str> = desk["items"].as_array().into_iter().flatten().filter_map(|row| row["case_id"].as_str()).collect();
    let ask = |token: &str, case: usize, authority: &str, minor: i64, reason: &str, emergency: bool| -> Result<Option<String>> {
        let Some(case) = mine.get(case) else { return Ok(None) };
        let made = house.ask(token, Method::POST, "/reviews", json!({ "authority": authority, "case_id": case, "amount": minor, "reason": reason, "emergency": emergency }));
        house.turn()?;
        match made {
            Ok(made) => Ok(made["id"].as_str().map(str::to_owned)),
            // A case of another team: the lead of this one does not see it.
            Err(problem) if problem.message.contains("not_found") => Ok(None),
            Err(problem) => Err(problem),
        }
    };
    let decide = |token: &str, id: Option<String>, decision: &str, reason: Option<&str>| -> Result<()> {
        if let Some(id) = id {
            house.ask(token, Method::POST, &format!("/reviews/{id}/decide"), json!({ "decision": decision, "reason": reason }))?;
            house.turn()?;
        }
        Ok(())
    };
    let paid = ask(&hero.token, 0, "compensation", 15_000, "断网两天，按日租费双倍补偿", false)?;
    decide(&lead.token, paid, "approve", Some("同意，与客户确认到账"))?;
    let back = ask(&hero.token, 1, "waiver", 28_000, "客户称未使用增值业务", false)?;
    decide(&lead.token, back, "return", Some("请先核对业务开通记录"))?;
    ask(&hero.token, 2, "compensation", 80_000, "误工费用，客户已提供证明", false)?;
    ask(&hero.token, 3, "coupon", 30_000, "装机改约三次，赠券致歉", false)?;
    ask(&lead.token, 0, "waiver", 50_000, "客户在营业厅等候，先行减免违约金", true)?;
    Ok(())
}
