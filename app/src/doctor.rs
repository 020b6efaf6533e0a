//! `shouwen doctor`: looks at everything an operator would, and says what to do about what it finds.

use serde::Serialize;
use shouwen_kernel::{Problem, Result};
use shouwen_store::{Engine, Tx, migrate, params};

use crate::args::{Args, fail};
use crate::config::{Config, OPTIONS};
use crate::instance::{self, Instance, migrations};

const HELP: &str = "\
shouwen doctor --data DIR [--json] [--fix]

Checks settings, keys, database, schema, log subscribers, outbox, timers, blobs, inboxes and the audit chain.
Each finding says what to do. Exit code 1 when something needs attention. --fix retries what was parked or given up.
";

#[derive(Serialize)]
struct Finding {
    check: &'static str,
    ok: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// Runs every check.
pub fn run(arguments: &[String]) -> i32 {
    let args = match Args::read(arguments, OPTIONS, &["json", "fix", "help"]) {
        Ok(args) => args,
        Err(problem) => return fail(&problem),
    };
    if args.has("help") {
        print!("{HELP}");
        return 0;
    }
    let mut findings = Vec::new();
    match Config::load(&args) {
        Ok(config) => {
            findings.push(ok("settings", format!("data in {}", config.data.display())));
            match instance::open(config, false) {
                Ok(instance) => {
                    inspect(&instance, args.has("fix"), &mut findings);
                    instance.db.close();
                }
                Err(problem) => findings.push(bad("database", &problem)),
            }
        }
        Err(problem) => findings.push(bad("settings", &problem)),
    }
    let healthy = findings.iter().all(|f| f.ok);
    if args.has("json") {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "healthy": healthy, "findings": findings })).unwrap_or_default());
    } else {
        for finding in &findings {
            println!("{}  {:<14} {}", if finding.ok { "ok " } else { "BAD" }, finding.check, finding.found);
            if let Some(advice) = &finding.advice {
                println!("                    → {advice}");
            }
        }
    }
    i32::from(!healthy)
}

fn ok(check: &'static str, found: String) -> Finding {
    Finding { check, ok: true, found, advice: None }
}

fn bad(check: &'static str, problem: &Problem) -> Finding {
    Finding { check, ok: false, found: problem.message.clone(), advice: problem.expected.clone() }
}

fn advise(check: &'static str, found: String, advice: &str) -> Finding {
    Finding { check, ok: false, found, advice: Some(advice.to_owned()) }
}

fn inspect(instance: &Instance, fix: bool, findings: &mut Vec<Finding>) {
    let db = &instance.db;
    let mut add = |check: &'static str, outcome: Result<Finding>| findings.push(outcome.unwrap_or_else(|problem| bad(check, &problem)));
    add("integrity", db.integrity_check().map(|faults| match faults.first() {
        None => ok("integrity", if db.engine() == Engine::Sqlite { "the SQLite file is sound".into() } else { "PostgreSQL answers".into() }),
        Some(fault) => advise("integrity", format!("{} faults, the first: {fault}", faults.len()), "stop the server and restore the newest backup; keep the damaged file for salvage"),
    }));
    let pending = migrate::pending(db, &migrations());
    let current = matches!(&pending, Ok(steps) if steps.is_empty());
    add("schema", pending.map(|steps| if steps.is_empty() { ok("schema", "up to date".into()) } else { advise("schema", format!("{} steps are missing: {}", steps.len(), steps.join(", ")), "start the server once, or run `shouwen migrate up`") }));
    if !current {
        return;
    }
    add("keys", instance::open_keys(db, &instance.config).map(|()| ok("keys", "the key file fits the database".into())));
    add("subscribers", db.read_blocking(subscribers));
    add("parked events", db.read_blocking(parked));
    if fix {
        add("parked events", db.write_blocking(|tx| {
            tx.execute("UPDATE outbox SET state = 'pending', next_at = ?1, error = NULL, done_at = NULL WHERE state = 'dead'", params![tx.now()])
                .map(|n| ok("outbox fix", format!("{n} given-up effects will be tried again")))
        }));
    }
    add("outbox", db.read_blocking(outbox));
    add("timers", db.read_blocking(timers));
    add("audit chain", crate::modules::audit_report(instance).map(|report| if report.ok { ok("audit chain", format!("{} rows sealed, none changed", report.sealed)) } else { advise("audit chain", report.findings.first().map(|f| f.message.clone()).unwrap_or_default(), "somebody changed the audit; compare with your backups") }));
    add("inboxes", shouwen_email::health(&instance.app).map(|troubled| if troubled.is_empty() { ok("inboxes", "no trouble noted".into()) } else { advise("inboxes", troubled.join("; "), "Settings → Inboxes → Test shows the server's own words") }));
    add("blobs", blobs(instance));
    add("loose blobs", db.read_blocking(crate::blobs::marked).map(|found| ok("loose blobs", found)));
    add("disk", disk(instance));
}

fn subscribers(tx: &Tx<'_>) -> Result<Finding> {
    let rows: Vec<(String, i64, i64)> = tx.all("SELECT name, tx, seq FROM subscription ORDER BY name", params![])?;
    let mut late = Vec::new();
    for (name, txid, seq) in &rows {
        let behind = tx.events_behind(shouwen_store::Position { tx: *txid, seq: *seq }, 10_000)?;
        if behind > 1000 {
            late.push(format!("{name} {behind}"));
        }
    }
    Ok(if late.is_empty() { ok("subscribers", format!("{} keep up", rows.len())) } else { advise("subscribers", format!("behind: {}", late.join(", ")), "normal while the server is stopped or right after an import; otherwise see the log") })
}

fn parked(tx: &Tx<'_>) -> Result<Finding> {
    let rows: Vec<(String, i64, String, String)> = tx.all("SELECT subscription, seq, kind, error FROM parked_event ORDER BY at DESC LIMIT 5", params![])?;
    Ok(match rows.first() {
        None => ok("parked events", "none".into()),
        Some((name, seq, kind, error)) => advise("parked events", format!("{} could not digest event {seq} ({kind}): {error}", name), "report this with the log; the other events went on"),
    })
}

fn outbox(tx: &Tx<'_>) -> Result<Finding> {
    let (dead,): (i64,) = tx.one("SELECT count(*) FROM (SELECT 1 FROM outbox WHERE state = 'dead' LIMIT 1000) AS t", params![])?;
    Ok(if dead == 0 { ok("outbox", "nothing given up".into()) } else { advise("outbox", format!("{dead} effects were given up"), "Settings → Outbox shows why; `shouwen doctor --fix` tries them again") })
}

fn timers(tx: &Tx<'_>) -> Result<Finding> {
    let (late,): (i64,) = tx.one("SELECT count(*) FROM (SELECT 1 FROM timer WHERE due_at < ?1 LIMIT 1000) AS t", params![tx.now().plus_seconds(-60)])?;
    let failing: Vec<(String, String)> = tx.all("SELECT kind, error FROM timer WHERE error IS NOT NULL LIMIT 1", params![])?;
    Ok(match failing.first() {
        Some((kind, error)) => advise("timers", format!("a timer of kind {kind} fails: {error}"), "see the log"),
        None if late > 0 => advise("timers", format!("{late} are more than a minute late"), "normal while the server is stopped; they fire when it starts"),
        None => ok("timers", "none late".into()),
    })
}

/// A sample of large blobs: the file is there and has the size the row says.
fn blobs(instance: &Instance) -> Result<Finding> {
    let rows: Vec<(String, i64)> = instance.db.read_blocking(|tx| tx.all("SELECT sha256, size FROM blob WHERE data IS NULL AND loose_since IS NULL ORDER BY sha256 DESC LIMIT 200", params![]))?;
    let store = &instance.db.services().blobs;
    let missing = rows.iter().filter(|(sha, size)| std::fs::metadata(store.path(sha)).map(|m| m.len() as i64).ok() != Some(*size)).count();
    Ok(if missing == 0 { ok("blobs", format!("{} looked at, all there", rows.len())) } else { advise("blobs", format!("{missing} of {} are missing or cut", rows.len()), "restore the blobs folder from a backup") })
}

/// A day's mail of a large house.
const ENOUGH: u64 = 1 << 30;

fn disk(instance: &Instance) -> Result<Finding> {
    // Writing is the question; the answer is a write.
    let probe = instance.config.data.join(".doctor");
    let outcome = std::fs::write(&probe, vec![0u8; 1 << 20]);
    let _ = std::fs::remove_file(&probe);
    outcome.map_err(|e| Problem::internal(format!("cannot write to {}: {e}", instance.config.data.display())).expected("free space and write permission"))?;
    let room = rustix::fs::statvfs(&instance.config.data).map(|of| of.f_bavail.saturating_mul(of.f_frsize)).unwrap_or(u64::MAX);
    if room < ENOUGH {
        return Ok(advise("disk", format!("only {} MiB are free where the data lies", room >> 20), "free space or a larger disk: when it is full nothing new is stored, though nothing stored is lost"));
    }
    Ok(ok("disk", format!("the data folder can be written; {} GiB are free", room >> 30)))
}
