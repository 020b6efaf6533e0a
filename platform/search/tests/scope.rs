//! The scope is inside the query: what a viewer finds is exactly what a filter by hand over everything finds.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use shouwen_search::{Branch, Doc, Index, Kind, Query, Visibility};

const WORDS: [&str; 4] = ["退款", "宽带", "refund", "发票"];

#[derive(Clone, Debug)]
struct Text {
    key: u8,
    case: u8,
    words: BTreeSet<usize>,
}

#[derive(Clone, Debug)]
enum Step {
    Put(Text),
    Delete(u8),
    Scope(u8, Visibility),
    Unscope(u8),
    Commit,
}

fn who() -> impl Strategy<Value = Visibility> {
    (prop::option::of(0..3u8), prop::option::of(0..3u8), prop::collection::vec(0..4u8, 0..3)).prop_map(|(unit, team, people)| Visibility {
        org_unit: unit.map(|u| format!("unit{u}")),
        team: team.map(|t| format!("team{t}")),
        people: people.into_iter().map(|p| format!("person{p}")).collect(),
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..40u8, 0..8u8, prop::collection::btree_set(0..WORDS.len(), 1..3)).prop_map(|(key, case, words)| Step::Put(Text { key, case, words })),
        1 => (0..40u8).prop_map(Step::Delete),
        4 => (0..8u8, who()).prop_map(|(case, who)| Step::Scope(case, who)),
        1 => (0..8u8).prop_map(Step::Unscope),
        1 => Just(Step::Commit),
    ]
}

fn branch() -> impl Strategy<Value = Branch> {
    prop_oneof![
        1 => Just(Branch::All),
        3 => (0..4u8).prop_map(|p| Branch::Person(format!("person{p}"))),
        3 => (0..3u8).prop_map(|t| Branch::Team(format!("team{t}"))),
        3 => (0..3u8).prop_map(|u| Branch::OrgUnit(format!("unit{u}"))),
    ]
}

fn sees(scope: &[Branch], who: Option<&Visibility>) -> bool {
    scope.iter().any(|b| match (b, who) {
        (Branch::All, _) => true,
        (_, None) => false,
        (Branch::Person(p), Some(w)) => w.people.contains(p),
        (Branch::Team(t), Some(w)) => w.team.as_ref() == Some(t),
        (Branch::OrgUnit(u), Some(w)) => w.org_unit.as_ref() == Some(u),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn hits_are_the_brute_force_filter(
        steps in prop::collection::vec(step(), 1..60),
        asks in prop::collection::vec((0..WORDS.len(), prop::collection::vec(branch(), 0..4)), 1..12),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open(dir.path(), "1").unwrap();
        let mut texts: BTreeMap<u8, Text> = BTreeMap::new();
        let mut access: BTreeMap<u8, Visibility> = BTreeMap::new();
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Put(text) => {
                    let body = text.words.iter().map(|w| WORDS[*w]).collect::<Vec<_>>().join("，");
                    index.put(&Doc {
                        key: format!("m{}", text.key), kind: Kind::Message, case_id: format!("c{}", text.case), workspace: "w".into(),
                        title: String::new(), body, number: String::new(), at: i64::from(text.key),
                    }).unwrap();
                    // The same case in a second workspace is another case.
                    index.put(&Doc {
                        key: format!("x{}", text.key), kind: Kind::Message, case_id: format!("c{}", text.case), workspace: "other".into(),
                        title: String::new(), body: WORDS.join(" "), number: String::new(), at: 0,
                    }).unwrap();
                    texts.insert(text.key, text);
                }
                Step::Delete(key) => {
                    index.delete(&format!("m{key}")).unwrap();
                    texts.remove(&key);
                }
                Step::Scope(case, who) => {
                    index.scope("w", &format!("c{case}"), &who).unwrap();
                    access.insert(case, who);
                }
                Step::Unscope(case) => {
                    index.unscope("w", &format!("c{case}")).unwrap();
                    access.remove(&case);
                }
                Step::Commit => index.commit(&n.to_string()).unwrap(),
            }
        }
        index.commit("end").unwrap();
        for (word, scope) in asks {
            let wanted: BTreeSet<String> = texts.values()
                .filter(|t| t.words.contains(&word) && sees(&scope, access.get(&t.case)))
                .map(|t| format!("m{}", t.key)).collect();
            let found: BTreeSet<String> = index.search(&Query {
                text: WORDS[word].into(), workspace: "w".into(), kinds: vec![], scope: scope.clone(), limit: 200, one_per_case: false,
            }).unwrap().hits.into_iter().map(|h| h.key).collect();
            prop_assert_eq!(found, wanted, "{} in {:?}", WORDS[word], scope);
        }
    }
}

#[test]
fn a_page_is_full_however_much_is_hidden() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path(), "1").unwrap();
    for n in 0..2_000 {
        let case = format!("c{n}");
        // What may not be seen scores higher: a filter after ranking would leave an empty page.
        let body = if n % 100 == 0 { "退款，还有很多别的话要说，比如宽带和发票" } else { "退款 退款 退款" };
        index.put(&Doc { key: format!("m{n}"), kind: Kind::Message, case_id: case.clone(), workspace: "w".into(), title: String::new(), body: body.into(), number: String::new(), at: n }).unwrap();
        let team = if n % 100 == 0 { "mine" } else { "theirs" };
        index.scope("w", &case, &Visibility { team: Some(team.into()), ..Visibility::default() }).unwrap();
    }
    index.commit("1").unwrap();
    let ask = |team: &str| {
        let query = Query { text: "退款".into(), workspace: "w".into(), kinds: vec![], scope: vec![Branch::Team(team.into())], limit: 10, one_per_case: true };
        index.search(&query).unwrap().hits.len()
    };
    assert_eq!(ask("mine"), 10);
    assert_eq!(ask("nobody's"), 0);
    // The case changes hands: one small document, and the next answer knows.
    index.scope("w", "c0", &Visibility { team: Some("nobody's".into()), ..Visibility::default() }).unwrap();
    index.commit("2").unwrap();
    assert_eq!(ask("nobody's"), 1);
}
