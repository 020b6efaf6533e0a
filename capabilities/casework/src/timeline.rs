//! Everything that happened to a case, in one list: messages from their table, the rest from the event log.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use shouwen_kernel::{Actor, CaseId, MessageId, Problem, Result, Time};
use shouwen_store::{Position, Recorded, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Page, Params, decode_cursor, encode_cursor, limit_of};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::message::{COLUMNS, Message};
use crate::message_view::{self, Author, MessageView};
use crate::deed::Deed;
use crate::show::unkeyed;
use crate::{CaseRead, names};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(timeline))
}

/// Something that happened, other than a message.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EventView {
    /// Always `event`.
    #[schema(value_type = String)]
    pub kind: &'static str,
    /// Place in the log.
    #[schema(value_type = String)]
    pub position: Position,
    /// E.g. `case.assigned`.
    #[serde(rename = "type")]
    pub event_type: String,
    pub actor: Author,
    pub at: Time,
    /// Old and new values, reason; ids of people and teams stand beside their names in `names`.
    #[schema(value_type = Object)]
    pub data: Json,
    /// Names of the people and teams in `data`, by id.
    #[schema(value_type = Object)]
    pub names: serde_json::Map<String, Json>,
}

/// An entry of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Entry {
    Message(Box<MessageView>),
    Event(Box<EventView>),
}

/// Which part of the timeline.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Part {
    /// Entries a page, 1–200; 50 when absent.
    limit: Option<usize>,
    /// `next` of the page before.
    after: Option<String>,
    /// `older` (the default: newest page first, each page oldest first) or `newer` (from `after` on, or from the beginning).
    direction: Option<String>,
    /// Only messages and notes.
    messages: Option<bool>,
}

/// Where a page ended: the outermost message and the outermost event that were shown or passed over.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Place {
    message: Option<(i64, MessageId)>,
    event: Option<i64>,
}

/// Kinds whose content is in the message rows, or (sealed addresses) for the register only, or in what came of them.
const TOLD_OTHERWISE: [&str; 6] = ["case.message_added", "case.message_state", "case.participant_joined", "customer.matched", "wish.action", "wish.case"];

/// Messages and events of a case, in pages both ways.
#[utoipa::path(get, path = "/cases/{id}/timeline", params(("id" = CaseId, Path), Part), responses((status = 200, body = Page<Entry>)), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn timeline(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<CaseId>, Params(part): Params<Part>) -> Answer<Response> {
    let deed = Deed::of(&who);
    let limit = limit_of(part.limit)?;
    let place: Option<Place> = decode_cursor(part.after.as_deref())?;
    let newer = match part.direction.as_deref() {
        None | Some("older") => false,
        Some("newer") => true,
        Some(other) => return Err(Problem::invalid("direction", format!("`{}` is no direction", shouwen_kernel::text::clip(other, 20))).expected("`older` or `newer`").into()),
    };
    let only_messages = part.messages.unwrap_or(false);
    app.command(unkeyed(&who), StatusCode::OK, move |tx| {
        let case = deed.see(tx, id)?;
        // The first page is a reading of the case; the next ones belong to it.
        if place.is_none() {
            deed.audit(tx, "case.read", &case, Some(json!({ "part": "timeline" })))?;
        }
        page(tx, id, limit, place.clone().unwrap_or_default(), newer, only_messages)
    })
    .await
}

fn page(tx: &Tx<'_>, id: CaseId, limit: usize, place: Place, newer: bool, only_messages: bool) -> Result<Page<Entry>> {
    let messages = messages(tx, id, limit + 1, place.message, newer)?;
    let events = if only_messages { Vec::new() } else { events(tx, id, limit + 1, place.event, newer)? };
    let more = messages.len() + events.len() > limit;
    let (mut messages, mut events) = (messages.into_iter().peekable(), events.into_iter().peekable());
    let mut entries: Vec<Entry> = Vec::with_capacity(limit);
    let mut reached = place;
    while entries.len() < limit {
        // Of two at the same instant the event comes first in time: a case is opened, then its message is added.
        let take_message = match (messages.peek(), events.peek()) {
            (None, None) => break,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(m), Some(e)) => if newer { m.at < e.at } else { m.at >= e.at },
        };
        if take_message {
            if let Some(m) = messages.next() {
                reached.message = Some((m.at.micros(), m.id));
                entries.push(Entry::Message(Box::new(message_view::message(tx, &m)?)));
            }
        } else if let Some(e) = events.next() {
            reached.event = Some(e.position.seq);
            entries.push(Entry::Event(Box::new(event(tx, &e)?)));
        }
    }
    if !newer {
        entries.reverse();
    }
    Ok(Page { items: entries, next: more.then(|| encode_cursor(&reached)) })
}

fn messages(tx: &Tx<'_>, id: CaseId, limit: usize, from: Option<(i64, MessageId)>, newer: bool) -> Result<Vec<Message>> {
    let (compare, order) = if newer { (">", "ASC") } else { ("<", "DESC") };
    match from {
        Some((at, message)) => tx.all(
            &format!("SELECT {COLUMNS} FROM case_message WHERE case_id = ?1 AND (at, id) {compare} (?2, ?3) ORDER BY at {order}, id {order} LIMIT ?4"),
            params![id, at, message, limit],
        ),
        None => tx.all(&format!("SELECT {COLUMNS} FROM case_message WHERE case_id = ?1 ORDER BY at {order}, id {order} LIMIT ?2"), params![id, limit]),
    }
}

/// Events of the case that messages do not tell already.
fn events(tx: &Tx<'_>, id: CaseId, limit: usize, from: Option<i64>, newer: bool) -> Result<Vec<Recorded>> {
    const FORWARD: &str = "SELECT tx, seq, workspace_id, at, kind, subject, actor, access, payload FROM event WHERE subject = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
    let mut out: Vec<Recorded> = Vec::new();
    let mut from = from;
    loop {
        let batch = if newer { tx.all(FORWARD, params![id.0, from.unwrap_or(0), limit * 2])? } else { tx.events_about(id.0, from, limit * 2)? };
        let Some(last) = batch.last() else { return Ok(out) };
        from = Some(last.position.seq);
        let full = batch.len() == limit * 2;
        out.extend(batch.into_iter().filter(|e| !TOLD_OTHERWISE.contains(&e.kind.as_str())));
        if out.len() >= limit || !full {
            out.truncate(limit);
            return Ok(out);
        }
    }
}

fn event(tx: &Tx<'_>, recorded: &Recorded) -> Result<EventView> {
    let actor = match recorded.actor()? {
        Actor::Person { id, .. } => Author { kind: "person".into(), id: Some(id.to_string()), name: names::person_name(tx, id)? },
        Actor::Customer { id } => Author {
            kind: "customer".into(),
            id: id.map(|id| id.to_string()),
            name: names::customer(tx, id, None)?.map(|c| c.name).unwrap_or_default(),
        },
        Actor::System { name } => Author { kind: "system".into(), id: None, name },
    };
    let data = recorded.payload()?;
    let mut known = serde_json::Map::new();
    if let Json::Object(fields) = &data {
        for value in fields.values().flat_map(|value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)).filter_map(Json::as_str) {
            let name = if let Ok(person) = value.parse::<shouwen_kernel::PersonId>() {
                Some(names::person_name(tx, person)?)
            } else if let Ok(team) = value.parse::<shouwen_kernel::TeamId>() {
                names::team(tx, Some(team))?.map(|t| t.name)
            } else if let Ok(case) = value.parse::<CaseId>() {
                tx.opt::<(String,)>("SELECT number FROM case_case WHERE id = ?1", params![case])?.map(|row| row.0)
            } else {
                None
            };
            if let Some(name) = name.filter(|n| !n.is_empty()) {
                known.insert(value.to_owned(), Json::String(name));
            }
        }
    }
    Ok(EventView { kind: "event", position: recorded.position, event_type: recorded.kind.clone(), actor, at: recorded.at, data, names: known })
}
