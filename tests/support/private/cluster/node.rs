//! A node: a containerd and a kubelet with files, a network for pods and a group in the cgroup tree of their own, since
//! two kubelets on one machine remove what they do not know.

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use mops_host::fsx;

use super::images::Held;
use super::keys::Keys;
use super::runtime::{Release, Runtime};
use crate::private::address::{GPU_NODE, SYSTEM_NODE, WORLD};
use crate::private::cgroup;
use crate::private::part::Part;
use crate::tools::program;

/// The node for everything.
pub const SYSTEM: Node = Node {
    name: "system",
    address: SYSTEM_NODE,
    number: 1,
    taints: "[]",
    health: 10248,
    release: Release::Module,
    images: &[Held::Pause, Held::Probe],
};
/// The node that only tolerant pods get. Its GPU appears when a device plugin reports it.
pub const GPU: Node = Node {
    name: "gpu",
    address: GPU_NODE,
    number: 2,
    taints: "[{key: sku, value: gpu, effect: NoSchedule}]",
    health: 10258,
    release: Release::Debian,
    images: &[Held::Pause, Held::Probe, Held::DevicePlugin],
};

/// A node that runs, though it may not be ready.
#[derive(Debug)]
pub struct Running {
    /// Which.
    pub node: &'static Node,
    /// What makes it ready.
    pub kubelet: Part,
    _runtime: Runtime,
}

/// What a node is.
#[derive(Debug)]
pub struct Node {
    /// Its name, which is also that of its pool.
    pub name: &'static str,
    /// Where its kubelet listens.
    pub address: Ipv4Addr,
    /// Which of the networks of pods is its own.
    number: u8,
    taints: &'static str,
    health: u16,
    release: Release,
    /// What it holds from the start.
    images: &'static [Held],
}

impl Node {
    /// Starts its runtime, gives it the images that no registry has, and starts its kubelet.
    ///
    /// # Errors
    /// When a tool is missing or ends.
    pub async fn start(&'static self, world: &Path, group: &str, keys: &Keys) -> io::Result<Running> {
        let folder = world.join(self.name);
        cgroup::make(&format!("{group}/{}", self.name))?;
        fsx::create_dir_all(&folder.join("cni"))?;
        fsx::replace(&folder.join("cni/10-pods.conflist"), self.network(&folder).as_bytes())?;
        fsx::replace(&folder.join("kubelet.yaml"), self.kubelet(&folder, group, keys).as_bytes())?;
        let runtime = Runtime::start(self.release, &folder).await?;
        for image in self.images {
            runtime.hold(*image, image.archive(world).await?).await?;
        }
        let kubelet = program("cluster", "kubelet")?.display().to_string();
        let words = [vec![runtime.inside(), kubelet], self.flags(&folder, keys)].concat();
        let kubelet = Part::start(&folder, "kubelet", Path::new("/usr/bin/nsenter"), &words)?;
        Ok(Running { node: self, kubelet, _runtime: runtime })
    }

    fn flags(&self, folder: &Path, keys: &Keys) -> Vec<String> {
        let pool = self.name;
        vec![
            format!("--config={}", folder.join("kubelet.yaml").display()),
            format!("--kubeconfig={}", keys.kubeconfig(pool).display()),
            format!("--hostname-override={pool}"),
            format!("--node-ip={}", self.address),
            format!("--node-labels=agentpool={pool},kubernetes.azure.com/agentpool={pool}"),
        ]
    }

    fn network(&self, folder: &Path) -> String {
        let (number, leases) = (self.number, folder.join("leases"));
        format!(
            r#"{{"cniVersion": "0.4.0", "name": "pods{number}", "plugins": [
  {{"type": "bridge", "bridge": "pods{number}", "isGateway": true, "ipMasq": false,
   "ipam": {{"type": "host-local", "dataDir": "{}", "ranges": [[{{"subnet": "10.88.{number}.0/24"}}]],
            "routes": [{{"dst": "0.0.0.0/0"}}]}}}},
  {{"type": "portmap", "capabilities": {{"portMappings": true}}}}
]}}
"#,
            leases.display()
        )
    }

    fn kubelet(&self, folder: &Path, group: &str, keys: &Keys) -> String {
        let serving = format!("{}-serving", self.name);
        let (authority, certificate, key) = (keys.authority(), keys.certificate(&serving), keys.key(&serving));
        format!(
            "apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: {address}
healthzPort: {health}
authentication: {{anonymous: {{enabled: false}}, webhook: {{enabled: true}}, x509: {{clientCAFile: {authority}}}}}
authorization: {{mode: Webhook}}
tlsCertFile: {certificate}
tlsPrivateKeyFile: {key}
registerWithTaints: {taints}
containerRuntimeEndpoint: unix://{folder}/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /{group}/{name}
enforceNodeAllocatable: []
failSwapOn: false
failCgroupV1: false
oomScoreAdj: 0
clusterDNS: [{WORLD}]
clusterDomain: cluster.local
nodeStatusUpdateFrequency: 1s
podLogsDir: {folder}/logs
volumePluginDir: {folder}/plugins
evictionHard: {{memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}}
",
            address = self.address,
            health = self.health,
            taints = self.taints,
            name = self.name,
            authority = authority.display(),
            certificate = certificate.display(),
            key = key.display(),
            folder = folder.display(),
        )
    }
}
