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
