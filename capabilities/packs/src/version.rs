//! Versions of packs and what a pack asks of others.

use std::str::FromStr;

/// `major.minor.patch`; missing parts are 0. Compares by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub [u32; 3]);

impl FromStr for Version {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = [0; 3];
        let mut count = 0;
        for part in text.split('.') {
            let sound = !part.is_empty() && part.len() <= 6 && part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
            *parts.get_mut(count).filter(|_| sound).ok_or(())? = part.parse().map_err(|_| ())?;
            count += 1;
        }
        Ok(Self(parts))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// `base`, or `base >= 1.2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    pub key: String,
    pub least: Version,
}

impl FromStr for Requirement {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (key, least) = match text.split_once(">=") {
            Some((key, version)) => (key.trim(), version.trim().parse()?),
            None => (text.trim(), Version([0; 3])),
        };
        if shouwen_web::is_pack_key(key) { Ok(Self { key: key.to_owned(), least }) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number_and_nothing_else_is_one() {
        let v = |t: &str| t.parse::<Version>().unwrap();
        assert!(v("1.10.0") > v("1.9.9") && v("2") > v("1.99") && v("1.0") == v("1"));
        for wrong in ["", "1.", "1.0.0.0", "v1", "1.0-beta", "01", "1..2", "-1", "99999999"] {
            assert!(wrong.parse::<Version>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn requirements_name_a_pack_and_the_least_version() {
        assert_eq!("base >= 1.2".parse(), Ok(Requirement { key: "base".into(), least: Version([1, 2, 0]) }));
        assert_eq!("base".parse(), Ok(Requirement { key: "base".into(), least: Version([0; 3]) }));
        assert!("base > 1".parse::<Requirement>().is_err() && ">= 1".parse::<Requirement>().is_err());
    }
}
