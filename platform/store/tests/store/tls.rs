//! A real PostgreSQL with `ssl = on`: what an address asks for is what the line is, and a certificate that does not prove it is
//! refused with words that help. `SHOUWEN_TEST_POSTGRES_TLS` names the folder of `ca.pem`, `cert.pem` (for localhost) and
//! `other-ca.pem`, as `e2e/bin/with-postgres.mjs` makes them.

use std::sync::Arc;

use shouwen_kernel::{Problem, SystemClock};
use shouwen_store::{Location, params};

use crate::house::{open_at, postgres_url};

fn sealed(query: &str, wrong_name: bool) -> Result<bool, Problem> {
    let folder = tempfile::tempdir().unwrap();
    let mut url = postgres_url().unwrap();
    if wrong_name {
        url = url.replace("127.0.0.1", "db.example");
    }
    let url = format!("{url}?{query}{}", if wrong_name { "&hostaddr=127.0.0.1" } else { "" });
    let db = open_at(&Location::Postgres { url, schema: None }, folder.path(), Arc::new(SystemClock), 1)?;
    let (sealed,): (bool,) = db.read_blocking(|tx| tx.one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", params![])).unwrap();
    db.close();
    Ok(sealed)
}

#[test]
fn sec_the_line_to_postgres_is_sealed_as_the_address_asks_and_a_wrong_certificate_is_refused() {
    let (Ok(folder), Some(_)) = (std::env::var("SHOUWEN_TEST_POSTGRES_TLS"), postgres_url()) else {
        eprintln!("SKIPPED: SHOUWEN_TEST_POSTGRES_TLS names no folder of certificates; run it through e2e/bin/with-postgres.mjs");
        return;
    };
    let file = |name: &str| format!("sslrootcert={}", format!("{folder}/{name}").replace('/', "%2F"));
    let (ca, own, other) = (file("ca.pem"), file("cert.pem"), file("other-ca.pem"));
    for (query, wanted) in [
        ("sslmode=disable".to_owned(), false),
        ("sslmode=prefer".to_owned(), true),
        ("sslmode=require".to_owned(), true),
        (format!("sslmode=require&{ca}"), true),
        (format!("sslmode=verify-ca&{ca}"), true),
        (format!("sslmode=verify-full&{ca}"), true),
        // The server's own certificate, copied.
        (format!("sslmode=verify-full&{own}"), true),
    ] {
        assert_eq!(sealed(&query, false).unwrap_or_else(|p| panic!("{query}: {p:?}")), wanted, "{query}");
    }
    assert!(sealed(&format!("sslmode=verify-ca&{ca}"), true).unwrap(), "verify-ca asks for no name");
    for (query, wrong_name) in [(format!("sslmode=verify-full&{ca}"), true), (format!("sslmode=verify-full&{own}"), true), (format!("sslmode=verify-full&{other}"), false), (format!("sslmode=require&{other}"), false), (format!("sslmode=verify-ca&{other}"), false), ("sslmode=verify-full".to_owned(), false)] {
        let problem = sealed(&query, wrong_name).expect_err(&query);
        assert!(problem.message.contains("certificate") && problem.expected.as_deref().is_some_and(|e| e.contains("sslrootcert")), "{query}: {problem:?}");
    }
}
