//! From stored bytes to `message.received`: a bounded parser outside the transaction, and one transaction a batch that
//! notes every outcome. What cannot be understood waits in quarantine with its reason, and the next mail goes on.

use std::collections::HashMap;
use std::time::Duration;

use shouwen_contracts::channel::{ChannelEvent, Quarantined};
use shouwen_kernel::{InboxId, MessageId, Problem, Result, Time, WorkspaceId};
use shouwen_mail::{Limits, Parsed, parse_bounded};
use shouwen_store::{Ctx, Db, Services, Tx, Value, params};
use shouwen_web::App;

use crate::inbox::{self, Inbox};
use crate::intake::STORED;
use crate::limits;
use crate::received::{self, Understood};

/// Mails a transaction takes.
const BATCH: usize = 100;
/// Raw bytes a batch holds in memory at most (one larger mail makes a batch of its own).
const BATCH_BYTES: usize = 16 << 20;
/// Seconds a parse may take; a second try alone gets more, because a busy machine is no fault of the mail.
const FIRST_TRY_S: u64 = 2;
const SECOND_TRY_S: u64 = 10;
/// A person's retry.
const RETRY_S: u64 = 30;

/// A stored mail that waits to be understood.
pub(crate) struct Waiting {
    pub id: MessageId,
    pub workspace: WorkspaceId,
    pub inbox_id: InboxId,
    pub raw_sha: String,
    pub received_at: Option<Time>,
    pub taken_at: Time,
    pub import: bool,
    pub attempts: i64,
    pub bytes: std::result::Result<Vec<u8>, String>,
}

/// What became of it.
pub(crate) enum Outcome {
    Understood(Box<Understood>),
    Quarantined(String),
}

/// Mails, the inboxes they came to, and the limits in force.
pub(crate) struct Batch {
    pub mails: Vec<Waiting>,
    pub inboxes: HashMap<InboxId, Inbox>,
    pub limits: Limits,
}

/// The next stored mails, oldest first.
fn next_batch(tx: &Tx<'_>, only: Option<InboxId>) -> Result<Batch> {
    type Found = (MessageId, WorkspaceId, InboxId, String, Option<Time>, Time, String, i64, i64);
    let columns = "SELECT id, workspace_id, inbox_id, raw, received_at, taken_at, source, attempts, size FROM mail_message WHERE state = 'stored'";
    let rows: Vec<Found> = match only {
        None => tx.all(&format!("{columns} ORDER BY id LIMIT ?1"), params![BATCH])?,
        Some(inbox) => tx.all(&format!("{columns} AND inbox_id = ?2 ORDER BY id LIMIT ?1"), params![BATCH, inbox])?,
    };
    let mut batch = Vec::new();
    let mut inboxes = HashMap::new();
    let mut held = 0;
    let names: Vec<String> = rows.iter().map(|row| row.3.clone()).collect();
    // Should reading them together fail, each tells for itself what is wrong with it.
    let mut small: HashMap<String, Vec<u8>> = tx.savepoint(|tx| tx.small_blobs(&names)).unwrap_or_default().into_iter().collect();
    for (id, workspace, inbox_id, raw_sha, received_at, taken_at, source, attempts, size) in rows {
        held += size as usize;
        if held > BATCH_BYTES && !batch.is_empty() {
            break;
        }
        if let std::collections::hash_map::Entry::Vacant(place) = inboxes.entry(inbox_id)
            && let Some(found) = inbox::find(tx, inbox_id)?
        {
            place.insert(found);
        }
        let found = match small.remove(&raw_sha) {
            Some(bytes) => Ok(Some(bytes)),
            None => tx.blob(&raw_sha),
        };
        let bytes = match found {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err("its raw bytes are not in the store".to_owned()),
            Err(problem) => Err(format!("its raw bytes cannot be read: {}", problem.message)),
        };
        batch.push(Waiting { id, workspace, inbox_id, raw_sha, received_at, taken_at, import: source == "import", attempts, bytes });
    }
    Ok(Batch { mails: batch, inboxes, limits: limits::limits(tx)? })
}

fn understand(services: &Services, waiting: &Waiting, batch: &Batch) -> Outcome {
    let Some(inbox) = batch.inboxes.get(&waiting.inbox_id) else { return Outcome::Quarantined("its inbox no longer exists".into()) };
    let bytes = match &waiting.bytes {
        Ok(bytes) => bytes,
        Err(why) => return Outcome::Quarantined(why.clone()),
    };
    let limits = if waiting.attempts == 0 { batch.limits.clone() } else { limits::generous(&batch.limits) };
    let first = if waiting.attempts == 0 { FIRST_TRY_S } else { RETRY_S };
    let mut parsed = parse_bounded(bytes.clone(), &limits, Duration::from_secs(first));
    if let Parsed::Quarantined(q) = &parsed
        && waiting.attempts == 0
        && q.reason.contains("took longer")
    {
        parsed = parse_bounded(bytes.clone(), &limits, Duration::from_secs(SECOND_TRY_S));
    }
    match parsed {
        Parsed::Quarantined(q) => Outcome::Quarantined(q.reason),
        Parsed::Message(message) => match received::build(services, waiting, inbox, *message) {
            Ok(understood) => Outcome::Understood(Box::new(understood)),
            Err(problem) => Outcome::Quarantined(format!("it could not be prepared: {problem}")),
        },
    }
}

pub(crate) fn understand_all(services: &Services, batch: &Batch) -> Vec<Outcome> {
    let mails = &batch.mails;
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(4).min(mails.len());
    if workers <= 1 {
        return mails.iter().map(|w| understand(services, w, batch)).collect();
    }
    let per = mails.len().div_ceil(workers);
    std::thread::scope(|scope| {
        let started: Vec<_> = mails.chunks(per).map(|part| (part, scope.spawn(move || part.iter().map(|w| understand(services, w, batch)).collect::<Vec<_>>()))).collect();
        started
            .into_iter()
            .flat_map(|(part, thread)| thread.join().unwrap_or_else(|_| part.iter().map(|_| Outcome::Quarantined("preparing it failed".into())).collect()))
            .collect()
    })
}

/// Notes every outcome; a mail that another node was quicker with is passed over.
fn record(tx: &Tx<'_>, batch: &[Waiting], outcomes: &[Outcome]) -> Result<usize> {
    let together = tx.savepoint(|tx| {
        look_ahead(tx, batch, outcomes)?;
        let mut understood = 0;
        for (waiting, outcome) in batch.iter().zip(outcomes) {
            understood += usize::from(record_one(tx, waiting, outcome)?);
        }
        Ok(understood)
    });
    match together {
        Err(problem) if !problem.is_transient() => tracing::debug!(error = %problem, "one mail of a batch cannot be noted; they are taken one by one"),
        settled => return settled,
    }
    let mut understood = 0;
    for (waiting, outcome) in batch.iter().zip(outcomes) {
        let noted = tx.savepoint(|tx| record_one(tx, waiting, outcome));
        match noted {
            Ok(done) => understood += usize::from(done),
            Err(problem) if problem.is_transient() => return Err(problem),
            Err(problem) => {
                tracing::error!(message = %waiting.id, error = %problem, "a mail could not be noted and goes to quarantine");
                quarantine(tx, waiting, &format!("it could not be stored: {problem}"))?;
            }
        }
    }
    Ok(understood)
}

/// Asks at once what will be asked for each.
fn look_ahead(tx: &Tx<'_>, batch: &[Waiting], outcomes: &[Outcome]) -> Result<()> {
    if let [first, ..] = batch {
        still_stored(tx, first.id, || batch.iter().map(|waiting| waiting.id).collect())?;
    }
    ask_for_wire_ids(tx, batch, outcomes)
}

/// Which Message-IDs of a batch are known.
pub(crate) fn ask_for_wire_ids(tx: &Tx<'_>, batch: &[Waiting], outcomes: &[Outcome]) -> Result<()> {
    let ids: Vec<(InboxId, String)> = batch
        .iter()
        .zip(outcomes)
        .filter_map(|(waiting, outcome)| match outcome {
            Outcome::Understood(mail) => Some((waiting.inbox_id, mail.event.wire_id.clone()?)),
            Outcome::Quarantined(_) => None,
        })
        .collect();
    match ids.first() {
        Some((inbox, wire_id)) => received::same_wire_id(tx, *inbox, wire_id, || ids.clone()).map(|_| ()),
        None => Ok(()),
    }
}

const STORED_ROWS: &str = "mail.stored";

/// Whether a mail still waits; its row is ours until the commit then.
fn still_stored(tx: &Tx<'_>, id: MessageId, with: impl FnOnce() -> Vec<MessageId>) -> Result<bool> {
    let found = tx.ahead(STORED_ROWS, &id, |_| with(), |ids| {
        let runs: Vec<Vec<Value>> = ids.iter().map(|id| params![id].to_vec()).collect();
        let rows: Vec<Vec<(MessageId,)>> = tx.all_each(&format!("SELECT id FROM mail_message WHERE id = ?1 AND state = 'stored'{}", tx.for_update()), &runs)?;
        Ok(rows.into_iter().flatten().map(|(id,)| (id, ())).collect())
    })?;
    Ok(found.is_some())
}

/// Whether this call, not another node's, brought the mail on.
fn leave_stored(tx: &Tx<'_>, waiting: &Waiting, state: &str, reason: Option<&str>, wire_id: Option<&str>) -> Result<bool> {
    if !still_stored(tx, waiting.id, Vec::new)? {
        return Ok(false);
    }
    tx.set_ahead::<_, ()>(STORED_ROWS, waiting.id, None);
    tx.run(
        "UPDATE mail_message SET state = ?2, reason = ?3, wire_id = ?4, attempts = attempts + 1, version = version + 1 WHERE id = ?1 AND state = 'stored'",
        params![waiting.id, state, reason, wire_id],
    )?;
    if let Some(wire_id) = wire_id {
        received::now_known(tx, waiting, wire_id)?;
    }
    Ok(true)
}

fn record_one(tx: &Tx<'_>, waiting: &Waiting, outcome: &Outcome) -> Result<bool> {
    match outcome {
        Outcome::Quarantined(reason) => {
            quarantine(tx, waiting, reason)?;
            Ok(false)
        }
        Outcome::Understood(mail) => {
            let verdict = received::judge(tx, waiting, mail)?;
            if !leave_stored(tx, waiting, verdict.state, verdict.note.as_deref(), mail.event.wire_id.as_deref())? {
                return Ok(false);
            }
            received::tell(tx, waiting, mail, verdict)?;
            Ok(true)
        }
    }
}

fn quarantine(tx: &Tx<'_>, waiting: &Waiting, reason: &str) -> Result<()> {
    let reason = plain_reason(reason);
    if leave_stored(tx, waiting, "quarantined", Some(&reason), None)? { tell_quarantined(tx, waiting, reason) } else { Ok(()) }
}

/// A reason as it is kept.
pub(crate) fn plain_reason(reason: &str) -> String {
    shouwen_kernel::text::clip(&reason.replace('\0', ""), 500)
}

pub(crate) fn tell_quarantined(tx: &Tx<'_>, waiting: &Waiting, reason: String) -> Result<()> {
    tracing::warn!(message = %waiting.id, inbox = %waiting.inbox_id, reason, "a mail goes to quarantine");
    let access = inbox::find(tx, waiting.inbox_id)?.map(|i| i.access());
    tx.emit::<ChannelEvent>(
        &Ctx::system(waiting.workspace, "email"),
        None,
        access.as_ref(),
        Quarantined { message_id: waiting.id, inbox_id: waiting.inbox_id, reason, at: tx.now() },
    )
}

/// Understands everything that waits; how many mails were looked at.
pub async fn drain(db: &Db) -> Result<usize> {
    let mut total = 0;
    loop {
        let batch = db.read(|tx| next_batch(tx, None)).await?;
        if batch.mails.is_empty() {
            return Ok(total);
        }
        total += batch.mails.len();
        let services = db.clone();
        let done = tokio::task::spawn_blocking(move || {
            let outcomes = understand_all(services.services(), &batch);
            (batch.mails, outcomes)
        })
        .await
        .map_err(|e| Problem::internal(format!("the mail worker failed: {e}")))?;
        db.write(move |tx| record(tx, &done.0, &done.1)).await?;
    }
}

/// [`drain`] without a runtime; `only`: the mails of one inbox.
pub fn drain_blocking(db: &Db, only: Option<InboxId>) -> Result<usize> {
    let mut total = 0;
    loop {
        let batch = db.read_blocking(move |tx| next_batch(tx, only))?;
        if batch.mails.is_empty() {
            return Ok(total);
        }
        total += batch.mails.len();
        let outcomes = understand_all(db.services(), &batch);
        db.write_blocking(move |tx| record(tx, &batch.mails, &outcomes))?;
    }
}

/// Understands for as long as the server runs: woken when mail was stored here, and looking every second because other
/// nodes store too.
pub async fn run(app: App) {
    let stopping = app.stopping();
    loop {
        match drain(app.db()).await {
            Ok(0) => {}
            Ok(n) => app.metrics().add("mail_understood_total", n as f64),
            Err(problem) if problem.code == "store.stopped" => return,
            Err(problem) => tracing::error!(error = %problem, "mails wait to be understood; tried again in a second"),
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            () = STORED.notified() => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}
