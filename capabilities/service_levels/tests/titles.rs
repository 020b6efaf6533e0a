//! Calendars and service levels are called something in each language, from the pack to the case. On both databases.

use serde_json::json;
use shouwen_testkit::{TestApp, on_both};
use shouwen_web::{Module, PackDid, PackFile, PackFiles};

fn modules() -> Vec<Module> {
    vec![shouwen_service_levels::module()]
}

const WEEK: &str = "timezone = \"Asia/Shanghai\"\n[week]\nmon = [\"09:00-18:00\"]\n";

fn pack(version: &str, calendar: &str, level: &str) -> PackFiles {
    PackFiles::new(
        "shop",
        version,
        vec![
            PackFile::new("calendars/counter.toml", format!("key = \"counter\"\ntitle = {calendar}\n{WEEK}")),
            PackFile::new("service-levels.toml", format!("[[level]]\nkey = \"counter\"\ntitle = {level}\ncalendar = \"counter\"\ntargets.resolution = \"8h\"\n")),
        ],
    )
}

fn install(t: &TestApp, pack: &PackFiles) -> Vec<(String, PackDid, Option<String>)> {
    let (ctx, pack) = (t.system(), pack.clone());
    let parts = modules().remove(0).parts;
    for part in &parts {
        assert_eq!((part.check)(&pack), vec![]);
    }
    let did = t.db.write_blocking(move |tx| parts.iter().map(|part| (part.install)(tx, &ctx, &pack, false)).collect::<Result<Vec<_>, _>>());
    did.unwrap().into_iter().flatten().map(|change| (change.item, change.did, change.note)).collect()
}

fn export(t: &TestApp) -> Vec<PackFile> {
    let (workspace, parts) = (t.workspace, modules().remove(0).parts);
    t.db.write_blocking(move |tx| parts.iter().map(|part| (part.export)(tx, workspace)).collect::<Result<Vec<_>, _>>()).unwrap().into_iter().flatten().collect()
}

#[test]
fn a_pack_brings_both_languages_and_an_export_gives_both_back() {
    on_both(modules, |t| {
        let first = pack("1.0.0", "{ zh = \"柜台时间\", en = \"Counter hours\" }", "{ zh = \"柜台\", en = \"Counter\" }");
        install(&t, &first);
        let admin = t.person("管理员", &["calendar.manage", "service_level.manage"]);
        for path in ["/api/v1/calendars", "/api/v1/service-levels"] {
            let row = t.get(&admin, path).expect(200)[0].clone();
            assert!(row["title"]["en"].as_str().unwrap().starts_with("Counter"), "{path}: {row}");
            assert_eq!(row["name"], row["title"]["zh"], "the name follows the workspace's language");
        }
        assert!(install(&t, &first).iter().all(|(_, did, _)| *did == PackDid::Unchanged));
        let files = export(&t);
        let text = |path: &str| files.iter().find(|file| file.path == path).unwrap().text.clone();
        assert!(text("calendars/counter.toml").contains("zh = \"柜台时间\"") && text("calendars/counter.toml").contains("en = \"Counter hours\""), "{files:#?}");
        assert!(text("service-levels.toml").contains("en = \"Counter\""));
        // What was given back is the same pack.
        let back = PackFiles::new("shop", "1.0.0", files);
        assert!(install(&t, &back).iter().all(|(_, did, _)| *did == PackDid::Unchanged));
        // Another title is an upgrade, and plans no clock anew.
        let second = pack("1.1.0", "{ zh = \"柜台营业时间\", en = \"Counter opening hours\" }", "{ zh = \"柜台服务\", en = \"Counter service\" }");
        assert_eq!(install(&t, &second), [("counter".to_owned(), PackDid::Updated, None), ("counter".to_owned(), PackDid::Updated, None)]);
        assert_eq!(t.get(&admin, "/api/v1/calendars").expect(200)[0]["title"]["en"], "Counter opening hours");
    });
}

#[test]
fn a_title_with_one_language_or_none_is_a_fault_of_its_line() {
    let part = modules().remove(0).parts.into_iter().find(|part| part.section == "calendars").unwrap();
    let told = |text: &str| (part.check)(&PackFiles::new("shop", "1.0.0", vec![PackFile::new("calendars/counter.toml", format!("{text}\n{WEEK}"))])).iter().map(ToString::to_string).collect::<Vec<_>>();
    let right = "title = { zh = \"…\", en = \"…\" }";
    assert_eq!(told("key = \"counter\"\nname = \"柜台\""), [format!("calendars/counter.toml:2: the calendar has no `title`; {right}")]);
    assert_eq!(told("key = \"counter\""), [format!("calendars/counter.toml:1: the calendar has no `title`; {right}")]);
    assert_eq!(told("key = \"counter\"\ntitle = { zh = \"柜台\", en = \"\" }"), ["calendars/counter.toml:2: a title is empty or longer than 80 characters; { zh = \"…\", en = \"…\" }"]);
    assert!(told("key = \"counter\"\ntitle = { zh = \"柜台\", en = \"Counter\" }").is_empty());
}

#[test]
fn people_edit_both_and_a_name_alone_is_the_one_for_both() {
    on_both(modules, |t| {
        let admin = t.person("管理员", &["calendar.manage", "service_level.manage"]);
        let week = json!({ "mon": ["09:00-18:00"] });
        let made = t.post(&admin, "/api/v1/calendars", json!({ "title": { "zh": "门店", "en": "Shop" }, "timezone": "Asia/Shanghai", "week": week })).expect(201);
        assert_eq!((made["name"].as_str(), made["title"]["en"].as_str()), (Some("门店"), Some("Shop")));
        let path = format!("/api/v1/calendars/{}", made["id"].as_str().unwrap());
        let wrong = t.patch(&admin, &path, json!({ "title": { "zh": "门店", "en": " " }, "version": 1 })).expect(422);
        assert_eq!(wrong["error"]["field"], "title");
        let made = t.patch(&admin, &path, json!({ "week": { "tue": ["09:00-18:00"] }, "version": 1 })).expect(200);
        assert_eq!(made["title"]["en"], "Shop", "hours alone leave the title");
        let made = t.patch(&admin, &path, json!({ "name": "店面", "version": 2 })).expect(200);
        assert_eq!((made["name"].as_str(), made["title"].is_null()), (Some("店面"), true));
        let level = json!({ "title": { "zh": "快速", "en": "Fast" }, "calendar_id": made["id"], "targets": { "resolution": "1h" } });
        let level = t.post(&admin, "/api/v1/service-levels", level).expect(201);
        assert_eq!((level["name"].as_str(), level["title"]["en"].as_str()), (Some("快速"), Some("Fast")));
        let path = format!("/api/v1/service-levels/{}", level["id"].as_str().unwrap());
        let level = t.patch(&admin, &path, json!({ "name": "更快", "version": 1 })).expect(200);
        assert_eq!((level["name"].as_str(), level["title"].is_null()), (Some("更快"), true));
    });
}
