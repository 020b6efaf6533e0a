//! Every place that names a blob is known to the collector; and the command says what there is.

use std::collections::BTreeSet;

use shouwen_store::{Collector, Db, params};

use crate::blobs::{marked, report, run, uses};
use crate::args::Args;
use crate::config::{Config, OPTIONS};
use crate::instance::open_ready;

/// In a house where everything has happened: a column that names a blob is declared, and what no column names, the log does.
pub fn nothing_is_loose(db: &Db) {
    let columns: Vec<(String, String)> = db
        .read_blocking(|tx| tx.all("SELECT m.name, p.name FROM sqlite_master AS m, pragma_table_info(m.name) AS p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND p.type = 'TEXT' ORDER BY m.name, p.cid", params![]))
        .unwrap();
    let blobs: BTreeSet<String> = db.read_blocking(|tx| tx.all::<(String,)>("SELECT sha256 FROM blob", params![])).unwrap().into_iter().map(|row| row.0).collect();
    assert!(blobs.len() > 20, "{} blobs", blobs.len());
    let declared: BTreeSet<(String, String)> = uses().iter().map(|u| (u.table.to_owned(), u.column.to_owned())).collect();
    for place in &declared {
        assert!(columns.contains(place), "{place:?} is no column");
    }
    let (mut unknown, mut found) = (BTreeSet::new(), BTreeSet::new());
    for (table, column) in columns.iter().filter(|(table, _)| table != "blob" && table != "event") {
        let sql = format!("SELECT \"{column}\" FROM \"{table}\" WHERE length(\"{column}\") >= 64");
        let texts: Vec<(String,)> = db.read_blocking(move |tx| tx.all(&sql, params![])).unwrap();
        if texts.iter().any(|(text,)| text.split(|c: char| !c.is_ascii_hexdigit()).any(|word| blobs.contains(word))) {
            let place = (table.clone(), column.clone());
            found.insert(place.clone());
            if !declared.contains(&place) {
                unknown.insert(place);
            }
        }
    }
    assert!(unknown.is_empty(), "these columns name blobs, and no module says so (Module::blobs): {unknown:?}");
    assert!(found.len() >= 3, "{found:?}");
    let there = Collector::new(uses(), 30).look(db, &mut || true).unwrap().unwrap();
    assert_eq!((there.loose, there.files, there.blobs), (0, 0, blobs.len() as u64), "{there:?}");
}

#[test]
fn cli_admin_blobs_tells_what_nothing_refers_to_and_takes_nothing_before_its_days_are_over() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let arguments = |more: &[&str]| -> Vec<String> { ["--data", &data].iter().chain(more).map(|a| (*a).to_owned()).collect() };
    let config = Config::load(&Args::read(&arguments(&[]), OPTIONS, &[]).unwrap()).unwrap();
    let instance = open_ready(config, true).unwrap();
    instance.db.write_blocking(|tx| tx.put_blob(&[7; 2000])).unwrap();
    instance.db.close();
    drop(instance);
    let said = run(&arguments(&[])).unwrap();
    assert!(said.contains("loose        1, 2.0 KiB: nothing refers to them; they go 30 days after that was found"), "{said}");
    let said = run(&arguments(&["--collect"])).unwrap();
    assert!(said.starts_with("collected    0 blobs, 0 bytes") && said.contains("loose        1, 2.0 KiB"), "{said}");
    // Fewer days than the server was started with have to be said.
    let instance = open_ready(Config::load(&Args::read(&arguments(&["--unreferenced-days", "90"]), OPTIONS, &[]).unwrap()).unwrap(), true).unwrap();
    // As if it had lain for forty days, and been found so.
    instance.db.write_blocking(|tx| tx.execute("UPDATE blob SET created_at = ?1, loose_since = ?1", params![tx.now().plus_seconds(-40 * 86_400)])).unwrap();
    let doctor = instance.db.read_blocking(marked).unwrap();
    assert!(doctor.starts_with("nothing refers to 1, 2.0 KiB"), "{doctor}");
    instance.db.close();
    drop(instance);
    let said = run(&arguments(&["--collect"])).unwrap();
    assert!(said.contains("collected    0 blobs") && said.contains("they go 90 days after"), "{said}");
    let said = run(&arguments(&["--collect", "--unreferenced-days", "30"])).unwrap();
    assert!(said.starts_with("collected    1 blobs, 2.0 KiB; 0 files") && said.contains("loose        0"), "{said}");
    let json: serde_json::Value = serde_json::from_str(&run(&arguments(&["--json"])).unwrap()).unwrap();
    assert_eq!((json["days"].as_u64(), json["collected"].is_null(), json["now"]["loose"].as_u64()), (Some(90), true, Some(0)), "{json}");
    assert!(run(&arguments(&["colect"])).is_err() && run(&arguments(&["--colect"])).is_err());
}

#[test]
fn cli_a_round_that_somebody_else_is_at_is_said_and_not_taken_for_done() {
    let t = shouwen_testkit::TestApp::sqlite(Vec::new);
    t.db.write_blocking(|tx| tx.lease("blobs.collect", "another", 300)).unwrap();
    let problem = report(&t.db, &Collector::new(Vec::new(), 30), 30, true, false).unwrap_err();
    assert_eq!(problem.code, "blobs.busy");
}
