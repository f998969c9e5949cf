//! Promise: whoever speaks Pulumi's protocol with the stubs of its own SDK is understood and understands: the provider from
//! Handshake to SIGINT, secrets wrapped, a message of 20 MiB, what was made in part with its id, and the language of stack
//! files before an engine and a resource monitor of theirs (`pulumi_stubs.py`).

use std::path::Path;

use mops_tests::job::{Job, example};
use mops_tests::place::bin_dir;
use mops_tests::skip::skipped;
use mops_tests::tools::program;

use crate::sdks::shell;

#[tokio::test]
#[expect(clippy::print_stdout, reason = "how much was called belongs into the log")]
async fn the_stubs_of_pulumis_own_sdk_drive_both_plugins() {
    let Ok(python) = program("pulumi-python", "python") else { return skipped("pulumi", "the stubs of Pulumi's SDK") };
    let job = Job::of(&example("minimal/minimal.yaml")).await;
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let words = [
        python,
        tests.join("e2e/pulumi_stubs.py"),
        bin_dir(),
        tests.join("../examples/minimal/minimal.yaml"),
        tests.join("../schema/pulumi.schema.json"),
    ];
    let line: Vec<String> = words.iter().map(|word| format!("'{}'", word.display())).collect();
    let theirs = job.place.env.iter().filter(|(name, _)| name != "NO_PROXY");
    let mut env: Vec<(&str, String)> = theirs.map(|(name, value)| (name.as_str(), value.clone())).collect();
    // Theirs would go through the proxy of the cloud even to a plugin.
    env.push(("NO_PROXY", "127.0.0.1".to_owned()));
    let output = shell(job.place.path(), &env, &line.join(" ")).await;
    let printed = String::from_utf8_lossy(&output.stdout);
    print!("{printed}");
    assert!(printed.starts_with("stubs of the SDK calls="), "{printed}");
    assert_eq!((job.existing(), job.doubled()), (Vec::<String>::new(), Vec::new()));
}
