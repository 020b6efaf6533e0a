//! `shouwen serve`.

use std::net::SocketAddr;
use std::time::Duration;

use shouwen_kernel::{Kind, Problem, Result};

use crate::args::{Args, fail};
use crate::config::{Config, OPTIONS};
use crate::instance::{Instance, open_ready};
use crate::{assets, docs_page, modules, ops};

const HELP: &str = "\
shouwen serve — start the server

  --data DIR               folder for the database, files and keys (default ./data; created when missing)
  --database URL           PostgreSQL 15 or newer instead of the built-in SQLite: postgres://user:password@host/name
  --listen IP:PORT         default 127.0.0.1:8080
  --base-url URL           how people reach it, for links in mails: https://desk.example.com
  --trusted-proxies N      believe N entries of X-Forwarded-For (default 0)
  --allow-private-host H   let webhooks and inboxes reach this private host, e.g. your own mail server (may be repeated)
  --mail-max-recipients N  above this a mail waits in quarantine (default 100); likewise --mail-max-mib (50),
                           --mail-max-parts (200), --mail-max-depth (30), --mail-max-header-lines (1000)
  --unreferenced-days N    attachments and mails that nothing refers to any more go after N days (default 30)
  --log LEVEL              info (default), debug, warn … or per part: shouwen_email=debug
  --log-format text|json
  --config FILE            TOML with the same names; environment: SHOUWEN_DATA, SHOUWEN_LISTEN …, secrets also as SHOUWEN_DATABASE_FILE

Example: shouwen serve --data /var/lib/shouwen --listen 0.0.0.0:8080 --base-url https://desk.example.com
SIGTERM stops it after finishing what it has begun. It is ready when GET /readyz answers 200.
";

/// Runs until asked to stop; the exit code.
pub fn run(arguments: &[String]) -> i32 {
    let args = match Args::read(arguments, OPTIONS, &["help"]) {
        Ok(args) => args,
        Err(problem) => return fail(&problem),
    };
    if args.has("help") {
        print!("{HELP}");
        return 0;
    }
    match start(&args) {
        Ok(()) => 0,
        Err(problem) => fail(&problem),
    }
}

/// Log lines to standard error.
pub fn start_logging(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log).unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start within one process (tests) keeps the first.
    let _ = if config.log_format == "json" { builder.json().try_init() } else { builder.with_target(false).try_init() };
}

fn start(args: &Args) -> Result<()> {
    if let Some(extra) = args.rest.first() {
        return Err(Problem::new(Kind::Invalid, "usage", format!("`{extra}` is not understood here")).expected("options only; see shouwen serve --help"));
    }
    let config = Config::load(args)?;
    start_logging(&config);
    // rustls needs to be told once which cryptography to use.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let instance = open_ready(config, true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| Problem::internal(format!("cannot start the runtime: {e}")))?;
    let outcome = runtime.block_on(serve(&instance));
    // Background tasks end with the runtime; what they were writing is finished by the database threads.
    runtime.shutdown_timeout(Duration::from_secs(5));
    instance.db.close();
    outcome
}

async fn serve(instance: &Instance) -> Result<()> {
    let app = &instance.app;
    let listener = tokio::net::TcpListener::bind(&instance.config.listen)
        .await
        .map_err(|e| Problem::new(Kind::Invalid, "listen", format!("cannot listen on {}: {e}", instance.config.listen)).expected("a free port: --listen 127.0.0.1:8081"))?;
    let address = listener.local_addr().map_err(Problem::internal)?;
    run_background(instance);
    let router = shouwen_web::router(app, modules::all(), assets::routes()).merge(ops::routes(app)).merge(docs_page::routes());
    announce(instance, address)?;
    let stopping = app.stopping();
    let signal = {
        let stopping = stopping.clone();
        async move {
            wait_for_signal().await;
            tracing::info!("stopping: finishing what has begun");
            stopping.cancel();
        }
    };
    let server = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).with_graceful_shutdown(signal);
    let limit = async {
        stopping.cancelled().await;
        tokio::time::sleep(Duration::from_secs(10)).await;
    };
    tokio::select! {
        outcome = server => outcome.map_err(|e| Problem::internal(format!("the server failed: {e}"))),
        () = limit => Ok(()),
    }
}

/// Subscribers, timers, effects and the modules' own tasks.
fn run_background(instance: &Instance) {
    let (db, app) = (&instance.db, &instance.app);
    let mut timers = Vec::new();
    for module in modules::all() {
        for subscription in module.subscriptions {
            tokio::spawn(db.clone().run_subscription(subscription));
        }
        timers.extend(module.timers);
        for handler in (module.effects)(app) {
            tokio::spawn(db.clone().run_effects(handler));
        }
        for task in module.tasks {
            tokio::spawn(task(app.clone()));
        }
    }
    tokio::spawn(db.clone().run_timers(timers));
    tokio::spawn(ops::housekeeping(app.clone()));
    tokio::spawn(crate::blobs::keep(app.clone(), instance.config.clone()));
}

/// Tells where it is and, before set-up, how to begin.
fn announce(instance: &Instance, address: SocketAddr) -> Result<()> {
    let base = if instance.config.base_url.ends_with(":0") { format!("http://{address}") } else { instance.config.base_url.clone() };
    println!("Shouwen {} is ready at {base}", env!("CARGO_PKG_VERSION"));
    if let Some(token) = shouwen_identity::setup_token(&instance.db)? {
        println!("Set it up here, once: {base}/setup?token={token}");
        println!("首次使用请打开上面的一次性链接完成设置。");
    }
    use std::io::Write;
    let _ = std::io::stdout().flush();
    Ok(())
}

async fn wait_for_signal() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
        }
        Err(_) => {
            let _ = interrupt.await;
        }
    }
}
