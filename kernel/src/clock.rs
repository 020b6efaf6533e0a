//! Time as an argument. Nothing outside this file reads the machine's clock.

use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Serialize};

use crate::Problem;

/// An instant: microseconds since 1970-01-01T00:00:00Z. RFC 3339 in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Time(i64);

impl Time {
    /// The instant `micros` microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }
    /// The instant `seconds` seconds after the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds * 1_000_000)
    }
    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }
    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
    /// This instant moved by `seconds` (negative: earlier).
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0 + seconds * 1_000_000)
    }
    /// This instant moved by `micros`.
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0 + micros)
    }
    /// The civil form, for arithmetic with calendars and zones.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX })
    }
    /// From jiff's timestamp, cut to microseconds.
    pub fn from_jiff(value: jiff::Timestamp) -> Self {
        Self(value.as_microsecond())
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.to_jiff())
    }
}

impl std::str::FromStr for Time {
    type Err = Problem;
    fn from_str(text: &str) -> Result<Self, Problem> {
        text.parse::<jiff::Timestamp>().map(Self::from_jiff).map_err(|_| {
            Problem::invalid("time", format!("`{}` is not an instant", crate::text::clip(text, 60)))
                .expected("RFC 3339 with an offset, like 2026-01-02T09:30:00+08:00")
        })
    }
}

impl utoipa::PartialSchema for Time {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        crate::schema::text("RFC 3339 instant; answers are in UTC", "2026-01-02T01:30:00Z")
    }
}
impl utoipa::ToSchema for Time {}

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        text.parse().map_err(|p: Problem| serde::de::Error::custom(format!("{}; expected {}", p.message, p.expected.unwrap_or_default())))
    }
}

/// Where the present comes from.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Time;
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    // The one place that reads the machine's clock.
    #[expect(clippy::disallowed_methods)]
    fn now(&self) -> Time {
        Time::from_jiff(jiff::Timestamp::now())
    }
}

/// A clock that moves only when told, for tests and simulation.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock standing at `at`.
    pub fn at(at: Time) -> Self {
        Self(AtomicI64::new(at.micros()))
    }
    /// Puts the clock to `at`.
    pub fn set(&self, at: Time) {
        self.0.store(at.micros(), Ordering::SeqCst);
    }
    /// Moves the clock on by `seconds`.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::SeqCst))
    }
}
