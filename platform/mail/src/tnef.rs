//! `winmail.dat`: Microsoft's TNEF container, read with bounds on everything.
//! Written here because the one crate there is has not been touched for years and reads neither nested names nor bodies.

use encoding_rs::{Encoding, GB18030, WINDOWS_1252};

use crate::charset;

/// What a container holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tnef {
    pub files: Vec<TnefFile>,
    /// Plain text body.
    pub text: Option<String>,
    /// HTML body.
    pub html: Option<String>,
    /// RTF body, unpacked.
    pub rtf: Option<Vec<u8>>,
    pub subject: Option<String>,
    pub problems: Vec<String>,
}

/// One attachment of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TnefFile {
    pub name: String,
    pub content_type: Option<String>,
    pub content_id: Option<String>,
    pub bytes: Vec<u8>,
}

const SIGNATURE: u32 = 0x223e_9f78;
const MOST_FILES: usize = 200;

/// A cursor that never runs over the end.
struct Cursor<'a> {
    data: &'a [u8],
    pos: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let out = self.data.get(self.pos..self.pos.checked_add(n)?)?;
        self.pos += n;
        Some(out)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|b| u16::from_le_bytes([b[0], b[1]]))
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    fn align(&mut self, start: usize) {
        let used = self.pos - start;
        self.pos = (self.pos + (4 - used % 4) % 4).min(self.data.len());
    }
}

/// Is this a TNEF container?
pub fn is_tnef(data: &[u8]) -> bool {
    data.get(..4) == Some(&SIGNATURE.to_le_bytes())
}

/// Reads a container; `None` if it is none. Damage ends the reading, what was read so far is returned with a problem.
pub fn read(data: &[u8], most_bytes: usize) -> Option<Tnef> {
    if !is_tnef(data) {
        return None;
    }
    let mut c = Cursor { data, pos: 6 };
    let mut out = Tnef::default();
    let mut code_page: &'static Encoding = WINDOWS_1252;
    let mut total = 0usize;
    while c.pos < data.len() {
        let Some((level, id, value)) = attribute(&mut c) else {
            // Garbage behind a good container is common and harmless.
            if out.files.is_empty() && out.text.is_none() && out.rtf.is_none() && out.html.is_none() {
                out.problems.push("winmail.dat is damaged".into());
            }
            break;
        };
        total = total.saturating_add(value.len());
        if total > most_bytes || out.files.len() > MOST_FILES {
            out.problems.push("winmail.dat holds more than is unpacked".into());
            break;
        }
        match (level, id) {
            (1, 0x9007) => {
                if let Some(b) = value.get(..2) {
                    code_page = encoding(u32::from(u16::from_le_bytes([b[0], b[1]])));
                }
            }
            (1, 0x8004) => out.subject = Some(string8(value, code_page)),
            (1, 0x800c) => out.text = Some(string8(value, code_page)).filter(|t| !t.is_empty()),
            (1, 0x9003) => message_props(value, &mut code_page, &mut out),
            (_, 0x9002) => out.files.push(TnefFile::default()),
            (2, 0x8010) => {
                let name = string8(value, code_page);
                if let Some(f) = out.files.last_mut() {
                    if f.name.is_empty() {
                        f.name = name;
                    }
                }
            }
            (2, 0x800f) => {
                if let Some(f) = out.files.last_mut() {
                    f.bytes = value.to_vec();
                }
            }
            (2, 0x9005) => {
                if let Some(f) = out.files.last_mut() {
                    attachment_props(value, code_page, f);
                }
            }
            _ => {}
        }
    }
    for f in &mut out.files {
        f.name = crate::params::clean_name(&f.name);
    }
    Some(out)
}

fn attribute<'a>(c: &mut Cursor<'a>) -> Option<(u8, u16, &'a [u8])> {
    let level = c.u8()?;
    if !(1..=2).contains(&level) {
        return None;
    }
    let tag = c.u32()?;
    let len = c.u32()? as usize;
    let value = c.take(len)?;
    // The checksum is not verified: containers with wrong ones are in circulation and otherwise fine.
    c.u16();
    Some((level, tag as u16, value))
}

/// Windows code page number to encoding.
fn encoding(cp: u32) -> &'static Encoding {
    let label = match cp {
        936 | 54936 | 20936 => return GB18030,
        950 => "big5",
        932 => "shift_jis",
        949 => "euc-kr",
        65001 => "utf-8",
        874 => "windows-874",
        866 => "ibm866",
        20866 => "koi8-r",
        21866 => "koi8-u",
        28591..=28605 => return Encoding::for_label(format!("iso-8859-{}", cp - 28590).as_bytes()).unwrap_or(WINDOWS_1252),
        1250..=1258 => return Encoding::for_label(format!("windows-{cp}").as_bytes()).unwrap_or(WINDOWS_1252),
        _ => return WINDOWS_1252,
    };
    Encoding::for_label(label.as_bytes()).unwrap_or(WINDOWS_1252)
}

fn string8(value: &[u8], e: &'static Encoding) -> String {
    let end = value.iter().position(|&b| b == 0).unwrap_or(value.len());
    charset::decode(&value[..end], e.name(), "").text
}

fn utf16(value: &[u8]) -> String {
    let units: Vec<u16> = value.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).take_while(|&u| u != 0).collect();
    String::from_utf16_lossy(&units)
}

/// One MAPI property: id, type, and its first value's bytes.
struct Prop<'a> {
    id: u16,
    kind: u16,
    value: &'a [u8],
}

impl Prop<'_> {
    fn text(&self, e: &'static Encoding) -> Option<String> {
        match self.kind & 0x0fff {
            0x1e => Some(string8(self.value, e)),
            0x1f => Some(utf16(self.value)),
            _ => None,
        }
        .filter(|s| !s.is_empty())
    }
}

fn props(data: &[u8]) -> Vec<Prop<'_>> {
    let mut c = Cursor { data, pos: 0 };
    let mut out = Vec::new();
    let count = c.u32().unwrap_or(0).min(5_000);
    for _ in 0..count {
        match prop(&mut c) {
            Some(p) => out.push(p),
            None => break,
        }
    }
    out
}

fn prop<'a>(c: &mut Cursor<'a>) -> Option<Prop<'a>> {
    let kind = c.u16()?;
    let id = c.u16()?;
    if id >= 0x8000 {
        // A named property: set, then a number or a name.
        c.take(16)?;
        if c.u32()? == 0 {
            c.u32()?;
        } else {
            let len = c.u32()? as usize;
            let start = c.pos;
            c.take(len)?;
            c.align(start);
        }
    }
    let multi = kind & 0x1000 != 0;
    let base = kind & 0x0fff;
    let sized = matches!(base, 0x0d | 0x1e | 0x1f | 0x102);
    let count = if multi || sized { c.u32()?.min(100_000) } else { 1 };
    let mut first: &[u8] = &[];
    for i in 0..count {
        let value = if sized {
            let len = c.u32()? as usize;
            let start = c.pos;
            let v = c.take(len)?;
            c.align(start);
            v
        } else {
            let len = match base {
                0x00 | 0x01 => 0,
                0x02 if multi => 2,
                0x02 | 0x03 | 0x04 | 0x0a | 0x0b => 4,
                0x05 | 0x06 | 0x07 | 0x14 | 0x40 => 8,
                0x48 => 16,
                _ => return None,
            };
            c.take(len)?
        };
        if i == 0 {
            first = value;
        }
    }
    if multi && base == 0x02 {
        let start = 0;
        c.align(start);
    }
    Some(Prop { id, kind, value: first })
}

fn message_props(data: &[u8], code_page: &mut &'static Encoding, out: &mut Tnef) {
    let all = props(data);
    for p in &all {
        if p.id == 0x3fde && p.kind == 3 {
            if let Some(b) = p.value.get(..4) {
                *code_page = encoding(u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            }
        }
    }
    for p in &all {
        match p.id {
            0x0037 => out.subject = p.text(code_page).or(out.subject.take()),
            0x1000 => out.text = p.text(code_page).or(out.text.take()),
            0x1013 => {
                let html = p.text(code_page).or_else(|| (p.kind == 0x102).then(|| html_bytes(p.value, code_page)));
                out.html = html.filter(|h| !h.trim().is_empty()).or(out.html.take());
            }
            0x1009 if p.kind == 0x102 => out.rtf = crate::rtf::unpack(p.value).or(out.rtf.take()),
            _ => {}
        }
    }
}

/// HTML as bytes: UTF-8 if it is, else the container's code page.
fn html_bytes(value: &[u8], e: &'static Encoding) -> String {
    match std::str::from_utf8(value) {
        Ok(s) => s.trim_end_matches('\0').to_owned(),
        Err(_) => charset::decode(value, e.name(), "").text,
    }
}

fn attachment_props(data: &[u8], code_page: &'static Encoding, f: &mut TnefFile) {
    let (mut long, mut short, mut shown) = (None, None, None);
    for p in props(data) {
        match p.id {
            0x3707 => long = p.text(code_page),
            0x3704 => short = p.text(code_page),
            0x3001 => shown = p.text(code_page),
            0x370e => f.content_type = p.text(code_page).map(|t| t.to_ascii_lowercase()),
            0x3712 => f.content_id = p.text(code_page).map(|c| c.trim_matches(['<', '>']).to_owned()),
            0x3701 if f.bytes.is_empty() => {
                // An object carries the id of its COM interface in front; what follows is the file.
                let interface_id = p.kind == 0x0d && p.value.get(8..16) == Some(&[0xc0, 0, 0, 0, 0, 0, 0, 0x46]);
                f.bytes = if interface_id { p.value[16..].to_vec() } else { p.value.to_vec() };
            }
            _ => {}
        }
    }
    if let Some(name) = long.or(short).or_else(|| Some(f.name.clone()).filter(|n| !n.is_empty())).or(shown) {
        f.name = name;
    }
}
