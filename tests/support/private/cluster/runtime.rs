//! The containerd of a node, in a mount namespace in which the kubelet joins it: the kubelet's folder is a constant of
//! Kubernetes that plugins and volumes go by, and each node has its own there.

use std::io;
use std::path::{Path, PathBuf};

use mops_host::fsx;

use super::images::{Held, PAUSE};
use crate::private::part::Part;
use crate::private::run::{self, run};
use crate::tools;

/// Where a kubelet keeps everything and finds its plugins.
const KUBELET: &str = "/var/lib/kubelet";

/// Which containerd. They word what a registry refuses differently, so a cluster has one node of each.
#[derive(Clone, Copy, Debug)]
pub enum Release {
    /// 1.6, as Debian 12 has it.
    Debian,
    /// 2.1, of `tests/tools`.
    Module,
}

impl Release {
    /// The folder of its programs, among them its shim.
    fn programs(self) -> io::Result<PathBuf> {
        match self {
            Self::Debian => Ok(PathBuf::from("/usr/bin")),
            Self::Module => tools::folder("containerd"),
        }
    }

    /// Without `restrict_oom_score_adj` every pod dies where that score may not be lowered.
    fn settings(self, folder: &Path) -> String {
        let (folder, version) = (folder.display(), self.version());
        let own = match self {
            Self::Debian => format!(
                r#"[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{folder}/cni"
"#
            ),
            Self::Module => format!(
                r#"[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "{PAUSE}"
[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["/usr/lib/cni"]
conf_dir = "{folder}/cni"
"#
            ),
        };
        format!(
            r#"version = {version}
root = "{folder}/containerd/root"
state = "{folder}/containerd/state"
[grpc]
address = "{folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{folder}/containerd/opt"
{own}"#
        )
    }

    /// Of the settings' form.
    const fn version(self) -> u8 {
        match self {
            Self::Debian => 2,
            Self::Module => 3,
        }
    }
}

/// A containerd that runs.
#[derive(Debug)]
pub struct Runtime {
    part: Part,
    client: String,
}

impl Runtime {
    /// Starts one whose files are in `folder`; ready when it answers.
    ///
    /// # Errors
    /// When it is not there or ends.
    pub async fn start(release: Release, folder: &Path) -> io::Result<Self> {
        let programs = release.programs()?;
        let config = folder.join("containerd.toml");
        fsx::replace(&config, release.settings(folder).as_bytes())?;
        let words = ["--mount", &programs.join("containerd").display().to_string(), "--config"].map(str::to_owned);
        let words = [words.to_vec(), vec![config.display().to_string()]].concat();
        // The shim must be on its path.
        let path = format!("{}:{}", programs.display(), run::SYSTEM);
        let mut part =
            Part::start_with(folder, "containerd", Path::new("/usr/bin/unshare"), &words, &[("PATH", path)])?;
        let client = format!("{}/ctr -a {}/containerd.sock", programs.display(), folder.display());
        part.until(async || run(&format!("{client} version")).await.is_ok()).await?;
        let runtime = Self { part, client };
        let own = folder.join("kubelet");
        fsx::create_dir_all(&own)?;
        fsx::create_dir_all(Path::new(KUBELET))?;
        run(&format!("nsenter {} mount --bind {} {KUBELET}", runtime.inside(), own.display())).await?;
        Ok(runtime)
    }

    /// The word by which `nsenter` starts something where this runtime is.
    #[must_use]
    pub fn inside(&self) -> String {
        format!("--mount=/proc/{}/ns/mnt", self.part.id())
    }

    /// Gives it an image that no registry has.
    ///
    /// # Errors
    /// When it does not take it.
    pub async fn hold(&self, image: Held, archive: PathBuf) -> io::Result<()> {
        run(&format!("{} -n k8s.io images import {}", self.client, archive.display())).await?;
        if let Some(name) = image.further_name() {
            run(&format!("{} -n k8s.io images tag {} {name}", self.client, image.name())).await?;
        }
        Ok(())
    }
}
