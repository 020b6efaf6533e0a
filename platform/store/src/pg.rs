//! PostgreSQL: a fixed pool of threads, and connections each with its own prepared statements.
//!
//! Every statement is a way to the server and back, so what needs no answer (see [`Tx::run`]) waits and travels with
//! the next statement that does, in one packet; many statements of one shape travel as one ([`crate::gather`]).

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use shouwen_kernel::{Kind, Problem, Result};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use crate::db::{Inbox, Job, take};
use crate::gather::{self, Gathered, Group, Prepared};
use crate::pgvalue::Column;
use crate::tail::Tail;
use crate::tx::{Link, postgres_problem};
use crate::{Services, Tx, Value};

const WRITERS: usize = 8;
const READERS: usize = 4;
const ATTEMPTS: u32 = 4;
/// Statements that may wait for company.
const MOST_WAITING: usize = 128;
/// Filters make statements of many shapes; a bound keeps the server's and our memory small.
const MOST_PREPARED: usize = 500;

/// What a connection has prepared.
#[derive(Default)]
struct Known {
    statements: HashMap<String, Statement>,
    /// `None`: goes alone.
    shapes: HashMap<String, Option<Prepared>>,
    /// Queries in the form that takes many runs at once; `None`: one by one.
    joint: HashMap<String, Option<Statement>>,
}

struct Connection {
    runtime: Runtime,
    url: String,
    schema: Option<String>,
    write: bool,
    open: Option<(Client, Known)>,
    tail: Arc<Tail>,
}

impl Connection {
    fn new(url: &str, schema: Option<&str>, write: bool, tail: &Arc<Tail>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| Problem::internal(format!("cannot start a runtime: {e}")))?;
        Ok(Self { runtime, url: url.to_owned(), schema: schema.map(str::to_owned), write, open: None, tail: tail.clone() })
    }

    fn link(&mut self) -> Result<PgLink<'_>> {
        if self.open.as_ref().is_some_and(|(client, _)| client.is_closed()) {
            self.open = None;
        }
        if self.open.is_none() {
            self.open = Some((connect(&self.runtime, &self.url, self.schema.as_deref(), self.write)?, Known::default()));
        }
        let (client, known) = self.open.as_mut().ok_or_else(|| Problem::internal("no connection"))?;
        Ok(PgLink { runtime: &self.runtime, client, known, tail: &self.tail, gathered: Gathered::default(), waiting: Vec::new(), begun: false })
    }
}

/// Opens one connection with the settings every one of ours has; refuses servers before 15.
fn connect(runtime: &Runtime, url: &str, schema: Option<&str>, write: bool) -> Result<Client> {
    let (config, sealing) = crate::tls::target(url)?;
    let (client, connection) = runtime.block_on(config.connect(sealing)).map_err(|e| crate::tls::unreached(&e))?;
    // It runs whenever this thread waits for an answer, and ends with the client.
    runtime.spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to PostgreSQL ended");
        }
    });
    let version: i32 = runtime
        .block_on(client.query_one("SELECT current_setting('server_version_num')::int", &[]))
        .and_then(|row| row.try_get(0))
        .map_err(|e| postgres_problem(&e, "server_version_num"))?;
    if version < 150_000 {
        return Err(Problem::new(Kind::Invalid, "store.version", format!("this PostgreSQL is version {}", version / 10_000)).expected("15 or newer"));
    }
    let mut settings = String::from("SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '15s'; SET lock_timeout = '15s'; SET client_min_messages = warning; SET jit = off;");
    if write {
        // Every statement that writes has an index that serves it; a plan made while a table was small must not scan it
        // when it has grown.
        settings.push_str("SET enable_seqscan = off;");
    }
    if let Some(schema) = schema {
        settings.push_str(&format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"; SET search_path = \"{schema}\";"));
    }
    runtime.block_on(client.batch_execute(&settings)).map_err(|e| postgres_problem(&e, &settings))?;
    Ok(client)
}

/// What was sent ahead without waiting for its answer.
enum Waiting {
    Batch(&'static str),
    Statement { sql: String, statement: Statement, params: Vec<Value> },
    Rows { sql: String, statement: Statement, columns: Vec<Column> },
}

/// A transaction on a connection.
pub(crate) struct PgLink<'a> {
    runtime: &'a Runtime,
    client: &'a Client,
    known: &'a mut Known,
    pub(crate) tail: &'a Arc<Tail>,
    gathered: Gathered,
    waiting: Vec<Waiting>,
    /// The server has heard of the transaction.
    begun: bool,
}

/// The failure that counts among those of one packet: after the first, PostgreSQL refuses the rest.
fn first_failure(waiting: &[Waiting], outcomes: Vec<std::result::Result<(), Error>>) -> Result<()> {
    for (sent, outcome) in waiting.iter().zip(outcomes) {
        if let Err(error) = outcome {
            let sql = match sent {
                Waiting::Batch(sql) => sql,
                Waiting::Statement { sql, .. } | Waiting::Rows { sql, .. } => sql.as_str(),
            };
            return Err(postgres_problem(&error, sql));
        }
    }
    Ok(())
}

fn refs(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|v| v as _).collect()
}

type Answer<'f, T> = Pin<Box<dyn Future<Output = std::result::Result<T, Error>> + 'f>>;

/// Sends all of them at once, in this order; their answers. The first poll sends, and answers come in the order of the
/// statements, so that afterwards each is simply waited for.
async fn in_order<T>(mut futures: Vec<Answer<'_, T>>) -> Vec<std::result::Result<T, Error>> {
    let mut early: Vec<Option<std::result::Result<T, Error>>> = std::future::poll_fn(|context| {
        Poll::Ready(
            futures
                .iter_mut()
                .map(|future| match future.as_mut().poll(context) {
                    Poll::Ready(done) => Some(done),
                    Poll::Pending => None,
                })
                .collect(),
        )
    })
    .await;
    let mut answers = Vec::with_capacity(futures.len());
    for (future, early) in futures.into_iter().zip(early.iter_mut()) {
        answers.push(match early.take() {
            Some(done) => done,
            None => future.await,
        });
    }
    answers
}

impl PgLink<'_> {
    fn prepare(&mut self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.known.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.prepare_new(&crate::sql::to_postgres(sql))?;
        if self.known.statements.len() >= MOST_PREPARED {
            self.known.statements.clear();
        }
        self.known.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn prepare_new(&mut self, sql: &str) -> Result<Statement> {
        // Preparing in a transaction that something waiting has broken would blame the wrong statement.
        if !self.waiting.is_empty() {
            self.settle("", Vec::<Answer<'_, ()>>::new())?;
        }
        self.runtime.block_on(self.client.prepare(sql)).map_err(|e| postgres_problem(&e, sql))
    }

    /// How `sql` goes together with others of its kind, when it can.
    fn shape(&mut self, sql: &str) -> Result<Option<Prepared>> {
        if let Some(known) = self.known.shapes.get(sql) {
            return Ok(known.clone());
        }
        let found = match gather::shape(sql) {
            Some(shape) => {
                let one = self.prepare(sql)?;
                let many = self.prepare_new(&shape.many(one.params()))?;
                Some(Prepared { shape: Arc::new(shape), one, many })
            }
            None => None,
        };
        if self.known.shapes.len() >= MOST_PREPARED {
            self.known.shapes.clear();
        }
        self.known.shapes.insert(sql.to_owned(), found.clone());
        Ok(found)
    }

    /// Sends what waits and then `last`, in this order and at once; the answers of `last`.
    fn settle<T>(&mut self, sql: &str, last: Vec<Answer<'_, T>>) -> Result<Vec<T>> {
        let waiting = std::mem::take(&mut self.waiting);
        self.begun = true;
        let client = self.client;
        let (outcomes, answers) = self.runtime.block_on(async {
            let futures: Vec<Answer<'_, ()>> = waiting
                .iter()
                .map(|sent| -> Answer<'_, ()> {
                    match sent {
                        Waiting::Batch(sql) => Box::pin(client.batch_execute(sql)),
                        Waiting::Statement { statement, params, .. } => Box::pin(async move { client.execute(statement, &refs(params)).await.map(|_| ()) }),
                        Waiting::Rows { statement, columns, .. } => Box::pin(async move {
                            let columns: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|c| c as _).collect();
                            client.execute(statement, &columns).await.map(|_| ())
                        }),
                    }
                })
                .collect();
            let (mut first, mut second) = (std::pin::pin!(in_order(futures)), std::pin::pin!(in_order(last)));
            let (mut outcomes, mut answers) = (None, None);
            std::future::poll_fn(|context| {
                if outcomes.is_none()
                    && let Poll::Ready(done) = first.as_mut().poll(context)
                {
                    outcomes = Some(done);
                }
                if answers.is_none()
                    && let Poll::Ready(done) = second.as_mut().poll(context)
                {
                    answers = Some(done);
                }
                if outcomes.is_some() && answers.is_some() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            (outcomes.unwrap_or_default(), answers.unwrap_or_default())
        });
        first_failure(&waiting, outcomes)?;
        answers.into_iter().collect::<std::result::Result<Vec<T>, Error>>().map_err(|e| postgres_problem(&e, sql))
    }

    fn only<T>(answers: Vec<T>) -> Result<T> {
        answers.into_iter().next().ok_or_else(|| Problem::internal("PostgreSQL gave no answer"))
    }

    /// Puts gathered statements on their way.
    fn release(&mut self, groups: Vec<Group>) {
        for group in groups {
            let Group { sql, prepared, mut rows, .. } = group;
            self.waiting.push(match (rows.len(), rows.pop()) {
                (1, Some(params)) => Waiting::Statement { sql, statement: prepared.one, params },
                (_, last) => {
                    rows.extend(last);
                    Waiting::Rows { columns: Column::of(prepared.one.params().len(), rows), sql, statement: prepared.many }
                }
            });
        }
    }

    /// Before a statement that is waited for: what it could see has to be sent.
    fn clear_for(&mut self, sql: &str) {
        let groups = self.gathered.before(sql);
        self.release(groups);
    }

    /// Waits for the answers to what was sent ahead.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let groups = self.gathered.all();
        self.release(groups);
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.settle("", Vec::<Answer<'_, ()>>::new()).map(|_| ())
    }

    pub(crate) fn later(&mut self, sql: &str, params: &[Value]) -> Result<()> {
        if let Some(prepared) = self.shape(sql)? {
            return if self.gathered.take(sql, &prepared, params) { self.flush() } else { Ok(()) };
        }
        let statement = self.prepare(sql)?;
        self.clear_for(sql);
        self.waiting.push(Waiting::Statement { sql: sql.to_owned(), statement, params: params.to_vec() });
        if self.waiting.len() < MOST_WAITING { Ok(()) } else { self.flush() }
    }

    pub(crate) fn batch_later(&mut self, sql: &'static str) {
        let groups = self.gathered.all();
        self.release(groups);
        self.waiting.push(Waiting::Batch(sql));
    }

    /// Undoes what came after `savepoint`. What still waits is not sent any more: a failure in it must not be taken for
    /// a failure of the way back.
    pub(crate) fn back_to(&mut self, savepoint: &str, back: &str) -> Result<()> {
        self.gathered.all();
        let unsent = matches!(self.waiting.first(), Some(Waiting::Batch(sql)) if *sql == savepoint);
        if unsent {
            self.waiting.clear();
            return Ok(());
        }
        // The end of a part inside this one has to be told, or the way back would lead to that one's beginning.
        self.waiting.retain(|sent| matches!(sent, Waiting::Batch(_)));
        self.batch(back)
    }

    /// The form of a query that takes many runs at once, when it has one.
    fn joint(&mut self, sql: &str) -> Result<Option<Statement>> {
        if let Some(known) = self.known.joint.get(sql) {
            return Ok(known.clone());
        }
        let one = self.prepare(sql)?;
        let found = match gather::joint(sql, one.params()) {
            Some(text) => Some(self.prepare_new(&text)?),
            None => None,
        };
        if self.known.joint.len() >= MOST_PREPARED {
            self.known.joint.clear();
        }
        self.known.joint.insert(sql.to_owned(), found.clone());
        Ok(found)
    }

    /// Several runs of one query in one way to the server and back; the rows of each, and how many columns stand before
    /// those of the query.
    pub(crate) fn query_each(&mut self, sql: &str, runs: &[Vec<Value>]) -> Result<(usize, Vec<Vec<Row>>)> {
        let client = self.client;
        if runs.len() > 1
            && let Some(statement) = self.joint(sql)?
        {
            self.clear_for(sql);
            let columns = Column::of(statement.params().len(), runs.to_vec());
            let refs: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|c| c as _).collect();
            let rows = self.settle(sql, vec![Box::pin(client.query(&statement, &refs)) as Answer<'_, Vec<Row>>]).and_then(Self::only)?;
            let mut sorted: Vec<Vec<Row>> = runs.iter().map(|_| Vec::new()).collect();
            for row in rows {
                let run: i64 = row.try_get(0).map_err(|e| postgres_problem(&e, sql))?;
                let of = usize::try_from(run - 1).ok().and_then(|n| sorted.get_mut(n));
                of.ok_or_else(|| Problem::internal("PostgreSQL gave a row of no run"))?.push(row);
            }
            return Ok((1, sorted));
        }
        let statement = self.prepare(sql)?;
        self.clear_for(sql);
        let last = runs.iter().map(|params| -> Answer<'_, Vec<Row>> { let statement = &statement; Box::pin(async move { client.query(statement, &refs(params)).await }) }).collect();
        Ok((0, self.settle(sql, last)?))
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64> {
        let (statement, client) = (self.prepare(sql)?, self.client);
        self.clear_for(sql);
        let refs = refs(params);
        self.settle(sql, vec![Box::pin(client.execute(&statement, &refs))]).and_then(Self::only)
    }

    pub(crate) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
        let (statement, client) = (self.prepare(sql)?, self.client);
        self.clear_for(sql);
        let refs = refs(params);
        self.settle(sql, vec![Box::pin(client.query(&statement, &refs))]).and_then(Self::only)
    }

    pub(crate) fn batch(&mut self, sql: &str) -> Result<()> {
        let client = self.client;
        let groups = self.gathered.all();
        self.release(groups);
        self.settle(sql, vec![Box::pin(client.batch_execute(sql))]).and_then(Self::only)
    }
}

pub(crate) fn start(url: &str, schema: Option<&str>, writes: Inbox, reads: Inbox, services: &Arc<Services>, doorbell: &Arc<watch::Sender<u64>>) -> Result<Vec<JoinHandle<()>>> {
    let tail = Arc::new(Tail::default());
    // Fail at start, with the reason, rather than at the first request.
    let mut first = Connection::new(url, schema, true, &tail)?;
    first.link()?;
    let (writers, readers) = (Arc::new(Pool::default()), Arc::new(Pool::default()));
    for _ in 1..WRITERS {
        writers.put(Connection::new(url, schema, true, &tail)?);
    }
    writers.put(first);
    for _ in 0..READERS {
        readers.put(Connection::new(url, schema, false, &tail)?);
    }
    let mut threads = Vec::new();
    for i in 0..WRITERS + READERS {
        let write = i < WRITERS;
        let (inbox, pool) = if write { (writes.clone(), writers.clone()) } else { (reads.clone(), readers.clone()) };
        let (services, bell) = (services.clone(), doorbell.clone());
        let thread = std::thread::Builder::new()
            .name(format!("postgres-{}-{i}", if write { "writer" } else { "reader" }))
            .spawn(move || {
                while let Some(mut job) = take(&inbox) {
                    let outcome = match pool.get() {
                        Some(mut connection) => {
                            let outcome = run(&mut connection, &mut *job, write, &services);
                            pool.put(connection);
                            outcome
                        }
                        None => Err(Problem::internal("there is no connection left")),
                    };
                    if matches!(outcome, Ok(true)) {
                        bell.send_modify(|n| *n += 1);
                    }
                    job.finish(outcome.map(|_| ()));
                }
            })
            .map_err(|e| Problem::internal(format!("cannot start a thread: {e}")))?;
        threads.push(thread);
    }
    Ok(threads)
}

/// Connections that nobody uses now. The one used last is taken first: it knows the statements, and the server its plans;
/// another is opened only when more is asked for at once.
#[derive(Default)]
struct Pool(Mutex<Vec<Connection>>);

impl Pool {
    fn get(&self) -> Option<Connection> {
        self.0.lock().unwrap_or_else(|p| p.into_inner()).pop()
    }

    fn put(&self, connection: Connection) {
        self.0.lock().unwrap_or_else(|p| p.into_inner()).push(connection);
    }
}

/// Runs a job in its own transaction. Work that was refused before its commit began is run again; a commit whose
/// outcome is unknown is not: the caller resolves it by its idempotency key.
fn run(connection: &mut Connection, job: &mut dyn Job, write: bool, services: &Services) -> Result<bool> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        match once(connection, job, write, services) {
            Err(Problem { code, .. }) if attempt < ATTEMPTS && (code == "store.retry" || code == "store.connection") => {
                std::thread::sleep(Duration::from_millis(u64::from(10 * attempt * attempt)));
            }
            other => return other,
        }
    }
}

fn once(connection: &mut Connection, job: &mut dyn Job, write: bool, services: &Services) -> Result<bool> {
    let mut link = connection.link()?;
    link.batch_later(if write { "BEGIN" } else { "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY" });
    let tx = Tx::new(Link::Postgres(std::cell::RefCell::new(link)), services);
    let flow = job.run(&tx);
    let rings = tx.rings.get();
    let Link::Postgres(link) = tx.link else { return Err(Problem::internal("not a PostgreSQL transaction")) };
    let mut link = link.into_inner();
    if !link.begun && link.gathered.is_empty() && link.waiting.len() == 1 {
        // Nothing was asked of the server.
        return match flow {
            Err(problem) if problem.code == "store.retry" || problem.code == "store.connection" => Err(problem),
            _ => Ok(rings),
        };
    }
    if flow.is_ok() && !link.begun {
        // A connection that died while it lay idle is found out by its first packet, which must not hold the commit: so
        // the work can be run again.
        if let Err(problem) = link.flush() {
            let _ = link.batch("ROLLBACK");
            return Err(problem);
        }
    }
    match flow {
        // The commit goes with the last writes: if one of them fails it is a rollback, and that failure is told.
        Ok(()) => link.batch("COMMIT").map(|()| rings).map_err(|problem| {
            if problem.code == "store.connection" {
                Problem::new(Kind::Unavailable, "store.commit_unknown", "the connection was lost while committing; it may or may not be stored").expected("send the same request again with the same Idempotency-Key")
            } else {
                problem
            }
        }),
        Err(problem) => {
            link.waiting.clear();
            link.gathered.all();
            if link.begun {
                let _ = link.batch("ROLLBACK");
            }
            // Only these are worth another try; the job's own refusals are its answer.
            if problem.code == "store.retry" || problem.code == "store.connection" { Err(problem) } else { Ok(false) }
        }
    }
}
