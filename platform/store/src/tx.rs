//! One transaction, as domain code sees it: the same calls on both databases.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use shouwen_crypt::Keys;
use shouwen_kernel::{Clock, Ids, Kind, Problem, Result, Time};
use uuid::Uuid;

use crate::blob::Blobs;
use crate::{Engine, FromRow, Recorded, Value};

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


/// What is put off to the end of a part of a transaction.
pub type End = fn(&Tx<'_>) -> Result<()>;

/// A transaction. Everything done through it commits together or not at all.
pub struct Tx<'a> {
    pub(crate) link: Link<'a>,
    services: &'a Services,
    now: Time,
    /// Something was written that others wait for (events, outbox, timers).
    pub(crate) rings: Cell<bool>,
    /// A statement failed outside a savepoint; PostgreSQL would turn the commit into a silent rollback.
    pub(crate) broken: Cell<bool>,
    /// See [`Tx::known`].
    memory: RefCell<HashMap<String, Box<dyn Any + Send>>>,
    /// See [`Tx::at_end`].
    ends: RefCell<Vec<End>>,
    /// See [`Tx::ahead`].
    ahead: RefCell<HashMap<&'static str, Box<dyn Any>>>,
    /// Shelves for which the events of a step were asked what they need, each with the place of that step's events.
    asked: RefCell<HashSet<(&'static str, usize)>>,
    /// The events of the step that is under way; see [`Tx::digesting`].
    pub(crate) batch: RefCell<Arc<Vec<Arc<Recorded>>>>,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(link: Link<'a>, services: &'a Services) -> Self {
        Self { link, services, now: services.clock.now(), rings: Cell::new(false), broken: Cell::new(false), memory: RefCell::default(), ends: RefCell::default(), ahead: RefCell::default(), asked: RefCell::default(), batch: RefCell::default() }
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

    /// Runs a statement whose count of rows nobody asks for. On PostgreSQL it waits until somebody asks about its table, at
    /// the latest for the commit, and then goes with all of its kind as one statement ([`crate::gather`]); should it fail,
    /// whatever is waited for next tells. So use [`Tx::execute`] where the failure itself is looked at.
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

    /// The events a subscription's step digests together, in order; empty outside of a step. Whoever digests the first may
    /// ask for what all of them need. One that is taken alone, because another of its batch failed, stands alone here.
    pub fn digesting(&self) -> Arc<Vec<Arc<Recorded>>> {
        self.batch.borrow().clone()
    }

    /// The row `key` of the shelf `name`: read when it is first asked for, together with the others that this step will
    /// ask for (`wanted`, called once, names them), by one `load`; `load` gives those that exist. The transaction changes such rows only
    /// together with [`Tx::set_ahead`], and only where nobody else writes them meanwhile, or where that is found out.
    pub fn ahead<K, T>(&self, name: &'static str, key: &K, wanted: impl FnOnce(&[Arc<Recorded>]) -> Vec<K>, load: impl FnOnce(&[K]) -> Result<Vec<(K, T)>>) -> Result<Option<T>>
    where
        K: Eq + Hash + Clone + 'static,
        T: Clone + 'static,
    {
        if let Some(known) = self.shelf(name, |shelf: &mut HashMap<K, Option<T>>| shelf.get(key).cloned()) {
            return Ok(known);
        }
        // Once a step: whatever was not among it then is rare, and going over all events for it again is not cheap.
        let step = self.digesting();
        let fresh = self.asked.borrow_mut().insert((name, Arc::as_ptr(&step) as usize));
        let mut keys = if fresh { wanted(&step) } else { Vec::new() };
        keys.push(key.clone());
        let mut seen = HashSet::new();
        let keys: Vec<K> = self.shelf(name, |shelf: &mut HashMap<K, Option<T>>| keys.into_iter().filter(|k| !shelf.contains_key(k) && seen.insert(k.clone())).collect());
        let found = load(&keys)?;
        Ok(self.shelf(name, |shelf: &mut HashMap<K, Option<T>>| {
            shelf.extend(keys.into_iter().map(|key| (key, None)));
            shelf.extend(found.into_iter().map(|(key, row)| (key, Some(row))));
            shelf.get(key).cloned().flatten()
        }))
    }

    /// The row `key` of the shelf `name` is now this one (`None`: there is none).
    pub fn set_ahead<K, T>(&self, name: &'static str, key: K, row: Option<T>)
    where
        K: Eq + Hash + Clone + 'static,
        T: Clone + 'static,
    {
        self.shelf(name, |shelf: &mut HashMap<K, Option<T>>| shelf.insert(key, row));
    }

    /// Lets `end` run once when the part under way (savepoint, step, transaction) has done its work: for what many events
    /// add up to. A part that is given up forgets it.
    pub fn at_end(&self, end: End) {
        let mut ends = self.ends.borrow_mut();
        if !ends.iter().any(|known| std::ptr::fn_addr_eq(*known, end)) {
            ends.push(end);
        }
    }

    /// Runs what [`Tx::at_end`] put off.
    pub(crate) fn end(&self) -> Result<()> {
        loop {
            let ends = std::mem::take(&mut *self.ends.borrow_mut());
            if ends.is_empty() {
                return Ok(());
            }
            for end in ends {
                end(self)?;
            }
        }
    }

    /// Everything on the shelf `name`, which is empty afterwards.
    pub fn take_ahead<K, T>(&self, name: &'static str) -> Vec<(K, T)>
    where
        K: Eq + Hash + Clone + 'static,
        T: Clone + 'static,
    {
        self.shelf(name, |shelf: &mut HashMap<K, Option<T>>| shelf.drain().filter_map(|(key, row)| row.map(|row| (key, row))).collect())
    }

    fn shelf<K: 'static, T: 'static, R>(&self, name: &'static str, look: impl FnOnce(&mut HashMap<K, Option<T>>) -> R) -> R {
        let mut all = self.ahead.borrow_mut();
        let shelf = all.entry(name).or_insert_with(|| Box::new(HashMap::<K, Option<T>>::new()));
        match shelf.downcast_mut() {
            Some(shelf) => look(shelf),
            // A name used for two types is a mistake of ours; nothing is remembered then.
            None => look(&mut HashMap::new()),
        }
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
                rows.iter().map(|row| read_row(row, 0, sql)).collect()
            }
        }
    }

    /// The rows of several runs of one query, for each its own; on PostgreSQL in one way to the server and back, as one
    /// statement where neither order nor locks count.
    pub fn all_each<T: FromRow>(&self, sql: &str, runs: &[Vec<Value>]) -> Result<Vec<Vec<T>>> {
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        let Link::Postgres(link) = &self.link else { return runs.iter().map(|params| self.all(sql, params)).collect() };
        self.usable()?;
        let (before, answers) = self.watch(link.borrow_mut().query_each(sql, runs))?;
        answers.iter().map(|rows| rows.iter().map(|row| read_row(row, before, sql)).collect()).collect()
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
        // What was done before stays, whatever becomes of the part.
        self.end()?;
        self.flush()?;
        self.batch_later("SAVEPOINT part")?;
        let outcome = catch_unwind(AssertUnwindSafe(|| work(self).and_then(|value| self.end().map(|()| value)))).unwrap_or_else(|panic| Err(panic_problem(&*panic)));
        let outcome = outcome.and_then(|value| self.flush().map(|()| value));
        let outcome = if outcome.is_ok() && self.broken.get() { Err(swallowed()) } else { outcome };
        match &outcome {
            Ok(_) => self.batch_later("RELEASE SAVEPOINT part")?,
            Err(_) => {
                // What was remembered may have been written by the part.
                self.memory.borrow_mut().clear();
                self.ends.borrow_mut().clear();
                self.ahead.borrow_mut().clear();
                self.asked.borrow_mut().clear();
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
        const COUNTERS: &str = "store.counters";
        let key = (workspace, name.to_owned());
        // The row is ours until the commit; only the first of a batch has to ask.
        if let Some(Some(last)) = self.shelf(COUNTERS, |shelf: &mut HashMap<(shouwen_kernel::WorkspaceId, String), Option<i64>>| shelf.get(&key).copied()) {
            self.run("UPDATE counter SET value = ?3 WHERE workspace_id = ?1 AND name = ?2", crate::params![workspace, name, last + 1])?;
            self.set_ahead(COUNTERS, key, Some(last + 1));
            return Ok(last + 1);
        }
        let (value,): (i64,) = self.one(
            "INSERT INTO counter (workspace_id, name, value) VALUES (?1, ?2, 1)
             ON CONFLICT (workspace_id, name) DO UPDATE SET value = counter.value + 1 RETURNING value",
            crate::params![workspace, name],
        )?;
        self.set_ahead(COUNTERS, key, Some(value));
        Ok(value)
    }
}

/// Reads the columns of a row from `from` on.
fn read_row<T: FromRow>(row: &tokio_postgres::Row, from: usize, sql: &str) -> Result<T> {
    let values: std::result::Result<Vec<Value>, _> = (from..row.len()).map(|i| row.try_get::<_, Value>(i)).collect();
    T::from_row(&crate::Row(values.map_err(|e| postgres_problem(&e, sql))?))
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
