//! What people's checks may and may not do.

mod common;

use shouwen_mind::learning::{Correction, Influence, admit, queue, recalibrate};
use shouwen_mind::{Mind, Row};

#[test]
fn checks_with_labels_the_model_does_not_know_silence_nothing() {
    let mind = common::shop();
    let strange: Vec<Row> = (0..250).map(|i| Row::new("another_shop", format!("第{i}个问题怎么退款"))).collect();
    // 第1个, 第2个: numbers make no other question, so each needs words of its own.
    let strange: Vec<Row> = strange.into_iter().enumerate().map(|(i, r)| Row { text: format!("{}{}", r.text, "啊".repeat(i)), ..r }).collect();
    assert_eq!(recalibrate(&mind, &strange, 0.97, &[]).expect_err("labels of another model").code, "learn.unknown_labels");
    // Some new labels among known ones are what live questions look like: they count as not answerable.
    let known = (0..4).flat_map(|i| common::rows().into_iter().map(move |r| Row { text: format!("{}{}", r.text, "呢".repeat(i)), ..r }));
    let mixed: Vec<Row> = known.chain(strange.into_iter().take(60)).collect();
    assert!(recalibrate(&mind, &mixed, 0.97, &[]).is_ok());
}

#[test]
fn nobody_is_asked_to_label_an_emoji() {
    let texts: Vec<String> = ["👍👍", "。。。", "？", "怎么退款"].iter().map(|t| t.to_string()).collect();
    let items = queue(&common::shop(), &texts, &[], 10);
    assert_eq!(items.iter().map(|i| i.text.as_str()).collect::<Vec<_>>(), ["怎么退款"]);
}

#[test]
fn what_several_sources_may_do_is_bounded_by_what_each_may() {
    let base = common::rows();
    let all: f32 = base.iter().map(|r| r.weight).sum();
    for sources in [2usize, 5, 20] {
        let attack: Vec<Correction> = (0..sources)
            .flat_map(|s| (0..200).map(move |i| Correction { source: format!("s{s}"), label: "invoice".into(), text: format!("退款{}{}", "了".repeat(i % 20), "吗".repeat(i / 20)) }))
            .collect();
        let weight: f32 = admit(&base, &attack, Influence::default()).iter().map(|r| r.weight).sum();
        assert!(weight <= sources as f32 * (0.03 * all).max(1.0) + 0.01, "{sources} sources weigh {weight}");
    }
    // The same source under ten spellings of a text is one voice.
    let spelt = ["ｒｅｆｕｎｄ 怎么退", "REFUND 怎么退", "refund 怎麼退", "refund  怎么退"];
    let same: Vec<Correction> = spelt.iter().map(|t| Correction { source: "a".into(), label: "refund".into(), text: t.to_string() }).collect();
    assert_eq!(admit(&base, &same, Influence::default()).len(), 1);
}

#[test]
fn weights_of_equal_rows_add_up_the_same_in_any_order() {
    let weights = [0.1f32, 0.7, 1e-7, 3.3, 0.2, 1e-7, 0.37];
    let train = |order: &[usize]| {
        let mut rows = common::rows();
        rows.extend(order.iter().map(|i| Row { label: "refund".into(), text: "钱还没退".into(), weight: weights[*i] }));
        Mind::train(&rows, common::options(), &[]).and_then(|m| m.to_bytes()).expect("trained")
    };
    let first = train(&[0, 1, 2, 3, 4, 5, 6]);
    for order in [[6, 5, 4, 3, 2, 1, 0], [2, 5, 0, 4, 6, 1, 3], [3, 1, 6, 4, 0, 2, 5]] {
        assert!(train(&order) == first, "{order:?}");
    }
    // And when some of them come later.
    let more = |range: std::ops::Range<usize>| -> Vec<Row> { weights[range].iter().map(|w| Row { label: "refund".into(), text: "钱还没退".into(), weight: *w }).collect() };
    let part = Mind::train(&[common::rows(), more(0..3)].concat(), common::options(), &[]).expect("trained");
    let grown = part.update(&more(3..7), &[], common::options().tuning, &[]).and_then(|m| m.to_bytes()).expect("updated");
    assert!(grown == first);
}
