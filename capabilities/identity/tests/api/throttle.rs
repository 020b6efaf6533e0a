use std::time::Instant;

use serde_json::json;

use crate::house::{ADMIN, Browser, House, PASSWORD, on_both};

fn stranger<'a>(house: &'a House, ip: &'static str) -> Browser<'a> {
    Browser { ip, ..house.browser() }
}

#[test]
fn failures_grow_the_wait_and_success_clears_it() {
    on_both(|house| {
        house.set_up(true);
        let guess = house.browser();
        for _ in 0..5 {
            assert_eq!(guess.sign_in(ADMIN, "wrong wrong wrong").code(), "session.wrong");
        }
        let reply = guess.sign_in(ADMIN, PASSWORD);
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (429, "session.throttled"), "even the right password waits");
        let wait: i64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert_eq!(reply.json()["error"]["detail"]["retry_after_s"], wait);
        house.t.clock.advance(wait);
        assert_eq!(guess.sign_in(ADMIN, "wrong wrong wrong").status.as_u16(), 401);
        let longer: i64 = guess.sign_in(ADMIN, PASSWORD).headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!(longer > wait, "{longer} > {wait}");
        house.t.clock.advance(longer);
        guess.sign_in(ADMIN, PASSWORD).expect(200);
        assert_eq!(guess.sign_in(ADMIN, "wrong wrong wrong").code(), "session.wrong", "the count began afresh");
        assert!(house.audited("session.failed") == 7);
    });
}

#[test]
fn strangers_cannot_lock_an_account_where_it_is_known() {
    on_both(|house| {
        house.set_up(true);
        // The owner has signed in from here before.
        house.browser().sign_in(ADMIN, PASSWORD).expect(200);
        const IPS: [&str; 25] = [
            "198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4", "198.51.100.5", "198.51.100.6", "198.51.100.7", "198.51.100.8", "198.51.100.9", "198.51.100.10", "198.51.100.11", "198.51.100.12",
            "198.51.100.13", "198.51.100.14", "198.51.100.15", "198.51.100.16", "198.51.100.17", "198.51.100.18", "198.51.100.19", "198.51.100.20", "198.51.100.21", "198.51.100.22", "198.51.100.23",
            "198.51.100.24", "198.51.100.25",
        ];
        for round in 0..4 {
            for ip in IPS {
                let reply = stranger(&house, ip).sign_in(ADMIN, "guess guess guess");
                assert_eq!(reply.status.as_u16(), 401, "round {round} {ip}: {}", reply.text);
                house.t.clock.advance(61);
            }
        }
        // A hundred in a row: nobody else may try for a day, the owner's own place still may.
        let closed = stranger(&house, "203.0.113.9").sign_in(ADMIN, PASSWORD);
        assert_eq!(closed.status.as_u16(), 429);
        assert!(closed.json()["error"]["detail"]["retry_after_s"].as_i64().unwrap() > 3600);
        house.browser().sign_in(ADMIN, PASSWORD).expect(200);
    });
}

#[test]
fn an_administrator_unlocks() {
    on_both(|house| {
        let admin = house.set_up(true);
        let role = house.role(&admin, "agent");
        let (id, agent) = house.hire(&admin, "wu@example.com", json!([{ "role_id": role, "reach": "team" }]), json!({}));
        for _ in 0..6 {
            agent.sign_in("wu@example.com", "wrong wrong wrong");
        }
        assert_eq!(agent.sign_in("wu@example.com", PASSWORD).status.as_u16(), 429);
        admin.post(&format!("/people/{id}/unlock"), serde_json::Value::Null).expect(204);
        agent.sign_in("wu@example.com", PASSWORD).expect(200);
    });
}

#[test]
fn sec_18_an_unknown_address_gets_the_same_answer_for_the_same_work() {
    on_both(|house| {
        house.set_up(true);
        let problem = |email: &str, ip: &'static str| {
            let reply = stranger(&house, ip).sign_in(email, "wrong wrong wrong");
            let mut body = reply.json();
            body["error"]["request_id"] = json!(null);
            (reply.status, body)
        };
        assert_eq!(problem(ADMIN, "192.0.2.20"), problem("nobody@example.com", "192.0.2.20"));
        // Throttled alike.
        for _ in 0..5 {
            problem(ADMIN, "192.0.2.21");
            problem("nobody@example.com", "192.0.2.22");
        }
        assert_eq!(problem(ADMIN, "192.0.2.21"), problem("nobody@example.com", "192.0.2.22"));
        assert_eq!(problem(ADMIN, "192.0.2.21").0.as_u16(), 429);
        // The same hashing: an answer about nobody takes at least as long as one hash. Measured side by side and by the
        // fastest of as many as it takes, because the machine may be busy; a path without the hash takes a tenth of it.
        house.t.clock.advance(3600 * 25);
        let browser = stranger(&house, "192.0.2.24");
        let micros = |work: &dyn Fn()| {
            let begun = Instant::now();
            work();
            begun.elapsed().as_micros()
        };
        let (mut hash, mut unknown) = (u128::MAX, u128::MAX);
        for round in 0.. {
            house.t.clock.advance(1000);
            hash = hash.min(micros(&|| drop(shouwen_identity::hash_password(house.app.ids(), PASSWORD).unwrap())));
            unknown = unknown.min(micros(&|| assert_eq!(browser.sign_in("nobody@example.com", "wrong wrong wrong").status.as_u16(), 401)));
            if round >= 7 && unknown * 2 >= hash {
                break;
            }
            assert!(round < 60, "one hash {hash} µs, unknown {unknown} µs");
        }
    });
}
