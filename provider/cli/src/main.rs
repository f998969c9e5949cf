//! `mops`: the command line. Everything is in the library; this file only leaves the process.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(mops::run(std::env::args_os()))
}
