//! Which customers a scope reaches. A customer is served by whoever they turn to, so teams and own cases do not narrow
//! the register: only a role bound to org units does, and then to the customers of those units and to those who belong
//! to none yet.

use shouwen_kernel::{Access, OrgUnitId, Problem, Result, Scope};
use shouwen_store::{ScopeColumns, Value, scope_sql};

/// The reach of one customer permission.
#[derive(Clone, Debug)]
pub struct Sight(Scope);

impl Sight {
    /// From the scope of the permission.
    pub fn of(scope: &Scope) -> Self {
        let mut scope = scope.clone();
        scope.all |= scope.org_units.is_empty();
        scope.teams.clear();
        // No unit is stored as the id of zeros, so that one index answers for it too.
        scope.org_units.insert(OrgUnitId::NIL);
        Self(scope)
    }

    /// Whether a customer of `home` (zeros: of no unit) is inside.
    pub fn sees(&self, home: OrgUnitId) -> bool {
        self.0.sees(&Access { org_unit: Some(home), ..Access::default() })
    }

    /// Refuses a unit outside, as a field of a request.
    pub fn must_reach(&self, home: OrgUnitId, permission: &str) -> Result<()> {
        if self.sees(home) { Ok(()) } else { Err(Problem::forbidden(permission).field("org_unit_id").expected("an org unit within the reach of your role, or null")) }
    }

    /// The same as a condition on `c.home_id`, with parameters from `?<first>`.
    pub fn sql(&self, first: usize) -> (String, Vec<Value>) {
        scope_sql(&self.0, &COLUMNS, first)
    }

    /// For [`shouwen_store::BranchList`] with [`COLUMNS`].
    pub(crate) fn scope(&self) -> &Scope {
        &self.0
    }
}

/// Where the register keeps what decides.
pub(crate) const COLUMNS: ScopeColumns<'static> = ScopeColumns { org_unit: Some("c.home_id"), team: None, people: &[], watchers: None };
