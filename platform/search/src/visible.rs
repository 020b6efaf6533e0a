//! The set of cases a viewer may see, from the access documents.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex};

use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, Searcher, TERMINATED, Term};

use crate::Branch;
use crate::schema::{Fields, grant};

/// The values are hashes already.
#[derive(Default)]
pub(crate) struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

pub(crate) type Owners = HashSet<u64, BuildHasherDefault<Same>>;

/// What a candidate is tested against.
#[derive(Clone)]
pub(crate) enum Visible {
    Everything,
    These(Arc<Owners>),
}

impl Visible {
    pub fn has(&self, owner: u64) -> bool {
        match self {
            Self::Everything => true,
            Self::These(owners) => owners.contains(&owner),
        }
    }
}

struct Kept {
    generation: u64,
    workspace: String,
    scope: Vec<Branch>,
    owners: Arc<Owners>,
}

/// Sets already made, until the next commit. Bounded by what they weigh, not by their number.
#[derive(Default)]
pub(crate) struct Cache(Mutex<Vec<Kept>>);

/// About 20 MiB.
const MOST_OWNERS: usize = 1_000_000;

impl Cache {
    pub fn visible(&self, fields: &Fields, searcher: &Searcher, workspace: &str, scope: &[Branch]) -> tantivy::Result<Visible> {
        if scope.contains(&Branch::All) {
            return Ok(Visible::Everything);
        }
        let mut scope = scope.to_vec();
        scope.sort();
        scope.dedup();
        let generation = searcher.generation().generation_id();
        let mut kept = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        kept.retain(|k| k.generation == generation);
        if let Some(found) = kept.iter().find(|k| k.workspace == workspace && k.scope == scope) {
            return Ok(Visible::These(found.owners.clone()));
        }
        drop(kept);
        let owners = Arc::new(collect(fields, searcher, workspace, &scope)?);
        let mut kept = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut weight: usize = kept.iter().map(|k| k.owners.len()).sum::<usize>() + owners.len();
        while weight > MOST_OWNERS && !kept.is_empty() {
            weight -= kept.remove(0).owners.len();
        }
        if weight <= MOST_OWNERS {
            kept.push(Kept { generation, workspace: workspace.to_owned(), scope, owners: owners.clone() });
        }
        Ok(Visible::These(owners))
    }
}

fn collect(fields: &Fields, searcher: &Searcher, workspace: &str, scope: &[Branch]) -> tantivy::Result<Owners> {
    let grants: Vec<String> = scope
        .iter()
        .filter_map(|branch| match branch {
            Branch::All => None,
            Branch::Person(id) => Some(grant('p', workspace, id)),
            Branch::Team(id) => Some(grant('t', workspace, id)),
            Branch::OrgUnit(id) => Some(grant('o', workspace, id)),
        })
        .collect();
    let mut owners = Owners::default();
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(fields.grant)?;
        let column = segment.fast_fields().column_first_or_default::<u64>("owner")?;
        for grant in &grants {
            let Some(mut postings) = index.read_postings(&Term::from_field_text(fields.grant, grant), IndexRecordOption::Basic)? else { continue };
            owners.reserve(postings.doc_freq() as usize / 2);
            let mut doc = postings.doc();
            while doc != TERMINATED {
                if !segment.is_deleted(doc) {
                    owners.insert(column.get_val(doc));
                }
                doc = postings.advance();
            }
        }
    }
    Ok(owners)
}
