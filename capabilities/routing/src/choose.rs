//! The choice itself, pure.

use serde::Serialize;
use shouwen_kernel::{OrgUnitId, PersonId};

/// What the case asks for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// `zh`, `en`; preferred, not demanded, when nobody speaks it.
    pub language: Option<String>,
    /// Skills named by tags (`skill:billing`) or by the team; demanded.
    pub skills: Vec<String>,
    /// The org unit it belongs to (属地): its own people come first.
    pub org_unit: Option<OrgUnitId>,
    /// The customer's tier and the skill its people have; preferred.
    pub tier: Option<(String, String)>,
}

/// Somebody who could take it.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub person: PersonId,
    pub name: String,
    pub online: bool,
    pub org_unit: Option<OrgUnitId>,
    pub skills: Vec<(String, u8)>,
    pub languages: Vec<String>,
    /// Open cases at once that assignment may give; 0: none.
    pub capacity: u32,
    /// Open cases now.
    pub load: u32,
}

/// How it came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Choice {
    /// This person, and why.
    Person { person: PersonId, reason: String },
    /// Nobody, and why not.
    Nobody { reason: String },
}

/// Chooses by skill, then tier, then region, then language, then relative load; ties go to the stronger skill and the older id.
pub fn choose(wanted: &Wanted, candidates: &[Candidate], online_only: bool, chinese: bool) -> Choice {
    let say = |zh: String, en: String| if chinese { zh } else { en };
    if candidates.is_empty() {
        return Choice::Nobody { reason: say("班组没有成员".into(), "the team has no members".into()) };
    }
    let present: Vec<&Candidate> = candidates.iter().filter(|c| !online_only || c.online).collect();
    if present.is_empty() {
        return Choice::Nobody { reason: say(format!("{} 名成员均不在线", candidates.len()), format!("none of {} members is online", candidates.len())) };
    }
    let skilled: Vec<&Candidate> = present.iter().copied().filter(|c| wanted.skills.iter().all(|s| level(c, s) > 0)).collect();
    if skilled.is_empty() {
        return Choice::Nobody { reason: say(format!("无人具备技能：{}", wanted.skills.join("、")), format!("nobody present has the skill: {}", wanted.skills.join(", "))) };
    }
    let free: Vec<&Candidate> = skilled.iter().copied().filter(|c| c.load < c.capacity).collect();
    if free.is_empty() {
        return Choice::Nobody { reason: say(format!("{} 人均已达接单上限", skilled.len()), format!("all {} who could have reached their limit", skilled.len())) };
    }
    let mut reasons = Vec::new();
    if !wanted.skills.is_empty() {
        reasons.push(say(format!("技能 {}", wanted.skills.join("、")), format!("skill {}", wanted.skills.join(", "))));
    }
    let trusted = prefer(&free, |c| wanted.tier.as_ref().is_some_and(|(_, skill)| level(c, skill) > 0));
    if let Some((tier, _)) = wanted.tier.as_ref().filter(|_| trusted.len() < free.len()) {
        reasons.push(say(format!("客户等级 {tier}"), format!("tier {tier}")));
    }
    let local = prefer(&trusted, |c| wanted.org_unit.is_some() && c.org_unit == wanted.org_unit);
    if local.len() < trusted.len() {
        reasons.push(say("属地优先".into(), "same region".into()));
    }
    let speaking = prefer(&local, |c| wanted.language.as_ref().is_some_and(|l| c.languages.iter().any(|own| own.starts_with(l.as_str()))));
    if speaking.len() < local.len() {
        let language = wanted.language.clone().unwrap_or_default();
        reasons.push(say(format!("语言 {language}"), format!("language {language}")));
    }
    // Relative load compared without fractions: a/b < c/d is a·d < c·b.
    let best = speaking.iter().copied().min_by(|a, b| {
        let (left, right) = (u64::from(a.load) * u64::from(b.capacity), u64::from(b.load) * u64::from(a.capacity));
        let strength = |c: &Candidate| wanted.skills.iter().map(|s| u32::from(level(c, s))).sum::<u32>();
        left.cmp(&right).then(strength(b).cmp(&strength(a))).then(a.person.cmp(&b.person))
    });
    match best {
        Some(c) => {
            reasons.push(say(format!("负荷最低（{}/{}）", c.load, c.capacity), format!("least busy ({} of {})", c.load, c.capacity)));
            Choice::Person { person: c.person, reason: reasons.join(if chinese { "，" } else { ", " }) }
        }
        None => Choice::Nobody { reason: say("没有合适的人".into(), "nobody fits".into()) },
    }
}

/// What stands before the reason when another team helps out.
pub fn helped(team: &str, minutes: i64, chinese: bool) -> String {
    let say = |zh: String, en: String| if chinese { zh } else { en };
    say(format!("支援“{team}”（已等 {minutes} 分钟），"), format!("helping “{team}” after {minutes} min, "))
}

fn level(candidate: &Candidate, skill: &str) -> u8 {
    candidate.skills.iter().find(|(own, _)| own == skill).map_or(0, |(_, level)| *level)
}

/// Those for whom `test` holds, or everybody when it holds for none.
fn prefer<'a>(from: &[&'a Candidate], test: impl Fn(&Candidate) -> bool) -> Vec<&'a Candidate> {
    let chosen: Vec<&Candidate> = from.iter().copied().filter(|c| test(c)).collect();
    if chosen.is_empty() { from.to_vec() } else { chosen }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shouwen_kernel::{Ids, Time};

    fn people() -> Vec<Candidate> {
        let ids = Ids::seeded(9);
        let at = Time::from_seconds(1);
        let unit = OrgUnitId(ids.uuid(at));
        let make = |name: &str, load, capacity, local: bool, skill: Option<u8>| Candidate {
            person: PersonId(ids.uuid(at)),
            name: name.into(),
            online: true,
            org_unit: local.then_some(unit),
            skills: skill.map(|l| vec![("billing".to_owned(), l)]).unwrap_or_default(),
            languages: vec!["zh-CN".into()],
            capacity,
            load,
        };
        vec![make("a", 5, 10, true, None), make("b", 1, 10, false, Some(2)), make("c", 2, 10, true, Some(4)), make("d", 0, 0, true, Some(5))]
    }

    fn chosen(wanted: &Wanted, people: &[Candidate]) -> String {
        match choose(wanted, people, true, false) {
            Choice::Person { person, .. } => people.iter().find(|c| c.person == person).map(|c| c.name.clone()).unwrap_or_default(),
            Choice::Nobody { reason } => reason,
        }
    }

    #[test]
    fn skill_is_demanded_region_preferred_load_decides() {
        let mut people = people();
        let unit = people[0].org_unit;
        assert_eq!(chosen(&Wanted::default(), &people), "b");
        assert_eq!(chosen(&Wanted { org_unit: unit, ..Wanted::default() }, &people), "c");
        assert_eq!(chosen(&Wanted { skills: vec!["billing".into()], ..Wanted::default() }, &people), "b");
        assert!(chosen(&Wanted { skills: vec!["repair".into()], ..Wanted::default() }, &people).contains("repair"));
        // The tier's people come first, wherever they sit; without them everybody counts.
        let gold = |skill: &str| Wanted { tier: Some(("gold".into(), skill.into())), org_unit: unit, ..Wanted::default() };
        people[1].skills.push(("key_accounts".into(), 3));
        assert_eq!(chosen(&gold("key_accounts"), &people), "b");
        assert_eq!(chosen(&gold("nobody_has_it"), &people), "c");
        people.iter_mut().for_each(|c| c.load = c.capacity);
        assert!(chosen(&Wanted::default(), &people).contains("limit"));
        people.iter_mut().for_each(|c| c.online = false);
        assert!(chosen(&Wanted::default(), &people).contains("online"));
    }
}
