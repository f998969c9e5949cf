//! `mops version`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::exit::Exit;

/// Version and build of this program.
#[derive(Serialize, JsonSchema)]
pub(crate) struct VersionLine {
    /// Of the program.
    mops: String,
    /// `release` or `dev`.
    build: String,
    /// Machine and system.
    target: String,
}

pub(crate) fn run(app: &App) -> Exit {
    let version = env!("CARGO_PKG_VERSION");
    let build = if cfg!(debug_assertions) { "dev" } else { "release" };
    let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    if app.printer.look().json {
        app.printer.object(&VersionLine { mops: version.into(), build: build.into(), target });
    } else {
        app.printer.data(&format!("mops {version} ({build}, {target})"));
    }
    Exit::Ok
}
