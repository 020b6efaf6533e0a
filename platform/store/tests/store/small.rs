//! Idempotency keys, leases, blobs, settings.

use std::sync::Arc;

use shouwen_kernel::Result;
use shouwen_store::{INLINE_LIMIT, Remembered, params};

use crate::house::*;

fn command(house_table: &'static str) -> impl Fn(&shouwen_store::Tx<'_>) -> Result<String> + Send + Clone + 'static {
    move |tx| {
        if let Some(answer) = tx.remembered("per_1", "key-1", "hash-1")? {
            return Ok(answer.body);
        }
        tx.execute(house_table, params![])?;
        let body = format!("done at {}", tx.now());
        tx.remember("per_1", "key-1", "hash-1", &Remembered { status: 201, body: body.clone() })?;
        Ok(body)
    }
}

#[test]
fn a_repeated_command_gets_its_first_answer() {
    on_both(|house| {
        house.table("CREATE TABLE t (k {seq});");
        let add = "INSERT INTO t DEFAULT VALUES";
        let first = house.write(command(add));
        house.clock.advance(60);
        assert_eq!(house.write(command(add)), first);
        assert_eq!(house.read(|tx| tx.one::<(i64,)>("SELECT count(*) FROM t", params![])).0, 1);
        let other = house.db.write_blocking(|tx| tx.remembered("per_1", "key-1", "hash-2")).unwrap_err();
        assert_eq!((other.code.as_ref(), other.field.as_deref()), ("idempotency.mismatch", Some("Idempotency-Key")));
        assert!(house.read(|tx| tx.remembered("per_2", "key-1", "hash-2")).is_none(), "keys belong to one principal");
        house.clock.advance(72 * 3600 + 1);
        assert_eq!(house.write(|tx| tx.forget_old_keys()), 1);
        assert!(house.read(|tx| tx.remembered("per_1", "key-1", "hash-1")).is_none());
    });
}

#[test]
fn two_at_once_do_it_once() {
    on_both(|house| {
        house.table("CREATE TABLE t (k {seq});");
        let gate = Arc::new(std::sync::Barrier::new(8));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (db, gate) = (house.db.clone(), gate.clone());
                std::thread::spawn(move || {
                    gate.wait();
                    db.write_blocking(command("INSERT INTO t DEFAULT VALUES"))
                })
            })
            .collect();
        let answers: Vec<Result<String>> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        assert_eq!(house.read(|tx| tx.one::<(i64,)>("SELECT count(*) FROM t", params![])).0, 1);
        assert!(answers.iter().any(Result::is_ok));
        for answer in answers {
            match answer {
                Ok(body) => assert!(body.starts_with("done at")),
                Err(problem) => assert_eq!(problem.code, "idempotency.running"),
            }
        }
    });
}

#[test]
fn a_lease_has_one_holder_and_an_epoch() {
    on_both(|house| {
        let a = house.write(|tx| tx.lease("poller", "node-a", 30)).unwrap();
        assert_eq!(house.write(|tx| tx.lease("poller", "node-b", 30)), None);
        house.clock.advance(20);
        assert_eq!(house.write(|tx| tx.lease("poller", "node-a", 30)), Some(a), "prolonged");
        house.clock.advance(29);
        assert_eq!(house.write(|tx| tx.lease("poller", "node-b", 30)), None);
        house.clock.advance(2);
        let b = house.write(|tx| tx.lease("poller", "node-b", 30)).unwrap();
        assert_eq!(b.epoch, a.epoch + 1);
        assert_eq!(house.db.write_blocking(move |tx| tx.hold_lease("poller", a)).unwrap_err().code, "lease.lost");
        house.write(move |tx| tx.hold_lease("poller", b));
        house.write(|tx| tx.release_lease("poller", "node-a"));
        assert_eq!(house.write(|tx| tx.lease("poller", "node-a", 30)), None, "nobody gives back what is not theirs");
        house.write(|tx| tx.release_lease("poller", "node-b"));
        house.clock.advance(1);
        assert_eq!(house.write(|tx| tx.lease("poller", "node-a", 30)).unwrap().epoch, b.epoch + 1);
    });
}

#[test]
fn only_one_of_many_gets_a_free_lease() {
    on_both(|house| {
        let gate = Arc::new(std::sync::Barrier::new(8));
        let threads: Vec<_> = (0..8)
            .map(|i| {
                let (db, gate) = (house.db.clone(), gate.clone());
                std::thread::spawn(move || {
                    gate.wait();
                    db.write_blocking(move |tx| tx.lease("one", &format!("node-{i}"), 30)).unwrap()
                })
            })
            .collect();
        assert_eq!(threads.into_iter().filter_map(|t| t.join().unwrap()).count(), 1);
    });
}

#[test]
fn small_blobs_lie_inline_and_large_ones_in_files() {
    on_both(|house| {
        let small = vec![7u8; INLINE_LIMIT];
        let large: Vec<u8> = (0..INLINE_LIMIT + 1).map(|i| (i % 251) as u8).collect();
        let (s, l) = (small.clone(), large.clone());
        let (small_name, large_name) = house.write(move |tx| Ok((tx.put_blob(&s)?, tx.put_blob(&l)?)));
        assert_eq!(large_name, shouwen_crypt::sha256_hex(&large));
        let path = house.db.services().blobs.path(&large_name);
        assert_eq!(std::fs::read(&path).unwrap(), large);
        assert!(!house.db.services().blobs.path(&small_name).exists());
        let (s, l) = (small_name.clone(), large_name.clone());
        assert_eq!(house.read(move |tx| Ok((tx.blob(&s)?, tx.blob(&l)?))), (Some(small.clone()), Some(large.clone())));
        assert_eq!(house.read(|tx| tx.blob("0".repeat(64).as_str())), None);
        let again = large.clone();
        assert_eq!(house.write(move |tx| tx.put_blob(&again)), large_name, "the same bytes are one blob");
        assert_eq!(house.read(|tx| tx.one::<(i64,)>("SELECT count(*) FROM blob", params![])).0, 2);
        let leftovers = std::fs::read_dir(path.parent().unwrap()).unwrap().filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().ends_with(".part")).count();
        assert_eq!(leftovers, 0);
        let empty = house.write(|tx| tx.put_blob(&[]));
        assert_eq!(house.read(move |tx| tx.blob(&empty)), Some(Vec::new()));
    });
}

#[test]
fn a_damaged_or_missing_file_is_told_by_name_and_mended_by_the_same_bytes() {
    on_both(|house| {
        let large = vec![3u8; INLINE_LIMIT * 2];
        let bytes = large.clone();
        let name = house.write(move |tx| tx.put_blob(&bytes));
        let path = house.db.services().blobs.path(&name);
        std::fs::write(&path, b"short").unwrap();
        house.db.services().blobs.prepare(&large).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), large, "a file of another length is written anew");
        std::fs::remove_file(&path).unwrap();
        let n = name.clone();
        let problem = house.db.read_blocking(move |tx| tx.blob(&n)).unwrap_err();
        assert!(problem.message.contains(&name), "{problem}");
    });
}

#[test]
fn blobs_prepared_by_many_at_once_are_whole() {
    on_both(|house| {
        let bytes: Arc<Vec<u8>> = Arc::new((0..INLINE_LIMIT * 4).map(|i| (i % 250) as u8).collect());
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (db, bytes) = (house.db.clone(), bytes.clone());
                std::thread::spawn(move || {
                    let prepared = db.services().blobs.prepare(&bytes).unwrap();
                    db.write_blocking(move |tx| tx.save_blob(&prepared)).unwrap();
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        let name = shouwen_crypt::sha256_hex(&bytes);
        assert_eq!(house.read(move |tx| tx.blob(&name)).unwrap(), *bytes);
    });
}

#[test]
fn settings_and_workspaces() {
    on_both(|house| {
        assert!(house.read(|tx| tx.workspaces()).is_empty());
        let id = house.write(|tx| tx.create_workspace("首问示例", "Asia/Shanghai", "zh-CN"));
        let found = house.read(|tx| tx.workspaces());
        assert_eq!((found[0].id, found[0].name.as_str(), found[0].created_at), (id, "首问示例", START));
        assert_eq!(house.read(move |tx| tx.setting::<Vec<i64>>(id, "a")), None);
        house.write(move |tx| tx.set_setting(id, "a", &vec![1, 2]));
        house.write(move |tx| tx.set_setting(id, "a", &vec![3]));
        assert_eq!(house.read(move |tx| tx.setting::<Vec<i64>>(id, "a")), Some(vec![3]));
    });
}

#[test]
fn an_audit_row_holds_who_what_and_where() {
    on_both(|house| {
        let person = shouwen_kernel::PersonId(uuid::Uuid::from_u128(3));
        let object = uuid::Uuid::from_u128(4);
        house.write(move |tx| {
            let ctx = shouwen_store::Ctx { workspace: WORKSPACE, actor: shouwen_kernel::Actor::person(person), ip: Some("192.0.2.7".into()) };
            tx.audit(&ctx, "customer.read", "customer", Some(object), Some(serde_json::json!({"fields": ["phone"]})))?;
            tx.audit(&shouwen_store::Ctx::system(WORKSPACE, "clock"), "timer.fired", "timer", None, None)
        });
        type Row = (Option<uuid::Uuid>, String, Option<String>, Option<serde_json::Value>, Option<i64>);
        let rows: Vec<Row> = house.read(|tx| tx.all("SELECT actor_id, action, ip, detail, chain FROM audit ORDER BY seq", params![]));
        assert_eq!(rows[0], (Some(person.0), "customer.read".into(), Some("192.0.2.7".into()), Some(serde_json::json!({"fields": ["phone"]})), None));
        assert_eq!(rows[1], (None, "timer.fired".into(), None, None, None));
    });
}
