//! Old mail taken in from a file: read, understood and stored in one transaction a batch, because the file itself keeps
//! what is not stored yet. Where that fails, each mail goes the usual way: stored first, then understood, alone if need be.

use std::collections::{HashMap, HashSet};

use shouwen_kernel::{InboxId, MessageId, Problem, Result, WorkspaceId};
use shouwen_mail::Limits;
use shouwen_store::{Db, Tx, Value, params};

use crate::inbox::{self, Inbox};
use crate::intake::{self, RawMail, Ready, Taken};
use crate::understand::{self, Batch, Outcome, Waiting};
use crate::{limits, received};

/// What became of a mail of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its very bytes are there already.
    Duplicate,
    /// It became a message.
    Understood,
    /// A copy of what this inbox itself sent.
    Own,
    /// It waits in quarantine.
    Quarantined(MessageId, String),
}

/// Takes a batch in; durable when it answers. What became of each, in order.
pub(crate) fn take_in(db: &Db, inbox: InboxId, mails: Vec<RawMail>) -> Result<Vec<Fate>> {
    let ready = intake::prepare_all(db, &mails)?;
    let (found, limits, known) = db.read_blocking({
        let ready = ready.clone();
        move |tx| Ok((inbox::find(tx, inbox)?, limits::limits(tx)?, intake::known_bytes(tx, inbox, &ready.iter().collect::<Vec<_>>())?))
    })?;
    let found = found.ok_or_else(|| Problem::not_found("inbox"))?;
    let (batch, places) = batch(db, &found, limits, mails, &ready, &known);
    let outcomes = understand::understand_all(db.services(), &batch);
    let work = Work { workspace: found.workspace, inbox, ready, places, batch: batch.mails, outcomes };
    db.write_blocking(move |tx| work.store(tx))
}

/// Those whose bytes are new, each once, as if they had been stored already; and for each of them its place in the batch.
fn batch(db: &Db, inbox: &Inbox, limits: Limits, mails: Vec<RawMail>, ready: &[Ready], known: &HashMap<String, MessageId>) -> (Batch, Vec<usize>) {
    let now = db.services().clock.now();
    let (mut waiting, mut places, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for (place, (mail, ready)) in mails.into_iter().zip(ready).enumerate() {
        if known.contains_key(&ready.bytes_key) || !seen.insert(ready.bytes_key.clone()) {
            continue;
        }
        places.push(place);
        waiting.push(Waiting {
            id: MessageId(db.services().ids.uuid(now)),
            workspace: inbox.workspace,
            inbox_id: inbox.id,
            raw_sha: ready.raw.sha256.clone(),
            received_at: mail.received_at,
            taken_at: now,
            import: true,
            attempts: 0,
            bytes: Ok(mail.bytes),
        });
    }
    (Batch { mails: waiting, inboxes: HashMap::from([(inbox.id, inbox.clone())]), limits }, places)
}

struct Work {
    workspace: WorkspaceId,
    inbox: InboxId,
    ready: Vec<Ready>,
    /// Where in `ready` each of `batch` stands.
    places: Vec<usize>,
    batch: Vec<Waiting>,
    outcomes: Vec<Outcome>,
}

const INSERT: &str = "INSERT INTO mail_message (id, workspace_id, inbox_id, source, raw, size, bytes_key, same_key, received_at, taken_at, state, reason, attempts, wire_id, marking)
         VALUES (?1, ?2, ?3, 'import', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1, ?12, 'none') ON CONFLICT DO NOTHING";

impl Work {
    fn store(&self, tx: &Tx<'_>) -> Result<Vec<Fate>> {
        let mut fates = vec![Fate::Duplicate; self.ready.len()];
        // Somebody may have been quicker since the batch was looked at.
        let known = intake::known_bytes(tx, self.inbox, &self.ready.iter().collect::<Vec<_>>())?;
        understand::ask_for_wire_ids(tx, &self.batch, &self.outcomes)?;
        let mut stored: Vec<MessageId> = Vec::new();
        for ((waiting, outcome), place) in self.batch.iter().zip(&self.outcomes).zip(&self.places) {
            let ready = &self.ready[*place];
            if known.contains_key(&ready.bytes_key) {
                continue;
            }
            fates[*place] = self.store_one(tx, waiting, outcome, ready)?;
            stored.push(waiting.id);
        }
        let again = self.ready.iter().enumerate().filter(|(place, _)| fates[*place] == Fate::Duplicate);
        let again: Vec<&Ready> = again.map(|(_, ready)| ready).collect();
        if !again.is_empty() {
            let known = intake::known_bytes(tx, self.inbox, &again)?;
            again.iter().filter_map(|ready| known.get(&ready.bytes_key)).try_for_each(|id| intake::seen_again(tx, *id).map(|_: Taken| ()))?;
        }
        // Another node was quicker with the same bytes in this very moment: the batch is looked at anew.
        let here = intake::which_are_here(tx, &stored)?;
        if stored.iter().any(|id| !here.contains(id)) {
            return Err(Problem::new(shouwen_kernel::Kind::Unavailable, "store.retry", "the same mail was stored by somebody else at the same moment"));
        }
        Ok(fates)
    }

    fn store_one(&self, tx: &Tx<'_>, waiting: &Waiting, outcome: &Outcome, ready: &Ready) -> Result<Fate> {
        let row = |state: &str, reason: Option<&str>, wire_id: Option<&str>| -> Result<()> {
            let values: Vec<Value> =
                params![waiting.id, self.workspace, self.inbox, ready.raw.sha256, ready.raw.size, ready.bytes_key, ready.same_key, waiting.received_at, waiting.taken_at, state, reason, wire_id].to_vec();
            tx.run(INSERT, &values)?;
            tx.save_blob(&ready.raw)
        };
        match outcome {
            Outcome::Quarantined(reason) => {
                let reason = understand::plain_reason(reason);
                row("quarantined", Some(&reason), None)?;
                understand::tell_quarantined(tx, waiting, reason.clone())?;
                Ok(Fate::Quarantined(waiting.id, reason))
            }
            Outcome::Understood(mail) => {
                let verdict = received::judge(tx, waiting, mail)?;
                let wire_id = mail.event.wire_id.as_deref();
                row(verdict.state, verdict.note.as_deref(), wire_id)?;
                if let Some(wire_id) = wire_id {
                    received::now_known(tx, waiting, wire_id)?;
                }
                let fate = if verdict.state == "own" { Fate::Own } else { Fate::Understood };
                received::tell(tx, waiting, mail, verdict)?;
                Ok(fate)
            }
        }
    }
}
