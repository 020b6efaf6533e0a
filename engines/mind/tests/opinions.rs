//! Two labels with hundreds of examples each: features weigh by contrast and, with sentence vectors, likeness to all examples counts.

mod common;

use common::options;
use shouwen_mind::encoder::Encode;
use shouwen_mind::random::Sequence;
use shouwen_mind::{Mind, Row, TrainOptions, Tuning};

/// Counts each character in one of sixteen places: meaning enough for these rows, and the same everywhere.
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

const GOOD: [&str; 6] = ["味道很好", "送得很快", "包装精美", "师傅热情", "分量十足", "下次还来"];
const BAD: [&str; 6] = ["味道很差", "等了两个小时", "包装破了", "师傅态度恶劣", "分量太少", "再也不来了"];

/// Invented reviews, 520 a label.
fn reviews() -> Vec<Row> {
    let mut random = Sequence::new(9);
    let mut rows = Vec::new();
    for at in 0..1040 {
        let (label, words) = if at % 2 == 0 { ("pos", GOOD) } else { ("neg", BAD) };
        let text = format!("第{at}单{}，{}", words[random.below(6)], words[random.below(6)]);
        rows.push(Row::new(label, text));
    }
    rows
}

fn train(rows: &[Row], threads: usize) -> Mind {
    let tuning = Tuning { c: Some(0.3), threads, ..Tuning::default() };
    Mind::train(rows, TrainOptions { tuning, ..options() }, &[&Letters]).expect("reviews train")
}

#[test]
fn opinions_are_told_apart_the_same_for_any_order_and_number_of_threads_and_survive_the_file() {
    let mut rows = reviews();
    let model = train(&rows, 1);
    let (semantic, _) = model.semantic.as_ref().expect("a semantic tier");
    assert!(model.sparse.options.contrast && semantic.options.contrast, "hundreds of examples a label weigh by contrast");
    assert_eq!(semantic.core.radial.len(), 2 * rows.len(), "each example says something of both labels");
    assert!(model.sparse.core.radial.is_empty(), "no sentence vectors, no likeness");

    let bytes = model.to_bytes().expect("bytes");
    let read = Mind::from_bytes(&bytes, "model").expect("readable");
    assert_eq!(read.to_bytes().expect("bytes"), bytes);
    for (text, label) in [("第3单味道很好，下次还来", "pos"), ("分量太少，再也不来了", "neg"), ("送得很快", "pos"), ("包装破了", "neg")] {
        for encoders in [&[&Letters as &dyn Encode][..], &[]] {
            let told = read.predict(text, encoders);
            assert_eq!(told.label.as_deref(), Some(label), "{text}, {} tier", told.tier);
            assert_eq!(told, model.predict(text, encoders));
        }
    }

    Sequence::new(4).shuffle(&mut rows);
    assert!(train(&rows, 3).to_bytes().expect("bytes") == bytes, "order or threads changed the model");
}

#[test]
fn a_file_whose_likeness_does_not_fit_is_refused() {
    let bytes = train(&reviews(), 2).to_bytes().expect("bytes");
    let body = &bytes[..bytes.len() - 32];
    Mind::parse(body).expect("whole");
    // The last section is that of likeness: half of it, its length told truly.
    let length = 2 * 1040 * 4;
    let mut short = body[..body.len() - length / 2].to_vec();
    let at = body.len() - length - 8;
    short[at..at + 8].copy_from_slice(&((length / 2) as u64).to_le_bytes());
    assert_eq!(Mind::parse(&short).expect_err("half of it").code, "model.damaged");
}
