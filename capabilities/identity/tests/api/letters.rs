use serde_json::{Value as Json, json};
use shouwen_contracts::channel::{ChannelEvent, InboxDeleted, InboxSaved};
use shouwen_contracts::message::{Content, Outbound};
use shouwen_contracts::wish::{LetterEvent, LetterWish};
use shouwen_kernel::{InboxId, PersonId};
use shouwen_store::params;
use shouwen_testkit::TestApp;

use crate::house::on_both;

fn outbox(t: &TestApp) -> Vec<Outbound> {
    let rows: Vec<(Json,)> = t.db.read_blocking(|tx| tx.all("SELECT payload FROM outbox WHERE kind = 'email.send' ORDER BY id", params![])).unwrap();
    rows.into_iter().map(|row| serde_json::from_value(row.0).unwrap()).collect()
}

fn skipped(t: &TestApp) -> Vec<String> {
    let rows: Vec<(String,)> = t.db.read_blocking(|tx| tx.all("SELECT skipped FROM identity_letter WHERE skipped IS NOT NULL ORDER BY skipped", params![])).unwrap();
    rows.into_iter().map(|row| row.0).collect()
}

fn inbox(t: &TestApp, team: Option<shouwen_kernel::TeamId>, active: bool) -> InboxId {
    let inbox_id: InboxId = t.app.ids().next(t.app.clock());
    save(t, inbox_id, team, active);
    inbox_id
}

fn save(t: &TestApp, inbox_id: InboxId, team_id: Option<shouwen_kernel::TeamId>, active: bool) {
    let saved = InboxSaved { inbox_id, channel: "email".into(), name: "客服".into(), address: "service@example.com".into(), active, team_id, org_unit_id: None, signature: String::new(), default_language: "zh".into() };
    t.emit::<ChannelEvent>(Some(inbox_id), None, saved.into());
}

fn wish(t: &TestApp, source: &str, people: &[PersonId]) {
    let content = Content { text: "请审核：https://desk.example.com/r/abc".into(), html: Some("<p>请审核</p>".into()), ..Content::default() };
    let body = t.db.write_blocking(move |tx| tx.put_blob(&serde_json::to_vec(&content)?)).unwrap();
    t.emit::<LetterEvent>(None::<PersonId>, None, LetterWish { source: source.into(), people: people.to_vec(), subject: "待审：赔付\r\nBcc: x@example.com".into(), body }.into());
}

#[test]
fn a_wished_letter_leaves_once_for_each_person_and_source() {
    on_both(|house| {
        let admin = house.set_up(true);
        let person = |email: &str| -> PersonId { admin.post("/people", json!({ "name": "吴芳", "email": email })).expect(201)["id"].as_str().unwrap().parse().unwrap() };
        let (one, two) = (person("one@example.com"), person("two@example.com"));
        house.t.drain();
        let t = &house.t;
        wish(t, "review:1:1", &[one]);
        assert_eq!((outbox(t).len(), skipped(t)), (0, vec!["no_inbox".to_owned()]), "no inbox: skipped with the reason");
        let team = admin.get("/teams").expect(200)["items"][0]["id"].as_str().unwrap().parse().unwrap();
        inbox(t, Some(team), true);
        let general = inbox(t, None, true);
        inbox(t, None, false);
        wish(t, "review:1:2", &[one, two, one]);
        wish(t, "review:1:2", &[two, one]);
        let mails = outbox(t);
        assert_eq!(mails.len(), 2, "told twice, sent once");
        assert!(mails.iter().all(|mail| mail.inbox_id == general && mail.conversation_id.is_none() && mail.automatic && mail.to.len() == 1 && mail.text.contains("https://") && mail.html.is_some()));
        assert!(!mails[0].subject.contains(['\r', '\n']), "a subject is one line");
        let mut to: Vec<String> = mails.iter().map(|mail| house.app.keys().open_address(&mail.to[0].address).unwrap()).collect();
        to.sort();
        assert_eq!(to, ["one@example.com", "two@example.com"]);
        let unknown: PersonId = t.app.ids().next(t.app.clock());
        wish(t, "review:1:3", &[unknown]);
        assert_eq!(outbox(t).len(), 2);
        t.emit::<ChannelEvent>(Some(general), None, InboxDeleted { inbox_id: general }.into());
        wish(t, "review:1:4", &[one]);
        assert_ne!(outbox(t).last().unwrap().inbox_id, general);
        t.assert_rebuilds(|tx| tx.all::<(InboxId, bool)>("SELECT inbox_id, general FROM identity_inbox ORDER BY inbox_id", params![]));
    });
}

#[test]
fn an_invitation_is_mailed_when_there_is_an_inbox_and_its_link_shown_all_the_same() {
    on_both(|house| {
        let admin = house.set_up(true);
        let id = admin.post("/people", json!({ "name": "吴芳", "email": "wu@example.com" })).expect(201)["id"].as_str().unwrap().to_owned();
        let first = admin.post(&format!("/people/{id}/invitation"), Json::Null).expect(201);
        assert_eq!((first["mailed"].as_bool(), outbox(&house.t).len()), (Some(false), 0));
        house.t.drain();
        inbox(&house.t, None, true);
        let second = admin.post(&format!("/people/{id}/invitation"), Json::Null).expect(201);
        let mails = outbox(&house.t);
        assert_eq!((second["mailed"].as_bool(), mails.len()), (Some(true), 1));
        assert!(mails[0].text.contains(second["link"].as_str().unwrap()) && mails[0].subject.contains("南山水务"));
    });
}
