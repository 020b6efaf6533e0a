//! One look into a POP3 mailbox: mails are known by their UIDL; deletion, if wanted at all, only after the commit.

use std::collections::HashSet;

use shouwen_kernel::Time;
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
    let known: HashSet<String> = db.read(move |tx| Ok(tx.all::<(String,)>("SELECT uidl FROM mail_pop WHERE inbox_id = ?1", params![id])?.into_iter().map(|r| r.0).collect())).await?;
    let first = !known.contains(VISITED);
    if first && incoming.import_from == ImportFrom::Now {
        let uidls: Vec<String> = listed.iter().map(|l| l.uidl.clone()).filter(|u| !u.is_empty()).collect();
        note(db, inbox, held, uidls).await?;
        pop.quit().await?;
        return Ok(looked);
    }
    let delete = incoming.after_fetch == AfterFetch::Delete;
    for mail in &listed {
        if named && known.contains(&mail.uidl) {
            continue;
        }
        let bytes = match pop.fetch(mail.number).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(size)) => {
                tracing::warn!(inbox = %inbox.id, size, "a mail is too long to be fetched over POP3 and stays on the server");
                continue;
            }
            Err(trouble) if trouble.why == Why::Refusal => {
                tracing::warn!(inbox = %inbox.id, words = %trouble.words, "the server does not hand over a mail; the others go on");
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
        match commit(db, inbox, held, raw, named.then(|| mail.uidl.clone())).await? {
            Taken::Stored(_) => looked.stored += 1,
            Taken::Duplicate(_) => looked.duplicates += 1,
        }
        STORED.notify_one();
        if delete {
            pop.delete(mail.number).await?;
        }
    }
    if first {
        note(db, inbox, held, Vec::new()).await?;
    }
    pop.quit().await?;
    Ok(looked)
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
            tx.execute("INSERT INTO mail_pop (inbox_id, uidl, workspace_id, message_id, at) VALUES (?1, ?2, ?3, NULL, ?4) ON CONFLICT (inbox_id, uidl) DO NOTHING", params![id, uidl, workspace, tx.now()])?;
        }
        Ok(())
    })
    .await?;
    Ok(())
}

async fn commit(db: &Db, inbox: &Inbox, held: &Held, raw: RawMail, uidl: Option<String>) -> Result<Taken, Trouble> {
    let (id, workspace, held, services) = (inbox.id, inbox.workspace, held.clone(), db.clone());
    let ready = tokio::task::spawn_blocking(move || intake::prepare(&services.services().blobs, &raw)).await.map_err(|e| Trouble::new(Why::Inside, e.to_string()))??;
    let taken = db
        .write(move |tx| {
            tx.hold_lease(&held.name, held.lease)?;
            let taken = intake::store(tx, workspace, id, std::slice::from_ref(&ready), &Manner::default())?;
            let (Taken::Stored(message) | Taken::Duplicate(message)) = taken[0];
            if let Some(uidl) = &uidl {
                tx.execute(
                    "INSERT INTO mail_pop (inbox_id, uidl, workspace_id, message_id, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (inbox_id, uidl) DO NOTHING",
                    params![id, uidl, workspace, message, tx.now()],
                )?;
            }
            Ok(taken[0])
        })
        .await?;
    Ok(taken)
}
