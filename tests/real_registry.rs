//! Promise: the registry fake shows its clients what docker-registry shows them. One suite asks both;
//! `golden/registry.txt` is what docker-registry 2.8.2 answered. Where ACR differs, `differences`
//! says so by name.

#![expect(clippy::print_stdout, reason = "counts and differences are printed")]

use mops_tests::real::docker_registry::installed;
use mops_tests::skip::skipped;

use crate::referee;

#[path = "real_registry/basic.rs"]
mod basic;
#[path = "real_registry/challenges.rs"]
mod challenges;
#[path = "real_registry/clients.rs"]
mod clients;
#[path = "real_registry/content.rs"]
mod content;
#[path = "real_registry/differences.rs"]
mod differences;
#[path = "real_registry/lists.rs"]
mod lists;
#[path = "real_registry/seat.rs"]
mod seat;
#[path = "real_registry/uploads.rs"]
mod uploads;

const GOLDEN: &str = "registry.txt";

async fn transcript(docker_registry: bool) -> String {
    let mut seat = seat::Seat::at(docker_registry).await;
    challenges::run(&mut seat).await;
    content::run(&mut seat).await;
    uploads::run(&mut seat).await;
    lists::run(&mut seat).await;
    seat.seen()
}

#[tokio::test]
async fn docker_registry_answers_as_it_was_written_down() {
    if !installed() {
        skipped("registry", "the registry suite at docker-registry");
        return;
    }
    referee::real(GOLDEN, &transcript(true).await);
}

#[tokio::test]
async fn the_fake_answers_like_docker_registry() {
    println!("{}", referee::fake(GOLDEN, &transcript(false).await, differences::DIFFERENCES));
}
