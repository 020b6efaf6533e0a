use serde_json::json;
use shouwen_contracts::casework::{CaseEvent, Closed, Opened};
use shouwen_contracts::identity::{IdentityEvent, PersonSaved, PersonStatus, TeamSaved};
use shouwen_contracts::routing::RoutingEvent;
use shouwen_kernel::{CaseId, PersonId, TeamId};
use shouwen_testkit::{TestApp, on_both};
use shouwen_web::Module;

fn modules() -> Vec<Module> {
    vec![shouwen_routing::module()]
}

fn person(t: &TestApp, team: TeamId, capacity: u32, online: bool) -> PersonId {
    let person_id: PersonId = t.app.ids().next(t.app.clock());
    t.emit::<IdentityEvent>(
        None::<PersonId>,
        None,
        PersonSaved { person_id, name: "坐席".into(), active: true, org_unit_id: None, teams: vec![team], skills: vec![], languages: vec!["zh-CN".into()], capacity, locale: "zh-CN".into(), time_zone: "Asia/Shanghai".into() }.into(),
    );
    if online {
        t.emit::<IdentityEvent>(None::<PersonId>, None, PersonStatus { person_id, status: "online".into() }.into());
    }
    person_id
}

fn open(t: &TestApp, team: TeamId) -> CaseId {
    let case_id: CaseId = t.app.ids().next(t.app.clock());
    t.emit::<CaseEvent>(
        Some(case_id),
        None,
        Opened {
            case_id, number: case_id.to_string(), case_type: "request".into(), title: "t".into(), priority: "normal".into(), stage: "accepted".into(), status: "open".into(), channel: "email".into(),
            inbox_id: None, customer_id: None, customer_name: None, region: None, tier: None, org_unit_id: None, team_id: Some(team), assignee_id: None, accountable_id: None, tags: vec![], language: None,
            opened_at: t.app.clock().now(),
        }
        .into(),
    );
    case_id
}

#[test]
fn load_is_levelled_limits_hold_and_waiting_cases_go_to_whoever_becomes_free() {
    on_both(modules, |t| {
        let team: TeamId = t.app.ids().next(t.app.clock());
        t.emit::<IdentityEvent>(None::<PersonId>, None, TeamSaved { team_id: team, name: "宽带组".into(), org_unit_id: None, skills: vec![] }.into());
        let (first, second) = (person(&t, team, 2, true), person(&t, team, 1, true));
        let cases: Vec<CaseId> = (0..4).map(|_| open(&t, team)).collect();
        let chosen = |t: &TestApp| -> Vec<(CaseId, PersonId)> {
            t.events::<RoutingEvent>().into_iter().filter_map(|e| if let RoutingEvent::Chosen(c) = e { Some((c.case_id, c.person_id)) } else { None }).collect()
        };
        let counts = |t: &TestApp, p| chosen(t).iter().filter(|(_, person)| *person == p).count();
        assert_eq!((counts(&t, first), counts(&t, second)), (2, 1));
        let manager = t.person("主管", &["routing.manage"]);
        let queue = t.get(&manager, "/api/v1/routing/queue").expect(200);
        assert_eq!(queue.as_array().unwrap().len(), 1);
        assert!(queue[0]["reason"].as_str().unwrap().contains("上限"), "{queue}");
        let done = chosen(&t)[0].0;
        t.emit::<CaseEvent>(Some(done), None, Closed { case_id: done, resolution: "solved".into(), text: None, by: None, at: t.app.clock().now(), conversation_id: None, ask: false }.into());
        assert_eq!(chosen(&t).len(), 4);
        assert_eq!(chosen(&t)[3].0, cases[3], "the waiting one");
    });
}

#[test]
fn nobody_online_is_said_and_repaired_when_somebody_comes() {
    on_both(modules, |t| {
        let team: TeamId = t.app.ids().next(t.app.clock());
        let agent = person(&t, team, 5, false);
        let case = open(&t, team);
        let events = t.events::<RoutingEvent>();
        assert!(matches!(&events[..], [RoutingEvent::NobodyChosen(n)] if n.reason.contains("不在线")), "{events:?}");
        t.emit::<IdentityEvent>(None::<PersonId>, None, PersonStatus { person_id: agent, status: "online".into() }.into());
        assert!(matches!(t.events::<RoutingEvent>().last(), Some(RoutingEvent::Chosen(c)) if c.case_id == case && c.person_id == agent));
    });
}

#[test]
fn settings_need_their_permission_and_refuse_unknown_fields() {
    on_both(modules, |t| {
        let manager = t.person("主管", &["routing.manage"]);
        t.put(&manager, "/api/v1/routing/settings", json!({"automatic": false, "online_only": true})).expect(200);
        assert_eq!(t.put(&manager, "/api/v1/routing/settings", json!({"automatic": false, "online_only": true, "x": 1})).json()["error"]["field"], "x");
        t.get(&t.person("坐席", &[]), "/api/v1/routing/settings").expect(403);
        let team: TeamId = t.app.ids().next(t.app.clock());
        person(&t, team, 5, true);
        open(&t, team);
        assert!(t.events::<RoutingEvent>().is_empty(), "automatic assignment is off");
    });
}
