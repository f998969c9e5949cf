//! `mops novita auth list`: ids, names and users, never a password (`tests/novita.rs`, V-01).

use super::{NovitaAuthLine, client, failure};
use crate::app::App;
use crate::args::NovitaKeyArgs;
use crate::exit::{Exit, Outcome};
use crate::printer::Table;

pub(super) fn run(app: &App, args: &NovitaKeyArgs) -> Outcome {
    let novita = client(app, args)?;
    app.wait_for(async {
        let all = novita.auths().await.map_err(|error| failure(&novita, error, ""))?;
        let mut table = Table::new(&["ID", "REGISTRY", "USER"]);
        for auth in &all {
            app.printer.event(&NovitaAuthLine::of(auth));
            table.row([&auth.id, &auth.name, &auth.username]);
        }
        if !app.printer.look().json && !all.is_empty() {
            app.printer.data(&table.render(app.printer.look().width));
        }
        if all.is_empty() {
            app.printer.tell("Novita keeps no registry login for this account");
            app.printer.hint("`mops novita auth create REGISTRY -u USER` makes one");
        }
        Ok(Exit::Ok)
    })
}
