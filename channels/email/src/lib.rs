//! The e-mail channel: inboxes with IMAP or POP3 in and SMTP out; raw mail stored before anything is touched on the
//! server; understood in a bounded worker; sent through the outbox under a Message-ID that proves its thread.

pub mod cli;
mod fetch;
mod fetch_pop;
mod health;
mod imap;
mod inbox;
mod intake;
mod language;
mod poll;
mod pop3;
mod received;
mod sasl;
mod settings;
mod thread_token;
mod trouble;
mod understand;
mod wire;

use shouwen_kernel::Result;
use shouwen_store::Migration;
use shouwen_web::{App, Module};

pub use fetch::Looked;
pub use intake::{RawMail, Source, Taken, intake, intake_blocking};
pub use poll::fetch_once;
pub use trouble::{Trouble, Why};
pub use understand::{drain, drain_blocking};

const MIGRATIONS: &[Migration] = &[Migration { capability: "email", version: 1, sql: include_str!("../migrations/0001_mail.sql") }];

/// What the binary mounts.
pub fn module() -> Module {
    Module {
        migrations: MIGRATIONS,
        tasks: vec![|app| Box::pin(poll::run(app)), |app| Box::pin(understand::run(app))],
        ..Module::new("email")
    }
}

/// Inboxes in trouble, one sentence each; empty when all is well. For `shouwen doctor`.
///
/// # Errors
/// The database cannot be read.
pub fn health(app: &App) -> Result<Vec<String>> {
    app.db().read_blocking(health::troubled)
}
