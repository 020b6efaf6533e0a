//! Properties of every machine, valid or not, and the faults by name.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use shouwen_stages::*;

fn text(word: &str) -> Title {
    Title { zh: word.to_owned(), en: word.to_owned() }
}

fn stage(key: &str, status: Status, step: Step, to: Option<&[&str]>) -> Stage {
    Stage {
        key: key.into(),
        title: text(key),
        status,
        step,
        help: None,
        enter: None,
        leave: None,
        require: vec![],
        to: to.map(|t| t.iter().map(|s| (*s).to_owned()).collect()),
        who: None,
        pause: vec![],
        review: None,
        approved: None,
        returned: None,
    }
}

fn simple() -> Definition {
    Definition {
        key: "request".into(),
        title: text("request"),
        help: None,
        first: "accepted".into(),
        working: "handling".into(),
        auto_archive: false,
        moved: Default::default(),
        stages: vec![
            stage("accepted", Status::Open, Step::Accept, Some(&["handling"])),
            stage("handling", Status::Open, Step::Handle, Some(&["callback"])),
            stage("callback", Status::Resolved, Step::Callback, Some(&["archived", "handling"])),
            stage("archived", Status::Closed, Step::Archive, None),
        ],
        resolutions: vec![Resolution { key: "solved".into(), title: text("solved"), aside: false }, Resolution { key: "spam".into(), title: text("spam"), aside: true }],
        verification: Verification { ways: vec![Way::Callback, Way::Reason], by_resolution: vec!["spam".into()], aside_by: vec![] },
        form: None,
    }
}

fn faults(change: impl FnOnce(&mut Definition)) -> Vec<String> {
    let mut d = simple();
    change(&mut d);
    CaseType::new(d).err().unwrap_or_default().into_iter().map(|f| f.path).collect()
}

#[test]
fn each_fault_is_named_at_its_place() {
    let clocks = faults(|d| d.stages[0].pause = vec!["all".into(), "reg.miit".into(), "coffee".into()]);
    assert_eq!(clocks.len(), 1, "{clocks:?}");
    assert!(clocks[0].contains("stage[0].pause[2]"), "{clocks:?}");
    assert_eq!(faults(|_| {}), Vec::<String>::new());
    assert_eq!(faults(|d| d.key = "A b".into()), ["key"]);
    assert_eq!(faults(|d| d.title.en.clear()), ["title.en"]);
    assert_eq!(faults(|d| d.first = "nowhere".into())[0], "first");
    assert_eq!(faults(|d| d.working = "archived".into()), ["working"]);
    assert_eq!(faults(|d| d.stages[0].to = Some(vec!["nowhere".into(), "handling".into()])), ["stage[0].to[0]"]);
    assert_eq!(faults(|d| d.stages[1].to = Some(vec![])), ["stage[0].to", "stage[1].to", "stage[2]", "stage[3]"]);
    assert_eq!(faults(|d| d.stages.push(stage("island", Status::Open, Step::Handle, Some(&["archived"])))), Vec::<String>::new(), "an end without `to` leads anywhere");
    assert_eq!(
        faults(|d| {
            d.stages[3].to = Some(vec![]);
            d.stages.push(stage("island", Status::Open, Step::Handle, Some(&["archived"])));
        }),
        ["stage[4]"]
    );
    assert!(faults(|d| { d.stages.remove(3); }).contains(&"stage".to_owned()), "no closed stage");
    assert_eq!(faults(|d| d.stages[1].enter = Some("prioritty is urgent".into())), ["stage[1].enter"]);
    assert_eq!(faults(|d| d.stages[1].leave = Some("((".into())), ["stage[1].leave"]);
    assert_eq!(faults(|d| d.stages[0].require = vec!["colour".into()]), ["stage[0].require[0]"]);
    assert_eq!(faults(|d| d.stages[1].review = Some("solution".into())), ["stage[1].review", "stage[1].review"]);
    assert_eq!(faults(|d| d.stages[1].approved = Some("callback".into())), ["stage[1].approved"]);
    assert_eq!(faults(|d| d.moved = [("old".to_owned(), "nowhere".to_owned())].into()), ["moved.old"]);
    assert_eq!(faults(|d| d.moved = [("handling".to_owned(), "accepted".to_owned())].into()), ["moved.handling"]);
    assert_eq!(faults(|d| d.verification = Verification::default()), ["resolution[1].aside", "verification", "verification.ways"]);
    assert_eq!(faults(|d| d.verification.by_resolution.push("x".into())), ["verification.by_resolution[1]"]);
    assert_eq!(faults(|d| d.resolutions.clear()), ["resolution", "verification.by_resolution[0]"]);
    assert!(faults(|d| d.stages[1].key = "accepted".into()).contains(&"stage[1].key".to_owned()));
}

fn ask<'a>(kind: &'a CaseType, from: &str, to: &str, resolution: Option<&str>, verified: bool) -> Result<Move<'a>, Refusal> {
    let none = Map::new();
    decide(kind, &Asked { from, to, answers: &none, resolution, verified, now: 0 }, &|_: &str| Value::Null, &|_: &Who| true, &|_: &str| true)
}

#[test]
fn an_end_is_verified_or_put_aside() {
    let kind = CaseType::new(simple()).unwrap();
    assert!(ask(&kind, "callback", "archived", Some("solved"), true).is_ok());
    let refused = ask(&kind, "callback", "archived", Some("solved"), false).unwrap_err();
    assert_eq!(refused.reasons, [Reason::Unverified { ways: vec![Way::Callback, Way::Reason] }]);
    assert!(ask(&kind, "accepted", "archived", Some("spam"), false).is_ok());
    assert_eq!(ask(&kind, "accepted", "archived", Some("solved"), true).unwrap_err().reasons.len(), 1);
    assert_eq!(kind.towards("handling", Status::Resolved).unwrap().key, "callback");
}

#[test]
fn a_definition_reads_back_from_toml_and_json() {
    let mut d = simple();
    d.stages[1].leave = Some("priority is urgent".into());
    d.stages[1].who = Some(vec![Who::Assignee, Who::Permission("case.close".into())]);
    let written = toml::to_string(&d).unwrap();
    assert_eq!(toml::from_str::<Definition>(&written).unwrap(), d);
    assert_eq!(serde_json::from_value::<Definition>(serde_json::to_value(&d).unwrap()).unwrap(), d);
    // A visual builder sends a tree; it is kept as text.
    let mut json = serde_json::to_value(&d).unwrap();
    json["stage"][1]["leave"] = json!({ "field": "priority", "op": "eq", "value": "urgent" });
    assert_eq!(serde_json::from_value::<Definition>(json).unwrap(), d);
    assert!(toml::from_str::<Definition>(&written.replacen("first =", "frist =", 1)).is_err());
}

fn any_stage(i: usize, n: usize) -> impl Strategy<Value = Stage> {
    let status = prop_oneof![Just(Status::Open), Just(Status::Waiting), Just(Status::Resolved), Just(Status::Closed)];
    (status, prop::option::of(prop::collection::vec(0..n, 0..n)), prop::sample::select(Step::ALL.to_vec())).prop_map(move |(status, to, step)| {
        let mut s = stage(&format!("s{i}"), status, if status == Status::Closed { Step::Archive } else if step == Step::Archive { Step::Handle } else { step }, None);
        s.to = to.map(|to| to.into_iter().filter(|t| *t != i).map(|t| format!("s{t}")).collect());
        s
    })
}

fn any_definition() -> impl Strategy<Value = Definition> {
    (1usize..7).prop_flat_map(|n| {
        (0..n).map(|i| any_stage(i, n)).collect::<Vec<_>>().prop_map(|stages| {
            let mut d = simple();
            d.first = "s0".into();
            d.working = "s0".into();
            d.stages = stages;
            d
        })
    })
}

proptest! {
    #[test]
    fn validation_never_panics_and_a_valid_machine_always_has_an_end(d in any_definition()) {
        let Ok(kind) = CaseType::new(d) else { return Ok(()) };
        for start in &kind.definition().stages {
            let mut reached = vec![start.key.clone()];
            let mut at = 0;
            while at < reached.len() {
                let from = reached[at].clone();
                for to in &kind.definition().stages {
                    if !reached.contains(&to.key) && ask(&kind, &from, &to.key, Some("solved"), true).is_ok() {
                        reached.push(to.key.clone());
                    }
                }
                at += 1;
            }
            prop_assert!(reached.iter().any(|k| kind.stage(k).unwrap().status == Status::Closed), "{} leads nowhere", start.key);
        }
    }

    #[test]
    fn nothing_closes_unverified(d in any_definition(), from in "s[0-6]", to in "s[0-6]", resolution in prop::option::of("solved|spam|x")) {
        let Ok(kind) = CaseType::new(d) else { return Ok(()) };
        if let Ok(done) = ask(&kind, &from, &to, resolution.as_deref(), false) {
            prop_assert!(done.status != Status::Closed || resolution.as_deref() == Some("spam"));
            prop_assert_eq!(&done.to.key, &to);
        }
    }

    #[test]
    fn the_track_accounts_for_every_moment(steps in prop::collection::vec((0usize..7, 0i64..1_000_000), 1..20)) {
        let kind = CaseType::new(simple()).unwrap();
        let mut at = 0;
        let mut stays: Vec<Stay> = Vec::new();
        for (step, length) in &steps {
            stays.push(Stay { step: Step::ALL[*step], entered_at: at, left_at: Some(at + length) });
            at += length;
        }
        if let Some(last) = stays.last_mut() {
            last.left_at = None;
        }
        let legs = track(&kind, &stays, at);
        prop_assert_eq!(legs.iter().map(|l| l.micros).sum::<i64>(), at);
        prop_assert_eq!(legs.iter().filter(|l| l.state == State::Current).count(), 1);
        prop_assert!(legs.windows(2).all(|w| w[0].step < w[1].step));
        prop_assert!(legs.iter().all(|l| (l.visits == 0) == l.entered_at.is_none()));
    }
}
