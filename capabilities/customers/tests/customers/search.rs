//! Lists and searches.

use shouwen_testkit::on_both;

use crate::*;

fn names(page: &Json) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn customers_are_found_by_name_pinyin_initials_and_exact_numbers() {
    on_both(modules, |app| {
        let who = app.person("坐席", &["customer.read", "customer.edit"]);
        for body in [
            json!({ "name": "张三", "phone": "13800138000", "email": "zhang@example.com", "id_number": "11010519491231002X" }),
            json!({ "name": "张三丰" }),
            json!({ "name": "单雄信" }),
            json!({ "name": "Zhang Wei" }),
            json!({ "name": "示例网络公司", "kind": "organisation", "phone": "400-123-4567" }),
        ] {
            app.post(&who, "/api/v1/customers", body).expect(201);
        }
        let find = |q: &str| names(&app.get(&who, &format!("/api/v1/customers?q={}", encode(q))).expect(200));
        assert_eq!(find("张三"), ["张三", "张三丰"]);
        assert_eq!(find("zhang"), ["Zhang Wei", "张三", "张三丰"]);
        assert_eq!(find("zs"), ["张三", "张三丰"]);
        assert_eq!(find("ZhangSanF"), ["张三丰"]);
        assert_eq!(find("wei"), ["Zhang Wei"]);
        assert_eq!(find("shanx"), ["单雄信"], "family names are read as family names");
        assert_eq!(find("+86 138 0013 8000"), ["张三"]);
        assert_eq!(find("１３８００１３８０００"), ["张三"]);
        assert_eq!(find("ZHANG@example.com"), ["张三"]);
        assert_eq!(find("11010519491231002x"), ["张三"]);
        assert_eq!(find("4001234567"), ["示例网络公司"]);
        assert!(find("13900139000").is_empty());
        assert!(find("1380013").is_empty(), "a part of a number finds nobody");
        assert!(find("%").is_empty() && find("'; DROP TABLE customer_record; --").is_empty());
        let by_id = app.get(&who, "/api/v1/customers?q=zs").expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(find(&by_id), ["张三"]);
        let listed: Vec<Json> = audits(&app).into_iter().filter(|a| a.0 == "customer.listed").map(|a| a.1).collect();
        assert_eq!(listed[0], json!({ "by": "name", "found": 2 }));
        assert_eq!(listed[6], json!({ "by": "phone", "found": 1 }));
        assert!(!format!("{listed:?}").contains("138"));
    });
}

#[test]
fn pages_follow_each_other_without_gap_or_double() {
    on_both(modules, |app| {
        let who = app.person("坐席", &["customer.read", "customer.edit"]);
        for i in 0..57 {
            // Every name has several keys that begin alike.
            app.post(&who, "/api/v1/customers", json!({ "name": format!("张{}", ["三", "山", "珊"][i % 3]) })).expect(201);
            app.clock.advance(1);
        }
        for q in ["", "zh", "z", "张"] {
            let mut seen: Vec<String> = Vec::new();
            let mut after = String::new();
            loop {
                let page = app.get(&who, &format!("/api/v1/customers?limit=10&q={}{}", encode(q), if after.is_empty() { String::new() } else { format!("&after={after}") })).expect(200);
                seen.extend(page["items"].as_array().unwrap().iter().map(|c| id(c).to_owned()));
                match page["next"].as_str() {
                    Some(next) => after = next.to_owned(),
                    None => break,
                }
            }
            assert_eq!(seen.len(), 57, "q={q}");
            if q.is_empty() {
                assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "newest first");
            }
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 57, "q={q}");
        }
        app.get(&who, "/api/v1/customers?limit=0").expect(422);
        app.get(&who, "/api/v1/customers?after=rubbish").expect(422);
        app.get(&who, "/api/v1/customers?colour=red").expect(422);
    });
}

fn encode(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// A page costs the same among a hundred thousand customers as among ten, whatever the scope and however deep the page.
#[test]
fn pages_do_not_depend_on_how_many_there_are() {
    use shouwen_kernel::{Grant, Reach};
    on_both(modules, |app| {
        let narrow = unit(&app, "小区");
        let (busy, quiet): (shouwen_kernel::TeamId, shouwen_kernel::TeamId) = (some(&app), some(&app));
        let workspace = app.workspace;
        app.db
            .write_blocking(move |tx| {
                let random = tx.dialect("randomblob(16)", "gen_random_uuid()");
                let other = uuid::Uuid::from_u128(9);
                tx.execute(
                    &format!(
                        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
                         INSERT INTO customer_record (id, workspace_id, name, named, kind, home_id, notes, tags, created_at, updated_at, version)
                         SELECT {random}, ?1, '客' || i, TRUE, 'person', ?2, '', '[]', 0, 0, 1 FROM n"
                    ),
                    shouwen_store::params![workspace, other],
                )?;
                tx.execute("UPDATE customer_record SET home_id = ?1 WHERE name IN ('客1', '客20000', '客40000', '客60000', '客99999')", shouwen_store::params![narrow])?;
                tx.execute("INSERT INTO customer_name (workspace_id, key, customer_id) SELECT workspace_id, name, id FROM customer_record", shouwen_store::params![])?;
                // Everybody has a case with the busy team; five have one with the quiet team.
                tx.execute(
                    &format!("INSERT INTO customer_case (case_id, workspace_id, customer_id, root_id, team_id) SELECT {random}, workspace_id, id, id, ?1 FROM customer_record"),
                    shouwen_store::params![busy],
                )?;
                tx.execute(
                    &format!("INSERT INTO customer_case (case_id, workspace_id, customer_id, root_id, team_id) SELECT {random}, workspace_id, id, id, ?1 FROM customer_record WHERE home_id = ?2"),
                    shouwen_store::params![quiet, narrow],
                )?;
                if tx.engine() == shouwen_store::Engine::Postgres {
                    tx.batch("ANALYZE customer_record; ANALYZE customer_name; ANALYZE customer_case")?;
                }
                Ok(())
            })
            .unwrap();
        let all = app.person("坐席", &["customer.read"]);
        let few = app.viewer("小区坐席", vec![Grant { permission: "customer.read".into(), reach: Reach::OrgUnits { units: [narrow].into() } }]);
        let of = |team| app.viewer("班组坐席", vec![Grant { permission: "customer.read".into(), reach: Reach::Teams { teams: [team].into() } }]);
        let (many, some_few) = (of(busy), of(quiet));
        let deep = app.get(&all, "/api/v1/customers?limit=200").expect(200)["next"].as_str().unwrap().to_owned();
        for (who, path, found) in [
            (&all, "/api/v1/customers".to_owned(), 50),
            (&all, format!("/api/v1/customers?after={deep}"), 50),
            (&few, "/api/v1/customers".to_owned(), 5),
            (&many, "/api/v1/customers".to_owned(), 50),
            (&many, format!("/api/v1/customers?after={deep}"), 50),
            (&some_few, "/api/v1/customers".to_owned(), 5),
            (&few, format!("/api/v1/customers?q={}", encode("客")), 5),
            (&some_few, format!("/api/v1/customers?q={}", encode("客")), 5),
            (&many, format!("/api/v1/customers?q={}", encode("客99")), 50),
            (&all, format!("/api/v1/customers?q={}", encode("客99")), 50),
            (&all, format!("/api/v1/customers?q={}", encode("客")), 50),
            (&all, "/api/v1/customers?q=13800138000".to_owned(), 0),
        ] {
            let mut times: Vec<f64> = (0..21)
                .map(|_| {
                    let begun = std::time::Instant::now();
                    let page = app.get(who, &path).expect(200);
                    assert_eq!(page["items"].as_array().unwrap().len(), found, "{path}");
                    begun.elapsed().as_secs_f64() * 1000.0
                })
                .collect();
            times.sort_by(f64::total_cmp);
            eprintln!("{:?}: {:6.1} ms {path}", app.engine(), times[10]);
        }
    });
}
