//! A run: preflight, static reads, the workstation's and the pods' probes, rules, report. What it
//! made is removed on every way out, and the report says whether that worked (`tests/diagnose.rs`).

use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, Pod};
use mops_core::KeyedHash;
use mops_host::Env;
use mops_probe::settings::{Settings, names};
use mops_probe::{HeldKey, Observation, checks};
use mops_wire::registry::Reference;
use mops_wire::{Allowance, Limits, ngc};
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch::Sender;

use crate::capture::{CAPTURE_VERSION, Capture};
use crate::chosen;
use crate::cleaning;
use crate::cluster::{Cluster, Trouble};
use crate::ephemeral_run;
use crate::identity_reads;
use crate::live;
use crate::log_reads;
use crate::observed::{Observed, Vantage, check, code};
use crate::permissions;
use crate::pool_reads;
use crate::probe_pod;
use crate::probing;
use crate::report::{self, Cleanup, Command, Run, Skipped, Tool};
use crate::request::{NoClient, Request, Services};
use crate::shelf::Shelf;
use crate::smoke::Pushed;
use crate::stack_lines::StackLines;
use crate::static_reads;
use crate::words::Words;
use crate::workload::{self, Nodes, Place};
use crate::workstation;

mod artefact;
mod gpus;
mod pulls;
mod scale_up;
mod scheduler;

pub(crate) use artefact::push_only;

/// Longest time over the limit of the run.
const GRACE: Duration = Duration::from_millis(500);
/// Longest time of the containers that come into workers, so that the rest of a run has its own.
const INSIDE: Duration = Duration::from_secs(60);
/// Why a vantage was left out.
const NOT_CHOSEN: &str = "`--vantage` names other places";

/// What a run has seen so far.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) probes: Vec<Observed>,
    pub(crate) notices: Vec<String>,
    skipped: Vec<Skipped>,
    /// Something of ours may exist.
    made: bool,
    /// Workers into which a container of ours may have come.
    pub(crate) inside: Vec<String>,
    /// The keys of this machine that their hosts accept, hashed.
    pub(crate) local: Vec<HeldKey>,
    /// Logins that were refused to pods, hashed, where the run is repeated.
    pub(crate) refused: Vec<KeyedHash>,
    /// Those that pods did not send.
    pub(crate) spared: Vec<KeyedHash>,
    /// The registry as a worker names it, when the caller did not.
    registry: Option<String>,
    /// Further ones, from which its images come.
    other_registries: Vec<String>,
    /// An artefact of ours may be in it.
    pushed: Option<Pushed>,
}

impl Seen {
    pub(crate) fn add(&mut self, vantage: Vantage, observation: Observation) {
        self.probes.push(Observed::at(vantage, observation));
    }

    pub(crate) fn skip(&mut self, what: &str, why: &str, required: bool) {
        self.skipped.push(Skipped { what: what.to_owned(), why: why.to_owned(), required });
    }
}

pub(crate) async fn run(command: Command, request: &Request, services: &Services) -> Capture {
    let limits = Limits { deadline: request.probe_timeout, ..checks::LIMITS };
    let http = services.http.within(&Allowance::new(limits));
    let http = request.logins.as_ref().map_or_else(|| http.clone(), |logins| http.minding(logins));
    let services = &Services { http, ..services.clone() };
    let began = services.clock.monotonic();
    let started = services.clock.now().format(&Rfc3339).unwrap_or_default();
    let cluster = Cluster::new(services.kube.clone(), &request.namespace);
    let mut seen = Seen::default();
    let until = Sender::new(began + request.timeout);
    let ended = tokio::select! {
        biased;
        () = examine(&cluster, request, services, &until, &mut seen) => true,
        () = over(&until, services) => false,
    };
    if !ended {
        cut_short(request, services, &mut seen);
    }
    if let Some(logins) = &request.logins {
        logins.learn(std::mem::take(&mut seen.refused), std::mem::take(&mut seen.spared));
    }
    let (mut cleanup, left) =
        futures::join!(cleaned(&cluster, request, services, seen.made), artefact::gone(&seen, request));
    artefact::told(&mut seen, request, left, &mut cleanup);
    if !seen.inside.is_empty() {
        cleaning::inside(&cluster, request, &seen.inside, &mut cleanup).await;
    }
    let elapsed = services.clock.monotonic().saturating_sub(began);
    finish(command, request, Ended { seen, cleanup, started, elapsed, interrupted: services.cancel.is_canceled() })
}

async fn cleaned(cluster: &Cluster, request: &Request, services: &Services, made: bool) -> Cleanup {
    match made {
        true => cleaning::clean(cluster, request, services).await,
        false => Cleanup { complete: true, ..Cleanup::default() },
    }
}

/// Resolves when the time is over, or somebody interrupts. Probes end by themselves at their time
/// and are given a moment to say so.
async fn over(until: &Sender<Duration>, services: &Services) {
    let mut until = until.subscribe();
    loop {
        let left = until.borrow_and_update().saturating_sub(services.clock.monotonic());
        tokio::select! {
            () = services.cancel.canceled() => return,
            () = services.clock.sleep(left + GRACE) => return,
            // What scales up first moves it on.
            _ = until.changed() => {}
        }
    }
}

/// Says what a run that was cut short does not know.
fn cut_short(request: &Request, services: &Services, seen: &mut Seen) {
    let why = if services.cancel.is_canceled() { "interrupted" } else { "time" };
    if !seen.probes.iter().any(|o| o.check == check::API) {
        let words = format!("no answer within {} s", request.timeout.as_secs());
        seen.add(Vantage::W, Observation::failed(check::API, "", api(request), code::UNREACHABLE).detail(&words));
    }
    seen.skip("what had not ended", why, true);
}

fn api(request: &Request) -> &str {
    if request.context.is_empty() { "the cluster" } else { &request.context }
}

pub(crate) fn could_not_run(command: Command, request: &Request, why: &NoClient) -> Capture {
    let mut seen = Seen::default();
    let failed = match why {
        NoClient::Kubeconfig(words) => {
            let context = if request.context.is_empty() { "current-context" } else { &request.context };
            Observation::failed(check::KUBECONFIG, "", context, code::NO_CONTEXT).detail(words)
        }
        NoClient::Access(words) => Observation::failed(check::API, "", api(request), code::NO_ACCESS).detail(words),
    };
    seen.add(Vantage::W, failed);
    let cleanup = Cleanup { complete: true, ..Cleanup::default() };
    finish(command, request, Ended { seen, cleanup, ..Ended::default() })
}

pub(crate) fn offline(command: Command, request: &Request, handed: Option<&Env>) -> Capture {
    let mut seen = Seen::default();
    match handed {
        Some(env) => {
            let containers = request.containers.join(",");
            let pairs = env.iter().chain([(names::CONTAINER, containers.as_str())]);
            let settings = Settings::from_env(&Env::of(pairs));
            checks::written(&settings).into_iter().for_each(|o| seen.add(Vantage::W, o));
        }
        None => seen.skip("files", "the stack has handed no registry and storage to this machine", true),
    }
    for what in ["cluster", "registry and storage", "Azure"] {
        seen.skip(what, "`--offline`", false);
    }
    let cleanup = Cleanup { complete: true, ..Cleanup::default() };
    let request = Request { vantages: vec![Vantage::W], ..request.clone() };
    finish(command, &request, Ended { seen, cleanup, ..Ended::default() })
}

pub(crate) fn without_a_cluster(command: Command, request: &Request) -> Capture {
    let mut seen = Seen::default();
    seen.skip("cluster", "the stack has no workspace in one", false);
    let cleanup = Cleanup { complete: true, ..Cleanup::default() };
    let request = Request { vantages: vec![Vantage::W], ..request.clone() };
    finish(command, &request, Ended { seen, cleanup, ..Ended::default() })
}

/// Everything but the clean-up.
async fn examine(cluster: &Cluster, request: &Request, services: &Services, until: &Sender<Duration>, seen: &mut Seen) {
    (services.progress)("asking the API server");
    if !preflight(cluster, request, seen).await {
        return;
    }
    let workers = match chosen::workers(cluster, request).await {
        Ok(pods) => {
            for absent in chosen::absent(request, &pods) {
                seen.add(Vantage::W, Observation::failed(check::PODS, "", &absent, code::NONE));
            }
            pods
        }
        Err(trouble) => {
            let skipped = Observation::skipped(check::RIGHT, "", "list pods", trouble.code);
            seen.add(Vantage::W, skipped.detail(&trouble.detail));
            seen.skip("workers", &trouble.detail, true);
            Vec::new()
        }
    };
    let named = with_registries(request, &workers);
    let request = &named;
    seen.registry.clone_from(&request.registry);
    seen.other_registries.clone_from(&request.other_registries);
    let nodes = nodes(cluster, seen).await;
    let nodes = scale_up::scale_up(cluster, request, services, (nodes, &workers), (until, seen)).await;
    let until = *until.borrow();
    seen.probes.extend(pool_reads::look(cluster, request, &workers, &nodes).await);
    let shelf = Shelf::read(cluster, request, static_reads::named(request, &workers)).await;
    if !workers.is_empty() {
        seen.add(
            Vantage::W,
            Observation::ok(check::PODS, "", &chosen::subject(request)).detail(&format!("{} found", workers.len())),
        );
        (services.progress)("reading secrets and events");
        seen.probes.extend(static_reads::secrets(&shelf, request, services, &workers).await);
        seen.probes.extend(identity_reads::look(cluster, request, &workers).await);
        let events = events(cluster, &workers).await;
        seen.probes.extend(static_reads::workers(&workers, &events, &nodes, &shelf));
        seen.probes.extend(log_reads::look(cluster, request, &workers, &nodes).await);
    }
    let with_artefact = artefact::with_artefact(request, services, seen).await;
    let request = &with_artefact;
    if request.looks_from(Vantage::W) {
        (services.progress)("asking registry and storage from here");
        let images = probe_pod::images(request, &workers).into_iter().chain(request.bundle.clone()).collect::<Vec<_>>();
        let containers = static_reads::containers(&shelf, request);
        let login = static_reads::may_have_login(&shelf, request, &workers);
        let from_here = workstation::look(request, &services.here(), &images, (&containers, login)).await;
        seen.probes.extend(from_here.seen);
        seen.local = from_here.keys;
    } else {
        seen.skip("registry and storage from here", NOT_CHOSEN, false);
    }
    let found = workload::places(request, &workers, &nodes);
    if request.looks_inside() {
        let inside = match request.looks_from(Vantage::C) {
            true => {
                let places = ephemeral_run::places(&found.places, &nodes, request);
                let with = |place: Place| (place.clone(), live::sources(request, &shelf, &place.worker));
                let places: Vec<_> = places.into_iter().map(with).collect();
                let until = until.min(services.clock.monotonic() + INSIDE);
                ephemeral_run::look(cluster, request, services, &places, until, seen).await
            }
            false => live::Entered::new(),
        };
        live::look(cluster, request, services, (&shelf, &workers, &nodes), &inside, seen).await;
    } else {
        seen.skip("running workers", NOT_CHOSEN, false);
    }
    seen.probes.extend(found.seen);
    let mut planned = Vec::new();
    if request.looks_from(Vantage::P) {
        let places = probing::limited(found.places.clone(), "pool", request, seen);
        planned.extend(probing::from_pods(request, cluster, &places));
    } else {
        seen.skip("pods", NOT_CHOSEN, false);
    }
    if request.looks_from(Vantage::N) {
        planned.extend(probing::from_nodes(request, cluster, &found.places, seen).await);
    } else {
        seen.skip("node network", NOT_CHOSEN, false);
    }
    seen.made |= !planned.is_empty();
    probing::run(services, planned, until, seen).await;
    if request.smoke.is_some() {
        seen.made |= !found.places.is_empty();
        pulls::pulls(cluster, request, services, until, (&found.places, seen)).await;
        gpus::gpus(cluster, request, services, until, (&found.places, seen)).await;
        scheduler::scheduler(cluster, request, services, until, seen).await;
    }
}

/// The request with the registry that a worker names, or else that of an image for which a worker waits, when the caller
/// knows none, and with those of the other images beside it.
fn with_registries(request: &Request, workers: &[Pod]) -> Request {
    let mut request = request.clone();
    if request.registry.is_none() {
        let containers = workers.iter().filter_map(|w| workload::container(w, request.container.as_deref()));
        let mut variables = containers.flat_map(|c| c.env.iter().flatten());
        let named = variables.find(|v| v.name == names::BUNDLE_REGISTRY).and_then(|v| v.value.clone());
        let named = named.filter(|host| !host.is_empty() && !host.contains('/'));
        let mut awaited = workers.iter().flat_map(workload::awaited);
        let awaited = awaited.find_map(|image| Some(image.parse::<Reference>().ok()?.registry().to_owned()));
        request.registry = named.or(awaited);
    }
    if request.registry.is_some() && !request.named_registries_only {
        for host in workload::registries(workers) {
            let known = request.registries().chain([ngc::REGISTRY]).any(|own| own.eq_ignore_ascii_case(&host));
            if !known {
                request.other_registries.push(host);
            }
        }
    }
    request
}

/// Whether the cluster can be asked at all.
async fn preflight(cluster: &Cluster, request: &Request, seen: &mut Seen) -> bool {
    let api = api(request);
    let failed = |check, target: &str, code, trouble: &Trouble| {
        Observation::failed(check, "", target, code).detail(&trouble.detail)
    };
    match cluster.namespace().await {
        Err(t) if t.code == code::UNREACHABLE || t.code == code::UNAUTHORIZED => {
            seen.add(Vantage::W, failed(check::API, api, t.code, &t));
            return false;
        }
        Err(t) if t.code == code::NOT_FOUND => {
            seen.add(Vantage::W, Observation::ok(check::API, "", api));
            seen.add(Vantage::W, failed(check::NAMESPACE, &request.namespace, t.code, &t));
            return false;
        }
        // The right to read a namespace is a cluster's right; the pods will tell.
        _ => seen.add(Vantage::W, Observation::ok(check::API, "", api)),
    }
    let inside = if request.looks_from(Vantage::C) { permissions::IN_WORKERS } else { &[] };
    let scheduler = if request.asks_scheduler() { permissions::SCHEDULER } else { &[] };
    let rights = permissions::IN_NAMESPACE
        .iter()
        .chain(inside)
        .chain(scheduler)
        .flat_map(|r| r.verbs.iter().map(move |verb| (*verb, r)));
    let asked = rights.map(|(verb, right)| async move { (verb, right, cluster.allowed(verb, right).await) });
    for (verb, right, allowed) in futures::future::join_all(asked).await {
        if allowed == Some(false) {
            let right = format!("{verb} {}", right.resource);
            seen.add(Vantage::W, Observation::skipped(check::RIGHT, "", &right, code::FORBIDDEN));
        }
    }
    true
}

/// The events of the namespace, when some worker waits: of one that runs they are history, and a large namespace has
/// many pages of them.
async fn events(cluster: &Cluster, workers: &[Pod]) -> Vec<Event> {
    match workers.iter().any(|pod| workload::waiting(pod).next().is_some()) {
        true => cluster.events().await.unwrap_or_default(),
        false => Vec::new(),
    }
}

async fn nodes(cluster: &Cluster, seen: &mut Seen) -> Nodes {
    match cluster.nodes().await {
        Ok(nodes) => Nodes::new(nodes),
        Err(trouble) => {
            seen.notices.push(format!("nodes cannot be listed ({}); pools are named by node", trouble.detail));
            Nodes::default()
        }
    }
}

#[derive(Default)]
struct Ended {
    seen: Seen,
    cleanup: Cleanup,
    started: String,
    elapsed: Duration,
    interrupted: bool,
}

fn finish(command: Command, request: &Request, ended: Ended) -> Capture {
    let Ended { seen, cleanup, started, elapsed, interrupted } = ended;
    let Seen { probes, notices, skipped, registry, other_registries, .. } = seen;
    let registry = request.registry.clone().or(registry);
    Capture {
        capture_version: CAPTURE_VERSION,
        command,
        tool: Tool { version: request.version.clone(), rules_version: report::RULES_VERSION },
        run: Run {
            id: request.run.clone(),
            started,
            duration_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            env: request.env.clone(),
            context: request.context.clone(),
            namespace: request.namespace.clone(),
            registry: registry.clone(),
            other_registries,
            asked_from: request.chosen_vantages(),
        },
        interrupted,
        names: Words { registry, ..request.words() },
        // Whoever has read the stack file knows them.
        stack_lines: StackLines::default(),
        observations: probes,
        notices,
        skipped,
        cleanup,
        fixing: None,
    }
}
