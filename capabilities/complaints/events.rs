//! What complaints tell. The subject is the case; of a file, the customer.

use shouwen_kernel::{CareFileId, CaseId, CustomerId, PersonId, Time};

events! {
    /// Events of complaints and of the files of dissatisfied customers.
    pub enum ComplaintEvent {
        /// What a case is about became known or changed: the counted facts of early warnings. Told for every case of a type that is watched.
        "complaint.classified" => Classified {
            case_id: CaseId,
            case_type: String,
            /// Key in the category tree.
            category: Option<String>,
            /// Keys from the root down to `category`.
            path: Vec<String>,
            /// Region that handles it.
            region: Option<String>,
            product: Option<String>,
            cause: Option<String>,
            /// Key: `ours`, `partner` …
            responsibility: Option<String>,
            customer_id: Option<CustomerId>,
            opened_at: Time,
            at: Time,
        },
        /// Words that raise the grade at once stood in a message. The words themselves stay in the message.
        "complaint.signal" => Signal { case_id: CaseId, signal: String, grade: String, message_id: Option<shouwen_kernel::MessageId>, at: Time },
        /// The grade changed: `minor`, `major`, `critical`.
        "complaint.graded" => Graded { case_id: CaseId, from: Option<String>, to: String, reason: String, at: Time },
        /// The same customer, a similar matter, within the window.
        "complaint.repeated" => Repeated { case_id: CaseId, earlier: Vec<CaseId>, count: i64, window_days: i64, at: Time },
        /// A file of a dissatisfied customer was opened. `reason`: `low_rating`, `signal`, `repeat`, `rejected`, `manual`.
        "complaint.file_opened" => FileOpened { file_id: CareFileId, customer_id: CustomerId, case_id: Option<CaseId>, reason: String, owner_id: Option<PersonId>, at: Time },
        /// A care action is planned.
        "complaint.care_planned" => CarePlanned { file_id: CareFileId, customer_id: CustomerId, care: String, title_zh: String, title_en: String, person_id: Option<PersonId>, due_at: Time, at: Time },
        /// A care action is late.
        "complaint.care_overdue" => CareOverdue { file_id: CareFileId, customer_id: CustomerId, care: String, person_id: Option<PersonId>, due_at: Time, at: Time },
        /// A care action was done, or left out with a reason.
        "complaint.care_done" => CareDone { file_id: CareFileId, customer_id: CustomerId, care: String, outcome: String, by: Option<PersonId>, at: Time },
        "complaint.file_closed" => FileClosed { file_id: CareFileId, customer_id: CustomerId, outcome: String, by: Option<PersonId>, at: Time },
    }
}

events! {
    /// The words of complaints: what early warnings and pages call a category or a region. The subject is nobody.
    pub enum ComplaintWordsEvent {
        /// A category or a region was saved or removed. `kind`: `category`, `region`.
        "complaint.named" => Named {
            kind: String,
            key: String,
            title_zh: String,
            title_en: String,
            /// Of a region: how regions of customers that belong to it begin (`浙江`, `3301`); the longest one decides.
            matches: Vec<String>,
            /// Of a region: the org unit that answers for it, by name or id.
            unit: Option<String>,
            removed: bool,
            at: Time,
        },
    }
}
