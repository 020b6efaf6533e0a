//! The register through its API and its events, on both databases.

mod recognise;
mod register;
mod rights;
mod search;
mod sight;
mod merge;
mod joined;

use serde_json::{Value as Json, json};
use shouwen_contracts::channel::{ChannelEvent, Received};
use shouwen_contracts::casework::{CaseEvent, Opened};
use shouwen_contracts::identity::{IdentityEvent, OrgUnitSaved};
use shouwen_contracts::message::Party;
use shouwen_kernel::{Access, CaseId, CustomerId, InboxId, MessageId, OrgUnitId, PersonId, TeamId, Time};
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

/// An id of whatever kind is wanted.
pub fn some<T: From<uuid::Uuid>>(app: &TestApp) -> T {
    app.app.ids().next(app.app.clock())
}

/// Where a case lies.
#[derive(Clone, Copy, Default, Debug)]
pub struct Place {
    pub team: Option<TeamId>,
    pub unit: Option<OrgUnitId>,
    pub assignee: Option<PersonId>,
    pub accountable: Option<PersonId>,
}

pub fn opened(case: CaseId, customer: Option<CustomerId>, place: Place) -> CaseEvent {
    Opened {
        case_id: case,
        number: case.to_string(),
        case_type: "request".into(),
        title: "咨询".into(),
        priority: "normal".into(),
        stage: "accepted".into(),
        status: "open".into(),
        channel: "email".into(),
        inbox_id: None,
        customer_id: customer,
        customer_name: None,
        region: None,
        tier: None,
        org_unit_id: place.unit,
        team_id: place.team,
        assignee_id: place.assignee,
        accountable_id: place.accountable,
        tags: vec![],
        language: None,
        opened_at: Time::from_seconds(1_772_413_200),
    }
    .into()
}

/// A case of a customer, as casework tells of it.
pub fn case(app: &TestApp, customer: Option<CustomerId>, place: Place) -> CaseId {
    let id: CaseId = some(app);
    app.emit(Some(id.0), Some(Access::default()), opened(id, customer, place));
    id
}

pub fn tell(app: &TestApp, case: CaseId, event: impl Into<CaseEvent>) {
    app.emit(Some(case.0), Some(Access::default()), event.into());
}
