//! What is wrong with an answer, in both languages.

use serde::Serialize;

/// A fault of one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnswerFault {
    /// The field's key; within a table `rows[2].part`.
    pub field: String,
    /// Stable: `required`, `unknown_field`, `wrong_type`, `too_small`, `too_large`, `too_short`, `too_long`, `too_many`,
    /// `too_few`, `pattern`, `not_an_option`, `retired_option`, `bad_date`, `bad_datetime`, `bad_phone`, `bad_email`,
    /// `bad_id_number`, `bad_plate`, `bad_money`, `bad_currency`, `too_precise`, `bad_reference`, `unknown_reference`,
    /// `computed`.
    pub code: &'static str,
    pub zh: String,
    pub en: String,
}

/// A fault without its field yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub code: &'static str,
    pub zh: String,
    pub en: String,
}

impl Wrong {
    pub fn new(code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { code, zh: zh.into(), en: en.into() }
    }

    pub fn at(self, field: impl Into<String>) -> AnswerFault {
        AnswerFault { field: field.into(), code: self.code, zh: self.zh, en: self.en }
    }
}
