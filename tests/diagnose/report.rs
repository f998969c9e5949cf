//! The report's forms on fixed observations: golden texts, the first four lines, the schema.

use std::path::{Path, PathBuf};

use mops_diagnose::capture::CAPTURE_VERSION;
use mops_diagnose::observed::{Object, Observed, Vantage, check, code};
use mops_diagnose::report::{self, Cleanup, Command, Left, Report, Run, Skipped, Tool, Verdict};
use mops_diagnose::{Capture, Request, Words, could_not_run};
use mops_probe::Observation;
use mops_probe::observation::{check as probe, code as seen, variant};

const HOST: &str = "modelopsdevacr1.azurecr.io";
const IMAGE: &str = "modelopsdevacr1.azurecr.io/worker:1";

fn words() -> Words {
    Words {
        namespace: "modelops-dask-dev".into(),
        stack_file: Some("examples/unified-infra/unified-infra.yaml".into()),
        registry: Some(HOST.into()),
        env_secret: Some("bundle-credentials".into()),
        pull_secret: Some("acr-pull".into()),
    }
}

fn report(command: Command, observations: Vec<Observed>, skipped: Vec<Skipped>, cleanup: Cleanup) -> Report {
    let capture = Capture {
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
        },
        names: words(),
        observations,
        skipped,
        cleanup,
        ..Capture::default()
    };
    capture.report()
}

fn clean() -> Cleanup {
    Cleanup { complete: true, ..Cleanup::default() }
}

fn pool(name: &str, node: &str, observations: Vec<Observation>) -> Vec<Observed> {
    observations.into_iter().map(|o| Observed::at(Vantage::P, o).on(name, node)).collect()
}

fn here(observation: Observation) -> Observed {
    Observed::at(Vantage::W, observation)
}

fn healthy() -> Vec<Observation> {
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

fn rotated() -> Report {
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
    report(Command::DiagnoseAuth, probes, Vec::new(), clean())
}

fn passed() -> Report {
    let mut probes = pool("system", "aks-system-11111111-vmss000000", healthy());
    probes.push(spot());
    let skipped = vec![Skipped { what: "kubelet path".into(), why: "not built".into(), required: false }];
    report(Command::SmokeTest, probes, skipped, clean())
}

fn odd() -> Report {
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
        Cleanup { complete: false, left: vec![left], unknown: None },
    )
}

fn unprobed() -> Report {
    let o = Observation::skipped(check::PROBE, "", "gpu", code::UNSCHEDULED).detail("0/3 nodes are available");
    let mut probes = pool("system", "node-1", healthy());
    probes.push(here(o).on("gpu", "node-2"));
    let skipped = vec![Skipped { what: "pool gpu".into(), why: "0/3 nodes are available".into(), required: true }];
    report(Command::DiagnoseAuth, probes, skipped, clean())
}

fn no_cluster() -> Report {
    let mut request = Request::new("7f3a", "dev", "modelops-dask-dev");
    request.context = "modelops-dev-aks".into();
    could_not_run(Command::DiagnoseAuth, &request, "no connection to `10.0.0.1`: timed out").report()
}

fn all() -> Vec<(&'static str, Report)> {
    vec![
        ("rotated", rotated()),
        ("passed", passed()),
        ("odd", odd()),
        ("unprobed", unprobed()),
        ("no-cluster", no_cluster()),
    ]
}

fn golden(name: &str, got: &str) {
    same_as(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/diagnose").join(name), got);
}

fn same_as(path: &Path, got: &str) {
    if mops_host::Env::process().get("MOPS_GOLDEN") == Some("write") {
        mops_host::fsx::replace(path, got.as_bytes()).expect("written");
        return;
    }
    let want = mops_host::fsx::read_text(path).unwrap_or_default();
    let differs = got.lines().zip(want.lines()).position(|(a, b)| a != b).unwrap_or(want.lines().count());
    let line = got.lines().nth(differs);
    assert!(got == want, "{}:{}: {line:?}; `make golden` writes it again", path.display(), differs + 1);
}

#[test]
fn golden_reports() {
    for (name, report) in all() {
        golden(&format!("{name}.txt"), &report::text(&report, 80, false));
    }
    let json = serde_json::to_string_pretty(&report::json(&rotated())).unwrap() + "\n";
    golden("rotated.json", &json);
}

#[test]
fn golden_schema() {
    for (name, schema) in [("report", report::schema()), ("capture", mops_diagnose::capture::schema())] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../schema/{name}.schema.json"));
        same_as(&path, &(serde_json::to_string_pretty(&schema).unwrap() + "\n"));
    }
}

#[test]
fn the_first_four_lines_say_it_within_80_columns() {
    for (name, report) in all() {
        let text = report::text(&report, 80, false);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines.iter().all(|l| l.chars().count() <= 80 || l.contains("run: ") || l.contains("look: ")),
            "{name}:\n{text}"
        );
        assert!(lines[0].starts_with(report.command.name()), "{name}: {}", lines[0]);
        if report.summary.status != Verdict::Pass
            && report.findings.iter().any(|f| f.cause_id != "PROBE_POD_UNSCHEDULED")
        {
            assert!(lines[1].starts_with("cause: "), "{name}: {}", lines[1]);
            assert!(lines[2].starts_with("proof: "), "{name}: {}", lines[2]);
            assert!(["run:   ", "look:  ", "fix:   "].iter().any(|w| lines[3].starts_with(w)), "{name}: {}", lines[3]);
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    for (name, report) in all() {
        let coloured = report::text(&report, 80, true);
        let plain: String = coloured
            .split('\u{1b}')
            .enumerate()
            .map(|(i, part)| if i == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) })
            .collect();
        assert_eq!(plain, report::text(&report, 80, false), "{name}");
    }
}

#[test]
fn verdict_and_exit_code_come_from_all_checks() {
    let want = [("rotated", 1), ("passed", 0), ("odd", 1), ("unprobed", 3), ("no-cluster", 3)];
    for ((name, report), (same, code)) in all().into_iter().zip(want) {
        assert_eq!((name, report.summary.exit_code), (same, code));
        let text = report::text(&report, 80, false);
        let first = text.lines().next().unwrap();
        assert_eq!(first.contains("passed"), code == 0, "{first}");
        assert!(!first.contains("all checks passed"));
    }
    assert!(report::text(&passed(), 80, false).lines().next().unwrap().contains("passed, 2 skipped"));
}

#[test]
fn json_comes_back_as_it_was() {
    for (name, report) in all() {
        let back: Report = serde_json::from_value(report::json(&report)).unwrap();
        assert_eq!(back, report, "{name}");
    }
    let schema = report::schema();
    assert!(schema["properties"]["findings"].is_object());
}
