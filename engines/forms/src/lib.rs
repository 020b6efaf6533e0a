//! # forms: what is asked, when, and whether the answers hold
//!
//! A [`Form`] is data: sections of fields with labels in zh and en, bounds, and conditions under which a field is shown
//! or required, in the one condition tree of `shouwen-rules` over the form's own answers and the case's fields.
//! No I/O, no clock: what is needed from outside comes in a [`Context`].
//!
//! - [`Form::faults`] — what is wrong with a definition, each with its path.
//! - [`check`]`(&form, &answers, &context)` — cleaned answers and every fault by field, with code, zh and en. Unknown
//!   fields are refused; answers of hidden fields are dropped or kept as the field says; computed texts are filled.
//! - [`migrate`]`(&old, &new, &answers)` — answers of an old version under a new one: kept, converted, dropped, defaulted.
//! - [`facts`]`(&form, &answers)` — the answers as facts for conditions and rules (money in major units, tables as counts).
//!
//! - [`Ready`] — a form made ready once for many checks; [`vocabulary`] — its fields for the rules' vocabulary.
//! - `Form::read(text, "form.toml", case_fields)` — TOML or JSON, every fault with line and column.
//!
//! ```
//! use serde_json::{Value, json};
//! use shouwen_forms::{Context, Form, check};
//!
//! let form = Form::read(r#"
//!     key = "complaint"
//!     title = { zh = "投诉单", en = "Complaint sheet" }
//!     [[section]]
//!     [[section.field]]
//!     key = "demand"
//!     type = "choice"
//!     label = { zh = "诉求", en = "Demand" }
//!     required = true
//!     option = [{ key = "repair", label = { zh = "修复", en = "Repair" } }, { key = "refund", label = { zh = "退费", en = "Refund" } }]
//!     [[section.field]]
//!     key = "amount"
//!     type = "money"
//!     label = { zh = "金额", en = "Amount" }
//!     show_if = "demand is refund"
//!     require_if = "demand is refund"
//!     max = 5000
//! "#, "complaint.toml", &[]).unwrap();
//! let context = Context { now: 0, today: "2026-11-21", case: &|_: &str| Value::Null, exists: &|_, _| true, complete: true, keep_retired: false };
//! let checked = check(&form, json!({"demand": "refund", "amount": "5000.01"}).as_object().unwrap(), &context);
//! assert_eq!((checked.faults[0].field.as_str(), checked.faults[0].code), ("amount", "too_large"));
//! let checked = check(&form, json!({"demand": "repair", "amount": 12}).as_object().unwrap(), &context);
//! assert!(checked.good() && checked.answers.get("amount").is_none());
//! ```
//!
//! Questionnaires (branching between pages, scoring, sampling) will stand on this: a question is a [`Field`], a page a
//! [`Section`] with its `show_if`; scores belong beside the form, keyed by field and option, not inside it.
//!
//! ## Answers
//! A JSON object, key → value; absent and `null` mean unanswered:
//!
//! | type | answer |
//! |---|---|
//! | `text` `long_text` `phone` `email` `id_number` `plate` | text |
//! | `number` | number (in the field's `unit`) |
//! | `money` | `{"minor": 12300, "currency": "CNY"}`; a text `"123.00"` or number is read in the field's first currency |
//! | `date` | `"2026-10-01"` |
//! | `datetime` | RFC 3339 |
//! | `choice` | the option's key |
//! | `multi_choice` | list of keys |
//! | `tree_choice` | path of keys from the root: `["network", "broadband"]`; also `"network/broadband"` |
//! | `person` `team` `org_unit` `customer` `case` | id; the context says whether it exists |
//! | `file` | list of attachment ids |
//! | `yes_no` | true or false |
//! | `rating` | whole number from 1 to `max` (5) |
//! | `table` | list of objects, one a row |
//! | `computed` | never sent; filled from its template |

mod answer;
mod check;
mod definition;
mod facts;
mod fault;
mod faults;
pub mod kinds;
mod migrate;

pub use check::{Checked, Context, Ready, check};
pub use definition::{Choice, Field, FieldType, Form, Hidden, Section};
pub use facts::{facts, vocabulary};
pub use fault::AnswerFault;
pub use faults::{MOST_FIELDS, kind_of};
pub use migrate::{Migrated, Why, migrate};
