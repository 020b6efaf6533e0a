//! Lines of a mail, whatever ends them.

use std::borrow::Cow;

/// Line ends of old Macintosh programs: a mail without a single LF but with CRs is read as if they were LFs.
pub fn with_line_feeds(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'\n') && raw.contains(&b'\r') {
        Cow::Owned(raw.iter().map(|&b| if b == b'\r' { b'\n' } else { b }).collect())
    } else {
        Cow::Borrowed(raw)
    }
}

/// The line starting at `pos`: its content end (before any CRs and the LF) and the start of the next line.
/// Several CRs before the LF count as one line end: some gateways write CR CR LF.
pub fn line_at(data: &[u8], pos: usize) -> (usize, usize) {
    let next = data[pos..].iter().position(|&b| b == b'\n').map_or(data.len(), |i| pos + i + 1);
    let mut end = if next > pos && data[next - 1] == b'\n' { next - 1 } else { next };
    while end > pos && data[end - 1] == b'\r' {
        end -= 1;
    }
    (end, next)
}

/// `data` without its last line end.
pub fn strip_last_line_end(data: &[u8]) -> &[u8] {
    match data {
        [head @ .., b'\r', b'\n'] => head,
        [head @ .., b'\n'] => head,
        _ => data,
    }
}
