//! `cargo run --release -p shouwen-store --example store_bench [-- postgres://…]`: what the store carries on this
//! machine. Without an argument SQLite in a temporary folder (give a folder to choose the disk).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use shouwen_contracts::Event;
use shouwen_crypt::Keys;
use shouwen_kernel::{Ids, ObjectId, Problem, Result, SystemClock, WorkspaceId};
use shouwen_store::{Blobs, Ctx, Db, Location, MIGRATIONS, Migration, Position, Services, Tx, migrate, params};

#[derive(Clone)]
struct Written;
impl Event for Written {
    const KINDS: &'static [&'static str] = &["bench.written"];
    fn kind(&self) -> &'static str {
        "bench.written"
    }
    fn payload(&self) -> serde_json::Result<serde_json::Value> {
        Ok(serde_json::json!({ "title": "客户来信：账单与上月不符，请核实并回复", "priority": "normal", "team": "华南一组", "tags": ["账单", "核实"], "text": "您好，我的账单比上个月多了很多，请帮我看看是什么原因，谢谢。" }))
    }
    fn from_parts(_: &str, _: serde_json::Value) -> Option<serde_json::Result<Self>> {
        Some(Ok(Self))
    }
}

const TABLE: Migration = Migration { capability: "bench", version: 1, sql: "CREATE TABLE bench_row (\n  id {id} PRIMARY KEY,\n  n {int} NOT NULL,\n  title {text} NOT NULL,\n  fields {json} NOT NULL\n);" };

/// One unit of work of the usual shape: a row and its event.
fn unit(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<ObjectId> {
    let id: ObjectId = tx.id();
    tx.execute(
        "INSERT INTO bench_row (id, n, title, fields) VALUES (?1, ?2, ?3, ?4)",
        params![id, tx.now().micros(), "客户来信：账单与上月不符", serde_json::json!({ "product": "宽带", "city": "广州" })],
    )?;
    tx.emit::<Written>(&Ctx::system(workspace, "bench"), Some(id.0), None, Written)?;
    Ok(id)
}

/// Runs `work` on `clients` threads for `span`; calls a second.
fn rate(clients: usize, span: Duration, work: impl Fn(usize) + Send + Sync) -> f64 {
    let (count, begun) = (AtomicU64::new(0), Instant::now());
    std::thread::scope(|scope| {
        for client in 0..clients {
            let (count, work) = (&count, &work);
            scope.spawn(move || {
                while begun.elapsed() < span {
                    work(client);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    count.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
}

fn main() -> Result<()> {
    let argument = std::env::args().nth(1);
    let folder = std::env::temp_dir().join(format!("shouwen-store-bench-{}", std::process::id()));
    let folder = argument.as_deref().filter(|a| !a.starts_with("postgres")).map_or(folder, std::path::PathBuf::from);
    std::fs::create_dir_all(&folder).map_err(Problem::internal)?;
    let location = match argument.filter(|a| a.starts_with("postgres")) {
        Some(url) => Location::Postgres { url, schema: Some(format!("bench_{}", std::process::id())) },
        None => Location::Sqlite(folder.join("bench.db")),
    };
    let services = Services { clock: Arc::new(SystemClock), ids: Arc::new(Ids::system()), keys: Arc::new(Keys::for_tests()), blobs: Blobs::at(&folder.join("blobs"))? };
    let db = Db::open(&location, services)?;
    migrate::run(&db, &[MIGRATIONS[0], TABLE])?;
    let workspace = db.write_blocking(|tx| tx.create_workspace("bench", "Asia/Shanghai", "zh-CN"))?;
    println!("{location:?}");
    for clients in [1, 32, 128] {
        let per_second = rate(clients, Duration::from_secs(4), |_| {
            if let Err(problem) = db.write_blocking(move |tx| unit(tx, workspace)) {
                eprintln!("{problem}");
            }
        });
        println!("durable units of work (row + event), {clients:>3} clients: {per_second:>9.0} /s");
    }
    let ids: Arc<Vec<ObjectId>> = Arc::new(db.read_blocking(|tx| tx.all::<(ObjectId,)>("SELECT id FROM bench_row LIMIT 20000", params![]))?.into_iter().map(|r| r.0).collect());
    let next = AtomicU64::new(0);
    for clients in [1, 32] {
        let per_second = rate(clients, Duration::from_secs(3), |_| {
            let id = ids[next.fetch_add(7919, Ordering::Relaxed) as usize % ids.len()];
            let row = db.read_blocking(move |tx| tx.opt::<(String, serde_json::Value)>("SELECT title, fields FROM bench_row WHERE id = ?1", params![id]));
            assert!(matches!(row, Ok(Some(_))));
        });
        println!("reads by primary key, {clients:>3} clients: {per_second:>9.0} /s");
    }
    let own = ids.clone();
    let begun = Instant::now();
    db.read_blocking(move |tx| (0..20_000).try_for_each(|i| tx.opt::<(String, serde_json::Value)>("SELECT title, fields FROM bench_row WHERE id = ?1", params![own[i * 7919 % own.len()]]).map(|_| ())))?;
    println!("reads by primary key within one unit of work: {:>9.0} /s", 20_000.0 / begun.elapsed().as_secs_f64());
    let (mut at, mut read, begun) = (Position::default(), 0usize, Instant::now());
    loop {
        let batch = db.read_blocking(move |tx| tx.events_after(at, 500))?;
        let Some(last) = batch.last() else { break };
        at = last.position;
        read += batch.len();
    }
    println!("log tail: {:>9.0} events/s ({read} read)", read as f64 / begun.elapsed().as_secs_f64());
    if let Location::Postgres { schema: Some(schema), .. } = &location {
        let drop = format!("DROP SCHEMA \"{schema}\" CASCADE");
        db.write_blocking(move |tx| tx.batch(&drop))?;
    }
    db.close();
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}
