//! Numbers by chance that are the same in every run: what the tests of agreement make their cases and conditions from.
// Each test binary uses its own share of it.
#![allow(dead_code)]

/// SplitMix64; the number is where it begins.
pub struct Random(pub u64);

impl Random {
    /// From nothing up to `n`, without it.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap()
    }
    /// One of a list.
    pub fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }
    /// One of a list; one time in four none.
    pub fn maybe<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        (self.below(4) > 0).then(|| self.of(list))
    }
}
