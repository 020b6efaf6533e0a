//! The event log: append in the business transaction, read in commit order without gaps.
//!
//! On SQLite `seq` is commit order, because there is one writer. On PostgreSQL it is not: a row with a smaller `seq`
//! can become visible after a larger one. There the order is (transaction id, seq), and readers stay behind the oldest
//! transaction still running (`pg_snapshot_xmin`), so nothing can appear behind their back.

use std::any::Any;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Access, Actor, Problem, Result, Time, WorkspaceId};
use uuid::Uuid;

use crate::tx::Link;
use crate::{Ctx, Engine, FromRow, Json, Row, Subscription, Tx, Value, params};

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
    parsed: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// A stretch of the log as a follower sees it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct View {
    /// How many events there are, and how many of them are wanted.
    pub read: usize,
    pub wanted: usize,
    /// The last of them.
    pub upto: Option<Position>,
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
    /// Bytes it takes in memory once somebody has read it, roughly.
    pub(crate) fn weight(&self) -> usize {
        400 + self.kind.len() + self.actor.len() + self.access.as_ref().map_or(0, String::len) + 2 * self.payload.len()
    }
    /// As an event of family `E`; `None` when it belongs to another family. Parsed once, however many ask.
    pub fn event<E: shouwen_contracts::Event>(&self) -> Result<Option<E>> {
        if !E::KINDS.contains(&self.kind.as_str()) {
            return Ok(None);
        }
        if let Some(known) = self.parsed.get().and_then(|event| event.downcast_ref::<E>()) {
            return Ok(Some(known.clone()));
        }
        let event = E::from_text(&self.kind, &self.payload).transpose().map_err(|e| Problem::internal(format!("event {} at {} cannot be read: {e}", self.kind, self.position)))?;
        if let Some(event) = &event {
            let _ = self.parsed.set(Arc::new(event.clone()));
        }
        Ok(event)
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
            parsed: OnceLock::new(),
        })
    }
}

const TOLD: &str = "INSERT INTO event (workspace_id, at, kind, subject, actor, access, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const COLUMNS: &str = "tx, seq, workspace_id, at, kind, subject, actor, access, payload";

impl Tx<'_> {
    /// Appends an event about `subject`. `access` decides who is told of it live.
    pub fn emit<E: shouwen_contracts::Event>(&self, ctx: &Ctx, subject: Option<Uuid>, access: Option<&Access>, event: impl Into<E>) -> Result<()> {
        let event = event.into();
        self.rings.set(true);
        self.run(TOLD, params![ctx.workspace, self.now(), event.kind(), subject, Json(&ctx.actor), access.map(Json), Value::Json(event.text()?)])
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

    /// The same for followers, who all read the same: on PostgreSQL what one of them found is kept for the others.
    pub(crate) fn log_after(&self, after: Position, limit: usize) -> Result<Vec<Arc<Recorded>>> {
        let Link::Postgres(link) = &self.link else { return Ok(self.events_after(after, limit)?.into_iter().map(Arc::new).collect()) };
        let tail = link.borrow().tail.clone();
        if let Some(known) = tail.after(after, limit) {
            return Ok(known);
        }
        let _asking = tail.asking();
        if let Some(known) = tail.after(after, limit) {
            return Ok(known);
        }
        let found: Vec<Arc<Recorded>> = self.events_after(after, limit)?.into_iter().map(Arc::new).collect();
        tail.keep(after, &found);
        Ok(found)
    }

    /// The positions of the log were changed.
    pub(crate) fn forget_log(&self) {
        if let Link::Postgres(link) = &self.link {
            link.borrow().tail.forget();
        }
    }

    /// What a follower finds among at most `limit` events after `after`.
    pub(crate) fn view_after(&self, after: Position, limit: usize, subscription: &Subscription) -> Result<View> {
        let mut view = View::default();
        let mut look = |position, kind: &str| {
            view.read += 1;
            view.wanted += usize::from(subscription.wants(kind));
            view.upto = Some(position);
        };
        if self.engine() == Engine::Postgres {
            self.log_after(after, limit)?.iter().for_each(|event| look(event.position, &event.kind));
        } else {
            let rows: Vec<(i64, i64, String)> = self.all("SELECT tx, seq, kind FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2", params![after.seq, limit])?;
            rows.iter().for_each(|(tx, seq, kind)| look(Position { tx: *tx, seq: *seq }, kind));
        }
        Ok(view)
    }

    /// The event in row `seq`.
    pub fn event_at(&self, seq: i64) -> Result<Option<Recorded>> {
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
        self.all(
            &format!("SELECT {COLUMNS} FROM event WHERE subject = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3"),
            params![subject, before.unwrap_or(i64::MAX), limit],
        )
    }
}
