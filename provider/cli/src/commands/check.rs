//! `mops diagnose-auth` and `mops smoke-test`: fills the request from the stack's state, asks the cluster, prints the
//! report. The report's summary decides the exit code.

mod azure;
mod record;
mod report;

use std::sync::Arc;
use std::time::Duration;

use mops_clients::kubernetes::ClusterRef;
use mops_core::{Error, Secret, SecretInput, Value};
use mops_diagnose::{ArmView, Capture, Command, KnownPool, ProbeImage, Request, Services};
use mops_engine::stackfile::Phase;
use mops_engine::state::{ResourceState, Snapshot};
use mops_wire::Http;

use crate::app::App;
use crate::args::{CheckArgs, ProbeArgs, ReadingArgs, Wanted};
use crate::exit::{Exit, Failure, Outcome};
use crate::pointed::Pointed;
use crate::session::Session;

/// How long a smoke test may take when nobody says it.
const SMOKE_TEST: Duration = Duration::from_secs(300);

/// What is looked at, and how.
pub(super) struct Subject<'a> {
    pub(super) session: &'a Session,
    pub(super) snapshot: &'a Snapshot,
    pub(super) pointed: &'a Pointed,
    pub(super) probe: &'a ProbeArgs,
}

pub(crate) fn run(app: &App, command: Command, args: &CheckArgs) -> Outcome {
    let wanted = args.report.wanted(app.global.json)?;
    if let Some(file) = &args.reading.from {
        return conclude(app, record::read(app, file)?, &args.reading, &wanted);
    }
    let (stack, file) = app.stack(&args.stack)?;
    let snapshot = app.snapshot(&stack)?;
    let pointed = app.pointed(&stack, file)?;
    let session = app.session(&pointed)?;
    let subject = Subject { session: &session, snapshot: &snapshot, pointed: &pointed, probe: &args.probe };
    let capture = app.wait_for(look(app, command, &subject))?;
    if let Some(file) = &args.reading.save {
        record::write(app, file, &capture)?;
    }
    conclude(app, capture, &args.reading, &wanted)
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
    let cluster = cluster(subject.snapshot)?;
    let mut request = request(app, subject);
    if let (Command::SmokeTest, None) = (command, subject.probe.timeout) {
        request.timeout = SMOKE_TEST;
    }
    request.arm = arm_view(app, subject).await;
    azure::ask(subject, &mut request).await;
    Ok(match services(app, subject.session, &cluster).await {
        Ok(services) => mops_diagnose::look(command, request, services).await,
        Err(error) => mops_diagnose::could_not_run(command, &request, error.summary()),
    })
}

async fn services(app: &App, session: &Session, cluster: &ClusterRef) -> Result<Services, Error> {
    let clients = session.provider.services();
    let kube = clients.kubernetes(cluster).await?.client();
    let http = Http::new(clients.http().clone()).map_err(|e| Error::new(e.class(), e.to_string()))?;
    let printer = app.printer.clone();
    Ok(Services {
        kube,
        http,
        clock: Arc::clone(&session.clock),
        cancel: app.cancel.clone(),
        progress: Arc::new(move |text| printer.tell(text)),
    })
}

/// The credential that the stack's pods are meant to have, to compare with the one that they have: that of the stack's
/// token from state, that of its service principal from where it is kept, else what ARM says about the admin user.
async fn arm_view(app: &App, subject: &Subject<'_>) -> ArmView {
    let Subject { session, snapshot, .. } = subject;
    match phase(snapshot) {
        Phase::Token => {
            if let Some(token) = of_type(snapshot, "modelops:azure:RegistryToken").next() {
                return token_view(app, snapshot, token);
            }
        }
        Phase::ServicePrincipal => return principal_view(session, snapshot).await,
        Phase::WorkloadIdentity | Phase::AdminUser => {}
    }
    let Some(registry) = of_type(snapshot, "modelops:azure:ContainerRegistry").next() else { return ArmView::NotAsked };
    if registry.inputs.get("adminUserEnabled") == Some(&Value::Bool(false)) {
        return ArmView::AdminDisabled;
    }
    match session.provider.services().registry_login(&registry.id).await {
        Ok(login) => ArmView::Credentials { username: login.username, passwords: vec![login.password] },
        Err(error) => ArmView::Unreadable(error.summary().to_owned()),
    }
}

/// What the pull secret is made from, as far as its source is here.
async fn principal_view(session: &Session, snapshot: &Snapshot) -> ArmView {
    let Some(secret) = of_type(snapshot, "modelops:kubernetes:ImagePullSecret").next() else {
        return ArmView::NotAsked;
    };
    let source = secret.inputs.get("password").and_then(|p| mops_core::convert::from_value(p.clone()).ok());
    let (Some(username), Some(source)) = (input(secret, "username"), source) else { return ArmView::NotAsked };
    match session.provider.services().resolve(&SecretInput::Source(source)).await {
        Ok(password) => ArmView::Credentials { username, passwords: vec![password] },
        Err(_) => ArmView::NotAsked,
    }
}

/// ARM does not show the password of a token again: state holds it.
fn token_view(app: &App, snapshot: &Snapshot, token: &ResourceState) -> ArmView {
    let mut outputs = token.outputs.clone();
    let opened = app.sealer(snapshot).map(|sealer| sealer.open_in(&mut outputs));
    if !matches!(opened, Ok(Ok(()))) {
        return ArmView::Unreadable("the passphrase of the state is not here, which holds the token's password".into());
    }
    let text = |name: &str| Some(outputs.get(name)?.exposed_json().as_str()?.to_owned());
    match (text("name"), text("password")) {
        (Some(username), Some(password)) => ArmView::Credentials { username, passwords: vec![Secret::new(password)] },
        _ => ArmView::Unreadable("the token's password is not known any more; `mops infra up` makes a new one".into()),
    }
}

/// How the pods of a stack sign in to its registry, as its last run said. The admin user, which the original had, goes
/// without saying.
pub(super) fn phase(snapshot: &Snapshot) -> Phase {
    let word = snapshot.outputs.get("registry").and_then(|outputs| outputs.get("auth")?.as_str());
    Phase::ALL.into_iter().find(|phase| Some(phase.as_str()) == word).unwrap_or(Phase::AdminUser)
}

fn of_type<'a>(snapshot: &'a Snapshot, token: &'static str) -> impl Iterator<Item = &'a ResourceState> {
    snapshot.resources.iter().filter(move |r| r.urn.token() == token && !r.pending_delete)
}

fn input(resource: &ResourceState, name: &str) -> Option<String> {
    Some(resource.inputs.get(name)?.as_str()?.to_owned())
}

/// The cluster of the workspace, as its namespace names it.
fn cluster(snapshot: &Snapshot) -> Result<ClusterRef, Failure> {
    let named = of_type(snapshot, "modelops:kubernetes:Namespace").next().and_then(|n| n.inputs.get("cluster"));
    named.and_then(|c| serde_json::from_value(c.masked_json()).ok()).ok_or_else(|| {
        Failure::usage(
            format!("stack `{}` has no workspace to check", snapshot.stack),
            "`mops infra up FILE` makes it; `mops infra status` shows what is there",
        )
    })
}

fn request(app: &App, subject: &Subject<'_>) -> Request {
    let Subject { snapshot, pointed, probe, .. } = subject;
    let output = |component: &str, name: &str| Some(snapshot.outputs.get(component)?.get(name)?.as_str()?.to_owned());
    let run = mops_host::random::hex::<4>();
    let namespace = of_type(snapshot, "modelops:kubernetes:Namespace").find_map(|n| input(n, "name"));
    let mut request = Request::new(&run, &snapshot.stack.stack, namespace.as_deref().unwrap_or_default());
    request.context = output("cluster", "cluster_name").unwrap_or_default();
    request.registry = output("registry", "login_server");
    request.env_secret = of_type(snapshot, "modelops:kubernetes:Secret").find_map(|s| input(s, "name"));
    // One that is there all the same is for the pods of the way that is being left.
    if phase(snapshot) != Phase::WorkloadIdentity {
        request.pull_secret = of_type(snapshot, "modelops:kubernetes:ImagePullSecret").find_map(|s| input(s, "name"));
    }
    request.containers = containers(snapshot);
    request.pools = pools(snapshot);
    request.stack_file.clone_from(&pointed.stack_file);
    if let Some(timeout) = probe.timeout {
        request.timeout = timeout;
    }
    let named = probe.probe_image.clone().or_else(|| app.env.get("MOPS_PROBE_IMAGE").map(ToOwned::to_owned));
    request.probe = ProbeImage {
        image: named.unwrap_or_else(|| ProbeImage::default().image),
        pull_secret: request.pull_secret.clone(),
        connect: pointed.cloud.connect.clone(),
        ca_file: pointed.cloud.ca_file.clone(),
    };
    request
}

/// The containers that the pods' SAS open, `VARIABLE=CONTAINER` where the SAS comes under another name than the usual.
/// Which variable carries which SAS is seen by the sealed value, which is the same in both places.
fn containers(snapshot: &Snapshot) -> Vec<String> {
    const USUAL: &str = "AZURE_STORAGE_CONNECTION_STRING";
    let every = || of_type(snapshot, "modelops:azure:BlobContainer").filter_map(|c| input(c, "name")).collect();
    let data = of_type(snapshot, "modelops:kubernetes:Secret").find_map(|s| s.inputs.get("data")?.as_map());
    let variable = |sas: &ResourceState| {
        let connection = sas.outputs.get("connectionString")?;
        data?.iter().find(|(_, value)| *value == connection).map(|(name, _)| name.clone())
    };
    let mut found = Vec::new();
    for sas in of_type(snapshot, "modelops:azure:BlobSasToken") {
        let names = input(sas, "container").map_or_else(every, |one| vec![one]);
        let prefix = variable(sas).filter(|name| name != USUAL).map(|name| format!("{name}=")).unwrap_or_default();
        found.extend(names.into_iter().map(|name| format!("{prefix}{name}")));
    }
    found
}

/// The pools that state knows: the cluster's first one and those added to it.
fn pools(snapshot: &Snapshot) -> Vec<KnownPool> {
    let number = |pool: &Value, name: &str| pool.get(name).and_then(Value::as_i64).and_then(|n| u32::try_from(n).ok());
    let one = |pool: &Value| {
        let name = pool.get("name")?.as_str()?.to_owned();
        Some(KnownPool { name, autoscale: number(pool, "minCount").zip(number(pool, "maxCount")) })
    };
    let first = of_type(snapshot, "modelops:azure:ManagedCluster").filter_map(|c| one(c.inputs.get("systemPool")?));
    first.chain(of_type(snapshot, "modelops:azure:NodePool").filter_map(|p| one(&p.inputs))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mops_core::{StackId, Urn};
    use mops_engine::program::Component;

    #[test]
    fn the_pools_of_state_are_the_clusters_own_and_the_added_ones() {
        let stack = StackId { project: "p".into(), stack: "s".into() };
        let mut snapshot = Snapshot::none(&stack);
        let mut add = |token: &str, inputs: serde_json::Value| {
            let mut resource = ResourceState::new(Urn::new(&stack, token, "x"), Component::Cluster, "id");
            resource.inputs = inputs.into();
            snapshot.resources.push(resource);
        };
        add(
            "modelops:azure:ManagedCluster",
            serde_json::json!({"name": "aks", "systemPool": {"name": "system", "count": 1}}),
        );
        add("modelops:azure:NodePool", serde_json::json!({"name": "gpu", "minCount": 0, "maxCount": 2}));
        let want = [("system", None), ("gpu", Some((0, 2)))];
        let want = want.map(|(name, autoscale)| KnownPool { name: name.into(), autoscale });
        assert_eq!(pools(&snapshot), want);
        assert!(cluster(&snapshot).is_err());
    }
}
