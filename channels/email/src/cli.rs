//! `shouwen import mail` and `shouwen mail requeue`.

use shouwen_store::Subscription;
use shouwen_web::App;

/// Help of `shouwen import mail`.
pub const IMPORT_HELP: &str = "shouwen import mail PATH… --inbox ADDRESS|ID [--json] [--quiet]";

/// `shouwen import mail PATH… --inbox ADDRESS|ID [--json] [--quiet]`; the exit code.
pub fn import(args: &[String], app: &App, subscriptions: &[Subscription]) -> i32 {
    let _ = (args, app, subscriptions);
    2
}

/// `shouwen mail requeue ID`; the exit code.
pub fn requeue(args: &[String], app: &App) -> i32 {
    let _ = (args, app);
    2
}
