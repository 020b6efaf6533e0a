//! Whoever has the database, but not the keys, cannot change the audit unseen.

use shouwen_audit::{Head, Report, row_hash, verify_tx};
use shouwen_kernel::{Kind, Problem, Result};
use shouwen_store::{AUDIT_COLUMNS, AuditRow, Engine, Tx, params};
use shouwen_testkit::{TestApp, on_both};

use crate::*;

const SEALED: u64 = 60;
const UNSEALED: u64 = 8;

/// Carries out `tamper` in a transaction, checks what it left, and takes it back.
fn checked(app: &TestApp, seed: u64) -> (String, Report) {
    let slot = std::sync::Arc::new(std::sync::Mutex::new(None));
    let out = slot.clone();
    let undone = app.db.write_blocking(move |tx| {
        let what = tamper(tx, &Dice(shouwen_kernel::Ids::seeded(seed)))?;
        *out.lock().unwrap() = Some((what, verify_tx(tx, &[])?));
        Err::<(), _>(Problem::new(Kind::Conflict, "test.undo", "undo"))
    });
    let problem = undone.unwrap_err();
    assert_eq!(problem.code, "test.undo", "seed {seed}: {problem}");
    slot.lock().unwrap().take().unwrap()
}

fn rows(tx: &Tx<'_>) -> Result<Vec<AuditRow>> {
    tx.all(&format!("SELECT {AUDIT_COLUMNS} FROM audit AS a WHERE a.chain IS NOT NULL ORDER BY a.chain"), params![])
}

/// Writes the hashes anew from row `from` on, as anybody can who has read this program.
fn rehash(tx: &Tx<'_>, from: i64) -> Result<(i64, String)> {
    let mut hash = "0".repeat(64);
    let mut last = 0;
    for row in rows(tx)? {
        let chain = row.chain.unwrap_or_default();
        if chain >= from {
            hash = row_hash(&hash, chain, &row);
            tx.execute("UPDATE audit SET hash = ?2 WHERE seq = ?1", params![row.position.seq, hash])?;
        } else {
            hash = row.hash.unwrap_or_default();
        }
        last = chain;
    }
    Ok((last, hash))
}

/// Puts a head there without the key: the numbers are right, the signature is the old one's.
fn forge_head(tx: &Tx<'_>, chain: i64, hash: &str) -> Result<()> {
    let head = Head::stored(tx)?.ok_or_else(|| Problem::internal("no head"))?;
    let forged = serde_json::json!({ "chain": chain, "hash": hash, "at": head.at, "signature": head.signature });
    tx.execute("UPDATE setting SET value = ?1 WHERE name = 'audit.head'", params![forged]).map(|_| ())
}

fn copy_row(tx: &Tx<'_>, from: i64, chain: Option<i64>, hash: Option<&str>, action: Option<&str>) -> Result<u64> {
    tx.execute(
        "INSERT INTO audit (workspace_id, at, actor, actor_id, action, object, object_id, ip, detail, chain, hash, origin)
         SELECT workspace_id, at, actor, actor_id, COALESCE(?4, action), object, object_id, ip, detail, ?2, ?3, origin FROM audit WHERE chain = ?1",
        params![from, chain, hash, action],
    )
}

/// One of many ways to change the audit; what was done, in words.
fn tamper(tx: &Tx<'_>, dice: &Dice) -> Result<String> {
    let n = SEALED as i64;
    let at = 1 + dice.below(SEALED) as i64;
    let edit = |dice: &Dice, by: &str, id: i64| -> Result<String> {
        let (column, value) = [
            ("action", "'customer.listed'"),
            ("object", "'nothing'"),
            ("ip", "'203.0.113.99'"),
            ("detail", "'{\"z\":\"changed\"}'"),
            ("actor", "'{\"kind\":\"system\",\"name\":\"nobody\"}'"),
            ("at", "at + 1"),
            ("origin", "'00000000000000000000000000000000'"),
            ("ip", "COALESCE(ip, '') || ' '"),
            ("detail", "'{}'"),
        ][dice.below(9) as usize];
        tx.execute(&format!("UPDATE audit SET {column} = {value} WHERE {by} = ?1"), params![id])?;
        Ok(format!("edit {column} of {by} {id}"))
    };
    Ok(match dice.below(18) {
        0..=3 => edit(dice, "chain", at)?,
        4 => {
            let id = uuid::Uuid::from_u128(4242);
            let column = ["actor_id", "object_id", "workspace_id"][dice.below(3) as usize];
            tx.execute(&format!("UPDATE audit SET {column} = ?2 WHERE chain = ?1"), params![at, id])?;
            format!("edit {column} of {at}")
        }
        5 => {
            tx.execute("DELETE FROM audit WHERE chain = ?1", params![at])?;
            format!("delete {at}")
        }
        6 => {
            tx.execute("DELETE FROM audit WHERE chain > ?1", params![n - at])?;
            format!("cut off the last {at}")
        }
        7 => {
            let at = at.min(n - 1);
            tx.execute("DELETE FROM audit WHERE chain = ?1", params![at])?;
            for chain in at + 1..=n {
                tx.execute("UPDATE audit SET chain = ?2 WHERE chain = ?1", params![chain, chain - 1])?;
            }
            let (last, hash) = rehash(tx, at)?;
            if dice.below(2) == 0 {
                forge_head(tx, last, &hash)?;
            }
            format!("delete {at}, close the gap, hash anew")
        }
        8 => {
            copy_row(tx, at, Some(n + 1), None, Some("customer.deleted"))?;
            let (last, hash) = rehash(tx, n + 1)?;
            if dice.below(2) == 0 {
                forge_head(tx, last, &hash)?;
            }
            "add a made-up row at the end, with the right hash".to_owned()
        }
        9 => {
            for chain in (at..=n).rev() {
                tx.execute("UPDATE audit SET chain = ?2 WHERE chain = ?1", params![chain, chain + 1])?;
            }
            let from = if at == 1 { 2 } else { 1 };
            copy_row(tx, from, Some(at), None, None)?;
            let (last, hash) = rehash(tx, at)?;
            if dice.below(2) == 0 {
                forge_head(tx, last, &hash)?;
            }
            format!("insert a copy at {at}, hash anew")
        }
        10 => {
            copy_row(tx, at, None, None, (dice.below(2) == 0).then_some("customer.deleted"))?;
            format!("add a copy of {at} for the sealer to take in")
        }
        11 => {
            let other = 1 + (at + dice.below(SEALED - 1) as i64) % n;
            let (from, to) = (at.min(other), at.max(other));
            if from == to {
                return edit(dice, "chain", at);
            }
            let hashes = |chain: i64| tx.one::<(i64, Option<String>)>("SELECT seq, hash FROM audit WHERE chain = ?1", params![chain]);
            let (a, b) = (hashes(from)?, hashes(to)?);
            tx.execute("UPDATE audit SET chain = NULL WHERE seq = ?1", params![a.0])?;
            tx.execute("UPDATE audit SET chain = ?2, hash = ?3 WHERE seq = ?1", params![b.0, from, a.1])?;
            tx.execute("UPDATE audit SET chain = ?2, hash = ?3 WHERE seq = ?1", params![a.0, to, b.1])?;
            if dice.below(2) == 0 {
                let (last, hash) = rehash(tx, from)?;
                forge_head(tx, last, &hash)?;
            }
            format!("change the order of {from} and {to}")
        }
        12 => {
            let other = 1 + at % n;
            let content = |chain: i64| tx.one::<(String, Option<uuid::Uuid>, Option<serde_json::Value>, Option<String>)>("SELECT action, object_id, detail, origin FROM audit WHERE chain = ?1", params![chain]);
            let (a, b) = (content(at)?, content(other)?);
            for (chain, row) in [(at, &b), (other, &a)] {
                tx.execute("UPDATE audit SET action = ?2, object_id = ?3, detail = ?4, origin = ?5 WHERE chain = ?1", params![chain, row.0, row.1, row.2, row.3])?;
            }
            format!("exchange what {at} and {other} say")
        }
        13 => {
            tx.execute("DELETE FROM audit WHERE chain > ?1", params![n - at])?;
            let hash = tx.opt::<(Option<String>,)>("SELECT hash FROM audit WHERE chain = ?1", params![n - at])?.and_then(|row| row.0).unwrap_or_else(|| "0".repeat(64));
            forge_head(tx, n - at, &hash)?;
            format!("cut off the last {at} and move the head")
        }
        14 => {
            tx.execute("DELETE FROM setting WHERE name = 'audit.head'", params![])?;
            "remove the head".to_owned()
        }
        15 => {
            tx.execute("UPDATE audit SET chain = NULL, hash = NULL WHERE chain = ?1", params![at])?;
            format!("unseal {at}")
        }
        16 => {
            let unsealed: Vec<(i64,)> = tx.all("SELECT seq FROM audit WHERE chain IS NULL ORDER BY seq", params![])?;
            edit(dice, "seq", unsealed[dice.below(UNSEALED) as usize].0)?
        }
        _ => {
            tx.execute("UPDATE audit SET chain = ?2 WHERE chain = ?1", params![at, -at])?;
            format!("move {at} out of the chain")
        }
    })
}

#[test]
fn a_thousand_random_tampers_are_all_found() {
    on_both(modules, |app| {
        deeds(&app, SEALED);
        seal_all(&app);
        deeds(&app, UNSEALED);
        let whole = app.db.read_blocking(|tx| verify_tx(tx, &[])).unwrap();
        assert_eq!((whole.ok, whole.sealed, whole.unsealed), (true, SEALED as i64, UNSEALED as i64), "{whole}");
        // The check is the same code on both; PostgreSQL only has the slower transactions.
        let rounds: u64 = if app.engine() == Engine::Sqlite { 1000 } else { 300 };
        let mut kinds = std::collections::BTreeMap::new();
        for seed in 0..rounds {
            let (what, report) = checked(&app, seed);
            assert!(!report.ok && !report.findings.is_empty(), "seed {seed}: `{what}` was not found on {:?}", app.engine());
            *kinds.entry(what.split(' ').next().unwrap_or_default().to_owned()).or_insert(0) += 1;
        }
        eprintln!("{:?}: {rounds} tampers, {rounds} found: {kinds:?}", app.engine());
        assert!(app.db.read_blocking(|tx| verify_tx(tx, &[])).unwrap().ok, "and none of them stayed");
    });
}

#[test]
fn what_is_found_is_named_by_place() {
    on_both(modules, |app| {
        deeds(&app, 30);
        seal_all(&app);
        app.db.write_blocking(|tx| tx.execute("UPDATE audit SET ip = '203.0.113.1' WHERE chain = 7", params![])).unwrap();
        app.db.write_blocking(|tx| tx.execute("DELETE FROM audit WHERE chain IN (12, 13)", params![])).unwrap();
        app.db.write_blocking(|tx| tx.execute("DELETE FROM audit WHERE chain > 28", params![])).unwrap();
        let report = app.db.read_blocking(|tx| verify_tx(tx, &[])).unwrap();
        let text = report.to_string();
        for words in ["row 7 (number 7)", "rows 12 to 13 of the chain are missing", "rows 29 to 30 at the end"] {
            assert!(text.contains(words), "{text}");
        }
    });
}

/// B24: rows that no longer parse are named, what comes after them is checked, sealed and listed all the same.
#[test]
fn a_row_that_cannot_be_read_is_named_and_the_others_are_checked() {
    on_both(modules, |app| {
        deeds(&app, SEALED);
        seal_all(&app);
        deeds(&app, UNSEALED);
        let postgres = app.engine() == Engine::Postgres;
        app.db
            .write_blocking(move |tx| {
                // jsonb takes no rubbish; there the same hand can only write another value.
                let rubbish = if postgres { "'\"x\"'" } else { "'x'" };
                tx.execute(&format!("UPDATE audit SET actor = {rubbish} WHERE chain IN (5, 7)"), params![])?;
                tx.execute("UPDATE audit SET ip = '203.0.113.99' WHERE chain = 40", params![])?;
                tx.execute(&format!("UPDATE audit SET detail = {rubbish} WHERE chain IS NULL AND seq = (SELECT min(seq) FROM audit WHERE chain IS NULL)"), params![])?;
                if !postgres {
                    tx.execute("UPDATE audit SET workspace_id = x'01' WHERE chain = 50", params![])?;
                }
                Ok(())
            })
            .unwrap();
        let report = app.db.read_blocking(|tx| verify_tx(tx, &[])).unwrap();
        assert!(!report.ok);
        let found: Vec<i64> = report.findings.iter().filter_map(|f| f.chain).collect();
        assert_eq!(found, if postgres { vec![5, 7, 40] } else { vec![5, 7, 40, 50] }, "{report}");
        assert_eq!((report.sealed, report.unsealed), (SEALED as i64, UNSEALED as i64));
        assert_eq!(report.findings.iter().filter(|f| f.chain.is_none()).count(), 1, "the unsealed one: {report}");
        if !postgres {
            assert!(report.findings[0].message.contains("row 5 (number 5) was changed and cannot be read: `actor`"), "{report}");
            assert!(report.findings[3].message.contains("`workspace_id`"), "{report}");
        }
        // The sealer goes on, and so does the list.
        let left = if postgres { 0 } else { 1 };
        for _ in 0..200 {
            app.db.write_blocking(|tx| shouwen_audit::seal(tx, "test").map(|_| ())).unwrap();
        }
        let (waiting,): (i64,) = app.db.read_blocking(|tx| tx.one("SELECT count(*) FROM audit WHERE chain IS NULL", params![])).unwrap();
        assert!(waiting <= left.max(i64::from(postgres) * UNSEALED as i64), "{waiting}");
        let auditor = app.person("审计员", &["audit.read"]);
        let listed = app.get(&auditor, "/api/v1/audit?limit=200").expect(200);
        let unreadable = listed["items"].as_array().unwrap().iter().filter(|e| e["action"] == "audit.unreadable").count();
        // On SQLite the row of the other workspace is out of the list's reach.
        assert_eq!(unreadable, if postgres { 2 } else { 3 }, "{listed}");
    });
}
