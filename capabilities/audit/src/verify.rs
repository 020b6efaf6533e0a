//! Finds what was changed in the audit behind the program's back.

use serde::Serialize;
use shouwen_kernel::{Problem, Result};
use shouwen_store::{AUDIT_COLUMNS, Db, Position, Tx, params};
use utoipa::ToSchema;

use crate::chain::{GENESIS, row_hash};
use crate::row::Found;
use crate::{Head, Heads};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A row says something else than when it was sealed, or stands in another place.
    Edited,
    /// Rows are missing from the middle of the chain.
    Deleted,
    /// A row was put in that the program did not write.
    Inserted,
    /// Rows are missing from the end of the chain.
    Truncated,
    /// The signed head is missing, changed, or not ours.
    Head,
    /// The chain does not lead to a head kept outside the database.
    RolledBack,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    pub kind: FindingKind,
    /// Place in the chain, where it can be told.
    pub chain: Option<i64>,
    /// Row number, where it can be told.
    pub seq: Option<i64>,
    /// In words.
    pub message: String,
}

/// What a check of the whole audit found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Report {
    /// Nothing is wrong.
    pub ok: bool,
    /// Rows in the chain.
    pub sealed: i64,
    /// Rows that wait for the sealer.
    pub unsealed: i64,
    /// The signed head.
    pub head: Option<Head>,
    /// At most 100.
    pub findings: Vec<Finding>,
}

const BATCH: usize = 1000;
const MOST: usize = 100;

impl Report {
    fn note(&mut self, kind: FindingKind, chain: Option<i64>, seq: Option<i64>, message: String) {
        self.ok = false;
        if self.findings.len() < MOST {
            self.findings.push(Finding { kind, chain, seq, message });
        }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} rows sealed, {} waiting to be sealed: {}", self.sealed, self.unsealed, if self.ok { "nothing is wrong" } else { "the audit was changed" })?;
        self.findings.iter().try_for_each(|finding| writeln!(f, "  {}", finding.message))
    }
}

/// Checks the whole audit in one snapshot; blocks for seconds per million rows. `heads`: those kept outside.
pub fn verify(db: &Db, heads: Option<&Heads>) -> Result<Report> {
    // Read before the snapshot: a head in the file is always older than the chain it is compared with.
    let kept = heads.map(Heads::read).transpose()?.unwrap_or_default();
    db.read_blocking(move |tx| verify_tx(tx, &kept))
}

/// [`verify`] within a transaction.
pub fn verify_tx(tx: &Tx<'_>, kept: &[std::result::Result<Head, String>]) -> Result<Report> {
    let keys = tx.keys();
    let mut report = Report { ok: true, sealed: 0, unsealed: 0, head: None, findings: Vec::new() };
    match Head::stored(tx) {
        Ok(head) => report.head = head,
        Err(problem) => report.note(FindingKind::Head, None, None, format!("the signed head cannot be read: {}", problem.message)),
    }
    if let Some(head) = report.head.clone()
        && !head.is_ours(keys)
    {
        report.note(FindingKind::Head, Some(head.chain), None, "the signature of the head is not ours".to_owned());
    }
    let mut outside = kept.iter().filter_map(|head| head.as_ref().ok()).filter(|head| head.is_ours(keys)).collect::<Vec<_>>();
    outside.sort_by_key(|head| head.chain);
    for line in kept.iter().filter_map(|head| head.as_ref().err()) {
        report.note(FindingKind::Head, None, None, format!("a line of the file of heads is none: {}", shouwen_kernel::text::clip(line, 60)));
    }
    for head in kept.iter().filter_map(|head| head.as_ref().ok()).filter(|head| !head.is_ours(keys)) {
        report.note(FindingKind::Head, Some(head.chain), None, format!("a head in the file ({}) does not carry our signature", head.chain));
    }
    let mut outside = outside.into_iter().peekable();
    let (mut at, mut hash, mut last) = (0i64, GENESIS.to_owned(), Position::default());
    loop {
        // Below 1 there is no place; who moved a row there took it out of the chain.
        let rows: Vec<Found> = tx.all(&format!("SELECT {AUDIT_COLUMNS} FROM audit AS a WHERE a.chain > ?1 ORDER BY a.chain LIMIT ?2"), params![at, BATCH])?;
        let before = at;
        for found in &rows {
            let number = found.position.seq;
            let Some(chain) = found.chain else {
                report.note(FindingKind::Edited, None, Some(number), format!("row number {number} cannot be read: its place in the chain was changed"));
                continue;
            };
            if chain != at + 1 {
                report.note(FindingKind::Deleted, Some(at + 1), None, format!("rows {} to {} of the chain are missing", at + 1, chain - 1));
            }
            let stored = found.hash.as_str();
            match &found.row {
                Err(why) => report.note(FindingKind::Edited, Some(chain), Some(number), format!("row {chain} (number {number}) was changed and cannot be read: {why}")),
                Ok(row) if !row.is_marked(keys) => report.note(FindingKind::Inserted, Some(chain), Some(number), format!("row {chain} (number {number}) is not as the program wrote it")),
                Ok(row) if row_hash(&hash, chain, row) != stored => report.note(FindingKind::Edited, Some(chain), Some(number), format!("row {chain} (number {number}) was changed, or what stood before it")),
                Ok(_) => {}
            }
            while let Some(head) = outside.next_if(|head| head.chain <= chain) {
                if head.chain == chain && head.hash != stored {
                    report.note(FindingKind::RolledBack, Some(chain), None, format!("row {chain} differs from the head kept outside on {}", head.at));
                }
            }
            report.sealed += 1;
            last = last.max(found.position);
            at = chain;
            // Go on from what stands there, so that one change is one finding.
            hash = stored.to_owned();
        }
        // Rows whose place is no number stand last; they do not bring us on.
        if at == before {
            break;
        }
    }
    for head in outside {
        report.note(FindingKind::RolledBack, Some(head.chain), None, format!("the chain ends at {at}, but on {} it had reached {}", head.at, head.chain));
    }
    check_head(&mut report, at, &hash);
    check_unsealed(tx, &mut report, last)?;
    for (number, count) in tx.all::<(i64, i64)>("SELECT max(seq), count(*) FROM audit WHERE origin IS NOT NULL GROUP BY origin HAVING count(*) > 1 LIMIT 100", params![])? {
        report.note(FindingKind::Inserted, None, Some(number), format!("row number {number} repeats another ({count} of them)"));
    }
    Ok(report)
}

fn check_head(report: &mut Report, at: i64, hash: &str) {
    match report.head.clone() {
        None if at == 0 => {}
        None => report.note(FindingKind::Head, None, None, format!("{at} rows are sealed, but the signed head is missing")),
        Some(head) if at < head.chain => report.note(FindingKind::Truncated, Some(at + 1), None, format!("rows {} to {} at the end of the chain are missing", at + 1, head.chain)),
        Some(head) if at > head.chain => report.note(FindingKind::Inserted, Some(head.chain + 1), None, format!("rows after {} were added without the sealer", head.chain)),
        Some(head) if head.hash != hash => report.note(FindingKind::Head, Some(at), None, "the chain leads to another hash than the signed head says".to_owned()),
        Some(_) => {}
    }
}

fn check_unsealed(tx: &Tx<'_>, report: &mut Report, last: Position) -> Result<()> {
    let mut after = Position { tx: 0, seq: -1 };
    loop {
        let sql = format!("SELECT {AUDIT_COLUMNS} FROM audit AS a WHERE (a.chain IS NULL OR a.chain < 1) AND (a.tx, a.seq) > (?1, ?2) ORDER BY a.tx, a.seq LIMIT ?3");
        let rows: Vec<Found> = tx.all(&sql, params![after.tx, after.seq, BATCH])?;
        for found in &rows {
            report.unsealed += 1;
            let number = found.position.seq;
            match &found.row {
                Err(why) => report.note(FindingKind::Edited, None, Some(number), format!("row number {number} was changed and cannot be read: {why}")),
                Ok(row) if row.chain.is_some() => report.note(FindingKind::Edited, row.chain, Some(number), format!("row number {number} stands at a place that does not exist")),
                Ok(row) if !row.is_marked(tx.keys()) => report.note(FindingKind::Inserted, None, Some(number), format!("row number {number} is not as the program wrote it")),
                Ok(row) if row.position < last => {
                    report.note(FindingKind::Inserted, None, Some(number), format!("row number {number} came in before rows that were sealed already, or was taken out of the chain"));
                }
                Ok(_) => {}
            }
        }
        match rows.last().map(|found| found.position) {
            Some(end) if end > after => after = end,
            _ => return Ok(()),
        }
    }
}

/// For callers that want a problem.
impl From<&Report> for Problem {
    fn from(report: &Report) -> Self {
        Problem::new(shouwen_kernel::Kind::Conflict, "audit.changed", report.findings.first().map_or_else(|| "nothing is wrong".to_owned(), |finding| finding.message.clone()))
    }
}
