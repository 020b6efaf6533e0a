//! Clocks through the events of a case, on both databases.

use serde_json::{Value, json};
use shouwen_contracts::casework::{CaseEvent, Closed, Edited, MessageAdded, Opened, ParentSet, Reopened, StageChanged};
use shouwen_contracts::wish::{ActionWish, WishEvent};
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
        t.db.write_blocking(move |tx| shouwen_service_levels::ensure_defaults(tx, &ctx, "Asia/Shanghai")).unwrap();
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
            mentions: vec![], files: vec![],
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

mod ladder {
    use super::*;
    use shouwen_contracts::service_levels::Escalated;

    fn escalated(s: &Stage) -> Vec<(String, String, Vec<String>)> {
        s.t.events::<ClockEvent>().into_iter().filter_map(|e| match e {
            ClockEvent::Escalated(Escalated { clock, step, to, .. }) => Some((clock, step, to)),
            _ => None,
        })
        .collect()
    }

    fn level(s: &Stage, patch: Value) -> Value {
        let level = s.t.get(&s.admin, "/api/v1/service-levels").expect(200)[0].clone();
        let mut body = patch;
        body["version"] = level["version"].clone();
        let path = format!("/api/v1/service-levels/{}", level["id"].as_str().unwrap());
        let answer = s.t.patch(&s.admin, &path, body).expect(200);
        s.t.fire_timers();
        answer
    }

    #[test]
    fn each_rung_is_told_once_to_its_parties_at_its_time_and_not_before() {
        on_both(modules, |t| {
            let s = Stage::new(t);
            level(&s, json!({ "ladder": [
                { "at": "50%", "to": ["assignee"], "clocks": ["first_response"] },
                { "at": "100%", "to": ["accountable", "lead"], "clocks": ["first_response"] },
                { "at": "+1h", "to": ["manager"], "clocks": ["first_response"] },
            ] }));
            // Four working hours from Monday 09:00: half at 11:00, all at 14:30, an hour beyond at 15:30.
            s.t.advance(2 * HOUR - 1);
            assert_eq!(escalated(&s), []);
            s.t.advance(1);
            assert_eq!(escalated(&s), [("first_response".into(), "50%".into(), vec!["assignee".to_owned()])]);
            s.t.advance(3 * HOUR + 30 * 60);
            assert_eq!(escalated(&s).len(), 1, "at the deadline itself it is still in time");
            s.t.advance(1);
            assert_eq!(escalated(&s).last().unwrap().1, "100%");
            s.t.advance(HOUR);
            assert_eq!(escalated(&s).iter().map(|e| e.1.as_str()).collect::<Vec<_>>(), ["50%", "100%", "+1h"]);
            s.t.advance(30 * 24 * HOUR);
            assert_eq!(escalated(&s).len(), 3);
            let shown = s.clock("first_response");
            assert!(shown["ladder"].as_array().unwrap().iter().all(|step| step["told"] == true), "{shown}");
        });
    }

    #[test]
    fn a_deadline_that_moves_on_lets_its_rungs_be_told_again_and_a_rest_holds_them_back() {
        on_both(modules, |t| {
            let s = Stage::new(t);
            level(&s, json!({ "ladder": [{ "at": "50%", "to": ["assignee"] }] }));
            s.t.advance(2 * HOUR);
            assert_eq!(escalated(&s).len(), 1);
            s.stage("open", "waiting");
            s.t.advance(72 * HOUR);
            assert_eq!(escalated(&s).len(), 1, "while it rests nothing is told");
            s.stage("waiting", "open");
            assert_eq!(escalated(&s).len(), 1, "half of the target lies behind us as before");
            level(&s, json!({ "targets": { "first_response": "40h", "resolution": "24h" } }));
            let history: Vec<Value> = s.clock("first_response")["history"].as_array().unwrap().clone();
            assert_eq!(history.iter().map(|h| h["why"].as_str().unwrap()).collect::<Vec<_>>(), ["opened", "service_level", "paused", "resumed", "service_level"]);
            assert_eq!((history[0]["target"].as_str(), history[4]["target"].as_str()), (Some("4h"), Some("40h")));
            s.t.advance(8 * 24 * HOUR);
            assert_eq!(escalated(&s).iter().filter(|e| e.0 == "first_response").count(), 2, "half of the new target");
        });
    }

    #[test]
    fn targets_in_seconds_are_kept_to_the_second() {
        on_both(modules, |t| {
            let s = Stage::new(t);
            level(&s, json!({ "targets": { "first_response": "30s" }, "warn_at": 0.5, "ladder": [{ "at": "100%", "to": ["lead"] }] }));
            s.t.advance(30);
            assert_eq!((s.told("clock.warned"), s.told("clock.breached"), escalated(&s).len()), (1, 0, 0));
            s.t.advance(1);
            assert_eq!((s.told("clock.warned"), s.told("clock.breached"), escalated(&s).len()), (1, 1, 1));
        });
    }

    #[test]
    fn a_ladder_with_faults_is_refused_with_its_place() {
        on_both(modules, |t| {
            let s = Stage::new(t);
            let calendar = s.t.get(&s.admin, "/api/v1/calendars").expect(200)[0]["id"].clone();
            let refused = s.t.post(&s.admin, "/api/v1/service-levels", json!({ "name": "n", "calendar_id": calendar, "targets": { "resolution": "1h" }, "ladder": [{ "at": "soon", "to": ["lead"] }] }));
            assert_eq!(refused.json()["error"]["field"], "ladder[0].at");
        });
    }
}

mod regulatory {
    use super::*;

    fn policy(s: &Stage, fields: Value) -> Value {
        let calendars = s.t.get(&s.admin, "/api/v1/calendars").expect(200);
        let named = |name: &str| calendars.as_array().unwrap().iter().find(|c| c["key"] == name).unwrap()["id"].clone();
        let mut body = json!({
            "key": "answer", "title": { "zh": "答复", "en": "Answer" }, "regime": "telecom", "source": "第九条", "starts": "opened", "ends": "resolved", "limit": 15, "unit": "day",
            "calendar_id": named("around-the-clock"), "match": { "field": "tag", "op": "contains", "value": "appeal" },
        });
        for (name, value) in fields.as_object().unwrap() {
            body[name] = if name == "calendar" { Value::Null } else { value.clone() };
        }
        if let Some(key) = fields["calendar"].as_str() {
            body.as_object_mut().unwrap().remove("calendar");
            body["calendar_id"] = named(key);
        }
        s.t.post(&s.admin, "/api/v1/regulatory-clocks", body).expect(201)
    }

    fn tag(s: &Stage, added: &[&str], removed: &[&str]) {
        let of = |tags: &[&str]| tags.iter().map(ToString::to_string).collect();
        s.tell(shouwen_contracts::casework::Tagged { case_id: s.case, added: of(added), removed: of(removed) });
    }

    #[test]
    fn natural_days_run_to_the_end_of_the_day_whether_or_not_anybody_works() {
        on_both(modules, |t| {
            let s = Stage::new(t);
            policy(&s, json!({}));
            tag(&s, &["appeal"], &[]);
            let clock = s.clock("reg.answer");
            // Opened on 2 March: the fifteenth day after it ends at midnight, 17 March.
            assert_eq!((clock["due_at"].as_str(), clock["regulation"]["regime"].as_str(), clock["service_level"]["name"].as_str()), (Some("2026-03-17T16:00:00Z"), Some("telecom"), Some("答复")));
            s.stage("open", "waiting");
            assert_eq!(s.clock("reg.answer")["state"], "running", "waiting for the customer stops no regulator");
            s.t.advance(10 * 24 * HOUR);
            tag(&s, &[], &["appeal"]);
            assert_eq!(s.clock("reg.answer")["state"], "cancelled");
            tag(&s, &["appeal"], &[]);
            assert_eq!(s.clock("reg.answer")["due_at"], "2026-03-17T16:00:00Z");
            s.stage("waiting", "resolved");
            assert_eq!(s.clock("reg.answer")["state"], "met");
        });
    }

    #[test]
    fn working_days_skip_holidays_and_a_stage_or_a_date_in_the_form_may_start_them() {
        on_both(modules, |t| {
            let s = Stage::new(t);
            policy(&s, json!({ "key": "decide", "match": null, "starts": "stage:handling", "ends": "stage:inform", "limit": 7, "unit": "working_day", "calendar": "office" }));
            policy(&s, json!({ "key": "since", "match": null, "starts": "field:received_on", "ends": "closed", "limit": 24, "unit": "hour" }));
            assert_eq!(s.clock("reg.decide"), Value::Null);
            let to = |from: &str, to: &str| s.tell(StageChanged { case_id: s.case, from: from.into(), to: to.into(), from_status: "open".into(), to_status: "open".into(), reason: None, at: s.now() });
            to("accepted", "handling");
            // The end of the seventh working day after Monday 2 March.
            assert_eq!(s.clock("reg.decide")["due_at"], "2026-03-11T10:00:00Z");
            to("handling", "inform");
            assert_eq!(s.clock("reg.decide")["state"], "met");
            s.tell(Edited { case_id: s.case, field: "fields.received_on".into(), from: Value::Null, to: json!("2026-03-03") });
            assert_eq!(s.clock("reg.since")["due_at"], "2026-03-03T16:00:00Z");
            s.tell(Edited { case_id: s.case, field: "fields.received_on".into(), from: json!("2026-03-03"), to: json!("2026-03-04") });
            assert_eq!(s.clock("reg.since")["due_at"], "2026-03-04T16:00:00Z");
            s.stage("open", "resolved");
            assert_eq!(s.clock("reg.since")["state"], "running", "only closing ends it");
        });
    }

    #[test]
    fn a_regulatory_clock_is_edited_like_any_other_and_open_clocks_follow() {
        on_both(modules, |t| {
            let s = Stage::new(t);
            let made = policy(&s, json!({}));
            tag(&s, &["appeal"], &[]);
            let path = format!("/api/v1/regulatory-clocks/{}", made["id"].as_str().unwrap());
            assert_eq!(s.t.patch(&s.admin, &path, json!({ "version": 7, "limit": 30 })).code(), "version_conflict");
            assert_eq!(s.t.patch(&s.admin, &path, json!({ "version": 1, "unit": "moon" })).json()["error"]["field"], "unit");
            s.t.patch(&s.admin, &path, json!({ "version": 1, "limit": 30 })).expect(200);
            s.t.fire_timers();
            assert_eq!(s.clock("reg.answer")["due_at"], "2026-04-01T16:00:00Z");
            assert_eq!(s.clock("reg.answer")["history"].as_array().unwrap().len(), 2);
            s.t.patch(&s.t.person("无权", &["case.read"]), &path, json!({ "version": 2 })).expect(403);
            let used = s.t.get(&s.admin, "/api/v1/calendars").expect(200).as_array().unwrap().iter().find(|c| c["key"] == "around-the-clock").unwrap()["id"].clone();
            assert_eq!(s.t.delete(&s.admin, &format!("/api/v1/calendars/{}", used.as_str().unwrap())).code(), "calendar.in_use");
            s.t.delete(&s.admin, &path).expect(204);
            assert_eq!(s.clock("reg.answer")["due_at"], "2026-04-01T16:00:00Z", "running clocks keep their plan");
        });
    }
}

mod stages {
    use super::*;

    /// What casework tells when a type is saved; only what clocks read of it.
    #[derive(Clone)]
    struct Saved(Value);
    impl shouwen_contracts::Event for Saved {
        const KINDS: &'static [&'static str] = &["case_type.saved"];
        fn kind(&self) -> &'static str {
            "case_type.saved"
        }
        fn payload(&self) -> serde_json::Result<Value> {
            Ok(self.0.clone())
        }
        fn from_parts(kind: &str, payload: Value) -> Option<serde_json::Result<Self>> {
            (kind == "case_type.saved").then(|| Ok(Self(payload)))
        }
    }

    fn saved(s: &Stage, pause: Value) {
        let payload = json!({ "key": "request", "version": 3, "stages": [{ "key": "accepted", "status": "open", "pause": [] }, { "key": "review", "status": "open", "pause": pause }] });
        s.t.emit::<Saved>(None::<uuid::Uuid>, None, Saved(payload));
        s.t.fire_timers();
    }

    #[test]
    fn clocks_rest_in_the_stages_their_type_names() {
        on_both(modules, |t| {
            let s = Stage::new(t);
            saved(&s, json!(["resolution"]));
            let to = |from: &str, to: &str| s.tell(StageChanged { case_id: s.case, from: from.into(), to: to.into(), from_status: "open".into(), to_status: "open".into(), reason: None, at: s.now() });
            to("accepted", "review");
            assert_eq!((s.clock("resolution")["state"].as_str(), s.clock("first_response")["state"].as_str()), (Some("paused"), Some("running")));
            s.t.advance(HOUR);
            // The type changes while the case stands there.
            saved(&s, json!(["first_response"]));
            assert_eq!((s.clock("resolution")["state"].as_str(), s.clock("first_response")["state"].as_str()), (Some("running"), Some("paused")));
            assert_eq!(s.clock("resolution")["elapsed_s"], 0);
            to("review", "accepted");
            assert_eq!(s.clock("first_response")["state"], "running");
        });
    }
}

#[test]
fn a_target_made_shorter_than_what_is_used_up_is_told_even_while_the_clock_rests() {
    on_both(modules, |t| {
        let s = Stage::new(t);
        s.t.advance(2 * HOUR);
        s.stage("open", "waiting");
        assert_eq!(s.told("clock.breached"), 0);
        // Urgent: one hour; two are used up.
        s.tell(Edited { case_id: s.case, field: "priority".into(), from: json!("normal"), to: json!("urgent") });
        s.t.fire_timers();
        assert_eq!((s.clock("first_response")["state"].as_str(), s.told("clock.breached")), (Some("paused"), 1));
        s.t.advance(24 * HOUR);
        s.stage("waiting", "open");
        s.t.fire_timers();
        assert_eq!(s.told("clock.breached"), 1, "once");
    });
}

#[test]
fn rules_start_and_stop_clocks_and_a_wish_told_twice_is_carried_out_once() {
    use shouwen_contracts::wish::{ActionWish, WishEvent};
    on_both(modules, |t| {
        let s = Stage::new(t);
        let wish = |action: Value| {
            s.t.emit::<WishEvent>(Some(s.case), None, ActionWish { source: "rule:x:1.0".into(), case_id: s.case, action, reason: "…".into(), chain: vec!["x".into()] }.into());
        };
        for _ in 0..2 {
            wish(json!({ "do": "start_clock", "clock": "callback", "target": "2h", "calendar": "around-the-clock" }));
        }
        let clock = s.clock("callback");
        assert_eq!((clock["due_at"].as_str(), clock["calendar"]["name"].as_str(), clock["history"].as_array().unwrap().len()), (Some("2026-03-02T03:00:00Z"), Some("全天候 7×24"), 1));
        // An edit of the case leaves a rule's own clock alone.
        s.tell(Edited { case_id: s.case, field: "priority".into(), from: json!("normal"), to: json!("urgent") });
        assert_eq!(s.clock("callback")["state"], "running");
        s.t.advance(HOUR);
        wish(json!({ "do": "stop_clock", "clock": "callback" }));
        assert_eq!((s.clock("callback")["state"].as_str(), s.clock("callback")["elapsed_s"].as_i64()), (Some("met"), Some(HOUR)));
        wish(json!({ "do": "start_clock", "clock": "callback" }));
        wish(json!({ "do": "start_clock", "clock": "reg.nothing" }));
        wish(json!({ "do": "tag", "tags": ["x"] }));
        assert_eq!(s.clock("callback")["state"], "met", "without a target there is nothing to start");
    });
}

#[test]
fn a_work_order_is_due_when_it_was_agreed_whatever_the_calendar_says() {
    on_both(modules, |t| {
        let s = Stage::new(t);
        // Saturday, when nobody works.
        let due = START.plus_seconds(5 * 24 * HOUR + 6 * HOUR);
        s.tell(ParentSet { case_id: s.case, parent_id: Some(s.case), due_at: Some(due) });
        let clock = || -> Value {
            let all = s.t.get(&s.admin, &format!("/api/v1/cases/{}/clocks", s.case)).expect(200);
            all.as_array().unwrap().iter().find(|c| c["kind"] == "due").cloned().unwrap_or_default()
        };
        assert_eq!((clock()["due_at"].clone(), clock()["state"].clone(), clock()["target_s"].as_i64()), (json!(due), json!("running"), Some(126 * HOUR)));
        s.tell(ParentSet { case_id: s.case, parent_id: Some(s.case), due_at: Some(due) });
        assert_eq!(clock()["history"].as_array().unwrap().len(), 1, "told twice, planned once");
        s.t.advance(101 * HOUR);
        assert_eq!(clock()["state"], "warned");
        let told = |wanted: fn(&ClockEvent) -> bool| s.t.events::<ClockEvent>().iter().filter(|e| wanted(e)).count();
        assert_eq!(told(|e| matches!(e, ClockEvent::Warned(w) if w.clock == "due")), 1);
        s.t.advance(26 * HOUR);
        assert_eq!((clock()["state"].clone(), told(|e| matches!(e, ClockEvent::Breached(b) if b.clock == "due"))), (json!("breached"), 1));
        s.tell(Closed { case_id: s.case, resolution: "solved".into(), text: None, by: None, at: s.now(), conversation_id: None, ask: false });
        assert!(s.t.events::<ClockEvent>().iter().any(|e| matches!(e, ClockEvent::Met(m) if m.clock == "due" && m.breached)));
        s.tell(Reopened { case_id: s.case, reason: "x".into(), at: s.now() });
        assert_eq!(clock()["due_at"], json!(due), "open again, due when it was");
        // A target of a rule is counted in working time.
        let wish = ActionWish { source: "child:x".into(), case_id: s.case, action: json!({ "do": "start_clock", "clock": "own", "target": "2h" }), reason: String::new(), chain: vec![] };
        s.t.emit::<WishEvent>(Some(s.case), None, wish.into());
        let all = s.t.get(&s.admin, &format!("/api/v1/cases/{}/clocks", s.case)).expect(200);
        assert!(all.as_array().unwrap().iter().any(|c| c["kind"] == "own" && c["target"] == "7200s"), "{all}");
    });
}
