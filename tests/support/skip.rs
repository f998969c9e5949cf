//! A test that cannot run here says so where the count sees it: a skip is never silent and never a
//! pass, and what `MOPS_REQUIRE` names must be there (`tests`).

use std::io::Write as _;
use std::path::Path;

use mops_host::{Env, fsx};

/// What tests may lack, with the line that brings it. `MOPS_REQUIRE` knows these names and no others.
const COMPONENTS: &[(&str, &str)] = &[
    ("az", "make tools"),
    ("azure-data", "set MOPS_AZURE_DATA to a folder of recordings"),
    ("azurite", "make tools"),
    ("chromium", "sh tests/tools/debian.sh"),
    ("cluster", "make tools, then make e2e; MOPS_REFEREE_KUBECONFIG names any other cluster's administrator"),
    ("docker", "apt-get install --no-install-recommends docker.io"),
    ("failpoints", "make crash"),
    ("gestalt", "make e2e"),
    ("mounts", "run as root where `unshare -m` may mount"),
    ("podman", "apt-get install --no-install-recommends podman runc"),
    ("pulumi", "make tools"),
    ("registry", "apt-get install --no-install-recommends docker-registry apache2-utils"),
    ("root", "run as root"),
    ("script", "apt-get install --no-install-recommends bsdutils"),
    ("skopeo", "apt-get install --no-install-recommends skopeo"),
    ("slurm", "sh tests/tools/debian.sh, then as root where `unshare` may make namespaces"),
    ("sshd", "apt-get install --no-install-recommends openssh-server, then as root"),
    ("strace", "apt-get install --no-install-recommends strace, where tracing is allowed"),
    ("userns", "a kernel that lets users make namespaces: see user.max_user_namespaces"),
    ("world", "sh tests/tools/debian.sh, then as root where `unshare` may make namespaces"),
];

/// Records that `test` did not run for want of `component`; `make test` counts these.
///
/// # Panics
/// When `MOPS_REQUIRE` names the component or an unknown one, or when the component is unknown.
pub fn skipped(component: &str, test: &str) {
    let env = Env::process();
    let line = judge(component, test, env.get("MOPS_REQUIRE").unwrap_or_default());
    let line = line.unwrap_or_else(|why| panic!("{why}"));
    let Some(path) = env.get("MOPS_SKIPS") else { return };
    let mut file = fsx::append(Path::new(path)).expect("the list of skipped tests");
    writeln!(file, "{line}").expect("the list of skipped tests");
}

fn judge(component: &str, test: &str, required: &str) -> Result<String, String> {
    let required: Vec<&str> = required.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if let Some(unknown) = required.iter().find(|name| COMPONENTS.iter().all(|(known, _)| known != *name)) {
        return Err(format!("MOPS_REQUIRE names `{unknown}`, which no test knows"));
    }
    let known = COMPONENTS.iter().find(|(name, _)| *name == component);
    let (name, install) = known.ok_or_else(|| format!("`{component}` is not in the list of components"))?;
    if required.contains(name) {
        return Err(format!("`{test}` needs {name}, which MOPS_REQUIRE names: {install}"));
    }
    Ok(format!("skipped {test}: {name} ({install})"))
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn required_and_unknown_components_fail() {
        assert!(judge("strace", "t", "").unwrap().starts_with("skipped t: strace ("));
        assert!(judge("strace", "t", "registry").is_ok());
        for (component, required) in [("strace", "strace"), ("strace", "registry, strace"), ("strace", "x"), ("x", "")]
        {
            assert!(judge(component, "t", required).is_err(), "{component} {required}");
        }
    }
}
