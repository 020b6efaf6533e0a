//! Bulletins: when they are made, what they say, that a missed one is made up for once.

use serde_json::{Value as Json, json};
use shouwen_contracts::warnings::WarningEvent;
use shouwen_testkit::on_both;

use crate::common::{House, alone, by_region};

fn settings(daily: &str, weekly: bool) -> Json {
    json!({
        "daily": { "enabled": true, "at": daily, "to": ["role:manager"] }, "weekly": { "enabled": weekly, "at": "09:30", "weekday": 1, "to": ["role:manager", "role:supervisor"] },
        "crisis_group": ["role:crisis_group"], "plan_hours": 2, "write_up_days": 3
    })
}

fn archive(h: &House) -> Vec<Json> {
    h.t.get(&h.manager, "/api/v1/bulletins").expect(200)["items"].as_array().unwrap().clone()
}

#[test]
fn a_daily_bulletin_tells_of_the_day_before_and_is_sent() {
    on_both(alone, |t| {
        let h = House::new(t);
        h.threshold(by_region());
        // It is Monday, nine o'clock; the bulletin comes on Tuesday at 08:30.
        h.t.put(&h.manager, "/api/v1/warning-settings", settings("08:30", false)).expect(200);
        for _ in 0..3 {
            h.complaint("network-slow", "310000");
        }
        h.complaint("billing", "510000");
        h.t.advance(23 * 3600);
        assert!(archive(&h).is_empty(), "eight in the morning");
        h.t.advance(1800);
        let made = archive(&h);
        assert_eq!(made.len(), 1);
        let b = &made[0];
        assert_eq!((&b["period"], &b["cases"], &b["cases_before"], &b["raised"], &b["people"], &b["made_by"]), (&json!("daily"), &json!(4), &json!(0), &json!(1), &json!(1), &Json::Null));
        assert_eq!((&b["from"], &b["to"]), (&json!("2026-03-01T16:00:00Z"), &json!("2026-03-02T16:00:00Z")), "the local day");
        assert_eq!((&b["in_time"], &b["due"], &b["overdue"]), (&json!(0), &json!(1), &json!(1)), "its eight hours were over at five");
        let whole = h.t.get(&h.manager, &format!("/api/v1/bulletins/{}", b["id"].as_str().unwrap())).expect(200);
        let lines = |name: &str| whole["content"][name].as_array().unwrap().iter().map(|l| (l["key"].as_str().unwrap().to_owned(), l["count"].as_i64().unwrap())).collect::<Vec<_>>();
        assert_eq!(lines("by_category"), [("network-slow".into(), 3), ("billing".into(), 1)]);
        assert_eq!(lines("by_region"), [("310000".into(), 3), ("510000".into(), 1)]);
        assert_eq!(lines("rises"), [("network-slow".into(), 3)]);
        assert_eq!(lines("by_grade"), [("red".into(), 0), ("orange".into(), 0), ("yellow".into(), 0), ("blue".into(), 1)]);
        let letters = h.letters();
        assert_eq!((letters.len(), letters[0].subject.as_str(), letters[0].people.as_slice()), (1, "预警分析日报 2026-03-02", &[h.manager.person][..]));
        assert_eq!(h.t.events::<WarningEvent>().iter().filter(|e| matches!(e, WarningEvent::BulletinMade(_))).count(), 1);
        h.t.advance(86_400);
        assert_eq!((archive(&h).len(), archive(&h)[0]["cases_before"].clone()), (2, json!(4)), "the next day compares with it");
    });
}

#[test]
fn the_page_is_printable_in_both_languages_and_shows_no_markup_of_others() {
    on_both(alone, |t| {
        let h = House::new(t);
        let mut threshold = by_region();
        threshold["title"] = json!({ "zh": "<b>地区</b>投诉", "en": "<script>Complaints" });
        h.threshold(threshold);
        for _ in 0..3 {
            h.complaint("network-slow", "310000");
        }
        h.t.advance(1);
        let made = h.t.post(&h.manager, "/api/v1/bulletins", json!({ "period": "weekly" })).expect(201);
        assert_eq!((&made["made_by"]["name"], &made["people"], &made["cases"]), (&json!("经理"), &json!(0), &json!(3)));
        assert!(h.letters().is_empty(), "made to look at, not sent");
        let page = |lang: &str| h.t.get(&h.manager, &format!("/api/v1/bulletins/{}/page?lang={lang}", made["id"].as_str().unwrap()));
        let zh = page("zh-CN");
        assert_eq!(zh.headers["content-type"], "text/html; charset=utf-8");
        assert!(zh.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
        for wanted in ["<!doctype html>", "预警分析周报", "华东", "蓝色", "&lt;b&gt;地区&lt;/b&gt;投诉", "@media print"] {
            assert!(zh.text.contains(wanted), "{wanted}\n{}", zh.text);
        }
        let en = page("en");
        assert!(en.text.contains("Weekly early-warning bulletin") && en.text.contains("&lt;script&gt;Complaints") && !en.text.contains("<script"));
        assert_eq!(h.t.post(&h.manager, "/api/v1/bulletins", json!({ "period": "yearly" })).json()["error"]["field"], "period");
    });
}

#[test]
fn bulletins_missed_while_the_server_was_off_are_made_up_for_once_and_one_is_sent() {
    on_both(alone, |t| {
        let h = House::new(t);
        h.t.put(&h.manager, "/api/v1/warning-settings", settings("08:30", true)).expect(200);
        // Nothing fires for eight days: off from Monday to Tuesday of the week after.
        h.t.clock.advance(8 * 86_400);
        h.t.fire_timers();
        let made = archive(&h);
        let of = |period: &str| made.iter().filter(|b| b["period"] == period).map(|b| b["from"].as_str().unwrap()[..10].to_owned()).collect::<std::collections::BTreeSet<_>>();
        assert_eq!((of("daily").len(), of("weekly").len(), made.len()), (8, 2, 10), "{made:#?}");
        assert_eq!(of("weekly").into_iter().collect::<Vec<_>>(), ["2026-02-22", "2026-03-01"], "from Mondays, 23 February and 2 March, local time");
        // One daily to the manager, one weekly in each language of its readers.
        assert_eq!(h.letters().len(), 3, "{:?}", h.letters().iter().map(|l| l.subject.clone()).collect::<Vec<_>>());
        h.t.fire_timers();
        h.t.advance(3600);
        assert_eq!(archive(&h).len(), 10);
    });
}

#[test]
fn settings_are_checked_and_tell_who_is_meant() {
    on_both(alone, |t| {
        let h = House::new(t);
        let usual = h.t.get(&h.manager, "/api/v1/warning-settings").expect(200);
        assert_eq!((&usual["plan_hours"], &usual["daily"]["at"], &usual["time_zone"]), (&json!(2), &json!("08:30"), &json!("Asia/Shanghai")));
        assert_eq!(usual["members"].as_array().unwrap().len(), 2);
        let field = |change: fn(&mut Json)| {
            let mut body = settings("08:30", true);
            change(&mut body);
            h.t.put(&h.manager, "/api/v1/warning-settings", body).json()["error"]["field"].clone()
        };
        assert_eq!(field(|b| b["daily"]["at"] = json!("25:00")), "daily.at");
        assert_eq!(field(|b| b["weekly"]["weekday"] = json!(8)), "weekly.weekday");
        assert_eq!(field(|b| b["crisis_group"] = json!(["everybody"])), "crisis_group[0]");
        assert_eq!(field(|b| b["plan_hours"] = json!(0)), "plan_hours");
        assert_eq!(field(|b| b["write_up_days"] = json!(365)), "write_up_days");
    });
}
