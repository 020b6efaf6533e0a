//! What changes while clocks run, rest or are over: priority back and forth, merges, categories, dates, tiers, answers of
//! forms, the way to the archive. On both databases.

use serde_json::{Value, json};
use shouwen_contracts::casework::{CaseEvent, CaseTypeEvent, Closed, CustomerSet, Edited, MessageAdded, Opened, StageChanged, Merged, TypeSaved, Unmerged};
use shouwen_contracts::customers::{CustomerEvent, Saved};
use shouwen_contracts::service_levels::ClockEvent;
use shouwen_kernel::{Access, CaseId, ConversationId, CustomerId, MessageId, PersonId, Time};
use shouwen_testkit::{START, TestApp, on_both};
use shouwen_web::{Module, Viewer};

fn modules() -> Vec<Module> {
    vec![shouwen_service_levels::module()]
}

const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

struct House {
    t: TestApp,
    admin: Viewer,
    case: CaseId,
    customer: CustomerId,
}

impl House {
    fn new(t: TestApp) -> Self {
        let admin = t.person("管理员", &["case.read", "calendar.manage", "service_level.manage"]);
        let ctx = t.system();
        t.db.write_blocking(move |tx| shouwen_service_levels::ensure_defaults(tx, &ctx, "Asia/Shanghai")).unwrap();
        let (case, customer) = (CaseId(t.app.ids().uuid(START)), CustomerId(t.app.ids().uuid(START)));
        Self { t, admin, case, customer }
    }
    fn open(t: TestApp) -> Self {
        let house = Self::new(t);
        house.opens("complaint");
        house
    }
    fn opens(&self, case_type: &str) {
        self.tell(Opened {
            case_id: self.case, number: "1".into(), case_type: case_type.into(), title: "…".into(), priority: "normal".into(), stage: "accepted".into(), status: "open".into(), channel: "email".into(), inbox_id: None,
            customer_id: Some(self.customer), customer_name: None, region: None, tier: None, org_unit_id: None, team_id: None, assignee_id: None, accountable_id: None, tags: vec![], language: None, opened_at: self.now(),
        });
    }
    fn now(&self) -> Time {
        self.t.app.clock().now()
    }
    fn tell(&self, event: impl Into<CaseEvent>) {
        self.t.emit::<CaseEvent>(Some(self.case), Some(Access::default()), event.into());
    }
    fn set(&self, field: &str, to: Value) {
        self.tell(Edited { case_id: self.case, field: field.into(), from: Value::Null, to });
    }
    fn goes(&self, from: (&str, &str), to: (&str, &str)) {
        self.tell(StageChanged { case_id: self.case, from: from.0.into(), to: to.0.into(), from_status: from.1.into(), to_status: to.1.into(), reason: None, at: self.now() });
    }
    fn message(&self, direction: &str) {
        self.tell(MessageAdded {
            case_id: self.case, conversation_id: ConversationId::NIL, message_id: MessageId(self.t.app.ids().uuid(self.now())), direction: direction.into(), author_id: None, author_name: "…".into(), preview: String::new(),
            content: String::new(), at: self.now(), auto: false, verified: true, mentions: vec![], files: vec![],
        });
    }
    fn clock(&self, kind: &str) -> Value {
        let clocks = self.t.get(&self.admin, &format!("/api/v1/cases/{}/clocks", self.case)).expect(200);
        clocks.as_array().unwrap().iter().find(|c| c["kind"] == kind).cloned().unwrap_or(Value::Null)
    }
    fn due(&self, kind: &str) -> String {
        self.clock(kind)["due_at"].as_str().unwrap_or("none").to_owned()
    }
    fn told(&self, kind: &str, clock: &str) -> usize {
        self.t.recorded().iter().filter(|e| e.kind == kind && e.payload().unwrap()["clock"] == clock).count()
    }
    fn level(&self, patch: Value) {
        let mut body = patch;
        let level = self.t.get(&self.admin, "/api/v1/service-levels").expect(200)[0].clone();
        body["version"] = level["version"].clone();
        self.t.patch(&self.admin, &format!("/api/v1/service-levels/{}", level["id"].as_str().unwrap()), body).expect(200);
        self.t.fire_timers();
        self.t.drain();
    }
    fn calendar(&self, key: &str) -> Value {
        self.t.get(&self.admin, "/api/v1/calendars").expect(200).as_array().unwrap().iter().find(|c| c["key"] == key).cloned().unwrap()
    }
    fn another_level(&self, name: &str, order: i64, matches: Value, target: &str) {
        let body = json!({ "name": name, "order": order, "match": matches, "calendar_id": self.calendar("around-the-clock")["id"], "targets": { "first_response": target, "resolution": target } });
        self.t.post(&self.admin, "/api/v1/service-levels", body).expect(201);
    }
    fn policy(&self, fields: Value) -> Value {
        let mut body = json!({ "key": "answer", "title": { "zh": "答复", "en": "Answer" }, "regime": "12315", "starts": "opened", "ends": "closed", "limit": 7, "unit": "working_day", "calendar_id": self.calendar("office")["id"] });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.t.post(&self.admin, "/api/v1/regulatory-clocks", body).expect(201)
    }
}

#[test]
fn the_way_to_the_archive_meets_a_clock_once() {
    on_both(modules, |t| {
        let h = House::open(t);
        h.t.advance(HOUR);
        h.goes(("accepted", "open"), ("told", "resolved"));
        assert_eq!(h.told("clock.met", "resolution"), 1);
        h.t.advance(DAY);
        h.goes(("told", "resolved"), ("archived", "closed"));
        h.tell(Closed { case_id: h.case, resolution: "solved".into(), text: None, by: None, at: h.now(), conversation_id: None, ask: true });
        assert_eq!((h.told("clock.met", "resolution"), h.told("clock.planned", "resolution")), (1, 1), "it was met when it was resolved, and never ran again");
        assert_eq!((h.clock("resolution")["state"].as_str(), h.clock("resolution")["elapsed_s"].as_i64()), (Some("met"), Some(HOUR)));
    });
}

#[test]
fn a_split_merge_gives_clocks_back_as_they_were() {
    on_both(modules, |t| {
        let h = House::open(t);
        h.t.advance(HOUR);
        h.goes(("accepted", "open"), ("waits", "waiting"));
        h.t.advance(HOUR);
        let into = CaseId(h.t.app.ids().uuid(START));
        h.tell(Merged { case_id: h.case, into, conversations: vec![] });
        assert_eq!(h.clock("resolution")["state"], "cancelled");
        h.t.advance(HOUR);
        h.tell(Unmerged { case_id: h.case, from: into, conversations: vec![] });
        assert_eq!((h.clock("resolution")["state"].as_str(), h.clock("resolution")["due_at"].is_null()), (Some("paused"), true), "it waited for the customer and still does");
        h.goes(("waits", "waiting"), ("accepted", "open"));
        let clock = h.clock("resolution");
        // Three hours of nine to twelve: one counted, two waited.
        assert_eq!((clock["state"].as_str(), clock["elapsed_s"].as_i64(), clock["due_at"].is_string()), (Some("running"), Some(HOUR), true));
    });
}

#[test]
fn what_was_cancelled_before_a_merge_does_not_come_back_with_it() {
    on_both(modules, |t| {
        let h = House::new(t);
        h.policy(json!({ "match": { "field": "tag", "op": "contains", "value": "12315" } }));
        h.opens("complaint");
        h.tell(shouwen_contracts::casework::Tagged { case_id: h.case, added: vec!["12315".into()], removed: vec![] });
        assert_eq!(h.clock("reg.answer")["state"], "running");
        h.tell(shouwen_contracts::casework::Tagged { case_id: h.case, added: vec![], removed: vec!["12315".into()] });
        let into = CaseId(h.t.app.ids().uuid(START));
        h.tell(Merged { case_id: h.case, into, conversations: vec![] });
        h.tell(Unmerged { case_id: h.case, from: into, conversations: vec![] });
        assert_eq!((h.clock("reg.answer")["state"].as_str(), h.clock("resolution")["state"].as_str()), (Some("cancelled"), Some("running")));
    });
}

#[test]
fn warnings_breaches_and_rungs_are_told_once_though_the_plan_goes_back_and_forth() {
    on_both(modules, |t| {
        let h = House::new(t);
        let mut ladder = [50, 80, 100].map(|share| json!({ "at": format!("{share}%"), "to": ["lead"] })).to_vec();
        ladder.push(json!({ "at": "+30m", "to": ["manager"] }));
        h.level(json!({ "ladder": ladder }));
        h.opens("complaint");
        let all = |h: &House| ["clock.warned", "clock.breached", "clock.escalated"].map(|kind| h.told(kind, "first_response"));
        h.set("priority", json!("urgent"));
        h.t.advance(95 * 60);
        assert_eq!(all(&h), [1, 1, 4], "one hour, and half an hour beyond it");
        for _ in 0..3 {
            h.set("priority", json!("normal"));
            h.t.advance(60);
            h.set("priority", json!("urgent"));
            h.t.advance(60);
        }
        assert_eq!(all(&h), [1, 1, 4], "back at the same deadline nothing is told again");
        // A later deadline is a new one: its own moments are told when they come. Normal: four hours, due 14:30.
        h.set("priority", json!("normal"));
        h.t.advance(8 * HOUR);
        assert_eq!(all(&h), [2, 2, 8]);
        h.set("priority", json!("urgent"));
        h.t.advance(HOUR);
        assert_eq!(all(&h), [2, 2, 8]);
    });
}

#[test]
fn a_regulatory_clock_goes_on_when_its_matter_comes_back() {
    on_both(modules, |t| {
        let h = House::new(t);
        let matches = json!({ "field": "fields.category", "op": "eq", "value": "telecom" });
        h.policy(json!({ "key": "handled", "match": matches, "starts": "stage:handling" }));
        h.policy(json!({ "key": "asked", "match": matches, "starts": "field:asked_on" }));
        h.opens("complaint");
        h.set("fields.category", json!("telecom"));
        h.set("fields.asked_on", json!("2026-03-02"));
        h.goes(("accepted", "open"), ("handling", "open"));
        let before = ["reg.handled", "reg.asked"].map(|kind| (h.clock(kind)["state"].clone(), h.due(kind)));
        assert_eq!(before[0].0, "running");
        h.t.advance(2 * DAY);
        h.set("fields.category", json!("billing"));
        assert_eq!((h.clock("reg.handled")["state"].as_str(), h.clock("reg.asked")["state"].as_str()), (Some("cancelled"), Some("cancelled")));
        h.t.advance(DAY);
        h.set("fields.category", json!("telecom"));
        assert_eq!(["reg.handled", "reg.asked"].map(|kind| (h.clock(kind)["state"].clone(), h.due(kind))), before, "counted from where it began");
        // A date taken away and given again.
        h.set("fields.asked_on", Value::Null);
        assert_eq!(h.clock("reg.asked")["state"], "cancelled");
        h.set("fields.asked_on", json!("2026-03-03"));
        assert_eq!((h.clock("reg.asked")["state"].as_str(), h.due("reg.asked") > before[1].1), (Some("running"), true));
    });
}

#[test]
fn a_matter_that_becomes_regulated_later_counts_from_what_starts_it() {
    on_both(modules, |t| {
        let h = House::new(t);
        let matches = json!({ "field": "fields.category", "op": "eq", "value": "telecom" });
        h.policy(json!({ "key": "handled", "match": matches, "starts": "stage:handling" }));
        h.policy(json!({ "key": "asked", "match": matches, "starts": "field:asked_on" }));
        h.opens("complaint");
        h.set("fields.asked_on", json!("2026-03-02"));
        h.t.advance(HOUR);
        h.goes(("accepted", "open"), ("handling", "open"));
        let entered = h.now();
        h.t.advance(DAY);
        h.set("fields.category", json!("telecom"));
        assert_eq!(h.clock("reg.handled")["started_at"], json!(entered));
        assert_eq!((h.clock("reg.asked")["state"].as_str(), h.clock("reg.asked")["started_at"].as_str()), (Some("running"), Some("2026-03-01T16:00:00Z")));
    });
}

#[test]
fn a_pause_is_not_forgotten_when_a_level_comes_back() {
    on_both(modules, |t| {
        let h = House::new(t);
        // Cases tagged so are promised an answer but no end.
        let body = json!({ "name": "无办结", "order": 1, "match": { "field": "tag", "op": "contains", "value": "open-end" }, "calendar_id": h.calendar("office")["id"], "targets": { "first_response": "4h" } });
        h.t.post(&h.admin, "/api/v1/service-levels", body).expect(201);
        h.opens("complaint");
        h.goes(("accepted", "open"), ("waits", "waiting"));
        h.t.advance(2 * DAY);
        h.goes(("waits", "waiting"), ("accepted", "open"));
        let before = h.due("resolution");
        h.tell(shouwen_contracts::casework::Tagged { case_id: h.case, added: vec!["open-end".into()], removed: vec![] });
        assert_eq!(h.clock("resolution")["state"], "cancelled");
        h.tell(shouwen_contracts::casework::Tagged { case_id: h.case, added: vec![], removed: vec!["open-end".into()] });
        assert_eq!(h.due("resolution"), before, "two days of waiting still do not count");
    });
}

#[test]
fn a_customer_of_another_tier_or_region_is_held_to_another_level_at_once() {
    on_both(modules, |t| {
        let h = House::new(t);
        h.another_level("金牌", 1, json!({ "field": "tier", "op": "eq", "value": "5" }), "30m");
        h.another_level("西藏", 2, json!({ "field": "region", "op": "eq", "value": "西藏" }), "90m");
        h.opens("complaint");
        let normal = h.due("first_response");
        let saved = |customer_id: CustomerId, region: Option<&str>, tier: Option<&str>| {
            h.t.emit::<CustomerEvent>(Some(customer_id), None, Saved { customer_id, name: "李雷".into(), language: None, region: region.map(Into::into), tier: tier.map(Into::into), org_unit_id: None }.into());
            h.t.fire_timers();
            h.t.drain();
        };
        saved(h.customer, None, Some("5"));
        assert_eq!((h.due("first_response").as_str(), h.clock("first_response")["service_level"]["name"].as_str()), ("2026-03-02T01:30:00Z", Some("金牌")));
        assert_eq!(h.clock("first_response")["history"].as_array().unwrap().last().unwrap()["why"], "tier");
        saved(h.customer, Some("西藏"), Some("3"));
        assert_eq!(h.due("first_response"), "2026-03-02T02:30:00Z");
        saved(h.customer, None, None);
        assert_eq!(h.due("first_response"), normal);
        // Another customer stands behind the case.
        let other = CustomerId(h.t.app.ids().uuid(START));
        saved(other, None, Some("5"));
        h.tell(CustomerSet { case_id: h.case, from: Some(h.customer), to: Some(other), name: None });
        assert_eq!(h.due("first_response"), "2026-03-02T01:30:00Z");
        saved(h.customer, Some("西藏"), None);
        assert_eq!(h.due("first_response"), "2026-03-02T01:30:00Z", "whose case it was no longer matters");
    });
}

#[test]
fn answers_of_forms_are_compared_as_their_form_says() {
    on_both(modules, |t| {
        let h = House::new(t);
        let words = |text: &str| json!({ "zh": text, "en": text });
        let form = json!({ "key": "f", "title": words("f"), "section": [{ "key": "a", "title": words("a"), "field": [
            { "key": "amount", "type": "money", "label": words("金额") },
            { "key": "lines", "type": "number", "label": words("条数") },
            { "key": "where", "type": "tree_choice", "label": words("类别"), "option": [{ "key": "network", "label": words("网"), "option": [{ "key": "slow", "label": words("慢") }] }] },
            { "key": "told", "type": "yes_no", "label": words("已告知") },
        ] }] });
        h.t.emit::<CaseTypeEvent>(None::<PersonId>, None, TypeSaved { key: "complaint".into(), version: 1, pack: None, title_zh: "投诉".into(), title_en: "Complaint".into(), stages: vec![], form: Some(form) }.into());
        h.another_level("大额", 1, json!({ "field": "fields.amount", "op": "gt", "value": 5000 }), "10m");
        h.another_level("多条", 2, json!({ "field": "fields.lines", "op": "ge", "value": 10 }), "20m");
        h.another_level("网慢", 3, json!({ "field": "fields.where", "op": "eq", "value": "network/slow" }), "30m");
        h.another_level("已告知", 4, json!({ "field": "fields.told", "op": "eq", "value": true }), "40m");
        h.opens("complaint");
        let level = || h.clock("first_response")["service_level"]["name"].as_str().unwrap().to_owned();
        for (field, value, expected) in [
            ("amount", json!({ "minor": 99_900, "currency": "CNY" }), "标准服务"),
            ("lines", json!(9), "标准服务"),
            ("told", json!(true), "已告知"),
            ("where", json!(["network", "slow"]), "网慢"),
            ("lines", json!(10), "多条"),
            ("amount", json!({ "minor": 500_001, "currency": "CNY" }), "大额"),
        ] {
            h.set(&format!("fields.{field}"), value.clone());
            assert_eq!(level(), expected, "{field} = {value}");
        }
    });
}

#[test]
fn several_letters_in_a_row_wait_since_the_first_and_each_answer_starts_anew() {
    on_both(modules, |t| {
        let h = House::open(t);
        h.message("out");
        h.t.advance(600);
        for _ in 0..3 {
            h.message("in");
            h.t.advance(600);
        }
        assert_eq!((h.clock("next_response")["started_at"].as_str(), h.told("clock.planned", "next_response")), (Some("2026-03-02T01:10:00Z"), 1));
        h.message("out");
        h.message("in");
        assert_eq!((h.clock("next_response")["started_at"].as_str(), h.told("clock.met", "next_response")), (Some("2026-03-02T01:40:00Z"), 1));
    });
}

#[test]
fn a_case_that_moves_to_another_region_is_counted_by_that_regions_calendar_from_its_opening() {
    on_both(modules, |t| {
        let h = House::new(t);
        // Ürümqi works two hours later by the same clock.
        let hours = json!(["11:00-14:00", "15:30-20:00"]);
        let far = h.t.post(&h.admin, "/api/v1/calendars", json!({ "name": "乌鲁木齐", "timezone": "Asia/Shanghai", "week": { "mon": hours, "tue": hours, "wed": hours, "thu": hours, "fri": hours }, "days": {} })).expect(201);
        let unit = shouwen_kernel::OrgUnitId(h.t.app.ids().uuid(START));
        h.t.post(&h.admin, "/api/v1/service-levels", json!({ "name": "新疆", "order": 1, "match": { "field": "org_unit", "op": "eq", "value": unit }, "calendar_id": far["id"], "targets": { "first_response": "4h" } })).expect(201);
        h.opens("complaint");
        assert_eq!(h.due("first_response"), "2026-03-02T06:30:00Z");
        h.t.advance(2 * HOUR);
        h.set("org_unit", json!(unit));
        // Four hours from 11:00: three until 14:00, one from 15:30.
        assert_eq!((h.due("first_response").as_str(), h.clock("first_response")["elapsed_s"].as_i64()), ("2026-03-02T08:30:00Z", Some(0)));
        h.set("org_unit", Value::Null);
        assert_eq!((h.due("first_response").as_str(), h.clock("first_response")["elapsed_s"].as_i64()), ("2026-03-02T06:30:00Z", Some(2 * HOUR)));
    });
}

#[test]
fn changes_while_a_clock_rests_take_effect_when_it_goes_on() {
    on_both(modules, |t| {
        let h = House::open(t);
        h.t.advance(HOUR);
        h.goes(("accepted", "open"), ("waits", "waiting"));
        h.set("priority", json!("high"));
        let office = h.calendar("office");
        h.t.patch(&h.admin, &format!("/api/v1/calendars/{}", office["id"].as_str().unwrap()), json!({ "version": office["version"], "days": { "2026-03-03": [] } })).expect(200);
        h.t.fire_timers();
        assert_eq!((h.clock("first_response")["state"].as_str(), h.clock("first_response")["due_at"].is_null(), h.clock("first_response")["target"].as_str()), (Some("paused"), true, Some("2h")));
        h.t.advance(2 * DAY);
        h.goes(("waits", "waiting"), ("accepted", "open"));
        // Two hours, one used on Monday; Wednesday at ten it goes on: due at eleven.
        assert_eq!((h.due("first_response").as_str(), h.clock("first_response")["remaining_s"].as_i64()), ("2026-03-04T03:00:00Z", Some(HOUR)));
        assert_eq!(h.t.events::<ClockEvent>().iter().filter(|e| matches!(e, ClockEvent::Breached(_) | ClockEvent::Warned(_))).count(), 0);
    });
}

#[test]
fn what_a_rule_set_going_is_not_taken_away_by_the_next_edit() {
    on_both(modules, |t| {
        let h = House::new(t);
        h.policy(json!({ "match": { "field": "tag", "op": "contains", "value": "12315" } }));
        h.opens("complaint");
        let wish = shouwen_contracts::wish::ActionWish { source: "rule:1".into(), case_id: h.case, action: json!({ "do": "start_clock", "clock": "reg.answer" }), reason: "r".into(), chain: vec![] };
        h.t.emit::<shouwen_contracts::wish::WishEvent>(Some(h.case), Some(Access::default()), wish.into());
        assert_eq!(h.clock("reg.answer")["state"], "running");
        h.set("title", json!("another"));
        assert_eq!(h.clock("reg.answer")["state"], "running");
    });
}

#[test]
fn a_limit_edited_while_its_matter_was_away_is_the_new_one_when_it_comes_back() {
    on_both(modules, |t| {
        let h = House::new(t);
        let policy = h.policy(json!({ "match": { "field": "priority", "op": "eq", "value": "high" } }));
        h.opens("complaint");
        h.set("priority", json!("high"));
        assert_eq!(h.due("reg.answer"), "2026-03-11T10:00:00Z");
        h.set("priority", json!("normal"));
        h.t.patch(&h.admin, &format!("/api/v1/regulatory-clocks/{}", policy["id"].as_str().unwrap()), json!({ "limit": 5, "version": policy["version"] })).expect(200);
        h.t.fire_timers();
        h.set("priority", json!("high"));
        assert_eq!(h.due("reg.answer"), "2026-03-09T10:00:00Z");
    });
}

impl House {
    fn edit_policy(&self, id: &str, patch: Value) {
        let list = self.t.get(&self.admin, "/api/v1/regulatory-clocks").expect(200);
        let now = list.as_array().unwrap().iter().find(|p| p["id"] == id).cloned().unwrap();
        let mut body = patch;
        body["version"] = now["version"].clone();
        self.t.patch(&self.admin, &format!("/api/v1/regulatory-clocks/{id}"), body).expect(200);
        self.t.fire_timers();
        self.t.drain();
    }
    /// Why clocks of this kind were taken away, as the timeline tells it.
    fn cancelled(&self, clock: &str) -> Vec<String> {
        let told = self.t.recorded();
        told.iter().filter(|e| e.kind == "clock.cancelled" && e.payload().unwrap()["clock"] == clock).map(|e| e.payload().unwrap()["why"].as_str().unwrap_or("-").to_owned()).collect()
    }
}

#[test]
fn a_regulatory_clock_switched_off_and_on_takes_effect_for_the_cases_that_run() {
    on_both(modules, |t| {
        let h = House::new(t);
        let policy = h.policy(json!({}));
        let id = policy["id"].as_str().unwrap();
        // More cases than one step of the sweep looks at, one of them over.
        let mut cases = vec![h.case];
        h.opens("complaint");
        for n in 0..230 {
            let case = CaseId(h.t.app.ids().uuid(START));
            cases.push(case);
            h.t.emit::<CaseEvent>(Some(case), Some(Access::default()), CaseEvent::Opened(Opened {
                case_id: case, number: format!("{n}"), case_type: "complaint".into(), title: "…".into(), priority: "normal".into(), stage: "accepted".into(), status: "open".into(), channel: "email".into(), inbox_id: None,
                customer_id: None, customer_name: None, region: None, tier: None, org_unit_id: None, team_id: None, assignee_id: None, accountable_id: None, tags: vec![], language: None, opened_at: h.now(),
            }));
        }
        h.t.drain();
        let ended = cases[5];
        h.t.emit::<CaseEvent>(Some(ended), Some(Access::default()), CaseEvent::Closed(Closed { case_id: ended, resolution: "solved".into(), text: None, by: None, at: h.now(), conversation_id: None, ask: false }));
        h.t.drain();
        let due = h.due("reg.answer");
        h.t.advance(HOUR);
        h.edit_policy(id, json!({ "active": false }));
        assert_eq!(h.clock("reg.answer")["state"], "cancelled", "switched off, it counts for nobody any more");
        assert_eq!(h.cancelled("reg.answer"), vec!["switched_off"; 230], "each case is told once, and why; what is over stays as it is");
        assert_eq!(h.clock("resolution")["state"], "running");
        assert_eq!(h.told("clock.planned", "reg.answer"), 231, "what goes is not planned first");
        // A case that opens meanwhile has none.
        h.t.advance(DAY);
        h.edit_policy(id, json!({ "active": true }));
        let clock = h.clock("reg.answer");
        assert_eq!((clock["state"].as_str(), clock["due_at"].as_str()), (Some("running"), Some(due.as_str())), "what a regulator counts begins where it began");
        assert_eq!(clock["history"].as_array().unwrap().last().unwrap()["why"], "switched_on");
        assert_eq!(h.told("clock.planned", "reg.answer"), 231 + 230);
        // Another title is no news for any case; a condition that lets it go is.
        h.edit_policy(id, json!({ "title": { "zh": "限期答复", "en": "Answer in time" } }));
        assert_eq!(h.told("clock.planned", "reg.answer"), 231 + 230);
        h.edit_policy(id, json!({ "match": { "field": "type", "op": "eq", "value": "dispute" } }));
        assert_eq!(h.clock("reg.answer")["state"], "cancelled");
    });
}

#[test]
fn a_service_level_switched_off_hands_its_cases_to_the_next_one() {
    on_both(modules, |t| {
        let h = House::new(t);
        h.another_level("全天候", 10, Value::Null, "1h");
        h.opens("complaint");
        assert_eq!(h.clock("resolution")["target"], "1h");
        // The first in the list is the one of order 10.
        h.level(json!({ "active": false }));
        assert_eq!((h.clock("resolution")["target"].as_str(), h.clock("resolution")["service_level"]["name"].as_str()), (Some("24h"), Some("标准服务")));
        h.level(json!({ "active": true }));
        assert_eq!(h.clock("resolution")["target"], "1h");
        h.goes(("accepted", "open"), ("told", "resolved"));
        let told = h.told("clock.planned", "resolution");
        h.level(json!({ "active": false }));
        assert_eq!((h.told("clock.planned", "resolution"), h.clock("resolution")["state"].as_str()), (told, Some("met")), "what is solved needs no promise any more");
    });
}
