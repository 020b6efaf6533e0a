//! Casework against its HTTP API, on SQLite and PostgreSQL.

mod bulk;
mod canned;
mod closed_loop;
mod commands;
mod customers;
mod doors;
mod common;
mod files;
mod forms;
mod intake;
mod merge;
mod messages;
mod orders;
mod owner;
mod packs;
mod rights;
mod speed;
mod timeline;
mod types;
