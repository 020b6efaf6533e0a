//! Text into tokens with their places.

use serde_json::Value;

use crate::condition::Fault;

/// A token and the bytes it takes up.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Open,
    Close,
    Comma,
    /// `=` `!=` `<` `<=` `>` `>=`.
    Sign(&'static str),
    /// A bare word or number.
    Word(String),
    /// A text in quotes.
    Quoted(String),
    /// A field's name in back-ticks.
    Ticked(String),
    /// What follows the word `json`.
    Json(Value),
    End,
}

const SIGNS: [(&str, &str); 16] = [
    ("!=", "!="),
    ("<>", "!="),
    ("<=", "<="),
    (">=", ">="),
    ("==", "="),
    ("=", "="),
    ("<", "<"),
    (">", ">"),
    ("≠", "!="),
    ("≤", "<="),
    ("≥", ">="),
    ("＝", "="),
    ("＜", "<"),
    ("＞", ">"),
    ("！＝", "!="),
    ("!", "!"),
];

/// Characters that end a bare word.
pub(super) fn ends_word(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "()（）,，、\"“”'‘’「」`#[]{}!！=<>≠≤≥＝＜＞\u{feff}".contains(c)
}

/// Line and column, both from 1, of a byte.
pub(super) fn place(text: &str, at: usize) -> (u32, u32) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// A fault at a byte of the text.
pub(super) fn fault_at(text: &str, at: usize, wrong: impl Into<String>, right: impl Into<String>) -> Fault {
    let (line, column) = place(text, at);
    Fault { line: Some(line), column: Some(column), ..Fault::new("", wrong, right) }
}

/// Every token, the end last.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let mut out: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let start = at;
        let rest = &text[at..];
        let mut kind = None;
        match c {
            _ if c.is_whitespace() || c == '\u{feff}' => at += c.len_utf8(),
            '#' => at += rest.find('\n').unwrap_or(rest.len()),
            '(' | '（' => (at, kind) = (at + c.len_utf8(), Some(Kind::Open)),
            ')' | '）' => (at, kind) = (at + c.len_utf8(), Some(Kind::Close)),
            ',' | '，' | '、' => (at, kind) = (at + c.len_utf8(), Some(Kind::Comma)),
            '"' => {
                let (read, length) = escaped(text, start)?;
                (at, kind) = (at + length, Some(Kind::Quoted(read)));
            }
            '\'' | '“' | '‘' | '「' | '`' => {
                let close = match c {
                    '“' => '”',
                    '‘' => '’',
                    '「' => '」',
                    same => same,
                };
                let inside = &rest[c.len_utf8()..];
                let Some(length) = inside.find(close) else {
                    return Err(fault_at(text, start, format!("the text that begins with {c} has no end"), format!("close it with {close}")));
                };
                let read = inside[..length].to_owned();
                at += c.len_utf8() + length + close.len_utf8();
                kind = Some(if c == '`' { Kind::Ticked(read) } else { Kind::Quoted(read) });
            }
            _ => match SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
                Some((_, "!")) => return Err(fault_at(text, start, "a lone `!`", "`!=` for unlike, `not` before a condition")),
                Some((sign, meaning)) => (at, kind) = (at + sign.len(), Some(Kind::Sign(meaning))),
                None if ends_word(c) => return Err(fault_at(text, start, format!("`{}` has no meaning here", c.escape_debug()), "texts go in \"quotes\", lists in (parentheses)")),
                None => {
                    let length = rest.find(ends_word).unwrap_or(rest.len());
                    at += length;
                    let word = &rest[..length];
                    kind = Some(Kind::Word(word.to_owned()));
                    if word == "json" {
                        if let Some((value, length)) = literal(&text[at..]) {
                            at += length;
                            kind = Some(Kind::Json(value));
                        }
                    }
                }
            },
        }
        if let Some(kind) = kind {
            out.push(Token { kind, start, end: at });
        }
    }
    out.push(Token { kind: Kind::End, start: text.len(), end: text.len() });
    Ok(out)
}

/// The JSON value a text begins with, and the bytes up to its end.
fn literal(text: &str) -> Option<(Value, usize)> {
    let rest = text.trim_start();
    let blank = text.len() - rest.len();
    if rest.starts_with(['[', '{', '"']) {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let value = values.next()?.ok()?;
        return Some((value, blank + values.byte_offset()));
    }
    let length = rest.find(ends_word).unwrap_or(rest.len());
    Some((serde_json::from_str(&rest[..length]).ok()?, blank + length))
}

/// A text in double quotes with JSON's escapes, and the bytes it takes up.
fn escaped(text: &str, start: usize) -> Result<(String, usize), Fault> {
    let bytes = &text.as_bytes()[start..];
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' && bytes[at] != b'\n' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    if bytes.get(at) != Some(&b'"') {
        return Err(fault_at(text, start, "the text in quotes has no end on its line", "close it with \"; a line break inside is written \\n"));
    }
    let length = at + 1;
    match text.get(start..start + length).map(serde_json::from_str::<String>) {
        Some(Ok(read)) => Ok((read, length)),
        _ => Err(fault_at(text, start, "the text in quotes holds a bad escape", "\\\" \\\\ \\n \\t \\u00e9; or single quotes, where nothing is escaped")),
    }
}
