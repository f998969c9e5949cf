//! From stack file to program: what is declared, how it refers to each other, and what is not declared.

use std::collections::BTreeMap;
use std::sync::Arc;

use mops_core::cloud::{AzureAuth, Cloud};
use mops_core::{Diagnostic, Provider as _, Severity, Urn, Value};
use mops_engine::program::{Component, Declared, ExpandOptions, Program, expand};
use mops_engine::stackfile::{RegistryAuth, load, unsupported};
use mops_host::Env;
use mops_host::clock::ManualClock;
use mops_resources::services::Config;
use mops_resources::{Resources, Services};
use mops_wire::HttpConfig;

const EXAMPLES: [&str; 8] = [
    "unified-infra/unified-infra",
    "minimal/minimal",
    "every-field/every-field",
    "gpu-pools/gpu-pools",
    "existing-cluster/existing-cluster",
    "ngc-nim/ngc-nim",
    "slurm-tokens/slurm-tokens",
    "pulumi-stackfile/infra",
];

fn example(name: &str) -> String {
    let path = format!("{}/../examples/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn try_program(text: &str, options: &ExpandOptions) -> Result<Program, Vec<Diagnostic>> {
    let loaded = load("f.yaml", text);
    let file = loaded.file.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics));
    expand(&file, options)
}

fn program(text: &str) -> Program {
    try_program(text, &ExpandOptions::default()).unwrap_or_else(|e| panic!("{e:#?}"))
}

fn named<'p>(program: &'p Program, name: &str) -> &'p Declared {
    program.resources.iter().find(|r| r.urn.name() == name).unwrap_or_else(|| panic!("no `{name}`"))
}

/// Inputs with each reference written as `<name.output>`.
fn inputs(program: &Program, name: &str) -> serde_json::Value {
    let written = |urn: &Urn, path: &[String]| Value::from(format!("<{}.{}>", urn.name(), path.join(".")));
    named(program, name).inputs.resolve(&written).masked_json()
}

const EVERYTHING: &[&str] = &[
    "resource-group",
    "registry",
    "storage",
    "container-bundle-blobs",
    "container-workspace",
    "container-results",
    "container-jobs",
    "storage-lifecycle",
    "sas-bundle-blobs",
    "cluster",
    "pool-gpu",
    "gpu-device-plugin-gpu",
    "namespace",
    "bundle-credentials",
    "pull-secret",
    "dask-scheduler",
    "dask-scheduler-service",
    "dask-scheduler-pdb",
    "dask-workers",
    "dask-workers-hpa",
];

#[test]
fn the_example_declares_everything_once() {
    let p = program(&example("unified-infra/unified-infra.yaml"));
    let names: Vec<&str> = p.resources.iter().map(|r| r.urn.name()).collect();
    assert_eq!(names, EVERYTHING);
    assert_eq!(p.stack.to_string(), "modelops.dev");
    assert_eq!(p.scope.registry.as_deref(), Some("modelopsdevacr"));
    assert_eq!(p.ordered().len(), p.resources.len());
}

#[test]
fn inputs_are_those_of_the_resource_table() {
    let p = program(&example("unified-infra/unified-infra.yaml"));
    let sub = "00000000-1111-2222-3333-444444444444";
    assert_eq!(
        inputs(&p, "resource-group"),
        serde_json::json!({"location": "eastus2", "name": "modelops-dev-rg", "subscriptionId": sub})
    );
    assert_eq!(
        inputs(&p, "registry"),
        serde_json::json!({"adminUserEnabled": true, "location": "eastus2", "name": "modelopsdevacr",
            "resourceGroup": "modelops-dev-rg", "sku": "Basic", "subscriptionId": sub})
    );
    assert_eq!(
        inputs(&p, "sas-bundle-blobs"),
        serde_json::json!({"accountId": "<storage.id>", "accountName": "modelopsdevstore",
            "blobEndpoint": "<storage.blobEndpoint>", "container": "bundle-blobs", "kind": "service",
            "lifetimeSeconds": 7_776_000, "permissions": "rl", "renewBeforeSeconds": 1_209_600, "signingKey": "key1"})
    );
    assert_eq!(
        inputs(&p, "pool-gpu"),
        serde_json::json!({"clusterId": "<cluster.id>", "gpuDriver": "Install", "labels": {"modelops.io/role": "gpu"},
            "maxCount": 2, "minCount": 0, "mode": "User", "name": "gpu", "spot": false,
            "taints": ["sku=gpu:NoSchedule"], "vmSize": "Standard_NC24ads_A100_v4", "zones": []})
    );
    assert_eq!(
        inputs(&p, "bundle-credentials")["data"],
        serde_json::json!({"AZURE_STORAGE_CONNECTION_STRING": "<sas-bundle-blobs.connectionString>",
            "REGISTRY_PASSWORD": {"from_registry": {"field": "password", "registryId": "<registry.id>"}},
            "REGISTRY_USERNAME": {"from_registry": {"field": "username", "registryId": "<registry.id>"}}})
    );
    assert_eq!(inputs(&p, "storage-lifecycle")["rules"][0]["deleteAfterDays"], 7);
}

#[test]
fn groups_are_protected_and_cluster_objects_leave_with_the_cluster() {
    let p = program(&example("unified-infra/unified-infra.yaml"));
    let group = named(&p, "resource-group");
    assert!(group.protect && group.retain_on_delete);
    let cluster = &named(&p, "cluster").urn;
    for resource in &p.resources {
        let inside = resource.urn.token().starts_with("modelops:kubernetes:") || resource.urn.name() == "pool-gpu";
        assert_eq!(resource.deleted_with.as_ref() == Some(cluster), inside, "{:?}", resource.urn);
        assert!(resource.place.is_some(), "{:?}", resource.urn);
        let words = (resource.component, inputs(&p, resource.urn.name()).to_string());
        assert!(!words.1.contains("kubeconfig"), "{words:?}");
    }
}

#[test]
fn pods_get_their_credentials_and_no_rights() {
    let p = program(&example("unified-infra/unified-infra.yaml"));
    for (name, container, app) in
        [("dask-scheduler", "scheduler", "dask-scheduler"), ("dask-workers", "worker", "dask-worker")]
    {
        let object = &inputs(&p, name)["object"];
        let template = &object["spec"]["template"];
        let pod = &template["spec"];
        let main = &pod["containers"][0];
        assert_eq!((main["name"].as_str(), object["metadata"]["labels"]["app"].as_str()), (Some(container), Some(app)));
        assert_eq!(main["envFrom"][0]["secretRef"]["name"], "bundle-credentials");
        assert_eq!(
            main["env"][0],
            serde_json::json!({"name": "MODELOPS_BUNDLE_REGISTRY", "value": "<registry.loginServer>"})
        );
        assert_eq!(template["metadata"]["annotations"]["checksum/bundle-credentials"], "<bundle-credentials.checksum>");
        assert_eq!(
            (&pod["securityContext"]["runAsNonRoot"], &pod["securityContext"]["runAsUser"]),
            (&true.into(), &1000.into())
        );
        assert_eq!(main["securityContext"]["capabilities"]["drop"][0], "ALL");
        assert_eq!(pod["imagePullSecrets"][0]["name"], inputs(&p, "pull-secret")["name"]);
        assert_eq!(object["metadata"]["namespace"], "<namespace.name>");
        assert_eq!(inputs(&p, name)["wait"], true);
    }
    let workers = &inputs(&p, "dask-workers")["object"];
    assert_eq!(
        (&workers["spec"]["replicas"], &workers["metadata"]["annotations"]["modelops.io/create-only"]),
        (&2.into(), &"spec.replicas".into())
    );
    assert_eq!(
        workers["spec"]["template"]["spec"]["containers"][0]["args"],
        serde_json::json!(["tcp://dask-scheduler:8786", "--nworkers", "1", "--nthreads", "2"])
    );
    let scheduler = &inputs(&p, "dask-scheduler")["object"];
    assert!(scheduler["metadata"]["annotations"].is_null());
    let hpa = &inputs(&p, "dask-workers-hpa")["object"]["spec"];
    assert_eq!((&hpa["minReplicas"], &hpa["maxReplicas"]), (&2.into(), &20.into()));
}

#[test]
fn absent_sections_declare_nothing() {
    let p = program(&example("minimal/minimal.yaml"));
    let kinds: Vec<Component> = p.resources.iter().map(|r| r.component).collect();
    assert!(!kinds.contains(&Component::Cluster) && !kinds.contains(&Component::Workspace));
    assert_eq!(p.scope.resource_group.as_deref(), Some("modelops-minimal-rg"));
    let text = "registry: {provider: ghcr, name: org}\ncluster: {provider: existing, kubeconfig: k}\nworkspace: {metadata: {name: m}, spec: {scheduler: {image: i}, workers: {image: i}, autoscaling: {enabled: no}}}\n";
    let p = program(text);
    let names: Vec<&str> = p.resources.iter().map(|r| r.urn.name()).collect();
    assert_eq!(names, ["namespace", "dask-scheduler", "dask-scheduler-service", "dask-scheduler-pdb", "dask-workers"]);
    assert!(inputs(&p, "dask-workers")["object"]["spec"]["template"]["spec"]["containers"][0]["envFrom"].is_null());
    assert_eq!(inputs(&p, "namespace")["cluster"], serde_json::json!({"kubeconfig": "k"}));
    let home = ExpandOptions { home: Some("/people/ada".into()), ..ExpandOptions::default() };
    let p = try_program(&text.replace("kubeconfig: k", "kubeconfig: ~/.kube/config"), &home).unwrap();
    assert_eq!(inputs(&p, "namespace")["cluster"], serde_json::json!({"kubeconfig": "/people/ada/.kube/config"}));
}

#[test]
fn foreign_registries_bring_their_own_password() {
    let text = "registry: {provider: generic, host: r.example.com, username: bot, password: {from_env: REGISTRY_PW}}\ncluster: {provider: existing, kubeconfig: k, context: c}\nworkspace: {metadata: {name: m}, spec: {scheduler: {image: i}, workers: {image: i}}}\n";
    let p = program(text);
    let data = &inputs(&p, "bundle-credentials")["data"];
    assert_eq!(data["REGISTRY_PASSWORD"], serde_json::json!({"from_env": "REGISTRY_PW"}));
    assert_eq!(data["REGISTRY_USERNAME"], "[secret]");
    assert_eq!(inputs(&p, "pull-secret")["registry"], "r.example.com");
    assert_eq!(inputs(&p, "namespace")["cluster"], serde_json::json!({"kubeconfig": "k", "context": "c"}));
}

#[test]
fn a_workload_identity_stands_for_every_password_of_the_registry() {
    let text = example("unified-infra/unified-infra.yaml");
    let text = text.replace("  name: modelopsdevacr\n", "  name: modelopsdevacr\n  auth: workload_identity\n");
    let p = program(&text);
    let names: Vec<&str> = p.resources.iter().map(|r| r.urn.name()).collect();
    assert!(!names.contains(&"pull-secret"), "{names:?}");
    assert_eq!(inputs(&p, "registry")["adminUserEnabled"], false);
    assert_eq!(inputs(&p, "cluster")["oidcIssuer"], true);
    assert_eq!(inputs(&p, "identity-trust")["issuer"], "<cluster.oidcIssuerUrl>");
    assert_eq!(inputs(&p, "identity-trust")["subject"], "system:serviceaccount:modelops-dask-dev:dask-worker");
    assert_eq!(inputs(&p, "kubelet-pull")["principalId"], "<cluster.kubeletObjectId>");
    assert_eq!(inputs(&p, "workload-pull")["principalId"], "<identity.principalId>");
    assert_eq!(inputs(&p, "workload-pull")["role"], "AcrPull");
    let data = inputs(&p, "bundle-credentials")["data"].clone();
    assert!(data.get("REGISTRY_PASSWORD").is_none(), "{data}");
    let template = &inputs(&p, "dask-workers")["object"]["spec"]["template"];
    assert_eq!(template["metadata"]["labels"]["azure.workload.identity/use"], "true");
    assert_eq!(template["spec"]["serviceAccountName"], "dask-worker");
    let account = &inputs(&p, "service-account")["object"]["metadata"]["annotations"];
    assert_eq!(account["azure.workload.identity/client-id"], "<identity.clientId>");
    for needed in ["kubelet-pull", "workload-pull", "identity-trust", "service-account"] {
        assert!(named(&p, "dask-workers").depends_on.contains(&named(&p, needed).urn), "{needed}");
    }
    let by_repository =
        text.replace("workload_identity\n", "workload_identity\n  role_assignment_mode: AbacRepositoryPermissions\n");
    let p = program(&by_repository);
    assert_eq!(inputs(&p, "registry")["roleAssignmentMode"], "AbacRepositoryPermissions");
    assert_eq!(inputs(&p, "kubelet-pull")["role"], "Container Registry Repository Reader");
}

#[test]
fn a_service_principal_pulls_with_a_secret_that_is_not_ours() {
    let ids = ["00000000-0000-0000-0000-0000000000c1", "00000000-0000-0000-0000-0000000000d1"];
    let auth = format!(
        "auth: {{service_principal: {{client_id: {}, object_id: {}, client_secret: {{from_env: PULLER}}}}}}\n",
        ids[0], ids[1]
    );
    let text = example("unified-infra/unified-infra.yaml");
    let text = text.replace("  name: modelopsdevacr\n", &format!("  name: modelopsdevacr\n  {auth}"));
    let p = program(&text);
    assert_eq!(inputs(&p, "registry")["adminUserEnabled"], false);
    let right = inputs(&p, "principal-pull");
    assert_eq!((&right["principalId"], &right["role"]), (&ids[1].into(), &"AcrPull".into()));
    let secret = inputs(&p, "pull-secret");
    assert_eq!(
        (&secret["username"], &secret["password"]),
        (&ids[0].into(), &serde_json::json!({"from_env": "PULLER"}))
    );
    assert_eq!(secret["servicePrincipal"], true);
    let waits = &named(&p, "pull-secret").depends_on;
    assert!(waits.contains(&named(&p, "principal-pull").urn), "a secret before its right opens nothing");
    let abac = format!("  role_assignment_mode: AbacRepositoryPermissions\n  {auth}");
    let p = program(&text.replace(&format!("  {auth}"), &abac));
    assert_eq!(inputs(&p, "principal-pull")["role"], "Container Registry Repository Reader");
}

#[test]
fn a_way_that_is_left_keeps_its_pull_secret_for_the_pods_before() {
    let text = example("unified-infra/unified-infra.yaml");
    let text = text.replace("  name: modelopsdevacr\n", "  name: modelopsdevacr\n  auth: workload_identity\n");
    let options = ExpandOptions { beside: Some(RegistryAuth::Token), ..ExpandOptions::default() };
    let p = try_program(&text, &options).expect("both ways");
    assert_eq!(inputs(&p, "pull-secret")["username"], "<registry-token.name>");
    let pod = inputs(&p, "dask-workers")["object"]["spec"]["template"]["spec"].clone();
    assert_eq!(
        (&pod["imagePullSecrets"], &pod["serviceAccountName"]),
        (&serde_json::Value::Null, &"dask-worker".into())
    );
}

#[test]
fn further_sas_entries_reach_the_pods_under_their_names() {
    let text = example("unified-infra/unified-infra.yaml").replace(
        "  sas:\n",
        "  sas:\n    - {container: results, permissions: rwl, env: RESULTS_CONNECTION, lifetime: 10d}\n    - {kind: account, permissions: rl, env: ALL_OF_IT}\n",
    );
    let p = program(&text);
    let data = &inputs(&p, "bundle-credentials")["data"];
    assert_eq!(data["RESULTS_CONNECTION"], "<sas-results.connectionString>");
    assert_eq!(data["ALL_OF_IT"], "<sas-account.connectionString>");
    assert_eq!(inputs(&p, "sas-results")["renewBeforeSeconds"], 172_800);
    assert!(inputs(&p, "sas-account").get("container").is_none());
}

#[test]
fn variables_of_the_file_win_over_ours() {
    let text = example("unified-infra/unified-infra.yaml")
        .replace("      replicas: 2\n", "      replicas: 2\n      env: {MODELOPS_BUNDLE_REGISTRY: mine, B: 1}\n")
        .replace("autoscaling: {", "imagePullSecrets: [registry-pull, other]\n    autoscaling: {type: dask-adaptive, ");
    let p = program(&text);
    let pod = |name: &str| inputs(&p, name)["object"]["spec"]["template"]["spec"].clone();
    let workers = pod("dask-workers");
    assert_eq!(
        workers["containers"][0]["env"],
        serde_json::json!([{"name": "MODELOPS_BUNDLE_REGISTRY", "value": "mine"}, {"name": "B", "value": "1"}])
    );
    assert_eq!(workers["imagePullSecrets"], serde_json::json!([{"name": "registry-pull"}, {"name": "other"}]));
    let env = pod("dask-scheduler")["containers"][0]["env"].clone();
    assert_eq!(env[1], serde_json::json!({"name": "DASK_DISTRIBUTED__ADAPTIVE__MINIMUM", "value": "2"}));
    assert!(p.resources.iter().all(|r| r.urn.name() != "dask-workers-hpa"));
}

#[test]
fn a_token_of_the_stacks_own_takes_the_place_of_the_admin_user() {
    let text = example("unified-infra/unified-infra.yaml").replace("sku: Basic", "sku: Basic\n  auth: token");
    let p = program(&text);
    assert_eq!(inputs(&p, "registry")["adminUserEnabled"], false);
    assert_eq!(
        inputs(&p, "registry-token"),
        serde_json::json!({"actions": ["repositories/*/content/read"], "lifetimeSeconds": 7_776_000,
            "name": "modelops-dev-pull", "registryId": "<registry.id>", "renewBeforeSeconds": 1_209_600})
    );
    for secret in ["pull-secret", "bundle-credentials"] {
        let inputs = inputs(&p, secret).to_string();
        assert!(inputs.contains("<registry-token.name>") && inputs.contains("<registry-token.password>"), "{inputs}");
    }
    let cleanup = named(&p, "registry-token-cleanup");
    for holder in ["pull-secret", "bundle-credentials", "dask-workers", "dask-scheduler"] {
        assert!(cleanup.depends_on.contains(&named(&p, holder).urn), "the cleanup does not wait for {holder}");
    }
    let said: Vec<&str> = p.outputs.iter().map(|o| o.name.as_str()).filter(|n| n.contains("pull")).collect();
    assert_eq!(said, ["bundles_pull_username", "bundles_pull_password", "cluster_pull_configured"]);
}

#[test]
fn outputs_carry_the_names_of_the_original() {
    let p = program(&example("unified-infra/unified-infra.yaml"));
    let mut by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    p.outputs.iter().for_each(|o| by.entry(o.component.as_str()).or_default().push(&o.name));
    assert_eq!(
        by["registry"],
        [
            "login_server",
            "registry_name",
            "provider",
            "requires_auth",
            "registry_id",
            "bundles_pull_username",
            "bundle_repo",
            "cluster_pull_configured"
        ]
    );
    assert_eq!(by["cluster"], ["cluster_name", "resource_group", "location", "provider"]);
    assert_eq!(
        by["storage"],
        [
            "account_name",
            "resource_group",
            "primary_endpoint",
            "containers",
            "location",
            "environment",
            "connection_string"
        ]
    );
    assert_eq!(
        by["workspace"],
        [
            "scheduler_address",
            "dashboard_url",
            "namespace",
            "worker_count",
            "worker_processes",
            "worker_threads",
            "autoscaling_enabled",
            "autoscaling_type",
            "autoscaling_min_workers",
            "autoscaling_max_workers",
            "autoscaling_target_cpu"
        ]
    );
    let address = p.outputs.iter().find(|o| o.name == "scheduler_address").unwrap();
    assert_eq!(address.value.resolve(&|_, _| "ns".into()), Value::from("tcp://dask-scheduler.ns:8786"));
}

#[test]
fn dependencies_of_components_are_honoured_and_circles_refused() {
    let p = program(&example("every-field/every-field.yaml"));
    assert!(named(&p, "cluster").depends_on.contains(&named(&p, "registry").urn));
    assert!(named(&p, "namespace").depends_on.contains(&named(&p, "sas-bundle-blobs").urn));
    let text = example("unified-infra/unified-infra.yaml") + "dependsOn: {registry: [workspace]}\n";
    let errors = try_program(&text, &ExpandOptions::default()).unwrap_err();
    assert!(errors[0].summary.contains("wait for each other"), "{errors:?}");
}

#[test]
fn imports_name_a_resource_of_the_stack() {
    let id = "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/modelopsdevacr";
    let text = example("unified-infra/unified-infra.yaml");
    let p = program(&format!("{text}import: [{{to: registry, id: {id}}}]\n"));
    let registry = named(&p, "registry");
    assert_eq!((registry.import.as_deref(), registry.retain_on_delete), (Some(id), true));
    let errors =
        try_program(&format!("{text}import: [{{to: regstry, id: {id}}}]\n"), &ExpandOptions::default()).unwrap_err();
    assert!(errors[0].summary.contains("`regstry`") && errors[0].place.is_some());
    let other = text.replace("name: modelopsdevacr", "name: anotheracr");
    let errors =
        try_program(&format!("{other}import: [{{to: registry, id: {id}}}]\n"), &ExpandOptions::default()).unwrap_err();
    assert!(errors[0].summary.contains("`anotheracr`") && errors[0].hint.is_some(), "{errors:?}");
}

#[test]
fn environment_and_flag_must_agree() {
    let options =
        |env: &str| ExpandOptions { env_name: Some(env.into()), user: Some("ada".into()), ..ExpandOptions::default() };
    let text = example("unified-infra/unified-infra.yaml");
    let error = try_program(&text, &options("prod")).unwrap_err().remove(0);
    assert!(error.place.is_some() && error.summary.contains("prod") && error.hint.is_some());
    assert_eq!(try_program(&text, &options("dev")).unwrap().stack.stack, "dev");
    let free = text.replace("environment: dev\n", "");
    assert_eq!(try_program(&free, &options("prod")).unwrap().stack.stack, "prod");
    assert!(try_program(&free, &options("Prod!")).is_err());
    assert_eq!(program(&free).stack.stack, "dev");
}

/// That the resources of a program take its inputs, before the run and when everything is known.
fn take_their_inputs(what: &str, p: &Program) {
    let provider = Resources::new(Services::new(Config {
        cloud: Cloud::public(),
        auth: AzureAuth::default(),
        env: Env::default(),
        clock: Arc::new(ManualClock::automatic(time::OffsetDateTime::UNIX_EPOCH)),
        http: HttpConfig::new(),
    }));
    for resource in &p.resources {
        for known in [false, true] {
            let lookup = |_: &Urn, path: &[String]| match (known, path[0].as_str()) {
                (false, _) => Value::Unknown,
                (true, "connectionString") => Value::from("a-secret-of-some-length").into_secret(),
                (true, other) => Value::from(format!("some-{}", other.to_lowercase())),
            };
            let checked = provider.check(&resource.urn, &resource.inputs.resolve(&lookup), true);
            assert!(checked.failures.is_empty(), "{what} {:?}: {:?}", resource.urn, checked.failures);
        }
    }
}

#[test]
fn resources_take_the_inputs_of_every_example() {
    for name in EXAMPLES {
        take_their_inputs(name, &program(&example(&format!("{name}.yaml"))));
    }
}

#[test]
fn resources_take_every_sku_that_a_stack_file_may_say() {
    let text = example("unified-infra/unified-infra.yaml");
    for (present, others) in
        [("sku: Standard_LRS", ["Standard_GRS", "Premium_LRS"]), ("sku: Basic", ["Standard", "Premium"])]
    {
        for other in others {
            let changed = text.replace(present, &format!("sku: {other}"));
            assert_ne!(changed, text);
            take_their_inputs(other, &program(&changed));
        }
    }
}

#[test]
fn every_example_expands_and_is_supported() {
    for name in EXAMPLES {
        let loaded = load(name, &example(&format!("{name}.yaml")));
        assert!(
            loaded.diagnostics.iter().all(|d| d.severity == Severity::Warning),
            "{name}: {:#?}",
            loaded.diagnostics
        );
        let file = loaded.file.unwrap();
        assert_eq!(unsupported(&file), [], "{name}");
        expand(&file, &ExpandOptions::default()).unwrap_or_else(|e| panic!("{name}: {e:#?}"));
    }
}
