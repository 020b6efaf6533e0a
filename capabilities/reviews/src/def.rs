//! Flows and authorities as data: what packs and the page write, and what is wrong with them.

use serde::{Deserialize, Serialize};
use shouwen_kernel::PersonId;
use shouwen_web::{PACK_KEY_RULE, PackText, is_pack_key};
use shouwen_worktime::Budget;
use utoipa::ToSchema;

use crate::amount;
use crate::steps::Mode;

/// The flow that is used where one of another key is wanted and there is none.
pub const DEFAULT_FLOW: &str = "solution";
/// Words for people besides `role:KEY` and `person:ID`.
pub const WORDS: [&str; 4] = ["team_lead", "department_lead", "above", "administrators"];
const WHO_RULE: &str = "role:KEY, person:ID, team_lead, department_lead, above or administrators";
const MOST_STEPS: usize = 20;
const MOST_WHO: usize = 50;

fn yes() -> bool {
    true
}
fn is_true(value: &bool) -> bool {
    *value
}
fn is_false(value: &bool) -> bool {
    !*value
}
fn twelve() -> u32 {
    12
}

/// What happens when nobody of a step can decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Nobody {
    /// The administrators of the workspace decide; the reason is noted.
    #[default]
    Administrators,
    /// The request is refused, and says whom it lacks.
    Refuse,
}

/// A step: who decides, how many of them, until when, and who is called in when it is late.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepDef {
    #[schema(value_type = Object)]
    pub title: PackText,
    /// `role:KEY`, `person:ID`, `team_lead`, `department_lead`, `above`, `administrators`.
    pub who: Vec<String>,
    /// Asked when nobody of `who` can decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<String>,
    #[serde(default)]
    pub mode: Mode,
    /// `4h`, `2wd` …: working time, unless the flow runs around the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// Called in when the limit has passed; also `next`: those of the next step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late: Vec<String>,
}

/// Acting at once, written up afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmergencyDef {
    /// Until when it must be written up, around the clock: `24h`.
    pub write_up: String,
    /// Told, besides whoever asked, when it is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late: Vec<String>,
}

/// How a solution (or anything else without an amount) is reviewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FlowDef {
    pub key: String,
    #[schema(value_type = Object)]
    pub title: PackText,
    /// Whoever asked may decide it too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub own: bool,
    /// Limits count day and night; else the working time of the workspace.
    #[serde(default, skip_serializing_if = "is_false")]
    pub around_the_clock: bool,
    /// Key or name of a working calendar that limits are counted by; absent: the working hours of reviews.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    /// Letters carry a link that decides; else they only tell.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub by_mail: bool,
    #[serde(default)]
    pub nobody: Nobody,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<EmergencyDef>,
    pub step: Vec<StepDef>,
}

/// Up to an amount: who may grant it themselves, and who approves it else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TierDef {
    /// `500` or `1000.50`, inclusive; the last tier may leave it out: any amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<String>,
    /// Who need not ask anybody; empty: nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alone: Vec<String>,
    #[serde(default)]
    pub step: Vec<StepDef>,
}

/// Who may grant what, by amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthorityDef {
    pub key: String,
    #[schema(value_type = Object)]
    pub title: PackText,
    /// ISO 4217, e.g. `CNY`.
    pub currency: String,
    /// The table itself is looked at again after so many months.
    #[serde(default = "twelve")]
    pub review_months: u32,
    /// Who is told then; empty: the administrators.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owner: Vec<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub own: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub around_the_clock: bool,
    /// As of a flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub by_mail: bool,
    #[serde(default)]
    pub nobody: Nobody,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<EmergencyDef>,
    pub tier: Vec<TierDef>,
}

/// What one review follows, from the moment it is asked for: a later change of the flow leaves it alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub title: PackText,
    pub own: bool,
    pub around_the_clock: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    pub by_mail: bool,
    pub nobody: Nobody,
    pub emergency: Option<EmergencyDef>,
    pub step: Vec<StepDef>,
}

impl FlowDef {
    pub fn plan(&self) -> Plan {
        let FlowDef { title, own, around_the_clock, calendar, by_mail, nobody, emergency, step, .. } = self.clone();
        Plan { title, own, around_the_clock, calendar, by_mail, nobody, emergency, step }
    }
}

impl AuthorityDef {
    /// The tier that an amount of minor units falls into.
    pub fn tier_of(&self, minor: i64) -> Option<&TierDef> {
        self.tier.iter().find(|tier| tier.up_to.as_deref().is_none_or(|limit| amount::minor(limit, &self.currency).is_some_and(|limit| minor <= limit)))
    }
    pub fn plan(&self, tier: &TierDef) -> Plan {
        let AuthorityDef { title, own, around_the_clock, calendar, by_mail, nobody, emergency, .. } = self.clone();
        Plan { title, own, around_the_clock, calendar, by_mail, nobody, emergency, step: tier.step.clone() }
    }
}

/// One thing that is wrong: its path inside the definition (`step[0].who[1]`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DefFault {
    pub path: String,
    pub wrong: String,
    pub right: String,
}

struct Faults(Vec<DefFault>);

impl Faults {
    fn add(&mut self, path: impl Into<String>, wrong: impl Into<String>, right: impl Into<String>) {
        self.0.push(DefFault { path: path.into(), wrong: wrong.into(), right: right.into() });
    }
    fn key(&mut self, key: &str) {
        if !is_pack_key(key) {
            self.add("key", format!("`{}` cannot be a key", shouwen_kernel::text::clip(key, 60)), PACK_KEY_RULE);
        }
    }
    fn title(&mut self, path: &str, title: &PackText) {
        for (name, text) in [("zh", &title.zh), ("en", &title.en)] {
            if text.trim().is_empty() || text.chars().count() > 120 {
                self.add(format!("{path}.{name}"), "the title is empty or longer than 120 characters", "a short name in this language");
            }
        }
    }
    fn who(&mut self, path: &str, who: &[String], next: bool) {
        if who.len() > MOST_WHO {
            self.add(path, format!("{} entries", who.len()), format!("at most {MOST_WHO}"));
        }
        for (i, word) in who.iter().enumerate() {
            let known = WORDS.contains(&word.as_str())
                || (next && word == "next")
                || word.strip_prefix("role:").is_some_and(|key| !key.is_empty() && key.len() <= 60 && !key.contains(char::is_whitespace))
                || word.strip_prefix("person:").is_some_and(|id| id.parse::<PersonId>().is_ok());
            if !known {
                let right = if next { format!("{WHO_RULE}; or next") } else { WHO_RULE.to_owned() };
                self.add(format!("{path}[{i}]"), format!("`{}` names nobody", shouwen_kernel::text::clip(word, 60)), right);
            }
        }
    }
    fn limit(&mut self, path: &str, text: &str) {
        let good = text.parse::<Budget>().is_ok_and(|budget| match budget {
            Budget::Time(micros) => micros > 0,
            Budget::WorkingDays(days) => days > 0,
        });
        if !good {
            self.add(path, format!("`{}` is no span of time", shouwen_kernel::text::clip(text, 30)), "such as 4h, 30m or 2wd (working days)");
        }
    }
    fn calendar(&mut self, calendar: Option<&str>, around_the_clock: bool) {
        match calendar {
            Some(name) if name.trim().is_empty() || name.chars().count() > 80 => self.add("calendar", "the name is empty or longer than 80 characters", "key or name of a working calendar; or leave it out"),
            Some(_) if around_the_clock => self.add("calendar", "day and night need no calendar", "either `calendar` or `around_the_clock`"),
            _ => {}
        }
    }
    fn emergency(&mut self, emergency: Option<&EmergencyDef>) {
        let Some(emergency) = emergency else { return };
        self.limit("emergency.write_up", &emergency.write_up);
        if emergency.write_up.parse::<Budget>().is_ok_and(|b| matches!(b, Budget::WorkingDays(_))) {
            self.add("emergency.write_up", "an emergency is written up around the clock", "hours, such as 24h");
        }
        self.who("emergency.late", &emergency.late, false);
    }
    fn steps(&mut self, at: &str, steps: &[StepDef], around_the_clock: bool) {
        if steps.len() > MOST_STEPS {
            self.add(format!("{at}step"), format!("{} steps", steps.len()), format!("at most {MOST_STEPS}"));
        }
        for (i, step) in steps.iter().enumerate() {
            let path = format!("{at}step[{i}]");
            self.title(&format!("{path}.title"), &step.title);
            if step.who.is_empty() {
                self.add(format!("{path}.who"), "nobody is asked", WHO_RULE);
            }
            self.who(&format!("{path}.who"), &step.who, false);
            self.who(&format!("{path}.otherwise"), &step.otherwise, false);
            self.who(&format!("{path}.late"), &step.late, true);
            if let Some(limit) = &step.limit {
                self.limit(&format!("{path}.limit"), limit);
                if around_the_clock && limit.parse::<Budget>().is_ok_and(|b| matches!(b, Budget::WorkingDays(_))) {
                    self.add(format!("{path}.limit"), "there are no working days around the clock", "hours, such as 24h");
                }
            }
            if !step.late.is_empty() && step.limit.is_none() {
                self.add(format!("{path}.late"), "a step without a limit is never late", "a line `limit = \"8h\"`");
            }
            if i + 1 == steps.len() && step.late.iter().any(|word| word == "next") {
                self.add(format!("{path}.late"), "there is no next step", WHO_RULE);
            }
        }
    }
}

/// Everything that is wrong with a flow.
pub fn check_flow(flow: &FlowDef) -> Vec<DefFault> {
    let mut faults = Faults(Vec::new());
    faults.key(&flow.key);
    faults.title("title", &flow.title);
    if flow.step.is_empty() {
        faults.add("step", "there is no step", "at least one step with title and who");
    }
    faults.steps("", &flow.step, flow.around_the_clock);
    faults.calendar(flow.calendar.as_deref(), flow.around_the_clock);
    faults.emergency(flow.emergency.as_ref());
    faults.0
}

/// Everything that is wrong with an authority.
pub fn check_authority(authority: &AuthorityDef) -> Vec<DefFault> {
    let mut faults = Faults(Vec::new());
    faults.key(&authority.key);
    faults.title("title", &authority.title);
    if !amount::is_currency(&authority.currency) {
        faults.add("currency", format!("`{}` is no currency", shouwen_kernel::text::clip(&authority.currency, 20)), "three capital letters, such as CNY");
    }
    if !(1..=120).contains(&authority.review_months) {
        faults.add("review_months", format!("{} months", authority.review_months), "1 to 120; 12 is once a year");
    }
    faults.who("owner", &authority.owner, false);
    faults.calendar(authority.calendar.as_deref(), authority.around_the_clock);
    faults.emergency(authority.emergency.as_ref());
    if authority.tier.is_empty() || authority.tier.len() > MOST_STEPS {
        faults.add("tier", format!("{} tiers", authority.tier.len()), format!("1 to {MOST_STEPS}"));
    }
    let mut before: Option<i64> = None;
    for (i, tier) in authority.tier.iter().enumerate() {
        let at = format!("tier[{i}]");
        match tier.up_to.as_deref() {
            None if i + 1 < authority.tier.len() => faults.add(format!("{at}.up_to"), "a tier without a limit leaves nothing for the next one", "a line `up_to = \"500\"`; only the last tier may leave it out"),
            None => {}
            Some(text) => match amount::minor(text, &authority.currency) {
                None => faults.add(format!("{at}.up_to"), format!("`{}` is no amount", shouwen_kernel::text::clip(text, 30)), "a plain number such as 500 or 1000.50"),
                Some(limit) if before.is_some_and(|before| limit <= before) => faults.add(format!("{at}.up_to"), "it is not above the tier before", "tiers in rising order"),
                Some(limit) => before = Some(limit),
            },
        }
        faults.who(&format!("{at}.alone"), &tier.alone, false);
        if tier.step.is_empty() {
            faults.add(format!("{at}.step"), "nobody approves here", "step = [{ title = { zh, en }, who = [\"role:manager\"] }]");
        }
        faults.steps(&format!("{at}."), &tier.step, authority.around_the_clock);
    }
    faults.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority(tiers: &[Option<&str>]) -> AuthorityDef {
        let step = StepDef { title: PackText { zh: "批".into(), en: "Approve".into() }, who: vec!["team_lead".into()], otherwise: vec![], mode: Mode::Any, limit: None, late: vec![] };
        AuthorityDef {
            key: "compensation".into(),
            title: PackText { zh: "补偿".into(), en: "Compensation".into() },
            currency: "CNY".into(),
            review_months: 12,
            owner: vec![],
            own: false,
            around_the_clock: false,
            calendar: None,
            by_mail: true,
            nobody: Nobody::Refuse,
            emergency: None,
            tier: tiers.iter().map(|limit| TierDef { up_to: limit.map(str::to_owned), alone: vec![], step: vec![step.clone()] }).collect(),
        }
    }

    #[test]
    fn an_amount_falls_into_the_first_tier_that_holds_it_and_the_limit_itself_is_inside() {
        let table = authority(&[Some("200"), Some("2000.50"), None]);
        assert!(check_authority(&table).is_empty());
        let index = |minor: i64| table.tier_of(minor).and_then(|found| table.tier.iter().position(|t| std::ptr::eq(t, found)));
        assert_eq!((index(20_000), index(20_001), index(200_050), index(200_051)), (Some(0), Some(1), Some(1), Some(2)));
        assert!(authority(&[Some("200")]).tier_of(20_001).is_none(), "beyond the table nobody may grant it");
    }

    #[test]
    fn every_fault_is_told_at_its_place() {
        let mut wrong = authority(&[None, Some("5"), Some("5")]);
        wrong.currency = "yuan".into();
        wrong.tier[1].step[0].who = vec!["boss".into()];
        wrong.tier[1].step[0].late = vec!["next".into()];
        let paths: Vec<String> = check_authority(&wrong).into_iter().map(|f| f.path).collect();
        assert_eq!(paths, ["currency", "tier[0].up_to", "tier[1].step[0].who[0]", "tier[1].step[0].late", "tier[1].step[0].late", "tier[2].up_to"]);
    }
}
