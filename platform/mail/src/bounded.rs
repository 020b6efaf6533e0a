//! A parse that cannot take more than its time or take the process down with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::mime::headers::read_headers;
use crate::model::{Limits, Mail, Parsed, Quarantine};
use crate::words;

/// Stack of the worker. The parser recurses only to the nesting limit; the rest is reserve.
const STACK: usize = 16 << 20;

/// [`crate::parse`] in a thread of its own: a panic or a parse longer than `time` becomes a quarantine with that reason.
/// A thread that is late is left to end by itself; every loop of the parser is bounded by the size of its input.
pub fn parse_bounded(raw: Vec<u8>, limits: &Limits, time: Duration) -> Parsed {
    let limits = limits.clone();
    run_bounded(raw, time, move |raw| crate::parse(raw, &limits))
}

pub(crate) fn run_bounded(raw: Vec<u8>, time: Duration, work: impl FnOnce(&[u8]) -> Parsed + Send + 'static) -> Parsed {
    let raw = std::sync::Arc::new(raw);
    let (send, receive) = mpsc::sync_channel(1);
    let theirs = raw.clone();
    let spawned = thread::Builder::new().name("mail-parse".into()).stack_size(STACK).spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(|| work(&theirs)));
        // Nobody listens any more when the time is over.
        let _ = send.send(result);
    });
    if let Err(e) = spawned {
        return failed(&raw, format!("no worker thread could be started: {e}"));
    }
    match receive.recv_timeout(time) {
        Ok(Ok(parsed)) => parsed,
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
