//! PostgreSQL: a fixed pool of threads, each with its own connection and prepared statements.
//!
//! Every statement is a way to the server and back, so what needs no answer (see [`Tx::run`]) waits and travels with
//! the next statement that does, in one packet, in order.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use shouwen_kernel::{Kind, Problem, Result};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, NoTls, Row, Statement};

use crate::db::{Inbox, Job, take};
use crate::tx::{Link, postgres_problem};
use crate::{Services, Tx, Value};

const WRITERS: usize = 8;
const READERS: usize = 4;
const ATTEMPTS: u32 = 4;
/// Statements that may wait for company.
const MOST_WAITING: usize = 128;
/// Filters make statements of many shapes; a bound keeps the server's and our memory small.
const MOST_PREPARED: usize = 500;

struct Connection {
    runtime: Runtime,
    url: String,
    schema: Option<String>,
    open: Option<(Client, HashMap<String, Statement>)>,
}

impl Connection {
    fn new(url: &str, schema: Option<&str>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| Problem::internal(format!("cannot start a runtime: {e}")))?;
        Ok(Self { runtime, url: url.to_owned(), schema: schema.map(str::to_owned), open: None })
    }

    fn link(&mut self) -> Result<PgLink<'_>> {
        if self.open.as_ref().is_some_and(|(client, _)| client.is_closed()) {
            self.open = None;
        }
        if self.open.is_none() {
            self.open = Some((connect(&self.runtime, &self.url, self.schema.as_deref())?, HashMap::new()));
        }
        let (client, statements) = self.open.as_mut().ok_or_else(|| Problem::internal("no connection"))?;
        Ok(PgLink { runtime: &self.runtime, client, statements, waiting: Vec::new(), begun: false })
    }
}

/// Opens one connection with the settings every one of ours has; refuses servers before 15.
fn connect(runtime: &Runtime, url: &str, schema: Option<&str>) -> Result<Client> {
    let (client, connection) = runtime.block_on(tokio_postgres::connect(url, NoTls)).map_err(|e| {
        let why = std::error::Error::source(&e).map(ToString::to_string).unwrap_or_default();
        Problem::new(Kind::Unavailable, "store.connection", format!("cannot reach PostgreSQL: {e} {why}")).expected("postgres://user:password@host:5432/database of a running server, version 15 or newer")
    })?;
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
    let mut settings = String::from("SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '15s'; SET lock_timeout = '15s'; SET client_min_messages = warning;");
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
}

/// A transaction on a connection.
pub(crate) struct PgLink<'a> {
    runtime: &'a Runtime,
    client: &'a Client,
    statements: &'a mut HashMap<String, Statement>,
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
                Waiting::Statement { sql, .. } => sql.as_str(),
            };
            return Err(postgres_problem(&error, sql));
        }
    }
    Ok(())
}

fn refs(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|v| v as _).collect()
}

impl PgLink<'_> {
    fn prepare(&mut self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        // Preparing in a transaction that something waiting has broken would blame the wrong statement.
        self.flush()?;
        let statement = self.runtime.block_on(self.client.prepare(&crate::sql::to_postgres(sql))).map_err(|e| postgres_problem(&e, sql))?;
        if self.statements.len() >= MOST_PREPARED {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Sends what waits and then `last`, in this order and at once; the answer of `last`.
    fn settle<T>(&mut self, sql: &str, last: impl Future<Output = std::result::Result<T, Error>>) -> Result<T> {
        let waiting = std::mem::take(&mut self.waiting);
        self.begun = true;
        let client = self.client;
        let (outcomes, answer) = self.runtime.block_on(async {
            let mut futures: Vec<Pin<Box<dyn Future<Output = std::result::Result<(), Error>> + '_>>> = Vec::with_capacity(waiting.len());
            for sent in &waiting {
                futures.push(match sent {
                    Waiting::Batch(sql) => Box::pin(client.batch_execute(sql)),
                    Waiting::Statement { statement, params, .. } => Box::pin(async move { client.execute(statement, &refs(params)).await.map(|_| ()) }),
                });
            }
            let mut last = std::pin::pin!(last);
            let mut outcomes: Vec<Option<std::result::Result<(), Error>>> = (0..futures.len()).map(|_| None).collect();
            let mut answer = None;
            std::future::poll_fn(|context| {
                let mut pending = false;
                // The first poll sends, so the order of polls is the order of statements.
                for (future, outcome) in futures.iter_mut().zip(&mut outcomes) {
                    if outcome.is_none() {
                        match future.as_mut().poll(context) {
                            Poll::Ready(done) => *outcome = Some(done),
                            Poll::Pending => pending = true,
                        }
                    }
                }
                if answer.is_none() {
                    match last.as_mut().poll(context) {
                        Poll::Ready(done) => answer = Some(done),
                        Poll::Pending => pending = true,
                    }
                }
                if pending { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
            (outcomes.into_iter().flatten().collect::<Vec<_>>(), answer)
        });
        first_failure(&waiting, outcomes)?;
        answer.ok_or_else(|| Problem::internal("PostgreSQL gave no answer"))?.map_err(|e| postgres_problem(&e, sql))
    }

    /// Waits for the answers to what was sent ahead.
    pub(crate) fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.settle("", std::future::ready(Ok(())))
    }

    pub(crate) fn later(&mut self, sql: &str, params: &[Value]) -> Result<()> {
        let statement = self.prepare(sql)?;
        self.waiting.push(Waiting::Statement { sql: sql.to_owned(), statement, params: params.to_vec() });
        if self.waiting.len() < MOST_WAITING { Ok(()) } else { self.flush() }
    }

    pub(crate) fn batch_later(&mut self, sql: &'static str) {
        self.waiting.push(Waiting::Batch(sql));
    }

    /// Undoes what came after `savepoint`. What still waits is not sent any more: a failure in it must not be taken for
    /// a failure of the way back.
    pub(crate) fn back_to(&mut self, savepoint: &str, back: &str) -> Result<()> {
        let unsent = matches!(self.waiting.first(), Some(Waiting::Batch(sql)) if *sql == savepoint);
        if unsent {
            self.waiting.clear();
            return Ok(());
        }
        // The end of a part inside this one has to be told, or the way back would lead to that one's beginning.
        self.waiting.retain(|sent| matches!(sent, Waiting::Batch(_)));
        self.batch(back)
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64> {
        let (statement, client) = (self.prepare(sql)?, self.client);
        let refs = refs(params);
        self.settle(sql, client.execute(&statement, &refs))
    }

    pub(crate) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
        let (statement, client) = (self.prepare(sql)?, self.client);
        let refs = refs(params);
        self.settle(sql, client.query(&statement, &refs))
    }

    pub(crate) fn batch(&mut self, sql: &str) -> Result<()> {
        let client = self.client;
        self.settle(sql, client.batch_execute(sql))
    }
}

pub(crate) fn start(url: &str, schema: Option<&str>, writes: Inbox, reads: Inbox, services: &Arc<Services>, doorbell: &Arc<watch::Sender<u64>>) -> Result<Vec<JoinHandle<()>>> {
    // Fail at start, with the reason, rather than at the first request.
    Connection::new(url, schema)?.link()?;
    let mut threads = Vec::new();
    for i in 0..WRITERS + READERS {
        let write = i < WRITERS;
        let inbox = if write { writes.clone() } else { reads.clone() };
        let (services, bell) = (services.clone(), doorbell.clone());
        let mut connection = Connection::new(url, schema)?;
        let thread = std::thread::Builder::new()
            .name(format!("postgres-{}-{i}", if write { "writer" } else { "reader" }))
            .spawn(move || {
                while let Some(mut job) = take(&inbox) {
                    let outcome = run(&mut connection, &mut *job, write, &services);
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
            if link.begun {
                let _ = link.batch("ROLLBACK");
            }
            // Only these are worth another try; the job's own refusals are its answer.
            if problem.code == "store.retry" || problem.code == "store.connection" { Err(problem) } else { Ok(false) }
        }
    }
}
