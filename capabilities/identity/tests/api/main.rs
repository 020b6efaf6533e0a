//! The identity capability through its HTTP API, on both databases.

mod command_line;
mod house;
mod matrix;
mod organisation;
mod people;
mod second_factor;
mod session;
mod setup;
mod throttle;
mod tokens;
