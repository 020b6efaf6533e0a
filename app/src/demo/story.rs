//! Who writes what and when, and what becomes of it: a plan made from a seed, without looking at the product.

use std::collections::VecDeque;

use shouwen_kernel::{CaseId, PersonId, Time};

use super::texts::{NOTES, TOPICS, Topic};

/// A small repeatable source of chance (SplitMix64).
pub struct Chance(u64);

impl Chance {
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    /// 0 to `n` − 1.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
    pub fn percent(&mut self, n: usize) -> bool {
        self.below(100) < n
    }
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
    /// Hours that are mostly near `mean` and sometimes much longer.
    fn hours(&mut self, mean: f64) -> f64 {
        let u = (self.below(9_999) + 1) as f64 / 10_000.0;
        (-u.ln() * mean).clamp(0.1, mean * 6.0)
    }
}

/// What happens next in a matter.
#[derive(Clone, Debug)]
pub enum Step {
    /// The customer writes.
    Mail(String),
    /// The agent looks at it: type, priority, tags.
    Triage { kind: &'static str, priority: &'static str, tag: &'static str },
    Reply { text: String, then: Option<&'static str> },
    /// An internal note; `mention`: the lead is asked to look.
    Note { text: &'static str, mention: bool },
    Transfer { team: usize },
    Close { code: &'static str },
    /// The customer wrote twice about one matter; the other one's place in the list.
    Duplicate { of: usize },
}

impl Step {
    pub fn is_mail(&self) -> bool {
        matches!(self, Self::Mail(_))
    }
}

/// One customer's matter.
pub struct Matter {
    pub topic: &'static Topic,
    pub subject: &'static str,
    pub customer: usize,
    pub inbox: usize,
    pub at: Time,
    /// Hours to wait before each, then the step.
    pub steps: VecDeque<(f64, Step)>,
    /// The weekend shift serves it.
    pub weekend: bool,
    // What became of it, as the log tells.
    pub mails: usize,
    pub case: Option<CaseId>,
    pub assignee: Option<PersonId>,
    pub team: usize,
    pub ended: bool,
}

const SHIFT: i64 = 8 * 3600;

fn local(at: Time) -> jiff::Zoned {
    at.plus_seconds(SHIFT).to_jiff().to_zoned(jiff::tz::TimeZone::UTC)
}

fn staffed(at: Time, weekend: bool) -> bool {
    let now = local(at);
    let minutes = i64::from(now.hour()) * 60 + i64::from(now.minute());
    let free = now.weekday().to_monday_zero_offset() >= 5 || (now.month() == 10 && now.day() <= 7);
    if free { weekend && (540..1020).contains(&minutes) } else { (510..1080).contains(&minutes) }
}

/// `hours` of staffed time after `from`.
pub fn after_work(from: Time, hours: f64, weekend: bool) -> Time {
    let mut left = (hours * 3600.0) as i64;
    let mut at = from;
    while left > 0 {
        let step = left.min(600);
        if staffed(at, weekend) {
            left -= step;
            at = at.plus_seconds(step);
        } else {
            at = at.plus_seconds(600);
        }
    }
    at
}

/// `hours` after `from`, not in the middle of the night.
pub fn after_life(from: Time, hours: f64) -> Time {
    let at = from.plus_seconds((hours * 3600.0) as i64);
    let now = local(at);
    if (7..23).contains(&now.hour()) { at } else { at.plus_seconds(9 * 3600) }
}

/// Inboxes for Chinese matters: north, east, south, south-west, with the east the busiest.
const SHARES: [usize; 10] = [0, 0, 1, 1, 1, 1, 3, 3, 4, 4];

/// Everything that comes in between `start` and `end`, in the order of arrival.
pub fn plan(start: Time, end: Time, seed: u64) -> Vec<Matter> {
    let mut chance = Chance::seeded(seed);
    let days = ((end.micros() - start.micros()) / 86_400_000_000).max(1);
    let mut matters: Vec<Matter> = Vec::new();
    let midnight = start.seconds() - (start.seconds() + SHIFT).rem_euclid(86_400);
    for day in 0..=days {
        let morning = Time::from_seconds(midnight + day * 86_400);
        let free = local(morning).weekday().to_monday_zero_offset() >= 5;
        let usual = if free { 3 + chance.below(3) } else { 8 + chance.below(4) + (day * 3 / days) as usize };
        let storm = if day == days * 2 / 3 && days > 10 { 18 } else { 0 };
        let mut times: Vec<(i64, bool)> = (0..usual + storm)
            .map(|i| {
                let hour = *chance.pick(&[8, 9, 9, 9, 10, 10, 10, 11, 11, 13, 14, 14, 15, 15, 16, 17, 18, 19, 20, 20, 21]);
                (hour * 3600 + chance.below(3600) as i64, i >= usual)
            })
            .collect();
        times.sort_unstable();
        for (second, storm) in times {
            let at = morning.plus_seconds(second);
            if at <= start || at >= end {
                continue;
            }
            let late = end.micros() - at.micros() < 8 * 86_400_000_000;
            let matter = one(&mut chance, at, storm, late);
            let twice = chance.percent(4) && !storm;
            let (topic, subject, customer, inbox) = (matter.topic, matter.subject, matter.customer, matter.inbox);
            matters.push(matter);
            if twice {
                let of = matters.len() - 1;
                let mut again = Matter { topic, subject, customer, inbox, at: at.plus_seconds(1500), steps: VecDeque::new(), weekend: false, mails: 0, case: None, assignee: None, team: 0, ended: false };
                let text = if topic.english { "I wrote half an hour ago and have no answer yet. Please reply." } else { "刚才已经发过一封，不知道有没有收到，再发一次，请尽快处理。" };
                again.steps = [(0.0, Step::Mail(text.to_owned())), (0.3, Step::Duplicate { of })].into();
                matters.push(again);
            }
        }
    }
    matters
}

fn one(chance: &mut Chance, at: Time, storm: bool, late: bool) -> Matter {
    let topic = if storm { &TOPICS[0] } else { weighted(chance) };
    let (subject, text) = *chance.pick(topic.asks);
    let inbox = match (storm, topic.english, topic.kind) {
        (true, ..) => 1,
        (_, true, _) => 2,
        (_, _, "complaint") if chance.percent(60) => 5,
        _ => *chance.pick(&SHARES),
    };
    let text = if topic.english { format!("{text}\n\nKind regards") } else { text.to_owned() };
    let mut steps: VecDeque<(f64, Step)> = [(0.0, Step::Mail(text))].into();
    let slow = chance.percent(11);
    let first = if slow { 5.0 + chance.hours(3.0) } else { chance.hours(1.1) };
    let priority = match chance.below(100) {
        0..6 => "urgent",
        6..24 => "high",
        24..32 => "low",
        _ => "normal",
    };
    let unseen = late && chance.percent(16);
    if !unseen {
        if topic.kind != "request" || priority != "normal" || chance.percent(30) {
            steps.push_back((first * 0.6, Step::Triage { kind: topic.kind, priority, tag: topic.tag }));
            lot(chance, topic, first * 0.4, late, &mut steps);
        } else {
            lot(chance, topic, first, late, &mut steps);
        }
    }
    Matter { topic, subject, customer: chance.below(430), inbox, at, steps, weekend: chance.percent(30), mails: 0, case: None, assignee: None, team: 0, ended: false }
}

fn weighted(chance: &mut Chance) -> &'static Topic {
    let total: u64 = TOPICS.iter().map(|t| t.weight).sum();
    let mut at = chance.next() % total;
    for topic in TOPICS {
        if at < topic.weight {
            return topic;
        }
        at -= topic.weight;
    }
    &TOPICS[0]
}

/// How a matter goes on from its first answer, `wait` hours from now.
fn lot(chance: &mut Chance, topic: &'static Topic, wait: f64, late: bool, steps: &mut VecDeque<(f64, Step)>) {
    let answer = |chance: &mut Chance| (*chance.pick(topic.answers)).to_owned();
    let adds = |chance: &mut Chance| (*chance.pick(topic.adds)).to_owned();
    let say = |zh: &'static str, en: &'static str| if topic.english { en } else { zh }.to_owned();
    let reply = |text: String, then: Option<&'static str>| Step::Reply { text, then };
    let thanks = say("感谢您的配合，问题已经处理完毕，如有需要请随时联系我们。", "Thank you, this is settled now. Please write again whenever you need us.");
    let stuck = late && chance.percent(40);
    if stuck {
        let then = chance.percent(40).then_some("wait");
        steps.push_back((wait, reply(answer(chance), then)));
        if chance.percent(50) {
            steps.push_back((chance.hours(9.0), Step::Mail(adds(chance))));
        }
        return;
    }
    match chance.below(100) {
        0..38 => steps.push_back((wait, reply(answer(chance), Some("close")))),
        38..56 => {
            steps.push_back((wait, reply(answer(chance), Some("wait"))));
            steps.push_back((chance.hours(12.0), Step::Mail(adds(chance))));
            steps.push_back((chance.hours(1.5), reply(thanks, Some("close"))));
        }
        56..72 if topic.second_line != 0 => {
            steps.push_back((wait, reply(say("您好，已经受理，我会请专业班组处理并全程跟进。", "Hello, we have passed this to our specialists and will follow it to the end."), None)));
            steps.push_back((0.3, Step::Note { text: *chance.pick(NOTES), mention: chance.percent(50) }));
            steps.push_back((0.1, Step::Transfer { team: topic.second_line }));
            steps.push_back((chance.hours(4.0), reply(answer(chance), None)));
            steps.push_back((chance.hours(5.0), Step::Close { code: "solved" }));
        }
        72..79 => {
            steps.push_back((wait, reply(answer(chance), Some("close"))));
            steps.push_back((18.0 + chance.hours(24.0), Step::Mail(say("问题还是没有解决，请重新处理。", "Sorry, it is still not solved."))));
            steps.push_back((chance.hours(1.5), reply(answer(chance), Some("close"))));
        }
        79..90 => {
            steps.push_back((wait, reply(answer(chance), None)));
            steps.push_back((chance.hours(8.0), Step::Mail(adds(chance))));
            steps.push_back((0.5, Step::Note { text: *chance.pick(NOTES), mention: chance.percent(35) }));
            steps.push_back((chance.hours(2.0), reply(thanks, Some("resolve"))));
            steps.push_back((14.0, Step::Close { code: "solved" }));
        }
        90..95 => {
            steps.push_back((wait, reply(answer(chance), Some("wait"))));
            steps.push_back((27.0, Step::Close { code: "no_answer" }));
        }
        95..97 => {
            // Goes on for weeks.
            steps.push_back((wait, reply(answer(chance), None)));
            steps.push_back((chance.hours(20.0), Step::Mail(adds(chance))));
        }
        _ => {
            steps.push_back((wait, reply(answer(chance), Some("resolve"))));
            steps.push_back((18.0, Step::Close { code: "explained" }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_tells_the_same_story() {
        let (from, to) = (Time::from_seconds(1_772_413_200), Time::from_seconds(1_772_413_200 + 40 * 86_400));
        let tell = |seed| plan(from, to, seed).iter().map(|m| (m.at, m.subject, m.steps.len())).collect::<Vec<_>>();
        assert_eq!(tell(1), tell(1));
        assert_ne!(tell(1), tell(2));
        assert!(tell(1).len() > 200);
    }
}
