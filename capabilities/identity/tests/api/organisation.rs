use serde_json::{Value as Json, json};
use shouwen_contracts::identity::IdentityEvent;
use shouwen_kernel::Reach;
use shouwen_store::params;
use shouwen_web::Credentials;

use crate::house::{Browser, House, on_both};

fn unit(admin: &Browser<'_>, name: &str, kind: &str, parent: &Json) -> Json {
    admin.post("/org-units", json!({ "name": name, "kind": kind, "parent_id": parent })).expect(201)
}

fn root(admin: &Browser<'_>) -> Json {
    admin.get("/org-units").expect(200)["items"][0]["id"].clone()
}

/// The units a signed-in person reaches with `permission`.
fn units_of(house: &House, browser: &Browser<'_>, permission: &'static str) -> Vec<String> {
    let credentials = Credentials::Session(browser.token());
    let viewer = house.t.db.read_blocking(move |tx| shouwen_identity::authenticate(tx, &credentials)).unwrap().unwrap();
    viewer
        .grants
        .iter()
        .filter(|g| g.permission == permission)
        .flat_map(|g| match &g.reach {
            Reach::OrgUnits { units } => units.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        })
        .collect()
}

#[test]
fn a_role_on_a_unit_reaches_everything_below_it_also_after_moves() {
    on_both(|house| {
        let admin = house.set_up(true);
        let company = root(&admin);
        let (south, north) = (unit(&admin, "华南大区", "region", &company), unit(&admin, "华北大区", "region", &company));
        let branch = unit(&admin, "深圳分公司", "branch", &south["id"]);
        let desk = unit(&admin, "南山营业厅", "department", &branch["id"]);
        let role = house.role(&admin, "supervisor");
        let (_, lead) = house.hire(&admin, "wu@example.com", json!([{ "role_id": role, "reach": "org_unit", "org_unit_id": south["id"] }]), json!({ "org_unit_id": south["id"] }));
        let names = |ids: &[&Json]| {
            let mut all: Vec<String> = ids.iter().map(|u| u["id"].as_str().unwrap().to_owned()).collect();
            all.sort();
            all
        };
        assert_eq!(units_of(&house, &lead, "case.read"), names(&[&south, &branch, &desk]));
        let moved = admin.patch(&format!("/org-units/{}", branch["id"].as_str().unwrap()), json!({ "version": 1, "parent_id": north["id"] })).expect(200);
        assert_eq!(moved["parent_id"], north["id"]);
        assert_eq!(units_of(&house, &lead, "case.read"), names(&[&south]));
        let paths: Vec<usize> = house
            .t
            .events::<IdentityEvent>()
            .into_iter()
            .filter_map(|e| if let IdentityEvent::OrgUnitSaved(u) = e { Some((u.org_unit_id.to_string(), u.path)) } else { None })
            .filter(|(id, _)| *id == desk["id"].as_str().unwrap())
            .map(|(_, path)| path.len())
            .collect();
        assert_eq!(paths, [4, 4], "told again with its new path");
        // No loops, and nothing in use goes away.
        let north_path = format!("/org-units/{}", north["id"].as_str().unwrap());
        assert_eq!(admin.patch(&north_path, json!({ "version": 1, "parent_id": desk["id"] })).json()["error"]["field"], "parent_id");
        assert_eq!(admin.delete(&north_path).code(), "org_unit.in_use");
        admin.delete(&format!("/org-units/{}", desk["id"].as_str().unwrap())).expect(204);
        let (left,): (i64,) = house.t.db.read_blocking(|tx| tx.one("SELECT count(*) FROM identity_org_path", params![])).unwrap();
        assert_eq!(left, 1 + 2 + 2 + 3);
    });
}

#[test]
fn teams_tell_of_themselves_and_of_who_comes_and_goes() {
    on_both(|house| {
        let admin = house.set_up(true);
        let (id, agent) = house.hire(&admin, "wu@example.com", json!([]), Json::Null);
        let role = house.role(&admin, "agent");
        let team = admin.post("/teams", json!({ "name": "账单组", "org_unit_id": root(&admin), "skills": ["账单", "账单"], "members": [id] })).expect(201);
        assert_eq!(team["skills"], json!(["账单"]));
        assert_eq!(agent.get("/session").expect(200)["teams"][0]["name"], "账单组");
        let person = admin.get(&format!("/people/{id}")).expect(200);
        admin.patch(&format!("/people/{id}"), json!({ "version": person["version"], "roles": [{ "role_id": role, "reach": "team" }] })).expect(200);
        let path = format!("/teams/{}", team["id"].as_str().unwrap());
        assert_eq!(admin.patch(&path, json!({ "version": 9, "name": "x" })).code(), "version_conflict");
        admin.patch(&path, json!({ "version": 1, "members": [] })).expect(200);
        assert_eq!(agent.get("/session").expect(200)["teams"], json!([]));
        let last = house.t.events::<IdentityEvent>().into_iter().filter_map(|e| if let IdentityEvent::PersonSaved(p) = e { Some(p) } else { None }).next_back().unwrap();
        assert!(last.teams.is_empty());
        admin.delete(&path).expect(204);
        assert!(house.t.events::<IdentityEvent>().iter().any(|e| matches!(e, IdentityEvent::TeamDeleted(_))));
    });
}

#[test]
fn a_regional_administrator_stays_inside_the_region_and_below_own_rights() {
    on_both(|house| {
        let admin = house.set_up(true);
        let company = root(&admin);
        let (south, north) = (unit(&admin, "华南大区", "region", &company), unit(&admin, "华北大区", "region", &company));
        let regional = admin.post("/roles", json!({ "name": { "zh": "大区管理员", "en": "Regional administrator" }, "permissions": ["people.manage", "team.manage", "case.read"] })).expect(201);
        let (agent, administrator, viewer) = (house.role(&admin, "agent"), house.role(&admin, "administrator"), house.role(&admin, "viewer"));
        let (_, boss) = house.hire(&admin, "boss@example.com", json!([{ "role_id": regional["id"], "reach": "org_unit" }]), json!({ "org_unit_id": south["id"] }));
        let (far, _) = house.hire(&admin, "far@example.com", json!([]), json!({ "org_unit_id": north["id"] }));
        let (near, _) = house.hire(&admin, "near@example.com", json!([]), json!({ "org_unit_id": south["id"] }));
        let (strong, _) = house.hire(&admin, "strong@example.com", json!([{ "role_id": administrator, "reach": "workspace" }]), json!({ "org_unit_id": south["id"] }));
        // Sees the region only.
        let names: Vec<String> = boss.get("/people").expect(200)["items"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(names, ["boss", "near", "strong"]);
        boss.get(&format!("/people/{far}")).expect(404);
        for path in [format!("/people/{far}/invitation"), format!("/people/{far}/mfa-reset"), format!("/people/{far}/unlock")] {
            boss.post(&path, Json::Null).expect(404);
        }
        // Takes over nobody stronger.
        for path in [format!("/people/{strong}/invitation"), format!("/people/{strong}/mfa-reset")] {
            assert_eq!(boss.post(&path, Json::Null).code(), "forbidden.exceeds", "{path}");
        }
        assert_eq!(boss.patch(&format!("/people/{strong}"), json!({ "version": 1, "email": "mine@example.com" })).code(), "forbidden.exceeds");
        // Gives nobody, nor itself, more than it holds.
        let near_path = format!("/people/{near}");
        let version = boss.get(&near_path).expect(200)["version"].clone();
        for roles in [
            json!([{ "role_id": administrator, "reach": "workspace" }]),
            json!([{ "role_id": regional["id"], "reach": "workspace" }]),
            json!([{ "role_id": regional["id"], "reach": "org_unit", "org_unit_id": north["id"] }]),
            json!([{ "role_id": agent, "reach": "own" }]),
        ] {
            assert_eq!(boss.patch(&near_path, json!({ "version": version, "roles": roles })).code(), "forbidden.exceeds", "{roles}");
        }
        boss.patch(&near_path, json!({ "version": version, "roles": [{ "role_id": regional["id"], "reach": "org_unit", "org_unit_id": south["id"] }] })).expect(200);
        // Moves nobody out, creates nobody outside.
        assert_eq!(boss.patch(&near_path, json!({ "version": 2, "org_unit_id": north["id"] })).status.as_u16(), 403);
        assert_eq!(boss.post("/people", json!({ "name": "x", "email": "x@example.com", "org_unit_id": north["id"] })).status.as_u16(), 403);
        assert_eq!(boss.post("/people", json!({ "name": "x", "email": "x@example.com" })).status.as_u16(), 403);
        boss.post("/people", json!({ "name": "x", "email": "x@example.com", "org_unit_id": south["id"] })).expect(201);
        boss.post("/teams", json!({ "name": "华北组", "org_unit_id": north["id"] })).expect(403);
        let south_team = boss.post("/teams", json!({ "name": "华南组", "org_unit_id": south["id"] })).expect(201);
        assert_eq!(boss.patch(&format!("/teams/{}", south_team["id"].as_str().unwrap()), json!({ "version": 1, "members": [far] })).json()["error"]["field"], "members");
        boss.post("/roles", json!({ "name": "own", "permissions": ["case.read"] })).expect(403);
        assert!(!viewer.is_empty());
    });
}

#[test]
fn roles_are_copied_edited_and_never_stronger_than_their_editor() {
    on_both(|house| {
        let admin = house.set_up(true);
        let builtin = house.role(&admin, "agent");
        assert_eq!(admin.patch(&format!("/roles/{builtin}"), json!({ "version": 1, "name": "x" })).code(), "role.built_in");
        assert_eq!(admin.delete(&format!("/roles/{builtin}")).code(), "role.built_in");
        let copy = admin.post("/roles", json!({ "name": "夜班坐席", "permissions": ["case.read", "role.manage", "people.manage"] })).expect(201);
        assert_eq!(copy["name"], json!({ "zh": "夜班坐席", "en": "夜班坐席" }));
        let path = format!("/roles/{}", copy["id"].as_str().unwrap());
        let (_, agent) = house.hire(&admin, "wu@example.com", json!([{ "role_id": copy["id"], "reach": "workspace" }]), Json::Null);
        assert_eq!(agent.patch(&path, json!({ "version": 1, "permissions": ["case.read", "role.manage", "people.manage", "workspace.manage"] })).code(), "forbidden.exceeds");
        assert_eq!(admin.patch(&path, json!({ "version": 1, "permissions": ["moon.land"] })).json()["error"]["field"], "permissions[0]");
        agent.get("/people").expect(200);
        admin.patch(&path, json!({ "version": 1, "permissions": ["case.read"] })).expect(200);
        agent.get("/people").expect(403);
        assert_eq!(admin.delete(&path).code(), "role.in_use");
        let permissions = admin.get("/permissions").expect(200);
        assert!(permissions.as_array().unwrap().iter().any(|p| p["code"] == "people.manage" && p["group"] == "people" && p["zh"] == "管理人员"));
    });
}
