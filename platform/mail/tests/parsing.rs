//! What the parser makes of real mails: charsets, broken headers, names, containers.

mod common;

use common::{around, fixture, mail, message};
use shouwen_mail::{Address, Limits, Parsed, parse};

fn person(name: &str, address: &str) -> Address {
    Address { name: name.into(), address: address.into() }
}

#[test]
fn chinese_mails_read_as_expected() {
    let expected: serde_json::Value = serde_json::from_slice(&fixture("zh/expected.json")).expect("valid JSON");
    for (file, want) in expected.as_object().expect("object") {
        let got = mail(&format!("zh/{file}"));
        let text = |k: &str| want.get(k).and_then(|v| v.as_str());
        if let Some(subject) = text("subject") {
            assert_eq!(got.subject, subject, "{file}");
        }
        if let Some(body) = text("body") {
            assert_eq!(got.text.trim(), body.replace("\r\n", "\n").trim(), "{file}");
        }
        if let Some(reply) = text("reply_only") {
            assert_eq!(got.reply_text, reply, "{file}");
        }
        if want.get("auto_reply").is_some() {
            assert!(got.auto.is_some(), "{file}");
        }
        assert!(got.problems.is_empty(), "{file}: {:?}", got.problems);
    }
}

#[test]
fn other_charsets() {
    let m = mail("mikel/japanese_iso_2022.eml");
    assert_eq!(m.subject, "まみむめも");
    assert_eq!(m.text.trim(), "すみません。");
    assert_eq!(m.to, [person("みける", "raasdnil@gmail.com")]);
    assert!(mail("mikel/japanese_shift_jis.eml").text.starts_with("あいうえお"));
    assert_eq!(mail("mikel/ks_c_5601-1987.eml").text.trim(), "스티해");
    // Two ISO-2022-JP words in a row: no replacement character between them.
    assert_eq!(mail("mikel/example14.eml").subject, "Re: TEST テストテスト");
    assert_eq!(mail("mimekit/japanese.txt").subject, "日本語メールテスト (testing Japanese emails)");
}

#[test]
fn hz_utf7_and_unlabelled_bytes() {
    let m = message(b"Subject: =?HZ-GB-2312?B?fntEYzpDfn0=?=\nContent-Type: text/plain; charset=hz-gb-2312\n\n~{VPND~} ok ~~\n").mail;
    assert_eq!((m.subject.as_str(), m.text.as_str()), ("你好", "中文 ok ~\n"));
    let m = message(b"Subject: x\nContent-Type: text/plain; charset=utf-7\n\n+Ti1lhw-\n").mail;
    assert_eq!(m.text.trim(), "中文");
    // No label at all: GBK and Big5 are told apart, headers included.
    let gbk: &[u8] = &[0xc7, 0xeb, 0xce, 0xca, 0xb6, 0xa9, 0xb5, 0xa5, 0xca, 0xb2, 0xc3, 0xb4, 0xca, 0xb1, 0xba, 0xf2, 0xb5, 0xbd];
    let mut raw = b"Subject: ".to_vec();
    raw.extend_from_slice(gbk);
    raw.extend_from_slice(b"\n\n");
    raw.extend_from_slice(gbk);
    let m = message(&raw).mail;
    assert_eq!((m.subject.as_str(), m.text.as_str()), ("请问订单什么时候到", "请问订单什么时候到"));
    let big5: &[u8] = &[0xbd, 0xd0, 0xb0, 0xdd, 0xad, 0x71, 0xb3, 0xe6, 0xa4, 0xb0, 0xbb, 0xf2, 0xae, 0xc9, 0xad, 0xd4, 0xa8, 0xec];
    let mut raw = b"Subject: x\n\n".to_vec();
    raw.extend_from_slice(big5);
    assert_eq!(message(&raw).mail.text, "請問訂單什麼時候到");
    // The label says UTF-8, the bytes are GBK; and the other way round.
    let mut raw = b"Content-Type: text/plain; charset=utf-8\n\n".to_vec();
    raw.extend_from_slice(gbk);
    let m = message(&raw).mail;
    assert_eq!(m.text, "请问订单什么时候到");
    assert!(m.problems.iter().any(|p| p.contains("does not fit")), "{:?}", m.problems);
    let m = message("Content-Type: text/plain; charset=gb2312\n\n请问订单什么时候到，谢谢".as_bytes()).mail;
    assert_eq!(m.text, "请问订单什么时候到，谢谢");
    // A Western label over Chinese bytes; real Western text stays.
    let mut raw = b"Content-Type: text/plain; charset=iso-8859-1\n\n".to_vec();
    raw.extend_from_slice(gbk);
    assert_eq!(message(&raw).mail.text, "请问订单什么时候到");
    assert_eq!(message(b"Content-Type: text/plain; charset=iso-8859-1\n\nM\xfcller, \xc4\xd6\xdc").mail.text, "Müller, ÄÖÜ");
}

#[test]
fn encoded_words() {
    let subject = |s: &str| message(format!("Subject: {s}\n\nx").as_bytes()).mail.subject;
    assert_eq!(subject("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?="), "ab");
    assert_eq!(subject("=?ISO-8859-1?Q?a?= b"), "a b");
    assert_eq!(subject("=?ISO-8859-1?Q?a_b?="), "a b");
    assert_eq!(subject("=?iso-8859-1?q?this is some text?="), "this is some text");
    assert_eq!(subject("=?utf-8?B?5L2g5aW9?==?utf-8?B?5L2g5aW9?="), "你好你好");
    // Base64 cut at any place, without padding.
    assert_eq!(subject("=?utf-8?B?5L2g5?= =?utf-8?B?aW9?="), "你好");
    // No closing mark.
    assert_eq!(subject("=?utf-8?B?5L2g5aW9"), "你好");
    assert_eq!(subject("=?utf-8*zh?Q?=E4=BD=A0?="), "你");
    assert_eq!(subject("=?"), "=?");
    assert_eq!(subject("a =?x"), "a =?x");
}

#[test]
fn addresses() {
    let to = |s: &str| message(format!("To: {s}\n\nx").as_bytes()).mail.to;
    assert_eq!(to("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"), [person("Mary Smith", "mary@x.test"), person("", "jdoe@example.org"), person("Who?", "one@y.test")]);
    assert_eq!(to("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;"), [person("Ed Jones", "c@a.test"), person("", "joe@where.test"), person("John", "jdoe@one.test")]);
    assert_eq!(to("undisclosed-recipients:;"), []);
    assert_eq!(to("\"Smith, J.\" <j@x.test>"), [person("Smith, J.", "j@x.test")]);
    assert_eq!(to("=?utf-8?Q?Doe, John?= <a@b.test>"), [person("Doe, John", "a@b.test")]);
    assert_eq!(to("\"=?GBK?B?zfXQocP3?=\" <wxm@example.cn>"), [person("王小明", "wxm@example.cn")]);
    assert_eq!(to("a@b.test (John Doe)"), [person("John Doe", "a@b.test")]);
    assert_eq!(to("mailto:a@b.test, <mailto:c@d.test>"), [person("", "a@b.test"), person("", "c@d.test")]);
    assert_eq!(to("张三 <zs@example.cn>；李四 <ls@example.cn>"), [person("张三", "zs@example.cn"), person("李四", "ls@example.cn")]);
    assert_eq!(to("John Doe john@x.test"), [person("John Doe", "john@x.test")]);
    assert_eq!(to("<<a@b.test>>, x@y.test;z@w.test"), [person("", "a@b.test"), person("", "x@y.test"), person("", "z@w.test")]);
    // The whole header in one encoded word.
    assert_eq!(to("=?utf-8?B?546L5bCP5piOIDx3eG1AZXhhbXBsZS5jbj4=?="), [person("王小明", "wxm@example.cn")]);
    assert_eq!(mail("mikel/empty_group_lists.eml").to, []);
    assert_eq!(mail("mikel/weird_to_header.eml").to, [person("", "user-example@aol.com"), person("", "e-s-a-s-2200@app.ar.com")]);
    assert_eq!(mail("mikel/new_line_in_to_header.eml").to.len(), 6);
    assert_eq!(mail("mikel/example11.eml").to[1], person("", "jdoe@test.example"));
}

#[test]
fn dates() {
    for (given, want) in [
        ("Sat, 21 Nov 2026 09:15:00 +0800", "2026-11-21T01:15:00Z"),
        ("Sat, 21 Nov 2026 09:15:00 +0800 (CST)", "2026-11-21T01:15:00Z"),
        ("21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06Z"),
        ("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T15:55:06Z"),
        ("2026-11-21T09:15:00.123+08:00", "2026-11-21T01:15:00Z"),
        ("2026-11-21 09:15:00 +0800", "2026-11-21T01:15:00Z"),
        ("2026/11/21 09:15:00", "2026-11-21T09:15:00Z"),
        ("2026年11月21日 下午3:05", "2026-11-21T15:05:00Z"),
        ("Nov 21 2026 9:15 PM", "2026-11-21T21:15:00Z"),
        ("Sat Nov 21 09:15:00 2026", "2026-11-21T09:15:00Z"),
        ("Sat, 21 Nov 2026 09:15:00 GMT+08:00", "2026-11-21T01:15:00Z"),
        ("Sat, 21-Nov-2026 09:15:00 EST", "2026-11-21T14:15:00Z"),
        ("Wednesday, 21 January 2026 00:00:60 +0000", "2026-01-21T00:00:59Z"),
    ] {
        assert_eq!(shouwen_mail::dates::parse(given).map(|d| d.utc).as_deref(), Some(want), "{given}");
    }
    for given in ["", "Whenever", "<HR>", "31 Feb 2026 10:00 +0000", "99999999999999"] {
        assert_eq!(shouwen_mail::dates::parse(given), None, "{given}");
    }
    let m = mail("mikel/raw_email_with_bad_date.eml");
    assert_eq!(m.date, "2007-11-05T09:17:37Z");
    assert!(m.problems.iter().any(|p| p.contains("date of receipt")));
}

#[test]
fn file_names() {
    let name = |file: &str| mail(file).attachments[0].name.clone();
    assert_eq!(name("mikel/attachment_with_unquoted_name.eml"), "This is a test.txt");
    assert_eq!(name("mikel/attachment_nonascii_filename.eml"), "ciële.txt");
    assert_eq!(name("mikel/attachment_with_quoted_filename.eml"), "Eelanalüüsi päring.jpg");
    assert_eq!(name("mikel/japanese_attachment.eml"), "てすと.txt");
    assert_eq!(name("mikel/japanese_attachment_long_name.eml"), "かきくけこかきくけこかきくけこかきくけこかきくけこ.txt");
    assert_eq!(name("mikel/attachment_content_location.eml"), "Photo25.jpg");
    let one = |headers: &str| {
        let raw = format!("Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\n{headers}\n\nx\n--b--\n");
        message(raw.as_bytes()).mail.attachments[0].name.clone()
    };
    assert_eq!(one("Content-Type: application/pdf\nContent-Disposition: attachment;\n filename*0*=utf-8''%E6%8A%A5%E4%BB%B7;\n filename*1*=%E5%8D%95; filename*2=.pdf"), "报价单.pdf");
    assert_eq!(one("Content-Type: application/pdf\nContent-Disposition: attachment; filename*=GB2312''%B1%A8%BC%DB%B5%A5.pdf"), "报价单.pdf");
    assert_eq!(one("Content-Type: application/pdf; name=\"=?gb18030?B?saG82w==?=\n =?gb18030?B?taUucGRm?=\""), "薄价单.pdf");
    assert_eq!(one("Content-Type: application/pdf\nContent-Disposition: attachment; filename=\"%E6%8A%A5%E4%BB%B7%E5%8D%95.pdf\""), "报价单.pdf");
    assert_eq!(one("Content-Type: application/pdf\nContent-Disposition: attachment; filename=报价(最终); x=y"), "报价(最终)");
    assert_eq!(one("Content-Type: application/pdf\nContent-Disposition: attachment; filename=\"C:\\temp\\a.pdf\""), "a.pdf");
    assert_eq!(one("Content-Type: application/pdf\nContent-Disposition: attachment; filename=\"../../etc/passwd\""), "passwd");
    assert_eq!(one("Content-Type: application/pdf\nContent-Disposition: attachment; filename=\"a\u{202e}fdp.exe\""), "afdp.exe");
    // Raw GBK in the header, no encoding at all.
    let mut raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=gbk\n\nx\n--b\nContent-Type: application/pdf; name=\"".to_vec();
    raw.extend_from_slice(&[0xb1, 0xa8, 0xbc, 0xdb, 0xb5, 0xa5]);
    raw.extend_from_slice(b".pdf\"\n\nx\n--b--\n");
    assert_eq!(message(&raw).mail.attachments[0].name, "报价单.pdf");
}

#[test]
fn attachments_are_exact() {
    let m = message(&fixture("mikel/raw_email7.eml"));
    let told: Vec<_> = m.mail.attachments.iter().map(|a| (a.name.as_str(), a.content_type.as_str(), a.size)).collect();
    assert_eq!(told, [("test.rb", "text/x-ruby-script", 25), ("test.pdf", "application/pdf", 14), ("smime.p7s", "application/pkcs7-signature", 227)]);
    for (a, f) in m.mail.attachments.iter().zip(&m.files) {
        assert_eq!(a, &f.info);
        assert_eq!(a.size as usize, f.bytes.len());
    }
    let m = mail("mikel/attachment_message_rfc822.eml");
    assert_eq!(m.attachments[0].name, "ForwardedMessage.eml");
    let m = mail("cpython/msg_04.txt");
    assert_eq!(m.attachments[0].sha256.len(), 64);
    assert!(m.attachments[0].inline);
}

#[test]
fn structure_of_broken_mails() {
    assert_eq!(mail("mikel/email_with_similar_boundaries.eml").attachments[0].name, "LOGO.png");
    let m = mail("cpython/msg_31.txt");
    assert_eq!(m.text, "message 1\nmessage 2\n");
    assert_eq!(mail("cpython/msg_35.txt").text.trim(), "counter to RFC 2822, there's no separating newline here");
    // CR only, CR CR LF, no headers, nothing.
    let m = message(b"From: a@b.test\rSubject: s\r\rbody\r").mail;
    assert_eq!((m.subject.as_str(), m.text.as_str()), ("s", "body\n"));
    assert_eq!(message(b"Subject: a\r\r\n b\r\r\n\r\r\nbody").mail.subject, "a b");
    assert_eq!(message(b"just text\nmore").mail.text, "just text\nmore");
    assert_eq!(message(b"").mail.text, "");
    // A multipart without any boundary parameter.
    let m = message(b"Content-Type: multipart/mixed\n\n--xyz\nContent-Type: text/plain\n\nhello\n--xyz--\n").mail;
    assert_eq!(m.text, "hello");
    // Twice the same field: the first counts, and it is said.
    let m = message(b"From: a@b.test\nFrom: c@d.test\nSubject: 1\nSubject: 2\n\nx").mail;
    assert_eq!((m.from.len(), m.subject.as_str()), (1, "1"));
    assert_eq!(m.problems.iter().filter(|p| p.contains("more than once")).count(), 2);
    let m = mail("mimekit/multipart-related-mhtml.txt");
    assert_eq!((m.text.trim(), m.attachments.len()), ("def", 1));
    // A mailing list's footer below the padding is not decoded into the attachment.
    let m = message(b"Content-Type: application/x-y\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n______\nlist footer\n");
    assert_eq!(m.files[0].bytes, b"hello");
}

#[test]
fn winmail_dat_is_opened() {
    for (file, names, body) in [
        ("two-files", vec!["AUTHORS", "README"], ""),
        ("unicode-mapi-attr", vec!["example.dat"], "hello world"),
        ("data-before-name", vec!["AUTOEXEC.BAT", "CONFIG.SYS", "boot.ini"], "asdf"),
        ("rtf", vec![], "aafgag'alga'kgk"),
        ("triples", vec![], "Sample description"),
    ] {
        use base64::Engine as _;
        let packed = base64::engine::general_purpose::STANDARD.encode(fixture(&format!("mimekit/{file}.tnef")));
        let raw = format!("From: a@b.test\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n{packed}\n");
        let m = message(raw.as_bytes()).mail;
        let mut got: Vec<_> = m.attachments.iter().map(|a| a.name.as_str()).collect();
        got.sort_unstable();
        assert_eq!(got, names, "{file}");
        assert!(m.text.trim().starts_with(body), "{file}: {:?}", m.text);
    }
}

#[test]
fn reports_and_invitations() {
    let m = message(&fixture("cpython/msg_16.txt"));
    let d = m.dsn.expect("a delivery report");
    assert_eq!((d.action.as_str(), d.status.as_str(), d.recipient.as_str()), ("failed", "5.0.0", "jangel1@cougar.noc.ucla.edu"));
    assert_eq!(d.original_message_id.as_deref(), Some("002001c144a6$8752e060$56104586@oxy.edu"));
    assert_eq!(m.mail.auto.as_deref(), Some("bounce"));
    assert_eq!(mail("mimekit/disposition-notification.txt").auto.as_deref(), Some("read receipt"));
    let raw = "Content-Type: text/calendar; method=REQUEST; charset=utf-8\n\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:u1@example.com\r\nSUMMARY:季度\\, 回顾\r\nDTSTART;TZID=Asia/Shanghai:20260102T150000\r\nDTEND:20260102T080000Z\r\nLOCATION:三楼\r\nORGANIZER;CN=\"王小明\":mailto:wxm@example.cn\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let m = message(raw.as_bytes());
    let i = m.invite.expect("an invitation");
    assert_eq!((i.method.as_str(), i.summary.as_str(), i.start.as_str(), i.end.as_str()), ("REQUEST", "季度, 回顾", "2026-01-02 15:00 Asia/Shanghai", "2026-01-02T08:00:00Z"));
    assert_eq!(i.organizer, "王小明 <wxm@example.cn>");
    assert!(m.mail.text.contains("季度, 回顾") && m.mail.attachments.len() == 1);
}

#[test]
fn automatic_mail_is_told_apart() {
    let auto = |h: &str| message(format!("From: p@example.com\n{h}\n\nx").as_bytes()).mail.auto;
    assert_eq!(auto("Auto-Submitted: auto-replied").as_deref(), Some("auto-submitted: auto-replied"));
    assert_eq!(auto("Auto-Submitted: no"), None);
    assert_eq!(auto("Precedence: bulk").as_deref(), Some("bulk"));
    assert_eq!(auto("Precedence: list").as_deref(), Some("list"));
    assert_eq!(auto("List-Id: <a.example.com>").as_deref(), Some("list"));
    assert_eq!(auto("X-Autoreply: yes").as_deref(), Some("x-autoreply"));
    assert_eq!(auto("X-Auto-Response-Suppress: All").as_deref(), Some("auto-response-suppress"));
    // Outlook users' own mail carries this one.
    assert_eq!(auto("X-Auto-Response-Suppress: DR, RN"), None);
    assert_eq!(auto("Return-Path: <>").as_deref(), Some("null return path"));
    assert_eq!(auto("Subject: 自动回复: 您好").as_deref(), Some("auto-reply subject"));
    assert_eq!(auto("Subject: 系统退信\nReturn-Path: <>").as_deref(), Some("bounce"));
    assert_eq!(auto("Subject: 关于自动回复功能的问题"), None);
}

#[test]
fn limits_lead_to_quarantine() {
    let reason = |raw: &[u8]| match parse(raw, &Limits::default()) {
        Parsed::Quarantined(q) => q,
        Parsed::Message(_) => panic!("should be quarantined"),
    };
    let many = format!("Subject: 很多\n{}\n\nx", (0..1100).map(|i| format!("X-H: {i}")).collect::<Vec<_>>().join("\n"));
    let q = reason(many.as_bytes());
    assert!(q.reason.contains("header"), "{}", q.reason);
    assert_eq!(q.envelope.subject, "很多");
    let to = (0..120).map(|i| format!("u{i}@example.com")).collect::<Vec<_>>().join(", ");
    assert!(reason(format!("To: {to}\n\nx").as_bytes()).reason.contains("recipients"));
    let parts = format!("Content-Type: multipart/mixed; boundary=b\n\n{}--b--", "--b\n\nx\n".repeat(300));
    assert!(reason(parts.as_bytes()).reason.contains("parts"));
    let mut deep = String::new();
    for i in 0..40 {
        deep.push_str(&format!("Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}\n"));
    }
    assert!(reason(deep.as_bytes()).reason.contains("nested"));
    assert!(matches!(parse(&around("ok"), &Limits { raw_bytes: 10, ..Limits::default() }), Parsed::Quarantined(_)));
}

#[test]
fn a_reason_names_the_right_number_of_recipients_and_raised_limits_take_the_mail_in() {
    let raw = |n: usize| format!("Subject: 通知\nTo: {}\n\nx", (0..n).map(|i| format!("u{i}@example.com")).collect::<Vec<_>>().join(", "));
    for n in [150, 2_500, 50_000] {
        let Parsed::Quarantined(q) = parse(raw(n).as_bytes(), &Limits::default()) else { panic!("{n} recipients are too many") };
        assert!(q.reason.contains(&format!("has {n} recipients; at most 100")), "{}", q.reason);
    }
    let Parsed::Message(m) = parse(raw(2_500).as_bytes(), &Limits { recipients: 3_000, ..Limits::default() }) else { panic!("the limit was raised") };
    assert_eq!(m.mail.to.len(), 2_500);
}

#[test]
fn html_too_large_to_show_still_gives_its_text_and_says_where_the_rest_is() {
    let limits = Limits { html_bytes: 300_000, ..Limits::default() };
    let html = |paragraphs: usize| format!("Subject: big\nContent-Type: text/html; charset=utf-8\n\n<html><head><style>p {{ color: red }}</style></head><body>{}</body></html>", "<p class=\"x\">退款还没有到账，请尽快处理。</p>\n".repeat(paragraphs));
    let Parsed::Message(m) = parse(html(30_000).as_bytes(), &limits) else { panic!("taken in") };
    assert!(m.mail.html.is_empty());
    assert!(m.mail.text.starts_with("退款还没有到账"), "{}", &m.mail.text[..60]);
    assert!(m.mail.reply_text.starts_with("退款还没有到账") && m.mail.reply_text.contains("attachment message.html"));
    assert!(m.mail.text.ends_with(']') && m.mail.text.contains("附件 message.html") && m.mail.text.contains("begins with"), "says that the HTML is an attachment and the text cut");
    assert!((200_000..200_400).contains(&m.mail.text.chars().count()), "{}", m.mail.text.chars().count());
    assert!(!m.mail.text.contains("color"));
    assert_eq!((m.mail.attachments.len(), m.mail.attachments[0].name.as_str()), (1, "message.html"));
    assert!(m.mail.problems.iter().any(|p| p.contains("is not shown")));

    // A shorter text comes whole.
    let Parsed::Message(m) = parse(html(10_000).as_bytes(), &limits) else { panic!("taken in") };
    assert_eq!(m.mail.text.matches("退款还没有到账").count(), 10_000);
    assert!(!m.mail.text.contains("begins with"));

    // A plain text beside it stays as it is.
    let both = format!("Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\n正文在此\n--b\n{}\n--b--\n", &html(30_000)["Subject: big\n".len()..]);
    let Parsed::Message(m) = parse(both.as_bytes(), &limits) else { panic!("taken in") };
    assert!(m.mail.text.starts_with("正文在此\n\n[这封邮件"), "{}", &m.mail.text);
}
