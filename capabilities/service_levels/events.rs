//! What the service-level clocks tell. The subject of each is the case.

use shouwen_kernel::{CalendarId, CaseId, Time};

events! {
    /// Events of clocks. `clock`: `first_response`, `next_response`, `resolution`, or `reg.` and the key of a regulatory clock.
    pub enum ClockEvent {
        /// Started, or planned anew (calendar, target, priority or pause changed). `due_at` null while paused.
        "clock.planned" => Planned { case_id: CaseId, clock: String, target_s: i64, started_at: Time, due_at: Option<Time>, warn_at: Option<Time>, paused: bool, why: String },
        /// Fulfilled. `elapsed_s` in working time.
        "clock.met" => Met { case_id: CaseId, clock: String, at: Time, elapsed_s: i64, target_s: i64, breached: bool },
        /// No longer wanted. `why`: `merged`, `switched_off`, `removed`, or the fact that changed (`type`, `tier` …).
        "clock.cancelled" => Cancelled {
            case_id: CaseId,
            clock: String,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            why: Option<String>,
        },
        /// The share of the target that asks for attention is used up.
        "clock.warned" => Warned { case_id: CaseId, clock: String, due_at: Time },
        /// The target passed without fulfilment.
        "clock.breached" => Breached { case_id: CaseId, clock: String, due_at: Time },
        /// A step of the escalation ladder is reached: people in the roles `to` are to hear of it. Each step once for each plan.
        "clock.escalated" => Escalated {
            case_id: CaseId,
            clock: String,
            /// `50%`, `80%`, `100%`, `+4h` …: as the ladder says.
            step: String,
            due_at: Time,
            /// `assignee`, `accountable`, `team` (its members), `lead` (of the team), or keys of roles.
            to: Vec<String>,
        },
    }
}

events! {
    /// Events of working calendars, for whoever counts in working time. The subject is the calendar.
    pub enum CalendarEvent {
        /// Created, or given another content. `key`: what packs call it; `spec`: the JSON form of a calendar.
        "calendar.saved" => CalendarSaved { calendar_id: CalendarId, key: Option<String>, name: String, spec: serde_json::Value },
        "calendar.removed" => CalendarRemoved { calendar_id: CalendarId },
    }
}
