//! The header block: where it ends, which fields it has, unfolded but not decoded.

use super::lines::line_at;

/// One field: lower-case name and raw value, unfolded (line ends removed, the folding white space kept).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub value: Vec<u8>,
}

/// A parsed header block.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    pub fields: Vec<Field>,
    pub lines: usize,
    pub problems: Vec<String>,
}

impl Headers {
    /// First non-empty value of a field, else the first.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let mut all = self.fields.iter().filter(|f| f.name == name).map(|f| f.value.as_slice());
        let first = all.next();
        if first.is_some_and(|v| !v.trim_ascii().is_empty()) {
            return first;
        }
        all.find(|v| !v.trim_ascii().is_empty()).or(first)
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.fields.iter().filter(move |f| f.name == name).map(|f| f.value.as_slice())
    }
}

/// Length of the field name if the line reads `Name: …`.
fn field_name(line: &[u8]) -> Option<usize> {
    let colon = line.iter().position(|&b| b == b':')?;
    let name = line[..colon].trim_ascii_end();
    if name.is_empty() || name.len() > 128 || !name.iter().all(|&b| b.is_ascii_graphic()) {
        return None;
    }
    Some(name.len())
}

/// Names that make a line below a broken one still look like a header block.
fn known_field(line: &[u8]) -> bool {
    let Some(len) = field_name(line) else { return false };
    let name = line[..len].to_ascii_lowercase();
    const KNOWN: [&[u8]; 17] = [
        b"from", b"to", b"cc", b"bcc", b"subject", b"date", b"message-id", b"mime-version", b"received", b"reply-to",
        b"sender", b"references", b"in-reply-to", b"return-path", b"delivered-to", b"list-id", b"dkim-signature",
    ];
    KNOWN.contains(&name.as_slice()) || name.starts_with(b"content-") || name.starts_with(b"x-")
}

/// Does a known field follow before the next empty line?
fn more_fields_follow(data: &[u8], mut pos: usize) -> bool {
    for _ in 0..30 {
        if pos >= data.len() {
            return false;
        }
        let (end, next) = line_at(data, pos);
        let line = &data[pos..end];
        if line.trim_ascii().is_empty() {
            return false;
        }
        if known_field(line) {
            return true;
        }
        pos = next;
    }
    false
}

/// Reads the header block at the start of `data`; returns it with the offset at which the body starts.
/// Never fails: a line that is no field ends the block (missing separator) unless known fields follow it.
pub fn read_headers(data: &[u8], top: bool) -> (Headers, usize) {
    let mut out = Headers::default();
    let mut pos = 0;
    if top {
        // Blank lines before the first field, an mbox "From " line, a byte order mark: skipped, as all mail programs do.
        if data.starts_with(b"\xef\xbb\xbf") {
            pos = 3;
        }
        loop {
            let (end, next) = line_at(data, pos);
            let line = &data[pos..end];
            let blank = line.trim_ascii().is_empty() && next > pos;
            // `From  : x` is the field with the white space the old syntax allowed.
            let envelope = (line.starts_with(b"From ") || line.starts_with(b">From ")) && !line[5..].trim_ascii_start().starts_with(b":");
            if (blank || envelope) && next < data.len() {
                pos = next;
            } else {
                break;
            }
        }
        let (end, next) = line_at(data, pos);
        let fields_below = !field_like(&data[pos..end]) && more_fields_follow(data, next);
        if field_name(&data[pos..end]).is_none() && !fields_below {
            // No header at all: everything is text, blank lines at the start included.
            out.problems.push("no headers: the whole file is taken as text".into());
            return (out, 0);
        }
    }
    while pos < data.len() {
        let (end, next) = line_at(data, pos);
        let line = &data[pos..end];
        out.lines += 1;
        if line.is_empty() {
            return (out, next);
        }
        if matches!(line[0], b' ' | b'\t') {
            if line.trim_ascii().is_empty() {
                // Only white space: part of a folded value if more header follows, else the end of the block.
                let (end2, _) = line_at(data, next.min(data.len()));
                let following = &data[next.min(data.len())..end2];
                let goes_on = known_field(following) || following.first().is_some_and(|b| matches!(b, b' ' | b'\t')) && !following.trim_ascii().is_empty();
                if !goes_on {
                    return (out, next);
                }
            } else if let Some(last) = out.fields.last_mut() {
                last.value.extend_from_slice(line);
            }
            pos = next;
            continue;
        }
        if let Some(len) = field_name(line) {
            let colon = line.iter().position(|&b| b == b':').unwrap_or(len);
            out.fields.push(Field { name: String::from_utf8_lossy(&line[..len]).to_ascii_lowercase(), value: line[colon + 1..].to_vec() });
        } else if !top && line.starts_with(b"--") || !more_fields_follow(data, next) {
            out.problems.push("no empty line between headers and body".into());
            return (out, pos);
        } else {
            // A value broken over lines without indentation: give it back to the field it was torn from.
            out.problems.push("a header line without a name was joined to the field above it".into());
            if let Some(last) = out.fields.last_mut() {
                last.value.push(b' ');
                last.value.extend_from_slice(line);
            }
        }
        pos = next;
    }
    (out, data.len())
}

fn field_like(line: &[u8]) -> bool {
    field_name(line).is_some()
}
