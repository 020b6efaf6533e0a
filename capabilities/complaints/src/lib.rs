//! Complaints: category tree, signals in text, repeats, the file of a dissatisfied customer and its care actions.
//!
//! Follows every case (`complaint_case`), tells what a complaint is about, how grave it is and whether it repeats, and
//! wishes of casework what is to change. The form of the case stays the one source of what people decided.

mod care;
mod care_plan;
mod cases;
mod categories;
mod category;
mod file;
mod file_names;
mod files;
mod grade;
mod hours;
mod items;
mod names;
mod pack_categories;
mod pack_complaints;
mod plain;
mod react;
mod region;
mod settings;
mod settings_api;
mod sheet;
mod sight;
mod signal;
mod sketch;
mod state;
mod store;
mod summary;
mod watch;
mod words;

use shouwen_store::Migration;
use shouwen_web::{Module, OpenApiRouter, permissions, routes};

permissions! {
    /// See complaints and the files of dissatisfied customers, as far as one's reach.
    ComplaintRead = "complaint.read", "查看投诉与不满意客户档案", "See complaints and files of dissatisfied customers";
    /// Work on the files: care, owner, closing.
    ComplaintManage = "complaint.manage", "跟进不满意客户档案", "Work on files of dissatisfied customers";
    /// Agree to care that costs something.
    ComplaintApprove = "complaint.approve", "审批关怀措施", "Approve care actions";
    /// Categories, signals, regions, care plans.
    ComplaintSettings = "complaint.settings", "维护投诉分类、信号与关怀计划", "Manage complaint categories, signals and care plans";
}

/// Declared by casework: who sees a case sees its complaint sheet.
pub(crate) struct CaseRead;
impl shouwen_kernel::Permission for CaseRead {
    const CODE: &'static str = "case.read";
}
/// Declared by customers: who sees customers sees that there is a file.
pub(crate) struct CustomerRead;
impl shouwen_kernel::Permission for CustomerRead {
    const CODE: &'static str = "customer.read";
}

/// The tables of this capability.
pub const MIGRATIONS: &[Migration] = &[
    Migration { capability: "complaints", version: 1, sql: include_str!("../migrations/0001_complaint.sql") },
    Migration { capability: "complaints", version: 2, sql: include_str!("../migrations/0002_hours.sql") },
];

/// The capability.
pub fn module() -> Module {
    Module {
        migrations: MIGRATIONS,
        routes: OpenApiRouter::new()
            .routes(routes!(categories::list, categories::create, categories::order))
            .routes(routes!(categories::edit, categories::remove))
            .routes(routes!(settings_api::show, settings_api::edit))
            .routes(routes!(settings_api::signals, settings_api::save_signals))
            .routes(routes!(settings_api::try_signals))
            .routes(routes!(settings_api::region_names))
            .routes(routes!(settings_api::regions, settings_api::save_regions))
            .routes(routes!(settings_api::care_plans, settings_api::save_care_plans))
            .routes(routes!(cases::list))
            .routes(routes!(sheet::show))
            .routes(routes!(summary::show))
            .routes(routes!(files::list, files::create))
            .routes(routes!(files::show))
            .routes(routes!(files::of_customer))
            .routes(routes!(files::owner))
            .routes(routes!(files::close))
            .routes(routes!(care::add))
            .routes(routes!(care::change))
            .routes(routes!(care::result))
            .routes(routes!(care::approve)),
        permissions: PERMISSIONS,
        subscriptions: vec![watch::SUBSCRIPTION],
        timers: file::TIMERS.to_vec(),
        tasks: vec![words::task],
        parts: vec![pack_categories::PART, pack_complaints::PART],
        ..Module::new("complaints")
    }
}
