use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use serde_json::json;
use shouwen_contracts::identity::{IdentityEvent, TeamSaved};
use shouwen_kernel::TeamId;
use shouwen_testkit::{TestApp, on_both};
use shouwen_web::Module;

fn modules() -> Vec<Module> {
    vec![shouwen_integrations::module()]
}

/// A receiver that answers each request in turn with one of `answers` and hands the request over.
fn receiver(answers: Vec<&'static str>) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = String::new();
            let mut buffer = [0u8; 4096];
            loop {
                let n = stream.read(&mut buffer).unwrap();
                text.push_str(&String::from_utf8_lossy(&buffer[..n]));
                let Some(at) = text.find("\r\n\r\n") else { continue };
                let length: usize = text.to_lowercase().split("content-length: ").nth(1).and_then(|t| t.split("\r\n").next()?.parse().ok()).unwrap_or(0);
                if text.len() >= at + 4 + length || n == 0 {
                    break;
                }
            }
            write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").unwrap();
            sender.send(text).unwrap();
        }
    });
    (port, requests)
}

/// Carries out what is due in the outbox, once.
fn carry_out(t: &TestApp) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let handler = (shouwen_integrations::module().effects)(&t.app).remove(0);
    let kind = handler.kind;
    let items = t.db.write_blocking(move |tx| tx.claim_effects(kind, 10, 30)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for item in items {
        let outcome = runtime.block_on((handler.run)(item.clone()));
        let handler = handler.clone();
        t.db.write_blocking(move |tx| tx.settle_effect(&handler, &item, &outcome)).unwrap();
    }
}

#[test]
fn an_event_arrives_signed_is_retried_with_the_same_id_and_can_be_replayed() {
    on_both(modules, |t| {
        let (port, requests) = receiver(vec!["500 Broken", "200 OK", "200 OK"]);
        let admin = t.admin();
        let hook = t.post(&admin, "/api/v1/webhooks", json!({"name": "ERP", "url": format!("http://127.0.0.1:{port}/hook"), "kinds": ["team.*"]})).expect(201);
        let secret = hook["secret"].as_str().unwrap().to_owned();
        let team_id: TeamId = t.app.ids().next(t.app.clock());
        t.emit::<IdentityEvent>(Some(team_id), None, TeamSaved { team_id, name: "宽带组".into(), org_unit_id: None, skills: vec![] }.into());
        carry_out(&t);
        let first = requests.recv().unwrap();
        let log = format!("/api/v1/webhooks/{}/deliveries", hook["id"].as_str().unwrap());
        assert_eq!(t.get(&admin, &log).expect(200)["items"][0]["state"], "retrying");
        t.clock.advance(3600);
        carry_out(&t);
        let second = requests.recv().unwrap();
        let header = |text: &str, name: &str| text.lines().find_map(|l| l.strip_prefix(&format!("{name}: ")).map(str::to_owned)).unwrap();
        assert_eq!(header(&first, "webhook-id"), header(&second, "webhook-id"));
        let (_, body) = second.split_once("\r\n\r\n").unwrap();
        let signed = format!("{}.{}.{body}", header(&second, "webhook-id"), header(&second, "webhook-timestamp"));
        let expected = shouwen_crypt::Keys::hmac(secret.as_bytes(), signed.as_bytes());
        use base64::Engine;
        assert_eq!(header(&second, "webhook-signature"), format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(expected)));
        assert!(body.contains("宽带组"));
        let delivered = t.get(&admin, &log).expect(200)["items"][0].clone();
        assert_eq!((delivered["state"].as_str(), delivered["attempts"].as_i64(), delivered["status"].as_i64()), (Some("delivered"), Some(2), Some(200)));
        t.post(&admin, &format!("/api/v1/deliveries/{}/replay", delivered["id"].as_str().unwrap()), json!({})).expect(202);
        carry_out(&t);
        assert!(requests.recv().unwrap().contains("replay_of"));
    });
}

#[test]
fn sec_private_hosts_are_refused_at_sending_and_the_reason_is_shown() {
    on_both(modules, |t| {
        let admin = t.admin();
        let hook = t.post(&admin, "/api/v1/webhooks", json!({"name": "x", "url": "http://169.254.169.254/latest", "kinds": ["*"]})).expect(201);
        let path = format!("/api/v1/webhooks/{}", hook["id"].as_str().unwrap());
        t.post(&admin, &format!("{path}/test"), json!({})).expect(202);
        carry_out(&t);
        let delivery = t.get(&admin, &format!("{path}/deliveries")).expect(200)["items"][0].clone();
        assert_eq!(delivery["state"], "failed");
        assert!(delivery["answer"].as_str().unwrap().contains("private"), "{delivery}");
        let dead = t.get(&admin, "/api/v1/outbox").expect(200);
        assert_eq!(dead["items"].as_array().unwrap().len(), 1);
        t.post(&admin, &format!("/api/v1/outbox/{}/retry", dead["items"][0]["id"].as_str().unwrap()), json!({})).expect(204);
        assert_eq!(t.get(&admin, "/api/v1/outbox?state=pending").expect(200)["items"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn bad_input_names_the_field_and_secrets_are_shown_once() {
    on_both(modules, |t| {
        let admin = t.admin();
        let send = |body: serde_json::Value| t.post(&admin, "/api/v1/webhooks", body).json();
        assert_eq!(send(json!({"name": "x", "url": "ftp://a", "kinds": ["*"]}))["error"]["field"], "url");
        assert_eq!(send(json!({"name": "x", "url": "https://a.example", "kinds": ["case.exploded"]}))["error"]["field"], "kinds[0]");
        assert_eq!(send(json!({"name": "", "url": "https://a.example", "kinds": ["*"]}))["error"]["field"], "name");
        send(json!({"name": "x", "url": "https://a.example", "kinds": ["*"]}));
        assert!(t.get(&admin, "/api/v1/webhooks").expect(200)[0].get("secret").is_none());
        t.get(&t.person("坐席", &[]), "/api/v1/webhooks").expect(403);
        t.get(&t.person("坐席", &["webhook.manage"]), "/api/v1/outbox").expect(403);
    });
}

#[test]
fn a_rule_tells_a_registered_webhook_once_and_a_wrong_name_is_refused_with_the_right_ones() {
    use shouwen_contracts::casework::CaseEvent;
    use shouwen_contracts::wish::{ActionWish, WishEvent};
    use shouwen_kernel::CaseId;
    on_both(modules, |t| {
        let admin = t.admin();
        let hook = t.post(&admin, "/api/v1/webhooks", json!({"name": "ERP", "url": "https://erp.example.com/hook", "kinds": ["team.saved"]})).expect(201);
        let case: CaseId = t.app.ids().next(t.app.clock());
        let wish = |source: &str, named: &str| {
            let wish = ActionWish { source: source.into(), case_id: case, action: json!({"do": "webhook", "hook": named}), reason: "升级".into(), chain: vec!["escalate".into()] };
            t.emit::<WishEvent>(Some(case), None, wish.into());
        };
        wish("rule:1:1.0", "erp");
        wish("rule:1:1.0", "erp");
        let log = format!("/api/v1/webhooks/{}/deliveries", hook["id"].as_str().unwrap());
        let deliveries = t.get(&admin, &log).expect(200);
        assert_eq!((deliveries["items"].as_array().unwrap().len(), deliveries["items"][0]["kind"].as_str()), (1, Some("rule.fired")), "told twice, sent once");
        let waiting = t.get(&admin, "/api/v1/outbox?state=pending").expect(200);
        assert_eq!(waiting["items"][0]["about"]["webhook"], "ERP");
        wish("rule:1:2.0", "http://169.254.169.254/");
        let refused: Vec<_> = t.events::<CaseEvent>().into_iter().filter_map(|event| if let CaseEvent::WishRefused(refused) = event { Some(refused) } else { None }).collect();
        assert_eq!((refused.len(), refused[0].problem["expected"].as_str()), (1, Some("ERP")), "a rule names no address");
        assert_eq!(t.get(&admin, &log).expect(200)["items"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn the_outbox_names_case_subject_and_masked_recipients_of_a_mail() {
    use shouwen_contracts::casework::{CaseEvent, MessageAdded, Opened};
    use shouwen_contracts::message::{EMAIL_OUTBOX, Outbound, Party};
    use shouwen_kernel::{CaseId, ConversationId, InboxId, MessageId};
    on_both(modules, |t| {
        let admin = t.admin();
        let (case_id, message_id): (CaseId, MessageId) = (t.app.ids().next(t.app.clock()), t.app.ids().next(t.app.clock()));
        let at = t.app.clock().now();
        let opened = Opened {
            case_id, number: "2026-000042".into(), case_type: "request".into(), title: "断网".into(), priority: "normal".into(), stage: "accepted".into(), status: "open".into(), channel: "email".into(), inbox_id: None,
            customer_id: None, customer_name: None, region: None, tier: None, org_unit_id: None, team_id: None, assignee_id: None, accountable_id: None, tags: vec![], language: None, opened_at: at,
        };
        t.emit::<CaseEvent>(Some(case_id), None, opened.into());
        let added = MessageAdded {
            case_id, conversation_id: ConversationId::NIL, message_id, direction: "out".into(), author_id: None, author_name: "a".into(), preview: "p".into(), content: String::new(), at, auto: false, verified: true, mentions: vec![], files: vec![],
        };
        t.emit::<CaseEvent>(Some(case_id), None, added.into());
        let workspace = t.workspace;
        t.db.write_blocking(move |tx| {
            let to = Party { name: "李雷".into(), address: tx.keys().seal_address(tx.ids(), "li.lei@example.com")?, index: tx.keys().email_index("li.lei@example.com") };
            let mail = Outbound {
                message_id, inbox_id: InboxId::NIL, conversation_id: None, to: vec![to], cc: vec![], bcc: vec![], subject: "Re: 断网".into(), text: "好".into(), html: None, attachments: vec![], references: vec![], from_name: String::new(),
                automatic: false, queued_at: tx.now(),
            };
            tx.enqueue(workspace, EMAIL_OUTBOX, "m1", &mail, None).map(|_| ())
        })
        .unwrap();
        let shown = t.get(&admin, "/api/v1/outbox?state=pending").expect(200)["items"][0]["about"].clone();
        assert_eq!((shown["number"].as_str(), shown["subject"].as_str(), shown["to"][0].as_str(), shown["case_id"].as_str()), (Some("2026-000042"), Some("Re: 断网"), Some("l***@example.com"), Some(case_id.to_string().as_str())));
    });
}
