//! `shouwen mail inspect FILE [--json]`: what the parser makes of one message.

use std::io::{Read, Write};
use std::time::Duration;

use crate::model::{Limits, Parsed};

const USAGE: &str = "usage: shouwen mail inspect FILE|- [--json] [--pretty]";

/// Runs `inspect`. 0 on any readable file, 1 if it cannot be read, 2 if the arguments are wrong.
pub fn inspect(args: &[String], out: &mut dyn Write, err: &mut dyn Write) -> i32 {
    let (mut file, mut json, mut pretty, mut only_files) = (None, false, false, false);
    for a in args {
        match a.as_str() {
            "--json" if !only_files => json = true,
            "--pretty" if !only_files => (json, pretty) = (true, true),
            "--" if !only_files => only_files = true,
            "-h" | "--help" if !only_files => {
                let _ = writeln!(out, "{USAGE}");
                return 0;
            }
            o if !only_files && o.starts_with('-') && o != "-" => {
                let _ = writeln!(err, "unknown option {o}\n{USAGE}");
                return 2;
            }
            f if file.is_none() => file = Some(f.to_owned()),
            f => {
                let _ = writeln!(err, "one FILE is expected, also got {f}\n{USAGE}");
                return 2;
            }
        }
    }
    let Some(file) = file else {
        let _ = writeln!(err, "FILE is missing\n{USAGE}");
        return 2;
    };
    let raw = match read(&file) {
        Ok(raw) => raw,
        Err(e) => {
            let _ = writeln!(err, "cannot read {file}: {e}; expected a file with one mail, or - for standard input");
            return 1;
        }
    };
    // Ample: a person is waiting for this one answer, not a queue.
    let parsed = crate::parse_bounded(raw, &Limits::default(), Duration::from_secs(30));
    let done = if json { write_json(parsed, pretty, out) } else { write_human(&parsed, out) };
    match done {
        Ok(()) => 0,
        // A closed pipe (`| head`) is no fault.
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => 0,
        Err(e) => {
            let _ = writeln!(err, "cannot write: {e}");
            1
        }
    }
}

fn read(file: &str) -> std::io::Result<Vec<u8>> {
    if file == "-" {
        let mut raw = Vec::new();
        std::io::stdin().lock().read_to_end(&mut raw)?;
        return Ok(raw);
    }
    std::fs::read(file)
}

fn write_json(parsed: Parsed, pretty: bool, out: &mut dyn Write) -> std::io::Result<()> {
    let mail = parsed.into_mail();
    let json = if pretty { serde_json::to_string_pretty(&mail) } else { serde_json::to_string(&mail) }.map_err(std::io::Error::other)?;
    writeln!(out, "{json}")
}

fn write_human(parsed: &Parsed, out: &mut dyn Write) -> std::io::Result<()> {
    let mail = match parsed {
        Parsed::Message(m) => &m.mail,
        Parsed::Quarantined(q) => {
            writeln!(out, "QUARANTINED  {}", q.reason)?;
            &q.envelope
        }
    };
    let people = |l: &[crate::Address]| l.iter().map(|a| if a.name.is_empty() { a.address.clone() } else { format!("{} <{}>", a.name, a.address) }).collect::<Vec<_>>().join(", ");
    for (label, value) in [("From", people(&mail.from)), ("To", people(&mail.to)), ("Cc", people(&mail.cc)), ("Reply-To", people(&mail.reply_to)), ("Subject", mail.subject.clone()), ("Date", mail.date.clone()), ("Message-ID", mail.message_id.clone()), ("In-Reply-To", mail.in_reply_to.join(" ")), ("References", mail.references.join(" ")), ("Automatic", mail.auto.clone().unwrap_or_default())] {
        if !value.is_empty() {
            writeln!(out, "{label:<12} {value}")?;
        }
    }
    for a in &mail.attachments {
        let inline = if a.inline { ", inline" } else { "" };
        let name = if a.name.is_empty() { "(no name)" } else { &a.name };
        writeln!(out, "{:<12} {name} ({}, {} bytes{inline}, sha256 {})", "Attachment", a.content_type, a.size, a.sha256)?;
    }
    if let Some(m) = parsed.message() {
        if let Some(d) = &m.dsn {
            writeln!(out, "{:<12} {} {} for {}: {}", "Delivery", d.action, d.status, d.recipient, d.diagnostic)?;
        }
        if let Some(i) = &m.invite {
            writeln!(out, "{:<12} {} {} {} – {} {}", "Invitation", i.method, i.summary, i.start, i.end, i.location)?;
        }
        if m.remote_images > 0 {
            writeln!(out, "{:<12} {} held back", "Images", m.remote_images)?;
        }
    }
    for p in &mail.problems {
        writeln!(out, "{:<12} {p}", "Problem")?;
    }
    writeln!(out, "\n{}", mail.reply_text)?;
    let hidden = mail.text.trim().len().saturating_sub(mail.reply_text.len());
    if hidden > 0 {
        writeln!(out, "\n[{hidden} bytes of quoted text and signature folded]")?;
    }
    Ok(())
}
