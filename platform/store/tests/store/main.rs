//! One suite, both engines. PostgreSQL runs where `SHOUWEN_TEST_POSTGRES=postgres://…` names a server; each test has a
//! schema of its own there.

mod blobs;
mod durability;
mod house;
mod log;
mod migrations;
mod outbox;
mod scope;
mod small;
mod subscriptions;
mod timers;
mod tls;
mod transactions;
mod upkeep;
mod values;
