//! The dictionary of features a model has seen, with their weights by rarity.

use crate::features::Counted;

/// One sparse vector: (place in the dictionary, value), sorted by place, length 1 (L2) unless empty.
pub type Sparse = Vec<(u32, f32)>;

/// Hash → place, and the inverse document frequency of each place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vocab {
    hashes: Vec<u64>,
    idf: Vec<f32>,
    /// Open addressing table over `hashes`; rebuilt on load, not stored.
    slots: Vec<u32>,
    rows: usize,
}

impl Vocab {
    /// Learns the dictionary of `rows`; features in fewer than `min_rows` rows are dropped.
    /// The result does not depend on the order of the rows.
    pub fn learn<'a>(rows: impl Iterator<Item = &'a [Counted]>, min_rows: u32) -> Self {
        let mut all: Vec<u64> = Vec::new();
        let mut n = 0usize;
        for row in rows {
            n += 1;
            all.extend(row.iter().map(|f| f.0));
        }
        all.sort_unstable();
        let mut hashes = Vec::new();
        let mut idf = Vec::new();
        let mut at = 0;
        while at < all.len() {
            let mut end = at + 1;
            while end < all.len() && all[end] == all[at] {
                end += 1;
            }
            let count = end - at;
            if count >= min_rows as usize {
                hashes.push(all[at]);
                idf.push((((1 + n) as f32) / ((1 + count) as f32)).ln() + 1.0);
            }
            at = end;
        }
        Vocab::from_parts(hashes, idf, n)
    }

    /// Puts a stored dictionary together again. `hashes` must be sorted and as long as `idf`.
    pub fn from_parts(hashes: Vec<u64>, idf: Vec<f32>, rows: usize) -> Self {
        let size = (hashes.len() * 2).next_power_of_two().max(2);
        let mut slots = vec![u32::MAX; size];
        for (place, hash) in hashes.iter().enumerate() {
            let mut slot = *hash as usize & (size - 1);
            while slots[slot] != u32::MAX {
                slot = (slot + 1) & (size - 1);
            }
            slots[slot] = place as u32;
        }
        Vocab { hashes, idf, slots, rows }
    }

    /// Gives every place a new weight instead of the one by rarity; one a place, finite and not negative.
    pub fn reweigh(&mut self, weights: Vec<f32>) {
        debug_assert_eq!(weights.len(), self.hashes.len());
        self.idf = weights;
    }

    /// Number of features.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// True when nothing was learned.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Sorted hashes, weights by rarity, number of rows learned from: what a file stores.
    pub fn parts(&self) -> (&[u64], &[f32], usize) {
        (&self.hashes, &self.idf, self.rows)
    }

    /// Place of one hash.
    pub fn place(&self, hash: u64) -> Option<u32> {
        if self.hashes.is_empty() {
            return None;
        }
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let place = self.slots[slot];
            if place == u32::MAX {
                return None;
            }
            if self.hashes[place as usize] == hash {
                return Some(place);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// The vector of a text's features and the share (0..=1) of its weight that the dictionary knows.
    /// Value = weight in the text × idf, scaled to length 1 over the known features. A feature never seen counts as the rarest.
    pub fn vector(&self, features: &[Counted]) -> (Sparse, f32) {
        let rarest = ((1 + self.rows) as f32 / 2.0).max(1.0).ln() + 1.0;
        let mut out: Sparse = Vec::with_capacity(features.len());
        let (mut known, mut unknown) = (0.0f32, 0.0f32);
        for (hash, tf) in features {
            match self.place(*hash) {
                Some(place) => {
                    let value = tf * self.idf[place as usize];
                    known += value * value;
                    out.push((place, value));
                }
                None => unknown += (tf * rarest) * (tf * rarest),
            }
        }
        if known > 0.0 {
            let scale = known.sqrt().recip();
            out.iter_mut().for_each(|f| f.1 *= scale);
        }
        // Places follow sorted hashes and features come sorted by hash, so `out` is sorted already.
        (out, if known > 0.0 { known / (known + unknown) } else { 0.0 })
    }
}
