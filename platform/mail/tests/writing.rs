//! Composing, tokens, mail files, the command, the bounded parse.

mod common;

use std::io::Write as _;
use std::time::Duration;

use common::message;
use shouwen_mail::token::{find_token, make_token, message_id, parse_token, plus_address};
use shouwen_mail::{Address, Automatic, Limits, MailSource, Outgoing, OutgoingFile, Parsed, Resume, compose, parse_bounded};

fn outgoing() -> Outgoing {
    let mut o = Outgoing::new(Address { name: "客服中心".into(), address: "support@example.com".into() }, "c.1@example.com", "2026-11-21T01:15:00Z".parse().expect("time"));
    o.to.push(Address { name: "王小明".into(), address: "wxm@example.cn".into() });
    o.subject = "回复: 关于工单的投诉，空调制冷异常，已经第三次报修仍未解决，请尽快安排处理并回复".into();
    o.text = "您好，\n\n已安排。\n.\nFrom 下一行\n".into();
    o
}

#[test]
fn a_full_mail_round_trips() {
    let mut o = outgoing();
    o.html = Some("<p>您好 <img src=\"cid:logo@x\"></p>".into());
    o.automatic = Some(Automatic::Replied);
    o.reply_to.push(Address { name: String::new(), address: "support+c.abc@example.com".into() });
    o.files = vec![
        OutgoingFile { name: "报价单（最终版）二〇二六年十一月二十一日空调维修项目合同附件之一及说明.pdf".into(), content_type: "application/pdf".into(), bytes: vec![0, 1, 2, 255], content_id: None },
        OutgoingFile { name: "logo.png".into(), content_type: "image/png".into(), bytes: vec![9; 5000], content_id: Some("logo@x".into()) },
        OutgoingFile { name: "a \"b\".txt".into(), content_type: "text/plain".into(), bytes: b"a\nb\r\nc".to_vec(), content_id: None },
    ];
    let raw = compose(&o).expect("composed");
    assert!(raw.is_ascii() && !raw.windows(2).any(|w| w[1] == b'\n' && w[0] != b'\r'));
    let m = message(&raw);
    assert!(m.mail.problems.is_empty(), "{:?}", m.mail.problems);
    assert_eq!(m.mail.subject, o.subject);
    assert_eq!(m.mail.text.trim(), o.text.trim());
    assert_eq!(m.mail.date, "2026-11-21T01:15:00Z");
    assert_eq!(m.mail.auto.as_deref(), Some("auto-submitted: auto-replied"));
    for f in &o.files {
        let got = m.files.iter().find(|g| g.info.name == f.name).unwrap_or_else(|| panic!("{} is missing: {:?}", f.name, m.mail.attachments));
        assert_eq!(got.bytes, f.bytes);
        assert_eq!(got.info.inline, f.content_id.is_some());
    }
}

#[test]
fn wrong_values_are_named() {
    let field = |change: &dyn Fn(&mut Outgoing)| {
        let mut o = outgoing();
        change(&mut o);
        compose(&o).expect_err("refused").field.unwrap_or_default()
    };
    assert_eq!(field(&|o| o.subject = "a\r\nBcc: x@example.com".into()), "subject");
    assert_eq!(field(&|o| o.to[0].address = "keine adresse".into()), "to[0]");
    assert_eq!(field(&|o| o.to.clear()), "to");
    assert_eq!(field(&|o| o.message_id = "a b".into()), "message_id");
    assert_eq!(field(&|o| o.references.push("<a@b>".into())), "references[0]");
    assert_eq!(field(&|o| o.headers.push(("X Y".into(), "v".into()))), "headers");
}

fn mac(key: u8) -> impl Fn(&[u8]) -> Vec<u8> {
    // Any keyed function serves here; the real one is an HMAC.
    move |data| {
        let mut h = u64::from(key) + 1;
        (0..16)
            .map(|i| {
                for b in data {
                    h = h.wrapping_mul(0x100_0000_01b3) ^ u64::from(*b) ^ i;
                }
                (h >> 24) as u8
            })
            .collect()
    }
}

#[test]
fn tokens_prove_threads() {
    let t = make_token(b"0123456789abcdef", b"nonce123", mac(7));
    assert!(t.len() <= 64, "{} characters fit a local part", t.len());
    let id = message_id(&t, "example.com");
    let found = |headers: &str, key: u8| find_token(&message(format!("{headers}\n\nx").as_bytes()), mac(key)).map(|t| t.conversation);
    let right = Some(b"0123456789abcdef".to_vec());
    assert_eq!(found(&format!("In-Reply-To: <{id}>"), 7), right);
    assert_eq!(found(&format!("References: <x@y> <{id}> <z@w>"), 7), right);
    assert_eq!(found(&format!("To: {}", plus_address("inbox@example.com", &t).expect("address")), 7), right);
    assert_eq!(found(&format!("Delivered-To: inbox+{}@example.com", t.to_uppercase()), 7), right, "case may change on the way");
    assert_eq!(found(&format!("In-Reply-To: <{id}>"), 8), None, "another key");
    assert_eq!(found(&format!("Subject: [T#1001] {id}"), 7), None, "subjects do not count");
    for bad in ["1001", "c.1001", "c.1001.1.1@example.com", "c.mfrgg.mfrgg@x", "", "+", "c..."] {
        assert_eq!(parse_token(bad), None, "{bad}");
    }
    // One changed letter anywhere.
    for i in 2..t.len() {
        let mut b = t.clone().into_bytes();
        if b[i] != b'.' {
            b[i] = if b[i] == b'b' { b'd' } else { b'b' };
            let changed = String::from_utf8(b).expect("ASCII");
            assert!(!parse_token(&changed).is_some_and(|t| t.verify(mac(7)) && t.conversation == b"0123456789abcdef" && t.nonce == b"nonce123") || changed == t, "{changed}");
        }
    }
}

#[test]
fn mbox_and_maildir_are_walked_and_resumed() {
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("a.mbox");
    let mut f = std::fs::File::create(&file).expect("file");
    for i in 0..5 {
        write!(f, "From sender@example.com Sat Nov 21 09:15:00 2026\nSubject: {i}\n\nline\n>From here\nFrom there it is\n\n").expect("written");
    }
    drop(f);
    let subjects = |resume: &Resume| {
        MailSource::open(dir.path(), resume)
            .expect("opened")
            .map(|e| {
                let m = message(e.bytes.as_ref().expect("bytes")).mail;
                assert_eq!(m.text, "line\nFrom here\nFrom there it is\n");
                (m.subject, e.resume)
            })
            .collect::<Vec<_>>()
    };
    let all = subjects(&Resume::default());
    assert_eq!(all.iter().map(|s| s.0.as_str()).collect::<Vec<_>>(), ["0", "1", "2", "3", "4"]);
    for (i, (_, resume)) in all.iter().enumerate() {
        assert_eq!(subjects(resume).len(), 4 - i);
    }
    let maildir = dir.path().join("m");
    for sub in ["cur", "new", "tmp", ".Old/cur", ".Old/new"] {
        std::fs::create_dir_all(maildir.join(sub)).expect("directory");
    }
    for (path, subject) in [("cur/1:2,S", "a"), ("new/2", "b"), ("tmp/3", "c"), (".Old/cur/4:2,", "d")] {
        std::fs::write(maildir.join(path), format!("Subject: {subject}\n\nx")).expect("written");
    }
    let got: Vec<_> = MailSource::open(&maildir, &Resume::default()).expect("opened").map(|e| message(&e.bytes.expect("bytes")).mail.subject).collect();
    assert_eq!(got, ["a", "b", "d"]);
}

#[test]
fn the_command_answers_clearly() {
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("x.eml");
    std::fs::write(&file, "From: a@example.com\nSubject: =?utf-8?B?5L2g5aW9?=\n\n好\n").expect("written");
    let run = |args: &[&str]| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = shouwen_mail::cli::inspect(&args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>(), &mut out, &mut err);
        (code, String::from_utf8(out).expect("UTF-8"), String::from_utf8(err).expect("UTF-8"))
    };
    let path = file.to_string_lossy();
    let (code, out, _) = run(&[&path, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, json["subject"].as_str(), json["auto"].is_null()), (0, Some("你好"), true));
    for key in ["from", "to", "cc", "reply_to", "subject", "date", "message_id", "in_reply_to", "references", "text", "html", "reply_text", "attachments", "auto", "problems"] {
        assert!(json.get(key).is_some(), "{key}");
    }
    assert!(run(&[&path]).1.contains("Subject      你好"));
    let (code, _, err) = run(&["/nowhere/x.eml"]);
    assert!(code == 1 && err.contains("/nowhere/x.eml") && err.contains("expected"), "{err}");
    assert_eq!(run(&[]).0, 2);
    assert_eq!(run(&["a", "b"]).0, 2);
    assert_eq!(run(&["--jason", "a"]).0, 2);
}

#[test]
fn the_bounded_parse_returns() {
    let raw = b"Subject: x\n\ny".to_vec();
    assert!(matches!(parse_bounded(raw.clone(), &Limits::default(), Duration::from_secs(20)), Parsed::Message(_)));
    let Parsed::Quarantined(q) = parse_bounded(raw, &Limits::default(), Duration::ZERO) else { panic!("no time at all is too little") };
    assert!(q.reason.contains("longer than") && q.envelope.subject == "x");
}
