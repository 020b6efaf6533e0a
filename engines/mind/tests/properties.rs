//! What must hold for every input.

mod common;

use proptest::prelude::*;
use shouwen_mind::calibrate::{Calibrator, Judged, SIGNS, threshold};
use shouwen_mind::extract::{Day, extract};
use shouwen_mind::features::features;
use shouwen_mind::normalise::normalise;
use shouwen_mind::random::Sequence;
use shouwen_mind::rows::read_tsv;
use shouwen_mind::units::units;
use shouwen_mind::{Mind, Row};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn normalising_twice_changes_nothing(text in "\\PC{0,60}|[ａ-ｚＡ-Ｚ０-９é\u{301}\u{200b}\u{fe0f}İßﬁ㍿藝術臺灣한글 \t]{0,40}") {
        let once = normalise(&text);
        prop_assert_eq!(normalise(&once), once);
    }

    #[test]
    fn units_keep_every_visible_character(text in "\\PC{0,80}") {
        let normal = normalise(&text);
        let joined: String = units(&normal).iter().map(|u| u.text).collect();
        let visible: String = normal.chars().filter(|c| !c.is_whitespace()).collect();
        prop_assert_eq!(joined, visible);
    }

    #[test]
    fn features_are_sorted_and_unique(text in "\\PC{0,80}") {
        let found = features(&normalise(&text));
        prop_assert!(found.windows(2).all(|w| w[0].0 < w[1].0));
        prop_assert!(found.iter().all(|f| f.1 > 0.0 && f.1.is_finite()));
    }

    #[test]
    fn facts_lie_in_the_text_and_do_not_overlap(text in "[0-9０-９一二三十百千万亿元块毛角分几来多年月日号点前后内半个底初末正腊廿农历後週塊天昨今晚早周上下京Ａ-ＺA-Zx@.·()$+ \\-]{0,60}|\\PC{0,60}") {
        let chars: Vec<char> = text.chars().collect();
        let mut end = 0;
        for fact in extract(&text, Day::new(2026, 11, 21)) {
            prop_assert!(fact.start >= end && fact.end > fact.start && fact.end <= chars.len());
            prop_assert_eq!(chars[fact.start..fact.end].iter().collect::<String>(), fact.text);
            end = fact.end;
        }
    }

    #[test]
    fn a_data_file_is_read_or_refused_with_a_place(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Err(problem) = read_tsv(&bytes, "x.tsv", true) {
            prop_assert!(problem.line.is_some() && problem.column.is_some());
        }
    }

    #[test]
    fn a_damaged_model_file_is_refused(at in 0usize..4000, bit in 0u8..8) {
        let mut bytes = shop_bytes().to_vec();
        let at = at * bytes.len() / 4000;
        bytes[at] ^= 1 << bit;
        prop_assert!(Mind::from_bytes(&bytes, "m").is_err());
        // Without the checksum: whatever is read must not panic when it is used.
        if let Ok(mind) = Mind::parse(&bytes[..bytes.len() - 32]) {
            let _ = mind.predict("怎么退款", &[]);
            let _ = mind.reasons("怎么退款", "refund", &[], 3);
        }
    }

    #[test]
    fn any_text_gets_a_defined_answer(text in "\\PC{0,120}") {
        let p = shop().predict(&text, &[]);
        prop_assert!((0.0..=1.0).contains(&p.confidence));
        prop_assert!(p.label.is_some() || (!p.accepted && p.alternatives.is_empty()));
    }

    #[test]
    fn a_cautious_threshold_answers_no_more_and_the_more_is_known_the_less_it_keeps_back(seed in any::<u64>(), caution in 0.0f64..2.0) {
        let mut random = Sequence::new(seed);
        let rows: Vec<(f64, bool, f64)> = (0..300).map(|_| {
            let sure = random.unit();
            (sure, random.unit() < 0.5 + 0.5 * sure, 1.0)
        }).collect();
        let bold = threshold(rows.clone(), 0.9, 0.0);
        let careful = threshold(rows.clone(), 0.9, caution);
        prop_assert!(careful >= bold);
        // A hundred times as many questions of the same kind: a tenth of the standard error.
        let more = rows.iter().map(|r| (r.0, r.1, 100.0 * r.2)).collect();
        prop_assert!((bold..=careful).contains(&threshold(more, 0.9, caution)) || careful > 1.0);
    }

    #[test]
    fn confidence_rises_with_the_score(seed in any::<u64>(), step in 0.01f64..2.0) {
        let mut random = Sequence::new(seed);
        let judged: Vec<Judged> = (0..60).map(|_| {
            let signs = std::array::from_fn(|_| random.unit() * 2.0 - 1.0);
            Judged { signs, right: random.unit() < 0.7, weight: 1.0 }
        }).collect();
        let calibrator = Calibrator::fit(&judged, 0.9, 0.5);
        let mut signs = [0.0; SIGNS];
        signs.iter_mut().for_each(|s| *s = random.unit());
        let before = calibrator.confidence(&signs);
        // A higher score of the first label raises score, margin and softmax share together.
        signs[0] += step;
        signs[1] += step;
        signs[2] += step / 4.0;
        prop_assert!(calibrator.confidence(&signs) >= before - 1e-12);
    }
}

fn shop() -> &'static Mind {
    static SHOP: std::sync::OnceLock<Mind> = std::sync::OnceLock::new();
    SHOP.get_or_init(common::shop)
}

fn shop_bytes() -> &'static [u8] {
    static BYTES: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    BYTES.get_or_init(|| shop().to_bytes().expect("a model can be written"))
}

#[test]
fn the_order_of_the_rows_and_the_number_of_threads_do_not_matter() {
    let mut rows = common::rows();
    let first = common::shop().to_bytes().expect("written");
    for seed in 0..3 {
        Sequence::new(seed).shuffle(&mut rows);
        let mut options = common::options();
        options.tuning.threads = 1 + seed as usize;
        let again = Mind::train(&rows, options, &[]).and_then(|m| m.to_bytes()).expect("written");
        assert!(again == first, "seed {seed} gave another model");
    }
}

#[test]
fn updating_gives_the_model_of_the_whole_set() {
    let rows = common::rows();
    let (old, new) = rows.split_at(40);
    let whole = Mind::train(&rows, common::options(), &[]).expect("trained");
    let extra = Row::new("refund", "这一行要去掉");
    let part = Mind::train(&[old, std::slice::from_ref(&extra)].concat(), common::options(), &[]).expect("trained");
    let updated = part.update(new, std::slice::from_ref(&extra), common::options().tuning, &[]).expect("updated");
    assert!(updated.to_bytes() == whole.to_bytes());
}

#[test]
fn a_model_read_back_is_the_model_written() {
    let mind = common::shop();
    let again = Mind::from_bytes(shop_bytes(), "m").expect("read");
    assert!(again.to_bytes().expect("written") == shop_bytes(), "read and written again, the same bytes");
    for row in common::rows() {
        assert_eq!(again.predict(&row.text, &[]), mind.predict(&row.text, &[]));
    }
}
