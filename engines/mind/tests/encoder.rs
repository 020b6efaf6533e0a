//! The encoders against the reference implementation, the matrix product against the obvious one, the container against damage.

mod common;

use proptest::prelude::*;
use shouwen_mind::encoder::container::{Builder, Container};
use shouwen_mind::encoder::gemm::{Bytes, PANEL, multiply, panels};
use shouwen_mind::encoder::{Library, gemm8};
use shouwen_mind::{Mind, Row};
use std::path::PathBuf;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn products_are_those_of_the_obvious_loop(rows in 1usize..20, inner in 1usize..70, seed in any::<u64>()) {
        let mut random = shouwen_mind::random::Sequence::new(seed);
        let outer = 2 * PANEL;
        let x: Vec<f32> = (0..rows * inner).map(|_| random.unit() as f32 - 0.5).collect();
        let w: Vec<u8> = (0..inner * outer).map(|_| random.next_u64() as u8).collect();
        let scales: Vec<f32> = (0..outer).map(|_| random.unit() as f32 * 0.01).collect();
        let bias: Vec<f32> = (0..outer).map(|_| random.unit() as f32).collect();
        let mut out = vec![0.0; rows * outer];
        multiply(&x, &Bytes { data: &panels(&w, inner, outer), inner, outer, scales: &scales, zero: 128.0 }, Some(&bias), &mut out);
        for r in 0..rows {
            for c in 0..outer {
                let sum: f64 = (0..inner).map(|k| f64::from(x[r * inner + k]) * (f64::from(w[k * outer + c]) - 128.0)).sum();
                let expected = sum * f64::from(scales[c]) + f64::from(bias[c]);
                prop_assert!((f64::from(out[r * outer + c]) - expected).abs() < 1e-3, "row {r} column {c}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn products_in_whole_numbers_are_near_the_exact_ones_and_the_same_on_every_processor(rows in 1usize..20, fours in 1usize..20, panels in 1usize..4, zero in -128i32..128, seed in any::<u64>()) {
        let (inner, outer) = (4 * fours, panels * PANEL);
        let mut random = shouwen_mind::random::Sequence::new(seed);
        let x: Vec<f32> = (0..rows * inner).map(|_| random.unit() as f32 - 0.5).collect();
        let w: Vec<i8> = (0..inner * outer).map(|_| (random.below(255) as i32 - 127) as i8).collect();
        let scales: Vec<f32> = (0..outer).map(|_| random.unit() as f32 * 0.01).collect();
        let bias: Vec<f32> = (0..outer).map(|_| random.unit() as f32).collect();
        let (data, sums) = gemm8::panels(&w, inner, outer);
        let matrix = gemm8::Signed { data: &data, inner, outer, scales: &scales, sums: &sums, zero };
        let rounded = gemm8::Rounded::new(&x, inner);
        let mut out = vec![0.0; rows * outer];
        gemm8::multiply(&rounded, &matrix, &bias, &mut out);
        let mut plain = vec![0.0; rows * outer];
        gemm8::plain(&rounded, &matrix, &bias, &mut plain);
        prop_assert!(out.iter().zip(&plain).all(|(a, b)| a.to_bits() == b.to_bits()), "special instructions change nothing");
        for r in 0..rows {
            for c in 0..outer {
                let sum: f64 = (0..inner).map(|k| f64::from(x[r * inner + k]) * f64::from(i32::from(w[k * outer + c]) - zero)).sum();
                let expected = sum * f64::from(scales[c]) + f64::from(bias[c]);
                // Half a step of 1/127 of 0.5 a value, 255 at most a weight, 0.01 a scale.
                let bound = 0.5 / 254.0 * 255.0 * 0.01 * inner as f64 + 1e-4;
                prop_assert!((f64::from(out[r * outer + c]) - expected).abs() < bound, "row {r} column {c}");
            }
        }
    }
}

fn installed(test: &str) -> Option<Library> {
    let home = std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".local/share/shouwen/encoders"));
    let folder = std::env::var_os("SHOUWEN_ENCODERS").map(PathBuf::from).or(home)?;
    let library = Library::open(&folder);
    if library.is_empty() {
        eprintln!("SKIPPED {test}: no encoder installed (make model)");
        return None;
    }
    Some(library)
}

#[test]
fn vectors_are_those_of_the_reference() {
    let Some(library) = installed("vectors_are_those_of_the_reference") else { return };
    let encoders = library.choose(false);
    let Some(encoder) = encoders.first() else { return };
    for line in include_str!("fixtures/use_m3.tsv").lines() {
        let (text, values) = line.split_once('\t').expect("text and values");
        let mut out = vec![0.0; encoder.dim()];
        encoder.encode(text, &mut out);
        let expected: Vec<f32> = values.split(' ').map(|v| v.parse().expect("a number")).collect();
        let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
        // Rounded to 8 bits on the way; two sentences of one meaning differ by a hundred times as much.
        let found = &out[..expected.len()];
        let likeness = product(found, &expected) / (product(found, found) * product(&expected, &expected)).sqrt();
        assert!(likeness > 0.999, "{text}: {likeness}");
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 5e-3, "{text}: {found} instead of {expected}");
        }
    }
    let mut out = vec![1.0; encoder.dim()];
    encoder.encode("", &mut out);
    assert!(out.iter().all(|v| *v == 0.0), "empty text has no meaning");
}

#[test]
fn vectors_of_many_texts_are_those_of_each_alone() {
    let Some(library) = installed("vectors_of_many_texts_are_those_of_each_alone") else { return };
    let long = "我的快递三天没有动了，请帮我催一下。".repeat(30);
    let texts = ["怎么退货", "", "where is my order", "发票", "  ", &long, "手机号换了怎么办", "a", "投诉", "还是没有收到"];
    for encoder in library.choose(true) {
        let mut all = vec![1.0f32; texts.len() * encoder.dim()];
        encoder.encode_all(&texts, &mut all);
        for (text, found) in texts.iter().zip(all.chunks_exact(encoder.dim())) {
            let mut alone = vec![0.5f32; encoder.dim()];
            encoder.encode(text, &mut alone);
            assert!(alone.iter().zip(found).all(|(a, b)| a.to_bits() == b.to_bits()), "{text}");
        }
    }
}

#[test]
fn english_sentences_of_one_meaning_lie_together() {
    let Some(library) = installed("english_sentences_of_one_meaning_lie_together") else { return };
    let encoders = library.choose(true);
    let [_, encoder] = encoders[..] else { return };
    let vector = |text: &str| {
        let mut out = vec![0.0; encoder.dim()];
        encoder.encode(text, &mut out);
        out
    };
    let likeness = |a: &str, b: &str| vector(a).iter().zip(vector(b)).map(|(x, y)| x * y).sum::<f32>();
    assert!(likeness("my card has not arrived", "i am still waiting for my card") > 0.7);
    assert!(likeness("my card has not arrived", "what is the weather tomorrow") < 0.3);
}

#[test]
fn a_container_is_written_read_and_checked() {
    let path = std::env::temp_dir().join(format!("shouwen-mind-container-{}.encoder", std::process::id()));
    let mut builder = Builder::default();
    builder.add("a", &[1, 2, 3], &[3], 1.0, 0.0);
    builder.add_floats("b", &[1.5, -2.0]);
    let bytes = builder.finish("test", "a test", "none", "0").expect("built");
    std::fs::write(&path, &bytes).expect("written");
    let file = Container::open(&path).expect("opened");
    file.verify().expect("intact");
    assert_eq!(file.floats("b", 2).expect("floats"), [1.5, -2.0]);
    assert!(file.bytes("a", 4).is_err() && file.bytes("c", 1).is_err());
    drop(file);
    let mut broken = bytes.clone();
    *broken.last_mut().expect("not empty") ^= 1;
    std::fs::write(&path, &broken).expect("written");
    assert!(Container::open(&path).expect("opened").verify().is_err());
    std::fs::write(&path, &bytes[..bytes.len() - 40]).expect("written");
    assert!(Container::open(&path).is_err(), "a file cut short is refused");
    let _ = std::fs::remove_file(path);
}

#[test]
fn a_model_with_encoders_is_the_same_for_any_order_and_number_of_threads() {
    let Some(library) = installed("a_model_with_encoders_is_the_same_for_any_order_and_number_of_threads") else { return };
    for english in [false, true] {
        let encoders = library.choose(english);
        // Few rows: without optimisation an English sentence takes a quarter of a second.
        let mut rows = if english { english_rows() } else { common::rows() };
        rows.truncate(12);
        let mut first: Option<Vec<u8>> = None;
        for seed in 0..2usize {
            shouwen_mind::random::Sequence::new(seed as u64).shuffle(&mut rows);
            let mut options = common::options();
            options.tuning.threads = 1 + seed;
            let bytes = Mind::train(&rows, options, &encoders).and_then(|m| m.to_bytes()).expect("written");
            assert!(first.get_or_insert_with(|| bytes.clone()) == &bytes, "seed {seed} gave another model");
        }
        let mind = Mind::from_bytes(&first.expect("trained"), "m").expect("read");
        for row in rows.iter().take(2) {
            assert_eq!(mind.predict(&row.text, &encoders), mind.predict(&row.text, &encoders));
        }
    }
}

fn english_rows() -> Vec<Row> {
    let texts = [("refund", "i want my money back|how do i get a refund|please refund the order|refund not received yet"),
        ("delivery", "where is my parcel|the package has not arrived|when will it be delivered|track my order"),
        ("card", "my card was declined|i lost my card|order a new card|block my card please"),
        ("account", "i forgot my password|cannot log in|change my e-mail address|close my account"),
        ("invoice", "i need an invoice|send me the bill|the invoice is wrong|download my receipt")];
    texts.iter().flat_map(|(label, texts)| texts.split('|').map(|t| Row::new(*label, t))).collect()
}
