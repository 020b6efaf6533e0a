//! Rows are chained in log order, by one node at a time.

use shouwen_audit::{Head, Heads, heads_path, row_hash, seal, verify};
use shouwen_store::{AUDIT_COLUMNS, AuditRow, Location, params};
use shouwen_testkit::on_both;

use crate::*;

#[test]
fn rows_are_chained_and_the_head_is_signed() {
    on_both(modules, |app| {
        assert!(verify(&app.db, None).unwrap().ok, "an empty audit is whole");
        deeds(&app, 1203);
        let before = verify(&app.db, None).unwrap();
        assert_eq!((before.ok, before.sealed, before.unsealed), (true, 0, 1203));
        seal_all(&app);
        let rows: Vec<AuditRow> = app.db.read_blocking(|tx| tx.all(&format!("SELECT {AUDIT_COLUMNS} FROM audit AS a ORDER BY a.chain"), params![])).unwrap();
        let mut hash = "0".repeat(64);
        for (i, row) in rows.iter().enumerate() {
            assert_eq!(row.chain, Some(i as i64 + 1));
            hash = row_hash(&hash, i as i64 + 1, row);
            assert_eq!(row.hash.as_deref(), Some(hash.as_str()));
            assert!(row.is_marked(app.app.keys()));
        }
        assert!(rows.windows(2).all(|pair| pair[0].position < pair[1].position));
        let head = app.db.read_blocking(Head::stored).unwrap().unwrap();
        assert_eq!((head.chain, head.hash.as_str()), (1203, hash.as_str()));
        assert!(head.is_ours(app.app.keys()));
        deeds(&app, 7);
        let begun = std::time::Instant::now();
        let report = verify(&app.db, None).unwrap();
        eprintln!("{:?}: 1210 rows verified in {:?} (unoptimised)", app.engine(), begun.elapsed());
        assert_eq!((report.ok, report.sealed, report.unsealed), (true, 1203, 7), "{report}");
        seal_all(&app);
        assert_eq!(verify(&app.db, None).unwrap().sealed, 1210);
    });
}

#[test]
fn many_writers_and_two_sealers_make_one_whole_chain() {
    on_both(modules, |app| {
        let writers: Vec<_> = (0..8)
            .map(|w| {
                let (db, ctx) = (app.db.clone(), app.system());
                std::thread::spawn(move || {
                    for i in 0..60i64 {
                        let ctx = ctx.clone();
                        db.write_blocking(move |tx| {
                            tx.audit(&ctx, "test.written", "test", None, Some(serde_json::json!({ "w": w, "i": i })))?;
                            if i % 9 == 0 { Err(shouwen_kernel::Problem::internal("undone")) } else { Ok(()) }
                        })
                        .ok();
                    }
                })
            })
            .collect();
        let sealers: Vec<_> = ["a", "b"]
            .into_iter()
            .map(|name| {
                let db = app.db.clone();
                std::thread::spawn(move || (0..150).filter(|_| matches!(db.write_blocking(move |tx| seal(tx, name)), Ok(Some(_)))).count())
            })
            .collect();
        writers.into_iter().for_each(|w| w.join().unwrap());
        let sealed: Vec<usize> = sealers.into_iter().map(|s| s.join().unwrap()).collect();
        assert!(sealed.contains(&0), "one holds the lease, the other waits: {sealed:?}");
        app.clock.advance(60);
        seal_all(&app);
        let report = verify(&app.db, None).unwrap();
        assert_eq!((report.ok, report.sealed, report.unsealed), (true, 8 * 53, 0), "{report}");
    });
}

#[test]
fn heads_kept_outside_find_a_database_that_was_rolled_back_whole() {
    on_both(modules, |app| {
        let heads = Heads::at(heads_path(app.folder()));
        deeds(&app, 50);
        seal_all(&app);
        let early = app.db.read_blocking(Head::stored).unwrap().unwrap();
        heads.add(&early).unwrap();
        deeds(&app, 50);
        seal_all(&app);
        heads.add(&app.db.read_blocking(Head::stored).unwrap().unwrap()).unwrap();
        assert!(verify(&app.db, Some(&heads)).unwrap().ok);
        // The end is cut off, and the old head with its true signature is put back.
        let old = serde_json::to_value(&early).unwrap();
        app.db
            .write_blocking(move |tx| {
                tx.execute("DELETE FROM audit WHERE chain > 50", params![])?;
                tx.execute("UPDATE setting SET value = ?1 WHERE name = 'audit.head'", params![old])
            })
            .unwrap();
        assert!(verify(&app.db, None).unwrap().ok, "from inside nothing is to be seen");
        let report = verify(&app.db, Some(&heads)).unwrap();
        assert!(!report.ok && report.to_string().contains("had reached 100"), "{report}");
        // Everything is gone, head and all.
        app.db.write_blocking(|tx| { tx.execute("DELETE FROM audit", params![])?; tx.execute("DELETE FROM setting WHERE name = 'audit.head'", params![]) }).unwrap();
        assert!(!verify(&app.db, Some(&heads)).unwrap().ok);
        // A forged file of heads is told too.
        std::fs::write(heads_path(app.folder()), "{\"chain\":0,\"hash\":\"\",\"at\":\"2026-01-01T00:00:00Z\",\"signature\":\"00\"}\nrubbish\n").unwrap();
        assert_eq!(verify(&app.db, Some(&heads)).unwrap().findings.len(), 2);
    });
}

#[test]
fn the_server_seals_by_itself_and_keeps_heads_outside() {
    on_both(modules, |app| {
        deeds(&app, 20);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let task = shouwen_audit::module().tasks[0];
        let running = runtime.spawn(task(app.app.clone()));
        let begun = std::time::Instant::now();
        while verify(&app.db, None).unwrap().sealed < 20 {
            assert!(begun.elapsed().as_secs() < 180, "the server seals");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        app.app.stopping().cancel();
        runtime.block_on(async { tokio::time::timeout(std::time::Duration::from_secs(180), running).await }).expect("it ends with the server").unwrap();
        let heads = Heads::at(heads_path(app.folder())).read().unwrap();
        assert!(heads.last().unwrap().as_ref().unwrap().chain >= 20);
    });
}

#[test]
fn a_backup_verifies_as_the_original_did() {
    on_both(modules, |app| {
        let Location::Sqlite(_) = app.db.location() else { return };
        deeds(&app, 100);
        seal_all(&app);
        let copy = app.folder().join("copy.db");
        app.db.backup_to(&copy).unwrap();
        let services = shouwen_store::Services {
            clock: app.clock.clone(),
            ids: std::sync::Arc::new(shouwen_kernel::Ids::seeded(1)),
            keys: std::sync::Arc::new(shouwen_crypt::Keys::for_tests()),
            blobs: shouwen_store::Blobs::at(&app.folder().join("b2")).unwrap(),
        };
        let db = shouwen_store::Db::open(&Location::Sqlite(copy), services).unwrap();
        assert_eq!(verify(&db, None).unwrap().sealed, 100);
        db.close();
    });
}
