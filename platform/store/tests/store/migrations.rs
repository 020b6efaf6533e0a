//! Migrations: once, in order, all or nothing, never backwards.

use shouwen_store::{Migration, MIGRATIONS, Position, Subscription, migrate, params};

use crate::house::*;

const ONE: Migration = Migration { capability: "demo", version: 1, sql: "CREATE TABLE demo_a (\n  id {id} PRIMARY KEY,\n  n {int} NOT NULL\n);\nCREATE INDEX demo_a_n ON demo_a (n);" };
const TWO: Migration = Migration { capability: "demo", version: 2, sql: "ALTER TABLE demo_a ADD COLUMN word {text};\nUPDATE demo_a SET word = 'x';" };

#[test]
fn what_is_missing_is_applied_once() {
    on_each(|engine| {
        let house = House::bare(engine);
        assert_eq!(migrate::pending(&house.db, &[ONE, TWO]).unwrap(), ["demo 0001", "demo 0002"]);
        assert_eq!(migrate::run(&house.db, &[ONE]).unwrap(), ["demo 0001"]);
        house.write(|tx| tx.execute("INSERT INTO demo_a (id, n) VALUES (?1, 1)", params![uuid::Uuid::from_u128(1)]));
        assert_eq!(migrate::pending(&house.db, &[ONE, TWO]).unwrap(), ["demo 0002"]);
        assert_eq!(migrate::run(&house.db, &[ONE, TWO]).unwrap(), ["demo 0002"]);
        assert!(migrate::run(&house.db, &[ONE, TWO]).unwrap().is_empty());
        assert_eq!(house.read(|tx| tx.one::<(String,)>("SELECT word FROM demo_a", params![])).0, "x");
    });
}

#[test]
fn a_changed_file_and_a_newer_database_are_refused() {
    on_each(|engine| {
        let house = House::bare(engine);
        migrate::run(&house.db, &[ONE, TWO]).unwrap();
        let edited = Migration { sql: "CREATE TABLE demo_a (id {id} PRIMARY KEY);", ..ONE };
        let problem = migrate::run(&house.db, &[edited, TWO]).unwrap_err();
        assert_eq!(problem.code, "migration.changed");
        assert!(problem.message.contains("demo 0001") && problem.expected.is_some());
        let problem = migrate::run(&house.db, &[ONE]).unwrap_err();
        assert_eq!(problem.code, "migration.newer");
        assert!(problem.message.contains("demo 0002"));
        assert!(migrate::run(&house.db, &[ONE, TWO]).unwrap().is_empty(), "refusals changed nothing");
    });
}

#[test]
fn a_failing_migration_leaves_nothing() {
    on_each(|engine| {
        let house = House::bare(engine);
        let bad = Migration { capability: "demo", version: 2, sql: "CREATE TABLE demo_b (\n  id {id} PRIMARY KEY\n);\nINSERT INTO no_such_table VALUES (1);" };
        let problem = migrate::run(&house.db, &[ONE, bad]).unwrap_err();
        assert!(problem.message.contains("demo 0002") && problem.message.contains("no_such_table"), "{problem}");
        assert_eq!(migrate::pending(&house.db, &[ONE]).unwrap(), ["demo 0001"], "not even the first one");
        migrate::run(&house.db, &[ONE, TWO]).unwrap();
    });
}

#[test]
fn versions_without_order_are_a_mistake_of_ours() {
    on_each(|engine| {
        let house = House::bare(engine);
        assert!(migrate::run(&house.db, &[TWO]).unwrap_err().message.contains("without gaps"));
        assert!(migrate::run(&house.db, &[ONE, ONE]).is_err());
    });
}

#[test]
fn nodes_that_start_at_once_migrate_once() {
    on_each(|engine| {
        let house = House::bare(engine);
        let nodes: Vec<_> = (0..3).map(|_| house.another()).collect();
        let threads: Vec<_> = nodes.iter().cloned().map(|db| std::thread::spawn(move || migrate::run(&db, &[MIGRATIONS[0], ONE, TWO]).unwrap().len())).collect();
        let applied: Vec<usize> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        assert_eq!(applied.iter().sum::<usize>(), 3, "{applied:?}");
    });
}

#[test]
fn sqlite_tables_are_strict() {
    let house = House::new(shouwen_store::Engine::Sqlite);
    let loose: Vec<(String,)> = house.read(|tx| tx.all("SELECT name FROM pragma_table_list WHERE type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%' AND name <> 'migration'", params![]));
    assert!(loose.is_empty(), "{loose:?}");
}

fn ignore(tx: &shouwen_store::Tx<'_>, event: &shouwen_store::Recorded) -> shouwen_kernel::Result<()> {
    if let Some(noted) = event.event::<Noted>()? {
        tx.execute("INSERT INTO heard (n) VALUES (?1)", params![noted.n])?;
    }
    Ok(())
}

/// After `pg_restore` into another cluster the transaction numbers in the log mean nothing there.
#[test]
fn a_log_restored_into_another_cluster_is_read_on_without_loss() {
    on_both(|house| {
        if house.engine() == shouwen_store::Engine::Sqlite {
            return;
        }
        house.table("CREATE TABLE heard (n {int} NOT NULL);");
        let early = Subscription { name: "test.early", version: 1, reset: None, kinds: &[], handle: ignore };
        let late = Subscription { name: "test.late", ..early };
        for n in 0..30 {
            house.write(move |tx| note(tx, n));
        }
        house.db.drain(&[early]).unwrap();
        for n in 30..50 {
            house.write(move |tx| note(tx, n));
        }
        house.db.drain(&[late]).unwrap();
        // As if another cluster, far ahead, had written all this; rows 40… committed in another order than numbered.
        house.write(|tx| {
            tx.batch(
                "UPDATE event SET tx = ((tx::text::bigint + 1000000000)::text)::xid8;
                 UPDATE event SET tx = ((tx::text::bigint + CASE WHEN seq > 40 THEN 1000 - 2 * seq ELSE 0 END)::text)::xid8;
                 UPDATE subscription SET tx = (SELECT event.tx::text::bigint FROM event ORDER BY event.tx DESC LIMIT 1), seq = (SELECT seq FROM event ORDER BY event.tx DESC LIMIT 1) WHERE name = 'test.late';
                 UPDATE subscription SET tx = tx + 1000000000 WHERE name = 'test.early'",
            )
        });
        assert!(house.read(|tx| tx.events_after(Position::default(), 100)).is_empty(), "readers would stall");
        migrate::run(&house.db, MIGRATIONS).unwrap();
        house.settle();
        assert_eq!(house.read(|tx| tx.events_after(Position::default(), 100)).len(), 50);
        house.write(|tx| tx.execute("DELETE FROM heard", params![]));
        house.write(|tx| note(tx, 50));
        house.db.drain(&[late]).unwrap();
        let heard = || house.read(|tx| tx.all::<(i64,)>("SELECT n FROM heard", params![])).into_iter().map(|r| r.0).collect::<Vec<_>>();
        assert_eq!(heard(), [50], "who had read all reads only what is new");
        house.write(|tx| tx.execute("DELETE FROM heard", params![]));
        house.db.drain(&[early]).unwrap();
        let mut rest = heard();
        assert_eq!(rest.len(), 21, "who was behind reads the rest");
        assert_eq!(rest.last(), Some(&50));
        rest.sort_unstable();
        assert_eq!(rest, (30..=50).collect::<Vec<_>>());
        assert!(migrate::run(&house.db, MIGRATIONS).unwrap().is_empty(), "and it is done once");
    });
}
