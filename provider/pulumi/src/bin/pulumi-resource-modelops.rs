//! The provider plugin: `pulumi-resource-modelops [FLAGS] [ENGINE]`. Started by the engine; by hand, without an address,
//! it waits for an engine that attaches.

use std::process::ExitCode;

fn main() -> ExitCode {
    mops_pulumi::process::provider(std::env::args().skip(1))
}
