//! The agent's desk: lists of cases, saved views with counts, search, notices, live push and presence.
//!
//! A capability that only projects: it owns no fact of its own but what a person has read, saved as a view, or is
//! looking at now.

mod accountability;
mod board;
mod born;
mod card;
mod customers;
mod fields;
mod fill;
mod find;
mod hub;
mod index;
mod list;
mod live;
mod notices;
mod notify;
mod notify_loop;
mod on_wish;
mod parties;
mod presence;
mod project;
mod row;
mod stuck;
mod views;
mod wall;

#[doc(hidden)]
pub use hub::tell;
pub use index::SEARCH_VERSION;
#[doc(hidden)]
pub use live::RECHECK_MS;

use shouwen_store::{Migration, Subscription};
use shouwen_web::{Module, OpenApiRouter, axum, permissions, routes};

permissions! {
    /// Share views with a team.
    ViewShare = "view.share", "共享视图给班组", "Share views with a team";
}

/// Declared by casework; every list here starts from its reach.
pub(crate) struct CaseRead;
impl shouwen_kernel::Permission for CaseRead {
    const CODE: &'static str = "case.read";
}

/// The capability.
pub fn module() -> Module {
    Module {
        migrations: &[
            Migration { capability: "desk", version: 1, sql: include_str!("../migrations/0001_desk.sql") },
            Migration { capability: "desk", version: 2, sql: include_str!("../migrations/0002_customers.sql") },
            Migration { capability: "desk", version: 3, sql: include_str!("../migrations/0003_members.sql") },
            Migration { capability: "desk", version: 4, sql: include_str!("../migrations/0004_loop.sql") },
            Migration { capability: "desk", version: 5, sql: include_str!("../migrations/0005_standing.sql") },
        ],
        routes: OpenApiRouter::new()
            .routes(routes!(list::list))
            .routes(routes!(list::of_customer))
            .routes(routes!(list::mark_read))
            .routes(routes!(views::list, views::create))
            .routes(routes!(views::counts))
            .routes(routes!(views::edit, views::remove))
            .routes(routes!(find::search))
            .routes(routes!(notices::list))
            .routes(routes!(notices::read))
            .routes(routes!(board::board))
            .routes(routes!(accountability::of_person))
            .routes(routes!(accountability::people))
            .routes(routes!(wall::walls))
            .routes(routes!(wall::wall))
            .route("/live", axum::routing::get(live::open)),
        permissions: PERMISSIONS,
        subscriptions: vec![
            // Version 2: customers too.
            Subscription { name: project::NAME, version: 3, reset: Some(project::reset), kinds: project::KINDS, handle: project::handle },
            Subscription { name: "desk.loop", version: 1, reset: Some(stuck::reset), kinds: stuck::KINDS, handle: stuck::handle },
            Subscription { name: "desk.notices", version: 1, reset: None, kinds: notify::KINDS, handle: notify::handle },
            Subscription { name: "desk.wishes", version: 1, reset: None, kinds: on_wish::KINDS, handle: on_wish::handle },
        ],
        tasks: vec![|app| Box::pin(fill::run(app)), |app| Box::pin(live::run(app)), |app| Box::pin(presence::run(app))],
        ..Module::new("desk")
    }
}
