//! The register through its API and its events, on both databases.

mod recognise;
mod register;
mod rights;
mod search;
mod merge;

use serde_json::{Value as Json, json};
use shouwen_contracts::channel::{ChannelEvent, Received};
use shouwen_contracts::identity::{IdentityEvent, OrgUnitSaved};
use shouwen_contracts::message::Party;
use shouwen_kernel::{InboxId, MessageId, OrgUnitId, Time};
use shouwen_testkit::TestApp;
use shouwen_web::Module;

pub fn modules() -> Vec<Module> {
    vec![shouwen_customers::module()]
}

/// A message from `address`, as the e-mail channel tells of it.
pub fn received(app: &TestApp, name: &str, address: &str) -> Received {
    let message_id: MessageId = app.app.ids().next(app.app.clock());
    Received {
        message_id,
        inbox_id: InboxId::NIL,
        channel: "email".into(),
        from: Party { name: name.into(), address: app.app.keys().seal_address(app.app.ids(), address).unwrap(), index: app.app.keys().email_index(address) },
        reply_to: None,
        to: vec![],
        cc: vec![],
        received_at: Time::from_seconds(1_772_413_200),
        sent_at: None,
        preview: "您好".into(),
        subject: "咨询".into(),
        content: String::new(),
        raw: String::new(),
        attachments: vec![],
        wire_id: None,
        in_reply_to: vec![],
        references: vec![],
        token: None,
        auto: None,
        bounce_of: None,
        language: Some("zh".into()),
    }
}

/// The message arrives and is digested.
pub fn arrive(app: &TestApp, name: &str, address: &str) -> MessageId {
    let message = received(app, name, address);
    let id = message.message_id;
    app.emit(Some(id), None, ChannelEvent::Received(message));
    id
}

/// An org unit, as identity tells of it.
pub fn unit(app: &TestApp, name: &str) -> OrgUnitId {
    let id: OrgUnitId = app.app.ids().next(app.app.clock());
    let event = OrgUnitSaved { org_unit_id: id, name: name.into(), kind: "region".into(), parent_id: None, path: vec![id], region_code: None };
    app.emit(Some(id), None, IdentityEvent::OrgUnitSaved(event));
    id
}

/// The audit rows, oldest first: action and detail.
pub fn audits(app: &TestApp) -> Vec<(String, Json)> {
    app.db
        .read_blocking(|tx| tx.all::<(String, Option<Json>)>("SELECT action, detail FROM audit ORDER BY seq", shouwen_store::params![]))
        .unwrap()
        .into_iter()
        .map(|(action, detail)| (action, detail.unwrap_or(json!(null))))
        .collect()
}

pub fn id(customer: &Json) -> &str {
    customer["id"].as_str().unwrap()
}
