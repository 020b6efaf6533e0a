//! Notices of the closed loop, boards, accountability and walls; on both databases.

use serde_json::{Value, json};
use shouwen_contracts::casework::{Accountable, Assigned, CaseEvent, CaseTypeEvent, ChildClosed, ChildOpened, Closed, HandOver, MessageAdded, Opened, Reminded, StageChanged, TypeSaved, TypeStage, Watched};
use shouwen_contracts::complaints::{CarePlanned, ComplaintEvent};
use shouwen_contracts::identity::{IdentityEvent, PersonSaved, PersonStatus, RightsChanged, TeamSaved};
use shouwen_contracts::reviews::{Approved, Requested, ReviewEvent, StepOpened};
use shouwen_contracts::service_levels::{ClockEvent, Escalated, Planned};
use shouwen_contracts::warnings::{BulletinMade, CrisisDeclared, Raised, WarningEvent};
use shouwen_kernel::{Access, BulletinId, CareFileId, CaseId, ConversationId, CustomerId, Grant, MessageId, OrgUnitId, PersonId, Reach, ReviewId, TeamId, WarningId};
use shouwen_store::params;
use shouwen_testkit::{TestApp, on_both};
use shouwen_web::{Module, Viewer};

fn modules() -> Vec<Module> {
    vec![shouwen_desk::module()]
}

struct Desk {
    t: TestApp,
    team: TeamId,
    unit: OrgUnitId,
    agent: Viewer,
    lead: Viewer,
    manager: Viewer,
    number: std::cell::Cell<u32>,
}

fn grant(permission: &str, reach: Reach) -> Grant {
    Grant { permission: permission.into(), reach }
}

impl Desk {
    fn new(t: TestApp) -> Self {
        let (team, unit): (TeamId, OrgUnitId) = (t.app.ids().next(t.app.clock()), t.app.ids().next(t.app.clock()));
        let of_team = || Reach::Teams { teams: [team].into() };
        let agent = t.viewer("张三", vec![grant("case.read", of_team())]);
        let lead = t.viewer("王组长", vec![grant("case.read", of_team()), grant("case.accountability", of_team())]);
        let manager = t.viewer("赵经理", vec![grant("case.read", Reach::Workspace), grant("case.accountability", Reach::Workspace)]);
        let d = Self { t, team, unit, agent, lead, manager, number: 0.into() };
        d.t.emit::<IdentityEvent>(Some(team), None, TeamSaved { team_id: team, name: "投诉组".into(), org_unit_id: Some(unit), skills: vec![] }.into());
        for (viewer, teams, role) in [(&d.agent, vec![team], "agent"), (&d.lead, vec![team], "supervisor"), (&d.manager, vec![], "manager")] {
            let saved = PersonSaved { person_id: viewer.person, name: viewer.name.clone(), active: true, org_unit_id: None, teams, skills: vec![], languages: vec![], capacity: 10, locale: "zh-CN".into(), time_zone: "Asia/Shanghai".into() };
            d.t.emit::<IdentityEvent>(Some(viewer.person), None, saved.into());
            d.t.emit::<IdentityEvent>(Some(viewer.person), None, RightsChanged { person_id: viewer.person, grants: Some(viewer.grants.clone()), roles: Some(vec![role.into()]) }.into());
        }
        d
    }
    fn tell(&self, case: CaseId, event: impl Into<CaseEvent>) {
        self.t.clock.advance(1);
        self.t.emit::<CaseEvent>(Some(case), Some(Access { org_unit: Some(self.unit), team: Some(self.team), people: vec![] }), event.into());
    }
    fn open_as(&self, case_type: &str, stage: &str, team: Option<TeamId>) -> CaseId {
        self.number.set(self.number.get() + 1);
        let case_id: CaseId = self.t.app.ids().next(self.t.app.clock());
        let opened = Opened {
            case_id, number: format!("2026-{:06}", self.number.get()), case_type: case_type.into(), title: format!("工单 {}", self.number.get()), priority: "normal".into(), stage: stage.into(), status: "open".into(),
            channel: "email".into(), inbox_id: None, customer_id: None, customer_name: None, region: None, tier: None, org_unit_id: Some(self.unit), team_id: team, assignee_id: None, accountable_id: None,
            tags: vec![], language: None, opened_at: self.t.app.clock().now(),
        };
        self.tell(case_id, opened);
        case_id
    }
    fn open(&self) -> CaseId {
        self.open_as("complaint", "accepted", Some(self.team))
    }
    fn assign(&self, case: CaseId, to: &Viewer) {
        self.tell(case, Assigned { case_id: case, from_person: None, to_person: Some(to.person), from_team: Some(self.team), to_team: Some(self.team), org_unit_id: None, reason: "负荷最低".into(), by: "routing".into() });
    }
    fn accountable(&self, case: CaseId, to: &Viewer) {
        self.tell(case, Accountable { case_id: case, from: None, to: Some(to.person), reason: "首问".into() });
    }
    fn stage(&self, case: CaseId, from: &str, to: &str, status: &str) {
        self.t.clock.advance(60);
        self.tell(case, StageChanged { case_id: case, from: from.into(), to: to.into(), from_status: "open".into(), to_status: status.into(), reason: None, at: self.t.app.clock().now() });
    }
    fn due(&self, case: CaseId, seconds: i64) {
        let now = self.t.app.clock().now();
        self.t.emit::<ClockEvent>(Some(case), None, Planned { case_id: case, clock: "resolution".into(), target_s: 3600, started_at: now, due_at: Some(now.plus_seconds(seconds)), warn_at: None, paused: false, why: "opened".into() }.into());
    }
    fn types(&self) {
        let stage = |key: &str, zh: &str, status: &str, step: &str| TypeStage { key: key.into(), title_zh: zh.into(), title_en: key.into(), status: status.into(), step: step.into(), pause: vec![], review: None };
        let stages = vec![stage("accepted", "已受理", "open", "accept"), stage("handling", "处理中", "open", "handle"), stage("waiting_customer", "待客户", "waiting", "inform"), stage("resolved", "待回访", "resolved", "callback"), stage("archived", "已归档", "closed", "archive")];
        self.t.emit::<CaseTypeEvent>(None::<PersonId>, None, TypeSaved { key: "complaint".into(), version: 1, pack: None, title_zh: "投诉".into(), title_en: "Complaint".into(), stages, form: None }.into());
    }
    fn notices(&self, viewer: &Viewer) -> Vec<(String, Value)> {
        let page = self.t.get(viewer, "/api/v1/notices").expect(200);
        page["items"].as_array().unwrap().iter().map(|n| (n["kind"].as_str().unwrap().to_owned(), n.clone())).collect()
    }
    fn kinds(&self, viewer: &Viewer) -> Vec<String> {
        self.notices(viewer).into_iter().map(|n| n.0).collect()
    }
    fn clear(&self) {
        self.t.db.write_blocking(|tx| tx.execute("DELETE FROM desk_notice", params![])).unwrap();
    }
    fn id<T: From<uuid::Uuid>>(&self) -> T {
        self.t.app.ids().next(self.t.app.clock())
    }
    fn now(&self) -> shouwen_kernel::Time {
        self.t.app.clock().now()
    }
}

#[test]
fn an_escalation_reaches_parts_leads_and_holders_of_roles_and_each_once() {
    on_both(modules, |t| {
        let d = Desk::new(t);
        let case = d.open();
        d.assign(case, &d.agent);
        d.accountable(case, &d.agent);
        let outsider = d.t.viewer("外人", vec![grant("case.read", Reach::Own)]);
        d.t.emit::<IdentityEvent>(Some(outsider.person), None, RightsChanged { person_id: outsider.person, grants: Some(outsider.grants.clone()), roles: Some(vec!["manager".into()]) }.into());
        d.clear();
        let step = |to: &[&str]| {
            let told = Escalated { case_id: case, clock: "resolution".into(), step: "80%".into(), due_at: d.now(), to: to.iter().map(ToString::to_string).collect() };
            d.t.emit::<ClockEvent>(Some(case), None, told.into());
        };
        step(&["assignee", "accountable", "lead", "nobody_holds_this"]);
        assert_eq!((d.kinds(&d.agent), d.kinds(&d.lead), d.kinds(&d.manager)), (vec!["escalated".to_owned()], vec!["escalated".to_owned()], vec![]), "the nearest lead, not the whole house");
        let notice = d.notices(&d.lead)[0].1.clone();
        assert_eq!((notice["data"]["step"].as_str(), notice["data"]["clock"].as_str(), notice["number"].as_str()), (Some("80%"), Some("resolution"), Some("2026-000001")));
        d.clear();
        step(&["manager"]);
        assert_eq!((d.kinds(&d.manager).len(), d.kinds(&outsider).len()), (1, 0), "a role is told only of cases its holder may read");
        d.clear();
        step(&["team"]);
        assert_eq!((d.kinds(&d.agent).len(), d.kinds(&d.lead).len(), d.kinds(&d.manager).len()), (1, 1, 0));
        // The lead leaves the team: the next wider one hears.
        d.t.emit::<IdentityEvent>(Some(d.lead.person), None, RightsChanged { person_id: d.lead.person, grants: Some(vec![]), roles: Some(vec![]) }.into());
        d.clear();
        step(&["lead"]);
        assert_eq!((d.kinds(&d.lead).len(), d.kinds(&d.manager).len()), (0, 1));
    });
}

#[test]
fn reviews_warnings_crises_and_care_tell_whom_they_name_and_who_asked() {
    on_both(modules, |t| {
        let d = Desk::new(t);
        let case = d.open();
        let review: ReviewId = d.id();
        let tell = |event: ReviewEvent| d.t.emit::<ReviewEvent>(Some(case), None, event);
        tell(Requested { review_id: review, flow: "solution".into(), kind: "review".into(), case_id: Some(case), title: "补偿方案".into(), amount: None, currency: None, emergency: false, by: Some(d.agent.person), at: d.now() }.into());
        tell(StepOpened { review_id: review, case_id: Some(case), step: 1, of: 3, title_zh: "组长".into(), title_en: "Lead".into(), people: vec![d.lead.person], mode: "any".into(), due_at: None, added: false, waiting: None, at: d.now() }.into());
        let step = d.notices(&d.lead)[0].1.clone();
        assert_eq!((step["kind"].as_str(), step["title"].as_str(), step["data"]["of"].as_i64(), step["data"]["review_id"].as_str()), (Some("review_step"), Some("补偿方案"), Some(3), Some(review.to_string().as_str())));
        tell(Approved { review_id: review, case_id: Some(case), flow: "solution".into(), stage: None, reason: Some("同意".into()), at: d.now() }.into());
        assert_eq!(d.kinds(&d.agent), ["review_approved"]);
        let warn = |event: WarningEvent| d.t.emit::<WarningEvent>(None::<PersonId>, None, event);
        let (warning, bulletin): (WarningId, BulletinId) = (d.id(), d.id());
        warn(Raised { warning_id: warning, threshold: "network".into(), title_zh: "宽带投诉突增".into(), title_en: "Broadband".into(), grade: "red".into(), from: None, category: None, region: None, product: None, count: 12, limit: 10, window_s: 3600, why: "count".into(), people: vec![d.manager.person, d.manager.person], respond_by: d.now(), at: d.now() }.into());
        warn(BulletinMade { bulletin_id: bulletin, period: "daily".into(), from: d.now(), to: d.now(), people: vec![d.manager.person], at: d.now() }.into());
        warn(CrisisDeclared { case_id: case, title: "大面积断网".into(), by: d.agent.person, people: vec![d.manager.person], plan_due_at: d.now(), at: d.now() }.into());
        assert_eq!(d.kinds(&d.manager), ["crisis", "bulletin", "warning_raised"]);
        assert_eq!(d.notices(&d.manager)[2].1["data"]["grade"], "red");
        let care = CarePlanned { file_id: d.id::<CareFileId>(), customer_id: d.id::<CustomerId>(), care: "call".into(), title_zh: "回访".into(), title_en: "Call".into(), person_id: Some(d.lead.person), due_at: d.now(), at: d.now() };
        d.t.emit::<ComplaintEvent>(None::<PersonId>, None, care.into());
        assert_eq!(d.kinds(&d.lead), ["care_planned", "review_step"]);
    });
}

#[test]
fn reminders_hand_overs_and_finished_work_orders_are_told() {
    on_both(modules, |t| {
        let d = Desk::new(t);
        let case = d.open();
        d.accountable(case, &d.agent);
        d.clear();
        d.tell(case, Reminded { case_id: case, by: None, text: "客户很急".into(), to: vec![d.agent.person, d.lead.person], count: 1, at: d.now() });
        assert_eq!((d.kinds(&d.agent), d.kinds(&d.lead)), (vec!["reminded".to_owned()], vec!["reminded".to_owned()]));
        d.clear();
        for state in ["offered", "declined", "offered", "accepted"] {
            d.tell(case, HandOver { case_id: case, from: Some(d.agent.person), to: d.lead.person, state: state.into(), reason: "休假".into(), expires_at: None });
        }
        assert_eq!((d.kinds(&d.lead), d.kinds(&d.agent)), (vec!["hand_over".to_owned(); 2], vec!["hand_over_accepted".to_owned(), "hand_over_declined".into()]));
        d.clear();
        let child = d.open_as("work_order", "accepted", None);
        d.tell(case, ChildClosed { case_id: case, child_id: child, number: "2026-000002".into(), title: "查线路".into(), resolution: "solved".into(), text: None, team_id: None, org_unit_id: None, opened_at: d.now(), at: d.now() });
        assert_eq!(d.kinds(&d.agent), ["child_closed"]);
    });
}

#[test]
fn a_board_shows_stages_in_order_with_counts_cards_and_pages_of_a_column() {
    on_both(modules, |t| {
        let d = Desk::new(t);
        d.types();
        let cases: Vec<CaseId> = (0..7).map(|_| d.open()).collect();
        let other: TeamId = d.id();
        d.open_as("complaint", "accepted", Some(other));
        d.open_as("request", "new", Some(d.team));
        for case in &cases[..2] {
            d.stage(*case, "accepted", "handling", "open");
        }
        d.stage(cases[6], "accepted", "archived", "closed");
        d.due(cases[3], 60);
        d.assign(cases[3], &d.agent);
        let board = d.t.get(&d.agent, "/api/v1/cases/board?type=complaint&limit=3").expect(200);
        let columns = board["columns"].as_array().unwrap();
        let shape: Vec<(&str, i64, usize)> = columns.iter().map(|c| (c["stage"].as_str().unwrap(), c["count"].as_i64().unwrap(), c["items"].as_array().unwrap().len())).collect();
        assert_eq!(shape, [("accepted", 4, 3), ("handling", 2, 2), ("waiting_customer", 0, 0), ("resolved", 0, 0), ("archived", 1, 1)]);
        assert_eq!((columns[0]["title"]["zh"].as_str(), columns[0]["loop"].as_str(), columns[0]["items"][0]["case_id"].as_str()), (Some("已受理"), Some("accept"), Some(cases[3].to_string().as_str())), "the nearest deadline is on top");
        assert!(columns[1]["items"][0]["stage_since"].as_str().unwrap() > columns[1]["items"][0]["opened_at"].as_str().unwrap());
        assert_eq!((board["type"]["open"].as_i64(), board["types"].as_array().unwrap().iter().map(|t| t["key"].as_str().unwrap()).collect::<Vec<_>>()), (Some(6), vec!["complaint", "request"]));
        let next = columns[0]["next"].as_str().unwrap();
        let rest = d.t.get(&d.agent, &format!("/api/v1/cases/board?type=complaint&limit=3&stage=accepted&after={next}")).expect(200);
        assert_eq!((rest["columns"].as_array().unwrap().len(), rest["columns"][0]["items"].as_array().unwrap().len(), rest["columns"][0]["next"].is_null()), (1, 1, true));
        let mine = d.t.get(&d.agent, "/api/v1/cases/board?type=complaint&scope=mine").expect(200);
        assert_eq!(mine["columns"][0]["count"], 1);
        assert_eq!(d.t.get(&d.manager, "/api/v1/cases/board?type=complaint").expect(200)["columns"][0]["count"], 5, "the whole house");
        // A stage the type no longer has, and a type nobody told of.
        d.stage(cases[4], "accepted", "old_stage", "open");
        let gone = d.t.get(&d.agent, "/api/v1/cases/board").expect(200);
        assert_eq!((gone["columns"][5]["stage"].as_str(), gone["columns"][5]["gone"].as_bool()), (Some("old_stage"), Some(true)));
        assert_eq!(d.t.get(&d.agent, "/api/v1/cases/board?type=request").expect(200)["columns"][0]["stage"], "new");
        for (query, field) in [("type=nothing", "type"), ("type=complaint&stage=nowhere", "stage"), ("limit=51", "limit"), ("scope=hers", "scope"), ("sort=colour", "sort"), ("recent_days=0", "recent_days"), ("after=abc", "stage"), (&format!("type=complaint&stage=handling&after={next}") as &str, "after")] {
            let reply = d.t.get(&d.agent, &format!("/api/v1/cases/board?{query}"));
            assert_eq!((reply.status.as_u16(), reply.json()["error"]["field"].as_str()), (422, Some(field)), "{query}: {}", reply.text);
        }
        d.t.clock.advance(8 * 86_400);
        assert_eq!(d.t.get(&d.agent, "/api/v1/cases/board?type=complaint").expect(200)["columns"][4]["count"], 0, "the archive shows what is recent");
        d.t.get(&d.t.person("外人", &[]), "/api/v1/cases/board").expect(403);
    });
}

#[test]
fn accountability_says_where_each_case_is_stuck_and_sums_by_person() {
    on_both(modules, |t| {
        let d = Desk::new(t);
        d.types();
        let cases: Vec<CaseId> = (0..6).map(|_| d.open()).collect();
        for case in &cases {
            d.accountable(*case, &d.agent);
        }
        d.assign(cases[0], &d.lead);
        let child = d.open_as("work_order", "accepted", None);
        d.tell(child, Watched { case_id: child, person_id: d.agent.person, removed: false });
        d.tell(cases[1], ChildOpened { case_id: cases[1], child_id: child, number: "2026-000007".into(), case_type: "work_order".into(), title: "查线路".into(), team_id: None, org_unit_id: None, assignee_id: None, due_at: Some(d.now()), again: false, at: d.now() });
        let review: ReviewId = d.id();
        let step = StepOpened { review_id: review, case_id: Some(cases[2]), step: 2, of: 3, title_zh: "经理".into(), title_en: "Manager".into(), people: vec![d.manager.person], mode: "any".into(), due_at: None, added: false, waiting: None, at: d.now() };
        d.t.emit::<ReviewEvent>(Some(cases[2]), None, step.into());
        d.stage(cases[3], "accepted", "waiting_customer", "waiting");
        d.stage(cases[4], "accepted", "resolved", "resolved");
        d.tell(cases[5], Reminded { case_id: cases[5], by: None, text: "急".into(), to: vec![], count: 2, at: d.now() });
        d.due(cases[5], 60);
        d.due(cases[0], 30);
        let answer = d.t.get(&d.agent, "/api/v1/accountability").expect(200);
        let stuck = |answer: &Value| -> Vec<(String, String)> { answer["items"].as_array().unwrap().iter().map(|i| (i["case"]["case_id"].as_str().unwrap().to_owned(), i["stuck"].as_str().unwrap().to_owned())).collect() };
        let wanted: Vec<(String, String)> = [(0, "assignee"), (5, "team"), (1, "department"), (2, "review"), (3, "customer"), (4, "callback")].map(|(i, word): (usize, &str)| (cases[i].to_string(), word.to_owned())).to_vec();
        assert_eq!(stuck(&answer), wanted, "soonest deadline first");
        let items = &answer["items"];
        assert_eq!((items[2]["waiting_for"][0]["title"]["zh"].as_str(), items[2]["waiting_for"][0]["number"].as_str()), (Some("工单 7"), Some("2026-000007")));
        assert_eq!((items[3]["waiting_for"][0]["people"][0]["name"].as_str(), items[3]["waiting_for"][0]["step"].as_i64()), (Some("赵经理"), Some(2)));
        assert_eq!((items[1]["reminders"].as_i64(), items[1]["since"] == items[1]["case"]["opened_at"], items[0]["with"]["person"]["name"].as_str(), items[4]["stage_title"]["zh"].as_str()), (Some(2), true, Some("王组长"), Some("待客户")));
        assert_eq!(answer["person"]["name"], "张三");
        // By keyset, and narrowed; the lead sees the same of their team, a stranger nothing.
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = d.t.get(&d.lead, &format!("/api/v1/accountability?person_id={}&limit=4&after={after}", d.agent.person)).expect(200);
            seen.extend(stuck(&page));
            match page["next"].as_str() {
                Some(next) => after = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(seen, wanted);
        assert_eq!(stuck(&d.t.get(&d.agent, "/api/v1/accountability?stuck=review").expect(200)), wanted[3..4]);
        let stranger = d.t.viewer("外人", vec![grant("case.read", Reach::Own)]);
        assert!(stuck(&d.t.get(&stranger, &format!("/api/v1/accountability?person_id={}", d.agent.person)).expect(200)).is_empty());
        let people = d.t.get(&d.lead, "/api/v1/accountability/people").expect(200);
        let sums = &people["items"][0];
        assert_eq!(people["items"].as_array().unwrap().len(), 1);
        for (key, n) in [("open", 6), ("department", 1), ("review", 1), ("customer", 1), ("callback", 1), ("team", 1), ("reminded", 1), ("breached", 0)] {
            assert_eq!(sums[key], n, "{key}");
        }
        d.t.clock.advance(45);
        assert_eq!(d.t.get(&d.manager, &format!("/api/v1/accountability/people?team_id={}", d.team)).expect(200)["items"][0]["breached"], 1);
        assert!(d.t.get(&stranger, "/api/v1/accountability/people").expect(200)["items"].as_array().unwrap().is_empty());
        for (query, field) in [("person_id=cas_x", "person_id"), ("stuck=mud", "stuck"), ("after=x", "after")] {
            assert_eq!(d.t.get(&d.agent, &format!("/api/v1/accountability?{query}")).json()["error"]["field"], field);
        }
        // Done: neither waits any more.
        d.tell(cases[1], ChildClosed { case_id: cases[1], child_id: child, number: "2026-000007".into(), title: "查线路".into(), resolution: "solved".into(), text: None, team_id: None, org_unit_id: None, opened_at: d.now(), at: d.now() });
        assert_eq!(d.t.get(&d.agent, "/api/v1/accountability?stuck=department").expect(200)["items"].as_array().unwrap().len(), 0);
        d.t.assert_rebuilds(|tx| {
            let waits: Vec<(CaseId, String, String)> = tx.all("SELECT case_id, kind, title_zh FROM desk_wait ORDER BY case_id", params![])?;
            let stays: Vec<(CaseId, shouwen_kernel::Time, i64)> = tx.all("SELECT case_id, since, reminders FROM desk_stay ORDER BY case_id", params![])?;
            let types: Vec<(String, Value)> = tx.all("SELECT key, stages FROM desk_type ORDER BY key", params![])?;
            Ok((waits, stays, types))
        });
    });
}

#[test]
fn a_step_waits_for_all_it_asks_whoever_comes_goes_or_decides_and_for_nobody_once_it_is_over() {
    on_both(modules, |t| {
        let d = Desk::new(t);
        d.types();
        let case = d.open();
        d.accountable(case, &d.agent);
        let review: ReviewId = d.id();
        let tell = |event: ReviewEvent| d.t.emit::<ReviewEvent>(Some(case), None, event);
        let begun = d.now();
        let step = |step: i64, people: &[&Viewer], added: bool, waiting: Option<&[&Viewer]>| StepOpened {
            review_id: review, case_id: Some(case), step, of: 2, title_zh: "会签".into(), title_en: "Joint".into(), people: people.iter().map(|v| v.person).collect(), mode: "all".into(), due_at: Some(begun.plus_seconds(3600)), added,
            waiting: waiting.map(|all| all.iter().map(|v| v.person).collect()), at: d.now(),
        };
        let waits = |d: &Desk| -> (Vec<String>, Value, Value) {
            let item = d.t.get(&d.agent, "/api/v1/accountability").expect(200)["items"][0]["waiting_for"].clone();
            (item[0]["people"].as_array().map(|all| all.iter().map(|p| p["name"].as_str().unwrap().to_owned()).collect()).unwrap_or_default(), item[0]["since"].clone(), item[0]["due_at"].clone())
        };
        tell(step(1, &[&d.lead], false, Some(&[&d.lead])).into());
        let (first, since, due) = waits(&d);
        assert_eq!(first.len(), 1);
        d.t.clock.advance(60);
        tell(step(1, &[&d.manager], true, Some(&[&d.lead, &d.manager])).into());
        let after = waits(&d);
        assert_eq!((after.0.len(), &after.1, &after.2), (2, &since, &due), "the newcomer beside the others, since the step was opened");
        tell(shouwen_contracts::reviews::Decided { review_id: review, case_id: Some(case), step: 1, person_id: d.lead.person, for_person: None, decision: "approve".into(), reason: None, waiting: Some(vec![d.manager.person]), at: d.now() }.into());
        assert_eq!(waits(&d).0, ["赵经理"]);
        tell(shouwen_contracts::reviews::Released { review_id: review, case_id: Some(case), step: 1, people: vec![d.manager.person], why: "rights".into(), waiting: vec![], at: d.now() }.into());
        assert_eq!(waits(&d).0, [""; 0]);
        // Opened anew for others: they take the place of those before.
        tell(step(2, &[&d.lead], false, None).into());
        assert_eq!(waits(&d).0.len(), 1);
        d.t.assert_rebuilds(|tx| tx.all::<(CaseId, i64, Value)>("SELECT case_id, step, people FROM desk_wait ORDER BY case_id", params![]));
        // The end of what was looked at after an emergency names no case, and nothing waits any more.
        tell(Approved { review_id: review, case_id: None, flow: "joint".into(), stage: None, reason: None, at: d.now() }.into());
        assert_eq!(d.t.get(&d.agent, "/api/v1/accountability").expect(200)["items"][0]["waiting_for"], serde_json::json!([]));
        // Whoever changed what was approved is told that it is reviewed again.
        tell(shouwen_contracts::reviews::Outdated { review_id: review, case_id: Some(case), flow: "joint".into(), stage: None, by: Some(d.agent.person), at: d.now() }.into());
        assert!(d.kinds(&d.agent).contains(&"review_outdated".to_owned()));
    });
}

#[test]
fn a_wall_shows_members_their_load_and_what_was_done_today() {
    on_both(modules, |t| {
        let d = Desk::new(t);
        d.t.emit::<IdentityEvent>(Some(d.agent.person), None, PersonStatus { person_id: d.agent.person, status: "busy".into() }.into());
        let cases: Vec<CaseId> = (0..4).map(|_| d.open()).collect();
        for case in &cases[..3] {
            d.assign(*case, &d.agent);
        }
        d.due(cases[0], 600);
        d.due(cases[1], 10);
        d.t.clock.advance(20);
        let answer = |case: CaseId, auto: bool| MessageAdded {
            case_id: case, conversation_id: ConversationId::NIL, message_id: MessageId::NIL, direction: "out".into(), author_id: Some(d.agent.person), author_name: "张三".into(), preview: "好".into(), content: String::new(),
            at: d.now(), auto, verified: true, mentions: vec![], files: vec![],
        };
        d.tell(cases[0], answer(cases[0], false));
        d.tell(cases[0], answer(cases[0], true));
        d.tell(cases[2], Closed { case_id: cases[2], resolution: "solved".into(), text: None, by: Some(d.agent.person), at: d.now(), conversation_id: None, ask: false });
        let wall = d.t.get(&d.lead, &format!("/api/v1/teams/{}/wall", d.team)).expect(200);
        assert_eq!((wall["team"]["name"].as_str(), wall["open"].as_i64(), wall["unassigned"].as_i64(), wall["breached"].as_i64(), wall["day"].as_str()), (Some("投诉组"), Some(3), Some(1), Some(1), Some("2026-03-02")));
        let member = wall["members"].as_array().unwrap().iter().find(|m| m["person"]["name"] == "张三").unwrap().clone();
        assert_eq!((member["status"].as_str(), member["open"].as_i64(), member["breached"].as_i64(), member["answered_today"].as_i64(), member["closed_today"].as_i64()), (Some("busy"), Some(2), Some(1), Some(1), Some(1)));
        assert_eq!((member["next"]["case_id"].as_str(), member["next"]["clock"].as_str()), (Some(cases[1].to_string().as_str()), Some("resolution")));
        assert_eq!(wall["members"].as_array().unwrap().len(), 2);
        d.t.clock.advance(86_400);
        let tomorrow = d.t.get(&d.agent, &format!("/api/v1/teams/{}/wall", d.team)).expect(200);
        assert!(tomorrow["members"].as_array().unwrap().iter().all(|m| m["answered_today"] == 0));
        let stranger = d.t.viewer("外人", vec![grant("case.read", Reach::Own)]);
        d.t.get(&stranger, &format!("/api/v1/teams/{}/wall", d.team)).expect(404);
        assert_eq!(d.t.get(&stranger, "/api/v1/teams/walls").expect(200)["items"], json!([]));
        assert_eq!(d.t.get(&d.manager, "/api/v1/teams/walls").expect(200)["items"][0]["unassigned"], 1);
    });
}
