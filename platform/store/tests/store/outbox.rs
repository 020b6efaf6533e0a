//! Effects leave by lease, come back when refused, and stay when they cannot be done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shouwen_kernel::Result;
use shouwen_store::{Effect, EffectHandler, EffectOutcome, OutboxItem, Tx, UNIQUE, params};

use crate::house::*;

const T: &str = "CREATE TABLE settled (key {text} NOT NULL, outcome {text} NOT NULL, last {bool} NOT NULL);";

fn settled(tx: &Tx<'_>, item: &OutboxItem, outcome: &EffectOutcome, last: bool) -> Result<()> {
    let word = match outcome {
        EffectOutcome::Done { .. } => "done",
        EffectOutcome::Retry { .. } => "retry",
        EffectOutcome::Dead { .. } => "dead",
    };
    tx.execute("INSERT INTO settled (key, outcome, last) VALUES (?1, ?2, ?3)", params![item.key, word, last])?;
    Ok(())
}

fn handler(run: Effect) -> EffectHandler {
    EffectHandler { kind: "test", concurrency: 4, lease_s: 60, run, settled }
}

fn never() -> EffectHandler {
    handler(Arc::new(|_| Box::pin(async { EffectOutcome::Done { detail: None } })))
}

fn enqueue(house: &House, key: &'static str) -> shouwen_kernel::OutboxId {
    house.write(move |tx| tx.enqueue(WORKSPACE, "test", key, &serde_json::json!({ "to": key }), None))
}

fn claim(house: &House) -> Vec<OutboxItem> {
    house.write(|tx| tx.claim_effects("test", 10, 60))
}

fn settle(house: &House, item: &OutboxItem, outcome: EffectOutcome) {
    let item = item.clone();
    house.write(move |tx| tx.settle_effect(&never(), &item, &outcome));
}

fn state(house: &House, key: &'static str) -> (String, i64, Option<String>) {
    house.read(move |tx| tx.one("SELECT state, attempts, error FROM outbox WHERE key = ?1", params![key]))
}

fn outcomes(house: &House) -> Vec<(String, String, bool)> {
    house.read(|tx| tx.all("SELECT key, outcome, last FROM settled", params![]))
}

#[test]
fn one_key_is_one_effect() {
    on_both(|house| {
        enqueue(house, "m1");
        let twice = house.db.write_blocking(|tx| tx.enqueue(WORKSPACE, "test", "m1", &1, None));
        assert_eq!(twice.unwrap_err().code, UNIQUE);
        house.write(|tx| tx.enqueue(WORKSPACE, "other", "m1", &1, None));
    });
}

#[test]
fn a_claim_is_a_lease_and_an_old_claim_is_fenced_off() {
    on_both(|house| {
        house.table(T);
        enqueue(house, "m1");
        let first = claim(house);
        assert_eq!((first.len(), first[0].attempts), (1, 0));
        assert!(claim(house).is_empty(), "leased");
        house.clock.advance(59);
        assert!(claim(house).is_empty());
        house.clock.advance(2);
        let second = claim(house);
        assert_eq!((second.len(), second[0].attempts), (1, 1), "the first holder died; another takes over");
        settle(house, &first[0], EffectOutcome::Dead { error: "late word of the dead".into() });
        assert_eq!(state(house, "m1").0, "sending", "the old epoch changes nothing");
        assert!(outcomes(house).is_empty());
        settle(house, &second[0], EffectOutcome::Done { detail: None });
        assert_eq!(state(house, "m1").0, "sent");
        settle(house, &second[0], EffectOutcome::Done { detail: None });
        assert_eq!(outcomes(house), [("m1".to_owned(), "done".to_owned(), true)]);
    });
}

#[test]
fn refusals_back_off_and_end_among_the_dead_after_five_days() {
    on_both(|house| {
        house.table(T);
        enqueue(house, "m1");
        let mut waits = Vec::new();
        for _ in 0..400 {
            let items = claim(house);
            let Some(item) = items.first() else { break };
            let before = house.read(|tx| Ok(tx.now()));
            settle(house, item, EffectOutcome::Retry { error: "450 busy".into(), after_s: None });
            if state(house, "m1").0 == "dead" {
                break;
            }
            let (next,): (shouwen_kernel::Time,) = house.read(|tx| tx.one("SELECT next_at FROM outbox", params![]));
            waits.push(next.seconds() - before.seconds());
            house.clock.set(next.plus_micros(-1));
            assert!(claim(house).is_empty(), "not before its time");
            house.clock.set(next);
        }
        for (i, wait) in waits.iter().enumerate() {
            let base = (30i64 << i.min(7)).min(4000);
            assert!((base..=base + base / 4).contains(wait), "try {i} waited {wait} s, base {base}");
        }
        let (state, attempts, error) = state(house, "m1");
        assert_eq!(state, "dead");
        assert!(attempts > 90 && error.unwrap().contains("5 days"));
        let all = outcomes(house);
        assert_eq!(all.iter().filter(|o| o.2).count(), 1, "one last word");
        assert_eq!(all.last().unwrap().2, true);
    });
}

#[test]
fn the_other_sides_wish_is_heard_and_the_dead_can_be_tried_again() {
    on_both(|house| {
        house.table(T);
        let id = enqueue(house, "m1");
        let item = claim(house).remove(0);
        settle(house, &item, EffectOutcome::Retry { error: "429".into(), after_s: Some(7) });
        let (next,): (shouwen_kernel::Time,) = house.read(|tx| tx.one("SELECT next_at FROM outbox", params![]));
        assert_eq!(next, START.plus_seconds(7));
        house.clock.set(next);
        let item = claim(house).remove(0);
        settle(house, &item, EffectOutcome::Dead { error: "550 no such user".into() });
        assert_eq!(state(house, "m1"), ("dead".to_owned(), 2, Some("550 no such user".to_owned())));
        assert!(claim(house).is_empty());
        assert!(house.write(move |tx| tx.retry_effect(id)));
        let item = claim(house).remove(0);
        settle(house, &item, EffectOutcome::Done { detail: None });
        assert_eq!(state(house, "m1").0, "sent");
        assert!(!house.write(move |tx| tx.retry_effect(id)), "what was sent is not sent again");
    });
}

#[test]
fn an_effect_can_be_taken_back_until_its_first_try() {
    on_both(|house| {
        house.table(T);
        house.write(|tx| tx.enqueue(WORKSPACE, "test", "later", &1, Some(START.plus_seconds(10))));
        assert!(claim(house).is_empty(), "not before its time");
        assert!(house.write(|tx| tx.cancel_effect("test", "later")));
        assert!(!house.write(|tx| tx.cancel_effect("test", "later")));
        house.clock.advance(60);
        assert!(claim(house).is_empty());
        enqueue(house, "now");
        claim(house);
        assert!(!house.write(|tx| tx.cancel_effect("test", "now")), "too late");
    });
}

#[test]
fn many_claimers_share_without_overlap() {
    on_both(|house| {
        house.write(|tx| (0..300).try_for_each(|i| tx.enqueue(WORKSPACE, "test", &format!("k{i}"), &i, None).map(|_| ())));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let db = house.db.clone();
                std::thread::spawn(move || {
                    let mut mine = Vec::new();
                    loop {
                        let items = db.write_blocking(|tx| tx.claim_effects("test", 7, 60)).unwrap();
                        assert!(items.len() <= 7);
                        if items.is_empty() && db.read_blocking(|tx| tx.one::<(i64,)>("SELECT count(*) FROM outbox WHERE state = 'pending'", params![])).unwrap().0 == 0 {
                            return mine;
                        }
                        mine.extend(items.into_iter().map(|i| i.key));
                    }
                })
            })
            .collect();
        let mut all: Vec<String> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
        assert_eq!(all.len(), 300);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 300);
    });
}

#[test]
fn the_runner_carries_out_and_survives_panics_and_silence() {
    on_both(|house| {
        house.table(T);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (b, m) = (busy.clone(), most.clone());
        let run: Effect = Arc::new(move |item| {
            let (busy, most) = (b.clone(), m.clone());
            Box::pin(async move {
                let now = busy.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                busy.fetch_sub(1, Ordering::SeqCst);
                match item.key.as_str() {
                    // A panic without the hook: printing a backtrace can take longer than the lease.
                    "k7" => std::panic::resume_unwind(Box::new("the sender fell over")),
                    _ => EffectOutcome::Done { detail: None },
                }
            })
        });
        let running = runtime.spawn(house.db.clone().run_effects(handler(run)));
        // Only the one that never answers has a short lease: on a slow machine the others may need long.
        let never: Effect = Arc::new(|_| Box::pin(std::future::pending()));
        let silent = runtime.spawn(house.db.clone().run_effects(EffectHandler { kind: "silent", lease_s: 4, ..handler(never) }));
        let begun = std::time::Instant::now();
        house.write(|tx| (0..200).try_for_each(|i| tx.enqueue(WORKSPACE, if i == 9 { "silent" } else { "test" }, &format!("k{i}"), &i, None).map(|_| ())));
        loop {
            let (sent, waiting): (i64, i64) = house.read(|tx| tx.one("SELECT count(*) FILTER (WHERE state = 'sent'), count(*) FILTER (WHERE state = 'pending' AND error IS NOT NULL) FROM outbox", params![]));
            if (sent, waiting) == (198, 2) {
                break;
            }
            assert!(begun.elapsed().as_secs() < 180, "{sent} sent, {waiting} waiting");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(state(house, "k7").2.unwrap().contains("fell over"));
        assert!(state(house, "k9").2.unwrap().contains("no answer within 3 s"));
        assert!(most.load(Ordering::SeqCst) <= 4, "no more at once than allowed");
        eprintln!("{:?}: 200 effects in {:?}", house.engine(), begun.elapsed());
        house.db.close();
        runtime.block_on(async { tokio::time::timeout(std::time::Duration::from_secs(180), async { tokio::join!(running, silent) }).await }).map(|(a, b)| (a.unwrap(), b.unwrap())).expect("the runners end when the store closes");
    });
}
