//! `mops novita instance start`, `stop` and `delete`.

use mops_clients::novita::Deed;
use schemars::JsonSchema;
use serde::Serialize;

use super::{client, failure};
use crate::app::App;
use crate::args::NovitaKeyArgs;
use crate::exit::{Exit, Outcome};
use crate::key;

/// Something was done to an instance of Novita.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NovitaInstanceDoneLine {
    /// Its id.
    id: String,
    /// `started`, `stopped` or `deleted`.
    done: &'static str,
    /// Whether it was there.
    existed: bool,
}

pub(super) fn run(app: &App, deed: Deed, id: &str, idempotent: bool, key: &NovitaKeyArgs) -> Outcome {
    key::none_of([id])?;
    let novita = client(app, key)?;
    app.wait_for(async {
        let existed = match novita.deed(id, deed).await {
            Ok(()) => true,
            Err(error) if idempotent && error.is_not_found() => false,
            Err(error) => return Err(failure(&novita, error, id)),
        };
        let done = word(deed);
        app.printer.event(&NovitaInstanceDoneLine { id: id.to_owned(), done, existed });
        app.printer.tell(&if existed { format!("{done} `{id}`") } else { format!("there was no `{id}`") });
        if deed == Deed::Stop {
            app.printer.hint(&format!("its disk is still paid for; `mops novita instance delete {id}` takes it away"));
        }
        Ok(Exit::Ok)
    })
}

const fn word(deed: Deed) -> &'static str {
    match deed {
        Deed::Start => "started",
        Deed::Stop => "stopped",
        Deed::Delete => "deleted",
    }
}
