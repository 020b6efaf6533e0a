//! Packs: folders of declarative files (case types, calendars, service levels, roles, rules …), checked with file and
//! line, installed in one transaction, given back as a folder. Each capability installs its own part; nothing in a
//! pack is ever run.

mod check;
pub mod cli;
mod export;
pub mod folder;
mod install;
mod manifest;
mod named;
mod remove;
mod routes;
mod shipped;
mod titles;
mod version;

use shouwen_store::{BlobUse, Migration};
use shouwen_web::{Module, OpenApiRouter, permissions, routes};

pub use check::{Find, check, faults_of_files};
pub use export::export;
pub use install::{Report, install, try_out};
pub use manifest::Manifest;
pub use remove::{remove, try_removal};
pub use shipped::{install_shipped, shipped, shipped_keys};
pub use version::{Requirement, Version};

permissions! {
    /// Install packs and export the workspace as one.
    PackManage = "pack.manage", "管理行业包", "Manage packs";
}

/// The pack every workspace begins with.
pub const BASE: &str = "base";

/// The capability.
pub fn module() -> Module {
    Module {
        migrations: &[Migration { capability: "packs", version: 1, sql: include_str!("../migrations/0001_pack.sql") }],
        routes: OpenApiRouter::new()
            .routes(routes!(routes::list, routes::create))
            .routes(routes!(routes::check))
            .routes(routes!(routes::export))
            .routes(routes!(routes::show, routes::take_away))
            .routes(routes!(routes::removal))
            .routes(routes!(routes::diff)),
        permissions: PERMISSIONS,
        tasks: vec![shipped::task],
        blobs: &[BlobUse { table: "pack_installed", column: "content", key: "", only: "" }],
        founding: Some(shipped::found),
        ..Module::new("packs")
    }
}
