//! Keys, certificates and kubeconfigs of the cluster, all signed by the world's authority.

use std::io;
use std::path::{Path, PathBuf};

use mops_host::fsx;

use super::node::{GPU, SYSTEM};
use super::{CONTEXT, SERVER};
use crate::private::address::CLUSTERS;
use crate::tls::{Authority, Identity, Leaf};

/// Everybody who signs in to the API server with a certificate: file, organisation and name.
const CLIENTS: [(&str, &str, &str); 7] = [
    ("admin", "system:masters", "admin"),
    ("api-server", "system:masters", "api-server"),
    ("controller-manager", "", "system:kube-controller-manager"),
    ("scheduler", "", "system:kube-scheduler"),
    ("proxy", "", "system:kube-proxy"),
    (SYSTEM.name, "system:nodes", "system:node:system"),
    (GPU.name, "system:nodes", "system:node:gpu"),
];

/// The folder that holds them.
#[derive(Debug)]
pub struct Keys {
    folder: PathBuf,
}

impl Keys {
    /// Makes and writes them all.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(folder: &Path, authority: &Authority) -> io::Result<Self> {
        fsx::create_dir_all(folder)?;
        let keys = Self { folder: folder.to_owned() };
        fsx::replace(&keys.authority(), authority.pem().as_bytes())?;
        let api = CLUSTERS.to_string();
        let names = ["*.hcp.eastus2.azmk8s.io", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
        let addresses = ["10.96.0.1", &api];
        keys.put("serving", &authority.leaf(Leaf::Good, &[&names[..], &addresses[..]].concat()))?;
        for node in [&SYSTEM, &GPU] {
            let leaf = authority.leaf(Leaf::Good, &[node.name, &node.address.to_string()]);
            keys.put(&format!("{}-serving", node.name), &leaf)?;
        }
        for (file, organisation, name) in CLIENTS {
            keys.put(file, &authority.client(organisation, name))?;
            fsx::replace(&keys.kubeconfig(file), keys.config(file).as_bytes())?;
        }
        // Its key signs the tokens of service accounts; its certificate only shows the other half of the key.
        keys.put("service-accounts", &authority.client("", "service-accounts"))?;
        Ok(keys)
    }

    fn put(&self, name: &str, identity: &Identity) -> io::Result<()> {
        fsx::replace(&self.certificate(name), identity.certificate_pem.as_bytes())?;
        fsx::replace(&self.key(name), identity.key_pem.as_bytes())
    }

    /// The authority's certificate.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority.crt")
    }

    /// The certificate of this name.
    #[must_use]
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.crt"))
    }

    /// The key of this name.
    #[must_use]
    pub fn key(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }

    /// The kubeconfig of this client.
    #[must_use]
    pub fn kubeconfig(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.kubeconfig"))
    }

    fn config(&self, name: &str) -> String {
        let (authority, certificate, key) = (self.authority(), self.certificate(name), self.key(name));
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {CONTEXT}\n\
             clusters:\n- name: {CONTEXT}\n  cluster: {{server: \"{SERVER}\", certificate-authority: {}}}\n\
             users:\n- name: {name}\n  user: {{client-certificate: {}, client-key: {}}}\n\
             contexts:\n- name: {CONTEXT}\n  context: {{cluster: {CONTEXT}, user: {name}}}\n",
            authority.display(),
            certificate.display(),
            key.display(),
        )
    }
}
