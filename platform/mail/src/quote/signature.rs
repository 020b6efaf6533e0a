//! Signatures: delimiters, "Sent from my …", closing words, names set off with a dash.

use super::Mark;
use super::lines::{Line, is_rule, plain};

/// How a device's or an app's own line begins, lower case.
const DEVICE: [&str; 62] = [
    "sent from my ", "sent from ", "sent via ", "sent using ", "get outlook for ", "envoyé de mon ", "envoyé depuis ", "envoyé à partir de ", "envoyé avec ", "télécharger outlook ", "obtenez outlook pour ", "gesendet von ", "gesendet mit ", "von meinem ",
    "von meiner ", "holen sie sich outlook ", "enviado desde ", "enviado do meu ", "enviado a partir ", "enviado de mi ", "enviado do ", "obtener outlook para ", "inviato da ", "inviato dal ", "scarica outlook ", "verzonden vanaf ", "verstuurd vanaf ", "verzonden met ", "verzonden via ",
    "skickat från ", "sendt fra ", "lähetetty ", "wysłane z ", "wysłano z ", "отправлено с ", "отправлено из ", "отправлено от ", "odesláno z ", "trimis de pe ", "发自我的", "发自 ", "发自于", "發自我的", "從我的 ", "从我的", "來自我的", "来自我的", "发送自我的", "發送自", "从 windows", "从 mac", "從 windows", "使用 mail 应用发送", "iphoneから送信",
    "ipadから送信", "내 iphone에서 보냄", "나의 iphone에서 보냄", "발신: ", "签名由 网易邮箱", "签名由网易邮箱", "发自网易邮箱", "发自新浪邮箱",
];
/// … or ends.
const DEVICE_END: [&str; 12] = ["版邮件发送", "版郵件傳送", "手机发送", "手機發送", "邮箱大师", "定制", "から送信", "에서 보냄", "傳送", "gesendet", "gönderildi", "客户端发送"];

/// Closing words that stand alone on a line above a name, lower case, without punctuation.
const CLOSING: [&str; 27] = [
    "regards", "best regards", "kind regards", "warm regards", "warmest regards", "kindest regards", "with best regards", "with kind regards", "best wishes", "cheers", "cordialement", "bien cordialement", "mit freundlichen grüßen", "freundliche grüße", "viele grüße",
    "liebe grüße", "beste grüße", "saludos", "saludos cordiales", "atentamente", "cordiali saluti", "distinti saluti", "met vriendelijke groet", "met vriendelijke groeten", "med vennlig hilsen", "med venlig hilsen", "med vänliga hälsningar",
];

/// Marks signatures in what is still kept; returns whether a device line was among them.
pub fn mark(lines: &[Line<'_>], marks: &mut [Mark]) -> bool {
    let mut device = false;
    let mut i = 0;
    while i < lines.len() {
        if marks[i] != Mark::Keep {
            i += 1;
            continue;
        }
        // A segment: kept lines up to the next fold.
        let end = (i..lines.len()).find(|&k| marks[k] != Mark::Keep).unwrap_or(lines.len());
        device |= segment(lines, marks, i, end);
        i = end;
    }
    device
}

fn segment(lines: &[Line<'_>], marks: &mut [Mark], from: usize, to: usize) -> bool {
    let blank = |k: usize| lines[k].text.trim().is_empty();
    let last_segment = marks[to..].iter().all(|m| *m != Mark::Keep) || (to..lines.len()).all(|k| marks[k] != Mark::Keep || blank(k));
    let mut found = None;
    let mut device = false;
    let mut code = false;
    for k in from..to {
        let t = plain(lines[k].text);
        if t.starts_with("```") {
            code = !code;
        }
        if t.is_empty() || code {
            continue;
        }
        let words_above = (0..k).any(|a| marks[a] == Mark::Keep && !blank(a));
        if is_device_line(&t) {
            // Programs put the quote below their line without any mark; but only if something was said above it.
            let only_line = (k + 1..to).all(blank);
            if only_line || words_above && last_segment {
                device = true;
                found = Some(k);
                break;
            }
            continue;
        }
        if found.is_none() && (delimiter(lines, k, to) || closing(lines, k, to) || dashed_name(lines, k, from, to)) {
            // Looked at further: a device line below makes the difference for an otherwise empty answer.
            device |= (k + 1..to).any(|d| is_device_line(&plain(lines[d].text)));
            found = Some(k);
            break;
        }
    }
    if let Some(k) = found {
        marks[k..to].fill(Mark::Signature);
    }
    device
}

/// The line of a device or app: short, no sentence.
fn is_device_line(t: &str) -> bool {
    if t.len() > 1_000 {
        return false;
    }
    let low = t.to_lowercase().replace(['“', '”', '"'], "");
    // A link in angle brackets or parentheses behind the product's name does not count.
    let shown = low.split(['<', '(']).next().unwrap_or("").trim().trim_matches(['-', '—', '|', ' ', '[', ']', '【', '】']).to_owned();
    let chars = shown.chars().count();
    if chars == 0 || chars > 60 {
        return false;
    }
    let starts = DEVICE.iter().find(|p| (shown.clone() + " ").starts_with(*p));
    let cjk = shown.chars().any(|c| c > '\u{2e80}');
    if let Some(p) = starts {
        if cjk {
            return chars <= 40 && !shown.contains(['，', '。', '！', '？', ',', '、']);
        }
        let rest = shown[p.len().min(shown.len())..].trim();
        let words = rest.split_whitespace().count();
        let sentence = shown.ends_with(['.', '!', '?']) || shown.contains(", ") || shown.contains("; ");
        if sentence || words == 0 || words > 7 {
            return false;
        }
        // "Sent from a small town" is prose; "Sent from TypeApp", "Sent from Mail for Windows" are not.
        if matches!(*p, "sent from " | "sent via " | "sent using " | "gesendet mit " | "envoyé depuis " | "inviato da ") {
            let original = t.split_whitespace().nth(p.split_whitespace().count()).unwrap_or("");
            return t.contains('<') || original.chars().next().is_some_and(|c| c.is_uppercase()) || rest.split_whitespace().next().is_some_and(|w| matches!(w, "my" | "mein" | "meinem" | "mon" | "il" | "mio" | "iphone" | "ipad" | "phone" | "email" | "mail"));
        }
        return true;
    }
    if cjk && DEVICE_END.iter().any(|e| shown.ends_with(e)) {
        return chars <= 25 && !shown.contains(['，', '。', '！', '？']) && (shown.starts_with(['从', '從', '由', '通', '使', '发', '發', '来', '來', '签', '簽', 'i', '내']));
    }
    shown.ends_with(" gesendet") && shown.starts_with("von ")
}

/// `-- `, `--`, `__`, `—`: what follows to the end of the segment is a signature.
fn delimiter(lines: &[Line<'_>], k: usize, to: usize) -> bool {
    let raw = lines[k].text.trim_end();
    let t = raw.trim();
    if t == "--" || t == "---" && short_below(lines, k, to, 6) && contact_below(lines, k, to) {
        return true;
    }
    if !is_rule(t) && t != "—" && t != "―" && t != "_" {
        return false;
    }
    let below = (k + 1..to).filter(|&i| !lines[i].text.trim().is_empty()).take(20).count();
    if below == 0 {
        return false;
    }
    let all = |cs: &[char]| t.chars().all(|c| cs.contains(&c));
    if all(&['_']) {
        // Mailing-list footers and Outlook's line.
        return below <= 10;
    }
    if all(&['—', '―', '–', '─', '━']) {
        return below <= 8 && short_below(lines, k, to, 8);
    }
    if all(&['-']) && t.len() >= 4 {
        // QQ draws eighteen dashes over a signature, Foxmail thirty-two; Markdown rules and tables look the same but have prose below.
        return below <= 8 && short_below(lines, k, to, 8) && (contact_below(lines, k, to) || matches!(t.len(), 18 | 32) && below <= 4);
    }
    false
}

fn short_below(lines: &[Line<'_>], k: usize, to: usize, most: usize) -> bool {
    let texts: Vec<&str> = (k + 1..to).map(|i| lines[i].text.trim()).filter(|t| !t.is_empty()).take(most + 1).collect();
    texts.len() <= most && texts.iter().all(|t| t.chars().count() <= 70 && !t.ends_with(['。', '？', '?']) && !(t.ends_with('.') && t.split_whitespace().count() > 6))
}

fn contact_below(lines: &[Line<'_>], k: usize, to: usize) -> bool {
    (k + 1..to).any(|i| {
        let low = lines[i].text.to_lowercase();
        super::lines::has_email(&low) || ["tel", "电话", "手机", "邮箱", "地址", "www.", "fax", "传真", "mobile", "phone", "微信", "qq:", "qq："].iter().any(|w| low.contains(w)) || low.split(|c: char| !(c.is_ascii_digit() || matches!(c, ' ' | '+' | '-' | '.' | '(' | ')'))).any(|run| run.chars().filter(char::is_ascii_digit).count() >= 8)
    })
}

/// "Best regards," on a line of its own with at most a few short lines below.
fn closing(lines: &[Line<'_>], k: usize, to: usize) -> bool {
    let low = plain(lines[k].text).to_lowercase();
    let word: String = low.chars().filter(|c| c.is_alphabetic() || *c == ' ').collect();
    if low.chars().count() > 40 || !CLOSING.contains(&word.trim()) {
        return false;
    }
    let texts: Vec<&str> = (k + 1..to).map(|i| lines[i].text.trim()).filter(|t| !t.is_empty()).take(8).collect();
    // Lines below a delimiter are a signature anyway and may be many.
    let head = texts.iter().position(|t| *t == "--" || is_rule(t)).unwrap_or(texts.len());
    head <= 6 && texts[..head].iter().all(|t| t.chars().count() <= 80 && !t.ends_with(['?', '？']))
}

/// `-Abhishek Kona`: a name set off with a dash, the last thing said.
fn dashed_name(lines: &[Line<'_>], k: usize, from: usize, to: usize) -> bool {
    let t = lines[k].text.trim();
    let Some(name) = t.strip_prefix(['-', '—', '–', '~']) else { return false };
    let words: Vec<&str> = name.split_whitespace().collect();
    let a_name = !name.starts_with([' ', '-']) && (1..=3).contains(&words.len()) && words.iter().all(|w| w.chars().next().is_some_and(char::is_uppercase) && w.chars().all(|c| c.is_alphabetic() || matches!(c, '.' | '\'' | '-')));
    let blank_above = k == from || lines[k - 1].text.trim().is_empty();
    let after = (k + 1..to).find(|&i| !lines[i].text.trim().is_empty());
    // Below it nothing, or only a footer set off by a rule.
    let last = after.is_none_or(|i| is_rule(lines[i].text.trim()) && lines[i].text.trim().starts_with(['_', '-']) && delimiter(lines, i, to));
    a_name && blank_above && last
}
