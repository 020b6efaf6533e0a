//! The escalation ladder: who is to hear of a clock at 50 %, 80 %, 100 % of its target and some time beyond.

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Result, Time};
use shouwen_worktime::{Budget, Calendar};

use crate::engine;

/// A rung as people edit it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// A share of the target (`50%`, `80%`, `100%`, `150%`) or working time beyond it (`+4h`, `+1wd`).
    pub at: String,
    /// `assignee`, `accountable`, `team` (its members), `lead` (of the team), or keys of roles.
    pub to: Vec<String>,
    /// The clocks it is for (`resolution`, …); empty: all of this level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clocks: Vec<String>,
}

/// Parties that are not roles.
pub const PARTIES: [&str; 4] = ["assignee", "accountable", "team", "lead"];
/// A ladder has at most this many rungs.
pub const MOST: usize = 12;

/// A rung as one plan of one clock sets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LadderStep {
    pub step: String,
    /// When it is reached; null while the clock rests.
    pub at: Option<Time>,
    pub to: Vec<String>,
    /// People were told of it.
    pub told: bool,
    /// The moment for which they were told last; a plan that goes back to it, or before it, tells them nothing again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_for: Option<Time>,
}

/// Where a rung stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// Share of the target.
    Share(f64),
    /// Beyond the target.
    Beyond(Budget),
}

/// What a rung may say.
pub const RULE: &str = "a share of the target such as 80%, or working time beyond it such as +4h";

fn place(text: &str) -> Option<Place> {
    if let Some(share) = text.strip_suffix('%') {
        let sound = !share.is_empty() && share.len() <= 4 && share.bytes().all(|b| b.is_ascii_digit());
        return share.parse::<f64>().ok().filter(|percent| sound && (1.0..=1000.0).contains(percent)).map(|percent| Place::Share(percent / 100.0));
    }
    text.strip_prefix('+')?.parse::<Budget>().ok().map(Place::Beyond)
}

/// Everything wrong with a ladder: (path, what is wrong, what would be right). `clocks`: those the level has.
pub fn faults(ladder: &[Rung], clocks: &[&str]) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    if ladder.len() > MOST {
        found.push((format!("[{MOST}]"), format!("the ladder has {} rungs", ladder.len()), format!("at most {MOST}")));
    }
    for (i, rung) in ladder.iter().enumerate() {
        if place(&rung.at).is_none() {
            found.push((format!("[{i}].at"), format!("`{}` is no place on a ladder", shouwen_kernel::text::clip(&rung.at, 40)), RULE.to_owned()));
        }
        if ladder[..i].iter().any(|other| other.at == rung.at && other.clocks == rung.clocks) {
            found.push((format!("[{i}].at"), format!("`{}` stands here twice", shouwen_kernel::text::clip(&rung.at, 40)), "one rung with all its recipients in `to`".into()));
        }
        if rung.to.is_empty() || rung.to.len() > 20 {
            found.push((format!("[{i}].to"), format!("{} recipients", rung.to.len()), format!("1 to 20 of {}, or keys of roles", PARTIES.join(", "))));
        }
        for (j, to) in rung.to.iter().enumerate().filter(|(_, to)| !shouwen_web::is_pack_key(to)) {
            found.push((format!("[{i}].to[{j}]"), format!("`{}` is neither a party nor the key of a role", shouwen_kernel::text::clip(to, 40)), format!("{}, or the key of a role", PARTIES.join(", "))));
        }
        for (j, clock) in rung.clocks.iter().enumerate().filter(|(_, clock)| !clocks.contains(&clock.as_str())) {
            found.push((format!("[{i}].clocks[{j}]"), format!("there is no clock `{}` here", shouwen_kernel::text::clip(clock, 40)), clocks.join(", ")));
        }
    }
    found
}

/// Whether what is to be told at `at` has been told: it was, and its moment still lies behind us; or it was told for a moment
/// that is not earlier. `at` null: the clock rests, and nothing changes.
pub fn behind(told: bool, told_for: Option<Time>, at: Option<Time>, now: Time) -> bool {
    match at {
        None => told,
        Some(at) => (told && at <= now) || told_for.is_some_and(|told_for| at <= told_for),
    }
}

/// The rungs for a clock as it is planned now. A rung that lies ahead is still to be told; one behind us stays as it was.
pub fn steps(ladder: &[Rung], kind: &str, calendar: &Calendar, clock: &shouwen_worktime::Clock<'_>, before: &[LadderStep], now: Time) -> Result<Vec<LadderStep>> {
    let mut steps = Vec::new();
    for rung in ladder.iter().filter(|rung| rung.clocks.is_empty() || rung.clocks.iter().any(|own| own == kind)) {
        let at = match place(&rung.at) {
            None => continue,
            Some(Place::Share(share)) => clock.warn_at(share),
            Some(Place::Beyond(budget)) => match clock.due() {
                Ok(Some(due)) => calendar.working_time(due, budget).and_then(|extra| clock.after_due(extra)),
                other => other,
            },
        };
        let at = at.map_err(|fault| engine::problem(&fault))?.map(Time::from_micros);
        // Exactly at the target is still in time, and so is the rung of 100 %: it is told a microsecond later.
        let at = at.map(|at| if rung.at == "100%" { at.plus_micros(1) } else { at });
        let known = before.iter().find(|step| step.step == rung.at);
        let told_for = known.and_then(|step| step.told_for);
        let told = behind(known.is_some_and(|step| step.told), told_for, at, now);
        steps.push(LadderStep { step: rung.at.clone(), at, to: rung.to.clone(), told, told_for });
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_shares_or_time_beyond() {
        assert_eq!(place("80%"), Some(Place::Share(0.8)));
        assert!(matches!(place("+4h"), Some(Place::Beyond(_))) && matches!(place("+1wd"), Some(Place::Beyond(_))));
        for wrong in ["", "80", "%", "0%", "1e2%", "-5%", "99999%", "4h", "+", "+soon"] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_ladder_with_faults_tells_each_with_its_place() {
        let rung = |at: &str, to: &[&str], clocks: &[&str]| Rung { at: at.into(), to: to.iter().map(ToString::to_string).collect(), clocks: clocks.iter().map(ToString::to_string).collect() };
        assert!(faults(&[rung("50%", &["assignee"], &[]), rung("+4h", &["manager", "lead"], &["resolution"])], &["resolution"]).is_empty());
        let told = faults(&[rung("soon", &[], &["x"]), rung("50%", &["A b"], &[]), rung("50%", &["team"], &[])], &["resolution"]);
        assert_eq!(told.iter().map(|f| f.0.as_str()).collect::<Vec<_>>(), ["[0].at", "[0].to", "[0].clocks[0]", "[1].to[0]", "[2].at"]);
    }
}
