//! `mops novita auth get`: one by its exact id; of one that is absent the nearest ids (`tests/novita.rs`, V-02).

use mops_clients::novita::AuthRef;

use super::{NovitaAuthLine, client, failure};
use crate::app::App;
use crate::args::NovitaAuthGetArgs;
use crate::exit::{Exit, Outcome};
use crate::key;
use crate::printer::Table;

pub(super) fn run(app: &App, args: &NovitaAuthGetArgs) -> Outcome {
    key::none_of([args.id.as_str()])?;
    let novita = client(app, &args.key)?;
    app.wait_for(async {
        let wanted = AuthRef::Id(args.id.clone());
        let found = novita.resolve(&wanted).await.map_err(|error| failure(&novita, error, ""))?.auth;
        app.printer.event(&NovitaAuthLine::of(&found));
        if !app.printer.look().json {
            let mut table = Table::new(&["ID", "REGISTRY", "USER"]);
            table.row([&found.id, &found.name, &found.username]);
            app.printer.data(&table.render(app.printer.look().width));
        }
        Ok(Exit::Ok)
    })
}
