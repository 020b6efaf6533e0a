//! Histograms with buckets 2 % wide: counts of days, teams and people add up, and a percentile of the sum is within 1 %
//! of the exact one. (Exact percentiles do not add up: a board over any range would have to scan cases.)

const WIDTH: f64 = 1.02;

/// The bucket of a duration in seconds; negative counts as 0.
pub fn bucket_of(seconds: i64) -> i64 {
    (((seconds.max(0) + 1) as f64).ln() / WIDTH.ln()).floor() as i64
}

/// The middle of a bucket, in seconds.
pub fn value_of(bucket: i64) -> f64 {
    let low = WIDTH.powi(i32::try_from(bucket).unwrap_or(i32::MAX));
    (low * (1.0 + WIDTH) / 2.0 - 1.0).max(0.0)
}

/// The `q` quantile (0–1, nearest rank) of `(bucket, count)` pairs in any order; `None` without any count.
pub fn percentile(buckets: &[(i64, i64)], q: f64) -> Option<f64> {
    let mut sorted: Vec<(i64, i64)> = buckets.iter().copied().filter(|(_, count)| *count > 0).collect();
    sorted.sort_unstable();
    let total: i64 = sorted.iter().map(|(_, count)| count).sum();
    if total == 0 {
        return None;
    }
    let rank = ((q.clamp(0.0, 1.0) * total as f64).ceil() as i64).max(1);
    let mut seen = 0;
    for (bucket, count) in &sorted {
        seen += count;
        if seen >= rank {
            return Some(value_of(*bucket));
        }
    }
    sorted.last().map(|(bucket, _)| value_of(*bucket))
}

/// How often each bucket occurred. Adds up over days, teams and people; written as bytes it is a row's one value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread(std::collections::BTreeMap<i64, i64>);

impl Spread {
    /// Counts a duration `n` times more (or, negative, less).
    pub fn add(&mut self, seconds: i64, n: i64) {
        self.count(bucket_of(seconds), n);
    }

    fn count(&mut self, bucket: i64, n: i64) {
        let sum = self.0.entry(bucket).or_default();
        *sum = sum.saturating_add(n);
        if *sum == 0 {
            self.0.remove(&bucket);
        }
    }

    /// Takes another's counts in.
    pub fn join(&mut self, other: &Self) {
        other.0.iter().for_each(|(bucket, n)| self.count(*bucket, *n));
    }

    /// See [`percentile`].
    pub fn percentile(&self, q: f64) -> Option<f64> {
        percentile(&self.0.iter().map(|(bucket, n)| (*bucket, *n)).collect::<Vec<_>>(), q)
    }

    /// Pairs of variable-length integers: the step from the last bucket, and the count.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len() * 3);
        let mut last = 0;
        for (bucket, n) in &self.0 {
            put(&mut out, bucket - last);
            put(&mut out, *n);
            last = *bucket;
        }
        out
    }

    /// What [`Spread::to_bytes`] wrote; `None` for anything else.
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut spread = Self::default();
        let mut bucket = 0i64;
        while !bytes.is_empty() {
            bucket = bucket.checked_add(take(&mut bytes)?)?;
            spread.count(bucket, take(&mut bytes)?);
        }
        Some(spread)
    }
}

/// Zigzag and seven bits a byte.
fn put(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn take(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_one_percent_of_the_exact_ones() {
        let mut state = 7u64;
        let mut values: Vec<i64> = (0..5000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (((state >> 40) as f64 / 16_777_216.0 * 13.0).exp()) as i64
            })
            .collect();
        let buckets: Vec<(i64, i64)> = values.iter().map(|v| (bucket_of(*v), 1)).collect();
        values.sort_unstable();
        for q in [0.1, 0.5, 0.9, 0.99] {
            let exact = values[((q * 5000.0f64).ceil() as usize).max(1) - 1] as f64;
            let estimate = percentile(&buckets, q).unwrap();
            assert!((estimate - exact).abs() <= exact * 0.0101 + 0.51, "{q}: {estimate} against {exact}");
        }
        assert_eq!(percentile(&[], 0.5), None);
        assert_eq!(percentile(&[(0, 3)], 0.5).map(f64::round), Some(0.0));
    }

    #[test]
    fn buckets_grow_with_the_value() {
        assert!((0..2_000_000).step_by(997).collect::<Vec<_>>().windows(2).all(|w| bucket_of(w[0]) <= bucket_of(w[1])));
    }

    #[test]
    fn spreads_add_up_take_back_and_survive_their_bytes() {
        let mut seed = 7u64;
        let mut random = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 40) as i64
        };
        let (mut whole, mut left, mut right) = (Spread::default(), Spread::default(), Spread::default());
        let values: Vec<i64> = (0..500).map(|_| random()).collect();
        for (i, value) in values.iter().enumerate() {
            whole.add(*value, 1);
            if i % 3 == 0 { left.add(*value, 1) } else { right.add(*value, 1) }
        }
        left.join(&Spread::from_bytes(&right.to_bytes()).unwrap());
        assert_eq!(left, whole);
        let exact: Vec<(i64, i64)> = values.iter().map(|v| (bucket_of(*v), 1)).collect();
        assert_eq!(whole.percentile(0.9), percentile(&exact, 0.9));
        values.iter().for_each(|v| whole.add(*v, -1));
        assert_eq!(whole.to_bytes(), Vec::<u8>::new());
        for broken in [&[0x80u8][..], &[0x02], &[0xff; 11]] {
            assert_eq!(Spread::from_bytes(broken), None);
        }
    }
}
