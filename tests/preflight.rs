//! Promise: what Azure is known to refuse is refused before the first write, by `preview` and `up` alike, with place,
//! value, figures and what to do; what cannot be looked at stops nobody. `MOPS_GOLDEN=1` writes the texts.

use mops_host::{Env, fsx};
use mops_tests::arm::figures::{Figures, Size};
use mops_tests::job::{FILE, Job};
use serde_json::{Value, json};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/preflight.txt");
const STACK: &str = "registry: {provider: azure, name: modelopsdevacr, sku: Basic}
cluster:
  provider: azure
  subscription_id: 00000000-1111-2222-3333-444444444444
  resource_group: modelops-dev-rg
  location: eastus2
  aks:
    name: modelops-dev-aks
    kubernetes_version: \"1.33\"
    node_pools:
      - {name: system, mode: System, vm_size: Standard_B2s, count: 1}
      - name: gpu
        vm_size: Standard_NC24ads_A100_v4
        min: 0
        max: 2
        spot: false
        zones: [1, 2]
storage:
  account_name: modelopsdevstore
  containers: [bundle-blobs]
";

const SUBNET: &str = "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/network-rg/providers/\
                      Microsoft.Network/virtualNetworks/team/subnets/nodes";
const VERSION: &str = "    kubernetes_version: \"1.33\"\n";
const IN_SUBNET: &str = "    subnet_id: /subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/network-rg/\
                         providers/Microsoft.Network/virtualNetworks/team/subnets/nodes\n";

/// What the subscription is like, and how the stack file differs from [`STACK`].
struct Row {
    name: &'static str,
    figures: Value,
    edit: Option<(&'static str, &'static str)>,
}

fn row(name: &'static str, figures: Value) -> Row {
    Row { name, figures, edit: None }
}

fn edited(name: &'static str, figures: Value, from: &'static str, to: &'static str) -> Row {
    Row { name, figures, edit: Some((from, to)) }
}

/// The usual sizes, the GPU's with a difference.
fn gpu_size(change: impl Fn(&mut Size)) -> Value {
    let mut figures = Figures::default();
    let size = figures.sizes.iter_mut().find(|size| size.name == "Standard_NC24ads_A100_v4").expect("it is listed");
    change(size);
    json!({"sizes": figures.sizes})
}

/// What one role gives on the whole subscription.
fn role(actions: &[&str], not_actions: &[&str]) -> Value {
    json!([["/subscriptions", {"actions": actions, "notActions": not_actions}]])
}

fn rows() -> Vec<Row> {
    let everybody = json!({"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"});
    let deny = json!({"properties": {
        "denyAssignmentName": "frozen", "scope": "/subscriptions/00000000-1111-2222-3333-444444444444",
        "permissions": [{"actions": ["Microsoft.Storage/*/write"], "notActions": []}], "principals": [everybody],
    }});
    let policy = json!({"id": "/policyAssignments/allowed-regions", "kind": "Microsoft.Storage/storageAccounts",
                        "pointer": "/location", "value": "eastus2"});
    vec![
        edited("a size that there is not", json!({}), "Standard_NC24ads_A100_v4", "Standard_NC24ads_A100_v5"),
        row("a size that is not given", gpu_size(|size| size.refused = Some("NotAvailableForSubscription".into()))),
        row("family quota", json!({"limits": {"StandardNCADSA100v4Family": 24}})),
        row("total quota", json!({"limits": {"cores": 40}})),
        edited("spot quota", json!({"limits": {"lowPriorityCores": 0}}), "spot: false", "spot: true"),
        row("zones", gpu_size(|size| size.refused_zones = vec!["2".into()])),
        row("version of Kubernetes", json!({"versions": [34, 35]})),
        row("registry name", json!({"foreign": ["modelopsdevacr"]})),
        row("storage name", json!({"foreign": ["modelopsdevstore"]})),
        row("deleted storage", json!({"foreign": ["modelopsdevstore"], "deleted": ["modelopsdevstore"]})),
        row(
            "provider not registered",
            json!({"unregistered": ["microsoft.storage"], "permissions": role(&["*"], &["*/register/action"])}),
        ),
        row("rights", json!({"permissions": role(&["*"], &["Microsoft.Storage/*/write", "*/listServiceSas/action"])})),
        row(
            "rights to be activated",
            json!({"permissions": role(&["*"], &["Microsoft.Storage/*/write"]), "eligible": ["Contributor"]}),
        ),
        row("deny assignment", json!({"denies": [deny]})),
        row("policy", json!({"policies": [policy]})),
        edited("no such subnet", json!({}), VERSION, IN_SUBNET),
        edited("subnet too small", json!({"subnets": {SUBNET.to_lowercase(): ["10.0.0.0/29", 1]}}), VERSION, IN_SUBNET),
        edited(
            "MIG on a wrong size",
            json!({}),
            "vm_size: Standard_NC24ads_A100_v4",
            "vm_size: Standard_NC6s_v3\n        gpu: {instance_profile: MIG3g}",
        ),
    ]
}

/// Everything from the first error on.
fn errors(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    text.find("error").map_or_else(String::new, |at| text[at..].trim_end().to_owned())
}

/// Refused by both commands in the same words, and nothing was made.
async fn refused(job: &Job) -> String {
    let mut told = Vec::new();
    for words in [&["mops", "infra", "preview", FILE][..], &["mops", "infra", "up", FILE, "--yes"]] {
        let output = job.run(words).await;
        assert_eq!(output.code, Some(2), "{words:?}\n{}", String::from_utf8_lossy(&output.stderr));
        told.push(errors(&output.stderr));
    }
    assert_eq!(told[0], told[1]);
    // Whoever signs in is another one in every sandbox.
    let me = job.place.env.iter().find(|(name, _)| name == "AZURE_CLIENT_ID").expect("somebody signs in");
    told.remove(0).replace(&me.1, "OBJECT_ID")
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the counting line")]
async fn each_refusal_names_place_value_figures_and_remedy_before_anything_is_written() {
    let job = Job::of(STACK).await;
    let (mut said, rows) = (String::new(), rows());
    for Row { name, figures, edit } in &rows {
        let text = edit.map_or_else(|| STACK.to_owned(), |(from, to)| STACK.replace(from, to));
        job.place.write(FILE, &text);
        job.tell("POST", "/figures", &json!(Figures::default()));
        job.tell("POST", "/figures", figures);
        said += &format!("## {name}\n{}\n\n", refused(&job).await);
        assert_eq!(job.existing(), Vec::<String>::new(), "{name}");
    }
    if Env::process().get("MOPS_GOLDEN") == Some("1") {
        fsx::replace(GOLDEN.as_ref(), said.as_bytes()).expect("the golden file");
    }
    assert_eq!(said, fsx::read_text(GOLDEN.as_ref()).expect("the golden file"));
    println!("preflight refused={} writes=0", rows.len());
}

#[tokio::test]
async fn a_group_in_another_region_is_refused() {
    let job = Job::of(STACK).await;
    job.good(&["mops", "infra", "up", FILE, "-c", "registry", "--yes"]).await;
    job.tell(
        "POST",
        "/behind/edit",
        &json!({"end": "/resourcegroups/modelops-dev-rg", "pointer": "/location",
                                             "value": "westus3", "by": "someone@example.com"}),
    );
    std::fs::remove_dir_all(job.place.path().join("home")).expect("the home is there");
    let before = job.existing();
    let told = refused(&job).await;
    assert!(told.contains("`resource-group` already exists") && told.contains("location"), "{told}");
    assert_eq!(job.existing(), before);
}

#[tokio::test]
async fn settings_of_an_account_that_stand_against_a_signature_are_told_before_it_is_asked_for() {
    let sas = "  sas: {kind: service, lifetime: 5d, renew_before: 1d}\n";
    let text = format!("{}{sas}", &STACK[STACK.find("cluster:").expect("it has one")..]);
    let job = Job::of(&text).await;
    job.good(&["mops", "infra", "up", FILE, "-c", "storage", "--yes"]).await;
    let rows = [
        (
            "/properties/allowSharedKeyAccess",
            json!(false),
            "kind: service, lifetime: 6d",
            "20:15: storage account `modelopsdevstore` forbids signatures by account key: `allowSharedKeyAccess` is false",
        ),
        (
            "/properties/sasPolicy",
            json!({"sasExpirationPeriod": "1.00:00:00", "expirationAction": "Block"}),
            "kind: service, lifetime: 6d",
            "20:34: storage account `modelopsdevstore` blocks a SAS that lives this long: `sasPolicy` allows 86400 s, \
             `lifetime` asks for 518400 s",
        ),
        (
            "/properties/requireUserBoundUserDelegationSas",
            json!(true),
            "kind: user_delegation, lifetime: 5d",
            "20:15: storage account `modelopsdevstore` takes only signatures for one person: \
             `requireUserBoundUserDelegationSas` is true",
        ),
    ];
    let asked = || job.ask("/heard").to_string();
    for (pointer, value, changed, told) in rows {
        let edit = |value: &Value| json!({"end": "/storageaccounts/modelopsdevstore", "pointer": pointer, "value": value, "by": "someone@example.com"});
        job.place.write(FILE, &text.replace("kind: service, lifetime: 5d", changed));
        job.tell("POST", "/behind/edit", &edit(&value));
        let before = asked().matches("listServiceSas").count();
        let words = ["mops", "infra", "up", FILE, "-c", "storage", "--yes"];
        let output = job.run(&words).await;
        let said = errors(&output.stderr);
        assert_eq!(output.code, Some(2), "{pointer}: {said}");
        assert!(said.contains(&format!("{FILE}:{told}")) && said.contains("hint: "), "{pointer}: {said}");
        assert_eq!(asked().matches("listServiceSas").count(), before, "{pointer}: nothing was signed");
        job.tell("POST", "/behind/edit", &edit(&Value::Null));
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_a_note() {
    let job = Job::of(STACK).await;
    for path in ["/skus", "/permissions", "/checkPolicyRestrictions"] {
        let fault = json!({"status": {"status": 403, "code": "AuthorizationFailed"}});
        let rule = json!({"matches": ["arm", path], "times": 9, "fault": fault});
        job.tell("POST", "/faults", &rule);
    }
    job.tell("POST", "/figures", &json!({"unregistered": ["microsoft.storage"]}));
    let output = job.good(&["mops", "infra", "preview", FILE]).await;
    let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    for note in ["machine sizes could not be checked", "rights could not be checked", "policies could not be checked"] {
        assert!(text.contains(note), "{note}: {text}");
    }
}

#[tokio::test]
async fn who_only_reads_may_preview_and_not_write() {
    let job = Job::of(STACK).await;
    job.tell("POST", "/figures", &json!({"permissions": role(&["*/read"], &[])}));
    let shown = job.good(&["mops", "infra", "preview", FILE]).await;
    let text = String::from_utf8_lossy(&shown.stderr).into_owned() + &String::from_utf8_lossy(&shown.stdout);
    assert!(text.contains("this identity only reads `/subscriptions/"), "{text}");
    let output = job.run(&["mops", "infra", "up", FILE, "--yes"]).await;
    assert_eq!((output.code, job.existing()), (Some(2), Vec::new()));
}

#[tokio::test]
async fn a_plan_that_changes_nothing_asks_nothing() {
    let job = Job::of(STACK).await;
    let asked = || {
        let heard: Vec<(String, String)> = serde_json::from_value(job.ask("/heard")).expect("pairs");
        heard.iter().filter(|(fake, _)| fake == "arm").count()
    };
    job.good(&["mops", "infra", "up", FILE, "-c", "registry", "--yes"]).await;
    let before = asked();
    assert!(before > 0);
    job.good(&["mops", "infra", "preview", FILE, "-c", "registry", "--exit-code"]).await;
    assert_eq!(asked(), before);
}

#[tokio::test]
async fn images_are_asked_for_with_the_credential_of_the_pods() {
    let job = Job::new().await;
    let new = job.good(&["mops", "infra", "preview", FILE]).await;
    let told = String::from_utf8_lossy(&new.stderr).into_owned() + &String::from_utf8_lossy(&new.stdout);
    assert!(told.contains("worker:1` is not looked at: its credential comes into being"), "{told}");
    job.good(&["mops", "infra", "up", FILE, "-c", "registry", "--yes"]).await;
    let before = job.existing();
    let told = refused(&job).await;
    let place = example(FILE, "worker:1");
    assert!(told.contains(&format!("{place}: there is no image `modelopsdevacr.azurecr.io/worker:1`")), "{told}");
    assert_eq!(job.existing(), before);
    job.push_images().await;
    job.good(&["mops", "infra", "preview", FILE]).await;
}

#[tokio::test]
async fn a_password_that_the_registry_does_not_take_is_refused() {
    let mut job = Job::new().await;
    job.with_images().await;
    let before = job.existing();
    let host = "modelopsdevacr.azurecr.io";
    job.place.write(FILE, &with_a_registry_of_anybody(host, &format!("{host}/worker:1")));
    job.place.set("PULL", "not-the-password-of-today".to_owned());
    let told = refused(&job).await;
    assert!(told.contains(&format!("the pods will not be able to pull `{host}/worker:1`")), "{told}");
    assert!(told.contains("401") && !told.contains("not-the-password"), "{told}");
    assert_eq!(job.existing(), before);
}

/// A registry that no cloud provides, with its password in `PULL`.
fn with_a_registry_of_anybody(host: &str, image: &str) -> String {
    let cluster = &STACK[STACK.find("cluster:").expect("it has one")..STACK.find("storage:").expect("it has one")];
    format!(
        "registry: {{provider: generic, host: {host}, username: u, password: {{from_env: PULL}}}}\n{cluster}workspace:\n  \
         metadata: {{name: main}}\n  spec:\n    scheduler: {{image: \"{image}\"}}\n    \
         workers: {{image: \"{image}\", replicas: 1}}\n"
    )
}

/// Where the example says something.
fn example(file: &str, what: &str) -> String {
    let text = mops_tests::job::example("unified-infra/unified-infra.yaml");
    let (line, found) = text.lines().enumerate().find(|(_, line)| line.contains(what)).expect("it is there");
    let column = found.find("image: ").expect("an image") + "image: ".len();
    format!("{file}:{}:{}", line + 1, column + 1)
}

#[tokio::test]
async fn a_token_that_ran_out_is_refused() {
    let text = with_a_registry_of_anybody("registry.example.com", "other.example.com/w:1");
    let mut job = Job::of(&text).await;
    // {"exp": 1700000000}
    job.place.set("PULL", "e30.eyJleHAiOiAxNzAwMDAwMDAwfQ.c2lnbmF0dXJl".to_owned());
    let told = refused(&job).await;
    assert!(told.contains("the token in the variable `PULL` ran out at 2023-11-14T22:13:20Z"), "{told}");
    assert!(!told.contains("eyJ") && job.existing().is_empty(), "{told}");
}
