//! `mops novita`: the key, the client, and how an error of the service ends a verb. One file a verb below.

mod auth_create;
mod auth_delete;
mod auth_get;
mod auth_list;
mod check;
mod instance_create;
mod instance_deed;
mod instance_get;
mod instance_list;

use std::path::Path;

use mops_clients::novita::{
    BASE, Base, Deed, Instance, Kind, Novita, NovitaError, RegistryAuth, Template, read_template,
};
use mops_core::{Class, Error, Secret};
use mops_diagnose::Finding;
use mops_diagnose::novita::{self as seen, Observation};
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::args::{NovitaAuthVerb, NovitaInstanceVerb, NovitaKeyArgs, NovitaVerb};
use crate::exit::{Caused, Exit, Failure, Outcome};
use crate::key::{self, Asked, Flags};
use crate::printer::Table;

pub(crate) use auth_create::NovitaAuthCreatedLine;
pub(super) use auth_create::password;
pub(crate) use auth_delete::NovitaAuthDeletedLine;
pub(super) use auth_delete::templates;
pub(crate) use check::NovitaCheckLine;
pub(crate) use instance_create::{NovitaInstanceCreatedLine, NovitaStepLine};
pub(crate) use instance_deed::NovitaInstanceDoneLine;

/// A registry login that Novita keeps; never its password.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NovitaAuthLine {
    /// Its id.
    id: String,
    /// The registry, as it was given.
    name: String,
    /// The user.
    username: String,
}

impl NovitaAuthLine {
    fn of(auth: &RegistryAuth) -> Self {
        Self { id: auth.id.clone(), name: auth.name.clone(), username: auth.username.clone() }
    }
}

/// An instance of Novita.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NovitaInstanceLine {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// Novita's word for what it does.
    status: String,
    /// Its image.
    image: String,
    /// Its product.
    product: String,
    /// What went wrong with it, in Novita's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

impl NovitaInstanceLine {
    fn of(one: &Instance) -> Self {
        let Instance { id, name, status, image, product, .. } = one.clone();
        Self { id, name, status, image, product, fault: fault(one) }
    }
}

fn fault(one: &Instance) -> Option<String> {
    let (state, message) = one.fault.as_ref()?;
    Some([state.as_str(), message.as_str()].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(": "))
}

/// Instances for a terminal.
fn table(app: &App, all: &[Instance]) {
    let mut table = Table::new(&["ID", "NAME", "STATUS", "IMAGE"]);
    for one in all {
        table.row([&one.id, &one.name, &one.status, &one.image]);
    }
    app.printer.data(&table.render(app.printer.look().width));
    for one in all {
        if let Some(fault) = fault(one) {
            app.printer.note(&format!("`{}`: {fault}", one.id));
        }
    }
}

/// Runs a verb.
pub(crate) fn run(app: &App, verb: NovitaVerb) -> Outcome {
    match verb {
        NovitaVerb::Auth(args) => match args.verb {
            NovitaAuthVerb::List(args) => auth_list::run(app, &args),
            NovitaAuthVerb::Get(args) => auth_get::run(app, &args),
            NovitaAuthVerb::Create(args) => auth_create::run(app, &args),
            NovitaAuthVerb::Delete(args) => auth_delete::run(app, &args),
        },
        NovitaVerb::Instance(args) => match args.verb {
            NovitaInstanceVerb::Create(args) => instance_create::run(app, &args),
            NovitaInstanceVerb::Get(args) => instance_get::run(app, &args),
            NovitaInstanceVerb::List(args) => instance_list::run(app, &args),
            NovitaInstanceVerb::Start(args) => instance_deed::run(app, Deed::Start, &args.id, false, &args.key),
            NovitaInstanceVerb::Stop(args) => instance_deed::run(app, Deed::Stop, &args.id, false, &args.key),
            NovitaInstanceVerb::Delete(args) => {
                instance_deed::run(app, Deed::Delete, &args.id, args.idempotent, &args.key)
            }
        },
        NovitaVerb::Check(args) => check::run(app, &args),
    }
}

/// The client, with the key that flags, the variable or the keyboard give. Nothing is sent yet.
pub(super) fn client(app: &App, args: &NovitaKeyArgs) -> Result<Novita, Failure> {
    let base = base(app)?;
    let key = api_key(app, args, &base)?;
    let http = app.session(&app.pointed_without_stack()?)?.http()?;
    Ok(Novita::new(http, base, key).with_cancel(&app.cancel))
}

pub(super) fn base(app: &App) -> Result<Base, Failure> {
    let named = app.env.get("NOVITA_API_BASE_URL");
    Base::parse(named.unwrap_or(BASE)).map_err(|why| {
        let hint = format!("take it away, or give an address as `{BASE}`");
        Failure::usage(format!("NOVITA_API_BASE_URL cannot be used: {why}"), hint)
    })
}

fn api_key(app: &App, args: &NovitaKeyArgs, base: &Base) -> Result<Secret<String>, Failure> {
    use std::io::IsTerminal as _;
    let flags = Flags {
        begin: "--key",
        stdin: args.key_stdin,
        file: args.key_file.as_deref(),
        variable: args.key_env.as_deref(),
    };
    let named = flags.stdin || flags.file.is_some() || flags.variable.is_some();
    let usual = Flags { variable: app.env.has(seen::KEY).then_some(seen::KEY), ..flags };
    if !named && usual.variable.is_none() && !std::io::stdin().is_terminal() {
        let error = Error::new(Class::User, format!("there is no key for Novita: `{}` is not set", seen::KEY));
        return Err(caused(error, Exit::Usage, "CONFIGURATION", &seen::no_key(&base.host())));
    }
    let asked = Asked { name: "Novita API key", usual: None };
    Ok(key::read_by(app, if named { flags } else { usual }, asked)?.0)
}

/// How an error of the service ends a verb; `target` is the instance or template that was asked for.
pub(super) fn failure(novita: &Novita, error: NovitaError, target: &str) -> Failure {
    if matches!(&error, NovitaError::Wire(mops_wire::WireError::Canceled { .. })) {
        return Failure::Told(Exit::Interrupted);
    }
    let seen = seen::failed(&error, &novita.base().host(), target);
    let (exit, kind) = (exit(&error), error.kind().word());
    caused(error.into(), exit, kind, &seen)
}

/// What the service refuses failed; what it was not asked, or did not answer, could not run.
fn exit(error: &NovitaError) -> Exit {
    match error {
        NovitaError::Limits(_) => Exit::Usage,
        _ => match error.kind() {
            Kind::NetworkError | Kind::RequestTimeout | Kind::ServerError | Kind::TlsError => Exit::CouldNotRun,
            Kind::RateLimit | Kind::CircuitBreakerOpen => Exit::CouldNotRun,
            _ => Exit::Failed,
        },
    }
}

/// The error with the cause that the catalogue knows for it, and its way out.
fn caused(error: Error, exit: Exit, kind: &'static str, seen: &[Observation]) -> Failure {
    let finding = seen::causes(seen).into_iter().next();
    let error = match &finding {
        Some(finding) => told_with(error, finding),
        None => error,
    };
    Failure::Caused(Box::new(Caused { exit, error, cause: finding.map(|finding| finding.cause_id), kind }))
}

fn told_with(error: Error, finding: &Finding) -> Error {
    let sure = finding.confidence.map_or("no rule", mops_diagnose::rule::Confidence::word);
    let error = error.note(format!("cause: {} ({sure})", finding.cause_id));
    match finding.fixes.first() {
        Some(fix) if error.hint_text().is_none() => error.hint(way_out(fix)),
        _ => error,
    }
}

fn way_out(fix: &mops_diagnose::finding::Fix) -> String {
    let command = fix.command.as_ref().map(|command| format!(": `{command}`")).unwrap_or_default();
    let page = fix.page.as_ref().map(|page| format!(" ({page})")).unwrap_or_default();
    format!("{}{command}{page}", fix.text)
}

/// A template of a file, YAML or JSON.
pub(super) fn template_file(app: &App, path: &Path) -> Result<Template, Failure> {
    let name = path.display();
    if !path.is_file() {
        let hint = "give the path of a template, or the id of one that Novita keeps; nothing was sent";
        return Err(Failure::usage(format!("there is no template `{name}`"), hint));
    }
    let text = app.read_source(path)?;
    let json: serde_json::Value = serde_saphyr::from_str(&text).map_err(|error| {
        Failure::usage(format!("`{name}` is neither YAML nor JSON: {}", first_line(&error)), "look at that line")
    })?;
    let template = read_template(&json).map_err(|error| {
        let hint = "nothing was sent; `mops novita auth list` shows the registry logins that a template can name";
        Failure::usage(format!("the template `{name}` cannot be used: {error}"), hint)
    })?;
    if !template.unused.is_empty() {
        app.printer.note(&format!("`{name}`: {} mean nothing here", template.unused.join(", ")));
    }
    Ok(template)
}

/// Without the lines of the file, which may hold values.
fn first_line(error: &serde_saphyr::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().chars().take(120).collect()
}
