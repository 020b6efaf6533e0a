//! From raw bytes to a [`Message`]. Any bytes give an answer; what was not understood is listed.

use crate::address::{self, parse_list};
use crate::attach;
use crate::auto;
use crate::body::{self, Chosen};
use crate::calendar;
use crate::charset;
use crate::dates;
use crate::html;
use crate::mime::headers::{Headers, read_headers};
use crate::mime::lines::with_line_feeds;
use crate::mime::tree::{self, Part, TooMuch};
use crate::model::{Address, Attachment, AttachmentData, Limits, Mail, Message, Parsed, Quarantine};
use crate::quote;
use crate::words;

/// More problems than this are counted, not listed.
const MOST_PROBLEMS: usize = 50;

/// Parses one mail. Never fails and never panics; a mail over the limits is quarantined with what its headers tell.
/// See [`crate::parse_bounded`] for a time limit.
pub fn parse(raw: &[u8], limits: &Limits) -> Parsed {
    if raw.len() > limits.raw_bytes {
        let head = &raw[..raw.len().min(64 << 10)];
        let (headers, _) = read_headers(head, true);
        return quarantine(format!("the mail has {} bytes; at most {} are parsed", raw.len(), limits.raw_bytes), &headers);
    }
    let data = with_line_feeds(raw);
    let (headers, at) = read_headers(&data, true);
    if headers.lines > limits.header_lines {
        return quarantine(format!("the header has {} lines; at most {} are parsed", headers.lines, limits.header_lines), &headers);
    }
    let copy = headers.clone();
    match tree::build(headers, &data[at..], limits) {
        Ok((root, problems)) => assemble(&root, problems, limits),
        Err(TooMuch::Parts(n)) => quarantine(format!("the mail has more than {n} parts"), &copy),
        Err(TooMuch::Depth(n)) => quarantine(format!("the mail is nested deeper than {n} levels"), &copy),
    }
}

fn quarantine(reason: String, headers: &Headers) -> Parsed {
    let mut mail = Mail::default();
    envelope(headers, "", &mut mail);
    for list in [&mut mail.from, &mut mail.to, &mut mail.cc, &mut mail.reply_to] {
        list.truncate(100);
    }
    mail.problems.truncate(MOST_PROBLEMS);
    Parsed::Quarantined(Quarantine { reason, envelope: Box::new(mail) })
}

/// Fills in what the headers say; how many recipients there are beyond those kept.
fn envelope(h: &Headers, hint: &str, mail: &mut Mail) -> usize {
    let mut more = 0;
    let problems = &mut mail.problems;
    problems.extend(h.problems.iter().cloned());
    let mut list = |name: &str, only_first: bool| -> Vec<Address> {
        let mut out: Vec<Address> = Vec::new();
        for (i, v) in h.all(name).enumerate() {
            if i > 0 && only_first && !out.is_empty() {
                problems.push(format!("header {name:?} occurs more than once; the first is used"));
                break;
            }
            let (found, beyond) = parse_list(v, hint, problems);
            out.extend(found);
            if !only_first {
                more += beyond;
            }
        }
        out
    };
    mail.from = list("from", true);
    mail.to = list("to", false);
    mail.cc = list("cc", false);
    mail.reply_to = list("reply-to", true);
    mail.subject = h.get("subject").map(|v| words::decode_header(v, hint, problems)).unwrap_or_default();
    if h.all("subject").filter(|v| !v.trim_ascii().is_empty()).count() > 1 {
        problems.push("header \"subject\" occurs more than once; the first is used".into());
    }
    mail.message_id = h.get("message-id").map(address::ids).and_then(|v| v.into_iter().next()).unwrap_or_default();
    for (name, target) in [("in-reply-to", &mut mail.in_reply_to), ("references", &mut mail.references)] {
        for v in h.all(name) {
            for id in address::ids(v) {
                if !target.contains(&id) {
                    target.push(id);
                }
            }
        }
    }
    mail.date = date(h, problems);
    more
}

fn date(h: &Headers, problems: &mut Vec<String>) -> String {
    let text = |v: &[u8]| words::decode_header(v, "", &mut Vec::new());
    let mut said = None;
    let received = h.all("received").find_map(|v| dates::from_received(&text(v)));
    for v in h.all("date") {
        let v = text(v);
        // A day without a readable clock is worse than the time at which the mail arrived.
        if let Some(d) = dates::parse(&v).filter(|d| d.guessed != Some("no time of day") || received.is_none()) {
            if let Some(g) = d.guessed {
                problems.push(format!("date {v:?}: {g}"));
            }
            return d.utc;
        }
        said.get_or_insert(v);
    }
    match (&said, &received) {
        (Some(v), Some(_)) => problems.push(format!("date {v:?} cannot be read; the date of receipt is used")),
        (Some(v), None) => problems.push(format!("date {v:?} cannot be read")),
        (None, Some(_)) => problems.push("no date; the date of receipt is used".into()),
        (None, None) => problems.push("no date".into()),
    }
    received.map(|d| d.utc).unwrap_or_default()
}

/// Charset of the first text part: the best guess for unlabelled headers and file names.
fn charset_hint<'a>(p: &'a Part<'_>) -> &'a str {
    if !p.children.is_empty() {
        return p.children.iter().map(charset_hint).find(|c| !c.is_empty()).unwrap_or("");
    }
    if p.main_type() == "text" { p.charset() } else { "" }
}

fn assemble(root: &Part<'_>, tree_problems: Vec<String>, limits: &Limits) -> Parsed {
    let hint = charset_hint(root).to_owned();
    let mut mail = Mail::default();
    let beyond = envelope(&root.headers, &hint, &mut mail);
    let recipients = mail.to.len() + mail.cc.len() + beyond;
    if recipients > limits.recipients {
        return quarantine(format!("the mail has {recipients} recipients; at most {} are taken in", limits.recipients), &root.headers);
    }
    mail.problems.extend(tree_problems);
    let mut problems = std::mem::take(&mut mail.problems);
    let chosen = body::choose(root);
    let mut message = Message { headers: all_headers(&root.headers, &hint), ..Message::default() };

    let attached = attach::collect(&chosen, &hint, limits, &mut problems);
    let mut files = attached.files;
    message.dsn = attached.dsn;

    let shown = show(&chosen, &hint, limits, &mut files, &mut problems);
    mail.text = shown.text;
    mail.html = shown.html;
    message.remote_images = shown.remote_images;
    let mut quotes = shown.quotes;

    if mail.text.trim().is_empty() && mail.html.is_empty() {
        if let Some(t) = attached.tnef_body {
            let mut rendered = render_tnef(t, limits, &mut problems);
            mail.text = std::mem::take(&mut rendered.text);
            mail.html = rendered.html;
            message.remote_images = rendered.remote_images;
            quotes = rendered.quotes;
        }
    }
    message.invite = chosen.calendars.iter().find_map(|p| {
        let bytes = p.decoded(&mut Vec::new());
        calendar::read(&charset::decode(&bytes, p.charset(), "utf-8").text, p.content_type.raw("method").unwrap_or(""))
    });
    if let (Some(invite), true) = (&message.invite, mail.text.trim().is_empty()) {
        mail.text = calendar::describe(invite);
    }

    mark_inline(&mut files, &shown.content_ids);
    // A delivery report tells the fields of the mail it is about; that is its message, not history.
    // Nor is the rough text of HTML too large to be shown: where its quotes begin is not known.
    let folded = if message.dsn.is_some() || shown.rough { quote::Folded { reply: mail.text.trim().to_owned(), folds: Vec::new() } } else { quote::fold(&mail.text, &quotes) };
    mail.reply_text = folded.reply;
    message.folds = folded.folds;
    if let Some(note) = &shown.note {
        // After the folding, or it would disappear with the signature.
        for text in [&mut mail.text, &mut mail.reply_text] {
            text.truncate(text.trim_end().len());
            text.push_str(if text.is_empty() { "" } else { "\n\n" });
            text.push_str(note);
        }
    }
    mail.auto = auto::classify(&auto::Signs {
        headers: &message.headers,
        subject: &mail.subject,
        from: mail.from.first().map_or("", |a| a.address.as_str()),
        content_type: &root.content_type.value,
        report_type: root.content_type.raw("report-type").map(str::to_ascii_lowercase).as_deref().unwrap_or(""),
        has_dsn: message.dsn.is_some(),
    });
    mail.attachments = files.iter().map(|f| f.info.clone()).collect();
    message.files = files;
    if problems.len() > MOST_PROBLEMS {
        let more = problems.len() - MOST_PROBLEMS;
        problems.truncate(MOST_PROBLEMS);
        problems.push(format!("and {more} more"));
    }
    problems.dedup();
    mail.problems = problems;
    message.mail = mail;
    Parsed::Message(Box::new(message))
}

fn all_headers(h: &Headers, hint: &str) -> Vec<(String, String)> {
    h.fields.iter().map(|f| (f.name.clone(), words::decode_header(&f.value, hint, &mut Vec::new()))).collect()
}

/// The body as shown.
#[derive(Default)]
struct Shown {
    text: String,
    html: String,
    quotes: Vec<std::ops::Range<usize>>,
    remote_images: usize,
    content_ids: Vec<String>,
    /// What the reader must know about a body that is not shown whole.
    note: Option<String>,
    /// The text is the rough one of large HTML.
    rough: bool,
}

/// Characters of text taken from HTML that is too large to be shown.
const MOST_TEXT_OF_LARGE_HTML: usize = 200_000;

fn large_html_note(bytes: usize, cut: bool) -> String {
    let size = format!("{:.1}", bytes as f64 / f64::from(1 << 20));
    let (zh, en) = if cut { ("以上为开头的文字。", " Above is the text it begins with.") } else { ("", "") };
    format!("[这封邮件的 HTML 正文有 {size} MB，过大而不显示，已保存为附件 message.html。{zh} The HTML body of this mail ({size} MB) is too large to be shown and is kept as the attachment message.html.{en}]")
}

/// Text with `\n` line ends and without control characters.
pub(crate) fn plain_lines(s: &str) -> String {
    let s = s.replace("\r\n", "\n").replace('\r', "\n");
    s.chars().filter(|&c| c == '\n' || c == '\t' || !c.is_control()).collect()
}

fn part_text(p: &Part<'_>, hint: &str, problems: &mut Vec<String>) -> String {
    let bytes = p.decoded(problems);
    let mut label = p.charset().to_owned();
    if p.is("text/html") && label.is_empty() {
        label = html_charset(&bytes).unwrap_or_default();
    }
    let d = charset::decode(&bytes, &label, hint);
    if let Some(problem) = d.problem {
        problems.push(format!("body: {problem}"));
    }
    if p.is("text/plain") && p.content_type.raw("format").is_some_and(|f| f.eq_ignore_ascii_case("flowed")) {
        let delsp = p.content_type.raw("delsp").is_some_and(|f| f.eq_ignore_ascii_case("yes"));
        return unflow(&plain_lines(&d.text), delsp);
    }
    if p.is("text/html") { d.text } else { plain_lines(&d.text) }
}

/// RFC 3676: lines that end in a space go on in the next one; space-stuffing is undone. Quoted lines stay as they came.
fn unflow(text: &str, delsp: bool) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut flowing = false;
    for line in text.split('\n') {
        if line.starts_with('>') {
            out.push(line.to_owned());
            flowing = false;
            continue;
        }
        let content = line.strip_prefix(' ').unwrap_or(line);
        let signature = content == "-- ";
        let soft = content.ends_with(' ') && !signature;
        let shown = if soft && delsp { &content[..content.len() - 1] } else { content };
        match out.last_mut() {
            Some(last) if flowing && !signature => last.push_str(shown),
            _ => out.push(shown.to_owned()),
        }
        flowing = soft;
    }
    out.iter().map(|l| if l == "-- " { l.as_str() } else { l.trim_end() }).collect::<Vec<_>>().join("\n")
}

/// `<meta … charset=gbk>` at the start of an HTML part without a charset label.
fn html_charset(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4_096)]).to_ascii_lowercase();
    let at = head.find("charset=")?;
    let value: String = head[at + 8..].trim_start_matches(['"', '\'', ' ']).chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    (!value.is_empty()).then_some(value)
}

fn show(chosen: &Chosen<'_, '_>, hint: &str, limits: &Limits, files: &mut Vec<AttachmentData>, problems: &mut Vec<String>) -> Shown {
    let mut out = Shown::default();
    let mut html_source = String::new();
    let mut large: Option<String> = None;
    let has_html = chosen.html.iter().any(|p| p.is("text/html"));
    if has_html {
        for p in &chosen.html {
            let t = part_text(p, hint, problems);
            if p.is("text/html") {
                if t.len() > limits.html_bytes {
                    problems.push(format!("HTML of {} bytes is not shown; it is kept as an attachment", t.len()));
                    let bytes = p.decoded(&mut Vec::new());
                    files.push(attach::data(Attachment { name: "message.html".into(), content_type: "text/html".into(), ..Attachment::default() }, bytes));
                    large.get_or_insert(t);
                } else {
                    html_source.push_str(&t);
                }
            } else if !t.trim().is_empty() {
                html_source.push_str(&html::text_to_html(&t));
            }
        }
    }
    if !html_source.is_empty() {
        let cleaned = html::clean(&html_source);
        out.remote_images = cleaned.remote_images;
        out.content_ids = cleaned.content_ids;
        out.html = cleaned.html;
    }
    let mut pieces: Vec<(String, Vec<std::ops::Range<usize>>)> = Vec::new();
    let html_only = !chosen.text.iter().any(|p| p.is("text/plain"));
    if html_only && !out.html.is_empty() {
        let r = html::html_to_text(&out.html);
        pieces.push((r.text, r.quotes));
    } else {
        for p in &chosen.text {
            let t = part_text(p, hint, &mut Vec::new());
            if p.is("text/html") {
                if t.len() <= limits.html_bytes {
                    let r = html::html_to_text(&html::clean(&t).html);
                    pieces.push((r.text, r.quotes));
                }
            } else {
                if !has_html || !chosen.html.iter().any(|h| std::ptr::eq(*h, *p)) {
                    // Problems of this part were not noted above.
                    part_text(p, hint, problems);
                }
                pieces.push((t, Vec::new()));
            }
        }
        // An alternative whose plain text is empty: the HTML says it all.
        if pieces.iter().all(|(t, _)| t.trim().is_empty()) && !out.html.is_empty() {
            let r = html::html_to_text(&out.html);
            pieces = vec![(r.text, r.quotes)];
        }
    }
    if let Some(source) = large {
        let mut cut = false;
        if pieces.iter().all(|(t, _)| t.trim().is_empty()) {
            let (text, is_cut) = html::rough::beginning(&source, MOST_TEXT_OF_LARGE_HTML);
            pieces = vec![(text, Vec::new())];
            cut = is_cut;
            out.rough = true;
        }
        out.note = Some(large_html_note(source.len(), cut));
    }
    for (t, quotes) in pieces {
        if !out.text.is_empty() && !out.text.ends_with('\n') {
            out.text.push('\n');
        }
        let shift = out.text.len();
        out.quotes.extend(quotes.into_iter().map(|q| q.start + shift..q.end + shift));
        out.text.push_str(&t);
    }
    out
}

fn render_tnef(t: attach::TnefBody, limits: &Limits, problems: &mut Vec<String>) -> Shown {
    let mut out = Shown::default();
    if let Some(h) = t.html.filter(|h| h.len() <= limits.html_bytes) {
        let cleaned = html::clean(&h);
        let r = html::html_to_text(&cleaned.html);
        out = Shown { text: r.text, quotes: r.quotes, html: cleaned.html, remote_images: cleaned.remote_images, content_ids: cleaned.content_ids, ..Shown::default() };
    }
    if let Some(text) = t.text {
        out.text = plain_lines(&text);
        out.quotes.clear();
    }
    if out.text.is_empty() && out.html.is_empty() {
        problems.push("winmail.dat has no readable body".into());
    }
    out
}

fn mark_inline(files: &mut [AttachmentData], shown: &[String]) {
    for f in files.iter_mut() {
        if let (false, Some(id)) = (f.info.inline, &f.info.content_id) {
            f.info.inline = shown.contains(id);
        }
    }
}
