//! The fields of the vocabulary for one case at one moment. What costs a look-up is looked up only when a rule asks.

use std::borrow::Cow;
use std::cell::RefCell;

use serde_json::{Map, Value, json};
use shouwen_contracts::message::Content;
use shouwen_kernel::{Problem, Result, Time};
use shouwen_rules::{FieldDef, FieldKind, Vocabulary, Words};
use shouwen_store::{Tx, params};

use crate::loaded::Loaded;
use crate::state::{Happening, State};

/// The text of a message is looked through so far.
const LONGEST_TEXT: usize = 20_000;

/// Fields and events of the standard vocabulary nobody tells this capability yet: a rule on them would never be true.
const NOT_TOLD: &[&str] = &["customer.tags", "message.sentiment", "now.working"];
const NO_EVENTS: &[&str] = &["customer.saved", "schedule", "manual"];

/// What rules of the house may speak of.
pub fn vocabulary() -> Vocabulary {
    let mut vocabulary = Vocabulary::standard();
    vocabulary.fields.retain(|field| !NOT_TOLD.contains(&field.name.as_str()));
    vocabulary.events.retain(|event| !NO_EVENTS.contains(&event.name.as_str()));
    vocabulary.events.push(shouwen_rules::EventDef { name: "clock.escalated".to_owned(), label: Words::new("逐级上报", "clock escalated") });
    vocabulary.add_field(FieldDef { name: "clock.step".to_owned(), kind: FieldKind::Text, label: Words::new("上报级次", "step of the ladder"), choices: Vec::new(), writable: false });
    vocabulary.add_field(FieldDef { name: "resolution".to_owned(), kind: FieldKind::Text, label: Words::new("办结结果", "resolution"), choices: Vec::new(), writable: false });
    vocabulary
}

/// The facts of a case at a moment.
pub struct CaseFacts<'a, 't> {
    pub tx: &'a Tx<'t>,
    pub state: &'a State,
    pub happening: Option<&'a Happening>,
    pub now: Time,
    loaded: &'a Loaded,
    trouble: RefCell<Option<Problem>>,
}

impl<'a, 't> CaseFacts<'a, 't> {
    pub fn new(tx: &'a Tx<'t>, state: &'a State, happening: Option<&'a Happening>, now: Time, loaded: &'a Loaded) -> Self {
        Self { tx, state, happening, now, loaded, trouble: RefCell::new(None) }
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

    fn cases_of_customer(&self, complaints_only: bool) -> Result<Value> {
        let Some(customer) = self.state.customer else { return Ok(Value::Null) };
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
            "customer.cases" => self.tried(self.cases_of_customer(false)),
            "customer.complaints_30d" => self.tried(self.cases_of_customer(true)),
            "warning.grade" => self.state.facts.get("fields.grade").cloned().unwrap_or_default(),
            "category" => self.state.facts.get("fields.category").map(|value| self.compared("fields.category", value).into_owned()).unwrap_or_default(),
            _ => json!(null),
        }
    }
}

impl shouwen_rules::Facts for CaseFacts<'_, '_> {
    fn fact(&self, field: &str) -> Value {
        self.look(field).into_owned()
    }

    fn look(&self, field: &str) -> Cow<'_, Value> {
        let stored = self.happening.and_then(|h| h.extra.get(field)).or_else(|| self.state.facts.get(field).filter(|_| field != "customer.name"));
        stored.map_or_else(|| Cow::Owned(self.computed(field)), |value| self.compared(field, value))
    }

    fn before(&self, field: &str) -> Option<Cow<'_, Value>> {
        self.happening?.before.get(field).map(|value| self.compared(field, value))
    }
}
