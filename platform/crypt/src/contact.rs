//! Addresses of people: one normal form for look-up, one sealed form for storage, one masked form for the eye.
//! Every channel and capability uses these, so that what one seals or indexes another can open or find.

use shouwen_kernel::{Ids, Problem, Result};

use crate::Keys;

/// The field name under which addresses of correspondents are sealed (`Party.address`, participants, identities).
pub const ADDRESS_FIELD: &str = "party.address";

/// What kind of address it is; also the name of its blind index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressKind {
    Email,
    Phone,
}

impl AddressKind {
    /// `email` or `phone`, as in the API and in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }

    /// The kind of that name.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "email" => Some(Self::Email),
            "phone" => Some(Self::Phone),
            _ => None,
        }
    }

    /// The normal form; a precise problem when it is no such address.
    pub fn normal(self, text: &str) -> Result<String> {
        match self {
            Self::Email => {
                let normal = normal_email(text);
                match normal.rsplit_once('@') {
                    Some((local, domain)) if !local.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.') && !normal.contains([' ', '<', '>', ',', ';']) => Ok(normal),
                    _ => Err(Problem::invalid("address", format!("`{}` is not an e-mail address", shouwen_kernel::text::clip(text.trim(), 60))).expected("one address like name@example.com")),
                }
            }
            Self::Phone => normal_phone(text),
        }
    }

    /// What a person without the right to reveal it sees.
    pub fn mask(self, normal: &str) -> String {
        match self {
            Self::Email => mask_email(normal),
            Self::Phone => mask_phone(normal),
        }
    }
}

/// Lower case, no white space around, no full stop after the domain, full-width `＠` and letters made plain.
/// Takes whatever a mail brings; says nothing about whether it could be delivered to.
pub fn normal_email(text: &str) -> String {
    narrow(text).trim().trim_end_matches('.').to_lowercase()
}

/// E.164 (`+8613800138000`): separators and full-width digits are read; a number without country code is Chinese.
/// Mobile numbers, 400/800 numbers, short service numbers (95xxx, 1xxxx) and land lines with area code are known.
pub fn normal_phone(text: &str) -> Result<String> {
    let wrong = |why: String, right: &str| Err(Problem::invalid("phone", why).expected(right));
    let plain = narrow(text);
    let mut digits = String::new();
    let mut international = false;
    for (i, c) in plain.trim().chars().enumerate() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if i == 0 => international = true,
            ' ' | '-' | '(' | ')' | '.' | '/' | '\u{a0}' | '\u{2010}'..='\u{2015}' => {}
            other => return wrong(format!("a phone number cannot hold `{other}`"), "digits, with an optional leading + and separators: 138 0013 8000"),
        }
    }
    if !international && let Some(rest) = digits.strip_prefix("00") {
        digits = rest.to_owned();
        international = true;
    }
    if international && !digits.starts_with("86") {
        return if (7..=15).contains(&digits.len()) && !digits.starts_with('0') {
            Ok(format!("+{digits}"))
        } else {
            wrong(format!("an international number has 7 to 15 digits and no leading 0; this one has {}", digits.len()), "+ country code and number, like +85221234567")
        };
    }
    let national = if international { &digits[2..] } else { digits.strip_prefix("86").filter(|rest| rest.len() == 11 && rest.starts_with('1')).unwrap_or(&digits) };
    let of = |national: &str| Ok(format!("+86{}", national.trim_start_matches('0')));
    let count = national.len();
    let second = national.as_bytes().get(1).copied().unwrap_or(b'0');
    if national.starts_with('1') && count == 11 {
        return if (b'3'..=b'9').contains(&second) { of(national) } else { wrong(format!("no Chinese mobile number begins with 1{}", char::from(second)), "13 to 19 and nine more digits") };
    }
    if (national.starts_with("400") || national.starts_with("800")) && count == 10 {
        return of(national);
    }
    if national.starts_with('0') {
        // Area codes: 010 and 02x have two digits after the 0, all others three; subscribers have seven or eight.
        return if (10..=12).contains(&count) && second != b'0' { of(national) } else { wrong(format!("a Chinese land line with area code has 10 to 12 digits; this one has {count}"), "area code and number, like 010-12345678") };
    }
    if (national.starts_with("95") || national.starts_with("96") || national.starts_with('1')) && (3..=8).contains(&count) {
        return of(national);
    }
    // Written for callers from abroad, an area code has lost its 0 (010 is the only one that then begins with 1).
    if international && ((9..=11).contains(&count) && !national.starts_with('1') || national.starts_with("10") && count == 10) {
        return of(national);
    }
    if national.starts_with('1') {
        return wrong(format!("a Chinese mobile number has 11 digits; this one has {count}"), "11 digits beginning with 13 to 19");
    }
    wrong(format!("`{}` is not a Chinese phone number with {count} digits", shouwen_kernel::text::clip(text.trim(), 20)), "a mobile number (11 digits), a land line with its area code (010-12345678), or + and a country code")
}

/// `zhang.san@example.com` → `z***@example.com`; what is not an address becomes `***`.
pub fn mask_email(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{}***@{domain}", local.chars().next().map(String::from).unwrap_or_default()),
        None => "***".to_owned(),
    }
}

/// `+8613800138000` → `138****8000`; a foreign number keeps its first four characters and last two digits.
pub fn mask_phone(normal: &str) -> String {
    let shown = normal.strip_prefix("+86").unwrap_or(normal);
    let chars: Vec<char> = shown.chars().collect();
    let (head, tail) = match chars.len() {
        11 if shown.starts_with('1') => (3, 4),
        n if n >= 9 => (4, 2),
        n if n >= 6 => (2, 1),
        _ => (1, 0),
    };
    let hidden = chars.len().saturating_sub(head + tail).max(2);
    let end: String = chars[chars.len().saturating_sub(tail)..].iter().collect();
    format!("{}{}{end}", chars.iter().take(head).collect::<String>(), "*".repeat(hidden))
}

/// Full-width letters, digits, `＠`, `．`, `＋`, `－` and the ideographic space as their plain forms.
fn narrow(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            '\u{3000}' => ' ',
            other => other,
        })
        .collect()
}

impl Keys {
    /// Seals a correspondent's address as it was written.
    pub fn seal_address(&self, ids: &Ids, address: &str) -> Result<String> {
        self.seal(ids, ADDRESS_FIELD, address)
    }

    /// Opens what [`Keys::seal_address`] sealed.
    pub fn open_address(&self, sealed: &str) -> Result<String> {
        self.open(ADDRESS_FIELD, sealed)
    }

    /// Blind index of an e-mail address as it came (normalised here); `Party.index`.
    pub fn email_index(&self, address: &str) -> String {
        self.index("email", &normal_email(address))
    }

    /// Blind index of an address in normal form.
    pub fn address_index(&self, kind: AddressKind, normal: &str) -> String {
        self.index(kind.name(), normal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_have_one_normal_form() {
        for (given, wanted) in [
            ("138 0013 8000", "+8613800138000"),
            ("+86-138-0013-8000", "+8613800138000"),
            ("8613800138000", "+8613800138000"),
            ("008613800138000", "+8613800138000"),
            ("１３８００１３８０００", "+8613800138000"),
            ("(010) 1234 5678", "+861012345678"),
            ("+86 10 1234 5678", "+861012345678"),
            ("0755-1234567", "+867551234567"),
            ("400-123-4567", "+864001234567"),
            ("10086", "+8610086"),
            ("+852 2123 4567", "+85221234567"),
            ("+1 (202) 555-0143", "+12025550143"),
        ] {
            assert_eq!(normal_phone(given).unwrap(), wanted, "{given}");
        }
        for (given, why) in [("1380013800", "11 digits"), ("12800138000", "begins with 12"), ("138001380001", "11 digits"), ("13a", "`a`"), ("+0123456789", "leading 0"), ("12345678901234", "11 digits"), ("7654321", "not a Chinese")] {
            let problem = normal_phone(given).unwrap_err();
            assert!(problem.message.contains(why), "{given}: {problem}");
            assert!(problem.expected.is_some());
        }
    }

    #[test]
    fn e_mail_addresses_have_one_normal_form() {
        assert_eq!(normal_email(" Zhang.San＠Example.COM. "), "zhang.san@example.com");
        assert!(AddressKind::Email.normal("zhang@").is_err());
        assert!(AddressKind::Email.normal("a@b").is_err());
        assert!(AddressKind::Email.normal("a b@example.com").is_err());
        assert_eq!(AddressKind::Email.normal("A@example.com").unwrap(), "a@example.com");
    }

    #[test]
    fn masks_show_little_and_never_break() {
        assert_eq!(mask_email("zhang@example.com"), "z***@example.com");
        assert_eq!(mask_email("张@example.com"), "张***@example.com");
        assert_eq!(mask_email("nonsense"), "***");
        assert_eq!(mask_phone("+8613800138000"), "138****8000");
        assert_eq!(mask_phone("+85221234567"), "+852******67");
        assert_eq!(mask_phone("+8610086"), "1****");
        assert_eq!(mask_phone(""), "**");
    }

    #[test]
    fn an_address_is_sealed_indexed_and_opened_alike_everywhere() {
        let (keys, ids) = (Keys::for_tests(), Ids::seeded(1));
        let sealed = keys.seal_address(&ids, "Zhang@Example.com").unwrap();
        assert_eq!(keys.open_address(&sealed).unwrap(), "Zhang@Example.com");
        assert_eq!(keys.email_index("Zhang@Example.com"), keys.address_index(AddressKind::Email, "zhang@example.com"));
    }
}
