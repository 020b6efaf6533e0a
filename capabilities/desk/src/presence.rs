//! Who looks at a case now, and who types. Held in memory of this node: it is worth nothing a minute later.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use serde::Serialize;
use shouwen_kernel::{Access, CaseId, PersonId, Time, WorkspaceId};
use shouwen_web::App;
use tokio::sync::broadcast;

/// Somebody at a case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Present {
    pub id: PersonId,
    pub name: String,
    /// `viewing` or `typing`.
    pub state: &'static str,
}

/// All who are at one case, after a change.
#[derive(Clone, Debug)]
pub struct Change {
    pub workspace: WorkspaceId,
    pub case: CaseId,
    pub access: Access,
    pub people: Vec<Present>,
}

struct Seat {
    name: String,
    typing_until: Time,
    until: Time,
}

struct Room {
    workspace: WorkspaceId,
    access: Access,
    seats: HashMap<PersonId, Seat>,
}

struct Presence {
    rooms: Mutex<HashMap<CaseId, Room>>,
    changes: broadcast::Sender<Change>,
}

/// Without a sign of life somebody is gone after this long.
const SEAT_S: i64 = 15;
/// Typing shows this long after the last key.
const TYPING_S: i64 = 6;

fn presence() -> &'static Presence {
    static PRESENCE: OnceLock<Presence> = OnceLock::new();
    PRESENCE.get_or_init(|| Presence { rooms: Mutex::default(), changes: broadcast::channel(1024).0 })
}

/// Changes from now on.
pub fn changes() -> broadcast::Receiver<Change> {
    presence().changes.subscribe()
}

fn people(room: &Room, now: Time) -> Vec<Present> {
    let mut people: Vec<Present> =
        room.seats.iter().map(|(id, seat)| Present { id: *id, name: seat.name.clone(), state: if seat.typing_until > now { "typing" } else { "viewing" } }).collect();
    people.sort_by_key(|p| p.id);
    people
}

/// Who is at every case now.
pub fn snapshot(workspace: WorkspaceId, now: Time) -> Vec<Change> {
    let rooms = presence().rooms.lock().unwrap_or_else(|p| p.into_inner());
    rooms.iter().filter(|(_, room)| room.workspace == workspace).map(|(case, room)| Change { workspace, case: *case, access: room.access.clone(), people: people(room, now) }).collect()
}

/// Somebody gave a sign of life at a case (`viewing`, `typing`) or `left`.
pub fn sign(workspace: WorkspaceId, case: CaseId, access: Access, person: PersonId, name: &str, state: &str, now: Time) {
    let mut rooms = presence().rooms.lock().unwrap_or_else(|p| p.into_inner());
    let room = rooms.entry(case).or_insert_with(|| Room { workspace, access: access.clone(), seats: HashMap::new() });
    let before = people(room, now);
    room.access = access;
    if state == "left" {
        room.seats.remove(&person);
    } else {
        let seat = room.seats.entry(person).or_insert_with(|| Seat { name: name.to_owned(), typing_until: Time::default(), until: now });
        seat.until = now.plus_seconds(SEAT_S);
        seat.typing_until = if state == "typing" { now.plus_seconds(TYPING_S) } else { Time::default() };
    }
    let after = people(room, now);
    if before != after {
        // Nobody listening is no failure.
        let _ = presence().changes.send(Change { workspace: room.workspace, case, access: room.access.clone(), people: after });
    }
    if room.seats.is_empty() {
        rooms.remove(&case);
    }
}

/// Takes away who has gone silent.
fn sweep(now: Time) {
    let mut rooms = presence().rooms.lock().unwrap_or_else(|p| p.into_inner());
    rooms.retain(|case, room| {
        let silent = room.seats.values().any(|s| s.until <= now);
        let stopped = room.seats.values_mut().any(|s| {
            let ended = s.typing_until > Time::default() && s.typing_until <= now;
            if ended {
                s.typing_until = Time::default();
            }
            ended
        });
        room.seats.retain(|_, seat| seat.until > now);
        if silent || stopped {
            let _ = presence().changes.send(Change { workspace: room.workspace, case: *case, access: room.access.clone(), people: people(room, now) });
        }
        !room.seats.is_empty()
    });
}

/// Sweeps until the server stops.
pub async fn run(app: App) {
    let stopping = app.stopping();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(2)) => sweep(app.clock().now()),
        }
    }
}
