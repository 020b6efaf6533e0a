//! A fresh database for a test, on each engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shouwen_contracts::Event;
use shouwen_crypt::Keys;
use shouwen_kernel::{Clock, Ids, ManualClock, Time, WorkspaceId};
use shouwen_store::{Blobs, Ctx, Db, Engine, Location, MIGRATIONS, Services, Tx};

/// 2026-01-05T01:00:00Z, a Monday.
pub const START: Time = Time::from_seconds(1_767_574_800);

static COUNT: AtomicU64 = AtomicU64::new(0);

pub struct House {
    pub db: Db,
    pub clock: Arc<ManualClock>,
    pub folder: tempfile::TempDir,
    pub location: Location,
}

impl House {
    /// An empty database without any table.
    pub fn bare(engine: Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = match engine {
            Engine::Sqlite => Location::Sqlite(folder.path().join("store.db")),
            Engine::Postgres => {
                let schema = format!("t{}_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed), std::env::var("SHOUWEN_TEST_SUFFIX").unwrap_or_default());
                Location::Postgres { url: postgres_url().unwrap(), schema: Some(schema) }
            }
        };
        let clock = Arc::new(ManualClock::at(START));
        let db = open(&location, folder.path(), clock.clone(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self { db, clock, folder, location }
    }

    /// A database with the spine.
    pub fn new(engine: Engine) -> Self {
        let house = Self::bare(engine);
        shouwen_store::migrate::run(&house.db, MIGRATIONS).unwrap();
        house
    }

    /// A second handle on the same data: another node, or the same one after a restart.
    pub fn another(&self) -> Db {
        open(&self.location, self.folder.path(), self.clock.clone(), COUNT.fetch_add(1, Ordering::Relaxed) + 1_000_000)
    }

    pub fn engine(&self) -> Engine {
        self.db.engine()
    }

    /// Runs a write that must succeed.
    pub fn write<T: Send + 'static>(&self, work: impl Fn(&Tx<'_>) -> shouwen_kernel::Result<T> + Send + 'static) -> T {
        self.db.write_blocking(work).unwrap()
    }

    /// Runs a read that must succeed.
    pub fn read<T: Send + 'static>(&self, work: impl Fn(&Tx<'_>) -> shouwen_kernel::Result<T> + Send + 'static) -> T {
        self.db.read_blocking(work).unwrap()
    }

    /// Waits until readers see every stored event: on PostgreSQL transactions of other tests hold the log back.
    pub fn settle(&self) {
        while self.read(|tx| tx.events_behind(tx.log_head()?, 1)) > 0 {
            std::thread::sleep(std::time::Duration::from_millis(3));
        }
    }

    /// Creates tables for the test.
    pub fn table(&self, sql: &'static str) {
        self.write(move |tx| tx.batch(&shouwen_store::expand_types(sql, tx.engine())));
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.db.close();
        if let Location::Postgres { url, schema: Some(schema) } = &self.location
            && !std::thread::panicking()
            && let Ok(mut client) = postgres::Client::connect(url, postgres::NoTls)
        {
            let _ = client.batch_execute(&format!("SET client_min_messages = warning; DROP SCHEMA IF EXISTS \"{schema}\" CASCADE"));
        }
    }
}

pub fn open(location: &Location, folder: &std::path::Path, clock: Arc<dyn Clock>, seed: u64) -> Db {
    open_at(location, folder, clock, seed).unwrap()
}

/// The same where it may be refused.
pub fn open_at(location: &Location, folder: &std::path::Path, clock: Arc<dyn Clock>, seed: u64) -> shouwen_kernel::Result<Db> {
    let services = Services { clock, ids: Arc::new(Ids::seeded(seed)), keys: Arc::new(Keys::for_tests()), blobs: Blobs::at(&folder.join("blobs")).unwrap() };
    Db::open(location, services)
}

pub fn postgres_url() -> Option<String> {
    std::env::var("SHOUWEN_TEST_POSTGRES").ok().filter(|url| !url.is_empty())
}

/// Runs the test on SQLite, and on PostgreSQL where there is one.
pub fn on_both(test: impl Fn(&House)) {
    on_each(|engine| test(&House::new(engine)));
}

/// The same for tests that make their own house.
pub fn on_each(test: impl Fn(Engine)) {
    eprintln!("on SQLite");
    test(Engine::Sqlite);
    if postgres_url().is_some() {
        eprintln!("on PostgreSQL");
        test(Engine::Postgres);
    } else {
        eprintln!("SKIPPED on PostgreSQL: set SHOUWEN_TEST_POSTGRES=postgres://user@host:port/database to a server of version 15 or newer");
    }
}

pub const WORKSPACE: WorkspaceId = WorkspaceId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));

pub fn ctx() -> Ctx {
    Ctx::system(WORKSPACE, "test")
}

/// An event for tests.
#[derive(Clone, Debug, PartialEq)]
pub struct Noted {
    pub n: i64,
}

impl Event for Noted {
    const KINDS: &'static [&'static str] = &["test.noted"];
    fn kind(&self) -> &'static str {
        "test.noted"
    }
    fn payload(&self) -> serde_json::Result<serde_json::Value> {
        Ok(serde_json::json!({ "n": self.n }))
    }
    fn from_parts(kind: &str, payload: serde_json::Value) -> Option<serde_json::Result<Self>> {
        (kind == "test.noted").then(|| Ok(Self { n: payload["n"].as_i64().unwrap_or(-1) }))
    }
}

/// Emits `test.noted` with `n`.
pub fn note(tx: &Tx<'_>, n: i64) -> shouwen_kernel::Result<()> {
    tx.emit::<Noted>(&ctx(), None, None, Noted { n })
}
