//! `mops novita auth create`: has Novita keep a registry login, and tells the id by which templates name it
//! (`tests/novita.rs`, V-03).

use mops_core::Secret;
use schemars::JsonSchema;
use serde::Serialize;

use super::{client, failure};
use crate::app::App;
use crate::args::{NovitaAuthCreateArgs, NovitaPasswordArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::key::{self, Asked, Flags};

/// Novita keeps a registry login.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NovitaAuthCreatedLine {
    /// Its id, for `imageAuth` of templates.
    id: String,
    /// The registry.
    name: String,
    /// The user.
    username: String,
    /// Where the password was read.
    source: String,
}

pub(super) fn run(app: &App, args: &NovitaAuthCreateArgs) -> Outcome {
    key::none_of([args.registry.as_str(), args.username.as_str()])?;
    let registry = args.registry.trim_end_matches('/');
    if registry.contains('@') {
        return Err(Failure::usage("the registry has a login in it", "give its host alone, and the user by `-u`"));
    }
    let novita = client(app, &args.key)?;
    let (password, source) = read(app, &args.password)?;
    app.wait_for(async {
        let made = novita.create_auth(registry, &args.username, &password).await;
        let made = made.map_err(|error| failure(&novita, error, ""))?;
        app.printer.event(&NovitaAuthCreatedLine {
            id: made.id.clone(),
            name: made.name.clone(),
            username: made.username.clone(),
            source: source.clone(),
        });
        if !app.printer.look().json {
            app.printer.data(&made.id);
        }
        app.printer.tell(&format!("Novita keeps the login of {registry} as `{}`", made.id));
        app.printer.hint(&format!("templates name it by `imageAuth: {}`", made.id));
        Ok(Exit::Ok)
    })
}

/// The password of a registry.
pub(in crate::commands) fn password(app: &App, args: &NovitaPasswordArgs) -> Result<Secret<String>, Failure> {
    Ok(read(app, args)?.0)
}

fn read(app: &App, args: &NovitaPasswordArgs) -> Result<(Secret<String>, String), Failure> {
    key::read_by(app, flags(args), Asked { name: "password of the registry", usual: None })
}

fn flags(args: &NovitaPasswordArgs) -> Flags<'_> {
    let (file, variable) = (args.password_file.as_deref(), args.password_env.as_deref());
    Flags { begin: "--password", stdin: args.password_stdin, file, variable }
}
