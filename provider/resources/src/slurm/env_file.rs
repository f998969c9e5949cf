//! A file of tokens on a login node, from which jobs read them. Promises: the host has the old file or the new one, whole and
//! private, at every moment; lines of others stay, on the way up and on the way down; values are in that file and nowhere
//! else, and state knows them by hashes that the host makes (`tests/env_file.rs`).

use std::collections::BTreeMap;
use std::future::Future;

use mops_core::source::MIN_SOURCE_LENGTH;
use mops_core::{Class, Error, Identity, Lane, Secret, SecretInput};
use mops_host::proc::ProcError;
use mops_probe::Observation;
use mops_tokens::check::{self, Stamped};
use mops_tokens::envfile::{Variables, is_name};
use mops_tokens::removal::{self, Removal};
use mops_tokens::ssh::Host;
use mops_tokens::sync::{self, Order, Refused};
use mops_tokens::{cause, stamp, written};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::{Cx, Findings, Live, Made, NotImported, Offline, Resource, State};
use crate::secret_data;

/// The only mode that such a file has.
const PRIVATE: &str = "600";
/// One that gives less, and is left as it is.
const READ_ONLY: &str = "400";
/// Writes at a time to one host.
const LIMIT: usize = 1;
/// What stands in the inputs as read where the host has another value.
const DRIFTED: &str = "another value than the declared one";

/// A file of variables on a login node, written by ssh, which jobs read their tokens from.
pub struct EnvFile;

/// A file of variables on a login node, written by ssh, which jobs read their tokens from.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inputs {
    /// Login node, or its alias in the configuration of ssh.
    pub host: String,
    /// User there.
    pub user: String,
    /// The file there; `~/` is the home folder of the user.
    pub path: String,
    /// Values by the name of their variable. Lines of other names stay as they are.
    pub variables: BTreeMap<String, SecretInput>,
    /// Mode of the file, which is 600.
    #[serde(default = "private")]
    pub mode: String,
    /// Another port than that of the configuration of ssh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Key file, where the configuration of ssh names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_file: Option<String>,
    /// Another file than `~/.ssh/config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_config: Option<String>,
}

fn private() -> String {
    PRIVATE.to_owned()
}

/// What is known of it.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// Its whole path there.
    pub whole_path: String,
    /// Its owner there.
    pub owner: String,
    /// What the hashes are made under.
    pub nonce: String,
    /// Hashes by name, by which a change on the host is seen; a short value has none.
    pub hashes: BTreeMap<String, String>,
}

impl Inputs {
    fn id(&self) -> String {
        format!("{}@{}:{}", self.user, self.host, self.path)
    }

    fn host(&self, cx: &Cx<'_>) -> Host {
        let path = |text: &String| cx.services.env().path(text);
        Host {
            host: self.host.clone(),
            user: self.user.clone(),
            port: self.port,
            identity_file: self.identity_file.as_ref().map(path),
            proxy_command: None,
            config: self.ssh_config.as_ref().map(path),
        }
    }
}

/// Work on a host, until it ends or the run does.
async fn on_host<T>(
    cx: &Cx<'_>,
    host: &Host,
    work: impl Future<Output = Result<T, ProcError>> + Send,
) -> Result<T, Error> {
    tokio::select! {
        done = work => done.map_err(|error| {
            let text = format!("`{}` cannot be reached: {error}", host.name());
            Error::new(Class::User, text).hint("install OpenSSH's client").caused_by(error)
        }),
        () = cx.call.cancel.canceled() => Err(Error::new(Class::Canceled, "canceled")),
    }
}

fn seen_error(seen: &[Observation]) -> Error {
    cause::refusal(seen).0
}

fn refused(seen: &[Observation], refused: Refused) -> Error {
    match refused {
        Refused::Seen => seen_error(seen),
        Refused::Because(text, hint) => Error::new(Class::Conflict, text).hint(hint),
    }
}

/// A hash that says nothing to who guesses; a short value could be guessed from it.
fn hash(nonce: &str, value: &Secret<String>) -> Option<String> {
    (value.expose().chars().count() >= MIN_SOURCE_LENGTH).then(|| sync::keyed(nonce, value.expose()))
}

async fn write(cx: &Cx<'_>, inputs: &Inputs, old: Option<&State<EnvFile>>) -> Result<Made<EnvFile>, Error> {
    let mut variables = Variables::new();
    for (name, input) in &inputs.variables {
        variables.push((name.clone(), cx.services.resolve(input).await?));
    }
    let text = written::text(&variables)
        .map_err(|wrong| Error::new(Class::User, wrong.to_string()).hint("a line holds one value"))?;
    let before = old.iter().flat_map(|old| old.inputs.variables.keys());
    let mut names: Vec<String> = inputs.variables.keys().chain(before).cloned().collect();
    names.sort();
    names.dedup();
    let host = inputs.host(cx);
    let order = Order { path: &inputs.path, text: &text, merge: Some(names), mark: Some(&cx.call.mark) };
    let sent = on_host(cx, &host, sync::send(cx.services.env(), &host, &order)).await?;
    let file = sent.written.map_err(|why| refused(&sent.seen, why))?;
    let nonce = old.map_or_else(sync::nonce, |old| old.outputs.nonce.clone());
    let hashes = variables.iter().filter_map(|(name, value)| Some((name.clone(), hash(&nonce, value)?))).collect();
    Ok(Made { id: inputs.id(), outputs: Outputs { whole_path: file.path, owner: file.owner, nonce, hashes } })
}

/// The declared input where the host has its value, else one that differs; nothing where it has none.
async fn seen(
    cx: &Cx<'_>,
    declared: &SecretInput,
    there: Option<&String>,
    (nonce, stored): (&str, Option<&String>),
) -> SecretInput {
    let same = match declared {
        // The engine gives a stand-in for a value from state: only its hash can tell.
        SecretInput::Value(_) => stored.is_none_or(|stored| Some(stored) == there),
        SecretInput::Source(_) => match cx.services.resolve(declared).await {
            Ok(value) => there == Some(&sync::keyed(nonce, value.expose())),
            // A preview needs no secret at all.
            Err(_) => stored.is_none_or(|stored| Some(stored) == there),
        },
    };
    if same { declared.clone() } else { SecretInput::Value(Secret::from(DRIFTED)) }
}

/// A file that no stack keeps is no hindrance where it has none of our names: its lines stay beside ours.
fn unmarked(host: &Host, file: &Stamped) -> Result<Option<Live<EnvFile>>, Error> {
    if file.hashes.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = file.hashes.keys().map(String::as_str).collect();
    let text = format!("`{}` of {} has {} already, not by this stack", file.path, host.name(), names.join(", "));
    let hint = "delete these lines there, or the file if nothing else needs it; lines of other names stay as they are";
    Err(Error::new(Class::Conflict, text).hint(hint))
}

async fn inputs_as_seen(cx: &Cx<'_>, known: &Inputs, file: &Stamped, outputs: &Outputs) -> Inputs {
    let mut variables = BTreeMap::new();
    for (name, declared) in &known.variables {
        if let Some(there) = file.hashes.get(name) {
            let input = seen(cx, declared, there.as_ref(), (&outputs.nonce, outputs.hashes.get(name))).await;
            variables.insert(name.clone(), input);
        }
    }
    let mode = if file.mode == READ_ONLY { private() } else { file.mode.clone() };
    Inputs { variables, mode, ..known.clone() }
}

impl Resource for EnvFile {
    const TOKEN: &'static str = "modelops:slurm:EnvFile";
    const REPLACE: &'static [&'static str] = &["host", "user", "path"];
    const CHANGED_BY_UPDATE: &'static [&'static str] = &["wholePath", "owner", "hashes"];
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn identity(inputs: &Inputs) -> Identity {
        Identity::Name(inputs.id())
    }

    fn lanes(inputs: &Inputs) -> Vec<Lane> {
        vec![Lane::new(format!("ssh:{}@{}", inputs.user, inputs.host), LIMIT)]
    }

    fn check(inputs: &mut Inputs, cx: &Offline<'_>, findings: &mut Findings) {
        let word = |text: &str| {
            let odd = |c: char| c.is_whitespace() || c.is_control();
            !text.is_empty() && !text.starts_with('-') && !text.contains(odd)
        };
        for (what, text) in [("host", &inputs.host), ("user", &inputs.user)] {
            if !word(text) {
                findings.refuse(what, format!("`{what}` is no name that ssh takes"), "write its name alone");
            }
        }
        if inputs.path.is_empty() || inputs.path.ends_with('/') || inputs.path.contains(['\n', '\r']) {
            findings.refuse("path", "`path` names no file", "for example `~/koa-ml/.env`");
        }
        if inputs.mode != PRIVATE {
            findings.refuse("mode", "others must not read tokens", "leave `mode` out");
        }
        if inputs.variables.is_empty() {
            findings.refuse("variables", "no variable is given", "name one, for example `HF_TOKEN`");
        }
        for (name, input) in &inputs.variables {
            let path = format!("variables.{name}");
            if !is_name(name) {
                findings.refuse(&path, format!("`{name}` is not the name of a variable"), "letters, digits and `_`");
            }
            if matches!(input, SecretInput::Value(value) if value.expose().trim().is_empty()) {
                findings.refuse(&path, "its value is blank", "leave it out, or give a value");
            }
            secret_data::check_source(&path, input, cx, findings);
        }
    }

    fn reason(cx: &Offline<'_>, old: &State<Self>, new: &Inputs) -> Option<String> {
        let changed = |(name, input): (&String, &SecretInput)| {
            let SecretInput::Source(source) = input else { return None };
            let value = mops_host::source::resolve(source, cx.env).ok()?;
            let known = old.outputs.hashes.get(name)?;
            let same = *known == sync::keyed(&old.outputs.nonce, value.expose());
            (!same).then(|| format!("`{name}` has a new value in {}", mops_host::source::name(source)))
        };
        new.variables.iter().find_map(changed)
    }

    fn named_by(_: &str) -> Result<Inputs, NotImported> {
        Err(NotImported::Never {
            why: "where its values come from is not on the host",
            instead: "declare it with the sources of its values, once the file there is gone",
        })
    }

    async fn read(cx: &Cx<'_>, _: Option<&str>, known: &Inputs) -> Result<Option<Live<Self>>, Error> {
        let (host, names): (Host, Vec<String>) = (known.host(cx), known.variables.keys().cloned().collect());
        let stored = cx.stored::<Outputs>();
        let nonce = stored.as_ref().map_or_else(sync::nonce, |stored| stored.nonce.clone());
        let look = check::stamped(cx.services.env(), &host, (&known.path, &nonce), &names);
        let Some(file) = on_host(cx, &host, look).await?.map_err(|seen| seen_error(&seen))? else { return Ok(None) };
        if stored.is_none() && file.stamp.is_none() {
            return unmarked(&host, &file);
        }
        let is_kept = |name: &String| stored.as_ref().is_none_or(|stored| stored.hashes.contains_key(name));
        let hashes = file.hashes.iter().filter(|(name, _)| is_kept(name));
        let outputs = Outputs {
            whole_path: file.path.clone(),
            owner: file.owner.clone(),
            nonce: nonce.clone(),
            hashes: hashes.filter_map(|(name, hash)| Some((name.clone(), hash.clone()?))).collect(),
        };
        let inputs = inputs_as_seen(cx, known, &file, stored.as_ref().unwrap_or(&outputs)).await;
        let ownership = stamp::owner(&cx.call.mark, file.stamp.as_deref());
        Ok(Some(Live { state: State { id: known.id(), inputs, outputs }, ownership, changed_by: None }))
    }

    async fn create(cx: &Cx<'_>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        write(cx, inputs, None).await
    }

    async fn update(cx: &Cx<'_>, old: &State<Self>, inputs: &Inputs) -> Result<Made<Self>, Error> {
        write(cx, inputs, Some(old)).await
    }

    async fn delete(cx: &Cx<'_>, old: &State<Self>) -> Result<(), Error> {
        let (host, names): (Host, Vec<String>) = (old.inputs.host(cx), old.inputs.variables.keys().cloned().collect());
        let removal = Removal { path: &old.inputs.path, names: &names, mark: &cx.call.mark };
        let taken = on_host(cx, &host, removal::carry_out(cx.services.env(), &host, &removal)).await?;
        taken.left.map(drop).map_err(|why| refused(&taken.seen, why))
    }

    fn samples() -> Vec<Inputs> {
        let value = |text: &str| SecretInput::Value(Secret::from(text));
        vec![Inputs {
            host: "login.example.edu".into(),
            user: "sample".into(),
            path: "~/koa-ml/.env".into(),
            variables: [("HF_TOKEN".to_owned(), value("sample-secret-value-1"))].into(),
            mode: private(),
            port: None,
            identity_file: None,
            ssh_config: None,
        }]
    }
}
