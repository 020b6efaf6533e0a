//! A definition that was found right, with its conditions read once.

use shouwen_rules::{Condition, Fault};

use crate::definition::{Definition, Resolution, Stage, Status, Way};
use crate::validate;

/// A valid case type.
#[derive(Clone, Debug)]
pub struct CaseType {
    definition: Definition,
    /// Beside each stage: what must hold to come in, and to go on.
    gates: Vec<(Option<Condition>, Option<Condition>)>,
}

impl CaseType {
    /// Checks a definition; every fault, with its path.
    pub fn new(definition: Definition) -> Result<Self, Vec<Fault>> {
        let (gates, faults) = validate::check(&definition);
        if faults.is_empty() { Ok(Self { definition, gates }) } else { Err(faults) }
    }

    /// What was written.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The stage of that key. A key of an earlier version leads to where its cases go.
    pub fn stage(&self, key: &str) -> Option<&Stage> {
        self.at(key).map(|i| &self.definition.stages[i])
    }

    pub(crate) fn at(&self, key: &str) -> Option<usize> {
        let find = |key: &str| self.definition.stages.iter().position(|s| s.key == key);
        find(key).or_else(|| self.definition.moved.get(key).and_then(|now| find(now)))
    }

    pub(crate) fn gate(&self, at: usize) -> &(Option<Condition>, Option<Condition>) {
        &self.gates[at]
    }

    /// Where a new case begins.
    pub fn first(&self) -> &Stage {
        self.known(&self.definition.first)
    }

    /// Where work goes on after a reopening or the customer's answer.
    pub fn working(&self) -> &Stage {
        self.known(&self.definition.working)
    }

    fn known(&self, key: &str) -> &Stage {
        // A valid definition names existing stages here and has at least one.
        self.stage(key).unwrap_or(&self.definition.stages[0])
    }

    /// The stage with that status nearest to `from`: where it leads to first, else the first in the file.
    pub fn towards(&self, from: &str, status: Status) -> Option<&Stage> {
        let fits = |s: &&Stage| s.status == status;
        let by_to = self.stage(from).and_then(|s| s.to.as_ref()).and_then(|to| to.iter().filter_map(|key| self.stage(key)).find(fits));
        by_to.or_else(|| self.definition.stages.iter().find(fits))
    }

    /// The resolution of that key.
    pub fn resolution(&self, key: &str) -> Option<&Resolution> {
        self.definition.resolutions.iter().find(|r| r.key == key)
    }

    /// Whether this end is its own recorded reason.
    pub fn ends_by(&self, resolution: Option<&str>) -> bool {
        resolution.is_some_and(|r| self.definition.verification.by_resolution.iter().any(|known| known == r))
    }

    /// The ways in which an end can be verified.
    pub fn ways(&self) -> &[Way] {
        &self.definition.verification.ways
    }

    /// Whether every end is its own recorded reason, so that nothing is asked for.
    pub fn asks_nothing(&self) -> bool {
        self.definition.resolutions.iter().all(|r| self.ends_by(Some(&r.key)))
    }
}
