//! Amounts of money: text such as `500` or `1000.50` to whole minor units and back, exactly.

/// Digits after the point of a currency.
pub fn digits(currency: &str) -> u32 {
    match currency {
        "JPY" | "KRW" | "VND" | "CLP" => 0,
        "KWD" | "BHD" | "JOD" => 3,
        _ => 2,
    }
}

/// `1000.50` → 100050; `None` when it is not a plain amount, is negative or has more digits than the currency.
pub fn minor(text: &str, currency: &str) -> Option<i64> {
    let digits = digits(currency);
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(part) || part.len() > digits as usize || (text.contains('.') && part.is_empty()) {
        return None;
    }
    let scale = 10i64.checked_pow(digits)?;
    let fraction: i64 = if part.is_empty() { 0 } else { part.parse::<i64>().ok()?.checked_mul(10i64.checked_pow(digits - part.len() as u32)?)? };
    whole.parse::<i64>().ok()?.checked_mul(scale)?.checked_add(fraction)
}

/// 100050 → `1000.50`.
pub fn shown(amount: i64, currency: &str) -> String {
    let digits = digits(currency);
    let scale = 10i64.pow(digits);
    if digits == 0 { amount.to_string() } else { format!("{}.{:0width$}", amount / scale, (amount % scale).abs(), width = digits as usize) }
}

/// Three capital letters.
pub fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        assert_eq!((minor("500", "CNY"), minor("1000.5", "CNY"), minor("0.05", "CNY")), (Some(50_000), Some(100_050), Some(5)));
        assert_eq!((minor("500", "JPY"), minor("1.234", "KWD")), (Some(500), Some(1234)));
        for wrong in ["", ".", "1.", "-1", "1,000", "1.005", "1e3", "٣", "999999999999999999999", "92233720368547758.08"] {
            assert_eq!(minor(wrong, "CNY"), None, "{wrong}");
        }
        assert_eq!((shown(100_050, "CNY"), shown(5, "CNY"), shown(500, "JPY")), ("1000.50".to_owned(), "0.05".to_owned(), "500".to_owned()));
    }
}
