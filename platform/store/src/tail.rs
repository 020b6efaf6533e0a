//! The newest part of the log in memory (PostgreSQL): a dozen followers read the same events, so the database is asked
//! once. Only what readers behind `pg_snapshot_xmin` have seen lies here: committed, in its final order, without gaps.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::{Position, Recorded};

/// Events and bytes of them that are kept.
const MOST_EVENTS: usize = 8192;
const MOST_BYTES: usize = 32 << 20;

#[derive(Default)]
struct Inner {
    /// Everything after it, up to the last event, is here.
    after: Position,
    events: VecDeque<Arc<Recorded>>,
    bytes: usize,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Tail(Mutex<Inner>, Mutex<()>);

impl Tail {
    /// At most `limit` events after `from`; `None`: the database has to be asked.
    pub fn after(&self, from: Position, limit: usize) -> Option<Vec<Arc<Recorded>>> {
        let inner = self.0.lock().unwrap_or_else(|p| p.into_inner());
        if from < inner.after || inner.events.back().is_none_or(|last| from >= last.position) {
            return None;
        }
        let begin = inner.events.partition_point(|event| event.position <= from);
        Some(inner.events.range(begin..).take(limit).cloned().collect())
    }

    /// Positions have changed: nothing here holds any more.
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(|p| p.into_inner()) = Inner::default();
    }

    /// Held by whoever asks the database, so that those who want the same at the same time wait for that answer.
    pub fn asking(&self) -> MutexGuard<'_, ()> {
        self.1.lock().unwrap_or_else(|p| p.into_inner())
    }

    /// Keeps what a reader found after `from`.
    pub fn keep(&self, from: Position, found: &[Arc<Recorded>]) {
        let mut inner = self.0.lock().unwrap_or_else(|p| p.into_inner());
        let end = inner.events.back().map_or(inner.after, |last| last.position);
        match found.last() {
            Some(last) if last.position > end => {}
            _ => return,
        }
        if from > end || (inner.events.is_empty() && from != end) {
            // Somebody is further than all others: what comes next is what most will ask for.
            (inner.after, inner.bytes) = (from, 0);
            inner.events.clear();
        }
        // Whoever came from further behind has found what follows the end all the same, without a gap.
        let end = inner.events.back().map_or(inner.after, |last| last.position);
        for event in found.iter().filter(|event| event.position > end) {
            inner.bytes += event.weight();
            inner.events.push_back(event.clone());
        }
        while inner.events.len() > MOST_EVENTS || inner.bytes > MOST_BYTES {
            let Some(gone) = inner.events.pop_front() else { return };
            inner.bytes -= gone.weight();
            inner.after = gone.position;
        }
    }
}
