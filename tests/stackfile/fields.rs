//! Each field by itself: a row that is taken, rows that are refused and in which words.

use mops_engine::stackfile::unsupported;

use super::{OK, SUB, accept, no, refuse, table};

#[test]
fn root_fields() {
    table(
        "registry: {name: abcde}\n{}\n",
        &[
            ("schemaVersion: 1", OK),
            ("schemaVersion: 2", no("`schemaVersion` is 2; allowed is 1 to 1")),
            ("schemaVersion: one", no("not a whole number")),
            ("schema_version: 2", no("`schema_version: 2` file of the original")),
            ("requires: \">=0.1\"", OK),
            ("requires: \">=99\"", no("requires mops >=99")),
            ("requires: latest", no("not a requirement")),
            ("project: team-a", OK),
            ("project: Team", no("a project is 1 to 30")),
            ("environment: dev", OK),
            ("environment: the_dev", no("an environment is 1 to 30")),
            ("cloud: government", OK),
            ("cloud: governement", no("not one of public, government, china")),
            ("cloud: {arm: \"https://127.0.0.1:1\", authority: \"https://127.0.0.1:2\"}", OK),
            ("cloud: {arm: \"http://127.0.0.1:1\", authority: \"https://a\"}", no("without a path")),
            ("cloud: {authority: \"https://a\"}", no("`cloud.arm` is missing")),
            ("cloud: {arm: \"https://a\", authority: \"https://b\", connect: {\"*.azurecr.io\": \"127.0.0.1:9\"}}", OK),
            (
                "cloud: {arm: \"https://a\", authority: \"https://b\", connect: {\"*.azurecr.io\": \"10.0.0.1:9\"}}",
                no("not a loopback address"),
            ),
            (
                "cloud: {arm: \"https://a\", authority: \"https://b\", connect: {\"a b\": \"127.0.0.1:9\"}}",
                no("neither a host name"),
            ),
            ("azure: {auth: cli}", OK),
            ("azure: {auth: password}", no("not one of auto, cli")),
            (
                "azure: {auth: service_principal, tenant_id: 00000000-1111-2222-3333-444444444444, client_secret: {from_env: X}}",
                OK,
            ),
            ("azure: {tenant_id: contoso}", no("it must be a GUID")),
            ("azure: {auth: cli, client_secret: {from_env: X}}", no("does not go with `auth: cli`")),
            ("azure: {auth: certificate, certificate_file: a.pem}", OK),
            ("azure: {auth: cli, certificate_file: a.pem}", no("does not go with `auth: cli`")),
            ("import: [{to: registry, id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/rg}]", OK),
            ("import: [{to: registry, id: rg}]", no("an ARM id is")),
            ("import: [{to: registry}]", no("`import[0].id` is missing")),
            ("import: {to: registry}", no("not a list")),
            ("monitor: {enabled: false, interval: 5m}", OK),
            ("monitor: {interval: 5s}", no("under 10 seconds")),
            ("monitor: {interval: 5}", no("not a duration")),
            ("monitor: {enabled: true}", no("`monitor` needs a workspace to watch")),
            ("monitor: {enabled: no, image: \"reg.example/mops:1\"}", OK),
            ("monitor: {image: \"https://reg.example/mops\"}", no("image")),
            ("outputs: {env_file: ~/.modelops/bundle-env/dev.yaml}", OK),
            ("outputs: {envfile: x}", no("`outputs.envfile` is not a known key")),
            ("continueOnError: yes", OK),
            ("continueOnError: maybe", no("neither true nor false")),
            ("dependsOn: {workspace: [storage]}", OK),
            ("dependsOn: {worksapce: [storage]}", no("`dependsOn.worksapce` is not a component")),
            ("dependsOn: {workspace: [storag]}", no("`dependsOn.workspace[0]` is `storag`")),
            ("dependsOn: {workspace: [workspace]}", no("depends on itself")),
            ("colour: blue", no("`colour` is not a known key")),
        ],
    );
    refuse("empty", "{}\n", "the file declares nothing");
    refuse("list", "- a\n", "the file is a list, not a map");
    refuse("text", "hello\n", "the file is a single value");
    refuse(
        "workspace alone",
        "workspace: {metadata: {name: m}, spec: {scheduler: {image: i}, workers: {image: i}}}\n",
        "`workspace` needs a cluster",
    );
}

#[test]
fn registry_fields() {
    table(
        "registry: {{}}\n",
        &[
            ("", OK),
            ("provider: azure, name: abcde", OK),
            ("provider: acr", no("not one of azure, dockerhub, ghcr, generic")),
            ("name: abcd", no("5 to 50 lower-case letters and digits")),
            ("name: Abcde", no("5 to 50 lower-case letters and digits")),
            ("name: abcde, sku: Premium", OK),
            ("sku: basic", no("not one of Basic, Standard, Premium")),
            ("auth: admin_user", OK),
            ("auth: token", OK),
            ("auth: admin", no("not one of admin_user")),
            ("auth: service_principal", no("needs its ids")),
            (
                "auth: {service_principal: {client_id: 00000000-1111-2222-3333-444444444444, object_id: 00000000-1111-2222-3333-444444444444, client_secret: {from_env: X}}}",
                OK,
            ),
            ("auth: {service_principal: {client_id: me}}", no("it must be a GUID")),
            ("realms: [{registry: r.example.com, realm: \"https://auth.example.com\"}]", OK),
            ("realms: [{registry: r.example.com, realm: \"http://auth\"}]", no("without a path")),
            ("provider: dockerhub, name: Org", OK),
            ("provider: ghcr, name: org, username: me, password: {from_file: /tmp/x}", OK),
            ("provider: ghcr, username: me", no("go together")),
            ("provider: generic", no("`registry.host` is missing")),
            ("provider: generic, host: \"r.example.com:5000\", username: me, password: {from_keyring: x}", OK),
            ("provider: generic, host: \"https://r\"", no("without `https://`")),
            ("provider: ghcr, host: r.example.com", no("does not go with `provider: ghcr`")),
            ("provider: ghcr, auth: admin_user", no("does not go with `provider: ghcr`")),
            ("name: abcde, username: me", no("does not go with an Azure registry")),
            ("requires_auth: true", OK),
        ],
    );
}

#[test]
fn cluster_fields() {
    let frame = "cluster:\n  subscription_id: 00000000-1111-2222-3333-444444444444\n  aks: {node_pools: [{name: s, mode: System, vm_size: Standard_B2s, count: 1}]}\n  {}\n";
    table(
        frame,
        &[
            ("provider: azure", OK),
            ("provider: aws", no("not one of azure, existing")),
            ("resource_group: rg", OK),
            ("resource_group: \"rg.\"", no("Azure takes 1 to 90")),
            ("location: eastus2", OK),
            ("location: east-us-2", no("a location is a region")),
            ("username: ada", OK),
            ("username: \"ada lovelace\"", no("a user name is")),
            ("acr: {name: abcde, sku: Basic, per_user_registry: on}", OK),
            ("acr: {name: ab}", no("5 to 50")),
            ("acr: {per_user_registry: 7}", no("neither true nor false")),
            ("kubeconfig: k", no("belongs to an existing cluster")),
            ("context: c", no("belongs to an existing cluster")),
            ("acr: {name: abcde}\nregistry: {name: abcde}", OK),
            ("acr: {name: abcde}\nregistry: {name: abcdf}", no("describe different registries")),
            (
                "acr: {name: abcde, sku: Basic}\nregistry: {name: abcde, sku: Premium}",
                no("describe different registries"),
            ),
            ("resourcegroup: rg", no("`cluster.resourcegroup` is not a known key")),
        ],
    );
    let aks = "  aks: {node_pools: [{name: s, mode: System, vm_size: Standard_B2s, count: 1}]}\n";
    for (id, want) in [
        ("00000000-1111-2222-3333-444444444444", OK),
        ("\"00000000-1111-2222-3333-44444444ABCD\"", OK),
        ("YOUR_SUBSCRIPTION_ID", no("is the placeholder `YOUR_SUBSCRIPTION_ID`")),
        ("00000000-0000-0000-0000-000000000000", no("is the placeholder")),
        ("${SUBSCRIPTION}", no("is the placeholder")),
        ("my-subscription", no("not a GUID")),
        ("", no("`cluster.subscription_id` is missing")),
    ] {
        table(
            "cluster:\n  subscription_id: {}\n  aks: {node_pools: [{name: s, mode: System, vm_size: Standard_B2s, count: 1}]}\n",
            &[(id, want)],
        );
    }
    refuse("no subscription", &format!("cluster:\n{aks}"), "`cluster.subscription_id` is missing");
    refuse("no aks", &format!("cluster: {{subscription_id: {SUB}}}\n"), "`cluster.aks` is missing");
    table(
        "cluster: {provider: existing, {}}\n",
        &[
            ("kubeconfig: ~/.kube/config, context: c", OK),
            ("context: c", no("`cluster.kubeconfig` is missing")),
            (
                "kubeconfig: k, aks: {node_pools: [{name: s, mode: System, vm_size: Standard_B2s, count: 1}]}",
                no("does not go with `provider: existing`"),
            ),
        ],
    );
}

#[test]
fn aks_and_pool_fields() {
    let aks = "cluster:\n  subscription_id: 00000000-1111-2222-3333-444444444444\n  aks:\n    node_pools: [{name: s, mode: System, vm_size: Standard_B2s, count: 1}]\n    {}\n";
    table(
        aks,
        &[
            ("name: my_Aks-1", OK),
            ("name: -aks", no("a cluster has 1 to 63")),
            ("kubernetes_version: \"1.33\"", OK),
            ("kubernetes_version: '1.33.2'", OK),
            ("kubernetes_version: 1.33.2", OK),
            ("kubernetes_version: 1.30", no("is the number 1.30; YAML would read 1.30 as 1.3")),
            ("kubernetes_version: !!str 1.30", OK),
            ("kubernetes_version: latest", no("a version is MAJOR.MINOR")),
            ("kubernetes_version: \"1\"", no("a version is MAJOR.MINOR")),
            ("kubernetesVersion: \"1.33\"", no("`cluster.aks.kubernetesVersion` is not a known key")),
        ],
    );
    let pool = "cluster:\n  subscription_id: 00000000-1111-2222-3333-444444444444\n  aks:\n    node_pools:\n      - {name: s, mode: System, vm_size: Standard_B2s, count: 1}\n      - {{}}\n";
    table(
        pool,
        &[
            ("name: gpu, vm_size: Standard_NC24ads_A100_v4, count: 2", OK),
            ("name: gpu-1, vm_size: Standard_B2s, count: 1", no("AKS takes 1 to 12")),
            ("name: Gpu, vm_size: Standard_B2s, count: 1", no("AKS takes 1 to 12")),
            ("name: s, vm_size: Standard_B2s, count: 1", no("two pools are called `s`")),
            ("vm_size: Standard_B2s, count: 1", no("node_pools[1].name` is missing")),
            ("name: a, count: 1", no("vm_size` is missing")),
            ("name: a, vm_size: big, count: 1", no("a size is a name such as")),
            ("name: a, vm_size: Standard_B2s, mode: User, count: 1", OK),
            ("name: a, vm_size: Standard_B2s, mode: Systm, count: 1", no("not one of System, User")),
            ("name: a, vm_size: Standard_B2s, count: 0", no("allowed is 1 to 1000")),
            ("name: a, vm_size: Standard_B2s, count: \"3\"", OK),
            ("name: a, vm_size: Standard_B2s, count: 010", no("leading zero")),
            ("name: a, vm_size: Standard_B2s, count: 1.5", no("not a whole number")),
            ("name: a, vm_size: Standard_B2s", no("neither `count` nor `min` and `max`")),
            ("name: a, vm_size: Standard_B2s, min: 0, max: 2", OK),
            ("name: a, vm_size: Standard_B2s, min: 3, max: 2", no("min (3) is greater than max (2)")),
            ("name: a, vm_size: Standard_B2s, min: -1, max: 2", no("is -1; allowed is 0 to 1000")),
            ("name: a, vm_size: Standard_B2s, min: 0, max: 0", no("is 0; allowed is 1 to 1000")),
            ("name: a, vm_size: Standard_B2s, min: 0", no("`min` without `max`")),
            ("name: a, vm_size: Standard_B2s, max: 2", no("`max` without `min`")),
            ("name: a, vm_size: Standard_B2s, count: 1, min: 0, max: 2", no("has both `count` and")),
            ("name: a, vm_size: Standard_B2s, count: 1, max: 2", no("has both `count` and")),
            ("name: a, mode: System, vm_size: Standard_B2s, min: 0, max: 2", no("System pool with min 0")),
            ("name: a, mode: System, vm_size: Standard_B2s, min: 1, max: 2", OK),
            ("name: a, vm_size: Standard_B2s, count: 1, labels: {modelops.io/role: gpu, country: NO, empty: \"\"}", OK),
            ("name: a, vm_size: Standard_B2s, count: 1, labels: {\"a b\": c}", no("`a b` is not the key of a label")),
            ("name: a, vm_size: Standard_B2s, count: 1, labels: {a: \"b c\"}", no("a label value is")),
            ("name: a, vm_size: Standard_B2s, count: 1, labels: [a]", no("not a map")),
            ("name: a, vm_size: Standard_B2s, count: 1, taints: [\"sku=gpu:NoSchedule\", \"x:NoExecute\"]", OK),
            (
                "name: a, vm_size: Standard_B2s, count: 1, taints: [{key: k, value: v, effect: PreferNoSchedule}, {key: k, effect: NoExecute}]",
                OK,
            ),
            ("name: a, vm_size: Standard_B2s, count: 1, taints: [\"sku=gpu\"]", no("not a taint")),
            ("name: a, vm_size: Standard_B2s, count: 1, taints: [\"sku=gpu:NoScheduling\"]", no("not a taint")),
            (
                "name: a, vm_size: Standard_B2s, count: 1, taints: [{key: k, effect: Never}]",
                no("not one of NoSchedule"),
            ),
            (
                "name: a, vm_size: Standard_B2s, count: 1, taints: [{value: v, effect: NoExecute}]",
                no("taints[0].key` is missing"),
            ),
            (
                "name: a, vm_size: Standard_NC6s_v3, count: 1, gpu: {driver: install, plugin: device_plugin, instance_profile: MIG3g}",
                OK,
            ),
            ("name: a, vm_size: Standard_NC6s_v3, count: 1, gpu: {driver: none, plugin: operator}", OK),
            ("name: a, vm_size: Standard_NC6s_v3, count: 1, gpu: {plugin: operator}", no("needs `driver: none`")),
            (
                "name: a, vm_size: Standard_NC6s_v3, count: 1, gpu: {driver: none, plugin: device_plugin}",
                no("needs a driver"),
            ),
            ("name: a, vm_size: Standard_NC6s_v3, count: 1, gpu: {instance_profile: MIG5g}", no("not one of MIG1g")),
            ("name: a, vm_size: Standard_NC6s_v3, count: 1, gpu: {plugin: nvidia}", no("not one of device_plugin")),
            ("name: a, vm_size: Standard_B2s, count: 1, spot: y, zones: [1, 2], os_disk_size_gb: 128", OK),
            ("name: a, vm_size: Standard_B2s, count: 1, zones: [0]", no("allowed is 1 to 9")),
            ("name: a, vm_size: Standard_B2s, count: 1, os_disk_size_gb: 5", no("allowed is 30 to 2048")),
            ("name: a, mode: System, vm_size: Standard_B2s, count: 1, spot: true", no("cannot be a spot pool")),
            ("name: a, vm_size: Standard_B2s, count: 1, minimum: 2", no("minimum` is not a known key")),
        ],
    );
    refuse(
        "no System",
        &format!(
            "cluster:\n  subscription_id: {SUB}\n  aks: {{node_pools: [{{name: a, vm_size: Standard_B2s, count: 1}}]}}\n"
        ),
        "no node pool has `mode: System`",
    );
    refuse(
        "no pools",
        &format!("cluster:\n  subscription_id: {SUB}\n  aks: {{name: a}}\n"),
        "no node pool has `mode: System`",
    );
}

#[test]
fn storage_fields() {
    table(
        "storage: {{}}\n",
        &[
            ("version: 1, provider: azure", OK),
            ("provider: s3", no("not one of azure")),
            ("account_name: abc", OK),
            ("account_name: a-b-c", no("3 to 24 lower-case")),
            ("account_name: abcdefghijklmnopqrstuvwxy", no("3 to 24 lower-case")),
            ("resource_group: rg, location: westus3, sku: Premium_LRS", OK),
            ("sku: Standard_ZRS", no("not one of Standard_LRS")),
            ("containers: [bundle-blobs, more]", OK),
            ("containers: [bundle-blobs, Jobs]", no("a container has 3 to 63")),
            ("containers: [bundle-blobs, bundle-blobs]", no("stands here twice")),
            ("containers: [more]", no("the default SAS reads `bundle-blobs`")),
            ("containers: bundle-blobs", no("not a list")),
            ("sas: {container: results, permissions: rwl, lifetime: 30d, renew_before: 5d, env: RESULTS}", OK),
            ("sas: [{container: results, env: A}, {container: jobs, env: B}]", OK),
            ("sas: [{container: results}, {container: jobs}]", no("two SAS entries use the variable")),
            ("sas: [{container: jobs, env: A}, {container: jobs, env: B}]", no("reach the same container")),
            ("sas: {container: nothing}", no("`nothing` is not a container of this account")),
            ("sas: {permissions: rz}", no("permissions are letters")),
            ("sas: {permissions: ru}", no("`u` is not a permission of an SAS of `kind: service`")),
            ("sas: {kind: account, permissions: rlu}", OK),
            ("sas: {kind: account, permissions: rwl}", no("lets pods write or delete in every container")),
            ("sas: {kind: account, permissions: rwl, account_wide_writes: true}", OK),
            ("sas: {permissions: rwl, account_wide_writes: true}", no("is for `kind: account`")),
            ("sas: {policy: readers}", OK),
            ("sas: {policy: \"a b\"}", no("a stored policy has up to 64")),
            ("sas: {kind: account, policy: readers}", no("`kind: account` cannot have a stored `policy`")),
            ("sas: {kind: user_delegation, lifetime: 7d, policy: readers}", no("cannot have a stored `policy`")),
            ("sas: {kind: user_delegation, lifetime: 7d, signing_key: key1}", no("no account key signs")),
            ("sas: {kind: user_delegation, lifetime: 7d, permissions: rf}", no("`f` is not a permission")),
            ("sas: {env: REGISTRY_PASSWORD}", no("belongs to the registry")),
            ("sas: {kind: delegated}", no("not one of service, account, user_delegation")),
            ("sas: {kind: user_delegation, lifetime: 7d}", OK),
            ("sas: {kind: user_delegation, lifetime: 8d}", no("lives 7 days at most")),
            ("sas: {kind: user_delegation}", no("needs a `lifetime` of 7 days at most")),
            ("sas: {kind: account}", OK),
            ("sas: {kind: account, container: jobs}", no("reaches every container")),
            ("sas: {lifetime: 14d, renew_before: 14d}", no("`renew_before` is not shorter than `lifetime`")),
            ("sas: {lifetime: 5d}", OK),
            ("sas: {lifetime: 3 months}", no("not a duration")),
            ("sas: {env: \"2ND\"}", no("a variable is letters")),
            ("sas: {signing_key: key2}", OK),
            ("sas: {signing_key: key3}", no("not one of key1, key2")),
            ("connection_string: x", no("`storage.connection_string` is not a known key")),
        ],
    );
}

#[test]
fn workspace_fields() {
    let cluster = format!(
        "cluster:\n  subscription_id: {SUB}\n  aks: {{node_pools: [{{name: s, mode: System, vm_size: Standard_B2s, count: 1}}]}}\n"
    );
    let frame = cluster.clone()
        + "workspace:\n  metadata: {name: main}\n  spec: {scheduler: {image: i}, workers: {image: i}}\n  {}\n";
    table(
        &frame,
        &[
            ("apiVersion: modelops/v1", OK),
            ("apiVersion: modelops/v2", no("not one of modelops/v1")),
            ("kind: Workspace", OK),
            ("kind: workspace", no("not one of Workspace")),
            ("meta: {}", no("`workspace.meta` is not a known key")),
        ],
    );
    let frame = cluster.clone() + "workspace: {spec: {scheduler: {image: i}, workers: {image: i}}, {}}\n";
    table(
        &frame,
        &[
            ("metadata: {name: main, namespace: team-a}", OK),
            ("metadata: {name: Main}", no("Kubernetes takes 1 to 63")),
            ("metadata: {name: main, namespace: a.b}", no("Kubernetes takes 1 to 63")),
            ("metadata: {}", no("`workspace.metadata.name` is missing")),
            ("kind: Workspace", no("`workspace.metadata` is missing")),
        ],
    );
    let frame = cluster.clone() + "workspace: {metadata: {name: main}, spec: {{}}}\n";
    table(
        &frame,
        &[
            ("scheduler: {image: i}", no("`workspace.spec.workers` is missing")),
            ("workers: {image: i}", no("`workspace.spec.scheduler` is missing")),
            ("scheduler: {image: i, anything: 1}, workers: {image: i, anything: 1}, anything: 1", OK),
            ("scheduler: {image: \"a b\"}, workers: {image: i}", no("an image is")),
            ("scheduler: {replicas: 1}, workers: {image: i}", no("scheduler.image` is missing")),
        ],
    );
    let frame = cluster.clone()
        + "workspace: {metadata: {name: main}, spec: {scheduler: {image: i, {}}, workers: {image: i, {}}}}\n";
    table(
        &frame,
        &[
            ("replicas: 1", OK),
            ("replicas: -1", no("allowed is 0 to")),
            ("resources: {cpu: 2, memory: 4Gi, nvidia.com/gpu: 1, ephemeral-storage: 20Gi}", OK),
            ("resources: {requests: {cpu: 500m}, limits: {cpu: 1.5}}", OK),
            ("resources: {cpu: lots}", no("an amount is a number")),
            ("resources: {\"c p u\": 1}", no("is not the name of a resource")),
            ("env: {A: 1, B: yes, C: null, D: \"x y\"}", OK),
            ("env: [{name: A, value: 1}, {name: B}]", OK),
            ("env: {\"A-B\": 1}", no("is not the name of a variable")),
            ("env: [{value: 1}]", no("env[0].name` is missing")),
            ("env: [{name: A}, {name: A}]", no("`A` stands here twice")),
            ("env: A=1", no("not a map of variables")),
        ],
    );
    let frame = cluster.clone()
        + "workspace: {metadata: {name: main}, spec: {scheduler: {image: i}, workers: {image: i, {}}}}\n";
    table(
        &frame,
        &[
            ("min_replicas: 1, max_replicas: 4", OK),
            ("min_replicas: 5, max_replicas: 4", no("min_replicas (5) is greater than max_replicas (4)")),
            ("min_replicas: 1", no("needs `max_replicas`")),
            ("max_replicas: 1", no("needs `min_replicas`")),
            ("replicas: 1, min_replicas: 1, max_replicas: 2", no("have both `replicas`")),
            ("processes: 4, threads: 2", OK),
            ("processes: 0", no("allowed is 1 to 1024")),
            ("threads: none", no("not a whole number")),
        ],
    );
    let frame = cluster.clone()
        + "workspace: {metadata: {name: main}, spec: {scheduler: {image: i}, workers: {image: i}, autoscaling: {{}}}}\n";
    table(
        &frame,
        &[
            ("enabled: no", OK),
            ("enabled: perhaps", no("neither true nor false")),
            ("type: hpa, min_workers: 2, max_workers: 20, target_cpu: 70, scale_down_delay: 300", OK),
            ("type: dask-adaptive", OK),
            ("type: keda", no("not one of hpa, dask-adaptive")),
            ("min_workers: 5, max_workers: 4", no("min_workers (5) is greater than max_workers (4)")),
            ("target_cpu: 9", no("allowed is 10 to 100")),
            ("target_cpu: 101", no("allowed is 10 to 100")),
            ("scale_down_delay: 5m", no("not a whole number")),
        ],
    );
    let frame =
        cluster + "workspace: {metadata: {name: main}, spec: {scheduler: {image: i}, workers: {image: i}, {}}}\n";
    table(
        &frame,
        &[
            ("tolerations: [{key: a, operator: Equal, value: b, effect: NoSchedule}, {operator: Exists}]", OK),
            ("tolerations: [{key: a, operator: Exists, value: b}]", no("takes no `value`")),
            ("tolerations: [{value: b}]", no("needs `operator: Exists`")),
            ("tolerations: [{key: a, operator: Is}]", no("not one of Equal, Exists")),
            ("tolerations: [{key: a, effect: NoExecute, tolerationSeconds: 5}]", OK),
            ("tolerations: [{key: a, tolerationSeconds: 5}]", no("needs `effect: NoExecute`")),
            ("imagePullSecrets: [{name: a}, b]", OK),
            ("imagePullSecrets: [{nam: a}]", no("imagePullSecrets[0].name` is missing")),
        ],
    );
}

#[test]
fn later_sections_parse_and_are_not_supported_yet() {
    let ok = "registry: {name: abcde}\n{}\n";
    let cluster = "cluster: {provider: existing, kubeconfig: k}\n{}\n";
    table(
        cluster,
        &[
            (
                "ngc: {api_key: {from_env: NGC_API_KEY}, namespaces: [a], images: [\"nvcr.io/nim/x:1\"], restart: [a]}",
                OK,
            ),
            ("ngc: {namespaces: [a]}", no("`ngc.api_key` is missing")),
            ("ngc: {api_key: {from_env: A, from_file: b}}", no("exactly one source")),
            ("ngc: {api_key: {from_enf: A}}", no("`ngc.api_key.from_enf` is not a known key")),
            ("ngc: {api_key: {from_env: A}}", no("`ngc` names no namespace")),
        ],
    );
    table(
        ok,
        &[
            ("ngc: {api_key: {from_env: A}, namespaces: [a]}", no("`ngc` needs a cluster")),
            ("tokens: {HF_TOKEN: {from_env: HF_TOKEN}, slurm: {host: koa.example.edu, user: me, workdir: ~/x}}", OK),
            ("tokens: {HF-TOKEN: {from_env: HF_TOKEN}}", no("is not the name of a variable")),
            ("tokens: {slurm: {host: koa.example.edu}}", no("`tokens.slurm.user` is missing")),
            ("tokens: {HF_TOKEN: {from_env: HF_TOKEN}, slurm: {host: \"koa:2222\", user: me, ssh_config: ~/c}}", OK),
            ("tokens: {slurm: {host: koa, user: me}}", no("`tokens` names no variable")),
            ("tokens: {HF_TOKEN: {from_env: HF_TOKEN}}", no("neither a login node nor a workspace")),
            ("novita: {registry_auths: [{name: my-acr, registry: self}], instances: []}", OK),
            ("novita: {registry_auths: [{registry: self}]}", no("registry_auths[0].name` is missing")),
            ("novita: {registry_auths: [{name: a, registry: ghcr.io}]}", no("can only be `self`")),
            ("novita: {instances: [{name: a, image: \"a.io/x:1\"}]}", no("instances[0].product` is missing")),
            (
                "novita: {instances: [{name: a, image: \"a.io/x:1\", product: p, registry_auth: b}]}",
                no("is none of `registry_auths`"),
            ),
        ],
    );
    for (section, word) in [
        ("registry: {name: abcde, auth: workload_identity}\ncluster: {provider: existing, kubeconfig: k}", "auth"),
        ("registry: {realms: [{registry: a.b, realm: \"https://c\"}]}", "realms"),
    ] {
        let file = accept(section, &format!("{section}\n"));
        let found = unsupported(&file);
        assert_eq!(found.len(), 1, "{section}: {found:?}");
        let d = &found[0];
        assert!(d.summary.contains(word) && d.summary.ends_with("is not supported by this version"), "{d}");
        assert!(d.place.is_some() && d.hint.is_some());
    }
}
