//! `mops tokens sync`: the tokens of this machine in the file that jobs read on a host, whole and private at every moment
//! (`tests/tokens_sync.rs`, K-01 to K-06, K-13, K-14).

use mops_core::{Class, Error};
use mops_tokens::envfile::Variables;
use mops_tokens::sync::{self, Order, Refused, Written};
use mops_tokens::written;
use schemars::JsonSchema;
use serde::Serialize;

use super::{tokens_check, tokens_secret};
use crate::app::App;
use crate::args::{LiveArgs, TokensCheckArgs, TokensSyncArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::key;
use crate::login_node::{self, LoginNode};
use crate::token_file;

/// Tokens are on the host.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokensSentLine {
    /// `USER@HOST`.
    host: String,
    /// The file there.
    path: String,
    /// Its mode, in octal digits.
    mode: String,
    /// Its owner.
    owner: String,
    /// Its bytes.
    size: u64,
    /// The variables that were sent.
    names: Vec<String>,
    /// Whether other lines of the file were kept.
    merged: bool,
}

pub(crate) fn run(app: &App, args: &TokensSyncArgs) -> Outcome {
    key::none_of(args.only.iter().map(String::as_str))?;
    if args.to.is_cluster(&args.host, &args.path)? {
        return tokens_secret::sync(app, args);
    }
    let node = login_node::named(app, &args.host)?;
    let path = login_node::env_path(app, &args.path, &node.workdir)?;
    let variables = variables(app, args)?;
    let text = written::text(&variables).map_err(|wrong| {
        Failure::usage(wrong.to_string(), "a line of the file holds one value; write it in one line")
    })?;
    let names: Vec<String> = variables.iter().map(|(name, _)| name.clone()).collect();
    let order = Order { path: &path, text: &text, merge: args.merge.then(|| names.clone()), mark: None };
    let exit = app.wait_for(async {
        let sent = tokio::select! {
            sent = sync::send(&app.env, &node.host, &order) => sent.map_err(login_node::no_ssh)?,
            () = app.cancel.canceled() => return Err(Failure::Told(Exit::Interrupted)),
        };
        let file = match sent.written {
            Ok(file) => file,
            Err(Refused::Seen) => return Err(login_node::refusal(&sent.seen)),
            Err(Refused::Because(text, hint)) => {
                return Err(Failure::Error(Exit::Failed, Box::new(Error::new(Class::Conflict, text).hint(hint))));
            }
        };
        told(app, &node, file, names, args.merge);
        login_node::notes(app, &sent.seen);
        Ok(Exit::Ok)
    })?;
    if !args.check {
        return Ok(exit);
    }
    tokens_check::run(app, &looking(args))
}

/// The check that follows.
pub(super) fn looking(args: &TokensSyncArgs) -> TokensCheckArgs {
    let TokensSyncArgs { env_file, to, path, host, .. } = args.clone();
    TokensCheckArgs { env_file, live: LiveArgs::default(), local: false, job: None, to, path, host }
}

/// What is sent.
pub(super) fn variables(app: &App, args: &TokensSyncArgs) -> Result<Variables, Failure> {
    only(token_file::read(app, args.env_file.as_deref(), Some(args.allow_tracked))?, &args.only)
}

/// The variables that are asked for; all without a name.
fn only(variables: Variables, names: &[String]) -> Result<Variables, Failure> {
    if let Some(name) = names.iter().find(|name| variables.iter().all(|(known, _)| known != *name)) {
        return Err(Failure::usage(format!("the file has no `{name}`"), "`--only` names variables of the file"));
    }
    if variables.is_empty() {
        return Err(Failure::usage("the file has no variables", "write lines such as HF_TOKEN=… into it"));
    }
    Ok(variables.into_iter().filter(|(name, _)| names.is_empty() || names.contains(name)).collect())
}

fn told(app: &App, node: &LoginNode, file: Written, names: Vec<String>, merged: bool) {
    let Written { path, mode, owner, size, access_list } = file;
    let host = node.host.name();
    app.printer.tell(&format!("sent {} to {host}:{path}", names.join(", ")));
    app.printer.tell(&format!("mode {mode}, owner {owner}, {size} bytes; read back, and the same as what was sent"));
    if let Some(place) = access_list {
        app.printer
            .note(&format!("`{place}` has an access list beside its mode: `getfacl` there shows who may read it"));
    }
    app.printer.hint("give `--exclude .env` to an rsync of code: it else deletes or overwrites that file");
    app.printer.hint("put what `mops tokens loader` prints at the beginning of a job's script");
    app.printer.event(&TokensSentLine { host, path, mode, owner, size, names, merged });
}
