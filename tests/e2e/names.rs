//! Promise: the commands and files of a user, with no test switch at all, work against Azure's own host names on port
//! 443, trust what the machine trusts, and reach nothing else.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use mops_host::proc::Command;
use mops_probe::Log;
use mops_probe::observation::check;
use mops_tests::job::{FILE, Job, example};
use mops_tests::place::bin_dir;
use mops_tests::private::address::REGISTRY;
use mops_tests::private::names::{ALIAS, EDGE};
use mops_tests::skip::skipped;
use mops_tests::tls::Authority;

fn job(path: &str, test: &str) -> Option<Job> {
    let job = Job::in_private_world(&example(path));
    if job.is_none() {
        skipped("world", test);
    }
    job
}

#[tokio::test]
async fn the_least_goes_up_and_down_under_azures_own_names() {
    let Some(job) = job("minimal/minimal.yaml", "the least under Azure's own names") else { return };
    assert!(job.place.env.iter().all(|(name, _)| name != "MOPS_CLOUD" && !name.ends_with("_PROXY")));
    job.up().await;
    job.nothing_to_do().await;
    for (fake, host) in [("arm", "management.azure.com"), ("entra", "login.microsoftonline.com")] {
        assert_eq!(job.hosts(fake), [host], "{fake}");
    }
    job.down_to_nothing().await;
}

#[tokio::test]
async fn a_name_that_answers_with_a_foreign_certificate_is_not_believed() {
    let Some(mut job) = job("minimal/minimal.yaml", "a foreign certificate under Azure's own names") else { return };
    job.place.write("roots.pem", Authority::new().pem());
    job.place.set("SSL_CERT_FILE", job.place.path().join("roots.pem").display().to_string());
    let output = job.run(&["mops", "infra", "preview", FILE]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.code, Some(3), "{said}");
    assert!(said.contains("login.microsoftonline.com") && said.contains("certificate"), "{said}");
    assert_eq!(job.existing(), Vec::<String>::new());
}

/// The probe as pods run it has the resolver of another way to link.
#[tokio::test]
async fn the_end_of_a_chain_of_aliases_is_told() {
    if job("minimal/minimal.yaml", "the end of a chain of aliases").is_none() {
        return;
    }
    for program in ["mops-probe", "mops-probe-static"] {
        let probe = Command {
            program: bin_dir().join(program).display().to_string(),
            args: Vec::new(),
            env: vec![("MOPS_PROBE_REGISTRY".into(), ALIAS.into()), ("MOPS_PROBE_RUN".into(), "7f3a".into())],
            stdin: None,
            timeout: Duration::from_secs(60),
            max_output: 1 << 20,
        };
        let said = String::from_utf8(probe.run().await.expect("it starts").stdout).expect("text");
        let told = Log::parse(&said).observations.into_iter().find(|seen| seen.check == check::NET_DNS);
        assert_eq!(told.expect(&said).detail, format!("{REGISTRY}, as `{EDGE}`"), "{program}");
    }
}

#[tokio::test]
async fn nothing_else_has_a_name_or_an_answer() {
    if job("minimal/minimal.yaml", "no way out of the world").is_none() {
        return;
    }
    for name in ["example.com", "index.crates.io", "graph.microsoft.com"] {
        assert!((name, 443).to_socket_addrs().is_err(), "{name} has an address");
    }
    let address = "1.1.1.1:443".parse().expect("an address");
    assert!(TcpStream::connect_timeout(&address, Duration::from_secs(10)).is_err(), "{address} answers");
}
