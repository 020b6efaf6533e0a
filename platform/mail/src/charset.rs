//! Bytes to text: declared charsets, wrongly declared ones, and none declared at all.

use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GB18030, ISO_2022_JP, SHIFT_JIS, UTF_8, UTF_16LE, UTF_16BE, WINDOWS_1252};
use mail_parser::decoders::charsets::map::charset_decoder;

/// Decoded text and, if something was odd, what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    pub text: String,
    pub problem: Option<String>,
}

impl Decoded {
    fn ok(text: String) -> Self {
        Decoded { text, problem: None }
    }

    fn odd(text: String, problem: String) -> Self {
        Decoded { text, problem: Some(problem) }
    }
}

/// A label without its decoration: `"GB2312"`, `charset=gbk`, `utf8;` all occur.
fn normal(label: &str) -> String {
    let l = label.trim().trim_matches(['"', '\'', ';', ' ', '\\']).to_ascii_lowercase();
    let l = l.strip_prefix("charset=").unwrap_or(&l);
    l.split(['*', ';', ' ']).next().unwrap_or("").trim_matches(['"', '\'']).to_owned()
}

enum Kind {
    /// No useful label: look at the bytes.
    Unknown,
    Hz,
    Utf7,
    /// ISO-2022-KR and ISO-2022-CN, which the usual libraries refuse.
    Iso2022Kr,
    Iso2022Cn,
    Known(&'static Encoding),
    /// Read by mail-parser's own tables (code pages browsers do not know).
    Table(fn(&[u8]) -> String),
    Foreign,
}

fn kind(label: &str) -> Kind {
    let l = normal(label);
    match l.as_str() {
        "" | "us-ascii" | "ascii" | "ansi_x3.4-1968" | "unknown-8bit" | "x-unknown" | "unknown" | "8bit" | "7bit" | "default" | "binary" | "x-user-defined" | "default_charset" => Kind::Unknown,
        // Chinese programs write these labels for the whole family; GB18030 reads all of it.
        "gb2312" | "gb_2312-80" | "gb2312-80" | "gb-2312" | "gbk" | "x-gbk" | "cp936" | "ms936" | "windows-936" | "euc-cn" | "x-euc-cn" | "euccn" | "gb18030" | "gb-18030" | "gb18030-2000"
        | "gb18030-2005" | "gb18030-2022" | "chinese" | "csgb2312" | "gb" | "cn-gb" | "936" => Kind::Known(GB18030),
        "hz-gb-2312" | "hz" | "hz-gb2312" => Kind::Hz,
        "big5" | "big-5" | "big5-hkscs" | "big5hkscs" | "cp950" | "x-x-big5" | "x-big5" | "cn-big5" | "csbig5" | "windows-950" | "950" | "big5-eten" => Kind::Known(BIG5),
        "utf-8" | "utf8" | "utf-8mb4" | "utf8mb4" | "unicode-1-1-utf-8" | "cp65001" | "65001" | "utf_8" | "x-unicode20utf8" => Kind::Known(UTF_8),
        "utf-7" | "utf7" | "unicode-1-1-utf-7" | "csunicode11utf7" | "x-unicode-1-1-utf-7" => Kind::Utf7,
        "utf-16" | "utf-16le" | "ucs-2" | "unicode" | "iso-10646-ucs-2" => Kind::Known(UTF_16LE),
        "utf-16be" => Kind::Known(UTF_16BE),
        "ks_c_5601-1987" | "ks_c_5601" | "euc-kr" | "cp949" | "ms949" | "uhc" | "windows-949" | "x-windows-949" => Kind::Known(EUC_KR),
        "cp932" | "ms932" | "windows-932" | "shift-jis" | "shift_jis" | "sjis" | "x-sjis" => Kind::Known(SHIFT_JIS),
        "iso-2022-jp" | "iso-2022-jp-1" | "iso-2022-jp-2" | "iso-2022-jp-3" | "iso-2022-jp-ms" | "cp50220" | "cp50221" => Kind::Known(ISO_2022_JP),
        "iso-2022-kr" => Kind::Iso2022Kr,
        "iso-2022-cn" | "iso-2022-cn-ext" => Kind::Iso2022Cn,
        _ => match Encoding::for_label(l.as_bytes()).filter(|e| *e != encoding_rs::REPLACEMENT) {
            Some(e) => Kind::Known(e),
            None => match charset_decoder(l.as_bytes()) {
                Some(f) => Kind::Table(f),
                None => Kind::Foreign,
            },
        },
    }
}

/// Decodes `bytes` as labelled; with no label, or where the label cannot be right, looks at the bytes.
/// `hint` is the charset of the neighbourhood (the body's, for a raw header).
pub fn decode(bytes: &[u8], label: &str, hint: &str) -> Decoded {
    let mut out = decode_inner(bytes, label, hint);
    if out.text.starts_with('\u{feff}') {
        out.text.remove(0);
    }
    // PostgreSQL text cannot hold NUL, and no reader needs it.
    if out.text.contains('\0') {
        out.text.retain(|c| c != '\0');
    }
    out
}

fn decode_inner(bytes: &[u8], label: &str, hint: &str) -> Decoded {
    if bytes.is_empty() {
        return Decoded::ok(String::new());
    }
    match kind(label) {
        Kind::Unknown => detect_noted(bytes, label, hint),
        Kind::Hz => Decoded::ok(decode_hz(bytes)),
        Kind::Utf7 => match charset_decoder(b"utf-7") {
            Some(f) => Decoded::ok(f(bytes)),
            None => detect_noted(bytes, label, hint),
        },
        Kind::Iso2022Kr => Decoded::ok(decode_shifted(bytes, EUC_KR)),
        Kind::Iso2022Cn => Decoded::ok(decode_shifted(bytes, GB18030)),
        Kind::Table(f) => Decoded::ok(f(bytes)),
        Kind::Foreign => {
            let found = detect(bytes, hint);
            Decoded::odd(found.0, format!("charset {:?} is not known; read as {}", normal(label), found.1))
        }
        Kind::Known(e) => decode_known(bytes, e, label, hint),
    }
}

fn detect_noted(bytes: &[u8], label: &str, hint: &str) -> Decoded {
    let (text, name) = detect(bytes, hint);
    if bytes.is_ascii() || label.trim().is_empty() && name == "UTF-8" {
        Decoded::ok(text)
    } else {
        Decoded::odd(text, format!("8-bit text without a usable charset; read as {name}"))
    }
}

fn decode_known(bytes: &[u8], e: &'static Encoding, label: &str, hint: &str) -> Decoded {
    if e == ISO_2022_JP && bytes.iter().any(|&b| b >= 0x80) {
        let (text, name) = detect(bytes, hint);
        return Decoded::odd(text, format!("charset {:?} cannot hold these bytes; read as {name}", normal(label)));
    }
    if e == ISO_2022_JP {
        // Words decoded together give "back to ASCII" followed at once by "to JIS", which the standard decoder calls an error.
        let clean = without_idle_escapes(bytes);
        let (text, bad) = e.decode_without_bom_handling(&clean);
        return if bad { Decoded::odd(text.into_owned(), format!("some characters are not valid {}", e.name())) } else { Decoded::ok(text.into_owned()) };
    }
    let ascii = bytes.is_ascii();
    let (text, bad) = e.decode_without_bom_handling(bytes);
    if ascii || e == UTF_16LE || e == UTF_16BE {
        // A GB label over HZ escapes, or a plain label over ISO-2022-JP, is still ASCII bytes.
        if ascii && e == GB18030 && looks_hz(bytes) {
            return Decoded::odd(decode_hz(bytes), format!("charset {:?} holds HZ escapes; read as HZ-GB-2312", normal(label)));
        }
        return Decoded::ok(text.into_owned());
    }
    let other = |found: (String, &'static str)| {
        Decoded::odd(found.0, format!("charset {:?} does not fit the bytes; read as {}", normal(label), found.1))
    };
    if e == UTF_8 {
        if !bad {
            return Decoded::ok(text.into_owned());
        }
        // A few damaged characters in good UTF-8 stay UTF-8; otherwise the label lies.
        let good = text.chars().filter(|c| !c.is_ascii() && *c != '\u{fffd}').count();
        let lost = text.chars().filter(|c| *c == '\u{fffd}').count();
        if good > lost * 2 {
            return Decoded::odd(text.into_owned(), format!("{lost} characters are not valid {}", e.name()));
        }
        return other(detect(bytes, hint));
    }
    if let Ok(utf8) = std::str::from_utf8(bytes) {
        // Bytes that are valid UTF-8 beyond ASCII are hardly ever anything else; two-byte runs alone are too weak.
        let wide = utf8.chars().filter(|c| *c >= '\u{800}').count();
        let narrow = utf8.chars().filter(|c| ('\u{80}'..'\u{800}').contains(c)).count();
        let single_byte = e.is_single_byte();
        if (single_byte && (wide + narrow > 0)) || bad && wide + narrow > 0 || wide > 0 && everyday_text(utf8) >= 0.8 && everyday_text(&text) < 0.6 {
            return other((utf8.to_owned(), "UTF-8"));
        }
    }
    if bad {
        let lost = text.chars().filter(|c| *c == '\u{fffd}').count();
        let all = text.chars().filter(|c| !c.is_ascii()).count();
        if lost * 4 > all {
            let found = detect(bytes, hint);
            if found.1 != e.name() && !found.0.contains('\u{fffd}') {
                return other(found);
            }
        }
        return Decoded::odd(text.into_owned(), format!("{lost} characters are not valid {}", e.name()));
    }
    if (e == WINDOWS_1252 || normal(label).starts_with("iso-8859")) && pairs_only(bytes) {
        // Chinese text under a Western label: high bytes only in pairs, nearly all of them everyday characters.
        let (gb, gb_bad) = GB18030.decode_without_bom_handling(bytes);
        let (all, common) = everyday(bytes, false);
        if !gb_bad && all >= 4 && common * 10 >= all * 9 {
            return other((gb.into_owned(), "gb18030"));
        }
    }
    Decoded::ok(text.into_owned())
}

/// Drops a three-byte escape sequence that is directly followed by another.
fn without_idle_escapes(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let idle = bytes[i] == 0x1b && matches!(bytes.get(i + 1), Some(b'(' | b'$')) && bytes.get(i + 3) == Some(&0x1b) && matches!(bytes.get(i + 4), Some(b'(' | b'$'));
        if idle {
            i += 3;
        } else {
            out.push(bytes[i]);
            i += 1;
        }
    }
    out
}

/// Every run of high bytes has an even length.
fn pairs_only(bytes: &[u8]) -> bool {
    let mut run = 0;
    for &b in bytes {
        if b >= 0x80 {
            run += 1;
        } else {
            if run % 2 == 1 {
                return false;
            }
            run = 0;
        }
    }
    run % 2 == 0
}

fn hanzi(text: &str) -> usize {
    text.chars().filter(|c| !c.is_ascii()).count()
}

/// How Chinese a stretch of bytes looks in one encoding: all wide characters, and everyday ones
/// (first level of GB 2312 or Big5, punctuation). Byte by byte, on the first 64 KiB: this runs on attachments' names and on whole bodies.
fn everyday(bytes: &[u8], big5: bool) -> (usize, usize) {
    let bytes = &bytes[..bytes.len().min(64 << 10)];
    let (mut all, mut common, mut i) = (0, 0, 0);
    while i < bytes.len() {
        let (a, b) = (bytes[i], bytes.get(i + 1).copied().unwrap_or(0));
        if a < 0x80 {
            i += 1;
            continue;
        }
        all += 1;
        let hit = if big5 { matches!(a, 0xa4..=0xc6) && matches!(b, 0x40..=0x7e | 0xa1..=0xfe) || a == 0xa1 && matches!(b, 0x40..=0x7e | 0xa1..=0xfe) } else { matches!((a, b), (0xb0..=0xd7, 0xa1..=0xfe) | (0xa1 | 0xa3, 0xa1..=0xfe)) };
        common += usize::from(hit);
        i += if !big5 && (0x81..=0xfe).contains(&a) && b.is_ascii_digit() { 4 } else { 2 };
    }
    (all, common)
}

/// Share of everyday characters in a text, by writing a sample of it in GB 18030.
fn everyday_text(text: &str) -> f64 {
    let sample: String = text.chars().filter(|c| *c >= '\u{800}').take(300).collect();
    let (gb, _, _) = GB18030.encode(&sample);
    let (all, common) = everyday(&gb, false);
    common as f64 / all.max(1) as f64
}

/// Guesses the charset of unlabelled bytes: text and the name of what it was read as.
pub fn detect(bytes: &[u8], hint: &str) -> (String, &'static str) {
    if bytes.is_ascii() {
        if looks_hz(bytes) {
            return (decode_hz(bytes), "HZ-GB-2312");
        }
        if bytes.windows(2).any(|w| w == b"\x1b$") {
            let (text, bad) = ISO_2022_JP.decode_without_bom_handling(bytes);
            if !bad {
                return (text.into_owned(), "ISO-2022-JP");
            }
        }
        return (String::from_utf8_lossy(bytes).into_owned(), "US-ASCII");
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (text.to_owned(), "UTF-8");
    }
    if let Kind::Known(e) = kind(hint) {
        if e != UTF_8 {
            let (text, bad) = e.decode_without_bom_handling(bytes);
            if !bad {
                return (text.into_owned(), e.name());
            }
        }
    }
    // The candidate whose text is most everyday Chinese wins; Big5 needs a clear lead because GB18030 accepts nearly anything.
    let mut best: Option<(String, &'static str, f64)> = None;
    for e in [GB18030, BIG5] {
        let (text, bad) = e.decode_without_bom_handling(bytes);
        let (all, common) = everyday(bytes, e == BIG5);
        let own = common as f64 / all.max(1) as f64;
        let score = if bad { own - 0.5 } else { own };
        if best.as_ref().is_none_or(|b| score > b.2 + 0.02) {
            best = Some((text.into_owned(), e.name(), score));
        }
    }
    for e in [EUC_JP, SHIFT_JIS] {
        let (text, bad) = e.decode_without_bom_handling(bytes);
        let kana = text.chars().filter(|c| ('\u{3041}'..='\u{30ff}').contains(c)).count();
        if !bad && kana * 3 > hanzi(&text) && kana > 1 && !text.chars().any(|c| ('\u{ff61}'..='\u{ff9f}').contains(&c)) {
            return (text.into_owned(), e.name());
        }
    }
    if let Some((text, name, score)) = best {
        if score >= 0.55 {
            return (text, name);
        }
    }
    // Mostly good UTF-8 with a broken character (cut by a gateway) beats Latin-1 soup.
    let lossy = String::from_utf8_lossy(bytes);
    let lost = lossy.chars().filter(|c| *c == '\u{fffd}').count();
    if hanzi(&lossy) > lost * 3 {
        return (lossy.into_owned(), "UTF-8");
    }
    (WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(), "windows-1252")
}

fn looks_hz(bytes: &[u8]) -> bool {
    let Some(open) = bytes.windows(2).position(|w| w == b"~{") else { return false };
    bytes[open + 2..].windows(2).any(|w| w == b"~}")
}

/// HZ (RFC 1843): `~{` … `~}` wraps GB 2312 in seven bits; no library at hand reads it.
pub fn decode_hz(bytes: &[u8]) -> String {
    let mut gb = Vec::with_capacity(bytes.len());
    let mut wide = false;
    let mut pos = 0;
    while pos < bytes.len() {
        match (bytes[pos], bytes.get(pos + 1)) {
            (b'~', Some(b'{')) if !wide => (wide, pos) = (true, pos + 2),
            (b'~', Some(b'}')) => (wide, pos) = (false, pos + 2),
            (b'~', Some(b'~')) if !wide => {
                gb.push(b'~');
                pos += 2;
            }
            (b'~', Some(b'\n')) if !wide => pos += 2,
            (b'~', Some(b'\r')) if !wide && bytes.get(pos + 2) == Some(&b'\n') => pos += 3,
            (b'\n', _) => {
                // A line end always ends the wide mode.
                wide = false;
                gb.push(b'\n');
                pos += 1;
            }
            (a, Some(&b)) if wide && (0x21..=0x7e).contains(&a) && (0x21..=0x7e).contains(&b) => {
                gb.extend_from_slice(&[a | 0x80, b | 0x80]);
                pos += 2;
            }
            (a, _) => {
                gb.push(a);
                pos += 1;
            }
        }
    }
    GB18030.decode_without_bom_handling(&gb).0.into_owned()
}

/// ISO-2022-KR / ISO-2022-CN: a designator at line start, then shift-out / shift-in around the wide bytes.
fn decode_shifted(bytes: &[u8], e: &'static Encoding) -> String {
    let mut flat = Vec::with_capacity(bytes.len());
    let mut wide = false;
    let mut pos = 0;
    while pos < bytes.len() {
        match bytes[pos] {
            0x1b if bytes.get(pos + 1) == Some(&b'$') => pos += 3,
            0x0e => wide = true,
            0x0f => wide = false,
            b'\n' => {
                wide = false;
                flat.push(b'\n');
            }
            b if wide && (0x21..=0x7e).contains(&b) => flat.push(b | 0x80),
            b => flat.push(b),
        }
        pos += 1;
    }
    e.decode_without_bom_handling(&flat).0.into_owned()
}
