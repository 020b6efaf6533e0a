//! Thresholds as data: what is refused and why, dry runs, packs.

use serde_json::{Value as Json, json};
use shouwen_testkit::on_both;
use shouwen_web::{PackDid, PackFile, PackFiles};

use crate::common::{House, alone, by_region};

#[test]
fn every_fault_of_a_threshold_is_told_with_its_path() {
    on_both(alone, |t| {
        let h = House::new(t);
        let refused = h.t.post(
            &h.manager,
            "/api/v1/warning-thresholds",
            json!({ "threshold": {
                "key": "Bad Key", "title": { "zh": "", "en": "x" }, "where": "tyre is round", "by": ["region", "region"], "window": "3s",
                "grade": [
                    { "grade": "blue", "limit": 9, "within_hours": 0, "to": ["somebody"], "response": { "zh": "看", "en": "look" } },
                    { "grade": "red", "limit": 5, "within_hours": 1, "to": [], "response": { "zh": "看", "en": "look" } }
                ],
                "band": { "weeks": 1, "k": 3.5, "min_count": 5, "grade": "blue" },
                "ladder": [{ "after_hours": 5, "to": ["role:a"] }, { "after_hours": 2, "to": ["role:b"] }]
            } }),
        );
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (422, "warning.faulty"));
        let faults = refused.json()["error"]["detail"]["faults"].clone();
        let paths: Vec<&str> = faults.as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap()).collect();
        for wanted in ["key", "title", "window", "by", "where", "grade[0].within_hours", "grade[0].to[0]", "grade[1].limit", "grade[1].to", "band.weeks", "ladder[1].after_hours"] {
            assert!(paths.contains(&wanted), "{wanted} is missing from {paths:?}");
        }
        h.threshold(by_region());
        assert_eq!(h.t.post(&h.manager, "/api/v1/warning-thresholds", json!({ "threshold": by_region() })).code(), "warning.key_taken");
        let unknown = h.t.post(&h.manager, "/api/v1/warning-thresholds", json!({ "threshold": { "colour": 1 } }));
        assert_eq!(unknown.status.as_u16(), 422);
    });
}

#[test]
fn a_dry_run_tells_what_would_have_been_raised_and_stores_nothing() {
    on_both(alone, |t| {
        let h = House::new(t);
        // Three bursts, a day apart.
        for day in 0..3 {
            for _ in 0..(3 + day) {
                h.complaint("network-slow", "310000");
                h.t.advance(300);
            }
            h.t.advance(86_400);
        }
        let report = h.t.post(&h.manager, "/api/v1/warning-thresholds/trial", json!({ "threshold": by_region(), "days": 7 })).expect(200);
        assert_eq!((&report["raised"], &report["counted"], &report["cases"], &report["cut"]), (&json!(3), &json!(12), &json!(12), &json!(false)));
        assert_eq!(report["by_grade"], json!({ "blue": 3, "yellow": 1 }), "the third burst climbs to yellow at its fifth");
        assert_eq!(report["raises"][0]["from"], "blue");
        assert_eq!((&report["raises"][0]["region_title"], &report["chart_group"]), (&json!({ "zh": "华东", "en": "华东" }), &json!({ "zh": "华东", "en": "华东" })));
        let points = report["chart"]["points"].as_array().unwrap().clone();
        assert!(points.len() > 50);
        assert_eq!(points.iter().filter_map(|p| p["count"].as_i64()).max(), Some(5), "no burst is overlooked between two points");
        assert!(h.raised().is_empty() && h.t.db.read_blocking(House::counters).unwrap().is_empty());
        // The same threshold for real, over the same time, says the same.
        let live = h.threshold(by_region());
        assert!(!live.is_empty());
        assert_eq!(h.t.post(&h.manager, "/api/v1/warning-thresholds/trial", json!({ "threshold": by_region(), "days": 91 })).json()["error"]["field"], "days");
    });
}

const PACK: &str = r#"
[[threshold]]
key = "by-region"
title = { zh = "地区投诉", en = "Complaints of a region" }
by = ["region"]
window = "1h"

[[threshold.grade]]
grade = "blue"
limit = 5
within_hours = 8
to = ["role:supervisor"]
response = { zh = "核实", en = "Look" }
"#;

fn pack(text: &str) -> PackFiles {
    let categories = "[[category]]\nkey = \"network\"\ntitle = { zh = \"网络\", en = \"Network\" }\n";
    PackFiles::new("base", "1.0.0", vec![PackFile::new("warnings.toml", text), PackFile::new("categories.toml", categories)])
}

#[test]
fn a_pack_brings_thresholds_and_an_upgrade_keeps_what_was_edited_here() {
    on_both(alone, |t| {
        let h = House::new(t);
        let part = h.t.app.pack_parts()[0];
        assert_eq!((part.check)(&pack(PACK)), []);
        let ctx = h.t.system();
        let install = |text: &'static str, replace: bool| {
            let ctx = ctx.clone();
            let done: Vec<(String, PackDid)> = h.t.db.write_blocking(move |tx| Ok((part.install)(tx, &ctx, &pack(text), replace)?.into_iter().map(|c| (c.item, c.did)).collect())).unwrap();
            h.t.fire_timers();
            done
        };
        let item = |did| vec![("by-region".to_owned(), did)];
        assert_eq!(install(PACK, false), item(PackDid::Created));
        assert_eq!(install(PACK, false), item(PackDid::Unchanged));
        let newer: &'static str = PACK.replace("limit = 5", "limit = 6").leak();
        assert_eq!(install(newer, false), item(PackDid::Updated));
        let known = h.t.get(&h.manager, "/api/v1/warning-thresholds").expect(200)["items"][0].clone();
        assert_eq!((&known["grade"][0]["limit"], &known["pack"]), (&json!(6), &json!("base")));
        let mut own = known.as_object().unwrap().clone();
        for beside in ["id", "window_s", "counting", "pack", "open", "updated_at", "version"] {
            own.remove(beside);
        }
        own["grade"][0]["limit"] = json!(9);
        h.t.put(&h.manager, &format!("/api/v1/warning-thresholds/{}", known["id"].as_str().unwrap()), json!({ "threshold": own, "version": known["version"] })).expect(200);
        let newest: &'static str = PACK.replace("limit = 5", "limit = 7").leak();
        assert_eq!(install(newest, false), item(PackDid::Kept));
        assert_eq!(install(newest, true), item(PackDid::Updated));
        let workspace = h.t.workspace;
        let exported = h.t.db.read_blocking(move |tx| (part.export)(tx, workspace)).unwrap();
        assert_eq!((exported[0].path.as_str(), (part.check)(&PackFiles::new("own", "1.0.0", exported.clone()))), ("warnings.toml", vec![]));
        assert_eq!(install("", false), item(PackDid::Removed));
        // What is wrong is told at its line.
        let wrong = PACK.replace("limit = 5", "limit = 0").replace("window = \"1h\"", "window = \"soon\"").replace("by = [\"region\"]", "by = [\"colour\"]");
        let told: Vec<String> = (part.check)(&pack(wrong.leak())).iter().map(ToString::to_string).collect();
        assert_eq!(told.iter().map(|f| f.split(": ").next().unwrap()).collect::<Vec<_>>(), ["warnings.toml:5", "warnings.toml:6", "warnings.toml:10"], "{told:#?}");
        // So is what leads nowhere, as far as the pack and those it requires can tell.
        let mut astray = pack(PACK.replace("window = \"1h\"", "window = \"1h\"\ncategory = \"nowhere\"").replace("role:supervisor", "role:nobody").leak());
        let told = |pack: &PackFiles| (part.check)(pack).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(told(&astray).len(), 1, "{:#?}", told(&astray));
        assert!(told(&astray)[0].contains("no category `nowhere`"), "{:#?}", told(&astray));
        astray.files.push(PackFile::new("roles.toml", "[[role]]\nkey = \"engineer\"\ntitle = { zh = \"工程师\", en = \"Engineer\" }\n"));
        assert!(told(&astray).iter().any(|f| f.contains("no role `nobody`") && f.contains("engineer")), "{:#?}", told(&astray));
    });
}

#[test]
fn the_names_of_categories_come_with_packs() {
    on_both(alone, |t| {
        let h = House::new(t);
        let (part, ctx) = (h.t.app.pack_parts()[0], h.t.system());
        h.t.db.write_blocking(move |tx| (part.install)(tx, &ctx, &pack(""), false)).unwrap();
        let mut threshold = by_region();
        threshold["by"] = json!(["category"]);
        h.threshold(threshold);
        for _ in 0..3 {
            h.complaint("network", "310000");
        }
        assert_eq!(h.raised()[0].title_zh, "地区投诉 · 网络");
        let shown: Json = h.open_warnings()[0]["category_title"].clone();
        assert_eq!(shown, json!({ "zh": "网络", "en": "Network" }));
    });
}
