//! `mops env ls`: every container that `mops env` made on this engine, and nobody else's (`tests/env_up.rs`, L-18).

use mops_containers::engine::Listed;
use mops_containers::spec::label;
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use super::date;
use crate::app::App;
use crate::containers::{engine, failed};
use crate::exit::{Exit, Outcome};
use crate::printer::{Table, elapsed};

/// A container of `mops env`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ContainerLine {
    /// Its name.
    name: String,
    /// Its id.
    id: String,
    /// The folder of the project.
    folder: String,
    /// The image that it was made from.
    image: String,
    /// The engine's word: `running`, `exited` and so on.
    state: String,
    /// `all`, `none` or numbers.
    gpus: String,
    /// Ways in that are open, `ADDRESS:PORT->PORT`.
    ports: Vec<String>,
    /// When it was made.
    created: String,
}

pub(crate) fn run(app: &App) -> Outcome {
    app.wait_for(async {
        let engine = engine(app).await?;
        let mut all = engine.list().await.map_err(|error| failed(&error, "the list of containers"))?;
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all.iter().for_each(|one| app.printer.event(&line(one)));
        if !app.global.json {
            show(app, &all);
        }
        Ok(Exit::Ok)
    })
}

fn line(one: &Listed) -> ContainerLine {
    ContainerLine {
        name: one.name().to_owned(),
        id: one.id.clone(),
        folder: one.label(label::FOLDER).to_owned(),
        image: one.image.clone(),
        state: one.state.clone(),
        gpus: one.label(label::GPUS).to_owned(),
        ports: one.ways(),
        created: date(OffsetDateTime::from_unix_timestamp(one.created).ok()).unwrap_or_default(),
    }
}

fn show(app: &App, all: &[Listed]) {
    if all.is_empty() {
        app.printer.tell("no container of ours is there");
        return app.printer.hint("`mops env up` makes that of this folder");
    }
    let now = mops_host::SystemClock::shared().now().unix_timestamp();
    let mut table = Table::new(&["NAME", "STATE", "GPUS", "AGE", "PORTS", "IMAGE"]);
    for one in all {
        let age = std::time::Duration::from_secs(now.saturating_sub(one.created).try_into().unwrap_or_default());
        let ports = one.ways().join(",");
        table.row([one.name(), &one.state, one.label(label::GPUS), &elapsed(age), &ports, &one.image]);
    }
    app.printer.data(&table.render(app.printer.look().width));
    for one in all {
        app.printer.note(&format!("{} is that of `{}`", one.name(), one.label(label::FOLDER)));
    }
}
