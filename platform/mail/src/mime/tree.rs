//! The tree of parts of one mail. Nested messages (`message/rfc822`) are leaves: they are attachments.

use super::headers::{Headers, read_headers};
use super::lines::{line_at, strip_last_line_end};
use super::transfer::{Transfer, not_base64};
use crate::model::Limits;
use crate::params::{self, Structured};
use crate::words;

/// One part: its headers, its body as sent, and its children if it is a multipart.
#[derive(Debug, Default)]
pub struct Part<'a> {
    pub headers: Headers,
    pub content_type: Structured,
    /// `None` when there was no readable Content-Type.
    pub disposition: Option<Structured>,
    pub transfer: Transfer,
    /// As sent: not transfer-decoded.
    pub body: &'a [u8],
    pub children: Vec<Part<'a>>,
}

impl Part<'_> {
    pub fn is_multipart(&self) -> bool {
        !self.children.is_empty()
    }

    pub fn main_type(&self) -> &str {
        self.content_type.value.split('/').next().unwrap_or("")
    }

    pub fn is(&self, content_type: &str) -> bool {
        self.content_type.value == content_type
    }

    pub fn charset(&self) -> &str {
        self.content_type.raw("charset").unwrap_or("")
    }

    /// File name: Content-Disposition `filename`, else Content-Type `name`; decoded, without any path.
    pub fn file_name(&self, hint: &str) -> String {
        let from_disposition = self.disposition.as_ref().and_then(|d| d.param("filename", hint).or_else(|| d.param("name", hint)));
        let name = from_disposition.filter(|n| !n.trim().is_empty()).or_else(|| self.content_type.param("name", hint)).or_else(|| self.content_type.param("filename", hint));
        params::clean_name(&name.unwrap_or_default())
    }

    /// Content-ID without brackets.
    pub fn content_id(&self) -> Option<String> {
        let v = words::tidy(&String::from_utf8_lossy(self.headers.get("content-id")?));
        let id = v.trim_matches(['<', '>', ' ']).to_owned();
        (!id.is_empty()).then_some(id)
    }

    /// Transfer-decoded bytes; says what did not fit.
    pub fn decoded(&self, problems: &mut Vec<String>) -> Vec<u8> {
        // Prose under a base64 label: some forwarders copy the header but not the encoding.
        if self.transfer == Transfer::Base64 && self.main_type() == "text" && not_base64(self.body) {
            problems.push("body is marked base64 but is not; taken as it stands".into());
            return self.body.to_vec();
        }
        let (bytes, odd) = self.transfer.decode(self.body);
        if odd {
            problems.push(format!("part {:?}: damaged {:?} encoding", self.content_type.value, self.transfer));
        }
        bytes
    }
}

/// Why a tree was not built to the end.
#[derive(Debug, PartialEq, Eq)]
pub enum TooMuch {
    Parts(usize),
    Depth(usize),
}

struct Builder<'l> {
    limits: &'l Limits,
    parts: usize,
    problems: Vec<String>,
}

/// Builds the tree from a header block already read and the body below it.
pub fn build<'a>(headers: Headers, body: &'a [u8], limits: &Limits) -> Result<(Part<'a>, Vec<String>), TooMuch> {
    let mut b = Builder { limits, parts: 0, problems: Vec::new() };
    let root = b.part(headers, body, "text/plain", 0)?;
    Ok((root, b.problems))
}

/// Content-Type as used: broken ones are mended or replaced by the default of the surrounding multipart.
fn content_type(headers: &Headers, default: &str) -> Structured {
    let mut fallback = None;
    for raw in headers.all("content-type") {
        let s = params::parse(&words::raw_text(raw, "", &mut Vec::new()));
        let mut halves = s.value.splitn(2, '/');
        let (main, sub) = (halves.next().unwrap_or(""), halves.next().unwrap_or(""));
        let token = |t: &str| !t.is_empty() && t.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '(' | ')' | '<' | '>' | '@' | ',' | ';' | ':' | '=' | '/'));
        if token(main) && token(sub) {
            return s;
        }
        let mended = match main {
            "text" => "text/plain",
            "html" => "text/html",
            "multipart" => "multipart/mixed",
            // `application-x-gzip; name=a.gz`: some file, whatever it is.
            _ if s.raw("name").is_some() => "application/octet-stream",
            _ => default,
        };
        let mut s = s.clone();
        s.value = mended.to_owned();
        fallback.get_or_insert(s);
    }
    fallback.unwrap_or_else(|| Structured { value: default.to_owned(), ..Structured::default() })
}

impl Builder<'_> {
    fn part<'a>(&mut self, headers: Headers, body: &'a [u8], default: &str, depth: usize) -> Result<Part<'a>, TooMuch> {
        self.parts += 1;
        if self.parts > self.limits.parts {
            return Err(TooMuch::Parts(self.limits.parts));
        }
        if depth > self.limits.depth {
            return Err(TooMuch::Depth(self.limits.depth));
        }
        let content_type = content_type(&headers, default);
        let disposition = headers.get("content-disposition").map(|raw| params::parse(&words::raw_text(raw, "", &mut Vec::new())));
        let declared = headers.get("content-transfer-encoding").map(|v| String::from_utf8_lossy(v).into_owned()).unwrap_or_default();
        let (mut transfer, known) = Transfer::parse(&declared);
        if !known {
            self.problems.push(format!("Content-Transfer-Encoding {:?} is not known; body taken as it stands", words::tidy(&declared)));
        }
        let mut part = Part { headers, content_type, disposition, transfer, body, children: Vec::new() };
        if part.main_type() == "multipart" {
            // RFC 2045 6.4: a multipart is never encoded itself, whatever its header says.
            transfer = Transfer::Identity;
            part.transfer = transfer;
            let declared = part.content_type.raw("boundary").map(|b| b.trim_end().to_owned()).filter(|b| !b.is_empty());
            let digest = part.is("multipart/digest");
            let mut pieces = declared.as_deref().map(|b| split(body, b, self.limits.parts)).unwrap_or_default();
            if pieces.is_empty() {
                if let Some(guess) = guess_boundary(body) {
                    pieces = split(body, &guess, self.limits.parts);
                    if !pieces.is_empty() {
                        self.problems.push(match &declared {
                            Some(b) => format!("boundary {b:?} does not occur; {guess:?} was used"),
                            None => format!("multipart without a boundary; {guess:?} was used"),
                        });
                    }
                }
            }
            if pieces.is_empty() {
                if !body.trim_ascii().is_empty() {
                    self.problems.push("multipart without a single part; body taken as text".into());
                }
                part.content_type.value = "text/plain".into();
                return Ok(part);
            }
            for piece in pieces {
                let (h, at) = read_headers(piece, false);
                self.problems.extend(h.problems.iter().map(|p| format!("part: {p}")));
                let child_default = if digest { "message/rfc822" } else { "text/plain" };
                let child = self.part(h, &piece[at..], child_default, depth + 1)?;
                part.children.push(child);
            }
        }
        Ok(part)
    }
}

/// Is this line a delimiter for `boundary`? `Some(true)` for the closing one.
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?;
    let rest = rest.trim_ascii_end();
    match rest {
        b"" => Some(false),
        b"--" => Some(true),
        _ => None,
    }
}

/// The parts between the delimiter lines; an unclosed last part runs to the end. At most `most + 1` parts.
fn split<'a>(body: &'a [u8], boundary: &str, most: usize) -> Vec<&'a [u8]> {
    // Boundaries are ASCII; one that is not is compared as UTF-8.
    let boundary = boundary.as_bytes();
    // (start of the line, start of the next, closing)
    let mut marks: Vec<(usize, usize, bool)> = Vec::new();
    let mut pos = 0;
    while pos < body.len() {
        let (end, next) = line_at(body, pos);
        if let Some(closing) = delimiter(&body[pos..end], boundary) {
            marks.push((pos, next, closing));
        }
        pos = next;
    }
    let last_open = marks.iter().rposition(|m| !m.2);
    let mut out = Vec::new();
    let mut start: Option<usize> = None;
    for (i, (at, next, closing)) in marks.iter().enumerate() {
        if let Some(s) = start.take() {
            out.push(strip_last_line_end(&body[s..*at]));
            if out.len() > most {
                return out;
            }
        }
        if !closing {
            start = Some(*next);
        } else if !last_open.is_some_and(|o| o > i && o + 1 < marks.len()) {
            // After the close only a part that is opened and ended again counts: list servers append such.
            return out;
        }
    }
    if let Some(s) = start {
        if s < body.len() {
            out.push(&body[s..]);
        }
    }
    out
}

/// A line `--xyz` that occurs again, followed by something like a header: the boundary a broken header does not tell.
fn guess_boundary(body: &[u8]) -> Option<String> {
    let mut pos = 0;
    while pos < body.len() {
        let (end, next) = line_at(body, pos);
        let line = body[pos..end].trim_ascii_end();
        if line.len() > 4 && line.len() <= 202 && line.starts_with(b"--") && !line[2..].iter().all(|b| *b == b'-') {
            let (end2, _) = line_at(body, next.min(body.len()));
            let following = body[next.min(body.len())..end2].to_ascii_lowercase();
            if following.starts_with(b"content-") {
                return std::str::from_utf8(&line[2..]).ok().map(str::to_owned);
            }
        }
        pos = next;
    }
    None
}
