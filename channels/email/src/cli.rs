//! `shouwen import mail` and `shouwen mail requeue`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use shouwen_kernel::{InboxId, Kind, MessageId, Problem, Result, text};
use shouwen_mail::{MailSource, Resume};
use shouwen_store::{Db, Engine, Subscription, params};
use shouwen_web::App;

use crate::inbox::{self, Inbox};
use crate::intake::{self, RawMail, Source, Taken};
use crate::take_in::{Fate, take_in};
use crate::{quarantine, understand};

/// Help of `shouwen import mail`.
pub const IMPORT_HELP: &str = "\
shouwen import mail PATH… --inbox ADDRESS|ID --data DIR [--json] [--quiet]

Brings old mail in: single messages (.eml), mbox files, Maildir folders, or folders of those. Each becomes a message, a
conversation and a case with its own dates. May be stopped and run again at any time: what is there already is counted
as duplicate, nothing is doubled. A server on the same data may keep running.

  --inbox ADDRESS|ID   the inbox the mail came to; may be left out when there is only one
  --json               the summary as JSON on standard output
  --quiet              no progress bar

Examples:
  shouwen import mail ./archive.mbox --inbox service@example.com --data ./data
  shouwen import mail ~/Maildir ./letters/*.eml --inbox service@example.com --data ./data --json

Exit codes: 0 everything was read, 1 some of it could not be read (the summary names it), 2 wrong use.
";

/// Mails stored in one transaction, and the bytes held in memory at most.
const BATCH: usize = 200;
const BATCH_BYTES: usize = 16 << 20;
/// Reasons listed in the summary.
const MOST_ERRORS: usize = 20;

/// What an import did.
#[derive(Debug, Default, Serialize)]
struct Summary {
    inbox: String,
    /// Mails read from the paths.
    read: u64,
    /// New ones that became messages.
    imported: u64,
    /// Their very bytes were there before.
    duplicate: u64,
    /// New ones kept whole, but not understood; see Settings → Quarantine.
    quarantined: u64,
    /// Copies of what this inbox itself sent.
    own: u64,
    /// Entries whose bytes could not be read at all.
    unreadable: u64,
    bytes: u64,
    seconds: f64,
    /// The first reasons.
    errors: Vec<String>,
}

fn usage(message: impl Into<String>) -> Problem {
    Problem::new(Kind::Invalid, "usage", message)
}

struct Options {
    paths: Vec<PathBuf>,
    inbox: Option<String>,
    json: bool,
    quiet: bool,
}

fn options(args: &[String]) -> Result<Options> {
    let mut out = Options { paths: Vec::new(), inbox: None, json: false, quiet: false };
    let mut waiting = args.iter();
    while let Some(arg) = waiting.next() {
        match arg.as_str() {
            "--json" => out.json = true,
            "--quiet" => out.quiet = true,
            "--inbox" => out.inbox = Some(waiting.next().cloned().ok_or_else(|| usage("`--inbox` stands without a value").expected("--inbox ADDRESS"))?),
            other if other.starts_with("--inbox=") => out.inbox = Some(other["--inbox=".len()..].to_owned()),
            other if other.starts_with("--") => return Err(usage(format!("there is no option `{other}`")).expected("--inbox, --json or --quiet; see shouwen import mail --help")),
            path => out.paths.push(PathBuf::from(path)),
        }
    }
    if out.paths.is_empty() {
        return Err(usage("no path was given").expected("shouwen import mail PATH… --inbox ADDRESS --data DIR"));
    }
    for path in &out.paths {
        if let Err(error) = std::fs::metadata(path) {
            return Err(usage(format!("{} cannot be read: {error}", path.display())).expected("an .eml file, an mbox file, a Maildir or a folder of those"));
        }
    }
    Ok(out)
}

/// The inbox meant by `named`; without a name the only one there is.
fn inbox_of(db: &Db, named: Option<String>) -> Result<Inbox> {
    db.read_blocking(move |tx| {
        let mut all = Vec::new();
        for workspace in tx.workspaces()? {
            if let Some(named) = &named
                && named.contains('@')
                && let Some(found) = inbox::find_by_address(tx, workspace.id, &shouwen_crypt::normal_email(named))?
            {
                return Ok(found);
            }
            all.extend(inbox::list(tx, workspace.id)?);
        }
        let known = || if all.is_empty() { "an inbox; create one under Settings → Inboxes first".to_owned() } else { format!("one of: {}", all.iter().map(|i| i.address.as_str()).collect::<Vec<_>>().join(", ")) };
        match &named {
            Some(named) => {
                let id = named.parse::<InboxId>().ok();
                all.iter().find(|i| Some(i.id) == id).cloned().ok_or_else(|| usage(format!("there is no inbox `{}`", text::clip(named, 80))).expected(known()))
            }
            None => match all.as_slice() {
                [only] => Ok(only.clone()),
                _ => Err(usage("--inbox is missing").expected(known())),
            },
        }
    })
}

/// `shouwen import mail PATH… --inbox ADDRESS|ID [--json] [--quiet]`; the exit code. `subscriptions`: of all modules, so
/// that the cases exist when it ends.
pub fn import(args: &[String], app: &App, subscriptions: &[Subscription]) -> i32 {
    let options = match options(args) {
        Ok(options) => options,
        Err(problem) => return told(&problem),
    };
    match run(&options, app, subscriptions) {
        Ok(summary) => {
            if options.json {
                println!("{}", serde_json::to_string_pretty(&summary).unwrap_or_default());
            } else {
                println!(
                    "{}: {} read, {} imported, {} duplicate, {} quarantined, {} our own, {} unreadable; {:.1} MiB in {:.1} s",
                    summary.inbox, summary.read, summary.imported, summary.duplicate, summary.quarantined, summary.own, summary.unreadable, summary.bytes as f64 / 1_048_576.0, summary.seconds
                );
                for error in &summary.errors {
                    eprintln!("  {error}");
                }
            }
            i32::from(summary.unreadable > 0)
        }
        Err(problem) => told(&problem),
    }
}

fn told(problem: &Problem) -> i32 {
    eprintln!("shouwen import mail: {problem}");
    if problem.code == "usage" { 2 } else { 1 }
}

fn run(options: &Options, app: &App, subscriptions: &[Subscription]) -> Result<Summary> {
    let db = app.db();
    let inbox = inbox_of(db, options.inbox.clone())?;
    let begun = app.clock().now();
    let mut summary = Summary { inbox: inbox.address.clone(), ..Summary::default() };
    let bar = progress(options);
    // On PostgreSQL cases are made while the rest is still being read; SQLite has one writer, which is busy anyway.
    let reading = AtomicBool::new(db.engine() == Engine::Postgres);
    std::thread::scope(|scope| {
        let followers = reading.load(Ordering::Acquire).then(|| scope.spawn(|| db.digest(subscriptions, &|step| patiently(step), &|| reading.load(Ordering::Acquire))));
        let read = read_all(options, db, inbox.id, &mut summary, &bar);
        reading.store(false, Ordering::Release);
        bar.set_message("making cases");
        let followed = match followers {
            Some(followers) => followers.join().unwrap_or_else(|_| Err(Problem::internal("the followers of the import failed"))),
            None => Ok(()),
        };
        read.and(followed)
    })?;
    if db.engine() == Engine::Sqlite {
        db.digest(subscriptions, &|step| patiently(step), &|| false)?;
    }
    bar.finish_and_clear();
    summary.seconds = (app.clock().now().micros() - begun.micros()) as f64 / 1e6;
    Ok(summary)
}

/// Stores every mail of the paths and has it understood.
fn read_all(options: &Options, db: &Db, inbox: InboxId, summary: &mut Summary, bar: &ProgressBar) -> Result<()> {
    for path in &options.paths {
        let source = MailSource::open(path, &Resume::default()).map_err(|e| usage(format!("{} cannot be read: {e}", path.display())))?;
        bar.inc_length(source.total_bytes);
        let mut batch: Vec<RawMail> = Vec::new();
        let mut held = 0;
        for entry in source {
            summary.read += 1;
            match entry.bytes {
                Err(error) => {
                    summary.unreadable += 1;
                    note(summary, &entry.path, &error.to_string());
                }
                Ok(bytes) => {
                    held += bytes.len();
                    summary.bytes += bytes.len() as u64;
                    bar.inc(bytes.len() as u64);
                    batch.push(RawMail { bytes, source: Source::Import, place: None, received_at: None });
                }
            }
            if batch.len() >= BATCH || held >= BATCH_BYTES {
                take(db, inbox, &mut batch, summary)?;
                held = 0;
                bar.set_message(format!("{} new, {} known", summary.imported + summary.quarantined + summary.own, summary.duplicate));
            }
        }
        take(db, inbox, &mut batch, summary)?;
    }
    Ok(())
}

fn progress(options: &Options) -> ProgressBar {
    let shown = !options.quiet && std::io::stderr().is_terminal();
    let bar = ProgressBar::with_draw_target(Some(0), if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() });
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {msg} eta {eta}") {
        bar.set_style(style);
    }
    bar
}

fn note(summary: &mut Summary, path: &Path, error: &str) {
    if summary.errors.len() < MOST_ERRORS {
        summary.errors.push(format!("{}: {error}", path.display()));
    }
}

/// Takes a batch in, and counts what became of it.
fn take(db: &Db, inbox: InboxId, batch: &mut Vec<RawMail>, summary: &mut Summary) -> Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    let mails = std::mem::take(batch);
    let fates = match patiently(|| take_in(db, inbox, mails.clone())) {
        Err(problem) if !problem.is_transient() && problem.code != "store.full" => {
            tracing::warn!(error = %problem, "a batch cannot be taken in together; its mails are taken one by one");
            one_by_one(db, inbox, &mails)?
        }
        settled => settled?,
    };
    for fate in fates {
        match fate {
            Fate::Duplicate => summary.duplicate += 1,
            Fate::Understood => summary.imported += 1,
            Fate::Own => summary.own += 1,
            Fate::Quarantined(id, reason) => {
                summary.quarantined += 1;
                note(summary, Path::new(&id.to_string()), &format!("quarantined: {reason}"));
            }
        }
    }
    Ok(())
}

/// The usual way: all are stored, then understood; what cannot be noted goes to quarantine alone.
fn one_by_one(db: &Db, inbox: InboxId, mails: &[RawMail]) -> Result<Vec<Fate>> {
    let taken = patiently(|| intake::intake_blocking(db, inbox, mails))?;
    patiently(|| understand::drain_blocking(db, Some(inbox)))?;
    db.read_blocking(move |tx| {
        let fate = |taken: &Taken| -> Result<Fate> {
            let Taken::Stored(id) = taken else { return Ok(Fate::Duplicate) };
            let (state, reason): (String, Option<String>) = tx.one("SELECT state, reason FROM mail_message WHERE id = ?1", params![id])?;
            Ok(match state.as_str() {
                "quarantined" => Fate::Quarantined(*id, reason.unwrap_or_default()),
                "own" => Fate::Own,
                _ => Fate::Understood,
            })
        };
        taken.iter().map(fate).collect()
    })
}

/// A server on the same data writes too; a busy moment is no reason to give up.
fn patiently<T>(mut work: impl FnMut() -> Result<T>) -> Result<T> {
    let mut tries = 0;
    loop {
        match work() {
            Err(problem) if (problem.is_transient() || problem.code == shouwen_store::UNIQUE) && problem.code != "store.full" && tries < 20 => {
                tries += 1;
                std::thread::sleep(std::time::Duration::from_millis(100 * tries));
            }
            other => return other,
        }
    }
}

/// `shouwen mail requeue ID…`: reads quarantined messages again, with wider bounds; the exit code.
pub fn requeue(args: &[String], app: &App) -> i32 {
    if args.is_empty() || args.iter().any(|a| a.starts_with('-')) {
        eprintln!("shouwen mail requeue: expected the ids of quarantined messages, as Settings → Quarantine shows them: shouwen mail requeue msg_… --data DIR");
        return 2;
    }
    let mut code = 0;
    for arg in args {
        match requeue_one(app.db(), arg) {
            Ok(said) => println!("{arg}: {said}"),
            Err(problem) => {
                eprintln!("{arg}: {problem}");
                code = 1;
            }
        }
    }
    code
}

fn requeue_one(db: &Db, given: &str) -> Result<String> {
    let id: MessageId = given.parse()?;
    let inbox = patiently(|| {
        db.write_blocking(move |tx| {
            if !quarantine::requeue(tx, id)? {
                return Err(Problem::not_found("message in quarantine"));
            }
            let (inbox, workspace): (InboxId, shouwen_kernel::WorkspaceId) = tx.one("SELECT inbox_id, workspace_id FROM mail_message WHERE id = ?1", params![id])?;
            tx.audit(&shouwen_store::Ctx::system(workspace, "command line"), "quarantine.retried", "message", Some(id.0), None)?;
            Ok(inbox)
        })
    })?;
    patiently(|| understand::drain_blocking(db, Some(inbox)))?;
    let (state, reason): (String, Option<String>) = db.read_blocking(move |tx| tx.one("SELECT state, reason FROM mail_message WHERE id = ?1", params![id]))?;
    match state.as_str() {
        "quarantined" => Err(Problem::new(Kind::Invalid, "mail.quarantined", format!("still not understood: {}", reason.unwrap_or_default())).expected("a mail within the wider bounds; its raw bytes can be fetched under Settings → Quarantine")),
        "stored" => Ok("waits to be read by the running server".to_owned()),
        _ => Ok("understood; its case follows".to_owned()),
    }
}
