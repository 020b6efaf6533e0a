//! Answers, notes, forwards, drafts, undo send, retry.

use serde_json::json;
use shouwen_contracts::casework::CaseEvent;
use shouwen_testkit::on_both;

use crate::common::{House, Mail, modules};

fn first() -> Mail {
    Mail { from: "zhang@customer.example", subject: "宽带断了", text: "从昨晚开始不能上网", wire_id: Some("a1@customer.example".into()), ..Mail::default() }
}

#[test]
fn ux07_an_answer_waits_when_a_newer_message_came_and_goes_when_it_was_seen() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (a, b) = (house.agent("王小明"), house.agent("李雷"));
        let seen = house.mail(first());
        let case = house.case_of(seen);
        house.t.clock.advance(60);
        let theirs = house.reply(&b, &case, "我来处理");
        let path = format!("/api/v1/cases/{case}/messages");
        let held = house.t.post(&a, &path, json!({ "kind": "reply", "text": "也在处理", "based_on": seen }));
        assert_eq!((held.status.as_u16(), held.code().as_str()), (409, "message.newer_arrived"));
        let newer = held.json()["error"]["detail"]["messages"].clone();
        assert_eq!(newer[0]["id"], theirs["message"]["id"]);
        assert_eq!(house.count("case_message"), 2);
        house.t.post(&a, &path, json!({ "kind": "reply", "text": "也在处理", "based_on": newer[0]["id"] })).expect(201);
        assert_eq!(house.count("case_message"), 3);
        // A note collides with nothing.
        house.t.post(&a, &path, json!({ "kind": "note", "text": "备注", "based_on": seen })).expect(201);
    });
}

#[test]
fn ux12_a_queued_answer_is_taken_back_to_the_draft_and_nothing_leaves() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(first()));
        let path = format!("/api/v1/cases/{case}/messages");
        let sent = house.t.post(&agent, &path, json!({ "kind": "reply", "text": "好的,已解决", "then": "close", "undo_seconds": 10 })).expect(201);
        assert_eq!(sent["message"]["state"], "queued");
        assert_eq!(sent["case"]["status"], "closed");
        house.t.clock.advance(3);
        let undo = &sent["undo"];
        assert_eq!(undo["method"], "DELETE");
        let back = house.t.delete(&agent, undo["path"].as_str().unwrap()).expect(200);
        assert_eq!(back["draft"]["text"], "好的,已解决");
        assert_eq!((&back["case"]["status"], &back["case"]["stage"], &back["case"]["reopened_count"]), (&json!("open"), &json!("handling"), &json!(0)));
        assert!(back["case"]["first_response_at"].is_null());
        let due = house.t.db.write_blocking(|tx| tx.claim_effects("email.send", 10, 60)).unwrap();
        assert!(due.is_empty(), "nothing to send now");
        house.t.clock.advance(60);
        assert!(house.t.db.write_blocking(|tx| tx.claim_effects("email.send", 10, 60)).unwrap().is_empty(), "nothing to send later");
        assert_eq!(house.t.get(&agent, &format!("/api/v1/cases/{case}/drafts")).expect(200)[0]["text"], "好的,已解决");
        assert_eq!(house.messages(&case)[1]["state"], "cancelled");

        // One that has left cannot be taken back.
        let sent = house.t.post(&agent, &path, json!({ "kind": "reply", "text": "第二次", "undo_seconds": 5 })).expect(201);
        house.t.clock.advance(6);
        assert_eq!(house.t.db.write_blocking(|tx| tx.claim_effects("email.send", 10, 60)).unwrap().len(), 1);
        let late = house.t.delete(&agent, sent["undo"]["path"].as_str().unwrap());
        assert_eq!((late.status.as_u16(), late.code().as_str()), (409, "message.too_late"));
        assert!(house.t.get(&agent, &format!("/api/v1/cases/{case}/drafts")).expect(200).as_array().unwrap().is_empty(), "sending took the draft away");
    });
}

#[test]
fn ux11_the_same_request_twice_is_one_message() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(first()));
        let path = format!("/api/v1/cases/{case}/messages");
        let body = json!({ "kind": "reply", "text": "一次" });
        let key = [("idempotency-key", "k1")];
        let one = house.t.send(Some(&agent), axum::http::Method::POST, &path, body.clone(), &key).expect(201);
        let two = house.t.send(Some(&agent), axum::http::Method::POST, &path, body, &key).expect(201);
        assert_eq!(one, two);
        assert_eq!((house.count("case_message"), house.count("outbox")), (2, 1));
    });
}

#[test]
fn an_answer_carries_signature_references_and_history_and_reaches_reply_to_and_copies() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(Mail { cc: vec!["boss@customer.example"], reply_to: Some("answers@customer.example"), ..first() }));
        let path = format!("/api/v1/cases/{case}/messages");
        let sent = house.t.post(&agent, &path, json!({ "kind": "reply", "text": "您好", "html": "<p>您好</p><script>x</script>" })).expect(201);
        let out = house.outbound(sent["message"]["id"].as_str().unwrap());
        let open = |party: &serde_json::Value| house.t.app.keys().open_address(party["address"].as_str().unwrap()).unwrap();
        assert_eq!(open(&out["to"][0]), "answers@customer.example");
        assert_eq!(open(&out["cc"][0]), "boss@customer.example");
        assert_eq!((&out["subject"], &out["references"]), (&json!("Re: 宽带断了"), &json!(["a1@customer.example"])));
        let text = out["text"].as_str().unwrap();
        assert!(text.starts_with("您好\n\n-- \n首问客服\n\n在 2026-03-02 09:00，zhang 写道：\n> 从昨晚开始不能上网"), "{text}");
        let html = out["html"].as_str().unwrap();
        assert!(html.contains("<p>您好</p>") && !html.contains("script") && html.contains("从昨晚"), "{html}");
        assert_eq!(house.messages(&case)[1]["text"], "您好", "the timeline shows the new part only");
        assert!(house.messages(&case)[1]["quoted"].as_str().unwrap().contains("从昨晚"));
        assert_eq!(house.messages(&case)[1]["to"], json!(["zhang <a***@customer.example>"]));
    });
}

#[test]
fn wrong_recipients_texts_and_files_are_named() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(first()));
        let path = format!("/api/v1/cases/{case}/messages");
        let field = |body: serde_json::Value| {
            let reply = house.t.post(&agent, &path, body);
            assert_eq!(reply.status.as_u16(), 422, "{}", reply.text);
            reply.json()["error"]["field"].as_str().unwrap_or_default().to_owned()
        };
        assert_eq!(field(json!({ "kind": "reply", "text": " " })), "text");
        assert_eq!(field(json!({ "kind": "shout", "text": "x" })), "kind");
        assert_eq!(field(json!({ "kind": "reply", "text": "x", "to": [{ "address": "a@example.com" }, { "address": "nonsense" }] })), "to[1].address");
        assert_eq!(field(json!({ "kind": "reply", "text": "x", "to": [{ "address": "help@desk.example" }] })), "to", "our own inbox is no recipient");
        assert_eq!(field(json!({ "kind": "reply", "text": "x", "to": [{}] })), "to[0]");
        assert_eq!(field(json!({ "kind": "reply", "text": "x", "undo_seconds": 31 })), "undo_seconds");
        assert_eq!(field(json!({ "kind": "reply", "text": "x", "then": "dance" })), "then");
        assert_eq!(field(json!({ "kind": "reply", "text": "x", "attachments": ["att_00000000000000000000000000"] })), "attachments[0]");
        assert_eq!(field(json!({ "kind": "note", "text": "x", "mentions": [house.t.person("无名", &[]).person] })), "mentions[0]");
        assert_eq!(house.count("case_message"), 1, "nothing was stored");
        assert_eq!(house.count("outbox"), 0);
    });
}

#[test]
fn a_note_is_never_sent_and_who_is_mentioned_may_look() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let other = house.t.viewer("韩梅梅", vec![shouwen_kernel::Grant { permission: "case.read".into(), reach: shouwen_kernel::Reach::Own }]);
        house.know(&other, &[]);
        let case = house.case_of(house.mail(first()));
        assert_eq!(house.t.get(&other, &format!("/api/v1/cases/{case}")).status, 404);
        let note = house.t.post(&agent, &format!("/api/v1/cases/{case}/messages"), json!({ "kind": "note", "text": "@韩梅梅 请看", "mentions": [other.person] })).expect(201);
        assert_eq!(note["message"]["direction"], "note");
        assert!(note["undo"].is_null());
        assert_eq!(house.count("outbox"), 0);
        house.t.get(&other, &format!("/api/v1/cases/{case}")).expect(200);
        assert!(house.show(&case)["accountable"].is_null(), "a note is no answer");
        assert!(house.case_events().iter().any(|e| matches!(e, CaseEvent::MessageAdded(m) if m.direction == "note" && m.mentions == vec![other.person])));
    });
}

#[test]
fn a_forward_carries_the_whole_message_and_its_answer_comes_back_unverified() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(first()));
        let sent = house.t.post(&agent, &format!("/api/v1/cases/{case}/messages"), json!({ "kind": "forward", "text": "请协助", "to": [{ "address": "partner@other.example" }] })).expect(201);
        let out = house.outbound(sent["message"]["id"].as_str().unwrap());
        assert!(out["subject"].as_str().unwrap().starts_with("Fwd: ") && out["text"].as_str().unwrap().contains("从昨晚开始不能上网"));
        assert_eq!(house.show(&case)["conversations"][0]["participants"].as_array().unwrap().len(), 1);
        assert!(house.show(&case)["first_response_at"].is_null(), "a forward answers nobody");
        let back = house.mail(Mail { from: "partner@other.example", subject: "Re: Fwd", text: "看到了", token: Some(house.conversation(&case)), ..Mail::default() });
        assert_eq!(house.case_of(back), case);
        assert_eq!(house.messages(&case)[2]["verified"], false);
    });
}

#[test]
fn ux10_drafts_survive_and_two_devices_do_not_overwrite_each_other() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(first()));
        let path = format!("/api/v1/cases/{case}/drafts/reply");
        let one = house.t.put(&agent, &path, json!({ "text": "写了一半", "version": null })).expect(200);
        let two = house.t.put(&agent, &path, json!({ "text": "写了更多", "version": one["version"] })).expect(200);
        let stale = house.t.put(&agent, &path, json!({ "text": "另一台", "version": one["version"] }));
        assert_eq!(stale.status, 409);
        assert_eq!(stale.json()["error"]["detail"]["current"]["text"], "写了更多");
        house.t.put(&agent, &format!("/api/v1/cases/{case}/drafts/note"), json!({ "text": "备注" })).expect(200);
        let drafts = house.t.get(&agent, &format!("/api/v1/cases/{case}/drafts")).expect(200);
        assert_eq!((drafts.as_array().unwrap().len(), &drafts[0]["version"]), (2, &two["version"]));
        assert!(house.t.get(&house.admin, &format!("/api/v1/cases/{case}/drafts")).expect(200).as_array().unwrap().is_empty(), "drafts are their author's");
        assert_eq!(house.t.put(&agent, &format!("/api/v1/cases/{case}/drafts/poem"), json!({ "text": "x" })).status, 404);
        house.t.delete(&agent, &path).expect(204);
        assert_eq!(house.t.get(&agent, &format!("/api/v1/cases/{case}/drafts")).expect(200).as_array().unwrap().len(), 1);
    });
}

#[test]
fn a_failed_message_is_tried_again_also_after_a_bounce() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(first()));
        let sent = house.t.post(&agent, &format!("/api/v1/cases/{case}/messages"), json!({ "kind": "reply", "text": "您好", "undo_seconds": 0 })).expect(201);
        let id = sent["message"]["id"].as_str().unwrap().to_owned();
        let retry = format!("/api/v1/messages/{id}/retry");
        assert_eq!(house.t.post(&agent, &retry, json!({})).code(), "message.not_failed");
        house.t.db.write_blocking(|tx| tx.execute("UPDATE outbox SET state = 'sent'", shouwen_store::params![])).unwrap();
        house.delivered(&id, "sent", Some("w1@desk.example"));
        house.delivered(&id, "bounced", None);
        assert_eq!(house.messages(&case)[1]["state"], "failed");
        assert_eq!(house.messages(&case)[1]["error"], "bounced words");
        let again = house.t.post(&agent, &retry, json!({})).expect(200);
        assert_eq!(again["message"]["state"], "queued");
        let anew = again["message"]["id"].as_str().unwrap().to_owned();
        assert_ne!(anew, id, "what came back is sent as a new message");
        let due = house.t.db.write_blocking(|tx| tx.claim_effects("email.send", 10, 60)).unwrap();
        assert_eq!((due.len(), &due[0].payload["message_id"]), (1, &json!(anew)));
        assert_eq!(house.messages(&case).iter().map(|m| m["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>(), ["received", "failed", "queued"]);
        // One that never left is tried again as it is.
        house.t.db.write_blocking(|tx| tx.execute("UPDATE outbox SET state = 'dead', lease_until = 0 WHERE state = 'sending'", shouwen_store::params![])).unwrap();
        house.delivered(&anew, "failed", None);
        assert_eq!(house.t.post(&agent, &format!("/api/v1/messages/{anew}/retry"), json!({})).expect(200)["message"]["id"], anew.as_str());
        assert_eq!(house.t.db.write_blocking(|tx| tx.claim_effects("email.send", 10, 60)).unwrap().len(), 1);
    });
}
