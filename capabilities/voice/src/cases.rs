//! What happens to cases, as far as asking needs it: whom a conversation is with, and when a case closes.

use std::sync::Arc;

use serde_json::json;
use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::channel::ChannelEvent;
use shouwen_contracts::message::Party;
use shouwen_contracts::voice::{Skipped, VoiceEvent};
use shouwen_kernel::{Access, CaseId, CustomerId, InboxId, MessageId, Result};
use shouwen_store::{Ctx, Json, Recorded, Tx, Value, params};

use crate::{ask, settings};

/// The events read.
pub const KINDS: &[&str] = &["message.received", "case.opened", "case.message_added", "case.closed", "case.reopened", "case.customer", "case.assigned", "case.accountable", "case.watched", "case.merged"];

/// Digests one event.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    if let Some(ChannelEvent::Received(r)) = recorded.event::<ChannelEvent>()? {
        // Nobody is asked through a machine.
        if r.auto.is_none() {
            let to: &Party = r.reply_to.as_ref().unwrap_or(&r.from);
            let seen: Seen = (r.inbox_id, to.clone(), r.subject.clone(), r.wire_id.clone(), r.language.clone());
            tx.set_ahead(SEEN, r.message_id, Some(seen));
            tx.run(
                "INSERT INTO survey_seen (message_id, inbox_id, party, subject, wire_id, language, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (message_id) DO NOTHING",
                params![r.message_id, r.inbox_id, Json(to), r.subject, r.wire_id, r.language, r.received_at],
            )?;
        }
        return Ok(());
    }
    let Some(event) = recorded.event::<CaseEvent>()? else { return Ok(()) };
    let Some(case) = recorded.subject.map(CaseId) else { return Ok(()) };
    if let (Some(access), false) = (recorded.access()?, matches!(event, CaseEvent::Opened(_))) {
        tx.run("UPDATE survey_case SET access = ?2 WHERE case_id = ?1", params![case, Json(access)])?;
    }
    match event {
        CaseEvent::Opened(o) => {
            tx.run(
                "INSERT INTO survey_case (case_id, workspace_id, number, title, customer_id, assignee_id, access) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![o.case_id, recorded.workspace, o.number, o.title, o.customer_id, o.assignee_id, Json(recorded.access()?.unwrap_or_default())],
            )?;
            Ok(())
        }
        CaseEvent::MessageAdded(m) if m.direction == "in" && m.verified => {
            if let Some((inbox, party, subject, wire_id, language)) = seen(tx, m.message_id)? {
                tx.run(
                    "INSERT INTO survey_contact (conversation_id, case_id, inbox_id, party, subject, wire_id, language) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                     ON CONFLICT (conversation_id) DO UPDATE SET case_id = ?2, inbox_id = ?3, party = ?4, subject = ?5, wire_id = ?6, language = coalesce(?7, survey_contact.language)",
                    params![m.conversation_id, m.case_id, inbox, Json(party), subject, wire_id, language],
                )?;
                tx.set_ahead::<_, Seen>(SEEN, m.message_id, None);
                tx.run("DELETE FROM survey_seen WHERE message_id = ?1", params![m.message_id])?;
            }
            Ok(())
        }
        CaseEvent::CustomerSet(c) => tx.execute("UPDATE survey_case SET customer_id = ?2 WHERE case_id = ?1", params![c.case_id, c.to]).map(|_| ()),
        CaseEvent::Assigned(a) => tx.execute("UPDATE survey_case SET assignee_id = ?2 WHERE case_id = ?1", params![a.case_id, a.to_person]).map(|_| ()),
        CaseEvent::Closed(c) => {
            let settings = settings::of(tx, recorded.workspace)?;
            let skip = if !c.ask {
                Some("the person who closed it chose not to ask")
            } else if !settings.active {
                Some("asking is switched off")
            } else if settings.not_after.contains(&c.resolution) {
                Some("not asked after this resolution")
            } else {
                None
            };
            match skip {
                Some(reason) => skipped(tx, &Ctx::system(recorded.workspace, "voice"), c.case_id, reason),
                None => tx.set_timer(recorded.workspace, ask::TIMER, &c.case_id.to_string(), c.at.plus_seconds(settings.delay_s), &json!({ "case_id": c.case_id, "conversation_id": c.conversation_id })),
            }
        }
        CaseEvent::Reopened(_) | CaseEvent::Merged(_) => tx.cancel_timer(ask::TIMER, &case.to_string()),
        _ => Ok(()),
    }
}

/// Whom a message came from: inbox, party, subject, its own id, language.
type Seen = (InboxId, Party, String, Option<String>, Option<String>);

const SEEN: &str = "survey.seen";

/// The messages of a step together.
fn seen(tx: &Tx<'_>, id: MessageId) -> Result<Option<Seen>> {
    let others = |events: &[Arc<Recorded>]| {
        let added = events.iter().filter(|e| e.kind == "case.message_added").filter_map(|e| e.event::<CaseEvent>().ok().flatten());
        added.filter_map(|event| if let CaseEvent::MessageAdded(m) = event { Some(m.message_id) } else { None }).collect()
    };
    tx.ahead(SEEN, &id, others, |ids| {
        type Row = (InboxId, Json<Party>, String, Option<String>, Option<String>);
        let runs: Vec<Vec<Value>> = ids.iter().map(|id| params![id].to_vec()).collect();
        let rows: Vec<Vec<Row>> = tx.all_each("SELECT inbox_id, party, subject, wire_id, language FROM survey_seen WHERE message_id = ?1", &runs)?;
        let seen = |(inbox, Json(party), subject, wire_id, language): Row| (inbox, party, subject, wire_id, language);
        Ok(ids.iter().copied().zip(rows).filter_map(|(id, rows)| Some((id, seen(rows.into_iter().next()?)))).collect())
    })
}

/// Tells why nobody was asked.
pub fn skipped(tx: &Tx<'_>, ctx: &Ctx, case: CaseId, reason: &str) -> Result<()> {
    let access: Option<(Json<Access>,)> = tx.opt("SELECT access FROM survey_case WHERE case_id = ?1", params![case])?;
    tx.emit::<VoiceEvent>(ctx, Some(case.0), access.map(|row| row.0.0).as_ref(), Skipped { case_id: case, reason: reason.to_owned() })
}

/// A case as asking knows it.
pub struct Known {
    pub number: String,
    pub title: String,
    pub customer_id: Option<CustomerId>,
    pub access: Access,
}

/// The projection's row.
pub fn known(tx: &Tx<'_>, case: CaseId) -> Result<Option<Known>> {
    let row: Option<(String, String, Option<CustomerId>, Json<Access>)> = tx.opt("SELECT number, title, customer_id, access FROM survey_case WHERE case_id = ?1", params![case])?;
    Ok(row.map(|(number, title, customer_id, access)| Known { number, title, customer_id, access: access.0 }))
}
