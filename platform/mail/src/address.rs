//! Address lists as they are really written: groups, comments, encoded words, missing brackets, `mailto:`.

use crate::model::Address;
use crate::words::{self, decode_words, tidy};

/// More addresses than this in one header are counted but not kept.
pub const MOST: usize = 20_000;

/// Parses one header value (raw bytes); `hint` is the body's charset for unlabelled 8-bit names. The second value counts
/// what stands there beyond [`MOST`].
pub fn parse_list(raw: &[u8], hint: &str, problems: &mut Vec<String>) -> (Vec<Address>, usize) {
    let text = words::raw_text_of(raw, MOST_BYTES, hint, problems);
    let mut out = List::default();
    parse_text(&text, hint, problems, &mut out, true);
    let beyond = raw.get(MOST_BYTES..).unwrap_or_default().iter().filter(|b| **b == b'@').count();
    (out.kept, out.more + beyond)
}

/// Lists of recipients may be longer than other headers; beyond this they are only counted.
const MOST_BYTES: usize = 2 << 20;

#[derive(Default)]
struct List {
    kept: Vec<Address>,
    more: usize,
}

#[derive(Default)]
struct One {
    /// Words outside brackets and comments; quoted strings are already unquoted.
    phrase: String,
    /// The part of the phrase that may hold an address (not from quoted strings).
    bare: String,
    quoted: bool,
    angle: Option<String>,
    comments: Vec<String>,
}

fn parse_text(text: &str, hint: &str, problems: &mut Vec<String>, out: &mut List, again: bool) {
    let chars: Vec<char> = text.chars().collect();
    let mut one = One::default();
    let mut pos = 0;
    // Found once: searching for them at every opening would take quadratic time.
    let last_close = chars.iter().rposition(|&c| c == '>').unwrap_or(0);
    while pos < chars.len() {
        let c = chars[pos];
        match c {
            '"' => match closing_quote(&chars, pos) {
                Some(end) => {
                    let inner = unescape(&chars[pos + 1..end]);
                    // "a"b@x: a quoted local part belongs to the address.
                    let local_part = chars.get(end + 1) == Some(&'@');
                    if local_part {
                        one.phrase.push_str(&format!("\"{inner}\""));
                        one.bare.push_str(&format!("\"{inner}\""));
                    } else {
                        one.phrase.push_str(&inner);
                        one.quoted = true;
                    }
                    pos = end;
                }
                None => one.phrase.push(' '),
            },
            '(' => {
                let (comment, end) = comment(&chars, pos);
                if !comment.trim().is_empty() {
                    one.comments.push(comment);
                }
                one.phrase.push(' ');
                one.bare.push(' ');
                pos = end;
            }
            '<' if one.angle.is_none() => {
                let (inner, end) = angle(&chars, pos, last_close > pos);
                one.angle = Some(inner);
                pos = end;
            }
            // Full-width marks only after a bracket: they occur in names.
            '，' | '；' | '、' if one.angle.is_some() => flush(&mut one, hint, problems, out, again),
            ',' | ';' => flush(&mut one, hint, problems, out, again),
            ':' if one.angle.is_none() && !one.bare.contains('@') => {
                // `Group name:` or `mailto:`; either way what stands before is no address.
                one = One::default();
            }
            '=' if chars.get(pos + 1) == Some(&'?') => {
                let rest: String = chars[pos..].iter().take(8_192).collect();
                match words::word_len(&rest) {
                    Some(len) => {
                        let word = &rest[..len];
                        one.phrase.push_str(word);
                        one.bare.push_str(word);
                        pos += word.chars().count() - 1;
                    }
                    None => {
                        one.phrase.push(c);
                        one.bare.push(c);
                    }
                }
            }
            c => {
                one.phrase.push(c);
                one.bare.push(c);
            }
        }
        pos += 1;
    }
    flush(&mut one, hint, problems, out, again);
}

/// Offset of the quote that closes the one at `pos`.
fn closing_quote(chars: &[char], pos: usize) -> Option<usize> {
    let mut i = pos + 1;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 1,
            '"' => return Some(i),
            _ => {}
        }
        i += 1;
    }
    None
}

fn unescape(chars: &[char]) -> String {
    let mut out = String::new();
    let mut it = chars.iter().peekable();
    while let Some(&c) = it.next() {
        if c == '\\' && it.peek().is_some() {
            out.extend(it.next());
        } else {
            out.push(c);
        }
    }
    out
}

/// A comment with its nested ones, and the offset of its closing parenthesis.
fn comment(chars: &[char], pos: usize) -> (String, usize) {
    let mut depth = 0;
    let mut out = String::new();
    let mut i = pos;
    while i < chars.len() {
        match chars[i] {
            '\\' if i + 1 < chars.len() => {
                i += 1;
                out.push(chars[i]);
            }
            '(' => {
                if depth > 0 {
                    out.push('(');
                }
                depth += 1;
            }
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return (out, i);
                }
                out.push(')');
            }
            c => out.push(c),
        }
        i += 1;
    }
    (out, chars.len())
}

/// What stands between `<` and `>`; an unclosed bracket ends at a comma.
fn angle(chars: &[char], pos: usize, closed: bool) -> (String, usize) {
    let mut out = String::new();
    let mut i = pos + 1;
    while i < chars.len() {
        match chars[i] {
            '>' => {
                // `<<a@b>>`
                while chars.get(i + 1) == Some(&'>') {
                    i += 1;
                }
                return (out, i);
            }
            '<' => out.clear(),
            '(' => i = comment(chars, i).1,
            ',' | ';' if !closed => return (out, i - 1),
            '"' => match closing_quote(chars, i) {
                Some(end) => {
                    out.extend(&chars[i..=end]);
                    i = end;
                }
                None => {}
            },
            c => out.push(c),
        }
        i += 1;
    }
    (out, chars.len())
}

/// An address without white space, `mailto:` and source route.
fn clean_address(s: &str) -> String {
    let s: String = s.chars().filter(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{feff}')).collect();
    let s = strip_mailto(&s);
    // <@relay,@relay2:joe@example.org>
    let s = if s.starts_with('@') { s.rsplit_once(':').map_or(s, |(_, a)| a) } else { s };
    s.trim_matches(['<', '>', ',', ';']).to_owned()
}

fn strip_mailto(s: &str) -> &str {
    match s.get(..7) {
        Some(p) if p.eq_ignore_ascii_case("mailto:") => &s[7..],
        _ => s,
    }
}

fn one_word(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for w in s.split_whitespace() {
        let joins = w.starts_with(['.', '@']) || out.ends_with(['.', '@']);
        if !joins && !out.is_empty() {
            return s.to_owned();
        }
        out.push_str(w);
    }
    out
}

fn spaced(s: &str) -> String {
    s.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn flush(one: &mut One, hint: &str, problems: &mut Vec<String>, out: &mut List, again: bool) {
    let one = std::mem::take(one);
    if out.kept.len() >= MOST {
        out.more += usize::from(one.angle.is_some() || !one.bare.trim().is_empty());
        return;
    }
    let comments: Vec<String> = one.comments.iter().map(|c| tidy(&spaced(&decode_words(c, hint, problems)))).collect();
    // Name pieces: quoted strings stay as they are, folded white space in between becomes one space.
    let mut name = tidy(&spaced(&decode_words(&one.phrase, hint, problems)));
    let address;
    if let Some(inner) = &one.angle {
        let inner = if inner.contains("=?") { decode_words(inner, hint, problems) } else { inner.clone() };
        address = clean_address(&inner);
        if !comments.is_empty() {
            let c = comments.join(" ");
            name = if name.is_empty() { c } else { format!("{name} ({c})") };
        }
    } else {
        // A header encoded as a whole: the brackets are inside the encoded word.
        if again && one.phrase.contains("=?") && name.contains('@') && (name.contains('<') || name.contains(',')) {
            parse_text(&name, hint, problems, out, false);
            return;
        }
        let text = one.bare.trim();
        if text.is_empty() && name.is_empty() {
            return;
        }
        let bare = if text.contains("=?") { decode_words(text, hint, problems) } else { text.to_owned() };
        if bare.contains('@') {
            // `jdoe@test   . example`: white space around the marks, as the old syntax allowed, if that makes one word of it.
            let bare = one_word(&bare);
            let tokens: Vec<&str> = bare.split_whitespace().collect();
            match tokens.iter().position(|t| t.contains('@') && t.len() > 2 && !t.starts_with('@') && !t.ends_with('@')) {
                // `Name name@example.com` without brackets.
                Some(i) => {
                    address = clean_address(tokens[i]);
                    let words: Vec<&str> = name.split_whitespace().filter(|w| *w != tokens[i]).collect();
                    name = if tokens.len() == 1 { String::new() } else { words.join(" ") };
                }
                // `name @ example . com`
                None => {
                    address = clean_address(&bare);
                    name.clear();
                }
            }
            if name.is_empty() {
                name = comments.join(" ");
            }
        } else if !one.quoted && !name.contains(' ') && name.is_ascii() {
            // A local name such as `root`.
            address = clean_address(&name);
            name = comments.join(" ");
        } else {
            address = String::new();
        }
    }
    if name.is_empty() && address.is_empty() {
        return;
    }
    if !address.contains('@') && !address.is_empty() || address.is_empty() {
        let shown = if address.is_empty() { &name } else { &address };
        let shown: String = shown.chars().take(80).collect();
        problems.push(format!("{shown:?} is not a complete address"));
    }
    out.kept.push(Address { name, address });
}

/// Message ids in a header: what stands in angle brackets, else bare words with an `@`, in order, without doubles.
pub fn ids(raw: &[u8]) -> Vec<String> {
    let raw = &raw[..raw.len().min(64 << 10)];
    let text = String::from_utf8_lossy(raw);
    let mut out: Vec<String> = Vec::new();
    let mut push = |s: &str| {
        let id: String = s.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
        if !id.is_empty() && !out.contains(&id) && out.len() < 1_000 {
            out.push(id);
        }
    };
    if text.contains('<') {
        let mut rest = text.as_ref();
        while let Some(a) = rest.find('<') {
            let after = &rest[a + 1..];
            let Some(b) = after.find(['>', '<']) else {
                push(after);
                break;
            };
            push(&after[..b]);
            rest = if after[b..].starts_with('<') { &after[b..] } else { &after[b + 1..] };
        }
    } else {
        let tokens: Vec<&str> = text.split([' ', '\t', '\r', '\n', ',']).filter(|t| !t.is_empty()).collect();
        match tokens.as_slice() {
            [one] => push(one.trim_matches(['>', '"'])),
            many => many.iter().filter(|t| t.contains('@')).for_each(|t| push(t.trim_matches(['>', '"', '(', ')']))),
        }
    }
    out
}
