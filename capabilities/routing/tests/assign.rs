use serde_json::json;
use shouwen_contracts::casework::{CaseEvent, Closed, Edited, Opened};
use shouwen_contracts::identity::{IdentityEvent, PersonSaved, PersonStatus, TeamSaved};
use shouwen_contracts::routing::RoutingEvent;
use shouwen_kernel::{CaseId, PersonId, TeamId, Time};
use shouwen_store::params;
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

/// Priority and tier as the event of opening carries them.
fn open_as(t: &TestApp, team: TeamId, priority: &str, tier: Option<&str>) -> CaseId {
    let case_id: CaseId = t.app.ids().next(t.app.clock());
    t.emit::<CaseEvent>(
        Some(case_id),
        None,
        Opened {
            case_id, number: case_id.to_string(), case_type: "request".into(), title: "t".into(), priority: priority.into(), stage: "accepted".into(), status: "open".into(), channel: "email".into(),
            inbox_id: None, customer_id: None, customer_name: None, region: None, tier: tier.map(str::to_owned), org_unit_id: None, team_id: Some(team), assignee_id: None, accountable_id: None, tags: vec![],
            language: None, opened_at: t.app.clock().now(),
        }
        .into(),
    );
    case_id
}

fn team(t: &TestApp, name: &str) -> TeamId {
    let team_id: TeamId = t.app.ids().next(t.app.clock());
    t.emit::<IdentityEvent>(None::<PersonId>, None, TeamSaved { team_id, name: name.into(), org_unit_id: None, skills: vec![] }.into());
    team_id
}

fn close(t: &TestApp, case_id: CaseId) {
    t.emit::<CaseEvent>(Some(case_id), None, Closed { case_id, resolution: "solved".into(), text: None, by: None, at: t.app.clock().now(), conversation_id: None, ask: false }.into());
}

fn chosen(t: &TestApp) -> Vec<(CaseId, PersonId, Option<TeamId>, String)> {
    t.events::<RoutingEvent>().into_iter().filter_map(|e| if let RoutingEvent::Chosen(c) = e { Some((c.case_id, c.person_id, c.team_id, c.reason)) } else { None }).collect()
}

#[test]
fn a_queue_is_served_by_priority_and_among_equals_the_tier_that_goes_first() {
    on_both(modules, |t| {
        let t = &t;
        let manager = t.person("主管", &["routing.manage"]);
        let team = team(t, "专席组");
        person(t, team, 1, true);
        t.put(&manager, "/api/v1/routing/settings", json!({"automatic": true, "online_only": true, "tiers": [{"tier": "gold", "first": true}]})).expect(200);
        t.settle();
        let first = open(t, team);
        let plain = open_as(t, team, "normal", None);
        let gold = open_as(t, team, "normal", Some("gold"));
        let low = open_as(t, team, "low", Some("gold"));
        let urgent = open_as(t, team, "urgent", None);
        let raised = open_as(t, team, "low", None);
        t.emit::<CaseEvent>(Some(raised), None, Edited { case_id: raised, field: "priority".into(), from: json!("low"), to: json!("urgent") }.into());
        let queue = t.get(&manager, "/api/v1/routing/queue").expect(200);
        let order: Vec<String> = queue.as_array().unwrap().iter().map(|w| w["case_id"].as_str().unwrap().to_owned()).collect();
        let wanted = [urgent, raised, gold, plain, low];
        assert_eq!(order, wanted.map(|c| c.to_string()));
        let mut busy = first;
        for next in wanted {
            close(t, busy);
            assert_eq!(chosen(t).last().unwrap().0, next);
            busy = next;
        }
    });
}

#[test]
fn who_waits_too_long_is_helped_by_another_team_and_only_then() {
    on_both(modules, |t| {
        let t = &t;
        let manager = t.person("主管", &["routing.manage"]);
        let (own, helping) = (team(t, "宽带组"), team(t, "支援组"));
        let busy = person(t, own, 1, true);
        let helper = person(t, helping, 2, true);
        let settings = json!({"automatic": true, "online_only": true, "overflow": [{"team_id": own, "after_minutes": 15, "to": [helping]}]});
        let before = open(t, own);
        let waiting = open(t, own);
        // Set while it waits already: it counts from when it came.
        t.advance(10 * 60);
        t.put(&manager, "/api/v1/routing/settings", settings).expect(200);
        t.settle();
        t.advance(4 * 60);
        assert_eq!(chosen(t).len(), 1, "its own team first");
        t.advance(60);
        let all = chosen(t);
        assert_eq!(all.last().map(|c| (c.0, c.1, c.2)), Some((waiting, helper, Some(helping))), "{all:?}");
        assert!(all.last().unwrap().3.starts_with("支援“宽带组”（已等 15 分钟），"), "{all:?}");
        // Nobody there either: whoever of the two becomes free first takes it.
        t.emit::<IdentityEvent>(None::<PersonId>, None, PersonStatus { person_id: helper, status: "offline".into() }.into());
        let second = open(t, own);
        t.advance(16 * 60);
        assert_eq!(chosen(t).len(), 2);
        assert_eq!(t.get(&manager, "/api/v1/routing/queue").expect(200)[0]["spilled"], true);
        t.emit::<IdentityEvent>(None::<PersonId>, None, PersonStatus { person_id: helper, status: "online".into() }.into());
        assert_eq!(chosen(t).last().map(|c| (c.0, c.1)), Some((second, helper)));
        // A case of today in the same team still goes to its own people.
        close(t, before);
        let own_again = open(t, own);
        assert_eq!(chosen(t).last().map(|c| (c.0, c.1, c.2)), Some((own_again, busy, Some(own))));
    });
}

#[test]
fn settings_of_tiers_and_overflow_name_what_is_wrong() {
    on_both(modules, |t| {
        let t = &t;
        let manager = t.person("主管", &["routing.manage"]);
        let (a, b) = (team(t, "甲组"), team(t, "乙组"));
        let stranger: TeamId = t.app.ids().next(t.app.clock());
        let base = |tiers: serde_json::Value, overflow: serde_json::Value| json!({"automatic": true, "online_only": true, "tiers": tiers, "overflow": overflow});
        for (body, code, field) in [
            (base(json!([{"tier": " "}]), json!([])), "routing.tier_name", "tiers.0.tier"),
            (base(json!([{"tier": "gold"}]), json!([])), "routing.tier_empty", "tiers.0"),
            (base(json!([{"tier": "gold", "first": true}, {"tier": "gold ", "skill": "vip"}]), json!([])), "routing.tier_twice", "tiers.1.tier"),
            (base(json!([]), json!([{"team_id": stranger, "after_minutes": 5, "to": [b]}])), "routing.team_unknown", "overflow.0.team_id"),
            (base(json!([]), json!([{"team_id": a, "after_minutes": 5, "to": [stranger]}])), "routing.team_unknown", "overflow.0.to"),
            (base(json!([]), json!([{"team_id": a, "after_minutes": 0, "to": [b]}])), "routing.overflow_minutes", "overflow.0.after_minutes"),
            (base(json!([]), json!([{"team_id": a, "after_minutes": 5, "to": []}])), "routing.overflow_to", "overflow.0.to"),
            (base(json!([]), json!([{"team_id": a, "after_minutes": 5, "to": [a]}])), "routing.overflow_to", "overflow.0.to"),
            (base(json!([]), json!([{"team_id": a, "after_minutes": 5, "to": [b]}, {"team_id": a, "after_minutes": 6, "to": [b]}])), "routing.overflow_twice", "overflow.1.team_id"),
        ] {
            let error = t.put(&manager, "/api/v1/routing/settings", body).expect(422)["error"].clone();
            assert_eq!((error["code"].as_str().unwrap(), error["field"].as_str().unwrap()), (code, field), "{error}");
        }
    });
}

#[test]
fn rel_a_change_of_the_settings_looks_at_waiting_cases_a_few_at_a_time_and_goes_on_where_it_stood() {
    on_both(modules, |t| {
        let t = &t;
        let manager = t.person("主管", &["routing.manage"]);
        let (a, b) = (team(t, "甲组"), team(t, "乙组"));
        // Old mail that lies with a team is no concern of assignment, and does not hold the others up.
        let (workspace, at) = (t.workspace, t.app.clock().now().plus_seconds(-30 * 86_400));
        let old: Vec<CaseId> = (0..250).map(|_| t.app.ids().next(t.app.clock())).collect();
        t.db.write_blocking(move |tx| {
            old.iter().try_for_each(|case| {
                tx.run("INSERT INTO routing_case (case_id, workspace_id, open, team_id, tags, opened_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)", params![*case, workspace, true, a, json!([]), at])
            })
        })
        .unwrap();
        let cases: Vec<CaseId> = (0..50).map(|n| open(t, if n % 2 == 0 { a } else { b })).collect();
        let settings = |minutes: u32| json!({"automatic": true, "online_only": true, "overflow": [{"team_id": a, "after_minutes": minutes, "to": [b]}, {"team_id": b, "after_minutes": minutes, "to": [a]}]});
        let timers = |kind: &'static str| t.db.read_blocking(move |tx| tx.all::<(Time,)>("SELECT due_at FROM timer WHERE kind = ?1", params![kind])).unwrap().into_iter().map(|row| row.0).collect::<Vec<Time>>();
        let step = || t.db.write_blocking(|tx| tx.fire_timers(&shouwen_routing::module().timers, 200)).unwrap();
        t.put(&manager, "/api/v1/routing/settings", settings(15)).expect(200);
        let mut done = 0;
        for _ in 0..3 {
            step();
            let now = timers("routing.spill").len();
            assert!((done..=done + 20).contains(&now), "{done} and then {now} in one transaction");
            done = now;
        }
        assert!((1..50).contains(&done), "{done}: it is under way");
        // The power fails in the middle of a step: as if it had never begun.
        let lost = t.db.write_blocking(|tx| {
            tx.fire_timers(&shouwen_routing::module().timers, 200)?;
            Err::<(), _>(shouwen_kernel::Problem::internal("the power failed"))
        });
        assert!(lost.is_err());
        assert_eq!(timers("routing.spill").len(), done);
        // Changed once more before it was through: every case gets what holds now.
        t.put(&manager, "/api/v1/routing/settings", settings(40)).expect(200);
        let mut steps = 0;
        while !timers("routing.sweep").is_empty() {
            step();
            steps += 1;
            assert!(steps < 100, "it goes round and round");
        }
        assert!(steps >= 4, "{steps} steps for 300 rows, 50 of them tried");
        let due = timers("routing.spill");
        assert_eq!(due.len(), cases.len());
        assert!(due.iter().all(|at| *at == t.app.clock().now().plus_seconds(40 * 60)), "{due:?}");
    });
}

#[test]
fn a_waiting_case_takes_its_place_by_the_tier_its_customer_has_now() {
    use shouwen_contracts::casework::CustomerSet;
    use shouwen_contracts::customers::{CustomerEvent, Saved};
    use shouwen_kernel::CustomerId;
    on_both(modules, |t| {
        let team: TeamId = t.app.ids().next(t.app.clock());
        t.emit::<IdentityEvent>(None::<PersonId>, None, TeamSaved { team_id: team, name: "宽带组".into(), org_unit_id: None, skills: vec![] }.into());
        let manager = t.person("主管", &["routing.manage"]);
        t.put(&manager, "/api/v1/routing/settings", json!({"automatic": true, "online_only": true, "tiers": [{"tier": "gold", "first": true}]})).expect(200);
        let (first, second) = (open(&t, team), open(&t, team));
        let who: CustomerId = t.app.ids().next(t.app.clock());
        let tier = |tier: Option<&str>| {
            let saved = Saved { customer_id: who, name: "甲".into(), language: None, region: None, tier: tier.map(Into::into), org_unit_id: None };
            t.emit::<CustomerEvent>(Some(who.0), None, saved.into());
        };
        let line = || -> Vec<CaseId> { t.db.read_blocking(move |tx| tx.all::<(CaseId,)>("SELECT case_id FROM routing_case WHERE team_id = ?1 AND open AND assignee_id IS NULL ORDER BY place, opened_at, case_id", params![team])).unwrap().into_iter().map(|row| row.0).collect() };
        t.emit::<CaseEvent>(Some(second), None, CustomerSet { case_id: second, from: None, to: Some(who), name: None }.into());
        assert_eq!(line(), [first, second]);
        tier(Some("gold"));
        assert_eq!(line(), [second, first], "raised while the case waited");
        tier(Some("silver"));
        assert_eq!(line(), [first, second], "and no longer");
        tier(Some("gold"));
        t.emit::<CaseEvent>(Some(first), None, CustomerSet { case_id: first, from: None, to: Some(who), name: None }.into());
        t.emit::<CaseEvent>(Some(second), None, CustomerSet { case_id: second, from: Some(who), to: None, name: None }.into());
        assert_eq!(line(), [first, second], "the tier goes with the customer");
    });
}
