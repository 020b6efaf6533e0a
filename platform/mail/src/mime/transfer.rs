//! Content-Transfer-Encoding, read as leniently as it is written.

/// How a part's bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transfer {
    #[default]
    Identity,
    Base64,
    QuotedPrintable,
    Uuencode,
}

impl Transfer {
    /// Reads a header value; the flag says whether the value was one of the known ones.
    pub fn parse(value: &str) -> (Transfer, bool) {
        let v = value.trim().trim_matches(['"', '\'', ';', ',']).to_ascii_lowercase();
        let v = v.split([';', ' ', '\t', '(']).next().unwrap_or("").trim();
        match v {
            "base64" | "base-64" | "b" => (Transfer::Base64, true),
            "quoted-printable" | "quotedprintable" | "quoted" | "q" | "quoted_printable" => (Transfer::QuotedPrintable, true),
            "x-uuencode" | "uuencode" | "x-uue" | "uue" | "x-uu" => (Transfer::Uuencode, true),
            "" | "7bit" | "8bit" | "binary" | "7-bit" | "8-bit" | "7bits" | "8bits" | "none" => (Transfer::Identity, true),
            _ => (Transfer::Identity, false),
        }
    }

    /// Unpacks `data`; the flag tells that something did not fit the encoding.
    pub fn decode(self, data: &[u8]) -> (Vec<u8>, bool) {
        match self {
            Transfer::Identity => (data.to_vec(), false),
            Transfer::Base64 => decode_base64(data),
            Transfer::QuotedPrintable => decode_quoted_printable(data),
            Transfer::Uuencode => decode_uu(data),
        }
    }
}

fn base64_value(b: u8) -> Option<u32> {
    Some(match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    } as u32)
}

/// Base64 with foreign bytes skipped. After a complete padding more is read only if what follows is base64 too:
/// several encoded blocks in a row are common, but so are mailing-list footers below the padding.
pub fn decode_base64(data: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(data.len() / 4 * 3 + 3);
    let (mut acc, mut have, mut foreign) = (0u32, 0u32, 0usize);
    let mut pos = 0;
    let mut checked = false;
    while pos < data.len() {
        let b = data[pos];
        pos += 1;
        if let Some(v) = base64_value(b) {
            acc = acc << 6 | v;
            have += 1;
            if have == 4 {
                out.extend_from_slice(&[(acc >> 16) as u8, (acc >> 8) as u8, acc as u8]);
                (acc, have) = (0, 0);
            }
        } else if b == b'=' {
            if have >= 2 {
                flush(&mut out, acc, have);
                (acc, have) = (0, 0);
                // Looked at once: what is clean to its end stays so.
                if checked {
                    continue;
                }
                checked = true;
                let rest = &data[pos..];
                let solid = rest.iter().filter(|c| !c.is_ascii_whitespace() && **c != b'=').count();
                let padded = rest.iter().filter(|c| !c.is_ascii_whitespace()).count() % 4 == 0 || rest.starts_with(b"=");
                let words = rest.trim_ascii().windows(3).any(|w| w[1] == b' ' && !w[0].is_ascii_whitespace() && !w[2].is_ascii_whitespace());
                let clean = rest.iter().all(|&c| base64_value(c).is_some() || c == b'=' || c.is_ascii_whitespace());
                if solid > 0 && (!clean || !padded || words || rest.starts_with(b" ")) {
                    return (out, true);
                }
            }
        } else if !b.is_ascii_whitespace() {
            foreign += 1;
        }
    }
    let odd = have == 1;
    flush(&mut out, acc, have);
    (out, foreign > 0 || odd)
}

fn flush(out: &mut Vec<u8>, acc: u32, have: u32) {
    match have {
        2 => out.push((acc >> 4) as u8),
        3 => out.extend_from_slice(&[(acc >> 10) as u8, (acc >> 2) as u8]),
        _ => {}
    }
}

/// Is this plainly not base64 although it says so? (More than a tenth of its bytes are foreign.)
pub fn not_base64(data: &[u8]) -> bool {
    let solid = data.iter().filter(|b| !b.is_ascii_whitespace()).count();
    let foreign = data.iter().filter(|&&b| !b.is_ascii_whitespace() && base64_value(b).is_none() && b != b'=').count();
    // Prose is base64 letters too, but no base64 line carries spaces between them.
    let inner_spaces = data.windows(3).filter(|w| w[1] == b' ' && !w[0].is_ascii_whitespace() && !w[2].is_ascii_whitespace()).count();
    foreign * 10 > solid || inner_spaces * 20 > solid
}

fn hex(b: u8) -> Option<u8> {
    (b as char).to_digit(16).map(|d| d as u8)
}

/// Quoted-printable; a broken escape is kept as it stands, trailing white space of a line is dropped (RFC 2045 6.7 rule 3).
pub fn decode_quoted_printable(data: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(data.len());
    let mut broken = false;
    let mut pos = 0;
    while pos < data.len() {
        match data[pos] {
            b'=' => {
                let rest = &data[pos + 1..];
                if let (Some(a), Some(b)) = (rest.first().copied().and_then(hex), rest.get(1).copied().and_then(hex)) {
                    out.push(a << 4 | b);
                    pos += 3;
                    continue;
                }
                let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
                match rest.get(blanks) {
                    Some(b'\n') => pos += blanks + 2,
                    None => pos = data.len(),
                    Some(_) => {
                        broken = true;
                        out.push(b'=');
                        pos += 1;
                    }
                }
            }
            b' ' | b'\t' => {
                let run = data[pos..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
                let after = &data[pos + run..];
                let at_line_end = after.is_empty() || after[0] == b'\n' || after.starts_with(b"\r\n");
                if !at_line_end {
                    out.extend_from_slice(&data[pos..pos + run]);
                }
                pos += run;
            }
            b => {
                out.push(b);
                pos += 1;
            }
        }
    }
    (out, broken)
}

/// The first `begin … end` block of a uuencoded body.
pub fn decode_uu(data: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    let mut started = false;
    for line in data.split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !started {
            started = line.starts_with(b"begin ");
            continue;
        }
        if line == b"end" {
            return (out, false);
        }
        let Some((&first, rest)) = line.split_first() else { continue };
        let len = (first.wrapping_sub(32) & 63) as usize;
        let target = out.len() + len;
        for quad in rest.chunks(4) {
            let v = |i: usize| (quad.get(i).copied().unwrap_or(b' ').wrapping_sub(32) & 63) as u32;
            let acc = v(0) << 18 | v(1) << 12 | v(2) << 6 | v(3);
            out.extend_from_slice(&[(acc >> 16) as u8, (acc >> 8) as u8, acc as u8]);
        }
        out.truncate(target);
    }
    if started && !out.is_empty() { (out, true) } else { (data.to_vec(), true) }
}

/// Name in a uuencoded body's `begin 644 name` line.
pub fn uu_name(data: &[u8]) -> Option<String> {
    let start = data.windows(6).position(|w| w == b"begin ")?;
    let line = data[start..].split(|&b| b == b'\n').next()?;
    let text = String::from_utf8_lossy(line);
    let mut words = text.trim_end().splitn(3, ' ').skip(2);
    words.next().map(str::to_owned)
}
