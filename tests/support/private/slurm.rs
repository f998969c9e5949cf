//! SLURM of the world: the real scheduler behind the login node, with its own sign-in service and three nodes on this
//! machine. Two of them have GPUs that exist as device files only. Its logs are in the world's folder `slurm`, what jobs
//! and users need in [`FOLDER`].

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use mops_host::{fsx, random};

use super::part::Part;
use super::run::run;

/// What everybody on the host may read.
pub const FOLDER: &str = "/run/slurm";
/// The configuration, which sessions of the login node get by a variable.
pub const CONFIG: &str = "/run/slurm/slurm.conf";
/// Nodes: the last one has no GPU.
pub const NODES: [&str; 3] = ["g1", "g2", "c1"];
/// Where the sign-in service listens, by the constant path of its clients.
const SOCKET: &str = "/run/munge/munge.socket.2";
const PROGRAMS: [&str; 4] = ["/usr/sbin/munged", "/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/bin/sbatch"];
/// The first port of the scheduler; each node has one of the next.
const PORT: usize = 16_817;

/// Whether the programs are there; without them the login node has no SLURM.
#[must_use]
pub fn installed() -> bool {
    PROGRAMS.iter().all(|program| Path::new(program).exists())
}

/// Starts it. A job can be submitted as soon as the scheduler answers, and runs once its node has reported.
///
/// # Errors
/// When a part ends at once, with its own words.
pub async fn start(world: &Path) -> io::Result<Vec<Part>> {
    let logs = world.join("slurm");
    for folder in [&logs, Path::new(FOLDER), &spool("state"), &spool("spool"), Path::new("/run/munge")] {
        fsx::create_dir_all(folder)?;
        std::fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    }
    let key = logs.join("key");
    fsx::replace(&key, random::hex::<64>().as_bytes())?;
    std::fs::set_permissions(&key, Permissions::from_mode(0o600))?;
    for number in 0..2 {
        run(&format!("mknod -m 666 {FOLDER}/gpu{number} c 1 3")).await?;
    }
    let host = run("hostname").await?;
    public("slurm.conf", &configuration(host.trim()))?;
    public("gres.conf", &gres())?;
    let mut munge = part(&logs, "munged", PROGRAMS[0], &munge_words(&logs, &key))?;
    munge.until(async || Path::new(SOCKET).exists()).await?;
    let mut parts = vec![munge, part(&logs, "slurmctld", PROGRAMS[1], &["-D", "-f", CONFIG].map(str::to_owned))?];
    for node in NODES {
        let words = ["-D", "-f", CONFIG, "-N", node].map(str::to_owned);
        parts.push(part(&logs, &format!("slurmd-{node}"), PROGRAMS[2], &words)?);
    }
    Ok(parts)
}

fn spool(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

fn public(name: &str, text: &str) -> io::Result<()> {
    let path = Path::new(FOLDER).join(name);
    fsx::replace(&path, text.as_bytes())?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o644))
}

fn part(logs: &Path, name: &str, program: &str, words: &[String]) -> io::Result<Part> {
    Part::start_with(logs, name, Path::new(program), words, &[("SLURM_CONF", CONFIG.to_owned())])
}

/// All that it writes stays in the world.
fn munge_words(logs: &Path, key: &Path) -> Vec<String> {
    let logs = logs.display();
    let mut words = vec!["--foreground".to_owned(), "--force".to_owned(), format!("--socket={SOCKET}")];
    words.push(format!("--key-file={}", key.display()));
    words.extend(["pid", "log", "seed"].map(|kind| format!("--{kind}-file={logs}/munged.{kind}-file")));
    words
}

fn configuration(host: &str) -> String {
    let nodes: String = NODES
        .iter()
        .enumerate()
        .map(|(at, node)| {
            let gpus = ["Gres=gpu:nvidia_h200:2", "Gres=gpu:nvidia_a100:2"].get(at).copied().unwrap_or_default();
            let port = PORT + 2 + at;
            format!("NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=4 RealMemory=500 {gpus}\n")
        })
        .collect();
    let (port, node_port) = (PORT, PORT + 1);
    format!(
        "ClusterName=world\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={port}\nSlurmdPort={node_port}\n\
         SlurmUser=root\nAuthType=auth/munge\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n\
         JobAcctGatherType=jobacct_gather/none\nAccountingStorageType=accounting_storage/none\n\
         SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nSlurmdParameters=config_overrides\n\
         ReturnToService=2\nMpiDefault=none\nSwitchType=switch/none\nGresTypes=gpu\n\
         StateSaveLocation={FOLDER}/state\nSlurmdSpoolDir={FOLDER}/spool/%n\n\
         SlurmctldPidFile={FOLDER}/slurmctld.pid\nSlurmdPidFile={FOLDER}/slurmd.%n.pid\n\
         SlurmctldDebug=info\nSlurmdDebug=info\n{nodes}\
         PartitionName=shared Nodes=c1 Default=YES MaxTime=INFINITE State=UP\n\
         PartitionName=kill-shared Nodes=g1,g2 MaxTime=INFINITE State=UP\n\
         PartitionName=sandbox Nodes=g2 MaxTime=INFINITE State=UP\n"
    )
}

fn gres() -> String {
    format!(
        "NodeName=g1 Name=gpu Type=nvidia_h200 File={FOLDER}/gpu[0-1]\n\
         NodeName=g2 Name=gpu Type=nvidia_a100 File={FOLDER}/gpu[0-1]\n"
    )
}
