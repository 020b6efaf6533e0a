//! Regions in many spellings, old mail at once, working hours, two grades in two thresholds, two people at one button.

use serde_json::json;
use shouwen_contracts::casework::{CaseEvent, Opened};
use shouwen_contracts::complaints::{ComplaintWordsEvent, Named};
use shouwen_contracts::service_levels::{CalendarEvent, CalendarSaved};
use shouwen_kernel::{CaseId, Grant, Reach};
use shouwen_testkit::on_both;

use crate::common::{House, alone, by_region};

fn name_region(h: &House, key: &str, zh: &str, en: &str, matches: &[&str], unit: Option<&str>) {
    let named = Named {
        kind: "region".into(), key: key.into(), title_zh: zh.into(), title_en: en.into(), matches: matches.iter().map(ToString::to_string).collect(), unit: unit.map(Into::into), removed: false, at: h.now(),
    };
    h.t.emit::<ComplaintWordsEvent>(None::<uuid::Uuid>, None, named.into());
}

#[test]
fn a_region_has_one_name_and_one_count_however_the_register_writes_it() {
    on_both(alone, |t| {
        let h = House::new(t);
        h.threshold(by_region());
        // Written before anybody named the region: it joins it then.
        h.open("complaint", "email", "上海浦东");
        name_region(&h, "east", "华东区", "East", &["上海", "浙江"], Some("华东"));
        h.t.fire_timers();
        h.open("complaint", "email", "浙江杭州");
        assert!(h.raised().is_empty());
        // Not classified yet, and classified: the same group.
        h.complaint("network", "east");
        let raised = h.raised();
        assert_eq!(raised.len(), 1);
        assert_eq!((raised[0].region.as_deref(), raised[0].title_zh.as_str(), raised[0].title_en.as_str()), (Some("east"), "地区投诉 · 华东区", "Complaints of a region · East"));
        assert_eq!(raised[0].people, [h.east_supervisor.person], "those of the unit that answers for it");
        let w = &h.open_warnings()[0];
        assert_eq!(w["region_title"], json!({ "zh": "华东区", "en": "East" }));
        // Seen by its unit, and by no other.
        let reach = |unit| vec![Grant { permission: "warning.read".into(), reach: Reach::OrgUnits { units: [unit].into() } }];
        let listed = |v| h.t.get(&v, "/api/v1/warnings").expect(200)["items"].as_array().unwrap().len();
        assert_eq!((listed(h.t.viewer("东", reach(h.east))), listed(h.t.viewer("西", reach(h.west)))), (1, 0));
        h.t.assert_rebuilds(House::counters);
        assert_eq!(h.raised().len(), 1, "a rebuild raises nothing");
    });
}

#[test]
fn a_region_named_while_its_warning_is_open_makes_no_second_one() {
    on_both(alone, |t| {
        let h = House::new(t);
        h.threshold(by_region());
        for _ in 0..3 {
            h.open("complaint", "email", "湖北");
        }
        name_region(&h, "centre", "华中", "Centre", &["湖北"], None);
        h.open("complaint", "email", "湖北武汉");
        h.t.fire_timers();
        assert_eq!(h.raised().len(), 1);
        let open = h.open_warnings();
        assert_eq!((open.len(), &open[0]["region"], &open[0]["count"]), (1, &json!("centre"), &json!(4)));
    });
}

fn old_mail(h: &House, days: i64, each: usize) -> usize {
    let (ctx, now) = (h.t.system(), h.now());
    let ids: Vec<CaseId> = (0..days as usize * each).map(|_| h.t.app.ids().next(h.t.app.clock())).collect();
    let n = ids.len();
    h.t.db
        .write_blocking(move |tx| {
            for (i, case_id) in ids.iter().enumerate() {
                // Newest first, as mailboxes are read, so out of order.
                let opened_at = now.plus_seconds(-3600 * 24 * (1 + i as i64 / each as i64));
                let opened = Opened {
                    case_id: *case_id, number: format!("2025-{i}"), case_type: "complaint".into(), title: "旧信".into(), priority: "normal".into(), stage: "accepted".into(), status: "open".into(), channel: "email".into(),
                    inbox_id: None, customer_id: None, customer_name: None, region: Some("310000".into()), tier: None, org_unit_id: None, team_id: None, assignee_id: None, accountable_id: None, tags: vec![], language: None, opened_at,
                };
                tx.emit::<CaseEvent>(&ctx, Some(case_id.0), None, opened)?;
            }
            Ok(())
        })
        .unwrap();
    h.t.drain();
    n
}

#[test]
fn old_mail_at_once_raises_nothing_of_last_year_and_hides_nothing_of_today() {
    on_both(alone, |t| {
        let h = House::new(t);
        h.threshold(by_region());
        for _ in 0..2 {
            h.complaint("network", "310000");
        }
        assert_eq!(old_mail(&h, 300, 4), 1200);
        assert!(h.raised().is_empty(), "four a day, a year ago");
        h.complaint("network", "310000");
        assert_eq!(h.raised().iter().map(|r| r.count).collect::<Vec<_>>(), [3], "today's third");
    });
}

#[test]
fn a_grade_may_count_its_hours_in_a_working_calendar_and_so_does_its_ladder() {
    on_both(alone, |t| {
        let h = House::new(t);
        let spec = json!({ "name": "office", "timezone": "Asia/Shanghai", "week": { "mon": ["09:00-18:00"], "tue": ["09:00-18:00"] } });
        let calendar_id = h.t.app.ids().next(h.t.app.clock());
        h.t.emit::<CalendarEvent>(Some(calendar_id), None, CalendarSaved { calendar_id, key: Some("office".into()), name: "office".into(), spec }.into());
        let mut threshold = by_region();
        threshold["grade"][0]["calendar"] = json!("office");
        threshold["grade"][0]["within_hours"] = json!(12);
        h.threshold(threshold.clone());
        // It is Monday, nine in the morning.
        for _ in 0..3 {
            h.complaint("network", "310000");
        }
        assert_eq!(h.raised()[0].respond_by, h.now().plus_seconds(27 * 3600), "nine hours on Monday, three on Tuesday");
        h.t.advance(27 * 3600);
        assert_eq!(h.overdue().len(), 1);
        h.t.advance(2 * 3600);
        assert_eq!(h.overdue().len(), 2, "the ladder two working hours later");
        // A higher grade without a calendar runs by the clock.
        for _ in 0..8 {
            h.complaint("network", "310000");
        }
        let red = h.raised().pop().unwrap();
        assert_eq!((red.grade.as_str(), red.respond_by), ("red", h.now().plus_seconds(3600)));
        threshold["key"] = json!("bad-calendar");
        threshold["grade"][0]["calendar"] = json!("No Key");
        assert_eq!(h.t.post(&h.manager, "/api/v1/warning-thresholds", json!({ "threshold": threshold })).json()["error"]["field"], "grade[0].calendar");
    });
}

#[test]
fn two_grades_of_one_count_belong_into_one_threshold() {
    on_both(alone, |t| {
        let h = House::new(t);
        h.threshold(by_region());
        let mut second = by_region();
        second["key"] = json!("by-region-red");
        second["grade"] = json!([second["grade"][2]]);
        let refused = h.t.post(&h.manager, "/api/v1/warning-thresholds", json!({ "threshold": second })).expect(422);
        assert_eq!((refused["error"]["field"].clone(), refused["error"]["message"].as_str().unwrap().contains("by-region")), (json!("by"), true));
        // Another time, another thing.
        second["window"] = json!("1h");
        h.threshold(second);
    });
}

#[test]
fn cases_nobody_has_classified_are_not_of_one_kind() {
    on_both(alone, |t| {
        let h = House::new(t);
        let mut threshold = by_region();
        threshold["by"] = json!(["category"]);
        h.threshold(threshold);
        for _ in 0..5 {
            h.open("complaint", "email", "310000");
        }
        assert!(h.raised().is_empty());
        for _ in 0..3 {
            h.complaint("network", "310000");
        }
        assert_eq!(h.raised().iter().map(|r| r.category.as_deref()).collect::<Vec<_>>(), [Some("network")]);
    });
}

#[test]
fn a_bulletin_speaks_of_all_and_goes_only_to_who_may_read_all() {
    on_both(alone, |t| {
        let h = House::new(t);
        let local = h.t.viewer("地区经理", vec![Grant { permission: "warning.read".into(), reach: Reach::OrgUnits { units: [h.west].into() } }]);
        h.know(&local, &["manager"], Some(h.west), &[], "en");
        let english = h.t.person("Manager", &["warning.read", "warning.manage"]);
        h.know(&english, &["manager"], None, &[], "en");
        h.t.post(&h.manager, "/api/v1/bulletins", json!({ "period": "daily", "send": true })).expect(201);
        let mut told: Vec<_> = h.letters().into_iter().map(|letter| (letter.people, letter.subject.starts_with("预警"))).collect();
        told.sort_by_key(|(_, zh)| !zh);
        assert_eq!(told, [(vec![h.manager.person], true), (vec![english.person], false)], "each in their language, the local one not at all");
        h.t.get(&local, "/api/v1/bulletins").expect(403);
    });
}

#[test]
fn a_region_without_anybody_is_not_told_to_another_region() {
    on_both(alone, |t| {
        let h = House::new(t);
        let narrow = |name: &str, unit| {
            let who = h.t.viewer(name, vec![Grant { permission: "warning.read".into(), reach: Reach::OrgUnits { units: [unit].into() } }]);
            h.know(&who, &["engineer"], Some(unit), &[], "zh-CN");
            who
        };
        let (east, whole) = (narrow("东工程师", h.east), h.t.person("总工", &["warning.read"]));
        h.know(&whole, &["engineer"], None, &[], "zh-CN");
        let mut threshold = by_region();
        threshold["grade"] = json!([{ "grade": "blue", "limit": 1, "within_hours": 8, "to": ["role:engineer@region"], "response": { "zh": "核实", "en": "Look" } }]);
        h.threshold(threshold);
        h.complaint("network", "510000");
        assert_eq!(h.raised()[0].people, [whole.person], "nobody in the south-west: not the engineer of the east");
        assert_eq!(h.t.get(&east, "/api/v1/warnings").expect(200)["items"], json!([]));
    });
}

#[test]
fn one_button_pressed_by_two_is_one_crisis_and_somebody_always_comes() {
    on_both(alone, |t| {
        let h = House::new(t);
        let body = json!({ "title": "全网中断", "situation": "用户无法通话" });
        let first = h.t.post(&h.manager, "/api/v1/crises", body.clone()).expect(201);
        let second = h.t.post(&h.east_supervisor, "/api/v1/crises", body.clone()).expect(409);
        assert_eq!((second["error"]["code"].clone(), second["error"]["detail"]["crisis_id"].clone()), (json!("crisis.running"), first["id"].clone()));
        let mut separate = body.clone();
        separate["separate"] = json!(true);
        h.t.post(&h.east_supervisor, "/api/v1/crises", separate).expect(201);
        // Nobody holds the role of the group: managers stand in, and the log says so.
        let mut settings = h.t.get(&h.manager, "/api/v1/warning-settings").expect(200);
        let settings = settings.as_object_mut().unwrap();
        settings.retain(|key, _| !["members", "time_zone"].contains(&key.as_str()));
        settings.insert("crisis_group".into(), json!(["role:nobody_has_it"]));
        let seen = h.t.put(&h.manager, "/api/v1/warning-settings", json!(settings)).expect(200);
        assert_eq!(seen["members"][0]["id"], json!(h.manager.person), "who would come is shown before");
        h.t.advance(601);
        let third = h.t.post(&h.east_supervisor, "/api/v1/crises", body).expect(201);
        let members: Vec<_> = third["members"].as_array().unwrap().iter().map(|m| m["id"].clone()).collect();
        assert_eq!((members.len(), members.contains(&json!(h.manager.person))), (2, true));
        assert!(third["log"].as_array().unwrap().iter().any(|line| line["kind"] == "stand_in"));
    });
}
