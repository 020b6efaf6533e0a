//! Clocks through the events of a case, on both databases.

use serde_json::{Value, json};
use shouwen_contracts::casework::{CaseEvent, Closed, Edited, MessageAdded, Opened, Reopened, StageChanged};
use shouwen_contracts::service_levels::ClockEvent;
use shouwen_kernel::{Access, CaseId, ConversationId, Grant, MessageId, Reach, TeamId, Time};
use shouwen_testkit::{START, TestApp, on_both};
use shouwen_web::{Module, Viewer};

fn modules() -> Vec<Module> {
    vec![shouwen_service_levels::module()]
}

const HOUR: i64 = 3600;

struct Stage {
    t: TestApp,
    admin: Viewer,
    team: TeamId,
    case: CaseId,
}

impl Stage {
    fn new(t: TestApp) -> Self {
        let admin = t.person("管理员", &["case.read", "calendar.manage", "service_level.manage"]);
        let ctx = t.system();
        t.db.write_blocking(move |tx| shouwen_service_levels::ensure_defaults(tx, &ctx, "Asia/Shanghai", true)).unwrap();
        let (team, case) = (TeamId(t.app.ids().uuid(START)), CaseId(t.app.ids().uuid(START)));
        let stage = Self { t, admin, team, case };
        stage.tell(Opened {
            case_id: case,
            number: "2026-000001".into(),
            case_type: "request".into(),
            title: "宽带断网".into(),
            priority: "normal".into(),
            stage: "accepted".into(),
            status: "open".into(),
            channel: "email".into(),
            inbox_id: None,
            customer_id: None,
            customer_name: None,
            region: None,
            tier: None,
            org_unit_id: None,
            team_id: Some(team),
            assignee_id: None,
            accountable_id: None,
            tags: vec![],
            language: Some("zh".into()),
            opened_at: START,
        });
        stage
    }
    fn tell(&self, event: impl Into<CaseEvent>) {
        self.t.emit::<CaseEvent>(Some(self.case), Some(Access { team: Some(self.team), ..Access::default() }), event.into());
    }
    fn now(&self) -> Time {
        self.t.app.clock().now()
    }
    fn message(&self, direction: &str) {
        let ids = self.t.app.ids();
        self.tell(MessageAdded {
            case_id: self.case,
            conversation_id: ConversationId::NIL,
            message_id: MessageId(ids.uuid(self.now())),
            direction: direction.into(),
            author_id: None,
            author_name: "王芳".into(),
            preview: "…".into(),
            content: String::new(),
            at: self.now(),
            auto: false,
            verified: true,
            mentions: vec![],
        });
    }
    fn stage(&self, from_status: &str, to_status: &str) {
        self.tell(StageChanged { case_id: self.case, from: String::new(), to: String::new(), from_status: from_status.into(), to_status: to_status.into(), reason: None, at: self.now() });
    }
    fn clock(&self, kind: &str) -> Value {
        let clocks = self.t.get(&self.admin, &format!("/api/v1/cases/{}/clocks", self.case)).expect(200);
        clocks.as_array().unwrap().iter().find(|c| c["kind"] == kind).cloned().unwrap_or(Value::Null)
    }
    fn told(&self, kind: &str) -> usize {
        use shouwen_contracts::Event;
        self.t.events::<ClockEvent>().iter().filter(|e| e.kind() == kind).count()
    }
}

#[test]
fn targets_count_in_working_time_and_stop_at_the_answer() {
    on_both(modules, |t| {
        let s = Stage::new(t);
        // Monday 09:00, four working hours with a lunch break: 14:30.
        assert_eq!(s.clock("first_response")["due_at"], "2026-03-02T06:30:00Z");
        s.t.advance(HOUR);
        s.message("out");
        let met = s.clock("first_response");
        assert_eq!((met["state"].as_str(), met["elapsed_s"].as_i64()), (Some("met"), Some(HOUR)));
        assert_eq!(s.clock("next_response"), Value::Null);
        s.message("in");
        assert_eq!(s.clock("next_response")["state"], "running");
        s.message("out");
        assert_eq!(s.clock("next_response")["state"], "met");
    });
}

#[test]
fn waiting_for_the_customer_pauses_and_moves_the_deadline() {
    on_both(modules, |t| {
        let s = Stage::new(t);
        let before = s.clock("resolution")["due_at"].as_str().unwrap().to_owned();
        s.stage("open", "waiting");
        assert_eq!((s.clock("resolution")["state"].as_str(), s.clock("resolution")["due_at"].is_null()), (Some("paused"), true));
        s.t.advance(24 * HOUR);
        s.stage("waiting", "open");
        let after = s.clock("resolution");
        assert_eq!(after["elapsed_s"], 0);
        assert!(after["due_at"].as_str().unwrap() > before.as_str(), "a pause never shortens");
        assert_eq!(after["history"].as_array().unwrap().iter().map(|h| h["why"].as_str().unwrap()).collect::<Vec<_>>(), ["opened", "paused", "resumed"]);
    });
}

#[test]
fn warning_comes_before_breach_each_exactly_once_and_never_early() {
    on_both(modules, |t| {
        let s = Stage::new(t);
        // 80 % of four hours: 3 h 12 min after 09:00 with lunch from 12:00 to 13:30: 13:42.
        s.t.advance(4 * HOUR + 41 * 60);
        assert_eq!((s.told("clock.warned"), s.told("clock.breached")), (0, 0));
        s.t.advance(60);
        assert_eq!((s.told("clock.warned"), s.told("clock.breached")), (1, 0));
        s.t.advance(48 * 60);
        assert_eq!(s.told("clock.breached"), 0, "at the deadline itself it is still in time");
        s.t.advance(1);
        assert_eq!((s.told("clock.warned"), s.told("clock.breached")), (1, 1));
        s.t.advance(HOUR);
        assert_eq!(s.told("clock.breached"), 1);
        s.message("out");
        assert_eq!(s.clock("first_response")["state"], "breached");
    });
}

#[test]
fn priority_and_calendar_edits_plan_open_clocks_anew() {
    on_both(modules, |t| {
        let s = Stage::new(t);
        s.tell(Edited { case_id: s.case, field: "priority".into(), from: json!("normal"), to: json!("urgent") });
        assert_eq!(s.clock("first_response")["due_at"], "2026-03-02T02:00:00Z");
        let calendars = s.t.get(&s.admin, "/api/v1/calendars").expect(200);
        let office = calendars.as_array().unwrap().iter().find(|c| c["name"] == "办公时间").unwrap().clone();
        let path = format!("/api/v1/calendars/{}", office["id"].as_str().unwrap());
        s.t.patch(&s.admin, &path, json!({"version": 1, "days": {"2026-03-02": []}})).expect(200);
        s.t.fire_timers();
        assert_eq!(s.clock("first_response")["due_at"], "2026-03-03T02:00:00Z", "the day became a holiday");
        assert_eq!(s.t.patch(&s.admin, &path, json!({"version": 1, "days": {}})).code(), "version_conflict");
        let wrong = s.t.patch(&s.admin, &path, json!({"version": 2, "week": {"mon": ["9-12"]}}));
        assert_eq!(wrong.status, 422);
        assert!(wrong.json()["error"]["expected"].is_string(), "{}", wrong.text);
    });
}

#[test]
fn closing_meets_and_reopening_goes_on_without_the_time_between() {
    on_both(modules, |t| {
        let s = Stage::new(t);
        s.t.advance(HOUR);
        s.tell(Closed { case_id: s.case, resolution: "solved".into(), text: None, by: None, at: s.now(), conversation_id: None, ask: true });
        assert_eq!((s.clock("resolution")["state"].as_str(), s.clock("resolution")["elapsed_s"].as_i64()), (Some("met"), Some(HOUR)));
        s.t.advance(7 * 24 * HOUR);
        s.tell(Reopened { case_id: s.case, reason: "customer wrote".into(), at: s.now() });
        let again = s.clock("resolution");
        assert_eq!((again["state"].as_str(), again["elapsed_s"].as_i64()), (Some("running"), Some(HOUR)));
    });
}

#[test]
fn old_mail_brought_in_by_an_import_starts_no_clock_whatever_happens_to_it() {
    on_both(modules, |t| {
        let s = Stage::new(t);
        let case = CaseId(s.t.app.ids().uuid(START));
        let access = Some(Access { team: Some(s.team), ..Access::default() });
        s.t.emit::<CaseEvent>(
            Some(case),
            access.clone(),
            Opened {
                case_id: case, number: "2025-000001".into(), case_type: "request".into(), title: "旧信".into(), priority: "normal".into(), stage: "accepted".into(), status: "open".into(), channel: "email".into(), inbox_id: None,
                customer_id: None, customer_name: None, region: None, tier: None, org_unit_id: None, team_id: Some(s.team), assignee_id: None, accountable_id: None, tags: vec![], language: None,
                opened_at: START.plus_seconds(-90 * 86_400),
            }
            .into(),
        );
        s.t.emit::<CaseEvent>(Some(case), access, Edited { case_id: case, field: "priority".into(), from: json!("normal"), to: json!("urgent") }.into());
        s.t.advance(HOUR);
        assert_eq!(s.t.get(&s.admin, &format!("/api/v1/cases/{case}/clocks")).expect(200), json!([]));
        assert_eq!(s.told("clock.breached"), 0);
    });
}

#[test]
fn clocks_are_shown_only_to_who_may_see_the_case() {
    on_both(modules, |t| {
        let s = Stage::new(t);
        let path = format!("/api/v1/cases/{}/clocks", s.case);
        let stranger = s.t.viewer("外人", vec![Grant { permission: "case.read".into(), reach: Reach::Own }]);
        s.t.get(&stranger, &path).expect(404);
        let member = s.t.viewer("组员", vec![Grant { permission: "case.read".into(), reach: Reach::Teams { teams: [s.team].into() } }]);
        s.t.get(&member, &path).expect(200);
        s.t.get(&s.t.person("无权", &[]), &path).expect(403);
        s.t.post(&member, "/api/v1/calendars", json!({"name": "x"})).expect(403);
    });
}

#[test]
fn a_service_level_with_faults_says_which_field_and_what_would_be_right() {
    on_both(modules, |t| {
        let s = Stage::new(t);
        let calendar = s.t.get(&s.admin, "/api/v1/calendars").expect(200)[0]["id"].clone();
        let send = |body: Value| s.t.post(&s.admin, "/api/v1/service-levels", body);
        let base = |targets: Value, applies: Value| json!({"name": "n", "calendar_id": calendar, "targets": targets, "match": applies});
        assert_eq!(send(base(json!({"first_response": "soon"}), Value::Null)).json()["error"]["field"], "targets.first_response");
        assert_eq!(send(base(json!({"first": "1h"}), Value::Null)).json()["error"]["field"], "targets.first");
        assert_eq!(send(base(json!({"resolution": "1h"}), json!({"field": "colour", "op": "eq", "value": "red"}))).json()["error"]["field"], "match.field");
        send(base(json!({"resolution": "3wd"}), json!({"field": "tier", "op": "eq", "value": "gold"}))).expect(201);
    });
}
