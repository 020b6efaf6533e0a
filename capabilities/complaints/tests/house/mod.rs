//! A house with complaints.
// Each test binary uses its own share of it.
#![allow(dead_code)]

use serde_json::{Value, json};
use shouwen_contracts::casework::{Assigned, CaseEvent, CaseTypeEvent, CustomerSet, Edited, MessageAdded, Opened, StageChanged, TypeSaved};
use shouwen_contracts::complaints::ComplaintEvent;
use shouwen_contracts::customers::{CustomerEvent, Saved};
use shouwen_contracts::identity::{IdentityEvent, OrgUnitSaved, PersonSaved, TeamSaved};
use shouwen_contracts::message::Content;
use shouwen_contracts::wish::{ActionWish, WishEvent};
use shouwen_kernel::{CaseId, CustomerId, OrgUnitId, PersonId, TeamId};
use shouwen_store::Ctx;
use shouwen_testkit::TestApp;
use shouwen_web::{Module, PackFile, PackFiles, Viewer};

pub fn modules() -> Vec<Module> {
    vec![shouwen_complaints::module()]
}

/// Everything this capability and its neighbours declare.
pub fn boss(t: &TestApp) -> Viewer {
    t.person("主管", &["complaint.read", "complaint.manage", "complaint.approve", "complaint.settings", "case.read", "customer.read"])
}

/// The parts of the base pack that are ours, as shipped.
pub fn base() -> PackFiles {
    let file = |path: &str, text: &str| PackFile::new(path, text);
    PackFiles::new("base", "1.1.0", vec![file("categories.toml", include_str!("../../../../packs/base/categories.toml")), file("complaints.toml", include_str!("../../../../packs/base/complaints.toml"))])
}

/// Installs a pack and says what it did, as `section/item did`.
pub fn install(t: &TestApp, pack: &PackFiles, replace: bool) -> Vec<String> {
    let (parts, pack, ctx) = (t.app.pack_parts().to_vec(), pack.clone(), t.system());
    t.db.write_blocking(move |tx| {
        let mut told = Vec::new();
        for part in &parts {
            assert_eq!((part.check)(&pack), vec![], "the pack is sound");
            told.extend((part.install)(tx, &ctx, &pack, replace)?);
        }
        Ok(told.into_iter().map(|c| format!("{}/{} {:?}", c.section, c.item, c.did)).collect::<Vec<_>>())
    })
    .unwrap()
}

pub fn id<T: From<uuid::Uuid>>(t: &TestApp) -> T {
    t.app.ids().next(t.app.clock())
}

pub fn complaint_type(t: &TestApp) {
    let fields = ["severity", "demand", "category", "region", "product", "cause_kind", "responsible"].map(|key| json!({ "key": key }));
    let form = json!({ "key": "complaint", "section": [{ "key": "demand", "field": fields }] });
    t.emit::<CaseTypeEvent>(None::<uuid::Uuid>, None, TypeSaved { key: "complaint".into(), version: 1, pack: None, title_zh: "投诉".into(), title_en: "Complaint".into(), stages: vec![], form: Some(form) }.into());
}

pub fn customer(t: &TestApp, name: &str, region: Option<&str>) -> CustomerId {
    let customer_id: CustomerId = id(t);
    saved(t, customer_id, name, region);
    customer_id
}

pub fn saved(t: &TestApp, customer_id: CustomerId, name: &str, region: Option<&str>) {
    t.emit::<CustomerEvent>(Some(customer_id), None, Saved { customer_id, name: name.into(), language: None, region: region.map(Into::into), tier: None, org_unit_id: None }.into());
}

pub fn team(t: &TestApp, name: &str, unit: Option<OrgUnitId>) -> TeamId {
    let team_id: TeamId = id(t);
    t.emit::<IdentityEvent>(Some(team_id), None, TeamSaved { team_id, name: name.into(), org_unit_id: unit, skills: vec![] }.into());
    team_id
}

pub fn unit(t: &TestApp, name: &str) -> OrgUnitId {
    let org_unit_id: OrgUnitId = id(t);
    t.emit::<IdentityEvent>(Some(org_unit_id), None, OrgUnitSaved { org_unit_id, name: name.into(), kind: "region".into(), parent_id: None, path: vec![org_unit_id], region_code: None }.into());
    org_unit_id
}

pub fn known(t: &TestApp, viewer: &Viewer) -> PersonId {
    t.emit::<IdentityEvent>(
        Some(viewer.person),
        None,
        PersonSaved { person_id: viewer.person, name: viewer.name.clone(), active: true, org_unit_id: None, teams: vec![], skills: vec![], languages: vec![], capacity: 0, locale: "zh-CN".into(), time_zone: "Asia/Shanghai".into() }.into(),
    );
    viewer.person
}

/// A case; `channel` decides whether its title is read.
pub struct New<'a> {
    pub case_type: &'a str,
    pub title: &'a str,
    pub customer: Option<CustomerId>,
    pub team: Option<TeamId>,
    pub accountable: Option<PersonId>,
    pub channel: &'a str,
}

impl Default for New<'_> {
    fn default() -> Self {
        Self { case_type: "complaint", title: "一件投诉", customer: None, team: None, accountable: None, channel: "email" }
    }
}

pub fn open(t: &TestApp, new: &New<'_>) -> CaseId {
    let case_id: CaseId = id(t);
    t.emit::<CaseEvent>(
        Some(case_id),
        None,
        Opened {
            case_id, number: format!("2026-{case_id}"), case_type: new.case_type.into(), title: new.title.into(), priority: "normal".into(), stage: "accepted".into(), status: "open".into(), channel: new.channel.into(), inbox_id: None,
            customer_id: new.customer, customer_name: None, region: None, tier: None, org_unit_id: None, team_id: new.team, assignee_id: None, accountable_id: new.accountable, tags: vec![], language: None, opened_at: t.app.clock().now(),
        }
        .into(),
    );
    case_id
}

pub fn message(t: &TestApp, case_id: CaseId, direction: &str, text: &str, auto: bool) {
    attaches(t, case_id, direction, text, auto, &[]);
}

pub fn attaches(t: &TestApp, case_id: CaseId, direction: &str, text: &str, auto: bool, files: &[&str]) {
    let content = Content { text: text.into(), ..Content::default() };
    let bytes = serde_json::to_vec(&content).unwrap();
    let blob = t.db.write_blocking(move |tx| tx.put_blob(&bytes)).unwrap();
    t.emit::<CaseEvent>(
        Some(case_id),
        None,
        MessageAdded {
            case_id, conversation_id: id(t), message_id: id(t), direction: direction.into(), author_id: None, author_name: "客户".into(), preview: String::new(), content: blob, at: t.app.clock().now(), auto, verified: true,
            mentions: vec![], files: files.iter().map(ToString::to_string).collect(),
        }
        .into(),
    );
}

pub fn writes(t: &TestApp, case_id: CaseId, text: &str) {
    message(t, case_id, "in", text, false);
}

pub fn edit(t: &TestApp, case_id: CaseId, field: &str, to: Value) {
    t.emit::<CaseEvent>(Some(case_id), None, Edited { case_id, field: field.into(), from: json!(null), to }.into());
}

pub fn give(t: &TestApp, case_id: CaseId, customer: CustomerId) {
    t.emit::<CaseEvent>(Some(case_id), None, CustomerSet { case_id, from: None, to: Some(customer), name: None }.into());
}

pub fn assign(t: &TestApp, case_id: CaseId, team: Option<TeamId>, person: Option<PersonId>) {
    t.emit::<CaseEvent>(Some(case_id), None, Assigned { case_id, from_person: None, to_person: person, from_team: None, to_team: team, org_unit_id: None, reason: "x".into(), by: "person".into() }.into());
}

pub fn stage(t: &TestApp, case_id: CaseId, to: &str, status: &str) {
    t.emit::<CaseEvent>(Some(case_id), None, StageChanged { case_id, from: "x".into(), to: to.into(), from_status: "open".into(), to_status: status.into(), reason: None, at: t.app.clock().now() }.into());
}

pub fn wishes(t: &TestApp, case: CaseId) -> Vec<ActionWish> {
    t.events::<WishEvent>().into_iter().filter_map(|event| if let WishEvent::ActionWish(wish) = event { Some(wish) } else { None }).filter(|wish| wish.case_id == case).collect()
}

/// The wishes of one action.
pub fn wished(t: &TestApp, case: CaseId, action: &str) -> Vec<Value> {
    wishes(t, case).into_iter().map(|wish| wish.action).filter(|a| a["do"] == action).collect()
}

pub fn told(t: &TestApp) -> Vec<ComplaintEvent> {
    t.events::<ComplaintEvent>()
}

pub fn save_list(t: &TestApp, boss: &Viewer, path: &str, items: Value) -> Value {
    let seen = t.get(boss, path).expect(200)["version"].clone();
    t.put(boss, path, json!({ "items": items, "seen": seen })).expect(200)
}

/// A house with the base pack and the complaint type.
pub fn furnished(t: &TestApp) -> Viewer {
    install(t, &base(), false);
    complaint_type(t);
    let boss = boss(t);
    known(t, &boss);
    boss
}

pub fn emit_as(t: &TestApp, ctx: &Ctx, case: CaseId, event: CaseEvent) {
    let ctx = ctx.clone();
    t.db.write_blocking(move |tx| tx.emit::<CaseEvent>(&ctx, Some(case.0), None, event.clone())).unwrap();
    t.drain();
}
