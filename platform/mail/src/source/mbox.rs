//! mbox: mails set apart by `From ` lines, read as a stream.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{Entry, MOST_BYTES, Resume};

/// Iterator over the mails of an mbox file.
pub struct Mbox {
    path: PathBuf,
    reader: BufReader<File>,
    /// Offset of the next unread byte.
    pos: u64,
    done: bool,
}

impl Mbox {
    /// Opens an mbox at an offset that an earlier entry gave (0: the start).
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path, offset: u64) -> io::Result<Mbox> {
        let mut f = File::open(path)?;
        let len = f.metadata()?.len();
        let pos = offset.min(len);
        f.seek(SeekFrom::Start(pos))?;
        Ok(Mbox { path: path.to_owned(), reader: BufReader::with_capacity(1 << 16, f), pos, done: pos >= len })
    }
}

/// Does a line start a new mail? The next line must look like a header field, which prose below "From " hardly does.
/// After a blank line a bare `From someone` is enough (Gmail's export); else a clock, or the dash of Netscape and Mozilla, must follow.
fn is_separator(line: &[u8], below: &[u8], blank_before: bool) -> bool {
    let Some(rest) = line.strip_prefix(b"From ") else { return false };
    let rest = rest.trim_ascii_end();
    let name = below.iter().position(|&b| b == b':').map(|i| below[..i].trim_ascii_end());
    let field = name.is_some_and(|n| !n.is_empty() && n.iter().all(|b| b.is_ascii_graphic())) || below.starts_with(b">From ");
    if !field {
        return false;
    }
    let clock = rest.windows(5).any(|w| w[0].is_ascii_digit() && w[1].is_ascii_digit() && w[2] == b':' && w[3].is_ascii_digit() && w[4].is_ascii_digit());
    let one_word = !rest.is_empty() && !rest.contains(&b' ');
    clock || rest == b"-" || rest.starts_with(b"- ") && rest.len() > 20 || blank_before && one_word
}

/// mboxrd: one `>` is taken off lines of the form `>From `, `>>From `, …
pub fn unquote(line: &[u8]) -> &[u8] {
    let marks = line.iter().take_while(|&&b| b == b'>').count();
    if marks > 0 && line[marks..].starts_with(b"From ") { &line[1..] } else { line }
}

impl Iterator for Mbox {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if self.done {
            return None;
        }
        let start = self.pos;
        let mut bytes: Vec<u8> = Vec::new();
        let mut too_long = false;
        let mut line = Vec::new();
        let mut first = true;
        let mut blank_before = true;
        let result = loop {
            line.clear();
            // Peek first: the separator of the next mail must stay unread.
            if !first && self.next_is_separator(blank_before) {
                break Ok(());
            }
            match read_line(&mut self.reader, &mut line, MOST_BYTES as usize) {
                Ok(0) => {
                    self.done = true;
                    break Ok(());
                }
                Ok(n) => self.pos += n as u64,
                Err(e) => {
                    self.done = true;
                    break Err(e);
                }
            }
            if first && line.starts_with(b"From ") {
                first = false;
                continue;
            }
            first = false;
            blank_before = line.trim_ascii().is_empty();
            if bytes.len() + line.len() > MOST_BYTES as usize {
                too_long = true;
            } else if !too_long {
                bytes.extend_from_slice(unquote(&line));
            }
        };
        if self.done && bytes.is_empty() && !too_long && result.is_ok() {
            return None;
        }
        // The blank line that ends every entry is not part of the mail.
        if bytes.ends_with(b"\r\n\r\n") {
            bytes.truncate(bytes.len() - 2);
        } else if bytes.ends_with(b"\n\n") {
            bytes.truncate(bytes.len() - 1);
        }
        let bytes = match result {
            Err(e) => Err(e),
            Ok(()) if too_long => Err(io::Error::new(io::ErrorKind::InvalidData, format!("the mail at offset {start} is longer than {MOST_BYTES} bytes"))),
            Ok(()) => Ok(bytes),
        };
        let offset = if self.done { u64::MAX } else { self.pos };
        Some(Entry { path: self.path.clone(), offset: start, resume: Resume { path: self.path.to_string_lossy().into_owned(), offset }, bytes })
    }
}

impl Mbox {
    fn next_is_separator(&mut self, blank_before: bool) -> bool {
        let Ok(buf) = self.reader.fill_buf() else { return false };
        if buf.len() >= 5 && !buf.starts_with(b"From ") {
            return false;
        }
        let two = |buf: &[u8]| {
            let mut lines = buf.splitn(3, |&b| b == b'\n');
            let (a, b, rest) = (lines.next()?, lines.next()?, lines.next());
            rest.map(|_| is_separator(a, b, blank_before))
        };
        if let Some(answer) = two(buf) {
            return answer;
        }
        // The two lines straddle the buffer's end: read the file at this place with a handle of its own.
        let Ok(mut f) = File::open(&self.path) else { return false };
        if f.seek(SeekFrom::Start(self.pos)).is_err() {
            return false;
        }
        let mut near = Vec::new();
        if io::Read::take(f, 4_096).read_to_end(&mut near).is_err() {
            return false;
        }
        near.push(b'\n');
        near.push(b'\n');
        two(&near).unwrap_or(false)
    }
}

/// `read_until` with a bound: a file without line ends must not be read into memory whole.
fn read_line(r: &mut BufReader<File>, out: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    let mut n = 0;
    loop {
        let buf = r.fill_buf()?;
        if buf.is_empty() {
            return Ok(n);
        }
        let (take, end) = match buf.iter().position(|&b| b == b'\n') {
            Some(i) => (i + 1, true),
            None => (buf.len(), false),
        };
        if out.len() + take <= most + 1 {
            out.extend_from_slice(&buf[..take]);
        }
        r.consume(take);
        n += take;
        if end {
            return Ok(n);
        }
    }
}
