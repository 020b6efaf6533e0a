//! The stage machine of a case type: its definition, what is wrong with one, whether a case may move, and its way
//! through the closed loop. Pure: no I/O, no clock; what is true of a case is an argument.

mod case_type;
mod decide;
mod definition;
mod form;
mod track;
mod validate;
mod when;
mod who;

pub use case_type::CaseType;
pub use decide::{Asked, Failed, Move, Reason, Refusal, decide, is_empty};
pub use definition::{Definition, Resolution, Stage, Status, Step, Title, Verification, Way};
pub use shouwen_rules::Fault;
pub use track::{Leg, State, Stay, track};
pub use when::FIELDS;
pub use who::Who;
