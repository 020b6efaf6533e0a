//! The event log: append in the business transaction, read in commit order without gaps.
//!
//! On SQLite `seq` is commit order, because there is one writer. On PostgreSQL it is not: a row with a smaller `seq`
//! can become visible after a larger one. There the order is (transaction id, seq), and readers stay behind the oldest
//! transaction still running (`pg_snapshot_xmin`), so nothing can appear behind their back.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Access, Actor, Problem, Result, Time, WorkspaceId};
use uuid::Uuid;

use crate::{Ctx, Engine, FromRow, Json, Row, ToValue, Tx, Value, params};

/// A place in the log. Text form `tx.seq`, opaque to clients; compares in log order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Transaction id on PostgreSQL, 0 on SQLite.
    pub tx: i64,
    /// Row number.
    pub seq: i64,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.tx, self.seq)
    }
}
impl FromStr for Position {
    type Err = Problem;
    fn from_str(text: &str) -> Result<Self> {
        text.split_once('.')
            .and_then(|(tx, seq)| Some(Self { tx: tx.parse().ok()?, seq: seq.parse().ok()? }))
            .ok_or_else(|| Problem::invalid("position", format!("`{}` is not a position in the log", shouwen_kernel::text::clip(text, 40))).expected("a `position` from an earlier answer"))
    }
}
impl Serialize for Position {
    fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        text.parse().map_err(|p: Problem| serde::de::Error::custom(p.message))
    }
}

/// An event as it stands in the log. The payload is parsed on demand, because most readers skip most events.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub position: Position,
    pub workspace: WorkspaceId,
    pub at: Time,
    pub kind: String,
    /// What it is about (the case, the person …).
    pub subject: Option<Uuid>,
    actor: String,
    access: Option<String>,
    payload: String,
}

impl Recorded {
    /// Who did it.
    pub fn actor(&self) -> Result<Actor> {
        Ok(serde_json::from_str(&self.actor)?)
    }
    /// What decides who may see it; `None`: nobody by live push (administration only).
    pub fn access(&self) -> Result<Option<Access>> {
        Ok(self.access.as_deref().map(serde_json::from_str).transpose()?)
    }
    /// The payload.
    pub fn payload(&self) -> Result<serde_json::Value> {
        Ok(serde_json::from_str(&self.payload)?)
    }
    /// As an event of family `E`; `None` when it belongs to another family.
    pub fn event<E: shouwen_contracts::Event>(&self) -> Result<Option<E>> {
        if !E::KINDS.contains(&self.kind.as_str()) {
            return Ok(None);
        }
        E::from_parts(&self.kind, self.payload()?)
            .transpose()
            .map_err(|e| Problem::internal(format!("event {} at {} cannot be read: {e}", self.kind, self.position)))
    }
}

impl FromRow for Recorded {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            position: Position { tx: row.get(0)?, seq: row.get(1)? },
            workspace: row.get(2)?,
            at: row.get(3)?,
            kind: row.get(4)?,
            subject: row.get(5)?,
            actor: row.get(6)?,
            access: row.get(7)?,
            payload: row.get(8)?,
        })
    }
}

/// The columns of an event that is told, in the order of [`TOLD`].
pub(crate) type EventRow = [Value; 7];
const TOLD: &str = "workspace_id, at, kind, subject, actor, access, payload";
/// Events of one statement, largest first: a few sizes, so that few statements are prepared.
const TOGETHER: [usize; 4] = [64, 16, 4, 1];

const COLUMNS: &str = "tx, seq, workspace_id, at, kind, subject, actor, access, payload";

impl Tx<'_> {
    /// Appends an event about `subject`. `access` decides who is told of it live.
    pub fn emit<E: shouwen_contracts::Event>(&self, ctx: &Ctx, subject: Option<Uuid>, access: Option<&Access>, event: impl Into<E>) -> Result<()> {
        let event = event.into();
        self.rings.set(true);
        let row = [
            ctx.workspace.to_value(),
            self.now().to_value(),
            event.kind().to_value(),
            subject.to_value(),
            Json(&ctx.actor).to_value(),
            access.map(Json).to_value(),
            Json(event.payload()?).to_value(),
        ];
        if self.engine() == Engine::Sqlite {
            return self.execute(&format!("INSERT INTO event ({TOLD}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"), &row).map(|_| ());
        }
        // Each statement is a way to the server and back, so the events of a transaction go together.
        let waiting = {
            let mut events = self.events.borrow_mut();
            events.push(row);
            events.len()
        };
        if waiting < TOGETHER[0] { Ok(()) } else { self.write_events() }
    }

    /// Writes the events that wait, in the order they were told: before a commit, at both ends of a savepoint, and
    /// before this transaction reads the log.
    pub(crate) fn write_events(&self) -> Result<()> {
        let events = std::mem::take(&mut *self.events.borrow_mut());
        let mut rest = events.as_slice();
        while !rest.is_empty() {
            let size = TOGETHER.into_iter().find(|size| *size <= rest.len()).unwrap_or(1);
            let (now, later) = rest.split_at(size);
            let rows: Vec<String> = (0..size).map(|row| format!("({})", (1..=7).map(|i| format!("?{}", row * 7 + i)).collect::<Vec<_>>().join(", "))).collect();
            self.run(&format!("INSERT INTO event ({TOLD}) VALUES {}", rows.join(", ")), &now.concat())?;
            rest = later;
        }
        Ok(())
    }

    /// At most `limit` events after `after`, in log order, without gaps.
    pub fn events_after(&self, after: Position, limit: usize) -> Result<Vec<Recorded>> {
        match self.engine() {
            Engine::Sqlite => self.all(&format!("SELECT {COLUMNS} FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2"), params![after.seq, limit]),
            Engine::Postgres => self.all(
                &format!(
                    "SELECT {COLUMNS} FROM event WHERE (tx, seq) > (?1, ?2) AND tx < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY event.tx, seq LIMIT ?3"
                ),
                params![after.tx, after.seq, limit],
            ),
        }
    }

    /// Places and kinds of at most `limit` events after `after`.
    pub(crate) fn kinds_after(&self, after: Position, limit: usize) -> Result<Vec<(Position, String)>> {
        let rows: Vec<(i64, i64, String)> = match self.engine() {
            Engine::Sqlite => self.all("SELECT tx, seq, kind FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2", params![after.seq, limit])?,
            Engine::Postgres => self.all(
                "SELECT tx, seq, kind FROM event WHERE (tx, seq) > (?1, ?2) AND tx < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY event.tx, seq LIMIT ?3",
                params![after.tx, after.seq, limit],
            )?,
        };
        Ok(rows.into_iter().map(|(tx, seq, kind)| (Position { tx, seq }, kind)).collect())
    }

    /// The event in row `seq`.
    pub fn event_at(&self, seq: i64) -> Result<Option<Recorded>> {
        self.write_events()?;
        self.opt(&format!("SELECT {COLUMNS} FROM event WHERE seq = ?1"), params![seq])
    }

    /// How many events lie after `after`, counted up to `cap`.
    pub fn events_behind(&self, after: Position, cap: usize) -> Result<usize> {
        let (count,): (i64,) = match self.engine() {
            Engine::Sqlite => self.one("SELECT count(*) FROM (SELECT 1 FROM event WHERE seq > ?1 LIMIT ?2) AS t", params![after.seq, cap])?,
            Engine::Postgres => self.one("SELECT count(*) FROM (SELECT 1 FROM event WHERE (tx, seq) > (?1, ?2) LIMIT ?3) AS t", params![after.tx, after.seq, cap])?,
        };
        Ok(count as usize)
    }

    /// The end of what a reader may see now.
    pub fn log_head(&self) -> Result<Position> {
        match self.engine() {
            Engine::Sqlite => {
                let (seq,): (Option<i64>,) = self.one("SELECT max(seq) FROM event", params![])?;
                Ok(Position { tx: 0, seq: seq.unwrap_or(0) })
            }
            Engine::Postgres => {
                let row: Option<(i64, i64)> =
                    self.opt("SELECT tx, seq FROM event WHERE tx < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY event.tx DESC, seq DESC LIMIT 1", params![])?;
                Ok(row.map_or_else(Position::default, |(tx, seq)| Position { tx, seq }))
            }
        }
    }

    /// Events about `subject`, newest first, before row number `before` (`None`: from the newest).
    pub fn events_about(&self, subject: Uuid, before: Option<i64>, limit: usize) -> Result<Vec<Recorded>> {
        self.write_events()?;
        self.all(
            &format!("SELECT {COLUMNS} FROM event WHERE subject = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3"),
            params![subject, before.unwrap_or(i64::MAX), limit],
        )
    }
}
