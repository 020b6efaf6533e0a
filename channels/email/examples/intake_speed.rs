//! How many mails a second the channel takes in and understands on SQLite, each batch durable (synchronous=FULL).
//!
//! `cargo run --release -p shouwen-email --example intake_speed [MAILS] [BATCH]`

use std::sync::Arc;
use std::time::Instant;

use shouwen_crypt::Keys;
use shouwen_email::{RawMail, Source, drain_blocking, intake_blocking};
use shouwen_kernel::{Clock, Ids, InboxId, SystemClock};
use shouwen_store::{Blobs, Db, Location, Migration, Services, migrate, params};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let count: usize = arguments.next().and_then(|a| a.parse().ok()).unwrap_or(5_000);
    let batch: usize = arguments.next().and_then(|a| a.parse().ok()).unwrap_or(50);
    let folder = std::env::temp_dir().join(format!("shouwen-intake-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let services = Services {
        clock: Arc::new(SystemClock) as Arc<dyn Clock>,
        ids: Arc::new(Ids::system()),
        keys: Arc::new(Keys::for_tests()),
        blobs: Blobs::at(&folder.join("blobs")).expect("a blob folder"),
    };
    let db = Db::open(&Location::Sqlite(folder.join("shouwen.db")), services).expect("the database opens");
    let migrations: Vec<Migration> = shouwen_store::MIGRATIONS.iter().chain(shouwen_email::module().migrations).copied().collect();
    migrate::run(&db, &migrations).expect("migrations run");
    let inbox: InboxId = db
        .write_blocking(|tx| {
            let (workspace, id): (_, InboxId) = (tx.create_workspace("speed", "Asia/Shanghai", "zh-CN")?, tx.id());
            tx.execute(
                "INSERT INTO mail_inbox (id, workspace_id, name, address, active, signature, default_language, version, created_at, updated_at) VALUES (?1, ?2, 'n', 'service@shop.example', ?3, '', 'zh', 1, 0, 0)",
                params![id, workspace, true],
            )?;
            Ok(id)
        })
        .expect("an inbox");
    let mails: Vec<RawMail> = (0..count).map(|n| RawMail { bytes: letter(n).into_bytes(), source: Source::Imap, place: None, received_at: Some(db.services().clock.now()) }).collect();
    let bytes: usize = mails.iter().map(|m| m.bytes.len()).sum();

    let begun = Instant::now();
    let (mut storing, mut understanding) = (0.0, 0.0);
    for part in mails.chunks(batch) {
        let at = Instant::now();
        intake_blocking(&db, inbox, part).expect("stored");
        storing += at.elapsed().as_secs_f64();
        let at = Instant::now();
        drain_blocking(&db, None).expect("understood");
        understanding += at.elapsed().as_secs_f64();
    }
    let all = begun.elapsed().as_secs_f64();
    let (parsed,): (i64,) = db.read_blocking(|tx| tx.one("SELECT count(*) FROM mail_message WHERE state = 'parsed'", params![])).expect("a count");
    println!("{parsed} mails of {} bytes on average in {all:.2} s: {:.0} mails/s (storing {storing:.2} s, understanding {understanding:.2} s, batches of {batch})", bytes / count.max(1), parsed as f64 / all);
    db.close();
    let _ = std::fs::remove_dir_all(&folder);
}

/// A letter as people write them: two bodies, a quote, a small attachment in every tenth.
fn letter(n: usize) -> String {
    let text = format!("您好，订单 SO-2026-{n:06} 的退款还没有到账，请帮忙查询一下进度。\r\n谢谢！\r\n\r\n> 您的退款已经受理，预计三个工作日内到账。\r\n").repeat(4);
    let file = if n.is_multiple_of(10) { format!("--m\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename=\"截图{n}.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n", "iVBORw0KGgoAAAANSUhEUg==\r\n".repeat(400)) } else { String::new() };
    format!(
        "Return-Path: <c{n}@customer.example>\r\nReceived: from mx.customer.example by mx.shop.example; Mon, 2 Mar 2026 09:00:00 +0800\r\nMessage-ID: <{n}@customer.example>\r\nDate: Mon, 2 Mar 2026 08:59:58 +0800\r\nFrom: =?utf-8?B?5p2O6Zu3?= <c{n}@customer.example>\r\nTo: service@shop.example\r\nSubject: =?utf-8?B?6YCA5qy+6L+b5bqm?= {n}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n--a\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<html><body><p>{}</p></body></html>\r\n--a--\r\n{file}--m--\r\n",
        text.replace("\r\n", "<br>")
    )
}
