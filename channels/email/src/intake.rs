//! Taking a mail in: its bytes and a row, committed, before anything is done on the server it came from. Understanding
//! it comes later ([`crate::understand`]). The same bytes twice in one inbox are one mail, whatever way they came.

use std::collections::{HashMap, HashSet};

use shouwen_kernel::{InboxId, MessageId, Problem, Result, Time, WorkspaceId};
use shouwen_store::{Blobs, Db, Prepared, Tx, Value, params};
use tokio::sync::Notify;

/// Rings when mails were stored in this process.
pub(crate) static STORED: Notify = Notify::const_new();

/// Way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Imap,
    Pop3,
    /// A file of old mail: keeps its dates, asks for no automatic answers.
    Import,
}

impl Source {
    /// As in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Import => "import",
        }
    }
}

/// Where an IMAP mail lies on its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub folder: String,
    pub uidvalidity: u32,
    pub uid: u32,
}

/// A mail as it came.
#[derive(Clone, Debug)]
pub struct RawMail {
    pub bytes: Vec<u8>,
    pub source: Source,
    pub place: Option<Place>,
    /// When it reached the mailbox; `None`: its own headers tell.
    pub received_at: Option<Time>,
}

/// A mail ready to be stored: hashed, large bytes already durable.
#[derive(Clone, Debug)]
pub struct Ready {
    pub(crate) raw: Prepared,
    pub(crate) bytes_key: String,
    pub(crate) same_key: String,
    source: Source,
    place: Option<Place>,
    received_at: Option<Time>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A new mail.
    Stored(MessageId),
    /// The very bytes are there already.
    Duplicate(MessageId),
}

/// How a batch is stored.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// After a change of UIDVALIDITY every mail is seen again, and some servers rewrite headers when they move a mailbox:
    /// then Message-ID, Date, From and body together also tell a known mail.
    pub rescan: bool,
    /// The mark on the server is still to be set.
    pub mark: bool,
}

/// Hashes, and makes large bytes durable. Blocking; call outside transactions.
pub fn prepare(blobs: &Blobs, mail: &RawMail) -> Result<Ready> {
    Ok(Ready {
        raw: blobs.prepare(&mail.bytes)?,
        bytes_key: bytes_key(&mail.bytes),
        same_key: same_key(&mail.bytes),
        source: mail.source,
        place: mail.place.clone(),
        received_at: mail.received_at,
    })
}

/// Stores a batch in the order given.
pub fn store(tx: &Tx<'_>, workspace: WorkspaceId, inbox: InboxId, batch: &[Ready], manner: &Manner) -> Result<Vec<Taken>> {
    if manner.rescan {
        return batch.iter().map(|mail| store_one(tx, workspace, inbox, mail, manner)).collect();
    }
    // All at once; what did not go in is looked at one by one.
    let (ids, rows): (Vec<MessageId>, Vec<Vec<Value>>) = batch.iter().map(|mail| row(tx, workspace, inbox, mail, manner)).unzip();
    rows.iter().try_for_each(|row| tx.run(INSERT, row))?;
    let new = which_are_here(tx, &ids)?;
    let mut taken = Vec::with_capacity(batch.len());
    for (mail, id) in batch.iter().zip(ids) {
        taken.push(if new.contains(&id) {
            tx.save_blob(&mail.raw)?;
            Taken::Stored(id)
        } else {
            known_or_elsewhere(tx, workspace, inbox, mail)?
        });
    }
    Ok(taken)
}

/// Those of the ids that have a row.
pub(crate) fn which_are_here(tx: &Tx<'_>, ids: &[MessageId]) -> Result<HashSet<MessageId>> {
    let runs: Vec<Vec<Value>> = ids.iter().map(|id| params![id].to_vec()).collect();
    Ok(tx.all_each::<(MessageId,)>("SELECT id FROM mail_message WHERE id = ?1", &runs)?.into_iter().flatten().map(|(id,)| id).collect())
}

/// The mails of an inbox that have these very bytes, by their keys.
pub(crate) fn known_bytes(tx: &Tx<'_>, inbox: InboxId, mails: &[&Ready]) -> Result<HashMap<String, MessageId>> {
    let runs: Vec<Vec<Value>> = mails.iter().map(|mail| params![inbox, mail.bytes_key].to_vec()).collect();
    Ok(tx.all_each("SELECT bytes_key, id FROM mail_message WHERE inbox_id = ?1 AND bytes_key = ?2", &runs)?.into_iter().flatten().collect())
}

const INSERT: &str = "INSERT INTO mail_message (id, workspace_id, inbox_id, source, folder, uidvalidity, uid, raw, size, bytes_key, same_key, received_at, taken_at, state, marking)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 'stored', ?14) ON CONFLICT DO NOTHING";

/// A mail as a row, under a new id.
fn row(tx: &Tx<'_>, workspace: WorkspaceId, inbox: InboxId, mail: &Ready, manner: &Manner) -> (MessageId, Vec<Value>) {
    let id: MessageId = tx.id();
    let (folder, uidvalidity, uid) = match &mail.place {
        Some(p) => (Some(p.folder.as_str()), Some(p.uidvalidity), Some(p.uid)),
        None => (None, None, None),
    };
    let marking = if manner.mark && uid.is_some() { "pending" } else { "none" };
    let row = params![id, workspace, inbox, mail.source.name(), folder, uidvalidity, uid, mail.raw.sha256, mail.raw.size, mail.bytes_key, mail.same_key, mail.received_at, tx.now(), marking];
    (id, row.to_vec())
}

fn store_one(tx: &Tx<'_>, workspace: WorkspaceId, inbox: InboxId, mail: &Ready, manner: &Manner) -> Result<Taken> {
    if manner.rescan
        && let Some((known,)) = tx.opt::<(MessageId,)>("SELECT id FROM mail_message WHERE inbox_id = ?1 AND same_key = ?2 LIMIT 1", params![inbox, mail.same_key])?
    {
        return seen_again(tx, known);
    }
    let (id, row) = row(tx, workspace, inbox, mail, manner);
    if tx.execute(INSERT, &row)? > 0 {
        tx.save_blob(&mail.raw)?;
        return Ok(Taken::Stored(id));
    }
    known_or_elsewhere(tx, workspace, inbox, mail)
}

/// A mail whose row would not go in: its very bytes are there, or others under its place.
fn known_or_elsewhere(tx: &Tx<'_>, workspace: WorkspaceId, inbox: InboxId, mail: &Ready) -> Result<Taken> {
    let known: Option<(MessageId,)> = tx.opt("SELECT id FROM mail_message WHERE inbox_id = ?1 AND bytes_key = ?2", params![inbox, mail.bytes_key])?;
    if let Some((known,)) = known {
        return seen_again(tx, known);
    }
    // Other bytes under a UID that we have: the server broke its promise. The mail counts, the place does not.
    tracing::warn!(%inbox, place = ?mail.place, "the server gives other bytes for a UID it gave before; taken in as a new mail");
    let elsewhere = Ready { place: None, ..mail.clone() };
    store_one(tx, workspace, inbox, &elsewhere, &Manner { rescan: false, mark: false })
}

pub(crate) fn seen_again(tx: &Tx<'_>, known: MessageId) -> Result<Taken> {
    tx.run("UPDATE mail_message SET copies = copies + 1 WHERE id = ?1", params![known])?;
    Ok(Taken::Duplicate(known))
}

/// Takes mails into an inbox; durable when it answers. For programs without a server connection (import, measurements).
pub async fn intake(db: &Db, inbox: InboxId, mails: Vec<RawMail>) -> Result<Vec<Taken>> {
    let ready = prepare_all(db, &mails)?;
    let taken = db.write(move |tx| store(tx, workspace_of(tx, inbox)?, inbox, &ready, &Manner::default())).await?;
    STORED.notify_one();
    Ok(taken)
}

/// [`intake`] without a runtime.
pub fn intake_blocking(db: &Db, inbox: InboxId, mails: &[RawMail]) -> Result<Vec<Taken>> {
    let ready = prepare_all(db, mails)?;
    let taken = db.write_blocking(move |tx| store(tx, workspace_of(tx, inbox)?, inbox, &ready, &Manner::default()))?;
    STORED.notify_one();
    Ok(taken)
}

/// [`prepare`] for a batch.
pub fn prepare_all(db: &Db, mails: &[RawMail]) -> Result<Vec<Ready>> {
    mails.iter().map(|mail| prepare(&db.services().blobs, mail)).collect()
}

fn workspace_of(tx: &Tx<'_>, inbox: InboxId) -> Result<WorkspaceId> {
    tx.opt::<(WorkspaceId,)>("SELECT workspace_id FROM mail_inbox WHERE id = ?1", params![inbox])?.map(|row| row.0).ok_or_else(|| Problem::not_found("inbox"))
}

/// SHA-256 of the bytes with line ends as `\n` and none at the end: a mailbox file and a server give the same mail with
/// different line ends.
fn bytes_key(raw: &[u8]) -> String {
    shouwen_crypt::sha256_hex(&plain_ends(raw))
}

fn plain_ends(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.iter().position(|b| *b == b'\r') {
        out.extend_from_slice(&rest[..at]);
        if rest.get(at + 1) != Some(&b'\n') {
            out.push(b'\r');
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    while out.last() == Some(&b'\n') {
        out.pop();
    }
    out
}

/// SHA-256 of Message-ID, Date, From and the body.
fn same_key(raw: &[u8]) -> String {
    let data = plain_ends(raw);
    let split = data.windows(2).position(|w| w == b"\n\n").unwrap_or(data.len());
    let (head, body) = data.split_at(split);
    let mut basis = Vec::with_capacity(body.len() + 256);
    for wanted in ["message-id", "date", "from"] {
        let mut inside = false;
        for line in head.split(|b| *b == b'\n') {
            let folded = line.first().is_some_and(|b| matches!(b, b' ' | b'\t'));
            if !folded {
                inside = line.get(..wanted.len()).is_some_and(|name| name.eq_ignore_ascii_case(wanted.as_bytes())) && line.get(wanted.len()) == Some(&b':');
            }
            if inside {
                basis.extend(line.iter().filter(|b| !b.is_ascii_whitespace()));
            }
        }
        basis.push(0);
    }
    basis.extend_from_slice(body);
    shouwen_crypt::sha256_hex(&basis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_make_no_other_mail_but_any_other_byte_does() {
        assert_eq!(bytes_key(b"A: b\r\n\r\nx\r\n"), bytes_key(b"A: b\n\nx"));
        assert_ne!(bytes_key(b"A: b\n\nx"), bytes_key(b"A: b\n\ny"));
        assert_ne!(bytes_key(b"a\rb"), bytes_key(b"a\nb"));
    }

    #[test]
    fn a_moved_mailbox_that_rewrote_headers_still_shows_the_same_mail() {
        let before = b"Received: a\r\nMessage-ID: <1@x>\r\nDate: d\r\nFrom: z\r\n li\r\nSubject: s\r\n\r\nbody\r\n";
        let after = b"X-Moved: yes\nFrom: z\n li\nDate: d\nMessage-ID: <1@x>\nSubject: s\n\nbody";
        assert_eq!(same_key(before), same_key(after));
        assert_ne!(same_key(before), same_key(b"Message-ID: <1@x>\nDate: d\nFrom: z\n li\n\nother"));
    }
}
