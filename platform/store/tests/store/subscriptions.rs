//! One effect per event, whatever crashes; a poison event is parked and the others go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use shouwen_kernel::{Kind, Problem, Result};
use shouwen_store::{Park, Recorded, Subscription, Tx, params};

use crate::house::*;

const T: &str = "CREATE TABLE seen (n {int} NOT NULL, at {int} NOT NULL);
CREATE INDEX seen_n ON seen (n);";

fn record(tx: &Tx<'_>, event: &Recorded) -> Result<()> {
    let Some(noted) = event.event::<Noted>()? else { return Ok(()) };
    tx.execute("INSERT INTO seen (n, at) VALUES (?1, ?2)", params![noted.n, event.position.seq])?;
    Ok(())
}

fn reset(tx: &Tx<'_>) -> Result<()> {
    tx.execute("DELETE FROM seen", params![]).map(|_| ())
}

const PLAIN: Subscription = Subscription { name: "test.plain", version: 1, reset: Some(reset), kinds: &["test.noted"], handle: record };

fn seen(house: &House) -> Vec<i64> {
    house.read(|tx| tx.all::<(i64,)>("SELECT n FROM seen ORDER BY at, n", params![])).into_iter().map(|row| row.0).collect()
}

fn write_notes(house: &House, range: std::ops::Range<i64>) {
    house.write(move |tx| range.clone().try_for_each(|n| note(tx, n)));
}

#[test]
fn effects_are_exactly_once_through_crashes() {
    static TURN: AtomicI64 = AtomicI64::new(0);
    fn flaky(tx: &Tx<'_>, event: &Recorded) -> Result<()> {
        record(tx, event)?;
        // Every so often the step dies after having written: by a panic, by a lost database.
        match TURN.fetch_add(1, Ordering::Relaxed) % 97 {
            40 => panic!("crash"),
            70 => Err(Problem::new(Kind::Unavailable, "test.lost", "lost")),
            _ => Ok(()),
        }
    }
    on_both(|house| {
        house.table(T);
        write_notes(house, 0..1000);
        let flaky = Subscription { handle: flaky, ..PLAIN };
        let mut steps = 0;
        loop {
            steps += 1;
            assert!(steps < 5000);
            // Transient trouble fails the step; a panic is found by taking events singly and would be parked, so tests say No.
            match house.db.write_blocking(move |tx| flaky.step(tx, Park::No)) {
                Ok(0) => break,
                Ok(_) | Err(_) => {}
            }
            if steps % 3 == 0 {
                write_notes(house, 1000 + steps..1001 + steps);
            }
            TURN.fetch_add(1, Ordering::Relaxed);
            if steps > 60 {
                // Enough trouble: let it finish.
                house.db.drain(&[PLAIN]).unwrap();
            }
        }
        let (events,): (i64,) = house.read(|tx| tx.one("SELECT count(*) FROM event", params![]));
        let mut got = seen(house);
        assert_eq!(got.len() as i64, events);
        got.dedup();
        assert_eq!(got.len() as i64, events, "each once");
    });
}

#[test]
fn a_poison_event_is_parked_and_can_be_taken_up_again() {
    static SICK: AtomicUsize = AtomicUsize::new(1);
    fn picky(tx: &Tx<'_>, event: &Recorded) -> Result<()> {
        record(tx, event)?;
        let n = event.event::<Noted>()?.map_or(0, |e| e.n);
        if SICK.load(Ordering::SeqCst) == 1 && n % 50 == 7 {
            if n == 107 {
                panic!("cannot digest {n}");
            }
            return Err(Problem::internal(format!("cannot digest {n}")));
        }
        Ok(())
    }
    on_both(|house| {
        SICK.store(1, Ordering::SeqCst);
        house.table(T);
        write_notes(house, 0..300);
        let picky = Subscription { name: "test.picky", handle: picky, ..PLAIN };
        house.settle();
        while house.write(move |tx| picky.step(tx, Park::Yes)) > 0 {}
        let parked: Vec<(String, String)> = house.read(|tx| tx.all("SELECT kind, error FROM parked_event WHERE subscription = 'test.picky' ORDER BY seq", params![]));
        assert_eq!(parked.len(), 6);
        assert_eq!(parked[0].0, "test.noted");
        assert!(parked[2].1.contains("cannot digest 107"), "{:?}", parked[2]);
        let got = seen(house);
        assert_eq!(got.len(), 294);
        assert!(got.iter().all(|n| n % 50 != 7), "nothing of a parked event stays");
        assert!(house.db.write_blocking(move |tx| { let again = Subscription { name: "test.strict", ..picky }; again.step(tx, Park::No) }).is_err());
        assert_eq!(house.write(move |tx| picky.retry_parked(tx)), 0);
        SICK.store(0, Ordering::SeqCst);
        assert_eq!(house.write(move |tx| picky.retry_parked(tx)), 6);
        assert_eq!(house.read(|tx| tx.one::<(i64,)>("SELECT count(*) FROM parked_event", params![])).0, 0);
        assert_eq!(seen(house).len(), 300);
    });
}

#[test]
fn a_higher_version_rebuilds_from_the_first_event() {
    on_both(|house| {
        house.table(T);
        write_notes(house, 0..450);
        house.db.drain(&[PLAIN]).unwrap();
        let live = seen(house);
        assert_eq!(live.len(), 450);
        house.write(|tx| tx.execute("DELETE FROM seen WHERE n > 3", params![]));
        house.db.drain(&[Subscription { version: 2, ..PLAIN }]).unwrap();
        assert_eq!(seen(house), live, "rebuilt == live");
        house.db.drain(&[Subscription { version: 2, ..PLAIN }]).unwrap();
        assert_eq!(seen(house), live, "and only once");
        // Also when there is not a single event.
        let empty = House::new(house.engine());
        empty.table(T);
        empty.db.drain(&[PLAIN]).unwrap();
        empty.db.drain(&[Subscription { version: 5, ..PLAIN }]).unwrap();
        assert_eq!(empty.read(|tx| tx.one::<(i64,)>("SELECT version FROM subscription", params![])).0, 5);
    });
}

#[test]
fn a_command_line_lets_all_followers_digest_and_parks_what_one_cannot() {
    fn picky(tx: &Tx<'_>, event: &Recorded) -> Result<()> {
        record(tx, event)?;
        if event.event::<Noted>()?.is_some_and(|e| e.n == 77) { Err(Problem::internal("cannot digest")) } else { Ok(()) }
    }
    fn deaf(_: &Tx<'_>, _: &Recorded) -> Result<()> {
        Err(Problem::internal("is never asked"))
    }
    on_both(|house| {
        house.table(T);
        write_notes(house, 0..1500);
        let followers = [Subscription { name: "test.picky", handle: picky, ..PLAIN }, Subscription { name: "test.deaf", kinds: &["other.kind"], handle: deaf, ..PLAIN }];
        house.db.digest(&followers, &|step| step(), &|| false).unwrap();
        assert_eq!(seen(house), (0..1500).filter(|n| *n != 77).collect::<Vec<_>>());
        write_notes(house, 1500..1510);
        house.db.digest(&followers, &|step| step(), &|| false).unwrap();
        assert_eq!(seen(house).len(), 1509);
        let parked: Vec<(String,)> = house.read(|tx| tx.all("SELECT subscription FROM parked_event", params![]));
        assert_eq!(parked, [("test.picky".to_owned(),)]);
        house.settle();
        let head = house.read(|tx| tx.log_head());
        let at: Vec<(i64, i64)> = house.read(|tx| tx.all("SELECT tx, seq FROM subscription", params![]));
        assert_eq!(at, [(head.tx, head.seq); 2]);
    });
}

/// What events of a step read ahead and put off to its end holds, and goes with a part that is given up.
#[test]
fn a_step_reads_ahead_and_sums_up() {
    const SUMS: &str = "CREATE TABLE total (k {int} PRIMARY KEY, v {int} NOT NULL);";
    fn write_sums(tx: &Tx<'_>) -> Result<()> {
        let mut sums: Vec<(i64, i64)> = tx.take_ahead("test.sums");
        sums.sort_unstable();
        sums.into_iter().try_for_each(|(k, v)| tx.run("INSERT INTO total (k, v) VALUES (?1, ?2) ON CONFLICT (k) DO UPDATE SET v = total.v + ?2", params![k, v]))
    }
    fn add(tx: &Tx<'_>, event: &Recorded) -> Result<()> {
        let Some(noted) = event.event::<Noted>()? else { return Ok(()) };
        assert!(tx.digesting().iter().any(|e| e.position == event.position));
        let before = tx.ahead::<i64, i64>("test.sums", &(noted.n % 3), |_| Vec::new(), |_| Ok(Vec::new()))?.unwrap_or_default();
        tx.set_ahead("test.sums", noted.n % 3, Some(before + 1));
        tx.at_end(write_sums);
        if noted.n == 50 { Err(Problem::internal("cannot digest")) } else { Ok(()) }
    }
    on_both(|house| {
        house.table(SUMS);
        write_notes(house, 0..90);
        house.settle();
        let follower = Subscription { name: "test.sums", reset: None, handle: add, ..PLAIN };
        while house.write(move |tx| follower.step(tx, Park::Yes)) > 0 {}
        let sums: Vec<(i64, i64)> = house.read(|tx| tx.all("SELECT k, v FROM total ORDER BY k", params![]));
        assert_eq!(sums, [(0, 30), (1, 30), (2, 29)]);
    });
}

#[test]
fn kinds_narrow_what_is_handled_but_not_the_checkpoint() {
    on_both(|house| {
        house.table(T);
        write_notes(house, 0..10);
        let deaf = Subscription { name: "test.deaf", kinds: &["other.kind"], ..PLAIN };
        house.db.drain(&[deaf]).unwrap();
        assert!(seen(house).is_empty());
        house.settle();
        let head = house.read(|tx| tx.log_head());
        let at: (i64, i64) = house.read(|tx| tx.one("SELECT tx, seq FROM subscription WHERE name = 'test.deaf'", params![]));
        assert_eq!(at, (head.tx, head.seq));
    });
}

#[test]
fn two_nodes_that_run_one_subscription_share_the_work() {
    on_both(|house| {
        house.table(T);
        write_notes(house, 0..2000);
        house.settle();
        // SQLite is for one node: there the two are two threads of it.
        let nodes: Vec<_> = (0..4).map(|_| if house.engine() == shouwen_store::Engine::Postgres { house.another() } else { house.db.clone() }).collect();
        let gate = Arc::new(std::sync::Barrier::new(4));
        let threads: Vec<_> = nodes
            .iter()
            .cloned()
            .map(|db| {
                let gate = gate.clone();
                std::thread::spawn(move || {
                    gate.wait();
                    while db.write_blocking(|tx| PLAIN.step(tx, Park::Yes)).unwrap() > 0 {}
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(seen(house), (0..2000).collect::<Vec<_>>());
    });
}

#[test]
fn the_runner_writes_nothing_for_events_it_does_not_want() {
    fn count(tx: &Tx<'_>, event: &Recorded) -> Result<()> {
        record(tx, event)
    }
    on_both(|house| {
        house.table(T);
        let picky = Subscription { name: "test.rare", kinds: &["test.rare"], handle: count, ..PLAIN };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let running = runtime.spawn(house.db.clone().run_subscription(picky));
        let saved = || house.read(|tx| tx.opt::<(i64, i64)>("SELECT seq, updated_at FROM subscription WHERE name = 'test.rare'", params![])).unwrap_or((-1, 0));
        let until = |what: &str, ok: &dyn Fn() -> bool| {
            let begun = std::time::Instant::now();
            while !ok() {
                assert!(begun.elapsed().as_secs() < 180, "{what}");
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        };
        until("it begins", &|| saved().0 == 0);
        // A steady stream of foreign events: the checkpoint stays behind, at most by some hundred rows.
        let head = || house.read(|tx| tx.one::<(i64,)>("SELECT max(seq) FROM event", params![])).0;
        let mut moves = std::collections::BTreeSet::new();
        let begun = std::time::Instant::now();
        for n in 0..60 {
            write_notes(house, n * 20..n * 20 + 20);
            std::thread::sleep(std::time::Duration::from_millis(3));
            moves.insert(saved().0);
        }
        // A second without news saves it, too: on a slow machine there may be some between two of ours.
        assert!(moves.len() <= 6 + begun.elapsed().as_secs() as usize, "1200 foreign events cost {} writes: {moves:?}", moves.len());
        until("once it is quiet the checkpoint is saved", &|| saved().0 == head());
        assert!(seen(house).is_empty());
        let before = saved().1;
        house.clock.advance(60);
        std::thread::sleep(std::time::Duration::from_millis(1300));
        assert_eq!(saved().1, before, "and an idle server writes nothing");
        house.db.close();
        let _ = runtime.block_on(async { tokio::time::timeout(std::time::Duration::from_secs(180), running).await }).expect("the runner ends");
    });
}

#[test]
fn the_runner_follows_within_moments() {
    on_both(|house| {
        house.table(T);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let running = runtime.spawn(house.db.clone().run_subscription(PLAIN));
        let mut slowest = std::time::Duration::ZERO;
        for n in 0..20 {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let begun = std::time::Instant::now();
            write_notes(house, n..n + 1);
            while seen(house).len() as i64 <= n {
                // On PostgreSQL a long transaction of anybody in the cluster holds the log back for so long.
                assert!(begun.elapsed().as_secs() < 180, "event {n} was not followed");
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            slowest = slowest.max(begun.elapsed());
        }
        eprintln!("{:?}: slowest of 20 followed after {slowest:?}", house.engine());
        house.db.close();
        runtime.block_on(async { tokio::time::timeout(std::time::Duration::from_secs(180), running).await }).expect("the runner ends when the store closes").unwrap();
    });
}
