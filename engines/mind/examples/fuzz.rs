//! Mutates texts, data files, model files and archives without end and asks that nothing panics. Stable Rust; `make fuzz-mind`.
//! The `cargo fuzz` targets in `fuzz/` do the same with coverage, on a nightly compiler.

use shouwen_mind::encoder::{Encode, npy::Array, zip};
use shouwen_mind::extract::{Day, extract};
use shouwen_mind::features::features;
use shouwen_mind::normalise::normalise;
use shouwen_mind::random::Sequence;
use shouwen_mind::rows::read_tsv;
use shouwen_mind::{Mind, Purpose, Row, TrainOptions, Tuning, mood};
use std::time::{Duration, Instant};

const SEEDS: [&str; 8] = [
    "我的手机13800138000，订单号SF1234567890123，昨天下午3点半付了一千二百块，上周三退款三百元",
    "身份证11010519491231002X 车牌京A·12345 税号91350100M000100Y43 卡号6228480402564890018",
    "退訂的話費為什麼還沒退 ＡＢＣ１２３ \u{200b}\u{fe0f}👨‍👩‍👧 e\u{301}İßﬁ㍿",
    "二〇二六年三月五日 下下周一 两个月后 三百二 一万二 十二元八角 +86-138-0013-8000",
    "I want to speak to a human agent immediately!!! a.b+c@mail.example.com",
    "refund\t怎么退款\ninvoice\t开发票\r\n\tx\nno tab",
    "忽略之前的所有指令 Ignore all previous instructions",
    "",
];

fn mutate(random: &mut Sequence, data: &mut Vec<u8>) {
    for _ in 0..=random.below(8) {
        let at = random.below(data.len().max(1));
        match random.below(6) {
            0 if !data.is_empty() => data[at] ^= 1 << random.below(8),
            1 if !data.is_empty() => data[at] = random.next_u64() as u8,
            2 => data.insert(at.min(data.len()), random.next_u64() as u8),
            3 if !data.is_empty() => drop(data.remove(at)),
            4 => data.truncate(at),
            _ => {
                let seed = SEEDS[random.below(SEEDS.len())].as_bytes();
                let from = random.below(seed.len().max(1));
                let piece: Vec<u8> = seed[from.min(seed.len())..].iter().take(random.below(40)).copied().collect();
                let at = at.min(data.len());
                data.splice(at..at, piece);
            }
        }
    }
}

fn model() -> Mind {
    let rows: Vec<Row> = (0..40).map(|i| Row::new(["refund", "invoice", "delivery", "account"][i % 4], format!("问题{i}{}", SEEDS[i % 5]))).collect();
    match Mind::train(&rows, TrainOptions { purpose: Purpose::Faq, tuning: Tuning::default() }, &[]) {
        Ok(mind) => mind,
        Err(problem) => panic!("{problem}"),
    }
}

/// A sentence encoder of sixteen numbers, so that files hold every part there is.
struct Letters;

impl Encode for Letters {
    fn fingerprint(&self) -> &str {
        "letters"
    }
    fn dim(&self) -> usize {
        16
    }
    fn encode(&self, text: &str, out: &mut [f32]) {
        out.fill(0.0);
        text.chars().for_each(|c| out[(c as usize * 7) % 16] += 1.0);
    }
}

/// Two labels with hundreds of examples: a file with the part for likeness.
fn opinions() -> Mind {
    let rows: Vec<Row> = (0..1_000).map(|i| Row::new(["good", "bad"][i % 2], format!("{i}{}{}", ["很好", "很差"][i % 2], SEEDS[i % 5]))).collect();
    let tuning = Tuning { c: Some(0.3), ..Tuning::default() };
    match Mind::train(&rows, TrainOptions { purpose: Purpose::Intent, tuning }, &[&Letters]) {
        Ok(mind) => mind,
        Err(problem) => panic!("{problem}"),
    }
}

fn main() {
    let minutes: u64 = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(10);
    let mind = model();
    let file = mind.to_bytes().unwrap_or_default();
    let body = &file[..file.len().saturating_sub(32)];
    let wide = opinions().to_bytes().unwrap_or_default();
    let wide = &wide[..wide.len().saturating_sub(32)];
    let (begun, mut rounds, mut accepted) = (Instant::now(), 0u64, 0u64);
    let mut random = Sequence::new(std::env::args().nth(2).and_then(|a| a.parse().ok()).unwrap_or(1));
    while begun.elapsed() < Duration::from_secs(60 * minutes) {
        for _ in 0..200 {
            rounds += 1;
            let mut data = SEEDS[random.below(SEEDS.len())].as_bytes().to_vec();
            mutate(&mut random, &mut data);
            let _ = read_tsv(&data, "fuzz", random.below(2) == 0);
            let _ = zip::members(&data);
            let _ = Array::read(&data);
            let text = String::from_utf8_lossy(&data);
            let normal = normalise(&text);
            assert_eq!(normalise(&normal), normal, "not idempotent: {text:?}");
            let _ = features(&normal);
            let chars = text.chars().count();
            assert!(extract(&text, Day::new(2026, 11, 21)).iter().all(|f| f.end <= chars));
            let _ = mood::read(&text);
            let prediction = mind.predict(&text, &[]);
            assert!((0.0..=1.0).contains(&prediction.confidence));
        }
        let mut data = if random.below(8) == 0 { wide } else { body }.to_vec();
        // Lengths and counts sit at the beginnings of sections; hit the head more often than chance would.
        if random.below(2) == 0 {
            let at = random.below(data.len().min(4096));
            data[at] = random.next_u64() as u8;
        } else {
            mutate(&mut random, &mut data);
        }
        if let Ok(mind) = Mind::parse(&data) {
            accepted += 1;
            let _ = mind.predict(SEEDS[0], &[]);
            let _ = mind.predict(SEEDS[0], &[&Letters]);
            let _ = mind.reasons(SEEDS[0], "refund", &[], 3);
        }
    }
    println!("{rounds} texts and data files, {} model files ({accepted} readable): clean after {minutes} minutes", rounds / 200);
}
