//! Promises about the built programs, found through MOPS_BIN_DIR, which `make test` sets.

#![cfg(test)]

#[path = "house.rs"]
mod house;
#[path = "cli.rs"]
mod cli;
#[path = "program.rs"]
mod program;
#[path = "scenarios.rs"]
mod scenarios;
#[path = "up_down.rs"]
mod up_down;
#[path = "secrets.rs"]
mod secrets;
