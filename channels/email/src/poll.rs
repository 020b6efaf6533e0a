//! One poller an inbox, wherever a node holds its lease: connects, looks, waits for the server to tell of more, and comes
//! back by itself after whatever broke. Trouble stands in the inbox's health until the next good look.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use shouwen_kernel::{InboxId, Problem, Result};
use shouwen_store::{Db, Engine, Lease};
use shouwen_web::App;
use tokio_util::sync::CancellationToken;

use crate::fetch::{Held, Looked, Mailbox};
use crate::health::{self, Side};
use crate::imap;
use crate::inbox::{self, Inbox};
use crate::settings::{Incoming, Protocol};
use crate::trouble::{Trouble, Why};
use crate::{fetch_pop, oauth, pop3};

/// On PostgreSQL a lease is held this long and renewed three times as often; a node that dies frees its mailboxes within it.
const LEASE_S: i64 = 45;
/// On SQLite one process owns the database: nobody else can want the mailbox, and renewing would only be writes.
const LONG_LEASE_S: i64 = 3600;

fn lease_s(db: &Db) -> i64 {
    if db.engine() == Engine::Sqlite { LONG_LEASE_S } else { LEASE_S }
}
/// Waits after a break: at first short, never longer than a minute, so that a healed server is read again soon.
const LONGEST_WAIT_S: u64 = 60;
/// A refused login is tried again rarely: providers lock mailboxes that are knocked at too often.
const LOGIN_WAIT_S: u64 = 120;
/// How long the server may keep us waiting in IDLE before we look by ourselves: some servers forget to tell, and a dead
/// connection shows only when we speak.
const IDLE_S: u64 = 50;

/// The name under which this process holds leases. On SQLite a constant one: after a crash the next process goes on at once.
fn holder(db: &Db) -> &'static str {
    if db.engine() == Engine::Sqlite {
        return "the only process";
    }
    static HOLDER: OnceLock<String> = OnceLock::new();
    HOLDER.get_or_init(|| format!("{}-{}", std::process::id(), shouwen_crypt::hex(&db.services().ids.secret::<8>())))
}

async fn hold(db: &Db, inbox: InboxId) -> Result<Option<Held>> {
    let name = format!("mail.poll.{inbox}");
    let (asked, holder) = (name.clone(), holder(db));
    let seconds = lease_s(db);
    let lease: Option<Lease> = db.write(move |tx| tx.lease(&asked, holder, seconds)).await?;
    Ok(lease.map(|lease| Held { name, lease }))
}

async fn release(db: &Db, held: &Held) {
    let (name, holder) = (held.name.clone(), holder(db));
    if let Err(problem) = db.write(move |tx| tx.release_lease(&name, holder)).await {
        tracing::debug!(error = %problem, "a lease was not given back; it ends by itself");
    }
}

/// Looks into the mailbox of one inbox once: connects, fetches, marks, leaves.
///
/// # Errors
/// The server's words; `inside` when another node reads this mailbox at the moment.
pub async fn fetch_once(app: &App, inbox: InboxId) -> std::result::Result<Looked, Trouble> {
    let (db, allowed) = (app.db(), app.config().allow_private_hosts.as_slice());
    let found = db.read(move |tx| inbox::find(tx, inbox)).await?.filter(|i| i.deleted_at.is_none()).ok_or_else(|| Trouble::new(Why::Inside, "there is no such inbox"))?;
    let incoming = found.incoming.clone().ok_or_else(|| Trouble::new(Why::Inside, "this inbox has no incoming side"))?;
    let held = hold(db, inbox).await?.ok_or_else(|| Trouble::new(Why::Inside, "another node reads this mailbox"))?;
    let outcome = async {
        let password = oauth::secret(app, &found, oauth::Login::Incoming).await?;
        match incoming.protocol {
            Protocol::Pop3 => {
                let (pop, _) = pop3::open(&incoming, &password, allowed).await?;
                fetch_pop::look(db, &found, &incoming, pop, &held).await
            }
            Protocol::Imap => {
                let (session, _) = imap::open(&incoming, &password, allowed).await?;
                let mut mailbox = Mailbox::open(db, &found, &incoming, session, held.clone()).await?;
                let looked = mailbox.look().await?;
                let remark = mailbox.remark.take();
                mailbox.imap.close().await;
                health::good(db, &found, Side::In, remark).await;
                Ok(looked)
            }
        }
    }
    .await;
    release(db, &held).await;
    match &outcome {
        Ok(_) if incoming.protocol == Protocol::Pop3 => health::good(db, &found, Side::In, None).await,
        Ok(_) => {}
        Err(trouble) => {
            if trouble.why == Why::Login {
                oauth::forget(db, inbox).await;
            }
            health::bad(db, &found, Side::In, trouble.to_string()).await;
        }
    }
    outcome
}

/// Keeps a poller for every active inbox for as long as the server runs; a changed inbox gets a new one.
pub async fn run(app: App) {
    let stopping = app.stopping();
    let mut running: HashMap<InboxId, (i64, CancellationToken, tokio::task::JoinHandle<()>)> = HashMap::new();
    loop {
        match app.db().read(inbox::active).await {
            Ok(active) => {
                let wanted: HashMap<InboxId, Inbox> = active.into_iter().filter(|i| i.incoming.is_some()).map(|i| (i.id, i)).collect();
                let ended: Vec<InboxId> = running.iter().filter(|(id, (version, _, task))| wanted.get(id).is_none_or(|i| i.version != *version) || task.is_finished()).map(|(id, _)| *id).collect();
                for id in ended {
                    if let Some((_, cancel, mut task)) = running.remove(&id) {
                        cancel.cancel();
                        // Two sessions of one inbox must not overlap; a stuck one is stopped.
                        if tokio::time::timeout(Duration::from_secs(10), &mut task).await.is_err() {
                            task.abort();
                        }
                    }
                }
                for (id, inbox) in wanted {
                    running.entry(id).or_insert_with(|| {
                        let cancel = stopping.child_token();
                        let version = inbox.version;
                        (version, cancel.clone(), tokio::spawn(keep(app.clone(), inbox, cancel)))
                    });
                }
            }
            Err(problem) if problem.code == "store.stopped" => return,
            Err(problem) => tracing::error!(error = %problem, "inboxes cannot be read"),
        }
        tokio::select! {
            () = stopping.cancelled() => break,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
    for (_, (_, cancel, task)) in running {
        cancel.cancel();
        let _ = tokio::time::timeout(Duration::from_secs(5), task).await;
    }
}

/// Polls one inbox until cancelled.
async fn keep(app: App, inbox: Inbox, cancel: CancellationToken) {
    let db = app.db().clone();
    let mut breaks = 0u32;
    while !cancel.is_cancelled() {
        let wait = match hold(&db, inbox.id).await {
            Err(problem) if problem.code == "store.stopped" => return,
            Err(_) | Ok(None) => 5,
            Ok(Some(held)) => {
                let good = Arc::new(AtomicBool::new(false));
                let outcome = tokio::select! {
                    () = cancel.cancelled() => None,
                    // A panic in a protocol library ends the session, not the poller.
                    outcome = guarded(app.clone(), inbox.clone(), held.clone(), good.clone()) => Some(outcome),
                    lost = renew(&db, inbox.id) => Some(Err(lost)),
                };
                release(&db, &held).await;
                match outcome {
                    None => return,
                    // A POP3 look, or a session that ended in good order.
                    Some(Ok(pause)) => {
                        breaks = 0;
                        pause
                    }
                    Some(Err(trouble)) => {
                        app.metrics().add(&format!("mail_fetch_troubles_total{{why=\"{}\"}}", trouble.why.code()), 1.0);
                        tracing::warn!(inbox = %inbox.id, address = %inbox.address, %trouble, "an inbox is in trouble; trying again by itself");
                        health::bad(&db, &inbox, Side::In, trouble.to_string()).await;
                        if trouble.why == Why::Login {
                            oauth::forget(&db, inbox.id).await;
                        }
                        // A break after a good look is a new one.
                        if good.load(Ordering::Relaxed) {
                            breaks = 0;
                        }
                        breaks += 1;
                        if matches!(trouble.why, Why::Login | Why::Token) { LOGIN_WAIT_S.min(10u64 << breaks.min(6)) } else { (1u64 << breaks.min(6)).min(LONGEST_WAIT_S) }
                    }
                }
            }
        };
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(wait)) => {}
        }
    }
}

/// Renews the lease until it is lost.
async fn renew(db: &Db, inbox: InboxId) -> Trouble {
    let mut failures = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(lease_s(db) as u64 / 3)).await;
        match hold(db, inbox).await {
            Ok(Some(_)) => failures = 0,
            Ok(None) => return Trouble::new(Why::Inside, "another node has taken this mailbox over"),
            Err(problem) => {
                failures += 1;
                if failures >= 2 {
                    return problem.into();
                }
            }
        }
    }
}

async fn guarded(app: App, inbox: Inbox, held: Held, good: Arc<AtomicBool>) -> std::result::Result<u64, Trouble> {
    let task = tokio::spawn(async move { session(&app, &inbox, held, &good).await });
    let _stop = AbortOnDrop(task.abort_handle());
    match task.await {
        Ok(outcome) => outcome,
        Err(error) => Err(Trouble::new(Why::Protocol, format!("the session failed: {error}"))),
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);
impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One connection's life; seconds until the next. `good` tells that a look succeeded.
async fn session(app: &App, inbox: &Inbox, held: Held, good: &AtomicBool) -> std::result::Result<u64, Trouble> {
    let db = app.db();
    let incoming: &Incoming = inbox.incoming.as_ref().ok_or_else(|| Trouble::from(Problem::internal("no incoming side")))?;
    let password = oauth::secret(app, inbox, oauth::Login::Incoming).await?;
    if incoming.protocol == Protocol::Pop3 {
        let (pop, _) = pop3::open(incoming, &password, &app.config().allow_private_hosts).await?;
        let looked = fetch_pop::look(db, inbox, incoming, pop, &held).await?;
        count(app, looked);
        health::good(db, inbox, Side::In, None).await;
        return Ok(incoming.poll_seconds());
    }
    let (session, _) = imap::open(incoming, &password, &app.config().allow_private_hosts).await?;
    let mut mailbox = Mailbox::open(db, inbox, incoming, session, held).await?;
    tracing::info!(inbox = %inbox.id, address = %inbox.address, idle = mailbox.imap.idle, "an inbox is being read");
    loop {
        let looked = mailbox.look().await?;
        good.store(true, Ordering::Relaxed);
        let taken = looked.stored + looked.duplicates;
        count(app, looked);
        health::good(db, inbox, Side::In, mailbox.remark.clone()).await;
        if taken > 0 {
            // What came while these were fetched and flagged was told between the answers; IDLE would not tell it again.
            continue;
        }
        if mailbox.imap.idle {
            mailbox.imap.wait(IDLE_S).await?;
        } else {
            tokio::time::sleep(Duration::from_secs(incoming.poll_seconds())).await;
            mailbox.imap.command("NOOP").await?;
        }
    }
}

fn count(app: &App, looked: Looked) {
    if looked.stored > 0 {
        app.metrics().add("mail_fetched_total", looked.stored as f64);
    }
    if looked.duplicates > 0 {
        app.metrics().add("mail_duplicates_total", looked.duplicates as f64);
    }
}
