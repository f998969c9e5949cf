//! Names of Services: each gets a file in the folder that the name server follows, as long as it exists.

use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use mops_host::fsx;

use crate::private::scratch;

/// Events, one a line: what, namespace, name, address.
const WATCH: &str = "get services -A --watch --output-watch-events --no-headers -o \
                     custom-columns=EVENT:.type,NAMESPACE:.object.metadata.namespace,NAME:.object.metadata.name,\
                     ADDRESS:.object.spec.clusterIP";

/// Follows all Services with `kubectl`, for as long as that runs.
///
/// # Errors
/// When it cannot be started.
pub fn follow(kubectl: &Path, kubeconfig: &Path, names: PathBuf) -> io::Result<Child> {
    #[expect(clippy::disallowed_methods, reason = "its lines are read while it runs, which `proc` does not offer")]
    let mut command = std::process::Command::new(kubectl);
    command.arg("--kubeconfig").arg(kubeconfig).args(WATCH.split_whitespace());
    command.env_clear().env("HOME", scratch::folder());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let lines = child.stdout.take().map(BufReader::new);
    std::thread::spawn(move || {
        for line in lines.into_iter().flat_map(BufReader::lines).map_while(Result::ok) {
            if let Some((file, content)) = entry(&line) {
                // A name that cannot be written is missed by whoever asks for it, who says so better.
                let _ = fsx::replace(&names.join(file), content.as_bytes());
            }
        }
    });
    Ok(child)
}

/// The file of a Service and what is in it: nothing once it is deleted or when it has no address.
fn entry(line: &str) -> Option<(String, String)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [event, namespace, name, address] = words[..] else { return None };
    let lives = event != "DELETED" && address.parse::<std::net::IpAddr>().is_ok();
    let content = if lives { format!("{address} {name}.{namespace}.svc.cluster.local\n") } else { String::new() };
    Some((format!("{namespace}.{name}"), content))
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn a_service_has_a_name_as_long_as_it_lives() {
        let file = || "lab.dask-scheduler".to_owned();
        let named = "10.96.3.4 dask-scheduler.lab.svc.cluster.local\n".to_owned();
        assert_eq!(entry("ADDED      lab   dask-scheduler   10.96.3.4"), Some((file(), named)));
        for gone in ["DELETED lab dask-scheduler 10.96.3.4", "ADDED lab dask-scheduler None"] {
            assert_eq!(entry(gone), Some((file(), String::new())), "{gone}");
        }
        assert_eq!(entry("EVENT NAMESPACE"), None);
    }
}
