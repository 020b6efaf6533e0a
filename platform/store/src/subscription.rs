//! Subscribers read the log from their own checkpoint and save it together with what they wrote: exactly one effect
//! per event, whatever crashes. An event that a subscriber cannot digest is parked with the reason; the others go on.

use std::sync::Arc;
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

/// Events that a step reads, and those among them that it digests. Fewer on PostgreSQL: while a step runs, other followers
/// do not see what was committed after it began.
const LOOK: usize = 200;
const LOOK_POSTGRES: usize = 500;
const BATCH: usize = 200;
const BATCH_POSTGRES: usize = 128;
/// Kinds read at a glance.
const GLANCE: usize = 500;
/// Rows of unwanted events after which the checkpoint is saved all the same.
const SAVE_AFTER: i64 = 500;

/// How many events a step looks over, and how many of them it digests.
fn portion(engine: Engine) -> (usize, usize) {
    if engine == Engine::Postgres { (LOOK_POSTGRES, BATCH_POSTGRES) } else { (LOOK, BATCH) }
}

/// What the log holds for a subscription.
enum Glance {
    /// Something to digest, or a checkpoint to save.
    Wanted,
    /// Nothing up to here.
    Skipped(Position),
    /// Nothing new. `hidden`: stored events will show when older transactions have ended, and no bell rings for that.
    End { hidden: bool },
}

impl Subscription {
    pub(crate) fn wants(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Digests the next events in this transaction; how many were read (0: caught up).
    pub fn step(&self, tx: &Tx<'_>, park: Park) -> Result<usize> {
        let (look, most) = portion(tx.engine());
        self.step_from(tx, park, Position::default(), look, most).map(|(read, _)| read)
    }

    /// [`Subscription::step`] for who knows that nothing up to `skipped` is wanted; looks over `look` events and digests at
    /// most `most` of them. How many were read, and where it stands now.
    pub(crate) fn step_from(&self, tx: &Tx<'_>, park: Park, skipped: Position, look: usize, most: usize) -> Result<(usize, Position)> {
        let checkpoint = match self.checkpoint(tx)? {
            Some(found) => Some(found),
            None => {
                // Two nodes at their first start: the second waits here for the first, and then finds its row.
                tx.run(
                    "INSERT INTO subscription (name, tx, seq, version, updated_at) VALUES (?1, 0, 0, ?2, ?3) ON CONFLICT (name) DO NOTHING",
                    params![self.name, self.version, tx.now()],
                )?;
                self.checkpoint(tx)?
            }
        };
        let from = match checkpoint {
            Some((txid, seq, version)) if version == self.version => Position { tx: txid, seq }.max(skipped),
            Some(_) => {
                tracing::info!(subscription = self.name, version = self.version, "rebuilding a projection from the log");
                if let Some(reset) = self.reset {
                    reset(tx)?;
                }
                tx.run("DELETE FROM parked_event WHERE subscription = ?1", params![self.name])?;
                Position::default()
            }
            None => Position::default(),
        };
        let mut events = if look == 0 { Vec::new() } else { tx.log_after(from, look)? };
        // Unwanted ones cost next to nothing; the last of the wanted ends the step.
        if let Some((last, _)) = events.iter().enumerate().filter(|(_, e)| self.wants(&e.kind)).nth(most.max(1) - 1) {
            events.truncate(last + 1);
        }
        let known = checkpoint.map(|(txid, seq, version)| (Position { tx: txid, seq }, version));
        let Some(last) = events.last().map(|event| event.position) else {
            if known != Some((from, self.version)) {
                self.save(tx, from)?;
            }
            return Ok((0, from));
        };
        let read = events.len();
        events.retain(|e| self.wants(&e.kind));
        if !events.is_empty() {
            let wanted = Arc::new(events);
            tx.batch.replace(wanted.clone());
            let together = tx.savepoint(|tx| wanted.iter().try_for_each(|event| (self.handle)(tx, event)));
            match together {
                Ok(()) => {}
                Err(problem) if problem.is_transient() || park == Park::No => return Err(problem),
                // One of them is bad: find it by taking them one at a time.
                Err(_) => {
                    for event in wanted.iter() {
                        tx.batch.replace(Arc::new(vec![event.clone()]));
                        if let Err(problem) = tx.savepoint(|tx| (self.handle)(tx, event)) {
                            if problem.is_transient() {
                                return Err(problem);
                            }
                            self.park(tx, event, &problem)?;
                        }
                    }
                }
            }
            tx.batch.replace(Arc::default());
        }
        self.save(tx, last)?;
        Ok((read, last))
    }

    /// Looks whether the next events concern this subscription at all, without taking the writer. `quiet`: there is time
    /// to save a checkpoint that only lags because nothing was wanted.
    fn glance(&self, tx: &Tx<'_>, skipped: Position, quiet: bool) -> Result<Glance> {
        let stored: Option<(i64, i64, i64)> = tx.opt("SELECT tx, seq, version FROM subscription WHERE name = ?1", params![self.name])?;
        let Some((txid, seq, _)) = stored.filter(|(_, _, version)| *version == self.version) else { return Ok(Glance::Wanted) };
        let saved = Position { tx: txid, seq };
        let from = saved.max(skipped);
        let next = tx.view_after(from, GLANCE, self)?;
        let lag = from.seq - saved.seq;
        Ok(match next.upto {
            Some(_) if next.wanted > 0 => Glance::Wanted,
            Some(upto) if lag < SAVE_AFTER => Glance::Skipped(upto),
            Some(_) => Glance::Wanted,
            None if from > saved && (quiet || lag >= SAVE_AFTER) => Glance::Wanted,
            None => Glance::End { hidden: tx.engine() == Engine::Postgres && tx.events_behind(from, 1)? > 0 },
        })
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
            let Some(event) = tx.event_at(seq)?.map(Arc::new) else { continue };
            tx.batch.replace(Arc::new(vec![event.clone()]));
            match tx.savepoint(|tx| (self.handle)(tx, &event)) {
                Ok(()) => {
                    tx.run("DELETE FROM parked_event WHERE subscription = ?1 AND seq = ?2", params![self.name, seq])?;
                    done += 1;
                }
                Err(problem) if problem.is_transient() => return Err(problem),
                Err(problem) => self.park(tx, &event, &problem)?,
            }
        }
        tx.batch.replace(Arc::default());
        Ok(done)
    }

    fn save(&self, tx: &Tx<'_>, at: Position) -> Result<()> {
        tx.run(
            "INSERT INTO subscription (name, tx, seq, version, updated_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (name) DO UPDATE SET tx = ?2, seq = ?3, version = ?4, updated_at = ?5",
            params![self.name, at.tx, at.seq, self.version, tx.now()],
        )?;
        Ok(())
    }

    fn park(&self, tx: &Tx<'_>, event: &Recorded, problem: &Problem) -> Result<()> {
        tracing::error!(subscription = self.name, position = %event.position, kind = %event.kind, error = %problem, "an event was parked");
        tx.run(
            "INSERT INTO parked_event (subscription, seq, kind, error, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (subscription, seq) DO UPDATE SET error = ?4, at = ?5",
            params![self.name, event.position.seq, event.kind, problem.to_string(), tx.now()],
        )?;
        Ok(())
    }
}

impl Db {
    /// Runs a subscription for ever: woken by the doorbell, and looking every second because other nodes write too.
    pub async fn run_subscription(self, subscription: Subscription) {
        let mut skipped = Position::default();
        let mut quiet = false;
        loop {
            let mut bell = self.doorbell();
            bell.mark_unchanged();
            let (mut wait, unsaved) = (Duration::from_secs(1), skipped);
            // A look in a read snapshot is cheap; a step takes the writer, so it waits until there is something to do.
            match self.read(move |tx| subscription.glance(tx, unsaved, quiet)).await {
                Ok(Glance::Wanted) => match self.write(move |tx| { let (look, most) = portion(tx.engine()); subscription.step_from(tx, Park::Yes, unsaved, look, most) }).await {
                    Ok(_) => {
                        quiet = false;
                        continue;
                    }
                    Err(problem) if problem.code == "store.stopped" => return,
                    Err(problem) => {
                        tracing::error!(subscription = subscription.name, error = %problem, "a subscription stumbled; it will try again");
                        wait = Duration::from_millis(500);
                    }
                },
                Ok(Glance::Skipped(upto)) => {
                    skipped = upto;
                    continue;
                }
                Ok(Glance::End { hidden: true }) => wait = Duration::from_millis(5),
                Ok(Glance::End { hidden: false }) => {}
                Err(problem) if problem.code == "store.stopped" => return,
                Err(problem) => tracing::error!(error = %problem, "the log cannot be read"),
            }
            quiet = tokio::time::timeout(wait, bell.changed()).await.is_err() && wait >= Duration::from_secs(1);
        }
    }

    /// Digests everything there is, for all `subscriptions`, until none finds anything new (tests, command line).
    /// Events caused by events are digested too.
    pub fn drain(&self, subscriptions: &[Subscription]) -> Result<()> {
        loop {
            // Asked before the pass, so that "nothing new" speaks of everything stored by then.
            let settled = self.log_is_settled()?;
            let mut total = 0;
            for subscription in subscriptions {
                let subscription = *subscription;
                total += self.write_blocking(move |tx| subscription.step(tx, Park::No))?;
            }
            if total == 0 && settled {
                return Ok(());
            }
        }
    }
}
