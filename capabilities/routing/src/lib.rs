//! Automatic assignment: who should take a case that lies with a team and has nobody.
//!
//! Decides and tells (`routing.chosen`, `routing.none`); casework carries it out. The choice is a pure function of the
//! candidates ([`choose`]), and its reason is recorded in words.

mod choose;
mod on_customers;
mod on_events;
mod queue;
mod settings;

use shouwen_store::{Migration, Subscription};
use shouwen_web::{Module, OpenApiRouter, permissions, routes};

pub use choose::{Candidate, Choice, Wanted, choose};

permissions! {
    /// Edit how cases are assigned.
    RoutingManage = "routing.manage", "管理自动分配", "Manage automatic assignment";
}

/// The capability.
pub fn module() -> Module {
    Module {
        migrations: &[
            Migration { capability: "routing", version: 1, sql: include_str!("../migrations/0001_routing.sql") },
            Migration { capability: "routing", version: 2, sql: include_str!("../migrations/0002_queue.sql") },
            Migration { capability: "routing", version: 3, sql: include_str!("../migrations/0003_sweep.sql") },
            Migration { capability: "routing", version: 4, sql: include_str!("../migrations/0004_customers.sql") },
        ],
        routes: OpenApiRouter::new().routes(routes!(settings::show, settings::edit)).routes(routes!(settings::waiting)),
        permissions: PERMISSIONS,
        timers: queue::TIMERS.to_vec(),
        subscriptions: vec![Subscription { name: "routing.assign", version: 1, reset: None, kinds: on_events::KINDS, handle: on_events::handle }],
        ..Module::new("routing")
    }
}
