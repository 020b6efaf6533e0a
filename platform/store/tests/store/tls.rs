//! A real PostgreSQL with `ssl = on`: what an address asks for is what the line is, and a certificate that does not prove it is
//! refused with words that help. `SHOUWEN_TEST_POSTGRES_TLS` names the folder of `ca.pem`, `cert.pem` (for localhost) and
//! `other-ca.pem`, and of the client certificates that the database `certified` asks for, as `e2e/bin/with-postgres.mjs` makes
//! them.

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

/// Opens the database that takes only clients with a certificate; whether the server knows us by one.
fn certified(query: &str) -> Result<Option<String>, Problem> {
    let folder = tempfile::tempdir().unwrap();
    let url = postgres_url().unwrap();
    let url = format!("{}/certified?{query}", url.rsplit_once('/').unwrap().0);
    let db = open_at(&Location::Postgres { url, schema: None }, folder.path(), Arc::new(SystemClock), 1)?;
    let (name,): (Option<String>,) = db.read_blocking(|tx| tx.one("SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()", params![]))?;
    db.close();
    Ok(name)
}

#[test]
fn sec_a_server_that_asks_for_a_client_certificate_is_given_ours_and_a_wrong_one_is_told_in_words_that_help() {
    let (Ok(folder), Some(_)) = (std::env::var("SHOUWEN_TEST_POSTGRES_TLS"), postgres_url()) else {
        eprintln!("SKIPPED: SHOUWEN_TEST_POSTGRES_TLS names no folder of certificates; run it through e2e/bin/with-postgres.mjs");
        return;
    };
    let file = |name: &str| format!("{folder}/{name}").replace('/', "%2F");
    let base = format!("sslmode=verify-full&sslrootcert={}", file("ca.pem"));
    let with = |cert: &str, key: &str| format!("{base}&sslcert={}&sslkey={}", file(cert), file(key));
    assert_eq!(certified(&with("client.pem", "client.key")).unwrap().as_deref(), Some("/CN=shouwen"));
    // Every mode that seals the line can carry it.
    assert_eq!(certified(&format!("sslmode=require&sslcert={}&sslkey={}", file("client.pem"), file("client.key"))).unwrap().as_deref(), Some("/CN=shouwen"));
    for (from, to, mode) in [("client.key", "open.key", 0o644), ("client.pem", "no-key.key", 0o600)] {
        use std::os::unix::fs::PermissionsExt;
        let to = format!("{folder}/{to}");
        std::fs::copy(format!("{folder}/{from}"), &to).unwrap();
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    for (query, wrong, right) in [
        (base.clone(), "valid client certificate", "sslcert="),
        (with("somebody.pem", "somebody.key"), "certificate authentication failed", "CN"),
        (with("other-client.pem", "other-client.key"), "cannot reach PostgreSQL", "ssl_ca_file"),
        (with("client.pem", "somebody.key"), "do not belong together", "this very key"),
        (with("client.key", "client.key"), "no certificate", "BEGIN CERTIFICATE"),
        (with("client.pem", "no-key.key"), "sslkey", "BEGIN PRIVATE KEY"),
        (with("client.pem", "open.key"), "others may read it", "chmod 600"),
        (with("client.pem", "missing.key"), "missing.key", "BEGIN PRIVATE KEY"),
    ] {
        let problem = certified(&query).expect_err(&query);
        assert!(problem.message.contains(wrong) && problem.expected.as_deref().is_some_and(|e| e.contains(right)), "{query}: {problem:?}");
    }
}
