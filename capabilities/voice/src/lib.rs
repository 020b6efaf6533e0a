//! The customer's voice: a satisfaction request after closing, one click in the mail, one answer, an optional comment.

mod ask;
mod cases;
mod link;
mod page;
mod settings;
mod surveys;

use shouwen_store::{Migration, Subscription, TimerHandler};
use shouwen_web::{Module, OpenApiRouter, axum, permissions, routes};

permissions! {
    /// Read what customers answered.
    SurveyRead = "survey.read", "查看满意度回答", "Read satisfaction answers";
    /// Decide when customers are asked.
    SurveyManage = "survey.manage", "管理满意度调查", "Manage satisfaction requests";
}

/// Declared by casework.
pub(crate) struct CaseRead;
impl shouwen_kernel::Permission for CaseRead {
    const CODE: &'static str = "case.read";
}

/// The capability.
pub fn module() -> Module {
    Module {
        migrations: &[Migration { capability: "voice", version: 1, sql: include_str!("../migrations/0001_survey.sql") }],
        routes: OpenApiRouter::new().routes(routes!(settings::show, settings::edit)).routes(routes!(surveys::of_case)).routes(routes!(surveys::list)),
        pages: axum::Router::new().route("/s/{token}", axum::routing::get(page::show).post(page::answer)),
        permissions: PERMISSIONS,
        subscriptions: vec![Subscription { name: "voice.cases", version: 1, reset: None, kinds: cases::KINDS, handle: cases::handle }],
        timers: vec![TimerHandler { kind: ask::TIMER, handle: ask::due }],
        ..Module::new("voice")
    }
}
