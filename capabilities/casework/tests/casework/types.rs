//! Case types as administrators and packs change them, while cases of them are running.

use serde_json::{Value, json};
use shouwen_contracts::casework::CaseTypeEvent;
use shouwen_store::Ctx;
use shouwen_testkit::on_both;
use shouwen_web::{PackDid, PackFile, PackFiles};

use crate::common::{House, Mail, modules};

fn definition(house: &House, key: &str) -> (Value, Value) {
    let shown = house.t.get(&house.admin, &format!("/api/v1/case-types/{key}")).expect(200);
    (shown["definition"].clone(), shown["version"].clone())
}

fn put(house: &House, key: &str, version: &Value, definition: &Value) -> shouwen_testkit::Reply {
    house.t.put(&house.admin, &format!("/api/v1/case-types/{key}"), json!({ "version": version, "definition": definition }))
}

#[test]
fn every_type_of_the_issue_is_there_and_mail_opens_requests() {
    on_both(modules, |t| {
        let house = House::new(t);
        let types = house.t.get(&house.admin, "/api/v1/case-types").expect(200);
        let keys: Vec<&str> = types.as_array().unwrap().iter().map(|t| t["key"].as_str().unwrap()).collect();
        assert_eq!(keys[0], "request");
        for key in ["incident", "complaint", "after_sales", "privacy_request", "work_order", "improvement", "meeting_resolution", "dispute", "suggestion", "risk_treatment", "crisis"] {
            assert!(keys.contains(&key), "{key}");
        }
        let stages: Vec<&str> = types[0]["stages"].as_array().unwrap().iter().map(|s| s["key"].as_str().unwrap()).collect();
        assert_eq!(stages, ["accepted", "handling", "waiting_customer", "resolved", "archived"]);
    });
}

#[test]
fn a_faulty_definition_is_refused_with_every_fault_at_its_path() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (mut d, version) = definition(&house, "incident");
        d["stage"][0]["to"] = json!(["nowhere"]);
        d["stage"][1]["enter"] = json!("prioritty is urgent");
        d["stage"][2]["require"] = json!(["colour"]);
        let refused = put(&house, "incident", &version, &d);
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (422, "case_type.faulty"));
        let paths: Vec<String> = refused.json()["error"]["detail"]["faults"].as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap().to_owned()).collect();
        for path in ["stage[0].to[0]", "stage[1].enter", "stage[2].require[0]"] {
            assert!(paths.iter().any(|p| p.starts_with(path)), "{path} in {paths:?}");
        }
        let checked = house.t.post(&house.admin, "/api/v1/case-types/check", json!({ "definition": d })).expect(200);
        assert_eq!((&checked["ok"], checked["faults"].as_array().unwrap().len()), (&json!(false), paths.len()));
        assert_eq!(definition(&house, "incident").1, version, "nothing was saved");
        let nobody = house.t.person("坐席", &["case.read", "case.edit"]);
        assert_eq!(house.t.get(&nobody, "/api/v1/case-types/incident").status, 403);
    });
}

#[test]
fn a_stage_with_cases_in_it_goes_only_when_it_is_said_where_they_go() {
    on_both(modules, |t| {
        let house = House::new(t);
        let case = house.case_of(house.mail(Mail { from: "zhang@customer.example", subject: "x", text: "y", ..Mail::default() }));
        house.t.put(&house.admin, &format!("/api/v1/cases/{case}/stage"), json!({ "stage": "waiting_customer" })).expect(200);
        let (mut d, version) = definition(&house, "request");
        d["stage"].as_array_mut().unwrap().retain(|s| s["key"] != "waiting_customer");
        let refused = put(&house, "request", &version, &d);
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "case_type.stage_in_use"));
        assert_eq!(refused.json()["error"]["detail"]["stages"], json!([{ "stage": "waiting_customer", "cases": 1 }]));
        d["moved"] = json!({ "waiting_customer": "handling" });
        let saved = put(&house, "request", &version, &d).expect(200);
        assert_eq!((&saved["moved"], &saved["edited"]), (&json!(1), &json!(true)));
        house.t.fire_timers();
        assert_eq!((house.show(&case)["stage"].clone(), house.show(&case)["status"].clone()), (json!("handling"), json!("open")));
        assert_eq!(put(&house, "request", &version, &d).code(), "version_conflict");
        let versions = house.t.get(&house.admin, "/api/v1/case-types/request/versions").expect(200);
        assert_eq!(versions.as_array().unwrap().len(), 2);
        let old = house.t.get(&house.admin, &format!("/api/v1/case-types/request/versions/{version}")).expect(200);
        assert!(old["stage"].as_array().unwrap().iter().any(|s| s["key"] == "waiting_customer"));
        assert!(house.t.events::<CaseTypeEvent>().iter().any(|e| matches!(e, CaseTypeEvent::TypeSaved(s) if s.key == "request" && s.version == 2)));
    });
}

#[test]
fn a_type_of_ones_own_lives_and_goes_only_while_nobody_needs_it() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (mut d, _) = definition(&house, "suggestion");
        d["key"] = json!("praise");
        d["form"]["key"] = json!("praise");
        house.t.post(&house.admin, "/api/v1/case-types", json!({ "definition": d })).expect(201);
        assert_eq!(house.t.post(&house.admin, "/api/v1/case-types", json!({ "definition": d })).code(), "case_type.exists");
        house.t.post(&house.admin, "/api/v1/cases", json!({ "title": "谢谢", "type": "praise" })).expect(201);
        assert_eq!(house.t.delete(&house.admin, "/api/v1/case-types/praise").code(), "case_type.in_use");
        assert_eq!(house.t.delete(&house.admin, "/api/v1/case-types/request").code(), "case_type.needed");
        assert_eq!(house.t.delete(&house.admin, "/api/v1/case-types/crisis").status, 204);
        assert_eq!(house.t.post(&house.admin, "/api/v1/cases", json!({ "title": "x", "type": "crisis" })).json()["error"]["field"], "type");
    });
}

#[test]
fn a_pack_brings_its_types_keeps_what_was_edited_and_its_export_reads_back() {
    on_both(modules, |t| {
        let house = House::new(t);
        let part = shouwen_casework::module().parts.into_iter().find(|p| p.section == "case-types").unwrap();
        let workspace = house.t.workspace;
        let files = house.t.db.read_blocking(move |tx| (part.export)(tx, workspace)).unwrap();
        let pack = |files: Vec<PackFile>| PackFiles::new("base", "1.1.0", files);
        assert_eq!((part.check)(&pack(files.clone())), []);
        let install = |files: Vec<PackFile>| {
            let ctx = Ctx::system(workspace, "packs");
            house.t.db.write_blocking(move |tx| (part.install)(tx, &ctx, &pack(files.clone()), false)).unwrap()
        };
        assert!(install(files.clone()).iter().all(|c| c.did == PackDid::Unchanged), "an export is what is there");
        let (mut d, version) = definition(&house, "incident");
        d["title"]["zh"] = json!("网络故障");
        put(&house, "incident", &version, &d).expect(200);
        let mut newer = files.clone();
        for file in newer.iter_mut().filter(|f| f.stem() == "incident" || f.stem() == "crisis") {
            file.text = file.text.replacen("en = \"", "en = \"New ", 1);
        }
        let done = install(newer);
        let did = |key: &str| done.iter().find(|c| c.item == key).unwrap().did;
        assert_eq!((did("incident"), did("crisis"), did("request")), (PackDid::Kept, PackDid::Updated, PackDid::Unchanged));
        let wrong = PackFiles::new("x", "1.0.0", vec![PackFile::new("case-types/odd.toml", "key = \"odd\"\ntitle = { zh = \"怪\", en = \"Odd\" }\nfirst = \"a\"\nworking = \"a\"\n[[stage]]\nkey = \"a\"\ntitle = { zh = \"甲\", en = \"A\" }\nstatus = \"open\"\nloop = \"accept\"\nto = [\n  \"b\",\n]\n")]);
        let faults: Vec<String> = (part.check)(&wrong).iter().map(ToString::to_string).collect();
        assert!(faults.iter().any(|f| f.starts_with("case-types/odd.toml:11: ") && f.contains("there is no stage `b`")), "{faults:#?}");
    });
}
