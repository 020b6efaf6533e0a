//! A message's sender is found or created, and told once.

use std::time::Instant;

use shouwen_contracts::channel::ChannelEvent;
use shouwen_contracts::customers::{CustomerEvent, Recognised};
use shouwen_store::{Park, params};
use shouwen_testkit::{TestApp, on_both};

use crate::*;

fn recognised(app: &TestApp) -> Vec<Recognised> {
    app.events::<CustomerEvent>().into_iter().filter_map(|e| if let CustomerEvent::Recognised(r) = e { Some(r) } else { None }).collect()
}

#[test]
fn a_sender_is_created_once_and_found_afterwards() {
    on_both(modules, |app| {
        let first = arrive(&app, "张 三", "Zhang.San@Example.com");
        let second = arrive(&app, "三哥", "zhang.san@example.com ");
        arrive(&app, "", "li@example.com");
        let events = recognised(&app);
        assert_eq!(events.len(), 3);
        assert_eq!((events[0].message_id, events[0].created, events[0].name.as_str()), (first, true, "张 三"));
        assert_eq!((events[1].message_id, events[1].created, events[1].name.as_str()), (second, false, "张 三"));
        assert_eq!(events[0].customer_id, events[1].customer_id);
        assert_eq!(events[0].identity_id, events[1].identity_id);
        assert_eq!(events[2].name, "l***@example.com", "nobody's address becomes a name in the clear");
        assert_ne!(events[2].customer_id, events[0].customer_id);
        assert_eq!(events[0].language.as_deref(), Some("zh"));
        assert_eq!(events[1].received.subject, "咨询");
        let about = app.db.read_blocking({ let id = events[0].customer_id; move |tx| tx.events_about(id.0, None, 10) }).unwrap();
        assert_eq!(about.len(), 2, "the subject is the customer");
    });
}

#[test]
fn a_masked_name_gives_way_to_a_real_one() {
    on_both(modules, |app| {
        arrive(&app, "", "wang@example.com");
        arrive(&app, "wang@example.com", "wang@example.com");
        arrive(&app, "王五", "wang@example.com");
        arrive(&app, "别的名字", "wang@example.com");
        let names: Vec<String> = recognised(&app).into_iter().map(|e| e.name).collect();
        assert_eq!(names, ["w***@example.com", "w***@example.com", "王五", "王五"]);
        let saved = app.events::<CustomerEvent>().into_iter().filter(|e| matches!(e, CustomerEvent::Saved(_))).count();
        assert_eq!(saved, 1);
        let agent = app.person("坐席", &["customer.read"]);
        assert_eq!(app.get(&agent, "/api/v1/customers?q=ww").expect(200)["items"][0]["name"], "王五");
    });
}

#[test]
fn mail_without_a_sender_is_nobodys() {
    on_both(modules, |app| {
        arrive(&app, "", "");
        arrive(&app, "", "");
        let mut blank = received(&app, "无名", "x@example.com");
        blank.from.index.clear();
        app.emit(Some(blank.message_id), None, ChannelEvent::Received(blank));
        let events = recognised(&app);
        assert_eq!(events.len(), 3);
        let distinct: std::collections::BTreeSet<_> = events.iter().map(|e| e.customer_id).collect();
        assert_eq!(distinct.len(), 3, "those who hide are not one customer");
        assert_eq!(events[0].name, "***");
    });
}

#[test]
fn an_address_sealed_by_a_stranger_does_not_stop_the_message() {
    on_both(modules, |app| {
        let mut odd = received(&app, "", "x@example.com");
        odd.from.address = "not sealed at all".into();
        app.emit(Some(odd.message_id), None, ChannelEvent::Received(odd));
        assert_eq!(recognised(&app)[0].name, "***");
    });
}

#[test]
fn exactly_one_event_per_message_through_crashes_and_two_runners() {
    on_both(modules, |app| {
        let messages: Vec<_> = (0..300).map(|i| received(&app, "", &format!("c{}@example.com", i % 40))).collect();
        let ctx = app.system();
        app.db
            .write_blocking(move |tx| messages.iter().try_for_each(|m| tx.emit::<ChannelEvent>(&ctx, Some(m.message_id.0), None, ChannelEvent::Received(m.clone()))))
            .unwrap();
        let runners: Vec<_> = (0..3)
            .map(|runner| {
                let db = app.db.clone();
                std::thread::spawn(move || {
                    for turn in 0..40 {
                        let _ = db.write_blocking(move |tx| {
                            shouwen_customers::RECOGNISE.step(tx, Park::No)?;
                            // Every third step dies after all was written, before the commit.
                            if (turn + runner) % 3 == 0 { Err(shouwen_kernel::Problem::internal("crash")) } else { Ok(()) }
                        });
                    }
                })
            })
            .collect();
        runners.into_iter().for_each(|r| r.join().unwrap());
        app.drain();
        let events = recognised(&app);
        assert_eq!(events.len(), 300);
        let messages: std::collections::BTreeSet<_> = events.iter().map(|e| e.message_id).collect();
        assert_eq!(messages.len(), 300);
        assert_eq!(events.iter().filter(|e| e.created).count(), 40);
        let (customers, identities): (i64, i64) = app.db.read_blocking(|tx| tx.one("SELECT (SELECT count(*) FROM customer_record), (SELECT count(*) FROM customer_identity)", params![])).unwrap();
        assert_eq!((customers, identities), (40, 40));
    });
}

#[test]
fn recognising_keeps_up_with_a_thousand_a_second() {
    on_both(modules, |app| {
        let messages: Vec<_> = (0..2000).map(|i| received(&app, "客户", &format!("c{}@example.com", i % 200))).collect();
        let ctx = app.system();
        app.db
            .write_blocking(move |tx| messages.iter().try_for_each(|m| tx.emit::<ChannelEvent>(&ctx, Some(m.message_id.0), None, ChannelEvent::Received(m.clone()))))
            .unwrap();
        app.settle();
        // Only the recognition: the other subscriptions skim past these events without reading them.
        let begun = Instant::now();
        while app.db.write_blocking(|tx| shouwen_customers::RECOGNISE.step(tx, Park::No)).unwrap() > 0 {}
        let rate = 2000.0 / begun.elapsed().as_secs_f64();
        eprintln!("{:?}: {rate:.0} messages a second ({})", app.engine(), if cfg!(debug_assertions) { "unoptimised" } else { "optimised" });
        assert_eq!(recognised(&app).len(), 2000);
    });
}

#[test]
fn the_register_of_org_units_is_rebuilt_as_it_was() {
    on_both(modules, |app| {
        let north = unit(&app, "华北");
        unit(&app, "华南");
        app.emit(Some(north), None, shouwen_contracts::identity::IdentityEvent::OrgUnitDeleted(shouwen_contracts::identity::OrgUnitDeleted { org_unit_id: north }));
        arrive(&app, "张三", "zhang@example.com");
        // Recognition is a decision, not a projection: rebuilding must not decide again.
        app.assert_rebuilds(|tx| {
            let units: Vec<(shouwen_kernel::OrgUnitId, String)> = tx.all("SELECT id, name FROM customer_org_unit ORDER BY id", params![])?;
            let events: (i64,) = tx.one("SELECT count(*) FROM event WHERE kind = 'customer.recognised'", params![])?;
            Ok((units, events))
        });
    });
}
