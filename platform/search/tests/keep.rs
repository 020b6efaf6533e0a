//! What survives a crash, and what is built again.

use std::process::Command;
use std::time::Duration;

use shouwen_search::{Branch, Doc, Index, Kind, Query};

fn doc(n: u32) -> Doc {
    Doc {
        key: format!("m{n}"),
        kind: Kind::Message,
        case_id: format!("c{}", n / 10),
        workspace: "w".into(),
        title: String::new(),
        body: format!("第{n}封信，申请退款 unique{n}x"),
        number: String::new(),
        at: i64::from(n),
    }
}

fn count(index: &Index, text: &str) -> usize {
    let query = Query { text: text.into(), workspace: "w".into(), kinds: vec![], scope: vec![Branch::All], limit: 200, one_per_case: false };
    index.search(&query).unwrap().hits.len()
}

#[test]
fn what_was_not_committed_is_fed_again_from_the_position() {
    let dir = tempfile::tempdir().unwrap();
    {
        let index = Index::open(dir.path(), "1").unwrap();
        assert_eq!(index.position(), None);
        (0..50).for_each(|n| index.put(&doc(n)).unwrap());
        index.commit("50").unwrap();
        (50..80).for_each(|n| index.put(&doc(n)).unwrap());
        // dropped without a commit
    }
    let index = Index::open(dir.path(), "1").unwrap();
    assert_eq!(index.position().as_deref(), Some("50"));
    assert_eq!(count(&index, "退款"), 50);
    // From a little earlier than the position: feeding twice doubles nothing.
    (45..80).for_each(|n| index.put(&doc(n)).unwrap());
    index.commit("80").unwrap();
    assert_eq!(count(&index, "退款"), 80);
    assert_eq!(index.position().as_deref(), Some("80"));
}

/// Feeds for ever; its parent kills it.
#[test]
#[ignore = "run by killed_at_any_moment_nothing_is_lost_or_doubled"]
fn child_feeds_until_killed() {
    let Ok(dir) = std::env::var("SEARCH_CRASH_DIR") else { return };
    let index = Index::open(std::path::Path::new(&dir), "1").unwrap();
    let from: u32 = index.position().and_then(|p| p.parse().ok()).unwrap_or(0);
    for n in from.. {
        index.put(&doc(n)).unwrap();
        if n % 20 == 19 {
            index.commit(&(n + 1).to_string()).unwrap();
        }
    }
}

#[test]
fn killed_at_any_moment_nothing_is_lost_or_doubled() {
    let dir = tempfile::tempdir().unwrap();
    let mut last = 0;
    for round in 0..6u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "child_feeds_until_killed"])
            .env("SEARCH_CRASH_DIR", dir.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // At a moment of its own in each round, but never before the child has got anywhere at all.
        let meta = dir.path().join("index/meta.json");
        let written = || std::fs::read(&meta).unwrap_or_default();
        let before = written();
        while written() == before {
            assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(round * 137));
        child.kill().unwrap();
        child.wait().unwrap();
        let index = Index::open(dir.path(), "1").unwrap();
        let position: u32 = index.position().and_then(|p| p.parse().ok()).unwrap_or(0);
        assert!(position >= last, "the index went back from {last} to {position}");
        assert_eq!(index.stats().rows, u64::from(position), "rows and position disagree after a kill");
        for n in [0, position / 2, position.saturating_sub(1)] {
            assert_eq!(count(&index, &format!("unique{n}x")), usize::from(position > 0));
        }
        last = position;
    }
    assert!(last > 0, "the child never got as far as one commit");
}

#[test]
fn another_version_and_a_damaged_index_are_built_again() {
    let dir = tempfile::tempdir().unwrap();
    {
        let index = Index::open(dir.path(), "1").unwrap();
        index.put(&doc(1)).unwrap();
        index.commit("1").unwrap();
    }
    assert_eq!(Index::open(dir.path(), "1").unwrap().position().as_deref(), Some("1"));
    {
        let index = Index::open(dir.path(), "2").unwrap();
        assert_eq!(index.position(), None);
        assert_eq!(count(&index, "退款"), 0);
        index.put(&doc(1)).unwrap();
        index.commit("1").unwrap();
    }
    std::fs::write(dir.path().join("index/meta.json"), "{ half").unwrap();
    let index = Index::open(dir.path(), "2").unwrap();
    assert_eq!(index.position(), None);
    drop(index);
    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    assert_eq!(Index::open(dir.path(), "2").unwrap().position(), None);
}

#[test]
fn two_writers_are_refused_and_resting_gives_the_lock_back() {
    let dir = tempfile::tempdir().unwrap();
    let one = Index::open(dir.path(), "1").unwrap();
    one.put(&doc(1)).unwrap();
    one.commit("1").unwrap();
    let two = Index::open(dir.path(), "1").unwrap();
    assert_eq!(two.put(&doc(2)).unwrap_err().code, "search.locked");
    assert_eq!(count(&two, "退款"), 1, "reading goes on");
    one.rest();
    two.put(&doc(2)).unwrap();
    two.commit("2").unwrap();
    assert_eq!(count(&two, "退款"), 2);
}

#[test]
fn findable_when_the_commit_call_returns() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path(), "1").unwrap();
    shouwen_search::warm();
    for n in 0..500 {
        index.put(&doc(n)).unwrap();
    }
    index.commit("500").unwrap();
    index.put(&doc(500)).unwrap();
    index.commit("501").unwrap();
    assert_eq!(count(&index, "unique500x"), 1);
}
