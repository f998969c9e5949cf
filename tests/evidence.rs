//! Promise: no route of a fake is believed without a reason, and README says for each resource what it rests on and
//! what is only assumed. `MOPS_GOLDEN=1` writes that.

use std::collections::BTreeSet;
use std::path::Path;

use mops_host::{Env, fsx};
use mops_resources::entries;
use mops_tests::evidence::{Evidence, RouteInfo};
use mops_tests::listing;
use mops_tests::readme::replaced;

/// What the Azure CLI and the SDK for Python drive in the private world.
const AZ: &str = include_str!("e2e/azure_cli.txt");
const SDK: &str = include_str!("e2e/azure_sdk.py");

#[test]
fn every_route_names_its_evidence() {
    let without: Vec<String> = listing().iter().filter(|r| !r.evidence.is_given()).map(ToString::to_string).collect();
    assert!(without.is_empty(), "routes without evidence: {without:#?}");
}

#[test]
fn no_route_is_listed_twice() {
    let mut seen = BTreeSet::new();
    // A list and a watch of Kubernetes share a path and differ in evidence.
    for route in listing().iter().filter(|r| r.fake != "kubernetes") {
        let key = format!("{} {} {}", route.fake, route.method, route.template);
        assert!(seen.insert(key.clone()), "{key} is listed twice");
    }
}

/// What one resource rests on in the tests.
struct Basis {
    /// Its type.
    token: &'static str,
    /// Types and actions of Resource Manager that it calls, without the namespace's first part.
    kinds: &'static [&'static str],
    /// The word for it in the lives that the Azure CLI and the SDK for Python drive.
    life: &'static str,
    /// What of it is real in `make e2e`.
    real: &'static str,
}

const REGISTRY: &str = "docker-registry behind the sign-in of ACR";
const CLUSTER: &str = "API server, controllers and kubelets 1.34.4";

const BASES: [Basis; 21] = [
    Basis { token: "modelops:azure:ResourceGroup", kinds: &["resourceGroups"], life: "group", real: "" },
    Basis {
        token: "modelops:azure:ContainerRegistry",
        kinds: &["registries", "registries/listCredentials", "registries/regenerateCredential"],
        life: "registry",
        real: REGISTRY,
    },
    Basis {
        token: "modelops:azure:RegistryToken",
        kinds: &["registries/scopeMaps", "registries/tokens", "registries/generateCredentials"],
        life: "token",
        real: REGISTRY,
    },
    Basis {
        token: "modelops:azure:RegistryTokenCleanup",
        kinds: &["registries/scopeMaps", "registries/tokens"],
        life: "scope map",
        real: REGISTRY,
    },
    Basis {
        token: "modelops:azure:StorageAccount",
        kinds: &["storageAccounts", "storageAccounts/listKeys", "storageAccounts/regenerateKey"],
        life: "storage account",
        real: "Azurite",
    },
    Basis {
        token: "modelops:azure:BlobContainer",
        kinds: &["storageAccounts/blobServices/default/containers"],
        life: "blob container",
        real: "Azurite",
    },
    Basis {
        token: "modelops:azure:StorageLifecycle",
        kinds: &["storageAccounts/managementPolicies/default"],
        life: "management policy",
        real: "",
    },
    Basis {
        token: "modelops:azure:BlobSasToken",
        kinds: &["storageAccounts/listServiceSas", "storageAccounts/listAccountSas"],
        life: "",
        real: "Azurite opens what is signed here",
    },
    Basis {
        token: "modelops:azure:ManagedCluster",
        kinds: &["managedClusters", "managedClusters/listClusterUserCredential"],
        life: "cluster",
        real: CLUSTER,
    },
    Basis {
        token: "modelops:azure:NodePool",
        kinds: &["managedClusters/agentPools"],
        life: "node pool",
        real: "two nodes, which no pool makes",
    },
    Basis {
        token: "modelops:azure:UserAssignedIdentity",
        kinds: &["userAssignedIdentities"],
        life: "identity",
        real: "",
    },
    Basis {
        token: "modelops:azure:FederatedCredential",
        kinds: &["userAssignedIdentities/federatedIdentityCredentials"],
        life: "federated credential",
        real: "tokens that the real API server signs",
    },
    Basis { token: "modelops:azure:RoleAssignment", kinds: &["roleAssignments"], life: "role assignment", real: "" },
    Basis { token: "modelops:kubernetes:Namespace", kinds: &[], life: "", real: CLUSTER },
    Basis { token: "modelops:kubernetes:Secret", kinds: &[], life: "", real: CLUSTER },
    Basis { token: "modelops:kubernetes:ImagePullSecret", kinds: &[], life: "", real: CLUSTER },
    Basis { token: "modelops:kubernetes:Manifest", kinds: &[], life: "", real: CLUSTER },
    Basis { token: "modelops:ngc:Credentials", kinds: &[], life: "", real: "" },
    Basis {
        token: "modelops:novita:RegistryAuth",
        kinds: &["repository/auths", "repository/auth/save", "repository/auth/delete"],
        life: "",
        real: "",
    },
    Basis {
        token: "modelops:novita:Instance",
        kinds: &["gpu/instance", "gpu/instance/create", "gpu/instance/delete"],
        life: "",
        real: "",
    },
    // No fake stands for a login node.
    Basis { token: "modelops:slurm:EnvFile", kinds: &["none"], life: "", real: "OpenSSH's server on loopback" },
];

/// The type or action that a route of Resource Manager is about: its literals behind the namespace.
fn kind(route: &RouteInfo) -> String {
    if let Some((_, below)) = route.template.split_once("/openapi/v1/") {
        return below.to_owned();
    }
    let below = route.template.rsplit_once("/providers/").map_or(route.template, |(_, below)| below);
    let literals = below.split('/').filter(|part| !part.is_empty() && !part.starts_with('{'));
    literals.skip(1).collect::<Vec<_>>().join("/")
}

fn routes_of(basis: &Basis) -> Vec<RouteInfo> {
    let fake = match basis.kinds.is_empty() {
        true => "kubernetes",
        false if basis.token.contains(":novita:") => "novita",
        false => "arm",
    };
    let fits = |r: &RouteInfo| basis.kinds.is_empty() || basis.kinds.contains(&kind(r).as_str());
    // What is believed for less than its route has a place of its own, in the list of what is assumed.
    listing().into_iter().filter(|r| r.fake == fake && r.template.starts_with('/') && fits(r)).collect()
}

/// How many routes each kind of evidence vouches for.
fn counted(routes: &[RouteInfo]) -> String {
    let word = |r: &RouteInfo| match r.evidence {
        Evidence::Recording(..) => "recorded",
        Evidence::Spec(_) => "contract",
        Evidence::Client(_) => "client",
        Evidence::Assumed(_) => "assumed",
    };
    let count = |kind: &str| routes.iter().filter(|r| word(r) == kind).count();
    let all = ["recorded", "contract", "client", "assumed"].map(|kind| (kind, count(kind)));
    all.iter().filter(|(_, n)| *n > 0).map(|(kind, n)| format!("{n} {kind}")).collect::<Vec<_>>().join(", ")
}

fn row(basis: &Basis) -> String {
    let or_none = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let driven = if basis.life.is_empty() { "-" } else { "yes" };
    format!("| `{}` | {} | {driven} | {} |\n", basis.token, counted(&routes_of(basis)), or_none(basis.real))
}

fn section() -> String {
    let rows: String = BASES.iter().map(row).collect();
    let assumed: Vec<RouteInfo> = listing().into_iter().filter(|r| r.evidence.is_assumed()).collect();
    let line = |r: &RouteInfo| {
        let why = r.evidence.to_string();
        format!("- {} `{} {}`: {}\n", r.fake, r.method, r.template, why.trim_start_matches("assumed: "))
    };
    let lines: String = assumed.iter().map(line).collect();
    format!(
        "| resource | its routes in the sandbox, by evidence | `az` and SDK | real in `make e2e` |\n|---|---|---|---|\n{rows}\n\
         {} of {} routes and answers of all fakes are assumed, which means that nothing outside has confirmed them:\n\n{lines}",
        assumed.len(),
        listing().len()
    )
}

#[test]
fn every_resource_has_a_basis_and_every_basis_is_there() {
    let known: BTreeSet<String> = entries().iter().map(|entry| entry.schema().token.to_string()).collect();
    let based: BTreeSet<String> = BASES.iter().map(|basis| basis.token.to_owned()).collect();
    assert_eq!(known, based);
    for basis in &BASES {
        if basis.token == mops_tests::samples::ON_A_HOST {
            continue;
        }
        let kinds: BTreeSet<String> = routes_of(basis).iter().map(kind).collect();
        let missing: Vec<&&str> = basis.kinds.iter().filter(|wanted| !kinds.contains(**wanted)).collect();
        assert!(missing.is_empty() && !routes_of(basis).is_empty(), "{}: no route for {missing:?}", basis.token);
        let life = basis.life;
        let by_az = AZ.lines().any(|line| line.starts_with(&format!("{life} | ")));
        assert!(life.is_empty() || by_az && SDK.contains(&format!("\"{life}\"")), "{life} is not driven");
    }
}

#[test]
fn readme_says_what_each_resource_rests_on_and_what_is_assumed() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = fsx::read_text(&file).expect("README");
    let now = replaced(&text, "make golden", &section()).expect("marks");
    if Env::process().get("MOPS_GOLDEN") == Some("1") {
        fsx::replace(&file, now.as_bytes()).expect("README");
    }
    assert!(now == text, "README is stale: `make golden` writes it");
}
