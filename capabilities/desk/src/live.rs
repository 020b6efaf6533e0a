//! Live push over a WebSocket, as register-and-replay: a client names the last position it has seen and gets every
//! event after it that it may see, from the log itself, so that a lost connection never leaves a gap.

use std::sync::OnceLock;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::response::Response;
use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use shouwen_kernel::{Access, CaseId, Problem, Result, Scope};
use shouwen_store::{Position, Recorded, params};
use shouwen_web::{Answer, App, Credentials, SignedIn, Viewer, axum};
use tokio::sync::broadcast;

use crate::{list, presence, project};

/// More than this many missed events: the client is told to fetch anew.
const REPLAY: usize = 2000;
const HEARTBEAT: Duration = Duration::from_secs(25);
/// Rights are looked at again at least this often.
const RECHECK: Duration = Duration::from_secs(60);

fn hub() -> &'static broadcast::Sender<Recorded> {
    static HUB: OnceLock<broadcast::Sender<Recorded>> = OnceLock::new();
    HUB.get_or_init(|| broadcast::channel(4096).0)
}

/// Follows the log up to where the desk's projection is, and hands events to the open sockets.
pub async fn run(app: App) {
    let stopping = app.stopping();
    let mut at: Option<Position> = None;
    loop {
        if stopping.is_cancelled() {
            return;
        }
        let mut bell = app.db().doorbell();
        bell.mark_unchanged();
        let from = at;
        let batch = app
            .db()
            .read(move |tx| {
                let done = checkpoint(tx)?;
                let events = match from {
                    None => Vec::new(),
                    Some(from) => tx.events_after(from, 500)?.into_iter().filter(|e| e.position <= done).collect(),
                };
                Ok((done, events))
            })
            .await;
        match batch {
            Ok((done, events)) => {
                let more = events.len() == 500;
                at = Some(events.last().map_or_else(|| at.unwrap_or(done), |e| e.position));
                for event in events {
                    // Nobody connected is no failure.
                    let _ = hub().send(event);
                }
                if more {
                    continue;
                }
            }
            Err(problem) if problem.code == "store.stopped" => return,
            Err(problem) => tracing::error!(error = %problem, "live push cannot read the log"),
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = tokio::time::timeout(Duration::from_millis(500), bell.changed()) => {}
        }
    }
}

pub(crate) fn checkpoint(tx: &shouwen_store::Tx<'_>) -> Result<Position> {
    let row: Option<(i64, i64)> = tx.opt("SELECT tx, seq FROM subscription WHERE name = ?1", params![project::NAME])?;
    Ok(row.map_or_else(Position::default, |(tx, seq)| Position { tx, seq }))
}

#[derive(Deserialize)]
pub struct LiveParams {
    since: Option<String>,
}

/// Opens a socket.
pub async fn open(State(app): State<App>, who: SignedIn, Query(query): Query<LiveParams>, upgrade: WebSocketUpgrade) -> Answer<Response> {
    let since: Option<Position> = query.since.as_deref().filter(|t| !t.is_empty()).map(str::parse).transpose()?;
    Ok(upgrade.max_message_size(64 * 1024).on_upgrade(move |socket| async move {
        app.metrics().add("live_sockets_opened_total", 1.0);
        if let Err(problem) = talk(&app, who.viewer, who.credentials, since, socket).await {
            tracing::debug!(error = %problem, "a live socket ended");
        }
    }))
}

/// A frame from the client.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Frame {
    Presence { case_id: CaseId, state: String },
    Pong,
    Ack {
        #[serde(rename = "position")]
        _position: Position,
    },
}

fn closed(error: impl std::fmt::Display) -> Problem {
    Problem::new(shouwen_kernel::Kind::Unavailable, "live.closed", error.to_string())
}

async fn talk(app: &App, mut viewer: Viewer, credentials: Credentials, since: Option<Position>, socket: WebSocket) -> Result<()> {
    let (mut out, mut incoming) = socket.split();
    // Listening begins before reading, so that nothing can fall between.
    let (mut events, mut seats) = (hub().subscribe(), presence::changes());
    let mut at = replay(app, &viewer, since, &mut out).await?;
    for change in presence::snapshot(viewer.workspace, app.clock().now()) {
        send_presence(&viewer, &change, &mut out).await?;
    }
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    heartbeat.reset();
    let mut recheck = tokio::time::interval(RECHECK);
    recheck.reset();
    let mut here: Vec<CaseId> = Vec::new();
    let stopping = app.stopping();
    let outcome: Result<()> = async {
        loop {
            let mut look_again = false;
            tokio::select! {
                () = stopping.cancelled() => {
                    let _ = out.send(Message::Close(Some(axum::extract::ws::CloseFrame { code: 1012, reason: "restarting".into() }))).await;
                    return Ok(());
                }
                event = events.recv() => match event {
                    Ok(event) if event.position > at => {
                        look_again = event.kind == "person.rights_changed" && event.subject == Some(viewer.person.0);
                        at = event.position;
                        deliver(app, &viewer, &event, &mut out).await?;
                    }
                    Ok(_) => {}
                    // Too slow for the hub: read what was missed from the log.
                    Err(broadcast::error::RecvError::Lagged(_)) => at = replay(app, &viewer, Some(at), &mut out).await?,
                    Err(broadcast::error::RecvError::Closed) => return Ok(()),
                },
                change = seats.recv() => if let Ok(change) = change {
                    send_presence(&viewer, &change, &mut out).await?;
                },
                message = incoming.next() => match message {
                    Some(Ok(Message::Text(text))) => if let Ok(Frame::Presence { case_id, state }) = serde_json::from_str::<Frame>(&text) {
                        be_present(app, &viewer, case_id, &state, &mut here).await?;
                    },
                    Some(Ok(Message::Close(_))) | None => return Ok(()),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(closed(error)),
                },
                _ = heartbeat.tick() => out.send(frame(&json!({ "type": "ping" }))).await.map_err(closed)?,
                _ = recheck.tick() => look_again = true,
            }
            if look_again {
                match app.viewer_of(credentials.clone()).await? {
                    Some(now) => viewer = now,
                    None => {
                        let _ = out.send(Message::Close(Some(axum::extract::ws::CloseFrame { code: 4401, reason: "signed out".into() }))).await;
                        return Ok(());
                    }
                }
            }
        }
    }
    .await;
    for case in here {
        presence::sign(viewer.workspace, case, Access::default(), viewer.person, &viewer.name, "left", app.clock().now());
    }
    outcome
}

type Out = futures::stream::SplitSink<WebSocket, Message>;

fn frame(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}

fn scope_of(viewer: &Viewer) -> Option<Scope> {
    viewer.scope("case.read")
}

/// Sends everything after `since` that the viewer may see, or asks them to fetch anew; where the client stands then.
async fn replay(app: &App, viewer: &Viewer, since: Option<Position>, out: &mut Out) -> Result<Position> {
    let (head, missed) = app
        .db()
        .read(move |tx| {
            let done = checkpoint(tx)?;
            let Some(since) = since else { return Ok((done, Some(Vec::new()))) };
            let events: Vec<Recorded> = tx.events_after(since, REPLAY + 1)?.into_iter().filter(|e| e.position <= done).collect();
            Ok((done, (events.len() <= REPLAY).then_some(events)))
        })
        .await?;
    match missed {
        Some(events) => {
            let mut at = since.unwrap_or(head);
            for event in &events {
                at = event.position;
                deliver(app, viewer, event, out).await?;
            }
            out.send(frame(&json!({ "type": "ready", "position": at }))).await.map_err(closed)?;
            Ok(at)
        }
        None => {
            out.send(frame(&json!({ "type": "resync", "position": head }))).await.map_err(closed)?;
            Ok(head)
        }
    }
}

async fn deliver(app: &App, viewer: &Viewer, event: &Recorded, out: &mut Out) -> Result<()> {
    if event.workspace != viewer.workspace {
        return Ok(());
    }
    let case = project::case_of(event);
    let Some(access) = event.access()? else {
        // Without access only what concerns everybody's pickers is told, by kind alone.
        if ["person.", "team.", "org_unit.", "inbox."].iter().any(|p| event.kind.starts_with(p)) {
            out.send(frame(&json!({ "type": "event", "position": event.position, "kind": event.kind }))).await.map_err(closed)?;
        }
        return Ok(());
    };
    // Of customers hears who may read customers, of everything else who may read cases.
    let about_customer = event.kind.starts_with("customer.");
    let Some(scope) = (if about_customer { viewer.scope("customer.read") } else { scope_of(viewer) }) else { return Ok(()) };
    if !scope.sees(&access) {
        return Ok(());
    }
    let actor = event.actor()?;
    out.send(frame(&json!({ "type": "event", "position": event.position, "kind": event.kind, "case_id": case, "actor": actor, "at": event.at }))).await.map_err(closed)?;
    // A hand-over is told to those who lost sight of the case too; then it must go from their screens.
    if let Some(case) = case.filter(|_| matches!(event.kind.as_str(), "case.assigned" | "case.accountable" | "case.watched" | "case.edited")) {
        let still = app.db().read(move |tx| list::visible(tx, &scope, case)).await?;
        if !still {
            out.send(frame(&json!({ "type": "revoke", "position": event.position, "case_id": case }))).await.map_err(closed)?;
        }
    }
    Ok(())
}

async fn send_presence(viewer: &Viewer, change: &presence::Change, out: &mut Out) -> Result<()> {
    if change.workspace != viewer.workspace || !scope_of(viewer).is_some_and(|s| s.sees(&change.access)) {
        return Ok(());
    }
    out.send(frame(&json!({ "type": "presence", "case_id": change.case, "people": change.people }))).await.map_err(closed)
}

async fn be_present(app: &App, viewer: &Viewer, case: CaseId, state: &str, here: &mut Vec<CaseId>) -> Result<()> {
    if !["viewing", "typing", "left"].contains(&state) {
        return Ok(());
    }
    let Some(scope) = scope_of(viewer) else { return Ok(()) };
    type Row = (Option<shouwen_kernel::OrgUnitId>, Option<shouwen_kernel::TeamId>, Option<shouwen_kernel::PersonId>, Option<shouwen_kernel::PersonId>);
    let access = app
        .db()
        .read(move |tx| {
            if !list::visible(tx, &scope, case)? {
                return Ok(None);
            }
            let row: Option<Row> = tx.opt("SELECT org_unit_id, team_id, assignee_id, accountable_id FROM desk_case WHERE case_id = ?1", params![case])?;
            Ok(row.map(|(org_unit, team, assignee, accountable)| Access { org_unit, team, people: assignee.into_iter().chain(accountable).collect() }))
        })
        .await?;
    let Some(mut access) = access else { return Ok(()) };
    access.people.push(viewer.person);
    presence::sign(viewer.workspace, case, access, viewer.person, &viewer.name, state, app.clock().now());
    here.retain(|c| *c != case);
    if state != "left" {
        here.push(case);
    }
    Ok(())
}
