//! `mops infra outputs [COMPONENT]`: what the last run gave, from state. Secrets are masked unless asked for, and under
//! CI, where logs are kept, asked for twice (`tests/cli.rs`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use mops_core::{StackId, Value};
use mops_engine::state::{Sealer, Snapshot};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::app::App;
use crate::args::{OutputsArgs, Part, SecretsArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::pulumi;

/// What the last run gave.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OutputsLine {
    /// `PROJECT.STACK`.
    stack: String,
    /// Component → name → value; `[secret]` stands for a secret that was not asked for.
    outputs: Shown,
}

/// Component → name → value as it may be shown.
type Shown = BTreeMap<String, Map<String, Json>>;

pub(crate) fn run(app: &App, args: &OutputsArgs) -> Outcome {
    may_show(app, args.secrets)?;
    if args.engine.is_pulumi() {
        return pulumi::outputs(app, args);
    }
    let stack = app.stack_in_state(args.env.as_deref())?;
    let snapshot = app.snapshot(&stack)?;
    let sealer = opener(app, args.secrets, &snapshot)?;
    print(app, &stack, &shown(&snapshot, args.component, sealer.as_deref())?);
    Ok(Exit::Ok)
}

/// Under CI, where logs are kept, secrets are asked for twice.
pub(super) fn may_show(app: &App, secrets: SecretsArgs) -> Result<(), Failure> {
    if secrets.show_secrets && app.env.get("CI") == Some("true") && !secrets.force {
        let text = "`--show-secrets` would put secrets into a log that is kept";
        return Err(Failure::usage(text, "give `--force` as well if that is meant"));
    }
    Ok(())
}

/// What opens the secrets, when they are asked for.
pub(super) fn opener(app: &App, secrets: SecretsArgs, snapshot: &Snapshot) -> Result<Option<Arc<Sealer>>, Failure> {
    secrets.show_secrets.then(|| app.sealer(snapshot)).transpose()
}

/// The outputs that are asked for, from a state that is read already.
pub(crate) fn print_asked(app: &App, snapshot: &Snapshot, args: &OutputsArgs, sealer: &Sealer) -> Result<(), Failure> {
    let sealer = args.secrets.show_secrets.then_some(sealer);
    print(app, &snapshot.stack, &shown(snapshot, args.component, sealer)?);
    Ok(())
}

/// All outputs with their secrets masked, at the end of a run.
pub(crate) fn show(app: &App, snapshot: &Snapshot) -> Result<(), Failure> {
    print(app, &snapshot.stack, &shown(snapshot, None, None)?);
    Ok(())
}

fn print(app: &App, stack: &StackId, shown: &Shown) {
    if app.printer.look().json {
        app.printer.object(&OutputsLine { stack: stack.to_string(), outputs: shown.clone() });
    } else if shown.is_empty() {
        app.printer.tell("no outputs; they come with the next `mops infra up`");
    } else {
        app.printer.data(&text(shown));
    }
}

/// Only of components that exist.
fn shown(snapshot: &Snapshot, only: Option<Part>, sealer: Option<&Sealer>) -> Result<Shown, Failure> {
    let mut shown = Shown::new();
    let exists = |component: &str| snapshot.resources.iter().any(|r| r.component.as_str() == component);
    let wanted = |component: &str| only.is_none_or(|part| part.component().as_str() == component);
    for (component, values) in snapshot.outputs.iter().filter(|(c, _)| wanted(c) && exists(c)) {
        let mut members = Map::new();
        for (name, value) in values {
            let value = match sealer {
                None => value.masked_json(),
                Some(sealer) => opened(value, sealer)?.exposed_json(),
            };
            members.insert(name.clone(), value);
        }
        shown.insert(component.clone(), members);
    }
    Ok(shown)
}

pub(super) fn opened(value: &Value, sealer: &Sealer) -> Result<Value, Failure> {
    let mut value = value.clone();
    sealer.open_in(&mut value).map_err(|error| Failure::from(mops_engine::state::StateError::from(error)))?;
    Ok(value)
}

/// One line a value, names aligned.
fn text(shown: &Shown) -> String {
    let pairs = || shown.iter().flat_map(|(c, m)| m.iter().map(move |(n, v)| (format!("{c}.{n}"), v)));
    let width = pairs().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    pairs().fold(String::new(), |mut text, (name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        let _ = writeln!(text, "{name:<width$}  {value}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::Urn;
    use mops_engine::program::Component;
    use mops_engine::state::ResourceState;

    #[test]
    fn secrets_are_masked_and_only_what_exists_is_shown() {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let mut snapshot = Snapshot::none(&stack);
        let secret = Value::from("canary-canary").into_secret();
        let registry = [("login_server".to_owned(), "r.azurecr.io".into()), ("password".to_owned(), secret)];
        let [storage, cluster] = ["st", "aks"].map(|name| [("account_name".to_owned(), Value::from(name))]);
        let all = [("registry", registry.into()), ("storage", storage.into()), ("cluster", cluster.into())];
        snapshot.outputs = all.map(|(component, values)| (component.to_owned(), values)).into();
        for component in [Component::Registry, Component::Storage] {
            let urn = Urn::new(&stack, "t:t:T", component.as_str());
            snapshot.resources.push(ResourceState::new(urn, component, "id"));
        }
        let text_of = |only| text(&shown(&snapshot, only, None).unwrap());
        assert_eq!(
            text_of(None),
            "registry.login_server  r.azurecr.io\nregistry.password      [secret]\nstorage.account_name   st\n"
        );
        assert_eq!(text_of(Some(Part::Storage)), "storage.account_name  st\n");
        assert_eq!(text_of(Some(Part::Cluster)), "");
    }
}
