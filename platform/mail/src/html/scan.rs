//! A scanner for HTML that has been through the sanitiser: well-formed, attributes in double quotes, five entities.
//! On anything else it still terminates and never panics, but only promises sense for sanitised input.

/// A piece of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token<'a> {
    /// Text as written (entities not resolved).
    Text(&'a str),
    Open(Tag<'a>),
    Close(&'a str),
}

/// An opening tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag<'a> {
    pub name: &'a str,
    /// Names and raw values (entities not resolved), in order.
    pub attrs: Vec<(&'a str, &'a str)>,
}

impl<'a> Tag<'a> {
    pub fn attr(&self, name: &str) -> Option<&'a str> {
        self.attrs.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
    }
}

/// Splits sanitised HTML into tokens.
pub fn tokens(html: &str) -> Tokens<'_> {
    Tokens { html, pos: 0 }
}

/// Iterator over the tokens of a document.
pub struct Tokens<'a> {
    html: &'a str,
    pos: usize,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = &self.html[self.pos..];
        if rest.is_empty() {
            return None;
        }
        if let Some(after) = rest.strip_prefix("</") {
            let len = after.find('>').unwrap_or(after.len());
            self.pos += (len + 3).min(rest.len());
            return Some(Token::Close(after[..len].trim()));
        }
        if rest.starts_with('<') && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            let (tag, len) = open_tag(rest);
            self.pos += len;
            return Some(Token::Open(tag));
        }
        let skip = usize::from(rest.starts_with('<'));
        let len = rest[skip..].find('<').map_or(rest.len(), |i| i + skip);
        self.pos += len;
        Some(Token::Text(&rest[..len]))
    }
}

fn open_tag(s: &str) -> (Tag<'_>, usize) {
    let b = s.as_bytes();
    let name_end = s[1..].find(|c: char| c.is_whitespace() || c == '>' || c == '/').map_or(s.len(), |i| i + 1);
    let mut tag = Tag { name: &s[1..name_end], attrs: Vec::new() };
    let mut pos = name_end;
    loop {
        while pos < b.len() && (b[pos].is_ascii_whitespace() || b[pos] == b'/') {
            pos += 1;
        }
        if pos >= b.len() {
            return (tag, s.len());
        }
        if b[pos] == b'>' {
            return (tag, pos + 1);
        }
        let start = pos;
        while pos < b.len() && !b[pos].is_ascii_whitespace() && !matches!(b[pos], b'=' | b'>') {
            pos += 1;
        }
        let name = &s[start..pos];
        if pos < b.len() && b[pos] == b'=' {
            pos += 1;
            if pos < b.len() && b[pos] == b'"' {
                let value_start = pos + 1;
                let end = s[value_start..].find('"').map_or(s.len(), |i| value_start + i);
                tag.attrs.push((name, &s[value_start..end]));
                pos = (end + 1).min(s.len());
            } else {
                let value_start = pos;
                while pos < b.len() && !b[pos].is_ascii_whitespace() && b[pos] != b'>' {
                    pos += 1;
                }
                tag.attrs.push((name, &s[value_start..pos]));
            }
        } else {
            if pos == start {
                pos += 1;
            }
            tag.attrs.push((name, ""));
        }
    }
}

/// Resolves the entities a serialiser writes (and the numeric ones).
pub fn unescape(s: &str) -> String {
    if !s.contains('&') {
        return s.to_owned();
    }
    let mut out = String::with_capacity(s.len());
    let mut rest = s;
    while let Some(i) = rest.find('&') {
        out.push_str(&rest[..i]);
        rest = &rest[i..];
        let Some(end) = rest.as_bytes().iter().take(12).position(|&b| b == b';') else {
            out.push('&');
            rest = &rest[1..];
            continue;
        };
        let entity = &rest[1..end];
        let c = match entity {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            "nbsp" => Some('\u{a0}'),
            e => e.strip_prefix('#').and_then(|n| n.strip_prefix(['x', 'X']).map_or_else(|| n.parse().ok(), |h| u32::from_str_radix(h, 16).ok())).and_then(char::from_u32),
        };
        match c {
            Some(c) => out.push(c),
            None => out.push_str(&rest[..=end]),
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out
}

/// Escapes text for an attribute value or content.
pub fn escape(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}
