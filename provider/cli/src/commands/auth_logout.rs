//! `mops auth logout`: the login goes from every place of this machine that keeps one (`tests/auth_login.rs`, L-08).

use mops_logins::Forget;
use schemars::JsonSchema;
use serde::Serialize;

use super::auth_login::{named, not_saved};
use super::registry_host;
use crate::app::App;
use crate::args::LogoutArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::key;

/// A login is forgotten.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LoggedOutLine {
    /// The registry.
    host: String,
    /// The places that had one.
    places: Vec<String>,
    /// Variables that still hold a key for it.
    variables: Vec<String>,
}

pub(crate) fn run(app: &App, args: &LogoutArgs) -> Outcome {
    key::none_of([&args.host, &args.profile].into_iter().flatten().map(|w| &**w))?;
    let host = registry_host(app, args.host.as_deref())?;
    let which = match (&args.profile, args.all) {
        (Some(name), _) => Forget::Profile(name.clone()),
        (None, true) => Forget::All,
        (None, false) => Forget::Current,
    };
    app.wait_for(async {
        let clock = mops_host::SystemClock::shared();
        let places =
            mops_logins::forget(&app.env, &clock, &host, &which).await.map_err(|error| match not_saved(error) {
                Failure::Error(_, error) => Failure::Error(Exit::Failed, error),
                other => other,
            })?;
        let variable = mops_logins::usual_key(&app.env, &host).map(|(name, _)| name.to_owned());
        let variables: Vec<String> = variable.into_iter().collect();
        told(app, &host, &places, &variables);
        app.printer.event(&LoggedOutLine { host, places, variables });
        Ok(Exit::Ok)
    })
}

fn told(app: &App, host: &str, places: &[String], variables: &[String]) {
    match places.is_empty() {
        true => app.printer.tell(&format!("not logged in to {host}")),
        false => app.printer.tell(&format!("logged out of {host}: removed from {}", named(places))),
    }
    if !places.is_empty() {
        app.printer.note("the key itself stays valid until it is revoked where it was made");
    }
    for name in variables {
        app.printer.note(&format!("`{name}` still holds a key for {host}, and tools will use it"));
    }
    app.printer.hint(&format!("`mops auth login {host}` logs in again"));
}
