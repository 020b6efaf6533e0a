//! Calendar invitations (iCalendar in mail, RFC 5545/5546): the few facts a reader needs.

use crate::model::Invite;

/// Reads the first event of a calendar; `None` if there is none.
pub fn read(text: &str, method_hint: &str) -> Option<Invite> {
    let mut out = Invite { method: method_hint.to_ascii_uppercase(), ..Invite::default() };
    let mut in_event = false;
    let mut depth = 0;
    let mut seen = false;
    for line in unfold(text).take(20_000) {
        let Some((head, value)) = split_property(&line) else { continue };
        let mut parts = head.split(';');
        let name = parts.next().unwrap_or("").to_ascii_uppercase();
        let params: Vec<&str> = parts.collect();
        match (name.as_str(), value.trim().to_ascii_uppercase().as_str()) {
            ("BEGIN", "VEVENT") if !seen => {
                (in_event, seen, depth) = (true, true, 0);
                continue;
            }
            ("BEGIN", _) if in_event => depth += 1,
            ("END", "VEVENT") if depth == 0 => in_event = false,
            ("END", _) if in_event => depth -= 1,
            ("METHOD", m) if out.method.is_empty() => out.method = m.to_owned(),
            _ => {}
        }
        if !in_event || depth != 0 {
            continue;
        }
        match name.as_str() {
            "SUMMARY" => out.summary = plain(value),
            "LOCATION" => out.location = plain(value),
            "UID" => out.uid = value.trim().to_owned(),
            "DTSTART" => out.start = when(value, &params),
            "DTEND" => out.end = when(value, &params),
            "ORGANIZER" => out.organizer = person(value, &params),
            _ => {}
        }
    }
    seen.then_some(out)
}

/// One readable line for a mail whose body is otherwise empty.
pub fn describe(i: &Invite) -> String {
    let verb = match i.method.as_str() {
        "CANCEL" => "会议取消 Meeting cancelled",
        "REPLY" => "会议答复 Meeting reply",
        "COUNTER" => "会议改期提议 New time proposed",
        _ => "会议邀请 Meeting invitation",
    };
    let mut out = format!("{verb}: {}", i.summary);
    let mut add = |label: &str, v: &str| {
        if !v.is_empty() {
            out.push_str(&format!("\n{label}: {v}"));
        }
    };
    let span = if i.end.is_empty() { i.start.clone() } else { format!("{} – {}", i.start, i.end) };
    add("时间 When", &span);
    add("地点 Where", &i.location);
    add("组织者 Organizer", &i.organizer);
    out
}

fn unfold(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut lines = text.split('\n').map(|l| l.trim_end_matches('\r')).peekable();
    std::iter::from_fn(move || {
        let mut line = lines.next()?.to_owned();
        while line.len() < 100_000 {
            match lines.next_if(|n| n.starts_with([' ', '\t'])) {
                Some(more) => line.push_str(&more[1..]),
                None => break,
            }
        }
        Some(line)
    })
}

/// Splits at the first colon outside quotes.
fn split_property(line: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    for (i, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ':' if !quoted => return Some((&line[..i], &line[i + 1..])),
            _ => {}
        }
    }
    None
}

fn plain(v: &str) -> String {
    let mut out = String::new();
    let mut it = v.trim().chars();
    while let Some(c) = it.next() {
        match c {
            '\\' => match it.next() {
                Some('n' | 'N') => out.push(' '),
                Some(c) => out.push(c),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}

fn when(v: &str, params: &[&str]) -> String {
    let v = v.trim();
    let zone = params.iter().find_map(|p| p.split_once('=').filter(|(k, _)| k.eq_ignore_ascii_case("TZID")).map(|(_, z)| z.trim_matches('"')));
    let digits = |a: usize, b: usize| v.get(a..b).filter(|s| s.bytes().all(|c| c.is_ascii_digit()));
    let (Some(y), Some(m), Some(d)) = (digits(0, 4), digits(4, 6), digits(6, 8)) else { return v.to_owned() };
    let (Some(h), Some(mi)) = (digits(9, 11), digits(11, 13)) else { return format!("{y}-{m}-{d}") };
    let s = digits(13, 15).unwrap_or("00");
    if v.ends_with('Z') {
        return format!("{y}-{m}-{d}T{h}:{mi}:{s}Z");
    }
    match zone {
        Some(z) => format!("{y}-{m}-{d} {h}:{mi} {z}"),
        None => format!("{y}-{m}-{d} {h}:{mi}"),
    }
}

fn person(v: &str, params: &[&str]) -> String {
    let v = v.trim();
    let address = v.get(..7).filter(|p| p.eq_ignore_ascii_case("mailto:")).map_or(v, |_| &v[7..]);
    let name = params.iter().find_map(|p| p.split_once('=').filter(|(k, _)| k.eq_ignore_ascii_case("CN")).map(|(_, n)| n.trim_matches('"')));
    match name {
        Some(n) if !n.is_empty() && n != address => format!("{n} <{address}>"),
        _ => address.to_owned(),
    }
}
