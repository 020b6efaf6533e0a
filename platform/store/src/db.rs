//! The database handle: hands units of work to database threads and answers when their commit is durable.
//!
//! A unit of work is a synchronous closure. It cannot be held across an `.await`, can be run again after a
//! serialisation failure, and is tested without a runtime.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};

use shouwen_kernel::{Kind, Problem, Result};
use tokio::sync::{oneshot, watch};

use crate::tx::{panic_problem, swallowed};
use crate::{Engine, Services, Tx};

/// Where the data lies.
#[derive(Clone, Debug)]
pub enum Location {
    /// A SQLite file; created when missing.
    Sqlite(PathBuf),
    /// A PostgreSQL connection string (`postgres://user@host/db`), optionally with a schema of its own (tests).
    Postgres { url: String, schema: Option<String> },
}

/// A unit of work on its way through a database thread.
pub(crate) trait Job: Send {
    /// Runs it; `Err` asks for its writes to be undone.
    fn run(&mut self, tx: &Tx<'_>) -> Result<()>;
    /// Tells the caller. `Err`: the commit itself failed.
    fn finish(self: Box<Self>, commit: Result<()>);
}

struct Work<T, F> {
    work: F,
    outcome: Option<Result<T>>,
    reply: Option<oneshot::Sender<Result<T>>>,
}

impl<T: Send, F: Fn(&Tx<'_>) -> Result<T> + Send> Job for Work<T, F> {
    fn run(&mut self, tx: &Tx<'_>) -> Result<()> {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(tx).and_then(|value| tx.end().map(|()| value)))).unwrap_or_else(|panic| Err(panic_problem(&*panic)));
        // PostgreSQL would turn the commit into a silent rollback, SQLite would commit half of it: neither is an answer.
        let outcome = if outcome.is_ok() && tx.broken.get() { Err(swallowed()) } else { outcome };
        let flow = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        self.outcome = Some(outcome);
        flow
    }

    fn finish(mut self: Box<Self>, commit: Result<()>) {
        let answer = match (self.outcome.take(), commit) {
            (Some(Err(problem)), _) => Err(problem),
            (_, Err(problem)) => Err(problem),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(Problem::internal("a unit of work was never run")),
        };
        if let Some(reply) = self.reply.take() {
            // The caller may have gone away (a closed request); the work is done all the same.
            let _ = reply.send(answer);
        }
    }
}

pub(crate) type Queue = mpsc::Sender<Box<dyn Job>>;
pub(crate) type Inbox = Arc<Mutex<mpsc::Receiver<Box<dyn Job>>>>;

pub(crate) fn take(inbox: &Inbox) -> Option<Box<dyn Job>> {
    inbox.lock().unwrap_or_else(|p| p.into_inner()).recv().ok()
}

struct Inner {
    writes: Mutex<Option<Queue>>,
    reads: Mutex<Option<Queue>>,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
    services: Arc<Services>,
    doorbell: Arc<watch::Sender<u64>>,
    engine: Engine,
    location: Location,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

impl Db {
    /// Opens the database and starts its threads. Does not migrate; see [`crate::migrate::run`].
    pub fn open(location: &Location, services: Services) -> Result<Self> {
        let services = Arc::new(services);
        let doorbell = Arc::new(watch::channel(0).0);
        let (writes, write_inbox) = channel();
        let (reads, read_inbox) = channel();
        let threads = match location {
            Location::Sqlite(path) => crate::sqlite::start(path, write_inbox, read_inbox, &services, &doorbell)?,
            Location::Postgres { url, schema } => crate::pg::start(url, schema.as_deref(), write_inbox, read_inbox, &services, &doorbell)?,
        };
        let engine = if matches!(location, Location::Sqlite(_)) { Engine::Sqlite } else { Engine::Postgres };
        Ok(Self(Arc::new(Inner {
            writes: Mutex::new(Some(writes)),
            reads: Mutex::new(Some(reads)),
            threads: Mutex::new(threads),
            services,
            doorbell,
            engine,
            location: location.clone(),
        })))
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        self.0.engine
    }
    /// Where the data lies.
    pub fn location(&self) -> &Location {
        &self.0.location
    }
    /// Clock, ids, keys, blobs.
    pub fn services(&self) -> &Services {
        &self.0.services
    }
    /// Rings after every commit that wrote an event, a timer or an outbox row in this process. Others poll as well.
    pub fn doorbell(&self) -> watch::Receiver<u64> {
        self.0.doorbell.subscribe()
    }

    /// Runs `work` and answers when it is durable. `work` may run more than once; it must only act through `tx`.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        let reply = self.send(&self.0.writes, work)?;
        reply.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Runs `work` in a read-only snapshot.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        let reply = self.send(&self.0.reads, work)?;
        reply.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// [`Db::write`] for code without a runtime (command line, tests, threads).
    pub fn write_blocking<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.send(&self.0.writes, work)?.blocking_recv().unwrap_or_else(|_| Err(stopped()))
    }

    /// [`Db::read`] for code without a runtime.
    pub fn read_blocking<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.send(&self.0.reads, work)?.blocking_recv().unwrap_or_else(|_| Err(stopped()))
    }

    fn send<T, F>(&self, queue: &Mutex<Option<Queue>>, work: F) -> Result<oneshot::Receiver<Result<T>>>
    where
        T: Send + 'static,
        F: Fn(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Box<dyn Job> = Box::new(Work { work, outcome: None, reply: Some(reply) });
        queue.lock().unwrap_or_else(|p| p.into_inner()).as_ref().ok_or_else(stopped)?.send(job).map_err(|_| stopped())?;
        Ok(answer)
    }

    /// Lets running work finish, checkpoints and closes. Later calls answer `store.stopped`.
    pub fn close(&self) {
        self.0.writes.lock().unwrap_or_else(|p| p.into_inner()).take();
        self.0.reads.lock().unwrap_or_else(|p| p.into_inner()).take();
        let threads = std::mem::take(&mut *self.0.threads.lock().unwrap_or_else(|p| p.into_inner()));
        for thread in threads {
            let _ = thread.join();
        }
    }
}

fn channel() -> (Queue, Inbox) {
    let (queue, inbox) = mpsc::channel();
    (queue, Arc::new(Mutex::new(inbox)))
}

fn stopped() -> Problem {
    Problem::new(Kind::Unavailable, "store.stopped", "the server is stopping").expected("try again in a moment")
}
