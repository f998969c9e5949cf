//! `mops tokens sync` and `check` with `--target k8s`: the tokens of this machine in a Secret, from which pods take them
//! (`tests/tokens_cluster.rs`, K-20).

use mops_clients::kubernetes::Kubernetes;
use mops_core::{Class, Error};
use mops_diagnose::rule::Severity;
use mops_diagnose::{Finding, pullable};
use mops_tokens::cause;
use mops_tokens::check::State;
use mops_tokens::envfile::Variables;
use mops_tokens::live::Answer;
use mops_tokens::names::{HF, WANDB};
use mops_tokens::secret::{self, Held, Stranger, Written};
use mops_wire::Http;
use schemars::JsonSchema;
use serde::Serialize;

use super::check::tell_roles;
use super::token_services::{TokenServices, Wanted};
use super::tokens_check::{self, TokenLine};
use super::tokens_sync;
use crate::app::App;
use crate::args::{TargetArgs, TokensCheckArgs, TokensSyncArgs};
use crate::exit::{Exit, Failure, Outcome};

/// Tokens are in a Secret.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokensAppliedLine {
    /// Its namespace.
    namespace: String,
    /// Its name.
    name: String,
    /// The variables that were sent.
    names: Vec<String>,
    /// Those that have another value than before, or did not stand there.
    changed: Vec<String>,
    /// Variables of earlier runs that are gone.
    removed: Vec<String>,
    /// Whether what earlier runs wrote was kept.
    merged: bool,
}

/// The tokens of a Secret.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokensInClusterLine {
    /// Its namespace.
    namespace: String,
    /// Its name.
    name: String,
    /// Whether it is there.
    there: bool,
    /// Who writes it, when that is not `mops tokens sync`.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_by: Option<String>,
    /// Each variable that was asked for.
    tokens: Vec<TokenLine>,
    /// What services say is wrong, the causes of the catalogue.
    findings: Vec<Finding>,
}

/// The namespace that is meant and a client of its cluster.
async fn place(app: &App, to: &TargetArgs) -> Result<(Kubernetes, String), Failure> {
    let session = app.session(&app.pointed_without_stack()?)?;
    let kube = session.kubernetes(app, &to.cluster).await?.with_cancel(&app.cancel);
    let namespace = to.namespace.clone().unwrap_or_else(|| kube.namespace().to_owned());
    Ok((kube, namespace))
}

pub(super) fn sync(app: &App, args: &TokensSyncArgs) -> Outcome {
    let (to, name) = (&args.to, args.to.secret());
    if to.explain_permissions {
        return tell_roles(app, vec![secret::rights(to.namespace.as_deref(), name, true)]);
    }
    let variables = tokens_sync::variables(app, args)?;
    app.wait_for(async {
        let (kube, namespace) = place(app, to).await?;
        let held = Held::read(kube, &namespace, name).await.map_err(|error| error.into_core())?;
        if let Some(stranger) = held.stranger() {
            return Err(left_alone(&namespace, name, &stranger));
        }
        let written = held.write(&variables, args.merge).await.map_err(|error| error.into_core())?;
        told(app, args, &namespace, &variables, written);
        Ok(())
    })?;
    if args.check { check(app, &tokens_sync::looking(args)) } else { Ok(Exit::Ok) }
}

/// Why nothing was written.
pub(super) fn left_alone(namespace: &str, name: &str, stranger: &Stranger) -> Failure {
    let (why, hint) = match stranger {
        Stranger::Stack(stack) => (
            format!("belongs to stack `{stack}`"),
            "put the new values where its file takes them from, and run `mops infra up`".to_owned(),
        ),
        Stranger::Unmarked => (
            "is there already and was not made by `mops tokens sync`".to_owned(),
            format!(
                "give another one by `--name`; or let it be ours: `kubectl -n {namespace} label secret {name} \
                 --overwrite app.kubernetes.io/managed-by=mops`"
            ),
        ),
        Stranger::Kind(kind) => (
            format!("is of type `{kind}`, which no cluster changes"),
            "give another one by `--name`, or delete it".to_owned(),
        ),
        Stranger::Immutable => ("is immutable".to_owned(), "give another one by `--name`, or delete it".to_owned()),
    };
    let text = format!("secret `{name}` of namespace `{namespace}` {why}; nothing was written");
    Failure::Error(Exit::Failed, Box::new(Error::new(Class::Conflict, text).hint(hint)))
}

fn told(app: &App, args: &TokensSyncArgs, namespace: &str, variables: &Variables, written: Written) {
    let (name, Written { changed, removed }) = (args.to.secret().to_owned(), written);
    let names: Vec<String> = variables.iter().map(|(name, _)| name.clone()).collect();
    let place = format!("secret {name} of namespace {namespace}");
    match changed.is_empty() && removed.is_empty() {
        true => app.printer.tell(&format!("{place} has these values already: {}", names.join(", "))),
        false => {
            app.printer.tell(&format!("sent {} to {place}", names.join(", ")));
            if !removed.is_empty() {
                app.printer.note(&format!("no longer there: {} (`--merge` keeps them)", removed.join(", ")));
            }
            app.printer.hint("pods read it when they start: `kubectl rollout restart` has those that run take it");
        }
    }
    let line = TokensAppliedLine { namespace: namespace.to_owned(), name, names, changed, removed, merged: args.merge };
    app.printer.event(&line);
}

pub(super) fn check(app: &App, args: &TokensCheckArgs) -> Outcome {
    let (to, name) = (&args.to, args.to.secret());
    if to.explain_permissions {
        return tell_roles(app, vec![secret::rights(to.namespace.as_deref(), name, false)]);
    }
    let wanted = Wanted::of(app, args)?;
    let http = app.session(&app.pointed_without_stack()?)?.http()?;
    app.wait_for(async {
        let (kube, namespace) = place(app, to).await?;
        let held = Held::read(kube, &namespace, name).await.map_err(|error| error.into_core())?;
        let states = held.states(&wanted.names, &wanted.local);
        let answers = match args.live.offline || !held.is_there() {
            true => Vec::new(),
            false => asked(app, args, &http, &held, &states).await?,
        };
        let seen: Vec<_> = answers.iter().flat_map(|(_, answer, _)| answer.seen.clone()).collect();
        let looked = Looked { namespace, held, tokens: tokens_check::lines(&states, &wanted.required, &answers) };
        Ok(looked.told(app, args, cause::causes(&seen)))
    })
}

/// Each service with the value that the cluster has; that is read to be compared in any case.
async fn asked(
    app: &App,
    args: &TokensCheckArgs,
    http: &Http,
    held: &Held,
    states: &[(String, State)],
) -> Result<Vec<(String, Answer, &'static str)>, Failure> {
    let (services, values) = (TokenServices::new(app, http), held.values().into_iter().collect::<Variables>());
    let mut answers = Vec::new();
    for (name, state) in states.iter().filter(|(name, _)| [HF, WANDB].contains(&name.as_str())) {
        let answer = match state {
            State::Missing | State::Empty => services.without(name, &args.live.model).await?,
            State::Same | State::Differs | State::Set => services.asked(name, &values, &args.live.model).await?,
        };
        answers.extend(answer.map(|answer| (name.clone(), answer, "here")));
    }
    Ok(answers)
}

/// What a look has found.
struct Looked {
    namespace: String,
    held: Held,
    tokens: Vec<TokenLine>,
}

impl Looked {
    fn told(self, app: &App, args: &TokensCheckArgs, findings: Vec<Finding>) -> Exit {
        let Self { namespace, held, tokens } = self;
        let (name, printer) = (args.to.secret(), &app.printer);
        let kept_by = held.stranger().map(|stranger| match stranger {
            Stranger::Stack(stack) => format!("stack {stack}"),
            Stranger::Unmarked | Stranger::Kind(_) | Stranger::Immutable => "somebody else".to_owned(),
        });
        let lacking: Vec<&str> =
            tokens.iter().filter(|one| one.required && one.state != "set").map(|one| one.name.as_str()).collect();
        let worst = findings.iter().any(|finding| finding.severity == Severity::Error);
        if !printer.look().json {
            let width = printer.look().width;
            let kept = kept_by.as_ref().map(|who| format!("   kept by {who}")).unwrap_or_default();
            let there = if held.is_there() { "" } else { "   is not there" };
            let mut text = format!("secret {name} of namespace {namespace}{there}{kept}\n");
            text += &tokens_check::table(&tokens, width);
            let causes = findings.iter().flat_map(|finding| pullable::cause(finding, width));
            causes.for_each(|cause| text += &format!("{cause}\n"));
            printer.data(&text);
        }
        if !lacking.is_empty() {
            printer.note(&format!("pods that take their tokens from it go without {}", lacking.join(" and ")));
        }
        let differs = tokens.iter().any(|one| one.same == Some(false));
        if differs || !lacking.is_empty() {
            printer.hint(&format!("`mops tokens sync --target k8s --namespace {namespace}` sends those of here"));
        }
        let failed = worst || !lacking.is_empty();
        let there = held.is_there();
        printer.event(&TokensInClusterLine { namespace, name: name.to_owned(), there, kept_by, tokens, findings });
        if failed { Exit::Failed } else { Exit::Ok }
    }
}
