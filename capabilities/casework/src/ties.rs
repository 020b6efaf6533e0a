//! What ties a case into the closed loop, beside its head: parent, verification, reminders, helpers.

use serde_json::Value as Json;
use shouwen_kernel::{CaseId, PersonId, Result, Time};
use shouwen_store::{Json as JsonColumn, Row};

/// The part of a case's row that the loop added.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ties {
    /// The case that waits for this work order.
    pub parent_id: Option<CaseId>,
    /// Asked for by whoever opened the work order.
    pub due_at: Option<Time>,
    /// When it came to its stage; `None`: it never left the first one.
    pub stage_at: Option<Time>,
    /// 催办: how often, and when last.
    pub reminders: i64,
    pub reminded_at: Option<Time>,
    /// Types it was before, or that were merged into it: their verification is still owed.
    pub former_types: Vec<String>,
    /// How and when the end was verified, since it was last reopened.
    pub verified_way: Option<String>,
    pub verified_at: Option<Time>,
    /// The review of the present stage: `pending`, `approved`, `returned`.
    pub review: Option<String>,
    /// Watchers who also work on it.
    pub co_handlers: Vec<PersonId>,
}

impl Ties {
    /// Reads the columns, the first of which is column `at` of the row.
    pub fn from_row(row: &Row, at: usize) -> Result<Self> {
        Ok(Self {
            parent_id: row.get(at)?,
            due_at: row.get(at + 1)?,
            stage_at: row.get(at + 2)?,
            reminders: row.get(at + 3)?,
            reminded_at: row.get(at + 4)?,
            former_types: row.get::<JsonColumn<Vec<String>>>(at + 5)?.0,
            verified_way: row.get(at + 6)?,
            verified_at: row.get(at + 7)?,
            review: row.get(at + 8)?,
            co_handlers: Vec::new(),
        })
    }

    /// `former_types` for the database.
    pub fn former(&self) -> Json {
        self.former_types.iter().map(|t| Json::String(t.clone())).collect()
    }

    /// Owes the verification of one more type; whether it did not already.
    pub fn owe(&mut self, case_type: &str) -> bool {
        let new = !self.former_types.iter().any(|t| t == case_type);
        if new {
            self.former_types.push(case_type.to_owned());
        }
        new
    }
}
