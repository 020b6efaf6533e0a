//! Casework and the register, each hearing of the other by events alone: a case made by hand gets its customer.

use serde_json::{Value as Json, json};
use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::identity::{IdentityEvent, PersonSaved, TeamSaved};
use shouwen_kernel::{CaseId, Grant, Reach, TeamId};
use shouwen_store::params;
use shouwen_testkit::{TestApp, on_both};
use shouwen_web::{Module, Viewer};

fn house() -> Vec<Module> {
    vec![shouwen_customers::module(), shouwen_casework::module(), shouwen_service_levels::module(), shouwen_desk::module(), shouwen_insight::module()]
}

const CODES: &[&str] =
    &["case.read", "case.create", "case.edit", "case.reply", "case.note", "case.assign", "case.merge", "customer.read", "customer.edit", "customer.reveal", "customer.merge"];

fn team(t: &TestApp, name: &str) -> TeamId {
    let id: TeamId = t.app.ids().next(t.app.clock());
    t.emit::<IdentityEvent>(Some(id.0), None, TeamSaved { team_id: id, name: name.into(), org_unit_id: None, skills: vec![] }.into());
    id
}

fn agent(t: &TestApp, name: &str, team: TeamId) -> Viewer {
    let who = t.viewer(name, CODES.iter().map(|code| Grant { permission: (*code).into(), reach: Reach::Teams { teams: [team].into() } }).collect());
    let saved = PersonSaved {
        person_id: who.person,
        name: name.into(),
        active: true,
        org_unit_id: None,
        teams: vec![team],
        skills: vec![],
        languages: vec![],
        capacity: 10,
        locale: "zh-CN".into(),
        time_zone: "Asia/Shanghai".into(),
    };
    t.emit::<IdentityEvent>(Some(who.person.0), None, saved.into());
    who
}

fn open(t: &TestApp, who: &Viewer, body: Json) -> String {
    let answer = t.post(who, "/api/v1/cases", body).expect(201);
    t.drain();
    answer["case"]["id"].as_str().unwrap().to_owned()
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

#[test]
fn a_case_made_by_hand_gets_its_customer_and_everybody_shows_them() {
    on_both(house, |t| {
        let ours = team(&t, "宽带组");
        let zhang = agent(&t, "张坐席", ours);
        let case = open(&t, &zhang, json!({ "title": "来电咨询", "team_id": ours, "customer": { "name": "赵六", "email": "zhao@customer.example", "phone": "138 0013 8000" } }));
        let shown = t.get(&zhang, &format!("/api/v1/cases/{case}")).expect(200);
        let customer = text(&shown["customer"]["id"]).to_owned();
        assert_eq!(shown["customer"]["name"], "赵六");
        assert_eq!(shown["conversations"][0]["participants"].as_array().unwrap().len(), 2);
        let record = t.get(&zhang, &format!("/api/v1/customers/{customer}")).expect(200);
        assert_eq!(record["identities"].as_array().unwrap().len(), 2, "{record}");
        let row = t.get(&zhang, "/api/v1/desk/cases").expect(200)["items"][0].clone();
        assert_eq!((&row["customer"]["id"], &row["customer"]["name"]), (&json!(customer), &json!("赵六")));
        assert_eq!(t.get(&zhang, &format!("/api/v1/desk/customers/{customer}/cases")).expect(200)["items"].as_array().unwrap().len(), 1);
        let set = t.events::<CaseEvent>().into_iter().filter(|e| matches!(e, CaseEvent::CustomerSet(_))).count();
        assert_eq!(set, 1, "one customer is set once, however many addresses they have");
        let timeline = t.get(&zhang, &format!("/api/v1/cases/{case}/timeline")).expect(200);
        assert!(!timeline.to_string().contains("\"index\""), "no sealed address stands in a timeline: {timeline}");
        // The next matter of the same person, by either address: the same customer.
        let again = open(&t, &zhang, json!({ "title": "又来", "team_id": ours, "customer": { "name": "赵", "phone": "+8613800138000" } }));
        assert_eq!(t.get(&zhang, &format!("/api/v1/cases/{again}")).expect(200)["customer"], json!({ "id": customer, "name": "赵六" }));
        // Named directly.
        let direct = open(&t, &zhang, json!({ "title": "直接", "team_id": ours, "customer_id": customer }));
        assert_eq!(t.get(&zhang, &format!("/api/v1/cases/{direct}")).expect(200)["customer"]["id"], json!(customer));
        // Added later.
        let later = open(&t, &zhang, json!({ "title": "后补", "team_id": ours }));
        assert_eq!(t.get(&zhang, &format!("/api/v1/cases/{later}")).expect(200)["customer"], json!(null));
        t.post(&zhang, &format!("/api/v1/cases/{later}/participants"), json!({ "name": "赵六", "email": "ZHAO@customer.example" })).expect(201);
        t.post(&zhang, &format!("/api/v1/cases/{later}/participants"), json!({ "name": "钱七", "email": "qian@customer.example" })).expect(201);
        t.drain();
        let shown = t.get(&zhang, &format!("/api/v1/cases/{later}")).expect(200);
        assert_eq!(shown["customer"]["id"], json!(customer), "the first one is the customer");
        assert_eq!(shown["conversations"][0]["participants"].as_array().unwrap().iter().map(|p| text(&p["role"]).to_owned()).collect::<Vec<_>>(), ["customer", "cc"]);
        for (body, field) in [(json!({ "name": "x" }), "email"), (json!({ "email": "nobody" }), "email"), (json!({ "phone": "12" }), "phone")] {
            let refused = t.post(&zhang, &format!("/api/v1/cases/{later}/participants"), body).expect(422);
            assert_eq!(refused["error"]["field"], field);
        }
        t.post(&zhang, &format!("/api/v1/cases/{later}/participants"), json!({ "name": "赵六", "email": "zhao@customer.example" })).expect(201);
        // Merged before anybody was matched: the case that goes on gets the customer too.
        let (from, into) = (open(&t, &zhang, json!({ "title": "甲", "team_id": ours })), open(&t, &zhang, json!({ "title": "乙", "team_id": ours })));
        t.post(&zhang, &format!("/api/v1/cases/{from}/participants"), json!({ "name": "孙八", "email": "sun@customer.example" })).expect(201);
        t.post(&zhang, &format!("/api/v1/cases/{from}/merge"), json!({ "into": into })).expect(200);
        t.drain();
        assert_eq!(t.get(&zhang, &format!("/api/v1/cases/{into}")).expect(200)["customer"]["name"], "孙八");
        let loose: (i64,) = t.db.read_blocking(|tx| tx.one("SELECT count(*) FROM case_participant WHERE customer_id IS NULL", params![])).unwrap();
        assert_eq!(loose.0, 0, "every participant is known");
    });
}

#[test]
fn another_teams_customer_cannot_be_named_or_seen_by_any_way() {
    on_both(house, |t| {
        let (ours, theirs) = (team(&t, "宽带组"), team(&t, "账务组"));
        let (zhang, li) = (agent(&t, "张坐席", ours), agent(&t, "李坐席", theirs));
        let case = open(&t, &zhang, json!({ "title": "来电", "team_id": ours, "customer": { "name": "赵六", "email": "zhao@customer.example" } }));
        let customer = text(&t.get(&zhang, &format!("/api/v1/cases/{case}")).expect(200)["customer"]["id"]).to_owned();
        t.get(&zhang, &format!("/api/v1/customers/{customer}")).expect(200);
        t.get(&li, &format!("/api/v1/customers/{customer}")).expect(404);
        // Naming them in a case of one's own would open their record.
        let refused = t.post(&li, "/api/v1/cases", json!({ "title": "x", "team_id": theirs, "customer_id": customer }));
        assert_eq!((refused.status.as_u16(), refused.json()["error"]["field"].as_str()), (422, Some("customer_id")));
        let nobody = t.post(&li, "/api/v1/cases", json!({ "title": "x", "team_id": theirs, "customer_id": "cus_00000000000000000000000001" }));
        assert_eq!(nobody.json()["error"]["message"].as_str().map(|m| m.replace("cus_00000000000000000000000001", "")), refused.json()["error"]["message"].as_str().map(|m| m.replace(&customer, "")), "hidden and missing look alike");
        assert_eq!(t.get(&li, &format!("/api/v1/desk/customers/{customer}/cases")).expect(200)["items"], json!([]));
        // They turn to the other team, too: then they are that team's as well.
        open(&t, &li, json!({ "title": "账单", "team_id": theirs, "customer": { "name": "赵六", "email": "zhao@customer.example" } }));
        t.get(&li, &format!("/api/v1/customers/{customer}")).expect(200);
        t.get(&li, &format!("/api/v1/cases/{case}")).expect(404);
        // A case that leaves a team takes its customer along, but whoever is accountable goes on seeing both.
        let (wang, sun) = (agent(&t, "王坐席", ours), agent(&t, "孙坐席", ours));
        assert_eq!(t.get(&wang, &format!("/api/v1/customers/{customer}")).status.as_u16(), 200);
        t.put(&zhang, &format!("/api/v1/cases/{case}/assignment"), json!({ "person_id": null, "team_id": theirs })).expect(200);
        t.drain();
        t.get(&sun, &format!("/api/v1/customers/{customer}")).expect(404);
        t.get(&zhang, &format!("/api/v1/customers/{customer}")).expect(200);
        t.assert_rebuilds(|tx| tx.all::<(CaseId, Option<shouwen_kernel::CustomerId>)>("SELECT case_id, customer_id FROM desk_case ORDER BY case_id", params![]));
    });
}

#[test]
fn a_first_mail_of_ours_makes_whom_it_goes_to_the_customer() {
    on_both(house, |t| {
        let ours = team(&t, "宽带组");
        let zhang = agent(&t, "张坐席", ours);
        let inbox: shouwen_kernel::InboxId = t.app.ids().next(t.app.clock());
        let saved = shouwen_contracts::channel::InboxSaved {
            inbox_id: inbox,
            channel: "email".into(),
            name: "客服".into(),
            address: "help@desk.example".into(),
            active: true,
            team_id: Some(ours),
            org_unit_id: None,
            signature: String::new(),
            default_language: "zh".into(),
        };
        t.emit::<shouwen_contracts::channel::ChannelEvent>(Some(inbox.0), None, saved.into());
        for (body, name) in [
            (json!({ "title": "回访", "inbox_id": inbox, "to": ["zhao@customer.example"], "text": "您好" }), "z***@customer.example"),
            (json!({ "title": "回访", "inbox_id": inbox, "to": ["sun@customer.example"], "text": "您好", "customer": { "name": "孙八", "phone": "13800138000" } }), "孙八"),
        ] {
            let case = open(&t, &zhang, body);
            assert_eq!(t.get(&zhang, &format!("/api/v1/cases/{case}")).expect(200)["customer"]["name"], name);
        }
        assert_eq!(t.get(&t.admin(), "/api/v1/customers?q=sun@customer.example").expect(200)["items"][0]["identities"].as_array().unwrap().len(), 2);
        // A case opened for nobody: whom the first answer goes to.
        let case = open(&t, &zhang, json!({ "title": "空", "inbox_id": inbox }));
        t.post(&zhang, &format!("/api/v1/cases/{case}/messages"), json!({ "kind": "reply", "text": "您好", "to": [{ "name": "周九", "address": "zhou@customer.example" }] })).expect(201);
        t.drain();
        assert_eq!(t.get(&zhang, &format!("/api/v1/cases/{case}")).expect(200)["customer"]["name"], "周九");
    });
}
