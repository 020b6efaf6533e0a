use super::*;
use axum::http::Method;
use serde_json::Value as Json;
use shouwen_store::params;

fn config(folder: &std::path::Path) -> Config {
    let arguments = vec!["--data".to_owned(), folder.display().to_string()];
    Config::load(&Args::read(&arguments, OPTIONS, &[]).unwrap()).unwrap()
}

#[test]
fn a_few_days_of_demonstration_leave_nothing_to_send_and_something_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let house = House::open(config(folder.path()), clock.clone()).unwrap();
    let done = fill_house(&house, &clock, 5, &mut |_, _| {}).unwrap();
    assert!(done.tally.refused.is_empty(), "{:?}", &done.tally.refused[..done.tally.refused.len().min(3)]);
    assert!((58..=64).contains(&done.people), "{}", done.people);
    assert!(done.tally.cases >= 20, "{:?}", done.tally);
    let (waiting, parked, tokens): (i64, i64, i64) = house
        .db
        .read_blocking(|tx| {
            tx.one("SELECT (SELECT count(*) FROM outbox WHERE state <> 'sent'), (SELECT count(*) FROM parked_event), (SELECT count(*) FROM identity_token)", params![])
        })
        .unwrap();
    assert_eq!((waiting, parked, tokens), (0, 0, 0));
    // The three can sign in, without a second factor, and find their pages filled.
    let password = done.card.lines().find_map(|l| l.trim().strip_prefix("agent@example.com")).and_then(|l| l.split_whitespace().next()).unwrap().to_owned();
    let viewer = house.ask("", Method::POST, "/session", serde_json::json!({ "email": "agent@example.com", "password": password })).unwrap();
    assert_eq!(viewer["mfa"]["required"], false);
    let (_, token) = house
        .db
        .write_blocking(|tx| {
            let (workspace, person) = shouwen_identity::find_person(tx, "admin@example.com")?;
            shouwen_identity::issue_token(tx, &shouwen_store::Ctx::system(workspace, "test"), person, "test", None, None)
        })
        .unwrap();
    let board = house.ask(&token, Method::GET, "/insight/board", Json::Null).unwrap();
    let tile = |key: &str| board["tiles"].as_array().unwrap().iter().find(|t| t["indicator"] == key).cloned().unwrap_or_default();
    assert!(tile("opened")["value"].as_f64().unwrap() >= 20.0, "{board}");
    assert!(tile("first_response_median")["n"].as_i64().unwrap() > 5, "{board}");
    // Rebuilt from the log, the lists and the roll-ups are what they were.
    let read = |house: &House| -> (Vec<(String, String)>, i64) {
        house
            .db
            .read_blocking(|tx| {
                let rows = tx.all("SELECT number, status FROM desk_case ORDER BY number", params![])?;
                let (sum,): (i64,) = tx.one("SELECT sum(numerator) FROM insight_day", params![])?;
                Ok((rows, sum))
            })
            .unwrap()
    };
    let live = read(&house);
    let subscriptions = house.subscriptions.clone();
    house
        .db
        .write_blocking(move |tx| {
            for subscription in subscriptions.iter().filter(|s| s.name.starts_with("desk.cases") || s.name.starts_with("insight.")) {
                if let Some(reset) = subscription.reset {
                    reset(tx)?;
                    tx.execute("DELETE FROM subscription WHERE name = ?1", params![subscription.name])?;
                }
            }
            Ok(())
        })
        .unwrap();
    house.turn().unwrap();
    assert_eq!(live, read(&house));
    // What the collector of blobs knows of is all there is.
    crate::blobs_tests::nothing_is_loose(&house.db);
    // A second filling is refused.
    let problem = fill_house(&house, &clock, 1, &mut |_, _| {}).err().unwrap();
    assert_eq!(problem.code, "demo.not_empty");
    house.close();
}
