//! Creating, reading, changing, revealing.

use shouwen_testkit::on_both;

use crate::*;

const ALL: &[&str] = &["customer.read", "customer.edit", "customer.reveal"];

fn sample() -> Json {
    json!({ "name": "欧阳示例", "phone": "138 0013 8000", "identities": [{ "kind": "email", "value": "Ouyang@Example.com", "verified": true }],
            "id_number": "11010519491231002x", "address": "广东省广州市天河区示例路88号1201房", "language": "zh", "tags": ["VIP", "VIP", "宽带"], "tier": "金卡", "notes": "喜欢电话联系\n" })
}

#[test]
fn a_customer_is_created_masked_sealed_and_revealed_on_record() {
    on_both(modules, |app| {
        let who = app.person("坐席", ALL);
        let customer = app.post(&who, "/api/v1/customers", sample()).expect(201);
        assert_eq!(customer["tags"], json!(["VIP", "宽带"]));
        assert_eq!(customer["kind"], "person");
        assert_eq!(customer["personal"], json!({ "id_number_masked": "110***********002X", "address_masked": "广东省广州市******" }));
        let identities = customer["identities"].as_array().unwrap();
        assert_eq!(identities.iter().map(|i| (i["kind"].as_str().unwrap(), i["masked"].as_str().unwrap(), i["verified"].as_bool().unwrap(), i["primary"].as_bool().unwrap())).collect::<Vec<_>>(), [
            ("phone", "138****8000", false, true),
            ("email", "o***@example.com", true, true),
        ]);
        // Nothing personal stands in any table in the clear.
        let tables = ["customer_record", "customer_identity", "customer_name", "event", "audit"];
        for table in tables {
            let rows: Vec<shouwen_store::Row> = app.db.read_blocking(move |tx| tx.all(&format!("SELECT * FROM {table}"), shouwen_store::params![])).unwrap();
            let text = format!("{rows:?}");
            for secret in ["13800138000", "11010519491231002X", "天河区", "ouyang@example.com", "Ouyang@Example.com"] {
                assert!(!text.contains(secret), "{secret} stands in {table}");
            }
        }
        let path = format!("/api/v1/customers/{}", id(&customer));
        let shown = app.get(&who, &path).expect(200);
        assert_eq!(shown, customer);
        for (what, value) in [
            (format!("identity:{}", id(&identities[0])), "+8613800138000"),
            (format!("identity:{}", id(&identities[1])), "ouyang@example.com"),
            ("id_number".into(), "11010519491231002X"),
            ("address".into(), "广东省广州市天河区示例路88号1201房"),
        ] {
            let revealed = app.post(&who, &format!("{path}/revelation"), json!({ "what": what, "reason": "核对身份" })).expect(200);
            assert_eq!(revealed["value"], value);
        }
        let actions: Vec<String> = audits(&app).into_iter().map(|a| a.0).collect();
        assert_eq!(actions, ["customer.created", "customer.read", "customer.revealed", "customer.revealed", "customer.revealed", "customer.revealed"]);
        assert_eq!(audits(&app)[4].1, json!({ "what": "id_number", "reason": "核对身份" }));
        for (what, status) in [("identity:idn_00000000000000000000000000", 404), ("identity:x", 422), ("name", 422)] {
            app.post(&who, &format!("{path}/revelation"), json!({ "what": what })).expect(status);
        }
    });
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_stored() {
    on_both(modules, |app| {
        let who = app.person("坐席", ALL);
        for (change, field, why) in [
            (json!({ "name": "  " }), "name", "0 characters"),
            (json!({ "name": "长".repeat(121) }), "name", "121 characters"),
            (json!({ "kind": "robot" }), "kind", "robot"),
            (json!({ "phone": "1380013800" }), "phone", "has 10"),
            (json!({ "phone": "12345678901" }), "phone", "begins with 12"),
            (json!({ "email": "nobody" }), "email", "not an e-mail address"),
            (json!({ "identities": [{ "kind": "fax", "value": "1" }] }), "identities[0].kind", "fax"),
            (json!({ "identities": [{ "kind": "phone", "value": "abc" }] }), "identities[0].value", "`a`"),
            (json!({ "id_number": "110105194912310029" }), "id_number", "check character"),
            (json!({ "id_number": "110105491231002" }), "id_number", "first generation"),
            (json!({ "address": "x" }), "address", "1 characters"),
            (json!({ "tags": ["ok", ""] }), "tags[1]", "0 characters"),
            (json!({ "language": "not a tag" }), "language", "not a language tag"),
            (json!({ "org_unit_id": "org_00000000000000000000000001" }), "org_unit_id", "no org unit"),
            (json!({ "colour": "red" }), "colour", "colour"),
        ] {
            let mut body = json!({ "name": "张三" });
            body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let reply = app.post(&who, "/api/v1/customers", body);
            assert_eq!(reply.status.as_u16(), 422, "{change}: {}", reply.text);
            let error = &reply.json()["error"];
            assert_eq!(error["field"], field, "{error}");
            assert!(error["message"].as_str().unwrap().contains(why), "{error}");
            assert!(error["expected"].is_string(), "{error}");
        }
        assert!(app.get(&who, "/api/v1/customers").expect(200)["items"].as_array().unwrap().is_empty());
    });
}

#[test]
fn an_address_belongs_to_one_customer() {
    on_both(modules, |app| {
        let who = app.person("坐席", ALL);
        let first = app.post(&who, "/api/v1/customers", json!({ "name": "甲", "phone": "13800138000" })).expect(201);
        let taken = app.post(&who, "/api/v1/customers", json!({ "name": "乙", "phone": "+86 138-0013-8000" }));
        assert_eq!((taken.status.as_u16(), taken.code().as_str()), (409, "customer.identity_taken"));
        assert_eq!(taken.json()["error"]["detail"]["customer"]["id"], first["id"]);
        let path = format!("/api/v1/customers/{}/identities", id(&first));
        assert_eq!(app.post(&who, &path, json!({ "kind": "phone", "value": "13800138000" })).code(), "customer.identity_taken");
        let more = app.post(&who, &path, json!({ "kind": "phone", "value": "13900139000", "primary": true })).expect(201);
        let phones: Vec<(&str, bool)> = more["identities"].as_array().unwrap().iter().map(|i| (i["masked"].as_str().unwrap(), i["primary"].as_bool().unwrap())).collect();
        assert_eq!(phones, [("139****9000", true), ("138****8000", false)]);
        assert_eq!(more["version"], 2);
        let gone = app.delete(&who, &format!("{path}/{}", id(&more["identities"][0]))).expect(200);
        assert_eq!(gone["identities"][0]["primary"], true, "the remaining one takes its place");
        app.delete(&who, &format!("{path}/{}", id(&more["identities"][0]))).expect(404);
        app.post(&who, "/api/v1/customers", json!({ "name": "乙", "phone": "13900139000" })).expect(201);
    });
}

#[test]
fn two_who_create_the_same_at_once_get_one_customer() {
    on_both(modules, |app| {
        let who = app.person("坐席", ALL);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..6).map(|_| scope.spawn(|| app.post(&who, "/api/v1/customers", json!({ "name": "同一个", "email": "same@example.com" })).status.as_u16())).collect();
            tries.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|s| **s == 201).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|s| *s == 201 || *s == 409), "{statuses:?}");
        assert_eq!(app.get(&who, "/api/v1/customers?q=same@example.com").expect(200)["items"].as_array().unwrap().len(), 1);
        assert_eq!(app.get(&who, "/api/v1/customers").expect(200)["items"].as_array().unwrap().len(), 1, "a refused one leaves nothing");
    });
}

#[test]
fn changes_carry_versions_and_null_empties() {
    on_both(modules, |app| {
        let who = app.person("坐席", ALL);
        let customer = app.post(&who, "/api/v1/customers", sample()).expect(201);
        let path = format!("/api/v1/customers/{}", id(&customer));
        let changed = app.patch(&who, &path, json!({ "version": 1, "name": "欧阳 新", "tier": null, "id_number": null, "address": "上海市示例路1号" })).expect(200);
        assert_eq!((&changed["name"], &changed["tier"], &changed["version"]), (&json!("欧阳 新"), &json!(null), &json!(2)));
        assert_eq!(changed["personal"], json!({ "address_masked": "上海******" }));
        assert_eq!(changed["language"], "zh", "what is absent stays");
        let stale = app.patch(&who, &path, json!({ "version": 1, "name": "另一个" }));
        assert_eq!((stale.status.as_u16(), stale.code().as_str()), (409, "version_conflict"));
        assert_eq!(stale.json()["error"]["detail"]["current"], changed);
        let same = app.patch(&who, &path, json!({ "version": 2, "name": "欧阳 新" })).expect(200);
        assert_eq!(same["version"], 2, "a change that changes nothing is none");
        app.patch(&who, &path, json!({ "name": "没有版本" })).expect(422);
        let audit = audits(&app);
        assert_eq!(audit.iter().filter(|a| a.0 == "customer.edited").map(|a| a.1["fields"].clone()).collect::<Vec<_>>(), [json!(["name", "tier", "id_number", "address"])]);
        assert!(!format!("{audit:?}").contains("示例路"));
    });
}

#[test]
fn two_who_change_at_once_do_not_overwrite_each_other() {
    on_both(modules, |app| {
        let who = app.person("坐席", ALL);
        let customer = app.post(&who, "/api/v1/customers", json!({ "name": "甲" })).expect(201);
        let path = format!("/api/v1/customers/{}", id(&customer));
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..6)
                .map(|i| {
                    let (app, who, path) = (&app, &who, &path);
                    scope.spawn(move || app.patch(who, path, json!({ "version": 1, "notes": format!("第 {i} 个") })).status.as_u16())
                })
                .collect();
            tries.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|s| **s == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|s| **s == 409).count(), 5, "{statuses:?}");
    });
}

#[test]
fn a_repeated_request_is_answered_and_not_repeated() {
    on_both(modules, |app| {
        let who = app.person("坐席", ALL);
        let send = || app.send(Some(&who), axum::http::Method::POST, "/api/v1/customers", json!({ "name": "一次", "phone": "13800138000" }), &[("idempotency-key", "k1")]).expect(201);
        assert_eq!(send(), send());
        assert_eq!(app.get(&who, "/api/v1/customers").expect(200)["items"].as_array().unwrap().len(), 1);
    });
}
