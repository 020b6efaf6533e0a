//! Who looks at a case now, and who types. Held in memory of this node: it is worth nothing a minute later.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use serde::Serialize;
use shouwen_kernel::{Access, CaseId, PersonId, Time, WorkspaceId};
use shouwen_web::App;

use crate::hub;

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

type Rooms = HashMap<CaseId, Room>;

/// Without a sign of life somebody is gone after this long.
const SEAT_S: i64 = 15;
/// Typing shows this long after the last key.
const TYPING_S: i64 = 6;

fn rooms() -> MutexGuard<'static, Rooms> {
    static ROOMS: OnceLock<Mutex<Rooms>> = OnceLock::new();
    ROOMS.get_or_init(Mutex::default).lock().unwrap_or_else(|p| p.into_inner())
}

impl Change {
    /// As open sockets are told.
    pub fn frame(&self) -> serde_json::Value {
        serde_json::json!({ "type": "presence", "case_id": self.case, "people": self.people })
    }

    fn tell(&self) {
        hub::tell(self.workspace, &self.access, &self.frame());
    }
}

fn people(room: &Room, now: Time) -> Vec<Present> {
    let mut people: Vec<Present> =
        room.seats.iter().map(|(id, seat)| Present { id: *id, name: seat.name.clone(), state: if seat.typing_until > now { "typing" } else { "viewing" } }).collect();
    people.sort_by_key(|p| p.id);
    people
}

/// Who is at every case now.
pub fn snapshot(workspace: WorkspaceId, now: Time) -> Vec<Change> {
    rooms().iter().filter(|(_, room)| room.workspace == workspace).map(|(case, room)| Change { workspace, case: *case, access: room.access.clone(), people: people(room, now) }).collect()
}

/// Somebody gave a sign of life at a case (`viewing`, `typing`) or `left`.
pub fn sign(workspace: WorkspaceId, case: CaseId, access: Access, person: PersonId, name: &str, state: &str, now: Time) {
    let mut rooms = rooms();
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
        Change { workspace: room.workspace, case, access: room.access.clone(), people: after }.tell();
    }
    if room.seats.is_empty() {
        rooms.remove(&case);
    }
}

/// Takes away who has gone silent.
fn sweep(now: Time) {
    let mut rooms = rooms();
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
            Change { workspace: room.workspace, case: *case, access: room.access.clone(), people: people(room, now) }.tell();
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
