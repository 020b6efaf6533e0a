//! A small house: an agent, two team leads, a department lead, two managers, an administrator; and a case.
// Each test binary uses its own share of it.
#![allow(dead_code)]

use serde_json::{Value, json};
use shouwen_contracts::casework::{CaseEvent, Edited, Opened, ReviewWanted, StageChanged};
use shouwen_contracts::identity::{IdentityEvent, PersonSaved, RightsChanged};
use shouwen_contracts::message::Content;
use shouwen_contracts::reviews::ReviewEvent;
use shouwen_contracts::wish::{LetterEvent, LetterWish};
use shouwen_kernel::{Access, Actor, CaseId, Grant, OrgUnitId, PersonId, Reach, TeamId};
use shouwen_store::Ctx;
use shouwen_testkit::TestApp;
use shouwen_web::{Module, PackFile, PackFiles, Viewer};

pub fn modules() -> Vec<Module> {
    vec![shouwen_reviews::module()]
}

/// Flows that several tests ask for.
pub const ONE_MANAGER: &str = r#"
[[flow]]
key = "one"
title = { zh = "一人审", en = "One" }
emergency = { write_up = "24h" }
step = [{ title = { zh = "经理", en = "Manager" }, who = ["role:manager"] }]
"#;
pub const TWO_STEPS: &str = r#"
[[flow]]
key = "two"
title = { zh = "两级", en = "Two" }
step = [{ title = { zh = "初审", en = "First" }, who = ["role:manager"] }, { title = { zh = "终审", en = "Last" }, who = ["role:manager"] }]
"#;
pub const JOINT_MANAGERS: &str = r#"
[[flow]]
key = "joint"
title = { zh = "会签", en = "Joint" }
step = [{ title = { zh = "会签", en = "Joint" }, who = ["role:manager"], mode = "all" }]
"#;
pub const ONE_LEAD: &str = r#"
[[flow]]
key = "lead"
title = { zh = "班长审", en = "Lead" }
step = [{ title = { zh = "班长", en = "Lead" }, who = ["team_lead"] }]
"#;
pub const LIMITED: &str = r#"
[[flow]]
key = "limited"
title = { zh = "限时", en = "Limited" }
step = [{ title = { zh = "经理", en = "Manager" }, who = ["role:manager"], limit = "8h", late = ["administrators"] }]
"#;

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
        let wanted = ReviewWanted { case_id, flow: flow.into(), stage: "reviewing".into(), approved: "informing".into(), returned: "handling".into(), by: Some(self.agent.person), judged: vec![], at };
        self.t.emit::<CaseEvent>(Some(case_id), Some(self.access()), wanted.into());
    }
    /// A case that stands in review by the base pack's three levels, and its review.
    pub fn in_review(&self, title: &str) -> (CaseId, String) {
        self.base();
        let case = self.case(title);
        self.wants(case, "solution");
        (case, self.the_one(&self.lead))
    }
    /// The agent asks for a review by a flow, without a case.
    pub fn ask(&self, flow: &str, reason: &str) -> String {
        let id = self.t.post(&self.agent, "/api/v1/reviews", json!({ "flow": flow, "reason": reason })).expect(201)["id"].as_str().unwrap().to_owned();
        self.t.drain();
        id
    }
    /// Somebody lets another decide in their place for a day; the id of the delegation.
    pub fn away(&self, from: &Viewer, to: &Viewer, kinds: &[&str]) -> String {
        let until = self.t.app.clock().now().plus_seconds(86_400);
        let made = self.t.post(from, "/api/v1/review-delegations", json!({ "to": to.person, "kinds": kinds, "until_at": until, "reason": "休假" })).expect(201);
        self.t.drain();
        made["id"].as_str().unwrap().to_owned()
    }
    /// Identity tells what somebody holds from now on.
    pub fn holds(&self, who: &Viewer, roles: &[&str], grants: Vec<Grant>) {
        let told = RightsChanged { person_id: who.person, grants: Some(grants), roles: Some(roles.iter().map(|r| (*r).to_owned()).collect()) };
        self.t.emit::<IdentityEvent>(Some(who.person), None, told.into());
    }
    /// The solution of a case is written anew; `None`: by the product.
    pub fn solution(&self, case_id: CaseId, by: Option<&Viewer>, text: &str) {
        let actor = by.map_or_else(|| Actor::system("test"), |viewer| Actor::person(viewer.person));
        let ctx = Ctx { workspace: self.t.workspace, actor, ip: None };
        let (access, edited) = (self.access(), Edited { case_id, field: "fields.solution".into(), from: json!("以前的"), to: json!(text) });
        self.t.db.write_blocking(move |tx| tx.emit::<CaseEvent>(&ctx, Some(case_id.0), Some(&access), edited.clone())).expect("the event is stored");
        self.t.drain();
    }
    /// The newest review of a case.
    pub fn of_case(&self, viewer: &Viewer, case_id: CaseId) -> String {
        self.t.get(viewer, &format!("/api/v1/cases/{case_id}/reviews")).expect(200)[0]["id"].as_str().unwrap().to_owned()
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
