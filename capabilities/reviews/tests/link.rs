//! The link in a letter: shows on GET, decides on POST, once, for one person and one step.

mod house;

use house::*;
use serde_json::json;
use shouwen_testkit::{Reply, on_both};
use shouwen_web::axum::body::Body;
use shouwen_web::axum::http::Request;

fn look(h: &House, path: &str) -> Reply {
    h.t.raw(Request::builder().uri(path).header("user-agent", "scanner").body(Body::empty()).unwrap())
}
fn send(h: &House, path: &str, form: &str) -> Reply {
    let reply = h.t.raw(Request::builder().method("POST").uri(path).header("content-type", "application/x-www-form-urlencoded").body(Body::from(form.to_owned())).unwrap());
    h.t.drain();
    reply
}

#[test]
fn sec_a_look_decides_nothing_a_form_decides_once_and_the_audit_knows_both() {
    on_both(modules, |t| {
        let h = house(t);
        let (_, id) = h.in_review("宽带<b>多收费</b>");
        let path = h.link(&h.lead);
        for _ in 0..3 {
            let page = look(&h, &path);
            assert_eq!(page.status.as_u16(), 200);
            assert!(page.text.contains("班长老李") && page.text.contains("退还全额并致歉") && page.text.contains("<form method=\"post\""));
            assert!(!page.text.contains("<b>") && !page.text.contains("<script"), "escaped, and no script");
            let header = |name: &str| page.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
            assert!(header("content-security-policy").contains("default-src 'none'") && header("content-security-policy").contains("frame-ancestors 'none'"));
            assert_eq!((header("cache-control"), header("referrer-policy"), header("x-content-type-options")), ("no-store".into(), "no-referrer".into(), "nosniff".into()));
        }
        assert_eq!(h.show(&h.lead, &id)["step"], 1, "scanners open every link");
        let opened: Vec<_> = h.audit().into_iter().filter(|(action, _)| action == "review.link_opened").collect();
        assert_eq!(opened.len(), 1, "looks within a minute are one line");
        assert_eq!((opened[0].1["person_id"].clone(), opened[0].1["user_agent"].clone()), (json!(h.lead.person), json!("scanner")));
        assert!(send(&h, &path, "decision=return&reason=").text.contains("请写明理由"));
        assert!(send(&h, &path, "reason=x").text.contains("请选择"));
        let done = send(&h, &path, "decision=approve&reason=%E5%90%8C%E6%84%8F");
        assert!(done.text.contains("已记录：通过") && !done.text.contains("<form"), "{}", done.text);
        let seen = h.show(&h.lead, &id);
        assert_eq!((seen["step"].as_i64(), seen["steps"][0]["seats"][0]["via"].as_str(), seen["steps"][0]["seats"][0]["reason"].as_str()), (Some(2), Some("mail"), Some("同意")));
        // Again, and against: nothing happens, and the page says what did.
        let replay = send(&h, &path, "decision=return&reason=no");
        assert!(replay.text.contains("您已用这个链接作出决定"));
        assert_eq!(h.show(&h.lead, &id)["step"], 2);
        assert!(look(&h, &path).text.contains("您已用这个链接作出决定"));
        let decided: Vec<_> = h.audit().into_iter().filter(|(action, _)| action == "review.decided").collect();
        assert_eq!((decided.len(), decided[0].1["via"].as_str()), (1, Some("mail")));
    });
}

#[test]
fn sec_a_link_is_for_one_step_and_one_person_expires_and_dies_with_its_owner() {
    on_both(modules, |t| {
        let h = house(t);
        let (_, id) = h.in_review("多收费");
        let path = h.link(&h.lead);
        // Decided at the desk meanwhile.
        h.decide(&h.lead, &id, "approve", None).expect(200);
        let late = send(&h, &path, "decision=return&reason=x");
        assert!(late.text.contains("这一步已经由他人处理") && late.text.contains("班长老李"), "{}", late.text);
        h.decide(&h.department, &id, "approve", None).expect(200);
        // Two managers have a link each: the first decides, the other's says who did.
        let (first, second) = (h.link(&h.manager), h.link(&h.second_manager));
        assert_ne!(first, second);
        assert!(send(&h, &first, "decision=approve").text.contains("已记录"));
        let told = send(&h, &second, "decision=return&reason=x");
        assert!(told.text.contains("已经通过") && told.text.contains("经理周"), "{}", told.text);
        assert_eq!(h.show(&h.manager, &id)["state"], "approved");
        // After a week it only shows.
        let other = h.case("第二件");
        h.wants(other, "solution");
        let path = h.link(&h.lead);
        h.t.clock.advance(7 * 86_400 + 1);
        assert!(send(&h, &path, "decision=approve").text.contains("链接已过期"));
        assert_eq!(h.waiting(&h.lead).len(), 1);
        // Whoever has left decides nothing by a letter they still have.
        let third = h.case("第三件");
        h.wants(third, "solution");
        let path = h.link(&h.lead);
        saved(&h.t, h.lead.person, "班长老李", false, None, vec![]);
        assert!(!look(&h, &path).text.contains("<form"));
        send(&h, &path, "decision=approve");
        assert!(h.waiting(&h.other_lead).iter().all(|review| review["step"] == 1));
        // Foreign and broken links open nothing.
        let broken = format!("{}{}", &path[..path.len() - 1], if path.ends_with('3') { '4' } else { '3' });
        assert_eq!((look(&h, &broken).status.as_u16(), send(&h, "/r/nonsense", "decision=approve").status.as_u16()), (404, 404));
    });
}

#[test]
fn a_flow_without_mail_decisions_sends_letters_that_only_tell() {
    on_both(modules, |t| {
        let h = house(t);
        h.pack("p", "[[flow]]\nkey = \"desk\"\nby_mail = false\ntitle = { zh = \"内审\", en = \"Inside\" }\n[[flow.step]]\ntitle = { zh = \"审\", en = \"Look\" }\nwho = [\"role:manager\"]\n", false);
        let id = h.t.post(&h.agent, "/api/v1/reviews", json!({ "flow": "desk", "reason": "内部" })).expect(201)["id"].as_str().unwrap().to_owned();
        h.t.drain();
        let letters = h.letters();
        assert_eq!(letters.len(), 2);
        assert!(letters.iter().all(|(wish, content)| wish.people.len() == 1 && content.text.contains(&format!("/reviews/{id}")) && !content.text.contains("/r/")));
    });
}
