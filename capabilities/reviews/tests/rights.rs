//! Who may see and do what: others, stand-ins, flows and authorities, packs, events told twice.

mod house;

use house::*;
use serde_json::json;
use shouwen_contracts::reviews::ReviewEvent;
use shouwen_kernel::Time;
use shouwen_testkit::on_both;
use shouwen_web::{PackDid, PackFile, PackFiles};

#[test]
fn sec_others_learn_nothing_of_a_review_and_whoever_may_read_the_case_sees_it() {
    on_both(modules, |t| {
        let h = house(t);
        let (case, id) = h.in_review("多收费");
        for who in [&h.stranger, &h.other_lead, &h.department] {
            assert_eq!(h.t.get(who, &format!("/api/v1/reviews/{id}")).status.as_u16(), 404);
            assert_eq!(h.t.get(who, &format!("/api/v1/cases/{case}/reviews")).status.as_u16(), if who.can("case.read") { 404 } else { 403 });
            assert_eq!(h.t.get(who, "/api/v1/reviews?show=all").expect(200)["items"], json!([]));
            for verb in ["decide", "withdraw", "write-up"] {
                let body = if verb == "decide" { json!({ "decision": "approve" }) } else if verb == "withdraw" { json!({}) } else { json!({ "text": "x" }) };
                assert_eq!(h.t.post(who, &format!("/api/v1/reviews/{id}/{verb}"), body).status.as_u16(), 404, "{verb}");
            }
        }
        assert_eq!(h.t.get(&h.manager, &format!("/api/v1/cases/{case}/reviews")).expect(200)[0]["id"], json!(id));
        assert_eq!(h.decide(&h.manager, &id, "approve", None).code(), "review.not_yours", "seeing is not deciding");
        assert_eq!(h.t.post(&h.stranger, "/api/v1/reviews", json!({ "flow": "solution", "reason": "x" })).status.as_u16(), 403);
        assert_eq!(h.t.post(&h.other_lead, "/api/v1/reviews", json!({ "flow": "single", "case_id": case, "reason": "x" })).status.as_u16(), 404, "a case they may not see");
        assert_eq!(h.t.get(&h.agent, "/api/v1/review-flows").status.as_u16(), 403);
        let mut owing = h.lead.clone();
        owing.must_enrol = true;
        assert_eq!(h.t.get(&owing, "/api/v1/reviews").code(), "session.must_enrol");
        assert_eq!(h.decide(&owing, &id, "approve", None).code(), "session.must_enrol");
    });
}

#[test]
fn b5_a_stand_in_decides_for_a_time_and_a_kind_is_named_and_never_decides_what_they_asked_for() {
    on_both(modules, |t| {
        let h = house(t);
        h.base();
        let now = h.t.app.clock().now();
        let away = |who, to: &shouwen_web::Viewer, kinds: &[&str], until: Time| h.t.post(who, "/api/v1/review-delegations", json!({ "to": to.person, "kinds": kinds, "until_at": until, "reason": "休假" }));
        let made = away(&h.lead, &h.other_lead, &["solution"], now.plus_seconds(86_400)).expect(201);
        assert_eq!((made["state"].as_str(), made["from"]["name"].as_str()), (Some("in_force"), Some("班长老李")));
        let case = h.case("多收费");
        h.wants(case, "solution");
        let id = h.the_one(&h.other_lead);
        assert_eq!(h.waiting(&h.other_lead)[0]["places"][0]["name"], "班长老李");
        assert!(h.letters().iter().any(|(wish, _)| wish.people == [h.other_lead.person]), "the stand-in gets the letter too");
        h.decide(&h.other_lead, &id, "approve", None).expect(200);
        let told: Vec<_> = h.told().into_iter().filter_map(|e| if let ReviewEvent::Decided(d) = e { Some((d.person_id, d.for_person)) } else { None }).collect();
        assert_eq!(told, [(h.other_lead.person, Some(h.lead.person))]);
        assert_eq!(h.show(&h.lead, &id)["steps"][0]["seats"][0]["decided_by"]["name"], "班长老赵");
        // Another kind is not theirs; nor is anything after the time.
        let approval = h.t.post(&h.agent, "/api/v1/reviews", json!({ "authority": "waiver", "case_id": case, "amount": 100, "reason": "减免" })).expect(201)["id"].as_str().unwrap().to_owned();
        h.t.drain();
        assert_eq!((h.waiting(&h.other_lead).len(), h.the_one(&h.lead)), (0, approval));
        // What the stand-in asked for themselves waits for the one who is away, not for them.
        away(&h.lead, &h.agent, &[], now.plus_seconds(86_400)).expect(201);
        assert_eq!(h.waiting(&h.agent).len(), 0);
        assert_eq!(h.decide(&h.agent, &h.the_one(&h.lead), "approve", None).code(), "review.own");
        // A chain is followed, a circle refused, and ending one ends it now.
        assert_eq!(away(&h.other_lead, &h.lead, &[], now.plus_seconds(3600)).code(), "review.loop");
        assert_eq!(away(&h.agent, &h.agent, &[], now.plus_seconds(3600)).json()["error"]["field"], "to");
        assert_eq!(away(&h.agent, &h.stranger, &[], now.plus_seconds(-5)).json()["error"]["field"], "until_at");
        let path = format!("/api/v1/review-delegations/{}", made["id"].as_str().unwrap());
        assert_eq!(h.t.delete(&h.stranger, &path).status.as_u16(), 404);
        h.t.delete(&h.lead, &path).expect(200);
        let second = h.case("第二件");
        h.wants(second, "solution");
        assert_eq!(h.waiting(&h.other_lead).len(), 0);
        h.t.advance(2 * 86_400);
        assert_eq!(h.t.get(&h.lead, "/api/v1/review-delegations").expect(200), json!([]));
    });
}

#[test]
fn a_pack_gives_back_what_it_brought_and_keeps_what_was_edited() {
    on_both(modules, |t| {
        let h = house(t);
        let part = modules().remove(0).parts.remove(0);
        let text = include_str!("../../../packs/base/reviews.toml");
        let first = h.pack("base", text, false);
        assert!(first.iter().all(|c| c.did == PackDid::Created) && first.len() == 6, "{first:?}");
        let workspace = h.t.workspace;
        let export = || h.t.db.read_blocking(move |tx| (part.export)(tx, workspace)).unwrap();
        let out = export();
        // What is given back checks, and installing it changes nothing; given back again it is the same text.
        let again = h.pack("base", &out[0].text, false);
        assert!(again.iter().all(|c| c.did == PackDid::Unchanged), "{again:?}");
        assert_eq!(export(), out);
        let mut flow = h.t.get(&h.manager, "/api/v1/review-flows").expect(200)[1].clone();
        assert_eq!((flow["key"].as_str(), flow["pack"].as_str()), (Some("single"), Some("base")));
        let version = flow["version"].clone();
        for extra in ["id", "pack", "updated_at", "version"] {
            flow.as_object_mut().unwrap().remove(extra);
        }
        flow["step"][0]["limit"] = json!("6h");
        let path = "/api/v1/review-flows/single";
        h.t.put(&h.manager, path, json!({ "definition": flow, "version": version })).expect(200);
        assert_eq!(h.t.put(&h.manager, path, json!({ "definition": flow, "version": version })).code(), "version_conflict");
        let third = h.pack("base", text, false);
        assert_eq!(third.iter().filter(|c| c.did == PackDid::Kept).map(|c| c.item.as_str()).collect::<Vec<_>>(), ["single"]);
        assert_eq!(h.pack("base", text, true).iter().filter(|c| c.did == PackDid::Updated).count(), 1);
        // Every fault has its line.
        let wrong = PackFiles::new("p", "1.0.0", vec![PackFile::new("reviews.toml", "[[flow]]\nkey = \"x\"\ntitle = { zh = \"x\", en = \"\" }\n[[flow.step]]\ntitle = { zh = \"x\", en = \"x\" }\nwho = [\"everybody\"]\nlimit = \"soon\"\n")]);
        let faults: Vec<String> = (part.check)(&wrong).iter().map(ToString::to_string).collect();
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[0].starts_with("reviews.toml:3:") && faults[1].starts_with("reviews.toml:6:") && faults[2].starts_with("reviews.toml:7:"), "{faults:?}");
        for text in [include_str!("../../../packs/telecom/reviews.toml"), include_str!("../../../packs/dealer/reviews.toml")] {
            assert_eq!((part.check)(&PackFiles::new("p", "1.0.0", vec![PackFile::new("reviews.toml", text)])), vec![]);
        }
    });
}

#[test]
fn h1_the_authority_table_is_looked_at_every_year_and_reminded_of_until_somebody_did() {
    on_both(modules, |t| {
        let h = house(t);
        h.base();
        let due = |h: &House| h.told().into_iter().filter_map(|e| if let ReviewEvent::Authority(a) = e { Some(a) } else { None }).filter(|a| a.what == "due" && a.key == "waiver").collect::<Vec<_>>();
        h.t.advance(364 * 86_400);
        assert_eq!(due(&h).len(), 0);
        h.t.advance(2 * 86_400);
        assert_eq!(due(&h).iter().map(|a| a.people.clone()).collect::<Vec<_>>(), [vec![h.manager.person, h.second_manager.person]]);
        assert!(h.letters().iter().any(|(wish, content)| wish.people.contains(&h.manager.person) && content.text.contains("费用减免")));
        let row = |h: &House| h.t.get(&h.manager, "/api/v1/review-authorities").expect(200).as_array().unwrap().iter().find(|a| a["key"] == "waiver").cloned().unwrap();
        assert_eq!(row(&h)["due"], true);
        h.t.advance(15 * 86_400);
        assert_eq!(due(&h).len(), 2, "again after a fortnight");
        assert_eq!(h.t.post(&h.agent, "/api/v1/review-authorities/waiver/reviewed", json!(null)).status.as_u16(), 403);
        h.t.post(&h.manager, "/api/v1/review-authorities/waiver/reviewed", json!(null)).expect(200);
        assert_eq!((row(&h)["due"].clone(), row(&h)["reviewed_by"]["name"].clone()), (json!(false), json!("经理周")));
        h.t.advance(360 * 86_400);
        assert_eq!(due(&h).len(), 2);
        h.t.advance(10 * 86_400);
        assert_eq!(due(&h).len(), 3);
        assert!(h.audit().iter().any(|(action, _)| action == "review.authority_reviewed"));
    });
}

#[test]
fn flows_and_authorities_are_edited_with_every_fault_told() {
    on_both(modules, |t| {
        let h = house(t);
        let step = json!({ "title": { "zh": "批", "en": "Approve" }, "who": ["role:manager"] });
        let flow = json!({ "key": "mine", "title": { "zh": "我的", "en": "Mine" }, "step": [step] });
        let made = h.t.post(&h.manager, "/api/v1/review-flows", json!({ "definition": flow })).expect(201);
        assert_eq!((made["key"].as_str(), made["by_mail"].as_bool(), made["version"].as_i64()), (Some("mine"), None, Some(1)));
        assert_eq!(h.t.post(&h.manager, "/api/v1/review-flows", json!({ "definition": flow })).code(), "review.key_taken");
        let wrong = h.t.post(&h.manager, "/api/v1/review-flows", json!({ "definition": { "key": "Bad Key", "title": { "zh": "", "en": "x" }, "step": [] } }));
        assert_eq!((wrong.status.as_u16(), wrong.json()["error"]["detail"]["faults"].as_array().unwrap().len()), (422, 3));
        h.t.delete(&h.manager, "/api/v1/review-flows/mine").expect(204);
        h.t.delete(&h.manager, "/api/v1/review-flows/mine").expect(404);
        let authority = json!({ "key": "gift", "title": { "zh": "礼品", "en": "Gift" }, "currency": "CNY", "tier": [{ "up_to": "50", "step": [step] }] });
        h.t.post(&h.manager, "/api/v1/review-authorities", json!({ "definition": authority })).expect(201);
        let beyond = h.t.post(&h.agent, "/api/v1/reviews", json!({ "authority": "gift", "amount": 5001, "reason": "x" }));
        assert_eq!((beyond.status.as_u16(), beyond.code().as_str()), (409, "review.beyond_table"));
        let options = h.t.get(&h.agent, "/api/v1/review-options").expect(200);
        assert_eq!((options["authorities"][0]["tiers"][0]["up_to"].as_str(), options["flows"].as_array().unwrap().len()), (Some("50"), 0));
        h.t.delete(&h.manager, "/api/v1/review-authorities/gift").expect(204);
        // Hours: a night shift counts from the next step on.
        assert_eq!(h.t.put(&h.manager, "/api/v1/review-hours", json!({ "calendar": { "timezone": "Mars" } })).status.as_u16(), 422);
        let seen = h.t.get(&h.manager, "/api/v1/review-hours").expect(200);
        assert_eq!(seen["calendar"]["week"]["mon"], json!(["09:00-18:00"]));
        h.t.put(&h.manager, "/api/v1/review-hours", json!({ "calendar": { "timezone": "Asia/Shanghai", "week": { "mon": ["09:00-10:00"], "tue": ["09:00-10:00"] } } })).expect(200);
        h.base();
        let case = h.case("甲");
        h.wants(case, "single");
        let shown = h.show(&h.lead, &h.the_one(&h.lead));
        // Four hours: one on each Monday and Tuesday, so Tuesday of next week at ten.
        assert_eq!(shown["due_at"], "2026-03-10T02:00:00Z");
    });
}

#[test]
fn lists_go_on_from_page_to_page_and_a_request_repeated_with_its_key_is_made_once() {
    on_both(modules, |t| {
        let h = house(t);
        h.base();
        for n in 0..5 {
            h.t.post(&h.agent, "/api/v1/reviews", json!({ "flow": "single", "reason": format!("第{n}件") })).expect(201);
            h.t.clock.advance(1);
        }
        h.t.drain();
        for (who, show) in [(&h.lead, "waiting"), (&h.agent, "asked"), (&h.manager, "all")] {
            let (mut after, mut ids) = (String::new(), Vec::new());
            loop {
                let page = h.t.get(who, &format!("/api/v1/reviews?show={show}&limit=2&after={after}")).expect(200);
                ids.extend(page["items"].as_array().unwrap().iter().map(|r| r["reason"].as_str().unwrap().to_owned()));
                match page["next"].as_str() {
                    Some(next) => after = next.to_owned(),
                    None => break,
                }
            }
            let mut wanted: Vec<String> = (0..5).map(|n| format!("第{n}件")).collect();
            if show != "waiting" {
                wanted.reverse();
            }
            assert_eq!(ids, wanted, "{show}");
        }
        let body = json!({ "flow": "single", "reason": "一次" });
        let send = || h.t.send(Some(&h.agent), shouwen_web::axum::http::Method::POST, "/api/v1/reviews", body.clone(), &[("idempotency-key", "k1")]).expect(201)["id"].clone();
        assert_eq!(send(), send());
        assert_eq!(h.t.get(&h.lead, "/api/v1/reviews/counts").expect(200)["waiting"], 6);
        assert_eq!(h.t.get(&h.agent, "/api/v1/reviews?show=nothing").json()["error"]["field"], "show");
        assert_eq!(h.t.get(&h.agent, "/api/v1/reviews?state=odd").json()["error"]["field"], "state");
    });
}
