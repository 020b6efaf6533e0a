//! Collecting blobs: what is named, or about to be, stays; what is not goes after its days, whatever happens in between.

use std::time::{Duration, SystemTime};

use shouwen_contracts::Event;
use shouwen_kernel::Result;
use shouwen_store::{BlobUse, Collector, Db, INLINE_LIMIT, Prepared, Round, Tx, params};

use uuid::Uuid;

use crate::house::{House, ctx, on_both};

const DAY: i64 = 86_400;
const GRACE: u32 = 10;

/// An event that names a blob.
#[derive(Clone, Debug)]
struct Told(String);

impl Event for Told {
    const KINDS: &'static [&'static str] = &["test.told"];
    fn kind(&self) -> &'static str {
        "test.told"
    }
    fn payload(&self) -> serde_json::Result<serde_json::Value> {
        Ok(serde_json::json!({ "files": [{ "sha256": self.0 }] }))
    }
    fn from_parts(kind: &str, payload: serde_json::Value) -> Option<serde_json::Result<Self>> {
        (kind == "test.told").then(|| Ok(Self(payload["files"][0]["sha256"].as_str().unwrap_or_default().to_owned())))
    }
}

fn tell(tx: &Tx<'_>, name: &str) -> Result<()> {
    tx.emit::<Told>(&ctx(), None, None, Told(name.to_owned()))
}

fn collector() -> Collector {
    Collector::new(vec![BlobUse { table: "note", column: "blob", key: "", only: "" }, BlobUse { table: "mail", column: "raw", key: "id", only: "state <> 'dismissed'" }], GRACE)
}

/// A house with two tables that name blobs, known for half a year.
fn furnished(house: &House) {
    house.table("CREATE TABLE note (id {int} PRIMARY KEY, blob {text} NOT NULL\n);CREATE TABLE mail (id {id} PRIMARY KEY, raw {text} NOT NULL, state {text} NOT NULL\n);");
    pass(house, 180);
}

fn pass(house: &House, days: i64) {
    house.clock.advance(days * DAY);
}

fn small(n: u8) -> Vec<u8> {
    vec![n; 100]
}

fn large(n: u8) -> Vec<u8> {
    vec![n; INLINE_LIMIT + 1]
}

fn keep(house: &House, bytes: Vec<u8>) -> String {
    house.write(move |tx| tx.put_blob(&bytes))
}

fn is_there(house: &House, name: &str) -> bool {
    let name = name.to_owned();
    house.read(move |tx| tx.blob(&name)).is_some()
}

/// As if nobody had touched the file for so long.
fn lain(house: &House, name: &str, days: u64) {
    let file = std::fs::File::open(house.db.services().blobs.path(name)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(days * 86_400)).unwrap();
}

fn round_on(db: &Db) -> Round {
    let round = collector().run(db, &mut || true).unwrap();
    assert!(round.finished, "{round:?}");
    round
}

fn round(house: &House) -> Round {
    round_on(&house.db)
}

#[test]
fn what_nothing_names_goes_after_its_days_and_what_something_names_stays() {
    on_both(|house| {
        furnished(house);
        let [noted, mailed, told, dismissed, loose, loose_large, kept_large] = [small(1), small(2), small(3), small(4), small(5), large(6), large(7)].map(|bytes| keep(house, bytes));
        let (n, m, t, d, k) = (noted.clone(), mailed.clone(), told.clone(), dismissed.clone(), kept_large.clone());
        house.write(move |tx| {
            tx.run("INSERT INTO note (id, blob) VALUES (1, ?1)", params![n])?;
            tx.run("INSERT INTO note (id, blob) VALUES (2, ?1)", params![k])?;
            tx.run("INSERT INTO mail (id, raw, state) VALUES (?1, ?2, 'stored')", params![Uuid::from_u128(1), m])?;
            tx.run("INSERT INTO mail (id, raw, state) VALUES (?1, ?2, 'dismissed')", params![Uuid::from_u128(2), d])?;
            tell(tx, &t)
        });
        house.settle();
        assert_eq!(round(house).marked, 0, "nothing younger than a day is looked at");
        pass(house, 2);
        let first = round(house);
        assert_eq!((first.looked, first.marked, first.collected), (7, 4, 0), "{first:?}");
        let there = collector().look(&house.db, &mut || true).unwrap().unwrap();
        assert_eq!((there.blobs, there.unnamed, there.by_log, there.loose, there.due), (7, 4, 1, 3, 0), "{there:?}");
        assert_eq!((there.loose_bytes, there.by_log_bytes), (100 + 100 + INLINE_LIMIT as u64 + 1, 100));
        pass(house, i64::from(GRACE) - 1);
        assert_eq!(round(house).collected, 0, "a day too early");
        pass(house, 1);
        let there = collector().look(&house.db, &mut || true).unwrap().unwrap();
        assert_eq!((there.loose, there.due), (3, 3), "{there:?}");
        lain(house, &loose_large, 30);
        let last = round(house);
        assert_eq!((last.spared, last.collected, last.bytes), (1, 3, 100 + 100 + INLINE_LIMIT as u64 + 1), "{last:?}");
        for name in [&noted, &mailed, &told, &kept_large] {
            assert!(is_there(house, name));
        }
        for name in [&dismissed, &loose, &loose_large] {
            assert!(!is_there(house, name));
        }
        assert!(!house.db.services().blobs.path(&loose_large).exists());
        assert!(house.db.services().blobs.path(&kept_large).exists());
        // What the log names is asked about once.
        pass(house, 400);
        let later = round(house);
        assert_eq!((later.marked, later.spared, later.collected), (0, 0, 0), "{later:?}");
        assert!(is_there(house, &told));
    });
}

#[test]
fn rel_the_same_bytes_named_again_are_kept_at_every_stage() {
    on_both(|house| {
        furnished(house);
        let marked_then_named = keep(house, small(1));
        let asked_then_told = keep(house, large(2));
        let asked_then_named = keep(house, small(3));
        pass(house, 2);
        round(house);
        // Marked; now an upload brings the same bytes: its row and its blob commit together.
        house.write(|tx| {
            let name = tx.put_blob(&small(1))?;
            tx.run("INSERT INTO note (id, blob) VALUES (1, ?1)", params![name])
        });
        // The log has been asked, the days are over; an event names one of them, and only an event.
        pass(house, i64::from(GRACE) - 1);
        lain(house, &asked_then_told, 30);
        house.write(|tx| tell(tx, &tx.put_blob(&large(2))?));
        pass(house, 1);
        // A row names another without saving its bytes again: it was copied from a row that was still there.
        let copied = asked_then_named.clone();
        house.write(move |tx| tx.run("INSERT INTO note (id, blob) VALUES (2, ?1)", params![copied]));
        assert_eq!(round(house).collected, 0);
        for days in [1, i64::from(GRACE), 1] {
            pass(house, days);
            assert_eq!(round(house).collected, 0);
        }
        for name in [&marked_then_named, &asked_then_told, &asked_then_named] {
            assert!(is_there(house, name), "{name}");
        }
        // When the rows go, so do their bytes; what the event names stays.
        house.write(|tx| tx.execute("DELETE FROM note WHERE id > ?1", params![0]));
        round(house);
        pass(house, i64::from(GRACE) + 1);
        assert_eq!(round(house).collected, 2);
        assert!(is_there(house, &asked_then_told));
    });
}

#[test]
fn rel_bytes_prepared_before_the_collector_came_and_committed_after_it_are_whole() {
    on_both(|house| {
        furnished(house);
        for (n, bytes) in [(1, small(1)), (2, large(2))] {
            let name = keep(house, bytes.clone());
            pass(house, 2);
            round(house);
            pass(house, i64::from(GRACE));
            if bytes.len() > INLINE_LIMIT {
                lain(house, &name, 30);
            }
            // An upload has begun: its bytes are prepared, its row is not committed.
            let prepared: Prepared = house.db.services().blobs.prepare(&bytes).unwrap();
            assert_eq!(round(house).collected, 1);
            assert!(!is_there(house, &name), "its row went");
            house.write(move |tx| {
                tx.save_blob(&prepared)?;
                tx.run("INSERT INTO note (id, blob) VALUES (?1, ?2)", params![n, prepared.sha256])
            });
            assert_eq!(house.read(move |tx| tx.blob(&name)).unwrap(), bytes);
        }
        // Nor do the files of the upload go by the sweep of files.
        round(house);
        assert!(is_there(house, &shouwen_crypt::sha256_hex(&large(2))));
    });
}

#[test]
fn rel_a_transaction_that_was_open_at_the_marking_is_waited_for() {
    on_both(|house| {
        // SQLite has one writer: nothing is open while it marks.
        if house.engine() == shouwen_store::Engine::Sqlite {
            return;
        }
        furnished(house);
        let name = keep(house, small(1));
        pass(house, 2);
        let (begun, wait) = (std::sync::Arc::new(std::sync::Barrier::new(2)), std::sync::Arc::new(std::sync::Barrier::new(2)));
        let writing = {
            let (db, begun, wait) = (house.another(), begun.clone(), wait.clone());
            std::thread::spawn(move || {
                db.write_blocking(move |tx| {
                    // Before the mark is there, so that it finds none to take off.
                    let name = tx.put_blob(&small(1))?;
                    tell(tx, &name)?;
                    tx.one::<(i64,)>("SELECT count(*) FROM blob", params![])?;
                    begun.wait();
                    wait.wait();
                    Ok(())
                })
                .unwrap();
                db.close();
            })
        };
        begun.wait();
        // The marking, with the transaction open: nothing is over yet, so the log is not asked.
        assert_eq!(round(house).marked, 1);
        let marked = house.read(|tx| tx.one::<(i64,)>("SELECT count(*) FROM blob WHERE loose_since IS NOT NULL", params![])).0;
        assert_eq!(marked, 1);
        pass(house, i64::from(GRACE));
        let db = house.db.clone();
        let round = std::thread::spawn(move || collector().run(&db, &mut || true).unwrap());
        std::thread::sleep(Duration::from_millis(200));
        wait.wait();
        writing.join().unwrap();
        let round = round.join().unwrap();
        assert_eq!((round.spared, round.collected), (1, 0), "{round:?}");
        assert!(is_there(house, &name));
    });
}

#[test]
fn rel_two_servers_at_once_and_writers_beside_them_lose_nothing() {
    on_both(|house| {
        furnished(house);
        let doomed: Vec<String> = (0..40).map(|n| keep(house, if n % 2 == 0 { small(n) } else { large(n) })).collect();
        pass(house, 2);
        round(house);
        pass(house, i64::from(GRACE));
        doomed.iter().filter(|name| house.db.services().blobs.path(name).exists()).for_each(|name| lain(house, name, 30));
        // Half of them are named again while two collectors run.
        let other = house.another();
        std::thread::scope(|scope| {
            for db in [&house.db, &other] {
                scope.spawn(move || collector().run(db, &mut || true).unwrap());
            }
            for part in 0..2u8 {
                let db = &other;
                scope.spawn(move || {
                    for n in (0..20).filter(|n| n % 2 == part) {
                        let bytes = if n % 2 == 0 { small(n) } else { large(n) };
                        let prepared = db.services().blobs.prepare(&bytes).unwrap();
                        db.write_blocking(move |tx| {
                            tx.save_blob(&prepared)?;
                            tx.run("INSERT INTO note (id, blob) VALUES (?1, ?2)", params![i64::from(n), prepared.sha256])
                        })
                        .unwrap();
                    }
                });
            }
        });
        other.close();
        round(house);
        for (n, name) in doomed.iter().enumerate() {
            assert_eq!(is_there(house, name), n < 20, "{n}");
        }
    });
}

#[test]
fn rel_a_round_may_be_cut_off_anywhere_and_a_file_left_over_is_found() {
    on_both(|house| {
        furnished(house);
        let names: Vec<String> = (0..5).map(|n| keep(house, large(n))).collect();
        pass(house, 2);
        // Cut off after the first step, after the second …, as if the server had been stopped.
        let cut = |house: &House| {
            for most in 1..1000 {
                let mut steps = 0;
                let done = collector().run(&house.db, &mut || {
                    steps += 1;
                    steps < most
                });
                if done.unwrap().finished {
                    return;
                }
            }
            panic!("a round never ends");
        };
        cut(house);
        pass(house, i64::from(GRACE));
        // The first goes as if the power had failed between its row and its file.
        let first = names[0].clone();
        house.write(move |tx| tx.execute("DELETE FROM blob WHERE sha256 = ?1", params![first]));
        names.iter().for_each(|name| lain(house, name, u64::from(GRACE) + 1));
        assert_eq!(collector().look(&house.db, &mut || true).unwrap().unwrap().files, 1);
        cut(house);
        for name in &names {
            assert!(!is_there(house, name) && !house.db.services().blobs.path(name).exists());
        }
        assert!(!collector().is_due(&house.db).unwrap());
        pass(house, 1);
        assert!(collector().is_due(&house.db).unwrap());
    });
}

#[test]
fn files_of_another_database_and_files_just_written_are_left_alone() {
    on_both(|house| {
        furnished(house);
        let blobs = &house.db.services().blobs;
        let [young, stranger, old] = [1, 2, 3].map(|n| blobs.prepare(&large(n)).unwrap().sha256);
        lain(house, &young, 3);
        // Older than this database: whoever put an empty database beside it for a moment must not lose it.
        lain(house, &stranger, 400);
        lain(house, &old, 30);
        let folder = blobs.path(&old).parent().unwrap().to_owned();
        let part = folder.join(".cut-off.part");
        std::fs::write(&part, b"half").unwrap();
        std::fs::File::open(&part).unwrap().set_modified(SystemTime::now() - Duration::from_secs(2 * 86_400)).unwrap();
        let done = round(house);
        assert_eq!((done.files, done.collected), (2, 0), "{done:?}");
        assert!(blobs.path(&young).exists() && blobs.path(&stranger).exists() && !blobs.path(&old).exists() && !part.exists());
    });
}

#[test]
fn nothing_goes_while_somebody_copies_the_files() {
    on_both(|house| {
        furnished(house);
        let name = keep(house, large(1));
        pass(house, 2);
        round(house);
        pass(house, i64::from(GRACE));
        lain(house, &name, 30);
        let copying = house.db.services().blobs.hold().unwrap();
        assert_eq!(round(house).collected, 0);
        assert!(is_there(house, &name));
        drop(copying);
        pass(house, 1);
        assert_eq!(round(house).collected, 1);
    });
}
