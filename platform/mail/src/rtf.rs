//! RTF bodies of TNEF containers: unpacked (LZFu, MS-OXRTFCP) and turned into text or back into the HTML they carry (MS-OXRTFEX).

use encoding_rs::{Encoding, GB18030, WINDOWS_1252};

/// Text every compressed RTF may refer back to (MS-OXRTFCP 2.1.2.1).
const PRESET: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
const MOST: usize = 32 << 20;

/// Unpacks a compressed RTF property; `None` if it is damaged from the start.
pub fn unpack(data: &[u8]) -> Option<Vec<u8>> {
    let word = |i: usize| data.get(i..i + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let raw_size = (word(4)? as usize).min(MOST);
    let kind = word(8)?;
    let body = data.get(16..)?;
    match kind {
        0x414c_454d => Some(body.get(..raw_size.min(body.len()))?.to_vec()),
        0x7546_5a4c => Some(lzfu(body, raw_size)),
        _ => None,
    }
}

fn lzfu(body: &[u8], raw_size: usize) -> Vec<u8> {
    let mut dict = vec![b' '; 4096];
    dict[..PRESET.len()].copy_from_slice(PRESET);
    let mut write = PRESET.len();
    let mut out = Vec::with_capacity(raw_size.min(1 << 20));
    let mut pos = 0;
    'all: while let Some(&flags) = body.get(pos) {
        pos += 1;
        for bit in 0..8 {
            if out.len() >= raw_size {
                break 'all;
            }
            if flags >> bit & 1 == 0 {
                let Some(&b) = body.get(pos) else { break 'all };
                pos += 1;
                dict[write] = b;
                write = (write + 1) % 4096;
                out.push(b);
            } else {
                let Some(pair) = body.get(pos..pos + 2) else { break 'all };
                pos += 2;
                let v = usize::from(pair[0]) << 8 | usize::from(pair[1]);
                let (mut from, len) = (v >> 4, (v & 15) + 2);
                if from == write {
                    break 'all;
                }
                for _ in 0..len {
                    let b = dict[from];
                    from = (from + 1) % 4096;
                    dict[write] = b;
                    write = (write + 1) % 4096;
                    out.push(b);
                }
            }
        }
    }
    out.truncate(raw_size);
    out
}

/// What an RTF document says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Text(String),
    /// The document was made from HTML and carries it.
    Html(String),
}

#[derive(Clone)]
struct State {
    /// Inside a group that is not text (fonts, colours, pictures …).
    skip: bool,
    /// Inside `\htmltag`: what stands here is HTML source.
    html_tag: bool,
    /// Between `\htmlrtf` and `\htmlrtf0`: for RTF readers only.
    rtf_only: bool,
    /// Bytes that stand in for a `\u` character.
    uc: usize,
    encoding: &'static Encoding,
}

/// Reads an RTF document.
pub fn read(rtf: &[u8]) -> Content {
    let from_html = rtf.windows(9).take(4_096).any(|w| w == b"\\fromhtml");
    let mut r = Reader { from_html, out: String::new(), pending: Vec::new(), fonts: Vec::new(), font_now: None, surrogate: None };
    r.run(rtf);
    let text = r.out;
    if from_html {
        Content::Html(text)
    } else {
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        Content::Text(lines.join("\n").trim().to_owned())
    }
}

struct Reader {
    from_html: bool,
    out: String,
    /// Bytes of the document's code page waiting to be decoded together.
    pending: Vec<u8>,
    /// Font number and its charset's encoding.
    fonts: Vec<(i32, &'static Encoding)>,
    font_now: Option<i32>,
    surrogate: Option<u16>,
}

fn charset_encoding(n: i32) -> Option<&'static Encoding> {
    let label: &str = match n {
        134 => return Some(GB18030),
        136 => "big5",
        128 => "shift_jis",
        129 => "euc-kr",
        204 => "windows-1251",
        238 => "windows-1250",
        161 => "windows-1253",
        162 => "windows-1254",
        177 => "windows-1255",
        178 => "windows-1256",
        186 => "windows-1257",
        163 => "windows-1258",
        222 => "windows-874",
        _ => return None,
    };
    Encoding::for_label(label.as_bytes())
}

fn code_page(n: i32) -> &'static Encoding {
    match n {
        936 | 54936 => GB18030,
        950 => Encoding::for_label(b"big5").unwrap_or(WINDOWS_1252),
        932 => Encoding::for_label(b"shift_jis").unwrap_or(WINDOWS_1252),
        949 => Encoding::for_label(b"euc-kr").unwrap_or(WINDOWS_1252),
        65001 => encoding_rs::UTF_8,
        n => Encoding::for_label(format!("windows-{n}").as_bytes()).unwrap_or(WINDOWS_1252),
    }
}

impl Reader {
    fn flush(&mut self, e: &'static Encoding) {
        if !self.pending.is_empty() {
            let (t, _) = e.decode_without_bom_handling(&self.pending);
            self.out.push_str(&t);
            self.pending.clear();
        }
    }

    fn put(&mut self, s: &State, t: &str) {
        let shown = !s.skip && (!self.from_html || s.html_tag || !s.rtf_only);
        if shown {
            self.flush(s.encoding);
            self.out.push_str(t);
        }
    }

    fn run(&mut self, rtf: &[u8]) {
        let mut state = State { skip: false, html_tag: false, rtf_only: false, uc: 1, encoding: WINDOWS_1252 };
        let mut doc_encoding: &'static Encoding = WINDOWS_1252;
        let mut stack: Vec<State> = Vec::new();
        let mut pos = 0;
        let mut in_fonts: Option<usize> = None;
        // `\*` before a destination we do not know means: skip the group.
        let mut star = false;
        while pos < rtf.len() && self.out.len() < MOST {
            let b = rtf[pos];
            match b {
                b'{' => {
                    self.flush(state.encoding);
                    if stack.len() < 10_000 {
                        stack.push(state.clone());
                    }
                    pos += 1;
                }
                b'}' => {
                    self.flush(state.encoding);
                    if let Some(s) = stack.pop() {
                        state = s;
                    }
                    if in_fonts.is_some_and(|d| stack.len() < d) {
                        in_fonts = None;
                    }
                    pos += 1;
                }
                b'\\' => {
                    let Some(&c) = rtf.get(pos + 1) else { break };
                    if c.is_ascii_alphabetic() {
                        let start = pos + 1;
                        let mut end = start;
                        while rtf.get(end).is_some_and(u8::is_ascii_alphabetic) && end - start < 40 {
                            end += 1;
                        }
                        let word = std::str::from_utf8(&rtf[start..end]).unwrap_or("");
                        let num_start = end;
                        if rtf.get(end) == Some(&b'-') {
                            end += 1;
                        }
                        while rtf.get(end).is_some_and(u8::is_ascii_digit) && end - num_start < 12 {
                            end += 1;
                        }
                        let num: Option<i32> = std::str::from_utf8(&rtf[num_start..end]).ok().and_then(|n| n.parse().ok());
                        if rtf.get(end) == Some(&b' ') {
                            end += 1;
                        }
                        pos = end;
                        match word {
                            "fonttbl" => {
                                in_fonts = Some(stack.len());
                                state.skip = true;
                            }
                            "f" => {
                                if in_fonts.is_some() {
                                    self.font_now = num;
                                } else if let Some(e) = num.and_then(|n| self.fonts.iter().find(|f| f.0 == n)).map(|f| f.1) {
                                    self.flush(state.encoding);
                                    state.encoding = e;
                                } else if num.is_some() {
                                    self.flush(state.encoding);
                                    state.encoding = doc_encoding;
                                }
                            }
                            "fcharset" => {
                                if let (Some(f), Some(e)) = (self.font_now, num.and_then(charset_encoding)) {
                                    if self.fonts.len() < 1_000 {
                                        self.fonts.push((f, e));
                                    }
                                }
                            }
                            "ansicpg" => {
                                doc_encoding = code_page(num.unwrap_or(1252));
                                state.encoding = doc_encoding;
                            }
                            "htmltag" => {
                                state.html_tag = true;
                                state.skip = false;
                                star = false;
                            }
                            "htmlrtf" => state.rtf_only = num != Some(0),
                            "mhtmltag" => state.skip = true,
                            "uc" => state.uc = num.unwrap_or(1).clamp(0, 16) as usize,
                            "u" => {
                                let unit = num.unwrap_or(63) as u16;
                                let mut units = self.surrogate.take().map(|h| vec![h]).unwrap_or_default();
                                units.push(unit);
                                if (0xd800..0xdc00).contains(&unit) {
                                    self.surrogate = Some(unit);
                                } else {
                                    let t = String::from_utf16_lossy(&units);
                                    self.put(&state, &t);
                                }
                                pos = skip_fallback(rtf, pos, state.uc);
                            }
                            "par" | "line" | "row" | "sect" | "page" => self.put(&state, "\n"),
                            "tab" | "cell" => self.put(&state, "\t"),
                            "emdash" => self.put(&state, "—"),
                            "endash" => self.put(&state, "–"),
                            "lquote" => self.put(&state, "‘"),
                            "rquote" => self.put(&state, "’"),
                            "ldblquote" => self.put(&state, "“"),
                            "rdblquote" => self.put(&state, "”"),
                            "bullet" => self.put(&state, "•"),
                            "bin" => pos = pos.saturating_add(num.unwrap_or(0).max(0) as usize).min(rtf.len()),
                            "colortbl" | "stylesheet" | "info" | "pict" | "object" | "header" | "footer" | "headerl" | "headerr" | "footerl" | "footerr" | "listtable" | "listoverridetable" | "fldinst"
                            | "themedata" | "datastore" | "rsidtbl" | "generator" | "xmlnstbl" | "pntext" | "nonshppict" => state.skip = true,
                            _ if star => {
                                state.skip = true;
                                star = false;
                            }
                            _ => {}
                        }
                        if word != "htmltag" {
                            star = false;
                        }
                    } else {
                        pos += 2;
                        match c {
                            b'\'' => {
                                let hex = |i: usize| rtf.get(i).and_then(|b| (*b as char).to_digit(16));
                                if let (Some(h), Some(l)) = (hex(pos), hex(pos + 1)) {
                                    let shown = !state.skip && (!self.from_html || state.html_tag || !state.rtf_only);
                                    if shown {
                                        self.pending.push((h << 4 | l) as u8);
                                    }
                                    pos += 2;
                                }
                            }
                            b'*' => star = true,
                            b'~' => self.put(&state, "\u{a0}"),
                            b'_' => self.put(&state, "-"),
                            b'\\' | b'{' | b'}' => {
                                let t = (c as char).to_string();
                                self.put(&state, &t);
                            }
                            b'\r' | b'\n' => self.put(&state, "\n"),
                            _ => {}
                        }
                    }
                }
                b'\r' | b'\n' => pos += 1,
                b => {
                    pos += 1;
                    let shown = !state.skip && (!self.from_html || state.html_tag || !state.rtf_only);
                    if shown {
                        // Raw bytes belong to the code page like escaped ones: a trail byte may be plain ASCII.
                        self.pending.push(b);
                        if b.is_ascii() && self.pending.len() > 4_096 {
                            self.flush(state.encoding);
                        }
                    }
                }
            }
        }
        self.flush(state.encoding);
    }
}

/// Skips the `n` stand-in characters after a `\u`.
fn skip_fallback(rtf: &[u8], mut pos: usize, n: usize) -> usize {
    for _ in 0..n {
        match rtf.get(pos) {
            Some(b'\\') if rtf.get(pos + 1) == Some(&b'\'') => pos = (pos + 4).min(rtf.len()),
            Some(b'{' | b'}' | b'\\') | None => break,
            Some(_) => pos += 1,
        }
    }
    pos
}
