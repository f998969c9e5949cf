//! Images with something that runs: busybox of the machine, and programs with the names that a workload starts.

use std::io;
use std::path::{Path, PathBuf};

use mops_diagnose::request::PROBE_IMAGE;
use mops_host::fsx;

use crate::image::{Entry, Image};
use crate::private::run::run;
use crate::private::trust::BUNDLE;
use crate::tools::program;

/// What keeps the namespaces of a pod.
pub const PAUSE: &str = "localhost/pause:1";
/// NVIDIA's plugin by the digest that `mops` names. Nothing but NVIDIA's own image has that digest; a node that holds
/// another image under this name starts that one.
const NVIDIAS_PLUGIN: &str =
    "nvcr.io/nvidia/k8s-device-plugin@sha256:7089559ce6153018806857f5049085bae15b3bf6f1c8bd19d8b12f707d087dea";
/// `sleep infinity` ends at once in some builds of busybox; process 1 of a container ends by SIGTERM only when it says so.
const SLEEP: &str = "#!/bin/busybox sh\ntrap 'exit 0' TERM\n/bin/busybox sleep 1000000 & wait\n";
/// Listens where Dask's scheduler does, and says there how it is.
const SCHEDULER: &str = "#!/bin/busybox sh
trap 'exit 0' TERM
/bin/busybox httpd -f -p 8787 -h /srv &
/bin/busybox httpd -f -p 8786 -h /srv & wait
";
/// Like Dask's worker it lives on its scheduler: it stays only when it has reached the address that it was told.
const WORKER: &str = "#!/bin/busybox sh
trap 'exit 0' TERM
address=${1#tcp://}
until /bin/busybox wget -q -O /dev/null \"http://$address/\"; do /bin/busybox sleep 1; done
echo \"reached $address\"
/bin/busybox sleep 1000000 & wait
";

/// What the Kubernetes referee has for a probe: it says what it is told to.
const PROBE: &str = "
case $1 in
say) shift; for word; do echo \"$word\"; done ;;
warn) echo \"$2\" >&2 ;;
copy) while read -r line; do echo \"got $line\"; done ;;
end) exit \"$2\" ;;
esac
";

/// The program of that probe, for one of this machine's shells.
#[must_use]
pub fn probe(shell: &str) -> String {
    format!("#!{shell}{PROBE}")
}

/// An image with busybox and all of these programs.
///
/// # Errors
/// When the machine has no static busybox.
pub fn workload(name: &str) -> io::Result<Image> {
    let busybox = fsx::read(Path::new("/bin/busybox"))?;
    let program = |path, text: &'static str| Entry { path, mode: 0o755, content: text.as_bytes() };
    let probe = probe("/bin/busybox sh");
    let entries = [
        Entry { path: "bin/busybox", mode: 0o755, content: &busybox },
        program("bin/pause", SLEEP),
        program("bin/dask-scheduler", SCHEDULER),
        program("bin/dask-worker", WORKER),
        Entry { path: "bin/mops-probe", mode: 0o755, content: probe.as_bytes() },
        Entry { path: "srv/index.html", mode: 0o644, content: b"scheduler\n" },
        Entry { path: "srv/health", mode: 0o644, content: b"ok" },
    ];
    Image::of(name, &entries, &["/bin/pause"])
}

/// The probe as one file that needs nothing of the image around it; `make probe` puts it beside the other programs.
fn static_probe() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("mops-probe-static");
    let missing = || io::Error::other(format!("`{}` is not built: run `make probe`", path.display()));
    if path.is_file() { Ok(path) } else { Err(missing()) }
}

/// An image that nodes hold from the start, since no registry of the world has it.
#[derive(Clone, Copy, Debug)]
pub enum Held {
    /// [`PAUSE`].
    Pause,
    /// A device plugin with one GPU, under the name of NVIDIA's.
    DevicePlugin,
    /// The probe under the name that `mops` starts it by, and the world's roots, since the test authority signs there.
    Probe,
}

impl Held {
    /// Its own name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pause => PAUSE,
            Self::DevicePlugin => "localhost/device-plugin:1",
            Self::Probe => PROBE_IMAGE,
        }
    }

    /// The name of an image that it stands for.
    #[must_use]
    pub const fn further_name(self) -> Option<&'static str> {
        match self {
            Self::Pause | Self::Probe => None,
            Self::DevicePlugin => Some(NVIDIAS_PLUGIN),
        }
    }

    fn image(self) -> io::Result<Image> {
        match self {
            Self::Pause => workload(self.name()),
            Self::DevicePlugin => {
                let program = fsx::read(&program("device-plugin", "device-plugin")?)?;
                let entries = [Entry { path: "bin/device-plugin", mode: 0o755, content: &program }];
                // The kubelet's folder of plugins is root's.
                Image::run_by("0", self.name(), &entries, &["/bin/device-plugin"])
            }
            Self::Probe => {
                let (program, roots) = (fsx::read(&static_probe()?)?, fsx::read(Path::new(BUNDLE))?);
                let entries = [
                    Entry { path: "bin/mops-probe", mode: 0o755, content: &program },
                    Entry { path: BUNDLE.trim_start_matches('/'), mode: 0o644, content: &roots },
                ];
                Image::of(self.name(), &entries, &["/bin/mops-probe"])
            }
        }
    }

    /// It as an archive, made once a world.
    ///
    /// # Errors
    /// When something that it holds is missing, or it cannot be written.
    pub async fn archive(self, world: &Path) -> io::Result<PathBuf> {
        let layout = world.join("images").join(self.name());
        let archive = layout.with_extension("tar");
        if !archive.exists() {
            self.image()?.write_layout(&layout)?;
            run(&format!("tar -C {} -cf {} .", layout.display(), archive.display())).await?;
        }
        Ok(archive)
    }
}
