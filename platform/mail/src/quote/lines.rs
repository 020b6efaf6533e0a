//! Lines with their quote depth, and small tests on them.

/// A line of a text.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    pub start: usize,
    pub end: usize,
    /// Start of the next line.
    pub next: usize,
    pub text: &'a str,
    /// Number of `>` marks in front.
    pub depth: usize,
}

/// Splits a text.
pub fn split(text: &str) -> Vec<Line<'_>> {
    let mut out = Vec::new();
    let mut start = 0;
    for piece in text.split_inclusive('\n') {
        let body = piece.strip_suffix('\n').unwrap_or(piece);
        let line = body.strip_suffix('\r').unwrap_or(body);
        out.push(Line { start, end: start + line.len(), next: start + piece.len(), text: line, depth: depth(line) });
        start += piece.len();
    }
    out
}

/// `>`, `> >`, `｜`-less: the marks in front of a quoted line. A lone `>word` without blank counts, `>>>` faces do too.
fn depth(line: &str) -> usize {
    let mut n = 0;
    let t = line.trim_start_matches([' ', '\u{a0}']);
    // A deep indentation is code, not a quote.
    if line.len() - t.len() > 3 {
        return 0;
    }
    for c in t.chars() {
        match c {
            '>' | '＞' => n += 1,
            ' ' => {}
            _ => break,
        }
    }
    n
}

/// Nothing but dashes, underscores, equals signs or asterisks (at least two).
pub fn is_rule(t: &str) -> bool {
    t.chars().count() >= 2 && t.chars().all(|c| matches!(c, '-' | '_' | '=' | '*' | '—' | '–' | '─' | '━' | '－' | '＿' | '―' | ' ')) && t.chars().any(|c| c != ' ')
}

/// A line as compared: no bold marks, no outer blanks, ordinary blanks inside.
/// Only the beginning of very long lines: nothing folded is that long.
pub fn plain(t: &str) -> String {
    let t = t[..t.floor_char_boundary(2_000)].replace(['\u{a0}', '\u{3000}', '\t'], " ").replace(['\u{200e}', '\u{200f}', '\u{202a}', '\u{202c}'], "");
    let t = t.trim();
    let t = t.replace('*', "");
    t.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Contains `x@y`.
pub fn has_email(t: &str) -> bool {
    t.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | '"' | ',' | ';' | ':' | '：' | '＜' | '＞')).any(|w| {
        w.split_once('@').is_some_and(|(a, b)| !a.is_empty() && b.contains('.') && b.len() > 2) || w.split_once('@').is_some_and(|(a, b)| !a.is_empty() && b.len() > 1 && !b.contains('@'))
    })
}

/// Contains a day or time: a number with a month's name, `12/31`, `2026-01`, `2026年`, `10:15`, `klo 17.50`.
pub fn has_date(t: &str) -> bool {
    let low = t.to_lowercase();
    if has_clock(&low) || low.contains('年') || low.contains('月') && low.contains('日') {
        return low.chars().any(|c| c.is_ascii_digit());
    }
    let groups: Vec<&str> = low.split(|c: char| !(c.is_ascii_digit() || matches!(c, '/' | '-' | '.'))).filter(|g| !g.is_empty()).collect();
    let numeric = groups.iter().any(|g| {
        let parts: Vec<&str> = g.split(['/', '-', '.']).filter(|p| !p.is_empty()).collect();
        parts.len() >= 3 && parts.iter().all(|p| p.len() <= 4 && p.bytes().all(|b| b.is_ascii_digit()))
    });
    let any_digit = low.chars().any(|c| c.is_ascii_digit());
    numeric || any_digit && MONTHS.iter().any(|m| word_starts(&low, m))
}

/// Beginnings of month names in the languages mail programs speak.
const MONTHS: [&str; 66] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "janv", "fév", "févr", "avr", "mai", "juin", "juil", "août", "déc", "okt", "dez", "märz", "ene", "abr",
    "ago", "dic", "gen", "mag", "giu", "lug", "set", "ott", "fev", "out", "maj", "mei", "maa", "des", "янв", "фев", "мар", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек", "sty",
    "lut", "kwi", "cze", "lip", "sie", "wrz", "paź", "lis", "gru", "dnia", "grudnia", "lokakuu", "kuuta",
];

fn word_starts(low: &str, prefix: &str) -> bool {
    low.split(|c: char| !c.is_alphabetic()).any(|w| w.starts_with(prefix) || (prefix == "kuuta" && w.contains("kuuta")))
}

fn has_clock(low: &str) -> bool {
    let b: Vec<char> = low.chars().collect();
    (1..b.len().saturating_sub(2)).any(|i| {
        matches!(b[i], ':' | '：' | '.' | 'h') && b[i - 1].is_ascii_digit() && b[i + 1].is_ascii_digit() && b[i + 2].is_ascii_digit() && b.get(i + 3).is_none_or(|c| !c.is_ascii_digit() && *c != '.')
            && (b[i] != '.' || i >= 2 && (b[i - 2].is_ascii_digit() || b[i - 2] == ' '))
            && (i < 3 || b[i - 3] != '.' || b[i] == ':')
    })
}
