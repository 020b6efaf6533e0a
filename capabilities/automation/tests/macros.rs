//! Macros, and rules as a part of packs.

mod house;

use house::*;
use serde_json::json;
use shouwen_kernel::{Actor, Grant, Reach};
use shouwen_store::Ctx;
use shouwen_testkit::on_both;
use shouwen_web::{PackDid, PackFile, PackFiles};

#[test]
fn a_macro_is_run_as_the_agent_and_does_all_or_nothing() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let made = t.post(&boss, "/api/v1/macros", json!({ "key": "refund", "title": { "zh": "转退款组", "en": "To refunds" }, "if": "status is open", "then": [{ "do": "tag", "tags": ["refund"] }, { "do": "add_note", "text": "{number} 转退款" }] })).expect(201);
        let case = open(&t, "退款", "normal", None);
        let agent = t.person("坐席", &["case.read", "case.edit", "case.note"]);
        let offered = t.get(&agent, &format!("/api/v1/cases/{case}/macros")).expect(200);
        assert_eq!((offered[0]["key"].as_str(), offered[0]["refused"].as_array().unwrap().len()), (Some("refund"), 0));
        let path = format!("/api/v1/cases/{case}/macros/{}", made["id"].as_str().unwrap());
        let run = t.post(&agent, &path, json!(null)).expect(202);
        assert_eq!(run["actions"].as_array().unwrap().len(), 2);
        t.drain();
        let wishes = wishes(&t);
        assert_eq!(wishes.iter().map(|w| (w.source.starts_with("macro:"), w.chain.len())).collect::<Vec<_>>(), [(true, 0), (true, 0)]);
        assert!(wishes[1].action["text"].as_str().unwrap().ends_with(" 转退款"));
        let actors: Vec<Actor> = t.recorded().iter().filter(|e| e.kind == "wish.action").map(|e| e.actor().unwrap()).collect();
        assert!(actors.iter().all(|actor| actor.person_id() == Some(agent.person)), "the agent's own doing");

        // Who may not write notes gets nothing done at all.
        let lesser = t.person("新人", &["case.read", "case.edit"]);
        let refused = t.post(&lesser, &path, json!(null));
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (403, "macro.refused"));
        assert_eq!(refused.json()["error"]["detail"]["refused"][0]["permission"], "case.note");
        assert_eq!(t.get(&lesser, &format!("/api/v1/cases/{case}/macros")).expect(200)[0]["refused"][0]["action"], "add_note");
        // Who may not see the case hears nothing of it.
        let elsewhere = t.viewer("外人", vec![Grant { permission: "case.read".into(), reach: Reach::Own }]);
        t.post(&elsewhere, &path, json!(null)).expect(404);
        t.get(&elsewhere, &format!("/api/v1/cases/{case}/macros")).expect(404);
        assert_eq!(house::wishes(&t).len(), 2);
        assert_eq!(t.get(&boss, "/api/v1/macros").expect(200)[0]["used"], 1);
        // Wrong ones are refused with places; one in use stays.
        let wrong = t.post(&boss, "/api/v1/macros", json!({ "key": "w", "title": "w", "if": "statu is open", "then": [] }));
        assert_eq!((wrong.status.as_u16(), wrong.json()["error"]["field"].as_str()), (422, Some("if")), "{}", wrong.text);
        t.post(&boss, "/api/v1/macros", json!({ "key": "w", "title": "w", "then": [{ "do": "run_macro", "macro": "w" }] })).expect(422);
        t.post(&boss, "/api/v1/rules", json!({ "title": "r", "when": [{ "on": "case.opened" }], "then": [{ "do": "run_macro", "macro": "refund" }] })).expect(201);
        assert_eq!(t.delete(&boss, &format!("/api/v1/macros/{}", made["id"].as_str().unwrap())).code(), "macro.in_use");
        open(&t, "auch", "normal", None);
        assert_eq!(house::wishes(&t).len(), 4, "a rule runs the macro's actions");
    });
}

fn pack(version: &str, text: &str) -> PackFiles {
    PackFiles::new("base", version, vec![PackFile::new("rules/signals.toml", text)])
}

const FIRST: &str = r#"
[[macro]]
key = "to-refunds"
title = { zh = "转退款组", en = "To refunds" }
then = [{ do = "tag", tags = ["refund"] }]

[[rule]]
key = "signals"
title = { zh = "升级信号", en = "Upgrade signals" }
when = { on = ["case.opened", "case.message_received"] }
if = 'message.text contains any "12315" and priority is not urgent'
then = [{ do = "run_macro", macro = "to-refunds" }]
enabled = false
"#;

#[test]
fn a_pack_brings_rules_and_an_edited_one_is_kept() {
    on_both(modules, |t| {
        let boss = boss(&t);
        let part = shouwen_automation::module().parts.remove(0);
        let install = |files: PackFiles, replace: bool| {
            assert_eq!((part.check)(&files), []);
            let ctx = Ctx::system(t.workspace, "packs");
            t.db.write_blocking(move |tx| (part.install)(tx, &ctx, &files, replace)).unwrap().into_iter().map(|c| (c.item, c.did)).collect::<Vec<_>>()
        };
        assert_eq!(install(pack("1.0.0", FIRST), false), [("to-refunds".into(), PackDid::Created), ("signals".into(), PackDid::Created)]);
        assert_eq!(install(pack("1.0.0", FIRST), false), [("to-refunds".into(), PackDid::Unchanged), ("signals".into(), PackDid::Unchanged)]);
        let second = FIRST.replace("\"12315\"", "\"12315\", \"媒体\"");
        assert_eq!(install(pack("1.1.0", &second), false)[1], ("signals".into(), PackDid::Updated));
        let rule = t.get(&boss, "/api/v1/rules").expect(200)[0].clone();
        assert_eq!((rule["pack"].as_str(), rule["owner"].is_null(), rule["enabled"].as_bool()), (Some("base"), true, Some(false)));
        // Switched on here: from now on it is kept.
        let mut body = json!({ "title": rule["title"], "when": rule["when"], "if": rule["text"], "then": rule["then"], "enabled": true, "version": rule["version"] });
        t.put(&boss, &format!("/api/v1/rules/{}", rule["id"].as_str().unwrap()), body.take()).expect(200);
        assert_eq!(install(pack("1.2.0", FIRST), false)[1], ("signals".into(), PackDid::Kept));
        assert_eq!(install(pack("1.2.0", FIRST), true)[1], ("signals".into(), PackDid::Updated));
        // What is exported is a pack again.
        let workspace = t.workspace;
        let files = t.db.read_blocking(move |tx| (part.export)(tx, workspace)).unwrap();
        assert_eq!((part.check)(&PackFiles::new("mine", "1.0.0", files.clone())), [], "{}", files[0].text);
        assert!(files[0].text.contains("12315"));
        assert_eq!(install(PackFiles::new("base", "2.0.0", vec![]), false), [("signals".into(), PackDid::Removed), ("to-refunds".into(), PackDid::Kept)]);
        // Brought by somebody whose rights are not known here: it rests until somebody takes it over.
        let ctx = Ctx { workspace: t.workspace, actor: Actor::person(t.app.ids().next(t.app.clock())), ip: None };
        for did in [PackDid::Created, PackDid::Unchanged] {
            let (ctx, files) = (ctx.clone(), pack("3.0.0", &FIRST.replace("enabled = false", "enabled = true")));
            let changes = t.db.write_blocking(move |tx| (part.install)(tx, &ctx, &files, false)).unwrap();
            assert_eq!(changes[1].did, did, "{changes:?}");
        }
        let rule = t.get(&boss, "/api/v1/rules").expect(200)[0].clone();
        assert_eq!((rule["enabled"].as_bool(), rule["trouble"].as_str()), (Some(false), Some("needs_owner")));
    });
}

#[test]
fn faults_of_a_pack_stand_at_their_lines() {
    let part = shouwen_automation::module().parts.remove(0);
    let wrong = "[[rule]]\nkey = \"a\"\ntitle = \"A\"\nwhen = { on = \"case.opend\" }\nif = 'titel contains \"x\"'\nthen = [{ do = \"tagg\" }]\n[[rule]]\nkey = \"b\"\ntitle = \"B\"\nwhen = { after = \"2h\", stage = \"handling\" }\nthen = [{ do = \"run_macro\", macro = \"nobody\" }]\n";
    let lines: Vec<usize> = (part.check)(&pack("1.0.0", wrong)).iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [4, 5, 6, 11]);
}
