//! Live push over a real socket: who may see a case hears of it, who loses sight of it is told to take it away; on both
//! databases.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shouwen_contracts::casework::{Assigned, CaseEvent, Edited, Opened};
use shouwen_kernel::{Access, CaseId, Grant, PersonId, Reach, TeamId};
use shouwen_testkit::{TestApp, on_both};
use shouwen_web::{App, AppParts, Credentials, Module, Viewer};

fn modules() -> Vec<Module> {
    vec![shouwen_desk::module()]
}

const PATIENCE: Duration = Duration::from_secs(30);

/// Who listens is known to the process, and every test's workspace has the same id: one test at a time.
static ONE: Mutex<()> = Mutex::new(());

/// The server over TCP, with the desk's own tasks, until it is dropped.
struct Running {
    runtime: Option<tokio::runtime::Runtime>,
    address: SocketAddr,
}

impl Running {
    fn of(t: &TestApp) -> Self {
        Self::with(&t.app)
    }

    fn with(app: &App) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let router = shouwen_web::router(app, modules(), axum::routing::any(|| async { axum::http::StatusCode::NOT_FOUND }));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await });
        for task in modules().into_iter().flat_map(|module| module.tasks) {
            runtime.spawn(task(app.clone()));
        }
        Self { runtime: Some(runtime), address }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A desk's end of the line.
struct Line {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Line {
    fn open(server: &Running, viewer: &Viewer) -> Self {
        let mut line = Self::since(server, viewer, "");
        // From here on it listens.
        assert_eq!(line.next()["type"], "ready");
        line
    }

    fn since(server: &Running, viewer: &Viewer, since: &str) -> Self {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let token = shouwen_testkit::token_of(viewer);
        write!(
            stream,
            "GET /api/v1/live?since={since} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            server.address
        )
        .unwrap();
        let mut line = Self { stream, unread: Vec::new() };
        let end = loop {
            if let Some(at) = line.unread.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            line.more();
        };
        let head = String::from_utf8_lossy(&line.unread[..end]).into_owned();
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        line.unread.drain(..end);
        line
    }

    fn more(&mut self) {
        let mut buffer = [0; 4096];
        let n = self.stream.read(&mut buffer).expect("the server says something in time");
        assert!(n > 0, "the server hung up");
        self.unread.extend_from_slice(&buffer[..n]);
    }

    /// The next frame; the server's are short and unmasked.
    fn next(&mut self) -> Value {
        loop {
            if let [_, small, rest @ ..] = self.unread.as_slice() {
                let (size, from) = match (*small, rest) {
                    (126, [high, low, ..]) => (usize::from(u16::from_be_bytes([*high, *low])), 4),
                    (126, _) => (usize::MAX, 4),
                    (small, _) => (usize::from(small), 2),
                };
                if size < self.unread.len() && self.unread.len() >= from + size {
                    let frame: Value = serde_json::from_slice(&self.unread[from..from + size]).unwrap();
                    self.unread.drain(..from + size);
                    return frame;
                }
            }
            self.more();
        }
    }

    /// Reads on until the server closes the line; the code it gives, `None` when it just hangs up.
    fn until_closed(&mut self) -> Option<u16> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            while let [first, small, rest @ ..] = self.unread.as_slice() {
                let (size, from) = match (*small, rest) {
                    (126, [high, low, ..]) => (usize::from(u16::from_be_bytes([*high, *low])), 4),
                    (126, _) => break,
                    (small, _) => (usize::from(small), 2),
                };
                if self.unread.len() < from + size {
                    break;
                }
                if *first == 0x88 {
                    return Some(u16::from_be_bytes([self.unread[from], self.unread[from + 1]]));
                }
                self.unread.drain(..from + size);
            }
            let mut buffer = [0; 65_536];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(n) => self.unread.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("the line stays open: {error}"),
            }
        }
        panic!("the line stays open");
    }

    /// What comes up to and with the event of this kind.
    fn upto(&mut self, kind: &str) -> Vec<Value> {
        let (begun, mut heard) = (Instant::now(), Vec::new());
        while begun.elapsed() < PATIENCE {
            let frame = self.next();
            let last = frame["kind"] == kind;
            heard.push(frame);
            if last {
                return heard;
            }
        }
        panic!("nothing of {kind} among {heard:?}");
    }
}

fn types(frames: &[Value]) -> Vec<&str> {
    frames.iter().filter_map(|frame| frame["type"].as_str()).filter(|t| *t != "ping").collect()
}

#[test]
fn a_case_that_is_handed_over_goes_from_the_screens_of_those_who_lose_sight_of_it() {
    let _one = ONE.lock().unwrap_or_else(|p| p.into_inner());
    on_both(modules, |t| {
        let (first, second): (TeamId, TeamId) = (t.app.ids().next(t.app.clock()), t.app.ids().next(t.app.clock()));
        let of_team = |name: &str, team: TeamId| t.viewer(name, vec![Grant { permission: "case.read".into(), reach: Reach::Teams { teams: [team].into() } }]);
        let (before, after, manager) = (of_team("张三", first), of_team("李四", second), t.person("经理", &["case.read"]));
        let own = t.viewer("王五", vec![Grant { permission: "case.read".into(), reach: Reach::Own }]);
        let server = Running::of(&t);
        let mut lines = [&before, &after, &manager, &own].map(|viewer| Line::open(&server, viewer));
        let [line_before, line_after, line_manager, line_own] = &mut lines;

        let case_id: CaseId = t.app.ids().next(t.app.clock());
        let access = |team: TeamId, people: Vec<PersonId>| Some(Access { org_unit: None, team: Some(team), people });
        t.emit::<CaseEvent>(
            Some(case_id),
            access(first, vec![]),
            Opened {
                case_id, number: "2026-000001".into(), case_type: "request".into(), title: "空调不制冷".into(), priority: "normal".into(), stage: "accepted".into(), status: "open".into(), channel: "email".into(), inbox_id: None,
                customer_id: None, customer_name: None, region: None, tier: None, org_unit_id: None, team_id: Some(first), assignee_id: None, accountable_id: None, tags: vec![], language: None, opened_at: t.app.clock().now(),
            }
            .into(),
        );
        for line in [&mut *line_before, &mut *line_manager] {
            assert_eq!(types(&line.upto("case.opened")), ["event"]);
        }

        // Told to the new team, and to those of the old one by name: they must hear of it to let go.
        let people = vec![before.person];
        let hand_over: Assigned = serde_json::from_value(json!({ "case_id": case_id, "from_person": null, "to_person": null, "from_team": first, "to_team": second, "org_unit_id": null, "reason": "归另一个班组", "by": "person" })).unwrap();
        t.emit::<CaseEvent>(Some(case_id), access(second, people), hand_over.into());
        assert_eq!(types(&line_after.upto("case.assigned")), ["event"], "who sees it now is told, and keeps it");
        assert_eq!(types(&line_manager.upto("case.assigned")), ["event"], "who sees everything keeps it");
        assert_eq!(types(&line_before.upto("case.assigned")), ["event"]);
        let gone = line_before.next();
        assert_eq!((gone["type"].as_str(), gone["case_id"].as_str()), (Some("revoke"), Some(case_id.to_string().as_str())), "{gone}");

        // From then on they hear nothing of it; nor did somebody who never had to do with it.
        let edited: Edited = serde_json::from_value(json!({ "case_id": case_id, "field": "title", "from": "空调不制冷", "to": "空调不制冷，急" })).unwrap();
        t.emit::<CaseEvent>(Some(case_id), access(second, vec![]), edited.into());
        assert_eq!(types(&line_after.upto("case.edited")), ["event"]);
        assert_eq!(types(&line_manager.upto("case.edited")), ["event"]);
        // A case of their own is the next thing that both of them hear.
        let theirs: CaseId = t.app.ids().next(t.app.clock());
        t.emit::<CaseEvent>(
            Some(theirs),
            access(first, vec![own.person]),
            Opened {
                case_id: theirs, number: "2026-000002".into(), case_type: "request".into(), title: "问发票".into(), priority: "normal".into(), stage: "accepted".into(), status: "open".into(), channel: "email".into(), inbox_id: None,
                customer_id: None, customer_name: None, region: None, tier: None, org_unit_id: None, team_id: Some(first), assignee_id: Some(own.person), accountable_id: None, tags: vec![], language: None, opened_at: t.app.clock().now(),
            }
            .into(),
        );
        for line in [line_before, line_own] {
            let heard = line.upto("case.opened");
            assert_eq!(types(&heard), ["event"], "{heard:?}");
            assert_eq!(heard[0]["case_id"].as_str(), Some(theirs.to_string().as_str()));
        }
    });
}

#[test]
fn who_comes_back_after_a_hand_over_is_told_to_take_the_case_away() {
    let _one = ONE.lock().unwrap_or_else(|p| p.into_inner());
    on_both(modules, |t| {
        let (first, second): (TeamId, TeamId) = (t.app.ids().next(t.app.clock()), t.app.ids().next(t.app.clock()));
        let before = t.viewer("张三", vec![Grant { permission: "case.read".into(), reach: Reach::Teams { teams: [first].into() } }]);
        let server = Running::of(&t);
        let case_id: CaseId = t.app.ids().next(t.app.clock());
        t.emit::<CaseEvent>(
            Some(case_id),
            Some(Access { org_unit: None, team: Some(first), people: vec![] }),
            Opened {
                case_id, number: "2026-000001".into(), case_type: "request".into(), title: "空调不制冷".into(), priority: "normal".into(), stage: "accepted".into(), status: "open".into(), channel: "email".into(), inbox_id: None,
                customer_id: None, customer_name: None, region: None, tier: None, org_unit_id: None, team_id: Some(first), assignee_id: None, accountable_id: None, tags: vec![], language: None, opened_at: t.app.clock().now(),
            }
            .into(),
        );
        let left_at = t.recorded().last().unwrap().position;
        let hand_over: Assigned = serde_json::from_value(json!({ "case_id": case_id, "from_person": null, "to_person": null, "from_team": first, "to_team": second, "org_unit_id": null, "reason": "归另一个班组", "by": "person" })).unwrap();
        t.emit::<CaseEvent>(Some(case_id), Some(Access { org_unit: None, team: Some(second), people: vec![before.person] }), hand_over.into());
        let mut line = Line::since(&server, &before, &left_at.to_string());
        let heard = [line.next(), line.next(), line.next()];
        assert_eq!(types(&heard), ["event", "revoke", "ready"], "{heard:?}");
    });
}

/// Whoever is signed in, and whether they still are.
static SIGNED_IN: Mutex<Option<Viewer>> = Mutex::new(None);
static SIGNED_OUT: AtomicBool = AtomicBool::new(false);

fn until_signed_out(_: &shouwen_store::Tx<'_>, _: &Credentials) -> shouwen_kernel::Result<Option<Viewer>> {
    Ok(if SIGNED_OUT.load(Ordering::SeqCst) { None } else { SIGNED_IN.lock().unwrap_or_else(|p| p.into_inner()).clone() })
}

#[test]
fn sec_a_session_that_has_ended_is_found_out_however_unbroken_the_stream_is() {
    let _one = ONE.lock().unwrap_or_else(|p| p.into_inner());
    shouwen_desk::RECHECK_MS.store(300, Ordering::SeqCst);
    on_both(modules, |t| {
        let viewer = t.person("张三", &["case.read"]);
        *SIGNED_IN.lock().unwrap_or_else(|p| p.into_inner()) = Some(viewer.clone());
        let app = App::new(AppParts::of(t.db.clone(), t.app.config().clone(), until_signed_out, &modules()));
        for client in ["reads", "does not read", "never stops talking"] {
            SIGNED_OUT.store(false, Ordering::SeqCst);
            let server = Running::with(&app);
            let mut line = Line::open(&server, &viewer);
            let done = AtomicBool::new(false);
            let frame = json!({ "type": "presence", "case_id": null, "people": [{ "id": null, "name": "李四".repeat(20), "state": "viewing" }] });
            let closed = std::thread::scope(|scope| {
                // More than a line can carry, without a pause.
                for _ in 0..2 {
                    scope.spawn(|| {
                        while !done.load(Ordering::SeqCst) {
                            shouwen_desk::tell(t.workspace, &Access::default(), &frame);
                        }
                    });
                }
                if client == "never stops talking" {
                    let mut talking = line.stream.try_clone().unwrap();
                    let done = &done;
                    scope.spawn(move || {
                        // A masked text frame that says nothing anybody asked for.
                        let pong = [&[0x81, 0x80 | 15, 0, 0, 0, 0][..], br#"{"type":"pong"}"#].concat().repeat(100);
                        while !done.load(Ordering::SeqCst) && talking.write_all(&pong).is_ok() {}
                    });
                }
                std::thread::sleep(Duration::from_millis(100));
                SIGNED_OUT.store(true, Ordering::SeqCst);
                if client == "does not read" {
                    // Longer than it takes to find out, and to wait for the last word to be heard.
                    std::thread::sleep(Duration::from_secs(3));
                }
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| line.until_closed()));
                done.store(true, Ordering::SeqCst);
                outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            if client == "reads" {
                assert_eq!(closed, Some(4401), "it is told why");
            }
        }
    });
    shouwen_desk::RECHECK_MS.store(60_000, Ordering::SeqCst);
}
