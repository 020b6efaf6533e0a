//! The sealer: one node at a time chains new rows in log order.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use shouwen_kernel::Result;
use shouwen_store::{AUDIT_COLUMNS, AuditRow, Engine, Tx, params};
use shouwen_web::App;

use crate::chain::{GENESIS, row_hash};
use crate::row::Found;
use crate::{Head, Heads, heads_path};

/// The lease of the one who seals.
pub const SEALER_LEASE: &str = "audit.sealer";
const BATCH: usize = 500;
/// A head goes to the file this often, or after that many rows.
const SHIP_EVERY_S: i64 = 60;
const SHIP_EVERY_ROWS: i64 = 1000;

/// Chains up to 500 rows; the new head and how many, or `None` while another node seals or there is nothing to seal.
/// On PostgreSQL rows of transactions younger than the oldest running one wait, so that none can appear before them.
pub fn seal(tx: &Tx<'_>, holder: &str) -> Result<Option<(Head, usize)>> {
    if tx.lease(SEALER_LEASE, holder, 30)?.is_none() {
        return Ok(None);
    }
    let settled = if tx.engine() == Engine::Postgres { " AND a.tx < pg_snapshot_xmin(pg_current_snapshot())" } else { "" };
    let found: Vec<Found> = tx.all(&format!("SELECT {AUDIT_COLUMNS} FROM audit AS a WHERE a.chain IS NULL{settled} ORDER BY a.tx, a.seq LIMIT ?1"), params![BATCH])?;
    // One that somebody made unreadable stays outside the chain (`verify` names it) and holds nothing up.
    let rows: Vec<AuditRow> = found.into_iter().filter_map(|f| f.row.ok()).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let (mut chain, mut hash) = Head::stored(tx)?.map_or_else(|| (0, GENESIS.to_owned()), |head| (head.chain, head.hash));
    for row in &rows {
        chain += 1;
        hash = row_hash(&hash, chain, row);
        tx.execute("UPDATE audit SET chain = ?2, hash = ?3 WHERE seq = ?1", params![row.position.seq, chain, hash])?;
    }
    let head = Head::signed(tx.keys(), chain, hash, tx.now());
    head.store(tx)?;
    Ok(Some((head, rows.len())))
}

/// Seals for as long as the server runs.
pub(crate) fn task(app: App) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(run(app))
}

async fn run(app: App) {
    let holder = app.ids().uuid(app.clock().now()).to_string();
    let heads = Heads::at(heads_path(&app.config().data_dir));
    let stopping = app.stopping();
    let mut shipped: Option<Head> = None;
    let mut latest: Option<Head> = None;
    loop {
        // A look costs a read; only unsealed rows cost a write.
        let waiting = app.db().read(|tx| tx.opt::<(i64,)>("SELECT 1 FROM audit WHERE chain IS NULL LIMIT 1", params![])).await;
        let mut full = false;
        match waiting {
            Ok(None) => {}
            Ok(Some(_)) => {
                let me = holder.clone();
                match app.db().write(move |tx| seal(tx, &me)).await {
                    Ok(Some((head, count))) => {
                        full = count >= BATCH;
                        latest = Some(head);
                    }
                    Ok(None) => {}
                    Err(problem) if problem.code == "store.stopped" => return,
                    Err(problem) => tracing::error!(error = %problem, "the audit could not be sealed; it will be tried again"),
                }
            }
            Err(problem) if problem.code == "store.stopped" => return,
            Err(problem) => tracing::error!(error = %problem, "the audit could not be read"),
        }
        let stop = stopping.is_cancelled();
        if let Some(head) = &latest
            && shipped.as_ref().is_none_or(|old| head.chain - old.chain >= SHIP_EVERY_ROWS || head.at.seconds() - old.at.seconds() >= SHIP_EVERY_S || (stop && head.chain > old.chain))
        {
            tracing::info!(chain = head.chain, hash = %head.hash, signature = %head.signature, "audit head");
            if let Err(problem) = heads.add(head) {
                tracing::error!(error = %problem, "the audit head could not be kept outside the database");
            }
            shipped = Some(head.clone());
        }
        if stop {
            return;
        }
        if !full {
            let _ = tokio::time::timeout(Duration::from_secs(1), stopping.cancelled()).await;
        }
    }
}
