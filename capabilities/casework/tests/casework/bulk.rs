//! One action on many cases: progress, partial failure, stopping, undo.

use serde_json::{Value, json};
use shouwen_kernel::{Grant, Reach};
use shouwen_testkit::on_both;

use crate::common::{House, Mail, modules};

fn many(house: &House, n: usize) -> Vec<String> {
    (0..n).map(|_| house.case_of(house.mail(Mail { from: "zhang@customer.example", subject: "批量", text: "x", ..Mail::default() }))).collect()
}

fn job(house: &House, started: &Value) -> Value {
    house.t.get(&house.admin, &format!("/api/v1/jobs/{}", started["job_id"].as_str().unwrap())).expect(200)
}

#[test]
fn ux21_a_bulk_close_shows_progress_lists_what_failed_and_is_undone() {
    on_both(modules, |t| {
        let house = House::new(t);
        let mut cases = many(&house, 60);
        house.t.post(&house.admin, &format!("/api/v1/cases/{}/closure", cases[7]), json!({ "resolution": { "code": "spam" } })).expect(200);
        cases.push("cas_00000000000000000000000000".into());
        let started = house.t.post(&house.admin, "/api/v1/cases/bulk", json!({ "case_ids": cases, "action": { "close": { "resolution": { "code": "solved" } } } })).expect(202);
        assert_eq!((job(&house, &started)["state"].clone(), job(&house, &started)["done"].clone()), (json!("running"), json!(0)));
        // One chunk first, then the rest.
        let timers = shouwen_casework::module().timers;
        house.t.db.write_blocking(move |tx| tx.fire_timers(&timers, 1)).unwrap();
        assert_eq!(job(&house, &started)["done"], 50);
        house.t.fire_timers();
        let done = job(&house, &started);
        assert_eq!((&done["state"], &done["done"], &done["total"], &done["undoable"]), (&json!("done"), &json!(61), &json!(61), &json!(true)));
        let failed = done["failed"].as_array().unwrap();
        assert_eq!(failed.len(), 2);
        assert_eq!((&failed[0]["case_id"], &failed[0]["error"]["code"]), (&json!(cases[7]), &json!("case.already_closed")));
        assert_eq!((&failed[1]["number"], &failed[1]["error"]["code"]), (&json!(null), &json!("not_found")));
        assert_eq!(house.show(&cases[59])["status"], "closed");

        let undo = house.t.post(&house.admin, &format!("/api/v1/jobs/{}/undo", started["job_id"].as_str().unwrap()), json!(null)).expect(202);
        house.t.fire_timers();
        assert_eq!(job(&house, &undo)["failed"], json!([]));
        assert_eq!((house.show(&cases[59])["status"].clone(), house.show(&cases[7])["status"].clone()), (json!("open"), json!("closed")));
        assert_eq!(house.t.post(&house.admin, &format!("/api/v1/jobs/{}/undo", started["job_id"].as_str().unwrap()), json!(null)).code(), "job.not_undoable");
    });
}

#[test]
fn every_action_has_its_inverse() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let cases = many(&house, 2);
        let until = house.t.app.clock().now().plus_seconds(3600);
        let head = |case: &str| {
            let mut shown = house.show(case);
            for gone in ["version", "updated_at", "permissions", "accountable", "reopened_count", "loop"] {
                shown.as_object_mut().unwrap().remove(gone);
            }
            shown
        };
        let before = head(&cases[0]);
        for action in [
            json!({ "assign": { "person_id": agent.person, "team_id": house.other_team } }),
            json!({ "tag": { "add": ["a", "b"], "remove": [] } }),
            json!({ "priority": "urgent" }),
            json!({ "snooze": { "until": until } }),
            json!({ "stage": { "stage": "handling" } }),
        ] {
            let started = house.t.post(&house.admin, "/api/v1/cases/bulk", json!({ "case_ids": cases, "action": action })).expect(202);
            house.t.fire_timers();
            assert_eq!(job(&house, &started)["failed"], json!([]), "{action}");
            assert_ne!(head(&cases[0]), before, "{action}");
            house.t.post(&house.admin, &format!("/api/v1/jobs/{}/undo", started["job_id"].as_str().unwrap()), json!(null)).expect(202);
            house.t.fire_timers();
            let mut after = head(&cases[0]);
            // A case goes back to its team, and by that to the team's unit.
            after["org_unit"] = before["org_unit"].clone();
            assert_eq!(after, before, "{action}");
        }
    });
}

#[test]
fn wrong_jobs_are_refused_and_a_job_is_its_owners_alone() {
    on_both(modules, |t| {
        let house = House::new(t);
        let cases = many(&house, 3);
        let reader = house.t.person("读者", &["case.read"]);
        let bulk = |who, body: Value| house.t.post(who, "/api/v1/cases/bulk", body);
        assert_eq!(bulk(&reader, json!({ "case_ids": cases, "action": { "priority": "high" } })).status, 403);
        assert_eq!(bulk(&house.admin, json!({ "case_ids": [], "action": { "priority": "high" } })).json()["error"]["field"], "case_ids");
        assert_eq!(bulk(&house.admin, json!({ "case_ids": cases, "action": { "priority": "p0" } })).json()["error"]["field"], "priority");
        assert_eq!(bulk(&house.admin, json!({ "case_ids": cases, "action": { "explode": {} } })).status, 422);
        let started = bulk(&house.admin, json!({ "case_ids": cases, "action": { "priority": "high" } })).expect(202);
        let path = format!("/api/v1/jobs/{}", started["job_id"].as_str().unwrap());
        assert_eq!(house.t.get(&reader, &path).status, 404);
        assert_eq!(house.t.post(&house.admin, &format!("{path}/cancellation"), json!(null)).expect(200)["state"], "cancelled");
        house.t.fire_timers();
        assert_eq!(house.show(&cases[0])["priority"], "normal", "a stopped job does nothing more");

        // Rights are checked case by case.
        let near = house.t.viewer("近", vec![
            Grant { permission: "case.read".into(), reach: Reach::Workspace },
            Grant { permission: "case.edit".into(), reach: Reach::Teams { teams: [house.other_team].into() } },
        ]);
        house.t.put(&house.admin, &format!("/api/v1/cases/{}/assignment", cases[1]), json!({ "team_id": house.other_team })).expect(200);
        let started = bulk(&near, json!({ "case_ids": cases, "action": { "priority": "high" } })).expect(202);
        house.t.fire_timers();
        let seen = house.t.get(&near, &format!("/api/v1/jobs/{}", started["job_id"].as_str().unwrap())).expect(200);
        let codes: Vec<_> = seen["failed"].as_array().unwrap().iter().map(|f| f["error"]["code"].clone()).collect();
        assert_eq!(codes, [json!("forbidden"), json!("forbidden")]);
        assert_eq!(house.show(&cases[1])["priority"], "high");
    });
}
