//! Conversations, messages and cases: from the first word of a customer to the verified end.
//!
//! One verb, one file. [`case::Case`] is the head of a case, [`change`] the ways it changes; intake and the other
//! `on_…` files react to what others tell, the rest are commands and questions of people.

mod action;
mod aside;
mod assign;
mod attachment;
mod bulk;
mod canned;
mod case;
mod change;
mod children;
mod close;
mod compose;
mod conversation;
mod create;
mod deed;
mod draft;
mod every;
mod edit;
mod ends;
mod fields;
mod gate;
mod had;
mod hand_over;
mod html;
mod input;
mod intake;
mod job;
mod kinds;
mod link;
mod merge;
mod message;
mod message_view;
mod names;
mod note;
mod on_channel;
mod on_complaints;
mod on_customers;
mod on_identity;
mod on_reviews;
mod on_routing;
mod on_wish;
mod outgoing;
mod pack_canned;
mod pack_templates;
mod pack_types;
mod participant;
mod post;
mod recurring;
mod remind;
mod render;
mod send;
mod show;
mod snooze;
mod split;
mod steps;
mod summary;
mod tag;
mod templates;
mod thread;
mod ties;
mod timeline;
mod type_admin;
mod type_answers;
mod type_change;
mod type_store;
mod type_try;
mod types;
mod upload;
mod upload_sweep;
mod verified;
mod verify;
mod verify_ask;
mod verify_page;
mod view;
mod watch;
mod wish_action;
mod work_order;

use shouwen_store::{BlobUse, Migration};
use shouwen_web::{Module, OpenApiRouter};

shouwen_web::permissions! {
    /// Read cases and their messages.
    CaseRead = "case.read", "查看工单", "Read cases";
    /// Open cases by hand.
    CaseCreate = "case.create", "新建工单", "Create cases";
    /// Write to customers.
    CaseReply = "case.reply", "回复客户", "Reply to customers";
    /// Write internal notes.
    CaseNote = "case.note", "添加内部备注", "Write internal notes";
    /// Change fields, stage, tags, links, watchers.
    CaseEdit = "case.edit", "编辑工单", "Edit cases";
    /// Assign, transfer, hand over accountability.
    CaseAssign = "case.assign", "分派与转派", "Assign and transfer cases";
    /// Resolve, close, reopen.
    CaseClose = "case.close", "办结与重开", "Resolve, close and reopen cases";
    /// Merge and split.
    CaseMerge = "case.merge", "合并与拆分", "Merge and split cases";
    /// Give the accountability for a case to somebody else without their acceptance.
    CaseAccountability = "case.accountability", "指定首问责任人", "Name the accountable person";
    /// Change case types: stages, forms, verification.
    CaseTypeManage = "case_type.manage", "维护工单类型", "Manage case types";
    /// Change canned replies.
    CannedEdit = "canned.edit", "维护快捷回复", "Edit canned replies";
}

#[doc(hidden)]
pub use upload_sweep::sweep as sweep_uploads;

/// The tables of this capability.
pub const MIGRATIONS: &[Migration] = &[
    Migration { capability: "casework", version: 1, sql: include_str!("../migrations/0001_casework.sql") },
    Migration { capability: "casework", version: 2, sql: include_str!("../migrations/0002_customer_sight.sql") },
    Migration { capability: "casework", version: 3, sql: include_str!("../migrations/0003_loop.sql") },
    Migration { capability: "casework", version: 4, sql: include_str!("../migrations/0004_templates.sql") },
    Migration { capability: "casework", version: 5, sql: include_str!("../migrations/0005_grounds.sql") },
    Migration { capability: "casework", version: 6, sql: include_str!("../migrations/0006_template_packs.sql") },
    Migration { capability: "casework", version: 7, sql: include_str!("../migrations/0007_upload_sweep.sql") },
];

/// Every column that names blobs. Uploads first: a file goes from there into a message.
const BLOBS: &[BlobUse] = &[
    BlobUse { table: "case_upload", column: "sha256", key: "id", only: "" },
    BlobUse { table: "case_message", column: "content", key: "id", only: "" },
    BlobUse { table: "case_message", column: "raw", key: "id", only: "raw IS NOT NULL" },
    BlobUse { table: "case_attachment", column: "sha256", key: "id", only: "" },
    BlobUse { table: "case_verification", column: "signature", key: "id", only: "signature IS NOT NULL" },
];

/// What this capability brings to the product.
pub fn module() -> Module {
    let routes = OpenApiRouter::new()
        .merge(show::routes())
        .merge(timeline::routes())
        .merge(post::routes())
        .merge(assign::routes())
        .merge(summary::routes())
        .merge(close::routes())
        .merge(ends::routes())
        .merge(link::routes())
        .merge(upload::routes())
        .merge(create::routes())
        .merge(edit::routes())
        .merge(tag::routes())
        .merge(watch::routes())
        .merge(snooze::routes())
        .merge(participant::routes())
        .merge(draft::routes())
        .merge(outgoing::routes())
        .merge(attachment::routes())
        .merge(html::routes())
        .merge(types::routes())
        .merge(type_admin::routes())
        .merge(type_try::routes())
        .merge(fields::routes())
        .merge(verify::routes())
        .merge(verify_ask::routes())
        .merge(hand_over::routes())
        .merge(work_order::routes())
        .merge(recurring::routes())
        .merge(templates::routes())
        .merge(remind::routes())
        .merge(merge::routes())
        .merge(split::routes())
        .merge(canned::routes())
        .merge(render::routes())
        .merge(bulk::routes())
        .merge(job::routes());
    Module {
        migrations: MIGRATIONS,
        routes,
        pages: verify_page::pages(),
        permissions: PERMISSIONS,
        subscriptions: vec![
            on_identity::SUBSCRIPTION,
            on_channel::INBOXES,
            on_customers::NAMES,
            on_customers::INTAKE,
            on_customers::MATCHED,
            on_channel::DELIVERY,
            on_routing::SUBSCRIPTION,
            on_wish::SUBSCRIPTION,
            on_reviews::SUBSCRIPTION,
            on_complaints::SUBSCRIPTION,
        ],
        timers: vec![snooze::TIMER, bulk::TIMER, type_change::TIMER, type_answers::TIMER, hand_over::TIMER, recurring::TIMER],
        blobs: BLOBS,
        tasks: vec![|app| Box::pin(upload_sweep::run(app))],
        parts: vec![pack_types::PART, pack_canned::PART, pack_templates::PART],
        ..Module::new("casework")
    }
}
