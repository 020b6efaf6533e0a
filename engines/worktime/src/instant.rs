//! Instants: `i64` microseconds since 1970-01-01T00:00:00Z, and their RFC 3339 text.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use crate::fault::{Fault, quote};

/// The first instant the engine computes with: 1800-01-01T00:00:00Z.
pub const EARLIEST: i64 = -5_364_662_400 * crate::SECOND;
/// The search horizon: no deadline is looked for at or after 2400-01-01T00:00:00Z.
pub const LATEST: i64 = 13_569_465_600 * crate::SECOND;

/// Reads an RFC 3339 instant such as `2026-10-01T10:00:00+08:00` or `2026-10-01T02:00:00Z`.
/// Digits beyond the microsecond are cut off.
///
/// # Errors
/// `bad_instant` when the text is no instant, has no offset, or lies outside 1800–2399.
pub fn parse(text: &str) -> Result<i64, Fault> {
    let right =
        "write date, time and offset, such as 2026-10-01T10:00:00+08:00 or 2026-10-01T02:00:00Z";
    match text.parse::<Timestamp>() {
        Ok(found) => {
            let micros = found.as_nanosecond().div_euclid(1000);
            i64::try_from(micros)
                .map_err(|_| {
                    Fault::new(
                        "bad_instant",
                        format!("{} is out of range", quote(text)),
                        right,
                    )
                })
                .and_then(check)
        }
        Err(_) if text.parse::<jiff::civil::DateTime>().is_ok() => Err(Fault::new(
            "bad_instant",
            format!(
                "{} has no time or no offset from UTC, so it names no single instant",
                quote(text)
            ),
            right,
        )),
        Err(_) => Err(Fault::new(
            "bad_instant",
            format!("{} is not an instant in RFC 3339", quote(text)),
            right,
        )),
    }
}

/// Checks that `at` lies between [`EARLIEST`] and [`LATEST`].
pub(crate) fn check(at: i64) -> Result<i64, Fault> {
    if (EARLIEST..LATEST).contains(&at) {
        return Ok(at);
    }
    let shown = match Timestamp::from_microsecond(at) {
        Ok(t) => t.to_string(),
        Err(_) => format!("the instant {at} µs"),
    };
    Err(Fault::new(
        "bad_instant",
        format!("{shown} is outside the years this engine computes with"),
        "give an instant from 1800-01-01T00:00:00Z to before 2400-01-01T00:00:00Z",
    ))
}

/// The instant in UTC, `2026-10-01T02:00:00Z`; a fraction is shown only when there is one.
pub fn show_utc(at: i64) -> String {
    match Timestamp::from_microsecond(at) {
        Ok(t) => t.to_string(),
        Err(_) => format!("{at} µs"),
    }
}

/// The instant with the zone's offset at that time, `2026-10-01T10:00:00+08:00`.
/// Offsets that are no whole minutes (local mean time, before about 1900) cannot be written in RFC 3339:
/// those instants are shown in UTC.
pub fn show_in(at: i64, zone: &TimeZone) -> String {
    let Ok(t) = Timestamp::from_microsecond(at) else {
        return format!("{at} µs");
    };
    let offset: Offset = zone.to_offset(t);
    if offset.seconds() % 60 != 0 {
        return t.to_string();
    }
    t.display_with_offset(offset).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_horizon_is_where_the_documentation_says() {
        assert_eq!(show_utc(EARLIEST), "1800-01-01T00:00:00Z");
        assert_eq!(show_utc(LATEST), "2400-01-01T00:00:00Z");
    }

    #[test]
    fn reads_and_writes_rfc_3339() {
        let t = parse("2026-10-01T10:00:00.25+08:00").unwrap();
        assert_eq!(show_utc(t), "2026-10-01T02:00:00.25Z");
        let zone = TimeZone::get("Asia/Kolkata").unwrap();
        assert_eq!(show_in(t, &zone), "2026-10-01T07:30:00.25+05:30");
        assert_eq!(parse("1969-12-31T23:59:59.9999999Z"), Ok(-1));
    }

    #[test]
    fn local_mean_time_is_shown_in_utc() {
        let t = parse("1890-01-01T00:00:00Z").unwrap();
        assert_eq!(
            show_in(t, &TimeZone::get("Asia/Shanghai").unwrap()),
            "1890-01-01T00:00:00Z"
        );
    }

    #[test]
    fn bad_instants_are_named() {
        for (text, part) in [
            ("2026-10-01T10:00:00", "no offset"),
            ("2026-10-01", "no offset"),
            ("tomorrow", "not an instant"),
            ("2026-13-01T10:00:00Z", "not an instant"),
            ("2026-02-29T10:00:00Z", "not an instant"),
            ("", "not an instant"),
            ("2400-01-01T00:00:00Z", "outside the years"),
            ("1799-12-31T23:59:59Z", "outside the years"),
            ("9999-12-30T00:00:00Z", "outside the years"),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(fault.wrong.contains(part), "{text}: {fault}");
        }
    }
}
