//! # worktime: what time is worth to a service desk
//!
//! A [`Calendar`] says when people work: several intervals a day, overnight shifts, holidays, make-up
//! working days, a time zone with its summer time. From it come the two questions every service level
//! asks: *when is it due* ([`Calendar::due`]) and *how much working time has passed*
//! ([`Calendar::elapsed`]), both with pauses. [`Clock`] answers them together for one running target.
//!
//! Pure: no clock, no I/O (only [`files`] and [`cli`] touch files, for the command line). Every instant is
//! an `i64`, microseconds since 1970-01-01 UTC; every amount of working time is an `i64` in microseconds.
//!
//! ```
//! use shouwen_worktime::{Calendar, instant};
//! let calendar = Calendar::from_toml(
//!     r#"
//!     timezone = "Asia/Shanghai"
//!     holidays = ["cn-2026.json"]
//!     [week]
//!     mon = ["09:00-18:00"]
//!     tue = ["09:00-18:00"]
//!     wed = ["09:00-18:00"]
//!     thu = ["09:00-18:00"]
//!     fri = ["09:00-18:00"]
//!     "#,
//!     "desk.toml",
//!     &shouwen_worktime::holidays::builtin,
//! )?;
//! let start = instant::parse("2026-09-30T16:00:00+08:00")?;
//! let due = calendar.due(start, "4h".parse()?, &[])?;
//! // The National Day week is off: two hours on 30 September, two on 8 October.
//! assert_eq!(due.map(|t| calendar.show(t)).as_deref(), Some("2026-10-08T11:00:00+08:00"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod batch;
mod blocks;
mod budget;
mod calendar;
pub mod cli;
mod clock;
mod due;
mod elapsed;
mod fault;
pub mod files;
pub mod holidays;
pub mod instant;
pub mod invariants;
mod node;
mod parse;
mod pause;
mod span;
mod spec;
mod write;
mod zone;

pub use budget::Budget;
pub use calendar::{Calendar, Interval};
pub use clock::{Clock, Plan};
pub use fault::{Fault, Faults, Place};
pub use holidays::{HolidayYear, builtin_holidays};
pub use pause::Pause;
pub use span::DaySpan;
pub use spec::{CalendarSpec, DayRule, weekday_from_name, weekday_name};

pub use jiff::civil::{Date, Weekday};

/// Microseconds in a second; amounts and instants of this crate count microseconds.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Microseconds in an hour.
pub const HOUR: i64 = 60 * MINUTE;
