//! All followers of a command line, until there is nothing new.
//!
//! A mail makes half a dozen events, one follower's after the other's. A follower that only keeps rows would write a case
//! anew for each of them; so who tells nothing waits until a long stretch of the log lies before it, or until nobody else
//! has anything to do. Everybody has their turn: whoever fell behind what is kept of the log in memory would read it from
//! the database again and again.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use shouwen_kernel::{Problem, Result};

use crate::{Db, Engine, Park, Position, Subscription};

/// Followers that digest at once on PostgreSQL, as they do in the server.
const AT_ONCE: usize = 4;
/// Events that a step looks over, all of which it may want: nobody waits for the single step.
const STRETCH: usize = 1500;
const STRETCH_SQLITE: usize = 500;
/// While more is to come, a step of a follower that tells something waits for so many.
const WORTHWHILE: usize = 200;
/// How long to wait for more.
const PAUSE: Duration = Duration::from_millis(10);

/// How a move of a follower ended.
#[derive(Debug)]
pub struct Moved {
    outcome: Outcome,
    at: Position,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// There was nothing.
    Idle,
    /// There was something, but too little for a step.
    Early,
    /// Over what it does not want.
    Passed,
    /// It digested; whether it told others something.
    Stepped { told: bool },
}

/// Repeats what failed for a moment.
pub type Patiently<'a> = &'a (dyn Fn(&mut dyn FnMut() -> Result<Moved>) -> Result<Moved> + Sync);

/// How much has to lie before a follower: wanted events, or a stretch of the log in which there is at least one.
#[derive(Clone, Copy)]
struct Enough {
    wanted: usize,
}

/// Who waits for a lane, who found nothing or too little, and what is known of each (by number).
struct Round {
    ready: VecDeque<usize>,
    idle: Vec<usize>,
    early: Vec<usize>,
    busy: usize,
    /// Where each stands.
    at: Vec<Position>,
    /// Whether it tells others something; `None`: it has not digested anything yet.
    tells: Vec<Option<bool>>,
    /// Whoever waited for a long stretch is let go on with what there is.
    hurry: bool,
    stepped: bool,
    failed: Option<Problem>,
}

impl Round {
    fn settle(&mut self, index: usize, moved: Moved) {
        self.at[index] = moved.at;
        match moved.outcome {
            Outcome::Idle => self.idle.push(index),
            Outcome::Early => self.early.push(index),
            Outcome::Passed => self.ready.push_back(index),
            Outcome::Stepped { told } => {
                self.ready.push_back(index);
                self.stepped = true;
                self.tells[index] = Some(told || self.tells[index] == Some(true));
                if told {
                    // It may be what others wait for.
                    self.hurry = false;
                    self.ready.extend(self.idle.drain(..).chain(self.early.drain(..)));
                }
            }
        }
    }
}

impl Db {
    /// Lets every one of `subscriptions` digest all there is (command line), as in the server: what one of them cannot
    /// digest is parked. On PostgreSQL several at once. `patiently` repeats what failed for a moment; `more` says whether
    /// somebody still adds to the log, then this goes on.
    pub fn digest(&self, subscriptions: &[Subscription], patiently: Patiently<'_>, more: &(dyn Fn() -> bool + Sync)) -> Result<()> {
        let lanes = if self.engine() == Engine::Postgres { AT_ONCE } else { 1 };
        let mut quiet = 0;
        let (mut at, mut tells) = (vec![Position::default(); subscriptions.len()], vec![None; subscriptions.len()]);
        loop {
            // Asked before the pass, so that "nothing new" speaks of everything stored by then.
            let coming = more();
            let settled = self.engine() == Engine::Sqlite || self.log_is_settled()?;
            let ready = (0..subscriptions.len()).collect();
            let round = Mutex::new(Round { ready, idle: Vec::new(), early: Vec::new(), busy: 0, at, tells, hurry: false, stepped: false, failed: None });
            let changed = Condvar::new();
            std::thread::scope(|scope| {
                for _ in 1..lanes {
                    scope.spawn(|| self.lane(subscriptions, patiently, more, &round, &changed));
                }
                self.lane(subscriptions, patiently, more, &round, &changed);
            });
            let round = round.into_inner().unwrap_or_else(|p| p.into_inner());
            if let Some(problem) = round.failed {
                return Err(problem);
            }
            (at, tells) = (round.at, round.tells);
            if coming {
                std::thread::sleep(PAUSE);
                continue;
            }
            if round.stepped {
                quiet = 0;
                continue;
            }
            // On PostgreSQL an event shows only when every older transaction in the server has ended.
            quiet += 1;
            if settled || quiet > 50 {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        // Checkpoints that lag only because nothing was wanted.
        for (subscription, at) in subscriptions.iter().copied().zip(at) {
            patiently(&mut || self.write_blocking(move |tx| subscription.step_from(tx, Park::Yes, at, 0, 0)).map(|_| Moved { outcome: Outcome::Idle, at }))?;
        }
        Ok(())
    }

    /// Moves one follower after the other on, until nobody finds enough.
    fn lane(&self, subscriptions: &[Subscription], patiently: Patiently<'_>, more: &(dyn Fn() -> bool + Sync), round: &Mutex<Round>, changed: &Condvar) {
        let mut now = round.lock().unwrap_or_else(|p| p.into_inner());
        loop {
            if now.failed.is_some() {
                now.ready.clear();
                now.early.clear();
            }
            let Some(index) = now.ready.pop_front() else {
                if now.busy == 0 && !now.early.is_empty() && !more() {
                    now.hurry = true;
                    let early = std::mem::take(&mut now.early);
                    now.ready.extend(early);
                    continue;
                }
                if now.busy == 0 {
                    changed.notify_all();
                    return;
                }
                now = changed.wait(now).unwrap_or_else(|p| p.into_inner());
                continue;
            };
            now.busy += 1;
            let enough = match (now.hurry, now.tells[index]) {
                (false, Some(false)) => Enough { wanted: usize::MAX },
                (false, _) if more() => Enough { wanted: WORTHWHILE },
                _ => Enough { wanted: 1 },
            };
            let at = now.at[index];
            drop(now);
            let moved = patiently(&mut || self.advance(subscriptions[index], at, enough));
            now = round.lock().unwrap_or_else(|p| p.into_inner());
            now.busy -= 1;
            match moved {
                Ok(moved) => now.settle(index, moved),
                Err(problem) => now.failed = Some(problem),
            }
            changed.notify_all();
        }
    }

    /// One move of a follower that has seen everything up to `at`: over what it does not want without the writer, else a
    /// step.
    fn advance(&self, subscription: Subscription, at: Position, enough: Enough) -> Result<Moved> {
        let stretch = if self.engine() == Engine::Postgres { STRETCH } else { STRETCH_SQLITE };
        if at > Position::default() {
            let view = self.read_blocking(move |tx| tx.view_after(at, stretch, &subscription))?;
            let outcome = match view.upto {
                None => Some((Outcome::Idle, at)),
                Some(upto) if view.wanted == 0 => Some((Outcome::Passed, upto)),
                Some(_) if view.wanted < enough.wanted && view.read < stretch => Some((Outcome::Early, at)),
                Some(_) => None,
            };
            if let Some((outcome, at)) = outcome {
                return Ok(Moved { outcome, at });
            }
        }
        let (read, told, at) = self.write_blocking(move |tx| subscription.step_from(tx, Park::Yes, at, stretch, stretch).map(|(read, at)| (read, tx.rings.get(), at)))?;
        Ok(Moved { outcome: if read > 0 { Outcome::Stepped { told } } else { Outcome::Idle }, at })
    }

    /// Whether every stored event can be read. On PostgreSQL a transaction still running anywhere in the cluster hides
    /// younger events from readers; then this waits a moment and says no.
    pub(crate) fn log_is_settled(&self) -> Result<bool> {
        let behind = self.read_blocking(|tx| tx.events_behind(tx.log_head()?, 1))?;
        if behind > 0 {
            std::thread::sleep(Duration::from_millis(3));
        }
        Ok(behind == 0)
    }
}
