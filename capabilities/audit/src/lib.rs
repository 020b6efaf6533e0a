//! The audit: who did or read what, when, from where; and the proof that nobody has changed it since.
//!
//! Rows are written by the store in the transaction of the deed. A sealer chains them by hash in log order and signs
//! the head; [`verify`] finds what was edited, deleted, inserted, cut off or put in another order.

mod chain;
mod heads;
mod list;
mod object;
mod on_identity;
mod row;
mod seal;
mod verification;
mod verify;

use shouwen_store::Migration;
use shouwen_web::{Module, OpenApiRouter, routes};

pub use chain::{Head, row_hash};
pub use heads::{Heads, heads_path};
pub use list::{Entry, Who};
pub use seal::{SEALER_LEASE, seal};
pub use verify::{Finding, FindingKind, Report, verify, verify_tx};

shouwen_web::permissions! {
    /// Read the audit and check it.
    AuditRead = "audit.read", "查看审计日志", "Read the audit log";
}

/// The capability's schema.
pub const MIGRATIONS: &[Migration] = &[Migration { capability: "audit", version: 1, sql: include_str!("../migrations/0001_audit.sql") }];

/// What the binary lists.
pub fn module() -> Module {
    let routes = OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(verification::check));
    Module { migrations: MIGRATIONS, routes, permissions: PERMISSIONS, subscriptions: vec![on_identity::PEOPLE], tasks: vec![seal::task], ..Module::new("audit") }
}
