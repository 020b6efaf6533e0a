//! Sign-in attempts are counted before the password is looked at, so that many at once are counted too. Three counters:
//! account and address together (strict), the account (mild, so that strangers cannot lock anybody out), the address.
//! A hundred failures on one account close it for a day, except from addresses it was signed in from before.

use shouwen_kernel::{Kind, Problem, Result, Time};
use shouwen_store::{Tx, params};

struct Counter {
    /// Failures that cost nothing.
    free: i64,
    /// The longest wait in seconds below the hard cap.
    longest: i64,
    /// From here on it is closed for a day; 0: never.
    cap: i64,
    /// Seconds after which old failures are forgotten.
    memory: i64,
}

const DAY: i64 = 24 * 3600;
const PAIR: Counter = Counter { free: 5, longest: 900, cap: 100, memory: DAY };
const ACCOUNT: Counter = Counter { free: 10, longest: 60, cap: 100, memory: DAY };
const ADDRESS: Counter = Counter { free: 30, longest: 900, cap: 0, memory: 3600 };

impl Counter {
    fn wait(&self, failures: i64) -> i64 {
        if self.cap > 0 && failures >= self.cap {
            return DAY;
        }
        match failures - self.free {
            n if n < 0 => 0,
            n => (2i64 << n.min(20)).min(self.longest),
        }
    }
}

/// The counters of one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    account: String,
    address: String,
    pair: String,
    known: String,
}

impl Attempt {
    /// For an e-mail address as it was typed, known or not.
    pub fn of(tx: &Tx<'_>, email: &str, ip: Option<&str>) -> Self {
        let account = tx.keys().email_index(email);
        let ip = ip.unwrap_or("-");
        let key = |kind: &str, what: &str| format!("{kind}:{}", tx.keys().index("identity.throttle", what));
        Self { address: key("address", ip), pair: format!("pair:{account}:{}", key("", ip)), known: format!("known:{account}:{}", key("", ip)), account: format!("account:{account}") }
    }

    /// Counts the attempt, or says how long to wait.
    pub fn enter(&self, tx: &Tx<'_>) -> Result<()> {
        let known = tx.opt::<(i64,)>("SELECT failures FROM identity_throttle WHERE key = ?1", params![self.known])?.is_some();
        let mut until = Time::default();
        for (key, skip) in [(&self.account, known), (&self.pair, false), (&self.address, false)] {
            // Makes and locks the row, so that attempts at the same moment come one after the other. Always in this order.
            let (blocked,): (Time,) = tx.one(
                "INSERT INTO identity_throttle (key, failures, last_at, blocked_until) VALUES (?1, 0, ?2, 0)
                 ON CONFLICT (key) DO UPDATE SET failures = identity_throttle.failures RETURNING blocked_until",
                params![key, tx.now()],
            )?;
            if !skip {
                until = until.max(blocked);
            }
        }
        if until > tx.now() {
            let wait = (until.micros() - tx.now().micros() + 999_999) / 1_000_000;
            return Err(Problem::new(Kind::TooMany, "session.throttled", "too many failed sign-ins")
                .expected(format!("another try in {wait} seconds; an administrator can unlock the account at once"))
                .detail(serde_json::json!({ "retry_after_s": wait })));
        }
        for (key, counter) in [(&self.account, &ACCOUNT), (&self.pair, &PAIR), (&self.address, &ADDRESS)] {
            let (failures,): (i64,) = tx.one(
                "UPDATE identity_throttle SET failures = CASE WHEN last_at < ?3 THEN 1 ELSE failures + 1 END, last_at = ?2 WHERE key = ?1 RETURNING failures",
                params![key, tx.now(), tx.now().plus_seconds(-counter.memory)],
            )?;
            tx.execute("UPDATE identity_throttle SET blocked_until = ?2 WHERE key = ?1", params![key, tx.now().plus_seconds(counter.wait(failures))])?;
        }
        Ok(())
    }

    /// The sign-in succeeded: this account starts afresh, and this address is known to belong to it.
    pub fn succeeded(&self, tx: &Tx<'_>) -> Result<()> {
        for key in [&self.account, &self.pair] {
            tx.execute("DELETE FROM identity_throttle WHERE key = ?1", params![key])?;
        }
        tx.execute("UPDATE identity_throttle SET failures = failures - 1, blocked_until = 0 WHERE key = ?1 AND failures > 0", params![self.address])?;
        tx.execute("INSERT INTO identity_throttle (key, failures, last_at, blocked_until) VALUES (?1, 0, ?2, 0) ON CONFLICT (key) DO UPDATE SET last_at = ?2", params![self.known, tx.now()])?;
        Ok(())
    }

    /// Takes the count back: the password was right and only the second step is missing.
    pub fn undo(&self, tx: &Tx<'_>) -> Result<()> {
        for key in [&self.account, &self.pair, &self.address] {
            tx.execute("UPDATE identity_throttle SET failures = failures - 1, blocked_until = 0 WHERE key = ?1 AND failures > 0", params![key])?;
        }
        Ok(())
    }
}

/// Forgets the failures of an account, from wherever they came.
pub(crate) fn unlock(tx: &Tx<'_>, email_index: &str) -> Result<()> {
    tx.execute("DELETE FROM identity_throttle WHERE key = ?1", params![format!("account:{email_index}")])?;
    // `;` follows `:`, so this is the range of keys that begin with `pair:<account>:`.
    tx.execute("DELETE FROM identity_throttle WHERE key >= ?1 AND key < ?2", params![format!("pair:{email_index}:"), format!("pair:{email_index};")])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end_at_a_hard_cap() {
        assert_eq!((0..5).map(|n| PAIR.wait(n)).sum::<i64>(), 0);
        assert_eq!([5, 6, 7, 8].map(|n| PAIR.wait(n)), [2, 4, 8, 16]);
        assert_eq!(PAIR.wait(60), 900);
        assert_eq!(PAIR.wait(100), DAY);
        assert_eq!(ACCOUNT.wait(50), 60);
        assert_eq!(ADDRESS.wait(1_000_000), 900);
    }
}
