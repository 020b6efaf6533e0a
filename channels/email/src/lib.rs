//! The e-mail channel: inboxes with IMAP or POP3 in and SMTP out; raw mail stored before anything is touched on the
//! server; understood in a bounded worker; sent through the outbox under a Message-ID that proves its thread.

pub mod cli;
mod fetch;
mod fetch_pop;
mod health;
mod imap;
mod inbox;
mod inbox_routes;
mod intake;
mod language;
mod limits;
mod oauth;
mod poll;
mod pop3;
mod probe;
mod quarantine;
mod received;
mod sasl;
mod send;
mod settings;
mod smtp;
mod take_in;
mod thread_token;
mod token_call;
mod trouble;
mod understand;
mod wire;

use shouwen_kernel::Result;
use shouwen_store::{BlobUse, Migration};
use shouwen_web::{App, Module, OpenApiRouter, routes};

pub use fetch::Looked;
pub use limits::{MOST_DEPTH, limits, set_limits};
pub use intake::{RawMail, Source, Taken, intake, intake_blocking};
pub use poll::fetch_once;
pub use shouwen_mail::Limits;
pub use trouble::{Trouble, Why};
pub use understand::{drain, drain_blocking};

const MIGRATIONS: &[Migration] = &[
    Migration { capability: "email", version: 1, sql: include_str!("../migrations/0001_mail.sql") },
    Migration { capability: "email", version: 2, sql: include_str!("../migrations/0002_oauth.sql") },
];

shouwen_web::permissions! {
    /// See and change inboxes.
    InboxManage = "inbox.manage", "管理收件箱", "Manage inboxes";
    /// See, retry and dismiss mails that could not be understood.
    QuarantineHandle = "quarantine.handle", "处理隔离邮件", "Handle quarantined mail";
}

/// What the binary mounts.
pub fn module() -> Module {
    Module {
        migrations: MIGRATIONS,
        routes: OpenApiRouter::new()
            .routes(routes!(inbox_routes::list, inbox_routes::create))
            .routes(routes!(probe::trial))
            .routes(routes!(inbox_routes::show, inbox_routes::edit, inbox_routes::remove))
            .routes(routes!(inbox_routes::restore))
            .routes(routes!(quarantine::list))
            .routes(routes!(quarantine::retry))
            .routes(routes!(quarantine::raw))
            .routes(routes!(quarantine::dismiss)),
        permissions: PERMISSIONS,
        effects: |app| vec![send::handler(app)],
        tasks: vec![|app| Box::pin(poll::run(app)), |app| Box::pin(understand::run(app))],
        // What a person has put aside as rubbish is not kept for ever.
        blobs: &[BlobUse { table: "mail_message", column: "raw", key: "id", only: "state <> 'dismissed'" }],
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
