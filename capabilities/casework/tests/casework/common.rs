//! A small house to test in: one inbox, two teams, some people, and mail that was already recognised.
#![allow(dead_code)]

use serde_json::{Value as Json, json};
use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::channel::{Delivery, InboxSaved, Received, ChannelEvent};
use shouwen_contracts::customers::{CustomerEvent, Recognised};
use shouwen_contracts::identity::{IdentityEvent, PersonSaved, TeamSaved};
use shouwen_contracts::message::{Content, Party};
use shouwen_kernel::*;
use shouwen_store::params;
use shouwen_testkit::TestApp;
use shouwen_web::{Module, Viewer};

pub fn modules() -> Vec<Module> {
    vec![shouwen_casework::module()]
}

/// A recognised mail, with the parts a test cares about.
#[derive(Clone, Default)]
pub struct Mail {
    pub from: &'static str,
    pub subject: &'static str,
    pub text: &'static str,
    pub wire_id: Option<String>,
    pub in_reply_to: Vec<String>,
    pub references: Vec<String>,
    pub token: Option<ConversationId>,
    pub auto: Option<&'static str>,
    pub bounce_of: Option<String>,
    pub cc: Vec<&'static str>,
    pub html: Option<&'static str>,
    pub inbox: Option<InboxId>,
    pub reply_to: Option<&'static str>,
    /// Name, content, and whether it is shown within the text.
    pub files: Vec<(&'static str, &'static [u8], bool)>,
}

pub struct House {
    pub t: TestApp,
    pub inbox: InboxId,
    pub team: TeamId,
    pub other_team: TeamId,
    pub unit: OrgUnitId,
    pub other_unit: OrgUnitId,
    pub admin: Viewer,
}

impl House {
    pub fn new(t: TestApp) -> Self {
        let id = || t.app.ids().uuid(t.app.clock().now());
        let (inbox, team, other_team, unit, other_unit) = (InboxId(id()), TeamId(id()), TeamId(id()), OrgUnitId(id()), OrgUnitId(id()));
        let admin = t.admin();
        let house = Self { inbox, team, other_team, unit, other_unit, admin, t };
        for (id, name, unit) in [(team, "宽带组", unit), (other_team, "账务组", other_unit)] {
            house.t.emit::<IdentityEvent>(Some(id.0), None, TeamSaved { team_id: id, name: name.into(), org_unit_id: Some(unit), skills: vec![] }.into());
        }
        house.add_inbox(inbox, "help@desk.example", Some(team));
        house.know(&house.admin.clone(), &[]);
        house
    }

    pub fn add_inbox(&self, id: InboxId, address: &str, team: Option<TeamId>) {
        self.t.emit::<ChannelEvent>(
            Some(id.0),
            None,
            InboxSaved {
                inbox_id: id,
                channel: "email".into(),
                name: "客服邮箱".into(),
                address: address.into(),
                active: true,
                team_id: team,
                org_unit_id: Some(self.unit),
                signature: "-- \n首问客服".into(),
                default_language: "zh-CN".into(),
            }
            .into(),
        );
    }

    pub fn know(&self, who: &Viewer, teams: &[TeamId]) {
        self.t.emit::<IdentityEvent>(
            Some(who.person.0),
            None,
            PersonSaved {
                person_id: who.person,
                name: who.name.clone(),
                active: true,
                org_unit_id: None,
                teams: teams.to_vec(),
                skills: vec![],
                languages: vec![],
                capacity: 10,
                locale: "zh-CN".into(),
                time_zone: "Asia/Shanghai".into(),
            }
            .into(),
        );
    }

    /// An agent with every permission in the workspace.
    pub fn agent(&self, name: &str) -> Viewer {
        let all: Vec<&str> = self.t.app.permissions().iter().map(|p| p.code).collect();
        let who = self.t.person(name, &all);
        self.know(&who, &[]);
        who
    }

    pub fn party(&self, address: &str) -> Party {
        let keys = self.t.app.keys();
        Party { name: address.split('@').next().unwrap_or_default().to_owned(), address: keys.seal_address(self.t.app.ids(), address).unwrap(), index: keys.email_index(address) }
    }

    /// A mail arrives; the id of its message.
    pub fn mail(&self, mail: Mail) -> MessageId {
        let message_id = MessageId(self.t.app.ids().uuid(self.t.app.clock().now()));
        self.mail_again(mail, message_id);
        message_id
    }

    pub fn mail_again(&self, mail: Mail, message_id: MessageId) {
        let (t, now) = (&self.t, self.t.app.clock().now());
        let content = Content { subject: mail.subject.into(), text: mail.text.into(), reply_text: mail.text.into(), html: mail.html.map(Into::into), remote_images: 0, problems: vec![] };
        let bytes = serde_json::to_vec(&content).unwrap();
        let raw_bytes = format!("Subject: {}\r\n\r\n{}", mail.subject, mail.text).into_bytes();
        let (content, raw) = t.db.write_blocking(move |tx| Ok((tx.put_blob(&bytes)?, tx.put_blob(&raw_bytes)?))).unwrap();
        let files = mail.files.clone();
        let attachments = t.db.write_blocking(move |tx| files.iter().map(|(name, bytes, inline)| {
            Ok(shouwen_contracts::message::AttachmentRef { id: tx.id(), name: (*name).into(), media_type: "application/pdf".into(), size: bytes.len() as u64, inline: *inline, content_id: None, sha256: tx.put_blob(bytes)? })
        }).collect::<shouwen_kernel::Result<Vec<_>>>()).unwrap();
        // One customer for each address, as the register would have it.
        let customer = CustomerId(uuid::Uuid::from_u128(u128::from_str_radix(&t.app.keys().email_index(mail.from), 16).unwrap()));
        let received = Received {
            message_id,
            inbox_id: mail.inbox.unwrap_or(self.inbox),
            channel: "email".into(),
            from: self.party(mail.from),
            reply_to: mail.reply_to.map(|a| self.party(a)),
            to: vec![self.party("help@desk.example")],
            cc: mail.cc.iter().map(|a| self.party(a)).collect(),
            received_at: now,
            sent_at: None,
            preview: mail.text.chars().take(100).collect(),
            subject: mail.subject.into(),
            content,
            raw,
            attachments,
            wire_id: mail.wire_id,
            in_reply_to: mail.in_reply_to,
            references: mail.references,
            token: mail.token,
            auto: mail.auto.map(Into::into),
            bounce_of: mail.bounce_of,
            language: None,
        };
        t.emit::<CustomerEvent>(
            None::<uuid::Uuid>,
            None,
            Recognised {
                message_id,
                customer_id: customer,
                identity_id: IdentityId(message_id.0),
                name: mail.from.split('@').next().unwrap_or_default().to_owned(),
                created: true,
                language: None,
                region: None,
                tier: None,
                org_unit_id: None,
                received,
            }
            .into(),
        );
    }

    /// The channel says what became of a message.
    pub fn delivered(&self, message: &str, state: &str, wire_id: Option<&str>) {
        self.t.emit::<ChannelEvent>(
            None::<uuid::Uuid>,
            None,
            Delivery { message_id: message.parse().unwrap(), state: state.into(), detail: Some(format!("{state} words")), wire_id: wire_id.map(Into::into), at: self.t.app.clock().now() }.into(),
        );
    }

    /// The case a message lies in.
    pub fn case_of(&self, message: MessageId) -> String {
        let (id,): (CaseId,) = self.t.db.read_blocking(move |tx| tx.one("SELECT case_id FROM case_message WHERE id = ?1", params![message])).unwrap();
        id.to_string()
    }

    pub fn show(&self, case: &str) -> Json {
        self.t.get(&self.admin, &format!("/api/v1/cases/{case}")).expect(200)
    }

    pub fn conversation(&self, case: &str) -> ConversationId {
        self.show(case)["conversations"][0]["id"].as_str().unwrap().parse().unwrap()
    }

    pub fn timeline(&self, case: &str) -> Vec<Json> {
        self.t.get(&self.admin, &format!("/api/v1/cases/{case}/timeline?limit=200")).expect(200)["items"].as_array().unwrap().clone()
    }

    pub fn messages(&self, case: &str) -> Vec<Json> {
        self.t.get(&self.admin, &format!("/api/v1/cases/{case}/timeline?limit=200&messages=true")).expect(200)["items"].as_array().unwrap().clone()
    }

    pub fn reply(&self, who: &Viewer, case: &str, text: &str) -> Json {
        let answer = self.t.post(who, &format!("/api/v1/cases/{case}/messages"), json!({ "kind": "reply", "text": text })).expect(201);
        self.t.drain();
        answer
    }

    pub fn case_events(&self) -> Vec<CaseEvent> {
        self.t.events::<CaseEvent>()
    }

    pub fn count(&self, table: &'static str) -> i64 {
        self.t.db.read_blocking(move |tx| tx.one::<(i64,)>(&format!("SELECT count(*) FROM {table}"), params![])).unwrap().0
    }

    /// The payload waiting in the outbox for a message.
    pub fn outbound(&self, message: &str) -> Json {
        let key = message.to_owned();
        self.t.db.read_blocking(move |tx| tx.one::<(Json,)>("SELECT payload FROM outbox WHERE kind = 'email.send' AND key = ?1", params![key])).unwrap().0
    }
}
