//! `mops ngc fix`: shows a key to NGC's two gates, and puts it into both secrets of a namespace only when it is taken
//! (`tests/ngc_fix.rs`, N-12, N-15). Without `--apply` nothing is written.

use mops_core::{Class, Error, Secret};
use mops_diagnose::Services;
use mops_diagnose::fix::ngc::{End, Item, NgcFix, Outcome as Fixed, Served, Wanted};
use mops_diagnose::permissions;
use mops_diagnose::pullable::Asked;
use mops_logins::Kept;
use mops_wire::ngc::REGISTRY;
use schemars::JsonSchema;
use serde::Serialize;

use super::auth_check::reference;
use super::check;
use super::ngc_gates::Gates;
use crate::app::App;
use crate::args::{ClusterArgs, NgcFixArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::key::{self, Asked as Usual};
use crate::session::Session;

/// What would be changed, by hashes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NgcFixPlanLine {
    /// The namespace.
    namespace: String,
    /// What may be shown of the key.
    key: String,
    /// Where the key was read.
    source: String,
    /// Every object of the plan.
    items: Vec<Item>,
}

/// What was changed, and how the servers are.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NgcFixedLine {
    /// The namespace.
    namespace: String,
    /// How it ended.
    #[serde(flatten)]
    outcome: Fixed,
}

/// The key and where it came from.
struct Given {
    key: Secret<String>,
    source: String,
}

pub(crate) fn run(app: &App, args: &NgcFixArgs) -> Outcome {
    if args.explain_permissions {
        return check::tell_roles(app, permissions::ngc_fix(&args.namespace));
    }
    if args.key.identity {
        return Err(Failure::usage("NGC takes no identities of Azure", "give its key, for example by `--key-stdin`"));
    }
    let session = app.session(&app.pointed_without_stack()?)?;
    let given = match args.key.is_named() {
        true => {
            let (key, source) = key::read(app, &args.key, Usual { name: "NGC API Key", usual: None })?;
            Given { key, source }
        }
        false => app.wait_for(kept(app))?,
    };
    app.wait_for(fix(app, args, &session, given))
}

/// The first key that this machine keeps for NGC.
async fn kept(app: &App) -> Result<Given, Failure> {
    let found = mops_logins::logins(&app.env, REGISTRY).await;
    let login = found.logins.into_iter().find_map(|(place, kept)| match kept {
        Kept::Login(login) => Some(Given { key: login.password, source: format!("`{place}`") }),
        Kept::Identity(_) => None,
    });
    login.ok_or_else(|| {
        let hint = "`mops ngc login` keeps one; `--key-stdin`, `--key-file` or `--key-env` gives one";
        Failure::usage("this machine has no key of NGC", hint)
    })
}

async fn fix(app: &App, args: &NgcFixArgs, session: &Session, given: Given) -> Outcome {
    let services = cluster(app, session, &args.cluster).await?;
    let wanted = Wanted {
        deployments: args.deployment.clone(),
        key: given.key.clone(),
        pull_secret: args.pull_secret.clone(),
        env_secret: args.env_secret.clone(),
        restart: !args.no_restart,
        allow_downtime: args.allow_downtime,
        wait: args.wait,
    };
    let fix = NgcFix::plan(&args.namespace, wanted, &services).await?;
    let images = fix.images().iter().map(|image| reference(image)).collect::<Result<Vec<_>, _>>()?;
    let asked = Asked { images, models: args.model.clone(), anonymous: false };
    let gates = Gates { app, http: &services.http, clock: &services.clock, key: &given.key };
    gates.pass(&asked, args.wait_license.unwrap_or_default()).await?;
    show(app, args, &given, &fix);
    if fix.waiting() == 0 {
        app.printer.tell("nothing to change");
        return Ok(if fix.left() == 0 { Exit::Ok } else { Exit::Failed });
    }
    if !args.apply {
        app.printer.hint(&format!("this is the plan; `--apply` changes {}", objects(fix.waiting())));
        return Ok(Exit::Ok);
    }
    agreed(app, args, &fix)?;
    let left = fix.left();
    let outcome = fix.carry_out(&services).await;
    let exit = told(app, &args.namespace, &outcome)?;
    Ok(if exit == Exit::Ok && left > 0 { Exit::Failed } else { exit })
}

/// A client of the cluster that is named, and what else a look needs.
pub(super) async fn cluster(app: &App, session: &Session, named: &ClusterArgs) -> Result<Services, Failure> {
    let kubernetes = session.kubernetes(app, named).await?;
    Ok(check::services(app, session, &kubernetes, session.http()?))
}

fn objects(count: usize) -> String {
    format!("{count} object{}", if count == 1 { "" } else { "s" })
}

fn show(app: &App, args: &NgcFixArgs, given: &Given, fix: &NgcFix) {
    let (namespace, source) = (args.namespace.clone(), given.source.clone());
    let shown = key::masked(&given.key);
    if !app.printer.look().json {
        let head = format!("ngc fix  namespace={namespace}  key={shown} from {source}");
        app.printer.data(&format!("{head}\n{}", fix.text(app.printer.look().width)));
    }
    app.printer.event(&NgcFixPlanLine { namespace, key: shown, source, items: fix.items().cloned().collect() });
}

/// What is made again or anew wants a yes of its own.
fn agreed(app: &App, args: &NgcFixArgs, fix: &NgcFix) -> Result<(), Failure> {
    let asks = fix.consent();
    if asks.is_empty() {
        return Ok(());
    }
    app.asker(&args.namespace, args.yes).confirm(&format!("{}; this is done in namespace", asks.join("; ")))
}

/// How the servers are, and the code for it.
pub(super) fn told(app: &App, namespace: &str, outcome: &Fixed) -> Outcome {
    app.printer.event(&NgcFixedLine { namespace: namespace.to_owned(), outcome: outcome.clone() });
    for Served { deployment, state, why } in &outcome.servers {
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        app.printer.tell(&format!("deployment/{deployment} {}{why}", state.word()));
    }
    let why = if outcome.why.is_empty() { String::new() } else { format!(": {}", outcome.why) };
    let check = format!("`mops ngc check --namespace {namespace}` says more");
    let failed = |text: String, hint: &str| {
        let error = Error::new(Class::Partial, text).hint(hint.to_owned());
        Err(Failure::Error(Exit::Failed, Box::new(error)))
    };
    match outcome.end {
        End::Nothing => Ok(Exit::Ok),
        End::Done => {
            app.printer.tell("done: both secrets hold the key, and the servers are ready");
            Ok(Exit::Ok)
        }
        End::Loading => {
            app.printer.tell("done: both secrets hold the key; a model is still loading, which is no failure");
            app.printer.hint("the first start may take longer than ten minutes; look again with `mops ngc check`");
            Ok(Exit::Ok)
        }
        End::Failed => failed("the key is written, and a server is not up".to_owned(), &check),
        End::RolledBack => {
            let text = format!("NGC refused a server with the new key; what stood there before is written back{why}");
            failed(text, &check)
        }
        End::NotWritten => failed(format!("the cluster refused a change{why}"), "earlier changes are taken back"),
        End::Interrupted => {
            app.printer.say("interrupted: the key is written, and the servers were not looked at to the end");
            Ok(Exit::Interrupted)
        }
    }
}
