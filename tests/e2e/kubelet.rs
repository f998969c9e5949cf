//! Promise: what real kubelets say about an image that they cannot pull leads to its cause, in the words of containerd
//! 1.6 and of 2.1, read by the product's own rules from the events and waiting reasons of real pods.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mops_diagnose::finding::classify;
use mops_diagnose::kubelet::meaning;
use mops_diagnose::observed::{Vantage, check};
use mops_diagnose::{Observed, Words};
use mops_host::clock::{Clock as _, SystemClock};
use mops_probe::Observation;
use mops_tests::http::{Call, Reply, handler};
use mops_tests::job::FILE;
use mops_tests::private::address::REGISTRY;
use mops_tests::private::firewall::Lost;
use mops_tests::tls::{Authority, Leaf, Server, bind, bind_at, serve_clear, serve_tls};
use serde_json::{Value, json};

use crate::pods::{apply, job_with_cluster, kubectl, left, logins};

const ACR: &str = "modelopsdevacr.azurecr.io";
/// The node with containerd 1.6 and the one with 2.1.
const NODES: [&str; 2] = ["gpu", "system"];

/// Pods that name no secret: two of them for what they pull, which must keep nobody else waiting.
const WITHOUT: [&str; 3] = ["none", "crowd", "lost"];

/// What is pulled with which secret, never something that a node may hold already, and the cause that each runtime's words must lead to.
struct Row {
    secret: &'static str,
    name: String,
    image: String,
    causes: [&'static str; 2],
}

/// `clear` is a registry in clear on loopback, which nodes accept there; `foreign` one whose certificate nobody trusts.
fn rows(clear: u16, foreign: u16) -> Vec<Row> {
    let clear = |name: &str| format!("127.0.0.1:{clear}/{name}:1");
    let row = |secret, name: &str, image, causes| Row { secret, name: name.to_owned(), image, causes };
    let both = |cause| [cause, cause];
    vec![
        row("none", "bearer", format!("{ACR}/worker:9"), both("KUBELET_NO_CREDENTIALS")),
        row("none", "basic", clear("basic"), ["REGISTRY_REFUSED", "KUBELET_NO_CREDENTIALS"]),
        row("none", "scope", clear("scope"), both("REGISTRY_REFUSED")),
        row("none", "forbidden", clear("forbidden"), both("REGISTRY_REFUSED")),
        row("none", "unknown-name", "registry.nowhere.example/x:1".into(), both("DNS_FAILURE")),
        row("none", "closed-port", format!("{ACR}:444/x:1"), both("SERVICE_UNREACHABLE")),
        row("none", "untrusted", format!("foreign.azurecr.io:{foreign}/x:1"), both("TLS_UNTRUSTED")),
        row("wrong", "bearer", format!("{ACR}/worker:9"), both("KUBELET_BAD_CREDENTIALS")),
        row("wrong", "basic", clear("basic"), both("KUBELET_BAD_CREDENTIALS")),
        row("right", "no-tag", format!("{ACR}/worker:9"), both("TAG_NOT_FOUND")),
        row("absent", "bearer", format!("{ACR}/worker:9"), both("KUBELET_NO_CREDENTIALS")),
        row("lost", "lost", format!("{ACR}:{LOST}/x:1"), both("SERVICE_UNREACHABLE")),
    ]
}

/// A port of the registry's address from which nothing ever comes back, to a node as little as to anybody.
const LOST: u16 = 445;

/// As many images at once as a kubelet holds back, none of which there is.
const CROWD: usize = 27;

/// The rows of them.
fn crowd() -> Vec<Row> {
    let row = |at| Row {
        secret: "crowd",
        name: format!("crowd-{at}"),
        image: format!("{ACR}/worker:absent-{at}"),
        causes: ["KUBELET_NO_CREDENTIALS"; 2],
    };
    (0..CROWD).map(row).collect()
}

/// Refuses in the ways that ACR does not know.
fn clear_registry() -> Server {
    let listener = bind().expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let answer = move |call: &Call| {
        let refused = |challenge: String| Reply::empty(401).header("www-authenticate", challenge);
        if call.path == "/token" {
            return Reply::json(200, &json!({"token": "granted-without-the-repository"}));
        }
        match call.path.split('/').nth(2) {
            Some("basic") => refused("Basic realm=\"test\"".into()),
            Some("scope") => {
                let error = if call.bearer().is_some() { ",error=\"insufficient_scope\"" } else { "" };
                let scope = "scope=\"repository:scope:pull\"";
                refused(format!("Bearer realm=\"http://127.0.0.1:{port}/token\",service=\"test\",{scope}{error}"))
            }
            _ => Reply::empty(403),
        }
    };
    serve_clear(handler(answer), listener).expect("a server")
}

fn foreign_registry() -> Server {
    let config = Authority::new().leaf(Leaf::Good, &["*.azurecr.io"]).server_config();
    let listener = bind_at((REGISTRY, 0).into()).expect("a port");
    serve_tls(handler(|_| Reply::empty(200)), listener, config).expect("a server")
}

fn pull_secret(name: &str, hosts: &[&str], user: &str, password: &str) -> Value {
    let auth = STANDARD.encode(format!("{user}:{password}"));
    let auths: serde_json::Map<String, Value> =
        hosts.iter().map(|host| ((*host).to_owned(), json!({"auth": auth}))).collect();
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson", "metadata": {"name": name},
        "stringData": {".dockerconfigjson": json!({"auths": auths}).to_string()},
    })
}

/// One pod a node and secret, with one container a row.
fn pod(node: &str, secret: &str, rows: &[Row]) -> Value {
    let rows = rows.iter().filter(|row| row.secret == secret);
    let containers: Vec<Value> = rows.map(|row| json!({"name": row.name, "image": row.image})).collect();
    let secrets = if WITHOUT.contains(&secret) { json!([]) } else { json!([{"name": secret}]) };
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("{secret}-{node}")},
        "spec": {
            "nodeSelector": {"agentpool": node}, "tolerations": [{"key": "sku", "operator": "Exists"}],
            "terminationGracePeriodSeconds": 0, "imagePullSecrets": secrets, "containers": containers,
        },
    })
}

/// Everything that was said about a container: why it waits, and the warnings about it.
fn sayings(all: &Value, pod: &str, container: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = || all["items"].as_array().into_iter().flatten();
    let statuses = items().filter(|o| o["kind"] == "Pod" && o["metadata"]["name"] == pod);
    let statuses = statuses.flat_map(|o| o["status"]["containerStatuses"].as_array().into_iter().flatten());
    let waiting = statuses.filter(|s| s["name"] == container).map(|s| &s["state"]["waiting"]);
    let path = json!(format!("spec.containers{{{container}}}"));
    let events = items().filter(|o| o["kind"] == "Event" && o["type"] == "Warning");
    let about = events.filter(|o| o["involvedObject"]["name"] == pod && o["involvedObject"]["fieldPath"] == path);
    waiting.chain(about).map(|o| (text(&o["reason"]), text(&o["message"]))).collect()
}

/// The causes that the product finds for what was said, as long as it is more than an echo.
fn causes(row: &Row, sayings: &[(String, String)]) -> BTreeSet<String> {
    let meanings: BTreeSet<&str> = sayings.iter().filter_map(|(reason, words)| meaning(reason, words)).collect();
    // As the product does: a sentence that nobody understands counts only when there is no other.
    let known: Vec<&str> = meanings.iter().copied().filter(|m| meanings.len() == 1 || *m != "OTHER").collect();
    let said = known.into_iter().map(|code| Observation::failed(check::KUBELET, "", &row.image, code));
    let linked = Observation::ok(check::PULL_SECRET, "", row.secret);
    let linked = ["wrong", "right"].contains(&row.secret).then(|| Observed::at(Vantage::W, linked));
    let seen: Vec<Observed> = said.map(|o| Observed::at(Vantage::K, o)).chain(linked).collect();
    classify(&seen, &Words::default()).into_iter().map(|finding| finding.cause_id).collect()
}

/// A row on a node, the causes that were found, and what was said.
type Told = (String, BTreeSet<String>, Vec<(String, String)>);

/// Whether a node has asked as nobody where it has a login: it did so before it had read the secret, and asks again.
fn early(found: &[Told], rows: &[Row]) -> bool {
    let nobody = BTreeSet::from(["KUBELET_NO_CREDENTIALS".to_owned()]);
    let wanted = rows.iter().flat_map(|row| row.causes);
    found.iter().zip(wanted).any(|((_, causes, _), want)| *causes == nobody && !nobody.contains(want))
}

/// What was found for each row and node by now.
async fn told(rows: &[Row]) -> Vec<Told> {
    let all: Value = serde_json::from_str(&kubectl(&["get", "pods,events", "-o", "json"]).await).expect("json");
    let every = rows.iter().flat_map(|row| NODES.map(|node| (row, node)));
    let found = every.map(|(row, node)| {
        let said = sayings(&all, &format!("{}-{node}", row.secret), &row.name);
        (format!("{} {} on {node}", row.secret, row.name), causes(row, &said), said)
    });
    found.collect()
}

/// The same, once every container has been pulled in vain with what its node has for it.
async fn until_all_are_told(rows: &[Row]) -> Vec<Told> {
    let clock = SystemClock::new();
    loop {
        let found = told(rows).await;
        if found.iter().all(|(_, causes, _)| !causes.is_empty()) && !early(&found, rows) {
            return found;
        }
        assert!(clock.monotonic() < Duration::from_secs(120), "not everything was pulled in vain: {found:#?}");
        clock.sleep(Duration::from_millis(500)).await;
    }
}

/// Nodes that are to pull a crowd at once hold some of them back, and that is never taken for a refusal: of what was
/// pulled the true reason is told, and of what was not, nothing.
async fn held_back() {
    let (clock, rows) = (SystemClock::new(), crowd());
    for node in NODES {
        apply(&pod(node, "crowd", &rows)).await;
    }
    let refused = BTreeSet::from(["KUBELET_NO_CREDENTIALS".to_owned()]);
    let mut holding = BTreeSet::new();
    while holding != NODES.into() {
        assert!(clock.monotonic() < Duration::from_secs(60), "{holding:?} held pulls back");
        let found = told(&rows).await;
        let wrong: Vec<_> = found.iter().filter(|(_, causes, _)| !causes.is_subset(&refused)).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        let holds = |node: &&str| {
            let here = found.iter().filter(|(name, ..)| name.ends_with(node));
            here.flat_map(|(.., said)| said).any(|(_, words)| words.contains("pull QPS exceeded"))
        };
        holding.extend(NODES.into_iter().filter(holds));
        clock.sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kubelets_say_leads_to_its_cause_on_both_runtimes() {
    let Some(job) = job_with_cluster("what kubelets say") else { return };
    let before = left().await;
    job.good(&["mops", "infra", "up", FILE, "-c", "registry", "--yes"]).await;
    let login = logins(&job).pop().expect("a registry");
    let (clear, foreign) = (clear_registry(), foreign_registry());
    let rows = rows(clear.address().port(), foreign.address().port());
    let lost = Lost { from: None, port: LOST };
    lost.begin().await;
    let local = format!("127.0.0.1:{}", clear.address().port());
    apply(&pull_secret("wrong", &[ACR, &local], &login.username, "not-it")).await;
    apply(&pull_secret("right", &[ACR], &login.username, login.password.expose())).await;
    let mut secrets: Vec<&str> = rows.iter().map(|row| row.secret).collect();
    // A node pulls one image after the other, and waits for what is lost longer than for all else.
    secrets.sort_unstable_by_key(|&secret| (secret == "lost", secret));
    secrets.dedup();
    for (secret, node) in secrets.iter().flat_map(|secret| NODES.map(|node| (secret, node))) {
        apply(&pod(node, secret, &rows)).await;
    }
    let found = until_all_are_told(&rows).await;
    lost.end().await;
    let wanted = rows.iter().flat_map(|row| row.causes);
    let wrong: Vec<_> = found
        .iter()
        .zip(wanted)
        .filter(|((_, causes, _), want)| *causes != BTreeSet::from([(*want).to_owned()]))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let lacking =
        kubectl(&["get", "events", "--field-selector=reason=FailedToRetrieveImagePullSecret", "-o", "json"]).await;
    let lacking: Value = serde_json::from_str(&lacking).expect("json");
    let said = lacking["items"].as_array().into_iter().flatten().map(|e| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&e["involvedObject"]["name"]), meaning("FailedToRetrieveImagePullSecret", &text(&e["message"])))
    });
    let said: BTreeSet<_> = said.collect();
    assert_eq!(said, NODES.map(|node| (format!("absent-{node}"), Some("SECRET_ABSENT"))).into());
    held_back().await;
    kubectl(&["delete", "pods", "--all"]).await;
    kubectl(&["delete", "secrets", "wrong", "right"]).await;
    job.down_to_nothing().await;
    assert_eq!(left().await, before);
}
