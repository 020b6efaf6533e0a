//! What reviews and approvals tell. The subject is the case when there is one, else the review.

use shouwen_kernel::{CaseId, PersonId, ReviewId, Time};

events! {
    /// Events of reviews (of a solution) and approvals (of an amount, a waiver).
    pub enum ReviewEvent {
        /// Asked for. `kind`: `review` or `approval`.
        "review.requested" => Requested {
            review_id: ReviewId,
            /// Key of the flow.
            flow: String,
            kind: String,
            case_id: Option<CaseId>,
            title: String,
            /// Minor units of `currency`; of an approval.
            amount: Option<i64>,
            currency: Option<String>,
            /// Takes effect at once and must be written up afterwards.
            emergency: bool,
            by: Option<PersonId>,
            at: Time,
        },
        /// A step waits for people: it was opened, or (`added`) more are asked than before. `step` counts from 1.
        "review.step" => StepOpened {
            review_id: ReviewId,
            case_id: Option<CaseId>,
            step: i64,
            of: i64,
            title_zh: String,
            title_en: String,
            /// Who is asked now, and stands in for those: told by this event.
            people: Vec<PersonId>,
            /// `any`: one decides; `all`: everybody must approve.
            mode: String,
            due_at: Option<Time>,
            /// The step was open already; `people` join those asked before.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            added: bool,
            /// Everybody it waits for from now on; absent in old logs: `people`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            waiting: Option<Vec<PersonId>>,
            at: Time,
        },
        /// Somebody decided. `decision`: `approve` or `return`. `for_person`: whose place they took by delegation.
        "review.decided" => Decided {
            review_id: ReviewId,
            case_id: Option<CaseId>,
            step: i64,
            person_id: PersonId,
            for_person: Option<PersonId>,
            decision: String,
            reason: Option<String>,
            /// Whom the step waits for still; absent in old logs.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            waiting: Option<Vec<PersonId>>,
            at: Time,
        },
        /// People are no longer asked in an open step. `why`: `inactive` (left the house), `rights` (hold something else
        /// now), `author` (what is decided on is theirs now), `delegation` (no longer stand in).
        "review.released" => Released { review_id: ReviewId, case_id: Option<CaseId>, step: i64, people: Vec<PersonId>, why: String, waiting: Vec<PersonId>, at: Time },
        /// What is decided on was changed under the decisions: those of `void` count no more, the first step is asked again.
        "review.begun_again" => BegunAgain { review_id: ReviewId, case_id: Option<CaseId>, flow: String, step: i64, void: Vec<PersonId>, by: Option<PersonId>, at: Time },
        /// What was approved is no longer what the case says: the solution was changed afterwards. A case in a stage behind
        /// the review goes back to it. `stage`: the one that asked; absent: people did.
        "review.outdated" => Outdated { review_id: ReviewId, case_id: Option<CaseId>, flow: String, stage: Option<String>, by: Option<PersonId>, at: Time },
        /// Every step approved it. `stage`: the one of the case that asked; absent: people did, or the log is old.
        "review.approved" => Approved {
            review_id: ReviewId,
            case_id: Option<CaseId>,
            flow: String,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            stage: Option<String>,
            reason: Option<String>,
            at: Time,
        },
        /// A step returned it, with the reason. `stage` as above.
        "review.returned" => Returned {
            review_id: ReviewId,
            case_id: Option<CaseId>,
            flow: String,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            stage: Option<String>,
            step: i64,
            reason: Option<String>,
            at: Time,
        },
        /// Whoever asked, or the case moving on, took it back.
        "review.withdrawn" => Withdrawn { review_id: ReviewId, case_id: Option<CaseId>, flow: String, reason: Option<String>, at: Time },
        /// A step, or the write-up of an emergency (`what`: `step`, `write_up`), is late.
        "review.overdue" => Overdue { review_id: ReviewId, case_id: Option<CaseId>, what: String, step: i64, people: Vec<PersonId>, due_at: Time, at: Time },
        /// An emergency was written up afterwards.
        "review.written_up" => WrittenUp { review_id: ReviewId, case_id: Option<CaseId>, by: PersonId, at: Time },
        /// The authority table changed, or its yearly review is due (`due`) or was done (`reviewed`). `what`: `saved`, `removed`, `due`, `reviewed`.
        "review.authority" => Authority { key: String, what: String, people: Vec<PersonId>, at: Time },
    }
}
