//! Subscribers read the log from their own checkpoint and save it together with what they wrote: exactly one effect
//! per event, whatever crashes. An event that a subscriber cannot digest is parked with the reason; the others go on.

use std::time::Duration;

use shouwen_kernel::{Problem, Result};

use crate::{Db, Engine, Position, Recorded, Tx, params};

/// A reader of the log.
#[derive(Clone, Copy)]
pub struct Subscription {
    /// `<capability>.<purpose>`; names the checkpoint.
    pub name: &'static str,
    /// When it rises, the projection is dropped and rebuilt from the first event.
    pub version: i64,
    /// Empties the projection before a rebuild.
    pub reset: Option<fn(&Tx<'_>) -> Result<()>>,
    /// The kinds it wants; empty: all.
    pub kinds: &'static [&'static str],
    pub handle: fn(&Tx<'_>, &Recorded) -> Result<()>,
}

/// What to do with an event that cannot be digested.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Park {
    /// Note it and go on (the server).
    Yes,
    /// Fail (tests).
    No,
}

const BATCH: usize = 200;

impl Subscription {
    fn wants(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Digests the next events in this transaction; how many were read (0: caught up).
    pub fn step(&self, tx: &Tx<'_>, park: Park) -> Result<usize> {
        let checkpoint = match self.checkpoint(tx)? {
            Some(found) => Some(found),
            None => {
                // Two nodes at their first start: the second waits here for the first, and then finds its row.
                tx.execute(
                    "INSERT INTO subscription (name, tx, seq, version, updated_at) VALUES (?1, 0, 0, ?2, ?3) ON CONFLICT (name) DO NOTHING",
                    params![self.name, self.version, tx.now()],
                )?;
                self.checkpoint(tx)?
            }
        };
        let from = match checkpoint {
            Some((txid, seq, version)) if version == self.version => Position { tx: txid, seq },
            Some(_) => {
                tracing::info!(subscription = self.name, version = self.version, "rebuilding a projection from the log");
                if let Some(reset) = self.reset {
                    reset(tx)?;
                }
                tx.execute("DELETE FROM parked_event WHERE subscription = ?1", params![self.name])?;
                Position::default()
            }
            None => Position::default(),
        };
        let events = tx.events_after(from, BATCH)?;
        let fresh = checkpoint.is_none_or(|(_, _, version)| version != self.version);
        let Some(last) = events.last() else {
            if fresh {
                self.save(tx, from)?;
            }
            return Ok(0);
        };
        let wanted: Vec<&Recorded> = events.iter().filter(|e| self.wants(&e.kind)).collect();
        if !wanted.is_empty() {
            let together = tx.savepoint(|tx| wanted.iter().try_for_each(|event| (self.handle)(tx, event)));
            match together {
                Ok(()) => {}
                Err(problem) if problem.is_transient() || park == Park::No => return Err(problem),
                // One of them is bad: find it by taking them one at a time.
                Err(_) => {
                    for event in wanted {
                        if let Err(problem) = tx.savepoint(|tx| (self.handle)(tx, event)) {
                            if problem.is_transient() {
                                return Err(problem);
                            }
                            self.park(tx, event, &problem)?;
                        }
                    }
                }
            }
        }
        self.save(tx, last.position)?;
        Ok(events.len())
    }

    /// Where it stands, locked until the end of the transaction: (tx, seq, version).
    fn checkpoint(&self, tx: &Tx<'_>) -> Result<Option<(i64, i64, i64)>> {
        tx.opt(&format!("SELECT tx, seq, version FROM subscription WHERE name = ?1{}", tx.for_update()), params![self.name])
    }

    /// Takes the parked events up again, oldest first; how many were digested now. Those that fail again stay parked.
    pub fn retry_parked(&self, tx: &Tx<'_>) -> Result<usize> {
        self.checkpoint(tx)?;
        let parked: Vec<(i64,)> = tx.all("SELECT seq FROM parked_event WHERE subscription = ?1 ORDER BY seq LIMIT 1000", params![self.name])?;
        let mut done = 0;
        for (seq,) in parked {
            let Some(event) = tx.event_at(seq)? else { continue };
            match tx.savepoint(|tx| (self.handle)(tx, &event)) {
                Ok(()) => {
                    tx.execute("DELETE FROM parked_event WHERE subscription = ?1 AND seq = ?2", params![self.name, seq])?;
                    done += 1;
                }
                Err(problem) if problem.is_transient() => return Err(problem),
                Err(problem) => self.park(tx, &event, &problem)?,
            }
        }
        Ok(done)
    }

    fn save(&self, tx: &Tx<'_>, at: Position) -> Result<()> {
        tx.execute(
            "INSERT INTO subscription (name, tx, seq, version, updated_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (name) DO UPDATE SET tx = ?2, seq = ?3, version = ?4, updated_at = ?5",
            params![self.name, at.tx, at.seq, self.version, tx.now()],
        )?;
        Ok(())
    }

    fn park(&self, tx: &Tx<'_>, event: &Recorded, problem: &Problem) -> Result<()> {
        tracing::error!(subscription = self.name, position = %event.position, kind = %event.kind, error = %problem, "an event was parked");
        tx.execute(
            "INSERT INTO parked_event (subscription, seq, kind, error, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (subscription, seq) DO UPDATE SET error = ?4, at = ?5",
            params![self.name, event.position.seq, event.kind, problem.to_string(), tx.now()],
        )?;
        Ok(())
    }
}

impl Db {
    /// Runs a subscription for ever: woken by the doorbell, and looking every second because other nodes write too.
    pub async fn run_subscription(self, subscription: Subscription) {
        let mut seen = Position::default();
        let mut first = true;
        // On PostgreSQL a committed event shows only when every older transaction has ended, and that rings no bell:
        // after a ring that showed nothing, look again soon.
        let mut wait = Duration::from_secs(1);
        loop {
            let mut bell = self.doorbell();
            bell.mark_unchanged();
            // A look in a read snapshot is cheap; a step takes the writer.
            let head = self.read(|tx| tx.log_head()).await;
            match head {
                Ok(head) if head != seen || first => {
                    match self.write(move |tx| subscription.step(tx, Park::Yes)).await {
                        Ok(read) => {
                            if read == 0 {
                                seen = head;
                                first = false;
                            }
                            wait = Duration::from_secs(1);
                            if read > 0 {
                                continue;
                            }
                        }
                        Err(problem) if problem.code == "store.stopped" => return,
                        Err(problem) => {
                            tracing::error!(subscription = subscription.name, error = %problem, "a subscription stumbled; it will try again");
                            tokio::time::sleep(Duration::from_millis(500)).await;
                        }
                    }
                }
                Ok(_) => {}
                Err(problem) if problem.code == "store.stopped" => return,
                Err(problem) => tracing::error!(error = %problem, "the log cannot be read"),
            }
            let rung = tokio::time::timeout(wait, bell.changed()).await.is_ok();
            wait = if rung && self.engine() == Engine::Postgres { Duration::from_millis(5) } else { (wait * 2).min(Duration::from_secs(1)) };
        }
    }

    /// Digests everything there is, for all `subscriptions`, until none finds anything new (tests, command line).
    /// Events caused by events are digested too.
    pub fn drain(&self, subscriptions: &[Subscription]) -> Result<()> {
        loop {
            // Asked before the pass, so that "nothing new" speaks of everything stored by then.
            let settled = self.log_is_settled()?;
            let mut total = 0;
            for subscription in subscriptions.iter().copied() {
                total += self.write_blocking(move |tx| subscription.step(tx, Park::No))?;
            }
            if total == 0 && settled {
                return Ok(());
            }
        }
    }

    /// Whether every stored event can be read. On PostgreSQL a transaction still running anywhere in the cluster hides
    /// younger events from readers; then this waits a moment and says no.
    fn log_is_settled(&self) -> Result<bool> {
        let behind = self.read_blocking(|tx| tx.events_behind(tx.log_head()?, 1))?;
        if behind > 0 {
            std::thread::sleep(Duration::from_millis(3));
        }
        Ok(behind == 0)
    }
}
