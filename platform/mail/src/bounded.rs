//! A parse that cannot take more than its time or take the process down with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use crate::mime::headers::read_headers;
use crate::model::{Limits, Mail, Parsed, Quarantine};
use crate::words;

/// Stack of the worker. The parser recurses only to the nesting limit; the rest is reserve.
const STACK: usize = 16 << 20;

/// Workers that wait for the next mail, and how long each of them does.
const WAITING: usize = 4;
const IDLE: Duration = Duration::from_secs(2);

type Outcome = thread::Result<Parsed>;
type Work = Box<dyn FnOnce() -> Outcome + Send>;

/// A thread that parses one mail after the other.
struct Worker {
    work: mpsc::SyncSender<Work>,
    done: mpsc::Receiver<Outcome>,
}

static IDLE_WORKERS: Mutex<Vec<Worker>> = Mutex::new(Vec::new());

impl Worker {
    fn start() -> std::io::Result<Self> {
        let (work, orders) = mpsc::sync_channel::<Work>(1);
        let (send, done) = mpsc::sync_channel(1);
        thread::Builder::new().name("mail-parse".into()).stack_size(STACK).spawn(move || {
            // Ends when it has had nothing to do for a while, and when nobody waits for it any more.
            while let Ok(work) = orders.recv_timeout(IDLE) {
                if send.send(work()).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { work, done })
    }

    /// One that has taken the work: a waiting one, or a new one.
    fn with(mut work: Work) -> std::io::Result<Self> {
        loop {
            let waiting = IDLE_WORKERS.lock().unwrap_or_else(|p| p.into_inner()).pop();
            let (worker, fresh) = match waiting {
                Some(worker) => (worker, false),
                None => (Self::start()?, true),
            };
            match worker.work.send(work) {
                Ok(()) => return Ok(worker),
                Err(_) if fresh => return Err(std::io::Error::other("it ended at once")),
                // It had waited long enough and is gone.
                Err(mpsc::SendError(back)) => work = back,
            }
        }
    }

    fn rest(self) {
        let mut waiting = IDLE_WORKERS.lock().unwrap_or_else(|p| p.into_inner());
        if waiting.len() < WAITING {
            waiting.push(self);
        }
    }
}

/// [`crate::parse`] in a thread beside this one: a panic or a parse longer than `time` becomes a quarantine with that
/// reason. A thread that is late is left to end by itself; every loop of the parser is bounded by the size of its input.
pub fn parse_bounded(raw: Vec<u8>, limits: &Limits, time: Duration) -> Parsed {
    let limits = limits.clone();
    run_bounded(raw, time, move |raw| crate::parse(raw, &limits))
}

pub(crate) fn run_bounded(raw: Vec<u8>, time: Duration, work: impl FnOnce(&[u8]) -> Parsed + Send + 'static) -> Parsed {
    let raw = std::sync::Arc::new(raw);
    let theirs = raw.clone();
    let worker = match Worker::with(Box::new(move || catch_unwind(AssertUnwindSafe(|| work(&theirs))))) {
        Ok(worker) => worker,
        Err(e) => return failed(&raw, format!("no worker thread could be started: {e}")),
    };
    match worker.done.recv_timeout(time) {
        Ok(Ok(parsed)) => {
            worker.rest();
            parsed
        }
        Ok(Err(panic)) => {
            let what = panic.downcast_ref::<&str>().map(|s| (*s).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            failed(&raw, format!("the parser failed: {what}"))
        }
        Err(mpsc::RecvTimeoutError::Timeout) => failed(&raw, format!("the parser took longer than {} s", time.as_secs_f32())),
        Err(mpsc::RecvTimeoutError::Disconnected) => failed(&raw, "the parser ended without a result".into()),
    }
}

/// Subject and Message-ID are worth having even then; nothing cleverer is tried on a mail that just failed.
fn failed(raw: &[u8], reason: String) -> Parsed {
    let envelope = catch_unwind(AssertUnwindSafe(|| {
        let (h, _) = read_headers(&raw[..raw.len().min(64 << 10)], true);
        Mail { subject: h.get("subject").map(|v| words::decode_header(v, "", &mut Vec::new())).unwrap_or_default(), ..Mail::default() }
    }))
    .unwrap_or_default();
    Parsed::Quarantined(Quarantine { reason, envelope: Box::new(envelope) })
}
