//! `mops novita instance list`.

use super::{NovitaInstanceLine, client, failure, table};
use crate::app::App;
use crate::args::NovitaInstanceListArgs;
use crate::exit::{Exit, Outcome};

pub(super) fn run(app: &App, args: &NovitaInstanceListArgs) -> Outcome {
    let novita = client(app, &args.key)?;
    app.wait_for(async {
        let all = novita.instances(args.name.as_deref(), args.status.as_deref()).await;
        let all = all.map_err(|error| failure(&novita, error, "the list of instances"))?;
        all.iter().for_each(|one| app.printer.event(&NovitaInstanceLine::of(one)));
        if all.is_empty() {
            app.printer.tell("there is no such instance");
        } else if !app.printer.look().json {
            table(app, &all);
        }
        Ok(Exit::Ok)
    })
}
