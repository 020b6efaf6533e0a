//! Reviews of solutions and approvals of amounts: steps, delegation, time limits, the authority table.
//!
//! Flows and authorities are data ([`def`]); a review keeps the plan it began with. [`course`] is the one way a review
//! changes: by people at the desk, by the link in a letter ([`page`]), by what cases do ([`on_events`]), by time
//! ([`timers`]). What the decisions of a step amount to is [`steps`], pure.

mod amount;
mod authorities;
mod changes;
mod course;
mod def;
mod delegations;
mod flows;
mod hours;
mod letters;
mod lists;
mod on_events;
mod options;
mod pack_reviews;
mod page;
mod people;
mod refusal;
mod requests;
mod review;
mod stand_in;
mod steps;
mod timers;
mod view;

use shouwen_store::{Migration, Subscription};
use shouwen_web::{Module, OpenApiRouter, permissions, routes};

permissions! {
    /// Ask for a review or an approval.
    ReviewRequest = "review.request", "提交审核与审批", "Ask for reviews and approvals";
    /// Decides for the teams and departments it reaches: `team_lead`, `department_lead` and `above` of flows find its holders.
    ReviewLead = "review.lead", "作为负责人审核（按范围确定班组、部门负责人）", "Review as the lead of what it reaches";
    /// Act at once in an emergency and write it up afterwards.
    ReviewEmergency = "review.emergency", "紧急先行处理、事后补批", "Act at once in an emergency";
    /// Read reviews one has nothing to do with.
    ReviewRead = "review.read", "查看他人的审核与审批", "Read reviews of others";
    /// Edit flows and the authority table, delegate for others.
    ReviewManage = "review.manage", "管理审核流程与审批权限", "Manage review flows and authorities";
}

/// Declared by casework; the reviews of a case are shown to whoever may read it.
pub(crate) struct CaseRead;
impl shouwen_kernel::Permission for CaseRead {
    const CODE: &'static str = people::CASE_READ;
}

/// The capability.
pub fn module() -> Module {
    Module {
        migrations: &[
            Migration { capability: "reviews", version: 1, sql: include_str!("../migrations/0001_review.sql") },
            Migration { capability: "reviews", version: 2, sql: include_str!("../migrations/0002_calendars.sql") },
            Migration { capability: "reviews", version: 3, sql: include_str!("../migrations/0003_not_by.sql") },
        ],
        routes: OpenApiRouter::new()
            .routes(routes!(lists::list, requests::create))
            .routes(routes!(lists::counts))
            .routes(routes!(lists::of_case))
            .routes(routes!(options::options))
            .routes(routes!(lists::show))
            .routes(routes!(requests::decide))
            .routes(routes!(requests::withdraw))
            .routes(routes!(requests::emergency))
            .routes(routes!(requests::write_up))
            .routes(routes!(delegations::list, delegations::create))
            .routes(routes!(delegations::end))
            .routes(routes!(flows::list, flows::create))
            .routes(routes!(flows::edit, flows::remove))
            .routes(routes!(flows::hours, flows::set_hours))
            .routes(routes!(authorities::list, authorities::create))
            .routes(routes!(authorities::edit, authorities::remove))
            .routes(routes!(authorities::reviewed)),
        pages: page::pages(),
        permissions: PERMISSIONS,
        subscriptions: vec![Subscription { name: "reviews.course", version: 1, reset: None, kinds: on_events::KINDS, handle: on_events::handle }],
        timers: timers::HANDLERS.to_vec(),
        parts: vec![pack_reviews::PART],
        ..Module::new("reviews")
    }
}
