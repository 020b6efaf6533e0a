//! # rules: the one condition tree, and rules made of it
//!
//! Saved views, service levels, rules, segments, forms and reports ask their questions with one [`Condition`]. It is
//! data (JSON), total (never fails once validated), explains itself, compiles to SQL where its fields lie in columns,
//! and has a text form people like to write: [`text`]. No I/O, no clock: `now` is an argument.
//!
//! A [`Rule`] says when ([`Trigger`]), if ([`Condition`]), then ([`Action`]s, as data). The house carries actions out;
//! this crate validates them, finds which rules an event fires and explains why.
//!
//! ```
//! use shouwen_rules::{Facts, Rule, Vocabulary, text};
//! use serde_json::json;
//!
//! let condition = text::parse(r#"priority is urgent and (title contains any "12315", "媒体" or customer.tier >= 4)"#)?;
//! assert_eq!(text::parse(&text::print(&condition))?, condition);
//! assert_eq!(Vocabulary::standard().condition_faults(&condition), []);
//! let facts = |field: &str| match field {
//!     "priority" => json!("urgent"),
//!     "customer.tier" => json!(5),
//!     _ => json!(null),
//! };
//! assert!(shouwen_rules::evaluate(&condition, &facts, 0));
//!
//! let rule: Rule = serde_json::from_value(json!({
//!     "key": "upgrade-signals", "title": {"zh": "升级信号", "en": "Upgrade signals"},
//!     "when": {"on": ["case.opened", "case.message_received"]},
//!     "if": r#"message.text contains any "12315", "工信部""#,
//!     "then": [{"do": "set_priority", "priority": "urgent"}, {"do": "notify", "to": ["role:manager", "accountable"], "text": "{number}: {title}"}],
//!     "once_per": "case"
//! }))?;
//! assert_eq!(rule.then[0].name(), "set_priority");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## What is here
//! - [`Condition`], [`Op`], [`FieldKind`], [`Catalogue`], [`Fault`]; [`evaluate()`], [`explain`], [`compile()`] (SQL); [`text`].
//! - [`Rule`], [`Trigger`], [`Action`], [`Party`], [`OncePer`], [`Macro`], [`RuleFile`]: plain serde data, JSON and TOML.
//! - [`Vocabulary`]: the fields, events and names that exist; `Vocabulary::standard()` has those of every case.
//! - [`RuleFile::read`], [`Rule::from_value`], [`Rule::faults`]: validation, every fault with path, line, column and what
//!   would be right; [`ACTIONS`] is the catalogue behind it. [`Source`] reads any TOML or JSON with the places of its parts.
//! - [`RuleSet`]: many rules against one [`Event`]: `fire` (which, in order, why), `explain` (why not the others),
//!   `fire_rule` (schedules), `cycles` (rules that start each other).
//! - [`DryRun`], [`dry_run()`]: rules over [`PastEvent`]s, nothing carried out. [`Cron`]: five-field schedules in a zone.
//! - [`Words`]: texts in zh and en, `{placeholders}` filled by [`render`].

mod action;
mod actions;
mod check;
pub mod cli;
mod compile;
mod condition;
mod cron;
mod dry_run;
mod evaluate;
mod near;
mod rule;
mod set;
mod source;
pub mod text;
mod units;
mod vocabulary;
mod words;

pub use action::{Action, Party};
pub use actions::{ACTIONS, ActionSpec, ParamKind, ParamSpec};
pub use compile::{Column, Compiled, compile};
pub use condition::{Catalogue, Condition, Fault, FieldKind, Op};
pub use cron::Cron;
pub use dry_run::{DryRun, PastEvent, Report, RuleReport, Sample, dry_run};
pub use evaluate::{Facts, evaluate, explain};
pub use near::{nearest, suggest};
pub use rule::{After, Before, CronTrigger, Every, Macro, OnEvent, OncePer, Rule, RuleFile, Trigger, text_or_tree};
pub use set::{Cycle, Event, Firing, HeldBack, LONGEST_CHAIN, Outcome, Reason, RuleSet, Verdict, Why};
pub use source::Source;
pub use units::Span;
pub use vocabulary::{EventDef, FieldDef, GRADES, Known, PRIORITIES, STATUSES, Vocabulary};
pub use words::{Words, placeholders, render};
