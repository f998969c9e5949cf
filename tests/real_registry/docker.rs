//! docker, with a daemon of its own that has no bridge and runs no container.

use std::path::Path;

use mops_tests::real::daemon::{Daemon, Ready};
use mops_tests::skip::skipped;

use super::{Desk, targets, there};

/// Starts the daemon in the desk's folder and points the client at it.
async fn daemon(desk: &mut Desk) -> Daemon {
    let dir = desk.path("docker").display().to_string();
    let socket = desk.path("docker.sock");
    let host = format!("unix://{}", socket.display());
    let flag = |name: &str| format!("--{name}={dir}/{name}");
    let args = [flag("data-root"), flag("exec-root"), flag("pidfile"), format!("--host={host}")];
    let fixed = ["--bridge=none", "--iptables=false", "--storage-driver=vfs", "--log-level=error"];
    // It mounts its folder over itself, and leaves that behind when it is killed.
    let args: Vec<&str> =
        ["--mount", "--", "dockerd"].into_iter().chain(args.iter().map(String::as_str)).chain(fixed).collect();
    let env = desk.env.iter().filter(|(name, _)| name != "PATH");
    let env: Vec<(&str, &str)> = env.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let daemon = Daemon::start("unshare", &args, &env, Ready::Socket(&socket)).await.expect("a daemon");
    desk.env.push(("DOCKER_HOST".into(), host));
    daemon
}

#[tokio::test]
async fn docker_works_at_both() {
    const TEST: &str = "docker at the fake and at docker-registry";
    if !there("docker") || !Path::new("/usr/sbin/dockerd").exists() {
        skipped("docker", TEST);
        return;
    }
    if !rustix::process::geteuid().is_root() {
        skipped("root", TEST);
        return;
    }
    for docker_registry in targets(TEST) {
        let mut desk = Desk::at(docker_registry, "docker").await;
        let _daemon = daemon(&mut desk).await;
        desk.sign_in("unauthorized").await;
        desk.there_and_back().await;
    }
}
