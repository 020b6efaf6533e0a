#![no_main]
//! Normaliser, tokeniser, features, facts, mood, data files.
use libfuzzer_sys::fuzz_target;
use shouwen_mind::extract::{Day, extract};
use shouwen_mind::{features::features, mood, normalise::normalise, rows::read_tsv};

fuzz_target!(|data: &[u8]| {
    let _ = read_tsv(data, "fuzz", true);
    let text = String::from_utf8_lossy(data);
    let normal = normalise(&text);
    assert_eq!(normalise(&normal), normal);
    let _ = features(&normal);
    let chars = text.chars().count();
    assert!(extract(&text, Day::new(2026, 11, 21)).iter().all(|f| f.end <= chars));
    let _ = mood::read(&text);
});
