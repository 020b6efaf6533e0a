//! What happens at the start and every hour: bulletins are scheduled, old facts go.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use shouwen_kernel::Result;
use shouwen_store::{Ctx, Tx};
use shouwen_web::App;

use crate::{bulletins, facts};

/// A new workspace gets its bulletins.
pub fn found(_: &App, tx: &Tx<'_>, ctx: &Ctx) -> Result<()> {
    bulletins::schedule(tx, ctx.workspace, false)
}

/// Every workspace has its bulletins scheduled, also one that is older than this capability.
fn schedule(tx: &Tx<'_>) -> Result<()> {
    tx.workspaces()?.into_iter().try_for_each(|w| bulletins::schedule(tx, w.id, false))
}

/// Runs until the server stops.
pub fn task(app: App) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let stopping = app.stopping();
        loop {
            if let Err(problem) = app.db().write(schedule).await {
                tracing::warn!(error = %problem, "bulletins could not be scheduled");
            }
            while let Ok(true) = app.db().write(facts::sweep).await {}
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(3600)) => {}
            }
        }
    })
}
