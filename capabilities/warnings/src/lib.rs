//! Early warnings in grades, bulletins, and the crisis room.
//!
//! Follows what casework and complaints tell of cases, counts them into buckets, judges every group that grew, and raises a
//! warning that is itself a case. Never changes a case: it wishes (`wish.case`, `wish.action`).

mod bulletin;
mod bulletin_page;
mod bulletins;
mod counts;
mod crisis;
mod crisis_acts;
mod crisis_case;
mod crisis_time;
mod dry;
mod evaluate;
mod facts;
mod hours;
mod letters;
mod maths;
mod on_cases;
mod pack_warnings;
mod people;
mod regions;
mod settings;
mod threshold;
mod thresholds;
mod timers;
mod upkeep;
mod warning;
mod warnings;
mod wishes;

use shouwen_store::Migration;
use shouwen_web::{Module, OpenApiRouter, permissions, routes};

permissions! {
    /// See warnings, bulletins, crises.
    WarningRead = "warning.read", "查看预警与应急", "See warnings and crises";
    /// Answer a warning.
    WarningAnswer = "warning.answer", "答复预警", "Answer warnings";
    /// Thresholds, bulletins, settings.
    WarningManage = "warning.manage", "管理预警阈值与通报", "Manage thresholds and bulletins";
    /// The button, and everything the group does.
    CrisisDeclare = "crisis.declare", "启动并处置应急响应", "Declare and handle a crisis";
}

/// The capability.
pub fn module() -> Module {
    Module {
        migrations: &[
            Migration { capability: "warnings", version: 1, sql: include_str!("../migrations/0001_warnings.sql") },
            Migration { capability: "warnings", version: 2, sql: include_str!("../migrations/0002_hours.sql") },
        ],
        routes: OpenApiRouter::new()
            .routes(routes!(warnings::list))
            .routes(routes!(warnings::counted))
            .routes(routes!(warnings::show))
            .routes(routes!(warnings::answer))
            .routes(routes!(warnings::close))
            .routes(routes!(dry::chart))
            .routes(routes!(thresholds::list, thresholds::create))
            .routes(routes!(dry::trial))
            .routes(routes!(thresholds::show, thresholds::edit, thresholds::remove))
            .routes(routes!(settings::show, settings::edit))
            .routes(routes!(bulletins::list, bulletins::make_now))
            .routes(routes!(bulletins::show))
            .routes(routes!(bulletins::page))
            .routes(routes!(crisis::list, crisis_acts::declare))
            .routes(routes!(crisis::show))
            .routes(routes!(crisis_acts::acknowledge))
            .routes(routes!(crisis_acts::log))
            .routes(routes!(crisis_acts::plan))
            .routes(routes!(crisis_acts::statement))
            .routes(routes!(crisis_acts::over))
            .routes(routes!(crisis_acts::write_up)),
        permissions: PERMISSIONS,
        subscriptions: vec![facts::SUBSCRIPTION, on_cases::SUBSCRIPTION],
        timers: timers::HANDLERS.to_vec(),
        tasks: vec![upkeep::task],
        parts: vec![pack_warnings::PART],
        founding: Some(upkeep::found),
        ..Module::new("warnings")
    }
}
