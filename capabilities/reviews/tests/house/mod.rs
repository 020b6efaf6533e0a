//! A small house: an agent, two team leads, a department lead, two managers, an administrator; and a case.
// Each test binary uses its own share of it.
#![allow(dead_code)]

use serde_json::{Value, json};
use shouwen_contracts::casework::{CaseEvent, Edited, Opened, ReviewWanted, StageChanged};
use shouwen_contracts::identity::{IdentityEvent, PersonSaved, RightsChanged};
use shouwen_contracts::message::Content;
use shouwen_contracts::reviews::ReviewEvent;
use shouwen_contracts::wish::{LetterEvent, LetterWish};
use shouwen_kernel::{Access, CaseId, Grant, OrgUnitId, PersonId, Reach, TeamId};
use shouwen_testkit::TestApp;
use shouwen_web::{Module, PackFile, PackFiles, Viewer};

pub fn modules() -> Vec<Module> {
    vec![shouwen_reviews::module()]
}

pub struct House {
    pub t: TestApp,
    pub team: TeamId,
    pub unit: OrgUnitId,
    /// Asks; knows the case through the team.
    pub agent: Viewer,
    /// Leads the team, holds `supervisor`.
    pub lead: Viewer,
    /// Leads another team, holds `supervisor`.
    pub other_lead: Viewer,
    /// Leads the department the case lies in, and nothing else.
    pub department: Viewer,
    pub manager: Viewer,
    pub second_manager: Viewer,
    pub admin: Viewer,
    /// Has to do with nothing.
    pub stranger: Viewer,
}

fn grants(permissions: &[&str], reach: &Reach) -> Vec<Grant> {
    permissions.iter().map(|p| Grant { permission: (*p).to_owned(), reach: reach.clone() }).collect()
}

/// Somebody as identity tells of them.
pub fn hire(t: &TestApp, name: &str, roles: &[&str], grants: Vec<Grant>, unit: Option<OrgUnitId>, teams: Vec<TeamId>) -> Viewer {
    let viewer = t.viewer(name, grants.clone());
    saved(t, viewer.person, name, true, unit, teams);
    let rights = RightsChanged { person_id: viewer.person, grants: Some(grants), roles: Some(roles.iter().map(|r| (*r).to_owned()).collect()) };
    t.emit::<IdentityEvent>(Some(viewer.person), None, rights.into());
    viewer
}

pub fn saved(t: &TestApp, person_id: PersonId, name: &str, active: bool, org_unit_id: Option<OrgUnitId>, teams: Vec<TeamId>) {
    let saved = PersonSaved { person_id, name: name.into(), active, org_unit_id, teams, skills: vec![], languages: vec![], capacity: 0, locale: "zh-CN".into(), time_zone: "Asia/Shanghai".into() };
    t.emit::<IdentityEvent>(Some(person_id), None, saved.into());
}

pub fn house(t: TestApp) -> House {
    let ids = t.app.ids();
    let clock = t.app.clock();
    let (team, other_team): (TeamId, TeamId) = (ids.next(clock), ids.next(clock));
    let unit: OrgUnitId = ids.next(clock);
    let in_team = Reach::Teams { teams: [team].into() };
    let lead = ["case.read", "review.lead", "review.request", "review.read", "review.emergency"];
    let manager = ["case.read", "review.lead", "review.request", "review.read", "review.emergency", "review.manage"];
    House {
        team,
        unit,
        agent: hire(&t, "坐席小王", &["agent"], grants(&["case.read", "review.request", "review.emergency"], &in_team), Some(unit), vec![team]),
        lead: hire(&t, "班长老李", &["supervisor"], grants(&lead, &in_team), Some(unit), vec![team]),
        other_lead: hire(&t, "班长老赵", &["supervisor"], grants(&lead, &Reach::Teams { teams: [other_team].into() }), Some(unit), vec![other_team]),
        department: hire(&t, "部门陈总", &["department_lead"], grants(&["review.lead"], &Reach::OrgUnits { units: [unit].into() }), Some(unit), vec![]),
        manager: hire(&t, "经理周", &["manager"], grants(&manager, &Reach::Workspace), None, vec![]),
        second_manager: hire(&t, "经理吴", &["manager"], grants(&manager, &Reach::Workspace), None, vec![]),
        admin: hire(&t, "管理员", &["administrator"], grants(&manager, &Reach::Workspace), None, vec![]),
        stranger: hire(&t, "路人", &["viewer"], grants(&["case.read"], &Reach::Own), None, vec![]),
        t,
    }
}

impl House {
    /// Installs a pack of this text.
    pub fn pack(&self, key: &str, text: &str, replace: bool) -> Vec<shouwen_web::PackChange> {
        let part = modules().remove(0).parts.remove(0);
        let pack = PackFiles::new(key, "1.0.0", vec![PackFile::new("reviews.toml", text)]);
        assert_eq!((part.check)(&pack).iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
        let ctx = self.t.system();
        self.t.db.write_blocking(move |tx| (part.install)(tx, &ctx, &pack, replace)).expect("installs")
    }
    pub fn base(&self) {
        self.pack("base", include_str!("../../../../packs/base/reviews.toml"), false);
    }
    pub fn access(&self) -> Access {
        Access { org_unit: Some(self.unit), team: Some(self.team), people: vec![] }
    }
    pub fn case(&self, title: &str) -> CaseId {
        let t = &self.t;
        let case_id: CaseId = t.app.ids().next(t.app.clock());
        t.emit::<CaseEvent>(
            Some(case_id),
            Some(self.access()),
            Opened {
                case_id, number: "2026-000001".into(), case_type: "complaint".into(), title: title.into(), priority: "normal".into(), stage: "handling".into(), status: "open".into(), channel: "email".into(),
                inbox_id: None, customer_id: None, customer_name: None, region: None, tier: None, org_unit_id: Some(self.unit), team_id: Some(self.team), assignee_id: None, accountable_id: None, tags: vec![],
                language: None, opened_at: t.app.clock().now(),
            }
            .into(),
        );
        t.emit::<CaseEvent>(Some(case_id), Some(self.access()), Edited { case_id, field: "fields.solution".into(), from: json!(null), to: json!("退还全额并致歉") }.into());
        case_id
    }
    pub fn stage(&self, case_id: CaseId, from: &str, to: &str) {
        let at = self.t.app.clock().now();
        self.t.emit::<CaseEvent>(Some(case_id), Some(self.access()), StageChanged { case_id, from: from.into(), to: to.into(), from_status: "open".into(), to_status: "open".into(), reason: None, at }.into());
    }
    /// The case goes into the stage that wants `flow`, moved by the agent.
    pub fn wants(&self, case_id: CaseId, flow: &str) {
        self.stage(case_id, "handling", "reviewing");
        self.wanted(case_id, flow);
    }
    pub fn wanted(&self, case_id: CaseId, flow: &str) {
        let at = self.t.app.clock().now();
        let wanted = ReviewWanted { case_id, flow: flow.into(), stage: "reviewing".into(), approved: "informing".into(), returned: "handling".into(), by: Some(self.agent.person), at };
        self.t.emit::<CaseEvent>(Some(case_id), Some(self.access()), wanted.into());
    }
    pub fn waiting(&self, viewer: &Viewer) -> Vec<Value> {
        self.t.get(viewer, "/api/v1/reviews").expect(200)["items"].as_array().cloned().unwrap_or_default()
    }
    pub fn the_one(&self, viewer: &Viewer) -> String {
        let found = self.waiting(viewer);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0]["id"].as_str().unwrap().to_owned()
    }
    pub fn show(&self, viewer: &Viewer, id: &str) -> Value {
        self.t.get(viewer, &format!("/api/v1/reviews/{id}")).expect(200)
    }
    pub fn decide(&self, viewer: &Viewer, id: &str, decision: &str, reason: Option<&str>) -> shouwen_testkit::Reply {
        let reply = self.t.post(viewer, &format!("/api/v1/reviews/{id}/decide"), json!({ "decision": decision, "reason": reason }));
        self.t.drain();
        reply
    }
    pub fn told(&self) -> Vec<ReviewEvent> {
        self.t.events::<ReviewEvent>()
    }
    pub fn kinds(&self) -> Vec<String> {
        self.t.recorded().into_iter().filter(|e| e.kind.starts_with("review.")).map(|e| e.kind).collect()
    }
    pub fn letters(&self) -> Vec<(LetterWish, Content)> {
        let wishes: Vec<LetterWish> = self.t.events::<LetterEvent>().into_iter().map(|LetterEvent::LetterWish(wish)| wish).collect();
        wishes
            .into_iter()
            .map(|wish| {
                let body = wish.body.clone();
                let bytes = self.t.db.read_blocking(move |tx| tx.blob(&body)).unwrap().expect("the blob");
                (wish, serde_json::from_slice(&bytes).unwrap())
            })
            .collect()
    }
    /// The path of the newest link sent to somebody.
    pub fn link(&self, viewer: &Viewer) -> String {
        let letters = self.letters();
        let (_, content) = letters.iter().rev().find(|(wish, _)| wish.people == [viewer.person]).expect("a letter");
        let at = content.text.find("/r/").expect("a link");
        content.text[at..].split_whitespace().next().unwrap().to_owned()
    }
    /// Whom the audit names, oldest first: (action, detail).
    pub fn audit(&self) -> Vec<(String, Value)> {
        self.t.db.read_blocking(|tx| tx.all::<(String, Option<Value>)>("SELECT action, detail FROM audit ORDER BY seq", shouwen_store::params![])).unwrap().into_iter().map(|(action, detail)| (action, detail.unwrap_or_default())).collect()
    }
}
