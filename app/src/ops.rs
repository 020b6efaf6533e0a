//! What operators look at: health, readiness, metrics, version; and the small commands.

use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::json;
use shouwen_kernel::Problem;
use shouwen_store::{Tx, migrate, params};
use shouwen_web::App;

use crate::args::{Args, fail};
use crate::config::{Config, OPTIONS};
use crate::instance::{self, migrations};
use crate::modules;

/// Routes outside the API.
pub fn routes(app: &App) -> axum::Router {
    axum::Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/version", get(|| async { axum::Json(json!({ "name": "shouwen", "version": env!("CARGO_PKG_VERSION") })) }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(app.clone())
}

/// 200 when the database answers and can be written.
async fn ready(State(app): State<App>) -> impl IntoResponse {
    if app.stopping().is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, axum::Json(json!({ "ready": false, "why": "stopping" })));
    }
    let check = tokio::time::timeout(Duration::from_secs(3), app.db().write(|tx| tx.lease("readiness", "probe", 0).map(|_| ())));
    match check.await {
        Ok(Ok(())) => (StatusCode::OK, axum::Json(json!({ "ready": true }))),
        Ok(Err(problem)) => (StatusCode::SERVICE_UNAVAILABLE, axum::Json(json!({ "ready": false, "why": problem.code }))),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, axum::Json(json!({ "ready": false, "why": "the database does not answer within 3 s" }))),
    }
}

/// Prometheus text. Only for callers on this machine, or with an API token that may manage the workspace.
async fn metrics(State(app): State<App>, connection: Option<axum::Extension<axum::extract::ConnectInfo<std::net::SocketAddr>>>, who: Result<shouwen_web::SignedIn, shouwen_web::Failure>) -> axum::response::Response {
    let local = connection.is_some_and(|c| c.0.0.ip().is_loopback()) && app.config().trusted_proxies == 0;
    if !local && !who.is_ok_and(|w| w.viewer.can("workspace.manage")) {
        return shouwen_web::Failure(Problem::forbidden("workspace.manage")).into_response();
    }
    let mut text = app.metrics().text();
    match app.db().read(gauges).await {
        Ok(gauges) => text.push_str(&gauges),
        Err(problem) => tracing::warn!(error = %problem, "gauges cannot be read"),
    }
    let uptime = (app.clock().now().micros() - app.started_at().micros()) / 1_000_000;
    text.push_str(&format!("shouwen_uptime_seconds {uptime}\nshouwen_resident_bytes {}\n", resident_bytes()));
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

fn gauges(tx: &Tx<'_>) -> Result<String, Problem> {
    let mut text = String::new();
    let head = tx.log_head()?;
    let subscriptions: Vec<(String, i64, i64)> = tx.all("SELECT name, tx, seq FROM subscription ORDER BY name", params![])?;
    for (name, txid, seq) in subscriptions {
        let behind = tx.events_behind(shouwen_store::Position { tx: txid, seq }, 10_000)?;
        text.push_str(&format!("shouwen_subscription_behind{{name=\"{name}\"}} {behind}\n"));
    }
    for state in ["pending", "sending", "dead"] {
        let (count,): (i64,) = tx.one("SELECT count(*) FROM (SELECT 1 FROM outbox WHERE state = ?1 LIMIT 10000) AS t", params![state])?;
        text.push_str(&format!("shouwen_outbox{{state=\"{state}\"}} {count}\n"));
    }
    let (parked,): (i64,) = tx.one("SELECT count(*) FROM parked_event", params![])?;
    let (timers,): (i64,) = tx.one("SELECT count(*) FROM (SELECT 1 FROM timer WHERE due_at <= ?1 LIMIT 10000) AS t", params![tx.now()])?;
    text.push_str(&format!("shouwen_parked_events {parked}\nshouwen_timers_overdue {timers}\nshouwen_log_seq {}\n", head.seq));
    Ok(text)
}

/// Resident memory of this process; 0 where it cannot be told.
pub fn resident_bytes() -> u64 {
    std::fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok()).map_or(0, |pages| pages * 4096)
}

/// Small chores of the spine: old idempotency keys.
pub async fn housekeeping(app: App) {
    let stopping = app.stopping();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(600)) => {}
        }
        // Lets SQLite's planner know how the tables have grown; PostgreSQL does that by itself.
        let analysed = app.db().write(|tx| if tx.engine() == shouwen_store::Engine::Sqlite { tx.batch("PRAGMA analysis_limit=400; PRAGMA optimize;") } else { Ok(()) }).await;
        if let Err(problem) = analysed {
            tracing::warn!(error = %problem, "the planner's statistics cannot be renewed");
        }
        if let Err(problem) = app.db().write(|tx| tx.forget_old_keys()).await {
            tracing::warn!(error = %problem, "old idempotency keys cannot be removed");
        }
    }
}

const MIGRATE_HELP: &str = "\
shouwen migrate — steps of the database schema

  status   lists the steps that are missing:   shouwen migrate status --data ./data
  up       applies them in one transaction:    shouwen migrate up --data ./data

`shouwen serve` applies what is missing by itself. Options: --data DIR, --database URL, --config FILE.";

const CONFIG_HELP: &str = "\
shouwen config — the settings in force: defaults < file < environment < command line

  show     prints them without secrets:        shouwen config show --config ./shouwen.toml
  check    says what is wrong with them:       shouwen config check --listen 0.0.0.0:8080

Options: those of `shouwen serve`.";

/// `shouwen migrate status|up`
pub fn migrate(arguments: &[String]) -> i32 {
    let (verb, rest) = arguments.split_first().map_or(("", arguments), |(v, r)| (v.as_str(), r));
    let run = || -> Result<(), Problem> {
        let config = Config::load(&Args::read(rest, OPTIONS, &[])?)?;
        let instance = instance::open(config, verb == "up")?;
        let steps = if verb == "up" { migrate::run(&instance.db, &migrations())? } else { migrate::pending(&instance.db, &migrations())? };
        let word = if verb == "up" { "applied" } else { "pending" };
        for step in &steps {
            println!("{word}  {step}");
        }
        println!("{} {word}", steps.len());
        instance.db.close();
        Ok(())
    };
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        println!("{MIGRATE_HELP}");
        return 0;
    }
    if verb != "status" && verb != "up" {
        eprintln!("shouwen migrate: use `shouwen migrate status --data DIR` or `shouwen migrate up --data DIR`; `serve` applies what is missing by itself");
        return 2;
    }
    run().map_or_else(|p| fail(&p), |()| 0)
}

/// `shouwen config show|check`
pub fn config(arguments: &[String]) -> i32 {
    let (verb, rest) = arguments.split_first().map_or(("", arguments), |(v, r)| (v.as_str(), r));
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        println!("{CONFIG_HELP}");
        return 0;
    }
    if verb != "show" && verb != "check" {
        eprintln!("shouwen config: use `shouwen config show` (secrets are left out) or `shouwen config check`, with the options of `serve`");
        return 2;
    }
    // `--effective --redact` are accepted for habit; what is shown is always both.
    match Args::read(rest, OPTIONS, &["effective", "redact"]).and_then(|args| Config::load(&args)) {
        Ok(config) => {
            println!("{}", if verb == "show" { config.redacted() } else { "the settings are in order".into() });
            0
        }
        Err(problem) => fail(&problem),
    }
}

/// `shouwen openapi`
pub fn openapi() -> i32 {
    match shouwen_web::api_document(modules::all()).to_pretty_json() {
        Ok(text) => {
            use std::io::Write;
            // A reader that has seen enough (`| head`) is no failure.
            let _ = writeln!(std::io::stdout(), "{text}");
            0
        }
        Err(error) => fail(&Problem::internal(error)),
    }
}
