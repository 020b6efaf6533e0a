//! Whoever is named in a conversation by hand is found in the register, or put there, once.

use shouwen_contracts::casework::{CaseEvent, ParticipantAddress, ParticipantJoined};
use shouwen_contracts::channel::{ChannelEvent, InboxDeleted, InboxSaved};
use shouwen_contracts::customers::{CustomerEvent, Matched};
use shouwen_crypt::AddressKind;
use shouwen_kernel::{ConversationId, ObjectId};
use shouwen_store::{Ctx, params};
use shouwen_testkit::on_both;

use crate::*;

fn address(app: &TestApp, kind: AddressKind, value: &str) -> ParticipantAddress {
    let keys = app.app.keys();
    let normal = kind.normal(value).unwrap();
    let party = Party { name: String::new(), address: keys.seal_address(app.app.ids(), &normal).unwrap(), index: keys.address_index(kind, &normal) };
    ParticipantAddress { participant_id: some::<ObjectId>(app), kind: kind.name().into(), party }
}

fn joined(app: &TestApp, name: &str, inbox: Option<InboxId>, addresses: Vec<ParticipantAddress>) -> ParticipantJoined {
    ParticipantJoined { case_id: some(app), conversation_id: some::<ConversationId>(app), name: name.into(), addresses, inbox_id: inbox, language: Some("zh".into()) }
}

fn matched(app: &TestApp) -> Vec<Matched> {
    app.events::<CustomerEvent>().into_iter().filter_map(|e| if let CustomerEvent::Matched(m) = e { Some(m) } else { None }).collect()
}

fn say(app: &TestApp, event: ParticipantJoined) {
    tell(app, event.case_id, event.clone());
}

#[test]
fn somebody_named_by_hand_is_created_once_with_all_their_addresses() {
    on_both(modules, |app| {
        let who = app.admin();
        let both = vec![address(&app, AddressKind::Email, "zhao@example.com"), address(&app, AddressKind::Phone, "13800138000")];
        let participants: Vec<_> = both.iter().map(|a| a.participant_id).collect();
        say(&app, joined(&app, "赵六", None, both));
        let told = matched(&app);
        assert_eq!(told.iter().map(|m| m.participant_id).collect::<Vec<_>>(), participants, "one for each address");
        assert_eq!(told[0].customer_id, told[1].customer_id, "who has both is one person");
        assert_eq!(told[0].name, "赵六");
        let shown = app.get(&who, &format!("/api/v1/customers/{}", told[0].customer_id)).expect(200);
        let masked: Vec<&str> = shown["identities"].as_array().unwrap().iter().map(|i| i["masked"].as_str().unwrap()).collect();
        assert_eq!(masked, ["z***@example.com", "138****8000"]);
        assert_eq!(app.events::<CustomerEvent>().iter().filter(|e| matches!(e, CustomerEvent::Saved(_))).count(), 1, "others hear of the name");
        // Named again, or writing themselves: the same.
        say(&app, joined(&app, "赵先生", None, vec![address(&app, AddressKind::Phone, "+86 138 0013 8000")]));
        arrive(&app, "赵六", "Zhao@example.com");
        assert_eq!(matched(&app)[2].customer_id, told[0].customer_id);
        assert_eq!(matched(&app)[2].name, "赵六", "an agent's spelling does not rename them");
        assert_eq!(app.get(&who, "/api/v1/customers").expect(200)["items"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn a_known_address_brings_the_other_and_anothers_stays_theirs() {
    on_both(modules, |app| {
        let who = app.admin();
        let a = app.post(&who, "/api/v1/customers", json!({ "name": "甲", "email": "a@example.com" })).expect(201);
        let b = app.post(&who, "/api/v1/customers", json!({ "name": "乙", "phone": "13900139000" })).expect(201);
        say(&app, joined(&app, "甲某", None, vec![address(&app, AddressKind::Phone, "13700137000"), address(&app, AddressKind::Email, "a@example.com")]));
        assert!(matched(&app).iter().all(|m| m.customer_id.to_string() == id(&a)), "the new number is theirs whose address is known");
        assert_eq!(app.get(&who, "/api/v1/customers?q=13700137000").expect(200)["items"][0]["id"], a["id"]);
        say(&app, joined(&app, "谁", None, vec![address(&app, AddressKind::Email, "a@example.com"), address(&app, AddressKind::Phone, "13900139000")]));
        let told = matched(&app);
        assert_eq!((told[2].customer_id.to_string(), told[3].customer_id.to_string()), (id(&a).to_owned(), id(&b).to_owned()), "two people are not merged by a form");
        // A part leads to the whole.
        app.post(&who, &format!("/api/v1/customers/{}/merge", id(&a)), json!({ "into": b["id"] })).expect(200);
        say(&app, joined(&app, "", None, vec![address(&app, AddressKind::Email, "a@example.com")]));
        assert_eq!(matched(&app)[4].customer_id.to_string(), id(&b));
        // A nameless one learns a name.
        arrive(&app, "", "late@example.com");
        say(&app, joined(&app, "晚来", None, vec![address(&app, AddressKind::Email, "late@example.com")]));
        assert_eq!(matched(&app)[5].name, "晚来");
    });
}

#[test]
fn two_at_once_give_one() {
    on_both(modules, |app| {
        let events: Vec<_> = (0..40).map(|i| joined(&app, "同一个", None, vec![address(&app, AddressKind::Email, &format!("same{}@example.com", i % 4))])).collect();
        let mails: Vec<_> = (0..40).map(|i| received(&app, "同一个", &format!("same{}@example.com", i % 4))).collect();
        let ctx = app.system();
        app.db
            .write_blocking(move |tx| {
                for (event, mail) in events.iter().zip(&mails) {
                    tx.emit::<CaseEvent>(&ctx, Some(event.case_id.0), None, event.clone())?;
                    tx.emit::<ChannelEvent>(&ctx, Some(mail.message_id.0), None, ChannelEvent::Received(mail.clone()))?;
                }
                Ok(())
            })
            .unwrap();
        app.settle();
        // Two nodes, and in each both subscriptions at work.
        let runners: Vec<_> = modules()[0]
            .subscriptions
            .iter()
            .chain(&modules()[0].subscriptions)
            .map(|subscription| {
                let (db, subscription) = (app.db.clone(), *subscription);
                std::thread::spawn(move || {
                    for _ in 0..10 {
                        db.write_blocking(move |tx| subscription.step(tx, shouwen_store::Park::No)).unwrap();
                    }
                })
            })
            .collect();
        runners.into_iter().for_each(|r| r.join().unwrap());
        app.drain();
        let (customers, identities): (i64, i64) = app.db.read_blocking(|tx| tx.one("SELECT (SELECT count(*) FROM customer_record), (SELECT count(*) FROM customer_identity)", params![])).unwrap();
        assert_eq!((customers, identities), (4, 4));
        assert_eq!(matched(&app).len(), 40);
    });
}

#[test]
fn who_writes_to_an_inbox_belongs_to_its_unit() {
    on_both(modules, |app| {
        let (north, inbox, other): (_, InboxId, InboxId) = (unit(&app, "华北"), some(&app), some(&app));
        for (id, unit) in [(inbox, Some(north)), (other, None)] {
            let saved = InboxSaved {
                inbox_id: id,
                channel: "email".into(),
                name: "客服".into(),
                address: format!("{id}@desk.example"),
                active: true,
                team_id: None,
                org_unit_id: unit,
                signature: String::new(),
                default_language: "zh".into(),
            };
            app.emit(Some(id), None, ChannelEvent::InboxSaved(saved));
        }
        let write = |address: &str, to: InboxId| {
            let mut mail = received(&app, "客", address);
            mail.inbox_id = to;
            app.emit(Some(mail.message_id), None, ChannelEvent::Received(mail));
        };
        write("n@example.com", inbox);
        write("x@example.com", other);
        write("n@example.com", other);
        say(&app, joined(&app, "手工", Some(inbox), vec![address(&app, AddressKind::Email, "hand@example.com")]));
        let admin = app.admin();
        let home = |q: &str| app.get(&admin, &format!("/api/v1/customers?q={q}")).expect(200)["items"][0]["org_unit_id"].clone();
        assert_eq!((home("n@example.com"), home("x@example.com"), home("hand@example.com")), (json!(north), json!(null), json!(north)));
        app.emit(Some(inbox), None, ChannelEvent::InboxDeleted(InboxDeleted { inbox_id: inbox }));
        write("late@example.com", inbox);
        assert_eq!(home("late@example.com"), json!(null));
        assert_eq!(home("n@example.com"), json!(north), "what they have they keep");
        app.assert_rebuilds(|tx| tx.all::<(InboxId, Option<OrgUnitId>)>("SELECT id, org_unit_id FROM customer_inbox ORDER BY id", params![]));
    });
}

#[test]
fn who_named_them_made_them() {
    on_both(modules, |app| {
        let agent = app.viewer("坐席", vec![shouwen_kernel::Grant { permission: "customer.read".into(), reach: shouwen_kernel::Reach::Own }]);
        let event = joined(&app, "赵六", None, vec![address(&app, AddressKind::Email, "zhao@example.com")]);
        let ctx = Ctx { workspace: app.workspace, actor: agent.actor(), ip: None };
        app.db.write_blocking(move |tx| tx.emit::<CaseEvent>(&ctx, Some(event.case_id.0), None, event.clone())).unwrap();
        app.drain();
        assert_eq!(app.get(&agent, "/api/v1/customers").expect(200)["items"][0]["name"], "赵六");
        assert_eq!(audits(&app)[0].0, "customer.created");
    });
}
