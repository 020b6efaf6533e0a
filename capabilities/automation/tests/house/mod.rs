//! A house with rules and people.
// Each test binary uses its own share of it.
#![allow(dead_code)]

use serde_json::json;
use shouwen_contracts::casework::{CaseEvent, Edited, Opened, StageChanged};
use shouwen_contracts::wish::{ActionWish, WishEvent};
use shouwen_kernel::{CaseId, TeamId};
use shouwen_testkit::TestApp;
use shouwen_web::{Module, Viewer};

pub fn modules() -> Vec<Module> {
    vec![shouwen_automation::module()]
}

pub fn boss(t: &TestApp) -> Viewer {
    t.person("主管", &["rule.manage", "case.read", "case.edit", "case.assign", "case.note", "case.create", "case.reply", "case.close"])
}

pub fn open(t: &TestApp, title: &str, priority: &str, team: Option<TeamId>) -> CaseId {
    let case_id: CaseId = t.app.ids().next(t.app.clock());
    t.emit::<CaseEvent>(
        Some(case_id),
        None,
        Opened {
            case_id, number: case_id.to_string(), case_type: "request".into(), title: title.into(), priority: priority.into(), stage: "accepted".into(), status: "open".into(), channel: "email".into(),
            inbox_id: None, customer_id: None, customer_name: None, region: None, tier: None, org_unit_id: None, team_id: team, assignee_id: None, accountable_id: None, tags: vec![], language: None,
            opened_at: t.app.clock().now(),
        }
        .into(),
    );
    case_id
}

pub fn edit(t: &TestApp, case_id: CaseId, field: &str, to: &str) {
    t.emit::<CaseEvent>(Some(case_id), None, Edited { case_id, field: field.into(), from: json!(null), to: json!(to) }.into());
}

pub fn stage(t: &TestApp, case_id: CaseId, to: &str) {
    t.emit::<CaseEvent>(Some(case_id), None, StageChanged { case_id, from: "x".into(), to: to.into(), from_status: "open".into(), to_status: "open".into(), reason: None, at: t.app.clock().now() }.into());
}

pub fn wishes(t: &TestApp) -> Vec<ActionWish> {
    t.events::<WishEvent>().into_iter().filter_map(|event| if let WishEvent::ActionWish(wish) = event { Some(wish) } else { None }).collect()
}
