//! One look into a POP3 mailbox: mails are known by their UIDL; deletion, if wanted at all, only after the commit.

use std::collections::HashMap;

use shouwen_kernel::{MessageId, Time};
use shouwen_store::{Db, params};

use crate::fetch::{Held, Looked};
use crate::inbox::Inbox;
use crate::intake::{self, Manner, RawMail, STORED, Source, Taken};
use crate::pop3::{Listed, Pop3};
use crate::settings::{AfterFetch, ImportFrom, Incoming};
use crate::trouble::{Trouble, Why};

/// UIDL under which the first visit is noted.
const VISITED: &str = "\u{1}visited";

/// Fetches everything new over an open session and ends it.
pub(crate) async fn look(db: &Db, inbox: &Inbox, incoming: &Incoming, mut pop: Pop3, held: &Held) -> Result<Looked, Trouble> {
    let mut looked = Looked::default();
    let (listed, named) = match pop.list().await? {
        Some(list) => (list, true),
        // Without UIDL every mail is fetched every time; its bytes tell whether it is known.
        None => ((1..=pop.count().await?).map(|number| Listed { number, uidl: String::new() }).collect(), false),
    };
    let id = inbox.id;
    // With the message that is still to be deleted on the server.
    let known: HashMap<String, Option<MessageId>> = db
        .read(move |tx| {
            let sql = "SELECT p.uidl, m.id FROM mail_pop AS p LEFT JOIN mail_message AS m ON m.id = p.message_id AND m.marking = 'pending' WHERE p.inbox_id = ?1";
            Ok(tx.all::<(String, Option<MessageId>)>(sql, params![id])?.into_iter().collect())
        })
        .await?;
    let mut deleted: Vec<MessageId> = Vec::new();
    let first = !known.contains_key(VISITED);
    if first && incoming.import_from == ImportFrom::Now {
        let uidls: Vec<String> = listed.iter().map(|l| l.uidl.clone()).filter(|u| !u.is_empty()).collect();
        note(db, inbox, held, uidls).await?;
        pop.quit().await?;
        return Ok(looked);
    }
    let delete = incoming.after_fetch == AfterFetch::Delete;
    for mail in &listed {
        if let Some(pending) = known.get(&mail.uidl).filter(|_| named) {
            // A session that broke before its QUIT deleted nothing: what it stored is still to be deleted.
            if let Some(message) = pending.filter(|_| delete) {
                pop.delete(mail.number).await?;
                deleted.push(message);
            }
            continue;
        }
        let bytes = match pop.fetch(mail.number).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(size)) => {
                left_there(db, inbox, held, &mail.uidl, format!("it has {size} bytes and stays on the server")).await?;
                // Not again and again.
                if named {
                    note(db, inbox, held, vec![mail.uidl.clone()]).await?;
                }
                continue;
            }
            Err(trouble) if trouble.why == Why::Refusal => {
                left_there(db, inbox, held, &mail.uidl, trouble.words).await?;
                continue;
            }
            Err(trouble) => return Err(trouble),
        };
        if first && incoming.import_from == ImportFrom::Date && is_older(&bytes, incoming.import_since) {
            note(db, inbox, held, vec![mail.uidl.clone()]).await?;
            continue;
        }
        // What was there before us has its own dates; what comes later came now.
        let received_at = (!first).then(|| db.services().clock.now());
        let raw = RawMail { bytes, source: Source::Pop3, place: None, received_at };
        let message = match commit(db, inbox, held, raw, named.then(|| mail.uidl.clone()), delete).await? {
            Taken::Stored(message) => {
                looked.stored += 1;
                message
            }
            Taken::Duplicate(message) => {
                looked.duplicates += 1;
                message
            }
        };
        STORED.notify_one();
        if delete {
            pop.delete(mail.number).await?;
            deleted.push(message);
        }
    }
    if first {
        note(db, inbox, held, Vec::new()).await?;
    }
    // Only now the server deletes.
    pop.quit().await?;
    if !deleted.is_empty() {
        db.write(move |tx| deleted.iter().try_for_each(|message| tx.execute("UPDATE mail_message SET marking = 'done' WHERE id = ?1", params![message]).map(|_| ()))).await?;
    }
    Ok(looked)
}

/// A number for a UIDL, for the table of mails a server does not hand over.
fn number_of(uidl: &str) -> u32 {
    let digest = shouwen_crypt::sha256(uidl.as_bytes());
    u32::from_be_bytes([digest[0] & 0x7f, digest[1], digest[2], digest[3]])
}

/// The folder under which such mails are noted.
const POP_FOLDER: &str = "POP3";

/// Notes a mail that stays on the server, where the doctor shows it; the others go on.
async fn left_there(db: &Db, inbox: &Inbox, held: &Held, uidl: &str, why: String) -> Result<(), Trouble> {
    tracing::warn!(inbox = %inbox.id, why, "the server does not hand over a mail; the others go on");
    let (id, workspace, held, number) = (inbox.id, inbox.workspace, held.clone(), number_of(uidl));
    db.write(move |tx| {
        tx.hold_lease(&held.name, held.lease)?;
        tx.execute(
            "INSERT INTO mail_unfetched (inbox_id, folder, uidvalidity, uid, workspace_id, attempts, next_at, error) VALUES (?1, ?2, 0, ?3, ?4, 1, ?5, ?6)
             ON CONFLICT (inbox_id, folder, uidvalidity, uid) DO UPDATE SET attempts = mail_unfetched.attempts + 1, error = ?6",
            params![id, POP_FOLDER, number, workspace, tx.now(), why],
        )
    })
    .await?;
    Ok(())
}

fn is_older(bytes: &[u8], since: Option<Time>) -> bool {
    let head = &bytes[..bytes.len().min(64 << 10)];
    let at = match shouwen_mail::parse(head, &shouwen_mail::Limits::default()) {
        shouwen_mail::Parsed::Message(m) => m.mail.date.parse::<Time>().ok(),
        shouwen_mail::Parsed::Quarantined(_) => None,
    };
    matches!((at, since), (Some(at), Some(since)) if at < since)
}

/// Remembers names of mails that are not taken in, and that the mailbox has been visited.
async fn note(db: &Db, inbox: &Inbox, held: &Held, uidls: Vec<String>) -> Result<(), Trouble> {
    let (id, workspace, held) = (inbox.id, inbox.workspace, held.clone());
    db.write(move |tx| {
        tx.hold_lease(&held.name, held.lease)?;
        for uidl in uidls.iter().map(String::as_str).chain([VISITED]) {
            tx.run("INSERT INTO mail_pop (inbox_id, uidl, workspace_id, message_id, at) VALUES (?1, ?2, ?3, NULL, ?4) ON CONFLICT (inbox_id, uidl) DO NOTHING", params![id, uidl, workspace, tx.now()])?;
        }
        Ok(())
    })
    .await?;
    Ok(())
}

async fn commit(db: &Db, inbox: &Inbox, held: &Held, raw: RawMail, uidl: Option<String>, delete: bool) -> Result<Taken, Trouble> {
    let (id, workspace, held, services) = (inbox.id, inbox.workspace, held.clone(), db.clone());
    let ready = tokio::task::spawn_blocking(move || intake::prepare(&services.services().blobs, &raw)).await.map_err(|e| Trouble::new(Why::Inside, e.to_string()))??;
    let taken = db
        .write(move |tx| {
            tx.hold_lease(&held.name, held.lease)?;
            let taken = intake::store(tx, workspace, id, std::slice::from_ref(&ready), &Manner::default())?;
            let (Taken::Stored(message) | Taken::Duplicate(message)) = taken[0];
            if delete {
                tx.run("UPDATE mail_message SET marking = 'pending' WHERE id = ?1", params![message])?;
            }
            if let Some(uidl) = &uidl {
                tx.run(
                    "INSERT INTO mail_pop (inbox_id, uidl, workspace_id, message_id, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (inbox_id, uidl) DO NOTHING",
                    params![id, uidl, workspace, message, tx.now()],
                )?;
                tx.run("DELETE FROM mail_unfetched WHERE inbox_id = ?1 AND folder = ?2 AND uidvalidity = 0 AND uid = ?3", params![id, POP_FOLDER, number_of(uidl)])?;
            }
            Ok(taken[0])
        })
        .await?;
    Ok(taken)
}
