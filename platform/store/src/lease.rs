//! Work that one node at a time may do (a mailbox poller, a sealer) is claimed by a lease with a fencing epoch.

use shouwen_kernel::{Problem, Result};

use crate::{Tx, params};

/// A held lease. Writes made under it carry the epoch; an older epoch is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub epoch: i64,
}

impl Tx<'_> {
    /// Takes or prolongs the lease `name` for `seconds`; `None` while somebody else holds it.
    pub fn lease(&self, name: &str, holder: &str, seconds: i64) -> Result<Option<Lease>> {
        let until = self.now().plus_seconds(seconds);
        let row: Option<(i64,)> = self.opt(
            "INSERT INTO lease (name, holder, epoch, until) VALUES (?1, ?2, 1, ?3)
             ON CONFLICT (name) DO UPDATE SET holder = ?2, until = ?3, epoch = CASE WHEN lease.holder = ?2 THEN lease.epoch ELSE lease.epoch + 1 END
             WHERE lease.holder = ?2 OR lease.until < ?4 RETURNING epoch",
            params![name, holder, until, self.now()],
        )?;
        Ok(row.map(|(epoch,)| Lease { epoch }))
    }

    /// Refuses (`lease.lost`) when `lease` has gone to another holder since; locks it to the end of the transaction.
    pub fn hold_lease(&self, name: &str, lease: Lease) -> Result<()> {
        let epoch: Option<(i64,)> = self.opt(&format!("SELECT epoch FROM lease WHERE name = ?1{}", self.for_update()), params![name])?;
        if epoch == Some((lease.epoch,)) {
            return Ok(());
        }
        Err(Problem::conflict("lease.lost", format!("the lease `{name}` has gone to another node")).expected("take it again, and begin from what is stored"))
    }

    /// Gives the lease back.
    pub fn release_lease(&self, name: &str, holder: &str) -> Result<()> {
        self.run("UPDATE lease SET until = 0 WHERE name = ?1 AND holder = ?2", params![name, holder])?;
        Ok(())
    }
}
