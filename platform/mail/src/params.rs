//! `Content-Type` and `Content-Disposition`: value, parameters, RFC 2231, and the file names people really send.

use crate::charset;
use crate::words;

/// A structured header value: main value in lower case, parameters in order with lower-case names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Structured {
    pub value: String,
    pub(crate) params: Vec<(String, String)>,
}

impl Structured {
    /// A parameter as written (quotes removed, not decoded).
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// A parameter, decoded: RFC 2231 parts joined and unescaped, else encoded words (forbidden there, sent everywhere),
    /// else percent escapes when the whole value is made of them.
    pub fn param(&self, name: &str, hint: &str) -> Option<String> {
        self.extended(name, hint).or_else(|| self.raw(name).map(|v| plain(v, hint)))
    }

    fn extended(&self, name: &str, hint: &str) -> Option<String> {
        // name*=charset'lang'text, name*0*=, name*0=, name*1…, in any order.
        let mut pieces: Vec<(u32, bool, &str)> = Vec::new();
        for (n, v) in &self.params {
            let Some(rest) = n.strip_prefix(name) else { continue };
            let Some(rest) = rest.strip_prefix('*') else { continue };
            if rest.is_empty() {
                pieces.push((0, true, v));
                continue;
            }
            let encoded = rest.ends_with('*');
            if let Ok(i) = rest.trim_end_matches('*').parse::<u32>() {
                pieces.push((i, encoded, v));
            }
        }
        if pieces.is_empty() {
            return None;
        }
        pieces.sort_by_key(|p| p.0);
        pieces.dedup_by_key(|p| p.0);
        let mut label = String::new();
        let mut bytes = Vec::new();
        for (i, (_, encoded, v)) in pieces.iter().enumerate() {
            let mut v = *v;
            if *encoded {
                if i == 0 && v.matches('\'').count() >= 2 {
                    let mut it = v.splitn(3, '\'');
                    label = it.next().unwrap_or("").to_owned();
                    it.next();
                    v = it.next().unwrap_or("");
                }
                bytes.extend(unescape(v));
            } else {
                bytes.extend_from_slice(v.as_bytes());
            }
        }
        let text = charset::decode(&bytes, &label, hint).text;
        // Some clients put encoded words inside the pieces.
        let text = words::decode_words(&text, hint, &mut Vec::new());
        Some(text)
    }
}

fn unescape(v: &str) -> Vec<u8> {
    let b = v.as_bytes();
    let mut out = Vec::with_capacity(b.len());
    let mut i = 0;
    while i < b.len() {
        let hex = |k: usize| b.get(k).and_then(|c| (*c as char).to_digit(16));
        if let (b'%', Some(hi), Some(lo)) = (b[i], hex(i + 1), hex(i + 2)) {
            out.push((hi << 4 | lo) as u8);
            i += 3;
        } else {
            out.push(b[i]);
            i += 1;
        }
    }
    out
}

fn plain(v: &str, hint: &str) -> String {
    if v.contains("=?") {
        return words::decode_words(v, hint, &mut Vec::new());
    }
    // filename="%E6%8A%A5%E4%BB%B7.xls": browsers' habit, taken over by web mailers. Only if it gives non-ASCII UTF-8.
    if v.matches('%').count() >= 3 && v.is_ascii() {
        let bytes = unescape(v);
        if !bytes.is_ascii() {
            if let Ok(s) = String::from_utf8(bytes) {
                return s;
            }
        }
    }
    v.to_owned()
}

/// Parses a structured value that already is text (8-bit bytes decoded).
pub fn parse(s: &str) -> Structured {
    let mut out = Structured::default();
    let chars: Vec<char> = s.chars().take(32_768).collect();
    let mut pos = 0;
    let mut first = true;
    while pos < chars.len() || first {
        let (token, next) = until_semicolon(&chars, pos);
        pos = next;
        if first {
            out.value = token.iter().collect::<String>().split_whitespace().collect::<String>().trim_matches(['"', '\'']).to_ascii_lowercase();
            first = false;
            // "text/plain charset=utf-8": a missing semicolon.
            if let Some(i) = out.value.find("charset=") {
                out.params.push(("charset".into(), out.value[i + 8..].trim_matches('"').to_owned()));
                out.value.truncate(i);
            }
            // "filename=x" as the first item means that the value was forgotten.
            if out.value.contains('=') {
                out.value.clear();
                add(&mut out, &token);
            }
            continue;
        }
        add(&mut out, &token);
    }
    out
}

fn add(out: &mut Structured, token: &[char]) {
    let Some(eq) = token.iter().position(|&c| c == '=') else { return };
    let name: String = token[..eq].iter().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    if name.is_empty() || name.starts_with('"') {
        return;
    }
    let value: String = token[eq + 1..].iter().collect();
    out.params.push((name, unquote(value.trim())));
}

/// Removes quotes and escapes. A backslash before anything but `"` or `\` stays: `C:\Users\…` is sent unescaped.
fn unquote(v: &str) -> String {
    let Some(inner) = v.strip_prefix('"') else {
        return v.to_owned();
    };
    let mut out = String::with_capacity(inner.len());
    let mut it = inner.chars().peekable();
    while let Some(c) = it.next() {
        match c {
            '\\' if matches!(it.peek(), Some('"' | '\\')) => out.extend(it.next()),
            '"' => {
                // White space after the closing quote is nothing; more text ("a"b.txt) is taken along.
                let rest: String = it.collect();
                if !rest.trim().is_empty() {
                    out.push_str(rest.trim().trim_matches('"'));
                }
                break;
            }
            c => out.push(c),
        }
    }
    out
}

/// Characters up to the next semicolon outside quotes, comments and encoded words; comments are dropped.
fn until_semicolon(chars: &[char], mut pos: usize) -> (Vec<char>, usize) {
    let mut token = Vec::new();
    let mut quoted = false;
    let mut depth = 0usize;
    let mut seen_eq = false;
    while pos < chars.len() {
        let c = chars[pos];
        if quoted {
            token.push(c);
            if c == '\\' && matches!(chars.get(pos + 1), Some('"' | '\\')) {
                token.push(chars[pos + 1]);
                pos += 1;
            } else if c == '"' {
                quoted = false;
            }
        } else if depth > 0 {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
        } else {
            match c {
                ';' => return (token, pos + 1),
                '"' if opens_quote(&token) && chars[pos + 1..].contains(&'"') => {
                    quoted = true;
                    token.push(c);
                }
                // A comment, except inside an unquoted value such as filename=报价(最终).doc
                '(' if !seen_eq || token.last().is_some_and(|c| c.is_whitespace()) && !value_started(&token) || trailing_comment(chars, pos) => depth = 1,
                '=' if chars.get(pos + 1) == Some(&'?') && value_follows(&token) => {
                    // An encoded word may hold semicolons.
                    let rest: String = chars[pos..].iter().take(8_192).collect();
                    match words::word_len(&rest) {
                        Some(len) => {
                            let n = rest[..len].chars().count();
                            token.extend_from_slice(&chars[pos..pos + n]);
                            pos += n;
                            continue;
                        }
                        None => token.push(c),
                    }
                }
                _ => {
                    seen_eq |= c == '=';
                    token.push(c);
                }
            }
        }
        pos += 1;
    }
    (token, pos)
}

fn opens_quote(token: &[char]) -> bool {
    token.iter().rev().find(|c| !c.is_whitespace()).is_none_or(|&c| c == '=')
}

fn value_started(token: &[char]) -> bool {
    token.iter().position(|&c| c == '=').is_some_and(|i| token[i + 1..].iter().any(|c| !c.is_whitespace()))
}

fn value_follows(token: &[char]) -> bool {
    token.contains(&'=')
}

/// `charset=us-ascii (Plain text)`: a parenthesis after white space that closes right before the end of the parameter.
fn trailing_comment(chars: &[char], pos: usize) -> bool {
    if pos == 0 || !chars[pos - 1].is_whitespace() {
        return false;
    }
    let Some(close) = chars[pos..].iter().position(|&c| c == ')') else { return false };
    chars[pos + close + 1..].iter().find(|c| !c.is_whitespace()).is_none_or(|&c| c == ';')
}

/// A file name fit to be shown and saved: no path, no control or direction characters, not too long.
pub fn clean_name(name: &str) -> String {
    let name = words::tidy(name);
    let base = name.rsplit(['/', '\\']).find(|s| !s.trim().is_empty()).unwrap_or("");
    let base: String = base
        .chars()
        .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\0'))
        .collect();
    let base = base.trim();
    if base == "." || base == ".." {
        return String::new();
    }
    if base.chars().count() <= 255 {
        return base.to_owned();
    }
    // Keep the extension when cutting.
    let ext: String = base.rsplit_once('.').map(|(_, e)| e).filter(|e| e.chars().count() <= 10).map(|e| format!(".{e}")).unwrap_or_default();
    let keep = 255 - ext.chars().count();
    base.chars().take(keep).collect::<String>() + &ext
}
