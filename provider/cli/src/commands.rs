//! One file a verb; this one only says which.

mod auth_check;
mod auth_login;
mod auth_logout;
mod auth_rotate;
mod auth_status;
mod check;
mod completions;
mod down;
mod env_down;
mod env_exec;
mod env_logs;
mod env_ls;
mod env_up;
mod explain;
mod export;
mod graph;
mod import;
mod init;
mod kubeconfig;
mod list;
mod migrate;
mod ngc_check;
mod ngc_fix;
mod ngc_gates;
mod ngc_mock;
mod novita;
mod outputs;
mod passphrase;
mod preview;
mod refresh;
mod remove;
mod slurm;
mod state;
mod status;
mod token_services;
mod tokens_check;
mod tokens_loader;
mod tokens_local;
mod tokens_secret;
mod tokens_sync;
mod unlock;
mod up;
mod validate;
mod version;

use std::collections::BTreeSet;
use std::path::PathBuf;

use mops_core::StackId;
use mops_engine::program::Component;
use mops_wire::Origin;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::app::App;
use crate::args::{
    AuthVerb, DevArgs, DevVerb, EnvVerb, InfraVerb, Part, PassphraseArgs, PassphraseVerb, TokensVerb, Verb,
};
use crate::bundle_env;
use crate::exit::{Failure, Outcome};
use crate::pointed::Pointed;

pub(crate) use auth_check::PullableLine;
pub(crate) use auth_login::LoggedInLine;
pub(crate) use auth_logout::LoggedOutLine;
pub(crate) use auth_rotate::{KeyRotatedLine, NovitaRotatedLine, RotationLine};
pub(crate) use auth_status::{IdentityLine, RegistryLoginsLine};
pub(crate) use check::{CleanedLine, PermissionsLine, PushedLine, WatchingLine};
pub(crate) use completions::CompletionsLine;
pub(crate) use down::options as down_options;
pub(crate) use env_down::DownLine;
pub(crate) use env_exec::{EndedLine, OutputLine};
pub(crate) use env_ls::ContainerLine;
pub(crate) use env_up::{EnvironmentLine, PulledLine};
pub(crate) use explain::CauseLine;
pub(crate) use export::ExportLine;
pub(crate) use graph::GraphLine;
pub(crate) use import::{AdoptedLine, ImportedLine};
pub(crate) use init::{InitLine, StarterLine};
pub(crate) use kubeconfig::{KubeconfigLine, MergedLine};
pub(crate) use list::StackLine;
pub(crate) use migrate::MigratedLine;
pub(crate) use ngc_fix::{NgcFixPlanLine, NgcFixedLine};
pub(crate) use ngc_mock::{MockServingLine, MockSwitchedLine};
pub(crate) use novita::{
    NovitaAuthCreatedLine, NovitaAuthDeletedLine, NovitaAuthLine, NovitaCheckLine, NovitaInstanceCreatedLine,
    NovitaInstanceDoneLine, NovitaInstanceLine, NovitaStepLine,
};
pub(crate) use outputs::{OutputsLine, print_asked as print_outputs, show as show_outputs};
pub(crate) use passphrase::RotatedLine;
pub(crate) use refresh::{drops, options as refresh_options};
pub(crate) use remove::RemovedLine;
pub(crate) use slurm::{JobLine, JobLogLine, SubmittedLine};
pub(crate) use state::{ForgottenLine, ResourceLine, UnprotectedLine};
pub(crate) use status::{StatusLine, show as show_status};
pub(crate) use tokens_check::TokensCheckedLine;
pub(crate) use tokens_loader::LoaderLine;
pub(crate) use tokens_local::TokensHereLine;
pub(crate) use tokens_secret::{TokensAppliedLine, TokensInClusterLine};
pub(crate) use tokens_sync::TokensSentLine;
pub(crate) use unlock::UnlockedLine;
pub(crate) use up::{BundleEnvLine, write_bundle_env};
pub(crate) use validate::ValidLine;
pub(crate) use version::VersionLine;

/// Runs a verb.
pub(crate) fn run(app: &App, verb: Verb) -> Outcome {
    match verb {
        Verb::Infra(args) => infra(app, args.verb),
        Verb::Auth(args) => auth(app, args.verb),
        Verb::Env(args) => env(app, args.verb),
        Verb::Tokens(args) => tokens(app, args.verb),
        Verb::Slurm(args) => slurm::run(app, args.verb),
        Verb::Ngc(args) => ngc_check::ngc(app, args.verb),
        Verb::Novita(args) => novita::run(app, args.verb),
        Verb::Explain(args) => explain::run(app, &args),
        Verb::Completions(args) => Ok(completions::run(app, &args)),
        Verb::Version => Ok(version::run(app)),
        Verb::DiagnoseAuth(args) | Verb::Dev(DevArgs { verb: DevVerb::DiagnoseAuth(args) }) => {
            check::diagnose(app, &args)
        }
        Verb::SmokeTest(args) | Verb::Dev(DevArgs { verb: DevVerb::SmokeTest(args) }) => check::smoke_test(app, &args),
    }
}

fn auth(app: &App, verb: AuthVerb) -> Outcome {
    match verb {
        AuthVerb::Login(args) => auth_login::run(app, &args),
        AuthVerb::Logout(args) => auth_logout::run(app, &args),
        AuthVerb::Status(args) => auth_status::run(app, &args),
        AuthVerb::Check(args) => auth_check::run(app, &args),
        AuthVerb::Rotate(args) => auth_rotate::run(app, &args.kind),
        AuthVerb::Migrate(args) => migrate::run(app, &args),
    }
}

fn env(app: &App, verb: EnvVerb) -> Outcome {
    match verb {
        EnvVerb::Up(args) => env_up::run(app, &args),
        EnvVerb::Exec(args) => env_exec::run(app, &args),
        EnvVerb::Down(args) => env_down::run(app, &args),
        EnvVerb::Logs(args) => env_logs::run(app, &args),
        EnvVerb::Ls => env_ls::run(app),
    }
}

fn tokens(app: &App, verb: TokensVerb) -> Outcome {
    match verb {
        TokensVerb::Sync(args) => tokens_sync::run(app, &args),
        TokensVerb::Check(args) => tokens_check::run(app, &args),
        TokensVerb::Loader(args) => tokens_loader::run(app, &args),
    }
}

fn infra(app: &App, verb: InfraVerb) -> Outcome {
    match verb {
        InfraVerb::Init(args) => init::run(app, &args),
        InfraVerb::Validate(args) => validate::run(app, &args),
        InfraVerb::Refresh(args) => refresh::run(app, &args),
        InfraVerb::Status(args) => status::run(app, &args),
        InfraVerb::Outputs(args) => outputs::run(app, &args),
        InfraVerb::Graph(args) => graph::run(app, &args),
        InfraVerb::Kubeconfig(args) => kubeconfig::run(app, &args),
        InfraVerb::List => list::run(app),
        InfraVerb::Remove(args) => remove::run(app, &args),
        InfraVerb::Export(args) => export::run(app, &args),
        InfraVerb::Import(args) => import::run(app, &args),
        InfraVerb::Unlock(args) => unlock::run(app, &args),
        InfraVerb::Passphrase(PassphraseArgs { verb: PassphraseVerb::Rotate(args) }) => passphrase::run(app, &args),
        InfraVerb::State(args) => state::run(app, &args.verb),
        InfraVerb::Preview(args) => preview::run(app, &args),
        InfraVerb::Up(args) => up::run(app, &args),
        InfraVerb::Down(args) => down::run(app, &args),
    }
}

/// The components of `-c`; `None` for all.
fn selected(parts: &[Part]) -> Option<BTreeSet<Component>> {
    (!parts.is_empty()).then(|| parts.iter().map(|p| p.component()).collect())
}

/// Where the bundle-env file of a stack is.
fn bundle_env_path(app: &App, stack: &StackId, pointed: &Pointed) -> Result<PathBuf, Failure> {
    Ok(match &pointed.env_file {
        Some(name) => app.env.path(name),
        None => bundle_env::default_path(&app.home()?, stack),
    })
}

/// Removes it; the stack has no registry or no storage any more.
fn remove_bundle_env(app: &App, stack: &StackId, pointed: &Pointed) -> Result<(), Failure> {
    let path = bundle_env_path(app, stack, pointed)?;
    if bundle_env::remove(&path, stack)? {
        app.printer.note(&format!("removed `{}`", path.display()));
    }
    Ok(())
}

/// The registry that a verb about logins means.
fn registry_host(app: &App, given: Option<&str>) -> Result<String, Failure> {
    let Some(given) = given else { return Ok(mops_logins::ngc_host(&app.env)) };
    let bare = given.trim_start_matches("https://").trim_end_matches('/').to_ascii_lowercase();
    match Origin::https(&bare) {
        Some(_) if !bare.contains('/') => Ok(bare),
        _ if given.starts_with("http://") => {
            Err(Failure::usage(format!("`{given}` is not https"), "a login is sent encrypted or not at all"))
        }
        _ => Err(Failure::usage(format!("`{given}` is not a registry's host"), "for example `nvcr.io` or `host:5000`")),
    }
}

/// ISO 8601, to the second.
fn date(at: Option<OffsetDateTime>) -> Option<String> {
    at?.replace_nanosecond(0).ok()?.format(&Rfc3339).ok()
}
