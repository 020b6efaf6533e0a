//! `shouwen admin blobs`: attachments and raw mails that nothing refers to any more; and the server's daily look at them.

use std::time::Duration;

use shouwen_kernel::{Kind, Problem, Result, WorkspaceId};
use shouwen_store::{BlobUse, Collector, Db, Inventory, Round, params};
use shouwen_web::App;

use crate::args::Args;
use crate::config::{Config, OPTIONS};
use crate::instance::open_ready;
use crate::modules;

/// What `--help` prints.
pub const HELP: &str = "\
shouwen admin blobs [--data DIR] [--json]            attachments and raw mails that nothing refers to: how many, how large
shouwen admin blobs --collect [--data DIR] [--json]  looks at all of them now instead of once a day, and takes away those
                                                     whose days are over

Bytes go --unreferenced-days (30) after it was found that nothing refers to them, no sooner, also with --collect. What an
event of the log names stays. A running server does this by itself, day by day; both may run at the same time.
";

/// The setting that tells how many days the server was last started with.
pub const DAYS: &str = "unreferenced_days";

/// How often the server looks whether it is time, and how long it rests between small steps.
const LOOK_EVERY: Duration = Duration::from_secs(600);
const REST: Duration = Duration::from_millis(100);

/// Every column of every module that names blobs.
pub fn uses() -> Vec<BlobUse> {
    modules::all().into_iter().flat_map(|module| module.blobs.to_vec()).collect()
}

fn collector(days: usize) -> Collector {
    Collector::new(uses(), u32::try_from(days).unwrap_or(u32::MAX))
}

/// Runs `shouwen admin blobs <arguments>`; what to print.
pub fn run(arguments: &[String]) -> Result<String> {
    let args = Args::read(arguments, OPTIONS, &["collect", "json"])?;
    if let Some(word) = args.rest.first() {
        return Err(Problem::new(Kind::Invalid, "usage", format!("`blobs {word}` is not a command")).expected("`shouwen admin blobs`, with or without `--collect`"));
    }
    let config = Config::load(&args)?;
    let mut days = config.unreferenced_days;
    let instance = open_ready(config, false)?;
    if args.get("unreferenced-days").is_none() {
        // The server may know of more days from a file that this command was not told of.
        days = days.max(instance.db.read_blocking(|tx| tx.setting(WorkspaceId::NIL, DAYS))?.unwrap_or_default());
    }
    let collector = collector(days);
    let said = report(&instance.db, &collector, days, args.has("collect"), args.has("json"));
    instance.db.close();
    said
}

pub(crate) fn report(db: &Db, collector: &Collector, days: usize, collect: bool, json: bool) -> Result<String> {
    let done = if collect { Some(collector.run(db, &mut || true)?) } else { None };
    if done.is_some_and(|done| !done.finished) {
        return Err(Problem::new(Kind::Unavailable, "blobs.busy", "the server, or another command, is at it at this moment, or a transaction has been open for a minute").expected("try again in some minutes; nothing is lost by waiting"));
    }
    let Some(there) = collector.look(db, &mut || true)? else { return Err(Problem::internal("stopped")) };
    if json {
        return Ok(serde_json::to_string_pretty(&serde_json::json!({ "days": days, "collected": done, "now": there }))? + "\n");
    }
    Ok(done.map(|done| said_of(&done)).unwrap_or_default() + &words(&there, days))
}

fn said_of(done: &Round) -> String {
    let mut text = format!("collected    {} blobs, {}; {} files without a row, {}\n", done.collected, size(done.bytes), done.files, size(done.file_bytes));
    if done.marked > 0 {
        text.push_str(&format!("found        {} that nothing refers to; their days begin now\n", done.marked));
    }
    text
}

fn words(there: &Inventory, days: usize) -> String {
    let mut text = format!("blobs        {} in all\n", there.blobs);
    text.push_str(&format!("loose        {}, {}: nothing refers to them; they go {days} days after that was found\n", there.loose, size(there.loose_bytes)));
    if let Some(since) = there.since {
        text.push_str(&format!("  oldest     since {}, goes from {} on\n", since, since.plus_seconds(i64::try_from(days).unwrap_or(0) * 86_400)));
    }
    if there.due > 0 {
        text.push_str(&format!("  due        {}, {}: the next look takes them (now: --collect)\n", there.due, size(there.due_bytes)));
    }
    if there.by_log > 0 {
        text.push_str(&format!("by the log   {}, {}: only events refer to them; they stay\n", there.by_log, size(there.by_log_bytes)));
    }
    text.push_str(&format!("files        {}, {}: without a row for {days} days; the next look takes them\n", there.files, size(there.file_bytes)));
    text
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

/// What the doctor says of them: from what is marked, so that it costs nothing.
pub fn marked(tx: &shouwen_store::Tx<'_>) -> Result<String> {
    let (count, bytes): (i64, i64) = tx.one("SELECT count(*), COALESCE(CAST(sum(size) AS BIGINT), 0) FROM blob WHERE loose_since IS NOT NULL", params![])?;
    Ok(if count == 0 {
        "none was found that nothing refers to".into()
    } else {
        format!("nothing refers to {count}, {}; they go by themselves (`shouwen admin blobs` tells when)", size(bytes.unsigned_abs()))
    })
}

/// Once a day, in small steps with rests between them, until the server stops.
pub async fn keep(app: App, config: Config) {
    let stopping = app.stopping();
    let collector = collector(config.unreferenced_days);
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let (db, collector, stop) = (app.db().clone(), collector.clone(), stopping.clone());
        let round = tokio::task::spawn_blocking(move || {
            if !collector.is_due(&db)? {
                return Ok(None);
            }
            collector
                .run(&db, &mut || {
                    std::thread::sleep(REST);
                    !stop.is_cancelled()
                })
                .map(Some)
        })
        .await;
        match round {
            Ok(Ok(Some(round))) => {
                app.metrics().add("blobs_collected_total", round.collected as f64);
                app.metrics().add("blobs_collected_bytes_total", (round.bytes + round.file_bytes) as f64);
                if round.collected + round.files > 0 {
                    tracing::info!(blobs = round.collected, bytes = round.bytes, files = round.files, file_bytes = round.file_bytes, "bytes that nothing referred to are gone");
                }
            }
            Ok(Ok(None)) => {}
            Ok(Err(problem)) if problem.code == "store.stopped" => return,
            Ok(Err(problem)) => tracing::warn!(error = %problem, "blobs cannot be collected; it is tried again"),
            Err(error) => tracing::error!(%error, "collecting blobs broke off; it is tried again"),
        }
    }
}
