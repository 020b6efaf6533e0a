//! How fast mail becomes cases. Not part of the ordinary run: `cargo test --release -p shouwen-casework --test casework
//! speed -- --ignored --nocapture`.

use shouwen_contracts::customers::{CustomerEvent, Recognised};
use shouwen_contracts::message::Content;
use shouwen_contracts::channel::Received;
use shouwen_kernel::{CaseId, CustomerId, IdentityId, MessageId};
use shouwen_store::params;
use shouwen_testkit::on_both;

use crate::common::{House, modules};

/// Seconds of processor time this process has used: says more than the clock on a busy machine.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').map(|f| f.parse().unwrap_or(0.0)).collect();
    fields.get(11).zip(fields.get(12)).map_or(0.0, |(user, system)| (user + system) / 100.0)
}

#[test]
#[ignore = "a measurement"]
fn intake_per_second() {
    const MESSAGES: usize = 20_000;
    on_both(modules, |t| {
        let house = House::new(t);
        let (from, to, inbox) = (house.party("zhang@customer.example"), house.party("help@desk.example"), house.inbox);
        // Two of three open a case, the third answers the first of its group.
        for start in (0..MESSAGES).step_by(1000) {
            let ctx = house.t.system();
            let (from, to) = (from.clone(), to.clone());
            house
                .t
                .db
                .write_blocking(move |tx| {
                    for n in start..start + 1000 {
                        let text = format!("第{n}封:从昨晚开始不能上网,重启光猫也没有用,请尽快处理。{}", "补充说明。".repeat(40));
                        let content = Content { subject: format!("宽带断了{n}"), reply_text: text.clone(), text, ..Content::default() };
                        let sha = tx.put_blob(&serde_json::to_vec(&content)?)?;
                        let message_id: MessageId = tx.id();
                        let customer_id: CustomerId = tx.id();
                        let received = Received {
                            message_id,
                            inbox_id: inbox,
                            channel: "email".into(),
                            from: from.clone(),
                            reply_to: None,
                            to: vec![to.clone()],
                            cc: vec![],
                            received_at: tx.now(),
                            sent_at: None,
                            preview: "从昨晚开始不能上网".into(),
                            subject: content.subject.clone(),
                            content: sha.clone(),
                            raw: sha,
                            attachments: vec![],
                            wire_id: Some(format!("m{n}@customer.example")),
                            in_reply_to: if n % 3 == 2 { vec![format!("m{}@customer.example", n - 2)] } else { vec![] },
                            references: vec![],
                            token: None,
                            auto: None,
                            bounce_of: None,
                            language: Some("zh".into()),
                        };
                        let event = Recognised { message_id, customer_id, identity_id: IdentityId(message_id.0), name: "张三".into(), created: true, language: None, region: None, tier: None, org_unit_id: None, received };
                        tx.emit::<CustomerEvent>(&ctx, None, None, event)?;
                    }
                    Ok(())
                })
                .unwrap();
        }
        let (begun, used) = (std::time::Instant::now(), cpu());
        house.t.drain();
        let (took, used) = (begun.elapsed().as_secs_f64(), cpu() - used);
        assert_eq!(house.count("case_message") as usize, MESSAGES);
        eprintln!("intake on {:?}: {MESSAGES} messages, {} cases in {took:.2} s: {:.0} messages/s; {:.2} ms of processor each", house.t.engine(), house.count("case_case"), MESSAGES as f64 / took, used * 1000.0 / MESSAGES as f64);

        let (case,): (CaseId,) = house.t.db.read_blocking(|tx| tx.one("SELECT case_id FROM case_message ORDER BY id DESC LIMIT 1", params![])).unwrap();
        let mut times: Vec<f64> = (0..300)
            .map(|i| {
                let path = if i % 2 == 0 { format!("/api/v1/cases/{case}") } else { format!("/api/v1/cases/{case}/timeline") };
                let begun = std::time::Instant::now();
                assert_eq!(house.t.get(&house.admin, &path).status, 200);
                begun.elapsed().as_secs_f64() * 1000.0
            })
            .collect();
        times.sort_by(f64::total_cmp);
        eprintln!("case and timeline on {:?}: median {:.1} ms, p99 {:.1} ms (with the audit write)", house.t.engine(), times[150], times[296]);
    });
}
