//! What assignment decided. Casework carries it out.

use shouwen_kernel::{CaseId, PersonId, TeamId};

events! {
    /// Events of automatic assignment.
    pub enum RoutingEvent {
        /// A person was chosen. `reason` in words: team, skill, load, region.
        "routing.chosen" => Chosen { case_id: CaseId, team_id: Option<TeamId>, person_id: PersonId, reason: String },
        /// Nobody could be: says why (limit reached, nobody online, skill missing).
        "routing.none" => NobodyChosen { case_id: CaseId, team_id: Option<TeamId>, reason: String },
    }
}
