//! Counting, raising, climbing, answering, being late.

use serde_json::json;
use shouwen_contracts::casework::{CaseEvent, Closed, Merged, Unmerged};
use shouwen_contracts::warnings::WarningEvent;
use shouwen_contracts::wish::{ActionWish, WishEvent};
use shouwen_kernel::{Grant, Reach};
use shouwen_testkit::on_both;

use crate::common::{House, alone, by_region};

#[test]
fn a_warning_is_raised_exactly_at_its_limit_and_once() {
    on_both(alone, |t| {
        let h = House::new(t);
        h.threshold(by_region());
        h.complaint("network-slow", "310000");
        h.complaint("network-slow", "310000");
        // Another region, another type, and what the house opens itself do not count with them.
        h.complaint("network-slow", "510000");
        h.open("request", "email", "310000");
        assert!(h.raised().is_empty());
        h.complaint("billing", "310000");
        let raised = h.raised();
        assert_eq!(raised.len(), 1);
        let first = &raised[0];
        assert_eq!((first.grade.as_str(), first.from.as_deref(), first.count, first.limit, first.window_s, first.why.as_str()), ("blue", None, 3, 3, 7200, "count"));
        assert_eq!((first.region.as_deref(), first.title_zh.as_str()), (Some("310000"), "地区投诉 · 华东"));
        assert_eq!(first.people, [h.east_supervisor.person], "those of the region");
        assert_eq!(first.respond_by, h.now().plus_seconds(8 * 3600));
        h.complaint("billing", "310000");
        assert_eq!(h.raised().len(), 1, "a fourth raises nothing again");
        let open = h.open_warnings();
        assert_eq!((open.len(), &open[0]["count"], &open[0]["peak"], &open[0]["state"]), (1, &json!(4), &json!(4), &json!("open")));
        let wishes = h.case_wishes();
        assert_eq!(wishes.len(), 1);
        assert_eq!((wishes[0].case_type.as_str(), wishes[0].related.len(), wishes[0].assignee_id), ("warning", 3, Some(h.east_supervisor.person)));
        assert_eq!(wishes[0].fields["grade"], "blue");
        assert_eq!(h.t.get(&h.manager, "/api/v1/warnings/counts").expect(200), json!({ "open": 1, "unanswered": 1, "overdue": 0, "red": 0, "crises": 0 }));
    });
}

#[test]
fn a_flood_climbs_through_the_grades_in_one_warning() {
    on_both(alone, |t| {
        let h = House::new(t);
        h.threshold(by_region());
        for _ in 0..12 {
            h.complaint("network", "310000");
        }
        let grades: Vec<(String, Option<String>, i64)> = h.raised().into_iter().map(|r| (r.grade, r.from, r.count)).collect();
        assert_eq!(grades, [("blue".into(), None, 3), ("yellow".into(), Some("blue".into()), 5), ("red".into(), Some("yellow".into()), 8)]);
        assert_eq!((h.open_warnings().len(), h.case_wishes().len()), (1, 1), "one warning, one case");
        let letters = h.letters();
        assert_eq!(letters.len(), 1, "only the red one goes out by mail");
        assert_eq!((letters[0].people.as_slice(), letters[0].subject.as_str()), (&[h.manager.person][..], "【红色预警·由黄色升级】地区投诉 · 华东"));
        let id = h.open_warnings()[0]["id"].as_str().unwrap().to_owned();
        let whole = h.t.get(&h.manager, &format!("/api/v1/warnings/{id}")).expect(200);
        assert_eq!(whole["history"].as_array().unwrap().iter().map(|s| s["kind"].as_str().unwrap()).collect::<Vec<_>>(), ["raised", "climbed", "climbed"]);
        assert_eq!(whole["cases"].as_array().unwrap().len(), 12);
        let chart = h.t.get(&h.manager, &format!("/api/v1/warnings/{id}/chart")).expect(200);
        assert_eq!(chart["points"].as_array().unwrap().last().unwrap()["count"], 12);
    });
}

#[test]
fn cases_slide_out_of_the_window() {
    on_both(alone, |t| {
        let h = House::new(t);
        h.threshold(by_region());
        h.complaint("network", "310000");
        h.complaint("network", "310000");
        h.t.advance(7200);
        h.complaint("network", "310000");
        h.complaint("network", "310000");
        assert!(h.raised().is_empty(), "two and two, but never three within two hours");
        h.t.advance(60);
        h.complaint("network", "310000");
        assert_eq!(h.raised().len(), 1);
    });
}

#[test]
fn a_case_that_is_classified_anew_leaves_its_old_group() {
    on_both(alone, |t| {
        let h = House::new(t);
        h.threshold(by_region());
        let mut wrong = by_region();
        wrong["key"] = json!("network-only");
        wrong["category"] = json!("network");
        wrong["by"] = json!(["category"]);
        h.threshold(wrong);
        let first = h.complaint("network-slow", "310000");
        let second = h.complaint("network-slow", "310000");
        h.classify(first, "billing", "510000");
        h.complaint("network-slow", "310000");
        assert!(h.raised().is_empty(), "one of the three went to another region and category: {:?}", h.raised());
        h.classify(first, "network-slow", "310000");
        assert_eq!(h.raised().iter().map(|r| r.threshold.as_str()).collect::<Vec<_>>(), ["by-region", "network-only"]);
        // What went into another case, or was spam, counts no longer; and comes back.
        let sums = |h: &House| h.t.db.read_blocking(|tx| Ok(House::counters(tx)?.iter().map(|row| row.3).sum::<i64>())).unwrap();
        assert_eq!(sums(&h), 6);
        h.t.emit::<CaseEvent>(Some(second.0), None, Merged { case_id: second, into: first, conversations: vec![] }.into());
        assert_eq!(sums(&h), 4);
        h.t.emit::<CaseEvent>(Some(second.0), None, Unmerged { case_id: second, from: first, conversations: vec![] }.into());
        let at = h.now();
        h.t.emit::<CaseEvent>(Some(first.0), None, Closed { case_id: first, resolution: "spam".into(), text: None, by: None, at, conversation_id: None, ask: false }.into());
        assert_eq!(sums(&h), 4);
        h.t.assert_rebuilds(House::counters);
        assert_eq!(h.raised().len(), 2, "a rebuild raises nothing again");
    });
}

#[test]
fn counters_rebuilt_from_the_log_equal_live_and_a_new_threshold_counts_what_was_there() {
    on_both(alone, |t| {
        let h = House::new(t);
        for i in 0..7 {
            h.complaint(if i % 2 == 0 { "network-slow" } else { "billing" }, if i % 3 == 0 { "310000" } else { "510000" });
            h.t.advance(600);
        }
        let id = h.threshold(by_region());
        let live = h.t.db.read_blocking(House::counters).unwrap();
        assert_eq!(live.iter().map(|row| row.3).sum::<i64>(), 7);
        assert_eq!(h.raised().len(), 2, "what is too many already is told at once");
        h.t.assert_rebuilds(House::counters);
        // Switched off it counts nothing; other buckets are counted anew.
        let mut other = by_region();
        other["window"] = json!("1d");
        h.t.put(&h.manager, &format!("/api/v1/warning-thresholds/{id}"), json!({ "threshold": other, "version": 1 })).expect(200);
        h.t.fire_timers();
        assert!(h.t.db.read_blocking(House::counters).unwrap().iter().all(|row| row.2 % 3600 == 0));
        other["enabled"] = json!(false);
        h.t.put(&h.manager, &format!("/api/v1/warning-thresholds/{id}"), json!({ "threshold": other, "version": 2 })).expect(200);
        assert_eq!(h.t.db.read_blocking(House::counters).unwrap(), []);
        assert_eq!(h.t.put(&h.manager, &format!("/api/v1/warning-thresholds/{id}"), json!({ "threshold": other, "version": 2 })).code(), "version_conflict");
        h.t.delete(&h.manager, &format!("/api/v1/warning-thresholds/{id}")).expect(204);
        assert_eq!(h.open_warnings().len(), 2, "the warnings stay");
    });
}

#[test]
fn a_sudden_rise_is_heard_and_a_quiet_group_is_left_in_peace() {
    on_both(alone, |t| {
        let h = House::new(t);
        h.threshold(json!({
            "key": "rise", "title": { "zh": "突增", "en": "A rise" }, "types": ["complaint"], "by": ["category"], "window": "1h",
            "grade": [{ "grade": "red", "limit": 100, "within_hours": 2, "to": ["role:manager"], "response": { "zh": "核实", "en": "Look" } }],
            "band": { "weeks": 8, "k": 3.5, "min_count": 5, "grade": "yellow" }
        }));
        // Six weeks: two network complaints every Monday at nine, nothing at all about billing.
        for _ in 0..6 {
            h.complaint("network", "310000");
            h.complaint("network", "310000");
            h.t.advance(7 * 86_400);
        }
        for _ in 0..4 {
            h.complaint("billing", "310000");
        }
        assert!(h.raised().is_empty(), "four of something rare is no rise");
        // Usual is 2 ± 3.5 · √2: a rise from 7 on.
        for n in 1..=7 {
            h.complaint("network", "310000");
            assert_eq!(h.raised().len(), usize::from(n == 7), "after {n}");
        }
        let raised = &h.raised()[0];
        assert_eq!((raised.grade.as_str(), raised.why.as_str(), raised.count, raised.limit, raised.category.as_deref()), ("yellow", "band", 7, 7, Some("network")));
        assert_eq!(raised.people, [h.manager.person], "a rise is handled as the nearest grade that is described");
    });
}

#[test]
fn whoever_does_not_answer_is_told_once_and_then_the_next_up_the_ladder() {
    on_both(alone, |t| {
        let h = House::new(t);
        h.threshold(by_region());
        for _ in 0..3 {
            h.complaint("network", "310000");
        }
        h.t.advance(8 * 3600 - 1);
        assert!(h.overdue().is_empty());
        h.t.advance(1);
        assert_eq!(h.overdue(), [[h.east_supervisor.person]]);
        h.t.advance(2 * 3600 - 1);
        assert_eq!(h.overdue().len(), 1);
        h.t.advance(1);
        assert_eq!(h.overdue(), [[h.east_supervisor.person], [h.manager.person]]);
        h.t.advance(30 * 86_400);
        assert_eq!(h.overdue().len(), 2, "told once each");
        let w = &h.open_warnings()[0];
        assert_eq!(w["overdue"], true);
        let path = format!("/api/v1/warnings/{}/answer", w["id"].as_str().unwrap());
        let answered = h.t.post(&h.east_supervisor, &path, json!({ "text": "已派人核查基站" })).expect(200);
        assert_eq!((&answered["state"], &answered["late"], &answered["may_answer"]), (&json!("answered"), &json!(true), &json!(false)));
        assert_eq!(h.t.post(&h.manager, &path, json!({ "text": "再答" })).code(), "warning.not_open");
    });
}

#[test]
fn an_answer_in_time_rests_the_clock_and_a_higher_grade_asks_again() {
    on_both(alone, |t| {
        let h = House::new(t);
        h.threshold(by_region());
        for _ in 0..3 {
            h.complaint("network", "310000");
        }
        let path = format!("/api/v1/warnings/{}/answer", h.open_warnings()[0]["id"].as_str().unwrap());
        assert_eq!(h.t.post(&h.east_supervisor, &path, json!({ "text": " \u{200b} " })).json()["error"]["field"], "text");
        h.t.post(&h.east_supervisor, &path, json!({ "text": "正在核查" })).expect(200);
        h.complaint("network", "310000");
        h.complaint("network", "310000");
        let w = &h.open_warnings()[0];
        assert_eq!((&w["grade"], &w["state"]), (&json!("yellow"), &json!("open")), "an answer to blue does not answer for yellow");
        h.t.post(&h.manager, &path, json!({ "text": "已成立专班" })).expect(200);
        h.t.advance(3 * 86_400);
        assert!(h.overdue().is_empty());
        assert_eq!(h.t.events::<WarningEvent>().iter().filter(|e| matches!(e, WarningEvent::Answered(_))).count(), 2);
    });
}

#[test]
fn nobody_outside_their_reach_sees_or_answers_a_warning() {
    on_both(alone, |t| {
        let h = House::new(t);
        h.threshold(by_region());
        for _ in 0..3 {
            h.complaint("network", "310000");
        }
        let id = h.open_warnings()[0]["id"].as_str().unwrap().to_owned();
        let reach = |unit| ["warning.read", "warning.answer"].map(|p| Grant { permission: p.into(), reach: Reach::OrgUnits { units: [unit].into() } }).to_vec();
        let (east, west) = (h.t.viewer("东", reach(h.east)), h.t.viewer("西", reach(h.west)));
        let listed = |v| h.t.get(v, "/api/v1/warnings").expect(200)["items"].as_array().unwrap().len();
        assert_eq!((listed(&east), listed(&west)), (1, 0));
        h.t.get(&east, &format!("/api/v1/warnings/{id}")).expect(200);
        h.t.get(&west, &format!("/api/v1/warnings/{id}")).expect(404);
        h.t.post(&west, &format!("/api/v1/warnings/{id}/answer"), json!({ "text": "x" })).expect(404);
        let nobody = h.t.person("路人", &["case.read"]);
        for path in ["/api/v1/warnings", "/api/v1/warning-thresholds", "/api/v1/bulletins", "/api/v1/crises"] {
            h.t.get(&nobody, path).expect(403);
        }
        let reader = h.t.person("读者", &["warning.read"]);
        h.t.post(&reader, "/api/v1/warning-thresholds", json!({ "threshold": by_region() })).expect(403);
        h.t.post(&reader, "/api/v1/crises", json!({ "title": "x", "situation": "y" })).expect(403);
        h.t.get(&east, "/api/v1/bulletins").expect(403);
        assert_eq!(h.t.get(&h.manager, "/api/v1/warnings?state=maybe").json()["error"]["field"], "state");
        assert_eq!(h.t.get(&h.manager, "/api/v1/warnings?grade=pink").json()["error"]["field"], "grade");
    });
}

#[test]
fn a_rule_opens_a_warning_and_only_one() {
    on_both(alone, |t| {
        let h = House::new(t);
        let case = h.complaint("network", "510000");
        for n in 0..3 {
            let action = json!({ "do": "open_warning", "grade": "orange", "title": { "zh": "媒体关注", "en": "The press asks" } });
            h.t.emit::<WishEvent>(Some(case.0), None, ActionWish { source: format!("rule:x:{n}"), case_id: case, action, reason: String::new(), chain: vec!["press".into()] }.into());
        }
        let raised = h.raised();
        assert_eq!(raised.len(), 1);
        assert_eq!((raised[0].grade.as_str(), raised[0].why.as_str(), raised[0].threshold.as_str(), raised[0].title_en.as_str()), ("orange", "rule", "press", "The press asks"));
        assert_eq!(h.case_wishes()[0].related, [case]);
        assert_eq!(h.open_warnings()[0]["count"], 3);
    });
}
