//! The language plugin: `pulumi-language-modelops [FLAGS] ENGINE`, which Pulumi starts for `runtime: modelops`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mops_pulumi::process::language(std::env::args().skip(1))
}
