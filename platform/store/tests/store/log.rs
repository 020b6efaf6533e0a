//! The log is read without gaps while many write.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use shouwen_store::{Engine, Position, params};

use crate::house::*;

fn numbers(events: &[shouwen_store::Recorded]) -> Vec<i64> {
    events.iter().map(|e| e.event::<Noted>().unwrap().unwrap().n).collect()
}

#[test]
fn thirty_two_writers_and_a_tailing_reader_miss_nothing() {
    on_each(|engine| {
        let house = House::new(engine);
        // On PostgreSQL a handle writes over 8 connections; four of them make 32 writers at once.
        let nodes: Vec<_> = (0..if engine == Engine::Postgres { 4 } else { 1 }).map(|_| house.another()).collect();
        let (next, running) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(true)));
        let writers: Vec<_> = (0..32usize)
            .map(|i| {
                let (db, next, running) = (nodes[i % nodes.len()].clone(), next.clone(), running.clone());
                std::thread::spawn(move || {
                    while running.load(Ordering::Relaxed) {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        db.write_blocking(move |tx| {
                            note(tx, n)?;
                            if n % 7 == 0 && tx.engine() == Engine::Postgres {
                                // Uneven transactions: later numbers commit earlier.
                                std::thread::sleep(std::time::Duration::from_millis(n as u64 % 5));
                            }
                            Ok(())
                        })
                        .unwrap();
                    }
                })
            })
            .collect();
        let (mut at, mut naive_at) = (Position::default(), 0i64);
        let (mut seen, mut naive_seen) = (Vec::new(), BTreeSet::new());
        let begun = std::time::Instant::now();
        let mut quiet = 0;
        while quiet < 3 {
            if begun.elapsed().as_secs_f32() > 3.0 && running.swap(false, Ordering::Relaxed) {
                continue;
            }
            let events = house.read(move |tx| tx.events_after(at, 500));
            assert!(events.windows(2).all(|pair| pair[0].position < pair[1].position), "the log is in order");
            if let Some(last) = events.last() {
                assert!(events[0].position > at);
                at = last.position;
            }
            seen.extend(numbers(&events));
            let naive: Vec<(i64, serde_json::Value)> = house.read(move |tx| tx.all("SELECT seq, payload FROM event WHERE seq > ?1 ORDER BY seq LIMIT 500", params![naive_at]));
            naive_at = naive.last().map_or(naive_at, |row| row.0);
            naive_seen.extend(naive.iter().map(|row| row.1["n"].as_i64().unwrap()));
            let ended = writers.iter().all(std::thread::JoinHandle::is_finished) && house.read(move |tx| tx.events_behind(at, 1)) == 0;
            quiet = if ended && events.is_empty() && naive.is_empty() { quiet + 1 } else { 0 };
        }
        writers.into_iter().for_each(|w| w.join().unwrap());
        let written = next.load(Ordering::Relaxed);
        let distinct: BTreeSet<i64> = seen.iter().copied().collect();
        eprintln!("{engine:?}: {written} events by 32 writers, missed {}, doubled {}; the naive `seq > last` missed {}", written as usize - distinct.len(), seen.len() - distinct.len(), written as usize - naive_seen.len());
        assert_eq!(distinct.len() as i64, written, "missed events");
        assert_eq!(seen.len(), distinct.len(), "doubled events");
        if engine == Engine::Sqlite {
            assert_eq!(naive_seen.len() as i64, written, "with one writer, seq is commit order");
        }
        nodes.iter().for_each(shouwen_store::Db::close);
    });
}

/// Why the log is not simply read with `seq > last` on PostgreSQL: a smaller number may become visible later.
#[test]
fn the_naive_tail_loses_on_postgres_and_ours_does_not() {
    on_each(|engine| {
        if engine == Engine::Sqlite {
            return;
        }
        let house = House::new(engine);
        let (begun, may_end) = (Arc::new(std::sync::Barrier::new(2)), Arc::new(std::sync::Barrier::new(2)));
        let (db, b, e) = (house.db.clone(), begun.clone(), may_end.clone());
        let slow = std::thread::spawn(move || {
            db.write_blocking(move |tx| {
                note(tx, 1)?;
                // At the beginning of a savepoint what was told is written, though not committed.
                tx.savepoint(|_| Ok(()))?;
                b.wait();
                e.wait();
                Ok(())
            })
        });
        begun.wait();
        house.write(|tx| note(tx, 2));
        let first: Vec<(i64,)> = house.read(|tx| tx.all("SELECT seq FROM event WHERE seq > 0 ORDER BY seq", params![]));
        let last = first.last().unwrap().0;
        assert_eq!(first.len(), 1, "the naive reader sees the second event only");
        assert!(numbers(&house.read(|tx| tx.events_after(Position::default(), 10))).is_empty(), "ours waits for the older transaction");
        may_end.wait();
        slow.join().unwrap().unwrap();
        house.settle();
        let later: Vec<(i64,)> = house.read(move |tx| tx.all("SELECT seq FROM event WHERE seq > ?1", params![last]));
        assert!(later.is_empty(), "the naive reader never sees the first event");
        assert_eq!(numbers(&house.read(|tx| tx.events_after(Position::default(), 10))), [1, 2]);
    });
}

#[test]
fn positions_pages_head_and_subject() {
    on_both(|house| {
        let subject = uuid::Uuid::from_u128(5);
        house.write(move |tx| {
            (0..10i64).try_for_each(|n| tx.emit::<Noted>(&ctx(), (n % 2 == 0).then_some(subject), Some(&shouwen_kernel::Access::default()), Noted { n }))
        });
        house.settle();
        let head = house.read(|tx| tx.log_head());
        let first = house.read(|tx| tx.events_after(Position::default(), 4));
        assert_eq!(numbers(&first), [0, 1, 2, 3]);
        let at = first[3].position;
        assert_eq!(at.to_string().parse::<Position>().unwrap(), at);
        assert!("here".parse::<Position>().is_err());
        let rest = house.read(move |tx| tx.events_after(at, 100));
        assert_eq!(numbers(&rest), [4, 5, 6, 7, 8, 9]);
        assert_eq!(rest.last().unwrap().position, head);
        assert_eq!(house.read(move |tx| tx.events_behind(at, 100)), 6);
        assert_eq!(house.read(move |tx| tx.events_behind(at, 3)), 3);
        let about = house.read(move |tx| tx.events_about(subject, None, 3));
        assert_eq!(numbers(&about), [8, 6, 4]);
        let before = about[2].position.seq;
        assert_eq!(numbers(&house.read(move |tx| tx.events_about(subject, Some(before), 3))), [2, 0]);
        assert_eq!(first[0].actor().unwrap(), shouwen_kernel::Actor::system("test"));
        assert_eq!(first[0].access().unwrap(), Some(shouwen_kernel::Access::default()));
        assert_eq!(first[0].at, START);
    });
}

#[test]
fn the_bell_rings_after_commits_with_events_only() {
    on_both(|house| {
        house.table("CREATE TABLE t (k {int} PRIMARY KEY);");
        let bell = house.db.doorbell();
        house.write(|tx| tx.execute("INSERT INTO t (k) VALUES (1)", params![]));
        let _ = house.db.write_blocking(|tx| {
            note(tx, 1)?;
            Err::<(), _>(shouwen_kernel::Problem::internal("undone"))
        });
        assert!(!bell.has_changed().unwrap());
        house.write(|tx| note(tx, 2));
        assert!(bell.has_changed().unwrap());
    });
}

/// On PostgreSQL events wait to be written together; nobody may notice.
#[test]
fn events_keep_their_order_and_go_with_the_part_that_told_them() {
    on_each(|engine| {
        let house = House::new(engine);
        house.write(|tx| {
            note(tx, 0)?;
            let failed = tx.savepoint(|tx| {
                // More than one statement takes, so that some are written before the part fails.
                (1000..1100).try_for_each(|n| note(tx, n))?;
                Err::<(), _>(shouwen_kernel::Problem::internal("no"))
            });
            assert!(failed.is_err());
            tx.savepoint(|tx| {
                note(tx, 1)?;
                tx.savepoint(|tx| note(tx, 2))?;
                let undone = tx.savepoint(|tx| note(tx, 2000).and_then(|()| Err::<(), _>(shouwen_kernel::Problem::internal("no"))));
                assert!(undone.is_err());
                note(tx, 3)
            })?;
            (4..=150).try_for_each(|n| note(tx, n))
        });
        let refused = house.db.write_blocking(|tx| note(tx, 3000).and_then(|()| Err::<(), _>(shouwen_kernel::Problem::internal("no"))));
        assert!(refused.is_err());
        let subject = uuid::Uuid::from_u128(7);
        let ctx = shouwen_store::Ctx::system(shouwen_kernel::WorkspaceId::NIL, "test");
        let seen = house.write(move |tx| {
            tx.emit::<Noted>(&ctx, Some(subject), None, Noted { n: 151 })?;
            tx.events_about(subject, None, 10).map(|events| events.len())
        });
        assert_eq!(seen, 1, "a transaction reads what it told itself");
        let told = loop {
            let told = house.read(|tx| tx.events_after(Position::default(), 1000));
            if told.len() >= 152 || engine == Engine::Sqlite {
                break told;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        assert_eq!(numbers(&told), (0..=151).collect::<Vec<_>>());
    });
}
