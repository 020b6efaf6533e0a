//! The outbox: every effect outside the house (mail, webhook …) is a row written with the state that wants it,
//! claimed by lease, tried with back-off, and kept when it cannot be done.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use shouwen_kernel::{OutboxId, Problem, Result, Time, WorkspaceId};

use crate::{Db, Json, Tx, params};

/// One effect to carry out.
#[derive(Clone, Debug)]
pub struct OutboxItem {
    pub id: OutboxId,
    pub workspace: WorkspaceId,
    pub kind: String,
    pub key: String,
    pub payload: serde_json::Value,
    /// Tries before this one.
    pub attempts: i64,
    pub created_at: Time,
    epoch: i64,
}

/// How a try ended.
#[derive(Clone, Debug)]
pub enum EffectOutcome {
    /// Done; `detail` is kept for the caller's [`EffectHandler::settled`].
    Done { detail: Option<String> },
    /// Not now; tried again later (`after_s`: the other side's wish).
    Retry { error: String, after_s: Option<i64> },
    /// Never; goes to the dead letters with the reason.
    Dead { error: String },
}

/// A running effect.
pub type EffectFuture = Pin<Box<dyn Future<Output = EffectOutcome> + Send>>;
/// Carries one effect out. It may run twice (crash between doing and noting): use `item.key` against doubling.
pub type Effect = Arc<dyn Fn(OutboxItem) -> EffectFuture + Send + Sync>;

/// Who carries out effects of a kind.
#[derive(Clone)]
pub struct EffectHandler {
    pub kind: &'static str,
    /// How many at once.
    pub concurrency: usize,
    /// A try may take this long; afterwards another node may claim the row.
    pub lease_s: i64,
    pub run: Effect,
    /// Writes what the outcome means, in the transaction that notes it. `final_`: there will be no further try.
    pub settled: fn(&Tx<'_>, &OutboxItem, &EffectOutcome, bool) -> Result<()>,
}

/// An effect is given up after this long.
const LIFETIME_S: i64 = 5 * 24 * 3600;

/// Seconds before the next try: doubles from 30 s to about an hour, spread by a quarter so that herds part.
fn backoff(attempts: i64, spread: u8) -> i64 {
    let base = (30i64 << attempts.clamp(0, 7)).min(4000);
    base + base * i64::from(spread) / 1024
}

impl Tx<'_> {
    /// Puts an effect into the outbox, not before `not_before`. `key` names it once for all: a second one is refused.
    pub fn enqueue(&self, workspace: WorkspaceId, kind: &str, key: &str, payload: &impl serde::Serialize, not_before: Option<Time>) -> Result<OutboxId> {
        self.rings.set(true);
        let id: OutboxId = self.id();
        self.run(
            "INSERT INTO outbox (id, workspace_id, kind, key, payload, state, next_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5, 'pending', ?6, ?7)",
            params![id, workspace, kind, key, Json(payload), not_before.unwrap_or(self.now()), self.now()],
        )?;
        Ok(id)
    }

    /// Takes an effect back before its first try has begun; `false` when it is too late.
    pub fn cancel_effect(&self, kind: &str, key: &str) -> Result<bool> {
        Ok(self.execute("UPDATE outbox SET state = 'cancelled', done_at = ?3 WHERE kind = ?1 AND key = ?2 AND state = 'pending' AND attempts = 0", params![kind, key, self.now()])? > 0)
    }

    /// Lets a dead or waiting effect be tried now.
    pub fn retry_effect(&self, id: OutboxId) -> Result<bool> {
        self.rings.set(true);
        Ok(self.execute("UPDATE outbox SET state = 'pending', next_at = ?2, error = NULL, done_at = NULL, created_at = ?2 WHERE id = ?1 AND state IN ('dead', 'pending')", params![id, self.now()])? > 0)
    }

    /// Claims up to `limit` due effects of `kind` for `lease_s` seconds.
    pub fn claim_effects(&self, kind: &str, limit: usize, lease_s: i64) -> Result<Vec<OutboxItem>> {
        let skip = self.dialect("", " FOR UPDATE SKIP LOCKED");
        // An array is read once; PostgreSQL may run an IN with LIMIT several times and lock more than it was asked to.
        let (open, close) = (self.dialect("IN (", "= ANY(ARRAY("), self.dialect(")", "))"));
        let rows: Vec<(OutboxId, WorkspaceId, String, serde_json::Value, i64, Time, i64)> = self.all(
            &format!(
                "UPDATE outbox SET state = 'sending', lease_until = ?3, epoch = epoch + 1, attempts = attempts + 1
                 WHERE id {open}SELECT id FROM outbox WHERE kind = ?1 AND state IN ('pending', 'sending') AND next_at <= ?2 AND lease_until <= ?2 ORDER BY next_at LIMIT ?4{skip}{close}
                 RETURNING id, workspace_id, key, payload, attempts, created_at, epoch"
            ),
            params![kind, self.now(), self.now().plus_seconds(lease_s), limit],
        )?;
        Ok(rows
            .into_iter()
            .map(|(id, workspace, key, payload, attempts, created_at, epoch)| OutboxItem { id, workspace, kind: kind.to_owned(), key, payload, attempts: attempts - 1, created_at, epoch })
            .collect())
    }

    /// Notes how a try ended. A claim that has since gone to another node changes nothing.
    pub fn settle_effect(&self, handler: &EffectHandler, item: &OutboxItem, outcome: &EffectOutcome) -> Result<()> {
        let held = self.opt::<(i64,)>(&format!("SELECT epoch FROM outbox WHERE id = ?1 AND state = 'sending'{}", self.for_update()), params![item.id])?;
        if held != Some((item.epoch,)) {
            return Ok(());
        }
        let expired = self.now().micros() - item.created_at.micros() > LIFETIME_S * 1_000_000;
        let (state, next, error, last) = match outcome {
            EffectOutcome::Done { .. } => ("sent", self.now(), None, true),
            EffectOutcome::Dead { error } => ("dead", self.now(), Some(error.clone()), true),
            EffectOutcome::Retry { error, .. } if expired => ("dead", self.now(), Some(format!("given up after 5 days: {error}")), true),
            EffectOutcome::Retry { error, after_s } => {
                let [spread] = self.ids().secret::<1>();
                ("pending", self.now().plus_seconds(after_s.unwrap_or_else(|| backoff(item.attempts, spread))), Some(error.clone()), false)
            }
        };
        self.rings.set(true);
        self.run(
            "UPDATE outbox SET state = ?2, next_at = ?3, error = ?4, lease_until = 0, done_at = ?5 WHERE id = ?1",
            params![item.id, state, next, error, last.then_some(self.now())],
        )?;
        (handler.settled)(self, item, outcome, last)
    }
}

impl Db {
    /// Carries out effects of one kind for ever.
    pub async fn run_effects(self, handler: EffectHandler) {
        let slots = Arc::new(tokio::sync::Semaphore::new(handler.concurrency.max(1)));
        loop {
            let mut bell = self.doorbell();
            bell.mark_unchanged();
            // Nothing to claim while every slot is busy.
            let Ok(permit) = slots.acquire().await else { return };
            drop(permit);
            let free = slots.available_permits();
            let (kind, lease_s) = (handler.kind, handler.lease_s);
            // A look first, so that an idle server does not write twice a second.
            let claimed = match self.read(move |tx| tx.effects_due(kind)).await {
                Ok(false) => Ok(Vec::new()),
                Ok(true) => self.write(move |tx| tx.claim_effects(kind, free, lease_s)).await,
                Err(problem) => Err(problem),
            };
            match claimed {
                Ok(items) => {
                    let full = items.len() >= free;
                    for item in items {
                        let Ok(permit) = slots.clone().acquire_owned().await else { return };
                        let (db, handler) = (self.clone(), handler.clone());
                        tokio::spawn(async move {
                            db.carry_out(handler, item).await;
                            drop(permit);
                        });
                    }
                    if full {
                        continue;
                    }
                }
                Err(problem) if problem.code == "store.stopped" => return,
                Err(problem) => tracing::error!(kind = handler.kind, error = %problem, "effects cannot be claimed"),
            }
            let _ = tokio::time::timeout(Duration::from_millis(500), bell.changed()).await;
        }
    }

    /// One try: runs the effect within its lease and notes how it ended.
    async fn carry_out(&self, handler: EffectHandler, item: OutboxItem) {
        let limit = Duration::from_secs(handler.lease_s.max(2) as u64 - 1);
        let run = tokio::spawn((handler.run)(item.clone()));
        let stop = run.abort_handle();
        let outcome = match tokio::time::timeout(limit, run).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => EffectOutcome::Retry { error: format!("the sender failed: {panic}"), after_s: None },
            Err(_) => {
                // It must not go on beside the next try.
                stop.abort();
                EffectOutcome::Retry { error: format!("no answer within {} s", limit.as_secs()), after_s: None }
            }
        };
        let noted = self.write(move |tx| tx.settle_effect(&handler, &item, &outcome)).await;
        if let Err(problem) = noted {
            tracing::error!(error = %problem, "an effect's outcome could not be noted; it will be tried again");
        }
    }
}

impl Tx<'_> {
    fn effects_due(&self, kind: &str) -> Result<bool, Problem> {
        Ok(self
            .opt::<(i64,)>("SELECT 1 FROM outbox WHERE kind = ?1 AND state IN ('pending', 'sending') AND next_at <= ?2 AND lease_until <= ?2 LIMIT 1", params![kind, self.now()])?
            .is_some())
    }
}
