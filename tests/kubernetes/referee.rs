//! One suite for the fake and for a real API server; `golden/kubernetes.txt` is what the real one
//! answered (Kubernetes 1.34.4). `MOPS_REFEREE_KUBECONFIG` names the real one: an administrator's
//! kubeconfig for a server on this machine or in the private world, of which the namespaces `referee` and `referee-gone` are
//! made and removed. It needs the controllers of Kubernetes; `MOPS_REFEREE_ETCD` is `HOST:PORT` of its etcd, in clear.
//! `golden/kubernetes-nodes.txt` is asked of pods that run: the real one needs a node that has the images of the private
//! world. `golden/kubernetes-only.txt` holds what only the real one answers.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use mops_host::{Env, fsx};
use mops_tests::private::cluster::images::probe;
use mops_tests::skip::skipped;

use crate::referee::{fake, real};

#[path = "referee/access.rs"]
mod access;
#[path = "referee/applies.rs"]
mod applies;
#[path = "referee/commands.rs"]
mod commands;
#[path = "referee/differences.rs"]
mod differences;
#[path = "referee/etcd.rs"]
mod etcd;
#[path = "referee/history.rs"]
mod history;
#[path = "referee/lists.rs"]
mod lists;
#[path = "referee/objects.rs"]
mod objects;
#[path = "referee/only_real.rs"]
mod only_real;
#[path = "referee/plain.rs"]
mod plain;
#[path = "referee/running.rs"]
mod running;
#[path = "referee/seat.rs"]
mod seat;
#[path = "referee/secrets.rs"]
mod secrets;
#[path = "referee/terminal.rs"]
mod terminal;
#[path = "referee/workloads.rs"]
mod workloads;

use seat::Seat;

const GOLDEN: &str = "kubernetes.txt";
const NODES: &str = "kubernetes-nodes.txt";
const ONLY_REAL: &str = "kubernetes-only.txt";

async fn transcript(mut seat: Seat) -> String {
    seat.open().await;
    objects::run(&mut seat).await;
    applies::run(&mut seat).await;
    secrets::run(&mut seat).await;
    lists::run(&mut seat).await;
    history::run(&mut seat).await;
    workloads::run(&mut seat).await;
    access::run(&mut seat).await;
    seat.close().await
}

/// What is asked of pods that run.
async fn of_nodes(mut seat: Seat) -> String {
    seat.open().await;
    running::run(&mut seat).await;
    commands::run(&mut seat).await;
    seat.close().await
}

#[tokio::test]
async fn the_api_server_answers_as_it_was_written_down() {
    let Some(kubeconfig) = Env::process().get("MOPS_REFEREE_KUBECONFIG").map(ToOwned::to_owned) else {
        skipped("cluster", "the Kubernetes suite at a real API server");
        return;
    };
    real(GOLDEN, &transcript(Seat::at_real(&kubeconfig)).await);
    real(NODES, &of_nodes(Seat::at_real(&kubeconfig)).await);
    let mut seat = Seat::at_real(&kubeconfig);
    seat.open().await;
    only_real::run(&mut seat).await;
    real(ONLY_REAL, &seat.close().await);
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "counts and differences are printed")]
async fn the_fake_answers_like_the_api_server() {
    println!("{}", fake(GOLDEN, &transcript(Seat::at_fake()).await, differences::DIFFERENCES));
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "counts and differences are printed")]
async fn pods_of_the_fake_run_like_real_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("mops-probe");
    fsx::replace(&program, probe("/bin/sh").as_bytes()).expect("written");
    std::fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("our own file");
    println!("{}", fake(NODES, &of_nodes(Seat::at_fake_with_a_node(&program)).await, differences::OF_NODES));
}
