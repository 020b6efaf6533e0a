//! A threshold as data: what is counted, by what, over which time, and from which count on who has to do what.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shouwen_kernel::{Time, text::clip};
use shouwen_rules::{Condition, FieldDef, FieldKind, Party, Span, Vocabulary, Words, evaluate, text};
use shouwen_web::{PACK_KEY_RULE, PackText, is_pack_key};

use crate::facts::Fact;
use crate::maths::{Grade, Rise, bucket_of, step_of};

/// Longest window.
pub const LONGEST_WINDOW: i64 = 31 * 86_400;
/// What separates the parts of a group's name.
pub const BETWEEN: char = '\u{1f}';

/// What groups may be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ThresholdBy)]
#[serde(rename_all = "snake_case")]
pub enum By {
    Category,
    Region,
    Product,
}

/// One grade of a threshold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ThresholdGrade)]
#[serde(deny_unknown_fields)]
pub struct Level {
    pub grade: Grade,
    /// The count from which it is reached.
    pub limit: i64,
    /// What has to be done.
    pub response: PackText,
    /// Hours until somebody has answered what is done.
    pub within_hours: i64,
    /// Key of the calendar these hours, and those of the ladder, are counted in; absent: as the clock runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    /// Who is told: `role:KEY`, `role:KEY@region` (those of the region's unit), `team:NAME`, `person:ID`.
    pub to: Vec<String>,
}

/// A sudden rise against the same hour of earlier weeks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ThresholdBand)]
#[serde(deny_unknown_fields)]
pub struct BandRule {
    /// Earlier weeks looked at, 4 to 26.
    #[serde(default = "eight")]
    pub weeks: i64,
    /// How many spreads above the median, 1 to 10.
    #[serde(default = "three_and_a_half")]
    pub k: f64,
    /// Fewer are never a rise.
    #[serde(default = "five")]
    pub min_count: i64,
    /// The grade a rise has.
    #[serde(default = "yellow")]
    pub grade: Grade,
}

/// Who hears of it when nobody has answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ThresholdRung)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// Hours after the deadline.
    pub after_hours: i64,
    pub to: Vec<String>,
}

fn eight() -> i64 {
    8
}
fn three_and_a_half() -> f64 {
    3.5
}
fn five() -> i64 {
    5
}
fn yellow() -> Grade {
    Grade::Yellow
}
fn yes() -> bool {
    true
}

/// A threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = WarningThreshold)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    pub key: String,
    pub title: PackText,
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Case types; empty: all that come from customers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// A category, with everything below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// A further condition in its text form.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Counted apart for each of these; empty: all together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<By>,
    /// Level of the tree that categories are grouped at, 1 = the top; absent: as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<i64>,
    /// How far back is counted: `30m`, `2h`, `1d`.
    pub window: String,
    #[serde(default)]
    pub grade: Vec<Level>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band: Option<BandRule>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ladder: Vec<Rung>,
}

/// Something wrong with a threshold: path, what is wrong, what would be right.
pub type Wrong = (String, String, String);

/// Seconds of `30m`, `2h`, `1d`.
pub fn seconds(window: &str) -> Option<i64> {
    window.trim().parse::<Span>().ok().and_then(|span| span.seconds()).filter(|s| *s > 0)
}

/// What conditions of thresholds may ask.
pub fn vocabulary() -> Vocabulary {
    let field = |name: &str, zh: &str, en: &str| FieldDef { name: name.to_owned(), kind: FieldKind::Text, label: Words::new(zh, en), choices: Vec::new(), writable: false };
    let mut vocabulary = Vocabulary { open: Vec::new(), ..Vocabulary::default() };
    for (name, zh, en) in [
        ("type", "事项类型", "case type"),
        ("category", "类别", "category"),
        ("region", "地区", "region"),
        ("product", "产品", "product"),
        ("cause", "原因", "cause"),
        ("responsibility", "责任", "responsibility"),
        ("channel", "渠道", "channel"),
        ("tier", "客户等级", "customer tier"),
        ("priority", "优先级", "priority"),
    ] {
        vocabulary.add_field(field(name, zh, en));
    }
    vocabulary
}

impl Threshold {
    /// Length of the window in seconds.
    pub fn window_s(&self) -> i64 {
        seconds(&self.window).unwrap_or(3600)
    }
    /// Length of its buckets in seconds.
    pub fn step(&self) -> i64 {
        step_of(self.window_s())
    }
    /// Its fixed limits.
    pub fn limits(&self) -> Vec<(Grade, i64)> {
        self.grade.iter().map(|level| (level.grade, level.limit)).collect()
    }
    /// What a sudden rise is.
    pub fn rise(&self) -> Option<Rise> {
        self.band.as_ref().map(|band| Rise { grade: band.grade, min_count: band.min_count })
    }
    /// What is done at a grade: its own level, or (a rise) the nearest milder one, else the mildest.
    pub fn level_of(&self, grade: Grade) -> Option<&Level> {
        self.grade.iter().filter(|level| level.grade <= grade).max_by_key(|level| level.grade).or_else(|| self.grade.iter().min_by_key(|level| level.grade))
    }
    /// The condition, if it can be read.
    pub fn reads(&self) -> Option<Condition> {
        self.condition.as_deref().filter(|t| !t.trim().is_empty()).and_then(|t| text::parse(t).ok())
    }

    /// The group and bucket a case counts in; `None`: it does not count.
    pub fn place(&self, fact: &Fact, condition: Option<&Condition>) -> Option<(String, i64)> {
        if fact.merged || fact.aside {
            return None;
        }
        let typed = if self.types.is_empty() { fact.channel != "internal" } else { self.types.contains(&fact.case_type) };
        let within = |wanted: &Option<String>, found: &Option<String>| wanted.as_ref().is_none_or(|w| found.as_ref() == Some(w));
        let in_category = self.category.as_ref().is_none_or(|w| fact.category.as_ref() == Some(w) || fact.path.contains(w));
        if !typed || !in_category || !within(&self.region, &fact.region) || !within(&self.product, &fact.product) {
            return None;
        }
        if condition.is_some_and(|c| !evaluate(c, &|field: &str| fact.value(field), 0)) {
            return None;
        }
        let part = |by: &By| match by {
            By::Category => match self.level {
                Some(level) => fact.path.get((level - 1).max(0) as usize).or(fact.category.as_ref()),
                None => fact.category.as_ref(),
            },
            By::Region => fact.region.as_ref(),
            By::Product => fact.product.as_ref(),
        };
        // Cases nobody has classified have nothing in common: they are not of one kind.
        if self.by.contains(&By::Category) && fact.category.is_none() {
            return None;
        }
        let parts: Vec<String> = self.by.iter().map(|by| part(by).map(|t| clip(t, 100)).unwrap_or_default()).collect();
        Some((parts.join(&BETWEEN.to_string()), bucket_of(fact.opened_at.seconds(), self.step())))
    }

    /// Category, region and product of a group; what the threshold itself is bound to where it is not grouped by.
    pub fn group_of(&self, grp: &str) -> Group {
        let mut group = Group { category: self.category.clone(), region: self.region.clone(), product: self.product.clone() };
        for (by, part) in self.by.iter().zip(grp.split(BETWEEN)) {
            let part = Some(part.to_owned()).filter(|p| !p.is_empty());
            match by {
                By::Category => group.category = part,
                By::Region => group.region = part,
                By::Product => group.product = part,
            }
        }
        group
    }

    /// Whether another definition counts the same cases into the same buckets.
    pub fn counts_like(&self, other: &Self) -> bool {
        let what = |t: &Self| json!([t.types, t.category, t.region, t.product, t.condition, t.by, t.level, t.step()]);
        what(self) == what(other)
    }

    /// Whether another one counts the same cases over the same time: one threshold climbs, two raise two warnings of one thing.
    pub fn doubles(&self, other: &Self) -> bool {
        self.enabled && other.enabled && self.window_s() == other.window_s() && self.counts_like(other)
    }

    /// Everything that is wrong with it.
    pub fn faults(&self) -> Vec<Wrong> {
        let mut faults: Vec<Wrong> = Vec::new();
        let mut wrong = |path: &str, what: String, right: &str| faults.push((path.to_owned(), what, right.to_owned()));
        if !is_pack_key(&self.key) {
            wrong("key", format!("`{}` cannot be a key", clip(&self.key, 60)), PACK_KEY_RULE);
        }
        let named = |t: &PackText, most: usize| [&t.zh, &t.en].iter().all(|s| !s.trim().is_empty() && s.chars().count() <= most);
        if !named(&self.title, 80) {
            wrong("title", "a title is empty or longer than 80 characters".into(), "{ zh = \"…\", en = \"…\" }");
        }
        for (name, value) in [("category", &self.category), ("region", &self.region), ("product", &self.product)] {
            if value.as_ref().is_some_and(|v| v.trim().is_empty() || v.chars().count() > 100) {
                wrong(name, format!("`{name}` is empty or longer than 100 characters"), "a key, or nothing at all");
            }
        }
        if self.types.len() > 50 || self.types.iter().any(|t| !is_pack_key(t)) {
            wrong("types", "a case type is no key, or there are more than 50".into(), "keys of case types, e.g. [\"complaint\"]");
        }
        match seconds(&self.window) {
            Some(s) if (300..=LONGEST_WINDOW).contains(&s) && s % step_of(s) == 0 => {}
            _ => wrong("window", format!("`{}` is not a window", clip(&self.window, 40)), "5m to 31d: `30m`, `2h`, `1d` (whole 10 minutes above 2h, whole hours above 12h)"),
        }
        if self.by.iter().enumerate().any(|(i, by)| self.by[..i].contains(by)) {
            wrong("by", "something stands twice".into(), "each of category, region, product at most once");
        }
        if self.level.is_some_and(|l| !(1..=6).contains(&l)) || self.level.is_some() && !self.by.contains(&By::Category) {
            wrong("level", "the level is out of range, or categories are not grouped by".into(), "1 to 6, together with by = [\"category\"]");
        }
        if let Some(given) = &self.condition {
            for fault in vocabulary().read(given).err().unwrap_or_default() {
                wrong("where", fault.wrong, &fault.right);
            }
        }
        if self.grade.is_empty() {
            wrong("grade", "there is no grade".into(), "at least one [[threshold.grade]]");
        }
        for (i, level) in self.grade.iter().enumerate() {
            let at = |field: &str| format!("grade[{i}].{field}");
            if self.grade[..i].iter().any(|other| other.grade == level.grade) {
                wrong(&at("grade"), format!("{} stands twice", level.grade.word()), "each grade at most once");
            }
            if !(1..=1_000_000).contains(&level.limit) {
                wrong(&at("limit"), format!("{} is not a limit", level.limit), "1 to 1000000");
            }
            if let Some(other) = self.grade.iter().find(|o| o.grade < level.grade && o.limit >= level.limit) {
                wrong(&at("limit"), format!("{} is reached at {} and {} at {}", level.grade.word(), level.limit, other.grade.word(), other.limit), "a higher count for a higher grade");
            }
            if !named(&level.response, 500) {
                wrong(&at("response"), "the required response is empty or longer than 500 characters".into(), "{ zh = \"…\", en = \"…\" }");
            }
            if !(1..=720).contains(&level.within_hours) {
                wrong(&at("within_hours"), format!("{} hours", level.within_hours), "1 to 720");
            }
            if level.calendar.as_deref().is_some_and(|key| !is_pack_key(key)) {
                wrong(&at("calendar"), "the calendar is no key".into(), PACK_KEY_RULE);
            }
            if level.to.is_empty() {
                wrong(&at("to"), "nobody is told".into(), "[\"role:supervisor\"]");
            }
            for (path, what, right) in parties(&at("to"), &level.to) {
                wrong(&path, what, &right);
            }
        }
        if let Some(band) = &self.band {
            if !(4..=26).contains(&band.weeks) {
                wrong("band.weeks", format!("{} weeks", band.weeks), "4 to 26");
            }
            if !(1.0..=10.0).contains(&band.k) {
                wrong("band.k", format!("k = {}", band.k), "1 to 10; 3.5 is usual");
            }
            if !(2..=1_000_000).contains(&band.min_count) {
                wrong("band.min_count", format!("{} cases", band.min_count), "2 or more: fewer are never a rise");
            }
            if self.window_s() > crate::maths::WEEK {
                wrong("band", "the window is longer than the week it is compared with".into(), "a window of at most 7d");
            }
        }
        let mut before = -1;
        for (i, rung) in self.ladder.iter().enumerate() {
            if !(0..=720).contains(&rung.after_hours) || rung.after_hours <= before {
                wrong(&format!("ladder[{i}].after_hours"), format!("{} hours after the deadline", rung.after_hours), "0 to 720, each later than the one before");
            }
            before = rung.after_hours;
            if rung.to.is_empty() {
                wrong(&format!("ladder[{i}].to"), "nobody is told".into(), "[\"role:manager\"]");
            }
            for (path, what, right) in parties(&format!("ladder[{i}].to"), &rung.to) {
                wrong(&path, what, &right);
            }
        }
        faults
    }
}

/// What is wrong with a list of who is told.
pub fn parties(path: &str, to: &[String]) -> Vec<Wrong> {
    to.iter()
        .enumerate()
        .filter_map(|(i, party)| match party.parse::<Party>() {
            Ok(Party::Person(id)) if id.parse::<shouwen_kernel::PersonId>().is_err() => Some((format!("{path}[{i}]"), format!("`{}` is no person's id", clip(&id, 40)), "person:per_…".to_owned())),
            Ok(Party::Person(_) | Party::Team(_) | Party::Role(_)) => None,
            Ok(_) | Err(_) => Some((format!("{path}[{i}]"), format!("`{}` names nobody", clip(party, 60)), "`role:KEY`, `role:KEY@region`, `team:NAME` or `person:ID`".to_owned())),
        })
        .collect()
}

/// What a warning is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    pub category: Option<String>,
    pub region: Option<String>,
    pub product: Option<String>,
}

impl Fact {
    /// A fact as conditions ask for it.
    pub fn value(&self, field: &str) -> Value {
        match field {
            "type" => json!(self.case_type),
            "category" => json!(self.category),
            "region" => json!(self.region),
            "product" => json!(self.product),
            "cause" => json!(self.cause),
            "responsibility" => json!(self.responsibility),
            "channel" => json!(self.channel),
            "tier" => json!(self.tier),
            "priority" => json!(self.priority),
            _ => Value::Null,
        }
    }
}

/// The beginning of the window that ends at `now`.
pub fn window_start(now: Time, window_s: i64) -> Time {
    now.plus_seconds(-window_s)
}
