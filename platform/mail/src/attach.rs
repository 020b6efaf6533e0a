//! Attachments with their real names; containers (TNEF) opened, reports read.

use sha2::{Digest, Sha256};

use crate::body::Chosen;
use crate::dsn;
use crate::mime::headers::read_headers;
use crate::mime::transfer::{Transfer, uu_name};
use crate::mime::tree::Part;
use crate::model::{Attachment, AttachmentData, Dsn, Limits};
use crate::params::clean_name;
use crate::rtf;
use crate::tnef;
use crate::words;

/// Body found inside a TNEF container.
#[derive(Debug, Default)]
pub struct TnefBody {
    pub text: Option<String>,
    pub html: Option<String>,
}

/// What the attachment parts gave.
#[derive(Debug, Default)]
pub struct Collected {
    pub files: Vec<AttachmentData>,
    pub dsn: Option<Dsn>,
    pub tnef_body: Option<TnefBody>,
}

/// Completes the facts that follow from the bytes.
pub fn data(mut info: Attachment, bytes: Vec<u8>) -> AttachmentData {
    info.size = bytes.len() as u64;
    info.sha256 = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    AttachmentData { info, bytes }
}

/// Turns the attachment parts into files.
pub fn collect(chosen: &Chosen<'_, '_>, hint: &str, limits: &Limits, problems: &mut Vec<String>) -> Collected {
    let mut out = Collected::default();
    let mut returned = None;
    for (p, related) in &chosen.attachments {
        let name = p.file_name(hint);
        let bytes = p.decoded(problems);
        if is_tnef(p, &name, &bytes) && open_tnef(&bytes, limits, &mut out, problems) {
            continue;
        }
        match p.content_type.value.as_str() {
            "message/delivery-status" | "message/global-delivery-status" => out.dsn = dsn::read(&bytes).or(out.dsn.take()),
            "message/rfc822" | "message/global" | "text/rfc822-headers" | "message/rfc822-headers" => returned = dsn::returned_id(&bytes).or(returned),
            _ => {}
        }
        out.files.push(data(describe(p, *related, name, &bytes), bytes));
    }
    if let Some(d) = &mut out.dsn {
        d.original_message_id = returned;
    }
    out
}

fn describe(p: &Part<'_>, related: bool, name: String, bytes: &[u8]) -> Attachment {
    let content_id = p.content_id();
    let inline = match p.disposition.as_ref().map(|d| d.value.as_str()) {
        Some("inline") => true,
        Some("attachment") => false,
        // Not said: an image of a multipart/related that can be referred to belongs into the body.
        _ => related && content_id.is_some() && p.main_type() == "image",
    };
    let mut name = name;
    if name.is_empty() && matches!(p.content_type.value.as_str(), "message/rfc822" | "message/global") {
        name = nested_name(bytes);
    }
    if name.is_empty() && p.transfer == Transfer::Uuencode {
        name = clean_name(&uu_name(p.body).unwrap_or_default());
    }
    if name.is_empty() && p.main_type() != "text" {
        name = location_name(p);
    }
    Attachment { name, content_type: p.content_type.value.clone(), inline, content_id, ..Attachment::default() }
}

/// Last piece of Content-Location, if it looks like a file's name.
fn location_name(p: &Part<'_>) -> String {
    let Some(v) = p.headers.get("content-location") else { return String::new() };
    let v = words::decode_header(v, "", &mut Vec::new());
    let last = clean_name(v.split(['?', '#']).next().unwrap_or(""));
    let dotted = last.rsplit_once('.').is_some_and(|(a, e)| !a.is_empty() && (1..=5).contains(&e.len()) && e.bytes().all(|b| b.is_ascii_alphanumeric()));
    if dotted && !last.contains('@') && last.len() <= 100 { last } else { String::new() }
}

/// A forwarded mail is called by its subject.
fn nested_name(bytes: &[u8]) -> String {
    let (h, _) = read_headers(bytes, true);
    let subject = h.get("subject").map(|v| words::decode_header(v, "", &mut Vec::new())).unwrap_or_default();
    let safe: String = subject.chars().map(|c| if matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|') { '_' } else { c }).take(120).collect();
    let safe = clean_name(&safe);
    if safe.is_empty() { "message.eml".into() } else { format!("{safe}.eml") }
}

fn is_tnef(p: &Part<'_>, name: &str, bytes: &[u8]) -> bool {
    tnef::is_tnef(bytes) && (matches!(p.content_type.value.as_str(), "application/ms-tnef" | "application/vnd.ms-tnef") || name.eq_ignore_ascii_case("winmail.dat") || name.is_empty() || name.to_ascii_lowercase().ends_with(".dat") || name.to_ascii_lowercase().ends_with(".tnef"))
}

/// Opens a container; false (it is then listed as it is) if nothing could be made of it.
fn open_tnef(bytes: &[u8], limits: &Limits, out: &mut Collected, problems: &mut Vec<String>) -> bool {
    let Some(t) = tnef::read(bytes, limits.tnef_bytes) else { return false };
    problems.extend(t.problems.iter().cloned());
    let mut body = TnefBody { text: t.text, html: t.html };
    if let Some(r) = &t.rtf {
        match rtf::read(r) {
            rtf::Content::Html(h) if body.html.is_none() => body.html = Some(h),
            rtf::Content::Text(s) if body.text.is_none() && body.html.is_none() => body.text = Some(s).filter(|s| !s.is_empty()),
            _ => {}
        }
    }
    let has_body = body.text.is_some() || body.html.is_some();
    if t.files.is_empty() && !has_body {
        return false;
    }
    for f in t.files {
        let info = Attachment {
            content_type: f.content_type.filter(|c| c.contains('/')).unwrap_or_else(|| guess_type(&f.name).into()),
            name: f.name,
            inline: false,
            content_id: f.content_id,
            ..Attachment::default()
        };
        out.files.push(data(info, f.bytes));
    }
    if has_body && out.tnef_body.is_none() {
        out.tnef_body = Some(body);
    }
    true
}

/// Content type by extension, for containers that do not tell.
fn guess_type(name: &str) -> &'static str {
    let ext = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
    match ext.as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "bmp" => "image/bmp",
        "pdf" => "application/pdf",
        "txt" | "log" | "ini" => "text/plain",
        "htm" | "html" => "text/html",
        "csv" => "text/csv",
        "rtf" => "application/rtf",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls" => "application/vnd.ms-excel",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "ppt" => "application/vnd.ms-powerpoint",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "zip" => "application/zip",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "ics" => "text/calendar",
        "eml" => "message/rfc822",
        _ => "application/octet-stream",
    }
}
