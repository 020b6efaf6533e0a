//! The identity capability through its HTTP API, on both databases.

mod command_line;
mod house;
mod letters;
mod matrix;
mod organisation;
mod people;
mod race;
mod second_factor;
mod seed;
mod session;
mod setup;
mod throttle;
mod tokens;
