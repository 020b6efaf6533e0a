//! Who did or read what, when, from where. Rows are written in the transaction of the deed, with a mark that only who
//! has the keys can make; the `audit` capability chains them by hash afterwards.

use shouwen_crypt::Keys;
use shouwen_kernel::{Actor, Result, Time, WorkspaceId};
use uuid::Uuid;

use crate::{FromRow, Position, Row, Tx, params};

/// On whose behalf a command runs.
#[derive(Clone, Debug)]
pub struct Ctx {
    pub workspace: WorkspaceId,
    pub actor: Actor,
    /// Network address of the caller, when there is one.
    pub ip: Option<String>,
}

impl Ctx {
    /// A part of the product acting by itself.
    pub fn system(workspace: WorkspaceId, name: &str) -> Self {
        Self { workspace, actor: Actor::system(name), ip: None }
    }
}

/// A row of the audit as stored.
#[derive(Clone, Debug)]
pub struct AuditRow {
    pub position: Position,
    pub workspace: WorkspaceId,
    pub at: Time,
    pub actor: serde_json::Value,
    pub actor_id: Option<Uuid>,
    pub action: String,
    pub object: String,
    pub object_id: Option<Uuid>,
    pub ip: Option<String>,
    pub detail: Option<serde_json::Value>,
    /// Place in the hash chain, from 1; `None` until it is sealed.
    pub chain: Option<i64>,
    pub hash: Option<String>,
    /// The mark the program put on it; see [`AuditRow::is_marked`].
    pub origin: Option<String>,
}

/// The columns [`AuditRow`] is read from, of `audit AS a`.
pub const AUDIT_COLUMNS: &str = "a.tx, a.seq, a.workspace_id, a.at, a.actor, a.actor_id, a.action, a.object, a.object_id, a.ip, a.detail, a.chain, a.hash, a.origin";

impl FromRow for AuditRow {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            position: Position { tx: row.get(0)?, seq: row.get(1)? },
            workspace: row.get(2)?,
            at: row.get(3)?,
            actor: row.get(4)?,
            actor_id: row.get(5)?,
            action: row.get(6)?,
            object: row.get(7)?,
            object_id: row.get(8)?,
            ip: row.get(9)?,
            detail: row.get(10)?,
            chain: row.get(11)?,
            hash: row.get(12)?,
            origin: row.get(13)?,
        })
    }
}

impl AuditRow {
    /// What was said, in one form whatever the engine made of its JSON: keys sorted, no zero characters.
    pub fn canonical(&self) -> String {
        let mut out = String::with_capacity(256);
        let text = |out: &mut String, value: Option<&str>| canonical(out, &value.map_or(serde_json::Value::Null, Into::into));
        out.push_str(&format!("[\"{}\",{},", self.workspace.0, self.at.micros()));
        canonical(&mut out, &self.actor);
        out.push_str(&format!(",{:?},", self.actor_id.map(|id| id.to_string()).unwrap_or_default()));
        text(&mut out, Some(&self.action));
        out.push(',');
        text(&mut out, Some(&self.object));
        out.push_str(&format!(",{:?},", self.object_id.map(|id| id.to_string()).unwrap_or_default()));
        text(&mut out, self.ip.as_deref());
        out.push(',');
        canonical(&mut out, self.detail.as_ref().unwrap_or(&serde_json::Value::Null));
        out.push(']');
        out
    }

    /// Whether the row carries the mark of the program over what it says.
    pub fn is_marked(&self, keys: &Keys) -> bool {
        self.origin.as_deref().and_then(|mark| mark.split_at_checked(16)).is_some_and(|(nonce, _)| Some(self.mark(keys, nonce)) == self.origin)
    }

    /// Sixteen hex digits that make every mark unlike all others, then 32 over them and what the row says: whoever has
    /// the database but not the keys can neither write a row nor write one twice.
    fn mark(&self, keys: &Keys, nonce: &str) -> String {
        format!("{nonce}{}", shouwen_crypt::hex(&keys.sign("audit.row", format!("{nonce}{}", self.canonical()).as_bytes())))
    }
}

/// JSON with sorted keys.
fn canonical(out: &mut String, value: &serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                canonical(out, &Value::String(key.clone()));
                out.push(':');
                canonical(out, map.get(key).unwrap_or(&Value::Null));
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                canonical(out, item);
            }
            out.push(']');
        }
        // jsonb keeps no zero character and no negative zero.
        Value::String(text) if text.contains('\0') => out.push_str(&Value::String(text.replace('\0', "")).to_string()),
        Value::Number(number) if number.as_f64() == Some(0.0) && number.is_f64() => out.push_str("0.0"),
        other => out.push_str(&other.to_string()),
    }
}

impl Tx<'_> {
    /// Writes an audit row. Never put secrets or personal data in the clear into `detail`.
    pub fn audit(&self, ctx: &Ctx, action: &str, object: &str, object_id: Option<Uuid>, detail: Option<serde_json::Value>) -> Result<()> {
        let actor_id: Option<Uuid> = match &ctx.actor {
            Actor::Person { id, .. } => Some(id.0),
            Actor::Customer { id } => id.map(|id| id.0),
            Actor::System { .. } => None,
        };
        let row = AuditRow {
            position: Position::default(),
            workspace: ctx.workspace,
            at: self.now(),
            actor: serde_json::to_value(&ctx.actor)?,
            actor_id,
            action: action.to_owned(),
            object: object.to_owned(),
            object_id,
            ip: ctx.ip.clone(),
            // JSON's null and no detail at all read back alike.
            detail: detail.filter(|d| !d.is_null()),
            chain: None,
            hash: None,
            origin: None,
        };
        let origin = row.mark(self.keys(), &shouwen_crypt::hex(&self.ids().secret::<8>()));
        self.run(
            "INSERT INTO audit (workspace_id, at, actor, actor_id, action, object, object_id, ip, detail, origin) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![row.workspace, row.at, row.actor, row.actor_id, row.action, row.object, row.object_id, row.ip, row.detail, origin],
        )?;
        Ok(())
    }
}
