//! The fields of the vocabulary for one case at one moment. What costs a look-up is looked up only when a rule asks.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::sync::OnceLock;

use serde_json::{Map, Value, json};
use shouwen_contracts::message::Content;
use shouwen_kernel::{PersonId, Problem, Result, Time};
use shouwen_rules::{Condition, FieldDef, FieldKind, Reason, Vocabulary, Words};
use shouwen_store::{Json, Tx, params};

use crate::loaded::Loaded;
use crate::state::{Happening, State};

/// The text of a message is looked through so far.
const LONGEST_TEXT: usize = 20_000;

/// Fields and events of the standard vocabulary nobody tells this capability yet: a rule on them would never be true.
const NOT_TOLD: &[&str] = &["customer.tags", "message.sentiment", "now.working"];
const NO_EVENTS: &[&str] = &["customer.saved", "schedule", "manual"];

/// What casework lets a rule write, beside answers of forms.
const WRITABLE: [&str; 4] = ["title", "priority", "type", "language"];

/// What rules of the house may speak of.
pub fn vocabulary() -> Vocabulary {
    let mut vocabulary = Vocabulary::standard();
    for field in &mut vocabulary.fields {
        field.writable &= WRITABLE.contains(&field.name.as_str());
    }
    vocabulary.fields.retain(|field| !NOT_TOLD.contains(&field.name.as_str()));
    vocabulary.events.retain(|event| !NO_EVENTS.contains(&event.name.as_str()));
    vocabulary.events.push(shouwen_rules::EventDef { name: "clock.escalated".to_owned(), label: Words::new("逐级上报", "clock escalated") });
    vocabulary.add_field(FieldDef { name: "clock.step".to_owned(), kind: FieldKind::Text, label: Words::new("上报级次", "step of the ladder"), choices: Vec::new(), writable: false });
    vocabulary.add_field(FieldDef { name: "resolution".to_owned(), kind: FieldKind::Text, label: Words::new("办结结果", "resolution"), choices: Vec::new(), writable: false });
    vocabulary
}

/// The same, for the words of reasons.
pub fn words() -> &'static Vocabulary {
    static WORDS: OnceLock<Vocabulary> = OnceLock::new();
    WORDS.get_or_init(vocabulary)
}

/// The facts of a case at a moment.
pub struct CaseFacts<'a, 't> {
    pub tx: &'a Tx<'t>,
    pub state: &'a State,
    pub happening: Option<&'a Happening>,
    pub now: Time,
    /// Counts of cases reach no further than this person may read; `None`: they know no bound.
    pub bound: Cell<Option<PersonId>>,
    loaded: &'a Loaded,
    trouble: RefCell<Option<Problem>>,
}

impl<'a, 't> CaseFacts<'a, 't> {
    pub fn new(tx: &'a Tx<'t>, state: &'a State, happening: Option<&'a Happening>, now: Time, loaded: &'a Loaded) -> Self {
        Self { tx, state, happening, now, bound: Cell::new(None), loaded, trouble: RefCell::new(None) }
    }

    /// A look-up that failed while facts were asked for; a fact itself cannot tell.
    pub fn sound(&self) -> Result<()> {
        self.trouble.borrow_mut().take().map_or(Ok(()), Err)
    }

    fn tried(&self, value: Result<Value>) -> Value {
        value.unwrap_or_else(|problem| {
            self.trouble.borrow_mut().get_or_insert(problem);
            Value::Null
        })
    }

    fn since(&self, moment: Option<Time>) -> Value {
        moment.map_or(Value::Null, |at| ((self.now.micros() - at.micros()) / 1_000_000).max(0).into())
    }

    fn message_text(&self) -> Result<Value> {
        let Some(blob) = self.happening.and_then(|h| h.content.as_deref()) else { return Ok(Value::Null) };
        let Some(bytes) = self.tx.blob(blob)? else { return Ok(Value::Null) };
        let content: Content = serde_json::from_slice(&bytes)?;
        let text = if content.reply_text.trim().is_empty() { content.text } else { content.reply_text };
        Ok(Value::from(text.chars().take(LONGEST_TEXT).collect::<String>()))
    }

    fn customer(&self, column: &str) -> Result<Value> {
        let Some(customer) = self.state.customer else { return Ok(Value::Null) };
        let row: Option<(Option<String>,)> = self.tx.opt(&format!("SELECT {column} FROM rule_customer WHERE customer_id = ?1"), params![customer])?;
        Ok(row.and_then(|row| row.0).map_or(Value::Null, |text| if column == "tier" { text.parse::<i64>().map_or(Value::from(text), Value::from) } else { text.into() }))
    }

    /// Tier or region of a customer that is known; `None`: what the case was opened with is all there is.
    fn standing(&self, column: &str) -> Option<Value> {
        let customer = self.state.customer?;
        match self.tx.opt::<(Option<String>,)>(&format!("SELECT {column} FROM rule_customer WHERE customer_id = ?1"), params![customer]) {
            Ok(row) => row.map(|(text,)| text.map_or(Value::Null, Value::from)),
            Err(problem) => {
                self.tried(Err(problem));
                None
            }
        }
    }

    /// Counts the customer's cases; `owner`: only those this person may read.
    fn cases_of_customer(&self, complaints_only: bool, owner: Option<PersonId>) -> Result<Value> {
        let Some(customer) = self.state.customer else { return Ok(Value::Null) };
        if let Some(owner) = owner {
            let rows: Vec<(String, Time, Json<State>)> =
                self.tx.all("SELECT case_type, opened_at, state FROM rule_case WHERE customer_id = ?1 AND opened_at <= ?2 ORDER BY opened_at DESC LIMIT ?3", params![customer, self.now, MOST_COUNTED])?;
            let since = self.now.plus_seconds(-30 * 86_400);
            let count = rows.iter().filter(|(kind, opened, state)| (!complaints_only || (kind == "complaint" && *opened > since)) && self.loaded.may(Some(owner), "case.read", &state.0.access())).count();
            return Ok(count.into());
        }
        let (count,): (i64,) = if complaints_only {
            self.tx.one(
                "SELECT count(*) FROM rule_case WHERE customer_id = ?1 AND opened_at > ?2 AND opened_at <= ?3 AND case_type = 'complaint'",
                params![customer, self.now.plus_seconds(-30 * 86_400), self.now],
            )?
        } else {
            self.tx.one("SELECT count(*) FROM rule_case WHERE customer_id = ?1 AND opened_at <= ?2", params![customer, self.now])?
        };
        Ok(count.into())
    }

    /// An answer as it is compared, by the form of the case's type: money as an amount, a tree choice as its path.
    fn compared<'v>(&self, field: &str, value: &'v Value) -> Cow<'v, Value> {
        let (Some(key), true) = (field.strip_prefix("fields."), value.is_object() || value.is_array()) else { return Cow::Borrowed(value) };
        let Some(form) = self.loaded.forms.get(self.state.text("type")) else { return Cow::Borrowed(value) };
        let answer = Map::from_iter([(key.to_owned(), value.clone())]);
        shouwen_forms::facts(form, &answer, "fields.").remove(field).map_or(Cow::Borrowed(value), Cow::Owned)
    }

    fn computed(&self, field: &str) -> Value {
        let local = || self.loaded.zone.to_datetime(self.now.to_jiff());
        match field {
            "age" => self.since(self.state.opened_at),
            "waiting" => self.since(self.state.waits_since),
            "in_stage" => self.since(self.state.stage_since),
            "now.hour" => local().hour().into(),
            "now.weekday" => ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][usize::try_from(local().weekday().to_monday_zero_offset()).unwrap_or(0) % 7].into(),
            "message.text" => self.tried(self.message_text()),
            "customer.name" => match self.tried(self.customer("name")) {
                Value::Null => self.state.facts.get("customer.name").cloned().unwrap_or_default(),
                known => known,
            },
            "customer.tier" => self.tried(self.customer("tier")),
            "customer.region" => self.tried(self.customer("region")),
            "customer.cases" => self.tried(self.cases_of_customer(false, self.bound.get())),
            "customer.complaints_30d" => self.tried(self.cases_of_customer(true, self.bound.get())),
            "warning.grade" => self.state.facts.get("fields.grade").cloned().unwrap_or_default(),
            "category" => self.state.facts.get("fields.category").map(|value| self.compared("fields.category", value).into_owned()).unwrap_or_default(),
            // What a rule counts for an owner who does not see everything: see `within_reach`.
            bounded => match bounded.split_once('@').and_then(|(field, owner)| Some((field, owner.parse::<PersonId>().ok()?))) {
                Some((field, owner)) if COUNTED.contains(&field) => self.tried(self.cases_of_customer(field == COUNTED[1], Some(owner))),
                _ => json!(null),
            },
        }
    }
}

/// Fields that count cases beside the one at hand.
const COUNTED: [&str; 2] = ["customer.cases", "customer.complaints_30d"];
/// So many cases of a customer are looked at for them, the newest first.
const MOST_COUNTED: usize = 1000;

/// A condition whose counts reach no further than its owner may read: `customer.cases` becomes `customer.cases@per_…`.
pub fn within_reach(condition: &mut Condition, owner: PersonId) {
    match condition {
        Condition::All { all: parts } | Condition::Any { any: parts } => parts.iter_mut().for_each(|part| within_reach(part, owner)),
        Condition::Not { not } => within_reach(not, owner),
        Condition::Compare { field, .. } if COUNTED.contains(&field.as_str()) => *field = format!("{field}@{owner}"),
        Condition::Compare { .. } => {}
    }
}

/// The same condition as its author wrote it.
pub fn as_written(condition: &mut Condition) {
    match condition {
        Condition::All { all: parts } | Condition::Any { any: parts } => parts.iter_mut().for_each(as_written),
        Condition::Not { not } => as_written(not),
        Condition::Compare { field, .. } => {
            if let Some(at) = field.find('@') {
                field.truncate(at);
            }
        }
    }
}

/// The comparisons that decided, as data with the words for a reader.
pub fn worded(because: &[Reason], vocabulary: &Vocabulary) -> Vec<Value> {
    because
        .iter()
        .filter_map(|reason| {
            let plain = Reason { field: reason.field.split('@').next().unwrap_or_default().to_owned(), ..reason.clone() };
            let mut shown = serde_json::to_value(&plain).ok()?;
            let words = plain.words(vocabulary);
            shown["text"] = words.en.as_str().into();
            shown["words"] = json!({ "zh": words.zh, "en": words.en });
            Some(shown)
        })
        .collect()
}

impl shouwen_rules::Facts for CaseFacts<'_, '_> {
    fn fact(&self, field: &str) -> Value {
        self.look(field).into_owned()
    }

    fn look(&self, field: &str) -> Cow<'_, Value> {
        // As the customer is now: clocks, queues and lists go by the same.
        if matches!(field, "region" | "tier")
            && let Some(present) = self.standing(field)
        {
            return Cow::Owned(present);
        }
        let stored = self.happening.and_then(|h| h.extra.get(field)).or_else(|| self.state.facts.get(field).filter(|_| field != "customer.name"));
        stored.map_or_else(|| Cow::Owned(self.computed(field)), |value| self.compared(field, value))
    }

    fn before(&self, field: &str) -> Option<Cow<'_, Value>> {
        self.happening?.before.get(field).map(|value| self.compared(field, value))
    }
}
