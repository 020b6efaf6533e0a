//! Files that were uploaded and not sent go after a month, unless a draft of their person holds them. Their bytes are
//! collected when nothing else names them.

use std::time::Duration;

use shouwen_kernel::{AttachmentId, PersonId, Result, Time};
use shouwen_store::{Json, Tx, params};
use shouwen_web::App;

use crate::draft::Written;

/// Days a file that was not sent is kept.
const KEEP_DAYS: i64 = 30;
const EVERY: Duration = Duration::from_secs(3600);
/// Files looked at in one step.
const AT_ONCE: usize = 100;

/// Sweeps every hour, until the server stops.
pub async fn run(app: App) {
    let stopping = app.stopping();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let mut after = Some(AttachmentId::NIL);
        while let Some(from) = after {
            after = app.db().write(move |tx| sweep(tx, from)).await.unwrap_or_else(|problem| {
                tracing::warn!(error = %problem, "files that were not sent cannot be swept");
                None
            });
        }
    }
}

/// Looks at the next files after `after`, oldest first; the last of them when there may be more. A file that was sent has a
/// row of its own with its message.
pub fn sweep(tx: &Tx<'_>, after: AttachmentId) -> Result<Option<AttachmentId>> {
    let old: Vec<(AttachmentId, PersonId, Time)> = tx.all("SELECT id, person_id, created_at FROM case_upload WHERE id > ?1 ORDER BY id LIMIT ?2", params![after, AT_ONCE])?;
    let over = tx.now().plus_seconds(-KEEP_DAYS * 86_400);
    let (mut last, mut drafts) = (None, std::collections::HashMap::<PersonId, Vec<AttachmentId>>::new());
    // Ids grow with time.
    for (id, person, at) in &old {
        if *at > over {
            return Ok(None);
        }
        last = Some(*id);
        if !drafts.contains_key(person) {
            let held: Vec<(Json<Written>,)> = tx.all("SELECT body FROM case_draft WHERE person_id = ?1", params![*person])?;
            drafts.insert(*person, held.into_iter().flat_map(|row| row.0.0.attachments).collect());
        }
        if !drafts.get(person).is_some_and(|held| held.contains(id)) {
            tx.run("DELETE FROM case_upload WHERE id = ?1", params![*id])?;
        }
    }
    Ok(last.filter(|_| old.len() == AT_ONCE))
}
