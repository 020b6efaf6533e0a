//! The rules of a workspace made ready, once for a transaction.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::tz::TimeZone;
use serde_json::Value;
use shouwen_kernel::{Access, Grant, ObjectId, PersonId, Result, Scope, Time, WorkspaceId};
use shouwen_forms::Form;
use shouwen_rules::{Macro, Rule, RuleSet};
use shouwen_store::{Json, Tx, params};
use shouwen_web::Viewer;

use crate::facts;

/// A rule's row beside the rule itself.
#[derive(Clone, Debug)]
pub struct Place {
    pub id: ObjectId,
    /// Nobody: a rule of the house, installed with a pack by the product itself.
    pub owner: Option<PersonId>,
    /// Events from before do not start it.
    pub active_since: Time,
}

/// Whose rights bound a rule.
#[derive(Clone, Debug)]
pub struct Owner {
    pub active: bool,
    pub grants: Vec<Grant>,
}

/// The rules of one workspace.
#[derive(Debug)]
pub struct Loaded {
    pub set: RuleSet,
    pub places: HashMap<String, Place>,
    pub owners: HashMap<PersonId, Owner>,
    /// Forms of case types.
    pub forms: HashMap<String, Form>,
    pub zone: TimeZone,
    pub zone_name: String,
    pub locale: String,
}

static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Whatever was made ready in running transactions is out of date.
pub fn outdate() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// A rule as it is stored; the columns of its row win over what its content says.
pub fn rule_of(key: &str, place: i64, enabled: bool, owner: Option<PersonId>, content: Value) -> Result<Rule> {
    let mut rule: Rule = serde_json::from_value(content)?;
    key.clone_into(&mut rule.key);
    rule.order = i32::try_from(place).unwrap_or(i32::MAX);
    rule.enabled = enabled;
    rule.owner = owner.map(|person| person.to_string());
    Ok(rule)
}

/// The macros of a workspace.
pub fn macros(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Macro>> {
    let rows: Vec<(String, Json<Macro>)> = tx.all("SELECT key, content FROM rule_macro WHERE workspace_id = ?1 ORDER BY key", params![workspace])?;
    Ok(rows.into_iter().map(|(key, Json(found))| Macro { key, ..found }).collect())
}

impl Loaded {
    /// The enabled rules.
    pub fn of(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Arc<Self>> {
        tx.known(&format!("automation.{workspace}.{}", GENERATION.load(Ordering::Relaxed)), || Self::read(tx, workspace).map(Arc::new))
    }

    fn read(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Self> {
        type Row = (ObjectId, String, i64, Value, Option<PersonId>, Time);
        let rows: Vec<Row> = tx.all("SELECT id, key, place, content, owner_id, active_since FROM rule_rule WHERE workspace_id = ?1 AND enabled ORDER BY place, key", params![workspace])?;
        let (mut rules, mut places) = (Vec::new(), HashMap::new());
        let around = Self::around(tx, workspace)?;
        for (id, key, place, content, owner, active_since) in rows {
            match rule_of(&key, place, true, owner, content) {
                Ok(mut rule) => {
                    if let Some(owner) = around.bound(owner) {
                        facts::within_reach(&mut rule.condition, owner);
                    }
                    places.insert(key, Place { id, owner, active_since });
                    rules.push(rule);
                }
                Err(problem) => tracing::error!(rule = %key, error = %problem, "a stored rule cannot be read and is left out"),
            }
        }
        Ok(Self { set: RuleSet::new(&rules, &macros(tx, workspace)?), places, ..around })
    }

    /// The same without stored rules but with one that `viewer` tries.
    pub fn trying(tx: &Tx<'_>, viewer: &Viewer, rule: &Rule) -> Result<Self> {
        let mut around = Self::around(tx, viewer.workspace)?;
        around.owners.insert(viewer.person, Owner { active: true, grants: viewer.grants.clone() });
        let mut tried = Rule { enabled: true, ..rule.clone() };
        if let Some(person) = around.bound(Some(viewer.person)) {
            facts::within_reach(&mut tried.condition, person);
        }
        Ok(Self { set: RuleSet::new(&[tried], &macros(tx, viewer.workspace)?), ..around })
    }

    /// Whom the counts of a rule are bounded by: an owner who may not read every case.
    pub fn bound(&self, owner: Option<PersonId>) -> Option<PersonId> {
        owner.filter(|person| !self.sees_all(*person))
    }

    /// Whether somebody may read every case.
    fn sees_all(&self, person: PersonId) -> bool {
        self.owners.get(&person).and_then(|owner| Scope::of(person, &owner.grants, "case.read")).is_some_and(|scope| scope.all)
    }

    fn around(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Self> {
        let owners: Vec<(PersonId, bool, Json<Vec<Grant>>)> = tx.all("SELECT person_id, active, grants FROM rule_owner WHERE workspace_id = ?1", params![workspace])?;
        let forms: Vec<(String, Value)> = tx.all("SELECT case_type, form FROM rule_form WHERE workspace_id = ?1", params![workspace])?;
        let (zone_name, locale) = tx.workspaces()?.into_iter().find(|w| w.id == workspace).map_or_else(|| ("UTC".to_owned(), "zh-CN".to_owned()), |w| (w.time_zone, w.locale));
        Ok(Self {
            set: RuleSet::default(),
            places: HashMap::new(),
            owners: owners.into_iter().map(|(id, active, Json(grants))| (id, Owner { active, grants })).collect(),
            // A form of a newer program is no reason for rules to rest.
            forms: forms.into_iter().filter_map(|(key, form)| Some((key, serde_json::from_value(form).ok()?))).collect(),
            zone: TimeZone::get(&zone_name).unwrap_or(TimeZone::UTC),
            zone_name,
            locale,
        })
    }

    /// Whether the owner of a rule holds a permission for an object. The house holds every one.
    pub fn may(&self, owner: Option<PersonId>, permission: &str, access: &Access) -> bool {
        let Some(person) = owner else { return true };
        self.owners.get(&person).filter(|owner| owner.active).and_then(|owner| Scope::of(person, &owner.grants, permission)).is_some_and(|scope| scope.sees(access))
    }

    /// The zone's distance from UTC at a moment, in seconds.
    pub fn offset(&self, at: Time) -> i32 {
        self.zone.to_offset(at.to_jiff()).seconds()
    }
}
