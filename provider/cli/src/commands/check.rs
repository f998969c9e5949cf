//! `mops diagnose-auth` and `mops smoke-test`: fills the request from the stack's state, or from the flags that name a
//! workload without one, asks the cluster, prints the report. The report's summary decides the exit code.

mod azure;
mod cleanup;
mod credential;
mod elsewhere;
mod fix;
mod lines;
mod offline;
mod record;
mod report;
mod request;
mod rights;
mod smoke;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use mops_clients::kubernetes::{ClusterRef, Kubernetes};
use mops_core::{Class, Error, StackId};
use mops_diagnose::{Capture, Command, NoClient, Request, Services};
use mops_engine::program::Component;
use mops_engine::stackfile::Phase;
use mops_engine::state::{ResourceState, Snapshot};
use mops_wire::Http;

pub(crate) use cleanup::CleanedLine;
pub(crate) use rights::{PermissionsLine, tell_roles};
pub(crate) use smoke::PushedLine;
pub(crate) use watch::WatchingLine;

use crate::app::App;
use crate::args::{
    AskingArgs, CheckArgs, DiagnoseArgs, FixArgs, ProbeArgs, ReadingArgs, SmokeArgs, SmokeTestArgs, StackArgs,
    SubjectArgs, Wanted, WorkloadArgs,
};
use crate::exit::{Exit, Failure, Outcome};
use crate::pointed::Pointed;
use crate::session::Session;

/// How long a smoke test may take when nobody says it.
const SMOKE_TEST: Duration = Duration::from_secs(300);

/// What is looked at, and how.
pub(super) struct Subject<'a> {
    pub(super) session: &'a Session,
    /// The stack; empty when a workload is named without one.
    pub(super) snapshot: &'a Snapshot,
    pub(super) pointed: &'a Pointed,
    pub(super) named: &'a SubjectArgs,
    pub(super) workload: &'a WorkloadArgs,
    pub(super) asking: &'a AskingArgs,
    pub(super) probe: &'a ProbeArgs,
    /// What a smoke test pushes; nothing without it.
    pub(super) smoke: Option<&'a SmokeArgs>,
}

pub(crate) fn diagnose(app: &App, args: &DiagnoseArgs) -> Outcome {
    match args.watch.watch {
        Some(every) => watch::run(app, args, every),
        None => run(app, &args.check, (&args.subject, &args.fix), None),
    }
}

pub(crate) fn smoke_test(app: &App, args: &SmokeTestArgs) -> Outcome {
    run(app, &args.check, (&SubjectArgs::default(), &FixArgs::default()), Some(&args.smoke))
}

/// With something to push it is a smoke test.
fn run(app: &App, args: &CheckArgs, (named, fix): (&SubjectArgs, &FixArgs), smoke: Option<&SmokeArgs>) -> Outcome {
    let command = if smoke.is_some() { Command::SmokeTest } else { Command::DiagnoseAuth };
    let wanted = args.report.wanted(app.global.json)?;
    if let Some(file) = &args.reading.from {
        return conclude(app, record::read(app, file)?, &args.reading, &wanted);
    }
    let (snapshot, pointed) = known(app, &args.stack.stack(), &args.workload)?;
    if args.explain_permissions {
        return rights::tell(app, (command, fix.fix), &snapshot, args);
    }
    let session = app.session(&pointed)?;
    let CheckArgs { workload, asking, probe, .. } = args;
    let subject =
        Subject { session: &session, snapshot: &snapshot, pointed: &pointed, named, workload, asking, probe, smoke };
    if args.cleanup {
        return app.wait_for(cleanup::run(app, command, &subject));
    }
    if let Some(smoke) = smoke.filter(|smoke| smoke.push_only) {
        return app.wait_for(smoke::push_only(app, &subject, smoke, &args.reading, &wanted));
    }
    let (mut capture, refused) = match named.offline {
        true => (offline::look(app, command, &subject)?, None),
        false => app.wait_for(everywhere(app, command, &subject, (fix, &args.reading)))?,
    };
    if let Some(file) = &pointed.stack_file {
        capture.stack_lines = lines::of(app, file, args.stack.env.as_deref());
    }
    if let Some(file) = &args.reading.save {
        record::write(app, file, &capture)?;
    }
    let outcome = conclude(app, capture, &args.reading, &wanted);
    // The report is worth having, whatever kept its plan from being carried out.
    refused.map_or(outcome, Err)
}

/// Looks into the cluster, or mends what is found there, and at the other places of the stack at the same time.
async fn everywhere(
    app: &App,
    command: Command,
    subject: &Subject<'_>,
    (fix, reading): (&FixArgs, &ReadingArgs),
) -> Result<(Capture, Option<Failure>), Failure> {
    let inside = async {
        if !request::has_cluster(subject) && elsewhere::is_named(subject.snapshot) {
            return Ok((mops_diagnose::without_a_cluster(command, &request::of(app, subject)?), None));
        }
        match fix.fix {
            true => fix::mend(app, subject, fix, reading).await,
            false => Ok((look(app, command, subject).await?, None)),
        }
    };
    if command == Command::SmokeTest {
        return inside.await;
    }
    let limit = request::of(app, subject)?.timeout;
    let (inside, elsewhere) = tokio::join!(inside, elsewhere::look(app, subject, limit));
    let (mut capture, refused) = inside?;
    elsewhere.join(&mut capture);
    Ok((capture, refused))
}

/// The stack that is meant, or none at all: where a cluster is named and no stack, what some stack expects says nothing
/// about that cluster.
fn known(app: &App, named: &StackArgs, workload: &WorkloadArgs) -> Result<(Snapshot, Pointed), Failure> {
    let unnamed = named.file.is_none() && named.env.is_none();
    if unnamed && (workload.names_cluster() || workload.namespace.is_some() && app.stacks()?.is_empty()) {
        let none = StackId { project: String::new(), stack: String::new() };
        return Ok((Snapshot::none(&none), app.pointed_without_stack()?));
    }
    if unnamed && app.stacks()?.is_empty() {
        let hint = "`--namespace NAME` checks pods that no stack made; `mops infra up FILE` makes a stack";
        return Err(Failure::usage("there is no stack in this home folder", hint));
    }
    let (stack, file) = app.stack(named)?;
    Ok((app.snapshot(&stack)?, app.pointed(&stack, file)?))
}

/// Writes the report in every form; its summary is the exit.
pub(super) fn conclude(app: &App, capture: Capture, reading: &ReadingArgs, wanted: &[Wanted]) -> Outcome {
    let found = capture.read(&reading.reading());
    report::write(app, &found, wanted)?;
    Ok(match found.summary.exit_code {
        0 => Exit::Ok,
        1 => Exit::Failed,
        2 => Exit::Usage,
        130 => Exit::Interrupted,
        _ => Exit::CouldNotRun,
    })
}

/// Looks at everything that the command looks at.
pub(super) async fn look(app: &App, command: Command, subject: &Subject<'_>) -> Result<Capture, Failure> {
    Ok(match ready(app, command, subject).await? {
        Ready::Ask(both) => mops_diagnose::look(command, both.0, both.1).await,
        Ready::Not(capture) => *capture,
    })
}

/// Whether there is a cluster to ask.
enum Ready {
    /// What is asked, and through what.
    Ask(Box<(Request, Services)>),
    /// Why nobody can be asked, as a record.
    Not(Box<Capture>),
}

/// The request, and the clients for it.
async fn ready(app: &App, command: Command, subject: &Subject<'_>) -> Result<Ready, Failure> {
    let cluster = request::cluster(app, subject)?;
    let mut request = request::of(app, subject)?;
    if let (Command::SmokeTest, None) = (command, subject.probe.timeout) {
        request.timeout = SMOKE_TEST;
    }
    if !subject.workload.no_arm {
        // The stack's passwords are for its own registry alone.
        if request.registry == request::own_registry(subject.snapshot) {
            request.arm = credential::arm_view(app, subject).await;
        }
        azure::ask(subject, &mut request).await;
    }
    if let Some(args) = subject.smoke {
        request.smoke = Some(smoke::of(app, subject, args, &request).await?);
        request.verify_readonly = args.verify_readonly || request.env == "dev";
    }
    let clients = subject.session.provider.services();
    let kubernetes = match clients.kubernetes(&cluster).await {
        Ok(kubernetes) => kubernetes,
        Err(error) => {
            let why = obstacle(&cluster, &error);
            return Ok(Ready::Not(Box::new(mops_diagnose::could_not_run(command, &request, &why))));
        }
    };
    if request.context.is_empty() {
        kubernetes.server().clone_into(&mut request.context);
    }
    if request.namespace.is_empty() {
        kubernetes.namespace().clone_into(&mut request.namespace);
    }
    let http = subject.session.http()?;
    Ok(Ready::Ask(Box::new((request, services(app, subject.session, &kubernetes, http)))))
}

/// The cluster of a workspace, and its namespace.
pub(super) async fn workspace(app: &App, subject: &Subject<'_>) -> Result<(Kubernetes, String), Failure> {
    let kubernetes = subject.session.provider.services().kubernetes(&request::cluster(app, subject)?).await?;
    Ok((kubernetes, request::of(app, subject)?.namespace))
}

/// Whether a file on this machine is what stands in the way.
fn obstacle(cluster: &ClusterRef, error: &Error) -> NoClient {
    match cluster {
        ClusterRef::Kubeconfig { .. } if error.class() == Class::User => {
            NoClient::Kubeconfig(error.summary().to_owned())
        }
        _ => NoClient::Access(error.summary().to_owned()),
    }
}

pub(super) fn services(app: &App, session: &Session, kubernetes: &Kubernetes, http: Http) -> Services {
    let printer = app.printer.clone();
    Services {
        kube: kubernetes.client(),
        http,
        env: app.env.clone(),
        clock: Arc::clone(&session.clock),
        cancel: app.cancel.clone(),
        progress: Arc::new(move |text| printer.tell(text)),
    }
}

/// How the pods of a stack sign in to its registry, as its last run said. The admin user, which the original had, goes
/// without saying.
pub(super) fn phase(snapshot: &Snapshot) -> Phase {
    let word = snapshot.outputs.get("registry").and_then(|outputs| outputs.get("auth")?.as_str());
    Phase::ALL.into_iter().find(|phase| Some(phase.as_str()) == word).unwrap_or(Phase::AdminUser)
}

fn of_type<'a>(snapshot: &'a Snapshot, token: &'static str) -> impl Iterator<Item = &'a ResourceState> {
    // What Novita has of the registry is no pod's, and tokens of tools open none.
    let own = |r: &&ResourceState| ![Component::Novita, Component::Tokens].contains(&r.component) && !r.pending_delete;
    snapshot.resources.iter().filter(own).filter(move |r| r.urn.token() == token)
}

/// Everything of a type that a stack has, wherever it is used.
fn of_any<'a>(snapshot: &'a Snapshot, token: &'static str) -> impl Iterator<Item = &'a ResourceState> {
    snapshot.resources.iter().filter(move |r| r.urn.token() == token && !r.pending_delete)
}

fn input(resource: &ResourceState, name: &str) -> Option<String> {
    Some(resource.inputs.get(name)?.as_str()?.to_owned())
}
