//! Fixed reports, for whoever shows one: each is made from observations by the real rules.

use mops_diagnose::capture::CAPTURE_VERSION;
use mops_diagnose::fix::{Change, Fixing, State, Unfixed};
use mops_diagnose::observed::{Object, Observed, Vantage, check, code};
use mops_diagnose::report::{self, Cleanup, Command, Left, Report, Run, Skipped, Tool};
use mops_diagnose::{Capture, NoClient, Request, Words, could_not_run};
use mops_probe::Observation;
use mops_probe::observation::{check as probe, code as seen, variant};

const HOST: &str = "modelopsdevacr1.azurecr.io";
const IMAGE: &str = "modelopsdevacr1.azurecr.io/worker:1";

/// The names of these runs.
#[must_use]
pub fn words() -> Words {
    Words {
        namespace: "modelops-dask-dev".into(),
        stack_file: Some("examples/unified-infra/unified-infra.yaml".into()),
        registry: Some(HOST.into()),
        env_secret: Some("bundle-credentials".into()),
        pull_secret: Some("acr-pull".into()),
    }
}

/// A run that saw this.
#[must_use]
pub fn report(command: Command, observations: Vec<Observed>, skipped: Vec<Skipped>, cleanup: Cleanup) -> Report {
    record(command, observations, skipped, cleanup).report()
}

/// The record of a run that saw this.
#[must_use]
pub fn record(command: Command, observations: Vec<Observed>, skipped: Vec<Skipped>, cleanup: Cleanup) -> Capture {
    Capture {
        capture_version: CAPTURE_VERSION,
        command,
        tool: Tool { version: "0.1.0".into(), rules_version: report::RULES_VERSION },
        run: Run {
            id: "7f3a".into(),
            started: "2026-11-24T00:00:00Z".into(),
            duration_ms: 41_200,
            env: "dev".into(),
            context: "modelops-dev-aks".into(),
            namespace: "modelops-dask-dev".into(),
            registry: Some(HOST.into()),
            other_registries: Vec::new(),
            asked_from: Vec::new(),
        },
        names: words(),
        observations,
        skipped,
        cleanup,
        ..Capture::default()
    }
}

/// Nothing was left behind.
#[must_use]
pub fn clean() -> Cleanup {
    Cleanup { complete: true, ..Cleanup::default() }
}

/// What a probe in a pool saw.
#[must_use]
pub fn pool(name: &str, node: &str, observations: Vec<Observation>) -> Vec<Observed> {
    observations.into_iter().map(|o| Observed::at(Vantage::P, o).on(name, node)).collect()
}

fn here(observation: Observation) -> Observed {
    Observed::at(Vantage::W, observation)
}

/// What a probe sees when all is well.
#[must_use]
pub fn healthy() -> Vec<Observation> {
    vec![
        Observation::ok(probe::ENV, "", "REGISTRY_PASSWORD"),
        Observation::ok(probe::REGISTRY_V2, variant::ENV, HOST).status(200),
        Observation::ok(probe::REGISTRY_V2, variant::PULL_SECRET, HOST).status(200),
        Observation::ok(probe::REGISTRY_PULL, variant::PULL_SECRET, IMAGE).status(200),
        Observation::ok(probe::STORAGE_SAS, variant::SAS, "bundles"),
        Observation::ok(probe::STORAGE_READ, variant::SAS, "bundles").status(200),
        Observation::ok(probe::STORAGE_WRITE_REFUSED, variant::SAS, "bundles").status(403),
    ]
}

fn stale() -> Vec<Observation> {
    let refused = |check, variant, target| {
        Observation::failed(check, variant, target, seen::UNAUTHORIZED).status(401).detail("authentication required")
    };
    let mut all = healthy();
    all[1] = refused(probe::REGISTRY_V2, variant::ENV, HOST);
    all[2] = refused(probe::REGISTRY_V2, variant::PULL_SECRET, HOST);
    all[3] =
        Observation::skipped(probe::REGISTRY_PULL, variant::PULL_SECRET, IMAGE, "").detail("the credential is refused");
    all
}

fn spot() -> Observed {
    let o = Observation::skipped(check::POOL, "", "gpuspot", code::ZERO_NODES).detail("0 nodes (autoscale 0-2)");
    here(o).on("gpuspot", "")
}

/// The registry's password was renewed, and two secrets hold the old one.
#[must_use]
pub fn rotated() -> Report {
    rotated_record().report()
}

/// The same as a run keeps it.
#[must_use]
pub fn rotated_record() -> Capture {
    let secret = |name| Object::new("Secret", "modelops-dask-dev", name);
    let differs = |variant, name| {
        let o = Observation::failed(check::PASSWORD, variant, name, code::DIFFERS);
        here(o.detail("it is none of the passwords that ARM lists")).about(secret(name))
    };
    let mut probes = pool("system", "aks-system-11111111-vmss000000", stale());
    probes.extend(pool("gpu", "aks-gpu-22222222-vmss000003", stale()));
    probes.push(spot());
    probes.push(here(Observation::ok(probe::REGISTRY_V2, variant::ARM, HOST).status(200)));
    probes.push(differs(variant::ENV, "bundle-credentials"));
    probes.push(differs(variant::PULL_SECRET, "acr-pull"));
    record(Command::DiagnoseAuth, probes, Vec::new(), clean())
}

/// Everything as it should be; a pool without nodes was not looked at.
#[must_use]
pub fn passed() -> Report {
    let mut probes = pool("system", "aks-system-11111111-vmss000000", healthy());
    probes.push(spot());
    let skipped = vec![Skipped { what: "kubelet path".into(), why: "not built".into(), required: false }];
    report(Command::SmokeTest, probes, skipped, clean())
}

/// An answer that no rule knows, and an object of ours that would not go.
#[must_use]
pub fn odd() -> Report {
    let mut all = healthy();
    all[5] = Observation::failed(probe::STORAGE_READ, variant::SAS, "bundles", "Teapot")
        .status(418)
        .detail("short and stout");
    let left =
        Left { object: Object::new("Pod", "modelops-dask-dev", "mops-probe-7f3a-0"), why: "still terminating".into() };
    report(
        Command::DiagnoseAuth,
        pool("system", "node-1", all),
        Vec::new(),
        Cleanup { complete: false, left: vec![left], ..Cleanup::default() },
    )
}

/// A pool that had no room for the probe.
#[must_use]
pub fn unprobed() -> Report {
    let o = Observation::skipped(check::PROBE, "", "gpu", code::UNSCHEDULED).detail("0/3 nodes are available");
    let mut probes = pool("system", "node-1", healthy());
    probes.push(here(o).on("gpu", "node-2"));
    let skipped = vec![Skipped { what: "pool gpu".into(), why: "0/3 nodes are available".into(), required: true }];
    report(Command::DiagnoseAuth, probes, skipped, clean())
}

/// No cluster to ask.
#[must_use]
pub fn no_cluster() -> Report {
    let mut request = Request::new("7f3a", "dev", "modelops-dask-dev");
    request.context = "modelops-dev-aks".into();
    could_not_run(Command::DiagnoseAuth, &request, &NoClient::Access("no connection to `10.0.0.1`: timed out".into()))
        .report()
}

/// A licence that nobody accepted, and a proxy that wants a sign-in: both are mended by somebody else.
#[must_use]
pub fn refused() -> Report {
    refused_record().report()
}

/// The same as a run keeps it.
#[must_use]
pub fn refused_record() -> Capture {
    let proxy = Observation::failed(probe::REGISTRY_V2, variant::ENV, HOST, seen::PROXY_AUTH).status(407);
    let licence = Observation::failed(
        probe::REGISTRY_PULL,
        variant::PULL_SECRET,
        "nvcr.io/nim/meta/llama:1",
        seen::LICENSE_SENTENCE,
    );
    let licence = licence.status(403).detail("Please accept license on the browser to be able to download");
    let mut probes = pool("system", "node-1", vec![proxy]);
    probes.extend(pool("gpu", "node-2", vec![licence]));
    record(Command::DiagnoseAuth, probes, Vec::new(), clean())
}

/// All of them by name.
#[must_use]
pub fn all() -> Vec<(&'static str, Report)> {
    vec![
        ("rotated", rotated()),
        ("passed", passed()),
        ("odd", odd()),
        ("unprobed", unprobed()),
        ("no-cluster", no_cluster()),
        ("refused", refused()),
        ("fixed", fixed()),
    ]
}

/// What `--fix` has done and left of the causes of [`rotated`].
#[must_use]
pub fn fixed() -> Report {
    let change = |cause: &str, name: &str, field: &str, state, why: &str| Change {
        cause_id: cause.into(),
        target: name.into(),
        object: Object::new("Secret", "modelops-dask-dev", name),
        field: field.into(),
        before: "5f0c11aa".into(),
        after: "9d3e7b02".into(),
        reversible: true,
        restarts: false,
        rights: vec!["patch secrets".into()],
        takes_from: vec!["kubectl-create".into()],
        state,
        why: why.into(),
    };
    let login = "ACR_PASSWORD_ROTATED";
    let changes = vec![
        change("SECRET_WRONG_TYPE", "acr-pull", "type, made again", State::Applied, ""),
        change(login, "acr-pull", ".data['.dockerconfigjson']", State::RolledBack, "the cause is still there"),
        change(
            login,
            "bundle-credentials",
            ".data.REGISTRY_PASSWORD",
            State::NotApplied,
            "an earlier change did not help",
        ),
    ];
    let left = vec![Unfixed {
        cause_id: "NGC_LICENSE_NOT_ACCEPTED".into(),
        target: "nvcr.io/nim/x:1".into(),
        why: "only a person can do it".into(),
        text: "accept it".into(),
        command: None,
        page: Some("https://catalog.ngc.nvidia.com/x".into()),
    }];
    Capture { fixing: Some(Fixing { changes, left }), ..rotated_record() }.report()
}
