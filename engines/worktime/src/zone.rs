//! Time zones by their IANA name, from the database bundled with the program.

use jiff::tz::{TimeZone, db};

use crate::fault::{Fault, nearest, quote};

/// The zone of that IANA name.
///
/// # Errors
/// `bad_timezone`, with the nearest known name.
pub(crate) fn find(name: &str) -> Result<TimeZone, Fault> {
    let known = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/_+-".contains(&b));
    if known && let Ok(zone) = TimeZone::get(name) {
        return Ok(zone);
    }
    let names: Vec<String> = db().available().map(|n| n.to_string()).collect();
    let right = match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None if name.starts_with(['+', '-']) || name.starts_with("UTC") || name.starts_with("GMT") => {
            "an offset is not enough, write an IANA name such as \"Asia/Shanghai\" or \"UTC\"".to_owned()
        }
        None => "write an IANA name such as \"Asia/Shanghai\" (all of China), \"Europe/Berlin\" or \"UTC\"".to_owned(),
    };
    Err(Fault::new(
        "bad_timezone",
        format!("{} is no known time zone", quote(name)),
        right,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_zones_and_suggests_near_ones() {
        assert!(
            find("Asia/Shanghai").is_ok()
                && find("Australia/Lord_Howe").is_ok()
                && find("UTC").is_ok()
        );
        assert!(
            find("Asia/Shangai")
                .unwrap_err()
                .right
                .contains("\"Asia/Shanghai\"")
        );
        assert!(find("Asia/Beijing").unwrap_err().right.contains("Asia/"));
        assert!(
            find("+08:00")
                .unwrap_err()
                .right
                .contains("offset is not enough")
        );
        assert!(find("../../etc/passwd").is_err() && find("").is_err());
    }
}
