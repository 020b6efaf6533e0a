//! Grades of complaints: `minor`, `major`, `critical`. Nobody is no grade.

/// What is accepted, in words.
pub const RULE: &str = "`minor`, `major` or `critical`";
/// The highest one.
pub const CRITICAL: &str = "critical";

/// 1 to 3; 0 for none.
pub fn rank(grade: &str) -> u8 {
    match grade {
        "minor" => 1,
        "major" => 2,
        "critical" => 3,
        _ => 0,
    }
}

/// Whether there is such a grade.
pub fn is_grade(grade: &str) -> bool {
    rank(grade) > 0
}

/// The priority a case of a grade has at least.
fn priority_of(grade: &str) -> Option<&'static str> {
    match grade {
        "critical" => Some("urgent"),
        "major" => Some("high"),
        _ => None,
    }
}

/// The priority to set when a case of `priority` gets `grade`; `None`: it is high enough.
pub fn raised_priority(priority: &str, grade: &str) -> Option<&'static str> {
    let rank = |p: &str| ["low", "normal", "high", "urgent"].iter().position(|known| *known == p).unwrap_or(1);
    priority_of(grade).filter(|wanted| rank(wanted) > rank(priority))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grade_raises_the_priority_and_never_lowers_it() {
        assert_eq!(raised_priority("normal", "critical"), Some("urgent"));
        assert_eq!(raised_priority("low", "major"), Some("high"));
        assert_eq!(raised_priority("urgent", "major"), None);
        assert_eq!(raised_priority("normal", "minor"), None);
    }
}
