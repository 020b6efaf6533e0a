//! The rows of inboxes.

use serde_json::Value as JsonValue;
use shouwen_contracts::channel::{ChannelEvent, InboxSaved};
use shouwen_kernel::{Access, InboxId, OrgUnitId, Problem, Result, TeamId, Time, WorkspaceId};
use shouwen_store::{Ctx, FromRow, Row, Tx, params};

use crate::settings::{Incoming, Outgoing};

/// Under what passwords are sealed.
const INCOMING_SECRET: &str = "mail.incoming";
const OUTGOING_SECRET: &str = "mail.outgoing";

/// An inbox with its settings; passwords stay sealed until [`Inbox::incoming_password`].
#[derive(Clone, Debug)]
pub struct Inbox {
    pub id: InboxId,
    pub workspace: WorkspaceId,
    pub name: String,
    /// In normal form.
    pub address: String,
    pub active: bool,
    pub team_id: Option<TeamId>,
    pub org_unit_id: Option<OrgUnitId>,
    pub signature: String,
    /// `zh` or `en`.
    pub default_language: String,
    pub incoming: Option<Incoming>,
    pub outgoing: Option<Outgoing>,
    pub incoming_secret: Option<String>,
    pub outgoing_secret: Option<String>,
    pub version: i64,
    pub created_at: Time,
    pub deleted_at: Option<Time>,
}

const COLUMNS: &str =
    "id, workspace_id, name, address, active, team_id, org_unit_id, signature, default_language, incoming, outgoing, incoming_secret, outgoing_secret, version, created_at, deleted_at";

fn json<T: serde::de::DeserializeOwned>(value: Option<JsonValue>) -> Result<Option<T>> {
    Ok(value.map(serde_json::from_value).transpose()?)
}

impl FromRow for Inbox {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            workspace: row.get(1)?,
            name: row.get(2)?,
            address: row.get(3)?,
            active: row.get(4)?,
            team_id: row.get(5)?,
            org_unit_id: row.get(6)?,
            signature: row.get(7)?,
            default_language: row.get(8)?,
            incoming: json(row.get(9)?)?,
            outgoing: json(row.get(10)?)?,
            incoming_secret: row.get(11)?,
            outgoing_secret: row.get(12)?,
            version: row.get(13)?,
            created_at: row.get(14)?,
            deleted_at: row.get(15)?,
        })
    }
}

impl Inbox {
    /// Who may see it and what comes through it.
    pub fn access(&self) -> Access {
        Access { org_unit: self.org_unit_id, team: self.team_id, people: Vec::new() }
    }

    /// The domain of its address.
    pub fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
    }

    /// Password or access token of the incoming side; empty when there is none.
    pub fn incoming_password(&self, keys: &shouwen_crypt::Keys) -> Result<String> {
        self.incoming_secret.as_deref().map_or(Ok(String::new()), |sealed| keys.open(INCOMING_SECRET, sealed))
    }

    /// Password or access token of the outgoing side; empty when there is none.
    pub fn outgoing_password(&self, keys: &shouwen_crypt::Keys) -> Result<String> {
        self.outgoing_secret.as_deref().map_or(Ok(String::new()), |sealed| keys.open(OUTGOING_SECRET, sealed))
    }

    /// Takes the passwords out of the settings and seals them; a side without one keeps what was sealed before.
    pub fn seal_passwords(&mut self, tx: &Tx<'_>) -> Result<()> {
        match &mut self.incoming {
            None => self.incoming_secret = None,
            Some(side) => {
                if let Some(plain) = side.password.take().filter(|p| !p.is_empty()) {
                    self.incoming_secret = Some(tx.keys().seal(tx.ids(), INCOMING_SECRET, &plain)?);
                }
            }
        }
        match &mut self.outgoing {
            None => self.outgoing_secret = None,
            Some(side) => {
                if let Some(plain) = side.password.take().filter(|p| !p.is_empty()) {
                    self.outgoing_secret = Some(tx.keys().seal(tx.ids(), OUTGOING_SECRET, &plain)?);
                }
            }
        }
        Ok(())
    }

    /// Writes the row (new or changed) and tells the others.
    pub fn save(&self, tx: &Tx<'_>, ctx: &Ctx) -> Result<()> {
        let outcome = tx.savepoint(|tx| {
            tx.execute(
                "INSERT INTO mail_inbox (id, workspace_id, name, address, active, team_id, org_unit_id, signature, default_language, incoming, outgoing, incoming_secret, outgoing_secret, version, created_at, updated_at, deleted_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
                 ON CONFLICT (id) DO UPDATE SET name = ?3, address = ?4, active = ?5, team_id = ?6, org_unit_id = ?7, signature = ?8, default_language = ?9, incoming = ?10, outgoing = ?11,
                   incoming_secret = ?12, outgoing_secret = ?13, version = ?14, updated_at = ?16, deleted_at = ?17",
                params![
                    self.id,
                    self.workspace,
                    self.name,
                    self.address,
                    self.active,
                    self.team_id,
                    self.org_unit_id,
                    self.signature,
                    self.default_language,
                    self.incoming.as_ref().map(serde_json::to_value).transpose()?,
                    self.outgoing.as_ref().map(serde_json::to_value).transpose()?,
                    self.incoming_secret,
                    self.outgoing_secret,
                    self.version,
                    self.created_at,
                    tx.now(),
                    self.deleted_at
                ],
            )
        });
        outcome.map_err(|p| {
            if p.code == shouwen_store::UNIQUE {
                Problem::conflict("inbox.address_taken", format!("another inbox already has the address {}", self.address)).field("address").expected("an address of its own for each inbox")
            } else {
                p
            }
        })?;
        if self.deleted_at.is_none() {
            tx.emit::<ChannelEvent>(
                ctx,
                Some(self.id.0),
                Some(&self.access()),
                InboxSaved {
                    inbox_id: self.id,
                    channel: "email".into(),
                    name: self.name.clone(),
                    address: self.address.clone(),
                    active: self.active,
                    team_id: self.team_id,
                    org_unit_id: self.org_unit_id,
                    signature: self.signature.clone(),
                    default_language: self.default_language.clone(),
                },
            )?;
        }
        Ok(())
    }
}

/// All inboxes of a workspace that are not deleted, oldest first.
pub fn list(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Inbox>> {
    tx.all(&format!("SELECT {COLUMNS} FROM mail_inbox WHERE workspace_id = ?1 AND deleted_at IS NULL ORDER BY id"), params![workspace])
}

/// Every inbox that should be polled, of all workspaces.
pub fn active(tx: &Tx<'_>) -> Result<Vec<Inbox>> {
    tx.all(&format!("SELECT {COLUMNS} FROM mail_inbox WHERE active AND deleted_at IS NULL ORDER BY id"), params![])
}

/// One inbox by id, deleted ones included.
pub fn find(tx: &Tx<'_>, id: InboxId) -> Result<Option<Inbox>> {
    tx.opt(&format!("SELECT {COLUMNS} FROM mail_inbox WHERE id = ?1"), params![id])
}

/// One inbox by its address in normal form.
pub fn find_by_address(tx: &Tx<'_>, workspace: WorkspaceId, address: &str) -> Result<Option<Inbox>> {
    tx.opt(&format!("SELECT {COLUMNS} FROM mail_inbox WHERE workspace_id = ?1 AND address = ?2 AND deleted_at IS NULL"), params![workspace, address])
}
