//! `mops env down`: the container of this folder, or every one of ours, is stopped, and removed with `--rm`. Nothing to do
//! is as good (`tests/env_up.rs`, L-18).

use mops_host::fsx;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::EnvDownArgs;
use crate::containers::{Site, failed};
use crate::exit::{Exit, Failure, Outcome};

/// A container does not run any more.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DownLine {
    /// Its name.
    name: String,
    /// `stopped`, `removed`, or `absent` when there was none.
    action: &'static str,
}

pub(crate) fn run(app: &App, args: &EnvDownArgs) -> Outcome {
    app.wait_for(async {
        let site = Site::find(app, &args.name).await?;
        let mut names = vec![site.name.clone()];
        if args.all {
            let all = site.engine.list().await.map_err(|error| failed(&error, "the list of containers"))?;
            names = all.iter().map(|one| one.name().to_owned()).collect();
        }
        if names.is_empty() {
            app.printer.tell("no container of ours is there");
        }
        for name in names {
            down(app, args, &Site { name, engine: site.engine.clone(), folder: site.folder.clone() }).await?;
        }
        Ok(Exit::Ok)
    })
}

async fn down(app: &App, args: &EnvDownArgs, site: &Site) -> Result<(), Failure> {
    let found = site.container().await?;
    let wrong = |error| failed(&error, &site.name);
    let action = match &found {
        None => "absent",
        Some(container) => {
            site.engine.stop(&container.id, args.time.as_secs()).await.map_err(wrong)?;
            if args.rm { "removed" } else { "stopped" }
        }
    };
    if let Some(container) = found.filter(|_| args.rm) {
        site.engine.remove(&container.id).await.map_err(wrong)?;
        forget(app, site);
    }
    app.printer.event(&DownLine { name: site.name.clone(), action });
    app.printer.tell(&match action {
        "absent" => format!("{} does not exist", site.name),
        action => format!("{} is {action}", site.name),
    });
    Ok(())
}

/// The note of what was installed in it; one that stays is for a container that will never be.
fn forget(app: &App, site: &Site) {
    let marker = site.folder.join(".mops").join(format!("requirements-{}", site.name));
    if let Err(error) = fsx::remove(&marker) {
        app.printer.note(&format!("`{}` stays: {}", marker.display(), fsx::reason(&error)));
    }
}
