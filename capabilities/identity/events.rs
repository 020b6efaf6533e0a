//! What the register of people and rights tells.

use shouwen_kernel::{Grant, OrgUnitId, PersonId, TeamId};

events! {
    /// Events of people, teams and the organisation.
    pub enum IdentityEvent {
        /// A person was created or changed; the whole of what others need. No personal data beyond the working name.
        "person.saved" => PersonSaved {
            person_id: PersonId,
            name: String,
            active: bool,
            org_unit_id: Option<OrgUnitId>,
            teams: Vec<TeamId>,
            /// (skill, level 1–5).
            skills: Vec<(String, u8)>,
            languages: Vec<String>,
            /// Open cases at once that assignment may give; 0 = none automatically.
            capacity: u32,
            locale: String,
            time_zone: String,
        },
        /// A person's presence changed: online, busy, away, offline.
        "person.status" => PersonStatus { person_id: PersonId, status: String },
        /// A team was created or changed.
        "team.saved" => TeamSaved { team_id: TeamId, name: String, org_unit_id: Option<OrgUnitId>, skills: Vec<String> },
        "team.deleted" => TeamDeleted { team_id: TeamId },
        /// An org unit was created or changed. `path` lists its ancestors from the root, itself last.
        "org_unit.saved" => OrgUnitSaved { org_unit_id: OrgUnitId, name: String, kind: String, parent_id: Option<OrgUnitId>, path: Vec<OrgUnitId>, region_code: Option<String> },
        "org_unit.deleted" => OrgUnitDeleted { org_unit_id: OrgUnitId },
        /// A person's grants, status or activity changed: open sockets re-check what they may see.
        "person.rights_changed" => RightsChanged {
            person_id: PersonId,
            /// What the person holds from now on, org units widened; none for one who was deactivated. Absent in old logs.
            /// For who keeps work in somebody's name (rules), so that it never does more than they may.
            grants: Option<Vec<Grant>>,
            /// The roles it comes from: keys and ids. Absent in old logs.
            roles: Option<Vec<String>>,
        },
    }
}
