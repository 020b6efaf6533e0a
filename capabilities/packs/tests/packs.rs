//! Packs through the API, on both databases, with the parts of service levels and roles.

use serde_json::{Value, json};
use shouwen_contracts::packs::PackEvent;
use shouwen_testkit::{TestApp, on_both};
use shouwen_web::{Module, PackFile, Viewer};

fn modules() -> Vec<Module> {
    vec![shouwen_identity::module(), shouwen_service_levels::module(), shouwen_packs::module()]
}

const PACK: &str = "key = \"shop\"\nversion = \"1.0.0\"\ntitle = { zh = \"商店\", en = \"Shop\" }\n";
const CALENDAR: &str = "key = \"counter\"\ntitle = { zh = \"柜台\", en = \"Counter\" }\ntimezone = \"Asia/Shanghai\"\n[week]\nmon = [\"09:00-18:00\"]\n";
const LEVELS: &str = "[[level]]\nkey = \"shop\"\ntitle = { zh = \"商店服务\", en = \"Shop service\" }\ncalendar = \"counter\"\nwhen = 'channel is \"shop\"'\ntargets.resolution = \"8h\"\n[[level.ladder]]\nat = \"80%\"\nto = [\"assignee\", \"counter_lead\"]\n";
const ROLES: &str = "[[role]]\nkey = \"counter_lead\"\ntitle = { zh = \"柜长\", en = \"Counter lead\" }\npermissions = [\"calendar.manage\"]\n";

fn files(version: &str, calendar: &str) -> Value {
    json!([
        { "path": "pack.toml", "text": PACK.replace("1.0.0", version) },
        { "path": "calendars/counter.toml", "text": calendar },
        { "path": "service-levels.toml", "text": LEVELS },
        { "path": "roles.toml", "text": ROLES },
    ])
}

/// Only the parts of the modules under test: the shipped packs have files of others too.
fn shipped_here(key: &str) -> Vec<PackFile> {
    let (_, pack) = shouwen_packs::shipped(key).expect("it ships");
    pack.files.into_iter().filter(|f| ["pack.toml", "roles.toml", "service-levels.toml"].contains(&f.path.as_str()) || f.path.starts_with("calendars/")).collect()
}

fn install(t: &TestApp, admin: &Viewer, files: &Value) -> Value {
    t.post(admin, "/api/v1/packs", json!({ "files": files })).expect(200)
}

fn did(report: &Value) -> Vec<(String, String)> {
    report["changes"].as_array().unwrap().iter().map(|c| (c["item"].as_str().unwrap().to_owned(), c["did"].as_str().unwrap().to_owned())).collect()
}

fn pair(item: &str, did: &str) -> (String, String) {
    (item.to_owned(), did.to_owned())
}

#[test]
fn installing_creates_everything_at_once_and_twice_changes_nothing() {
    on_both(modules, |t| {
        let admin = t.admin();
        let first = install(&t, &admin, &files("1.0.0", CALENDAR));
        assert_eq!(did(&first), [pair("counter_lead", "created"), pair("counter", "created"), pair("shop", "created")]);
        let again = install(&t, &admin, &files("1.0.0", CALENDAR));
        assert_eq!((again["changes"].as_array().unwrap().len(), again["unchanged"].as_i64()), (0, Some(3)));
        assert_eq!(t.events::<PackEvent>().len(), 1, "the second told nothing");
        let level = t.get(&admin, "/api/v1/service-levels").expect(200);
        assert_eq!((level[0]["name"].as_str(), level[0]["key"].as_str(), level[0]["pack"].as_str(), level[0]["ladder"][0]["at"].as_str()), (Some("商店服务"), Some("shop"), Some("shop"), Some("80%")));
        let listed = t.get(&admin, "/api/v1/packs").expect(200);
        assert_eq!((listed["items"][0]["key"].as_str(), listed["items"][0]["version"].as_str(), listed["items"][0]["files"].as_i64()), (Some("shop"), Some("1.0.0"), Some(4)));
        assert!(listed["items"].as_array().unwrap().iter().any(|row| row["key"] == "base" && row["version"].is_null() && row["shipped"].is_string()));
        assert_eq!(t.get(&admin, "/api/v1/packs/shop").expect(200)["content"].as_array().unwrap().len(), 4);
    });
}

#[test]
fn a_newer_version_follows_and_what_an_administrator_edited_stays() {
    on_both(modules, |t| {
        let admin = t.admin();
        install(&t, &admin, &files("1.0.0", CALENDAR));
        let longer = CALENDAR.replace("18:00", "20:00");
        let report = install(&t, &admin, &files("1.1.0", &longer));
        assert_eq!((did(&report), report["previous"].as_str()), (vec![pair("counter", "updated")], Some("1.0.0")));
        // An edit by hand stays, and is named.
        let calendar = t.get(&admin, "/api/v1/calendars").expect(200)[0].clone();
        let path = format!("/api/v1/calendars/{}", calendar["id"].as_str().unwrap());
        t.patch(&admin, &path, json!({ "version": calendar["version"], "days": { "2026-05-04": [] } })).expect(200);
        let older = t.post(&admin, "/api/v1/packs", json!({ "files": files("1.0.9", CALENDAR) }));
        assert_eq!(older.code(), "pack.older");
        let kept = install(&t, &admin, &files("1.2.0", CALENDAR));
        assert_eq!(did(&kept), [pair("counter", "kept")]);
        assert_eq!(t.get(&admin, "/api/v1/calendars").expect(200)[0]["days"], json!({ "2026-05-04": [] }));
        let replaced = t.post(&admin, "/api/v1/packs", json!({ "files": files("1.2.0", CALENDAR), "replace": true })).expect(200);
        assert_eq!(did(&replaced), [pair("counter", "updated")]);
        // What the pack no longer has goes, unless it is in use.
        let less = json!([{ "path": "pack.toml", "text": PACK.replace("1.0.0", "2.0.0") }, { "path": "calendars/counter.toml", "text": CALENDAR }]);
        assert_eq!(did(&install(&t, &admin, &less)), [pair("counter_lead", "removed"), pair("shop", "removed")]);
        assert_eq!(did(&install(&t, &admin, &json!([{ "path": "pack.toml", "text": PACK.replace("1.0.0", "2.0.1") }]))), [pair("counter", "removed")]);
    });
}

#[test]
fn a_trial_says_what_installing_does_and_changes_nothing() {
    on_both(modules, |t| {
        let admin = t.admin();
        let body = json!({ "files": files("1.0.0", CALENDAR) });
        let tried = t.post(&admin, "/api/v1/packs/check", body.clone()).expect(200);
        assert_eq!((tried["faults"].as_array().unwrap().len(), tried["report"]["changes"].as_array().unwrap().len()), (0, 3));
        assert_eq!(t.get(&admin, "/api/v1/service-levels").expect(200), json!([]));
        assert!(t.events::<PackEvent>().is_empty());
        assert_eq!(tried["report"], install(&t, &admin, &body["files"]));
        assert_eq!(t.get(&admin, "/api/v1/packs/shop/diff").expect(200)["changes"], json!([]));
        t.get(&admin, "/api/v1/packs/nowhere/diff").expect(404);
    });
}

#[test]
fn a_pack_with_a_fault_on_every_line_installs_nothing_and_tells_every_line() {
    on_both(modules, |t| {
        let admin = t.admin();
        let wrong = json!([
            { "path": "pack.toml", "text": PACK },
            { "path": "calendars/counter.toml", "text": "key = \"other\"\ntitle = { zh = \"\", en = \"\" }\ntimezone = \"Asia/Nowhere\"\ncolour = 1\n[week]\nmon = [\"9-18\"]\nfunday = []\n" },
            { "path": "service-levels.toml", "text": "[[level]]\nkey = \"A b\"\ntitle = { zh = \"甲\", en = \"\" }\ncalendar = \"nowhere\"\nwhen = 'channel is'\nwarn_at = 7\npause_when = [\"asleep\"]\ntargets.first = \"1h\"\ntargets.resolution = { normal = \"soon\", some = \"1h\" }\n[[level.ladder]]\nat = \"often\"\nto = [\"nobody\"]\n[[clock]]\nkey = \"x\"\ntitle = { zh = \"乙\", en = \"B\" }\nregime = \"A B\"\nstarts = \"dawn\"\nends = \"dusk\"\nlimit = 0\nunit = \"moon\"\ncalendar = \"counter\"\n" },
            { "path": "roles.toml", "text": "[[role]]\nkey = \"agent\"\ntitle = { zh = \"\", en = \"x\" }\nlike = \"king\"\npermissions = [\"case.fly\"]\n" },
            { "path": "notes.txt", "text": "…" },
        ]);
        let told = t.post(&admin, "/api/v1/packs/check", json!({ "files": wrong })).expect(200);
        let lines = |file: &str| {
            let mut lines: Vec<i64> = told["faults"].as_array().unwrap().iter().filter(|f| f["file"] == file).map(|f| f["line"].as_i64().unwrap()).collect();
            lines.dedup();
            lines
        };
        assert_eq!(lines("calendars/counter.toml"), [1, 2, 3, 4, 6, 7], "{told:#}");
        assert_eq!(lines("service-levels.toml"), [2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 16, 17, 18, 19, 20], "{told:#}");
        assert_eq!(lines("roles.toml"), [2, 3, 4, 5], "{told:#}");
        assert_eq!(lines("notes.txt"), [1]);
        let refused = t.post(&admin, "/api/v1/packs", json!({ "files": wrong }));
        assert_eq!((refused.status.as_u16(), refused.code()), (422, "pack.faults".into()));
        assert_eq!(refused.json()["error"]["detail"]["faults"], told["faults"]);
        assert_eq!(t.get(&admin, "/api/v1/calendars").expect(200), json!([]));
    });
}

#[test]
fn packs_are_for_who_may_manage_them_and_paths_stay_inside() {
    on_both(modules, |t| {
        let nobody = t.person("外人", &["role.manage"]);
        for path in ["/api/v1/packs", "/api/v1/packs/shop", "/api/v1/packs/shop/diff", "/api/v1/packs/export"] {
            t.get(&nobody, path).expect(403);
        }
        t.post(&nobody, "/api/v1/packs", json!({ "shipped": "base" })).expect(403);
        let admin = t.admin();
        let outside = json!({ "files": [{ "path": "pack.toml", "text": PACK }, { "path": "../../etc/cron.d/x", "text": "" }] });
        assert!(t.post(&admin, "/api/v1/packs", outside).json()["error"]["message"].as_str().unwrap().contains("this path cannot stand in a pack"));
        let both = t.post(&admin, "/api/v1/packs", json!({ "shipped": "base", "files": [] }));
        assert_eq!(both.status.as_u16(), 422);
        assert_eq!(t.post(&admin, "/api/v1/packs", json!({ "shipped": "../base" })).status.as_u16(), 422);
        let needs = json!({ "files": [{ "path": "pack.toml", "text": PACK.to_owned() + "requires = [\"base >= 1.0\"]\n" }] });
        let refused = t.post(&admin, "/api/v1/packs", needs).json();
        assert!(refused["error"]["message"].as_str().unwrap().contains("the pack `base` is required and not here"), "{refused}");
    });
}

#[test]
fn what_is_exported_can_be_installed_elsewhere() {
    on_both(modules, |t| {
        let admin = t.admin();
        let base: Vec<Value> = shipped_here("base").into_iter().map(|f| json!({ "path": f.path, "text": f.text })).collect();
        install(&t, &admin, &json!(base));
        install(&t, &admin, &files("1.0.0", CALENDAR));
        let exported = t.get(&admin, "/api/v1/packs/export?key=copy").expect(200);
        let elsewhere = TestApp::sqlite(modules);
        let other = elsewhere.admin();
        install(&elsewhere, &other, &exported["files"]);
        for path in ["/api/v1/calendars", "/api/v1/service-levels", "/api/v1/regulatory-clocks"] {
            let plain = |mut list: Value| {
                for item in list.as_array_mut().unwrap() {
                    let fields = item.as_object_mut().unwrap();
                    for own in ["id", "calendar_id", "pack", "version"] {
                        fields.remove(own);
                    }
                }
                let mut items = list.as_array().unwrap().clone();
                items.sort_by_key(|item| item["key"].as_str().unwrap_or_default().to_owned());
                items
            };
            assert_eq!(plain(elsewhere.get(&other, path).expect(200)), plain(t.get(&admin, path).expect(200)), "{path}");
        }
        assert_eq!(t.get(&admin, "/api/v1/packs/export?key=A%20b").status.as_u16(), 422);
    });
}

#[test]
fn a_workspace_with_defaults_takes_the_base_pack_without_losing_anything() {
    on_both(modules, |t| {
        let (admin, ctx) = (t.admin(), t.system());
        t.db.write_blocking(move |tx| shouwen_service_levels::ensure_defaults(tx, &ctx, "Asia/Shanghai")).unwrap();
        let before = t.get(&admin, "/api/v1/calendars").expect(200);
        let base: Vec<Value> = shipped_here("base").into_iter().map(|f| json!({ "path": f.path, "text": f.text })).collect();
        let report = install(&t, &admin, &json!(base));
        let names = |list: &Value| list.as_array().unwrap().iter().map(|c| (c["id"].clone(), c["week"].clone(), c["holidays"].clone())).collect::<Vec<_>>();
        let after = t.get(&admin, "/api/v1/calendars").expect(200);
        for item in names(&before) {
            assert!(names(&after).contains(&item), "{item:?}");
        }
        assert!(!did(&report).iter().any(|(_, did)| did == "updated"), "{report:#}");
        assert_eq!(t.get(&admin, "/api/v1/service-levels").expect(200).as_array().unwrap().iter().filter(|l| l["key"] == "standard").count(), 1);
    });
}

#[test]
fn a_new_workspace_begins_with_the_base_pack() {
    on_both(modules, |t| {
        let (admin, ctx, app) = (t.admin(), t.system(), t.app.clone());
        t.db.write_blocking(move |tx| app.found(tx, &ctx)).unwrap();
        let listed = t.get(&admin, "/api/v1/packs").expect(200);
        assert_eq!((listed["items"][0]["key"].as_str(), listed["items"][0]["upgrade"].as_bool()), (Some("base"), Some(false)));
        assert!(t.get(&admin, "/api/v1/calendars").expect(200).as_array().unwrap().iter().any(|c| c["key"] == "office" && c["name"] == "办公时间"));
        assert_eq!(t.get(&admin, "/api/v1/packs/base/diff").expect(200)["changes"], json!([]));
        // What set-up does afterwards finds everything there.
        let ctx = t.system();
        t.db.write_blocking(move |tx| shouwen_service_levels::ensure_defaults(tx, &ctx, "Asia/Shanghai")).unwrap();
        assert_eq!(t.get(&admin, "/api/v1/packs/base/diff").expect(200)["changes"], json!([]));
    });
}

#[test]
fn every_shipped_pack_is_sound() {
    for key in shouwen_packs::shipped_keys() {
        let files = shipped_here(&key);
        let parts: Vec<_> = modules().into_iter().flat_map(|m| m.parts).collect();
        let (faults, _) = shouwen_packs::check(files, &parts, &[], &mut |other| shouwen_packs::shipped(other));
        assert!(faults.is_empty(), "{key}: {faults:#?}");
    }
}

#[test]
fn removing_takes_away_what_nobody_edited_and_says_what_stays() {
    on_both(modules, |t| {
        let admin = t.admin();
        install(&t, &admin, &files("1.0.0", CALENDAR));
        let level = t.get(&admin, "/api/v1/service-levels").expect(200)[0].clone();
        t.patch(&admin, &format!("/api/v1/service-levels/{}", level["id"].as_str().unwrap()), json!({ "version": level["version"], "name": "本店服务" })).expect(200);
        let would = t.get(&admin, "/api/v1/packs/shop/removal").expect(200);
        let told = [pair("shop", "kept"), pair("counter", "kept"), pair("counter_lead", "removed")];
        assert_eq!(did(&would), told, "the calendar is needed by the level that stays");
        assert_eq!(t.get(&admin, "/api/v1/packs/shop").expect(200)["version"], "1.0.0", "a look changes nothing");
        assert_eq!(did(&t.delete(&admin, "/api/v1/packs/shop").expect(200)), told);
        t.get(&admin, "/api/v1/packs/shop").expect(404);
        assert_eq!(t.get(&admin, "/api/v1/service-levels").expect(200)[0]["name"], "本店服务");
        t.delete(&admin, "/api/v1/packs/shop").expect(404);
        let told = t.events::<PackEvent>();
        assert!(matches!(told.last(), Some(PackEvent::PackRemoved(gone)) if gone.key == "shop" && (gone.removed, gone.kept) == (1, 2)), "{told:?}");
        let audited: (i64,) = t.db.read_blocking(|tx| tx.one("SELECT count(*) FROM audit WHERE action = 'pack.removed'", shouwen_store::params![])).unwrap();
        assert_eq!(audited.0, 1);
    });
}

#[test]
fn what_is_exported_brings_edits_of_another_pack_s_items_along_when_it_is_told_to_replace() {
    on_both(modules, |t| {
        let admin = t.admin();
        install(&t, &admin, &files("1.0.0", CALENDAR));
        let calendar = t.get(&admin, "/api/v1/calendars").expect(200)[0].clone();
        t.patch(&admin, &format!("/api/v1/calendars/{}", calendar["id"].as_str().unwrap()), json!({ "version": calendar["version"], "days": { "2026-05-04": [] } })).expect(200);
        let exported = t.get(&admin, "/api/v1/packs/export?key=copy").expect(200)["files"].clone();
        // A house that has the pack already, unedited.
        let elsewhere = TestApp::sqlite(modules);
        let other = elsewhere.admin();
        install(&elsewhere, &other, &files("1.0.0", CALENDAR));
        let report = install(&elsewhere, &other, &exported);
        assert_eq!(did(&report), [pair("counter", "kept")], "only what differs is told: {report:#}");
        let replaced = elsewhere.post(&other, "/api/v1/packs", json!({ "files": exported, "replace": true })).expect(200);
        assert!(did(&replaced).contains(&pair("counter", "updated")), "{replaced:#}");
        assert_eq!(elsewhere.get(&other, "/api/v1/calendars").expect(200)[0]["days"], json!({ "2026-05-04": [] }));
        let again = elsewhere.post(&other, "/api/v1/packs/check", json!({ "files": exported })).expect(200);
        assert_eq!(again["report"]["changes"], json!([]), "the diff shows nothing");
        let packs = elsewhere.get(&other, "/api/v1/packs/shop/diff").expect(200);
        assert_eq!(did(&packs).first().map(|(item, _)| item.as_str()), Some("counter"), "the pack it came from hears that it is not its own any more");
    });
}

#[test]
fn a_pack_others_stand_on_stays_and_so_does_the_base() {
    on_both(modules, |t| {
        let admin = t.admin();
        install(&t, &admin, &files("1.0.0", CALENDAR));
        install(&t, &admin, &json!([{ "path": "pack.toml", "text": "key = \"branch\"\nversion = \"1.0.0\"\ntitle = { zh = \"分店\", en = \"Branch\" }\nrequires = [\"shop\"]\n" }]));
        assert_eq!(t.delete(&admin, "/api/v1/packs/shop").code(), "pack.required");
        t.delete(&admin, "/api/v1/packs/branch").expect(200);
        t.delete(&admin, "/api/v1/packs/shop").expect(200);
        let base = json!(shipped_here("base"));
        t.post(&admin, "/api/v1/packs", json!({ "files": base })).expect(200);
        assert_eq!(t.delete(&admin, "/api/v1/packs/base").code(), "pack.needed");
    });
}

#[test]
fn cli_the_page_takes_a_pack_as_large_as_the_command_line_does_and_names_the_limit() {
    // On one database: the limit has nothing to do with it, and a debug build reads megabytes slowly.
    let t = TestApp::sqlite(modules);
    let admin = t.admin();
    let remarks = "# 说明：柜台的日历，\"节假日\"另列。\n".repeat(5000);
    let of = |calendars: usize| {
        let mut files = vec![json!({ "path": "pack.toml", "text": PACK })];
        files.extend((0..calendars).map(|n| json!({ "path": format!("calendars/c{n}.toml"), "text": format!("{remarks}{}", CALENDAR.replace("counter", &format!("c{n}")).replace("柜台", &format!("柜台{n}")).replace("Counter", &format!("Counter {n}")).replace("柜台", &format!("柜台{n}"))) })));
        json!({ "files": files })
    };
    let size = remarks.len();
    assert!((200 * 1024..256 * 1024).contains(&size), "{size}");
    // Three MiB: more than other bodies may have.
    let tried = t.post(&admin, "/api/v1/packs/check", of(3 * 1024 * 1024 / size)).expect(200);
    assert_eq!(tried["faults"], json!([]), "{tried}");
    t.post(&admin, "/api/v1/packs", of(3 * 1024 * 1024 / size)).expect(200);
    // Above four, the same fault as on the command line.
    let tried = t.post(&admin, "/api/v1/packs/check", of(4 * 1024 * 1024 / size + 1)).expect(200);
    let fault = &tried["faults"][0];
    assert!(fault["wrong"].as_str().unwrap().starts_with("the pack has 4") && fault["expected"] == "at most 4194304", "{fault}");
    // Far above, before anything is read.
    let refused = t.post(&admin, "/api/v1/packs", json!({ "files": [{ "path": "pack.toml", "text": "x".repeat(10 * 1024 * 1024) }] }));
    let error = refused.expect(413)["error"].clone();
    assert!(error["code"] == "pack.too_large" && error["expected"].as_str().unwrap().contains("4 MiB"), "{error}");
}

#[test]
fn a_report_says_what_items_are_called_with_the_key_behind() {
    on_both(modules, |t| {
        let admin = t.admin();
        let titles = |report: &Value| report["changes"].as_array().unwrap().iter().map(|c| (c["item"].as_str().unwrap().to_owned(), c["title"]["zh"].as_str().unwrap_or("-").to_owned())).collect::<Vec<_>>();
        let first = install(&t, &admin, &files("1.0.0", CALENDAR));
        assert_eq!(titles(&first), [pair("counter_lead", "柜长"), pair("counter", "柜台"), pair("shop", "商店服务")]);
        assert_eq!(first["changes"][0]["title"]["en"], "Counter lead");
        let removal = t.get(&admin, "/api/v1/packs/shop/removal").expect(200);
        assert!(titles(&removal).contains(&pair("counter", "柜台")), "{removal}");
        // The page shows the report of the last installation.
        assert_eq!(t.get(&admin, "/api/v1/packs/shop").expect(200)["report"]["changes"][2]["title"]["zh"], "商店服务");
    });
}

#[test]
fn a_role_that_a_ladder_of_another_pack_names_stays_when_its_own_pack_has_it_no_longer() {
    on_both(modules, |t| {
        let admin = t.admin();
        let shop = |version: &str, roles: &str, levels: &str| json!([
            { "path": "pack.toml", "text": PACK.replace("1.0.0", version) },
            { "path": "calendars/counter.toml", "text": CALENDAR },
            { "path": "service-levels.toml", "text": levels },
            { "path": "roles.toml", "text": roles },
        ]);
        let more = format!("{ROLES}[[role]]\nkey = \"porter\"\ntitle = {{ zh = \"门卫\", en = \"Porter\" }}\npermissions = [\"calendar.manage\"]\n");
        install(&t, &admin, &shop("1.0.0", &more, LEVELS));
        let other = json!([
            { "path": "pack.toml", "text": "key = \"branch\"\nversion = \"1.0.0\"\ntitle = { zh = \"分店\", en = \"Branch\" }\nrequires = [\"shop\"]\n" },
            { "path": "service-levels.toml", "text": LEVELS.replace("\"shop\"", "\"branch\"") },
        ]);
        install(&t, &admin, &other);
        // Its own ladder lets go of it in the same upgrade, the other pack's does not.
        let own = LEVELS.replace("\"assignee\", \"counter_lead\"", "\"assignee\"");
        let trimmed = "[[role]]\nkey = \"clerk\"\ntitle = { zh = \"店员\", en = \"Clerk\" }\npermissions = [\"calendar.manage\"]\n";
        let report = install(&t, &admin, &shop("1.1.0", trimmed, &own));
        let of = |item: &str| report["changes"].as_array().unwrap().iter().find(|c| c["item"] == item).cloned().unwrap_or_default();
        assert_eq!((of("counter_lead")["did"].as_str(), of("counter_lead")["note"].as_str()), (Some("kept"), Some("the pack has it no longer; the escalation ladder of `branch` names it")), "{report}");
        assert_eq!((of("porter")["did"].as_str(), of("porter")["title"]["zh"].as_str()), (Some("removed"), Some("门卫")), "nobody names it");
        // It is the house's own from now on, and another upgrade says nothing of it.
        assert_eq!(install(&t, &admin, &shop("1.2.0", trimmed, &own))["changes"], json!([]));
    });
}
