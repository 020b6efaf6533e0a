//! One code path for SQLite and PostgreSQL, and the spine on it: event log, checkpoints, timers, outbox, blobs,
//! idempotency keys, audit, leases.
//!
//! SQL is written once (`?1`, a few type words in migrations). A unit of work is a closure that gets a [`Tx`];
//! [`Db::write`] answers when its commit is durable.

mod audit;
mod blob;
mod collect;
mod db;
mod digest;
mod gather;
mod idempotency;
mod lease;
mod log;
pub mod migrate;
mod outbox;
mod pg;
mod pgvalue;
mod scope;
mod settings;
mod sql;
mod sqlite;
mod subscription;
mod tail;
mod timer;
mod tls;
mod tx;
mod upkeep;
mod value;

pub use audit::{AUDIT_COLUMNS, AuditRow, Ctx};
pub use blob::{Blobs, Hold, INLINE_LIMIT, Prepared};
pub use collect::{BlobUse, Collector, Inventory, Round};
pub use db::{Db, Location};
pub use digest::{Moved, Patiently};
pub use idempotency::Remembered;
pub use lease::Lease;
pub use log::{Position, Recorded};
pub use migrate::Migration;
pub use outbox::{Effect, EffectFuture, EffectHandler, EffectOutcome, OutboxItem};
pub use scope::{BranchList, Key, ScopeColumns, Watchers, scope_sql};
pub use settings::Workspace;
pub use sql::{Engine, expand_types};
pub use subscription::{Park, Subscription};
pub use timer::{Timer, TimerHandler};
pub use tx::{End, Services, Tx, UNIQUE};
pub use upkeep::Backup;
pub use value::{FromRow, FromValue, Json, Row, ToValue, Value};

/// The spine's own tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration { capability: "store", version: 1, sql: include_str!("../migrations/0001_spine.sql") },
    Migration { capability: "store", version: 2, sql: include_str!("../migrations/0002_audit_origin.sql") },
    Migration { capability: "store", version: 3, sql: include_str!("../migrations/0003_loose_blobs.sql") },
];
