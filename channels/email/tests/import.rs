//! `shouwen import mail` and `shouwen mail requeue`.

mod common;

use common::{app, inbox, received, too_deep};
use shouwen_email::cli::{import, requeue};
use shouwen_store::Engine;
use shouwen_testkit::on_both;

fn args(list: &[&str]) -> Vec<String> {
    list.iter().map(|a| (*a).to_owned()).collect()
}

fn letter(n: usize) -> String {
    format!("Message-ID: <{n}@customer.example>\nDate: Tue, 4 Feb 2025 09:{:02}:00 +0800\nFrom: x{n}@customer.example\nSubject: letter {n}\n\ntext {n}\n", n % 60)
}

#[test]
fn eml_mbox_and_maildir_come_in_once_with_their_dates_however_often_it_runs() {
    on_both(app, |t| {
        inbox(&t, "service@shop.example");
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        std::fs::write(path("one.eml"), letter(1)).unwrap();
        let mbox: String = (2..=250).map(|n| format!("From x{n}@customer.example Tue Feb  4 09:00:00 2025\n{}\n", letter(n))).collect();
        std::fs::write(path("old.mbox"), mbox).unwrap();
        for part in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(folder.path().join("Maildir").join(part)).unwrap();
        }
        std::fs::write(path("Maildir/cur/1.a:2,S"), letter(300)).unwrap();
        std::fs::write(path("Maildir/new/2.b"), too_deep()).unwrap();
        // The same letter in another file, with other line ends.
        std::fs::write(path("again.eml"), letter(7).replace('\n', "\r\n")).unwrap();
        let all = args(&[&path("one.eml"), &path("old.mbox"), &path("Maildir"), &path("again.eml"), "--inbox", "Service@Shop.example", "--quiet", "--json"]);
        assert_eq!(import(&all, &t.app, &[]), 0);
        assert_eq!(received(&t).len(), 251);
        assert!(received(&t).iter().all(|e| e.received_at.to_string().starts_with("2025-02-04T01:")));
        assert_eq!(import(&all, &t.app, &[]), 0);
        assert_eq!(received(&t).len(), 251, "a second run brings nothing new");
        let (id,): (shouwen_kernel::MessageId,) = t.db.read_blocking(|tx| tx.one("SELECT id FROM mail_message WHERE state = 'quarantined'", shouwen_store::params![])).unwrap();
        assert_eq!(requeue(&args(&[&id.to_string()]), &t.app), 0);
        assert_eq!(received(&t).len(), 252);
        assert_eq!(requeue(&args(&[&id.to_string()]), &t.app), 1, "it is no longer in quarantine");
    });
}

/// What the database refuses of one mail is no reason to leave the others of its batch out.
#[test]
fn a_mail_that_cannot_be_noted_goes_to_quarantine_alone() {
    on_both(app, |t| {
        inbox(&t, "service@shop.example");
        let refuse = match t.engine() {
            Engine::Sqlite => "CREATE TRIGGER refuse BEFORE INSERT ON event WHEN NEW.kind = 'message.received' AND NEW.payload LIKE '%letter 5%' BEGIN SELECT RAISE(ABORT, 'refused'); END;",
            Engine::Postgres => {
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
                 CREATE TRIGGER refuse BEFORE INSERT ON event FOR EACH ROW WHEN (NEW.kind = 'message.received' AND NEW.payload::text LIKE '%letter 5%') EXECUTE FUNCTION refuse();"
            }
        };
        t.db.write_blocking(move |tx| tx.batch(refuse)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for n in 1..=9 {
            std::fs::write(folder.path().join(format!("{n}.eml")), letter(n)).unwrap();
        }
        let all = args(&[&folder.path().to_string_lossy(), "--inbox", "service@shop.example", "--quiet"]);
        for _ in 0..2 {
            assert_eq!(import(&all, &t.app, &[]), 0);
            let mut subjects: Vec<String> = received(&t).into_iter().map(|e| e.subject).collect();
            subjects.sort();
            assert_eq!(subjects, [1, 2, 3, 4, 6, 7, 8, 9].map(|n| format!("letter {n}")));
            let waiting: Vec<(String,)> = t.db.read_blocking(|tx| tx.all("SELECT reason FROM mail_message WHERE state = 'quarantined'", shouwen_store::params![])).unwrap();
            assert!(matches!(&waiting[..], [(reason,)] if reason.contains("refused")), "{waiting:?}");
        }
    });
}

/// The same bytes twice among the mails of one batch, and a Message-ID that two mails share.
#[test]
fn a_batch_counts_the_same_mail_once_and_tells_when_two_share_an_id() {
    on_both(app, |t| {
        inbox(&t, "service@shop.example");
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
        write("1.eml", letter(1));
        write("2.eml", letter(1));
        write("3.eml", letter(1).replace("text 1", "something else"));
        assert_eq!(import(&args(&[&folder.path().to_string_lossy(), "--inbox", "service@shop.example", "--quiet"]), &t.app, &[]), 0);
        assert_eq!(received(&t).len(), 2);
        let rows: Vec<(i64, Option<String>)> = t.db.read_blocking(|tx| tx.all("SELECT copies, reason FROM mail_message ORDER BY copies", shouwen_store::params![])).unwrap();
        assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [0, 1], "{rows:?}");
        assert_eq!(rows.iter().filter_map(|row| row.1.as_deref()).filter(|reason| reason.contains("same Message-ID")).count(), 1, "{rows:?}");
    });
}

#[test]
fn wrong_use_is_told_and_stores_nothing() {
    on_both(app, |t| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.eml").to_string_lossy().into_owned();
        std::fs::write(&file, letter(1)).unwrap();
        assert_eq!(import(&args(&[&file]), &t.app, &[]), 2, "there is no inbox yet");
        inbox(&t, "a@shop.example");
        inbox(&t, "b@shop.example");
        for wrong in [args(&[]), args(&["/no/such/file", "--inbox", "a@shop.example"]), args(&[&file]), args(&[&file, "--inbox", "c@shop.example"]), args(&[&file, "--inbox"]), args(&[&file, "--fast"])] {
            assert_eq!(import(&wrong, &t.app, &[]), 2, "{wrong:?}");
        }
        assert_eq!(requeue(&[], &t.app), 2);
        assert_eq!(requeue(&args(&["nonsense"]), &t.app), 1);
        assert!(received(&t).is_empty());
    });
}

/// Mail under our own address never makes ourselves the customer.
#[test]
fn mail_under_our_own_address_is_told_apart() {
    on_both(app, |t| {
        inbox(&t, "service@shop.example");
        inbox(&t, "sales@shop.example");
        let folder = tempfile::tempdir().unwrap();
        let mail = |n: usize, headers: &str| format!("Message-ID: <own{n}@elsewhere.example>\nDate: Tue, 4 Feb 2025 09:{n:02}:00 +0800\n{headers}\nSubject: letter {n}\n\ntext {n}\n");
        let mails = [
            mail(1, "From: Shop <service@shop.example>\nTo: Zhang <zhang@customer.example>"),
            mail(2, "From: Shop <Service@Shop.example>\nTo: service@shop.example, sales@shop.example"),
            mail(3, "From: Web form <service@shop.example>\nReply-To: Li <li@customer.example>\nTo: service@shop.example"),
            mail(4, "From: sales@shop.example\nTo: service@shop.example\nCc: wang@customer.example"),
            mail(5, "From: Zhao <zhao@customer.example>\nTo: service@shop.example"),
            mail(6, "From: service+x@shop.example\nTo: service+y@shop.example"),
        ];
        for (n, text) in mails.iter().enumerate() {
            std::fs::write(folder.path().join(format!("{n}.eml")), text).unwrap();
        }
        assert_eq!(import(&args(&[&folder.path().to_string_lossy(), "--inbox", "service@shop.example", "--quiet"]), &t.app, &[]), 0);
        let mut told: Vec<(String, String, String, bool)> = received(&t)
            .into_iter()
            .map(|e| (e.subject, e.from.name, t.app.keys().open_address(&e.from.address).unwrap(), e.from.index.is_empty()))
            .collect();
        told.sort();
        let expected = [
            ("letter 2", "Shop", "unknown@sender.invalid", true),
            ("letter 3", "Li", "li@customer.example", false),
            ("letter 5", "Zhao", "zhao@customer.example", false),
            ("letter 6", "", "unknown@sender.invalid", true),
        ];
        assert_eq!(told, expected.map(|(subject, name, address, nobody)| (subject.to_owned(), name.to_owned(), address.to_owned(), nobody)));
        let own: Vec<(String, Option<String>)> = t.db.read_blocking(|tx| tx.all("SELECT state, reason FROM mail_message WHERE state = 'own' ORDER BY id", shouwen_store::params![])).unwrap();
        assert_eq!(own.len(), 2, "what we wrote to somebody outside is ours: {own:?}");
    });
}
