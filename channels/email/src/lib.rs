//! The e-mail channel: inboxes with IMAP or POP3 in and SMTP out; raw mail stored before anything is touched on the
//! server; understood in a bounded worker; sent through the outbox under a Message-ID that proves its thread.

pub mod cli;

use shouwen_kernel::Result;
use shouwen_web::{App, Module};

/// What the binary mounts.
pub fn module() -> Module {
    Module::new("email")
}

/// Inboxes in trouble, one sentence each; empty when all is well. For `shouwen doctor`.
pub fn health(app: &App) -> Result<Vec<String>> {
    let _ = app;
    Ok(Vec::new())
}
