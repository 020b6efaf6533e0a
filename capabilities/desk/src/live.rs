//! Live push over a WebSocket, as register-and-replay: a client names the last position it has seen and gets every
//! event after it that it may see, from the log itself, so that a lost connection never leaves a gap.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::response::Response;
use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use shouwen_kernel::{Access, CaseId, Problem, Result, Scope};
use shouwen_store::{Position, Recorded, params};
use shouwen_web::{Answer, App, Credentials, SignedIn, Viewer, axum};
use tokio::sync::{Notify, mpsc};

use crate::hub::{self, Push, Seat, Signal};
use crate::{list, presence, project};

/// More than this many missed events: the client is told to fetch anew.
const REPLAY: usize = 2000;
const HEARTBEAT: Duration = Duration::from_secs(25);
/// Rights are looked at again at least this often, in milliseconds; tests have less patience.
#[doc(hidden)]
pub static RECHECK_MS: AtomicU64 = AtomicU64::new(60_000);
/// How long one waits until a client has heard that this is the end.
const GOODBYE: Duration = Duration::from_secs(1);
/// Sockets that were given something come to send it before they are given more: what is told meanwhile goes with the next,
/// in one packet instead of in several that hinder each other. So long for each of them, and at most so long.
const BREATH: Duration = Duration::from_micros(10);
const LONGEST_BREATH: Duration = Duration::from_millis(100);

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
                    Some(from) if from < done => tx.events_after(from, 500)?.into_iter().filter(|e| e.position <= done).collect(),
                    _ => Vec::new(),
                };
                let pushes = events.iter().filter_map(|event| Push::of(tx, event).transpose()).collect::<Result<Vec<_>>>()?;
                Ok((done, events.last().map(|e| e.position), events.len(), pushes))
            })
            .await;
        match batch {
            Ok((done, last, count, pushes)) => {
                at = Some(last.unwrap_or_else(|| at.unwrap_or(done)));
                let given = hub::publish(&pushes);
                if given > 0 {
                    let breath = BREATH.saturating_mul(u32::try_from(given).unwrap_or(u32::MAX)).min(LONGEST_BREATH);
                    tokio::select! {
                        () = stopping.cancelled() => return,
                        () = tokio::time::sleep(breath) => {}
                    }
                    continue;
                }
                if count == 500 {
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
    // What a desk says is short; the usual 128 KiB would be cleared at each look at each of thousands of sockets.
    Ok(upgrade.max_message_size(64 * 1024).read_buffer_size(2048).on_upgrade(move |socket| async move {
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

/// What both halves of a socket know.
struct Line {
    app: App,
    seat: Seat,
    credentials: Credentials,
    viewer: Mutex<Viewer>,
    /// The viewer has no rights any more; not among the orders, which wait for a pause of the pushes.
    signed_out: Notify,
}

impl Line {
    fn viewer(&self) -> Viewer {
        self.viewer.lock().unwrap_or_else(|p| p.into_inner()).clone()
    }

    /// Looks at the viewer's rights again; `false`: they have none any more.
    async fn look_again(&self) -> Result<bool> {
        let now = self.app.viewer_of(self.credentials.clone()).await?;
        Ok(now
            .map(|now| {
                self.seat.move_to(&now);
                *self.viewer.lock().unwrap_or_else(|p| p.into_inner()) = now;
            })
            .is_some())
    }
}

/// What the listening half has the speaking half do.
enum Order {
    Say(Message),
    /// The last word.
    End(CloseFrame),
}

/// Orders that may wait for a slow client; a heartbeat more or less does not matter then.
const ORDERS: usize = 8;

/// Ends the speaking half when the listening one has ended.
struct Ending(tokio::task::AbortHandle);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Two tasks a socket: a push wakes only the one that speaks, which looks at nothing but what it has to say.
async fn talk(app: &App, viewer: Viewer, credentials: Credentials, since: Option<Position>, socket: WebSocket) -> Result<()> {
    let (mut out, mut incoming) = socket.split();
    // Listening begins before reading, so that nothing can fall between.
    let mut seat = Seat::take(&viewer);
    let queue = std::mem::replace(&mut seat.queue, mpsc::channel(1).1);
    let at = replay(app, &viewer, since, &mut out).await?;
    for change in presence::snapshot(viewer.workspace, app.clock().now()) {
        if scope_of(&viewer).is_some_and(|s| s.sees(&change.access)) {
            out.send(frame(&change.frame())).await.map_err(closed)?;
        }
    }
    let (orders, to_do) = mpsc::channel(ORDERS);
    let line = Arc::new(Line { app: app.clone(), seat, credentials, viewer: Mutex::new(viewer), signed_out: Notify::new() });
    let mut speaking = tokio::spawn(speak(line.clone(), queue, to_do, out, at));
    let _ending = Ending(speaking.abort_handle());
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    heartbeat.reset();
    let mut recheck = tokio::time::interval(Duration::from_millis(RECHECK_MS.load(Ordering::Relaxed)));
    recheck.reset();
    let mut here: Vec<CaseId> = Vec::new();
    let stopping = app.stopping();
    let outcome: Result<()> = async {
        let mut stop = std::pin::pin!(stopping.cancelled());
        loop {
            tokio::select! {
                biased;
                () = &mut stop => {
                    let last = orders.send(Order::End(CloseFrame { code: 1012, reason: "restarting".into() }));
                    let _ = tokio::time::timeout(GOODBYE, async { last.await.is_ok() && (&mut speaking).await.is_ok() }).await;
                    return Ok(());
                }
                ended = &mut speaking => return ended.unwrap_or_else(|error| Err(closed(error))),
                // Here, and before what the client says: neither an unbroken stream of pushes, nor a client that does not
                // read, nor one that never stops talking puts it off.
                _ = recheck.tick() => if !line.look_again().await? {
                    line.signed_out.notify_one();
                    let _ = tokio::time::timeout(GOODBYE, &mut speaking).await;
                    return Ok(());
                },
                _ = heartbeat.tick() => {
                    let _ = orders.try_send(Order::Say(frame(&json!({ "type": "ping" }))));
                }
                message = incoming.next() => match message {
                    Some(Ok(Message::Text(text))) => if let Ok(Frame::Presence { case_id, state }) = serde_json::from_str::<Frame>(&text) {
                        be_present(app, &line.viewer(), case_id, &state, &mut here).await?;
                    },
                    Some(Ok(Message::Close(_))) | None => return Ok(()),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(closed(error)),
                },
            }
        }
    }
    .await;
    let viewer = line.viewer();
    for case in here {
        presence::sign(viewer.workspace, case, Access::default(), viewer.person, &viewer.name, "left", app.clock().now());
    }
    outcome
}

/// Says what the hub and the listening half give it to say, until the last word.
async fn speak(line: Arc<Line>, mut queue: mpsc::Receiver<Signal>, mut orders: mpsc::Receiver<Order>, mut out: Out, mut at: Position) -> Result<()> {
    loop {
        let look_again = tokio::select! {
            biased;
            // First: whoever has no rights any more hears nothing further, however much there is to say.
            () = line.signed_out.notified() => return say_goodbye(&mut out).await,
            signal = queue.recv() => {
                let Some(signal) = signal else { return Ok(()) };
                let mut look_again = write(&mut out, signal, &mut at).await?;
                // What waits now goes in one packet; what comes meanwhile goes with the next, or there might be no end.
                for _ in 0..queue.len() {
                    let Ok(signal) = queue.try_recv() else { break };
                    look_again |= write(&mut out, signal, &mut at).await?;
                }
                out.flush().await.map_err(closed)?;
                // Too slow for the queue: read what was missed from the log, with the rights of now, for that they have
                // changed may be among what was missed.
                if line.seat.missed() {
                    if !line.look_again().await? {
                        return say_goodbye(&mut out).await;
                    }
                    look_again = false;
                    at = replay(&line.app, &line.viewer(), Some(at), &mut out).await?;
                }
                look_again
            }
            order = orders.recv() => match order {
                Some(Order::Say(message)) => {
                    out.send(message).await.map_err(closed)?;
                    false
                }
                Some(Order::End(last)) => {
                    let _ = out.send(Message::Close(Some(last))).await;
                    return Ok(());
                }
                None => return Ok(()),
            },
        };
        if look_again && !line.look_again().await? {
            return say_goodbye(&mut out).await;
        }
    }
}

async fn say_goodbye(out: &mut Out) -> Result<()> {
    let _ = out.send(Message::Close(Some(CloseFrame { code: 4401, reason: "signed out".into() }))).await;
    Ok(())
}

type Out = futures::stream::SplitSink<WebSocket, Message>;

fn frame(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}

/// Puts a signal's frames on their way, unless the client has them; whether the viewer's rights have changed.
async fn write(out: &mut Out, signal: Signal, at: &mut Position) -> Result<bool> {
    match signal {
        Signal::Event(position, ..) if position <= *at => {}
        Signal::Event(position, text, revoke) => {
            *at = position;
            for text in std::iter::once(text).chain(revoke) {
                out.feed(Message::Text(text)).await.map_err(closed)?;
            }
        }
        Signal::Frame(text) => out.feed(Message::Text(text)).await.map_err(closed)?,
        Signal::Look => return Ok(true),
    }
    Ok(false)
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
            let Some(since) = since else { return Ok((done, Some((None, Vec::new())))) };
            let events: Vec<Recorded> = tx.events_after(since, REPLAY + 1)?.into_iter().filter(|e| e.position <= done).collect();
            if events.len() > REPLAY {
                return Ok((done, None));
            }
            let last = events.last().map(|event| event.position);
            let pushes = events.iter().filter_map(|event| Push::of(tx, event).transpose()).collect::<Result<Vec<_>>>()?;
            Ok((done, Some((last, pushes))))
        })
        .await?;
    match missed {
        Some((last, pushes)) => {
            let mut at = since.unwrap_or(head);
            for signal in pushes.iter().filter_map(|push| push.for_viewer(viewer)) {
                write(out, signal, &mut at).await?;
            }
            at = last.unwrap_or(at);
            out.send(frame(&json!({ "type": "ready", "position": at }))).await.map_err(closed)?;
            Ok(at)
        }
        None => {
            out.send(frame(&json!({ "type": "resync", "position": head }))).await.map_err(closed)?;
            Ok(head)
        }
    }
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
