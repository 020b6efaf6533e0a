//! Who may see a case and do what to it, for each reach of a role.

use axum::http::Method;
use serde_json::{Value, json};
use shouwen_kernel::{Grant, Reach};
use shouwen_testkit::on_both;
use shouwen_web::Viewer;

use crate::common::{House, Mail, modules};

fn with(house: &House, reach: Reach) -> Viewer {
    let codes: Vec<&str> = house.t.app.permissions().iter().map(|p| p.code).collect();
    let who = house.t.viewer("某人", codes.into_iter().map(|p| Grant { permission: p.into(), reach: reach.clone() }).collect());
    house.know(&who, &[]);
    who
}

#[test]
fn each_reach_sees_its_own_cases_and_the_others_are_not_there() {
    on_both(modules, |t| {
        let house = House::new(t);
        let case = house.case_of(house.mail(Mail { from: "zhang@customer.example", subject: "s", text: "t", ..Mail::default() }));
        let show = |who: &Viewer| house.t.get(who, &format!("/api/v1/cases/{case}")).status.as_u16();
        assert_eq!(show(&with(&house, Reach::Workspace)), 200);
        assert_eq!(show(&with(&house, Reach::Teams { teams: [house.team].into() })), 200);
        assert_eq!(show(&with(&house, Reach::OrgUnits { units: [house.unit].into() })), 200);
        let (far_team, far_unit, own) = (
            with(&house, Reach::Teams { teams: [house.other_team].into() }),
            with(&house, Reach::OrgUnits { units: [house.other_unit].into() }),
            with(&house, Reach::Own),
        );
        let number = house.show(&case)["number"].as_str().unwrap().to_owned();
        let message = house.messages(&case)[0]["id"].as_str().unwrap().to_owned();
        for far in [&far_team, &far_unit, &own] {
            let tries: Vec<(Method, String, Value)> = vec![
                (Method::GET, format!("/cases/{case}"), Value::Null),
                (Method::GET, format!("/cases/by-number/{number}"), Value::Null),
                (Method::GET, format!("/cases/{case}/timeline"), Value::Null),
                (Method::GET, format!("/cases/{case}/drafts"), Value::Null),
                (Method::GET, format!("/messages/{message}"), Value::Null),
                (Method::GET, format!("/messages/{message}/html"), Value::Null),
                (Method::GET, format!("/messages/{message}/raw"), Value::Null),
                (Method::PATCH, format!("/cases/{case}"), json!({ "version": 1, "priority": "high" })),
                (Method::PUT, format!("/cases/{case}/assignment"), json!({ "person_id": far.person })),
                (Method::PUT, format!("/cases/{case}/accountability"), json!({ "person_id": far.person, "reason": "x" })),
                (Method::PUT, format!("/cases/{case}/stage"), json!({ "stage": "handling" })),
                (Method::POST, format!("/cases/{case}/closure"), json!({ "resolution": { "code": "solved" } })),
                (Method::DELETE, format!("/cases/{case}/closure"), Value::Null),
                (Method::POST, format!("/cases/{case}/messages"), json!({ "kind": "reply", "text": "x" })),
                (Method::POST, format!("/cases/{case}/messages"), json!({ "kind": "note", "text": "x" })),
                (Method::PUT, format!("/cases/{case}/drafts/reply"), json!({ "text": "x" })),
                (Method::PUT, format!("/cases/{case}/tags/a"), Value::Null),
                (Method::PUT, format!("/cases/{case}/watchers/{}", far.person), Value::Null),
                (Method::PUT, format!("/cases/{case}/snooze"), json!({ "until": "2026-05-01T00:00:00Z" })),
                (Method::POST, format!("/cases/{case}/split"), json!({ "message_ids": [message], "title": "x" })),
                (Method::DELETE, format!("/cases/{case}/merge"), Value::Null),
                (Method::POST, format!("/messages/{message}/retry"), Value::Null),
                (Method::DELETE, format!("/messages/{message}"), Value::Null),
            ];
            for (method, path, body) in tries {
                let reply = house.t.send(Some(far), method.clone(), &format!("/api/v1{path}"), body, &[]);
                assert_eq!(reply.status.as_u16(), 404, "{method} {path}: {}", reply.text);
            }
        }
        // Whoever is given the case sees it.
        house.t.put(&house.admin, &format!("/api/v1/cases/{case}/assignment"), json!({ "person_id": own.person })).expect(200);
        assert_eq!(show(&own), 200);
        assert_eq!(show(&far_team), 404);
    });
}

#[test]
fn who_may_see_but_not_do_is_told_so_and_the_case_says_what_they_may() {
    on_both(modules, |t| {
        let house = House::new(t);
        let case = house.case_of(house.mail(Mail { from: "zhang@customer.example", subject: "s", text: "t", ..Mail::default() }));
        let reader = house.t.viewer("读者", vec![
            Grant { permission: "case.read".into(), reach: Reach::Workspace },
            Grant { permission: "case.note".into(), reach: Reach::Workspace },
            Grant { permission: "case.reply".into(), reach: Reach::Own },
            Grant { permission: "case.edit".into(), reach: Reach::Teams { teams: [house.other_team].into() } },
        ]);
        assert_eq!(house.t.get(&reader, &format!("/api/v1/cases/{case}")).expect(200)["permissions"], json!(["case.read", "case.note"]));
        let status = |method: Method, path: &str, body: Value| house.t.send(Some(&reader), method, &format!("/api/v1/cases/{case}{path}"), body, &[]).status.as_u16();
        assert_eq!(status(Method::POST, "/messages", json!({ "kind": "reply", "text": "x" })), 403);
        assert_eq!(status(Method::PUT, "/drafts/reply", json!({ "text": "x" })), 403);
        assert_eq!(status(Method::PATCH, "", json!({ "version": 1, "priority": "high" })), 403);
        assert_eq!(status(Method::PUT, "/assignment", json!({ "person_id": null })), 403);
        assert_eq!(status(Method::POST, "/messages", json!({ "kind": "note", "text": "x" })), 201);
        assert_eq!(status(Method::PUT, &format!("/watchers/{}", house.admin.person), Value::Null), 403, "others are added by who may edit");
        // Sending and closing in one needs both rights.
        let writer = house.t.person("作者", &["case.read", "case.reply"]);
        let reply = house.t.post(&writer, &format!("/api/v1/cases/{case}/messages"), json!({ "kind": "reply", "text": "x", "then": "close" }));
        assert_eq!((reply.status.as_u16(), house.count("outbox")), (403, 0));
        // A link shows no title of a case one may not see.
        let other = house.case_of(house.mail(Mail { from: "li@customer.example", subject: "秘密", text: "t", ..Mail::default() }));
        house.t.put(&house.admin, &format!("/api/v1/cases/{other}/assignment"), json!({ "team_id": house.other_team })).expect(200);
        house.t.put(&house.admin, &format!("/api/v1/cases/{case}/links/{other}"), json!({ "kind": "related" })).expect(200);
        let near = with(&house, Reach::Teams { teams: [house.team].into() });
        assert_eq!(house.t.get(&near, &format!("/api/v1/cases/{case}")).expect(200)["links"][0]["title"], "");
    });
}

#[test]
fn nobody_opens_a_case_outside_their_reach() {
    on_both(modules, |t| {
        let house = House::new(t);
        let near = with(&house, Reach::Teams { teams: [house.team].into() });
        assert_eq!(house.t.post(&near, "/api/v1/cases", json!({ "title": "x", "team_id": house.other_team })).status, 403);
        assert_eq!(house.count("case_case"), 0);
        let made = house.t.post(&near, "/api/v1/cases", json!({ "title": "x", "team_id": house.team })).expect(201);
        house.t.get(&near, &format!("/api/v1/cases/{}", made["case"]["id"].as_str().unwrap())).expect(200);
        let own = with(&house, Reach::Own);
        let made = house.t.post(&own, "/api/v1/cases", json!({ "title": "自己的", "text": "备注" })).expect(201);
        assert_eq!(made["case"]["assignee"]["id"], own.person.to_string());
    });
}
