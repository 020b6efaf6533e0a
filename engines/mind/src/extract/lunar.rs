//! The traditional calendar of the years 2000 to 2060: 腊月二十三, 正月初五, 中秋.

use super::day::Day;

/// The traditional year that begins in each year from 2000. Bits 0–12: which of its months, in order, have 30 days; bits 13–16: the place
/// of the month that stands twice (its second), 0 for none; from bit 17: days from 20 January to its first day.
const YEARS: [u32; 61] = [
    0x200693, 0x08952b, 0x2e052b, 0x180a5b, 0x04555a, 0x28056a, 0x12fb55, 0x3a0ba4, 0x240b49, 0x0cba93, 0x320a95, 0x1c052d, 0x068aad,
    0x2a0ab5, 0x1735aa, 0x3c05d2, 0x260da5, 0x10dd4a, 0x360d4a, 0x200c95, 0x0a952e, 0x2e0556, 0x180ab5, 0x0455b2, 0x2a06d2, 0x12cea5,
    0x380725, 0x22064b, 0x0cac97, 0x300cab, 0x1c055a, 0x066ad6, 0x2c0b69, 0x177752, 0x3c0b52, 0x260b25, 0x10da4b, 0x340a4b, 0x1e04ab,
    0x08a55b, 0x2e05ad, 0x180b6a, 0x045b52, 0x2a0d92, 0x14fd25, 0x380d25, 0x220a55, 0x0cb4ad, 0x3204b6, 0x1a05b5, 0x066daa, 0x2c0ec9,
    0x191e92, 0x3c0e92, 0x260d26, 0x10ca56, 0x340a57, 0x1e0556, 0x0886d5, 0x2e0755, 0x1a0749,
];

/// The day of a traditional date; a day past the end of its month is the last one (年三十 of a short month). Not for the second of two
/// months of one name. `None` outside the table.
pub(super) fn day(year: i32, month: u32, day: u32) -> Option<Day> {
    let bits = *YEARS.get(usize::try_from(year.checked_sub(2000)?).ok()?)?;
    let doubled = bits >> 13 & 15;
    let long = |place: u32| 29 + (bits >> place & 1);
    // Places count from 0; the doubled month stands at place `doubled`, so those from there on come one later.
    let place = month - 1 + u32::from(doubled > 0 && month > doubled);
    let before: u32 = (0..place).map(long).sum();
    let first = Day::new(year, 1, 20)?.plus(i64::from((bits >> 17) + before));
    Some(first.plus(i64::from(day.min(long(place))) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feasts_fall_on_their_published_days() {
        let on = |y, m, d| day(y, m, d).map(Day::iso);
        // New year, mid-autumn and dragon boat of some years, among them years with a doubled month.
        for (year, first, boat, autumn) in [(2020, "2020-01-25", "2020-06-25", "2020-10-01"), (2023, "2023-01-22", "2023-06-22", "2023-09-29"),
            (2025, "2025-01-29", "2025-05-31", "2025-10-06"), (2026, "2026-02-17", "2026-06-19", "2026-09-25"), (2027, "2027-02-06", "2027-06-09", "2027-09-15")] {
            assert_eq!((on(year, 1, 1).as_deref(), on(year, 5, 5).as_deref(), on(year, 8, 15).as_deref()), (Some(first), Some(boat), Some(autumn)));
        }
        assert_eq!(on(2025, 12, 30).as_deref(), Some("2026-02-16"), "the last day of the year, long or short");
        assert_eq!((on(1999, 1, 1), on(2061, 1, 1)), (None, None));
    }
}
