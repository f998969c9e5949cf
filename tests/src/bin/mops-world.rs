//! Runs a command in a private world, where Azure's own names lead to the sandbox.

use std::io::{Error, Read as _, Write as _};
use std::process::ExitCode;

use mops_tests::private::{cgroup, init, outside, steward};

const USAGE: &str = "\
mops-world: a machine inside the machine, where Azure's real names on port 443 lead to the sandbox

usage:
  mops-world run [--cluster] COMMAND WORDS…     run a command there; its exit code
                                                --cluster: with a real Kubernetes (KUBECONFIG names it)

Root has all of it; anybody else has names, trust and the cloud, where the kernel lets users make namespaces.

examples:
  mops-world run --cluster bash
  mops-world run mops infra up stack.yaml --yes
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match act(&words) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(3)
        }
    }
}

/// `init`, `serve` and `sweep` are what the program says to itself on the way in and behind the world.
fn act(words: &[String]) -> Result<u8, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match words {
        [verb, command @ ..] if verb == "run" && !command.is_empty() => outside::hold(command),
        [verb, rest @ ..] if verb == "init" => {
            let serve: Vec<String> = ["serve".to_owned()].into_iter().chain(rest.iter().cloned()).collect();
            runtime.block_on(init::run(&serve))
        }
        [verb, world, command @ ..] if verb == "serve" => runtime.block_on(steward::run(world, command)),
        [verb, world] if verb == "sweep" => {
            // The end of standard input is the end of who holds the world.
            std::io::stdin().read_to_end(&mut Vec::new())?;
            runtime.block_on(cgroup::sweep(world)).map(|()| 0)
        }
        _ => {
            std::io::stdout().write_all(USAGE.as_bytes())?;
            Ok(2)
        }
    }
}
