//! The log does not grow for ever.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use shouwen_kernel::{ObjectId, Result};
use shouwen_store::{Tx, params};
use shouwen_web::App;

/// Firings are kept so long.
pub const KEEP_DAYS: i64 = 180;
/// Bounds by the hour or day are over after this; bounds by case and customer stay.
const PASSING_DAYS: i64 = 3;
const AT_ONCE: usize = 500;

/// Runs until the server stops.
pub fn task(app: App) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let stopping = app.stopping();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(3600)) => {}
            }
            while let Ok(true) = app.db().write(sweep).await {}
        }
    })
}

/// Removes a page of what is too old; whether there may be more.
pub fn sweep(tx: &Tx<'_>) -> Result<bool> {
    let old: Vec<(ObjectId,)> = tx.all("SELECT id FROM rule_firing WHERE at < ?1 ORDER BY at LIMIT ?2", params![tx.now().plus_seconds(-KEEP_DAYS * 86_400), AT_ONCE])?;
    for (id,) in &old {
        tx.run("DELETE FROM rule_firing WHERE id = ?1", params![id])?;
    }
    tx.run("DELETE FROM rule_once WHERE passing = ?1 AND at < ?2", params![true, tx.now().plus_seconds(-PASSING_DAYS * 86_400)])?;
    Ok(old.len() == AT_ONCE)
}
