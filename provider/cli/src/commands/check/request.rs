//! The request of a check: what the stack's state knows, and what the flags say in its place.

use std::collections::BTreeSet;

use mops_clients::kubernetes::ClusterRef;
use mops_core::Value;
use mops_diagnose::{KnownPool, ProbeImage, Request};
use mops_engine::stackfile::Phase;
use mops_engine::state::{ResourceState, Snapshot};
use mops_wire::ngc;
use mops_wire::registry::Reference;

use super::{Subject, input, of_type, phase};
use crate::app::App;
use crate::exit::Failure;
use crate::kubeconfig;

/// The cluster that the flags name, else that of the workspace.
pub(super) fn cluster(app: &App, subject: &Subject<'_>) -> Result<ClusterRef, Failure> {
    let named = subject.workload;
    let bare = subject.snapshot.resources.is_empty() && named.namespace.is_some();
    if !bare && !named.names_cluster() {
        return of_the_workspace(subject.snapshot);
    }
    let file = named.kubeconfig.clone().map_or_else(|| kubeconfig::target(&app.env), |path| Ok(app.env.path(&path)));
    Ok(ClusterRef::Kubeconfig { kubeconfig: file?.to_string_lossy().into_owned(), context: named.context.clone() })
}

/// Whether flags or the state name one.
pub(super) fn has_cluster(subject: &Subject<'_>) -> bool {
    let named = subject.workload.names_cluster() || subject.workload.namespace.is_some();
    named || of_the_workspace(subject.snapshot).is_ok()
}

/// The cluster of the workspace, as its namespace names it.
fn of_the_workspace(snapshot: &Snapshot) -> Result<ClusterRef, Failure> {
    let named = of_type(snapshot, "modelops:kubernetes:Namespace").next().and_then(|n| n.inputs.get("cluster"));
    named.and_then(|c| serde_json::from_value(c.masked_json()).ok()).ok_or_else(|| {
        Failure::usage(
            format!("stack `{}` has no workspace to check", snapshot.stack),
            "`mops infra up FILE` makes it; `--namespace` names a workload that no stack made",
        )
    })
}

/// What is asked for.
pub(super) fn of(app: &App, subject: &Subject<'_>) -> Result<Request, Failure> {
    let run = mops_host::random::hex::<4>();
    let mut request = Request::new(&run, &subject.snapshot.stack.stack, "");
    from_state(&mut request, subject.snapshot);
    from_flags(&mut request, subject);
    from_words(&mut request, subject)?;
    request.stack_file.clone_from(&subject.pointed.stack_file);
    let Subject { pointed, probe, .. } = subject;
    let named = probe.probe_image.clone().or_else(|| app.env.get("MOPS_PROBE_IMAGE").map(ToOwned::to_owned));
    request.probe = ProbeImage {
        image: named.unwrap_or_else(|| ProbeImage::default().image),
        pull_secret: request.pull_secret.clone(),
        fallback_secret: probe.probe_pull_secret.clone(),
        connect: pointed.cloud.connect.clone(),
        ca_file: pointed.cloud.ca_file.clone(),
    };
    Ok(request)
}

/// The registry that the stack has made.
pub(super) fn own_registry(snapshot: &Snapshot) -> Option<String> {
    Some(snapshot.outputs.get("registry")?.get("login_server")?.as_str()?.to_owned())
}

fn from_state(request: &mut Request, snapshot: &Snapshot) {
    let output = |component: &str, name: &str| Some(snapshot.outputs.get(component)?.get(name)?.as_str()?.to_owned());
    let namespace = of_type(snapshot, "modelops:kubernetes:Namespace").find_map(|n| input(n, "name"));
    request.namespace = namespace.unwrap_or_default();
    request.context = output("cluster", "cluster_name").unwrap_or_default();
    request.registry = own_registry(snapshot);
    request.env_secret = of_type(snapshot, "modelops:kubernetes:Secret").find_map(|s| input(s, "name"));
    // One that is there all the same is for the pods of the way that is being left.
    if phase(snapshot) != Phase::WorkloadIdentity {
        request.pull_secret = of_type(snapshot, "modelops:kubernetes:ImagePullSecret").find_map(|s| input(s, "name"));
    }
    request.containers = containers(snapshot);
    request.pools = pools(snapshot);
}

/// What a flag says always wins over what was derived.
fn from_flags(request: &mut Request, Subject { workload, asking, probe, .. }: &Subject<'_>) {
    if let Some(namespace) = workload.namespace.as_ref().filter(|name| **name != request.namespace) {
        request.namespace.clone_from(namespace);
        request.whoever_waits = true;
        // The secrets and the storage of a workspace are those of its own namespace.
        (request.env_secret, request.pull_secret, request.containers) = (None, None, Vec::new());
    }
    if workload.names_cluster() {
        request.context = workload.context.clone().unwrap_or_default();
        request.pools.clear();
    }
    if let Some(selector) = &workload.selector {
        request.selector.clone_from(selector);
        request.whoever_waits = false;
    }
    if workload.registry.is_some() {
        request.registry.clone_from(&workload.registry);
    }
    request.container.clone_from(&workload.container);
    request.images.clone_from(&workload.image);
    request.models = workload.model.iter().map(ToString::to_string).collect();
    request.only_pools.clone_from(&workload.pool);
    request.max_pods = workload.max_pods;
    request.probe_namespace.clone_from(&probe.probe_namespace);
    if !asking.vantage.is_empty() {
        request.vantages.clone_from(&asking.vantage);
    }
    if let Some(per_pool) = asking.per_pool {
        request.per_pool = per_pool;
    }
    if let Some(timeout) = asking.probe_timeout {
        request.probe_timeout = timeout;
    }
    request.scale_up = asking.scale_up.then_some(asking.scale_up_timeout);
    if let Some(timeout) = probe.timeout {
        request.timeout = timeout;
    }
}

/// What is named without a flag, and what belongs to it: pods in place of labels, and the registry of an image.
fn from_words(request: &mut Request, Subject { named, workload, .. }: &Subject<'_>) -> Result<(), Failure> {
    request.chosen = named.chosen();
    if !request.chosen.is_empty() && workload.selector.is_none() {
        // Who is named by name needs no labels.
        request.selector.clear();
        request.whoever_waits = false;
    }
    request.images.extend(named.images().map(ToOwned::to_owned));
    request.bundle.clone_from(&named.bundle_ref);
    request.containers.extend(named.storage.iter().cloned());
    request.search_namespaces.clone_from(&named.search_namespace);
    request.negative_probe = !named.no_negative_probe;
    let hosts =
        named.images().chain(named.bundle_ref.as_deref()).filter_map(host).map(|host| host.to_ascii_lowercase());
    registries(request, workload.registry.as_deref(), hosts.collect())
}

/// The registries of what is named are asked, that of the stack first when it is among them; `--registry` leaves one.
fn registries(request: &mut Request, given: Option<&str>, mut hosts: BTreeSet<String>) -> Result<(), Failure> {
    request.named_registries_only = given.is_some() || !hosts.is_empty();
    if let (Some(given), Some(named)) = (given, hosts.first()) {
        if !hosts.contains(&given.to_ascii_lowercase()) {
            return Err(Failure::usage(
                format!("`--registry {given}` is not the registry of what is named, `{named}`"),
                format!("leave the flag out, or give `--registry {named}`"),
            ));
        }
        request.images.retain(|image| host(image).is_none_or(|host| host.eq_ignore_ascii_case(given)));
        return Ok(());
    }
    let known = request.registry.clone().filter(|own| hosts.remove(&own.to_ascii_lowercase()));
    if let Some(first) = known.or_else(|| hosts.pop_first()) {
        request.registry = Some(first);
        request.other_registries = hosts.into_iter().filter(|host| host != ngc::REGISTRY).collect();
    }
    Ok(())
}

fn host(image: &str) -> Option<String> {
    let reference: Reference = image.strip_prefix("oci://").unwrap_or(image).parse().ok()?;
    Some(reference.registry().to_owned())
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

/// What a pool's nodes repel pods by.
fn taints(pool: &Value) -> Vec<String> {
    let own = match pool.get("taints") {
        Some(Value::List(list)) => list.as_slice(),
        _ => &[],
    };
    let spot = (pool.get("spot") == Some(&Value::Bool(true))).then(|| SPOT.to_owned());
    own.iter().filter_map(Value::as_str).map(str::to_owned).chain(spot).collect()
}

/// The taint that AKS puts on the nodes of spot pools.
const SPOT: &str = "kubernetes.azure.com/scalesetpriority=spot:NoSchedule";

/// The pools that state knows: the cluster's first one and those added to it.
fn pools(snapshot: &Snapshot) -> Vec<KnownPool> {
    let number = |pool: &Value, name: &str| pool.get(name).and_then(Value::as_i64).and_then(|n| u32::try_from(n).ok());
    let one = |pool: &Value| {
        let name = pool.get("name")?.as_str()?.to_owned();
        let autoscale = number(pool, "minCount").zip(number(pool, "maxCount"));
        Some(KnownPool { name, autoscale, windows: false, taints: taints(pool) })
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
    fn several_registries_are_asked_and_one_that_is_named_is_alone() {
        let asked = |own: Option<&str>, given: Option<&str>, images: &[&str]| {
            let mut request = Request::new("r", "dev", "ns");
            request.registry = given.or(own).map(str::to_owned);
            request.images = images.iter().map(|image| (*image).to_owned()).collect();
            let hosts = request.images.iter().filter_map(|image| host(image)).collect();
            registries(&mut request, given, hosts).map(|()| {
                let Request { registry, other_registries, images, named_registries_only, .. } = request;
                (registry.unwrap_or_default(), other_registries, images.len(), named_registries_only)
            })
        };
        let (a, b) = ("a.example/x:1", "b.example/y:1");
        let seen = |own: &str, others: &[&str], images, only| {
            let others = others.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>();
            Some((own.to_owned(), others, images, only))
        };
        assert_eq!(asked(None, None, &[a, b]).ok(), seen("a.example", &["b.example"], 2, true));
        assert_eq!(asked(Some("b.example"), None, &[a, b]).ok(), seen("b.example", &["a.example"], 2, true));
        assert_eq!(asked(Some("s.example"), None, &[a]).ok(), seen("a.example", &[], 1, true));
        assert_eq!(asked(Some("s.example"), None, &[]).ok(), seen("s.example", &[], 0, false));
        assert_eq!(asked(None, Some("b.example"), &[a, b]).ok(), seen("b.example", &[], 1, true));
        assert_eq!(asked(None, Some("b.example"), &[]).ok(), seen("b.example", &[], 0, true));
        assert!(asked(None, Some("c.example"), &[a, b]).is_err());
    }

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
        let gpu = serde_json::json!({"name": "gpu", "minCount": 0, "maxCount": 2, "spot": true, "taints": ["sku=gpu:NoSchedule"]});
        add("modelops:azure:NodePool", gpu);
        let want = [("system", None, &[][..]), ("gpu", Some((0, 2)), &["sku=gpu:NoSchedule", SPOT])];
        let want = want.map(|(name, autoscale, taints)| KnownPool {
            name: name.into(),
            autoscale,
            windows: false,
            taints: taints.iter().map(|taint| (*taint).to_owned()).collect(),
        });
        assert_eq!(pools(&snapshot), want);
        assert!(of_the_workspace(&snapshot).is_err());
    }
}
