//! How each side of each inbox fares, for the settings page, the doctor and the log.

use serde::Serialize;
use shouwen_kernel::{InboxId, Problem, Result, Time};
use shouwen_store::{Db, Tx, params};
use utoipa::ToSchema;

use crate::inbox::{self, Inbox};

/// A side of an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    In,
    Out,
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// Health as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`, `trouble`, or `off` (inactive, or nothing tried yet).
    pub state: &'static str,
    #[schema(value_type = Option<String>)]
    pub last_ok_at: Option<Time>,
    /// The server's own words; null when all is well.
    pub error: Option<String>,
    /// `incoming` or `outgoing`: the side in trouble.
    pub side: Option<&'static str>,
    #[schema(value_type = Option<String>)]
    pub since: Option<Time>,
}

/// A good contact is noted at most this often.
const NOTE_S: i64 = 60;

/// Notes that a side works. `remark`: it works, but something should be known.
pub async fn good(db: &Db, inbox: &Inbox, side: Side, remark: Option<String>) {
    let (id, workspace) = (inbox.id, inbox.workspace);
    let known = db.read(move |tx| current(tx, id, side)).await;
    let fresh = matches!(&known, Ok(Some((state, error, last))) if state == "ok" && *error == remark && last.is_some_and(|at| db.services().clock.now().seconds() - at.seconds() < NOTE_S));
    if fresh {
        return;
    }
    let noted = db
        .write(move |tx| {
            tx.execute(
                "INSERT INTO mail_health (inbox_id, side, workspace_id, state, error, since, last_ok_at) VALUES (?1, ?2, ?3, 'ok', ?4, ?5, ?5)
                 ON CONFLICT (inbox_id, side) DO UPDATE SET since = CASE WHEN mail_health.state = 'ok' THEN mail_health.since ELSE ?5 END, state = 'ok', error = ?4, last_ok_at = ?5",
                params![id, side.name(), workspace, remark, tx.now()],
            )
        })
        .await;
    report(noted);
}

/// Notes that a side does not work.
pub async fn bad(db: &Db, inbox: &Inbox, side: Side, error: String) {
    let (id, workspace) = (inbox.id, inbox.workspace);
    let known = db.read(move |tx| current(tx, id, side)).await;
    if matches!(&known, Ok(Some((state, Some(before), _))) if state == "trouble" && *before == error) {
        return;
    }
    let noted = db
        .write(move |tx| {
            tx.execute(
                "INSERT INTO mail_health (inbox_id, side, workspace_id, state, error, since) VALUES (?1, ?2, ?3, 'trouble', ?4, ?5)
                 ON CONFLICT (inbox_id, side) DO UPDATE SET since = CASE WHEN mail_health.state = 'trouble' THEN mail_health.since ELSE ?5 END, state = 'trouble', error = ?4",
                params![id, side.name(), workspace, error, tx.now()],
            )
        })
        .await;
    report(noted);
}

fn report(noted: Result<u64, Problem>) {
    if let Err(problem) = noted
        && problem.code != "store.stopped"
    {
        tracing::warn!(error = %problem, "an inbox's health could not be noted");
    }
}

/// State, error, last good contact.
type Current = (String, Option<String>, Option<Time>);
/// Side, state, error, since, last good contact.
type SideRow = (String, String, Option<String>, Time, Option<Time>);

fn current(tx: &Tx<'_>, inbox: InboxId, side: Side) -> Result<Option<Current>> {
    tx.opt("SELECT state, error, last_ok_at FROM mail_health WHERE inbox_id = ?1 AND side = ?2", params![inbox, side.name()])
}

/// Both sides of an inbox as one: trouble of either is trouble.
pub fn of(tx: &Tx<'_>, inbox: &Inbox) -> Result<Health> {
    let rows: Vec<SideRow> =
        tx.all("SELECT side, state, error, since, last_ok_at FROM mail_health WHERE inbox_id = ?1 ORDER BY side", params![inbox.id])?;
    let last_ok_at = rows.iter().filter_map(|r| r.4).max();
    if !inbox.active {
        return Ok(Health { state: "off", last_ok_at, error: None, side: None, since: None });
    }
    let sides = |name: &str| if name == "in" { ("incoming", inbox.incoming.is_some()) } else { ("outgoing", inbox.outgoing.is_some()) };
    let mut live = rows.into_iter().filter(|r| sides(&r.0).1).peekable();
    if live.peek().is_none() {
        return Ok(Health { state: "off", last_ok_at, error: None, side: None, since: None });
    }
    let rows: Vec<_> = live.collect();
    let worst = rows.iter().find(|r| r.1 == "trouble").or_else(|| rows.iter().find(|r| r.2.is_some()));
    Ok(match worst {
        Some((side, state, error, since, _)) => {
            Health { state: if state == "trouble" { "trouble" } else { "ok" }, last_ok_at, error: error.clone(), side: Some(sides(side).0), since: Some(*since) }
        }
        None => Health { state: "ok", last_ok_at, error: None, side: None, since: None },
    })
}

/// Inboxes in trouble, one sentence each.
pub fn troubled(tx: &Tx<'_>) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for inbox in inbox::active(tx)? {
        let health = of(tx, &inbox)?;
        if health.state == "trouble" {
            let since = health.since.map(|at| at.to_string()).unwrap_or_default();
            out.push(format!("{} <{}> {} since {since}: {}", inbox.name, inbox.address, health.side.unwrap_or("in trouble"), health.error.unwrap_or_default()));
        }
        let missing: Option<(i64, String)> = tx.opt("SELECT uid, error FROM mail_unfetched WHERE inbox_id = ?1 ORDER BY folder, uidvalidity, uid LIMIT 1", params![inbox.id])?;
        if let Some((uid, error)) = missing {
            out.push(format!("{} <{}>: the server does not hand over the mail with UID {uid}: {error}", inbox.name, inbox.address));
        }
    }
    Ok(out)
}
