//! `mops version`.

use crate::app::App;
use crate::exit::Exit;

pub(crate) fn run(app: &App) -> Exit {
    let version = env!("CARGO_PKG_VERSION");
    let build = if cfg!(debug_assertions) { "dev" } else { "release" };
    let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    if app.printer.look().json {
        let line =
            serde_json::json!({"type": "version", "version": 1, "mops": version, "build": build, "target": target});
        app.printer.object(&line);
    } else {
        app.printer.data(&format!("mops {version} ({build}, {target})"));
    }
    Exit::Ok
}
