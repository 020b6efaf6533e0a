//! Service levels: how soon a customer must hear from us, in working time, and the clocks that hold us to it.
//!
//! Reads the events of cases, keeps a clock per case and target, and tells (by event and by timer) when one is
//! planned, warns, is met or breached. The arithmetic is `engines/worktime`; nothing here computes hours.

mod calendars;
mod clocks;
mod customers;
mod engine;
mod forms;
mod ladder;
mod levels;
mod on_cases;
mod on_wish;
mod pack_calendars;
mod pack_levels;
mod policies;
mod promise;
mod regulatory;
mod replan;
mod seed;
mod stages;
mod sweep;
mod timers;

use shouwen_store::{Migration, Subscription, TimerHandler};
use shouwen_web::{Module, OpenApiRouter, permissions, routes};

pub use calendars::create_calendar;
pub use ladder::Rung;
pub use levels::{LevelInput, Target, create_level};
pub use seed::ensure_defaults;

permissions! {
    /// Edit working calendars.
    CalendarManage = "calendar.manage", "管理工作日历", "Manage working calendars";
    /// Edit service levels.
    ServiceLevelManage = "service_level.manage", "管理服务级别", "Manage service levels";
}

/// Cases may be read; declared by casework, asked for here because clocks belong to cases.
pub(crate) struct CaseRead;
impl shouwen_kernel::Permission for CaseRead {
    const CODE: &'static str = "case.read";
}

/// The capability.
pub fn module() -> Module {
    Module {
        migrations: &[
            Migration { capability: "service_levels", version: 1, sql: include_str!("../migrations/0001_clock.sql") },
            Migration { capability: "service_levels", version: 2, sql: include_str!("../migrations/0002_ladders.sql") },
            Migration { capability: "service_levels", version: 3, sql: include_str!("../migrations/0003_changes.sql") },
            Migration { capability: "service_levels", version: 4, sql: include_str!("../migrations/0004_titles.sql") },
        ],
        routes: OpenApiRouter::new()
            .routes(routes!(calendars::list, calendars::create))
            .routes(routes!(calendars::edit, calendars::remove))
            .routes(routes!(calendars::preview))
            .routes(routes!(calendars::month))
            .routes(routes!(calendars::holidays))
            .routes(routes!(levels::list, levels::create))
            .routes(routes!(levels::edit, levels::remove))
            .routes(routes!(policies::list, policies::create))
            .routes(routes!(policies::edit, policies::remove))
            .routes(routes!(clocks::of_case)),
        permissions: PERMISSIONS,
        subscriptions: vec![
            Subscription { name: "service_levels.setup", version: 1, reset: None, kinds: &["org_unit.saved"], handle: seed::on_org_unit },
            Subscription { name: "service_levels.clocks", version: 1, reset: None, kinds: on_cases::KINDS, handle: on_cases::handle },
            Subscription { name: "service_levels.stages", version: 1, reset: None, kinds: &[stages::TYPE_SAVED], handle: stages::on_saved },
            customers::SUBSCRIPTION,
            forms::SUBSCRIPTION,
        ],
        timers: vec![
            TimerHandler { kind: timers::TICK, handle: timers::tick },
            TimerHandler { kind: timers::OLD[0], handle: timers::tick },
            TimerHandler { kind: timers::OLD[1], handle: timers::tick },
            TimerHandler { kind: replan::KIND, handle: replan::run },
            TimerHandler { kind: stages::KIND, handle: stages::run },
            TimerHandler { kind: customers::KIND, handle: customers::run },
            TimerHandler { kind: sweep::KIND, handle: sweep::run },
        ],
        tasks: vec![calendars::task],
        parts: vec![pack_calendars::PART, pack_levels::PART],
        ..Module::new("service_levels")
    }
}
