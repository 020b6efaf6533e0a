//! What the decisions of a step amount to. Pure: no clock, no database.

/// How many must approve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One decides.
    #[default]
    Any,
    /// Joint: everybody must approve.
    All,
}

impl Mode {
    pub fn word(self) -> &'static str {
        if self == Self::All { "all" } else { "any" }
    }
}

/// How somebody came to sit in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The flow names them.
    Asked,
    /// Called in because the step was late, or because nobody else can: what they decide settles the step.
    Called,
}

/// What a seat says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Waiting,
    Approved,
    Returned,
    /// No longer asked: left the house, lost the role, or the step ended without them.
    Released,
}

/// What a step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Waits,
    Approved,
    Returned,
    /// Nobody is left who could decide.
    Nobody,
}

/// Adds up a step. One return returns it; whoever was called in settles it; else it is as the mode says.
pub fn outcome(mode: Mode, seats: &[(Origin, Said)]) -> Outcome {
    if seats.iter().any(|(_, said)| *said == Said::Returned) {
        return Outcome::Returned;
    }
    let approved = |origin: Option<Origin>| seats.iter().any(|(o, said)| *said == Said::Approved && origin.is_none_or(|wanted| wanted == *o));
    let waiting = |origin: Option<Origin>| seats.iter().any(|(o, said)| *said == Said::Waiting && origin.is_none_or(|wanted| wanted == *o));
    if approved(Some(Origin::Called)) || (mode == Mode::Any && approved(None)) {
        return Outcome::Approved;
    }
    if mode == Mode::All && approved(Some(Origin::Asked)) && !waiting(Some(Origin::Asked)) {
        return Outcome::Approved;
    }
    if waiting(None) { Outcome::Waits } else { Outcome::Nobody }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Origin::{Asked, Called};
    use Said::{Approved, Released, Returned, Waiting};

    #[test]
    fn one_of_many_decides_an_any_step_and_everybody_a_joint_one() {
        let half = [(Asked, Approved), (Asked, Waiting)];
        assert_eq!((outcome(Mode::Any, &half), outcome(Mode::All, &half)), (Outcome::Approved, Outcome::Waits));
        assert_eq!(outcome(Mode::All, &[(Asked, Approved), (Asked, Approved)]), Outcome::Approved);
        assert_eq!(outcome(Mode::All, &[(Asked, Approved), (Asked, Returned)]), Outcome::Returned);
    }

    #[test]
    fn who_is_called_in_settles_a_late_joint_step() {
        assert_eq!(outcome(Mode::All, &[(Asked, Waiting), (Asked, Approved), (Called, Waiting)]), Outcome::Waits);
        assert_eq!(outcome(Mode::All, &[(Asked, Waiting), (Asked, Waiting), (Called, Approved)]), Outcome::Approved);
        // Having approved all, those asked need nobody else.
        assert_eq!(outcome(Mode::All, &[(Asked, Approved), (Called, Waiting)]), Outcome::Approved);
    }

    #[test]
    fn people_who_leave_neither_block_nor_approve() {
        assert_eq!(outcome(Mode::All, &[(Asked, Approved), (Asked, Released)]), Outcome::Approved);
        assert_eq!(outcome(Mode::All, &[(Asked, Released), (Asked, Released)]), Outcome::Nobody);
        assert_eq!(outcome(Mode::Any, &[]), Outcome::Nobody);
    }

    #[test]
    fn no_step_is_approved_without_an_approval_and_a_return_always_returns() {
        let words = [Waiting, Approved, Returned, Released];
        for (a, b, c) in (0..64).map(|n| (n / 16, n / 4 % 4, n % 4)) {
            for mode in [Mode::Any, Mode::All] {
                let seats = [(Asked, words[a]), (Asked, words[b]), (Called, words[c])];
                let said: Vec<Said> = seats.iter().map(|s| s.1).collect();
                let out = outcome(mode, &seats);
                assert!(out != Outcome::Approved || (said.contains(&Approved) && !said.contains(&Returned)));
                assert_eq!(out == Outcome::Returned, said.contains(&Returned));
                assert!(out != Outcome::Waits || said.contains(&Waiting));
            }
        }
    }
}
