//! What customers said when asked. The subject of each is the case.

use shouwen_kernel::{CaseId, CustomerId, SurveyId, Time};

events! {
    /// Events of satisfaction requests.
    pub enum VoiceEvent {
        "survey.requested" => Requested { survey_id: SurveyId, case_id: CaseId, customer_id: Option<CustomerId>, expires_at: Time, at: Time },
        /// `score` 1–5; satisfied is 4 or 5.
        "survey.answered" => Answered { survey_id: SurveyId, case_id: CaseId, score: u8, has_comment: bool, at: Time },
        /// The customer added or changed the comment.
        "survey.commented" => Commented { survey_id: SurveyId, case_id: CaseId, at: Time },
        /// Not sent, with the reason (no address, automatic mail, asked lately …).
        "survey.skipped" => Skipped { case_id: CaseId, reason: String },
    }
}
