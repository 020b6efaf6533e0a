//! What early warnings, bulletins and crises tell. The subject is the case of the warning or crisis once there is one.

use shouwen_kernel::{BulletinId, CaseId, PersonId, Time, WarningId};

events! {
    /// Events of early warnings and crises.
    pub enum WarningEvent {
        /// A threshold was reached, or a higher grade of it (`from`). Grades: `blue`, `yellow`, `orange`, `red`.
        "warning.raised" => Raised {
            warning_id: WarningId,
            /// Key of the threshold.
            threshold: String,
            title_zh: String,
            title_en: String,
            grade: String,
            from: Option<String>,
            category: Option<String>,
            region: Option<String>,
            product: Option<String>,
            count: i64,
            limit: i64,
            window_s: i64,
            /// `count`, or `band` for a sudden rise.
            why: String,
            /// Who is to hear of it.
            people: Vec<PersonId>,
            respond_by: Time,
            at: Time,
        },
        /// Its case was opened.
        "warning.case" => CaseKnown { warning_id: WarningId, case_id: CaseId },
        /// The required response was given.
        "warning.answered" => Answered { warning_id: WarningId, case_id: Option<CaseId>, by: PersonId, text: String, at: Time },
        /// The required response is late.
        "warning.overdue" => Overdue { warning_id: WarningId, case_id: Option<CaseId>, grade: String, people: Vec<PersonId>, respond_by: Time, at: Time },
        "warning.closed" => Closed { warning_id: WarningId, case_id: Option<CaseId>, by: Option<PersonId>, at: Time },
        /// `period`: `daily` or `weekly`.
        "bulletin.made" => BulletinMade { bulletin_id: BulletinId, period: String, from: Time, to: Time, people: Vec<PersonId>, at: Time },
        /// One button convened the group; the plan is due.
        "crisis.declared" => CrisisDeclared { case_id: CaseId, title: String, by: PersonId, people: Vec<PersonId>, plan_due_at: Time, at: Time },
        "crisis.plan_filed" => PlanFiled { case_id: CaseId, by: PersonId, late: bool, at: Time },
        /// The plan (`plan`) or the write-up (`write_up`) is late.
        "crisis.overdue" => CrisisOverdue { case_id: CaseId, what: String, people: Vec<PersonId>, due_at: Time, at: Time },
        /// `write_up_due_at`: until when it is to be written up.
        "crisis.over" => CrisisOver { case_id: CaseId, by: Option<PersonId>, write_up_due_at: Time, at: Time },
        "crisis.written_up" => CrisisWrittenUp { case_id: CaseId, by: PersonId, at: Time },
    }
}
