//! Timers fire once, never early, and come back when they fail.

use std::sync::Arc;

use shouwen_kernel::{Problem, Result, Time};
use shouwen_store::{Timer, TimerHandler, Tx, params};

use crate::house::*;

const T: &str = "CREATE TABLE fired (key {text} NOT NULL, at {int} NOT NULL, due {int} NOT NULL, attempts {int} NOT NULL);";

fn note_it(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    tx.execute("INSERT INTO fired (key, at, due, attempts) VALUES (?1, ?2, ?3, ?4)", params![timer.key, tx.now(), timer.due_at, timer.attempts])?;
    if timer.payload["fail_before"].as_i64().is_some_and(|n| timer.attempts < n) {
        return Err(Problem::internal("not yet"));
    }
    if timer.payload["panic"].as_bool() == Some(true) && timer.attempts == 0 {
        panic!("a handler panicked");
    }
    if timer.payload["again_s"].is_i64() {
        tx.set_timer(timer.workspace, &timer.kind, &timer.key, timer.due_at.plus_seconds(timer.payload["again_s"].as_i64().unwrap_or(1)), &timer.payload)?;
    }
    Ok(())
}

const HANDLERS: &[TimerHandler] = &[TimerHandler { kind: "test", handle: note_it }];

fn set(house: &House, key: &'static str, after_s: i64, payload: serde_json::Value) {
    house.write(move |tx| tx.set_timer(WORKSPACE, "test", key, START.plus_seconds(after_s), &payload));
}

fn fire(house: &House) -> usize {
    house.write(|tx| tx.fire_timers(HANDLERS, 100))
}

fn fired(house: &House) -> Vec<(String, Time)> {
    house.read(|tx| tx.all("SELECT key, at FROM fired ORDER BY at, key", params![]))
}

#[test]
fn a_timer_fires_once_and_never_early() {
    on_both(|house| {
        house.table(T);
        set(house, "a", 10, serde_json::json!({}));
        house.clock.set(START.plus_seconds(10).plus_micros(-1));
        assert_eq!(fire(house), 0);
        house.clock.set(START.plus_seconds(10));
        assert_eq!(fire(house), 1);
        assert_eq!(fire(house), 0);
        assert_eq!(fired(house), [("a".to_owned(), START.plus_seconds(10))]);
        assert_eq!(house.read(|tx| tx.next_timer()), None);
    });
}

#[test]
fn a_timer_can_be_moved_and_cancelled() {
    on_both(|house| {
        house.table(T);
        set(house, "moved", 10, serde_json::json!({}));
        set(house, "moved", 30, serde_json::json!({}));
        set(house, "gone", 10, serde_json::json!({}));
        house.write(|tx| tx.cancel_timer("test", "gone"));
        house.write(|tx| tx.cancel_timer("test", "never was"));
        house.clock.set(START.plus_seconds(20));
        assert_eq!(fire(house), 0);
        assert_eq!(house.read(|tx| tx.next_timer()), Some(START.plus_seconds(30)));
        house.clock.set(START.plus_seconds(31));
        assert_eq!(fire(house), 1);
        assert_eq!(fired(house).len(), 1);
    });
}

#[test]
fn a_failing_timer_backs_off_and_leaves_nothing_behind() {
    on_both(|house| {
        house.table(T);
        set(house, "flaky", 0, serde_json::json!({ "fail_before": 3 }));
        set(house, "panics", 0, serde_json::json!({ "panic": true }));
        set(house, "fine", 0, serde_json::json!({}));
        assert_eq!(fire(house), 3);
        assert_eq!(fired(house).len(), 1, "only the good one left something");
        let mut waits = Vec::new();
        for _ in 0..4 {
            let Some(due) = house.read(|tx| tx.next_timer()) else { break };
            waits.push((due.micros() - START.micros()) / 1_000_000);
            house.clock.set(due);
            fire(house);
        }
        assert_eq!(waits, [5, 15, 35], "5 s, 10 s, 20 s after each other");
        let rows: Vec<(String, i64)> = house.read(|tx| tx.all("SELECT key, attempts FROM fired ORDER BY key", params![]));
        assert_eq!(rows, [("fine".to_owned(), 0), ("flaky".to_owned(), 3), ("panics".to_owned(), 1)]);
    });
}

#[test]
fn a_timer_nobody_handles_waits_with_its_reason() {
    on_both(|house| {
        house.write(|tx| tx.set_timer(WORKSPACE, "unknown", "k", START, &serde_json::json!({})));
        fire(house);
        let (error, attempts): (String, i64) = house.read(|tx| tx.one("SELECT error, attempts FROM timer", params![]));
        assert!(error.contains("unknown") && attempts == 1, "{error}");
    });
}

#[test]
fn a_timer_may_set_itself_again() {
    on_both(|house| {
        house.table(T);
        set(house, "tick", 0, serde_json::json!({ "again_s": 60 }));
        for minute in 0..5 {
            house.clock.set(START.plus_seconds(minute * 60));
            assert_eq!(fire(house), 1);
            assert_eq!(fire(house), 0);
        }
        assert_eq!(fired(house).len(), 5);
    });
}

#[test]
fn many_nodes_fire_each_timer_once() {
    on_both(|house| {
        house.table(T);
        house.write(|tx| (0..500).try_for_each(|i| tx.set_timer(WORKSPACE, "test", &format!("k{i}"), START, &serde_json::json!({}))));
        let nodes: Vec<_> = (0..4).map(|_| if house.engine() == shouwen_store::Engine::Postgres { house.another() } else { house.db.clone() }).collect();
        let gate = Arc::new(std::sync::Barrier::new(4));
        let threads: Vec<_> = nodes
            .iter()
            .cloned()
            .map(|db| {
                let gate = gate.clone();
                std::thread::spawn(move || {
                    gate.wait();
                    while db.read_blocking(|tx| tx.next_timer()).unwrap().is_some() {
                        db.write_blocking(|tx| tx.fire_timers(HANDLERS, 20)).unwrap();
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        let (all, distinct): (i64, i64) = house.read(|tx| tx.one("SELECT count(*), count(DISTINCT key) FROM fired", params![]));
        assert_eq!((all, distinct), (500, 500));
    });
}
