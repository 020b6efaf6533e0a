//! One transaction, as domain code sees it: the same calls on both databases.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use shouwen_crypt::Keys;
use shouwen_kernel::{Clock, Ids, Kind, Problem, Result, Time};
use uuid::Uuid;

use crate::blob::Blobs;
use crate::{Engine, FromRow, Value};

/// Undoes the part since its savepoint.
const BACK: &str = "ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part";

/// What every transaction can reach besides the database.
pub struct Services {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub keys: Arc<Keys>,
    pub blobs: Blobs,
}

pub(crate) enum Link<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(RefCell<crate::pg::PgLink<'a>>),
}


/// A transaction. Everything done through it commits together or not at all.
pub struct Tx<'a> {
    pub(crate) link: Link<'a>,
    services: &'a Services,
    now: Time,
    /// Something was written that others wait for (events, outbox, timers).
    pub(crate) rings: Cell<bool>,
    /// A statement failed outside a savepoint; PostgreSQL would turn the commit into a silent rollback.
    pub(crate) broken: Cell<bool>,
    /// Events that wait to be written together (PostgreSQL only); see [`Tx::write_events`].
    pub(crate) events: RefCell<Vec<crate::log::EventRow>>,
    /// See [`Tx::known`].
    memory: RefCell<HashMap<String, Box<dyn std::any::Any + Send>>>,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(link: Link<'a>, services: &'a Services) -> Self {
        Self { link, services, now: services.clock.now(), rings: Cell::new(false), broken: Cell::new(false), events: RefCell::new(Vec::new()), memory: RefCell::default() }
    }

    /// The instant this transaction began; the same for everything in it.
    pub fn now(&self) -> Time {
        self.now
    }
    /// A new id.
    pub fn id<T: From<Uuid>>(&self) -> T {
        T::from(self.services.ids.uuid(self.now))
    }
    /// Ids and secrets.
    pub fn ids(&self) -> &Ids {
        &self.services.ids
    }
    /// Seals, opens, indexes, signs.
    pub fn keys(&self) -> &Keys {
        &self.services.keys
    }
    pub(crate) fn blobs(&self) -> &Blobs {
        &self.services.blobs
    }
    /// The engine, for the few statements that differ.
    pub fn engine(&self) -> Engine {
        match self.link {
            Link::Sqlite(_) => Engine::Sqlite,
            Link::Postgres(_) => Engine::Postgres,
        }
    }
    /// Picks the arm for this engine.
    pub fn dialect<'s>(&self, sqlite: &'s str, postgres: &'s str) -> &'s str {
        if self.engine() == Engine::Sqlite { sqlite } else { postgres }
    }
    /// ` FOR UPDATE` where rows must be locked by hand; SQLite has one writer.
    pub fn for_update(&self) -> &'static str {
        if self.engine() == Engine::Sqlite { "" } else { " FOR UPDATE" }
    }

    /// Runs a statement that gives no rows; how many rows it touched.
    pub fn execute(&self, sql: &str, params: &[Value]) -> Result<u64> {
        self.usable()?;
        self.watch(self.execute_once(sql, params))
    }

    /// After a failed statement PostgreSQL refuses the rest of a transaction; so do we on SQLite, lest code that works
    /// on one engine fails on the other.
    fn usable(&self) -> Result<()> {
        if self.broken.get() { Err(swallowed()) } else { Ok(()) }
    }

    fn watch<T>(&self, outcome: Result<T>) -> Result<T> {
        if outcome.is_err() {
            self.broken.set(true);
        }
        outcome
    }

    /// Runs a statement whose count of rows nobody asks for. On PostgreSQL it travels together with the next statement
    /// that is waited for, one way to the server and back for all of them; should it fail, that next one (or the commit)
    /// tells. So use [`Tx::execute`] where the failure itself is looked at.
    pub fn run(&self, sql: &str, params: &[Value]) -> Result<()> {
        self.usable()?;
        match &self.link {
            Link::Sqlite(_) => self.watch(self.execute_once(sql, params)).map(|_| ()),
            Link::Postgres(link) => self.watch(link.borrow_mut().later(sql, params)),
        }
    }

    /// Waits for what [`Tx::run`] sent ahead.
    fn flush(&self) -> Result<()> {
        match &self.link {
            Link::Sqlite(_) => Ok(()),
            Link::Postgres(link) => self.watch(link.borrow_mut().flush()),
        }
    }

    /// What `load` gives, asked for once in this transaction: settings that many events of a batch look at. Not for what
    /// the transaction itself changes.
    pub fn known<T: Clone + Send + 'static>(&self, key: &str, load: impl FnOnce() -> Result<T>) -> Result<T> {
        if let Some(known) = self.memory.borrow().get(key).and_then(|v| v.downcast_ref::<T>()) {
            return Ok(known.clone());
        }
        let value = load()?;
        self.memory.borrow_mut().insert(key.to_owned(), Box::new(value.clone()));
        Ok(value)
    }

    fn execute_once(&self, sql: &str, params: &[Value]) -> Result<u64> {
        match &self.link {
            Link::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql).map_err(|e| sqlite_problem(&e, sql))?;
                bind(&mut statement, params, sql)?;
                statement.raw_execute().map(|n| n as u64).map_err(|e| sqlite_problem(&e, sql))
            }
            Link::Postgres(link) => link.borrow_mut().execute(sql, params),
        }
    }

    /// All rows of a query, each read as `T` (a tuple of column types).
    pub fn all<T: FromRow>(&self, sql: &str, params: &[Value]) -> Result<Vec<T>> {
        self.usable()?;
        self.watch(self.all_once(sql, params))
    }

    fn all_once<T: FromRow>(&self, sql: &str, params: &[Value]) -> Result<Vec<T>> {
        match &self.link {
            Link::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql).map_err(|e| sqlite_problem(&e, sql))?;
                bind(&mut statement, params, sql)?;
                let columns = statement.column_count();
                let mut rows = statement.raw_query();
                let mut out = Vec::new();
                while let Some(row) = rows.next().map_err(|e| sqlite_problem(&e, sql))? {
                    let mut values = Vec::with_capacity(columns);
                    for i in 0..columns {
                        values.push(match row.get_ref(i).map_err(|e| sqlite_problem(&e, sql))? {
                            rusqlite::types::ValueRef::Null => Value::Null,
                            rusqlite::types::ValueRef::Integer(v) => Value::Int(v),
                            rusqlite::types::ValueRef::Real(v) => Value::Real(v),
                            rusqlite::types::ValueRef::Text(v) => Value::Text(String::from_utf8_lossy(v).into_owned()),
                            rusqlite::types::ValueRef::Blob(v) => Value::Bytes(v.to_vec()),
                        });
                    }
                    out.push(T::from_row(&crate::Row(values))?);
                }
                Ok(out)
            }
            Link::Postgres(link) => {
                let rows = link.borrow_mut().query(sql, params)?;
                rows.iter()
                    .map(|row| {
                        let values: std::result::Result<Vec<Value>, _> = (0..row.len()).map(|i| row.try_get::<_, Value>(i)).collect();
                        T::from_row(&crate::Row(values.map_err(|e| postgres_problem(&e, sql))?))
                    })
                    .collect()
            }
        }
    }

    /// The first row, if there is one.
    pub fn opt<T: FromRow>(&self, sql: &str, params: &[Value]) -> Result<Option<T>> {
        Ok(self.all(sql, params)?.into_iter().next())
    }

    /// The one row; a missing one is a mistake of ours (use [`Tx::opt`] where it may be missing).
    pub fn one<T: FromRow>(&self, sql: &str, params: &[Value]) -> Result<T> {
        self.opt(sql, params)?.ok_or_else(|| Problem::internal(format!("no row from: {}", shouwen_kernel::text::clip(sql, 120))))
    }

    /// Runs several statements without parameters (migrations, savepoints).
    pub fn batch(&self, sql: &str) -> Result<()> {
        self.usable()?;
        self.watch(self.batch_once(sql))
    }

    fn batch_once(&self, sql: &str) -> Result<()> {
        match &self.link {
            Link::Sqlite(connection) => connection.execute_batch(sql).map_err(|e| sqlite_problem(&e, sql)),
            Link::Postgres(link) => link.borrow_mut().batch(sql),
        }
    }

    fn batch_later(&self, sql: &'static str) -> Result<()> {
        match &self.link {
            Link::Sqlite(_) => self.batch(sql),
            Link::Postgres(link) => {
                self.usable()?;
                link.borrow_mut().batch_later(sql);
                Ok(())
            }
        }
    }

    /// Runs `work` so that its failure (or panic) undoes only its own writes.
    pub fn savepoint<T>(&self, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        // What was told before stays told, whatever becomes of the part.
        self.write_events()?;
        self.flush()?;
        self.batch_later("SAVEPOINT part")?;
        let outcome = catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or_else(|panic| Err(panic_problem(&*panic)));
        let outcome = outcome.and_then(|value| self.write_events().and_then(|()| self.flush()).map(|()| value));
        let outcome = if outcome.is_ok() && self.broken.get() { Err(swallowed()) } else { outcome };
        match &outcome {
            Ok(_) => self.batch_later("RELEASE SAVEPOINT part")?,
            Err(_) => {
                self.events.borrow_mut().clear();
                // Should the way back itself fail, the transaction stays marked as broken.
                self.broken.set(true);
                match &self.link {
                    Link::Sqlite(_) => self.batch_once(BACK)?,
                    Link::Postgres(link) => link.borrow_mut().back_to("SAVEPOINT part", BACK)?,
                }
                self.broken.set(false);
            }
        }
        outcome
    }

    /// The next value of a counter of the workspace, from 1; gap-free because it commits with its use.
    pub fn next_number(&self, workspace: shouwen_kernel::WorkspaceId, name: &str) -> Result<i64> {
        let (value,): (i64,) = self.one(
            "INSERT INTO counter (workspace_id, name, value) VALUES (?1, ?2, 1)
             ON CONFLICT (workspace_id, name) DO UPDATE SET value = counter.value + 1 RETURNING value",
            crate::params![workspace, name],
        )?;
        Ok(value)
    }
}

fn bind(statement: &mut rusqlite::Statement<'_>, params: &[Value], sql: &str) -> Result<()> {
    let wanted = statement.parameter_count();
    if wanted != params.len() {
        return Err(Problem::internal(format!("{} parameters given, {wanted} wanted by: {}", params.len(), shouwen_kernel::text::clip(sql, 200))));
    }
    for (i, value) in params.iter().enumerate() {
        match value {
            Value::Null => statement.raw_bind_parameter(i + 1, rusqlite::types::Null),
            Value::Int(v) => statement.raw_bind_parameter(i + 1, v),
            Value::Real(v) => statement.raw_bind_parameter(i + 1, v),
            Value::Bool(v) => statement.raw_bind_parameter(i + 1, i64::from(*v)),
            Value::Text(v) | Value::Json(v) => statement.raw_bind_parameter(i + 1, v.as_str()),
            Value::Bytes(v) => statement.raw_bind_parameter(i + 1, v.as_slice()),
            Value::Id(v) => statement.raw_bind_parameter(i + 1, v.as_bytes().as_slice()),
        }
        .map_err(|e| sqlite_problem(&e, sql))?;
    }
    Ok(())
}

/// Code of the problem that a unique constraint raises; its `detail.constraint` names columns or constraint.
pub const UNIQUE: &str = "store.unique";

pub(crate) fn sqlite_problem(error: &rusqlite::Error, sql: &str) -> Problem {
    use rusqlite::ErrorCode;
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) if text.contains("UNIQUE") || text.contains("PRIMARY") => {
            Problem::conflict(UNIQUE, "there is one already").detail(serde_json::json!({ "constraint": text }))
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Problem::new(Kind::Unavailable, "store.busy", format!("the database is busy: {text}")),
        Some(ErrorCode::DiskFull) => Problem::new(Kind::Unavailable, "store.full", "the disk is full; nothing was stored").expected("free space, then try again"),
        _ => Problem::internal(format!("SQLite: {text}; in: {}", shouwen_kernel::text::clip(&shouwen_kernel::text::one_line(sql), 200))),
    }
}

pub(crate) fn postgres_problem(error: &tokio_postgres::Error, sql: &str) -> Problem {
    let Some(db) = error.as_db_error() else {
        if error.is_closed() || std::error::Error::source(error).is_some_and(|s| s.is::<std::io::Error>()) {
            return Problem::new(Kind::Unavailable, "store.connection", format!("the connection to PostgreSQL was lost: {error}"));
        }
        let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        return Problem::internal(format!("PostgreSQL: {error} {cause}; in: {}", shouwen_kernel::text::clip(&shouwen_kernel::text::one_line(sql), 200)));
    };
    match db.code().code() {
        "23505" => Problem::conflict(UNIQUE, "there is one already").detail(serde_json::json!({ "constraint": db.constraint() })),
        "40001" | "40P01" => Problem::new(Kind::Unavailable, "store.retry", db.message().to_owned()),
        "53100" => Problem::new(Kind::Unavailable, "store.full", "the database server's disk is full; nothing was stored").expected("free space, then try again"),
        "55P03" | "57014" => Problem::new(Kind::Unavailable, "store.busy", format!("the database took too long: {}", db.message())).expected("try again in a moment"),
        "57P01" | "57P02" | "57P03" => Problem::new(Kind::Unavailable, "store.connection", db.message().to_owned()),
        code => Problem::internal(format!("PostgreSQL {code}: {}; in: {}", db.message(), shouwen_kernel::text::clip(&shouwen_kernel::text::one_line(sql), 200))),
    }
}

pub(crate) fn swallowed() -> Problem {
    Problem::new(Kind::Internal, "store.swallowed", "a statement failed and its failure was ignored; nothing was stored").expected("a savepoint around what may fail")
}

pub(crate) fn panic_problem(panic: &(dyn std::any::Any + Send)) -> Problem {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Problem::internal(format!("a panic in a transaction: {text}"))
}
