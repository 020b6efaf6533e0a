//! On both engines: everything older is found and sealed anew, nothing else is touched, and a second run finds nothing.

use std::sync::Arc;

use serde_json::json;
use shouwen_crypt::{ADDRESS_FIELD, KeyRing, Keys};
use shouwen_kernel::{CustomerId, Ids, SystemClock, WorkspaceId};
use shouwen_store::{Blobs, Db, Services, params};
use shouwen_testkit::{TestApp, on_both};

use super::{Done, KEYS_IN_USE, may_begin, reseal, tables};

fn ring() -> KeyRing {
    KeyRing::generate(&Ids::seeded(42)) // of `Keys::for_tests`
}

fn with(t: &TestApp, ring: KeyRing) -> Db {
    let services = Services { clock: Arc::new(SystemClock), ids: Arc::new(Ids::system()), keys: Arc::new(Keys::new(ring)), blobs: Blobs::at(&t.folder().join("blobs")).unwrap() };
    Db::open(t.db.location(), services).unwrap()
}

fn run(db: &Db) -> Done {
    reseal(db, &mut |_, _| {}).unwrap()
}

#[test]
fn sec_everything_an_older_key_sealed_is_sealed_anew_and_only_that() {
    on_both(|| vec![shouwen_customers::module()], |t| {
        let who = t.person("坐席", &["customer.read", "customer.edit", "customer.reveal"]);
        let made = t.post(&who, "/api/v1/customers", json!({ "name": "欧阳新", "phone": "13800138000", "id_number": "11010519491231002x", "address": "广东省广州市天河区示例路88号1201房" })).expect(201);
        let customer: CustomerId = made["id"].as_str().unwrap().parse().unwrap();
        let stranger = Keys::new(KeyRing::generate(&Ids::seeded(7))).seal(&Ids::system(), ADDRESS_FIELD, "not ours").unwrap();
        let words = format!("他写道：s1.1.hello，s1.，还有 {stranger}");
        let kept = words.clone();
        t.db.write_blocking(move |tx| {
            for n in 0..5_000 {
                let address = tx.keys().seal_address(tx.ids(), &format!("c{n}@example.com"))?;
                tx.set_setting(WorkspaceId::NIL, &format!("many.{n}"), &json!({ "to": [{ "address": address }], "field": { "sealed": tx.keys().seal(tx.ids(), "case.fields", "[1]")? } }))?;
            }
            tx.set_setting(WorkspaceId::NIL, "words", &kept)
        })
        .unwrap();
        let mut rotated = ring();
        rotated.rotate(&Ids::system());
        let db = with(&t, rotated.clone());
        let done = run(&db);
        assert!(done.values >= 10_003 && done.rows >= 5_001 && done.strange == 1, "{done:?}");
        assert_eq!(run(&db), Done { strange: 1, ..Done::default() }, "a second run has nothing to do");
        // Nothing needs the older key any more: the newest alone opens all of it.
        let newest = rotated.to_text().lines().filter(|line| line.starts_with('2')).collect::<String>();
        let alone = Keys::new(KeyRing::parse(&newest).unwrap());
        let (id_number, address, saved): (String, String, String) = db
            .read_blocking(move |tx| {
                let (a, b): (String, String) = tx.one("SELECT id_number, address FROM customer_record WHERE id = ?1", params![customer])?;
                assert_eq!(tx.setting::<String>(WorkspaceId::NIL, "words")?.unwrap(), words, "what is not ours stays as it was");
                let many: serde_json::Value = tx.setting(WorkspaceId::NIL, "many.4999")?.unwrap();
                Ok((a, b, many["to"][0]["address"].as_str().unwrap().to_owned()))
            })
            .unwrap();
        assert_eq!(alone.open(&format!("customer.id_number.{customer}"), &id_number).unwrap(), "11010519491231002X");
        assert_eq!(alone.open(&format!("customer.address.{customer}"), &address).unwrap(), "广东省广州市天河区示例路88号1201房");
        assert_eq!(alone.open_address(&saved).unwrap(), "c4999@example.com");
        db.close();
    });
}

#[test]
fn a_row_that_changed_in_between_is_left_alone_until_the_next_pass() {
    on_both(Vec::new, |t| {
        t.db.write_blocking(|tx| tx.set_setting(WorkspaceId::NIL, "one", &tx.keys().seal_address(tx.ids(), "a@example.com")?)).unwrap();
        let mut rotated = ring();
        rotated.rotate(&Ids::system());
        let db = with(&t, rotated);
        let table = db.read_blocking(tables).unwrap().into_iter().find(|table| table.name == "setting").unwrap();
        let piece = table.clone();
        let (found, _) = db.read_blocking(move |tx| piece.piece(tx, 0, piece.end(tx)?)).unwrap();
        let changes: Vec<_> = found.iter().filter_map(|row| row.anew(&db.services().keys, &db.services().ids).unwrap().0).collect();
        assert_eq!(changes.len(), 1);
        t.db.write_blocking(|tx| tx.set_setting(WorkspaceId::NIL, "one", &tx.keys().seal_address(tx.ids(), "b@example.com")?)).unwrap();
        assert_eq!(db.write_blocking(move |tx| table.change(tx, &changes)).unwrap(), (0, 0), "somebody else's words are not overwritten");
        assert_eq!(run(&db).values, 1);
        let now: String = db.read_blocking(|tx| tx.setting(WorkspaceId::NIL, "one")).unwrap().unwrap();
        assert_eq!(db.services().keys.open_address(&now).unwrap(), "b@example.com");
        db.close();
    });
}

#[test]
fn a_server_that_does_not_know_the_newest_key_is_no_company() {
    on_both(Vec::new, |t| {
        assert_eq!(may_begin(&t.db, 2, false).unwrap_err().code, "keys.old_server");
        t.db.write_blocking(|tx| tx.set_setting(WorkspaceId::NIL, KEYS_IN_USE, &1u32)).unwrap();
        assert_eq!(may_begin(&t.db, 2, false).unwrap_err().code, "keys.old_server");
        may_begin(&t.db, 2, true).unwrap();
        t.db.write_blocking(|tx| tx.set_setting(WorkspaceId::NIL, KEYS_IN_USE, &2u32)).unwrap();
        may_begin(&t.db, 2, false).unwrap();
    });
}
