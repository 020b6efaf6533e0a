//! Writing a mail: text with an HTML alternative, attachments, the headers of a good citizen.

use jiff::Timestamp;
use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address as Out;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::{BodyPart, MimePart};
use shouwen_kernel::problem::{Problem, Result};

use crate::model::Address;

/// Why a mail is sent without a person pressing the button (RFC 3834).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Automatic {
    /// Answers one mail: `auto-replied`.
    Replied,
    /// Sent by a rule or a timer: `auto-generated`.
    Generated,
}

/// An attachment to send.
#[derive(Debug, Clone, Default)]
pub struct OutgoingFile {
    pub name: String,
    /// `type/subtype`.
    pub content_type: String,
    pub bytes: Vec<u8>,
    /// Set for an image the HTML shows as `cid:…`.
    pub content_id: Option<String>,
}

/// A mail to be written. Nothing here may contain line breaks except the bodies.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub from: Address,
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub reply_to: Vec<Address>,
    pub subject: String,
    pub text: String,
    /// HTML alternative, already sanitised by whoever made it.
    pub html: Option<String>,
    pub files: Vec<OutgoingFile>,
    /// Without brackets; the caller's, so that a retry sends the same.
    pub message_id: String,
    pub in_reply_to: Option<String>,
    /// Oldest first, without brackets.
    pub references: Vec<String>,
    pub date: Timestamp,
    pub automatic: Option<Automatic>,
    /// More headers, e.g. `List-Unsubscribe`; names and values are checked.
    pub headers: Vec<(String, String)>,
}

impl Outgoing {
    /// An empty mail from `from` at `date`.
    pub fn new(from: Address, message_id: impl Into<String>, date: Timestamp) -> Self {
        Outgoing {
            from,
            to: Vec::new(),
            cc: Vec::new(),
            reply_to: Vec::new(),
            subject: String::new(),
            text: String::new(),
            html: None,
            files: Vec::new(),
            message_id: message_id.into(),
            in_reply_to: None,
            references: Vec::new(),
            date,
            automatic: None,
            headers: Vec::new(),
        }
    }
}

/// References kept when a thread grows long: the first and the newest.
const MOST_REFERENCES: usize = 30;

fn one_line(field: &str, value: &str) -> Result<()> {
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(Problem::invalid(field.to_owned(), format!("{field} contains a line break or control character: {value:?}")).expected("a single line of text"));
    }
    Ok(())
}

fn check_address(field: &str, a: &Address) -> Result<()> {
    one_line(field, &a.name)?;
    one_line(field, &a.address)?;
    let good = a.address.rsplit_once('@').is_some_and(|(l, d)| {
        !l.is_empty() && !d.is_empty() && !a.address.chars().any(|c| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '(' | ')' | '"' | '\\')) && d.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '[' | ']' | ':'))
    });
    if !good {
        return Err(Problem::invalid(field.to_owned(), format!("{:?} is not a mail address", a.address)).expected("name@example.com"));
    }
    Ok(())
}

fn check_id(field: &str, id: &str) -> Result<()> {
    if id.is_empty() || id.len() > 900 || id.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii() || matches!(c, '<' | '>')) {
        return Err(Problem::invalid(field.to_owned(), format!("{id:?} is not a message id")).expected("id@domain without brackets or spaces"));
    }
    Ok(())
}

fn out_address(a: &Address) -> Out<'_> {
    // An international domain goes out as it is: the transport decides about SMTPUTF8.
    Out::new_address((!a.name.is_empty()).then_some(a.name.as_str()), a.address.as_str())
}

fn out_list(all: &[Address]) -> Out<'_> {
    Out::new_list(all.iter().map(out_address).collect())
}

/// Writes the mail as bytes with CRLF line ends.
///
/// # Errors
/// `invalid` naming the field, if a header value holds a line break or control character, an address or message id is none,
/// or there is no recipient. Nothing is silently removed.
pub fn compose(mail: &Outgoing) -> Result<Vec<u8>> {
    check_address("from", &mail.from)?;
    for (field, list) in [("to", &mail.to), ("cc", &mail.cc), ("reply_to", &mail.reply_to)] {
        for (i, a) in list.iter().enumerate() {
            check_address(&format!("{field}[{i}]"), a)?;
        }
    }
    if mail.to.is_empty() && mail.cc.is_empty() {
        return Err(Problem::invalid("to", "the mail has no recipient").expected("at least one address in to or cc"));
    }
    one_line("subject", &mail.subject)?;
    check_id("message_id", &mail.message_id)?;
    if let Some(id) = &mail.in_reply_to {
        check_id("in_reply_to", id)?;
    }
    for (i, id) in mail.references.iter().enumerate() {
        check_id(&format!("references[{i}]"), id)?;
    }
    let mut b = MessageBuilder::new()
        .message_id(mail.message_id.as_str())
        .date(mail.date.as_second())
        .from(out_address(&mail.from))
        .subject(mail.subject.as_str());
    if !mail.to.is_empty() {
        b = b.to(out_list(&mail.to));
    }
    if !mail.cc.is_empty() {
        b = b.cc(out_list(&mail.cc));
    }
    if !mail.reply_to.is_empty() {
        b = b.reply_to(out_list(&mail.reply_to));
    }
    if let Some(id) = &mail.in_reply_to {
        b = b.in_reply_to(id.as_str());
    }
    if !mail.references.is_empty() {
        b = b.references(references(&mail.references));
    }
    match mail.automatic {
        Some(Automatic::Replied) => b = b.header("Auto-Submitted", Raw::new("auto-replied")).header("X-Auto-Response-Suppress", Raw::new("All")),
        Some(Automatic::Generated) => b = b.header("Auto-Submitted", Raw::new("auto-generated")).header("X-Auto-Response-Suppress", Raw::new("All")),
        None => {}
    }
    for (name, value) in &mail.headers {
        let ok = !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        if !ok {
            return Err(Problem::invalid("headers", format!("{name:?} is not a header name")).expected("letters, digits and hyphens"));
        }
        one_line(name, value)?;
        let value: HeaderType<'_> = if value.is_ascii() && value.len() < 900 { Raw::new(value.as_str()).into() } else { Text::new(value.as_str()).into() };
        b = b.header(name.as_str(), value);
    }
    let body = body(mail)?;
    b.body(body).write_to_vec().map_err(|e| Problem::internal(format!("writing the mail failed: {e}")))
}

fn references(all: &[String]) -> Vec<&str> {
    if all.len() <= MOST_REFERENCES {
        return all.iter().map(String::as_str).collect();
    }
    let newest = &all[all.len() - (MOST_REFERENCES - 1)..];
    std::iter::once(&all[0]).chain(newest).map(String::as_str).collect()
}

fn body(mail: &Outgoing) -> Result<MimePart<'_>> {
    let text = MimePart::new("text/plain", BodyPart::Text(mail.text.as_str().into()));
    let mut related = Vec::new();
    let mut attached = Vec::new();
    for (i, f) in mail.files.iter().enumerate() {
        let field = format!("files[{i}]");
        one_line(&field, &f.name)?;
        let token = |t: &str| !t.is_empty() && t.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'+' | b'_'));
        if !f.content_type.split_once('/').is_some_and(|(a, s)| token(a) && token(s)) {
            return Err(Problem::invalid(field, format!("{:?} is not a content type", f.content_type)).expected("type/subtype"));
        }
        if let Some(id) = &f.content_id {
            check_id(&field, id)?;
        }
        let inline = f.content_id.is_some() && mail.html.is_some();
        let part = file(f, inline);
        if inline { related.push(part) } else { attached.push(part) }
    }
    let mut main = match &mail.html {
        Some(html) => {
            let html = MimePart::new("text/html", BodyPart::Text(html.as_str().into()));
            let html = if related.is_empty() {
                html
            } else {
                related.insert(0, html);
                MimePart::new("multipart/related", BodyPart::Multipart(related))
            };
            MimePart::new("multipart/alternative", BodyPart::Multipart(vec![text, html]))
        }
        None => text,
    };
    if !attached.is_empty() {
        attached.insert(0, main);
        main = MimePart::new("multipart/mixed", BodyPart::Multipart(attached));
    }
    Ok(main)
}

fn file(f: &OutgoingFile, inline: bool) -> MimePart<'_> {
    let kind = if inline { "inline" } else { "attachment" };
    // message/rfc822 may not be encoded (RFC 2046 5.2.1) and mail-builder would use base64: sent as a plain file instead.
    let content_type = if f.content_type.starts_with("message/") || f.content_type.starts_with("multipart/") { "application/octet-stream" } else { f.content_type.as_str() };
    // Both forms of the name: RFC 2231 for those that follow it, an encoded word in `name` for Outlook and old Foxmail.
    let ct = if f.name.is_empty() { ContentType::new(content_type) } else { ContentType::new(content_type).attribute("name", f.name.as_str()) };
    let mut part = MimePart { headers: vec![("Content-Type".into(), ct.into())], contents: BodyPart::Binary(f.bytes.as_slice().into()) };
    part.headers.push(("Content-Disposition".into(), Raw::new(disposition(kind, &f.name)).into()));
    if let Some(id) = &f.content_id {
        part = part.cid(id.as_str());
    }
    // Always base64: text attachments must arrive byte for byte.
    let encoded = wrapped_base64(&f.bytes);
    part.contents = BodyPart::Binary(encoded.into_bytes().into());
    part.transfer_encoding("base64")
}

/// `attachment; filename*0*=utf-8''…` cut into pieces, or a plain quoted name.
fn disposition(kind: &str, name: &str) -> String {
    if name.is_empty() {
        return kind.to_owned();
    }
    if name.is_ascii() && name.len() < 60 {
        let quoted: String = name.chars().flat_map(|c| if matches!(c, '"' | '\\') { vec!['\\', c] } else { vec![c] }).collect();
        return format!("{kind}; filename=\"{quoted}\"");
    }
    let mut pieces: Vec<String> = vec![String::from("utf-8''")];
    for b in name.bytes() {
        let unit = if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') { (b as char).to_string() } else { format!("%{b:02X}") };
        if pieces.last().is_some_and(|p| p.len() + unit.len() > 54) {
            pieces.push(String::new());
        }
        if let Some(p) = pieces.last_mut() {
            p.push_str(&unit);
        }
    }
    if let [one] = pieces.as_slice() {
        return format!("{kind}; filename*={one}");
    }
    // Single spaces: the header writer folds at them.
    let list: Vec<String> = pieces.iter().enumerate().map(|(i, p)| format!(" filename*{i}*={p}")).collect();
    format!("{kind};{}", list.join(";"))
}

fn wrapped_base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    let all = base64::engine::general_purpose::STANDARD.encode(bytes);
    let mut out = String::with_capacity(all.len() + all.len() / 38 + 2);
    for chunk in all.as_bytes().chunks(76) {
        out.push_str(&String::from_utf8_lossy(chunk));
        out.push_str("\r\n");
    }
    out
}
