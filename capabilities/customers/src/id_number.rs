//! Resident identity numbers (GB 11643-1999): region, date of birth, sequence, check character (ISO 7064 MOD 11-2).

use shouwen_kernel::{Problem, Result, Time};

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK: &[u8; 11] = b"10X98765432";
/// First two digits of the provinces, with Taiwan, Hong Kong, Macao and the residence permits for them.
const PROVINCES: &[u32] = &[
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83,
];

/// The normal form (18 characters, `X` upper case), or what is wrong with it.
pub fn check_id_number(text: &str, now: Time) -> Result<String> {
    let normal: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            other => other,
        })
        .collect::<String>()
        .to_ascii_uppercase();
    // The number itself is personal: no problem repeats it.
    let wrong = |why: String, right: &str| Err(Problem::invalid("id_number", why).expected(right));
    let count = normal.chars().count();
    if count == 15 && normal.bytes().all(|b| b.is_ascii_digit()) {
        return wrong("this is a number of the first generation (15 digits), out of use since 2013".into(), "the 18 characters of the present card");
    }
    if count != 18 {
        return wrong(format!("an identity number has 18 characters, this one has {count}"), "17 digits and a check character (0–9 or X)");
    }
    let bytes = normal.as_bytes();
    if let Some(at) = normal.chars().position(|c| !c.is_ascii_digit()).filter(|at| *at < 17) {
        return wrong(format!("character {} is not a digit", at + 1), "17 digits and a check character (0–9 or X)");
    }
    if bytes.len() != 18 || !(bytes[17].is_ascii_digit() || bytes[17] == b'X') {
        return wrong("the last character is neither a digit nor X".into(), "17 digits and a check character (0–9 or X)");
    }
    let digits: Vec<u32> = bytes[..17].iter().map(|b| u32::from(b - b'0')).collect();
    let number = |from: usize, to: usize| digits[from..to].iter().fold(0, |sum, d| sum * 10 + d);
    let province = number(0, 2);
    if !PROVINCES.contains(&province) {
        return wrong(format!("no province has the code {province:02}"), "a region code of 6 digits at the beginning");
    }
    let (year, month, day) = (number(6, 10), number(10, 12), number(12, 14));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    };
    let born = days_from_civil(i64::from(year), i64::from(month), i64::from(day));
    // A day ahead of UTC, because it is tomorrow in China already.
    let today = (now.seconds() + 86_400).div_euclid(86_400);
    if day == 0 || day > days || year < 1850 || born > today {
        return wrong("characters 7 to 14 are not a date of birth".into(), "year, month and day, like 19491231");
    }
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(d, w)| d * w).sum();
    if bytes[17] != CHECK[(sum % 11) as usize] {
        return wrong("the check character does not fit: one of the characters was mistyped".into(), "the number as it stands on the card");
    }
    Ok(normal)
}

/// Days since 1970-01-01 of a civil date.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// `11010519491231002X` → `110***********002X`.
pub fn mask_id_number(normal: &str) -> String {
    format!("{}***********{}", normal.get(..3).unwrap_or_default(), normal.get(14..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_seconds(1_772_413_200);

    #[test]
    fn the_standards_own_examples_are_right() {
        for text in ["11010519491231002X", "440524188001010014", " 110105 19491231 002x ", "１１０１０５１９４９１２３１００２Ｘ"] {
            assert!(check_id_number(text, NOW).is_ok(), "{text}");
        }
        assert_eq!(mask_id_number("11010519491231002X"), "110***********002X");
    }

    #[test]
    fn each_mistake_is_named() {
        for (text, why) in [
            ("110105491231002", "first generation"),
            ("1101051949123100", "has 16"),
            ("1101051949123100X2", "character 17"),
            ("11010519491231002Y", "last character"),
            ("99010519491231002X", "province"),
            ("110105194913310028", "date of birth"),
            ("110105194902300024", "date of birth"),
            ("110105204912310025", "date of birth"),
            ("110105194912310029", "check character"),
            ("12010519491231002X", "check character"),
            ("身份证身份证身份证身份证身份证身份证", "character 1 "),
        ] {
            let problem = check_id_number(text, NOW).unwrap_err();
            assert!(problem.message.contains(why), "{text}: {problem}");
            assert!(!problem.message.contains(text), "a problem must not repeat the number");
        }
    }

    #[test]
    fn every_single_mistyped_digit_is_found() {
        let right = b"11010519491231002X";
        for at in 0..17 {
            for digit in b'0'..=b'9' {
                if right[at] != digit {
                    let mut wrong = *right;
                    wrong[at] = digit;
                    assert!(check_id_number(std::str::from_utf8(&wrong).unwrap(), NOW).is_err());
                }
            }
        }
    }
}
