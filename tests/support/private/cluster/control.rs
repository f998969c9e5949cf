//! The control plane: etcd, API server, controllers, scheduler, and the proxy that makes Services reachable.

use std::io;
use std::path::Path;

use super::Kubectl;
use super::keys::Keys;
use super::node::SYSTEM;
use crate::private::address::CLUSTERS;
use crate::private::part::Part;
use crate::tools::program;

/// Where pods are, all nodes together.
pub const PODS: &str = "10.88.0.0/16";
/// Where Services are.
const SERVICES: &str = "10.96.0.0/16";
/// Requests a second and at once: enough that a client's own limit is not what a test waits for.
const RATES: [&str; 2] = ["--kube-api-qps=500", "--kube-api-burst=1000"];

/// Starts all of it, in order; ready when the API server says so.
///
/// # Errors
/// When a tool is missing or ends.
pub async fn start(folder: &Path, keys: &Keys) -> io::Result<Vec<Part>> {
    let part = |name: &str, args: Vec<String>| Part::start(folder, name, &program("cluster", name)?, &args);
    let etcd = part("etcd", etcd(folder))?;
    let mut api = part("kube-apiserver", api_server(keys))?;
    let kubectl = Kubectl::new(&keys.kubeconfig("admin"))?;
    api.until(async || kubectl.run("get --raw /readyz").await.is_ok()).await?;
    let controllers = part("kube-controller-manager", controllers(keys))?;
    let scheduler = part("kube-scheduler", with(keys, "scheduler", &["--leader-elect=false"]))?;
    let proxy = part("kube-proxy", proxy(keys))?;
    Ok(vec![etcd, api, controllers, scheduler, proxy])
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// What signs in by kubeconfig, with the common rates.
fn with(keys: &Keys, name: &str, further: &[&str]) -> Vec<String> {
    let kubeconfig = format!("--kubeconfig={}", keys.kubeconfig(name).display());
    [vec![kubeconfig], owned(&RATES), owned(further)].concat()
}

fn etcd(folder: &Path) -> Vec<String> {
    let clients = "http://127.0.0.1:2379";
    let data = folder.join("etcd").display().to_string();
    let words = ["--data-dir", &data, "--listen-client-urls", clients, "--advertise-client-urls", clients];
    // Everything is in memory anyway.
    [owned(&words), owned(&["--listen-peer-urls", "http://127.0.0.1:2380", "--unsafe-no-fsync"])].concat()
}

fn api_server(keys: &Keys) -> Vec<String> {
    let authority = keys.authority();
    let files = [
        ("tls-cert-file", keys.certificate("serving")),
        ("tls-private-key-file", keys.key("serving")),
        ("client-ca-file", authority.clone()),
        ("service-account-key-file", keys.certificate("service-accounts")),
        ("service-account-signing-key-file", keys.key("service-accounts")),
        ("kubelet-client-certificate", keys.certificate("api-server")),
        ("kubelet-client-key", keys.key("api-server")),
        ("kubelet-certificate-authority", authority),
    ];
    let fixed = [
        "--etcd-servers=http://127.0.0.1:2379",
        "--secure-port=443",
        "--authorization-mode=Node,RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--kubelet-preferred-address-types=InternalIP,Hostname",
        "--allow-privileged",
    ];
    let places = [
        format!("--bind-address={CLUSTERS}"),
        format!("--advertise-address={CLUSTERS}"),
        format!("--service-cluster-ip-range={SERVICES}"),
    ];
    let files = files.map(|(flag, path)| format!("--{flag}={}", path.display()));
    [owned(&fixed), places.to_vec(), files.to_vec()].concat()
}

fn controllers(keys: &Keys) -> Vec<String> {
    let signing = format!("--service-account-private-key-file={}", keys.key("service-accounts").display());
    let roots = format!("--root-ca-file={}", keys.authority().display());
    let further = ["--use-service-account-credentials", "--leader-elect=false", &signing, &roots];
    with(keys, "controller-manager", &further)
}

/// One proxy for both nodes: they share one network, and it is the network that is told where Services are.
fn proxy(keys: &Keys) -> Vec<String> {
    let fixed = [
        "--proxy-mode=iptables",
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0",
        "--conntrack-tcp-timeout-close-wait=0",
    ];
    let own = [
        format!("--kubeconfig={}", keys.kubeconfig("proxy").display()),
        format!("--hostname-override={}", SYSTEM.name),
        format!("--cluster-cidr={PODS}"),
    ];
    [owned(&fixed), own.to_vec()].concat()
}
