//! The board: indicators with numerator and denominator, by team, person, region, channel and day, with targets; every
//! figure opens the cases behind it.
//!
//! Each case contributes *points*; a point that changes first takes back what it added. Roll-ups by day are kept with
//! the points in one transaction, so the board never scans cases and always adds up to its drill-down.

mod board;
mod breakdown;
mod drill;
mod export;
mod points;
mod project;
mod range;
mod targets;

use shouwen_store::{Migration, Subscription};
use shouwen_web::{Module, OpenApiRouter, permissions, routes};

permissions! {
    /// See the board, as far as one's reach.
    InsightRead = "insight.read", "查看指标看板", "See the indicator board";
    /// Take figures out of the house.
    InsightExport = "insight.export", "导出指标", "Export figures";
    /// Set targets.
    TargetManage = "target.manage", "管理指标目标", "Set targets";
}

/// The capability.
pub fn module() -> Module {
    Module {
        migrations: &[
            Migration { capability: "insight", version: 1, sql: include_str!("../migrations/0001_insight.sql") },
            Migration { capability: "insight", version: 2, sql: include_str!("../migrations/0002_spread.sql") },
            Migration { capability: "insight", version: 3, sql: include_str!("../migrations/0003_reviews.sql") },
        ],
        routes: OpenApiRouter::new()
            .routes(routes!(targets::indicators))
            .routes(routes!(targets::edit))
            .routes(routes!(board::board))
            .routes(routes!(breakdown::series))
            .routes(routes!(breakdown::breakdown))
            .routes(routes!(drill::cases))
            .routes(routes!(export::export)),
        permissions: PERMISSIONS,
        subscriptions: vec![Subscription { name: "insight.points", version: 3, reset: Some(project::reset), kinds: project::KINDS, handle: project::handle }],
        ..Module::new("insight")
    }
}
