//! Units of work: all or nothing, alone or in a group.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shouwen_kernel::{Problem, Result};
use shouwen_store::{Tx, UNIQUE, params};

use crate::house::*;

const T: &str = "CREATE TABLE t (k {int} PRIMARY KEY, v {int} NOT NULL);";

fn put(tx: &Tx<'_>, k: i64, v: i64) -> Result<u64> {
    tx.execute("INSERT INTO t (k, v) VALUES (?1, ?2)", params![k, v])
}

fn keys(house: &House) -> Vec<i64> {
    house.read(|tx| tx.all::<(i64,)>("SELECT k FROM t ORDER BY k", params![])).into_iter().map(|row| row.0).collect()
}

#[test]
fn a_refusal_undoes_everything() {
    on_both(|house| {
        house.table(T);
        let refused = house.db.write_blocking(|tx| {
            put(tx, 1, 1)?;
            Err::<(), _>(Problem::conflict("test.no", "no"))
        });
        assert_eq!(refused.unwrap_err().code, "test.no");
        assert_eq!(keys(house), Vec::<i64>::new());
    });
}

/// What was sent ahead and never waited for goes with its part, whether it would have failed or not.
#[test]
fn a_part_given_up_takes_what_it_sent_ahead_with_it() {
    on_both(|house| {
        house.table(T);
        house.write(|tx| {
            put(tx, 1, 1)?;
            for wrong in [1, 2] {
                let given_up: Result<()> = tx.savepoint(|tx| {
                    let _ = tx.run("INSERT INTO t (k, v) VALUES (?1, ?2)", params![wrong, 9]);
                    Err(Problem::conflict("changed_my_mind", "no"))
                });
                assert_eq!(given_up.unwrap_err().code, "changed_my_mind");
            }
            let outer: Result<()> = tx.savepoint(|tx| {
                put(tx, 5, 5)?;
                tx.savepoint(|tx| tx.run("INSERT INTO t (k, v) VALUES (?1, ?2)", params![6, 6]))?;
                Err(Problem::conflict("changed_my_mind", "no"))
            });
            assert!(outer.is_err());
            put(tx, 3, 3)
        });
        assert_eq!(keys(house), [1, 3]);
        // A failure that was not waited for is told at the latest by the commit, and nothing is stored.
        let late = house.db.write_blocking(|tx| {
            put(tx, 4, 4)?;
            tx.run("INSERT INTO t (k, v) VALUES (?1, ?2)", params![1, 1])
        });
        assert_eq!(late.unwrap_err().code, UNIQUE);
        assert_eq!(keys(house), [1, 3]);
    });
}

/// What waits is gathered by its text; each row still sees its own statements in their order.
#[test]
fn statements_that_wait_keep_the_order_of_each_row() {
    on_both(|house| {
        house.table(T);
        house.write(|tx| {
            for k in 0..50 {
                tx.run("INSERT INTO t (k, v) VALUES (?1, ?2)", params![k, 0])?;
                tx.run("UPDATE t SET v = v + ?2 WHERE k = ?1", params![k, k])?;
                tx.run("UPDATE t SET v = v + ?2 WHERE k = ?1", params![k, 1])?;
                if k % 5 == 0 {
                    tx.run("UPDATE t SET v = ?2 WHERE k = ?1", params![k, 7])?;
                    tx.run("UPDATE t SET v = ?2 WHERE k = ?1", params![k, 8])?;
                    tx.run("UPDATE t SET v = v * ?2 WHERE k = ?1", params![k, 2])?;
                }
                if k % 7 == 0 {
                    tx.run("DELETE FROM t WHERE k = ?1", params![k])?;
                    tx.run("INSERT INTO t (k, v) VALUES (?1, ?2) ON CONFLICT (k) DO UPDATE SET v = ?2", params![k, -1])?;
                    tx.run("INSERT INTO t (k, v) VALUES (?1, ?2) ON CONFLICT (k) DO UPDATE SET v = ?2", params![k, -k])?;
                }
            }
            let (k, v): (i64, i64) = tx.one("SELECT k, v FROM t WHERE k = ?1", params![3])?;
            assert_eq!((k, v), (3, 4), "whoever asks finds everything done");
            tx.run("UPDATE t SET v = v - ?2 WHERE k = ?1", params![3, 4])
        });
        let rows: Vec<(i64, i64)> = house.read(|tx| tx.all("SELECT k, v FROM t ORDER BY k", params![]));
        let wanted = |k: i64| match k {
            3 => 0,
            _ if k % 7 == 0 => -k,
            _ if k % 5 == 0 => 16,
            _ => k + 1,
        };
        assert_eq!(rows, (0..50).map(|k| (k, wanted(k))).collect::<Vec<_>>());
        let each: Vec<Vec<(i64,)>> = house.read(|tx| tx.all_each("SELECT v FROM t WHERE k = ?1", &[params![4].to_vec(), params![99].to_vec(), params![6].to_vec()]));
        assert_eq!(each, [vec![(5,)], vec![], vec![(7,)]]);
    });
}

#[test]
fn numbers_have_no_gaps_when_a_part_is_given_up() {
    on_both(|house| {
        let ws = house.write(|tx| tx.create_workspace("test", "UTC", "en"));
        let got = house.write(move |tx| {
            let mut got = vec![tx.next_number(ws, "n")?, tx.next_number(ws, "n")?];
            let lost: Result<i64> = tx.savepoint(|tx| {
                tx.next_number(ws, "n")?;
                tx.next_number(ws, "n")?;
                Err(Problem::internal("back"))
            });
            assert!(lost.is_err());
            got.extend([tx.next_number(ws, "n")?, tx.next_number(ws, "n")?]);
            Ok(got)
        });
        assert_eq!(got, [1, 2, 3, 4]);
        assert_eq!(house.write(move |tx| tx.next_number(ws, "n")), 5);
    });
}

#[test]
fn a_savepoint_undoes_only_its_own() {
    on_both(|house| {
        house.table(T);
        house.write(|tx| {
            put(tx, 1, 1)?;
            let inner = tx.savepoint(|tx| {
                put(tx, 2, 2)?;
                let deeper: Result<()> = tx.savepoint(|tx| {
                    put(tx, 3, 3)?;
                    put(tx, 3, 3)?;
                    Ok(())
                });
                assert_eq!(deeper.unwrap_err().code, UNIQUE);
                put(tx, 4, 4)
            });
            assert!(inner.is_ok());
            let failed: Result<()> = tx.savepoint(|tx| {
                put(tx, 5, 5)?;
                Err(Problem::internal("back"))
            });
            assert!(failed.is_err());
            let panicked: Result<()> = tx.savepoint(|tx| {
                put(tx, 6, 6)?;
                panic!("boom {}", 6)
            });
            assert!(panicked.unwrap_err().message.contains("boom 6"));
            put(tx, 7, 7)
        });
        assert_eq!(keys(house), [1, 2, 4, 7]);
    });
}

#[test]
fn a_swallowed_failure_cannot_commit() {
    on_both(|house| {
        house.table(T);
        house.write(|tx| put(tx, 1, 1));
        let outcome = house.db.write_blocking(|tx| {
            put(tx, 2, 2)?;
            let _ = put(tx, 1, 9);
            Ok(())
        });
        assert_eq!(outcome.unwrap_err().code, "store.swallowed");
        let later = house.db.write_blocking(|tx| {
            let _ = put(tx, 1, 9);
            put(tx, 3, 3)
        });
        assert_eq!(later.unwrap_err().code, "store.swallowed", "statements after a failed one are refused on both engines");
        let inside = house.db.write_blocking(|tx| {
            put(tx, 4, 4)?;
            let part: Result<()> = tx.savepoint(|tx| {
                put(tx, 5, 5)?;
                let _ = put(tx, 1, 9);
                Ok(())
            });
            assert_eq!(part.unwrap_err().code, "store.swallowed");
            Ok(())
        });
        assert!(inside.is_ok(), "the savepoint took the failure with it");
        assert_eq!(keys(house), [1, 4]);
    });
}

#[test]
fn one_failing_or_panicking_job_does_not_hurt_its_group() {
    on_both(|house| {
        house.table(T);
        // A slow first job lets the others gather into one group on SQLite.
        let (db, gate) = (house.db.clone(), Arc::new(std::sync::Barrier::new(2)));
        let held = gate.clone();
        let first = std::thread::spawn(move || {
            db.write_blocking(move |tx| {
                held.wait();
                std::thread::sleep(std::time::Duration::from_millis(50));
                put(tx, 0, 0)
            })
        });
        gate.wait();
        let jobs: Vec<_> = (1..=60i64)
            .map(|k| {
                let db = house.db.clone();
                std::thread::spawn(move || {
                    db.write_blocking(move |tx| {
                        put(tx, k, k)?;
                        match k % 6 {
                            1 => Err(Problem::conflict("test.no", "no")),
                            2 => panic!("job {k}"),
                            3 => put(tx, k, k),
                            4 => {
                                let _ = put(tx, k, k);
                                Ok(1)
                            }
                            _ => Ok(1),
                        }
                    })
                })
            })
            .collect();
        assert!(first.join().unwrap().is_ok());
        for (i, job) in jobs.into_iter().enumerate() {
            let (k, outcome) = (i as i64 + 1, job.join().unwrap());
            match k % 6 {
                1 => assert_eq!(outcome.unwrap_err().code, "test.no"),
                2 => assert!(outcome.unwrap_err().message.contains(&format!("job {k}"))),
                3 => assert_eq!(outcome.unwrap_err().code, UNIQUE),
                4 => assert_eq!(outcome.unwrap_err().code, "store.swallowed"),
                _ => assert!(outcome.is_ok()),
            }
        }
        let wanted: Vec<i64> = (0..=60).filter(|k| k % 6 == 0 || k % 6 == 5).collect();
        assert_eq!(keys(house), wanted);
    });
}

#[test]
fn a_read_sees_one_snapshot_and_cannot_write() {
    on_both(|house| {
        house.table(T);
        house.write(|tx| put(tx, 1, 1));
        let refused = house.db.read_blocking(|tx| put(tx, 2, 2));
        assert!(refused.is_err());
        let other = house.db.clone();
        let (before, after): (i64, i64) = house.read(move |tx| {
            let before: (i64,) = tx.one("SELECT v FROM t WHERE k = 1", params![])?;
            other.write_blocking(|tx| tx.execute("UPDATE t SET v = v + 1 WHERE k = 1", params![]))?;
            let after: (i64,) = tx.one("SELECT v FROM t WHERE k = 1", params![])?;
            Ok((before.0, after.0))
        });
        assert_eq!(before, after);
        assert_eq!(house.read(|tx| tx.one::<(i64,)>("SELECT v FROM t WHERE k = 1", params![])).0, before + 1);
    });
}

#[test]
fn a_deadlock_is_run_again_and_nothing_is_counted_twice() {
    on_both(|house| {
        house.table(T);
        house.write(|tx| (0..2).try_for_each(|k| put(tx, k, 0).map(|_| ())));
        let runs = Arc::new(AtomicUsize::new(0));
        let jobs: Vec<_> = (0..8i64)
            .map(|i| {
                let (db, runs) = (house.db.clone(), runs.clone());
                std::thread::spawn(move || {
                    db.write_blocking(move |tx| {
                        runs.fetch_add(1, Ordering::Relaxed);
                        for k in if i % 2 == 0 { [0i64, 1] } else { [1, 0] } {
                            tx.execute("UPDATE t SET v = v + 1 WHERE k = ?1", params![k])?;
                            std::thread::sleep(std::time::Duration::from_millis(5));
                        }
                        Ok(())
                    })
                })
            })
            .collect();
        let ok = jobs.into_iter().map(|job| job.join().unwrap()).filter(Result::is_ok).count() as i64;
        let sums: Vec<(i64,)> = house.read(|tx| tx.all("SELECT v FROM t ORDER BY k", params![]));
        assert_eq!(sums, [(ok,), (ok,)]);
        assert!(ok >= 1, "retries let some of them through: {ok} of 8 in {} runs", runs.load(Ordering::Relaxed));
    });
}

#[test]
fn counters_have_no_gaps_even_when_work_is_undone() {
    on_both(|house| {
        let jobs: Vec<_> = (0..40i64)
            .map(|i| {
                let db = house.db.clone();
                std::thread::spawn(move || {
                    db.write_blocking(move |tx| {
                        let number = tx.next_number(WORKSPACE, "case-2026")?;
                        if i % 4 == 0 { Err(Problem::internal("undone")) } else { Ok(number) }
                    })
                    .ok()
                })
            })
            .collect();
        let mut numbers: Vec<i64> = jobs.into_iter().filter_map(|job| job.join().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=30).collect::<Vec<_>>());
    });
}

#[test]
fn after_closing_every_call_says_so() {
    on_both(|house| {
        house.table(T);
        let db = house.another();
        db.write_blocking(|tx| put(tx, 1, 1)).unwrap();
        db.close();
        assert_eq!(db.write_blocking(|tx| put(tx, 2, 2)).unwrap_err().code, "store.stopped");
        assert_eq!(db.read_blocking(|tx| tx.log_head()).unwrap_err().code, "store.stopped");
        assert_eq!(keys(house), [1]);
    });
}

#[test]
fn a_lost_connection_is_replaced() {
    on_each(|engine| {
        if engine != shouwen_store::Engine::Postgres {
            return;
        }
        let house = House::new(engine);
        house.table(T);
        house.write(|tx| put(tx, 1, 1));
        let mut admin = postgres::Client::connect(&postgres_url().unwrap(), postgres::NoTls).unwrap();
        // Each connection of this house says where it lives in its search path; end them all.
        let pids: Vec<(i64,)> = (0..24).map(|_| house.write(|tx| tx.one("SELECT pg_backend_pid()::bigint", params![]))).collect();
        for (pid,) in pids {
            admin.execute("SELECT pg_terminate_backend($1::int)", &[&(pid as i32)]).unwrap();
        }
        for k in 2..20 {
            house.write(move |tx| put(tx, k, k));
        }
        assert_eq!(keys(&house).len(), 19);
    });
}
