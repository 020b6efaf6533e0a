//! Pauses: stretches during which a clock stands still.

use crate::fault::Fault;
use crate::instant;

/// A clock's pause, `[from, to)` in microseconds UTC; `to` None means it still goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    pub from: i64,
    pub to: Option<i64>,
}

impl Pause {
    /// A pause from `from` until `to`.
    pub fn new(from: i64, to: i64) -> Pause {
        Pause { from, to: Some(to) }
    }

    /// A pause that began at `from` and still goes on.
    pub fn open(from: i64) -> Pause {
        Pause { from, to: None }
    }

    /// Reads `A..B`, two RFC 3339 instants; `A..` still goes on.
    ///
    /// # Errors
    /// `bad_pause` or `bad_instant`.
    pub fn parse(text: &str) -> Result<Pause, Fault> {
        let (from, to) = text.split_once("..").ok_or_else(|| {
            Fault::new(
                "bad_pause",
                format!("{} is no pause", crate::fault::quote(text)),
                "write two instants with \"..\" between, such as 2026-10-01T10:00:00+08:00..2026-10-01T11:00:00+08:00",
            )
        })?;
        let from = instant::parse(from)?;
        let to = if to.is_empty() {
            None
        } else {
            Some(instant::parse(to)?)
        };
        let pause = Pause { from, to };
        pause.check()?;
        Ok(pause)
    }

    /// That it does not end before it begins.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        match self.to {
            Some(to) if to < self.from => Err(Fault::new(
                "bad_pause",
                format!(
                    "the pause ends ({}) before it begins ({})",
                    instant::show_utc(to),
                    instant::show_utc(self.from)
                ),
                "give the earlier instant first",
            )),
            _ => Ok(()),
        }
    }
}

/// The stretches of `[start, end)` that no pause covers, in order. An open pause covers all that follows.
///
/// # Errors
/// `bad_pause` when a pause ends before it begins.
pub(crate) fn running(start: i64, end: i64, pauses: &[Pause]) -> Result<Vec<(i64, i64)>, Fault> {
    let mut covered = Vec::with_capacity(pauses.len());
    for pause in pauses {
        pause.check()?;
        let to = pause.to.unwrap_or(i64::MAX);
        if pause.from < to {
            covered.push((pause.from, to));
        }
    }
    covered.sort_unstable();
    let mut out = Vec::with_capacity(covered.len() + 1);
    let mut at = start;
    for (from, to) in covered {
        let stop = from.min(end);
        if stop > at {
            out.push((at, stop));
        }
        at = at.max(to);
        if at >= end {
            return Ok(out);
        }
    }
    if at < end {
        out.push((at, end));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_what_no_pause_covers() {
        let pauses = [
            Pause::new(40, 50),
            Pause::new(10, 20),
            Pause::new(15, 30),
            Pause::new(35, 35),
        ];
        assert_eq!(
            running(0, 60, &pauses),
            Ok(vec![(0, 10), (30, 40), (50, 60)])
        );
        assert_eq!(running(12, 18, &pauses), Ok(vec![]));
        assert_eq!(running(0, 60, &[Pause::open(20)]), Ok(vec![(0, 20)]));
        assert_eq!(running(30, 60, &[Pause::open(20)]), Ok(vec![]));
        assert_eq!(running(30, 60, &[Pause::new(0, 20)]), Ok(vec![(30, 60)]));
        assert!(running(0, 60, &[Pause::new(20, 10)]).is_err());
    }

    #[test]
    fn reads_pauses_and_names_bad_ones() {
        assert_eq!(
            Pause::parse("1970-01-01T00:00:01Z..1970-01-01T00:00:02Z"),
            Ok(Pause::new(1_000_000, 2_000_000))
        );
        assert_eq!(
            Pause::parse("1970-01-01T00:00:01Z.."),
            Ok(Pause::open(1_000_000))
        );
        for (text, part) in [
            ("2026-10-01T10:00:00Z", "is no pause"),
            (
                "2026-10-02T10:00:00Z..2026-10-01T10:00:00Z",
                "before it begins",
            ),
            ("..2026-10-01T10:00:00Z", "not an instant"),
            ("2026-10-01..2026-10-02", "no offset"),
        ] {
            let fault = Pause::parse(text).unwrap_err();
            assert!(fault.wrong.contains(part), "{text}: {fault}");
        }
    }
}
