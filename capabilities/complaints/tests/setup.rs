//! What is set up: categories, signals, regions, care plans, by page and by pack; the overview.

mod house;

use house::*;
use serde_json::{Value, json};
use shouwen_testkit::on_both;
use shouwen_web::{PackFile, PackFiles};

fn keys(list: &Value) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|c| c["key"].as_str().unwrap().to_owned()).collect()
}
fn shipped(name: &str) -> PackFiles {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs").join(name);
    let files = ["categories.toml", "complaints.toml"].map(|file| PackFile::new(file, std::fs::read_to_string(folder.join(file)).unwrap()));
    let mut pack = PackFiles::new(name, "1.1.0", files.into());
    if name != "base" {
        pack.required.push(std::sync::Arc::new(base()));
    }
    pack
}

#[test]
fn the_shipped_packs_are_sound_and_install_on_top_of_each_other() {
    on_both(modules, |t| {
        let boss = boss(&t);
        for name in ["base", "telecom", "dealer"] {
            let first = install(&t, &shipped(name), false);
            assert!(first.iter().all(|line| line.ends_with("Created")), "{name}: {first:?}");
            let again = install(&t, &shipped(name), false);
            assert!(again.iter().all(|line| line.ends_with("Unchanged")), "{name}: {again:?}");
        }
        let all = t.get(&boss, "/api/v1/complaints/categories").expect(200);
        assert!(keys(&all).len() > 60);
        for signal in ["regulator", "telecom_regulator", "driving_safety"] {
            assert!(keys(&t.get(&boss, "/api/v1/complaints/signals").expect(200)).contains(&signal.to_owned()), "{signal}");
        }
        // Every shipped word is found in itself, in both languages.
        let signals = t.get(&boss, "/api/v1/complaints/signals").expect(200);
        for signal in signals["items"].as_array().unwrap() {
            let words: Vec<&str> = signal["words"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            let found = t.post(&boss, "/api/v1/complaints/signals/trial", json!({ "text": words.join("。") })).expect(200);
            for word in words {
                assert!(found["hits"].as_array().unwrap().iter().any(|hit| hit["signal"] == signal["key"] && hit["text"].as_str().unwrap().contains(word)), "{word}");
            }
        }
    });
}

#[test]
fn a_pack_with_faults_names_file_line_and_what_is_right() {
    on_both(modules, |t| {
        let pack = PackFiles::new(
            "bad",
            "1.0.0",
            vec![
                PackFile::new("categories.toml", "[[category]]\nkey = \"a\"\ntitle = { zh = \"甲\", en = \"A\" }\nparent = \"nowhere\"\n\n[[category]]\nkey = \"a\"\ntitle = { zh = \"乙\", en = \"\" }\ngrade = \"huge\"\n\n[[category]]\nkey = \"b\"\nparent = \"c\"\ntitle = { zh = \"丙\", en = \"C\" }\n[[category]]\nkey = \"c\"\nparent = \"b\"\ntitle = { zh = \"丁\", en = \"D\" }\n"),
                PackFile::new("complaints.toml", "[settings]\nrepeat_days = 0\n\n[[signal]]\nkey = \"x\"\ntitle = { zh = \"甲\", en = \"A\" }\ngrade = \"critical\"\npatterns = [\"(\"]\n\n[[care_plan]]\nkey = \"p\"\ntitle = { zh = \"甲\", en = \"A\" }\nfor = [\"rain\"]\n[[care_plan.action]]\nkey = \"c\"\ntitle = { zh = \"甲\", en = \"A\" }\nafter = \"soon\"\n"),
            ],
        );
        let faults: Vec<String> = t.app.pack_parts().iter().flat_map(|part| (part.check)(&pack)).map(|fault| fault.to_string()).collect();
        let at = |text: &str| faults.iter().find(|fault| fault.starts_with(text)).unwrap_or_else(|| panic!("{text} is not among {faults:#?}"));
        assert!(at("categories.toml:4:").contains("nowhere"));
        assert!(at("categories.toml:7:").contains("twice"));
        at("categories.toml:8:");
        assert!(at("categories.toml:9:").contains("minor"));
        at("categories.toml:13:");
        assert!(at("complaints.toml:2:").contains("1 to 366"));
        at("complaints.toml:8:");
        assert!(at("complaints.toml:13:").contains("rain"));
        assert!(at("complaints.toml:17:").contains("soon"));
        let unknown = PackFiles::new("bad", "1.0.0", vec![PackFile::new("complaints.toml", "[[signal]]\nkey = \"x\"\ncolour = \"red\"\n")]);
        assert!(!t.app.pack_parts().iter().flat_map(|part| (part.check)(&unknown)).collect::<Vec<_>>().is_empty(), "unknown keys are faults");
    });
}

#[test]
fn an_upgrade_keeps_what_was_edited_and_takes_away_what_nobody_needs() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let file = |path: &str, text: &str| PackFile::new(path, text);
        let one = "[[category]]\nkey = \"wifi\"\ntitle = { zh = \"无线\", en = \"Wifi\" }\n";
        let two = "[[category]]\nkey = \"tv\"\ntitle = { zh = \"电视\", en = \"TV\" }\n[[category]]\nkey = \"phone\"\ntitle = { zh = \"电话\", en = \"Phone\" }\n";
        let signal = "[[signal]]\nkey = \"own\"\ntitle = { zh = \"自有\", en = \"Own\" }\ngrade = \"major\"\nwords = [\"暗号\"]\n";
        let told = install(&t, &PackFiles::new("shop", "1.0.0", vec![file("categories.toml", &format!("{one}{two}")), file("complaints.toml", signal)]), false);
        assert_eq!(told, ["categories/wifi Created", "categories/tv Created", "categories/phone Created", "complaints/signal/own Created"]);
        t.put(&boss, "/api/v1/complaints/categories/wifi", json!({ "category": { "key": "wifi", "title": { "zh": "无线网", "en": "Wifi" } }, "version": 1 })).expect(200);
        let case = open(&t, &New::default());
        edit(&t, case, "fields.category", json!("tv"));
        // The next version has only wifi, under another name; base's own item is not the shop's to change.
        let told = install(
            &t,
            &PackFiles::new("shop", "1.1.0", vec![file("categories.toml", "[[category]]\nkey = \"wifi\"\ntitle = { zh = \"WLAN\", en = \"WLAN\" }\n[[category]]\nkey = \"billing\"\ntitle = { zh = \"钱\", en = \"Money\" }\n")]),
            false,
        );
        assert_eq!(told, ["categories/wifi Kept", "categories/billing Kept", "categories/tv Kept", "categories/phone Removed", "complaints/signal/own Removed"]);
        let told = install(&t, &PackFiles::new("shop", "1.2.0", vec![file("categories.toml", "[[category]]\nkey = \"wifi\"\ntitle = { zh = \"WLAN\", en = \"WLAN\" }\n")]), true);
        assert_eq!(told[0], "categories/wifi Updated", "replace takes the pack's");
        // What is exported can be installed elsewhere and means the same.
        let workspace = t.workspace;
        let parts = t.app.pack_parts().to_vec();
        let out = t.db.read_blocking(move |tx| Ok(parts.iter().map(|part| (part.export)(tx, workspace)).collect::<Result<Vec<_>, _>>()?.concat())).unwrap();
        let pack = PackFiles::new("base", "9.0.0", out);
        assert_eq!(t.app.pack_parts().iter().flat_map(|part| (part.check)(&pack)).collect::<Vec<_>>(), vec![]);
        assert!(pack.file("complaints.toml").unwrap().text.contains("12315"));
    });
}

#[test]
fn the_tree_is_edited_and_refuses_rings_doubles_and_losing_what_cases_name() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let path = "/api/v1/complaints/categories";
        let new = |key: &str, parent: Option<&str>| json!({ "key": key, "title": { "zh": "新", "en": "New" }, "parent": parent });
        t.post(&boss, path, new("one", None)).expect(201);
        t.post(&boss, path, new("two", Some("one"))).expect(201);
        assert_eq!(t.post(&boss, path, new("two", None)).code(), "complaint_category.key_taken");
        assert_eq!(t.post(&boss, path, new("three", Some("nowhere"))).expect(422)["error"]["field"], "parent");
        assert_eq!(t.post(&boss, path, new("Bad Key", None)).expect(422)["error"]["field"], "key");
        assert_eq!(t.put(&boss, &format!("{path}/one"), json!({ "category": new("one", Some("two")), "version": 1 })).expect(422)["error"]["field"], "category.parent");
        assert_eq!(t.put(&boss, &format!("{path}/one"), json!({ "category": new("uno", None), "version": 1 })).expect(422)["error"]["field"], "category.key");
        assert_eq!(t.put(&boss, &format!("{path}/one"), json!({ "category": new("one", None), "version": 7 })).code(), "version_conflict");
        assert_eq!(t.delete(&boss, &format!("{path}/one")).code(), "complaint_category.has_children");
        let case = open(&t, &New::default());
        edit(&t, case, "fields.category", json!("two"));
        assert_eq!(t.delete(&boss, &format!("{path}/two")).code(), "complaint_category.in_use");
        edit(&t, case, "fields.category", json!(null));
        t.delete(&boss, &format!("{path}/two")).expect(200);
        t.delete(&boss, &format!("{path}/two")).expect(404);
        let mut order = keys(&t.get(&boss, path).expect(200));
        order.reverse();
        assert_eq!(keys(&t.put(&boss, path, json!({ "keys": order })).expect(200)), order);
        order.pop();
        assert_eq!(t.put(&boss, path, json!({ "keys": order })).expect(422)["error"]["field"], "keys");
        t.get(&t.person("坐席", &["case.read"]), path).expect(200);
        t.post(&t.person("坐席", &["case.read"]), path, new("x", None)).expect(403);
    });
}

#[test]
fn lists_are_saved_whole_and_bad_input_is_named() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        let path = "/api/v1/complaints/signals";
        let seen = t.get(&boss, path).expect(200)["version"].clone();
        let bad = json!({ "items": [{ "key": "x", "title": { "zh": "甲", "en": "A" }, "grade": "major", "words": ["好"], "patterns": ["(?=a)"], "always": false, "active": true }], "seen": seen });
        let refused = t.put(&boss, path, bad).expect(422);
        assert_eq!(refused["error"]["field"], "items[0].words[0]");
        assert_eq!(refused["error"]["detail"]["faults"].as_array().unwrap().len(), 2);
        let good = json!({ "key": "x", "title": { "zh": "甲", "en": "A" }, "grade": "major", "words": ["暗号"], "always": false, "active": true });
        assert_eq!(t.put(&boss, path, json!({ "items": [good.clone(), good.clone()], "seen": seen })).expect(422)["error"]["field"], "items[1].key");
        t.put(&boss, path, json!({ "items": [good], "seen": seen })).expect(200);
        assert_eq!(t.put(&boss, path, json!({ "items": [], "seen": seen })).code(), "version_conflict");
        // The test box: what is saved, or what is being written.
        let trial = |body: Value| t.post(&boss, "/api/v1/complaints/signals/trial", body);
        let found = trial(json!({ "text": "他说了暗号" })).expect(200);
        assert_eq!((found["grade"].clone(), found["hits"][0]["at"].clone(), found["hits"][0]["text"].clone()), (json!("major"), json!(3), json!("暗号")));
        let cleared = trial(json!({ "text": "我不打算找律师", "signals": [{ "key": "l", "title": { "zh": "律师", "en": "Lawyer" }, "grade": "major", "words": ["律师"], "always": false, "active": true }] })).expect(200);
        assert_eq!((cleared["grade"].clone(), cleared["hits"][0]["cleared_by"].clone()), (Value::Null, json!("不打算")));
        assert_eq!(trial(json!({ "text": "x".repeat(20_001) })).expect(422)["error"]["field"], "text");
        // Settings.
        let settings = t.get(&boss, "/api/v1/complaints/settings").expect(200);
        for (field, value) in [("repeat_days", json!(0)), ("alike_percent", json!(5)), ("repeat_grade", json!("big")), ("low_score", json!(5)), ("signal_tag", json!("a/b"))] {
            let mut body = settings.clone();
            body[field] = value;
            assert_eq!(t.put(&boss, "/api/v1/complaints/settings", body).expect(422)["error"]["field"], field);
        }
        let mut body = settings;
        body["watched"] = json!(["complaint", "dispute"]);
        t.put(&boss, "/api/v1/complaints/settings", body).expect(200);
        let dispute = open(&t, &New { case_type: "dispute", ..New::default() });
        assert_eq!(t.get(&boss, &format!("/api/v1/complaints/cases/{dispute}")).expect(200)["watched"], json!(true));
        // Care plans and regions.
        let seen = t.get(&boss, "/api/v1/complaints/care-plans").expect(200)["version"].clone();
        let plan = json!({ "key": "p", "title": { "zh": "甲", "en": "A" }, "action": [{ "key": "c", "title": { "zh": "打电话", "en": "Call" }, "after": "1x", "approval": false }] });
        assert_eq!(t.put(&boss, "/api/v1/complaints/care-plans", json!({ "items": [plan], "seen": seen })).expect(422)["error"]["field"], "items[0].action[0].after");
    });
}

#[test]
fn the_overview_counts_by_every_dimension_and_opens_what_is_behind_it() {
    on_both(modules, |t| {
        let boss = furnished(&t);
        save_list(&t, &boss, "/api/v1/complaints/regions", json!([{ "key": "east", "title": { "zh": "华东", "en": "East" }, "match": ["浙江"] }]));
        let who = customer(&t, "甲", Some("浙江"));
        for (i, category) in ["billing-wrong", "billing-wrong", "privacy-leak"].into_iter().enumerate() {
            let case = open(&t, &New { customer: Some(who), ..New::default() });
            edit(&t, case, "fields.category", json!(category));
            if i == 0 {
                stage(&t, case, "archived", "closed");
            }
            t.advance(60);
        }
        open(&t, &New { case_type: "request", ..New::default() });
        let get = |query: &str| t.get(&boss, &format!("/api/v1/complaints/{query}")).expect(200);
        let summary = get("summary");
        assert_eq!((summary["total"]["opened"].clone(), summary["total"]["closed"].clone(), summary["total"]["repeated"].clone(), summary["total"]["critical"].clone()), (json!(3), json!(1), json!(1), json!(1)));
        let row = |summary: &Value, key: &str| summary["rows"].as_array().unwrap().iter().find(|r| r["key"] == key).unwrap_or_else(|| panic!("{key}: {summary}")).clone();
        assert_eq!((row(&summary, "billing")["opened"].clone(), row(&summary, "billing-wrong")["opened"].clone(), row(&summary, "billing-wrong")["parent"].clone()), (json!(2), json!(2), json!("billing")), "a branch counts what is below it");
        assert_eq!(row(&get("summary?by=region"), "east")["title"]["zh"], "华东");
        assert_eq!(row(&get("summary?by=grade"), "major")["opened"], 1);
        assert_eq!(row(&get("summary?by=product"), "")["opened"], 3, "not said is a line of its own");
        // Every figure opens as many cases.
        for (query, count) in [("cases?category=billing", 2), ("cases?category=privacy-leak", 1), ("cases?category=-", 0), ("cases?region=east", 3), ("cases?grade=critical", 1), ("cases?repeated=true", 1), ("cases?open=false", 1), ("cases?from=2026-03-02&to=2026-03-02", 3), ("cases?from=2026-02-01&to=2026-03-01", 0)] {
            assert_eq!(get(query)["items"].as_array().unwrap().len(), count, "{query}");
        }
        assert_eq!(get("cases?limit=2")["items"].as_array().unwrap().len(), 2);
        let page = get("cases?limit=2");
        assert_eq!(get(&format!("cases?limit=2&after={}", page["next"].as_str().unwrap()))["items"].as_array().unwrap().len(), 1);
        for wrong in ["summary?by=weather", "summary?from=yesterday", "summary?from=2026-03-05&to=2026-03-01", "summary?from=2000-01-01", "cases?category=a%25b", "cases?colour=red", "cases?limit=0"] {
            t.get(&boss, &format!("/api/v1/complaints/{wrong}")).expect(422);
        }
        t.advance(31 * 86_400);
        assert_eq!(get("summary")["total"], json!({ "key": "", "title": null, "parent": null, "opened": 0, "closed": 0, "repeated": 0, "critical": 0, "before": 3 }));
    });
}
