//! What was acknowledged survives `kill -9`: a child writes and prints what was acknowledged, the parent kills it.

use std::io::BufRead;
use std::process::{Command, Stdio};
use std::sync::Arc;

use shouwen_kernel::SystemClock;
use shouwen_store::{Location, params};

use crate::house::*;

const CHILD: &str = "SHOUWEN_TEST_CHILD";

/// Not a test of its own: the body of the child process.
#[test]
fn child_that_is_killed() {
    let Ok(place) = std::env::var(CHILD) else { return };
    let (kind, rest) = place.split_once('|').unwrap();
    let (folder, schema) = rest.split_once('|').unwrap();
    let folder = std::path::PathBuf::from(folder);
    let location = match kind {
        "sqlite" => Location::Sqlite(folder.join("store.db")),
        _ => Location::Postgres { url: postgres_url().unwrap(), schema: Some(schema.to_owned()) },
    };
    let round: i64 = std::env::var("SHOUWEN_TEST_ROUND").unwrap().parse().unwrap();
    let db = open(&location, &folder, Arc::new(SystemClock), 77);
    std::thread::scope(|scope| {
        for client in 0..8i64 {
            let db = db.clone();
            scope.spawn(move || {
                for i in 0.. {
                    let id = (round * 8 + client) * 1_000_000 + i;
                    db.write_blocking(move |tx| {
                        tx.execute("INSERT INTO written (id, twin) VALUES (?1, ?1)", params![id])?;
                        note(tx, id)?;
                        if i % 50 == 0 {
                            tx.put_blob(&vec![(i % 251) as u8; shouwen_store::INLINE_LIMIT + 1 + i as usize])?;
                        }
                        Ok(())
                    })
                    .unwrap();
                    // One write call for the line, so that a kill cannot leave half a number.
                    use std::io::Write;
                    let _ = std::io::stdout().lock().write_all(format!("ack {id}\n").as_bytes());
                }
            });
        }
    });
}

#[test]
fn what_was_acknowledged_survives_being_killed() {
    on_each(|engine| {
        let house = House::new(engine);
        house.table("CREATE TABLE written (id {int} PRIMARY KEY, twin {int} NOT NULL);");
        let (kind, schema) = match &house.location {
            Location::Sqlite(_) => ("sqlite", String::new()),
            Location::Postgres { schema, .. } => ("postgres", schema.clone().unwrap()),
        };
        let mut acknowledged: Vec<i64> = Vec::new();
        for round in 0..5i64 {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "durability::child_that_is_killed", "--nocapture", "--test-threads=1"])
                .env(CHILD, format!("{kind}|{}|{schema}", house.folder.path().display()))
                .env("SHOUWEN_TEST_ROUND", round.to_string())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
            let stop_at = 40 + 97 * round as usize;
            let mut seen = 0;
            for line in lines.by_ref().map_while(Result::ok) {
                let Some(id) = line.split("ack ").nth(1) else { continue };
                acknowledged.push(id.trim().parse().unwrap());
                seen += 1;
                if seen == stop_at {
                    child.kill().unwrap();
                }
            }
            child.wait().unwrap();
            assert!(seen >= stop_at, "the child acknowledged only {seen}");
        }
        // One snapshot for both: PostgreSQL may be finishing a commit of the dead child.
        let (kept, events): (Vec<(i64,)>, i64) = house.read(|tx| Ok((tx.all("SELECT id FROM written", params![])?, tx.one::<(i64,)>("SELECT count(*) FROM event", params![])?.0)));
        let kept: std::collections::BTreeSet<i64> = kept.into_iter().map(|row| row.0).collect();
        let lost: Vec<&i64> = acknowledged.iter().filter(|id| !kept.contains(id)).collect();
        assert!(lost.is_empty(), "{} acknowledged writes lost on {engine:?}: {lost:?}", lost.len());
        // Row and event were one transaction: neither stands alone.
        assert_eq!(events as usize, kept.len());
        let blobs: Vec<(String, u64)> = house.read(|tx| tx.all("SELECT sha256, size FROM blob", params![]));
        assert!(!blobs.is_empty());
        for (sha256, size) in blobs {
            let bytes = house.read(move |tx| tx.blob(&sha256)).unwrap();
            assert_eq!(bytes.len() as u64, size);
        }
        assert_eq!(house.db.integrity_check().unwrap(), Vec::<String>::new());
        eprintln!("{engine:?}: {} acknowledged over 5 kills, 0 lost, {} stored", acknowledged.len(), kept.len());
    });
}
