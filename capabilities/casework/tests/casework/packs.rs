//! Packs in newer versions under running cases, and what of a pack is casework's: types, texts, templates.

use serde_json::{Value, json};
use shouwen_contracts::casework::CaseEvent;
use shouwen_store::Ctx;
use shouwen_testkit::on_both;
use shouwen_web::{PackDid, PackFault, PackFile, PackFiles, PackPart};

use crate::common::{House, modules};

fn part(section: &str) -> PackPart {
    shouwen_casework::module().parts.into_iter().find(|p| p.section == section).unwrap()
}

fn pack(key: &str, files: &[(&str, &str)]) -> PackFiles {
    PackFiles::new(key, "1.0.0", files.iter().map(|(path, text)| PackFile::new(*path, *text)).collect())
}

/// Installs one part; what it did, `item did count note` a line.
fn install(house: &House, section: &str, files: &PackFiles) -> Vec<String> {
    let (part, workspace, files) = (part(section), house.t.workspace, files.clone());
    let ctx = Ctx::system(workspace, "packs");
    let done = house.t.db.write_blocking(move |tx| (part.install)(tx, &ctx, &files, false)).unwrap();
    done.iter().filter(|c| c.did != PackDid::Unchanged).map(|c| format!("{} {:?} {} {}", c.item, c.did, c.count, c.note.as_deref().unwrap_or_default()).trim().to_lowercase()).collect()
}

fn lines(faults: &[PackFault]) -> Vec<usize> {
    let mut lines: Vec<usize> = faults.iter().map(|f| f.line).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// A type with the given fields.
fn kind(fields: &str) -> String {
    format!(
        "key = \"visit\"\ntitle = {{ zh = \"上门\", en = \"Visit\" }}\nfirst = \"a\"\nworking = \"a\"\n[[stage]]\nkey = \"a\"\ntitle = {{ zh = \"甲\", en = \"A\" }}\nstatus = \"open\"\nloop = \"accept\"\n[[stage]]\nkey = \"z\"\n\
         title = {{ zh = \"末\", en = \"Z\" }}\nstatus = \"closed\"\nloop = \"archive\"\n[[resolution]]\nkey = \"solved\"\ntitle = {{ zh = \"解决\", en = \"Solved\" }}\n[verification]\nways = [\"reason\"]\n[form]\nkey = \"visit\"\n\
         [[form.section]]\nkey = \"s\"\n{fields}"
    )
}

fn field(key: &str, rest: &str) -> String {
    format!("[[form.section.field]]\nkey = \"{key}\"\nlabel = {{ zh = \"{key}\", en = \"{key}\" }}\n{rest}\n")
}

#[test]
fn a_newer_form_rewrites_what_it_can_of_open_cases_and_tells_of_the_rest() {
    on_both(modules, |t| {
        let house = House::new(t);
        let choice = "type = \"choice\"\noption = [{ key = \"x\", label = { zh = \"甲\", en = \"X\" } }]";
        let before = [field("amount", "type = \"number\""), field("way", choice), field("note", "type = \"text\""), field("phone", "type = \"text\""), field("same", "type = \"text\"")].concat();
        install(&house, "case-types", &pack("visits", &[("case-types/visit.toml", &kind(&before))]));
        let open = |fields: Value| house.t.post(&house.admin, "/api/v1/cases", json!({ "title": "上门", "type": "visit", "fields": fields })).expect(201)["case"]["id"].as_str().unwrap().to_owned();
        let full = open(json!({ "amount": 12.5, "way": "x", "note": "n", "phone": "13800138000", "same": "s" }));
        let bare = open(json!({ "same": "s" }));
        let after = [field("amount", "type = \"text\""), field("way", "type = \"number\""), field("phone", "type = \"text\"\npersonal = true"), field("same", "type = \"text\""), field("new", "type = \"text\"\nrequired = true")].concat();
        let done = install(&house, "case-types", &pack("visits", &[("case-types/visit.toml", &kind(&after))]));
        assert_eq!(
            done,
            [
                "visit/amount updated 1 answers of open cases are rewritten for the new field",
                "visit/note kept 1 the form asks it no longer; the answers of open cases stay with them",
                "visit/phone updated 1 answers of open cases are rewritten for the new field",
                "visit/way kept 1 answers of open cases do not fit the new field; they stay until somebody answers anew",
                "visit updated 0 version 2",
            ]
        );
        house.t.fire_timers();
        assert_eq!(house.show(&full)["fields"], json!({ "amount": "12.5", "way": "x", "note": "n", "phone": "***", "same": "s" }), "nothing is lost, what is personal now is sealed");
        assert_eq!(house.show(&bare)["fields"], json!({ "same": "s" }));
        let told: Vec<String> = house.case_events().iter().filter_map(|e| match e { CaseEvent::Edited(e) if e.field == "fields.amount" && !e.from.is_null() => Some(format!("{}→{}", e.from, e.to)), _ => None }).collect();
        assert_eq!(told, ["12.5→\"12.5\""]);
        // The same again finds nothing to do.
        assert_eq!(install(&house, "case-types", &pack("visits", &[("case-types/visit.toml", &kind(&after))])), Vec::<String>::new());
    });
}

#[test]
fn a_type_with_cases_that_its_pack_has_no_longer_is_the_house_s_own() {
    on_both(modules, |t| {
        let house = House::new(t);
        let file = kind(&field("same", "type = \"text\""));
        install(&house, "case-types", &pack("visits", &[("case-types/visit.toml", &file)]));
        house.t.post(&house.admin, "/api/v1/cases", json!({ "title": "上门", "type": "visit" })).expect(201);
        assert_eq!(install(&house, "case-types", &pack("visits", &[])), ["visit kept 0 the pack has it no longer; there are cases of it"]);
        assert_eq!(house.t.get(&house.admin, "/api/v1/case-types/visit").expect(200)["pack"], json!(null));
        assert_eq!(install(&house, "case-types", &pack("visits", &[])), Vec::<String>::new(), "told once");
    });
}

#[test]
fn faults_of_shape_hide_no_faults_of_meaning_and_draw_none_after_them() {
    let text = "key = \"y\"\ntitle = \"just text\"\nfirst = \"nowhere\"\nworking = 7\nbogus = 1\n[[stage]]\nkey = \"A B\"\ntitle = { zh = \"甲\" }\nstatus = \"opn\"\nloop = \"handel\"\nto = [\"gone\", 3]\nrequire = [\"nofield\"]\npause = [\"coffee\"]\nenter = \"type is\"\nwho = []\n[[stage]]\nkey = \"done\"\ntitle = { zh = \"完\", en = \"Done\" }\nstatus = \"closed\"\nloop = \"handle\"\nreview = \"noflow\"\n[[resolution]]\nkey = 3\n[verification]\nways = [\"telepathy\"]\nby_resolution = [\"none\"]\n[form]\nkey = \"F F\"\n[[form.section]]\nkey = \"s\"\n[[form.section.field]]\nkey = \"x x\"\ntype = \"colour\"\nlabel = \"one\"\ndecimals = \"two\"\n[[form.section.field]]\nkey = \"z\"\ntype = \"choice\"\nlabel = { zh = \"乙\" }\nrequired = \"yes\"\nmin = 3\nshow_if = \"1 is\"\n";
    let faults = (part("case-types").check)(&pack("x", &[("case-types/x.toml", text)]));
    let told = lines(&faults);
    for line in [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 25, 28, 32, 33, 35, 39, 40, 41, 42] {
        assert!(told.contains(&line), "line {line}: {faults:#?}");
    }
    // The resolution may be the one whose key could not be read; the rest is sound.
    for line in [17, 18, 19, 24, 26, 27, 30, 37] {
        assert!(!told.contains(&line), "line {line}: {faults:#?}");
    }
    assert!(faults.iter().all(|f| !f.to_string().contains("struct ")), "{faults:#?}");
}

const TEXTS: &str = "[[text]]\nshortcut = \"hi\"\ntitle = { zh = \"问候\", en = \"Greeting\" }\nzh = \"您好\"\nen = \"Hello\"\n[[text]]\nshortcut = \"bye\"\ntitle = { zh = \"再见\", en = \"Bye\" }\nzh = \"再见\"\nen = \"Bye\"\n";

#[test]
fn texts_go_with_their_file_unless_somebody_edited_them() {
    on_both(modules, |t| {
        let house = House::new(t);
        assert_eq!(install(&house, "canned", &pack("texts", &[("canned.toml", TEXTS)])).len(), 4);
        let listed = house.t.get(&house.admin, "/api/v1/canned").expect(200);
        let mine = listed["items"].as_array().or(listed.as_array()).unwrap().iter().find(|c| c["shortcut"] == "hi" && c["locale"] == "zh-CN").unwrap().clone();
        let id = mine["id"].as_str().unwrap().to_owned();
        house.t.db.write_blocking(move |tx| tx.execute("UPDATE case_canned SET text = '您好呀' WHERE id = ?1", shouwen_store::params![id.parse::<shouwen_kernel::CannedId>()?])).unwrap();
        let other = install(&house, "canned", &pack("others", &[("canned.toml", TEXTS)]));
        assert_eq!(other, ["hi (zh-cn) kept 0 it belongs to the pack `texts`"], "what another pack brought alike stays that one's");
        let mut done = install(&house, "canned", &pack("texts", &[]));
        done.sort();
        assert_eq!(done, ["bye (en) removed 0", "bye (zh-cn) removed 0", "hi (en) removed 0", "hi (zh-cn) kept 0 the pack has it no longer; it was edited here"]);
    });
}

const TEMPLATES: &str = "[[template]]\nkey = \"call\"\ntitle = { zh = \"来电\", en = \"Call\" }\ntype = \"visit\"\ncase_title = { zh = \"来电 {date}\", en = \"Call {date}\" }\ntext = { zh = \"地址：\\n\", en = \"Address:\\n\" }\npriority = \"high\"\ntags = [\"来电\"]\nfields = { same = \"s\" }\n";

#[test]
fn templates_are_brought_followed_kept_when_edited_and_taken_away() {
    on_both(modules, |t| {
        let house = House::new(t);
        let file = kind(&field("same", "type = \"text\""));
        let files = |templates: &str| pack("visits", &[("case-types/visit.toml", &file), ("templates.toml", templates)]);
        assert_eq!((part("templates").check)(&files(TEMPLATES)), []);
        install(&house, "case-types", &files(TEMPLATES));
        assert_eq!(install(&house, "templates", &files(TEMPLATES)), ["call created 0"]);
        assert_eq!(install(&house, "templates", &files(TEMPLATES)), Vec::<String>::new());
        let list = || house.t.get(&house.admin, "/api/v1/case-templates").expect(200);
        assert_eq!((list()[0]["name"].clone(), list()[0]["content"]["tags"].clone()), (json!("来电"), json!(["来电"])));
        let id = list()[0]["id"].as_str().unwrap().to_owned();
        let opened = house.t.post(&house.admin, "/api/v1/cases", json!({ "template_id": id })).expect(201);
        assert_eq!((opened["case"]["type"].as_str(), opened["case"]["fields"]["same"].as_str(), opened["case"]["priority"].as_str()), (Some("visit"), Some("s"), Some("high")));
        // Its export is what is there.
        let (own, workspace) = (part("templates"), house.t.workspace);
        let exported = house.t.db.read_blocking(move |tx| (own.export)(tx, workspace)).unwrap();
        assert_eq!(install(&house, "templates", &files(&exported[0].text)), Vec::<String>::new(), "{}", exported[0].text);
        // A newer version is followed, an edit stays, and what the pack has no longer goes.
        assert_eq!(install(&house, "templates", &files(&TEMPLATES.replace("high", "urgent"))), ["call updated 0"]);
        let now = list()[0].clone();
        let mut content = now["content"].clone();
        content["text"] = json!("我们的话");
        house.t.put(&house.admin, &format!("/api/v1/case-templates/{id}"), json!({ "name": "来电", "content": content, "version": now["version"] })).expect(200);
        assert_eq!(install(&house, "templates", &files(TEMPLATES)), ["call kept 0 edited here; it stays as it is"]);
        assert_eq!(install(&house, "templates", &files(&TEMPLATES.replace("\"call\"", "\"visit-call\""))), ["visit-call created 0", "call kept 0 the pack has it no longer; it was edited here"]);
        assert_eq!(list().as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect::<Vec<_>>(), ["来电", "来电 2"], "names are unique");
        assert_eq!(install(&house, "templates", &files("")), ["visit-call removed 0"]);
    });
}

#[test]
fn a_templates_file_with_a_fault_on_every_line_tells_every_line() {
    let file = kind(&field("same", "type = \"number\""));
    let text = "[[template]]\nkey = \"A B\"\ntitle = \"x\"\ntype = \"nowhere\"\ncase_title = { zh = \"\", en = \"x\" }\ntext = { zh = \"x\" }\npriority = \"pink\"\ntags = [\"a,b\", 3]\ncolour = 1\n[[template]]\nkey = \"ok\"\ntitle = { zh = \"好\", en = \"Ok\" }\ntype = \"visit\"\n[template.fields]\nsame = \"many\"\nother = 1\n";
    let faults = (part("templates").check)(&pack("x", &[("case-types/visit.toml", &file), ("templates.toml", text)]));
    assert_eq!(lines(&faults), [2, 3, 4, 5, 6, 7, 8, 9, 15, 16], "{faults:#?}");
}
