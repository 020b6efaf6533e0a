//! Backup while the house is at work; checks that find damage.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use shouwen_kernel::SystemClock;
use shouwen_store::{Engine, Location, params};

use crate::house::*;

#[test]
fn a_backup_under_load_is_whole_and_writing_goes_on() {
    on_both(|house| {
        if house.engine() == Engine::Postgres {
            let problem = house.db.backup_to(&house.folder.path().join("x")).unwrap_err();
            assert_eq!(problem.code, "backup.postgres");
            assert!(problem.expected.unwrap().starts_with("pg_dump --format=custom"));
            return;
        }
        house.table("CREATE TABLE t (k {int} PRIMARY KEY, v {bytes} NOT NULL, twin {int} NOT NULL);");
        // About 40 MB, so that the copy takes a while.
        for start in 0..20i64 {
            house.write(move |tx| (0..500).try_for_each(|i| tx.execute("INSERT INTO t (k, v, twin) VALUES (?1, ?2, 0)", params![start * 500 + i, vec![i as u8; 4000]]).map(|_| ())));
        }
        let running = Arc::new(AtomicBool::new(true));
        let (db, on) = (house.db.clone(), running.clone());
        let writer = std::thread::spawn(move || {
            let mut slowest = Duration::ZERO;
            let mut k = 1_000_000i64;
            while on.load(Ordering::Relaxed) {
                let begun = Instant::now();
                db.write_blocking(move |tx| {
                    // Two rows that belong together: a copy must have both or none.
                    tx.execute("INSERT INTO t (k, v, twin) VALUES (?1, ?2, 1)", params![k, vec![1u8; 100]])?;
                    tx.execute("UPDATE t SET twin = twin + 1 WHERE k = 0", params![])
                })
                .unwrap();
                slowest = slowest.max(begun.elapsed());
                k += 1;
                std::thread::sleep(Duration::from_millis(3));
            }
            (slowest, k - 1_000_000)
        });
        std::thread::sleep(Duration::from_millis(50));
        let target = house.folder.path().join("copy.db");
        let mut steps = 0;
        let begun = Instant::now();
        let backup = house.db.backup_with(&target, &mut |done, all| {
            assert!(done <= all);
            steps += 1;
        });
        let took = begun.elapsed();
        running.store(false, Ordering::Relaxed);
        let (slowest, writes) = writer.join().unwrap();
        let backup = backup.unwrap();
        eprintln!("{} MiB copied in {took:?} ({steps} steps) beside {writes} writes, the slowest {slowest:?}", backup.bytes >> 20);
        assert!(backup.bytes > 30_000_000);
        let copy = open(&Location::Sqlite(target.clone()), house.folder.path(), Arc::new(SystemClock), 9);
        assert_eq!(copy.integrity_check().unwrap(), Vec::<String>::new());
        let (rows, sum): (i64, i64) = copy.read_blocking(|tx| tx.one("SELECT count(*) FILTER (WHERE twin = 1), (SELECT twin FROM t WHERE k = 0) FROM t WHERE k > 0", params![])).unwrap();
        assert_eq!(rows, sum, "the copy is one moment");
        copy.close();
        let again = house.db.backup_to(&target).unwrap_err();
        assert!(again.message.contains("exists"), "{again}");
        assert!(!target.with_extension("db.part").exists());
    });
}

#[test]
fn a_backup_that_cannot_be_written_says_why_and_leaves_nothing() {
    let house = House::new(Engine::Sqlite);
    let nowhere = house.folder.path().join("no/such/folder/copy.db");
    let problem = house.db.backup_to(&nowhere).unwrap_err();
    assert!(problem.message.contains("no/such/folder"), "{problem}");
}

#[test]
fn the_check_finds_nothing_on_a_healthy_base_and_something_on_a_sick_one() {
    on_both(|house| {
        house.write(|tx| (0..200).try_for_each(|n| note(tx, n)));
        assert_eq!(house.db.integrity_check().unwrap(), Vec::<String>::new());
        let Location::Sqlite(path) = &house.location else { return };
        let copy = house.folder.path().join("sick.db");
        house.db.backup_to(&copy).unwrap();
        let mut bytes = std::fs::read(&copy).unwrap();
        // Overwrite the middle of the file, page heads included.
        let (from, to) = (bytes.len() / 4, bytes.len() / 2);
        bytes[from..to].fill(0xA5);
        std::fs::write(&copy, bytes).unwrap();
        assert_ne!(path, &copy);
        let sick = open(&Location::Sqlite(copy), house.folder.path(), Arc::new(SystemClock), 10);
        assert!(sick.integrity_check().map_or(true, |found| !found.is_empty()));
        sick.close();
    });
}
