//! A real Kubernetes in the world: etcd, API server, controllers, scheduler and proxy, and two nodes with a containerd
//! and a kubelet each. One node is for everything, one is tainted for GPUs. Versions are those of `tests/tools`.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Child;

use self::keys::Keys;
use self::node::{GPU, Node, Running, SYSTEM};
use super::names;
use super::part::Part;
use super::run::run;
use crate::tls::Authority;
use crate::tools::{self, program};

pub mod control;
pub mod images;
pub mod keys;
pub mod node;
pub mod runtime;
pub mod services;

/// The API server by its address; a managed cluster's kubeconfig has a name for it.
pub const SERVER: &str = "https://10.89.0.15:443";
/// The context of the kubeconfig.
pub const CONTEXT: &str = "lab";

/// The modules of `tests/tools` that it is made of.
const MODULES: [&str; 3] = ["cluster", "containerd", "device-plugin"];

/// Whether `make tools` has built them all.
#[must_use]
pub fn is_built() -> bool {
    MODULES.iter().all(|module| tools::folder(module).is_ok_and(|folder| folder.is_dir()))
}

/// A running cluster; it ends with the world.
#[derive(Debug)]
pub struct Cluster {
    _control: Vec<Part>,
    _nodes: Vec<Running>,
    _names: Child,
    kubeconfig: PathBuf,
}

impl Cluster {
    /// Starts it and waits until both nodes take pods.
    ///
    /// # Errors
    /// When a tool is missing or a part does not get ready, with its own words.
    pub async fn start(folder: &Path, group: &str, authority: &Authority) -> io::Result<Self> {
        let keys = Keys::write(&folder.join("keys"), authority)?;
        let control = control::start(folder, &keys).await?;
        let kubectl = Kubectl::new(&keys.kubeconfig("admin"))?;
        let mut nodes = vec![SYSTEM.start(folder, group, &keys).await?, GPU.start(folder, group, &keys).await?];
        for Running { node, kubelet, .. } in &mut nodes {
            kubelet.until(async || kubectl.is_ready(node).await).await?;
            // The first pod of a namespace is refused before this is there.
            kubelet.until(async || kubectl.run("get serviceaccount default").await.is_ok()).await?;
        }
        let kubeconfig = keys.kubeconfig("admin");
        let names = services::follow(&program("cluster", "kubectl")?, &kubeconfig, names::folder(folder))?;
        Ok(Self { _control: control, _nodes: nodes, _names: names, kubeconfig })
    }

    /// The kubeconfig of its administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }
}

/// `kubectl` with one kubeconfig.
struct Kubectl {
    start: String,
}

impl Kubectl {
    fn new(kubeconfig: &Path) -> io::Result<Self> {
        let program = program("cluster", "kubectl")?;
        Ok(Self { start: format!("{} --kubeconfig {}", program.display(), kubeconfig.display()) })
    }

    async fn run(&self, words: &str) -> io::Result<String> {
        run(&format!("{} {words}", self.start)).await
    }

    async fn is_ready(&self, node: &Node) -> bool {
        let path = "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}";
        self.run(&format!("get node {} -o {path}", node.name)).await.is_ok_and(|status| status == "True")
    }
}
