//! `mops ngc fix`: shows a key to NGC's two gates, and puts it into both secrets of a namespace only when it is taken
//! (`tests/ngc_fix.rs`, N-12, N-15). Without `--apply` nothing is written.

use std::time::Duration;

use mops_clients::kubernetes::ClusterRef;
use mops_core::{Class, Error, Secret};
use mops_diagnose::fix::ngc::{End, Item, NgcFix, Outcome as Fixed, Served, Wanted};
use mops_diagnose::pullable::{self, Asked, Pull, Pullable};
use mops_diagnose::{Here, Request, Services};
use mops_host::Env;
use mops_logins::Kept;
use mops_wire::ngc::{Api, KEYS_PAGE, NgcError, REGISTRY, USER};
use mops_wire::registry::{Auth, Client, login};
use schemars::JsonSchema;
use serde::Serialize;

use super::auth_check::reference;
use super::check;
use crate::app::App;
use crate::args::{ClusterArgs, NgcFixArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::key::{self, Asked as Usual};
use crate::kubeconfig;
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

/// Causes that lie in the key itself: another one is needed.
const OF_THE_KEY: [&str; 6] = [
    "KEY_MALFORMED",
    "KEY_PLACEHOLDER",
    "NGC_KEY_INVALID_OR_EXPIRED",
    "NGC_KEY_SERVICES",
    "NGC_MODEL_KEY_REFUSED",
    "NGC_MODEL_SCOPE",
];
const LICENCE: &str = "NGC_LICENSE_NOT_ACCEPTED";
/// How often NGC is asked whether a licence is accepted by now.
const POLL: Duration = Duration::from_secs(10);
const CATALOGUE: &str = "https://catalog.ngc.nvidia.com";
const NOTHING: &str = "nothing was written";

/// The key and where it came from.
struct Given {
    key: Secret<String>,
    source: String,
}

pub(crate) fn run(app: &App, args: &NgcFixArgs) -> Outcome {
    if args.key.identity {
        return Err(Failure::usage("NGC takes no identities of Azure", "give its key, for example by `--key-stdin`"));
    }
    let session = app.session(&app.pointed_without_stack()?)?;
    let named = args.key.key_stdin || args.key.key_file.is_some() || args.key.key_env.is_some();
    let given = match named {
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
    let gates = Gates { app, services: &services, key: &given.key };
    gates.pass(args, fix.images()).await?;
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
    app.printer.event(&NgcFixedLine { namespace: args.namespace.clone(), outcome: outcome.clone() });
    let exit = told(app, args, &outcome)?;
    Ok(if exit == Exit::Ok && left > 0 { Exit::Failed } else { exit })
}

/// A client of the cluster that is named, and what else a look needs.
pub(super) async fn cluster(app: &App, session: &Session, named: &ClusterArgs) -> Result<Services, Failure> {
    let file = named.kubeconfig.clone().map_or_else(|| kubeconfig::target(&app.env), |path| Ok(app.env.path(&path)));
    let kubeconfig = file?.to_string_lossy().into_owned();
    let cluster = ClusterRef::Kubeconfig { kubeconfig, context: named.context.clone() };
    let kubernetes = session.provider.services().kubernetes(&cluster).await?;
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
fn told(app: &App, args: &NgcFixArgs, outcome: &Fixed) -> Outcome {
    for Served { deployment, state, why } in &outcome.servers {
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        app.printer.tell(&format!("deployment/{deployment} {}{why}", state.word()));
    }
    let why = if outcome.why.is_empty() { String::new() } else { format!(": {}", outcome.why) };
    let check = format!("`mops ngc check --namespace {}` says more", args.namespace);
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

/// NGC's two gates, and the key that is shown there.
struct Gates<'a> {
    app: &'a App,
    services: &'a Services,
    key: &'a Secret<String>,
}

impl Gates<'_> {
    /// Ends well when the key is taken at both. Nothing is written for one that is not.
    async fn pass(&self, args: &NgcFixArgs, images: &[String]) -> Result<(), Failure> {
        let images = images.iter().map(|image| reference(image)).collect::<Result<Vec<_>, _>>()?;
        let asked = Asked { images, models: args.model.clone(), anonymous: false };
        self.login().await?;
        self.api().await?;
        let clock = &self.services.clock;
        let end = clock.monotonic() + args.wait_license.unwrap_or_default();
        let mut waited = false;
        loop {
            let looked = self.look(&asked).await?;
            let lacking: Vec<&Pullable> = looked.iter().filter(|one| has(one, &[LICENCE])).collect();
            if lacking.is_empty() {
                return self.judged(&looked);
            }
            if !waited {
                self.ask_for(&lacking).await;
            }
            if clock.monotonic() >= end {
                return Err(licence(&lacking, waited));
            }
            waited = true;
            tokio::select! {
                () = clock.sleep(POLL) => {}
                () = self.app.cancel.canceled() => return Err(Failure::Told(Exit::Interrupted)),
            }
        }
    }

    /// Whether NGC's registry knows the key at all.
    async fn login(&self) -> Result<(), Failure> {
        let auth = Auth::Basic { username: USER.to_owned(), password: self.key.clone() };
        let client = Client::new(self.services.http.clone(), REGISTRY, auth).map_err(Error::from)?;
        match login::shown(&client.with_cancel(&self.app.cancel)).await {
            Ok(_) => Ok(()),
            Err(error) => match error.refusal().filter(|refusal| matches!(refusal.status, 401 | 403)) {
                Some(refusal) => Err(refused(&format!("NGC_KEY_INVALID_OR_EXPIRED: {refusal}"))),
                None => Err(unknown(Error::from(error).summary())),
            },
        }
    }

    /// Whether its API knows the key; which models it gets is known only where one is named.
    async fn api(&self) -> Result<(), Failure> {
        match Api::new(self.services.http.clone()).organisations(self.key).await {
            Err(NgcError::Refused { status: 401, page: false }) => {
                Err(refused("NGC_MODEL_KEY_REFUSED: the gate of models does not know the key (401)"))
            }
            Err(NgcError::Wire(error)) => Err(unknown(&error.to_string())),
            _ => Ok(()),
        }
    }

    /// Looks with this key and no other.
    async fn look(&self, asked: &Asked) -> Result<Vec<Pullable>, Failure> {
        let Services { http, clock, .. } = self.services;
        let env = Env::of([("NGC_API_KEY".to_owned(), self.key.expose().clone())]);
        let here = Here { http: http.clone(), env, clock: clock.clone() };
        let request = Request::new("", "", "");
        tokio::select! {
            looked = pullable::look(&request, &here, asked) => Ok(looked),
            () = self.app.cancel.canceled() => Err(Failure::Told(Exit::Interrupted)),
        }
    }

    fn judged(&self, looked: &[Pullable]) -> Result<(), Failure> {
        for one in looked {
            if let Some(finding) = one.findings.iter().find(|f| OF_THE_KEY.contains(&f.cause_id.as_str())) {
                return Err(refused(&format!("{}: {}", finding.cause_id, finding.message)));
            }
            match one.pull {
                Pull::Public | Pull::WithLogin | Pull::HarmfulLogin => {}
                Pull::Unknown => return Err(unknown(&format!("`{}` gave no answer that tells", one.image))),
                // It is not the key: a wrong path, or a right that its organisation lacks.
                Pull::LoginRequired | Pull::Refused => {
                    let why = one.findings.first().map(|f| format!("{}: {}", f.cause_id, f.message));
                    let why = why.unwrap_or_else(|| "refused".to_owned());
                    self.app.printer.note(&format!("{} is not given with this key: {why}", one.image));
                }
            }
        }
        Ok(())
    }

    /// What a person has to do.
    async fn ask_for(&self, lacking: &[&Pullable]) {
        let organisations = Api::new(self.services.http.clone()).organisations(self.key).await.unwrap_or_default();
        let names: Vec<String> = organisations.into_iter().map(|one| one.name).collect();
        let whose = if names.is_empty() { "the organisation of the key".to_owned() } else { names.join(", ") };
        for one in lacking {
            self.app.printer.say(&format!("licence of {}: accept it once for {whose}", one.image));
            self.app.printer.say(&format!("  page: {}", page(&one.image)));
        }
    }
}

/// The page of an image in NGC's catalogue.
fn page(image: &str) -> String {
    let path = image.split(['@', ':']).next().unwrap_or(image);
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match parts.as_slice() {
        [org, name] => format!("{CATALOGUE}/orgs/{org}/containers/{name}"),
        [org, team, name] => format!("{CATALOGUE}/orgs/{org}/teams/{team}/containers/{name}"),
        _ => CATALOGUE.to_owned(),
    }
}

fn has(one: &Pullable, causes: &[&str]) -> bool {
    one.findings.iter().any(|finding| causes.contains(&finding.cause_id.as_str()))
}

fn licence(lacking: &[&Pullable], waited: bool) -> Failure {
    let images: Vec<&str> = lacking.iter().map(|one| one.image.as_str()).collect();
    let text = format!("{LICENCE}: {}", images.join(", "));
    let hint = match waited {
        true => "nobody has accepted it in time, or it has not come into effect; nothing was written",
        false => "accept it on the page above, or wait for that with `--wait-license 15m`; nothing was written",
    };
    Failure::Error(Exit::Failed, Box::new(Error::new(Class::Auth, text).hint(hint)))
}

/// The key is not taken.
fn refused(text: &str) -> Failure {
    let hint = format!("make another key at {KEYS_PAGE}; {NOTHING}");
    Failure::Error(Exit::Failed, Box::new(Error::new(Class::Auth, text).hint(hint)))
}

/// Nobody said whether it is.
fn unknown(text: &str) -> Failure {
    let error = Error::new(Class::Transient, format!("the key could not be tried: {text}"));
    Failure::could_not_run(error.hint(format!("`mops ngc check` says more; {NOTHING}")))
}
