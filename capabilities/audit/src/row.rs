//! Rows as they may be found after somebody wrote into the database by hand: each is read by itself, so that one that
//! cannot be read hides none of the others.

use shouwen_store::{AuditRow, FromRow, Position, Row};

/// A row, or what is left of it.
pub(crate) struct Found {
    pub position: Position,
    /// Place in the chain, where it can be told.
    pub chain: Option<i64>,
    pub hash: String,
    /// The row, or why it cannot be read.
    pub row: Result<AuditRow, String>,
}

impl FromRow for Found {
    fn from_row(row: &Row) -> shouwen_kernel::Result<Self> {
        let number = |column: usize| row.get::<i64>(column).unwrap_or_default();
        Ok(Self {
            position: Position { tx: number(0), seq: number(1) },
            chain: row.get(11).unwrap_or_default(),
            hash: row.get::<Option<String>>(12).unwrap_or_default().unwrap_or_default(),
            row: AuditRow::from_row(row).map_err(|problem| in_words(&problem.message)),
        })
    }
}

/// Names of the columns of [`shouwen_store::AUDIT_COLUMNS`], for the reader.
const NAMES: [&str; 14] = ["tx", "seq", "workspace_id", "at", "actor", "actor_id", "action", "object", "object_id", "ip", "detail", "chain", "hash", "origin"];

/// `column 4: a JSON …` with the name of the column.
fn in_words(said: &str) -> String {
    let named = said.strip_prefix("column ").and_then(|rest| rest.split_once(": ")).and_then(|(number, why)| Some((NAMES.get(number.parse::<usize>().ok()?)?, why)));
    named.map_or_else(|| said.to_owned(), |(name, why)| format!("`{name}`: {why}"))
}
