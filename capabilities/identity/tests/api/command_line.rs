use serde_json::{Value as Json, json};
use shouwen_identity::cli::{Terminal, run_with};

use crate::house::{ADMIN, House, PASSWORD, on_both};

fn admin(house: &House, line: &str, input: &str) -> (i32, String, String) {
    let args: Vec<String> = line.split('|').map(str::to_owned).collect();
    let (mut input, mut out, mut err) = (input.as_bytes(), Vec::new(), Vec::new());
    let code = run_with(&args, &house.t.db, &mut Terminal { input: &mut input, out: &mut out, err: &mut err, password_env: None });
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn done(house: &House, line: &str) -> Json {
    let (code, out, err) = admin(house, &format!("{line}|--json"), "");
    assert_eq!(code, 0, "{line}: {err}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn cli_03_accounts_are_created_listed_and_given_new_passwords() {
    on_both(|house| {
        house.set_up(true);
        let made = done(&house, "user|create|--email|wu@example.com|--name|吴芳|--role|supervisor|--random-password");
        let password = made["password"].as_str().unwrap();
        let browser = house.browser();
        let viewer = browser.sign_in("wu@example.com", password).expect(200);
        assert!(viewer["permissions"].as_array().unwrap().contains(&json!("insight.read")));
        assert_eq!(done(&house, "user|list").as_array().unwrap().len(), 2);
        // From standard input; never in the arguments.
        let (code, out, _) = admin(&house, "user|change-password|--email|wu@example.com", "a sentence typed at the console\n");
        assert_eq!(code, 0);
        assert!(!out.contains("console"));
        browser.get("/session").expect(401);
        house.browser().sign_in("wu@example.com", "a sentence typed at the console").expect(200);
        let (code, _, err) = admin(&house, "user|change-password|--email|wu@example.com", "short\n");
        assert_eq!(code, 1);
        assert!(err.contains("5 characters") && err.contains("expected"), "{err}");
        let (code, _, err) = admin(&house, "user|create|--email|wu@example.com|--name|Again|--random-password", "");
        assert_eq!(code, 1);
        assert!(err.contains("somebody has this e-mail address"), "{err}");
        let (code, _, err) = admin(&house, "unlock|--email|nobody@example.com", "");
        assert_eq!(code, 1);
        assert!(err.contains("nobody has the address"), "{err}");
        let (code, _, err) = admin(&house, "user|create|--email|x@example.com|--name|X|--role|king|--random-password", "");
        assert_eq!(code, 1);
        assert!(err.contains("supervisor"), "{err}");
    });
}

#[test]
fn cli_03_a_password_given_by_somebody_else_must_be_changed_first() {
    on_both(|house| {
        house.set_up(true);
        let made = done(&house, "user|create|--email|wu@example.com|--name|吴芳|--random-password|--must-change-password");
        let password = made["password"].as_str().unwrap();
        let browser = house.browser();
        assert_eq!(browser.sign_in("wu@example.com", password).code(), "session.password_change_required");
        let with_new = |new: &str| browser.post("/session", json!({ "email": "wu@example.com", "password": password, "new_password": new }));
        assert_eq!(with_new("short").json()["error"]["field"], "new_password");
        assert_eq!(with_new(password).code(), "password.refused");
        with_new("my very own sentence now").expect(200);
        house.browser().sign_in("wu@example.com", password).expect(401);
        house.browser().sign_in("wu@example.com", "my very own sentence now").expect(200);
        done(&house, "user|must-change-password|--email|wu@example.com");
        browser.get("/session").expect(401);
        assert_eq!(house.browser().sign_in("wu@example.com", "my very own sentence now").code(), "session.password_change_required");
    });
}

#[test]
fn cli_04_who_is_locked_out_gets_in_again_offline() {
    on_both(|house| {
        let browser = house.set_up(true);
        for _ in 0..6 {
            house.browser().sign_in(ADMIN, "wrong wrong wrong");
        }
        assert_eq!(house.browser().sign_in(ADMIN, PASSWORD).status.as_u16(), 429);
        done(&house, &format!("unlock|--email|{ADMIN}"));
        house.browser().sign_in(ADMIN, PASSWORD).expect(200);
        done(&house, &format!("reset-2fa|--email|{ADMIN}"));
        browser.get("/session").expect(401);
        house.browser().sign_in(ADMIN, PASSWORD).expect(200);
        let other = house.browser();
        other.sign_in(ADMIN, PASSWORD).expect(200);
        assert_eq!(done(&house, "sessions|revoke|--all")["ended"], 2);
        other.get("/session").expect(401);
        let token = done(&house, &format!("token|create|--email|{ADMIN}|--name|export|--permissions|people.manage"));
        house.browser().as_program(token["token"].as_str().unwrap(), axum::http::Method::GET, "/people", Json::Null).expect(200);
        // Not even the command line locks everybody out.
        let (code, _, err) = admin(&house, &format!("user|deactivate|--email|{ADMIN}"), "");
        assert_eq!(code, 1);
        assert!(err.contains("nobody could administer"), "{err}");
        assert!(house.audited("person.unlocked") == 1 && house.audited("person.mfa_reset") == 1);
    });
}

#[test]
fn cli_02_every_level_has_help_with_an_example() {
    on_both(|house| {
        for line in ["--help", "user|--help", "user|create|--help", "user|change-password|--help", "sessions|revoke|--help", "token|create|--help", "unlock|--help", "reset-2fa|--help"] {
            let (code, out, _) = admin(&house, line, "");
            assert_eq!(code, 0, "{line}");
            assert!(out.contains("Example"), "{line}: {out}");
        }
        let (code, _, err) = admin(&house, "user|creat", "");
        assert_eq!(code, 2);
        assert!(err.contains("`creat`") || err.contains("'creat'"), "{err}");
        assert_eq!(admin(&house, "sessions|revoke", "").0, 2);
    });
}
