//! Personal fields of a customer: sealed for storage, masked for the eye, indexed where exact search needs it.

use shouwen_kernel::{CustomerId, Problem, Result};
use shouwen_store::Tx;

use crate::id_number::{check_id_number, mask_id_number};

/// A personal field ready to be stored.
pub(crate) struct Stored {
    pub sealed: String,
    pub masked: String,
    pub blind: Option<String>,
}

/// Sealed for one customer and one field: a sealed text moved to another row cannot be opened there.
fn field(name: &str, customer: CustomerId) -> String {
    format!("customer.{name}.{customer}")
}

/// The identity number, checked.
pub(crate) fn id_number(tx: &Tx<'_>, customer: CustomerId, text: &str) -> Result<Stored> {
    let normal = check_id_number(text, tx.now())?;
    Ok(Stored { sealed: tx.keys().seal(tx.ids(), &field("id_number", customer), &normal)?, masked: mask_id_number(&normal), blind: Some(tx.keys().index("id_number", &normal)) })
}

/// The postal address.
pub(crate) fn address(tx: &Tx<'_>, customer: CustomerId, text: &str) -> Result<Stored> {
    let line = shouwen_kernel::text::one_line(text);
    let count = line.chars().count();
    if !(2..=300).contains(&count) {
        return Err(Problem::invalid("address", format!("the address has {count} characters")).expected("2 to 300 characters, or null for none"));
    }
    Ok(Stored { sealed: tx.keys().seal(tx.ids(), &field("address", customer), &line)?, masked: mask_address(&line), blind: None })
}

/// Opens a personal field.
pub(crate) fn open(tx: &Tx<'_>, customer: CustomerId, name: &str, sealed: &str) -> Result<String> {
    tx.keys().open(&field(name, customer), sealed)
}

/// Province and city stay: at most the first six characters, and never more than a third.
fn mask_address(line: &str) -> String {
    let keep = (line.chars().count() / 3).min(6);
    format!("{}******", line.chars().take(keep).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_the_city_at_most() {
        assert_eq!(mask_address("广东省广州市天河区示例路88号1201房"), "广东省广州市******");
        assert_eq!(mask_address("上海示例路1号"), "上海******");
        assert_eq!(mask_address("甲乙"), "******");
    }
}
