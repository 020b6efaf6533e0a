//! Rules: when something happens to a case, and if a condition holds, then actions.
//!
//! Keeps its own facts of every case (`rule_case`), asks the rules at each event, and wishes (`wish.action`); casework
//! carries out. A rule sees and does no more than its owner may. Every firing is kept with its reason.

mod dry;
mod editor;
mod facts;
mod fire;
mod firings;
mod input;
mod loaded;
mod macros;
mod on_events;
mod on_types;
mod owners;
mod pack_rules;
mod rules;
mod state;
mod sweep;
mod timers;

use shouwen_store::{Migration, Subscription};
use shouwen_web::{Module, OpenApiRouter, permissions, routes};

pub use fire::{actor_name, causes_in};
pub use sweep::{KEEP_DAYS, sweep};

permissions! {
    /// Edit rules and macros.
    RuleManage = "rule.manage", "管理自动化规则", "Manage rules";
}

/// Declared by casework; macros are run on cases somebody may read.
pub(crate) struct CaseRead;
impl shouwen_kernel::Permission for CaseRead {
    const CODE: &'static str = "case.read";
}

/// The capability.
pub fn module() -> Module {
    Module {
        migrations: &[
            Migration { capability: "automation", version: 1, sql: include_str!("../migrations/0001_rule.sql") },
            Migration { capability: "automation", version: 2, sql: include_str!("../migrations/0002_forms.sql") },
        ],
        routes: OpenApiRouter::new()
            .routes(routes!(rules::list, rules::create))
            .routes(routes!(rules::order))
            .routes(routes!(editor::vocabulary))
            .routes(routes!(editor::check))
            .routes(routes!(dry::of_trial))
            .routes(routes!(rules::show, rules::edit, rules::remove))
            .routes(routes!(dry::of_rule))
            .routes(routes!(firings::list))
            .routes(routes!(firings::days))
            .routes(routes!(macros::list, macros::create))
            .routes(routes!(macros::show, macros::edit, macros::remove))
            .routes(routes!(macros::offered))
            .routes(routes!(macros::run)),
        permissions: PERMISSIONS,
        subscriptions: vec![Subscription { name: "automation.rules", version: 1, reset: None, kinds: on_events::KINDS, handle: on_events::handle }, on_types::SUBSCRIPTION],
        timers: timers::HANDLERS.to_vec(),
        tasks: vec![sweep::task],
        parts: vec![pack_rules::PART],
        ..Module::new("automation")
    }
}
