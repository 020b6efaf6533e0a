//! # forms: what is asked, when, and whether the answers hold
//!
//! A [`Form`] is data: sections of fields with labels in zh and en, bounds, and conditions under which a field is shown
//! or required, in the one condition tree of `shouwen-rules` over the form's own answers and the case's fields.
//! No I/O, no clock: what is needed from outside comes in a [`Context`].
//!
//! - `form.faults()` — what is wrong with a definition, each with its path.
//! - [`check`]`(&form, &answers, &context)` — cleaned answers and every fault by field, with code, zh and en. Unknown
//!   fields are refused; answers of hidden fields are dropped or kept as the field says; computed texts are filled.
//! - [`migrate`]`(&old, &new, &answers)` — answers of an old version under a new one: kept, converted, dropped, defaulted.
//! - [`facts`]`(&form, &answers)` — the answers as facts for conditions and rules (money in major units, tables as counts).
//!
//! Signatures: `Context { now: i64, today: &str, case: &dyn Facts, exists: &dyn Fn(FieldType, &str) -> bool, complete: bool }`;
//! `check(&Form, &Map<String, Value>, &Context) -> Checked { answers: Map, faults: Vec<AnswerFault { field, code, zh, en }>,
//! hidden: Vec<String>, required: Vec<String> }`; `migrate(&Form, &Form, &Map) -> Migrated { answers, kept, converted,
//! dropped, defaulted }`. `complete: false` checks a draft: nothing is required yet.
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

mod definition;

pub use definition::{Choice, Field, FieldType, Form, Hidden, Section};
