//! PostgreSQL: a fixed pool of threads, each with its own connection and prepared statements.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use postgres::{Client, IsolationLevel, NoTls, Statement};
use shouwen_kernel::{Kind, Problem, Result};
use tokio::sync::watch;

use crate::db::{Inbox, Job, take};
use crate::tx::{Link, PgLink, postgres_problem};
use crate::{Services, Tx};

const WRITERS: usize = 8;
const READERS: usize = 4;
const ATTEMPTS: u32 = 4;

struct Connection {
    url: String,
    schema: Option<String>,
    open: Option<(Client, HashMap<String, Statement>)>,
}

impl Connection {
    fn client(&mut self) -> Result<&mut (Client, HashMap<String, Statement>)> {
        if self.open.as_ref().is_some_and(|(client, _)| client.is_closed()) {
            self.open = None;
        }
        if self.open.is_none() {
            self.open = Some((connect(&self.url, self.schema.as_deref())?, HashMap::new()));
        }
        self.open.as_mut().ok_or_else(|| Problem::internal("no connection"))
    }
}

/// Opens one connection with the settings every one of ours has; refuses servers before 15.
pub(crate) fn connect(url: &str, schema: Option<&str>) -> Result<Client> {
    let mut client = Client::connect(url, NoTls).map_err(|e| {
        let why = std::error::Error::source(&e).map(ToString::to_string).unwrap_or_default();
        Problem::new(Kind::Unavailable, "store.connection", format!("cannot reach PostgreSQL: {e} {why}")).expected("postgres://user:password@host:5432/database of a running server, version 15 or newer")
    })?;
    let version: i32 = client
        .query_one("SELECT current_setting('server_version_num')::int", &[])
        .and_then(|row| row.try_get(0))
        .map_err(|e| postgres_problem(&e, "server_version_num"))?;
    if version < 150_000 {
        return Err(Problem::new(Kind::Invalid, "store.version", format!("this PostgreSQL is version {}", version / 10_000)).expected("15 or newer"));
    }
    let mut settings = String::from("SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '15s'; SET lock_timeout = '15s'; SET client_min_messages = warning;");
    if let Some(schema) = schema {
        settings.push_str(&format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"; SET search_path = \"{schema}\";"));
    }
    client.batch_execute(&settings).map_err(|e| postgres_problem(&e, &settings))?;
    Ok(client)
}

pub(crate) fn start(url: &str, schema: Option<&str>, writes: Inbox, reads: Inbox, services: &Arc<Services>, doorbell: &Arc<watch::Sender<u64>>) -> Result<Vec<JoinHandle<()>>> {
    // Fail at start, with the reason, rather than at the first request.
    connect(url, schema)?;
    let mut threads = Vec::new();
    for i in 0..WRITERS + READERS {
        let write = i < WRITERS;
        let inbox = if write { writes.clone() } else { reads.clone() };
        let (services, bell) = (services.clone(), doorbell.clone());
        let mut connection = Connection { url: url.to_owned(), schema: schema.map(str::to_owned), open: None };
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
    let (client, statements) = connection.client()?;
    let transaction = if write {
        client.transaction()
    } else {
        client.build_transaction().read_only(true).isolation_level(IsolationLevel::RepeatableRead).start()
    }
    .map_err(|e| postgres_problem(&e, "BEGIN"))?;
    let tx = Tx::new(Link::Postgres(std::cell::RefCell::new(PgLink { transaction, statements })), services);
    let flow = job.run(&tx);
    let rings = tx.rings.get();
    let Link::Postgres(link) = tx.link else { return Err(Problem::internal("not a PostgreSQL transaction")) };
    let transaction = link.into_inner().transaction;
    match flow {
        Ok(()) => transaction.commit().map(|()| rings).map_err(|e| {
            let problem = postgres_problem(&e, "COMMIT");
            if problem.code == "store.connection" {
                Problem::new(Kind::Unavailable, "store.commit_unknown", "the connection was lost while committing; it may or may not be stored").expected("send the same request again with the same Idempotency-Key")
            } else {
                problem
            }
        }),
        Err(problem) => {
            let _ = transaction.rollback();
            // Only these are worth another try; the job's own refusals are its answer.
            if problem.code == "store.retry" || problem.code == "store.connection" { Err(problem) } else { Ok(false) }
        }
    }
}
