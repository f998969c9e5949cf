//! Promise: a private world dies without a trace, whoever of those who hold it is killed: no process, no mount, no link,
//! no group in the cgroup tree. Root is not needed for what needs no other user.

use std::path::Path;
use std::time::Duration;

use mops_host::clock::{Clock as _, SystemClock};
use mops_host::proc::Command;
use mops_host::{Env, fsx};
use mops_tests::place::{Place, bin_dir};
use mops_tests::private::{cgroup, cluster};
use mops_tests::program::Running;
use mops_tests::skip::skipped;
use rustix::process::{Pid, Signal, kill_process};

#[path = "private_world/alone.rs"]
mod alone;

/// A process in a group of the world, as a pod would be, and one that has left its parents.
const COMMAND: &str = "for h in /sys/fs/cgroup/*/\"$MOPS_WORLD_GROUP\"; do mkdir \"$h/pod\"; echo $$ > \"$h/pod/cgroup.procs\" || true; done
setsid sleep \"$0\" & echo inside; exec sleep \"$0\"";
const PROGRAMS: [&str; 6] =
    ["/usr/bin/unshare", "/usr/bin/setpriv", "/usr/bin/setsid", "/usr/sbin/dnsmasq", "/usr/sbin/ip", "/usr/bin/mount"];
/// Three times what the end takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The processes whose command line holds a text.
fn processes(text: &str) -> Vec<(i32, String)> {
    let entries = std::fs::read_dir("/proc").expect("the processes").filter_map(Result::ok);
    let ids = entries.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    let line = |id: i32| Some((id, fsx::read_text(Path::new(&format!("/proc/{id}/cmdline"))).ok()?.replace('\0', " ")));
    ids.filter_map(line).filter(|(_, line)| line.contains(text)).collect()
}

fn machine() -> (String, Vec<String>) {
    let mounts = fsx::read_text(Path::new("/proc/self/mounts")).expect("the mounts");
    let links = std::fs::read_dir("/sys/class/net").expect("the links").filter_map(Result::ok);
    let mut links: Vec<String> = links.map(|l| l.file_name().to_string_lossy().into_owned()).collect();
    links.sort();
    (mounts, links)
}

/// Whether this machine lets root have a world.
async fn may() -> bool {
    let unshare = Command {
        program: "/usr/bin/unshare".into(),
        args: ["--net", "--mount", "--pid", "--fork", "--mount-proc", "true"].map(str::to_owned).to_vec(),
        env: Vec::new(),
        stdin: None,
        timeout: PATIENCE,
        max_output: 1 << 16,
    };
    rustix::process::geteuid().is_root()
        && PROGRAMS.iter().all(|p| Path::new(p).exists())
        && unshare.run().await.is_ok_and(|output| output.success())
}

/// Waits for what must come by itself.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let clock = SystemClock::new();
    while !holds() {
        assert!(clock.monotonic() < PATIENCE, "{what}");
        clock.sleep(Duration::from_millis(20)).await;
    }
}

/// A world with something in it; its number of seconds to sleep is its own.
struct Held {
    running: Running,
    world: String,
    sleep: String,
}

impl Held {
    async fn start(place: &Place, furniture: &[&str], seconds: usize) -> Self {
        let seconds = seconds.to_string();
        let words = [&["run"], furniture, &["sh", "-c", COMMAND, &seconds]].concat();
        let mut running = Running::start(place, "mops-world", &words);
        let lines = running.lines();
        assert_eq!(lines.recv_timeout(PATIENCE).as_deref(), Ok("inside"), "the world did not come up");
        let held = Self { world: format!("mops-{}", running.id()), sleep: format!("sleep {seconds} "), running };
        until("both sleep", || processes(&held.sleep).len() == 2).await;
        assert!(!cgroup::of(&held.world).is_empty(), "the world has no group");
        held
    }

    /// Kills one of those who hold the world.
    fn kill(&self, who: &str) {
        if who == "holder" {
            return self.running.signal(Signal::KILL);
        }
        let begins = |line: &str| line.starts_with("unshare ") == (who == "unshare");
        let verb = if who == "unshare" { "init" } else { who };
        let found = processes(&format!("mops-world {verb} {} ", self.world));
        let (id, _) = found.into_iter().find(|(_, line)| begins(line)).unwrap_or_else(|| panic!("no {who}"));
        kill_process(Pid::from_raw(id).expect("an id"), Signal::KILL).expect("a signal");
    }

    async fn is_gone(&self) {
        let sweeper = format!("mops-world sweep {} ", self.world);
        let gone = || processes(&self.sleep).is_empty() && processes(&sweeper).is_empty();
        until("processes or groups are left", || gone() && cgroup::of(&self.world).is_empty()).await;
    }
}

#[tokio::test]
async fn whoever_is_killed_nothing_is_left() {
    if !may().await {
        skipped("world", "a killed world leaves nothing");
        return;
    }
    let place = Place::new();
    let before = machine();
    for (number, who) in ["holder", "unshare", "init", "serve"].into_iter().enumerate() {
        let held = Held::start(&place, &[], 86_400 + number).await;
        held.kill(who);
        held.is_gone().await;
        assert_eq!(machine(), before, "{who}");
    }
}

#[tokio::test]
async fn a_killed_world_takes_its_cluster_with_it() {
    if !may().await || !cluster::is_built() || !bin_dir().join("mops-probe-static").exists() {
        skipped("cluster", "a killed world takes its cluster with it");
        return;
    }
    let mut place = Place::new();
    for name in ["HOME", "XDG_CACHE_HOME"] {
        Env::process().get(name).into_iter().for_each(|value| place.set(name, value));
    }
    let before = machine();
    let held = Held::start(&place, &["--cluster"], 86_500).await;
    let of_nodes = || ["system", "gpu"].map(|node| processes(&format!("/run/mops-world/{node}/")).len());
    assert!(of_nodes().iter().all(|&parts| parts >= 2), "a containerd and a kubelet each");
    held.running.signal(Signal::KILL);
    held.is_gone().await;
    until("parts of nodes are left", || of_nodes() == [0, 0]).await;
    assert_eq!(machine(), before);
}

#[tokio::test]
async fn a_command_ends_the_world_with_its_own_code() {
    if !may().await {
        skipped("world", "the exit code of a command in a world");
        return;
    }
    let place = Place::new();
    let output = place.run(&["mops-world", "run", "sh", "-c", "echo $MOPS_WORLD; exit 7"]).await;
    assert_eq!((output.code, String::from_utf8_lossy(&output.stdout).trim()), (Some(7), "/run/mops-world"));
    let output = place.run(&["mops-world", "run", "sh", "-c", "kill -9 $$"]).await;
    assert_eq!(output.code, Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}
