//! The one permission predicate.
//!
//! A role gives permissions; giving a role to a person names how far it reaches: the workspace, an org unit with
//! everything below it, a team, or only their own. [`Scope`] is what is left for one permission. It answers for one
//! object in memory ([`Scope::sees`]) and as branches a list can turn into SQL ([`Scope::branches`]); a property test
//! in `store` holds the two together.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{OrgUnitId, PersonId, TeamId};

/// A permission by its stable code, e.g. `case.reply`.
pub trait Permission: Send + Sync + 'static {
    /// The code that roles list and API documents show.
    const CODE: &'static str;
}

/// How far a role given to a person reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reach", rename_all = "snake_case")]
pub enum Reach {
    /// Everything in the workspace.
    Workspace,
    /// These org units (already widened to everything below them).
    OrgUnits { units: BTreeSet<OrgUnitId> },
    /// These teams.
    Teams { teams: BTreeSet<TeamId> },
    /// Only what the person is assigned to, accountable for, or watches.
    Own,
}

/// One permission with its reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The permission's code.
    pub permission: String,
    /// How far it reaches.
    #[serde(flatten)]
    pub reach: Reach,
}

/// What decides who may see an object: where it belongs and who has to do with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The org unit it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_unit: Option<OrgUnitId>,
    /// The team it lies with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// Assignee, accountable person, watchers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<PersonId>,
}

/// One way an object can be inside a scope; a list asks its index once a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    /// Everything.
    All,
    /// Objects of this org unit.
    OrgUnit(OrgUnitId),
    /// Objects of this team.
    Team(TeamId),
    /// Objects this person has to do with.
    Person(PersonId),
}

/// What one person may do one thing to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The viewer.
    pub person: PersonId,
    /// Everything in the workspace.
    pub all: bool,
    /// These org units.
    pub org_units: BTreeSet<OrgUnitId>,
    /// These teams.
    pub teams: BTreeSet<TeamId>,
}

impl Scope {
    /// The scope of `permission` from a person's grants; `None` when nothing grants it.
    pub fn of(person: PersonId, grants: &[Grant], permission: &str) -> Option<Self> {
        let mut scope = Self { person, all: false, org_units: BTreeSet::new(), teams: BTreeSet::new() };
        let mut granted = false;
        for grant in grants.iter().filter(|g| g.permission == permission) {
            granted = true;
            match &grant.reach {
                Reach::Workspace => scope.all = true,
                Reach::OrgUnits { units } => scope.org_units.extend(units),
                Reach::Teams { teams } => scope.teams.extend(teams),
                Reach::Own => {}
            }
        }
        granted.then_some(scope)
    }

    /// Everything: for the product's own work and for tests.
    pub fn everything(person: PersonId) -> Self {
        Self { person, all: true, org_units: BTreeSet::new(), teams: BTreeSet::new() }
    }

    /// Whether an object with this access lies inside.
    pub fn sees(&self, access: &Access) -> bool {
        self.all
            || access.people.contains(&self.person)
            || access.team.is_some_and(|t| self.teams.contains(&t))
            || access.org_unit.is_some_and(|o| self.org_units.contains(&o))
    }

    /// The ways in. Their union is the scope; they may overlap.
    pub fn branches(&self) -> Vec<Branch> {
        if self.all {
            return vec![Branch::All];
        }
        std::iter::once(Branch::Person(self.person))
            .chain(self.teams.iter().copied().map(Branch::Team))
            .chain(self.org_units.iter().copied().map(Branch::OrgUnit))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ids, Time};

    #[test]
    fn a_scope_sees_own_team_and_units_and_nothing_else() {
        let ids = Ids::seeded(3);
        let at = Time::from_seconds(1);
        let (me, other) = (PersonId(ids.uuid(at)), PersonId(ids.uuid(at)));
        let (team, unit) = (TeamId(ids.uuid(at)), OrgUnitId(ids.uuid(at)));
        let grants = [
            Grant { permission: "case.read".into(), reach: Reach::Teams { teams: [team].into() } },
            Grant { permission: "case.read".into(), reach: Reach::OrgUnits { units: [unit].into() } },
        ];
        let scope = Scope::of(me, &grants, "case.read").unwrap();
        assert!(Scope::of(me, &grants, "case.close").is_none());
        assert!(scope.sees(&Access { people: vec![me], ..Access::default() }));
        assert!(scope.sees(&Access { team: Some(team), people: vec![other], ..Access::default() }));
        assert!(scope.sees(&Access { org_unit: Some(unit), ..Access::default() }));
        assert!(!scope.sees(&Access { people: vec![other], ..Access::default() }));
        assert!(!scope.sees(&Access::default()));
        assert_eq!(scope.branches().len(), 3);
    }
}
