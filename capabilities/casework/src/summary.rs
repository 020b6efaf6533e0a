//! What the next person must know: a case in a few lines, made from its own record, for a hand-over (交接摘要).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use shouwen_kernel::{CaseId, Lang, MessageId, Result, Time};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Id};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::case::Case;
use crate::deed::Deed;
use crate::message::preview;
use crate::show::unkeyed;
use crate::{CaseRead, children, kinds, names};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(summary))
}

/// A case in a few lines.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Summary {
    /// Plain text in the reader's language, a fact a line; meant to be edited before it is passed on.
    pub text: String,
}

/// The newest messages looked at; what a summary tells is rarely older.
const NEWEST: usize = 100;

/// What the next person must know, from the case's own record: nothing is guessed.
#[utoipa::path(get, path = "/cases/{id}/summary", params(("id" = CaseId, Path)), responses((status = 200, body = Summary)), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn summary(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<CaseId>) -> Answer<Response> {
    let deed = Deed::of(&who);
    app.command(unkeyed(&who), StatusCode::OK, move |tx| {
        let case = deed.see(tx, id)?;
        deed.audit(tx, "case.read", &case, Some(json!({ "part": "summary" })))?;
        Ok(Summary { text: text(tx, &deed, &case)? })
    })
    .await
}

struct Said {
    id: MessageId,
    direction: String,
    author: String,
    at: Time,
    preview: String,
}

fn said(tx: &Tx<'_>, case: CaseId, order: &str, limit: usize) -> Result<Vec<Said>> {
    let rows: Vec<(MessageId, String, String, Time, String)> = tx.all(
        // Automatic mail and what was taken back say nothing about the matter.
        &format!("SELECT id, direction, author_name, at, substr(text, 1, 1000) FROM case_message WHERE case_id = ?1 AND auto IS NULL AND state <> 'cancelled' ORDER BY at {order}, id {order} LIMIT ?2"),
        params![case, limit],
    )?;
    Ok(rows.into_iter().map(|(id, direction, author, at, text)| Said { id, direction, author, at, preview: preview(&text) }).filter(|s| !s.preview.is_empty()).collect())
}

fn text(tx: &Tx<'_>, deed: &Deed, case: &Case) -> Result<String> {
    let zh = deed.viewer.lang == Lang::Zh;
    let say = |chinese: &str, english: &str| (if zh { chinese } else { english }).to_owned();
    let zone = jiff::tz::TimeZone::get(&deed.viewer.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let when = |at: Time| at.to_jiff().to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
    let mut lines: Vec<(String, String)> = Vec::new();

    let kind = kinds::case_type(tx, case.workspace, &case.case_type)?;
    let title = |t: &shouwen_stages::Title| if zh { t.zh.clone() } else { t.en.clone() };
    let stage = kind.stage(&case.stage).map_or_else(|_| case.stage.clone(), |s| title(&s.title));
    lines.push((say("事项", "Matter"), case.title.clone()));
    lines.push((say("进展", "Stands at"), format!("{stage}{}", if zh { format!("，{} 受理", when(case.opened_at)) } else { format!(", accepted {}", when(case.opened_at)) })));
    if let Some(customer) = names::customer(tx, case.customer_id, case.customer_name.as_deref())?.map(|c| c.name).or(case.customer_name.clone()) {
        lines.push((say("客户", "Customer"), customer));
    }
    if let Some(person) = names::person(tx, case.accountable_id)? {
        lines.push((say("首问责任人", "Accountable"), person.name));
    }

    let newest = said(tx, case.id, "DESC", NEWEST)?;
    let line = |s: &Said| format!("{}（{}，{}）", s.preview, s.author, when(s.at));
    let first = said(tx, case.id, "ASC", 20)?.into_iter().find(|s| s.direction == "in");
    let last_of = |direction: &str| newest.iter().find(|s| s.direction == direction);
    if let Some(first) = &first {
        lines.push((say("客户最初说", "First said"), line(first)));
    }
    if let Some(last) = last_of("in").filter(|last| first.as_ref().is_none_or(|f| f.id != last.id)) {
        lines.push((say("客户最近说", "Last said"), line(last)));
    }
    match last_of("out") {
        Some(answer) => lines.push((say("我方最近答复", "Last answer"), line(answer))),
        None => lines.push((say("我方最近答复", "Last answer"), say("还没有答复", "none yet"))),
    }
    if let Some(note) = last_of("note") {
        lines.push((say("最近备注", "Last note"), line(note)));
    }
    for waiting in children::waiting_for(tx, &deed.viewer, case)? {
        let who = waiting.team.map(|t| t.name).or(waiting.org_unit.map(|u| u.name)).or(waiting.assignee.map(|p| p.name)).unwrap_or_default();
        let due = waiting.due_at.map(|at| if zh { format!("，约定 {}", when(at)) } else { format!(", due {}", when(at)) }).unwrap_or_default();
        lines.push((say("在等", "Waits for"), format!("{who} {}{due}（{}）", waiting.number, when(waiting.since))));
    }
    if let Some(until) = case.snoozed_until.filter(|until| *until > tx.now()) {
        lines.push((say("稍后提醒", "Snoozed until"), when(until)));
    }
    let colon = if zh { "：" } else { ": " };
    Ok(lines.into_iter().map(|(label, value)| format!("{label}{colon}{value}")).collect::<Vec<_>>().join("\n"))
}
