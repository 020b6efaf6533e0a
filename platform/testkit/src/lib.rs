//! Tests against the HTTP API, not against internals: a [`TestApp`] with the modules under test, a clock that moves
//! only when told, seeded ids, background work drained by hand, and viewers with any rights without the identity
//! capability.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::Value as Json;
use shouwen_crypt::Keys;
use shouwen_kernel::{Clock, Grant, Ids, Lang, ManualClock, PersonId, Problem, Reach, Result, Time, WorkspaceId};
use shouwen_store::{Blobs, Ctx, Db, Engine, Location, Migration, Services, Subscription, TimerHandler, Tx, migrate};
use shouwen_web::{App, AppConfig, AppParts, Credentials, Module, Viewer};
use tower::ServiceExt;

/// Where tests find PostgreSQL; absent: the PostgreSQL half is skipped, loudly.
pub const POSTGRES_ENV: &str = "SHOUWEN_TEST_POSTGRES";

/// An application under test.
pub struct TestApp {
    pub app: App,
    pub db: Db,
    pub clock: Arc<ManualClock>,
    pub workspace: WorkspaceId,
    router: axum::Router,
    subscriptions: Vec<Subscription>,
    timers: Vec<TimerHandler>,
    folder: PathBuf,
    _temporary: tempfile::TempDir,
    schema: Option<(String, String)>,
}

/// An HTTP answer, read whole.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub text: String,
}

impl Reply {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("not JSON ({e}): {} {}", self.status, self.text))
    }
    /// Asserts the status and gives the JSON (null without a body).
    #[track_caller]
    pub fn expect(self, status: u16) -> Json {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        if self.text.is_empty() { Json::Null } else { self.json() }
    }
    /// The problem's code.
    #[track_caller]
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_else(|| panic!("no problem in {}", self.text)).to_owned()
    }
}

/// Runs `test` on SQLite, and on PostgreSQL when [`POSTGRES_ENV`] names a server. `modules` is called for each part
/// that needs its own copy.
pub fn on_both(modules: fn() -> Vec<Module>, test: impl Fn(TestApp)) {
    test(TestApp::sqlite(modules));
    match std::env::var(POSTGRES_ENV) {
        Ok(url) => test(TestApp::postgres(modules, &url)),
        Err(_) => eprintln!("SKIPPED the PostgreSQL half: set {POSTGRES_ENV}=postgres://… to run it"),
    }
}

/// Monday 2026-03-02 09:00 in Shanghai: where every test begins.
pub const START: Time = Time::from_seconds(1_772_413_200);

impl TestApp {
    /// On a SQLite file of its own.
    pub fn sqlite(modules: fn() -> Vec<Module>) -> Self {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let location = Location::Sqlite(temporary.path().join("shouwen.db"));
        Self::build(modules, location, temporary, None)
    }

    /// On PostgreSQL, in a schema of its own that is dropped at the end.
    pub fn postgres(modules: fn() -> Vec<Module>, url: &str) -> Self {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let schema = format!("test_{}", shouwen_kernel::encode_base32(Ids::system().uuid(START).as_u128()));
        let location = Location::Postgres { url: url.to_owned(), schema: Some(schema.clone()) };
        Self::build(modules, location, temporary, Some((url.to_owned(), schema)))
    }

    fn build(modules: fn() -> Vec<Module>, location: Location, temporary: tempfile::TempDir, schema: Option<(String, String)>) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let folder = temporary.path().to_owned();
        let services = Services {
            clock: clock.clone() as Arc<dyn Clock>,
            ids: Arc::new(Ids::seeded(20_260_302)),
            keys: Arc::new(Keys::for_tests()),
            blobs: Blobs::at(&folder.join("blobs")).expect("a blob folder"),
        };
        let db = Db::open(&location, services).expect("the database opens");
        let parts = modules();
        let migrations: Vec<Migration> = shouwen_store::MIGRATIONS.iter().chain(parts.iter().flat_map(|m| m.migrations)).copied().collect();
        migrate::run(&db, &migrations).expect("migrations run");
        let workspace = db.write_blocking(|tx| tx.create_workspace("测试单位", "Asia/Shanghai", "zh-CN")).expect("a workspace");
        let config = AppConfig { base_url: "http://127.0.0.1:8080".into(), trusted_proxies: 0, data_dir: folder.clone(), allow_private_hosts: vec!["127.0.0.1".into(), "localhost".into()] };
        let app = App::new(AppParts::of(db.clone(), config, authenticate, &parts));
        let subscriptions = parts.iter().flat_map(|m| m.subscriptions.clone()).collect();
        let timers = parts.iter().flat_map(|m| m.timers.clone()).collect();
        let router = shouwen_web::router(&app, modules(), axum::routing::any(|| async { StatusCode::NOT_FOUND }));
        Self { app, db, clock, workspace, router, subscriptions, timers, folder, _temporary: temporary, schema }
    }

    /// The engine under test.
    pub fn engine(&self) -> Engine {
        self.db.engine()
    }
    /// The data folder.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }
    /// The product acting by itself.
    pub fn system(&self) -> Ctx {
        Ctx::system(self.workspace, "test")
    }
    /// A new person with these grants.
    pub fn viewer(&self, name: &str, grants: Vec<Grant>) -> Viewer {
        Viewer {
            workspace: self.workspace,
            person: self.app.ids().next(self.app.clock()),
            name: name.to_owned(),
            session: None,
            token: None,
            grants,
            lang: Lang::Zh,
            time_zone: "Asia/Shanghai".into(),
            must_enrol: false,
        }
    }
    /// A new person with these permissions in the whole workspace.
    pub fn person(&self, name: &str, permissions: &[&str]) -> Viewer {
        self.viewer(name, permissions.iter().map(|p| Grant { permission: (*p).to_owned(), reach: Reach::Workspace }).collect())
    }
    /// A new person with every permission of the modules under test, in the whole workspace.
    pub fn admin(&self) -> Viewer {
        let all: Vec<&str> = self.app.permissions().iter().map(|p| p.code).collect();
        self.person("管理员", &all)
    }

    /// Sends a request as `viewer` (`None`: nobody) and reads the answer. A `Json::Null` body sends none.
    pub fn send(&self, viewer: Option<&Viewer>, method: Method, path: &str, body: Json, headers: &[(&str, &str)]) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(viewer) = viewer {
            request = request.header("authorization", format!("Bearer {}", token_of(viewer)));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        };
        let request = request.body(body).expect("a request");
        self.raw(request)
    }

    /// Sends a request made by hand.
    pub fn raw(&self, request: Request<Body>) -> Reply {
        let router = self.router.clone();
        runtime().block_on(async move {
            let response = router.oneshot(request).await.expect("an answer");
            let (parts, body) = response.into_parts();
            let bytes = axum::body::to_bytes(body, 64 * 1024 * 1024).await.expect("a body");
            Reply { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
        })
    }

    pub fn get(&self, viewer: &Viewer, path: &str) -> Reply {
        self.send(Some(viewer), Method::GET, path, Json::Null, &[])
    }
    pub fn post(&self, viewer: &Viewer, path: &str, body: Json) -> Reply {
        self.send(Some(viewer), Method::POST, path, body, &[])
    }
    pub fn put(&self, viewer: &Viewer, path: &str, body: Json) -> Reply {
        self.send(Some(viewer), Method::PUT, path, body, &[])
    }
    pub fn patch(&self, viewer: &Viewer, path: &str, body: Json) -> Reply {
        self.send(Some(viewer), Method::PATCH, path, body, &[])
    }
    pub fn delete(&self, viewer: &Viewer, path: &str) -> Reply {
        self.send(Some(viewer), Method::DELETE, path, Json::Null, &[])
    }

    /// Waits until readers of the log may see its end. On PostgreSQL they stay behind the oldest transaction of the whole
    /// server, which can be one of another test.
    pub fn settle(&self) {
        let begun = std::time::Instant::now();
        while begun.elapsed().as_secs() < 180 {
            let behind = self.db.read_blocking(|tx| tx.events_behind(tx.log_head()?, 1)).expect("the log is read");
            if behind == 0 {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        panic!("a transaction on the test server has run for three minutes");
    }
    /// Digests events with every subscription until none finds anything new.
    pub fn drain(&self) {
        loop {
            self.settle();
            let before = self.db.read_blocking(|tx| tx.log_head()).expect("the log is read");
            self.db.drain(&self.subscriptions).expect("subscriptions digest their events");
            // What they wrote themselves may have been hidden for a moment as well.
            self.settle();
            if before == self.db.read_blocking(|tx| tx.log_head()).expect("the log is read") {
                return;
            }
        }
    }
    /// Fires due timers (and digests what they caused) until none is due.
    pub fn fire_timers(&self) {
        loop {
            let timers = self.timers.clone();
            let fired = self.db.write_blocking(move |tx| tx.fire_timers(&timers, 1000)).expect("timers fire");
            self.drain();
            if fired == 0 {
                return;
            }
        }
    }
    /// Moves the clock on, fires what falls due, digests what comes of it.
    pub fn advance(&self, seconds: i64) {
        self.clock.advance(seconds);
        self.fire_timers();
    }
    /// Emits an event of another capability, as its author would.
    pub fn emit<E: shouwen_contracts::Event + Clone + 'static>(&self, subject: Option<impl Into<uuid::Uuid>>, access: Option<shouwen_kernel::Access>, event: E) {
        let (ctx, subject) = (self.system(), subject.map(Into::into));
        self.db.write_blocking(move |tx| tx.emit::<E>(&ctx, subject, access.as_ref(), event.clone())).expect("the event is stored");
        self.drain();
    }
    /// Every event of family `E`, oldest first.
    pub fn events<E: shouwen_contracts::Event + 'static>(&self) -> Vec<E> {
        self.recorded().iter().filter_map(|event| event.event::<E>().expect("an event that can be read")).collect()
    }
    /// The whole log, oldest first. Waits, as every reader of the log does, until what other tests have open on the
    /// same PostgreSQL no longer holds it back.
    pub fn recorded(&self) -> Vec<shouwen_store::Recorded> {
        self.settle();
        self.db
            .read_blocking(|tx| {
                let mut out = Vec::new();
                let mut at = shouwen_store::Position::default();
                loop {
                    let batch = tx.events_after(at, 500)?;
                    let Some(last) = batch.last() else { return Ok(out) };
                    at = last.position;
                    out.extend(batch);
                }
            })
            .expect("the log is read")
    }
    /// Rebuilds every projection from the log and asserts that `read` gives the same before and after.
    pub fn assert_rebuilds<T: PartialEq + std::fmt::Debug + Send + 'static>(&self, read: impl Fn(&Tx<'_>) -> Result<T> + Send + Copy + 'static) {
        self.drain();
        let live = self.db.read_blocking(read).expect("read");
        let subscriptions = self.subscriptions.clone();
        self.db
            .write_blocking(move |tx| {
                for subscription in subscriptions.iter().filter(|s| s.reset.is_some()) {
                    if let Some(reset) = subscription.reset {
                        reset(tx)?;
                    }
                    tx.execute("DELETE FROM subscription WHERE name = ?1", shouwen_store::params![subscription.name])?;
                }
                Ok(())
            })
            .expect("reset");
        self.drain();
        assert_eq!(live, self.db.read_blocking(read).expect("read"), "rebuilt differs from live");
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.db.close();
        if let Some((url, schema)) = &self.schema
            && let Ok(mut client) = postgres::Client::connect(url, postgres::NoTls)
        {
            let _ = client.batch_execute(&format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE"));
        }
    }
}

fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: std::sync::OnceLock<tokio::runtime::Runtime> = std::sync::OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime"))
}

/// The viewer travels inside the bearer token, so that tests need no accounts.
pub fn token_of(viewer: &Viewer) -> String {
    let json = serde_json::json!({
        "workspace": viewer.workspace, "person": viewer.person, "name": viewer.name, "grants": viewer.grants,
        "lang": viewer.lang, "time_zone": viewer.time_zone, "must_enrol": viewer.must_enrol,
    });
    json.to_string().bytes().map(|b| format!("{b:02x}")).collect()
}

fn authenticate(_: &Tx<'_>, credentials: &Credentials) -> Result<Option<Viewer>> {
    let (Credentials::Bearer(token) | Credentials::Session(token)) = credentials;
    let Some(bytes) = shouwen_crypt::unhex(token) else { return Ok(None) };
    let json: Json = serde_json::from_slice(&bytes).map_err(|e| Problem::internal(e.to_string()))?;
    let field = |name: &str| json.get(name).cloned().unwrap_or_default();
    Ok(Some(Viewer {
        workspace: serde_json::from_value(field("workspace"))?,
        person: serde_json::from_value::<PersonId>(field("person"))?,
        name: serde_json::from_value(field("name"))?,
        session: None,
        token: None,
        grants: serde_json::from_value(field("grants"))?,
        lang: serde_json::from_value(field("lang"))?,
        time_zone: serde_json::from_value(field("time_zone"))?,
        must_enrol: serde_json::from_value(field("must_enrol"))?,
    }))
}
