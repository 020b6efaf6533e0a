//! Keeping the data whole: online backup, checks, a log that was restored into another PostgreSQL cluster.

use std::path::Path;
use std::time::Duration;

use shouwen_kernel::{Kind, Problem, Result};

use crate::tx::sqlite_problem;
use crate::{Db, Engine, Location, Tx, params};

/// Pages copied in one go (4 KiB each), and the pause after them: the disk also belongs to the writer.
const STEP_PAGES: i32 = 256;
const STEP_PAUSE: Duration = Duration::from_millis(4);
/// The copy is forced to disk this often, so that the writer's fsync never waits behind a heap of ours.
const SYNC_EVERY_PAGES: i64 = 2048;

/// A finished backup of the database file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    pub bytes: u64,
}

impl Db {
    /// Copies the SQLite database as it is now to `path` (which must not exist), while reading and writing go on.
    /// Blobs lie beside the database: copy their folder *after* this; files there never change.
    pub fn backup_to(&self, path: &Path) -> Result<Backup> {
        self.backup_with(path, &mut |_, _| {})
    }

    /// [`Db::backup_to`], telling `progress` (pages done, pages in all) after every step.
    pub fn backup_with(&self, path: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Backup> {
        let source = match self.location() {
            Location::Sqlite(source) => source,
            Location::Postgres { url, schema } => {
                let schema = schema.as_ref().map(|s| format!(" --schema='{s}'")).unwrap_or_default();
                return Err(Problem::new(Kind::Invalid, "backup.postgres", "PostgreSQL is backed up with its own tools").expected(format!(
                    "pg_dump --format=custom{schema} --file='{}' '{}'",
                    path.display(),
                    without_password(url)
                )));
            }
        };
        let failed = |e: std::io::Error| {
            let problem = Problem::new(Kind::Unavailable, "backup.failed", format!("cannot write {}: {e}", path.display()));
            if e.kind() == std::io::ErrorKind::StorageFull { problem.expected("free space, then try again") } else { problem }
        };
        if path.exists() {
            return Err(Problem::invalid("path", format!("{} exists already", path.display())).expected("a file name that is not taken"));
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = std::path::PathBuf::from(part);
        let copied = copy(source, &part, progress);
        if copied.is_err() {
            let _ = std::fs::remove_file(&part);
        }
        copied?;
        let file = std::fs::OpenOptions::new().read(true).write(true).open(&part).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        std::fs::rename(&part, path).map_err(failed)?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(folder).and_then(|f| f.sync_all()).map_err(failed)?;
        Ok(Backup { bytes })
    }

    /// What is wrong with the database; empty when nothing is. Reads all of it: minutes for many gigabytes.
    pub fn integrity_check(&self) -> Result<Vec<String>> {
        match self.engine() {
            Engine::Sqlite => self.read_blocking(|tx| {
                let mut found: Vec<String> = tx.all::<(String,)>("PRAGMA integrity_check(50)", params![])?.into_iter().map(|row| row.0).filter(|text| text != "ok").collect();
                let foreign: Vec<crate::Row> = tx.all("PRAGMA foreign_key_check", params![])?;
                found.extend(foreign.iter().take(50).map(|row| format!("a row of table {:?} names a row that is not there", row.0.first())));
                Ok(found)
            }),
            Engine::Postgres => self.read_blocking(|tx| {
                let broken: Vec<(String,)> = tx.all("SELECT c.relname::text FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid WHERE NOT i.indisvalid", params![])?;
                let mut found: Vec<String> = broken.into_iter().map(|(name,)| format!("index {name} is not valid; run REINDEX INDEX {name}")).collect();
                let (failures,): (i64,) = tx.one("SELECT COALESCE(sum(checksum_failures), 0)::bigint FROM pg_stat_database", params![])?;
                if failures > 0 {
                    found.push(format!("PostgreSQL has counted {failures} damaged pages; see pg_stat_database"));
                }
                Ok(found)
            }),
        }
    }
}

/// Copies inside one read snapshot: the copy need not begin again when somebody writes, and nobody waits for it.
fn copy(source: &Path, target: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
    let problem = |e: rusqlite::Error| sqlite_problem(&e, "backup");
    let _ = std::fs::remove_file(target);
    let from = crate::sqlite::open(source, true)?;
    let mut to = rusqlite::Connection::open(target).map_err(|e| Problem::new(Kind::Unavailable, "backup.failed", format!("cannot write {}: {e}", target.display())))?;
    to.execute_batch("PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF;").map_err(problem)?;
    from.execute_batch("BEGIN; SELECT count(*) FROM sqlite_master;").map_err(problem)?;
    {
        let backup = rusqlite::backup::Backup::new(&from, &mut to).map_err(problem)?;
        let synced = std::fs::File::open(target).map_err(|e| Problem::internal(format!("backup: {e}")))?;
        let mut since_sync = 0;
        loop {
            use rusqlite::backup::StepResult;
            match backup.step(STEP_PAGES).map_err(problem)? {
                StepResult::Done => break,
                StepResult::More => {}
                // Somebody else has the file for a moment.
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
            let at = backup.progress();
            progress(u64::try_from(at.pagecount - at.remaining).unwrap_or(0), u64::try_from(at.pagecount).unwrap_or(0));
            since_sync += i64::from(STEP_PAGES);
            if since_sync >= SYNC_EVERY_PAGES {
                since_sync = 0;
                synced.sync_data().map_err(|e| Problem::internal(format!("backup: {e}")))?;
            }
            std::thread::sleep(STEP_PAUSE);
        }
    }
    from.execute_batch("COMMIT").map_err(problem)?;
    to.close().map_err(|(_, e)| problem(e))
}

/// A connection string as it may be shown.
fn without_password(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| rest.split_once('@').map(|(login, place)| (scheme, login, place))) {
        Some((scheme, login, place)) => format!("{scheme}://{}@{place}", login.split(':').next().unwrap_or_default()),
        None => url.to_owned(),
    }
}

/// Log rows carry the number of the PostgreSQL transaction that wrote them. After a restore into another cluster those
/// numbers mean nothing, and may lie in the future, where no reader looks. Then the rows that some subscriber has not
/// read yet are put at the end in their old order, and all of them before every transaction of the new cluster.
/// Cheap when there is nothing to do. Runs before anything else at start.
pub(crate) fn adopt_restored_log(tx: &Tx<'_>) -> Result<bool> {
    if tx.engine() == Engine::Sqlite {
        return Ok(false);
    }
    let stranger = "SELECT 1 FROM event WHERE tx >= pg_snapshot_xmax(pg_current_snapshot()) AND tx <> pg_current_xact_id() LIMIT 1";
    if tx.opt::<(i64,)>(stranger, params![])?.is_none() {
        return Ok(false);
    }
    tx.batch("LOCK TABLE event, subscription IN ACCESS EXCLUSIVE MODE")?;
    let (from_tx, from_seq): (i64, i64) = tx.opt("SELECT tx, seq FROM subscription ORDER BY tx, seq LIMIT 1", params![])?.unwrap_or((0, 0));
    // Positions are found again by the rows they name; a new row number keeps (0, seq) in the old order.
    tx.batch(&format!(
        "CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
           SELECT tx AS old_tx, seq AS old_seq, (SELECT max(seq) FROM event) + row_number() OVER (ORDER BY event.tx, event.seq) AS new_seq
           FROM event WHERE (tx, seq) > ('{from_tx}'::xid8, {from_seq});
         CREATE TEMPORARY TABLE kept ON COMMIT DROP AS SELECT e.*, m.new_seq FROM event AS e JOIN moved AS m ON m.old_seq = e.seq;
         DELETE FROM event USING moved WHERE event.seq = moved.old_seq;
         INSERT INTO event (seq, tx, workspace_id, at, kind, subject, actor, access, payload) OVERRIDING SYSTEM VALUE
           SELECT new_seq, '0', workspace_id, at, kind, subject, actor, access, payload FROM kept ORDER BY new_seq;
         UPDATE event SET tx = '0' WHERE tx <> '0';
         SELECT setval(pg_get_serial_sequence('event', 'seq'), (SELECT max(seq) FROM event));
         UPDATE parked_event SET seq = moved.new_seq FROM moved WHERE parked_event.seq = moved.old_seq;
         UPDATE subscription SET tx = 0, seq = COALESCE(
           (SELECT max(new_seq) FROM moved WHERE (moved.old_tx, moved.old_seq) <= (subscription.tx::text::xid8, subscription.seq)),
           (SELECT max(seq) FROM event WHERE seq NOT IN (SELECT new_seq FROM moved)), 0);
         UPDATE audit SET tx = '0' WHERE tx <> '0';"
    ))?;
    tx.forget_log();
    tracing::warn!("the event log came from another PostgreSQL cluster; its positions were renumbered");
    Ok(true)
}
