//! The line over a quote: "On … wrote:", "在 … 写道：", "Le … a écrit :", in one line or broken over several.

use super::lines::{Line, has_date, has_email, plain};

/// Lines an attribution may be broken over.
const MOST_LINES: usize = 5;
const MOST_CHARS: usize = 500;

/// How an attribution ends, lower case, without the colon.
const ENDS: [&str; 49] = [
    "wrote", "writes", "you wrote", "a écrit", "a ecrit", "schrieb", "schrieben", "geschrieben", "escribió", "escribio", "escreveu", "ha scritto", "scrive", "schreef", "het volgende geschreven", "skrev", "skrev følgende",
    "kirjoitti", "napisał", "napisał(a)", "napisała", "napisal", "napsal(a)", "napsal", "írta", "ezt írta", "написал", "написал(а)", "написала", "пишет", "пише", "написав", "写道", "寫道", "写到", "編寫", "写入", "说道", "撰写",
    "のメール", "は書きました", "さんは書きました", "님이 작성", "작성", "şunu yazdı", "yazdı", "a scris", "đã viết", "έγραψε",
];

/// How an attribution that is broken over lines begins, lower case.
const STARTS: [&str; 40] = [
    "on ", "le ", "am ", "el ", "il ", "em ", "in data ", "op ", "den ", "d. ", "w dniu ", "dnia ", "dne ", "pe ", "ma ", "ti ", "ke ", "to ", "la ", "su ", "在", "于", "於", "vào ", "tarihinde", "mon", "tue", "wed", "thu", "fri",
    "sat", "sun", "lun", "mar", "mer", "jeu", "ven", "sam", "dim", "am\u{a0}",
];

/// If an attribution starts at line `i`, the line after it.
pub fn at(lines: &[Line<'_>], i: usize) -> Option<usize> {
    if lines[i].depth > 0 || lines[i].text.trim().is_empty() {
        return None;
    }
    if !may_begin(&plain(lines[i].text)) {
        return None;
    }
    let mut joined = String::new();
    for (n, line) in lines[i..].iter().take(MOST_LINES).enumerate() {
        let text = plain(line.text);
        // A quoted line or a blank one ends what can be an attribution (">:" is the broken-off end of one).
        let tail = text == ">:" || text == "> :";
        if text.is_empty() || (line.depth > 0 && !tail) {
            break;
        }
        if n > 0 {
            joined.push(' ');
        }
        joined.push_str(&text);
        if joined.chars().count() > MOST_CHARS {
            break;
        }
        let followed = follows_quote(lines, i + n + 1);
        if complete(&joined, n, followed) {
            // A sentence that begins like one, directly above the real one: the shorter reading is right.
            // (`Name <address>` on a line of its own belongs to what follows.)
            let first = plain(lines[i].text);
            let name_line = first.ends_with(['>', ')']) && has_email(&first) && first.chars().count() <= 100;
            let later = !name_line && (1..=n).any(|k| strong_begin(&plain(lines[i + k].text)) && at(lines, i + k) == Some(i + n + 1));
            return (!later).then_some(i + n + 1);
        }
    }
    None
}

/// Begins like an attribution: a lead word or a date's number.
fn strong_begin(text: &str) -> bool {
    let low = text.trim_start_matches(['-', ' ']).to_lowercase() + " ";
    STARTS.iter().any(|s| low.starts_with(s)) || low.starts_with(|c: char| c.is_ascii_digit())
}

/// The first line alone must begin like one, or hold the date or the address.
fn may_begin(text: &str) -> bool {
    strong_begin(text) || has_date(text) || has_email(text)
}

/// Is the next line that is not blank a `>` line?
fn follows_quote(lines: &[Line<'_>], from: usize) -> bool {
    lines[from.min(lines.len())..].iter().take(8).find(|l| !l.text.trim().is_empty()).is_some_and(|l| l.depth > 0)
}

fn complete(joined: &str, breaks: usize, followed: bool) -> bool {
    // ZOHO: ---- On Wed, … wrote ----
    let framed = joined.trim_matches(['-', ' ']);
    let is_framed = joined.starts_with("--") && joined.ends_with("--");
    let text = if is_framed { framed } else { joined };
    let colon = text.ends_with([':', '：']);
    let body = text.trim_end_matches([':', '：', ' ']).trim_end_matches('\u{a0}').trim_end();
    let low = body.to_lowercase();
    let end = ENDS.iter().find(|e| ends_with_word(&low, e));
    if end.is_none() && !colon {
        return false;
    }
    let dated = has_date(&low) || weekday_named(&low);
    let mailed = has_email(&low);
    if !(dated || mailed) {
        return false;
    }
    let starts = STARTS.iter().any(|s| low.starts_with(s));
    let first_is_date = low.chars().next().is_some_and(|c| c.is_ascii_digit());
    if let Some(end) = end {
        // Without the colon it could be a sentence: then everything else has to fit.
        let cjk = !end.is_ascii() && end.chars().all(|c| c > '\u{2e80}');
        let enough = (dated && mailed) || starts && dated || cjk && (dated || mailed) || followed || first_is_date && dated;
        return (colon || is_framed || starts && dated && mailed || cjk && dated && mailed) && enough;
    }
    // The verb in the middle: "Am 1.2.2026 um 10:00 schrieb Anna <a@b>:", "Op … schreef Bram <…>:", "tir. … skrev Test <…>:"
    let verb_inside = [" schrieb ", " schreef ", " skrev ", " wrote ", " a écrit ", " escribió ", " ha scritto ", " kirjoitti ", " napisał", " escreveu ", " написал"].iter().any(|v| low.contains(v));
    if verb_inside && dated && (mailed || starts || followed) {
        return true;
    }
    // No verb at all: date and address, the address last: "ср, 30 апр. 2025 г. в 15:19, John Doe <doe@example.com>:"
    let address_last = low.ends_with('>') || low.ends_with(')') && mailed || low.split_whitespace().last().is_some_and(has_email);
    let early = first_is_date || starts || breaks == 0 && date_early(&low);
    dated && mailed && address_last && early && low.chars().count() < 300
}

/// A date within the first 40 characters.
fn date_early(low: &str) -> bool {
    has_date(&low.chars().take(40).collect::<String>())
}

fn weekday_named(low: &str) -> bool {
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "星期", "周一", "周二", "周三", "周四", "周五", "周六", "周日", "週"].iter().any(|d| low.contains(d))
}

fn ends_with_word(low: &str, end: &str) -> bool {
    low.strip_suffix(end).is_some_and(|head| {
        end.chars().next().is_some_and(|c| c > '\u{2e80}') || head.ends_with([' ', '>', ')', ']', '"', ',', '\u{a0}']) || head.is_empty()
    })
}
