//! What runs beside the requests: built-in roles follow the program at its start, uses of sessions are written down,
//! and once in a while what is over is removed.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use shouwen_kernel::Result;
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::App;

use crate::session::IDLE_S;

const FLUSH: Duration = Duration::from_secs(10);
/// Flushes between two clean-ups: half an hour.
const SWEEP_EVERY: u32 = 180;
/// Failures and known addresses are forgotten after so long.
const THROTTLE_S: i64 = 60 * 24 * 3600;

pub(crate) fn task(app: App) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(run(app))
}

async fn run(app: App) {
    let codes: Vec<&'static str> = app.permissions().iter().map(|p| p.code).collect();
    let roles = app.db().write(move |tx| {
        for workspace in tx.workspaces()? {
            // Before set-up there are none, and set-up makes them.
            if crate::role::by_key(tx, workspace.id, crate::ADMINISTRATOR)?.is_some() {
                crate::ensure_built_in_roles(tx, &Ctx::system(workspace.id, "identity"), &codes)?;
            }
        }
        Ok(())
    });
    if let Err(problem) = roles.await {
        tracing::error!(error = %problem, "the built-in roles could not be brought up to date");
    }
    let stopping = app.stopping();
    let mut round = 0u32;
    loop {
        let stop = tokio::select! { () = tokio::time::sleep(FLUSH) => false, () = stopping.cancelled() => true };
        if let Err(problem) = flush(&app).await {
            tracing::warn!(error = %problem, "uses of sessions could not be written down");
        }
        if stop {
            return;
        }
        round = round.wrapping_add(1);
        if round % SWEEP_EVERY == 1
            && let Err(problem) = app.db().write(sweep).await
        {
            tracing::warn!(error = %problem, "expired sessions could not be removed");
        }
    }
}

/// Writes down which sessions and tokens were used.
pub(crate) async fn flush(app: &App) -> Result<()> {
    let notes = crate::seen::take(app.db());
    if notes.is_empty() {
        return Ok(());
    }
    app.db().write(move |tx| crate::seen::write(tx, &notes)).await
}

/// Removes what is over. Small steps, so that it never holds the writer long.
pub(crate) fn sweep(tx: &Tx<'_>) -> Result<()> {
    let people: Vec<(shouwen_kernel::PersonId, shouwen_kernel::WorkspaceId)> =
        tx.all("SELECT DISTINCT person_id, workspace_id FROM identity_session WHERE expires_at <= ?1 OR last_seen_at <= ?2 LIMIT 500", params![tx.now(), tx.now().plus_seconds(-IDLE_S)])?;
    tx.execute("DELETE FROM identity_session WHERE expires_at <= ?1", params![tx.now()])?;
    tx.execute("DELETE FROM identity_session WHERE last_seen_at <= ?1", params![tx.now().plus_seconds(-IDLE_S)])?;
    for (person, workspace) in people {
        // Whoever closed the browser without signing out is not there any more.
        if tx.opt::<(i64,)>("SELECT 1 FROM identity_session WHERE person_id = ?1 LIMIT 1", params![person])?.is_none() {
            crate::person::set_status(tx, &Ctx::system(workspace, "identity"), person, "offline")?;
        }
    }
    tx.execute("DELETE FROM identity_link WHERE expires_at <= ?1", params![tx.now()])?;
    tx.execute("DELETE FROM identity_throttle WHERE last_at < ?1", params![tx.now().plus_seconds(-THROTTLE_S)])?;
    Ok(())
}
