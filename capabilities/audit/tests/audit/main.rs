//! The audit: read by those who may, sealed in order, and every tampering found.

mod reading;
mod sealing;
mod tampering;

use shouwen_audit::seal;
use shouwen_kernel::{Actor, CustomerId, Ids, PersonId};
use shouwen_store::Ctx;
use shouwen_testkit::TestApp;
use shouwen_web::Module;

pub fn modules() -> Vec<Module> {
    vec![shouwen_audit::module()]
}

/// Numbers from a seed.
pub struct Dice(pub Ids);
impl Dice {
    pub fn below(&self, n: u64) -> u64 {
        u64::from_le_bytes(self.0.secret()) % n
    }
}

/// Writes `count` rows of the usual kinds.
pub fn deeds(app: &TestApp, count: u64) {
    let workspace = app.workspace;
    app.db
        .write_blocking(move |tx| {
            for i in 0..count {
                let person = PersonId(uuid::Uuid::from_u128(u128::from(i % 5) + 1));
                let customer = CustomerId(uuid::Uuid::from_u128(u128::from(i % 11) + 100));
                let ctx = Ctx { workspace, actor: if i % 4 == 3 { Actor::system("clock") } else { Actor::person(person) }, ip: (i % 3 > 0).then(|| format!("192.0.2.{}", i % 200)) };
                let action = ["customer.read", "customer.revealed", "case.assigned"][i as usize % 3];
                let detail = (i % 2 == 0).then(|| serde_json::json!({ "z": i, "a": ["字", 1.5, null], "nested": { "b": true, "a": -0.0 }, "zero": "x\0y" }));
                tx.audit(&ctx, action, if i % 3 == 2 { "case" } else { "customer" }, Some(customer.0), detail)?;
            }
            Ok(())
        })
        .unwrap();
}

/// Seals until nothing is left. On PostgreSQL other tests' transactions may hold rows back for a moment.
pub fn seal_all(app: &TestApp) {
    loop {
        let left = app
            .db
            .write_blocking(|tx| {
                seal(tx, "test")?;
                Ok(tx.one::<(i64,)>("SELECT count(*) FROM audit WHERE chain IS NULL", shouwen_store::params![])?.0)
            })
            .unwrap();
        if left == 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
}
