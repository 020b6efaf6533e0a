//! Any bytes, any text: no panic, valid JSON, idempotent cleaning, no header injection, what is composed is read back.

mod common;

use common::message;
use proptest::prelude::*;
use shouwen_mail::html::clean;
use shouwen_mail::{Address, Limits, Outgoing, OutgoingFile, Parsed, compose, parse};

/// Fragments that mails are made of, to get deeper than random bytes would.
fn mail_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"Content-Type: multipart/mixed; boundary=b\n\n".to_vec()),
        Just(b"\n--b\n".to_vec()),
        Just(b"\n--b--\n".to_vec()),
        Just(b"Content-Type: text/html; charset=gbk\n".to_vec()),
        Just(b"Content-Transfer-Encoding: base64\n\n".to_vec()),
        Just(b"Content-Transfer-Encoding: quoted-printable\n\n".to_vec()),
        Just(b"Content-Disposition: attachment; filename*0*=gbk''%b1%a8; filename*1=\"x\n".to_vec()),
        Just(b"Subject: =?gbk?B?saG82w==?= =?utf-8?q?=e4".to_vec()),
        Just(b"To: \"a (b <c@d, e:f;\n".to_vec()),
        Just(b"Date: Sat, 31 Feb 99999 25:61 +9999\n".to_vec()),
        Just(b"<table><blockquote class=gmail_quote><a href='x'>\n> q\nOn 1 Jan 2026 wrote:\n".to_vec()),
        Just(vec![0x78, 0x9f, 0x3e, 0x22, 1, 0, 1, 2, 0x90, 6, 0]),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|p| p.concat())
}

fn check(raw: &[u8]) -> Result<(), TestCaseError> {
    if let Parsed::Message(m) = parse(raw, &Limits::default()) {
        let json = serde_json::to_string(&m.mail).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
        let again = clean(&m.mail.html);
        prop_assert_eq!(&again.html, &m.mail.html);
        prop_assert!(!m.mail.text.contains('\0') && !m.mail.subject.contains(['\n', '\r', '\0']));
        for f in &m.folds {
            prop_assert!(m.mail.text.get(f.range.clone()).is_some());
        }
        for f in &m.files {
            prop_assert_eq!(f.info.size as usize, f.bytes.len());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn any_bytes_are_survived(raw in proptest::collection::vec(any::<u8>(), 0..600)) {
        check(&raw)?;
    }

    #[test]
    fn anything_like_a_mail_is_survived(raw in mail_like()) {
        check(&raw)?;
    }

    #[test]
    fn cleaning_is_idempotent(html in "(<[a-z]{1,8}( [a-z]{3,6}=(\"[^\"]{0,12}\"|[a-z:/.]{1,12}))?/?>|</[a-z]{1,8}>|[a-z<>&;\"' ]{1,6}|&#[0-9]{1,4};|<table>|<svg>|<math>|<p style=\"color:red\">|<img src=http://a.b/c>){0,16}") {
        let once = clean(&html).html;
        prop_assert_eq!(clean(&once).html, once);
    }

    #[test]
    fn folding_keeps_every_kept_word(text in "(>|On |wrote:|发件人: |-- |\n|a@b.cn |[a-z]{1,5} |2026-11-20 |写道：|________\n){0,30}") {
        let f = shouwen_mail::quote::fold(&text, &[]);
        let mut rest = text.clone();
        for fold in f.folds.iter().rev() {
            rest.replace_range(fold.range.clone(), "\n");
        }
        let words = |s: &str| s.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(words(&f.reply), words(&rest));
    }

    #[test]
    fn headers_cannot_be_injected(evil in ".{0,8}[\r\n\u{0}]{1,2}.{0,20}", at in 0usize..6) {
        let mut o = outgoing();
        match at {
            0 => o.subject = evil,
            1 => o.to[0].name = evil,
            2 => o.to[0].address = evil,
            3 => o.message_id = evil,
            4 => o.headers.push(("X-A".into(), evil)),
            _ => o.files.push(OutgoingFile { name: evil, content_type: "a/b".into(), ..OutgoingFile::default() }),
        }
        prop_assert!(compose(&o).is_err());
    }

    #[test]
    fn composed_mails_are_read_back(subject in "[ -~\u{4e00}-\u{4fff}]{0,60}", name in "[a-zA-Z\u{4e00}-\u{4fff} .,]{0,20}", text in "[ -~\u{4e00}-\u{4fff}\n]{0,200}", file in "[a-zA-Z0-9 ()\u{4e00}-\u{4fff}]{1,60}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut o = outgoing();
        o.subject = subject.clone();
        o.to[0].name = name.clone();
        o.text = text.clone();
        o.html = Some("<p>x</p>".into());
        o.files.push(OutgoingFile { name: format!("{file}.pdf"), content_type: "application/pdf".into(), bytes: bytes.clone(), content_id: None });
        let raw = compose(&o).map_err(|e| TestCaseError::fail(e.message))?;
        for line in raw.split(|b| *b == b'\n') {
            prop_assert!(line.len() <= 998, "line of {} bytes", line.len());
        }
        let m = message(&raw);
        prop_assert_eq!(squeezed(&m.mail.subject), squeezed(&subject));
        prop_assert_eq!(squeezed(&m.mail.to[0].name), squeezed(&name));
        prop_assert_eq!(&m.mail.to[0].address, "wxm@example.cn");
        if !text.trim().is_empty() {
            prop_assert_eq!(squeezed(&m.mail.text), squeezed(&text));
        }
        prop_assert_eq!(squeezed(&m.mail.attachments[0].name), squeezed(&format!("{file}.pdf")));
        prop_assert_eq!(&m.files[0].bytes, &bytes);
        prop_assert_eq!(m.mail.message_id, "m1@example.com");
        prop_assert_eq!(m.mail.in_reply_to, ["p@example.cn"]);
    }
}

fn squeezed(s: &str) -> String {
    s.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn outgoing() -> Outgoing {
    let mut o = Outgoing::new(Address { name: "客服".into(), address: "support@example.com".into() }, "m1@example.com", jiff::Timestamp::UNIX_EPOCH);
    o.to.push(Address { name: String::new(), address: "wxm@example.cn".into() });
    o.in_reply_to = Some("p@example.cn".into());
    o.references = vec!["o@example.cn".into(), "p@example.cn".into()];
    o
}
