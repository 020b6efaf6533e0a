//! One look into an IMAP mailbox. The order is the promise: bytes and row and cursor in one commit, only then a mark on
//! the server. A break at any point loses nothing and doubles nothing.

use std::sync::Arc;

use shouwen_kernel::{MessageId, Problem, Result, Time};
use shouwen_store::{Db, Lease, Tx, params};

use crate::imap::{self, Fetched, Folder, Imap};
use crate::inbox::Inbox;
use crate::intake::{self, Manner, Place, RawMail, Ready, STORED, Source, Taken};
use crate::settings::{AfterFetch, ImportFrom, Incoming};
use crate::trouble::{Trouble, Why};

/// Mails a round trip fetches, and the bytes it may bring (one larger mail comes alone).
const BATCH: usize = 50;
const BATCH_BYTES: u64 = 16 << 20;
/// A mail larger than this is not fetched; it stays on the server and is told of.
const MOST_BYTES: u32 = 300 << 20;
/// UIDs whose sizes are asked for at once.
const LOOK_AHEAD: usize = 500;

/// Where a mailbox has been read up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub folder: String,
    pub uidvalidity: u32,
    pub last_uid: u32,
    /// Up to here a first or repeated reading goes: mails before `since` are passed over.
    pub rescan_until: u32,
    /// UIDs changed their meaning: known mails may come again with other headers.
    pub rescan: bool,
    pub since: Option<Time>,
}

/// The lease under which a mailbox is read.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub name: String,
    pub lease: Lease,
}

/// What a look brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    pub stored: usize,
    pub duplicates: usize,
}

/// An opened mailbox with everything a look needs.
pub(crate) struct Mailbox<'a> {
    pub db: &'a Db,
    pub inbox: &'a Inbox,
    pub incoming: &'a Incoming,
    pub imap: Imap,
    pub held: Held,
    cursor: Cursor,
    /// Copies of known mails to be marked too; forgotten with the session.
    copies: Vec<u32>,
    /// The server refused to mark; told in the health.
    pub remark: Option<String>,
}

impl<'a> Mailbox<'a> {
    /// Opens the folder and finds (or begins) the cursor.
    pub async fn open(db: &'a Db, inbox: &'a Inbox, incoming: &'a Incoming, mut imap: Imap, held: Held) -> std::result::Result<Self, Trouble> {
        let folder = imap.open_folder(&incoming.folder, incoming.after_fetch == AfterFetch::Nothing).await?;
        let cursor = begin(db, inbox, incoming, &mut imap, folder).await?;
        Ok(Self { db, inbox, incoming, imap, held, cursor, copies: Vec::new(), remark: None })
    }

    /// Fetches everything new and marks it.
    pub async fn look(&mut self) -> std::result::Result<Looked, Trouble> {
        let mut looked = Looked::default();
        self.retry_unfetched(&mut looked).await?;
        for uids in self.new_uids().await?.chunks(LOOK_AHEAD) {
            self.take(uids, &mut looked).await?;
        }
        if self.cursor.last_uid < self.cursor.rescan_until {
            // The rest of the range is empty or too old: nothing is left of the first reading.
            self.cursor.last_uid = self.cursor.rescan_until;
            self.commit(Vec::new(), Vec::new()).await?;
        }
        self.mark().await?;
        Ok(looked)
    }

    async fn new_uids(&mut self) -> std::result::Result<Vec<u32>, Trouble> {
        let last = self.cursor.last_uid;
        let mut uids = Vec::new();
        if last < self.cursor.rescan_until {
            // A day earlier than asked for: SINCE knows no zones. The exact instant is looked at when the mail is there.
            let since = self.cursor.since.map(|at| format!(" SINCE {}", at.plus_seconds(-86_400).to_jiff().strftime("%-d-%b-%Y"))).unwrap_or_default();
            let range = format!("{}:{}", last + 1, self.cursor.rescan_until);
            uids.extend(self.imap.search(&format!("UID {range}{since}")).await?.into_iter().filter(|u| *u > last && *u <= self.cursor.rescan_until));
        }
        let from = last.max(self.cursor.rescan_until);
        // `n:*` gives the newest mail even when its UID is below n.
        uids.extend(self.imap.search(&format!("UID {}:*", u64::from(from) + 1)).await?.into_iter().filter(|u| *u > from));
        Ok(uids)
    }

    /// Fetches and stores `uids` (ascending) in batches of bounded size.
    async fn take(&mut self, uids: &[u32], looked: &mut Looked) -> std::result::Result<(), Trouble> {
        let (sizes, trouble) = self.imap.fetch(uids, "RFC822.SIZE INTERNALDATE").await;
        if let Some(trouble) = trouble.filter(|t| t.why != Why::Refusal) {
            return Err(trouble);
        }
        let size_of = |uid: u32| sizes.iter().find(|f| f.uid == uid).map_or(0, |f| f.size);
        let mut batch: Vec<u32> = Vec::new();
        let mut bytes = 0u64;
        for &uid in uids {
            let size = u64::from(size_of(uid));
            if !batch.is_empty() && (batch.len() >= BATCH || bytes + size > BATCH_BYTES) {
                self.take_batch(&std::mem::take(&mut batch), looked).await?;
                bytes = 0;
            }
            if size_of(uid) > MOST_BYTES {
                if !batch.is_empty() {
                    self.take_batch(&std::mem::take(&mut batch), looked).await?;
                    bytes = 0;
                }
                self.cursor.last_uid = uid;
                self.commit(Vec::new(), vec![(uid, format!("it has {size} bytes; at most {MOST_BYTES} are fetched"))]).await?;
                continue;
            }
            bytes += size;
            batch.push(uid);
        }
        if !batch.is_empty() {
            self.take_batch(&batch, looked).await?;
        }
        Ok(())
    }

    async fn take_batch(&mut self, uids: &[u32], looked: &mut Looked) -> std::result::Result<(), Trouble> {
        let (mut found, mut trouble) = self.imap.fetch(uids, "INTERNALDATE BODY.PEEK[]").await;
        let mut refused = Vec::new();
        if trouble.as_ref().is_none_or(|t| t.why == Why::Refusal) {
            trouble = None;
            let missing: Vec<u32> = uids.iter().copied().filter(|uid| !found.iter().any(|f| f.uid == *uid && f.body.is_some())).collect();
            found.retain(|f| f.body.is_some());
            for uid in missing {
                // One bad mail must not hold up the others: each gets a try of its own.
                match self.fetch_one(uid).await {
                    Ok(Some(mail)) => found.push(mail),
                    Ok(None) => {}
                    Err(t) if t.why == Why::Refusal => refused.push((uid, t.words)),
                    Err(t) => {
                        trouble = Some(t);
                        break;
                    }
                }
            }
            found.sort_by_key(|f| f.uid);
        }
        // After a break only what came in unbroken order counts; the rest is fetched again.
        let reached = match &trouble {
            None => uids.last().copied(),
            Some(_) => uids.iter().copied().take_while(|uid| found.iter().any(|f| f.uid == *uid && f.body.is_some()) || refused.iter().any(|r| r.0 == *uid)).last(),
        };
        if let Some(reached) = reached {
            found.retain(|f| f.uid <= reached);
            self.cursor.last_uid = self.cursor.last_uid.max(reached);
            let mails = found.into_iter().filter(|f| self.wanted(f)).filter_map(|f| self.raw(f)).collect();
            let taken = self.commit(mails, refused).await?;
            for (uid, taken) in taken {
                match taken {
                    Taken::Stored(_) => looked.stored += 1,
                    Taken::Duplicate(_) => {
                        looked.duplicates += 1;
                        self.copies.push(uid);
                    }
                }
            }
            STORED.notify_one();
            if trouble.is_none() {
                self.mark().await?;
            }
        }
        trouble.map_or(Ok(()), Err)
    }

    /// `None`: the mail is gone from the server.
    async fn fetch_one(&mut self, uid: u32) -> std::result::Result<Option<Fetched>, Trouble> {
        let (sizes, trouble) = self.imap.fetch(&[uid], "RFC822.SIZE").await;
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        if let Some(mail) = sizes.first().filter(|m| m.size > MOST_BYTES) {
            return Err(Trouble::new(Why::Refusal, format!("it has {} bytes; at most {MOST_BYTES} are fetched", mail.size)));
        }
        let (found, trouble) = self.imap.fetch(&[uid], "INTERNALDATE BODY.PEEK[]").await;
        match found.into_iter().find(|f| f.uid == uid) {
            Some(mail) if mail.body.is_some() => Ok(Some(mail)),
            Some(_) => Err(trouble.unwrap_or_else(|| Trouble::new(Why::Refusal, "the server gives no body"))),
            None => trouble.map_or(Ok(None), Err),
        }
    }

    /// Within a first reading, mails from before the agreed time are not ours.
    fn wanted(&self, mail: &Fetched) -> bool {
        mail.uid > self.cursor.rescan_until || self.cursor.since.is_none_or(|since| mail.date.is_none_or(|date| date >= since))
    }

    fn raw(&self, mail: Fetched) -> Option<RawMail> {
        let place = Some(Place { folder: self.cursor.folder.clone(), uidvalidity: self.cursor.uidvalidity, uid: mail.uid });
        Some(RawMail { bytes: mail.body?, source: Source::Imap, place, received_at: mail.date.or_else(|| Some(self.db.services().clock.now())) })
    }

    /// One transaction: rows, refusals, cursor; refused when another node has taken the mailbox over.
    async fn commit(&mut self, mails: Vec<RawMail>, refused: Vec<(u32, String)>) -> std::result::Result<Vec<(u32, Taken)>, Trouble> {
        let services = self.db.clone();
        let ready: Arc<Vec<Ready>> = Arc::new(
            tokio::task::spawn_blocking({
                let mails = mails.clone();
                move || intake::prepare_all(&services, &mails)
            })
            .await
            .map_err(|e| Trouble::new(Why::Inside, e.to_string()))??,
        );
        let uids: Vec<u32> = mails.iter().filter_map(|m| m.place.as_ref().map(|p| p.uid)).collect();
        let (inbox, workspace, held, cursor) = (self.inbox.id, self.inbox.workspace, self.held.clone(), self.cursor.clone());
        let manner = Manner { rescan: cursor.rescan && uids.first().is_some_and(|first| *first <= cursor.rescan_until), mark: self.incoming.after_fetch != AfterFetch::Nothing };
        let taken = self
            .db
            .write(move |tx| {
                tx.hold_lease(&held.name, held.lease)?;
                let taken = intake::store(tx, workspace, inbox, &ready, &manner)?;
                for (uid, error) in &refused {
                    note_unfetched(tx, workspace, inbox, &cursor, *uid, error)?;
                }
                save(tx, workspace, inbox, &cursor)?;
                Ok(taken)
            })
            .await?;
        Ok(uids.into_iter().zip(taken).collect())
    }

    /// Mails the server refused before are asked for again, ever more rarely.
    async fn retry_unfetched(&mut self, looked: &mut Looked) -> std::result::Result<(), Trouble> {
        let (inbox, cursor) = (self.inbox.id, self.cursor.clone());
        let due: Vec<(u32,)> = self
            .db
            .read(move |tx| {
                tx.all(
                    "SELECT uid FROM mail_unfetched WHERE inbox_id = ?1 AND folder = ?2 AND uidvalidity = ?3 AND next_at <= ?4 ORDER BY uid LIMIT 20",
                    params![inbox, cursor.folder, cursor.uidvalidity, tx.now()],
                )
            })
            .await?;
        for (uid,) in due {
            let (mails, refused) = match self.fetch_one(uid).await {
                Ok(Some(mail)) => (self.raw(mail).into_iter().collect(), Vec::new()),
                Ok(None) => (Vec::new(), Vec::new()),
                Err(t) if t.why == Why::Refusal => (Vec::new(), vec![(uid, t.words)]),
                Err(t) => return Err(t),
            };
            let again = !refused.is_empty();
            let taken = self.commit(mails, refused).await?;
            looked.stored += taken.iter().filter(|(_, t)| matches!(t, Taken::Stored(_))).count();
            if !again {
                let (inbox, cursor) = (self.inbox.id, self.cursor.clone());
                self.db
                    .write(move |tx| tx.execute("DELETE FROM mail_unfetched WHERE inbox_id = ?1 AND folder = ?2 AND uidvalidity = ?3 AND uid = ?4", params![inbox, cursor.folder, cursor.uidvalidity, uid]))
                    .await?;
            }
        }
        Ok(())
    }

    /// Does on the server what the inbox wants done with stored mails. A refusal is told and costs no mail.
    async fn mark(&mut self) -> std::result::Result<(), Trouble> {
        if self.incoming.after_fetch == AfterFetch::Nothing {
            return Ok(());
        }
        loop {
            let (inbox, cursor) = (self.inbox.id, self.cursor.clone());
            let rows: Vec<(MessageId, u32)> = self
                .db
                .read(move |tx| {
                    tx.all(
                        "SELECT id, uid FROM mail_message WHERE inbox_id = ?1 AND marking = 'pending' AND folder = ?2 AND uidvalidity = ?3 ORDER BY uid LIMIT 500",
                        params![inbox, cursor.folder, cursor.uidvalidity],
                    )
                })
                .await?;
            let mut uids: Vec<u32> = rows.iter().map(|r| r.1).chain(std::mem::take(&mut self.copies)).collect();
            uids.sort_unstable();
            uids.dedup();
            if uids.is_empty() {
                return Ok(());
            }
            let outcome = match self.incoming.after_fetch {
                AfterFetch::Move => self.move_away(&uids).await,
                _ => self.imap.command(&format!("UID STORE {} +FLAGS.SILENT (\\Seen)", imap::set_of(&uids))).await.map(|_| ()),
            };
            let state = match outcome {
                Ok(()) => "done",
                Err(trouble) if trouble.why == Why::Refusal => {
                    tracing::warn!(inbox = %self.inbox.id, words = %trouble.words, "the server refuses to mark fetched mails; they are stored all the same");
                    self.remark = Some(format!("mails are fetched, but the server refuses to mark them: {}", trouble.words));
                    "refused"
                }
                Err(trouble) => return Err(trouble),
            };
            let ids: Vec<MessageId> = rows.iter().map(|r| r.0).collect();
            self.db
                .write(move |tx| ids.iter().try_for_each(|id| tx.execute("UPDATE mail_message SET marking = ?2 WHERE id = ?1", params![id, state]).map(|_| ())))
                .await?;
        }
    }

    async fn move_away(&mut self, uids: &[u32]) -> std::result::Result<(), Trouble> {
        let set = imap::set_of(uids);
        let to = imap::quoted(self.incoming.move_to.as_deref().unwrap_or("INBOX"));
        if self.imap.can_move {
            return self.imap.command(&format!("UID MOVE {set} {to}")).await.map(|_| ());
        }
        self.imap.command(&format!("UID COPY {set} {to}")).await?;
        self.imap.command(&format!("UID STORE {set} +FLAGS.SILENT (\\Deleted \\Seen)")).await?;
        // Without UIDPLUS an EXPUNGE would also remove what a person marked; then the mark must do.
        if self.imap.uid_plus {
            self.imap.command(&format!("UID EXPUNGE {set}")).await?;
        }
        Ok(())
    }
}

async fn begin(db: &Db, inbox: &Inbox, incoming: &Incoming, imap: &mut Imap, folder: Folder) -> std::result::Result<Cursor, Trouble> {
    let (id, name) = (inbox.id, incoming.folder.clone());
    let known: Option<(u32, u32, u32, bool, Option<Time>)> =
        db.read(move |tx| tx.opt("SELECT uidvalidity, last_uid, rescan_until, rescan, since FROM mail_cursor WHERE inbox_id = ?1 AND folder = ?2", params![id, name])).await?;
    if let Some((uidvalidity, last_uid, rescan_until, rescan, since)) = known
        && uidvalidity == folder.uidvalidity
    {
        return Ok(Cursor { folder: incoming.folder.clone(), uidvalidity, last_uid, rescan_until, rescan, since });
    }
    let newest = match folder.uid_next {
        Some(next) => next.saturating_sub(1),
        None => imap.search("ALL").await?.last().copied().unwrap_or(0),
    };
    let cursor = match known {
        Some((before, _, _, _, since)) => {
            tracing::warn!(inbox = %inbox.id, before, now = folder.uidvalidity, "the mailbox was rebuilt on its server (UIDVALIDITY changed); reading it anew, known mails are recognised");
            Cursor { folder: incoming.folder.clone(), uidvalidity: folder.uidvalidity, last_uid: 0, rescan_until: newest, rescan: true, since }
        }
        None => {
            let (last_uid, since) = match incoming.import_from {
                // "Now" is when the inbox was set up, not when its server could first be reached: what comes in between
                // is read too. Servers tell dates in whole seconds.
                ImportFrom::Now => (0, Some(Time::from_seconds(inbox.created_at.seconds()))),
                ImportFrom::All => (0, None),
                ImportFrom::Date => (0, incoming.import_since),
            };
            Cursor { folder: incoming.folder.clone(), uidvalidity: folder.uidvalidity, last_uid, rescan_until: newest, rescan: false, since }
        }
    };
    let (workspace, row) = (inbox.workspace, cursor.clone());
    db.write(move |tx| save(tx, workspace, id, &row)).await?;
    Ok(cursor)
}

fn save(tx: &Tx<'_>, workspace: shouwen_kernel::WorkspaceId, inbox: shouwen_kernel::InboxId, c: &Cursor) -> Result<(), Problem> {
    tx.run(
        "INSERT INTO mail_cursor (inbox_id, folder, workspace_id, uidvalidity, last_uid, rescan_until, rescan, since, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (inbox_id, folder) DO UPDATE SET uidvalidity = ?4, last_uid = ?5, rescan_until = ?6, rescan = ?7, since = ?8, updated_at = ?9",
        params![inbox, c.folder, workspace, c.uidvalidity, c.last_uid, c.rescan_until, c.rescan, c.since, tx.now()],
    )?;
    Ok(())
}

fn note_unfetched(tx: &Tx<'_>, workspace: shouwen_kernel::WorkspaceId, inbox: shouwen_kernel::InboxId, c: &Cursor, uid: u32, error: &str) -> Result<(), Problem> {
    let key = params![inbox, c.folder, c.uidvalidity, uid];
    let before: Option<(i64,)> = tx.opt("SELECT attempts FROM mail_unfetched WHERE inbox_id = ?1 AND folder = ?2 AND uidvalidity = ?3 AND uid = ?4", key)?;
    let attempts = before.map_or(1, |row| row.0 + 1);
    // A minute, then ever longer, at most six hours.
    let next_at = tx.now().plus_seconds(60 * (attempts * attempts).min(360));
    tx.run(
        "INSERT INTO mail_unfetched (inbox_id, folder, uidvalidity, uid, workspace_id, attempts, next_at, error) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (inbox_id, folder, uidvalidity, uid) DO UPDATE SET attempts = ?6, next_at = ?7, error = ?8",
        params![inbox, c.folder, c.uidvalidity, uid, workspace, attempts, next_at, error],
    )?;
    tracing::warn!(%inbox, uid, error, "the server does not hand over a mail; the others go on, this one is tried again");
    Ok(())
}
