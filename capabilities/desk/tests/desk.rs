//! Lists, views, counts, notices; on both databases.

use serde_json::{Value, json};
use shouwen_contracts::casework::{Accountable, Assigned, CaseEvent, Closed, MessageAdded, Opened, Tagged, Watched};
use shouwen_contracts::identity::{IdentityEvent, PersonSaved};
use shouwen_contracts::service_levels::{ClockEvent, Met, Planned};
use shouwen_kernel::{Access, CaseId, ConversationId, Grant, MessageId, PersonId, Reach, TeamId};
use shouwen_store::params;
use shouwen_testkit::{TestApp, on_both};
use shouwen_web::{Module, Viewer};

fn modules() -> Vec<Module> {
    vec![shouwen_desk::module()]
}

struct Desk {
    t: TestApp,
    team: TeamId,
    agent: Viewer,
    number: std::cell::Cell<u32>,
}

impl Desk {
    fn new(t: TestApp) -> Self {
        let team: TeamId = t.app.ids().next(t.app.clock());
        let agent = t.viewer("张三", vec![Grant { permission: "case.read".into(), reach: Reach::Teams { teams: [team].into() } }]);
        let d = Self { t, team, agent, number: 0.into() };
        d.t.emit::<IdentityEvent>(
            Some(d.agent.person),
            None,
            PersonSaved { person_id: d.agent.person, name: "张三".into(), active: true, org_unit_id: None, teams: vec![team], skills: vec![], languages: vec![], capacity: 10, locale: "zh-CN".into(), time_zone: "Asia/Shanghai".into() }.into(),
        );
        d
    }
    fn access(&self, team: Option<TeamId>, people: Vec<PersonId>) -> Option<Access> {
        Some(Access { org_unit: None, team, people })
    }
    fn tell(&self, case: CaseId, event: impl Into<CaseEvent>) {
        self.t.clock.advance(1);
        self.t.emit::<CaseEvent>(Some(case), self.access(Some(self.team), vec![]), event.into());
    }
    fn open(&self, team: Option<TeamId>, priority: &str) -> CaseId {
        self.t.clock.advance(1);
        self.number.set(self.number.get() + 1);
        let case_id: CaseId = self.t.app.ids().next(self.t.app.clock());
        self.t.emit::<CaseEvent>(
            Some(case_id),
            self.access(team, vec![]),
            Opened {
                case_id, number: format!("2026-{:06}", self.number.get()), case_type: "request".into(), title: format!("工单 {}", self.number.get()), priority: priority.into(), stage: "accepted".into(), status: "open".into(),
                channel: "email".into(), inbox_id: None, customer_id: None, customer_name: Some("李雷".into()), region: None, tier: None, org_unit_id: None, team_id: team, assignee_id: None, accountable_id: None,
                tags: vec![], language: None, opened_at: self.t.app.clock().now(),
            }
            .into(),
        );
        case_id
    }
    fn message(&self, case: CaseId, direction: &str, mentions: Vec<PersonId>) {
        self.tell(case, MessageAdded {
            case_id: case, conversation_id: ConversationId::NIL, message_id: MessageId::NIL, direction: direction.into(), author_id: None, author_name: "李雷".into(), preview: "还没好".into(), content: String::new(),
            at: self.t.app.clock().now(), auto: false, verified: true, mentions, files: vec![],
        });
    }
    fn assign(&self, case: CaseId, to: Option<PersonId>, team: Option<TeamId>) {
        self.tell(case, Assigned { case_id: case, from_person: None, to_person: to, from_team: Some(self.team), to_team: team, org_unit_id: None, reason: "负荷最低".into(), by: "routing".into() });
    }
    fn rows(&self, viewer: &Viewer, query: &str) -> Vec<String> {
        let page = self.t.get(viewer, &format!("/api/v1/desk/cases?{query}")).expect(200);
        page["items"].as_array().unwrap().iter().map(|row| row["case_id"].as_str().unwrap().to_owned()).collect()
    }
    fn count(&self, viewer: &Viewer, view: &str) -> i64 {
        self.t.get(viewer, "/api/v1/views/counts").expect(200)["counts"][view]["count"].as_i64().unwrap()
    }
}

fn encoded(filter: &Value) -> String {
    filter.to_string().bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[test]
fn every_view_shows_what_it_says_and_counts_what_it_shows() {
    on_both(modules, |t| {
        let d = Desk::new(t);
        let (first, second) = (d.open(Some(d.team), "normal"), d.open(Some(d.team), "urgent"));
        d.assign(first, Some(d.agent.person), Some(d.team));
        d.tell(second, Accountable { case_id: second, from: None, to: Some(d.agent.person), reason: "首问".into() });
        assert_eq!(d.rows(&d.agent, "view=mine"), [first.to_string()]);
        assert_eq!(d.rows(&d.agent, "view=team_unassigned"), [second.to_string()]);
        assert_eq!(d.rows(&d.agent, "view=accountable"), [second.to_string()]);
        assert_eq!(d.rows(&d.agent, "view=team_open&sort=priority"), [second.to_string(), first.to_string()]);
        let now = d.t.app.clock().now();
        d.t.emit::<ClockEvent>(Some(first), d.access(Some(d.team), vec![]), Planned { case_id: first, clock: "resolution".into(), target_s: 3600, started_at: now, due_at: Some(now.plus_seconds(3600)), warn_at: Some(now.plus_seconds(2880)), paused: false, why: "opened".into() }.into());
        assert_eq!(d.rows(&d.agent, "view=breaching"), [first.to_string()]);
        let row = d.t.get(&d.agent, "/api/v1/desk/cases?view=mine").expect(200)["items"][0].clone();
        assert_eq!((row["clock"]["kind"].as_str(), row["clock"]["state"].as_str(), row["assignee"]["name"].as_str()), (Some("resolution"), Some("running"), Some("张三")));
        d.t.clock.advance(2900);
        assert_eq!(d.t.get(&d.agent, "/api/v1/desk/cases?view=mine").expect(200)["items"][0]["clock"]["state"], "warned");
        d.t.emit::<ClockEvent>(Some(first), None, Met { case_id: first, clock: "resolution".into(), at: now, elapsed_s: 1, target_s: 3600, breached: false }.into());
        d.tell(first, Closed { case_id: first, resolution: "solved".into(), text: None, by: None, at: now, conversation_id: None, ask: false });
        assert_eq!(d.rows(&d.agent, "view=closed"), [first.to_string()]);
        for view in ["mine", "team_unassigned", "team_open", "accountable", "breaching", "all_open", "resolved"] {
            assert_eq!(d.count(&d.agent, view) as usize, d.rows(&d.agent, &format!("view={view}")).len(), "{view}");
        }
    });
}

#[test]
fn a_case_outside_the_reach_is_in_no_list_and_a_watched_one_is() {
    on_both(modules, |t| {
        let d = Desk::new(t);
        let other: TeamId = d.t.app.ids().next(d.t.app.clock());
        let (ours, theirs) = (d.open(Some(d.team), "normal"), d.open(Some(other), "normal"));
        assert_eq!(d.rows(&d.agent, "view=all_open"), [ours.to_string()]);
        d.t.put(&d.agent, &format!("/api/v1/desk/read/{theirs}"), Value::Null).expect(404);
        d.tell(theirs, Watched { case_id: theirs, person_id: d.agent.person, removed: false });
        assert_eq!(d.rows(&d.agent, "view=all_open").len(), 2);
        d.tell(theirs, Watched { case_id: theirs, person_id: d.agent.person, removed: true });
        assert_eq!(d.rows(&d.agent, "view=all_open"), [ours.to_string()]);
        d.t.get(&d.t.person("外人", &[]), "/api/v1/desk/cases").expect(403);
        assert_eq!(d.rows(&d.t.person("经理", &["case.read"]), "view=all_open").len(), 2);
    });
}

#[test]
fn pages_by_keyset_cover_everything_once_while_new_cases_arrive() {
    on_both(modules, |t| {
        let d = Desk::new(t);
        let all: Vec<String> = (0..25).map(|i| d.open(Some(d.team), ["low", "normal", "high", "urgent"][i % 4]).to_string()).collect();
        for sort in ["-updated_at", "opened_at", "-opened_at", "priority", "due_at"] {
            let (mut seen, mut after) = (Vec::new(), String::new());
            loop {
                let page = d.t.get(&d.agent, &format!("/api/v1/desk/cases?view=team_open&limit=7&sort={sort}&after={after}")).expect(200);
                seen.extend(page["items"].as_array().unwrap().iter().map(|r| r["case_id"].as_str().unwrap().to_owned()));
                match page["next"].as_str() {
                    Some(next) => after = next.to_owned(),
                    None => break,
                }
            }
            let mut sorted = seen.clone();
            sorted.sort();
            sorted.dedup();
            assert_eq!((seen.len(), sorted), (25, all.clone()), "{sort}");
        }
        let foreign = d.t.get(&d.agent, "/api/v1/desk/cases?limit=7&sort=-updated_at").expect(200)["next"].as_str().unwrap().to_owned();
        assert_eq!(d.t.get(&d.agent, &format!("/api/v1/desk/cases?sort=due_at&after={foreign}")).json()["error"]["field"], "after");
        assert_eq!(d.t.get(&d.agent, "/api/v1/desk/cases?after=xyz").json()["error"]["field"], "after");
        assert_eq!(d.t.get(&d.agent, "/api/v1/desk/cases?sort=colour").json()["error"]["field"], "sort");
    });
}

#[test]
fn ux_20_filters_combine_and_wrong_ones_say_what_would_be_right() {
    on_both(modules, |t| {
        let d = Desk::new(t);
        let (plain, tagged) = (d.open(Some(d.team), "normal"), d.open(Some(d.team), "urgent"));
        d.tell(tagged, Tagged { case_id: tagged, added: vec!["退款".into()], removed: vec![] });
        let find = |filter: Value| d.rows(&d.agent, &format!("filter={}", encoded(&filter)));
        assert_eq!(find(json!({"field": "tag", "op": "contains", "value": "退款"})), [tagged.to_string()]);
        assert_eq!(find(json!({"not": {"field": "tag", "op": "contains", "value": "退款"}})), [plain.to_string()]);
        assert_eq!(find(json!({"all": [{"field": "priority", "op": "in", "value": ["urgent", "high"]}, {"field": "opened_at", "op": "within_last", "value": "1d"}]})), [tagged.to_string()]);
        assert_eq!(find(json!({"field": "assignee", "op": "empty"})).len(), 2);
        assert_eq!(find(json!({"field": "title", "op": "contains", "value": "工单 1"})), [plain.to_string()]);
        assert_eq!(find(json!({"field": "team", "op": "in", "value": "@my_teams"})).len(), 2);
        assert_eq!(find(json!({"field": "title", "op": "eq", "value": plain.to_string()})).len(), 0, "a text that looks like an id is a text");
        assert_eq!(find(json!({"field": "messages", "op": "ge", "value": 0})).len(), 2);
        for (filter, field) in [
            (json!({"field": "colour", "op": "eq", "value": "red"}), "filter.field"),
            (json!({"field": "opened_at", "op": "lt", "value": "yesterday"}), "filter.value"),
            (json!({"field": "assignee", "op": "eq", "value": "' OR 1=1 --"}), "filter.assignee"),
            (json!({"field": "messages", "op": "gt", "value": 0.5}), "filter.messages"),
            (json!({"field": "messages", "op": "gt", "value": 1e300}), "filter.messages"),
        ] {
            let reply = d.t.get(&d.agent, &format!("/api/v1/desk/cases?filter={}", encoded(&filter)));
            assert_eq!((reply.status.as_u16(), reply.json()["error"]["field"].as_str()), (422, Some(field)), "{}", reply.text);
        }
        assert_eq!(d.t.get(&d.agent, "/api/v1/desk/cases?filter=%7Bnot+json").json()["error"]["field"], "filter");
    });
}

#[test]
fn ux_18_views_are_personal_or_shared_with_a_team_by_who_may() {
    on_both(modules, |t| {
        let d = Desk::new(t);
        let case = d.open(Some(d.team), "urgent");
        let input = json!({"name": "紧急", "filter": {"field": "priority", "op": "eq", "value": "urgent"}});
        let view = d.t.post(&d.agent, "/api/v1/views", input.clone()).expect(201);
        let id = view["id"].as_str().unwrap();
        assert_eq!(d.rows(&d.agent, &format!("view={id}")), [case.to_string()]);
        assert_eq!(d.count(&d.agent, id), 1);
        let shared = json!({"name": "班组紧急", "filter": input["filter"], "team_id": d.team});
        assert_eq!(d.t.post(&d.agent, "/api/v1/views", shared.clone()).code(), "forbidden");
        let lead = d.t.person("班长", &["case.read", "view.share"]);
        d.t.post(&lead, "/api/v1/views", shared).expect(201);
        let mine = d.t.get(&d.agent, "/api/v1/views").expect(200);
        assert!(mine.as_array().unwrap().iter().any(|v| v["name"] == "班组紧急" && v["owner"] == "team"));
        d.t.patch(&lead, &format!("/api/v1/views/{id}"), json!({"name": "x", "filter": input["filter"], "version": 1})).expect(404);
        assert_eq!(d.t.patch(&d.agent, &format!("/api/v1/views/{id}"), json!({"name": "x", "filter": input["filter"], "version": 9})).code(), "version_conflict");
        d.t.delete(&d.agent, &format!("/api/v1/views/{id}")).expect(204);
    });
}

#[test]
fn ux_39_40_notices_reach_the_right_person_once_and_opening_reads_them() {
    on_both(modules, |t| {
        let d = Desk::new(t);
        let case = d.open(Some(d.team), "normal");
        d.assign(case, Some(d.agent.person), Some(d.team));
        d.message(case, "in", vec![]);
        d.message(case, "note", vec![d.agent.person, d.agent.person]);
        let notices = d.t.get(&d.agent, "/api/v1/notices?unread=1").expect(200);
        let kinds: Vec<&str> = notices["items"].as_array().unwrap().iter().map(|n| n["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["mention", "reply", "assigned"]);
        assert!(d.t.get(&d.agent, "/api/v1/desk/cases?view=mine").expect(200)["items"][0]["unread"].as_bool().unwrap());
        assert_eq!(d.rows(&d.agent, "view=mentioned"), [case.to_string()]);
        let unread = format!("filter={}", encoded(&json!({"field": "unread", "op": "eq", "value": true})));
        assert_eq!(d.rows(&d.agent, &unread), [case.to_string()]);
        d.t.clock.advance(1);
        d.t.put(&d.agent, &format!("/api/v1/desk/read/{case}"), Value::Null).expect(204);
        assert_eq!(d.t.get(&d.agent, "/api/v1/notices?unread=1").expect(200)["items"].as_array().unwrap().len(), 0);
        assert!(d.rows(&d.agent, &unread).is_empty());
        assert!(!d.t.get(&d.agent, "/api/v1/desk/cases?view=mine").expect(200)["items"][0]["unread"].as_bool().unwrap());
    });
}

#[test]
fn rebuilt_from_the_log_equals_live() {
    on_both(modules, |t| {
        let d = Desk::new(t);
        let case = d.open(Some(d.team), "normal");
        d.open(Some(d.team), "urgent");
        d.assign(case, Some(d.agent.person), Some(d.team));
        d.message(case, "in", vec![d.agent.person]);
        d.tell(case, Tagged { case_id: case, added: vec!["a".into(), "b".into()], removed: vec![] });
        d.t.assert_rebuilds(|tx| {
            let cases: Vec<(CaseId, String, Option<PersonId>, i64, i64, String)> = tx.all("SELECT case_id, status, assignee_id, messages, version, title FROM desk_case ORDER BY case_id", params![])?;
            let tags: Vec<(CaseId, String)> = tx.all("SELECT case_id, tag FROM desk_tag ORDER BY case_id, tag", params![])?;
            let mentions: Vec<(PersonId, CaseId)> = tx.all("SELECT person_id, case_id FROM desk_mention ORDER BY person_id", params![])?;
            Ok((cases, tags, mentions))
        });
    });
}

#[test]
fn lists_show_and_filter_by_the_tier_and_region_the_customer_has_now() {
    use shouwen_contracts::casework::CustomerSet;
    use shouwen_contracts::customers::{CustomerEvent, Saved};
    use shouwen_kernel::CustomerId;
    on_both(modules, |t| {
        let d = Desk::new(t);
        let who: CustomerId = d.t.app.ids().next(d.t.app.clock());
        let saved = |tier: Option<&str>, region: &str| {
            let saved = Saved { customer_id: who, name: "李雷".into(), language: None, region: Some(region.into()), tier: tier.map(Into::into), org_unit_id: None };
            d.t.emit::<CustomerEvent>(Some(who.0), None, saved.into());
        };
        let found = |field: &str, value: &str| -> Vec<Value> {
            let filter = json!({ "field": field, "op": "eq", "value": value }).to_string().replace('"', "%22").replace('{', "%7B").replace('}', "%7D");
            d.t.get(&d.agent, &format!("/api/v1/desk/cases?filter={filter}")).expect(200)["items"].as_array().unwrap().iter().map(|row| row["case_id"].clone()).collect()
        };
        saved(Some("silver"), "east");
        let (given, alien) = (d.open(Some(d.team), "normal"), d.open(Some(d.team), "normal"));
        d.tell(given, CustomerSet { case_id: given, from: None, to: Some(who), name: Some("李雷".into()) });
        assert_eq!(found("tier", "silver"), [json!(given)], "a case that gets its customer gets their tier");
        saved(Some("gold"), "west");
        assert_eq!((found("tier", "gold"), found("region", "west"), found("tier", "silver")), (vec![json!(given)], vec![json!(given)], vec![]));
        d.tell(given, Closed { case_id: given, resolution: "solved".into(), text: None, by: None, at: d.t.app.clock().now(), conversation_id: None, ask: false });
        saved(None, "west");
        assert!(found("tier", "gold").is_empty(), "what is over shows the customer as they are, too");
        d.tell(alien, CustomerSet { case_id: alien, from: None, to: Some(who), name: None });
        assert_eq!(found("region", "west").len(), 2);
        d.tell(alien, CustomerSet { case_id: alien, from: Some(who), to: None, name: None });
        assert_eq!(found("region", "west"), [json!(given)]);
        d.t.assert_rebuilds(|tx| tx.all::<(CaseId, Option<String>, Option<String>)>("SELECT case_id, region, tier FROM desk_case ORDER BY case_id", params![]));
    });
}
