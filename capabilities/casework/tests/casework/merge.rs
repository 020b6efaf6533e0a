//! Merge, unmerge, split: nothing is lost on the way there or back.

use serde_json::json;
use shouwen_contracts::casework::CaseEvent;
use shouwen_testkit::on_both;

use crate::common::{House, Mail, modules};

fn mail(n: &str, text: &'static str) -> Mail {
    Mail { from: "zhang@customer.example", subject: "宽带断了", text, wire_id: Some(format!("{n}@customer.example")), ..Mail::default() }
}

#[test]
fn ux38_merge_and_unmerge_leave_equal_message_counts() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let one = house.case_of(house.mail(mail("a1", "断了")));
        let two = house.case_of(house.mail(mail("b1", "还是断的")));
        house.reply(&agent, &one, "在查");
        house.t.post(&agent, &format!("/api/v1/cases/{one}/messages"), json!({ "kind": "note", "text": "备注" })).expect(201);
        let thread = house.conversation(&one);
        let before = (house.messages(&one).len(), house.messages(&two).len());
        assert_eq!(before, (3, 1));
        let merged = house.t.post(&agent, &format!("/api/v1/cases/{one}/merge"), json!({ "into": two })).expect(200);
        assert_eq!(merged["case"]["id"], two.as_str());
        assert_eq!((house.messages(&one).len(), house.messages(&two).len()), (0, 4));
        let shown = house.show(&one);
        assert_eq!((&shown["merged_into"]["id"], &shown["status"]), (&json!(two), &json!("closed")));
        assert!(!house.case_events().iter().any(|e| matches!(e, CaseEvent::Closed(_))), "a merge asks nobody how it was");
        // The customer's next answer lands in the case that goes on, and work on the merged one is refused with a pointer.
        assert_eq!(house.case_of(house.mail(Mail { token: Some(thread), ..mail("a2", "好了吗") })), two);
        let refused = house.t.post(&agent, &format!("/api/v1/cases/{one}/messages"), json!({ "kind": "note", "text": "x" }));
        assert_eq!((refused.code().as_str(), &refused.json()["error"]["detail"]["merged_into"]), ("case.merged", &json!(two)));
        assert_eq!(house.t.post(&agent, &format!("/api/v1/cases/{one}/merge"), json!({ "into": two })).code(), "case.merged");
        let back = house.t.delete(&agent, merged["undo"]["path"].as_str().unwrap()).expect(200);
        assert_eq!((&back["case"]["status"], &back["case"]["merged_into"]), (&json!("open"), &json!(null)));
        assert_eq!((house.messages(&one).len(), house.messages(&two).len()), (4, 1), "what came since belongs to the thread it came in");
        assert_eq!(house.t.delete(&agent, merged["undo"]["path"].as_str().unwrap()).code(), "case.not_merged");
        assert_eq!(house.show(&two)["links"], json!([]));
    });
}

#[test]
fn an_open_matter_does_not_disappear_in_a_closed_case() {
    on_both(modules, |t| {
        let house = House::new(t);
        let one = house.case_of(house.mail(mail("a1", "断了")));
        let two = house.case_of(house.mail(mail("b1", "旧事")));
        house.t.post(&house.admin, &format!("/api/v1/cases/{two}/closure"), json!({ "resolution": { "code": "solved" } })).expect(200);
        assert_eq!(house.t.post(&house.admin, &format!("/api/v1/cases/{one}/merge"), json!({ "into": two })).code(), "case.already_closed");
        assert_eq!(house.t.post(&house.admin, &format!("/api/v1/cases/{one}/merge"), json!({ "into": one })).json()["error"]["field"], "into");
    });
}

#[test]
fn split_messages_get_their_own_case_and_answers_to_them_follow() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(mail("a1", "断了")));
        let thread = house.conversation(&case);
        let second = house.mail(Mail { token: Some(thread), ..mail("a2", "另外账单也不对") });
        house.t.clock.advance(5);
        house.reply(&agent, &case, "网络在查");
        let split = house.t.post(&agent, &format!("/api/v1/cases/{case}/split"), json!({ "message_ids": [second], "title": "账单不对" })).expect(201);
        let new = split["case"]["id"].as_str().unwrap().to_owned();
        assert_eq!((&split["case"]["title"], &split["case"]["accountable"]["name"], &split["case"]["customer"]["name"]), (&json!("账单不对"), &json!("王小明"), &json!("zhang")));
        assert_eq!((house.messages(&case).len(), house.messages(&new).len()), (2, 1));
        // Who answers the moved mail (with the old thread's token) is where the mail is now.
        let follow = house.mail(Mail { token: Some(thread), in_reply_to: vec!["a2@customer.example".into()], ..mail("a3", "关于账单") });
        assert_eq!(house.case_of(follow), new);
        let stay = house.mail(Mail { token: Some(thread), in_reply_to: vec!["a1@customer.example".into()], ..mail("a4", "关于网络") });
        assert_eq!(house.case_of(stay), case);
        let all: Vec<_> = house.messages(&new).iter().map(|m| m["id"].clone()).collect();
        assert_eq!(house.t.post(&agent, &format!("/api/v1/cases/{new}/split"), json!({ "message_ids": all, "title": "x" })).json()["error"]["field"], "message_ids", "something must be left");
        assert_eq!(house.t.post(&agent, &format!("/api/v1/cases/{case}/split"), json!({ "message_ids": [second], "title": "x" })).json()["error"]["field"], "message_ids[0]");
        let undo = &split["undo"];
        house.t.post(&agent, undo["path"].as_str().unwrap(), undo["body"].clone()).expect(200);
        assert_eq!((house.messages(&case).len(), house.messages(&new).len()), (5, 0));
        let whole = house.t.get(&agent, &format!("/api/v1/cases/{case}")).expect(200);
        assert_eq!(whole["links"], json!([]), "a split taken back leaves no link");
    });
}
