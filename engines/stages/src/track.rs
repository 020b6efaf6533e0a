//! The closed loop of one case as a track with times.

use serde::Serialize;

use crate::case_type::CaseType;
use crate::definition::Step;

/// A stay in a stage, as it was written down. Times in microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct Stay {
    pub step: Step,
    pub entered_at: i64,
    /// `None`: it stands there now.
    pub left_at: Option<i64>,
}

/// Where the case is with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Was there and went on.
    Done,
    /// Stands there.
    Current,
    /// Passed by without stopping.
    Skipped,
    /// Still to come.
    Ahead,
}

/// One step of the track.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    pub step: Step,
    pub state: State,
    /// First time.
    pub entered_at: Option<i64>,
    /// Last time; `None` while it stands there.
    pub left_at: Option<i64>,
    /// Spent there in all, until `now`.
    pub micros: i64,
    /// How often it came there.
    pub visits: u32,
}

/// The track: every step the type knows, and every one the case was in, in the order of the loop.
pub fn track(kind: &CaseType, stays: &[Stay], now: i64) -> Vec<Leg> {
    let current = stays.iter().rfind(|s| s.left_at.is_none()).map(|s| s.step);
    let reached = stays.iter().map(|s| s.step).max();
    let known = |step: Step| kind.definition().stages.iter().any(|s| s.step == step);
    Step::ALL
        .into_iter()
        .filter(|step| known(*step) || stays.iter().any(|s| s.step == *step))
        .map(|step| {
            let own: Vec<&Stay> = stays.iter().filter(|s| s.step == step).collect();
            let state = match (current == Some(step), own.is_empty()) {
                (true, _) => State::Current,
                (_, false) => State::Done,
                // What lies before the farthest step it reached was passed by.
                _ if reached.is_some_and(|r| step < r) => State::Skipped,
                _ => State::Ahead,
            };
            Leg {
                step,
                state,
                entered_at: own.iter().map(|s| s.entered_at).min(),
                left_at: if state == State::Current { None } else { own.iter().filter_map(|s| s.left_at).max() },
                micros: own.iter().map(|s| (s.left_at.unwrap_or(now) - s.entered_at).max(0)).sum(),
                visits: own.len() as u32,
            }
        })
        .collect()
}
