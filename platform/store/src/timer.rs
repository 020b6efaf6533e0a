//! Timers: rows that fall due. A timer's handler runs in the transaction that removes it: exactly one effect.

use shouwen_kernel::{Result, Time, WorkspaceId};

use crate::{Db, Tx, params};

/// A timer that has fallen due.
#[derive(Clone, Debug)]
pub struct Timer {
    pub kind: String,
    pub key: String,
    pub workspace: WorkspaceId,
    pub due_at: Time,
    pub payload: serde_json::Value,
    pub attempts: i64,
}

/// Who handles timers of a kind. Must act only through the transaction.
#[derive(Clone, Copy)]
pub struct TimerHandler {
    pub kind: &'static str,
    pub handle: fn(&Tx<'_>, &Timer) -> Result<()>,
}

impl Tx<'_> {
    /// Sets (or moves) the timer `kind`/`key`.
    pub fn set_timer(&self, workspace: WorkspaceId, kind: &str, key: &str, due_at: Time, payload: &serde_json::Value) -> Result<()> {
        self.rings.set(true);
        self.run(
            "INSERT INTO timer (kind, key, workspace_id, due_at, payload) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (kind, key) DO UPDATE SET due_at = ?4, payload = ?5, attempts = 0, error = NULL",
            params![kind, key, workspace, due_at, payload],
        )?;
        Ok(())
    }

    /// Removes a timer, if it is there.
    pub fn cancel_timer(&self, kind: &str, key: &str) -> Result<()> {
        self.run("DELETE FROM timer WHERE kind = ?1 AND key = ?2", params![kind, key])?;
        Ok(())
    }

    /// Fires at most `limit` due timers; how many. One that fails keeps its row and comes back later, ever more rarely.
    pub fn fire_timers(&self, handlers: &[TimerHandler], limit: usize) -> Result<usize> {
        let skip = self.dialect("", " FOR UPDATE SKIP LOCKED");
        let rows: Vec<(String, String, WorkspaceId, Time, serde_json::Value, i64)> = self.all(
            &format!("SELECT kind, key, workspace_id, due_at, payload, attempts FROM timer WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2{skip}"),
            params![self.now(), limit],
        )?;
        let count = rows.len();
        for (kind, key, workspace, due_at, payload, attempts) in rows {
            let timer = Timer { kind, key, workspace, due_at, payload, attempts };
            let outcome = self.savepoint(|tx| {
                tx.run("DELETE FROM timer WHERE kind = ?1 AND key = ?2", params![timer.kind, timer.key])?;
                match handlers.iter().find(|h| h.kind == timer.kind) {
                    Some(handler) => (handler.handle)(tx, &timer),
                    None => Err(shouwen_kernel::Problem::internal(format!("nobody handles timers of kind `{}`", timer.kind))),
                }
            });
            if let Err(problem) = outcome {
                tracing::warn!(kind = %timer.kind, key = %timer.key, attempts = timer.attempts, error = %problem, "a timer failed and will be tried again");
                let wait = 5i64.saturating_mul(1 << timer.attempts.min(9));
                self.run(
                    "UPDATE timer SET due_at = ?3, attempts = attempts + 1, error = ?4 WHERE kind = ?1 AND key = ?2",
                    params![timer.kind, timer.key, self.now().plus_seconds(wait), problem.to_string()],
                )?;
            }
        }
        Ok(count)
    }

    /// When the next timer falls due.
    pub fn next_timer(&self) -> Result<Option<Time>> {
        Ok(self.opt::<(Time,)>("SELECT due_at FROM timer ORDER BY due_at LIMIT 1", params![])?.map(|row| row.0))
    }
}

impl Db {
    /// Fires timers for ever. Sleeps until the next one, at most a second, because another node may set one.
    pub async fn run_timers(self, handlers: Vec<TimerHandler>) {
        loop {
            let mut bell = self.doorbell();
            bell.mark_unchanged();
            let due = handlers.clone();
            // Looking costs a read; only a due timer costs a write.
            let next = self.read(|tx| tx.next_timer()).await;
            let mut wait = match next {
                Ok(Some(at)) => at.micros() - self.services().clock.now().micros(),
                Ok(None) => 1_000_000,
                Err(problem) if problem.code == "store.stopped" => return,
                Err(problem) => {
                    tracing::error!(error = %problem, "timers cannot be read");
                    1_000_000
                }
            };
            if wait <= 0 {
                match self.write(move |tx| tx.fire_timers(&due, 200)).await {
                    Ok(fired) if fired > 0 => continue,
                    // Another node holds them.
                    Ok(_) => wait = 50_000,
                    Err(problem) if problem.code == "store.stopped" => return,
                    Err(problem) => {
                        tracing::error!(error = %problem, "timers cannot be fired");
                        wait = 1_000_000;
                    }
                }
            }
            let wait = std::time::Duration::from_micros(wait.clamp(10_000, 1_000_000) as u64);
            let _ = tokio::time::timeout(wait, bell.changed()).await;
        }
    }
}
