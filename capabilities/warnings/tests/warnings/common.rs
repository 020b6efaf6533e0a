//! A house with a few people of named roles, and cases that come in.

use serde_json::{Value as Json, json};
use shouwen_contracts::casework::{CaseEvent, Opened};
use shouwen_contracts::complaints::{Classified, ComplaintEvent};
use shouwen_contracts::identity::{IdentityEvent, OrgUnitSaved, PersonSaved, RightsChanged};
use shouwen_contracts::warnings::{Raised, WarningEvent};
use shouwen_contracts::wish::{CaseWish, LetterEvent, LetterWish, WishEvent};
use shouwen_kernel::{CaseId, ObjectId, OrgUnitId, PersonId, TeamId, Time};
use shouwen_testkit::TestApp;
use shouwen_web::{Module, Viewer};

pub fn alone() -> Vec<Module> {
    vec![shouwen_warnings::module()]
}

pub fn with_casework() -> Vec<Module> {
    vec![shouwen_casework::module(), shouwen_warnings::module()]
}

pub struct House {
    pub t: TestApp,
    pub manager: Viewer,
    pub east_supervisor: Viewer,
    pub west_supervisor: Viewer,
    pub east: OrgUnitId,
    pub west: OrgUnitId,
}

pub const ALL: &[&str] = &["warning.read", "warning.answer", "warning.manage", "crisis.declare"];

impl House {
    pub fn new(t: TestApp) -> Self {
        let id = || t.app.ids().uuid(t.app.clock().now());
        let (east, west) = (OrgUnitId(id()), OrgUnitId(id()));
        for (unit, name, code) in [(east, "华东", "310000"), (west, "西南", "510000")] {
            t.emit::<IdentityEvent>(
                Some(unit.0),
                None,
                OrgUnitSaved { org_unit_id: unit, name: name.into(), kind: "region".into(), parent_id: None, path: vec![unit], region_code: Some(code.into()) }.into(),
            );
        }
        let house = Self { manager: t.person("经理", ALL), east_supervisor: t.person("东班长", ALL), west_supervisor: t.person("西班长", ALL), east, west, t };
        house.know(&house.manager, &["manager", "crisis_group"], None, &[], "zh-CN");
        house.know(&house.east_supervisor, &["supervisor", "crisis_group"], Some(east), &[], "zh-CN");
        house.know(&house.west_supervisor, &["supervisor"], Some(west), &[], "en");
        house
    }

    pub fn know(&self, who: &Viewer, roles: &[&str], unit: Option<OrgUnitId>, teams: &[TeamId], locale: &str) {
        self.t.emit::<IdentityEvent>(
            Some(who.person.0),
            None,
            PersonSaved {
                person_id: who.person, name: who.name.clone(), active: true, org_unit_id: unit, teams: teams.to_vec(), skills: vec![], languages: vec!["zh".into()], capacity: 10, locale: locale.into(),
                time_zone: "Asia/Shanghai".into(),
            }
            .into(),
        );
        self.t.emit::<IdentityEvent>(
            Some(who.person.0),
            None,
            RightsChanged { person_id: who.person, grants: Some(who.grants.clone()), roles: Some(roles.iter().map(|r| (*r).to_owned()).collect()) }.into(),
        );
    }

    pub fn now(&self) -> Time {
        self.t.app.clock().now()
    }

    /// A complaint comes in and is classified.
    pub fn complaint(&self, category: &str, region: &str) -> CaseId {
        let case = self.open("complaint", "email", region);
        self.classify(case, category, region);
        case
    }

    pub fn open(&self, case_type: &str, channel: &str, region: &str) -> CaseId {
        let case_id: CaseId = self.t.app.ids().next(self.t.app.clock());
        let now = self.now();
        self.t.emit::<CaseEvent>(
            Some(case_id.0),
            None,
            Opened {
                case_id, number: format!("2026-{}", &case_id.to_string()[20..]), case_type: case_type.into(), title: "网络太慢".into(), priority: "normal".into(), stage: "accepted".into(), status: "open".into(),
                channel: channel.into(), inbox_id: None, customer_id: None, customer_name: None, region: Some(region.to_owned()).filter(|r| !r.is_empty()), tier: None, org_unit_id: None, team_id: None, assignee_id: None,
                accountable_id: None, tags: vec![], language: None, opened_at: now,
            }
            .into(),
        );
        case_id
    }

    pub fn classify(&self, case_id: CaseId, category: &str, region: &str) {
        let top = category.split('-').next().unwrap_or(category).to_owned();
        let mut path = vec![top];
        if path[0] != category {
            path.push(category.to_owned());
        }
        let now = self.now();
        self.t.emit::<ComplaintEvent>(
            Some(case_id.0),
            None,
            Classified {
                case_id, case_type: "complaint".into(), category: Some(category.into()), path, region: Some(region.to_owned()).filter(|r| !r.is_empty()), product: None, cause: None, responsibility: None, customer_id: None,
                opened_at: now, at: now,
            }
            .into(),
        );
    }

    pub fn threshold(&self, threshold: Json) -> String {
        let made = self.t.post(&self.manager, "/api/v1/warning-thresholds", json!({ "threshold": threshold })).expect(201);
        self.t.fire_timers();
        made["id"].as_str().unwrap().to_owned()
    }

    pub fn open_warnings(&self) -> Vec<Json> {
        self.t.get(&self.manager, "/api/v1/warnings").expect(200)["items"].as_array().unwrap().clone()
    }

    pub fn raised(&self) -> Vec<Raised> {
        self.t.events::<WarningEvent>().into_iter().filter_map(|e| if let WarningEvent::Raised(r) = e { Some(r) } else { None }).collect()
    }

    pub fn overdue(&self) -> Vec<Vec<PersonId>> {
        self.t.events::<WarningEvent>().into_iter().filter_map(|e| if let WarningEvent::Overdue(o) = e { Some(o.people) } else { None }).collect()
    }

    pub fn case_wishes(&self) -> Vec<CaseWish> {
        self.t.events::<WishEvent>().into_iter().filter_map(|e| if let WishEvent::CaseWish(w) = e { Some(w) } else { None }).collect()
    }

    pub fn letters(&self) -> Vec<LetterWish> {
        self.t.events::<LetterEvent>().into_iter().map(|LetterEvent::LetterWish(w)| w).collect()
    }

    /// Counters as they stand: group, bucket, count.
    pub fn counters(tx: &shouwen_store::Tx<'_>) -> shouwen_kernel::Result<Vec<(ObjectId, String, i64, i64)>> {
        tx.all("SELECT threshold_id, grp, bucket, n FROM warning_count ORDER BY threshold_id, grp, bucket", shouwen_store::params![])
    }
}

/// A threshold by region: blue 3, yellow 5, red 8 within two hours.
pub fn by_region() -> Json {
    json!({
        "key": "by-region", "title": { "zh": "地区投诉", "en": "Complaints of a region" }, "types": ["complaint"], "by": ["region"], "window": "2h",
        "grade": [
            { "grade": "blue", "limit": 3, "within_hours": 8, "to": ["role:supervisor@region"], "response": { "zh": "核实", "en": "Look" } },
            { "grade": "yellow", "limit": 5, "within_hours": 4, "to": ["role:supervisor@region", "role:manager"], "response": { "zh": "研判", "en": "Judge" } },
            { "grade": "red", "limit": 8, "within_hours": 1, "to": ["role:manager"], "response": { "zh": "处置", "en": "Act" } }
        ],
        "ladder": [{ "after_hours": 2, "to": ["role:manager"] }]
    })
}
