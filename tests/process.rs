//! Promises about the built programs, found through MOPS_BIN_DIR, which `make test` sets.

#[path = "house.rs"]
mod house;
