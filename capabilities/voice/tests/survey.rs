//! Ask, answer once, comment once; on both databases.

use shouwen_contracts::casework::{CaseEvent, Closed, MessageAdded, Opened, Reopened};
use shouwen_contracts::channel::{ChannelEvent, Received};
use shouwen_contracts::message::Party;
use shouwen_contracts::voice::VoiceEvent;
use shouwen_kernel::{Access, CaseId, ConversationId, InboxId, MessageId, TeamId};
use shouwen_store::params;
use shouwen_testkit::{START, TestApp, on_both};
use shouwen_web::Module;

fn modules() -> Vec<Module> {
    vec![shouwen_voice::module()]
}

struct World {
    t: TestApp,
    case: CaseId,
    conversation: ConversationId,
    team: TeamId,
}

impl World {
    fn new(t: TestApp, auto: Option<&str>) -> Self {
        let ids = t.app.ids();
        let (case, conversation, team) = (CaseId(ids.uuid(START)), ConversationId(ids.uuid(START)), TeamId(ids.uuid(START)));
        let (message_id, inbox_id) = (MessageId(ids.uuid(START)), InboxId(ids.uuid(START)));
        let w = Self { t, case, conversation, team };
        let party = Party { name: "李雷".into(), address: "s1.sealed".into(), index: "abc".into() };
        w.t.emit::<ChannelEvent>(
            None::<CaseId>,
            None,
            Received {
                message_id, inbox_id, channel: "email".into(), from: party, reply_to: None, to: vec![], cc: vec![], received_at: START, sent_at: None, preview: "断网了".into(), subject: "断网".into(),
                content: String::new(), raw: String::new(), attachments: vec![], wire_id: Some("a@example.com".into()), in_reply_to: vec![], references: vec![], token: None, auto: auto.map(str::to_owned),
                bounce_of: None, language: Some("zh".into()),
            }
            .into(),
        );
        w.tell(Opened {
            case_id: case, number: "2026-000001".into(), case_type: "request".into(), title: "断网<script>".into(), priority: "normal".into(), stage: "accepted".into(), status: "open".into(), channel: "email".into(),
            inbox_id: Some(inbox_id), customer_id: None, customer_name: None, region: None, tier: None, org_unit_id: None, team_id: Some(team), assignee_id: None, accountable_id: None, tags: vec![],
            language: Some("zh".into()), opened_at: START,
        });
        w.tell(MessageAdded {
            case_id: case, conversation_id: conversation, message_id, direction: "in".into(), author_id: None, author_name: "李雷".into(), preview: "断网了".into(), content: String::new(), at: START, auto: auto.is_some(),
            verified: true, mentions: vec![], files: vec![],
        });
        w
    }
    fn tell(&self, event: impl Into<CaseEvent>) {
        self.t.emit::<CaseEvent>(Some(self.case), Some(Access { team: Some(self.team), ..Access::default() }), event.into());
    }
    fn close(&self, resolution: &str) {
        self.tell(Closed { case_id: self.case, resolution: resolution.into(), text: None, by: None, at: self.t.app.clock().now(), conversation_id: Some(self.conversation), ask: true });
    }
    fn letters(&self) -> Vec<serde_json::Value> {
        self.t.db.read_blocking(|tx| tx.all::<(serde_json::Value,)>("SELECT payload FROM outbox ORDER BY id", params![])).unwrap().into_iter().map(|row| row.0).collect()
    }
    /// The path of the link in the newest letter.
    fn path(&self) -> String {
        let text = self.letters().last().unwrap()["text"].as_str().unwrap().to_owned();
        let from = text.find("/s/").unwrap();
        text[from..from + 3 + 52].to_owned()
    }
    fn open(&self, path: &str) -> String {
        let reply = self.t.raw(axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap());
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.text
    }
    fn post(&self, path: &str, body: &str) -> String {
        let request = axum::http::Request::post(path).header("content-type", "application/x-www-form-urlencoded").body(axum::body::Body::from(body.to_owned())).unwrap();
        self.t.raw(request).text
    }
    fn answers(&self) -> usize {
        self.t.events::<VoiceEvent>().iter().filter(|e| matches!(e, VoiceEvent::Answered(_))).count()
    }
}

#[test]
fn ux_81_links_only_show_and_the_first_posted_answer_counts() {
    on_both(modules, |t| {
        let w = World::new(t, None);
        w.close("solved");
        assert!(w.letters().is_empty(), "the delay has not passed");
        w.t.advance(61);
        assert_eq!(w.letters().len(), 1);
        assert_eq!(w.letters()[0]["automatic"], true);
        let path = w.path();
        for _ in 0..5 {
            let html = w.open(&format!("{path}?score=5"));
            assert!(html.contains("value=\"5\" required checked") && !html.contains("<script>"), "{html}");
        }
        assert_eq!(w.answers(), 0, "a scanner that opens the link answers nothing");
        assert!(w.post(&path, "score=5&comment=").contains("已收到"));
        assert!(w.post(&path, "score=1&comment=").contains("第一次"));
        assert_eq!(w.answers(), 1);
        w.post(&path, "comment=%E5%BE%88%E5%BF%AB");
        let reader = w.t.person("经理", &["case.read", "survey.read"]);
        let survey = w.t.get(&reader, &format!("/api/v1/cases/{}/survey", w.case)).expect(200);
        assert_eq!((survey["score"].as_i64(), survey["comment"].as_str()), (Some(5), Some("很快")));
        assert_eq!(w.t.get(&reader, "/api/v1/surveys").expect(200)["items"].as_array().unwrap().len(), 1);
        w.t.get(&w.t.person("外人", &[]), &format!("/api/v1/cases/{}/survey", w.case)).expect(403);
    });
}

#[test]
fn links_expire_and_forged_ones_do_not_open() {
    on_both(modules, |t| {
        let w = World::new(t, None);
        w.close("solved");
        w.t.advance(61);
        let path = w.path();
        w.t.advance(15 * 86_400);
        assert!(w.post(&path, "score=5").contains("已过期"));
        assert_eq!(w.answers(), 0);
        let forged = format!("/s/{}", "0".repeat(52));
        assert_eq!(w.t.raw(axum::http::Request::get(&forged).body(axum::body::Body::empty()).unwrap()).status, 404);
    });
}

#[test]
fn reopened_cases_machines_and_spam_are_not_asked_and_the_reason_is_told() {
    on_both(modules, |t| {
        let w = World::new(t, None);
        w.close("solved");
        w.tell(Reopened { case_id: w.case, reason: "customer wrote".into(), at: w.t.app.clock().now() });
        w.t.advance(3600);
        assert!(w.letters().is_empty());
        w.close("spam");
        w.t.advance(3600);
        assert!(w.letters().is_empty());
        assert!(w.t.events::<VoiceEvent>().iter().any(|e| matches!(e, VoiceEvent::Skipped(s) if s.reason.contains("resolution"))));
    });
    on_both(modules, |t| {
        let w = World::new(t, Some("auto-replied"));
        w.close("solved");
        w.t.advance(3600);
        assert!(w.letters().is_empty());
    });
}
