//! Casework against its HTTP API, on SQLite and PostgreSQL.

mod bulk;
mod canned;
mod commands;
mod customers;
mod common;
mod files;
mod intake;
mod merge;
mod messages;
mod owner;
mod rights;
mod speed;
mod timeline;
