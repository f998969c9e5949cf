//! `mops novita instance get`.

use super::{NovitaInstanceLine, client, failure, table};
use crate::app::App;
use crate::args::NovitaInstanceIdArgs;
use crate::exit::{Exit, Outcome};
use crate::key;

pub(super) fn run(app: &App, args: &NovitaInstanceIdArgs) -> Outcome {
    key::none_of([args.id.as_str()])?;
    let novita = client(app, &args.key)?;
    app.wait_for(async {
        let one = novita.instance(&args.id).await.map_err(|error| failure(&novita, error, &args.id))?;
        app.printer.event(&NovitaInstanceLine::of(&one));
        if !app.printer.look().json {
            table(app, std::slice::from_ref(&one));
        }
        Ok(Exit::Ok)
    })
}
