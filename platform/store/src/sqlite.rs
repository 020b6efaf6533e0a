//! SQLite: one writer thread with group commit, a few reader threads.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use shouwen_kernel::{Kind, Problem, Result};
use tokio::sync::watch;

use crate::db::{Inbox, Job, take};
use crate::tx::{Link, sqlite_problem};
use crate::{Services, Tx};

/// Older versions can corrupt a database that several connections use (the WAL-reset race, fixed in 3.51.3).
const OLDEST_SAFE: i32 = 3_051_003;
const READERS: usize = 4;
const GROUP: usize = 256;

pub(crate) fn start(path: &Path, writes: Inbox, reads: Inbox, services: &Arc<Services>, doorbell: &Arc<watch::Sender<u64>>) -> Result<Vec<JoinHandle<()>>> {
    if rusqlite::version_number() < OLDEST_SAFE {
        return Err(Problem::internal(format!("SQLite {} can corrupt its files", rusqlite::version())).expected("3.51.3 or newer"));
    }
    let writer = open(path, false)?;
    let mut threads = Vec::new();
    let (for_writer, bell) = (services.clone(), doorbell.clone());
    threads.push(spawn("sqlite-writer", move || write_loop(&writer, &writes, &for_writer, &bell))?);
    for i in 0..READERS {
        let reader = open(path, true)?;
        let (inbox, services) = (reads.clone(), services.clone());
        threads.push(spawn(&format!("sqlite-reader-{i}"), move || {
            while let Some(job) = take(&inbox) {
                read(&reader, job, &services);
            }
        })?);
    }
    Ok(threads)
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(|e| Problem::internal(format!("cannot start a thread: {e}")))
}

/// Opens a connection with the settings every one of ours has.
pub(crate) fn open(path: &Path, read_only: bool) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|e| Problem::new(Kind::Unavailable, "store.open", format!("cannot open {}: {e}", path.display())).expected("a folder this user may write to"))?;
    let set = |sql: &str| connection.execute_batch(sql).map_err(|e| sqlite_problem(&e, sql));
    // The time-out comes first: switching to WAL itself may have to wait.
    connection.busy_timeout(Duration::from_secs(10)).map_err(|e| sqlite_problem(&e, "busy_timeout"))?;
    set("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16000; PRAGMA mmap_size=268435456; PRAGMA journal_size_limit=67108864;")?;
    if read_only {
        set("PRAGMA query_only=ON; PRAGMA cache_size=-4000;")?;
    }
    connection.set_prepared_statement_cache_capacity(256);
    Ok(connection)
}

fn write_loop(connection: &Connection, inbox: &Inbox, services: &Services, doorbell: &watch::Sender<u64>) {
    while let Some(first) = take(inbox) {
        let mut group: Vec<Box<dyn Job>> = vec![first];
        let outcome = write_group(connection, &mut group, inbox, services);
        let rings = matches!(outcome, Ok(true));
        let outcome = outcome.map(|_| ());
        if rings {
            doorbell.send_modify(|n| *n += 1);
        }
        for job in group {
            job.finish(outcome.clone());
        }
    }
}

/// Runs the first job and all that wait by now in one transaction: one fsync for the whole group. A job that fails is
/// undone alone. `true`: somebody should be woken.
fn write_group(connection: &Connection, group: &mut Vec<Box<dyn Job>>, inbox: &Inbox, services: &Services) -> Result<bool> {
    let sql = |text: &str| connection.prepare_cached(text).and_then(|mut s| s.raw_execute()).map(|_| ()).map_err(|e| sqlite_problem(&e, text));
    sql("BEGIN IMMEDIATE")?;
    let mut rings = false;
    let mut next = 0;
    let result: Result<()> = loop {
        let Some(job) = group.get_mut(next) else {
            if group.len() >= GROUP {
                break Ok(());
            }
            match inbox.try_lock().ok().and_then(|queue| queue.try_recv().ok()) {
                Some(job) => {
                    group.push(job);
                    continue;
                }
                None => break Ok(()),
            }
        };
        next += 1;
        if let Err(problem) = sql("SAVEPOINT job") {
            break Err(problem);
        }
        let tx = Tx::new(Link::Sqlite(connection), services);
        let ended = match job.run(&tx) {
            Ok(()) => {
                rings |= tx.rings.get();
                sql("RELEASE job")
            }
            Err(_) => sql("ROLLBACK TO job").and_then(|()| sql("RELEASE job")),
        };
        if let Err(problem) = ended {
            break Err(problem);
        }
    };
    match result.and_then(|()| sql("COMMIT")) {
        Ok(()) => Ok(rings),
        Err(problem) => {
            if !connection.is_autocommit() {
                let _ = connection.execute_batch("ROLLBACK");
            }
            Err(problem)
        }
    }
}

fn read(connection: &Connection, mut job: Box<dyn Job>, services: &Services) {
    let sql = |text: &str| connection.execute_batch(text).map_err(|e| sqlite_problem(&e, text));
    let outcome = sql("BEGIN").and_then(|()| {
        let tx = Tx::new(Link::Sqlite(connection), services);
        let _ = job.run(&tx);
        sql("COMMIT").or_else(|_| sql("ROLLBACK"))
    });
    job.finish(outcome);
}
