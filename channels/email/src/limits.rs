//! How large a mail may be before it waits in quarantine. Settings of the installation, kept in the database, because mails
//! are understood far from the configuration and by several commands.

use shouwen_kernel::{Result, WorkspaceId};
use shouwen_mail::Limits;
use shouwen_store::Tx;

const SETTING: &str = "mail.limits";

/// The limits in force.
///
/// # Errors
/// The database cannot be read.
pub fn limits(tx: &Tx<'_>) -> Result<Limits> {
    Ok(tx.setting(WorkspaceId::NIL, SETTING)?.unwrap_or_default())
}

/// Puts limits in force; mails already in quarantine are read again when somebody presses "retry".
///
/// # Errors
/// The database cannot be written.
pub fn set_limits(tx: &Tx<'_>, limits: &Limits) -> Result<()> {
    if self::limits(tx)? == *limits {
        return Ok(());
    }
    tx.set_setting(WorkspaceId::NIL, SETTING, limits)
}

/// A person who presses "retry" has looked at the mail and wants it in: wider bounds, still bounds.
pub(crate) fn generous(usual: &Limits) -> Limits {
    Limits {
        raw_bytes: usual.raw_bytes.saturating_mul(4),
        parts: usual.parts.saturating_mul(10),
        // The parser's stack bears this many levels, not more.
        depth: (usual.depth * 2).min(MOST_DEPTH),
        header_lines: usual.header_lines.saturating_mul(20),
        recipients: usual.recipients.saturating_mul(20),
        html_bytes: usual.html_bytes.saturating_mul(2),
        tnef_bytes: usual.tnef_bytes.saturating_mul(2),
    }
}

/// The deepest nesting that may be set.
pub const MOST_DEPTH: usize = 200;
