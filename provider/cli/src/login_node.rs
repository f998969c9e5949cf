//! A SLURM host: where it is, by flags, variables, a profile, the stack file, the file of koa-ml and what is known of KOA,
//! in this order (`tests/tokens_ssh.rs`, `tests/env_file.rs`, K-10, K-17); and what keeps us from it, by its cause.

use std::path::Path;

use mops_core::{Class, Error};
use mops_diagnose::Finding;
use mops_diagnose::rule::Severity;
use mops_engine::stackfile::{self, Spanned};
use mops_host::fsx::{self, reason};
use mops_host::proc::ProcError;
use mops_probe::Observation;
use mops_tokens::cause::{self, causes};
use mops_tokens::ssh::Host;
use serde::Deserialize;

use crate::app::App;
use crate::args::{HostArgs, RemotePathArgs};
use crate::exit::{Exit, Failure};

/// The folder of jobs, where nothing else is said.
const WORKDIR: &str = "~/koa-ml";
/// The file of koa-ml.
const KOA_FILE: &str = "~/.config/koa-ml/config.yaml";
/// The stack file where none is named.
const STACK_FILE: &str = "unified-infra.yaml";
/// The profile that needs no file.
const KOA: &str = "koa";
const KOA_HOST: &str = "koa.its.hawaii.edu";
/// Where its jobs go, unless they say otherwise.
const KOA_PARTITION: &str = "kill-shared";

/// A host with its folders.
#[derive(Debug)]
pub(crate) struct LoginNode {
    pub(crate) host: Host,
    pub(crate) workdir: String,
    /// The folder of data; that of jobs where nothing else is said.
    pub(crate) data: Option<String>,
    /// Where jobs go that do not say so themselves.
    pub(crate) partition: Option<String>,
    /// Types of GPUs from the best to the least; empty for the usual list.
    pub(crate) gpu_order: Vec<String>,
}

/// What a file may say; other keys are other programs'.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    user: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    identity_file: Option<String>,
    remote_workdir: Option<String>,
    proxy_command: Option<String>,
    remote_data_dir: Option<String>,
    partition: Option<String>,
    gpu_order: Vec<String>,
    ssh_config: Option<String>,
}

impl Settings {
    fn or(self, other: Self) -> Self {
        Self {
            user: self.user.or(other.user),
            host: self.host.or(other.host),
            port: self.port.or(other.port),
            identity_file: self.identity_file.or(other.identity_file),
            remote_workdir: self.remote_workdir.or(other.remote_workdir),
            proxy_command: self.proxy_command.or(other.proxy_command),
            remote_data_dir: self.remote_data_dir.or(other.remote_data_dir),
            partition: self.partition.or(other.partition),
            gpu_order: if self.gpu_order.is_empty() { other.gpu_order } else { self.gpu_order },
            ssh_config: self.ssh_config.or(other.ssh_config),
        }
    }
}

/// The host that a verb means.
pub(crate) fn named(app: &App, args: &HostArgs) -> Result<LoginNode, Failure> {
    known(app, args)?.ok_or_else(|| {
        Failure::usage(
            "no host and user are given",
            "name them with `--host` and `--user`, KOA_HOST and KOA_USER, in `tokens.slurm` of the stack file, or in \
             `~/.config/koa-ml/config.yaml`",
        )
    })
}

/// The host that is known, if one is.
pub(crate) fn known(app: &App, args: &HostArgs) -> Result<Option<LoginNode>, Failure> {
    let found = settings(app, args)?;
    let (Some(host), Some(user)) = (found.host, found.user) else { return Ok(None) };
    for (what, word) in [("host", &host), ("user", &user)] {
        if word.is_empty() || word.starts_with('-') || word.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Failure::usage(format!("`{word}` is no {what}"), "write its name alone"));
        }
    }
    let path = |text: &String| app.env.path(text);
    let of_koa = (host == KOA_HOST).then(|| KOA_PARTITION.to_owned());
    Ok(Some(LoginNode {
        host: Host {
            host,
            user,
            port: found.port,
            identity_file: found.identity_file.as_ref().map(path),
            proxy_command: found.proxy_command,
            config: found.ssh_config.as_ref().map(path),
        },
        workdir: found.remote_workdir.unwrap_or_else(|| WORKDIR.to_owned()),
        data: found.remote_data_dir,
        partition: found.partition.or(of_koa),
        gpu_order: found.gpu_order,
    }))
}

/// The file of tokens there.
pub(crate) fn env_path(app: &App, path: &RemotePathArgs, workdir: &str) -> Result<String, Failure> {
    let Some(path) = &path.remote_path else { return Ok(format!("{}/.env", workdir.trim_end_matches('/'))) };
    // A shell here has put its own home folder in place of `~`.
    let home = app.env.get("HOME").map(|home| format!("{home}/"));
    if let Some(rest) = home.and_then(|home| path.strip_prefix(&home).map(str::to_owned)) {
        app.printer.note(&format!("`{path}` is in your home folder here; `~/{rest}` in quotes is the one there"));
    }
    if path.is_empty() || path.ends_with('/') || path.contains('\n') {
        return Err(Failure::usage(format!("`{path}` names no file"), "for example `--remote-path '~/secrets/.env'`"));
    }
    Ok(path.clone())
}

/// The folder of jobs, for who needs no host.
pub(crate) fn workdir(app: &App) -> Result<String, Failure> {
    let own = Settings { remote_workdir: variable(app, "KOA_REMOTE_WORKDIR"), ..Settings::default() };
    Ok(own
        .or(of_stack(app, None)?)
        .or(file(app, KOA_FILE)?.unwrap_or_default())
        .remote_workdir
        .unwrap_or_else(|| WORKDIR.into()))
}

fn variable(app: &App, name: &str) -> Option<String> {
    app.env.get(name).map(str::to_owned)
}

fn settings(app: &App, args: &HostArgs) -> Result<Settings, Failure> {
    let flags = Settings {
        user: args.user.clone(),
        host: args.host.clone(),
        port: args.port,
        identity_file: args.identity_file.clone(),
        remote_workdir: args.workdir.clone(),
        ssh_config: args.ssh_config.clone(),
        ..Settings::default()
    };
    let variables = Settings {
        user: variable(app, "KOA_USER"),
        host: variable(app, "KOA_HOST"),
        port: None,
        identity_file: variable(app, "KOA_IDENTITY_FILE"),
        remote_workdir: variable(app, "KOA_REMOTE_WORKDIR"),
        proxy_command: variable(app, "KOA_PROXY_COMMAND"),
        remote_data_dir: variable(app, "KOA_REMOTE_DATA_DIR"),
        ..Settings::default()
    };
    let mut found = flags.or(variables);
    if let Some(name) = &args.profile {
        found = found.or(profile(app, name)?);
    }
    let found = found.or(of_stack(app, args.file.as_deref())?);
    Ok(found.or(file(app, KOA_FILE)?.unwrap_or_default()))
}

/// `tokens.slurm` of the stack file that is named, else of the usual one where it is there and can be read.
fn of_stack(app: &App, named: Option<&Path>) -> Result<Settings, Failure> {
    let path = named.unwrap_or(Path::new(STACK_FILE));
    if named.is_none() && !path.exists() {
        return Ok(Settings::default());
    }
    let loaded = stackfile::load(&path.display().to_string(), &app.read_source(path)?);
    let tokens = match loaded.file {
        Some(file) => file.tokens,
        None if named.is_some() => return Err(Failure::Diagnostics(loaded.diagnostics)),
        None => {
            app.printer.note(&format!("`{STACK_FILE}` has mistakes, so that no host is taken from it"));
            None
        }
    };
    let Some(slurm) = tokens.and_then(|tokens| tokens.value.slurm) else {
        return match named {
            Some(path) => Err(Failure::usage(
                format!("`{}` names no login node", path.display()),
                "add `slurm` with `host` and `user` below `tokens`, or leave out `--file`",
            )),
            None => Ok(Settings::default()),
        };
    };
    let (host, port) = slurm.address();
    let text = |given: &Option<Spanned<String>>| given.as_ref().map(|text| text.value.clone());
    Ok(Settings {
        user: Some(slurm.user.value.clone()),
        host: Some(host.to_owned()),
        port,
        identity_file: text(&slurm.identity_file),
        remote_workdir: Some(slurm.folder().to_owned()),
        ssh_config: text(&slurm.ssh_config),
        ..Settings::default()
    })
}

fn profile(app: &App, name: &str) -> Result<Settings, Failure> {
    let path = app.env.home()?.join("profiles").join(format!("{name}.yaml"));
    let known = (name == KOA).then(|| Settings { host: Some(KOA_HOST.to_owned()), ..Settings::default() });
    let path = path.display().to_string();
    match (file(app, &path)?, known) {
        (Some(found), known) => Ok(found.or(known.unwrap_or_default())),
        (None, Some(known)) => Ok(known),
        (None, None) => Err(Failure::usage(
            format!("there is no profile `{name}`"),
            format!("write `{path}` with `host:` and `user:`, and what else ssh needs"),
        )),
    }
}

fn file(app: &App, path: &str) -> Result<Option<Settings>, Failure> {
    let text = match fsx::read_text(&app.env.path(path)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Failure::usage(
                format!("`{path}` cannot be read: {}", reason(&error)),
                "check its permissions",
            ));
        }
    };
    // What the parser says may quote a line, and a proxy command may hold a password.
    serde_saphyr::from_str(&text).map(Some).map_err(|_| {
        Failure::usage(format!("`{path}` is no YAML of settings"), "write `host: NAME`, `user: NAME`, `port: NUMBER`")
    })
}

/// The first cause that ends a verb: what is in the way of the host could not run, what the host refuses failed.
pub(crate) fn refusal(seen: &[Observation]) -> Failure {
    let (error, of_the_way) = cause::refusal(seen);
    Failure::Error(if of_the_way { Exit::CouldNotRun } else { Exit::Failed }, Box::new(error))
}

/// A cause as the end of a verb.
pub(crate) fn because(cause: &Finding) -> Failure {
    let (error, of_the_way) = cause::ending(cause);
    Failure::Error(if of_the_way { Exit::CouldNotRun } else { Exit::Failed }, Box::new(error))
}

/// Something that the reader may want to know and that ends nothing.
pub(crate) fn notes(app: &App, seen: &[Observation]) {
    for cause in causes(seen).iter().filter(|cause| cause.severity != Severity::Error) {
        app.printer.note(&format!("{}: {}", cause.cause_id, cause.message));
    }
}

/// The program of OpenSSH is not here.
pub(crate) fn no_ssh(error: ProcError) -> Failure {
    let text = format!("the host cannot be reached: {error}");
    Failure::could_not_run(Error::new(Class::User, text).hint("install OpenSSH's client").caused_by(error))
}
