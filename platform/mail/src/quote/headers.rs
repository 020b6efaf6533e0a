//! Separators ("-----Original Message-----", "------------------ 原始邮件 ------------------") and header blocks (From/Sent/To/Subject).

use super::lines::{Line, is_rule, plain};

/// A quote that begins here.
pub struct Cut {
    /// First line of the separator or header block.
    pub start: usize,
    /// Line after it.
    pub end: usize,
    /// Everything below belongs to the quote, unless it is marked with `>`.
    pub takes_rest: bool,
}

/// Words of separators, lower case.
const SEPARATORS: [&str; 41] = [
    "original message", "original appointment", "original", "forwarded message", "begin forwarded message", "forwarded by", "原始邮件", "原始郵件", "原邮件", "原郵件", "回复的原邮件", "回覆的原郵件", "转发的邮件", "转发邮件", "转发邮件信息",
    "轉寄郵件", "轉寄的郵件", "邮件原件", "原始信息", "原始訊息", "ursprüngliche nachricht", "original-nachricht", "weitergeleitete nachricht", "oprindelig besked", "oprindelig meddelelse", "message d'origine", "message d’origine", "message original",
    "message transféré", "mensaje original", "mensaje reenviado", "messaggio originale", "messaggio inoltrato", "mensagem original", "mensagem encaminhada", "oorspronkelijk bericht", "ursprungligt meddelande", "opprinnelig melding", "исходное сообщение",
    "пересылаемое сообщение", "元のメッセージ",
];

/// Field names that name a sender, lower case.
const FROM: [&str; 25] = [
    "from", "发件人", "寄件者", "寄件人", "發件人", "发信人", "von", "de", "da", "van", "fra", "från", "lähettäjä", "od", "от", "от кого", "差出人", "보낸 사람", "보낸사람", "kimden", "gönderen", "feladó", "expéditeur", "remitente", "mittente",
];
/// … a time.
const DATE: [&str; 39] = [
    "sent", "date", "发送时间", "發送時間", "傳送時間", "寄件日期", "日期", "时间", "發送日期", "发送日期", "gesendet", "gesendet am", "datum", "envoyé", "envoyé le", "fecha", "enviado", "enviado el", "enviado em", "data", "inviato", "inviato il", "verzonden", "sendt", "dato", "skickat", "lähetetty",
    "päiväys", "wysłano", "data wysłania", "отправлено", "дата", "送信日時", "送信日", "보낸 날짜", "gönderildi", "tarih", "elküldve", "message du",
];
/// … somebody else or something else.
const OTHER: [&str; 62] = [
    "to", "cc", "bcc", "subject", "reply-to", "importance", "attachments", "priority", "收件人", "收件者", "抄送", "抄送人", "副本", "密送", "主题", "主題", "主旨", "标题", "附件", "回复", "回复地址", "an", "betreff", "kopie", "antwort an", "à", "a", "copie à", "copie", "objet", "sujet", "para", "asunto", "cc:", "oggetto", "assunto",
    "aan", "onderwerp", "til", "kopi", "emne", "till", "kopia", "ämne", "vastaanottaja", "kopio", "aihe", "do", "dw", "temat", "кому", "копия", "тема", "宛先", "件名", "받는 사람", "참조", "제목", "kime", "konu", "címzett", "tárgy",
];

#[derive(PartialEq, Eq, Clone, Copy, Debug)]
enum Field {
    From,
    Date,
    Other,
}

/// The field a line begins with.
fn field(text: &str) -> Option<Field> {
    // NetEase writes the block as a table: | 发件人 | 张三<…> |
    let t = text.trim_start_matches(['|', '│', ' ']);
    let end = t.find([':', '：', '|'])?;
    let name = t[..end].trim().to_lowercase();
    if name.is_empty() || name.chars().count() > 20 {
        return None;
    }
    let name = name.as_str();
    if FROM.contains(&name) {
        Some(Field::From)
    } else if DATE.contains(&name) {
        Some(Field::Date)
    } else if OTHER.contains(&name) {
        Some(Field::Other)
    } else {
        None
    }
}

/// If a separator or a header block starts at line `i`, where it ends.
pub fn at(lines: &[Line<'_>], i: usize) -> Option<Cut> {
    if lines[i].depth > 0 {
        return None;
    }
    let text = plain(lines[i].text);
    if text.is_empty() {
        return None;
    }
    if separator(&text) {
        let end = skip_blank(lines, i + 1);
        let end = block_end(lines, end, false).unwrap_or(i + 1);
        return Some(Cut { start: i, end, takes_rest: true });
    }
    let below = skip_blank(lines, i + 1);
    // A line framed in dashes that is no known phrase, with a header block under it: some language we do not know.
    if framed(&text) && block_end(lines, below, true).is_some() {
        return Some(Cut { start: i, end: block_end(lines, below, true).unwrap_or(below), takes_rest: true });
    }
    // A long rule directly over a header block, as Outlook writes it.
    if is_rule(&text) && text.len() >= 3 {
        if let Some(end) = block_end(lines, below, true) {
            return Some(Cut { start: i, end, takes_rest: true });
        }
    }
    block_end(lines, i, true).map(|end| Cut { start: i, end, takes_rest: true })
}

fn skip_blank(lines: &[Line<'_>], mut i: usize) -> usize {
    let stop = (i + 3).min(lines.len());
    while i < stop && lines[i].text.trim().is_empty() {
        i += 1;
    }
    i
}

fn framed(text: &str) -> bool {
    let inner = text.trim_matches(['-', '_', '=', '—', '－', ' ', '|']);
    !inner.is_empty() && text.starts_with("--") && text.ends_with("--") && inner.chars().count() < 60
}

fn separator(text: &str) -> bool {
    let low = text.to_lowercase();
    let bare = low.trim_matches(['-', '_', '=', '—', '－', '─', ' ', '|', '*', '>', ':', '：', '[', ']', '【', '】']);
    if !SEPARATORS.contains(&bare) {
        return false;
    }
    // The words alone are no separator: a frame is needed, except for the phrases nobody would write as a line of their own.
    let frame = ["--", "__", "==", "——", "－－", "──", "|", "【", "["].iter().any(|f| low.starts_with(f));
    let alone = matches!(bare, "begin forwarded message" | "回复的原邮件" | "原始邮件" | "原始郵件" | "转发的邮件" | "转发邮件信息") && (frame || low.ends_with([':', '：']) || bare == "回复的原邮件");
    (frame && low.chars().filter(|c| matches!(c, '-' | '_' | '=' | '—' | '－' | '─' | '|' | '【' | '[')).count() >= 2) || alone
}

/// End of the header block that starts at line `i`: at least a sender and something else (or three different fields), close together.
fn block_end(lines: &[Line<'_>], i: usize, strict: bool) -> Option<usize> {
    let mut seen: Vec<Field> = Vec::new();
    let mut names = 0;
    let mut end = i;
    let mut loose = 0;
    for (k, line) in lines.iter().enumerate().skip(i).take(20) {
        if line.depth > 0 {
            break;
        }
        let text = plain(line.text);
        match field(&text) {
            Some(f) => {
                seen.push(f);
                names += 1;
                end = k + 1;
                loose = 0;
            }
            None if k == i => return None,
            // A blank line ends the block, except in the table forms that put one between every two fields.
            None if text.is_empty() => {
                let again = lines.get(k + 1).is_some_and(|l| field(&plain(l.text)).is_some());
                if !again {
                    break;
                }
            }
            // A value that runs on: addresses, long subjects, table rules.
            None => {
                loose += 1;
                if loose > 3 {
                    break;
                }
            }
        }
    }
    let first = *seen.first()?;
    let has = |f: Field| seen.contains(&f);
    let good = match first {
        Field::From => has(Field::Date) || names >= 2 && has(Field::Other),
        Field::Date => has(Field::From) && names >= 2,
        Field::Other => names >= 3 && has(Field::From) && has(Field::Date),
    };
    let good = good && (!strict || plausible(lines, i, end));
    good.then_some(end)
}

/// A block written by a program: an address, a date or a clock stands in it, and it is no prose.
fn plausible(lines: &[Line<'_>], from: usize, to: usize) -> bool {
    let text: String = lines[from..to].iter().map(|l| plain(l.text)).collect::<Vec<_>>().join("\n");
    let long = lines[from..to].iter().filter(|l| field(&plain(l.text)).is_some()).any(|l| l.text.chars().count() > 1_500);
    !long && (super::lines::has_email(&text) || super::lines::has_date(&text))
}
