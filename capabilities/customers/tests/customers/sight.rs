//! Who may see a customer: by their unit, by their cases, by having made them; and nobody else, by no route.

use std::collections::{BTreeMap, BTreeSet};

use shouwen_contracts::casework::{Accountable, Assigned, CustomerSet, Edited, Watched};
use shouwen_customers::Sight;
use shouwen_kernel::{Grant, Ids, Reach, Scope};
use shouwen_store::params;
use shouwen_testkit::on_both;
use shouwen_web::Viewer;

use crate::*;

const CODES: [&str; 4] = ["customer.read", "customer.edit", "customer.reveal", "customer.merge"];

fn with_reach(app: &TestApp, reach: Reach) -> Viewer {
    app.viewer("坐席", CODES.iter().map(|code| Grant { permission: (*code).into(), reach: reach.clone() }).collect())
}

fn made(app: &TestApp, name: &str, phone: &str) -> (CustomerId, Json) {
    let customer = app.post(&app.admin(), "/api/v1/customers", json!({ "name": name, "phone": phone })).expect(201);
    (id(&customer).parse().unwrap(), customer)
}

/// Whether `who` sees the customer: by every route alike.
fn sees(app: &TestApp, who: &Viewer, customer: &Json) -> bool {
    let shown = app.get(who, &format!("/api/v1/customers/{}", id(customer))).status.as_u16() == 200;
    let (name, identity) = (customer["name"].as_str().unwrap(), id(&customer["identities"][0]));
    let listed = |path: String| app.get(who, &path).expect(200)["items"].as_array().unwrap().iter().any(|c| c["id"] == customer["id"]);
    let by_name: String = name.bytes().map(|b| format!("%{b:02X}")).collect();
    let phone = app.post(&app.admin(), &format!("/api/v1/customers/{}/revelation", id(customer)), json!({ "what": format!("identity:{identity}") })).expect(200)["value"].as_str().unwrap().to_owned();
    for (way, seen) in [
        ("list", listed("/api/v1/customers?limit=200".into())),
        ("name", listed(format!("/api/v1/customers?q={by_name}"))),
        ("id", listed(format!("/api/v1/customers?q={}", id(customer)))),
        ("phone", listed(format!("/api/v1/customers?q={}", phone.replace('+', "%2B")))),
        ("reveal", app.post(who, &format!("/api/v1/customers/{}/revelation", id(customer)), json!({ "what": format!("identity:{identity}") })).status.as_u16() == 200),
        ("edit", app.patch(who, &format!("/api/v1/customers/{}", id(customer)), json!({ "version": 0, "name": "x" })).status.as_u16() == 409),
        ("identities", app.post(who, &format!("/api/v1/customers/{}/identities", id(customer)), json!({ "kind": "fax", "value": "1" })).status.as_u16() == 422),
        ("remove", app.delete(who, &format!("/api/v1/customers/{}/identities/idn_00000000000000000000000000", id(customer))).text.contains("identity")),
        ("merge", app.post(who, &format!("/api/v1/customers/{}/merge", id(customer)), json!({ "into": customer["id"] })).status.as_u16() == 422 && shown),
        ("unmerge", app.delete(who, &format!("/api/v1/customers/{}/merge", id(customer))).status.as_u16() == 409),
        ("taken", app.post(who, "/api/v1/customers", json!({ "name": "y", "phone": phone })).json()["error"]["detail"]["customer"]["id"] == customer["id"]),
    ] {
        assert_eq!(seen, shown, "{way} says otherwise than the object");
    }
    shown
}

#[test]
fn each_way_in_opens_every_route_and_another_teams_customer_is_not_there() {
    on_both(modules, |app| {
        let (team, other, unit, far): (TeamId, TeamId, _, _) = (some(&app), some(&app), unit(&app, "华北"), crate::unit(&app, "华南"));
        let of_team = with_reach(&app, Reach::Teams { teams: [team].into() });
        let of_other = with_reach(&app, Reach::Teams { teams: [other].into() });
        let of_unit = with_reach(&app, Reach::OrgUnits { units: [unit].into() });
        let of_far = with_reach(&app, Reach::OrgUnits { units: [far].into() });
        let (own, stranger) = (with_reach(&app, Reach::Own), with_reach(&app, Reach::Own));
        let whole = with_reach(&app, Reach::Workspace);
        let seen = |customer: &Json| [&of_team, &of_other, &of_unit, &of_far, &own, &stranger, &whole].map(|who| sees(&app, who, customer));
        let (person, customer) = made(&app, "客甲", "13800000001");
        assert_eq!(seen(&customer), [false, false, false, false, false, false, true], "of no unit and without a case: the workspace only");
        let case_id = case(&app, Some(person), Place { team: Some(team), unit: Some(unit), assignee: Some(own.person), accountable: None });
        assert_eq!(seen(&customer), [true, false, true, false, true, false, true]);
        // Handed on: the old team sees them no more.
        let moved = |to_person, to_team, to_unit| Assigned { case_id, from_person: None, to_person, from_team: None, to_team, org_unit_id: to_unit, reason: String::new(), by: "person".into() };
        tell(&app, case_id, moved(Some(stranger.person), Some(other), Some(far)));
        assert_eq!(seen(&customer), [false, true, false, true, false, true, true]);
        tell(&app, case_id, moved(None, Some(other), None));
        tell(&app, case_id, Accountable { case_id, from: None, to: Some(own.person), reason: String::new() });
        assert_eq!(seen(&customer), [false, true, false, true, true, false, true], "who is accountable goes on seeing them");
        tell(&app, case_id, Watched { case_id, person_id: stranger.person, removed: false });
        assert!(sees(&app, &stranger, &customer));
        tell(&app, case_id, Watched { case_id, person_id: stranger.person, removed: true });
        assert!(!sees(&app, &stranger, &customer));
        tell(&app, case_id, Edited { case_id, field: "org_unit".into(), from: json!(far), to: json!(unit) });
        assert!(sees(&app, &of_unit, &customer) && !sees(&app, &of_far, &customer));
        // The case turns out to be somebody else's.
        let (second, next) = made(&app, "客乙", "13800000002");
        tell(&app, case_id, CustomerSet { case_id, from: Some(person), to: Some(second), name: None });
        assert_eq!(seen(&customer), [false, false, false, false, false, false, true]);
        assert_eq!(seen(&next), [false, true, true, false, true, false, true]);
        app.assert_rebuilds(|tx| {
            tx.all::<(CaseId, Option<CustomerId>, Option<TeamId>, Option<OrgUnitId>, Option<PersonId>, Option<PersonId>)>(
                "SELECT case_id, root_id, team_id, org_unit_id, assignee_id, accountable_id FROM customer_case ORDER BY case_id",
                params![],
            )
        });
    });
}

#[test]
fn a_merge_carries_sight_to_the_whole_and_its_undo_takes_it_back() {
    on_both(modules, |app| {
        let (a_team, b_team): (TeamId, TeamId) = (some(&app), some(&app));
        let (of_a, of_b) = (with_reach(&app, Reach::Teams { teams: [a_team].into() }), with_reach(&app, Reach::Teams { teams: [b_team].into() }));
        let ((a, a_json), (b, b_json), (c, c_json)) = (made(&app, "客甲", "13800000001"), made(&app, "客乙", "13800000002"), made(&app, "客丙", "13800000003"));
        case(&app, Some(a), Place { team: Some(a_team), ..Place::default() });
        case(&app, Some(b), Place { team: Some(b_team), ..Place::default() });
        let admin = app.admin();
        let get = |who: &Viewer, customer: CustomerId| app.get(who, &format!("/api/v1/customers/{customer}")).status.as_u16();
        let listed = |who: &Viewer| -> Vec<String> { app.get(who, "/api/v1/customers").expect(200)["items"].as_array().unwrap().iter().map(|x| id(x).to_owned()).collect() };
        let merge = |from: CustomerId, into: CustomerId| {
            app.post(&admin, &format!("/api/v1/customers/{from}/merge"), json!({ "into": into })).expect(200);
            app.drain();
        };
        assert_eq!((get(&of_a, a), get(&of_a, b), get(&of_a, c)), (200, 404, 404));
        merge(a, b);
        merge(b, c);
        assert_eq!((listed(&of_a), listed(&of_b)), (vec![id(&c_json).to_owned()], vec![id(&c_json).to_owned()]), "both teams serve the one person now");
        assert_eq!((get(&of_a, a), get(&of_b, b)), (200, 200), "an old link leads on");
        assert_eq!(get(&of_b, a), 404, "a part is seen by its own cases");
        // A new case of a part, told before anybody resolved it.
        case(&app, Some(a), Place { team: Some(b_team), ..Place::default() });
        assert_eq!(get(&of_b, a), 200);
        app.delete(&admin, &format!("/api/v1/customers/{b}/merge")).expect(200);
        app.drain();
        assert_eq!((listed(&of_a), get(&of_a, c), get(&of_b, c)), (vec![id(&b_json).to_owned()], 404, 404));
        app.delete(&admin, &format!("/api/v1/customers/{a}/merge")).expect(200);
        app.drain();
        assert_eq!(listed(&of_a), vec![id(&a_json).to_owned()]);
        assert_eq!(listed(&of_b), vec![id(&b_json).to_owned(), id(&a_json).to_owned()]);
        app.assert_rebuilds(|tx| tx.all::<(CaseId, Option<CustomerId>, Option<CustomerId>)>("SELECT case_id, customer_id, root_id FROM customer_case ORDER BY case_id", params![]));
    });
}

#[test]
fn who_made_a_customer_sees_them_until_somebody_else_is_named_to() {
    on_both(modules, |app| {
        let (team, other): (TeamId, TeamId) = (some(&app), some(&app));
        let (maker, colleague) = (with_reach(&app, Reach::Teams { teams: [team].into() }), with_reach(&app, Reach::Teams { teams: [team].into() }));
        let customer = app.post(&maker, "/api/v1/customers", json!({ "name": "自建", "phone": "13800000001" })).expect(201);
        assert!(sees(&app, &maker, &customer) && !sees(&app, &colleague, &customer));
        case(&app, Some(id(&customer).parse().unwrap()), Place { team: Some(other), ..Place::default() });
        assert!(!sees(&app, &maker, &customer), "they are the other team's now");
        case(&app, Some(id(&customer).parse().unwrap()), Place { team: Some(team), ..Place::default() });
        assert!(sees(&app, &maker, &customer) && sees(&app, &colleague, &customer));
    });
}

#[test]
fn a_case_lets_nobody_take_the_customer_from_their_unit() {
    on_both(modules, |app| {
        let (north, south, team): (_, _, TeamId) = (unit(&app, "华北"), unit(&app, "华南"), some(&app));
        let customer = app.post(&app.admin(), "/api/v1/customers", json!({ "name": "北客", "org_unit_id": north })).expect(201);
        case(&app, Some(id(&customer).parse().unwrap()), Place { team: Some(team), ..Place::default() });
        let mut who = with_reach(&app, Reach::Teams { teams: [team].into() });
        who.grants.push(Grant { permission: "customer.edit".into(), reach: Reach::OrgUnits { units: [south].into() } });
        let path = format!("/api/v1/customers/{}", id(&customer));
        for unit in [json!(south), json!(null)] {
            assert_eq!(app.patch(&who, &path, json!({ "version": 1, "org_unit_id": unit })).expect(403)["error"]["field"], "org_unit_id");
        }
        app.patch(&who, &path, json!({ "version": 1, "notes": "喜欢电话联系" })).expect(200);
    });
}

/// Random cases, hand-overs and merges: what the list, the search and the object say is what the rule says.
#[test]
fn one_predicate_whatever_happened() {
    on_both(modules, |app| {
        let dice = Ids::seeded(11);
        let roll = |n: usize| -> usize { let [a, b] = dice.secret::<2>(); (usize::from(a) * 256 + usize::from(b)) % n };
        let teams: Vec<TeamId> = (0..4).map(|_| some(&app)).collect();
        let units: Vec<OrgUnitId> = (0..3).map(|i| unit(&app, &format!("区{i}"))).collect();
        let people: Vec<PersonId> = (0..4).map(|_| some(&app)).collect();
        let admin = app.admin();
        let mut homes: BTreeMap<CustomerId, Option<OrgUnitId>> = BTreeMap::new();
        for i in 0..30 {
            let home = (roll(4) == 0).then(|| units[roll(3)]);
            let customer = app.post(&admin, "/api/v1/customers", json!({ "name": format!("客{i}"), "org_unit_id": home })).expect(201);
            homes.insert(id(&customer).parse().unwrap(), home);
        }
        let ids: Vec<CustomerId> = homes.keys().copied().collect();
        let mut cases: Vec<(CaseId, CustomerId, Place, BTreeSet<PersonId>)> = Vec::new();
        for _ in 0..40 {
            let place = Place { team: (roll(3) > 0).then(|| teams[roll(4)]), unit: (roll(3) == 0).then(|| units[roll(3)]), assignee: (roll(3) == 0).then(|| people[roll(4)]), accountable: (roll(4) == 0).then(|| people[roll(4)]) };
            let customer = ids[roll(30)];
            let case_id = case(&app, Some(customer), place);
            let mut watchers = BTreeSet::new();
            if roll(5) == 0 {
                watchers.insert(people[roll(4)]);
                tell(&app, case_id, Watched { case_id, person_id: *watchers.first().unwrap(), removed: false });
            }
            cases.push((case_id, customer, place, watchers));
        }
        let mut into: BTreeMap<CustomerId, CustomerId> = BTreeMap::new();
        for _ in 0..6 {
            let (a, b) = (ids[roll(30)], ids[roll(30)]);
            if a != b && !into.contains_key(&a) && !into.contains_key(&b) {
                app.post(&admin, &format!("/api/v1/customers/{a}/merge"), json!({ "into": b })).expect(200);
                into.insert(a, b);
            }
        }
        app.drain();
        let root = |id: CustomerId| { let mut at = id; while let Some(next) = into.get(&at) { at = *next; } at };
        for round in 0..30 {
            let person = if roll(2) == 0 { people[roll(4)] } else { some(&app) };
            let chosen_teams: BTreeSet<TeamId> = teams.iter().copied().filter(|_| roll(3) == 0).collect();
            let chosen_units: BTreeSet<OrgUnitId> = units.iter().copied().filter(|_| roll(4) == 0).collect();
            let wanted: BTreeSet<String> = ids
                .iter()
                .filter(|id| !into.contains_key(id))
                .filter(|customer| {
                    homes[customer].is_some_and(|home| chosen_units.contains(&home))
                        || cases.iter().any(|(_, of, place, watchers)| {
                            root(*of) == **customer
                                && (place.team.is_some_and(|t| chosen_teams.contains(&t))
                                    || place.unit.is_some_and(|u| chosen_units.contains(&u))
                                    || [place.assignee, place.accountable].contains(&Some(person))
                                    || watchers.contains(&person))
                        })
                })
                .map(ToString::to_string)
                .collect();
            let mut who = app.viewer("谁", vec![
                Grant { permission: "customer.read".into(), reach: Reach::Teams { teams: chosen_teams.clone() } },
                Grant { permission: "customer.read".into(), reach: Reach::OrgUnits { units: chosen_units.clone() } },
            ]);
            who.person = person;
            let listed = |path: &str| -> BTreeSet<String> { app.get(&who, path).expect(200)["items"].as_array().unwrap().iter().map(|c| id(c).to_owned()).collect() };
            assert_eq!(listed("/api/v1/customers?limit=200"), wanted, "list, round {round}");
            assert_eq!(listed("/api/v1/customers?limit=200&q=k"), wanted, "search, round {round}");
            for customer in ids.iter().filter(|id| !into.contains_key(id)) {
                let shown = app.get(&who, &format!("/api/v1/customers/{customer}")).status.as_u16() == 200;
                assert_eq!(shown, wanted.contains(&customer.to_string()), "object, round {round}");
            }
            let mut seen = BTreeSet::new();
            let mut after = String::new();
            loop {
                let page = app.get(&who, &format!("/api/v1/customers?limit=3{after}")).expect(200);
                for item in page["items"].as_array().unwrap() {
                    assert!(seen.insert(id(item).to_owned()), "doubled, round {round}");
                }
                match page["next"].as_str() {
                    Some(next) => after = format!("&after={next}"),
                    None => break,
                }
            }
            assert_eq!(seen, wanted, "pages, round {round}");
            let (condition, values) = Sight::of(&Scope { person, all: false, teams: chosen_teams, org_units: chosen_units }).sql(1);
            let counted: (i64,) = app.db.read_blocking(move |tx| tx.one(&format!("SELECT count(*) FROM customer_record AS c WHERE c.merged_into IS NULL AND {condition}"), &values)).unwrap();
            assert_eq!(counted.0 as usize, wanted.len(), "condition, round {round}");
        }
    });
}
