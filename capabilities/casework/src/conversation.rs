//! Conversations and who takes part in them.

use shouwen_contracts::message::Party;
use shouwen_kernel::{CaseId, ConversationId, CustomerId, InboxId, ObjectId, Result, Time, WorkspaceId};
use shouwen_store::{FromRow, Row, Tx, Value, params};

/// A thread of messages with one customer on one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    pub id: ConversationId,
    pub workspace: WorkspaceId,
    pub case_id: CaseId,
    pub channel: String,
    pub inbox_id: Option<InboxId>,
    pub subject: String,
    /// Where it goes on: a late answer opened a new case, or a part was split off.
    pub continued_in: Option<ConversationId>,
    pub created_at: Time,
}

const COLUMNS: &str = "id, workspace_id, case_id, channel, inbox_id, subject, continued_in, created_at";

impl FromRow for Conversation {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            workspace: row.get(1)?,
            case_id: row.get(2)?,
            channel: row.get(3)?,
            inbox_id: row.get(4)?,
            subject: row.get(5)?,
            continued_in: row.get(6)?,
            created_at: row.get(7)?,
        })
    }
}

impl Conversation {
    /// The conversation of that id in this workspace.
    pub fn load(tx: &Tx<'_>, workspace: WorkspaceId, id: ConversationId) -> Result<Option<Self>> {
        tx.opt(&format!("SELECT {COLUMNS} FROM case_conversation WHERE id = ?1 AND workspace_id = ?2"), params![id, workspace])
    }

    /// The conversations of a case, oldest first.
    pub fn of_case(tx: &Tx<'_>, case: CaseId) -> Result<Vec<Self>> {
        tx.all(&format!("SELECT {COLUMNS} FROM case_conversation WHERE case_id = ?1 ORDER BY id LIMIT 200"), params![case])
    }

    /// Writes it.
    pub fn insert(&self, tx: &Tx<'_>) -> Result<()> {
        tx.run(
            &format!("INSERT INTO case_conversation ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
            params![self.id, self.workspace, self.case_id, self.channel, self.inbox_id, self.subject, self.continued_in, self.created_at],
        )?;
        Ok(())
    }
}

/// Somebody who takes part in a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Participant {
    pub id: ObjectId,
    pub conversation_id: ConversationId,
    pub name: String,
    /// Sealed.
    pub address: String,
    pub address_index: String,
    /// Sealed; where they want answers, when that is another address.
    pub reply_to: Option<String>,
    pub customer_id: Option<CustomerId>,
    /// `customer` or `cc`.
    pub role: String,
    /// Not verified: wrote into the thread without having been part of it; shown nothing of the history.
    pub verified: bool,
}

impl FromRow for Participant {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            conversation_id: row.get(1)?,
            name: row.get(2)?,
            address: row.get(3)?,
            address_index: row.get(4)?,
            reply_to: row.get(5)?,
            customer_id: row.get(6)?,
            role: row.get(7)?,
            verified: row.get(8)?,
        })
    }
}

impl Participant {
    /// As the correspondent of a message.
    pub fn party(&self) -> Party {
        Party { name: self.name.clone(), address: self.address.clone(), index: self.address_index.clone() }
    }
}

const PARTICIPANT: &str = "SELECT id, conversation_id, name, address, address_index, reply_to, customer_id, role, verified FROM case_participant";

/// Everybody in a conversation, in the order they joined.
pub fn participants(tx: &Tx<'_>, conversation: ConversationId) -> Result<Vec<Participant>> {
    let mut found: Vec<Participant> = tx.all(&format!("{PARTICIPANT} WHERE conversation_id = ?1 LIMIT 500"), params![conversation])?;
    found.sort_by_key(|p| p.id);
    Ok(found)
}

/// The participant with that address.
pub fn participant(tx: &Tx<'_>, conversation: ConversationId, index: &str) -> Result<Option<Participant>> {
    tx.opt(&format!("{PARTICIPANT} WHERE conversation_id = ?1 AND address_index = ?2"), params![conversation, index])
}

/// Lets somebody join; who is there already stays as they are.
pub fn join(tx: &Tx<'_>, workspace: WorkspaceId, conversation: ConversationId, party: &Party, reply_to: Option<&Party>, customer: Option<CustomerId>, role: &str, verified: bool) -> Result<bool> {
    let row = participant_row(tx, workspace, conversation, party, reply_to, customer, role, verified);
    Ok(tx.execute(JOIN, &row)? > 0)
}

/// [`join`] for who need not know whether they were there already.
pub fn let_join(tx: &Tx<'_>, workspace: WorkspaceId, conversation: ConversationId, party: &Party, reply_to: Option<&Party>, customer: Option<CustomerId>, role: &str, verified: bool) -> Result<()> {
    tx.run(JOIN, &participant_row(tx, workspace, conversation, party, reply_to, customer, role, verified))
}

const JOIN: &str = "INSERT INTO case_participant (id, workspace_id, conversation_id, name, address, address_index, reply_to, customer_id, role, verified, joined_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (conversation_id, address_index) DO NOTHING";

fn participant_row(tx: &Tx<'_>, workspace: WorkspaceId, conversation: ConversationId, party: &Party, reply_to: Option<&Party>, customer: Option<CustomerId>, role: &str, verified: bool) -> Vec<Value> {
    params![
        tx.id::<ObjectId>(), workspace, conversation, shouwen_kernel::text::clip(&party.name, 200), party.address, party.index, reply_to.map(|p| p.address.clone()), customer, role, verified, tx.now()
    ]
    .to_vec()
}
