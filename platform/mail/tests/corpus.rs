//! Every file of the large corpus: parsed within bounds, valid JSON, cleaning idempotent. Skips loudly where the corpus is not.

mod common;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use shouwen_mail::html::clean;
use shouwen_mail::{Limits, MailSource, Parsed, Resume, parse, parse_bounded};

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    for e in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let p = e.path();
        if p.is_dir() {
            files(&p, out);
        } else {
            out.push(p);
        }
    }
}

#[test]
fn the_whole_corpus() {
    let Some(root) = common::corpus() else { return };
    let mut all = Vec::new();
    files(&root, &mut all);
    all.sort();
    let (mut parsed, mut quarantined, mut slowest) = (0, Vec::new(), (Duration::ZERO, PathBuf::new()));
    for f in &all {
        let raw = std::fs::read(f).expect("readable");
        let is_mail = f.extension().is_some_and(|e| e == "eml" || e == "txt" || e == "tnef") || !f.components().any(|c| c.as_os_str() == "mimekit" || c.as_os_str() == "stalwart-mail-parser");
        // Pictures and expectation files are parsed as mails too; the large ones say nothing new and cost minutes unoptimised.
        if !is_mail && raw.len() > 40_000 {
            continue;
        }
        let start = Instant::now();
        match parse_bounded(raw, &Limits::default(), Duration::from_secs(60)) {
            Parsed::Message(m) => {
                parsed += 1;
                let json = serde_json::to_vec(&m.mail).expect("JSON");
                serde_json::from_slice::<serde_json::Value>(&json).expect("valid JSON");
                assert_eq!(clean(&m.mail.html).html, m.mail.html, "{}", f.display());
            }
            Parsed::Quarantined(q) => {
                assert!(!q.reason.contains("failed") && !q.reason.contains("longer"), "{}: {}", f.display(), q.reason);
                quarantined.push(f.clone());
            }
        }
        let took = start.elapsed();
        if took > slowest.0 {
            slowest = (took, f.clone());
        }
    }
    eprintln!("{parsed} parsed, {} quarantined {quarantined:?}, slowest {:?} {}", quarantined.len(), slowest.0, slowest.1.display());
    assert!(parsed > 500);
    assert!(quarantined.len() <= 3, "{quarantined:?}");
}

#[test]
fn mbox_files_of_the_corpus() {
    let Some(root) = common::corpus() else { return };
    for (file, count) in [("content-length.mbox.txt", 29), ("issue1189.mbox.txt", 4)] {
        let path = root.join("mimekit/UnitTests/TestData/mbox").join(file);
        let entries: Vec<_> = MailSource::open(&path, &Resume::default()).expect("opened").collect();
        assert_eq!(entries.len(), count, "{file}");
        for e in entries {
            let m = parse(&e.bytes.expect("bytes"), &Limits::default()).into_mail();
            assert!(!m.from.is_empty(), "{file} at {}", e.offset);
        }
    }
}
