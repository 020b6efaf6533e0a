//! From events to figures and back to cases, on both databases.

use serde_json::Value;
use shouwen_contracts::casework::{Assigned, CaseEvent, ChildClosed, Closed, Edited, MessageAdded, Opened, Reopened};
use shouwen_contracts::complaints::{ComplaintEvent, Repeated};
use shouwen_contracts::reviews::{Requested as ReviewRequested, Returned, ReviewEvent};
use shouwen_contracts::service_levels::{ClockEvent, Met};
use shouwen_contracts::voice::{Answered, Requested, VoiceEvent};
use shouwen_kernel::{CaseId, ConversationId, Grant, MessageId, PersonId, Reach, ReviewId, SurveyId, TeamId};
use shouwen_store::params;
use shouwen_testkit::{TestApp, on_both};
use shouwen_web::Module;

fn modules() -> Vec<Module> {
    vec![shouwen_insight::module()]
}

struct Play {
    t: TestApp,
    team: TeamId,
    agent: PersonId,
}

impl Play {
    fn new(t: TestApp) -> Self {
        let (team, agent) = (t.app.ids().next(t.app.clock()), t.app.ids().next(t.app.clock()));
        Self { t, team, agent }
    }
    fn tell(&self, case: CaseId, event: impl Into<CaseEvent>) {
        self.t.emit::<CaseEvent>(Some(case), None, event.into());
    }
    fn open(&self, team: TeamId) -> CaseId {
        let case_id: CaseId = self.t.app.ids().next(self.t.app.clock());
        self.tell(case_id, Opened {
            case_id, number: format!("N-{case_id}"), case_type: "request".into(), title: "=1+1".into(), priority: "normal".into(), stage: "accepted".into(), status: "open".into(), channel: "email".into(), inbox_id: None,
            customer_id: None, customer_name: None, region: None, tier: None, org_unit_id: None, team_id: Some(team), assignee_id: Some(self.agent), accountable_id: None, tags: vec![], language: None,
            opened_at: self.t.app.clock().now(),
        });
        case_id
    }
    fn answer(&self, case_id: CaseId, elapsed_s: i64, breached: bool) {
        let at = self.t.app.clock().now();
        self.tell(case_id, MessageAdded {
            case_id, conversation_id: ConversationId::NIL, message_id: MessageId::NIL, direction: "out".into(), author_id: Some(self.agent), author_name: "a".into(), preview: "p".into(), content: String::new(), at,
            auto: false, verified: true, mentions: vec![], files: vec![],
        });
        self.t.emit::<ClockEvent>(Some(case_id), None, Met { case_id, clock: "first_response".into(), at, elapsed_s, target_s: 3600, breached }.into());
    }
    fn close(&self, case_id: CaseId, resolution: &str) {
        let at = self.t.app.clock().now();
        self.tell(case_id, Closed { case_id, resolution: resolution.into(), text: None, by: None, at, conversation_id: None, ask: true });
    }
    fn tile(&self, indicator: &str) -> Value {
        let viewer = self.t.person("经理", &["insight.read"]);
        let board = self.t.get(&viewer, "/api/v1/insight/board?compare=previous").expect(200);
        board["tiles"].as_array().unwrap().iter().find(|tile| tile["indicator"] == indicator).cloned().unwrap()
    }
    fn behind(&self, indicator: &str, part: &str) -> usize {
        let viewer = self.t.person("经理", &["insight.read"]);
        self.t.get(&viewer, &format!("/api/v1/insight/cases?indicator={indicator}&part={part}&limit=200")).expect(200)["items"].as_array().unwrap().len()
    }
}

#[test]
fn ux_61_every_figure_equals_the_cases_behind_it() {
    on_both(modules, |t| {
        let p = Play::new(t);
        let cases: Vec<CaseId> = (0..5).map(|_| p.open(p.team)).collect();
        for (i, case) in cases.iter().enumerate().take(4) {
            p.answer(*case, 600 * (i as i64 + 1), i == 3);
        }
        for case in &cases[..3] {
            p.close(*case, "solved");
        }
        p.close(cases[3], "spam");
        assert_eq!((p.tile("opened")["value"].as_f64(), p.tile("backlog")["value"].as_f64()), (Some(5.0), Some(1.0)));
        assert_eq!((p.tile("sla_first_response")["numerator"].as_i64(), p.tile("sla_first_response")["denominator"].as_i64()), (Some(3), Some(4)));
        assert_eq!((p.tile("fcr")["numerator"].as_i64(), p.tile("fcr")["denominator"].as_i64()), (Some(3), Some(3)), "spam is no matter to be solved");
        let median = p.tile("first_response_median")["value"].as_f64().unwrap();
        assert!((median - 1200.0).abs() < 13.0, "{median}");
        assert_eq!(p.tile("csat")["value"], Value::Null, "nobody answered: undefined, not 0");
        for indicator in ["opened", "closed", "sla_first_response", "fcr", "first_response_median", "backlog"] {
            assert_eq!(p.tile(indicator)["n"].as_i64().unwrap() as usize, p.behind(indicator, "denominator"), "{indicator}");
        }
        assert_eq!(p.behind("sla_first_response", "numerator"), 3);
    });
}

#[test]
fn reopening_takes_back_what_closing_counted_and_answers_count_on_their_days() {
    on_both(modules, |t| {
        let p = Play::new(t);
        let case = p.open(p.team);
        p.answer(case, 60, false);
        p.close(case, "solved");
        let survey_id: SurveyId = p.t.app.ids().next(p.t.app.clock());
        let at = p.t.app.clock().now();
        p.t.emit::<VoiceEvent>(Some(case), None, Requested { survey_id, case_id: case, customer_id: None, expires_at: at, at }.into());
        assert_eq!((p.tile("csat_response_rate")["numerator"].as_i64(), p.tile("csat_response_rate")["denominator"].as_i64()), (Some(0), Some(1)));
        p.t.clock.advance(86_400);
        let at = p.t.app.clock().now();
        p.t.emit::<VoiceEvent>(Some(case), None, Answered { survey_id, case_id: case, score: 5, has_comment: false, at }.into());
        assert_eq!((p.tile("csat_response_rate")["numerator"].as_i64(), p.tile("csat")["value"].as_f64()), (Some(1), Some(1.0)));
        p.tell(case, Reopened { case_id: case, reason: "r".into(), at });
        assert_eq!((p.tile("closed")["value"].as_f64(), p.tile("backlog")["value"].as_f64(), p.tile("fcr")["numerator"].as_i64()), (Some(0.0), Some(1.0), Some(0)));
        assert_eq!(p.tile("reopened_rate")["value"].as_f64(), Some(1.0));
        p.close(case, "solved");
        assert_eq!((p.tile("closed")["value"].as_f64(), p.tile("fcr")["numerator"].as_i64()), (Some(1.0), Some(0)), "solved, but not at the first contact");
        let viewer = p.t.person("经理", &["insight.read"]);
        let days = p.t.get(&viewer, "/api/v1/insight/series?indicator=csat").expect(200);
        assert_eq!(days[0]["key"], "2026-03-03");
    });
}

#[test]
fn a_narrow_reach_sees_its_own_teams_figures_only() {
    on_both(modules, |t| {
        let p = Play::new(t);
        let other: TeamId = p.t.app.ids().next(p.t.app.clock());
        let (mine, theirs) = (p.open(p.team), p.open(other));
        p.tell(theirs, Assigned { case_id: theirs, from_person: None, to_person: None, from_team: Some(other), to_team: Some(other), org_unit_id: None, reason: "r".into(), by: "person".into() });
        let lead = p.t.viewer("班长", vec![Grant { permission: "insight.read".into(), reach: Reach::Teams { teams: [p.team].into() } }]);
        let board = p.t.get(&lead, "/api/v1/insight/board").expect(200);
        let opened = board["tiles"].as_array().unwrap().iter().find(|tile| tile["indicator"] == "opened").cloned().unwrap();
        assert_eq!(opened["value"].as_f64(), Some(1.0));
        let rows = p.t.get(&lead, "/api/v1/insight/cases?indicator=opened").expect(200);
        assert_eq!(rows["items"][0]["case_id"].as_str(), Some(mine.to_string().as_str()));
        p.t.get(&p.t.person("坐席", &[]), "/api/v1/insight/board").expect(403);
        p.t.get(&lead, "/api/v1/insight/export?table=board").expect(403);
    });
}

#[test]
fn exports_are_safe_in_a_spreadsheet_and_bad_questions_are_answered() {
    on_both(modules, |t| {
        let p = Play::new(t);
        p.open(p.team);
        let viewer = p.t.person("经理", &["insight.read", "insight.export", "target.manage"]);
        let csv = p.t.get(&viewer, "/api/v1/insight/export?table=cases&indicator=opened&format=csv");
        assert!(csv.text.starts_with('\u{feff}') && csv.text.contains("'=1+1"), "{}", csv.text);
        let xlsx = p.t.get(&viewer, "/api/v1/insight/export?format=xlsx");
        assert_eq!((xlsx.status.as_u16(), xlsx.text.starts_with("PK")), (200, true));
        for (path, field) in [("series?indicator=luck", "indicator"), ("board?from=soon", "from"), ("board?from=2026-03-02&to=2026-03-01", "from"), ("breakdown?indicator=csat&by=moon", "by"), ("cases?indicator=csat&part=half", "part")] {
            let reply = p.t.get(&viewer, &format!("/api/v1/insight/{path}"));
            assert_eq!((reply.status.as_u16(), reply.json()["error"]["field"].as_str()), (422, Some(field)), "{path}");
        }
        assert_eq!(p.t.put(&viewer, "/api/v1/insight/targets", serde_json::json!({"targets": {"csat": 1.5}})).json()["error"]["field"], "targets.csat");
        p.t.put(&viewer, "/api/v1/insight/targets", serde_json::json!({"targets": {"csat": 0.97}})).expect(200);
        assert_eq!(p.tile("csat")["target"].as_f64(), Some(0.97));
    });
}

#[test]
fn rebuilt_from_the_log_equals_live() {
    on_both(modules, |t| {
        let p = Play::new(t);
        let cases: Vec<CaseId> = (0..3).map(|_| p.open(p.team)).collect();
        cases.iter().for_each(|c| p.answer(*c, 100, false));
        p.close(cases[0], "solved");
        p.close(cases[1], "solved");
        p.tell(cases[1], Reopened { case_id: cases[1], reason: "r".into(), at: p.t.app.clock().now() });
        p.t.assert_rebuilds(|tx| {
            let days: Vec<(String, bool, i64, i64, i64, i64)> = tx.all("SELECT points, total, day, numerator, denominator, n FROM insight_day WHERE n <> 0 ORDER BY points, total, day, numerator, denominator, n", params![])?;
            let points: Vec<(CaseId, String, String, i64, i64)> = tx.all("SELECT case_id, points, slot, numerator, denominator FROM insight_point ORDER BY case_id, points, slot", params![])?;
            Ok((days, points))
        });
    });
}

#[test]
fn the_loop_is_measured_by_department_wait_complaints_repeats_and_reviews() {
    on_both(modules, |t| {
        let p = Play::new(t);
        let other: TeamId = p.t.app.ids().next(p.t.app.clock());
        let cases: Vec<CaseId> = (0..4).map(|_| p.open(p.team)).collect();
        for case in &cases[..2] {
            p.tell(*case, Edited { case_id: *case, field: "type".into(), from: "request".into(), to: "complaint".into() });
        }
        let rate = p.tile("complaint_rate");
        // Two of four; the work orders opened below count among all cases as well.
        assert_eq!((rate["numerator"].as_i64(), rate["denominator"].as_i64(), rate["value"].as_f64()), (Some(2), Some(4), Some(0.5)));
        assert_eq!(p.tile("repeat_complaint_rate")["numerator"], 0);
        let now = p.t.app.clock().now();
        p.t.emit::<ComplaintEvent>(Some(cases[0]), None, Repeated { case_id: cases[0], earlier: vec![cases[1]], count: 2, window_days: 30, at: now }.into());
        let repeats = p.tile("repeat_complaint_rate");
        assert_eq!((repeats["numerator"].as_i64(), repeats["denominator"].as_i64(), repeats["unit"].as_str()), (Some(1), Some(2), Some("rate")));
        assert_eq!((p.behind("complaint_rate", "numerator"), p.behind("complaint_rate", "denominator"), p.behind("repeat_complaint_rate", "denominator")), (2, 4, 2));
        // It was none after all: neither a complaint nor a repeated one.
        p.tell(cases[0], Edited { case_id: cases[0], field: "type".into(), from: "complaint".into(), to: "request".into() });
        assert_eq!((p.tile("complaint_rate")["numerator"].as_i64(), p.tile("repeat_complaint_rate")["numerator"].as_i64()), (Some(1), Some(0)));
        for (hours, team) in [(2, p.team), (4, other)] {
            let child = p.open(team);
            let opened_at = p.t.app.clock().now();
            p.t.clock.advance(hours * 3600);
            let at = p.t.app.clock().now();
            p.tell(cases[1], ChildClosed { case_id: cases[1], child_id: child, number: "N".into(), title: "查线路".into(), resolution: "solved".into(), text: None, team_id: Some(team), org_unit_id: None, opened_at, at });
        }
        let wait = p.tile("department_wait_mean");
        assert_eq!((wait["numerator"].as_i64(), wait["denominator"].as_i64(), wait["value"].as_f64(), wait["unit"].as_str()), (Some(6 * 3600), Some(2), Some(3.0 * 3600.0), Some("seconds")));
        assert!((p.tile("department_wait_p90")["value"].as_f64().unwrap() - 4.0 * 3600.0).abs() < 300.0);
        assert_eq!(p.behind("department_wait_mean", ""), 2);
        let viewer = p.t.person("经理", &["insight.read"]);
        let by_team = p.t.get(&viewer, "/api/v1/insight/breakdown?indicator=department_wait_mean&by=team").expect(200);
        let waits: Vec<f64> = by_team.as_array().unwrap().iter().map(|g| g["value"].as_f64().unwrap()).collect();
        assert_eq!({ let mut w = waits; w.sort_by(f64::total_cmp); w }, [2.0 * 3600.0, 4.0 * 3600.0]);
        let days = p.t.get(&viewer, "/api/v1/insight/series?indicator=complaint_rate").expect(200);
        assert_eq!((days[0]["numerator"].as_i64(), days[0]["denominator"].as_i64()), (Some(1), Some(6)));
        let review: ReviewId = p.t.app.ids().next(p.t.app.clock());
        let asked = ReviewRequested { review_id: review, flow: "solution".into(), kind: "review".into(), case_id: Some(cases[2]), title: "方案".into(), amount: None, currency: None, emergency: false, by: None, at: p.t.app.clock().now() };
        p.t.emit::<ReviewEvent>(Some(cases[2]), None, asked.into());
        p.t.clock.advance(1800);
        p.t.emit::<ReviewEvent>(Some(cases[2]), None, Returned { review_id: review, case_id: Some(cases[2]), flow: "solution".into(), stage: None, step: 1, reason: None, at: p.t.app.clock().now() }.into());
        assert!((p.tile("review_time_median")["value"].as_f64().unwrap() - 1800.0).abs() < 40.0);
        p.t.assert_rebuilds(|tx| tx.all::<(String, i64, i64, i64)>("SELECT points, day, numerator, denominator FROM insight_day WHERE total ORDER BY points, day", params![]));
    });
}
