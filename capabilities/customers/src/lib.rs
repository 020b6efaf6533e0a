//! Customers: who they are, how they are reached, what may be shown of them.
//!
//! A message's sender is found by the blind index of the address, or becomes a new customer; either way exactly one
//! `customer.recognised` follows each `message.received`, and casework goes on from there.

mod create;
mod edit;
mod id_number;
mod identities;
mod identity;
mod input;
mod list;
mod merge;
mod names;
mod newcomer;
mod on_casework;
mod on_channel;
mod on_identity;
mod personal;
mod record;
mod reveal;
mod show;
mod sight;

use shouwen_store::Migration;
use shouwen_web::{Module, OpenApiRouter, routes};

pub use create::{NewCustomer, NewIdentity, create_customer};
pub use id_number::check_id_number;
pub use names::search_keys;
pub use on_channel::RECOGNISE;
pub use record::{Customer, Identity, Personal};
pub use sight::Sight;

shouwen_web::permissions! {
    /// See customers with masked personal data.
    CustomerRead = "customer.read", "查看客户", "Read customers";
    /// Create and change customers.
    CustomerEdit = "customer.edit", "编辑客户", "Edit customers";
    /// See a personal field in the clear; every time is audited.
    CustomerReveal = "customer.reveal", "查看客户敏感信息", "Reveal personal data";
    /// Merge customers and take it back.
    CustomerMerge = "customer.merge", "合并客户", "Merge customers";
}

/// The capability's schema.
pub const MIGRATIONS: &[Migration] = &[
    Migration { capability: "customers", version: 1, sql: include_str!("../migrations/0001_customers.sql") },
    Migration { capability: "customers", version: 2, sql: include_str!("../migrations/0002_sight.sql") },
];

/// What the binary lists.
pub fn module() -> Module {
    let routes = OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(show::show, edit::edit))
        .routes(routes!(reveal::reveal))
        .routes(routes!(identities::add))
        .routes(routes!(identities::remove))
        .routes(routes!(merge::merge, merge::unmerge));
    let subscriptions = vec![on_channel::RECOGNISE, on_casework::JOINED, on_casework::CASES, on_channel::INBOXES, on_identity::ORG_UNITS];
    Module { migrations: MIGRATIONS, routes, permissions: PERMISSIONS, subscriptions, ..Module::new("customers") }
}
