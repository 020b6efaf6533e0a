//! When a session or token was last used. [`crate::authenticate`] runs in a read-only snapshot, so it only notes the
//! use here; the sweeper writes the notes down every few seconds. A crash loses at most those seconds, which shortens
//! an idle session by as much and harms nobody. A row is written at most once a minute.

use std::collections::HashMap;
use std::sync::Mutex;

use shouwen_kernel::{PersonId, Result, SessionId, Time, TokenId};
use shouwen_store::{Db, Tx, params};

/// A use younger than this is not written again.
const EVERY_S: i64 = 60;
/// More than this between two flushes cannot be honest use; the rest waits for their next request.
const MOST: usize = 100_000;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Used {
    Session(SessionId, PersonId),
    Token(TokenId, PersonId),
}

/// The notes of all databases of the process (tests open many); the address of a database's keys tells them apart.
static NOTES: Mutex<Option<HashMap<(usize, Used), Time>>> = Mutex::new(None);

fn home(keys: &shouwen_crypt::Keys) -> usize {
    std::ptr::from_ref(keys).addr()
}

/// Notes a use, unless the row is fresh enough.
pub(crate) fn note(tx: &Tx<'_>, used: Used, written: Option<Time>) {
    if written.is_some_and(|at| tx.now() < at.plus_seconds(EVERY_S)) {
        return;
    }
    let mut notes = NOTES.lock().unwrap_or_else(|p| p.into_inner());
    let notes = notes.get_or_insert_with(HashMap::new);
    if notes.len() < MOST {
        notes.insert((home(tx.keys()), used), tx.now());
    }
}

/// Takes the notes of this database.
pub(crate) fn take(db: &Db) -> Vec<(Used, Time)> {
    let home = home(&db.services().keys);
    let mut notes = NOTES.lock().unwrap_or_else(|p| p.into_inner());
    let Some(notes) = notes.as_mut() else { return Vec::new() };
    let mut taken = Vec::new();
    notes.retain(|(at, used), time| {
        if *at == home {
            taken.push((*used, *time));
        }
        *at != home
    });
    taken
}

/// Writes notes down.
pub(crate) fn write(tx: &Tx<'_>, notes: &[(Used, Time)]) -> Result<()> {
    for (used, at) in notes {
        let person = match used {
            Used::Session(session, person) => {
                tx.execute("UPDATE identity_session SET last_seen_at = ?2 WHERE id = ?1 AND last_seen_at < ?2", params![session, at])?;
                person
            }
            Used::Token(token, person) => {
                tx.execute("UPDATE identity_token SET last_used_at = ?2 WHERE id = ?1", params![token, at])?;
                person
            }
        };
        tx.execute("UPDATE identity_person SET last_seen_at = ?2 WHERE id = ?1 AND (last_seen_at IS NULL OR last_seen_at < ?2)", params![person, at])?;
    }
    Ok(())
}
