//! The best hits a viewer may see. The scope is tested before a candidate may push another one out, so a page is never
//! short because of what the viewer may not see, and nothing unseen leaves this file.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::query::Weight;
use tantivy::{DocAddress, DocId, Score, SegmentOrdinal, SegmentReader};

use crate::visible::Visible;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub score: Score,
    pub at: i64,
    pub owner: u64,
    pub address: DocAddress,
}

impl PartialEq for Found {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Found {}
impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Found {
    /// The worst is the greatest, so that a heap gives it up first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then_with(|| other.at.cmp(&self.at)).then_with(|| self.address.cmp(&other.address))
    }
}

/// Collects the best `limit` of a workspace, of some kinds, inside a scope.
pub(crate) struct Best {
    pub limit: usize,
    pub workspace: u64,
    /// Bit `k` is set when kind code `k` is wanted.
    pub kinds: u64,
    pub visible: Visible,
}

/// Never driven by tantivy's default loop; [`Best::collect_segment`] does the work.
pub(crate) struct Unused;

impl SegmentCollector for Unused {
    type Fruit = Vec<Found>;
    fn collect(&mut self, _: DocId, _: Score) {}
    fn harvest(self) -> Vec<Found> {
        Vec::new()
    }
}

impl Collector for Best {
    type Fruit = Vec<Found>;
    type Child = Unused;

    fn for_segment(&self, _: SegmentOrdinal, _: &SegmentReader) -> tantivy::Result<Unused> {
        Ok(Unused)
    }

    fn requires_scoring(&self) -> bool {
        true
    }

    fn collect_segment(&self, weight: &dyn Weight, segment_ord: u32, reader: &SegmentReader) -> tantivy::Result<Vec<Found>> {
        let columns = reader.fast_fields();
        let workspace = columns.column_first_or_default::<u64>("workspace")?;
        let kind = columns.column_first_or_default::<u64>("kind")?;
        let owner = columns.column_first_or_default::<u64>("owner")?;
        let at = columns.column_first_or_default::<i64>("at")?;
        let alive = reader.alive_bitset();
        let mut heap: BinaryHeap<Found> = BinaryHeap::with_capacity(self.limit + 1);
        let mut threshold = Score::MIN;
        weight.for_each_pruning(threshold, reader, &mut |doc, score| {
            let mine = alive.is_none_or(|bits| bits.is_alive(doc))
                && self.kinds >> (kind.get_val(doc) & 63) & 1 == 1
                && workspace.get_val(doc) == self.workspace;
            if mine {
                let owner = owner.get_val(doc);
                if self.visible.has(owner) {
                    heap.push(Found { score, at: at.get_val(doc), owner, address: DocAddress::new(segment_ord, doc) });
                    if heap.len() > self.limit {
                        heap.pop();
                        threshold = heap.peek().map_or(Score::MIN, |worst| worst.score);
                    }
                }
            }
            threshold
        })?;
        Ok(heap.into_vec())
    }

    fn merge_fruits(&self, fruits: Vec<Vec<Found>>) -> tantivy::Result<Vec<Found>> {
        let mut all: Vec<Found> = fruits.into_iter().flatten().collect();
        all.sort();
        all.truncate(self.limit);
        Ok(all)
    }
}
