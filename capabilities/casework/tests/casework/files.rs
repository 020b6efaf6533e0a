//! Uploads, downloads, the HTML view and the raw mail: nothing a browser would run.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use shouwen_testkit::{Reply, on_both};
use shouwen_web::Viewer;

use crate::common::{House, Mail, modules};

/// Sends a form with one file; the credentials are taken from a request the test kit makes.
fn upload(house: &House, who: &Viewer, name: &str, media_type: &str, bytes: &[u8]) -> Reply {
    let mut body = format!("--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {media_type}\r\n\r\n").into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--XX--\r\n");
    let json = json!({ "workspace": who.workspace, "person": who.person, "name": who.name, "grants": who.grants, "lang": who.lang, "time_zone": who.time_zone, "must_enrol": false });
    let token: String = json.to_string().bytes().map(|b| format!("{b:02x}")).collect();
    let request = Request::post("/api/v1/uploads").header("authorization", format!("Bearer {token}")).header("content-type", "multipart/form-data; boundary=XX").body(Body::from(body)).unwrap();
    house.t.raw(request)
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

#[test]
fn a_file_is_uploaded_sent_and_downloaded_under_a_safe_name_and_never_run() {
    on_both(modules, |t| {
        let house = House::new(t);
        let (agent, other) = (house.agent("王小明"), house.agent("李雷"));
        let case = house.case_of(house.mail(Mail { from: "zhang@customer.example", subject: "s", text: "t", ..Mail::default() }));
        let made = upload(&house, &agent, "..\\..\\账\u{202e}gnp.exe\u{200b}.html", "text/html", b"<script>alert(1)</script>").expect(201);
        assert_eq!((&made["name"], &made["size"], &made["type"]), (&json!("账gnp.exe.html"), &json!(25), &json!("text/html")));
        let id = made["id"].as_str().unwrap();
        let get = |who: &Viewer, path: String| house.t.get(who, &path);
        assert_eq!(get(&other, format!("/api/v1/attachments/{id}")).status, 404, "an upload is its owner's until it is sent");
        let sent = house.t.post(&agent, &format!("/api/v1/cases/{case}/messages"), json!({ "kind": "reply", "text": "见附件", "attachments": [id] })).expect(201);
        let attached = sent["message"]["attachments"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(house.outbound(sent["message"]["id"].as_str().unwrap())["attachments"][0]["name"], "账gnp.exe.html");
        let file = get(&other, format!("/api/v1/attachments/{attached}?inline=1"));
        let header = |name: &str| file.headers.get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!(file.text, "<script>alert(1)</script>");
        assert!(header("content-disposition").starts_with("attachment; filename=\"_gnp.exe.html\"; filename*=UTF-8''%E8%B4%A6gnp.exe.html"), "{}", header("content-disposition"));
        assert_eq!((header("content-type"), header("x-content-type-options")), ("application/octet-stream".into(), "nosniff".into()));
        assert!(header("content-security-policy").contains("sandbox"));
        // A picture may be shown in place, if it is one.
        let png = upload(&house, &agent, "a.png", "image/png", PNG).expect(201);
        let shown = get(&agent, format!("/api/v1/attachments/{}?inline=1", png["id"].as_str().unwrap()));
        assert!(shown.headers["content-disposition"].to_str().unwrap().starts_with("inline"));
        let fake = upload(&house, &agent, "b.png", "image/png", b"<svg onload=1>").expect(201);
        let shown = get(&agent, format!("/api/v1/attachments/{}?inline=1", fake["id"].as_str().unwrap()));
        assert!(shown.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
        let reader = house.t.viewer("远", vec![shouwen_kernel::Grant { permission: "case.read".into(), reach: shouwen_kernel::Reach::Own }]);
        assert_eq!(get(&reader, format!("/api/v1/attachments/{attached}")).status, 404);
    });
}

#[test]
fn a_file_over_the_limit_is_refused() {
    let house = House::new(shouwen_testkit::TestApp::sqlite(modules));
    let agent = house.agent("王小明");
    let large = vec![7u8; 25 * 1024 * 1024 + 1];
    assert_eq!(upload(&house, &agent, "big.bin", "application/x-thing", &large).status, 413);
    let just = upload(&house, &agent, "ok.bin", "application/x-thing", &large[1..]).expect(201);
    assert_eq!(just["size"], 25 * 1024 * 1024);
    assert_eq!(upload(&house, &agent, "../../", "x", b"").expect(201)["name"], Value::from("file"));
}

#[test]
fn the_html_view_loads_nothing_until_asked_and_raw_gives_the_bytes() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let id = house.mail(Mail { from: "zhang@customer.example", subject: "s", text: "t", html: Some("<p onclick=\"x\">你好</p><img data-remote-src=\"https://tracker.example/p.gif\"><script>1</script>"), ..Mail::default() });
        let page = house.t.get(&agent, &format!("/api/v1/messages/{id}/html"));
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; img-src data:;") && policy.contains("sandbox") && !policy.contains("https:"), "{policy}");
        assert!(page.text.contains("<p>你好</p>") && !page.text.contains("script") && !page.text.contains(" src=\"https"), "{}", page.text);
        let shown = house.t.get(&agent, &format!("/api/v1/messages/{id}/html?images=1"));
        assert!(shown.text.contains(" src=\"https://tracker.example/p.gif\"") && shown.headers["content-security-policy"].to_str().unwrap().contains("https:"));
        let raw = house.t.get(&agent, &format!("/api/v1/messages/{id}/raw"));
        assert_eq!((raw.text.as_str(), raw.headers["content-type"].to_str().unwrap()), ("Subject: s\r\n\r\nt", "message/rfc822"));
        let stranger = house.t.person("无权", &[]);
        for part in ["html", "raw"] {
            assert_eq!(house.t.get(&stranger, &format!("/api/v1/messages/{id}/{part}")).status, 403);
        }
        let reads = house.t.db.read_blocking(|tx| tx.one::<(i64,)>("SELECT count(*) FROM audit WHERE action = 'case.read'", shouwen_store::params![])).unwrap().0;
        assert_eq!(reads, 3, "each look at a customer's words is in the audit");
    });
}

#[test]
fn files_that_were_not_sent_go_after_a_month_unless_a_draft_holds_them() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let case = house.case_of(house.mail(Mail { from: "zhang@customer.example", subject: "s", text: "t", ..Mail::default() }));
        let made = |name: &str| upload(&house, &agent, name, "text/plain", name.as_bytes()).expect(201)["id"].as_str().unwrap().to_owned();
        let [forgotten, held, sent] = ["forgotten.txt", "held.txt", "sent.txt"].map(made);
        house.t.put(&agent, &format!("/api/v1/cases/{case}/drafts/reply"), json!({ "text": "明天再发", "attachments": [held] })).expect(200);
        let answer = house.t.post(&agent, &format!("/api/v1/cases/{case}/messages"), json!({ "kind": "note", "text": "见附件", "attachments": [sent] })).expect(201);
        let attached = answer["message"]["attachments"][0]["id"].as_str().unwrap().to_owned();
        let status = |id: &str| house.t.get(&agent, &format!("/api/v1/attachments/{id}")).status.as_u16();
        let sweep = || assert_eq!(house.t.db.write_blocking(|tx| shouwen_casework::sweep_uploads(tx, shouwen_kernel::AttachmentId::NIL)).unwrap(), None);
        house.t.clock.advance(29 * 86_400);
        let fresh = made("fresh.txt");
        sweep();
        assert_eq!([&forgotten, &held, &sent].map(|id| status(id)), [200, 200, 200], "a day too early");
        house.t.clock.advance(86_400);
        sweep();
        assert_eq!([&forgotten, &sent, &held, &attached, &fresh].map(|id| status(id)), [404, 404, 200, 200, 200], "the message has a row of its own");
        // A file that is gone is refused, not sent empty.
        let refused = house.t.post(&agent, &format!("/api/v1/cases/{case}/messages"), json!({ "kind": "note", "text": "见附件", "attachments": [forgotten] })).expect(422);
        assert_eq!(refused["error"]["field"], "attachments[0]");
    });
}

#[test]
fn a_message_tells_the_names_of_what_the_customer_attached() {
    on_both(modules, |t| {
        let house = House::new(t);
        let agent = house.agent("王小明");
        let told = || -> Vec<Vec<String>> {
            house.case_events().into_iter().filter_map(|e| match e {
                shouwen_contracts::casework::CaseEvent::MessageAdded(m) if m.direction != "out" => Some(m.files),
                _ => None,
            }).collect()
        };
        let first = house.mail(Mail { from: "zhang@customer.example", subject: "s", text: "t", wire_id: Some("1@customer.example".into()), files: vec![("律师函.pdf", b"a", false), ("logo.png", b"b", true)], ..Mail::default() });
        assert_eq!(told(), [vec!["律师函.pdf"]], "a picture of the text is none");
        let case = house.case_of(first);
        let ours = upload(&house, &agent, "12315投诉须知.pdf", "application/pdf", b"ours").expect(201);
        let sent = house.t.post(&agent, &format!("/api/v1/cases/{case}/messages"), json!({ "kind": "reply", "text": "见附件", "attachments": [ours["id"]] })).expect(201);
        let thread = sent["message"]["conversation_id"].as_str().and_then(|id| id.parse().ok());
        house.mail(Mail { from: "zhang@customer.example", subject: "Re: s", text: "收到", token: thread, in_reply_to: vec!["1@customer.example".into()], files: vec![("12315投诉须知.pdf", b"ours", false), ("收据.pdf", b"c", false)], ..Mail::default() });
        assert_eq!(told()[1..], [vec!["收据.pdf"]], "what we had sent ourselves comes back without a word");
        let handed = upload(&house, &agent, "投诉书.pdf", "application/pdf", b"d").expect(201);
        house.t.post(&agent, &format!("/api/v1/cases/{case}/messages"), json!({ "kind": "note", "text": "客户来店递交", "attachments": [handed["id"]] })).expect(201);
        assert_eq!(told()[2..], [vec!["投诉书.pdf"]]);
    });
}
