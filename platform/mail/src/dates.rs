//! Dates of mails: RFC 5322, its ancestors, and what broken programs write instead. Result in UTC.

use jiff::civil;
use jiff::tz::TimeZone;

/// A date as RFC 3339 in UTC, and whether something had to be guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailDate {
    pub utc: String,
    pub guessed: Option<&'static str>,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Parses a date header. `None` when no day can be made of it.
pub fn parse(s: &str) -> Option<MailDate> {
    let s = without_comments(s);
    let s: String = s.chars().map(|c| if matches!(c, '年' | '月' | '/' | '，') { ' ' } else if c == '：' { ':' } else { c }).collect();
    let s = tight_colons(&s);
    let s = s.replace('日', " ").replace("上午", " am ").replace("下午", " pm ").replace("晚上", " pm ");
    let mut year: Option<i32> = None;
    let mut month: Option<u32> = None;
    let mut day: Option<u32> = None;
    let mut time: Option<(u32, u32, u32)> = None;
    let mut offset: Option<i32> = None;
    let mut zone_unclear = false;
    let mut pm: Option<bool> = None;
    let mut numbers: Vec<(u32, usize)> = Vec::new();
    let cleaned = s.replace(',', " ");
    for raw in cleaned.split_whitespace() {
        let mut t = raw.trim_matches(['.', '"', '\'', ';']);
        if t.is_empty() {
            continue;
        }
        // ISO 8601: 2026-11-21T09:15:00.123+08:00
        if let Some((d, rest)) = t.split_once(['T', 't']) {
            if let (Some(ymd), true) = (iso_date(d), rest.contains(':')) {
                (year, month, day) = (Some(ymd.0), Some(ymd.1), Some(ymd.2));
                t = rest;
            }
        } else if let Some(ymd) = iso_date(t) {
            (year, month, day) = (Some(ymd.0), Some(ymd.1), Some(ymd.2));
            continue;
        }
        // 21-Nov-2026
        let dashed: Vec<&str> = t.split('-').collect();
        if let [d, m, y] = dashed.as_slice() {
            if let (Ok(d), Some(m), Ok(y)) = (d.parse(), month_of(m), y.parse::<u32>()) {
                (day, month) = (Some(d), Some(m));
                year = Some(full_year(y, dashed[2].len()));
                continue;
            }
        }
        if t.contains(':') && t.as_bytes()[0].is_ascii_digit() {
            let (clock, zone) = split_clock(t);
            if time.is_none() {
                time = clock_of(clock);
            }
            let zone = zone.trim();
            if let Some(low) = Some(zone.to_ascii_lowercase()).filter(|z| z == "am" || z == "pm") {
                pm = Some(low == "pm");
            } else if !zone.is_empty() {
                match zone_of(zone) {
                    Some(o) => offset = Some(o),
                    None => zone_unclear = true,
                }
            }
            continue;
        }
        let low = t.to_ascii_lowercase();
        if low == "am" || low == "pm" {
            pm = Some(low == "pm");
        } else if let Some(m) = month_of(&low) {
            month = month.or(Some(m));
        } else if (t.starts_with(['+', '-'])) && t[1..].starts_with(|c: char| c.is_ascii_digit()) {
            match zone_of(t) {
                Some(o) => offset = offset.or(Some(o)),
                None => zone_unclear = true,
            }
        } else if t.bytes().all(|b| b.is_ascii_digit()) && t.len() <= 4 {
            // `+0800` that lost its sign, after the clock.
            if time.is_some() && t.len() == 4 && year.is_some() | numbers.iter().any(|n| n.1 == 4) {
                offset = offset.or(zone_of(&format!("+{t}")));
            } else {
                numbers.push((t.parse().unwrap_or(0), t.len()));
            }
        } else if time.is_some() || day.is_some() || !numbers.is_empty() {
            match zone_of(t) {
                Some(o) => offset = offset.or(Some(o)),
                None if low.len() <= 5 && t.chars().all(|c| c.is_ascii_alphabetic()) && !is_weekday(&low) => zone_unclear = true,
                None => {}
            }
        }
    }
    // Loose numbers: year where it can only be the year, the rest in the order the pieces are missing.
    let mut rest = Vec::new();
    for (n, len) in numbers {
        if year.is_none() && (len == 4 || n > 31) {
            year = Some(full_year(n, len));
            // 2026 11 21: month and day follow the year.
            if rest.is_empty() && month.is_none() && day.is_none() {
                rest.push((0, 9));
            }
        } else {
            rest.push((n, len));
        }
    }
    let year_first = rest.first() == Some(&(0, 9));
    if year_first {
        rest.remove(0);
    }
    let mut rest = rest.into_iter();
    if month.is_some() {
        if day.is_none() {
            day = rest.next().map(|n| n.0);
        }
        if year.is_none() {
            year = rest.next().map(|(n, len)| full_year(n, len));
        }
    } else if year_first {
        month = rest.next().map(|n| n.0);
        day = rest.next().map(|n| n.0);
    } else {
        // 12/21/2026 against 21/12/2026: a number above 12 decides; else month first, as the programs that write slashes do.
        let a = rest.next().map(|n| n.0)?;
        let b = rest.next().map(|n| n.0)?;
        if year.is_none() {
            year = rest.next().map(|(n, len)| full_year(n, len));
        }
        (month, day) = if a > 12 { (Some(b), Some(a)) } else { (Some(a), Some(b)) };
    }
    let (mut h, mi, mut sec) = time.unwrap_or((0, 0, 0));
    match pm {
        Some(true) if h < 12 => h += 12,
        Some(false) if h == 12 => h = 0,
        _ => {}
    }
    // Leap seconds are written, but no clock shows them.
    sec = sec.min(59);
    let y = i16::try_from(year?).ok().filter(|y| (1900..=9998).contains(y))?;
    let date = civil::Date::new(y, i8::try_from(month?).ok()?, i8::try_from(day?).ok()?).ok()?;
    let clock = civil::Time::new(i8::try_from(h).ok()?, i8::try_from(mi).ok()?, i8::try_from(sec).ok()?, 0).ok()?;
    let stamp = civil::DateTime::from_parts(date, clock).to_zoned(TimeZone::UTC).ok()?.timestamp();
    let stamp = stamp.checked_sub(jiff::SignedDuration::from_secs(i64::from(offset.unwrap_or(0)))).ok()?;
    let guessed = if time.is_none() {
        Some("no time of day")
    } else if offset.is_none() && zone_unclear {
        Some("unknown time zone taken as UTC")
    } else if offset.is_none() {
        Some("no time zone, taken as UTC")
    } else {
        None
    };
    Some(MailDate { utc: stamp.to_string(), guessed })
}

/// `9: 55 : 06` without its blanks.
fn tight_colons(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut rest = s;
    while let Some(i) = rest.find(':') {
        let head = rest[..i].trim_end();
        out.push_str(if head.ends_with(|c: char| c.is_ascii_digit()) { head } else { &rest[..i] });
        out.push(':');
        let tail = &rest[i + 1..];
        let next = tail.trim_start();
        rest = if next.starts_with(|c: char| c.is_ascii_digit()) { next } else { tail };
    }
    out.push_str(rest);
    out
}

fn without_comments(s: &str) -> String {
    let mut depth = 0;
    s.chars()
        .filter(|&c| match c {
            '(' => {
                depth += 1;
                false
            }
            ')' => {
                depth = (depth - 1).max(0);
                false
            }
            _ => depth == 0,
        })
        .collect()
}

fn iso_date(s: &str) -> Option<(i32, u32, u32)> {
    let p: Vec<&str> = s.split(['-', '.']).collect();
    let [y, m, d] = p.as_slice() else { return None };
    let num = |t: &str| t.bytes().all(|b| b.is_ascii_digit()) && !t.is_empty();
    if !(num(y) && num(m) && num(d)) {
        return None;
    }
    if y.len() == 4 {
        return Some((y.parse().ok()?, m.parse().ok()?, d.parse().ok()?));
    }
    // 21.11.2026
    (d.len() == 4).then_some(())?;
    Some((d.parse().ok()?, m.parse().ok()?, y.parse().ok()?))
}

fn full_year(n: u32, len: usize) -> i32 {
    let n = n as i32;
    match len {
        0..=2 if n < 50 => 2000 + n,
        0..=2 => 1900 + n,
        3 => 1900 + n,
        _ => n,
    }
}

fn month_of(s: &str) -> Option<u32> {
    let low = s.to_ascii_lowercase();
    let head = low.get(..3)?;
    low.chars().all(|c| c.is_ascii_alphabetic()).then_some(())?;
    MONTHS.iter().position(|m| *m == head).map(|i| i as u32 + 1)
}

fn is_weekday(low: &str) -> bool {
    ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].iter().any(|d| low.starts_with(d))
}

/// `09:15:00+0800` → clock and zone.
fn split_clock(t: &str) -> (&str, &str) {
    let at = t.find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.')).unwrap_or(t.len());
    t.split_at(at)
}

fn clock_of(s: &str) -> Option<(u32, u32, u32)> {
    let mut p = s.split(':');
    let h = p.next()?.parse().ok()?;
    let m = p.next()?.parse().ok()?;
    let sec = p.next().map_or(Some(0), |x| x.split('.').next().unwrap_or("0").parse().ok())?;
    (h < 24 && m < 60 && sec <= 60).then_some((h, m, sec))
}

/// Seconds east of UTC.
fn zone_of(z: &str) -> Option<i32> {
    let z = z.trim();
    let low = z.to_ascii_lowercase();
    let low = low.strip_prefix("gmt").or_else(|| low.strip_prefix("utc")).filter(|r| r.starts_with(['+', '-'])).unwrap_or(&low);
    let hours = |h: i32| Some(h * 3600);
    match low {
        "z" | "ut" | "utc" | "gmt" => return Some(0),
        "est" => return hours(-5),
        "edt" => return hours(-4),
        "cst" => return hours(-6),
        "cdt" => return hours(-5),
        "mst" => return hours(-7),
        "mdt" => return hours(-6),
        "pst" => return hours(-8),
        "pdt" => return hours(-7),
        "cet" | "met" | "bst" | "mez" => return hours(1),
        "cest" | "mest" | "eet" | "mesz" => return hours(2),
        "eest" | "msk" => return hours(3),
        "jst" | "kst" => return hours(9),
        "hkt" | "sgt" | "awst" => return hours(8),
        "aest" => return hours(10),
        _ => {}
    }
    let sign = match low.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = low[1..].chars().filter(char::is_ascii_digit).collect();
    if low[1..].chars().any(|c| !c.is_ascii_digit() && c != ':') {
        return None;
    }
    let (h, m) = match digits.len() {
        1 | 2 => (digits.parse::<i32>().ok()?, 0),
        3 => (digits[..1].parse().ok()?, digits[1..].parse().ok()?),
        4 => (digits[..2].parse().ok()?, digits[2..].parse().ok()?),
        _ => return None,
    };
    (h <= 15 && m < 60).then_some(sign * (h * 3600 + m * 60))
}

/// Date in the newest `Received` header: after its last semicolon.
pub fn from_received(value: &str) -> Option<MailDate> {
    let (_, date) = value.rsplit_once(';')?;
    parse(date)
}
