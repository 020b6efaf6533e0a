//! Types, parameters, rows.

use shouwen_kernel::{CaseId, Result, Time};
use shouwen_store::{Engine, Json, UNIQUE, Value, params};

use crate::house::*;

const KITCHEN: &str = "CREATE TABLE sink (
  id {id} PRIMARY KEY,
  n {int},
  r {real},
  b {bool},
  t {text},
  y {bytes},
  j {json},
  UNIQUE (t, n)
);";

#[test]
fn every_type_goes_in_and_comes_out_the_same() {
    on_both(|house| {
        house.table(KITCHEN);
        let id = CaseId(uuid::Uuid::from_u128(7));
        let text = "你好，'quoted' ? \"and\" 𠮷\n";
        house.write(move |tx| {
            tx.execute(
                "INSERT INTO sink (id, n, r, b, t, y, j) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![id, i64::MIN, 1.5, true, text, vec![0u8, 255, 7], Json(vec!["一", "二"])],
            )
        });
        type Row = (CaseId, i64, f64, bool, String, Vec<u8>, Json<Vec<String>>);
        let row: Row = house.read(|tx| tx.one("SELECT id, n, r, b, t, y, j FROM sink WHERE b = TRUE AND t LIKE '%𠮷%'", params![]));
        assert_eq!((row.0, row.1, row.2, row.3, row.4.as_str(), row.5.as_slice()), (id, i64::MIN, 1.5, true, text, &[0u8, 255, 7][..]));
        assert_eq!(row.6.0, ["一", "二"]);
    });
}

#[test]
fn nulls_go_in_everywhere_and_come_out_as_none_only() {
    on_both(|house| {
        house.table(KITCHEN);
        let id = CaseId(uuid::Uuid::from_u128(8));
        house.write(move |tx| {
            let nothing: Option<i64> = None;
            tx.execute(
                "INSERT INTO sink (id, n, r, b, t, y, j) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![id, nothing, Option::<f64>::None, Option::<bool>::None, Option::<String>::None, Option::<Vec<u8>>::None, Option::<serde_json::Value>::None],
            )
        });
        type Row = (Option<i64>, Option<f64>, Option<bool>, Option<String>, Option<Vec<u8>>, Option<serde_json::Value>);
        let row: Row = house.read(|tx| tx.one("SELECT n, r, b, t, y, j FROM sink", params![]));
        assert_eq!(row, (None, None, None, None, None, None));
        let wrong = house.db.read_blocking(|tx| tx.one::<(i64,)>("SELECT n FROM sink", params![])).unwrap_err();
        assert!(wrong.message.contains("null") && wrong.message.contains("integer"), "{wrong}");
        let found: Option<(CaseId,)> = house.read(|tx| tx.opt("SELECT id FROM sink WHERE n IS NOT DISTINCT FROM ?1", params![Option::<i64>::None]));
        assert!(found.is_some());
    });
}

#[test]
fn a_value_of_a_foreign_type_is_refused_on_both() {
    on_both(|house| {
        house.table(KITCHEN);
        let id = CaseId(uuid::Uuid::from_u128(9));
        let wrong: [(&str, Value); 6] = [
            ("n", Value::Text("twelve chars".into())),
            ("n", Value::Text("x".repeat(8))),
            ("y", Value::Text("text".into())),
            ("t", Value::Bytes(vec![1, 2])),
            ("t", Value::Id(id.0)),
            ("r", Value::Text("much".into())),
        ];
        for (column, value) in wrong {
            let shown = format!("{value:?} in {column}");
            let sql = format!("INSERT INTO sink (id, {column}) VALUES (?1, ?2)");
            let refused = house.db.write_blocking(move |tx| tx.execute(&sql, params![id, value.clone()]));
            assert!(refused.is_err(), "{shown} was taken by {:?}", house.engine());
        }
        // A {bool} is an integer on SQLite; what is neither is still refused.
        assert!(house.db.write_blocking(move |tx| tx.execute("INSERT INTO sink (id, b) VALUES (?1, ?2)", params![id, "yes"])).is_err());
    });
}

#[test]
fn text_is_compared_by_bytes_and_long_numbers_of_parameters_work() {
    on_both(|house| {
        house.table(KITCHEN);
        house.write(|tx| {
            for (i, word) in ["b", "A", "a", "B", "中", "é"].iter().enumerate() {
                tx.execute("INSERT INTO sink (id, t, n) VALUES (?1, ?2, ?3)", params![CaseId(uuid::Uuid::from_u128(i as u128)), *word, i])?;
            }
            Ok(())
        });
        let words: Vec<(String,)> = house.read(|tx| tx.all("SELECT t FROM sink ORDER BY t", params![]));
        assert_eq!(words.into_iter().map(|w| w.0).collect::<Vec<_>>(), ["A", "B", "a", "b", "é", "中"]);
        let places: Vec<String> = (1..=12).map(|i| format!("?{i}")).collect();
        let sql = format!("SELECT count(*) FROM sink WHERE n IN ({})", places.join(","));
        let (count,): (i64,) = house.read(move |tx| tx.one(&sql, &(0..12).map(Value::Int).collect::<Vec<_>>()));
        assert_eq!(count, 6);
    });
}

#[test]
fn sums_counts_and_averages_read_alike() {
    on_both(|house| {
        house.table(KITCHEN);
        house.write(|tx| (0..4i64).try_for_each(|i| tx.execute("INSERT INTO sink (id, n, r) VALUES (?1, ?2, ?3)", params![CaseId(uuid::Uuid::from_u128(i as u128)), i, i as f64 / 2.0]).map(|_| ())));
        let (sum, count, mean, most): (i64, i64, f64, i64) = house.read(|tx| tx.one("SELECT sum(n), count(*), avg(r), max(n) FROM sink", params![]));
        assert_eq!((sum, count, mean, most), (6, 4, 0.75, 3));
        let (sum,): (Option<i64>,) = house.read(|tx| tx.one("SELECT sum(n) FROM sink WHERE n > 100", params![]));
        assert_eq!(sum, None);
        let (whole, part): (i64, f64) = house.read(|tx| tx.one("SELECT sum(n) * 1000000, avg(n) FROM sink", params![]));
        assert_eq!((whole, part), (6_000_000, 1.5));
    });
}

#[test]
fn a_double_gives_one_code_and_names_where() {
    on_both(|house| {
        house.table(KITCHEN);
        let twice = |tx: &shouwen_store::Tx<'_>, id: u128| tx.execute("INSERT INTO sink (id, t, n) VALUES (?1, 'x', 1)", params![CaseId(uuid::Uuid::from_u128(id))]);
        house.write(move |tx| twice(tx, 1));
        for id in [1, 2] {
            let problem = house.db.write_blocking(move |tx| twice(tx, id)).unwrap_err();
            assert_eq!(problem.code, UNIQUE);
            assert!(problem.detail.unwrap()["constraint"].as_str().unwrap().contains("sink"));
        }
    });
}

#[test]
fn zero_characters_do_not_break_a_write() {
    on_both(|house| {
        house.table(KITCHEN);
        house.write(|tx| {
            tx.execute("INSERT INTO sink (id, t, j) VALUES (?1, ?2, ?3)", params![CaseId(uuid::Uuid::from_u128(1)), "a\0b", serde_json::json!({"k": "a\0b"})])
        });
        let (text, json): (String, serde_json::Value) = house.read(|tx| tx.one("SELECT t, j FROM sink", params![]));
        assert!(text.starts_with('a') && text.ends_with('b'));
        assert!(json["k"].as_str().unwrap().ends_with('b'));
    });
}

#[test]
fn json_text_is_reached_by_the_same_operator() {
    on_both(|house| {
        house.table(KITCHEN);
        house.write(|tx| tx.execute("INSERT INTO sink (id, j) VALUES (?1, ?2)", params![CaseId(uuid::Uuid::from_u128(1)), serde_json::json!({"城市": "广州", "n": 3})]));
        let (city,): (String,) = house.read(|tx| tx.one("SELECT j ->> '城市' FROM sink WHERE j ->> '城市' = ?1", params!["广州"]));
        assert_eq!(city, "广州");
    });
}

#[test]
fn a_wrong_statement_is_told_with_the_statement() {
    on_both(|house| {
        let problem = house.db.read_blocking(|tx| tx.all::<(i64,)>("SELECT nothing FROM nowhere WHERE a = ?1", params![1i64])).unwrap_err();
        assert!(problem.message.contains("nowhere"), "{problem}");
        house.table(KITCHEN);
        let few: Result<Vec<(i64,)>> = house.db.read_blocking(|tx| tx.all("SELECT n FROM sink WHERE n = ?1 AND r = ?2", params![1i64]));
        assert!(few.is_err());
        let columns: Result<(i64, i64)> = house.db.read_blocking(|tx| tx.one("SELECT count(*) FROM sink", params![]));
        assert!(columns.unwrap_err().message.contains("columns"));
    });
}

#[test]
fn time_is_whole_microseconds() {
    on_both(|house| {
        house.table(KITCHEN);
        let at = Time::from_micros(1_767_574_800_123_457);
        house.write(move |tx| tx.execute("INSERT INTO sink (id, n) VALUES (?1, ?2)", params![CaseId(uuid::Uuid::from_u128(1)), at]));
        assert_eq!(house.read(|tx| tx.one::<(Time,)>("SELECT n FROM sink", params![])).0, at);
    });
}

#[test]
fn the_bundled_sqlite_is_new_enough_and_set_for_durability() {
    let house = House::new(Engine::Sqlite);
    let (version, mode, sync, keys): (String, String, i64, i64) =
        house.write(|tx| Ok((tx.one::<(String,)>("SELECT sqlite_version()", params![])?.0, tx.one::<(String,)>("PRAGMA journal_mode", params![])?.0, tx.one::<(i64,)>("PRAGMA synchronous", params![])?.0, tx.one::<(i64,)>("PRAGMA foreign_keys", params![])?.0)));
    let parts: Vec<u32> = version.split('.').map(|p| p.parse().unwrap()).collect();
    assert!(parts >= vec![3, 51, 3], "{version}");
    assert_eq!((mode.as_str(), sync, keys), ("wal", 2, 1), "WAL, synchronous=FULL, foreign keys");
}
